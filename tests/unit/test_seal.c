/* SPDX-License-Identifier: BSD-3-Clause */
/* test_seal.c - published vectors: FIPS 180-4, RFC 5869 appendix A,
 * McGrew and Viega's for GCM. */
#include "unit.h"

#include "seal/seal.h"

static void unhex(const char *s, uint8_t *out)
{
	for (; *s; s += 2)
		*out++ = (uint8_t)(ascii_hex((uint8_t)s[0]) << 4 |
				   ascii_hex((uint8_t)s[1]));
}

static void sha256(void **state)
{
	static const struct {
		const char *text, *digest;
	} rows[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb924"
		      "27ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223"
			 "b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039"
		  "a33ce45964ff2167f6ecedd419db06c1" },
	};
	uint8_t want[SEAL_SHA256], got[SEAL_SHA256];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unhex(rows[i].digest, want);
		seal_sha256(BYTES(rows[i].text), got);
		assert_memory_equal(got, want, sizeof(want));
	}
	unhex(rows[0].digest, want);
	seal_sha256(BYTES_NONE, got);
	assert_memory_equal(got, want, sizeof(want));
}

/* Bytes from..to, as RFC 5869 writes its longer inputs. */
static struct bytes run_of(uint8_t *buf, unsigned from, unsigned to)
{
	for (unsigned i = from; i <= to; i++)
		buf[i - from] = (uint8_t)i;
	return (struct bytes){ buf, to - from + 1 };
}

static void hkdf(void **state)
{
	uint8_t ikm[80], salt[80], info[81] = { 0 }, want[82], got[82];

	/* A.1 */
	memset(ikm, 0x0b, 22);
	run_of(info, 0xf0, 0xf9);
	unhex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
	      "34007208d5b887185865",
	      want);
	seal_hkdf((struct bytes){ ikm, 22 }, run_of(salt, 0x00, 0x0c),
		  (char *)info, got, 42);
	assert_memory_equal(got, want, 42);

	/* A.2: more than two blocks, of everything */
	memset(info, 0, sizeof(info));
	run_of(info, 0xb0, 0xff);
	unhex("b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
	      "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
	      "cc30c58179ec3e87c14c01d5c1f3434f1d87",
	      want);
	seal_hkdf(run_of(ikm, 0x00, 0x4f), run_of(salt, 0x60, 0xaf),
		  (char *)info, got, 82);
	assert_memory_equal(got, want, 82);

	/* A.3: no salt, no purpose */
	memset(ikm, 0x0b, 22);
	unhex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
	      "9d201395faa4b61a96c8",
	      want);
	seal_hkdf((struct bytes){ ikm, 22 }, BYTES_NONE, "", got, 42);
	assert_memory_equal(got, want, 42);
}

static void hkdf_separates_purposes(void **state)
{
	uint8_t a[32], b[32], longest[255 * SEAL_SHA256];

	seal_hkdf(BYTES("secret"), BYTES_NONE, "tickets", a, sizeof(a));
	seal_hkdf(BYTES("secret"), BYTES_NONE, "cookies", b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	/* A longer answer begins with the shorter one (RFC 5869 2.3). */
	seal_hkdf(BYTES("secret"), BYTES_NONE, "tickets", longest,
		  sizeof(longest));
	assert_memory_equal(longest, a, sizeof(a));
	seal_hkdf(BYTES("secret"), BYTES_NONE, "tickets", longest, 0);
}

static void random_bytes(void **state)
{
	uint8_t a[64] = { 0 }, b[64] = { 0 };
	static const uint8_t zero[64];

	seal_random(a, 0);
	assert_memory_equal(a, zero, sizeof(a));
	seal_random(a, 32);
	seal_random(b, 32);
	assert_memory_not_equal(a, b, 32);
	/* Not a byte more than asked for. */
	assert_memory_equal(a + 32, zero, 32);
}

static void equality(void **state)
{
	static const struct {
		const char *a, *b;
		size_t n;
		bool equal;
	} rows[] = {
		{ "abcd", "abcd", 4, true },  { "abcd", "abce", 4, false },
		{ "abcd", "bbcd", 4, false }, { "abcd", "abce", 3, true },
		{ "a", "b", 0, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(seal_equal(rows[i].a, rows[i].b, rows[i].n),
				 rows[i].equal);
}

/* Test cases 13 and 14 of "The Galois/Counter Mode of Operation". */
static void box_vectors(void **state)
{
	static const uint8_t key[SEAL_KEY], zero[16];
	static const struct {
		const char *sealed;
		size_t n;
	} rows[] = {
		{ "000000000000000000000000"
		  "530f8afbc74536b9a963b4f1c4cb738b",
		  0 },
		{ "000000000000000000000000"
		  "cea7403d4d606b6e074ec5d3baf39d18"
		  "d0d1c8a799996bf0265b98b5d48ab919",
		  16 },
	};
	struct seal_box *b = seal_box_new(key);

	assert_non_null(b);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t sealed[64], out[16];

		unhex(rows[i].sealed, sealed);
		memset(out, 0xa5, sizeof(out));
		assert_true(seal_open(
			b, (struct bytes){ sealed, strlen(rows[i].sealed) / 2 },
			out));
		assert_memory_equal(out, zero, rows[i].n);
	}
	seal_box_free(b);
}

/* What was closed comes back; with any bit changed, cut, or under another key
 * it does not. */
static void box(void **state)
{
	static const uint8_t key[SEAL_KEY] = { 1 }, other[SEAL_KEY] = { 2 };
	static const char *const rows[] = { "", "a",
					    "EX10\talice@contoso.com" };
	struct seal_box *b = seal_box_new(key), *c = seal_box_new(other);

	assert_non_null(b);
	assert_non_null(c);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t sealed[64], again[64], out[64];
		struct bytes plain = BYTES(rows[i]);
		struct bytes s = { sealed, plain.n + SEAL_ADDED };

		seal_close(b, plain, sealed);
		seal_close(b, plain, again);
		assert_memory_not_equal(sealed, again, s.n);
		assert_true(seal_open(b, s, out));
		assert_memory_equal(out, plain.p, plain.n);
		assert_false(seal_open(c, s, out));
		for (size_t n = 0; n < s.n; n++)
			assert_false(seal_open(b, bytes_upto(s, n), out));
		for (size_t bit = 0; bit < 8 * s.n; bit++) {
			sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(seal_open(b, s, out));
			sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_true(seal_open(b, s, out));
	}
	seal_box_free(b);
	seal_box_free(c);
	seal_box_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256),
		cmocka_unit_test(hkdf),
		cmocka_unit_test(hkdf_separates_purposes),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(equality),
		cmocka_unit_test(box_vectors),
		cmocka_unit_test(box),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
