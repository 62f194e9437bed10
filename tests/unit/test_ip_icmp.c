/* SPDX-License-Identifier: BSD-3-Clause */
/* test_ip_icmp.c - pings, what routers say, and what is called unreachable. */
#include "wire.h"

static void ping(struct frame *f, const char *src, const char *dst, size_t n)
{
	bool v4 = !strchr(src, ':');
	uint8_t p[10000];

	memcpy(p, wire_bytes(), n);
	p[0] = v4 ? 8 : 128;
	p[1] = 0;
	frame_to_us(f, src, dst, v4 ? P_ICMP : P_ICMP6, p, n);
}

static void echo(void **state)
{
	static const struct {
		const char *src, *dst;
		size_t n;
		unsigned sent;
		enum ip_verdict want;
	} rows[] = {
		{ HER4, US4, 8, 1, IP_ECHO },
		{ HER4, US4, 64, 1, IP_ECHO },
		{ HER4, US4, 1480, 1, IP_ECHO },
		{ HER4, US4, 1481, 0, IP_DROP_ICMP }, /* never in fragments */
		{ HER4, "192.0.2.1", 64, 1, IP_ECHO },
		{ HER4, US4, 7, 0, IP_DROP_SHORT },
		{ HER4, US4, 0, 0, IP_DROP_SHORT },
		{ HER4, "10.0.0.255", 64, 0, IP_DROP_NOT_OURS },
		{ HER4, "224.0.0.1", 64, 0, IP_DROP_NOT_OURS },
		{ HER6, US6, 64, 1, IP_ECHO },
		{ HER6, US6, 1460, 1, IP_ECHO },
		{ HER6, "ff02::1", 64, 0, IP_DROP_ICMP },
		{ "::", "ff02::1", 64, 0, IP_DROP_SOURCE },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t piece = 0; piece < 100; piece += 33) {
			struct frame f, out;
			struct net net;
			size_t at = strchr(rows[i].src, ':') ? 54 : 34;

			net_open(&net);
			net_meet(&net, HER4, HER_MAC);
			net_meet(&net, HER6, HER_MAC);
			ping(&f, rows[i].src, rows[i].dst, rows[i].n);
			assert_int_equal(
				net_input_pkt(&net, IF_ETH,
					      net_packet(&net, &f, piece)),
				rows[i].want);
			assert_int_equal(ip_txv(net.ip, IF_ETH)->n,
					 rows[i].sent);
			if (!rows[i].sent) {
				net_close(&net);
				continue;
			}
			net_take(&net, IF_ETH, &out);
			assert_int_equal(out.n, f.n);
			assert_memory_equal(out.b, HER_MAC, 6);
			assert_int_equal(out.b[at], at == 34 ? 0 : 129);
			assert_memory_equal(out.b + at + 4, f.b + at + 4,
					    f.n - at - 4);
			/* Source and destination change places. */
			if (at == 34) {
				assert_memory_equal(out.b + 26, f.b + 30, 4);
				assert_memory_equal(out.b + 30, f.b + 26, 4);
				assert_int_equal(wire_sum(out.b + 14, 20, 0),
						 0xffff);
			} else {
				assert_memory_equal(out.b + 22, f.b + 38, 16);
				assert_memory_equal(out.b + 38, f.b + 22, 16);
			}
			assert_int_equal(
				wire_sum(out.b + at, out.n - at,
					 at == 34 ? 0
						  : wire_pseudo(out.b + 14,
								P_ICMP6,
								out.n - at)),
				0xffff);
			net_close(&net);
		}
}

/* Nothing but zeros comes back, and a checksum of 0 would be wrong. */
static void echo_of_zeros(void **state)
{
	static const uint8_t request[9] = { 8 };
	struct frame f, out;
	struct net net;

	net_open(&net);
	net_meet(&net, HER4, HER_MAC);
	frame_to_us(&f, HER4, US4, P_ICMP, request, sizeof(request));
	assert_int_equal(net_input_pkt(&net, IF_ETH, net_packet(&net, &f, 0)),
			 IP_ECHO);
	net_take(&net, IF_ETH, &out);
	assert_int_equal(wire_sum(out.b + 34, out.n - 34, 0), 0xffff);
	net_close(&net);
}

