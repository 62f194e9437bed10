/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * build_outlook.c - the part of build.c about Outlook Anywhere's settings, what
 * the appliance offers to clients, and builds that are too old.
 */
#include "casgate.h"

#include <stdio.h>
#include <string.h>

_Static_assert(CONF_BASIC == 1 << EXCHANGE_BASIC &&
		       CONF_NTLM == 1 << EXCHANGE_NTLM &&
		       CONF_NEGOTIATE == 1 << EXCHANGE_NEGOTIATE,
	       "conf and exchange number methods alike");
_Static_assert((int)CONF_TRUE == (int)EXCHANGE_TRUE &&
		       (int)CONF_BINDING_REQUIRE ==
			       (int)EXCHANGE_BINDING_REQUIRE,
	       "and answers");

static void copy(char *dst, size_t cap, const char *src)
{
	snprintf(dst, cap, "%s", src ? src : "");
}

static void configured(const struct conf_outlook *c, enum exchange_version v,
		       struct exchange_outlook *o)
{
	*o = (struct exchange_outlook){
		.client = (uint8_t)c->client,
		.external = (uint8_t)c->external,
		.internal = (uint8_t)c->internal,
		.ssl_offloading = (uint8_t)c->ssl_offloading,
		.external_ssl = (uint8_t)c->external_ssl,
		.internal_ssl = (uint8_t)c->internal_ssl,
		.binding = (uint8_t)c->binding,
	};
	for (unsigned i = 0; i < c->n_iis; i++)
		o->iis |= (uint8_t)c->iis[i];
	copy(o->external_hostname, EXCHANGE_HOST, c->external_hostname);
	copy(o->internal_hostname, EXCHANGE_HOST, c->internal_hostname);
	if (c->default_method)
		exchange_outlook_default(v, (uint8_t)c->default_method, o);
}

/* --- what clients are asked ---------------------------------------------- */

void server_spn(const struct conf *conf, unsigned i, char dst[AUTH_NAME])
{
	const struct conf_server *c = &conf->servers[i];

	if (c->spn)
		snprintf(dst, AUTH_NAME, "%s", c->spn);
	else
		snprintf(dst, AUTH_NAME, "HTTP/%s", c->fqdn);
}

static void put_challenge(struct bytes_writer *w, uint32_t method,
			  const char *realm)
{
	switch ((enum conf_method)method) {
	case CONF_BASIC:
		bytes_putf(w, "WWW-Authenticate: Basic realm=\"%s\"\r\n",
			   realm);
		break;
	case CONF_NTLM:
		bytes_puts(w, "WWW-Authenticate: NTLM\r\n");
		break;
	case CONF_NEGOTIATE:
		bytes_puts(w, "WWW-Authenticate: Negotiate\r\n");
		break;
	}
}

static void build_offer(struct proxy_config *p, enum exchange_protocol of,
			const struct conf_offer *offer)
{
	const char *realm = p->topology.own_name[0];
	struct proxy_offer *o = &p->offer[of];
	struct bytes_writer all, shared;

	all = (struct bytes_writer){ (uint8_t *)o->challenge, 0,
				     sizeof(o->challenge) - 1, false };
	shared = (struct bytes_writer){ (uint8_t *)o->shared, 0,
					sizeof(o->shared) - 1, false };
	memset(o, 0, sizeof(*o));
	p->topology.policy.offers[of] = 0;
	for (unsigned i = 0; i < offer->n; i++) {
		uint32_t m = offer->method[i];

		p->topology.policy.offers[of] |= (uint8_t)m;
		put_challenge(&all, m, realm);
		/* What authenticates a connection is nothing for one that
		 * many clients share. */
		if (m == CONF_BASIC)
			put_challenge(&shared, m, realm);
	}
	assert(!all.overflow && !shared.overflow);
}

/* --- findings ------------------------------------------------------------ */

static void report_outlook(const struct conf *conf, unsigned i,
			   const struct proxy_config *p, struct conf_report *r)
{
	struct exchange_finding f[EXCHANGE_FINDINGS];
	unsigned n;
	char path[CONF_PATH];

	snprintf(path, sizeof(path), "servers[%u].outlook-anywhere", i);
	n = exchange_judge_outlook(&p->topology, &p->topology.server[i], f);
	for (unsigned k = 0; k < n; k++)
		conf_report_add(r,
				f[k].severity == EXCHANGE_ERROR ? CONF_ERROR
								: CONF_WARNING,
				conf_where(conf, path), path, "%s%s%s",
				f[k].text, f[k].cmdlet[0] ? ": " : "",
				f[k].cmdlet);
}

static void report_gate(const struct conf *conf, unsigned i,
			const struct exchange_server *s, struct conf_report *r)
{
	char path[CONF_PATH];

	if (!s->gate)
		return;
	snprintf(path, sizeof(path), "servers[%u].version", i);
	conf_report_add(
		r, CONF_WARNING, conf_where(conf, path), path,
		"%s, and %s is %u.%u.%u.%u%s", s->gate, s->name, s->build.major,
		s->build.minor, s->build.build, s->build.revision,
		s->gated ? ": it gets nothing (routing.version-gate)" : "");
}

/* --- the whole ----------------------------------------------------------- */

static bool enabled(const struct app *a, const struct conf_server *c,
		    unsigned id)
{
	switch (a->server[id].outlook) {
	case OUTLOOK_ENABLED:
		return true;
	case OUTLOOK_DISABLED:
		return false;
	case OUTLOOK_AS_CONFIGURED:
		break;
	}
	return !c->has_vdirs || c->vdir[CONF_VDIR_RPC].present;
}

void build_outlook(const struct app *a, const struct conf *conf,
		   struct proxy_config *p, struct conf_report *r)
{
	struct exchange_topology *t = &p->topology;

	p->login_timeout = conf->identity.timeout;
	snprintf(p->basic, sizeof(p->basic),
		 "WWW-Authenticate: Basic realm=\"%s\"\r\n", t->own_name[0]);
	for (unsigned i = 0; i < CONF_VDIR_COUNT; i++)
		build_offer(p, i,
			    i == CONF_VDIR_RPC && a->rpc_offer.n
				    ? &a->rpc_offer
				    : &conf->authentication[i]);
	for (unsigned i = 0; i < t->n_servers; i++) {
		struct exchange_server *s = &t->server[i];
		const struct server_name *known = &a->server[s->id];

		p->server[i].service[0] = '\0';
		if (conf->identity.keytab && !exchange_is_modern(s->version) &&
		    conf->servers[i].log_on == CONF_LOG_ON_SERVICE)
			server_spn(conf, i, p->server[i].service);
		s->seen = known->seen;
		s->vdir[EXCHANGE_RPC].present =
			enabled(a, &conf->servers[i], s->id);
		configured(&conf->servers[i].outlook, s->version, &s->outlook);
		if (r)
			report_outlook(conf, i, p, r);
		exchange_outlook_merge(&s->outlook, &known->settings);
	}
	exchange_gate(t);
	for (unsigned i = 0; r && i < t->n_servers; i++)
		report_gate(conf, i, &t->server[i], r);
}
