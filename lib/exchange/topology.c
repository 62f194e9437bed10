/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * topology.c - servers by their names, and what each of them can be asked for.
 */
#include "exchange/decide.h"

#define ROLE_EDGE 0x40
/* 2013 Service Pack 1, the first with MAPI over HTTP. */
#define BUILD_2013_SP1 847

static struct bytes first_label(const char *fqdn)
{
	struct bytes b = BYTES(fqdn);

	return bytes_upto(b, bytes_find(b, '.'));
}

int exchange_find_server(const struct exchange_topology *t, struct bytes name)
{
	int by_label = -1;
	unsigned labels = 0;

	if (!name.n)
		return -1;
	for (unsigned i = 0; i < t->n_servers; i++) {
		const struct exchange_server *s = &t->server[i];

		if (bytes_ieq(name, BYTES(s->name)) ||
		    bytes_ieq(name, BYTES(s->fqdn)))
			return (int)i;
		if (!bytes_ieq(name, first_label(s->fqdn)))
			continue;
		by_label = (int)i;
		labels++;
	}
	return labels == 1 ? by_label : -1;
}

int exchange_find_site(const struct exchange_topology *t, struct bytes name)
{
	for (unsigned i = 0; i < t->n_sites; i++)
		if (bytes_ieq(name, BYTES(t->site[i])))
			return (int)i;
	return -1;
}

bool exchange_is_own_name(const struct exchange_topology *t, struct bytes host)
{
	/* A final dot makes a name absolute, not another name. */
	if (host.n && host.p[host.n - 1] == '.')
		host.n--;
	for (unsigned i = 0; host.n && i < t->n_own_names; i++)
		if (bytes_ieq(host, BYTES(t->own_name[i])))
			return true;
	return false;
}

static void place(struct exchange_place *out, int server,
		  enum exchange_version v, int site, struct bytes home)
{
	out->server = server;
	out->version = v;
	out->site = site;
	home = bytes_upto(home, sizeof(out->home) - 1);
	if (home.n)
		memcpy(out->home, home.p, home.n);
	out->home[home.n] = '\0';
}

bool exchange_place_at(const struct exchange_topology *t, struct bytes name,
		       struct exchange_place *out)
{
	int i = exchange_find_server(t, name);

	if (i >= 0) {
		const struct exchange_server *s = &t->server[i];

		place(out, i, s->version, s->site, BYTES(s->name));
		return true;
	}
	for (unsigned a = 0; name.n && a < t->n_arrays; a++) {
		const struct exchange_array *x = &t->array[a];

		if (!bytes_ieq(name, BYTES(x->fqdn)))
			continue;
		place(out, -1, x->version, x->site, name);
		return true;
	}
	if (bytes_ieq(name, BYTES(EXCHANGE_ONLINE_NAME))) {
		place(out, -1, EXCHANGE_ONLINE, -1, name);
		return true;
	}
	place(out, -1, EXCHANGE_UNKNOWN, -1, name);
	return false;
}

void exchange_place_database(const struct exchange_topology *t,
			     struct bytes database, struct exchange_place *out)
{
	for (unsigned i = 0; database.n && i < t->n_databases; i++)
		if (bytes_ieq(database, BYTES(t->database[i].name)))
			out->site = t->database[i].site;
}

/* Floyd 1962. */
void exchange_costs(struct exchange_topology *t,
		    const struct exchange_link *links, unsigned n)
{
	unsigned n_sites = t->n_sites;

	memset(t->cost, 0xff, sizeof(t->cost));
	t->has_costs = n;
	for (unsigned i = 0; i < n; i++) {
		uint16_t *there = &t->cost[links[i].a][links[i].b];
		uint16_t *back = &t->cost[links[i].b][links[i].a];

		*there = *back = min(*there, links[i].cost);
	}
	for (unsigned i = 0; i < n_sites; i++)
		t->cost[i][i] = 0;
	for (unsigned k = 0; k < n_sites; k++)
		for (unsigned i = 0; i < n_sites; i++)
			for (unsigned j = 0; j < n_sites; j++) {
				unsigned by =
					(unsigned)t->cost[i][k] + t->cost[k][j];

				if (by < t->cost[i][j])
					t->cost[i][j] = (uint16_t)by;
			}
}

/* --- what a server can be asked for --- */

static const char *no_role(const struct exchange_server *s)
{
	uint32_t front = EXCHANGE_ROLE_CLIENT_ACCESS;

	if (!s->roles)
		return NULL; /* not told */
	if (s->version == EXCHANGE_2013)
		front = EXCHANGE_ROLE_FRONT_END;
	if (exchange_is_modern(s->version) && s->version != EXCHANGE_2013)
		front |= EXCHANGE_ROLE_FRONT_END; /* all-in-one */
	if (s->roles & front)
		return NULL;
	if (s->roles == ROLE_EDGE)
		return "it is an Edge Transport server";
	return s->version == EXCHANGE_2013
		       ? "it has the Mailbox role only and no front end"
		       : "it has no Client Access role";
}

static const char *not_in_version(const struct exchange_server *s,
				  enum exchange_protocol p)
{
	if (s->version == EXCHANGE_2007 && p == EXCHANGE_ECP)
		return "Exchange 2007 has no Exchange Control Panel";
	if (s->version == EXCHANGE_2007 && p == EXCHANGE_POWERSHELL)
		return "Exchange 2007 has no remote PowerShell";
	if (p != EXCHANGE_MAPI)
		return NULL;
	if (s->version == EXCHANGE_2007 || s->version == EXCHANGE_2010)
		return "MAPI over HTTP begins with Exchange 2013 SP1";
	if (s->version == EXCHANGE_2013 && s->build.build &&
	    s->build.build < BUILD_2013_SP1)
		return "it is older than Exchange 2013 SP1, the first with "
		       "MAPI over HTTP";
	return NULL;
}

const char *why_unable(const struct exchange_server *s,
		       enum exchange_protocol p)
{
	const char *why = NULL;

	if (s->version == EXCHANGE_UNKNOWN)
		why = "its version is not known";
	if (!why)
		why = not_in_version(s, p);
	if (!why)
		why = no_role(s);
	if (!why && !s->vdir[p].present)
		why = exchange_is_mail(p) ? "its service is switched off"
		      : p == EXCHANGE_RPC ? "Outlook Anywhere is not enabled"
					  : "it has no such virtual directory";
	return why;
}

bool exchange_can_serve(const struct exchange_server *s,
			enum exchange_protocol p, const char **why_not)
{
	const char *why;

	assert((unsigned)p < EXCHANGE_PROTOCOL_COUNT);
	why = why_unable(s, p);
	if (!why && s->gated)
		why = s->gate;
	if (why_not)
		*why_not = why;
	return !why;
}
