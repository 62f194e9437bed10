/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_cc.c - how much may be in flight: slow start and congestion avoidance
 * with byte counting (RFC 5681, 3465, 6928). Loss is tcp_recover.c's matter.
 */
#include "tcp/tcp_int.h"

#define CWND_MAX (1u << 30)
#define IW_MSS 1460 /* what RFC 6928 2 counts its ten segments by */

static uint32_t initial(const struct tcp_conn *c)
{
	uint32_t n = c->t->p.initial_window;

	/* RFC 5681 3.1: one segment after a lost SYN or SYN-ACK. */
	if (c->syn_resent)
		return c->mss;
	return min(n * c->mss, max(2u * c->mss, n * IW_MSS));
}

void tcp_cc_init(struct tcp_conn *c)
{
	c->cwnd = initial(c);
	c->ssthresh = CWND_MAX;
	c->recover = c->iss;
}

uint32_t tcp_cc_half(const struct tcp_conn *c, uint32_t flight)
{
	return max(flight / 2, 2u * c->mss);
}

void tcp_cc_ack(struct tcp_conn *c, uint32_t acked, uint32_t flight)
{
	uint32_t mss = c->mss;

	if (c->cwnd < c->ssthresh) {
		/* A window nobody filled has not been tried (RFC 7661). */
		if (!c->cwnd_limited && flight < c->cwnd / 2)
			return;
		/* RFC 3465 2.2 and 2.3: L = 2, but 1 after a time-out. */
		c->cwnd += min(acked, c->after_timeout ? mss : 2 * mss);
		c->cwnd = min(c->cwnd, CWND_MAX);
		return;
	}
	if (!c->cwnd_limited && flight + mss < c->cwnd)
		return;
	c->cwnd_bytes += acked;
	if (c->cwnd_bytes >= c->cwnd) {
		c->cwnd_bytes -= c->cwnd;
		c->cwnd = min(c->cwnd + mss, CWND_MAX);
	}
}

/* RFC 5681 4.1: after a pause longer than the RTO the path is unknown. */
void tcp_cc_idle(struct tcp_conn *c)
{
	if (c->t->now - c->last_tx > c->rto)
		c->cwnd = min(c->cwnd, initial(c));
}

uint32_t tcp_cc_window(const struct tcp_conn *c)
{
	/* RFC 3042: the first two duplicates each let one new segment out. */
	uint32_t limited = c->recovering ? 0 : min(c->dupacks, (uint8_t)2);

	return c->cwnd + limited * c->mss;
}
