/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check.c - what one setting alone cannot tell: names that must exist, pairs
 * that must agree.
 *
 * Runs even if the binder has found errors, so that all are told at once;
 * what it needs may then be missing, and strings may be NULL.
 */
#include "conf/check.h"

#include <stdarg.h>
#include <string.h>

void check_path(char *dst, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(dst, CONF_PATH, fmt, ap);
	va_end(ap);
}

/* Values of a list that are there twice, ASCII case ignored. */
static void check_twice(struct load *l, const char *key, const char **item,
			unsigned n)
{
	char at[CONF_PATH];

	for (unsigned i = 1; i < n; i++)
		for (unsigned k = 0; k < i; k++) {
			if (!item[i] || !item[k] ||
			    !bytes_ieq(BYTES(item[i]), BYTES(item[k])))
				continue;
			check_path(at, "%s[%u]", key, i);
			find_error(l, at, "'%s' is %s[%u] already", item[i],
				   key, k);
			break;
		}
}

static void check_workers(struct load *l, struct conf *c)
{
	struct conf_appliance *a = &c->appliance;
	char at[CONF_PATH];

	if (report_has(l->report, "appliance.cpus"))
		return;
	if (!a->workers)
		a->workers = a->n_cpus;
	if (a->n_cpus && a->n_cpus != a->workers)
		find_error(l, "appliance.cpus",
			   "%u CPUs for %u workers: name one for each",
			   a->n_cpus, a->workers);
	for (unsigned i = 1; i < a->n_cpus; i++)
		for (unsigned k = 0; k < i; k++) {
			if (a->cpus[i] != a->cpus[k])
				continue;
			check_path(at, "appliance.cpus[%u]", i);
			find_warning(l, at,
				     "workers %u and %u share CPU %u and will "
				     "slow each other down",
				     k, i, a->cpus[i]);
			break;
		}
}

static void suggest_name(const char *name, const char *const *known, size_t n,
			 size_t stride, char *dst, size_t cap)
{
	unsigned best = NEAR_MAX + 1;

	*dst = '\0';
	for (size_t i = 0; i < n; i++) {
		const char *word =
			*(const char *const *)(const void *)((const uint8_t *)
								     known +
							     i * stride);
		unsigned d;

		if (!word)
			continue;
		d = near_distance(BYTES(name), BYTES(word));
		if (d >= best || !near_enough(d, strlen(name)))
			continue;
		best = d;
		snprintf(dst, cap, "; did you mean '%s'?", word);
	}
}

/* --- listeners ----------------------------------------------------------- */

static void check_listener(struct load *l, struct conf *c, unsigned i)
{
	struct conf_listener *f = &c->listeners[i];
	char at[CONF_PATH], near[128];

	check_path(at, "listeners[%u].certificates", i);
	if (report_has(l->report, at) || report_has(l->report, "certificates"))
		return;
	if (f->protocol == CONF_HTTP && f->n_certificates)
		find_error(l, at,
			   "an http listener only redirects and has no use for "
			   "certificates");
	else if (f->protocol == CONF_HTTPS && !f->n_certificates)
		find_error(l, at,
			   "an https listener needs at least one certificate");
	else if (f->protocol != CONF_HTTP && !f->n_certificates)
		find_error(l, at,
			   "a mail listener needs at least one certificate: "
			   "clients log in after %s only",
			   f->protocol == CONF_POP3   ? "STLS"
			   : f->protocol == CONF_IMAP ? "STARTTLS"
						      : "TLS");
	f->certificate =
		store_alloc(l->store, f->n_certificates * sizeof(uint32_t));
	if (!f->certificate)
		return;
	check_twice(l, at, f->certificates, f->n_certificates);
	for (unsigned k = 0; k < f->n_certificates; k++) {
		unsigned m = 0;

		while (m < c->n_certificates &&
		       strcmp(c->certificates[m].name, f->certificates[k]))
			m++;
		f->certificate[k] = m;
		if (m < c->n_certificates)
			continue;
		check_path(at, "listeners[%u].certificates[%u]", i, k);
		suggest_name(f->certificates[k],
			     c->n_certificates ? &c->certificates[0].name
					       : NULL,
			     c->n_certificates, sizeof(*c->certificates), near,
			     sizeof(near));
		find_error(l, at, "no certificate is named '%s'%s",
			   f->certificates[k], near);
	}
}

