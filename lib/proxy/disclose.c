/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disclose.c - the header fields of every answer that a front end adds, and
 * those of a server that it keeps to itself.
 */
#include "proxy/proxy_int.h"

void put_own_fields(struct http_writer *w, const struct session *s)
{
	const uint8_t *g = s->guid;

	http_putf(w,
		  "request-id: %02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
		  "%02x%02x%02x%02x%02x%02x\r\n",
		  g[0], g[1], g[2], g[3], g[4], g[5], g[6], g[7], g[8], g[9],
		  g[10], g[11], g[12], g[13], g[14], g[15]);
}

bool is_own_field(const struct http_field *f)
{
	return bytes_ieq(f->name, BYTES("request-id"));
}
