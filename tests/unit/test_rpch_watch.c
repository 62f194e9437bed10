/* SPDX-License-Identifier: BSD-3-Clause */
/* test_rpch_watch.c - one direction of a channel, observed as it passes.
 * MS-RPCH 3.2, C706 12.6, MS-RPCE 2.2.2, OXCRPC 3.1.4.1. */
#include "unit.h"

#include "rpch/rpch.h"
#include "rpch_pdu.h"
#include "rpch_told.h"

#define EMSMDB                                                                 \
	"\x00\xdb\xf1\xa4\x47\xca\x67\x10\xb3\x1f\x00\xdd\x01\x06\x62\xda"     \
	"\x00\x00\x51\x00"
#define NSPI                                                                   \
	"\x18\x5a\xcc\xf5\x64\x42\x1a\x10\x8c\x59\x08\x00\x2b\x2f\x84\x26"     \
	"\x38\x00\x00\x00"
#define STRANGE "an unknown uuid.\x01\x00\x02\x00"

/* All of `in` past w, the first cut at `first`, then every `step` bytes. */
static void pass(struct rpch_watch *w, struct rpch_counts *counts,
		 struct told *t, struct bytes in, size_t first, size_t step)
{
	size_t at = 0;

	t->n = 0;
	t->text[0] = '\0';
	while (at < in.n) {
		size_t n = min(at ? step : first, in.n - at);
		struct bytes piece = { in.p + at, n };

		while (piece.n) {
			struct rpch_event ev;
			enum rpch_verdict v =
				rpch_watch(w, counts, &piece, &ev);

			assert_true(piece.p + piece.n == in.p + at + n);
			if (v == RPCH_OK)
				tell_event(t, &ev);
			else
				assert_int_equal(piece.n, 0);
			if (v != RPCH_OK && v != RPCH_MORE)
				tell(t, "%s!", rpch_verdict_name(v));
		}
		at += n;
	}
}

/* --- rows ------------------------------------------------------------------
 */

#define NTLM(level)                                                            \
	{                                                                      \
		10, level, 0, 40                                               \
	}

