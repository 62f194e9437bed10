/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_out.c - what is owed leaves: replies to strangers, SYN-ACKs, and of each
 * dirty connection its data and at most one ACK without data.
 */
#include "tcp/tcp_int.h"

#include <string.h>

#define OWED_MASK (TCP_OWED - 1)

bool tcp_send(struct tcp_stack *t, const struct flow_key *k, struct rte_mbuf *m,
	      const struct seg_out *out)
{
	uint8_t opts[40];
	unsigned n = tcp_opts_write(opts, &out->opts);
	struct rte_tcp_hdr *h;

	if (!t->room)
		return false;
	if (!m) {
		m = tcp_mbuf_new(t);
		if (!m)
			return false;
	}
	h = (struct rte_tcp_hdr *)rte_pktmbuf_prepend(
		m, (uint16_t)(sizeof(*h) + n));
	*h = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16(k->lport),
		.dst_port = rte_cpu_to_be_16(k->rport),
		.sent_seq = rte_cpu_to_be_32(out->seq),
		.recv_ack = rte_cpu_to_be_32(out->ack),
		.data_off = (uint8_t)((sizeof(*h) + n) / 4 << 4),
		.tcp_flags = out->flags,
		.rx_win = rte_cpu_to_be_16(out->wnd),
	};
	memcpy(h + 1, opts, n);
	t->room--;
	t->stats.segments_out++;
	t->stats.resets_out += (out->flags & TCP_RST) != 0;
	/* What IP cannot take is lost on the way, as far as we are concerned.
	 */
	(void)ip_output(t->ip, m, &k->local, &k->remote, 0, t->now);
	return true;
}

/* --- replies without a connection --------------------------------------- */

bool tcp_owe(struct tcp_stack *t, const struct flow_key *k,
	     const struct seg_out *out)
{
	if (t->owed_head - t->owed_tail == TCP_OWED)
		return false;
	t->owed[t->owed_head++ & OWED_MASK] = (struct owed){ *k, *out };
	return true;
}

void tcp_owe_reset(struct tcp_stack *t, const struct flow_key *k,
		   const struct seg_in *in)
{
	struct seg_out out = { .flags = TCP_RST };

	if (in->flags & TCP_ACK) {
		out.seq = in->ack;
	} else {
		out.flags |= TCP_ACK;
		out.ack = in->end;
	}
	if (tcp_reset_allowed(t))
		tcp_owe(t, k, &out);
}

static struct tcp_opts conn_opts(const struct tcp_conn *c)
{
	struct tcp_opts o = { .has_ts = c->ts_ok };

	if (c->ts_ok) {
		o.tsval = tcp_ts_now(c->t, c->ts_offset);
		o.tsecr = c->ts_recent;
	}
	return o;
}

uint32_t tcp_acceptable_seq(const struct tcp_conn *c)
{
	uint32_t edge = c->snd_una + c->snd_wnd;

	/* A peer may shrink its window below what we sent. */
	return seq_gt(c->snd_max, edge) ? edge : c->snd_max;
}

void tcp_owe_conn(struct tcp_conn *c, uint8_t flags)
{
	struct seg_out out = { .seq = tcp_acceptable_seq(c),
			       .ack = c->rcv_nxt,
			       .flags = flags | TCP_ACK,
			       .opts = conn_opts(c) };

	if (!(flags & TCP_RST))
		out.wnd = tcp_rx_window(c);
	tcp_owe(c->t, &c->key, &out);
}

/* --- one connection ----------------------------------------------------- */

static void acknowledged(struct tcp_conn *c)
{
	c->ack_now = false;
	c->rx_segs = 0;
	c->last_ack = c->rcv_nxt;
	tcp_timer_cancel(c, TIMER_ACK);
}

static bool send_ack(struct tcp_conn *c, uint32_t seq)
{
	struct seg_out out = { .seq = seq,
			       .ack = c->rcv_nxt,
			       .flags = TCP_ACK,
			       .wnd = tcp_rx_window(c),
			       .opts = conn_opts(c) };

	if (!tcp_send(c->t, &c->key, NULL, &out))
		return false;
	acknowledged(c);
	return true;
}

