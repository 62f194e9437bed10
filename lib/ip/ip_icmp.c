/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP (RFC 792, 1122 3.2.2) and ICMPv6 (RFC 4443): pings are answered, what
 * routers say of our segments is handed up, what nobody serves here is called
 * unreachable. All replies are rate limited, go to the one address that asked,
 * and are never more than 48 bytes longer than their cause.
 */
#include "ip/ip_int.h"

enum {
	ICMP4_ECHO_REPLY = 0,
	ICMP4_UNREACHABLE = 3,
	ICMP4_ECHO = 8,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_PARAMETER = 12,

	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAMETER = 4,
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_ROUTER_ADVERT = 134,
};

#define IPV6_MIN_MTU 1280u

bool ip_bucket_take(struct ip_bucket *b, uint32_t rate, usec_t now)
{
	usec_t each = SEC(1) / rate, paid = max(b->paid, now);

	if (paid - now + each > SEC(1))
		return false;
	b->paid = paid + each;
	return true;
}

/* m or, when it may not be written to or lacks room in front, a copy. */
static struct rte_mbuf *own(struct ip_stack *ip, struct rte_mbuf *m)
{
	if (RTE_MBUF_DIRECT(m) && rte_pktmbuf_headroom(m) >= 62)
		return m;
	return rte_pktmbuf_copy(m, ip->c.pool, 0, UINT32_MAX);
}

/* Turn a ping round; RFC 1122 3.2.2.6: the very data. */
static enum ip_verdict echo(struct ip_rx *rx, uint8_t reply)
{
	struct ip_tx tx = { .src = &rx->dst, .dst = &rx->src };
	struct rte_mbuf *m;
	uint8_t *icmp;
	uint16_t sum, old;

	if (rx->multi || pkt_data(rx->m)[1])
		return IP_DROP_ICMP;
	if (!ip_bucket_take(&rx->ip->echo, IP_ECHO_RATE, rx->now))
		return IP_DROP_RATE;
	m = own(rx->ip, rx->m);
	if (!m)
		return IP_DROP_MEMORY;
	if (m == rx->m)
		rx->m = NULL;
	icmp = pkt_data(m);
	/* RFC 1624: HC' = ~(~HC + ~m + m'); the addresses only swap. */
	memcpy(&sum, icmp + 2, 2);
	memcpy(&old, icmp, 2);
	sum = ip_sum_add((uint16_t)~sum, (uint16_t)~old);
	icmp[0] = reply;
	memcpy(&old, icmp, 2);
	sum = (uint16_t)~ip_sum_add(sum, old);
	/* Of nothing but zeros the checksum is ffff; 0 is wrong there alone. */
	if (!sum)
		sum = 0xffff;
	memcpy(icmp + 2, &sum, 2);
	tx.protocol = ipaddr_is_v4(&rx->src) ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	return ip_send(rx->ip, m, &tx, rx->now) ? IP_DROP_ICMP : IP_ECHO;
}

/* The segment that an error quotes from `q`; false when it was no segment of
 * ours. RFC 5927 4: more is for TCP to check. */
static bool quoted(const struct ip_rx *rx, const uint8_t *q, uint32_t n,
		   struct ip_error *e)
{
	const uint8_t *tcp;

	if (ipaddr_is_v4(&rx->dst)) {
		unsigned header = n ? (q[0] & 15) * 4u : 0;

		if (header < 20 || n < header + 8 || q[0] >> 4 != 4 ||
		    q[9] != IPPROTO_TCP || get16(q + 6) & 0x1fff)
			return false;
		e->local = ipaddr_v4(q + 12);
		e->remote = ipaddr_v4(q + 16);
		tcp = q + header;
	} else {
		/* We send no extension headers. */
		if (n < 48 || q[0] >> 4 != 6 || q[6] != IPPROTO_TCP)
			return false;
		e->local = ipaddr_v6(q + 8);
		e->remote = ipaddr_v6(q + 24);
		if (ipaddr_is_v4(&e->remote))
			return false;
		tcp = q + 40;
	}
	e->lport = get16(tcp);
	e->rport = get16(tcp + 2);
	e->seq = get32(tcp + 4);
	/* Who sent the segment gets the error. */
	return ipaddr_eq(&e->local, &rx->dst);
}

static enum ip_verdict error(struct ip_rx *rx, struct ip_error *e)
{
	struct rte_mbuf *m = rx->m;
	uint32_t n = min(m->pkt_len, 8u + 60 + 8); /* all that is looked at */

	if (rx->multi || !ip_pull(m, n) ||
	    !quoted(rx, pkt_data(m) + 8, n - 8, e))
		return IP_DROP_ICMP;
	rx->in->error = *e;
	return IP_ICMP_ERROR;
}

static enum ip_verdict unreachable4(struct ip_rx *rx, uint8_t code)
{
	/* RFC 792, 1122 3.2.2.1, 1812 5.2.7.1: protocol, port, prohibited. */
	static const uint16_t hard =
		1 << 2 | 1 << 3 | 1 << 9 | 1 << 10 | 1 << 13;
	struct ip_error e = { 0 };

	if (code > 15)
		return IP_DROP_ICMP;
	e.hard = hard >> code & 1;
	if (code == 4) {
		e.too_big = true;
		e.mtu = get16(pkt_data(rx->m) + 6);
	}
	return error(rx, &e);
}

static enum ip_verdict too_big6(struct ip_rx *rx)
{
	uint32_t mtu = get32(pkt_data(rx->m) + 4);
	struct ip_error e = { .too_big = true };

	/* RFC 8200 5: below 1280 nobody needs to go. */
	e.mtu = (uint16_t)max(IPV6_MIN_MTU, min(mtu, 65535u));
	return error(rx, &e);
}

