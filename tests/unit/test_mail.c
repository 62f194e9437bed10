/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_mail.c - logins: one row is one dialogue, and what comes of it is the
 * same however the bytes are cut.
 */
#include "mail/mail.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#define POP MAIL_POP
#define IMAP MAIL_IMAP
#define PLAIN false
#define TLS true

struct outcome {
	char out[32768], back[8192];
	size_t n, n_back;
	enum mail_turn turn;
	struct mail_login login;
};

static struct outcome whole, cut;

static void append(char *dst, size_t *n, size_t cap,
		   const struct bytes_writer *w)
{
	assert_false(w->overflow);
	assert_true(*n + w->n < cap);
	memcpy(dst + *n, w->p, w->n);
	*n += w->n;
	dst[*n] = '\0';
}

/* --- clients ---------------------------------------------------------- */

struct client_row {
	enum mail_protocol protocol;
	bool secure;
	const char *in, *out; /* behind the greeting */
	enum mail_turn turn;
	const char *login; /* "user password", or "acts_as user password" */
};

/* As far as it goes with in[*from..to). */
static void hear(struct mail_client *c, struct bytes in, size_t *from,
		 size_t to, struct outcome *o)
{
	uint8_t room[MAIL_ANSWER];

	do {
		struct bytes_writer w = { room, 0, sizeof(room), false };
		size_t used;

		o->turn = mail_client_next(
			c, bytes_from(bytes_upto(in, to), *from), &used, &w);
		assert_true(used <= to - *from);
		*from += used;
		if (o->turn != MAIL_INJECTED)
			append(o->out, &o->n, sizeof(o->out), &w);
	} while (o->turn == MAIL_GO_ON);
}

static void talk(const struct client_row *r, size_t first, size_t step,
		 struct outcome *o)
{
	struct bytes in = BYTES(r->in);
	struct mail_client c;
	size_t from = 0, to = min(first, in.n);

	*o = (struct outcome){ 0 };
	mail_client_init(&c, r->protocol, r->secure);
	for (;;) {
		hear(&c, in, &from, to, o);
		if (o->turn != MAIL_MORE || to == in.n)
			break;
		to = min(to + step, in.n);
	}
	o->login = c.login;
}

static void check_login(const struct client_row *r, const struct outcome *o)
{
	char text[1200];

	if (!r->login)
		return;
	snprintf(text, sizeof(text), "%s%s%s %s", o->login.acts_as,
		 o->login.acts_as[0] ? " " : "", o->login.user,
		 o->login.password);
	assert_string_equal(text, r->login);
}

static void check_client(const struct client_row *r, size_t first, size_t step)
{
	talk(r, first, step, &cut);
	if (cut.turn != r->turn || strcmp(cut.out, r->out))
		fail_msg("`%s' cut at %zu by %zu: turn %d, answer `%s', not "
			 "%d, `%s'",
			 r->in, first, step, cut.turn, cut.out, r->turn,
			 r->out);
	check_login(r, &cut);
}

static void check_clients(const struct client_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(rows[i].in);

		for (size_t first = 0; first <= len; first++)
			check_client(&rows[i], first, len);
		check_client(&rows[i], 0, 1);
	}
}

#define NTLM                                                                   \
	"Only PLAIN, or LOGIN: a login by NTLM or Kerberos belongs to one "    \
	"connection and cannot be carried on.\r\n"
#define NEED_TLS "Nothing secret is read before TLS: use "
#define LITERAL "+ Ready for the rest.\r\n"

