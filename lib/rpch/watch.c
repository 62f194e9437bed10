/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watch.c - one direction of a channel as it passes: PDUs are told apart by
 * their frag_length, of each as much is kept as there is to learn from it.
 *
 * Of every PDU the first `keep` bytes are kept and, of some, a few more at
 * `tail_at`: the security trailer in front of the token, or the client's
 * version behind a string. buf holds both, one behind the other. What is in
 * between runs by uncopied. C706 12.6, MS-RPCE 2.2.2.
 */
#include "rpch/wire.h"

/* bind and alter: one context element with its abstract syntax */
#define BIND_CONTEXTS 24
#define BIND_HEADER 28
#define BIND_KEEP (BIND_HEADER + 4 + 16 + 4)
#define BIND_UUID (BIND_HEADER + 4)

#define FAULT_STATUS 24
#define NAK_REASON 16

#define REQUEST_CONTEXT 20
#define REQUEST_OPNUM 22
#define REQUEST_HEADER 24
#define OBJECT_SIZE 16

/* OXCRPC 3.1.4.1: opnum 10 of EMSMDB. The stub begins with szUserDN, a
 * conformant varying string; then seven u32, usFCanConvertCodePages and
 * rgwClientVersion, each as it is aligned. */
#define ECDOCONNECTEX 10
#define DN_HEADER 12
#define DN_ACTUAL 8
#define DN_MAX 4096 /* characters: no legacyExchangeDN is as long */
#define BEHIND_DN (7 * 4 + 2)
#define VERSION_SIZE 6

_Static_assert(BIND_KEEP + RPCH_TRAILER <= RPCH_RTS_MAX &&
		       REQUEST_HEADER + OBJECT_SIZE + DN_HEADER +
				       VERSION_SIZE <=
			       RPCH_RTS_MAX,
	       "what is kept fits");

static const struct {
	uint8_t ptype, header;
} rpc[] = {
#define X(id, name, ptype, header) { ptype, header },
	RPCH_RPC_PDUS(X)
#undef X
};

/* What there is to learn from a PDU. */
enum lesson { NOTHING, VERSION, STATUS, REASON, CONTEXTS, TRAILER, COMMANDS };

static const uint8_t lessons[RPCH_PDU_CONN_A1] = {
	[RPCH_PDU_REQUEST] = VERSION, [RPCH_PDU_FAULT] = STATUS,
	[RPCH_PDU_BIND_NAK] = REASON, [RPCH_PDU_BIND] = CONTEXTS,
	[RPCH_PDU_ALTER] = CONTEXTS,  [RPCH_PDU_AUTH3] = TRAILER,
};

static const struct bytes uuids[] = {
#define X(id, name, uuid) [id] = BYTES_LIT(uuid),
	RPCH_INTERFACES(X)
#undef X
};

void rpch_watch_init(struct rpch_watch *w, enum rpch_hop hop)
{
	assert(hop && hop <= RPCH_ANY_HOP && !(hop & (hop - 1)));
	memset(w, 0, sizeof(*w));
	w->hop = (uint8_t)hop;
	w->keep = RPCH_HEADER;
}

struct rpch_client rpch_client_version(const uint16_t w[3])
{
	/* The high bit of the build says that four numbers are packed. */
	if (w[1] & 0x8000)
		return (struct rpch_client){ w[0] >> 8, w[0] & 0xff,
					     w[1] & 0x7fff, w[2] };
	return (struct rpch_client){ w[0], 0, w[1], w[2] };
}

static bool is_rts(const struct rpch_watch *w)
{
	return w->kind >= RPCH_PDU_CONN_A1;
}

static enum lesson lesson(const struct rpch_watch *w)
{
	return is_rts(w) ? COMMANDS : lessons[w->kind];
}

static uint32_t auth_length(const struct rpch_watch *w)
{
	return rpch_u16(w->buf + RPCH_AT_AUTH);
}

