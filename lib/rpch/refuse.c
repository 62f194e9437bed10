/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * refuse.c - the few bytes with which an RPC client is told no.
 */
#include "rpch/wire.h"

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)v);
	put16(p + 2, (uint16_t)(v >> 16));
}

static void put_header(uint8_t *dst, size_t size, uint8_t ptype, uint8_t flags,
		       uint32_t call_id)
{
	memset(dst, 0, size);
	dst[0] = 5;
	dst[RPCH_AT_PTYPE] = ptype;
	dst[RPCH_AT_FLAGS] = RPCH_PFC_FIRST | RPCH_PFC_LAST | flags;
	dst[RPCH_AT_DREP] = RPCH_DREP_LITTLE;
	put16(dst + RPCH_AT_FRAG, (uint16_t)size);
	put32(dst + RPCH_AT_CALL, call_id);
}

void rpch_fault(uint8_t dst[RPCH_FAULT_SIZE], uint32_t call_id, uint32_t status)
{
	/* No hint, context 0, nothing cancelled, no stub behind the status. */
	put_header(dst, RPCH_FAULT_SIZE, 3, RPCH_PFC_NOT_EXECUTED, call_id);
	put32(dst + 24, status);
}

void rpch_bind_nak(uint8_t dst[RPCH_BIND_NAK_SIZE], uint32_t call_id,
		   enum rpch_nak reason)
{
	/* The list of versions, one of two bytes; padded to a multiple of
	 * four, as Windows does. */
	put_header(dst, RPCH_BIND_NAK_SIZE, 13, 0, call_id);
	put16(dst + 16, (uint16_t)reason);
	dst[18] = 1;
	dst[19] = 5;
}

void rpch_reason(char dst[RPCH_REASON_SIZE], uint32_t error)
{
	static const char words[] = "RPC Error: ";
	size_t n = sizeof(words) - 1;
	int shift = 28;

	memcpy(dst, words, n);
	while (shift && !(error >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		dst[n++] = "0123456789abcdef"[error >> shift & 15];
	dst[n] = '\0';
}
