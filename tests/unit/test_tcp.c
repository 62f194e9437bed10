/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_tcp.c - arrival of a segment in every state (RFC 9293 3.10.7), row by
 * row: what becomes of it, what is answered, which state follows.
 */
#include "tcp_peer.h"

enum {
	S = TCP_SYN,
	F = TCP_FIN,
	R = TCP_RST,
	A = TCP_ACK,
	SA = TCP_SYN | TCP_ACK,
	RA = TCP_RST | TCP_ACK,
	FA = TCP_FIN | TCP_ACK,
	NONE = 0,
};

/* Beside the states of a connection: */
enum { LISTEN = 100, HALF_OPEN, GONE };

/* --- getting into a state ---------------------------------------------------
 */

static struct tcp_conn *established(struct peer *p)
{
	struct tcp_conn *c = peer_accept(p);

	peer_flush(p);
	return c;
}

static void finish(struct peer *p, struct tcp_conn *c)
{
	tcp_shutdown(c, p->now);
	assert_int_equal(peer_flush(p), 1);
}

/* The connection, or NULL where there is none yet. */
static struct tcp_conn *enter(struct peer *p, int state)
{
	struct tcp_conn *c;
	struct packet k;

	switch (state) {
	case LISTEN:
		return NULL;
	case HALF_OPEN:
		peer_send(p, S, 0, 0, 0);
		assert_true(peer_recv(p, &k));
		p->iss = k.seq;
		return NULL;
	case TCPS_SYN_SENT:
		return peer_connect(p);
	case TCPS_SYN_RCVD:
		c = peer_connect(p);
		peer_send(p, S, 0, 0, 0);
		assert_int_equal(peer_flush(p), 1);
		return c;
	case TCPS_ESTABLISHED:
		return established(p);
	case TCPS_FIN_WAIT_1:
		c = established(p);
		finish(p, c);
		return c;
	case TCPS_FIN_WAIT_2:
		c = enter(p, TCPS_FIN_WAIT_1);
		peer_send(p, A, 1, 2, 0);
		return c;
	case TCPS_CLOSING:
		c = enter(p, TCPS_FIN_WAIT_1);
		peer_send(p, FA, 1, 1, 0);
		peer_flush(p);
		return c;
	case TCPS_TIME_WAIT:
		c = enter(p, TCPS_FIN_WAIT_2);
		peer_send(p, FA, 1, 2, 0);
		peer_flush(p);
		return c;
	case TCPS_CLOSE_WAIT:
		c = established(p);
		peer_send(p, FA, 1, 1, 0);
		peer_flush(p);
		return c;
	case TCPS_LAST_ACK:
		c = enter(p, TCPS_CLOSE_WAIT);
		finish(p, c);
		return c;
	default:
		fail();
		return NULL;
	}
}

/* --- the table
 * ---------------------------------------------------------------- */

struct row {
	const char *what;
	int state;
	uint8_t flags;
	int64_t seq; /* from what we expect next */
	int64_t ack; /* from the end of what we sent */
	uint16_t len;
	enum tcp_verdict verdict;
	int reply; /* flags of the only answer */
	int after;
	enum tcp_status status;
};

/* Where the peer stands before the row: its next number and ours, relative. */
static void numbers(int state, uint32_t *rseq, uint32_t *rack)
{
	*rseq = state == LISTEN || state == TCPS_SYN_SENT ? 0
		: state == TCPS_CLOSING || state == TCPS_CLOSE_WAIT ||
				state == TCPS_LAST_ACK ||
				state == TCPS_TIME_WAIT
			? 2
			: 1;
	*rack = state == TCPS_FIN_WAIT_1 || state == TCPS_FIN_WAIT_2 ||
				state == TCPS_CLOSING ||
				state == TCPS_LAST_ACK ||
				state == TCPS_TIME_WAIT
			? 2
			: 1;
}

static void check_reply(struct peer *p, const struct row *r, uint32_t seq,
			uint32_t ack)
{
	uint32_t end = seq + r->len + !!(r->flags & S) + !!(r->flags & F);
	struct packet k, more;

	if (r->reply == NONE) {
		assert_false(peer_recv(p, &k));
		return;
	}
	assert_true(peer_recv(p, &k));
	assert_int_equal(k.flags, r->reply);
	assert_false(peer_take(p, &more));
	/* 3.10.7.1: what a reset says. */
	if (k.flags == R)
		assert_int_equal(k.seq, p->iss + ack);
	if (k.flags == RA)
		assert_int_equal(k.ack, p->isn + end);
}

