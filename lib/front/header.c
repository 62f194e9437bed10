/* SPDX-License-Identifier: BSD-3-Clause */
/* header.c - the PROXY header, both versions. */
#include "front/front.h"

#define V1_MAX 107 /* with its CRLF (2.1) */
#define V2_FIXED 16

static const struct bytes v1 = BYTES_LIT("PROXY ");
static const struct bytes v2 = BYTES_LIT("\r\n\r\n\0\r\nQUIT\n");

static const struct {
	const char *name, *words;
} verdicts[] = {
#define X(id, name, words) [id] = { name, words },
	FRONT_VERDICTS(X)
#undef X
};

const char *front_verdict_name(enum front_verdict v)
{
	return verdicts[v].name;
}

const char *front_verdict_words(enum front_verdict v)
{
	return verdicts[v].words;
}

/* --- version 1 --------------------------------------------------------------
 */

static bool parse_address(struct bytes text, bool want_v4, struct ipaddr *out)
{
	char s[IPADDR_STR];

	/* A colon tells the families of the text apart; the shape of the
	 * address does not: ::ffff:192.0.2.1 is written as TCP6. */
	return bytes_str(text, s, sizeof(s)) && !ipaddr_parse(s, out) &&
	       want_v4 == (bytes_find(text, ':') == text.n);
}

/* No sign, no leading zero (2.1). */
static bool parse_port(struct bytes text, uint16_t *out)
{
	uint64_t n;

	if (text.n > 1 && text.p[0] == '0')
		return false;
	if (!bytes_u64(text, UINT16_MAX, &n))
		return false;
	*out = (uint16_t)n;
	return true;
}

/* What stands between "PROXY " and CRLF. */
static enum front_verdict parse_line(struct bytes line,
				     struct front_header *out)
{
	struct bytes family = bytes_cut(&line, ' ');
	bool v4 = bytes_eq(family, BYTES("TCP4"));
	struct ipaddr to;
	uint16_t port;

	if (bytes_eq(family, BYTES("UNKNOWN"))) {
		out->local = true;
		return FRONT_OK;
	}
	if (!v4 && !bytes_eq(family, BYTES("TCP6")))
		return FRONT_FAMILY;
	if (!parse_address(bytes_cut(&line, ' '), v4, &out->client) ||
	    !parse_address(bytes_cut(&line, ' '), v4, &to) ||
	    !parse_port(bytes_cut(&line, ' '), &out->port) ||
	    !parse_port(line, &port))
		return FRONT_ADDRESS;
	return FRONT_OK;
}

static enum front_verdict parse_v1(struct bytes in, struct front_header *out,
				   size_t *len)
{
	struct bytes line = bytes_upto(in, V1_MAX);
	size_t cr = bytes_find(line, '\r');

	for (size_t i = 0; i < cr; i++)
		if (line.p[i] < 0x20 || line.p[i] > 0x7e)
			return FRONT_LINE;
	if (cr + 1 >= line.n)
		return line.n < V1_MAX ? FRONT_MORE : FRONT_LONG;
	if (line.p[cr + 1] != '\n')
		return FRONT_LINE;
	*len = cr + 2;
	return parse_line(bytes_from(bytes_upto(line, cr), v1.n), out);
}

/* --- version 2
 * ---------------------------------------------------------------- */

static enum front_verdict parse_v2(struct bytes in, struct front_header *out,
				   size_t *len)
{
	const uint8_t *p = in.p;
	size_t block, need;
	bool v4;

	if (in.n < V2_FIXED)
		return FRONT_MORE;
	if (p[12] != 0x20 && p[12] != 0x21)
		return FRONT_COMMAND;
	block = (size_t)(p[14] << 8 | p[15]);
	if (V2_FIXED + block > FRONT_HEADER_MAX)
		return FRONT_LONG;
	/* LOCAL: whatever stands there is not looked at. */
	out->local = p[12] == 0x20 || p[13] == 0x00;
	v4 = p[13] == 0x11;
	if (!out->local && !v4 && p[13] != 0x21)
		return FRONT_FAMILY;
	need = out->local ? 0 : v4 ? 12 : 36;
	if (block < need)
		return FRONT_ADDRESS;
	if (in.n < V2_FIXED + block)
		return FRONT_MORE;
	*len = V2_FIXED + block;
	if (out->local)
		return FRONT_OK;
	p += V2_FIXED;
	out->client = v4 ? ipaddr_v4(p) : ipaddr_v6(p);
	p += v4 ? 8 : 32;
	out->port = (uint16_t)(p[0] << 8 | p[1]);
	return FRONT_OK;
}

/* Does `in` begin with `sign`, as far as it goes? */
static bool begins(struct bytes in, struct bytes sign)
{
	size_t n = min(in.n, sign.n);

	return bytes_eq(bytes_upto(in, n), bytes_upto(sign, n));
}

enum front_verdict front_header(struct bytes in, unsigned versions,
				struct front_header *out, size_t *len)
{
	struct front_header h = { 0 };
	enum front_verdict v;
	bool first = begins(in, v1), second = begins(in, v2);
	size_t n = 0;

	if (!in.n)
		return FRONT_MORE;
	if (!first && !second)
		return FRONT_NO_HEADER;
	if (in.n < (first ? v1.n : v2.n))
		return FRONT_MORE;
	if (!(versions & (first ? FRONT_V1 : FRONT_V2)))
		return FRONT_VERSION;
	v = first ? parse_v1(in, &h, &n) : parse_v2(in, &h, &n);
	if (v != FRONT_OK)
		return v;
	if (!h.local && ipaddr_is_any(&h.client))
		return FRONT_ADDRESS;
	*out = h;
	*len = n;
	return FRONT_OK;
}
