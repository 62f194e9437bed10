/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_http_response.c - a response head is found, cut and understood in one
 * way only.
 */
#include "fuzz_http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

static void write_and_read(const struct http_head *h, bool to_head)
{
	static struct http_head again;
	uint8_t buf[8192];
	struct http_writer w = { buf, 0, sizeof(buf), false };

	http_putf(&w, "HTTP/1.%u %u ", h->minor, h->status);
	http_put(&w, h->reason);
	http_put_str(&w, "\r\n");
	fuzz_put_fields(&w, h);
	MUST(http_parse_response((struct bytes){ buf, w.n }, to_head,
				 &http_default_limits, &again) == HTTP_OK);
	fuzz_same(h, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_head head;
	struct bytes in = { data + 1, size - 1 };
	enum http_verdict v;
	uint32_t len = 0;

	if (!size)
		return 0;
	v = fuzz_scan(data[0], in, &len);
	if (v != HTTP_OK || len != in.n)
		MUST(http_parse_response(in, data[0] & 1, &fuzz_limits,
					 &head) != HTTP_OK);
	if (v != HTTP_OK)
		return 0;
	in = bytes_upto(in, len);
	v = http_parse_response(in, data[0] & 1, &fuzz_limits, &head);
	MUST(v != HTTP_MORE);
	if (v != HTTP_OK)
		return 0;
	fuzz_head_pieces(&head, in);
	framed_right(&head, data[0] & 1);
	write_and_read(&head, data[0] & 1);
	return 0;
}
