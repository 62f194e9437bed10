/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_in.c - arrival of a segment: RFC 9293 3.10.7 in its own order, with the
 * checks of RFC 5961 and 7323 where they belong.
 *
 * What a step answers is only owed. A step that ends the connection says so by
 * a verdict or by `gone`, and nothing touches c afterwards.
 */
#include "tcp/tcp_int.h"

#define PAWS_VALID SEC(24 * 86400) /* RFC 7323 5.5 */

static bool parse(const struct ip_seg *s, struct flow_key *k, struct seg_in *in,
		  uint16_t *header)
{
	const struct rte_tcp_hdr *h =
		rte_pktmbuf_mtod(s->m, const struct rte_tcp_hdr *);
	uint32_t have = rte_pktmbuf_data_len(s->m), hlen;

	if (have < sizeof(*h))
		return false;
	hlen = (uint32_t)(h->data_off >> 4) * 4;
	if (hlen < sizeof(*h) || hlen > have)
		return false;
	if (!tcp_opts_parse((const uint8_t *)(h + 1), hlen - sizeof(*h),
			    &in->opts))
		return false;
	*header = (uint16_t)hlen;
	*k = (struct flow_key){
		.local = s->dst,
		.remote = s->src,
		.lport = rte_be_to_cpu_16(h->dst_port),
		.rport = rte_be_to_cpu_16(h->src_port),
	};
	in->m = s->m;
	in->seq = rte_be_to_cpu_32(h->sent_seq);
	in->ack = rte_be_to_cpu_32(h->recv_ack);
	in->wnd = rte_be_to_cpu_16(h->rx_win);
	in->flags = h->tcp_flags;
	in->len = rte_pktmbuf_pkt_len(s->m) - hlen;
	in->end = in->seq + in->len + !!(in->flags & TCP_SYN) +
		  !!(in->flags & TCP_FIN);
	/* No honest host opens and closes at once; nobody talks to itself. */
	return k->lport && k->rport &&
	       (in->flags & (TCP_SYN | TCP_FIN)) != (TCP_SYN | TCP_FIN) &&
	       !(k->lport == k->rport && ipaddr_eq(&k->local, &k->remote));
}

enum tcp_verdict tcp_closed_input(struct tcp_stack *t, const struct flow_key *k,
				  const struct seg_in *in)
{
	if (in->flags & TCP_RST)
		return TCP_DROP_RST;
	tcp_owe_reset(t, k, in);
	return TCP_DROP_CLOSED;
}

/* --- RFC 9293 3.10.7.3: SYN-SENT ---------------------------------------- */

static void syn_accept(struct tcp_conn *c, const struct seg_in *in)
{
	const struct tcp_personality *p = &c->t->p;

	c->irs = in->seq;
	c->rcv_nxt = in->seq + 1;
	c->last_ack = c->rcv_nxt;
	c->rcv_adv = c->rcv_nxt + tcp_syn_window(c->t);
	c->ts_ok = in->opts.has_ts && p->timestamps;
	c->ts_recent = in->opts.tsval;
	c->has_scale = in->opts.has_scale;
	c->snd_scale = in->opts.has_scale ? in->opts.scale : 0;
	c->rcv_scale = in->opts.has_scale ? p->window_scale : 0;
	if (in->opts.has_mss)
		c->peer_mss = in->opts.mss;
	tcp_conn_mss(c);
	/* The window in a SYN is never scaled (RFC 7323 2.2). */
	c->snd_wnd = c->max_wnd = in->wnd;
	c->snd_wl1 = in->seq;
	c->snd_wl2 = in->flags & TCP_ACK ? in->ack : c->iss;
	c->last_rx = c->t->now;
}