static const struct {
	enum rpch_hop hop;
	struct pdu_piece pieces[8];
	const char *told;
} rows[] = {
	/* MS-RPCH 3.2.1.5.3.1: a virtual connection opens */
	{ RPCH_C_O, { { RTS, 0, "VCCW" } }, "conn_a1 vc=1 channel=2; " },
	{ RPCH_C_I,
	  { { RTS, 0, "VCCLKG" }, { CONTEXT, 11, EMSMDB, 1, NTLM(6) } },
	  "conn_b1 vc=1 channel=2 group=99 keepalive=300000; "
	  "bind 10/6 EMSMDB 0.81; " },
	{ RPCH_O_C,
	  { { RTS, 0, "T" }, { RTS, 0, "VWT" }, { PLAIN, 12, 0, 60 } },
	  "conn_a3 timeout=900000; conn_c2 timeout=900000; " },
	{ RPCH_I_C, { { RTS, RPCH_ECHO, "" } }, "echo; " },
	{ RPCH_O_C, { { RTS, RPCH_ECHO, "" } }, "echo; " },
	/* 3.2.1.2, 3.2.1.5.1: it lives */
	{ RPCH_C_I,
	  { { RTS, RPCH_PING, "" },
	    { RTS, RPCH_OTHER_CMD, "K" },
	    { RTS, RPCH_OTHER_CMD, "dF" } },
	  "ping; keep_alive keepalive=300000; "
	  "flow_ack_to got=40000 of=ac to=o; " },
	{ RPCH_O_C,
	  { { RTS, RPCH_PING, "" },
	    { PLAIN, 2, 0, 500 },
	    { RTS, RPCH_OTHER_CMD, "cF" },
	    { RTS, RPCH_OTHER_CMD, "F" } },
	  "ping; flow_ack_to got=40000 of=ac to=c; "
	  "flow_ack got=40000 of=ac to=-; " },
	/* 3.2.3.5.5, 3.2.3.5.6: channels are recycled */
	{ RPCH_C_I,
	  { { RTS, RPCH_RECYCLE, "VCCC" }, { CALL, 0, 0, 11 } },
	  "in_r_a1 vc=1 pred=2 channel=3; " },
	{ RPCH_C_I, { { RTS, 0, "C" } }, "in_r_a5 channel=1; " },
	{ RPCH_O_C,
	  { { RTS, 0, "cVWT" }, { RTS, 0, "c" }, { RTS, RPCH_RECYCLE, "c" } },
	  "in_r1_a4 timeout=900000; in_r2_a4; out_r_a2; " },
	{ RPCH_C_O,
	  { { RTS, RPCH_RECYCLE, "VCCCW" }, { RTS, 0, "N" } },
	  "out_r_a3 vc=1 pred=2 channel=3; out_r1_a11; " },
	{ RPCH_C_O,
	  { { RTS, RPCH_RECYCLE, "VCCCW" }, { RTS, RPCH_PING, "E" } },
	  "out_r_a3 vc=1 pred=2 channel=3; out_r2_c1; " },
	{ RPCH_C_O,
	  { { PADDED, 200 }, { PADDED, 0 } },
	  "out_r2_c1_padded; out_r2_c1_padded; " },
	{ RPCH_C_I,
	  { { RTS, RPCH_OUT_CHANNEL, "sC" },
	    { RTS, RPCH_OUT_CHANNEL, "sCV" },
	    { RTS, 0, "sCV" } },
	  "out_r1_a7 channel=1; out_r2_a7 channel=1; "
	  "out_r2_a7_plain channel=1; " },
	{ RPCH_O_C,
	  { { RTS, RPCH_OUT_CHANNEL, "cVT" }, { RTS, 0, "cN" } },
	  "out_r1_a6 timeout=900000; out_r2_a6; " },
	/* notes 46, 48: old Windows sends undefined bytes behind the last */
	{ RPCH_O_C,
	  { { RTS, 0, "N" }, { RAW, 5, "\0junk" }, { RTS, RPCH_PING, "" } },
	  "out_r1_a10; " },
	{ RPCH_O_C,
	  { { RTS, RPCH_EOF, "N" }, { RAW, 3, "\xff\xff\xff" } },
	  "out_r2_b3; " },
	{ RPCH_C_O,
	  { { RTS, 0, "N" },
	    { RAW, 16,
	      "\xff\xff\xff\xff\xff\xff\xff\xff"
	      "\xff\xff\xff\xff\xff\xff\xff" } },
	  "out_r1_a11; bad_version!" },
	/* nothing of 2.2.4 is no reason to stop */
	{ RPCH_O_C,
	  { { RTS, 0x80, "" }, { RTS, 0, "VVVVVVVVV" }, { RTS, 0, "T" } },
	  "rts_other; rts_other; conn_a3 timeout=900000; " },

	/* MS-RPCE 2.2.2.11: who binds to what, and how well protected */
	{ RPCH_C_I, { { CONTEXT, 11, NSPI, 1 } }, "bind 0/0 NSPI 56.0; " },
	{ RPCH_C_I,
	  { { CONTEXT, 11, EMSMDB, 3, { 9, 5, 4, 700 } },
	    { PLAIN, 16, 0, 4, { 9, 5, 0, 300 } },
	    { CONTEXT, 14, STRANGE, 1, { 9, 6, 0, 16 } } },
	  "bind 9/5 EMSMDB 0.81; auth3 9/5; alter 9/6 other 1.2; " },
	{ RPCH_C_I, { { CONTEXT, 11, "", 0, NTLM(2) } }, "bind 10/2; " },
	{ RPCH_C_I, { { PLAIN, 16, 0, 4 } }, "" },
	/* C706 12.6.4.7, 12.6.4.5: refusals */
	{ RPCH_O_C,
	  { { PLAIN, 3, 0, 16 },
	    { WRITE, 24, 0, 5 },
	    { WRITE, 26, 0, 0 },
	    { PLAIN, 13, 0, 5 },
	    { WRITE, 16, 0, 8 },
	    { PLAIN, 3, 0, 16, NTLM(2) } },
	  "fault 5; bind_nak 8; fault 33333333; " },
	/* the others are counted alone */
	{ RPCH_O_C,
	  { { PLAIN, 2, 0, 5000, NTLM(6) },
	    { PLAIN, 12, 0, 44 },
	    { PLAIN, 15, 0, 44 },
	    { PLAIN, 17 },
	    { PLAIN, 18 },
	    { PLAIN, 19 } },
	  "" },

	/* OXCRPC 3.1.4.1: which Outlook, where nobody encrypts */
	{ RPCH_C_I,
	  { { CONTEXT, 11, EMSMDB, 1, NTLM(2) },
	    { CALL, 3, 0, 11 },
	    { CONNECT, 3, 0, 0, NTLM(2), { 0x0b00, 0x8000 | 8173, 0 } } },
	  "bind 10/2 EMSMDB 0.81; request 11.0.8173.0; " },
	{ RPCH_C_I,
	  { { CONTEXT, 11, EMSMDB, 2 },
	    { CONNECT, 3, "", 0, { 0 }, { 15, 4420, 1017 } },
	    { CONNECT, 3, "/o=C", 0, { 0 }, { 0x1000, 0x8001, 2 } } },
	  "bind 0/0 EMSMDB 0.81; request 15.0.4420.1017; request 16.0.1.2; " },
	/* not readable, another interface, another call, another context */
	{ RPCH_C_I,
	  { { CONTEXT, 11, EMSMDB, 1, NTLM(6) },
	    { CONNECT, 3, 0, 0, NTLM(6), { 0x0b00, 0x8000 | 8173, 0 } } },
	  "bind 10/6 EMSMDB 0.81; " },
	{ RPCH_C_I,
	  { { CONTEXT, 11, NSPI, 1 }, { CONNECT, 3, 0, 0, { 0 }, { 11 } } },
	  "bind 0/0 NSPI 56.0; " },
	{ RPCH_C_I,
	  { { CONTEXT, 11, EMSMDB, 1 }, { CONNECT, 4, 0, 0, { 0 }, { 11 } } },
	  "bind 0/0 EMSMDB 0.81; " },
	{ RPCH_C_I,
	  { { CONTEXT, 11, EMSMDB, 1 },
	    { CONNECT, 3, 0, 0, { 0 }, { 11 } },
	    { WRITE, 22, 0, 11 } },
	  "bind 0/0 EMSMDB 0.81; " },
	/* an alter does not take encryption back */
	{ RPCH_C_I,
	  { { CONTEXT, 11, NSPI, 1, NTLM(6) },
	    { CONTEXT, 14, EMSMDB, 1 },
	    { CONNECT, 3, 0, 0, { 0 }, { 11 } } },
	  "bind 10/6 NSPI 56.0; alter 0/0 EMSMDB 0.81; " },
	/* not a first fragment; strings that lie: no version, no harm */
	{ RPCH_C_I,
	  { { CONTEXT, 11, EMSMDB, 1 },
	    { CONNECT, 3, 0, 0, { 0 }, { 11 } },
	    { WRITE, 2, 0, 0x0200 },
	    { RTS, RPCH_PING, "" } },
	  "bind 0/0 EMSMDB 0.81; ping; " },
	{ RPCH_C_I,
	  { { CONTEXT, 11, EMSMDB, 1 },
	    { CONNECT, 3, 0, 0, { 0 }, { 11 } },
	    { WRITE, 32, 0, 0x7fff },
	    { CONNECT, 3, 0, 0, { 0 }, { 11 } },
	    { WRITE, 34, 0, 0xffff },
	    { CONNECT, 3, 0, 0, { 0 }, { 12 } },
	    { WRITE, 28, 0, 1 } },
	  "bind 0/0 EMSMDB 0.81; " },
	{ RPCH_C_I,
	  { { CONTEXT, 11, EMSMDB, 1 },
	    { CONNECT, 3, 0, 0, { 0 }, { 11 } },
	    { WRITE, 24, 0, 500 },
	    { WRITE, 32, 0, 400 },
	    { RTS, RPCH_PING, "" } },
	  "bind 0/0 EMSMDB 0.81; ping; " },

	/* --- hostile or broken: told once, then silence --- */
	{ RPCH_O_C,
	  { { RTS, 0, "T" },
	    { RAW, 27, "HTTP/1.0 503 RPC Error: 6ba" },
	    { RTS, RPCH_PING, "" } },
	  "conn_a3 timeout=900000; status_line!" },
	{ RPCH_C_I,
	  { { PLAIN, 0, 0, 20 }, { WRITE, 8, 0, 15 }, { RTS, 1, "" } },
	  "bad_length!" },
	{ RPCH_C_I,
	  { { PLAIN, 0, 0, 20 }, { WRITE, 8, 0, 0 } },
	  "bad_length!" },
	{ RPCH_C_I, { { PLAIN, 0, 0, 7 }, { RTS, 1, "" } }, "bad_length!" },
	{ RPCH_C_I, { { PLAIN, 11, 0, 11 } }, "bad_length!" },
	{ RPCH_O_C, { { PLAIN, 3, 0, 11 } }, "bad_length!" },
	{ RPCH_O_C, { { PLAIN, 13, 0, 1 } }, "bad_length!" },
	{ RPCH_C_I,
	  { { CONTEXT, 11, EMSMDB, 1 }, { WRITE, 8, 0, 51 } },
	  "bad_length!" },
	{ RPCH_C_I,
	  { { CONTEXT, 11, "", 0 }, { WRITE, 24, 0, 0xff } },
	  "bad_length!" },
	{ RPCH_C_I, { { PLAIN, 1, 0, 20 } }, "bad_ptype!" },
	{ RPCH_C_I, { { PLAIN, 21, 0, 20 } }, "bad_ptype!" },
	{ RPCH_C_I, { { PLAIN, 255, 0, 20 } }, "bad_ptype!" },
	{ RPCH_C_I,
	  { { PLAIN, 0, 0, 20 }, { WRITE, 0, 0, 0x0205 } },
	  "bad_version!" },
	{ RPCH_C_I, { { PLAIN, 0, 0, 20 }, { WRITE, 4, 0, 0 } }, "bad_drep!" },
	{ RPCH_C_I,
	  { { PLAIN, 0, 0, 20 }, { WRITE, 4, 0, 0x11 } },
	  "bad_drep!" },
	/* auth_length, auth_pad_length */
	{ RPCH_C_I,
	  { { PLAIN, 0, 0, 20 }, { WRITE, 10, 0, 0xffff } },
	  "bad_auth!" },
	{ RPCH_C_I,
	  { { CONTEXT, 11, EMSMDB, 1, { 10, 2, 0, 16 } },
	    { WRITE, 10, 0, 72 - 12 } },
	  "bad_auth!" },
	{ RPCH_C_I,
	  { { CONTEXT, 11, EMSMDB, 1, { 10, 2, 0, 16 } },
	    { WRITE, 10, 0, 72 - 11 } },
	  "bad_auth!" },
	{ RPCH_C_I, { { PLAIN, 16, 0, 3, { 10, 2, 0, 9 } } }, "auth3 10/2; " },
	{ RPCH_C_I,
	  { { PLAIN, 16, 0, 3, { 10, 2, 0, 9 } }, { WRITE, 21, 0, 3 } },
	  "auth3 10/2; " },
	{ RPCH_C_I,
	  { { PLAIN, 16, 0, 3, { 10, 2, 0, 9 } }, { WRITE, 21, 0, 4 } },
	  "bad_auth!" },
	{ RPCH_C_I,
	  { { CONTEXT, 11, EMSMDB, 1, { 10, 2, 0, 9 } },
	    { WRITE, 74, 0, 0xff } },
	  "bad_auth!" },
	/* RTS */
	{ RPCH_O_C, { { RTS, 0, "T" }, { WRITE, 18, 0, 0xffff } }, "bad_rts!" },
	{ RPCH_O_C, { { RTS, 0, "T" }, { WRITE, 8, 0, 19 } }, "bad_rts!" },
	{ RPCH_O_C, { { RTS, 0, "T" }, { WRITE, 8, 0, 16 } }, "bad_rts!" },
	{ RPCH_O_C, { { RTS, 0, "T" }, { WRITE, 20, 0, 15 } }, "bad_command!" },
	{ RPCH_O_C, { { RTS, 0, "CCCCCCC" }, { RTS, 0, "T" } }, "long_rts!" },
	{ RPCH_O_C, { { RTS, 0, "T" }, { WRITE, 0, 0, 0x0105 } }, "bad_rts!" },
	/* 3.2.3.5.2, 3.2.4.5.2: who receives that ends the connection */
	{ RPCH_C_O,
	  { { RTS, 0, "VCCW" }, { CALL, 0, 0, 1 } },
	  "conn_a1 vc=1 channel=2; stray!" },
	{ RPCH_I_C, { { PLAIN, 2, 0, 90 } }, "stray!" },
};

