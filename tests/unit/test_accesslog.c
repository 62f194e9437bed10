/* SPDX-License-Identifier: BSD-3-Clause */
/* test_accesslog.c - a line that nobody's text can break, or learn from. */
#include "unit.h"

#include "accesslog/accesslog.h"

static const struct {
	const char *text, *field;
} field_rows[] = {
	{ "", "" },
	{ "alice@contoso.com", "alice@contoso.com" },
	{ "CONTOSO\\bob", "CONTOSO\\bob" },
	{ "J\xc3\xbcrgen", "J\xc3\xbcrgen" },
	{ "two words", "two words" },
	/* RFC 4180 2.6, 2.7 */
	{ "a,b", "\"a,b\"" },
	{ "a\"b", "\"a\"\"b\"" },
	{ "\"", "\"\"\"\"" },
	{ " a", "\" a\"" },
	{ "a ", "\"a \"" },
	/* lines, terminals */
	{ "a\r\nb", "a\\x0d\\x0ab" },
	{ "\x1b[31mred", "\\x1b[31mred" },
	{ "a\tb\x7f", "a\\x09b\\x7f" },
	{ "a\xc2\x9b"
	  "b",
	  "a\\xc2\\x9bb" },
	{ "a\xe2\x80\xa8"
	  "b",
	  "a\\xe2\\x80\\xa8b" },
	{ "a\xe2\x80\xae"
	  "b",
	  "a\\xe2\\x80\\xaeb" },
	{ "\xe2\x80\x8b", "\\xe2\\x80\\x8b" },
	{ "\xe2\x81\xa6", "\\xe2\\x81\\xa6" },
	{ "\xef\xbb\xbf", "\\xef\\xbb\\xbf" },
	{ "\xe2\x82\xac\xf0\x9f\x98\x80", "\xe2\x82\xac\xf0\x9f\x98\x80" },
	/* what is no UTF-8 */
	{ "\xff", "\\xff" },
	{ "a\xc3", "a\\xc3" },
	{ "\xc0\xaf", "\\xc0\\xaf" },
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
	/* formulas */
	{ "=1+1", "'=1+1" },
	{ "+1", "'+1" },
	{ "-1", "'-1" },
	{ "@SUM(A1)", "'@SUM(A1)" },
	{ "=cmd,\"x\"", "\"'=cmd,\"\"x\"\"\"" },
	{ " =1", "\"' =1\"" },
	{ "\t=1", "\\x09=1" },
	{ "1=1", "1=1" },
};

static void fields(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(field_rows); i++) {
		char text[2048] = "";
		struct accesslog_out o = { .p = text, .cap = sizeof(text) };

		accesslog_field(&o, BYTES(field_rows[i].text));
		text[o.n] = '\0';
		assert_string_equal(text, field_rows[i].field);
	}
}

static const struct {
	const char *query, *kept;
} query_rows[] = {
	{ "", "" },
	{ "Cmd=Ping&User=alice&DeviceId=1", "Cmd=Ping&User=alice&DeviceId=1" },
	{ "ex13.contoso.com:6001", "ex13.contoso.com:6001" },
	{ "a=1;b=2&c", "a=1;b=2&c" },
	{ "password=geheim", "password=***" },
	{ "a=1&PassWord=x&b=2", "a=1&PassWord=***&b=2" },
	{ "a=1;pwd=x;b=2", "a=1;pwd=***;b=2" },
	{ "p%61ssword=x", "p%61ssword=***" },
	{ "%70%57%64=x", "%70%57%64=***" },
	{ "pass%00word=x", "pass%00word=***" },
	{ "access_token=a.b.c&code=1", "access_token=***&code=***" },
	{ "X-OWA-CANARY=abc", "X-OWA-CANARY=***" },
	{ "X-RPS-CAT=abc", "X-RPS-CAT=***" },
	{ "password=a=b&c=d", "password=***&c=d" },
	{ "password=", "password=***" },
	{ "location=HQ&encoded=1", "location=HQ&encoded=1" },
};

static void queries(void **state)
{
	char text[512];

	for (size_t i = 0; i < ARRAY_LEN(query_rows); i++) {
		accesslog_query(BYTES(query_rows[i].query), text, sizeof(text));
		assert_string_equal(text, query_rows[i].kept);
	}
	accesslog_query(BYTES("a=1&b=2"), text, 5);
	assert_string_equal(text, "a=1&");
}

/* --- whole lines ---------------------------------------------------------- */

