/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker_rx.c - packets in: from the worker's queues and from other workers,
 * to the connection they belong to, here or elsewhere.
 *
 * Flows never migrate, packets do. The worker that receives
 * a packet has IP validate it; what is not ours goes to the worker that
 * steering names, as a verified segment, and is never judged twice. All
 * workers steer alike, so the named one keeps it: nothing is handed on.
 */
#include "worker/worker_priv.h"

static void hand_over(struct worker *w, unsigned to, const struct crossing *x,
		      struct rte_mbuf *m)
{
	if (to == w->id || to >= w->group->workers ||
	    !cross_put(cross_of(w->group, w->id, to), x)) {
		w->stats.handover_drops++;
		rte_pktmbuf_free(m);
		return;
	}
	w->stats.handed_over++;
	w->touched |= 1u << to;
}

static void segment(struct worker *w, const struct ip_seg *s)
{
	unsigned owner = w->id;
	struct crossing x = { .kind = CROSS_SEGMENT, .seg = *s };

	if (tcp_input(w->tcp, s, w->now, &owner) == TCP_NOT_MINE)
		hand_over(w, owner, &x, s->m);
}

static void icmp_error(struct worker *w, const struct ip_error *e)
{
	unsigned owner = w->id;
	struct crossing x = { .kind = CROSS_ERROR, .error = *e };

	/* Nobody's: a late or forged error, which means nothing. */
	if (!tcp_icmp_error(w->tcp, e, w->now, &owner) && owner != w->id)
		hand_over(w, owner, &x, NULL);
}

/* ARP and ND concern every worker: this one has answered, the others learn
 * from copies. */
static void broadcast(struct worker *w, unsigned iface, struct rte_mbuf *m)
{
	struct crossing x = { .kind = CROSS_SHARED, .iface = (uint8_t)iface };

	for (unsigned to = 0; to < w->group->workers; to++) {
		if (to == w->id)
			continue;
		x.shared = rte_pktmbuf_copy(m, w->pool, 0, UINT32_MAX);
		if (x.shared)
			hand_over(w, to, &x, x.shared);
		else
			w->stats.handover_drops++;
	}
	rte_pktmbuf_free(m);
}

static void arrived(struct worker *w, unsigned iface, struct rte_mbuf *m)
{
	struct ip_in in;

	ip_input(w->ip, iface, m, w->now, &in);
	if (likely(in.verdict == IP_TCP))
		segment(w, &in.seg);
	else if (in.verdict == IP_ICMP_ERROR)
		icmp_error(w, &in.error);
	else if (in.verdict == IP_SHARED)
		broadcast(w, iface, in.shared);
}

static void taken_over(struct worker *w, const struct crossing *x)
{
	unsigned owner = w->id;

	w->stats.taken_over++;
	switch ((enum crossing_kind)x->kind) {
	case CROSS_SEGMENT:
		if (tcp_input(w->tcp, &x->seg, w->now, &owner) != TCP_NOT_MINE)
			return;
		w->stats.handover_drops++;
		rte_pktmbuf_free(x->seg.m);
		return;
	case CROSS_ERROR:
		(void)tcp_icmp_error(w->tcp, &x->error, w->now, &owner);
		return;
	case CROSS_SHARED:
		ip_shared_input(w->ip, x->iface, x->shared, w->now);
		return;
	}
}

/* Which of a port's interfaces: IEEE 802.1Q, the tag taken off by the port or
 * still there. An unknown tag is the first one's to refuse and count. */
static unsigned iface_of(const struct port *p, const struct rte_mbuf *m)
{
	uint16_t vlan = 0;

	if (p->n_ifaces == 1)
		return p->iface[0];
	if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) {
		vlan = m->vlan_tci & 0xfff;
	} else if (m->data_len >= 16) {
		const uint8_t *d = rte_pktmbuf_mtod(m, const uint8_t *);

		if (d[12] == 0x81 && d[13] == 0)
			vlan = (uint16_t)((d[14] & 0xf) << 8 | d[15]);
	}
	for (unsigned i = 0; i < p->n_ifaces; i++)
		if (p->vlan[i] == vlan)
			return p->iface[i];
	return p->iface[0];
}

static unsigned from_port(struct worker *w, const struct port *p)
{
	struct rte_mbuf *pkts[BURST];
	unsigned n;

	if (w->id >= p->rx_queues)
		return 0;
	n = nic_rx(p->nic, w->id, pkts, BURST);
	for (unsigned i = 0; i < n; i++)
		arrived(w, iface_of(p, pkts[i]), pkts[i]);
	w->stats.rx_packets += n;
	return n;
}

static unsigned from_worker(struct worker *w, struct cross *ring)
{
	struct crossing x;
	unsigned n = 0;

	while (n < BURST && cross_get(ring, &x)) {
		taken_over(w, &x);
		n++;
	}
	return n;
}

unsigned worker_receive(struct worker *w, bool *full)
{
	struct worker_group *g = w->group;
	unsigned total = 0, n;

	for (unsigned from = 0; from < g->workers; from++) {
		if (from == w->id)
			continue;
		n = from_worker(w, cross_of(g, from, w->id));
		*full |= n == BURST;
		total += n;
	}
	for (unsigned i = 0; i < g->n_ports; i++) {
		n = from_port(w, &g->port[i]);
		*full |= n == BURST;
		total += n;
	}
	return total;
}
