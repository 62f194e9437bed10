/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proxy.h - client sessions: a client's connection on one side, one back-end
 * connection on the other, requests routed one by one between them.
 *
 * One struct proxy a worker, fed by proxy_serve() once a turn. What comes from
 * the configuration is an immutable struct proxy_config published by control;
 * a session copies what it needs of it and re-resolves at each request.
 *
 * A back-end connection belongs to one client connection and one user. It is
 * never handed to another session, and is closed when the user changes: there
 * is no pool it could go back to.
 */
#pragma once

#include "auth/auth.h"
#include "exchange/exchange.h"
#include "front/front.h"
#include "health/health.h"
#include "http/http.h"
#include "proxy/proxy_log.h"
#include "route/route.h"
#include "rpch/rpch.h"
#include "seal/seal.h"
#include "snap/snap.h"
#include "stats/stats.h"
#include "stream/stream.h"

#define PROXY_WORKERS 16
#define PROXY_LISTENERS 32
#define PROXY_ADDRS 8   /* addresses of one back end */
#define PROXY_TRUSTED 16 /* networks of balancers */
#define PROXY_SOURCES 16 /* addresses to connect to one from */

/* --- what control publishes ---------------------------------------------------- */

struct proxy_listener {
	char name[EXCHANGE_NAME];
	struct ipaddr addr; /* :: = any of ours */
	uint16_t port;
	bool https; /* TLS from the first byte. Else: the redirects of port 80
		     * and nothing else, or STARTTLS */
	bool mail;  /* POP or IMAP, as `protocol` says */
	enum exchange_protocol protocol;
	/* Balancers in front: who they are, and what they say. */
	unsigned n_trusted;
	struct ipprefix trusted[PROXY_TRUSTED];
	unsigned proxy_header; /* FRONT_V1, FRONT_V2; 0: none is expected */
	bool balanced; /* requests of many clients come on one connection */
	bool closes_forwarded; /* X-Forwarded-For of others ends theirs */
	bool internal; /* answers may name servers */
	bool log;   /* its requests are in the access log, if there is one */
	struct tls_server *tls[PROXY_WORKERS];
};

/* A back end beside its exchange_server, same index. */
struct proxy_server {
	unsigned n_addrs;
	struct ipaddr addr[PROXY_ADDRS];
	uint16_t port, pop_port, imap_port;
	unsigned n_sources; /* 0: the route chooses */
	struct ipaddr source[PROXY_SOURCES];
	struct tls_target *tls[PROXY_WORKERS];
	struct tls_target *mail_tls[PROXY_WORKERS]; /* NULL without listeners */
	bool probes; /* its health is looked at */
	char service[AUTH_NAME]; /* "HTTP/host": Basic clients of Outlook
				  * Anywhere are carried by the appliance's
				  * account; "": as they are */
};

struct proxy_timeouts {
	usec_t tls_handshake;	/* a client's, from accept */
	usec_t request_head;	/* from its first byte, or from accept */
	usec_t keep_alive;	/* between requests */
	usec_t connect;		/* TCP and TLS towards a back end */
	usec_t linger;		/* discarding after a close */
	usec_t silence[EXCHANGE_PROTOCOL_COUNT]; /* no byte either way */
	usec_t login; /* a mail client's, from accept; a server's answer */
};

/* What clients of a directory are asked by ourselves, as header lines with
 * their CRLF; "": the server asks them. */
struct proxy_offer {
	char challenge[384];
	char shared[320]; /* on a connection that many of them share */
};

struct proxy_config {
	struct snap_head head; /* for snap_defer() */
	uint64_t generation;   /* differs from every other one's */
	char name[EXCHANGE_NAME]; /* the appliance's: X-FEServer */
	struct exchange_topology topology;
	struct proxy_server *server;	/* topology.n_servers of them */
	int16_t *server_of_id;		/* index by exchange_server.id, or -1 */
	unsigned n_ids;
	unsigned n_listeners;
	struct proxy_listener listener[PROXY_LISTENERS];
	struct http_limits limits;
	struct proxy_timeouts timeouts;
	char basic[384]; /* WWW-Authenticate of Basic, as header line */
	usec_t login_timeout;
	bool rpc_encryption_required; /* of legacy mailboxes' clients */
	unsigned rpc_denials; /* end a virtual connection; 0: none does */
	struct proxy_offer offer[EXCHANGE_PROTOCOL_COUNT]; /* and the schemes
							    * it holds:
							    * topology.policy */
	struct health_rules health;
	/* Components, by what the administrator says: protocols that are
	 * answered 503, a bit each, and why; those whose healthcheck.htm fails
	 * so that a balancer turns away. */
	uint16_t inactive, failing;
	char why_inactive[EXCHANGE_PROTOCOL_COUNT][128];
	bool healthcheck_closes; /* instead of answering 503 */
	unsigned max_handshakes; /* in progress, a worker */
	usec_t handshake_budget; /* a turn, one step at least */
	/* What the access log takes: a bit a protocol, and the one behind them
	 * for requests of none. 0: there is no log. */
	uint32_t log;
};

