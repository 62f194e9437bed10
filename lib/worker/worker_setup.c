/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker_setup.c - workers and their rings, made before the first packet and
 * unmade after the last. Control thread only.
 */
#include "worker/worker_priv.h"

/* Interfaces grouped by the device they are on. */
static void group_ports(struct worker_group *g,
			const struct worker_group_config *config)
{
	for (unsigned i = 0; i < config->n_ports; i++) {
		const struct worker_port *from = &config->port[i];
		const struct nic_caps *caps = nic_caps(from->port);
		struct port *p = g->port;

		while (p->nic && p->nic != from->port)
			p++;
		g->n_ports = max(g->n_ports, (unsigned)(p - g->port) + 1);
		p->nic = from->port;
		p->rx_queues = caps->rx_queues;
		p->tx_queues = caps->tx_queues;
		p->iface[p->n_ifaces] = (uint8_t)i;
		p->vlan[p->n_ifaces++] = from->iface.vlan;
	}
}

static struct ip_stack *new_ip(const struct worker_group_config *config,
			       unsigned id, usec_t now)
{
	struct ip_config *c = mem_new(sizeof(*c));
	struct ip_stack *ip;

	if (!c)
		return NULL;
	c->worker = id;
	c->n_ifaces = config->n_ports;
	c->n_routes = config->n_routes;
	c->secret = config->secret;
	c->pool = config->pools[id];
	memcpy(c->route, config->route, sizeof(c->route));
	for (unsigned i = 0; i < config->n_ports; i++) {
		const struct nic_caps *caps = nic_caps(config->port[i].port);

		c->iface[i] = config->port[i].iface;
		memcpy(c->iface[i].mac, caps->mac, 6);
		c->iface[i].tx_csum = caps->tx_csum;
		c->iface[i].rx_csum = caps->rx_csum;
		/* A VLAN may be narrower than its port, never wider. */
		if (!c->iface[i].mtu || c->iface[i].mtu > caps->mtu)
			c->iface[i].mtu = caps->mtu;
	}
	ip = ip_new(c, now);
	mem_free(c);
	return ip;
}

static struct tcp_stack *new_tcp(const struct worker_group *g,
				 const struct worker_group_config *config,
				 unsigned id, struct ip_stack *ip, usec_t now)
{
	struct tcp_config c = {
		.worker = id,
		.steer = g->workers > 1 ? &g->steer : NULL,
		.pool = config->pools[id],
		.secret = config->secret,
		/* Workers must not draw the same numbers. */
		.seed = config->seed + id * 0x9e3779b97f4a7c15ULL,
		.max_conns = config->max_conns,
		.max_time_wait = config->max_conns,
		.max_syn = 4096,
		.max_listeners = 256,
		.personality = config->personality,
	};

	return tcp_new(&c, ip, now);
}

static int new_worker(struct worker_group *g,
		      const struct worker_group_config *config, unsigned id,
		      usec_t now)
{
	struct worker *w = g->worker[id] = mem_new(sizeof(*w));

	if (!w)
		return -1;
	w->group = g;
	w->id = id;
	w->now = now;
	w->cpu = CPU_UNKNOWN;
	w->pool = config->pools[id];
	for (unsigned i = 0; i < g->n_ports; i++)
		if (id >= g->port[i].tx_queues &&
		    spsc_init(&w->relay[i], CROSS_RING))
			return -1;
	w->ip = new_ip(config, id, now);
	if (w->ip)
		w->tcp = new_tcp(g, config, id, w->ip, now);
	return w->tcp ? 0 : -1;
}

static int new_rings(struct worker_group *g)
{
	unsigned n = g->workers;

	g->cross = mem_new(n * n * sizeof(*g->cross));
	g->messages = mem_new((n + 1) * n * sizeof(*g->messages));
	if (!g->cross || !g->messages)
		return -1;
	for (unsigned i = 0; i < n * n; i++) {
		if (i / n == i % n)
			continue;
		g->cross[i].slot =
			mem_new(CROSS_RING * sizeof(*g->cross[i].slot));
		if (!g->cross[i].slot)
			return -1;
	}
	for (unsigned i = 0; i < (n + 1) * n; i++)
		if (spsc_init(&g->messages[i], MESSAGE_RING))
			return -1;
	return 0;
}

struct worker_group *worker_group_new(const struct worker_group_config *config,
				      usec_t now)
{
	struct worker_group *g = mem_new(sizeof(*g));

	if (!g)
		return NULL;
	assert(config->workers >= 1 && config->workers <= WORKERS_MAX);
	assert(config->workers == 1 ||
	       config->steer.workers == config->workers);
	g->workers = config->workers;
	g->idle = config->idle;
	g->steer = config->steer;
	g->n_ifaces = config->n_ports;
	g->announce = (1u << config->n_ports) - 1;
	group_ports(g, config);
	if (new_rings(g))
		goto fail;
	for (unsigned i = 0; i < g->workers; i++)
		if (new_worker(g, config, i, now))
			goto fail;
	return g;
fail:
	worker_group_free(g);
	return NULL;
}

static void drain_cross(struct cross *ring)
{
	struct crossing x;

	while (ring->slot && cross_get(ring, &x)) {
		if (x.kind == CROSS_SEGMENT)
			rte_pktmbuf_free(x.seg.m);
		else if (x.kind == CROSS_SHARED)
			rte_pktmbuf_free(x.shared);
	}
	mem_free(ring->slot);
}

static void free_worker(struct worker *w)
{
	struct rte_mbuf *m;

	if (!w)
		return;
	for (unsigned i = 0; i < IP_IFACES; i++) {
		while (w->relay[i].slot && (m = spsc_get(&w->relay[i])))
			rte_pktmbuf_free(m);
		spsc_fini(&w->relay[i]);
		rte_pktmbuf_free_bulk(w->held[i].pkt, w->held[i].n);
	}
	if (w->tcp)
		tcp_free(w->tcp);
	if (w->ip)
		ip_free(w->ip);
	mem_free(w);
}

void worker_group_free(struct worker_group *g)
{
	unsigned n;

	if (!g)
		return;
	n = g->workers;
	for (unsigned i = 0; g->cross && i < n * n; i++)
		drain_cross(&g->cross[i]);
	for (unsigned i = 0; g->messages && i < (n + 1) * n; i++)
		spsc_fini(&g->messages[i]);
	for (unsigned i = 0; i < n; i++)
		free_worker(g->worker[i]);
	mem_free(g->cross);
	mem_free(g->messages);
	mem_free(g);
}
