/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proxy_world.h - the real proxy between scripted clients and origins: three
 * kinds of hosts on the simulated network, one virtual clock, TLS everywhere.
 *
 * Host 0 is all clients, host 1 the appliance, hosts 2 and 3 are two Exchange
 * servers. Whoever calls an address of no host talks to a black hole.
 *
 * After each turn in which the proxy says that it has nothing to do, every
 * session is run once for nothing: one that gets on then was waiting for an
 * event that nobody would have sent.
 */
#pragma once

#include <stdlib.h>

#include "proxy/proxy_int.h"
#include "sim.h"

#define PROXY_HOST 1
#define ORIGIN_A 2
#define ORIGIN_B 3
#define HOLE 200 /* a host that is nobody */
#define NAME "mail.contoso.com"

#define CLIENTS 256
#define ORIGINS 2048
#define RECORDED (4 << 20) /* of all request heads that origins saw */

/* How a connection ended, as seen from the one end. */
enum ending {
	STILL_OPEN,
	BY_NOTIFY, /* close_notify */
	BY_FIN,	   /* a FIN without one */
	BY_RESET,
	BY_SILENCE, /* TCP gave up */
	BY_TLS,	    /* the handshake or a record failed */
};

const char *ending_name(enum ending e);

/* One end of a connection that is not the proxy's. */
struct end {
	struct stream st;
	bool plain, open, paused;
	bool shut; /* it has said its last word */
	enum ending ended;
	uint8_t *rx; /* plaintext, from rx_off */
	size_t rx_off, rx_n, rx_cap;
	size_t got; /* plaintext bytes ever */
	size_t cut; /* longest record it writes; 0 = any */
};

/* What a request asks of the origin, by its query: "?id=7&n=1000&f=c". */
struct plan {
	uint64_t id, n, shortfall, delay;
	unsigned status, interim, raw;
	char framing; /* l, c, u(ntil close), 0 = none */
	char then; /* k(eep), n(otify), f(in), r(eset) */
	bool early; /* answers before the body came */
	bool silent; /* never answers */
	uint64_t deaf; /* stops reading for so long [us] */
	uint64_t late; /* waits with `then` [us] */
	bool close; /* Connection: close */
	bool own; /* its body is pattern(id) */
	bool ntlm; /* remembers who it is, by connection */
	uint32_t pad; /* bytes of a header line of ballast */
};

struct origin {
	struct end e;
	unsigned host, index;
	struct http_scan scan;
	struct http_head head;
	struct http_body body;
	bool in_body, in_answer, head_out, said, over;
	struct plan plan;
	uint64_t left, sent, chunk; /* of the answer */
	usec_t when, hears; /* the next act; reads again */
	uint64_t requests;
	uint64_t body_bytes; /* of the request under way */
	bool whole; /* the last request's body came whole */
	char who[64]; /* who authenticated this connection */
	/* On port 993 it is an IMAP server, somewhat. */
	bool mail, greeted;
	char tag[16];
	uint64_t takes; /* bytes that are no command */
};

/* What happened at the origins in all. */
struct seen {
	unsigned connections, requests, whole;
	unsigned ended[BY_TLS + 1];
	size_t bytes;	/* bodies of requests */
	char *heads;	/* every request head, one behind the other */
	size_t heads_n;
};

struct world_setup {
	uint64_t seed;
	struct sim_link link;
	uint32_t sessions, buffers, large; /* 0 = ample */
	uint32_t sndbuf, max_handshakes;   /* 0 = usual */
	uint16_t client_mss;		   /* 0 = of 1500 bytes */
	uint32_t client_rcvbuf;
	usec_t lan_delay; /* to the origins */
	bool probes;	  /* of the first two servers */
	const char *const *raw; /* answers of origins, by plan.raw - 1 */
};

