/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proxy_origin.c - an Exchange server that does what the query of a request
 * asks of it, and remembers what it saw.
 *
 * Anything can be asked: an answer before the body, without an end, in any
 * framing, slow, cut, or bytes that are no answer at all.
 */
#include <stdio.h>

#include "proxy_world.h"

/* --- what is asked -------------------------------------------------------- */

static uint64_t number(struct bytes query, const char *name, uint64_t otherwise)
{
	char text[32];

	return http_query_get(query, name, text, sizeof(text)) && text[0]
		       ? strtoull(text, NULL, 10)
		       : otherwise;
}

static char letter(struct bytes query, const char *name, char otherwise)
{
	char text[8];

	return http_query_get(query, name, text, sizeof(text)) && text[0]
		       ? text[0]
		       : otherwise;
}

static struct plan plan_of(const struct http_head *h)
{
	struct bytes q = h->query;
	struct plan p = {
		.id = number(q, "id", 0),
		.n = number(q, "n", 10),
		.shortfall = number(q, "short", 0),
		.delay = MSEC(number(q, "delay", 0)),
		.status = (unsigned)number(q, "status", 200),
		.interim = (unsigned)number(q, "interim", 0),
		.raw = (unsigned)number(q, "raw", 0),
		.framing = letter(q, "f", 'l'),
		.then = letter(q, "then", 'k'),
		.early = number(q, "early", 0),
		.silent = number(q, "silent", 0),
		.deaf = MSEC(number(q, "deaf", 0)),
		.late = MSEC(number(q, "late", 0)),
		.close = number(q, "close", 0),
		.own = number(q, "own", 0),
		.ntlm = number(q, "ntlm", 0),
		.pad = (uint32_t)number(q, "pad", 0),
	};

	if (bytes_eq(h->method, BYTES("HEAD")) || p.status == 304 ||
	    p.status == 204)
		p.shortfall = p.n; /* announced, but nothing of it comes */
	return p;
}

/* --- the answer --------------------------------------------------------------
 */

static void wake_at(struct world *w, const struct origin *o, usec_t when)
{
	struct sim_host *h = &w->sim.host[o->host];

	h->app_wake = min(h->app_wake, when);
}

static void end_of_answer(struct world *w, struct origin *o)
{
	if (o->plan.late) {
		o->when = w->sim.now + o->plan.late;
		o->plan.late = 0;
		o->said = true;
		wake_at(w, o, o->when);
		return;
	}
	o->in_answer = o->said = false;
	switch (o->plan.then) {
	case 'n':
		end_close(w, &o->e);
		break;
	case 'f':
		end_fin(w, &o->e);
		break;
	case 'r':
		end_reset(w, &o->e);
		break;
	default:
		if (o->plan.framing == 'u' || o->plan.close)
			end_close(w, &o->e);
	}
}

static size_t put_head(const struct origin *o, char *p, size_t cap)
{
	const struct plan *a = &o->plan;
	size_t n = 0;

	for (unsigned i = 0; i < a->interim; i++)
		n += (size_t)snprintf(p + n, cap - n,
				      "HTTP/1.1 100 Continue\r\n\r\n");
	n += (size_t)snprintf(
		p + n, cap - n,
		"HTTP/1.1 %u Reason\r\nX-Id: %llu\r\nX-Who: %s\r\n"
		"X-Server: %u\r\nX-Connection: %u\r\n",
		a->status, (unsigned long long)a->id, o->who, o->host,
		o->index);
	for (unsigned i = 0; i * 1000 < a->pad; i++)
		n += (size_t)snprintf(p + n, cap - n, "X-Pad-%u: %0*u\r\n", i,
				      980, i);
	if (a->framing == 'l' && a->status != 204)
		n += (size_t)snprintf(p + n, cap - n,
				      "Content-Length: %llu\r\n",
				      (unsigned long long)a->n);
	if (a->framing == 'c')
		n += (size_t)snprintf(p + n, cap - n,
				      "Transfer-Encoding: chunked\r\n");
	if (a->close)
		n += (size_t)snprintf(p + n, cap - n, "Connection: close\r\n");
	return n + (size_t)snprintf(p + n, cap - n, "\r\n");
}

static void begin_answer(struct world *w, struct origin *o)
{
	static char head[STREAM_HEAD_MAX];
	size_t n = put_head(o, head, sizeof(head));

	if (o->plan.raw) {
		const char *raw = w->setup.raw[o->plan.raw - 1];

		end_write(w, &o->e, raw, strlen(raw));
		end_of_answer(w, o);
		return;
	}
	if (!stream_fits(&o->e.st, n))
		return;
	if (end_write(w, &o->e, head, n) != n)
		world_fail(w, "an origin's head did not fit");
	o->head_out = true;
	o->sent = 0;
	o->left = o->plan.n - min(o->plan.shortfall, o->plan.n);
}

/* One piece, with a chunk around it if need be. False: no room. */
static bool write_piece(struct world *w, struct origin *o)
{
	uint8_t out[TLS_PLAIN_MAX];
	size_t n = 0, k = min(o->left, (uint64_t)sizeof(out) - 64), room;

	room = stream_room(&o->e.st);
	if (!room)
		return false;
	k = min(k, 1 + (size_t)rng_below(&w->sim.rng, 16000));
	if (o->plan.framing == 'c')
		n = (size_t)sprintf((char *)out, "%zx\r\n", k);
	for (size_t i = 0; i < k; i++)
		out[n++] = pattern(o->plan.id, o->sent + i);
	if (o->plan.framing == 'c')
		n += (size_t)sprintf((char *)out + n, "\r\n");
	if (end_write(w, &o->e, out, n) != n)
		return false;
	o->sent += k;
	o->left -= k;
	return true;
}

