/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_snap.c - readers on real threads never see a version that was freed,
 * sleepers delay nobody, and everything deferred is freed in the end.
 *
 * A freed version is overwritten before its memory is kept for ever, so a
 * reader that looks too late finds the poison and not an allocator's accident.
 */
#include "unit.h"

#include "snap/snap.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

#define READERS 3
#define VERSIONS 2000u
#define FILL 32
#define POISON UINT64_C(0xdeadbeefdeadbeef)

struct version {
	struct snap_head
		head; /* first: the free gets no more than its address */
	uint64_t stamp[FILL]; /* all alike, in every version */
};

static struct version store[VERSIONS + 1];
static struct snap shared;
static atomic_uint freed, started;
static atomic_bool stop;
static unsigned made_by_init;

static struct version *build(uint64_t stamp)
{
	struct version *v = &store[stamp];

	for (unsigned i = 0; i < FILL; i++)
		v->stamp[i] = stamp;
	return v;
}

static void poison(struct snap_head *head)
{
	struct version *v = container_of(head, struct version, head);

	for (unsigned i = 0; i < FILL; i++)
		__atomic_store_n(&v->stamp[i], POISON, __ATOMIC_RELAXED);
	atomic_fetch_add(&freed, 1);
}

static void reset(void)
{
	atomic_store(&freed, 0);
	atomic_store(&started, 0);
	atomic_store(&stop, false);
	(void)snap_publish(&shared, build(0));
}

struct reader {
	pthread_t thread;
	uint64_t looks, torn, backwards, newest;
};

static void *read_on(void *arg)
{
	struct reader *r = arg;

	snap_register();
	atomic_fetch_add(&started, 1);
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		const struct version *v = snap_get(&shared);
		uint64_t first = v->stamp[0];

		/* Give the writer time to free it under our eyes. */
		if (++r->looks % 64 == 0)
			sched_yield();
		for (unsigned i = 0; i < FILL; i++)
			r->torn += __atomic_load_n(&v->stamp[i],
						   __ATOMIC_RELAXED) != first;
		r->torn += first == POISON;
		r->backwards += first < r->newest;
		r->newest = first;
		snap_quiescent();
	}
	snap_unregister();
	return NULL;
}

static void readers_never_see_a_freed_version(void **state)
{
	struct reader r[READERS] = { 0 };

	reset();
	for (unsigned i = 0; i < READERS; i++)
		assert_int_equal(
			pthread_create(&r[i].thread, NULL, read_on, &r[i]), 0);
	while (atomic_load(&started) < READERS)
		sched_yield();
	for (unsigned i = 1; i <= VERSIONS; i++) {
		struct version *old = snap_publish(&shared, build(i));

		assert_int_equal(old->stamp[0], i - 1);
		snap_defer(&old->head, poison);
		if (i % 16 == 0)
			usleep(50);
	}
	snap_barrier();
	assert_int_equal(atomic_load(&freed), VERSIONS);
	/* The current one stays, and readers get to it. */
	assert_int_equal(((struct version *)snap_get(&shared))->stamp[0],
			 VERSIONS);
	atomic_store(&stop, true);
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(r[i].thread, NULL);
		assert_true(r[i].looks > 0);
		assert_int_equal(r[i].torn, 0);
		assert_int_equal(r[i].backwards, 0);
	}
}

struct sleeper {
	pthread_t thread;
	sem_t held, go;
	bool offline;
	uint64_t seen; /* what the pointer says after `go` */
};

static void *hold(void *arg)
{
	struct sleeper *s = arg;
	const struct version *v;

	snap_register();
	v = snap_get(&shared);
	if (s->offline)
		snap_offline();
	sem_post(&s->held);
	sem_wait(&s->go);
	if (s->offline)
		snap_online();
	else
		s->seen = __atomic_load_n(&v->stamp[0], __ATOMIC_RELAXED);
	snap_unregister();
	return NULL;
}

static void begin(struct sleeper *s, bool offline)
{
	s->offline = offline;
	sem_init(&s->held, 0, 0);
	sem_init(&s->go, 0, 0);
	assert_int_equal(pthread_create(&s->thread, NULL, hold, s), 0);
	sem_wait(&s->held);
}

static void end(struct sleeper *s)
{
	sem_post(&s->go);
	pthread_join(s->thread, NULL);
	sem_destroy(&s->held);
	sem_destroy(&s->go);
}

static void an_offline_reader_delays_nobody(void **state)
{
	struct sleeper s = { 0 };

	reset();
	begin(&s, true);
	snap_defer(&((struct version *)snap_publish(&shared, build(1)))->head,
		   poison);
	/* Would never return if the sleeper counted as a reader. */
	snap_barrier();
	assert_int_equal(atomic_load(&freed), 1);
	end(&s);
}

static void an_online_reader_keeps_what_it_holds(void **state)
{
	struct sleeper s = { 0 };

	reset();
	begin(&s, false);
	snap_defer(&((struct version *)snap_publish(&shared, build(1)))->head,
		   poison);
	/* Ample time for the free to run, if it were free to. */
	usleep(100 * 1000);
	assert_int_equal(atomic_load(&freed), 0);
	end(&s);
	assert_int_equal(s.seen, 0);
	snap_barrier();
	assert_int_equal(atomic_load(&freed), 1);
}

/* A registered thread may defer and wait, too: control threads do. */
static void a_reader_may_wait(void **state)
{
	reset();
	snap_register();
	snap_defer(&((struct version *)snap_publish(&shared, build(1)))->head,
		   poison);
	snap_barrier();
	assert_int_equal(atomic_load(&freed), 1);
	snap_quiescent();
	snap_unregister();
}

static unsigned count_threads(void)
{
	DIR *d = opendir("/proc/self/task");
	unsigned n = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* The thread is there before the first caller of snap_defer(),
 * whose CPU it would otherwise follow. */
static void the_thread_is_made_by_init(void **state)
{
	unsigned before = count_threads();

	assert_int_equal(made_by_init, 1);
	reset();
	assert_int_equal(snap_init(), 0); /* again: harmless */
	snap_defer(&((struct version *)snap_publish(&shared, build(1)))->head,
		   poison);
	snap_barrier();
	assert_int_equal(count_threads(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_thread_is_made_by_init),
		cmocka_unit_test(readers_never_see_a_freed_version),
		cmocka_unit_test(an_offline_reader_delays_nobody),
		cmocka_unit_test(an_online_reader_keeps_what_it_holds),
		cmocka_unit_test(a_reader_may_wait),
	};

	made_by_init = count_threads();
	if (snap_init())
		return 1;
	made_by_init = count_threads() - made_by_init;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
