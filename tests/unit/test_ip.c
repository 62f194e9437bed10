/* SPDX-License-Identifier: BSD-3-Clause */
/* test_ip.c - what comes in is judged, what goes out is whole. */
#include "wire.h"

/* --- in: one byte of a good segment changed ------------------------------- */

struct patch {
	const char *what;
	size_t at;
	uint8_t value;
	bool resum; /* with checksums that fit again */
	enum ip_verdict want;
	unsigned sent; /* packets sent in answer */
};

static void run_patches(const struct patch *rows, size_t n, const char *src,
			const char *dst, size_t header)
{
	struct frame good, f;
	struct net net;

	frame_to_us(&good, src, dst, P_TCP, wire_tcp(1000, 443, 40), 40);
	for (size_t i = 0; i < n; i++) {
		const struct patch *r = &rows[i];

		print_message("# %s\n", r->what);
		net_open(&net);
		net_meet(&net, HER4, HER_MAC);
		net_meet(&net, HER6, HER_MAC);
		f = good;
		f.b[r->at] = r->value;
		if (r->resum)
			frame_resum(&f, 14, header,
				    f.b[14 + (header == 20 ? 9 : 6)]);
		assert_int_equal(net_feed(&net, IF_ETH, &f), r->want);
		assert_int_equal(ip_stats(net.ip)->verdicts[r->want],
				 1 + 4 * (r->want == IP_SHARED));
		assert_int_equal(ip_txv(net.ip, IF_ETH)->n, r->sent);
		net_close(&net);
	}
}

static void patched4(void **state)
{
	static const struct patch rows[] = {
		{ "untouched", 0, 0x02, 0, IP_TCP, 0 },
		{ "frame to another port", 5, 9, 0, IP_DROP_NOT_OURS, 0 },
		{ "frame to a group", 0, 3, 0, IP_DROP_NOT_OURS, 0 },
		{ "frame from a group", 6, 3, 0, IP_DROP_SOURCE, 0 },
		{ "frame from ourselves", 11, 1, 0, IP_DROP_SOURCE, 0 },
		{ "unknown type", 12, 9, 0, IP_DROP_PROTOCOL, 0 },
		{ "version 5", 14, 0x55, 1, IP_DROP_HEADER, 0 },
		{ "header of 16 bytes", 14, 0x44, 1, IP_DROP_HEADER, 0 },
		{ "more than there is", 17, 61, 1, IP_DROP_SHORT, 0 },
		{ "less than the header", 17, 19, 1, IP_DROP_SHORT, 0 },
		{ "TTL 0", 22, 0, 1, IP_TCP, 0 },
		{ "bad header sum", 24, 1, 0, IP_DROP_CHECKSUM, 0 },
		{ "bad TCP sum", 50, 1, 0, IP_DROP_CHECKSUM, 0 },
		{ "bad payload", 73, 1, 0, IP_DROP_CHECKSUM, 0 },
		{ "from 0/8", 26, 0, 1, IP_DROP_SOURCE, 0 },
		{ "from 127/8", 26, 127, 1, IP_DROP_SOURCE, 0 },
		{ "from 224/4", 26, 224, 1, IP_DROP_SOURCE, 0 },
		{ "from 240/4", 26, 240, 1, IP_DROP_SOURCE, 0 },
		{ "from the broadcast", 29, 255, 1, IP_DROP_SOURCE, 0 },
		{ "from ourselves (land)", 29, 1, 1, IP_DROP_SOURCE, 0 },
		{ "to a neighbour", 33, 9, 1, IP_DROP_NOT_OURS, 0 },
		{ "to the broadcast", 33, 255, 1, IP_DROP_NOT_OURS, 0 },
		{ "to 224.0.0.1", 30, 224, 1, IP_DROP_NOT_OURS, 0 },
		{ "UDP", 23, P_UDP, 1, IP_DROP_PROTOCOL, 1 },
		{ "ESP", 23, 50, 1, IP_DROP_PROTOCOL, 1 },
		{ "ICMPv6 in IPv4", 23, P_ICMP6, 1, IP_DROP_PROTOCOL, 1 },
	};

	run_patches(rows, ARRAY_LEN(rows), HER4, US4, 20);
}

