/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * contoso.h - an organisation between versions, for tests of what becomes of a
 * request: its servers, and rows of "this mailbox asks for that, and gets ...".
 */
#pragma once

#include "unit.h"

#include "base/base.h"
#include "exchange/exchange.h"

/* HQ is where the appliance stands. Paris is internet-facing (ExternalURLs of
 * its own), Branch is not, Depot has mailbox servers and no Client Access. */
enum { HQ, BRANCH, PARIS, DEPOT };

#define SE "15.2.2562.17"
#define E2019 "15.2.1544.4"
#define E2016 "15.1.2375.7"
#define E2013 "15.0.1497.2"
#define E2010 "14.3.123.4"
#define E2007 "8.3.298.3"
#define MBX 2
#define CAS 4

struct spec {
	const char *name, *build;
	unsigned site;
	uint32_t roles;
	const char *owa_external;
};

static const struct spec contoso[] = {
	{ "EX13A", E2013, HQ, 16439, "https://mail.contoso.com/owa" },
	{ "EX13B", E2013, HQ, 16439, "https://mail.contoso.com/owa" },
	{ "EX13M", E2013, HQ, 54, NULL }, /* Mailbox role only */
	{ "EX13P", E2013, PARIS, 16439, "https://paris.contoso.com/owa" },
	{ "CAS10A", E2010, HQ, CAS, "https://mail.contoso.com/owa" },
	{ "CAS10B", E2010, HQ, CAS, "https://mail.contoso.com/owa" },
	{ "EX10", E2010, HQ, MBX, NULL },
	{ "CAS10BR", E2010, BRANCH, CAS, NULL },
	{ "EX10BR", E2010, BRANCH, MBX, NULL },
	{ "CAS10P", E2010, PARIS, CAS, "https://paris.contoso.com/owa" },
	{ "EX10P", E2010, PARIS, MBX, NULL },
	{ "EX10D", E2010, DEPOT, MBX, NULL },
	{ "CAS07", E2007, HQ, CAS, "https://legacy.contoso.com/owa" },
	{ "EX07", E2007, HQ, MBX, NULL },
	{ "CAS07P", E2007, PARIS, CAS, "https://legacy-paris.contoso.com/owa" },
	{ "EX07P", E2007, PARIS, MBX, NULL },
	{ "CAS07BR", E2007, BRANCH, CAS, NULL },
	{ "EX07BR", E2007, BRANCH, MBX, NULL },
	{ "EX07D", E2007, DEPOT, MBX, NULL },
};

static struct exchange_server servers[64];

static inline struct exchange_topology build(const struct spec *spec,
					     unsigned n)
{
	struct exchange_topology t = {
		.n_sites = 4,
		.site = { "HQ", "Branch", "Paris", "Depot" },
		.home_site = HQ,
		.n_servers = n,
		.server = servers,
		.n_own_names = 2,
		.own_name = { "mail.contoso.com", "autodiscover.contoso.com" },
	};

	memset(servers, 0, sizeof(servers));
	for (unsigned i = 0; i < n; i++) {
		struct exchange_server *s = &servers[i];

		snprintf(s->name, sizeof(s->name), "%s", spec[i].name);
		snprintf(s->fqdn, sizeof(s->fqdn), "%s.contoso.com",
			 spec[i].name);
		assert_int_equal(
			exchange_build_parse(BYTES(spec[i].build), &s->build),
			0);
		s->version = exchange_version_of(&s->build);
		s->roles = spec[i].roles;
		s->site = (uint16_t)spec[i].site;
		s->id = (uint16_t)i;
		s->weight = 100;
		for (int p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++)
			s->vdir[p].present = spec[i].roles != MBX;
		if (spec[i].owa_external)
			snprintf(s->vdir[EXCHANGE_OWA].external_url,
				 EXCHANGE_URL, "%s", spec[i].owa_external);
	}
	return t;
}

static inline struct exchange_topology world(void)
{
	return build(contoso, ARRAY_LEN(contoso));
}

/* Servers of these builds and nothing else, all in HQ: CAS, then others. */
static inline struct exchange_topology of_builds(const char *const *builds,
						 unsigned most, uint32_t roles)
{
	struct spec spec[4] = { 0 };
	unsigned n = 0;

	for (; n < most && builds[n]; n++)
		spec[n] = (struct spec){ n ? "OTHER" : "CAS", builds[n], HQ,
					 roles, NULL };
	return build(spec, n);
}

static inline struct exchange_server *of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(servers); i++)
		if (strcmp(servers[i].name, name) == 0)
			return &servers[i];
	fail_msg("no server %s", name);
	return NULL;
}

/* A request as it arrives at the namespace for alice's mailbox on `home`. */
struct ask {
	enum exchange_protocol protocol;
	const char *home; /* NULL: no mailbox was found */
	const char *method, *path, *query; /* NULL: the ordinary ones */
	const char *form; /* of a logon by a form: its destination */
};

