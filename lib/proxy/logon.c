/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * logon.c - logon by form, as far as it outlives its request: the cookies that
 * a Client Access server gives are good at that server alone, and the requests
 * that bring them say neither who asks nor where he logged on. So the browser
 * keeps that for us, sealed, in a cookie beside them.
 *
 * It chooses a server, as any routing key does, and opens nothing: who copies
 * one has his own cookies carried to another server.
 */
#include "proxy/proxy_int.h"

/* What is sealed: a server's name, a NUL, a user. */
#define PLAIN_MAX (EXCHANGE_NAME + SESS_USER)
#define SEALED_MAX (PLAIN_MAX + SEAL_ADDED)

#define COOKIE "Set-Cookie: " EXCHANGE_LOGON_COOKIE "="
#define COOKIE_END "; Path=/; Secure; HttpOnly; SameSite=Lax"

static bool open_cookie(struct seal_box *box, struct bytes value,
			struct logon_memory *out)
{
	uint8_t sealed[SEALED_MAX], plain[PLAIN_MAX];
	long n = bytes_unbase64(value, sealed, sizeof(sealed));
	struct bytes rest = { plain, 0 }, server;

	if (n < SEAL_ADDED ||
	    !seal_open(box, (struct bytes){ sealed, (size_t)n }, plain))
		return false;
	rest.n = (size_t)n - SEAL_ADDED;
	server = bytes_cut(&rest, 0);
	return bytes_str(server, out->server, sizeof(out->server)) &&
	       bytes_str(rest, out->user, sizeof(out->user));
}

static bool find_cookie(const struct http_head *h, struct http_cookie *c)
{
	static const struct bytes name = BYTES_LIT(EXCHANGE_LOGON_COOKIE);

	for (unsigned i = 0; i < h->n; i++) {
		struct bytes rest = h->field[i].value;

		if (h->field[i].known != HTTP_COOKIE)
			continue;
		while (http_cookie_next(&rest, c))
			if (bytes_eq(c->name, name))
				return true;
	}
	return false;
}

void logon_recall(struct session *s, const struct http_head *h,
		  struct logon_memory *out)
{
	struct http_cookie c;

	s->remembers =
		(s->protocol == EXCHANGE_OWA || s->protocol == EXCHANGE_ECP) &&
		find_cookie(h, &c);
	/* Who says who he is needs no memory. */
	if (!s->remembers || s->logon || s->auth != PROXY_AUTH_NONE ||
	    !open_cookie(s->proxy->box, c.value, out))
		*out = (struct logon_memory){ 0 };
}

/* Does a Client Access server's answer say that who claimed to be want_user is
 * he? From 2013 on any front end takes any session. */
static bool accepted(const struct session *s, const struct http_head *h)
{
	const struct proxy *p = s->proxy;
	int i = back_index(p, s->server_id);

	if (!s->logon || s->auth != PROXY_AUTH_NONE || !s->want_user[0] ||
	    i < 0 || exchange_is_modern(p->config->topology.server[i].version))
		return false;
	for (unsigned n = 0; n < h->n; n++)
		if (h->field[n].known == HTTP_SET_COOKIE &&
		    exchange_has_logged_on(h->status, h->field[n].value))
			return true;
	return false;
}

static void put_memory(struct bytes_writer *w, const struct session *s)
{
	const struct proxy *p = s->proxy;
	const struct exchange_topology *t = &p->config->topology;
	uint8_t text[PLAIN_MAX], sealed[SEALED_MAX];
	struct bytes_writer plain = { text, 0, sizeof(text), false };

	bytes_puts(&plain, t->server[back_index(p, s->server_id)].name);
	bytes_put(&plain, (struct bytes){ (const uint8_t *)"", 1 });
	bytes_puts(&plain, s->want_user);
	assert(!plain.overflow);
	seal_close(p->box, (struct bytes){ text, plain.n }, sealed);
	bytes_puts(w, COOKIE);
	bytes_put64(w, (struct bytes){ sealed, plain.n + SEAL_ADDED });
	bytes_puts(w, COOKIE_END "\r\n");
}

void logon_put(struct bytes_writer *w, const struct session *s,
	       const struct http_head *h)
{
	if (accepted(s, h))
		put_memory(w, s);
	else
		logon_put_end(w, s);
}

void logon_put_end(struct bytes_writer *w, const struct session *s)
{
	if (s->remembers && (s->logon || s->logoff))
		bytes_puts(w, COOKIE COOKIE_END "; Max-Age=0\r\n");
}

void logon_prefer(struct session *s, const struct logon_memory *m)
{
	const struct exchange_topology *t = &s->proxy->config->topology;
	int i = exchange_find_server(t, BYTES(m->server));

	for (unsigned n = 1; i >= 0 && n < s->n_candidates; n++) {
		if (s->candidate[n] != t->server[i].id)
			continue;
		memmove(&s->candidate[1], &s->candidate[0],
			n * sizeof(s->candidate[0]));
		s->candidate[0] = t->server[i].id;
	}
}
