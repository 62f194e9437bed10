/* SPDX-License-Identifier: BSD-3-Clause */
/* test_tick.c - the timing wheel, row by row and against a naive model. */
#include "unit.h"

#include "tick/tick.h"

#define DAYS(n) (SEC(86400) * (n))
#define EPOCH MSEC((usec_t)1 << 32) /* where the last wheel wraps */

/* Armed at `start` for `when`: silent at `before`, expires at `at`. */
static void expiry(void **state)
{
	static const struct {
		usec_t start, when, before, at;
	} rows[] = {
		{ 0, 0, 0, 0 }, /* due at once */
		{ 5000, 10, 5000, 5000 }, /* long due */
		{ 0, 1, 999, 1000 }, /* rounded up, never early */
		{ 0, 1000, 999, 1000 },
		{ 0, 1001, 1999, 2000 },
		{ 999, 1000, 999, 1000 },
		{ 0, MSEC(255), MSEC(255) - 1, MSEC(255) },
		{ 0, MSEC(256), MSEC(256) - 1, MSEC(256) }, /* second wheel */
		{ MSEC(200), MSEC(300), MSEC(300) - 1, MSEC(300) },
		{ 0, MSEC(65535), MSEC(65535) - 1, MSEC(65535) },
		{ 0, MSEC(65536), MSEC(65536) - 1, MSEC(65536) }, /* third */
		{ 0, MSEC(1 << 24), MSEC(1 << 24) - 1, MSEC(1 << 24) },
		{ 0, EPOCH - 1, EPOCH - 1, EPOCH },
		{ 0, EPOCH, EPOCH - 1, EPOCH }, /* beyond the last wheel */
		{ EPOCH - 1, EPOCH + 1, EPOCH + 999, EPOCH + 1000 },
		{ 7, DAYS(200) + 3, DAYS(200), DAYS(200) + 1000 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tick_wheel w;
		struct tick_node n;

		tick_init(&w, rows[i].start);
		tick_node_init(&n);
		assert_false(tick_armed(&n));
		assert_true(tick_next(&w) == USEC_NEVER);
		tick_arm(&w, &n, rows[i].when);
		assert_true(tick_armed(&n));
		assert_true(tick_next(&w) <= rows[i].at);
		if (rows[i].before != rows[i].at)
			assert_null(tick_expired(&w, rows[i].before));
		assert_ptr_equal(tick_expired(&w, rows[i].at), &n);
		assert_false(tick_armed(&n));
		assert_null(tick_expired(&w, rows[i].at));
		assert_int_equal(w.armed, 0);
		assert_true(tick_next(&w) == USEC_NEVER);
	}
}

static void moving(void **state)
{
	struct tick_wheel w;
	struct tick_node a, b;

	tick_init(&w, 0);
	tick_node_init(&a);
	tick_node_init(&b);

	/* An armed node is moved, not doubled. */
	tick_arm(&w, &a, MSEC(10));
	tick_arm(&w, &a, MSEC(700));
	assert_int_equal(w.armed, 1);
	assert_null(tick_expired(&w, MSEC(699)));
	assert_ptr_equal(tick_expired(&w, MSEC(700)), &a);

	/* USEC_NEVER cancels; cancelling twice is harmless. */
	tick_arm(&w, &a, MSEC(800));
	tick_arm(&w, &a, USEC_NEVER);
	assert_false(tick_armed(&a));
	tick_cancel(&w, &a);
	assert_int_equal(w.armed, 0);
	assert_true(tick_next(&w) == USEC_NEVER);

	/* A node that is due and not yet pulled can still be cancelled. */
	tick_arm(&w, &a, MSEC(900));
	tick_arm(&w, &b, MSEC(901));
	assert_ptr_equal(tick_expired(&w, MSEC(1000)), &a);
	assert_true(tick_next(&w) == w.now);
	tick_cancel(&w, &b);
	assert_null(tick_expired(&w, MSEC(1000)));
}

/* --- the model: an array that is searched ------------------------------- */

#define NODES 300

struct model {
	struct tick_wheel w;
	struct tick_node node[NODES];
	usec_t when[NODES]; /* USEC_NEVER: not armed */
	usec_t now;
	struct rng rng;
};

static usec_t some_delay(struct model *m)
{
	/* Every wheel gets its share, and so does "far". */
	switch (rng_below(&m->rng, 16)) {
	case 0:
		return 0;
	case 1:
		return rng_u64(&m->rng) % DAYS(150);
	case 2:
	case 3:
		return rng_u64(&m->rng) % SEC(40000);
	case 4:
	case 5:
	case 6:
		return rng_u64(&m->rng) % SEC(100);
	default:
		return rng_u64(&m->rng) % MSEC(600);
	}
}

static void check_next(struct model *m)
{
	usec_t soonest = USEC_NEVER, next = tick_next(&m->w);
	unsigned armed = 0;

	for (unsigned i = 0; i < NODES; i++) {
		soonest = min(soonest, m->when[i]);
		armed += m->when[i] != USEC_NEVER;
		assert_int_equal(tick_armed(&m->node[i]),
				 m->when[i] != USEC_NEVER);
	}
	assert_int_equal(m->w.armed, armed);
	if (soonest == USEC_NEVER) {
		assert_true(next == USEC_NEVER);
		return;
	}
	assert_true(next <= max(m->now, soonest + TICK_USEC));
	/* Exact where no multiple of 256 ms lies between. */
	if (soonest > m->now &&
	    (soonest + TICK_USEC - 1) / MSEC(256) == m->now / MSEC(256))
		assert_true(next >= soonest && next < soonest + TICK_USEC);
}

/* Pull until dry: exactly the nodes whose tick has come. */
static void pull_all(struct model *m)
{
	struct tick_node *n;

	while ((n = tick_expired(&m->w, m->now))) {
		unsigned i = (unsigned)(n - m->node);

		assert_true(i < NODES && m->when[i] <= m->now);
		m->when[i] = USEC_NEVER;
	}
	for (unsigned i = 0; i < NODES; i++)
		assert_true(m->when[i] == USEC_NEVER ||
			    m->when[i] > m->now / TICK_USEC * TICK_USEC);
}

static void run_model(uint64_t seed, usec_t start, unsigned steps)
{
	static struct model m;

	print_message("# seed %lu\n", (unsigned long)seed);
	m.now = start;
	rng_init(&m.rng, seed);
	tick_init(&m.w, start);
	for (unsigned i = 0; i < NODES; i++) {
		tick_node_init(&m.node[i]);
		m.when[i] = USEC_NEVER;
	}
	for (unsigned s = 0; s < steps; s++) {
		unsigned i = rng_below(&m.rng, NODES);

		switch (rng_below(&m.rng, 8)) {
		case 0:
			tick_cancel(&m.w, &m.node[i]);
			m.when[i] = USEC_NEVER;
			break;
		case 1: /* sometimes the loop sleeps as long as it may */
			if (rng_below(&m.rng, 4) ||
			    tick_next(&m.w) > DAYS(9999))
				m.now += some_delay(&m);
			else
				m.now = max(m.now, tick_next(&m.w));
			pull_all(&m);
			break;
		case 2:
			check_next(&m);
			break;
		default:
			m.when[i] = m.now + some_delay(&m);
			tick_arm(&m.w, &m.node[i], m.when[i]);
		}
	}
	m.now += DAYS(300);
	pull_all(&m);
	assert_int_equal(m.w.armed, 0);
}

static void model(void **state)
{
	run_model(1, 0, 100000);
	run_model(2, 123456789, 100000);
	run_model(3, EPOCH - MSEC(300), 100000);
	run_model(4, 3 * EPOCH - 1, 100000);
}

/* Ticks come in order, even across the wheels. */
static void order(void **state)
{
	static struct tick_node node[1000];
	struct tick_wheel w;
	struct rng rng;
	usec_t when[1000], last = 0;
	struct tick_node *n;
	unsigned got = 0;

	rng_init(&rng, 5);
	tick_init(&w, MSEC(77));
	for (unsigned i = 0; i < 1000; i++) {
		tick_node_init(&node[i]);
		when[i] = MSEC(78 + rng_below(&rng, 200000));
		tick_arm(&w, &node[i], when[i]);
	}
	while ((n = tick_expired(&w, SEC(300)))) {
		assert_true(when[n - node] >= last);
		last = when[n - node];
		got++;
	}
	assert_int_equal(got, 1000);
}

/* A loop that sleeps until tick_next() wakes up at most four times for a
 * node within the wheels' 49 days. */
static void sleeping(void **state)
{
	struct tick_wheel w;
	struct rng rng;

	rng_init(&rng, 6);
	for (unsigned i = 0; i < 10000; i++) {
		usec_t now = rng_u64(&rng) % DAYS(30);
		struct tick_node n;
		unsigned woke = 1;

		tick_init(&w, now);
		tick_node_init(&n);
		tick_arm(&w, &n, now + rng_u64(&rng) % DAYS(19));
		while (!tick_expired(&w, max(now, tick_next(&w))))
			woke++;
		assert_in_range(woke, 1, 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expiry),   cmocka_unit_test(moving),
		cmocka_unit_test(model),    cmocka_unit_test(order),
		cmocka_unit_test(sleeping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
