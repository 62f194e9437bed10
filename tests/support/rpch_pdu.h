/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpch_pdu.h - PDUs of RPC over HTTP built byte by byte, from MS-RPCH 2.2.3
 * and C706 12.6 a second time: nothing here uses what it tests but its letters.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct pdu_buf {
	uint8_t b[80 * 1024];
	size_t n;
};

static inline void pdu_fill(struct pdu_buf *o, uint8_t c, size_t n)
{
	assert(o->n + n <= sizeof(o->b));
	memset(o->b + o->n, c, n);
	o->n += n;
}

static inline void pdu_copy(struct pdu_buf *o, const void *p, size_t n)
{
	assert(o->n + n <= sizeof(o->b));
	memcpy(o->b + o->n, p, n);
	o->n += n;
}

static inline void pdu_u8(struct pdu_buf *o, unsigned v)
{
	pdu_fill(o, (uint8_t)v, 1);
}

static inline void pdu_u16(struct pdu_buf *o, unsigned v)
{
	pdu_u8(o, v & 0xff);
	pdu_u8(o, v >> 8 & 0xff);
}

static inline void pdu_u32(struct pdu_buf *o, uint32_t v)
{
	pdu_u16(o, v & 0xffff);
	pdu_u16(o, v >> 16);
}

/* frag_length of the PDU that began at `start` */
static inline void pdu_close(struct pdu_buf *o, size_t start)
{
	size_t n = o->n - start;

	assert(n <= UINT16_MAX);
	o->b[start + 8] = (uint8_t)n;
	o->b[start + 9] = (uint8_t)(n >> 8);
}

static inline void pdu_header(struct pdu_buf *o, unsigned ptype, unsigned flags,
			      unsigned auth, uint32_t call)
{
	pdu_u8(o, 5);
	pdu_u8(o, 0);
	pdu_u8(o, ptype);
	pdu_u8(o, flags);
	pdu_u32(o, 0x10);
	pdu_u16(o, 0);
	pdu_u16(o, auth);
	pdu_u32(o, call);
}

/* 2.2.3.5; the k-th cookie is k repeated. */
static inline void pdu_command(struct pdu_buf *o, char letter, uint8_t *cookie)
{
	static const char types[] = "WFTCLKVEPnNAGdS";
	const char *dest = strchr("ciso", letter);
	char type = dest ? 'd' : letter == 'a' ? 'A' : letter;

	pdu_u32(o, (uint32_t)(strchr(types, type) - types));
	switch (letter) {
	case 'W':
		pdu_u32(o, 65536);
		break;
	case 'F':
		pdu_u32(o, 40000);
		pdu_u32(o, 65535);
		pdu_fill(o, 0xac, 16);
		break;
	case 'T':
		pdu_u32(o, 900000);
		break;
	case 'C':
		pdu_fill(o, ++*cookie, 16);
		break;
	case 'L':
		pdu_u32(o, 1 << 30);
		break;
	case 'K':
		pdu_u32(o, 300000);
		break;
	case 'V':
		pdu_u32(o, 1);
		break;
	case 'P':
		pdu_u32(o, 0);
		break;
	case 'A':
	case 'a':
		pdu_u32(o, letter == 'a');
		pdu_fill(o, 10, letter == 'a' ? 16 : 4);
		pdu_fill(o, 0, 12);
		break;
	case 'G':
		pdu_fill(o, 0x99, 16);
		break;
	case 'S':
		pdu_u32(o, 8192);
		break;
	default:
		if (dest)
			pdu_u32(o, (uint32_t)(dest - "ciso"));
		break;
	}
}

/* A whole RTS PDU, by the letters of rpch/pdus.h ('d' is sent as 'o'). */
static inline void pdu_rts(struct pdu_buf *o, unsigned flags, const char *word)
{
	size_t start = o->n;
	uint8_t cookie = 0;

	pdu_header(o, 20, 3, 0, 0);
	pdu_u16(o, flags);
	pdu_u16(o, (unsigned)strlen(word));
	for (; *word; word++)
		pdu_command(o, *word == 'd' ? 'o' : *word, &cookie);
	pdu_close(o, start);
}

/* A ping whose padding has n bytes. */
static inline void pdu_padded(struct pdu_buf *o, size_t n)
{
	size_t start = o->n;

	pdu_header(o, 20, 3, 0, 0);
	pdu_u16(o, 1);
	pdu_u16(o, 1);
	pdu_u32(o, 8);
	pdu_u32(o, (uint32_t)n);
	pdu_fill(o, 5, n);
	pdu_close(o, start);
}

struct pdu_auth {
	unsigned type, level, pad, token;
};

