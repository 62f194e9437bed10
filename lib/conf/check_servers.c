/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check_servers.c - Exchange's own rules about servers, as far as the file
 * can break them.
 */
#include "conf/check.h"

#include <string.h>

#define ROLE_CLIENT_ACCESS 0x4 /* msExchCurrentServerRoles */
#define ROLE_FRONT_END 0x4001 /* 2013: either bit */

/* Families that the rules tell apart; 2016 and later are one but for what may
 * live with what. */
enum family { E2007, E2010, E2013, E2016, E2019, ESE, FAMILIES };

static const char *const family_names[] = { "2007", "2010", "2013",
					    "2016", "2019", "SE" };

/* Build of the first SE: 15.2.2562. */
static unsigned build_of(const char *version)
{
	struct bytes rest = BYTES(version);
	uint64_t build = 0;
	size_t at;

	at = bytes_find(rest, '(');
	if (at < rest.n) { /* "Version 15.2 (Build 2562.17)" */
		rest = bytes_from(rest, at + 1);
		bytes_cut(&rest, ' ');
	} else {
		bytes_cut(&rest, '.');
		bytes_cut(&rest, '.');
	}
	if (!bytes_u64(bytes_cut(&rest, '.'), 65535, &build))
		return 0;
	/* AdminDisplayVersion shows 2^15 more. */
	return (unsigned)(build >= 30000 ? build - 30000 : build);
}

static bool family_of(const char *version, enum family *out)
{
	unsigned major, minor;

	if (!version || !value_version(version, &major, &minor))
		return false;
	if (major == 8)
		*out = E2007;
	else if (major == 14)
		*out = E2010;
	else if (minor < 2)
		*out = minor ? E2016 : E2013;
	else if (bytes_ieq(BYTES(version), BYTES("SE")) ||
		 build_of(version) >= 2562)
		*out = ESE;
	else
		*out = E2019;
	return true;
}

/* Host of an https URL, without the port. */
static struct bytes host_of(const char *url)
{
	struct bytes b = bytes_from(BYTES(url), strlen("https://"));

	b = bytes_upto(b, bytes_find(b, '/'));
	return bytes_upto(b, bytes_find(b, ':'));
}

static int own_name(const struct conf *c, struct bytes host)
{
	for (unsigned i = 0; i < c->n_namespaces; i++)
		if (c->namespaces[i] &&
		    bytes_ieq(BYTES(c->namespaces[i]), host))
			return (int)i;
	return -1;
}

static void check_names(struct load *l, const struct conf *c, unsigned i)
{
	const struct conf_server *s = &c->servers[i];
	char at[CONF_PATH];
	int own;

	if (!s->fqdn)
		return;
	check_path(at, "servers[%u].fqdn", i);
	own = own_name(c, BYTES(s->fqdn));
	if (own >= 0)
		find_error(l, at,
			   "is also namespaces[%d]: clients would be carried "
			   "back to the appliance; give the server's own name",
			   own);
	for (unsigned k = 0; k < i; k++) {
		if (!c->servers[k].fqdn || strcmp(c->servers[k].fqdn, s->fqdn))
			continue;
		find_error(l, at, "servers[%u] has the same FQDN", k);
		break;
	}
}

static void check_roles(struct load *l, const struct conf_server *s, unsigned i,
			enum family f)
{
	char at[CONF_PATH];

	check_path(at, "servers[%u].roles", i);
	if (!s->roles)
		return;
	if (f == E2013 && !(s->roles & ROLE_FRONT_END))
		find_warning(l, at,
			     "%u is a 2013 Mailbox server without a front end "
			     "(no bit of 0x4001): it will never be a target",
			     s->roles);
	else if (f <= E2010 && !(s->roles & ROLE_CLIENT_ACCESS))
		find_warning(l, at,
			     "%u has no Client Access role (bit 4): it will "
			     "never be a target",
			     s->roles);
}

