/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ip_int.h - what the files of lib/ip share and nobody else sees.
 *
 * One packet on its way in is a `struct ip_rx`, handed from layer to layer:
 * link -> (arp | ipv4 | ipv6) -> (tcp | icmp | nd). rx->m is what ip_input()
 * frees in the end; who keeps or sends the packet sets it to NULL.
 */
#pragma once

#include <netinet/in.h>

#include <rte_byteorder.h>

#include "ip/ip.h"

#define IP_LOCALS (IP_IFACES * (IP_ADDRS + 1)) /* with a link-local each */
#define IP_FIB (IP_LOCALS + IP_ROUTES)

#define ETHER_ARP 0x0806
#define ETHER_VLAN 0x8100
#define ETHER_IPV4 0x0800
#define ETHER_IPV6 0x86dd

#define ND_SOLICIT 135 /* ICMPv6 types, RFC 4861 4 */
#define ND_ADVERT 136

/* --- bytes in network order, wherever they lie ------------------------- */

static inline uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static inline uint8_t *pkt_data(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod(m, uint8_t *);
}

/* --- addresses ----------------------------------------------------------- */

static inline bool ipaddr_is_multicast(const struct ipaddr *a)
{
	return ipaddr_is_v4(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

static inline bool ipaddr_is_link_local(const struct ipaddr *a) /* IPv6 */
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* One of our addresses, with the length of the network it stands in. */
struct ip_local {
	struct ipaddr addr;
	uint8_t iface;
	uint8_t len;
};

/* A row of the routing table, longest prefix first. */
struct ip_fib {
	uint64_t net[2], mask[2]; /* as in memory: compared, never printed */
	struct ipaddr gateway;	  /* :: when the network is connected */
	uint8_t iface;
	uint8_t len;
	bool v4; /* ::/0 is no route for IPv4-mapped addresses */
	bool connected;
};

/* --- one packet on its way in ------------------------------------------- */

struct ip_rx {
	struct ip_stack *ip;
	struct rte_mbuf *m;
	struct ip_in *in;
	usec_t now;
	struct ipaddr src, dst;
	uint8_t iface;
	uint8_t ttl;
	uint8_t ecn;
	uint8_t eth_src[6];
	bool multi;    /* the frame was sent to a group */
	bool copy;     /* learn only: another worker has answered */
	bool pieces;   /* reassembled: IP header and port's flags mean nothing */
	uint16_t cut;  /* bytes taken off m's front since it arrived */
	uint16_t l3;   /* of them, those before the IP header */
	uint16_t next_at; /* IPv6: where the next header was named */
};

/* Make n bytes contiguous at m's data; false when they are not there. */
bool ip_pull(struct rte_mbuf *m, uint32_t n);
/* Cut m to its first n bytes [<= pkt_len]. */
void ip_trim(struct rte_mbuf *m, uint32_t n);
/* Take n bytes off the front [contiguous], or put all of them back. */
void ip_eat(struct ip_rx *rx, uint16_t n);
void ip_uneat(struct ip_rx *rx);

enum ip_verdict ip_arp_input(struct ip_rx *rx);
enum ip_verdict ip_v4_input(struct ip_rx *rx);
enum ip_verdict ip_v6_input(struct ip_rx *rx);
/* m's data begins behind the IP headers; next: the protocol there. */
enum ip_verdict ip_v4_upper(struct ip_rx *rx, uint8_t protocol);
enum ip_verdict ip_v6_upper(struct ip_rx *rx, uint8_t next);
enum ip_verdict ip_tcp_input(struct ip_rx *rx);
enum ip_verdict ip_icmp4_input(struct ip_rx *rx);
enum ip_verdict ip_icmp6_input(struct ip_rx *rx);
enum ip_verdict ip_nd_input(struct ip_rx *rx, uint8_t type);

/* --- checksums (RFC 1071), in the order of memory ------------------------ */

/* One's complement sum of n bytes of a possibly chained m from `off`. */
uint16_t ip_sum(const struct rte_mbuf *m, uint32_t off, uint32_t n);
uint16_t ip_sum_bytes(const void *p, size_t n);
/* Of the pseudo header: RFC 9293 3.1, 8200 8.1. */
uint16_t ip_sum_pseudo(const struct ipaddr *src, const struct ipaddr *dst,
		       uint8_t protocol, uint32_t n);
static inline uint16_t ip_sum_add(uint16_t a, uint16_t b)
{
	uint32_t s = (uint32_t)a + b;

	return (uint16_t)(s + (s >> 16));
}

/* --- neighbours ----------------------------------------------------------- */

#define NEIGH_STATES(X)                                                        \
	X(NEIGH_INCOMPLETE, "incomplete") /* asked, no answer yet */           \
	X(NEIGH_REACHABLE, "reachable")	  /* answered not long ago */          \
	X(NEIGH_STALE, "stale")		  /* believed; asked when used */      \
	X(NEIGH_PROBE, "probe")		  /* used, asked by unicast */

enum neigh_state {
#define X(id, name) id,
	NEIGH_STATES(X)
#undef X
};

#define NEIGH_NONE UINT16_MAX
#define NEIGH_TRIES 3		    /* RFC 4861 10, MAX_*_SOLICIT */
#define NEIGH_RETRY SEC(1)	    /* RETRANS_TIMER; RFC 1122 2.3.2.1 */
#define NEIGH_REACHABLE_TIME SEC(30)
#define NEIGH_FORGET SEC(600)	    /* stale and unused */
#define NEIGH_SOLICITS 500	    /* requests a second, all together */
#define NEIGH_WAIT 8		    /* packets that wait for one next hop */
#define NEIGH_WAIT_ALL 256	    /* and for all of them */

_Static_assert(IP_NEIGHBOURS <= NEIGH_NONE, "an index fits");

struct neigh {
	struct ipaddr addr;
	uint8_t mac[6];
	uint8_t iface;
	uint8_t state; /* enum neigh_state */
	usec_t used;   /* when a packet was last sent to it, 0 = never */
	struct tick_node timer;
	struct list age;    /* in ip->ages, oldest first */
	uint16_t next;	    /* in its bucket */
	uint16_t wait_head; /* packets that wait, NEIGH_NONE ends */
	uint16_t wait_tail;
	uint8_t waiting;
	uint8_t tries; /* requests sent since the state was entered */
	bool gateway;  /* of a configured route: never evicted, kept fresh */
};

struct ip_waiting {
	struct rte_mbuf *m; /* begins at the IP header */
	uint16_t next;
};

/* What a frame says of a neighbour. */
struct neigh_news {
	const struct ipaddr *addr;
	const uint8_t *mac; /* NULL: not said */
	uint8_t iface;
	bool solicited; /* answers a question of ours */
	bool override;	/* may replace what is known */
	bool create;	/* may make an entry */
};

void neigh_learn(struct ip_stack *ip, const struct neigh_news *news,
		 usec_t now);
/* Send m, which begins at its IP header, to a next hop; consumes m. */
int neigh_send(struct ip_stack *ip, uint8_t iface, const struct ipaddr *hop,
	       struct rte_mbuf *m, usec_t now);
void neigh_tick(struct ip_stack *ip, usec_t now);
/* Drop what waits: the stack ends. */
void neigh_fini(struct ip_stack *ip);

/* --- fragments --------------------------------------------------------------- */

#define FRAG_DATAGRAMS 64
#define FRAG_PIECES 8
#define FRAG_TIMEOUT SEC(30)

struct frag_piece {
	struct rte_mbuf *m; /* payload only */
	uint16_t off, len;
};

struct frag {
	struct list age; /* in ip->frags, oldest first; or in no list */
	struct ipaddr src, dst;
	uint32_t id;
	uint8_t protocol; /* IPv4's; of IPv6 the first piece's next header */
	bool v4;
	bool dead; /* refused: swallows the rest until it times out */
	bool ce;   /* a piece was marked (RFC 3168 5.3) */
	uint8_t ecn, ttl; /* of the first piece */
	uint8_t n;
	uint32_t have;	/* payload bytes in pieces */
	uint32_t total; /* payload bytes, 0 until the last piece is known */
	usec_t deadline;
	struct frag_piece piece[FRAG_PIECES]; /* in order of offset */
};

/* A fragment as its header tells it. */
struct frag_head {
	uint32_t id;
	uint16_t off; /* [bytes] */
	bool more;
	uint8_t protocol;
};

/* rx->m begins at the fragment's payload. IP_FRAGMENT: kept; IP_TCP: whole,
 * rx->m is the datagram's payload and *protocol tells what is in it. */
enum ip_verdict ip_frag_input(struct ip_rx *rx, const struct frag_head *h,
			      uint8_t *protocol);
void frag_tick(struct ip_stack *ip, usec_t now);
void frag_fini(struct ip_stack *ip);

/* --- path MTU ---------------------------------------------------------------- */

#define PMTU_SETS 64
#define PMTU_WAYS 4
#define PMTU_LIFE SEC(600)

struct ip_pmtu {
	struct ipaddr dst;
	usec_t until;
	uint16_t mtu; /* 0: free */
};

/* --- replies at a limited rate -------------------------------------------------- */

/* A token bucket told as a time: up to when what was taken is paid for. */
struct ip_bucket {
	usec_t paid;
};

/* Take one; `rate` a second, which is also the burst. */
bool ip_bucket_take(struct ip_bucket *b, uint32_t rate, usec_t now);

/* --- the stack --------------------------------------------------------------------- */

struct ip_stack {
	struct ip_config c;
	struct ip_stats stats;
	struct rng rng; /* jitter only */

	struct ip_local local[IP_LOCALS];
	unsigned n_local;
	uint32_t broadcast[IP_IFACES * IP_ADDRS]; /* of connected networks */
	unsigned n_broadcast;
	struct ip_fib fib[IP_FIB];
	unsigned n_fib;

	struct tick_wheel wheel; /* of neighbours */
	struct slab neighs;
	struct list ages;
	uint16_t bucket[IP_NEIGHBOURS];
	struct neigh *last; /* found last: mostly the gateway */
	struct ip_waiting wait[NEIGH_WAIT_ALL];
	uint16_t wait_free;

	struct frag frag[FRAG_DATAGRAMS];
	struct list frags;

	struct ip_pmtu pmtu[PMTU_SETS][PMTU_WAYS];
	unsigned n_pmtu; /* entries in use: 0 spares the look-up */

	struct ip_bucket echo, errors, solicits;
	usec_t defended; /* when an address of ours was last defended */
	struct ip_txv txv[IP_IFACES];
};

/* Our address `a`, or NULL. */
const struct ip_local *ip_local(const struct ip_stack *ip,
				const struct ipaddr *a);
/* The same on one interface. */
bool ip_local_on(const struct ip_stack *ip, uint8_t iface,
		 const struct ipaddr *a);
/* Is `a` on a connected network of this interface? */
bool ip_on_link(const struct ip_stack *ip, uint8_t iface,
		const struct ipaddr *a);
/* 255.255.255.255 or a connected network's own broadcast address. */
bool ip_is_broadcast(const struct ip_stack *ip, const struct ipaddr *a);
/* Could a host send from this address? */
bool ip_source_ok(const struct ip_stack *ip, const struct ipaddr *a);
const struct ip_fib *ip_route(const struct ip_stack *ip,
			      const struct ipaddr *src,
			      const struct ipaddr *dst);
/* Our address on `iface` nearest to `dst`; NULL without one of its family. */
const struct ipaddr *ip_source_on(const struct ip_stack *ip, uint8_t iface,
				  const struct ipaddr *dst);

/* What ip_send() needs to write an IP header. */
struct ip_tx {
	const struct ipaddr *src, *dst;
	uint8_t protocol, ecn;
};

/* Route m, which begins behind the IP header and has its own checksum unless
 * it is TCP; consumes m. As ip_output(). */
int ip_send(struct ip_stack *ip, struct rte_mbuf *m, const struct ip_tx *tx,
	    usec_t now);
/* Put the Ethernet header on and queue; consumes m. -ENOBUFS. */
int ip_link_send(struct ip_stack *ip, uint8_t iface, struct rte_mbuf *m,
		 const uint8_t mac[6], uint16_t type);
/* An empty packet of n bytes behind IP_HEADROOM, or NULL (counted). */
struct rte_mbuf *ip_packet(struct ip_stack *ip, uint16_t n);

/* Ask who has `target`; mac NULL asks everybody. */
void ip_arp_solicit(struct ip_stack *ip, uint8_t iface,
		    const struct ipaddr *target, const uint8_t *mac);
void ip_nd_solicit(struct ip_stack *ip, uint8_t iface,
		   const struct ipaddr *target, const uint8_t *mac);
/* Somebody else uses an address of ours: count it and, not too often, say that
 * it is taken (RFC 5227 2.4 (c)). True when it is time to say so. */
bool ip_conflict(struct ip_stack *ip, usec_t now);
/* Tell everybody that we have `addr`. */
void ip_arp_announce(struct ip_stack *ip, uint8_t iface,
		     const struct ipaddr *addr);
void ip_nd_announce(struct ip_stack *ip, uint8_t iface,
		    const struct ipaddr *addr);

/* Say that there is nothing here for this packet: port unreachable for UDP,
 * else protocol unreachable (IPv6: unrecognized next header). */
enum ip_verdict ip_unreachable(struct ip_rx *rx, uint8_t protocol);
