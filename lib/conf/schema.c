/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * schema.c - the table: every setting of casgate.yaml.
 *
 * A row is what the binder accepts, what the help says and what a reload may
 * change. A setting that is fixed while the program runs carries RESTART.
 */
#include "conf/schema.h"

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
	MAPS("site-links", links, n_links, 256, schema_link, 0,
	     "AD site links (Get-ADSiteLink); the cheapest way counts as the "
	     "nearest site"),
	MAPS("servers", servers, n_servers, 512, schema_server,
	     REQUIRED | NONEMPTY,
	     "Exchange servers that clients' requests are carried to"),
	MAPS("client-access-arrays", arrays, n_arrays, 64, schema_array, 0,
	     "2010 Client Access arrays (Get-ClientAccessArray): Outlook asks "
	     "for them by name"),
	MAPS("databases", databases, n_databases, 256, schema_database, 0,
	     "databases of a 2010 DAG over two sites that are served in "
	     "another one than their server's"),
	MAP("routing", routing, schema_routing, 0,
	    "what Exchange's rules leave to the administrator"),
	{ .key = "authentication",
	  .kind = KIND_MAP,
	  .sub = &schema_authentication,
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
