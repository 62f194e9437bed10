/* SPDX-License-Identifier: BSD-3-Clause */
/* test_ip_neigh.c - ARP and ND: what is learned, asked, answered, forgotten. */
#include "wire.h"

#include <errno.h>

static int send(struct net *net, const char *dst)
{
	struct ipaddr d = wire_addr(dst), s;
	struct rte_mbuf *m = rte_pktmbuf_alloc(net->pool);

	assert_int_equal(ip_source(net->ip, &d, &s), 0);
	memcpy(rte_pktmbuf_append(m, 20), wire_tcp(1, 2, 20), 20);
	return ip_output(net->ip, m, &s, &d, 0, net->now);
}

/* State of a neighbour by name, "" when unknown. */
static const char *look(struct net *net, const char *addr, uint8_t mac[6])
{
	static struct ip_neighbour_info all[IP_NEIGHBOURS];
	unsigned n = ip_neighbours(net->ip, all, IP_NEIGHBOURS);
	struct ipaddr a = wire_addr(addr);

	for (unsigned i = 0; i < n; i++)
		if (ipaddr_eq(&all[i].addr, &a)) {
			if (mac)
				memcpy(mac, all[i].mac, 6);
			return all[i].state;
		}
	return "";
}

#define assert_state(net, addr, state)                                         \
	assert_string_equal(look(net, addr, NULL), state)

static bool is_request(const struct frame *f, const char *to, const char *who)
{
	struct ipaddr a = wire_addr(who);
	bool v4 = wire_get16(f->b + 12) == 0x0806;

	return !memcmp(f->b, to, 6) &&
	       (v4 ? f->b[21] == 1 && !memcmp(f->b + 38, a.b + 12, 4)
		   : f->b[54] == 135 && !memcmp(f->b + 62, a.b, 16));
}

/* --- what is answered ------------------------------------------------------
 */

