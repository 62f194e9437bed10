/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_ack.c - the fifth step of RFC 9293 3.10.7.4: what an arriving ACK says
 * about what we sent, and how long the way is (RFC 6298).
 */
#include "tcp/tcp_int.h"

#define CLOCK_GRANULARITY 1000u /* of the timing wheel [us] */

void tcp_rtt_sample(struct tcp_conn *c, uint32_t rtt)
{
	const struct tcp_personality *p = &c->t->p;
	uint64_t rto;

	rtt = (uint32_t)min(max((usec_t)rtt, (usec_t)1), p->rto_max);
	if (!c->srtt) {
		c->srtt = rtt;
		c->rttvar = rtt / 2;
	} else {
		uint32_t d = c->srtt > rtt ? c->srtt - rtt : rtt - c->srtt;

		c->rttvar = (uint32_t)((3ull * c->rttvar + d) / 4);
		c->srtt = max((uint32_t)((7ull * c->srtt + rtt) / 8), 1u);
	}
	rto = c->srtt + max((uint64_t)CLOCK_GRANULARITY, 4ull * c->rttvar);
	c->rto = (uint32_t)min(max(rto, p->rto_min), p->rto_max);
	/* Karn: only a sample ends the back-off. */
	c->backoff = 0;
}

void tcp_window_update(struct tcp_conn *c, const struct seg_in *in)
{
	/* A segment older than the last that told the window says nothing. */
	if (seq_gt(c->snd_wl1, in->seq) ||
	    (c->snd_wl1 == in->seq && seq_gt(c->snd_wl2, in->ack)))
		return;
	c->snd_wnd = (uint32_t)in->wnd << c->snd_scale;
	c->max_wnd = max(c->max_wnd, c->snd_wnd);
	c->snd_wl1 = in->seq;
	c->snd_wl2 = in->ack;
}

static void sample(struct tcp_conn *c, const struct seg_in *in, bool clean,
		   uint32_t sent)
{
	const struct tcp_stack *t = c->t;

	if (clean) {
		tcp_rtt_sample(c, (uint32_t)t->now - sent);
	} else if (c->ts_ok && in->opts.tsecr) {
		/* RFC 7323 4.1: the echo tells which sending it answers. */
		uint32_t ms = tcp_ts_now(t, c->ts_offset) - in->opts.tsecr;

		if (ms < c->t->p.rto_max / USEC_PER_MSEC)
			tcp_rtt_sample(c, max(ms, 1u) * 1000);
	}
}

static void new_ack(struct tcp_conn *c, const struct seg_in *in)
{
	uint32_t acked = in->ack - c->snd_una;
	uint32_t flight = c->snd_max - c->snd_una, sent = 0;
	bool clean = tcp_tx_acked(c, in->ack, &sent);

	c->snd_una = in->ack;
	c->snd_nxt = seq_max(c->snd_nxt, c->snd_una);
	c->progress = c->t->now;
	sample(c, in, clean, sent);
	/* RFC 6298 5.3: the timer starts anew with every advance. */
	tcp_recover_ack(c, acked, flight);
	if (c->snd_una == c->snd_max) {
		tcp_timer_cancel(c, TIMER_SEND);
		c->send_first = false;
	}
	tcp_conn_dirty(c);
}

/* RFC 5681 2: a duplicate acknowledges nothing, carries nothing, changes
 * nothing, while something is in flight. */
static bool duplicate(const struct tcp_conn *c, const struct seg_in *in)
{
	return in->ack == c->snd_una && c->snd_una != c->snd_max && !in->len &&
	       !(in->flags & TCP_FIN) &&
	       (uint32_t)in->wnd << c->snd_scale == c->snd_wnd;
}

enum tcp_verdict tcp_ack_input(struct tcp_conn *c, const struct seg_in *in)
{
	/* RFC 5961 5.2: what was never sent, or is too old to be honest. */
	if (seq_gt(in->ack, c->snd_max) ||
	    seq_lt(in->ack, c->snd_una - c->max_wnd)) {
		if (tcp_challenge_allowed(c->t, c))
			tcp_ack_now(c);
		return TCP_DROP_ACK;
	}
	if (seq_lt(in->ack, c->snd_una))
		return TCP_OK;
	/* RFC 1122 4.2.2.17: a closed window is kept open as long as the peer
	 * answers, but not for a connection that nobody owns any more, and not
	 * while others go without (RFC 6429 3). */
	if (c->window_probe && !c->orphan && !tcp_mem_short(c->t, MEM_MORE))
		c->progress = c->t->now;
	if (seq_gt(in->ack, c->snd_una))
		new_ack(c, in);
	else if (duplicate(c, in))
		tcp_recover_dupack(c);
	tcp_window_update(c, in);
	if (c->send_head || c->fin_queued)
		tcp_conn_dirty(c);
	tcp_tx_room(c);
	return TCP_OK;
}
