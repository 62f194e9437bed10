/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * health.c - one (server, protocol): unknown, up, down, slow start.
 */
#include "health/health.h"

#include <stdio.h>

#define DOUBT 5 /* what is in doubt is asked so many times as often */
#define LEAST 20 /* requests in a window say something about a rate */

static const char *const words[] = {
#define X(id, word) word,
	HEALTH_STATES(X)
#undef X
};

const char *health_state_word(enum health_state s)
{
	assert((unsigned)s < HEALTH_STATE_COUNT);
	return words[s];
}

#define TO(s) (1U << (s))

/* From each state to these. */
static const unsigned edges[HEALTH_STATE_COUNT] = {
	[HEALTH_UNKNOWN] = TO(HEALTH_UP) | TO(HEALTH_DOWN),
	[HEALTH_UP] = TO(HEALTH_DOWN) | TO(HEALTH_UNKNOWN),
	[HEALTH_DOWN] = TO(HEALTH_SLOW_START) | TO(HEALTH_UNKNOWN),
	[HEALTH_SLOW_START] =
		TO(HEALTH_UP) | TO(HEALTH_DOWN) | TO(HEALTH_UNKNOWN),
};

static bool enter(struct health *h, enum health_state next, usec_t now)
{
	assert(edges[h->state] & TO(next));
	h->state = next;
	h->since = now;
	h->good = h->bad = 0;
	h->row = 0;
	h->window = 0; /* what was before does not count */
	return true;
}

static void schedule(struct health *h, const struct health_rules *r,
		     struct rng *rng, usec_t now)
{
	bool doubt = h->state == HEALTH_DOWN ? h->good > 0 : h->bad > 0;
	usec_t wait = doubt ? r->interval / DOUBT : r->interval;
	uint32_t fifth = (uint32_t)min(wait / 5, (usec_t)UINT32_MAX);

	h->due = now + wait - fifth / 2 + (fifth ? rng_below(rng, fifth) : 0);
}

void health_init(struct health *h, const struct health_rules *r,
		 struct rng *rng, usec_t now)
{
	uint32_t most = (uint32_t)min(r->interval, (usec_t)UINT32_MAX);

	*h = (struct health){ .due = now + (most ? rng_below(rng, most) : 0) };
}

static void note(struct health *h, const char *why)
{
	snprintf(h->why, sizeof(h->why), "%s", why);
}

bool health_probed(struct health *h, const struct health_rules *r,
		   struct rng *rng, bool good, const char *why, usec_t now)
{
	bool changed = false;

	h->asked = false;
	if (good) {
		h->good = (uint16_t)min(h->good + 1, UINT16_MAX);
		h->bad = 0;
	} else {
		h->bad = (uint16_t)min(h->bad + 1, UINT16_MAX);
		h->good = 0;
		note(h, why);
	}
	switch (h->state) {
	case HEALTH_UNKNOWN:
		if (good)
			changed = enter(h, HEALTH_UP, now);
		else if (h->bad >= r->fall)
			changed = enter(h, HEALTH_DOWN, now);
		break;
	case HEALTH_UP:
	case HEALTH_SLOW_START:
		if (h->bad >= r->fall)
			changed = enter(h, HEALTH_DOWN, now);
		break;
	case HEALTH_DOWN:
		if (h->good >= r->rise)
			changed = enter(h, HEALTH_SLOW_START, now);
		break;
	case HEALTH_STATE_COUNT:
		break;
	}
	schedule(h, r, rng, now);
	return changed;
}

bool health_eject(struct health *h, const char *why, usec_t now)
{
	note(h, why);
	return h->state != HEALTH_DOWN && enter(h, HEALTH_DOWN, now);
}

bool health_tick(struct health *h, const struct health_rules *r, usec_t now)
{
	return h->state == HEALTH_SLOW_START &&
	       now - h->since >= r->slow_start && enter(h, HEALTH_UP, now);
}

bool health_forget(struct health *h, usec_t now)
{
	return h->state != HEALTH_UNKNOWN && enter(h, HEALTH_UNKNOWN, now);
}

/* A window that is over, or none: the next begins with what is known now. */
static void begin_window(struct health *h, usec_t now)
{
	h->window = now;
	h->window_good = h->seen_good;
	h->window_bad = h->seen_bad;
}

bool health_outlier(struct health *h, const struct health_rules *r,
		    uint64_t good, uint64_t bad, usec_t now)
{
	uint64_t new_good = good - h->seen_good, new_bad = bad - h->seen_bad;
	uint64_t all, failed;
	bool out;

	if (!h->window || now - h->window > r->window)
		begin_window(h, now);
	h->seen_good = good;
	h->seen_bad = bad;
	/* Their order is not told: a success among failures ends the row, and
	 * what is left is the rate's to judge. */
	h->row = new_good ? 0 : h->row + (uint32_t)new_bad;
	if (h->state == HEALTH_DOWN || !new_bad)
		return false;
	failed = bad - h->window_bad;
	all = failed + good - h->window_good;
	out = (r->errors && h->row >= r->errors) ||
	      (r->percent && all >= LEAST && failed * 100 >= all * r->percent);
	if (out) {
		h->row = 0;
		begin_window(h, now);
	}
	return out;
}

uint8_t health_verdict(const struct health *h, const struct health_rules *r,
		       usec_t now)
{
	usec_t past;

	if (h->state == HEALTH_DOWN)
		return EXCHANGE_DOWN;
	if (h->state != HEALTH_SLOW_START || !r->slow_start)
		return EXCHANGE_UP;
	past = min(now - h->since, r->slow_start);
	return (uint8_t)(1 + past * (EXCHANGE_DOWN - 2) / r->slow_start);
}
