/* SPDX-License-Identifier: BSD-3-Clause */
#include "route/csv.h"

#include "exchange/exchange.h"

#include <errno.h>
#include <stdlib.h>

/* --- encodings --- */

enum encoding { UTF_8, UTF_16LE, UTF_16BE };

/* By byte order mark, and without one by where the zeros are: PowerShell's
 * -Encoding Unicode, and files that lost their first bytes. */
static enum encoding encoding_of(struct bytes *text)
{
	const uint8_t *p = text->p;

	if (text->n >= 3 && !memcmp(p, "\xef\xbb\xbf", 3)) {
		*text = bytes_from(*text, 3);
		return UTF_8;
	}
	if (text->n < 2)
		return UTF_8;
	if ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff)) {
		*text = bytes_from(*text, 2);
		return p[0] == 0xff ? UTF_16LE : UTF_16BE;
	}
	if (p[0] && !p[1])
		return UTF_16LE;
	return !p[0] && p[1] ? UTF_16BE : UTF_8;
}

static char *put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
		return to;
	}
	if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*to++ = (char)(0xe0 | c >> 12);
		} else {
			*to++ = (char)(0xf0 | c >> 18);
			*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (c & 0x3f));
	return to;
}

static uint32_t unit(struct bytes t, size_t i, bool little)
{
	return little ? (uint32_t)t.p[i + 1] << 8 | t.p[i]
		      : (uint32_t)t.p[i] << 8 | t.p[i + 1];
}

/* Two bytes become three at most. An odd byte at the end is dropped, half a
 * surrogate pair is U+FFFD. */
static char *from_utf16(struct bytes t, bool little, char *to)
{
	for (size_t i = 0; i + 1 < t.n; i += 2) {
		uint32_t c = unit(t, i, little);

		if (c >= 0xd800 && c < 0xe000) {
			uint32_t low = c < 0xdc00 && i + 3 < t.n
					       ? unit(t, i + 2, little)
					       : 0;

			if (low >= 0xdc00 && low < 0xe000) {
				c = 0x10000 + ((c - 0xd800) << 10) + low -
				    0xdc00;
				i += 2;
			} else {
				c = 0xfffd;
			}
		}
		to = put_utf8(to, c);
	}
	return to;
}

static const char *check_utf8(struct csv *c)
{
	for (char *p = c->text; p < c->end;) {
		size_t n = bytes_utf8((struct bytes){ (const uint8_t *)p,
						      (size_t)(c->end - p) });

		if (!n || !*p)
			return n ? "it holds a zero byte"
				 : "it is neither UTF-8 nor UTF-16";
		c->line += *p == '\n';
		p += n;
	}
	c->line = 1;
	return NULL;
}

/* --- what stands before the first row --- */

static struct bytes this_line(const struct csv *c)
{
	size_t n = strcspn(c->at, "\r\n");

	return (struct bytes){ (uint8_t *)c->at, n };
}

static void next_line(struct csv *c)
{
	c->at += this_line(c).n;
	if (*c->at == '\r')
		c->at++;
	if (*c->at == '\n')
		c->at++;
	c->line++;
}

/* "#TYPE ..." of Export-Csv without -NoTypeInformation, comments, and Excel's
 * "sep=;". */
static void skip_preamble(struct csv *c)
{
	static const struct bytes unlimited =
		BYTES_LIT("#ResultSize Unlimited");
	static const struct bytes sep = BYTES_LIT("sep=");

	while (*c->at == '#') {
		if (bytes_istarts(this_line(c), unlimited))
			c->unlimited = true;
		next_line(c);
	}
	if (bytes_istarts(this_line(c), sep) && this_line(c).n == sep.n + 1 &&
	    strchr(",;\t|", c->at[sep.n])) {
		c->delimiter = c->at[sep.n];
		next_line(c);
	}
}

