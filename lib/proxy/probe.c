/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe.c - a question to a server: a session without a client side, so that
 * it goes the very way that requests go (dataplane 2.31).
 */
#include <stdio.h>

#include "proxy/proxy_int.h"

void proxy_probe(struct proxy *p, struct proxy_probe *q)
{
	q->facts = (struct exchange_facts){ 0 };
	list_init(&q->link);
	list_push(&p->questions, &q->link);
}

static void free_probe(struct session *s, bool reset, usec_t now)
{
	struct proxy *p = s->proxy;

	list_remove(&s->run);
	if (!reset)
		stream_close(&s->back, now);
	stream_drop(&p->bufs, &s->back, reset, now);
	tick_cancel(&p->wheel, &s->timer);
	list_remove(&s->link);
	slab_put(&p->probe_slab, s);
}

static enum step end(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	struct proxy_probe *q = s->probe;
	bool answered = q->facts.reach == EXCHANGE_ANSWERED;

	p->stats.probes_unanswered += !answered;
	free_probe(s, !answered, now);
	q->done(p, q, now);
	return STEP_DEAD;
}

static void note(struct session *s, enum exchange_reach reach, const char *why)
{
	struct exchange_facts *f = &s->probe->facts;

	f->reach = reach;
	snprintf(f->why, sizeof(f->why), "%s", why);
}

/* Each address gets its part of the time. */
static enum step connect_next(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	int i = back_index(p, s->server_id), error = 0;
	const struct proxy_server *b;

	if (i < 0) {
		note(s, EXCHANGE_NOT_ASKED, "is not in the configuration");
		return end(s, now);
	}
	b = &p->config->server[i];
	while (s->next_addr < b->n_addrs) {
		const struct ipaddr *to = &b->addr[s->next_addr++];

		s->back.tc = tcp_connect(p->tcp, back_source(b, to, now), to,
					 back_port(s, b), s, now, &error);
		if (!s->back.tc) {
			note(s, EXCHANGE_NO_TCP, "cannot be reached");
			continue;
		}
		session_deadline(s, s->began + s->probe->timeout *
						       s->next_addr /
						       b->n_addrs);
		return STEP_PROGRESS;
	}
	if (!b->n_addrs)
		note(s, EXCHANGE_NO_TCP, "has no address that is known");
	return end(s, now);
}

bool probes_begin(struct proxy *p, usec_t now)
{
	bool any = false;

	while (!list_empty(&p->questions)) {
		struct session *s = slab_get(&p->probe_slab);
		struct proxy_probe *q;

		if (!s)
			break;
		q = list_entry(list_pop(&p->questions), struct proxy_probe,
			       link);
		*s = (struct session){ .proxy = p,
				       .probe = q,
				       .protocol = q->protocol,
				       .server_id = q->server,
				       .mail = exchange_is_mail(q->protocol),
				       .state = SESS_CONNECT,
				       .began = now };
		list_init(&s->run);
		list_init(&s->idle);
		list_init(&s->link);
		list_push(&p->probes, &s->link);
		tick_node_init(&s->timer);
		p->stats.probes++;
		any = true;
		session_carry_on(s, connect_next(s, now));
	}
	return any;
}

bool probes_wait(const struct proxy *p)
{
	return !list_empty(&p->questions) &&
	       p->probe_slab.used < p->probe_slab.count;
}

void probes_drop(struct proxy *p)
{
	list_for_each_safe(node, &p->probes) free_probe(
		list_entry(node, struct session, link), true, p->wheel.now);
}

/* --- how it goes on ------------------------------------------------------ */

enum step probe_failed(struct session *s, const char *why, usec_t now)
{
	bool connecting = s->state == SESS_CONNECT;

	if (connecting)
		note(s, EXCHANGE_NO_TCP, why);
	else if (s->state == SESS_EXCHANGE)
		note(s, EXCHANGE_CUT, why);
	else if (s->probe->facts.reach == EXCHANGE_NO_TRUST)
		note(s, EXCHANGE_NO_TRUST, why);
	else
		note(s, EXCHANGE_NO_TLS, why);
	if (!connecting)
		return end(s, now);
	stream_drop(&s->proxy->bufs, &s->back, true, now);
	return connect_next(s, now);
}

