/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bytes.h - a borrowed run of bytes, and what protocols ask of one.
 *
 * `struct bytes` never owns what it points to. Case folding is ASCII only:
 * host names, header names and Exchange's own names are compared that way.
 */
#pragma once

#include <string.h>

#include "base/types.h"

struct bytes {
	const uint8_t *p;
	size_t n;
};

#define BYTES(s) ((struct bytes){ (const uint8_t *)(s), strlen(s) })
#define BYTES_LIT(s) { (const uint8_t *)("" s), sizeof(s) - 1 }
#define BYTES_NONE ((struct bytes){ 0 })

/* For "%.*s". */
#define BYTES_FMT(b) (int)(b).n, (const char *)(b).p

static inline uint8_t ascii_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static inline bool ascii_is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Value of a hexadecimal digit [0..15], or -1. */
static inline int ascii_hex(uint8_t c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline bool bytes_eq(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Equal but for ASCII case. */
bool bytes_ieq(struct bytes a, struct bytes b);
/* Does `a` begin with `prefix`, but for ASCII case? */
bool bytes_istarts(struct bytes a, struct bytes prefix);
/* Less than, equal to or greater than 0, but for ASCII case. */
int bytes_icmp(struct bytes a, struct bytes b);

static inline struct bytes bytes_from(struct bytes a, size_t off)
{
	return off >= a.n ? (struct bytes){ a.p + a.n, 0 } :
			    (struct bytes){ a.p + off, a.n - off };
}

static inline struct bytes bytes_upto(struct bytes a, size_t n)
{
	return (struct bytes){ a.p, n < a.n ? n : a.n };
}

/* Without leading and trailing spaces and tabs. */
struct bytes bytes_trim(struct bytes a);
/* Offset of the first `c`, or a.n. */
size_t bytes_find(struct bytes a, uint8_t c);
/* Cut `*rest` at the first `c`: returns what is before it, leaves what is
 * behind it; without a `c` returns all and leaves nothing. */
struct bytes bytes_cut(struct bytes *rest, uint8_t c);

/* Decimal digits only, all of them, no sign; false on anything else or when
 * the value exceeds `limit`. */
bool bytes_u64(struct bytes a, uint64_t limit, uint64_t *out);

/* Copy into a C string of `cap` bytes; false (and an empty string) when it
 * does not fit or holds a NUL. */
bool bytes_str(struct bytes a, char *dst, size_t cap);

/* Base64 (RFC 4648 4), padding optional, nothing skipped. Returns the number
 * of bytes written, or -1 on a bad character, bad length or lack of room. */
long bytes_unbase64(struct bytes a, uint8_t *dst, size_t cap);

/* Length of the UTF-8 sequence `a` begins with [1..4] (RFC 3629 4); 0: none. */
size_t bytes_utf8(struct bytes a);

/* Room that somebody else owns; what does not fit is left out and told. */
struct bytes_writer {
	uint8_t *p;
	size_t n, cap;
	bool overflow;
};

void bytes_put(struct bytes_writer *w, struct bytes b);
void bytes_puts(struct bytes_writer *w, const char *s);
/* In base64, with padding (RFC 4648 4). */
void bytes_put64(struct bytes_writer *w, struct bytes b);
/* As text of HTML, also between double quotes. */
void bytes_put_html(struct bytes_writer *w, struct bytes b);
/* Needs one byte of room more than it writes. */
void bytes_putf(struct bytes_writer *w, const char *fmt, ...) printf_like(2, 3);