static struct bytes bytes_of(const struct pdu_buf *o)
{
	return (struct bytes){ o->b, o->n };
}

/* Whatever the cuts: the same is told, counted and remembered. */
static void streams(void **state)
{
	static struct pdu_buf stream;
	static struct rpch_counts whole, cut;
	static struct told t;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rpch_watch w, v;
		struct bytes in;

		pdu_build(&stream, rows[i].pieces);
		in = bytes_of(&stream);
		memset(&whole, 0, sizeof(whole));
		rpch_watch_init(&w, rows[i].hop);
		pass(&w, &whole, &t, in, in.n, in.n);
		if (strcmp(t.text, rows[i].told))
			fail_msg("row %zu: %s", i, t.text);
		assert_int_equal(w.opaque, strchr(t.text, '!') != NULL);
		for (size_t n = 1; n <= in.n; n++) {
			/* cut once, and cut everywhere */
			for (int every = 0; every < 2; every++) {
				size_t step = every ? n : in.n;

				memset(&cut, 0, sizeof(cut));
				rpch_watch_init(&v, rows[i].hop);
				pass(&v, &cut, &t, in, n, step);
				if (strcmp(t.text, rows[i].told))
					fail_msg("row %zu cut at %zu: %s", i, n,
						 t.text);
				assert_memory_equal(&cut, &whole, sizeof(cut));
				assert_int_equal(v.rpc_bytes, w.rpc_bytes);
				assert_int_equal(v.at, w.at);
			}
		}
	}
}

