/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exchange.h - Exchange's world as pure functions: versions, sites, servers,
 * virtual directories, where a request's mailbox is named, and what to do
 * with the request once it is known where that mailbox lives.
 *
 * No I/O, no clock, no globals, no allocation. Every answer carries its reason
 * in words an Exchange administrator knows.
 */
#pragma once

#include "base/base.h"

/* --- versions --------------------------------------------------------------- */

enum exchange_version {
	EXCHANGE_UNKNOWN,
	EXCHANGE_2007, /* 8.x */
	EXCHANGE_2010, /* 14.x */
	EXCHANGE_2013, /* 15.0 */
	EXCHANGE_2016, /* 15.1 */
	EXCHANGE_2019, /* 15.2 below build 2562 */
	EXCHANGE_SE,   /* 15.2 from build 2562 */
	EXCHANGE_ONLINE, /* a remote mailbox: in the cloud, no server here */
};

/* The home server of a remote mailbox. */
#define EXCHANGE_ONLINE_NAME "Exchange Online"

struct exchange_build {
	uint16_t major, minor, build, revision;
};

/* "15.2.1544.4", "15.2 (Build 1544.4)", "Version 15.1 (Build 32375.7)" (30000
 * taken off), or a decimal versionNumber (1942063431). -EINVAL. */
must_check int exchange_build_parse(struct bytes text,
				    struct exchange_build *out);
/* 0x70000000 | major<<22 | minor<<16 | 0x8000 | build. False for others. */
bool exchange_build_from_number(uint32_t version_number,
				struct exchange_build *out);
enum exchange_version exchange_version_of(const struct exchange_build *b);
/* "2007", "2010", "2013", "2016", "2019", "SE"; -EINVAL. */
must_check int exchange_version_parse(struct bytes text,
				      enum exchange_version *out);
const char *exchange_version_name(enum exchange_version v);
static inline bool exchange_is_modern(enum exchange_version v)
{
	return v >= EXCHANGE_2013 && v <= EXCHANGE_SE;
}

/* --- protocols and virtual directories ------------------------------------------ */

/* id, word for the CLI, column of the HttpProxy log, virtual directory */
#define EXCHANGE_PROTOCOLS(X)                                                  \
	X(EXCHANGE_OWA, "owa", "Owa", "/owa")                                  \
	X(EXCHANGE_ECP, "ecp", "Ecp", "/ecp")                                  \
	X(EXCHANGE_EAS, "eas", "Eas", "/Microsoft-Server-ActiveSync")          \
	X(EXCHANGE_RPC, "rpc", "RpcHttp", "/rpc")                              \
	X(EXCHANGE_MAPI, "mapi", "Mapi", "/mapi")                              \
	X(EXCHANGE_EWS, "ews", "Ews", "/EWS")                                  \
	X(EXCHANGE_AUTODISCOVER, "autodiscover", "Autodiscover",               \
	  "/Autodiscover")                                                     \
	X(EXCHANGE_OAB, "oab", "Oab", "/OAB")                                  \
	X(EXCHANGE_POWERSHELL, "powershell", "PowerShell", "/PowerShell")      \
	/* services, without a virtual directory */                            \
	X(EXCHANGE_POP, "pop", "Pop", "")                                      \
	X(EXCHANGE_IMAP, "imap", "Imap", "")

enum exchange_protocol {
#define X(id, word, log, vdir) id,
	EXCHANGE_PROTOCOLS(X)
#undef X
	EXCHANGE_PROTOCOL_COUNT
};

static inline bool exchange_is_mail(enum exchange_protocol p)
{
	return p == EXCHANGE_POP || p == EXCHANGE_IMAP;
}

const char *exchange_protocol_word(enum exchange_protocol p);
const char *exchange_protocol_log(enum exchange_protocol p);
const char *exchange_protocol_vdir(enum exchange_protocol p);
must_check int exchange_protocol_parse(struct bytes word,
				       enum exchange_protocol *out);

/* Which virtual directory a decoded path lies in (case ignored); false: none
 * that is known, so the request is refused (default deny). Paths below one
 * that clients must not reach (/owa/proxylogon.owa, /ecp/proxylogon.ecp,
 * /Microsoft-Server-ActiveSync/Proxy, /rpcwithcert) are false as well. */
bool exchange_classify(struct bytes decoded_path, enum exchange_protocol *out);

/* Not every client of these pages has an account here, and 2010 does not know
 * them all: federation, hybrid moves, Autodiscover V2. They go to the newest
 * version, and it alone asks who it is. */
