/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_http_request.c - a request head is found, cut and understood in one
 * way only.
 */
#include "fuzz_http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
static void write_and_read(const struct http_head *h, bool verbatim)
{
	static struct http_head again;
	uint8_t buf[8192];
	struct http_writer w = { buf, 0, sizeof(buf), false };

	if (verbatim) {
		http_put(&w, h->method);
		http_put_str(&w, " ");
		http_put(&w, h->target);
		http_putf(&w, " HTTP/1.%u\r\n", h->minor);
	} else {
		http_put_request_line(&w, h);
	}
	fuzz_put_fields(&w, h);
	MUST(http_parse_request((struct bytes){ buf, w.n },
				&http_default_limits, &again) == HTTP_OK);
	fuzz_same(h, &again);
	MUST(verbatim ? bytes_eq(h->target, again.target) : !again.scheme.n);
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
		MUST(http_parse_request(in, &fuzz_limits, &head) != HTTP_OK);
	if (v != HTTP_OK)
		return 0;
	in = bytes_upto(in, len);
	v = http_parse_request(in, &fuzz_limits, &head);
	MUST(v != HTTP_MORE);
	if (v != HTTP_OK)
		return 0;
	fuzz_head_pieces(&head, in);
	MUST(fuzz_within(head.path, in) || head.path.n == 1);
	unambiguous(&head);
	write_and_read(&head, true);
	/* Forwarding makes it 1.1, so it must hold what 1.1 demands. */
	if (head.minor && head.host.n)
		write_and_read(&head, false);
	return 0;
}