static void check_server_tls(struct load *l, const struct conf_server *s,
			     unsigned i)
{
	char at[CONF_PATH];

	check_path(at, "servers[%u].tls.min", i);
	if (s->tls.min == 10 && !s->tls.pinned)
		find_error(l, at,
			   "TLS 1.0 protects only with a pinned certificate: "
			   "set `pin` to its SHA-256 fingerprint");
	check_path(at, "servers[%u].tls.ca", i);
	if (s->tls.ca && s->tls.pinned)
		find_warning(l, at, "is not looked at: the pin alone decides");
}

static void check_vdirs(struct load *l, const struct conf *c, unsigned i,
			enum family f)
{
	const struct conf_server *s = &c->servers[i];
	const struct conf_vdir *owa = &s->vdir[CONF_VDIR_OWA];
	char at[CONF_PATH];
	int own;

	check_path(at, "servers[%u].virtual-directories.mapi", i);
	if (f <= E2010 && s->vdir[CONF_VDIR_MAPI].present)
		find_warning(l, at, "Exchange %s has no MAPI over HTTP",
			     family_names[f]);
	check_path(at, "servers[%u].virtual-directories.ecp", i);
	if (f == E2007 && s->vdir[CONF_VDIR_ECP].present)
		find_warning(l, at, "Exchange 2007 has no ECP");
	/* OWA of 2007 is redirected to its ExternalURL. */
	if (f != E2007 || !owa->external_url)
		return;
	own = own_name(c, host_of(owa->external_url));
	check_path(at, "servers[%u].virtual-directories.owa.external-url", i);
	if (own >= 0)
		find_error(l, at,
			   "browsers are redirected there, and '%s' is the "
			   "appliance (namespaces[%d]): give Exchange 2007 a "
			   "name of its own, such as legacy.contoso.com",
			   c->namespaces[own], own);
}

/* What Set-OutlookAnywhere's own parameter sets exclude. */
static void check_outlook(struct load *l, const struct conf_server *s,
			  unsigned i)
{
	const struct conf_outlook *o = &s->outlook;
	char at[CONF_PATH];

	check_path(at,
		   "servers[%u].outlook-anywhere.DefaultAuthenticationMethod",
		   i);
	if (o->default_method &&
	    (o->client || o->external || o->internal || o->n_iis))
		find_error(
			l, at,
			"sets what IIS and Outlook use at once, so it cannot "
			"stand beside the other methods");
}

/* Versions that setup does not let into one organisation:
 * nearly always a mistyped version. */
static void check_organisation(struct load *l, const struct conf *c,
			       const int *first)
{
	static const enum family never[][2] = {
		{ E2007, E2016 }, { E2007, E2019 }, { E2007, ESE },
		{ E2010, E2019 }, { E2010, ESE },   { E2013, ESE },
	};
	char at[CONF_PATH];

	for (size_t i = 0; i < ARRAY_LEN(never); i++) {
		int old = first[never[i][0]], new = first[never[i][1]];

		if (old < 0 || new < 0)
			continue;
		check_path(at, "servers[%d].version", max(old, new));
		find_warning(l, at,
			     "Exchange %s (servers[%d]) and %s (servers[%d]) "
			     "cannot live in one organisation",
			     family_names[never[i][0]], old,
			     family_names[never[i][1]], new);
	}
}

void check_servers(struct load *l, struct conf *c)
{
	int first[FAMILIES];
	enum family f;

	for (unsigned i = 0; i < FAMILIES; i++)
		first[i] = -1;
	for (unsigned i = 0; i < c->n_servers; i++) {
		check_names(l, c, i);
		check_server_tls(l, &c->servers[i], i);
		check_outlook(l, &c->servers[i], i);
		if (!family_of(c->servers[i].version, &f))
			continue;
		if (first[f] < 0)
			first[f] = (int)i;
		check_roles(l, &c->servers[i], i, f);
		check_vdirs(l, c, i, f);
	}
	check_organisation(l, c, first);
}
