/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_exchange_probe.c - rows of "asked this, it said that, so it lives (or
 * does not)", and what is read out of an answer.
 */
#include "unit.h"

#include "exchange/exchange.h"

static const struct {
	enum exchange_protocol protocol;
	enum exchange_ask ask;
	unsigned status;
	const char *why; /* NULL: it lives */
} rows[] = {
	{ EXCHANGE_OWA, EXCHANGE_ASK_HEALTH, 200, NULL },
	{ EXCHANGE_OWA, EXCHANGE_ASK_HEALTH, 401,
	  "answers 401 Reason to /owa/healthcheck.htm" },
	{ EXCHANGE_OWA, EXCHANGE_ASK_HEALTH, 302, "answers 302" },
	{ EXCHANGE_MAPI, EXCHANGE_ASK_HEALTH, 503,
	  "answers 503 Reason to /mapi/healthcheck.htm" },
	{ EXCHANGE_RPC, EXCHANGE_ASK_VDIR, 401, NULL },
	{ EXCHANGE_RPC, EXCHANGE_ASK_VDIR, 200, NULL },
	{ EXCHANGE_OWA, EXCHANGE_ASK_VDIR, 302, NULL },
	{ EXCHANGE_RPC, EXCHANGE_ASK_VDIR, 405, NULL },
	{ EXCHANGE_RPC, EXCHANGE_ASK_VDIR, 404,
	  "answers 404 Reason to /rpc/rpcproxy.dll" },
	{ EXCHANGE_EWS, EXCHANGE_ASK_VDIR, 500,
	  "answers 500 Reason to /EWS/Exchange.asmx" },
	{ EXCHANGE_EAS, EXCHANGE_ASK_VDIR, 503,
	  "answers 503 Reason to /Microsoft-Server-ActiveSync" },
};

static void alive(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct exchange_facts f = { .reach = EXCHANGE_ANSWERED,
					    .status = rows[i].status,
					    .reason = "Reason" };
		char why[128] = "";
		bool ok = exchange_alive(rows[i].protocol, rows[i].ask, &f, why,
					 sizeof(why));

		if (ok != !rows[i].why || (!ok && !strstr(why, rows[i].why)))
			fail_msg("row %zu: %d %s", i, ok, why);
	}
}

static void no_answer(void **state)
{
	struct exchange_facts f = { .reach = EXCHANGE_NO_TCP,
				    .why = "refused the connection" };
	char why[64];

	assert_false(exchange_alive(EXCHANGE_OWA, EXCHANGE_ASK_VDIR, &f, why,
				    sizeof(why)));
	assert_string_equal(why, "refused the connection");
}

/* Every question can be asked, and its own proxy lets it through. */
static void questions(void **state)
{
	for (int p = 0; p < EXCHANGE_POP; p++)
		for (int a = EXCHANGE_ASK_HEALTH; a <= EXCHANGE_ASK_CONNECT;
		     a++) {
			if (a > EXCHANGE_ASK_VDIR && p != EXCHANGE_RPC)
				continue;
			struct exchange_question q =
				exchange_question((enum exchange_protocol)p,
						  (enum exchange_ask)a, false);
			enum exchange_protocol of;

			assert_true(exchange_classify(BYTES(q.path), &of));
			assert_int_equal(of, p);
			assert_int_equal(exchange_is_healthcheck(BYTES(q.path)),
					 a == EXCHANGE_ASK_HEALTH);
		}
	assert_true(exchange_is_healthcheck(BYTES("/ews/HealthCheck.htm")));
	assert_false(exchange_is_healthcheck(BYTES("/ews/healthcheck.htm/x")));
	assert_false(exchange_is_healthcheck(BYTES("/ews/x/healthcheck.htm")));
	assert_false(exchange_is_healthcheck(BYTES("/healthcheck.htm")));
}

#define BASIC (1U << EXCHANGE_BASIC)
#define NTLM (1U << EXCHANGE_NTLM)
#define NEGOTIATE (1U << EXCHANGE_NEGOTIATE)

static const struct {
	const char *offered[3];
	unsigned schemes;
} offers[] = {
	{ { "Negotiate", "NTLM" }, NEGOTIATE | NTLM },
	{ { "Basic realm=\"cas10.contoso.com\"" }, BASIC },
	{ { "Negotiate", "NTLM", "Basic realm=\"x\"" },
	  NEGOTIATE | NTLM | BASIC },
	{ { "negotiate, ntlm ,Basic realm=x" }, NEGOTIATE | NTLM | BASIC },
	{ { "Digest qop=\"auth\",nonce=\"Basic\",realm=\"NTLM\"" },
	  1U << EXCHANGE_DIGEST },
	{ { "Bearer client_id=\"x\"" }, 1U << EXCHANGE_BEARER },
	{ { "" }, 0 },
	{ { "BasicX" }, 0 },
};

