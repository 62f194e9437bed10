/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_hostile.c - what must never reach a back end does not, whichever way
 * that one reads: cookies, headers, addresses. And what is honest does, byte
 * for byte.
 *
 * Input, a line each: path, query, a header's name, its value; the rest is the
 * value of a Cookie header.
 */
#include "fuzz_http.h"

#include "exchange/exchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each was an attack. */
static const char *const names[] = {
	"msexchlogonaccount",	"msexchlogonmailbox",  "msexchproxyuri",
	"msexchtargetmailbox",	"x-anonresource",      "x-anonresource-backend",
	"x-backendserver",	"x-beresource",	       "x-beserver",
	"x-calculatedbetarget", "x-commonaccesstoken", "x-feserver",
	"x-isfromcafe",		"x-rps-cat",	       "x-sourcecafeserver",
	"x-targetdatabase",	"x-targetserver",
};

static uint8_t fold(uint8_t c)
{
	return c == '_' ? '-' : ascii_lower(c);
}

/* Equal, or: does `b` begin with `text`? As the most lenient reader would. */
static bool alike(struct bytes b, const char *text, bool whole)
{
	size_t n = strlen(text);

	if (whole ? b.n != n : b.n < n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (fold(b.p[i]) != (uint8_t)text[i])
			return false;
	return true;
}

static bool holds(struct bytes b, const char *text)
{
	for (; b.n; b = bytes_from(b, 1))
		if (alike(b, text, false))
			return true;
	return false;
}

static bool is_name(struct bytes b)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (alike(b, names[i], true))
			return true;
	return false;
}

/* --- cookies -------------------------------------------------------------- */

/* A server that splits at these, trims blanks and what else a framework takes
 * for one, and knows no case. */
static void read_cookies(struct bytes value, const char *ends)
{
	while (value.n) {
		size_t n = 0;
		struct bytes name;

		while (n < value.n && !(value.p[n] && strchr(ends, value.p[n])))
			n++;
		name = bytes_upto(value, n);
		name = bytes_upto(name, bytes_find(name, '='));
		value = bytes_from(value, n + 1);
		while (name.n && (name.p[0] <= ' ' || name.p[0] == '"' ||
				  name.p[0] >= 0x80))
			name = bytes_from(name, 1);
		while (name.n && (name.p[name.n - 1] <= ' ' ||
				  name.p[name.n - 1] == '"' ||
				  name.p[name.n - 1] >= 0x80))
			name.n--;
		MUST(!is_name(name) && !alike(name, "securitytoken", true) &&
		     !alike(name, "email", true));
	}
}

static bool is_suspect(struct bytes cookie)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (holds(cookie, names[i]))
			return true;
	return holds(cookie, "securitytoken") || holds(cookie, "email") ||
	       holds(cookie, "x-backend");
}

/* Every cookie of `out` is one of `in`, in order; what is missing was no honest
 * one. */
static void same_cookies(struct bytes in, struct bytes out)
{
	while (in.n) {
		struct bytes cookie = bytes_trim(bytes_cut(&in, ';'));
		struct bytes rest = out;

		if (!cookie.n)
			continue;
		if (bytes_eq(bytes_trim(bytes_cut(&rest, ';')), cookie))
			out = rest;
		else
			MUST(is_suspect(cookie));
	}
	MUST(!out.n);
}

static void cookies(struct bytes value)
{
	static const struct bytes start = BYTES_LIT("Cookie: ");
	struct http_field f = { .name = BYTES("Cookie"), .value = value };
	struct bytes_writer w = { .cap = 2 * value.n + 64 };
	struct bytes out = BYTES_NONE;
	uint8_t *room = malloc(w.cap);

	w.p = room;
	http_put_cookies(&w, &f, exchange_hostile_cookie);
	MUST(!w.overflow);
	if (w.n) {
		out = (struct bytes){ room, w.n };
		MUST(bytes_istarts(out, start) && w.n > start.n + 2 &&
		     !memcmp(room + w.n - 2, "\r\n", 2));
		out = bytes_upto(bytes_from(out, start.n), w.n - start.n - 2);
	}
	read_cookies(out, ";");
	read_cookies(out, ";,");
	same_cookies(value, out);
	free(room);
}

/* --- headers -------------------------------------------------------------- */

static void header(struct bytes name, struct bytes value)
{
	bool hostile = exchange_hostile_header(name, value);

	if (is_name(name) || alike(name, "x-forwarded-for", true))
		MUST(hostile);
	if (alike(name, "authorization", true) ||
	    alike(name, "x-anchormailbox", true))
		MUST(!hostile);
	if (!alike(name, "x-owa-explicitlogonuser", true) || hostile)
		return;
	MUST(bytes_find(name, '_') == name.n);
	value = bytes_trim(value);
	MUST(value.n && bytes_find(value, '@') < value.n);
	for (size_t i = 0; i < value.n; i++)
		MUST(value.p[i] > ' ' && value.p[i] < 0x7f &&
		     !strchr("/\\%?#,;\"", value.p[i]));
}

/* --- addresses ------------------------------------------------------------ */

static void target(struct bytes raw, struct bytes query)
{
	static const char json[] = "/autodiscover.json";
	char *path = malloc(raw.n + 1);
	enum exchange_protocol p;
	struct bytes rest;

	if (http_path(raw, path, raw.n + 1) != HTTP_OK ||
	    !exchange_classify(BYTES(path), &p) ||
	    exchange_hostile_target(BYTES(path), query)) {
		free(path);
		return;
	}
	if (holds(BYTES(path), json)) {
		/* One virtual directory, one address, nothing to make another
		 * of. */
		MUST(alike(BYTES(path), "/autodiscover/autodiscover.json",
			   false));
		rest = bytes_from(BYTES(path), 31);
		MUST(!rest.n || rest.p[0] == '/');
		rest = bytes_from(rest, bytes_find(rest, '@') + 1);
		MUST(bytes_find(rest, '@') == rest.n);
		MUST(bytes_find(rest, '/') + 1 >= rest.n);
		MUST(!holds(query, "/") && !holds(query, "\\") &&
		     !holds(query, "%2f") && !holds(query, "%5c") &&
		     !holds(query, "%25") && !holds(query, "%3f"));
	}
	for (rest = query; rest.n;) {
		struct bytes name = bytes_cut(&rest, '&');

		MUST(!is_name(bytes_cut(&name, '=')));
	}
	free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest = { data, size };
	struct bytes path = bytes_cut(&rest, '\n');
	struct bytes query = bytes_cut(&rest, '\n');
	struct bytes name = bytes_cut(&rest, '\n');
	struct bytes value = bytes_cut(&rest, '\n');

	target(path, query);
	header(name, value);
	cookies(rest);
	return 0;
}