/* The one of three that the column names are separated by. */
static char find_delimiter(const struct csv *c)
{
	static const char which[] = { ',', ';', '\t' };
	size_t count[sizeof(which)] = { 0 };
	struct bytes line = this_line(c);
	bool quoted = false;
	size_t best = 0;

	for (size_t i = 0; i < line.n; i++) {
		quoted ^= line.p[i] == '"';
		for (size_t d = 0; d < sizeof(which); d++)
			count[d] += !quoted && line.p[i] == which[d];
	}
	for (size_t d = 1; d < sizeof(which); d++)
		if (count[d] > count[best])
			best = d;
	return which[best];
}

int csv_open(struct csv *c, struct bytes text, const char **why)
{
	enum encoding e = encoding_of(&text);

	*c = (struct csv){ .line = 1 };
	c->text = malloc(e == UTF_8 ? text.n + 1 : text.n / 2 * 3 + 1);
	if (!c->text)
		return -ENOMEM;
	c->end = c->text + text.n;
	if (e != UTF_8)
		c->end = from_utf16(text, e == UTF_16LE, c->text);
	else if (text.n)
		memcpy(c->text, text.p, text.n);
	*c->end = '\0';
	*why = check_utf8(c);
	if (*why)
		return -EINVAL;
	c->at = c->text;
	skip_preamble(c);
	if (!c->delimiter)
		c->delimiter = find_delimiter(c);
	return 0;
}

void csv_close(struct csv *c)
{
	free(c->text);
	c->text = NULL;
}

/* --- rows --- */

static bool is_end(char ch)
{
	return ch == '\0' || ch == '\r' || ch == '\n';
}

/* c->at stands on the opening quote; left behind the closing one. */
static char *quoted(struct csv *c, const char **why)
{
	char *start = c->at, *to = start;

	for (c->at++;; c->at++) {
		if (!*c->at) {
			*why = "a quoted field is never closed";
			return NULL;
		}
		c->line += *c->at == '\n';
		if (*c->at == '"') {
			if (c->at[1] != '"')
				break;
			c->at++;
		}
		*to++ = *c->at;
	}
	c->at++;
	while (*c->at == ' ' || (*c->at == '\t' && c->delimiter != '\t'))
		c->at++;
	if (*c->at != c->delimiter && !is_end(*c->at)) {
		*why = "text stands behind a closing quote";
		return NULL;
	}
	/* At or before the closing quote, so the delimiter is not touched. */
	*to = '\0';
	return start;
}

/* *stop: the character the field ended at, which is now NUL. */
static char *unquoted(struct csv *c, char *stop)
{
	char *start = c->at, *to;

	while (*c->at != c->delimiter && !is_end(*c->at))
		c->at++;
	*stop = *c->at;
	for (to = c->at; to > start && (to[-1] == ' ' || to[-1] == '\t');)
		to--;
	*to = '\0';
	*c->at = '\0';
	return start;
}

static void skip_blanks(struct csv *c)
{
	while (*c->at == ' ' || (*c->at == '\t' && c->delimiter != '\t'))
		c->at++;
}

/* Step over the end of a row; `stop` is what stood at c->at. */
static void end_row(struct csv *c, char stop)
{
	if (stop == '\0')
		return;
	c->line++;
	c->at++;
	if (stop == '\r' && *c->at == '\n')
		c->at++;
}

int csv_row(struct csv *c, char *fields[CSV_FIELDS], unsigned *n,
	    unsigned *line, const char **why)
{
	char stop;

	skip_blanks(c);
	while (*c->at == '\r' || *c->at == '\n') {
		end_row(c, *c->at);
		skip_blanks(c);
	}
	*line = c->line;
	*n = 0;
	if (c->at >= c->end)
		return 0;
	do {
		if (*n == CSV_FIELDS) {
			*why = "it has more than 512 fields";
			return -EINVAL;
		}
		skip_blanks(c);
		if (*c->at == '"') {
			fields[*n] = quoted(c, why);
			if (!fields[*n])
				return -EINVAL;
			stop = *c->at;
		} else {
			fields[*n] = unquoted(c, &stop);
		}
		(*n)++;
		if (stop == c->delimiter)
			c->at++;
	} while (stop == c->delimiter);
	end_row(c, stop);
	return 1;
}
