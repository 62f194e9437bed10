/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check_network.c - do interfaces, routes, listeners and servers agree about
 * addresses?
 */
#include "conf/private.h"

#include <string.h>

#include "conf/check.h"

static bool same_family(const struct ipaddr *a, const struct ipaddr *b)
{
	return ipaddr_is_v4(a) == ipaddr_is_v4(b);
}

/* `p` with its host bits all zero, or all one. */
static struct ipaddr edge(const struct ipprefix *p, bool ones)
{
	struct ipaddr a = p->addr;

	for (unsigned bit = p->len; bit < 128; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		a.b[bit / 8] &= (uint8_t)~mask;
		if (ones)
			a.b[bit / 8] |= mask;
	}
	return a;
}

/* Multicast, loopback and 0/8 are no host's address on a wire. */
static bool is_unicast(const struct ipaddr *a)
{
	static const struct ipaddr loopback = { { [15] = 1 } };

	if (ipaddr_is_v4(a))
		return a->b[12] && a->b[12] != 127 && a->b[12] < 224;
	return a->b[0] != 0xff && !ipaddr_eq(a, &loopback) && !ipaddr_is_any(a);
}

const struct ipprefix *check_own(const struct conf *c, const struct ipaddr *a)
{
	for (unsigned i = 0; i < c->n_interfaces; i++)
		for (unsigned k = 0; k < c->interfaces[i].n_addresses; k++)
			if (ipaddr_eq(&c->interfaces[i].addresses[k].addr, a))
				return &c->interfaces[i].addresses[k];
	return NULL;
}

/* The interface whose network holds `a`; the longest prefix; -1. */
static int connected(const struct conf *c, const struct ipaddr *a)
{
	int best = -1, len = -1;

	for (unsigned i = 0; i < c->n_interfaces; i++) {
		const struct conf_interface *f = &c->interfaces[i];

		for (unsigned k = 0; k < f->n_addresses; k++) {
			if (f->addresses[k].len <= len ||
			    !ipprefix_has(&f->addresses[k], a))
				continue;
			len = f->addresses[k].len;
			best = (int)i;
		}
	}
	return best;
}

static bool reachable(const struct conf *c, const struct ipaddr *a)
{
	if (connected(c, a) >= 0)
		return true;
	for (unsigned i = 0; i < c->n_routes; i++)
		if (ipprefix_has(&c->routes[i].to, a) &&
		    same_family(&c->routes[i].to.addr, a))
			return true;
	return false;
}

/* --- interfaces ---------------------------------------------------------- */

static void check_address(struct load *l, const struct conf *c, unsigned i,
			  unsigned k)
{
	const struct ipprefix *p = &c->interfaces[i].addresses[k];
	bool v4 = ipaddr_is_v4(&p->addr);
	struct ipaddr low = edge(p, false), high = edge(p, true);
	const struct ipprefix *other;
	char at[CONF_PATH], text[IPADDR_STR];

	check_path(at, "interfaces[%u].addresses[%u]", i, k);
	if (report_has(l->report, at))
		return;
	ipaddr_str(&p->addr, text);
	if (!is_unicast(&p->addr))
		find_error(l, at, "%s cannot be a host's address", text);
	else if (v4 && p->len < 127 && ipaddr_eq(&low, &p->addr))
		find_error(l, at, "%s is the network itself, no host in it",
			   text);
	else if (v4 && p->len < 127 && ipaddr_eq(&high, &p->addr))
		find_error(l, at, "%s is the network's broadcast address",
			   text);
	other = check_own(c, &p->addr);
	if (other != p)
		find_error(l, at, "%s is given to an interface twice", text);
}

static void check_interface(struct load *l, const struct conf *c, unsigned i)
{
	const struct conf_interface *f = &c->interfaces[i];
	char at[CONF_PATH];

	for (unsigned k = 0; k < f->n_addresses; k++)
		check_address(l, c, i, k);
	for (unsigned k = 0; k < i; k++) {
		const struct conf_interface *o = &c->interfaces[k];

		if (!f->device || !o->device || strcmp(f->device, o->device))
			continue;
		if (f->driver && o->driver && strcmp(f->driver, o->driver)) {
			check_path(at, "interfaces[%u].driver", i);
			find_error(l, at,
				   "interfaces[%u] has the same device with "
				   "driver '%s'",
				   k, o->driver);
		}
		if (f->vlan != o->vlan)
			continue;
		check_path(at, "interfaces[%u].device", i);
		find_error(l, at, "interfaces[%u] is '%s' with VLAN %u already",
			   k, o->device, o->vlan);
	}
}

/* --- routes -------------------------------------------------------------- */

