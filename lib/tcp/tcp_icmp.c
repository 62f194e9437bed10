/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_icmp.c - what routers say about segments of ours, believed only as far
 * as RFC 5927 allows.
 */
#include "tcp/tcp_int.h"

static void too_big(struct tcp_conn *c, const struct ip_error *e)
{
	struct tcp_stack *t = c->t;
	uint16_t now = ip_mtu(t->ip, &c->key.remote, t->now);
	uint16_t mss = c->mss;

	/* RFC 5927 7.2: it can only be about something smaller. */
	if (e->mtu >= now)
		return;
	ip_mtu_learn(t->ip, &c->key.remote, e->mtu, t->now);
	tcp_conn_mss(c);
	if (c->mss >= mss || c->snd_una == c->snd_max)
		return;
	/* Lost for its size, not for congestion: again, in smaller pieces. */
	tcp_tx_rewind(c);
	c->recovering = false;
	c->dupacks = 0;
	c->cwnd = max(c->cwnd, (uint32_t)c->mss);
	tcp_conn_dirty(c);
}

bool tcp_icmp_error(struct tcp_stack *t, const struct ip_error *e, usec_t now,
		    unsigned *owner)
{
	struct ip_tuple arriving = { e->remote, e->local, e->rport, e->lport };
	struct flow_key k = { .local = e->local,
			      .remote = e->remote,
			      .lport = e->lport,
			      .rport = e->rport };
	enum flow_tag tag;
	struct tcp_conn *c;

	t->now = now;
	tcp_flow_hash(&t->flows, &k);
	c = tcp_flow_find(&t->flows, &k, &tag);
	*owner = t->worker;
	if (!c) {
		if (t->steer)
			*owner = steer_owner(t->steer, &arriving);
		return false;
	}
	/* Half open and waiting entries have timers of their own. */
	if (tag != FLOW_CONN)
		return true;
	/* RFC 5927 4.1: it must be about something in flight. */
	if (seq_lt(e->seq, c->snd_una) || seq_ge(e->seq, c->snd_max))
		return true;
	if (e->too_big) {
		if (c->state > TCPS_SYN_RCVD)
			too_big(c, e); /* a SYN is never too big */
	} else if (c->state == TCPS_SYN_SENT) {
		/* RFC 1122 4.2.3.9; an established connection goes on. */
		c->soft_error = true;
		if (e->hard)
			tcp_conn_die(c, TCP_UNREACHABLE);
	}
	return true;
}
