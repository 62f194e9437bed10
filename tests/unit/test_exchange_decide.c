/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_exchange_decide.c - Microsoft's coexistence table, row
 * by row: a protocol, the mailbox's home server, and what becomes of it.
 */
#include "unit.h"

#include "contoso.h"

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
		{ { EXCHANGE_POP, "EX07" }, PROXY, "CAS07" },
		{ { EXCHANGE_IMAP, "EX07BR" }, PROXY, "CAS07BR" },
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
		EXCHANGE_ECP,	     EXCHANGE_EAS,	    EXCHANGE_RPC,
		EXCHANGE_EWS,	     EXCHANGE_AUTODISCOVER, EXCHANGE_OAB,
		EXCHANGE_POWERSHELL, EXCHANGE_POP,	    EXCHANGE_IMAP
	};
	static const struct row owa[] = {
		{ { EXCHANGE_OWA, "EX10" }, PROXY, "CAS10A CAS10B" },
		{ { EXCHANGE_OWA, "EX10BR" }, PROXY, "CAS10BR" },
		{ { EXCHANGE_OWA, "EX10P" }, TO, PARIS_OWA },
		/* a body cannot be redirected, and need not be */
		{ { EXCHANGE_OWA, "EX10P", "POST" }, PROXY, "CAS10P" },
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
	check(&t, owa, ARRAY_LEN(owa));
	check(&t, no_mapi, ARRAY_LEN(no_mapi));
}

/* The services are off unless somebody starts them. */
static void mail_switched_off(void **state)
{
	static const struct row rows[] = {
		{ { EXCHANGE_POP, "EX10P" },
		  NO,
		  "(CAS10P: its service is switched off): Set-Service "
		  "MSExchangePOP3 -StartupType Automatic" },
		{ { EXCHANGE_IMAP, "EX10P" },
		  NO,
		  "Set-Service MSExchangeIMAP4 -StartupType Automatic" },
		{ { EXCHANGE_EWS, "EX10P" }, PROXY, "CAS10P" },
	};
	struct exchange_topology t = world();

	of("CAS10P")->vdir[EXCHANGE_POP].present = false;
	of("CAS10P")->vdir[EXCHANGE_IMAP].present = false;
	check(&t, rows, ARRAY_LEN(rows));
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
	/* To the newest version's, never 2010. */
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
	/* 2007's Autodiscover needs a 2013 server. */
	check(&t,
	      &(struct row){ { EXCHANGE_AUTODISCOVER, "EX07" },
			     NO,
			     "no Exchange 2013 or later front end" },
	      1);
}

/* Version and site of the server that is named. */
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
		/* C1: some terminals obey it */
		{ "a\xc2\x9b\x33\x31m\xc2\xa0", 64, "a?31m\xc2\xa0" },
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mailbox_on_2007),
		cmocka_unit_test(mailbox_on_2010),
		cmocka_unit_test(mail_switched_off),
		cmocka_unit_test(mailbox_on_15),
		cmocka_unit_test(among_15),
		cmocka_unit_test(not_found),
		cmocka_unit_test(named_server),
		cmocka_unit_test(reasons),
		cmocka_unit_test(the_cmdlet),
		cmocka_unit_test(reasons_are_clean),
		cmocka_unit_test(printable),
		cmocka_unit_test(exch_client_ver),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