static void answer(struct world *w, struct origin *o)
{
	static const char last[] = "0\r\nX-Trailer: yes\r\n\r\n";

	if (w->sim.now < o->when) {
		wake_at(w, o, o->when);
		return;
	}
	if (o->said) {
		end_of_answer(w, o);
		return;
	}
	if (o->plan.silent || (o->in_body && !o->plan.early))
		return;
	if (!o->head_out)
		begin_answer(w, o);
	if (!o->head_out)
		return;
	while (o->left)
		if (!write_piece(w, o))
			return;
	if (o->plan.framing == 'c' && !o->plan.shortfall &&
	    end_write(w, &o->e, last, sizeof(last) - 1) != sizeof(last) - 1)
		return;
	end_of_answer(w, o);
}

/* --- the request
 * --------------------------------------------------------------- */

void origin_record(struct world *w, struct bytes head)
{
	struct seen *s = &w->seen;

	s->requests++;
	if (s->heads_n + head.n + 1 >= RECORDED)
		return;
	memcpy(s->heads + s->heads_n, head.p, head.n);
	s->heads_n += head.n;
	s->heads[s->heads_n] = '\0';
}

/* NTLM in three words: who said "type3 NAME" on this connection is NAME on it,
 * and anything else without an Authorization gets a 401. */
static void authenticate(struct origin *o)
{
	const struct http_field *f = http_find(&o->head, HTTP_AUTHORIZATION);
	struct bytes v = f ? f->value : BYTES_NONE;

	if (bytes_istarts(v, BYTES("NTLM type3 ")))
		(void)bytes_str(bytes_from(v, 11), o->who, sizeof(o->who));
	if (o->plan.ntlm && !o->who[0])
		o->plan.status = 401;
}

/* A whole head, if one is there. */
static bool take_head(struct world *w, struct origin *o)
{
	struct bytes in = end_bytes(&o->e);
	enum http_verdict v;
	uint32_t len;

	if (!in.n)
		return false;
	v = http_scan(&o->scan, in, &http_default_limits, &len);
	if (v == HTTP_MORE)
		return false;
	if (v == HTTP_OK)
		v = http_parse_request(bytes_upto(in, len),
				       &http_default_limits, &o->head);
	if (v != HTTP_OK) {
		world_fail(w, "an origin got a malformed request: %s",
			   http_verdict_words(v));
		return false;
	}
	origin_record(w, bytes_upto(in, len));
	o->scan = (struct http_scan){ 0 };
	o->plan = plan_of(&o->head);
	authenticate(o);
	http_body_init(&o->body, &o->head, false);
	o->requests++;
	o->body_bytes = 0;
	o->in_body = !o->body.done;
	o->whole = o->body.done;
	w->seen.whole += o->whole;
	o->in_answer = true;
	o->head_out = false;
	o->when = w->sim.now + o->plan.delay;
	o->e.paused = o->plan.deaf;
	o->hears = w->sim.now + o->plan.deaf;
	end_consume(&o->e, len);
	return true;
}

static void take_body(struct world *w, struct origin *o)
{
	while (o->in_body) {
		struct bytes in = end_bytes(&o->e), piece;
		size_t consumed;

		if (!in.n)
			return;
		if (http_body_next(&o->body, in, &piece, &consumed) !=
		    HTTP_OK) {
			world_fail(w, "an origin got a malformed body");
			return;
		}
		for (size_t i = 0; i < piece.n && o->plan.own; i++)
			if (piece.p[i] !=
			    pattern(o->plan.id, o->body_bytes + i))
				world_fail(w, "an origin got another's body");
		o->body_bytes += piece.n;
		w->seen.bytes += piece.n;
		end_consume(&o->e, consumed);
		if (!o->body.done)
			continue;
		o->in_body = false;
		o->whole = true;
		w->seen.whole++;
	}
}

static void run(struct world *w, struct origin *o)
{
	struct end *e = &o->e;

	if (e->paused && w->sim.now >= o->hears)
		e->paused = false;
	if (e->paused)
		wake_at(w, o, o->hears);
	end_step(w, e, true);
	if (e->open && !o->over && o->mail) {
		origin_mail(w, o);
	} else if (e->open && !o->over) {
		do {
			if (o->in_body)
				take_body(w, o);
			if (o->in_answer && e->st.tc)
				answer(w, o);
		} while (!w->wrong[0] && e->st.tc && !o->in_body &&
			 !o->in_answer && !e->shut && take_head(w, o));
	}
	/* What a server does when its peer is gone: it goes, too. */
	if (e->ended && !o->over) {
		o->over = true;
		w->seen.ended[e->ended]++;
	}
	if (e->st.tc && e->ended &&
	    (!o->in_answer || e->ended != BY_NOTIFY || tcp_dead(e->st.tc)))
		end_leave(w, e);
}

void origins_turn(struct world *w, struct sim_host *h)
{
	struct tcp_conn *tc;
	void *user;

	while ((tc = tcp_accept(h->tcp, &user))) {
		struct origin *o = calloc(1, sizeof(*o));

		if (w->n_origins == ORIGINS) {
			world_fail(w, "too many connections to origins");
			free(o);
			return;
		}
		o->host = h->index;
		o->index = w->n_origins;
		o->e.st.tc = tc;
		o->mail = user == &origin_mail_port;
		w->origin[w->n_origins++] = o;
		w->seen.connections++;
	}
	while ((tc = tcp_ready(h->tcp)))
		;
	for (unsigned i = 0; i < w->n_origins; i++) {
		struct origin *o = w->origin[i];

		if (o->host == h->index && o->e.st.tc)
			run(w, o);
	}
}
