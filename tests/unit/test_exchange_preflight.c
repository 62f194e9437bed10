/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_exchange_preflight.c - rows of "the server answers that, so the finding
 * is this, and that cmdlet repairs it".
 */
#include "unit.h"

#include "contoso.h"

#define B (1U << EXCHANGE_BASIC)
#define N (1U << EXCHANGE_NTLM)
#define G (1U << EXCHANGE_NEGOTIATE)
#define OA "Set-OutlookAnywhere -Identity \"CAS10A\\Rpc (Default Web Site)\" "
#define OA07 "Set-OutlookAnywhere -Identity \"CAS07\\Rpc (Default Web Site)\" "
#define BASIC_NTLM                                                             \
	"-ClientAuthenticationMethod Basic -IISAuthenticationMethods "         \
	"Basic,NTLM"
#define ENABLE(s)                                                              \
	"Enable-OutlookAnywhere -Server " s " -ClientAuthenticationMethod "    \
	"Basic -SSLOffloading $false -ExternalHostname mail.contoso.com"
#define ON_RPC(s)                                                              \
	{                                                                      \
		.reach = EXCHANGE_ANSWERED, .status = 401, .schemes = s        \
	}
#define SAYS(n, s)                                                             \
	{                                                                      \
		.reach = EXCHANGE_ANSWERED, .status = n, .sub = s              \
	}
#define FAILS(r, w)                                                            \
	{                                                                      \
		.reach = r, .why = w                                           \
	}
#define OK ON_RPC(N | G)

