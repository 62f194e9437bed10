/* SPDX-License-Identifier: BSD-3-Clause */
/* proxy_ends.c - a connection that is not the proxy's, and how it ended. */
#include "proxy_world.h"

const char *ending_name(enum ending e)
{
	static const char *const names[] = {
		[STILL_OPEN] = "still open",
		[BY_NOTIFY] = "close_notify",
		[BY_FIN] = "FIN",
		[BY_RESET] = "reset",
		[BY_SILENCE] = "silence",
		[BY_TLS] = "TLS failure",
	};

	return names[e];
}

void end_connect(struct world *w, struct end *e, uint16_t port)
{
	struct ipaddr to = sim_addr(PROXY_HOST, false);
	int error;

	e->st.tc = tcp_connect(w->sim.host[0].tcp, &ipaddr_any, &to, port, e,
			       w->sim.now, &error);
	if (!e->st.tc)
		world_fail(w, "a client cannot connect: %d", error);
}

static void ended(struct end *e)
{
	if (e->ended)
		return;
	if (e->st.eof)
		e->ended = e->plain ? BY_FIN : BY_NOTIFY;
	else if (tcp_dead(e->st.tc))
		e->ended = tcp_status(e->st.tc) == TCP_TIMED_OUT ? BY_SILENCE
								 : BY_RESET;
	else if (e->st.failed)
		e->ended = BY_TLS;
	else
		e->ended = BY_FIN;
}

static bool shake(struct world *w, struct end *e, bool server)
{
	enum tls_result r;

	if (tcp_dead(e->st.tc)) {
		ended(e);
		return false;
	}
	if (tcp_status(e->st.tc) == TCP_OPENING)
		return false;
	if (e->plain) {
		e->open = true;
		return true;
	}
	if (!e->st.tls)
		e->st.tls = server ? tls_accept(world_origin_tls())
				   : tls_connect(w->client_tls);
	r = stream_handshake(&e->st, w->sim.now);
	e->open = r == TLS_OK;
	if (r >= TLS_CLOSED || e->st.cut)
		ended(e);
	return e->open;
}

static void keep(struct end *e, struct bytes b)
{
	if (e->rx_off) {
		memmove(e->rx, e->rx + e->rx_off, e->rx_n - e->rx_off);
		e->rx_n -= e->rx_off;
		e->rx_off = 0;
	}
	if (e->rx_n + b.n > e->rx_cap) {
		e->rx_cap = 2 * (e->rx_n + b.n);
		e->rx = realloc(e->rx, e->rx_cap);
	}
	memcpy(e->rx + e->rx_n, b.p, b.n);
	e->rx_n += b.n;
	e->got += b.n;
}

static void listen_to(struct world *w, struct end *e)
{
	while (!e->paused &&
	       stream_fill(&w->bufs, &e->st, w->sim.now) == STREAM_MORE) {
		struct bytes b = stream_bytes(&e->st);

		if (!b.n)
			continue;
		keep(e, b);
		stream_consume(&w->bufs, &e->st, b.n);
	}
	if (e->st.eof || e->st.cut || tcp_dead(e->st.tc))
		ended(e);
}

bool end_step(struct world *w, struct end *e, bool server)
{
	if (!e->st.tc)
		return false;
	if (!e->open && (e->ended || !shake(w, e, server)))
		return false;
	listen_to(w, e);
	return true;
}

size_t end_write(struct world *w, struct end *e, const void *p, size_t n)
{
	const uint8_t *from = p;
	size_t done = 0;

	while (done < n && !e->shut && !tcp_dead(e->st.tc)) {
		size_t k = min(n - done, stream_room(&e->st));

		if (e->cut)
			k = min(k, e->cut);
		if (!k || !stream_write(&e->st, from + done, k, w->sim.now))
			break;
		done += k;
		if (e->cut)
			break;
	}
	return done;
}

void end_notify(struct world *w, struct end *e)
{
	uint8_t alert[256];
	struct iovec iov = { alert, sizeof(alert) };
	struct span_out out = span_out_of(&iov, 1);

	e->shut = true;
	if (e->st.tls && tls_close(e->st.tls, &out) == TLS_OK)
		tcp_write(e->st.tc, alert, out.used, w->sim.now);
}

void end_fin(struct world *w, struct end *e)
{
	e->shut = true;
	tcp_shutdown(e->st.tc, w->sim.now);
}

void end_close(struct world *w, struct end *e)
{
	if (!e->shut)
		end_notify(w, e);
	end_fin(w, e);
}

static void drop(struct world *w, struct end *e, bool reset)
{
	if (!e->ended)
		e->ended = STILL_OPEN;
	stream_drop(&w->bufs, &e->st, reset, w->sim.now);
	e->shut = true;
}

void end_reset(struct world *w, struct end *e)
{
	drop(w, e, true);
}

void end_leave(struct world *w, struct end *e)
{
	drop(w, e, false);
}

void end_free(struct world *w, struct end *e)
{
	if (e->st.tc)
		drop(w, e, true);
	free(e->rx);
	e->rx = NULL;
	e->rx_n = e->rx_off = e->rx_cap = 0;
}

void end_consume(struct end *e, size_t n)
{
	e->rx_off += n;
}

/* Connections begin by dial() alone, and none goes anywhere else. */
void world_check_dialed(struct world *w)
{
	const struct proxy_dialed *d = proxy_dialed(w->proxy);
	const struct ipaddr known[] = { sim_addr(ORIGIN_A, false),
					sim_addr(ORIGIN_B, false),
					sim_addr(HOLE, false) };
	uint64_t sum = 0;

	for (unsigned i = 0; i <= PROXY_DIALED; i++) {
		bool right = !d[i].count;

		for (unsigned k = 0; k < ARRAY_LEN(known); k++)
			right |= ipaddr_eq(&d[i].addr, &known[k]);
		if (!right)
			world_fail(w, "it connected to a stranger");
		sum += d[i].count;
	}
	if (sum != tcp_stats(w->sim.host[PROXY_HOST].tcp)->opened_active)
		world_fail(w, "%llu connections were counted, not all",
			   (unsigned long long)sum);
}
