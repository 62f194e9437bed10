/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_app.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tcp/tcp_int.h"

#define PAUSE SEC(10)
#define TRICKLE 200 /* [us] */

static void __attribute__((format(printf, 2, 3)))
fail(struct app *a, const char *fmt, ...)
{
	va_list ap;

	if (a->wrong[0])
		return;
	va_start(ap, fmt);
	vsnprintf(a->wrong, sizeof(a->wrong), fmt, ap);
	va_end(ap);
}

/* Neighbouring streams, and a stream and its shifted self, differ. */
static uint8_t byte_at(uint32_t stream, uint64_t off)
{
	uint64_t x = (off / 8 + 1) * 0x9e3779b97f4a7c15ULL +
		     stream * 0xbf58476d1ce4e5b9ULL;

	return (uint8_t)((x ^ x >> 29) >> (off % 8 * 4));
}

static void finish(struct app *a, struct app_end *e, int how)
{
	int want = a->config.expect[e->server];

	tcp_close(e->c, a->sim->now);
	e->c = NULL;
	e->done = true;
	a->finished++;
	if (want != APP_ANY && how != want)
		fail(a, "stream %u: %s ended with %d, not %d", e->stream,
		     e->server ? "server" : "client", how, want);
}

static void verify(struct app *a, struct app_end *e, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == byte_at(e->stream ^ 1, e->rx_done + i))
			continue;
		fail(a, "stream %u: wrong byte at %llu", e->stream ^ 1,
		     (unsigned long long)(e->rx_done + i));
		return;
	}
	e->rx_done += n;
	if (e->rx_done > e->rx_total)
		fail(a, "stream %u: more than was sent", e->stream ^ 1);
}

/* Read some of what is there, now and then only part of a piece. */
static size_t read_some(struct app *a, struct app_end *e)
{
	struct rng *rng = &a->sim->rng;
	struct iovec iov[8];
	unsigned n = tcp_rx_peek(e->c, iov, ARRAY_LEN(iov));
	size_t got = 0;

	for (unsigned i = 0; i < n; i++) {
		size_t part = iov[i].iov_len;

		if (rng_below(rng, 8) == 0)
			part = 1 + rng_below(rng, (uint32_t)part);
		verify(a, e, iov[i].iov_base, part);
		got += part;
		if (part < iov[i].iov_len)
			break;
	}
	tcp_rx_consume(e->c, got, a->sim->now);
	return got;
}

static void readable(struct app *a, struct app_end *e)
{
	size_t avail = tcp_rx_avail(e->c);

	if (a->config.flags & APP_CLOSE_UNREAD && e->server)
		return;
	if (a->config.flags & APP_PAUSE && e->server && !e->was_paused &&
	    e->rx_done + avail > e->rx_total / 4) {
		e->paused = e->was_paused = true;
		e->resume = a->sim->now + PAUSE;
	}
	while (avail && !e->paused && !a->wrong[0]) {
		avail -= read_some(a, e);
		if (avail != tcp_rx_avail(e->c))
			fail(a, "stream %u: bytes vanished", e->stream ^ 1);
	}
}

static size_t write_some(struct app *a, struct app_end *e)
{
	struct rng *rng = &a->sim->rng;
	size_t want = 1 + rng_below(rng, a->config.chunk), room = 0;
	struct iovec iov[6];
	unsigned n;

	want = min(want, e->tx_total - e->tx_done);
	n = tcp_tx_reserve(e->c, want, iov, ARRAY_LEN(iov));
	for (unsigned i = 0; i < n; i++) {
		uint8_t *p = iov[i].iov_base;

		for (size_t j = 0; j < iov[i].iov_len; j++)
			p[j] = byte_at(e->stream, e->tx_done + room + j);
		room += iov[i].iov_len;
	}
	if (room > want)
		fail(a, "stream %u: more room than asked for", e->stream);
	/* A record may turn out shorter than what was reserved for it. */
	if (room && rng_below(rng, 8) == 0)
		room = 1 + rng_below(rng, (uint32_t)room);
	tcp_tx_commit(e->c, room, a->sim->now);
	return room;
}

static void writable(struct app *a, struct app_end *e)
{
	size_t n;

	if (a->config.flags & APP_HALF_CLOSE && e->server &&
	    tcp_status(e->c) != TCP_PEER_CLOSED)
		return;
	while (e->tx_done < e->tx_total && !e->waiting && tcp_tx_space(e->c)) {
		n = write_some(a, e);
		if (!n)
			break;
		e->tx_done += n;
		if (a->config.flags & APP_TRICKLE) {
			e->waiting = true;
			e->resume = a->sim->now + TRICKLE;
		}
	}
}

