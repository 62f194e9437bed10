/* SPDX-License-Identifier: BSD-3-Clause */
/* test_ip_frag.c - reassembly: what becomes whole, and what it may cost. */
#include "wire.h"

#define WHOLE 200 /* bytes of the segment that is cut up */

/* A run of the segment, [off .. off + len). */
struct piece {
	unsigned off, len;
	bool more;
	enum ip_verdict want;
};

static struct frame whole4, whole6;

static void make_whole(void)
{
	whole4.n = whole6.n = 0;
	frame_ip(&whole4, HER4, US4, P_TCP, wire_tcp(1, 2, WHOLE), WHOLE);
	frame_ip(&whole6, HER6, US6, P_TCP, wire_tcp(1, 2, WHOLE), WHOLE);
}

static void fragment(struct frame *f, bool v4, unsigned id,
		     const struct piece *p)
{
	unsigned from = p->off < WHOLE ? p->off : 0;
	uint8_t b[10008] = { P_TCP };

	if (v4) {
		frame_to_us(f, HER4, US4, 0, whole4.b + 20 + from, p->len);
		f->b[23] = P_TCP;
		wire_put16(f->b + 18, id);
		wire_put16(f->b + 20, p->off / 8 | (p->more ? 0x2000 : 0));
		frame_resum(f, 14, 20, 0);
		return;
	}
	wire_put16(b + 2, p->off | p->more);
	wire_put16(b + 6, id);
	memcpy(b + 8, whole6.b + 40 + from, p->len);
	frame_to_us(f, HER6, US6, 44, b, 8 + p->len);
}

#define KEPT IP_FRAGMENT
#define GONE IP_DROP_FRAGMENT
static const struct {
	const char *what;
	struct piece piece[10];
} sequence_rows[] = {
	{ "two", { { 0, 104, 1, KEPT }, { 104, 96, 0, IP_TCP } } },
	{ "two, the last first",
	  { { 104, 96, 0, KEPT }, { 0, 104, 1, IP_TCP } } },
	{ "three, mixed",
	  { { 160, 40, 0, KEPT }, { 0, 80, 1, KEPT }, { 80, 80, 1, IP_TCP } } },
	{ "eight",
	  { { 0, 8, 1, KEPT },
	    { 16, 8, 1, KEPT },
	    { 8, 8, 1, KEPT },
	    { 32, 8, 1, KEPT },
	    { 24, 8, 1, KEPT },
	    { 48, 152, 0, KEPT },
	    { 44 + 4 - 8, 8, 1, IP_TCP } } },
	{ "one twice: a network's doing",
	  { { 0, 104, 1, KEPT },
	    { 0, 104, 1, GONE },
	    { 104, 96, 0, IP_TCP } } },
	{ "the last twice",
	  { { 104, 96, 0, KEPT },
	    { 104, 96, 0, GONE },
	    { 0, 104, 1, IP_TCP } } },
	{ "overlap at the front",
	  { { 0, 104, 1, KEPT },
	    { 96, 104, 0, GONE },
	    { 104, 96, 0, GONE } /* all that is still to come */ } },
	{ "overlap at the back",
	  { { 104, 96, 0, KEPT }, { 0, 112, 1, GONE }, { 0, 104, 1, GONE } } },
	{ "one inside another",
	  { { 0, 104, 1, KEPT }, { 16, 16, 1, GONE }, { 104, 96, 0, GONE } } },
	{ "one around another",
	  { { 16, 16, 1, KEPT }, { 0, 104, 1, GONE }, { 104, 96, 0, GONE } } },
	{ "the same place, shorter",
	  { { 0, 104, 1, KEPT }, { 0, 96, 1, GONE }, { 104, 96, 0, GONE } } },
	{ "two ends",
	  { { 104, 96, 0, KEPT }, { 96, 8, 0, GONE }, { 0, 104, 1, GONE } } },
	{ "two ends, the farther first",
	  { { 104, 88, 0, KEPT }, { 192, 8, 0, GONE }, { 0, 104, 1, GONE } } },
	{ "more behind the end",
	  { { 96, 96, 0, KEPT }, { 192, 8, 1, GONE }, { 0, 96, 1, GONE } } },
	{ "no multiple of eight",
	  { { 0, 100, 1, GONE },
	    { 0, 104, 1, KEPT },
	    { 104, 96, 0, IP_TCP } } },
	{ "empty",
	  { { 104, 0, 0, GONE },
	    { 0, 104, 1, KEPT },
	    { 104, 96, 0, IP_TCP } } },
	{ "beyond all packets",
	  { { 65528, 8, 0, GONE },
	    { 0, 104, 1, KEPT },
	    { 104, 96, 0, IP_TCP } } },
	{ "nine",
	  { { 0, 8, 1, KEPT },
	    { 8, 8, 1, KEPT },
	    { 16, 8, 1, KEPT },
	    { 24, 8, 1, KEPT },
	    { 32, 8, 1, KEPT },
	    { 40, 8, 1, KEPT },
	    { 48, 8, 1, KEPT },
	    { 56, 8, 1, KEPT },
	    { 64, 136, 0, GONE } } },
};

