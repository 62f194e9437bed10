/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * front.h - what a balancer in front says about the client: the PROXY header
 * before a connection's first byte, X-Forwarded-For in each request.
 *
 * Pure, and strict: whoever is believed must say it in one way only. Whether
 * he may be believed is the caller's to know.
 *
 * HAProxy's "The PROXY protocol", versions 1 and 2 (2.1, 2.2).
 */
#pragma once

#include "base/base.h"

#define FRONT_HEADER_MAX 536 /* bytes of a PROXY header that are looked at */
#define FRONT_V1 1U
#define FRONT_V2 2U
#define FRONT_HOPS 50 /* of a chain, all of them trusted */

#define FRONT_VERDICTS(X)                                                      \
	X(FRONT_OK, "ok", "well-formed")                                       \
	X(FRONT_MORE, "more", "incomplete so far")                             \
	X(FRONT_NO_HEADER, "no_header", "no PROXY header")                     \
	X(FRONT_VERSION, "version", "a PROXY header of another version")       \
	X(FRONT_LINE, "line", "a malformed PROXY line")                        \
	X(FRONT_LONG, "long", "a PROXY header that is too long")               \
	X(FRONT_COMMAND, "command", "an unknown command or version nibble")    \
	X(FRONT_FAMILY, "family", "no TCP over IPv4 or IPv6")                  \
	X(FRONT_ADDRESS, "address", "addresses that are none")                 \
	X(FRONT_MANY, "many", "X-Forwarded-For names too many hops")

enum front_verdict {
#define X(id, name, words) id,
	FRONT_VERDICTS(X)
#undef X
	FRONT_VERDICT_COUNT
};

const char *front_verdict_name(enum front_verdict v);  /* counter name */
const char *front_verdict_words(enum front_verdict v); /* for people */

struct front_header {
	bool local; /* names nobody: the balancer itself asks, or cannot tell */
	struct ipaddr client;
	uint16_t port;
};

/**
 * Read the PROXY header at the front of `in`.
 *
 * @param versions  FRONT_V1, FRONT_V2 or both
 * @param len       out: bytes of the header
 * @return FRONT_OK; FRONT_MORE, never for FRONT_HEADER_MAX bytes; or why there
 * is none, as soon as that is certain. The verdict does not depend on how `in`
 * grew.
 *
 * TLVs are skipped. What is neither TCP4 nor TCP6 is refused, but for UNKNOWN,
 * UNSPEC and LOCAL.
 */
enum front_verdict front_header(struct bytes in, unsigned versions,
				struct front_header *out, size_t *len);

/* Who passed a request on: hop[0] the one that the peer names, and so on; the
 * last is the client. None: nobody was named, the peer is it. */
struct front_chain {
	unsigned n;
	bool done; /* what stands further left is anybody's word */
	struct ipaddr hop[FRONT_HOPS];
};

bool front_trusts(const struct ipprefix *trusted, unsigned n,
		  const struct ipaddr *a);

/**
 * Read on from right to left in a value of X-Forwarded-For.
 *
 * Zero the chain, then the last field first, until it is done. A trusted hop is
 * believed about the one to its left; the first that is not trusted is the
 * client. Text that is no address ends the chain: the hop that wrote it is the
 * client then.
 *
 * @return FRONT_OK, or FRONT_MANY: more than FRONT_HOPS, all trusted.
 */
enum front_verdict front_chain(struct front_chain *c, struct bytes value,
			       const struct ipprefix *trusted, unsigned n);
