/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stream.c - TCP's packet buffers on one hand, plaintext on the other, TLS
 * between them.
 *
 * Back-pressure is here: a record is opened only into a buffer that takes it
 * whole, and the caller asks stream_room() of the other end first.
 */
#include "stream/stream.h"

/* A record is opened whole. TCP gathers tiny segments, so that even one that
 * came in the smallest of them lies in no more pieces than this. */
#define PIECES 64
/* A record is written whole, and TCP cuts it for the peer's segments, of which
 * the smallest that it accepts have 76 bytes. */
#define PIECES_OUT 256

struct stream_buf *stream_buf_get(struct stream_pool *p, bool large)
{
	struct stream_buf *b = slab_get(large ? &p->large : &p->small);

	if (!b) {
		p->lacking = &p->starved[large];
		return NULL;
	}
	b->off = b->end = 0;
	b->secret = false;
	b->cap = large ? STREAM_BUF_LARGE : STREAM_BUF_SMALL;
	return b;
}

void stream_buf_put(struct stream_pool *p, struct stream_buf *b)
{
	struct list *waiting;
	bool large;

	if (!b)
		return;
	if (b->secret)
		mem_wipe(b->data, b->cap);
	large = b->cap == STREAM_BUF_LARGE;
	slab_put(large ? &p->large : &p->small, b);
	waiting = list_pop(&p->starved[large]);
	if (waiting)
		list_push(p->wake, waiting);
}

bool stream_hungry(const struct stream_pool *p)
{
	return (!list_empty(&p->starved[0]) &&
		p->small.used < p->small.count) ||
	       (!list_empty(&p->starved[1]) && p->large.used < p->large.count);
}

bool stream_feed(struct stream_pool *p)
{
	bool any = stream_hungry(p);

	for (unsigned i = 0; any && i < ARRAY_LEN(p->starved); i++) {
		const struct slab *slab = i ? &p->large : &p->small;
		uint32_t n = slab->count - slab->used;
		struct list *waiting;

		for (; n && (waiting = list_pop(&p->starved[i])); n--)
			list_push(p->wake, waiting);
	}
	return any;
}

/* Room for one whole record behind what is there; false: no buffer. */
static bool make_room(struct stream_pool *p, struct stream *st)
{
	struct stream_buf *b = st->in, *large;

	if (!b) {
		st->in = stream_buf_get(p, false);
		return st->in != NULL;
	}
	if (b->cap - b->end >= TLS_PLAIN_MAX)
		return true;
	if (b->off) {
		memmove(b->data, b->data + b->off, b->end - b->off);
		b->end -= b->off;
		b->off = 0;
	}
	if (b->cap - b->end >= TLS_PLAIN_MAX)
		return true;
	/* Heads end at STREAM_HEAD_MAX, so a large buffer is never outgrown. */
	assert(b->cap == STREAM_BUF_SMALL);
	large = stream_buf_get(p, true);
	if (!large)
		return false;
	memcpy(large->data, b->data, b->end);
	large->end = b->end;
	large->secret = b->secret;
	st->in = large;
	stream_buf_put(p, b);
	return true;
}

void stream_consume(struct stream_pool *p, struct stream *st, size_t n)
{
	struct stream_buf *b = st->in;

	if (!n)
		return;
	assert(b && n <= b->end - b->off);
	if (b->secret)
		mem_wipe(b->data + b->off, n);
	b->off += (uint32_t)n;
	if (b->off == b->end) {
		st->in = NULL;
		stream_buf_put(p, b);
	}
}

void stream_secret(struct stream *st, bool on)
{
	st->secret = on;
	if (on && st->in)
		st->in->secret = true;
}

static struct span_in arrived(const struct stream *st, struct iovec *iov)
{
	return span_in_of(iov, tcp_rx_peek(st->tc, iov, PIECES));
}

/* What ended a stream that has no more bytes, if anything did. */
static bool ended(const struct stream *st)
{
	return tcp_status(st->tc) == TCP_PEER_CLOSED || tcp_dead(st->tc);
}

/* What TLS says by itself must leave whole and in its place, or every record
 * behind it is garbage to the peer: what TCP does not take now goes before the
 * next record. */
