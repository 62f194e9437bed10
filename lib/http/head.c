/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * head.c - start lines, and what the fields of a head say about its body and
 * its connection.
 *
 * RFC 9112 3 (request line), 4 (status line), 6 (body), 9.3 (persistence).
 */
#include "http/chars.h"

/* "HTTP/1.0" or "HTTP/1.1", RFC 9112 2.3. */
static enum http_verdict parse_version(struct bytes v, unsigned *minor)
{
	if (v.n != 8 || memcmp(v.p, "HTTP/", 5) || !ascii_is_digit(v.p[5]) ||
	    v.p[6] != '.' || !ascii_is_digit(v.p[7]))
		return HTTP_BAD_LINE;
	if (v.p[5] != '1' || v.p[7] > '1')
		return HTTP_BAD_VERSION;
	*minor = (unsigned)(v.p[7] - '0');
	return HTTP_OK;
}

/* Does another field of the same kind follow f? */
static bool repeated(const struct http_head *h, const struct http_field *f)
{
	for (const struct http_field *g = f + 1; g < h->field + h->n; g++)
		if (g->known == f->known)
			return true;
	return false;
}

/* Do the Connection fields of that head name this option? */
static bool connection_has(const struct http_head *h, const char *option)
{
	for (unsigned i = h->first[HTTP_CONNECTION]; i && i <= h->n; i++) {
		const struct http_field *f = &h->field[i - 1];

		if (f->known == HTTP_CONNECTION &&
		    http_has_token(f->value, BYTES(option)))
			return true;
	}
	return false;
}

/* RFC 9112 6.3, where everything it calls an error is one. */
static enum http_verdict parse_framing(struct http_head *h)
{
	const struct http_field *te = http_find(h, HTTP_TRANSFER_ENCODING);
	const struct http_field *cl = http_find(h, HTTP_CONTENT_LENGTH);

	h->framing = HTTP_NO_BODY;
	h->length = 0;
	if (te && h->minor == 0)
		return HTTP_TE_ON_10;
	if (te && cl)
		return HTTP_TE_AND_LENGTH;
	if (te) {
		h->framing = HTTP_CHUNKED;
		return !repeated(h, te) &&
				       bytes_ieq(te->value, BYTES("chunked"))
			       ? HTTP_OK
			       : HTTP_BAD_TE;
	}
	if (!cl)
		return HTTP_OK;
	/* 19 digits hold INT64_MAX; more of them are leading zeros that some
	 * reader's buffer may cut. */
	if (repeated(h, cl) || cl->value.n > 19 ||
	    !bytes_u64(cl->value, INT64_MAX, &h->length))
		return HTTP_BAD_LENGTH;
	h->framing = HTTP_LENGTH;
	return HTTP_OK;
}

/* RFC 9112 9.3. */
static bool persistent(const struct http_head *h)
{
	if (connection_has(h, "close"))
		return false;
	return h->minor || connection_has(h, "keep-alive");
}

/* "http://host:port/path?query", RFC 9112 3.2.2; only what we may serve. */
static enum http_verdict parse_absolute(struct bytes t, struct http_head *out)
{
	size_t sep = bytes_find(t, ':');
	size_t i;

	out->scheme = bytes_upto(t, sep);
	if ((!bytes_ieq(out->scheme, BYTES("http")) &&
	     !bytes_ieq(out->scheme, BYTES("https"))) ||
	    t.n < sep + 3 || memcmp(t.p + sep, "://", 3))
		return HTTP_BAD_TARGET;
	t = bytes_from(t, sep + 3);
	for (i = 0; i < t.n && t.p[i] != '/' && t.p[i] != '?';)
		i++;
	out->authority = bytes_upto(t, i);
	if (!http_authority(out->authority, &out->host, &out->port))
		return HTTP_BAD_TARGET;
	t = bytes_from(t, i);
	out->has_query = bytes_find(t, '?') < t.n;
	out->path = bytes_cut(&t, '?');
	out->query = t;
	if (out->path.n)
		return HTTP_OK;
	/* RFC 9112 3.2.1: an empty path is "/"; 3.2.4: OPTIONS means the
	 * server itself. */
	out->path = bytes_eq(out->method, BYTES("OPTIONS")) && !out->has_query
			    ? BYTES("*")
			    : BYTES("/");
	return HTTP_OK;
}

/* RFC 9112 3.2. CONNECT is refused, and with it the authority form. */
static enum http_verdict parse_target(struct http_head *out)
{
	struct bytes t = out->target;

	if (!all_are(t, CH_TARGET) || bytes_eq(out->method, BYTES("CONNECT")))
		return HTTP_BAD_TARGET;
	if (bytes_eq(t, BYTES("*"))) {
		out->path = t;
		return bytes_eq(out->method, BYTES("OPTIONS"))
			       ? HTTP_OK
			       : HTTP_BAD_TARGET;
	}
	if (t.p[0] != '/')
		return parse_absolute(t, out);
	out->has_query = bytes_find(t, '?') < t.n;
	out->path = bytes_cut(&t, '?');
	out->query = t;
	return HTTP_OK;
}

