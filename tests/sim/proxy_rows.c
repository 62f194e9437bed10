/* SPDX-License-Identifier: BSD-3-Clause */
/* proxy_rows.c - requests, answers and how they end:
 * RFC 9112 6 and 9. */
#include "proxy_rows.h"

const char *const row_raw[] = {
	"", /* 1 */
	"HTTP/1.1 200 OK\r\nContent-", /* 2 */
	"HTTP/1.1 302 Found\r\nLocation: "
	"https://ex13a.contoso.com:444/owa/?a\r\n"
	"Content-Length: 0\r\n\r\n", /* 3 */
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", /* 4 */
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
	"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", /* 5 */
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	"HTTP/1.1 200 OK\r\nX-Id: 2\r\nX-Planted: yes\r\n"
	"Content-Length: 0\r\n\r\n", /* 6 */
	"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", /* 7 */
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	"5\r\nhelloX", /* 8 */
	"HTTP/1.0 200 Success\r\nContent-Length: 2\r\nConnection: keep-alive"
	"\r\n\r\nok", /* 9 */
	"HTTP/1.1 200 OK\r\nConnection: X-Secret\r\nKeep-Alive: timeout=5\r\n"
	"WWW-Authenticate: NTLM\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
	"Content-Length: 2\r\n\r\nok", /* 10 */
	"HTTP/1.1 302 Found\r\nLocation: /owa/\r\nSet-Cookie: cadata=x; path=/"
	"\r\nContent-Length: 0\r\n\r\n", /* 11 */
};

#define A "EX13A"
#define B "EX13B"

/* --- exchanges that go well ---------------------------------------------- */

