/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker.c - the loop, as a table of contents, and the messages between
 * workers.
 */
#include "worker/worker_priv.h"

#include <rte_cycles.h>

usec_t worker_clock(void)
{
	uint64_t tsc = rte_rdtsc(), hz = rte_get_tsc_hz();

	/* In two parts: tsc * 10^6 overflows within hours. */
	return tsc / hz * USEC_PER_SEC + tsc % hz * USEC_PER_SEC / hz;
}

/* The last turn ends where this one begins: one look at the clock a turn. */
static void begin(struct worker *w, usec_t now)
{
	usec_t took = now - w->now;

	if (w->was_busy) {
		w->stats.busy_us += took;
		w->stats.longest_turn_us = max(w->stats.longest_turn_us, took);
	}
	/* The machine was paused, or the process stopped. Acknowledgements
	 * that arrived meanwhile must be seen before their time-outs. */
	if (unlikely(w->stats.turns && took > STALL)) {
		w->stats.stalls++;
		w->catching_up = CATCH_UP_TURNS;
	}
	w->now = now;
	w->stats.turns++;
}

static bool timers(struct worker *w, bool more_packets)
{
	uint32_t announce;

	if (w->catching_up && more_packets) {
		w->catching_up--;
		return true;
	}
	w->catching_up = 0;
	w->next_tick = ip_tick(w->ip, w->now);
	if (w->id == 0 &&
	    atomic_load_explicit(&w->group->announce, memory_order_relaxed)) {
		announce = atomic_exchange(&w->group->announce, 0);
		for (; announce; announce &= announce - 1)
			ip_announce(w->ip, (unsigned)__builtin_ctz(announce),
				    w->now);
	}
	return tcp_timers(w->tcp, w->now, TIMER_BUDGET);
}

static bool messages(struct worker *w)
{
	const struct worker_group *g = w->group;
	unsigned total = 0;

	if (!w->app)
		return false;
	for (unsigned from = 0; from <= g->workers; from++) {
		struct spsc *ring = &g->messages[from * g->workers + w->id];
		void *msg;

		for (unsigned n = 0;
		     n < MESSAGE_BUDGET && (msg = spsc_get(ring)); n++) {
			w->app->message(w->app, msg, w->now);
			total++;
		}
	}
	w->stats.messages += total;
	return total != 0;
}

bool worker_turn(struct worker *w, usec_t now)
{
	bool full = false, busy;

	begin(w, now);
	enter(w, PHASE_RECEIVE);
	busy = worker_receive(w, &full) != 0;
	if (w->touched)
		worker_wake(w); /* not after a handshake of a millisecond */
	enter(w, PHASE_TIMERS);
	busy |= timers(w, full);
	enter(w, PHASE_MESSAGES);
	busy |= messages(w);
	enter(w, PHASE_SERVE);
	if (w->app)
		busy |= w->app->serve(w->app, now);
	enter(w, PHASE_OUTPUT);
	busy |= tcp_output(w->tcp, now);
	enter(w, PHASE_TRANSMIT);
	busy |= worker_transmit(w);
	if (w->touched)
		worker_wake(w);

	snap_quiescent(); /* no snapshot pointer survives a turn */
	w->was_busy = busy;
	w->stats.busy_turns += busy;
	return busy;
}

usec_t worker_next(const struct worker *w)
{
	usec_t next = min(tcp_next(w->tcp), w->next_tick);

	if (w->app && w->app->next)
		next = min(next, w->app->next(w->app));
	return next;
}

int worker_run(void *worker)
{
	struct worker *w = worker;
	struct worker_group *g = w->group;

	snap_register();
	worker_idle_init(w);
	while (!atomic_load_explicit(&g->stop, memory_order_relaxed)) {
		if (worker_turn(w, worker_clock()))
			w->idle_since = 0;
		else
			worker_idle(w);
	}
	enter(w, PHASE_STOPPED);
	snap_unregister();
	return 0;
}

void worker_stop(struct worker_group *g)
{
	atomic_store(&g->stop, true);
	for (unsigned i = 0; i < g->workers; i++)
		worker_wake_one(g->worker[i]);
}

bool worker_send(struct worker_group *g, unsigned from, unsigned to, void *msg)
{
	if (!spsc_put(messages_of(g, from, to), msg))
		return false;
	worker_wake_one(g->worker[to]);
	return true;
}

void *worker_take_message(struct worker_group *g, unsigned to)
{
	void *msg = NULL;

	for (unsigned from = 0; from <= g->workers && !msg; from++)
		msg = spsc_get(&g->messages[from * g->workers + to]);
	return msg;
}

void worker_announce(struct worker_group *g, unsigned iface)
{
	assert(iface < g->n_ifaces);
	atomic_fetch_or(&g->announce, 1u << iface);
}

struct worker *worker_get(struct worker_group *g, unsigned i)
{
	assert(i < g->workers);
	return g->worker[i];
}

struct tcp_stack *worker_tcp(struct worker *w)
{
	return w->tcp;
}

struct ip_stack *worker_ip(struct worker *w)
{
	return w->ip;
}

unsigned worker_id(const struct worker *w)
{
	return w->id;
}

void worker_set_app(struct worker *w, struct worker_app *app)
{
	w->app = app;
}

const struct worker_stats *worker_stats(const struct worker *w)
{
	return &w->stats;
}

const char *worker_phase(const struct worker *w)
{
	static const char *const names[] = {
		[PHASE_NEW] = "new",	       [PHASE_RECEIVE] = "receive",
		[PHASE_TIMERS] = "timers",     [PHASE_MESSAGES] = "messages",
		[PHASE_SERVE] = "serve",       [PHASE_OUTPUT] = "output",
		[PHASE_TRANSMIT] = "transmit", [PHASE_IDLE] = "idle",
		[PHASE_STOPPED] = "stopped",
	};

	return names[atomic_load_explicit(&w->phase, memory_order_relaxed)];
}
