/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * locate.c - from a request's keys to the place of its mailbox.
 */
#include "proxy/proxy.h"

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
	/* A home server the topology lacks is told in the decision's words. */
	exchange_place_at(t, BYTES(found.server), place);
	return true;
}

static bool try_server(const struct exchange_topology *t,
		       const struct exchange_key *k,
		       struct exchange_place *place)
{
	place->by_server = k->kind == EXCHANGE_KEY_TARGET_SERVER &&
			   exchange_place_at(t, BYTES(k->text), place);
	return place->by_server;
}

void proxy_locate(const struct exchange_topology *topology,
		  struct route_table *routes, const struct exchange_keys *keys,
		  struct exchange_place *place)
{
	const struct exchange_key *k = NULL;

	*place = (struct exchange_place){ .server = -1, .site = -1 };
	for (unsigned i = 0; i < keys->n; i++) {
		k = &keys->key[i];
		if (try_server(topology, k, place) ||
		    try_mailbox(topology, routes, k, place))
			break;
	}
	if (k)
		place->key = *k;
	/* All names of one mailbox lead to one server; strangers are spread
	 * by what they called themselves. */
	if (!place->found)
		place->affinity =
			route_key_hash(routes, BYTES(place->key.text));
}
