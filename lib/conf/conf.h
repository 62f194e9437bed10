/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conf.h - casgate.yaml and driver profiles as C structs, with every fault of
 * a file told at once and each at its line and column.
 *
 * One table of settings (schema.c) says what exists: name, type, range,
 * default, help, and whether a reload may change it. The binder, the help
 * text, `config show` and the comparison of two configurations all read it.
 *
 * Thread: control. A struct conf is never changed after it was loaded; its
 * strings and arrays live and die with it.
 */
#pragma once

#include <stdio.h>

#include "base/base.h"

#define CONF_FILE_MAX (4U << 20) /* [bytes] of a file */
#define CONF_DEPTH_MAX 16	 /* mappings and lists within each other */
#define CONF_ITEMS_MAX 4096	 /* of one list */
#define CONF_MESSAGES_MAX 200	 /* kept; the rest is counted */
#define CONF_PATH 160

/* --- what is wrong with a file ------------------------------------------- */

struct conf_pos {
	uint32_t line, column; /* both count from 1; 0 = the file as a whole */
};

enum conf_severity { CONF_ERROR, CONF_WARNING };

struct conf_message {
	enum conf_severity severity;
	struct conf_pos pos;
	char path[CONF_PATH]; /* "servers[0].colour", "" = the file */
	char text[512];	      /* what is wrong and what would be right */
};

/* Zero it before the first use; conf_report_fini() in any case. */
struct conf_report {
	char file[256]; /* as it was given */
	unsigned n;	/* messages, by position */
	unsigned errors, warnings; /* in all, kept or not */
	struct conf_message *message;
	unsigned cap; /* conf's own */
};

/* Add a finding of the application's own ("certificates[0].chain: expired");
 * the position is looked up by the path with conf_where(). */
void conf_report_add(struct conf_report *r, enum conf_severity severity,
		     struct conf_pos pos, const char *path, const char *fmt,
		     ...) printf_like(5, 6);
/* "casgate.yaml:7:5: servers[0].colour: unknown setting; ..." without a line
 * feed; warnings have "warning: " behind the position. Returns dst. */
char *conf_message_str(const struct conf_report *r, unsigned i, char *dst,
		       size_t cap);
/* All of them, a line each. */
void conf_report_print(const struct conf_report *r, FILE *f);
void conf_report_fini(struct conf_report *r);

/* --- casgate.yaml -------------------------------------------------------- */

enum conf_idle { CONF_IDLE_SPIN, CONF_IDLE_BALANCED, CONF_IDLE_SAVING };
enum conf_hugepages {
	CONF_HUGEPAGES_AUTO,
	CONF_HUGEPAGES_NEVER,
	CONF_HUGEPAGES_REQUIRED,
};
enum conf_listener_protocol {
	CONF_HTTPS,
	CONF_HTTP,
	CONF_IMAP, /* these two with STARTTLS */
	CONF_POP3,
	CONF_IMAPS,
	CONF_POP3S,
};
enum conf_balancer { CONF_BALANCER_L4, CONF_BALANCER_L7 };
enum conf_expose { CONF_EXPOSE_EXTERNAL, CONF_EXPOSE_INTERNAL };
enum conf_forwarded { CONF_FORWARDED_CLOSE, CONF_FORWARDED_IGNORE };

/* Virtual directories, by the words that exchange.h has for them and in its
 * order; conf knows no Exchange. */
#define CONF_VDIRS(X)                                                          \
	X(OWA, owa) X(ECP, ecp) X(EAS, eas) X(RPC, rpc) X(MAPI, mapi)          \
	X(EWS, ews) X(AUTODISCOVER, autodiscover) X(OAB, oab)                  \
	X(POWERSHELL, powershell)

/* Services that are none, and follow them there. */
#define CONF_SERVICES(X) X(POP, pop) X(IMAP, imap)

enum conf_vdir_id {
#define X(id, word) CONF_VDIR_##id,
	CONF_VDIRS(X)
#undef X
	CONF_VDIR_COUNT,
	CONF_VDIR_LAST = CONF_VDIR_COUNT - 1,
#define X(id, word) CONF_VDIR_##id,
	CONF_SERVICES(X)
#undef X
	CONF_PROTOCOL_COUNT
};

const char *conf_vdir_word(enum conf_vdir_id id);

