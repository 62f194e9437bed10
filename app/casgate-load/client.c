/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client.c - closed-loop HTTPS clients: each connection sends a request when
 * the last one has been answered.
 */
#include "load.h"

#include <errno.h>
#include <stdio.h>

enum state { CONNECTING, HANDSHAKE, ASK, ANSWER, OVER };

struct connection {
	struct list link; /* client.ready, or nowhere */
	struct stream st;
	enum state state;
	struct http_scan scan;
	struct http_body body;
	bool in_body;
	usec_t asked;
};

struct client {
	struct worker_app app;
	struct client_config cfg;
	struct stream_pool bufs;
	struct list ready;
	struct connection *conn;
	struct client_stats stats;
	struct http_head head;
	char request[512];
	size_t request_len;
	bool stopping;
};

static void begin(struct client *c, struct connection *n, usec_t now)
{
	static const struct ipaddr any;
	int error;

	*n = (struct connection){ .state = CONNECTING };
	list_init(&n->link);
	n->st.tc = tcp_connect(c->cfg.tcp, &any, &c->cfg.target, c->cfg.port, n,
			       now, &error);
	if (n->st.tc)
		return;
	c->stats.failures++;
	n->state = OVER;
}

/* The connection is done with; another one takes its place. */
static void end(struct client *c, struct connection *n, bool failed, usec_t now)
{
	c->stats.failures += failed;
	list_remove(&n->link);
	if (!failed)
		stream_close(&n->st, now);
	stream_drop(&c->bufs, &n->st, failed, now);
	n->state = OVER;
	if (!c->stopping)
		begin(c, n, now);
}

static bool connecting(struct client *c, struct connection *n, usec_t now)
{
	if (tcp_status(n->st.tc) == TCP_OPENING)
		return false;
	n->st.tls = tcp_dead(n->st.tc) ? NULL : tls_connect(c->cfg.tls);
	if (!n->st.tls) {
		end(c, n, true, now);
		return false;
	}
	n->state = HANDSHAKE;
	return true;
}

static bool handshake(struct client *c, struct connection *n, usec_t now)
{
	switch (stream_handshake(&n->st, now)) {
	case TLS_OK:
		c->stats.handshakes++;
		n->state = ASK;
		return true;
	case TLS_WANT_IN:
	case TLS_WANT_OUT:
		if (n->st.cut)
			end(c, n, true, now);
		return false;
	case TLS_CLOSED:
	case TLS_FAIL_PROTOCOL:
	case TLS_FAIL_ALERT:
	case TLS_FAIL_VERIFY:
	case TLS_FAIL_INTERNAL:
		break;
	}
	if (!c->stats.failures)
		fprintf(stderr, "casgate-load: TLS: %s\n",
			tls_error(n->st.tls));
	end(c, n, true, now);
	return false;
}

static bool ask(struct client *c, struct connection *n, usec_t now)
{
	if (c->stopping) {
		end(c, n, false, now);
		return false;
	}
	if (!stream_room(&n->st) ||
	    !stream_write(&n->st, c->request, c->request_len, now))
		return false;
	n->asked = c->cfg.clock();
	n->scan = (struct http_scan){ 0 };
	n->in_body = false;
	n->state = ANSWER;
	return true;
}

static bool answered(struct client *c, struct connection *n, usec_t now)
{
	c->stats.requests++;
	hist_add(&c->stats.latency, c->cfg.clock() - n->asked);
	if (c->cfg.close) {
		end(c, n, false, now);
		return false;
	}
	n->state = ASK;
	return true;
}

/* The answer's head; false when it is broken. */
static bool take_head(struct client *c, struct connection *n)
{
	struct bytes in = stream_bytes(&n->st);
	uint32_t len;
	enum http_verdict v =
		http_scan(&n->scan, in, &http_default_limits, &len);

	if (v == HTTP_MORE)
		return true;
	if (v != HTTP_OK ||
	    http_parse_response(bytes_upto(in, len), false,
				&http_default_limits, &c->head) != HTTP_OK ||
	    c->head.status != 200)
		return false;
	http_body_init(&n->body, &c->head, false);
	n->in_body = true;
	stream_consume(&c->bufs, &n->st, len);
	return true;
}

