/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * value.c - one value of each kind, from the text it is typed as.
 */
#include "conf/private.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define NAME_MAX_ 63 /* EXCHANGE_NAME and the like hold 64 */
#define TEXT_MAX_ 255
#define HOST_MAX_ 253 /* RFC 1035 2.3.4 */

size_t value_cut(const char *s, size_t n, size_t max)
{
	if (n <= max)
		return n;
	n = max;
	while (n && ((uint8_t)s[n] & 0xc0) == 0x80)
		n--;
	return n;
}

size_t value_size(enum kind kind)
{
	switch (kind) {
	case KIND_ADDRESS:
		return sizeof(struct ipaddr);
	case KIND_PREFIX:
		return sizeof(struct ipprefix);
	case KIND_NUMBER:
	case KIND_WORD:
		return sizeof(uint32_t);
	case KIND_NAME:
	case KIND_TEXT:
	case KIND_FILE:
	case KIND_HOST:
	case KIND_URL:
	case KIND_VERSION:
		return sizeof(char *);
	case KIND_SIZE:
	case KIND_DURATION:
	case KIND_BOOL:
	case KIND_MAC:
	case KIND_PIN:
	case KIND_VALUES:
	case KIND_MAP:
	case KIND_MAPS:
		break;
	}
	assert(!"no list holds that kind");
	return 0;
}

/* --- numbers ------------------------------------------------------------- */

static bool put_number(const struct setting *s, enum kind kind, uint64_t v,
		       void *dst)
{
	if (v < s->min || v > s->max)
		return false;
	if (kind == KIND_DURATION || (s->kind == kind && s->size == 8)) {
		memcpy(dst, &v, sizeof(v));
	} else {
		uint32_t small = (uint32_t)v;

		assert(s->max <= UINT32_MAX);
		memcpy(dst, &small, sizeof(small));
	}
	return true;
}

static bool parse_unit(const struct unit *units, size_t n, struct bytes text,
		       uint64_t *out)
{
	size_t digits = 0;
	uint64_t v;

	while (digits < text.n && ascii_is_digit(text.p[digits]))
		digits++;
	for (size_t i = 0; i < n; i++) {
		if (!bytes_ieq(bytes_from(text, digits), BYTES(units[i].text)))
			continue;
		if (!bytes_u64(bytes_upto(text, digits),
			       UINT64_MAX / units[i].factor, &v))
			return false;
		*out = v * units[i].factor;
		return true;
	}
	return false;
}

static bool parse_duration(struct bytes text, uint64_t *out)
{
	if (bytes_eq(text, BYTES("0"))) {
		*out = 0;
		return true;
	}
	return parse_unit(value_durations, VALUE_DURATIONS, text, out);
}

static bool parse_number(const struct setting *s, enum kind kind,
			 struct bytes text, void *dst)
{
	uint64_t v;
	bool ok;

	if (kind == KIND_SIZE)
		ok = parse_unit(value_sizes, VALUE_SIZES, text, &v);
	else if (kind == KIND_DURATION)
		ok = parse_duration(text, &v);
	else
		ok = bytes_u64(text, UINT64_MAX, &v);
	return ok && put_number(s, kind, v, dst);
}

/* --- text ---------------------------------------------------------------- */

static bool is_name(struct bytes t)
{
	for (size_t i = 0; i < t.n; i++) {
		uint8_t c = ascii_lower(t.p[i]);

		if (!(c >= 'a' && c <= 'z') && !ascii_is_digit(c) &&
		    !memchr("-_.", c, 3))
			return false;
	}
	return t.n && t.n <= NAME_MAX_;
}

static bool is_text(struct bytes t, size_t max)
{
	for (size_t i = 0; i < t.n; i++)
		if (t.p[i] < 0x20 || t.p[i] == 0x7f)
			return false;
	return t.n && t.n <= max;
}

/* RFC 1123 2.1, and the underscore that Windows allows. An all-numeric last
 * label would be an address. */