static void imap_clients(void **state)
{
	static const struct client_row rows[] = {
		{ IMAP, TLS, "a LOGIN bob secret\r\n", "", MAIL_LOGIN,
		  "bob secret" },
		{ IMAP, TLS, "a login bob secret\n", "", MAIL_LOGIN,
		  "bob secret" },
		{ IMAP, TLS, "a LOGIN \"bob\" \"a \\\"b\\\\c\"\r\n", "",
		  MAIL_LOGIN, "bob a \"b\\c" },
		{ IMAP, TLS, "a LOGIN CONTOSO\\bob p%*]\r\n", "", MAIL_LOGIN,
		  "CONTOSO\\bob p%*]" },
		{ IMAP, TLS, "a LOGIN contoso/bob/shared p\r\n", "", MAIL_LOGIN,
		  "contoso/bob/shared p" },
		{ IMAP, TLS, "a LOGIN {3}\r\nbob {6}\r\nsecret\r\n",
		  LITERAL LITERAL, MAIL_LOGIN, "bob secret" },
		{ IMAP, TLS, "a LOGIN {3+}\r\nbob {6+}\r\nsecret\r\n", "",
		  MAIL_LOGIN, "bob secret" },
		{ IMAP, TLS,
		  "a LOGIN bob {11+}\r\npass\xc3\xa4 w\xc3\xb6rd\r\n",
		  "a BAD LOGIN needs a user name and a password.\r\n",
		  MAIL_MORE },
		{ IMAP, TLS,
		  "a LOGIN bob {12+}\r\npass\xc3\xa4 w\xc3\xb6rd\r\n", "",
		  MAIL_LOGIN, "bob pass\xc3\xa4 w\xc3\xb6rd" },
		/* what is behind stays: it may be for the server */
		{ IMAP, TLS, "a LOGIN b c\r\nb SELECT INBOX\r\n", "",
		  MAIL_LOGIN, "b c" },
		{ IMAP, TLS, "a AUTHENTICATE PLAIN AGJvYgBzZWNyZXQ=\r\n", "",
		  MAIL_LOGIN, "bob secret" },
		{ IMAP, TLS, "a AUTHENTICATE plain\r\nAGJvYgBzZWNyZXQ=\r\n",
		  "+ \r\n", MAIL_LOGIN, "bob secret" },
		{ IMAP, TLS,
		  "a AUTHENTICATE PLAIN c2hhcmVkAGJvYgBzZWNyZXQ=\r\n", "",
		  MAIL_LOGIN, "shared bob secret" },
		{ IMAP, TLS, "a AUTHENTICATE PLAIN Ym9iAGJvYgBzZWNyZXQ=\r\n",
		  "", MAIL_LOGIN, "bob secret" },
		{ IMAP, TLS, "a AUTHENTICATE PLAIN\r\n*\r\nb NOOP\r\n",
		  "+ \r\na BAD Cancelled.\r\nb OK NOOP completed.\r\n",
		  MAIL_MORE },
		{ IMAP, TLS, "a AUTHENTICATE PLAIN !\r\n",
		  "a BAD That is no PLAIN message in base64.\r\n", MAIL_MORE },
		{ IMAP, TLS, "a AUTHENTICATE NTLM\r\n", "a NO [CANNOT] " NTLM,
		  MAIL_MORE },
		{ IMAP, TLS, "a AUTHENTICATE GSSAPI YII=\r\n",
		  "a NO [CANNOT] " NTLM, MAIL_MORE },
		{ IMAP, TLS, "a AUTHENTICATE\r\n", "a NO [CANNOT] " NTLM,
		  MAIL_MORE },
		{ IMAP, TLS, "a CAPABILITY\r\nb LOGOUT\r\n",
		  "* CAPABILITY IMAP4 IMAP4rev1 IDLE NAMESPACE LITERAL+ "
		  "AUTH=PLAIN SASL-IR\r\na OK CAPABILITY completed.\r\n"
		  "* BYE Good-bye.\r\nb OK LOGOUT completed.\r\n",
		  MAIL_BYE },
		{ IMAP, TLS, "a ID (\"name\" {5}\r\nx y z \"v\" NIL)\r\n",
		  LITERAL "* ID NIL\r\na OK ID completed.\r\n", MAIL_MORE },
		{ IMAP, TLS, "a STARTTLS\r\n",
		  "a BAD TLS is there already.\r\n", MAIL_MORE },
		{ IMAP, TLS, "a SELECT INBOX\r\nb\r\nc FETCH 1 x\r\n",
		  "a BAD Log in first.\r\nb BAD Log in first.\r\n"
		  "c BAD Log in first.\r\n",
		  MAIL_MORE },
		{ IMAP, TLS, "a APPEND x {9999999999}\r\n",
		  "* BYE The command is too long.\r\n", MAIL_REFUSED },
		{ IMAP, TLS, "a APPEND x {20}\r\nb NOOP\r\n",
		  "a BAD There is no use for a literal.\r\n"
		  "b OK NOOP completed.\r\n",
		  MAIL_MORE },
		{ IMAP, TLS, "a APPEND x {20+}\r\nb NOOP\r\n",
		  "a BAD There is no use for a literal.\r\n", MAIL_REFUSED },
		{ IMAP, TLS, "\r\n+ NOOP\r\na* NOOP\r\n(x) NOOP\r\n",
		  "* BAD A command begins with a tag.\r\n"
		  "* BAD A command begins with a tag.\r\n"
		  "* BAD A command begins with a tag.\r\n"
		  "* BAD A command begins with a tag.\r\n",
		  MAIL_MORE },
		{ IMAP, TLS, "a LOGIN bob\r\n",
		  "a BAD LOGIN needs a user name and a password.\r\n",
		  MAIL_MORE },
		{ IMAP, TLS, "a LOGIN \"\" x\r\n",
		  "a BAD LOGIN needs a user name and a password.\r\n",
		  MAIL_MORE },
		{ IMAP, TLS, "a LOGIN b c d\r\n",
		  "a BAD LOGIN needs a user name and a password.\r\n",
		  MAIL_MORE },
		/* no line end gets in, whatever it is wrapped in */
		{ IMAP, TLS, "a LOGIN bob {8+}\r\nx\r\nb FOO\r\n",
		  "a BAD LOGIN needs a user name and a password.\r\n",
		  MAIL_MORE },
		{ IMAP, TLS, "a LOGIN bob \"x\ry\"\r\n",
		  "* BYE That is not text.\r\n", MAIL_REFUSED },
		{ IMAP, TLS, "a LOGIN bob x\x01", "* BYE That is not text.\r\n",
		  MAIL_REFUSED },
		{ IMAP, TLS, "a LOGIN bob \xe4\r\n",
		  "* BYE That is not text.\r\n", MAIL_REFUSED },
	};

	check_clients(rows, ARRAY_LEN(rows));
}

