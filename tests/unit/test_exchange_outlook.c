/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_exchange_outlook.c - Outlook Anywhere's settings as an administrator
 * types them, the traps between them, and the cmdlet that says the same.
 */
#include "unit.h"

#include "contoso.h"

#define B (1U << EXCHANGE_BASIC)
#define N (1U << EXCHANGE_NTLM)
#define G (1U << EXCHANGE_NEGOTIATE)

/* --- words -----------------------------------------------------------------
 */

static int index_of(const char *name)
{
	for (unsigned i = 0; i < EXCHANGE_OUTLOOK_SETTINGS; i++)
		if (!strcmp(exchange_outlook_name(i), name))
			return (int)i;
	fail_msg("no setting %s", name);
	return -1;
}

static const struct {
	const char *name, *text, *back; /* NULL: refused */
} words[] = {
	{ "ClientAuthenticationMethod", "Basic", "Basic" },
	{ "ClientAuthenticationMethod", "NTLM", "Ntlm" },
	{ "ClientAuthenticationMethod", " negotiate ", "Negotiate" },
	{ "ClientAuthenticationMethod", "Basic,Ntlm", NULL },
	{ "ClientAuthenticationMethod", "", NULL },
	{ "ClientAuthenticationMethod", "Kerberos", NULL },
	{ "IISAuthenticationMethods", "Basic", "Basic" },
	{ "IISAuthenticationMethods", "NTLM, Basic", "Basic,Ntlm" },
	{ "IISAuthenticationMethods", "Negotiate,Ntlm,Basic",
	  "Basic,Ntlm,Negotiate" },
	{ "IISAuthenticationMethods", "Basic,Basic", "Basic" },
	{ "IISAuthenticationMethods", "Basic,,Ntlm", NULL },
	{ "IISAuthenticationMethods", ",", NULL },
	{ "IISAuthenticationMethods", "Digest", NULL },
	{ "SSLOffloading", "$true", "True" },
	{ "SSLOffloading", "False", "False" },
	{ "SSLOffloading", "0", NULL },
	{ "SSLOffloading", "$", NULL },
	{ "InternalClientsRequireSsl", "TRUE", "True" },
	{ "ExternalClientsRequireSsl", "$False", "False" },
	{ "ExtendedProtectionTokenChecking", "require", "Require" },
	{ "ExtendedProtectionTokenChecking", "None", "None" },
	{ "ExtendedProtectionTokenChecking", "Always", NULL },
	{ "ExternalHostname", "mail.contoso.com", "mail.contoso.com" },
	{ "ExternalHostname", "https://mail.contoso.com", NULL },
	{ "ExternalHostname", "mail", NULL },
	{ "ExternalHostname", "mail.contoso.com; Remove-Mailbox", NULL },
	{ "InternalHostname", "mail.contoso.com\"", NULL },
	{ "InternalHostname", "outlook-1.contoso.com",
	  "outlook-1.contoso.com" },
};

static void typed(void **state)
{
	for (size_t k = 0; k < ARRAY_LEN(words); k++) {
		struct exchange_outlook o = { 0 }, none = { 0 };
		unsigned i = (unsigned)index_of(words[k].name);
		char text[EXCHANGE_HOST], why[160] = "";
		bool ok = exchange_outlook_parse(i, BYTES(words[k].text), &o,
						 why, sizeof(why));

		if (ok != (words[k].back != NULL))
			fail_msg("row %zu: %s", k, why);
		if (!ok) {
			assert_memory_equal(&o, &none, sizeof(o));
			assert_non_null(strstr(why, words[k].name));
			continue;
		}
		assert_string_equal(
			exchange_outlook_text(i, &o, text, sizeof(text)),
			words[k].back);
	}
}

static void longest_host(void **state)
{
	struct exchange_outlook o = { 0 };
	unsigned i = (unsigned)index_of("ExternalHostname");
	char host[EXCHANGE_HOST + 1], why[160];

	memset(host, 'a', sizeof(host));
	host[1] = '.';
	assert_true(exchange_outlook_parse(
		i, (struct bytes){ (uint8_t *)host, EXCHANGE_HOST - 1 }, &o,
		why, sizeof(why)));
	assert_false(exchange_outlook_parse(
		i, (struct bytes){ (uint8_t *)host, EXCHANGE_HOST }, &o, why,
		sizeof(why)));
}

