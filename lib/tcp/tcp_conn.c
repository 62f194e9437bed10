/* SPDX-License-Identifier: BSD-3-Clause */
/* tcp_conn.c - a connection's birth, its calls, and its several deaths. */
#include "tcp/tcp_int.h"

#define OPTS_TS 12 /* bytes of every segment once timestamps are agreed */

struct tcp_conn *tcp_conn_new(struct tcp_stack *t, const struct flow_key *k)
{
	struct tcp_conn *c = slab_get(&t->conns);
	uint32_t i;

	if (!c)
		return NULL;
	*c = (struct tcp_conn){ .key = *k, .t = t, .status = TCP_OPENING };
	list_init(&c->dirty);
	list_init(&c->txq);
	list_init(&c->rxq);
	list_init(&c->ooo);
	list_init(&c->ready);
	list_init(&c->starved);
	tick_node_init(&c->timer);
	for (i = 0; i < TIMERS; i++)
		c->deadline[i] = USEC_NEVER;
	c->rto = (uint32_t)t->p.rto_initial;
	c->ts_offset = tcp_ts_offset(t, k);
	c->last_rx = c->progress = t->now;
	i = slab_index(&t->conns, c);
	t->live[i / 64] |= 1ull << (i % 64);
	t->stats.conns = t->conns.used;
	return c;
}

void tcp_conn_detach(struct tcp_conn *c, enum conn_state state)
{
	if (c->in_table)
		tcp_flow_remove(&c->t->flows, FLOW_CONN, &c->key);
	c->in_table = false;
	c->state = state;
	tick_cancel(&c->t->wheel, &c->timer);
	tcp_tx_flush(c);
	tcp_rx_drop_ooo(c);
	list_remove(&c->dirty);
	list_remove(&c->starved);
	c->want_tx = c->want_window = false;
}

void tcp_conn_free(struct tcp_conn *c)
{
	struct tcp_stack *t = c->t;
	uint32_t i = slab_index(&t->conns, c);

	tcp_conn_detach(c, TCPS_CLOSED);
	tcp_rx_flush(c);
	list_remove(&c->ready);
	t->live[i / 64] &= ~(1ull << (i % 64));
	slab_put(&t->conns, c);
	t->stats.conns = t->conns.used;
}

void tcp_conn_closed(struct tcp_conn *c)
{
	tcp_conn_detach(c, TCPS_CLOSED);
	if (c->orphan)
		tcp_conn_free(c);
}

void tcp_conn_die(struct tcp_conn *c, enum tcp_status why)
{
	struct tcp_stats *stats = &c->t->stats;

	stats->refused += why == TCP_REFUSED || why == TCP_UNREACHABLE;
	stats->timed_out += why == TCP_TIMED_OUT;
	stats->reset_in += why == TCP_RESET;
	tcp_conn_detach(c, TCPS_CLOSED);
	if (c->orphan || c->unaccepted) {
		tcp_conn_free(c);
		return;
	}
	/* A peer that said it was finished may vanish: what it sent counts. */
	if (!c->fin_rcvd)
		tcp_rx_flush(c);
	c->status = (uint8_t)why;
	tcp_conn_ready(c);
}

void tcp_conn_mss(struct tcp_conn *c)
{
	bool v4 = ipaddr_is_v4(&c->key.remote);
	uint32_t least = v4 ? TCP_MSS_MIN_V4 : TCP_MSS_MIN_V6;
	uint32_t mtu = ip_mtu(c->t->ip, &c->key.remote, c->t->now);
	uint32_t mss =
		min((uint32_t)c->peer_mss, mtu - tcp_header_min(&c->key));

	/* RFC 9293 3.7.1: options of every segment come out of it. */
	mss = max(mss, least) - (c->ts_ok ? OPTS_TS : 0);
	c->mss = (uint16_t)min(mss, (uint32_t)c->t->seg_max);
}

struct tcp_opts tcp_syn_opts(const struct tcp_stack *t,
			     const struct flow_key *k)
{
	uint32_t mss = ip_mtu(t->ip, &k->remote, t->now) - tcp_header_min(k);

	return (struct tcp_opts){
		.has_mss = true,
		.mss = (uint16_t)min(mss, t->p.mss ? t->p.mss : mss),
		.has_scale = true,
		.scale = t->p.window_scale,
		.has_ts = t->p.timestamps,
	};
}

uint16_t tcp_syn_window(const struct tcp_stack *t)
{
	return (uint16_t)min(t->p.rcvbuf, TCP_WINDOW_MAX);
}

void tcp_conn_established(struct tcp_conn *c)
{
	struct tcp_stack *t = c->t;

	c->state = c->fin_queued ? TCPS_FIN_WAIT_1 : TCPS_ESTABLISHED;
	c->status = TCP_OPEN;
	c->send_syn = false; /* answered before it could be repeated */
	c->quick = t->p.quick_acks;
	c->backoff = 0;
	c->progress = t->now;
	/* RFC 6298 5.7: a lost SYN makes a cautious beginning. */
	if (c->syn_resent && !c->srtt)
		c->rto = (uint32_t)max(t->p.rto_initial,
				       min(SEC(3), t->p.rto_max));
	tcp_cc_init(c);
	tcp_timer_cancel(c, TIMER_SEND);
	tcp_timer_idle(c);
	tcp_conn_dirty(c);
	if (c->passive) {
		c->unaccepted = true;
		list_push(&t->accept, &c->ready);
	} else {
		tcp_conn_ready(c);
	}
}