static const struct {
	const char *server;
	enum exchange_protocol protocol;
	struct exchange_facts vdir, health;
	bool was_ready, advised;
	uint8_t iis; /* IISAuthenticationMethods, if known */
	const char *code; /* NULL: ready */
	enum exchange_severity severity;
	const char *cmdlet, *text; /* NULL: not looked at */
} rows[] = {
	/* exchange.md 4.6, step 1 */
	{ "CAS10A", EXCHANGE_RPC, .vdir = ON_RPC(N | G), .code = NULL },
	{ "CAS10A", EXCHANGE_RPC, .vdir = ON_RPC(B | N | G), .code = NULL },
	{ "CAS07", EXCHANGE_RPC, .vdir = ON_RPC(B | N | G), .code = NULL },
	{ "CAS10A", EXCHANGE_RPC, .vdir = ON_RPC(B), .code = "basic-only",
	  .severity = EXCHANGE_ERROR, .cmdlet = OA BASIC_NTLM,
	  .text = "CAS10A offers Basic only on /rpc, so a front end's "
		  "Kerberos is refused" },
	{ "CAS07", EXCHANGE_RPC, .vdir = ON_RPC(B), .code = "basic-only",
	  .severity = EXCHANGE_ERROR,
	  .cmdlet = OA07 "-DefaultAuthenticationMethod NTLM" },
	{ "CAS10A", EXCHANGE_RPC, .vdir = ON_RPC(B), .was_ready = true,
	  .code = "basic-again", .severity = EXCHANGE_ERROR,
	  .cmdlet = OA BASIC_NTLM, .text = "RpcHttpConfigurator" },
	{ "CAS10A", EXCHANGE_RPC, .vdir = ON_RPC(B), .advised = true,
	  .code = "basic-only", .severity = EXCHANGE_PENDING, .cmdlet = "",
	  .text = "may take an hour" },
	{ "CAS10A", EXCHANGE_RPC, .vdir = ON_RPC(N), .code = "ntlm-only",
	  .severity = EXCHANGE_WARNING,
	  .cmdlet = OA "-IISAuthenticationMethods Basic,NTLM,Negotiate" },
	{ "CAS07", EXCHANGE_RPC, .vdir = ON_RPC(N | B), .code = "ntlm-only",
	  .severity = EXCHANGE_WARNING, .cmdlet = "" },
	{ "CAS10A", EXCHANGE_RPC, .vdir = ON_RPC(B | N | G), .iis = B,
	  .code = "edited-by-hand", .severity = EXCHANGE_WARNING,
	  .cmdlet = OA BASIC_NTLM, .text = "re-stamps it" },
	{ "CAS07", EXCHANGE_RPC, .vdir = ON_RPC(N | G), .iis = B,
	  .code = "edited-by-hand", .severity = EXCHANGE_WARNING,
	  .cmdlet = OA07 "-DefaultAuthenticationMethod NTLM" },
	{ "CAS10A", EXCHANGE_RPC, .vdir = ON_RPC(B | N | G), .iis = B | N,
	  .code = NULL },
	{ "CAS10A", EXCHANGE_RPC, .vdir = ON_RPC(B), .iis = B,
	  .code = "basic-only", .severity = EXCHANGE_ERROR,
	  .cmdlet = OA BASIC_NTLM },
	{ "CAS10A", EXCHANGE_RPC, .vdir = SAYS(404, 0), .code = "not-enabled",
	  .severity = EXCHANGE_ERROR,
	  .cmdlet = ENABLE("CAS10A") " -IISAuthenticationMethods NTLM,Basic" },
	{ "CAS07", EXCHANGE_RPC, .vdir = SAYS(404, 0), .code = "not-enabled",
	  .severity = EXCHANGE_ERROR, .cmdlet = ENABLE("CAS07") },
	{ "CAS07", EXCHANGE_RPC, .vdir = SAYS(404, 0), .advised = true,
	  .code = "not-enabled", .severity = EXCHANGE_PENDING, .cmdlet = "" },
	{ "CAS10A", EXCHANGE_RPC, .vdir = SAYS(404, 2), .code = "isapi",
	  .severity = EXCHANGE_ERROR,
	  .cmdlet = "Import-Module ServerManager; Add-WindowsFeature "
		    "RPC-over-HTTP-Proxy",
	  .text = "answers 404.2" },
	{ "CAS10A", EXCHANGE_RPC, .vdir = SAYS(403, 1), .code = "isapi",
	  .severity = EXCHANGE_ERROR },
	{ "CAS10A", EXCHANGE_RPC, .vdir = SAYS(403, 4), .code = "no-ssl",
	  .severity = EXCHANGE_ERROR, .cmdlet = OA "-SSLOffloading $true" },
	{ "CAS10A", EXCHANGE_RPC, .vdir = SAYS(403, 7),
	  .code = "client-certificate", .severity = EXCHANGE_ERROR,
	  .cmdlet = "& \"$env:windir\\system32\\inetsrv\\appcmd.exe\" set "
		    "config \"Default Web Site/rpc\" /section:access "
		    "/sslFlags:Ssl /commit:apphost" },
	{ "CAS10A", EXCHANGE_RPC, .vdir = SAYS(403, 16),
	  .code = "client-certificate", .severity = EXCHANGE_ERROR },
	{ "CAS10A", EXCHANGE_RPC, .vdir = SAYS(403, 0), .code = "forbidden",
	  .severity = EXCHANGE_ERROR },
	{ "CAS10A", EXCHANGE_RPC, .vdir = SAYS(405, 0), .code = "wrong-handler",
	  .severity = EXCHANGE_ERROR, .cmdlet = "" },
	{ "CAS10A", EXCHANGE_RPC, .vdir = SAYS(500, 19), .code = "broken",
	  .severity = EXCHANGE_ERROR, .text = "answers 500.19 to /rpc" },
	{ "CAS10A", EXCHANGE_RPC,
	  .vdir = { .reach = EXCHANGE_ANSWERED,
		    .status = 503,
		    .reason = "Service Unavailable" },
	  .code = "pool-stopped", .severity = EXCHANGE_ERROR,
	  .cmdlet = "Import-Module WebAdministration; Start-WebAppPool -Name "
		    "DefaultAppPool",
	  .text = "answers 503 Service Unavailable" },
	{ "CAS10A", EXCHANGE_RPC,
	  .vdir = { .reach = EXCHANGE_ANSWERED,
		    .status = 503,
		    .reason = "RPC Error: 6ba" },
	  .code = "broken", .severity = EXCHANGE_ERROR },
	{ "CAS10A", EXCHANGE_RPC, .vdir = SAYS(200, 0), .code = "anonymous",
	  .severity = EXCHANGE_ERROR, .cmdlet = OA BASIC_NTLM },
	/* no answer at all */
	{ "CAS10A", EXCHANGE_RPC,
	  .vdir = FAILS(EXCHANGE_NO_TCP, "refused the connection"),
	  .code = "unreachable", .severity = EXCHANGE_ERROR,
	  .cmdlet = "Test-ServiceHealth -Server CAS10A",
	  .text = "CAS10A refused the connection: it is down" },
	{ "CAS10A", EXCHANGE_RPC,
	  .vdir = FAILS(EXCHANGE_NO_TRUST,
			"certificate is for x.contoso.com, not "
			"cas10a.contoso.com"),
	  .code = "certificate", .severity = EXCHANGE_ERROR,
	  .text = "CAS10A is not trusted, its certificate is for x" },
	{ "CAS07", EXCHANGE_OWA,
	  .vdir = FAILS(EXCHANGE_NO_TLS, "speaks TLS 1.0 only: set tls.min"),
	  .code = "tls-floor", .severity = EXCHANGE_ERROR,
	  .text = "Windows before 2008 R2" },
	{ "CAS07", EXCHANGE_OWA,
	  .vdir = FAILS(EXCHANGE_NO_TLS,
			"has no cipher suite in common with us"),
	  .code = "no-cipher", .severity = EXCHANGE_ERROR, .text = "KB948963" },
	{ "CAS07", EXCHANGE_OWA,
	  .vdir = FAILS(EXCHANGE_NO_TLS, "sent alert 40, handshake failure"),
	  .code = "tls", .severity = EXCHANGE_ERROR },
	{ "CAS10A", EXCHANGE_EWS,
	  .vdir = FAILS(EXCHANGE_SILENT, "took the request and did not answer "
					 "in time"),
	  .code = "silent", .severity = EXCHANGE_ERROR,
	  .text = "MSExchangeServicesAppPool hangs" },
	{ "CAS10A", EXCHANGE_EWS,
	  .vdir = FAILS(EXCHANGE_CUT, "closed the connection without an "
				      "answer"),
	  .code = "no-answer", .severity = EXCHANGE_ERROR },
	/* other directories */
	{ "CAS10A", EXCHANGE_EWS, .vdir = ON_RPC(B), .code = NULL },
	{ "CAS10A", EXCHANGE_EAS, .vdir = SAYS(200, 0), .code = NULL },
	{ "CAS10A", EXCHANGE_OAB, .vdir = SAYS(403, 14), .code = NULL },
	{ "CAS10A", EXCHANGE_EWS, .vdir = SAYS(405, 0), .code = NULL },
	{ "CAS10A", EXCHANGE_EWS, .vdir = SAYS(404, 0), .code = "missing",
	  .severity = EXCHANGE_ERROR,
	  .cmdlet = "New-WebServicesVirtualDirectory -WebSiteName \"Default "
		    "Web Site\"" },
	{ "CAS10A", EXCHANGE_OWA,
	  .vdir = { .reach = EXCHANGE_ANSWERED,
		    .status = 302,
		    .location = "/owa/auth/logon.aspx" },
	  .code = NULL },
	{ "CAS10A", EXCHANGE_OWA,
	  .vdir = { .reach = EXCHANGE_ANSWERED,
		    .status = 302,
		    .location = "https://MAIL.contoso.com/owa/" },
	  .code = "loop", .severity = EXCHANGE_ERROR },
	{ "CAS10A", EXCHANGE_OWA,
	  .vdir = { .reach = EXCHANGE_ANSWERED,
		    .status = 302,
		    .location = "/OWA/" },
	  .code = "loop", .severity = EXCHANGE_ERROR },
	{ "CAS10A", EXCHANGE_OWA,
	  .vdir = { .reach = EXCHANGE_ANSWERED,
		    .status = 302,
		    .location = "https://paris.contoso.com/owa/" },
	  .code = NULL },
	/* mail services, which setup leaves off */
	{ "CAS10A", EXCHANGE_POP, .vdir = SAYS(200, 0), .code = NULL },
	{ "CAS10A", EXCHANGE_POP,
	  .vdir = FAILS(EXCHANGE_NO_TCP, "refused the connection"),
	  .code = "mail-service", .severity = EXCHANGE_ERROR,
	  .cmdlet = "Set-Service MSExchangePOP3 -StartupType Automatic; "
		    "Start-Service MSExchangePOP3" },
	{ "EX13A", EXCHANGE_IMAP, .vdir = SAYS(503, 0), .code = "mail-service",
	  .severity = EXCHANGE_ERROR,
	  .text = "MSExchangeIMAP4 and MSExchangeIMAP4BE" },
	{ "EX13A", EXCHANGE_IMAP,
	  .vdir = FAILS(EXCHANGE_NO_TRUST, "certificate is for x, not y"),
	  .code = "certificate", .severity = EXCHANGE_ERROR },
	/* 2013 and later */
	{ "EX13A", EXCHANGE_OWA, .vdir = SAYS(302, 0), .health = SAYS(200, 0),
	  .code = NULL },
	{ "EX13A", EXCHANGE_OWA, .vdir = SAYS(302, 0), .health = SAYS(503, 0),
	  .code = "inactive", .severity = EXCHANGE_ERROR,
	  .cmdlet = "Set-ServerComponentState -Identity EX13A -Component "
		    "OwaProxy -Requester Maintenance -State Active" },
	{ "EX13A", EXCHANGE_RPC, .vdir = OK,
	  .health = FAILS(EXCHANGE_CUT, "closed the connection without an "
					"answer"),
	  .code = "inactive", .severity = EXCHANGE_ERROR,
	  .text = "RpcProxy is Inactive" },
	{ "EX13A", EXCHANGE_RPC, .vdir = ON_RPC(B), .health = SAYS(200, 0),
	  .code = "no-windows", .severity = EXCHANGE_WARNING },
	{ "EX13A", EXCHANGE_RPC, .vdir = ON_RPC(N), .health = SAYS(200, 0),
	  .code = NULL },
	{ "EX13A", EXCHANGE_EWS, .code = NULL }, /* not asked */
};

