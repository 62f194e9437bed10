/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * spnego.c - a Kerberos token as the first and only leg of SPNEGO.
 *
 * libgssapi can do that too, but numbers an error of Kerberos anew when SPNEGO
 * lies between, and then nobody can tell what to repair. RFC 4178 4.2.1.
 */
#include "auth/private.h"

#include <string.h>

static const uint8_t spnego[] = { 0x06, 0x06, 0x2b, 0x06,
				  0x01, 0x05, 0x05, 0x02 };
static const uint8_t kerberos[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
				    0xf7, 0x12, 0x01, 0x02, 0x02 };

/* Bytes of a DER header for n bytes of content. */
static size_t header(size_t n)
{
	return n < 0x80 ? 2 : n < 0x100 ? 3 : n < 0x10000 ? 4 : 5;
}

static size_t whole(size_t n)
{
	return header(n) + n;
}

static uint8_t *put(uint8_t *p, uint8_t tag, size_t n)
{
	size_t more = header(n) - 2;

	*p++ = tag;
	*p++ = (uint8_t)(more ? 0x80 | more : n);
	for (; more; more--)
		*p++ = (uint8_t)(n >> 8 * (more - 1));
	return p;
}

size_t auth_spnego_wrap(struct bytes token, uint8_t *dst, size_t cap)
{
	size_t mechs = sizeof(kerberos), list = whole(mechs);
	size_t octets = whole(token.n);
	size_t init = whole(list) + whole(octets);
	size_t inner = whole(init);
	size_t all = sizeof(spnego) + whole(inner);
	uint8_t *p = dst;

	if (token.n > UINT32_MAX / 2 || whole(all) > cap)
		return 0;
	p = put(p, 0x60, all); /* InitialContextToken, RFC 2743 3.1 */
	memcpy(p, spnego, sizeof(spnego));
	p += sizeof(spnego);
	p = put(p, 0xa0, inner); /* negTokenInit */
	p = put(p, 0x30, init);
	p = put(p, 0xa0, list); /* mechTypes */
	p = put(p, 0x30, mechs);
	memcpy(p, kerberos, sizeof(kerberos));
	p += sizeof(kerberos);
	p = put(p, 0xa2, octets); /* mechToken */
	p = put(p, 0x04, token.n);
	if (token.n)
		memcpy(p, token.p, token.n);
	return (size_t)(p - dst) + token.n;
}