static void imap_before_tls(void **state)
{
	static const struct client_row rows[] = {
		{ IMAP, PLAIN, "a CAPABILITY\r\n",
		  "* CAPABILITY IMAP4 IMAP4rev1 IDLE NAMESPACE LITERAL+ "
		  "STARTTLS LOGINDISABLED\r\na OK CAPABILITY completed.\r\n",
		  MAIL_MORE },
		{ IMAP, PLAIN, "a LOGIN bob secret\r\n",
		  "a NO [PRIVACYREQUIRED] " NEED_TLS "STARTTLS first.\r\n",
		  MAIL_MORE },
		{ IMAP, PLAIN, "a LOGIN {3}\r\nb STARTTLS\r\n",
		  "a NO [PRIVACYREQUIRED] " NEED_TLS "STARTTLS first.\r\n"
		  "b OK Begin TLS negotiation now.\r\n",
		  MAIL_TLS },
		{ IMAP, PLAIN, "a LOGIN {3+}\r\nbob x\r\n",
		  "a NO [PRIVACYREQUIRED] " NEED_TLS "STARTTLS first.\r\n",
		  MAIL_REFUSED },
		{ IMAP, PLAIN, "a AUTHENTICATE PLAIN AGJvYgBzZWNyZXQ=\r\n",
		  "a NO [PRIVACYREQUIRED] " NEED_TLS "STARTTLS first.\r\n",
		  MAIL_MORE },
		{ IMAP, PLAIN, "a STARTTLS\r\n",
		  "a OK Begin TLS negotiation now.\r\n", MAIL_TLS },
		{ IMAP, PLAIN, "a STARTTLS x\r\n", "a BAD Log in first.\r\n",
		  MAIL_MORE },
		/* a ClientHello on the wrong port */
		{ IMAP, PLAIN, "\x16\x03\x01", "* BYE That is not text.\r\n",
		  MAIL_REFUSED },
	};

	check_clients(rows, ARRAY_LEN(rows));
}