static struct proxy_record usual(void)
{
	struct proxy_record r = {
		.id = { 0x12, 0x34, [15] = 0xff },
		.session = 0x100,
		.client = ipaddr_v4("\xc0\x00\x02\x07"),
		.protocol = EXCHANGE_EWS,
		.hint = EXCHANGE_KEY_USER,
		.auth = PROXY_AUTH_BASIC,
		.action = PROXY_PROXIED,
		.end = PROXY_END_WHOLE,
		.build = { 15, 1, 2375, 7 },
		.status = 200,
		.back_status = 200,
		.up = 11,
		.down = 22,
		.began = SEC(1),
		.read = SEC(1) + MSEC(1),
		.decided = SEC(1) + MSEC(2),
		.sent = SEC(1) + MSEC(30),
		.up_done = SEC(1) + MSEC(40),
		.answered = SEC(1) + MSEC(140),
		.ended = SEC(1) + MSEC(150),
		.method = "POST",
		.host = "mail.contoso.com",
		.path = "/EWS/Exchange.asmx",
		.soap = "\"http://schemas.microsoft.com/messages/FindItem\"",
		.user = "CONTOSO\\bob",
		.agent = "Outlook, 15.0",
		.server = "ex16.contoso.com",
		.listener = "https",
	};

	r.hop = r.client;
	return r;
}

static void a_line(void **state)
{
	struct proxy_record r = usual();
	char text[ACCESSLOG_LINE];
	size_t n = accesslog_line(&r, "gate", 1704164645678, text);

	assert_int_equal(n, strlen(text));
	assert_string_equal(
		text,
		"2024-01-02T03:04:05.678Z,12340000-0000-0000-0000-0000000000ff,"
		"0,1,0,0,,Ews,mail.contoso.com,/EWS/Exchange.asmx,FindItem,"
		"Basic,true,CONTOSO\\bob,,,\"Outlook, "
		"15.0\",192.0.2.7,gate,200,"
		"200,,POST,Proxy,ex16.contoso.com,15.01.2375.007,IntraForest,"
		"BasicUserName,,,,11,22,,,,1,,,,,,,,,,,,1,28,10,100,,10,,,,,,"
		"148,"
		",1,,150,,,,Session=100;Listener=https;,,,,,,\r\n");
}

/* A login, and the session behind it. */
static void mail_lines(void **state)
{
	struct proxy_record r = {
		.client = ipaddr_v4("\xc0\x00\x02\x07"),
		.protocol = EXCHANGE_IMAP,
		.hint = EXCHANGE_KEY_USER,
		.auth = PROXY_AUTH_BASIC,
		.action = PROXY_PROXIED,
		.end = PROXY_END_WHOLE,
		.build = { 15, 1, 2375, 7 },
		.began = SEC(1),
		.read = SEC(1),
		.decided = SEC(1),
		.sent = SEC(1) + MSEC(30),
		.answered = SEC(1) + MSEC(130),
		.ended = SEC(1) + MSEC(130),
		.user = "bob",
		.server = "ex16.contoso.com",
		.listener = "imaps",
		.reason = "the Exchange server denied the login",
	};
	char text[ACCESSLOG_LINE];

	r.hop = r.client;
	accesslog_line(&r, "gate", 0, text);
	assert_non_null(strstr(text, ",,Imap,,,login,Basic,false,bob,,,,"
				     "192.0.2.7,gate,,,,,Proxy,"
				     "ex16.contoso.com,15.01.2375.007,"));
	assert_non_null(strstr(text, ",Session=0;Listener=imaps;,the Exchange "
				     "server denied the login,,,,,\r\n"));
	r.reason[0] = '\0';
	r.accepted = r.session_over = true;
	r.sent = r.answered = 0;
	r.up = 11;
	r.down = 22;
	accesslog_line(&r, "gate", 0, text);
	assert_non_null(strstr(text, ",Imap,,,CloseSession,Basic,true,bob,"));
	assert_non_null(strstr(text, ",11,22,"));
	assert_non_null(strstr(text, ",Session=0;Listener=imaps;,,,,,,\r\n"));
}

static size_t count(const char *text, char c)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == c;
	return n;
}

/* Nothing but control bytes and invalid UTF-8, everywhere: it fits, and the
 * columns are as many as the names. */
static void the_longest_line(void **state)
{
	struct proxy_record r = usual();
	char text[ACCESSLOG_LINE], names[4096];

#define X(name, room)                                                          \
	memset(r.name, '\xff', room - 1);                                      \
	r.name[room - 1] = '\0';
	PROXY_TEXTS(X)
#undef X
	for (unsigned p = 0; p <= EXCHANGE_PROTOCOL_COUNT; p++) {
		r.protocol = p;
		accesslog_line(&r, "gate", 0, text);
		assert_int_equal(
			count(text, ','),
			count(accesslog_names(names, sizeof(names)), ','));
		assert_non_null(strstr(text, "\r\n"));
	}
	assert_int_equal(count(names, ','), 73);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(queries),
		cmocka_unit_test(a_line),
		cmocka_unit_test(mail_lines),
		cmocka_unit_test(the_longest_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