static void check_route_to(struct load *l, const struct conf *c, unsigned i)
{
	const struct ipprefix *to = &c->routes[i].to;
	struct ipprefix net = { edge(to, false), to->len };
	char at[CONF_PATH], text[IPADDR_STR];

	check_path(at, "routes[%u].to", i);
	if (report_has(l->report, at))
		return;
	if (!ipaddr_eq(&net.addr, &to->addr))
		find_error(l, at, "has host bits; the network is %s",
			   ipprefix_str(&net, text));
	for (unsigned k = 0; k < i; k++) {
		const struct ipprefix *o = &c->routes[k].to;

		if (o->len == to->len && ipaddr_eq(&o->addr, &to->addr) &&
		    same_family(&o->addr, &to->addr))
			find_error(l, at, "routes[%u] is to there already", k);
	}
}

static void check_route_via(struct load *l, struct conf *c, unsigned i)
{
	struct conf_route *r = &c->routes[i];
	char at[CONF_PATH], to[CONF_PATH], text[IPADDR_STR];
	int on;

	check_path(at, "routes[%u].via", i);
	check_path(to, "routes[%u].to", i);
	if (report_has(l->report, at) || report_has(l->report, to) ||
	    ipaddr_is_any(&r->via))
		return;
	ipaddr_str(&r->via, text);
	on = connected(c, &r->via);
	if (!same_family(&r->via, &r->to.addr))
		find_error(l, at, "%s is not of the address family of `to`",
			   text);
	else if (check_own(c, &r->via))
		find_error(l, at, "%s is an address of the appliance itself",
			   text);
	else if (on < 0)
		find_error(l, at,
			   "%s is on no network of an interface, so it cannot "
			   "be reached",
			   text);
	else
		r->interface = (uint32_t)on;
}

/* --- listeners, servers -------------------------------------------------- */

static void check_listener_address(struct load *l, const struct conf *c,
				   unsigned i)
{
	const struct conf_listener *f = &c->listeners[i];
	char at[CONF_PATH], text[IPADDR_STR];

	check_path(at, "listeners[%u].address", i);
	if (!ipaddr_is_any(&f->address) && !check_own(c, &f->address))
		find_error(l, at, "%s is not an address of any interface",
			   ipaddr_str(&f->address, text));
}

static void check_listener_port(struct load *l, const struct conf *c,
				unsigned i)
{
	const struct conf_listener *f = &c->listeners[i];
	char at[CONF_PATH];

	for (unsigned k = 0; k < i; k++) {
		const struct conf_listener *o = &c->listeners[k];

		if (!f->port || o->port != f->port ||
		    !ipaddr_eq(&o->address, &f->address))
			continue;
		check_path(at, "listeners[%u].port", i);
		find_error(l, at,
			   "listeners[%u] is on the same address and port %u",
			   k, f->port);
		return;
	}
}

static void check_server_addresses(struct load *l, const struct conf *c,
				   unsigned i)
{
	const struct conf_server *s = &c->servers[i];
	char at[CONF_PATH], text[IPADDR_STR];

	for (unsigned k = 0; k < s->n_addresses; k++) {
		const struct ipaddr *a = &s->addresses[k];

		check_path(at, "servers[%u].address[%u]", i, k);
		if (ipaddr_is_any(a))
			continue;
		ipaddr_str(a, text);
		if (check_own(c, a))
			find_error(l, at,
				   "%s is an address of the appliance itself",
				   text);
		else if (!is_unicast(a))
			find_error(l, at, "%s cannot be a host's address",
				   text);
		else if (!reachable(c, a))
			find_warning(l, at,
				     "%s is on no network of an interface and "
				     "no route leads there",
				     text);
	}
	for (unsigned k = 0; k < s->n_sources; k++) {
		check_path(at, "servers[%u].source-addresses[%u]", i, k);
		if (!ipaddr_is_any(&s->sources[k]) &&
		    !check_own(c, &s->sources[k]))
			find_error(l, at,
				   "%s is not an address of any interface",
				   ipaddr_str(&s->sources[k], text));
	}
}

void check_network(struct load *l, struct conf *c)
{
	bool sound;

	for (unsigned i = 0; i < c->n_interfaces; i++)
		check_interface(l, c, i);
	for (unsigned i = 0; i < c->n_routes; i++)
		check_route_to(l, c, i);
	for (unsigned i = 0; i < c->n_listeners; i++)
		check_listener_port(l, c, i);
	/* What follows would only repeat what is wrong with the interfaces. */
	sound = c->n_interfaces && !report_has(l->report, "interfaces");
	for (unsigned i = 0; sound && i < c->n_routes; i++)
		check_route_via(l, c, i);
	for (unsigned i = 0; sound && i < c->n_listeners; i++)
		check_listener_address(l, c, i);
	for (unsigned i = 0; sound && i < c->n_servers; i++)
		check_server_addresses(l, c, i);
}