static void arp_in(void **state)
{
	static const struct {
		const char *what, *to;
		unsigned op;
		const char *mac, *from, *target;
		enum ip_verdict want;
		bool answered, learned;
	} rows[] = {
		{ "a question", ALL_MAC, 1, HER_MAC, HER4, US4, IP_SHARED, 1,
		  1 },
		{ "by unicast", US_MAC, 1, HER_MAC, HER4, US4, IP_SHARED, 1,
		  1 },
		{ "for our VIP", ALL_MAC, 1, HER_MAC, HER4, "192.0.2.1",
		  IP_SHARED, 1, 1 },
		{ "a probe", ALL_MAC, 1, HER_MAC, "0.0.0.0", US4, IP_SHARED, 1,
		  0 },
		{ "another's probe", ALL_MAC, 1, HER_MAC, "0.0.0.0", HER4,
		  IP_DROP_NOT_OURS, 0, 0 },
		{ "for another", ALL_MAC, 1, HER_MAC, HER4, "10.0.0.3",
		  IP_DROP_NOT_OURS, 0, 0 },
		{ "for our other interface", ALL_MAC, 1, HER_MAC, HER4,
		  "172.16.0.1", IP_DROP_NOT_OURS, 0, 0 },
		{ "from far away", ALL_MAC, 1, HER_MAC, FAR4, US4,
		  IP_DROP_SOURCE, 0, 0 },
		{ "from the broadcast", ALL_MAC, 1, HER_MAC, "10.0.0.255", US4,
		  IP_DROP_SOURCE, 0, 0 },
		{ "from a group", ALL_MAC, 1, "\x03\x00\x00\x00\x00\x01", HER4,
		  US4, IP_DROP_SOURCE, 0, 0 },
		{ "an announcement", ALL_MAC, 1, HER_MAC, HER4, HER4, IP_SHARED,
		  0, 0 },
		{ "unasked", US_MAC, 2, HER_MAC, HER4, US4, IP_SHARED, 0, 0 },
		{ "unasked, to others", ALL_MAC, 2, HER_MAC, HER4, "10.0.0.3",
		  IP_DROP_NOT_OURS, 0, 0 },
		{ "no such op", US_MAC, 3, HER_MAC, HER4, US4, IP_DROP_HEADER,
		  0, 0 },
		{ "to another port", "\x02\x00\x00\x00\x00\x99", 1, HER_MAC,
		  HER4, US4, IP_DROP_NOT_OURS, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ipaddr from = wire_addr(rows[i].from);
		struct ipaddr target = wire_addr(rows[i].target);
		struct frame f, out;
		struct net net;

		print_message("# %s\n", rows[i].what);
		net_open(&net);
		frame_arp(&f, rows[i].to, rows[i].op, rows[i].mac, rows[i].from,
			  rows[i].target);
		frame_add(&f, (char[18]){ 0 }, 18); /* padding */
		assert_int_equal(net_feed(&net, IF_ETH, &f), rows[i].want);
		assert_state(&net, rows[i].from,
			     rows[i].learned ? "stale" : "");
		assert_int_equal(net_take(&net, IF_ETH, &out),
				 rows[i].answered);
		net_silent(&net);
		net_close(&net);
		if (!rows[i].answered)
			continue;
		assert_int_equal(out.n, 42);
		assert_memory_equal(out.b, rows[i].mac, 6);
		assert_memory_equal(out.b + 6, US_MAC, 6);
		assert_memory_equal(out.b + 12,
				    "\x08\x06\0\x01\x08\0\x06\x04\0\x02", 10);
		assert_memory_equal(out.b + 22, US_MAC, 6);
		assert_memory_equal(out.b + 28, target.b + 12, 4);
		assert_memory_equal(out.b + 32, rows[i].mac, 6);
		assert_memory_equal(out.b + 38, from.b + 12, 4);
	}
}

static void nd_in(void **state)
{
	static const struct {
		const char *what, *to, *src, *dst, *target;
		const char *said;
		enum ip_verdict want;
		const char *answer_to; /* NULL: none */
		bool learned;
	} rows[] = {
#define SOL "\x33\x33\xff\x00\x00\x01"
#define ALL "\x33\x33\x00\x00\x00\x01"
		{ "to our group", SOL, HER6, "ff02::1:ff00:1", US6, HER_MAC,
		  IP_SHARED, HER6, 1 },
		{ "by unicast", US_MAC, HER6, US6, US6, HER_MAC, IP_SHARED,
		  HER6, 1 },
		{ "without its address", US_MAC, HER6, US6, US6, NULL,
		  IP_SHARED, HER6, 0 },
		{ "for our link-local", SOL, HER6, "ff02::1:ff00:1", OUR_LL,
		  HER_MAC, IP_SHARED, HER6, 1 },
		{ "from a link-local", SOL, "fe80::2", "ff02::1:ff00:1", US6,
		  HER_MAC, IP_SHARED, "fe80::2", 1 },
		{ "is it free?", SOL, "::", "ff02::1:ff00:1", US6, NULL,
		  IP_SHARED, "ff02::1", 0 },
		{ "is it free, with address", SOL, "::", "ff02::1:ff00:1", US6,
		  HER_MAC, IP_DROP_HEADER, NULL, 0 },
		{ "is it free, to all nodes", ALL, "::", "ff02::1", US6, NULL,
		  IP_DROP_HEADER, NULL, 0 },
		{ "for another", SOL, HER6, "ff02::1:ff00:1",
		  "2001:db8::7700:1", HER_MAC, IP_DROP_NOT_OURS, NULL, 0 },
		{ "for our other interface", US_MAC, HER6, US6, "2001:db8:1::1",
		  HER_MAC, IP_DROP_NOT_OURS, NULL, 0 },
		{ "another's group", "\x33\x33\xff\x00\x00\x02", HER6,
		  "ff02::1:ff00:2", US6, HER_MAC, IP_DROP_NOT_OURS, NULL, 0 },
		{ "from far away", US_MAC, FAR6, US6, US6, HER_MAC,
		  IP_DROP_SOURCE, NULL, 0 },
		{ "of a group", US_MAC, HER6, US6, "ff02::1", HER_MAC,
		  IP_DROP_HEADER, NULL, 0 },
		{ "a group's address", US_MAC, HER6, US6, US6,
		  "\x33\x33\x00\x00\x00\x01", IP_DROP_HEADER, NULL, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ipaddr target = wire_addr(rows[i].target), to;
		struct frame f, out;
		struct net net;

		print_message("# %s\n", rows[i].what);
		net_open(&net);
		frame_nd(&f, rows[i].to, 135, HER_MAC, rows[i].src, rows[i].dst,
			 rows[i].target, 0, rows[i].said);
		assert_int_equal(net_feed(&net, IF_ETH, &f), rows[i].want);
		assert_state(&net, rows[i].src, rows[i].learned ? "stale" : "");
		assert_int_equal(net_take(&net, IF_ETH, &out),
				 rows[i].answer_to != NULL);
		net_silent(&net);
		net_close(&net);
		if (!rows[i].answer_to)
			continue;
		to = wire_addr(rows[i].answer_to);
		assert_int_equal(out.n, 14 + 40 + 32);
		assert_memory_equal(out.b, to.b[0] == 0xff ? ALL : HER_MAC, 6);
		assert_memory_equal(out.b + 22, target.b, 16);
		assert_memory_equal(out.b + 38, to.b, 16);
		assert_int_equal(out.b[21], 255);
		assert_int_equal(out.b[54], 136);
		/* Override, and solicited unless everybody is told. */
		assert_int_equal(out.b[58], to.b[0] == 0xff ? 0x20 : 0x60);
		assert_memory_equal(out.b + 62, target.b, 16);
		assert_memory_equal(out.b + 78, "\x02\x01" US_MAC, 8);
		assert_int_equal(wire_sum(out.b + 54, 32,
					  wire_pseudo(out.b + 14, P_ICMP6, 32)),
				 0xffff);
	}
}

/* A solicitation with one thing wrong: RFC 4861 7.1.1. */
static void nd_malformed(void **state)
{
	static const struct {
		const char *what;
		size_t at;
		uint8_t value;
		enum ip_verdict want;
	} rows[] = {
		{ "untouched", 54, 135, IP_SHARED },
		{ "hop limit 254", 21, 254, IP_DROP_HEADER },
		{ "code 1", 55, 1, IP_DROP_HEADER },
		{ "option of length 0", 79, 0, IP_DROP_HEADER },
		{ "option too long", 79, 2, IP_DROP_HEADER },
		{ "unknown option", 78, 99, IP_SHARED },
	};
	struct frame f;
	struct net net;

	net_open(&net);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("# %s\n", rows[i].what);
		frame_nd(&f, US_MAC, 135, HER_MAC, HER6, US6, US6, 0, HER_MAC);
		f.b[rows[i].at] = rows[i].value;
		frame_resum(&f, 14, 40, P_ICMP6);
		assert_int_equal(net_feed(&net, IF_ETH, &f), rows[i].want);
	}
	net_close(&net);
}

/* --- a neighbour's life -----------------------------------------------------
 */

struct family {
	const char *her, *us;
};
static const struct family families[] = { { HER4, US4 }, { HER6, US6 } };

static void answer(struct net *net, const struct family *a, const char *mac)
{
	struct frame f;

	if (a->her[0] == '1')
		frame_arp(&f, US_MAC, 2, mac, a->her, a->us);
	else
		frame_nd(&f, US_MAC, 136, mac, a->her, a->us, a->her, 0x60,
			 mac);
	assert_int_equal(net_feed(net, IF_ETH, &f), IP_SHARED);
}

static void life(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		const struct family *a = &families[i];
		bool v4 = a->her[0] == '1';
		const char *all = v4 ? ALL_MAC : "\x33\x33\xff\x00\x00\x02";
		struct frame f;
		struct net net;

		net_open(&net);
		/* Unknown: asked, and the packet waits. */
		assert_int_equal(send(&net, a->her), 0);
		assert_state(&net, a->her, "incomplete");
		assert_true(net_take(&net, IF_ETH, &f));
		assert_true(is_request(&f, all, a->her));
		net_silent(&net);
		assert_int_equal(ip_stats(net.ip)->waiting, 1);
		/* Answered: it leaves. */
		answer(&net, a, HER_MAC);
		assert_state(&net, a->her, "reachable");
		assert_true(net_take(&net, IF_ETH, &f));
		assert_memory_equal(f.b, HER_MAC, 6);
		assert_int_equal(wire_get16(f.b + 12), v4 ? 0x0800 : 0x86dd);
		assert_int_equal(ip_stats(net.ip)->waiting, 0);
		/* Known: at once. */
		assert_int_equal(send(&net, a->her), 0);
		assert_true(net_take(&net, IF_ETH, &f));
		net_silent(&net);
		/* Not before 15 s nor after 45 s it becomes doubtful. */
		net.now += SEC(15) - 1;
		ip_tick(net.ip, net.now);
		assert_state(&net, a->her, "reachable");
		net.now += SEC(30) + MSEC(1);
		ip_tick(net.ip, net.now);
		assert_state(&net, a->her, "stale");
		net_silent(&net);
		/* Used: believed, and asked by unicast. */
		assert_int_equal(send(&net, a->her), 0);
		assert_state(&net, a->her, "probe");
		assert_true(net_take(&net, IF_ETH, &f));
		assert_true(is_request(&f, HER_MAC, a->her));
		assert_true(net_take(&net, IF_ETH, &f));
		assert_int_equal(f.n, v4 ? 54 : 74);
		answer(&net, a, HER_MAC);
		assert_state(&net, a->her, "reachable");
		/* Doubtful again, used, no answer: three times, then gone. */
		net.now += SEC(46);
		ip_tick(net.ip, net.now);
		assert_int_equal(send(&net, a->her), 0);
		net_take(&net, IF_ETH, &f);
		net_take(&net, IF_ETH, &f);
		for (unsigned k = 0; k < 2; k++) {
			net.now += SEC(1) + MSEC(1);
			ip_tick(net.ip, net.now);
			assert_true(net_take(&net, IF_ETH, &f));
			assert_true(is_request(&f, HER_MAC, a->her));
			net_silent(&net);
		}
		net.now += SEC(1) + MSEC(1);
		ip_tick(net.ip, net.now);
		assert_state(&net, a->her, "");
		net_silent(&net);
		net_close(&net);
	}
}

