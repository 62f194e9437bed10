/* SPDX-License-Identifier: BSD-3-Clause */
/* test_rpch_rts.c - RTS PDUs read whole, and at the front of a request.
 * MS-RPCH 2.2.3, 2.2.4. */
#include "unit.h"

#include "rpch/rpch.h"
#include "rpch_pdu.h"

static const struct row {
	enum rpch_pdu kind;
	const char *name;
	unsigned hops, flags;
	const char *word;
	size_t size;
} rows[] = {
#define X(id, name, hops, flags, word, size)                                   \
	{ RPCH_PDU_##id, name, hops, flags, word, size },
	RPCH_RTS_PDUS(X)
#undef X
};

/* The sizes of MS-RPCH 2.2.4, from those of the commands in 2.2.3.5. */
static void sizes(void **state)
{
	static const uint8_t command[128] = {
		['W'] = 8, ['F'] = 28, ['T'] = 8,  ['C'] = 20, ['L'] = 8,
		['K'] = 8, ['V'] = 8,  ['E'] = 4,  ['P'] = 8,  ['n'] = 4,
		['N'] = 4, ['A'] = 24, ['a'] = 36, ['G'] = 20, ['d'] = 8,
		['c'] = 8, ['i'] = 8,  ['s'] = 8,  ['o'] = 8,  ['S'] = 8,
	};
	size_t longest = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pdu_buf pdu = { .n = 0 };
		size_t n = 20;

		for (const char *c = rows[i].word; *c; c++)
			n += command[(uint8_t)*c];
		if (n != rows[i].size)
			fail_msg("%s has %zu bytes", rows[i].name, n);
		pdu_rts(&pdu, rows[i].flags, rows[i].word);
		assert_int_equal(pdu.n, n);
		longest = max(longest, n);
	}
	assert_int_equal(longest, RPCH_RTS_MAX);
	assert_int_equal(ARRAY_LEN(rows),
			 RPCH_PDU_RTS_OTHER - RPCH_PDU_CONN_A1);
}

/* What two rows have in common is not the same hop. */
static void no_two_alike(void **state)
{
	for (const struct row *a = rows; a < rows + ARRAY_LEN(rows); a++)
		for (const struct row *b = rows; b < a; b++)
			if (a->flags == b->flags && a->hops & b->hops &&
			    !strcmp(a->word, b->word))
				fail_msg("%s and %s", a->name, b->name);
}

static bool all(const struct rpch_cookie *c, uint8_t v)
{
	for (size_t i = 0; i < sizeof(c->b); i++)
		if (c->b[i] != v)
			return false;
	return true;
}

static unsigned times(const char *word, char letter)
{
	unsigned n = 0;

	for (; *word; word++)
		n += *word == letter;
	return n;
}

static void fields(const struct rpch_rts *r, const char *word)
{
	static const uint8_t channel[] = { 0, 1, 2, 3 };
	unsigned cookies = times(word, 'C');
	bool ack = times(word, 'F');

	assert_int_equal(r->cookies, cookies);
	assert_true(all(&r->vc, cookies > 1 ? 1 : 0));
	assert_true(all(&r->pred, cookies > 2 ? 2 : 0));
	assert_true(all(&r->channel, ack ? 0xac : channel[cookies]));
	assert_true(all(&r->group, times(word, 'G') ? 0x99 : 0));
	assert_int_equal(r->window, times(word, 'W') ? 65536 : 0);
	assert_int_equal(r->timeout, times(word, 'T') ? 900000 : 0);
	assert_int_equal(r->keepalive, times(word, 'K') ? 300000 : 0);
	assert_int_equal(r->lifetime, times(word, 'L') ? 1 << 30 : 0);
	assert_int_equal(r->ack_bytes, ack ? 40000 : 0);
	assert_int_equal(r->ack_window, ack ? 65535 : 0);
	assert_int_equal(r->to, times(word, 'c')   ? 'c'
				: times(word, 's') ? 's'
				: times(word, 'd') ? 'o'
						   : 0);
}

/* Each is what its row says on its own hops; elsewhere it may look like
 * another, whose row then says the same; all of it is needed. */