/* Where the body ends and the security trailer, if any, begins. */
static uint32_t body_end(const struct rpch_watch *w)
{
	uint32_t auth = auth_length(w);

	return auth ? w->frag - auth - RPCH_TRAILER : w->frag;
}

/* --- the common header has come ------------------------------------------ */

static void plan_trailer(struct rpch_watch *w)
{
	if (auth_length(w)) {
		w->tail_at = body_end(w);
		w->tail_n = RPCH_TRAILER;
	}
}

/* How much of the PDU to keep. */
static void plan(struct rpch_watch *w)
{
	switch (lesson(w)) {
	case COMMANDS:
		w->keep = min((uint32_t)w->frag, (uint32_t)RPCH_RTS_MAX);
		break;
	case CONTEXTS:
		w->keep = min(body_end(w), (uint32_t)BIND_KEEP);
		plan_trailer(w);
		break;
	case TRAILER:
		plan_trailer(w);
		break;
	case STATUS:
	case REASON:
		w->keep = rpc[w->kind].header;
		break;
	case VERSION:
		if (w->emsmdb && w->auth_level < RPCH_LEVEL_PRIVACY &&
		    w->buf[RPCH_AT_FLAGS] & RPCH_PFC_FIRST)
			w->keep = REQUEST_HEADER;
		break;
	case NOTHING:
		break;
	}
}

static enum rpch_verdict open_rpc(struct rpch_watch *w, uint8_t ptype)
{
	uint32_t auth = auth_length(w);
	unsigned i;

	for (i = 0; i < ARRAY_LEN(rpc) && rpc[i].ptype != ptype; i++)
		;
	if (i == ARRAY_LEN(rpc))
		return RPCH_BAD_PTYPE;
	w->kind = (uint8_t)i;
	if (w->hop & (RPCH_C_O | RPCH_I_C))
		return RPCH_STRAY;
	if (w->frag < rpc[i].header)
		return RPCH_BAD_LENGTH;
	if (auth && auth + RPCH_TRAILER + rpc[i].header > w->frag)
		return RPCH_BAD_AUTH;
	w->rpc_bytes += w->frag;
	return RPCH_OK;
}

static enum rpch_verdict open_pdu(struct rpch_watch *w)
{
	uint8_t ptype = w->buf[RPCH_AT_PTYPE];
	enum rpch_verdict v = RPCH_OK;

	/* "HTTP/1.0 503 RPC Error: ...": a proxy that lost its server. */
	if (!memcmp(w->buf, "HTTP/1.", 7))
		return RPCH_STATUS_LINE;
	if (w->buf[0] != 5 || w->buf[1] > 1)
		return RPCH_BAD_VERSION;
	if (w->buf[RPCH_AT_DREP] != RPCH_DREP_LITTLE)
		return RPCH_BAD_DREP;
	w->frag = rpch_u16(w->buf + RPCH_AT_FRAG);
	if (w->frag < RPCH_HEADER)
		return RPCH_BAD_LENGTH;
	if (ptype == RPCH_PTYPE_RTS)
		w->kind = RPCH_PDU_RTS_OTHER; /* until it is read */
	else
		v = open_rpc(w, ptype);
	if (v == RPCH_OK)
		plan(w);
	return v;
}

/* --- what was to be kept is there ---------------------------------------- */

/* An EcDoConnectEx: look for the version behind the string. */
static void seek_version(struct rpch_watch *w)
{
	bool object = w->buf[RPCH_AT_FLAGS] & RPCH_PFC_OBJECT;
	uint32_t stub = REQUEST_HEADER + (object ? OBJECT_SIZE : 0);
	uint32_t most, offset, actual, at;
	const uint8_t *dn = w->buf + stub;

	if (rpch_u16(w->buf + REQUEST_CONTEXT) != w->context ||
	    rpch_u16(w->buf + REQUEST_OPNUM) != ECDOCONNECTEX ||
	    stub + DN_HEADER > body_end(w))
		return;
	if (w->keep < stub + DN_HEADER) {
		w->keep = stub + DN_HEADER;
		return;
	}
	most = rpch_u32(dn);
	offset = rpch_u32(dn + 4);
	actual = rpch_u32(dn + DN_ACTUAL);
	if (offset || actual > most || actual > DN_MAX)
		return;
	at = w->keep + ((actual + 3) & ~3u) + BEHIND_DN;
	if (at + VERSION_SIZE > body_end(w))
		return;
	w->tail_at = at;
	w->tail_n = VERSION_SIZE;
}

