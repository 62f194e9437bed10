/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * place.c - where mailboxes are: one (server, database) pair for all mailboxes
 * of a database, so that a mailbox pays a pointer and a move is one store.
 */
#include "route/table.h"

#include <stdlib.h>

static uint64_t hash(const struct route_table *t, const char *server,
		     const char *database)
{
	return siphash13(&t->secret, server, strlen(server)) * 3 +
	       siphash13(&t->secret, database, strlen(database));
}

struct place *place_get(struct route_table *t, const char *server,
			const char *database)
{
	struct place **bucket, *p;
	size_t n;
	uint64_t h;

	if (!database)
		database = "";
	h = hash(t, server, database);
	bucket = &t->places[h % PLACE_BUCKETS];
	for (p = *bucket; p; p = p->next) {
		if (p->hash != h || strcmp(p->server, server) != 0 ||
		    strcmp(p->database, database) != 0)
			continue;
		p->users++;
		return p;
	}
	n = sizeof(*p) + strlen(database) + 1;
	p = calloc(1, n);
	if (!p)
		return NULL;
	p->hash = h;
	p->users = 1;
	p->size = n;
	snprintf(p->server, sizeof(p->server), "%s", server);
	memcpy(p->database, database, strlen(database));
	p->next = *bucket;
	*bucket = p;
	t->stats.bytes += n;
	return p;
}

static void free_place(struct snap_head *head)
{
	free(container_of(head, struct place, defer));
}

void place_put(struct route_table *t, struct place *p)
{
	struct place **at = &t->places[p->hash % PLACE_BUCKETS];

	assert(p->users);
	if (--p->users)
		return;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	t->stats.bytes -= p->size;
	snap_defer(&p->defer, free_place);
}

void route_each_server(const struct route_table *t,
		       void (*fn)(void *arg, const char *server, size_t n),
		       void *arg)
{
	for (unsigned i = 0; i < PLACE_BUCKETS; i++)
		for (const struct place *p = t->places[i]; p; p = p->next)
			fn(arg, p->server, p->users);
}