static void recognised(void **state)
{
	for (const struct row *row = rows; row < rows + ARRAY_LEN(rows);
	     row++) {
		struct pdu_buf pdu = { .n = 0 };

		pdu_rts(&pdu, row->flags, row->word);
		pdu_fill(&pdu, 0xee, 200); /* what follows is not looked at */
		for (unsigned hop = 1; hop <= RPCH_ANY_HOP; hop <<= 1) {
			struct bytes in = { pdu.b, pdu.n };
			struct rpch_rts r;

			assert_int_equal(rpch_rts_read(in, hop, &r), RPCH_OK);
			assert_int_equal(r.flags, row->flags);
			if (row->hops & hop)
				assert_int_equal(r.kind, row->kind);
			else if (r.kind != RPCH_PDU_RTS_OTHER)
				assert_string_equal(
					rows[r.kind - RPCH_PDU_CONN_A1].word,
					row->word);
			fields(&r, row->word);
			for (size_t n = 0; n < row->size; n++)
				assert_int_equal(
					rpch_rts_read(bytes_upto(in, n), hop,
						      &r),
					RPCH_MORE);
		}
	}
}

/* The same as they pass, cut anywhere. */
static void watched(void **state)
{
	for (const struct row *row = rows; row < rows + ARRAY_LEN(rows);
	     row++) {
		struct pdu_buf pdu = { .n = 0 };

		pdu_rts(&pdu, row->flags, row->word);
		for (size_t n = 0; n < pdu.n; n++) {
			struct bytes a = { pdu.b, n },
				     b = { pdu.b + n, pdu.n - n };
			struct rpch_counts counts = { 0 };
			struct rpch_event ev;
			struct rpch_watch w;

			/* on the first of its hops */
			rpch_watch_init(&w, row->hops & -row->hops);
			assert_int_equal(rpch_watch(&w, &counts, &a, &ev),
					 RPCH_MORE);
			assert_int_equal(rpch_watch(&w, &counts, &b, &ev),
					 RPCH_OK);
			assert_int_equal(ev.kind, row->kind);
			fields(&ev.rts, row->word);
			assert_int_equal(counts.pdus[row->kind], 1);
			assert_int_equal(counts.bytes[row->kind], row->size);
		}
	}
}

/* --- bytes as the specification prints them ------------------------------- */

#define HEAD(frag, flags, n)                                                   \
	"\x05\x00\x14\x03\x10\x00\x00\x00" frag                                \
	"\x00\x00\x00\x00\x00\x00" flags n
#define C16(c) c c c c c c c c c c c c c c c c
#define LITERAL(s)                                                             \
	{                                                                      \
		(const uint8_t *)(s), sizeof(s) - 1                            \
	}
#define NONE "\x00\x00"