static void nobody(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		const struct family *a = &families[i];
		usec_t next;
		unsigned asked = 0;
		struct frame f;
		struct net net;

		net_open(&net);
		assert_int_equal(send(&net, a->her), 0);
		/* One request a second, three in all, however often it is
		 * wanted; a loop that sleeps between loses none. */
		while ((next = ip_tick(net.ip, net.now)) != USEC_NEVER) {
			while (net_take(&net, IF_ETH, &f))
				asked++;
			net.now = next;
		}
		assert_int_equal(asked, 3);
		assert_state(&net, a->her, "");
		assert_in_range(net.now, SEC(1003), SEC(1004));
		assert_int_equal(ip_stats(net.ip)->tx_no_neighbour, 1);
		assert_int_equal(ip_stats(net.ip)->neighbours, 0);
		assert_int_equal(rte_mempool_avail_count(net.pool), net.full);
		net_close(&net);
	}
}

static void forgotten(void **state)
{
	struct net net;

	net_open(&net);
	net_meet(&net, HER4, HER_MAC);
	net.now += SEC(46);
	ip_tick(net.ip, net.now);
	assert_state(&net, HER4, "stale");
	net.now += SEC(601);
	ip_tick(net.ip, net.now);
	assert_state(&net, HER4, "");
	net_silent(&net);
	net_close(&net);
}