/* The tuple and its port; the TIME_WAIT it displaces in *wait. */
static int connect_key(struct tcp_stack *t, const struct ipaddr *local,
		       struct flow_key *k, struct wait_entry **wait)
{
	if (ipaddr_is_any(local)) {
		int rc = ip_source(t->ip, &k->remote, &k->local);

		if (rc)
			return rc;
	} else {
		k->local = *local;
	}
	if (ipaddr_is_v4(&k->local) != ipaddr_is_v4(&k->remote))
		return -ENETUNREACH;
	return tcp_port_choose(t, k, wait);
}

struct tcp_conn *tcp_connect(struct tcp_stack *t, const struct ipaddr *local,
			     const struct ipaddr *remote, uint16_t rport,
			     void *user, usec_t now, int *error)
{
	struct flow_key k = { .remote = *remote, .rport = rport };
	struct wait_entry *wait = NULL;
	struct tcp_conn *c;

	t->now = now;
	*error = connect_key(t, local, &k, &wait);
	if (*error) {
		t->stats.no_port += *error == -EADDRNOTAVAIL;
		return NULL;
	}
	c = tcp_conn_new(t, &k);
	*error = -ENOMEM;
	if (!c)
		return NULL;
	c->iss = tcp_isn(t, &k);
	if (wait) {
		/* RFC 9293 3.4.1: beyond what the last incarnation used. */
		c->iss = seq_max(c->iss, wait->snd_nxt + TCP_WINDOW_MAX);
		tcp_wait_free(t, wait);
	}
	if (tcp_flow_insert(&t->flows, FLOW_CONN, &c->key)) {
		tcp_conn_free(c);
		return NULL;
	}
	c->in_table = true;
	c->state = TCPS_SYN_SENT;
	c->snd_una = c->snd_nxt = c->snd_max = c->iss;
	c->snd_end = c->iss + 1;
	c->peer_mss = ipaddr_is_v4(remote) ? TCP_MSS_V4 : TCP_MSS_V6;
	c->user = user;
	c->send_syn = true;
	tcp_conn_dirty(c);
	t->stats.opened_active++;
	*error = 0;
	return c;
}

struct tcp_conn *tcp_accept(struct tcp_stack *t, void **user)
{
	struct list *link = list_pop(&t->accept);
	struct tcp_conn *c;

	if (!link)
		return NULL;
	c = list_entry(link, struct tcp_conn, ready);
	c->unaccepted = false;
	*user = t->listeners[c->listener].user;
	t->stats.accepted++;
	/* What came before there was anybody to tell. */
	if (c->rx_bytes || c->fin_rcvd)
		tcp_conn_ready(c);
	return c;
}

void tcp_conn_shut(struct tcp_conn *c)
{
	if (c->fin_queued || c->state == TCPS_CLOSED ||
	    c->state == TCPS_TIME_WAIT)
		return;
	c->fin_queued = true;
	if (c->state == TCPS_ESTABLISHED)
		c->state = TCPS_FIN_WAIT_1;
	else if (c->state == TCPS_CLOSE_WAIT)
		c->state = TCPS_LAST_ACK;
	tcp_conn_dirty(c);
}

void tcp_shutdown(struct tcp_conn *c, usec_t now)
{
	c->t->now = now;
	tcp_conn_shut(c);
}

void tcp_close(struct tcp_conn *c, usec_t now)
{
	c->t->now = now;
	if (!c->in_table || c->state == TCPS_SYN_SENT) {
		tcp_conn_free(c);
		return;
	}
	if (c->rx_bytes || c->ooo_n) {
		/* RFC 2525 2.17: what is thrown away must not look read. */
		tcp_abort(c, now);
		return;
	}
	c->orphan = true;
	c->user = NULL;
	list_remove(&c->ready);
	tcp_conn_shut(c);
	tcp_timer_idle(c);
}

void tcp_abort(struct tcp_conn *c, usec_t now)
{
	c->t->now = now;
	/* RFC 9293 3.10.5: these two have nothing left to say. */
	if (c->in_table && c->state != TCPS_SYN_SENT &&
	    c->state != TCPS_CLOSING && c->state != TCPS_LAST_ACK)
		tcp_owe_conn(c, TCP_RST);
	tcp_conn_free(c);
}

struct tcp_conn *tcp_ready(struct tcp_stack *t)
{
	struct list *link = list_pop(&t->ready);

	return link ? list_entry(link, struct tcp_conn, ready) : NULL;
}

enum tcp_status tcp_status(const struct tcp_conn *c)
{
	return (enum tcp_status)c->status;
}

void tcp_set_user(struct tcp_conn *c, void *user)
{
	c->user = user;
}

void *tcp_user(const struct tcp_conn *c)
{
	return c->user;
}
