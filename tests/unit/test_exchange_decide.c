/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_exchange_decide.c - Microsoft's coexistence table (exchange.md 1.2), row
 * by row: a protocol, the mailbox's home server, and what becomes of it.
 */
#include "unit.h"

#include "base/base.h"
#include "exchange/exchange.h"

/* --- Contoso
 * ------------------------------------------------------------------- HQ is
 * where the appliance stands. Paris is internet-facing (ExternalURLs of its
 * own), Branch is not, Depot has mailbox servers and no Client Access.
 */
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

static struct exchange_topology build(const struct spec *spec, unsigned n)
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

static struct exchange_topology world(void)
{
	return build(contoso, ARRAY_LEN(contoso));
}

static struct exchange_server *of(const char *name)
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
};

static struct exchange_decision decide_for(const struct exchange_topology *t,
					   const struct ask *a,
					   uint64_t affinity)
{
	const struct exchange_request r = {
		.protocol = a->protocol,
		.method = BYTES(a->method ? a->method : "GET"),
		.path = BYTES(a->path ? a->path : pages[a->protocol]),
		.query = a->query ? BYTES(a->query) : BYTES_NONE,
		.user = BYTES_LIT("alice@contoso.com"),
	};
	struct exchange_place place = { .affinity = affinity };
	struct exchange_decision d;

	memset(&d, 0xa5, sizeof(d)); /* nothing is left unset */
	place.found = a->home != NULL;
	exchange_place_at(t, BYTES(a->home ? a->home : ""), &place);
	exchange_decide(t, &r, &place, &d);
	assert_true(strlen(d.reason) > 0);
	assert_true(d.n <= EXCHANGE_CANDIDATES);
	assert_int_equal(d.action == EXCHANGE_PROXY, d.n > 0);
	return d;
}

static struct exchange_decision decide(const struct exchange_topology *t,
				       const struct ask *a)
{
	return decide_for(t, a, 12345);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The candidates' names in alphabetical order: "CAS10A CAS10B". */
static const char *targets(const struct exchange_decision *d)
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
#define LEGACY "https://legacy.contoso.com/owa"
#define LEGACY_PARIS "https://legacy-paris.contoso.com/owa"

struct row {
	struct ask ask;
	enum exchange_action action;
	unsigned status;
	const char *target; /* candidates, URL, or words of the reason */
};

static void check(const struct exchange_topology *t, const struct row *rows,
		  size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct row *w = &rows[i];
		struct exchange_decision d = decide(t, &w->ask);
		bool ok = d.action == w->action && d.status == w->status;

		if (ok && w->action == EXCHANGE_PROXY)
			ok = strcmp(targets(&d), w->target) == 0;
		if (ok && w->action == EXCHANGE_REDIRECT)
			ok = strcmp(d.url, w->target) == 0;
		if (ok && w->action == EXCHANGE_ANSWER)
			ok = strstr(d.reason, w->target) != NULL;
		if (!ok)
			fail_msg("row %zu (%s, %s): action %d status %u "
				 "targets '%s' url '%s': %s",
				 i, exchange_protocol_word(w->ask.protocol),
				 w->ask.home ? w->ask.home : "unknown",
				 d.action, d.status, targets(&d), d.url,
				 d.reason);
	}
}

/* --- the table
 * ------------------------------------------------------------------- */

