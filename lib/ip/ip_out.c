/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way out: which route, which source, the headers, and the vector that
 * the caller empties.
 */
#include "ip/ip_int.h"

#include <errno.h>

#define TTL 64

/* --- what addresses mean ------------------------------------------------ */

const struct ip_local *ip_local(const struct ip_stack *ip,
				const struct ipaddr *a)
{
	for (unsigned i = 0; i < ip->n_local; i++)
		if (ipaddr_eq(&ip->local[i].addr, a))
			return &ip->local[i];
	return NULL;
}

bool ip_local_on(const struct ip_stack *ip, uint8_t iface,
		 const struct ipaddr *a)
{
	for (unsigned i = 0; i < ip->n_local; i++)
		if (ip->local[i].iface == iface &&
		    ipaddr_eq(&ip->local[i].addr, a))
			return true;
	return false;
}

bool ip_is_local(const struct ip_stack *ip, const struct ipaddr *a)
{
	return ip_local(ip, a) != NULL;
}

static bool covers(const struct ip_fib *r, const uint64_t a[2])
{
	return !((a[0] ^ r->net[0]) & r->mask[0]) &&
	       !((a[1] ^ r->net[1]) & r->mask[1]);
}

bool ip_on_link(const struct ip_stack *ip, uint8_t iface,
		const struct ipaddr *a)
{
	bool v4 = ipaddr_is_v4(a);
	uint64_t w[2];

	memcpy(w, a->b, 16);
	for (unsigned i = 0; i < ip->n_fib; i++) {
		const struct ip_fib *r = &ip->fib[i];

		if (r->connected && r->iface == iface && r->v4 == v4 &&
		    covers(r, w))
			return true;
	}
	return false;
}

bool ip_is_broadcast(const struct ip_stack *ip, const struct ipaddr *a)
{
	uint32_t v4 = get32(a->b + 12);

	if (!ipaddr_is_v4(a))
		return false;
	for (unsigned i = 0; i < ip->n_broadcast; i++)
		if (ip->broadcast[i] == v4)
			return true;
	return v4 == UINT32_MAX;
}

bool ip_source_ok(const struct ip_stack *ip, const struct ipaddr *a)
{
	static const uint8_t zero[15];

	if (ipaddr_is_v4(a)) {
		/* RFC 1122 3.2.1.3: this network, loopback, groups and what
		 * was kept for later. */
		if (a->b[12] == 0 || a->b[12] == 127 || a->b[12] >= 224 ||
		    ip_is_broadcast(ip, a))
			return false;
	} else if (a->b[0] == 0xff || !memcmp(a->b, zero, 12)) {
		/* Groups; "::", "::1" and the dead "::a.b.c.d". */
		return false;
	}
	return !ip_local(ip, a);
}

const struct ip_fib *ip_route(const struct ip_stack *ip,
			      const struct ipaddr *src,
			      const struct ipaddr *dst)
{
	bool v4 = ipaddr_is_v4(dst);
	bool scoped = !v4 && src && ipaddr_is_link_local(dst);
	uint64_t w[2];

	memcpy(w, dst->b, 16);
	for (unsigned i = 0; i < ip->n_fib; i++) {
		const struct ip_fib *r = &ip->fib[i];

		if (r->v4 != v4 || !covers(r, w))
			continue;
		/* Every interface has this network; which one is meant, the
		 * source tells (RFC 4007 6). */
		if (scoped && r->connected && ipaddr_is_link_local(src) &&
		    !ip_local_on(ip, r->iface, src))
			continue;
		return r;
	}
	return NULL;
}

const struct ipaddr *ip_source_on(const struct ip_stack *ip, uint8_t iface,
				  const struct ipaddr *dst)
{
	const struct ipaddr *first = NULL;

	/* Link-local addresses come last of an interface's. */
	for (unsigned i = 0; i < ip->n_local; i++) {
		const struct ip_local *l = &ip->local[i];
		const struct ipprefix net = { l->addr, l->len };

		if (l->iface != iface ||
		    ipaddr_is_v4(&l->addr) != ipaddr_is_v4(dst))
			continue;
		if (ipprefix_has(&net, dst))
			return &l->addr;
		if (!first)
			first = &l->addr;
	}
	return first;
}

int ip_source(const struct ip_stack *ip, const struct ipaddr *dst,
	      struct ipaddr *src)
{
	const struct ip_fib *r = ip_route(ip, NULL, dst);
	const struct ipaddr *near;

