/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim_tcp.c - TCP against TCP through bad networks, many seeds each.
 *
 *   sim_tcp [--seed N] [--runs K] [--scenario NAME] [--trace]
 *
 * Every byte is compared with what was sent; after every event the stacks'
 * invariants are checked; in the end every flow has come to the end it should,
 * every connection is gone and every packet buffer is back. A failing run
 * prints the command that replays it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eal.h"
#include "sim_app.h"
#include "tcp/tcp_int.h"

#define STEPS 8000000 /* events a run may take */
#define SEED 0x5eed

enum pool { POOL_STD, POOL_JUMBO, POOL_TINY };

struct scenario {
	const char *name;
	struct app_config app;
	struct sim_link link;
	uint16_t mtu;
	enum pool pool;
	/* Lose the first `lose` packets with exactly these of the flags. */
	uint8_t lose_flags, lose;
	bool lose_updates; /* ACKs that open a closed window, once each */
	bool weather; /* draw the network from the seed */
	usec_t cut; /* the link dies for ever */
	usec_t hog; /* the server's buffers vanish for three seconds */
	usec_t keepalive;
	uint32_t rcvbuf, sndbuf;
	usec_t limit; /* virtual time in which it must be over; 0: 600 s */
	unsigned weight; /* runs, times --runs; 0: 1 */
};

struct run {
	const struct scenario *sc;
	struct sim sim;
	struct app app;
	unsigned lost;
	uint16_t last_wnd[2];
	struct rte_mbuf *hogged[8192];
	unsigned n_hogged;
};

#define LAN                                                                    \
	{                                                                      \
		.rate = 10000000000, .delay = 20, .queue = 1000000             \
	}
#define WAN                                                                    \
	{                                                                      \
		.rate = 50000000, .delay = 20000, .queue = 200000              \
	}
#define BAD                                                                    \
	{                                                                      \
		.rate = 20000000, .delay = 5000, .queue = 100000,              \
		.jitter = 2000, .loss = 20000, .dup = 10000, .reorder = 20000, \
		.corrupt = 5000                                                \
	}
#define BOTH_OK                                                                \
	{                                                                      \
		APP_OK, APP_OK                                                 \
	}
#define FLOW(u, d, f)                                                          \
	{                                                                      \
		.flows = 1, .up = u, .down = d, .chunk = 20000, .flags = f,    \
		.expect = BOTH_OK                                              \
	}