static bool is_host(struct bytes t)
{
	struct bytes rest = t, label = BYTES_NONE;
	bool digits = true;

	if (!t.n || t.n > HOST_MAX_ || t.p[t.n - 1] == '.')
		return false;
	while (rest.n) {
		label = bytes_cut(&rest, '.');
		if (!is_name(label) || label.p[0] == '-' ||
		    label.p[label.n - 1] == '-')
			return false;
	}
	for (size_t i = 0; i < label.n; i++)
		digits &= ascii_is_digit(label.p[i]);
	return !digits;
}

static bool is_url(struct bytes t)
{
	struct bytes rest, host;
	uint64_t port = 443;

	if (!is_text(t, TEXT_MAX_) || !bytes_istarts(t, BYTES("https://")))
		return false;
	for (size_t i = 0; i < t.n; i++)
		if (t.p[i] > 0x7e || memchr(" \"'<>\\^`{|}#", t.p[i], 12))
			return false;
	rest = bytes_from(t, 8);
	rest = bytes_upto(rest, bytes_find(rest, '/'));
	host = bytes_cut(&rest, ':');
	if (host.p + host.n < rest.p + rest.n &&
	    (!bytes_u64(rest, 65535, &port) || !port))
		return false;
	return is_host(host);
}

bool value_version(const char *text, unsigned *major, unsigned *minor)
{
	static const struct {
		const char *word;
		unsigned major, minor;
	} years[] = {
		{ "2007", 8, 0 },  { "2010", 14, 0 }, { "2013", 15, 0 },
		{ "2016", 15, 1 }, { "2019", 15, 2 }, { "SE", 15, 2 },
	};
	struct bytes t = BYTES(text), rest;
	uint64_t a, b = 0;

	for (size_t i = 0; i < ARRAY_LEN(years); i++) {
		if (!bytes_ieq(t, BYTES(years[i].word)))
			continue;
		*major = years[i].major;
		*minor = years[i].minor;
		return true;
	}
	if (bytes_istarts(t, BYTES("Version ")))
		t = bytes_from(t, 8);
	/* "15.2 (Build 1544.4)": the numbers before the blank tell. */
	t = bytes_upto(t, bytes_find(t, ' '));
	if (bytes_u64(t, UINT32_MAX, &a) && a > 0x70000000) {
		/* versionNumber: 0111 major:6 minor:6 1 build:15 */
		b = a >> 16 & 0x3f;
		a = a >> 22 & 0x3f;
	} else {
		rest = t;
		t = bytes_cut(&rest, '.');
		if (!bytes_u64(t, 99, &a) ||
		    !bytes_u64(bytes_cut(&rest, '.'), 99, &b))
			return false;
		while (rest.n)
			if (!bytes_u64(bytes_cut(&rest, '.'), 65535,
				       &(uint64_t){ 0 }))
				return false;
	}
	*major = (unsigned)a;
	*minor = (unsigned)b;
	return a == 8 || a == 14 || (a == 15 && b <= 2);
}

static bool is_version(struct bytes t)
{
	char text[NAME_MAX_ + 1];
	unsigned major, minor;

	return bytes_str(t, text, sizeof(text)) &&
	       value_version(text, &major, &minor);
}

static bool is_good_text(enum kind kind, struct bytes t, size_t max)
{
	if (kind == KIND_NAME)
		return is_name(t);
	if (kind == KIND_HOST)
		return is_host(t);
	if (kind == KIND_URL)
		return is_url(t);
	if (kind == KIND_VERSION)
		return is_version(t);
	return is_text(t, kind == KIND_FILE ? 4000 : max ? max : TEXT_MAX_);
}

static bool parse_text(struct load *l, const struct setting *s, enum kind kind,
		       struct bytes t, void *dst, char *why, size_t cap)
{
	size_t dir =
		kind == KIND_FILE && t.n && t.p[0] != '/' ? strlen(l->dir) : 0;
	char *p;

	if (s->flags & INLINE && kind == KIND_TEXT && !t.n)
		return bytes_str(t, dst, s->size);
	if (!is_good_text(kind, t, s->max))
		return false;
	if (s->flags & INLINE)
		return bytes_str(t, dst, s->size);
	p = store_alloc(l->store, dir + t.n + 1);
	if (!p)
		return false;
	memcpy(p, l->dir, dir);
	memcpy(p + dir, t.p, t.n);
	for (size_t i = 0; kind == KIND_HOST && i < t.n; i++)
		p[i] = (char)ascii_lower((uint8_t)p[i]);
	if (kind == KIND_FILE && l->flags & CONF_CHECK_FILES &&
	    !(s->flags & UNCHECKED) && access(p, R_OK)) {
		snprintf(why, cap, "%s cannot be read: %s", p, strerror(errno));
		return false;
	}
	memcpy(dst, &p, sizeof(p));
	return true;
}

