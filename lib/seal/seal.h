/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * seal.h - the few cryptographic operations that are not TLS, by libcrypto.
 */
#pragma once

#include "base/base.h"

#define SEAL_SHA256 32

/* Unpredictable bytes; the process ends if the system cannot give any. */
void seal_random(void *dst, size_t n);
/* RFC 5869 with SHA-256: `n` bytes (at most 255 * 32) for one purpose, which
 * is the RFC's "info". Allocates: for start-up and control threads. */
void seal_hkdf(struct bytes key, struct bytes salt, const char *purpose,
	       void *dst, size_t n);
void seal_sha256(struct bytes in, uint8_t out[SEAL_SHA256]);
/* In time that depends on n alone. */
bool seal_equal(const void *a, const void *b, size_t n);

/* --- what strangers keep for us -------------------------------------------- */

#define SEAL_KEY 32
#define SEAL_ADDED 28 /* nonce and tag */

/* AES-256-GCM under one key, which is for one purpose; with random nonces, so
 * for 2^32 things at most (NIST SP 800-38D 8.3). One thread's. */
struct seal_box;

/* NULL: no memory. Control thread. */
must_check struct seal_box *seal_box_new(const uint8_t key[SEAL_KEY]);
/* NULL is allowed. */
void seal_box_free(struct seal_box *b);
/* `out` takes plain.n + SEAL_ADDED bytes. */
void seal_close(struct seal_box *b, struct bytes plain, uint8_t *out);
/* `out` takes sealed.n - SEAL_ADDED bytes. False, and nothing to be read there,
 * for what was not closed under this key. */
must_check bool seal_open(struct seal_box *b, struct bytes sealed,
			  uint8_t *out);