static const struct scenario scenarios[] = {
	{ "bulk up", FLOW(2000000, 0, 0), WAN, 1500 },
	{ "bulk down", FLOW(0, 2000000, 0), WAN, 1500 },
	{ "bulk both ways", FLOW(1000000, 1000000, APP_V6), WAN, 1500 },
	{ "bulk on a LAN", FLOW(4000000, 1000000, 0), LAN, 1500 },
	{ "bulk through losses", FLOW(300000, 300000, 0), BAD, 1500,
	  .weight = 4 },
	{ "weather", FLOW(0, 0, 0), WAN, 1500, .weather = true,
	  .limit = SEC(7200), .weight = 40 },
	{ "half-close", FLOW(200000, 200000, APP_HALF_CLOSE), BAD, 1500 },
	{ "empty", FLOW(0, 0, 0), BAD, 1500, .weight = 4 },
	{ "abort",
	  { .flags = APP_ABORT,
	    .flows = 1,
	    .up = 2000000,
	    .chunk = 20000,
	    .expect = { APP_ANY, TCP_RESET } },
	  WAN,
	  1500 },
	{ "close with data unread",
	  { .flags = APP_CLOSE_UNREAD,
	    .flows = 1,
	    .up = 500000,
	    .chunk = 20000,
	    .expect = { TCP_RESET, APP_OK } },
	  WAN,
	  1500 },
	{ "closed port",
	  { .flags = APP_CLOSED_PORT, .flows = 3, .expect = { TCP_REFUSED } },
	  WAN,
	  1500 },
	{ "SYN lost", FLOW(5000, 5000, 0), WAN, 1500, .lose_flags = TCP_SYN,
	  .lose = 2 },
	{ "SYN-ACK lost", FLOW(5000, 5000, 0), WAN, 1500,
	  .lose_flags = TCP_SYN | TCP_ACK, .lose = 2 },
	{ "first ACKs lost", FLOW(5000, 5000, 0), WAN, 1500,
	  .lose_flags = TCP_ACK, .lose = 2 },
	{ "first ACKs lost, server speaks", FLOW(0, 50000, APP_V6), WAN, 1500,
	  .lose_flags = TCP_ACK, .lose = 3 },
	{ "FIN lost", FLOW(0, 0, 0), WAN, 1500, .lose_flags = TCP_FIN | TCP_ACK,
	  .lose = 3 },
	{ "FIN with data lost", FLOW(5000, 5000, 0), WAN, 1500,
	  .lose_flags = TCP_FIN | TCP_ACK | TCP_PSH, .lose = 3 },
	{ "window closes", FLOW(600000, 0, APP_PAUSE), WAN, 1500,
	  .rcvbuf = 65536 },
	{ "window update lost", FLOW(600000, 0, APP_PAUSE), WAN, 1500,
	  .lose_updates = true },
	{ "reader stops, losses", FLOW(400000, 100000, APP_PAUSE), BAD, 1500,
	  .rcvbuf = 30000, .sndbuf = 30000 },
	{ "tiny segments",
	  { .flags = APP_TRICKLE,
	    .flows = 1,
	    .up = 3000,
	    .down = 3000,
	    .chunk = 3,
	    .expect = BOTH_OK },
	  BAD,
	  1500 },
	{ "tiny window", FLOW(60000, 60000, 0), BAD, 1500, .rcvbuf = 700,
	  .weight = 2 },
	{ "path mtu 576",
	  FLOW(200000, 100000, 0),
	  { .rate = 20000000, .delay = 5000, .loss = 10000, .mtu = 576 },
	  1500 },
	{ "mtu 1280", FLOW(300000, 100000, APP_V6), BAD, 1280 },
	{ "mtu 9000", FLOW(900000, 100000, 0), BAD, 9000, POOL_JUMBO },
	{ "mtu 9000 over 6", FLOW(900000, 100000, APP_V6), BAD, 9000,
	  POOL_JUMBO },
	{ "path mtu",
	  FLOW(300000, 300000, 0),
	  { .rate = 50000000, .delay = 5000, .loss = 5000, .mtu = 1006 },
	  1500 },
	{ "path mtu over 6",
	  FLOW(300000, 300000, APP_V6),
	  { .rate = 50000000, .delay = 5000, .loss = 5000, .mtu = 1280 },
	  1500 },
	{ "200 connections",
	  { .flows = 200,
	    .up = 5000,
	    .down = 20000,
	    .chunk = 20000,
	    .spacing = 300,
	    .expect = BOTH_OK },
	  { .rate = 200000000, .delay = 2000, .queue = 300000, .loss = 5000 },
	  1500 },
	{ "TIME-WAIT reused",
	  { .flags = APP_SEQUENTIAL | APP_SERVER_FIRST,
	    .flows = 8,
	    .up = 3000,
	    .down = 3000,
	    .chunk = 2000,
	    .expect = BOTH_OK },
	  WAN,
	  1500 },
	{ "peer vanishes",
	  { .flows = 2,
	    .up = 100000000,
	    .down = 100000000,
	    .chunk = 20000,
	    .expect = { TCP_TIMED_OUT, TCP_TIMED_OUT } },
	  WAN,
	  1500,
	  .cut = SEC(1) },
	{ "idle peer vanishes",
	  { .flags = APP_IDLE,
	    .flows = 2,
	    .up = 10000,
	    .down = 10000,
	    .chunk = 20000,
	    .expect = { TCP_TIMED_OUT, TCP_TIMED_OUT } },
	  WAN,
	  1500,
	  .cut = SEC(30),
	  .keepalive = SEC(10) },
	{ "buffers run out",
	  { .flags = APP_PAUSE,
	    .flows = 6,
	    .up = 400000,
	    .down = 100000,
	    .chunk = 20000,
	    .expect = BOTH_OK },
	  WAN,
	  1500,
	  POOL_TINY,
	  .limit = SEC(1800) },
	{ "buffers vanish",
	  { .flows = 4,
	    .up = 400000,
	    .down = 400000,
	    .chunk = 20000,
	    .expect = BOTH_OK },
	  WAN,
	  1500,
	  POOL_TINY,
	  .hog = SEC(1) + MSEC(200) },
};

