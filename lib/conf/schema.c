/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * schema.c - the table: every setting of casgate.yaml.
 *
 * A row is what the binder accepts, what the help says and what a reload may
 * change. A setting that is fixed while the program runs carries RESTART.
 */
#include "conf/private.h"

#define AT(f) .offset = offsetof(S, f), .size = sizeof(((S *)0)->f)
#define COUNT(f) .count = offsetof(S, f)

#define TEXT(k, kind_, f, flags_, def_, help_)                                 \
	{                                                                      \
		.key = k, .kind = kind_, AT(f), .flags = flags_, .def = def_,  \
		.help = help_                                                  \
	}
/* Text that has room for 64 bytes where it goes. */
#define NAMED(k, f, flags_, help_)                                             \
	{                                                                      \
		.key = k, .kind = KIND_TEXT, AT(f), .flags = flags_,           \
		.max = 63, .help = help_                                       \
	}
#define NUM(k, kind_, f, lo, hi, flags_, def_, help_)                          \
	{                                                                      \
		.key = k, .kind = kind_, AT(f), .min = lo, .max = hi,          \
		.flags = flags_, .def = def_, .help = help_                    \
	}
#define NUMBER(k, ...) NUM(k, KIND_NUMBER, __VA_ARGS__)
#define SIZE(k, ...) NUM(k, KIND_SIZE, __VA_ARGS__)
#define TIME(k, ...) NUM(k, KIND_DURATION, __VA_ARGS__)
#define WORDS(k, f, words_, flags_, def_, help_)                               \
	{                                                                      \
		.key = k, .kind = KIND_WORD, AT(f), .words = words_,           \
		.flags = flags_, .def = def_, .help = help_                    \
	}
#define BOOL(k, f, flags_, def_, help_)                                        \
	TEXT(k, KIND_BOOL, f, flags_, def_, help_)
#define VALUES(k, of_, f, n, most_, flags_, help_)                             \
	{                                                                      \
		.key = k, .kind = KIND_VALUES, .of = of_, AT(f), COUNT(n),     \
		.most = most_, .flags = flags_, .help = help_                  \
	}
#define MAP(k, f, sub_, flags_, help_)                                         \
	{                                                                      \
		.key = k, .kind = KIND_MAP, AT(f), .sub = &sub_,               \
		.flags = flags_, .help = help_                                 \
	}
#define MAPS(k, f, n, most_, sub_, flags_, help_)                              \
	{                                                                      \
		.key = k, .kind = KIND_MAPS, AT(f), COUNT(n), .most = most_,   \
		.sub = &sub_, .flags = flags_, .help = help_                   \
	}
#define SCHEMA(name, rows, unique_)                                            \
	static const struct schema name = { sizeof(S), ARRAY_LEN(rows), rows,  \
					    unique_ }

/* --- appliance ----------------------------------------------------------- */

static const struct word idle_words[] = {
	{ "spin", CONF_IDLE_SPIN },
	{ "balanced", CONF_IDLE_BALANCED },
	{ "saving", CONF_IDLE_SAVING },
	{ 0 },
};

static const struct word hugepage_words[] = {
	{ "auto", CONF_HUGEPAGES_AUTO },
	{ "never", CONF_HUGEPAGES_NEVER },
	{ "required", CONF_HUGEPAGES_REQUIRED },
	{ 0 },
};

static const struct word level_words[] = {
	{ "error", LOG_LEVEL_ERROR },
	{ "warn", LOG_LEVEL_WARN },
	{ "info", LOG_LEVEL_INFO },
	{ "debug", LOG_LEVEL_DEBUG },
	{ 0 },
};