static bool send_syn(struct tcp_conn *c)
{
	struct seg_out out = { .seq = c->iss,
			       .flags = TCP_SYN,
			       .wnd = tcp_syn_window(c->t),
			       .opts = tcp_syn_opts(c->t, &c->key) };

	if (out.opts.has_ts)
		out.opts.tsval = tcp_ts_now(c->t, c->ts_offset);
	if (c->state == TCPS_SYN_RCVD) {
		out.flags |= TCP_ACK;
		out.ack = c->rcv_nxt;
		out.opts.has_ts = c->ts_ok;
		out.opts.tsecr = c->ts_recent;
		out.opts.has_scale = c->has_scale;
	}
	if (!tcp_send(c->t, &c->key, NULL, &out))
		return false;
	c->send_syn = false;
	c->snd_nxt = c->snd_max = c->iss + 1;
	c->last_tx = c->t->now;
	tcp_timer_rto(c);
	return true;
}

/* The buffer to hand out: the segment's own with one more reference, or a copy
 * while the port, or a neighbour's queue, still holds that. */
static struct rte_mbuf *buffer_of(struct tcp_conn *c, const struct seg *s)
{
	struct rte_mbuf *m = s->m;

	if (rte_mbuf_refcnt_read(m) > 1) {
		m = tcp_mbuf_new(c->t);
		if (!m)
			return NULL;
		memcpy(rte_pktmbuf_mtod(m, void *), seg_data(s), s->len);
		c->t->stats.copies++;
	} else {
		rte_mbuf_refcnt_update(m, 1);
		m->data_off = s->off;
	}
	m->data_len = s->len;
	m->pkt_len = s->len;
	return m;
}

static void sent(struct tcp_conn *c, struct seg *s, uint32_t seq, uint32_t end)
{
	struct tcp_stack *t = c->t;

	if (s) {
		s->sends = (uint8_t)min(s->sends + 1, 255);
		s->sent = (uint32_t)t->now;
	}
	if (seq_lt(seq, c->snd_max)) {
		t->stats.retransmits++;
		c->retransmits++;
	} else if (s) {
		t->stats.bytes_out += s->len;
		c->bytes_out += s->len;
	}
	if (c->snd_una == c->snd_max)
		c->progress = t->now;
	if (seq == c->snd_nxt) {
		c->snd_nxt = end;
		if (s)
			c->send_head = tcp_tx_next(c, s);
	}
	c->snd_max = seq_max(c->snd_max, end);
	c->last_tx = t->now;
	c->push_small = false;
	if (c->window_probe)
		c->backoff = 0;
	if (c->window_probe || c->deadline[TIMER_SEND] == USEC_NEVER)
		tcp_timer_rto(c);
	acknowledged(c);
}

/* Send segment s, or a FIN alone when it is NULL. */
static bool emit(struct tcp_conn *c, struct seg *s, bool fin)
{
	struct tcp_stack *t = c->t;
	uint32_t seq = s ? s->seq : c->snd_end;
	uint32_t end = seq + (s ? s->len : 0u) + fin;
	struct seg_out out = { .seq = seq,
			       .ack = c->rcv_nxt,
			       .flags = TCP_ACK,
			       .opts = conn_opts(c) };
	struct rte_mbuf *m;

	if (!t->room)
		return false;
	m = s ? buffer_of(c, s) : tcp_mbuf_new(t);
	if (!m)
		return false;
	out.wnd = tcp_rx_window(c);
	if (s && tcp_tx_last(c, s))
		out.flags |= TCP_PSH;
	if (fin)
		out.flags |= TCP_FIN;
	if (!tcp_send(t, &c->key, m, &out)) {
		rte_pktmbuf_free_seg(m);
		return false;
	}
	sent(c, s, seq, end);
	return true;
}

/* The first unacknowledged segment again, whatever the windows say. */
static bool send_first(struct tcp_conn *c)
{
	struct seg *s = tcp_tx_first(c);
	bool fin_sent = c->fin_queued && c->snd_max == c->snd_end + 1;

	if (c->snd_una != c->snd_max) {
		if (s && s->len > c->mss && !tcp_tx_split(c, s, c->mss))
			return false;
		if (!emit(c, s, fin_sent && (!s || tcp_tx_last(c, s))))
			return false;
	}
	c->send_first = false;
	return true;
}

enum next { NEXT_SEND, NEXT_NOTHING, NEXT_LATER };

/*
 * What to send next at snd_nxt: a segment, or a FIN alone (*s NULL).
 *
 * Silly windows: a segment is cut for the window only if that is at least half
 * the largest the peer ever offered, or the override timer ran out (RFC 9293
 * 3.8.6.2.1). There is no Nagle algorithm: who writes decides.
 */
