/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * load.h - the two ends of a measured path: clients that ask, an origin that
 * answers; private to app/casgate-load.
 *
 * Both are applications of the worker loop, on casgate's own stack, so that
 * what lies between them is all that is measured.
 */
#pragma once

#include "http/http.h"
#include "proxy/proxy.h"
#include "stats/stats.h"
#include "stream/stream.h"
#include "worker/worker.h"

struct load_options {
	unsigned connections; /* at a time */
	unsigned seconds;
	uint32_t size;	      /* of an answer's body [bytes] */
	bool close;	      /* a new connection for each request */
	bool direct;	      /* no casgate in between */
	bool json;
	bool internal;	       /* answers name servers */
	const char *log;       /* directory of the access log, or NULL */
	const char *chain, *key, *ca; /* PEM: everybody's certificate, its key,
				       * and who signed it */
};

/* --- client.c ------------------------------------------------------------------ */

struct client;

struct client_config {
	struct tcp_stack *tcp;
	struct ipaddr target;
	uint16_t port;
	unsigned connections;
	bool close;
	struct tls_target *tls;
	const char *host; /* of the requests */
	usec_t (*clock)(void);
};

struct client_stats {
	uint64_t requests, handshakes, failures, bytes;
	struct hist latency; /* request written -> answer read whole [us] */
};

must_check struct client *client_new(const struct client_config *c);
void client_free(struct client *c);
struct worker_app *client_app(struct client *c);
/* No new requests; connections end when they are answered. */
void client_stop(struct client *c);
bool client_idle(const struct client *c);
/* Forget what was measured so far. */
void client_reset(struct client *c);
const struct client_stats *client_stats(const struct client *c);

/* --- origin.c ------------------------------------------------------------------- */

struct origin;

struct origin_config {
	struct tcp_stack *tcp;
	struct ipaddr addr;
	uint16_t port;
	uint32_t size; /* of every answer [bytes] */
	unsigned max_connections;
	struct tls_server *tls;
};

must_check struct origin *origin_new(const struct origin_config *c);
void origin_free(struct origin *o);
struct worker_app *origin_app(struct origin *o);
