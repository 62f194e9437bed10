/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tick.h - a hierarchical timing wheel: many deadlines, no clock inside.
 *
 * Varghese and Lauck's scheme 6, four wheels of 256 slots of 1 ms. Arming and
 * cancelling are O(1); an expired node is pulled by the caller, so nothing is
 * called back from inside. Bitmaps of the slots in use make a jump over idle
 * time, however long, as cheap as a step.
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
	struct list far; /* beyond the last wheel's 49 days */
	uint64_t used[4][4]; /* which slots hold anything */
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

/* Expire at or after `when`, less than TICK_USEC late; an armed node is moved.
 * USEC_NEVER cancels. What is due at once comes with the next pull, so a caller
 * that re-arms for `now` must bound its pulling. */
void tick_arm(struct tick_wheel *w, struct tick_node *n, usec_t when);
void tick_cancel(struct tick_wheel *w, struct tick_node *n);

/* The next node whose time has come, disarmed (its `when` is USEC_NEVER again);
 * NULL when there is none. `now` never goes back. The caller bounds how many it
 * takes a turn: what is left stays due. Ticks come in order; within a tick the
 * order is nobody's promise. */
struct tick_node *tick_expired(struct tick_wheel *w, usec_t now);

/* A time no later than the next expiry, USEC_NEVER when nothing is armed; for
 * a loop that wants to sleep. Exact to the granularity if no multiple of 256 ms
 * lies between, a lower bound otherwise: waking there expires nothing and gives
 * a better answer, at most four times for one node (and once each 49 days). */
usec_t tick_next(const struct tick_wheel *w);
