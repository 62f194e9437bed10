/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim.h - a network in one process: hosts of lib/ip and lib/tcp on a virtual
 * clock, joined by links that delay, lose, repeat, reorder and damage packets.
 *
 * Everything that happens follows from one 64-bit seed, so a failing run can
 * be replayed to the byte. Packets are copied from host to host; no two hosts
 * ever see the same buffer.
 */
#pragma once

#include "tcp/tcp.h"

#define SIM_HOSTS 4

struct sim_link {
	uint64_t rate;	    /* [bit/s], 0 = infinite */
	usec_t delay, jitter;
	uint32_t queue;	    /* [bytes] before the sender's tail is dropped */
	uint32_t loss, dup, reorder, corrupt; /* [per million] */
	uint16_t mtu;	    /* 0 = the host's; larger packets are refused with
			     * an ICMP error */
	bool down;
	/* running */
	usec_t busy, last;
};

struct sim_host_config {
	struct rte_mempool *pool;
	uint16_t mtu;
	usec_t poll; /* packets are looked at on multiples of this; 0 = at once */
	struct tcp_personality personality;
	uint32_t max_conns, max_time_wait, max_syn;
};

struct sim;

struct sim_host {
	struct sim *sim;
	unsigned index;
	struct ip_stack *ip;
	struct tcp_stack *tcp;
	struct rte_mempool *pool;
	usec_t poll;
	usec_t wake;
	usec_t app_wake; /* when the application wants a turn */
	usec_t held; /* it gets none before */
};

/* Where a packet is in the eyes of a filter. */
struct sim_view {
	usec_t now;
	unsigned from, to;
	uint8_t flags;	/* of TCP */
	uint32_t seq, ack, len;
	uint16_t wnd;
};

struct sim {
	uint64_t seed;
	usec_t now;
	struct rng rng;
	unsigned n_hosts;
	struct sim_host host[SIM_HOSTS];
	struct sim_link link[SIM_HOSTS][SIM_HOSTS];
	struct sim_packet **heap;
	size_t heap_n, heap_cap;
	uint64_t order;	  /* packets ever sent */
	uint64_t delivered, dropped;
	uint64_t digest;  /* of everything sent, when and what */
	const char *wrong; /* a violated invariant, and at which host */
	unsigned wrong_host;
	bool trace;
	/* One turn of a host's application. */
	void (*app)(void *arg, struct sim_host *h);
	/* True: lose this packet. */
	bool (*filter)(void *arg, const struct sim_view *v);
	void *arg;
};

void sim_init(struct sim *s, uint64_t seed);
void sim_fini(struct sim *s);
struct sim_host *sim_add(struct sim *s, const struct sim_host_config *c);
void sim_connect(struct sim *s, unsigned a, unsigned b,
		 const struct sim_link *link);
/* 10.9.0.n or fd09::n of a host. */
struct ipaddr sim_addr(unsigned host, bool v6);

/* The next thing that happens; false when nothing is to come, or something is
 * wrong. */
bool sim_step(struct sim *s);
/* Packets on their way. */
size_t sim_flying(const struct sim *s);
