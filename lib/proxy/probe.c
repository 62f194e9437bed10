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
	struct session *other = s == q->out ? q->in : q->out;
	bool answered = q->facts.reach == EXCHANGE_ANSWERED;

	if (other)
		free_probe(other, true, now);
	q->out = q->in = NULL;
	q->held_up = s->began < prober_held(p, now);
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
	int i = back_index(p, s->server_id);
	const struct proxy_server *b;

	if (i < 0) {
		note(s, EXCHANGE_NOT_ASKED, "is not in the configuration");
		return end(s, now);
	}
	b = &p->config->server[i];
	while (s->next_addr < b->n_addrs) {
		s->back.tc = dial(s, b, &b->addr[s->next_addr++], now);
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

static struct session *new_session(struct proxy *p, struct proxy_probe *q,
				   usec_t now)
{
	struct session *s = slab_get(&p->probe_slab);

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
	return s;
}

/* Two for the two channels of a virtual connection. */
static bool has_room(const struct proxy *p)
{
	return p->probe_slab.used + 2 <= p->probe_slab.count;
}

bool probes_begin(struct proxy *p, usec_t now)
{
	bool any = false;

	while (!list_empty(&p->questions) && has_room(p)) {
		struct proxy_probe *q = list_entry(list_pop(&p->questions),
						   struct proxy_probe, link);
		struct session *s = new_session(p, q, now);

		q->out = q->in = NULL;
		if (q->ask == EXCHANGE_ASK_CONNECT) {
			q->out = s;
			q->in = new_session(p, q, now);
			q->in->in_channel = true;
		}
		p->stats.probes++;
		any = true;
		session_carry_on(s, connect_next(s, now));
		/* It may have ended at once. */
		if (q->in)
			session_carry_on(q->in, connect_next(q->in, now));
	}
	return any;
}

bool probes_wait(const struct proxy *p)
{
	return !list_empty(&p->questions) && has_room(p);
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
	/* A body that does not end spoils no answer; an IN channel has none. */
	if (!s->answering && !(s->in_channel && s->probe->out->answering))
		note(s, EXCHANGE_SILENT,
		     "took the request and did not answer in time");
	return end(s, now);
}

/* What follows the head: an echo, or the beginning of a channel. */
static void put_body(struct bytes_writer *w, const struct session *s)
{
	const struct proxy_probe *q = s->probe;
	uint8_t pdu[RPCH_CONN_B1_SIZE];
	struct bytes body = BYTES_NONE;

	if (q->ask == EXCHANGE_ASK_ECHO) {
		body = (struct bytes){ rpch_echo_body, RPCH_ECHO_BODY_SIZE };
	} else if (q->ask == EXCHANGE_ASK_CONNECT && s->in_channel) {
		rpch_conn_b1(pdu, q->opening);
		body = (struct bytes){ pdu, RPCH_CONN_B1_SIZE };
	} else if (q->ask == EXCHANGE_ASK_CONNECT) {
		rpch_conn_a1(pdu, q->opening);
		body = (struct bytes){ pdu, RPCH_CONN_A1_SIZE };
	}
	bytes_put(w, body);
}

static void put_question(struct bytes_writer *w, const struct session *s,
			 const char *host)
{
	const struct proxy_probe *q = s->probe;
	struct exchange_question ask =
		exchange_question(q->protocol, q->ask, s->in_channel);

	bytes_putf(w, "%s %s%s%s HTTP/1.1\r\nHost: %s\r\n%s", ask.method,
		   ask.path, q->target ? "?" : "", q->target ? q->target : "",
		   host, ask.fields);
	if (q->login[s->in_channel])
		bytes_putf(w, "Authorization: %s\r\n", q->login[s->in_channel]);
	if (q->ask != EXCHANGE_ASK_CONNECT)
		bytes_puts(w, "Connection: close\r\n");
	bytes_puts(w, "\r\n");
	put_body(w, s);
}

static enum step send_question(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	struct bytes_writer w = { p->out, 0, sizeof(p->out), false };
	int i = back_index(p, s->server_id);
	bool sent;

	if (i < 0 || tcp_status(s->back.tc) != TCP_OPEN || s->back.failed)
		return probe_failed(s, "closed the connection", now);
	put_question(&w, s, p->config->topology.server[i].fqdn);
	assert(!w.overflow);
	if (!stream_fits(&s->back, w.n))
		return STEP_WAIT;
	sent = stream_write_all(&s->back, w.p, w.n, now);
	mem_wipe(p->out, w.n);
	if (!sent)
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

/* CONN/A3, and once both channels have met, CONN/C2 (MS-RPCH 3.2.1.4.3). */
static enum step take_pdus(struct session *s, usec_t now)
{
	struct exchange_facts *f = &s->probe->facts;
	struct bytes in = stream_bytes(&s->back), rest = in;
	struct rpch_counts none = { 0 };
	struct rpch_event ev;
	struct rpch_watch w;

	/* From the first byte each time: it is little. */
	rpch_watch_init(&w, RPCH_O_C);
	while (rpch_watch(&w, &none, &rest, &ev) == RPCH_OK) {
		f->a3 |= ev.kind == RPCH_PDU_CONN_A3;
		f->c2 |= ev.kind == RPCH_PDU_CONN_C2;
	}
	if (!f->c2 && !w.opaque && in.n < EXCHANGE_BODY && !s->back.eof &&
	    !s->back.cut)
		return fill(s->proxy, &s->back, now);
	return end(s, now);
}

enum step probe_step(struct session *s, usec_t now)
{
	struct exchange_facts *f = &s->probe->facts;
	struct bytes in;

	if (s->mail)
		return take_greeting(s, now);
	if (!s->head_sent)
		return send_question(s, now);
	if (!s->answering)
		return take_head(s, now);
	if (s->probe->ask == EXCHANGE_ASK_CONNECT && f->status == 200 &&
	    !s->in_channel)
		return take_pdus(s, now);
	in = stream_bytes(&s->back);
	if (!body_is_there(s, in))
		return fill(s->proxy, &s->back, now);
	f->echo = in.n >= RPCH_ECHO_SIZE &&
		  !memcmp(in.p, rpch_echo, RPCH_ECHO_SIZE);
	exchange_note_body(f, in);
	return end(s, now);
}
