/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * body.c - follows a body through its framing without storing it.
 *
 * RFC 9112 6 and 7.1, RFC 9110 6.5. The chunk parser goes byte by byte through
 * framing and in one step through content. At an offending byte it stops: what
 * stood before is handed out, the next call begins at that byte and refuses
 * it; so the way the bytes are cut changes nothing.
 */
#include "http/chars.h"

/* What is awaited. */
enum awaited {
	SIZE, /* a digit, ';' or CR */
	EXT_NAME, /* RFC 9112 7.1.1: a token, '=', ';' or CR */
	EXT_VALUE, /* the first byte of a value */
	EXT_TOKEN, /* a token, ';' or CR */
	EXT_QUOTED, /* qdtext, '\' or '"' */
	EXT_ESCAPED, /* the byte behind '\' */
	EXT_END, /* ';' or CR */
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER_START, /* a name, or the CR that ends the message */
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	END_LF,
	NO_MORE_CHUNK, /* nothing: the next call says HTTP_BAD_CHUNK */
	NO_MORE_TRAILER, /* nothing: the next call says HTTP_BAD_TRAILER */
};

void http_body_init(struct http_body *b, const struct http_head *head, bool raw)
{
	*b = (struct http_body){
		.framing = head->framing,
		.left = head->framing == HTTP_LENGTH ? head->length : 0,
		.raw = raw,
		.state = SIZE,
	};
	b->done = b->framing == HTTP_NO_BODY ||
		  (b->framing == HTTP_LENGTH && !b->left);
}

/* RFC 9110 6.5.1: fields that frame, route, authenticate, modify the request
 * or say how to process content; and what Exchange trusts. '*' at the end
 * stands for anything. Compared folded: lower case, '-' for '_'. */
static const char *const forbidden[] = {
	"accept*",
	"age",
	"authentication-info",
	"authorization",
	"cache-control",
	"client-ip",
	"connection",
	"content-*",
	"cookie*",
	"date",
	"expect",
	"expires",
	"forwarded",
	"front-end-https",
	"host",
	"http2-settings",
	"if-*",
	"keep-alive",
	"location",
	"max-forwards",
	"msexch*",
	"pragma",
	"proxy-*",
	"range",
	"retry-after",
	"set-cookie*",
	"te",
	"trailer",
	"transfer-encoding",
	"upgrade",
	"vary",
	"via",
	"warning",
	"www-authenticate",
	"x-anchormailbox",
	"x-anonresource*",
	"x-be*",
	"x-backend*",
	"x-calculatedbetarget",
	"x-commonaccesstoken",
	"x-feserver",
	"x-forwarded-*",
	"x-http-method*",
	"x-isfromcafe",
	"x-original-*",
	"x-owa-*",
	"x-publicfoldermailbox",
	"x-real-ip",
	"x-rewrite-url",
	"x-rps-cat",
	"x-sourcecafeserver",
	"x-target*",
};

static bool trailer_forbidden(const struct http_body *b)
{
	struct bytes name = { b->name, b->name_len };

	for (size_t i = 0; i < ARRAY_LEN(forbidden); i++) {
		struct bytes f = BYTES(forbidden[i]);

		if (f.p[f.n - 1] != '*'
			    ? bytes_eq(name, f)
			    : bytes_istarts(name, bytes_upto(f, f.n - 1)))
			return true;
	}
	return false;
}

/* The states below return whether c may stand here, and enter the next. */

static bool size_digit(struct http_body *b, uint8_t c)
{
	int digit = ascii_hex(c);

	/* 16 digits are 64 bits; the sum of all chunks stays below 2^63 too. */
	if (digit < 0 || b->digits == 16)
		return false;
	b->digits++;
	b->left = b->left << 4 | (uint64_t)digit;
	return b->left <= INT64_MAX - b->payload;
}

/* What may follow a size, a name or a value. */
static bool size_line_goes_on(struct http_body *b, uint8_t c)
{
	if (c == ';') {
		b->state = EXT_NAME;
		b->name_len = 0;
		return true;
	}
	b->state = SIZE_LF;
	return c == '\r';
}

static bool ext_name(struct http_body *b, uint8_t c)
{
	if (ch_is(c, CH_TOKEN)) {
		b->name_len = 1;
		return true;
	}
	if (!b->name_len)
		return false;
	if (c != '=')
		return size_line_goes_on(b, c);
	b->state = EXT_VALUE;
	return true;
}

static bool ext_value(struct http_body *b, uint8_t c)
{
	b->state = c == '"' ? EXT_QUOTED : EXT_TOKEN;
	return c == '"' || ch_is(c, CH_TOKEN);
}

static bool is_text(uint8_t c)
{
	return c == '\t' || (c >= 0x20 && c != 0x7f);
}

/* RFC 9110 5.6.4 */
static bool ext_quoted(struct http_body *b, uint8_t c)
{
	if (b->state == EXT_ESCAPED)
		b->state = EXT_QUOTED;
	else if (c == '"')
		b->state = EXT_END;
	else if (c == '\\')
		b->state = EXT_ESCAPED;
	return is_text(c);
}

