/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_http.h - invariants that requests and responses share.
 *
 * The first byte of an input says how the rest is cut; the rest is what a
 * stranger sent.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/http.h"

#define MUST(x)                                                                \
	do {                                                                   \
		if (!(x)) {                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__,     \
				#x);                                           \
			abort();                                               \
		}                                                              \
	} while (0)

/* Small ones, so that short inputs reach them. */
static const struct http_limits fuzz_limits = { 2048, 512, 16 };

/* Lengths of cuts, drawn from a seed. */
static inline size_t fuzz_cut(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 28 ? *seed >> 24 & 15 : *seed >> 16 & 255) + 1;
}

static inline bool fuzz_within(struct bytes piece, struct bytes in)
{
	return !piece.n ||
	       (piece.p >= in.p && piece.p + piece.n <= in.p + in.n);
}

/* The same verdict and length whatever the cuts are; *len when HTTP_OK. */
static inline enum http_verdict fuzz_scan(uint32_t seed, struct bytes in,
					  uint32_t *len)
{
	struct http_scan whole = { 0 }, cut = { 0 };
	enum http_verdict v = http_scan(&whole, in, &fuzz_limits, len);
	enum http_verdict w = HTTP_MORE;
	uint32_t cut_len = 0;
	size_t have = 0;

	while (w == HTTP_MORE && have < in.n) {
		have = min(in.n, have + fuzz_cut(&seed));
		w = http_scan(&cut, bytes_upto(in, have), &fuzz_limits,
			      &cut_len);
		MUST(cut.seen <= have && cut.line_start <= cut.seen);
	}
	MUST(v == w);
	MUST(v != HTTP_OK ||
	     (*len == cut_len && *len <= in.n && *len <= fuzz_limits.head));
	return v;
}

static inline void fuzz_head_pieces(const struct http_head *h, struct bytes in)
{
	MUST(fuzz_within(h->method, in) && fuzz_within(h->target, in) &&
	     fuzz_within(h->scheme, in) && fuzz_within(h->authority, in) &&
	     fuzz_within(h->query, in) && fuzz_within(h->host, in) &&
	     fuzz_within(h->reason, in));
	MUST(h->n <= fuzz_limits.headers);
	for (unsigned i = 0; i < h->n; i++) {
		const struct http_field *f = &h->field[i];

		MUST(f->name.n && fuzz_within(f->name, in) &&
		     fuzz_within(f->value, in));
		MUST(http_find_name(h, f->name));
		MUST(f->known == HTTP_OTHER ||
		     http_name_like(f->name, http_find(h, f->known)->name));
		MUST(!http_hop_by_hop(f) || f->known != HTTP_OTHER);
		MUST(bytes_eq(f->value, bytes_trim(f->value)));
		if (f->known != HTTP_OTHER)
			MUST(http_find(h, f->known) <= f);
	}
}

static inline void fuzz_put_fields(struct bytes_writer *w,
				   const struct http_head *h)
{
	for (unsigned i = 0; i < h->n; i++)
		http_put_field(w, h->field[i].name, h->field[i].value);
	bytes_puts(w, "\r\n");
	MUST(!w->overflow);
}

/* What decides must be equal, once written and read again. */
static inline void fuzz_same(const struct http_head *a,
			     const struct http_head *b)
{
	MUST(a->n == b->n && a->framing == b->framing &&
	     a->length == b->length && a->keep_alive == b->keep_alive &&
	     a->expect_continue == b->expect_continue &&
	     a->status == b->status && a->minor == b->minor);
	MUST(bytes_eq(a->method, b->method) && bytes_eq(a->host, b->host) &&
	     bytes_eq(a->reason, b->reason) && bytes_eq(a->path, b->path) &&
	     bytes_eq(a->query, b->query) && a->has_query == b->has_query &&
	     a->port == b->port);
	MUST(!memcmp(a->first, b->first, sizeof(a->first)));
	for (unsigned i = 0; i < a->n; i++) {
		MUST(bytes_eq(a->field[i].name, b->field[i].name));
		MUST(bytes_eq(a->field[i].value, b->field[i].value));
		MUST(a->field[i].known == b->field[i].known);
	}
}
