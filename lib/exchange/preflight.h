/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * preflight.h - is a server ready for what will come through the appliance? A
 * part of exchange.h, which includes it.
 */
#pragma once

#define EXCHANGE_SEVERITIES(X)                                                 \
	X(EXCHANGE_WARNING, "warning") /* ready, but worth knowing */          \
	X(EXCHANGE_PENDING, "pending") /* being repaired, ask again */         \
	X(EXCHANGE_ERROR, "error")

enum exchange_severity {
#define X(id, word) id,
	EXCHANGE_SEVERITIES(X)
#undef X
	EXCHANGE_SEVERITY_COUNT
};

const char *exchange_severity_word(enum exchange_severity s);

struct exchange_finding {
	enum exchange_severity severity;
	const char *code; /* "basic-only": for programs */
	bool local; /* the cmdlet has to be run on the server itself */
	char text[512];	  /* one sentence, in an Exchange administrator's words */
	char cmdlet[400]; /* repairs it, runs as it stands; "": none does */
};

/* What was found out about one server and protocol. */
struct exchange_preflight {
	const struct exchange_topology *topology;
	const struct exchange_server *server;
	enum exchange_protocol protocol;
	struct exchange_facts health, vdir; /* by exchange_ask; a server
					     * before 2013 has no health page */
	struct exchange_facts echo, connect; /* on /rpc, with credentials: */
	bool kerberos; /* the appliance's own, not a user's password */
	bool was_ready; /* when it was last looked at */
	bool advised;	/* to enable or set it, less than an hour ago */
};

#define EXCHANGE_FINDINGS 8 /* of one judgement, at most */

/* Should this server be asked for the protocol: it can serve it, or it is a
 * Client Access server on which Outlook Anywhere may not be enabled yet. */
bool exchange_should_serve(const struct exchange_server *s,
			   enum exchange_protocol p);
/* Returns how many findings there are; 0: ready. */
unsigned exchange_judge(const struct exchange_preflight *in,
			struct exchange_finding out[EXCHANGE_FINDINGS]);
/**
 * Is its version good enough?
 *
 * The directory shows service packs, and for 2010 never update rollups: what
 * the network says counts more, and without it a floor between two rollups is
 * "cannot tell".
 *
 * @param seen  build by X-OWA-Version or MS-Server-ActiveSync; major 0: none
 */
unsigned exchange_judge_version(const struct exchange_topology *t,
				const struct exchange_server *s,
				const struct exchange_build *seen,
				struct exchange_finding out[EXCHANGE_FINDINGS]);
/* Versions that cannot live in one organisation, and what has nobody. */
unsigned
exchange_judge_organisation(const struct exchange_topology *t,
			    struct exchange_finding out[EXCHANGE_FINDINGS]);