/* A gateway is asked before its entry is doubtful, used or not. */
static void gateway(void **state)
{
	static const struct family gw = { GW4, US4 };
	struct frame f;
	struct net net;

	net_open(&net);
	net_meet(&net, GW4, GW_MAC);
	for (unsigned i = 0; i < 5; i++) {
		assert_state(&net, GW4, "reachable");
		net.now += SEC(45) + MSEC(1);
		ip_tick(net.ip, net.now);
		assert_state(&net, GW4, "probe");
		assert_true(net_take(&net, IF_ETH, &f));
		assert_true(is_request(&f, GW_MAC, GW4));
		answer(&net, &gw, GW_MAC);
	}
	net_close(&net);
}

static void waiting(void **state)
{
	char dst[32];
	struct frame f;
	struct net net;

	net_open(&net);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(send(&net, HER4), 0);
	assert_int_equal(send(&net, HER4), -ENOBUFS);
	assert_int_equal(ip_stats(net.ip)->waiting, 8);
	for (unsigned i = 0; i < 31 * 8; i++) {
		snprintf(dst, sizeof(dst), "10.0.0.%u", 10 + i / 8);
		assert_int_equal(send(&net, dst), 0);
	}
	assert_int_equal(ip_stats(net.ip)->waiting, 256);
	assert_int_equal(send(&net, "10.0.0.99"), -ENOBUFS);
	assert_int_equal(ip_stats(net.ip)->tx_no_neighbour, 2);
	while (net_take(&net, IF_ETH, &f))
		;
	/* In order, all eight. */
	net_meet(&net, HER6, HER_MAC);
	answer(&net, &families[0], HER_MAC);
	assert_int_equal(ip_txv(net.ip, IF_ETH)->n, 8);
	assert_int_equal(ip_stats(net.ip)->waiting, 248);
	assert_int_equal(send(&net, "10.0.0.99"), 0);
	net_close(&net);
}