static void mailbox_on_2007(void **state)
{
	static const struct row rows[] = {
		/* OWA: redirected, any site */
		{ { EXCHANGE_OWA, "EX07" }, TO, LEGACY },
		{ { EXCHANGE_OWA, "EX07P" }, TO, LEGACY_PARIS },
		/* ... and without an ExternalURL to the nearest that has one */
		{ { EXCHANGE_OWA, "EX07BR" }, TO, LEGACY },
		{ { EXCHANGE_OWA, "EX07D" }, TO, LEGACY },
		/* ECP, MAPI, PowerShell: 2007 has none */
		{ { EXCHANGE_ECP, "EX07" }, NO, "?ExchClientVer=15" },
		{ { EXCHANGE_MAPI, "EX07" }, NO, "Outlook Anywhere" },
		{ { EXCHANGE_POWERSHELL, "EX07" }, NO, "no remote PowerShell" },
		/* the others: a 2007 Client Access server of its site */
		{ { EXCHANGE_EAS, "EX07" }, PROXY, "CAS07" },
		{ { EXCHANGE_RPC, "EX07" }, PROXY, "CAS07" },
		{ { EXCHANGE_RPC, "EX07BR" }, PROXY, "CAS07BR" },
		{ { EXCHANGE_RPC, "EX07P" }, PROXY, "CAS07P" },
		{ { EXCHANGE_EWS, "EX07" }, PROXY, "CAS07" },
		{ { EXCHANGE_OAB, "EX07" }, PROXY, "CAS07" },
		{ { EXCHANGE_RPC, "EX07D" },
		  NO,
		  "site Depot has no Exchange 2007 Client Access server" },
		/* Autodiscover: answered by a 2013 server */
		{ { EXCHANGE_AUTODISCOVER, "EX07" }, PROXY, ALL15 },
		{ { EXCHANGE_AUTODISCOVER, "EX07P" }, PROXY, ALL15 },
	};
	struct exchange_topology t = world();

	check(&t, rows, ARRAY_LEN(rows));
}

static void mailbox_on_2010(void **state)
{
	static const struct {
		const char *home, *cas;
	} sites[] = {
		{ "EX10", "CAS10A CAS10B" }, /* same site */
		{ "EX10BR", "CAS10BR" }, /* not internet-facing */
		{ "EX10P", "CAS10P" }, /* internet-facing */
	};
	static const enum exchange_protocol proxied[] = {
		EXCHANGE_OWA, EXCHANGE_ECP,	  EXCHANGE_EAS,
		EXCHANGE_RPC, EXCHANGE_EWS,	  EXCHANGE_AUTODISCOVER,
		EXCHANGE_OAB, EXCHANGE_POWERSHELL
	};
	static const struct row no_mapi[] = {
		{ { EXCHANGE_MAPI, "EX10" },
		  NO,
		  "MAPI over HTTP begins with Exchange 2013 SP1" },
		{ { EXCHANGE_OWA, "EX10D" },
		  NO,
		  "mailbox alice@contoso.com is on EX10D (2010, site Depot), "
		  "but site Depot has no Exchange 2010 Client Access server "
		  "that serves owa (EX10D: it has no Client Access role)" },
	};
	struct exchange_topology t = world();

	for (size_t s = 0; s < ARRAY_LEN(sites); s++)
		for (size_t p = 0; p < ARRAY_LEN(proxied); p++) {
			const struct row row = { { proxied[p], sites[s].home },
						 PROXY,
						 sites[s].cas };

			check(&t, &row, 1);
		}
	check(&t, no_mapi, ARRAY_LEN(no_mapi));
}

static void mailbox_on_15(void **state)
{
	struct exchange_topology t = world();

	for (int p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++) {
		const struct row rows[] = {
			{ { (enum exchange_protocol)p, "EX13A" },
			  PROXY,
			  ALL15 },
			/* a mailbox server without a front end, too */
			{ { (enum exchange_protocol)p, "EX13M" },
			  PROXY,
			  ALL15 },
			{ { (enum exchange_protocol)p, "EX13P" },
			  PROXY,
			  ALL15 },
		};

		check(&t, rows, ARRAY_LEN(rows));
	}
	/* Home site of the mailbox first, then the appliance's, then others. */
	for (uint64_t user = 0; user < 100; user++) {
		const struct ask paris = { EXCHANGE_EWS, "EX13P" },
				 hq = { EXCHANGE_EWS, "EX13A" };
		struct exchange_decision d = decide_for(&t, &paris, user);

		assert_string_equal(servers[d.candidate[0]].name, "EX13P");
		d = decide_for(&t, &hq, user);
		assert_string_equal(servers[d.candidate[2]].name, "EX13P");
	}
}

