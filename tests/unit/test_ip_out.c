/* SPDX-License-Identifier: BSD-3-Clause */
/* test_ip_out.c - the way out: routes, headers, checksums, path MTU; and what
 * is answered to ICMP. */
#include "wire.h"

#include <errno.h>

/* A segment as TCP hands it over, in pieces of `piece` bytes (0: one). */
static struct rte_mbuf *segment(struct net *net, size_t n, size_t piece)
{
	static struct frame f;

	f.n = 0;
	frame_add(&f, wire_tcp(443, 1000, n), n);
	f.b[16] = 0xee; /* whatever was there */
	return net_packet(net, &f, piece);
}

static int send(struct net *net, const char *src, const char *dst, size_t n)
{
	struct ipaddr s = wire_addr(src), d = wire_addr(dst);
	struct rte_mbuf *m = segment(net, n, n > 2048 ? 2000 : 0);

	return ip_output(net->ip, m, &s, &d, 0, net->now);
}

/* Checksums right, lengths true, nothing else touched? */
static void check_packet(const struct frame *f, size_t at, const char *src,
			 const char *dst, uint8_t ecn, size_t n)
{
	struct ipaddr s = wire_addr(src), d = wire_addr(dst);
	const uint8_t *h = f->b + at;
	bool v4 = h[0] >> 4 == 4;
	size_t header = v4 ? 20 : 40;

	assert_int_equal(f->n, at + header + n);
	if (v4) {
		assert_int_equal(h[0], 0x45);
		assert_int_equal(h[1], ecn);
		assert_int_equal(wire_get16(h + 2), 20 + n);
		assert_int_equal(wire_get16(h + 4), 0);
		assert_int_equal(wire_get16(h + 6), 0x4000);
		assert_int_equal(h[8], 64);
		assert_int_equal(h[9], P_TCP);
		assert_int_equal(wire_sum(h, 20, 0), 0xffff);
		assert_memory_equal(h + 12, s.b + 12, 4);
		assert_memory_equal(h + 16, d.b + 12, 4);
	} else {
		assert_int_equal(h[0], 0x60);
		assert_int_equal(h[1] >> 4, ecn);
		assert_int_equal(wire_get16(h + 4), n);
		assert_int_equal(h[6], P_TCP);
		assert_int_equal(h[7], 64);
		assert_memory_equal(h + 8, s.b, 16);
		assert_memory_equal(h + 24, d.b, 16);
	}
	assert_int_equal(wire_sum(h + header, n, wire_pseudo(h, P_TCP, n)),
			 0xffff);
	h += header;
	assert_memory_equal(h, wire_tcp(443, 1000, n), 16);
	assert_memory_equal(h + 18, wire_tcp(443, 1000, n) + 18, n - 18);
}

static void headers(void **state)
{
	static const struct {
		const char *src, *dst;
		unsigned iface;
		size_t at;
	} rows[] = {
		{ US4, HER4, IF_ETH, 14 },
		{ US6, HER6, IF_ETH, 14 },
		{ "192.0.2.1", HER4, IF_ETH, 14 },
		{ "172.16.0.1", "172.16.9.9", IF_RAW, 0 },
		{ "2001:db8:1::1", "2001:db8:1::9", IF_RAW, 0 },
	};
	const size_t n = 203;
	struct frame f;
	struct net net;

	net_open(&net);
	net_meet(&net, HER4, HER_MAC);
	net_meet(&net, HER6, HER_MAC);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t piece = 20; piece < 210; piece++) {
			struct ipaddr s = wire_addr(rows[i].src);
			struct ipaddr d = wire_addr(rows[i].dst);
			struct rte_mbuf *m = segment(&net, n, piece);

			assert_int_equal(
				ip_output(net.ip, m, &s, &d, 2, net.now), 0);
			assert_true(net_take(&net, rows[i].iface, &f));
			check_packet(&f, rows[i].at, rows[i].src, rows[i].dst,
				     2, n);
			if (!rows[i].at)
				continue;
			assert_memory_equal(f.b, HER_MAC, 6);
			assert_memory_equal(f.b + 6, US_MAC, 6);
			assert_int_equal(wire_get16(f.b + 12),
					 f.b[14] >> 4 == 4 ? 0x0800 : 0x86dd);
		}
	net_silent(&net);
	net_close(&net);
}

