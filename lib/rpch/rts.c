/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rts.c - RTS PDUs: their commands read in order, spelt as a word of letters,
 * and the word looked up. MS-RPCH 2.2.3 and 2.2.4.
 */
#include "rpch/wire.h"

#define WORD_MAX 8 /* commands; the longest row has 7 */

static const struct {
	uint8_t hops;
	uint8_t flags;
	char word[WORD_MAX];
} rows[] = {
#define X(id, name, hops, flags, word, size) { hops, flags, word },
	RPCH_RTS_PDUS(X)
#undef X
};

/* 2.2.3.5, bytes with the type; Padding and ClientAddress without what their
 * first field announces. */
static const struct {
	uint8_t size;
	char letter;
} commands[] = {
	{ 8, 'W' }, { 28, 'F' }, { 8, 'T' },  { 20, 'C' }, { 8, 'L' },
	{ 8, 'K' }, { 8, 'V' },	 { 4, 'E' },  { 8, 'P' },  { 4, 'n' },
	{ 4, 'N' }, { 8, 'A' },	 { 20, 'G' }, { 8, 'd' },  { 8, 'S' },
};

/* ClientAddress, 2.2.3.2: the address and 12 bytes of padding. */
#define ADDRESS_V4 (4 + 12)
#define ADDRESS_V6 (16 + 12)

/* A PDU being read. */
struct reader {
	const uint8_t *p;
	uint32_t have; /* bytes that are there */
	uint32_t frag; /* bytes that there should be */
	uint32_t at;
	struct rpch_cookie cookie[3]; /* the first three C */
	char word[WORD_MAX + 1];
	unsigned n;
};

static enum rpch_verdict fits(uint32_t size, uint32_t room, uint32_t have)
{
	return size > room   ? RPCH_BAD_RTS
	       : size > have ? RPCH_LONG_RTS
			     : RPCH_OK;
}

/* The whole size of the command at r->at and its letter, or what is wrong. */
static enum rpch_verdict measure(const struct reader *r, uint32_t *size,
				 char *letter)
{
	uint32_t room = r->frag - r->at, type, v;
	uint32_t have = r->at < r->have ? r->have - r->at : 0;
	enum rpch_verdict verdict = fits(4, room, have);

	if (verdict != RPCH_OK)
		return verdict;
	type = rpch_u32(r->p + r->at);
	if (type >= ARRAY_LEN(commands))
		return RPCH_BAD_COMMAND;
	*size = commands[type].size;
	*letter = commands[type].letter;
	verdict = fits(*size, room, have);
	if (verdict != RPCH_OK)
		return verdict;
	v = *size > 4 ? rpch_u32(r->p + r->at + 4) : 0;
	switch (*letter) {
	case 'P': /* nobody reads what it holds, so that need not be here */
		have = room;
		if (v > room - *size)
			return RPCH_BAD_RTS;
		*size += v;
		break;
	case 'A':
		if (v > 1)
			return RPCH_BAD_COMMAND;
		*size += v ? ADDRESS_V6 : ADDRESS_V4;
		*letter = v ? 'a' : 'A';
		break;
	case 'd':
		if (v > 3)
			return RPCH_BAD_COMMAND;
		*letter = "ciso"[v];
		break;
	default:
		break;
	}
	return fits(*size, room, have);
}

static void get_cookie(struct rpch_cookie *c, const uint8_t *p)
{
	memcpy(c->b, p, sizeof(c->b));
}

/* Take the data of one command that was measured. */
static void note(struct reader *r, const uint8_t *data, char letter,
		 struct rpch_rts *out)
{
	switch (letter) {
	case 'W':
		out->window = rpch_u32(data);
		break;
	case 'F':
		out->ack_bytes = rpch_u32(data);
		out->ack_window = rpch_u32(data + 4);
		get_cookie(&out->channel, data + 8);
		break;
	case 'T':
		out->timeout = rpch_u32(data);
		break;
	case 'C':
		if (out->cookies < ARRAY_LEN(r->cookie))
			get_cookie(&r->cookie[out->cookies], data);
		out->cookies++;
		break;
	case 'L':
		out->lifetime = rpch_u32(data);
		break;
	case 'K':
		out->keepalive = rpch_u32(data);
		break;
	case 'G':
		get_cookie(&out->group, data);
		break;
	case 'c':
	case 'i':
	case 's':
	case 'o':
		out->to = (uint8_t)letter;
		break;
	default: /* V, E, P, n, N, A, a, S: nothing to keep */
		break;
	}
}

/* 2.2.4: the virtual connection first; the successor, or the one channel that
 * is meant, last. */