struct conf_appliance {
	const char *name;
	uint32_t workers;     /* [1..16]; 0 = as many as the machine bears */
	uint32_t n_cpus;      /* 0 = chosen by the program, else == workers */
	uint32_t *cpus;	      /* one a worker */
	uint32_t idle;	      /* enum conf_idle */
	uint32_t hugepages;   /* enum conf_hugepages */
	uint64_t memory;      /* for packets and tables [bytes] */
	uint32_t packets;     /* buffers a worker; 0 = from `memory` */
	uint32_t max_connections; /* TCP, of all workers together */
	const char *control_socket;
	const char *control_group;   /* NULL: only root */
	const char *driver_profiles; /* directory; NULL = as installed */
	uint32_t log_level;	     /* enum log_level */
	usec_t drain_delay, drain_max;
};

struct conf_interface {
	const char *name;
	const char *driver; /* name of a profile */
	const char *device; /* what the profile's {interface} stands for */
	uint32_t mtu, vlan; /* vlan 0 = untagged */
	bool has_mac;
	uint8_t mac[6];
	uint32_t n_addresses;
	struct ipprefix *addresses; /* with their host bits */
};

struct conf_route {
	struct ipprefix to;
	struct ipaddr via;
	uint32_t interface; /* index; found from `via` */
};

struct conf_certificate {
	const char *name;
	const char *chain, *key; /* PEM files */
};

struct conf_listener {
	const char *name;
	struct ipaddr address; /* :: = any of ours */
	uint32_t port;
	uint32_t protocol; /* enum conf_listener_protocol */
	uint32_t n_certificates;
	const char **certificates;
	uint32_t *certificate; /* indices into conf->certificates */
	uint32_t tls_min;      /* 12 or 13 */
	uint32_t tickets;      /* per full handshake */
	uint32_t proxy_protocol; /* a bit for each version of the header */
	uint32_t balancer;     /* enum conf_balancer */
	uint32_t n_trusted;
	struct ipprefix *trusted; /* where balancers are */
	uint32_t forwarded;    /* enum conf_forwarded: from others */
	uint32_t expose;       /* enum conf_expose */
	bool access_log;       /* its requests are in the access log */
};

struct conf_server_tls {
	const char *ca;	  /* PEM bundle; NULL = the system's */
	bool pinned;
	uint8_t pin[32];  /* SHA-256 of the leaf certificate */
	uint32_t min;	  /* 10, 12 or 13; 10 only with a pin */
	const char *name; /* name to ask for and to verify; NULL = the FQDN */
};

struct conf_vdir {
	bool present;
	const char *internal_url, *external_url; /* NULL = none */
};

/* Methods and schemes, as exchange.h numbers them: a bit each. */
enum conf_method { CONF_BASIC = 1, CONF_NTLM = 2, CONF_NEGOTIATE = 4 };
enum conf_told { CONF_NOT_TOLD, CONF_FALSE, CONF_TRUE };
enum conf_binding {
	CONF_BINDING_NOT_TOLD,
	CONF_BINDING_NONE,
	CONF_BINDING_ALLOW,
	CONF_BINDING_REQUIRE,
};

/* Outlook Anywhere by the names of Get-OutlookAnywhere; zero: not told. */
struct conf_outlook {
	const char *external_hostname, *internal_hostname;
	uint32_t default_method, client, external, internal; /* conf_method */
	uint32_t n_iis;
	uint32_t *iis; /* enum conf_method */
	uint32_t external_ssl, internal_ssl, ssl_offloading; /* conf_told */
	uint32_t binding; /* enum conf_binding */
};

/* How the server learns who asks for Outlook Anywhere; before 2013 only. */
enum conf_log_on { CONF_LOG_ON_SERVICE, CONF_LOG_ON_PASSTHROUGH };

struct conf_server {
	const char *name, *fqdn;
	uint32_t n_addresses; /* 0: resolve the FQDN */
	struct ipaddr *addresses;
	uint32_t port;
	uint32_t pop_port, imap_port;
	bool pop, imap;	     /* are its services on? */
	const char *version; /* a form exchange_build_parse() or
			      * exchange_version_parse() understands */
	const char *site;
	uint32_t site_index;
	uint32_t roles;	     /* 0 = not told */
	uint32_t weight;     /* [0..1000] */
	bool drained;
	bool probes; /* its health is looked at */
	const char *spn; /* "HTTP/host"; NULL: of the FQDN */
	uint32_t log_on; /* enum conf_log_on */
	uint32_t n_sources;
	struct ipaddr *sources; /* addresses to connect from; none: routed */
	struct conf_server_tls tls;
	bool has_vdirs; /* else all that its version has, without URLs */
	struct conf_vdir vdir[CONF_VDIR_COUNT];
	struct conf_outlook outlook;
};

