/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ip.h - one core's Ethernet, ARP, ND, IPv4, IPv6 and ICMP.
 *
 * Sans-I/O: packets come in by ip_input(), leave in a transmit vector per
 * interface that the caller empties, and time comes as an argument. A stack
 * belongs to one thread for life; several workers' stacks have the same
 * configuration and learn neighbours from the same frames (IP_SHARED): who
 * receives an ARP or ND frame learns from it and answers it, then hands copies
 * to all others, which learn and stay silent (ip_shared_input()).
 *
 * RFC 826, 894, 791, 792, 1122, 4861, 8200, 4443, 8201, 1191. Deviations are
 * listed in lib/README.md, "IP".
 */
#pragma once

#include <rte_mbuf.h>

#include "tick/tick.h"

#define IP_IFACES 8	   /* interfaces a stack can have */
#define IP_ADDRS 16	   /* addresses of one interface */
#define IP_ROUTES 64	   /* routes besides the connected ones */
#define IP_NEIGHBOURS 4096 /* next hops known at a time, a power of two */
#define IP_TXV 1024	   /* packets a transmit vector holds */
#define IP_ECHO_RATE 1000  /* pings answered a second */
#define IP_ERROR_RATE 100  /* ICMP errors sent a second */

/* Ethernet 14, two VLAN tags 8, IPv6 40, TCP 60: what a transport leaves free
 * before its payload. */
#define IP_HEADROOM 122
_Static_assert(IP_HEADROOM <= RTE_PKTMBUF_HEADROOM, "headers do not fit");

struct ip_iface_config {
	char name[32];
	bool raw;	       /* bare IP packets, no Ethernet (simulator) */
	uint8_t mac[6];
	uint16_t vlan;	       /* 802.1Q tag of this interface, 0 = untagged */
	uint16_t mtu;	       /* [bytes] of an IP packet, 1280..9216 */
	bool tx_csum;	       /* the port fills in IPv4 and TCP checksums */
	bool rx_csum;	       /* mbuf checksum flags can be believed */
	unsigned n_addrs;
	struct ipprefix addrs[IP_ADDRS]; /* own addresses with their networks */
};

struct ip_route_config {
	struct ipprefix to;    /* ::/0 or ::ffff:0:0/96 for a default route */
	struct ipaddr gateway; /* on a connected network of iface, or
				* link-local; a raw interface needs none */
	unsigned iface;
};

struct ip_config {
	unsigned worker;       /* this core [0..] */
	unsigned n_ifaces;
	struct ip_iface_config iface[IP_IFACES];
	unsigned n_routes;
	struct ip_route_config route[IP_ROUTES];
	struct hash_key secret; /* same on all workers */
	struct rte_mempool *pool; /* for packets the stack makes itself */
};

/* What became of a packet, and the counter it is counted in. */
#define IP_VERDICTS(X)                                                         \
	X(IP_TCP, "tcp", "handed to TCP")                                      \
	X(IP_ICMP_ERROR, "icmp_error", "an error about a TCP segment of ours") \
	X(IP_SHARED, "shared", "ARP or ND, dealt with: others must see it")    \
	X(IP_ECHO, "echo", "answered a ping")                                  \
	X(IP_FRAGMENT, "fragment", "fragment kept for reassembly")             \
	X(IP_DROP_SHORT, "drop_short", "shorter than its headers say")         \
	X(IP_DROP_HEADER, "drop_header", "malformed header")                   \
	X(IP_DROP_CHECKSUM, "drop_checksum", "wrong checksum")                 \
	X(IP_DROP_VLAN, "drop_vlan", "a VLAN that is not ours")                \
	X(IP_DROP_NOT_OURS, "drop_not_ours", "another host's address")         \
	X(IP_DROP_SOURCE, "drop_source", "impossible source address")          \
	X(IP_DROP_PROTOCOL, "drop_protocol", "no such protocol here")          \
	X(IP_DROP_FRAGMENT, "drop_fragment", "fragment refused")               \
	X(IP_DROP_ICMP, "drop_icmp", "ICMP that says nothing to us")           \
	X(IP_DROP_RATE, "drop_rate", "reply withheld by the rate limit")       \
	X(IP_DROP_MEMORY, "drop_memory", "no packet buffer for the reply")

