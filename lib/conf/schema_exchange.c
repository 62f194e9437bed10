/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * schema_exchange.c - the part of the table about Exchange's servers, and what
 * its rules need to know and leave open.
 */
#include "conf/schema.h"

/* --- servers ------------------------------------------------------------- */

static const struct word server_tls_words[] = {
	{ "1.0", 10 },
	{ "1.2", 12 },
	{ "1.3", 13 },
	{ 0 },
};

#define S struct conf_server_tls
static const struct setting server_tls_rows[] = {
	TEXT("ca", KIND_FILE, ca, 0, NULL,
	     "PEM file of the authorities to trust; left out, the system's"),
	{ .key = "pin",
	  .kind = KIND_PIN,
	  AT(pin),
	  COUNT(pinned),
	  .flags = PRESENCE,
	  .help = "SHA-256 of its certificate, which then alone decides" },
	WORDS("min", min, server_tls_words, 0, "1.2",
	      "oldest TLS version; 1.0 needs a pin"),
	TEXT("name", KIND_HOST, name, 0, NULL,
	     "name to ask for and to verify; left out, the FQDN"),
};
SCHEMA(server_tls, server_tls_rows, NULL);
#undef S

#define S struct conf_vdir
static const struct setting vdir_rows[] = {
	TEXT("internal-url", KIND_URL, internal_url, 0, NULL,
	     "its InternalURL"),
	TEXT("external-url", KIND_URL, external_url, 0, NULL,
	     "its ExternalURL"),
};
SCHEMA(vdir, vdir_rows, NULL);
#undef S