static void patched6(void **state)
{
	static const struct patch rows[] = {
		{ "untouched", 0, 0x02, 0, IP_TCP, 0 },
		{ "frame to a group", 0, 0x33, 0, IP_DROP_NOT_OURS, 0 },
		{ "version 5", 14, 0x50, 1, IP_DROP_HEADER, 0 },
		{ "more than there is", 19, 41, 1, IP_DROP_SHORT, 0 },
		{ "a length of 0", 19, 0, 0, IP_DROP_SHORT, 0 },
		{ "hop limit 0", 21, 0, 0, IP_TCP, 0 },
		{ "bad TCP sum", 70, 1, 0, IP_DROP_CHECKSUM, 0 },
		{ "bad address", 30, 1, 0, IP_DROP_CHECKSUM, 0 },
		{ "from a group", 22, 0xff, 1, IP_DROP_SOURCE, 0 },
		{ "from ourselves (land)", 37, 1, 1, IP_DROP_SOURCE, 0 },
		{ "to a neighbour", 53, 9, 1, IP_DROP_NOT_OURS, 0 },
		{ "to a group", 38, 0xff, 1, IP_DROP_NOT_OURS, 0 },
		{ "UDP", 20, P_UDP, 1, IP_DROP_PROTOCOL, 1 },
		{ "unknown", 20, 99, 1, IP_DROP_PROTOCOL, 1 },
		{ "ICMPv4 in IPv6", 20, P_ICMP, 1, IP_DROP_PROTOCOL, 1 },
		{ "nothing next", 20, 59, 1, IP_DROP_PROTOCOL, 0 },
	};

	run_patches(rows, ARRAY_LEN(rows), HER6, US6, 40);
}

/* Addresses that must not stand in an IPv6 header. */
static void addresses6(void **state)
{
	static const struct {
		const char *src, *dst;
		enum ip_verdict want;
	} rows[] = {
		{ HER6, US6, IP_TCP },
		{ "fe80::2", OUR_LL, IP_TCP },
		{ "fe80::2", US6, IP_TCP },
		{ HER6, "2001:db8:1::1", IP_TCP }, /* our other interface's */
		{ HER6, "fe80::ff:fe00:2", IP_DROP_NOT_OURS }, /* its link */
		{ "::", US6, IP_DROP_SOURCE },
		{ "::1", US6, IP_DROP_SOURCE },
		{ "::10.0.0.2", US6, IP_DROP_SOURCE },
		{ "2001:db8:1::1", US6, IP_DROP_SOURCE },
		{ HER6, "ff02::1", IP_DROP_NOT_OURS },
		{ HER6, "ff02::1:ff00:1", IP_DROP_NOT_OURS },
	};
	struct frame f;
	struct net net;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		net_open(&net);
		frame_to_us(&f, rows[i].src, rows[i].dst, P_TCP,
			    wire_tcp(1, 2, 20), 20);
		assert_int_equal(net_feed(&net, IF_ETH, &f), rows[i].want);
		/* ::ffff:10.0.0.1 is how we write 10.0.0.1: not in here. */
		memcpy(f.b + 14 + 24, wire_addr(US4).b, 16);
		frame_resum(&f, 14, 40, P_TCP);
		assert_int_equal(net_feed(&net, IF_ETH, &f), IP_DROP_NOT_OURS);
		frame_to_us(&f, HER6, US6, P_TCP, wire_tcp(1, 2, 20), 20);
		memcpy(f.b + 14 + 8, wire_addr(HER4).b, 16);
		frame_resum(&f, 14, 40, P_TCP);
		assert_int_equal(net_feed(&net, IF_ETH, &f), IP_DROP_SOURCE);
		net_silent(&net);
		net_close(&net);
	}
}

