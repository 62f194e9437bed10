/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The neighbour table, RFC 4861 7.3, for both families. One state less than
 * there: a stale neighbour is asked as soon as it is used, without DELAY,
 * because no transport reports progress from here.
 *
 * An entry comes from a packet of ours to a host on a connected network, or
 * from such a host's asking for us; so what a stranger far away sends cannot
 * make more of them than there are answers to it, and these end with the table.
 */
#include "ip/ip_int.h"

#include <errno.h>

static uint16_t *bucket_of(struct ip_stack *ip, uint8_t iface,
			   const struct ipaddr *a)
{
	uint8_t key[17];

	memcpy(key, a->b, 16);
	key[16] = iface;
	return &ip->bucket[siphash13(&ip->c.secret, key, sizeof(key)) %
			   IP_NEIGHBOURS];
}

static struct neigh *find(struct ip_stack *ip, uint8_t iface,
			  const struct ipaddr *a)
{
	struct neigh *n = ip->last;
	uint16_t i;

	if (n && n->iface == iface && ipaddr_eq(&n->addr, a))
		return n;
	for (i = *bucket_of(ip, iface, a); i != NEIGH_NONE; i = n->next) {
		n = slab_at(&ip->neighs, i);
		if (n->iface == iface && ipaddr_eq(&n->addr, a)) {
			ip->last = n;
			return n;
		}
	}
	return NULL;
}

/* --- packets that wait -------------------------------------------------- */

static int wait_for(struct ip_stack *ip, struct neigh *n, struct rte_mbuf *m)
{
	uint16_t at = ip->wait_free;

	if (n->waiting == NEIGH_WAIT || at == NEIGH_NONE) {
		ip->stats.tx_no_neighbour++;
		rte_pktmbuf_free(m);
		return -ENOBUFS;
	}
	ip->wait_free = ip->wait[at].next;
	ip->wait[at] = (struct ip_waiting){ m, NEIGH_NONE };
	if (n->waiting++)
		ip->wait[n->wait_tail].next = at;
	else
		n->wait_head = at;
	n->wait_tail = at;
	ip->stats.waiting++;
	return 0;
}

static struct rte_mbuf *wait_pop(struct ip_stack *ip, struct neigh *n)
{
	uint16_t at = n->wait_head;
	struct rte_mbuf *m;

	if (!n->waiting)
		return NULL;
	m = ip->wait[at].m;
	n->waiting--;
	n->wait_head = ip->wait[at].next;
	ip->wait[at] = (struct ip_waiting){ NULL, ip->wait_free };
	ip->wait_free = at;
	ip->stats.waiting--;
	return m;
}

static uint16_t ether_type(const struct neigh *n)
{
	return ipaddr_is_v4(&n->addr) ? ETHER_IPV4 : ETHER_IPV6;
}

static void flush(struct ip_stack *ip, struct neigh *n)
{
	struct rte_mbuf *m;

	while ((m = wait_pop(ip, n)))
		(void)ip_link_send(ip, n->iface, m, n->mac, ether_type(n));
}

/* --- entries ------------------------------------------------------------- */

static void forget(struct ip_stack *ip, struct neigh *n)
{
	uint16_t *at = bucket_of(ip, n->iface, &n->addr);
	uint16_t self = (uint16_t)slab_index(&ip->neighs, n);
	struct rte_mbuf *m;

	while ((m = wait_pop(ip, n))) {
		ip->stats.tx_no_neighbour++;
		rte_pktmbuf_free(m);
	}
	while (*at != self)
		at = &((struct neigh *)slab_at(&ip->neighs, *at))->next;
	*at = n->next;
	if (ip->last == n)
		ip->last = NULL;
	tick_cancel(&ip->wheel, &n->timer);
	list_remove(&n->age);
	slab_put(&ip->neighs, n);
	ip->stats.neighbours--;
}

/* Make room: the oldest goes, but for gateways, and for what was used within
 * half a minute unless there is nothing else among the first sixteen; so a
 * flood of strangers pushes out its own. */
static void evict(struct ip_stack *ip, usec_t now)
{
	unsigned spared = 0;

	for (unsigned i = 0; i < IP_NEIGHBOURS; i++) {
		struct neigh *n = list_entry(ip->ages.next, struct neigh, age);
		bool busy = n->state != NEIGH_INCOMPLETE && n->used &&
			    now - n->used < NEIGH_REACHABLE_TIME;

		if (!n->gateway && (!busy || spared++ == 16)) {
			forget(ip, n);
			return;
		}
		list_remove(&n->age);
		list_push(&ip->ages, &n->age);
	}
}

static bool is_gateway(const struct ip_stack *ip, uint8_t iface,
		       const struct ipaddr *a)
{
	for (unsigned i = 0; i < ip->c.n_routes; i++)
		if (ip->c.route[i].iface == iface &&
		    ipaddr_eq(&ip->c.route[i].gateway, a))
			return true;
	return false;
}

static struct neigh *create(struct ip_stack *ip, uint8_t iface,
			    const struct ipaddr *a, usec_t now)
{
	uint16_t *head;
	struct neigh *n;

	if (ip->neighs.used == IP_NEIGHBOURS)
		evict(ip, now);
	n = slab_get(&ip->neighs);
	assert(n); /* there are fewer gateways than entries */
	head = bucket_of(ip, iface, a);
	*n = (struct neigh){ .addr = *a,
			     .iface = iface,
			     .next = *head,
			     .wait_head = NEIGH_NONE,
			     .gateway = is_gateway(ip, iface, a) };
	*head = (uint16_t)slab_index(&ip->neighs, n);
	tick_node_init(&n->timer);
	list_init(&n->age);
	list_push(&ip->ages, &n->age);
	ip->stats.neighbours++;
	return n;
}

