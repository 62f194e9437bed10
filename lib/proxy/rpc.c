/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc.c - a session whose request is a channel of Outlook Anywhere: which
 * virtual connection it belongs to, what passes on it, and the refusal of RPC
 * that is not encrypted.
 *
 * The bytes pass as any body's do. This file looks on; the one thing it may
 * hold back is a bind that has to be refused.
 */
#include "proxy/proxy_int.h"

/* A client that asks for a channel says at once which. */
#define PEEK_WAIT SEC(2)
#define OWNER_WAIT SEC(1)

static void free_rpc(struct proxy *p, struct rpc *r)
{
	list_remove(&r->link);
	p->stats.channels--;
	slab_put(&p->rpcs, r);
}

static void leave(struct proxy *p, struct rpc *r, usec_t now)
{
	if (r->joined) {
		r->joined = false;
		r->asking = true;
		r->note.verb = VC_LEAVE;
		if (!vc_ask(p, &r->note, now))
			return;
	}
	free_rpc(p, r);
}

void rpc_end(struct session *s, usec_t now)
{
	struct rpc *r = s->rpc;

	s->rpc = NULL;
	if (!r)
		return;
	r->session = NULL;
	if (!r->asking)
		leave(s->proxy, r, now);
}

/* --- whose channel is it?
 * ------------------------------------------------------ */

static bool is_channel(enum rpch_request kind)
{
	return kind == RPCH_REQ_IN || kind == RPCH_REQ_OUT ||
	       kind == RPCH_REQ_OUT_RECYCLED;
}

static struct rpc *new_rpc(struct session *s, bool out, usec_t now)
{
	struct proxy *p = s->proxy;
	struct rpc *r = slab_get(&p->rpcs);

	if (!r) {
		p->stats.channels_unread++;
		return NULL;
	}
	*r = (struct rpc){ .session = s, .out = out, .began = now };
	list_init(&r->link);
	list_init(&r->note.link);
	list_push(&p->channels, &r->link);
	p->stats.channels++;
	rpch_watch_init(&r->up, out ? RPCH_C_O : RPCH_C_I);
	rpch_watch_init(&r->down, out ? RPCH_O_C : RPCH_I_C);
	return r;
}

enum step rpc_peek(struct session *s, const struct http_head *h, usec_t now)
{
	enum rpch_request kind = rpch_classify(
		h->method, h->framing == HTTP_LENGTH	? h->length
			   : h->framing == HTTP_NO_BODY ? 0
							: RPCH_NO_LENGTH);
	struct bytes body = bytes_from(stream_bytes(&s->client), s->head_len);
	bool out = kind != RPCH_REQ_IN;
	struct rpch_rts first;
	enum rpch_verdict v;

	s->proxy->stats.rpc_requests[kind]++;
	if (!is_channel(kind))
		return STEP_PROGRESS;
	if (!s->rpc)
		s->rpc = new_rpc(s, out, now);
	if (!s->rpc || s->head_len > HTTP_HEAD_MAX / 2)
		return STEP_PROGRESS;
	v = rpch_peek(out ? RPCH_C_O : RPCH_C_I, bytes_upto(body, RPCH_RTS_MAX),
		      &first);
	if (v == RPCH_OK) {
		s->rpc->vc = first.vc;
		s->rpc->recycled = rpch_recycles(&first);
		s->rpc->note.verb = VC_JOIN;
		s->rpc->note.key = 1; /* there is one: rpc_begin() */
	}
	if (v != RPCH_MORE || s->peeked || s->client.eof || s->client.cut)
		return STEP_PROGRESS;
	s->proxy->stats.rpc_requests[kind]--; /* it will be judged again */
	if (!s->await)
		session_deadline(s, now + PEEK_WAIT);
	s->await = s->head_len + (uint32_t)body.n + 1;
	return STEP_WAIT;
}

/* Two users with one cookie are two virtual connections; who authenticates his
 * connection instead is known by where he is. */
static uint64_t key_of(const struct session *s)
{
	const struct hash_key *secret = &s->proxy->setup.secret;
	struct hash_key user = *secret;

	if (s->want_user[0])
		user.k0 = siphash13_folded(secret, BYTES(s->want_user));
	else
		user.k0 = siphash13(secret, &s->from, sizeof(s->from));
	return siphash13(&user, s->rpc->vc.b, sizeof(s->rpc->vc.b)) | 1;
}

/* --- one server for all of it
 * ------------------------------------------------------ */

static void prefer(struct session *s, uint16_t server)
{
	unsigned at = 0;

	while (at < s->n_candidates && s->candidate[at] != server)
		at++;
	if (at == s->n_candidates && at < EXCHANGE_CANDIDATES)
		s->n_candidates++;
	at = min(at, s->n_candidates - 1u);
	memmove(s->candidate + 1, s->candidate, at * sizeof(s->candidate[0]));
	s->candidate[0] = server;
}

/* A server that is drained keeps what it has; one that was taken out of the
 * configuration does not. */