/* --- traps -----------------------------------------------------------------
 */

#define MAIL "mail.contoso.com"

static const struct {
	const char *builds[4]; /* the first is judged */
	struct exchange_outlook set;
	uint8_t offers; /* of the appliance */
	const char *codes;
} traps[] = {
	{ { E2010, E2013 }, { 0 }, 0, "" },
	/* The founding article: before, and after. */
	{ { E2010, E2013 },
	  { .client = B, .iis = B },
	  0,
	  "kerberos-locked-out " },
	{ { E2010, E2013 }, { .client = B, .iis = B | N }, 0, "" },
	{ { E2010, E2013 }, { .client = B, .iis = B | G }, 0, "" },
	{ { E2007, E2013 },
	  { .client = B, .iis = B },
	  0,
	  "kerberos-locked-out " },
	{ { E2007, E2013 }, { .client = N, .iis = N }, 0, "" },
	{ { E2007, E2013 }, { .client = B, .iis = B | N }, 0, "one-method " },
	{ { E2007, E2013 }, { .iis = N }, 0, "one-method " },
	/* What one version has, the other has not. */
	{ { E2010, E2013 }, { .external = B }, 0, "wrong-version " },
	{ { E2010, E2013 },
	  { .internal_hostname = MAIL },
	  0,
	  "wrong-version " },
	{ { E2013, E2010 }, { .client = B }, 0, "wrong-version " },
	{ { SE }, { .client = B }, 0, "wrong-version " },
	/* What Outlook is told, and IIS takes. */
	{ { E2010, E2013 },
	  { .client = B, .iis = N },
	  0,
	  "client-locked-out " },
	{ { E2010, E2013 }, { .client = N, .iis = N }, 0, "" },
	{ { E2013 },
	  { .external = B, .internal = N, .iis = N },
	  0,
	  "client-locked-out " },
	{ { E2013 }, { .external = B, .internal = N, .iis = B | N }, 0, "" },
	{ { E2013 }, { .iis = B }, 0, "" }, /* no front end before it */
	{ { E2013, E2010 }, { .external = G }, 0, "negotiate-too-early " },
	{ { E2013, E2016 }, { .external = G }, 0, "" },
	{ { E2013, E2010 }, { .external = N }, 0, "" },
	/* TLS. */
	{ { E2010 },
	  { .ssl_offloading = EXCHANGE_TRUE,
	    .binding = EXCHANGE_BINDING_ALLOW },
	  0,
	  "offloaded-binding " },
	{ { E2010 },
	  { .ssl_offloading = EXCHANGE_FALSE,
	    .binding = EXCHANGE_BINDING_REQUIRE },
	  0,
	  "" },
	{ { E2010 },
	  { .ssl_offloading = EXCHANGE_TRUE, .binding = EXCHANGE_BINDING_NONE },
	  0,
	  "" },
	{ { E2013 },
	  { .internal = B, .internal_ssl = EXCHANGE_FALSE },
	  0,
	  "basic-in-clear " },
	{ { E2013 }, { .internal = N, .internal_ssl = EXCHANGE_FALSE }, 0, "" },
	{ { E2013 }, { .external = B, .external_ssl = EXCHANGE_TRUE }, 0, "" },
	/* Names. */
	{ { E2010 }, { .external_hostname = MAIL }, 0, "" },
	{ { E2010 }, { .external_hostname = "MAIL.contoso.com" }, 0, "" },
	{ { E2010 },
	  { .external_hostname = "legacy.contoso.com" },
	  0,
	  "foreign-host " },
	/* The appliance before them. */
	{ { E2010 }, { .client = B, .iis = B | N }, B, "" },
	{ { E2010 }, { .client = B, .iis = B | N }, N, "not-offered " },
	{ { E2010 }, { .iis = N }, B, "nothing-in-common " },
	{ { SE }, { .external = G }, B | N, "not-offered " },
	/* Several at once. */
	{ { E2010 },
	  { .client = N, .iis = B, .external_hostname = "a.b" },
	  0,
	  "client-locked-out kerberos-locked-out foreign-host " },
};