static void check_after(struct peer *p, const struct row *r, struct tcp_conn *c)
{
	const struct tcp_stats *s = tcp_stats(p->t);
	void *user;

	assert_int_equal(s->syn_queue, r->after == HALF_OPEN);
	assert_int_equal(s->time_wait, r->after == TCPS_TIME_WAIT);
	if (r->after == LISTEN || r->after == HALF_OPEN) {
		assert_null(tcp_accept(p->t, &user));
		return;
	}
	if (!c)
		c = tcp_accept(p->t, &user);
	assert_non_null(c);
	assert_int_equal(c->state, r->after);
	assert_int_equal(tcp_status(c), r->status);
}

static const struct row rows[] = {
	/* 3.10.7.2 LISTEN */
	{ "a SYN", LISTEN, S, 0, 0, 0, TCP_OK, SA, HALF_OPEN, 0 },
	{ "a SYN with data", LISTEN, S, 0, 0, 9, TCP_OK, SA, HALF_OPEN, 0 },
	{ "an ACK", LISTEN, A, 0, 5, 0, TCP_DROP_CLOSED, R, LISTEN, 0 },
	{ "a SYN-ACK", LISTEN, SA, 0, 5, 0, TCP_DROP_CLOSED, R, LISTEN, 0 },
	{ "a reset", LISTEN, R, 0, 0, 0, TCP_DROP_RST, NONE, LISTEN, 0 },
	{ "SYN and FIN", LISTEN, S | F, 0, 0, 0, TCP_DROP_HEADER, NONE, LISTEN,
	  0 },
	{ "no flag", LISTEN, 0, 0, 0, 3, TCP_DROP_HEADER, NONE, LISTEN, 0 },

	/* 3.10.7.4 SYN-RECEIVED, from LISTEN */
	{ "the ACK", HALF_OPEN, A, 0, 0, 0, TCP_OK, NONE, TCPS_ESTABLISHED,
	  TCP_OPEN },
	{ "the ACK with data", HALF_OPEN, A, 0, 0, 10, TCP_OK, NONE,
	  TCPS_ESTABLISHED, TCP_OPEN },
	{ "the ACK with FIN", HALF_OPEN, FA, 0, 0, 0, TCP_OK, A,
	  TCPS_CLOSE_WAIT, TCP_PEER_CLOSED },
	{ "ACK of nothing", HALF_OPEN, A, 0, -1, 0, TCP_DROP_ACK, R, HALF_OPEN,
	  0 },
	{ "ACK of the unsent", HALF_OPEN, A, 0, 1, 0, TCP_DROP_ACK, R,
	  HALF_OPEN, 0 },
	{ "outside the window", HALF_OPEN, A, 70000, 0, 0, TCP_DROP_WINDOW, A,
	  HALF_OPEN, 0 },
	{ "the ACK, all of it old", HALF_OPEN, FA, -1, 0, 0, TCP_DROP_WINDOW, A,
	  HALF_OPEN, 0 },
	{ "the SYN again", HALF_OPEN, S, -1, 0, 0, TCP_DROP_DUPLICATE, SA,
	  HALF_OPEN, 0 },
	{ "another SYN", HALF_OPEN, S, 5, 0, 0, TCP_DROP_SYN, A, HALF_OPEN, 0 },
	{ "reset, exact", HALF_OPEN, R, 0, 0, 0, TCP_OK, NONE, LISTEN, 0 },
	{ "reset in window", HALF_OPEN, R, 1, 0, 0, TCP_DROP_RST, A, HALF_OPEN,
	  0 },
	{ "reset elsewhere", HALF_OPEN, R, -9, 0, 0, TCP_DROP_RST, NONE,
	  HALF_OPEN, 0 },
	{ "no ACK", HALF_OPEN, 0, 0, 0, 5, TCP_DROP_ACK, NONE, HALF_OPEN, 0 },

	/* 3.10.7.3 SYN-SENT */
	{ "SYN-ACK", TCPS_SYN_SENT, SA, 0, 0, 0, TCP_OK, A, TCPS_ESTABLISHED,
	  TCP_OPEN },
	{ "SYN alone", TCPS_SYN_SENT, S, 0, 0, 0, TCP_OK, SA, TCPS_SYN_RCVD,
	  TCP_OPENING },
	{ "SYN-ACK of nothing", TCPS_SYN_SENT, SA, 0, -1, 0, TCP_DROP_ACK, R,
	  TCPS_SYN_SENT, TCP_OPENING },
	{ "SYN-ACK of more", TCPS_SYN_SENT, SA, 0, 1, 0, TCP_DROP_ACK, R,
	  TCPS_SYN_SENT, TCP_OPENING },
	{ "reset", TCPS_SYN_SENT, RA, 0, 0, 0, TCP_OK, NONE, TCPS_CLOSED,
	  TCP_REFUSED },
	{ "reset of nothing", TCPS_SYN_SENT, RA, 0, -1, 0, TCP_DROP_ACK, NONE,
	  TCPS_SYN_SENT, TCP_OPENING },
	{ "reset without ACK", TCPS_SYN_SENT, R, 0, 0, 0, TCP_DROP_RST, NONE,
	  TCPS_SYN_SENT, TCP_OPENING },
	{ "ACK alone", TCPS_SYN_SENT, A, 0, 0, 0, TCP_DROP_ACK, NONE,
	  TCPS_SYN_SENT, TCP_OPENING },
	{ "FIN", TCPS_SYN_SENT, F, 0, 0, 0, TCP_DROP_ACK, NONE, TCPS_SYN_SENT,
	  TCP_OPENING },

	/* SYN-RECEIVED, because both opened at once */
	{ "the ACK", TCPS_SYN_RCVD, A, 0, 0, 0, TCP_OK, NONE, TCPS_ESTABLISHED,
	  TCP_OPEN },
	{ "the peer's SYN-ACK", TCPS_SYN_RCVD, SA, -1, 0, 0, TCP_OK, NONE,
	  TCPS_ESTABLISHED, TCP_OPEN },
	{ "ACK of nothing", TCPS_SYN_RCVD, A, 0, -1, 0, TCP_DROP_ACK, R,
	  TCPS_SYN_RCVD, TCP_OPENING },
	{ "reset", TCPS_SYN_RCVD, R, 0, 0, 0, TCP_OK, NONE, TCPS_CLOSED,
	  TCP_REFUSED },

	/* ESTABLISHED; RFC 5961 for the blind ones */
	{ "data", TCPS_ESTABLISHED, A, 0, 0, 100, TCP_OK, NONE,
	  TCPS_ESTABLISHED, TCP_OPEN },
	{ "data after a gap", TCPS_ESTABLISHED, A, 50, 0, 100, TCP_OK, A,
	  TCPS_ESTABLISHED, TCP_OPEN },
	{ "old data", TCPS_ESTABLISHED, A, -100, 0, 100, TCP_DROP_DUPLICATE, A,
	  TCPS_ESTABLISHED, TCP_OPEN },
	{ "half old data", TCPS_ESTABLISHED, A, -50, 0, 100, TCP_OK, NONE,
	  TCPS_ESTABLISHED, TCP_OPEN },
	{ "beyond the window", TCPS_ESTABLISHED, A, 300000, 0, 100,
	  TCP_DROP_WINDOW, A, TCPS_ESTABLISHED, TCP_OPEN },
	{ "a keep-alive", TCPS_ESTABLISHED, A, -1, 0, 0, TCP_DROP_DUPLICATE, A,
	  TCPS_ESTABLISHED, TCP_OPEN },
	{ "FIN", TCPS_ESTABLISHED, FA, 0, 0, 0, TCP_OK, A, TCPS_CLOSE_WAIT,
	  TCP_PEER_CLOSED },
	{ "data and FIN", TCPS_ESTABLISHED, FA, 0, 0, 80, TCP_OK, A,
	  TCPS_CLOSE_WAIT, TCP_PEER_CLOSED },
	{ "FIN after a gap", TCPS_ESTABLISHED, FA, 10, 0, 0, TCP_OK, A,
	  TCPS_ESTABLISHED, TCP_OPEN },
	{ "reset, exact", TCPS_ESTABLISHED, R, 0, 0, 0, TCP_OK, NONE,
	  TCPS_CLOSED, TCP_RESET },
	{ "reset in window", TCPS_ESTABLISHED, R, 1, 0, 0, TCP_DROP_RST, A,
	  TCPS_ESTABLISHED, TCP_OPEN },
	{ "reset before", TCPS_ESTABLISHED, R, -1, 0, 0, TCP_DROP_RST, NONE,
	  TCPS_ESTABLISHED, TCP_OPEN },
	{ "reset beyond", TCPS_ESTABLISHED, R, 300000, 0, 0, TCP_DROP_RST, NONE,
	  TCPS_ESTABLISHED, TCP_OPEN },
	{ "SYN, exact", TCPS_ESTABLISHED, S, 0, 0, 0, TCP_DROP_SYN, A,
	  TCPS_ESTABLISHED, TCP_OPEN },
	{ "SYN in window", TCPS_ESTABLISHED, S, 10, 0, 0, TCP_DROP_SYN, A,
	  TCPS_ESTABLISHED, TCP_OPEN },
	{ "SYN elsewhere", TCPS_ESTABLISHED, S, 900000, 0, 0, TCP_DROP_SYN, A,
	  TCPS_ESTABLISHED, TCP_OPEN },
	{ "SYN-ACK again", TCPS_ESTABLISHED, SA, -1, 0, 0, TCP_DROP_SYN, A,
	  TCPS_ESTABLISHED, TCP_OPEN },
	{ "ACK of the unsent", TCPS_ESTABLISHED, A, 0, 1, 0, TCP_DROP_ACK, A,
	  TCPS_ESTABLISHED, TCP_OPEN },
	{ "data, ACK of the unsent", TCPS_ESTABLISHED, A, 0, 1, 10,
	  TCP_DROP_ACK, A, TCPS_ESTABLISHED, TCP_OPEN },
	{ "ACK too old", TCPS_ESTABLISHED, A, 0, -70000, 10, TCP_DROP_ACK, A,
	  TCPS_ESTABLISHED, TCP_OPEN },
	{ "ACK merely old", TCPS_ESTABLISHED, A, 0, -1000, 10, TCP_OK, NONE,
	  TCPS_ESTABLISHED, TCP_OPEN },
	{ "no ACK", TCPS_ESTABLISHED, 0, 0, 0, 10, TCP_DROP_ACK, NONE,
	  TCPS_ESTABLISHED, TCP_OPEN },

	/* FIN-WAIT-1 */
	{ "ACK of our FIN", TCPS_FIN_WAIT_1, A, 0, 0, 0, TCP_OK, NONE,
	  TCPS_FIN_WAIT_2, TCP_OPEN },
	{ "FIN with the ACK", TCPS_FIN_WAIT_1, FA, 0, 0, 0, TCP_OK, A,
	  TCPS_TIME_WAIT, TCP_PEER_CLOSED },
	{ "FIN crossing ours", TCPS_FIN_WAIT_1, FA, 0, -1, 0, TCP_OK, A,
	  TCPS_CLOSING, TCP_PEER_CLOSED },
	{ "data", TCPS_FIN_WAIT_1, A, 0, -1, 10, TCP_OK, NONE, TCPS_FIN_WAIT_1,
	  TCP_OPEN },
	{ "reset", TCPS_FIN_WAIT_1, R, 0, 0, 0, TCP_OK, NONE, TCPS_CLOSED,
	  TCP_RESET },

	/* FIN-WAIT-2 */
	{ "data", TCPS_FIN_WAIT_2, A, 0, 0, 10, TCP_OK, NONE, TCPS_FIN_WAIT_2,
	  TCP_OPEN },
	{ "FIN", TCPS_FIN_WAIT_2, FA, 0, 0, 0, TCP_OK, A, TCPS_TIME_WAIT,
	  TCP_PEER_CLOSED },
	{ "data and FIN", TCPS_FIN_WAIT_2, FA, 0, 0, 10, TCP_OK, A,
	  TCPS_TIME_WAIT, TCP_PEER_CLOSED },
	{ "reset", TCPS_FIN_WAIT_2, R, 0, 0, 0, TCP_OK, NONE, TCPS_CLOSED,
	  TCP_RESET },

	/* CLOSE-WAIT: behind the FIN there is nothing */
	{ "data", TCPS_CLOSE_WAIT, A, 0, 0, 10, TCP_OK, NONE, TCPS_CLOSE_WAIT,
	  TCP_PEER_CLOSED },
	{ "the FIN again", TCPS_CLOSE_WAIT, FA, -1, 0, 0, TCP_DROP_DUPLICATE, A,
	  TCPS_CLOSE_WAIT, TCP_PEER_CLOSED },
	{ "reset", TCPS_CLOSE_WAIT, R, 0, 0, 0, TCP_OK, NONE, TCPS_CLOSED,
	  TCP_RESET },
	{ "SYN", TCPS_CLOSE_WAIT, S, 0, 0, 0, TCP_DROP_SYN, A, TCPS_CLOSE_WAIT,
	  TCP_PEER_CLOSED },

	/* CLOSING */
	{ "ACK of our FIN", TCPS_CLOSING, A, 0, 0, 0, TCP_OK, NONE,
	  TCPS_TIME_WAIT, TCP_PEER_CLOSED },
	{ "the FIN again", TCPS_CLOSING, FA, -1, -1, 0, TCP_DROP_DUPLICATE, A,
	  TCPS_CLOSING, TCP_PEER_CLOSED },
	{ "reset", TCPS_CLOSING, R, 0, 0, 0, TCP_OK, NONE, TCPS_CLOSED,
	  TCP_PEER_CLOSED },

	/* LAST-ACK */
	{ "ACK of our FIN", TCPS_LAST_ACK, A, 0, 0, 0, TCP_OK, NONE,
	  TCPS_CLOSED, TCP_PEER_CLOSED },
	{ "the FIN again", TCPS_LAST_ACK, FA, -1, -1, 0, TCP_DROP_DUPLICATE, A,
	  TCPS_LAST_ACK, TCP_PEER_CLOSED },
	{ "reset", TCPS_LAST_ACK, R, 0, 0, 0, TCP_OK, NONE, TCPS_CLOSED,
	  TCP_PEER_CLOSED },

	/* TIME-WAIT; RFC 1337, RFC 6191 */
	{ "the FIN again", TCPS_TIME_WAIT, FA, -1, 0, 0, TCP_DROP_DUPLICATE, A,
	  TCPS_TIME_WAIT, TCP_PEER_CLOSED },
	{ "an ACK", TCPS_TIME_WAIT, A, 0, 0, 0, TCP_DROP_DUPLICATE, NONE,
	  TCPS_TIME_WAIT, TCP_PEER_CLOSED },
	{ "data", TCPS_TIME_WAIT, A, 0, 0, 10, TCP_DROP_DUPLICATE, A,
	  TCPS_TIME_WAIT, TCP_PEER_CLOSED },
	{ "reset", TCPS_TIME_WAIT, R, 0, 0, 0, TCP_DROP_RST, NONE,
	  TCPS_TIME_WAIT, TCP_PEER_CLOSED },
	{ "an old SYN", TCPS_TIME_WAIT, S, -5, 0, 0, TCP_DROP_DUPLICATE, A,
	  TCPS_TIME_WAIT, TCP_PEER_CLOSED },
	{ "a new SYN", TCPS_TIME_WAIT, S, 5, 0, 0, TCP_OK, SA, HALF_OPEN, 0 },
};