/* --- one worker's proxy ----------------------------------------------------------- */

struct proxy;
struct proxy_call;

/* Threads that may wait for a domain controller. NULL: there are none. */
struct proxy_logons {
	/* False: too many wait. The job comes back by next(). */
	bool (*ask)(void *arg, unsigned worker, struct auth_job *j);
	struct auth_job *(*next)(void *arg, unsigned worker);
	void *arg;
};

struct proxy_setup {
	unsigned worker, workers;
	struct hash_key secret; /* the same for all workers */
	uint8_t cookie_key[SEAL_KEY]; /* so is this, and for all appliances that
				       * are to know each other's browsers */
	/* A call to another worker's proxy_message(); false: not now. NULL for
	 * a single worker. */
	bool (*send)(void *arg, unsigned to, struct proxy_call *call);
	void *send_arg;
	struct tcp_stack *tcp;	     /* outlives the proxy */
	const struct snap *config;   /* of struct proxy_config, never NULL */
	struct route_table *routes;
	struct health_board *board;  /* of all workers; NULL: nobody looks */
	usec_t (*clock)(void);	     /* read again after a handshake step */
	uint32_t max_sessions;
	uint32_t buffers, large_buffers; /* for plaintext in transit */
	uint32_t max_server_ids;
	struct proxy_log *log;	/* NULL: none; outlives the proxy */
	struct proxy_logons auth;
};

/* Control thread; NULL when memory is short. */
must_check struct proxy *proxy_new(const struct proxy_setup *setup, usec_t now);
void proxy_free(struct proxy *p);

/* One turn: new connections, ready ones, handshakes within their budget,
 * timers. True when anything was done or is left to do. */
bool proxy_serve(struct proxy *p, usec_t now);
/* When proxy_serve() has something to do although nothing arrives. */
usec_t proxy_next(const struct proxy *p);

/* --- what control asks -------------------------------------------------------------- */

/* Runs fn on the worker, between turns; the call is the sender's, and is not
 * touched once fn has been called. */
struct proxy_call {
	void (*fn)(struct proxy *p, void *arg, usec_t now);
	void *arg;
};
void proxy_message(struct proxy *p, struct proxy_call *call, usec_t now);

/* --- probes ------------------------------------------------------------------------ */

/* A question to one server, asked as a client's request would be carried, but
 * without a client. The caller keeps it until it is done. */
struct proxy_probe {
	uint16_t server; /* stable id */
	enum exchange_protocol protocol;
	enum exchange_ask ask;
	usec_t timeout; /* of all of it */
	/* Of EXCHANGE_ASK_ECHO and _CONNECT, else NULL; borrowed: the values of
	 * Authorization ([1]: of the IN channel), what is asked for
	 * ("server:6001"), the channels. */
	const char *login[2], *target;
	const struct rpch_opening *opening;
	struct exchange_facts facts; /* out */
	bool held_up; /* out: the worker was, meanwhile; time-outs tell nothing */
	void (*done)(struct proxy *p, struct proxy_probe *q, usec_t now);
	void *arg; /* done's */
	struct list link;
	struct session *out, *in; /* the proxy's own: the two channels */
};
/* On the worker. So many at a time; others wait. */
#define PROXY_PROBES 64
void proxy_probe(struct proxy *p, struct proxy_probe *q);

struct proxy_session_info {
	uint64_t id; /* worker in the top byte */
	char client[IPADDR_STR], listener[EXCHANGE_NAME], state[24];
	char user[128], server[EXCHANGE_NAME], protocol[16], tls[16];
	uint64_t age_us, idle_us, requests, bytes_up, bytes_down;
};
/* Fills at most n, oldest first; returns how many sessions there are. */
unsigned proxy_sessions(struct proxy *p, struct proxy_session_info *out,
			unsigned n, usec_t now);