static void answers(void **state)
{
	struct exchange_topology t = world();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct exchange_preflight in = {
			.topology = &t,
			.server = of(rows[i].server),
			.protocol = rows[i].protocol,
			.vdir = rows[i].vdir,
			.health = rows[i].health,
			.was_ready = rows[i].was_ready,
			.advised = rows[i].advised,
		};
		struct exchange_finding f[EXCHANGE_FINDINGS];
		unsigned n;

		of(rows[i].server)->outlook.iis = rows[i].iis;
		n = exchange_judge(&in, f);
		if (!n != !rows[i].code || n > 1)
			fail_msg("row %zu: %u findings, %s", i, n,
				 n ? f[0].code : "none");
		if (!n)
			continue;
		if (strcmp(f[0].code, rows[i].code) ||
		    f[0].severity != rows[i].severity ||
		    (rows[i].cmdlet && strcmp(f[0].cmdlet, rows[i].cmdlet)) ||
		    (rows[i].text && !strstr(f[0].text, rows[i].text)))
			fail_msg("row %zu: %s %s: %s\n%s", i, f[0].code,
				 exchange_severity_word(f[0].severity),
				 f[0].text, f[0].cmdlet);
		assert_null(strchr(f[0].text, '{'));
	}
}

/* With a user's credentials, /rpc being well without. */
#define TOLD(n, r)                                                             \
	{                                                                      \
		.reach = EXCHANGE_ANSWERED, .status = n, .reason = r           \
	}
