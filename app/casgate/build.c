/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * build.c - from settings to what workers read: topology, addresses, TLS
 * contexts, in one immutable object.
 */
#include "casgate.h"

#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

_Static_assert((int)CONF_PROTOCOL_COUNT == (int)EXCHANGE_PROTOCOL_COUNT &&
		       (int)CONF_VDIR_POP == (int)EXCHANGE_POP &&
		       (int)CONF_VDIR_IMAP == (int)EXCHANGE_IMAP,
	       "conf and exchange count the same protocols");

/* TLS contexts outlive a configuration that differs only in drain states. */
struct tls_set {
	atomic_uint references;
	unsigned workers, n_listeners, n_servers;
	struct tls_server *listener[PROXY_LISTENERS][PROXY_WORKERS];
	struct tls_target *(*server)[PROXY_WORKERS];
	struct tls_target *(*mail)[PROXY_WORKERS]; /* the same servers */
};

/* Freed on liburcu's thread, so it holds all it needs. */
struct built {
	struct proxy_config config;
	struct tls_set *tls;
};

static void tls_set_put(struct tls_set *t)
{
	if (!t || atomic_fetch_sub(&t->references, 1) > 1)
		return;
	for (unsigned w = 0; w < t->workers; w++) {
		for (unsigned i = 0; i < t->n_listeners; i++)
			tls_server_free(t->listener[i][w]);
		for (unsigned i = 0; i < t->n_servers; i++)
			tls_target_free(t->server[i][w]);
		for (unsigned i = 0; i < t->n_servers; i++)
			tls_target_free(t->mail[i][w]);
	}
	free(t->server);
	free(t->mail);
	free(t);
}

void build_free(struct proxy_config *config)
{
	struct built *b;

	if (!config)
		return;
	b = container_of(config, struct built, config);
	tls_set_put(b->tls);
	free(config->topology.server);
	free(config->server);
	free(config->server_of_id);
	free(b);
}

static void free_later(struct snap_head *head)
{
	build_free(container_of(head, struct proxy_config, head));
}

void build_publish(struct app *a, struct proxy_config *config)
{
	struct proxy_config *old = snap_publish(&a->config, config);

	if (old)
		snap_defer(&old->head, free_later);
}

static void say(struct conf_report *r, const struct conf *conf,
		enum conf_severity severity, const char *path, const char *text)
{
	conf_report_add(r, severity, conf_where(conf, path), path, "%s", text);
}

static void copy(char *dst, size_t cap, const char *src)
{
	snprintf(dst, cap, "%s", src ? src : "");
}

/* --- servers ----------------------------------------------------------------
 */

/* The id of a name for the life of the process; -1 when there are too many. */
static int id_of(struct app *a, const char *name)
{
	for (unsigned i = 0; i < a->n_servers; i++)
		if (bytes_ieq(BYTES(a->server[i].name), BYTES(name)))
			return (int)i;
	if (a->n_servers == SERVER_IDS)
		return -1;
	copy(a->server[a->n_servers].name, EXCHANGE_NAME, name);
	return (int)a->n_servers++;
}

static bool drained(const struct app *a, unsigned id, bool configured)
{
	switch (a->server[id].drain) {
	case DRAIN_YES:
		return true;
	case DRAIN_NO:
		return false;
	case DRAIN_AS_CONFIGURED:
		break;
	}
	return configured;
}

/* A dotted build, a versionNumber, or a year that stands for the version's
 * first build. */
static int parse_version(const char *text, struct exchange_server *s)
{
	static const struct exchange_build first[] = {
		[EXCHANGE_2007] = { 8, 3, 83, 0 },
		[EXCHANGE_2010] = { 14, 3, 123, 0 },
		[EXCHANGE_2013] = { 15, 0, 1497, 0 },
		[EXCHANGE_2016] = { 15, 1, 2507, 0 },
		[EXCHANGE_2019] = { 15, 2, 1544, 0 },
		[EXCHANGE_SE] = { 15, 2, 2562, 0 },
	};

	if (!exchange_version_parse(BYTES(text), &s->version)) {
		s->build = first[s->version];
		return 0;
	}
	if (exchange_build_parse(BYTES(text), &s->build))
		return -EINVAL;
	s->version = exchange_version_of(&s->build);
	return s->version == EXCHANGE_UNKNOWN ? -EINVAL : 0;
}