/* Header there and the checksum right? Ports verify TCP's at best. */
static enum ip_verdict check(struct ip_rx *rx, uint16_t pseudo)
{
	struct rte_mbuf *m = rx->m;

	if (m->pkt_len < 8 || !ip_pull(m, 8))
		return IP_DROP_SHORT;
	if (ip_sum_add(pseudo, ip_sum(m, 0, m->pkt_len)) != 0xffff)
		return IP_DROP_CHECKSUM;
	return IP_TCP;
}

enum ip_verdict ip_icmp4_input(struct ip_rx *rx)
{
	enum ip_verdict v = check(rx, 0);
	struct ip_error soft = { 0 };

	if (v != IP_TCP)
		return v;
	switch (pkt_data(rx->m)[0]) {
	case ICMP4_ECHO:
		return echo(rx, ICMP4_ECHO_REPLY);
	case ICMP4_UNREACHABLE:
		return unreachable4(rx, pkt_data(rx->m)[1]);
	case ICMP4_TIME_EXCEEDED: /* RFC 1122 4.2.3.9: soft, both */
	case ICMP4_PARAMETER:
		return error(rx, &soft);
	default:
		return IP_DROP_ICMP;
	}
}

enum ip_verdict ip_icmp6_input(struct ip_rx *rx)
{
	uint16_t pseudo = ip_sum_pseudo(&rx->src, &rx->dst, IPPROTO_ICMPV6,
					rx->m->pkt_len);
	enum ip_verdict v = check(rx, pseudo);
	struct ip_error e = { 0 };
	uint8_t type, code;

	if (v != IP_TCP)
		return v;
	type = pkt_data(rx->m)[0];
	code = pkt_data(rx->m)[1];
	if (type == ND_SOLICIT || type == ND_ADVERT)
		return ip_nd_input(rx, type);
	if (rx->copy)
		return IP_DROP_ICMP;
	/* "::" has nothing to say but in neighbour discovery. */
	if (ipaddr_is_any(&rx->src))
		return IP_DROP_SOURCE;
	switch (type) {
	case ICMP6_ECHO:
		return echo(rx, ICMP6_ECHO_REPLY);
	case ICMP6_TOO_BIG:
		return too_big6(rx);
	case ICMP6_UNREACHABLE: /* RFC 4443 3.1, 4.2.3.9's hard ones */
		e.hard = code == 1 || code == 4 || code == 5 || code == 6;
		return error(rx, &e);
	case ICMP6_PARAMETER:
		e.hard = code == 1;
		return error(rx, &e);
	case ICMP6_TIME_EXCEEDED:
		return error(rx, &e);
	case ICMP6_ROUTER_ADVERT:
		rx->ip->stats.router_adverts++;
		return IP_DROP_ICMP;
	default:
		return IP_DROP_ICMP;
	}
}

/* The first n bytes of the packet as it came, behind 8 bytes of ICMP. */
static struct rte_mbuf *quote(struct ip_rx *rx, uint32_t n)
{
	struct rte_mbuf *m = ip_packet(rx->ip, (uint16_t)(8 + n));
	const void *from;

	if (!m)
		return NULL;
	from = rte_pktmbuf_read(rx->m, 0, n, pkt_data(m) + 8);
	if (from != pkt_data(m) + 8)
		memcpy(pkt_data(m) + 8, from, n);
	memset(pkt_data(m), 0, 8);
	return m;
}

enum ip_verdict ip_unreachable(struct ip_rx *rx, uint8_t protocol)
{
	struct ip_tx tx = { .src = &rx->dst, .dst = &rx->src };
	bool v4 = ipaddr_is_v4(&rx->dst), udp = protocol == IPPROTO_UDP;
	uint16_t sum = 0, header = (uint16_t)(rx->cut - rx->l3);
	struct rte_mbuf *m;
	uint8_t *icmp;

	/* RFC 1122 3.2.2, 4443 2.4 (e): not about groups, nor about pieces. */
	if (rx->multi || rx->copy || rx->pieces)
		return IP_DROP_PROTOCOL;
	if (!ip_bucket_take(&rx->ip->errors, IP_ERROR_RATE, rx->now))
		return IP_DROP_RATE;
	ip_uneat(rx);
	ip_eat(rx, rx->l3);
	/* RFC 792: header and 8 bytes. RFC 4443 2.4 (c): all that fits. */
	m = quote(rx,
		  min(rx->m->pkt_len, v4 ? header + 8u : IPV6_MIN_MTU - 48u));
	if (!m)
		return IP_DROP_MEMORY;
	icmp = pkt_data(m);
	if (v4) {
		tx.protocol = IPPROTO_ICMP;
		icmp[0] = ICMP4_UNREACHABLE;
		icmp[1] = udp ? 3 : 2;
	} else {
		tx.protocol = IPPROTO_ICMPV6;
		icmp[0] = udp ? ICMP6_UNREACHABLE : ICMP6_PARAMETER;
		icmp[1] = udp ? 4 : 1;
		/* The pointer: the header before the unknown one. */
		if (!udp)
			put32(icmp + 4, rx->next_at);
		sum = ip_sum_pseudo(&rx->dst, &rx->src, IPPROTO_ICMPV6,
				    m->pkt_len);
	}
	sum = (uint16_t)~ip_sum_add(sum, ip_sum(m, 0, m->pkt_len));
	memcpy(icmp + 2, &sum, 2);
	/* Refused or not, the packet is what it was. */
	(void)ip_send(rx->ip, m, &tx, rx->now);
	return IP_DROP_PROTOCOL;
}
