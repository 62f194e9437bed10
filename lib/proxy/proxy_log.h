/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proxy_log.h - what a worker remembers of a request until it is over, and how
 * it hands that to the thread that writes the access log.
 *
 * A record is taken when a request begins and given away when it has ended, so
 * a connection without a request holds none. A login to mail is one, and so is
 * the session behind it. Nothing is formatted here: text
 * is cut to its room and otherwise as the client sent it, hostile or not.
 */
#pragma once

#include "base/base.h"
#include "exchange/exchange.h"

/* How a request ended, as GenericErrors says it. */
#define PROXY_ENDS(X)                                                          \
	X(PROXY_END_CLIENT, "the client vanished before the end")              \
	X(PROXY_END_WHOLE, "")                                                 \
	X(PROXY_END_SERVER, "the Exchange server vanished before the end")     \
	X(PROXY_END_MALFORMED, "a malformed message was cut off")              \
	X(PROXY_END_TIMEOUT, "nothing moved for too long")                     \
	X(PROXY_END_KILLED, "ended by the administrator")                      \
	X(PROXY_END_EVICTED, "gave way to others: buffers are short")          \
	X(PROXY_END_RPC, "cut off: RPC not encrypted, or denied too often")

enum proxy_end {
#define X(id, words) id,
	PROXY_ENDS(X)
#undef X
	PROXY_END_COUNT
};

/* The scheme of the Authorization header; without one a logon's form. */
#define PROXY_AUTHS(X)                                                         \
	X(PROXY_AUTH_NONE, "Anonymous")                                        \
	X(PROXY_AUTH_BASIC, "Basic")                                           \
	X(PROXY_AUTH_NTLM, "NTLM")                                             \
	X(PROXY_AUTH_NEGOTIATE, "Negotiate")                                   \
	X(PROXY_AUTH_BEARER, "Bearer")                                         \
	X(PROXY_AUTH_OTHER, "Other")                                           \
	X(PROXY_AUTH_FORM, "FBA")

enum proxy_auth {
#define X(id, word) id,
	PROXY_AUTHS(X)
#undef X
	PROXY_AUTH_COUNT
};

enum proxy_action { PROXY_NONE, PROXY_PROXIED, PROXY_REDIRECTED };

/* Text of a record: name, room with the NUL. */
#define PROXY_TEXTS(X)                                                         \
	X(method, 24)                                                          \
	X(host, 128)                                                           \
	X(path, 512)	 /* raw */                                             \
	X(query, 512)	 /* raw: passwords may be in it */                     \
	X(client_id, 128)	 /* client-request-id */                       \
	X(mapi_id, 96)	 /* X-RequestId, */                                    \
	X(mapi_info, 96) /* X-ClientInfo, */                                   \
	X(mapi_type, 32) /* X-RequestType */                                   \
	X(soap, 128)	 /* SOAPAction */                                      \
	X(user, 256)	 /* Basic, or what a form claims */                    \
	X(agent, 256)                                                          \
	X(anchor, 256) /* what named the mailbox, or was meant to */           \
	X(listener, EXCHANGE_NAME)                                             \
	X(server, EXCHANGE_HOST)                                               \
	X(back_id, 48) /* request-id of the server's own log */                \
	X(reason, 256) /* of an answer of our own */

struct proxy_record {
	struct list link;
	uint8_t id[16];	  /* the GUID that the client has been told */
	uint64_t session; /* as `session list` names it */
	struct ipaddr client, hop; /* hop: who connected; the same, but behind
				    * a balancer */
	enum exchange_protocol protocol; /* EXCHANGE_PROTOCOL_COUNT: none */
	enum exchange_key_kind hint;
	enum proxy_auth auth;
	enum proxy_action action;
	enum proxy_end end;
	struct exchange_build build; /* of the server */
	uint16_t status, back_status;  /* 0: there was none */
	uint64_t up, down; /* bytes of the two bodies, or of a mail session */
	/* Mail: a login, and what the server said to it; or all of the session
	 * that began with it. */
	bool accepted, session_over;
	/* When [us]; 0: it did not come to that. */
	usec_t began;	 /* the first byte of its head */
	usec_t read;	 /* the last one */
	usec_t decided;	 /* where to send it */
	usec_t sent;	 /* its head to the server */
	usec_t up_done;	 /* its body */
	usec_t answered; /* the answer's head came */
	usec_t ended;
#define X(name, room) char name[room];
	PROXY_TEXTS(X)
#undef X
};

/* One worker's records. Memory is touched when it is first needed, the record
 * that came back last is used first. */
struct proxy_log {
	struct proxy_record *record;
	uint32_t count, fresh; /* the first not yet used */
	uint32_t out;	       /* held by sessions */
	struct list free;
	struct spsc full, back; /* to the writer, and from it */
	uint64_t dropped;	/* requests that found no record */
};

/* `records`: as many requests may be in progress or wait for the writer. NULL:
 * no memory. Thread: control. */
must_check struct proxy_log *proxy_log_new(uint32_t records);
/* When neither a worker nor the writer uses it any more; NULL is allowed. */
void proxy_log_free(struct proxy_log *l);

/* The oldest request that is over, or NULL. Thread: the writer. */
static inline struct proxy_record *proxy_log_get(struct proxy_log *l)
{
	return spsc_get(&l->full);
}

/* All of it becomes 0: it may hold what nobody should keep, and the worker
 * counts on it. */
void proxy_log_put(struct proxy_log *l, struct proxy_record *r);
