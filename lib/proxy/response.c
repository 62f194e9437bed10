/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * response.c - a back end's answer: its head judged as strictly as a
 * request's, written anew for the client.
 */
#include "proxy/proxy_int.h"

static enum step bad_gateway(struct session *s, const char *why, usec_t now)
{
	struct proxy *p = s->proxy;
	struct proxy_server_stats *st = &p->servers[s->server_id];

	st->failures++;
	back_result(s, false);
	bytes_str(BYTES(why), st->last_error, sizeof(st->last_error));
	return session_answer(s, 502, NULL, why, true, now);
}

static void count_status(struct proxy *p, unsigned status)
{
	uint64_t *const class[] = { NULL,
				    &p->stats.responses_1xx,
				    &p->stats.responses_2xx,
				    &p->stats.responses_3xx,
				    &p->stats.responses_4xx,
				    &p->stats.responses_5xx };

	if (status / 100 < ARRAY_LEN(class) && class[status / 100])
		(*class[status / 100])++;
}

/* "http[s]://host[:port]/rest": false for others. */
static bool cut_url(struct bytes url, struct bytes *host, struct bytes *rest)
{
	static const struct bytes https = BYTES_LIT("https://"),
				  http = BYTES_LIT("http://");
	bool secure = bytes_istarts(url, https);

	if (!secure && !bytes_istarts(url, http))
		return false;
	url = bytes_from(url, secure ? https.n : http.n);
	*rest = bytes_from(url, bytes_find(url, '/'));
	url = bytes_upto(url, bytes_find(url, '/'));
	*host = bytes_upto(url, bytes_find(url, ':'));
	return true;
}

/* A Location that names a back end is an inside name: the namespace takes its
 * place. Others pass as they are. */
static void put_location(struct bytes_writer *w, const struct session *s,
			 const struct http_field *f)
{
	const struct exchange_topology *t = &s->proxy->config->topology;
	struct bytes host, rest;

	if (t->n_own_names && cut_url(f->value, &host, &rest) &&
	    !exchange_is_own_name(t, host) &&
	    exchange_find_server(t, host) >= 0) {
		bytes_putf(w, "%.*s: https://%s", BYTES_FMT(f->name),
			   t->own_name[0]);
		put_disclosed(w, s, rest);
		bytes_puts(w, "\r\n");
	} else {
		put_disclosed_field(w, s, f);
	}
}

/* A redirect to the very address that was asked for, and nothing to make it
 * come out differently next time: the browser would ask for ever. */
static bool loops(const struct session *s, const struct http_head *h)
{
	const struct exchange_topology *t = &s->proxy->config->topology;
	const struct http_field *f = http_find(h, HTTP_LOCATION);
	struct bytes host, rest;
	size_t at;

	if (!f || h->status / 100 != 3 || !s->is_get ||
	    http_find(h, HTTP_SET_COOKIE))
		return false;
	if (!cut_url(f->value, &host, &rest))
		rest = f->value;
	else if (!exchange_is_own_name(t, host) &&
		 exchange_find_server(t, host) < 0)
		return false;
	at = bytes_find(rest, '?');
	return target_hash(bytes_upto(rest, at), bytes_from(rest, at + 1)) ==
	       s->asked;
}

static void put_response(struct bytes_writer *w, struct session *s,
			 const struct http_head *h)
{
	bool ours = offer_replaces(s, h);

	bytes_putf(w, "HTTP/1.1 %03u ", h->status);
	put_disclosed(w, s, h->reason);
	bytes_puts(w, "\r\n");
	put_own_fields(w, s);
	if (ours)
		offer_put(w, s, h);
	for (unsigned i = 0; i < h->n; i++) {
		const struct http_field *f = &h->field[i];

		if (f->known == HTTP_LOCATION)
			put_location(w, s, f);
		else if (f->known == HTTP_WWW_AUTHENTICATE &&
			 (ours || s->serves))
			continue;
		else if (f->known == HTTP_WWW_AUTHENTICATE && s->balanced)
			front_put_challenges(w, s, f);
		else if (!http_hop_by_hop(f) && disclose_allows(s, f) &&
			 /* Without chunks there are no trailers to announce. */
			 !(s->client_10 && f->known == HTTP_TRAILER))
			put_disclosed_field(w, s, f);
	}
	logon_put(w, s, h);
	if (h->framing == HTTP_CHUNKED && !s->client_10)
		bytes_puts(w, "Transfer-Encoding: chunked\r\n");
	if (!s->keep_alive)
		bytes_puts(w, "Connection: close\r\n");
	else if (s->client_10)
		bytes_puts(w, "Connection: keep-alive\r\n");
	bytes_puts(w, "\r\n");
}

