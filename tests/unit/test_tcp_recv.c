/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_tcp_recv.c - receiving: order, windows, acknowledgements, and what a
 * stranger can make us hold.
 */
#include "tcp_peer.h"

#define A TCP_ACK

/* Read everything; the bytes must be what peer_send() fills in. */
static size_t drain(struct peer *p, struct tcp_conn *c, uint32_t rseq)
{
	struct iovec iov[4];
	size_t all = 0;

	while (tcp_rx_avail(c)) {
		unsigned n = tcp_rx_peek(c, iov, ARRAY_LEN(iov));
		size_t got = 0;

		for (unsigned i = 0; i < n; i++) {
			const uint8_t *b = iov[i].iov_base;

			for (size_t j = 0; j < iov[i].iov_len; j++)
				assert_int_equal(
					b[j], (uint8_t)(rseq + all + got + j));
			got += iov[i].iov_len;
		}
		tcp_rx_consume(c, got, p->now);
		all += got;
	}
	return all;
}

static void expect_ack(struct peer *p, uint32_t rack)
{
	struct packet k;

	assert_true(peer_recv(p, &k));
	assert_int_equal(k.flags, A);
	assert_int_equal(k.len, 0);
	assert_int_equal(k.ack - p->isn, rack);
}

static void expect_nothing(struct peer *p)
{
	struct packet k;

	assert_false(peer_recv(p, &k));
}

/* RFC 5681 4.2: every second segment, or 40 ms; a burst costs one ACK. */
static void delayed_ack(void **state)
{
	struct tcp_conn *c;
	struct peer p;

	peer_init(&p);
	c = peer_accept(&p);
	peer_send(&p, A, 1, 1, 100);
	expect_nothing(&p);
	peer_wait(&p, MSEC(39));
	expect_nothing(&p);
	peer_wait(&p, MSEC(2));
	expect_ack(&p, 101);
	peer_send(&p, A, 101, 1, 100);
	expect_nothing(&p);
	peer_send(&p, A, 201, 1, 100);
	expect_ack(&p, 301);
	for (unsigned i = 0; i < 10; i++)
		peer_send(&p, A, 301 + i * 100, 1, 100);
	expect_ack(&p, 1301);
	peer_wait(&p, SEC(1));
	expect_nothing(&p);
	/* What goes out anyway carries it. */
	peer_send(&p, A, 1301, 1, 100);
	tcp_write(c, "x", 1, p.now);
	assert_int_equal(peer_flush(&p), 1);
	peer_wait(&p, MSEC(50));
	expect_nothing(&p);
	tcp_abort(c, p.now);
	peer_fini(&p);
}

