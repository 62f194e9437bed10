/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire.h - frames written by hand for tests of lib/ip, with checksums of their
 * own making, and a stack between two Ethernets and a raw interface.
 */
#pragma once

#include "eal.h"

#include "ip/ip.h"

/* What the stack under test is called, and who lives beside it. */
#define US_MAC "\x02\x00\x00\x00\x00\x01"
#define HER_MAC "\x02\x00\x00\x00\x00\xaa"
#define GW_MAC "\x02\x00\x00\x00\x00\xfe"
#define ALL_MAC "\xff\xff\xff\xff\xff\xff"
#define US4 "10.0.0.1"
#define HER4 "10.0.0.2"
#define GW4 "10.0.0.254"
#define FAR4 "198.51.100.7"
#define US6 "2001:db8::1"
#define HER6 "2001:db8::2"
#define GW6 "2001:db8::fe"
#define FAR6 "2001:db8:ffff::7"
#define OUR_LL "fe80::ff:fe00:1"

enum { IF_ETH, IF_RAW, IF_VLAN };
enum { P_ICMP = 1, P_TCP = 6, P_UDP = 17, P_ICMP6 = 58 };

struct frame {
	size_t n;
	uint8_t b[20000];
};

static inline struct ipaddr wire_addr(const char *s)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(s, &a), 0);
	return a;
}

static inline void wire_put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline unsigned wire_get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* RFC 1071 as it is told there, byte by byte. */
static inline unsigned wire_sum(const uint8_t *p, size_t n, uint64_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (unsigned)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (unsigned)sum;
}

static inline unsigned wire_pseudo(const uint8_t *ip, uint8_t protocol,
				   size_t n)
{
	bool v4 = ip[0] >> 4 == 4;

	return wire_sum(ip + (v4 ? 12 : 8), v4 ? 8 : 32, protocol + n);
}

static inline void frame_add(struct frame *f, const void *p, size_t n)
{
	assert_true(f->n + n <= sizeof(f->b));
	memcpy(f->b + f->n, p, n);
	f->n += n;
}

static inline void frame_eth(struct frame *f, const char *dst, const char *src,
			     unsigned type)
{
	f->n = 0;
	frame_add(f, dst, 6);
	frame_add(f, src, 6);
	frame_add(f, (uint8_t[]){ (uint8_t)(type >> 8), (uint8_t)type }, 2);
}

/* Where a protocol keeps its checksum, -1 = nowhere. */
static inline int wire_sum_at(uint8_t protocol)
{
	switch (protocol) {
	case P_TCP:
		return 16;
	case P_UDP:
		return 6;
	case P_ICMP:
	case P_ICMP6:
		return 2;
	default:
		return -1;
	}
}

/* Write the checksums of the IP packet that begins at `at` and has its
 * transport header `header` bytes further on. */
static inline void frame_resum(struct frame *f, size_t at, size_t header,
			       uint8_t protocol)
{
	uint8_t *ip = f->b + at, *l4 = ip + header;
	size_t n = f->n - at - header;
	int sum_at = wire_sum_at(protocol);

	if (ip[0] >> 4 == 4) {
		size_t head = (ip[0] & 15) * 4u;

		wire_put16(ip + 10, 0);
		wire_put16(ip + 10, ~wire_sum(ip, head, 0));
	}
	if (sum_at < 0 || n < (size_t)sum_at + 2)
		return;
	wire_put16(l4 + sum_at, 0);
	wire_put16(l4 + sum_at,
		   ~wire_sum(l4, n,
			     protocol == P_ICMP ?
				     0 :
				     wire_pseudo(ip, protocol, n)));
}

/* An IP packet of either family behind what the frame holds. */
static inline void frame_ip(struct frame *f, const char *src, const char *dst,
			    uint8_t protocol, const void *p, size_t n)
{
	struct ipaddr s = wire_addr(src), d = wire_addr(dst);
	size_t at = f->n, header = ipaddr_is_v4(&s) ? 20 : 40;
	uint8_t h[40] = { 0 };

	if (header == 20) {
		h[0] = 0x45;
		wire_put16(h + 2, (unsigned)(20 + n));
		h[6] = 0x40;
		h[8] = 64;
		h[9] = protocol;
		memcpy(h + 12, s.b + 12, 4);
		memcpy(h + 16, d.b + 12, 4);
	} else {
		h[0] = 0x60;
		wire_put16(h + 4, (unsigned)n);
		h[6] = protocol;
		h[7] = 255;
		memcpy(h + 8, s.b, 16);
		memcpy(h + 24, d.b, 16);
	}
	frame_add(f, h, header);
	frame_add(f, p, n);
	frame_resum(f, at, header, protocol);
}

