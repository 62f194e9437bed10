/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_tx.c - the send queue: payload in buffers of one segment each, written
 * there once by the application and kept until acknowledged.
 *
 * A segment is the very buffer it lies in: the header goes into the headroom
 * and the port gets a reference (tcp_out.c). What the port may still hold is
 * never changed, so cutting a segment copies its tail.
 */
#include "tcp/tcp_int.h"

/* Buffers a connection may hold however little is in each: twice as many as
 * full ones would take, and some for a small send buffer. */
static uint32_t segs_max(const struct tcp_conn *c)
{
	return 2 * (c->t->p.sndbuf / c->mss) + 16;
}

size_t tcp_tx_pending(const struct tcp_conn *c)
{
	return list_empty(&c->txq) ? 0 : c->snd_end - c->snd_una;
}

/* The last segment, while it can still grow. */
static struct seg *tail(const struct tcp_conn *c)
{
	struct seg *s;

	if (list_empty(&c->txq))
		return NULL;
	s = list_entry(c->txq.prev, struct seg, link);
	return s->sends || s->len >= s->cap ? NULL : s;
}

static size_t space(const struct tcp_conn *c)
{
	size_t pending = tcp_tx_pending(c), bytes, slots;
	const struct seg *last = tail(c);

	if (!tcp_conn_open(c) || c->fin_queued || pending >= c->t->p.sndbuf)
		return 0;
	bytes = c->t->p.sndbuf - pending;
	slots = c->tx_segs < segs_max(c) ? segs_max(c) - c->tx_segs : 0;
	slots *= min(c->mss, c->t->seg_max);
	slots += last ? (size_t)(last->cap - last->len) : 0;
	return min(bytes, slots);
}

static void starve(struct tcp_conn *c)
{
	c->want_tx = true;
	tcp_starve(c);
}

static bool refused(const struct tcp_conn *c)
{
	return c->tx_grant ? tcp_mem_short(c->t, MEM_TX)
			   : tcp_mem_refused(c->t, tcp_tx_pending(c), MEM_TX);
}

static size_t available(struct tcp_conn *c)
{
	size_t n = space(c);

	if (n < c->t->p.tx_lowat)
		c->tx_blocked = true;
	if (n && refused(c)) {
		starve(c);
		return 0;
	}
	return n;
}

size_t tcp_tx_space(struct tcp_conn *c)
{
	c->tx_want = c->tx_grant = 0;
	return available(c);
}

bool tcp_tx_fits(struct tcp_conn *c, size_t n)
{
	size_t segs = n / min(c->mss, c->t->seg_max) + 1;

	if (tcp_tx_space(c) < n) {
		c->tx_want = (uint32_t)min(n, (size_t)c->t->p.sndbuf);
		c->tx_blocked = true;
		return false;
	}
	if (tcp_mem_lacks(c->t, segs, MEM_TX)) {
		starve(c);
		return false;
	}
	c->tx_grant = (uint32_t)n;
	return true;
}

void tcp_tx_room(struct tcp_conn *c)
{
	if (c->tx_blocked && space(c) >= max(c->tx_want, c->t->p.tx_lowat)) {
		c->tx_blocked = false;
		tcp_conn_ready(c);
	}
}

static struct seg *segment(struct tcp_conn *c)
{
	struct rte_mbuf *m = tcp_mbuf_new(c->t);
	struct seg *s;

	if (!m)
		return NULL;
	s = tcp_seg_new(c->t, m);
	if (!s) {
		rte_pktmbuf_free_seg(m);
		return NULL;
	}
	s->off = m->data_off;
	s->cap = min(c->mss, c->t->seg_max);
	c->tx_segs++;
	return s;
}

static void drop(struct tcp_conn *c, struct seg *s)
{
	list_remove(&s->link);
	c->tx_segs--;
	tcp_seg_free(c->t, s);
}

