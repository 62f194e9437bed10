/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic.c - a port from profile to first packet, and back. Control thread only.
 */
#include "nic/nic_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int nic_fail(struct opening *o, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(o->error, o->error_cap, "port %s: ", o->port->name);

	va_start(ap, fmt);
	if (n >= 0 && (size_t)n < o->error_cap)
		vsnprintf(o->error + n, o->error_cap - (size_t)n, fmt, ap);
	va_end(ap);
	return -1;
}

static void choose_offloads(struct opening *o, struct rte_eth_conf *conf)
{
	const uint64_t tx_csum =
		RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
	const uint64_t rx_csum =
		RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	const struct nic_profile *p = o->profile;
	const struct rte_eth_dev_info *info = &o->info;
	struct nic_caps *caps = &o->port->caps;

	caps->tx_csum =
		p->tx_csum && (info->tx_offload_capa & tx_csum) == tx_csum;
	caps->rx_csum =
		p->rx_csum && (info->rx_offload_capa & rx_csum) == rx_csum;
	caps->multi_seg = p->multi_seg &&
			  info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	caps->copy_tx = p->copy_tx;
	/* MBUF_FAST_FREE is never asked for: buffers are of several pools and
	 * TCP holds a second reference for retransmission. */
	if (caps->tx_csum)
		conf->txmode.offloads |= tx_csum;
	if (caps->multi_seg)
		conf->txmode.offloads |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	if (caps->rx_csum)
		conf->rxmode.offloads |= rx_csum;
	if (!p->rss || o->queues < 2 || !nic_rss_functions(info))
		return;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf.rss_hf = nic_rss_functions(info);
	conf->rx_adv_conf.rss_conf.rss_key = (uint8_t *)(uintptr_t)o->rss_key;
	conf->rx_adv_conf.rss_conf.rss_key_len = info->hash_key_size;
	if (info->hash_key_size > 52)
		conf->rx_adv_conf.rss_conf.rss_key = NULL;
	conf->rxmode.offloads |=
		info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH;
}

/* A frame must fit one buffer, or the driver must scatter it. */
static int check_room(struct opening *o, struct rte_eth_conf *conf)
{
	unsigned need = o->mtu + 18U + RTE_PKTMBUF_HEADROOM;

	for (unsigned i = 0; i < o->queues; i++) {
		unsigned room = rte_pktmbuf_data_room_size(o->pools[i]);

		if (room >= need)
			continue;
		if (!(o->info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER))
			return nic_fail(o,
					"packet buffers of %u bytes do not "
					"hold an MTU of %u and driver %s does "
					"not scatter; they need %u",
					room, o->mtu, o->info.driver_name,
					need);
		conf->rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
	}
	return 0;
}

static int configure(struct opening *o)
{
	struct rte_eth_conf conf = { 0 };
	const struct rte_eth_dev_info *info = &o->info;
	uint16_t id = o->port->id;
	int rc;

	o->queues = min(o->queues, info->max_rx_queues);
	o->queues = min(o->queues, info->max_tx_queues);
	if (info->max_mtu && o->mtu > info->max_mtu)
		return nic_fail(o,
				"driver %s carries at most %u bytes on %s; set "
				"mtu accordingly",
				info->driver_name, info->max_mtu,
				o->port->device);
	conf.rxmode.mtu = o->mtu;
	choose_offloads(o, &conf);
	if (check_room(o, &conf))
		return -1;
	rc = rte_eth_dev_configure(id, o->queues, o->queues, &conf);
	if (rc)
		return nic_fail(
			o, "driver %s refuses %u queues and MTU %u on %s: %s",
			info->driver_name, o->queues, o->mtu, o->port->device,
			strerror(-rc));
	/* Before the queues: AF_XDP loads its program with them, and the
	 * kernel then refuses another MTU. */
	rc = rte_eth_dev_set_mtu(id, o->mtu);
	if (rc && rc != -ENOTSUP)
		return nic_fail(o,
				"%s does not take an MTU of %u: %s; set it on "
				"both ends",
				o->port->device, o->mtu, strerror(-rc));
	return 0;
}

static int start_queues(struct opening *o)
{
	const struct nic_profile *p = o->profile;
	struct nic_port *port = o->port;
	uint16_t rx = p->rx_desc ? p->rx_desc : 1024;
	uint16_t tx = p->tx_desc ? p->tx_desc : 1024;
	unsigned socket = (unsigned)rte_eth_dev_socket_id(port->id);
	struct rte_eth_dev_info info;
	struct rte_eth_txconf txconf;
	struct rte_eth_rxconf rxconf;
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx, &tx);

	/* Again: limits may depend on the configuration. */
	if (!rc)
		rc = rte_eth_dev_info_get(port->id, &info);
	if (rc)
		return nic_fail(o, "%s does not tell its limits: %s",
				port->device, strerror(-rc));
	rxconf = info.default_rxconf;
	txconf = info.default_txconf;
	for (uint16_t q = 0; q < o->queues && !rc; q++) {
		port->queue[q].pool = o->pools[q];
		rc = rte_eth_rx_queue_setup(port->id, q, rx, socket, &rxconf,
					    o->pools[q]);
		if (!rc)
			rc = rte_eth_tx_queue_setup(port->id, q, tx, socket,
						    &txconf);
	}
	if (!rc)
		rc = rte_eth_dev_start(port->id);
	if (rc)
		return nic_fail(o,
				"%s does not start with %u queues of %u and %u "
				"descriptors: %s; try smaller rx-desc and "
				"tx-desc, or a larger packet pool",
				port->device, o->queues, rx, tx, strerror(-rc));
	return 0;
}