bool exchange_is_open(enum exchange_protocol p, struct bytes decoded_path);

/* What starts a mail service, which setup leaves off: a sentence. */
const char *exchange_mail_cure(enum exchange_protocol p);

/* How long an exchange may be silent [s]: response head, then between bytes. */
unsigned exchange_timeout(enum exchange_protocol p);

/* Must this header or cookie of a client never reach a back end?
 * X-OWA-ExplicitLogonUser is allowed when its value is one plain address. */
bool exchange_hostile_header(struct bytes name, struct bytes value);
bool exchange_hostile_cookie(struct bytes name);
/* ... and this path, in a virtual directory, with this raw query? One that a
 * front end and its back end could take for two addresses, or that says what
 * only a front end may. */
bool exchange_hostile_target(struct bytes decoded_path, struct bytes query);

/* Ours: who logged on by a form, and where. For no back end's eyes. */
#define EXCHANGE_LOGON_COOKIE "X-CasgateOwa"

/* --- topology ------------------------------------------------------------------- */

#define EXCHANGE_NAME 64
#define EXCHANGE_HOST 256
#define EXCHANGE_URL 256
#define EXCHANGE_SERVERS 512
#define EXCHANGE_SITES 128
#define EXCHANGE_OWN_NAMES 32
#define EXCHANGE_ARRAYS 64
#define EXCHANGE_DATABASES 256

struct exchange_vdir {
	bool present;
	char internal_url[EXCHANGE_URL], external_url[EXCHANGE_URL]; /* or "" */
};

#define EXCHANGE_ROLE_CLIENT_ACCESS 0x4
#define EXCHANGE_ROLE_FRONT_END 0x4001 /* 2013: either bit */

enum exchange_told { EXCHANGE_NOT_TOLD, EXCHANGE_FALSE, EXCHANGE_TRUE };

enum exchange_binding { /* ExtendedProtectionTokenChecking */
	EXCHANGE_BINDING_NOT_TOLD,
	EXCHANGE_BINDING_NONE,
	EXCHANGE_BINDING_ALLOW,
	EXCHANGE_BINDING_REQUIRE,
};

/* Outlook Anywhere of one server by the names of Get-OutlookAnywhere, as the
 * administrator tells them; outlook.h has the rest. Zero: not told. Methods are a
 * bit each, 1 << enum exchange_scheme. */
struct exchange_outlook {
	uint8_t client;	  /* ClientAuthenticationMethod: what Autodiscover tells
			   * Outlook; before 2013 */
	uint8_t iis;	  /* IISAuthenticationMethods: what /rpc accepts */
	uint8_t external, internal; /* ...ClientAuthenticationMethod from 2013
				     * on */
	uint8_t ssl_offloading;	      /* enum exchange_told, ... */
	uint8_t external_ssl, internal_ssl; /* ...ClientsRequireSsl */
	uint8_t binding;	      /* enum exchange_binding */
	char external_hostname[EXCHANGE_HOST], internal_hostname[EXCHANGE_HOST];
};

struct exchange_server {
	char name[EXCHANGE_NAME]; /* "EX10" */
	char fqdn[EXCHANGE_HOST]; /* "ex10.contoso.com" */
	struct exchange_build build;
	enum exchange_version version;
	uint32_t roles;	  /* msExchCurrentServerRoles; 0 = not told */
	uint16_t site;	  /* index */
	uint16_t id;	  /* stable for the life of the process, by name */
	uint16_t weight;  /* share among equals [0..1000], 100 by default */
	bool drained;	  /* by the administrator: no new sessions, */
	uint16_t drained_for; /* or none of these protocols, a bit each */
	/* By health, a byte a protocol, written while we read: EXCHANGE_UP,
	 * EXCHANGE_DOWN, or the share of its weight [1..254] that a server
	 * bears which just came back. NULL: nobody looks. */
	const uint8_t *health;
	struct exchange_vdir vdir[EXCHANGE_PROTOCOL_COUNT];
	struct exchange_outlook outlook;
	struct exchange_build seen; /* as it said itself; major 0: not yet */
	const char *gate; /* its build is too old for this organisation, in
			   * words; NULL: good enough. exchange_gate() */
	bool gated;	  /* and therefore it gets nothing */
};

#define EXCHANGE_UP 0
#define EXCHANGE_DOWN 255 /* last resort only */