static void say(struct stream *st, const uint8_t *p, size_t n, usec_t now)
{
	size_t done = st->owed_n ? 0 : tcp_write(st->tc, p, n, now);

	if (n - done > sizeof(st->owed) - st->owed_n) {
		st->failed = st->cut = true;
		return;
	}
	memcpy(st->owed + st->owed_n, p + done, n - done);
	st->owed_n = (uint8_t)(st->owed_n + n - done);
}

static bool say_owed(struct stream *st, usec_t now)
{
	size_t done = tcp_write(st->tc, st->owed, st->owed_n, now);

	st->owed_n = (uint8_t)(st->owed_n - done);
	memmove(st->owed, st->owed + done, st->owed_n);
	return !st->owed_n;
}

static enum tls_result open_record(struct stream *st, struct stream_buf *b,
				   usec_t now, size_t *got)
{
	uint8_t own[1024]; /* alerts and KeyUpdates of TLS's own */
	struct iovec iov[PIECES], out_iov = { own, sizeof(own) };
	struct span_in in = arrived(st, iov);
	struct span_out out = span_out_of(&out_iov, 1);
	enum tls_result r = tls_open(st->tls, &in, b->data + b->end,
				     b->cap - b->end, got, &out);

	if (in.used)
		tcp_rx_consume(st->tc, in.used, now);
	if (out.used && !st->closed && !tcp_dead(st->tc))
		say(st, own, out.used, now);
	return r;
}

static enum stream_got fill_tls(struct stream *st, usec_t now)
{
	size_t got = 0, before = tcp_rx_avail(st->tc), left;

	switch (open_record(st, st->in, now, &got)) {
	case TLS_OK:
		st->in->end += (uint32_t)got;
		return STREAM_MORE;
	case TLS_CLOSED:
		st->eof = true;
		return STREAM_MORE;
	case TLS_WANT_IN:
	case TLS_WANT_OUT:
		/* Tiny segments: there was more than one look could show. */
		left = tcp_rx_avail(st->tc);
		if (left && left < before)
			return STREAM_MORE;
		if (!ended(st))
			return STREAM_NOTHING;
		st->cut = true;
		return STREAM_MORE;
	case TLS_FAIL_PROTOCOL:
	case TLS_FAIL_ALERT:
	case TLS_FAIL_VERIFY:
	case TLS_FAIL_INTERNAL:
		break;
	}
	st->failed = st->cut = true;
	return STREAM_MORE;
}

static enum stream_got fill_plain(struct stream *st, usec_t now)
{
	struct iovec iov[PIECES];
	struct span_in in = arrived(st, iov);
	struct stream_buf *b = st->in;
	size_t got = span_in_read(&in, b->data + b->end, b->cap - b->end);

	if (got) {
		tcp_rx_consume(st->tc, got, now);
		b->end += (uint32_t)got;
		return STREAM_MORE;
	}
	if (!ended(st))
		return STREAM_NOTHING;
	if (tcp_dead(st->tc))
		st->cut = true;
	else
		st->eof = true;
	return STREAM_MORE;
}

enum stream_got stream_fill(struct stream_pool *p, struct stream *st,
			    usec_t now)
{
	enum stream_got got;

	if (!st->tc || st->eof || st->cut)
		return STREAM_NOTHING;
	/* An idle connection holds no buffer. A record is handed out whole, so
	 * TLS keeps nothing back either. */
	if (!tcp_rx_avail(st->tc) && !ended(st))
		return STREAM_NOTHING;
	if (!make_room(p, st))
		return STREAM_NO_BUFFER;
	got = st->tls ? fill_tls(st, now) : fill_plain(st, now);
	if (st->in->off == st->in->end) {
		stream_buf_put(p, st->in);
		st->in = NULL;
	} else {
		st->in->secret |= st->secret;
	}
	return got;
}

