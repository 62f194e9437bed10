/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_exchange.c - versions, virtual directories, what a client must not say,
 * servers and what they can be asked for.
 */
#include "unit.h"

#include "exchange/exchange.h"

#include <errno.h>

static void builds(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		uint16_t major, minor, build, revision;
		enum exchange_version version;
	} rows[] = {
		/* as real servers have them */
		{ "1942063431", true, 15, 1, 2375, 0, EXCHANGE_2016 },
		{ "1941997017", true, 15, 0, 1497, 0, EXCHANGE_2013 },
		{ "1937997947", true, 14, 3, 123, 0, EXCHANGE_2010 },
		{ "Version 15.1 (Build 32375.7)", true, 15, 1, 2375, 7,
		  EXCHANGE_2016 },
		{ "Version 15.1 (Build 2375.7)", true, 15, 1, 2375, 7,
		  EXCHANGE_2016 },
		{ "Version 14.3 (Build 30123.4)", true, 14, 3, 123, 4,
		  EXCHANGE_2010 },
		{ "Version 8.3 (Build 30083.6)", true, 8, 3, 83, 6,
		  EXCHANGE_2007 },
		{ "15.2 (Build 1544.4)", true, 15, 2, 1544, 4, EXCHANGE_2019 },
		/* builds as released */
		{ "8.3.298.3", true, 8, 3, 298, 3, EXCHANGE_2007 },
		{ "14.3.123.4", true, 14, 3, 123, 4, EXCHANGE_2010 },
		{ "15.0.847.32", true, 15, 0, 847, 32, EXCHANGE_2013 },
		{ "15.1.225.42", true, 15, 1, 225, 42, EXCHANGE_2016 },
		{ "15.2.221.12", true, 15, 2, 221, 12, EXCHANGE_2019 },
		{ "15.2.2561.99", true, 15, 2, 2561, 99, EXCHANGE_2019 },
		{ "15.2.2562.17", true, 15, 2, 2562, 17, EXCHANGE_SE },
		/* as the HttpProxy log pads them, and without a revision */
		{ "15.01.2375.000", true, 15, 1, 2375, 0, EXCHANGE_2016 },
		{ " 15.1.2375 ", true, 15, 1, 2375, 0, EXCHANGE_2016 },
		{ "version 15.1 (build 2375.7)", true, 15, 1, 2375, 7,
		  EXCHANGE_2016 },
		/* not ours */
		{ "6.5.7638.1", true, 6, 5, 7638, 1, EXCHANGE_UNKNOWN },
		{ "15.20.7452.1", true, 15, 20, 7452, 1, EXCHANGE_UNKNOWN },
		{ "7638", false, 0, 0, 0, 0, EXCHANGE_UNKNOWN },
		{ "1937768448", false, 0, 0, 0, 0, EXCHANGE_UNKNOWN },
		{ "", false, 0, 0, 0, 0, EXCHANGE_UNKNOWN },
		{ "15", false, 0, 0, 0, 0, EXCHANGE_UNKNOWN },
		{ "15.1", false, 0, 0, 0, 0, EXCHANGE_UNKNOWN },
		{ "15.1.", false, 0, 0, 0, 0, EXCHANGE_UNKNOWN },
		{ "15.1.2375.", false, 0, 0, 0, 0, EXCHANGE_UNKNOWN },
		{ "15.1.2375.7.1", false, 0, 0, 0, 0, EXCHANGE_UNKNOWN },
		{ "15.1.65536.7", false, 0, 0, 0, 0, EXCHANGE_UNKNOWN },
		{ "15.1 (Build 2375.7", false, 0, 0, 0, 0, EXCHANGE_UNKNOWN },
		{ "15.1 (2375.7)", false, 0, 0, 0, 0, EXCHANGE_UNKNOWN },
		{ "15.1 (Build )", false, 0, 0, 0, 0, EXCHANGE_UNKNOWN },
		{ "(", false, 0, 0, 0, 0, EXCHANGE_UNKNOWN },
		{ "Exchange 2016", false, 0, 0, 0, 0, EXCHANGE_UNKNOWN },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct exchange_build b = { 7, 7, 7, 7 };
		int rc = exchange_build_parse(BYTES(rows[i].text), &b);

		assert_int_equal(rc, rows[i].ok ? 0 : -EINVAL);
		if (!rows[i].ok) {
			assert_int_equal(b.major, 7); /* untouched */
			continue;
		}
		assert_int_equal(b.major, rows[i].major);
		assert_int_equal(b.minor, rows[i].minor);
		assert_int_equal(b.build, rows[i].build);
		assert_int_equal(b.revision, rows[i].revision);
		assert_int_equal(exchange_version_of(&b), rows[i].version);
	}
}

