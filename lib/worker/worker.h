/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker.h - one core's turn: packets in, timers, the application, packets out.
 *
 * A worker owns everything it touches: its queues, stacks, pools. It knows no
 * application; casgate, casgate-load and the simulator each give it one
 * serve(). Workers meet in rings only: packets go to the worker that owns
 * their flow, outgoing packets to the one that owns the transmit queue,
 * messages to the application.
 */
#pragma once

#include "nic/nic.h"
#include "stats/stats.h"
#include "tcp/tcp.h"

#define WORKERS_MAX 16

struct worker;

/* What runs upon TCP. Called once a turn; true when it did something. */
struct worker_app {
	bool (*serve)(struct worker_app *app, usec_t now);
	/* A message from control or another worker (worker_send()). */
	void (*message)(struct worker_app *app, void *msg, usec_t now);
	/* When serve() wants to be called even if nothing happens. */
	usec_t (*next)(struct worker_app *app);
};

struct worker_port {
	struct nic_port *port; /* several interfaces may share one, by VLAN */
	struct ip_iface_config iface; /* mac, csum and mtu are filled in from
				       * the port's caps */
};

/* How eagerly an idle worker polls. */
enum worker_idle {
	WORKER_SPIN,	 /* never yields: a core of its own */
	WORKER_BALANCED, /* yields, then sleeps briefly: cores are shared */
	WORKER_SAVING,	 /* sleeps soon */
};

struct worker_group_config {
	unsigned workers;
	unsigned n_ports;
	struct worker_port port[IP_IFACES];
	unsigned n_routes;
	struct ip_route_config route[IP_ROUTES];
	struct rte_mempool *pools[WORKERS_MAX];
	struct steer steer; /* for `workers` workers */
	struct hash_key secret;
	uint64_t seed;
	enum worker_idle idle;
	uint32_t max_conns; /* a worker */
	struct tcp_personality personality;
};

struct worker_group; /* all workers of one appliance, and their rings */

/* Copies the configuration; ports stay the caller's. NULL when memory is
 * short. Thread: control. */
must_check struct worker_group *
worker_group_new(const struct worker_group_config *config, usec_t now);
/* After the last worker has stopped and before the ports close. Messages
 * nobody took are the caller's to free: ask worker_take_message() first. */
void worker_group_free(struct worker_group *g);

struct worker *worker_get(struct worker_group *g, unsigned i);
struct tcp_stack *worker_tcp(struct worker *w);
struct ip_stack *worker_ip(struct worker *w);
unsigned worker_id(const struct worker *w);
void worker_set_app(struct worker *w, struct worker_app *app);

/* The TSC in microseconds. Needs EAL, which has measured its frequency. */
usec_t worker_clock(void);

/**
 * One turn at time `now`; true when anything was done.
 *
 * Receive, demultiplex, timers, serve, transmit, quiescent.
 */
bool worker_turn(struct worker *w, usec_t now);
/* When the worker has something to do although nothing arrives; after an idle
 * turn, for whoever keeps the time. */
usec_t worker_next(const struct worker *w);
/* Turns until worker_stop(); registers with RCU. Runs on the lcore. */
int worker_run(void *worker);
void worker_stop(struct worker_group *g);

/* Say on the wire who and where we are, as after a link came up. At start it
 * happens by itself. Any thread. */
void worker_announce(struct worker_group *g, unsigned iface);

/**
 * Hand `msg` to worker `to`'s application.
 *
 * @param from  the sending worker, or WORKER_CONTROL for the control thread
 * @return false when the ring is full; msg stays the caller's.
 */
#define WORKER_CONTROL WORKERS_MAX
must_check bool worker_send(struct worker_group *g, unsigned from, unsigned to,
			    void *msg);
/* A message to `to` that was sent and never delivered, or NULL: when workers
 * have stopped, to free what they hold. */
void *worker_take_message(struct worker_group *g, unsigned to);

/* Counters with one writer, the worker; anybody may read them. */
#define WORKER_STATS(X)                                                        \
	X(turns, "turns of the loop")                                          \
	X(busy_turns, "turns that did something")                              \
	X(busy_us, "time spent in busy turns [us]")                            \
	X(rx_packets, "packets received")                                      \
	X(tx_packets, "packets sent")                                          \
	X(tx_drops, "packets the port would not take")                         \
	X(handed_over, "packets given to the worker that owns them")           \
	X(taken_over, "packets taken from other workers")                      \
	X(handover_drops, "packets lost between workers: no room, no owner")   \
	X(messages, "messages taken from control and other workers")           \
	X(stalls, "turns begun more than 100 ms after the last")               \
	X(longest_turn_us, "longest busy turn [us]")                           \
	X(yields, "times the worker gave its core away")                       \
	X(sleeps, "times the worker slept")

struct worker_stats {
#define X(name, help) uint64_t name;
	WORKER_STATS(X)
#undef X
};

const struct worker_stats *worker_stats(const struct worker *w);
/* What it is doing this very moment; with a turn counter that does not move,
 * what it hangs in. For the watchdog. */
const char *worker_phase(const struct worker *w);