static void arrivals(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		uint32_t rseq, rack;
		struct tcp_conn *c;
		struct peer p;

		print_message("# %s: %s\n",
			      r->state < LISTEN ? (const char *[]){
#define X(id, name) [TCPS_##id] = name,
				      TCP_STATES(X)
#undef X
			      }[r->state] :
						  "listener",
			      r->what);
		peer_init(&p);
		c = enter(&p, r->state);
		numbers(r->state, &rseq, &rack);
		rseq += (uint32_t)r->seq;
		rack += (uint32_t)r->ack;
		assert_int_equal(peer_send(&p, r->flags, rseq, rack, r->len),
				 r->verdict);
		assert_int_equal(tcp_stats(p.t)->verdicts[r->verdict] > 0, 1);
		check_reply(&p, r, rseq, rack);
		check_after(&p, r, c);
		if (c)
			tcp_close(c, p.now);
		peer_fini(&p);
	}
}

/* 3.10.7.1: nobody listens there. */
static void closed_port(void **state)
{
	struct packet k;
	struct peer p;

	peer_init(&p);
	p.uport = 81;
	assert_int_equal(peer_send(&p, S, 0, 0, 7), TCP_DROP_CLOSED);
	assert_true(peer_recv(&p, &k));
	assert_int_equal(k.flags, RA);
	assert_int_equal(k.seq, 0);
	assert_int_equal(k.ack, p.isn + 8);
	assert_int_equal(peer_send(&p, A, 3, 9, 7), TCP_DROP_CLOSED);
	assert_true(peer_recv(&p, &k));
	assert_int_equal(k.flags, R);
	assert_int_equal(k.seq, p.iss + 9);
	assert_int_equal(peer_send(&p, RA, 3, 9, 0), TCP_DROP_RST);
	assert_false(peer_recv(&p, &k));
	/* A listener that is gone is a closed port. */
	p.uport = PEER_LISTEN;
	peer_send(&p, S, 0, 0, 0);
	tcp_unlisten(p.t, p.listener);
	assert_int_equal(tcp_stats(p.t)->syn_queue, 0);
	p.tport++;
	assert_int_equal(peer_send(&p, S, 0, 0, 0), TCP_DROP_CLOSED);
	peer_fini(&p);
}