/* A body ends where it ends, and until there tells no more and no less. */
static void ends_anywhere(void **state)
{
	static struct pdu_buf stream;
	static struct rpch_counts counts;
	static struct told t;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		pdu_build(&stream, rows[i].pieces);
		for (size_t n = 0; n < stream.n; n++) {
			struct rpch_watch w;

			rpch_watch_init(&w, rows[i].hop);
			pass(&w, &counts, &t, (struct bytes){ stream.b, n }, n,
			     n);
			assert_memory_equal(t.text, rows[i].told, t.n);
		}
	}
}

/* A refused bind is known before its token has passed, a fault at its status.
 */
static void as_early_as_possible(void **state)
{
	static const struct {
		enum rpch_hop hop;
		struct pdu_piece pieces[8];
		size_t at;
	} early[] = {
		{ RPCH_C_I, { { CONTEXT, 11, EMSMDB, 1, NTLM(2) } }, 72 + 8 },
		{ RPCH_C_I, { { CONTEXT, 11, EMSMDB, 9 } }, 52 },
		{ RPCH_O_C, { { PLAIN, 3, 0, 100 } }, 28 },
		{ RPCH_O_C, { { PLAIN, 13, 0, 100 } }, 18 },
	};
	static struct pdu_buf stream;

	for (size_t i = 0; i < ARRAY_LEN(early); i++) {
		struct rpch_counts counts = { 0 };
		struct rpch_event ev;
		struct rpch_watch w;
		struct bytes in;

		pdu_build(&stream, early[i].pieces);
		in = bytes_of(&stream);
		rpch_watch_init(&w, early[i].hop);
		assert_int_equal(rpch_watch(&w, &counts, &in, &ev), RPCH_OK);
		assert_int_equal(in.p - stream.b, early[i].at);
	}
}