/* Can the client's connection serve another request after this answer? */
static bool survives(const struct session *s, const struct http_head *h)
{
	if (!s->keep_alive || s->draining || h->framing == HTTP_UNTIL_CLOSE ||
	    (s->client_10 && h->framing == HTTP_CHUNKED))
		return false;
	/* An error into a body that is still coming: the rest is not worth
	 * reading. A success lets the body go on. */
	return s->up_done || h->status < 400;
}

static enum step pass_on(struct session *s, struct http_head *h, usec_t now)
{
	struct proxy *p = s->proxy;
	struct bytes_writer w = { p->out, 0, sizeof(p->out), false };

	if (loops(s, h)) {
		p->stats.redirect_loops++;
		return bad_gateway(s,
				   "The Exchange server redirects this address "
				   "to itself.",
				   now);
	}
	s->keep_alive = survives(s, h);
	s->back_keep = h->keep_alive && h->framing != HTTP_UNTIL_CLOSE;
	put_response(&w, s, h);
	if (w.overflow)
		return bad_gateway(s,
				   "The Exchange server's header block is too "
				   "large.",
				   now);
	if (!stream_write_all(&s->client, w.p, w.n, now))
		return session_kill(s, true, now);
	back_result(s, !exchange_is_failure(
			       s->protocol, h->status, h->reason,
			       http_find_name(h, BYTES("Retry-After"))));
	http_body_init(&s->down, h, !s->client_10);
	if (s->rpc)
		rpc_answer_begins(s, h);
	s->down_done = h->framing == HTTP_NO_BODY || s->down.done;
	s->answering = true;
	s->status = h->status;
	record_answer(s, h, now);
	s->bytes_down += w.n;
	p->stats.bytes_down += w.n;
	count_status(p, h->status);
	hist_add(&p->stats.first_byte, now - s->request_began);
	return STEP_PROGRESS;
}

enum step response_head(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	struct http_head *h = &p->head;
	struct bytes in = stream_bytes(&s->back);
	enum http_verdict v = HTTP_MORE;
	enum step step;
	uint32_t len = 0;

	if (in.n)
		v = http_scan(&s->scan_down, in, &http_default_limits, &len);
	if (v == HTTP_MORE) {
		if (s->back.eof || s->back.cut)
			return bad_gateway(s,
					   "The Exchange server closed the "
					   "connection without an answer.",
					   now);
		return fill(p, &s->back, now);
	}
	/* Whatever becomes of it must be told to the client. */
	if (!stream_room(&s->client) || !stream_fits(&s->client, len + 2048))
		return STEP_WAIT;
	if (v == HTTP_OK)
		v = http_parse_response(bytes_upto(in, len), s->is_head,
					&http_default_limits, h);
	if (v != HTTP_OK || h->status == 101) {
		p->stats.bad_responses++;
		return bad_gateway(
			s, "The Exchange server's answer is malformed.", now);
	}
	if (identity_refused(s, h))
		return identity_refuse(s, now);
	step = STEP_PROGRESS;
	if (h->status >= 200)
		step = pass_on(s, h, now);
	else
		count_status(p, h->status);
	if (step != STEP_DEAD && s->state == SESS_EXCHANGE) {
		stream_consume(&p->bufs, &s->back, len);
		s->scan_down = (struct http_scan){ 0 };
	}
	return step;
}