/* Any 15.x front end serves any 15.x mailbox, up and down. */
static void among_15(void **state)
{
	static const struct spec spec[] = {
		{ "EX16", E2016, HQ, 16439, NULL },
		{ "EX19", E2019, HQ, 16439, NULL },
		{ "EXSE", SE, PARIS, 16439, NULL },
		{ "EX10", E2010, HQ, 54, NULL },
		{ "EDGE", E2019, HQ, 64, NULL },
	};
	static const struct row rows[] = {
		{ { EXCHANGE_MAPI, "EX16" }, PROXY, "EX16 EX19 EXSE" },
		{ { EXCHANGE_OWA, "EX19" }, PROXY, "EX16 EX19 EXSE" },
		{ { EXCHANGE_RPC, "EXSE" }, PROXY, "EX16 EX19 EXSE" },
		{ { EXCHANGE_EWS, "EX10" }, PROXY, "EX10" },
	};
	/* exchange-admin.md 1.12: to the newest version's, never 2010. */
	static const struct ask newest[] = {
		{ EXCHANGE_EWS, "EX10", "POST", "/ews/mrsproxy.svc" },
		{ EXCHANGE_EWS, "EX10", "POST",
		  "/ews/exchange.asmx/wssecurity" },
		{ EXCHANGE_AUTODISCOVER, "EX10", "POST",
		  "/autodiscover/autodiscover.svc" },
		{ EXCHANGE_AUTODISCOVER, "EX10", "POST",
		  "/Autodiscover/Autodiscover.svc/wssecurity" },
		{ EXCHANGE_AUTODISCOVER, NULL, "GET",
		  "/autodiscover/autodiscover.json/v1.0/alice@contoso.com" },
		{ EXCHANGE_AUTODISCOVER, "EX16", "GET",
		  "/autodiscover/metadata/json/1" },
	};
	struct exchange_topology t = build(spec, ARRAY_LEN(spec));

	check(&t, rows, ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(newest); i++) {
		struct exchange_decision d = decide(&t, &newest[i]);

		assert_string_equal(targets(&d), "EX16 EX19 EXSE");
		assert_string_equal(servers[d.candidate[0]].name, "EXSE");
		assert_string_equal(servers[d.candidate[1]].name, "EX19");
		assert_non_null(strstr(d.reason, "Exchange SE front end"));
	}
}

/* A 15.x front end answers for who is not found; without one nobody does. */
static void not_found(void **state)
{
	struct exchange_topology t = world();
	unsigned n = 0;

	for (int p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++) {
		const struct row rows[] = {
			{ { (enum exchange_protocol)p, NULL }, PROXY, ALL15 },
			/* found, but on a server nobody told of */
			{ { (enum exchange_protocol)p, "EX99" }, PROXY, ALL15 },
		};

		check(&t, rows, ARRAY_LEN(rows));
	}
	for (unsigned i = 0; i < t.n_servers; i++)
		if (!exchange_is_modern(servers[i].version))
			servers[n++] = servers[i];
	t.n_servers = n;
	for (int p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++) {
		const struct row rows[] = {
			{ { (enum exchange_protocol)p, NULL },
			  NO,
			  "no mailbox is known as alice@contoso.com, but the "
			  "topology has no Exchange 2013 or later front end" },
			{ { (enum exchange_protocol)p, "EX99" },
			  NO,
			  "mailbox alice@contoso.com is on EX99, which the "
			  "topology does not know" },
		};

		check(&t, rows, ARRAY_LEN(rows));
	}
	/* exchange-admin.md 1.8: 2007's Autodiscover needs a 2013 server. */
	check(&t,
	      &(struct row){ { EXCHANGE_AUTODISCOVER, "EX07" },
			     NO,
			     "no Exchange 2013 or later front end" },
	      1);
}

