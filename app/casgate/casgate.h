/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * casgate.h - the daemon: everything of one appliance, joined; private to
 * app/casgate.
 *
 * The main thread is the control thread: it starts the workers, answers the
 * control socket, publishes configurations, and never touches a packet.
 */
#pragma once

#include "accesslog.h"
#include "authpool.h"
#include "conf/conf.h"
#include "control/control.h"
#include "proxy/proxy.h"
#include "worker/worker.h"

#define SERVER_IDS 1024 /* names of servers seen in one life of the daemon */

struct options {
	const char *config;	/* casgate.yaml */
	const char *profiles;	/* directory of driver profiles, or NULL */
	bool no_huge, check;
};

/* The proxy as the worker loop sees it. */
struct worker_proxy {
	struct worker_app app;
	struct proxy *proxy;
	struct app *all;
	unsigned lcore, index;
};

/* What an administrator said of a server by hand; outlives reloads. */
enum drain_state { DRAIN_AS_CONFIGURED, DRAIN_YES, DRAIN_NO };
enum outlook_state {
	OUTLOOK_AS_CONFIGURED,
	OUTLOOK_ENABLED,
	OUTLOOK_DISABLED
};

struct server_name {
	char name[EXCHANGE_NAME];
	enum drain_state drain;
	enum outlook_state outlook;
	struct exchange_outlook settings; /* of Outlook Anywhere */
	struct exchange_build seen; /* its own word, at the last preflight */
	struct health_components components;
	bool was_ready; /* for Outlook Anywhere, at some preflight */
	usec_t advised; /* what to do about it; 0: nothing */
	const char *found[EXCHANGE_PROTOCOL_COUNT]; /* by the last preflight:
						     * what is not ready */
};

struct preflight;

struct app {
	struct options opt;
	struct conf *conf;	 /* in effect */
	struct conf_report report; /* of the last load */
	struct snap config;	 /* struct proxy_config */
	uint64_t generation;
	struct route_table *routes;
	struct health_board *board;
	struct tls_tickets *tickets;
	struct hash_key secret;
	uint8_t cookie_key[SEAL_KEY]; /* of this process's life */
	unsigned n_servers;
	struct server_name server[SERVER_IDS]; /* by stable id */

	struct health_components components; /* of the appliance */
	struct conf_offer rpc_offer; /* in place of the configured one; n == 0:
				      * that one */
	uint32_t rpc_method[3];

	unsigned workers;
	bool huge, shared_cpus;
	struct nic_port *port[IP_IFACES];
	unsigned n_ports;
	struct rte_mempool *pool[WORKERS_MAX];
	struct worker_group *group;
	struct worker_proxy proxy[WORKERS_MAX];
	struct accesslog *log;
	struct authpool *auth; /* NULL: no account */
	struct control_server *control;

	usec_t began;
	struct preflight *preflight; /* under way */
	bool stopping;	   /* healthcheck.htm fails, */
	bool draining;	   /* and nothing new is let in */
	usec_t drain_at;   /* which begins then */
	usec_t stop_until; /* after which sessions are cut */
	int64_t csv_mtime; /* of the mailbox files, as last imported */
};

/* --- build.c: from settings to what workers read -------------------------- */

/* A configuration as one object; NULL with findings in `report`. `workers`: how
 * many sets of TLS contexts. Thread: control. */
struct proxy_config *build_config(struct app *a, const struct conf *conf,
				  unsigned workers, struct conf_report *report);
/* The same one with drain and component states as they are now; shares
 * contexts. */
struct proxy_config *build_again(struct app *a, const struct proxy_config *old);
/* Parts of both: rules of probes; what the administrator says of components,
 * here and of each server. */
void build_health(const struct conf *conf, struct proxy_config *p);
void build_components(const struct app *a, struct proxy_config *p);
/* Outlook Anywhere, what clients are offered, version gates; findings go to
 * `r`, unless it is NULL. */
void build_outlook(const struct app *a, const struct conf *conf,
		   struct proxy_config *p, struct conf_report *r);
/* Make it current; the old one is freed when no worker can be reading it. */
void build_publish(struct app *a, struct proxy_config *config);
void build_free(struct proxy_config *config);
static inline const struct proxy_config *config_now(const struct app *a)
{
	return snap_get(&a->config);
}

/* --- start.c: EAL, ports, pools, workers ----------------------------------- */

must_check int start_all(struct app *a);
void stop_all(struct app *a);
/* Tell the log writer what is configured. */
void start_logging(struct app *a);
/* How many workers this machine and configuration make. */
unsigned start_workers(const struct conf *conf);
/* What a start would need beyond the file itself: driver profiles, memory. */
must_check int start_check(const struct app *a, const struct conf *conf,
			   struct conf_report *report);
/* Packet buffers of one worker, and the sum in words; 0 when it cannot be. */
unsigned start_packets(const struct conf *conf, unsigned workers, char *sum,
		       size_t cap);

/* --- reload.c ------------------------------------------------------------------ */

/* Read, check, build, publish; or nothing, and why in `error`. */
must_check int reload(struct app *a, char *error, size_t cap);
/* Import the mailbox files when they changed (or `force`). Returns 0 or
 * -errno with one sentence. */
must_check int reload_mailboxes(struct app *a, const struct conf *conf,
				bool force, char *error, size_t cap);
/* A whole regular file, malloc()ed, on behalf of a caller (NULL: our own), who
 * must be allowed to read it. NULL with one sentence. */
uint8_t *read_file(const char *path, const struct control_call *call, size_t *n,
		   char *error, size_t cap);