unsigned tcp_tx_reserve(struct tcp_conn *c, size_t bytes, struct iovec *iov,
			unsigned n)
{
	size_t left = min(bytes, available(c));
	struct seg *s = tail(c);
	unsigned i = 0;

	assert(!c->reserved);
	while (left && i < n) {
		size_t part;

		if (!s) {
			s = tcp_mem_short(c->t, MEM_TX) ? NULL : segment(c);
			if (!s) {
				starve(c);
				break;
			}
			list_push(&c->txq, &s->link);
		}
		if (!c->reserved)
			c->reserved = s;
		part = min(left, (size_t)(s->cap - s->len));
		iov[i++] = (struct iovec){ seg_data(s) + s->len, part };
		left -= part;
		s = NULL;
	}
	return i;
}

void tcp_tx_commit(struct tcp_conn *c, size_t bytes, usec_t now)
{
	struct list *it = c->reserved ? &c->reserved->link : &c->txq, *next;

	c->t->now = now;
	c->tx_grant -= (uint32_t)min(bytes, (size_t)c->tx_grant);
	for (; it != &c->txq; it = next) {
		struct seg *s = list_entry(it, struct seg, link);
		size_t part = min(bytes, (size_t)(s->cap - s->len));

		next = it->next;
		if (!s->len)
			s->seq = c->snd_end;
		s->len = (uint16_t)(s->len + part);
		bytes -= part;
		c->snd_end += (uint32_t)part;
		if (!s->len)
			drop(c, s);
		else if (!c->send_head)
			c->send_head = s;
	}
	assert(!bytes);
	c->reserved = NULL;
	if (space(c) < c->t->p.tx_lowat)
		c->tx_blocked = true;
	tcp_conn_dirty(c);
}

size_t tcp_write(struct tcp_conn *c, const void *p, size_t n, usec_t now)
{
	const uint8_t *from = p;
	struct iovec iov[16];
	size_t done = 0;

	while (done < n) {
		unsigned k = tcp_tx_reserve(c, n - done, iov, ARRAY_LEN(iov));
		size_t part = 0;

		for (unsigned i = 0; i < k; i++) {
			memcpy(iov[i].iov_base, from + done + part,
			       iov[i].iov_len);
			part += iov[i].iov_len;
		}
		if (!k)
			break;
		tcp_tx_commit(c, part, now);
		done += part;
	}
	return done;
}

bool tcp_tx_split(struct tcp_conn *c, struct seg *s, uint16_t len)
{
	struct seg *rest = segment(c);

	assert(len && len < s->len);
	if (!rest)
		return false;
	rest->seq = s->seq + len;
	rest->len = (uint16_t)(s->len - len);
	rest->cap = rest->len; /* it stands before others: it cannot grow */
	rest->sends = s->sends;
	rest->sent = s->sent;
	memcpy(seg_data(rest), seg_data(s) + len, rest->len);
	s->len = s->cap = len;
	list_insert_before(s->link.next, &rest->link);
	c->t->stats.copies++;
	return true;
}

bool tcp_tx_acked(struct tcp_conn *c, uint32_t ack, uint32_t *sent)
{
	bool sampled = false, resent = false;
	struct seg *s;

	while ((s = tcp_tx_first(c)) && seq_gt(ack, s->seq)) {
		uint32_t n = ack - s->seq;

		resent |= s->sends > 1;
		if (n < s->len) {
			s->seq = ack;
			s->off = (uint16_t)(s->off + n);
			s->len = (uint16_t)(s->len - n);
			s->cap = s->len;
			break;
		}
		if (!sampled)
			*sent = s->sent;
		sampled = true;
		if (c->send_head == s)
			c->send_head = tcp_tx_next(c, s);
		drop(c, s);
	}
	return sampled && !resent;
}

void tcp_tx_rewind(struct tcp_conn *c)
{
	c->snd_nxt = c->snd_una;
	c->send_head = tcp_tx_first(c);
}

void tcp_tx_flush(struct tcp_conn *c)
{
	struct seg *s;

	c->send_head = c->reserved = NULL;
	while ((s = tcp_tx_first(c)))
		drop(c, s);
}
