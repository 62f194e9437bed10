/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpch.h - RPC over HTTP v2 (Outlook Anywhere) as a bystander reads it.
 *
 * A pass-through proxy forwards both channels untouched; what it learns on the
 * way (which virtual connection, how long it may idle, what was refused) it
 * learns here. Sans-I/O; nothing is stored but the first bytes of one PDU, and
 * nothing that is wrong ever stops a byte: a direction that cannot be read is
 * opaque from there on.
 *
 * MS-RPCH 2.1.2.1 (HTTP), 2.2.3 (RTS), 2.2.4 (its PDUs); C706 12.6 and MS-RPCE
 * 2.2.2 (the RPC PDUs between them). Little-endian senders only: Windows knows
 * no others. Values outside the ranges of 2.2.3.5 are reported as they came.
 */
#pragma once

#include "base/base.h"
#include "rpch/pdus.h"

/* --- requests ------------------------------------------------------------ */

#define RPCH_REQUESTS(X)                                                       \
	X(RPCH_REQ_NONE, "none")     /* another method */                      \
	X(RPCH_REQ_AUTH, "auth")     /* no body: a leg of NTLM or Negotiate */ \
	X(RPCH_REQ_ECHO, "echo")     /* 1 to 16 bytes */                       \
	X(RPCH_REQ_OUT, "out")	     /* a new OUT channel */                   \
	X(RPCH_REQ_OUT_RECYCLED, "out_recycled") /* that follows another */    \
	X(RPCH_REQ_IN, "in")	     /* an IN channel; its first PDU says */   \
	X(RPCH_REQ_ODD, "odd_length") /* as long as nothing MS-RPCH knows */

enum rpch_request {
#define X(id, name) id,
	RPCH_REQUESTS(X)
#undef X
	RPCH_REQUEST_COUNT
};

#define RPCH_NO_LENGTH UINT64_MAX

/* What is asked for, by method (case matters) and Content-Length; a chunked
 * body has RPCH_NO_LENGTH. MS-RPCH 2.1.2.1.1 to 2.1.2.1.5. */
enum rpch_request rpch_classify(struct bytes method, uint64_t length);
const char *rpch_request_name(enum rpch_request r); /* counter name */

#define RPCH_ECHO_SIZE 20
#define RPCH_ECHO_BODY_SIZE 4
/* The answer to an echo request (MS-RPCH 2.2.4.48), and the body of one as
 * Windows sends it. */
extern const uint8_t rpch_echo[RPCH_ECHO_SIZE];
extern const uint8_t rpch_echo_body[RPCH_ECHO_BODY_SIZE];

/* --- RTS PDUs ------------------------------------------------------------ */

/* Every kind of PDU that is counted: RPCH_PDU_BIND, RPCH_PDU_CONN_A1 ... */
enum rpch_pdu {
#define X(id, ...) RPCH_PDU_##id,
	RPCH_RPC_PDUS(X) RPCH_RTS_PDUS(X)
#undef X
	RPCH_PDU_RTS_OTHER, /* well-formed, but nothing of 2.2.4 on this hop */
	RPCH_PDU_COUNT
};

const char *rpch_pdu_name(enum rpch_pdu k); /* counter name */

/* id, counter, sentence */
#define RPCH_VERDICTS(X)                                                       \
	X(RPCH_OK, "ok", "well-formed")                                        \
	X(RPCH_MORE, "more", "incomplete so far")                              \
	X(RPCH_NOT_RTS, "not_rts", "does not begin as a channel does")         \
	X(RPCH_STATUS_LINE, "status_line", "an HTTP error inside the channel") \
	X(RPCH_BAD_VERSION, "bad_version", "not RPC 5.0 or 5.1")               \
	X(RPCH_BAD_PTYPE, "bad_ptype", "an unknown type of PDU")               \
	X(RPCH_BAD_DREP, "bad_drep", "not a little-endian ASCII sender")       \
	X(RPCH_BAD_LENGTH, "bad_length", "shorter than its own header")        \
	X(RPCH_BAD_AUTH, "bad_auth", "a security trailer larger than its PDU") \
	X(RPCH_BAD_RTS, "bad_rts", "RTS commands and lengths disagree")        \
	X(RPCH_BAD_COMMAND, "bad_command", "an unknown RTS command or form")   \
	X(RPCH_LONG_RTS, "long_rts", "an RTS PDU longer than any known")       \
	X(RPCH_STRAY, "stray", "an RPC PDU where only RTS PDUs go")

