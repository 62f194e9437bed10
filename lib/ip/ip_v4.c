/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv4 on its way in: RFC 791, RFC 1122 3.2.1, and whom to refuse. */
#include "ip/ip_int.h"

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_LSRR = 131,
	OPTION_SSRR = 137,
};

/* Options are walked, believed in nothing, and not answered. A source route
 * is refused: RFC 6274 3.13.2.3 says why. */
static bool options_ok(const uint8_t *o, unsigned n)
{
	while (n) {
		unsigned len;

		if (o[0] == OPTION_END)
			return true;
		if (o[0] == OPTION_NOP) {
			o++;
			n--;
			continue;
		}
		if (n < 2 || (len = o[1]) < 2 || len > n)
			return false;
		if (o[0] == OPTION_LSRR || o[0] == OPTION_SSRR)
			return false;
		o += len;
		n -= len;
	}
	return true;
}

static bool checksum_ok(const struct ip_rx *rx, const uint8_t *h, unsigned n)
{
	if (rx->ip->c.iface[rx->iface].rx_csum &&
	    (rx->m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) ==
		    RTE_MBUF_F_RX_IP_CKSUM_GOOD)
		return true;
	return ip_sum_bytes(h, n) == 0xffff;
}

/* Everything about the header but whom it is for; eats nothing. */
static enum ip_verdict check(struct ip_rx *rx, unsigned *header)
{
	const uint8_t *h;
	unsigned n, total;

	if (!ip_pull(rx->m, 20))
		return IP_DROP_SHORT;
	n = (pkt_data(rx->m)[0] & 15) * 4;
	if (pkt_data(rx->m)[0] >> 4 != 4 || n < 20)
		return IP_DROP_HEADER;
	if (!ip_pull(rx->m, n))
		return IP_DROP_SHORT;
	h = pkt_data(rx->m);
	total = get16(h + 2);
	if (total < n || total > rx->m->pkt_len)
		return IP_DROP_SHORT;
	if (!checksum_ok(rx, h, n))
		return IP_DROP_CHECKSUM;
	if (!options_ok(h + 20, n - 20))
		return IP_DROP_HEADER;
	ip_trim(rx->m, total); /* Ethernet's padding */
	*header = n;
	return IP_TCP;
}

enum ip_verdict ip_v4_upper(struct ip_rx *rx, uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return ip_tcp_input(rx);
	case IPPROTO_ICMP:
		return ip_icmp4_input(rx);
	default:
		return ip_unreachable(rx, protocol);
	}
}

enum ip_verdict ip_v4_input(struct ip_rx *rx)
{
	enum ip_verdict v;
	const uint8_t *h;
	unsigned header = 0;
	uint16_t frag;
	uint8_t protocol;

	if (rx->copy)
		return IP_DROP_PROTOCOL;
	v = check(rx, &header);
	if (v != IP_TCP)
		return v;
	h = pkt_data(rx->m);
	rx->src = ipaddr_v4(h + 12);
	rx->dst = ipaddr_v4(h + 16);
	rx->ecn = h[1] & 3;
	rx->ttl = h[8];
	protocol = h[9];
	frag = get16(h + 6);
	/* RFC 1122 3.3.6: what came by a link-layer broadcast must be for an
	 * IP broadcast; nothing is offered there. */
	if (rx->multi || !ip_local(rx->ip, &rx->dst))
		return IP_DROP_NOT_OURS;
	if (!ip_source_ok(rx->ip, &rx->src))
		return IP_DROP_SOURCE;
	if (frag & 0x3fff) {
		struct frag_head f = { .id = get16(h + 4),
				       .off = (uint16_t)(frag << 3),
				       .more = frag & 0x2000,
				       .protocol = protocol };

		ip_eat(rx, (uint16_t)header);
		v = ip_frag_input(rx, &f, &protocol);
		if (v != IP_TCP)
			return v;
	} else {
		ip_eat(rx, (uint16_t)header);
	}
	return ip_v4_upper(rx, protocol);
}