static void agreed(struct session *s)
{
	struct proxy *p = s->proxy;
	struct rpc *r = s->rpc;

	r->joined = !r->note.full;
	r->denials = r->note.denials;
	p->stats.vc_full += r->note.full;
	p->stats.vc_joined += r->joined && !r->note.known;
	p->stats.vc_strangers += r->recycled && !r->note.known;
	if (!r->note.known || r->note.server == s->candidate[0] ||
	    back_index(p, r->note.server) < 0)
		return;
	p->stats.vc_kept++;
	prefer(s, r->note.server);
}

void rpc_asks_for(struct session *s, const struct exchange_keys *keys)
{
	if (s->rpc && keys->n)
		exchange_printable(BYTES(keys->key[0].text), s->rpc->target,
				   sizeof(s->rpc->target));
}

enum step rpc_begin(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	struct rpc *r = s->rpc;
	struct vc_note *n;

	if (!r || !r->note.key || r->asking || r->joined)
		return back_begin(s, now);
	n = &r->note;
	n->key = key_of(s);
	n->from = (struct vc_end){
		.session = s->id,
		.slot = slab_index(&p->session_slab, s),
		.worker = (uint8_t)p->setup.worker,
	};
	n->out = r->out;
	n->fixed = s->back.tc && s->bound;
	n->server = n->fixed ? s->server_id : s->candidate[0];
	r->asking = true;
	if (vc_ask(p, n, now)) {
		r->asking = false;
		agreed(s);
		return back_begin(s, now);
	}
	session_enter(s, SESS_AGREE, now);
	session_deadline(s, now + OWNER_WAIT);
	return STEP_WAIT;
}

enum step rpc_alone(struct session *s, usec_t now)
{
	s->proxy->stats.vc_unanswered++;
	return back_begin(s, now);
}

void rpc_connected(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	struct rpc *r = s->rpc;
	int i = back_index(p, s->server_id);

	r->legacy = i >= 0 &&
		    !exchange_is_modern(p->config->topology.server[i].version);
	if (!r->joined || r->asking || r->note.server == s->server_id)
		return;
	r->note.verb = VC_MOVE;
	r->note.server = s->server_id;
	r->asking = true;
	if (vc_ask(p, &r->note, now))
		r->asking = false;
}

/* --- answers of owners
 * ---------------------------------------------------------------- */

/* The session ends soon: a step of it may be under way. */
static void cut(struct rpc *r)
{
	r->cut = true;
	session_queue(r->session, &r->session->proxy->ready);
}

/* The client has been told, or nobody is there to be told. */
static void refused(struct proxy *p, struct rpc *r, usec_t now)
{
	if (r->session)
		cut(r);
	else
		leave(p, r, now);
}

static void ask_fault(struct proxy *p, struct rpc *r, usec_t now)
{
	if (r->note.to.session) {
		r->note.verb = VC_FAULT;
		r->asking = true;
		if (!vc_ask(p, &r->note, now))
			return;
		r->asking = false;
	}
	refused(p, r, now);
}

/* Whoever is denied so much is guessing: both channels end. */
static void judge_denials(struct proxy *p, struct rpc *r, usec_t now)
{
	unsigned most = p->config->rpc_denials;

	r->denials = r->note.denials;
	if (!most || r->denials < most || r->cut)
		return;
	p->stats.vc_guessing++;
	cut(r);
	ask_fault(p, r, now);
}

/* The owner adds up, for one OUT channel may replace another. */
static void tell_denials(struct proxy *p, struct rpc *r, usec_t now)
{
	struct vc_note *n = &r->note;

	while (!r->asking && r->down.denials > r->told) {
		n->verb = VC_DENY;
		n->denials = r->down.denials - r->told;
		r->told = r->down.denials;
		p->stats.rpc_denials += n->denials;
		if (r->joined) {
			r->asking = true;
			if (!vc_ask(p, n, now))
				return;
			r->asking = false;
		} else {
			n->denials += r->denials;
			n->to = (struct vc_end){ 0 };
		}
		judge_denials(p, r, now);
	}
}

void rpc_answered(struct proxy *p, struct vc_note *n, usec_t now)
{
	struct rpc *r = container_of(n, struct rpc, note);
	struct session *s = r->session;

	r->asking = false;
	switch (n->verb) {
	case VC_JOIN:
		r->joined = !n->full;
		if (!s) {
			leave(p, r, now);
		} else if (s->state == SESS_AGREE) {
			agreed(s);
			session_carry_on(s, back_begin(s, now));
		}
		break;
	case VC_MOVE:
		if (!s)
			leave(p, r, now);
		break;
	case VC_LEAVE:
		free_rpc(p, r);
		break;
	case VC_DENY:
		if (!s) {
			leave(p, r, now);
		} else {
			judge_denials(p, r, now);
			tell_denials(p, r, now);
		}
		break;
	case VC_REFUSE:
		ask_fault(p, r, now);
		break;
	case VC_FAULT:
		refused(p, r, now);
		break;
	}
}