static void pop_clients(void **state)
{
	static const struct client_row rows[] = {
		{ POP, TLS, "USER bob\r\nPASS secret\r\n", "+OK\r\n",
		  MAIL_LOGIN, "bob secret" },
		{ POP, TLS, "user bob\npass  two words \n", "+OK\r\n",
		  MAIL_LOGIN, "bob  two words " },
		{ POP, TLS, "AUTH PLAIN AGJvYgBzZWNyZXQ=\r\n", "", MAIL_LOGIN,
		  "bob secret" },
		{ POP, TLS, "AUTH PLAIN\r\nAGJvYgBzZWNyZXQ=\r\n", "+ \r\n",
		  MAIL_LOGIN, "bob secret" },
		{ POP, TLS, "AUTH PLAIN\r\n*\r\n", "+ \r\n-ERR Cancelled.\r\n",
		  MAIL_MORE },
		{ POP, TLS, "AUTH PLAIN AGJvYg==\r\n",
		  "-ERR That is no PLAIN message in base64.\r\n", MAIL_MORE },
		/* a NUL, and a line feed, in the password */
		{ POP, TLS, "AUTH PLAIN AGJvYgBhAGI=\r\n",
		  "-ERR That is no PLAIN message in base64.\r\n", MAIL_MORE },
		{ POP, TLS, "AUTH PLAIN AGJvYgBhCmI=\r\n",
		  "-ERR That is no PLAIN message in base64.\r\n", MAIL_MORE },
		{ POP, TLS, "AUTH NTLM\r\n",
		  "-ERR Only PLAIN, or USER and PASS: a login by NTLM or "
		  "Kerberos belongs to one connection and cannot be carried "
		  "on.\r\n",
		  MAIL_MORE },
		{ POP, TLS, "AUTH\r\n", "+OK\r\nPLAIN\r\n.\r\n", MAIL_MORE },
		{ POP, TLS, "CAPA\r\n",
		  "+OK\r\nTOP\r\nUIDL\r\nUSER\r\nSASL PLAIN\r\nRESP-CODES\r\n"
		  ".\r\n",
		  MAIL_MORE },
		{ POP, TLS, "PASS x\r\nUSER\r\nUSER a\r\nPASS\r\nSTLS\r\n",
		  "-ERR USER comes first.\r\n-ERR That is no user name.\r\n"
		  "+OK\r\n-ERR That is no password.\r\n"
		  "-ERR TLS is there already.\r\n",
		  MAIL_MORE },
		{ POP, TLS, "NOOP\r\nSTAT\r\nQUIT\r\n",
		  "+OK\r\n-ERR Log in first.\r\n+OK Good-bye.\r\n", MAIL_BYE },
		{ POP, TLS, "USER a\rb\r\n", "-ERR That is not text.\r\n",
		  MAIL_REFUSED },
		{ POP, PLAIN, "CAPA\r\nAUTH\r\n",
		  "+OK\r\nTOP\r\nUIDL\r\nSTLS\r\nRESP-CODES\r\n.\r\n"
		  "+OK\r\n.\r\n",
		  MAIL_MORE },
		{ POP, PLAIN, "USER bob\r\nPASS x\r\nAUTH PLAIN\r\nSTLS\r\n",
		  "-ERR " NEED_TLS "STLS first.\r\n"
		  "-ERR " NEED_TLS "STLS first.\r\n"
		  "-ERR " NEED_TLS "STLS first.\r\n"
		  "+OK Begin TLS negotiation now.\r\n",
		  MAIL_TLS },
	};

	check_clients(rows, ARRAY_LEN(rows));
}

/* What stands behind STARTTLS in one piece with it was not said by who will
 * speak TLS. */
