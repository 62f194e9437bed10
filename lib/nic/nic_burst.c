/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_burst.c - packets in and out of one queue, by the worker that owns it,
 * and what the driver lacks done in software.
 */
#include "nic/nic_priv.h"

#define CHUNK 32 /* packets prepared before the ring is asked */

unsigned nic_rx(struct nic_port *port, unsigned queue, struct rte_mbuf **pkts,
		unsigned n)
{
	unsigned got =
		rte_eth_rx_burst(port->id, (uint16_t)queue, pkts, (uint16_t)n);

	if (unlikely(port->checking) && got)
		nic_rss_check(port, queue, pkts, got);
	return got;
}

/* Nobody else has any part of it. */
static bool all_ours(const struct rte_mbuf *m)
{
	for (; m; m = m->next)
		if (rte_mbuf_refcnt_read(m) != 1 || !RTE_MBUF_DIRECT(m))
			return false;
	return true;
}

/* What the driver can send in place of m: m itself, a copy, or NULL. */
static struct rte_mbuf *prepared(const struct nic_port *port,
				 struct nic_queue *q, struct rte_mbuf *m)
{
	bool split = m->nb_segs > 1 && !port->caps.multi_seg;
	struct rte_mbuf *copy;

	if (!split && !(port->caps.copy_tx && !all_ours(m)))
		return m;
	copy = rte_pktmbuf_copy(m, q->pool, 0, UINT32_MAX);
	if (copy && copy->nb_segs > 1 && !port->caps.multi_seg) {
		rte_pktmbuf_free(copy);
		return NULL;
	}
	return copy;
}

/*
 * One chunk: originals are freed when their copies are on their way, kept
 * when not. A packet that can never be sent is dropped here and counts as
 * taken, or its successors would wait for it for ever.
 */
static unsigned send_prepared(struct nic_port *port, unsigned queue,
			      struct rte_mbuf **pkts, unsigned n)
{
	struct nic_queue *q = &port->queue[queue];
	struct rte_mbuf *out[CHUNK];
	uint8_t from[CHUNK];
	unsigned k = 0, sent, taken;

	for (unsigned i = 0; i < n; i++) {
		out[k] = prepared(port, q, pkts[i]);
		if (!out[k])
			continue;
		from[k++] = (uint8_t)i;
	}
	sent = rte_eth_tx_burst(port->id, (uint16_t)queue, out, (uint16_t)k);
	taken = sent < k ? from[sent] : n;
	for (unsigned i = sent; i < k; i++)
		if (out[i] != pkts[from[i]])
			rte_pktmbuf_free(out[i]);
	for (unsigned i = 0, j = 0; i < taken; i++) {
		bool went = j < sent && from[j] == i;

		q->tx_drops += !went;
		if (!went || out[j] != pkts[i])
			rte_pktmbuf_free(pkts[i]);
		j += went;
	}
	return taken;
}

unsigned nic_tx(struct nic_port *port, unsigned queue, struct rte_mbuf **pkts,
		unsigned n)
{
	unsigned done = 0;

	if (!port->prepare)
		return rte_eth_tx_burst(port->id, (uint16_t)queue, pkts,
					(uint16_t)n);
	while (done < n) {
		unsigned k = min(n - done, (unsigned)CHUNK);
		unsigned took = send_prepared(port, queue, pkts + done, k);

		done += took;
		if (took < k)
			break;
	}
	return done;
}
