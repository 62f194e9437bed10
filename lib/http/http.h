/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * http.h - strict HTTP/1.1 (and 1.0) messages, incremental and in place.
 *
 * A head is parsed where it lies, into names and values that borrow the
 * buffer. A body is followed, not stored: the caller forwards the very bytes.
 * What two programs could read in two ways is an error here, in both
 * directions (RFC 9112 11.2, request smuggling).
 *
 * RFC 9110, 9112. Stricter than they allow: no bare LF or CR, no obs-fold, no
 * white space before a colon, no Transfer-Encoding but `chunked`, none on 1.0,
 * none beside Content-Length, one Host, one Content-Length.
 */
#pragma once

#include "base/base.h"

#define HTTP_HEADERS_MAX 128	  /* fields of one head */
#define HTTP_HEAD_MAX (64 * 1024) /* a head's bytes at most */
#define HTTP_LINE_MAX 16384	  /* one line of it, the default limit */

struct http_limits {
	uint32_t head;	  /* [bytes] of a whole head, <= HTTP_HEAD_MAX */
	uint32_t line;	  /* [bytes] of the request line or one field */
	uint16_t headers; /* fields, <= HTTP_HEADERS_MAX */
};

extern const struct http_limits http_default_limits;

/* id, counter, status a client gets, sentence */
#define HTTP_VERDICTS(X)                                                       \
	X(HTTP_OK, "ok", 200, "well-formed")                                   \
	X(HTTP_MORE, "more", 0, "incomplete so far")                           \
	X(HTTP_BAD_LINE, "bad_line", 400, "malformed request or status line")  \
	X(HTTP_BAD_VERSION, "bad_version", 505, "not HTTP/1.0 or HTTP/1.1")    \
	X(HTTP_BAD_METHOD, "bad_method", 400, "the method is not a token")     \
	X(HTTP_BAD_TARGET, "bad_target", 400, "malformed request target")      \
	X(HTTP_BAD_NEWLINE, "bad_newline", 400, "a bare CR or LF")             \
	X(HTTP_BAD_NUL, "bad_nul", 400, "a NUL or another control byte")       \
	X(HTTP_BAD_FOLD, "bad_fold", 400, "a folded header line")              \
	X(HTTP_BAD_FIELD, "bad_field", 400, "malformed header line")           \
	X(HTTP_BAD_HOST, "bad_host", 400, "no Host, several, or a bad one")    \
	X(HTTP_HOST_CONFLICT, "host_conflict", 400,                            \
	  "the request target names another host than Host")                   \
	X(HTTP_BAD_LENGTH, "bad_length", 400, "bad or repeated Content-Length") \
	X(HTTP_TE_AND_LENGTH, "te_and_length", 400,                            \
	  "Transfer-Encoding beside Content-Length")                           \
	X(HTTP_BAD_TE, "bad_te", 400, "a Transfer-Encoding other than chunked") \
	X(HTTP_TE_ON_10, "te_on_10", 400, "Transfer-Encoding on HTTP/1.0")     \
	X(HTTP_BAD_CHUNK, "bad_chunk", 400, "malformed chunk")                 \
	X(HTTP_BAD_TRAILER, "bad_trailer", 400, "malformed or forbidden trailer") \
	X(HTTP_BAD_PATH, "bad_path", 400,                                      \
	  "a path whose decoding changes its segments")                        \
	X(HTTP_LINE_TOO_LONG, "line_too_long", 400, "a line is too long")      \
	X(HTTP_HEAD_TOO_LARGE, "head_too_large", 400, "the header block is too large") \
	X(HTTP_TOO_MANY_FIELDS, "too_many_fields", 400, "too many header lines")

enum http_verdict {
#define X(id, name, status, words) id,
	HTTP_VERDICTS(X)
#undef X
	HTTP_VERDICT_COUNT
};

