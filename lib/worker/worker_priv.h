/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker_priv.h - a worker, its group, and the rings between workers.
 */
#pragma once

#include <stdatomic.h>

#include "worker/worker.h"
#include "snap/snap.h"

#define BURST 64	  /* packets a queue, and a ring, gives a turn */
#define TIMER_BUDGET 256
#define MESSAGE_BUDGET 64
#define CROSS_RING 1024	  /* packets on their way between two workers */
#define MESSAGE_RING 256
#define STALL MSEC(100)	  /* a turn that begins later was held up */
/* Turns in which arrived packets go before timers, after a stall: what the
 * largest receive ring holds. */
#define CATCH_UP_TURNS 64
/* A port that takes nothing for so long loses its packets: they would block
 * the other ports' (tcp_output() waits for room in all vectors). */
#define TX_PATIENCE MSEC(10)

enum phase {
	PHASE_NEW,
	PHASE_RECEIVE,
	PHASE_TIMERS,
	PHASE_MESSAGES,
	PHASE_SERVE,
	PHASE_OUTPUT,
	PHASE_TRANSMIT,
	PHASE_IDLE,
	PHASE_STOPPED,
};

/* --- what crosses from one worker to another --------------------------- */

enum crossing_kind {
	CROSS_SEGMENT, /* validated by IP; the owner's TCP takes it */
	CROSS_SHARED,  /* a copy of an ARP or ND frame */
	CROSS_ERROR,   /* an ICMP error; no packet */
};

/* One cache line, by value: the packet itself is not touched on the way. */
struct crossing {
	union {
		struct ip_seg seg;
		struct ip_error error;
		struct rte_mbuf *shared;
	};
	uint8_t kind;
	uint8_t iface; /* CROSS_SHARED */
};
_Static_assert(sizeof(struct crossing) <= CACHE_LINE, "one line a packet");

/* spsc.h's ring, of crossings instead of pointers. */
struct cross {
	_Alignas(CACHE_LINE) _Atomic uint32_t head;
	uint32_t tail_seen;
	_Alignas(CACHE_LINE) _Atomic uint32_t tail;
	uint32_t head_seen;
	_Alignas(CACHE_LINE) struct crossing *slot; /* CROSS_RING of them */
};

static inline bool cross_put(struct cross *r, const struct crossing *x)
{
	uint32_t h = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (h - r->tail_seen >= CROSS_RING) {
		r->tail_seen =
			atomic_load_explicit(&r->tail, memory_order_acquire);
		if (h - r->tail_seen >= CROSS_RING)
			return false;
	}
	r->slot[h % CROSS_RING] = *x;
	atomic_store_explicit(&r->head, h + 1, memory_order_release);
	return true;
}

static inline bool cross_get(struct cross *r, struct crossing *x)
{
	uint32_t t = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (t == r->head_seen) {
		r->head_seen =
			atomic_load_explicit(&r->head, memory_order_acquire);
		if (t == r->head_seen)
			return false;
	}
	*x = r->slot[t % CROSS_RING];
	atomic_store_explicit(&r->tail, t + 1, memory_order_release);
	return true;
}

/* --- workers ----------------------------------------------------------- */

/* A device and the interfaces on it, one a VLAN. */
struct port {
	struct nic_port *nic;
	unsigned rx_queues, tx_queues;
	unsigned n_ifaces;
	uint8_t iface[IP_IFACES];
	uint16_t vlan[IP_IFACES];
};

/* Packets of others on their way into the transmit queue this worker owns. */
struct held {
	struct rte_mbuf *pkt[BURST];
	unsigned n;
	usec_t stuck; /* since when the port takes nothing, 0 = it does */
};

struct worker {
	struct worker_group *group;
	struct ip_stack *ip;
	struct tcp_stack *tcp;
	struct worker_app *app;
	struct rte_mempool *pool;
	unsigned id;
	usec_t now;
	bool was_busy;	      /* the last turn */
	unsigned catching_up; /* turns left in which packets go first */
	uint32_t touched;     /* workers to wake: bit mask */
	usec_t next_tick;     /* ip_tick()'s answer */
	usec_t stuck[IP_IFACES];
	struct held held[IP_IFACES]; /* by port */
	/* To the owner of the transmit queue; only where this worker has none.
	 * By port. */
	struct spsc relay[IP_IFACES];
	/* The idle ladder. */
	usec_t idle_since; /* 0 = busy */
	_Atomic int cpu;   /* the one it is pinned to, -1 = several */
#define CPU_UNKNOWN (-2) /* has not started */

	_Alignas(CACHE_LINE) struct worker_stats stats;
	_Atomic uint8_t phase;
	/* 1 while asleep; whoever has something for it makes it 0 and wakes. */
	_Alignas(CACHE_LINE) _Atomic uint32_t asleep;
};

struct worker_group {
	unsigned workers, n_ports, n_ifaces;
	enum worker_idle idle;
	struct worker *worker[WORKERS_MAX];
	struct port port[IP_IFACES];
	struct cross *cross;   /* [from * workers + to] */
	struct spsc *messages; /* [from * workers + to]; control is the last */
	_Atomic bool stop;
	_Atomic bool crowded;	   /* two workers share a CPU */
	_Atomic uint32_t announce; /* interfaces, bit mask */
	struct steer steer;
};

static inline struct cross *cross_of(const struct worker_group *g,
				     unsigned from, unsigned to)
{
	return &g->cross[from * g->workers + to];
}

static inline struct spsc *messages_of(const struct worker_group *g,
				       unsigned from, unsigned to)
{
	if (from == WORKER_CONTROL)
		from = g->workers;
	return &g->messages[from * g->workers + to];
}

static inline void enter(struct worker *w, enum phase phase)
{
	atomic_store_explicit(&w->phase, (uint8_t)phase, memory_order_relaxed);
}

/* worker_rx.c */
/* Packets taken from queues and rings; *full when some had more. */
unsigned worker_receive(struct worker *w, bool *full);

/* worker_tx.c */
/* True when anything was sent, or waits to be. */
bool worker_transmit(struct worker *w);

/* worker_idle.c */
void worker_idle_init(struct worker *w);
/* After an idle turn: poll on, yield, or sleep. */
void worker_idle(struct worker *w);
/* Wake those to whom something was given since the last call. */
void worker_wake(struct worker *w);
/* Wake one, from any thread, after its ring was filled. */
void worker_wake_one(struct worker *to);
