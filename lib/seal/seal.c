/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * seal.c - seal.h by libcrypto.
 *
 * libcrypto fails here only when memory or the system's randomness is gone;
 * going on with a key of zeros is worse than ending, so the process ends.
 */
#include "seal/seal.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include <limits.h>
#include <stdlib.h>

#define HKDF_MAX ((size_t)255 * SEAL_SHA256)

static _Noreturn void give_up(const char *what)
{
	const char *why = ERR_reason_error_string(ERR_peek_error());

	log_error("%s: %s", what, why ? why : "libcrypto gives no reason");
	abort();
}

void seal_random(void *dst, size_t n)
{
	uint8_t *p = dst;

	while (n) {
		size_t k = min(n, (size_t)INT_MAX);

		if (RAND_bytes(p, (int)k) != 1)
			give_up("random bytes");
		p += k;
		n -= k;
	}
}

/* OpenSSL takes an absent string only as a pointer to nothing. */
static OSSL_PARAM octets(const char *name, const void *p, size_t n)
{
	return OSSL_PARAM_construct_octet_string(
		name, n ? (void *)(uintptr_t)p : (void *)(uintptr_t) "", n);
}

void seal_hkdf(struct bytes key, struct bytes salt, const char *purpose,
	       void *dst, size_t n)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	char sha256[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, sha256,
						 0),
		octets(OSSL_KDF_PARAM_KEY, key.p, key.n),
		octets(OSSL_KDF_PARAM_SALT, salt.p, salt.n),
		octets(OSSL_KDF_PARAM_INFO, purpose, strlen(purpose)),
		OSSL_PARAM_construct_end(),
	};

	assert(n <= HKDF_MAX);
	if (n && (!ctx || EVP_KDF_derive(ctx, dst, n, params) != 1))
		give_up("HKDF");
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

void seal_sha256(struct bytes in, uint8_t out[SEAL_SHA256])
{
	if (EVP_Digest(in.n ? in.p : (const uint8_t *)"", in.n, out, NULL,
		       EVP_sha256(), NULL) != 1)
		give_up("SHA-256");
}

bool seal_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}
