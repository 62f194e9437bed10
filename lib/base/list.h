/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * list.h - an intrusive doubly linked list with a sentinel.
 *
 * A node that is on no list points to itself, so removing twice is harmless
 * and "is it linked?" is a question a node can answer.
 */
#pragma once

#include "base/types.h"

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

/* Same test, asked of a node. */
static inline bool list_linked(const struct list *node)
{
	return node->next != node;
}

static inline void list_insert_before(struct list *at, struct list *node)
{
	assert(!list_linked(node));
	node->prev = at->prev;
	node->next = at;
	at->prev->next = node;
	at->prev = node;
}

static inline void list_push(struct list *l, struct list *node)
{
	list_insert_before(l, node);
}

static inline void list_push_front(struct list *l, struct list *node)
{
	list_insert_before(l->next, node);
}

static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* First node, taken off; NULL when empty. */
static inline struct list *list_pop(struct list *l)
{
	struct list *node = l->next;

	if (node == l)
		return NULL;
	list_remove(node);
	return node;
}

#define list_entry(node, type, member) container_of(node, type, member)
#define list_for_each(it, l)                                                   \
	for (struct list *it = (l)->next; it != (l); it = it->next)
/* The body may remove `it`, and nothing else. */
#define list_for_each_safe(it, l)                                              \
	for (struct list *it = (l)->next, *list_next_ = it->next; it != (l);   \
	     it = list_next_, list_next_ = it->next)
