/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * field.c - header lines: split, checked, recognised, found again.
 *
 * RFC 9110 5, RFC 9112 5. Names are tokens directly before the colon; values
 * hold no control byte but TAB; a line that begins with white space (obs-fold)
 * is refused.
 */
#include "http/chars.h"

static const char *const known_names[HTTP_KNOWN_COUNT] = {
#define X(id, name) [id] = name,
	HTTP_KNOWN(X)
#undef X
};

/* Length, first and last letter tell the known names apart. */
#define KEY(n, first, last) ((unsigned)(n) << 16 | (first) << 8 | (last))

static enum http_known candidate(struct bytes name)
{
	switch (KEY(name.n, ascii_lower(name.p[0]),
		    ascii_lower(name.p[name.n - 1]))) {
	case KEY(2, 't', 'e'):
		return HTTP_TE;
	case KEY(4, 'h', 't'):
		return HTTP_HOST;
	case KEY(6, 'c', 'e'):
		return HTTP_COOKIE;
	case KEY(6, 'e', 't'):
		return HTTP_EXPECT;
	case KEY(7, 't', 'r'):
		return HTTP_TRAILER;
	case KEY(7, 'u', 'e'):
		return HTTP_UPGRADE;
	case KEY(8, 'l', 'n'):
		return HTTP_LOCATION;
	case KEY(10, 'c', 'n'):
		return HTTP_CONNECTION;
	case KEY(10, 'k', 'e'):
		return HTTP_KEEP_ALIVE;
	case KEY(10, 's', 'e'):
		return HTTP_SET_COOKIE;
	case KEY(10, 'u', 't'):
		return HTTP_USER_AGENT;
	case KEY(12, 'c', 'e'):
		return HTTP_CONTENT_TYPE;
	case KEY(13, 'a', 'n'):
		return HTTP_AUTHORIZATION;
	case KEY(14, 'c', 'h'):
		return HTTP_CONTENT_LENGTH;
	case KEY(14, 'h', 's'):
		return HTTP_HTTP2_SETTINGS;
	case KEY(15, 'x', 'r'):
		return HTTP_X_FORWARDED_FOR;
	case KEY(15, 'x', 'x'):
		return HTTP_X_ANCHOR_MAILBOX;
	case KEY(16, 'p', 'n'):
		return HTTP_PROXY_CONNECTION;
	case KEY(16, 'w', 'e'):
		return HTTP_WWW_AUTHENTICATE;
	case KEY(16, 'x', 't'):
		return HTTP_X_FORWARDED_HOST;
	case KEY(17, 't', 'g'):
		return HTTP_TRANSFER_ENCODING;
	case KEY(17, 'x', 'o'):
		return HTTP_X_FORWARDED_PROTO;
	case KEY(18, 'p', 'e'):
		return HTTP_PROXY_AUTHENTICATE;
	case KEY(19, 'p', 'n'):
		return HTTP_PROXY_AUTHORIZATION;
	case KEY(21, 'x', 'x'):
		return HTTP_X_PUBLIC_FOLDER_MAILBOX;
	default:
		return HTTP_OTHER;
	}
}

static uint8_t fold(uint8_t c)
{
	return c == '_' ? '-' : ascii_lower(c);
}

bool http_name_like(struct bytes a, struct bytes b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (fold(a.p[i]) != fold(b.p[i]))
			return false;
	return true;
}

enum http_verdict http_next_line(struct bytes head, size_t *at, uint32_t limit,
				 struct bytes *line)
{
	size_t i = http_find_control(head, *at);

	while (i < head.n && head.p[i] == '\t')
		i = http_find_control(head, i + 1);
	if (i - *at > limit)
		return HTTP_LINE_TOO_LONG;
	if (i < head.n && head.p[i] != '\r' && head.p[i] != '\n')
		return HTTP_BAD_NUL;
	if (head.n - i < 2 || head.p[i] != '\r' || head.p[i + 1] != '\n')
		return HTTP_BAD_NEWLINE;
	*line = (struct bytes){ head.p + *at, i - *at };
	*at = i + 2;
	return HTTP_OK;
}

