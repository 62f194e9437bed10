/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

const struct ipaddr ipaddr_any;

bool ipprefix_has(const struct ipprefix *p, const struct ipaddr *a)
{
	unsigned whole = p->len / 8, rest = p->len % 8;

	if (memcmp(p->addr.b, a->b, whole))
		return false;
	return !rest || !((p->addr.b[whole] ^ a->b[whole]) >> (8 - rest));
}

int ipaddr_parse(const char *s, struct ipaddr *out)
{
	uint8_t b[16];

	if (inet_pton(AF_INET, s, b) == 1)
		*out = ipaddr_v4(b);
	else if (inet_pton(AF_INET6, s, b) == 1)
		*out = ipaddr_v6(b);
	else
		return -EINVAL;
	return 0;
}

int ipprefix_parse(const char *s, struct ipprefix *out)
{
	struct bytes rest = BYTES(s), head = bytes_cut(&rest, '/');
	bool slash = head.n != strlen(s);
	char addr[IPADDR_STR];
	struct ipprefix p;
	uint64_t len;
	unsigned off;

	if (!bytes_str(head, addr, sizeof(addr)) || ipaddr_parse(addr, &p.addr))
		return -EINVAL;
	off = ipaddr_is_v4(&p.addr) ? 96 : 0;
	len = 128 - off;
	if (slash && !bytes_u64(rest, 128 - off, &len))
		return -EINVAL;
	p.len = (uint8_t)(len + off);
	*out = p;
	return 0;
}

char *ipaddr_str(const struct ipaddr *a, char *dst)
{
	if (ipaddr_is_v4(a))
		inet_ntop(AF_INET, a->b + 12, dst, IPADDR_STR);
	else
		inet_ntop(AF_INET6, a->b, dst, IPADDR_STR);
	return dst;
}

char *ipprefix_str(const struct ipprefix *p, char *dst)
{
	unsigned off = ipaddr_is_v4(&p->addr) ? 96 : 0;
	size_t n;

	ipaddr_str(&p->addr, dst);
	n = strlen(dst);
	snprintf(dst + n, IPADDR_STR - n, "/%u", p->len - off);
	return dst;
}
