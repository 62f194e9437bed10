/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disclose.c - what answers say of the appliance and of the servers behind it:
 * to the inside their names, as Exchange's front ends do, to the outside none.
 */
#include "proxy/proxy_int.h"

void put_own_fields(struct bytes_writer *w, const struct session *s)
{
	const struct proxy *p = s->proxy;
	int i = s->head_sent ? back_index(p, s->server_id) : -1;

	bytes_putf(w, "request-id: " GUID_FORMAT "\r\n", GUID_BYTES(s->guid));
	if (s->echo[0])
		bytes_putf(w, "client-request-id: %s\r\n", s->echo);
	if (!s->internal)
		return;
	bytes_putf(w, "X-FEServer: %s\r\n", p->config->name);
	if (i >= 0)
		bytes_putf(w, "X-CalculatedBETarget: %s\r\n",
			   p->config->topology.server[i].fqdn);
}

void disclose_request(struct session *s, const struct http_head *h)
{
	const struct http_field *wish =
		http_find_name(h, BYTES("return-client-request-id"));
	const struct http_field *id =
		wish && bytes_ieq(wish->value, BYTES("true"))
			? http_find_name(h, BYTES("client-request-id"))
			: NULL;

	s->echo[0] = '\0';
	if (id && !bytes_str(id->value, s->echo, sizeof(s->echo)))
		s->echo[0] = '\0';
}

bool disclose_allows(const struct session *s, const struct http_field *f)
{
	/* Ours take their place. */
	static const char *const own[] = { "request-id", "X-FEServer",
					   "X-CalculatedBETarget" };
	static const char *const inside[] = { "X-BEServer", "X-DiagInfo",
					      "X-BackEndHttpStatus" };

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (bytes_ieq(f->name, BYTES(own[i])))
			return false;
	if (s->echo[0] && bytes_ieq(f->name, BYTES("client-request-id")))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(inside) && !s->internal; i++)
		if (bytes_ieq(f->name, BYTES(inside[i])))
			return false;
	return true;
}

static bool is_host_char(uint8_t c)
{
	return ascii_is_digit(c) ||
	       (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '.' ||
	       c == '-' || c == '_';
}

/* Behind "%2f" a name begins, not "2fname". */
static size_t escape(struct bytes b)
{
	return b.n >= 3 && b.p[0] == '%' && ascii_hex(b.p[1]) >= 0 &&
			       ascii_hex(b.p[2]) >= 0
		       ? 3
		       : 1;
}

/* Is it a server's? One label alone is a name only where a name stands. */
static bool names_server(const struct exchange_topology *t, struct bytes token,
			 bool realm)
{
	return (realm || bytes_find(token, '.') < token.n) && token.n &&
	       !exchange_is_own_name(t, token) &&
	       exchange_find_server(t, token) >= 0;
}

void put_disclosed(struct bytes_writer *w, const struct session *s,
		   struct bytes value)
{
	static const struct bytes quoted = BYTES_LIT("realm=\"");
	const struct exchange_topology *t = &s->proxy->config->topology;
	bool realm = false;

	if (s->internal || !t->n_own_names) {
		bytes_put(w, value);
		return;
	}
	while (value.n) {
		size_t n = 0;

		/* A dot in front is a cookie's, one behind a sentence's. */
		while (n < value.n && value.p[n] == '.')
			n++;
		bytes_put(w, bytes_upto(value, n));
		value = bytes_from(value, n);
		for (n = 0; n < value.n && is_host_char(value.p[n]); n++)
			;
		while (n && value.p[n - 1] == '.')
			n--;
		if (names_server(t, bytes_upto(value, n), realm))
			bytes_puts(w, t->own_name[0]);
		else
			bytes_put(w, bytes_upto(value, n));
		value = bytes_from(value, n);
		realm = n == 5 && bytes_istarts((struct bytes){ value.p - 5,
								value.n + 5 },
						quoted);
		n = realm ? 2 : min(escape(value), value.n);
		bytes_put(w, bytes_upto(value, n));
		value = bytes_from(value, n);
	}
}

void put_disclosed_field(struct bytes_writer *w, const struct session *s,
			 const struct http_field *f)
{
	if (s->internal) {
		http_put_field(w, f->name, f->value);
		return;
	}
	bytes_put(w, f->name);
	bytes_puts(w, ": ");
	put_disclosed(w, s, f->value);
	bytes_puts(w, "\r\n");
}