/* RFC 6437: one label a flow, another for another. */
static void flow_label(void **state)
{
	uint32_t label[3] = { 0 };
	struct frame f;
	struct net net;

	net_open(&net);
	for (unsigned i = 0; i < 3; i++) {
		struct ipaddr s = wire_addr("2001:db8:1::1");
		struct ipaddr d = wire_addr("2001:db8:1::9");
		struct rte_mbuf *m = segment(&net, 20, 0);

		*rte_pktmbuf_mtod(m, uint8_t *) = i == 2; /* the port */
		assert_int_equal(ip_output(net.ip, m, &s, &d, 0, net.now), 0);
		assert_true(net_take(&net, IF_RAW, &f));
		label[i] = (f.b[1] & 15u) << 16 | wire_get16(f.b + 2);
	}
	assert_int_equal(label[0], label[1]);
	assert_int_not_equal(label[0], label[2]);
	assert_int_not_equal(label[0], 0);
	net_close(&net);
}

static void offload(void **state)
{
	static const struct {
		const char *src, *dst;
		bool tso;
		uint64_t flags;
		unsigned l3;
	} rows[] = {
		{ US4, HER4, false,
		  RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM |
			  RTE_MBUF_F_TX_TCP_CKSUM,
		  20 },
		{ US4, HER4, true,
		  RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM |
			  RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_TCP_SEG,
		  20 },
		{ US6, HER6, false,
		  RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_CKSUM, 40 },
	};
	struct ip_config c = net_config(net_pool());
	struct net net;

	c.iface[IF_ETH].tx_csum = true;
	net_open_config(&net, &c);
	net_meet(&net, HER4, HER_MAC);
	net_meet(&net, HER6, HER_MAC);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ipaddr s = wire_addr(rows[i].src);
		struct ipaddr d = wire_addr(rows[i].dst);
		size_t n = rows[i].tso ? 9000 : 100;
		struct rte_mbuf *m = segment(&net, n, n == 100 ? 0 : 2000);
		const uint8_t *h;

		m->ol_flags |= RTE_MBUF_F_TX_VLAN; /* of an earlier life */
		if (rows[i].tso)
			m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
		assert_int_equal(ip_output(net.ip, m, &s, &d, 0, net.now), 0);
		assert_int_equal(m->ol_flags, rows[i].flags);
		assert_int_equal(m->l2_len, 14);
		assert_int_equal(m->l3_len, rows[i].l3);
		assert_int_equal(m->l4_len, 20);
		h = rte_pktmbuf_mtod_offset(m, const uint8_t *, 14);
		/* The pseudo header's sum, not inverted, is the port's to
		 * complete; a cut segment's length is not known yet. */
		assert_int_equal(wire_get16(h + rows[i].l3 + 16),
				 wire_pseudo(h, P_TCP, rows[i].tso ? 0 : n));
		assert_true(net_take(&net, IF_ETH, &(struct frame){ 0 }));
	}
	net_close(&net);
}

static void refused(void **state)
{
	static const struct {
		const char *what, *src, *dst;
		size_t n;
		int want;
	} rows[] = {
		{ "the largest that fits", US4, HER4, 1480, 0 },
		{ "a byte more", US4, HER4, 1481, -EMSGSIZE },
		{ "the largest that fits", US6, HER6, 1460, 0 },
		{ "a byte more", US6, HER6, 1461, -EMSGSIZE },
		{ "a larger MTU", "172.16.0.1", "172.16.1.1", 8980, 0 },
		{ "by the gateway", US4, FAR4, 100, 0 },
		{ "by the gateway", US6, FAR6, 100, 0 },
		{ "to ourselves", US4, US4, 100, -ENETUNREACH },
		{ "to our other address", US4, "172.16.0.1", 100,
		  -ENETUNREACH },
		{ "to our link-local", OUR_LL, OUR_LL, 100, -ENETUNREACH },
		{ "to the broadcast", US4, "10.0.0.255", 100, -ENETUNREACH },
		{ "to everybody", US4, "255.255.255.255", 100, -ENETUNREACH },
		{ "to a group", US4, "224.0.0.1", 100, -ENETUNREACH },
		{ "to a group", US6, "ff02::1", 100, -ENETUNREACH },
		{ "to nobody", US4, "0.0.0.0", 100, -ENETUNREACH },
		{ "to nobody", US6, "::", 100, -ENETUNREACH },
		{ "between families", US4, HER6, 100, -ENETUNREACH },
	};
	struct net net;

	net_open(&net);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("# %s\n", rows[i].what);
		assert_int_equal(
			send(&net, rows[i].src, rows[i].dst, rows[i].n),
			rows[i].want);
	}
	assert_int_equal(ip_stats(net.ip)->tx_no_route, 10);
	assert_int_equal(ip_stats(net.ip)->tx_too_big, 2);
	net_close(&net);
}