static void segment(void **state)
{
	static const struct {
		const char *src, *dst;
		unsigned iface;
	} rows[] = {
		{ HER4, US4, IF_ETH },
		{ FAR4, "192.0.2.1", IF_ETH },
		{ HER6, US6, IF_ETH },
		{ "172.16.5.5", "172.16.0.1", IF_RAW },
		{ "2001:db8:1::9", "2001:db8:1::1", IF_RAW },
	};
	const size_t n = 333;
	struct frame f;
	struct net net;

	net_open(&net);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t piece = 0; piece < 200; piece++) {
			struct ip_seg *s = &net.in.seg;
			struct ipaddr src = wire_addr(rows[i].src);
			struct ipaddr dst = wire_addr(rows[i].dst);
			uint8_t got[333];
			const void *p;
			size_t ip;

			f.n = 0;
			if (rows[i].iface == IF_ETH)
				frame_eth(&f, US_MAC, GW_MAC,
					  strchr(rows[i].src, ':') ? 0x86dd
								   : 0x0800);
			ip = f.n;
			frame_ip(&f, rows[i].src, rows[i].dst, P_TCP,
				 wire_tcp(1, 2, n), n);
			/* CE, and padding behind the packet. */
			f.b[ip + 1] |= f.b[ip] >> 4 == 4 ? 3 : 0x30;
			frame_resum(&f, ip, f.n - ip - n, P_TCP);
			frame_add(&f, "padding", 7);
			assert_int_equal(
				net_input_pkt(&net, rows[i].iface,
					      net_packet(&net, &f, piece)),
				IP_TCP);
			assert_true(ipaddr_eq(&s->src, &src));
			assert_true(ipaddr_eq(&s->dst, &dst));
			assert_int_equal(s->iface, rows[i].iface);
			assert_int_equal(s->ecn, 3);
			assert_int_equal(s->m->pkt_len, n);
			assert_true(s->m->data_len >= 60);
			assert_int_equal(
				rte_mbuf_check(s->m, 1, &(const char *){ 0 }),
				0);
			p = rte_pktmbuf_read(s->m, 0, n, got);
			assert_memory_equal(p, f.b + f.n - 7 - n, n);
			rte_pktmbuf_free(s->m);
		}
	net_silent(&net);
	net_close(&net);
}

/* Cut anywhere, a packet is refused and nothing is read behind its end (which
 * a sanitizer sees, since the rest of the buffer is poisoned here). */
static void truncated(void **state)
{
	static const char *const rows[][2] = { { HER4, US4 }, { HER6, US6 } };
	struct frame f, cut;
	struct net net;

	net_open(&net);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		frame_to_us(&f, rows[i][0], rows[i][1], P_TCP,
			    wire_tcp(1, 2, 30), 30);
		for (size_t n = 1; n < f.n; n++) {
			struct rte_mbuf *m;
			uint8_t *end;

			cut = f;
			cut.n = n;
			m = net_packet(&net, &cut, 0);
			end = rte_pktmbuf_mtod(m, uint8_t *) + n;
			memset(end, 0xa5, 64);
			mem_poison(end, 64);
			assert_int_equal(net_input_pkt(&net, IF_ETH, m),
					 IP_DROP_SHORT);
			mem_unpoison(end, 64);
		}
	}
	net_silent(&net);
	net_close(&net);
}