static bool trailer_name(struct http_body *b, uint8_t c)
{
	if (c == ':') {
		b->state = TRAILER_VALUE;
		return b->name_len && !trailer_forbidden(b);
	}
	if (b->name_len < sizeof(b->name))
		b->name[b->name_len++] = c == '_' ? '-' : ascii_lower(c);
	b->state = TRAILER_NAME;
	return ch_is(c, CH_TOKEN);
}

static bool trailer_start(struct http_body *b, uint8_t c)
{
	b->name_len = 0;
	if (c != '\r')
		return trailer_name(b, c);
	b->state = END_LF;
	return true;
}

static bool trailer_value(struct http_body *b, uint8_t c)
{
	if (c == '\r')
		b->state = TRAILER_LF;
	return c == '\r' || is_text(c);
}

/* A LF, and what is awaited behind it. */
static bool line_feed(struct http_body *b, uint8_t c, enum awaited next)
{
	b->state = (uint8_t)next;
	b->line = b->digits = 0;
	return c == '\n';
}

/* One byte of framing. */
static bool step(struct http_body *b, uint8_t c)
{
	switch ((enum awaited)b->state) {
	case SIZE:
		return ascii_hex(c) >= 0 ? size_digit(b, c)
					 : b->digits && size_line_goes_on(b, c);
	case EXT_NAME:
		return ext_name(b, c);
	case EXT_VALUE:
		return ext_value(b, c);
	case EXT_TOKEN:
		return ch_is(c, CH_TOKEN) || size_line_goes_on(b, c);
	case EXT_QUOTED:
	case EXT_ESCAPED:
		return ext_quoted(b, c);
	case EXT_END:
		return size_line_goes_on(b, c);
	case SIZE_LF:
		return line_feed(b, c, b->left ? DATA : TRAILER_START);
	case DATA_CR:
		b->state = DATA_LF;
		return c == '\r';
	case DATA_LF:
		return line_feed(b, c, SIZE);
	case TRAILER_START:
		return trailer_start(b, c);
	case TRAILER_NAME:
		return trailer_name(b, c);
	case TRAILER_VALUE:
		return trailer_value(b, c);
	case TRAILER_LF:
		return line_feed(b, c, TRAILER_START);
	case END_LF:
		b->done = c == '\n';
		return b->done;
	case DATA:
	case NO_MORE_CHUNK:
	case NO_MORE_TRAILER:
		break;
	}
	return false;
}

static bool within_limits(struct http_body *b, uint8_t c)
{
	if (b->state >= TRAILER_START)
		return ++b->trailer <= HTTP_TRAILER_MAX;
	return b->state >= SIZE_LF || c == '\r' ||
	       ++b->line <= HTTP_CHUNK_LINE_MAX;
}

/* Framing up to the next content, the end, or a byte that may not stand here;
 * returns how many bytes were taken. */
static size_t take_framing(struct http_body *b, struct bytes in)
{
	size_t i;

	for (i = 0; i < in.n && b->state != DATA && !b->done; i++) {
		uint8_t was = b->state;

		if (within_limits(b, in.p[i]) && step(b, in.p[i]))
			continue;
		b->state = was < TRAILER_START || was == NO_MORE_CHUNK
				   ? NO_MORE_CHUNK
				   : NO_MORE_TRAILER;
		break;
	}
	return i;
}

static size_t take_data(struct http_body *b, struct bytes in)
{
	size_t n = min((uint64_t)in.n, b->left);

	b->left -= n;
	b->payload += n;
	return n;
}

static enum http_verdict next_chunked(struct http_body *b, struct bytes in,
				      struct bytes *piece, size_t *consumed)
{
	size_t i = 0, data = 0;

	while (i < in.n && !b->done) {
		size_t n;

		if (b->state == DATA) {
			if (data && !b->raw)
				break; /* content goes out piece by piece */
			n = take_data(b, bytes_from(in, i));
			*piece = (struct bytes){ in.p + i, n };
			data = n;
			if (!b->left)
				b->state = DATA_CR;
		} else {
			n = take_framing(b, bytes_from(in, i));
			if (!n)
				break;
		}
		i += n;
	}
	if (b->raw)
		*piece = bytes_upto(in, i);
	*consumed = i;
	if (i || !in.n || b->done)
		return HTTP_OK;
	return b->state == NO_MORE_CHUNK ? HTTP_BAD_CHUNK : HTTP_BAD_TRAILER;
}

enum http_verdict http_body_next(struct http_body *b, struct bytes in,
				 struct bytes *piece, size_t *consumed)
{
	*piece = bytes_upto(in, 0);
	*consumed = 0;
	if (b->done)
		return HTTP_OK;
	switch (b->framing) {
	case HTTP_CHUNKED:
		return next_chunked(b, in, piece, consumed);
	case HTTP_LENGTH:
		*piece = bytes_upto(in, take_data(b, in));
		b->done = !b->left;
		break;
	case HTTP_UNTIL_CLOSE:
		*piece = in;
		b->payload += in.n;
		break;
	case HTTP_NO_BODY:
		break;
	}
	*consumed = piece->n;
	return HTTP_OK;
}