static void fill_vdirs(const struct conf_server *c, struct exchange_server *s)
{
	const char *why;

	s->vdir[EXCHANGE_POP].present = c->pop;
	s->vdir[EXCHANGE_IMAP].present = c->imap;
	for (unsigned i = 0; i < CONF_VDIR_COUNT; i++) {
		struct exchange_vdir *v = &s->vdir[i];

		assert(!strcmp(conf_vdir_word(i), exchange_protocol_word(i)));
		v->present = true;
		v->present = c->has_vdirs ? c->vdir[i].present
					  : exchange_can_serve(s, i, &why);
		copy(v->internal_url, EXCHANGE_URL, c->vdir[i].internal_url);
		copy(v->external_url, EXCHANGE_URL, c->vdir[i].external_url);
	}
}

/* Addresses of a name, by the management interface's resolver. */
static unsigned resolve(const char *name, struct ipaddr *out, unsigned cap)
{
	struct addrinfo hint = { .ai_socktype = SOCK_STREAM }, *all = NULL;
	unsigned n = 0;

	if (getaddrinfo(name, NULL, &hint, &all))
		return 0;
	for (struct addrinfo *i = all; i && n < cap; i = i->ai_next) {
		const void *in = i->ai_addr;

		if (i->ai_family == AF_INET)
			out[n++] = ipaddr_v4(
				&((const struct sockaddr_in *)in)->sin_addr);
		else if (i->ai_family == AF_INET6)
			out[n++] = ipaddr_v6(
				&((const struct sockaddr_in6 *)in)->sin6_addr);
	}
	freeaddrinfo(all);
	return n;
}

static void fill_addresses(const struct conf *conf, unsigned i,
			   struct proxy_server *b, struct conf_report *r)
{
	const struct conf_server *c = &conf->servers[i];
	char path[CONF_PATH];

	b->port = (uint16_t)c->port;
	b->pop_port = (uint16_t)c->pop_port;
	b->imap_port = (uint16_t)c->imap_port;
	b->probes = c->probes;
	for (unsigned n = 0; n < c->n_sources && n < PROXY_SOURCES; n++)
		b->source[b->n_sources++] = c->sources[n];
	for (unsigned n = 0; n < c->n_addresses && n < PROXY_ADDRS; n++)
		b->addr[b->n_addrs++] = c->addresses[n];
	if (!b->n_addrs)
		b->n_addrs = resolve(c->fqdn, b->addr, PROXY_ADDRS);
	if (b->n_addrs)
		return;
	snprintf(path, sizeof(path), "servers[%u].fqdn", i);
	say(r, conf, CONF_WARNING, path,
	    "cannot be resolved now: nothing can be sent there; give the "
	    "server an `address`");
}

static int fill_server(struct app *a, const struct conf *conf, unsigned i,
		       struct proxy_config *p, struct conf_report *r)
{
	const struct conf_server *c = &conf->servers[i];
	struct exchange_server *s = &p->topology.server[i];
	int id = id_of(a, c->name);
	char path[CONF_PATH];

	snprintf(path, sizeof(path), "servers[%u].version", i);
	if (id < 0) {
		say(r, conf, CONF_ERROR, path,
		    "too many different servers since the start; restart");
		return -EINVAL;
	}
	copy(s->name, EXCHANGE_NAME, c->name);
	copy(s->fqdn, EXCHANGE_HOST, c->fqdn);
	s->roles = c->roles;
	s->site = (uint16_t)c->site_index;
	s->id = (uint16_t)id;
	s->weight = (uint16_t)c->weight;
	s->drained = drained(a, s->id, c->drained);
	s->health = a->board ? health_verdicts(a->board, s->id) : NULL;
	if (parse_version(c->version, s)) {
		say(r, conf, CONF_ERROR, path,
		    "is no Exchange version: give a build as "
		    "Get-ExchangeServer "
		    "shows it (15.1.2507.6), or 2007, 2010, 2013, 2016, 2019, "
		    "SE");
		return -EINVAL;
	}
	fill_vdirs(c, s);
	fill_addresses(conf, i, &p->server[i], r);
	p->server_of_id[id] = (int16_t)i;
	return 0;
}

/* --- TLS
 * ----------------------------------------------------------------------- */

static bool is_mail(uint32_t protocol)
{
	return protocol != CONF_HTTPS && protocol != CONF_HTTP;
}

static bool is_imap(uint32_t protocol)
{
	return protocol == CONF_IMAP || protocol == CONF_IMAPS;
}