#define ECHOES                                                                 \
	{                                                                      \
		.reach = EXCHANGE_ANSWERED, .status = 200, .echo = true        \
	}

static const struct {
	const char *server;
	struct exchange_facts echo, connect;
	const char *code; /* NULL: ready */
} deep[] = {
	{ "CAS10A", { 0 }, { 0 }, NULL },
	{ "CAS10A",
	  ECHOES,
	  { .reach = EXCHANGE_ANSWERED, .status = 200, .a3 = true, .c2 = true },
	  NULL },
	{ "CAS10A", TOLD(401, "Unauthorized"), { 0 }, "credentials" },
	{ "CAS10A", TOLD(200, "OK"), { 0 }, "not-rpcproxy" },
	{ "CAS10A", TOLD(403, "Forbidden"), { 0 }, "echo" },
	{ "CAS10A", FAILS(EXCHANGE_SILENT, "is silent"), { 0 }, "echo" },
	{ "CAS10A", ECHOES, TOLD(503, "RPC Error: 6ba"), "rpc-down" },
	{ "CAS07", ECHOES, TOLD(503, "RPC Error: 6BA, EEInfo: AA=="),
	  "rpc-down" },
	{ "EX13A", ECHOES, TOLD(503, "RPC Error: 6ba"), "rpc-down" },
	{ "CAS10A", ECHOES, TOLD(503, "RPC Error: 6bab"), "connect" },
	{ "CAS10A", ECHOES, TOLD(503, "RPC Error: 5"), "valid-ports" },
	{ "CAS10A", ECHOES, TOLD(503, "RPC Error: 57"), "connect" },
	{ "CAS10A", ECHOES, TOLD(401, "Unauthorized"), "valid-ports" },
	{ "CAS10A", ECHOES, TOLD(404, "Not Found"), "connect" },
	{ "CAS10A", ECHOES, FAILS(EXCHANGE_CUT, "hung up"), "connect" },
	{ "CAS10A", ECHOES, TOLD(200, "Success"), "connect" },
	{ "CAS10A",
	  ECHOES,
	  { .reach = EXCHANGE_ANSWERED, .status = 200, .a3 = true },
	  "half-open" },
};

