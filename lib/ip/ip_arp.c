/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ARP, RFC 826, with RFC 5227's probes and announcements. Stricter than RFC
 * 826 in what it learns: only from frames that speak to us or announce.
 */
#include "ip/ip_int.h"

#define MESSAGE 28

enum {
	REQUEST = 1,
	REPLY = 2,
};

static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* A message to be sent from our `from`, which tells nothing when NULL. */
struct arp {
	uint16_t op;
	const struct ipaddr *from, *target;
	const uint8_t *target_mac; /* NULL: zeroes, as in a question */
	const uint8_t *frame_to;
};

static void send_message(struct ip_stack *ip, uint8_t iface,
			 const struct arp *arp)
{
	static const uint8_t kind[6] = { 0, 1, 8, 0, 6, 4 };
	struct rte_mbuf *m = ip_packet(ip, MESSAGE);
	uint8_t *h;

	if (!m)
		return;
	h = pkt_data(m);
	memset(h, 0, MESSAGE);
	memcpy(h, kind, 6);
	put16(h + 6, arp->op);
	memcpy(h + 8, ip->c.iface[iface].mac, 6);
	if (arp->from)
		memcpy(h + 14, arp->from->b + 12, 4);
	if (arp->target_mac)
		memcpy(h + 18, arp->target_mac, 6);
	memcpy(h + 24, arp->target->b + 12, 4);
	(void)ip_link_send(ip, iface, m, arp->frame_to, ETHER_ARP);
}

void ip_arp_solicit(struct ip_stack *ip, uint8_t iface,
		    const struct ipaddr *target, const uint8_t *mac)
{
	struct arp arp = { .op = REQUEST,
			   .from = ip_source_on(ip, iface, target),
			   .target = target,
			   .frame_to = mac ? mac : everybody };

	send_message(ip, iface, &arp);
}

void ip_arp_announce(struct ip_stack *ip, uint8_t iface,
		     const struct ipaddr *addr)
{
	struct arp arp = { .op = REQUEST,
			   .from = addr,
			   .target = addr,
			   .frame_to = everybody };

	send_message(ip, iface, &arp);
}

static enum ip_verdict request(struct ip_rx *rx, const uint8_t *sender_mac,
			       const struct ipaddr *target)
{
	struct neigh_news news = { .addr = &rx->src,
				   .mac = sender_mac,
				   .iface = rx->iface,
				   .override = true,
				   .create = true };
	struct arp reply = { .op = REPLY,
			     .from = target,
			     .target = &rx->src,
			     .target_mac = sender_mac,
			     .frame_to = sender_mac };

	/* RFC 5227 2.1.1: a probe comes from 0.0.0.0, and teaches nothing. */
	if (!ipaddr_is_any(&rx->src))
		neigh_learn(rx->ip, &news, rx->now);
	if (!rx->copy)
		send_message(rx->ip, rx->iface, &reply);
	return IP_SHARED;
}

/* rx->src: the sender's protocol address. */
static enum ip_verdict message(struct ip_rx *rx, const uint8_t *h)
{
	struct ipaddr target = ipaddr_v4(h + 24);
	uint16_t op = get16(h + 6);
	bool announced = ipaddr_eq(&target, &rx->src);
	bool to_us = ip_local_on(rx->ip, rx->iface, &target);
	struct neigh_news news = { .addr = &rx->src,
				   .mac = h + 8,
				   .iface = rx->iface,
				   .solicited = op == REPLY && to_us,
				   .override = true };

	if (op != REQUEST && op != REPLY)
		return IP_DROP_HEADER;
	/* RFC 5227 2.4: an address of ours in somebody else's mouth. */
	if (ip_local_on(rx->ip, rx->iface, &rx->src)) {
		if (!rx->copy && ip_conflict(rx->ip, rx->now))
			ip_arp_announce(rx->ip, rx->iface, &rx->src);
		return IP_DROP_SOURCE;
	}
	if (!ipaddr_is_any(&rx->src) &&
	    (!ip_on_link(rx->ip, rx->iface, &rx->src) ||
	     ip_is_broadcast(rx->ip, &rx->src)))
		return IP_DROP_SOURCE;
	if (op == REQUEST && to_us)
		return request(rx, h + 8, &target);
	if (ipaddr_is_any(&rx->src) || !(to_us || announced))
		return IP_DROP_NOT_OURS;
	neigh_learn(rx->ip, &news, rx->now);
	return IP_SHARED;
}

enum ip_verdict ip_arp_input(struct ip_rx *rx)
{
	static const uint8_t kind[6] = { 0, 1, 8, 0, 6, 4 };
	static const uint8_t nobody[6];
	const uint8_t *h;

	if (!ip_pull(rx->m, MESSAGE))
		return IP_DROP_SHORT;
	h = pkt_data(rx->m);
	if (memcmp(h, kind, 6))
		return IP_DROP_HEADER;
	/* The sender's Ethernet address: a group or zeroes are nobody's. */
	if (h[8] & 1 || !memcmp(h + 8, nobody, 6) ||
	    !memcmp(h + 8, rx->ip->c.iface[rx->iface].mac, 6))
		return IP_DROP_SOURCE;
	rx->src = ipaddr_v4(h + 14);
	return message(rx, h);
}