#define S struct conf_appliance
static const struct setting appliance_rows[] = {
	TEXT("name", KIND_NAME, name, RESTART, "casgate",
	     "what the appliance calls itself in `casgatectl status`"),
	NUMBER("workers", workers, 1, 16, RESTART, NULL,
	       "cores that carry traffic; left out, one less than the machine "
	       "has"),
	{ .key = "cpus",
	  .kind = KIND_VALUES,
	  .of = KIND_NUMBER,
	  AT(cpus),
	  COUNT(n_cpus),
	  .max = 1023,
	  .most = 16,
	  .flags = RESTART,
	  .help = "the CPU of each worker; left out, chosen by the program" },
	WORDS("idle", idle, idle_words, RESTART, "balanced",
	      "what a worker with nothing to do does: spin never gives its "
	      "core away, balanced yields and naps, saving sleeps soon"),
	SIZE("memory", memory, 64ULL << 20, 1ULL << 40, RESTART, "512M",
	     "memory for packets, connections and tables"),
	WORDS("hugepages", hugepages, hugepage_words, RESTART, "auto",
	      "whether that memory comes from huge pages"),
	NUMBER("packets", packets, 1024, 1 << 22, RESTART, NULL,
	       "packet buffers a worker; left out, from memory"),
	NUMBER("max-connections", max_connections, 64, 4000000, RESTART,
	       "100000",
	       "TCP connections of all workers together, towards "
	       "clients and servers"),
	TEXT("control-socket", KIND_FILE, control_socket, RESTART | UNCHECKED,
	     "/run/casgate/control.sock", "where casgatectl finds the daemon"),
	TEXT("control-group", KIND_NAME, control_group, RESTART, NULL,
	     "group that may use the control socket; left out, only root"),
	TEXT("driver-profiles", KIND_FILE, driver_profiles, RESTART, NULL,
	     "directory of driver profiles; left out, where they were "
	     "installed"),
	WORDS("log-level", log_level, level_words, 0, "info",
	      "what is logged: this level and those before it"),
	TIME("drain-delay", drain_delay, 0, SEC(3600), 0, "0s",
	     "how long `stop` goes on serving while healthcheck.htm fails, so "
	     "that a balancer turns away first"),
	TIME("drain-max", drain_max, 0, SEC(86400), 0, "30s",
	     "how long `stop` waits for sessions to end"),
};
SCHEMA(appliance, appliance_rows, NULL);
#undef S

/* --- interfaces, routes -------------------------------------------------- */

#define S struct conf_interface
static const struct setting interface_rows[] = {
	TEXT("name", KIND_NAME, name, REQUIRED, NULL, "its name, of your own"),
	TEXT("driver", KIND_NAME, driver, REQUIRED, NULL,
	     "driver profile: af_xdp, or a file's name in driver-profiles"),
	NAMED("device", device, REQUIRED,
	      "kernel interface, PCI address or what else the driver names"),
	NUMBER("mtu", mtu, 1280, 9216, 0, "1500",
	       "largest IP packet, in bytes"),
	NUMBER("vlan", vlan, 0, 4094, 0, "0", "802.1Q tag; 0 is untagged"),
	VALUES("addresses", KIND_PREFIX, addresses, n_addresses, 16,
	       REQUIRED | NONEMPTY | ONE,
	       "the appliance's addresses there, with their networks"),
	{ .key = "mac",
	  .kind = KIND_MAC,
	  AT(mac),
	  COUNT(has_mac),
	  .flags = PRESENCE,
	  .help = "MAC address; left out, the port's own" },
};
SCHEMA(interface, interface_rows, "name");
#undef S

#define S struct conf_route
static const struct setting route_rows[] = {
	TEXT("to", KIND_PREFIX, to, REQUIRED, NULL,
	     "network; 0.0.0.0/0 or ::/0 is the default route"),
	TEXT("via", KIND_ADDRESS, via, REQUIRED, NULL,
	     "gateway, on the network of an interface"),
};
SCHEMA(route, route_rows, NULL);
#undef S

/* --- listeners, certificates --------------------------------------------- */

#define S struct conf_certificate
static const struct setting certificate_rows[] = {
	TEXT("name", KIND_NAME, name, REQUIRED, NULL, "its name, of your own"),
	TEXT("chain", KIND_FILE, chain, REQUIRED, NULL,
	     "PEM file: the certificate, then its issuers"),
	TEXT("key", KIND_FILE, key, REQUIRED, NULL,
	     "PEM file: its private key, without a password"),
};
SCHEMA(certificate, certificate_rows, "name");
#undef S

static const struct word protocol_words[] = {
	{ "https", CONF_HTTPS },
	{ "http", CONF_HTTP },
	{ "imap", CONF_IMAP },
	{ "imaps", CONF_IMAPS },
	{ "pop3", CONF_POP3 },
	{ "pop3s", CONF_POP3S },
	{ 0 },
};

