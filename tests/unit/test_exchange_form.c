/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_exchange_form.c - a logon by form: which bytes are one, what becomes of
 * it by the mailbox's version and site, and the page that sends it on.
 */
#include "unit.h"

#include "contoso.h"

#define LOGON_07 LEGACY "/auth/owaauth.dll"
#define LOGON_PARIS PARIS_OWA "/auth.owa"
#define PAGE EXCHANGE_REDIRECT, 200

static const struct bytes post = BYTES_LIT("POST");

static void where(void **state)
{
	static const struct {
		enum exchange_protocol protocol;
		const char *method, *path;
		bool on, off;
	} rows[] = {
		{ EXCHANGE_OWA, "POST", "/owa/auth.owa", true, false },
		{ EXCHANGE_OWA, "POST", "/OWA/Auth.OWA", true, false },
		{ EXCHANGE_OWA, "POST", "/owa/auth/owaauth.dll", true, false },
		{ EXCHANGE_ECP, "POST", "/ecp/auth.owa", true, false },
		{ EXCHANGE_OWA, "GET", "/owa/auth.owa", false, false },
		{ EXCHANGE_OWA, "post", "/owa/auth.owa", false, false },
		{ EXCHANGE_OWA, "POST", "/owa/", false, false },
		{ EXCHANGE_OWA, "POST", "/owa/auth/", false, false },
		{ EXCHANGE_OWA, "POST", "/owa/auth/auth.owa", false, false },
		{ EXCHANGE_ECP, "POST", "/ecp/auth/owaauth.dll", false, false },
		{ EXCHANGE_EWS, "POST", "/EWS/auth.owa", false, false },
		{ EXCHANGE_OWA, "GET", "/owa/logoff.owa", false, true },
		{ EXCHANGE_ECP, "GET", "/ecp/logoff.owa", false, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct exchange_request r = {
			.protocol = rows[i].protocol,
			.method = BYTES(rows[i].method),
			.path = BYTES(rows[i].path),
		};

		assert_int_equal(exchange_is_logon(&r), rows[i].on);
		assert_int_equal(exchange_is_logoff(&r), rows[i].off);
	}
}

static void reading(void **state)
{
	static const struct {
		const char *body, *user; /* NULL: not read */
		const char *destination, *password;
		unsigned flags;
	} rows[] = {
		/* what OWA's own page sends */
		{ "destination=https%3A%2F%2Fmail.contoso.com%2Fowa%2F&flags=4"
		  "&forcedownlevel=0&username=CONTOSO%5Calice&password=p%26w"
		  "&passwordText=&isUtf8=1",
		  "CONTOSO\\alice", "https://mail.contoso.com/owa/", "p%26w",
		  4 },
		{ "username=alice@contoso.com&password=", "alice@contoso.com",
		  "", "", 0 },
		{ "password=a=b&username=al+ice%20x", "al ice x", "", "a=b",
		  0 },
		{ "&&username=J%C3%BCrgen&&x&y=&password=x&", "J\xc3\xbcrgen",
		  "", "x", 0 },
		{ "USERNAME=alice&PassWord=x&flags=five", "alice", "", "x", 0 },
		{ "%75sername=alice&password=x&flags=256", "alice", "", "x",
		  0 },
		{ "username=alice&password=x&flags=255&other=1&other=2",
		  "alice", "", "x", 255 },
		{ "username=alice&password=%00%0d", "alice", "", "%00%0d", 0 },
		{ "username=alice&password=x&destination=%0a", "alice", "", "x",
		  0 },
		/* nobody, or not everything */
		{ "", NULL },
		{ "username=alice", NULL },
		{ "password=x", NULL },
		{ "username=&password=x", NULL },
		{ "username&password=x", NULL },
		{ "username=al%00ice&password=x", NULL },
		{ "username=al%0aice&password=x", NULL },
		{ "username=al%7fice&password=x", NULL },
		{ "{\"username\":\"alice\"}", NULL },
		/* twice */
		{ "username=alice&username=bob&password=x", NULL },
		{ "username=alice&user%4eame=alice&password=x", NULL },
		{ "username=alice&password=x&password=y", NULL },
		{ "username=alice&password=x&flags=0&flags=0", NULL },
		{ "username=alice&password=x&isutf8=1&isUtf8=1", NULL },
		/* broken */
		{ "username=alice%&password=x", NULL },
		{ "username=alice&password=%4", NULL },
		{ "username=alice&password=%4g", NULL },
		{ "username=alice&password=%g4", NULL },
		{ "username=alice&password=x&%zz=1", NULL },
		{ "username=alice&password=x y", NULL },
		{ "username=alice&password=x\r\n", NULL },
		{ "username=alice&password=\"", NULL },
		{ "username=alice&password=<", NULL },
		{ "username=alice&password=>", NULL },
		{ "username=alice&password=\x7f", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct exchange_form f = { .flags = 77 };

		if (exchange_form_read(BYTES(rows[i].body), &f) !=
		    (rows[i].user != NULL))
			fail_msg("row %zu: %s", i, rows[i].body);
		if (!rows[i].user) {
			assert_int_equal(f.flags, 77);
			continue;
		}
		assert_string_equal(f.user, rows[i].user);
		assert_string_equal(f.destination, rows[i].destination);
		assert_true(bytes_eq(f.password, BYTES(rows[i].password)));
		assert_int_equal(f.flags, rows[i].flags);
	}
	/* A NUL is a byte that must be encoded. */
	assert_false(exchange_form_read(
		(struct bytes){ (const uint8_t *)"username=a\0&password=b",
				23 },
		&(struct exchange_form){ 0 }));
}

/* A name that is no key is no name; one byte less is. */
static void long_names(void **state)
{
	for (int n = EXCHANGE_KEY - 1; n <= EXCHANGE_KEY; n++) {
		char body[512];
		struct exchange_form f;

		snprintf(body, sizeof(body), "password=x&username=%0*d", n, 0);
		assert_int_equal(exchange_form_read(BYTES(body), &f),
				 n < EXCHANGE_KEY);
	}
}

static void logged_on(void **state)
{
	static const struct {
		unsigned status;
		const char *cookie;
		bool in;
	} rows[] = {
		{ 302, "cadata=1xK; path=/; secure; HttpOnly", true },
		{ 302, "sessionid=5e1; path=/", true },
		{ 302, "cadata=\"a\"", true },
		{ 302, "cadata=; expires=Thu, 01-Jan-1970 00:00:00 GMT",
		  false },
		{ 302, "cadata", false },
		{ 302, "cadataTTL=x", false },
		{ 302, "OutlookSession=x", false },
		{ 302, "x=y; cadata=z", false },
		{ 200, "cadata=1xK", false },
		{ 401, "cadata=1xK", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(exchange_has_logged_on(rows[i].status,
							BYTES(rows[i].cookie)),
				 rows[i].in);
}

/* --- decisions
 * ---------------------------------------------------------------- */

#define LOGON "POST", "/owa/auth.owa", NULL

static void by_version_and_site(void **state)
{
	static const struct row silent[] = {
		{ { EXCHANGE_OWA, "EX07", LOGON, "" }, PAGE, LEGACY, LOGON_07 },
		{ { EXCHANGE_OWA, "EX07P", LOGON, "" },
		  PAGE,
		  LEGACY_PARIS,
		  LEGACY_PARIS "/auth/owaauth.dll" },
		{ { EXCHANGE_OWA, "EX07BR", LOGON, "" },
		  PAGE,
		  LEGACY,
		  LOGON_07 },
		{ { EXCHANGE_OWA, "EX10P", LOGON, "" },
		  PAGE,
		  PARIS_OWA,
		  LOGON_PARIS },
		/* at a server of ours */
		{ { EXCHANGE_OWA, "EX10", LOGON, "" }, PROXY, "CAS10A CAS10B" },
		{ { EXCHANGE_OWA, "EX10BR", LOGON, "" }, PROXY, "CAS10BR" },
		{ { EXCHANGE_OWA, "EX13A", LOGON, "" }, PROXY, ALL15 },
		{ { EXCHANGE_OWA, NULL, LOGON, "" }, PROXY, ALL15 },
		{ { EXCHANGE_OWA, EXCHANGE_ONLINE_NAME, LOGON, "" },
		  PROXY,
		  ALL15 },
		/* a logon that could not be read, or names another */
		{ { EXCHANGE_OWA, "EX07", LOGON },
		  EXCHANGE_ANSWER,
		  403,
		  "a request with a body cannot be redirected" },
		{ { EXCHANGE_OWA, "EX10P", LOGON }, PROXY, "CAS10P" },
	};
	static const struct row manual[] = {
		{ { EXCHANGE_OWA, "EX10P", LOGON, "" }, PAGE, PARIS_OWA },
		{ { EXCHANGE_OWA, "EX07", LOGON, "" }, PAGE, LEGACY, LOGON_07 },
	};
	static const struct row never[] = {
		{ { EXCHANGE_OWA, "EX10P", LOGON, "" }, PROXY, "CAS10P" },
		{ { EXCHANGE_OWA, "EX07", LOGON, "" }, PAGE, LEGACY, LOGON_07 },
	};
	struct exchange_topology t = world();
	struct exchange_decision d;

	check(&t, silent, ARRAY_LEN(silent));
	d = decide(&t, &silent[0].ask);
	assert_string_equal(d.reason,
			    "mailbox alice@contoso.com is on EX07 (2007, site "
			    "HQ): signs on silently at " LOGON_07
			    " (CAS07, 2007, site HQ)");
	t.policy.cross_site = EXCHANGE_CROSS_MANUAL;
	check(&t, manual, ARRAY_LEN(manual));
	assert_non_null(strstr(decide(&t, &manual[0].ask).reason,
			       "shown a link to the ExternalURL (CAS10P"));
	t.policy.cross_site = EXCHANGE_CROSS_PROXY;
	check(&t, never, ARRAY_LEN(never));
	t.policy.via_15[EXCHANGE_OWA] = true;
	check(&t,
	      &(struct row){
		      { EXCHANGE_OWA, "EX07", LOGON, "" }, PROXY, ALL15 },
	      1);
}

/* A password goes where its owner's mailbox is, and nowhere else. */
static void by_another_name(void **state)
{
	static const enum exchange_key_kind kinds[] = {
		EXCHANGE_KEY_ANCHOR, EXCHANGE_KEY_EXPLICIT_LOGON,
		EXCHANGE_KEY_USER, EXCHANGE_KEY_REMEMBERED
	};
	const struct exchange_form form = { .user = "eve" };
	const struct exchange_request r = {
		.protocol = EXCHANGE_OWA,
		.method = post,
		.path = BYTES_LIT("/owa/auth.owa"),
		.form = &form,
	};
	struct exchange_topology t = world();

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct exchange_place place = {
			.found = true, .key = { kinds[i], "alice@contoso.com" }
		};
		struct exchange_decision d;

		assert_true(exchange_place_at(&t, BYTES("EX07"), &place));
		exchange_decide(&t, &r, &place, &d);
		assert_int_equal(d.status, 403);
		assert_string_equal(d.logon, "");
		assert_true(exchange_place_at(&t, BYTES("EX10P"), &place));
		exchange_decide(&t, &r, &place, &d);
		assert_string_equal(targets(&d), "CAS10P");
	}
}

/* ECP has a logon of its own nowhere but here. */
static void of_ecp(void **state)
{
	static const struct row row = { { EXCHANGE_ECP, "EX10P", "POST",
					  "/ecp/auth.owa", NULL, "" },
					PROXY,
					"CAS10P" };
	struct exchange_topology t = world();

	strcpy(of("CAS10P")->vdir[EXCHANGE_ECP].external_url,
	       "https://paris.contoso.com/ecp");
	check(&t, &row, 1);
}

/* The destination is the other server's, the page at most the client's. */
static void destinations(void **state)
{
	static const struct {
		const char *asked, *behind;
	} rows[] = {
		{ "https://mail.contoso.com/owa", "" },
		{ "https://mail.contoso.com/owa/", "" },
		{ "https://mail.contoso.com/owa/?ae=Folder&id=1",
		  "/?ae=Folder&id=1" },
		{ "https://MAIL.contoso.com:443/OWA/bob@contoso.com/",
		  "/bob@contoso.com/" },
		{ "https://autodiscover.contoso.com/owa/x?y=1", "/x?y=1" },
		{ "/owa/calendar/?a=b", "/calendar/?a=b" },
		{ "/owa?a=b", "/?a=b" },
		/* not below our /owa */
		{ "https://evil.example/owa/x", "" },
		{ "https://mail.contoso.com.evil.example/owa/x", "" },
		{ "https://mail.contoso.com@evil.example/owa/x", "" },
		{ "https://evil.example\\@mail.contoso.com/owa/x", "" },
		{ "//evil.example/owa/x", "" },
		{ "http://mail.contoso.com/owa/x", "" },
		{ "javascript:alert(1)", "" },
		{ "https://mail.contoso.com/ecp/", "" },
		{ "https://mail.contoso.com/owax/y", "" },
		{ "https://mail.contoso.com", "" },
		{ "/", "" },
		{ "owa/x", "" },
		/* below it, but not plain */
		{ "/owa/../x", "" },
		{ "/owa//evil.example", "" },
		{ "/owa/%2e%2e/x", "" },
		{ "/owa/a\"b", "" },
		{ "/owa/a b", "" },
		{ "/owa/x#y", "" },
		{ "/owa/auth/logon.aspx?url=x", "" },
		{ "/owa/auth.owa", "" },
		{ "/owa/x?a=\"b", "/x" },
	};
	struct exchange_topology t = world();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char url[600];
		const struct row row = { { EXCHANGE_OWA, "EX10P", LOGON,
					   rows[i].asked },
					 PAGE,
					 url,
					 LOGON_PARIS };

		snprintf(url, sizeof(url), PARIS_OWA "%s", rows[i].behind);
		check(&t, &row, 1);
	}
}

/* Whatever is configured, a form goes to a logon over https, not to us. */
static void urls(void **state)
{
	static const struct {
		const char *external, *logon; /* "": shown a link */
	} rows[] = {
		{ "https://legacy.contoso.com/owa/", LOGON_07 },
		{ "https://legacy.contoso.com/OWA",
		  "https://legacy.contoso.com/OWA/auth/owaauth.dll" },
		{ "https://legacy.contoso.com:8443/owa",
		  "https://legacy.contoso.com:8443/owa/auth/owaauth.dll" },
		{ "https://legacy.contoso.com/exchange", "" },
		{ "https://legacy.contoso.com", "" },
		{ "http://legacy.contoso.com/owa", NULL },
		{ "https://mail.contoso.com/owa", NULL },
		{ "https://legacy.contoso.com/owa\"", NULL },
		{ "https://legacy.contoso.com /owa", NULL },
	};
	static const struct spec spec[] = { { "CAS07", E2007, HQ, CAS, NULL } };
	struct exchange_topology t = build(spec, 1);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct ask a = { EXCHANGE_OWA, "CAS07", LOGON, "" };
		struct exchange_decision d;

		strcpy(servers[0].vdir[EXCHANGE_OWA].external_url,
		       rows[i].external);
		d = decide(&t, &a);
		assert_int_equal(d.status, rows[i].logon ? 200 : 503);
		assert_string_equal(d.logon,
				    rows[i].logon ? rows[i].logon : "");
	}
}

/* --- the page
 * ----------------------------------------------------------------- */

static const struct exchange_decision to_07 = {
	.action = EXCHANGE_REDIRECT,
	.status = 200,
	.url = LEGACY "/?a=1&b=2",
	.logon = LOGON_07,
};

/* The page of a form with that password; NULL: none. */
static const char *page_with(const char *password, size_t cap)
{
	static char room[8192];
	struct bytes_writer w = { (uint8_t *)room, 0, cap, false };
	char body[2048];
	struct exchange_form f;

	snprintf(body, sizeof(body),
		 "flags=4&username=CONTOSO%%5Ca%%22%%3Cb%%3E%%26&password=%s",
		 password);
	assert_true(exchange_form_read(BYTES(body), &f));
	assert_true(cap < sizeof(room));
	if (!exchange_form_page(&f, &to_07, &w))
		return NULL;
	assert_false(w.overflow);
	room[w.n] = '\0';
	return room;
}

#define FIELD(name, value)                                                     \
	"<input type=\"hidden\" name=\"" name "\" value=\"" value "\">"

static void page(void **state)
{
	static const struct {
		const char *sent, *shown; /* NULL: no page */
	} rows[] = {
		{ "", "" },
		{ "secret", "secret" },
		{ "p%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E",
		  "p&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;" },
		{ "%26amp%3B%26%2334%3B+x'%27", "&amp;amp;&amp;#34; x''" },
		{ "p%c3%a4%e2%82%ac%F0%9F%98%80",
		  "p\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "p\xc3\xa4", "p\xc3\xa4" },
		{ "%01%09%1b%7f", "\x01\t\x1b\x7f" },
		{ "%c2%85", "\xc2\x85" },
		/* what a browser would change */
		{ "a%00b", NULL },
		{ "a%0ab", NULL },
		{ "a%0db", NULL },
		{ "%e4", NULL },
		{ "%ed%a0%80", NULL },
		{ "%c3", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got = page_with(rows[i].sent, 8000);
		char want[512];

		if (!rows[i].shown) {
			assert_null(got);
			continue;
		}
		assert_non_null(got);
		snprintf(want, sizeof(want),
			 FIELD("username", "CONTOSO\\a&quot;&lt;b&gt;&amp;")
				 FIELD("password", "%s")
					 FIELD("passwordText", "")
						 FIELD("isUtf8", "1"),
			 rows[i].shown);
		assert_non_null(strstr(got, want));
		assert_non_null(strstr(
			got, "<form method=\"post\" accept-charset=\"utf-8\" "
			     "action=\"" LOGON_07
			     "\">" FIELD("destination", LEGACY "/?a=1&amp;b=2")
				     FIELD("flags", "4")
					     FIELD("forcedownlevel", "0")));
	}
}

/* There is room for all of it, or there is no page. */
static void room(void **state)
{
	size_t n = strlen(page_with("secret", 8000));

	for (size_t cap = 0; cap < n; cap++)
		assert_null(page_with("secret", cap));
	assert_non_null(page_with("secret", n));
}

static void fields(void **state)
{
	static const struct {
		const char *logon, *origin;
	} rows[] = {
		{ LOGON_07, "form-action https://legacy.contoso.com;" },
		{ "https://a.example:8443/owa/auth.owa",
		  "form-action https://a.example:8443;" },
	};
	char text[1024];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bytes_writer w = { (uint8_t *)text, 0, sizeof(text) - 1,
					  false };
		struct exchange_decision d = { 0 };

		strcpy(d.logon, rows[i].logon);
		exchange_form_fields(&d, &w);
		assert_false(w.overflow);
		text[w.n] = '\0';
		assert_non_null(strstr(text, rows[i].origin));
		assert_non_null(strstr(text, "default-src 'none';"));
		assert_non_null(strstr(text, "frame-ancestors 'none'\r\n"));
		assert_non_null(strstr(text, "X-Frame-Options: DENY\r\n"));
		assert_non_null(
			strstr(text, "Referrer-Policy: no-referrer\r\n"));
		assert_non_null(strstr(text, "Pragma: no-cache\r\n"));
		assert_null(strstr(text, "unsafe"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where),
		cmocka_unit_test(reading),
		cmocka_unit_test(long_names),
		cmocka_unit_test(logged_on),
		cmocka_unit_test(by_version_and_site),
		cmocka_unit_test(by_another_name),
		cmocka_unit_test(of_ecp),
		cmocka_unit_test(destinations),
		cmocka_unit_test(urls),
		cmocka_unit_test(page),
		cmocka_unit_test(room),
		cmocka_unit_test(fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
