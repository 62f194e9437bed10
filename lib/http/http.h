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
 * none beside Content-Length, one Host, one Content-Length (not even an equal
 * second one), no white space in a chunk-size line, no user information and no
 * empty port in an authority, no CONNECT, no byte of a target outside visible
 * ASCII and no '#'. Laxer in two points, because real clients and servers
 * are: '"', '<', '>', '\', '^', '`', '{', '|' and '}' may stand in a target
 * (`?User=CONTOSO\alice`; http_path() refuses the backslash in a path), and a
 * status line may end without the space before an empty reason.
 */
#pragma once

#include "base/base.h"

#define HTTP_HEADERS_MAX 128	  /* fields of one head */
#define HTTP_HEAD_MAX (64 * 1024) /* a head's bytes at most */
#define HTTP_LINE_MAX 16384	  /* one line of it, the default limit */

struct http_limits {
	uint32_t head;	  /* [bytes] of a whole head, <= HTTP_HEAD_MAX */
	uint32_t line;	  /* [bytes] of the start line or one field, no CRLF */
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
	X(HTTP_BAD_LENGTH, "bad_length", 400,                                  \
	  "bad or repeated Content-Length")                                    \
	X(HTTP_TE_AND_LENGTH, "te_and_length", 400,                            \
	  "Transfer-Encoding beside Content-Length")                           \
	X(HTTP_BAD_TE, "bad_te", 400,                                          \
	  "a Transfer-Encoding other than chunked")                            \
	X(HTTP_TE_ON_10, "te_on_10", 400, "Transfer-Encoding on HTTP/1.0")     \
	X(HTTP_BAD_CHUNK, "bad_chunk", 400, "malformed chunk")                 \
	X(HTTP_BAD_TRAILER, "bad_trailer", 400,                                \
	  "malformed or forbidden trailer")                                    \
	X(HTTP_BAD_PATH, "bad_path", 400,                                      \
	  "a path whose decoding changes its segments")                        \
	X(HTTP_LINE_TOO_LONG, "line_too_long", 400, "a line is too long")      \
	X(HTTP_HEAD_TOO_LARGE, "head_too_large", 400,                          \
	  "the header block is too large")                                     \
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
	X(HTTP_X_FORWARDED_HOST, "X-Forwarded-Host")                           \
	X(HTTP_SET_COOKIE, "Set-Cookie")                                       \
	X(HTTP_WWW_AUTHENTICATE, "WWW-Authenticate")                           \
	X(HTTP_PROXY_AUTHENTICATE, "Proxy-Authenticate")                       \
	X(HTTP_PROXY_AUTHORIZATION, "Proxy-Authorization")                     \
	X(HTTP_HTTP2_SETTINGS, "HTTP2-Settings")

enum http_known {
	HTTP_OTHER, /* none of the names below */
#define X(id, name) id,
	HTTP_KNOWN(X)
#undef X
	HTTP_KNOWN_COUNT
};

/* A name with '_' is accepted, unless it is one of the names above spelt with
 * '_' for '-' (HTTP_BAD_FIELD): CGI-like servers read both as one variable. */
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
	struct bytes path;  /* begins with '/', or "*"; a constant when an
			     * absolute target has none */
	struct bytes query; /* behind '?', without it; raw */
	bool has_query;
	struct bytes host;  /* Host's value without the port, "[::1]" with its
			     * brackets; the authority's, or "" on 1.0 */
	uint16_t port;	    /* beside it, 0 when none is named */
	unsigned status;    /* response [100..999] */
	struct bytes reason;
	unsigned minor;	    /* 0 or 1 of HTTP/1.x */
	bool keep_alive;    /* RFC 9112 9.3: wanted by the sender, possible */
	bool expect_continue; /* asked for on 1.1, whatever the length is */
	enum http_framing framing;
	uint64_t length;    /* of HTTP_LENGTH [0..INT64_MAX] */
	unsigned n;
	uint8_t first[HTTP_KNOWN_COUNT]; /* index + 1 of the first, or 0 */
	struct http_field field[HTTP_HEADERS_MAX]; /* n of them are set */
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
 * Zero the scan for a new head; `buf` is the same buffer each time, grown at
 * its end. A leading CRLF (at most one, RFC 9112 2.2) is counted into the head;
 * http_parse_response() then refuses it. No head is accepted by a parse that
 * was refused here, and the verdict does not depend on how `buf` grew. After
 * HTTP_OK the same call says the same again.
 */
enum http_verdict http_scan(struct http_scan *s, struct bytes buf,
			    const struct http_limits *limits,
			    uint32_t *head_len);

/* Parse a whole head, exactly the *head_len bytes of http_scan(); `out` borrows
 * them, and is unspecified unless HTTP_OK. Never HTTP_MORE. */
enum http_verdict http_parse_request(struct bytes head,
				     const struct http_limits *limits,
				     struct http_head *out);
/* `to_head`: it answers a HEAD request. 1xx, 204 and 304 have no body; framing
 * fields on 1xx and 204 (but `Content-Length: 0`) are refused. */
enum http_verdict http_parse_response(struct bytes head, bool to_head,
				      const struct http_limits *limits,
				      struct http_head *out);

/* First field of that kind, or NULL. */
const struct http_field *http_find(const struct http_head *h,
				   enum http_known known);
/* First field of that name (ASCII case ignored), or NULL. */
const struct http_field *http_find_name(const struct http_head *h,
					struct bytes name);
/* Could a server take one name for the other: equal but for ASCII case and '_'
 * for '-'? For lists of headers that no client may set. */
bool http_name_like(struct bytes a, struct bytes b);
/* Is `token` one of the comma-separated words of `list`, but for case? */
bool http_has_token(struct bytes list, struct bytes token);

/**
 * Judge and decode a path once.
 *
 * @param dst  out: percent-decoded C string, for matching only; path.n + 1
 * bytes always suffice; unspecified unless HTTP_OK
 * @return HTTP_OK, or HTTP_BAD_PATH when decoding changes its segments or could
 * if done twice: %2f, %5c, %00 and other control bytes, %3f, %23, ';', a
 * segment of dots and spaces only ("..", ".", "...", ".%20"), "//", '\', double
 * encoding, bad or overlong UTF-8, a character that Windows could narrow to one
 * of ASCII, a raw byte >= 0x80, a stray '%'; or when it does not fit. The raw
 * bytes are what is forwarded. "*" passes.
 */
enum http_verdict http_path(struct bytes path, char *dst, size_t cap);

/* The first name=value of that name in a query, percent-decoded ('+' stays),
 * as a C string. Names are decoded too and compared without case. False (and
 * "") when it is not there, does not fit, has a stray '%' or a control byte; a
 * later one of the same name is never looked at. */
bool http_query_get(struct bytes query, const char *name, char *dst,
		    size_t cap);

struct http_cookie {
	struct bytes name;  /* for matching: bytes that are no token's are
			     * trimmed, as lenient servers do */
	struct bytes value; /* trimmed of white space */
	struct bytes raw;   /* "name=value" as it came, to be forwarded */
};

/* The next cookie of a Cookie header's value, loop:
 * `struct bytes rest = f->value; while (http_cookie_next(&rest, &c)) ...`.
 * A ';' ends a cookie even inside quotes, as ASP.NET reads it; one without '='
 * is all name. */
bool http_cookie_next(struct bytes *rest, struct http_cookie *c);

struct http_challenge {
	struct bytes scheme; /* empty: parameters of nothing */
	struct bytes whole;  /* with all its parameters */
};

/* The next challenge of a WWW-Authenticate header's value (RFC 9110 11.6.1),
 * loop as with cookies. */
bool http_challenge_next(struct bytes *rest, struct http_challenge *c);

/* --- bodies -------------------------------------------------------------- */

#define HTTP_CHUNK_LINE_MAX 256	 /* size, extensions; CRLF not counted */
#define HTTP_TRAILER_MAX 8192	 /* trailer section and its end */

struct http_body {
	enum http_framing framing;
	uint64_t left;	  /* of the body, or of the current chunk */
	uint64_t payload; /* bytes of content so far */
	uint8_t state;	  /* of the chunk parser */
	bool done;
	uint16_t line;	  /* length of the chunk-size line so far */
	uint32_t trailer; /* length of the trailer section so far */
	uint8_t name[40]; /* of the trailer field being read, folded; what is
			   * longer is cut, no forbidden name is */
	uint8_t name_len; /* of an extension's name: is there one? */
	uint8_t digits;	  /* of the chunk size so far */
	bool raw;	  /* hand out framing bytes too (see below) */
};

/* Follow the body that `head` announces; done at once when there is none.
 * `raw`: forward chunk framing and trailers as they came, validated; else only
 * content is handed out (towards an HTTP/1.0 client; drop Trailer then). */
void http_body_init(struct http_body *b, const struct http_head *head,
		    bool raw);

/**
 * Take the next piece of the body from the front of `in`.
 *
 * @param piece     out: bytes to forward, within `in`; may be empty
 * @param consumed  out: bytes of `in` done with, >= piece's end
 * @return HTTP_OK: call again with what is left, unless b->done or in was
 * used up; HTTP_BAD_CHUNK or HTTP_BAD_TRAILER: the message is broken, forward
 * nothing more (nothing was consumed by this call). A HTTP_UNTIL_CLOSE body is
 * never done. What is handed out and judged does not depend on how the bytes
 * are cut. Trailers may not frame, route, authenticate or direct the server
 * (RFC 9110 6.5.1).
 */
enum http_verdict http_body_next(struct http_body *b, struct bytes in,
				 struct bytes *piece, size_t *consumed);

/* --- writing ------------------------------------------------------------- */

/* "Name: value\r\n". A name that is no token or a value with a control byte
 * counts as overflow: such a head must not leave. */
void http_put_field(struct bytes_writer *w, struct bytes name,
		    struct bytes value);
/* A Cookie field without the cookies of which any reader could find a name that
 * is hostile; the others as they came, byte for byte, joined with "; ". No line
 * when none is left. */
void http_put_cookies(struct bytes_writer *w, const struct http_field *f,
		      bool (*hostile)(struct bytes name));
/* The request line towards an origin, in HTTP/1.1: an absolute target becomes
 * origin form, RFC 9112 3.2.1; path and query go byte for byte. */
void http_put_request_line(struct bytes_writer *w, const struct http_head *h);

/* A complete small response of our own. */
struct http_answer {
	unsigned status;    /* [100..999] */
	const char *reason; /* NULL: http_reason(status) */
	struct bytes fields; /* further header lines, each with its CRLF; ours,
			      * as http_put_field() wrote them */
	const char *type;   /* Content-Type of the body, NULL: not said */
	struct bytes body;  /* may be empty */
	bool close;	    /* Connection: close */
	bool to_10;	    /* to a 1.0 client: Connection: keep-alive unless
			     * `close` */
	bool to_head;	    /* answers HEAD: the length, but not the body */
};

/* Head and body, Content-Length always except on 1xx, 204 and 304, which have
 * no body. Writes all of it or, overflowing, nothing. */
void http_put_answer(struct bytes_writer *w, const struct http_answer *a);

/* Must this field not be passed on? RFC 9110 7.6.1 by name: Connection,
 * Keep-Alive, Proxy-Connection, Proxy-Authenticate, Proxy-Authorization, TE,
 * Upgrade, HTTP2-Settings, Transfer-Encoding (made anew when the body goes on
 * chunked). Trailer is not among them (RFC 9110 6.6.2): it announces what a raw
 * body carries on. A header that is merely *named* in Connection stays: naming
 * `Authorization` there is an attack. */
bool http_hop_by_hop(const struct http_field *f);

/* Reason phrase of a status code we send ourselves; "" for others. */
const char *http_reason(unsigned status);
