/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stream.h - a TLS (or plain) byte stream upon a TCP connection: plaintext in
 * bounded buffers on one hand, packets on the other.
 *
 * What the proxy has two of, and the load generator one at each end. Nothing
 * is buffered without somebody having room for it: a record is opened only
 * into a buffer that takes it whole, and written only when TCP takes it whole.
 * An idle stream holds no buffer.
 */
#pragma once

#include "tcp/tcp.h"
#include "tls/tls.h"

/* Two sizes: one for what is in transit, one for the rare message head that
 * needs up to STREAM_HEAD_MAX. */
#define STREAM_HEAD_MAX (64 * 1024)
#define STREAM_BUF_SMALL (2 * TLS_PLAIN_MAX)
#define STREAM_BUF_LARGE (STREAM_HEAD_MAX + 2 * TLS_PLAIN_MAX)

struct stream_buf {
	uint32_t off, end; /* unconsumed bytes are data[off..end) */
	uint32_t cap;
	bool secret; /* wiped where it is consumed, and before it goes back */
	uint8_t data[];
};

/* One core's buffers. Who finds none puts his list node on `lacking`; the next
 * buffer of that size that comes back moves the first of them to `wake`. */
struct stream_pool {
	struct slab small, large;
	struct list starved[2]; /* for a small one, for a large one */
	struct list *lacking;	/* the one for what was not there */
	struct list *wake;
};

/* -ENOMEM; then safe to fini. `wake` outlives the pool. */
must_check int stream_pool_init(struct stream_pool *p, uint32_t small,
				uint32_t large, struct list *wake);
void stream_pool_fini(struct stream_pool *p);

struct stream_buf *stream_buf_get(struct stream_pool *p, bool large);
/* NULL is allowed. */
void stream_buf_put(struct stream_pool *p, struct stream_buf *b);
/* Who was woken may have died, or need none any more: is there a buffer and
 * somebody who waits for it? Wake as many as there are buffers; true when that
 * is anybody. Once a turn. */
bool stream_hungry(const struct stream_pool *p);
bool stream_feed(struct stream_pool *p);

struct stream {
	struct tcp_conn *tc;   /* NULL: none */
	struct tls *tls;       /* NULL: plain text */
	struct stream_buf *in; /* NULL: nothing unconsumed */
	bool eof;    /* clean end: close_notify, or FIN on plain text */
	bool cut;    /* the stream ended without one */
	bool closed; /* our close_notify and FIN are out */
	bool failed; /* TLS is broken: nothing may be sealed any more; then it
		      * is cut as well */
	bool secret; /* what arrives may be a password */
	uint8_t owed_n;	  /* KeyUpdates of ours that TCP did not take when they */
	uint8_t owed[63]; /* were made; they go before the next record */
};

/* What was read and not yet consumed; borrowed until the next call. */
static inline struct bytes stream_bytes(const struct stream *st)
{
	const struct stream_buf *b = st->in;

	return b ? (struct bytes){ b->data + b->off, b->end - b->off } :
		   BYTES_NONE;
}

enum stream_got {
	STREAM_NOTHING, /* nothing has arrived */
	STREAM_MORE,	/* bytes were added, or the end was seen */
	STREAM_NO_BUFFER,
};

/* Get more plaintext into st->in. */
enum stream_got stream_fill(struct stream_pool *p, struct stream *st,
			    usec_t now);
void stream_consume(struct stream_pool *p, struct stream *st, size_t n);

/* Passwords pass, or no longer: of what is there and what arrives until then
 * nothing stays behind in a buffer. */
void stream_secret(struct stream *st, bool on);

/* One handshake step; TLS_OK when it is complete. */
enum tls_result stream_handshake(struct stream *st, usec_t now);

/* Plaintext that stream_write() would take now: TLS_PLAIN_MAX, or 0. */
size_t stream_room(const struct stream *st);
/* Write all of it, n <= TLS_PLAIN_MAX. False: packet buffers ran out, nothing
 * was written (or TLS failed, see st->failed). */
must_check bool stream_write(struct stream *st, const void *data, size_t n,
			     usec_t now);
/* The same for any length, record by record; stream_fits() first, for after a
 * false some of it may have been written. If it does not fit now, TCP tells
 * when it does; the send buffer must take STREAM_HEAD_MAX and a record. */
bool stream_fits(const struct stream *st, size_t n);
must_check bool stream_write_all(struct stream *st, const void *data, size_t n,
				 usec_t now);

/* close_notify and FIN, once. */
void stream_close(struct stream *st, usec_t now);
/* FIN alone, instead: the end of what was cut must not look clean. */
void stream_cut(struct stream *st, usec_t now);
/* The end: TCP closed (or reset), TLS freed, buffer back, all zero. */
void stream_drop(struct stream_pool *p, struct stream *st, bool reset,
		 usec_t now);
