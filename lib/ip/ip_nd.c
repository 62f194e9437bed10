/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbour discovery, RFC 4861: solicitations and advertisements. There are
 * no routers to discover here: addresses and gateways are configured.
 */
#include "ip/ip_int.h"

enum {
	OPTION_SOURCE = 1, /* link-layer address of the sender */
	OPTION_TARGET = 2, /* and of the target */

	FLAG_SOLICITED = 0x40,
	FLAG_OVERRIDE = 0x20,
};

#define MESSAGE 24 /* ICMPv6 header and target */
#define OPTION 8 /* with an Ethernet address */

static const struct ipaddr all_nodes = { { 0xff, 2, [15] = 1 } };

/* A message to be sent, its option included. */
struct nd {
	uint8_t type, flags;
	const struct ipaddr *src, *dst, *target;
	uint8_t mac[6]; /* whom the frame goes to */
};

static void send_message(struct ip_stack *ip, uint8_t iface,
			 const struct nd *nd)
{
	struct rte_mbuf *m = ip_packet(ip, 40 + MESSAGE + OPTION);
	uint16_t sum;
	uint8_t *h;

	if (!m)
		return;
	h = pkt_data(m);
	memset(h, 0, 40 + MESSAGE + OPTION);
	h[0] = 0x60;
	put16(h + 4, MESSAGE + OPTION);
	h[6] = IPPROTO_ICMPV6;
	h[7] = 255;
	memcpy(h + 8, nd->src->b, 16);
	memcpy(h + 24, nd->dst->b, 16);
	h[40] = nd->type;
	h[44] = nd->flags;
	memcpy(h + 48, nd->target->b, 16);
	h[64] = nd->type == ND_SOLICIT ? OPTION_SOURCE : OPTION_TARGET;
	h[65] = 1;
	memcpy(h + 66, ip->c.iface[iface].mac, 6);
	sum = ip_sum_pseudo(nd->src, nd->dst, IPPROTO_ICMPV6, MESSAGE + OPTION);
	sum = (uint16_t)~ip_sum_add(sum, ip_sum(m, 40, MESSAGE + OPTION));
	memcpy(h + 42, &sum, 2);
	(void)ip_link_send(ip, iface, m, nd->mac, ETHER_IPV6);
}

/* RFC 2464 7: the group's frame. */
static void group_mac(const struct ipaddr *group, uint8_t mac[6])
{
	mac[0] = mac[1] = 0x33;
	memcpy(mac + 2, group->b + 12, 4);
}

void ip_nd_solicit(struct ip_stack *ip, uint8_t iface,
		   const struct ipaddr *target, const uint8_t *mac)
{
	struct ipaddr group = { { 0xff, 2, [11] = 1, [12] = 0xff } };
	struct nd nd = { .type = ND_SOLICIT, .target = target };

	memcpy(group.b + 13, target->b + 13, 3);
	nd.src = ip_source_on(ip, iface, target);
	nd.dst = mac ? target : &group;
	group_mac(&group, nd.mac);
	if (mac)
		memcpy(nd.mac, mac, 6);
	send_message(ip, iface, &nd);
}

void ip_nd_announce(struct ip_stack *ip, uint8_t iface,
		    const struct ipaddr *addr)
{
	struct nd nd = { .type = ND_ADVERT,
			 .flags = FLAG_OVERRIDE,
			 .src = addr,
			 .dst = &all_nodes,
			 .target = addr };

	group_mac(&all_nodes, nd.mac);
	send_message(ip, iface, &nd);
}

/* The Ethernet address in the option `type`, NULL without one; false when the
 * options are malformed. RFC 4861 4.6: those unknown are skipped. */
static bool find_option(const uint8_t *o, uint32_t n, uint8_t type,
			const uint8_t **mac)
{
	*mac = NULL;
	while (n) {
		uint32_t len;

		if (n < 8 || !(len = o[1] * 8u) || len > n)
			return false;
		if (o[0] == type) {
			/* A group is nobody's address. */
			if (len != OPTION || o[2] & 1)
				return false;
			*mac = o + 2;
		}
		o += len;
		n -= len;
	}
	return true;
}

