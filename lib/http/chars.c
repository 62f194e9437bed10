/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * chars.c - which byte may stand where, and the search for those that may
 * stand nowhere.
 */
#include "http/chars.h"

#include <endian.h>

#define TK CH_TOKEN
#define TG CH_TARGET
#define HO CH_HOST

const uint8_t http_chars[256] = {
	['0' ... '9'] = TK | TG | HO,
	['A' ... 'Z'] = TK | TG | HO,
	['a' ... 'z'] = TK | TG | HO,
	['!'] = TK | TG,
	['"'] = TG,
	['$'] = TK | TG,
	['%'] = TK | TG,
	['&'] = TK | TG,
	['\''] = TK | TG,
	['('] = TG,
	[')'] = TG,
	['*'] = TK | TG,
	['+'] = TK | TG,
	[','] = TG,
	['-'] = TK | TG | HO,
	['.'] = TK | TG | HO,
	['/'] = TG,
	[':'] = TG,
	[';'] = TG,
	['<'] = TG,
	['='] = TG,
	['>'] = TG,
	['?'] = TG,
	['@'] = TG,
	['['] = TG,
	['\\'] = TG,
	[']'] = TG,
	['^'] = TK | TG,
	['_'] = TK | TG | HO,
	['`'] = TK | TG,
	['{'] = TG,
	['|'] = TK | TG,
	['}'] = TG,
	['~'] = TK | TG,
	['#'] = TK, /* a tchar, but never of a target */
};

#define EVERY(byte) (0x0101010101010101ULL * (byte))

/* Highest bit of each byte below 0x20 or equal to 0x7f. Bytes above a hit may
 * be marked wrongly, by the borrow, so only the lowest mark counts. */
static uint64_t control_marks(uint64_t x)
{
	uint64_t del = x ^ EVERY(0x7f);

	return (((x - EVERY(0x20)) & ~x) | ((del - EVERY(1)) & ~del)) &
	       EVERY(0x80);
}

size_t http_find_control(struct bytes b, size_t from)
{
	size_t i = from;

	for (; i + 8 <= b.n; i += 8) {
		uint64_t x, marks;

		memcpy(&x, b.p + i, 8);
		marks = control_marks(le64toh(x));
		if (marks)
			return i + (size_t)__builtin_ctzll(marks) / 8;
	}
	for (; i < b.n; i++)
		if (b.p[i] < 0x20 || b.p[i] == 0x7f)
			break;
	return i;
}