static void sequences(void **state)
{
	struct frame f;
	struct net net;

	make_whole();
	for (unsigned i = 0; i < 2 * ARRAY_LEN(sequence_rows); i++) {
		const struct piece *p = sequence_rows[i / 2].piece;
		bool v4 = i & 1, got = false;

		print_message("# %s\n", sequence_rows[i / 2].what);
		net_open(&net);
		for (; p->len || p->off; p++) {
			struct ip_seg *s = &net.in.seg;
			uint8_t all[WHOLE];

			fragment(&f, v4, 77, p);
			assert_int_equal(net_input(&net, IF_ETH, &f), p->want);
			if (p->want != IP_TCP)
				continue;
			got = true;
			assert_int_equal(s->m->pkt_len, WHOLE);
			assert_memory_equal(
				rte_pktmbuf_read(s->m, 0, WHOLE, all),
				v4 ? whole4.b + 20 : whole6.b + 40, WHOLE);
			rte_pktmbuf_free(s->m);
		}
		/* Whole or damned, nothing is kept. */
		if (got || p[-1].want == GONE)
			assert_int_equal(rte_mempool_avail_count(net.pool),
					 net.full);
		net_silent(&net);
		net_close(&net);
	}
}

/* The pieces of one datagram have one ID, one source, one protocol. */
static void strangers_do_not_mix(void **state)
{
	static const struct piece head = { 0, 104, true, KEPT };
	static const struct piece tail = { 104, 96, false, KEPT };
	struct frame f;
	struct net net;

	make_whole();
	net_open(&net);
	fragment(&f, true, 1, &head);
	assert_int_equal(net_feed(&net, IF_ETH, &f), KEPT);
	fragment(&f, true, 2, &tail);
	assert_int_equal(net_feed(&net, IF_ETH, &f), KEPT);
	fragment(&f, true, 1, &tail);
	f.b[29] = 9; /* source */
	frame_resum(&f, 14, 20, 0);
	assert_int_equal(net_feed(&net, IF_ETH, &f), KEPT);
	fragment(&f, true, 1, &tail);
	f.b[23] = P_UDP;
	frame_resum(&f, 14, 20, 0);
	assert_int_equal(net_feed(&net, IF_ETH, &f), KEPT);
	fragment(&f, true, 1, &tail);
	assert_int_equal(net_feed(&net, IF_ETH, &f), IP_TCP);
	net_close(&net);
}

static void time_out(void **state)
{
	static const struct piece head = { 0, 104, true, KEPT };
	static const struct piece tail = { 104, 96, false, KEPT };
	struct frame f;
	struct net net;

	make_whole();
	net_open(&net);
	fragment(&f, true, 1, &head);
	assert_int_equal(net_feed(&net, IF_ETH, &f), KEPT);
	assert_true(ip_tick(net.ip, net.now) == net.now + SEC(30));
	net.now += SEC(30) - 1;
	ip_tick(net.ip, net.now);
	assert_int_equal(rte_mempool_avail_count(net.pool), net.full - 1);
	net.now++;
	assert_true(ip_tick(net.ip, net.now) == USEC_NEVER);
	assert_int_equal(rte_mempool_avail_count(net.pool), net.full);
	assert_int_equal(ip_stats(net.ip)->frag_timeouts, 1);
	/* What comes now begins anew. */
	fragment(&f, true, 1, &tail);
	assert_int_equal(net_feed(&net, IF_ETH, &f), KEPT);
	net_close(&net);
}