static enum rpch_verdict read_trailer(struct rpch_watch *w, struct rpch_bind *b)
{
	const uint8_t *t = w->buf + w->keep;

	if (t[2] > w->tail_at - rpc[w->kind].header)
		return RPCH_BAD_AUTH;
	b->auth_type = t[0];
	b->auth_level = t[1];
	return RPCH_OK;
}

static enum rpch_interface interface_of(const uint8_t uuid[16])
{
	for (unsigned i = RPCH_IF_OTHER + 1; i < ARRAY_LEN(uuids); i++)
		if (!memcmp(uuid, uuids[i].p, 16))
			return i;
	return RPCH_IF_OTHER;
}

static enum rpch_verdict read_contexts(struct rpch_watch *w,
				       struct rpch_bind *b)
{
	const uint8_t *uuid = w->buf + BIND_UUID;

	if (w->tail_n && read_trailer(w, b) != RPCH_OK)
		return RPCH_BAD_AUTH;
	b->has_interface = w->buf[BIND_CONTEXTS];
	if (b->has_interface) {
		if (w->keep < BIND_KEEP)
			return RPCH_BAD_LENGTH;
		memcpy(b->uuid, uuid, sizeof(b->uuid));
		b->interface = interface_of(uuid);
		b->major = rpch_u16(uuid + 16);
		b->minor = rpch_u16(uuid + 18);
	}
	/* An alter adds to what was agreed; it does not weaken it. */
	if (w->kind == RPCH_PDU_BIND || b->auth_level > w->auth_level)
		w->auth_level = b->auth_level;
	if (b->interface == RPCH_IF_EMSMDB) {
		w->emsmdb = true;
		w->context = rpch_u16(w->buf + BIND_HEADER);
	}
	return RPCH_OK;
}

static struct rpch_client read_version(const struct rpch_watch *w)
{
	const uint8_t *t = w->buf + w->keep;
	uint16_t v[] = { rpch_u16(t), rpch_u16(t + 2), rpch_u16(t + 4) };

	return rpch_client_version(v);
}

static enum rpch_verdict read_rts(const struct rpch_watch *w,
				  struct rpch_event *ev)
{
	struct bytes pdu = { w->buf, w->keep };
	enum rpch_verdict v = rpch_rts_read(pdu, w->hop, &ev->rts);

	if (v == RPCH_OK)
		ev->kind = ev->rts.kind;
	/* It is all there and of that type: shorter than its own header, or of
	 * another version. */
	return v == RPCH_MORE || v == RPCH_NOT_RTS ? RPCH_BAD_RTS : v;
}

/* Everything to learn from this PDU is in buf: RPCH_OK and an event,
 * RPCH_MORE without one, or what is wrong. */
static enum rpch_verdict read_pdu(struct rpch_watch *w, struct rpch_event *ev)
{
	switch (lesson(w)) {
	case COMMANDS:
		return read_rts(w, ev);
	case CONTEXTS:
		return read_contexts(w, &ev->bind);
	case TRAILER:
		return w->tail_n ? read_trailer(w, &ev->bind) : RPCH_MORE;
	case STATUS:
		ev->status = rpch_u32(w->buf + FAULT_STATUS);
		return RPCH_OK;
	case REASON:
		ev->reason = rpch_u16(w->buf + NAK_REASON);
		return RPCH_OK;
	case VERSION:
		if (w->tail_n)
			ev->client = read_version(w);
		return w->tail_n ? RPCH_OK : RPCH_MORE;
	case NOTHING:
		break;
	}
	return RPCH_MORE;
}

