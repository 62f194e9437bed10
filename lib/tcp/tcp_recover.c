/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_recover.c - what was lost, and what follows from it: fast retransmit and
 * NewReno's recovery (RFC 5681 3.2, RFC 6582), and the time-out.
 */
#include "tcp/tcp_int.h"

void tcp_recover_dupack(struct tcp_conn *c)
{
	uint32_t flight = c->snd_max - c->snd_una;

	c->t->stats.dup_acks++;
	c->dupacks = (uint8_t)min(c->dupacks + 1, 255);
	tcp_conn_dirty(c);
	if (c->recovering) {
		c->cwnd += c->mss; /* one segment has left the network */
		return;
	}
	/* RFC 6582 3.2 (2): duplicates of an older loss tell nothing. */
	if (c->dupacks != TCP_DUPACKS || seq_le(c->snd_una, c->recover))
		return;
	c->ssthresh = tcp_cc_half(c, flight);
	c->cwnd = c->ssthresh + TCP_DUPACKS * c->mss;
	c->recover = c->snd_max - 1;
	c->recovering = true;
	c->partial_seen = false;
	c->send_first = true;
	c->t->stats.fast_retransmits++;
	tcp_timer_rto(c);
}

/* RFC 6582 3.2 (3): some of what was in flight at the loss has arrived, so
 * what follows it is lost too. */
static void partial(struct tcp_conn *c, uint32_t acked)
{
	uint32_t mss = c->mss;

	c->send_first = true;
	c->cwnd -= min(acked, c->cwnd - mss);
	if (acked >= mss)
		c->cwnd += mss;
	/* Once only: many losses are cheaper to repair by slow start. */
	if (!c->partial_seen)
		tcp_timer_rto(c);
	c->partial_seen = true;
}

void tcp_recover_ack(struct tcp_conn *c, uint32_t acked, uint32_t flight)
{
	uint32_t left = c->snd_max - c->snd_una;
	bool beyond = seq_gt(c->snd_una, c->recover);

	if (c->recovering && !beyond) {
		partial(c, acked);
		return;
	}
	tcp_timer_rto(c);
	c->dupacks = 0;
	if (c->recovering) {
		c->recovering = false;
		c->send_first = false;
		c->cwnd =
			min(c->ssthresh, max(left, (uint32_t)c->mss) + c->mss);
		return;
	}
	tcp_cc_ack(c, acked, flight);
	if (beyond)
		c->after_timeout = false;
}

void tcp_recover_timeout(struct tcp_conn *c)
{
	uint32_t flight = c->snd_max - c->snd_una;

	/* RFC 5681 (4), at the first time-out of a segment only. A closed
	 * window is no congestion. */
	if (c->snd_wnd) {
		if (!c->backoff)
			c->ssthresh = tcp_cc_half(c, flight);
		c->cwnd = c->mss;
	}
	c->cwnd_bytes = 0;
	c->recover = c->snd_max - 1;
	c->recovering = false;
	c->after_timeout = true;
	c->dupacks = 0;
	c->send_first = true;
	tcp_tx_rewind(c);
	c->t->stats.timeouts++;
}