static const struct word client_tls_words[] = {
	{ "1.2", 12 },
	{ "1.3", 13 },
	{ 0 },
};

static const struct word proxy_protocol_words[] = {
	{ "off", 0 }, { "v1", 1 }, { "v2", 2 }, { "any", 3 }, { 0 },
};

static const struct word balancer_words[] = {
	{ "l4", CONF_BALANCER_L4 },
	{ "l7", CONF_BALANCER_L7 },
	{ 0 },
};

static const struct word expose_words[] = {
	{ "external", CONF_EXPOSE_EXTERNAL },
	{ "internal", CONF_EXPOSE_INTERNAL },
	{ 0 },
};

static const struct word forwarded_words[] = {
	{ "close", CONF_FORWARDED_CLOSE },
	{ "ignore", CONF_FORWARDED_IGNORE },
	{ 0 },
};

#define S struct conf_listener
static const struct setting listener_rows[] = {
	TEXT("name", KIND_NAME, name, REQUIRED, NULL, "its name, of your own"),
	TEXT("address", KIND_ADDRESS, address, ANY, "any",
	     "address of an interface, or any"),
	NUMBER("port", port, 1, 65535, REQUIRED, NULL, "TCP port"),
	WORDS("protocol", protocol, protocol_words, 0, "https",
	      "https; http: it only redirects browsers to https; imaps and "
	      "pop3s; imap and pop3: logins after STARTTLS only"),
	VALUES("certificates", KIND_NAME, certificates, n_certificates, 32, ONE,
	       "names of certificates; the first serves clients that name no "
	       "host"),
	WORDS("tls-min", tls_min, client_tls_words, 0, "1.2",
	      "oldest TLS version of clients"),
	NUMBER("tickets", tickets, 0, 4, 0, "2",
	       "session tickets a TLS 1.3 handshake; 0 for clients that choke "
	       "on them"),
	WORDS("proxy-protocol", proxy_protocol, proxy_protocol_words, 0, "off",
	      "version of the PROXY header that each connection begins with; "
	      "whoever sends none, or is not in trusted, is closed"),
	WORDS("balancer", balancer, balancer_words, 0, "l4",
	      "l4: a connection is one client's; l7: a balancer sends requests "
	      "of many on one and names each in X-Forwarded-For"),
	VALUES("trusted", KIND_PREFIX, trusted, n_trusted, 16, ONE,
	       "networks of the balancers in front"),
	WORDS("untrusted-forwarded-for", forwarded, forwarded_words, 0, "close",
	      "what becomes of X-Forwarded-For from others, with balancer: l7"),
	WORDS("expose", expose, expose_words, 0, "external",
	      "internal: answers name the appliance and the server; external: "
	      "headers that name servers are left out, and so are reasons"),
	BOOL("access-log", access_log, 0, "true",
	     "write its requests to the access log, if there is one"),
};
SCHEMA(listener, listener_rows, "name");
#undef S

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
SCHEMA(server, server_rows, "name");
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
SCHEMA(link, link_rows, NULL);
#undef S

#define S struct conf_array
static const struct setting array_rows[] = {
	TEXT("fqdn", KIND_HOST, fqdn, REQUIRED, NULL,
	     "its name, as RpcClientAccessServer of databases has it"),
	NAMED("site", site, REQUIRED, "its AD site"),
};
SCHEMA(array, array_rows, "fqdn");
#undef S

#define S struct conf_database
static const struct setting database_rows[] = {
	NAMED("name", name, REQUIRED, "its name, as mailboxes have it"),
	NAMED("site", site, REQUIRED,
	      "where its mailboxes are served, whatever their server's site"),
};
SCHEMA(database, database_rows, "name");
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
SCHEMA(routing, routing_rows, NULL);
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
SCHEMA(authentication, authentication_rows, NULL);
#undef S

/* --- mailboxes, limits, time-outs, TCP ----------------------------------- */