/* exchange-admin.md 1.1 (ii): version and site of the server that is named. */
static void named_server(void **state)
{
	static const struct {
		const char *name, *targets, *reason;
	} rows[] = {
		{ "EX07BR", "CAS07BR",
		  "the request names EX07BR (2007, site Branch): proxied to a "
		  "2007 Client Access server of site Branch" },
		{ "ex10.contoso.com", "CAS10A CAS10B",
		  "the request names EX10 (2010, site HQ): proxied to a 2010 "
		  "Client Access server of site HQ" },
		{ "outlook.branch.contoso.com", "CAS10BR",
		  "the request names outlook.branch.contoso.com (2010, site "
		  "Branch): proxied to a 2010 Client Access server of site "
		  "Branch" },
		{ "EX13A", ALL15, "the request names EX13A (2013, site HQ): " },
	};
	struct exchange_topology t = world();
	const struct exchange_request r = { .protocol = EXCHANGE_RPC,
					    .method = BYTES_LIT("RPC_IN_DATA"),
					    .path = BYTES_LIT(
						    "/rpc/rpcproxy.dll") };

	t.n_arrays = 1;
	t.array[0] = (struct exchange_array){ "outlook.branch.contoso.com",
					      EXCHANGE_2010, BRANCH };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct exchange_place place = { .by_server = true };
		struct exchange_decision d;

		assert_true(exchange_place_at(&t, BYTES(rows[i].name), &place));
		exchange_decide(&t, &r, &place, &d);
		assert_string_equal(targets(&d), rows[i].targets);
		assert_non_null(strstr(d.reason, rows[i].reason));
	}
}

static void reasons(void **state)
{
	struct exchange_topology t = world();
	const struct ask hq = { EXCHANGE_EWS, "EX10" };
	const struct ask branch = { EXCHANGE_RPC, "EX10BR" };
	struct exchange_decision d = decide(&t, &hq);

	assert_string_equal(d.reason,
			    "mailbox alice@contoso.com is on EX10 (2010, site "
			    "HQ): proxied to a 2010 Client Access server of "
			    "site HQ");
	of("CAS10BR")->vdir[EXCHANGE_RPC].present = false;
	d = decide(&t, &branch);
	assert_int_equal(d.status, 503);
	assert_non_null(strstr(
		d.reason,
		"mailbox alice@contoso.com is on EX10BR (2010, site Branch), "
		"but site Branch has no Exchange 2010 Client Access server "
		"that serves rpc"));
	assert_non_null(strstr(d.reason, "-Server CAS10BR "));
	/* ... which a server without the role would not know. */
	d = decide(&t, &(struct ask){ EXCHANGE_RPC, "EX10D" });
	assert_non_null(strstr(d.reason, "EX10D: it has no Client Access"));
	assert_null(strstr(d.reason, "Enable-OutlookAnywhere"));
}

/* The seed's case: the cmdlet names the server it is for. */
static void the_cmdlet(void **state)
{
	static const struct spec spec[] = {
		{ "CASB", E2010, BRANCH, 54, NULL },
	};
	struct exchange_topology t = build(spec, 1);
	const struct ask rpc = { EXCHANGE_RPC, "CASB" };
	struct exchange_decision d;

	servers[0].vdir[EXCHANGE_RPC].present = false;
	d = decide(&t, &rpc);
	assert_string_equal(
		d.reason,
		"mailbox alice@contoso.com is on CASB (2010, site Branch), but "
		"site Branch has no Exchange 2010 Client Access server that "
		"serves rpc (CASB: Outlook Anywhere is not enabled): "
		"Enable-OutlookAnywhere -Server CASB "
		"-ClientAuthenticationMethod Basic -SSLOffloading $false "
		"-ExternalHostname mail.contoso.com -IISAuthenticationMethods "
		"NTLM,Basic");
	servers[0].vdir[EXCHANGE_RPC].present = true;
	servers[0].drained = true;
	d = decide(&t, &rpc);
	assert_int_equal(d.status, 503);
	assert_non_null(strstr(d.reason, "is drained"));
}

/* A stranger's name cannot break the line it is written into. */
static void reasons_are_clean(void **state)
{
	struct exchange_topology t = world();
	char user[300];
	struct exchange_request r = { .protocol = EXCHANGE_OWA,
				      .method = BYTES_LIT("GET"),
				      .path = BYTES_LIT("/owa/") };
	struct exchange_place place = { .server = -1, .site = -1 };
	struct exchange_decision d;

	for (size_t i = 0; i < sizeof(user); i++)
		user[i] = (char)i;
	r.user = (struct bytes){ (uint8_t *)user, sizeof(user) };
	exchange_decide(&t, &r, &place, &d);
	for (const char *c = d.reason; *c; c++)
		assert_true((uint8_t)*c >= 0x20 && *c != 0x7f);
}

