/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_check.c - what must always be true between two calls. Tests ask after
 * every event; nothing on the data path does.
 */
#include "tcp/tcp_int.h"

static const char *check_tx(const struct tcp_conn *c)
{
	uint32_t at = c->snd_una, segs = 0;
	bool head = false;

	list_for_each(it, &c->txq)
	{
		const struct seg *s = list_entry(it, struct seg, link);

		if (s->seq != at)
			return "send queue has a gap";
		if (!s->len)
			return "empty segment in the send queue";
		head |= s == c->send_head;
		if (!head && seq_gt(s->seq + s->len, c->snd_nxt))
			return "unsent segment before the send head";
		at += s->len;
		segs++;
	}
	if (segs != c->tx_segs)
		return "send queue is miscounted";
	if (segs && at != c->snd_end)
		return "send queue ends early";
	if (c->send_head && !head)
		return "send head is not in the queue";
	if (c->send_head && c->send_head->seq != c->snd_nxt)
		return "send head is not at snd_nxt";
	return NULL;
}

static const char *check_rx(const struct tcp_conn *c)
{
	uint32_t bytes = 0, at = c->rcv_nxt, n = 0;

	list_for_each(it, &c->rxq) bytes +=
		list_entry(it, struct seg, link)->len;
	if (bytes != c->rx_bytes)
		return "receive queue is miscounted";
	list_for_each(it, &c->ooo)
	{
		const struct seg *s = list_entry(it, struct seg, link);

		if (seq_lt(s->seq, at) || (!n && s->seq == at))
			return "out-of-order queue overlaps";
		at = s->seq + s->len;
		n++;
	}
	if (n != c->ooo_n || n > TCP_OOO_MAX)
		return "out-of-order queue is miscounted";
	if (n && seq_gt(at, c->rcv_adv))
		return "out-of-order data beyond the window";
	if (c->rx_true > 8 * c->rx_bytes + 16384)
		return "small pieces hold too much memory";
	return NULL;
}

static const char *check_timers(const struct tcp_conn *c)
{
	bool owing = list_linked(&c->dirty);

	for (unsigned i = 0; i < TIMERS; i++)
		if (c->deadline[i] != USEC_NEVER &&
		    (!tick_armed(&c->timer) || c->timer.when > c->deadline[i]))
			return "deadline without a timer";
	if (c->deadline[TIMER_SEND] != USEC_NEVER || owing)
		return NULL;
	/* What hangs for ever begins here. */
	if (c->snd_una != c->snd_max)
		return "outstanding data without a timer";
	if (c->send_head || (c->fin_queued && c->snd_nxt == c->snd_end))
		return "unsent data without a timer";
	return NULL;
}

const char *tcp_conn_check(const struct tcp_conn *c)
{
	const char *wrong;

	if (!c->in_table)
		return tick_armed(&c->timer) ? "detached but armed" : NULL;
	if (c->state == TCPS_SYN_SENT || c->state == TCPS_SYN_RCVD)
		return check_timers(c);
	if (seq_gt(c->snd_una, c->snd_nxt) || seq_gt(c->snd_nxt, c->snd_max))
		return "una <= nxt <= max does not hold";
	if (seq_gt(c->rcv_nxt, c->rcv_adv))
		return "received beyond the window";
	if (c->rx_segs && !list_linked(&c->dirty) &&
	    c->deadline[TIMER_ACK] == USEC_NEVER)
		return "acknowledgement forgotten";
	wrong = check_tx(c);
	if (!wrong)
		wrong = check_rx(c);
	return wrong ? wrong : check_timers(c);
}

const char *tcp_stack_check(const struct tcp_stack *t)
{
	for (uint32_t i = 0; i < t->conns.count; i++) {
		const char *wrong;

		if (!(t->live[i / 64] >> (i % 64) & 1))
			continue;
		wrong = tcp_conn_check(slab_at(&t->conns, i));
		if (wrong)
			return wrong;
	}
	return NULL;
}