static const struct {
	enum rpch_verdict verdict;
	struct bytes pdu;
	enum rpch_pdu kind;
	enum rpch_hop hop; /* 0: RPCH_O_C */
} literal[] = {
	{ RPCH_OK, LITERAL(HEAD("\x14\0", "\x40\0", NONE)), RPCH_PDU_ECHO },
	{ RPCH_OK, LITERAL(HEAD("\x14\0", "\x01\0", NONE)), RPCH_PDU_PING,
	  RPCH_C_I },
	{ RPCH_OK,
	  LITERAL(HEAD("\x1c\0", NONE, "\x01\0") "\x02\0\0\0\xa0\xbb\x0d\0"),
	  RPCH_PDU_CONN_A3 },
	{ RPCH_OK, LITERAL(HEAD("\x18\0", "\x20\0", "\x01\0") "\x0a\0\0\0"),
	  RPCH_PDU_OUT_R2_B3 },
	{ RPCH_OK,
	  LITERAL(HEAD("\x28\0", NONE, "\x01\0") "\x03\0\0\0" C16("s")),
	  RPCH_PDU_IN_R_A5, RPCH_C_I },
	/* well-formed, but nothing of 2.2.4 */
	{ RPCH_OK, LITERAL(HEAD("\x14\0", NONE, NONE)), RPCH_PDU_RTS_OTHER },
	{ RPCH_OK, LITERAL(HEAD("\x14\0", "\x41\0", NONE)),
	  RPCH_PDU_RTS_OTHER },
	{ RPCH_OK, LITERAL(HEAD("\x14\0", "\x40\x01", NONE)),
	  RPCH_PDU_RTS_OTHER },
	{ RPCH_OK, LITERAL(HEAD("\x14\0", "\x01\0", NONE)), RPCH_PDU_RTS_OTHER,
	  RPCH_C_O },
	{ RPCH_OK,
	  LITERAL(HEAD(
		  "\x38\0", NONE,
		  "\x09\0") "\x07\0\0\0\x07\0\0\0\x07\0\0\0\x07\0\0\0\x07\0\0\0"
			    "\x07\0\0\0\x07\0\0\0\x07\0\0\0\x07\0\0\0"),
	  RPCH_PDU_RTS_OTHER },
	/* the header, 2.2.3.6.1 */
	{ RPCH_NOT_RTS,
	  LITERAL("\x05\0\x0b\x03\x10\0\0\0\x14\0\0\0\0\0\0\0\0\0\0\0") },
	{ RPCH_NOT_RTS,
	  LITERAL("\x05\x01\x14\x03\x10\0\0\0\x14\0\0\0\0\0\0\0\x40\0\0\0") },
	{ RPCH_NOT_RTS, LITERAL("HTTP/1.0 503 RPC Error: 6ba") },
	{ RPCH_NOT_RTS, LITERAL("ncacn_http/1.0\0\0\0\0\0\0") },
	/* not FIRST|LAST alone */
	{ RPCH_BAD_RTS,
	  LITERAL("\x05\0\x14\x01\x10\0\0\0\x14\0\0\0\0\0\0\0\x40\0\0\0") },
	/* big-endian */
	{ RPCH_BAD_RTS,
	  LITERAL("\x05\0\x14\x03\0\0\0\0\0\x14\0\0\0\0\0\0\0\x40\0\0") },
	/* auth_length */
	{ RPCH_BAD_RTS,
	  LITERAL("\x05\0\x14\x03\x10\0\0\0\x14\0\x01\0\0\0\0\0\x40\0\0\0") },
	/* lengths and counts that lie */
	{ RPCH_BAD_RTS, LITERAL(HEAD("\x13\0", "\x40\0", NONE)) },
	{ RPCH_BAD_RTS, LITERAL(HEAD("\0\0", "\x40\0", NONE)) },
	{ RPCH_BAD_RTS, LITERAL(HEAD("\x14\0", "\x40\0", "\x01\0")) },
	{ RPCH_BAD_RTS, LITERAL(HEAD("\x14\0", "\x40\0", "\xff\xff")) },
	{ RPCH_BAD_RTS, LITERAL(HEAD("\x18\0", NONE, NONE) "\x0a\0\0\0") },
	{ RPCH_BAD_RTS,
	  LITERAL(HEAD("\x18\0", NONE, "\xff\xff") "\x0a\0\0\0") },
	{ RPCH_BAD_RTS, LITERAL(HEAD("\x16\0", NONE, "\x01\0") "\x0a\0") },
	/* a timeout without its last byte */
	{ RPCH_BAD_RTS,
	  LITERAL(HEAD("\x1b\0", NONE, "\x01\0") "\x02\0\0\0\xa0\xbb\x0d") },
	/* padding longer than the PDU */
	{ RPCH_BAD_RTS,
	  LITERAL(HEAD("\x1c\0", "\x01\0", "\x01\0") "\x08\0\0\0\x01\0\0\0"), 0,
	  RPCH_C_O },
	{ RPCH_BAD_RTS,
	  LITERAL(HEAD("\x1c\0", "\x01\0",
		       "\x01\0") "\x08\0\0\0\xff\xff\xff\xff"),
	  0, RPCH_C_O },
	/* IPv6, room for IPv4 */
	{ RPCH_BAD_RTS,
	  LITERAL(HEAD("\x2c\0", NONE,
		       "\x01\0") "\x0b\0\0\0\x01\0\0\0" C16("6")),
	  0, RPCH_I_S },
	/* forms that 2.2.3.5 does not know */
	{ RPCH_BAD_COMMAND,
	  LITERAL(HEAD("\x18\0", NONE, "\x01\0") "\x0f\0\0\0") },
	{ RPCH_BAD_COMMAND,
	  LITERAL(HEAD("\x18\0", NONE, "\x01\0") "\x0a\0\0\x01") },
	/* Destination 4 */
	{ RPCH_BAD_COMMAND,
	  LITERAL(HEAD("\x1c\0", NONE, "\x01\0") "\x0d\0\0\0\x04\0\0\0") },
	/* address type 2 */
	{ RPCH_BAD_COMMAND,
	  LITERAL(HEAD("\x2c\0", NONE,
		       "\x01\0") "\x0b\0\0\0\x02\0\0\0" C16("6")),
	  0, RPCH_I_S },
};

