/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hash.h - keyed hashes for tables whose keys a stranger chooses.
 *
 * SipHash (Aumasson and Bernstein, 2012). 1-3 for hash tables, 2-4 where the
 * value itself leaves the machine (ISN, cookies).
 */
#pragma once

#include "base/bytes.h"

struct hash_key {
	uint64_t k0, k1;
};

uint64_t siphash13(const struct hash_key *k, const void *p, size_t n);
uint64_t siphash24(const struct hash_key *k, const void *p, size_t n);
/* SipHash-1-3 of `a` with ASCII letters folded to lower case. */
uint64_t siphash13_folded(const struct hash_key *k, struct bytes a);
