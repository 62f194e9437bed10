/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe.h - questions that need no credentials, and what an answer tells; a
 * part of exchange.h, which includes it.
 */
#pragma once

enum exchange_ask {
	EXCHANGE_ASK_HEALTH, /* healthcheck.htm, which 2013 and later have */
	EXCHANGE_ASK_VDIR, /* what a client would begin with; of a mail service
			    * its greeting */
	/* Of Outlook Anywhere, and with somebody's credentials: */
	EXCHANGE_ASK_ECHO,    /* is rpcproxy alive? MS-RPCH 2.1.2.1.5 */
	EXCHANGE_ASK_CONNECT, /* does it reach what is behind it? */
};

/* Which of the two tells whether the directory lives. */
static inline enum exchange_ask exchange_ask_of(const struct exchange_server *s,
						enum exchange_protocol p)
{
	return exchange_is_modern(s->version) && !exchange_is_mail(p)
		       ? EXCHANGE_ASK_HEALTH
		       : EXCHANGE_ASK_VDIR;
}

struct exchange_question {
	const char *method, *path;
	const char *fields; /* header lines beside Host, each with its CRLF */
};

/* `in`: of EXCHANGE_ASK_CONNECT, which has two, the IN channel's. */
struct exchange_question exchange_question(enum exchange_protocol p,
					   enum exchange_ask ask, bool in);

enum exchange_reach {
	EXCHANGE_NOT_ASKED,
	EXCHANGE_NO_TCP,   /* refused, silent, unreachable */
	EXCHANGE_NO_TLS,   /* no handshake, for the reason in `why` */
	EXCHANGE_NO_TRUST, /* its certificate is not acceptable */
	EXCHANGE_SILENT,   /* took the request and said nothing in time */
	EXCHANGE_CUT,	   /* closed the connection instead of an answer */
	EXCHANGE_GARBLED,  /* what came is not HTTP */
	EXCHANGE_ANSWERED,
};

/* What WWW-Authenticate offers. */
#define EXCHANGE_SCHEMES(X)                                                    \
	X(EXCHANGE_BASIC, "Basic")                                             \
	X(EXCHANGE_NTLM, "NTLM")                                               \
	X(EXCHANGE_NEGOTIATE, "Negotiate")                                     \
	X(EXCHANGE_BEARER, "Bearer")                                           \
	X(EXCHANGE_DIGEST, "Digest")

enum exchange_scheme {
#define X(id, word) id,
	EXCHANGE_SCHEMES(X)
#undef X
	EXCHANGE_SCHEME_COUNT
};

#define EXCHANGE_WHY 200
#define EXCHANGE_BODY 2048 /* of an answer, looked at */

/* What an answer says. Zeroed, then noted piece by piece. */
struct exchange_facts {
	enum exchange_reach reach;
	char why[EXCHANGE_WHY]; /* of no answer: "refused the connection" */
	unsigned status, sub;	/* IIS: 404.2 is 404 and 2; 0: not told */
	char reason[48];
	unsigned schemes; /* a bit each */
	char location[EXCHANGE_URL];
	struct exchange_build owa, eas; /* major 0: not told */
	bool echo;   /* it answered as rpcproxy does */
	bool a3, c2; /* it took the OUT channel, and met the IN channel */
};

/* One header of the answer, and the beginning of its body. */
void exchange_note_header(struct exchange_facts *f, struct bytes name,
			  struct bytes value);
void exchange_note_body(struct exchange_facts *f, struct bytes body);
/* The whole answer of a mail service: its first line. */
void exchange_note_greeting(struct exchange_facts *f, enum exchange_protocol p,
			    struct bytes line);

/**
 * Does the answer say that the directory lives?
 *
 * healthcheck.htm: 200 and nothing else. Any other: whatever is no 404 and no
 * 5xx; a demand for credentials is as good as an answer.
 *
 * @param why  out: what is wrong, as a clause behind the server's name
 */
bool exchange_alive(enum exchange_protocol p, enum exchange_ask ask,
		    const struct exchange_facts *f, char *why, size_t cap);
/* Is this answer to a client the server's own failure: 502, or a 503 that
 * neither slows a client down (Retry-After) nor is a fault of what lies behind
 * /rpc ("RPC Error: 6ba")? */
bool exchange_is_failure(enum exchange_protocol p, unsigned status,
			 struct bytes reason, bool retry_after);

/* Is this decoded path a virtual directory's healthcheck.htm? */
bool exchange_is_healthcheck(struct bytes path);
