/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic.h - ports, queues and what drivers can do, from a profile that is data.
 *
 * A profile (drivers-config/NAME.yaml, bound by the application) says how a
 * driver family is set up. What a port lacks is told in nic_caps, and done in
 * software by ip and worker.
 *
 * Thread: opening and closing on control; rx and tx on the worker that owns
 * the queue.
 */
#pragma once

#include <rte_mbuf.h>

#include "base/base.h"

#define NIC_QUEUES 16

enum nic_bus {
	NIC_VDEV, /* made by name: net_af_xdp, net_memif, ... */
	NIC_PCI,  /* probed by address */
};

struct nic_profile {
	char name[32];	       /* "af_xdp" */
	enum nic_bus bus;
	char driver[32];       /* DPDK driver: "net_af_xdp", "net_ixgbe" */
	char devargs[256];     /* "iface={interface},start_queue=0" */
	uint16_t rx_desc, tx_desc;
	uint16_t max_queues;   /* 0 = as many as workers */
	uint16_t max_mtu;      /* [bytes] */
	bool rss;	       /* try receive-side scaling */
	bool tx_csum, rx_csum; /* try checksum offloads */
	bool multi_seg;	       /* the driver sends chained buffers */
	bool copy_tx;	       /* the peer shares our memory: send copies */
	bool promiscuous;      /* no MAC filter in the driver */
};

struct nic_caps {
	uint16_t rx_queues, tx_queues;
	bool rss;	       /* really spreads by key and reta (self-tested) */
	bool tx_csum, rx_csum, multi_seg, copy_tx;
	uint16_t mtu;
	uint8_t mac[6];
	int socket;	       /* NUMA node, -1 = any */
	char driver[32];
};

struct nic_port;

struct nic_stats {
	uint64_t rx_packets, rx_bytes, rx_missed, rx_errors, rx_nombuf;
	uint64_t tx_packets, tx_bytes, tx_errors;
};

/* Start EAL. `lcores` as --lcores takes it; hugepages when they can be had,
 * else ordinary memory (*huge says which). Once a process. */
struct nic_eal {
	const char *program;	 /* argv[0] */
	const char *file_prefix; /* one an instance */
	const char *lcores;
	unsigned memory_mb;
	bool no_huge;		 /* do not even try */
	unsigned n_pci;
	const char *pci[16];	 /* devices to probe; none: --no-pci */
	bool verbose;
};
must_check int nic_eal_init(const struct nic_eal *eal, bool *huge);

/**
 * Open a port and start it.
 *
 * @param device   kernel interface, PCI address, memif socket..., what the
 *                 profile's {interface} stands for
 * @param pools    one packet pool a worker; queue k fills from pools[k]
 * @param rss_key  52 bytes, the same for all ports
 * @param error    out: one sentence for an administrator
 * @return NULL on failure.
 */
must_check struct nic_port *nic_open(const struct nic_profile *profile,
				     const char *name, const char *device,
				     uint16_t mtu, unsigned workers,
				     struct rte_mempool *const *pools,
				     const uint8_t *rss_key, char *error,
				     size_t error_cap);
void nic_close(struct nic_port *port);

const struct nic_caps *nic_caps(const struct nic_port *port);
const char *nic_name(const struct nic_port *port);
/* The port's own indirection table, for steer; returns its size, 0 if none. */
unsigned nic_reta(const struct nic_port *port, uint16_t *queues, unsigned cap);
void nic_stats(const struct nic_port *port, struct nic_stats *stats);
/* Link state, and how often it changed; cheap, polled by control. */
bool nic_link_up(struct nic_port *port);

/* Up to n packets from a queue this worker owns. */
unsigned nic_rx(struct nic_port *port, unsigned queue, struct rte_mbuf **pkts,
		unsigned n);
/* Send; returns how many the ring took, the rest stays the caller's. A port
 * with copy_tx sends copies and frees the originals; a port without multi_seg
 * gets chained packets linearised. */
unsigned nic_tx(struct nic_port *port, unsigned queue, struct rte_mbuf **pkts,
		unsigned n);
