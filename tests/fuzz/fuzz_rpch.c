/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_rpch.c - a channel tells the same however its bytes are cut; what it
 * counts adds up; once opaque it is silent; peeking agrees with watching.
 *
 * Input: a byte for the direction, a byte for the cuts, the bytes that pass.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpch/rpch.h"

#define MUST(x)                                                                \
	do {                                                                   \
		if (!(x)) {                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__,     \
				#x);                                           \
			abort();                                               \
		}                                                              \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define IN_MAX 8192
#define EVENTS_MAX (IN_MAX / 16)

struct outcome {
	struct rpch_watch w;
	struct rpch_counts counts;
	enum rpch_verdict bad; /* why it is opaque, or RPCH_OK */
	size_t n;
	struct {
		size_t at; /* bytes that had passed */
		struct rpch_event ev;
	} event[EVENTS_MAX];
};

static size_t cut(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 28 ? *seed >> 24 & 15 : *seed >> 16 & 255) + 1;
}

static void check_event(const struct rpch_event *ev)
{
	MUST(ev->kind < RPCH_PDU_COUNT && *rpch_pdu_name(ev->kind));
	if (ev->kind >= RPCH_PDU_CONN_A1) {
		const struct rpch_rts *r = &ev->rts;

		MUST(r->kind == ev->kind);
		MUST(!r->to || strchr("ciso", r->to));
		MUST(r->cookies <= RPCH_RTS_MAX / 20);
		MUST(rpch_timeout(r->timeout) >= RPCH_TIMEOUT_MIN &&
		     rpch_timeout(r->timeout) <= RPCH_TIMEOUT_MAX);
	}
	if (ev->kind == RPCH_PDU_BIND || ev->kind == RPCH_PDU_ALTER)
		MUST(*rpch_interface_name(ev->bind.interface) &&
		     (ev->bind.has_interface || !ev->bind.interface));
}

/* One piece. */
static void feed(struct outcome *o, struct bytes all, struct bytes piece)
{
	while (piece.n) {
		const uint8_t *end = piece.p + piece.n;
		bool was_opaque = o->w.opaque, was_ended = o->w.ended;
		struct rpch_event ev;
		enum rpch_verdict v =
			rpch_watch(&o->w, &o->counts, &piece, &ev);

		MUST(piece.p + piece.n == end);
		MUST(v == RPCH_OK || !piece.n);
		MUST(!was_opaque || v == RPCH_MORE);
		MUST(!was_ended || v == RPCH_MORE);
		MUST(o->w.at <= UINT16_MAX && o->w.keep <= RPCH_RTS_MAX &&
		     o->w.keep + o->w.tail_n <= RPCH_RTS_MAX);
		if (v == RPCH_MORE)
			continue;
		MUST(v != RPCH_NOT_RTS && *rpch_verdict_words(v));
		if (v != RPCH_OK) {
			MUST(o->w.opaque && o->bad == RPCH_OK);
			o->bad = v;
			continue;
		}
		MUST(o->n < EVENTS_MAX);
		o->event[o->n].at = (size_t)(piece.p - all.p);
		o->event[o->n++].ev = ev;
		check_event(&ev);
	}
}

/* seed 0: in one piece */
static void follow(struct outcome *o, enum rpch_hop hop, struct bytes in,
		   uint32_t seed)
{
	size_t at = 0;

	memset(o, 0, offsetof(struct outcome, event));
	rpch_watch_init(&o->w, hop);
	while (at < in.n) {
		size_t n = seed ? min(cut(&seed), in.n - at) : in.n;

		feed(o, in, (struct bytes){ in.p + at, n });
		at += n;
	}
}

static bool same_event(const struct rpch_event *a, const struct rpch_event *b)
{
	const struct rpch_bind *x = &a->bind, *y = &b->bind;

	if (a->kind != b->kind || a->call_id != b->call_id)
		return false;
	if (a->kind >= RPCH_PDU_CONN_A1)
		return !memcmp(&a->rts, &b->rts, sizeof(a->rts));
	if (a->kind == RPCH_PDU_FAULT)
		return a->status == b->status;
	if (a->kind == RPCH_PDU_BIND_NAK)
		return a->reason == b->reason;
	if (a->kind == RPCH_PDU_REQUEST)
		return !memcmp(&a->client, &b->client, sizeof(a->client));
	return x->auth_type == y->auth_type && x->auth_level == y->auth_level &&
	       x->interface == y->interface && x->major == y->major &&
	       x->minor == y->minor && x->has_interface == y->has_interface &&
	       !memcmp(x->uuid, y->uuid, sizeof(x->uuid));
}

