/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server.c - logging in at a back end in somebody's name.
 *
 * To an IMAP server the client's own tag is said, so that its verdict can be
 * handed on as it is.
 */
#include "mail/text.h"

#define LINES 100 /* that a server may say before its verdict */

void mail_server_init(struct mail_server *m, enum mail_protocol protocol)
{
	*m = (struct mail_server){ .protocol = protocol };
}

static enum mail_turn broken(struct mail_server *m, const char *why)
{
	m->why = why;
	return MAIL_BROKEN;
}

static enum mail_turn expect(struct mail_server *m, enum mail_expect what)
{
	m->expect = what;
	m->told |= what == MAIL_EXPECT_VERDICT;
	return MAIL_GO_ON;
}

/* USER and PASS, LOGIN with strings: the oldest way, and every server knows
 * it. Somebody else's mailbox, and what is not ASCII in POP, only PLAIN can
 * say. */
static bool needs_plain(const struct mail_server *m, const struct mail_login *l)
{
	return l->acts_as[0] ||
	       (m->protocol == MAIL_POP &&
		(!text_is_ascii(l->user) || !text_is_ascii(l->password)));
}

static bool has_word(struct bytes line, const char *word)
{
	for (size_t i = 0; i + strlen(word) <= line.n; i++)
		if (bytes_istarts(bytes_from(line, i), BYTES(word)))
			return true;
	return false;
}