/* Header, body, and a security trailer if there is a token. */
static inline void pdu_rpc(struct pdu_buf *o, unsigned ptype, uint32_t call,
			   const struct pdu_buf *body,
			   const struct pdu_auth *auth)
{
	size_t start = o->n;

	pdu_header(o, ptype, 3, auth ? auth->token : 0, call);
	pdu_copy(o, body->b, body->n);
	if (auth && auth->token) {
		pdu_fill(o, 0, auth->pad);
		pdu_u8(o, auth->type);
		pdu_u8(o, auth->level);
		pdu_u8(o, auth->pad);
		pdu_u8(o, 0);
		pdu_u32(o, 0);
		pdu_fill(o, 0x4e, auth->token);
	}
	pdu_close(o, start);
}

/* The body of a bind or alter with n context elements for one interface;
 * `syntax`: 16 bytes of UUID, then major and minor. */
static inline void pdu_contexts(struct pdu_buf *o, unsigned n, unsigned first,
				const uint8_t syntax[20])
{
	pdu_u16(o, 5840);
	pdu_u16(o, 5840);
	pdu_u32(o, 0);
	pdu_u32(o, n);
	for (unsigned i = 0; i < n; i++) {
		pdu_u16(o, first + i);
		pdu_u16(o, 1);
		pdu_copy(o, syntax, 20);
		pdu_fill(o, 0x8a, 20);
	}
}

/* The body of a request. */
static inline void pdu_request(struct pdu_buf *o, unsigned context,
			       unsigned opnum)
{
	pdu_u32(o, 0);
	pdu_u16(o, context);
	pdu_u16(o, opnum);
}

/* Its stub, for EcDoConnectEx. OXCRPC 3.1.4.1 */
static inline void pdu_connect(struct pdu_buf *o, const char *dn,
			       const uint16_t version[3])
{
	size_t n = strlen(dn) + 1;

	pdu_u32(o, (uint32_t)n);
	pdu_u32(o, 0);
	pdu_u32(o, (uint32_t)n);
	pdu_copy(o, dn, n);
	pdu_fill(o, 0, -n & 3);
	pdu_fill(o, 1, 7 * 4); /* ulFlags .. ulIcxrLink */
	pdu_u16(o, 1); /* usFCanConvertCodePages */
	for (int i = 0; i < 3; i++)
		pdu_u16(o, version[i]);
	pdu_u32(o, 0); /* pulTimeStamp */
	pdu_fill(o, 0x77, 16); /* rgbAuxIn */
}

/* --- what passes: pieces, each a PDU ----------------------------------------
 */

/* A stream in words: pieces, most of them one PDU. */
enum pdu_shape {
	END,
	RTS, /* flags, word */
	PADDED, /* a ping with n bytes of padding */
	PLAIN, /* PTYPE n, body of `more` bytes */
	CONTEXT, /* bind or alter (PTYPE n) with `more` contexts of `word` */
	CONNECT, /* EcDoConnectEx: context n, version */
	CALL, /* any other request: context n, opnum `more` */
	RAW, /* the bytes `word`, n of them */
	WRITE, /* rewrite the last PDU: the u16 at n becomes `more` */
};

struct pdu_piece {
	enum pdu_shape shape;
	unsigned n;
	const char *word;
	unsigned more;
	struct pdu_auth auth;
	uint16_t version[3];
};

static inline void pdu_put(struct pdu_buf *o, const struct pdu_piece *p, size_t *last)
{
	static struct pdu_buf body;
	const struct pdu_auth *auth = p->auth.token ? &p->auth : NULL;

	body.n = 0;
	if (p->shape != WRITE)
		*last = o->n;
	switch (p->shape) {
	case RTS:
		pdu_rts(o, p->n, p->word);
		return;
	case PADDED:
		pdu_padded(o, p->n);
		return;
	case PLAIN:
		pdu_fill(&body, 0x33, p->more);
		pdu_rpc(o, p->n, 7, &body, auth);
		return;
	case CONTEXT:
		pdu_contexts(&body, p->more, 3, (const uint8_t *)p->word);
		pdu_rpc(o, p->n, 8, &body, auth);
		return;
	case CONNECT:
		pdu_request(&body, p->n, 10);
		pdu_connect(&body, p->word ? p->word : "/o=Contoso/cn=alice",
			    p->version);
		pdu_rpc(o, 0, 9, &body, auth);
		return;
	case CALL:
		pdu_request(&body, p->n, p->more);
		pdu_fill(&body, 0x44, 90);
		pdu_rpc(o, 0, 9, &body, auth);
		return;
	case RAW:
		pdu_copy(o, p->word, p->n);
		return;
	case WRITE:
		o->b[*last + p->n] = (uint8_t)p->more;
		o->b[*last + p->n + 1] = (uint8_t)(p->more >> 8);
		return;
	case END:
		return;
	}
}

/* At most 8, the last perhaps END. */
static inline void pdu_build(struct pdu_buf *o, const struct pdu_piece *pieces)
{
	size_t last = 0;

	o->n = 0;
	for (size_t i = 0; i < 8 && pieces[i].shape != END; i++)
		pdu_put(o, &pieces[i], &last);
}