static void same(const struct outcome *a, const struct outcome *b)
{
	MUST(a->bad == b->bad && a->n == b->n);
	MUST(!memcmp(&a->counts, &b->counts, sizeof(a->counts)));
	MUST(a->w.opaque == b->w.opaque && a->w.ended == b->w.ended &&
	     a->w.at == b->w.at && a->w.frag == b->w.frag &&
	     a->w.rpc_bytes == b->w.rpc_bytes);
	for (size_t i = 0; i < a->n; i++)
		MUST(a->event[i].at == b->event[i].at &&
		     same_event(&a->event[i].ev, &b->event[i].ev));
}

/* A second, slow reader: frag_length after frag_length, of all that was not
 * refused, nothing more and nothing less was counted. */
static void adds_up(const struct outcome *o, struct bytes in)
{
	uint64_t pdus = 0, bytes = 0, verdicts = 0, seen = 0, sum = 0;
	uint64_t denials = 0;
	size_t at = 0;

	for (int i = 0; i < RPCH_PDU_COUNT; i++) {
		pdus += o->counts.pdus[i];
		bytes += o->counts.bytes[i];
	}
	for (int i = RPCH_MORE; i < RPCH_VERDICT_COUNT; i++)
		verdicts += o->counts.verdicts[i];
	MUST(verdicts == o->w.opaque && o->counts.verdicts[RPCH_OK] == o->n);
	for (size_t i = 0; i < o->n; i++) {
		const struct rpch_event *ev = &o->event[i].ev;

		denials += ev->kind == RPCH_PDU_BIND_NAK;
		denials += ev->kind == RPCH_PDU_FAULT && ev->status == 5;
	}
	MUST(o->w.denials == denials);
	while (seen < pdus) {
		uint32_t frag;

		MUST(in.n - at >= 16);
		frag = in.p[at + 8] | (uint32_t)in.p[at + 9] << 8;
		MUST(frag >= 16);
		at += min((size_t)frag, in.n - at);
		sum += frag;
		seen++;
	}
	MUST(sum == bytes && o->w.rpc_bytes <= bytes + UINT16_MAX);
	MUST(o->counts.opaque <= in.n);
}

/* Peeking at more and more says the same, and what the first event says. */
static void peek(enum rpch_hop hop, struct bytes in, const struct outcome *o)
{
	enum rpch_verdict last = RPCH_MORE;
	struct rpch_rts r = { 0 }, first = { 0 };

	for (size_t n = 0; n <= min(in.n, (size_t)RPCH_RTS_MAX + 9); n++) {
		enum rpch_verdict v = rpch_peek(hop, bytes_upto(in, n), &r);

		MUST(v == RPCH_MORE || v == RPCH_OK || v == RPCH_NOT_RTS);
		MUST(last == RPCH_MORE || v == last);
		MUST(v != RPCH_MORE || n < RPCH_RTS_MAX);
		if (last == RPCH_MORE)
			first = r;
		MUST(v != RPCH_OK || !memcmp(&first, &r, sizeof(r)));
		last = v;
	}
	if (last != RPCH_OK)
		return;
	MUST(o->n && o->event[0].ev.kind == r.kind && r.cookies >= 2);
	MUST(!memcmp(&o->event[0].ev.rts, &r, sizeof(r)));
	MUST(rpch_recycles(&r) == (r.cookies == 3));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct outcome whole, cuts, bytewise;
	struct bytes in = { data + 2, size - 2 };
	enum rpch_hop hop;

	if (size < 2 || in.n > IN_MAX)
		return 0;
	hop = 1 << data[0] % 8;
	follow(&whole, hop, in, 0);
	follow(&cuts, hop, in, data[1] + 1u);
	same(&whole, &cuts);
	memset(&bytewise, 0, offsetof(struct outcome, event));
	rpch_watch_init(&bytewise.w, hop);
	for (size_t i = 0; i < in.n; i++)
		feed(&bytewise, in, (struct bytes){ in.p + i, 1 });
	same(&whole, &bytewise);
	adds_up(&whole, in);
	if (hop == RPCH_C_I || hop == RPCH_C_O)
		peek(hop, in, &whole);
	return 0;
}