static int make_listener(struct app *a, const struct conf *conf, unsigned i,
			 struct built *b, unsigned w, struct conf_report *r)
{
	const struct conf_listener *c = &conf->listeners[i];
	struct tls_cert_config certs[64];
	struct tls_server_config cfg = {
		.certs = certs,
		.min_version = c->tls_min,
		.n_tickets = c->tickets,
		.tickets = a->tickets,
		.alpn = !is_mail(c->protocol)  ? NULL
			: is_imap(c->protocol) ? "imap"
					       : "pop3",
		.context = c->name,
	};
	char error[400], path[CONF_PATH];

	for (;
	     cfg.n_certs < c->n_certificates && cfg.n_certs < ARRAY_LEN(certs);
	     cfg.n_certs++) {
		const struct conf_certificate *cert =
			&conf->certificates[c->certificate[cfg.n_certs]];

		certs[cfg.n_certs].chain_file = cert->chain;
		certs[cfg.n_certs].key_file = cert->key;
	}
	b->tls->listener[i][w] = tls_server_new(&cfg, error, sizeof(error));
	b->config.listener[i].tls[w] = b->tls->listener[i][w];
	if (b->tls->listener[i][w])
		return 0;
	snprintf(path, sizeof(path), "listeners[%u].certificates", i);
	say(r, conf, CONF_ERROR, path, error);
	return -EINVAL;
}

static int make_target(const struct conf *conf, unsigned i, const char *alpn,
		       struct tls_target **out, struct conf_report *r)
{
	const struct conf_server *c = &conf->servers[i];
	struct tls_target_config cfg = {
		.name = c->tls.name ? c->tls.name : c->fqdn,
		.ca_file = c->tls.ca,
		.pinned = c->tls.pinned,
		.min_version = c->tls.min,
		.alpn = alpn,
	};
	char error[400], path[CONF_PATH];

	memcpy(cfg.pin, c->tls.pin, sizeof(cfg.pin));
	*out = tls_target_new(&cfg, error, sizeof(error));
	if (*out)
		return 0;
	snprintf(path, sizeof(path), "servers[%u].tls", i);
	say(r, conf, CONF_ERROR, path, error);
	return -EINVAL;
}

/* Sessions and ALPN of one service are not another's. */
static int make_targets(const struct conf *conf, unsigned i, struct built *b,
			unsigned w, bool mail, struct conf_report *r)
{
	struct tls_target **web = &b->tls->server[i][w];
	struct tls_target **post = &b->tls->mail[i][w];
	int rc = make_target(conf, i, NULL, web, r);

	if (mail && !rc)
		rc = make_target(conf, i, "", post, r);
	b->config.server[i].tls[w] = *web;
	b->config.server[i].mail_tls[w] = *post;
	return rc;
}

static int make_tls(struct app *a, const struct conf *conf, struct built *b,
		    unsigned workers, struct conf_report *r)
{
	bool mail = false;
	int rc = 0;

	for (unsigned i = 0; i < conf->n_listeners; i++)
		mail |= is_mail(conf->listeners[i].protocol);
	b->tls->workers = workers;
	b->tls->n_listeners = conf->n_listeners;
	b->tls->n_servers = conf->n_servers;
	for (unsigned w = 0; w < workers && !rc; w++) {
		for (unsigned i = 0; i < conf->n_listeners; i++)
			if (conf->listeners[i].protocol != CONF_HTTP)
				rc |= make_listener(a, conf, i, b, w, r);
		for (unsigned i = 0; i < conf->n_servers; i++)
			rc |= make_targets(conf, i, b, w, mail, r);
	}
	return rc;
}

/* --- the whole
 * ------------------------------------------------------------------- */

static void fill_names(const struct conf *conf, struct exchange_topology *t)
{
	t->n_sites = conf->n_sites;
	for (unsigned i = 0; i < conf->n_sites; i++)
		copy(t->site[i], EXCHANGE_NAME, conf->sites[i]);
	t->home_site = conf->site_index;
	t->n_own_names = conf->n_namespaces;
	for (unsigned i = 0; i < conf->n_namespaces; i++)
		copy(t->own_name[i], EXCHANGE_HOST, conf->namespaces[i]);
}

static void fill_costs(const struct conf *conf, struct exchange_topology *t)
{
	unsigned n = 0, all = 0;
	struct exchange_link *links;

	for (unsigned i = 0; i < conf->n_links; i++)
		all += conf->links[i].n_sites * conf->links[i].n_sites;
	links = calloc(all + 1, sizeof(*links));
	for (unsigned i = 0; links && i < conf->n_links; i++) {
		const struct conf_link *k = &conf->links[i];

		for (unsigned a = 0; a < k->n_sites; a++)
			for (unsigned b = 0; b < a; b++)
				links[n++] = (struct exchange_link){
					(uint16_t)k->site[a],
					(uint16_t)k->site[b], (uint16_t)k->cost
				};
	}
	exchange_costs(t, links, n);
	free(links);
}

