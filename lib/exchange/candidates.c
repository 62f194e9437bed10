/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * candidates.c - who can serve a request, in the order to try.
 */
#include "exchange/decide.h"

#define SCORE_BITS 24

/* -log2(h / 2^64) with SCORE_BITS binary places, at least one unit. Integers,
 * so that every appliance of a group counts alike. */
static uint64_t minus_log2(uint64_t h)
{
	unsigned zeros;
	uint64_t m, fraction = 0;

	if (!h)
		h = 1;
	zeros = (unsigned)__builtin_clzll(h);
	m = (h << zeros) >> 32; /* [1..2) with 31 places */
	for (int i = 0; i < SCORE_BITS; i++) {
		m = m * m >> 31;
		fraction <<= 1;
		if (m >> 32) {
			m >>= 1;
			fraction |= 1;
		}
	}
	/* log2(h) = 63 - zeros + fraction. */
	return ((uint64_t)(zeros + 1) << SCORE_BITS) - fraction;
}

static uint64_t distance(uint64_t affinity, const struct exchange_server *s)
{
	const struct hash_key key = { affinity, 0x63616e6469646174 };

	return minus_log2(siphash13_folded(&key, BYTES(s->name)));
}

/* weight / distance, compared without dividing. */
static int score_cmp(unsigned weight_a, uint64_t a, unsigned weight_b,
		     uint64_t b)
{
	uint64_t left = weight_a * b, right = weight_b * a;

	return left == right ? 0 : left > right ? 1 : -1;
}

int rendezvous_cmp(uint64_t affinity, const struct exchange_server *a,
		   const struct exchange_server *b)
{
	int d = score_cmp(a->weight, distance(affinity, a), b->weight,
			  distance(affinity, b));

	return d ? d : bytes_icmp(BYTES(b->name), BYTES(a->name));
}

unsigned site_rank(const struct exchange_topology *t, int near_site,
		   unsigned site)
{
	unsigned from = near_site >= 0 ? (unsigned)near_site : t->home_site;

	if (site == from)
		return 0;
	/* The own site before others that are as far. */
	return 2u + 2u * (t->has_costs ? t->cost[from][site] : 0) -
	       (site == t->home_site);
}

struct ranked {
	uint16_t index;
	unsigned tier; /* less is better */
	unsigned weight;
	uint64_t distance;
};

#define DOWN (1u << 31) /* the tiers from here on are of those */

static unsigned tier_of(const struct exchange_topology *t, const struct want *w,
			const struct exchange_server *s)
{
	unsigned age = 0;

	if (w->newest)
		age = (unsigned)(EXCHANGE_SE - s->version);
	return (exchange_is_down(s, w->protocol) ? DOWN : 0) | age << 20 |
	       site_rank(t, w->near_site, s->site);
}

/* A server that just came back bears its share of its weight. */
static unsigned weight_of(const struct want *w, const struct exchange_server *s)
{
	uint8_t share = exchange_health(s, w->protocol);

	if (share == EXCHANGE_UP || share == EXCHANGE_DOWN)
		return s->weight;
	return (unsigned)s->weight * share / EXCHANGE_DOWN + !!s->weight;
}

static bool better(const struct exchange_topology *t, const struct ranked *a,
		   const struct ranked *b)
{
	int d;

	if (a->tier != b->tier)
		return a->tier < b->tier;
	d = score_cmp(a->weight, a->distance, b->weight, b->distance);
	if (d)
		return d > 0;
	return bytes_icmp(BYTES(t->server[a->index].name),
			  BYTES(t->server[b->index].name)) < 0;
}

/* Keep the best, in order. */
static unsigned insert(const struct exchange_topology *t, struct ranked *best,
		       unsigned n, const struct ranked *r)
{
	unsigned i = n < EXCHANGE_CANDIDATES ? n : EXCHANGE_CANDIDATES;

	while (i && better(t, r, &best[i - 1])) {
		if (i < EXCHANGE_CANDIDATES)
			best[i] = best[i - 1];
		i--;
	}
	if (i < EXCHANGE_CANDIDATES)
		best[i] = *r;
	return n < EXCHANGE_CANDIDATES ? n + 1 : n;
}

static bool wanted(const struct want *w, const struct exchange_server *s)
{
	if (w->only_site >= 0 && s->site != w->only_site)
		return false;
	return w->modern ? exchange_is_modern(s->version)
			 : s->version == w->version;
}

/* Of those that cannot, a Client Access server tells more than another. */
static void note(struct lack *lack, const struct exchange_server *s,
		 const char *why)
{
	bool front = !s->roles || s->roles & EXCHANGE_ROLE_CLIENT_ACCESS;

	if (lack->example && lack->front >= front)
		return;
	lack->example = s;
	lack->front = front;
	lack->why = why;
}

unsigned find_candidates(const struct exchange_topology *t,
			 const struct want *w, uint64_t affinity,
			 uint16_t out[EXCHANGE_CANDIDATES], struct lack *lack)
{
	struct ranked best[EXCHANGE_CANDIDATES] = { 0 };
	unsigned n = 0, healthy = 0;

	*lack = (struct lack){ 0 };
	for (unsigned i = 0; i < t->n_servers; i++) {
		const struct exchange_server *s = &t->server[i];
		const char *why;
		unsigned tier;

		if (!wanted(w, s))
			continue;
		lack->of_version++;
		if (!exchange_can_serve(s, w->protocol, &why)) {
			note(lack, s, why);
			continue;
		}
		if (exchange_is_drained(s, w->protocol)) {
			lack->drained++;
			continue;
		}
		/* Once: it may change while we look. */
		tier = tier_of(t, w, s);
		healthy += tier < DOWN;
		n = insert(t, best, n,
			   &(struct ranked){ (uint16_t)i, tier, weight_of(w, s),
					     distance(affinity, s) });
	}
	/* One that is down is tried when there is nobody else. */
	if (healthy)
		n = min(n, healthy);
	for (unsigned i = 0; i < n; i++)
		out[i] = best[i].index;
	return n;
}
