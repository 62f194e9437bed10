/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tick.h - a hierarchical timing wheel: many deadlines, no clock inside.
 *
 * Varghese and Lauck's scheme 6, four wheels of 256 slots of 1 ms. Arming and
 * cancelling are O(1); an expired node is pulled by the caller, so nothing is
 * called back from inside.
 *
 * A node's owner that re-arms often keeps its true deadline to itself, leaves
 * the node where it is when the deadline moves later, and looks again when
 * the node expires: a store instead of a re-link.
 */
#pragma once

#include "base/base.h"

#define TICK_USEC MSEC(1) /* granularity; a deadline never fires early */

struct tick_node {
	struct list link; /* linked while armed */
	usec_t when;
};

struct tick_wheel {
	usec_t now;	 /* start of the tick being served */
	uint64_t tick;	 /* now / TICK_USEC */
	uint32_t armed;	 /* nodes in the wheel */
	struct list due; /* expired and not yet pulled */
	struct list slot[4][256];
};

void tick_init(struct tick_wheel *w, usec_t now);

static inline void tick_node_init(struct tick_node *n)
{
	list_init(&n->link);
	n->when = USEC_NEVER;
}

static inline bool tick_armed(const struct tick_node *n)
{
	return list_linked(&n->link);
}

/* Expire at or after `when`; an armed node is moved. USEC_NEVER cancels. */
void tick_arm(struct tick_wheel *w, struct tick_node *n, usec_t when);
void tick_cancel(struct tick_wheel *w, struct tick_node *n);

/* The next node whose time has come, disarmed; NULL when there is none.
 * `now` never goes back. The caller bounds how many it takes a turn. */
struct tick_node *tick_expired(struct tick_wheel *w, usec_t now);

/* A time no later than the next expiry, USEC_NEVER when nothing is armed; for
 * a loop that wants to sleep. Exact to the granularity within 256 ms, a lower
 * bound beyond. */
usec_t tick_next(const struct tick_wheel *w);