/* A port where clients expect something else. */
static void check_mail_listener(struct load *l, const struct conf *c,
				unsigned i)
{
	static const struct {
		uint32_t port, protocol;
		const char *word;
	} ports[] = {
		{ 110, CONF_POP3, "pop3" },
		{ 143, CONF_IMAP, "imap" },
		{ 993, CONF_IMAPS, "imaps" },
		{ 995, CONF_POP3S, "pop3s" },
	};
	const struct conf_listener *f = &c->listeners[i];
	bool pop = f->protocol == CONF_POP3 || f->protocol == CONF_POP3S;
	bool imap = f->protocol == CONF_IMAP || f->protocol == CONF_IMAPS;
	bool served = !pop && !imap;
	char at[CONF_PATH];

	check_path(at, "listeners[%u].protocol", i);
	for (size_t k = 0; k < ARRAY_LEN(ports); k++)
		if (f->port == ports[k].port &&
		    f->protocol != ports[k].protocol)
			find_warning(l, at, "clients expect %s on port %u",
				     ports[k].word, f->port);
	for (unsigned k = 0; k < c->n_servers; k++)
		served |= pop ? c->servers[k].pop : c->servers[k].imap;
	if (!served)
		find_warning(l, at, "no server has `%s: true`",
			     pop ? "pop" : "imap");
}

/* Whoever is believed must be named, and one of them only speaks. */
static void check_balancer(struct load *l, const struct conf *c, unsigned i)
{
	const struct conf_listener *f = &c->listeners[i];
	bool l7 = f->balancer == CONF_BALANCER_L7;
	char at[CONF_PATH];

	check_path(at, "listeners[%u].trusted", i);
	if (report_has(l->report, at))
		return;
	if ((l7 || f->proxy_protocol) && !f->n_trusted)
		find_error(l, at, "name the networks of the balancers");
	if (!l7 && !f->proxy_protocol && f->n_trusted)
		find_warning(l, at,
			     "has no effect without proxy-protocol or "
			     "balancer: l7");
	check_path(at, "listeners[%u].proxy-protocol", i);
	if (l7 && f->proxy_protocol)
		find_error(l, at,
			   "is of a connection, but an l7 balancer names the "
			   "client of each request");
	check_path(at, "listeners[%u].balancer", i);
	if (l7 && f->protocol != CONF_HTTPS && f->protocol != CONF_HTTP)
		find_error(l, at, "there are no requests on a mail port");
}

/* --- sites --------------------------------------------------------------- */

/* Index of a site, or n_sites with an error at `at`. */
static uint32_t find_site(struct load *l, const struct conf *c,
			  const char *name, const char *at)
{
	char near[128];

	for (uint32_t i = 0; i < c->n_sites; i++)
		if (bytes_ieq(BYTES(c->sites[i]), BYTES(name)))
			return i;
	suggest_name(name, c->sites, c->n_sites, sizeof(*c->sites), near,
		     sizeof(near));
	find_error(l, at, "'%s' is not one of the sites%s", name, near);
	return c->n_sites;
}

static void check_link(struct load *l, struct conf *c, unsigned i)
{
	struct conf_link *k = &c->links[i];
	char at[CONF_PATH];

	check_path(at, "site-links[%u].sites", i);
	check_twice(l, at, k->sites, k->n_sites);
	if (k->n_sites < 2 && !report_has(l->report, at))
		find_error(l, at, "a link joins two sites or more");
	k->site = store_alloc(l->store, k->n_sites * sizeof(*k->site));
	for (unsigned n = 0; k->site && n < k->n_sites; n++) {
		check_path(at, "site-links[%u].sites[%u]", i, n);
		k->site[n] = find_site(l, c, k->sites[n], at);
	}
}

static void check_more_sites(struct load *l, struct conf *c)
{
	char at[CONF_PATH];

	for (unsigned i = 0; i < c->n_links; i++)
		check_link(l, c, i);
	for (unsigned i = 0; i < c->n_arrays; i++) {
		check_path(at, "client-access-arrays[%u].site", i);
		if (c->arrays[i].site)
			c->arrays[i].site_index =
				find_site(l, c, c->arrays[i].site, at);
	}
	for (unsigned i = 0; i < c->n_databases; i++) {
		check_path(at, "databases[%u].site", i);
		if (c->databases[i].site)
			c->databases[i].site_index =
				find_site(l, c, c->databases[i].site, at);
	}
}