static void options4(void **state)
{
	static const struct {
		const char *what;
		uint8_t o[40];
		unsigned n;
		enum ip_verdict want;
	} rows[] = {
		{ "padding", { 1, 1, 1, 1 }, 4, IP_TCP },
		{ "the end, then rubbish", { 0, 131, 99, 7 }, 4, IP_TCP },
		{ "router alert", { 148, 4, 0, 0 }, 4, IP_TCP },
		{ "record route", { 7, 7, 4, 0, 0, 0, 0, 0 }, 8, IP_TCP },
		{ "all forty", { [39] = 0 }, 40, IP_TCP },
		{ "loose source route", { 131, 3, 4, 0 }, 4, IP_DROP_HEADER },
		{ "strict source route", { 137, 3, 4, 0 }, 4, IP_DROP_HEADER },
		{ "hidden source route", { 1, 131, 3, 4 }, 4, IP_DROP_HEADER },
		{ "length 0", { 148, 0, 0, 0 }, 4, IP_DROP_HEADER },
		{ "length 1", { 148, 1, 0, 0 }, 4, IP_DROP_HEADER },
		{ "too long", { 148, 5, 0, 0 }, 4, IP_DROP_HEADER },
		{ "no length", { 1, 1, 1, 148 }, 4, IP_DROP_HEADER },
	};
	struct frame f;
	struct net net;

	net_open(&net);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t p[80];
		unsigned n = rows[i].n;

		print_message("# %s\n", rows[i].what);
		memcpy(p, rows[i].o, n);
		memcpy(p + n, wire_tcp(1, 2, 40), 40);
		frame_to_us(&f, HER4, US4, 0, p, n + 40);
		f.b[23] = P_TCP;
		f.b[14] = (uint8_t)(0x45 + n / 4);
		frame_resum(&f, 14, 20 + n, P_TCP);
		assert_int_equal(net_feed(&net, IF_ETH, &f), rows[i].want);
	}
	net_silent(&net);
	net_close(&net);
}

static const struct {
	const char *what;
	uint8_t first; /* next header of the IPv6 header */
	uint8_t h[80];
	unsigned n;
	enum ip_verdict want;
} extension_rows[] = {
	{ "hop-by-hop", 0, { 6, 0, 1, 4 }, 8, IP_TCP },
	{ "destination options", 60, { 6, 0, 1, 4 }, 8, IP_TCP },
	{ "both", 0, { 60, 0, 1, 4, [8] = 6, 0, 1, 4 }, 16, IP_TCP },
	{ "hop-by-hop second",
	  60,
	  { 0, 0, 1, 4, [8] = 6, 0, 1, 4 },
	  16,
	  IP_DROP_HEADER },
	{ "six times Pad1", 0, { 6 }, 8, IP_TCP },
	{ "router alert", 0, { 6, 0, 5, 2, 0, 0, 1, 0 }, 8, IP_TCP },
	{ "unknown, skip", 60, { 6, 0, 0x3e, 4 }, 8, IP_TCP },
	{ "unknown, drop", 60, { 6, 0, 0x7e, 4 }, 8, IP_DROP_HEADER },
	{ "unknown, tell", 60, { 6, 0, 0xbe, 4 }, 8, IP_DROP_HEADER },
	{ "jumbo", 0, { 6, 0, 0xc2, 4, 0, 1 }, 8, IP_DROP_HEADER },
	{ "option too long", 60, { 6, 0, 1, 5 }, 8, IP_DROP_HEADER },
	{ "option cut", 60, { 6, 0, 1, 3, 0, 0, 0, 1 }, 8, IP_DROP_HEADER },
	{ "padding that hides", 60, { 6, 0, 1, 4, 0, 9 }, 8, IP_DROP_HEADER },
	{ "too much padding", 60, { 6, 1, 1, 12 }, 16, IP_DROP_HEADER },
	{ "routing type 0", 43, { 6, 0, 0, 0 }, 8, IP_DROP_HEADER },
	{ "routing done", 43, { 6, 0, 2, 0 }, 8, IP_TCP },
	{ "routing not done", 43, { 6, 0, 2, 1 }, 8, IP_DROP_HEADER },
	{ "header longer than all", 60, { 6, 99 }, 8, IP_DROP_SHORT },
	{ "atomic fragment", 44, { 6 }, 8, IP_TCP },
	{ "fragment header twice", 44, { 44, [8] = 6 }, 16, IP_DROP_FRAGMENT },
	{ "authentication", 51, { 6, 1 }, 16, IP_DROP_PROTOCOL },
	{ "eight",
	  60,
	  { 60,	       0, 1, 4, [8] = 60,  0, 1, 4, [16] = 60, 0, 1, 4,
	    [24] = 60, 0, 1, 4, [32] = 60, 0, 1, 4, [40] = 60, 0, 1, 4,
	    [48] = 60, 0, 1, 4, [56] = 6,  0, 1, 4 },
	  64,
	  IP_TCP },
	{ "nine",
	  60,
	  { 60,	       0, 1, 4, [8] = 60,  0, 1, 4, [16] = 60, 0, 1, 4,
	    [24] = 60, 0, 1, 4, [32] = 60, 0, 1, 4, [40] = 60, 0, 1, 4,
	    [48] = 60, 0, 1, 4, [56] = 60, 0, 1, 4, [64] = 6,  0, 1, 4 },
	  72,
	  IP_DROP_HEADER },
};