static inline uint8_t exchange_health(const struct exchange_server *s,
				      enum exchange_protocol p)
{
	return s->health ? __atomic_load_n(&s->health[p], __ATOMIC_RELAXED)
			 : EXCHANGE_UP;
}
static inline bool exchange_is_down(const struct exchange_server *s,
				    enum exchange_protocol p)
{
	return exchange_health(s, p) == EXCHANGE_DOWN;
}
static inline bool exchange_is_drained(const struct exchange_server *s,
				       enum exchange_protocol p)
{
	return s->drained || s->drained_for >> p & 1;
}

/* A 2010 RPC Client Access array, or another name an Outlook profile holds for
 * a mailbox server that is not a server's own. */
struct exchange_array {
	char fqdn[EXCHANGE_HOST];
	enum exchange_version version;
	uint16_t site;
};

/* A database whose site is not its server's: a 2010 DAG may stretch over two,
 * and the directory names the one that was active when it was written. */
struct exchange_database {
	char name[EXCHANGE_NAME];
	uint16_t site;
};

/* How a browser gets to OWA or ECP of a 2010 mailbox in another site that has
 * an ExternalURL (Set-OwaVirtualDirectory -CrossSiteRedirectType). */
enum exchange_cross_site {
	EXCHANGE_CROSS_SILENT, /* 302, and a logon's form is sent on */
	EXCHANGE_CROSS_MANUAL, /* a page with a link */
	EXCHANGE_CROSS_PROXY,  /* not at all: it is proxied */
};

/* What Microsoft's rules leave to the administrator. Zero is the default. */
struct exchange_policy {
	/* Legacy mailboxes' requests go to a 15.x front end, which does
	 * coexistence itself. */
	bool via_15[EXCHANGE_PROTOCOL_COUNT];
	enum exchange_cross_site cross_site;
	bool eas_redirect; /* 451 for sites with an EAS ExternalURL */
	bool no_ews_2007;  /* only by the URL that Autodiscover hands out */
	bool version_gate; /* servers whose build is too old get nothing */
	/* What the appliance offers by itself, 1 << enum exchange_scheme, and
	 * the only ones it takes; 0: whatever the server offers. */
	uint8_t offers[EXCHANGE_PROTOCOL_COUNT];
	char target_owa_url[EXCHANGE_URL]; /* of remote mailboxes, or "" */
};

#define EXCHANGE_FAR UINT16_MAX /* no site link leads there */

struct exchange_topology {
	unsigned n_sites;
	char site[EXCHANGE_SITES][EXCHANGE_NAME];
	unsigned home_site; /* the appliance's own */
	bool has_costs;	    /* of site links; exchange_costs() */
	uint16_t cost[EXCHANGE_SITES][EXCHANGE_SITES];
	unsigned n_servers;
	struct exchange_server *server; /* n_servers of them */
	unsigned n_own_names;
	char own_name[EXCHANGE_OWN_NAMES][EXCHANGE_HOST]; /* namespaces, lower
							   * case; [0] is the
							   * one we redirect to */
	unsigned n_arrays;
	struct exchange_array array[EXCHANGE_ARRAYS];
	unsigned n_databases;
	struct exchange_database database[EXCHANGE_DATABASES];
	struct exchange_policy policy;
};

struct exchange_link {
	uint16_t a, b, cost;
};

/* The cost between any two sites from those of the links, as AD adds them up.
 * Without a link all sites but the own one are equally far. */
void exchange_costs(struct exchange_topology *t,
		    const struct exchange_link *links, unsigned n);

/* Find those servers whose build is too old beside the others, by their own
 * words or else the directory's; what cannot be told for certain is good
 * enough. With policy.version_gate they are gated. */
void exchange_gate(struct exchange_topology *t);

/* Can this server be a target of the protocol, and if not, why (words)? Roles
 * and version: a 15.0 server needs roles & 0x4001, others Client Access; and it
 * must not be gated. */
bool exchange_can_serve(const struct exchange_server *s,
			enum exchange_protocol p, const char **why_not);
/* Index by name, FQDN or its first label when only one has it (case ignored);
 * -1. */
int exchange_find_server(const struct exchange_topology *t, struct bytes name);
int exchange_find_site(const struct exchange_topology *t, struct bytes name);
bool exchange_is_own_name(const struct exchange_topology *t, struct bytes host);

/* --- text ------------------------------------------------------------------------- */

/* Copy `a` so that it can stand in a line, a table or a JSON string: control
 * characters and what is not UTF-8 become '?', and it is cut between two
 * characters to fit `cap` bytes with the NUL. Returns dst. */
char *exchange_printable(struct bytes a, char *dst, size_t cap);