/* A buffer that others see too, or without room in front, is left alone. */
static void echo_of_a_clone(void **state)
{
	struct rte_mbuf *m, *clone;
	struct frame f, out;
	struct net net;

	net_open(&net);
	net_meet(&net, HER4, HER_MAC);
	ping(&f, HER4, US4, 64);
	m = net_packet(&net, &f, 0);
	clone = rte_pktmbuf_clone(m, net.pool);
	assert_non_null(clone);
	assert_int_equal(net_input_pkt(&net, IF_ETH, clone), IP_ECHO);
	assert_int_equal(m->pkt_len, f.n);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), f.b, f.n);
	assert_true(net_take(&net, IF_ETH, &out));
	assert_memory_equal(out.b + 42, f.b + 42, f.n - 42);
	rte_pktmbuf_free(m);
	net_close(&net);
}

/* The rate's burst passes at once, then one each 1/rate second. */
static void rates(void **state)
{
	unsigned answered = 0;
	struct frame f;
	struct net net;

	net_open(&net);
	net_meet(&net, HER4, HER_MAC);
	for (unsigned i = 0; i < 3 * IP_ECHO_RATE; i++) {
		ping(&f, HER4, US4, 8);
		answered += net_feed(&net, IF_ETH, &f) == IP_ECHO;
		net_take(&net, IF_ETH, &f);
	}
	assert_int_equal(answered, IP_ECHO_RATE);
	assert_int_equal(ip_stats(net.ip)->verdicts[IP_DROP_RATE],
			 2 * IP_ECHO_RATE);
	for (unsigned ms = 0; ms < 500; ms++) {
		net.now += MSEC(1);
		for (unsigned i = 0; i < 5; i++) {
			ping(&f, HER4, US4, 8);
			answered += net_feed(&net, IF_ETH, &f) == IP_ECHO;
			net_take(&net, IF_ETH, &f);
		}
	}
	assert_int_equal(answered, IP_ECHO_RATE + IP_ECHO_RATE / 2);

	answered = 0;
	for (unsigned i = 0; i < 1000; i++) {
		frame_to_us(&f, HER4, US4, P_UDP, wire_bytes(), 30);
		net_feed(&net, IF_ETH, &f);
		answered += net_take(&net, IF_ETH, &f);
	}
	assert_int_equal(answered, IP_ERROR_RATE);
	net_close(&net);
}

