/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * origin.c - a back end that answers every request with the same number of
 * bytes, as fast as it can.
 */
#include "load.h"

#include <stdio.h>
#include <string.h>

struct connection {
	struct stream st;
	bool ready; /* the handshake is over */
	bool over; /* close when the answer is out */
	struct http_scan scan;
	struct http_body body; /* of the request */
	bool in_body;
	uint64_t left; /* of the answer to be written */
};

struct origin {
	struct worker_app app;
	struct origin_config cfg;
	struct tcp_listener *listener;
	struct stream_pool bufs;
	struct list ready;
	struct slab conns;
	struct http_head head;
	uint8_t zeros[TLS_PLAIN_MAX];
};

static void drop(struct origin *o, struct connection *n, bool reset, usec_t now)
{
	if (!reset)
		stream_close(&n->st, now);
	stream_drop(&o->bufs, &n->st, reset, now);
	slab_put(&o->conns, n);
}

static void accept_new(struct origin *o, usec_t now)
{
	struct tcp_conn *tc;
	void *user;

	while ((tc = tcp_accept(o->cfg.tcp, &user))) {
		struct connection *n = slab_get(&o->conns);

		if (!n) {
			tcp_abort(tc, now);
			continue;
		}
		*n = (struct connection){ .st.tc = tc };
		n->st.tls = tls_accept(o->cfg.tls);
		tcp_set_user(tc, n);
		if (!n->st.tls)
			drop(o, n, true, now);
	}
}

/* As Exchange 2019 answers, which says a lot of itself. */
#define HEAD                                                                   \
	"HTTP/1.1 200 OK\r\n"                                                  \
	"Cache-Control: private\r\n"                                           \
	"Content-Type: text/xml; charset=utf-8\r\n"                            \
	"Server: Microsoft-IIS/10.0\r\n"                                       \
	"request-id: 5d1c3b4e-2a70-4b8e-9f06-1c2d3e4f5a6b\r\n"                 \
	"X-CalculatedBETarget: ex19.contoso.com\r\n"                           \
	"X-BackEndHttpStatus: 200\r\n"                                         \
	"Set-Cookie: exchangecookie=0f1e2d3c4b5a69788796a5b4c3d2; path=/\r\n"  \
	"X-DiagInfo: EX19\r\n"                                                 \
	"X-BEServer: EX19\r\n"                                                 \
	"X-AspNet-Version: 4.0.30319\r\n"                                      \
	"X-Powered-By: ASP.NET\r\n"                                            \
	"X-FEServer: EX19\r\n"                                                 \
	"Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"                              \
	"Content-Length: %u\r\n\r\n"

/* A request head, if one is there; the answer's head goes out. */
static bool take_request(struct origin *o, struct connection *n, usec_t now)
{
	struct bytes in = stream_bytes(&n->st);
	char head[sizeof(HEAD) + 16];
	uint32_t len;
	int k;

	if (!in.n || !stream_room(&n->st) ||
	    http_scan(&n->scan, in, &http_default_limits, &len) != HTTP_OK ||
	    http_parse_request(bytes_upto(in, len), &http_default_limits,
			       &o->head) != HTTP_OK)
		return false;
	http_body_init(&n->body, &o->head, false);
	n->in_body = !n->body.done;
	n->over = !o->head.keep_alive;
	n->left = o->cfg.size;
	n->scan = (struct http_scan){ 0 };
	stream_consume(&o->bufs, &n->st, len);
	k = snprintf(head, sizeof(head), HEAD, o->cfg.size);
	/* Small answers leave in one record with their head. */
	if (o->cfg.size + (unsigned)k <= TLS_PLAIN_MAX) {
		uint8_t whole[TLS_PLAIN_MAX];

		memcpy(whole, head, (size_t)k);
		memset(whole + k, 'x', o->cfg.size);
		n->left = 0;
		return stream_write(&n->st, whole, (size_t)k + o->cfg.size,
				    now);
	}
	return stream_write(&n->st, head, (size_t)k, now);
}

static bool write_answer(struct origin *o, struct connection *n, usec_t now)
{
	size_t k = min((uint64_t)stream_room(&n->st), n->left);

	if (!k || !stream_write(&n->st, o->zeros, k, now))
		return false;
	n->left -= k;
	return true;
}

static bool skip_body(struct origin *o, struct connection *n)
{
	struct bytes in = stream_bytes(&n->st), piece;
	size_t consumed;

	if (!in.n || http_body_next(&n->body, in, &piece, &consumed) != HTTP_OK)
		return false;
	stream_consume(&o->bufs, &n->st, consumed);
	n->in_body = !n->body.done;
	return true;
}

/* One thing at a time; false when nothing can be done. */
static bool step(struct origin *o, struct connection *n, usec_t now)
{
	if (n->in_body)
		return skip_body(o, n) ||
		       stream_fill(&o->bufs, &n->st, now) == STREAM_MORE;
	if (n->left)
		return write_answer(o, n, now);
	if (n->over)
		return false;
	return take_request(o, n, now) ||
	       stream_fill(&o->bufs, &n->st, now) == STREAM_MORE;
}

static void run(struct origin *o, struct connection *n, usec_t now)
{
	if (tcp_dead(n->st.tc)) {
		drop(o, n, true, now);
		return;
	}
	if (!n->ready) {
		enum tls_result r = stream_handshake(&n->st, now);

		if (r >= TLS_CLOSED || n->st.cut)
			drop(o, n, true, now);
		if (r != TLS_OK)
			return;
		n->ready = true;
	}
	while (step(o, n, now) && !n->st.cut)
		;
	if (n->st.eof || n->st.cut || (n->over && !n->left && !n->in_body))
		drop(o, n, n->st.cut, now);
}

static bool serve(struct worker_app *app, usec_t now)
{
	struct origin *o = container_of(app, struct origin, app);
	struct tcp_conn *tc;
	bool busy = false;

	accept_new(o, now);
	while ((tc = tcp_ready(o->cfg.tcp))) {
		run(o, tcp_user(tc), now);
		busy = true;
	}
	return busy;
}

static void message(struct worker_app *app, void *msg, usec_t now) {}

static usec_t next(struct worker_app *app)
{
	return USEC_NEVER;
}

struct origin *origin_new(const struct origin_config *cfg)
{
	struct origin *o = mem_new(sizeof(*o));

	if (!o)
		return NULL;
	o->cfg = *cfg;
	o->app = (struct worker_app){ serve, message, next };
	list_init(&o->ready);
	if (slab_init(&o->conns, sizeof(struct connection),
		      cfg->max_connections) ||
	    stream_pool_init(&o->bufs, cfg->max_connections, 1, &o->ready)) {
		origin_free(o);
		return NULL;
	}
	o->listener = tcp_listen(cfg->tcp, &cfg->addr, cfg->port, o);
	if (!o->listener) {
		origin_free(o);
		return NULL;
	}
	return o;
}

void origin_free(struct origin *o)
{
	if (!o)
		return;
	stream_pool_fini(&o->bufs);
	slab_fini(&o->conns);
	mem_free(o);
}

struct worker_app *origin_app(struct origin *o)
{
	return &o->app;
}