/* The mapping lies in struct conf_server itself. */
#define S struct conf_server
static const struct setting vdirs_rows[] = {
#define X(id, word)                                                            \
	{ .key = #word,                                                        \
	  .kind = KIND_MAP,                                                    \
	  .sub = &vdir,                                                        \
	  .flags = PRESENCE,                                                   \
	  AT(vdir[CONF_VDIR_##id]),                                            \
	  COUNT(vdir[CONF_VDIR_##id].present),                                 \
	  .help = "its " #word " directory; {} when it has no URL" },
	CONF_VDIRS(X)
#undef X
};
SCHEMA(vdirs, vdirs_rows, NULL);

#undef S

static const struct word method_words[] = {
	{ "Basic", CONF_BASIC },
	{ "Ntlm", CONF_NTLM },
	{ "Negotiate", CONF_NEGOTIATE },
	{ 0 },
};

static const struct word told_words[] = {
	{ "True", CONF_TRUE },
	{ "False", CONF_FALSE },
	{ 0 },
};

static const struct word log_on_words[] = {
	{ "service", CONF_LOG_ON_SERVICE },
	{ "passthrough", CONF_LOG_ON_PASSTHROUGH },
	{ 0 },
};

static const struct word binding_words[] = {
	{ "None", CONF_BINDING_NONE },
	{ "Allow", CONF_BINDING_ALLOW },
	{ "Require", CONF_BINDING_REQUIRE },
	{ 0 },
};

#define METHODS(k, f, n, help_)                                                \
	{                                                                      \
		.key = k, .kind = KIND_VALUES, .of = KIND_WORD,                \
		.words = method_words, AT(f), COUNT(n), .most = 3,             \
		.flags = ONE, .help = help_                                    \
	}

/* Spelt as Get-OutlookAnywhere spells them, to be copied from there. */
#define S struct conf_outlook
static const struct setting outlook_rows[] = {
	TEXT("ExternalHostname", KIND_HOST, external_hostname, 0, NULL,
	     "the name that Autodiscover tells Outlook outside"),
	TEXT("InternalHostname", KIND_HOST, internal_hostname, 0, NULL,
	     "... and inside, from 2013 on"),
	WORDS("DefaultAuthenticationMethod", default_method, method_words, 0,
	      NULL, "one method for IIS and Outlook together; all 2007 knows"),
	WORDS("ClientAuthenticationMethod", client, method_words, 0, NULL,
	      "what Autodiscover tells Outlook, before 2013"),
	WORDS("ExternalClientAuthenticationMethod", external, method_words, 0,
	      NULL, "what Autodiscover tells Outlook outside, from 2013 on"),
	WORDS("InternalClientAuthenticationMethod", internal, method_words, 0,
	      NULL, "... and inside"),
	METHODS("IISAuthenticationMethods", iis, n_iis,
		"what its /rpc accepts"),
	WORDS("ExternalClientsRequireSsl", external_ssl, told_words, 0, NULL,
	      "does Outlook outside use TLS? from 2013 on"),
	WORDS("InternalClientsRequireSsl", internal_ssl, told_words, 0, NULL,
	      "... and inside?"),
	WORDS("SSLOffloading", ssl_offloading, told_words, 0, NULL,
	      "does its /rpc accept requests without TLS?"),
	WORDS("ExtendedProtectionTokenChecking", binding, binding_words, 0,
	      NULL, "does its IIS bind authentication to the TLS channel?"),
};
SCHEMA(outlook, outlook_rows, NULL);
#undef S

#define S struct conf_server
static const struct setting server_rows[] = {
	TEXT("name", KIND_NAME, name, REQUIRED, NULL,
	     "its name as Get-ExchangeServer has it"),
	TEXT("fqdn", KIND_HOST, fqdn, REQUIRED, NULL,
	     "its full name: TLS and Kerberos ask for it"),
	VALUES("address", KIND_ADDRESS, addresses, n_addresses, 8, ONE,
	       "its addresses; left out, the FQDN is looked up"),
	NUMBER("port", port, 1, 65535, 0, "443", "TCP port"),
	NUMBER("imap-port", imap_port, 1, 65535, 0, "993",
	       "TCP port of its IMAP4 service, with TLS from the first byte"),
	NUMBER("pop-port", pop_port, 1, 65535, 0, "995",
	       "TCP port of its POP3 service, with TLS from the first byte"),
	BOOL("imap", imap, 0, "true",
	     "is its IMAP4 service on? setup leaves it off: Set-Service "
	     "MSExchangeIMAP4 -StartupType Automatic"),
	BOOL("pop", pop, 0, "true",
	     "is its POP3 service on? setup leaves it off: Set-Service "
	     "MSExchangePOP3 -StartupType Automatic"),
	TEXT("version", KIND_VERSION, version, REQUIRED, NULL,
	     "its AdminDisplayVersion, a build such as 15.1.2507.6, or a year"),
	NAMED("site", site, REQUIRED, "its AD site"),
	NUMBER("roles", roles, 1, UINT32_MAX, 0, NULL,
	       "msExchCurrentServerRoles; left out, Client Access is assumed"),
	NUMBER("weight", weight, 0, 1000, 0, "100",
	       "its share among servers that would do equally"),
	BOOL("drained", drained, 0, "false", "send it no new sessions"),
	BOOL("probes", probes, 0, "true",
	     "look after its health; false: use it whatever it does"),
	TEXT("spn", KIND_TEXT, spn, 0, NULL,
	     "the service principal name that tickets for it are asked by; "
	     "left out, HTTP/ and its FQDN"),
	WORDS("rpc-log-on", log_on, log_on_words, 0, "service",
	      "Outlook Anywhere of a 2007 or 2010 server, when the appliance "
	      "has an account and the client gives a password: service "
	      "verifies it and logs on by Kerberos as that account, "
	      "passthrough leaves both to the server"),
	VALUES("source-addresses", KIND_ADDRESS, sources, n_sources, 16, ONE,
	       "own addresses to connect from; left out, the route decides"),
	MAP("tls", tls, server_tls, 0, "how its certificate is verified"),
	{ .key = "virtual-directories",
	  .kind = KIND_MAP,
	  .sub = &vdirs,
	  .flags = PRESENCE,
	  COUNT(has_vdirs),
	  .help = "the directories it has; left out, all of its version" },
	MAP("outlook-anywhere", outlook, outlook, 0,
	    "its Outlook Anywhere, as Get-OutlookAnywhere shows it; what is "
	    "left out is not known"),
};
SCHEMA_OF_ALL(server, server_rows, "name");
#undef S

/* --- what Exchange's rules need to know, and leave open --------------------
 */

#define S struct conf_link
static const struct setting link_rows[] = {
	{ .key = "sites",
	  .kind = KIND_VALUES,
	  .of = KIND_TEXT,
	  AT(sites),
	  COUNT(n_sites),
	  .max = 63,
	  .most = 128,
	  .flags = REQUIRED | NONEMPTY,
	  .help = "the sites it joins" },
	NUMBER("cost", cost, 1, 32000, 0, "100", "its cost"),
};
SCHEMA_OF_ALL(link, link_rows, NULL);
#undef S

#define S struct conf_array
static const struct setting array_rows[] = {
	TEXT("fqdn", KIND_HOST, fqdn, REQUIRED, NULL,
	     "its name, as RpcClientAccessServer of databases has it"),
	NAMED("site", site, REQUIRED, "its AD site"),
};
SCHEMA_OF_ALL(array, array_rows, "fqdn");
#undef S

#define S struct conf_database
static const struct setting database_rows[] = {
	NAMED("name", name, REQUIRED, "its name, as mailboxes have it"),
	NAMED("site", site, REQUIRED,
	      "where its mailboxes are served, whatever their server's site"),
};
SCHEMA_OF_ALL(database, database_rows, "name");
#undef S

static const struct word mode_words[] = {
	{ "direct", CONF_DIRECT },
	{ "via-15x", CONF_VIA_15 },
	{ 0 },
};

static const struct word cross_site_words[] = {
	{ "Silent", CONF_SILENT },
	{ "Manual", CONF_MANUAL },
	{ "Never", CONF_NEVER },
	{ 0 },
};

static const struct word ews_2007_words[] = {
	{ "proxy", CONF_EWS_PROXY },
	{ "refuse", CONF_EWS_REFUSE },
	{ 0 },
};

static const struct word version_gate_words[] = {
	{ "warn", CONF_GATE_WARN },
	{ "refuse", CONF_GATE_REFUSE },
	{ 0 },
};

static const struct word rpc_encryption_words[] = {
	{ "log", CONF_RPC_LOG },
	{ "require", CONF_RPC_REQUIRE },
	{ 0 },
};

#define S struct conf_routing
static const struct setting mode_rows[] = {
#define X(id, word)                                                            \
	WORDS(#word, mode[CONF_VDIR_##id], mode_words, 0, "direct",            \
	      #word                                                            \
	      " of 2007 and 2010 mailboxes: to a server of their "             \
	      "version and site, or to the newest 2013 or later front end, "   \
	      "which does the rest"),
	CONF_VDIRS(X) CONF_SERVICES(X)
#undef X
};
SCHEMA(mode, mode_rows, NULL);

/* The mapping `mode` lies in struct conf_routing itself. */
static const struct setting routing_rows[] = {
	{ .key = "mode",
	  .kind = KIND_MAP,
	  .sub = &mode,
	  .help = "which way each protocol takes" },
	WORDS("cross-site-redirect-type", cross_site, cross_site_words, 0,
	      "Silent",
	      "browsers of 2010 mailboxes in another site with an ExternalURL: "
	      "redirected, shown a link, or never (proxied)"),
	WORDS("ews-2007", ews_2007, ews_2007_words, 0, "proxy",
	      "EWS of 2007 mailboxes at this name; Autodiscover tells another"),
	BOOL("eas-redirect", eas_redirect, 0, "false",
	     "tell devices of legacy mailboxes the ExternalURL of their site "
	     "(451); many mishandle it"),
	WORDS("rpc-encryption", rpc_encryption, rpc_encryption_words, 0, "log",
	      "RPC binds of legacy mailboxes that are not encrypted (Outlook "
	      "2003): counted, or refused as Set-RpcClientAccess "
	      "-EncryptionRequired does"),
	WORDS("version-gate", version_gate, version_gate_words, 0, "warn",
	      "servers whose build is too old beside the others (2007 before "
	      "SP3 RU10, 2010 before SP3, ...): warn of them, or send them "
	      "nothing"),
	TEXT("target-owa-url", KIND_URL, target_owa_url, 0, NULL,
	     "where browsers of remote mailboxes are redirected "
	     "(TargetOwaURL); left out, a 2013 or later front end does it"),
};
SCHEMA_OF_ALL(routing, routing_rows, NULL);
#undef S

/* The mapping lies in struct conf itself. OWA and ECP have logon pages. */
#define S struct conf
static const struct setting authentication_rows[] = {
#define OFFER(id, word)                                                        \
	METHODS(#word, authentication[CONF_VDIR_##id].method,                  \
		authentication[CONF_VDIR_##id].n,                              \
		"what the appliance itself demands of clients of " #word       \
		", in this order, and all it takes; left out, whatever the "   \
		"server offers is relayed")
	OFFER(RPC, rpc),
	OFFER(MAPI, mapi),
	OFFER(EWS, ews),
	OFFER(EAS, eas),
	OFFER(AUTODISCOVER, autodiscover),
	OFFER(OAB, oab),
	OFFER(POWERSHELL, powershell),
#undef OFFER
};
SCHEMA_OF_ALL(authentication, authentication_rows, NULL);
#undef S