/* Where a packet goes: the first frame sent asks for the next hop. */
static void routes(void **state)
{
	static const struct {
		const char *src, *dst;
		unsigned iface;
		const char *hop; /* NULL: a raw interface needs none */
	} rows[] = {
		{ US4, HER4, IF_ETH, HER4 },
		{ US4, FAR4, IF_ETH, GW4 },
		{ US4, "10.7.3.4", IF_VLAN, "10.7.3.4" },
		{ US4, "172.16.3.4", IF_RAW, NULL },
		{ US4, "203.0.113.9", IF_VLAN, "10.7.0.9" },
		{ US4, "203.0.113.200", IF_ETH, "10.0.0.8" }, /* longer */
		{ US6, HER6, IF_ETH, HER6 },
		{ US6, FAR6, IF_ETH, GW6 },
		{ US6, "2001:db8:5::1", IF_ETH, "fe80::5" },
		{ OUR_LL, "fe80::9", IF_ETH, "fe80::9" },
		{ "fe80::ff:fe00:2", "fe80::9", IF_VLAN, "fe80::9" },
		{ US6, "2001:db8:1::7", IF_RAW, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ip_config c = net_config(net_pool());
		struct ipaddr hop;
		struct frame f;
		struct net net;
		size_t l2 = rows[i].iface == IF_VLAN ? 18 : 14;

		print_message("# %s\n", rows[i].dst);
		c.route[2] =
			(struct ip_route_config){ wire_prefix("203.0.113.0/24"),
						  wire_addr("10.7.0.9"),
						  IF_VLAN };
		c.route[3] = (struct ip_route_config){
			wire_prefix("203.0.113.128/25"), wire_addr("10.0.0.8"),
			IF_ETH
		};
		c.route[4] = (struct ip_route_config){
			wire_prefix("2001:db8:5::/48"), wire_addr("fe80::5"),
			IF_ETH
		};
		c.n_routes = 5;
		net_open_config(&net, &c);
		assert_int_equal(send(&net, rows[i].src, rows[i].dst, 50), 0);
		assert_true(net_take(&net, rows[i].iface, &f));
		net_silent(&net);
		net_close(&net);
		if (!rows[i].hop)
			continue;
		hop = wire_addr(rows[i].hop);
		if (l2 == 18) {
			assert_int_equal(wire_get16(f.b + 12), 0x8100);
			assert_int_equal(wire_get16(f.b + 14), 7);
		}
		if (wire_get16(f.b + l2 - 2) == 0x0806)
			assert_memory_equal(f.b + l2 + 24, hop.b + 12, 4);
		else
			assert_memory_equal(f.b + l2 + 48, hop.b, 16);
	}
}

static void sources(void **state)
{
	static const struct {
		const char *dst, *src;
	} rows[] = {
		{ HER4, US4 },
		{ FAR4, US4 },
		{ "10.7.1.1", "10.7.0.1" },
		{ HER6, US6 },
		{ FAR6, US6 },
		{ "fe80::9", OUR_LL },
		{ "172.16.8.8", "172.16.0.1" },
		{ "2001:db8:1::9", "2001:db8:1::1" },
		{ "2001:db8:5::1", US6 }, /* by a link-local gateway */
	};
	struct ip_config c = net_config(net_pool());
	struct ipaddr a, want;
	struct net net;

	c.route[2] = (struct ip_route_config){ wire_prefix("2001:db8:5::/48"),
					       wire_addr("fe80::5"), IF_ETH };
	c.n_routes = 3;
	net_open_config(&net, &c);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		want = wire_addr(rows[i].src);
		a = wire_addr(rows[i].dst);
		assert_int_equal(ip_source(net.ip, &a, &a), 0);
		assert_true(ipaddr_eq(&a, &want));
		assert_true(ip_is_local(net.ip, &a));
		a = wire_addr(rows[i].dst);
		assert_false(ip_is_local(net.ip, &a));
	}
	net_close(&net);

	/* The default route of one family is none for the other. */
	c.route[0] = c.route[1];
	c.n_routes = 1;
	net_open_config(&net, &c);
	a = wire_addr(FAR6);
	assert_int_equal(ip_source(net.ip, &a, &want), 0);
	a = wire_addr(FAR4);
	assert_int_equal(ip_source(net.ip, &a, &want), -ENETUNREACH);
	net_close(&net);

	c.n_routes = 0;
	net_open_config(&net, &c);
	a = wire_addr(FAR4);
	assert_int_equal(ip_source(net.ip, &a, &want), -ENETUNREACH);
	a = wire_addr(FAR6);
	assert_int_equal(ip_source(net.ip, &a, &want), -ENETUNREACH);
	net_close(&net);
}