	if (!r)
		return -ENETUNREACH;
	/* A link-local gateway must not make a link-local source. */
	near = r->connected || ipaddr_is_link_local(&r->gateway) ? dst
								 : &r->gateway;
	near = ip_source_on(ip, r->iface, near);
	if (!near)
		return -ENETUNREACH;
	*src = *near;
	return 0;
}

/* --- the vector --------------------------------------------------------- */

struct rte_mbuf *ip_packet(struct ip_stack *ip, uint16_t n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(ip->c.pool);

	if (m && IP_HEADROOM + n <= m->buf_len) {
		m->data_off = IP_HEADROOM;
		m->data_len = n;
		m->pkt_len = n;
		return m;
	}
	ip->stats.tx_no_memory++;
	rte_pktmbuf_free(m);
	return NULL;
}

static int queue(struct ip_stack *ip, uint8_t iface, struct rte_mbuf *m)
{
	struct ip_txv *v = &ip->txv[iface];

	if (unlikely(v->n == IP_TXV)) {
		ip->stats.tx_full++;
		rte_pktmbuf_free(m);
		return -ENOBUFS;
	}
	v->pkt[v->n++] = m;
	ip->stats.tx_packets++;
	return 0;
}

/* Room for a header; ours to guarantee, so its lack is a bug. */
static uint8_t *prepend(struct rte_mbuf *m, uint16_t n)
{
	uint8_t *h = (uint8_t *)rte_pktmbuf_prepend(m, n);

	assert(h);
	return h;
}

int ip_link_send(struct ip_stack *ip, uint8_t iface, struct rte_mbuf *m,
		 const uint8_t mac[6], uint16_t type)
{
	const struct ip_iface_config *c = &ip->c.iface[iface];
	uint16_t n = c->vlan ? 18 : 14;
	uint8_t *h = prepend(m, n);

	memcpy(h, mac, 6);
	memcpy(h + 6, c->mac, 6);
	if (c->vlan) {
		put16(h + 12, ETHER_VLAN);
		put16(h + 14, c->vlan);
	}
	put16(h + n - 2, type);
	m->l2_len = n;
	return queue(ip, iface, m);
}

struct ip_txv *ip_txv(struct ip_stack *ip, unsigned iface)
{
	assert(iface < ip->c.n_ifaces);
	return &ip->txv[iface];
}

unsigned ip_tx_room(const struct ip_stack *ip)
{
	unsigned most = 0;

	for (unsigned i = 0; i < ip->c.n_ifaces; i++)
		most = max(most, ip->txv[i].n);
	return IP_TXV - most;
}

/* --- headers ------------------------------------------------------------ */

static void put_header4(struct ip_stack *ip, struct rte_mbuf *m,
			const struct ip_tx *tx, bool offload)
{
	uint8_t *h = prepend(m, 20);
	uint16_t sum;

	h[0] = 0x45;
	h[1] = tx->ecn;
	put16(h + 2, m->pkt_len);
	put16(h + 4, 0);
	/* RFC 6864 4.1: never fragmented, so the ID is nobody's business. */
	put16(h + 6, 0x4000);
	h[8] = TTL;
	h[9] = tx->protocol;
	put16(h + 10, 0);
	memcpy(h + 12, tx->src->b + 12, 4);
	memcpy(h + 16, tx->dst->b + 12, 4);
	m->l3_len = 20;
	if (offload) {
		m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
		return;
	}
	sum = (uint16_t)~ip_sum_bytes(h, 20);
	memcpy(h + 10, &sum, 2);
}

static void put_header6(struct ip_stack *ip, struct rte_mbuf *m,
			const struct ip_tx *tx, bool offload)
{
	/* RFC 6437: a flow's packets share a label nobody can foretell. */
	struct {
		struct ipaddr src, dst;
		uint32_t ports;
	} flow = { *tx->src, *tx->dst, 0 };
	uint32_t n = m->pkt_len, label;
	uint8_t *h;

	if (tx->protocol == IPPROTO_TCP)
		memcpy(&flow.ports, pkt_data(m), 4);
	label = siphash13(&ip->c.secret, &flow, 36) & 0xfffff;
	h = prepend(m, 40);
	put32(h, 6u << 28 | (uint32_t)tx->ecn << 20 | label);
	put16(h + 4, n);
	h[6] = tx->protocol;
	h[7] = TTL;
	memcpy(h + 8, tx->src->b, 16);
	memcpy(h + 24, tx->dst->b, 16);
	m->l3_len = 40;
	if (offload)
		m->ol_flags |= RTE_MBUF_F_TX_IPV6;
}

/* m begins at the TCP header. A port that fills in the checksum wants the
 * pseudo header's in its place, and for TSO without the length. */