static void schemes(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
		struct exchange_facts f = { 0 };

		for (unsigned k = 0; k < 3 && offers[i].offered[k]; k++)
			exchange_note_header(&f, BYTES("www-authenticate"),
					     BYTES(offers[i].offered[k]));
		assert_int_equal(f.schemes, offers[i].schemes);
	}
}

static void versions(void **state)
{
	struct exchange_facts f = { 0 };

	exchange_note_header(&f, BYTES("X-OWA-Version"), BYTES("14.3.123.3"));
	exchange_note_header(&f, BYTES("MS-Server-ActiveSync"), BYTES("14.3"));
	exchange_note_header(&f, BYTES("Location"),
			     BYTES("/owa/auth/\x01logon.aspx"));
	assert_int_equal(f.owa.build, 123);
	assert_int_equal(f.eas.major * 100 + f.eas.minor, 1403);
	assert_int_equal(f.eas.build, 0);
	assert_string_equal(f.location, "/owa/auth/?logon.aspx");
	exchange_note_header(&f, BYTES("X-OWA-Version"), BYTES("nonsense"));
	assert_int_equal(f.owa.build, 123);
}

static const struct {
	unsigned status;
	const char *body;
	unsigned sub;
} bodies[] = {
	{ 403, "<h2>HTTP Error 403.4 - Forbidden: SSL is required</h2>", 4 },
	{ 404, "<title>IIS 7.5 Detailed Error - 404.2 - Not Found</title>", 2 },
	{ 403, "<h2>HTTP Error 403.16 - Forbidden</h2>", 16 },
	{ 404, "<h2>404 - File or directory not found.</h2>", 0 },
	{ 404, "", 0 },
	{ 404, "404.", 0 },
	{ 404, "404.99999999999999999999", 0 },
	{ 500, "HTTP Error 404.2", 0 },
};

static void sub_status(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct exchange_facts f = { .status = bodies[i].status };

		exchange_note_body(&f, BYTES(bodies[i].body));
		assert_int_equal(f.sub, bodies[i].sub);
	}
}

static void greetings(void **state)
{
	static const struct {
		enum exchange_protocol protocol;
		const char *line, *why;
	} lines[] = {
		{ EXCHANGE_POP, "+OK The service is ready.\r", NULL },
		{ EXCHANGE_IMAP, "* OK The service is ready.\r", NULL },
		{ EXCHANGE_POP, "-ERR no\r", "greets with -ERR no" },
		{ EXCHANGE_IMAP, "* BYE busy\r", "greets with * BYE busy" },
		{ EXCHANGE_IMAP, "+OK", "greets with +OK" },
		{ EXCHANGE_POP, "", "greets with " },
	};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct exchange_facts f = { 0 };
		char why[64] = "";
		bool ok;

		exchange_note_greeting(&f, lines[i].protocol,
				       BYTES(lines[i].line));
		ok = exchange_alive(lines[i].protocol, EXCHANGE_ASK_VDIR, &f,
				    why, sizeof(why));
		assert_int_equal(ok, !lines[i].why);
		assert_string_equal(why, ok ? "" : lines[i].why);
	}
}

static void failures(void **state)
{
	const struct bytes none = BYTES_LIT("Service Unavailable");
	const struct bytes rpc = BYTES_LIT("RPC Error: 6ba");

	assert_true(exchange_is_failure(EXCHANGE_EWS, 502, none, false));
	assert_true(exchange_is_failure(EXCHANGE_EWS, 503, none, false));
	assert_true(exchange_is_failure(EXCHANGE_RPC, 503, none, false));
	assert_false(exchange_is_failure(EXCHANGE_RPC, 503, rpc, false));
	assert_false(exchange_is_failure(EXCHANGE_EAS, 503, none, true));
	assert_false(exchange_is_failure(EXCHANGE_EWS, 500, none, false));
	assert_false(exchange_is_failure(EXCHANGE_EWS, 401, none, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alive),     cmocka_unit_test(no_answer),
		cmocka_unit_test(questions), cmocka_unit_test(schemes),
		cmocka_unit_test(versions),  cmocka_unit_test(sub_status),
		cmocka_unit_test(failures),  cmocka_unit_test(greetings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
