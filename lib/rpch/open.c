/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * open.c - the two PDUs that open a virtual connection, for whoever has to
 * find out whether a server would answer a client's.
 */
#include "rpch/wire.h"

#define WINDOW (64U << 10) /* [bytes] a server may send without an ack */
#define LIFETIME (1U << 30) /* [bytes] of a channel */
#define KEEPALIVE (300U * 1000U) /* [ms] */

enum { /* MS-RPCH 2.2.3.5 */
       CMD_WINDOW = 0,
       CMD_COOKIE = 3,
       CMD_LIFETIME = 4,
       CMD_KEEPALIVE = 5,
       CMD_VERSION = 6,
       CMD_GROUP = 12,
};

static uint8_t *put_number(uint8_t *p, uint32_t command, uint32_t v)
{
	rpch_put32(p, command);
	rpch_put32(p + 4, v);
	return p + 8;
}

static uint8_t *put_cookie(uint8_t *p, uint32_t command,
			   const struct rpch_cookie *c)
{
	rpch_put32(p, command);
	memcpy(p + 4, c->b, sizeof(c->b));
	return p + 4 + sizeof(c->b);
}

static uint8_t *put_begin(uint8_t *dst, size_t size, uint16_t commands,
			  const struct rpch_opening *o,
			  const struct rpch_cookie *channel)
{
	uint8_t *p = dst + RPCH_RTS_HEADER;

	rpch_put_header(dst, size, RPCH_PTYPE_RTS, 0, 0);
	rpch_put16(dst + RPCH_AT_COMMANDS, commands);
	p = put_number(p, CMD_VERSION, 1);
	p = put_cookie(p, CMD_COOKIE, &o->vc);
	return put_cookie(p, CMD_COOKIE, channel);
}

void rpch_conn_a1(uint8_t dst[RPCH_CONN_A1_SIZE], const struct rpch_opening *o)
{
	put_number(put_begin(dst, RPCH_CONN_A1_SIZE, 4, o, &o->out), CMD_WINDOW,
		   WINDOW);
}

void rpch_conn_b1(uint8_t dst[RPCH_CONN_B1_SIZE], const struct rpch_opening *o)
{
	uint8_t *p = put_begin(dst, RPCH_CONN_B1_SIZE, 6, o, &o->in);

	p = put_number(p, CMD_LIFETIME, LIFETIME);
	p = put_number(p, CMD_KEEPALIVE, KEEPALIVE);
	put_cookie(p, CMD_GROUP, &o->group);
}