/* RFC 4861 7.2.4, and 7.2.3 for "::", which asks before it takes an address:
 * all nodes are told. */
static void answer(struct ip_rx *rx, const struct ipaddr *target,
		   const uint8_t *mac)
{
	struct nd nd = { .type = ND_ADVERT,
			 .flags = FLAG_OVERRIDE,
			 .src = target,
			 .dst = &all_nodes,
			 .target = target };

	if (ipaddr_is_any(&rx->src)) {
		group_mac(&all_nodes, nd.mac);
	} else {
		nd.flags |= FLAG_SOLICITED;
		nd.dst = &rx->src;
		memcpy(nd.mac, mac ? mac : rx->eth_src, 6);
	}
	send_message(rx->ip, rx->iface, &nd);
}

static enum ip_verdict conflict(struct ip_rx *rx, const struct ipaddr *addr)
{
	if (!rx->copy && ip_conflict(rx->ip, rx->now))
		ip_nd_announce(rx->ip, rx->iface, addr);
	return IP_DROP_SOURCE;
}

static enum ip_verdict solicit(struct ip_rx *rx, const struct ipaddr *target,
			       const uint8_t *mac)
{
	bool probe = ipaddr_is_any(&rx->src);
	struct neigh_news news = { .addr = &rx->src,
				   .mac = mac,
				   .iface = rx->iface,
				   .override = true,
				   .create = true };

	if (probe &&
	    (mac || !ipaddr_is_multicast(&rx->dst) || rx->dst.b[12] != 0xff))
		return IP_DROP_HEADER;
	if (!ip_local_on(rx->ip, rx->iface, target))
		return IP_DROP_NOT_OURS;
	if (!probe && !ip_on_link(rx->ip, rx->iface, &rx->src))
		return IP_DROP_SOURCE;
	if (!probe && mac)
		neigh_learn(rx->ip, &news, rx->now);
	if (!rx->copy)
		answer(rx, target, mac);
	return IP_SHARED;
}

static enum ip_verdict advert(struct ip_rx *rx, const struct ipaddr *target,
			      const uint8_t *mac, uint8_t flags)
{
	struct neigh_news news = { .addr = target,
				   .mac = mac,
				   .iface = rx->iface,
				   .solicited = flags & FLAG_SOLICITED,
				   .override = flags & FLAG_OVERRIDE };

	if (news.solicited && ipaddr_is_multicast(&rx->dst))
		return IP_DROP_HEADER;
	if (ip_local_on(rx->ip, rx->iface, target))
		return conflict(rx, target);
	neigh_learn(rx->ip, &news, rx->now);
	return IP_SHARED;
}

enum ip_verdict ip_nd_input(struct ip_rx *rx, uint8_t type)
{
	struct rte_mbuf *m = rx->m;
	struct ipaddr target;
	const uint8_t *mac, *h;

	if (rx->ip->c.iface[rx->iface].raw)
		return IP_DROP_ICMP;
	/* RFC 4861 7.1: hop limit 255 proves that no router passed it on; RFC
	 * 6980: never in fragments. */
	if (m->pkt_len < MESSAGE || !ip_pull(m, m->pkt_len))
		return IP_DROP_SHORT;
	h = pkt_data(m);
	if (rx->ttl != 255 || rx->pieces || h[1])
		return IP_DROP_HEADER;
	if (ip_local_on(rx->ip, rx->iface, &rx->src))
		return conflict(rx, &rx->src);
	target = ipaddr_v6(h + 8);
	if (ipaddr_is_multicast(&target) || ipaddr_is_v4(&target) ||
	    !find_option(h + MESSAGE, m->pkt_len - MESSAGE,
			 type == ND_SOLICIT ? OPTION_SOURCE : OPTION_TARGET,
			 &mac))
		return IP_DROP_HEADER;
	return type == ND_SOLICIT ? solicit(rx, &target, mac)
				  : advert(rx, &target, mac, h[4]);
}