enum ip_verdict {
#define X(id, name, help) id,
	IP_VERDICTS(X)
#undef X
	IP_VERDICT_COUNT
};

/* A TCP segment as IP found it. m's data begins at the TCP header, its
 * length is the segment's, and its checksum has been verified. There are 20
 * bytes at least, and the first 60 (or all, if less) lie in one piece; the
 * rest may be chained, in pieces of any length, when the port scatters or the
 * segment came in fragments. */
struct ip_seg {
	struct rte_mbuf *m;
	struct ipaddr src, dst;
	uint8_t iface;
	uint8_t ecn; /* the two ECN bits */
	uint8_t ttl;
};

/* An ICMP error about a segment that this host sent. Quoted from a stranger:
 * believe nothing before the sequence number has been checked (RFC 5927). */
struct ip_error {
	struct ipaddr local, remote; /* of the quoted segment */
	uint16_t lport, rport;
	uint32_t seq;
	bool too_big; /* else unreachable */
	bool hard;    /* protocol or port unreachable, prohibited */
	uint16_t mtu; /* of too_big; 0 when the router did not say */
};

struct ip_in {
	enum ip_verdict verdict;
	union {
		struct ip_seg seg;	/* IP_TCP: m is the caller's now */
		struct ip_error error;	/* IP_ICMP_ERROR: m is freed */
		struct rte_mbuf *shared; /* IP_SHARED: unchanged, the caller's */
	};
};

/* Packets ready for the wire of one interface, in order. */
struct ip_txv {
	struct rte_mbuf *pkt[IP_TXV];
	unsigned n;
};

struct ip_stats {
	uint64_t verdicts[IP_VERDICT_COUNT];
	uint64_t tx_packets;
	uint64_t tx_no_route, tx_no_neighbour, tx_too_big, tx_full,
		tx_no_memory;		 /* dropped, or not even made */
	uint64_t frag_timeouts, frag_evicted; /* datagrams never whole */
	uint64_t router_adverts;	 /* ignored: routes are configured */
	uint64_t conflicts;		 /* frames of a host with our address */
	uint64_t neighbours, waiting;	 /* now */
};

struct ip_stack;

/* Why ip_new() would refuse, in words for an administrator; NULL if it would
 * not. Thread: any. */
const char *ip_config_error(const struct ip_config *config);

/**
 * Make a stack; copies the configuration. Each Ethernet interface gets its
 * link-local IPv6 address besides.
 *
 * Thread: control. NULL when memory is short or, with errno EINVAL, when the
 * configuration is impossible.
 */
must_check struct ip_stack *ip_new(const struct ip_config *config, usec_t now);
/* Packets that wait, for a neighbour or in a transmit vector, go back. */
void ip_free(struct ip_stack *ip);

/**
 * Take one packet from an interface's wire.
 *
 * @param m  consumed, but for the verdicts that say otherwise in ip_in; the
 *           caller's alone (refcnt 1): headers are cut off in place, so a wire
 *           that shares buffers with the sender brings a copy
 *
 * Checksums are verified in software unless the interface's rx_csum holds and
 * the port marked the packet good. Fragments are kept by the stack that gets
 * them, so a port must spread them by addresses alone, the first one too.
 */
void ip_input(struct ip_stack *ip, unsigned iface, struct rte_mbuf *m,
	      usec_t now, struct ip_in *in);

/**
 * Learn from a frame that another worker's ip_input() returned as IP_SHARED.
 *
 * @param m  a copy of it, consumed; same refcnt rule
 *
 * Never answers, and is no input in the counters. Packets that waited for the
 * neighbour may leave. Any other frame is ignored.
 */
void ip_shared_input(struct ip_stack *ip, unsigned iface, struct rte_mbuf *m,
		     usec_t now);