static void quick_acks(void **state)
{
	struct tcp_config config = peer_config();
	struct tcp_conn *c;
	struct peer p;

	config.personality.quick_acks = 3;
	peer_open(&p, &config);
	c = peer_accept(&p);
	for (unsigned i = 0; i < 3; i++) {
		peer_send(&p, A, 1 + i * 10, 1, 10);
		expect_ack(&p, 11 + i * 10);
	}
	peer_send(&p, A, 31, 1, 10);
	expect_nothing(&p);
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* Any order gives the same bytes; each piece out of order is acknowledged at
 * once, and so is the one that fills a gap. */
static void any_order(void **state)
{
	static const struct {
		const char *what;
		struct {
			uint16_t seq, len;
		} piece[8];
		uint16_t all;
	} rows[] = {
		{ "backwards",
		  { { 300, 100 }, { 200, 100 }, { 100, 100 }, { 1, 99 } },
		  399 },
		{ "every other first",
		  { { 50, 50 }, { 150, 50 }, { 1, 49 }, { 100, 50 } },
		  199 },
		{ "twice",
		  { { 50, 50 }, { 50, 50 }, { 1, 49 }, { 1, 49 } },
		  99 },
		{ "one over many",
		  { { 20, 10 },
		    { 40, 10 },
		    { 60, 10 },
		    { 1, 100 },
		    { 1, 100 } },
		  100 },
		{ "overlaps before",
		  { { 50, 50 }, { 20, 40 }, { 1, 30 } },
		  99 },
		{ "overlaps behind",
		  { { 50, 50 }, { 80, 40 }, { 1, 49 } },
		  119 },
		{ "inside another", { { 50, 50 }, { 60, 10 }, { 1, 49 } }, 99 },
		{ "around another",
		  { { 60, 10 }, { 50, 50 }, { 1, 49 }, { 50, 50 }, { 70, 30 } },
		  99 },
		{ "between two",
		  { { 10, 10 }, { 30, 10 }, { 15, 20 }, { 1, 9 } },
		  39 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tcp_conn *c;
		struct packet k;
		struct peer p;

		print_message("# %s\n", rows[i].what);
		peer_init(&p);
		c = peer_accept(&p);
		for (unsigned j = 0; j < 8 && rows[i].piece[j].len; j++) {
			peer_send(&p, A, rows[i].piece[j].seq, 1,
				  rows[i].piece[j].len);
			if (rows[i].piece[j].seq > 1)
				assert_true(peer_recv(&p, &k));
		}
		assert_int_equal(drain(&p, c, 1), rows[i].all);
		assert_int_equal(c->ooo_n, 0);
		tcp_abort(c, p.now);
		peer_fini(&p);
	}
}

/* Two stories about the same byte: the first one counts, in order and out. */
static void first_wins(void **state)
{
	struct tcp_conn *c;
	struct iovec iov[4];
	uint8_t got[16];
	struct peer p;
	unsigned n = 0;

	peer_init(&p);
	c = peer_accept(&p);
	peer_raw(&p, A, p.isn + 5, p.iss + 1, "aaaa", 4);
	peer_raw(&p, A, p.isn + 3, p.iss + 1, "bbbbbb", 6);
	peer_raw(&p, A, p.isn + 1, p.iss + 1, "cccc", 4);
	peer_raw(&p, A, p.isn + 1, p.iss + 1, "dddddddddd", 10);
	for (unsigned i = 0, k = tcp_rx_peek(c, iov, 4); i < k; i++) {
		memcpy(got + n, iov[i].iov_base, iov[i].iov_len);
		n += (unsigned)iov[i].iov_len;
	}
	assert_int_equal(n, 10);
	assert_memory_equal(got, "ccbbaaaadd", 10);
	tcp_close(c, p.now);
	peer_fini(&p);
}

/* The window closes as data waits, its right edge never moves left, and it is
 * told open only in steps worth a segment (RFC 9293 3.8.6.2.2). */
static void window(void **state)
{
	struct tcp_config config = peer_config();
	struct tcp_conn *c;
	struct packet k;
	struct peer p;
	uint32_t at = 1, edge;

	config.personality.rcvbuf = 16000;
	peer_open(&p, &config);
	c = peer_accept(&p);
	edge = c->rcv_adv - p.isn;
	assert_int_equal(edge, 16001);
	while (at < 16001) {
		peer_send(&p, A, at, 1, 1000);
		at += 1000;
		if (!peer_recv(&p, &k))
			continue;
		assert_int_equal(k.ack - p.isn + k.wnd, 16001);
	}
	peer_wait(&p, MSEC(50));
	peer_flush(&p);
	/* Closed: the probe's byte is refused and answered. */
	assert_int_equal(peer_send(&p, A, at, 1, 1), TCP_DROP_WINDOW);
	assert_true(peer_recv(&p, &k));
	assert_int_equal(k.wnd, 0);
	/* A little room is not worth telling... */
	tcp_rx_consume(c, 500, p.now);
	expect_nothing(&p);
	assert_int_equal(peer_send(&p, A, at - 1, 1, 0), TCP_DROP_DUPLICATE);
	assert_true(peer_recv(&p, &k));
	assert_int_equal(k.wnd, 0);
	/* ...two segments are. */
	tcp_rx_consume(c, 2500, p.now);
	assert_true(peer_recv(&p, &k));
	assert_int_equal(k.wnd, 3000);
	tcp_rx_consume(c, 2999, p.now);
	expect_nothing(&p);
	tcp_rx_consume(c, 1, p.now);
	assert_true(peer_recv(&p, &k));
	assert_int_equal(k.wnd, 6000);
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* RFC 7323 2: scaled, but never in a SYN, and only if both offer it. */
static void window_scale(void **state)
{
	for (int offered = 0; offered < 2; offered++) {
		struct tcp_conn *c;
		struct packet k;
		struct peer p;

		peer_init(&p);
		p.opts = (struct tcp_opts){ .has_mss = true,
					    .mss = 1460,
					    .has_scale = offered,
					    .scale = 3 };
		peer_send(&p, TCP_SYN, 0, 0, 0);
		assert_true(peer_recv(&p, &k));
		assert_int_equal(k.opts.has_scale, offered);
		assert_int_equal(k.wnd, 65535);
		p.iss = k.seq;
		p.opts = (struct tcp_opts){ 0 };
		p.wnd = 1000;
		void *user;

		peer_send(&p, A, 1, 1, 10);
		c = tcp_accept(p.t, &user);
		assert_int_equal(c->snd_wnd, offered ? 8000 : 1000);
		peer_send(&p, A, 11, 1, 10);
		assert_true(peer_recv(&p, &k));
		assert_int_equal(k.wnd, offered ? (256 * 1024 - 20) / 128
						: 65535 - 20);
		tcp_abort(c, p.now);
		peer_fini(&p);
	}
}

/* RFC 7323 5: old timestamps are refused and answered, resets excepted; the
 * echo is that of the segment the ACK answers. */
static void paws(void **state)
{
	struct tcp_config config = peer_config();
	struct tcp_conn *c;
	struct packet k;
	struct peer p;

	config.personality.timestamps = true;
	peer_open(&p, &config);
	p.opts = (struct tcp_opts){ .has_ts = true, .tsval = 0xfffffffe };
	c = peer_accept(&p);
	p.opts.tsval = 0xfffffffd;
	assert_int_equal(peer_send(&p, A, 1, 1, 10), TCP_DROP_PAWS);
	assert_true(peer_recv(&p, &k));
	assert_int_equal(k.opts.tsecr, 0xfffffffe);
	p.opts.tsval = 3; /* it wraps */
	assert_int_equal(peer_send(&p, A, 11, 1, 10), TCP_OK);
	assert_true(peer_recv(&p, &k)); /* a gap: the old echo */
	assert_int_equal(k.opts.tsecr, 0xfffffffe);
	p.opts.tsval = 4;
	assert_int_equal(peer_send(&p, A, 1, 1, 10), TCP_OK);
	assert_true(peer_recv(&p, &k));
	assert_int_equal(k.opts.tsecr, 4);
	p.opts.has_ts = false;
	assert_int_equal(peer_send(&p, A, 21, 1, 10), TCP_DROP_PAWS);
	p.opts.has_ts = true;
	p.opts.tsval = 1;
	/* RFC 7323 5.5: after 24 days a peer's clock may be anywhere. */
	p.now += SEC(25 * 86400);
	assert_int_equal(peer_send(&p, A, 21, 1, 10), TCP_OK);
	assert_int_equal(peer_send(&p, TCP_RST, 31, 0, 0), TCP_OK);
	assert_true(tcp_dead(c));
	tcp_close(c, p.now);
	peer_fini(&p);
}

/* A byte a segment: what is held stays in proportion to the bytes. */
static void tiny_segments(void **state)
{
	struct tcp_conn *c;
	struct peer p;

	peer_init(&p);
	c = peer_accept(&p);
	for (unsigned i = 0; i < 5000; i++) {
		assert_int_equal(peer_send(&p, A, 1 + i, 1, 1), TCP_OK);
		peer_flush(&p);
	}
	assert_true(tcp_stats(p.t)->buffers <= 5);
	assert_int_equal(drain(&p, c, 1), 5000);
	/* The same out of order, every other byte: bounded by number... */
	for (unsigned i = 0; i < 1000; i++)
		peer_send(&p, A, 5003 + 2 * i, 1, 1);
	assert_int_equal(c->ooo_n, TCP_OOO_MAX);
	assert_int_equal(tcp_stats(p.t)->buffers, TCP_OOO_MAX);
	/* ...older data displaces newer... */
	peer_send(&p, A, 5002, 1, 1);
	assert_int_equal(c->ooo_n, TCP_OOO_MAX);
	/* ...and once in order it takes no more room than it should. */
	for (unsigned i = 0; i < 600; i++)
		peer_send(&p, A, 5001 + i, 1, 1);
	assert_true(tcp_stats(p.t)->buffers <= 4);
	assert_int_equal(drain(&p, c, 5001), 600);
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* A segment in many buffers, as a scattering port or reassembly gives it. */
static void chained(void **state)
{
	struct ip_seg s = { .ttl = 64 };
	struct rte_tcp_hdr *h;
	struct tcp_conn *c;
	struct peer p;
	uint8_t *b;

	peer_init(&p);
	c = peer_accept(&p);
	for (unsigned cut = 0; cut < 2; cut++) {
		/* The second time 150 of the 300 bytes are old. */
		uint32_t rseq = cut ? 151 : 1, at = rseq;

		s.src = p.them;
		s.dst = p.us;
		s.m = rte_pktmbuf_alloc(p.pool);
		h = (struct rte_tcp_hdr *)rte_pktmbuf_append(s.m, sizeof(*h));
		*h = (struct rte_tcp_hdr){
			.src_port = rte_cpu_to_be_16(p.tport),
			.dst_port = rte_cpu_to_be_16(p.uport),
			.sent_seq = rte_cpu_to_be_32(p.isn + rseq),
			.recv_ack = rte_cpu_to_be_32(p.iss + 1),
			.data_off = 5 << 4,
			.tcp_flags = A,
			.rx_win = 0xffff,
		};
		for (unsigned i = 0; i < 4; i++) {
			struct rte_mbuf *m = rte_pktmbuf_alloc(p.pool);
			unsigned n = i == 2 ? 0 : 100;

			b = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)n);
			for (unsigned j = 0; j < n; j++)
				b[j] = (uint8_t)at++;
			assert_int_equal(rte_pktmbuf_chain(s.m, m), 0);
		}
		assert_int_equal(tcp_input(p.t, &s, p.now, &p.owner), TCP_OK);
		assert_null(tcp_stack_check(p.t));
	}
	assert_int_equal(drain(&p, c, 1), 450);
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* A FIN cannot take back what came before, nor be moved. */
static void fin_once(void **state)
{
	struct tcp_conn *c;
	struct peer p;

	peer_init(&p);
	c = peer_accept(&p);
	peer_send(&p, A, 51, 1, 50);
	peer_send(&p, TCP_FIN | A, 31, 1, 0); /* in front of data: a lie */
	assert_false(c->fin_seen);
	peer_send(&p, TCP_FIN | A, 101, 1, 0);
	peer_send(&p, TCP_FIN | A, 201, 1, 0);
	peer_send(&p, A, 101, 1, 50); /* behind the FIN: nothing */
	peer_send(&p, A, 1, 1, 50);
	assert_int_equal(tcp_status(c), TCP_PEER_CLOSED);
	assert_int_equal(drain(&p, c, 1), 100);
	/* Half-closed: we may go on writing. */
	assert_int_equal(tcp_write(c, "still here", 10, p.now), 10);
	assert_true(peer_flush(&p) > 0);
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* RFC 5961 10: blind guesses get answers, but not any number of them. */
static void challenges(void **state)
{
	struct tcp_conn *c;
	struct peer p;
	unsigned answers = 0;

	peer_init(&p);
	c = peer_accept(&p);
	peer_flush(&p);
	for (unsigned i = 0; i < 1000; i++) {
		peer_send(&p, TCP_RST, 2 + i, 0, 0);
		answers += peer_flush(&p);
	}
	assert_int_equal(answers, 16);
	p.now += SEC(1);
	peer_send(&p, TCP_SYN, 2, 0, 0);
	assert_int_equal(peer_flush(&p), 1);
	assert_int_equal(tcp_stats(p.t)->challenge_acks, 17);
	assert_int_equal(tcp_status(c), TCP_OPEN);
	/* To nobody in particular: 500 to 1,500 a second, drawn. */
	answers = 0;
	for (unsigned i = 0; i < 3000; i++) {
		p.tport = (uint16_t)(i % 8 + 1);
		peer_send(&p, TCP_SYN, 0, 0, 0);
		peer_send(&p, TCP_RST, 9, 0, 0);
		answers += peer_flush(&p);
	}
	assert_true(tcp_stats(p.t)->challenge_acks >= 500 &&
		    tcp_stats(p.t)->challenge_acks <= 1517);
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* Once a connection, whatever happened to it; nothing after tcp_close(). */
static void events(void **state)
{
	struct tcp_conn *c;
	struct peer p;
	int tag;

	peer_init(&p);
	c = peer_accept(&p);
	assert_null(tcp_ready(p.t));
	tcp_set_user(c, &tag);
	peer_send(&p, A, 1, 1, 10);
	peer_send(&p, A, 11, 1, 10);
	peer_send(&p, TCP_FIN | A, 21, 1, 0);
	assert_ptr_equal(tcp_ready(p.t), c);
	assert_ptr_equal(tcp_user(c), &tag);
	assert_null(tcp_ready(p.t));
	assert_int_equal(drain(&p, c, 1), 20);
	tcp_close(c, p.now);
	peer_flush(&p);
	assert_int_equal(tcp_stats(p.t)->conns, 1); /* LAST-ACK */
	peer_send(&p, TCP_RST, 22, 0, 0);
	assert_null(tcp_ready(p.t));
	assert_int_equal(tcp_stats(p.t)->conns, 0);
	/* Waiting for nobody yet: data is there at once. */
	p.tport++;
	c = NULL;
	peer_send(&p, TCP_SYN, 0, 0, 0);
	struct packet k;
	void *user;

	assert_true(peer_recv(&p, &k));
	p.iss = k.seq;
	peer_send(&p, A, 1, 1, 10);
	assert_null(tcp_ready(p.t));
	c = tcp_accept(p.t, &user);
	assert_int_equal(tcp_rx_avail(c), 10);
	assert_null(tcp_accept(p.t, &user));
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* Headers no honest host makes. */
static void malformed(void **state)
{
	static const struct {
		const char *what;
		uint8_t bytes[24];
		uint8_t n;
	} rows[] = {
		{ "offset 4", { 0x9c, 0x40, 1, 0xbb, [12] = 0x40, A }, 20 },
		{ "offset beyond",
		  { 0x9c, 0x40, 1, 0xbb, [12] = 0x70, A },
		  24 },
		{ "port 0 from", { 0, 0, 1, 0xbb, [12] = 0x50, A }, 20 },
		{ "port 0 to", { 0x9c, 0x40, 0, 0, [12] = 0x50, A }, 20 },
		{ "option of length 0",
		  { 0x9c, 0x40, 1, 0xbb, [12] = 0x60, A, [20] = 9, 0 },
		  24 },
	};
	struct peer p;

	peer_init(&p);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ip_seg s = { .m = rte_pktmbuf_alloc(p.pool),
				    .src = p.them,
				    .dst = p.us };

		print_message("# %s\n", rows[i].what);
		memcpy(rte_pktmbuf_append(s.m, rows[i].n), rows[i].bytes,
		       rows[i].n);
		assert_int_equal(tcp_input(p.t, &s, p.now, &p.owner),
				 TCP_DROP_HEADER);
		expect_nothing(&p);
	}
	/* RFC 1948's "land": from itself to itself. */
	p.them = p.us;
	p.tport = p.uport;
	assert_int_equal(peer_send(&p, TCP_SYN, 0, 0, 0), TCP_DROP_HEADER);
	peer_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delayed_ack), cmocka_unit_test(quick_acks),
		cmocka_unit_test(any_order),   cmocka_unit_test(first_wins),
		cmocka_unit_test(window),      cmocka_unit_test(window_scale),
		cmocka_unit_test(paws),	       cmocka_unit_test(tiny_segments),
		cmocka_unit_test(chained),     cmocka_unit_test(fin_once),
		cmocka_unit_test(challenges),  cmocka_unit_test(events),
		cmocka_unit_test(malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
