/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_exchange_form.c - a logon's form from a stranger: what is read of it can
 * be read one way only, and the page that sends it on holds its very bytes and
 * no markup of its sender's.
 *
 * Input: the body.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"
#include "exchange/exchange.h"

#define ORIGIN "https://legacy.contoso.com"
#define URL ORIGIN "/owa"
#define ACTION "form-action " ORIGIN ";"
#define BODY_MAX 16384

#define require(x)                                                             \
	do {                                                                   \
		if (!(x))                                                      \
			abort();                                               \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct exchange_server server = {
	.name = "EX07",
	.version = EXCHANGE_2007,
	.weight = 100,
	.vdir = { [EXCHANGE_OWA] = { .present = true, .external_url = URL } },
};
static const struct exchange_topology topology = {
	.n_sites = 1,
	.site = { "HQ" },
	.n_servers = 1,
	.server = &server,
	.n_own_names = 1,
	.own_name = { "mail.contoso.com" },
};

/* As any other program decodes it; -1 where it might not. */
static long decode(struct bytes text, uint8_t dst[BODY_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++, n++) {
		unsigned c = text.p[i];

		if (c == '%') {
			char hex[3];

			if (text.n - i < 3 ||
			    !bytes_str(bytes_upto(bytes_from(text, i + 1), 2),
				       hex, sizeof(hex)) ||
			    strspn(hex, "0123456789abcdefABCDEF") != 2)
				return -1;
			c = (unsigned)strtoul(hex, NULL, 16);
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		dst[n] = (uint8_t)c;
	}
	return (long)n;
}

/* How often a server that ignores case finds the field; the last of them. */
static unsigned count(struct bytes body, const char *field, struct bytes *value)
{
	static uint8_t name[BODY_MAX];
	unsigned times = 0;

	while (body.n) {
		struct bytes text = bytes_cut(&body, '&');
		long n = decode(bytes_cut(&text, '='), name);

		require(n >= 0);
		if (!bytes_ieq((struct bytes){ name, (size_t)n }, BYTES(field)))
			continue;
		*value = text;
		times++;
	}
	return times;
}

static void check_read(struct bytes body, const struct exchange_form *f)
{
	static uint8_t user[BODY_MAX];
	struct bytes value, name = { user, 0 };

	require(count(body, "username", &value) == 1);
	require(bytes_eq(value, f->username));
	name.n = (size_t)decode(value, user);
	require(name.n && bytes_eq(name, BYTES(f->user)));
	for (size_t i = 0; i < name.n; i++)
		require(user[i] >= ' ' && user[i] != 0x7f);
	require(count(body, "password", &value) == 1);
	require(bytes_eq(value, f->password));
	require(count(body, "destination", &value) <= 1);
	require(count(body, "isutf8", &value) <= 1);
	require(f->flags <= UINT8_MAX && f->forcedownlevel <= UINT8_MAX);
}

static void check_decision(const struct exchange_form *f,
			   struct exchange_decision *d)
{
	const struct exchange_request r = { .protocol = EXCHANGE_OWA,
					    .method = BYTES("POST"),
					    .path = BYTES("/owa/auth.owa"),
					    .form = f };
	struct exchange_place place = { .found = true };
	struct exchange_keys keys;

	require(exchange_is_logon(&r) && !exchange_is_logoff(&r));
	exchange_keys(&r, &keys);
	require(keys.n <= 1);
	if (keys.n)
		place.key = keys.key[0];
	require(exchange_place_at(&topology, BYTES("EX07"), &place));
	exchange_decide(&topology, &r, &place, d);
	if (!keys.n) { /* nothing but blanks */
		require(d->status == 403 && !d->logon[0]);
		return;
	}
	require(d->status == 200);
	require(!strcmp(d->logon, URL "/auth/owaauth.dll"));
	require(!strncmp(d->url, URL, strlen(URL)));
	require(!d->url[strlen(URL)] || d->url[strlen(URL)] == '/');
	for (const char *c = d->url; *c; c++)
		require(*c > ' ' && *c < 0x7f && !strchr("\"<>\\#", *c));
}

/* Would a browser be given exactly these bytes, and send them? */
static bool survives(struct bytes encoded)
{
	static uint8_t text[BODY_MAX];
	struct bytes rest = { text, (size_t)decode(encoded, text) };

	for (size_t n; rest.n; rest = bytes_from(rest, n)) {
		n = bytes_utf8(rest);
		if (!n || !rest.p[0] || rest.p[0] == '\r' || rest.p[0] == '\n')
			return false;
	}
	return true;
}

/* The value of the page's next field, as a browser reads it. */
static void check_value(struct bytes *page, const char *field,
			struct bytes encoded)
{
	static const struct {
		const char *text;
		uint8_t c;
	} escapes[] = { { "&quot;", '"' },
			{ "&lt;", '<' },
			{ "&gt;", '>' },
			{ "&amp;", '&' } };
	static uint8_t text[BODY_MAX];
	size_t want = (size_t)decode(encoded, text), n = 0;
	char label[64];
	const uint8_t *at;

	snprintf(label, sizeof(label), "name=\"%s\" value=\"", field);
	at = memmem(page->p, page->n, label, strlen(label));
	require(at);
	*page = bytes_from(*page, (size_t)(at - page->p) + strlen(label));
	for (; page->p[0] != '"'; n++) {
		uint8_t c = page->p[0];
		size_t len = 1;

		for (size_t i = 0; c == '&' && i < ARRAY_LEN(escapes); i++) {
			if (!bytes_istarts(*page, BYTES(escapes[i].text)))
				continue;
			c = escapes[i].c;
			len = strlen(escapes[i].text);
			break;
		}
		require(len > 1 || !memchr("&<>\r\n", c, 5));
		require(n < want && c == text[n]);
		*page = bytes_from(*page, len);
		require(page->n);
	}
	require(n == want);
}

static void check_page(const struct exchange_form *f,
		       const struct exchange_decision *d)
{
	static uint8_t room[4 * BODY_MAX];
	struct bytes_writer w = { room, 0, sizeof(room), false };
	struct bytes page;

	if (!exchange_form_page(f, d, &w)) {
		require(!w.overflow);
		require(!survives(f->username) || !survives(f->password));
		return;
	}
	page = (struct bytes){ w.p, w.n };
	check_value(&page, "username", f->username);
	check_value(&page, "password", f->password);
	require(memmem(page.p, page.n, "</html>\n", 8) == page.p + page.n - 8);
	w = (struct bytes_writer){ room, 0, sizeof(room), false };
	exchange_form_fields(d, &w);
	require(!w.overflow);
	require(memmem(w.p, w.n, ACTION, strlen(ACTION)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes body = { data, size };
	struct exchange_form form;
	struct exchange_decision d;

	if (size > BODY_MAX || !exchange_form_read(body, &form))
		return 0;
	check_read(body, &form);
	check_decision(&form, &d);
	if (d.logon[0])
		check_page(&form, &d);
	exchange_has_logged_on(302, form.password);
	return 0;
}
