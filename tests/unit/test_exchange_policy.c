/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_exchange_policy.c - what the administrator may choose: redirects between
 * sites, 451, the way by a 15.x front end, remote mailboxes, site links,
 * databases of another site.
 */
#include "unit.h"

#include "contoso.h"

#define ECP_PARIS "https://paris.contoso.com/ecp"
#define EAS_PARIS "https://paris.contoso.com/Microsoft-Server-ActiveSync"
#define CLOUD EXCHANGE_ONLINE_NAME

static struct exchange_topology paris_has_all(void)
{
	struct exchange_topology t = world();

	strcpy(of("CAS10P")->vdir[EXCHANGE_ECP].external_url, ECP_PARIS);
	strcpy(of("CAS10P")->vdir[EXCHANGE_EAS].external_url, EAS_PARIS);
	strcpy(of("CAS07P")->vdir[EXCHANGE_EAS].external_url, EAS_PARIS);
	return t;
}

/* OWA and ECP of 2010 in another site. */
static void cross_site(void **state)
{
	static const struct row silent[] = {
		{ { EXCHANGE_OWA, "EX10P" }, TO, PARIS_OWA },
		{ { EXCHANGE_ECP, "EX10P" }, TO, ECP_PARIS },
		{ { EXCHANGE_OWA, "EX10P", NULL, "/owa/bob@contoso.com/",
		    "ae=Folder" },
		  TO,
		  PARIS_OWA "/bob@contoso.com/?ae=Folder" },
		{ { EXCHANGE_ECP, "EX10P", NULL, "/ecp/x.aspx" },
		  TO,
		  ECP_PARIS "/x.aspx" },
		/* not internet-facing, or the own one */
		{ { EXCHANGE_ECP, "EX10BR" }, PROXY, "CAS10BR" },
		{ { EXCHANGE_ECP, "EX10" }, PROXY, "CAS10A CAS10B" },
	};
	static const struct row manual[] = {
		{ { EXCHANGE_OWA, "EX10P" },
		  EXCHANGE_REDIRECT,
		  200,
		  PARIS_OWA },
	};
	static const struct row proxied[] = {
		{ { EXCHANGE_OWA, "EX10P" }, PROXY, "CAS10P" },
		{ { EXCHANGE_ECP, "EX10P" }, PROXY, "CAS10P" },
	};
	static const char *const no_target[] = {
		"", /* none */
		"http://paris.contoso.com/owa", /* not https */
		"https://mail.contoso.com/owa", /* ours: all sites' entrance */
		"https://MAIL.contoso.com./owa",
		"https://autodiscover.contoso.com:8443/owa",
	};
	struct exchange_topology t = paris_has_all();

	check(&t, silent, ARRAY_LEN(silent));
	t.policy.cross_site = EXCHANGE_CROSS_MANUAL;
	check(&t, manual, ARRAY_LEN(manual));
	t.policy.cross_site = EXCHANGE_CROSS_PROXY;
	check(&t, proxied, ARRAY_LEN(proxied));
	t.policy.cross_site = EXCHANGE_CROSS_SILENT;
	for (size_t i = 0; i < ARRAY_LEN(no_target); i++) {
		strcpy(of("CAS10P")->vdir[EXCHANGE_OWA].external_url,
		       no_target[i]);
		check(&t, proxied, 1);
	}
}

/* MS-ASHTTP 3.1.5.2.2 */
static void eas_redirect(void **state)
{
	static const struct row off[] = {
		{ { EXCHANGE_EAS, "EX10P" }, PROXY, "CAS10P" },
		{ { EXCHANGE_EAS, "EX07P" }, PROXY, "CAS07P" },
	};
	static const struct row on[] = {
		{ { EXCHANGE_EAS, "EX10P", "POST" },
		  EXCHANGE_REDIRECT,
		  451,
		  EAS_PARIS },
		{ { EXCHANGE_EAS, "EX07P", "OPTIONS" },
		  EXCHANGE_REDIRECT,
		  451,
		  EAS_PARIS },
		{ { EXCHANGE_EAS, "EX10" }, PROXY, "CAS10A CAS10B" },
		{ { EXCHANGE_EAS, "EX10BR" }, PROXY, "CAS10BR" },
		{ { EXCHANGE_EAS, "EX13P" }, PROXY, ALL15 },
	};
	struct exchange_topology t = paris_has_all();

	check(&t, off, ARRAY_LEN(off));
	t.policy.eas_redirect = true;
	check(&t, on, ARRAY_LEN(on));
	/* The same entrance: nothing would change for the device. */
	strcpy(of("CAS10P")->vdir[EXCHANGE_EAS].external_url,
	       "https://mail.contoso.com/Microsoft-Server-ActiveSync");
	check(&t, off, 1);
}

static void ews_of_2007(void **state)
{
	static const struct row served[] = {
		{ { EXCHANGE_EWS, "EX07", "POST" }, PROXY, "CAS07" },
	};
	static const struct row refused[] = {
		{ { EXCHANGE_EWS, "EX07", "POST" },
		  EXCHANGE_ANSWER,
		  403,
		  "the URL that Autodiscover tells" },
		{ { EXCHANGE_EWS, "EX10", "POST" }, PROXY, "CAS10A CAS10B" },
	};
	struct exchange_topology t = world();

	check(&t, served, ARRAY_LEN(served));
	t.policy.no_ews_2007 = true;
	check(&t, refused, ARRAY_LEN(refused));
}

