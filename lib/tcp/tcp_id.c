/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_id.c - numbers a stranger must not guess (sequence numbers, timestamps,
 * source ports), and how often a stranger is answered.
 */
#include "tcp/tcp_int.h"

#define PORT_FIRST 1024u
#define PORT_COUNT (65536u - PORT_FIRST)
#define PORT_TRIES 8192 /* what one tcp_connect() may cost */
#define PORT_TRIES_SPARE 256 /* when a TIME_WAIT could give way already */

#define CHALLENGES 500 /* a second; up to three times, by chance */
#define CHALLENGES_CONN 16 /* a second and connection */
#define RESETS 20000 /* a second, for segments nobody expects */

/* RFC 6528 3: a keyed hash of the tuple and a clock of 4 us. */
uint32_t tcp_isn(const struct tcp_stack *t, const struct flow_key *k)
{
	return (uint32_t)siphash24(&t->key_isn, k, FLOW_KEY_BYTES) +
	       (uint32_t)(t->now / 4);
}

/* RFC 7323 5.4: an offset by tuple hides how long this host has been up, and
 * keeps the clock monotonic between incarnations of the tuple. */
uint32_t tcp_ts_offset(const struct tcp_stack *t, const struct flow_key *k)
{
	return (uint32_t)siphash24(&t->key_ts, k, FLOW_KEY_BYTES);
}

/* Will the answers arrive at this worker? */
static bool comes_home(const struct tcp_stack *t, const struct flow_key *k)
{
	struct ip_tuple arriving = { k->remote, k->local, k->rport, k->lport };

	return !t->steer || steer_owner(t->steer, &arriving) == t->worker;
}

/* RFC 6056 3.3.4: double hash. Neighbouring calls to one destination use
 * neighbouring ports, other destinations learn nothing from them. */
int tcp_port_choose(struct tcp_stack *t, struct flow_key *k,
		    struct wait_entry **wait)
{
	uint32_t *next, first, spare = 0;
	enum flow_tag tag;
	uint64_t h;
	void *taken;

	k->lport = 0;
	h = siphash24(&t->key_port, k, FLOW_KEY_BYTES);
	first = (uint32_t)h;
	next = &t->port_next[h >> 56];
	for (unsigned i = 0; i < PORT_TRIES; i++) {
		if (spare && i >= PORT_TRIES_SPARE)
			break;
		k->lport = (uint16_t)(PORT_FIRST +
				      (first + (*next)++) % PORT_COUNT);
		if (!comes_home(t, k) || tcp_listener_find(t, k))
			continue;
		tcp_flow_hash(&t->flows, k);
		taken = tcp_flow_find(&t->flows, k, &tag);
		if (!taken) {
			*wait = NULL;
			return 0;
		}
		if (!spare && tag == FLOW_WAIT && tcp_wait_reusable(t, taken))
			spare = k->lport;
	}
	if (!spare)
		return -EADDRNOTAVAIL;
	k->lport = (uint16_t)spare;
	tcp_flow_hash(&t->flows, k);
	*wait = tcp_flow_find(&t->flows, k, &tag);
	return 0;
}

/* A new second: new budgets. The size of the first is drawn, because a known
 * one told off-path attackers what others receive (CVE-2016-5696). */
static void second(struct tcp_stack *t)
{
	if (t->now - t->second_start < SEC(1) && t->second_start)
		return;
	t->second_start = max(t->now, (usec_t)1);
	t->second++;
	t->challenges_left = CHALLENGES + rng_below(&t->rng, 2 * CHALLENGES);
	t->resets_left = RESETS;
}

bool tcp_challenge_allowed(struct tcp_stack *t, struct tcp_conn *c)
{
	second(t);
	if (c && c->challenge_second != t->second) {
		c->challenge_second = t->second;
		c->challenges = 0;
	}
	if (!t->challenges_left || (c && c->challenges >= CHALLENGES_CONN))
		return false;
	t->challenges_left--;
	if (c)
		c->challenges++;
	t->stats.challenge_acks++;
	return true;
}

bool tcp_reset_allowed(struct tcp_stack *t)
{
	second(t);
	if (!t->resets_left)
		return false;
	t->resets_left--;
	return true;
}