static void printable(void **state)
{
	static const struct {
		const char *text;
		size_t cap;
		const char *shown;
	} rows[] = {
		{ "alice", 6, "alice" },
		{ "alice", 5, "alic" },
		{ "a\r\n\x1b[31mb\x7f", 64, "a???[31mb?" },
		{ "J\xc3\xbcrgen", 64, "J\xc3\xbcrgen" },
		{ "J\xc3\xbcrgen", 3, "J" }, /* never half a character */
		{ "J\xc3\xbcrgen", 4, "J\xc3\xbc" },
		{ "J\xfcrgen", 64, "J?rgen" },
		{ "\xe2\x82\xac\xf0\x9f\x98\x80", 64,
		  "\xe2\x82\xac\xf0\x9f\x98\x80" },
		/* RFC 3629: too long, surrogate, too large, cut off */
		{ "\xc0\xaf\xe0\x80\xaf", 64, "?????" },
		{ "\xed\xa0\x80", 64, "???" },
		{ "\xf4\x90\x80\x80", 64, "????" },
		{ "\xe2\x82", 64, "??" },
	};
	char out[64];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(exchange_printable(BYTES(rows[i].text), out,
						       rows[i].cap),
				    rows[i].shown);
}

/* --- which server
 * ------------------------------------------------------------------ */

static void health(void **state)
{
	const struct ask ews = { EXCHANGE_EWS, "EX10" };
	struct exchange_topology t = world();
	struct exchange_decision d;

	of("CAS10A")->down = true; /* excluded while another is there */
	d = decide(&t, &ews);
	assert_string_equal(targets(&d), "CAS10B");
	of("CAS10B")->drained = true; /* drained: never; down: last resort */
	d = decide(&t, &ews);
	assert_string_equal(targets(&d), "CAS10A");
	of("CAS10A")->drained = true;
	d = decide(&t, &ews);
	assert_int_equal(d.status, 503);
	assert_non_null(strstr(d.reason, "every Exchange 2010 Client Access "
					 "server of site HQ that serves ews is "
					 "drained"));
	/* A 15.x mailbox does not wait for its own site. */
	of("EX13A")->down = of("EX13B")->down = true;
	d = decide(&t, &(struct ask){ EXCHANGE_EWS, "EX13A" });
	assert_string_equal(targets(&d), "EX13P");
}

#define FARM 12
#define USERS 6000

static struct exchange_topology farm(void)
{
	static char names[FARM][8];
	struct spec spec[FARM];

	for (unsigned i = 0; i < FARM; i++) {
		snprintf(names[i], sizeof(names[i]), "CAS%02u", i);
		spec[i] = (struct spec){ names[i], E2010, HQ, 54, NULL };
	}
	return build(spec, FARM);
}

static unsigned first(const struct exchange_topology *t, uint64_t user)
{
	const struct hash_key key = { 1, 2 };
	const struct ask ews = { EXCHANGE_EWS, "CAS00" };
	struct exchange_decision d =
		decide_for(t, &ews, siphash13(&key, &user, sizeof(user)));

	for (unsigned i = 1; i < d.n; i++)
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(d.candidate[i], d.candidate[j]);
	return d.candidate[0];
}

/* The users of a server that leaves go to all the others; nobody else moves. */
static void affinity(void **state)
{
	struct exchange_topology t = farm();
	unsigned *before = calloc(USERS, sizeof(*before)), moved = 0;
	unsigned share[FARM] = { 0 }, heirs[FARM] = { 0 };

	for (unsigned u = 0; u < USERS; u++) {
		before[u] = first(&t, u);
		share[before[u]]++;
		assert_int_equal(first(&t, u), before[u]);
	}
	for (unsigned i = 0; i < FARM; i++)
		assert_in_range(share[i], USERS / FARM * 8 / 10,
				USERS / FARM * 12 / 10);
	servers[5].drained = true;
	for (unsigned u = 0; u < USERS; u++) {
		unsigned now = first(&t, u);

		if (before[u] != 5) {
			assert_int_equal(now, before[u]);
			continue;
		}
		moved++;
		heirs[now]++;
	}
	assert_int_equal(moved, share[5]);
	for (unsigned i = 0; i < FARM; i++)
		assert_int_equal(heirs[i] > 0, i != 5);
	free(before);
}

