/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_auth.c - what of identity needs no domain: the wrapping of tokens, and
 * results in words. test_identity.py has the rest, with real KDCs.
 */
#include "unit.h"

#include "auth/private.h"

#include <errno.h>

static uint8_t in[70000], out[70100];

/* Definite lengths of DER, one level. */
static struct bytes inside(struct bytes b, uint8_t tag, struct bytes *rest)
{
	size_t n, at = 2;

	assert_true(b.n >= 2);
	assert_int_equal(b.p[0], tag);
	n = b.p[1];
	if (n & 0x80) {
		size_t more = n & 0x7f;

		/* The shortest form there is. */
		assert_true(more && more <= 3 && b.p[2]);
		for (n = 0; at < 2 + more; at++)
			n = n << 8 | b.p[at];
		assert_true(more > 1 ? n >> 8 * (more - 1) : n >= 0x80);
	}
	assert_true(at + n <= b.n);
	*rest = bytes_from(b, at + n);
	return (struct bytes){ b.p + at, n };
}

static void wraps(void **state)
{
	static const size_t sizes[] = { 0,     1,     10,    90,   99,
					100,   110,   127,   128,  200,
					220,   255,   256,   300,  2000,
					65000, 65535, 65536, 70000 };
	static const uint8_t oid[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct bytes token = { in, sizes[i] }, b, rest, mechs;
		size_t n;

		memset(in, (int)i + 1, sizes[i]);
		n = auth_spnego_wrap(token, out, sizeof(out));
		assert_true(n > sizes[i]);
		b = inside((struct bytes){ out, n }, 0x60, &rest);
		assert_int_equal(rest.n, 0);
		assert_memory_equal(inside(b, 0x06, &b).p, oid, sizeof(oid));
		b = inside(b, 0xa0, &rest);
		assert_int_equal(rest.n, 0);
		b = inside(b, 0x30, &rest);
		assert_int_equal(rest.n, 0);
		mechs = inside(b, 0xa0, &b);
		mechs = inside(mechs, 0x30, &rest);
		assert_int_equal(inside(mechs, 0x06, &rest).n, 9);
		b = inside(b, 0xa2, &rest);
		assert_int_equal(rest.n, 0);
		b = inside(b, 0x04, &rest);
		assert_int_equal(rest.n, 0);
		assert_true(bytes_eq(b, token));
		/* A byte less, and nothing is written. */
		memset(out, 0x55, sizeof(out));
		assert_int_equal(auth_spnego_wrap(token, out, n - 1), 0);
		assert_int_equal(out[0], 0x55);
	}
}

static void in_words(void **state)
{
	for (unsigned r = 0; r < AUTH_RESULT_COUNT; r++) {
		assert_true(auth_result_word(r)[0]);
		assert_int_equal(auth_result_words(r)[0] != '\0', r != AUTH_OK);
		for (unsigned k = 0; k < r; k++)
			assert_string_not_equal(auth_result_word(r),
						auth_result_word(k));
	}
}

static const struct {
	krb5_error_code code;
	enum auth_result result;
} codes[] = {
	{ 0, AUTH_OK },
	{ KRB5KDC_ERR_PREAUTH_FAILED, AUTH_DENIED },
	{ KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, AUTH_UNKNOWN },
	{ KRB5KDC_ERR_CLIENT_REVOKED, AUTH_REVOKED },
	{ KRB5KDC_ERR_KEY_EXP, AUTH_EXPIRED },
	{ KRB5KRB_AP_ERR_SKEW, AUTH_SKEW },
	{ KRB5_KDC_UNREACH, AUTH_NO_KDC },
	{ KRB5_KT_NOTFOUND, AUTH_KEYTAB },
	{ KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN, AUTH_NO_SPN },
	{ KRB5KDC_ERR_BADOPTION, AUTH_NOT_DELEGATED },
	{ KRB5KRB_AP_ERR_MODIFIED, AUTH_TOKEN_BAD },
	{ ENOMEM, AUTH_FAILED },
};

static void errors(void **state)
{
	struct auth a = { 0 };

	assert_int_equal(krb5_init_context(&a.krb5), 0);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		struct auth_answer said = { 0 };

		assert_int_equal(auth_krb5_result(&a, codes[i].code, &said),
				 codes[i].result);
		assert_int_equal(said.code, codes[i].code);
		assert_int_equal(said.why[0] != '\0', codes[i].code != 0);
		for (const char *c = said.why; *c; c++)
			assert_true((uint8_t)*c >= 0x20);
	}
	krb5_free_context(a.krb5);
}

static void no_keytab(void **state)
{
	const struct auth_config c = { .keytab = "/nowhere/casgate.keytab",
				       .account = "svc@CONTOSO.LOCAL",
				       .service = "HTTP/mail.contoso.com" };
	char error[256];

	assert_null(auth_new(&c, error, sizeof(error)));
	assert_string_equal(
		error,
		"keytab /nowhere/casgate.keytab: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wraps),
		cmocka_unit_test(in_words),
		cmocka_unit_test(errors),
		cmocka_unit_test(no_keytab),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