/* False when there is no such session here. Both sides are reset. PROXY_ALL:
 * every session. */
#define PROXY_ALL UINT64_MAX
/* A channel of Outlook Anywhere. */
struct proxy_channel_info {
	uint64_t session;
	uint8_t vc[16];	/* cookie; all 0: not seen */
	bool out, recycled, opaque;
	uint8_t auth_level; /* of the last bind */
	unsigned denials; /* of the virtual connection; of OUT only */
	char user[128], target[64], server[EXCHANGE_NAME];
	char client[IPADDR_STR];
	uint64_t age_us, ping_us; /* since; ping UINT64_MAX: none */
	uint64_t timeout_us;	  /* ConnectionTimeout, 0 = not told */
	uint64_t pdus, bytes_up, bytes_down;
};
/* As proxy_sessions(). */
unsigned proxy_channels(struct proxy *p, struct proxy_channel_info *out,
			unsigned n, usec_t now);
bool proxy_kill(struct proxy *p, uint64_t id, usec_t now);
/* Forget which passwords were right. */
void proxy_forget_logins(struct proxy *p);
/* Close listeners and idle sessions, end the others after their answer. */
void proxy_drain(struct proxy *p, usec_t now);

#define PROXY_STATS(X)                                                         \
	X(sessions, "sessions now")                                            \
	X(accepted, "connections accepted")                                    \
	X(refused, "connections refused: too many sessions")                   \
	X(strangers, "connections refused: no balancer of the listener's")      \
	X(front_headers, "PROXY headers taken")                               \
	X(front_refused, "connections closed for want of a PROXY header")     \
	X(forwarded_refused,                                                   \
	  "requests refused for their X-Forwarded-For")                        \
	X(binds_refused, "requests refused: NTLM or Negotiate by a balancer")  \
	X(logins, "passwords of Outlook Anywhere that were right")             \
	X(logins_denied, "passwords of Outlook Anywhere that were wrong")      \
	X(logins_failed, "no domain controller could say, or gave no ticket")  \
	X(logins_refused, "requests answered 503: too many wait to log on")    \
	X(logins_now, "questions to domain controllers under way")             \
	X(tickets_refused, "tickets of the appliance that a server refused")   \
	X(challenged, "requests answered 401 by the appliance itself")         \
	X(handshakes, "TLS handshakes with clients completed")                 \
	X(handshakes_resumed, "of them resumed")                               \
	X(handshakes_failed, "TLS handshakes with clients that failed")        \
	X(handshakes_now, "handshakes in progress now")                        \
	X(requests, "requests")                                                \
	X(proxied, "requests sent to a back end")                              \
	X(redirected, "requests answered by a redirect")                       \
	X(sent_on, "logons by form sent on to another server's logon")         \
	X(answered, "requests answered by an error of our own")                \
	X(healthchecks, "healthcheck.htm asked for")                           \
	X(inactive, "requests answered 503: the component is Inactive")        \
	X(malformed, "requests refused as malformed")                          \
	X(misdirected, "requests for a host that is not ours")                 \
	X(unknown_vdir, "requests for an unknown virtual directory")           \
	X(hostile_targets, "requests refused: their address is an attack")     \
	X(redirect_loops, "redirects of servers to the very address asked "    \
			  "for, stopped")                                      \
	X(bad_responses, "back-end answers refused as malformed")              \
	X(responses_1xx, "interim answers of back ends, swallowed")            \
	X(responses_2xx, "answers passed on, 2xx")                             \
	X(responses_3xx, "answers passed on, 3xx")                             \
	X(responses_4xx, "answers passed on, 4xx")                             \
	X(responses_5xx, "answers passed on, 5xx")                             \
	X(connects, "connections to back ends opened")                         \
	X(connects_failed, "connections to back ends that failed")             \
	X(connects_retried, "requests moved on to the next candidate")         \
	X(back_handshakes, "TLS handshakes with back ends completed")          \
	X(back_resumed, "of them resumed")                                     \
	X(back_reused, "requests on an open back-end connection")              \
	X(user_changed, "back-end connections closed: the user changed")       \
	X(client_changed,                                                      \
	  "back-end connections closed: another client of the balancer's")    \
	X(server_changed, "back-end connections closed: another server")       \
	X(mail_dialogues, "POP and IMAP clients not logged in now")            \
	X(mail_logins, "POP and IMAP logins that a server accepted")           \
	X(mail_denied, "POP and IMAP logins that a server denied")             \
	X(mail_injected, "STARTTLS with commands behind it: cut")              \
	X(client_aborts, "clients that vanished inside a message")             \
	X(back_aborts, "back ends that vanished inside an answer")             \
	X(timeouts, "sessions ended by a time-out")                            \
	X(lingers, "closes that waited for the client")                        \
	X(probes, "questions to servers about their health")                   \
	X(probes_failed, "of them answered wrongly or not at all")             \
	X(probes_unanswered, "of all probes without an answer")                \
	X(probes_void, "of them not counted: the worker was held up")          \
	X(health_changes, "servers and protocols that went up or down")        \
	X(ejected, "of them because requests failed")                          \
	X(spared, "not ejected: the last one of its site")                     \
	X(killed, "sessions ended by the administrator")                       \
	X(evicted, "idle or slow sessions closed to make room")                \
	X(overloaded, "requests answered 503 because buffers are short")       \
	X(starved, "times a session waited for a buffer")                      \
	X(bytes_up, "plaintext bytes towards back ends")                       \
	X(bytes_down, "plaintext bytes towards clients")                       \
	X(channels, "channels of Outlook Anywhere now")                        \
	X(channels_unread, "channels passed on unread: there were too many")   \
	X(vc_joined, "virtual connections begun")                              \
	X(vc_kept, "channels taken to the server that has the others")         \
	X(vc_strangers, "replaced channels of unknown virtual connections")    \
	X(vc_full, "virtual connections that were too many to remember")       \
	X(vc_delayed, "questions to other workers that had to wait")           \
	X(vc_unanswered, "questions to other workers not answered in time")    \
	X(rpc_unencrypted, "RPC binds of legacy mailboxes not encrypted")      \
	X(rpc_refused, "of them refused")                                      \
	X(rpc_denials, "RPC calls and binds that servers denied")              \
	X(vc_guessing, "virtual connections cut off: denied too often")        \
	X(buffers_used, "plaintext buffers out now")                           \
	X(large_buffers_used, "large plaintext buffers out now")               \
	X(admission, "admission level now (0 = everything)")