/* Each site of a link is that far from each other one of it. */
struct conf_link {
	uint32_t n_sites;
	const char **sites;
	uint32_t *site; /* indices of those */
	uint32_t cost;
};

struct conf_array {
	const char *fqdn, *site;
	uint32_t site_index;
};

struct conf_database {
	const char *name, *site;
	uint32_t site_index;
};

enum conf_mode { CONF_DIRECT, CONF_VIA_15 };
enum conf_cross_site { CONF_SILENT, CONF_MANUAL, CONF_NEVER };
enum conf_rpc_encryption { CONF_RPC_LOG, CONF_RPC_REQUIRE };
enum conf_ews_2007 { CONF_EWS_PROXY, CONF_EWS_REFUSE };
enum conf_version_gate { CONF_GATE_WARN, CONF_GATE_REFUSE };

struct conf_routing {
	uint32_t mode[CONF_PROTOCOL_COUNT]; /* enum conf_mode */
	uint32_t cross_site;		/* enum conf_cross_site */
	uint32_t ews_2007;		/* enum conf_ews_2007 */
	bool eas_redirect;
	uint32_t rpc_encryption; /* enum conf_rpc_encryption */
	uint32_t version_gate; /* enum conf_version_gate */
	const char *target_owa_url;
};

/* What the appliance offers by itself to clients of a directory; none:
 * whatever the server does. */
struct conf_offer {
	uint32_t n;
	uint32_t *method; /* enum conf_method, in the order of the offer */
};

/* The appliance's own account; none without a keytab. */
struct conf_identity {
	const char *keytab;
	const char *account; /* principal; NULL: svc-casgate is not assumed */
	const char *realm;   /* NULL: the account's */
	const char *service; /* "HTTP/host"; NULL: of namespaces[0] */
	uint32_t n_kdcs;
	const char **kdcs; /* none: as /etc/krb5.conf or DNS has them */
	uint32_t threads;
	usec_t timeout; /* of one question */
};

struct conf_mailboxes {
	uint32_t n_csv;
	const char **csv; /* files of Export-Csv */
	bool watch;	  /* import again when one changes */
};

struct conf_limits {
	uint32_t header_size, header_line, headers; /* of one message head */
	uint32_t sessions;	/* client connections, all workers together */
	uint32_t handshakes;	/* TLS handshakes in progress, a worker */
	usec_t handshake_budget; /* for handshakes in one turn */
	uint32_t rpc_denials;	 /* of a virtual connection; 0: any number */
};

struct conf_access_log {
	const char *directory; /* NULL: there is none */
	uint64_t max_file_size; /* [bytes] */
	uint64_t keep_size;	/* of all files [bytes] */
	usec_t keep;		/* 0: for ever */
	uint32_t n_protocols;	/* 0: all */
	uint32_t *protocols;	/* enum conf_vdir_id; CONF_PROTOCOL_COUNT: other */
};

struct conf_timeouts {
	usec_t tls_handshake; /* from TCP's accept to TLS's finish */
	usec_t request_head;  /* from its first to its last byte */
	usec_t login;	      /* of a mail client, from its connection */
	usec_t idle;	      /* between requests */
	usec_t connect;	      /* TCP and TLS to a back end */
	usec_t linger;	      /* reading on after an early answer */
	usec_t silence[CONF_PROTOCOL_COUNT]; /* of a back end; 0 = the protocol's
					  * own default */
};

enum conf_healthcheck { CONF_HEALTHCHECK_503, CONF_HEALTHCHECK_CLOSE };

struct conf_health {
	bool probes;
	usec_t interval, timeout, slow_start, window;
	uint32_t rise, fall;	  /* probes in a row */
	uint32_t errors, percent; /* requests that failed; 0 = never mind */
	uint32_t healthcheck;	  /* enum conf_healthcheck */
	bool protocol[CONF_PROTOCOL_COUNT];
};

struct conf_tcp {
	uint32_t receive_buffer, send_buffer; /* a connection [bytes] */
	uint32_t window_scale, initial_window;
	bool timestamps;
	usec_t delayed_ack, rto_min, rto_max;
	usec_t time_wait, fin_wait;
	usec_t keepalive_idle, keepalive_interval; /* idle 0 = off */
	uint32_t keepalive_probes;
	uint32_t syn_retries, synack_retries;
	usec_t user_timeout;
};