static void version_names(void **state)
{
	static const char *const names[] = { "2007", "2010", "2013",
					     "2016", "2019", "SE" };
	enum exchange_version v;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_int_equal(exchange_version_parse(BYTES(names[i]), &v),
				 0);
		assert_string_equal(exchange_version_name(v), names[i]);
		assert_int_equal(exchange_is_modern(v), i >= 2);
	}
	assert_int_equal(exchange_version_parse(BYTES("se"), &v), 0);
	assert_int_equal(exchange_version_parse(BYTES("2003"), &v), -EINVAL);
	assert_int_equal(exchange_version_parse(BYTES("unknown"), &v), -EINVAL);
	assert_string_equal(exchange_version_name(EXCHANGE_UNKNOWN), "unknown");
}

static void protocols(void **state)
{
	for (int p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++) {
		enum exchange_protocol q;
		const char *word =
			exchange_protocol_word((enum exchange_protocol)p);

		assert_int_equal(exchange_protocol_parse(BYTES(word), &q), 0);
		assert_int_equal(q, p);
		assert_true(exchange_timeout(q) >= 60);
		assert_true(exchange_timeout(q) <= 4 * 3600);
	}
	assert_string_equal(exchange_protocol_log(EXCHANGE_RPC), "RpcHttp");
	assert_string_equal(exchange_protocol_vdir(EXCHANGE_EAS),
			    "/Microsoft-Server-ActiveSync");
	/* A Ping may last 3540 s. */
	assert_true(exchange_timeout(EXCHANGE_EAS) > 3540);
}

static void paths(void **state)
{
	static const int none = -1;
	static const struct {
		const char *path;
		int protocol; /* none: refused */
	} rows[] = {
		{ "/owa", EXCHANGE_OWA },
		{ "/owa/", EXCHANGE_OWA },
		{ "/OWA/auth/logon.aspx", EXCHANGE_OWA },
		{ "/owa/alice@contoso.com/", EXCHANGE_OWA },
		{ "/owa/healthcheck.htm", EXCHANGE_OWA },
		{ "/ecp/Default.aspx", EXCHANGE_ECP },
		{ "/Microsoft-Server-ActiveSync", EXCHANGE_EAS },
		{ "/microsoft-server-activesync/default.eas", EXCHANGE_EAS },
		{ "/rpc", EXCHANGE_RPC },
		{ "/rpc/", EXCHANGE_RPC },
		{ "/rpc/rpcproxy.dll", EXCHANGE_RPC },
		{ "/Rpc/RpcProxy.dll", EXCHANGE_RPC },
		{ "/rpc/healthcheck.htm", EXCHANGE_RPC },
		{ "/mapi/emsmdb", EXCHANGE_MAPI },
		{ "/mapi/emsmdb/", EXCHANGE_MAPI },
		{ "/mapi/nspi/", EXCHANGE_MAPI },
		{ "/mapi/healthcheck.htm", EXCHANGE_MAPI },
		{ "/EWS/Exchange.asmx", EXCHANGE_EWS },
		{ "/ews/exchange.asmx/wssecurity", EXCHANGE_EWS },
		{ "/ews/mrsproxy.svc", EXCHANGE_EWS },
		{ "/Autodiscover/Autodiscover.xml", EXCHANGE_AUTODISCOVER },
		{ "/autodiscover/autodiscover.svc", EXCHANGE_AUTODISCOVER },
		{ "/autodiscover/autodiscover.json/v1.0/a@contoso.com",
		  EXCHANGE_AUTODISCOVER },
		{ "/OAB/3f9c/oab.xml", EXCHANGE_OAB },
		{ "/PowerShell", EXCHANGE_POWERSHELL },
		/* whole segments only */
		{ "/owax", none },
		{ "/owa.aspx", none },
		{ "/rpcwithcert/rpcproxy.dll", none },
		{ "/ewsapi", none },
		{ "owa", none },
		{ "//owa", none },
		/* default deny */
		{ "", none },
		{ "/", none },
		{ "/API", none },
		{ "/exchange/alice", none },
		{ "/public", none },
		{ "/PushNotifications", none },
		{ "/mapi", none },
		{ "/mapi/", none },
		{ "/mapi/emsmdbx", none },
		{ "/mapi/healthcheck.htm/x", none },
		{ "/rpc/rpcproxy.dll/x", none },
		{ "/rpc/other.dll", none },
		/* what only a front end may ask for */
		{ "/owa/proxylogon.owa", none },
		{ "/OWA/ProxyLogon.owa", none },
		{ "/owa/alice@contoso.com/proxylogon.owa", none },
		{ "/owa/(S(x))/proxylogon.owa", none },
		{ "/owa/proxylogon.owa/x", none },
		{ "/owa/proxylogon.owa::$DATA", none },
		{ "/ecp/proxylogon.ecp", none },
		{ "/ecp/y.js/proxyLogon.ecp", none },
		{ "/Microsoft-Server-ActiveSync/Proxy", none },
		{ "/Microsoft-Server-ActiveSync/proxy/", none },
		{ "/Microsoft-Server-ActiveSync/Proxy/x", none },
		{ "/Microsoft-Server-ActiveSync/Proxy. .", none },
		{ "/Microsoft-Server-ActiveSync/Proxy::$INDEX", none },
		{ "/Microsoft-Server-ActiveSync//Proxy", none },
		{ "/owa/proxylogonx", EXCHANGE_OWA },
		{ "/owa/proxy", EXCHANGE_OWA },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum exchange_protocol p = EXCHANGE_PROTOCOL_COUNT;
		bool ok = exchange_classify(BYTES(rows[i].path), &p);

		if (ok != (rows[i].protocol != none) ||
		    (ok && (int)p != rows[i].protocol))
			fail_msg("%s: %s", rows[i].path,
				 ok ? exchange_protocol_word(p) : "refused");
	}
}