/* What an end does once it has said and heard what it wanted. */
static void goodbye(struct app *a, struct app_end *e)
{
	unsigned flags = a->config.flags;
	bool all_in = e->rx_done == e->rx_total;
	bool all_out = e->tx_done == e->tx_total;
	bool closed = tcp_status(e->c) == TCP_PEER_CLOSED;

	if (flags & APP_ABORT && !e->server && e->tx_done >= e->tx_total / 2) {
		tcp_abort(e->c, a->sim->now);
		e->c = NULL;
		e->done = true;
		a->finished++;
		return;
	}
	if (flags & APP_CLOSE_UNREAD && e->server && tcp_rx_avail(e->c)) {
		finish(a, e, APP_OK);
		return;
	}
	if (flags & APP_IDLE || !all_out)
		return;
	if (flags & APP_SERVER_FIRST && !e->server && !closed)
		return;
	if (closed && all_in && !tcp_rx_avail(e->c)) {
		finish(a, e, APP_OK);
		return;
	}
	if (closed && !all_in && !tcp_rx_avail(e->c))
		fail(a, "stream %u: FIN after %llu of %llu bytes",
		     e->stream ^ 1, (unsigned long long)e->rx_done,
		     (unsigned long long)e->rx_total);
	if (!e->shut) {
		e->shut = true;
		tcp_shutdown(e->c, a->sim->now);
	}
}

static void look(struct app *a, struct app_end *e)
{
	if (!e->c)
		return;
	readable(a, e);
	if (tcp_dead(e->c)) {
		finish(a, e, tcp_status(e->c));
		return;
	}
	if (tcp_status(e->c) == TCP_OPENING)
		return;
	writable(a, e);
	goodbye(a, e);
}

static bool due(const struct app *a, usec_t *when)
{
	const struct app_end *before;

	*when = a->start + a->started * a->config.spacing;
	if (a->started == a->config.flows)
		return false;
	if (!(a->config.flags & APP_SEQUENTIAL) || !a->started)
		return true;
	before = a->end[a->started - 1];
	*when = a->sim->now;
	return before[0].done && before[1].done;
}

static void start(struct app *a, struct sim_host *h)
{
	bool v6 = a->config.flags & APP_V6;
	struct app_end *e = &a->end[a->started][0];
	struct ipaddr to = sim_addr(1, v6);
	struct tcp_info info;
	int error;

	if (a->config.flags & APP_SEQUENTIAL)
		memset(h->tcp->port_next, 0, sizeof(h->tcp->port_next));
	e->c = tcp_connect(h->tcp, &ipaddr_any, &to, APP_PORT, e, a->sim->now,
			   &error);
	if (!e->c) {
		fail(a, "connect: %d", error);
		return;
	}
	tcp_info(e->c, &info);
	e->port = info.lport;
	a->started++;
}

static void accepted(struct app *a, struct tcp_conn *c)
{
	struct tcp_info info;

	tcp_info(c, &info);
	for (unsigned i = a->started; i-- > 0;) {
		struct app_end *e = &a->end[i][1];

		if (a->end[i][0].port != info.rport)
			continue;
		if (e->c || e->done)
			fail(a, "accepted twice");
		e->c = c;
		tcp_set_user(c, e);
		look(a, e);
		return;
	}
	fail(a, "accepted a connection nobody opened");
}

void app_turn(void *arg, struct sim_host *h)
{
	struct app *a = arg;
	struct tcp_conn *c;
	void *user;
	usec_t when;

	while (h->index == 0 && due(a, &when) && !a->wrong[0]) {
		if (when > a->sim->now) {
			h->app_wake = when;
			break;
		}
		start(a, h);
	}
	while ((c = tcp_accept(h->tcp, &user)))
		accepted(a, c);
	while ((c = tcp_ready(h->tcp)))
		look(a, tcp_user(c));
	for (unsigned i = 0; i < a->started; i++) {
		struct app_end *e = &a->end[i][h->index & 1];

		if (!e->paused && !e->waiting)
			continue;
		if (e->resume <= a->sim->now) {
			e->paused = e->waiting = false;
			look(a, e);
		} else {
			h->app_wake = min(h->app_wake, e->resume);
		}
	}
	/* A sequential flow may begin on the client only after the server's
	 * turn: look again soon. */
	if (h->index == 0 && a->config.flags & APP_SEQUENTIAL &&
	    a->started < a->config.flows)
		h->app_wake = min(h->app_wake, a->sim->now + MSEC(1));
}

void app_init(struct app *a, struct sim *s, const struct app_config *c)
{
	*a = (struct app){ .sim = s, .config = *c, .start = s->now };
	for (unsigned i = 0; i < c->flows; i++) {
		a->end[i][0] = (struct app_end){ .stream = 2 * i,
						 .tx_total = c->up,
						 .rx_total = c->down };
		a->end[i][1] = (struct app_end){ .stream = 2 * i + 1,
						 .server = true,
						 .tx_total = c->down,
						 .rx_total = c->up };
	}
	if (c->flags & APP_CLOSED_PORT)
		return;
	if (!tcp_listen(s->host[1].tcp, &ipaddr_any, APP_PORT, a))
		fail(a, "no listener");
}

bool app_done(const struct app *a)
{
	unsigned servers = a->config.flags & APP_CLOSED_PORT ? 0 : 1;

	/* Of an abort in the handshake the server never hears. */
	return a->started == a->config.flows &&
	       a->finished >= a->started * (1 + servers);
}