/* --- what passes
 * ------------------------------------------------------------------------ */

static void note_event(struct rpc *r, const struct rpch_event *ev, usec_t now)
{
	r->pdus++;
	if (ev->kind == RPCH_PDU_PING)
		r->ping = now;
	if (ev->kind == RPCH_PDU_CONN_A3 || ev->kind == RPCH_PDU_CONN_C2)
		r->timeout = rpch_timeout(ev->rts.timeout);
	if (ev->kind == RPCH_PDU_BIND || ev->kind == RPCH_PDU_ALTER)
		r->auth_level = ev->bind.auth_level;
}

static void refuse(struct session *s, uint32_t call_id, usec_t now)
{
	struct proxy *p = s->proxy;
	struct rpc *r = s->rpc;

	r->refused = true;
	p->stats.rpc_refused++;
	if (r->asking || !r->joined) {
		refused(p, r, now);
		return;
	}
	r->note.verb = VC_REFUSE;
	r->note.call_id = call_id;
	r->asking = true;
	if (!vc_ask(p, &r->note, now))
		return;
	r->asking = false;
	ask_fault(p, r, now);
}

bool rpc_up(struct session *s, struct bytes piece, usec_t now)
{
	struct proxy *p = s->proxy;
	struct rpc *r = s->rpc;
	struct rpch_event ev;

	if (r->refused)
		return false;
	while (rpch_watch(&r->up, &p->rpc_counts, &piece, &ev) == RPCH_OK) {
		note_event(r, &ev, now);
		if ((ev.kind != RPCH_PDU_BIND && ev.kind != RPCH_PDU_ALTER) ||
		    ev.bind.auth_level >= RPCH_LEVEL_PRIVACY || !r->legacy)
			continue;
		p->stats.rpc_unencrypted++;
		if (!p->config->rpc_encryption_required)
			continue;
		refuse(s, ev.call_id, now);
		return false;
	}
	return true;
}

void rpc_down(struct session *s, struct bytes piece, usec_t now)
{
	struct rpc *r = s->rpc;
	struct rpch_event ev;

	while (rpch_watch(&r->down, &s->proxy->rpc_counts, &piece, &ev) ==
	       RPCH_OK)
		note_event(r, &ev, now);
	tell_denials(s->proxy, r, now);
}

void rpc_answer_begins(struct session *s, const struct http_head *h)
{
	/* Chunks would be read as PDUs; an error's body is for people. */
	if (h->framing == HTTP_CHUNKED || h->status != 200)
		s->rpc->down.opaque = true;
}

bool rpc_over(const struct session *s)
{
	/* Nothing follows a whole request but the end: OUT's was whole at once,
	 * IN's is when all that it announced has come. */
	if (s->up_done)
		return tcp_status(s->client.tc) == TCP_PEER_CLOSED;
	return !s->rpc->out && !s->client.in &&
	       (s->client.eof || s->client.cut) && !tcp_dead(s->client.tc);
}

/* The last PDUs of an IN channel must arrive, or a channel that was replaced
 * takes the new one with it. */
enum step rpc_close(struct session *s, usec_t now)
{
	if (!s->rpc->out && s->back.tc)
		back_close(s, now);
	return session_kill(s, false, now);
}

enum step rpc_cut(struct session *s, usec_t now)
{
	record_how(s, PROXY_END_RPC);
	/* Who has an answer reads it to its end. */
	return s->answering ? session_linger(s, now)
			    : session_kill(s, true, now);
}

usec_t rpc_silence(const struct session *s, usec_t otherwise)
{
	const struct rpc *r = s->rpc;

	/* Who pings does so after half of it. */
	return r && r->timeout ? min(r->timeout + r->timeout / 2, otherwise)
			       : otherwise;
}

/* --- refusals
 * ------------------------------------------------------------------------------
 */

bool rpc_fault(struct proxy *p, const struct vc_note *n, usec_t now)
{
	list_for_each(it, &p->channels)
	{
		struct rpc *r = list_entry(it, struct rpc, link);

		if (!r->session || r->session->id != n->to.session)
			continue;
		if (!r->out) {
			cut(r);
			return true;
		}
		r->fault_owed = true;
		r->fault_call = n->call_id;
		session_queue(r->session, &p->ready);
		return true;
	}
	return false;
}

enum step rpc_tell_fault(struct session *s, usec_t now)
{
	uint8_t fault[RPCH_FAULT_SIZE];
	struct rpc *r = s->rpc;

	if (!s->answering)
		return session_answer(s, 503, NULL,
				      "RPC that is not encrypted is refused.",
				      true, now);
	if (!stream_room(&s->client))
		return STEP_WAIT;
	rpch_fault(fault, r->fault_call, RPCH_STATUS_ACCESS_DENIED);
	if (s->down.framing != HTTP_CHUNKED &&
	    !stream_write(&s->client, fault, sizeof(fault), now))
		return STEP_WAIT;
	return session_linger(s, now);
}