enum rpch_verdict {
#define X(id, name, words) id,
	RPCH_VERDICTS(X)
#undef X
	RPCH_VERDICT_COUNT
};

const char *rpch_verdict_name(enum rpch_verdict v);  /* counter name */
const char *rpch_verdict_words(enum rpch_verdict v); /* for people */

#define RPCH_RTS_MAX 140 /* the longest of 2.2.4: conn_b2_v6 */

struct rpch_cookie {
	uint8_t b[16];
};

/* One RTS PDU, copied out. Its kind says which fields are set (the last of a
 * repeated command); the others are 0. */
struct rpch_rts {
	enum rpch_pdu kind; /* RPCH_PDU_CONN_A1 .. RPCH_PDU_RTS_OTHER */
	uint16_t flags;	    /* enum rpch_rts_flag, as they came */
	uint8_t cookies;    /* C commands [0..]: 2 set vc and channel, 3 pred
			     * too, 1 channel alone */
	uint8_t to;	    /* Destination: 'c', 'i', 's', 'o' or 0 */
	struct rpch_cookie vc; /* the virtual connection */
	struct rpch_cookie channel; /* the new one, or the one acknowledged */
	struct rpch_cookie pred; /* the one that it follows */
	struct rpch_cookie group; /* association group */
	uint32_t window;    /* [bytes] received before an ack is due */
	uint32_t timeout;   /* [ms] ConnectionTimeout */
	uint32_t keepalive; /* [ms] 0: the default, 300,000 */
	uint32_t lifetime;  /* [bytes] of a channel */
	uint32_t ack_bytes; /* received so far, wraps */
	uint32_t ack_window; /* [bytes] from there on */
};

/**
 * Read one RTS PDU.
 *
 * @param pdu  all of it, or its first RPCH_RTS_MAX bytes; borrowed
 * @param hop  where it was seen, one of them: kinds look alike elsewhere
 * @return RPCH_OK, RPCH_MORE when `pdu` is shorter than that, or what is wrong
 * with it; RPCH_NOT_RTS for any other PDU. `out` is set only on RPCH_OK.
 *
 * A longer one is read only if it is padding that makes it so (2.2.3.5.9).
 */
enum rpch_verdict rpch_rts_read(struct bytes pdu, enum rpch_hop hop,
				struct rpch_rts *out);

/**
 * Whose channel is this? For the choice of a back end before a byte is sent.
 *
 * @param hop   RPCH_C_I or RPCH_C_O
 * @param body  what has come of the request's body; the same, grown, each time
 * @return RPCH_MORE (RPCH_RTS_MAX bytes always suffice); RPCH_OK and *out,
 * of kind CONN_A1, OUT_R_A3, CONN_B1 or IN_R_A1; or RPCH_NOT_RTS, as early as
 * it is certain.
 */
enum rpch_verdict rpch_peek(enum rpch_hop hop, struct bytes body,
			    struct rpch_rts *out);

/* Does it replace a channel of a virtual connection that some back end has? */
static inline bool rpch_recycles(const struct rpch_rts *r)
{
	return r->flags & RPCH_RECYCLE;
}

#define RPCH_TIMEOUT_MIN SEC(120)
#define RPCH_TIMEOUT_MAX SEC(14400)

/* How long a channel of that ConnectionTimeout may be silent, whatever a
 * stranger wrote there (2.2.3.5.3's range). */
static inline usec_t rpch_timeout(uint32_t ms)
{
	return min(max(MSEC(ms), RPCH_TIMEOUT_MIN), RPCH_TIMEOUT_MAX);
}

/* --- what passes --------------------------------------------------------- */

