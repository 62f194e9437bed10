/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_wire.c - two ports of one process, joined by rings: the driver net_ring
 * in pairs. Device WIRE:a is one end, WIRE:b the other.
 *
 * What one end sends is the very buffer the other receives, so the profile
 * has copy-tx. Queue k of one end feeds queue k of the other: both ends have
 * the same number. Control thread only.
 */
#include "nic/nic_priv.h"

#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ring.h>
#include <stdio.h>

#define WIRES 16

/* Rings outlive the end that made them: they are the process's. */
static struct wire {
	char name[32]; /* empty: unused */
	bool open[2];
	unsigned queues;
	struct rte_ring *ring[2][NIC_QUEUES]; /* [who receives from it] */
} wires[WIRES];

static void wire_free(struct wire *w)
{
	for (unsigned i = 0; i < 2 * w->queues; i++) {
		struct rte_ring *r = w->ring[i & 1][i / 2];
		void *m;

		while (r && rte_ring_sc_dequeue(r, &m) == 0)
			rte_pktmbuf_free(m);
		rte_ring_free(r);
	}
	memset(w, 0, sizeof(*w));
}

static int wire_new(struct wire *w, struct opening *o, struct bytes name)
{
	unsigned size = rte_align32pow2(max(o->profile->rx_desc, (uint16_t)64));

	memset(w, 0, sizeof(*w));
	w->queues = o->queues;
	memcpy(w->name, name.p, name.n);
	for (unsigned i = 0; i < 2 * w->queues; i++) {
		char ring[RTE_RING_NAMESIZE];

		snprintf(ring, sizeof(ring), "w%d_%c%u", (int)(w - wires),
			 i & 1 ? 'b' : 'a', i / 2);
		/* One worker puts, one takes. */
		w->ring[i & 1][i / 2] =
			rte_ring_create(ring, size, SOCKET_ID_ANY,
					RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (!w->ring[i & 1][i / 2]) {
			wire_free(w);
			return nic_fail(o, "no memory for wire %s: %s",
					o->port->device,
					rte_strerror(rte_errno));
		}
	}
	return 0;
}

static struct wire *wire_find(struct bytes name)
{
	for (unsigned i = 0; i < WIRES; i++)
		if (bytes_eq(BYTES(wires[i].name), name))
			return &wires[i];
	return NULL;
}

int nic_wire_open(struct opening *o)
{
	struct nic_port *port = o->port;
	struct bytes end = BYTES(port->device), name = bytes_cut(&end, ':');
	unsigned side = bytes_eq(end, BYTES("b"));
	struct wire *w;
	char ethdev[RTE_ETH_NAME_MAX_LEN];

	if (!name.n || name.n >= sizeof(w->name) ||
	    (!side && !bytes_eq(end, BYTES("a"))))
		return nic_fail(
			o, "'%s' is no end of a wire; write NAME:a or NAME:b",
			port->device);
	w = wire_find(name);
	if (!w) {
		w = wire_find(BYTES_NONE);
		if (!w)
			return nic_fail(o, "there can be %d wires", WIRES);
		if (wire_new(w, o, name))
			return -1;
	}
	port->wire = (int)(w - wires);
	port->side = side;
	if (w->open[side]) {
		port->wire = -1;
		return nic_fail(o, "device %s is in use by another port",
				port->device);
	}
	w->open[side] = true;
	if (w->queues != o->queues)
		return nic_fail(o,
				"the other end of wire %s has %u queues, this "
				"one %u; set max-queues alike",
				w->name, w->queues, o->queues);
	snprintf(ethdev, sizeof(ethdev), "%s", port->name);
	if (rte_eth_from_rings(ethdev, w->ring[side], w->queues, w->ring[!side],
			       w->queues, rte_socket_id()) < 0)
		return nic_fail(o, "driver net_ring refuses: %s",
				rte_strerror(rte_errno));
	port->vdev = true;
	return 0;
}

void nic_wire_close(struct nic_port *port)
{
	struct wire *w = &wires[port->wire];

	w->open[port->side] = false;
	if (!w->open[!port->side])
		wire_free(w);
	port->wire = -1;
}
