/* SPDX-License-Identifier: BSD-3-Clause */
/* test_base.c - spans of bytes, addresses, slabs, rings, hashes. */
#include "unit.h"

#include "base/base.h"

static void numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t limit;
		bool ok;
		uint64_t value;
	} rows[] = {
		{ "0", 10, true, 0 },
		{ "10", 10, true, 10 },
		{ "11", 10, false, 0 },
		{ "", 10, false, 0 },
		{ "+1", 10, false, 0 },
		{ "1 ", 10, false, 0 },
		{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, false, 0 },
		{ "99999999999999999999999", UINT64_MAX, false, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t v = 77;

		assert_int_equal(bytes_u64(BYTES(rows[i].text), rows[i].limit,
					   &v),
				 rows[i].ok);
		assert_int_equal(v, rows[i].ok ? rows[i].value : 77);
	}
}

static void base64(void **state)
{
	static const struct {
		const char *text, *plain; /* NULL: refused */
	} rows[] = {
		{ "", "" },	      { "Zg==", "f" },	{ "Zm8=", "fo" },
		{ "Zm9v", "foo" },    { "Zg", "f" },	{ "Zm8", "fo" },
		{ "Z", NULL },	      { "Zh==", NULL }, { "Zm9v!", NULL },
		{ "Zm9=v", NULL },    { "====", NULL }, { "Zm 9v", NULL },
		{ "Zm9vYmFyYmF6cXV4", NULL }, /* too long for the room */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t out[8], back[16];
		struct bytes_writer w;
		long n = bytes_unbase64(BYTES(rows[i].text), out, sizeof(out));

		if (!rows[i].plain) {
			assert_int_equal(n, -1);
			continue;
		}
		assert_int_equal(n, strlen(rows[i].plain));
		assert_memory_equal(out, rows[i].plain, (size_t)n);
		/* And back, with all its padding. */
		w = (struct bytes_writer){ back, 0, sizeof(back), false };
		bytes_put64(&w, (struct bytes){ out, (size_t)n });
		assert_int_equal(w.n, ((size_t)n + 2) / 3 * 4);
		assert_memory_equal(back, rows[i].text, strlen(rows[i].text));
	}
}