static enum http_verdict parse_request_line(struct bytes line,
					    struct http_head *out)
{
	struct bytes rest = line;
	enum http_verdict v;

	out->method = bytes_cut(&rest, ' ');
	out->target = bytes_cut(&rest, ' ');
	if (!all_are(out->method, CH_TOKEN))
		return HTTP_BAD_METHOD;
	if (!out->target.n)
		return HTTP_BAD_LINE;
	/* A further space ends up in the version. */
	v = parse_version(rest, &out->minor);
	return v != HTTP_OK ? v : parse_target(out);
}

/* The port that is meant when none is named. */
static unsigned port_of(uint16_t port, struct bytes scheme)
{
	return port ? port : scheme.n == 5 ? 443 : 80;
}

/* RFC 9112 3.2 and 3.2.2. */
static enum http_verdict parse_host(struct http_head *out)
{
	const struct http_field *f = http_find(out, HTTP_HOST);
	struct bytes host = BYTES_NONE;
	uint16_t port = 0;

	if (!f)
		return out->minor ? HTTP_BAD_HOST : HTTP_OK;
	if (repeated(out, f))
		return HTTP_BAD_HOST;
	if (f->value.n ? !http_authority(f->value, &host, &port) : out->minor)
		return HTTP_BAD_HOST;
	if (out->scheme.n &&
	    (!bytes_ieq(host, out->host) ||
	     port_of(port, out->scheme) != port_of(out->port, out->scheme)))
		return HTTP_HOST_CONFLICT;
	out->host = host;
	out->port = port;
	return HTTP_OK;
}

/* RFC 9110 10.1.1: not on 1.0, whose clients cannot read a 100. */
static bool expects_continue(const struct http_head *h)
{
	const struct http_field *f = http_find(h, HTTP_EXPECT);

	return f && h->minor && http_has_token(f->value, BYTES("100-continue"));
}

enum http_verdict http_parse_request(struct bytes head,
				     const struct http_limits *limits,
				     struct http_head *out)
{
	size_t at = head.n >= 2 && memcmp(head.p, "\r\n", 2) == 0 ? 2 : 0;
	enum http_verdict v;
	struct bytes line;

	memset(out, 0, offsetof(struct http_head, field));
	if (head.n > limits->head)
		return HTTP_HEAD_TOO_LARGE;
	v = http_next_line(head, &at, limits->line, &line);
	if (v == HTTP_OK)
		v = parse_request_line(line, out);
	if (v == HTTP_OK)
		v = http_parse_fields(head, at, limits, out);
	if (v == HTTP_OK)
		v = parse_framing(out);
	if (v == HTTP_OK)
		v = parse_host(out);
	if (v != HTTP_OK)
		return v;
	out->keep_alive = persistent(out);
	out->expect_continue = expects_continue(out);
	return HTTP_OK;
}

/* "HTTP/1.1 200 OK", RFC 9112 4. */
static enum http_verdict parse_status_line(struct bytes line,
					   struct http_head *out)
{
	struct bytes rest = line;
	enum http_verdict v = parse_version(bytes_cut(&rest, ' '), &out->minor);
	struct bytes code;
	uint64_t status;

	if (v != HTTP_OK)
		return v;
	code = bytes_cut(&rest, ' ');
	if (code.n != 3 || !bytes_u64(code, 999, &status) || status < 100)
		return HTTP_BAD_LINE;
	out->status = (unsigned)status;
	out->reason = rest;
	return HTTP_OK;
}

/* RFC 9112 6.3, rules 1, 2 and 8. */
static enum http_verdict body_of_response(struct http_head *h, bool to_head)
{
	bool never = h->status < 200 || h->status == 204;

	/* RFC 9110 8.6, 9112 6.1: these MUST NOT be framed at all. A server
	 * that does may mean a body, and reads on behind it. */
	if (never && h->framing == HTTP_CHUNKED)
		return HTTP_BAD_TE;
	if (never && h->length)
		return HTTP_BAD_LENGTH;
	if (never || h->status == 304 || to_head) {
		h->framing = HTTP_NO_BODY;
		h->length = 0;
	} else if (h->framing == HTTP_NO_BODY) {
		h->framing = HTTP_UNTIL_CLOSE;
	}
	return HTTP_OK;
}

enum http_verdict http_parse_response(struct bytes head, bool to_head,
				      const struct http_limits *limits,
				      struct http_head *out)
{
	enum http_verdict v;
	struct bytes line;
	size_t at = 0;

	memset(out, 0, offsetof(struct http_head, field));
	if (head.n > limits->head)
		return HTTP_HEAD_TOO_LARGE;
	v = http_next_line(head, &at, limits->line, &line);
	if (v == HTTP_OK)
		v = parse_status_line(line, out);
	if (v == HTTP_OK)
		v = http_parse_fields(head, at, limits, out);
	if (v == HTTP_OK)
		v = parse_framing(out);
	if (v == HTTP_OK)
		v = body_of_response(out, to_head);
	if (v != HTTP_OK)
		return v;
	out->keep_alive = persistent(out) && out->framing != HTTP_UNTIL_CLOSE;
	return HTTP_OK;
}
