/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum over packets in pieces.
 *
 * Not rte_raw_cksum_mbuf(): in 22.11 it drops the carries of a piece that
 * begins at an odd offset.
 */
#include "ip/ip_int.h"

static uint16_t fold(uint64_t s)
{
	s = (s & 0xffffffff) + (s >> 32);
	s = (s & 0xffffffff) + (s >> 32);
	s = (s & 0xffff) + (s >> 16);
	return (uint16_t)((s & 0xffff) + (s >> 16));
}

uint16_t ip_sum_bytes(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t sum = 0;
	uint32_t word;

	/* A plain loop over words, which compilers turn into vectors. */
	for (; n >= 4; n -= 4, b += 4) {
		memcpy(&word, b, 4);
		sum += word;
	}
	word = 0;
	memcpy(&word, b, n);
	return fold(sum + word);
}

uint16_t ip_sum(const struct rte_mbuf *m, uint32_t off, uint32_t n)
{
	uint16_t sum = 0;
	bool odd = false;

	assert(off + n <= m->pkt_len);
	while (off && off >= m->data_len) {
		off -= m->data_len;
		m = m->next;
	}
	for (; n; m = m->next, off = 0) {
		uint32_t k = min(n, m->data_len - off);
		uint16_t part = ip_sum_bytes(pkt_data(m) + off, k);

		/* A piece after an odd number of bytes is a byte off. */
		sum = ip_sum_add(sum, odd ? rte_bswap16(part) : part);
		odd ^= k & 1;
		n -= k;
	}
	return sum;
}

uint16_t ip_sum_pseudo(const struct ipaddr *src, const struct ipaddr *dst,
		       uint8_t protocol, uint32_t n)
{
	/* Both families by one rule: an IPv4-mapped address's ffff is zero in
	 * one's complement, and IPv6 counts the length in 32 bits. */
	uint8_t tail[8] = { [7] = protocol };
	uint16_t sum;

	put32(tail, n);
	sum = ip_sum_add(ip_sum_bytes(src->b, 16), ip_sum_bytes(dst->b, 16));
	return ip_sum_add(sum, ip_sum_bytes(tail, 8));
}