/* --- the bytes pass ------------------------------------------------------ */

static void next_pdu(struct rpch_watch *w)
{
	w->at = w->frag = 0;
	w->keep = RPCH_HEADER;
	w->tail_at = w->tail_n = 0;
}

/* Up to where the next bytes are treated alike; `dst`: keep them there. */
static uint32_t stretch(struct rpch_watch *w, uint8_t **dst)
{
	*dst = NULL;
	if (w->at < w->keep) {
		*dst = w->buf + w->at;
		return w->keep;
	}
	if (w->tail_n && w->at < w->tail_at)
		return w->tail_at;
	if (w->tail_n && w->at < w->tail_at + w->tail_n) {
		*dst = w->buf + w->keep + w->at - w->tail_at;
		return w->tail_at + w->tail_n;
	}
	return w->frag;
}

/* A PDU is counted once its kind is certain. */
static void count(const struct rpch_watch *w, struct rpch_counts *counts,
		  enum rpch_pdu kind)
{
	counts->pdus[kind]++;
	counts->bytes[kind] += w->frag;
}

static bool denies(const struct rpch_event *ev)
{
	return ev->kind == RPCH_PDU_BIND_NAK ||
	       (ev->kind == RPCH_PDU_FAULT &&
		ev->status == RPCH_STATUS_ACCESS_DENIED);
}

/* What follows from having reached w->at. */
static enum rpch_verdict
arrive(struct rpch_watch *w, struct rpch_counts *counts, struct rpch_event *ev)
{
	enum rpch_verdict v;

	if (w->at == RPCH_HEADER && !w->frag) {
		v = open_pdu(w);
		if (v != RPCH_OK)
			return v;
		if (!is_rts(w))
			count(w, counts, w->kind);
		if (w->at < w->keep)
			return RPCH_MORE;
	}
	if (w->kind == RPCH_PDU_REQUEST && w->at == w->keep &&
	    w->keep >= REQUEST_HEADER)
		seek_version(w);
	if (w->at != (w->tail_n ? w->tail_at + w->tail_n : w->keep))
		return RPCH_MORE;
	*ev = (struct rpch_event){
		.kind = w->kind,
		.call_id = rpch_u32(w->buf + RPCH_AT_CALL),
	};
	v = read_pdu(w, ev);
	if (v == RPCH_OK && denies(ev) && w->denials < UINT16_MAX)
		w->denials++;
	if (v == RPCH_OK && is_rts(w)) {
		count(w, counts, ev->kind);
		w->ended = ev->kind == RPCH_PDU_OUT_R1_A10 ||
			   ev->kind == RPCH_PDU_OUT_R2_B3;
	}
	return v;
}

/* The rest goes by unread. */
static void skip(struct rpch_counts *counts, struct bytes *in)
{
	if (!in->n)
		return;
	counts->opaque += in->n;
	*in = bytes_from(*in, in->n);
}

enum rpch_verdict rpch_watch(struct rpch_watch *w, struct rpch_counts *counts,
			     struct bytes *in, struct rpch_event *ev)
{
	struct rpch_event seen;

	while (in->n && !w->opaque && !w->ended) {
		enum rpch_verdict v;
		uint8_t *dst;
		uint32_t end = stretch(w, &dst);
		size_t n = min((size_t)(end - w->at), in->n);

		if (dst)
			memcpy(dst, in->p, n);
		w->at += (uint32_t)n;
		*in = bytes_from(*in, n);
		v = w->at == end ? arrive(w, counts, &seen) : RPCH_MORE;
		if (w->at == w->frag)
			next_pdu(w);
		if (v == RPCH_MORE)
			continue;
		counts->verdicts[v]++;
		if (v == RPCH_OK) {
			*ev = seen;
			return v;
		}
		w->opaque = true;
		skip(counts, in);
		return v;
	}
	skip(counts, in);
	return RPCH_MORE;
}