static struct rte_mempool *pools[3][2];

static bool filter(void *arg, const struct sim_view *v)
{
	struct run *r = arg;
	const struct scenario *sc = r->sc;
	bool opened =
		v->wnd && !r->last_wnd[v->from & 1] && !(v->flags & TCP_SYN);

	if (sc->lose && v->flags == sc->lose_flags && r->lost < sc->lose) {
		r->lost++;
		return true;
	}
	if (sc->lose_updates && opened && r->lost < 3 && !v->len) {
		r->lost++;
		return true;
	}
	r->last_wnd[v->from & 1] = v->wnd;
	return false;
}

/* --- one run
 * ------------------------------------------------------------------ */

/* Between lo and hi, all magnitudes alike. */
static uint64_t magnitude(struct rng *rng, uint64_t lo, uint64_t hi)
{
	unsigned doublings = 0;
	uint64_t v;

	while (lo << doublings < hi)
		doublings++;
	v = lo << rng_below(rng, doublings + 1);
	return min(hi, v + rng_u64(rng) % v);
}

static void weather(struct rng *rng, struct sim_host_config *host,
		    struct sim_link *l, struct app_config *app)
{
	static const uint16_t mtus[] = { 1280, 1500, 1500, 4000, 9000 };
	struct tcp_personality *p = &host->personality;

	/* One by one: compilers differ on the order within an initializer. */
	l->rate = magnitude(rng, 200000, 10000000000);
	l->delay = magnitude(rng, 5, 300000);
	l->queue = (uint32_t)magnitude(rng, 20000, 2000000);
	l->loss = rng_below(rng, 3) ? rng_below(rng, 40000) : 0;
	l->dup = rng_below(rng, 3) ? 0 : rng_below(rng, 50000);
	l->reorder = rng_below(rng, 3) ? 0 : rng_below(rng, 200000);
	l->corrupt = rng_below(rng, 3) ? 0 : rng_below(rng, 20000);
	l->jitter = rng_below(rng, 3) ? 0 : l->delay;
	host->mtu = mtus[rng_below(rng, ARRAY_LEN(mtus))];
	host->poll = rng_below(rng, 2) ? 0 : magnitude(rng, 10, 2000);
	p->rcvbuf = (uint32_t)magnitude(rng, 1000, 1000000);
	p->sndbuf = (uint32_t)magnitude(rng, 1000, 1000000);
	p->tx_lowat = 1 + rng_below(rng, p->sndbuf);
	p->window_scale = (uint8_t)rng_below(rng, 11);
	p->timestamps = rng_below(rng, 3);
	p->delayed_ack = rng_below(rng, 3) ? MSEC(40) : 0;
	p->initial_window = (uint8_t)(1 + rng_below(rng, 20));
	app->up = rng_below(rng, 200000);
	app->down = rng_below(rng, 200000);
	app->chunk = (uint32_t)magnitude(rng, 10, 65536);
	app->flags |= rng_below(rng, 2) ? APP_V6 : 0;
	app->flags |= rng_below(rng, 4) ? 0 : APP_HALF_CLOSE;
}