/* A flood of beginnings holds 64 at most, and pushes out the oldest. */
static void flood(void **state)
{
	static const struct piece head = { 0, 104, true, KEPT };
	static const struct piece tail = { 104, 96, false, KEPT };
	struct frame f;
	struct net net;

	make_whole();
	net_open(&net);
	for (unsigned id = 0; id < 1000; id++) {
		fragment(&f, id & 1, id, &head);
		assert_int_equal(net_feed(&net, IF_ETH, &f), KEPT);
	}
	assert_int_equal(rte_mempool_avail_count(net.pool), net.full - 64);
	assert_int_equal(ip_stats(net.ip)->frag_evicted, 1000 - 64);
	fragment(&f, true, 999, &tail);
	assert_int_equal(net_feed(&net, IF_ETH, &f), IP_TCP);
	fragment(&f, true, 935, &tail);
	assert_int_equal(net_feed(&net, IF_ETH, &f), KEPT); /* too late */
	net_close(&net);
}

/* RFC 3168 5.3. */
static void ecn(void **state)
{
	static const struct {
		uint8_t head, tail, want;
	} rows[] = { { 0, 0, 0 }, { 2, 2, 2 }, { 1, 1, 1 },
		     { 2, 3, 3 }, { 3, 2, 3 }, { 3, 3, 3 } };
	static const struct piece head = { 0, 104, true, KEPT };
	static const struct piece tail = { 104, 96, false, KEPT };
	struct frame f;
	struct net net;

	make_whole();
	net_open(&net);
	for (unsigned i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		const uint8_t bits[2] = { rows[i / 2].head, rows[i / 2].tail };

		for (unsigned k = 0; k < 2; k++) {
			/* The end comes first in every second round. */
			unsigned which = k ^ (i & 1);

			fragment(&f, true, i, which ? &tail : &head);
			f.b[15] = bits[which];
			frame_resum(&f, 14, 20, 0);
			assert_int_equal(net_feed(&net, IF_ETH, &f),
					 k ? IP_TCP : KEPT);
		}
		assert_int_equal(net.in.seg.ecn, rows[i / 2].want);
	}
	net_close(&net);
}

/* Behind reassembly the same rules hold: checksum, protocols, no ND. */
static void behind(void **state)
{
	static const struct piece head = { 0, 104, true, KEPT };
	static const struct piece tail = { 104, 96, false, KEPT };
	struct frame f;
	struct net net;

	make_whole();
	net_open(&net);
	fragment(&f, false, 1, &head);
	assert_int_equal(net_feed(&net, IF_ETH, &f), KEPT);
	whole6.b[40 + 150] ^= 1;
	fragment(&f, false, 1, &tail);
	assert_int_equal(net_feed(&net, IF_ETH, &f), IP_DROP_CHECKSUM);

	/* A solicitation in two halves (RFC 6980). */
	frame_nd(&f, US_MAC, 135, HER_MAC, HER6, US6, US6, 0, HER_MAC);
	memcpy(whole6.b + 40, f.b + 54, 32);
	for (unsigned k = 0; k < 2; k++) {
		const struct piece p = { 16 * k, 16, !k, KEPT };

		fragment(&f, false, 2, &p);
		f.b[54] = P_ICMP6;
		assert_int_equal(net_feed(&net, IF_ETH, &f),
				 k ? IP_DROP_HEADER : KEPT);
	}
	/* A ping of two fragments is answered if it fits in one packet. */
	whole4.n = 0;
	whole4.b[20] = 8;
	frame_ip(&whole4, HER4, US4, P_ICMP,
		 "\010\0\0\0\0\0\0\0"
		 "12345678",
		 16);
	net_meet(&net, HER4, HER_MAC);
	for (unsigned k = 0; k < 2; k++) {
		const struct piece p = { 8 * k, 8, !k, KEPT };

		fragment(&f, true, 3, &p);
		f.b[23] = P_ICMP;
		frame_resum(&f, 14, 20, 0);
		assert_int_equal(net_feed(&net, IF_ETH, &f),
				 k ? IP_ECHO : KEPT);
	}
	assert_true(net_take(&net, IF_ETH, &f));
	assert_int_equal(f.n, 14 + 20 + 16);
	assert_memory_equal(f.b + 42, "12345678", 8);
	/* UDP in fragments is not worth an answer. */
	for (unsigned k = 0; k < 2; k++) {
		const struct piece p = { 8 * k, 8, !k, KEPT };

		fragment(&f, true, 4, &p);
		f.b[23] = P_UDP;
		frame_resum(&f, 14, 20, 0);
		assert_int_equal(net_feed(&net, IF_ETH, &f),
				 k ? IP_DROP_PROTOCOL : KEPT);
	}
	net_silent(&net);
	net_close(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences),
		cmocka_unit_test(strangers_do_not_mix),
		cmocka_unit_test(time_out),
		cmocka_unit_test(flood),
		cmocka_unit_test(ecn),
		cmocka_unit_test(behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