static void with_credentials(void **state)
{
	struct exchange_topology t = world();

	for (size_t i = 0; i < ARRAY_LEN(deep); i++) {
		struct exchange_preflight in = {
			.topology = &t,
			.server = of(deep[i].server),
			.protocol = EXCHANGE_RPC,
			.vdir = OK,
			.echo = deep[i].echo,
			.connect = deep[i].connect,
		};
		struct exchange_finding f[EXCHANGE_FINDINGS];
		unsigned n = exchange_judge(&in, f);

		if (n != (deep[i].code != NULL) ||
		    (n && strcmp(f[0].code, deep[i].code)))
			fail_msg("row %zu: %s", i, n ? f[0].code : "none");
		assert_true(!n || (f[0].severity == EXCHANGE_ERROR &&
				   !strchr(f[0].text, '{') &&
				   !strstr(f[0].cmdlet, "{F}")));
		/* Beside what the first look has found. */
		in.vdir.schemes = B | N;
		if (!exchange_is_modern(in.server->version))
			assert_int_equal(exchange_judge(&in, f), n + 1);
	}
}

/* Of which servers an organisation is made, the build of the first as the
 * network says it, and what is found about the first. */
static const struct {
	const char *builds[3], *seen;
	const char *code, *text;
} versions[] = {
	{ { "8.3.298.3", E2013 }, "", NULL },
	{ { "8.3.83.6", E2013 }, "", "version-unknown", "Update Rollup 10" },
	{ { "8.3.83.6", E2013 }, "8.3.298.3", NULL },
	{ { "8.3.83.6", E2013 }, "8.3.264.0", "version", "CAS is 8.3.264.0" },
	{ { "8.2.176.2", E2013 }, "", "version", "CAS is 8.2.176.2" },
	{ { "8.1.240.6", E2013 }, "", "version", "Service Pack 3" },
	{ { "14.3.123.4", E2013 }, "", NULL },
	{ { "14.2.247.5", E2013 }, "", "version", "Service Pack 3 (14.3" },
	{ { "14.3.123.4", E2016 }, "", "version-unknown", "Update Rollup 11" },
	{ { "14.3.123.4", E2016 }, "14.3.266.2", NULL },
	{ { "14.3.123.4", E2016 },
	  "14.3.248.2",
	  "version",
	  "CAS is 14.3.248.2" },
	{ { "15.0.847.32" }, "", NULL },
	{ { "15.0.775.38" }, "", "version", "MAPI over HTTP" },
	{ { "15.0.620.29", E2010 }, "", "version", "Cumulative Update 2" },
	{ { "15.0.847.32", E2016 }, "", "version", "Cumulative Update 10" },
	{ { "15.0.1130.7", E2016 }, "", NULL },
	{ { "15.0.1130.7", E2019 }, "", "version", "Cumulative Update 21" },
	{ { E2016, E2019 }, "", NULL },
	{ { "14.3.123.4", E2013 },
	  "15.1.2507.6",
	  "other-version",
	  "2010 by the configuration, and 15.1.2507.6" },
	{ { "14.3.123.4", E2013 }, "14.3", NULL }, /* ActiveSync's alone */
};

static void gates(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		struct exchange_finding f[EXCHANGE_FINDINGS];
		struct exchange_topology t;
		struct exchange_facts seen = { 0 };
		unsigned n;

		t = of_builds(versions[i].builds, 3, CAS);
		exchange_note_header(&seen, BYTES("X-OWA-Version"),
				     BYTES(versions[i].seen));
		n = exchange_judge_version(&t, &servers[0], &seen.owa, f);
		if (!n != !versions[i].code ||
		    (n && (strcmp(f[0].code, versions[i].code) ||
			   !strstr(f[0].text, versions[i].text))))
			fail_msg("row %zu: %s: %s", i, n ? f[0].code : "none",
				 n ? f[0].text : "");
	}
}

