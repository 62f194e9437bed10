/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker_tx.c - packets out: each interface's transmit vector into the
 * worker's own queue, or, where the port has fewer queues than workers, over a
 * ring to the worker that owns one.
 *
 * What a port does not take now waits in order; what it has not taken for
 * TX_PATIENCE is dropped and counted, and TCP sends it again.
 */
#include "worker/worker_priv.h"

/* Did the port get stuck for good? Counts and frees what waits. */
static unsigned give_up(struct worker *w, usec_t *stuck, struct rte_mbuf **pkt,
			unsigned n, unsigned sent)
{
	if (sent || !n) {
		*stuck = 0;
		return 0;
	}
	if (!*stuck)
		*stuck = w->now;
	if (w->now - *stuck < TX_PATIENCE)
		return 0;
	w->stats.tx_drops += n;
	rte_pktmbuf_free_bulk(pkt, n);
	*stuck = 0;
	return n;
}

static unsigned to_owner(struct worker *w, unsigned port, struct rte_mbuf **pkt,
			 unsigned n)
{
	unsigned owner = w->id % w->group->port[port].tx_queues, sent = 0;

	while (sent < n && spsc_put(&w->relay[port], pkt[sent]))
		sent++;
	if (sent)
		w->touched |= 1u << owner;
	return sent;
}

/* One interface's vector. True when it sent or still has something. */
static bool empty_vector(struct worker *w, unsigned port, unsigned iface)
{
	const struct port *p = &w->group->port[port];
	struct ip_txv *v = ip_txv(w->ip, iface);
	unsigned n = v->n, sent;

	if (!n)
		return false;
	sent = w->id < p->tx_queues ? nic_tx(p->nic, w->id, v->pkt, n)
				    : to_owner(w, port, v->pkt, n);
	w->stats.tx_packets += sent;
	sent += give_up(w, &w->stuck[iface], v->pkt + sent, n - sent, sent);
	v->n = n - sent;
	if (v->n && sent)
		memmove(v->pkt, v->pkt + sent, v->n * sizeof(v->pkt[0]));
	return true;
}

static bool send_held(struct worker *w, const struct port *p, struct held *h)
{
	unsigned sent = nic_tx(p->nic, w->id, h->pkt, h->n);

	sent += give_up(w, &h->stuck, h->pkt + sent, h->n - sent, sent);
	h->n -= sent;
	if (h->n && sent)
		memmove(h->pkt, h->pkt + sent, h->n * sizeof(h->pkt[0]));
	return h->n == 0;
}

/* What other workers want sent by this one's queue. */
static bool relayed(struct worker *w, unsigned port)
{
	struct worker_group *g = w->group;
	const struct port *p = &g->port[port];
	struct held *h = &w->held[port];
	bool some = h->n != 0;

	if (h->n && !send_held(w, p, h))
		return true;
	for (unsigned from = w->id + p->tx_queues; from < g->workers;
	     from += p->tx_queues) {
		struct spsc *ring = &g->worker[from]->relay[port];

		while (h->n < BURST && (h->pkt[h->n] = spsc_get(ring)))
			h->n++;
		if (!h->n)
			continue;
		some = true;
		if (!send_held(w, p, h))
			break;
	}
	return some;
}

bool worker_transmit(struct worker *w)
{
	struct worker_group *g = w->group;
	bool some = false;

	for (unsigned i = 0; i < g->n_ports; i++) {
		const struct port *p = &g->port[i];

		if (w->id < p->tx_queues && p->tx_queues < g->workers)
			some |= relayed(w, i);
		for (unsigned k = 0; k < p->n_ifaces; k++)
			some |= empty_vector(w, i, p->iface[k]);
	}
	return some;
}