#define S struct conf_identity
static const struct setting identity_rows[] = {
	TEXT("keytab", KIND_FILE, keytab, RESTART, NULL,
	     "keys of the appliance's account and its service principal names; "
	     "left out, it has no account"),
	TEXT("account", KIND_TEXT, account, RESTART, NULL,
	     "that account, as Kerberos has it: svc-casgate@CONTOSO.LOCAL"),
	TEXT("realm", KIND_TEXT, realm, RESTART, NULL,
	     "the users' realm; left out, the account's"),
	TEXT("service", KIND_TEXT, service, RESTART, NULL,
	     "the service principal name that passwords are verified by; left "
	     "out, HTTP/ and the first of the namespaces"),
	{ .key = "kdcs",
	  .kind = KIND_VALUES,
	  .of = KIND_TEXT,
	  AT(kdcs),
	  COUNT(n_kdcs),
	  .max = 63,
	  .most = 16,
	  .flags = ONE | RESTART,
	  .help = "domain controllers, by name or address, with `:port` if "
		  "not 88; left out, as /etc/krb5.conf or DNS has them" },
	NUMBER("threads", threads, 1, 64, RESTART, "4",
	       "threads that wait for domain controllers"),
	TIME("timeout", timeout, MSEC(100), SEC(60), RESTART, "5s",
	     "how long a question to them may take"),
};
SCHEMA(identity, identity_rows, NULL);
#undef S

#define S struct conf_mailboxes
static const struct setting mailboxes_rows[] = {
	VALUES("csv", KIND_FILE, csv, n_csv, 64, ONE,
	       "files of Export-Csv with every mailbox"),
	BOOL("watch", watch, 0, "true", "import a file again when it changes"),
};
SCHEMA(mailboxes, mailboxes_rows, NULL);
#undef S

static const struct word logged_words[] = {
#define X(id, word) { #word, CONF_VDIR_##id },
	CONF_VDIRS(X) CONF_SERVICES(X)
#undef X
		{ "other", CONF_PROTOCOL_COUNT },
	{ 0 },
};

#define S struct conf_access_log
static const struct setting access_log_rows[] = {
	TEXT("directory", KIND_FILE, directory, UNCHECKED, NULL,
	     "where the files go, a directory a protocol; made if missing; "
	     "left "
	     "out, nothing is logged"),
	SIZE("max-file-size", max_file_size, 64U << 10, 1U << 30, 0, "10M",
	     "bytes of a file before the next one begins; each hour begins one "
	     "too"),
	TIME("keep", keep, 0, SEC(10000ULL * 86400), 0, "30d",
	     "age at which a file is removed; 0 keeps all"),
	SIZE("keep-size", keep_size, 1U << 20, 1ULL << 50, 0, "1G",
	     "bytes of all files together before the oldest are removed"),
	{ .key = "protocols",
	  .kind = KIND_VALUES,
	  .of = KIND_WORD,
	  .words = logged_words,
	  AT(protocols),
	  COUNT(n_protocols),
	  .most = 16,
	  .flags = ONE,
	  .help = "what is logged; other: requests that reach no virtual "
		  "directory; left out, everything" },
};
SCHEMA(access_log, access_log_rows, NULL);
#undef S

#define S struct conf_limits
static const struct setting limits_rows[] = {
	SIZE("header-size", header_size, 4096, 65536, 0, "64k",
	     "bytes of a whole request or response head"),
	SIZE("header-line", header_line, 1024, 65536, 0, "16k",
	     "bytes of one line of it; Kerberos tickets of users in many "
	     "groups are long"),
	NUMBER("headers", headers, 16, 128, 0, "128", "lines of a head"),
	NUMBER("sessions", sessions, 16, 2000000, RESTART, "50000",
	       "client connections of all workers together"),
	NUMBER("handshakes", handshakes, 8, 100000, 0, "1000",
	       "TLS handshakes in progress, a worker"),
	TIME("handshake-budget", handshake_budget, 100, MSEC(20), 0, "500us",
	     "time a worker gives to handshakes before it turns to packets"),
	NUMBER("rpc-denials", rpc_denials, 0, 10000, 0, "10",
	       "RPC calls and binds denied by the server after which a virtual "
	       "connection of Outlook Anywhere is closed, for who is denied so "
	       "much is guessing; 0: never"),
};
SCHEMA(limits, limits_rows, NULL);
#undef S

