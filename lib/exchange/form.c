/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * form.c - logon by form: who a browser's form logs on, and the page that sends
 * the same form on to another server's logon.
 *
 * A form says a password, so it is read strictly: what two programs could read
 * in two ways is not read at all, and goes where forms go that name nobody.
 */
#include "exchange/text.h"

/* Runs on the page; the browser is told its SHA-256, and runs no other. */
#define SCRIPT "document.forms[0].submit()"
#define SCRIPT_SHA256 "ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE="

bool exchange_is_logon(const struct exchange_request *r)
{
	static const struct bytes post = BYTES_LIT("POST");
	static const struct bytes from_2010 = BYTES_LIT("auth.owa");
	static const struct bytes folder = BYTES_LIT("auth");
	static const struct bytes of_2007 = BYTES_LIT("owaauth.dll");
	struct bytes page = text_segment(r->path, 1);
	struct bytes below = text_segment(r->path, 2);

	if (!bytes_eq(r->method, post))
		return false;
	if (r->protocol == EXCHANGE_OWA && bytes_ieq(page, folder))
		return bytes_ieq(below, of_2007);
	return (r->protocol == EXCHANGE_OWA || r->protocol == EXCHANGE_ECP) &&
	       bytes_ieq(page, from_2010);
}

bool exchange_is_logoff(const struct exchange_request *r)
{
	static const struct bytes page = BYTES_LIT("logoff.owa");

	return r->protocol == EXCHANGE_OWA &&
	       bytes_ieq(text_segment(r->path, 1), page);
}

bool exchange_has_logged_on(unsigned status, struct bytes set_cookie)
{
	static const struct bytes of_all = BYTES_LIT("cadata");
	static const struct bytes of_2007 = BYTES_LIT("sessionid");
	struct bytes value =
		bytes_upto(set_cookie, bytes_find(set_cookie, ';'));
	struct bytes name = bytes_trim(bytes_cut(&value, '='));

	/* Without a value it takes an old one away. */
	return status == 302 && bytes_trim(value).n &&
	       (bytes_ieq(name, of_all) || bytes_ieq(name, of_2007));
}

/* --- reading -------------------------------------------------------------- */

/* The next byte that the text means, or -1: it is broken. */
static int next(struct bytes *rest)
{
	int c = rest->p[0];
	size_t n = 1;

	if (c == '%') {
		int high = rest->n > 2 ? ascii_hex(rest->p[1]) : -1;
		int low = high < 0 ? -1 : ascii_hex(rest->p[2]);

		c = low < 0 ? -1 : high << 4 | low;
		n = 3;
	} else if (c == '+') {
		c = ' ';
	} else if (c <= ' ' || c == 0x7f || strchr("\"<>", c)) {
		c = -1; /* such a byte is always encoded */
	}
	*rest = bytes_from(*rest, n);
	return c;
}

static bool is_readable(struct bytes text)
{
	while (text.n)
		if (next(&text) < 0)
			return false;
	return true;
}

/* False, and an empty string, on a control character or lack of room. */
static bool decode(struct bytes text, char *dst, size_t cap)
{
	size_t n = 0;

	while (text.n) {
		int c = next(&text);

		if (c < ' ' || c == 0x7f || n + 1 >= cap) {
			dst[0] = '\0';
			return false;
		}
		dst[n++] = (char)c;
	}
	dst[n] = '\0';
	return true;
}

/* What a form has, and must not have twice. */
enum field {
	USERNAME,
	PASSWORD,
	DESTINATION,
	FLAGS,
	FORCEDOWNLEVEL,
	PASSWORD_TEXT,
	IS_UTF8,
	FIELDS /* or any other one */
};

static const char *const names[FIELDS] = { "username",	     "password",
					   "destination",    "flags",
					   "forcedownlevel", "passwordText",
					   "isUtf8" };

static enum field field_of(struct bytes name)
{
	char text[16];
	enum field f = 0;

	if (!decode(name, text, sizeof(text)))
		return FIELDS;
	while (f < FIELDS && !bytes_ieq(BYTES(text), BYTES(names[f])))
		f++;
	return f;
}

