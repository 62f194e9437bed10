/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_tcp_conn.c - a connection as its application sees it: segment sizes,
 * errors from routers, room to write, memory, silence.
 */
#include "tcp_peer.h"

#define MSS 1460

static uint8_t payload[65536];

/* An established connection whose peer takes 1,460 bytes at a time. */
static struct tcp_conn *open_conn(struct peer *p)
{
	p->opts = (struct tcp_opts){ .has_mss = true, .mss = MSS };
	return peer_accept(p);
}

static void send_bytes(struct peer *p, struct tcp_conn *c, size_t n)
{
	const uint8_t *from = payload + (c->snd_end - p->iss - 1);

	assert_int_equal(tcp_write(c, from, n, p->now), n);
}

/* The next packet is data at `rseq` of `len` bytes. */
static void expect(struct peer *p, uint32_t rseq, uint32_t len)
{
	struct packet k;

	assert_true(peer_recv(p, &k));
	assert_int_equal(k.seq - p->iss, rseq);
	assert_int_equal(k.len, len);
	assert_memory_equal(k.data, payload + rseq - 1, len);
}

static void expect_nothing(struct peer *p)
{
	struct packet k;

	assert_false(peer_recv(p, &k));
}

/* --- sizes
 * -------------------------------------------------------------------------- */