/* 3.6.1, RFC 2525 2.17: nobody reads any more. */
static void after_close(void **state)
{
	struct tcp_conn *c;
	struct packet k;
	struct peer p;

	/* Data unread at the time: reset at once. */
	peer_init(&p);
	c = established(&p);
	peer_send(&p, A, 1, 1, 10);
	tcp_close(c, p.now);
	assert_true(peer_recv(&p, &k));
	assert_int_equal(k.flags, RA);
	assert_int_equal(tcp_stats(p.t)->conns, 0);
	peer_fini(&p);

	/* Data arriving later: reset then; a FIN alone is welcome. */
	for (int data = 0; data < 2; data++) {
		peer_init(&p);
		c = established(&p);
		tcp_close(c, p.now);
		assert_true(peer_recv(&p, &k));
		assert_int_equal(k.flags, FA);
		assert_int_equal(peer_send(&p, FA, 1, 2, data ? 5 : 0),
				 data ? TCP_DROP_AFTER_CLOSE : TCP_OK);
		assert_true(peer_recv(&p, &k));
		assert_int_equal(k.flags, data ? RA : A);
		assert_int_equal(tcp_stats(p.t)->conns, 0);
		assert_int_equal(tcp_stats(p.t)->time_wait, !data);
		peer_fini(&p);
	}

	/* A peer that never closes keeps an orphan a minute, not for ever. */
	peer_init(&p);
	c = established(&p);
	tcp_close(c, p.now);
	peer_flush(&p);
	peer_send(&p, A, 1, 2, 0);
	peer_wait(&p, SEC(59));
	assert_int_equal(tcp_stats(p.t)->conns, 1);
	peer_wait(&p, SEC(2));
	assert_int_equal(tcp_stats(p.t)->conns, 0);
	assert_false(peer_recv(&p, &k));
	peer_fini(&p);
}