/* Day one, and the way back: the newest front end does it all. */
static void via_15(void **state)
{
	static const struct spec spec[] = {
		{ "EX13", E2013, HQ, 16439, NULL },
		{ "EX16", E2016, PARIS, 16439, NULL },
		{ "CAS10", E2010, HQ, CAS, NULL },
		{ "CAS07", E2007, HQ, CAS, LEGACY },
	};
	static const char *const homes[] = { "EX13", "CAS10", "CAS07" };
	struct exchange_topology t = build(spec, ARRAY_LEN(spec));

	for (int p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++) {
		t.policy.via_15[p] = true;
		for (size_t i = 0; i < ARRAY_LEN(homes); i++) {
			const struct ask a = { (enum exchange_protocol)p,
					       homes[i] };
			struct exchange_decision d = decide(&t, &a);

			assert_string_equal(targets(&d), "EX13 EX16");
			assert_string_equal(servers[d.candidate[0]].name,
					    "EX16");
			assert_non_null(strstr(d.reason, "the newest"));
		}
		t.policy.via_15[p] = false;
		/* the others are as they were */
		check(&t,
		      &(struct row){
			      { p == EXCHANGE_RPC ? EXCHANGE_EWS : EXCHANGE_RPC,
				"CAS10" },
			      PROXY,
			      "CAS10" },
		      1);
	}
}

static void remote_mailbox(void **state)
{
	static const char target[] = "https://outlook.com/owa/contoso.com";
	struct exchange_topology t = world();

	for (int p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++)
		check(&t,
		      &(struct row){ { (enum exchange_protocol)p, CLOUD },
				     PROXY,
				     ALL15 },
		      1);
	strcpy(t.policy.target_owa_url, target);
	check(&t, &(struct row){ { EXCHANGE_OWA, CLOUD }, TO, target }, 1);
	check(&t,
	      &(struct row){ { EXCHANGE_OWA, CLOUD, "POST" }, PROXY, ALL15 },
	      1);
	check(&t, &(struct row){ { EXCHANGE_EAS, CLOUD }, PROXY, ALL15 }, 1);
	strcpy(t.policy.target_owa_url, "https://mail.contoso.com/owa");
	check(&t, &(struct row){ { EXCHANGE_OWA, CLOUD }, PROXY, ALL15 }, 1);
	assert_non_null(strstr(
		decide(&t, &(struct ask){ EXCHANGE_EAS, CLOUD }).reason,
		"mailbox alice@contoso.com is remote, in Exchange Online"));
}

/* HQ -10- Branch -10- Depot, HQ -50- Paris; an island. */
static void link_costs(void **state)
{
	static const struct exchange_link links[] = { { HQ, BRANCH, 10 },
						      { BRANCH, DEPOT, 10 },
						      { HQ, PARIS, 50 },
						      { PARIS, HQ, 60 } };
	static const struct spec spec[] = {
		{ "EX13P", E2013, PARIS, 16439, NULL },
		{ "EX13BR", E2013, BRANCH, 16439, NULL },
		{ "EX13HQ", E2013, HQ, 16439, NULL },
		{ "CAS07P", E2007, PARIS, CAS, LEGACY_PARIS },
		{ "CAS07", E2007, BRANCH, CAS, LEGACY },
		{ "EX07D", E2007, DEPOT, MBX, NULL },
		{ "EX13D", E2013, DEPOT, 54, NULL },
	};
	struct exchange_topology t = build(spec, ARRAY_LEN(spec));
	struct exchange_decision d;

	t.n_sites = 5;
	exchange_costs(&t, links, ARRAY_LEN(links));
	assert_int_equal(t.cost[DEPOT][PARIS], 70);
	assert_int_equal(t.cost[PARIS][DEPOT], 70);
	assert_int_equal(t.cost[HQ][HQ], 0);
	assert_int_equal(t.cost[4][HQ], EXCHANGE_FAR);
	for (uint64_t user = 0; user < 50; user++) {
		d = decide_for(&t, &(struct ask){ EXCHANGE_EWS, "EX13D" },
			       user);
		assert_string_equal(servers[d.candidate[0]].name, "EX13BR");
		assert_string_equal(servers[d.candidate[1]].name, "EX13HQ");
		assert_string_equal(servers[d.candidate[2]].name, "EX13P");
		d = decide_for(&t, &(struct ask){ EXCHANGE_EWS, "EX13P" },
			       user);
		assert_string_equal(servers[d.candidate[1]].name, "EX13HQ");
	}
	/* The 2007 site without an ExternalURL: by the nearest that has one. */
	check(&t, &(struct row){ { EXCHANGE_OWA, "EX07D" }, TO, LEGACY }, 1);
}

/* A DAG of two sites: the database's site, not its server's. */
static void database_of_another_site(void **state)
{
	struct exchange_topology t = world();
	struct exchange_place place = { 0 };

	t.n_databases = 2;
	t.database[0] = (struct exchange_database){ "DB1", PARIS };
	t.database[1] = (struct exchange_database){ "DB2", BRANCH };
	assert_true(exchange_place_at(&t, BYTES("EX10"), &place));
	exchange_place_database(&t, BYTES("db2"), &place);
	assert_int_equal(place.site, BRANCH);
	assert_true(exchange_place_at(&t, BYTES("EX10"), &place));
	exchange_place_database(&t, BYTES("DB3"), &place);
	exchange_place_database(&t, BYTES_NONE, &place);
	assert_int_equal(place.site, HQ);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cross_site),
		cmocka_unit_test(eas_redirect),
		cmocka_unit_test(ews_of_2007),
		cmocka_unit_test(via_15),
		cmocka_unit_test(remote_mailbox),
		cmocka_unit_test(link_costs),
		cmocka_unit_test(database_of_another_site),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