static void segment_sizes(void **state)
{
	static const struct {
		const char *what;
		const char *them;
		bool has_mss, ts;
		uint16_t mss;
		uint32_t expected;
	} rows[] = {
		{ "as offered", "192.0.2.9", true, false, 1000, 1000 },
		{ "no more than the link takes", "192.0.2.9", true, false, 9000,
		  1460 },
		{ "nothing said", "192.0.2.9", false, false, 0, 536 },
		{ "timestamps come out of it", "192.0.2.9", true, true, 1460,
		  1448 },
		{ "absurdly small", "192.0.2.9", true, false, 20, 88 },
		{ "zero", "192.0.2.9", true, false, 0, 88 },
		{ "IPv6", "2001:db8::9", true, false, 9000, 1440 },
		{ "IPv6, nothing said", "2001:db8::9", false, false, 0, 1220 },
		{ "IPv6, small", "2001:db8::9", true, false, 1, 216 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tcp_config config = peer_config();
		struct tcp_conn *c;
		struct packet k;
		struct peer p;

		print_message("# %s\n", rows[i].what);
		config.personality.timestamps = true;
		peer_open(&p, &config);
		p.them = peer_ip(rows[i].them);
		if (!ipaddr_is_v4(&p.them))
			p.us = peer_ip("2001:db8::1");
		p.opts = (struct tcp_opts){ .has_mss = rows[i].has_mss,
					    .mss = rows[i].mss,
					    .has_ts = rows[i].ts,
					    .tsval = 5 };
		c = peer_accept(&p);
		send_bytes(&p, c, 4000);
		assert_true(peer_recv(&p, &k));
		assert_int_equal(k.len, rows[i].expected);
		assert_int_equal(k.opts.has_ts, rows[i].ts);
		tcp_abort(c, p.now);
		peer_fini(&p);
	}
}

/* RFC 5927: what a router says is believed if it is about something in flight
 * and smaller than what we know; then all goes again in smaller pieces. */
static void path_mtu(void **state)
{
	struct tcp_conn *c;
	struct packet k;
	struct peer p;
	struct ip_error e;
	unsigned owner, bytes = 0;

	peer_init(&p);
	c = open_conn(&p);
	send_bytes(&p, c, 5 * MSS);
	assert_int_equal(peer_flush(&p), 5);
	e = (struct ip_error){ .local = p.us,
			       .remote = p.them,
			       .lport = p.uport,
			       .rport = p.tport,
			       .too_big = true,
			       .mtu = 1000 };
	e.seq = p.iss; /* acknowledged long ago */
	assert_true(tcp_icmp_error(p.t, &e, p.now, &owner));
	e.seq = p.iss + 1 + 5 * MSS; /* not yet sent */
	assert_true(tcp_icmp_error(p.t, &e, p.now, &owner));
	e.seq = p.iss + 1;
	e.mtu = 9000; /* larger than what it was about */
	assert_true(tcp_icmp_error(p.t, &e, p.now, &owner));
	expect_nothing(&p);
	e.mtu = 1000;
	assert_true(tcp_icmp_error(p.t, &e, p.now, &owner));
	while (peer_recv(&p, &k)) {
		assert_true(k.len <= 960);
		assert_memory_equal(k.data, payload + (k.seq - p.iss - 1), k.len);
		bytes += k.len;
	}
	assert_int_equal(bytes, 5 * MSS);
	e.rport++;
	assert_false(tcp_icmp_error(p.t, &e, p.now, &owner));
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* RFC 1122 4.2.3.9: a hard error ends an attempt, a soft one explains its
 * failure, neither ends a connection. */
static void unreachable(void **state)
{
	for (int hard = 0; hard < 2; hard++) {
		struct ip_error e;
		struct tcp_conn *c;
		struct peer p;
		unsigned owner;

		peer_init(&p);
		c = peer_connect(&p);
		e = (struct ip_error){ .local = p.us,
				       .remote = p.them,
				       .lport = p.uport,
				       .rport = p.tport,
				       .seq = p.iss,
				       .hard = hard };
		assert_true(tcp_icmp_error(p.t, &e, p.now, &owner));
		assert_int_equal(tcp_status(c),
				 hard ? TCP_UNREACHABLE : TCP_OPENING);
		for (unsigned i = 0; i < 7 && !tcp_dead(c); i++) {
			peer_wait(&p, SEC(64));
			peer_flush(&p);
		}
		assert_int_equal(tcp_status(c), TCP_UNREACHABLE);
		tcp_close(c, p.now);

		p.uport = PEER_LISTEN;
		c = open_conn(&p);
		send_bytes(&p, c, 10);
		peer_flush(&p);
		e.lport = p.uport;
		e.seq = p.iss + 1;
		assert_true(tcp_icmp_error(p.t, &e, p.now, &owner));
		assert_int_equal(tcp_status(c), TCP_OPEN);
		tcp_abort(c, p.now);
		peer_fini(&p);
	}
}

/* --- the application's side
 * ----------------------------------------------------------- */

/* Room is what sndbuf leaves; who was refused is told at tx_lowat. */
static void room(void **state)
{
	struct tcp_config config = peer_config();
	struct tcp_conn *c;
	struct iovec iov[2];
	struct peer p;

	config.personality.sndbuf = 5 * MSS;
	config.personality.tx_lowat = 3 * MSS;
	peer_open(&p, &config);
	c = open_conn(&p);
	assert_int_equal(tcp_tx_space(c), 5 * MSS);
	/* Two pieces of what was asked for, part of the second used. */
	assert_int_equal(tcp_tx_reserve(c, 4 * MSS, iov, 2), 2);
	assert_int_equal(iov[0].iov_len + iov[1].iov_len, 2 * MSS);
	memcpy(iov[0].iov_base, payload, MSS);
	memcpy(iov[1].iov_base, payload + MSS, 10);
	tcp_tx_commit(c, MSS + 10, p.now);
	assert_int_equal(tcp_tx_pending(c), MSS + 10);
	/* The next bytes go behind them in the same segment. */
	assert_int_equal(tcp_write(c, payload + MSS + 10, 9 * MSS, p.now),
			 4 * MSS - 10);
	assert_int_equal(tcp_tx_space(c), 0);
	assert_int_equal(tcp_tx_reserve(c, 1, iov, 2), 0);
	for (unsigned i = 0; i < 5; i++)
		expect(&p, 1 + i * MSS, MSS);
	expect_nothing(&p);
	peer_send(&p, TCP_ACK, 1, 1 + 2 * MSS, 0);
	assert_null(tcp_ready(p.t));
	peer_send(&p, TCP_ACK, 1, 1 + 3 * MSS, 0);
	assert_ptr_equal(tcp_ready(p.t), c);
	assert_null(tcp_ready(p.t));
	peer_send(&p, TCP_ACK, 1, 1 + 5 * MSS, 0);
	assert_null(tcp_ready(p.t));
	/* Nothing committed is nothing held. */
	assert_int_equal(tcp_tx_reserve(c, 100, iov, 2), 1);
	tcp_tx_commit(c, 0, p.now);
	assert_int_equal(tcp_stats(p.t)->buffers, 0);
	tcp_shutdown(c, p.now);
	assert_int_equal(tcp_tx_space(c), 0);
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* A byte a segment, unacknowledged: buffers are bounded, not only bytes. */
static void byte_segments(void **state)
{
	struct tcp_conn *c;
	struct peer p;
	unsigned n = 0;

	peer_init(&p);
	c = open_conn(&p);
	c->cwnd = 1 << 20;
	while (tcp_write(c, payload, 1, p.now)) {
		peer_flush(&p);
		n++;
	}
	assert_true(n >= 64 && n <= 2 * (256 * 1024 / MSS) + 16);
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* When buffers are short there is no room; when they are back, whoever asked
 * is told, without the peer having to say anything. */
static void starved(void **state)
{
	static struct rte_mbuf *held[2047];
	struct tcp_conn *c;
	struct peer p;
	unsigned n = 0;

	peer_init(&p);
	c = open_conn(&p);
	while (rte_mempool_avail_count(p.pool) > p.pool->size / 16)
		held[n++] = rte_pktmbuf_alloc(p.pool);
	peer_wait(&p, MSEC(2));
	assert_int_equal(tcp_tx_space(c), 0);
	assert_int_equal(tcp_write(c, payload, 10, p.now), 0);
	assert_true(tcp_next(p.t) <= p.now + MSEC(1));
	/* In order, but for an ACK's buffer there is always room. */
	assert_int_equal(peer_send(&p, TCP_ACK, 100, 1, 50), TCP_DROP_MEMORY);
	peer_wait(&p, MSEC(2));
	assert_null(tcp_ready(p.t));
	rte_pktmbuf_free_bulk(held, n);
	peer_wait(&p, MSEC(2));
	assert_ptr_equal(tcp_ready(p.t), c);
	assert_null(tcp_ready(p.t));
	assert_int_equal(tcp_write(c, payload, 10, p.now), 10);
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* A reader is not promised what there is no memory for; afterwards it is. */
static void held_window(void **state)
{
	static struct rte_mbuf *held[2047];
	struct tcp_config config = peer_config();
	struct tcp_conn *c;
	struct packet k;
	struct peer p;
	unsigned n = 0;

	peer_open(&p, &config);
	p.opts = (struct tcp_opts){
		.has_mss = true, .mss = MSS, .has_scale = true, .scale = 7
	};
	c = peer_accept(&p);
	while (rte_mempool_avail_count(p.pool) > p.pool->size / 4)
		held[n++] = rte_pktmbuf_alloc(p.pool);
	peer_wait(&p, MSEC(2));
	peer_send(&p, TCP_ACK, 1, 1, 1000);
	peer_send(&p, TCP_ACK, 1001, 1, 1000);
	assert_true(peer_recv(&p, &k));
	/* As far as the SYN-ACK promised, no further. */
	assert_in_range(k.wnd * 128, 65535 - 2000, 65535 - 2000 + 127);
	rte_pktmbuf_free_bulk(held, n);
	peer_wait(&p, MSEC(2));
	assert_true(peer_recv(&p, &k));
	assert_in_range(k.wnd * 128, 256 * 1024 - 2000 - 127,
			256 * 1024 - 2000);
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* Two hours of silence, then questions; an answer ends them. */
static void keep_alive(void **state)
{
	struct tcp_conn *c;
	struct packet k;
	struct peer p;

	peer_init(&p);
	c = open_conn(&p);
	peer_wait(&p, SEC(7199));
	expect_nothing(&p);
	peer_wait(&p, SEC(2));
	assert_true(peer_recv(&p, &k));
	assert_int_equal(k.flags, TCP_ACK);
	assert_int_equal(k.seq, p.iss);
	peer_send(&p, TCP_ACK, 1, 1, 0);
	peer_wait(&p, SEC(7199));
	expect_nothing(&p);
	for (unsigned i = 0; i < 9; i++) {
		peer_wait(&p, SEC(75));
		assert_true(peer_recv(&p, &k));
		assert_int_equal(k.len, 0);
	}
	assert_int_equal(tcp_status(c), TCP_OPEN);
	peer_wait(&p, SEC(76));
	assert_int_equal(tcp_status(c), TCP_TIMED_OUT);
	assert_int_equal(tcp_stats(p.t)->keepalives, 10);
	tcp_close(c, p.now);
	peer_flush(&p);
	peer_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segment_sizes), cmocka_unit_test(path_mtu),
		cmocka_unit_test(unreachable),	 cmocka_unit_test(room),
		cmocka_unit_test(byte_segments), cmocka_unit_test(starved),
		cmocka_unit_test(held_window),	 cmocka_unit_test(keep_alive),
	};

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 31 + (i >> 8));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
