/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_rx.c - the receive queue: payload stays in the buffers it came in.
 *
 * What a stranger makes us hold is bounded in bytes by the window and in
 * memory by collapsing: a piece smaller than a quarter of what it pins is
 * copied behind the last one if that has room, so memory stays within about
 * four times the bytes. Of two copies of a byte the first one counts.
 */
#include "tcp/tcp_int.h"

/* Memory a piece pins [bytes]. */
static uint32_t true_size(const struct rte_mbuf *m)
{
	return (uint32_t)m->buf_len + (uint32_t)sizeof(*m);
}

static bool append_allowed(const struct seg *s, uint32_t len)
{
	const struct rte_mbuf *m = s->m;

	return (uint32_t)s->off + s->len + len <= m->buf_len &&
	       RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1;
}

/* Copy a small piece, which lies in m, behind `tail`; false when it must be
 * kept as it is. */
static bool collapse(struct seg *tail, const struct rte_mbuf *m,
		     const void *data, uint16_t len)
{
	if (len >= true_size(m) / 4 || !append_allowed(tail, len))
		return false;
	memcpy(seg_data(tail) + tail->len, data, len);
	tail->len = (uint16_t)(tail->len + len);
	return true;
}

static struct seg *rx_tail(const struct tcp_conn *c)
{
	return list_empty(&c->rxq) ? NULL
				   : list_entry(c->rxq.prev, struct seg, link);
}

static struct seg *seg_of(struct tcp_conn *c, struct rte_mbuf *m, uint32_t seq)
{
	struct seg *s = tcp_seg_new(c->t, m);

	if (!s)
		return NULL;
	s->seq = seq;
	s->off = m->data_off;
	s->len = m->data_len;
	return s;
}

static void seg_cut(struct seg *s, uint32_t n)
{
	s->seq += n;
	s->off = (uint16_t)(s->off + n);
	s->len = (uint16_t)(s->len - n);
}

static void arrived(struct tcp_conn *c, uint32_t n)
{
	c->rcv_nxt += n;
	c->rx_bytes += n;
	c->bytes_in += n;
	c->t->stats.bytes_in += n;
}

/* Everything the last arrival made contiguous. */
static void pull_ooo(struct tcp_conn *c)
{
	while (!list_empty(&c->ooo)) {
		struct seg *s = list_entry(c->ooo.next, struct seg, link);
		struct seg *tail = rx_tail(c);
		uint32_t len;

		if (seq_gt(s->seq, c->rcv_nxt))
			break;
		list_remove(&s->link);
		c->ooo_n--;
		/* RFC 5681 4.2: a filled gap is acknowledged at once. */
		tcp_ack_now(c);
		if (seq_le(s->seq + s->len, c->rcv_nxt)) {
			tcp_seg_free(c->t, s);
			continue;
		}
		seg_cut(s, c->rcv_nxt - s->seq);
		len = s->len;
		if (tail && collapse(tail, s->m, seg_data(s), s->len)) {
			tcp_seg_free(c->t, s);
		} else {
			list_push(&c->rxq, &s->link);
			c->rx_true += true_size(s->m);
		}
		arrived(c, len);
	}
}

/* What had come before its turn came first: its bytes count where the two
 * overlap, and pull_ooo() then finds them old. */
static void older_wins(const struct tcp_conn *c, struct rte_mbuf *m,
		       uint32_t seq)
{
	uint32_t end = seq + m->data_len;

	if (!RTE_MBUF_DIRECT(m) || rte_mbuf_refcnt_read(m) != 1)
		return;
	list_for_each(it, &c->ooo)
	{
		const struct seg *s = list_entry(it, struct seg, link);

		if (seq_ge(s->seq, end))
			return;
		memcpy(rte_pktmbuf_mtod_offset(m, void *, s->seq - seq),
		       seg_data(s), min(end - s->seq, (uint32_t)s->len));
	}
}

static enum tcp_verdict in_order(struct tcp_conn *c, struct rte_mbuf *m,
				 uint32_t seq)
{
	struct seg *tail = rx_tail(c), *s;
	uint32_t len = m->data_len;

	if (c->ooo_n)
		older_wins(c, m, seq);
	if (tail &&
	    collapse(tail, m, rte_pktmbuf_mtod(m, void *), m->data_len)) {
		rte_pktmbuf_free_seg(m);
	} else {
		s = tcp_mem_refused(c->t, c->rx_bytes, MEM_RX)
			    ? NULL
			    : seg_of(c, m, seq);
		if (!s) {
			rte_pktmbuf_free_seg(m);
			return TCP_DROP_MEMORY;
		}
		list_push(&c->rxq, &s->link);
		c->rx_true += true_size(m);
	}
	arrived(c, len);
	pull_ooo(c);
	return TCP_OK;
}

