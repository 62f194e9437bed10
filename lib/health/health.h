/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * health.h - does a server serve a protocol? Probes and the proxy's own results
 * in, a verdict out; and what the administrator says of components.
 *
 * Pure state machines, one a (server, protocol): no I/O, no clock. Each belongs
 * to one worker, its owner, who asks the probes and writes the verdict; every
 * worker reads verdicts and writes a tally of its own.
 */
#pragma once

#include "base/base.h"
#include "exchange/exchange.h"

#define HEALTH_STATES(X)                                                       \
	X(HEALTH_UNKNOWN, "unknown")  /* not looked at yet: used like up */    \
	X(HEALTH_UP, "up")                                                     \
	X(HEALTH_DOWN, "down")	      /* used when there is nobody else */     \
	X(HEALTH_SLOW_START, "slow-start") /* back, with a growing share */

enum health_state {
#define X(id, word) id,
	HEALTH_STATES(X)
#undef X
	HEALTH_STATE_COUNT
};

const char *health_state_word(enum health_state s);

struct health_rules {
	usec_t interval;   /* between two probes, 10 % more or less */
	usec_t timeout;	   /* of one, connecting included */
	usec_t slow_start; /* until a server that came back bears all */
	usec_t window;	   /* over which requests are counted */
	uint16_t rise, fall; /* probes in a row [1..] */
	uint16_t errors; /* requests in a row that failed; 0: not looked at */
	uint16_t percent; /* of a window's requests; 0: not looked at */
	uint16_t protocols; /* a bit for each that is looked at */
};

#define HEALTH_WHY 160

/* One (server, protocol). */
struct health {
	enum health_state state;
	bool asked; /* a probe is under way */
	uint16_t good, bad; /* probes in a row */
	uint32_t row;	    /* requests in a row that failed */
	usec_t since;	    /* of the state; 0: it never changed */
	usec_t due;	    /* the next probe */
	uint64_t seen_good, seen_bad; /* of all tallies, when last looked */
	usec_t window;			/* its begin, */
	uint64_t window_good, window_bad; /* and the sums then */
	char why[HEALTH_WHY]; /* what failed last; "" = nothing yet */
};

/* The first probe comes within an interval: not all at once. */
void health_init(struct health *h, const struct health_rules *r,
		 struct rng *rng, usec_t now);
static inline bool health_due(const struct health *h, usec_t now)
{
	return !h->asked && now >= h->due;
}

/* The next four return true when the state has changed. */

/* A probe has ended; `why` is what failed. What is in doubt is asked five
 * times as often. */
bool health_probed(struct health *h, const struct health_rules *r,
		   struct rng *rng, bool good, const char *why, usec_t now);
/* Out of use until probes succeed; `why` as above. */
bool health_eject(struct health *h, const char *why, usec_t now);
/* Slow start ends by itself. */
bool health_tick(struct health *h, const struct health_rules *r, usec_t now);
/* Nothing is known any more: probes were turned off. */
bool health_forget(struct health *h, usec_t now);

/**
 * Look at what requests met since the last call.
 *
 * @param good, bad  sums of all workers' tallies; never less than before
 * @return true when the server is an outlier: so many in a row failed, or such
 * a part of a window's. Then eject it if its site has somebody else, else have
 * it probed now (h->due), for nothing is gained by giving up the last one.
 */
bool health_outlier(struct health *h, const struct health_rules *r,
		    uint64_t good, uint64_t bad, usec_t now);

/* As exchange_server.health has it: EXCHANGE_UP, EXCHANGE_DOWN, or the share
 * it bears. */
uint8_t health_verdict(const struct health *h, const struct health_rules *r,
		       usec_t now);

/* --- what workers share ---------------------------------------------------- */

#define HEALTH_WORKERS 16

struct health_tally {
	uint64_t good, bad;
};

/* Verdicts and tallies by stable server id. */
struct health_board {
	unsigned workers, ids;
	uint8_t *verdict; /* [cell], the owner writes, all read */
	uint8_t *state;	  /* [cell], the same for people */
	struct health *cell; /* the owner's */
	struct health_tally *tally[HEALTH_WORKERS]; /* [cell], each its own */
};

/* Control thread; NULL when memory is short. */
must_check struct health_board *health_board_new(unsigned workers,
						 unsigned ids);
void health_board_free(struct health_board *b);

static inline size_t health_cell(unsigned id, enum exchange_protocol p)
{
	return (size_t)id * EXCHANGE_PROTOCOL_COUNT + p;
}