static void injected(void **state)
{
	static const struct client_row rows[] = {
		{ IMAP, PLAIN, "a STARTTLS\r\nb LOGIN x y\r\n" },
		{ IMAP, PLAIN, "a STARTTLS\r\n\x16" },
		{ POP, PLAIN, "STLS\r\nUSER x\r\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		talk(&rows[i], strlen(rows[i].in), 1, &whole);
		assert_int_equal(whole.turn, MAIL_INJECTED);
		assert_int_equal(whole.n, 0);
	}
}

/* Each bound, and one more. */
static void bounds(void **state)
{
	static char text[MAIL_COMMAND + 64];
	struct client_row r = { IMAP, TLS, text, NULL, MAIL_REFUSED };
	size_t n;

	for (unsigned commands = 20; commands <= 21; commands++) {
		for (unsigned i = 0; i < commands; i++)
			strcpy(text + 8 * i, "a NOOP\r\n");
		talk(&r, SIZE_MAX, 1, &whole);
		assert_int_equal(whole.turn,
				 commands > 20 ? MAIL_REFUSED : MAIL_MORE);
	}
	for (unsigned more = 0; more < 3; more++) {
		n = (size_t)sprintf(text, "a X %0*d",
				    MAIL_COMMAND - 6 + (int)more, 0);
		strcpy(text + n, "\r\n");
		talk(&r, SIZE_MAX, 1, &whole);
		assert_int_equal(whole.turn, more ? MAIL_REFUSED : MAIL_MORE);
		text[n] = '\0';
		talk(&r, SIZE_MAX, 1, &cut);
		assert_int_equal(cut.turn, MAIL_MORE);
	}
	memset(text, 'x', MAIL_COMMAND + 1);
	text[MAIL_COMMAND + 1] = '\0';
	talk(&r, SIZE_MAX, 1, &whole);
	assert_int_equal(whole.turn, MAIL_REFUSED);
	for (int more = 0; more < 2; more++) {
		sprintf(text, "a LOGIN {%d+}\r\n%0*d %d\r\n", 255 + more,
			255 + more, 0, more);
		talk(&r, SIZE_MAX, 1, &whole);
		assert_int_equal(whole.turn, more ? MAIL_MORE : MAIL_LOGIN);
		sprintf(text, "a LOGIN b %0*d\r\n", 511 + more, 0);
		talk(&r, SIZE_MAX, 1, &whole);
		assert_int_equal(whole.turn, more ? MAIL_MORE : MAIL_LOGIN);
		sprintf(text, "%0*d NOOP\r\n", 63 + more, 0);
		talk(&r, SIZE_MAX, 1, &whole);
		assert_int_equal(strstr(whole.out, "BAD") != NULL, more);
	}
}

static void greetings(void **state)
{
	static const struct {
		enum mail_protocol protocol;
		bool secure;
		const char *text;
	} rows[] = {
		{ IMAP, TLS,
		  "* OK [CAPABILITY IMAP4 IMAP4rev1 IDLE NAMESPACE LITERAL+ "
		  "AUTH=PLAIN SASL-IR] The IMAP4 service is ready.\r\n" },
		{ IMAP, PLAIN,
		  "* OK [CAPABILITY IMAP4 IMAP4rev1 IDLE NAMESPACE LITERAL+ "
		  "STARTTLS LOGINDISABLED] The IMAP4 service is ready.\r\n" },
		{ POP, TLS, "+OK The POP3 service is ready.\r\n" },
	};
	char text[MAIL_ANSWER + 1];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bytes_writer w = { (uint8_t *)text, 0, MAIL_ANSWER,
					  false };
		struct mail_client c;

		mail_client_init(&c, rows[i].protocol, rows[i].secure);
		mail_client_greet(&c, &w);
		text[w.n] = '\0';
		assert_string_equal(text, rows[i].text);
	}
}

/* What was said before TLS is forgotten, how much it was is not; three logins
 * in vain are enough. */
static void memory(void **state)
{
	struct client_row r = { IMAP, PLAIN, "a STARTTLS\r\n" };
	struct mail_client c;
	char text[MAIL_ANSWER + 1];
	struct bytes_writer w = { (uint8_t *)text, 0, MAIL_ANSWER, false };
	size_t from = 0;

	whole = (struct outcome){ 0 };
	mail_client_init(&c, IMAP, false);
	hear(&c, BYTES(r.in), &from, strlen(r.in), &whole);
	assert_int_equal(whole.turn, MAIL_TLS);
	mail_client_secured(&c);
	assert_true(c.secure);
	assert_int_equal(c.commands, 1);
	assert_string_equal(c.login.tag, "");
	strcpy(c.login.tag, "t");
	mail_client_unavailable(&c, "nobody", &w);
	mail_client_bye(&c, "go", &w);
	c.protocol = POP;
	mail_client_unavailable(&c, "nobody", &w);
	mail_client_bye(&c, "go", &w);
	text[w.n] = '\0';
	assert_string_equal(text, "t NO [UNAVAILABLE] nobody\r\n* BYE go\r\n"
				  "-ERR [SYS/TEMP] nobody\r\n-ERR go\r\n");
	assert_false(mail_client_denied(&c));
	assert_false(mail_client_denied(&c));
	assert_true(mail_client_denied(&c));
}