static void bytes_of_the_specification(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(literal); i++) {
		struct rpch_rts r = { .kind = RPCH_PDU_COUNT };
		enum rpch_verdict v = rpch_rts_read(
			literal[i].pdu,
			literal[i].hop ? literal[i].hop : RPCH_O_C, &r);

		if (v != literal[i].verdict)
			fail_msg("row %zu: %s", i, rpch_verdict_name(v));
		assert_int_equal(r.kind, v == RPCH_OK ? literal[i].kind
						      : RPCH_PDU_COUNT);
	}
}

/* Longer than any of 2.2.4: only padding may be, wherever it stands last. */
static void long_ones(void **state)
{
	static struct pdu_buf pdu;
	struct rpch_rts r;

	for (size_t n = 0; n <= UINT16_MAX - 28; n += n < 200 ? 1 : 9973) {
		struct bytes in = { pdu.b, min(n + 28, (size_t)RPCH_RTS_MAX) };

		pdu.n = 0;
		pdu_padded(&pdu, n);
		assert_int_equal(rpch_rts_read(in, RPCH_C_O, &r), RPCH_OK);
		assert_int_equal(r.kind, RPCH_PDU_OUT_R2_C1_PADDED);
		assert_int_equal(
			rpch_rts_read(bytes_upto(in, in.n - 1), RPCH_C_O, &r),
			RPCH_MORE);
		pdu.b[18] = 2; /* and something behind it */
		assert_int_equal(rpch_rts_read(in, RPCH_C_O, &r), RPCH_BAD_RTS);
	}
	pdu.n = 0;
	pdu_rts(&pdu, 0, "CCCCCCC");
	assert_int_equal(
		rpch_rts_read((struct bytes){ pdu.b, pdu.n }, RPCH_C_O, &r),
		RPCH_LONG_RTS);
	pdu.n = 0;
	pdu_rts(&pdu, 0, "CCCCCEEEEE"); /* exactly as long as is read */
	assert_int_equal(pdu.n, RPCH_RTS_MAX);
	assert_int_equal(
		rpch_rts_read((struct bytes){ pdu.b, pdu.n }, RPCH_C_O, &r),
		RPCH_OK);
	assert_int_equal(r.kind, RPCH_PDU_RTS_OTHER);
	assert_int_equal(r.cookies, 5);
	/* padding, then a command beyond what is kept */
	pdu.n = 0;
	pdu_padded(&pdu, 200);
	pdu_u32(&pdu, 7);
	pdu_close(&pdu, 0);
	pdu.b[18] = 2;
	assert_int_equal(
		rpch_rts_read((struct bytes){ pdu.b, pdu.n }, RPCH_C_O, &r),
		RPCH_LONG_RTS);
}

/* --- peeking -------------------------------------------------------------- */

static const struct {
	enum rpch_verdict verdict;
	enum rpch_hop hop;
	unsigned flags;
	const char *word;
	enum rpch_pdu kind;
} openings[] = {
	{ RPCH_OK, RPCH_C_O, 0, "VCCW", RPCH_PDU_CONN_A1 },
	{ RPCH_OK, RPCH_C_I, 0, "VCCLKG", RPCH_PDU_CONN_B1 },
	{ RPCH_OK, RPCH_C_O, RPCH_RECYCLE, "VCCCW", RPCH_PDU_OUT_R_A3 },
	{ RPCH_OK, RPCH_C_I, RPCH_RECYCLE, "VCCC", RPCH_PDU_IN_R_A1 },
	{ RPCH_NOT_RTS, RPCH_C_I, 0, "VCCW" },
	{ RPCH_NOT_RTS, RPCH_C_O, 0, "VCCLKG" },
	{ RPCH_NOT_RTS, RPCH_C_I, RPCH_RECYCLE, "VCCCW" },
	{ RPCH_NOT_RTS, RPCH_C_O, RPCH_RECYCLE, "VCCC" },
	{ RPCH_NOT_RTS, RPCH_C_I, 0, "VCCC" },
	{ RPCH_NOT_RTS, RPCH_C_I, RPCH_PING, "" },
	{ RPCH_NOT_RTS, RPCH_C_O, 0, "N" },
	{ RPCH_NOT_RTS, RPCH_C_I, 0, "C" },
	{ RPCH_NOT_RTS, RPCH_C_I, 0, "VCCLKGC" },
};