static void extensions6(void **state)
{
	struct frame f;
	struct net net;

	net_open(&net);
	for (size_t i = 0; i < ARRAY_LEN(extension_rows); i++) {
		unsigned n = extension_rows[i].n;
		uint8_t p[160];

		print_message("# %s\n", extension_rows[i].what);
		memcpy(p, extension_rows[i].h, n);
		memcpy(p + n, wire_tcp(1, 2, 70), 70);
		frame_to_us(&f, HER6, US6, 0, p, n + 70);
		f.b[20] = extension_rows[i].first;
		frame_resum(&f, 14, 40 + n, P_TCP);
		assert_int_equal(net_feed(&net, IF_ETH, &f),
				 extension_rows[i].want);
		/* In small pieces nothing changes. */
		assert_int_equal(
			net_input_pkt(&net, IF_ETH, net_packet(&net, &f, 3)),
			extension_rows[i].want);
		if (extension_rows[i].want == IP_TCP) {
			assert_int_equal(net.in.seg.m->pkt_len, 70);
			rte_pktmbuf_free(net.in.seg.m);
		}
	}
	net_close(&net);
}

static void vlans(void **state)
{
	static const struct {
		const char *what;
		unsigned iface;
		int tag; /* in the frame, -1 none */
		int stripped; /* by the port, -1 none */
		enum ip_verdict want;
	} rows[] = {
		{ "none", IF_ETH, -1, -1, IP_TCP },
		{ "priority only", IF_ETH, 0xe000, -1, IP_TCP },
		{ "a VLAN", IF_ETH, 7, -1, IP_DROP_VLAN },
		{ "a VLAN, stripped", IF_ETH, -1, 7, IP_DROP_VLAN },
		{ "priority, stripped", IF_ETH, -1, 0xe000, IP_TCP },
		{ "none on a VLAN's", IF_VLAN, -1, -1, IP_DROP_VLAN },
		{ "ours", IF_VLAN, 7, -1, IP_TCP },
		{ "ours, with priority", IF_VLAN, 0xe007, -1, IP_TCP },
		{ "ours, stripped", IF_VLAN, -1, 7, IP_TCP },
		{ "another", IF_VLAN, 8, -1, IP_DROP_VLAN },
		{ "two tags", IF_VLAN, 7, 7, IP_DROP_VLAN },
	};
	struct frame f;
	struct net net;

	net_open(&net);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rte_mbuf *m;

		print_message("# %s\n", rows[i].what);
		frame_eth(&f, US_MAC, HER_MAC, 0x0800);
		f.b[5] = rows[i].iface == IF_VLAN ? 2 : 1;
		if (rows[i].tag >= 0) {
			wire_put16(f.b + 12, 0x8100);
			wire_put16(f.b + 14, (unsigned)rows[i].tag);
			wire_put16(f.b + 16, 0x0800);
			f.n = 18;
		}
		frame_ip(&f, HER4, US4, P_TCP, wire_tcp(1, 2, 20), 20);
		m = net_packet(&net, &f, 0);
		if (rows[i].stripped >= 0) {
			m->ol_flags |= RTE_MBUF_F_RX_VLAN |
				       RTE_MBUF_F_RX_VLAN_STRIPPED;
			m->vlan_tci = (uint16_t)rows[i].stripped;
		}
		assert_int_equal(net_input_pkt(&net, rows[i].iface, m),
				 rows[i].want);
		if (rows[i].want == IP_TCP)
			rte_pktmbuf_free(net.in.seg.m);
	}
	net_close(&net);
}