static void name_cookies(const struct reader *r, struct rpch_rts *out)
{
	if (out->cookies == 1)
		out->channel = r->cookie[0];
	if (out->cookies < 2)
		return;
	out->vc = r->cookie[0];
	out->channel = r->cookie[1];
	if (out->cookies < 3)
		return;
	out->pred = r->cookie[1];
	out->channel = r->cookie[2];
}

static bool same_word(const char *row, const char *word)
{
	for (; *row; row++, word++)
		if (*row != *word &&
		    !(*row == 'd' && *word && strchr("ciso", *word)))
			return false;
	return !*word;
}

static enum rpch_pdu recognise(const char *word, uint16_t flags,
			       enum rpch_hop hop)
{
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].flags == flags && rows[i].hops & hop &&
		    same_word(rows[i].word, word))
			return RPCH_PDU_CONN_A1 + i;
	return RPCH_PDU_RTS_OTHER;
}

/* 2.2.3.6.1; the lengths are the caller's. */
static enum rpch_verdict check_header(struct bytes pdu)
{
	static const uint8_t first[] = { 5, 0, RPCH_PTYPE_RTS };
	static const uint8_t drep[] = { RPCH_DREP_LITTLE, 0, 0, 0 };

	if (memcmp(pdu.p, first, sizeof(first)))
		return RPCH_NOT_RTS;
	if (pdu.p[RPCH_AT_FLAGS] != (RPCH_PFC_FIRST | RPCH_PFC_LAST) ||
	    memcmp(pdu.p + RPCH_AT_DREP, drep, sizeof(drep)) ||
	    rpch_u16(pdu.p + RPCH_AT_AUTH) ||
	    rpch_u16(pdu.p + RPCH_AT_FRAG) < RPCH_RTS_HEADER)
		return RPCH_BAD_RTS;
	return RPCH_OK;
}

enum rpch_verdict rpch_rts_read(struct bytes pdu, enum rpch_hop hop,
				struct rpch_rts *out)
{
	struct rpch_rts rts = { 0 };
	struct reader r = { .p = pdu.p };
	enum rpch_verdict v;
	unsigned count;

	if (pdu.n < RPCH_RTS_HEADER)
		return RPCH_MORE;
	v = check_header(pdu);
	if (v != RPCH_OK)
		return v;
	r.frag = rpch_u16(pdu.p + RPCH_AT_FRAG);
	r.have = min(r.frag, (uint32_t)RPCH_RTS_MAX);
	if (pdu.n < r.have)
		return RPCH_MORE;
	r.at = RPCH_RTS_HEADER;
	rts.flags = rpch_u16(pdu.p + RPCH_AT_RTS_FLAGS);
	count = rpch_u16(pdu.p + RPCH_AT_COMMANDS);
	for (unsigned i = 0; i < count; i++) {
		uint32_t size = 0;
		char letter = 0;

		v = measure(&r, &size, &letter);
		if (v != RPCH_OK)
			return v;
		note(&r, r.p + r.at + 4, letter, &rts);
		r.at += size;
		if (r.n < WORD_MAX)
			r.word[r.n++] = letter;
	}
	if (r.at != r.frag)
		return RPCH_BAD_RTS;
	name_cookies(&r, &rts);
	rts.kind = recognise(r.word, rts.flags, hop);
	*out = rts;
	return RPCH_OK;
}

static bool opens(enum rpch_pdu kind)
{
	return kind == RPCH_PDU_CONN_A1 || kind == RPCH_PDU_CONN_B1 ||
	       kind == RPCH_PDU_OUT_R_A3 || kind == RPCH_PDU_IN_R_A1;
}

enum rpch_verdict rpch_peek(enum rpch_hop hop, struct bytes body,
			    struct rpch_rts *out)
{
	static const uint8_t first[] = {
		5,
		0,
		RPCH_PTYPE_RTS,
		RPCH_PFC_FIRST | RPCH_PFC_LAST,
		RPCH_DREP_LITTLE,
	};
	struct rpch_rts rts;
	enum rpch_verdict v;

	assert(hop == RPCH_C_I || hop == RPCH_C_O);
	if (body.n && memcmp(body.p, first, min(body.n, sizeof(first))))
		return RPCH_NOT_RTS;
	if (body.n >= RPCH_AT_FRAG + 2 &&
	    rpch_u16(body.p + RPCH_AT_FRAG) > RPCH_RTS_MAX)
		return RPCH_NOT_RTS;
	v = rpch_rts_read(body, hop, &rts);
	if (v == RPCH_MORE)
		return v;
	if (v != RPCH_OK || !opens(rts.kind))
		return RPCH_NOT_RTS;
	*out = rts;
	return RPCH_OK;
}