/* id, name, UUID as on the wire */
#define RPCH_INTERFACES(X)                                                     \
	X(RPCH_IF_EMSMDB, "EMSMDB",                                            \
	  "\x00\xdb\xf1\xa4\x47\xca\x67\x10\xb3\x1f\x00\xdd\x01\x06\x62\xda")  \
	X(RPCH_IF_ASYNC_EMSMDB, "AsyncEMSMDB",                                 \
	  "\x4a\x57\x61\x52\x72\x45\x6e\x20\xb2\x68\x6b\x19\x92\x13\xb4\xe4")  \
	X(RPCH_IF_NSPI, "NSPI",                                                \
	  "\x18\x5a\xcc\xf5\x64\x42\x1a\x10\x8c\x59\x08\x00\x2b\x2f\x84\x26")  \
	X(RPCH_IF_RFRI, "RFRI",                                                \
	  "\xe0\xf5\x44\x15\x3c\x61\xd1\x11\x93\xdf\x00\xc0\x4f\xd7\xbd\x09")  \
	X(RPCH_IF_MGMT, "MGMT",                                                \
	  "\x80\xbd\xa8\xaf\x8a\x7d\xc9\x11\xbe\xf4\x08\x00\x2b\x10\x29\x89")

enum rpch_interface {
	RPCH_IF_OTHER,
#define X(id, name, uuid) id,
	RPCH_INTERFACES(X)
#undef X
	RPCH_INTERFACE_COUNT
};

const char *rpch_interface_name(enum rpch_interface i);

/* MS-RPCE 2.2.1.1.7 and 2.2.1.1.8; others occur. */
enum rpch_auth_type {
	RPCH_AUTH_NONE = 0,
	RPCH_AUTH_SPNEGO = 9,
	RPCH_AUTH_NTLM = 10,
	RPCH_AUTH_SCHANNEL = 14,
	RPCH_AUTH_KERBEROS = 16,
	RPCH_AUTH_NETLOGON = 68,
	RPCH_AUTH_DEFAULT = 255
};
enum rpch_auth_level {
	RPCH_LEVEL_NONE = 1,
	RPCH_LEVEL_CONNECT = 2,
	RPCH_LEVEL_CALL = 3,
	RPCH_LEVEL_PKT = 4,
	RPCH_LEVEL_INTEGRITY = 5,
	RPCH_LEVEL_PRIVACY = 6 /* encrypted; everything below is not */
};

struct rpch_bind {
	uint8_t auth_type, auth_level; /* 0, 0: no trailer, no RPC-level
					* authentication */
	enum rpch_interface interface; /* of the first context element */
	bool has_interface;	       /* there is one; never in auth3 */
	uint16_t major, minor;	       /* its version */
	uint8_t uuid[16];	       /* as on the wire */
};

static inline bool rpch_encrypts(const struct rpch_bind *b)
{
	return b->auth_level >= RPCH_LEVEL_PRIVACY;
}

/* As Exchange shows it: 11 Outlook 2003, 12 2007, 14 2010, 15 2013, 16 later. */
struct rpch_client {
	uint16_t major, minor, build, revision;
};

/* OXCRPC 3.1.4.1, 3.2.4.1.3: rgwClientVersion as four numbers. */
struct rpch_client rpch_client_version(const uint16_t w[3]);

#define RPCH_STATUS_ACCESS_DENIED 5 /* of a fault */

/* Which member is set says `kind`. */
struct rpch_event {
	enum rpch_pdu kind;
	uint32_t call_id;
	union {
		struct rpch_rts rts;	   /* every RTS PDU */
		struct rpch_bind bind;	   /* bind, alter, auth3 with trailer */
		struct rpch_client client; /* request: an EcDoConnectEx that is
					    * not encrypted */
		uint32_t status;	   /* fault */
		uint16_t reason;	   /* bind_nak */
	};
};

/* One writer; shared by all channels of a core. */
struct rpch_counts {
	uint64_t pdus[RPCH_PDU_COUNT];
	uint64_t bytes[RPCH_PDU_COUNT]; /* by frag_length */
	uint64_t verdicts[RPCH_VERDICT_COUNT]; /* RPCH_OK: events; the others:
						* directions that went opaque */
	uint64_t opaque; /* bytes that passed unread */
};