static void fill_routing(const struct conf *conf, struct exchange_topology *t)
{
	static const enum exchange_cross_site cross_site[] = {
		[CONF_SILENT] = EXCHANGE_CROSS_SILENT,
		[CONF_MANUAL] = EXCHANGE_CROSS_MANUAL,
		[CONF_NEVER] = EXCHANGE_CROSS_PROXY,
	};
	const struct conf_routing *c = &conf->routing;

	for (unsigned i = 0; i < conf->n_arrays; i++) {
		struct exchange_array *x = &t->array[t->n_arrays++];

		copy(x->fqdn, sizeof(x->fqdn), conf->arrays[i].fqdn);
		x->version = EXCHANGE_2010; /* no other has them */
		x->site = (uint16_t)conf->arrays[i].site_index;
	}
	for (unsigned i = 0; i < conf->n_databases; i++) {
		struct exchange_database *d = &t->database[t->n_databases++];

		copy(d->name, sizeof(d->name), conf->databases[i].name);
		d->site = (uint16_t)conf->databases[i].site_index;
	}
	for (unsigned i = 0; i < EXCHANGE_PROTOCOL_COUNT; i++)
		t->policy.via_15[i] = c->mode[i] == CONF_VIA_15;
	t->policy.cross_site = cross_site[c->cross_site];
	t->policy.eas_redirect = c->eas_redirect;
	t->policy.no_ews_2007 = c->ews_2007 == CONF_EWS_REFUSE;
	t->policy.version_gate = c->version_gate == CONF_GATE_REFUSE;
	copy(t->policy.target_owa_url, EXCHANGE_URL, c->target_owa_url);
	fill_costs(conf, t);
}

static void fill_limits(const struct conf *conf, struct proxy_config *p)
{
	const struct conf_limits *l = &conf->limits;
	const struct conf_timeouts *t = &conf->timeouts;

	p->limits = (struct http_limits){ l->header_size, l->header_line,
					  (uint16_t)l->headers };
	p->max_handshakes = l->handshakes;
	p->handshake_budget = l->handshake_budget;
	p->rpc_denials = l->rpc_denials;
	p->timeouts = (struct proxy_timeouts){
		.tls_handshake = t->tls_handshake,
		.request_head = t->request_head,
		.keep_alive = t->idle,
		.connect = t->connect,
		.linger = t->linger,
		.login = t->login,
	};
	for (unsigned i = 0; i < EXCHANGE_PROTOCOL_COUNT; i++)
		p->timeouts.silence[i] = t->silence[i]
						 ? t->silence[i]
						 : SEC(exchange_timeout(i));
}

/* Nothing is recorded that nobody writes. */
static void fill_log(const struct conf_access_log *c, struct proxy_config *p)
{
	if (!c->directory)
		return;
	for (unsigned i = 0; i < c->n_protocols; i++)
		p->log |= 1U << c->protocols[i];
	if (!c->n_protocols)
		p->log = UINT32_MAX;
}

static void fill_listeners(const struct conf *conf, struct proxy_config *p)
{
	p->n_listeners = conf->n_listeners;
	for (unsigned i = 0; i < conf->n_listeners; i++) {
		const struct conf_listener *c = &conf->listeners[i];
		struct proxy_listener *l = &p->listener[i];

		copy(l->name, sizeof(l->name), c->name);
		l->addr = c->address;
		l->port = (uint16_t)c->port;
		l->https = c->protocol == CONF_HTTPS ||
			   c->protocol == CONF_IMAPS ||
			   c->protocol == CONF_POP3S;
		l->mail = is_mail(c->protocol);
		l->protocol =
			is_imap(c->protocol) ? EXCHANGE_IMAP : EXCHANGE_POP;
		l->log = c->access_log;
		l->internal = c->expose == CONF_EXPOSE_INTERNAL;
		l->proxy_header = c->proxy_protocol;
		l->balanced = c->balancer == CONF_BALANCER_L7;
		l->closes_forwarded = c->forwarded == CONF_FORWARDED_CLOSE;
		l->n_trusted = min(c->n_trusted, (uint32_t)PROXY_TRUSTED);
		for (unsigned k = 0; k < l->n_trusted; k++)
			l->trusted[k] = c->trusted[k];
	}
}