static const struct row exchanges[] = {
	{ .name = "a request and its answer",
	  .client = { { SAY(GET("id=1&n=1000", A)), GOT(200, 1, 1000),
			DO(CLOSE, 0) } },
	  .ended = { BY_NOTIFY },
	  .connections = 1,
	  .requests = 1,
	  .origin_ended = BY_NOTIFY,
	  .stat = { STAT(requests, 1), STAT(proxied, 1),
		    STAT(responses_2xx, 1) } },
	{ .name = "one connection serves many requests",
	  .client = { { SAY(GET("id=1", A)), GOT(200, 1, 10), NOTED,
			SAY(POST("id=2&f=c&n=40000", A, LENGTH(3)) "abc"),
			GOT(200, 2, 40000), DO(SAME, 0),
			SAY(GET("id=3&n=0", A)), GOT(200, 3, 0),
			DO(SAME, 0) } },
	  .connections = 1,
	  .stat = { STAT(back_reused, 2) } },
	{ .name = "pipelining is answered in order",
	  .client = { { SAY(GET("id=1&delay=200", A) GET("id=2&n=100000", A)
				    GET("id=3&f=c", A)),
			GOT(200, 1, 10), GOT(200, 2, 100000),
			GOT(200, 3, 10) } },
	  .connections = 1,
	  .stat = { STAT(requests, 3) } },
	{ .name = "pipelining behind bodies",
	  .client = { { SAY(POST("id=1", A, LENGTH(5)) "hello" POST(
				"id=2", A,
				CHUNKED) "5\r\nhello\r\n0\r\n\r\n" GET("id=3",
								       A)),
			GOT(200, 1, 10), GOT(200, 2, 10), GOT(200, 3, 10) } },
	  .whole = 3 },
	{ .name = "byte by byte",
	  .client = { { DO(CUT, 1),
			SAY(POST("id=1", A,
				 CHUNKED) "3\r\nabc\r\n0\r\n\r\n" GET("id=2",
								      A)),
			GOT(200, 1, 10), GOT(200, 2, 10) } },
	  .stat = { STAT(requests, 2) } },
	{ .name = "HEAD has no body",
	  .client = { { SAY("HEAD /EWS/x?id=1&n=500 HTTP/1.1\r\n" HOST "{" A
			    "}\r\n\r\n"),
			{ ANSWER_HEAD, NULL, 200, 1, 0 },
			SAY(GET("id=2", A)),
			GOT(200, 2, 10) } },
	  .connections = 1 },
	{ .name = "304 and 204 have none",
	  .client = { { SAY(GET("id=1&status=304&n=70", A)), GOT(304, 1, 0),
			SAY(GET("id=2&status=204&n=0", A)), GOT(204, 2, 0),
			SAY(GET("id=3", A)), GOT(200, 3, 10) } },
	  .connections = 1 },
	{ .name = "interim answers are swallowed",
	  .client = { { SAY(GET("id=1&interim=3", A)), GOT(200, 1, 10) } },
	  .lacks = "100 Continue",
	  .stat = { STAT(responses_1xx, 3) } },
	{ .name = "Expect is answered here",
	  .client = { { SAY(POST("id=1", A, LENGTH(5) EXPECT)),
			HEAR("100 Continue\r\n\r\n"), SAY("hello"),
			GOT(200, 1, 10) } },
	  .never_saw = { "Expect" },
	  .whole = 1 },
	{ .name = "Expect is not answered on 1.0",
	  .client = { { SAY("POST /EWS/x?id=1 HTTP/1.0\r\n" HOST "{" A
			    "}\r\n" LENGTH(5) EXPECT "\r\nhello"),
			GOT(200, 1, 10) } },
	  .ended = { BY_NOTIFY },
	  .lacks = "100 Continue",
	  .never_saw = { "Expect" } },
	{ .name = "HTTP/1.0 with keep-alive",
	  .client = { { SAY("GET /EWS/x?id=1 HTTP/1.0\r\n" HOST "{" A "}\r\n"
			    "Connection: keep-alive\r\n\r\n"),
			GOT(200, 1, 10), SAY(GET("id=2", A)),
			GOT(200, 2, 10) } },
	  .has = { { "Connection: keep-alive" } },
	  .saw = { " HTTP/1.1\r\n" },
	  .never_saw = { "HTTP/1.0" } },
	{ .name = "no chunks on HTTP/1.0",
	  .client = { { SAY("GET /EWS/x?id=1&f=c&n=90000 HTTP/1.0\r\n" HOST
			    "{" A "}\r\nConnection: keep-alive\r\n\r\n"),
			GOT(200, 1, 90000) } },
	  .ended = { BY_NOTIFY },
	  .has = { { "Connection: close" } },
	  .lacks = "Transfer-Encoding" },
	{ .name = "an absolute target without Host on 1.0",
	  .client = { { SAY("GET http://" NAME "/EWS/x?id=1 HTTP/1.0\r\n"
			    "{" A "}\r\n\r\n"),
			GOT(200, 1, 10) } },
	  .saw = { "GET /EWS/x?id=1 HTTP/1.1\r\n", "Host: " NAME "\r\n" } },
	{ .name = "chunked both ways, with trailers",
	  .client = { { SAY(POST("id=1&f=c&n=200000", A,
				 CHUNKED) "3;a=b\r\nabc\r\n"),
			DO(SLEEP, 20), SAY("0\r\nX-Mine: 1\r\n\r\n"),
			GOT(200, 1, 200000) } },
	  .has = { { "X-Trailer: yes" } },
	  .whole = 1 },
	{ .name = "three megabytes up, three down, at once",
	  .client = { { SAY(POST("id=1&n=3000000&early=1", A, LENGTH(3000000))),
			DO(SENDN, 3000000), GOT(200, 1, 3000000),
			SAY(GET("id=2", A)), GOT(200, 2, 10) } },
	  .whole = 2,
	  .setup = { .link = { .delay = 2000,
			       .rate = 200000000,
			       .queue = 200000 } } },
	{ .name = "a reader that pauses",
	  .client = { { SAY(GET("id=1&n=2000000", A)), DO(PAUSE, 1),
			DO(SLEEP, 3000), DO(PAUSE, 0), GOT(200, 1, 2000000),
			SAY(GET("id=2", A)), GOT(200, 2, 10) } } },
	{ .name = "a server that does not read for a while",
	  .client = { { SAY(POST("id=1&deaf=3000", A, LENGTH(2000000))),
			DO(SENDN, 2000000), GOT(200, 1, 10) } },
	  .whole = 1 },
	{ .name = "large heads both ways",
	  .client = { { SAY("GET /EWS/x?id=1&pad=50000 HTTP/1.1\r\n" HOST "{" A
			    "}\r\nX-A: {#15000}\r\nX-B: {#15000}\r\n"
			    "X-C: {#15000}\r\n\r\n"),
			GOT(200, 1, 10), SAY(GET("id=2&pad=60000", A)),
			GOT(200, 2, 10) } },
	  .connections = 1 },
	{ .name = "a large head waits for room at the server",
	  .client = { { SAY(POST("id=1&early=1&deaf=3000", A, LENGTH(490000))),
			DO(SENDN, 490000), GOT(200, 1, 10),
			SAY("GET /EWS/x?id=2 HTTP/1.1\r\n" HOST "{" A "}\r\n"
			    "X-A: {#15000}\r\nX-B: {#15000}\r\n"
			    "X-C: {#15000}\r\nX-D: {#15000}\r\n\r\n"),
			GOT(200, 2, 10) } },
	  .limit = SEC(30) },
	{ .name = "a large head waits for room at the client",
	  .client = { { SAY(GET("id=1&n=285000", A) GET("id=2&pad=60000", A)),
			DO(PAUSE, 1), DO(SLEEP, 3000), DO(PAUSE, 0),
			GOT(200, 1, 285000), GOT(200, 2, 10) } },
	  .limit = SEC(30),
	  .setup = { .client_rcvbuf = 65536 } },
	{ .name = "a client with the smallest segments",
	  .client = { { SAY(POST("id=1&n=300000", A, LENGTH(100000))),
			DO(SENDN, 100000), GOT(200, 1, 300000) } },
	  .limit = SEC(60),
	  .setup = { .client_mss = 88 } },
	{ 0 },
};