/**
 * Send one TCP segment.
 *
 * @param m    data begins at the TCP header, which lies in one piece; single
 *             or chained; at least 62 bytes of headroom (IP_HEADROOM less a
 *             TCP header); consumed. Headers are written in front of the data
 *             and data_off, lengths and flags change, so who keeps a reference
 *             keeps his own offsets. It may wait for the neighbour seconds
 *             long.
 * @param src  one of our addresses
 * IP fills in the TCP checksum, in software or by the port. DF is set and
 * nothing is fragmented. RTE_MBUF_F_TX_TCP_SEG with tso_segsz lets a port with
 * tx_csum cut the segment; all other flags of m are lost.
 *
 * @return 0; -ENETUNREACH without a route to another host, -EMSGSIZE when
 *         larger than the interface's MTU, -ENOBUFS when the vector is full or
 *         too many packets wait for the neighbour (m is freed anyway).
 */
int ip_output(struct ip_stack *ip, struct rte_mbuf *m, const struct ipaddr *src,
	      const struct ipaddr *dst, uint8_t ecn, usec_t now);

/* The transmit vector of an interface; the caller sends pkt[0..n) and sets n
 * to what it could not send, moved to the front. */
struct ip_txv *ip_txv(struct ip_stack *ip, unsigned iface);
/* Packets every transmit vector can still take. */
unsigned ip_tx_room(const struct ip_stack *ip);

/* Source address for `dst`: the interface's own on the connected network or
 * the gateway's, else its first of the family. -ENETUNREACH. */
must_check int ip_source(const struct ip_stack *ip, const struct ipaddr *dst,
			 struct ipaddr *src);
/* Is this one of our addresses? */
bool ip_is_local(const struct ip_stack *ip, const struct ipaddr *a);

/* Path MTU [bytes] towards dst: the interface's, or what a too-big told,
 * which is forgotten after 10 minutes (RFC 1191 6.3, 8201 4). */
uint16_t ip_mtu(const struct ip_stack *ip, const struct ipaddr *dst, usec_t now);
/* A too-big that TCP has checked; mtu 0 means the next smaller kind of link
 * (RFC 1191 7.1). Never below 1280 (IPv6) or 552 (IPv4), never upwards. */
void ip_mtu_learn(struct ip_stack *ip, const struct ipaddr *dst, uint16_t mtu,
		  usec_t now);

/* Neighbour ageing, probes, reassembly time-outs; call once a turn. Returns
 * when to call again at the latest, for a loop that sleeps. */
usec_t ip_tick(struct ip_stack *ip, usec_t now);

/* Announce our addresses (gratuitous ARP, unsolicited NA): at start and when
 * a link comes up. One worker does it for all. */
void ip_announce(struct ip_stack *ip, unsigned iface, usec_t now);

const struct ip_stats *ip_stats(const struct ip_stack *ip);
const char *ip_verdict_name(enum ip_verdict v);

/* Neighbours for `casgatectl`: fills at most n, returns how many there are. */
struct ip_neighbour_info {
	struct ipaddr addr;
	uint8_t mac[6];
	uint8_t iface;
	const char *state; /* "incomplete", "reachable", "stale", "probe" */
};
unsigned ip_neighbours(const struct ip_stack *ip, struct ip_neighbour_info *out,
		       unsigned n);

/* --- steering: which worker owns a flow ------------------------------- */

/*
 * A port with usable RSS delivers by Toeplitz hash and indirection table; all
 * workers know both, so any of them can tell the owner of any tuple, and a
 * source port can be chosen whose answers come home.
 */
#define STEER_RETA 512

struct ip_tuple {
	struct ipaddr src, dst;
	uint16_t sport, dport; /* host order */
};

struct steer {
	uint8_t key[52];	     /* Toeplitz key, random at start */
	uint16_t reta[STEER_RETA];   /* worker by (hash & reta_mask) */
	uint16_t reta_mask;
	uint16_t workers;
	uint32_t v4[12][256];	     /* Toeplitz by byte position: XOR-linear */
	uint32_t v6[36][256];
};

/* `key` NULL: 52 random-looking bytes from `secret`. Fills reta round-robin. */
void steer_init(struct steer *s, unsigned workers, const uint8_t *key,
		const struct hash_key *secret);
/* The Toeplitz hash the port computes for an *arriving* packet. */
uint32_t steer_hash(const struct steer *s, const struct ip_tuple *arriving);
static inline unsigned steer_owner(const struct steer *s,
				   const struct ip_tuple *arriving)
{
	return s->workers <= 1 ? 0 :
		       s->reta[steer_hash(s, arriving) & s->reta_mask];
}