struct conf {
	struct conf_appliance appliance;
	uint32_t n_interfaces;
	struct conf_interface *interfaces;
	uint32_t n_routes;
	struct conf_route *routes;
	uint32_t n_namespaces;
	const char **namespaces; /* lower case; [0] is where redirects go */
	uint32_t n_certificates;
	struct conf_certificate *certificates;
	uint32_t n_listeners;
	struct conf_listener *listeners;
	const char *site; /* the appliance's own */
	uint32_t site_index;
	uint32_t n_sites;
	const char **sites; /* at least the own one */
	uint32_t n_links;
	struct conf_link *links;
	uint32_t n_servers;
	struct conf_server *servers;
	uint32_t n_arrays;
	struct conf_array *arrays;
	uint32_t n_databases;
	struct conf_database *databases;
	struct conf_routing routing;
	struct conf_offer authentication[CONF_VDIR_COUNT];
	struct conf_identity identity;
	struct conf_mailboxes mailboxes;
	struct conf_access_log access_log;
	struct conf_limits limits;
	struct conf_timeouts timeouts;
	struct conf_health health;
	struct conf_tcp tcp;
	struct conf_store *store; /* conf's own */
};

/* Also look whether the files that are named can be read. */
#define CONF_CHECK_FILES 1U

/**
 * Read, bind and check a configuration.
 *
 * Relative file names in it count from the directory the file is in.
 *
 * @param out     NULL unless 0 is returned; then conf_free() it
 * @param report  zeroed by the caller; errors and warnings, sorted; warnings
 *                may be there on success as well
 * @return 0; -EINVAL when the report holds errors (the file that cannot be
 * read is one); -ENOMEM.
 */
must_check int conf_load(const char *path, unsigned flags, struct conf **out,
			 struct conf_report *report);
/* The same of text in memory; `name` stands in messages and is what relative
 * file names count from. */
must_check int conf_parse(struct bytes text, const char *name, unsigned flags,
			  struct conf **out, struct conf_report *report);
/* NULL is allowed. */
void conf_free(struct conf *c);

/* Where a setting stands: "servers[3].site", or the nearest thing around it
 * that the file has. */
struct conf_pos conf_where(const struct conf *c, const char *path);

/* --- settings in effect, and what a reload would change ------------------ */

struct conf_value {
	char path[CONF_PATH];
	const char *text; /* "30s", "512M", "10.0.0.1/24"; borrowed */
	bool restart;	  /* a reload may not change it */
	bool given;	  /* else the default */
};

/* Every setting of `c`, in the table's order. */
void conf_each(const struct conf *c,
	       void (*fn)(void *arg, const struct conf_value *v), void *arg);

struct conf_change {
	const char *path;
	const char *from, *to; /* NULL: was, or will be, not there */
	bool restart;
};

/* Every setting that differs; returns how many, or -ENOMEM. */
int conf_diff(const struct conf *from, const struct conf *to,
	      void (*fn)(void *arg, const struct conf_change *c), void *arg);
/**
 * The settings that differ and cannot be reloaded.
 *
 * @param list  out: their paths, separated by ", "; cut with "..." if long
 * @return how many; -ENOMEM.
 */
must_check int conf_diff_restart(const struct conf *from, const struct conf *to,
				 char *list, size_t cap);

/* --- driver profiles ----------------------------------------------------- */

enum conf_bus { CONF_BUS_VDEV, CONF_BUS_PCI };

/* drivers-config/NAME.yaml; the fields of nic.h's struct nic_profile. */
struct conf_profile {
	char name[32];
	uint32_t bus; /* enum conf_bus */
	char driver[32];
	char devargs[256];
	uint32_t rx_desc, tx_desc;
	uint32_t max_queues; /* 0 = as many as workers */
	uint32_t max_mtu;
	bool rss, tx_csum, rx_csum, multi_seg, copy_tx, promiscuous;
};

/* As conf_load(). */
must_check int conf_profile_load(const char *path, struct conf_profile *out,
				 struct conf_report *report);
must_check int conf_profile_parse(struct bytes text, const char *name,
				  struct conf_profile *out,
				  struct conf_report *report);

/* --- the table, for people ----------------------------------------------- */

/* Each setting with type, range, default, reload or restart, and what it is
 * for: `casgate --help-config`, and the same as man page source. */
void conf_print_help(FILE *f);
void conf_print_man(FILE *f);
void conf_profile_print_help(FILE *f);