static void ooo_free(struct tcp_conn *c, struct seg *s)
{
	list_remove(&s->link);
	c->ooo_n--;
	tcp_seg_free(c->t, s);
}

/* Room for one more: the newest data gives way to older. */
static bool ooo_room(struct tcp_conn *c, uint32_t seq)
{
	struct seg *last;

	if (tcp_mem_short(c->t, MEM_OOO))
		return false;
	if (c->ooo_n < TCP_OOO_MAX)
		return true;
	last = list_entry(c->ooo.prev, struct seg, link);
	if (seq_ge(seq, last->seq))
		return false;
	ooo_free(c, last);
	return true;
}

/* Sorted and without overlap. Searched from the end, where a burst behind a
 * lost segment arrives. */
static enum tcp_verdict out_of_order(struct tcp_conn *c, struct rte_mbuf *m,
				     uint32_t seq)
{
	uint32_t end = seq + m->data_len;
	struct list *at = c->ooo.prev;
	struct seg *s;

	c->t->stats.out_of_order++;
	tcp_ack_now(c);
	while (at != &c->ooo &&
	       seq_gt(list_entry(at, struct seg, link)->seq, seq))
		at = at->prev;
	if (at != &c->ooo) {
		s = list_entry(at, struct seg, link);
		if (seq_le(end, s->seq + s->len))
			goto duplicate;
		if (seq_lt(seq, s->seq + s->len)) {
			m->data_off =
				(uint16_t)(m->data_off + s->seq + s->len - seq);
			seq = s->seq + s->len;
		}
	}
	/* What lies beyond the next piece comes again, if it is new. */
	if (at->next != &c->ooo) {
		struct seg *next = list_entry(at->next, struct seg, link);

		if (seq_gt(end, next->seq))
			end = next->seq;
		if (seq_ge(seq, end))
			goto duplicate;
	}
	m->data_len = (uint16_t)(end - seq);
	if (at != &c->ooo) {
		s = list_entry(at, struct seg, link);
		if (s->seq + s->len == seq &&
		    collapse(s, m, rte_pktmbuf_mtod(m, void *), m->data_len)) {
			rte_pktmbuf_free_seg(m);
			return TCP_OK;
		}
	}
	if (!ooo_room(c, seq))
		goto memory;
	s = seg_of(c, m, seq);
	if (!s)
		goto memory;
	/* ooo_room() may have freed the piece behind, never the one before. */
	list_insert_before(at->next, &s->link);
	c->ooo_n++;
	return TCP_OK;
duplicate:
	rte_pktmbuf_free_seg(m);
	return TCP_DROP_DUPLICATE;
memory:
	rte_pktmbuf_free_seg(m);
	return TCP_DROP_MEMORY;
}

/* One buffer of an arrived segment, `limit` the end of what we want. */
static enum tcp_verdict piece(struct tcp_conn *c, struct rte_mbuf *m,
			      uint32_t seq, uint32_t limit)
{
	uint32_t end = seq + m->data_len;

	if (seq_lt(seq, c->rcv_nxt)) {
		uint32_t old = min(c->rcv_nxt - seq, (uint32_t)m->data_len);

		m->data_off = (uint16_t)(m->data_off + old);
		seq += old;
	}
	if (seq_gt(end, limit))
		end = limit;
	if (seq_ge(seq, end)) {
		rte_pktmbuf_free_seg(m);
		return TCP_DROP_DUPLICATE;
	}
	m->data_len = (uint16_t)(end - seq);
	return seq == c->rcv_nxt ? in_order(c, m, seq)
				 : out_of_order(c, m, seq);
}

enum tcp_verdict tcp_rx_data(struct tcp_conn *c, struct seg_in *in)
{
	enum tcp_verdict all = TCP_DROP_DUPLICATE, v;
	uint32_t limit = c->rcv_adv, seq = in->seq;
	struct rte_mbuf *m = in->m, *next;