/* What was received before the peer's FIN outlives a later reset; before a
 * plain reset it does not. */
static void readable_after_death(void **state)
{
	for (int closed = 0; closed < 2; closed++) {
		struct tcp_conn *c;
		struct peer p;

		peer_init(&p);
		c = established(&p);
		peer_send(&p, closed ? FA : A, 1, 1, 10);
		assert_ptr_equal(tcp_ready(p.t), c);
		assert_null(tcp_ready(p.t));
		peer_send(&p, R, closed ? 12 : 11, 0, 0);
		assert_ptr_equal(tcp_ready(p.t), c);
		assert_true(tcp_dead(c));
		assert_int_equal(tcp_rx_avail(c), closed ? 10 : 0);
		assert_int_equal(tcp_tx_space(c), 0);
		assert_int_equal(tcp_write(c, "x", 1, p.now), 0);
		tcp_shutdown(c, p.now);
		tcp_close(c, p.now);
		assert_int_equal(tcp_stats(p.t)->reset_in, 1);
		peer_fini(&p);
	}
}

/* 2MSL, begun anew by the peer's FIN; the oldest goes when there are many. */
static void time_wait(void **state)
{
	struct peer p;

	peer_init(&p);
	tcp_close(enter(&p, TCPS_TIME_WAIT), p.now);
	peer_wait(&p, SEC(50));
	peer_send(&p, FA, 1, 2, 0);
	assert_int_equal(peer_flush(&p), 1);
	peer_wait(&p, SEC(50));
	assert_int_equal(tcp_stats(p.t)->time_wait, 1);
	peer_wait(&p, SEC(11));
	assert_int_equal(tcp_stats(p.t)->time_wait, 0);
	for (unsigned i = 0; i < 12; i++) {
		p.tport++;
		tcp_close(enter(&p, TCPS_TIME_WAIT), p.now);
		assert_int_equal(tcp_stats(p.t)->time_wait, min(i + 1, 8u));
	}
	peer_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrivals),
		cmocka_unit_test(closed_port),
		cmocka_unit_test(after_close),
		cmocka_unit_test(readable_after_death),
		cmocka_unit_test(time_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
