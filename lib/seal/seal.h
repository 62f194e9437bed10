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
