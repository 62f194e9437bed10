/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker_idle.c - what a worker does when there is nothing to do: the one
 * place where it may give its core away.
 *
 * Two pollers on one core cost 8 ms a round trip; with sched_yield() after an
 * empty turn 2.5 us. Longer idleness is slept through, in short
 * naps, because no driver here wakes a sleeper; a worker that hands something
 * to a sleeper wakes it.
 */
#include "worker/worker_priv.h"

#include <linux/futex.h>
#include <rte_pause.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Idle for `after`: nap that long; 0 yields. The last row holds for ever. */
struct rung {
	usec_t after, nap;
};

static const struct rung balanced[] = {
	{ 0, 0 },
	{ MSEC(1), 50 },
	{ MSEC(20), 200 },
	{ MSEC(200), MSEC(1) },
};

static const struct rung saving[] = {
	{ 0, 0 },
	{ 50, 50 },
	{ MSEC(2), 250 },
	{ MSEC(20), MSEC(1) },
};

void worker_idle_init(struct worker *w)
{
	struct worker_group *g = w->group;
	cpu_set_t set;
	int cpu = -1;

	/* Naps of 50 us would last 100 with the default slack. */
	prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);
	if (!sched_getaffinity(0, sizeof(set), &set) && CPU_COUNT(&set) == 1)
		for (int c = 0; c < CPU_SETSIZE; c++)
			if (CPU_ISSET(c, &set))
				cpu = c;
	/* Published before the others are read: of two that share, at least
	 * the second sees it. */
	atomic_store(&w->cpu, cpu);
	for (unsigned i = 0; i < g->workers; i++) {
		int other = atomic_load(&g->worker[i]->cpu);

		if (i != w->id && other != CPU_UNKNOWN &&
		    (other == cpu || other < 0 || cpu < 0))
			atomic_store(&g->crowded, true);
	}
}

static bool ring_has(const struct spsc *r)
{
	return atomic_load_explicit(&r->head, memory_order_relaxed) !=
	       atomic_load_explicit(&r->tail, memory_order_relaxed);
}

/* Does anything wait in the rings towards this worker? */
static bool rings_have(const struct worker *w)
{
	const struct worker_group *g = w->group;

	for (unsigned from = 0; from <= g->workers; from++) {
		if (ring_has(&g->messages[from * g->workers + w->id]))
			return true;
		if (from == w->id || from == g->workers)
			continue;
		const struct cross *x = cross_of(g, from, w->id);
		if (atomic_load_explicit(&x->head, memory_order_relaxed) !=
		    atomic_load_explicit(&x->tail, memory_order_relaxed))
			return true;
		for (unsigned i = 0; i < g->n_ports; i++)
			if (from % g->port[i].tx_queues == w->id &&
			    from >= g->port[i].tx_queues &&
			    ring_has(&g->worker[from]->relay[i]))
				return true;
	}
	return false;
}

static void nap(struct worker *w, usec_t us)
{
	struct timespec ts = { .tv_nsec = (long)(us * 1000) };

	/* Asleep is said before the rings are looked at, and a giver looks at
	 * it after filling one: one of the two sees the other (Dekker). */
	atomic_store(&w->asleep, 1);
	atomic_thread_fence(memory_order_seq_cst);
	if (!rings_have(w) && !atomic_load(&w->group->stop)) {
		w->stats.sleeps++;
		snap_offline();
		syscall(SYS_futex, &w->asleep, FUTEX_WAIT_PRIVATE, 1, &ts, NULL,
			0);
		snap_online();
	}
	atomic_store(&w->asleep, 0);
}

void worker_wake_one(struct worker *to)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (likely(!atomic_load_explicit(&to->asleep, memory_order_relaxed)))
		return;
	if (atomic_exchange(&to->asleep, 0))
		syscall(SYS_futex, &to->asleep, FUTEX_WAKE_PRIVATE, 1, NULL,
			NULL, 0);
}

void worker_wake(struct worker *w)
{
	uint32_t mask = w->touched;

	w->touched = 0;
	for (; mask; mask &= mask - 1)
		worker_wake_one(w->group->worker[__builtin_ctz(mask)]);
}

void worker_idle(struct worker *w)
{
	struct worker_group *g = w->group;
	const struct rung *ladder =
		g->idle == WORKER_SAVING ? saving : balanced;
	unsigned rung = 0;
	usec_t idle, next, us;

	if (!w->idle_since)
		w->idle_since = w->now;
	idle = w->now - w->idle_since;
	if (g->idle == WORKER_SPIN &&
	    !atomic_load_explicit(&g->crowded, memory_order_relaxed)) {
		rte_pause();
		return;
	}
	while (g->idle != WORKER_SPIN && rung + 1 < ARRAY_LEN(balanced) &&
	       idle >= ladder[rung + 1].after)
		rung++;
	us = ladder[rung].nap;
	next = worker_next(w);
	if (next != USEC_NEVER)
		us = min(us, next > w->now ? next - w->now : 0);
	enter(w, PHASE_IDLE);
	if (us) {
		nap(w, us);
	} else {
		w->stats.yields++;
		sched_yield();
	}
}
