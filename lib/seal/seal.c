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
#define NONCE 12
#define TAG 16

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

/* --- what strangers keep for us: nonce, ciphertext, tag --------------------
 */

/* The schedule of the key is made once; a thing costs no allocation. */
struct seal_box {
	EVP_CIPHER_CTX *close, *open;
};

struct seal_box *seal_box_new(const uint8_t key[SEAL_KEY])
{
	struct seal_box *b = mem_new(sizeof(*b));

	if (!b)
		return NULL;
	b->close = EVP_CIPHER_CTX_new();
	b->open = EVP_CIPHER_CTX_new();
	if (b->close && b->open &&
	    EVP_EncryptInit_ex(b->close, EVP_aes_256_gcm(), NULL, key, NULL) ==
		    1 &&
	    EVP_DecryptInit_ex(b->open, EVP_aes_256_gcm(), NULL, key, NULL) ==
		    1)
		return b;
	seal_box_free(b);
	return NULL;
}

void seal_box_free(struct seal_box *b)
{
	if (!b)
		return;
	EVP_CIPHER_CTX_free(b->close);
	EVP_CIPHER_CTX_free(b->open);
	mem_free(b);
}

void seal_close(struct seal_box *b, struct bytes plain, uint8_t *out)
{
	uint8_t *text = out + NONCE, *tag = text + plain.n;
	int n;

	assert(plain.n <= INT_MAX);
	seal_random(out, NONCE);
	if (EVP_EncryptInit_ex(b->close, NULL, NULL, NULL, out) != 1 ||
	    EVP_EncryptUpdate(b->close, text, &n, plain.p, (int)plain.n) != 1 ||
	    EVP_EncryptFinal_ex(b->close, text + n, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(b->close, EVP_CTRL_AEAD_GET_TAG, TAG, tag) != 1)
		give_up("AES-GCM");
}

bool seal_open(struct seal_box *b, struct bytes sealed, uint8_t *out)
{
	struct bytes text = bytes_from(sealed, NONCE);
	uint8_t tag[TAG];
	int n;

	if (sealed.n < SEAL_ADDED || sealed.n > INT_MAX)
		return false;
	text.n -= TAG;
	memcpy(tag, text.p + text.n, TAG);
	if (EVP_DecryptInit_ex(b->open, NULL, NULL, NULL, sealed.p) == 1 &&
	    EVP_DecryptUpdate(b->open, out, &n, text.p, (int)text.n) == 1 &&
	    EVP_CIPHER_CTX_ctrl(b->open, EVP_CTRL_AEAD_SET_TAG, TAG, tag) ==
		    1 &&
	    EVP_DecryptFinal_ex(b->open, out + n, &n) == 1)
		return true;
	mem_wipe(out, text.n);
	return false;
}
