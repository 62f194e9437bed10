/* SPDX-License-Identifier: BSD-3-Clause */
/* chain.c - X-Forwarded-For, from right to left. */
#include "front/front.h"

bool front_trusts(const struct ipprefix *trusted, unsigned n,
		  const struct ipaddr *a)
{
	for (unsigned i = 0; i < n; i++)
		if (ipprefix_has(&trusted[i], a))
			return true;
	return false;
}

static bool is_port(struct bytes text)
{
	uint64_t port;

	return bytes_u64(text, UINT16_MAX, &port);
}

/* "192.0.2.1", "2001:db8::1", with a port "192.0.2.1:80", "[2001:db8::1]:80",
 * as Azure and IIS write it. */
static bool parse_hop(struct bytes text, struct ipaddr *out)
{
	char s[IPADDR_STR];
	struct bytes rest = text, host = bytes_cut(&rest, ':');

	if (text.n && text.p[0] == '[') {
		if (bytes_find(text, ']') == text.n)
			return false;
		rest = bytes_from(text, 1);
		host = bytes_cut(&rest, ']');
		if (rest.n &&
		    (rest.p[0] != ':' || !is_port(bytes_from(rest, 1))))
			return false;
	} else if (host.n == text.n || bytes_find(rest, ':') < rest.n) {
		host = text; /* no colon, or several: no port */
	} else if (!is_port(rest)) {
		return false;
	}
	return bytes_str(host, s, sizeof(s)) && !ipaddr_parse(s, out) &&
	       !ipaddr_is_any(out);
}

enum front_verdict front_chain(struct front_chain *c, struct bytes value,
			       const struct ipprefix *trusted, unsigned n)
{
	while (value.n && !c->done) {
		const uint8_t *comma = memrchr(value.p, ',', value.n);
		size_t at = comma ? (size_t)(comma - value.p) + 1 : 0;
		struct bytes text = bytes_trim(bytes_from(value, at));
		struct ipaddr hop;

		value = bytes_upto(value, comma ? at - 1 : 0);
		if (!text.n)
			continue; /* an empty element, RFC 9110 5.6.1 */
		if (!parse_hop(text, &hop)) {
			c->done = true;
			break;
		}
		if (c->n == FRONT_HOPS)
			return FRONT_MANY;
		c->hop[c->n++] = hop;
		c->done = !front_trusts(trusted, n, &hop);
	}
	return FRONT_OK;
}