	if (c->fin_seen && seq_lt(c->fin_seq, limit))
		limit = c->fin_seq;
	in->m = NULL;
	for (; m; m = next) {
		uint32_t len = m->data_len;

		next = m->next;
		m->next = NULL;
		m->nb_segs = 1;
		if (!len) {
			rte_pktmbuf_free_seg(m);
			continue;
		}
		v = piece(c, m, seq, limit);
		if (all != TCP_OK)
			all = v;
		seq += len;
	}
	return all;
}

void tcp_rx_drop_ooo(struct tcp_conn *c)
{
	while (c->ooo_n)
		ooo_free(c, list_entry(c->ooo.prev, struct seg, link));
}

void tcp_rx_flush(struct tcp_conn *c)
{
	struct list *link;

	while ((link = list_pop(&c->rxq)))
		tcp_seg_free(c->t, list_entry(link, struct seg, link));
	c->rx_bytes = c->rx_true = 0;
}

/* --- the window --------------------------------------------------------- */

static uint32_t offered(const struct tcp_conn *c)
{
	return seq_gt(c->rcv_adv, c->rcv_nxt) ? c->rcv_adv - c->rcv_nxt : 0;
}

/* What could be taken beyond rcv_nxt [bytes]. */
static uint32_t room(struct tcp_conn *c)
{
	struct tcp_stack *t = c->t;
	uint32_t buf = t->p.rcvbuf;

	if (buf > TCP_RECORD && tcp_mem_short(t, MEM_WINDOWS)) {
		buf = tcp_mem_short(t, MEM_SYN) ? 0 : TCP_RECORD;
		c->want_window = true;
		tcp_starve(c);
	}
	return buf > c->rx_bytes ? buf - c->rx_bytes : 0;
}

uint16_t tcp_rx_window(struct tcp_conn *c)
{
	uint32_t unit = 1u << c->rcv_scale, have = offered(c), wnd = room(c);
	uint32_t step = min((uint32_t)c->mss, c->t->p.rcvbuf / 2);

	wnd = min(wnd, TCP_WINDOW_MAX << c->rcv_scale) & ~(unit - 1);
	/* The right edge stays where it is rather than move in small steps
	 * (RFC 9293 3.8.6.2.2), and never moves left (3.8.6): hence up. */
	if (wnd < have || wnd - have < step)
		wnd = (have + unit - 1) & ~(unit - 1);
	assert(seq_ge(c->rcv_nxt + wnd, c->rcv_adv));
	c->rcv_adv = c->rcv_nxt + wnd;
	return (uint16_t)(wnd >> c->rcv_scale);
}

void tcp_rx_opened(struct tcp_conn *c)
{
	uint32_t have = offered(c), wnd = room(c);
	uint32_t buf = c->t->p.rcvbuf, step = min(2u * c->mss, buf / 2);

	if (!c->in_table || c->fin_rcvd || wnd < have)
		return;
	/* Worth a segment of its own: half the buffer, or twice as much as the
	 * peer knows of. Anything less travels with the next ACK. */
	if (wnd - have >= buf / 2 || (wnd - have >= step && wnd / 2 >= have))
		tcp_ack_now(c);
}

/* --- the application's side --------------------------------------------- */

size_t tcp_rx_avail(const struct tcp_conn *c)
{
	return c->rx_bytes;
}

unsigned tcp_rx_peek(const struct tcp_conn *c, struct iovec *iov, unsigned n)
{
	unsigned i = 0;

	list_for_each(it, &c->rxq)
	{
		const struct seg *s = list_entry(it, struct seg, link);

		if (i == n)
			break;
		iov[i++] = (struct iovec){ seg_data(s), s->len };
	}
	return i;
}

void tcp_rx_consume(struct tcp_conn *c, size_t bytes, usec_t now)
{
	assert(bytes <= c->rx_bytes);
	c->t->now = now;
	c->rx_bytes -= (uint32_t)bytes;
	while (bytes) {
		struct seg *s = list_entry(c->rxq.next, struct seg, link);
		uint32_t n = (uint32_t)min(bytes, (size_t)s->len);

		seg_cut(s, n);
		bytes -= n;
		if (s->len)
			break;
		c->rx_true -= true_size(s->m);
		list_remove(&s->link);
		tcp_seg_free(c->t, s);
	}
	tcp_rx_opened(c);
}