static void build(struct run *r, const struct scenario *sc, uint64_t seed)
{
	struct sim_host_config host = { .mtu = sc->mtu,
					.personality = tcp_default_personality,
					.max_conns = 256,
					.max_time_wait = 512,
					.max_syn = 256 };
	struct app_config app = sc->app;
	struct sim_link link = sc->link;
	enum pool pool = sc->pool;

	*r = (struct run){ .sc = sc };
	sim_init(&r->sim, seed);
	r->sim.app = app_turn;
	r->sim.arg = &r->app;
	host.personality.user_timeout = SEC(60);
	if (sc->rcvbuf)
		host.personality.rcvbuf = sc->rcvbuf;
	if (sc->sndbuf)
		host.personality.sndbuf = sc->sndbuf;
	if (sc->keepalive) {
		host.personality.keepalive_idle = sc->keepalive;
		host.personality.keepalive_interval = SEC(5);
	}
	if (sc->weather) {
		weather(&r->sim.rng, &host, &link, &app);
		host.personality.user_timeout = SEC(3600);
		pool = POOL_JUMBO;
	}
	for (unsigned i = 0; i < 2; i++) {
		host.pool = pools[pool == POOL_TINY && !i ? POOL_STD : pool][i];
		sim_add(&r->sim, &host);
	}
	sim_connect(&r->sim, 0, 1, &link);
	app_init(&r->app, &r->sim, &app);
}

static void interfere(struct run *r)
{
	const struct scenario *sc = r->sc;
	struct sim *s = &r->sim;
	struct rte_mempool *pool = s->host[1].pool;

	if (sc->cut && s->now - r->app.start >= sc->cut)
		s->link[0][1].down = s->link[1][0].down = true;
	if (!sc->hog)
		return;
	if (!r->n_hogged && s->now >= sc->hog && s->now < sc->hog + SEC(3)) {
		while (r->n_hogged < ARRAY_LEN(r->hogged) &&
		       (r->hogged[r->n_hogged] = rte_pktmbuf_alloc(pool)))
			r->n_hogged++;
	}
	if (r->n_hogged && s->now >= sc->hog + SEC(3)) {
		rte_pktmbuf_free_bulk(r->hogged, r->n_hogged);
		r->n_hogged = 0;
	}
}

static bool quiet(const struct run *r)
{
	for (unsigned i = 0; i < r->sim.n_hosts; i++) {
		const struct tcp_stats *t = tcp_stats(r->sim.host[i].tcp);

		if (t->conns || t->time_wait || t->syn_queue)
			return false;
	}
	return !sim_flying(&r->sim) && !r->n_hogged;
}

/* NULL, or what went wrong. */
static const char *drive(struct run *r, usec_t *took)
{
	usec_t limit = r->sc->limit ? r->sc->limit : SEC(600);
	struct sim *s = &r->sim;
	unsigned steps = 0;
	bool done = false;

	while (!done || !quiet(r)) {
		if (!sim_step(s))
			return s->wrong ? s->wrong : "nothing more will happen";
		interfere(r);
		if (r->app.wrong[0])
			return r->app.wrong;
		if (!done && app_done(&r->app)) {
			done = true;
			*took = s->now - r->app.start;
			limit = s->now - r->app.start + SEC(400);
		}
		if (s->now - r->app.start > limit)
			return done ? "connections stay for ever"
				    : "no end in time";
		if (++steps > STEPS)
			return "too many events";
	}
	for (unsigned i = 0; i < s->n_hosts; i++) {
		if (tcp_stats(s->host[i].tcp)->buffers)
			return "buffers are still counted";
		if (rte_mempool_avail_count(s->host[i].pool) !=
		    s->host[i].pool->size)
			return "buffers are missing";
	}
	return NULL;
}

/* A filter needs the run, an application the application. */
static struct run run;

static bool run_filter(void *arg, const struct sim_view *v)
{
	(void)arg;
	return filter(&run, v);
}

struct total {
	unsigned runs;
	uint64_t packets, bytes, retransmits, copies;
	usec_t time;
};

static const char *one(const struct scenario *sc, uint64_t seed, bool trace,
		       struct total *sum, uint64_t *digest)
{
	usec_t took = 0;
	const char *wrong;