/* --- hexadecimal --------------------------------------------------------- */

/* Exactly n bytes; between two there may be a colon, everywhere or nowhere. */
static bool parse_hex(struct bytes t, uint8_t *dst, size_t n)
{
	size_t step = t.n == 3 * n - 1 ? 3 : 2;

	if (t.n != step * n - (step == 3))
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = ascii_hex(t.p[step * i]);
		int low = ascii_hex(t.p[step * i + 1]);

		if (high < 0 || low < 0 ||
		    (step == 3 && i && t.p[step * i - 1] != ':'))
			return false;
		dst[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool parse_mac(struct bytes t, uint8_t *dst)
{
	static const uint8_t zero[6];
	uint8_t mac[6];

	/* The group bit is no host's; all zeroes is nobody's. */
	if (t.n != 17 || !parse_hex(t, mac, 6) || mac[0] & 1 ||
	    !memcmp(mac, zero, 6))
		return false;
	memcpy(dst, mac, 6);
	return true;
}

/* --- words, addresses ---------------------------------------------------- */

static bool parse_bool(struct bytes t, bool *dst)
{
	static const char *const yes[] = { "true", "yes", "on" };
	static const char *const no[] = { "false", "no", "off" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (!bytes_ieq(t, BYTES(yes[i])) && !bytes_ieq(t, BYTES(no[i])))
			continue;
		*dst = bytes_ieq(t, BYTES(yes[i]));
		return true;
	}
	return false;
}

static bool parse_word(const struct setting *s, struct bytes t, void *dst)
{
	for (const struct word *w = s->words; w->text; w++) {
		if (!bytes_ieq(t, BYTES(w->text)))
			continue;
		memcpy(dst, &w->value, sizeof(w->value));
		return true;
	}
	return false;
}

static bool parse_address(const struct setting *s, struct bytes t, void *dst)
{
	struct ipaddr a = ipaddr_any;
	char text[IPADDR_STR];

	if (!(s->flags & ANY && bytes_ieq(t, BYTES("any"))) &&
	    (!bytes_str(t, text, sizeof(text)) || ipaddr_parse(text, &a) ||
	     ipaddr_is_any(&a)))
		return false;
	memcpy(dst, &a, sizeof(a));
	return true;
}

static bool parse_prefix(struct bytes t, void *dst)
{
	char text[IPADDR_STR];
	struct ipprefix p = { 0 };

	/* Without a length it would be one host, which nobody means. */
	if (bytes_find(t, '/') == t.n || !bytes_str(t, text, sizeof(text)) ||
	    ipprefix_parse(text, &p))
		return false;
	memcpy(dst, &p, sizeof(p));
	return true;
}

/* --- all kinds ----------------------------------------------------------- */

bool value_parse(struct load *l, const struct setting *s, enum kind kind,
		 struct bytes text, void *dst, char *why, size_t cap)
{
	*why = '\0';
	switch (kind) {
	case KIND_NAME:
	case KIND_TEXT:
	case KIND_FILE:
	case KIND_HOST:
	case KIND_URL:
	case KIND_VERSION:
		return parse_text(l, s, kind, text, dst, why, cap);
	case KIND_NUMBER:
	case KIND_SIZE:
	case KIND_DURATION:
		return parse_number(s, kind, text, dst);
	case KIND_BOOL:
		return parse_bool(text, dst);
	case KIND_WORD:
		return parse_word(s, text, dst);
	case KIND_ADDRESS:
		return parse_address(s, text, dst);
	case KIND_PREFIX:
		return parse_prefix(text, dst);
	case KIND_MAC:
		return parse_mac(text, dst);
	case KIND_PIN:
		return parse_hex(text, dst, 32);
	case KIND_VALUES:
	case KIND_MAP:
	case KIND_MAPS:
		break;
	}
	assert(!"not a single value");
	return false;
}