/* A quoted string, or the announcement of a literal: then false. */
static bool put_string(struct bytes_writer *w, const char *s)
{
	if (!text_is_ascii(s)) {
		bytes_putf(w, "{%zu}\r\n", strlen(s));
		return false;
	}
	bytes_putf(w, "\"");
	for (; *s; s++)
		bytes_putf(w, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
	bytes_putf(w, "\"");
	return true;
}

/* --- what is said next ------------------------------------------------ */

static enum mail_turn say_password(struct mail_server *m,
				   const struct mail_login *l,
				   struct bytes_writer *back)
{
	bytes_putf(back, " ");
	if (!put_string(back, l->password))
		return expect(m, MAIL_EXPECT_PASSWORD);
	bytes_putf(back, "\r\n");
	return expect(m, MAIL_EXPECT_VERDICT);
}

static enum mail_turn begin_imap(struct mail_server *m,
				 const struct mail_login *l, bool plain,
				 struct bytes_writer *back)
{
	if (plain) {
		bytes_putf(back, "%s AUTHENTICATE PLAIN\r\n", l->tag);
		return expect(m, MAIL_EXPECT_CHALLENGE);
	}
	bytes_putf(back, "%s LOGIN ", l->tag);
	if (!put_string(back, l->user))
		return expect(m, MAIL_EXPECT_USER);
	return say_password(m, l, back);
}

static enum mail_turn begin_pop(struct mail_server *m,
				const struct mail_login *l, bool plain,
				struct bytes_writer *back)
{
	if (plain) {
		bytes_putf(back, "AUTH PLAIN\r\n");
		return expect(m, MAIL_EXPECT_CHALLENGE);
	}
	bytes_putf(back, "USER %s\r\n", l->user);
	return expect(m, MAIL_EXPECT_USER);
}

/* It wants to hear more. */
static enum mail_turn go_on(struct mail_server *m, const struct mail_login *l,
			    struct bytes_writer *back)
{
	switch (m->expect) {
	case MAIL_EXPECT_USER:
		if (m->protocol == MAIL_IMAP) {
			bytes_put(back, BYTES(l->user));
			return say_password(m, l, back);
		}
		bytes_putf(back, "PASS %s\r\n", l->password);
		return expect(m, MAIL_EXPECT_VERDICT);
	case MAIL_EXPECT_PASSWORD:
		bytes_putf(back, "%s\r\n", l->password);
		return expect(m, MAIL_EXPECT_VERDICT);
	case MAIL_EXPECT_CHALLENGE:
		put_plain(back, l);
		return expect(m, MAIL_EXPECT_VERDICT);
	case MAIL_EXPECT_GREETING:
	case MAIL_EXPECT_VERDICT:
		break;
	}
	return broken(m, "asks for more in the middle of a login");
}

/* --- what it said ----------------------------------------------------- */

static void pass_on(struct bytes line, struct bytes_writer *client)
{
	bytes_put(client, line);
	bytes_putf(client, "\r\n");
}

static enum mail_turn pop_line(struct mail_server *m,
			       const struct mail_login *l, struct bytes line,
			       struct bytes_writer *back,
			       struct bytes_writer *client)
{
	bool ok = bytes_istarts(line, BYTES("+OK"));

	if (m->expect == MAIL_EXPECT_GREETING)
		return ok ? begin_pop(m, l, needs_plain(m, l), back)
			  : broken(m, "has a POP3 service that is not ready");
	if (m->expect == MAIL_EXPECT_CHALLENGE && !ok &&
	    bytes_istarts(line, BYTES("+")))
		return go_on(m, l, back);
	if (ok && m->expect == MAIL_EXPECT_USER)
		return go_on(m, l, back);
	if (!ok && !bytes_istarts(line, BYTES("-ERR")))
		return broken(m, "does not speak POP3");
	if (ok && m->expect != MAIL_EXPECT_VERDICT)
		return broken(m, "accepts a login that it has not heard");
	pass_on(line, client);
	return ok ? MAIL_ACCEPTED : MAIL_DENIED;
}

static enum mail_turn imap_greeting(struct mail_server *m,
				    const struct mail_login *l,
				    struct bytes line,
				    struct bytes_writer *back)
{
	/* PREAUTH would be somebody's mailbox, but whose? */
	if (!bytes_istarts(line, BYTES("* OK")))
		return broken(m, "has an IMAP4 service that is not ready");
	return begin_imap(m, l,
			  needs_plain(m, l) || has_word(line, "LOGINDISABLED"),
			  back);
}

static enum mail_turn imap_verdict(struct mail_server *m, struct bytes line,
				   struct bytes words,
				   struct bytes_writer *client)
{
	bool ok = bytes_istarts(words, BYTES("OK"));

	if (!ok && !bytes_istarts(words, BYTES("NO")) &&
	    !bytes_istarts(words, BYTES("BAD")))
		return broken(m, "does not speak IMAP4");
	if (ok && m->expect != MAIL_EXPECT_VERDICT)
		return broken(m, "accepts a login that it has not heard");
	pass_on(line, client);
	return ok ? MAIL_ACCEPTED : MAIL_DENIED;
}

static enum mail_turn imap_line(struct mail_server *m,
				const struct mail_login *l, struct bytes line,
				struct bytes_writer *back,
				struct bytes_writer *client)
{
	struct bytes words = line, first;

	if (m->expect == MAIL_EXPECT_GREETING)
		return imap_greeting(m, l, line, back);
	if (bytes_istarts(line, BYTES("+")))
		return go_on(m, l, back);
	first = bytes_cut(&words, ' ');
	if (bytes_eq(first, BYTES(l->tag)))
		return imap_verdict(m, line, words, client);
	if (!bytes_eq(first, BYTES("*")))
		return broken(m, "does not speak IMAP4");
	if (bytes_istarts(words, BYTES("BYE")))
		return broken(m, "ended the connection during the login");
	pass_on(line, client);
	return MAIL_GO_ON;
}

enum mail_turn mail_server_next(struct mail_server *m,
				const struct mail_login *l, struct bytes in,
				size_t *used, struct bytes_writer *back,
				struct bytes_writer *client)
{
	size_t end = bytes_find(bytes_upto(in, MAIL_COMMAND), '\n');
	struct bytes line;
	enum mail_turn turn;

	*used = 0;
	if (end == min(in.n, (size_t)MAIL_COMMAND))
		return in.n >= MAIL_COMMAND
			       ? broken(m, "sends a line without an end")
			       : MAIL_MORE;
	if (++m->lines > LINES)
		return broken(m, "says a lot, but nothing about the login");
	line = text_line(bytes_upto(in, end + 1));
	if (!text_is_clean(line))
		return broken(m, "sends what is no text");
	turn = m->protocol == MAIL_POP ? pop_line(m, l, line, back, client)
				       : imap_line(m, l, line, back, client);
	if (turn != MAIL_BROKEN)
		*used = end + 1;
	return turn;
}