/* Which worker probes this one: a keyed hash, the same on all. */
unsigned health_owner(unsigned id, enum exchange_protocol p, unsigned workers);
/* The verdicts of one server, for exchange_server.health. */
static inline const uint8_t *health_verdicts(const struct health_board *b,
					     unsigned id)
{
	return &b->verdict[health_cell(id, 0)];
}
static inline enum health_state health_state_of(const struct health_board *b,
						unsigned id,
						enum exchange_protocol p)
{
	return (enum health_state)__atomic_load_n(
		&b->state[health_cell(id, p)], __ATOMIC_RELAXED);
}

/* Write the owner's verdict. */
void health_publish(struct health_board *b, unsigned id,
		    enum exchange_protocol p, const struct health_rules *r,
		    usec_t now);
/* What a request met; worker `w` itself. */
void health_note(struct health_board *b, unsigned w, unsigned id,
		 enum exchange_protocol p, bool good);
struct health_tally health_sum(const struct health_board *b, unsigned id,
			       enum exchange_protocol p);

/* Could another server of the same site, of the version that clients of this
 * one need, take its requests? */
bool health_spare(const struct exchange_topology *t, unsigned server,
		  enum exchange_protocol p);

/* --- components -------------------------------------------------------------- */

/* By the names of Set-ServerComponentState; what each stands for. */
#define HEALTH_COMPONENTS(X)                                                   \
	X(HEALTH_SERVER_WIDE, "ServerWideOffline", -1)                         \
	X(HEALTH_OWA, "OwaProxy", EXCHANGE_OWA)                                \
	X(HEALTH_ECP, "EcpProxy", EXCHANGE_ECP)                                \
	X(HEALTH_EWS, "EwsProxy", EXCHANGE_EWS)                                \
	X(HEALTH_EAS, "ActiveSyncProxy", EXCHANGE_EAS)                         \
	X(HEALTH_AUTODISCOVER, "AutoDiscoverProxy", EXCHANGE_AUTODISCOVER)     \
	X(HEALTH_OAB, "OabProxy", EXCHANGE_OAB)                                \
	X(HEALTH_RPC, "RpcProxy", EXCHANGE_RPC)                                \
	X(HEALTH_MAPI, "MapiProxy", EXCHANGE_MAPI)                             \
	X(HEALTH_RPS, "RpsProxy", EXCHANGE_POWERSHELL)                         \
	X(HEALTH_POP, "PopProxy", EXCHANGE_POP)                                          \
	X(HEALTH_IMAP, "ImapProxy", EXCHANGE_IMAP)

enum health_component {
#define X(id, name, protocol) id,
	HEALTH_COMPONENTS(X)
#undef X
	HEALTH_COMPONENT_COUNT
};

/* Later ones prevail. */
#define HEALTH_SAYS(X)                                                         \
	X(HEALTH_ACTIVE, "Active")                                             \
	X(HEALTH_DRAINING, "Draining") /* served, but healthcheck.htm fails */ \
	X(HEALTH_INACTIVE, "Inactive")

enum health_says {
#define X(id, word) id,
	HEALTH_SAYS(X)
#undef X
	HEALTH_SAYS_COUNT
};

#define HEALTH_REQUESTERS(X)                                                   \
	X(HEALTH_MAINTENANCE, "Maintenance")                                   \
	X(HEALTH_API, "HealthAPI")                                             \
	X(HEALTH_FUNCTIONAL, "Functional")                                     \
	X(HEALTH_SIDELINED, "Sidelined")

enum health_requester {
#define X(id, word) id,
	HEALTH_REQUESTERS(X)
#undef X
	HEALTH_REQUESTER_COUNT
};

/* What each requester says of each component; zero: all are Active. */
struct health_components {
	uint8_t says[HEALTH_COMPONENT_COUNT][HEALTH_REQUESTER_COUNT];
};

const char *health_component_name(enum health_component c);
const char *health_says_word(enum health_says s);
const char *health_requester_word(enum health_requester r);
/* Case ignored; -EINVAL. */
must_check int health_component_parse(struct bytes name,
				      enum health_component *out);
must_check int health_says_parse(struct bytes word, enum health_says *out);
must_check int health_requester_parse(struct bytes word,
				      enum health_requester *out);
enum health_component health_component_of(enum exchange_protocol p);

/* Active only if nobody says otherwise, of the component or of
 * ServerWideOffline. *by: a requester who said so; NULL is allowed. */
enum health_says health_component_state(const struct health_components *all,
					enum health_component c,
					enum health_requester *by);
