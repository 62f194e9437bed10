/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net.h - addresses of both families in one shape.
 *
 * An IPv4 address is kept as its IPv4-mapped IPv6 form (RFC 4291 2.5.5.2), so
 * tables, hashes and comparisons have one case. Prefix lengths count the 128
 * bits: 10.0.0.0/8 is ::ffff:10.0.0.0/104.
 */
#pragma once

#include "base/bytes.h"

struct ipaddr {
	_Alignas(8) uint8_t b[16];
};

struct ipprefix {
	struct ipaddr addr;
	uint8_t len; /* [0..128] */
};

/* "[2001:db8::1]:65535", "/128" and a NUL. */
#define IPADDR_STR 64

extern const struct ipaddr ipaddr_any; /* :: */

/* `be`: four bytes in network order, as they stand in the header. */
static inline struct ipaddr ipaddr_v4(const void *be)
{
	struct ipaddr a = { { [10] = 0xff, [11] = 0xff } };

	memcpy(a.b + 12, be, 4);
	return a;
}

static inline struct ipaddr ipaddr_v6(const void *be)
{
	struct ipaddr a;

	memcpy(a.b, be, 16);
	return a;
}

static inline bool ipaddr_is_v4(const struct ipaddr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(a->b, mapped, 12) == 0;
}

static inline bool ipaddr_eq(const struct ipaddr *a, const struct ipaddr *b)
{
	return memcmp(a->b, b->b, 16) == 0;
}

static inline bool ipaddr_is_any(const struct ipaddr *a)
{
	return ipaddr_eq(a, &ipaddr_any) ||
	       (ipaddr_is_v4(a) && memcmp(a->b + 12, ipaddr_any.b, 4) == 0);
}

bool ipprefix_has(const struct ipprefix *p, const struct ipaddr *a);

/* "192.0.2.1" or "2001:db8::1"; -EINVAL for anything else. */
must_check int ipaddr_parse(const char *s, struct ipaddr *out);
/* "192.0.2.0/24"; without "/n" the whole address. The address keeps its host
 * bits: an interface is configured as 192.0.2.7/24. */
must_check int ipprefix_parse(const char *s, struct ipprefix *out);
/* Returns dst, which holds IPADDR_STR bytes. */
char *ipaddr_str(const struct ipaddr *a, char *dst);
char *ipprefix_str(const struct ipprefix *p, char *dst);