static const char *const pages[EXCHANGE_PROTOCOL_COUNT] = {
	[EXCHANGE_OWA] = "/owa/",
	[EXCHANGE_ECP] = "/ecp/",
	[EXCHANGE_EAS] = "/Microsoft-Server-ActiveSync",
	[EXCHANGE_RPC] = "/rpc/rpcproxy.dll",
	[EXCHANGE_MAPI] = "/mapi/emsmdb/",
	[EXCHANGE_EWS] = "/EWS/Exchange.asmx",
	[EXCHANGE_AUTODISCOVER] = "/autodiscover/autodiscover.xml",
	[EXCHANGE_OAB] = "/OAB/x/oab.xml",
	[EXCHANGE_POWERSHELL] = "/PowerShell",
	[EXCHANGE_POP] = "",
	[EXCHANGE_IMAP] = "",
};

static inline struct exchange_decision
decide_for(const struct exchange_topology *t, const struct ask *a,
	   uint64_t affinity)
{
	struct exchange_form form = { .user = "alice@contoso.com" };
	const struct exchange_request r = {
		.protocol = a->protocol,
		.method = BYTES(a->method ? a->method : "GET"),
		.path = BYTES(a->path ? a->path : pages[a->protocol]),
		.query = a->query ? BYTES(a->query) : BYTES_NONE,
		.user = BYTES_LIT("alice@contoso.com"),
		.form = a->form ? &form : NULL,
	};
	struct exchange_place place = { .affinity = affinity };
	struct exchange_decision d;

	if (a->form) {
		strcpy(place.key.text, form.user);
		place.key.kind = EXCHANGE_KEY_FORM_USER;
		assert_true(bytes_str(BYTES(a->form), form.destination,
				      sizeof(form.destination)));
	}
	memset(&d, 0xa5, sizeof(d)); /* nothing is left unset */
	place.found = a->home != NULL;
	exchange_place_at(t, BYTES(a->home ? a->home : ""), &place);
	exchange_decide(t, &r, &place, &d);
	assert_true(strlen(d.reason) > 0);
	assert_true(d.n <= EXCHANGE_CANDIDATES);
	assert_int_equal(d.action == EXCHANGE_PROXY, d.n > 0);
	return d;
}

static inline struct exchange_decision decide(const struct exchange_topology *t,
					      const struct ask *a)
{
	return decide_for(t, a, 12345);
}

static inline int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The candidates' names in alphabetical order: "CAS10A CAS10B". */
static inline const char *targets(const struct exchange_decision *d)
{
	static char text[EXCHANGE_CANDIDATES * (EXCHANGE_NAME + 1)];
	const char *names[EXCHANGE_CANDIDATES];
	size_t at = 0;

	for (unsigned i = 0; i < d->n; i++)
		names[i] = servers[d->candidate[i]].name;
	qsort(names, d->n, sizeof(names[0]), by_name);
	text[0] = '\0';
	for (unsigned i = 0; i < d->n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s",
				       i ? " " : "", names[i]);
	return text;
}

#define PROXY EXCHANGE_PROXY, 0
#define TO EXCHANGE_REDIRECT, 302
#define NO EXCHANGE_ANSWER, 503
#define ALL15 "EX13A EX13B EX13P"
#define PARIS_OWA "https://paris.contoso.com/owa"
#define LEGACY "https://legacy.contoso.com/owa"
#define LEGACY_PARIS "https://legacy-paris.contoso.com/owa"

struct row {
	struct ask ask;
	enum exchange_action action;
	unsigned status;
	const char *target; /* candidates, URL, or words of the reason */
	const char *logon; /* where the form is sent on to; NULL: nowhere */
};

static inline void check(const struct exchange_topology *t,
			 const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct row *w = &rows[i];
		struct exchange_decision d = decide(t, &w->ask);
		bool ok = d.action == w->action && d.status == w->status;

		if (ok && w->action == EXCHANGE_PROXY)
			ok = strcmp(targets(&d), w->target) == 0;
		if (ok && w->action == EXCHANGE_REDIRECT)
			ok = strcmp(d.url, w->target) == 0 &&
			     strcmp(d.logon, w->logon ? w->logon : "") == 0;
		if (ok && w->action == EXCHANGE_ANSWER)
			ok = strstr(d.reason, w->target) != NULL;
		if (!ok)
			fail_msg("row %zu (%s, %s): action %d status %u "
				 "targets '%s' url '%s' logon '%s': %s",
				 i, exchange_protocol_word(w->ask.protocol),
				 w->ask.home ? w->ask.home : "unknown",
				 d.action, d.status, targets(&d), d.url,
				 d.logon, d.reason);
	}
}
