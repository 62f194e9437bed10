/* SPDX-License-Identifier: BSD-3-Clause */
/* imap.c - IMAP4rev1 in the not authenticated state (RFC 3501 3.1), as a
 * server. */
#include "mail/text.h"

#define CLEAR_TEXT                                                             \
	"NO [PRIVACYREQUIRED] Nothing secret is read before TLS: use "         \
	"STARTTLS "                                                            \
	"first."
#define MECHANISMS                                                             \
	"NO [CANNOT] Only PLAIN, or LOGIN: a login by NTLM or Kerberos "       \
	"belongs "                                                             \
	"to one connection and cannot be carried on."

/* What every Exchange version has behind the login, and what is before it. */
static const char *capabilities(const struct mail_client *c)
{
	return c->secure ? "IMAP4 IMAP4rev1 IDLE NAMESPACE LITERAL+ AUTH=PLAIN "
			   "SASL-IR"
			 : "IMAP4 IMAP4rev1 IDLE NAMESPACE LITERAL+ STARTTLS "
			   "LOGINDISABLED";
}

void imap_greet(const struct mail_client *c, struct bytes_writer *out)
{
	bytes_putf(out, "* OK [CAPABILITY %s] The IMAP4 service is ready.\r\n",
		   capabilities(c));
}

static enum mail_turn say(const struct mail_client *c, struct bytes_writer *out,
			  const char *text)
{
	bytes_putf(out, "%s %s\r\n", c->login.tag, text);
	return MAIL_GO_ON;
}

/* One character of an atom, as wide as Exchange takes it: what is quoted, what
 * announces a literal, and lists are something else. */
static bool is_atom(uint8_t c)
{
	return c > ' ' && c != '"' && c != '(' && c != ')' && c != '{' &&
	       c != 0x7f;
}

/* RFC 3501 9: a tag goes back into every answer, so nothing doubtful. */
static bool is_tag(struct bytes tag)
{
	if (!tag.n || tag.n >= MAIL_TAG)
		return false;
	for (size_t i = 0; i < tag.n; i++)
		if (!is_atom(tag.p[i]) || tag.p[i] >= 0x80 ||
		    strchr("+%*\\", tag.p[i]))
			return false;
	return true;
}

/* --- arguments -------------------------------------------------------- */

static bool take_quoted(struct bytes *rest, struct bytes_writer *w)
{
	for (*rest = bytes_from(*rest, 1); rest->n;
	     *rest = bytes_from(*rest, 1)) {
		if (rest->p[0] == '"') {
			*rest = bytes_from(*rest, 1);
			return true;
		}
		if (rest->p[0] == '\\')
			*rest = bytes_from(*rest, 1);
		bytes_put(w, bytes_upto(*rest, 1));
	}
	return false;
}

static bool take_literal(struct bytes *rest, struct bytes_writer *w)
{
	size_t end = bytes_find(*rest, '\n');
	uint32_t n;
	bool waits;

	if (!text_literal(text_line(bytes_upto(*rest, end + 1)), &n, &waits))
		return false;
	*rest = bytes_from(*rest, end + 1);
	if (n > rest->n)
		return false;
	bytes_put(w, bytes_upto(*rest, n));
	*rest = bytes_from(*rest, n);
	return true;
}

static bool take_atom(struct bytes *rest, struct bytes_writer *w)
{
	size_t n = 0;

	while (n < rest->n && is_atom(rest->p[n]))
		n++;
	bytes_put(w, bytes_upto(*rest, n));
	*rest = bytes_from(*rest, n);
	return n;
}

/* An astring, of which a C string is made. */
static bool take_string(struct bytes *rest, char *dst, size_t cap)
{
	struct bytes_writer w = { (uint8_t *)dst, 0, cap - 1, false };
	bool ok = rest->n && (rest->p[0] == '"'	  ? take_quoted(rest, &w)
			      : rest->p[0] == '{' ? take_literal(rest, &w)
						  : take_atom(rest, &w));

	ok = ok && !w.overflow && w.n &&
	     text_is_clean((struct bytes){ w.p, w.n });
	dst[ok ? w.n : 0] = '\0';
	return ok;
}

static bool take_space(struct bytes *rest)
{
	if (!rest->n || rest->p[0] != ' ')
		return false;
	*rest = bytes_from(*rest, 1);
	return true;
}

/* --- commands --------------------------------------------------------- */