static void full_vector(void **state)
{
	struct net net;

	net_open(&net);
	assert_int_equal(ip_tx_room(net.ip), IP_TXV);
	for (unsigned i = 0; i < IP_TXV; i++)
		assert_int_equal(send(&net, "172.16.0.1", "172.16.1.1", 20), 0);
	assert_int_equal(ip_tx_room(net.ip), 0);
	assert_int_equal(send(&net, "172.16.0.1", "172.16.1.1", 20), -ENOBUFS);
	assert_int_equal(ip_stats(net.ip)->tx_full, 1);
	assert_int_equal(ip_stats(net.ip)->tx_packets, IP_TXV);
	net_close(&net);
}

static void path_mtu(void **state)
{
	static const struct {
		const char *dst;
		uint16_t told, want;
	} rows[] = {
		{ FAR4, 1400, 1400 },	   { FAR4, 1500, 1500 }, /* no news */
		{ FAR4, 2000, 1500 }, /* never upwards */
		{ FAR4, 68, 552 },	   { FAR4, 0, 1492 }, /* RFC 1191 7.1 */
		{ FAR6, 1400, 1400 },	   { FAR6, 600, 1280 },
		{ "172.16.1.1", 0, 8166 }, { "172.16.1.1", 9000, 9000 },
	};
	struct ipaddr a, b;
	struct net net;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		net_open(&net);
		a = wire_addr(rows[i].dst);
		b = wire_addr(HER4);
		ip_mtu_learn(net.ip, &a, rows[i].told, net.now);
		assert_int_equal(ip_mtu(net.ip, &a, net.now), rows[i].want);
		assert_int_equal(ip_mtu(net.ip, &b, net.now), 1500);
		net.now += SEC(600) - 1;
		assert_int_equal(ip_mtu(net.ip, &a, net.now), rows[i].want);
		net.now++;
		assert_int_equal(ip_mtu(net.ip, &a, net.now),
				 rows[i].dst[0] == '1' && rows[i].dst[1] == '7'
					 ? 9000
					 : 1500);
		net_close(&net);
	}

	/* Told again: only downwards, and the ten minutes begin anew. */
	net_open(&net);
	a = wire_addr(FAR4);
	ip_mtu_learn(net.ip, &a, 1400, net.now);
	net.now += SEC(300);
	ip_mtu_learn(net.ip, &a, 1450, net.now);
	assert_int_equal(ip_mtu(net.ip, &a, net.now), 1400);
	ip_mtu_learn(net.ip, &a, 0, net.now);
	assert_int_equal(ip_mtu(net.ip, &a, net.now), 1280);
	net.now += SEC(599);
	assert_int_equal(ip_mtu(net.ip, &a, net.now), 1280);
	net_close(&net);

	/* A stranger's thousand destinations: bounded, and still right. */
	net_open(&net);
	for (unsigned i = 0; i < 1000; i++) {
		a = wire_addr(FAR4);
		a.b[13] = (uint8_t)(i >> 8);
		a.b[14] = (uint8_t)i;
		ip_mtu_learn(net.ip, &a, (uint16_t)(600 + i % 800), net.now);
		assert_int_equal(ip_mtu(net.ip, &a, net.now), 600 + i % 800);
	}
	net_close(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),     cmocka_unit_test(flow_label),
		cmocka_unit_test(offload),     cmocka_unit_test(refused),
		cmocka_unit_test(routes),      cmocka_unit_test(sources),
		cmocka_unit_test(full_vector), cmocka_unit_test(path_mtu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