	build(&run, sc, seed);
	run.sim.trace = trace;
	run.sim.filter = run_filter;
	wrong = drive(&run, &took);
	if (wrong && run.n_hogged)
		rte_pktmbuf_free_bulk(run.hogged, run.n_hogged);
	sum->runs++;
	sum->packets += run.sim.order;
	sum->time += took;
	for (unsigned i = 0; i < 2; i++) {
		const struct tcp_stats *t = tcp_stats(run.sim.host[i].tcp);

		sum->bytes += t->bytes_in;
		sum->retransmits += t->retransmits;
		sum->copies += t->copies;
	}
	*digest = run.sim.digest;
	sim_fini(&run.sim);
	return wrong;
}

/* --- the program
 * ----------------------------------------------------------------- */

struct options {
	uint64_t seed;
	unsigned runs;
	const char *only;
	bool trace;
};

static struct options parse(int argc, char **argv)
{
	struct options o = { .seed = SEED, .runs = 2 };

	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (!strcmp(argv[i], "--trace")) {
			o.trace = true;
			continue;
		}
		if (!strcmp(argv[i], "--seed"))
			o.seed = strtoull(value, NULL, 0);
		else if (!strcmp(argv[i], "--runs"))
			o.runs = (unsigned)strtoul(value, NULL, 0);
		else if (!strcmp(argv[i], "--scenario"))
			o.only = value;
		else
			i = argc + 1; /* unknown */
		if (++i > argc) {
			fprintf(stderr, "usage: sim_tcp [--seed N] [--runs K] "
					"[--scenario NAME] [--trace]\n");
			exit(2);
		}
	}
	return o;
}

static bool scenario(const struct scenario *sc, const struct options *o)
{
	unsigned runs = o->runs * (sc->weight ? sc->weight : 1);
	uint64_t digest, again;
	struct total sum = { 0 }, ignored = { 0 };

	for (unsigned i = 0; i < runs; i++) {
		uint64_t seed = o->seed + i;
		const char *wrong = one(sc, seed, o->trace, &sum, &digest);

		if (wrong) {
			printf("%s: %s (at %.6f s, host %u)\n  sim_tcp --seed "
			       "%llu --runs 1 --scenario '%s' --trace\n",
			       sc->name, wrong, (double)run.sim.now / 1e6,
			       run.sim.wrong_host, (unsigned long long)seed,
			       sc->name);
			return false;
		}
		/* The same seed is the same run, to the last byte. */
		if (i == 0 && !o->trace) {
			wrong = one(sc, seed, false, &ignored, &again);
			if (wrong || digest != again) {
				printf("%s: seed %llu does not repeat itself\n",
				       sc->name, (unsigned long long)seed);
				return false;
			}
		}
	}
	printf("%-32s %4u runs %8llu packets %6llu again %5llu copied "
	       "%9.2f Mbit/s\n",
	       sc->name, sum.runs, (unsigned long long)sum.packets,
	       (unsigned long long)sum.retransmits,
	       (unsigned long long)sum.copies,
	       sum.time ? (double)sum.bytes * 8 / (double)sum.time : 0.0);
	return true;
}

int main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	bool ok = true;

	for (unsigned i = 0; i < 2; i++) {
		char name[3][16];

		for (unsigned j = 0; j < 3; j++)
			snprintf(name[j], sizeof(name[j]), "pool%u_%u", j, i);
		pools[POOL_STD][i] = eal_pool(name[0], 4095, 2048);
		pools[POOL_JUMBO][i] = eal_pool(name[1], 2047, 9216);
		pools[POOL_TINY][i] = eal_pool(name[2], 255, 2048);
	}
	printf("seed %llu\n", (unsigned long long)o.seed);
	for (size_t i = 0; i < ARRAY_LEN(scenarios) && ok; i++)
		if (!o.only || !strcmp(o.only, scenarios[i].name))
			ok = scenario(&scenarios[i], &o);
	return !ok;
}