static enum tcp_verdict syn_sent_input(struct tcp_conn *c,
				       const struct seg_in *in)
{
	struct tcp_stack *t = c->t;

	if (in->flags & TCP_ACK &&
	    (seq_le(in->ack, c->iss) || seq_gt(in->ack, c->snd_max))) {
		if (!(in->flags & TCP_RST))
			tcp_owe_reset(t, &c->key, in);
		return TCP_DROP_ACK;
	}
	if (in->flags & TCP_RST) {
		if (!(in->flags & TCP_ACK))
			return TCP_DROP_RST;
		tcp_conn_die(c, TCP_REFUSED);
		return TCP_OK;
	}
	if (!(in->flags & TCP_SYN))
		return TCP_DROP_ACK;
	syn_accept(c, in);
	if (!(in->flags & TCP_ACK)) {
		/* Both opened at once: SYN again, with an ACK. */
		c->state = TCPS_SYN_RCVD;
		c->backoff = 0;
		c->send_syn = true;
		tcp_conn_dirty(c);
		return TCP_OK;
	}
	c->snd_una = in->ack;
	if (!c->syn_resent)
		tcp_rtt_sample(c, (uint32_t)(t->now - c->last_tx));
	tcp_conn_established(c);
	tcp_ack_now(c);
	return TCP_OK;
}

/* --- first: is it acceptable? ------------------------------------------- */

/* An answer to what may be an attacker's; data gets one in any case, because
 * the peer is repeating itself for want of it. */
static enum tcp_verdict
unacceptable(struct tcp_conn *c, const struct seg_in *in, enum tcp_verdict why)
{
	if (in->flags & TCP_RST)
		return TCP_DROP_RST;
	if (in->end != in->seq || tcp_challenge_allowed(c->t, c))
		tcp_ack_now(c);
	return why;
}

static enum tcp_verdict timestamp(struct tcp_conn *c, const struct seg_in *in)
{
	if (!c->ts_ok || in->flags & TCP_RST)
		return TCP_OK;
	if (!in->opts.has_ts)
		return TCP_DROP_PAWS; /* RFC 7323 3.2 */
	if (tcp_paws_old(c->ts_recent, &in->opts) &&
	    c->t->now - c->last_rx < PAWS_VALID)
		return unacceptable(c, in, TCP_DROP_PAWS);
	return TCP_OK;
}

static enum tcp_verdict acceptable(struct tcp_conn *c, const struct seg_in *in)
{
	enum tcp_verdict v = timestamp(c, in);

	if (v != TCP_OK)
		return v;
	if (tcp_seg_old(in, c->rcv_nxt))
		return unacceptable(c, in, TCP_DROP_DUPLICATE);
	/* At the edge itself: its ACK counts, of its data nothing fits. */
	if (seq_gt(in->seq, c->rcv_adv))
		return unacceptable(c, in, TCP_DROP_WINDOW);
	return TCP_OK;
}

/* --- second: reset ------------------------------------------------------- */

static enum tcp_verdict reset(struct tcp_conn *c, const struct seg_in *in)
{
	/* RFC 5961 3.2: the exact number, else a challenge. */
	if (in->seq != c->rcv_nxt) {
		if (tcp_challenge_allowed(c->t, c))
			tcp_ack_now(c);
		return TCP_DROP_RST;
	}
	if (c->state == TCPS_SYN_RCVD)
		tcp_conn_die(c, TCP_REFUSED);
	else if (c->state >= TCPS_CLOSING && !tcp_tx_pending(c))
		tcp_conn_closed(c);
	else
		tcp_conn_die(c, TCP_RESET);
	return TCP_OK;
}

/* --- fifth: ACK ----------------------------------------------------------- */

static enum tcp_verdict syn_rcvd_ack(struct tcp_conn *c,
				     const struct seg_in *in)
{
	if (seq_le(in->ack, c->snd_una) || seq_gt(in->ack, c->snd_max)) {
		tcp_owe_reset(c->t, &c->key, in);
		return TCP_DROP_ACK;
	}
	c->snd_una = in->ack;
	c->snd_wnd = (uint32_t)in->wnd << c->snd_scale;
	c->max_wnd = max(c->max_wnd, c->snd_wnd);
	c->snd_wl1 = in->seq;
	c->snd_wl2 = in->ack;
	if (!c->syn_resent)
		tcp_rtt_sample(c, (uint32_t)(c->t->now - c->last_tx));
	tcp_conn_established(c);
	return TCP_OK;
}