/* --- early answers and lingering ---------------------------------------------
 */

static const struct row early[] = {
	{ .name = "an early refusal of a gigabyte arrives",
	  .client = { { SAY(POST("id=1&early=1&status=401&n=100", A,
				 LENGTH(1073741824))),
			DO(SENDN, 150000), GOT(401, 1, 100), DO(ENDED, 0) } },
	  .ended = { BY_NOTIFY },
	  .has = { { "Connection: close" } },
	  .origin_ended = BY_RESET },
	{ .name = "who sends on in spite of it is reset",
	  .client = { { SAY(POST("id=1&early=1&status=401&n=100", A,
				 LENGTH(1073741824))),
			DO(SENDN, 30000000) } },
	  .ended = { BY_NOTIFY },
	  .has = { { "401 Reason" } },
	  .limit = SEC(5) },
	{ .name = "an early success lets the body go on",
	  .client = { { SAY(POST("id=1&early=1", A, LENGTH(300000))),
			GOT(200, 1, 10), DO(SLEEP, 500), DO(SENDN, 300000),
			SAY(GET("id=2", A)), GOT(200, 2, 10) } },
	  .whole = 2,
	  .connections = 1 },
	{ .name = "an early success, and the server hangs up",
	  .client = { { SAY(POST("id=1&early=1&then=n", A, LENGTH(300000))),
			GOT(200, 1, 10), DO(ENDED, 0) } },
	  .ended = { BY_NOTIFY },
	  .limit = SEC(5) },
	{ .name = "an early success, and the server hangs up later",
	  .client = { { SAY(POST("id=1&early=1&then=n&late=500", A,
				 LENGTH(300000))),
			GOT(200, 1, 10), DO(ENDED, 0) } },
	  .ended = { BY_NOTIFY },
	  .limit = SEC(5) },
	{ .name = "an early success, and the server resets later",
	  .client = { { SAY(POST("id=1&early=1&then=r&late=500", A,
				 LENGTH(300000))),
			GOT(200, 1, 10), DO(ENDED, 0) } },
	  .ended = { BY_NOTIFY },
	  .limit = SEC(5) },
	{ .name = "a last answer may take longer than lingering",
	  .client = { { SAY("GET /EWS/x?id=1&n=600000 HTTP/1.1\r\n" HOST "{" A
			    "}\r\nConnection: close\r\n\r\n"),
			GOT(200, 1, 600000) } },
	  .ended = { BY_NOTIFY },
	  .least = SEC(4),
	  .setup = { .link = { .delay = 10000,
			       .rate = 1000000,
			       .queue = 100000 } } },
	{ .name = "a last answer to a client that reads late",
	  .client = { { SAY("GET /EWS/x?id=1&n=250000 HTTP/1.1\r\n" HOST "{" A
			    "}\r\nConnection: close\r\n\r\n"),
			DO(PAUSE, 1), DO(SLEEP, 900), DO(PAUSE, 0),
			DO(SLEEP, 500), GOT(200, 1, 250000) } },
	  .ended = { BY_NOTIFY },
	  .setup = { .client_rcvbuf = 65536 } },
	{ .name = "lingering ends though the client stays",
	  .client = { { SAY("GET /EWS/x?id=1 HTTP/1.1\r\n" HOST "{" A "}\r\n"
			    "Connection: close\r\n\r\n"),
			GOT(200, 1, 10), DO(SLEEP, 1500) } },
	  .ended = { BY_NOTIFY },
	  .origin_ended = BY_NOTIFY,
	  .stat = { STAT(sessions, 0), STAT(lingers, 1) } },
	{ .name = "Connection: close of a server is not passed on",
	  .client = { { SAY(GET("id=1&close=1", A)), GOT(200, 1, 10), NOTED,
			SAY(GET("id=2", A)), GOT(200, 2, 10), DO(OTHER, 0) } },
	  .lacks = "Connection: close",
	  .connections = 2 },
	{ 0 },
};

