/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_wait.c - TIME-WAIT: one cache line each, all of the same length, so they
 * stand in a FIFO and the oldest goes when there are too many.
 *
 * RFC 9293 3.10.7.4, RFC 1337 (a reset does not end it), RFC 6191 (timestamps
 * may).
 */
#include "tcp/tcp_int.h"

#define REUSE_AGE 1000u /* [ms]: the timestamp clock has moved for certain */

static struct wait_entry *at(const struct tcp_stack *t, uint32_t index)
{
	return index == WAIT_NONE ? NULL : slab_at(&t->waits, index);
}

static uint32_t now_ms(const struct tcp_stack *t)
{
	return (uint32_t)(t->now / USEC_PER_MSEC);
}

static void fifo_push(struct tcp_stack *t, struct wait_entry *w)
{
	uint32_t index = slab_index(&t->waits, w);

	w->born = now_ms(t);
	w->next = WAIT_NONE;
	w->prev = t->wait_tail;
	if (w->prev == WAIT_NONE)
		t->wait_head = index;
	else
		at(t, w->prev)->next = index;
	t->wait_tail = index;
}

static void fifo_remove(struct tcp_stack *t, struct wait_entry *w)
{
	if (w->prev == WAIT_NONE)
		t->wait_head = w->next;
	else
		at(t, w->prev)->next = w->next;
	if (w->next == WAIT_NONE)
		t->wait_tail = w->prev;
	else
		at(t, w->next)->prev = w->prev;
}

void tcp_wait_free(struct tcp_stack *t, struct wait_entry *w)
{
	tcp_flow_remove(&t->flows, FLOW_WAIT, &w->key);
	fifo_remove(t, w);
	slab_put(&t->waits, w);
	t->stats.time_wait = t->waits.used;
}

/* ts_recent 0 stands for "no timestamps" (a real 0 costs a little safety). */
static void owe_ack(struct tcp_stack *t, const struct wait_entry *w)
{
	struct seg_out out = { .seq = w->snd_nxt,
			       .ack = w->rcv_nxt,
			       .wnd = TCP_WINDOW_MAX >> t->p.window_scale,
			       .flags = TCP_ACK };

	if (w->ts_recent) {
		out.opts.has_ts = true;
		out.opts.tsval = tcp_ts_now(t, tcp_ts_offset(t, &w->key));
		out.opts.tsecr = w->ts_recent;
	}
	tcp_owe(t, &w->key, &out);
}

static struct wait_entry *entry_new(struct tcp_stack *t)
{
	if (t->waits.count && t->waits.used == t->waits.count)
		tcp_wait_free(t, at(t, t->wait_head));
	return slab_get(&t->waits);
}

void tcp_wait_enter(struct tcp_conn *c)
{
	struct tcp_stack *t = c->t;
	struct wait_entry *w = entry_new(t);

	if (c->ack_now)
		tcp_owe_conn(c, TCP_ACK);
	if (w) {
		*w = (struct wait_entry){
			.key = c->key,
			.snd_nxt = c->snd_max,
			.rcv_nxt = c->rcv_nxt,
			.ts_recent = c->ts_ok ? c->ts_recent : 0,
		};
		fifo_push(t, w);
		tcp_flow_replace(&t->flows, FLOW_CONN, &c->key, FLOW_WAIT,
				 &w->key);
		c->in_table = false;
		t->stats.time_wait = t->waits.used;
	}
	tcp_conn_detach(c, TCPS_TIME_WAIT);
	if (c->orphan)
		tcp_conn_free(c);
}

bool tcp_wait_reusable(const struct tcp_stack *t, const struct wait_entry *w)
{
	return w->ts_recent && now_ms(t) - w->born > REUSE_AGE;
}

/* RFC 6191 2: may this SYN begin a new incarnation? */
static bool reopens(const struct wait_entry *w, const struct seg_in *in)
{
	if (w->ts_recent && in->opts.has_ts && w->ts_recent != in->opts.tsval)
		return seq_gt(in->opts.tsval, w->ts_recent);
	return seq_gt(in->seq, w->rcv_nxt);
}

enum tcp_verdict tcp_wait_input(struct tcp_stack *t, struct wait_entry *w,
				struct flow_key *k, const struct seg_in *in)
{
	/* RFC 1337: a late reset must not end the wait early. */
	if (in->flags & TCP_RST)
		return TCP_DROP_RST;
	if ((in->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && reopens(w, in) &&
	    tcp_listener_find(t, k)) {
		uint32_t above = w->snd_nxt + TCP_WINDOW_MAX;

		tcp_wait_free(t, w);
		return tcp_listen_input(t, k, in, &above);
	}
	/* Their ACK of our FIN again: nothing to say. */
	if (in->seq == in->end && in->seq == w->rcv_nxt)
		return TCP_DROP_DUPLICATE;
	if (tcp_challenge_allowed(t, NULL))
		owe_ack(t, w);
	if (in->flags & TCP_FIN && in->end == w->rcv_nxt) {
		/* 3.10.7.4, eighth: the last ACK was lost, wait anew. */
		fifo_remove(t, w);
		fifo_push(t, w);
	}
	return TCP_DROP_DUPLICATE;
}

unsigned tcp_wait_timers(struct tcp_stack *t, unsigned budget)
{
	unsigned spent = 0;

	for (; spent < budget && tcp_wait_next(t) <= t->now; spent++)
		tcp_wait_free(t, at(t, t->wait_head));
	return spent;
}

usec_t tcp_wait_next(const struct tcp_stack *t)
{
	const struct wait_entry *w = at(t, t->wait_head);

	if (!w)
		return USEC_NEVER;
	return t->now - t->now % USEC_PER_MSEC -
	       (usec_t)(now_ms(t) - w->born) * USEC_PER_MSEC + t->p.time_wait;
}