/* The same in an Ethernet frame from HER_MAC to us. */
static inline void frame_to_us(struct frame *f, const char *src,
			       const char *dst, uint8_t protocol, const void *p,
			       size_t n)
{
	frame_eth(f, US_MAC, HER_MAC, strchr(src, ':') ? 0x86dd : 0x0800);
	frame_ip(f, src, dst, protocol, p, n);
}

static inline void frame_arp(struct frame *f, const char *to, unsigned op,
			     const char *mac, const char *from,
			     const char *target)
{
	uint8_t h[28] = { 0, 1, 8, 0, 6, 4, 0, (uint8_t)op };
	struct ipaddr s = wire_addr(from), d = wire_addr(target);

	memcpy(h + 8, mac, 6);
	memcpy(h + 14, s.b + 12, 4);
	memcpy(h + 24, d.b + 12, 4);
	frame_eth(f, to, mac, 0x0806);
	frame_add(f, h, 28);
}

/* A solicitation (135) or advertisement (136); `said` NULL: no option. */
static inline void frame_nd(struct frame *f, const char *to, unsigned type,
			    const char *mac, const char *src, const char *dst,
			    const char *target, unsigned flags,
			    const char *said)
{
	uint8_t h[32] = { (uint8_t)type, 0, 0, 0, (uint8_t)flags };
	struct ipaddr t = wire_addr(target);

	memcpy(h + 8, t.b, 16);
	h[24] = type == 135 ? 1 : 2;
	h[25] = 1;
	if (said)
		memcpy(h + 26, said, 6);
	frame_eth(f, to, mac, 0x86dd);
	frame_ip(f, src, dst, P_ICMP6, h, said ? 32 : 24);
}

/* --- the stack -------------------------------------------------------------- */

struct net {
	struct ip_stack *ip;
	struct rte_mempool *pool;
	unsigned full; /* packets in the pool at the start */
	usec_t now;
	struct ip_in in; /* of the last net_input() */
};

static inline struct ipprefix wire_prefix(const char *s)
{
	struct ipprefix p;

	assert_int_equal(ipprefix_parse(s, &p), 0);
	return p;
}

static inline struct ip_config net_config(struct rte_mempool *pool)
{
	struct ip_config c = { .n_ifaces = 3,
			       .n_routes = 2,
			       .secret = { 7, 9 },
			       .pool = pool };

	c.iface[IF_ETH] = (struct ip_iface_config){
		.name = "eth", .mtu = 1500, .n_addrs = 3
	};
	memcpy(c.iface[IF_ETH].mac, US_MAC, 6);
	c.iface[IF_ETH].addrs[0] = wire_prefix(US4 "/24");
	c.iface[IF_ETH].addrs[1] = wire_prefix(US6 "/64");
	c.iface[IF_ETH].addrs[2] = wire_prefix("192.0.2.1/32");
	c.iface[IF_RAW] = (struct ip_iface_config){
		.name = "raw", .raw = true, .mtu = 9000, .n_addrs = 2
	};
	c.iface[IF_RAW].addrs[0] = wire_prefix("172.16.0.1/16");
	c.iface[IF_RAW].addrs[1] = wire_prefix("2001:db8:1::1/64");
	c.iface[IF_VLAN] = (struct ip_iface_config){
		.name = "vlan", .vlan = 7, .mtu = 1500, .n_addrs = 1
	};
	memcpy(c.iface[IF_VLAN].mac, "\x02\x00\x00\x00\x00\x02", 6);
	c.iface[IF_VLAN].addrs[0] = wire_prefix("10.7.0.1/16");
	c.route[0] = (struct ip_route_config){ wire_prefix("0.0.0.0/0"),
					       wire_addr(GW4), IF_ETH };
	c.route[1] = (struct ip_route_config){ wire_prefix("::/0"),
					       wire_addr(GW6), IF_ETH };
	return c;
}

static inline struct rte_mempool *net_pool(void)
{
	static struct rte_mempool *pool;

	if (!pool)
		pool = eal_pool("wire", 8191, 2048);
	return pool;
}

static inline void net_open_config(struct net *net, const struct ip_config *c)
{
	*net = (struct net){ .pool = c->pool, .now = SEC(1000) };
	net->full = rte_mempool_avail_count(net->pool);
	assert_null(ip_config_error(c));
	net->ip = ip_new(c, net->now);
	assert_non_null(net->ip);
}

