/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/hash.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static force_inline uint64_t rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static force_inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

static force_inline void sip_word(struct sip *s, uint64_t m, int rounds)
{
	s->v3 ^= m;
	for (int i = 0; i < rounds; i++)
		sip_round(s);
	s->v0 ^= m;
}

static force_inline uint64_t load(const uint8_t *p, size_t n, bool fold)
{
	uint64_t m = 0;

	if (!fold && n == 8) {
		memcpy(&m, p, 8);
		return m;
	}
	for (size_t i = 0; i < n; i++)
		m |= (uint64_t)(fold ? ascii_lower(p[i]) : p[i]) << (8 * i);
	return m;
}

static force_inline uint64_t siphash(const struct hash_key *k,
				      const uint8_t *p, size_t n, int c, int d,
				      bool fold)
{
	struct sip s = { k->k0 ^ 0x736f6d6570736575ULL,
			 k->k1 ^ 0x646f72616e646f6dULL,
			 k->k0 ^ 0x6c7967656e657261ULL,
			 k->k1 ^ 0x7465646279746573ULL };
	size_t left = n;

	for (; left >= 8; left -= 8, p += 8)
		sip_word(&s, load(p, 8, fold), c);
	sip_word(&s, load(p, left, fold) | (uint64_t)n << 56, c);
	s.v2 ^= 0xff;
	for (int i = 0; i < d; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t siphash13(const struct hash_key *k, const void *p, size_t n)
{
	return siphash(k, p, n, 1, 3, false);
}

uint64_t siphash24(const struct hash_key *k, const void *p, size_t n)
{
	return siphash(k, p, n, 2, 4, false);
}

uint64_t siphash13_folded(const struct hash_key *k, struct bytes a)
{
	return siphash(k, a.p, a.n, 1, 3, true);
}
