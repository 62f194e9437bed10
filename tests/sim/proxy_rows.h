/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proxy_rows.h - what a row of sim_proxy says: up to three clients' scripts,
 * and what all of them, the origins and the counters have seen at the end.
 */
#pragma once

#include "proxy_world.h"

#define OPS(X)                                                                 \
	X(OVER)                                                                \
	X(CONNECT)     /* only now, after n milliseconds */                    \
	X(SEND)	       /* text */                                              \
	X(SENDN)       /* n bytes */                                           \
	X(CUT)	       /* from here on records of n bytes, 1 ms apart */       \
	X(AWAIT)	       /* until text has come */                               \
	X(ANSWER)      /* read one whole: status n, id and size */             \
	X(ANSWER_HEAD) /* to a HEAD */                                         \
	X(SAME)	       /* note, or compare, the origin's connection */         \
	X(OTHER)                                                               \
	X(SLEEP)       /* n milliseconds */                                    \
	X(PAUSE)       /* stop reading, or (0) go on */                        \
	X(NOTIFY)                                                              \
	X(FIN)                                                                 \
	X(CLOSE)                                                               \
	X(RST)                                                                 \
	X(SEEN)	       /* until origins have seen n requests */                \
	X(ENDED)       /* until the connection has ended */                    \
	X(HOG)	       /* leave n packet buffers to the appliance */           \
	X(HOG_BUFFERS) /* leave n plaintext buffers to it */                   \
	X(RELOAD)                                                              \
	X(DRAIN)                                                               \
	X(HOLD)	       /* it gets no turn for n milliseconds */                \
	X(KILL)

enum op {
#define X(op) op,
	OPS(X)
#undef X
};

#define NO_ID -1

struct act {
	enum op op;
	const char *text;
	uint64_t n;
	int64_t id;
	uint64_t size;
};

#define SAY(t)                                                                 \
	{                                                                      \
		SEND, t                                                        \
	}
#define HEAR(t)                                                                \
	{                                                                      \
		AWAIT, t                                                        \
	}
#define DO(op, n)                                                              \
	{                                                                      \
		op, NULL, n                                                    \
	}
#define GOT(status, id, size)                                                  \
	{                                                                      \
		ANSWER, NULL, status, id, size                                 \
	}
#define NOTED                                                                  \
	{                                                                      \
		SAME, "note"                                                   \
	}

#define ALL SIZE_MAX
#define NONE 0x100 /* instead of 0, which means "not looked at" */

#define HOST "Host: " NAME "\r\n"
/* For EWS; `who` is a server's name. */
#define GET(q, who) "GET /EWS/x?" q " HTTP/1.1\r\n" HOST "{" who "}\r\n\r\n"
#define POST(q, who, more)                                                     \
	"POST /EWS/x?" q " HTTP/1.1\r\n" HOST "{" who "}\r\n" more "\r\n"
#define LENGTH(n) "Content-Length: " #n "\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define EXPECT "Expect: 100-continue\r\n"

#define STAT(name_, v)                                                         \
	{                                                                      \
		#name_, offsetof(struct proxy_stats, name_), v                 \
	}

struct row {
	const char *name;
	struct act client[3][14];
	enum ending ended[3];	 /* 0: not waited for */
	const char *has[3][3];	 /* in this order */
	const char *lacks;
	const char *saw[4], *never_saw[4]; /* in heads of requests */
	unsigned connections, requests, whole;
	enum ending origin_ended;
	struct {
		const char *name;
		size_t offset;
		uint64_t value;
	} stat[5];
	unsigned logged; /* lines in the access log, and how the last ended */
	enum proxy_end log_end;
	uint16_t port; /* 0 = 443; 993 IMAP, 143 the same by STARTTLS */
	bool plain;    /* no TLS, though it be 443 */
	usec_t limit, least;
	struct world_setup setup;
};

/* Each ended by a row without a name; the tables by NULL. */
extern const struct row *const row_tables[];
/* What "?raw=N" makes an origin say. */
extern const char *const row_raw[];
