/* SPDX-License-Identifier: BSD-3-Clause */
/* proxy_rows_logon.c - logons by form: read ahead, sent on or carried to their
 * server, however slowly they come and whatever is short. */
#include "proxy_rows.h"

/* Of a user of `who`, up to and with "password=": 41 bytes for IMPOSTOR, whose
 * OWA has an address of its own, and 38 for PAIR2, whose OWA has none. */
#define LOGON(who, n, q, more)                                                 \
	"POST /owa/auth.owa" q " HTTP/1.1\r\n" HOST                            \
	"Content-Type: application/x-www-form-urlencoded\r\n" LENGTH(n) more   \
		"\r\nusername={@" who "}&password="
#define SENT_ON "action=\"https://paris.contoso.com/owa/auth.owa\""
#define ENDS_SESSION                                                           \
	"X-CasgateOwa=; Path=/; Secure; HttpOnly; SameSite=Lax; "              \
	"Max-Age=0\r\n"

extern const struct row row_logon[];
const struct row row_logon[] = {
	{ .name = "a logon is sent on, and what follows is served",
	  .client = { { SAY(LOGON("IMPOSTOR", 44, "", "") "abc" GET("id=2",
								    "EX13A")),
			HEAR("200 OK\r\n"), HEAR(SENT_ON),
			HEAR("name=\"password\" value=\"abc\""),
			HEAR("</html>\n"), HEAR("X-Id: 2") } },
	  .lacks = "Set-Cookie",
	  .connections = 1,
	  .requests = 1,
	  .stat = { STAT(sent_on, 1), STAT(requests, 2) } },
	{ .name = "byte by byte",
	  .client = { { DO(CUT, 1),
			SAY(LOGON("IMPOSTOR", 45, "", EXPECT) "a%22"),
			HEAR("100 Continue\r\n\r\n"),
			HEAR("value=\"a&quot;\"") } },
	  .requests = NONE,
	  .stat = { STAT(sent_on, 1) } },
	{ .name = "an older session ends with it",
	  .client = { { SAY(LOGON("IMPOSTOR", 42, "",
				  "Cookie: X-CasgateOwa=x\r\n") "a"),
			HEAR(ENDS_SESSION), HEAR(SENT_ON) } } },
	{ .name = "a form that no browser would send on becomes a link",
	  .client = { { SAY(LOGON("IMPOSTOR", 44, "",
				  "Cookie: X-CasgateOwa=x\r\n") "%0a"),
			HEAR(ENDS_SESSION),
			HEAR("<a href=\"https://paris.contoso.com/owa\">"),
			SAY(GET("id=2", "EX13A")), HEAR("X-Id: 2") } },
	  .lacks = "password",
	  .stat = { STAT(answered, 1) } },
	{ .name = "a page of many records waits for room at the client",
	  .client = { { SAY(GET("id=1&n=285000", "EX13A") LOGON(
				"IMPOSTOR", 16384, "", "") "{#16343}"),
			DO(PAUSE, 1), DO(SLEEP, 3000), DO(PAUSE, 0),
			GOT(200, 1, 285000), HEAR(SENT_ON),
			HEAR("</html>\n") } },
	  .limit = SEC(30),
	  .setup = { .client_rcvbuf = 65536 } },
	{ .name = "a page while packets are short",
	  .client = { { SAY(LOGON("IMPOSTOR", 16384, "", "")), DO(SLEEP, 500),
			DO(HOG, 1000), SAY("{#16343}"), DO(SLEEP, 1000),
			DO(HOG, ALL), HEAR(SENT_ON), HEAR("</html>\n") } },
	  .limit = SEC(20) },
	{ .name = "a form while buffers are short",
	  .client = { { DO(SLEEP, 100), DO(HOG_BUFFERS, 0),
			SAY(LOGON("IMPOSTOR", 16384, "", "") "{#16343}"),
			DO(SLEEP, 500), DO(HOG_BUFFERS, ALL), HEAR(SENT_ON),
			HEAR("</html>\n") } },
	  .limit = SEC(20) },
	{ .name = "a client that vanishes inside its form",
	  .client = { { SAY(LOGON("IMPOSTOR", 100, "", "") "abc"),
			DO(SLEEP, 100), DO(RST, 0) },
		      { SAY(LOGON("IMPOSTOR", 100, "", "") "abc"),
			DO(SLEEP, 100), DO(CLOSE, 0) },
		      { SAY(LOGON("IMPOSTOR", 100, "", "") "abc"),
			GOT(408, NO_ID, 0) } },
	  .stat = { STAT(sent_on, 0) } },
	{ .name = "a logon is carried to its server",
	  .client = { { SAY(LOGON("PAIR2", 41, "?raw=11", "") "abc"),
			HEAR("302 Found\r\n"), HEAR("cadata=x; path=/\r\n"),
			HEAR("X-CasgateOwa="),
			HEAR("; Path=/; Secure; HttpOnly; SameSite=Lax\r\n"),
			SAY(LOGON("PAIR2", 41, "?id=2",
				  "Cookie: a=b; X-CasgateOwa=x\r\n") "abc"),
			HEAR(ENDS_SESSION) } },
	  .saw = { "Cookie: a=b\r\n" },
	  .never_saw = { "X-CasgateOwa" },
	  .connections = 1,
	  .whole = 2 },
	{ .name = "of a front end's session nothing is remembered",
	  .client = { { SAY(LOGON("EX13A", 41, "?raw=11", "") "abc"),
			HEAR("302 Found\r\n"), SAY(GET("id=2", "EX13A")),
			HEAR("X-Id: 2") } },
	  .lacks = "X-CasgateOwa" },
	{ .name = "a form that is too long names nobody",
	  .client = { { SAY(LOGON("IMPOSTOR", 16385, "?id=1", "") "{#16344}"),
			GOT(200, 1, 10) } },
	  .whole = 1 },
	{ 0 },
};
