/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_priv.h - a port as its four files share it.
 */
#pragma once

#include "nic/nic.h"

#include <rte_ethdev.h>

/* XDP keeps this much of a buffer for programs that prepend headers. */
#define NIC_XDP_HEADROOM 256

/* Fewer entries than any real table has repeat exactly in all of them, and
 * steer.h holds this many. */
#define NIC_RETA_PERIOD 512
/* Packets of different flows that must come as computed: a wrong guess of the
 * hash passes two queues with probability 2^-24. */
#define NIC_RSS_CHECKS 24

/* One worker's; nobody else writes it. */
struct nic_queue {
	_Alignas(CACHE_LINE) struct rte_mempool *pool;
	uint64_t tx_drops; /* could be neither copied nor linearised, ever */
	uint32_t rss_right, rss_wrong;
	uint32_t rss_last; /* hash of the last packet checked */
};

struct nic_port {
	char name[32];
	char device[128];
	uint16_t id; /* ethdev's */
	bool vdev;
	bool kernel;  /* device is a kernel interface whose carrier counts */
	bool prepare; /* tx must copy or linearise */
	bool checking; /* RSS self-test is on; only ever goes false */
	int wire;     /* net_ring: index of the wire, else -1 */
	unsigned side;
	uint64_t owner;
	struct nic_caps caps;
	struct nic_queue queue[NIC_QUEUES];
	/* RSS as programmed. */
	uint8_t key[52];
	uint16_t reta_size;
	uint16_t reta[NIC_RETA_PERIOD];
	bool link;
	unsigned link_changes;
};

/* What nic_open() knows while it works. */
struct opening {
	const struct nic_profile *profile;
	struct nic_port *port;
	uint16_t mtu;
	unsigned workers;
	struct rte_mempool *const *pools;
	const uint8_t *rss_key;
	uint16_t queues;
	struct rte_eth_dev_info info;
	char *error;
	size_t error_cap;
};

/* Write the sentence; always -1. */
int nic_fail(struct opening *o, const char *fmt, ...) printf_like(2, 3);

/* nic_kernel.c: what the kernel knows about an interface. */
bool nic_kernel_exists(const char *iface);
/* Receive queues the kernel spreads over, and how many of them are combined
 * with a transmit queue. */
unsigned nic_kernel_queues(const char *iface, unsigned *combined);
/* Is there a carrier? */
bool nic_kernel_running(const char *iface);

/* nic_device.c: the ethdev behind a port. */
int nic_device_check(struct opening *o);
int nic_device_create(struct opening *o);
void nic_device_remove(struct nic_port *port);
/* Fill in the placeholders of `format`; -E2BIG or -EINVAL (unknown one). */
must_check int nic_devargs(const char *format, const char *name,
			   const char *device, unsigned queues, char *out,
			   size_t cap);

/* nic_wire.c: net_ring ports in pairs. */
int nic_wire_open(struct opening *o);
void nic_wire_close(struct nic_port *port);

/* nic_rss.c */
/* Hash functions that steer needs, as far as the port has them. */
uint64_t nic_rss_functions(const struct rte_eth_dev_info *info);
/* Program and read back; decides caps.rss. */
void nic_rss_setup(struct opening *o);
void nic_rss_check(struct nic_port *port, unsigned queue,
		   struct rte_mbuf *const *pkts, unsigned n);