/* --- who ends what, and how ------------------------------------------------
 */

#define CLIENT_CUTS(how, framing, body, name_)                                 \
	{                                                                      \
		.name = name_,                                                 \
		.client = { { SAY(POST("id=1", A, framing) body), DO(SEEN, 1), \
			      DO(how, 0) } },                                  \
		.origin_ended = BY_RESET, .whole = NONE, .limit = SEC(5)       \
	}

#define SERVER_CUTS(q, name_)                                                  \
	{                                                                      \
		.name = name_, .client = { { SAY(GET(q, A)), DO(ENDED, 0) } }, \
		.ended = { BY_RESET }, .has = { { "200 Reason" } },            \
		.limit = SEC(10), .stat = {                                    \
			STAT(back_aborts, 1)                                   \
		}                                                              \
	}

#define NO_ANSWER(q, name_)                                                    \
	{                                                                      \
		.name = name_,                                                 \
		.client = { { SAY(GET(q, A)), GOT(502, NO_ID, 0) } },          \
		.ended = { BY_NOTIFY }, .limit = SEC(5)                        \
	}

static const struct row aborts[] = {
	{ .name = "close_notify after a whole request",
	  .client = { { SAY(GET("id=1&n=50000&delay=300", A)), DO(NOTIFY, 0),
			GOT(200, 1, 50000) } },
	  .ended = { BY_NOTIFY },
	  .origin_ended = BY_NOTIFY },
	{ .name = "close_notify and FIN after a whole request",
	  .client = { { SAY(POST("id=1&n=50000&delay=300", A, LENGTH(3)) "abc"),
			DO(CLOSE, 0), GOT(200, 1, 50000) } },
	  .ended = { BY_NOTIFY },
	  .origin_ended = BY_NOTIFY },
	{ .name = "close_notify behind two pipelined requests",
	  .client = { { SAY(GET("id=1&delay=300", A) GET("id=2", A)),
			DO(CLOSE, 0), GOT(200, 1, 10), GOT(200, 2, 10) } },
	  .ended = { BY_NOTIFY } },
	{ .name = "a bare FIN after a whole request",
	  .client = { { SAY(GET("id=1&delay=300", A)), DO(FIN, 0),
			DO(ENDED, 0) } },
	  .limit = SEC(5) },
	CLIENT_CUTS(NOTIFY, LENGTH(100), "abc", "close_notify inside a body"),
	CLIENT_CUTS(FIN, LENGTH(100), "abc", "FIN inside a body"),
	CLIENT_CUTS(RST, LENGTH(100), "abc", "reset inside a body"),
	CLIENT_CUTS(CLOSE, LENGTH(100), "abc", "both inside a body"),
	CLIENT_CUTS(NOTIFY, CHUNKED, "5\r\nhel", "close_notify inside a chunk"),
	CLIENT_CUTS(FIN, CHUNKED, "5\r\nhello\r\n", "FIN behind a chunk"),
	CLIENT_CUTS(RST, CHUNKED, "5\r\nhel", "reset inside a chunk"),
	{ .name = "reset while waiting",
	  .client = { { SAY(GET("id=1&silent=1", A)), DO(SEEN, 1),
			DO(RST, 0) } },
	  .origin_ended = BY_RESET },
	{ .name = "reset inside the answer",
	  .client = { { SAY(GET("id=1&n=5000000", A)), HEAR("200 Reason"),
			DO(RST, 0) } },
	  .origin_ended = BY_RESET },
	{ .name = "reset while connecting",
	  .client = { { SAY(GET("id=1", "HOLE")), DO(SLEEP, 1000),
			DO(RST, 0) } },
	  .requests = NONE },
	{ .name = "close_notify inside a head",
	  .client = { { SAY("GET /EWS/x HT"), DO(SLEEP, 50), DO(CLOSE, 0),
			DO(ENDED, 0) } },
	  .limit = SEC(5),
	  .requests = NONE },
	NO_ANSWER("raw=1&then=r", "the server resets before its answer"),
	NO_ANSWER("raw=1&then=f", "FIN before its answer"),
	NO_ANSWER("raw=1&then=n", "close_notify before its answer"),
	NO_ANSWER("raw=2&then=r", "the server resets inside its head"),
	NO_ANSWER("raw=2&then=f", "FIN inside its head"),
	NO_ANSWER("raw=2&then=n", "close_notify inside its head"),
	SERVER_CUTS("n=200000&short=50&then=r&late=100",
		    "reset inside a length"),
	SERVER_CUTS("n=200000&short=50&then=f", "FIN inside a length"),
	SERVER_CUTS("n=200000&short=50&then=n", "close_notify inside a length"),
	SERVER_CUTS("f=c&n=200000&short=50&then=r&late=100",
		    "reset inside chunks"),
	SERVER_CUTS("f=c&n=200000&short=50&then=f", "FIN inside chunks"),
	SERVER_CUTS("f=c&n=200000&short=50&then=n",
		    "close_notify inside chunks"),
	SERVER_CUTS("f=u&n=200000&then=f", "FIN ends a body without length"),
	SERVER_CUTS("f=u&n=200000&then=r&late=100",
		    "a reset ends a body without length"),
	{ .name = "close_notify ends a body without length",
	  .client = { { SAY(GET("id=1&f=u&n=300000&then=n", A)),
			GOT(200, 1, 300000) } },
	  .ended = { BY_NOTIFY },
	  .has = { { "Connection: close" } } },
	{ .name = "the end comes behind the last byte",
	  .client = { { SAY(GET("id=1&f=u&n=900000&then=n", A)), DO(PAUSE, 1),
			DO(SLEEP, 3000), DO(PAUSE, 0), GOT(200, 1, 900000) } },
	  .ended = { BY_NOTIFY } },
	{ .name = "a server closes between two requests",
	  .client = { { SAY(GET("id=1&then=n", A)), GOT(200, 1, 10),
			DO(SLEEP, 100), SAY(GET("id=2&then=f", A)),
			GOT(200, 2, 10), DO(SLEEP, 100),
			SAY(GET("id=3&then=r&late=50", A)), GOT(200, 3, 10),
			DO(SLEEP, 100), SAY(GET("id=4", A)),
			GOT(200, 4, 10) } },
	  .connections = 4 },
	{ 0 },
};

extern const struct row row_judgements[], row_servers[], row_times[],
	row_shortages[], row_mail[], row_front[], row_logon[];

const struct row *const row_tables[] = { exchanges,	 early,	      aborts,
					 row_judgements, row_servers, row_times,
					 row_shortages,	 row_mail,    row_front,
					 row_logon,	 NULL };