/* IPv6 needs the solicited-node groups (RFC 4861 7.2.1); all-multicast costs
 * nothing on a switched segment and never has to follow address changes. */
static void set_filters(struct opening *o)
{
	uint16_t id = o->port->id;

	if (o->profile->promiscuous || rte_eth_allmulticast_enable(id))
		/* Where neither is offered nothing is filtered. */
		(void)rte_eth_promiscuous_enable(id);
}

/*
 * Rings have no address; and a TAP's is the kernel interface's own, with which
 * we would talk to ourselves (and fail IPv6's duplicate detection). Derived
 * from the name, so that it survives a restart: neighbours remember it.
 */
static void choose_mac(struct opening *o)
{
	static const struct hash_key key = { 0x6361736761746500ULL, 1 };
	struct rte_ether_addr mac = { 0 };
	struct nic_port *port = o->port;
	char text[sizeof(port->name) + sizeof(port->device)];
	uint64_t h;

	(void)rte_eth_macaddr_get(port->id, &mac);
	memcpy(port->caps.mac, mac.addr_bytes, 6);
	if (!rte_is_zero_ether_addr(&mac) &&
	    strcmp(o->profile->driver, "net_tap"))
		return;
	snprintf(text, sizeof(text), "%s%s", port->name, port->device);
	h = siphash24(&key, text, strlen(text));
	memcpy(port->caps.mac, &h, 6);
	/* Locally administered, unicast (IEEE 802 8.2). */
	port->caps.mac[0] = (uint8_t)((port->caps.mac[0] & 0xfc) | 2);
}

static int finish(struct opening *o)
{
	struct nic_port *port = o->port;
	struct nic_caps *caps = &port->caps;

	set_filters(o);
	nic_rss_setup(o);
	choose_mac(o);
	caps->rx_queues = caps->tx_queues = o->queues;
	caps->mtu = o->mtu;
	caps->socket = rte_eth_dev_socket_id(port->id);
	snprintf(caps->driver, sizeof(caps->driver), "%s", o->info.driver_name);
	port->prepare = caps->copy_tx || !caps->multi_seg;
	port->link = nic_link_up(port);
	port->link_changes = 0;
	return 0;
}

struct nic_port *nic_open(const struct nic_profile *profile, const char *name,
			  const char *device, uint16_t mtu, unsigned workers,
			  struct rte_mempool *const *pools,
			  const uint8_t *rss_key, char *error, size_t error_cap)
{
	static int (*const steps[])(struct opening *) = {
		nic_device_check, nic_device_create, configure, start_queues,
		finish,
	};
	struct nic_port *port = mem_new(sizeof(*port));
	struct opening o = { .profile = profile,
			     .port = port,
			     .mtu = mtu,
			     .workers = workers,
			     .pools = pools,
			     .rss_key = rss_key,
			     .error = error,
			     .error_cap = error_cap };

	if (!port) {
		snprintf(error, error_cap, "port %s: out of memory", name);
		return NULL;
	}
	port->id = RTE_MAX_ETHPORTS;
	port->wire = -1;
	snprintf(port->name, sizeof(port->name), "%s", name);
	if (snprintf(port->device, sizeof(port->device), "%s", device) >=
	    (int)sizeof(port->device)) {
		nic_fail(&o, "device '%s' has too long a name", device);
		nic_close(port);
		return NULL;
	}
	for (unsigned i = 0; i < ARRAY_LEN(steps); i++) {
		if (steps[i](&o) == 0)
			continue;
		nic_close(port);
		return NULL;
	}
	return port;
}

void nic_close(struct nic_port *port)
{
	if (!port)
		return;
	if (port->id != RTE_MAX_ETHPORTS)
		(void)rte_eth_dev_stop(port->id);
	nic_device_remove(port);
	mem_free(port);
}

const struct nic_caps *nic_caps(const struct nic_port *port)
{
	return &port->caps;
}

const char *nic_name(const struct nic_port *port)
{
	return port->name;
}

void nic_stats(const struct nic_port *port, struct nic_stats *stats)
{
	struct rte_eth_stats s = { 0 };

	(void)rte_eth_stats_get(port->id, &s);
	*stats = (struct nic_stats){
		.rx_packets = s.ipackets,
		.rx_bytes = s.ibytes,
		.rx_missed = s.imissed,
		.rx_errors = s.ierrors,
		.rx_nombuf = s.rx_nombuf,
		.tx_packets = s.opackets,
		.tx_bytes = s.obytes,
		.tx_errors = s.oerrors,
	};
	for (unsigned i = 0; i < port->caps.tx_queues; i++)
		stats->tx_errors += __atomic_load_n(&port->queue[i].tx_drops,
						    __ATOMIC_RELAXED);
}

bool nic_link_up(struct nic_port *port)
{
	struct rte_eth_link link = { 0 };
	bool up = rte_eth_link_get_nowait(port->id, &link) == 0 &&
		  link.link_status;

	/* AF_XDP and AF_PACKET say "up" whatever the cable does. */
	if (up && port->kernel)
		up = nic_kernel_running(port->device);
	port->link_changes += up != port->link;
	port->link = up;
	return up;
}

unsigned nic_link_changes(const struct nic_port *port)
{
	return port->link_changes;
}
