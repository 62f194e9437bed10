/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * decide.h - the parts of a decision: who could serve, where OWA is redirected
 * to, and the sentence that says so.
 */
#pragma once

#include "exchange/text.h"

/* Why a server has nothing to serve a protocol with, in words; NULL: it has,
 * whatever its build. */
const char *why_unable(const struct exchange_server *s,
		       enum exchange_protocol p);

/* Which servers are asked for. */
struct want {
	enum exchange_protocol protocol;
	bool modern;		       /* any 15.x, or ... */
	enum exchange_version version; /* ... this one */
	int only_site;		       /* -1: any, in the order of ... */
	int near_site;		       /* ... this (-1: none), then home */
	bool newest;		       /* the version before the site */
};

/* Why a search found nobody: how many of the version there are and what keeps
 * them out. */
struct lack {
	unsigned of_version; /* in the site that was asked for */
	unsigned drained;
	const struct exchange_server *example; /* one that cannot ... */
	bool front;			       /* ... and has the role to */
	const char *why;		       /* ... because */
};

/* Candidates, best first: health before all, then the version if `newest`,
 * then the site, then weighted rendezvous on affinity. */
unsigned find_candidates(const struct exchange_topology *t,
			 const struct want *w, uint64_t affinity,
			 uint16_t out[EXCHANGE_CANDIDATES], struct lack *lack);

/* Compare two servers for one user: above 0 when `a` is the better. Thaler and
 * Ravishankar 1998 (highest random weight), weighted as -w / log(h): a server's
 * score depends on nobody else, so who leaves moves only its own users. */
int rendezvous_cmp(uint64_t affinity, const struct exchange_server *a,
		   const struct exchange_server *b);

/* How far a site is, seen from another (-1: the own one): less is nearer, 0 is
 * the same. */
unsigned site_rank(const struct exchange_topology *t, int near_site,
		   unsigned site);

/* Exchange 2007's OWA is never proxied by another version. */
void redirect_owa(const struct exchange_topology *t,
		  const struct exchange_request *r,
		  const struct exchange_place *place,
		  struct exchange_decision *out);
/* The others say true when that is the decision. OWA and ECP of 2010 in
 * another site that has an ExternalURL. */
bool redirect_cross_site(const struct exchange_topology *t,
			 const struct exchange_request *r,
			 const struct exchange_place *place,
			 struct exchange_decision *out);
/* ActiveSync of a legacy mailbox whose site has an ExternalURL of its own:
 * MS-ASHTTP 3.1.5.2.2. */
bool redirect_eas(const struct exchange_topology *t,
		  const struct exchange_request *r,
		  const struct exchange_place *place,
		  struct exchange_decision *out);
/* OWA of a remote mailbox, if it is known where that is. */
bool redirect_online(const struct exchange_topology *t,
		     const struct exchange_request *r,
		     const struct exchange_place *place,
		     struct exchange_decision *out);

/* "mailbox alice@contoso.com is on EX10 (2010, site HQ)". Returns dst. */
#define SUBJECT 224
char *subject(const struct exchange_topology *t,
	      const struct exchange_request *r,
	      const struct exchange_place *place, char dst[SUBJECT]);
const char *site_name(const struct exchange_topology *t, int site);

void answer(struct exchange_decision *out, unsigned status, const char *fmt,
	    ...) printf_like(3, 4);
void explain(struct exchange_decision *out, const char *fmt, ...)
	printf_like(2, 3);
