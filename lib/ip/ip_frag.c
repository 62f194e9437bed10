/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reassembly, within bounds that leave no room for FragmentSmack: so many
 * datagrams, so many pieces of each, so long. Pieces that overlap damn their
 * datagram, with all that is still to come of it (RFC 5722 4, RFC 8900 3.7);
 * a piece that comes twice is a network's doing and ignored (RFC 8200 4.5).
 *
 * A datagram that is whole leaves as a chain of its pieces.
 */
#include "ip/ip_int.h"

static void drop_pieces(struct frag *f)
{
	while (f->n)
		rte_pktmbuf_free(f->piece[--f->n].m);
	f->have = 0;
}

static void release(struct frag *f)
{
	drop_pieces(f);
	list_remove(&f->age);
}

static enum ip_verdict kill(struct frag *f)
{
	drop_pieces(f);
	f->dead = true;
	return IP_DROP_FRAGMENT;
}

static struct frag *find(struct ip_stack *ip, const struct ip_rx *rx,
			 const struct frag_head *h)
{
	bool v4 = ipaddr_is_v4(&rx->src);

	list_for_each(it, &ip->frags)
	{
		struct frag *f = list_entry(it, struct frag, age);

		if (f->id == h->id && f->v4 == v4 &&
		    (!v4 || f->protocol == h->protocol) &&
		    ipaddr_eq(&f->src, &rx->src) &&
		    ipaddr_eq(&f->dst, &rx->dst))
			return f;
	}
	return NULL;
}

static struct frag *begin(struct ip_stack *ip, const struct ip_rx *rx,
			  const struct frag_head *h)
{
	struct frag *f = NULL;

	for (unsigned i = 0; i < FRAG_DATAGRAMS && !f; i++)
		if (!list_linked(&ip->frag[i].age))
			f = &ip->frag[i];
	if (!f) {
		f = list_entry(ip->frags.next, struct frag, age);
		ip->stats.frag_evicted += !f->dead;
		release(f);
	}
	*f = (struct frag){ .src = rx->src,
			    .dst = rx->dst,
			    .id = h->id,
			    .protocol = h->protocol,
			    .v4 = ipaddr_is_v4(&rx->src),
			    .deadline = rx->now + FRAG_TIMEOUT };
	list_init(&f->age);
	list_push(&ip->frags, &f->age);
	return f;
}

/* Where a piece belongs; false when it overlaps. */
static bool place(const struct frag *f, uint32_t off, uint32_t end,
		  unsigned *at)
{
	unsigned i = 0;

	while (i < f->n && f->piece[i].off < off)
		i++;
	*at = i;
	if (i && f->piece[i - 1].off + f->piece[i - 1].len > (int)off)
		return false;
	return i == f->n || end <= f->piece[i].off;
}

static bool duplicate(const struct frag *f, const struct frag_head *h,
		      uint32_t len)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->piece[i].off == h->off && f->piece[i].len == len)
			return h->more || h->off + len == f->total;
	return false;
}

/* RFC 3168 5.3: congestion seen by a piece was seen by all. */
static void note_header(struct frag *f, const struct ip_rx *rx,
			const struct frag_head *h)
{
	f->ce |= rx->ecn == 3;
	if (h->off)
		return;
	f->ecn = rx->ecn;
	f->ttl = rx->ttl;
	f->protocol = h->protocol;
}

static void join(struct ip_rx *rx, struct frag *f, uint8_t *protocol)
{
	struct rte_mbuf *m = f->piece[0].m;

	for (unsigned i = 1; i < f->n; i++) {
		/* Cannot fail: FRAG_PIECES times what a port chains. */
		int rc = rte_pktmbuf_chain(m, f->piece[i].m);

		assert(!rc);
		(void)rc;
	}
	rx->m = m;
	rx->pieces = true;
	rx->ecn = f->ce ? 3 : f->ecn;
	rx->ttl = f->ttl;
	*protocol = f->protocol;
	f->n = 0;
	release(f);
}

enum ip_verdict ip_frag_input(struct ip_rx *rx, const struct frag_head *h,
			      uint8_t *protocol)
{
	uint32_t len = rx->m->pkt_len, end = h->off + len;
	struct frag *f;
	unsigned at;

	/* All but the last piece come in eights, and nothing is longer than
	 * a length field can say. */
	if (!len || (h->more && len % 8) || end > 65535 - 40 ||
	    rx->m->nb_segs > FRAG_PIECES || rx->multi)
		return IP_DROP_FRAGMENT;
	f = find(rx->ip, rx, h);
	if (!f)
		f = begin(rx->ip, rx, h);
	if (f->dead || duplicate(f, h, len))
		return IP_DROP_FRAGMENT;
	if (f->n == FRAG_PIECES || !place(f, h->off, end, &at))
		return kill(f);
	if (!h->more) {
		if (f->total || at != f->n)
			return kill(f);
		f->total = end;
	} else if (f->total && end > f->total) {
		return kill(f);
	}
	note_header(f, rx, h);
	memmove(&f->piece[at + 1], &f->piece[at],
		(f->n - at) * sizeof(f->piece[0]));
	f->piece[at] = (struct frag_piece){ rx->m, h->off, (uint16_t)len };
	f->n++;
	f->have += len;
	rx->m = NULL;
	if (f->have != f->total)
		return IP_FRAGMENT;
	join(rx, f, protocol);
	return IP_TCP;
}

void frag_tick(struct ip_stack *ip, usec_t now)
{
	while (!list_empty(&ip->frags)) {
		struct frag *f = list_entry(ip->frags.next, struct frag, age);

		if (f->deadline > now)
			return;
		ip->stats.frag_timeouts += !f->dead;
		release(f);
	}
}

void frag_fini(struct ip_stack *ip)
{
	while (!list_empty(&ip->frags))
		release(list_entry(ip->frags.next, struct frag, age));
}
