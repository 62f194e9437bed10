/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_http_head.c - a head is found, cut and understood in one way only, be it
 * a request's or a response's.
 */
#include "fuzz_http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- requests ------------------------------------------------------------ */

/* None of what smuggling lives on is left in an accepted head. */
static void unambiguous(const struct http_head *h)
{
	unsigned hosts = 0, lengths = 0, codings = 0;

	for (unsigned i = 0; i < h->n; i++) {
		hosts += h->field[i].known == HTTP_HOST;
		lengths += h->field[i].known == HTTP_CONTENT_LENGTH;
		codings += h->field[i].known == HTTP_TRANSFER_ENCODING;
		for (size_t k = 0; k < h->field[i].value.n; k++)
			MUST(h->field[i].value.p[k] >= 0x20 ||
			     h->field[i].value.p[k] == '\t');
	}
	MUST(hosts <= 1 && lengths + codings <= 1);
	MUST(!h->minor || (hosts == 1 && h->host.n));
	MUST(!codings || h->minor);
	MUST(h->framing == (codings   ? HTTP_CHUNKED
			    : lengths ? HTTP_LENGTH
				      : HTTP_NO_BODY));
	MUST(h->length <= INT64_MAX);
	MUST(h->path.n &&
	     (h->path.p[0] == '/' || bytes_eq(h->path, BYTES("*"))));
	MUST(bytes_find(h->target, ' ') == h->target.n);
}

/* Written as it came, and written as it is forwarded. */
static void rewrite_request(const struct http_head *h, bool verbatim)
{
	static struct http_head again;
	uint8_t buf[8192];
	struct bytes_writer w = { buf, 0, sizeof(buf), false };

	if (verbatim) {
		bytes_put(&w, h->method);
		bytes_puts(&w, " ");
		bytes_put(&w, h->target);
		bytes_putf(&w, " HTTP/1.%u\r\n", h->minor);
	} else {
		http_put_request_line(&w, h);
	}
	fuzz_put_fields(&w, h);
	MUST(http_parse_request((struct bytes){ buf, w.n },
				&http_default_limits, &again) == HTTP_OK);
	fuzz_same(h, &again);
	MUST(verbatim ? bytes_eq(h->target, again.target) : !again.scheme.n);
}

static void request(struct bytes in, bool whole)
{
	static struct http_head head;
	enum http_verdict v = http_parse_request(in, &fuzz_limits, &head);

	MUST(v != HTTP_MORE);
	MUST(v != HTTP_OK || whole);
	if (v != HTTP_OK)
		return;
	fuzz_head_pieces(&head, in);
	MUST(fuzz_within(head.path, in) || head.path.n == 1);
	unambiguous(&head);
	rewrite_request(&head, true);
	/* Forwarding makes it 1.1, so it must hold what 1.1 demands. */
	if (head.minor && head.host.n)
		rewrite_request(&head, false);
}

/* --- responses ----------------------------------------------------------- */

/* RFC 9112 6.3 */
static void framed_right(const struct http_head *h, bool to_head)
{
	bool bodiless = to_head || h->status < 200 || h->status == 204 ||
			h->status == 304;

	MUST(h->status >= 100 && h->status <= 999);
	MUST((h->framing == HTTP_NO_BODY) == bodiless);
	if (h->framing == HTTP_CHUNKED)
		MUST(h->minor && http_find(h, HTTP_TRANSFER_ENCODING) &&
		     !http_find(h, HTTP_CONTENT_LENGTH));
	if (h->framing == HTTP_LENGTH)
		MUST(h->length <= INT64_MAX &&
		     !http_find(h, HTTP_TRANSFER_ENCODING));
	if (h->framing == HTTP_UNTIL_CLOSE)
		MUST(!h->keep_alive && !http_find(h, HTTP_CONTENT_LENGTH));
}

static void rewrite_response(const struct http_head *h, bool to_head)
{
	static struct http_head again;
	uint8_t buf[8192];
	struct bytes_writer w = { buf, 0, sizeof(buf), false };

	bytes_putf(&w, "HTTP/1.%u %u ", h->minor, h->status);
	bytes_put(&w, h->reason);
	bytes_puts(&w, "\r\n");
	fuzz_put_fields(&w, h);
	MUST(http_parse_response((struct bytes){ buf, w.n }, to_head,
				 &http_default_limits, &again) == HTTP_OK);
	fuzz_same(h, &again);
}

static void response(struct bytes in, bool whole, bool to_head)
{
	static struct http_head head;
	enum http_verdict v =
		http_parse_response(in, to_head, &fuzz_limits, &head);

	MUST(v != HTTP_MORE);
	MUST(v != HTTP_OK || whole);
	if (v != HTTP_OK)
		return;
	fuzz_head_pieces(&head, in);
	framed_right(&head, to_head);
	rewrite_response(&head, to_head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = { data + 1, size - 1 };
	enum http_verdict v;
	uint32_t len = 0;
	bool whole;

	if (!size)
		return 0;
	v = fuzz_scan(data[0], in, &len);
	/* First as it came: no parse accepts what the scan did not. */
	whole = v == HTTP_OK && len == in.n;
	request(in, whole);
	response(in, whole, data[0] & 1);
	if (v != HTTP_OK || whole)
		return 0;
	in = bytes_upto(in, len);
	request(in, true);
	response(in, true, data[0] & 1);
	return 0;
}
