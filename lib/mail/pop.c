/* SPDX-License-Identifier: BSD-3-Clause */
/* pop.c - POP3 in the AUTHORIZATION state (RFC 1939 4), as a server. */
#include "mail/text.h"

#define CLEAR_TEXT "Nothing secret is read before TLS: use STLS first."
#define MECHANISMS                                                             \
	"Only PLAIN, or USER and PASS: a login by NTLM or Kerberos belongs "   \
	"to "                                                                  \
	"one connection and cannot be carried on."

static enum mail_turn say(struct bytes_writer *out, const char *text)
{
	bytes_putf(out, "%s\r\n", text);
	return MAIL_GO_ON;
}

/* RFC 2449 5. What holds for every Exchange version behind the login, too. */
static enum mail_turn capa(const struct mail_client *c,
			   struct bytes_writer *out)
{
	return say(out, c->secure ? "+OK\r\nTOP\r\nUIDL\r\nUSER\r\nSASL PLAIN"
				    "\r\nRESP-CODES\r\n."
				  : "+OK\r\nTOP\r\nUIDL\r\nSTLS\r\n"
				    "RESP-CODES\r\n.");
}

static enum mail_turn stls(const struct mail_client *c,
			   struct bytes_writer *out)
{
	if (c->secure)
		return say(out, "-ERR TLS is there already.");
	say(out, "+OK Begin TLS negotiation now.");
	return MAIL_TLS;
}

static enum mail_turn user(struct mail_client *c, struct bytes name,
			   struct bytes_writer *out)
{
	mail_login_wipe(&c->login);
	if (!c->secure)
		return say(out, "-ERR " CLEAR_TEXT);
	if (!name.n || !bytes_str(name, c->login.user, sizeof(c->login.user)))
		return say(out, "-ERR That is no user name.");
	return say(out, "+OK");
}

static enum mail_turn pass(struct mail_client *c, struct bytes word,
			   struct bytes_writer *out)
{
	if (!c->secure)
		return say(out, "-ERR " CLEAR_TEXT);
	if (!c->login.user[0])
		return say(out, "-ERR USER comes first.");
	if (!word.n ||
	    !bytes_str(word, c->login.password, sizeof(c->login.password)))
		return say(out, "-ERR That is no password.");
	return MAIL_LOGIN;
}

enum mail_turn pop_plain(struct mail_client *c, struct bytes line,
			 struct bytes_writer *out)
{
	if (text_plain(line, &c->login))
		return MAIL_LOGIN;
	mail_login_wipe(&c->login);
	return say(out, bytes_eq(line, BYTES("*"))
				? "-ERR Cancelled."
				: "-ERR That is no PLAIN message in base64.");
}

/* RFC 5034 4. */
static enum mail_turn auth(struct mail_client *c, struct bytes rest,
			   struct bytes_writer *out)
{
	struct bytes mechanism = bytes_cut(&rest, ' ');

	mail_login_wipe(&c->login);
	if (!mechanism.n) /* an older way to ask for the list */
		return say(out, c->secure ? "+OK\r\nPLAIN\r\n." : "+OK\r\n.");
	if (!bytes_ieq(mechanism, BYTES("PLAIN")))
		return say(out, "-ERR " MECHANISMS);
	if (!c->secure)
		return say(out, "-ERR " CLEAR_TEXT);
	if (rest.n)
		return pop_plain(c, rest, out);
	c->plain = true;
	return say(out, "+ ");
}

enum mail_turn pop_command(struct mail_client *c, struct bytes command,
			   struct bytes_writer *out)
{
	struct bytes rest = text_line(command);
	struct bytes word = bytes_cut(&rest, ' ');

	if (bytes_ieq(word, BYTES("CAPA")))
		return capa(c, out);
	if (bytes_ieq(word, BYTES("STLS")))
		return stls(c, out);
	if (bytes_ieq(word, BYTES("USER")))
		return user(c, rest, out);
	if (bytes_ieq(word, BYTES("PASS")))
		return pass(c, rest, out);
	if (bytes_ieq(word, BYTES("AUTH")))
		return auth(c, bytes_trim(rest), out);
	if (bytes_ieq(word, BYTES("NOOP")))
		return say(out, "+OK");
	if (bytes_ieq(word, BYTES("QUIT"))) {
		say(out, "+OK Good-bye.");
		return MAIL_BYE;
	}
	return say(out, "-ERR Log in first.");
}
