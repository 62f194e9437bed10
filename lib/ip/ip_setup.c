/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ip_setup.c - making a stack, the one time it allocates: addresses with the
 * link-local ones, and the routing table in the order it is searched.
 */
#include "ip/ip_int.h"

#include <errno.h>

/* RFC 4291 2.5.1, Appendix A: the modified EUI-64 of the Ethernet address. */
static struct ipaddr link_local(const uint8_t mac[6])
{
	struct ipaddr a = { { 0xfe, 0x80, [8] = mac[0] ^ 2, mac[1], mac[2],
			      0xff, 0xfe, mac[3], mac[4], mac[5] } };

	return a;
}

static const struct ipprefix link_local_net = { { { 0xfe, 0x80 } }, 64 };

static struct ip_fib fib_row(const struct ipprefix *to)
{
	struct ip_fib r = { .len = to->len };
	uint8_t mask[16] = { 0 };

	for (unsigned i = 0; i < to->len; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	r.v4 = to->len >= 96 && ipaddr_is_v4(&to->addr);
	memcpy(r.net, to->addr.b, 16);
	memcpy(r.mask, mask, 16);
	return r;
}

/* Longer prefixes first; of equals, what was added first. */
static void add_row(struct ip_stack *ip, const struct ip_fib *row)
{
	unsigned i = ip->n_fib++;

	for (; i && ip->fib[i - 1].len < row->len; i--)
		ip->fib[i] = ip->fib[i - 1];
	ip->fib[i] = *row;
}

static void add_address(struct ip_stack *ip, unsigned iface,
			const struct ipprefix *p)
{
	struct ip_fib row = fib_row(p);

	row.iface = (uint8_t)iface;
	row.connected = true;
	add_row(ip, &row);
	/* RFC 3021: a network of two has none. */
	if (row.v4 && p->len < 127)
		ip->broadcast[ip->n_broadcast++] =
			get32(p->addr.b + 12) | UINT32_MAX >> (p->len - 96);
	ip->local[ip->n_local++] = (struct ip_local){ .addr = p->addr,
						      .iface = (uint8_t)iface,
						      .len = p->len };
}

static void build_tables(struct ip_stack *ip)
{
	for (unsigned i = 0; i < ip->c.n_ifaces; i++) {
		const struct ip_iface_config *c = &ip->c.iface[i];
		struct ipprefix ll = { link_local(c->mac), link_local_net.len };

		for (unsigned k = 0; k < c->n_addrs; k++)
			add_address(ip, i, &c->addrs[k]);
		if (!c->raw)
			add_address(ip, i, &ll);
	}
	for (unsigned i = 0; i < ip->c.n_routes; i++) {
		struct ip_fib row = fib_row(&ip->c.route[i].to);

		row.iface = (uint8_t)ip->c.route[i].iface;
		row.gateway = ip->c.route[i].gateway;
		add_row(ip, &row);
	}
}

/* --- is the configuration possible? -------------------------------------- */

static const char *address_error(const struct ipprefix *p)
{
	unsigned shortest = ipaddr_is_v4(&p->addr) ? 96 : 0;

	if (p->len > 128 || p->len < shortest)
		return "an address has an impossible prefix length";
	if (ipaddr_is_any(&p->addr) || ipaddr_is_multicast(&p->addr))
		return "an address is not one host's";
	return NULL;
}

static const char *iface_error(const struct ip_iface_config *c)
{
	static const uint8_t nobody[6];

	if (c->mtu < 1280 || c->mtu > 9216)
		return "an MTU is not within 1280 and 9216";
	if (c->vlan > 4094)
		return "a VLAN is not within 1 and 4094";
	if (!c->raw && (c->mac[0] & 1 || !memcmp(c->mac, nobody, 6)))
		return "an Ethernet address is not one port's";
	if (c->n_addrs > IP_ADDRS)
		return "an interface has too many addresses";
	for (unsigned i = 0; i < c->n_addrs; i++) {
		const char *why = address_error(&c->addrs[i]);

		if (why)
			return why;
	}
	return NULL;
}

static const char *route_error(const struct ip_config *config,
			       const struct ip_route_config *r)
{
	const struct ip_iface_config *c;
	bool v4 = ipaddr_is_v4(&r->to.addr) && r->to.len >= 96;

	if (r->iface >= config->n_ifaces)
		return "a route has no interface";
	if (r->to.len > 128)
		return "a route has an impossible prefix length";
	c = &config->iface[r->iface];
	if (c->raw) /* a wire between two: who else could take it? */
		return NULL;
	if (ipaddr_is_v4(&r->gateway) != v4)
		return "a route's gateway is of the other family";
	if (!v4 && ipprefix_has(&link_local_net, &r->gateway))
		return NULL;
	for (unsigned i = 0; i < c->n_addrs; i++)
		if (ipprefix_has(&c->addrs[i], &r->gateway) &&
		    !ipaddr_eq(&c->addrs[i].addr, &r->gateway))
			return NULL;
	return "a route's gateway is not on its interface's networks";
}

const char *ip_config_error(const struct ip_config *config)
{
	const char *why = NULL;

	if (!config->n_ifaces || config->n_ifaces > IP_IFACES)
		return "the number of interfaces is impossible";
	if (config->n_routes > IP_ROUTES)
		return "there are too many routes";
	for (unsigned i = 0; i < config->n_ifaces && !why; i++)
		why = iface_error(&config->iface[i]);
	for (unsigned i = 0; i < config->n_routes && !why; i++)
		why = route_error(config, &config->route[i]);
	return why;
}

/* --- life ------------------------------------------------------------------
 */

struct ip_stack *ip_new(const struct ip_config *config, usec_t now)
{
	struct ip_stack *ip;

	if (ip_config_error(config)) {
		errno = EINVAL;
		return NULL;
	}
	ip = mem_new(sizeof(*ip));
	if (!ip)
		return NULL;
	ip->c = *config;
	if (slab_init(&ip->neighs, sizeof(struct neigh), IP_NEIGHBOURS)) {
		mem_free(ip);
		return NULL;
	}
	rng_init(&ip->rng, siphash24(&config->secret, &config->worker,
				     sizeof(config->worker)));
	tick_init(&ip->wheel, now);
	list_init(&ip->ages);
	list_init(&ip->frags);
	for (unsigned i = 0; i < IP_NEIGHBOURS; i++)
		ip->bucket[i] = NEIGH_NONE;
	for (unsigned i = 0; i < NEIGH_WAIT_ALL; i++)
		ip->wait[i].next = (uint16_t)(i + 1);
	ip->wait[NEIGH_WAIT_ALL - 1].next = NEIGH_NONE;
	for (unsigned i = 0; i < FRAG_DATAGRAMS; i++)
		list_init(&ip->frag[i].age);
	build_tables(ip);
	return ip;
}

void ip_free(struct ip_stack *ip)
{
	if (!ip)
		return;
	neigh_fini(ip);
	frag_fini(ip);
	for (unsigned i = 0; i < ip->c.n_ifaces; i++)
		for (unsigned k = 0; k < ip->txv[i].n; k++)
			rte_pktmbuf_free(ip->txv[i].pkt[k]);
	slab_fini(&ip->neighs);
	mem_free(ip);
}