static void unreachable(void **state)
{
	static const struct {
		const char *src, *dst;
		uint8_t protocol;
		size_t n;
		uint8_t type, code;
		uint32_t pointer;
		size_t quoted; /* of the packet, its header included */
	} rows[] = {
		{ HER4, US4, P_UDP, 100, 3, 3, 0, 28 },
		{ HER4, US4, P_UDP, 8, 3, 3, 0, 28 },
		{ HER4, US4, P_UDP, 3, 3, 3, 0, 23 },
		{ HER4, US4, 132, 100, 3, 2, 0, 28 },
		{ HER6, US6, P_UDP, 100, 1, 4, 0, 140 },
		{ HER6, US6, P_UDP, 1400, 1, 4, 0, 1232 },
		{ HER6, US6, 132, 100, 4, 1, 6, 140 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool v4 = !strchr(rows[i].src, ':');
		size_t at = v4 ? 34 : 54;
		struct frame f, out;
		struct net net;

		net_open(&net);
		net_meet(&net, HER4, HER_MAC);
		net_meet(&net, HER6, HER_MAC);
		frame_to_us(&f, rows[i].src, rows[i].dst, rows[i].protocol,
			    wire_bytes(), rows[i].n);
		assert_int_equal(net_feed(&net, IF_ETH, &f), IP_DROP_PROTOCOL);
		assert_true(net_take(&net, IF_ETH, &out));
		assert_int_equal(out.n, at + 8 + rows[i].quoted);
		assert_true(out.n <= f.n + 48);
		assert_int_equal(out.b[at], rows[i].type);
		assert_int_equal(out.b[at + 1], rows[i].code);
		assert_int_equal(wire_get16(out.b + at + 6), rows[i].pointer);
		assert_memory_equal(out.b + at + 8, f.b + 14, rows[i].quoted);
		assert_int_equal(wire_sum(out.b + at, out.n - at,
					  v4 ? 0
					     : wire_pseudo(out.b + 14, P_ICMP6,
							   out.n - at)),
				 0xffff);
		net_silent(&net);
		net_close(&net);
	}
}

/* RFC 4443 3.4: the pointer leads to the header that names the unknown. */
static void unknown_behind_extension(void **state)
{
	uint8_t p[40] = { 132, 0, 1, 4 };
	struct frame f, out;
	struct net net;

	net_open(&net);
	net_meet(&net, HER6, HER_MAC);
	frame_to_us(&f, HER6, US6, 60, p, sizeof(p));
	assert_int_equal(net_feed(&net, IF_ETH, &f), IP_DROP_PROTOCOL);
	assert_true(net_take(&net, IF_ETH, &out));
	assert_int_equal(out.b[54], 4);
	assert_int_equal(out.b[55], 1);
	assert_int_equal(wire_get16(out.b + 60), 40);
	assert_memory_equal(out.b + 62, f.b + 14, 80);
	net_close(&net);
}

/* --- errors about segments of ours ------------------------------------------
 */

/* An ICMP message that quotes a segment from -> to. */
static void error_about(struct frame *f, const char *src, const char *dst,
			uint8_t type, uint8_t code, uint32_t word,
			const char *from, const char *to, size_t quoted)
{
	bool v4 = !strchr(src, ':');
	static struct frame q;
	uint8_t p[2000] = { type, code };

	q.n = 0;
	frame_ip(&q, from, to, P_TCP, wire_tcp(443, 5000, 100), 100);
	wire_put16(p + 4, word >> 16);
	wire_put16(p + 6, word & 0xffff);
	memcpy(p + 8, q.b, quoted);
	frame_to_us(f, src, dst, v4 ? P_ICMP : P_ICMP6, p, 8 + quoted);
}

static void errors(void **state)
{
	static const struct {
		const char *what, *src, *dst;
		uint8_t type, code;
		uint32_t word;
		const char *from, *to;
		size_t quoted;
		enum ip_verdict want;
		bool too_big, hard;
		uint16_t mtu;
	} rows[] = {
#define V4 GW4, US4
#define V6 GW6, US6
#define Q4 US4, FAR4, 28
#define Q6 US6, FAR6, 148
		{ "net", V4, 3, 0, 0, Q4, IP_ICMP_ERROR, 0, 0, 0 },
		{ "host", V4, 3, 1, 0, Q4, IP_ICMP_ERROR, 0, 0, 0 },
		{ "protocol", V4, 3, 2, 0, Q4, IP_ICMP_ERROR, 0, 1, 0 },
		{ "port", V4, 3, 3, 0, Q4, IP_ICMP_ERROR, 0, 1, 0 },
		{ "too big", V4, 3, 4, 1400, Q4, IP_ICMP_ERROR, 1, 0, 1400 },
		{ "too big, mute", V4, 3, 4, 0, Q4, IP_ICMP_ERROR, 1, 0, 0 },
		{ "source route", V4, 3, 5, 0, Q4, IP_ICMP_ERROR, 0, 0, 0 },
		{ "prohibited", V4, 3, 13, 0, Q4, IP_ICMP_ERROR, 0, 1, 0 },
		{ "no such code", V4, 3, 16, 0, Q4, IP_DROP_ICMP, 0, 0, 0 },
		{ "time exceeded", V4, 11, 0, 0, Q4, IP_ICMP_ERROR, 0, 0, 0 },
		{ "parameter", V4, 12, 0, 0, Q4, IP_ICMP_ERROR, 0, 0, 0 },
		{ "source quench", V4, 4, 0, 0, Q4, IP_DROP_ICMP, 0, 0, 0 },
		{ "redirect", V4, 5, 1, 0, Q4, IP_DROP_ICMP, 0, 0, 0 },
		{ "echo reply", V4, 0, 0, 0, Q4, IP_DROP_ICMP, 0, 0, 0 },
		{ "time stamp", V4, 13, 0, 0, Q4, IP_DROP_ICMP, 0, 0, 0 },
		{ "quote too short", V4, 3, 3, 0, US4, FAR4, 27, IP_DROP_ICMP,
		  0, 0, 0 },
		{ "no quote", V4, 3, 3, 0, US4, FAR4, 0, IP_DROP_ICMP, 0, 0,
		  0 },
		{ "not our segment", V4, 3, 3, 0, HER4, FAR4, 28, IP_DROP_ICMP,
		  0, 0, 0 },
		{ "our other address", V4, 3, 3, 0, "192.0.2.1", FAR4, 28,
		  IP_DROP_ICMP, 0, 0, 0 },
		{ "route", V6, 1, 0, 0, Q6, IP_ICMP_ERROR, 0, 0, 0 },
		{ "prohibited", V6, 1, 1, 0, Q6, IP_ICMP_ERROR, 0, 1, 0 },
		{ "address", V6, 1, 3, 0, Q6, IP_ICMP_ERROR, 0, 0, 0 },
		{ "port", V6, 1, 4, 0, Q6, IP_ICMP_ERROR, 0, 1, 0 },
		{ "too big", V6, 2, 0, 1400, Q6, IP_ICMP_ERROR, 1, 0, 1400 },
		{ "too big to 68", V6, 2, 0, 68, Q6, IP_ICMP_ERROR, 1, 0,
		  1280 },
		{ "too big to 70000", V6, 2, 0, 70000, Q6, IP_ICMP_ERROR, 1, 0,
		  65535 },
		{ "hop limit", V6, 3, 0, 0, Q6, IP_ICMP_ERROR, 0, 0, 0 },
		{ "next header", V6, 4, 1, 0, Q6, IP_ICMP_ERROR, 0, 1, 0 },
		{ "quote too short", V6, 1, 4, 0, US6, FAR6, 47, IP_DROP_ICMP,
		  0, 0, 0 },
		{ "echo reply", V6, 129, 0, 0, Q6, IP_DROP_ICMP, 0, 0, 0 },
		{ "redirect", V6, 137, 0, 0, Q6, IP_DROP_ICMP, 0, 0, 0 },
		{ "router advert", V6, 134, 0, 0, Q6, IP_DROP_ICMP, 0, 0, 0 },
	};
	struct frame f;
	struct net net;

	net_open(&net);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct ip_error *e = &net.in.error;
		struct ipaddr local = wire_addr(rows[i].from);
		struct ipaddr remote = wire_addr(rows[i].to);

		print_message("# %s\n", rows[i].what);
		error_about(&f, rows[i].src, rows[i].dst, rows[i].type,
			    rows[i].code, rows[i].word, rows[i].from,
			    rows[i].to, rows[i].quoted);
		assert_int_equal(net_feed(&net, IF_ETH, &f), rows[i].want);
		if (rows[i].want != IP_ICMP_ERROR)
			continue;
		assert_true(ipaddr_eq(&e->local, &local));
		assert_true(ipaddr_eq(&e->remote, &remote));
		assert_int_equal(e->lport, 443);
		assert_int_equal(e->rport, 5000);
		assert_int_equal(e->seq, 0x1234);
		assert_int_equal(e->too_big, rows[i].too_big);
		assert_int_equal(e->hard, rows[i].hard);
		assert_int_equal(e->mtu, rows[i].mtu);
		/* A bit wrong anywhere: not believed. */
		f.b[f.n - 1] ^= 4;
		assert_int_equal(net_feed(&net, IF_ETH, &f), IP_DROP_CHECKSUM);
	}
	assert_int_equal(ip_stats(net.ip)->router_adverts, 1);
	/* An error is never answered. */
	net_silent(&net);
	net_close(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echo),
		cmocka_unit_test(echo_of_zeros),
		cmocka_unit_test(echo_of_a_clone),
		cmocka_unit_test(rates),
		cmocka_unit_test(unreachable),
		cmocka_unit_test(unknown_behind_extension),
		cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
