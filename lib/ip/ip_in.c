/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way in: what a frame is and whom it is for. Everything above Ethernet
 * is told apart here and judged in a file of its own.
 */
#include "ip/ip_int.h"

bool ip_pull(struct rte_mbuf *m, uint32_t n)
{
	if (likely(m->data_len >= n))
		return true;
	if (m->pkt_len < n || n - m->data_len > rte_pktmbuf_tailroom(m))
		return false;
	while (m->data_len < n) {
		struct rte_mbuf *from = m->next;
		uint16_t k = (uint16_t)min(n - m->data_len, from->data_len);

		memcpy(pkt_data(m) + m->data_len, pkt_data(from), k);
		m->data_len += k;
		from->data_off += k;
		from->data_len -= k;
		if (from->data_len)
			break;
		m->next = from->next;
		m->nb_segs--;
		rte_pktmbuf_free_seg(from);
	}
	return true;
}

void ip_trim(struct rte_mbuf *m, uint32_t n)
{
	struct rte_mbuf *seg = m;
	uint32_t left = n;

	assert(n <= m->pkt_len);
	if (n == m->pkt_len)
		return;
	m->pkt_len = n;
	m->nb_segs = 1;
	for (; left > seg->data_len; seg = seg->next) {
		left -= seg->data_len;
		m->nb_segs++;
	}
	seg->data_len = (uint16_t)left;
	rte_pktmbuf_free(seg->next);
	seg->next = NULL;
}

void ip_eat(struct ip_rx *rx, uint16_t n)
{
	assert(n <= rx->m->data_len);
	rx->m->data_off += n;
	rx->m->data_len -= n;
	rx->m->pkt_len -= n;
	rx->cut += n;
}

void ip_uneat(struct ip_rx *rx)
{
	rx->m->data_off -= rx->cut;
	rx->m->data_len += rx->cut;
	rx->m->pkt_len += rx->cut;
	rx->cut = 0;
}

enum ip_verdict ip_tcp_input(struct ip_rx *rx)
{
	const struct ip_iface_config *iface = &rx->ip->c.iface[rx->iface];
	struct rte_mbuf *m = rx->m;
	bool good = iface->rx_csum && !rx->pieces &&
		    (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) ==
			    RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	uint16_t sum;

	if (m->pkt_len < 20)
		return IP_DROP_SHORT;
	if (!good) {
		sum = ip_sum_pseudo(&rx->src, &rx->dst, IPPROTO_TCP,
				    m->pkt_len);
		if (ip_sum_add(sum, ip_sum(m, 0, m->pkt_len)) != 0xffff)
			return IP_DROP_CHECKSUM;
	}
	/* TCP reads its header, of 60 bytes at most, in one piece. */
	if (!ip_pull(m, min(m->pkt_len, 60u)))
		return IP_DROP_SHORT;
	rx->in->seg = (struct ip_seg){ .m = m,
				       .src = rx->src,
				       .dst = rx->dst,
				       .iface = rx->iface,
				       .ecn = rx->ecn,
				       .ttl = rx->ttl };
	rx->m = NULL;
	return IP_TCP;
}

/* The VLAN the frame came in, and the type behind it. IEEE 802.1Q: number 0
 * is no VLAN but a priority. */
static bool vlan_ok(struct ip_rx *rx, uint16_t *type)
{
	uint16_t vlan = 0;

	if (rx->m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)
		vlan = rx->m->vlan_tci & 0xfff;
	if (*type == ETHER_VLAN) {
		if (vlan || !ip_pull(rx->m, 4))
			return false;
		vlan = get16(pkt_data(rx->m)) & 0xfff;
		*type = get16(pkt_data(rx->m) + 2);
		ip_eat(rx, 4);
	}
	return vlan == rx->ip->c.iface[rx->iface].vlan;
}

static enum ip_verdict ether_input(struct ip_rx *rx)
{
	const struct ip_iface_config *iface = &rx->ip->c.iface[rx->iface];
	const uint8_t *h;
	uint16_t type;

	if (!ip_pull(rx->m, 14))
		return IP_DROP_SHORT;
	h = pkt_data(rx->m);
	rx->multi = h[0] & 1;
	if (!rx->multi && memcmp(h, iface->mac, 6))
		return IP_DROP_NOT_OURS;
	/* A group cannot send; neither do we, unless there is a loop. */
	if (h[6] & 1 || !memcmp(h + 6, iface->mac, 6))
		return IP_DROP_SOURCE;
	memcpy(rx->eth_src, h + 6, 6);
	type = get16(h + 12);
	ip_eat(rx, 14);
	if (!vlan_ok(rx, &type))
		return IP_DROP_VLAN;
	rx->l3 = rx->cut;
	switch (type) {
	case ETHER_IPV4:
		return ip_v4_input(rx);
	case ETHER_IPV6:
		return ip_v6_input(rx);
	case ETHER_ARP:
		return ip_arp_input(rx);
	default:
		return IP_DROP_PROTOCOL;
	}
}

static enum ip_verdict raw_input(struct ip_rx *rx)
{
	if (!ip_pull(rx->m, 1))
		return IP_DROP_SHORT;
	switch (pkt_data(rx->m)[0] >> 4) {
	case 4:
		return ip_v4_input(rx);
	case 6:
		return ip_v6_input(rx);
	default:
		return IP_DROP_HEADER;
	}
}

static enum ip_verdict input(struct ip_rx *rx)
{
	/* Headers are cut off and payload is answered in place: a packet that
	 * somebody else holds, too, must be copied by who brings it. */
	assert(rx->iface < rx->ip->c.n_ifaces);
	assert(rte_mbuf_refcnt_read(rx->m) == 1);
	return rx->ip->c.iface[rx->iface].raw ? raw_input(rx) : ether_input(rx);
}

void ip_input(struct ip_stack *ip, unsigned iface, struct rte_mbuf *m,
	      usec_t now, struct ip_in *in)
{
	struct ip_rx rx = { .ip = ip, .m = m, .in = in, .now = now };

	rx.iface = (uint8_t)iface;
	in->verdict = input(&rx);
	ip->stats.verdicts[in->verdict]++;
	if (in->verdict == IP_SHARED) {
		ip_uneat(&rx);
		in->shared = rx.m;
		return;
	}
	rte_pktmbuf_free(rx.m);
}

void ip_shared_input(struct ip_stack *ip, unsigned iface, struct rte_mbuf *m,
		     usec_t now)
{
	struct ip_in in;
	struct ip_rx rx = { .ip = ip, .m = m, .in = &in, .now = now };

	rx.iface = (uint8_t)iface;
	rx.copy = true;
	input(&rx);
	rte_pktmbuf_free(rx.m);
}
