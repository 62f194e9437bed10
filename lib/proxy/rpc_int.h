/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc_int.h - the channels of Outlook Anywhere, private to proxy.
 *
 * A virtual connection is two channels, three while one is replaced, and all
 * must end at one server (MS-RPCH 3.2). Which worker has which of them is
 * chance, so each virtual connection has one owner among the workers, by its
 * key; the others ask. A channel asks with the note that it carries, one
 * question at a time, and is freed when the last has been answered: nothing is
 * allocated on the way, and a session may end before its answer comes.
 */
#pragma once

#include "proxy/proxy.h"
#include "rpch/rpch.h"

struct session;

enum vc_verb {
	VC_JOIN,   /* a channel begins: which server? */
	VC_MOVE,   /* that one could not be reached, another was */
	VC_LEAVE,  /* a channel has ended */
	VC_REFUSE, /* who has the OUT channel? */
	VC_DENY,   /* the server denied something; who has the IN channel? */
	VC_FAULT,  /* to him: a fault for the client, or the end */
};

/* A channel, wherever it is. */
struct vc_end {
	uint64_t session; /* id, 0 = none */
	uint32_t slot;	  /* in its worker's slab */
	uint8_t worker;
};

struct vc_note {
	struct proxy_call call; /* how it travels */
	struct list link;	/* among the unsent */
	struct vc_end from, to;
	enum vc_verb verb;
	bool answered;
	bool out;	  /* it is the OUT channel that asks */
	bool fixed;	  /* its server cannot be another one */
	bool known;	  /* answer: the virtual connection was there */
	bool full;	  /* answer: there is no room to remember it */
	uint16_t server;  /* proposed, then agreed upon */
	uint32_t call_id; /* of the call that the fault is for */
	uint32_t denials; /* how many more; answer: in all */
	uint64_t key;
};

/* What a channel needs beside its session; it may outlive that. */
struct rpc {
	struct vc_note note;
	struct list link; /* proxy.channels */
	struct session *session; /* NULL: ended */
	bool asking; /* the note is under way */
	bool joined, out, recycled;
	bool legacy;  /* the server is one of 2007 or 2010 */
	bool refused; /* its bind was not encrypted, and must be */
	bool cut; /* the session is to end */
	bool fault_owed; /* the OUT channel has to tell that */
	uint32_t fault_call;
	uint8_t auth_level; /* of the last bind, 0 = none seen */
	usec_t timeout; /* ConnectionTimeout, 0 = not told */
	uint32_t told; /* of down.denials, to the owner, */
	uint32_t denials; /* who has told how many there are in all */
	usec_t began, ping; /* the last one, either way */
	uint64_t pdus;
	struct rpch_cookie vc;
	char target[64]; /* the mailbox or server that was asked for */
	struct rpch_watch up, down;
};

/* A virtual connection, at its owner. */
struct vc {
	struct list link; /* in its bucket */
	uint64_t key;
	uint16_t server;
	uint16_t channels;
	uint32_t denials; /* by the server, on whatever OUT channel */
	struct vc_end in, out;
};

struct vc_table {
	struct slab slab;
	struct list *bucket;
	uint32_t mask;
};

/* --- the owner's side, and the way there (vc.c) ---------------------------- */

/* Ask the owner, who may be this worker. True: answered already; else
 * rpc_answered() is called when it is. The note must not be under way. */
bool vc_ask(struct proxy *p, struct vc_note *n, usec_t now);
/* Notes that found a ring full; true when one is still here. */
bool vc_send_again(struct proxy *p);

/* --- a channel's side (rpc.c) ------------------------------------------------ */

/* Before routing: may go on (PROGRESS), or the first PDU is to be awaited. */
enum step rpc_peek(struct session *s, const struct http_head *h, usec_t now);
/* The candidates are known: agree on one of them, then connect. */
enum step rpc_begin(struct session *s, usec_t now);
/* What it names first, to be told by `vc list`. */
void rpc_asks_for(struct session *s, const struct exchange_keys *keys);
/* The owner did not answer in time. */
enum step rpc_alone(struct session *s, usec_t now);
void rpc_answered(struct proxy *p, struct vc_note *n, usec_t now);
/* A fault for the client of this OUT channel, the end of this IN channel; false:
 * there is none any more. */
bool rpc_fault(struct proxy *p, const struct vc_note *n, usec_t now);
/* A server was reached, perhaps not the one agreed upon. */
void rpc_connected(struct session *s, usec_t now);
/* Bytes that are about to pass: false when they must not. */
bool rpc_up(struct session *s, struct bytes piece, usec_t now);
void rpc_down(struct session *s, struct bytes piece, usec_t now);
/* The answer's head: is its body one that can be read? */
void rpc_answer_begins(struct session *s, const struct http_head *h);
/* An owed fault is told. DEAD, or WAIT for room. */
enum step rpc_tell_fault(struct session *s, usec_t now);
/* Has the client ended its channel? It does so by closing the connection, in the
 * middle of a message as it were: RPC has its own framing. */
bool rpc_over(const struct session *s);
enum step rpc_close(struct session *s, usec_t now);
/* The channel is ended from here: see rpc.cut. */
enum step rpc_cut(struct session *s, usec_t now);
/* How long this channel may be silent, or `otherwise`. */
usec_t rpc_silence(const struct session *s, usec_t otherwise);
/* The request is over, or the session. */
void rpc_end(struct session *s, usec_t now);
