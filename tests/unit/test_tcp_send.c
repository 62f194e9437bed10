/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_tcp_send.c - sending: when, how much, and when again.
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

/* --- time-outs
 * ---------------------------------------------------------------- */

/* RFC 6298 5.5: doubling up to rto_max, until the user time-out. */
static void backoff(void **state)
{
	static const unsigned after_ms[] = { 200,  400,	  800,	 1600, 3200,
					     6400, 12800, 25600, 51200 };
	struct tcp_conn *c;
	struct peer p;

	peer_init(&p);
	c = open_conn(&p);
	send_bytes(&p, c, 100);
	expect(&p, 1, 100);
	for (size_t i = 0; i < ARRAY_LEN(after_ms); i++) {
		peer_wait(&p, MSEC(after_ms[i]) - MSEC(2));
		expect_nothing(&p);
		peer_wait(&p, MSEC(2));
		expect(&p, 1, 100);
	}
	/* 102.2 s have passed; the user time-out is 120 s. */
	peer_wait(&p, SEC(17));
	assert_false(tcp_dead(c));
	peer_wait(&p, SEC(1));
	assert_int_equal(tcp_status(c), TCP_TIMED_OUT);
	assert_ptr_equal(tcp_ready(p.t), c);
	assert_int_equal(tcp_stats(p.t)->timed_out, 1);
	assert_int_equal(tcp_stats(p.t)->retransmits, ARRAY_LEN(after_ms));
	tcp_close(c, p.now);
	peer_fini(&p);
}

/* Karn: what was sent twice tells no round trip, and the back-off stays until
 * something does. */
