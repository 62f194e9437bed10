/* SPDX-License-Identifier: BSD-3-Clause */
#include "exchange/text.h"

#define ADDRESS_MAX 254
#define GUID_TEXT 36

static bool is_alnum(uint8_t c)
{
	return ascii_is_digit(c) ||
	       (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

static bool is_local(uint8_t c)
{
	/* RFC 5322 atext without # % / ? ` |, which mean something in a URL or
	 * a shell, plus the dot. */
	return is_alnum(c) || (c && strchr("!$&'*+-=^_{}~.", c));
}

static bool is_domain(struct bytes d)
{
	if (!d.n || d.p[0] == '.' || d.p[d.n - 1] == '.')
		return false;
	for (size_t i = 0; i < d.n; i++) {
		if (d.p[i] == '.' && d.p[i + 1] == '.')
			return false;
		if (!is_alnum(d.p[i]) && d.p[i] != '.' && d.p[i] != '-' &&
		    d.p[i] != '_')
			return false;
	}
	return true;
}

bool text_is_address(struct bytes a)
{
	size_t at = bytes_find(a, '@');

	if (a.n > ADDRESS_MAX || !at || at == a.n)
		return false;
	for (size_t i = 0; i < at; i++)
		if (!is_local(a.p[i]))
			return false;
	return is_domain(bytes_from(a, at + 1));
}

bool exchange_guid_parse(struct bytes text, uint8_t out[16])
{
	uint8_t guid[16];
	size_t at = 0;

	if (text.n == GUID_TEXT + 2 && text.p[0] == '{' &&
	    text.p[text.n - 1] == '}')
		text = bytes_upto(bytes_from(text, 1), GUID_TEXT);
	if (text.n != GUID_TEXT)
		return false;
	for (size_t i = 0; i < sizeof(guid); i++) {
		int high, low;

		if (i == 4 || i == 6 || i == 8 || i == 10)
			if (text.p[at++] != '-')
				return false;
		high = ascii_hex(text.p[at++]);
		low = ascii_hex(text.p[at++]);
		if (high < 0 || low < 0)
			return false;
		guid[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(out, guid, sizeof(guid));
	return true;
}

bool text_is_guid(struct bytes a, struct bytes *guid)
{
	size_t at = bytes_find(a, '@');
	struct bytes head = bytes_upto(a, at);
	uint8_t parsed[16];

	if (!exchange_guid_parse(head, parsed) ||
	    (at < a.n && !is_domain(bytes_from(a, at + 1))))
		return false;
	*guid = head.n == GUID_TEXT
			? head
			: bytes_upto(bytes_from(head, 1), GUID_TEXT);
	return true;
}

static bool is_control(uint8_t c)
{
	return c < 0x20 || c == 0x7f;
}

bool text_unescape(struct bytes raw, char *dst, size_t cap)
{
	size_t n = 0;

	dst[0] = '\0';
	for (size_t i = 0; i < raw.n; i++) {
		int c = raw.p[i];

		if (c == '%') {
			int high = i + 2 < raw.n ? ascii_hex(raw.p[i + 1]) : -1;
			int low = high < 0 ? -1 : ascii_hex(raw.p[i + 2]);

			if (low < 0)
				goto refused;
			c = high << 4 | low;
			i += 2;
		}
		if (is_control((uint8_t)c) || n + 1 >= cap)
			goto refused;
		dst[n++] = (char)c;
	}
	dst[n] = '\0';
	return true;
refused:
	dst[0] = '\0';
	return false;
}

bool text_query(struct bytes query, const char *name, char *dst, size_t cap)
{
	struct bytes value = BYTES_NONE;
	unsigned times = 0;

	dst[0] = '\0';
	while (query.n) {
		struct bytes rest = bytes_cut(&query, '&');

		while (rest.n) {
			struct bytes pair = bytes_cut(&rest, ';');

			if (!bytes_ieq(bytes_cut(&pair, '='), BYTES(name)))
				continue;
			value = pair;
			times++;
		}
	}
	return times == 1 && value.n && text_unescape(value, dst, cap);
}

struct bytes text_segment(struct bytes path, unsigned i)
{
	struct bytes segment;

	if (!path.n)
		return path;
	bytes_cut(&path, '/'); /* before the first slash is nothing */
	do
		segment = bytes_cut(&path, '/');
	while (i--);
	return segment;
}

char *exchange_printable(struct bytes a, char *dst, size_t cap)
{
	size_t n = 0;

	while (a.n) {
		size_t len = a.p[0] < 0x80 ? 1 : bytes_utf8(a);
		/* U+0080..9F are control characters, too. */
		bool c1 = len == 2 && a.p[0] == 0xc2 && a.p[1] < 0xa0;

		if (n + (len ? len : 1) >= cap)
			break;
		if (!len || c1 || is_control(a.p[0])) {
			dst[n++] = '?';
			len = c1 ? 2 : 1;
		} else {
			memcpy(dst + n, a.p, len);
			n += len;
		}
		a = bytes_from(a, len);
	}
	dst[n] = '\0';
	return dst;
}