static void traps_are_seen(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(traps); i++) {
		struct exchange_finding f[EXCHANGE_FINDINGS];
		struct exchange_topology t;
		char codes[256] = "";
		unsigned n;

		t = of_builds(traps[i].builds, 4, CAS);
		t.policy.offers[EXCHANGE_RPC] = traps[i].offers;
		servers[0].outlook = traps[i].set;
		n = exchange_judge_outlook(&t, &servers[0], f);
		for (unsigned j = 0; j < n; j++) {
			snprintf(codes + strlen(codes),
				 sizeof(codes) - strlen(codes), "%s ",
				 f[j].code);
			assert_null(strchr(f[j].text, '{'));
			assert_null(strchr(f[j].cmdlet, '{'));
			assert_int_not_equal(f[j].severity, EXCHANGE_PENDING);
		}
		if (strcmp(codes, traps[i].codes))
			fail_msg("row %zu: %s", i, codes);
	}
}

/* --- default, merge, cmdlet --------------------------------------------------
 */

static void one_for_both(void **state)
{
	struct exchange_outlook o = { 0 };

	exchange_outlook_default(EXCHANGE_2007, N, &o);
	assert_true(o.client == N && o.iis == N && !o.external);
	o = (struct exchange_outlook){ 0 };
	exchange_outlook_default(EXCHANGE_2016, B, &o);
	assert_true(o.external == B && o.internal == B && o.iis == B &&
		    !o.client);
}

static void merged(void **state)
{
	struct exchange_outlook o = { .client = B,
				      .iis = B,
				      .external_hostname = MAIL },
				over = { .iis = B | N,
					 .ssl_offloading = EXCHANGE_FALSE };

	exchange_outlook_merge(&o, &over);
	assert_true(o.client == B && o.iis == (B | N) &&
		    o.ssl_offloading == EXCHANGE_FALSE);
	assert_string_equal(o.external_hostname, MAIL);
	over.external_hostname[0] = 'x';
	exchange_outlook_merge(&o, &over);
	assert_string_equal(o.external_hostname, "x");
}

static const struct {
	const char *build;
	struct exchange_outlook set;
	bool enable;
	const char *cmdlet;
} cmdlets[] = {
	{ E2010,
	  { .client = B, .iis = B | N },
	  false,
	  "Set-OutlookAnywhere -Identity \"EX10\\Rpc (Default Web Site)\" "
	  "-ClientAuthenticationMethod Basic -IISAuthenticationMethods "
	  "Basic,Ntlm" },
	{ E2007,
	  { .client = N, .iis = N },
	  false,
	  "Set-OutlookAnywhere -Identity \"EX10\\Rpc (Default Web Site)\" "
	  "-DefaultAuthenticationMethod Ntlm" },
	{ E2010,
	  { .client = B,
	    .iis = B | N,
	    .ssl_offloading = EXCHANGE_FALSE,
	    .external_hostname = MAIL },
	  true,
	  "Enable-OutlookAnywhere -Server EX10 -ExternalHostname "
	  "mail.contoso.com -ClientAuthenticationMethod Basic "
	  "-IISAuthenticationMethods Basic,Ntlm -SSLOffloading $False" },
	{ SE,
	  { .external_hostname = MAIL,
	    .external = N,
	    .external_ssl = EXCHANGE_TRUE },
	  false,
	  "Set-OutlookAnywhere -Identity \"EX10\\Rpc (Default Web Site)\" "
	  "-ExternalHostname mail.contoso.com "
	  "-ExternalClientAuthenticationMethod Ntlm "
	  "-ExternalClientsRequireSsl $True" },
};

static void says_the_same(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cmdlets); i++) {
		const struct spec spec = { "EX10", cmdlets[i].build, HQ, CAS,
					   NULL };
		char text[1024], cut[40];

		build(&spec, 1);
		assert_string_equal(exchange_outlook_cmdlet(&servers[0],
							    &cmdlets[i].set,
							    cmdlets[i].enable,
							    text, sizeof(text)),
				    cmdlets[i].cmdlet);
		exchange_outlook_cmdlet(&servers[0], &cmdlets[i].set,
					cmdlets[i].enable, cut, sizeof(cut));
		assert_int_equal(strlen(cut), sizeof(cut) - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(typed),
		cmocka_unit_test(longest_host),
		cmocka_unit_test(traps_are_seen),
		cmocka_unit_test(one_for_both),
		cmocka_unit_test(merged),
		cmocka_unit_test(says_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
