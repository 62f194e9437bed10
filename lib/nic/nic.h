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
	char devargs[256];     /* "iface={interface},queue_count={queues}";
				* {interface} device, {name} port, {queues},
				* {role} {path} {id} the device's parts */
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
	bool rss;	       /* key and reta were taken and read back; whether
				* they act is nic_rss()'s */
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

struct nic_eal {
	const char *program;	 /* argv[0] */
	const char *file_prefix; /* one an instance, NAME-PID: what a killed
				  * one of that name left is removed */
	const char *lcores;	 /* as --lcores takes it: "0@0,1@1" */
	unsigned memory_mb;	 /* taken at once [MB] */
	bool no_huge;		 /* do not even try hugepages */
	bool no_telemetry;	 /* no DPDK telemetry socket */
	unsigned n_pci;
	const char *pci[16];	 /* devices to probe, "ADDRESS" or
				  * "ADDRESS,devargs"; none: --no-pci */
	bool verbose;
};

/**
 * Start EAL, once a process; the calling thread is pinned to the first lcore.
 *
 * @param huge  out: memory_mb of hugepages were free and are used; else it is
 *              ordinary memory, which PCI devices without an IOMMU refuse
 * @return 0; -EALREADY the second time, else EAL's reason. A failed start
 *         cannot be tried again in this process (EAL's rule).
 */
must_check int nic_eal_init(const struct nic_eal *eal, bool *huge);
/* Give back memory and the files under /run/dpdk; ports are closed before. */
void nic_eal_fini(void);

/**
 * A packet pool for one worker, which any worker may free to.
 *
 * @param mtu          the largest of the ports' [bytes]
 * @param socket       NUMA node, -1 = any
 * @param shared_cpus  workers share CPUs: the pool's ring must not make one
 *                     worker spin for another that is not running
 * @return NULL when memory is short.
 */
must_check struct rte_mempool *nic_pool_new(const char *name, unsigned packets,
					    uint16_t mtu, int socket,
					    bool shared_cpus);
/* Memory of one packet buffer in such a pool [bytes]. */
size_t nic_packet_size(uint16_t mtu);
void nic_pool_free(struct rte_mempool *pool);

/**
 * Open a port and start it.
 *
 * @param device   what the driver works on: a kernel interface, a PCI address,
 *                 ROLE:PATH[:ID] for memif, WIRE:a or WIRE:b for ring
 * @param pools    one packet pool a worker; queue k fills from pools[k], and
 *                 is worker k's
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
/* The port's own indirection table, for steer: returns its size, a power of
 * two, 0 without RSS. A larger table than `cap` repeats itself, and its first
 * `cap` entries (a power of two) are all of it. */
unsigned nic_reta(const struct nic_port *port, uint16_t *queues, unsigned cap);
void nic_stats(const struct nic_port *port, struct nic_stats *stats);
/* Cheap, polled by control. */
bool nic_link_up(struct nic_port *port);
/* How often nic_link_up() changed its answer. */
unsigned nic_link_changes(const struct nic_port *port);

/*
 * Key and table that a driver accepts and reads back may still not be what the
 * hardware does. So nic_rx() checks the first TCP packets of
 * different flows against the Toeplitz hash in software. A refuted port
 * works, and hands over most packets: worth a warning.
 */
enum nic_rss {
	NIC_RSS_NONE,	  /* no usable RSS: caps.rss is false */
	NIC_RSS_UNTESTED, /* too few packets yet */
	NIC_RSS_PROVED,
	NIC_RSS_REFUTED,
};
enum nic_rss nic_rss(const struct nic_port *port);

/* Up to n packets from a queue this worker owns. */
unsigned nic_rx(struct nic_port *port, unsigned queue, struct rte_mbuf **pkts,
		unsigned n);
/* Send; returns how many the ring took, the rest stays the caller's. A port
 * with copy_tx sends copies and frees the originals; a port without multi_seg
 * gets chained packets linearised. */
unsigned nic_tx(struct nic_port *port, unsigned queue, struct rte_mbuf **pkts,
		unsigned n);