/* 8-4-4-4-12 hexadecimal digits, in braces or not, as it is written: the bytes
 * are in the order of the text. False for anything else. */
bool exchange_guid_parse(struct bytes text, uint8_t out[16]);

/* --- routing keys ----------------------------------------------------------------- */

/* What names the mailbox, strongest first. The
 * words are the HttpProxy log's RoutingHint. */
#define EXCHANGE_KEYS(X)                                                       \
	X(EXCHANGE_KEY_NONE, "None")                                           \
	X(EXCHANGE_KEY_MAILBOX_GUID, "MailboxGuidWithDomain")                  \
	X(EXCHANGE_KEY_TARGET_SERVER, "ServerInQuery")                         \
	X(EXCHANGE_KEY_FORM_USER, "FormUserName")                              \
	X(EXCHANGE_KEY_ANCHOR, "AnchorMailboxHeader")                          \
	X(EXCHANGE_KEY_PUBLIC_FOLDER, "PublicFolderMailboxHeader")             \
	X(EXCHANGE_KEY_EXPLICIT_LOGON, "ExplicitLogon-SMTP")                   \
	X(EXCHANGE_KEY_BODY_ADDRESS, "EmailAddressInRequestBody")              \
	X(EXCHANGE_KEY_QUERY_USER, "UserInQuery")                              \
	X(EXCHANGE_KEY_USER, "BasicUserName")                                  \
	X(EXCHANGE_KEY_REMEMBERED, "LogonCookie")

enum exchange_key_kind {
#define X(id, word) id,
	EXCHANGE_KEYS(X)
#undef X
	EXCHANGE_KEY_KIND_COUNT
};

const char *exchange_key_word(enum exchange_key_kind k);

#define EXCHANGE_KEY 256
#define EXCHANGE_KEYS_MAX 8

struct exchange_key {
	enum exchange_key_kind kind;
	char text[EXCHANGE_KEY]; /* address, UPN, DOMAIN\sam, GUID, server... */
};

struct exchange_keys {
	unsigned n;
	struct exchange_key key[EXCHANGE_KEYS_MAX]; /* strongest first */
};

/* --- logon by form --- */

/* What a browser sends to log on: application/x-www-form-urlencoded to
 * /owa/auth.owa, of 2007 to /owa/auth/owaauth.dll. */
struct exchange_form {
	char user[EXCHANGE_KEY]; /* a claim; no control characters */
	char destination[512];	 /* where it wants to be then; or "" */
	struct bytes username, password; /* as they came, encoded; borrowed */
	uint64_t flags, forcedownlevel;
};

/**
 * Read a whole form.
 *
 * False, when two programs could read two things in it: an escape that is
 * broken, a byte that must be encoded and is not, one of its fields twice; and
 * without a password field, or with a user name that is no key.
 */
bool exchange_form_read(struct bytes body, struct exchange_form *out);

/* Does a server's answer to such a form, by its status and one Set-Cookie
 * value, say that the user is in? Else it sends the browser back to its page. */
bool exchange_has_logged_on(unsigned status, struct bytes set_cookie);

/* A request's facts, borrowed. Empty bytes mean "not there". */
struct exchange_request {
	enum exchange_protocol protocol;
	struct bytes method;
	struct bytes path;	   /* decoded */
	struct bytes query;	   /* raw */
	struct bytes user;	   /* who it is: Basic name today */
	struct bytes anchor;	   /* X-AnchorMailbox */
	struct bytes public_folder; /* X-PublicFolderMailbox */
	struct bytes body;	   /* start of an Autodiscover POX body */
	const struct exchange_form *form; /* of a logon; NULL: none was read */
	struct bytes remembered; /* who logged on by a form, by our cookie */
};

/* Is it sent to where forms log on, or to where they log off? */
bool exchange_is_logon(const struct exchange_request *r);
bool exchange_is_logoff(const struct exchange_request *r);

/* Never fails: what cannot be understood is left out, and the next key counts.
 * The caller tries them in order: TARGET_SERVER with exchange_place_at(), the
 * others with route_find() and then exchange_place_at(). */
void exchange_keys(const struct exchange_request *r, struct exchange_keys *out);

/* What the query of an ActiveSync request says: "Cmd=Sync&User=...", or packed
 * in base64 (MS-ASHTTP 2.2.1.1.1.1). Strings are empty when it does not. */
struct exchange_eas {
	bool base64;
	uint8_t version;     /* 121 = 12.1; of the packed form, else 0 */
	const char *command; /* "Sync"; "" for one that is not known */
	char device[64], type[64];
	char user[EXCHANGE_KEY];
};