enum step probe_timeout(struct session *s, usec_t now)
{
	if (s->state == SESS_CONNECT)
		return probe_failed(s, "does not answer", now);
	if (s->state == SESS_BACK_TLS)
		return probe_failed(
			s, "did not finish the TLS handshake in time", now);
	/* A body that does not end spoils no answer. */
	if (!s->answering)
		note(s, EXCHANGE_SILENT,
		     "took the request and did not answer in time");
	return end(s, now);
}

static enum step send_question(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	const struct proxy_probe *q = s->probe;
	struct exchange_question ask = exchange_question(q->protocol, q->ask);
	struct bytes_writer w = { p->out, 0, sizeof(p->out), false };
	int i = back_index(p, s->server_id);

	if (i < 0 || tcp_status(s->back.tc) != TCP_OPEN || s->back.failed)
		return probe_failed(s, "closed the connection", now);
	bytes_putf(&w,
		   "%s %s HTTP/1.1\r\nHost: %s\r\n%sConnection: close\r\n\r\n",
		   ask.method, ask.path, p->config->topology.server[i].fqdn,
		   ask.fields);
	assert(!w.overflow);
	if (!stream_fits(&s->back, w.n))
		return STEP_WAIT;
	if (!stream_write_all(&s->back, w.p, w.n, now))
		return probe_failed(s, "closed the connection", now);
	s->head_sent = true;
	return STEP_PROGRESS;
}

static void note_head(struct session *s, const struct http_head *h)
{
	struct exchange_facts *f = &s->probe->facts;

	f->reach = EXCHANGE_ANSWERED;
	f->why[0] = '\0';
	f->status = h->status;
	exchange_printable(h->reason, f->reason, sizeof(f->reason));
	for (unsigned i = 0; i < h->n; i++)
		exchange_note_header(f, h->field[i].name, h->field[i].value);
	s->answering = true;
	s->framing = h->framing;
	s->length = h->length;
}

static enum step take_head(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	struct bytes in = stream_bytes(&s->back);
	enum http_verdict v = HTTP_MORE;
	uint32_t len = 0;

	if (in.n)
		v = http_scan(&s->scan_down, in, &http_default_limits, &len);
	if (v == HTTP_MORE && (s->back.eof || s->back.cut))
		return probe_failed(
			s, "closed the connection without an answer", now);
	if (v == HTTP_MORE)
		return fill(p, &s->back, now);
	if (v == HTTP_OK)
		v = http_parse_response(bytes_upto(in, len), false,
					&http_default_limits, &p->head);
	if (v != HTTP_OK || p->head.status == 101) {
		note(s, EXCHANGE_GARBLED, "answers what is not HTTP");
		return end(s, now);
	}
	if (p->head.status >= 200)
		note_head(s, &p->head);
	stream_consume(&p->bufs, &s->back, len);
	s->scan_down = (struct http_scan){ 0 };
	return STEP_PROGRESS;
}

/* The beginning of the body is enough, as it came: chunks and all. */
static bool body_is_there(const struct session *s, struct bytes in)
{
	switch (s->framing) {
	case HTTP_NO_BODY:
		return true;
	case HTTP_LENGTH:
		if (in.n >= s->length)
			return true;
		break;
	case HTTP_CHUNKED:
		if (in.n >= 5 && !memcmp(in.p + in.n - 5, "0\r\n\r\n", 5))
			return true;
		break;
	case HTTP_UNTIL_CLOSE:
		break;
	}
	return in.n >= EXCHANGE_BODY || s->back.eof || s->back.cut;
}

/* POP and IMAP servers speak first; the first line tells all. */
static enum step take_greeting(struct session *s, usec_t now)
{
	struct bytes in = stream_bytes(&s->back);
	size_t n = bytes_find(in, '\n');

	if (n == in.n && n < EXCHANGE_BODY) {
		if (s->back.eof || s->back.cut)
			return probe_failed(
				s, "closed the connection without a greeting",
				now);
		return fill(s->proxy, &s->back, now);
	}
	exchange_note_greeting(&s->probe->facts, s->protocol,
			       bytes_upto(in, n));
	return end(s, now);
}

enum step probe_step(struct session *s, usec_t now)
{
	struct bytes in;

	if (s->mail)
		return take_greeting(s, now);
	if (!s->head_sent)
		return send_question(s, now);
	if (!s->answering)
		return take_head(s, now);
	in = stream_bytes(&s->back);
	if (!body_is_there(s, in))
		return fill(s->proxy, &s->back, now);
	exchange_note_body(&s->probe->facts, in);
	return end(s, now);
}
