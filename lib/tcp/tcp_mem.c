/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_mem.c - packet buffers, and what is given up first when they run short.
 *
 * The pool is shared with the port's rings and with IP, so its level is looked
 * at, once a millisecond, rather than kept account of. A connection that was
 * refused something waits on the starved list and is told when the level has
 * risen: that nobody waits for ever is this file's promise.
 */
#include "tcp/tcp_int.h"

#define MEM_INTERVAL MSEC(1)
#define STARVED_BUDGET 256 /* looked at each interval */
#define RELIEF 5 /* percent above a level at which it ends */

/* Percent of the pool free below which each thing is refused. */
enum { LEVEL_WINDOWS = 40, LEVEL_OOO = 20, LEVEL_TX = 15, LEVEL_SYN = 10 };

static void level(bool *refused, unsigned percent, uint64_t avail, uint64_t all)
{
	unsigned limit = *refused ? percent + RELIEF : percent;

	*refused = avail * 100 < all * limit;
}

static void feed(struct tcp_stack *t)
{
	for (unsigned i = 0; i < STARVED_BUDGET; i++) {
		struct list *link = list_pop(&t->starved);
		struct tcp_conn *c;

		if (!link)
			return;
		c = list_entry(link, struct tcp_conn, starved);
		if (c->want_tx && !t->refuse_tx) {
			c->want_tx = false;
			tcp_conn_ready(c);
		}
		if (c->want_window && !t->hold_windows) {
			c->want_window = false;
			tcp_rx_opened(c);
		}
		if (c->want_tx || c->want_window)
			list_push(&t->starved, &c->starved);
	}
}

void tcp_mem_check(struct tcp_stack *t)
{
	uint64_t avail, all = t->pool->size;

	if (t->now - t->mem_checked < MEM_INTERVAL)
		return;
	t->mem_checked = t->now;
	avail = rte_mempool_avail_count(t->pool);
	level(&t->hold_windows, LEVEL_WINDOWS, avail, all);
	level(&t->refuse_ooo, LEVEL_OOO, avail, all);
	level(&t->refuse_tx, LEVEL_TX, avail, all);
	level(&t->refuse_syn, LEVEL_SYN, avail, all);
	if (!t->refuse_tx || !t->hold_windows)
		feed(t);
}

void tcp_starve(struct tcp_conn *c)
{
	if (!list_linked(&c->starved))
		list_push(&c->t->starved, &c->starved);
}

struct seg *tcp_seg_new(struct tcp_stack *t, struct rte_mbuf *m)
{
	struct seg *s = slab_get(&t->segs);

	if (!s)
		return NULL;
	*s = (struct seg){ .m = m };
	list_init(&s->link);
	t->stats.buffers++;
	return s;
}

void tcp_seg_free(struct tcp_stack *t, struct seg *s)
{
	rte_pktmbuf_free_seg(s->m);
	t->stats.buffers--;
	slab_put(&t->segs, s);
}

struct rte_mbuf *tcp_mbuf_new(struct tcp_stack *t)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(t->pool);

	if (!m)
		t->mem_checked = 0; /* look at the level soon */
	return m;
}
