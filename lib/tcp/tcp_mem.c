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

/* Percent of the pool free below which each thing is refused. */
static const uint8_t percent[MEM_LEVELS] = {
	[MEM_WINDOWS] = 40, [MEM_OOO] = 25, [MEM_MORE] = 25,
	[MEM_SYN] = 10,	    [MEM_TX] = 8,   [MEM_RX] = 5,
};

void tcp_mem_init(struct tcp_stack *t)
{
	uint64_t all = t->pool->size;

	for (unsigned i = 0; i < MEM_LEVELS; i++)
		t->mem_level[i] = (uint32_t)(all * percent[i] / 100);
	t->mem_free = all;
}

/* Is there more than the level again, by a twentieth of the pool? */
static bool relieved(const struct tcp_stack *t, enum mem_level level)
{
	return t->mem_free > t->mem_level[level] + t->pool->size / 20;
}

static void feed(struct tcp_stack *t)
{
	for (unsigned i = 0; i < STARVED_BUDGET; i++) {
		struct list *link = list_pop(&t->starved);
		struct tcp_conn *c;

		if (!link)
			return;
		c = list_entry(link, struct tcp_conn, starved);
		if (c->want_tx &&
		    (tcp_tx_pending(c) < TCP_RECORD || relieved(t, MEM_MORE))) {
			c->want_tx = false;
			tcp_conn_ready(c);
		}
		if (c->want_window && relieved(t, MEM_WINDOWS)) {
			c->want_window = false;
			tcp_rx_opened(c);
		}
		if (c->want_tx || c->want_window)
			tcp_starve(c);
	}
}

void tcp_mem_check(struct tcp_stack *t)
{
	if (t->now - t->mem_checked < MEM_INTERVAL)
		return;
	t->mem_checked = t->now;
	t->mem_free = rte_mempool_avail_count(t->pool);
	t->mem_held = t->stats.buffers;
	if (relieved(t, MEM_TX))
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