static void changes(void **state)
{
#define NEW "\x02\x00\x00\x00\x00\xbb"
	static const struct {
		const char *what;
		unsigned type; /* 1, 2: ARP; 135, 136: ND */
		const char *to, *target, *mac;
		unsigned flags;
		bool changed;
		const char *state;
	} rows[] = {
		{ "gratuitous ARP", 1, ALL_MAC, HER4, NEW, 0, 1, "stale" },
		{ "gratuitous reply", 2, ALL_MAC, HER4, NEW, 0, 1, "stale" },
		{ "nothing new", 1, ALL_MAC, HER4, HER_MAC, 0, 0, "reachable" },
		{ "asks for us", 1, ALL_MAC, US4, NEW, 0, 1, "stale" },
		{ "asks for another", 1, ALL_MAC, "10.0.0.9", NEW, 0, 0,
		  "reachable" },
		{ "NA, all flags", 136, US_MAC, HER6, NEW, 0x60, 1,
		  "reachable" },
		{ "NA, override", 136, US_MAC, HER6, NEW, 0x20, 1, "stale" },
		{ "NA, no override", 136, US_MAC, HER6, NEW, 0x40, 0, "stale" },
		{ "NA, same address", 136, US_MAC, HER6, HER_MAC, 0, 0,
		  "reachable" },
		{ "NA, about another", 136, US_MAC, "2001:db8::9", NEW, 0x60, 0,
		  "reachable" },
		{ "NS", 135, US_MAC, US6, NEW, 0, 1, "stale" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool v4 = rows[i].type < 3;
		const char *her = v4 ? HER4 : HER6;
		struct frame f;
		struct net net;
		uint8_t mac[6];

		print_message("# %s\n", rows[i].what);
		net_open(&net);
		net_meet(&net, her, HER_MAC);
		if (v4)
			frame_arp(&f, rows[i].to, rows[i].type, rows[i].mac,
				  HER4, rows[i].target);
		else
			frame_nd(&f, rows[i].to, rows[i].type, rows[i].mac,
				 HER6, US6, rows[i].target, rows[i].flags,
				 rows[i].mac);
		net_feed(&net, IF_ETH, &f);
		assert_string_equal(look(&net, her, mac), rows[i].state);
		assert_memory_equal(mac, rows[i].changed ? NEW : HER_MAC, 6);
		assert_int_equal(ip_stats(net.ip)->neighbours, 1);
		net_close(&net);
	}
}

/* The copy another worker gets teaches the same and is not answered. */
static void shared(void **state)
{
	struct frame f;
	struct net net;

	net_open(&net);
	frame_arp(&f, ALL_MAC, 1, HER_MAC, HER4, US4);
	ip_shared_input(net.ip, IF_ETH, net_packet(&net, &f, 0), net.now);
	assert_state(&net, HER4, "stale");
	frame_nd(&f, SOL, 135, HER_MAC, HER6, "ff02::1:ff00:1", US6, 0,
		 HER_MAC);
	ip_shared_input(net.ip, IF_ETH, net_packet(&net, &f, 0), net.now);
	assert_state(&net, HER6, "stale");
	net_silent(&net);

	/* What waits here leaves by an answer that came elsewhere. */
	assert_int_equal(send(&net, GW4), 0);
	assert_true(net_take(&net, IF_ETH, &f));
	frame_arp(&f, US_MAC, 2, GW_MAC, GW4, US4);
	ip_shared_input(net.ip, IF_ETH, net_packet(&net, &f, 0), net.now);
	assert_state(&net, GW4, "reachable");
	assert_int_equal(ip_txv(net.ip, IF_ETH)->n, 1);
	net_take(&net, IF_ETH, &f);

	/* Any other frame does nothing, not even when it is for us. */
	frame_to_us(&f, HER4, US4, P_ICMP, "\010\0\0\0\0\0\0\0", 8);
	ip_shared_input(net.ip, IF_ETH, net_packet(&net, &f, 0), net.now);
	frame_to_us(&f, HER6, US6, P_TCP, wire_tcp(1, 2, 20), 20);
	ip_shared_input(net.ip, IF_ETH, net_packet(&net, &f, 0), net.now);
	frame_to_us(&f, HER6, US6, P_UDP, wire_bytes(), 20);
	ip_shared_input(net.ip, IF_ETH, net_packet(&net, &f, 0), net.now);
	frame_arp(&f, ALL_MAC, 1, HER_MAC, US4, US4);
	ip_shared_input(net.ip, IF_ETH, net_packet(&net, &f, 0), net.now);
	net_silent(&net);
	for (unsigned v = 0; v < IP_VERDICT_COUNT; v++)
		assert_int_equal(ip_stats(net.ip)->verdicts[v], 0);
	assert_int_equal(rte_mempool_avail_count(net.pool), net.full);
	net_close(&net);
}

/* The receiver gives the frame back as it came. */
static void shared_frame_is_whole(void **state)
{
	struct frame f;
	struct net net;

	net_open(&net);
	for (unsigned i = 0; i < 2; i++) {
		const struct rte_mbuf *m;

		if (i)
			frame_nd(&f, US_MAC, 135, HER_MAC, HER6, US6, US6, 0,
				 HER_MAC);
		else
			frame_arp(&f, ALL_MAC, 1, HER_MAC, HER4, US4);
		ip_input(net.ip, IF_ETH, net_packet(&net, &f, 0), net.now,
			 &net.in);
		assert_int_equal(net.in.verdict, IP_SHARED);
		m = net.in.shared;
		assert_int_equal(m->pkt_len, f.n);
		assert_memory_equal(rte_pktmbuf_mtod(m, void *), f.b, f.n);
		rte_pktmbuf_free(net.in.shared);
	}
	net_close(&net);
}

/* RFC 5227 2.4: our address in another's mouth is counted and defended, at
 * most once in ten seconds; nothing is learned. */
static void conflicts(void **state)
{
	unsigned defended = 0;
	struct frame f;
	struct net net;

	net_open(&net);
	for (unsigned s = 0; s < 30; s++) {
		frame_arp(&f, ALL_MAC, 1, HER_MAC, US4, HER4);
		assert_int_equal(net_feed(&net, IF_ETH, &f), IP_DROP_SOURCE);
		while (net_take(&net, IF_ETH, &f))
			defended += !memcmp(f.b, ALL_MAC, 6) &&
				    !memcmp(f.b + 28, f.b + 38, 4);
		net.now += SEC(1);
	}
	assert_int_equal(defended, 3);
	assert_int_equal(ip_stats(net.ip)->conflicts, 30);
	net.now += SEC(10);
	frame_nd(&f, ALL, 136, HER_MAC, US6, "ff02::1", US6, 0x20, HER_MAC);
	assert_int_equal(net_feed(&net, IF_ETH, &f), IP_DROP_SOURCE);
	assert_true(net_take(&net, IF_ETH, &f));
	assert_int_equal(f.b[54], 136);
	assert_int_equal(ip_stats(net.ip)->neighbours, 0);
	net_close(&net);
}

/* 60,000 hosts that ask for us: the table stays its size, the gateway and who
 * is talked to stay in it. */
static void exhaustion(void **state)
{
	struct ip_config c = net_config(net_pool());
	char addr[32];
	struct frame f;
	struct net net;

	c.iface[IF_ETH].addrs[0].len = 96 + 8;
	net_open_config(&net, &c);
	net_meet(&net, GW4, GW_MAC);
	net_meet(&net, HER4, HER_MAC);
	for (unsigned i = 0; i < 60000; i++) {
		snprintf(addr, sizeof(addr), "10.%u.%u.1", 1 + i / 250,
			 i % 250);
		frame_arp(&f, US_MAC, 1, HER_MAC, addr, US4);
		assert_int_equal(net_feed(&net, IF_ETH, &f), IP_SHARED);
		assert_true(net_take(&net, IF_ETH, &f));
		if (i % 1000 == 0)
			assert_int_equal(send(&net, HER4), 0);
		while (net_take(&net, IF_ETH, &f))
			;
		assert_in_range(ip_stats(net.ip)->neighbours, 1, IP_NEIGHBOURS);
	}
	assert_int_equal(ip_stats(net.ip)->neighbours, IP_NEIGHBOURS);
	assert_state(&net, GW4, "reachable");
	assert_state(&net, HER4, "reachable");
	assert_state(&net, addr, "stale");
	assert_state(&net, "10.1.1.1", "");
	/* All forgotten in the end, but for the gateway that answers nobody. */
	for (unsigned i = 0; i < 800; i++) {
		net.now += SEC(1);
		for (unsigned k = 0; k < 70; k++)
			ip_tick(net.ip, net.now);
		while (net_take(&net, IF_ETH, &f))
			;
	}
	assert_int_equal(ip_stats(net.ip)->neighbours, 0);
	net_close(&net);
}

/* Questions go out at a bounded rate, whoever makes us ask. */
static void solicit_rate(void **state)
{
	struct ip_config c = net_config(net_pool());
	unsigned asked = 0;
	struct frame f;
	struct net net;

	c.iface[IF_ETH].addrs[0].len = 96 + 8;
	net_open_config(&net, &c);
	for (unsigned i = 0; i < 20000; i++) {
		char addr[32];

		snprintf(addr, sizeof(addr), "10.%u.%u.1", 1 + i / 250,
			 i % 250);
		(void)send(&net, addr);
		while (net_take(&net, IF_ETH, &f))
			asked++;
	}
	assert_int_equal(asked, 500);
	assert_in_range(ip_stats(net.ip)->waiting, 1, 256);
	net_close(&net);
}

static void announce(void **state)
{
	unsigned arps = 0, nas = 0;
	struct frame f;
	struct net net;

	net_open(&net);
	ip_announce(net.ip, IF_ETH, net.now);
	while (net_take(&net, IF_ETH, &f)) {
		if (wire_get16(f.b + 12) == 0x0806) {
			/* RFC 5227 3: a request for one's own address. */
			arps++;
			assert_memory_equal(f.b, ALL_MAC, 6);
			assert_int_equal(f.b[21], 1);
			assert_memory_equal(f.b + 28, f.b + 38, 4);
		} else {
			nas++;
			assert_memory_equal(f.b, ALL, 6);
			assert_int_equal(f.b[54], 136);
			assert_int_equal(f.b[58], 0x20);
			assert_memory_equal(f.b + 22, f.b + 62, 16);
		}
	}
	assert_int_equal(arps, 2);
	assert_int_equal(nas, 2); /* the link-local, too */
	ip_announce(net.ip, IF_RAW, net.now);
	net_silent(&net);
	net_close(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arp_in),
		cmocka_unit_test(nd_in),
		cmocka_unit_test(nd_malformed),
		cmocka_unit_test(life),
		cmocka_unit_test(nobody),
		cmocka_unit_test(forgotten),
		cmocka_unit_test(gateway),
		cmocka_unit_test(waiting),
		cmocka_unit_test(changes),
		cmocka_unit_test(shared),
		cmocka_unit_test(shared_frame_is_whole),
		cmocka_unit_test(conflicts),
		cmocka_unit_test(exhaustion),
		cmocka_unit_test(solicit_rate),
		cmocka_unit_test(announce),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
