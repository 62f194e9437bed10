/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Toeplitz by byte position. The hash is linear over GF(2), so each byte of
 * the tuple contributes what a table says, whatever the others are.
 */
#include "ip/ip_int.h"

/* 32 bits of the key from bit `at` on. */
static uint32_t window(const uint8_t *key, unsigned at)
{
	uint64_t w = 0;

	for (unsigned i = 0; i < 5; i++)
		w = w << 8 | key[at / 8 + i];
	return (uint32_t)(w >> (8 - at % 8));
}

static uint32_t contribution(const uint8_t *key, unsigned pos, unsigned byte)
{
	uint32_t h = 0;

	for (unsigned bit = 0; bit < 8; bit++)
		if (byte & 0x80 >> bit)
			h ^= window(key, pos * 8 + bit);
	return h;
}

void steer_init(struct steer *s, unsigned workers, const uint8_t *key,
		const struct hash_key *secret)
{
	assert(workers && workers <= UINT16_MAX);
	*s = (struct steer){ .workers = (uint16_t)workers,
			     .reta_mask = STEER_RETA - 1 };
	for (unsigned i = 0; i < sizeof(s->key); i++)
		s->key[i] = key ? key[i]
				: (uint8_t)siphash24(secret,
						     (uint8_t[]){ 'r', 's', 's',
								  (uint8_t)i },
						     4);
	for (unsigned i = 0; i < STEER_RETA; i++)
		s->reta[i] = (uint16_t)(i % workers);
	for (unsigned pos = 0; pos < ARRAY_LEN(s->v6); pos++)
		for (unsigned b = 0; b < 256; b++)
			s->v6[pos][b] = contribution(s->key, pos, b);
	memcpy(s->v4, s->v6, sizeof(s->v4));
}

uint32_t steer_hash(const struct steer *s, const struct ip_tuple *t)
{
	bool v4 = ipaddr_is_v4(&t->src);
	const uint32_t(*row)[256] = v4 ? s->v4 : s->v6;
	const uint8_t ports[4] = { (uint8_t)(t->sport >> 8), (uint8_t)t->sport,
				   (uint8_t)(t->dport >> 8),
				   (uint8_t)t->dport };
	uint32_t h = 0;

	assert(v4 == ipaddr_is_v4(&t->dst));
	for (unsigned i = v4 ? 12 : 0; i < 16; i++)
		h ^= (*row++)[t->src.b[i]];
	for (unsigned i = v4 ? 12 : 0; i < 16; i++)
		h ^= (*row++)[t->dst.b[i]];
	for (unsigned i = 0; i < 4; i++)
		h ^= (*row++)[ports[i]];
	return h;
}