static void karn(void **state)
{
	struct tcp_conn *c;
	struct peer p;
	uint32_t srtt;

	peer_init(&p);
	c = open_conn(&p);
	srtt = c->srtt;
	send_bytes(&p, c, 100);
	expect(&p, 1, 100);
	peer_wait(&p, MSEC(200));
	expect(&p, 1, 100);
	peer_wait(&p, MSEC(100));
	peer_send(&p, TCP_ACK, 1, 101, 0);
	assert_int_equal(c->srtt, srtt);
	assert_int_equal(c->backoff, 1);
	send_bytes(&p, c, 50);
	expect(&p, 101, 0 + 50);
	p.now += MSEC(40);
	peer_send(&p, TCP_ACK, 1, 151, 0);
	assert_true(c->srtt > srtt);
	assert_int_equal(c->backoff, 0);
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* RFC 6298 5.3: an ACK that advances restarts the timer; in recovery only the
 * first one does (RFC 6582 4, "impatient"). */
static void timer_restarts(void **state)
{
	struct tcp_conn *c;
	struct peer p;

	peer_init(&p);
	c = open_conn(&p);
	send_bytes(&p, c, 10 * MSS);
	assert_int_equal(peer_flush(&p), 10);
	peer_wait(&p, MSEC(150));
	peer_send(&p, TCP_ACK, 1, 1 + MSS, 0);
	c->rto = MSEC(200);
	tcp_timer_rto(c);
	peer_wait(&p, MSEC(150));
	peer_send(&p, TCP_ACK, 1, 1 + 2 * MSS, 0);
	c->rto = MSEC(200);
	peer_wait(&p, MSEC(150));
	assert_int_equal(tcp_stats(p.t)->timeouts, 0);
	for (unsigned i = 0; i < 3; i++)
		peer_send(&p, TCP_ACK, 1, 1 + 2 * MSS, 0);
	expect(&p, 1 + 2 * MSS, MSS);
	for (unsigned i = 3; i < 6; i++) {
		peer_wait(&p, MSEC(90));
		assert_int_equal(tcp_stats(p.t)->timeouts, i == 5);
		peer_send(&p, TCP_ACK, 1, 1 + i * MSS, 0);
		peer_flush(&p);
		c->rto = MSEC(150);
		if (i == 3)
			tcp_timer_rto(c);
	}
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* RFC 6298 2.2 and 2.3, in microseconds. */
static void round_trips(void **state)
{
	struct tcp_conn *c;
	struct peer p;

	peer_init(&p);
	c = open_conn(&p);
	c->srtt = 0;
	tcp_rtt_sample(c, 100000);
	assert_int_equal(c->srtt, 100000);
	assert_int_equal(c->rttvar, 50000);
	assert_int_equal(c->rto, 300000);
	tcp_rtt_sample(c, 180000);
	assert_int_equal(c->srtt, 110000);
	assert_int_equal(c->rttvar, 57500);
	assert_int_equal(c->rto, 340000);
	for (unsigned i = 0; i < 100; i++)
		tcp_rtt_sample(c, 7);
	assert_int_equal(c->srtt, 7);
	assert_int_equal(c->rto, MSEC(200));
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* The buffer the port still holds is copied; the one it gave back is used. */
static void again_in_place(void **state)
{
	struct tcp_conn *c;
	struct rte_mbuf *held;
	struct ip_txv *v;
	struct peer p;

	peer_init(&p);
	c = open_conn(&p);
	v = ip_txv(p.ip, 0);
	send_bytes(&p, c, 100);
	tcp_output(p.t, p.now);
	held = v->pkt[0];
	v->n = 0;
	assert_int_equal(rte_mbuf_refcnt_read(held), 2);
	peer_wait(&p, MSEC(200));
	tcp_output(p.t, p.now);
	assert_ptr_not_equal(v->pkt[0], held);
	expect(&p, 1, 100);
	assert_int_equal(tcp_stats(p.t)->copies, 1);
	rte_pktmbuf_free(held);
	peer_wait(&p, MSEC(400));
	tcp_output(p.t, p.now);
	assert_ptr_equal(v->pkt[0], held);
	expect(&p, 1, 100);
	assert_int_equal(tcp_stats(p.t)->copies, 1);
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* SYN after 1, 3, 7, ... s; one segment to begin with after a lost one (RFC
 * 5681 3.1) and an RTO of 3 s (RFC 6298 5.7). */
static void lost_syn(void **state)
{
	struct tcp_conn *c;
	struct packet k;
	struct peer p;

	peer_init(&p);
	c = peer_connect(&p);
	for (unsigned i = 0; i < 6; i++) {
		peer_wait(&p, (SEC(1) << i) - MSEC(2));
		expect_nothing(&p);
		peer_wait(&p, MSEC(2));
		assert_true(peer_recv(&p, &k));
		assert_int_equal(k.flags, TCP_SYN);
		assert_int_equal(k.seq, p.iss);
	}
	peer_wait(&p, SEC(64));
	assert_int_equal(tcp_status(c), TCP_TIMED_OUT);
	tcp_close(c, p.now);

	c = peer_connect(&p);
	peer_wait(&p, SEC(1));
	assert_true(peer_recv(&p, &k));
	p.opts = (struct tcp_opts){ .has_mss = true, .mss = MSS };
	peer_send(&p, TCP_SYN | TCP_ACK, 0, 1, 0);
	assert_int_equal(c->cwnd, MSS);
	assert_int_equal(c->rto, SEC(3));
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* A SYN-ACK sent twice: no round trip, one segment to begin with. */
static void lost_syn_ack(void **state)
{
	struct tcp_conn *c;
	struct packet k;
	struct peer p;
	void *user;

	for (int how = 0; how < 2; how++) {
		peer_init(&p);
		p.opts = (struct tcp_opts){ .has_mss = true, .mss = MSS };
		peer_send(&p, TCP_SYN, 0, 0, 0);
		assert_true(peer_recv(&p, &k));
		if (how)
			peer_wait(&p, SEC(1));
		else
			peer_send(&p, TCP_SYN, 0, 0, 0);
		assert_true(peer_recv(&p, &k));
		assert_int_equal(k.flags, TCP_SYN | TCP_ACK);
		p.iss = k.seq;
		peer_send(&p, TCP_ACK, 1, 1, 0);
		c = tcp_accept(p.t, &user);
		assert_int_equal(c->srtt, 0);
		assert_int_equal(c->cwnd, MSS);
		tcp_abort(c, p.now);
		peer_fini(&p);
	}
}

/* --- congestion
 * ------------------------------------------------------------------ */

/* RFC 6928: ten segments; RFC 3465: an ACK opens at most two more. */
static void slow_start(void **state)
{
	struct tcp_conn *c;
	struct peer p;

	peer_init(&p);
	c = open_conn(&p);
	send_bytes(&p, c, 40 * MSS);
	assert_int_equal(peer_flush(&p), 10);
	peer_send(&p, TCP_ACK, 1, 1 + MSS, 0);
	assert_int_equal(peer_flush(&p), 2);
	peer_send(&p, TCP_ACK, 1, 1 + 3 * MSS, 0);
	assert_int_equal(peer_flush(&p), 4);
	peer_send(&p, TCP_ACK, 1, 1 + 10 * MSS, 0);
	assert_int_equal(c->cwnd, 15 * MSS);
	/* Past ssthresh: one segment for a window's worth. */
	c->ssthresh = c->cwnd;
	assert_int_equal(peer_flush(&p), 9);
	peer_send(&p, TCP_ACK, 1, 1 + 24 * MSS, 0);
	assert_int_equal(c->cwnd, 15 * MSS);
	peer_flush(&p);
	peer_send(&p, TCP_ACK, 1, 1 + 25 * MSS, 0);
	assert_int_equal(c->cwnd, 16 * MSS);
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* RFC 5681 3.2, RFC 3042, RFC 6582. */
static void fast_recovery(void **state)
{
	struct tcp_conn *c;
	struct peer p;

	peer_init(&p);
	c = open_conn(&p);
	send_bytes(&p, c, 40 * MSS);
	assert_int_equal(peer_flush(&p), 10);
	/* Segments 1 and 5 are lost. */
	for (unsigned i = 0; i < 2; i++) { /* limited transmit */
		peer_send(&p, TCP_ACK, 1, 1, 0);
		expect(&p, 1 + (10 + i) * MSS, MSS);
		expect_nothing(&p);
	}
	peer_send(&p, TCP_ACK, 1, 1, 0);
	expect(&p, 1, MSS);
	expect_nothing(&p);
	assert_int_equal(c->ssthresh, 6 * MSS); /* half of twelve */
	for (unsigned i = 0; i < 3; i++) {
		peer_send(&p, TCP_ACK, 1, 1, 0);
		expect_nothing(&p); /* cwnd catches up with flight: 12 */
	}
	peer_send(&p, TCP_ACK, 1, 1, 0);
	expect(&p, 1 + 12 * MSS, MSS);
	/* A partial ACK: the next hole at once, once. */
	peer_send(&p, TCP_ACK, 1, 1 + 4 * MSS, 0);
	expect(&p, 1 + 4 * MSS, MSS);
	peer_flush(&p);
	assert_int_equal(tcp_stats(p.t)->fast_retransmits, 1);
	assert_true(c->recovering);
	/* All of it: out of recovery with half the window. */
	peer_send(&p, TCP_ACK, 1, c->snd_max - p.iss, 0);
	assert_false(c->recovering);
	assert_true(c->cwnd <= c->ssthresh);
	assert_int_equal(tcp_stats(p.t)->timeouts, 0);
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* After a time-out: one segment, then all again in slow start. */
static void all_lost(void **state)
{
	struct tcp_conn *c;
	struct peer p;

	peer_init(&p);
	c = open_conn(&p);
	send_bytes(&p, c, 10 * MSS);
	assert_int_equal(peer_flush(&p), 10);
	peer_wait(&p, MSEC(200));
	expect(&p, 1, MSS);
	expect_nothing(&p);
	assert_int_equal(c->ssthresh, 5 * MSS);
	peer_send(&p, TCP_ACK, 1, 1 + MSS, 0);
	expect(&p, 1 + MSS, MSS);
	expect(&p, 1 + 2 * MSS, MSS);
	expect_nothing(&p);
	/* It was only the first: the rest is not sent again. */
	peer_send(&p, TCP_ACK, 1, 1 + 10 * MSS, 0);
	expect_nothing(&p);
	assert_int_equal(tcp_tx_pending(c), 0);
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* RFC 5681 4.1. */
static void idle_restart(void **state)
{
	struct tcp_conn *c;
	struct peer p;

	peer_init(&p);
	c = open_conn(&p);
	c->cwnd = 30 * MSS;
	peer_wait(&p, SEC(1));
	send_bytes(&p, c, 30 * MSS);
	assert_int_equal(peer_flush(&p), 10);
	tcp_abort(c, p.now);
	peer_fini(&p);
}

/* --- the peer's window
 * ------------------------------------------------------------- */

/* A closed window is asked about, ever more rarely, for as long as the peer
 * answers; opened, it is used at once. */
static void zero_window(void **state)
{
	struct tcp_conn *c;
	struct packet k;
	struct peer p;
	unsigned probes = 0;
	usec_t last = 0;

	peer_init(&p);
	c = open_conn(&p);
	p.wnd = 0;
	peer_send(&p, TCP_ACK, 1, 1, 1);
	peer_flush(&p);
	send_bytes(&p, c, 1000);
	expect_nothing(&p);
	for (unsigned i = 0; i < 3000; i++) {
		peer_wait(&p, MSEC(100));
		if (!peer_recv(&p, &k) || k.seq != p.iss)
			continue;
		assert_int_equal(k.len, 0);
		assert_true(!last || p.now - last <= SEC(61));
		last = p.now;
		probes++;
		peer_send(&p, TCP_ACK, 2, 1, 0);
	}
	/* 5 minutes: far beyond the user time-out. */
	assert_true(probes > 8 && probes < 15);
	assert_int_equal(tcp_stats(p.t)->zero_window_probes, probes);
	p.wnd = 8000;
	peer_send(&p, TCP_ACK, 2, 1, 0);
	expect(&p, 1, 1000);
	peer_send(&p, TCP_ACK, 2, 1001, 0);
	p.wnd = 0;
	peer_send(&p, TCP_ACK, 2, 1001, 0);
	send_bytes(&p, c, 500);
	for (unsigned i = 0; i < 12; i++) { /* nobody answers now */
		assert_false(tcp_dead(c));
		peer_flush(&p);
		peer_wait(&p, SEC(10));
	}
	assert_int_equal(tcp_status(c), TCP_TIMED_OUT);
	tcp_close(c, p.now);
	peer_fini(&p);
}

/* RFC 9293 3.8.6.2.1: a small piece of window waits for more, but not for
 * ever. */
static void silly_window(void **state)
{
	struct tcp_conn *c;
	struct peer p;

	peer_init(&p);
	c = open_conn(&p);
	p.wnd = 100;
	peer_send(&p, TCP_ACK, 1, 1, 1);
	peer_flush(&p);
	send_bytes(&p, c, 5000);
	expect_nothing(&p);
	peer_wait(&p, MSEC(200));
	expect(&p, 1, 100);
	expect_nothing(&p);
	/* A window never shrinks what was sent: the rest waits. */
	p.wnd = 40000;
	peer_send(&p, TCP_ACK, 2, 101, 0);
	expect(&p, 101, MSS - 100);
	assert_int_equal(peer_flush(&p), 3);
	tcp_abort(c, p.now);
	peer_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backoff),	  cmocka_unit_test(karn),
		cmocka_unit_test(timer_restarts), cmocka_unit_test(round_trips),
		cmocka_unit_test(again_in_place), cmocka_unit_test(lost_syn),
		cmocka_unit_test(lost_syn_ack),	  cmocka_unit_test(slow_start),
		cmocka_unit_test(fast_recovery),  cmocka_unit_test(all_lost),
		cmocka_unit_test(idle_restart),	  cmocka_unit_test(zero_window),
		cmocka_unit_test(silly_window),
	};

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 31 + (i >> 8));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
