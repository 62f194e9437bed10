/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire.h - what the files of this library know of a PDU's layout.
 */
#pragma once

#include "rpch/rpch.h"

/* C706 12.6.3.1, the common header */
#define RPCH_HEADER 16
#define RPCH_AT_PTYPE 2
#define RPCH_AT_FLAGS 3
#define RPCH_AT_DREP 4
#define RPCH_AT_FRAG 8
#define RPCH_AT_AUTH 10
#define RPCH_AT_CALL 12
/* MS-RPCH 2.2.3.6.1, behind it */
#define RPCH_AT_RTS_FLAGS 16
#define RPCH_AT_COMMANDS 18
#define RPCH_RTS_HEADER 20

#define RPCH_PTYPE_RTS 20
#define RPCH_TRAILER 8	     /* MS-RPCE 2.2.2.11, before the token */
#define RPCH_DREP_LITTLE 0x10 /* C706 14.1: little-endian, ASCII */

enum { /* pfc_flags, C706 12.6.3.1 */
	RPCH_PFC_FIRST = 0x01,
	RPCH_PFC_LAST = 0x02,
	RPCH_PFC_NOT_EXECUTED = 0x20,
	RPCH_PFC_OBJECT = 0x80,
};

static inline uint16_t rpch_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t rpch_u32(const uint8_t *p)
{
	return rpch_u16(p) | (uint32_t)rpch_u16(p + 2) << 16;
}

static inline void rpch_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void rpch_put32(uint8_t *p, uint32_t v)
{
	rpch_put16(p, (uint16_t)v);
	rpch_put16(p + 2, (uint16_t)(v >> 16));
}

/* All of the PDU zeroed, and its common header. */
static inline void rpch_put_header(uint8_t *dst, size_t size, uint8_t ptype,
				   uint8_t flags, uint32_t call_id)
{
	memset(dst, 0, size);
	dst[0] = 5;
	dst[RPCH_AT_PTYPE] = ptype;
	dst[RPCH_AT_FLAGS] = RPCH_PFC_FIRST | RPCH_PFC_LAST | flags;
	dst[RPCH_AT_DREP] = RPCH_DREP_LITTLE;
	rpch_put16(dst + RPCH_AT_FRAG, (uint16_t)size);
	rpch_put32(dst + RPCH_AT_CALL, call_id);
}
