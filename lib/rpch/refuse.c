/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * refuse.c - the few bytes with which an RPC client is told no.
 */
#include "rpch/wire.h"

void rpch_fault(uint8_t dst[RPCH_FAULT_SIZE], uint32_t call_id, uint32_t status)
{
	/* No hint, context 0, nothing cancelled, no stub behind the status. */
	rpch_put_header(dst, RPCH_FAULT_SIZE, 3, RPCH_PFC_NOT_EXECUTED,
			call_id);
	rpch_put32(dst + 24, status);
}

void rpch_bind_nak(uint8_t dst[RPCH_BIND_NAK_SIZE], uint32_t call_id,
		   enum rpch_nak reason)
{
	/* The list of versions, one of two bytes; padded to a multiple of
	 * four, as Windows does. */
	rpch_put_header(dst, RPCH_BIND_NAK_SIZE, 13, 0, call_id);
	rpch_put16(dst + 16, (uint16_t)reason);
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
