/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_mail.c - two dialogues of a login: whatever is said, and however it is
 * cut, the outcome is one, and no name or password gets out of its place.
 *
 * The first byte says which protocol, which side and whether TLS is there, the
 * second how the rest is cut. What a client said and was taken for a login is
 * told to a server that says yes to everything; to a server's words, the login
 * is the text before the first line.
 */
#include <stdio.h>
#include <stdlib.h>

#include "mail/mail.h"

#define MUST(x)                                                                \
	do {                                                                   \
		if (!(x)) {                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__,     \
				#x);                                           \
			abort();                                               \
		}                                                              \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	uint64_t said, told; /* hashes of all answers */
	enum mail_turn turn;
	size_t used;
	struct mail_client c;
	struct mail_server m;
};

static uint64_t mix(uint64_t h, const struct bytes_writer *w)
{
	MUST(!w->overflow);
	for (size_t i = 0; i < w->n; i++)
		h = (h ^ w->p[i]) * 1099511628211U;
	return h;
}

static bool holds_line_end(const char *s)
{
	for (; *s; s++)
		if (*(const uint8_t *)s < ' ' || *s == 0x7f)
			return true;
	return false;
}

static void check_text(const struct mail_login *l)
{
	MUST(l->user[0] && l->password[0]);
	MUST(!holds_line_end(l->user) && !holds_line_end(l->password) &&
	     !holds_line_end(l->acts_as) && !holds_line_end(l->tag));
}

/* --- clients ---------------------------------------------------------- */

/* Answers are whole lines. */
static void check_lines(const struct bytes_writer *w)
{
	MUST(!w->n ||
	     (w->n >= 2 && w->p[w->n - 2] == '\r' && w->p[w->n - 1] == '\n'));
}

static void hear(struct outcome *o, struct bytes in, size_t to)
{
	uint8_t room[MAIL_ANSWER];

	do {
		struct bytes_writer w = { room, 0, sizeof(room), false };
		size_t used;

		o->turn = mail_client_next(
			&o->c, bytes_from(bytes_upto(in, to), o->used), &used,
			&w);
		MUST(used <= to - o->used);
		check_lines(&w);
		o->used += used;
		o->said = mix(o->said, &w);
	} while (o->turn == MAIL_GO_ON);
	MUST(o->turn != MAIL_MORE || to - o->used <= MAIL_COMMAND);
}

/* Our own words are one line, whatever the tag was. */
static void say_all(struct mail_client *c)
{
	uint8_t room[4 * MAIL_ANSWER];
	struct bytes_writer w = { room, 0, sizeof(room), false };
	unsigned lines = 0;

	mail_client_greet(c, &w);
	mail_client_unavailable(c, "why", &w);
	mail_client_bye(c, "why", &w);
	check_lines(&w);
	for (size_t i = 0; i < w.n; i++)
		lines += w.p[i] == '\n';
	MUST(!w.overflow && lines == 3);
	MUST(mail_client_denied(c) == (c->failures >= MAIL_FAILURES));
	mail_client_secured(c);
	MUST(c->secure && !c->login.password[0]);
}

static struct outcome client(enum mail_protocol protocol, bool secure,
			     struct bytes in, uint8_t step)
{
	struct outcome o = { 0 };
	size_t to = step ? 0 : in.n;

	mail_client_init(&o.c, protocol, secure);
	for (;;) {
		hear(&o, in, to);
		if (o.turn != MAIL_MORE || to == in.n)
			return o;
		to = min(in.n, to + step);
	}
}

/* --- servers ---------------------------------------------------------- */

static struct outcome server(enum mail_protocol protocol,
			     const struct mail_login *l, struct bytes in,
			     uint8_t step)
{
	static uint8_t back[MAIL_RELAYED], said[MAIL_RELAYED];
	struct outcome o = { 0 };
	size_t to = step ? 0 : in.n;

	mail_server_init(&o.m, protocol);
	for (;;) {
		struct bytes_writer b = { back, 0, sizeof(back), false };
		struct bytes_writer c = { said, 0, sizeof(said), false };
		size_t used;

		o.turn = mail_server_next(
			&o.m, l, bytes_from(bytes_upto(in, to), o.used), &used,
			&b, &c);
		o.used += used;
		check_lines(&c);
		o.told = mix(o.told, &b);
		o.said = mix(o.said, &c);
		MUST(o.turn != MAIL_ACCEPTED || o.m.told);
		MUST((o.turn == MAIL_BROKEN) == (o.m.why != NULL));
		if (o.turn == MAIL_GO_ON)
			continue;
		if (o.turn != MAIL_MORE || to == in.n)
			return o;
		to = min(in.n, to + step);
	}
}

/* A server that asks for all there is. */
static void replay(enum mail_protocol protocol, const struct mail_login *l)
{
	static uint8_t back[MAIL_RELAYED], said[MAIL_RELAYED];
	struct mail_server m;
	unsigned line = 0, lines = 0;

	mail_server_init(&m, protocol);
	while (!m.told) {
		struct bytes_writer b = { back, 0, sizeof(back), false };
		struct bytes_writer c = { said, 0, sizeof(said), false };
		const char *text = line ? "+ go\r\n" : "* OK x\r\n";
		size_t used;

		if (protocol == MAIL_POP)
			text = m.expect == MAIL_EXPECT_CHALLENGE ? "+ \r\n"
								 : "+OK\r\n";
		line++;
		MUST(line < 6);
		MUST(mail_server_next(&m, l, BYTES(text), &used, &b, &c) ==
		     MAIL_GO_ON);
		/* It is told one line a turn. */
		MUST(!b.overflow && b.n >= 2 && b.p[b.n - 1] == '\n' &&
		     b.p[b.n - 2] == '\r');
		for (size_t i = 0; i < b.n; i++)
			lines += b.p[i] == '\n' || b.p[i] == '\r';
		MUST(lines == 2 * line);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mail_login l = { .tag = "a" };
	struct bytes in = { data + 2, size - 2 }, user, word;
	enum mail_protocol protocol;
	struct outcome one, many;

	if (size < 2)
		return 0;
	protocol = data[0] & 1 ? MAIL_IMAP : MAIL_POP;
	if (data[0] & 2) {
		one = client(protocol, data[0] & 4, in, 0);
		many = client(protocol, data[0] & 4, in, data[1]);
		/* Whether it is an injection only one piece can tell. */
		if (one.turn == MAIL_INJECTED || many.turn == MAIL_INJECTED)
			return 0;
		MUST(one.turn != MAIL_LOGIN || one.c.secure);
		if (one.turn == MAIL_LOGIN) {
			check_text(&one.c.login);
			replay(protocol, &one.c.login);
		}
		MUST(!memcmp(&one.c.login, &many.c.login, sizeof(l)));
		say_all(&one.c);
	} else {
		word = bytes_cut(&in, '\n');
		user = bytes_cut(&word, ' ');
		if (data[0] & 4 && !bytes_str(bytes_cut(&word, ' '), l.acts_as,
					      sizeof(l.acts_as)))
			return 0;
		if (!bytes_str(user, l.user, sizeof(l.user)) ||
		    !bytes_str(word, l.password, sizeof(l.password)))
			return 0;
		one = server(protocol, &l, in, 0);
		many = server(protocol, &l, in, data[1]);
		MUST(one.told == many.told);
	}
	MUST(one.turn == many.turn && one.used == many.used &&
	     one.said == many.said);
	return 0;
}
