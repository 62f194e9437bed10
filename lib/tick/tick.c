/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A node that expires at tick e lies, seen from tick t, on the wheel of the
 * highest byte in which e and t differ, in the slot that byte of e names. So
 * every slot in use lies ahead of t on its wheel, everything on a wheel comes
 * before everything on the next, and the slot that begins first is found by
 * looking at four words of a bitmap. Moving t to any tick before that slot's
 * beginning changes no node's place: idle time, however long, costs nothing.
 */
#include "tick/tick.h"

#define SLOTS 256
#define WHEELS 4
#define SPAN ((uint64_t)1 << 32) /* ticks until the last wheel wraps */

/* The slot that begins first: where it is and when. */
struct first {
	unsigned wheel; /* [0..4], the last is `far` */
	unsigned slot;
	uint64_t tick;
};

static unsigned digit(uint64_t tick, unsigned wheel)
{
	return tick >> (8 * wheel) & (SLOTS - 1);
}

/* First set bit at `from` [0..256] or behind it; SLOTS when there is none. */
static unsigned next_bit(const uint64_t map[SLOTS / 64], unsigned from)
{
	uint64_t word;

	if (from >= SLOTS)
		return SLOTS;
	word = map[from / 64] & ~(uint64_t)0 << from % 64;
	for (unsigned i = from / 64;;) {
		if (word)
			return i * 64 + (unsigned)__builtin_ctzll(word);
		if (++i == SLOTS / 64)
			return SLOTS;
		word = map[i];
	}
}

static bool find_first(const struct tick_wheel *w, struct first *f)
{
	for (unsigned i = 0; i < WHEELS; i++) {
		unsigned at = next_bit(w->used[i], digit(w->tick, i) + 1);

		if (at == SLOTS)
			continue;
		f->wheel = i;
		f->slot = at;
		f->tick = ((w->tick >> (8 * i) & ~(uint64_t)(SLOTS - 1)) | at)
			  << (8 * i);
		return true;
	}
	if (list_empty(&w->far))
		return false;
	f->wheel = WHEELS;
	f->tick = (w->tick & ~(SPAN - 1)) + SPAN;
	return true;
}

static void file(struct tick_wheel *w, struct tick_node *n)
{
	/* Rounded up: never early. */
	uint64_t at = n->when / TICK_USEC + (n->when % TICK_USEC != 0);
	uint64_t diff = at ^ w->tick;
	unsigned wheel, slot;

	if (at <= w->tick) {
		list_push(&w->due, &n->link);
		return;
	}
	if (diff >= SPAN) {
		list_push(&w->far, &n->link);
		return;
	}
	wheel = (31 - (unsigned)__builtin_clz((uint32_t)diff)) / 8;
	slot = digit(at, wheel);
	list_push(&w->slot[wheel][slot], &n->link);
	w->used[wheel][slot / 64] |= (uint64_t)1 << slot % 64;
}

/* Nothing is in this list any more; it may be `due` or `far`, too. */
static void clear_used(struct tick_wheel *w, const struct list *head)
{
	const struct list *slots = &w->slot[0][0];
	size_t at;

	if (head < slots || head >= slots + WHEELS * SLOTS)
		return;
	at = (size_t)(head - slots);
	w->used[at / SLOTS][at % SLOTS / 64] &= ~((uint64_t)1 << at % 64);
}

/* Take a node off its list, which is marked if that leaves it empty. */
static void unlink_node(struct tick_wheel *w, struct tick_node *n)
{
	const struct list *next = n->link.next;
	bool alone = next == n->link.prev; /* so `next` is the sentinel */

	list_remove(&n->link);
	if (alone)
		clear_used(w, next);
}

/* `slot` begins now: what is in it is filed anew, as seen from here. */
static void refile(struct tick_wheel *w, struct list *slot)
{
	struct list all;

	/* A sentinel takes the slot's place in its ring, because a node of
	 * `far` may go back there. */
	list_init(&all);
	list_push(slot, &all);
	list_remove(slot);
	while (!list_empty(&all))
		file(w, list_entry(list_pop(&all), struct tick_node, link));
}

static void advance(struct tick_wheel *w, uint64_t target)
{
	struct first f;

	while (find_first(w, &f) && f.tick <= target) {
		struct list *slot =
			f.wheel == WHEELS ? &w->far : &w->slot[f.wheel][f.slot];

		w->tick = f.tick;
		clear_used(w, slot);
		refile(w, slot);
	}
	w->tick = max(w->tick, target);
	w->now = w->tick * TICK_USEC;
}

void tick_init(struct tick_wheel *w, usec_t now)
{
	*w = (struct tick_wheel){ .tick = now / TICK_USEC };
	w->now = w->tick * TICK_USEC;
	list_init(&w->due);
	list_init(&w->far);
	for (unsigned i = 0; i < WHEELS * SLOTS; i++)
		list_init(&w->slot[i / SLOTS][i % SLOTS]);
}

void tick_arm(struct tick_wheel *w, struct tick_node *n, usec_t when)
{
	tick_cancel(w, n);
	if (when == USEC_NEVER)
		return;
	n->when = when;
	file(w, n);
	w->armed++;
}

void tick_cancel(struct tick_wheel *w, struct tick_node *n)
{
	if (!tick_armed(n))
		return;
	unlink_node(w, n);
	n->when = USEC_NEVER;
	w->armed--;
}

struct tick_node *tick_expired(struct tick_wheel *w, usec_t now)
{
	struct tick_node *n;

	assert(now >= w->now);
	if (now / TICK_USEC > w->tick)
		advance(w, now / TICK_USEC);
	if (list_empty(&w->due))
		return NULL;
	n = list_entry(list_pop(&w->due), struct tick_node, link);
	n->when = USEC_NEVER;
	w->armed--;
	return n;
}

usec_t tick_next(const struct tick_wheel *w)
{
	struct first f;

	if (!list_empty(&w->due))
		return w->now;
	return find_first(w, &f) ? f.tick * TICK_USEC : USEC_NEVER;
}
