/* SPDX-License-Identifier: BSD-3-Clause */
/* text.c - writing, and looking at, what lines are made of. */
#include "mail/text.h"

#include <stdarg.h>
#include <stdio.h>

void put(struct mail_writer *w, struct bytes b)
{
	if (w->overflow || b.n > w->cap - w->n) {
		w->overflow = true;
		return;
	}
	if (b.n)
		memcpy(w->p + w->n, b.p, b.n);
	w->n += b.n;
}

void putf(struct mail_writer *w, const char *fmt, ...)
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

static void put_base64(struct mail_writer *w, struct bytes b)
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
		put(w, (struct bytes){ text, 4 });
	}
}

void put_plain(struct mail_writer *w, const struct mail_login *l)
{
	static const struct bytes nul = { (const uint8_t *)"", 1 };
	uint8_t plain[2 * MAIL_USER + MAIL_PASSWORD];
	struct mail_writer p = { plain, 0, sizeof(plain), false };

	put(&p, BYTES(l->acts_as));
	put(&p, nul);
	put(&p, BYTES(l->user));
	put(&p, nul);
	put(&p, BYTES(l->password));
	put_base64(w, (struct bytes){ p.p, p.n });
	putf(w, "\r\n");
	mem_wipe(plain, sizeof(plain));
}

struct bytes text_line(struct bytes line)
{
	if (line.n && line.p[line.n - 1] == '\n')
		line.n--;
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* Length of the sequence that `a` begins with; 0: none (RFC 3629 4). */
static size_t utf8(struct bytes a)
{
	const uint8_t *p = a.p;
	size_t n = p[0] < 0x80	  ? 1
		   : p[0] < 0xc2  ? 0
		   : p[0] < 0xe0  ? 2
		   : p[0] < 0xf0  ? 3
		   : p[0] <= 0xf4 ? 4
				  : 0;

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

bool text_is_clean(struct bytes a)
{
	while (a.n) {
		size_t n = utf8(a);

		if (!n || a.p[0] < 0x20 || a.p[0] == 0x7f)
			return false;
		a = bytes_from(a, n);
	}
	return true;
}

bool text_is_ascii(const char *s)
{
	while (*s)
		if ((uint8_t)*s++ >= 0x80)
			return false;
	return true;
}

bool text_literal(struct bytes line, uint32_t *n, bool *waits)
{
	size_t from = line.n;
	uint64_t value;

	if (!line.n || line.p[line.n - 1] != '}')
		return false;
	while (from && line.p[from - 1] != '{')
		from--;
	if (!from)
		return false;
	line = bytes_from(line, from);
	line.n--;
	*waits = !line.n || line.p[line.n - 1] != '+';
	line.n -= !*waits;
	if (!bytes_u64(line, UINT64_MAX, &value))
		return false;
	*n = (uint32_t)min(value, (uint64_t)MAIL_COMMAND + 1);
	return true;
}

bool text_plain(struct bytes base64, struct mail_login *l)
{
	uint8_t plain[2 * MAIL_USER + MAIL_PASSWORD];
	long n = bytes_unbase64(base64, plain, sizeof(plain));
	struct bytes rest = { plain, n > 0 ? (size_t)n : 0 };
	struct bytes acts_as = bytes_cut(&rest, 0);
	struct bytes user = bytes_cut(&rest, 0);
	/* A NUL in the password is one too many. */
	bool ok = user.n && rest.n && text_is_clean(acts_as) &&
		  text_is_clean(user) && text_is_clean(rest) &&
		  bytes_str(acts_as, l->acts_as, sizeof(l->acts_as)) &&
		  bytes_str(user, l->user, sizeof(l->user)) &&
		  bytes_str(rest, l->password, sizeof(l->password));

	/* Who acts as himself does what everybody does. */
	if (ok && !strcmp(l->acts_as, l->user))
		l->acts_as[0] = '\0';
	mem_wipe(plain, sizeof(plain));
	return ok;
}
