/* SPDX-License-Identifier: BSD-3-Clause */
/* tcp_opt.c - TCP options in and out (RFC 9293 3.1, RFC 7323 2 and 3). */
#include "tcp/tcp_int.h"

enum { OPT_END = 0, OPT_NOP = 1, OPT_MSS = 2, OPT_SCALE = 3, OPT_TS = 8 };
enum { LEN_MSS = 4, LEN_SCALE = 3, LEN_TS = 10 };

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* One option of `len` bytes at p, kind and length included. */
static bool option(const uint8_t *p, uint8_t len, struct tcp_opts *o)
{
	switch (p[0]) {
	case OPT_MSS:
		o->has_mss = true;
		o->mss = (uint16_t)(p[2] << 8 | p[3]);
		return len == LEN_MSS;
	case OPT_SCALE:
		o->has_scale = true;
		/* RFC 7323 2.3: larger counts as 14. */
		o->scale = min(p[2], (uint8_t)TCP_SCALE_MAX);
		return len == LEN_SCALE;
	case OPT_TS:
		if (len != LEN_TS)
			return false;
		o->has_ts = true;
		o->tsval = get32(p + 2);
		o->tsecr = get32(p + 6);
		return true;
	default:
		return true; /* MUST-6: ignore what is not known */
	}
}

bool tcp_opts_parse(const uint8_t *p, size_t n, struct tcp_opts *o)
{
	static const uint8_t least[] = {
		[OPT_MSS] = LEN_MSS, [OPT_SCALE] = LEN_SCALE, [OPT_TS] = LEN_TS
	};
	size_t i = 0;

	*o = (struct tcp_opts){ 0 };
	while (i < n && p[i] != OPT_END) {
		if (p[i] == OPT_NOP) {
			i++;
			continue;
		}
		/* MUST-7: a length of 0 or 1 must not stop the world. */
		if (n - i < 2 || p[i + 1] < 2 || p[i + 1] > n - i)
			return false;
		if (p[i] < sizeof(least) && p[i + 1] < least[p[i]])
			return false;
		if (!option(p + i, p[i + 1], o))
			return false;
		i += p[i + 1];
	}
	return true;
}

unsigned tcp_opts_write(uint8_t *p, const struct tcp_opts *o)
{
	uint8_t *at = p;

	if (o->has_mss) {
		at[0] = OPT_MSS;
		at[1] = LEN_MSS;
		at[2] = (uint8_t)(o->mss >> 8);
		at[3] = (uint8_t)o->mss;
		at += LEN_MSS;
	}
	if (o->has_ts) {
		at[0] = at[1] = OPT_NOP;
		at[2] = OPT_TS;
		at[3] = LEN_TS;
		put32(at + 4, o->tsval);
		put32(at + 8, o->tsecr);
		at += 2 + LEN_TS;
	}
	if (o->has_scale) {
		at[0] = OPT_NOP;
		at[1] = OPT_SCALE;
		at[2] = LEN_SCALE;
		at[3] = o->scale;
		at += 1 + LEN_SCALE;
	}
	return (unsigned)(at - p);
}