static void counted(void **state)
{
	static const struct pdu_piece pieces[8] = {
		{ RTS, 0, "VCCLKG" },	{ CONTEXT, 11, EMSMDB, 1, NTLM(6) },
		{ CALL, 3, 0, 11 },	{ CALL, 3, 0, 11 },
		{ RTS, RPCH_PING, "" }, { RAW, 20, "ncacn_http/1.0 etc.\0" },
		{ CALL, 3, 0, 11 },
	};
	static struct rpch_counts counts;
	static struct pdu_buf stream;
	static struct told t;
	struct rpch_watch w;
	uint64_t pdus = 0;

	pdu_build(&stream, pieces);
	rpch_watch_init(&w, RPCH_C_I);
	pass(&w, &counts, &t, bytes_of(&stream), 50, 50);
	for (int i = 0; i < RPCH_PDU_COUNT; i++)
		pdus += counts.pdus[i];
	assert_int_equal(pdus, 5);
	assert_int_equal(counts.pdus[RPCH_PDU_CONN_B1], 1);
	assert_int_equal(counts.bytes[RPCH_PDU_CONN_B1], 104);
	assert_int_equal(counts.pdus[RPCH_PDU_REQUEST], 2);
	assert_int_equal(counts.bytes[RPCH_PDU_REQUEST], 2 * (24 + 90));
	assert_int_equal(counts.bytes[RPCH_PDU_BIND], 72 + 8 + 40);
	/* RTS PDUs are not what windows are about, 3.2.1.1.4 */
	assert_int_equal(w.rpc_bytes, 2 * 114 + 120);
	assert_int_equal(counts.verdicts[RPCH_OK], 3);
	assert_int_equal(counts.verdicts[RPCH_BAD_VERSION], 1);
	assert_int_equal(counts.opaque, 4 + 114); /* from that header on */
	assert_true(w.opaque && !w.ended);
}