static void check_sites(struct load *l, struct conf *c)
{
	char at[CONF_PATH];

	if (report_has(l->report, "sites") || !c->site)
		return;
	if (!c->n_sites) {
		c->n_sites = 1;
		c->sites = &c->site;
	}
	check_twice(l, "sites", c->sites, c->n_sites);
	c->site_index = find_site(l, c, c->site, "site");
	for (unsigned i = 0; i < c->n_servers; i++) {
		if (!c->servers[i].site)
			continue;
		check_path(at, "servers[%u].site", i);
		c->servers[i].site_index =
			find_site(l, c, c->servers[i].site, at);
	}
	check_more_sites(l, c);
}

/* --- numbers that must agree --------------------------------------------- */

static void check_numbers(struct load *l, const struct conf *c)
{
	const struct conf_limits *m = &c->limits;
	const struct conf_tcp *t = &c->tcp;
	uint64_t window = (uint64_t)65535 << min(t->window_scale, 14U);

	if (m->header_line > m->header_size)
		find_error(l, "limits.header-line",
			   "a line (%u) cannot be longer than the whole head "
			   "(header-size %u)",
			   m->header_line, m->header_size);
	if (m->sessions > c->appliance.max_connections)
		find_error(l, "limits.sessions",
			   "%u sessions do not fit into %u connections "
			   "(appliance.max-connections)",
			   m->sessions, c->appliance.max_connections);
	else if (2 * (uint64_t)m->sessions > c->appliance.max_connections)
		find_warning(l, "limits.sessions",
			     "a session has two connections, one to its "
			     "client and one to a server: %u need "
			     "appliance.max-connections %llu",
			     m->sessions, 2ULL * m->sessions);
	if (t->receive_buffer > window)
		find_error(l, "tcp.receive-buffer",
			   "a window of %u bytes cannot be told with "
			   "window-scale %u, %llu at most",
			   t->receive_buffer, t->window_scale,
			   (unsigned long long)window);
	if (t->rto_min > t->rto_max)
		find_error(l, "tcp.rto-min", "is above rto-max");
}

/* --- the access log ------------------------------------------------------ */

#define DIRECTORY_MAX 500 /* what the writer has room for */

static void check_access_log(struct load *l, const struct conf *c)
{
	const struct conf_access_log *a = &c->access_log;

	if (a->directory && strlen(a->directory) > DIRECTORY_MAX)
		find_error(l, "access-log.directory", "is longer than %d bytes",
			   DIRECTORY_MAX);
	if (a->keep_size < 2 * a->max_file_size)
		find_error(l, "access-log.keep-size",
			   "is less than two files of max-file-size (%llu)",
			   (unsigned long long)a->max_file_size);
}

/* --- what clients are asked ---------------------------------------------- */

static void check_authentication(struct load *l, const struct conf *c)
{
	bool shared = false;
	char at[CONF_PATH];

	for (unsigned i = 0; i < c->n_listeners; i++)
		shared |= c->listeners[i].balancer == CONF_BALANCER_L7;
	for (unsigned i = 0; i < CONF_VDIR_COUNT; i++) {
		const struct conf_offer *o = &c->authentication[i];
		uint32_t seen = 0;

		check_path(at, "authentication.%s", conf_vdir_word(i));
		for (unsigned k = 0; k < o->n; k++) {
			if (seen & o->method[k])
				find_error(l, at, "names a method twice");
			seen |= o->method[k];
		}
		if (shared && o->n && !(seen & CONF_BASIC))
			find_warning(l, at,
				     "without Basic nobody can log on through "
				     "a listener with balancer: l7");
	}
}

static void check_identity(struct load *l, const struct conf *c)
{
	const struct conf_identity *i = &c->identity;

	if (i->keytab && !i->account && !report_has(l->report, "identity"))
		find_error(l, "identity.account",
			   "is needed with a keytab: the account's principal, "
			   "svc-casgate@CONTOSO.LOCAL");
	if (!i->keytab && i->account)
		find_error(l, "identity.keytab",
			   "is needed with an account: the file of its keys");
	if (i->account &&
	    bytes_find(BYTES(i->account), '@') == strlen(i->account))
		find_error(l, "identity.account",
			   "has no realm: %s@CONTOSO.LOCAL or the like",
			   i->account);
}

void check_conf(struct load *l, struct conf *c)
{
	check_workers(l, c);
	check_network(l, c);
	check_twice(l, "namespaces", c->namespaces, c->n_namespaces);
	for (unsigned i = 0; i < c->n_listeners; i++) {
		check_listener(l, c, i);
		check_mail_listener(l, c, i);
		check_balancer(l, c, i);
	}
	check_sites(l, c);
	check_servers(l, c);
	check_numbers(l, c);
	check_access_log(l, c);
	check_authentication(l, c);
	check_identity(l, c);
}