static void peeks(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(openings); i++) {
		enum rpch_hop hop = openings[i].hop;
		struct pdu_buf pdu = { .n = 0 };
		struct bytes in = { pdu.b };
		struct rpch_rts r = { .kind = RPCH_PDU_COUNT };
		size_t size;

		pdu_rts(&pdu, openings[i].flags, openings[i].word);
		size = pdu.n;
		pdu_fill(&pdu, 0, 100);
		for (size_t n = 0; n < size; n++)
			assert_int_equal(rpch_peek(hop, bytes_upto(in, n), &r),
					 RPCH_MORE);
		for (in.n = size; in.n < pdu.n; in.n++)
			if (rpch_peek(hop, in, &r) != openings[i].verdict)
				fail_msg("row %zu at %zu", i, in.n);
		if (openings[i].verdict != RPCH_OK) {
			assert_int_equal(r.kind, RPCH_PDU_COUNT);
			continue;
		}
		assert_int_equal(r.kind, openings[i].kind);
		assert_int_equal(rpch_recycles(&r), openings[i].flags != 0);
		fields(&r, openings[i].word);
		/* MS-RPCH 2.2.4.2, 2.2.4.5: where a VC cookie lies */
		assert_memory_equal(r.vc.b, pdu.b + 32, 16);
	}
}

/* It is refused at its first byte that cannot be. */
static void peeks_end_early(void **state)
{
	static const struct {
		struct bytes body;
		size_t at; /* bytes that suffice */
	} bad[] = {
		{ LITERAL("ncacn_http/1.0"), 1 },
		{ LITERAL("\x05\x01"), 2 },
		{ LITERAL("\x05\0\x0b\x03"), 3 },
		{ LITERAL("\x05\0\x14\x02"), 4 },
		{ LITERAL("\x05\0\x14\x03\0"), 5 },
		{ LITERAL("\x05\0\x14\x03\x10\0\0\0\x8d\0"), 10 },
		{ LITERAL("\x05\0\x14\x03\x10\0\0\0\xff\xff"), 10 },
		{ LITERAL(HEAD("\x13\0", NONE, NONE)), 20 },
		{ LITERAL("\xf8\xe8\x18\x08"), 1 },
	};
	struct rpch_rts r;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		for (size_t n = 0; n <= bad[i].body.n; n++)
			assert_int_equal(
				rpch_peek(RPCH_C_I, bytes_upto(bad[i].body, n),
					  &r),
				n < bad[i].at ? RPCH_MORE : RPCH_NOT_RTS);
}

/* What we open a virtual connection with is what a client does. */
static void our_openings(void **state)
{
	struct rpch_opening o;
	uint8_t a1[RPCH_CONN_A1_SIZE], b1[RPCH_CONN_B1_SIZE];
	struct rpch_rts r;

	memset(&o.vc, 1, sizeof(o.vc));
	memset(&o.out, 2, sizeof(o.out));
	memset(&o.in, 3, sizeof(o.in));
	memset(&o.group, 4, sizeof(o.group));
	rpch_conn_a1(a1, &o);
	assert_int_equal(
		rpch_peek(RPCH_C_O, (struct bytes){ a1, sizeof(a1) }, &r),
		RPCH_OK);
	assert_int_equal(r.kind, RPCH_PDU_CONN_A1);
	assert_memory_equal(&r.vc, &o.vc, sizeof(o.vc));
	assert_memory_equal(&r.channel, &o.out, sizeof(o.out));
	assert_int_equal(r.window, 64 << 10);
	rpch_conn_b1(b1, &o);
	assert_int_equal(
		rpch_peek(RPCH_C_I, (struct bytes){ b1, sizeof(b1) }, &r),
		RPCH_OK);
	assert_int_equal(r.kind, RPCH_PDU_CONN_B1);
	assert_memory_equal(&r.vc, &o.vc, sizeof(o.vc));
	assert_memory_equal(&r.channel, &o.in, sizeof(o.in));
	assert_memory_equal(&r.group, &o.group, sizeof(o.group));
	assert_int_equal(r.lifetime, 1 << 30);
	assert_int_equal(r.keepalive, 300000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(no_two_alike),
		cmocka_unit_test(recognised),
		cmocka_unit_test(watched),
		cmocka_unit_test(bytes_of_the_specification),
		cmocka_unit_test(long_ones),
		cmocka_unit_test(peeks),
		cmocka_unit_test(peeks_end_early),
		cmocka_unit_test(our_openings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
