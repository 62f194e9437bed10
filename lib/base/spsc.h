/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * spsc.h - a bounded ring of pointers from one thread to one other.
 *
 * Lamport's queue with C11 release/acquire and cached indices. Nobody ever
 * waits: a full ring refuses, an empty one gives NULL. Safe when producer and
 * consumer share a CPU, because neither holds anything while preempted.
 */
#pragma once

#include <stdatomic.h>

#include "base/mem.h"

struct spsc {
	/* Producer's line. */
	_Alignas(CACHE_LINE) _Atomic uint32_t head;
	uint32_t tail_seen;
	uint64_t refused; /* puts that found it full; producer's own */
	/* Consumer's line. */
	_Alignas(CACHE_LINE) _Atomic uint32_t tail;
	uint32_t head_seen;
	/* Read by both, written by neither. */
	_Alignas(CACHE_LINE) uint32_t mask;
	void **slot;
};

/* `count`: a power of two. -ENOMEM. */
must_check int spsc_init(struct spsc *r, uint32_t count);
void spsc_fini(struct spsc *r);

/* False (and counted) when full; the pointer stays the caller's. */
static inline bool spsc_put(struct spsc *r, void *p)
{
	uint32_t h = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (unlikely(h - r->tail_seen > r->mask)) {
		r->tail_seen =
			atomic_load_explicit(&r->tail, memory_order_acquire);
		if (h - r->tail_seen > r->mask) {
			r->refused++;
			return false;
		}
	}
	r->slot[h & r->mask] = p;
	atomic_store_explicit(&r->head, h + 1, memory_order_release);
	return true;
}

/* The oldest pointer, or NULL when empty. */
static inline void *spsc_get(struct spsc *r)
{
	uint32_t t = atomic_load_explicit(&r->tail, memory_order_relaxed);
	void *p;

	if (t == r->head_seen) {
		r->head_seen =
			atomic_load_explicit(&r->head, memory_order_acquire);
		if (t == r->head_seen)
			return NULL;
	}
	p = r->slot[t & r->mask];
	atomic_store_explicit(&r->tail, t + 1, memory_order_release);
	return p;
}
