/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_http_body.c - a body yields the same bytes, verdict and end however it
 * is cut, and a raw one is exactly what came in.
 *
 * Input: a byte for the framing, a byte for the cuts, the body.
 */
#include "fuzz_http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUT_MAX 65536

struct outcome {
	enum http_verdict verdict;
	size_t consumed, n;
	uint64_t payload;
	bool done;
	uint8_t out[OUT_MAX];
};

/* seed 0: in one piece */
static void follow(struct outcome *o, const struct http_head *head, bool raw,
		   struct bytes in, uint32_t seed)
{
	struct http_body b;
	size_t have = seed ? 0 : in.n;

	o->verdict = HTTP_OK;
	o->consumed = o->n = 0;
	http_body_init(&b, head, raw);
	while (!b.done && o->verdict == HTTP_OK) {
		struct bytes piece, now;
		size_t n;

		if (have == o->consumed && have == in.n)
			break;
		if (have == o->consumed)
			have = min(in.n, have + fuzz_cut(&seed));
		now = (struct bytes){ in.p + o->consumed, have - o->consumed };
		o->verdict = http_body_next(&b, now, &piece, &n);
		MUST(n <= now.n);
		MUST(o->verdict == HTTP_OK ? n > 0 : !n && !piece.n);
		MUST(fuzz_within(piece, bytes_upto(now, n)));
		MUST(!raw || (piece.n == n && piece.p == now.p));
		if (piece.n)
			memcpy(o->out + o->n, piece.p, piece.n);
		o->n += piece.n;
		o->consumed += n;
	}
	o->payload = b.payload;
	o->done = b.done;
}

static void same(const struct outcome *a, const struct outcome *b)
{
	MUST(a->verdict == b->verdict && a->consumed == b->consumed &&
	     a->n == b->n && a->payload == b->payload && a->done == b->done &&
	     !memcmp(a->out, b->out, a->n));
}

/* A second, slow reader of what was accepted: the content must be equal. */
static void check_chunks(const struct outcome *raw, const struct outcome *plain)
{
	size_t at = 0, content = 0;

	for (;;) {
		uint64_t size = strtoull((const char *)raw->out + at, NULL, 16);
		const uint8_t *lf = memchr(raw->out + at, '\n', raw->n - at);

		MUST(lf);
		at = (size_t)(lf - raw->out) + 1;
		if (!size)
			break;
		MUST(size <= raw->n - at && content + size <= plain->n);
		MUST(!memcmp(raw->out + at, plain->out + content, size));
		at += size + 2;
		content += size;
	}
	MUST(content == plain->n && content == plain->payload);
	MUST(!memcmp(raw->out + raw->n - 2, "\r\n", 2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct outcome whole, cut, plain, plain_cut;
	static struct http_head head;
	struct bytes in = { data + 2, size - 2 };

	if (size < 2 || in.n >= OUT_MAX)
		return 0;
	head.framing = data[0] % 8 == 0	  ? HTTP_LENGTH
		       : data[0] % 8 == 1 ? HTTP_UNTIL_CLOSE
		       : data[0] % 8 == 2 ? HTTP_NO_BODY
					  : HTTP_CHUNKED;
	head.length = data[0] >> 3;
	follow(&whole, &head, true, in, 0);
	follow(&cut, &head, true, in, data[1] + 1u);
	same(&whole, &cut);
	MUST(whole.n == whole.consumed && !memcmp(whole.out, in.p, whole.n));

	follow(&plain, &head, false, in, 0);
	follow(&plain_cut, &head, false, in, data[1] + 1u);
	same(&plain, &plain_cut);
	MUST(plain.verdict == whole.verdict && plain.done == whole.done &&
	     plain.consumed == whole.consumed &&
	     plain.payload == whole.payload && plain.n == plain.payload);
	if (head.framing == HTTP_CHUNKED && whole.done)
		check_chunks(&whole, &plain);
	return 0;
}
