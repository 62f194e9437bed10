/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tls_pair.h - two ends of one TLS connection with a wire of bytes between
 * them: bytes arrive in chunks of any size, in iovecs of many pieces, and room
 * can be short.
 */
#pragma once

#include "unit.h"

#include "tls/tls.h"

#define PAIR_WIRE (256 * 1024)
#define PAIR_PIECES 64

struct pair_wire {
	uint8_t data[PAIR_WIRE];
	size_t head, tail;
	size_t arrived; /* of tail - head, what the reader may see */
};

struct pair_end {
	struct tls *t;
	struct pair_wire *in, *out;
	uint8_t plain[TLS_PLAIN_MAX];
};

/* How bytes travel. */
struct pair_cut {
	size_t chunk; /* bytes that arrive between two calls; 0 = all */
	size_t piece; /* length of a piece of an iovec; 0 = one piece */
	size_t room; /* offered for output; 0 = ample */
};

struct pair {
	struct pair_wire up, down; /* client to server, server to client */
	struct pair_end client, server;
	struct pair_cut cut;
};

/* Cut n bytes at p into iovecs of `piece`, the last with what is left; with
 * an empty piece here and there, as buffers have. */
static inline unsigned pair_iov(struct iovec *iov, void *p, size_t n,
				size_t piece)
{
	unsigned i = 0;
	uint8_t *at = p;

	while (n) {
		size_t k = piece && i < PAIR_PIECES - 2 ? min(piece, n) : n;

		if (i % 7 == 3)
			iov[i++] = (struct iovec){ at, 0 };
		iov[i++] = (struct iovec){ at, k };
		at += k;
		n -= k;
	}
	return i;
}

static inline void pair_settle(struct pair_wire *in, size_t used)
{
	in->head += used;
	in->arrived -= used;
	if (in->head == in->tail)
		in->head = in->tail = 0;
}

struct pair_io {
	struct iovec iov[2][PAIR_PIECES + 2];
	struct span_in in;
	struct span_out out;
};

/* The next chunk arrives; spans of all that has, and of the room. */
static inline void pair_begin(struct pair *p, struct pair_end *e,
			      struct pair_io *io)
{
	struct pair_wire *in = e->in, *out = e->out;
	size_t sent = in->tail - in->head, room = PAIR_WIRE - out->tail;

	in->arrived =
		p->cut.chunk ? min(in->arrived + p->cut.chunk, sent) : sent;
	if (p->cut.room)
		room = min(room, p->cut.room);
	io->in =
		span_in_of(io->iov[0], pair_iov(io->iov[0], in->data + in->head,
						in->arrived, p->cut.piece));
	io->out = span_out_of(io->iov[1],
			      pair_iov(io->iov[1], out->data + out->tail, room,
				       p->cut.piece));
}

static inline void pair_end_call(struct pair_end *e, const struct pair_io *io)
{
	pair_settle(e->in, io->in.used);
	e->out->tail += io->out.used;
}

static inline enum tls_result pair_step(struct pair *p, struct pair_end *e)
{
	struct pair_io io;
	enum tls_result r;

	pair_begin(p, e, &io);
	r = tls_step(e->t, &io.in, &io.out);
	pair_end_call(e, &io);
	return r;
}

/* Plaintext of one record to e->plain. */
static inline enum tls_result pair_open(struct pair *p, struct pair_end *e,
					size_t *n)
{
	struct pair_io io;
	enum tls_result r;

	pair_begin(p, e, &io);
	r = tls_open(e->t, &io.in, e->plain, sizeof(e->plain), n, &io.out);
	pair_end_call(e, &io);
	return r;
}

static inline enum tls_result pair_seal(struct pair *p, struct pair_end *e,
					const void *data, size_t n)
{
	struct pair_io io;
	enum tls_result r;

	pair_begin(p, e, &io);
	r = tls_seal(e->t, data, n, &io.out);
	pair_end_call(e, &io);
	return r;
}

static inline enum tls_result pair_close(struct pair *p, struct pair_end *e)
{
	struct pair_io io;
	enum tls_result r;

	pair_begin(p, e, &io);
	r = tls_close(e->t, &io.out);
	pair_end_call(e, &io);
	return r;
}

static inline struct pair *pair_new(struct tls_server *s, struct tls_target *t,
				    struct pair_cut cut)
{
	struct pair *p = calloc(1, sizeof(*p));

	p->cut = cut;
	p->client = (struct pair_end){ .in = &p->down, .out = &p->up };
	p->server = (struct pair_end){ .in = &p->up, .out = &p->down };
	p->client.t = t ? tls_connect(t) : NULL;
	p->server.t = s ? tls_accept(s) : NULL;
	return p;
}

static inline void pair_free(struct pair *p)
{
	tls_free(p->client.t);
	tls_free(p->server.t);
	free(p);
}

static inline int pair_waits(enum tls_result r)
{
	return r == TLS_WANT_IN || r == TLS_WANT_OUT;
}

/* Until both ends are through, or one fails and the other was told so. */
static inline void pair_shake(struct pair *p, enum tls_result *client,
			      enum tls_result *server)
{
	unsigned still = 0;

	*client = *server = TLS_WANT_IN;
	/* Nobody moves for so long: an alert was not for the other's ears. */
	while ((pair_waits(*client) || pair_waits(*server)) && still < 3) {
		size_t before = p->up.tail + p->down.tail + p->up.arrived +
				p->down.arrived;

		if (pair_waits(*client))
			*client = pair_step(p, &p->client);
		if (pair_waits(*server))
			*server = pair_step(p, &p->server);
		still = before == p->up.tail + p->down.tail + p->up.arrived +
						p->down.arrived
				? still + 1
				: 0;
	}
}