static void writers(void **state)
{
	static const struct {
		const char *plain, *base64, *html;
	} rows[] = {
		{ "", "", "" },
		{ "f", "Zg==", "f" },
		{ "fo", "Zm8=", "fo" },
		{ "foo", "Zm9v", "foo" },
		{ "foob", "Zm9vYg==", "foob" },
		{ "<a href=\"x\">'&'", "PGEgaHJlZj0ieCI+JyYn",
		  "&lt;a href=&quot;x&quot;&gt;'&amp;'" },
		{ "J\xc3\xbcrgen\x01\xff", "SsO8cmdlbgH/",
		  "J\xc3\xbcrgen\x01\xff" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t room[64];
		struct bytes_writer w = { room, 0, sizeof(room), false };
		size_t n = strlen(rows[i].base64);

		bytes_put64(&w, BYTES(rows[i].plain));
		assert_true(bytes_eq((struct bytes){ room, w.n },
				     BYTES(rows[i].base64)));
		bytes_put_html(&w, BYTES(rows[i].plain));
		assert_true(bytes_eq((struct bytes){ room + n, w.n - n },
				     BYTES(rows[i].html)));
		assert_false(w.overflow);
	}
	for (size_t cap = 0; cap < 8; cap++) {
		uint8_t room[8];
		struct bytes_writer w = { room, 0, cap, false };

		bytes_put_html(&w, BYTES("<&"));
		assert_true(w.overflow && w.n <= cap);
		w = (struct bytes_writer){ room, 0, cap, false };
		bytes_put64(&w, BYTES("foob"));
		assert_true(w.overflow && w.n <= cap);
	}
}

static void addresses(void **state)
{
	static const struct {
		const char *text, *printed; /* NULL: refused */
		const char *inside, *outside;
	} rows[] = {
		{ "10.0.0.7/8", "10.0.0.7/8", "10.255.1.2", "11.0.0.1" },
		{ "192.0.2.1", "192.0.2.1/32", "192.0.2.1", "192.0.2.2" },
		{ "0.0.0.0/0", "0.0.0.0/0", "8.8.8.8", "2001:db8::1" },
		{ "2001:db8::1/33", "2001:db8::1/33", "2001:db8:7fff::",
		  "2001:db8:8000::" },
		{ "::/0", "::/0", "2001:db8::1", NULL },
		{ "10.0.0.1/33", NULL, NULL, NULL },
		{ "10.0.0.1/", NULL, NULL, NULL },
		{ "10.0.0.256", NULL, NULL, NULL },
		{ "::1/129", NULL, NULL, NULL },
		{ "mail.contoso.com", NULL, NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[IPADDR_STR];
		struct ipprefix p;
		struct ipaddr a;
		int rc = ipprefix_parse(rows[i].text, &p);

		assert_int_equal(rc == 0, rows[i].printed != NULL);
		if (rc)
			continue;
		assert_string_equal(ipprefix_str(&p, text), rows[i].printed);
		assert_int_equal(ipaddr_parse(rows[i].inside, &a), 0);
		assert_true(ipprefix_has(&p, &a));
		if (!rows[i].outside)
			continue;
		assert_int_equal(ipaddr_parse(rows[i].outside, &a), 0);
		assert_false(ipprefix_has(&p, &a));
	}
}

/* Test vector of the SipHash paper, appendix A: 2-4 of 00..0e. */
static void hashes(void **state)
{
	const struct hash_key k = { 0x0706050403020100ULL,
				    0x0f0e0d0c0b0a0908ULL };
	uint8_t in[15];

	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)i;
	assert_true(siphash24(&k, in, sizeof(in)) == 0xa129ca6149be45e5ULL);
	assert_true(siphash13_folded(&k, BYTES("Alice@Contoso.COM")) ==
		    siphash13(&k, "alice@contoso.com", 17));
	assert_true(siphash13(&k, "a", 1) != siphash13(&k, "b", 1));
}

static void slabs(void **state)
{
	struct slab s;
	void *a, *b, *c;

	assert_int_equal(slab_init(&s, 100, 2), 0);
	assert_int_equal(s.size, 128);
	a = slab_get(&s);
	b = slab_get(&s);
	c = slab_get(&s);
	assert_non_null(a);
	assert_non_null(b);
	assert_null(c);
	assert_int_equal(s.failures, 1);
	assert_ptr_equal(slab_at(&s, slab_index(&s, b)), b);
	slab_put(&s, a);
	assert_int_equal(s.used, 1);
	assert_ptr_equal(slab_get(&s), a);
	assert_int_equal(s.peak, 2);
	slab_put(&s, a);
	slab_put(&s, b);
	slab_fini(&s);
}

#if CASGATE_ASAN
static void write_there(void *p)
{
	*(volatile uint8_t *)p = 2;
}
#endif

/* A use after put must be seen by the sanitizer: without that, every clean
 * run of the other tests would say nothing about pools. */
static void slabs_catch_use_after_put(void **state)
{
#if CASGATE_ASAN
	struct slab s;
	uint8_t *a;

	assert_int_equal(slab_init(&s, 64, 4), 0);
	a = slab_get(&s);
	a[5] = 1;
	assert_false(__asan_address_is_poisoned(a + 5));
	slab_put(&s, a);
	assert_true(__asan_address_is_poisoned(a + 5));
	assert_true(unit_dies("use-after-poison", write_there, a + 5));
	slab_fini(&s);
#endif
}

static void rings(void **state)
{
	struct spsc r;
	int x[5];

	assert_int_equal(spsc_init(&r, 4), 0);
	assert_null(spsc_get(&r));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 4; i++)
			assert_true(spsc_put(&r, &x[i]));
		assert_false(spsc_put(&r, &x[4]));
		for (int i = 0; i < 4; i++)
			assert_ptr_equal(spsc_get(&r), &x[i]);
		assert_null(spsc_get(&r));
	}
	assert_int_equal(r.refused, 3);
	spsc_fini(&r);
}

static void spans(void **state)
{
	char a[] = "abc", b[] = "", c[] = "defgh", out[16] = "";
	struct iovec iov[] = { { a, 3 }, { b, 0 }, { c, 5 } };
	struct span_in in = span_in_of(iov, 3);
	struct span_out to = span_out_of(iov, 3);

	assert_int_equal(span_in_peek(&in, out, 4), 4);
	assert_string_equal(out, "abcd");
	assert_int_equal(span_in_read(&in, out, 2), 2);
	assert_int_equal(span_in_left(&in), 6);
	assert_int_equal(span_in_read(&in, out, 16), 6);
	assert_memory_equal(out, "cdefgh", 6);
	assert_int_equal(in.used, 8);

	assert_int_equal(span_out_write(&to, "12345", 5), 5);
	assert_int_equal(span_out_write(&to, "6789", 4), 3);
	assert_memory_equal(a, "123", 3);
	assert_memory_equal(c, "45678", 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(base64),
		cmocka_unit_test(writers),
		cmocka_unit_test(addresses),
		cmocka_unit_test(hashes),
		cmocka_unit_test(slabs),
		cmocka_unit_test(slabs_catch_use_after_put),
		cmocka_unit_test(rings),
		cmocka_unit_test(spans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