#define S struct conf_timeouts
static const struct setting timeouts_rows[] = {
	TIME("tls-handshake", tls_handshake, SEC(1), SEC(120), 0, "10s",
	     "from a client's connection to the end of its TLS handshake"),
	TIME("request-head", request_head, SEC(1), SEC(600), 0, "30s",
	     "from the first byte of a request's head to its last"),
	TIME("login", login, SEC(1), SEC(600), 0, "1m",
	     "a POP or IMAP client's login, from its connection on"),
	TIME("idle", idle, SEC(1), SEC(86400), 0, "2m",
	     "a client's connection between two requests"),
	TIME("connect", connect, MSEC(100), SEC(120), 0, "5s",
	     "connecting to a server, TLS handshake included"),
	TIME("linger", linger, 0, SEC(60), 0, "1s",
	     "reading on after an early answer, so that it arrives"),
#define X(id, word)                                                            \
	TIME(#word, silence[CONF_VDIR_##id], SEC(1), SEC(7 * 86400), 0, NULL,  \
	     "silence of a server in the middle of " #word                     \
	     "; left out, what the protocol needs"),
	CONF_VDIRS(X) CONF_SERVICES(X)
#undef X
};
SCHEMA(timeouts, timeouts_rows, NULL);
#undef S

static const struct word healthcheck_words[] = {
	{ "503", CONF_HEALTHCHECK_503 },
	{ "close", CONF_HEALTHCHECK_CLOSE },
	{ 0 },
};