size_t stream_room(const struct stream *st)
{
	if (!st->tc || st->closed || st->failed)
		return 0;
	/* All or nothing, so that records stay large under back-pressure; the
	 * stack tells when there is that much again (tx_lowat). */
	return tcp_tx_space(st->tc) >= TLS_PLAIN_MAX + TLS_SEAL_OVERHEAD
		       ? TLS_PLAIN_MAX
		       : 0;
}

bool stream_write(struct stream *st, const void *data, size_t n, usec_t now)
{
	struct iovec iov[PIECES_OUT];
	struct span_out out;
	size_t need = n + (st->tls ? TLS_SEAL_OVERHEAD : 0);

	assert(n <= TLS_PLAIN_MAX);
	if (st->owed_n && !say_owed(st, now))
		return false;
	out = span_out_of(iov, tcp_tx_reserve(st->tc, need, iov, PIECES_OUT));
	if (span_out_room(&out) < need) {
		tcp_tx_commit(st->tc, 0, now);
		return false;
	}
	if (!st->tls)
		span_out_write(&out, data, n);
	else if (tls_seal(st->tls, data, n, &out) != TLS_OK)
		st->failed = st->cut = true;
	tcp_tx_commit(st->tc, out.used, now);
	return !st->failed;
}

bool stream_fits(const struct stream *st, size_t n)
{
	size_t records = n / TLS_PLAIN_MAX + 1;

	return !st->closed && !st->failed &&
	       tcp_tx_fits(st->tc, n + records * TLS_SEAL_OVERHEAD);
}

bool stream_write_all(struct stream *st, const void *data, size_t n, usec_t now)
{
	const uint8_t *p = data;

	for (size_t off = 0; off < n; off += TLS_PLAIN_MAX)
		if (!stream_write(st, p + off,
				  min(n - off, (size_t)TLS_PLAIN_MAX), now))
			return false;
	return true;
}

static enum tls_result handshake_step(struct stream *st, usec_t now)
{
	struct iovec in_iov[PIECES], out_iov[PIECES_OUT];
	struct span_in in = arrived(st, in_iov);
	struct span_out out =
		span_out_of(out_iov, tcp_tx_reserve(st->tc, TLS_RECORD_MAX,
						    out_iov, PIECES_OUT));
	enum tls_result r = tls_step(st->tls, &in, &out);

	tcp_tx_commit(st->tc, out.used, now);
	if (in.used)
		tcp_rx_consume(st->tc, in.used, now);
	return r;
}

enum tls_result stream_handshake(struct stream *st, usec_t now)
{
	enum tls_result r;
	size_t before;

	do {
		before = tcp_rx_avail(st->tc);
		r = handshake_step(st, now);
	} while (r == TLS_WANT_IN && tcp_rx_avail(st->tc) &&
		 tcp_rx_avail(st->tc) < before);
	if (r >= TLS_CLOSED)
		st->failed = st->cut = true;
	else if ((r == TLS_WANT_IN && ended(st)) ||
		 (r == TLS_WANT_OUT && tcp_dead(st->tc)))
		st->cut = true; /* half a record is all that is left */
	return r;
}

void stream_close(struct stream *st, usec_t now)
{
	uint8_t alert[256];
	struct iovec iov = { alert, sizeof(alert) };
	struct span_out out = span_out_of(&iov, 1);

	if (!st->tc || st->closed)
		return;
	st->closed = true;
	if (st->owed_n)
		say_owed(st, now);
	/* Half an alert would be worse than none. */
	if (st->tls && !st->failed && !st->owed_n &&
	    tls_close(st->tls, &out) == TLS_OK &&
	    out.used <= tcp_tx_space(st->tc))
		tcp_write(st->tc, alert, out.used, now);
	tcp_shutdown(st->tc, now);
}

void stream_cut(struct stream *st, usec_t now)
{
	if (!st->tc || st->closed)
		return;
	st->closed = true;
	tcp_shutdown(st->tc, now);
}

void stream_drop(struct stream_pool *p, struct stream *st, bool reset,
		 usec_t now)
{
	if (st->tc) {
		if (reset)
			tcp_abort(st->tc, now);
		else
			tcp_close(st->tc, now);
	}
	tls_free(st->tls);
	stream_buf_put(p, st->in);
	*st = (struct stream){ 0 };
}