static bool answer(struct client *c, struct connection *n, usec_t now)
{
	enum stream_got got = stream_fill(&c->bufs, &n->st, now);
	struct bytes in = stream_bytes(&n->st), piece;
	size_t consumed;

	if (!n->in_body && in.n && !take_head(c, n)) {
		end(c, n, true, now);
		return false;
	}
	in = stream_bytes(&n->st);
	if (n->in_body && in.n && !n->body.done) {
		if (http_body_next(&n->body, in, &piece, &consumed) !=
		    HTTP_OK) {
			end(c, n, true, now);
			return false;
		}
		c->stats.bytes += piece.n;
		stream_consume(&c->bufs, &n->st, consumed);
	}
	if (n->in_body && n->body.done)
		return answered(c, n, now);
	if (n->st.eof || n->st.cut) {
		end(c, n, true, now);
		return false;
	}
	return got == STREAM_MORE;
}

static void run(struct client *c, struct connection *n, usec_t now)
{
	bool more = true;

	while (more) {
		if (n->state != OVER && n->state != CONNECTING &&
		    tcp_dead(n->st.tc)) {
			end(c, n, true, now);
			return;
		}
		switch (n->state) {
		case CONNECTING:
			more = connecting(c, n, now);
			break;
		case HANDSHAKE:
			more = handshake(c, n, now);
			break;
		case ASK:
			more = ask(c, n, now);
			break;
		case ANSWER:
			more = answer(c, n, now);
			break;
		case OVER:
			more = false;
			break;
		}
	}
}

static bool serve(struct worker_app *app, usec_t now)
{
	struct client *c = container_of(app, struct client, app);
	struct tcp_conn *tc;
	bool busy = false;

	while ((tc = tcp_ready(c->cfg.tcp))) {
		run(c, tcp_user(tc), now);
		busy = true;
	}
	for (unsigned i = 0; i < c->cfg.connections && !c->stopping; i++)
		if (c->conn[i].state == OVER)
			begin(c, &c->conn[i], now);
	return busy;
}

static void message(struct worker_app *app, void *msg, usec_t now) {}

static usec_t next(struct worker_app *app)
{
	return USEC_NEVER;
}

struct client *client_new(const struct client_config *cfg)
{
	struct client *c = mem_new(sizeof(*c));

	if (!c)
		return NULL;
	c->cfg = *cfg;
	c->app = (struct worker_app){ serve, message, next };
	list_init(&c->ready);
	c->request_len = (size_t)snprintf(
		c->request, sizeof(c->request),
		"GET /EWS/Exchange.asmx HTTP/1.1\r\nHost: %s\r\n"
		"Authorization: Basic YW5uYTpzZWNyZXQ=\r\n"
		"User-Agent: casgate-load\r\n%s\r\n",
		cfg->host, cfg->close ? "Connection: close\r\n" : "");
	c->conn = mem_new(sizeof(*c->conn) * cfg->connections);
	if (!c->conn ||
	    stream_pool_init(&c->bufs, cfg->connections + 1, 1, &c->ready)) {
		client_free(c);
		return NULL;
	}
	for (unsigned i = 0; i < cfg->connections; i++) {
		list_init(&c->conn[i].link);
		c->conn[i].state = OVER;
	}
	return c;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	for (unsigned i = 0; c->conn && i < c->cfg.connections; i++)
		stream_drop(&c->bufs, &c->conn[i].st, true, 0);
	stream_pool_fini(&c->bufs);
	mem_free(c->conn);
	mem_free(c);
}

struct worker_app *client_app(struct client *c)
{
	return &c->app;
}

void client_stop(struct client *c)
{
	c->stopping = true;
}

bool client_idle(const struct client *c)
{
	for (unsigned i = 0; i < c->cfg.connections; i++)
		if (c->conn[i].state == ANSWER || c->conn[i].state == HANDSHAKE)
			return false;
	return true;
}

void client_reset(struct client *c)
{
	c->stats = (struct client_stats){ .failures = c->stats.failures };
}

const struct client_stats *client_stats(const struct client *c)
{
	return &c->stats;
}
