/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/span.h"

static size_t sum(const struct iovec *iov, unsigned n)
{
	size_t total = 0;

	for (unsigned i = 0; i < n; i++)
		total += iov[i].iov_len;
	return total;
}

struct span_in span_in_of(const struct iovec *iov, unsigned n)
{
	return (struct span_in){ .iov = iov, .n = n, .total = sum(iov, n) };
}

struct span_out span_out_of(const struct iovec *iov, unsigned n)
{
	return (struct span_out){ .iov = iov, .n = n, .total = sum(iov, n) };
}

size_t span_in_read(struct span_in *s, void *dst, size_t n)
{
	uint8_t *to = dst;
	size_t done = 0;

	while (done < n && s->i < s->n) {
		const struct iovec *v = &s->iov[s->i];
		size_t k = min(n - done, v->iov_len - s->off);

		if (k)
			memcpy(to + done, (uint8_t *)v->iov_base + s->off, k);
		done += k;
		s->off += k;
		if (s->off == v->iov_len) {
			s->i++;
			s->off = 0;
		}
	}
	s->used += done;
	return done;
}

size_t span_in_peek(const struct span_in *s, void *dst, size_t n)
{
	struct span_in copy = *s;

	return span_in_read(&copy, dst, n);
}

size_t span_out_write(struct span_out *s, const void *src, size_t n)
{
	const uint8_t *from = src;
	size_t done = 0;

	while (done < n && s->i < s->n) {
		const struct iovec *v = &s->iov[s->i];
		size_t k = min(n - done, v->iov_len - s->off);

		if (k)
			memcpy((uint8_t *)v->iov_base + s->off, from + done, k);
		done += k;
		s->off += k;
		if (s->off == v->iov_len) {
			s->i++;
			s->off = 0;
		}
	}
	s->used += done;
	return done;
}
