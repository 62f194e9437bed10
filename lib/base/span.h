/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * span.h - bytes that lie in pieces: read from the front, or written into room
 * that somebody reserved.
 *
 * The seam between TCP's packet buffers and TLS: neither knows the other. The
 * iovecs are borrowed for the call; afterwards `used` says how many bytes were
 * consumed or written, and the owner acts on it (tcp_rx_consume(),
 * tcp_tx_commit()).
 */
#pragma once

#include <sys/uio.h>

#include "base/bytes.h"

struct span_in {
	const struct iovec *iov;
	unsigned n;   /* pieces */
	unsigned i;   /* piece being read */
	size_t off;   /* offset in it */
	size_t used;  /* bytes consumed so far */
	size_t total; /* bytes there were at the start */
};

struct span_out {
	const struct iovec *iov;
	unsigned n, i;
	size_t off;
	size_t used;  /* bytes written so far */
	size_t total; /* room there was at the start */
};

struct span_in span_in_of(const struct iovec *iov, unsigned n);
struct span_out span_out_of(const struct iovec *iov, unsigned n);

static inline size_t span_in_left(const struct span_in *s)
{
	return s->total - s->used;
}

static inline size_t span_out_room(const struct span_out *s)
{
	return s->total - s->used;
}

/* Copy up to n bytes out and consume them; returns how many. */
size_t span_in_read(struct span_in *s, void *dst, size_t n);
/* Copy up to n bytes out without consuming them; returns how many. */
size_t span_in_peek(const struct span_in *s, void *dst, size_t n);
/* Copy up to n bytes in; returns how many found room. */
size_t span_out_write(struct span_out *s, const void *src, size_t n);