/* False: neither form. */
bool exchange_eas_query(struct bytes query, struct exchange_eas *out);

/* --- decisions ---------------------------------------------------------------------- */

/* Where the mailbox is, as the table found it. */
struct exchange_place {
	bool found;	      /* a mailbox was found by `key` */
	bool by_server;	      /* no mailbox: the key named a server */
	struct exchange_key key;
	int server;	      /* index of the home server, -1: not in topology */
	enum exchange_version version;
	int site;	      /* -1 unknown */
	uint64_t affinity;    /* keyed hash of the mailbox or the user: equal
			       * users go to equal servers while those live.
			       * With by_server the user's, not the server's
			       * name: that one is everybody's */
	char home[EXCHANGE_NAME]; /* the home server as the table names it; for
				   * the reason only */
};

/* Fill server, version, site and home from a server's or an array's name;
 * false when the topology has neither (they are then -1, UNKNOWN, -1 and the
 * name). found, by_server, key and affinity are the caller's. */
bool exchange_place_at(const struct exchange_topology *t, struct bytes name,
		       struct exchange_place *out);

/* The site of a database that has one of its own (exchange_database) takes the
 * place of the server's. */
void exchange_place_database(const struct exchange_topology *t,
			     struct bytes database, struct exchange_place *out);

enum exchange_action {
	EXCHANGE_PROXY,	   /* to candidate[0], else [1], ... */
	EXCHANGE_REDIRECT, /* status and url: 302 Location, 451 X-MS-Location,
			    * 200 a page: with a form, or with a link */
	EXCHANGE_ANSWER,   /* status, nothing else is to be asked */
};

#define EXCHANGE_CANDIDATES 8

struct exchange_decision {
	enum exchange_action action;
	unsigned status;	/* of REDIRECT and ANSWER */
	unsigned n;		/* candidates */
	uint16_t candidate[EXCHANGE_CANDIDATES]; /* indices into servers */
	char url[EXCHANGE_URL + 512];		 /* of REDIRECT */
	char logon[EXCHANGE_URL + 32]; /* of REDIRECT 200: where the browser's
					* form is sent on to, exchange_form_page();
					* "": a page with a link to url */
	char reason[512];	/* why, for the log, `route explain`, errors */
};

/**
 * What to do with a request whose mailbox lives at `place`.
 *
 * Pure. Version and site decide: 15.x mailboxes go to
 * any 15.x front end, same site first; 2010 and 2007 ones to a Client Access
 * server of their version in their site; Autodiscover of 2007 to a 15.x one;
 * OWA of 2007 is redirected (302) to a 2007 ExternalURL that is not ours, and
 * so are OWA and ECP of 2010 in another site that has one; a logon by form is
 * sent on to the logon there, silently. Remote mailboxes
 * are a 15.x front end's affair, but for OWA if it is known where that is.
 * topology->policy changes what Exchange leaves open. Not
 * found: Autodiscover and EWS to any 15.x, everything else too when
 * `topology` has a 15.x front end (it answers the client itself), else 503.
 * Before all that: pages that need the newest version get it, and
 * ExchClientVer chooses an ECP's or a shell's.
 * Nobody can: ANSWER 503, and the reason says what is missing and, where one
 * cmdlet helps, which. A request with a body for OWA of 2007: ANSWER 403.
 * Candidates: healthy ones, or, without any, those that are down; never a
 * drained one. The reason is printable UTF-8 whatever the request holds.
 */
void exchange_decide(const struct exchange_topology *t,
		     const struct exchange_request *r,
		     const struct exchange_place *place,
		     struct exchange_decision *out);

/* --- a logon by form that is sent on --------------------------------------------------- */

/**
 * The page: a form that submits itself to d->logon, with d->url as destination
 * and user name and password as they came. Holds a password: wipe it.
 *
 * False when it does not fit or a browser would not send the very bytes on
 * (NUL, a line's end, no UTF-8).
 */
must_check bool exchange_form_page(const struct exchange_form *f,
				   const struct exchange_decision *d,
				   struct bytes_writer *w);
/* The header lines that go with it: its script is the only one that runs, its
 * target the only one that gets the form, and nobody frames it. */
void exchange_form_fields(const struct exchange_decision *d,
			  struct bytes_writer *w);

/* --- probes ------------------------------------------------------------------------- */

#include "exchange/probe.h"
#include "exchange/preflight.h"
#include "exchange/outlook.h"