/* A gate closes only for a build that is too old for certain. */
static const struct {
	const char *builds[3], *seen;
	const char *what; /* NULL: it may serve */
} closed[] = {
	{ { "8.2.176.2", E2013 }, "", "Service Pack 3 with Update Rollup 10" },
	{ { "8.3.83.6", E2013 }, "", NULL }, /* cannot tell */
	{ { "8.3.83.6", E2013 }, "8.3.264.0", "Update Rollup 10" },
	{ { "8.3.83.6", E2013 }, "8.3.298.3", NULL },
	{ { "8.2.176.2" }, "", "Service Pack 3" },
	{ { "14.2.247.5", E2013 }, "", "Service Pack 3 (14.3.123.4)" },
	{ { "14.2.247.5", E2016 }, "", "Update Rollup 11" },
	{ { "14.3.123.4", E2016 }, "", NULL },
	{ { "14.3.123.4", E2016 }, "14.3.248.2", "Update Rollup 11" },
	{ { "14.2.247.5", E2013 }, "15.0.1497.2", "Service Pack 3" },
	{ { "15.0.620.29", E2010 }, "", "Cumulative Update 2" },
	{ { "15.0.775.38" }, "", NULL }, /* it lacks MAPI, no more */
	{ { E2019, E2016 }, "", NULL },
};

static void version_gate(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(closed); i++) {
		struct exchange_topology t;
		const char *why = NULL;

		t = of_builds(closed[i].builds, 3, 0);
		if (closed[i].seen[0])
			assert_int_equal(
				exchange_build_parse(BYTES(closed[i].seen),
						     &servers[0].seen),
				0);
		exchange_gate(&t);
		if (!servers[0].gate != !closed[i].what ||
		    (servers[0].gate &&
		     !strstr(servers[0].gate, closed[i].what)))
			fail_msg("row %zu: %s", i, servers[0].gate);
		/* By default it is only told. */
		assert_true(
			exchange_can_serve(&servers[0], EXCHANGE_RPC, &why));
		t.policy.version_gate = true;
		exchange_gate(&t);
		assert_int_equal(
			exchange_can_serve(&servers[0], EXCHANGE_RPC, &why),
			!closed[i].what);
		assert_true(!why || strstr(why, closed[i].what));
		assert_true(exchange_should_serve(&servers[0], EXCHANGE_EWS));
	}
}

static const struct {
	const char *builds[3], *codes;
} organisations[] = {
	{ { E2007, E2010, E2013 }, "" },
	{ { E2010, E2013, E2016 }, "" },
	{ { E2013, E2016, E2019 }, "" },
	{ { E2016, E2019, SE }, "" },
	{ { E2007, E2013, E2016 }, "impossible " },
	{ { E2010, E2016, E2019 }, "impossible " },
	{ { E2013, E2019, SE }, "impossible " },
	{ { E2007, E2010 }, "no-15 " },
	{ { E2007, E2010, SE }, "impossible impossible " },
};

static void impossible(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(organisations); i++) {
		struct exchange_finding f[EXCHANGE_FINDINGS];
		struct exchange_topology t;
		char codes[64] = "";
		unsigned n;

		t = of_builds(organisations[i].builds, 3, CAS);
		n = exchange_judge_organisation(&t, f);
		for (unsigned k = 0; k < n; k++) {
			strcat(codes, f[k].code);
			strcat(codes, " ");
		}
		assert_string_equal(codes, organisations[i].codes);
	}
}

/* Outlook Anywhere is looked for where it may not be enabled yet. */
static void should_serve(void **state)
{
	world();
	of("CAS10A")->vdir[EXCHANGE_RPC].present = false;
	assert_true(exchange_should_serve(of("CAS10A"), EXCHANGE_RPC));
	assert_true(exchange_should_serve(of("CAS10A"), EXCHANGE_EWS));
	assert_false(exchange_should_serve(of("CAS10A"), EXCHANGE_MAPI));
	assert_false(exchange_should_serve(of("EX10"), EXCHANGE_RPC));
	assert_false(exchange_should_serve(of("EX13M"), EXCHANGE_RPC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(gates),
		cmocka_unit_test(with_credentials),
		cmocka_unit_test(version_gate),
		cmocka_unit_test(impossible),
		cmocka_unit_test(should_serve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
