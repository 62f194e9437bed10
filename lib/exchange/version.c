/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * version.c - Exchange's version numbers in every form an export, a directory
 * or an administrator writes them.
 */
#include "exchange/exchange.h"

#include <errno.h>

/* First build of Subscription Edition, which kept 2019's 15.2. */
#define SE_BUILD 2562
/* msExch serialNumber counts builds from here: "(Build 32375.7)" is 2375.7. */
#define SERIAL_OFFSET 30000

static bool part(struct bytes text, uint16_t *out)
{
	uint64_t v;

	if (!bytes_u64(text, UINT16_MAX, &v))
		return false;
	*out = (uint16_t)v;
	return true;
}

/* "15.1.2375.7" and "15.1.2375". */
static bool parse_dotted(struct bytes text, struct exchange_build *b)
{
	bool ok = part(bytes_cut(&text, '.'), &b->major) &&
		  part(bytes_cut(&text, '.'), &b->minor);
	size_t dot = bytes_find(text, '.');

	ok = ok && part(bytes_upto(text, dot), &b->build);
	if (ok && dot < text.n)
		ok = part(bytes_from(text, dot + 1), &b->revision);
	return ok;
}

/* "15.1 (Build 32375.7)". */
static bool parse_serial(struct bytes text, struct exchange_build *b)
{
	static const struct bytes word = BYTES_LIT("Build ");
	struct bytes version = bytes_trim(bytes_cut(&text, '('));
	bool ok = part(bytes_cut(&version, '.'), &b->major) &&
		  part(version, &b->minor);

	if (!ok || !text.n || text.p[text.n - 1] != ')' ||
	    !bytes_istarts(text, word))
		return false;
	text = bytes_upto(bytes_from(text, word.n), text.n - word.n - 1);
	if (!part(bytes_cut(&text, '.'), &b->build) ||
	    !part(text, &b->revision))
		return false;
	if (b->build >= SERIAL_OFFSET)
		b->build -= SERIAL_OFFSET;
	return true;
}

int exchange_build_parse(struct bytes text, struct exchange_build *out)
{
	static const struct bytes word = BYTES_LIT("Version ");
	struct exchange_build b = { 0 };
	uint64_t number;
	bool ok;

	text = bytes_trim(text);
	if (bytes_u64(text, UINT32_MAX, &number)) {
		ok = exchange_build_from_number((uint32_t)number, &b);
	} else {
		if (bytes_istarts(text, word))
			text = bytes_trim(bytes_from(text, word.n));
		ok = bytes_find(text, '(') < text.n ? parse_serial(text, &b)
						    : parse_dotted(text, &b);
	}
	if (!ok)
		return -EINVAL;
	*out = b;
	return 0;
}

bool exchange_build_from_number(uint32_t v, struct exchange_build *out)
{
	if (v >> 28 != 7 || !(v & 0x8000))
		return false;
	*out = (struct exchange_build){ .major = v >> 22 & 0x3f,
					.minor = v >> 16 & 0x3f,
					.build = v & 0x7fff };
	return true;
}

enum exchange_version exchange_version_of(const struct exchange_build *b)
{
	if (b->major == 8)
		return EXCHANGE_2007;
	if (b->major == 14)
		return EXCHANGE_2010;
	if (b->major != 15)
		return EXCHANGE_UNKNOWN;
	switch (b->minor) {
	case 0:
		return EXCHANGE_2013;
	case 1:
		return EXCHANGE_2016;
	case 2:
		return b->build < SE_BUILD ? EXCHANGE_2019 : EXCHANGE_SE;
	default: /* 15.20 is Exchange Online, which is no server of ours */
		return EXCHANGE_UNKNOWN;
	}
}

static const char *const version_names[] = {
	[EXCHANGE_UNKNOWN] = "unknown", [EXCHANGE_2007] = "2007",
	[EXCHANGE_2010] = "2010",	[EXCHANGE_2013] = "2013",
	[EXCHANGE_2016] = "2016",	[EXCHANGE_2019] = "2019",
	[EXCHANGE_SE] = "SE",		[EXCHANGE_ONLINE] = "Online",
};

const char *exchange_version_name(enum exchange_version v)
{
	assert((unsigned)v < ARRAY_LEN(version_names));
	return version_names[v];
}

int exchange_version_parse(struct bytes text, enum exchange_version *out)
{
	for (int v = EXCHANGE_2007; v <= EXCHANGE_SE; v++) {
		if (!bytes_ieq(text, BYTES(version_names[v])))
			continue;
		*out = (enum exchange_version)v;
		return 0;
	}
	return -EINVAL;
}