struct proxy_stats {
#define X(name, help) uint64_t name;
	PROXY_STATS(X)
#undef X
	uint64_t requests_of[EXCHANGE_PROTOCOL_COUNT];
	uint64_t rpc_requests[RPCH_REQUEST_COUNT];
	uint64_t http[HTTP_VERDICT_COUNT];
	uint64_t front[FRONT_VERDICT_COUNT];
	struct hist first_byte; /* head received -> answer's first byte [us] */
};
const struct proxy_stats *proxy_stats(struct proxy *p);
const struct rpch_counts *proxy_rpc_counts(struct proxy *p);

/* By stable server id; racy reads of counters are fine, last_error is to be
 * read on the worker (proxy_call). */
struct proxy_server_stats {
	uint64_t connections, requests, failures; /* connections: now */
	uint64_t waiting; /* requests that wait for theirs to open, now */
	char last_error[200];
};
const struct proxy_server_stats *proxy_server_stats(struct proxy *p,
						    unsigned id);

/* Where connections went since the start, a slot each; those beyond the table
 * in the one behind it, which has no address. Free where `count` is 0: to be
 * read first, by proxy_dialed_count(). */
#define PROXY_DIALED 4096
struct proxy_dialed {
	struct ipaddr addr;
	uint16_t port;
	uint64_t count;
};
const struct proxy_dialed *proxy_dialed(struct proxy *p);
static inline uint64_t proxy_dialed_count(const struct proxy_dialed *d)
{
	return __atomic_load_n(&d->count, __ATOMIC_ACQUIRE);
}

/**
 * Find where a request's mailbox lives: the keys in their order, the first
 * that names a mailbox or, for a target in the query, a server.
 *
 * Any registered reader thread. Also what `route explain` uses.
 */
void proxy_locate(const struct exchange_topology *topology,
		  struct route_table *routes, const struct exchange_keys *keys,
		  struct exchange_place *place);