const char *http_verdict_name(enum http_verdict v);  /* counter name */
const char *http_verdict_words(enum http_verdict v); /* for people */
unsigned http_verdict_status(enum http_verdict v);

/* Headers the proxy asks for by name; found while parsing. */
#define HTTP_KNOWN(X)                                                          \
	X(HTTP_HOST, "Host")                                                   \
	X(HTTP_CONNECTION, "Connection")                                       \
	X(HTTP_CONTENT_LENGTH, "Content-Length")                               \
	X(HTTP_TRANSFER_ENCODING, "Transfer-Encoding")                         \
	X(HTTP_EXPECT, "Expect")                                               \
	X(HTTP_UPGRADE, "Upgrade")                                             \
	X(HTTP_KEEP_ALIVE, "Keep-Alive")                                       \
	X(HTTP_PROXY_CONNECTION, "Proxy-Connection")                           \
	X(HTTP_TE, "TE")                                                       \
	X(HTTP_TRAILER, "Trailer")                                             \
	X(HTTP_AUTHORIZATION, "Authorization")                                 \
	X(HTTP_COOKIE, "Cookie")                                               \
	X(HTTP_LOCATION, "Location")                                           \
	X(HTTP_CONTENT_TYPE, "Content-Type")                                   \
	X(HTTP_USER_AGENT, "User-Agent")                                       \
	X(HTTP_X_ANCHOR_MAILBOX, "X-AnchorMailbox")                            \
	X(HTTP_X_PUBLIC_FOLDER_MAILBOX, "X-PublicFolderMailbox")               \
	X(HTTP_X_FORWARDED_FOR, "X-Forwarded-For")                             \
	X(HTTP_X_FORWARDED_PROTO, "X-Forwarded-Proto")                         \
	X(HTTP_X_FORWARDED_HOST, "X-Forwarded-Host")

enum http_known {
	HTTP_OTHER, /* none of the names below */
#define X(id, name) id,
	HTTP_KNOWN(X)
#undef X
	HTTP_KNOWN_COUNT
};

struct http_field {
	struct bytes name, value; /* value without surrounding white space */
	enum http_known known;
};

enum http_framing {
	HTTP_NO_BODY,
	HTTP_LENGTH,	 /* `length` bytes */
	HTTP_CHUNKED,	 /* RFC 9112 7.1 */
	HTTP_UNTIL_CLOSE /* responses only */
};

struct http_head {
	struct bytes method; /* request */
	struct bytes target; /* as it came */
	struct bytes scheme, authority; /* of an absolute target, else empty */
	struct bytes path;	       /* begins with '/', or "*" */
	struct bytes query;	       /* behind '?', without it; raw */
	bool has_query;
	struct bytes host;	       /* Host's value without the port, or the
					* authority's; "" on 1.0 without one */
	unsigned status;	       /* response [100..999] */
	struct bytes reason;
	unsigned minor;		       /* 0 or 1 of HTTP/1.x */
	bool keep_alive;	       /* wanted by the sender */
	bool expect_continue;
	enum http_framing framing;
	uint64_t length;	       /* of HTTP_LENGTH */
	unsigned n;
	struct http_field field[HTTP_HEADERS_MAX];
};

/* How far a growing buffer has been searched for the end of its head, so that
 * a head sent byte by byte costs no more than one sent whole. */
struct http_scan {
	uint32_t seen;	     /* bytes looked at */
	uint32_t line_start; /* of the line being looked at */
};

/**
 * Is there a whole head at the front of buf?
 *
 * @return HTTP_OK with *head_len set, HTTP_MORE, or a verdict that is already
 * certain (too long, a forbidden byte): a slow attacker learns early.
 * Zero the scan for a new head. Leading CRLFs (at most one, RFC 9112 2.2) are
 * counted into the request's head.
 */
enum http_verdict http_scan(struct http_scan *s, struct bytes buf,
			    const struct http_limits *limits,
			    uint32_t *head_len);