/* A token against a name of letters, digits and '-', equally long: no other
 * byte of a token becomes one of these by |= 0x20. */
static bool same_name(struct bytes token, const char *name)
{
	unsigned differs = 0;

	for (size_t i = 0; i < token.n; i++)
		differs |= (token.p[i] ^ (uint8_t)name[i]) & ~0x20u;
	return !differs;
}

static enum http_verdict recognise(struct http_field *f)
{
	const char *name;

	f->known = candidate(f->name);
	if (f->known == HTTP_OTHER)
		return HTTP_OK;
	name = known_names[f->known];
	if (same_name(f->name, name))
		return HTTP_OK;
	if (http_name_like(f->name, BYTES(name)))
		return HTTP_BAD_FIELD;
	f->known = HTTP_OTHER;
	return HTTP_OK;
}

static enum http_verdict parse_field(struct bytes line, struct http_field *f)
{
	size_t colon = 0;

	if (line.p[0] == ' ' || line.p[0] == '\t')
		return HTTP_BAD_FOLD;
	while (colon < line.n && ch_is(line.p[colon], CH_TOKEN))
		colon++;
	if (colon == 0 || colon == line.n || line.p[colon] != ':')
		return HTTP_BAD_FIELD;
	f->name = bytes_upto(line, colon);
	f->value = bytes_trim(bytes_from(line, colon + 1));
	return recognise(f);
}

enum http_verdict http_parse_fields(struct bytes head, size_t at,
				    const struct http_limits *limits,
				    struct http_head *out)
{
	unsigned max = min(limits->headers, (uint16_t)HTTP_HEADERS_MAX);

	out->n = 0;
	for (;;) {
		struct http_field *f = &out->field[out->n];
		enum http_verdict v;
		struct bytes line;

		v = http_next_line(head, &at, limits->line, &line);
		if (v != HTTP_OK)
			return v;
		if (!line.n)
			/* What follows a head is no part of it. */
			return at == head.n ? HTTP_OK : HTTP_BAD_FIELD;
		if (out->n == max)
			return HTTP_TOO_MANY_FIELDS;
		v = parse_field(line, f);
		if (v != HTTP_OK)
			return v;
		out->n++;
		if (f->known != HTTP_OTHER && !out->first[f->known])
			out->first[f->known] = (uint8_t)out->n;
	}
}

const struct http_field *http_find(const struct http_head *h,
				   enum http_known known)
{
	assert(known > HTTP_OTHER && known < HTTP_KNOWN_COUNT);
	return h->first[known] ? &h->field[h->first[known] - 1] : NULL;
}

const struct http_field *http_find_name(const struct http_head *h,
					struct bytes name)
{
	for (unsigned i = 0; i < h->n; i++)
		if (bytes_ieq(h->field[i].name, name))
			return &h->field[i];
	return NULL;
}

bool http_has_token(struct bytes list, struct bytes token)
{
	while (list.n)
		if (bytes_ieq(bytes_trim(bytes_cut(&list, ',')), token))
			return true;
	return false;
}

#define BIT(known) (1ull << (known))

bool http_hop_by_hop(const struct http_field *f)
{
	static const uint64_t hop =
		BIT(HTTP_CONNECTION) | BIT(HTTP_KEEP_ALIVE) |
		BIT(HTTP_PROXY_CONNECTION) | BIT(HTTP_PROXY_AUTHENTICATE) |
		BIT(HTTP_PROXY_AUTHORIZATION) | BIT(HTTP_TE) |
		BIT(HTTP_UPGRADE) | BIT(HTTP_HTTP2_SETTINGS) |
		BIT(HTTP_TRANSFER_ENCODING);

	_Static_assert(HTTP_KNOWN_COUNT <= 64, "one bit each");
	return hop & BIT(f->known);
}
