/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * locate.c - from a request's keys to the place of its mailbox.
 */
#include "proxy/proxy.h"

/* The mailbox that a key names; a home server the topology lacks is told in
 * the decision's words. */
static bool try_mailbox(const struct exchange_topology *t,
			struct route_table *routes,
			const struct exchange_key *k,
			struct exchange_place *place)
{
	struct route_found found;

	if (!route_find(routes, BYTES(k->text), &found))
		return false;
	place->found = true;
	place->affinity = found.id;
	exchange_place_at(t, BYTES(found.server), place);
	exchange_place_database(t, BYTES(found.database), place);
	return true;
}

static bool try_key(const struct exchange_topology *t,
		    struct route_table *routes, const struct exchange_key *k,
		    struct exchange_place *place)
{
	place->key = *k;
	if (k->kind != EXCHANGE_KEY_TARGET_SERVER)
		return try_mailbox(t, routes, k, place);
	place->by_server = exchange_place_at(t, BYTES(k->text), place);
	return place->by_server;
}

/* A key that names no mailbox: users are spread by who they are, not by what
 * they all ask for. */
static uint64_t affinity_of(struct route_table *routes,
			    const struct exchange_keys *keys)
{
	const struct exchange_key *k = keys->n ? &keys->key[keys->n - 1] : NULL;
	struct route_found found;

	for (unsigned i = keys->n; i--;)
		if (keys->key[i].kind == EXCHANGE_KEY_FORM_USER ||
		    keys->key[i].kind == EXCHANGE_KEY_USER ||
		    keys->key[i].kind == EXCHANGE_KEY_REMEMBERED)
			k = &keys->key[i];
	if (!k)
		return 0;
	return route_find(routes, BYTES(k->text), &found)
		       ? found.id
		       : route_key_hash(routes, BYTES(k->text));
}

void proxy_locate(const struct exchange_topology *topology,
		  struct route_table *routes, const struct exchange_keys *keys,
		  struct exchange_place *place)
{
	*place = (struct exchange_place){ .server = -1, .site = -1 };
	for (unsigned i = 0; i < keys->n; i++)
		if (try_key(topology, routes, &keys->key[i], place))
			break;
	if (!place->found)
		place->affinity = affinity_of(routes, keys);
}
