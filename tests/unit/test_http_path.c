/* SPDX-License-Identifier: BSD-3-Clause */
/* test_http_path.c - paths, queries and cookies: read once, in one way. */
#include "unit.h"

#include "http/http.h"

static const struct {
	const char *raw, *decoded; /* NULL: refused */
} path_rows[] = {
	{ "/", "/" },
	{ "*", "*" },
	{ "/owa/", "/owa/" },
	{ "/EWS/Exchange.asmx", "/EWS/Exchange.asmx" },
	{ "/owa/user@contoso.com/", "/owa/user@contoso.com/" },
	{ "/owa/user%40contoso.com/", "/owa/user@contoso.com/" },
	{ "/%6F%77a", "/owa" },
	{ "/a%20b", "/a b" },
	{ "/a.b/..c/d../.e", "/a.b/..c/d../.e" },
	{ "/a%2eb", "/a.b" },
	{ "/J%c3%bcrgen", "/J\xc3\xbcrgen" },
	{ "/%e2%82%ac/%F0%9F%98%80", "/\xe2\x82\xac/\xf0\x9f\x98\x80" },
	{ "/%ed%9f%bf%ee%80%80%f4%8f%bf%bf",
	  "/\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf" },
	{ "/100%25", "/100%" },
	{ "/5%25off", "/5%off" }, /* "%of" is no encoding */
	{ "/a+b&c=d,e:f!g$h'i(j)k~l", "/a+b&c=d,e:f!g$h'i(j)k~l" },
	{ "/{guid}", "/{guid}" },
	{ "", NULL },
	{ "owa", NULL },
	{ "*a", NULL },
	{ "%2fowa", NULL },
	/* separators that appear */
	{ "/a%2fb", NULL },
	{ "/a%2Fb", NULL },
	{ "/a%5cb", NULL },
	{ "/a%5Cb", NULL },
	{ "/a\\b", NULL },
	{ "/owa%3f", NULL },
	{ "/autodiscover/autodiscover.json%3f@evil/", NULL },
	{ "/a%23b", NULL },
	{ "/a;b", NULL },
	{ "/a%3bb", NULL },
	/* segments that vanish */
	{ "//", NULL },
	{ "//a", NULL },
	{ "/a//b", NULL },
	{ "/a//", NULL },
	{ "/.", NULL },
	{ "/..", NULL },
	{ "/./a", NULL },
	{ "/a/.", NULL },
	{ "/a/../b", NULL },
	{ "/a/..", NULL },
	{ "/a/%2e%2e/b", NULL },
	{ "/a/.%2e/b", NULL },
	{ "/a/%2e/b", NULL },
	{ "/a/.../b", NULL },
	{ "/a/..%20/b", NULL },
	{ "/a/%20/b", NULL },
	/* bytes that end strings or lines */
	{ "/a%00", NULL },
	{ "/a%00.aspx", NULL },
	{ "/a%0d%0aB:c", NULL },
	{ "/a%09", NULL },
	{ "/a%7f", NULL },
	/* encodings of encodings */
	{ "/%252e%252e/", NULL },
	{ "/a%252fb", NULL },
	{ "/a%25%32%66b", NULL },
	{ "/a%25252f", NULL },
	{ "/a%2541", NULL },
	{ "/a%25u002fb", NULL },
	{ "/5%25add", NULL },
	/* no encoding at all */
	{ "/%", NULL },
	{ "/%4", NULL },
	{ "/%zz", NULL },
	{ "/%4z", NULL },
	{ "/%u0041", NULL },
	{ "/%%34%31", NULL },
	{ "/% 41", NULL },
	/* RFC 3629: overlong, surrogate, too high, cut, stray */
	{ "/%c0%af", NULL },
	{ "/%c0%ae%c0%ae/", NULL },
	{ "/%c1%9c", NULL },
	{ "/%e0%80%af", NULL },
	{ "/%e0%9f%bf", NULL },
	{ "/%f0%80%80%af", NULL },
	{ "/%ed%a0%80", NULL },
	{ "/%f4%90%80%80", NULL },
	{ "/%f5%80%80%80", NULL },
	{ "/%c3", NULL },
	{ "/%c3/%a4", NULL },
	{ "/%e2%82", NULL },
	{ "/%e2%82a", NULL },
	{ "/%e2%28%a1", NULL },
	{ "/%f0%9f%98", NULL },
	{ "/%80", NULL },
	{ "/%fe", NULL },
	{ "/%ff", NULL },
	{ "/\xc3\xa4", NULL }, /* must be encoded in a target */
	/* what Windows could take for ASCII */
	{ "/owa/%ef%bc%8e%ef%bc%8e/ecp", NULL }, /* U+FF0E */
	{ "/owa%EF%BC%8Fecp", NULL }, /* U+FF0F */
	{ "/owa%ef%bc%bcecp", NULL }, /* U+FF3C */
	{ "/owa/%ef%bd%90owershell", NULL }, /* U+FF50 */
	{ "/owa/%ef%bc%852e", NULL }, /* U+FF05 */
	{ "/owa/%e2%80%a4%e2%80%a4/", NULL },
	{ "/owa/%e2%80%a5/", NULL },
	{ "/owa/%e2%80%a6", NULL },
	{ "/owa%e2%81%84ecp", NULL },
	{ "/owa%e2%88%95ecp", NULL },
	{ "/owa%e2%88%96ecp", NULL },
	{ "/owa%c2%a5ecp", NULL },
	{ "/owa%e2%82%a9ecp", NULL },
	{ "/owa/%ef%b9%92%ef%b9%92/", NULL },
	{ "/owa%ef%b9%a8ecp", NULL },
	{ "/owa/%ef%b9%aa2e", NULL },
	{ "/%ef%bd%9f%ef%b9%93%e2%80%a7", /* beside them */
	  "/\xef\xbd\x9f\xef\xb9\x93\xe2\x80\xa7" },
};