#define S struct conf_health
static const struct setting health_rows[] = {
	BOOL("probes", probes, 0, "true",
	     "ask the servers whether they serve, and use those that do"),
	TIME("interval", interval, MSEC(100), SEC(3600), 0, "10s",
	     "between two probes of a server and protocol; one in doubt is "
	     "asked five times as often"),
	TIME("timeout", timeout, MSEC(100), SEC(120), 0, "5s",
	     "for a probe, connecting included"),
	NUMBER("rise", rise, 1, 100, 0, "2",
	       "probes in a row that bring a server back"),
	NUMBER("fall", fall, 1, 100, 0, "3",
	       "failed probes in a row that take it out"),
	TIME("slow-start", slow_start, 0, SEC(3600), 0, "60s",
	     "until a server that came back bears its whole share"),
	NUMBER("errors", errors, 0, 10000, 0, "5",
	       "failed requests in a row that take a server out until probes "
	       "succeed, but never the last one of a site; 0: none"),
	NUMBER("percent", percent, 0, 100, 0, "50",
	       "failed requests of all in `window` that do the same; 0: none"),
	TIME("window", window, SEC(1), SEC(3600), 0, "10s",
	     "time over which `percent` counts"),
	WORDS("healthcheck", healthcheck, healthcheck_words, 0, "503",
	      "what a balancer gets from healthcheck.htm of a protocol that "
	      "cannot be served; close: no answer, as from Exchange"),
#define X(id, word)                                                            \
	BOOL(#word, protocol[CONF_VDIR_##id], 0, "true",                       \
	     "whether " #word " is looked at"),
	CONF_VDIRS(X) CONF_SERVICES(X)
#undef X
};
SCHEMA(health, health_rows, NULL);
#undef S

#define S struct conf_tcp
static const struct setting tcp_rows[] = {
	SIZE("receive-buffer", receive_buffer, 32768, 16U << 20, 0, "256k",
	     "bytes a connection may have received and not yet passed on"),
	SIZE("send-buffer", send_buffer, 32768, 16U << 20, 0, "256k",
	     "bytes a connection may have sent and not seen acknowledged"),
	NUMBER("window-scale", window_scale, 0, 14, 0, "7",
	       "shift offered for the window"),
	NUMBER("initial-window", initial_window, 1, 64, 0, "10",
	       "segments sent before the first acknowledgement"),
	BOOL("timestamps", timestamps, 0, "true", "offer RFC 7323 timestamps"),
	TIME("delayed-ack", delayed_ack, 0, MSEC(500), 0, "40ms",
	     "how long an acknowledgement waits for data; 0 acknowledges at "
	     "once"),
	TIME("rto-min", rto_min, MSEC(1), SEC(3), 0, "200ms",
	     "least retransmission time-out"),
	TIME("rto-max", rto_max, SEC(1), SEC(240), 0, "60s",
	     "greatest retransmission time-out"),
	TIME("time-wait", time_wait, SEC(1), SEC(240), 0, "60s",
	     "how long a closed connection is remembered"),
	TIME("fin-wait", fin_wait, SEC(1), SEC(600), 0, "60s",
	     "how long a peer may take to close its side"),
	TIME("keepalive-idle", keepalive_idle, 0, SEC(86400), 0, "2m",
	     "silence before a peer is asked whether it lives; 0 never asks"),
	TIME("keepalive-interval", keepalive_interval, SEC(1), SEC(3600), 0,
	     "15s", "between two such questions"),
	NUMBER("keepalive-probes", keepalive_probes, 1, 32, 0, "8",
	       "questions without an answer that end a connection"),
	NUMBER("syn-retries", syn_retries, 0, 10, 0, "4",
	       "repetitions of a connection request to a server"),
	NUMBER("synack-retries", synack_retries, 0, 10, 0, "2",
	       "repetitions of the answer to a client's"),
	TIME("user-timeout", user_timeout, SEC(1), SEC(86400), 0, "2m",
	     "data unacknowledged that long ends a connection"),
};
SCHEMA(tcp, tcp_rows, NULL);
#undef S

/* --- the file ------------------------------------------------------------ */

#define S struct conf
static const struct setting conf_rows[] = {
	MAP("appliance", appliance, appliance, 0, "the program itself"),
	MAPS("interfaces", interfaces, n_interfaces, 8, interface,
	     REQUIRED | RESTART | NONEMPTY, "ports and their addresses"),
	MAPS("routes", routes, n_routes, 64, route, RESTART,
	     "networks behind gateways"),
	VALUES("namespaces", KIND_HOST, namespaces, n_namespaces, 32,
	       REQUIRED | NONEMPTY,
	       "host names clients use; redirects go to the first"),
	MAPS("certificates", certificates, n_certificates, 64, certificate, 0,
	     "certificates shown to clients"),
	MAPS("listeners", listeners, n_listeners, 64, listener,
	     REQUIRED | NONEMPTY, "where clients connect"),
	NAMED("site", site, REQUIRED, "the AD site the appliance stands in"),
	{ .key = "sites",
	  .kind = KIND_VALUES,
	  .of = KIND_TEXT,
	  AT(sites),
	  COUNT(n_sites),
	  .max = 63,
	  .most = 128,
	  .help = "all AD sites with Exchange servers; left out, the own "
		  "one" },
	MAPS("site-links", links, n_links, 256, link, 0,
	     "AD site links (Get-ADSiteLink); the cheapest way counts as the "
	     "nearest site"),
	MAPS("servers", servers, n_servers, 512, server, REQUIRED | NONEMPTY,
	     "Exchange servers that clients' requests are carried to"),
	MAPS("client-access-arrays", arrays, n_arrays, 64, array, 0,
	     "2010 Client Access arrays (Get-ClientAccessArray): Outlook asks "
	     "for them by name"),
	MAPS("databases", databases, n_databases, 256, database, 0,
	     "databases of a 2010 DAG over two sites that are served in "
	     "another one than their server's"),
	MAP("routing", routing, routing, 0,
	    "what Exchange's rules leave to the administrator"),
	{ .key = "authentication",
	  .kind = KIND_MAP,
	  .sub = &authentication,
	  .help = "how clients are asked who they are, by virtual directory" },
	MAP("identity", identity, identity, 0,
	    "the account with which the appliance asks the domain"),
	MAP("mailboxes", mailboxes, mailboxes, 0,
	    "where it is known from which mailbox lives on which server"),
	MAP("access-log", access_log, access_log, 0,
	    "each request as a line, in the format of Exchange's HttpProxy "
	    "log"),
	MAP("limits", limits, limits, 0, "bounds against too much of a thing"),
	MAP("timeouts", timeouts, timeouts, 0, "how long to wait for what"),
	MAP("health", health, health, 0,
	    "whether servers serve, and what is done when not"),
	MAP("tcp", tcp, tcp, RESTART, "the TCP of the appliance's own"),
};
#undef S

const struct schema conf_schema = { sizeof(struct conf), ARRAY_LEN(conf_rows),
				    conf_rows, NULL };