bool exchange_form_read(struct bytes body, struct exchange_form *out)
{
	struct bytes value[FIELDS + 1] = { 0 };
	bool there[FIELDS] = { false };
	struct exchange_form form = { 0 };

	while (body.n) {
		struct bytes text = bytes_cut(&body, '&');
		struct bytes name = bytes_cut(&text, '=');
		enum field f = field_of(name);

		if (!is_readable(name) || !is_readable(text))
			return false;
		if (f < FIELDS && there[f])
			return false;
		if (f < FIELDS)
			there[f] = true;
		value[f] = text;
	}
	if (!there[PASSWORD] ||
	    !decode(value[USERNAME], form.user, sizeof(form.user)) ||
	    !form.user[0])
		return false;
	decode(value[DESTINATION], form.destination, sizeof(form.destination));
	form.username = value[USERNAME];
	form.password = value[PASSWORD];
	bytes_u64(value[FLAGS], UINT8_MAX, &form.flags);
	bytes_u64(value[FORCEDOWNLEVEL], UINT8_MAX, &form.forcedownlevel);
	*out = form;
	return true;
}

/* --- the page ------------------------------------------------------------- */

static bool is_utf8(struct bytes text)
{
	while (text.n) {
		size_t n = bytes_utf8(text);

		if (!n)
			return false;
		text = bytes_from(text, n);
	}
	return true;
}

/* False when a browser would send something else than it was given: it knows
 * no NUL, has its own idea of a line's end, and reads the page as UTF-8. */
static bool put_value(struct bytes_writer *w, struct bytes text)
{
	size_t start = w->n;

	while (text.n) {
		uint8_t c = (uint8_t)next(&text);

		if (!c || c == '\r' || c == '\n')
			return false;
		bytes_put_html(w, (struct bytes){ &c, 1 });
	}
	return is_utf8((struct bytes){ w->p + start, w->n - start });
}

#define INPUT "<input type=\"hidden\" name=\"%s\" value=\""
#define INPUT_END "\">"

static void put_input(struct bytes_writer *w, enum field f, const char *value)
{
	bytes_putf(w, INPUT, names[f]);
	bytes_put_html(w, BYTES(value));
	bytes_puts(w, INPUT_END);
}

static void put_number(struct bytes_writer *w, enum field f, uint64_t n)
{
	bytes_putf(w, INPUT "%u" INPUT_END, names[f], (unsigned)n);
}

/* A value as it came. */
static bool put_again(struct bytes_writer *w, enum field f, struct bytes text)
{
	bool good;

	bytes_putf(w, INPUT, names[f]);
	good = put_value(w, text);
	bytes_puts(w, INPUT_END);
	return good;
}

bool exchange_form_page(const struct exchange_form *f,
			const struct exchange_decision *d,
			struct bytes_writer *w)
{
	bool good;

	bytes_puts(w, "<!DOCTYPE html><html><head><meta charset=\"utf-8\">"
		      "<title>Outlook Web App</title></head><body><form "
		      "method=\"post\" accept-charset=\"utf-8\" action=\"");
	bytes_put_html(w, BYTES(d->logon));
	bytes_puts(w, "\">");
	put_input(w, DESTINATION, d->url);
	put_number(w, FLAGS, f->flags);
	put_number(w, FORCEDOWNLEVEL, f->forcedownlevel);
	good = put_again(w, USERNAME, f->username);
	good &= put_again(w, PASSWORD, f->password);
	put_input(w, PASSWORD_TEXT, "");
	put_input(w, IS_UTF8, "1");
	bytes_puts(w, "<noscript><p>Your mailbox is reached at another "
		      "address.</p><button>Continue</button></noscript></form>"
		      "<script>" SCRIPT "</script></body></html>\n");
	return good && !w->overflow;
}

void exchange_form_fields(const struct exchange_decision *d,
			  struct bytes_writer *w)
{
	struct bytes origin = BYTES(d->logon);
	size_t host = strlen("https://");

	origin = bytes_upto(origin,
			    host + bytes_find(bytes_from(origin, host), '/'));
	bytes_putf(w,
		   "Content-Security-Policy: default-src 'none'; script-src "
		   "'sha256-" SCRIPT_SHA256 "'; form-action %.*s; "
		   "base-uri 'none'; frame-ancestors 'none'\r\n"
		   "X-Frame-Options: DENY\r\n"
		   "Referrer-Policy: no-referrer\r\n"
		   "Pragma: no-cache\r\n",
		   BYTES_FMT(origin));
}