/* One file; *report tells what it held. */
must_check int import_mailboxes(struct app *a, const char *path,
				const struct control_call *call, bool replace,
				struct route_import_report *report, char *error,
				size_t cap);
/* `casgate --check`: prints findings; 0 when it would start. */
int check_only(struct app *a);

/* --- main.c: begin to drain ------------------------------------------------------- */

void stop_begin(struct app *a);

/* --- call.c: questions to workers ------------------------------------------------ */

/* Run fn(proxy, arg, now) on worker i and wait; -ETIMEDOUT when it does not
 * come back, and then `arg` must never be freed. */
must_check int ask_worker(struct app *a, unsigned i,
			  void (*fn)(struct proxy *p, void *arg, usec_t now),
			  void *arg);
/* Why worker i last failed with the server of that id; "" if it did not. */
must_check int ask_last_error(struct app *a, unsigned i, unsigned id,
			      char error[200]);
uint64_t sum_sessions(const struct app *a);

/* --- health.c --------------------------------------------------------------------- */

/* Tell every change of a server's health, a line each. */
void watch_health(struct app *a);
/* All protocols of a server as their owners see them. */
must_check int ask_health(struct app *a, unsigned id,
			  struct health out[EXCHANGE_PROTOCOL_COUNT]);
/* "up", "down: rpc, ews", "unknown": all that it serves, in a few words. */
char *health_in_short(const struct app *a, const struct exchange_server *s,
		      char *dst, size_t cap);

/* --- logon.c: questions with somebody's credentials ------------------------------- */

#define LOGON_TARGET (EXCHANGE_HOST + 8)

struct logon {
	char value[1024]; /* of Authorization; "": nobody */
	char mailbox[LOGON_TARGET]; /* the user's, as Outlook asks for it from
				     * 2013 on; "": not known */
};

/* The call's --user and --password, or nobody; false after control_fail(). */
must_check bool logon_given(struct app *a, struct control_call *call,
			    struct logon *l);
/* What Outlook would ask this server for: from 2013 on the mailbox, of 2010 the
 * Client Access server itself, of 2007 a mailbox server. False: there is
 * nothing to ask for. */
must_check bool logon_target(struct app *a, const struct logon *l,
			     const struct exchange_server *s,
			     char dst[LOGON_TARGET]);

/* --- preflight.c ------------------------------------------------------------------ */

/* Answer the one that is under way, if all is known. */
void preflight_look(struct app *a);
/* How many mailboxes this server is a front end of. */
size_t mailboxes_behind(struct app *a, const struct exchange_server *s);

/* --- handlers --------------------------------------------------------------------- */

void handlers_fill(control_handler *handler);
/* Index of the server that --server or its word names; -1 after
 * control_fail(). */
/* The server that an argument of the call names; -1 after control_fail(). */
int server_named(const struct proxy_config *c, struct control_call *call,
		 const char *argument);
int which_server(const struct proxy_config *c, struct control_call *call);
json_t *handle_status(void *ctx, struct control_call *call);
json_t *handle_worker_list(void *ctx, struct control_call *call);
json_t *handle_server_list(void *ctx, struct control_call *call);
json_t *handle_server_show(void *ctx, struct control_call *call);
json_t *handle_server_drain(void *ctx, struct control_call *call);
json_t *handle_server_enable(void *ctx, struct control_call *call);
json_t *handle_component_list(void *ctx, struct control_call *call);
json_t *handle_component_show(void *ctx, struct control_call *call);
json_t *handle_component_set(void *ctx, struct control_call *call);
json_t *handle_outlook_show(void *ctx, struct control_call *call);
json_t *handle_outlook_set(void *ctx, struct control_call *call);
json_t *handle_outlook_enable(void *ctx, struct control_call *call);
json_t *handle_outlook_disable(void *ctx, struct control_call *call);
json_t *handle_auth_status(void *ctx, struct control_call *call);
json_t *handle_auth_test(void *ctx, struct control_call *call);
json_t *handle_auth_flush(void *ctx, struct control_call *call);
/* The service principal name of server i, "HTTP/host". */
void server_spn(const struct conf *conf, unsigned i, char dst[AUTH_NAME]);
json_t *handle_plan(void *ctx, struct control_call *call);
json_t *handle_preflight(void *ctx, struct control_call *call);
json_t *handle_mailbox_show(void *ctx, struct control_call *call);
json_t *handle_mailbox_set(void *ctx, struct control_call *call);
json_t *handle_mailbox_move(void *ctx, struct control_call *call);
json_t *handle_mailbox_remove(void *ctx, struct control_call *call);
json_t *handle_mailbox_import(void *ctx, struct control_call *call);
json_t *handle_mailbox_count(void *ctx, struct control_call *call);
json_t *handle_route_explain(void *ctx, struct control_call *call);
json_t *handle_vc_list(void *ctx, struct control_call *call);
json_t *handle_session_list(void *ctx, struct control_call *call);
json_t *handle_session_kill(void *ctx, struct control_call *call);
json_t *handle_neighbour_list(void *ctx, struct control_call *call);
json_t *handle_interface_list(void *ctx, struct control_call *call);
json_t *handle_stats(void *ctx, struct control_call *call);
json_t *handle_config_check(void *ctx, struct control_call *call);
json_t *handle_config_reload(void *ctx, struct control_call *call);
json_t *handle_config_show(void *ctx, struct control_call *call);
json_t *handle_log_level(void *ctx, struct control_call *call);
json_t *handle_log_rotate(void *ctx, struct control_call *call);
json_t *handle_stop(void *ctx, struct control_call *call);
json_t *handle_version(void *ctx, struct control_call *call);