/* Our FIN has arrived: the state after it. False when c is gone. */
static bool fin_acked(struct tcp_conn *c)
{
	if (!c->fin_queued || c->snd_una != c->snd_end + 1)
		return true;
	if (c->state == TCPS_FIN_WAIT_1) {
		c->state = TCPS_FIN_WAIT_2;
		tcp_timer_idle(c);
	} else if (c->state == TCPS_CLOSING) {
		tcp_wait_enter(c);
		return false;
	} else if (c->state == TCPS_LAST_ACK) {
		tcp_conn_closed(c);
		return false;
	}
	return true;
}

/* --- seventh and eighth: text and FIN ------------------------------------ */

static enum tcp_verdict text(struct tcp_conn *c, struct seg_in *in)
{
	uint32_t before = c->rcv_nxt;
	enum tcp_verdict v;

	/* Behind a FIN there is nothing (3.10.7.4, seventh). */
	if (!in->len || c->fin_rcvd)
		return TCP_OK;
	v = tcp_rx_data(c, in);
	tcp_conn_dirty(c);
	if (c->rcv_nxt == before) {
		c->ack_now = true;
		return v == TCP_DROP_DUPLICATE && seq_ge(in->seq, before)
			       ? TCP_DROP_WINDOW
			       : v;
	}
	c->rx_segs = (uint8_t)min(c->rx_segs + 1, 255);
	if (c->quick) {
		c->quick--;
		c->ack_now = true;
	}
	tcp_conn_ready(c);
	return v;
}

static void note_fin(struct tcp_conn *c, const struct seg_in *in)
{
	uint32_t at = in->end - 1;

	if (!(in->flags & TCP_FIN) || c->fin_seen || seq_gt(at, c->rcv_adv) ||
	    seq_lt(at, c->rcv_nxt))
		return;
	/* A FIN in front of data that has come already is a lie. */
	if (c->ooo_n) {
		const struct seg *last =
			list_entry(c->ooo.prev, struct seg, link);

		if (seq_gt(last->seq + last->len, at))
			return;
	}
	c->fin_seen = true;
	c->fin_seq = at;
	tcp_ack_now(c);
}

static void take_fin(struct tcp_conn *c)
{
	c->fin_rcvd = true;
	c->rcv_nxt++;
	c->rcv_adv = seq_max(c->rcv_adv, c->rcv_nxt);
	c->status = TCP_PEER_CLOSED;
	tcp_ack_now(c);
	tcp_conn_ready(c);
	if (c->state == TCPS_ESTABLISHED)
		c->state = TCPS_CLOSE_WAIT;
	else if (c->state == TCPS_FIN_WAIT_1)
		c->state = TCPS_CLOSING;
	else if (c->state == TCPS_FIN_WAIT_2)
		tcp_wait_enter(c);
}

/* RFC 9293 3.10.7.4 and 3.6.1: nobody will read it. */
static enum tcp_verdict nobody_reads(struct tcp_conn *c)
{
	tcp_owe_conn(c, TCP_RST);
	tcp_conn_free(c);
	return TCP_DROP_AFTER_CLOSE;
}

/* --- all states but LISTEN, CLOSED and TIME-WAIT -------------------------- */

/* In SYN-RECEIVED the peer's SYN may come again, with the ACK we wait for when
 * both opened at once. */
static void strip_syn(struct tcp_conn *c, struct seg_in *in)
{
	if (in->flags & TCP_SYN && in->flags & TCP_ACK && in->seq == c->irs) {
		in->flags &= (uint8_t)~TCP_SYN;
		in->seq++;
	}
}