static void weights(void **state)
{
	struct exchange_topology t = farm();
	unsigned share[FARM] = { 0 };

	servers[0].weight = 300;
	servers[1].weight = 0; /* only when there is nobody else */
	for (unsigned u = 0; u < USERS; u++)
		share[first(&t, u)]++;
	/* 300 of 300 + 10 * 100 */
	assert_in_range(share[0], USERS * 3 / 13 * 9 / 10,
			USERS * 3 / 13 * 11 / 10);
	assert_int_equal(share[1], 0);
	for (unsigned i = 0; i < FARM; i++)
		servers[i].drained = i != 1;
	assert_int_equal(first(&t, 1), 1);
}

/* --- OWA 2007
 * ------------------------------------------------------------------------ */

static void owa_urls(void **state)
{
	static const struct row rows[] = {
		{ { EXCHANGE_OWA, "EX07", .path = "/owa" }, TO, LEGACY },
		{ { EXCHANGE_OWA, "EX07", "HEAD", "/OWA/" }, TO, LEGACY },
		{ { EXCHANGE_OWA, "EX07", .path = "/owa/room1@contoso.com/" },
		  TO,
		  LEGACY "/room1@contoso.com/" },
		{ { EXCHANGE_OWA, "EX07", .query = "ae=Item&id=Rg%2f" },
		  TO,
		  LEGACY "/?ae=Item&id=Rg%2f" },
		{ { EXCHANGE_OWA, "EX07", .path = "/owa/x.aspx",
		    .query = "a=b" },
		  TO,
		  LEGACY "/x.aspx?a=b" },
		/* pages of a logon stay where they are */
		{ { EXCHANGE_OWA, "EX07", .path = "/owa/auth/logon.aspx",
		    .query = "url=https://evil.com" },
		  TO,
		  LEGACY },
		{ { EXCHANGE_OWA, "EX07", .path = "/owa/auth.owa" },
		  TO,
		  LEGACY },
		{ { EXCHANGE_OWA, "EX07", .path = "/owa/author@contoso.com" },
		  TO,
		  LEGACY "/author@contoso.com" },
		/* what would need encoding, or could mean another place */
		{ { EXCHANGE_OWA, "EX07", .path = "/owa/a b" }, TO, LEGACY },
		{ { EXCHANGE_OWA, "EX07", .path = "/owa//evil.com" },
		  TO,
		  LEGACY },
		{ { EXCHANGE_OWA, "EX07", .path = "/owa/../x" }, TO, LEGACY },
		{ { EXCHANGE_OWA, "EX07", .path = "/owa.evil.com/" },
		  TO,
		  LEGACY },
		{ { EXCHANGE_OWA, "EX07", .path = "/owa/\r\nX: y" },
		  TO,
		  LEGACY },
		{ { EXCHANGE_OWA, "EX07", .query = "a=<script>" }, TO, LEGACY },
		{ { EXCHANGE_OWA, "EX07", .path = "/owa/a?b", .query = "c" },
		  TO,
		  LEGACY },
		/* a body cannot be redirected */
		{ { EXCHANGE_OWA, "EX07", "POST", "/owa/auth.owa" },
		  EXCHANGE_ANSWER,
		  403,
		  LEGACY },
		{ { EXCHANGE_OWA, "EX07", "PUT" },
		  EXCHANGE_ANSWER,
		  403,
		  LEGACY },
	};
	struct exchange_topology t = world();
	char query[EXCHANGE_URL + 600];
	struct row lengthy = { { EXCHANGE_OWA, "EX07", .query = query },
			       TO,
			       LEGACY };

	check(&t, rows, ARRAY_LEN(rows));
	memset(query, 'q', sizeof(query));
	query[sizeof(query) - 1] = '\0';
	check(&t, &lengthy, 1);
	/* Only a URL that ends in /owa has a place for what comes behind. */
	strcpy(of("CAS07")->vdir[EXCHANGE_OWA].external_url,
	       "https://legacy.contoso.com/");
	check(&t,
	      &(struct row){ { EXCHANGE_OWA, "EX07", .path = "/owa/x" },
			     TO,
			     "https://legacy.contoso.com/" },
	      1);
	strcpy(of("CAS07")->vdir[EXCHANGE_OWA].external_url, LEGACY "/");
	check(&t,
	      &(struct row){ { EXCHANGE_OWA, "EX07", .path = "/owa/x" },
			     TO,
			     LEGACY "/x" },
	      1);
}