static void put_tcp_checksum(struct rte_mbuf *m, const struct ip_tx *tx,
			     bool offload)
{
	uint8_t *tcp = pkt_data(m);
	bool tso = offload && m->ol_flags & RTE_MBUF_F_TX_TCP_SEG;
	uint16_t sum = ip_sum_pseudo(tx->src, tx->dst, IPPROTO_TCP,
				     tso ? 0 : m->pkt_len);

	m->l4_len = (uint16_t)((tcp[12] >> 4) * 4);
	if (offload) {
		m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
	} else {
		memset(tcp + 16, 0, 2);
		sum = (uint16_t)~ip_sum_add(sum, ip_sum(m, 0, m->pkt_len));
	}
	memcpy(tcp + 16, &sum, 2);
}

static int refuse(struct rte_mbuf *m, uint64_t *counter, int error)
{
	(*counter)++;
	rte_pktmbuf_free(m);
	return error;
}

int ip_send(struct ip_stack *ip, struct rte_mbuf *m, const struct ip_tx *tx,
	    usec_t now)
{
	bool v4 = ipaddr_is_v4(tx->dst), tcp = tx->protocol == IPPROTO_TCP;
	const struct ip_fib *r = NULL;
	const struct ip_iface_config *c;
	bool tso, offload;

	if (ipaddr_is_v4(tx->src) == v4 && !ipaddr_is_any(tx->dst) &&
	    !ipaddr_is_multicast(tx->dst) && !ip_is_broadcast(ip, tx->dst) &&
	    !ip_is_local(ip, tx->dst))
		r = ip_route(ip, tx->src, tx->dst);
	if (!r)
		return refuse(m, &ip->stats.tx_no_route, -ENETUNREACH);
	c = &ip->c.iface[r->iface];
	offload = c->tx_csum;
	tso = offload && tcp && m->ol_flags & RTE_MBUF_F_TX_TCP_SEG;
	if (m->pkt_len + (v4 ? 20 : 40) > (tso ? 65535u : c->mtu))
		return refuse(m, &ip->stats.tx_too_big, -EMSGSIZE);
	/* What an earlier use of the buffer left there. */
	m->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL |
		       (tso ? RTE_MBUF_F_TX_TCP_SEG : 0);
	m->l2_len = 0;
	if (tcp)
		put_tcp_checksum(m, tx, offload);
	if (v4)
		put_header4(ip, m, tx, offload);
	else
		put_header6(ip, m, tx, offload);
	if (c->raw)
		return queue(ip, r->iface, m);
	return neigh_send(ip, r->iface, r->connected ? tx->dst : &r->gateway, m,
			  now);
}

int ip_output(struct ip_stack *ip, struct rte_mbuf *m, const struct ipaddr *src,
	      const struct ipaddr *dst, uint8_t ecn, usec_t now)
{
	const struct ip_tx tx = {
		.src = src, .dst = dst, .protocol = IPPROTO_TCP, .ecn = ecn
	};

	return ip_send(ip, m, &tx, now);
}

/* --- once a turn -------------------------------------------------------- */

usec_t ip_tick(struct ip_stack *ip, usec_t now)
{
	usec_t next;

	neigh_tick(ip, now);
	frag_tick(ip, now);
	next = tick_next(&ip->wheel);
	if (!list_empty(&ip->frags))
		next = min(
			next,
			list_entry(ip->frags.next, struct frag, age)->deadline);
	return next;
}

bool ip_conflict(struct ip_stack *ip, usec_t now)
{
	ip->stats.conflicts++;
	/* RFC 5227 2.4 (c): not more than once in ten seconds. */
	if (ip->defended && now - ip->defended < SEC(10))
		return false;
	ip->defended = now;
	return true;
}

void ip_announce(struct ip_stack *ip, unsigned iface, usec_t now)
{
	(void)now;
	assert(iface < ip->c.n_ifaces);
	if (ip->c.iface[iface].raw)
		return;
	for (unsigned i = 0; i < ip->n_local; i++) {
		const struct ip_local *l = &ip->local[i];

		if (l->iface != iface)
			continue;
		if (ipaddr_is_v4(&l->addr))
			ip_arp_announce(ip, l->iface, &l->addr);
		else
			ip_nd_announce(ip, l->iface, &l->addr);
	}
}

const struct ip_stats *ip_stats(const struct ip_stack *ip)
{
	return &ip->stats;
}

const char *ip_verdict_name(enum ip_verdict v)
{
	static const char *const names[] = {
#define X(id, name, help) [id] = name,
		IP_VERDICTS(X)
#undef X
	};

	return (unsigned)v < ARRAY_LEN(names) ? names[v] : "?";
}