static enum mail_turn login(struct mail_client *c, struct bytes rest,
			    struct bytes_writer *out)
{
	struct mail_login *l = &c->login;

	if (!c->secure)
		return say(c, out, CLEAR_TEXT);
	if (take_string(&rest, l->user, sizeof(l->user)) && take_space(&rest) &&
	    take_string(&rest, l->password, sizeof(l->password)) && !rest.n)
		return MAIL_LOGIN;
	return say(c, out, "BAD LOGIN needs a user name and a password.");
}

enum mail_turn imap_plain(struct mail_client *c, struct bytes line,
			  struct bytes_writer *out)
{
	if (text_plain(line, &c->login))
		return MAIL_LOGIN;
	return say(c, out,
		   bytes_eq(line, BYTES("*"))
			   ? "BAD Cancelled."
			   : "BAD That is no PLAIN message in base64.");
}

static enum mail_turn authenticate(struct mail_client *c, struct bytes rest,
				   struct bytes_writer *out)
{
	struct bytes mechanism = bytes_cut(&rest, ' ');

	if (!bytes_ieq(mechanism, BYTES("PLAIN")))
		return say(c, out, MECHANISMS);
	if (!c->secure)
		return say(c, out, CLEAR_TEXT);
	if (rest.n)
		return imap_plain(c, rest, out);
	c->plain = true;
	bytes_putf(out, "+ \r\n");
	return MAIL_GO_ON;
}

static enum mail_turn starttls(const struct mail_client *c,
			       struct bytes_writer *out)
{
	if (c->secure)
		return say(c, out, "BAD TLS is there already.");
	say(c, out, "OK Begin TLS negotiation now.");
	return MAIL_TLS;
}

/* Those without an argument. */
static enum mail_turn bare(const struct mail_client *c, struct bytes word,
			   struct bytes_writer *out)
{
	if (bytes_ieq(word, BYTES("CAPABILITY"))) {
		bytes_putf(out, "* CAPABILITY %s\r\n", capabilities(c));
		return say(c, out, "OK CAPABILITY completed.");
	}
	if (bytes_ieq(word, BYTES("NOOP")))
		return say(c, out, "OK NOOP completed.");
	if (bytes_ieq(word, BYTES("STARTTLS")))
		return starttls(c, out);
	if (bytes_ieq(word, BYTES("LOGOUT"))) {
		bytes_putf(out, "* BYE Good-bye.\r\n");
		say(c, out, "OK LOGOUT completed.");
		return MAIL_BYE;
	}
	return say(c, out, "BAD Log in first.");
}

/* Tag and name; what follows is left in *rest. False: no tag. */
static bool begin(struct mail_client *c, struct bytes *rest, struct bytes *word)
{
	struct bytes tag = bytes_cut(rest, ' ');

	mail_login_wipe(&c->login);
	if (!is_tag(tag))
		return false;
	if (!bytes_str(tag, c->login.tag, sizeof(c->login.tag)))
		return false;
	*word = bytes_cut(rest, ' ');
	return true;
}

bool imap_may_follow(struct mail_client *c, struct bytes command,
		     struct bytes_writer *out)
{
	struct bytes rest = text_line(command), word;

	if (!begin(c, &rest, &word)) {
		bytes_putf(out, "* BAD A command begins with a tag.\r\n");
		return false;
	}
	if (bytes_ieq(word, BYTES("ID")) ||
	    (c->secure && bytes_ieq(word, BYTES("LOGIN"))))
		return true;
	if (bytes_ieq(word, BYTES("LOGIN")))
		say(c, out, CLEAR_TEXT);
	else
		say(c, out, "BAD There is no use for a literal.");
	return false;
}

enum mail_turn imap_command(struct mail_client *c, struct bytes command,
			    struct bytes_writer *out)
{
	struct bytes rest = text_line(command), word;

	if (!begin(c, &rest, &word)) {
		bytes_putf(out, "* BAD A command begins with a tag.\r\n");
		return MAIL_GO_ON;
	}
	if (bytes_ieq(word, BYTES("LOGIN")))
		return login(c, rest, out);
	if (bytes_ieq(word, BYTES("AUTHENTICATE")))
		return authenticate(c, rest, out);
	if (bytes_ieq(word, BYTES("ID"))) { /* RFC 2971 3.2 */
		bytes_putf(out, "* ID NIL\r\n");
		return say(c, out, "OK ID completed.");
	}
	if (rest.n)
		return say(c, out, "BAD Log in first.");
	return bare(c, word, out);
}