/* A port's word counts only when the interface says so and it says "good". */
static void port_checksums(void **state)
{
	static const struct {
		bool trusted;
		uint64_t flags;
		bool bad_ip, bad_tcp;
		enum ip_verdict want;
	} rows[] = {
		{ true,
		  RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD,
		  true, true, IP_TCP },
		{ false,
		  RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD,
		  true, false, IP_DROP_CHECKSUM },
		{ false,
		  RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD,
		  false, true, IP_DROP_CHECKSUM },
		{ true, RTE_MBUF_F_RX_IP_CKSUM_GOOD, false, true,
		  IP_DROP_CHECKSUM },
		{ true,
		  RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_NONE,
		  false, true, IP_DROP_CHECKSUM },
		{ true, RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_BAD,
		  false, false, IP_TCP }, /* looked at again */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ip_config c = net_config(net_pool());
		struct rte_mbuf *m;
		struct frame f;
		struct net net;

		c.iface[IF_ETH].rx_csum = rows[i].trusted;
		net_open_config(&net, &c);
		frame_to_us(&f, HER4, US4, P_TCP, wire_tcp(1, 2, 20), 20);
		f.b[24] ^= rows[i].bad_ip;
		f.b[50] ^= rows[i].bad_tcp;
		m = net_packet(&net, &f, 0);
		m->ol_flags |= rows[i].flags;
		assert_int_equal(net_input_pkt(&net, IF_ETH, m), rows[i].want);
		if (rows[i].want == IP_TCP)
			rte_pktmbuf_free(net.in.seg.m);
		net_close(&net);
	}
}

static void configurations(void **state)
{
	static const struct {
		const char *what, *word;
	} rows[] = {
		{ "good", NULL },
		{ "no interface", "interfaces" },
		{ "small MTU", "MTU" },
		{ "VLAN 4095", "VLAN" },
		{ "group MAC", "Ethernet address" },
		{ "address 0.0.0.0", "one host's" },
		{ "group address", "one host's" },
		{ "IPv4 /0 in 128 bits", "prefix length" },
		{ "route nowhere", "no interface" },
		{ "gateway far away", "not on" },
		{ "gateway is us", "not on" },
		{ "gateway of the other family", "family" },
		{ "link-local gateway", NULL },
		{ "too many routes", "too many" },
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct ip_config c = net_config(net_pool());
		const char *why;

		print_message("# %s\n", rows[i].what);
		switch (i) {
		case 1:
			c.n_ifaces = 0;
			break;
		case 2:
			c.iface[0].mtu = 1279;
			break;
		case 3:
			c.iface[0].vlan = 4095;
			break;
		case 4:
			c.iface[0].mac[0] = 1;
			break;
		case 5:
			c.iface[0].addrs[0] = wire_prefix("0.0.0.0/8");
			break;
		case 6:
			c.iface[0].addrs[0] = wire_prefix("ff02::1/64");
			break;
		case 7:
			c.iface[0].addrs[0].len = 24;
			break;
		case 8:
			c.route[0].iface = 3;
			break;
		case 9:
			c.route[0].gateway = wire_addr("10.0.1.254");
			break;
		case 10:
			c.route[0].gateway = wire_addr(US4);
			break;
		case 11:
			c.route[1].gateway = wire_addr(GW4);
			break;
		case 12:
			c.route[1].gateway = wire_addr("fe80::fe");
			break;
		case 13:
			c.n_routes = IP_ROUTES + 1;
			break;
		default:
			break;
		}
		why = ip_config_error(&c);
		if (!rows[i].word) {
			assert_null(why);
			continue;
		}
		assert_non_null(why);
		assert_non_null(strstr(why, rows[i].word));
		assert_null(ip_new(&c, 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patched4),
		cmocka_unit_test(patched6),
		cmocka_unit_test(addresses6),
		cmocka_unit_test(segment),
		cmocka_unit_test(truncated),
		cmocka_unit_test(options4),
		cmocka_unit_test(extensions6),
		cmocka_unit_test(vlans),
		cmocka_unit_test(port_checksums),
		cmocka_unit_test(configurations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