/* exchange-admin.md 1.6, 1.7: never to ourselves, not by way of others. */
static void owa_never_loops(void **state)
{
	static const char *const bad[] = {
		"https://mail.contoso.com/owa",
		"https://MAIL.contoso.com:443/owa",
		"https://autodiscover.contoso.com/owa",
		"https://mail.contoso.com./owa",
		"http://legacy.contoso.com/owa",
		"legacy.contoso.com/owa",
		"https:///owa",
		"https://legacy.contoso.com@evil.com/owa",
		"https://legacy.contoso.com/owa?x",
		"https://legacy.contoso.com/o wa",
		"https://legacy.contoso.com:99999/owa",
	};
	const struct ask owa = { EXCHANGE_OWA, "EX07" };
	struct exchange_topology t = world();
	struct exchange_decision d;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		strcpy(of("CAS07")->vdir[EXCHANGE_OWA].external_url, bad[i]);
		strcpy(of("CAS07P")->vdir[EXCHANGE_OWA].external_url, bad[i]);
		d = decide(&t, &owa);
		assert_int_equal(d.action, EXCHANGE_ANSWER);
		assert_int_equal(d.status, 503);
		assert_non_null(strstr(d.reason, i < 4 ? "would loop"
						       : "not an https URL"));
	}
	/* Its own site says "us": another site's server would send it back. */
	t = world();
	strcpy(of("CAS07")->vdir[EXCHANGE_OWA].external_url, bad[0]);
	d = decide(&t, &owa);
	assert_int_equal(d.status, 503);
	/* Nobody at all. */
	of("CAS07")->vdir[EXCHANGE_OWA].external_url[0] = '\0';
	of("CAS07P")->vdir[EXCHANGE_OWA].external_url[0] = '\0';
	d = decide(&t, &owa);
	assert_int_equal(d.status, 503);
	assert_non_null(strstr(d.reason, "has an ExternalURL"));
	of("CAS07")->drained = of("CAS07P")->drained = true;
	of("CAS07BR")->drained = true;
	d = decide(&t, &owa);
	assert_int_equal(d.status, 503);
	assert_non_null(strstr(d.reason, "in service"));
}

static void owa_health(void **state)
{
	static const struct spec spec[] = {
		{ "A", E2007, HQ, 54, "https://a.contoso.com/owa" },
		{ "B", E2007, HQ, 54, "https://b.contoso.com/owa" },
	};
	struct exchange_topology t = build(spec, 2);
	const struct ask owa = { EXCHANGE_OWA, "A" };

	for (uint64_t user = 0; user < 50; user++) {
		struct exchange_decision d = decide_for(&t, &owa, user);
		bool a = strstr(d.url, "//a.") != NULL;

		assert_int_equal(d.action, EXCHANGE_REDIRECT);
		servers[a ? 0 : 1].down = true;
		d = decide_for(&t, &owa, user);
		assert_non_null(strstr(d.url, a ? "//b." : "//a."));
		servers[0].down = servers[1].down = true; /* last resort */
		d = decide_for(&t, &owa, user);
		assert_non_null(strstr(d.url, a ? "//a." : "//b."));
		servers[0].down = servers[1].down = false;
	}
}