static void hostile_headers(void **state)
{
	static const struct {
		const char *name, *value;
		bool hostile;
	} rows[] = {
		/* what front ends say to each other */
		{ "X-CommonAccessToken", "Vg==", true },
		{ "x-commonaccesstoken", "Vg==", true },
		{ "X-BEResource", "x]@server:444/path#~1941997017", true },
		{ "X-AnonResource", "true", true },
		{ "X-AnonResource-Backend", "server", true },
		{ "X-BackEndServer", "server", true },
		{ "X-BackEndCookie2", "x", true },
		{ "X-BackEndCookie", "x", false },
		{ "X-BackEndOverrideCookie", "x", false },
		{ "X-IsFromCafe", "1", true },
		{ "X-SourceCafeServer", "x", true },
		{ "X-TargetServer", "x", true },
		{ "X-FEServer", "x", true },
		{ "msExchProxyUri", "x", true },
		{ "Front-End-Https", "on", true },
		/* made again by the proxy */
		{ "X-Forwarded-For", "192.0.2.1", true },
		{ "X-Forwarded-Proto", "https", true },
		{ "x-forwarded-host", "evil", true },
		{ "Forwarded", "for=192.0.2.1", true },
		/* what attacks have used since */
		{ "msExchLogonAccount", "x", true },
		{ "msExchLogonMailbox", "x", true },
		{ "msExchTargetMailbox", "x", true },
		{ "X-Original-URL", "/powershell", true },
		{ "X-Rewrite-URL", "/powershell", true },
		/* the same server variable to IIS */
		{ "X_CommonAccessToken", "x", true },
		{ "X_BackEndCookie", "x", true },
		{ "X-Forwarded_For", "x", true },
		/* CVE-2022-41080: an address, and nothing but one */
		{ "X-OWA-ExplicitLogonUser", "alice@contoso.com", false },
		{ "X-OWA-ExplicitLogonUser", " alice@contoso.com ", false },
		{ "x-owa-explicitlogonuser", "o'neil+x@contoso.com", false },
		{ "X-OWA-ExplicitLogonUser", "owa/mastermailbox@outlook.com",
		  true },
		{ "X-OWA-ExplicitLogonUser", "a@b.c,d@e.f", true },
		{ "X-OWA-ExplicitLogonUser", "a@b@c", true },
		{ "X-OWA-ExplicitLogonUser", "a@b/../powershell", true },
		{ "X-OWA-ExplicitLogonUser", "a@.b", true },
		{ "X-OWA-ExplicitLogonUser", "a@b..c", true },
		{ "X-OWA-ExplicitLogonUser", "alice", true },
		{ "X-OWA-ExplicitLogonUser", "", true },
		{ "X_OWA_ExplicitLogonUser", "alice@contoso.com", true },
		/* what clients really send */
		{ "X-AnchorMailbox", "alice@contoso.com", false },
		{ "X-PublicFolderMailbox", "x", false },
		{ "X-PreferServerAffinity", "true", false },
		{ "X-RequestType", "Connect", false },
		{ "X-MapiHttpCapability", "1", false },
		{ "X-User-Identity", "alice@contoso.com", false },
		{ "Authorization", "Basic x", false },
		{ "X-BE", "x", false },
		{ "", "", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (exchange_hostile_header(BYTES(rows[i].name),
					    BYTES(rows[i].value)) !=
		    rows[i].hostile)
			fail_msg("%s: %s", rows[i].name, rows[i].value);
}

static void hostile_cookies(void **state)
{
	static const struct {
		const char *name;
		bool hostile;
	} rows[] = {
		{ "X-BEResource", true },
		{ "x-beresource", true },
		{ "X-AnonResource", true },
		{ "X-AnonResource-Backend", true },
		{ "X-BackEndOther", true },
		{ "SecurityToken", true },
		{ "X-CasgateOwa", true },
		{ "x_casgateowa", true },
		{ "securitytoken", true },
		{ "X-CommonAccessToken", true },
		{ "email", true },
		{ "EmailAddress", false },
		{ "X-BackEndCookie", false },
		{ "X-BackEndOverrideCookie", false },
		{ "cadata", false },
		{ "cadataTTL", false },
		{ "UserContext", false },
		{ "sessionid", false },
		{ "OutlookSession", false },
		{ "MapiContext", false },
		{ "msExchEcpCanary", false },
		{ "PBack", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (exchange_hostile_cookie(BYTES(rows[i].name)) !=
		    rows[i].hostile)
			fail_msg("%s", rows[i].name);
}

static void hostile_targets(void **state)
{
	static const struct {
		const char *path, *query;
		bool hostile;
	} rows[] = {
		/* Autodiscover V2 */
		{ "/autodiscover/autodiscover.json", "", false },
		{ "/Autodiscover/AutoDiscover.JSON/", "Protocol=EWS", false },
		{ "/autodiscover/autodiscover.json",
		  "Email=alice%40contoso.com&Protocol=ActiveSync"
		  "&RedirectCount=1",
		  false },
		{ "/autodiscover/autodiscover.json",
		  "protocol=ews&email=o'neil+x@contoso.com", false },
		{ "/autodiscover/autodiscover.json/v1.0", "Protocol=EWS",
		  false },
		{ "/autodiscover/autodiscover.json/v1.0/alice@contoso.com",
		  "Protocol=EWS", false },
		{ "/autodiscover/autodiscover.json/v1.0/alice@contoso.com/", "",
		  false },
		/* CVE-2021-34473, as it was published and varied */
		{ "/autodiscover/autodiscover.json",
		  "@evil.com/mapi/nspi/?&Email=autodiscover/"
		  "autodiscover.json%3f@evil.com",
		  true },
		{ "/autodiscover/autodiscover.json", "@evil.com/owa/", true },
		{ "/autodiscover/autodiscover.json", "a=b@c/powershell", true },
		{ "/autodiscover/autodiscover.json", "a=b%40c%2Fpowershell",
		  true },
		{ "/autodiscover/autodiscover.json", "a=b@c%5cpowershell",
		  true },
		{ "/autodiscover/autodiscover.json", "a=b@c%252fpowershell",
		  true },
		{ "/autodiscover/autodiscover.json", "a=b@c%u2215x", true },
		{ "/autodiscover/autodiscover.json", "a=b@c%00", true },
		{ "/autodiscover/autodiscover.json", "@evil/x&Email=a@b.c",
		  true },
		{ "/autodiscover/autodiscover.json", "Email=a@b.c/x", true },
		{ "/autodiscover/autodiscover.json", "%45mail=alice", true },
		{ "/autodiscover/autodiscover.json", "Email=", true },
		{ "/autodiscover/autodiscover.json", "Email=a@b.c&email=d@e.f",
		  true },
		{ "/autodiscover/autodiscover.json", "x;Email=a@b.c@d", true },
		/* CVE-2022-41040 */
		{ "/autodiscover/autodiscover.json@evil.com/powershell", "",
		  true },
		{ "/autodiscover/admin@localhost/powershell/autodiscover.json",
		  "x=a", true },
		{ "/autodiscover/autodiscover.json/powershell", "", true },
		{ "/autodiscover/autodiscover.json/v1.0/a@b.c/powershell", "",
		  true },
		{ "/autodiscover/autodiscover.json/v1.0/powershell", "", true },
		{ "/autodiscover/autodiscover.json/v@evil/a@b.c", "", true },
		{ "/autodiscover/autodiscover.json.", "", true },
		{ "/autodiscover/autodiscover.json::$DATA", "", true },
		{ "/autodiscover/x/autodiscover.json", "", true },
		{ "/EWS/autodiscover.json", "Email=a@b.c", true },
		{ "/owa/autodiscover.json/v1.0/a@b.c", "", true },
		/* other paths may hold addresses, their queries anything */
		{ "/autodiscover/autodiscover.xml", "a=b@c/powershell", false },
		{ "/owa/alice@contoso.com/", "a=/ecp/..", false },
		/* a token of a front end's */
		{ "/PowerShell", "PSVersion=5.1&X-Rps-CAT=VgEA", true },
		{ "/PowerShell", "x-rps-cat", true },
		{ "/PowerShell", "a;X%2dRps_CAT=V", true },
		{ "/PowerShell", "X-Rps-CATx=V", false },
		{ "/owa/", "X-BEResource=a", true },
		{ "/owa/", "X-BackEndServer=a", true },
		{ "/owa/", "a=X-Rps-CAT&&%zz=1&ae=Folder", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (exchange_hostile_target(BYTES(rows[i].path),
					    BYTES(rows[i].query)) !=
		    rows[i].hostile)
			fail_msg("%s?%s", rows[i].path, rows[i].query);
}

static struct exchange_server server(const char *name, const char *fqdn,
				     const char *build, uint32_t roles)
{
	struct exchange_server s = { .roles = roles, .weight = 100 };

	snprintf(s.name, sizeof(s.name), "%s", name);
	snprintf(s.fqdn, sizeof(s.fqdn), "%s", fqdn);
	if (build)
		assert_int_equal(exchange_build_parse(BYTES(build), &s.build),
				 0);
	s.version = exchange_version_of(&s.build);
	for (int p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++)
		s.vdir[p].present = true;
	return s;
}

static void roles(void **state)
{
	static const struct {
		const char *build;
		uint32_t roles;
		enum exchange_protocol protocol;
		const char *why_not; /* NULL: it can */
	} rows[] = {
		/* the sums setup writes */
		{ "15.0.1497.2", 16439, EXCHANGE_OWA, NULL },
		{ "15.0.1497.2", 0x4000, EXCHANGE_OWA, NULL },
		{ "15.0.1497.2", 54, EXCHANGE_OWA, "Mailbox role only" },
		{ "15.0.1497.2", 0, EXCHANGE_OWA, NULL },
		{ "15.1.2375.7", 16439, EXCHANGE_MAPI, NULL },
		{ "15.1.2375.7", 64, EXCHANGE_EWS, "Edge" },
		{ "15.2.2562.17", 54, EXCHANGE_EWS, NULL },
		{ "14.3.123.4", 54, EXCHANGE_EWS, NULL },
		{ "14.3.123.4", 4, EXCHANGE_EWS, NULL },
		{ "14.3.123.4", 2, EXCHANGE_EWS, "no Client Access role" },
		{ "8.3.298.3", 36, EXCHANGE_EWS, NULL },
		{ "8.3.298.3", 34, EXCHANGE_EWS, "no Client Access role" },
		{ "8.3.298.3", 64, EXCHANGE_EWS, "Edge" },
		/* what a version never had */
		{ "8.3.298.3", 0, EXCHANGE_ECP, "Control Panel" },
		{ "8.3.298.3", 0, EXCHANGE_MAPI, "2013 SP1" },
		{ "8.3.298.3", 0, EXCHANGE_POWERSHELL, "PowerShell" },
		{ "8.3.298.3", 0, EXCHANGE_RPC, NULL },
		{ "14.3.123.4", 0, EXCHANGE_MAPI, "2013 SP1" },
		{ "14.3.123.4", 0, EXCHANGE_ECP, NULL },
		{ "14.3.123.4", 0, EXCHANGE_POWERSHELL, NULL },
		{ "15.0.775.38", 0, EXCHANGE_MAPI, "older than" },
		{ "15.0.847.32", 0, EXCHANGE_MAPI, NULL },
		{ NULL, 0, EXCHANGE_OWA, "not known" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct exchange_server s = server("EX", "ex.contoso.com",
						  rows[i].build, rows[i].roles);
		const char *why = "untouched";
		bool can = exchange_can_serve(&s, rows[i].protocol, &why);

		assert_int_equal(can, !rows[i].why_not);
		if (can)
			assert_null(why);
		else
			assert_non_null(strstr(why, rows[i].why_not));
		s.vdir[rows[i].protocol].present = false;
		assert_false(exchange_can_serve(&s, rows[i].protocol, NULL));
	}
}

static void names(void **state)
{
	struct exchange_server servers[] = {
		server("EX10", "ex10.contoso.com", "14.3.123.4", 0),
		server("EX13", "ex13.contoso.com", "15.0.1497.2", 0),
		server("MAIL-A", "node.a.contoso.com", "15.0.1497.2", 0),
		server("MAIL-B", "node.b.contoso.com", "15.0.1497.2", 0),
		server("MAIL-C", "single.b.contoso.com", "15.0.1497.2", 0),
	};
	struct exchange_topology t = {
		.n_sites = 2,
		.site = { "HQ", "Branch" },
		.n_servers = ARRAY_LEN(servers),
		.server = servers,
		.n_own_names = 2,
		.own_name = { "mail.contoso.com", "autodiscover.contoso.com" },
		.n_arrays = 1,
		.array = { { "outlook.contoso.local", EXCHANGE_2010, 1 } },
	};
	static const struct {
		const char *name;
		int server;
	} rows[] = {
		{ "EX10", 0 },
		{ "ex10", 0 },
		{ "EX10.Contoso.com", 0 },
		{ "ex13.contoso.com", 1 },
		{ "mail-b", 3 },
		{ "single", 4 },
		{ "node", -1 }, /* two have it */
		{ "ex10.fabrikam.com", -1 },
		{ "ex1", -1 },
		{ "", -1 },
	};
	struct exchange_place place;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(exchange_find_server(&t, BYTES(rows[i].name)),
				 rows[i].server);
	assert_int_equal(exchange_find_site(&t, BYTES("branch")), 1);
	assert_int_equal(exchange_find_site(&t, BYTES("Paris")), -1);
	assert_true(exchange_is_own_name(&t, BYTES("Mail.Contoso.COM")));
	assert_true(exchange_is_own_name(&t, BYTES("mail.contoso.com.")));
	assert_false(exchange_is_own_name(&t, BYTES("contoso.com")));
	assert_false(exchange_is_own_name(&t, BYTES("")));
	assert_false(exchange_is_own_name(&t, BYTES(".")));

	servers[1].site = 1;
	assert_true(exchange_place_at(&t, BYTES("ex13.contoso.com"), &place));
	assert_int_equal(place.server, 1);
	assert_int_equal(place.version, EXCHANGE_2013);
	assert_int_equal(place.site, 1);
	assert_string_equal(place.home, "EX13");
	assert_true(
		exchange_place_at(&t, BYTES("OUTLOOK.contoso.local"), &place));
	assert_int_equal(place.server, -1);
	assert_int_equal(place.version, EXCHANGE_2010);
	assert_int_equal(place.site, 1);
	assert_false(exchange_place_at(&t, BYTES("EX99"), &place));
	assert_int_equal(place.server, -1);
	assert_int_equal(place.version, EXCHANGE_UNKNOWN);
	assert_int_equal(place.site, -1);
	assert_string_equal(place.home, "EX99");
}

static void guids(void **state)
{
	uint8_t g[16] = { 0 };

	assert_true(exchange_guid_parse(
		BYTES("0123A567-89ab-cDef-0123-456789abcdef"), g));
	assert_int_equal(g[0], 0x01);
	assert_int_equal(g[2], 0xa5);
	assert_int_equal(g[15], 0xef);
	assert_true(exchange_guid_parse(
		BYTES("{0123a567-89ab-cdef-0123-456789abcdef}"), g));
	assert_false(exchange_guid_parse(
		BYTES("0123a567-89ab-cdef-0123-456789abcde"), g));
	assert_false(exchange_guid_parse(
		BYTES("0123a567-89ab-cdef-0123456789abcdef-"), g));
	assert_false(exchange_guid_parse(
		BYTES("0123a567-89ab-cdef-0123-456789abcdeg"), g));
	assert_false(exchange_guid_parse(BYTES_NONE, g));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds),
		cmocka_unit_test(version_names),
		cmocka_unit_test(protocols),
		cmocka_unit_test(paths),
		cmocka_unit_test(hostile_headers),
		cmocka_unit_test(hostile_cookies),
		cmocka_unit_test(hostile_targets),
		cmocka_unit_test(roles),
		cmocka_unit_test(names),
		cmocka_unit_test(guids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