static enum next tx_next(struct tcp_conn *c, struct seg **s, bool *fin)
{
	int32_t wnd = (int32_t)(c->snd_una + c->snd_wnd - c->snd_nxt);
	uint32_t flight = c->snd_nxt - c->snd_una;

	*s = c->send_head;
	*fin = c->fin_queued && wnd > 0;
	if (!*s)
		return *fin && c->snd_nxt == c->snd_end ? NEXT_SEND
							: NEXT_NOTHING;
	if ((*s)->len > c->mss && !tcp_tx_split(c, *s, c->mss))
		return NEXT_LATER;
	if (flight && flight + (*s)->len > tcp_cc_window(c)) {
		c->cwnd_limited = true;
		return NEXT_NOTHING;
	}
	if ((int32_t)(*s)->len > wnd) {
		if (wnd <= 0 ||
		    (!c->push_small && (uint32_t)wnd < c->max_wnd / 2))
			return NEXT_NOTHING;
		if (!tcp_tx_split(c, *s, (uint16_t)wnd))
			return NEXT_LATER;
	}
	*fin = c->fin_queued && tcp_tx_last(c, *s) && wnd > (*s)->len;
	return NEXT_SEND;
}

static bool send_data(struct tcp_conn *c)
{
	enum next next;
	struct seg *s;
	bool fin;

	if (c->send_head && c->snd_una == c->snd_max)
		tcp_cc_idle(c);
	c->cwnd_limited = false;
	while ((next = tx_next(c, &s, &fin)) == NEXT_SEND)
		if (!emit(c, s, fin))
			return false;
	if (next == NEXT_LATER)
		return false;
	/* Nothing in flight, something to send: the window is closed. */
	if (c->snd_una == c->snd_max && !c->window_probe &&
	    (c->send_head || (c->fin_queued && c->snd_nxt == c->snd_end))) {
		c->backoff = 0;
		c->progress = c->t->now;
		tcp_timer_window(c);
	}
	return true;
}

/* RFC 9293 3.8.6.3: every second segment, or when the timer runs out. */
static bool send_owed_ack(struct tcp_conn *c)
{
	usec_t delay = c->t->p.delayed_ack;

	if (c->ack_now || c->rx_segs >= 2 || (c->rx_segs && !delay))
		return send_ack(c, tcp_acceptable_seq(c));
	if (c->rx_segs && c->deadline[TIMER_ACK] == USEC_NEVER)
		tcp_timer_arm(c, TIMER_ACK, c->t->now + delay);
	return true;
}

static bool conn_output(struct tcp_conn *c)
{
	/* The dead owe nothing, whatever was asked of them since. */
	if (!c->in_table)
		return true;
	if (c->send_syn && !send_syn(c))
		return false;
	if (c->state == TCPS_SYN_SENT)
		return true;
	if (c->state == TCPS_SYN_RCVD)
		return !c->ack_now || send_ack(c, c->snd_max);
	if (c->send_first && !send_first(c))
		return false;
	if (!send_data(c))
		return false;
	if (c->send_probe) {
		if (!send_ack(c, c->snd_una - 1))
			return false;
		c->send_probe = false;
	}
	return send_owed_ack(c);
}

/* --- the turn ----------------------------------------------------------- */

static void list_move(struct list *from, struct list *to)
{
	list_init(to);
	if (list_empty(from))
		return;
	*to = *from;
	to->next->prev = to->prev->next = to;
	list_init(from);
}

bool tcp_output(struct tcp_stack *t, usec_t now)
{
	struct list work, *link;

	t->now = now;
	tcp_mem_check(t);
	t->room = (uint16_t)min(ip_tx_room(t->ip), (unsigned)UINT16_MAX);
	for (; t->owed_tail != t->owed_head; t->owed_tail++) {
		const struct owed *o = &t->owed[t->owed_tail & OWED_MASK];

		if (!tcp_send(t, &o->key, NULL, &o->out))
			return true;
	}
	if (!tcp_syn_output(t))
		return true;
	list_move(&t->dirty, &work);
	while ((link = list_pop(&work))) {
		struct tcp_conn *c = list_entry(link, struct tcp_conn, dirty);

		if (!conn_output(c))
			tcp_conn_dirty(c);
	}
	return !list_empty(&t->dirty);
}