/* Before, between and behind the bytes. */
static void nothing_passes(void **state)
{
	struct rpch_counts counts = { 0 }, none = { 0 };
	struct bytes in = BYTES_NONE;
	struct rpch_event ev;
	struct rpch_watch w;

	rpch_watch_init(&w, RPCH_C_I);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rpch_watch(&w, &counts, &in, &ev), RPCH_MORE);
		assert_memory_equal(&counts, &none, sizeof(none));
		w.opaque = i == 0;
		w.ended = i == 1;
	}
}

/* Cookies are reported as they are, even if two are the same. */
static void colliding_cookies(void **state)
{
	struct pdu_buf pdu = { .n = 0 };
	struct rpch_rts r;

	pdu_rts(&pdu, RPCH_RECYCLE, "VCCC");
	memset(pdu.b + 32, 0, 16);
	memcpy(pdu.b + 72, pdu.b + 52, 16);
	assert_int_equal(rpch_peek(RPCH_C_I, bytes_of(&pdu), &r), RPCH_OK);
	assert_memory_equal(r.pred.b, r.channel.b, 16);
	assert_memory_equal(r.vc.b, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
}

/* What we refuse with is what a bystander understands. */
static void our_refusals(void **state)
{
	uint8_t both[RPCH_FAULT_SIZE + RPCH_BIND_NAK_SIZE];
	static struct rpch_counts counts;
	static struct told t;
	struct rpch_watch w;

	rpch_fault(both, 7, 0x1c010003);
	rpch_bind_nak(both + RPCH_FAULT_SIZE, 8, RPCH_NAK_VERSION);
	rpch_watch_init(&w, RPCH_O_C);
	pass(&w, &counts, &t, (struct bytes){ both, sizeof(both) }, 3, 5);
	assert_string_equal(t.text, "fault 1c010003; bind_nak 4; ");
	rpch_watch_init(&w, RPCH_I_C);
	pass(&w, &counts, &t, (struct bytes){ rpch_echo, RPCH_ECHO_SIZE }, 9,
	     9);
	assert_string_equal(t.text, "echo; ");
}

/* What a server denies adds up; other faults do not. */
static void denials(void **state)
{
	uint8_t all[3 * RPCH_FAULT_SIZE + RPCH_BIND_NAK_SIZE];
	static struct rpch_counts counts;
	static struct told t;
	struct rpch_watch w;

	rpch_fault(all, 1, RPCH_STATUS_ACCESS_DENIED);
	rpch_fault(all + RPCH_FAULT_SIZE, 2, 0x1c010003);
	rpch_bind_nak(all + 2 * RPCH_FAULT_SIZE, 3, RPCH_NAK_AUTH_TYPE);
	rpch_fault(all + sizeof(all) - RPCH_FAULT_SIZE, 4,
		   RPCH_STATUS_ACCESS_DENIED);
	rpch_watch_init(&w, RPCH_O_C);
	pass(&w, &counts, &t, (struct bytes){ all, sizeof(all) }, 7, 7);
	assert_int_equal(w.denials, 3);
	w.denials = UINT16_MAX;
	pass(&w, &counts, &t, (struct bytes){ all, sizeof(all) }, 7, 7);
	assert_int_equal(w.denials, UINT16_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams),
		cmocka_unit_test(ends_anywhere),
		cmocka_unit_test(as_early_as_possible),
		cmocka_unit_test(counted),
		cmocka_unit_test(nothing_passes),
		cmocka_unit_test(colliding_cookies),
		cmocka_unit_test(our_refusals),
		cmocka_unit_test(denials),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