/* --- servers ---------------------------------------------------------- */

struct server_row {
	enum mail_protocol protocol;
	struct mail_login login;
	const char *in, *back, *client;
	enum mail_turn turn;
	const char *rest; /* what is behind *used in the end */
};

static void log_in(const struct server_row *r, size_t first, size_t step,
		   struct outcome *o)
{
	struct bytes in = BYTES(r->in);
	uint8_t back[MAIL_RELAYED], client[MAIL_RELAYED];
	struct mail_server m;
	size_t from = 0, to = min(first, in.n);

	*o = (struct outcome){ 0 };
	mail_server_init(&m, r->protocol);
	for (;;) {
		struct bytes_writer b = { back, 0, sizeof(back), false };
		struct bytes_writer c = { client, 0, sizeof(client), false };
		size_t used;

		o->turn = mail_server_next(&m, &r->login,
					   bytes_from(bytes_upto(in, to), from),
					   &used, &b, &c);
		from += used;
		append(o->back, &o->n_back, sizeof(o->back), &b);
		append(o->out, &o->n, sizeof(o->out), &c);
		if (o->turn == MAIL_GO_ON)
			continue;
		if (o->turn != MAIL_MORE || to == in.n)
			break;
		to = min(to + step, in.n);
	}
	if (o->turn == MAIL_BROKEN)
		assert_non_null(m.why);
	if (r->rest)
		assert_string_equal(r->in + from, r->rest);
}

static void check_server(const struct server_row *r, size_t first, size_t step)
{
	log_in(r, first, step, &cut);
	if (cut.turn != r->turn || strcmp(cut.back, r->back) ||
	    strcmp(cut.out, r->client))
		fail_msg("`%s' cut at %zu by %zu: turn %d, told `%s', client "
			 "`%s'; not %d, `%s', `%s'",
			 r->in, first, step, cut.turn, cut.back, cut.out,
			 r->turn, r->back, r->client);
}

#define BOB                                                                    \
	{                                                                      \
		"a1", "bob", "secret", ""                                      \
	}
#define UMLAUT                                                                 \
	{                                                                      \
		"a1",                                                          \
			"b\xc3\xb6"                                            \
			"b",                                                   \
			"s\xc3\xa4", ""                                        \
	}
#define SHARED                                                                 \
	{                                                                      \
		"a1", "bob", "secret", "shared"                                \
	}

