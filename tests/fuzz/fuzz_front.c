/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_front.c - a PROXY header is read alike however it grows and is no
 * longer than it may be; of a chain of hops all but the last are trusted; the
 * challenges of a value lie in it, in their order.
 */
#include "fuzz_http.h"

#include "front/front.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void header(struct bytes in, unsigned versions)
{
	struct front_header h, again;
	enum front_verdict v = FRONT_MORE;
	size_t len = 0, len2 = 0;

	for (size_t n = 0; n <= min(in.n, (size_t)600) && v == FRONT_MORE; n++)
		v = front_header(bytes_upto(in, n), versions, &h, &len);
	MUST(v != FRONT_MORE || in.n < FRONT_HEADER_MAX);
	MUST(front_header(in, versions, &again, &len2) == v);
	MUST(front_verdict_name(v)[0] && front_verdict_words(v)[0]);
	if (v != FRONT_OK)
		return;
	MUST(len == len2 && len <= in.n && len <= FRONT_HEADER_MAX);
	MUST(len >= 15 && again.local == h.local && again.port == h.port);
	MUST(h.local || !ipaddr_is_any(&h.client));
}

static void chain(struct bytes in)
{
	struct ipprefix trusted[2];
	struct front_chain c = { 0 };
	bool good = !ipprefix_parse("10.0.0.0/8", &trusted[0]) &&
		    !ipprefix_parse("fd00::/8", &trusted[1]);

	MUST(good);
	if (front_chain(&c, in, trusted, 2) != FRONT_OK)
		MUST(c.n == FRONT_HOPS);
	for (unsigned i = 0; i < c.n; i++)
		MUST(front_trusts(trusted, 2, &c.hop[i]) || i == c.n - 1);
}

static void challenges(struct bytes in)
{
	struct bytes rest = in;
	struct http_challenge c;
	const uint8_t *at = in.p;

	while (http_challenge_next(&rest, &c)) {
		MUST(fuzz_within(c.whole, in) && c.whole.n && c.whole.p >= at);
		MUST(!c.scheme.n || c.scheme.p == c.whole.p);
		at = c.whole.p + c.whole.n;
	}
	MUST(!rest.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_from((struct bytes){ data, size }, 1);

	if (!size)
		return 0;
	header(in, data[0] & 3);
	chain(in);
	challenges(in);
	return 0;
}
