/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host.c - host [":" port], of a Host header or an absolute target.
 *
 * RFC 3986 3.2.2 and 3.2.3, without what no host name of ours needs: user
 * information, percent-encoding, sub-delims, IPvFuture, zones, an empty port.
 */
#include "http/chars.h"

#define NAME_MAX_LEN 255 /* RFC 1035 2.3.4 */

/* A name or an IPv4 address: no empty label, but a final dot is allowed. */
static bool is_name(struct bytes h)
{
	if (!all_are(h, CH_HOST) || h.n > NAME_MAX_LEN || h.p[0] == '.')
		return false;
	for (size_t i = 1; i < h.n; i++)
		if (h.p[i] == '.' && h.p[i - 1] == '.')
			return false;
	return true;
}

/* "[2001:db8::1]" */
static bool is_ipv6(struct bytes h)
{
	char text[IPADDR_STR];
	struct ipaddr a;

	if (h.n < 2 || h.p[h.n - 1] != ']')
		return false;
	h = (struct bytes){ h.p + 1, h.n - 2 };
	return bytes_find(h, ':') < h.n && bytes_str(h, text, sizeof(text)) &&
	       ipaddr_parse(text, &a) == 0;
}

bool http_authority(struct bytes a, struct bytes *host, uint16_t *port)
{
	size_t end = 0, colon;
	uint64_t n = 0;

	if (a.n && a.p[0] == '[')
		end = bytes_find(a, ']');
	colon = end + bytes_find(bytes_from(a, end), ':');
	*host = bytes_upto(a, colon);
	if (colon < a.n &&
	    (a.n - colon > sizeof(":65535") - 1 ||
	     !bytes_u64(bytes_from(a, colon + 1), 65535, &n) || !n))
		return false;
	*port = (uint16_t)n;
	return a.n && a.p[0] == '[' ? is_ipv6(*host) : is_name(*host);
}