static struct built *allocate(unsigned n_servers)
{
	struct built *b = calloc(1, sizeof(*b));
	struct proxy_config *p;

	if (!b)
		return NULL;
	p = &b->config;
	p->topology.n_servers = n_servers;
	p->topology.server = calloc(n_servers + 1, sizeof(*p->topology.server));
	p->server = calloc(n_servers + 1, sizeof(*p->server));
	p->server_of_id = calloc(SERVER_IDS, sizeof(*p->server_of_id));
	if (!p->topology.server || !p->server || !p->server_of_id) {
		build_free(p);
		return NULL;
	}
	for (unsigned i = 0; i < SERVER_IDS; i++)
		p->server_of_id[i] = -1;
	p->n_ids = SERVER_IDS;
	return b;
}

struct proxy_config *build_config(struct app *a, const struct conf *conf,
				  unsigned workers, struct conf_report *report)
{
	struct built *b = NULL;
	int rc = 0;

	if (conf->n_listeners > PROXY_LISTENERS ||
	    conf->n_servers > EXCHANGE_SERVERS ||
	    conf->n_sites > EXCHANGE_SITES ||
	    conf->n_namespaces > EXCHANGE_OWN_NAMES) {
		conf_report_add(report, CONF_ERROR, (struct conf_pos){ 0 }, "",
				"at most %d listeners, %d servers, %d sites "
				"and %d namespaces",
				PROXY_LISTENERS, EXCHANGE_SERVERS,
				EXCHANGE_SITES, EXCHANGE_OWN_NAMES);
		return NULL;
	}
	b = allocate(conf->n_servers);
	if (b)
		b->tls = calloc(1, sizeof(*b->tls));
	if (b && b->tls) {
		atomic_init(&b->tls->references, 1);
		b->tls->server =
			calloc(conf->n_servers + 1, sizeof(*b->tls->server));
		b->tls->mail =
			calloc(conf->n_servers + 1, sizeof(*b->tls->mail));
	}
	if (!b || !b->tls || !b->tls->server || !b->tls->mail) {
		log_error("no memory for the configuration");
		build_free(b ? &b->config : NULL);
		return NULL;
	}
	b->config.generation = ++a->generation;
	b->config.rpc_encryption_required =
		conf->routing.rpc_encryption == CONF_RPC_REQUIRE;
	fill_names(conf, &b->config.topology);
	fill_routing(conf, &b->config.topology);
	fill_limits(conf, &b->config);
	copy(b->config.name, sizeof(b->config.name), conf->appliance.name);
	build_health(conf, &b->config);
	fill_listeners(conf, &b->config);
	fill_log(&conf->access_log, &b->config);
	for (unsigned i = 0; i < conf->n_servers; i++)
		rc |= fill_server(a, conf, i, &b->config, report);
	if (!rc) {
		build_outlook(a, conf, &b->config, report);
		build_components(a, &b->config);
	}
	rc |= report->errors ? -EINVAL : 0;
	rc |= make_tls(a, conf, b, workers, report);
	if (rc) {
		build_free(&b->config);
		return NULL;
	}
	return &b->config;
}

struct proxy_config *build_again(struct app *a, const struct proxy_config *old)
{
	unsigned n = old->topology.n_servers;
	struct built *from = container_of((struct proxy_config *)(uintptr_t)old,
					  struct built, config);
	struct built *b = allocate(n);
	struct proxy_config fresh;

	if (!b)
		return NULL;
	fresh = b->config;
	b->config = *old;
	b->config.head = (struct snap_head){ 0 };
	b->config.generation = ++a->generation;
	b->config.topology.server = fresh.topology.server;
	b->config.server = fresh.server;
	b->config.server_of_id = fresh.server_of_id;
	memcpy(b->config.topology.server, old->topology.server,
	       n * sizeof(*old->topology.server));
	memcpy(b->config.server, old->server, n * sizeof(*old->server));
	memcpy(b->config.server_of_id, old->server_of_id,
	       SERVER_IDS * sizeof(*old->server_of_id));
	b->tls = from->tls;
	atomic_fetch_add(&b->tls->references, 1);
	for (unsigned i = 0; i < n; i++) {
		struct exchange_server *s = &b->config.topology.server[i];

		s->drained = drained(a, s->id, a->conf->servers[i].drained);
	}
	build_outlook(a, a->conf, &b->config, NULL);
	build_components(a, &b->config);
	return &b->config;
}