/* Parse a whole head; it borrows `head`'s bytes. Never HTTP_MORE. */
enum http_verdict http_parse_request(struct bytes head,
				     const struct http_limits *limits,
				     struct http_head *out);
/* `to_head`: it answers a HEAD request. 1xx, 204 and 304 have no body. */
enum http_verdict http_parse_response(struct bytes head, bool to_head,
				      const struct http_limits *limits,
				      struct http_head *out);

/* First field of that kind, or NULL. */
const struct http_field *http_find(const struct http_head *h,
				   enum http_known known);
/* First field of that name (ASCII case ignored), or NULL. */
const struct http_field *http_find_name(const struct http_head *h,
					struct bytes name);
/* Is `token` one of the comma-separated words of `list`? */
bool http_has_token(struct bytes list, struct bytes token);

/**
 * Judge and decode a path once (exchange-admin 1.24).
 *
 * @param dst  out: percent-decoded, for matching only; cap >= path.n
 * @return HTTP_OK, or HTTP_BAD_PATH when decoding changes its segments: %2f,
 * %5c, %00, ';', "..", ".", "//", '\', double encoding, bad or overlong UTF-8,
 * a stray '%'. The raw bytes are what is forwarded.
 */
enum http_verdict http_path(struct bytes path, char *dst, size_t cap);

/* One name=value of a query, percent-decoded; false when it is not there or
 * does not fit. Name compared without case. */
bool http_query_get(struct bytes query, const char *name, char *dst, size_t cap);

/* --- bodies --------------------------------------------------------------- */

struct http_body {
	enum http_framing framing;
	uint64_t left;	  /* of the body, or of the current chunk */
	uint64_t payload; /* bytes of content so far */
	uint8_t state;	  /* of the chunk parser */
	bool done;
	uint16_t line;	  /* length of the chunk or trailer line so far */
	uint32_t trailer; /* length of the trailer section so far */
	uint8_t name[40]; /* of the trailer field being read, lower case */
	uint8_t name_len;
	bool raw;	  /* hand out framing bytes too (see below) */
};

/* Follow the body that `head` announces. `raw`: forward chunk framing as it
 * came, validated; else only content is handed out (towards an HTTP/1.0
 * client). */
void http_body_init(struct http_body *b, const struct http_head *head, bool raw);

/**
 * Take the next piece of the body from the front of `in`.
 *
 * @param piece     out: bytes to forward, within `in`; may be empty
 * @param consumed  out: bytes of `in` done with, >= piece's end
 * @return HTTP_OK: call again with what is left, unless b->done or in was
 * used up; HTTP_BAD_CHUNK or HTTP_BAD_TRAILER: the message is broken, forward
 * nothing more. A HTTP_UNTIL_CLOSE body is never done.
 */
enum http_verdict http_body_next(struct http_body *b, struct bytes in,
				 struct bytes *piece, size_t *consumed);

/* --- writing ---------------------------------------------------------------- */

/* A head being written; overflow is remembered, not written. */
struct http_writer {
	uint8_t *p;
	size_t n, cap;
	bool overflow;
};

void http_put(struct http_writer *w, struct bytes b);
void http_put_str(struct http_writer *w, const char *s);
void http_putf(struct http_writer *w, const char *fmt, ...) printf_like(2, 3);
/* "Name: value\r\n". */
void http_put_field(struct http_writer *w, struct bytes name,
		    struct bytes value);

/* Must this field not be passed on? RFC 9110 7.6.1 by name: Connection,
 * Keep-Alive, Proxy-Connection, Proxy-Authenticate and Proxy-Authorization on
 * requests, TE, Trailer?, Upgrade, Transfer-Encoding. A header that is merely
 * *named* in Connection stays: naming `Authorization` there is an attack. */
bool http_hop_by_hop(const struct http_field *f);

/* Reason phrase of a status code we send ourselves. */
const char *http_reason(unsigned status);
