/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * words.c - a value as it would be typed, and what a setting expects in words.
 */
#include "conf/private.h"

#include <inttypes.h>
#include <string.h>

const struct unit value_sizes[VALUE_SIZES] = {
	{ "T", 1ULL << 40 }, { "G", 1U << 30 }, { "M", 1U << 20 },
	{ "k", 1U << 10 },   { "", 1 },
};

const struct unit value_durations[VALUE_DURATIONS] = {
	{ "d", SEC(86400) }, { "h", SEC(3600) }, { "m", SEC(60) },
	{ "s", SEC(1) },     { "ms", MSEC(1) },	 { "us", 1 },
};

static uint64_t get_number(const struct setting *s, enum kind kind,
			   const void *src)
{
	uint32_t small;
	uint64_t v;

	if (kind == KIND_DURATION || (s->kind == kind && s->size == 8)) {
		memcpy(&v, src, sizeof(v));
		return v;
	}
	memcpy(&small, src, sizeof(small));
	return small;
}

/* The largest unit that leaves no rest. */
static void format_unit(const struct unit *units, size_t n, uint64_t v,
			char *dst, size_t cap)
{
	size_t i = 0;

	while (i + 1 < n && (!v || v % units[i].factor))
		i++;
	if (!v)
		snprintf(dst, cap, "0");
	else
		snprintf(dst, cap, "%" PRIu64 "%s", v / units[i].factor,
			 units[i].text);
}

static void format_number(enum kind kind, uint64_t v, char *dst, size_t cap)
{
	if (kind == KIND_SIZE)
		format_unit(value_sizes, VALUE_SIZES, v, dst, cap);
	else if (kind == KIND_DURATION)
		format_unit(value_durations, VALUE_DURATIONS, v, dst, cap);
	else
		snprintf(dst, cap, "%" PRIu64, v);
}

static void format_hex(const uint8_t *b, size_t n, char *dst, size_t cap)
{
	for (size_t i = 0; i < n && 3 * i + 3 <= cap; i++)
		snprintf(dst + 3 * i, cap - 3 * i, i + 1 < n ? "%02x:" : "%02x",
			 b[i]);
}

static const char *word_of(const struct setting *s, const void *src)
{
	uint32_t v;

	memcpy(&v, src, sizeof(v));
	for (const struct word *w = s->words; w->text; w++)
		if (w->value == v)
			return w->text;
	return "";
}

char *value_format(const struct setting *s, enum kind kind, const void *src,
		   char *dst, size_t cap)
{
	const struct ipaddr *a = src;
	const char *text;
	bool yes;

	*dst = '\0';
	switch (kind) {
	case KIND_NAME:
	case KIND_TEXT:
	case KIND_FILE:
	case KIND_HOST:
	case KIND_URL:
	case KIND_VERSION:
		if (s->flags & INLINE)
			text = src;
		else
			memcpy(&text, src, sizeof(text));
		snprintf(dst, cap, "%s", text ? text : "");
		break;
	case KIND_NUMBER:
	case KIND_SIZE:
	case KIND_DURATION:
		format_number(kind, get_number(s, kind, src), dst, cap);
		break;
	case KIND_BOOL:
		memcpy(&yes, src, sizeof(yes));
		snprintf(dst, cap, "%s", yes ? "true" : "false");
		break;
	case KIND_WORD:
		snprintf(dst, cap, "%s", word_of(s, src));
		break;
	case KIND_ADDRESS:
		assert(cap >= IPADDR_STR);
		if (s->flags & ANY && ipaddr_is_any(a))
			snprintf(dst, cap, "any");
		else
			ipaddr_str(a, dst);
		break;
	case KIND_PREFIX:
		assert(cap >= IPADDR_STR);
		ipprefix_str(src, dst);
		break;
	case KIND_MAC:
		format_hex(src, 6, dst, cap);
		break;
	case KIND_PIN:
		format_hex(src, 32, dst, cap);
		break;
	case KIND_VALUES:
	case KIND_MAP:
	case KIND_MAPS:
		assert(!"not a single value");
	}
	return dst;
}

static void expect_range(const struct setting *s, enum kind kind,
			 const char *what, const char *like, char *dst,
			 size_t cap)
{
	char low[32], high[32];

	format_number(kind, s->min, low, sizeof(low));
	format_number(kind, s->max, high, sizeof(high));
	snprintf(dst, cap, "%s %s..%s%s", what, low, high, like);
}

static void expect_words(const struct setting *s, char *dst, size_t cap)
{
	size_t n = (size_t)snprintf(dst, cap, "one of ");

	for (const struct word *w = s->words; w->text && n < cap; w++)
		n += (size_t)snprintf(dst + n, cap - n, "%s%s", w->text,
				      w[1].text ? ", " : "");
}

char *value_expected(const struct setting *s, enum kind kind, char *dst,
		     size_t cap)
{
	static const char *const words[] = {
		[KIND_NAME] = "a name: letters, digits, '-', '_', '.', 63 at "
			      "most",
		[KIND_TEXT] = "text",
		[KIND_FILE] = "a file name",
		[KIND_HOST] = "a host name such as mail.contoso.com",
		[KIND_URL] = "a URL https://host/... of at most 255 bytes",
		[KIND_VERSION] = "a version of Exchange: 2007, 2010, 2013, "
				 "2016, 2019, SE or a build such as "
				 "15.1.2507.6",
		[KIND_BOOL] = "true or false",
		[KIND_ADDRESS] = "an address such as 10.0.0.1 or fd00::1",
		[KIND_PREFIX] = "an address with the length of its network, "
				"such as 10.0.0.1/24 or fd00::1/64",
		[KIND_MAC] = "a host's MAC address such as 02:00:5e:00:53:01",
		[KIND_PIN] = "the SHA-256 fingerprint of a certificate: 64 "
			     "hexadecimal digits, colons allowed",
		[KIND_VALUES] = "a list",
		[KIND_MAP] = "a mapping, `key: value` lines",
		[KIND_MAPS] = "a list of mappings, `- key: value` lines",
	};

	if (kind == KIND_NUMBER)
		expect_range(s, kind, "a number", "", dst, cap);
	else if (kind == KIND_SIZE)
		expect_range(s, kind, "a size", ", such as 64k or 512M", dst,
			     cap);
	else if (kind == KIND_DURATION)
		expect_range(s, kind, "a time", " with its unit, such as 30s",
			     dst, cap);
	else if (kind == KIND_WORD)
		expect_words(s, dst, cap);
	else if (kind == KIND_ADDRESS && s->flags & ANY)
		snprintf(dst, cap, "%s, or any", words[kind]);
	else
		snprintf(dst, cap, "%s", words[kind]);
	return dst;
}