static inline void net_open(struct net *net)
{
	struct ip_config c = net_config(net_pool());

	net_open_config(net, &c);
}

/* Every packet must be back. */
static inline void net_close(struct net *net)
{
	ip_free(net->ip);
	assert_int_equal(rte_mempool_avail_count(net->pool), net->full);
}

/* The frame as a packet, in pieces of `piece` bytes (0: one). */
static inline struct rte_mbuf *net_packet(struct net *net,
					  const struct frame *f, size_t piece)
{
	struct rte_mbuf *head = NULL, *m;
	size_t off = 0;

	do {
		size_t k = f->n - off;

		m = rte_pktmbuf_alloc(net->pool);
		assert_non_null(m);
		if (piece && k > piece)
			k = piece;
		assert_true(k <= rte_pktmbuf_tailroom(m));
		memcpy(rte_pktmbuf_append(m, (uint16_t)k), f->b + off, k);
		off += k;
		if (!head)
			head = m;
		else
			assert_int_equal(rte_pktmbuf_chain(head, m), 0);
	} while (off < f->n);
	return head;
}

/* Bring a packet; what comes back to the caller is freed, unless it is a
 * segment, whose m the test must free. */
static inline enum ip_verdict net_input_pkt(struct net *net, unsigned iface,
					    struct rte_mbuf *m)
{
	ip_input(net->ip, iface, m, net->now, &net->in);
	if (net->in.verdict == IP_SHARED)
		rte_pktmbuf_free(net->in.shared);
	return net->in.verdict;
}

static inline enum ip_verdict net_input(struct net *net, unsigned iface,
					const struct frame *f)
{
	size_t piece = f->n > 2048 ? 2048 : 0;

	return net_input_pkt(net, iface, net_packet(net, f, piece));
}

/* The same, not caring about a segment. */
static inline enum ip_verdict net_feed(struct net *net, unsigned iface,
				       const struct frame *f)
{
	enum ip_verdict v = net_input(net, iface, f);

	if (v == IP_TCP)
		rte_pktmbuf_free(net->in.seg.m);
	return v;
}

/* Take the oldest packet off an interface's wire; false when there is none. */
static inline bool net_take(struct net *net, unsigned iface, struct frame *f)
{
	struct ip_txv *v = ip_txv(net->ip, iface);
	struct rte_mbuf *m;

	if (!v->n)
		return false;
	m = v->pkt[0];
	memmove(v->pkt, v->pkt + 1, --v->n * sizeof(v->pkt[0]));
	f->n = m->pkt_len;
	for (const struct rte_mbuf *s = m; s; s = s->next) {
		static size_t at;

		if (s == m)
			at = 0;
		memcpy(f->b + at, rte_pktmbuf_mtod(s, void *), s->data_len);
		at += s->data_len;
	}
	rte_pktmbuf_free(m);
	return true;
}

static inline void net_silent(struct net *net)
{
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ip_txv(net->ip, i)->n, 0);
}

/* Make her known and just heard of, so that packets to her leave at once and
 * alone. */
static inline void net_meet(struct net *net, const char *addr, const char *mac)
{
	bool v4 = !strchr(addr, ':');
	struct frame f;

	if (v4)
		frame_arp(&f, US_MAC, 1, mac, addr, US4);
	else
		frame_nd(&f, US_MAC, 135, mac, addr, US6, US6, 0, mac);
	assert_int_equal(net_feed(net, IF_ETH, &f), IP_SHARED);
	assert_true(net_take(net, IF_ETH, &f));
	if (v4)
		frame_arp(&f, US_MAC, 2, mac, addr, US4);
	else
		frame_nd(&f, US_MAC, 136, mac, addr, US6, addr, 0x60, mac);
	assert_int_equal(net_feed(net, IF_ETH, &f), IP_SHARED);
	net_silent(net);
}

/* `n` bytes that differ. */
static inline const uint8_t *wire_bytes(void)
{
	static uint8_t b[20000];

	if (!b[1])
		for (size_t i = 0; i < sizeof(b); i++)
			b[i] = (uint8_t)(i * 7 + i / 251);
	return b;
}

/* A segment of `n` bytes, header and all, between two ports. */
static inline const uint8_t *wire_tcp(uint16_t sport, uint16_t dport, size_t n)
{
	static uint8_t b[20000];

	memcpy(b, wire_bytes(), n);
	memset(b, 0, 20);
	wire_put16(b, sport);
	wire_put16(b + 2, dport);
	wire_put16(b + 6, 0x1234);
	b[12] = 0x50;
	b[13] = 0x10;
	return b;
}