enum tcp_verdict tcp_conn_input(struct tcp_conn *c, struct seg_in *in)
{
	enum tcp_verdict v;

	if (c->state == TCPS_SYN_SENT)
		return syn_sent_input(c, in);
	if (c->state == TCPS_SYN_RCVD)
		strip_syn(c, in);
	/* RFC 5961 4.2: wherever it lies; the window is not asked. */
	if ((in->flags & (TCP_SYN | TCP_RST)) == TCP_SYN) {
		if (tcp_challenge_allowed(c->t, c))
			tcp_ack_now(c);
		return TCP_DROP_SYN;
	}
	v = acceptable(c, in);
	if (v != TCP_OK)
		return v;
	if (in->flags & TCP_RST)
		return reset(c, in);
	if (!(in->flags & TCP_ACK))
		return TCP_DROP_ACK;
	if (c->ts_ok && !tcp_paws_old(c->ts_recent, &in->opts) &&
	    seq_le(in->seq, c->last_ack))
		c->ts_recent = in->opts.tsval; /* RFC 7323 4.3 */
	c->last_rx = c->t->now;
	c->probes = 0;
	v = c->state == TCPS_SYN_RCVD ? syn_rcvd_ack(c, in)
				      : tcp_ack_input(c, in);
	if (v != TCP_OK || !fin_acked(c))
		return v;
	if (c->orphan && in->len && seq_gt(in->seq + in->len, c->rcv_nxt))
		return nobody_reads(c);
	v = text(c, in);
	note_fin(c, in);
	if (c->fin_seen && !c->fin_rcvd && c->rcv_nxt == c->fin_seq)
		take_fin(c);
	return v;
}

/* --- whose is it? --------------------------------------------------------- */

/* No connection has this tuple: another worker's, a listener's, nobody's. */
static enum tcp_verdict unknown(struct tcp_stack *t, struct flow_key *k,
				const struct seg_in *in, unsigned *owner)
{
	struct ip_tuple arriving = { k->remote, k->local, k->rport, k->lport };

	if (t->steer) {
		*owner = steer_owner(t->steer, &arriving);
		if (*owner != t->worker)
			return TCP_NOT_MINE;
	}
	/* RFC 9293 3.10.7.2, LISTEN. */
	if (!tcp_listener_find(t, k) || in->flags & (TCP_RST | TCP_ACK))
		return tcp_closed_input(t, k, in);
	if (!(in->flags & TCP_SYN))
		return TCP_DROP_HEADER;
	return tcp_listen_input(t, k, in, NULL);
}

enum tcp_verdict tcp_input(struct tcp_stack *t, const struct ip_seg *s,
			   usec_t now, unsigned *owner)
{
	enum tcp_verdict v = TCP_DROP_HEADER;
	enum flow_tag tag = FLOW_CONN;
	struct flow_key k;
	struct seg_in in;
	uint16_t header = 0;
	void *object;

	t->now = now;
	*owner = t->worker;
	in.m = s->m;
	if (!parse(s, &k, &in, &header))
		goto out;
	tcp_flow_hash(&t->flows, &k);
	object = tcp_flow_find(&t->flows, &k, &tag);
	if (!object) {
		v = unknown(t, &k, &in, owner);
		goto out;
	}
	rte_pktmbuf_adj(s->m, header);
	switch (tag) {
	case FLOW_CONN:
		v = tcp_conn_input(object, &in);
		break;
	case FLOW_SYN:
		v = tcp_syn_input(t, object, &in);
		break;
	case FLOW_WAIT:
		v = tcp_wait_input(t, object, &k, &in);
		break;
	case FLOW_TAGS:
		assert(0);
	}
out:
	t->stats.segments_in += v != TCP_NOT_MINE;
	t->stats.verdicts[v]++;
	if (in.m && v != TCP_NOT_MINE)
		rte_pktmbuf_free(in.m);
	return v;
}