static void solicit(struct ip_stack *ip, struct neigh *n, usec_t now)
{
	const uint8_t *mac = n->state == NEIGH_PROBE ? n->mac : NULL;

	n->tries++;
	if (!ip_bucket_take(&ip->solicits, NEIGH_SOLICITS, now))
		return;
	if (ipaddr_is_v4(&n->addr))
		ip_arp_solicit(ip, n->iface, &n->addr, mac);
	else
		ip_nd_solicit(ip, n->iface, &n->addr, mac);
}

static void enter(struct ip_stack *ip, struct neigh *n, enum neigh_state state,
		  usec_t now)
{
	usec_t in = NEIGH_RETRY;

	n->state = (uint8_t)state;
	n->tries = 0;
	switch (state) {
	case NEIGH_INCOMPLETE:
	case NEIGH_PROBE:
		solicit(ip, n, now);
		break;
	case NEIGH_REACHABLE: /* RFC 4861 6.3.2: 0.5 to 1.5 times */
		in = NEIGH_REACHABLE_TIME / 2 +
		     rng_below(&ip->rng, (uint32_t)NEIGH_REACHABLE_TIME);
		break;
	case NEIGH_STALE:
		if (!n->gateway)
			in = NEIGH_FORGET;
		break;
	}
	tick_arm(&ip->wheel, &n->timer, now + in);
}

static void expire(struct ip_stack *ip, struct neigh *n, usec_t now)
{
	switch ((enum neigh_state)n->state) {
	case NEIGH_INCOMPLETE:
	case NEIGH_PROBE:
		if (n->tries == NEIGH_TRIES) {
			forget(ip, n);
			return;
		}
		solicit(ip, n, now);
		tick_arm(&ip->wheel, &n->timer, now + NEIGH_RETRY);
		return;
	case NEIGH_REACHABLE:
		enter(ip, n, n->gateway ? NEIGH_PROBE : NEIGH_STALE, now);
		return;
	case NEIGH_STALE:
		if (n->gateway)
			enter(ip, n, NEIGH_PROBE, now);
		else
			forget(ip, n);
		return;
	}
}

void neigh_learn(struct ip_stack *ip, const struct neigh_news *news, usec_t now)
{
	struct neigh *n = find(ip, news->iface, news->addr);
	bool differs;

	if (!n) {
		if (!news->create)
			return;
		n = create(ip, news->iface, news->addr, now);
		memcpy(n->mac, news->mac, 6);
		enter(ip, n, NEIGH_STALE, now);
		return;
	}
	if (n->state == NEIGH_INCOMPLETE) {
		if (!news->mac)
			return;
		memcpy(n->mac, news->mac, 6);
		enter(ip, n, news->solicited ? NEIGH_REACHABLE : NEIGH_STALE,
		      now);
		flush(ip, n);
		return;
	}
	/* RFC 4861 7.2.5, 7.2.3. */
	differs = news->mac && memcmp(n->mac, news->mac, 6);
	if (differs && !news->override) {
		if (n->state == NEIGH_REACHABLE)
			enter(ip, n, NEIGH_STALE, now);
		return;
	}
	if (differs)
		memcpy(n->mac, news->mac, 6);
	if (news->solicited)
		enter(ip, n, NEIGH_REACHABLE, now);
	else if (differs)
		enter(ip, n, NEIGH_STALE, now);
}

int neigh_send(struct ip_stack *ip, uint8_t iface, const struct ipaddr *hop,
	       struct rte_mbuf *m, usec_t now)
{
	struct neigh *n = find(ip, iface, hop);

	if (unlikely(!n)) {
		n = create(ip, iface, hop, now);
		enter(ip, n, NEIGH_INCOMPLETE, now);
	}
	n->used = now;
	if (n->state == NEIGH_INCOMPLETE)
		return wait_for(ip, n, m);
	if (n->state == NEIGH_STALE)
		enter(ip, n, NEIGH_PROBE, now);
	return ip_link_send(ip, iface, m, n->mac, ether_type(n));
}

void neigh_tick(struct ip_stack *ip, usec_t now)
{
	struct tick_node *t;

	for (unsigned i = 0; i < 64 && (t = tick_expired(&ip->wheel, now)); i++)
		expire(ip, list_entry(t, struct neigh, timer), now);
}

void neigh_fini(struct ip_stack *ip)
{
	while (!list_empty(&ip->ages))
		forget(ip, list_entry(ip->ages.next, struct neigh, age));
}

unsigned ip_neighbours(const struct ip_stack *ip, struct ip_neighbour_info *out,
		       unsigned n)
{
	static const char *const names[] = {
#define X(id, name) [id] = name,
		NEIGH_STATES(X)
#undef X
	};
	unsigned i = 0;

	list_for_each(it, &ip->ages)
	{
		const struct neigh *from = list_entry(it, struct neigh, age);

		if (i == n)
			break;
		out[i].addr = from->addr;
		memcpy(out[i].mac, from->mac, 6);
		out[i].iface = from->iface;
		out[i].state = names[from->state];
		i++;
	}
	return ip->neighs.used;
}
