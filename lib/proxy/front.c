/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * front.c - behind a balancer: who the client is, and that two of its clients
 * are never taken for one.
 *
 * An L4 balancer tells once, in the PROXY header before the first byte. An L7
 * balancer tells in each request, and may send the next request of the same
 * connection for somebody else. So nothing on such a connection is believed to
 * last: NTLM and Negotiate, which authenticate connections, are neither offered
 * nor taken, and the back-end connection belongs to the client that last asked.
 */
#include "proxy/proxy_int.h"

#define PIECES 64

/* --- the PROXY header -------------------------------------------------------
 */

static enum step close_it(struct session *s, enum front_verdict v, usec_t now)
{
	struct proxy *p = s->proxy;

	p->stats.front_refused++;
	p->stats.front[v]++;
	return session_kill(s, true, now);
}

enum step front_header_step(struct session *s, usec_t now)
{
	struct tcp_conn *tc = s->client.tc;
	uint8_t head[FRONT_HEADER_MAX];
	struct iovec iov[PIECES];
	struct span_in in = span_in_of(iov, tcp_rx_peek(tc, iov, PIECES));
	size_t n = span_in_read(&in, head, sizeof(head)), len = 0;
	struct front_header h;
	enum front_verdict v;

	v = front_header((struct bytes){ head, n }, s->proxy_header, &h, &len);
	if (v == FRONT_MORE && tcp_status(tc) == TCP_OPEN)
		return STEP_WAIT;
	if (v == FRONT_MORE)
		v = FRONT_NO_HEADER;
	if (v != FRONT_OK)
		return close_it(s, v, now);
	tcp_rx_consume(tc, len, now);
	s->proxy->stats.front_headers++;
	if (!h.local)
		s->from = h.client;
	session_hear(s, now);
	return STEP_PROGRESS;
}

/* --- X-Forwarded-For
 * ----------------------------------------------------------- */

/* The listener as it is now; it may have gone. */
static const struct proxy_listener *listener_of(const struct session *s,
						const struct tcp_info *info)
{
	const struct proxy_config *c = s->proxy->config;
	const struct proxy_listener *any = NULL;

	for (unsigned i = 0; i < c->n_listeners; i++) {
		const struct proxy_listener *l = &c->listener[i];

		if (l->port != info->lport)
			continue;
		if (ipaddr_eq(&l->addr, &info->local))
			return l;
		if (ipaddr_is_any(&l->addr))
			any = l;
	}
	return any;
}

/* Who passed this request on to the peer; nobody's word counts on a connection
 * that is not a balancer's. */
static enum front_verdict chain_of(const struct session *s,
				   const struct http_head *h,
				   struct front_chain *c)
{
	const struct proxy_listener *l;
	enum front_verdict v = FRONT_OK;
	struct tcp_info info;

	c->n = 0;
	c->done = !s->balanced || !s->trusted;
	tcp_info(s->client.tc, &info);
	l = listener_of(s, &info);
	for (unsigned i = h->n; i-- && !c->done && v == FRONT_OK;)
		if (h->field[i].known == HTTP_X_FORWARDED_FOR)
			v = front_chain(c, h->field[i].value,
					l ? l->trusted : NULL,
					l ? l->n_trusted : 0);
	return v;
}

static enum step refuse_forwarded(struct session *s, usec_t now)
{
	s->proxy->stats.forwarded_refused++;
	return session_answer(
		s, 400, NULL,
		s->trusted ? front_verdict_words(FRONT_MANY)
			   : "X-Forwarded-For is taken from this listener's "
			     "balancers only.",
		true, now);
}

static enum step refuse_bind(struct session *s, usec_t now)
{
	s->proxy->stats.binds_refused++;
	return session_answer(
		s, 403, NULL,
		"NTLM and Negotiate authenticate a connection, and this one is "
		"a balancer's, which many clients share: use Basic or a token.",
		false, now);
}

bool front_allows(struct session *s, const struct http_head *h, usec_t now,
		  enum step *step)
{
	struct front_chain c;
	struct tcp_info info;

	if (!s->balanced)
		return true;
	if (chain_of(s, h, &c) != FRONT_OK ||
	    (!s->trusted && s->closes_forwarded &&
	     http_find(h, HTTP_X_FORWARDED_FOR))) {
		*step = refuse_forwarded(s, now);
		return false;
	}
	tcp_info(s->client.tc, &info);
	s->from = c.n ? c.hop[c.n - 1] : info.remote;
	if (!s->binds)
		return true;
	*step = refuse_bind(s, now);
	return false;
}

void front_put_forwarded(struct bytes_writer *w, const struct session *s,
			 const struct http_head *h)
{
	char text[IPADDR_STR];
	struct front_chain c;
	struct tcp_info info;

	(void)chain_of(s, h, &c);
	bytes_puts(w, "X-Forwarded-For: ");
	for (unsigned i = c.n; i--;)
		bytes_putf(w, "%s, ", ipaddr_str(&c.hop[i], text));
	/* A balancer that speaks no HTTP is no hop of it. */
	tcp_info(s->client.tc, &info);
	bytes_putf(w, "%s\r\n",
		   ipaddr_str(s->balanced ? &info.remote : &s->from, text));
}

/* --- users of one connection
 * ------------------------------------------------------ */

bool front_changed(const struct session *s)
{
	return s->balanced && (!ipaddr_eq(&s->from, &s->back_from) ||
			       s->identity != s->back_identity);
}

void front_put_challenges(struct bytes_writer *w, const struct session *s,
			  const struct http_field *f)
{
	static const struct bytes ntlm = BYTES_LIT("NTLM"),
				  negotiate = BYTES_LIT("Negotiate");
	struct bytes rest = f->value;
	struct http_challenge c;
	bool first = true;

	while (http_challenge_next(&rest, &c)) {
		if (bytes_ieq(c.scheme, ntlm) || bytes_ieq(c.scheme, negotiate))
			continue;
		if (first)
			bytes_put(w, f->name);
		bytes_puts(w, first ? ": " : ", ");
		put_disclosed(w, s, c.whole);
		first = false;
	}
	if (!first)
		bytes_puts(w, "\r\n");
}