static void servers(void **state)
{
	static const struct server_row rows[] = {
		{ IMAP, BOB, "* OK ready\r\na1 OK done.\r\n* 5 EXISTS\r\n",
		  "a1 LOGIN \"bob\" \"secret\"\r\n", "a1 OK done.\r\n",
		  MAIL_ACCEPTED, "* 5 EXISTS\r\n" },
		{ IMAP,
		  { "a1", "b\\b", "a\"\\", "" },
		  "* OK ready\r\n",
		  "a1 LOGIN \"b\\\\b\" \"a\\\"\\\\\"\r\n",
		  "",
		  MAIL_MORE },
		{ IMAP, BOB,
		  "* OK x\r\n* CAPABILITY IDLE\r\na1 NO [AUTH] wrong\r\n",
		  "a1 LOGIN \"bob\" \"secret\"\r\n",
		  "* CAPABILITY IDLE\r\na1 NO [AUTH] wrong\r\n", MAIL_DENIED },
		{ IMAP, UMLAUT, "* OK x\r\n+ go\r\n+ go\r\na1 OK\r\n",
		  "a1 LOGIN {4}\r\nb\xc3\xb6"
		  "b {3}\r\ns\xc3\xa4\r\n",
		  "a1 OK\r\n", MAIL_ACCEPTED },
		{ IMAP, UMLAUT, "* OK x\r\n+ go\r\na1 BAD no\r\n",
		  "a1 LOGIN {4}\r\nb\xc3\xb6"
		  "b {3}\r\n",
		  "a1 BAD no\r\n", MAIL_DENIED },
		{ IMAP, SHARED, "* OK x\r\n+\r\na1 OK\r\n",
		  "a1 AUTHENTICATE PLAIN\r\nc2hhcmVkAGJvYgBzZWNyZXQ=\r\n",
		  "a1 OK\r\n", MAIL_ACCEPTED },
		{ IMAP, BOB,
		  "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] x\r\n+ \r\n"
		  "a1 OK\r\n",
		  "a1 AUTHENTICATE PLAIN\r\nAGJvYgBzZWNyZXQ=\r\n", "a1 OK\r\n",
		  MAIL_ACCEPTED },
		/* a verdict before there was a login */
		{ IMAP, SHARED, "* OK x\r\na1 OK\r\n",
		  "a1 AUTHENTICATE PLAIN\r\n", "", MAIL_BROKEN },
		{ IMAP, BOB, "* PREAUTH hello alice\r\n", "", "", MAIL_BROKEN },
		{ IMAP, BOB, "* BYE too many\r\n", "", "", MAIL_BROKEN },
		{ IMAP, BOB, "* OK x\r\n* BYE dying\r\n",
		  "a1 LOGIN \"bob\" \"secret\"\r\n", "", MAIL_BROKEN },
		{ IMAP, BOB, "* OK x\r\n+ more\r\n",
		  "a1 LOGIN \"bob\" \"secret\"\r\n", "", MAIL_BROKEN },
		{ IMAP, BOB, "* OK x\r\nb2 OK\r\n",
		  "a1 LOGIN \"bob\" \"secret\"\r\n", "", MAIL_BROKEN },
		{ IMAP, BOB, "* OK x\r\na1 WHAT\r\n",
		  "a1 LOGIN \"bob\" \"secret\"\r\n", "", MAIL_BROKEN },
		{ IMAP, BOB, "HTTP/1.1 400 Bad Request\r\n", "", "",
		  MAIL_BROKEN },
		{ IMAP, BOB, "* OK \x01\r\n", "", "", MAIL_BROKEN },
		{ POP, BOB, "+OK x\r\n+OK\r\n+OK 3 messages\r\nrest",
		  "USER bob\r\nPASS secret\r\n", "+OK 3 messages\r\n",
		  MAIL_ACCEPTED, "rest" },
		{ POP, BOB, "+OK x\r\n-ERR unknown\r\n", "USER bob\r\n",
		  "-ERR unknown\r\n", MAIL_DENIED },
		{ POP, BOB, "+OK x\r\n+OK\r\n-ERR wrong\r\n",
		  "USER bob\r\nPASS secret\r\n", "-ERR wrong\r\n",
		  MAIL_DENIED },
		{ POP, UMLAUT, "+OK x\r\n+ \r\n+OK\r\n",
		  "AUTH PLAIN\r\nAGLDtmIAc8Ok\r\n", "+OK\r\n", MAIL_ACCEPTED },
		{ POP, SHARED, "+OK x\r\n+OK\r\n", "AUTH PLAIN\r\n", "",
		  MAIL_BROKEN },
		{ POP, BOB, "-ERR busy\r\n", "", "", MAIL_BROKEN },
		{ POP, BOB, "+OK x\r\nwhat\r\n", "USER bob\r\n", "",
		  MAIL_BROKEN },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = strlen(rows[i].in);

		for (size_t first = 0; first <= len; first++)
			check_server(&rows[i], first, len);
		check_server(&rows[i], 0, 1);
	}
}

/* A server that talks without an end. */
static void endless_servers(void **state)
{
	static char text[MAIL_COMMAND + 64];
	struct server_row r = { .protocol = IMAP, .login = BOB, .in = text };
	size_t n = (size_t)sprintf(text, "* OK x\r\n");

	for (unsigned i = 0; i < 101; i++)
		n += (size_t)sprintf(text + n, "* X\r\n");
	log_in(&r, SIZE_MAX, 1, &whole);
	assert_int_equal(whole.turn, MAIL_BROKEN);
	memset(text, 'x', sizeof(text) - 1);
	log_in(&r, SIZE_MAX, 1, &whole);
	assert_int_equal(whole.turn, MAIL_BROKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(imap_clients),
		cmocka_unit_test(imap_before_tls),
		cmocka_unit_test(pop_clients),
		cmocka_unit_test(injected),
		cmocka_unit_test(bounds),
		cmocka_unit_test(greetings),
		cmocka_unit_test(memory),
		cmocka_unit_test(servers),
		cmocka_unit_test(endless_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