/* exchange-admin.md 1.14 */
static void exch_client_ver(void **state)
{
	static const struct row rows[] = {
		{ { EXCHANGE_ECP, "EX07", .query = "ExchClientVer=15" },
		  PROXY,
		  ALL15 },
		{ { EXCHANGE_ECP, "EX10", .query = "ExchClientVer=15" },
		  PROXY,
		  ALL15 },
		{ { EXCHANGE_ECP, "EX10", .query = "exchclientver=15.2.922.7" },
		  PROXY,
		  ALL15 },
		{ { EXCHANGE_ECP, "EX10", .query = "ExchClientVer=15.2" },
		  PROXY,
		  ALL15 },
		{ { EXCHANGE_ECP, "EX13A", .query = "ExchClientVer=14" },
		  PROXY,
		  "CAS10A CAS10B CAS10BR CAS10P" },
		{ { EXCHANGE_POWERSHELL, "EX10",
		    .query =
			    "serializationLevel=Full;ExchClientVer=15.0.1497.2;"
			    "clientApplication=x" },
		  PROXY,
		  ALL15 },
		/* no such version, no number, not for OWA: the table */
		{ { EXCHANGE_ECP, "EX10", .query = "ExchClientVer=13" },
		  PROXY,
		  "CAS10A CAS10B" },
		{ { EXCHANGE_ECP, "EX10", .query = "ExchClientVer=16" },
		  PROXY,
		  "CAS10A CAS10B" },
		{ { EXCHANGE_ECP, "EX10", .query = "ExchClientVer=x" },
		  PROXY,
		  "CAS10A CAS10B" },
		{ { EXCHANGE_ECP, "EX10",
		    .query = "ExchClientVer=15&ExchClientVer=14" },
		  PROXY,
		  "CAS10A CAS10B" },
		{ { EXCHANGE_OWA, "EX10", .query = "ExchClientVer=15" },
		  PROXY,
		  "CAS10A CAS10B" },
	};
	struct exchange_topology t = world();

	check(&t, rows, ARRAY_LEN(rows));
	/* Home of the mailbox first. */
	assert_string_equal(
		servers[decide(&t, &(struct ask){ EXCHANGE_ECP, "EX13P",
						  .query = "ExchClientVer=14" })
				.candidate[0]]
			.name,
		"CAS10P");
}

/* More servers than candidates, and none at all. */
static void edges(void **state)
{
	struct exchange_topology t = farm();
	const struct ask ews = { EXCHANGE_EWS, "CAS00" };
	struct exchange_decision d = decide(&t, &ews);

	assert_int_equal(d.n, EXCHANGE_CANDIDATES);
	for (unsigned i = 0; i < FARM; i++)
		servers[i].down = i != 7;
	d = decide(&t, &ews);
	assert_string_equal(targets(&d), "CAS07");
	servers[7].down = true;
	d = decide(&t, &ews);
	assert_int_equal(d.n, EXCHANGE_CANDIDATES);
	t.n_servers = 0;
	for (int p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++) {
		d = decide(&t,
			   &(struct ask){ (enum exchange_protocol)p, NULL });
		assert_int_equal(d.status, 503);
	}
	/* A legacy mailbox whose site nobody told. */
	t = farm();
	t.n_arrays = 1;
	t.array[0] = (struct exchange_array){ "array", EXCHANGE_2010, 0 };
	{
		const struct exchange_request r = { .protocol = EXCHANGE_RPC,
						    .path = BYTES_LIT("/rpc") };
		struct exchange_place place = { .by_server = true,
						.server = -1,
						.version = EXCHANGE_2010,
						.site = -1 };

		exchange_decide(&t, &r, &place, &d);
		assert_int_equal(d.status, 503);
		assert_non_null(strstr(d.reason, "is not known"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mailbox_on_2007),
		cmocka_unit_test(mailbox_on_2010),
		cmocka_unit_test(mailbox_on_15),
		cmocka_unit_test(among_15),
		cmocka_unit_test(not_found),
		cmocka_unit_test(named_server),
		cmocka_unit_test(reasons),
		cmocka_unit_test(the_cmdlet),
		cmocka_unit_test(reasons_are_clean),
		cmocka_unit_test(printable),
		cmocka_unit_test(health),
		cmocka_unit_test(affinity),
		cmocka_unit_test(weights),
		cmocka_unit_test(owa_urls),
		cmocka_unit_test(owa_never_loops),
		cmocka_unit_test(owa_health),
		cmocka_unit_test(exch_client_ver),
		cmocka_unit_test(edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