/* One direction of one channel. Private but for the fields named here. */
struct rpch_watch {
	uint64_t rpc_bytes; /* in RPC PDUs: what acks count, 3.2.1.1.4 */
	bool opaque;	    /* nothing is read any more; why was a verdict */
	bool ended;	    /* the last PDU of the channel has passed; old
			     * Windows sends undefined bytes behind it */
	uint8_t hop;	    /* enum rpch_hop */
	uint8_t auth_level; /* of the last bind or alter */
	bool emsmdb;	    /* that bind named it, */
	uint16_t context;   /* by this number */
	uint8_t kind;	    /* of the PDU being read, enum rpch_pdu */
	uint8_t tail_n;
	uint16_t frag;	    /* its frag_length, 0 before it is known */
	uint32_t at;	    /* bytes of it that have passed */
	uint32_t keep;	    /* of which so many at its front are kept, */
	uint32_t tail_at;   /* and tail_n at this offset */
	uint8_t buf[RPCH_RTS_MAX];
	uint16_t denials;   /* faults of access denied and bind_naks so far;
			     * stays at the most it can be */
};

_Static_assert(sizeof(struct rpch_watch) <= 176, "two a virtual channel");

/* `hop`: RPCH_C_I, RPCH_C_O, RPCH_O_C or RPCH_I_C. */
void rpch_watch_init(struct rpch_watch *w, enum rpch_hop hop);

/**
 * Look at the next bytes of a body.
 *
 * @param in  bytes in their order, however cut; moved forward over what was
 * looked at
 * @return RPCH_OK: *ev happened, at the byte before in->p; call again.
 * RPCH_MORE: `in` is used up. Anything else, once: why this direction is opaque
 * now; `in` is used up, and so is all that follows.
 *
 * An event comes with the last byte that it needs, so a bind with a security
 * trailer is told before its token has passed and can still be stopped by
 * whoever holds those bytes back. `ev` is set only on RPCH_OK. Verdicts and
 * PDUs are counted here. A body may end anywhere: 1 GiB was only announced.
 */
enum rpch_verdict rpch_watch(struct rpch_watch *w, struct rpch_counts *counts,
			     struct bytes *in, struct rpch_event *ev);

/* --- opening ------------------------------------------------------------- */

#define RPCH_CONN_A1_SIZE 76
#define RPCH_CONN_B1_SIZE 104

/* Names of a new virtual connection; random. */
struct rpch_opening {
	struct rpch_cookie vc, out, in, group;
};

/* The first PDU of the OUT channel and of the IN channel, MS-RPCH 2.2.4.2 and
 * 2.2.4.5. The server answers with CONN/A3 and, once it has both, CONN/C2. */
void rpch_conn_a1(uint8_t dst[RPCH_CONN_A1_SIZE], const struct rpch_opening *o);
void rpch_conn_b1(uint8_t dst[RPCH_CONN_B1_SIZE], const struct rpch_opening *o);

/* --- refusals ------------------------------------------------------------ */

#define RPCH_FAULT_SIZE 32
#define RPCH_BIND_NAK_SIZE 24
#define RPCH_REASON_SIZE 20

/* C706 12.6.3.1: provider_reject_reason; 8 is MS-RPCE 2.2.2.5's. */
enum rpch_nak {
	RPCH_NAK_UNSPECIFIED = 0,
	RPCH_NAK_CONGESTION = 1,
	RPCH_NAK_LOCAL_LIMIT = 2,
	RPCH_NAK_VERSION = 4,
	RPCH_NAK_AUTH_TYPE = 8,
	RPCH_NAK_CHECKSUM = 9
};

/* A fault upon the call `call_id` that was not executed, C706 12.6.4.7: what
 * an old Outlook shows as that error. To be sent on OUT, between PDUs. */
void rpch_fault(uint8_t dst[RPCH_FAULT_SIZE], uint32_t call_id,
		uint32_t status);
/* The refusal of the bind `call_id`, C706 12.6.4.5: 5.0 is what we speak. */
void rpch_bind_nak(uint8_t dst[RPCH_BIND_NAK_SIZE], uint32_t call_id,
		   enum rpch_nak reason);
/* "RPC Error: 5": the reason phrase of a 503 that an RPC client takes for that
 * Win32 error (MS-RPCH 2.1.2.1.3), as a C string. */
void rpch_reason(char dst[RPCH_REASON_SIZE], uint32_t error);