struct world {
	struct world_setup setup;
	struct sim sim;
	struct proxy *proxy;
	struct snap config;
	struct built *built;
	struct route_table *routes;
	struct health_board *board;
	struct proxy_log *log;
	struct {
		unsigned n; /* of requests that are over */
		struct proxy_record last;
	} logged;
	struct tls_target *client_tls;
	struct stream_pool bufs; /* of the ends */
	struct list nobody;
	struct client *client[CLIENTS];
	struct origin *origin[ORIGINS];
	unsigned n_clients, n_origins;
	struct seen seen;
	uint8_t user[8][2]; /* who belongs to which server, + 1 */
	struct rte_mbuf *hogged[16384];
	unsigned n_hogged;
	struct stream_buf *hogged_bufs[4096];
	unsigned n_hogged_bufs;
	unsigned busy; /* turns in a row in which the proxy was */
	uint64_t audits;
	bool trace;
	char wrong[256];
	void (*clients)(struct world *w); /* their turn */
};

extern struct world world; /* one at a time: call-backs have no argument */

void world_start(void); /* once a process */
void world_stop(void);
void world_init(struct world *w, const struct world_setup *setup);
/* When the clients have let go: wait until nothing is left, and look whether
 * all came back. The reason why not is in w->wrong. */
void world_settle(struct world *w);
void world_fini(struct world *w);
/* Until w->clients' work is done() or `limit` of virtual time has passed. */
bool world_run(struct world *w, bool (*done)(struct world *w), usec_t limit);
void world_fail(struct world *w, const char *fmt, ...) printf_like(2, 3);

/* A new configuration, as a reload makes one. */
struct change {
	bool no_listeners, no_server_a, no_server_b, small_heads;
};
void world_reload(struct world *w, const struct change *change);
/* Take the appliance's packet buffers but for `leave`; SIZE_MAX: give back. */
void world_hog(struct world *w, size_t leave);
/* The same of its plaintext buffers. */
void world_hog_buffers(struct world *w, size_t leave);
/* An address of somebody whose requests go to that server first; what is no
 * server's name comes back as it is. */
const char *world_user(struct world *w, const char *server);
struct tls_server *world_origin_tls(void);

/* Connections of the proxy begin by dial() alone, and none goes to a stranger
 * (proxy_ends.c). */
void world_check_dialed(struct world *w);

/* --- ends (proxy_ends.c) ------------------------------------------------- */

void end_connect(struct world *w, struct end *e, uint16_t port);
/* Handshake, read what has come; false while it is not open. */
bool end_step(struct world *w, struct end *e, bool server);
/* Write up to n bytes; returns how many were taken. */
size_t end_write(struct world *w, struct end *e, const void *p, size_t n);
void end_notify(struct world *w, struct end *e); /* close_notify alone */
void end_fin(struct world *w, struct end *e);	 /* FIN alone */
void end_close(struct world *w, struct end *e);	 /* both */
void end_reset(struct world *w, struct end *e);
void end_leave(struct world *w, struct end *e); /* close(), in effect */
void end_free(struct world *w, struct end *e);
static inline struct bytes end_bytes(const struct end *e)
{
	return (struct bytes){ e->rx + e->rx_off, e->rx_n - e->rx_off };
}
void end_consume(struct end *e, size_t n);

/* An answer being read. */
struct answer {
	struct http_scan scan;
	struct http_head head;
	struct http_body body;
	bool to_head, in_body, done;
	bool wrong; /* malformed, or not this request's bytes */
	unsigned status;
	uint64_t id, n; /* of X-Id, UINT64_MAX without one; bytes of content */
	char server[8], connection[8], who[64]; /* as the origin tells */
};

/* Read on; returns how much of `in` was used. `over`: nothing follows, and the
 * end was a clean one. */
size_t answer_take(struct answer *a, struct bytes in, bool over);

/* The byte at `at` of the body that answers request `id`. */
static inline uint8_t pattern(uint64_t id, uint64_t at)
{
	return (uint8_t)('a' + (id * 7 + at + at / 26 * 3) % 26);
}

/* Not terminated; returns the length. */
size_t world_base64(const char *from, size_t n, char *dst);

/* --- origins (proxy_origin.c) --------------------------------------------- */

void origins_turn(struct world *w, struct sim_host *h);
void origin_record(struct world *w, struct bytes head);
extern const char origin_mail_port; /* user of that listener */

/* --- mail origins (proxy_mail.c) ------------------------------------------- */

void origin_mail(struct world *w, struct origin *o);

/* --- the random part (proxy_random.c) -------------------------------------- */

/* False and a line on stdout when something was wrong. */
bool random_run(uint64_t seed, bool trace);
