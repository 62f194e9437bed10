/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>

bool bytes_ieq(struct bytes a, struct bytes b)
{
	return a.n == b.n && bytes_icmp(a, b) == 0;
}

bool bytes_istarts(struct bytes a, struct bytes prefix)
{
	return a.n >= prefix.n && bytes_ieq(bytes_upto(a, prefix.n), prefix);
}

int bytes_icmp(struct bytes a, struct bytes b)
{
	size_t n = min(a.n, b.n);

	for (size_t i = 0; i < n; i++) {
		int d = ascii_lower(a.p[i]) - ascii_lower(b.p[i]);

		if (d)
			return d;
	}
	return a.n == b.n ? 0 : a.n < b.n ? -1 : 1;
}

struct bytes bytes_trim(struct bytes a)
{
	while (a.n && (a.p[0] == ' ' || a.p[0] == '\t'))
		a = bytes_from(a, 1);
	while (a.n && (a.p[a.n - 1] == ' ' || a.p[a.n - 1] == '\t'))
		a.n--;
	return a;
}

size_t bytes_find(struct bytes a, uint8_t c)
{
	const uint8_t *p = a.n ? memchr(a.p, c, a.n) : NULL;

	return p ? (size_t)(p - a.p) : a.n;
}

struct bytes bytes_cut(struct bytes *rest, uint8_t c)
{
	size_t at = bytes_find(*rest, c);
	struct bytes head = bytes_upto(*rest, at);

	*rest = bytes_from(*rest, at + 1);
	return head;
}

bool bytes_u64(struct bytes a, uint64_t limit, uint64_t *out)
{
	uint64_t v = 0;

	if (!a.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (!ascii_is_digit(a.p[i]))
			return false;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, a.p[i] - '0', &v))
			return false;
	}
	if (v > limit)
		return false;
	*out = v;
	return true;
}

bool bytes_str(struct bytes a, char *dst, size_t cap)
{
	dst[0] = '\0';
	if (a.n >= cap || bytes_find(a, 0) != a.n)
		return false;
	if (a.n)
		memcpy(dst, a.p, a.n);
	dst[a.n] = '\0';
	return true;
}

static int base64_digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

long bytes_unbase64(struct bytes a, uint8_t *dst, size_t cap)
{
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t out = 0;

	if (a.n % 4 == 0)
		for (int pad = 0; pad < 2 && a.n && a.p[a.n - 1] == '='; pad++)
			a.n--;
	if (a.n % 4 == 1)
		return -1;
	for (size_t i = 0; i < a.n; i++) {
		int d = base64_digit(a.p[i]);

		if (d < 0)
			return -1;
		acc = acc << 6 | (uint32_t)d;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		if (out == cap)
			return -1;
		dst[out++] = (uint8_t)(acc >> bits);
	}
	/* Left-over bits must be zero, else two texts name one value. */
	return acc & ((1u << bits) - 1) ? -1 : (long)out;
}

size_t bytes_utf8(struct bytes a)
{
	const uint8_t *p = a.p;
	size_t n = 0;

	if (!a.n)
		return 0;
	if (p[0] < 0x80)
		n = 1;
	else if (p[0] >= 0xc2 && p[0] < 0xf5)
		n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n > a.n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than need be, surrogates, above U+10FFFF. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

void bytes_put(struct bytes_writer *w, struct bytes b)
{
	if (w->overflow || b.n > w->cap - w->n) {
		w->overflow = true;
		return;
	}
	if (b.n)
		memcpy(w->p + w->n, b.p, b.n);
	w->n += b.n;
}

void bytes_puts(struct bytes_writer *w, const char *s)
{
	bytes_put(w, BYTES(s));
}

void bytes_put64(struct bytes_writer *w, struct bytes b)
{
	static const uint8_t digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"abcdefghijklmnopqrstuvwxyz"
					"0123456789+/";

	for (size_t i = 0; i < b.n; i += 3) {
		uint32_t v = (uint32_t)b.p[i] << 16;
		uint8_t text[4];

		if (i + 1 < b.n)
			v |= (uint32_t)b.p[i + 1] << 8;
		if (i + 2 < b.n)
			v |= b.p[i + 2];
		for (unsigned k = 0; k < 4; k++)
			text[k] = digits[v >> (18 - 6 * k) & 63];
		if (i + 2 >= b.n)
			text[3] = '=';
		if (i + 1 >= b.n)
			text[2] = '=';
		bytes_put(w, (struct bytes){ text, 4 });
	}
}

void bytes_put_html(struct bytes_writer *w, struct bytes b)
{
	for (size_t i = 0; i < b.n; i++) {
		switch (b.p[i]) {
		case '<':
			bytes_puts(w, "&lt;");
			break;
		case '>':
			bytes_puts(w, "&gt;");
			break;
		case '&':
			bytes_puts(w, "&amp;");
			break;
		case '"':
			bytes_puts(w, "&quot;");
			break;
		default:
			bytes_put(w, (struct bytes){ b.p + i, 1 });
		}
	}
}

void bytes_putf(struct bytes_writer *w, const char *fmt, ...)
{
	size_t room = w->cap - w->n;
	va_list ap;
	int n;

	if (w->overflow)
		return;
	va_start(ap, fmt);
	n = vsnprintf((char *)w->p + w->n, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room)
		w->overflow = true;
	else
		w->n += (size_t)n;
}