static void paths(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(path_rows); i++) {
		size_t n = strlen(path_rows[i].raw);
		char dst[64];
		enum http_verdict v =
			http_path(BYTES(path_rows[i].raw), dst, n + 1);

		if ((v == HTTP_OK) != (path_rows[i].decoded != NULL))
			fail_msg("%s: %s", path_rows[i].raw,
				 http_verdict_name(v));
		if (v != HTTP_OK) {
			assert_int_equal(v, HTTP_BAD_PATH);
			continue;
		}
		assert_string_equal(dst, path_rows[i].decoded);
		/* Room for what is decoded is enough, one less is not. */
		n = strlen(path_rows[i].decoded);
		assert_int_equal(http_path(BYTES(path_rows[i].raw), dst, n + 1),
				 HTTP_OK);
		assert_int_equal(http_path(BYTES(path_rows[i].raw), dst, n),
				 HTTP_BAD_PATH);
	}
}

static void queries(void **state)
{
	static const struct {
		const char *query, *name, *value; /* NULL: not there */
	} rows[] = {
		{ "Cmd=Sync&User=alice", "User", "alice" },
		{ "Cmd=Sync&User=alice", "cmd", "Sync" },
		{ "Cmd=Sync&User=alice", "DeviceId", NULL },
		{ "User=CONTOSO\\alice", "USER", "CONTOSO\\alice" },
		{ "a=b%40c%2Fd%c3%a4", "a", "b@c/d\xc3\xa4" },
		{ "a=b+c", "a", "b+c" }, /* not a form: '+' is a plus */
		{ "a=b=c", "a", "b=c" },
		{ "a=", "a", "" },
		{ "a", "a", NULL },
		{ "", "a", NULL },
		{ "&&a=b&", "a", "b" },
		{ "aa=1&a=2", "a", "2" },
		{ "a=1&aa=2", "aa", "2" },
		{ "=1", "a", NULL },
		{ "=1", "", "1" },
		/* the first of that name, whatever it is */
		{ "a=1&A=2", "a", "1" },
		{ "a=%zz&a=2", "a", NULL },
		{ "a=0123456789&a=2", "a", NULL },
		/* names are decoded, as the server does */
		{ "%55ser=eve&User=alice", "User", "eve" },
		{ "Us%65=1", "Use", "1" },
		{ "%zz=1&a=2", "a", "2" },
		{ "a%00=1", "a\0", NULL },
		{ "a=%", "a", NULL },
		{ "a=%4", "a", NULL },
		{ "a=b%00c", "a", NULL },
		{ "a=b%0ac", "a", NULL },
		{ "a=%7f", "a", NULL },
		{ "a=1;b=2", "b", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t cap = rows[i].value ? strlen(rows[i].value) + 1 : 10;
		char dst[32] = "?";
		bool got = http_query_get(BYTES(rows[i].query), rows[i].name,
					  dst, cap);

		if (got != (rows[i].value != NULL))
			fail_msg("%s in %s", rows[i].name, rows[i].query);
		assert_string_equal(dst, got ? rows[i].value : "");
		if (!got || !*dst)
			continue;
		assert_false(http_query_get(BYTES(rows[i].query), rows[i].name,
					    dst, cap - 1));
		assert_string_equal(dst, "");
	}
}

static void cookies(void **state)
{
	static const struct {
		const char *in;
		const char *out; /* name|value|raw, a line each */
	} rows[] = {
		{ "", "" },
		{ ";; ;", "" },
		{ "a=b", "a|b|a=b\n" },
		{ "a=b; c=d", "a|b|a=b\nc|d|c=d\n" },
		{ "a=b;c=d;", "a|b|a=b\nc|d|c=d\n" },
		{ "a=b=c==; d=", "a|b=c==|a=b=c==\nd||d=\n" },
		{ " a = b ;\tc", "a|b|a = b\nc||c\n" },
		{ "=b", "|b|=b\n" },
		{ "cadata=\"q w\"; X-BEResource=x]@s:444/p#~19",
		  "cadata|\"q w\"|cadata=\"q w\"\n"
		  "X-BEResource|x]@s:444/p#~19|X-BEResource=x]@s:444/p#~19\n" },
		/* quotes hide nothing from a server that ignores them */
		{ "a=\"; X-BEResource=1; b=\"",
		  "a|\"|a=\"\nX-BEResource|1|X-BEResource=1\nb|\"|b=\"\n" },
		/* a no-break space is white space to .NET */
		{ "\xc2\xa0X-BEResource\xc2\xa0=1",
		  "X-BEResource|1|\xc2\xa0X-BEResource\xc2\xa0=1\n" },
		{ "\"X-BEResource\"=1", "X-BEResource|1|\"X-BEResource\"=1\n" },
		{ "X-BEResource", "X-BEResource||X-BEResource\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bytes rest = BYTES(rows[i].in);
		char out[256] = "";
		struct http_cookie c;

		while (http_cookie_next(&rest, &c)) {
			size_t n = strlen(out);

			snprintf(out + n, sizeof(out) - n, "%.*s|%.*s|%.*s\n",
				 BYTES_FMT(c.name), BYTES_FMT(c.value),
				 BYTES_FMT(c.raw));
			assert_true(c.raw.p >= (const uint8_t *)rows[i].in &&
				    c.raw.p + c.raw.n <= rest.p);
		}
		assert_string_equal(out, rows[i].out);
	}
	assert_false(http_cookie_next(&(struct bytes){ 0 },
				      &(struct http_cookie){ 0 }));
}

static bool is_bad(struct bytes name)
{
	return bytes_ieq(name, BYTES("bad"));
}

static void cookies_kept(void **state)
{
	static const struct {
		const char *in, *out; /* "": no line at all */
	} rows[] = {
		{ "a=b", "Cookie: a=b\r\n" },
		{ "a=b;c = d ;; e", "Cookie: a=b; c = d; e\r\n" },
		{ "bad=1", "" },
		{ "; bad; BAD =2", "" },
		{ "a=1; bad=2; b=3", "Cookie: a=1; b=3\r\n" },
		{ "a=\"1; bad=2\"; b=3", "Cookie: a=\"1; b=3\r\n" },
		/* a ',' begins another one for who knows RFC 2109 only */
		{ "a=1, bad=2; b=3", "Cookie: b=3\r\n" },
		{ "a=1,\"bad\" = 2", "" },
		{ "a=1,badly=2; b=bad,c", "Cookie: a=1,badly=2; b=bad,c\r\n" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_field f = { .name = BYTES("Cookie"),
					.value = BYTES(rows[i].in) };
		uint8_t room[64];
		struct bytes_writer w = { room, 0, sizeof(room), false };

		http_put_cookies(&w, &f, is_bad);
		assert_int_equal(w.n, strlen(rows[i].out));
		assert_memory_equal(room, rows[i].out, w.n);
	}
}

static const struct {
	const char *value;
	const char *scheme[4], *whole[4];
} challenge_rows[] = {
	{ "", { 0 }, { 0 } },
	{ "NTLM", { "NTLM" }, { "NTLM" } },
	{ "Negotiate oYG2==", { "Negotiate" }, { "Negotiate oYG2==" } },
	{ "Negotiate, NTLM,Basic realm=\"a, NTLM\"",
	  { "Negotiate", "NTLM", "Basic" },
	  { "Negotiate", "NTLM", "Basic realm=\"a, NTLM\"" } },
	{ "Digest realm=\"x\\\"\", nonce = \"n\" , qop=auth, Basic realm=\"y\"",
	  { "Digest", "Basic" },
	  { "Digest realm=\"x\\\"\", nonce = \"n\" , qop=auth",
	    "Basic realm=\"y\"" } },
	{ ",, NTLM ,", { "NTLM" }, { "NTLM" } },
	{ "a=b, NTLM", { "", "NTLM" }, { "a=b", "NTLM" } },
};

static void challenges(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(challenge_rows); i++) {
		struct bytes rest = BYTES(challenge_rows[i].value);
		struct http_challenge c;
		size_t n = 0;

		for (; http_challenge_next(&rest, &c); n++) {
			assert_non_null(challenge_rows[i].whole[n]);
			assert_true(bytes_eq(
				c.scheme, BYTES(challenge_rows[i].scheme[n])));
			assert_true(bytes_eq(
				c.whole, BYTES(challenge_rows[i].whole[n])));
		}
		assert_null(challenge_rows[i].whole[n]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),	cmocka_unit_test(queries),
		cmocka_unit_test(challenges),	cmocka_unit_test(cookies),
		cmocka_unit_test(cookies_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
