/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv6 on its way in: RFC 8200, with the limits RFC 8504 5.3 and RFC 7045
 * allow on extension headers.
 */
#include "ip/ip_int.h"

#define EXT_MAX 8 /* extension headers of one packet */

enum {
	NEXT_HOP_BY_HOP = 0,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_NONE = 59,
	NEXT_DEST_OPTIONS = 60,
};

/* RFC 8200 4.2: Pad1, PadN, and the options we do not know, whose two high
 * bits say what that means. PadN is checked, since it can hide things (RFC
 * 4942 2.1.9.5): zeroes, and no more than padding can need. */
static bool options_ok(const uint8_t *o, unsigned n)
{
	while (n) {
		unsigned len;

		if (o[0] == 0) {
			o++;
			n--;
			continue;
		}
		if (n < 2 || (len = o[1] + 2u) > n)
			return false;
		if (o[0] >> 6)
			return false;
		if (o[0] == 1 && len > 7)
			return false;
		for (unsigned i = 2; o[0] == 1 && i < len; i++)
			if (o[i])
				return false;
		o += len;
		n -= len;
	}
	return true;
}

/* One extension header but Fragment: judge it, eat it. */
static enum ip_verdict extension(struct ip_rx *rx, uint8_t *next)
{
	const uint8_t *h;
	unsigned n;

	if (!ip_pull(rx->m, 8))
		return IP_DROP_SHORT;
	n = (pkt_data(rx->m)[1] + 1u) * 8;
	if (!ip_pull(rx->m, n))
		return IP_DROP_SHORT;
	h = pkt_data(rx->m);
	if (*next == NEXT_ROUTING) {
		/* RFC 5095: type 0 is dead. Of the others a host may skip
		 * those that have no segments left. */
		if (h[2] == 0 || h[3] != 0)
			return IP_DROP_HEADER;
	} else if (!options_ok(h + 2, n - 2)) {
		return IP_DROP_HEADER;
	}
	*next = h[0];
	rx->next_at = rx->cut - rx->l3;
	ip_eat(rx, (uint16_t)n);
	return IP_TCP;
}

static enum ip_verdict fragment(struct ip_rx *rx, uint8_t *next)
{
	const uint8_t *h;
	struct frag_head f;

	if (rx->pieces || rx->copy)
		return IP_DROP_FRAGMENT;
	if (!ip_pull(rx->m, 8))
		return IP_DROP_SHORT;
	h = pkt_data(rx->m);
	f = (struct frag_head){ .id = get32(h + 4),
				.off = get16(h + 2) & 0xfff8,
				.more = h[3] & 1,
				.protocol = h[0] };
	rx->next_at = rx->cut - rx->l3;
	ip_eat(rx, 8);
	*next = f.protocol;
	if (!f.off && !f.more) {
		/* Atomic: RFC 6946, on its own. */
		rx->pieces = true;
		return IP_TCP;
	}
	return ip_frag_input(rx, &f, next);
}

enum ip_verdict ip_v6_upper(struct ip_rx *rx, uint8_t next)
{
	enum ip_verdict v = IP_TCP;

	for (unsigned i = 0; i <= EXT_MAX; i++) {
		switch (next) {
		case NEXT_HOP_BY_HOP: /* in the first place only */
			if (i)
				return IP_DROP_HEADER;
			v = extension(rx, &next);
			break;
		case NEXT_ROUTING:
		case NEXT_DEST_OPTIONS:
			v = extension(rx, &next);
			break;
		case NEXT_FRAGMENT:
			v = fragment(rx, &next);
			break;
		case IPPROTO_ICMPV6:
			return ip_icmp6_input(rx);
		case IPPROTO_TCP:
			if (rx->multi || rx->copy)
				return IP_DROP_NOT_OURS;
			return ip_tcp_input(rx);
		case NEXT_NONE:
			return IP_DROP_PROTOCOL;
		default:
			return ip_unreachable(rx, next);
		}
		if (v != IP_TCP)
			return v;
	}
	return IP_DROP_HEADER;
}

/* Groups we are in: all nodes, and the solicited-node group of each address
 * (RFC 4291 2.8). */
static bool our_group(const struct ip_rx *rx)
{
	static const uint8_t all_nodes[16] = { 0xff, 2, [15] = 1 };
	static const uint8_t node[13] = { 0xff, 2, [11] = 1, [12] = 0xff };
	const struct ip_stack *ip = rx->ip;

	if (!memcmp(rx->dst.b, all_nodes, 16))
		return true;
	if (memcmp(rx->dst.b, node, 13))
		return false;
	for (unsigned i = 0; i < ip->n_local; i++)
		if (ip->local[i].iface == rx->iface &&
		    !ipaddr_is_v4(&ip->local[i].addr) &&
		    !memcmp(ip->local[i].addr.b + 13, rx->dst.b + 13, 3))
			return true;
	return false;
}

/* May this packet be for us? Groups are for neighbour discovery alone. */
static enum ip_verdict check_addresses(struct ip_rx *rx)
{
	const struct ip_local *l;

	if (ipaddr_is_multicast(&rx->dst)) {
		rx->multi = true;
		if (!our_group(rx))
			return IP_DROP_NOT_OURS;
	} else {
		/* An IPv4-mapped address never stands in a header: here it
		 * would be our IPv4 address (RFC 4291 2.5.5.2). */
		l = ipaddr_is_v4(&rx->dst) ? NULL : ip_local(rx->ip, &rx->dst);
		if (!l || rx->multi)
			return IP_DROP_NOT_OURS;
		if (ipaddr_is_link_local(&rx->dst) && l->iface != rx->iface &&
		    !ip_local_on(rx->ip, rx->iface, &rx->dst))
			return IP_DROP_NOT_OURS;
	}
	/* "::" asks a group whether an address is free, and who uses ours
	 * says so to a group: neighbour discovery wants to see both. */
	if (rx->multi && (ipaddr_eq(&rx->src, &ipaddr_any) ||
			  ip_local_on(rx->ip, rx->iface, &rx->src)))
		return IP_TCP;
	if (ipaddr_is_v4(&rx->src) || !ip_source_ok(rx->ip, &rx->src))
		return IP_DROP_SOURCE;
	return IP_TCP;
}

enum ip_verdict ip_v6_input(struct ip_rx *rx)
{
	enum ip_verdict v;
	const uint8_t *h;
	uint32_t n;

	if (!ip_pull(rx->m, 40))
		return IP_DROP_SHORT;
	h = pkt_data(rx->m);
	if (h[0] >> 4 != 6)
		return IP_DROP_HEADER;
	/* A jumbogram's length is 0 here: it ends as a packet with nothing
	 * in it. */
	n = get16(h + 4) + 40u;
	if (n > rx->m->pkt_len)
		return IP_DROP_SHORT;
	ip_trim(rx->m, n);
	rx->src = ipaddr_v6(h + 8);
	rx->dst = ipaddr_v6(h + 24);
	rx->ecn = h[1] >> 4 & 3;
	rx->ttl = h[7];
	v = check_addresses(rx);
	if (v != IP_TCP)
		return v;
	n = h[6];
	rx->next_at = 6;
	ip_eat(rx, 40);
	return ip_v6_upper(rx, (uint8_t)n);
}
