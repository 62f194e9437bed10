/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * relay.c - one exchange: the request's body up, the answer down, both at
 * once, nothing stored beyond what the other side has room for.
 *
 * How it ends is one rule in many cases: a cut message
 * must never look complete to the one who receives it.
 */
#include "proxy/proxy_int.h"

static struct rpch_watch *watch_of(struct session *s, const struct stream *from)
{
	return from == &s->client ? &s->rpc->up : &s->rpc->down;
}

/* What passes on a channel of Outlook Anywhere; false: it must not. */
static bool look(struct session *s, const struct stream *from,
		 struct bytes piece, usec_t now)
{
	if (from == &s->client)
		return rpc_up(s, piece, now);
	rpc_down(s, piece, now);
	return true;
}

/*
 * Move one piece of a body from `from` to `to`. PROGRESS when bytes moved or
 * the end of `from` was seen; *v tells of a malformed body.
 */
static enum step move(struct session *s, struct stream *from, struct stream *to,
		      struct http_body *body, uint64_t *bytes,
		      enum http_verdict *v, usec_t now)
{
	struct proxy *p = s->proxy;
	struct http_body before = *body;
	struct rpch_watch seen;
	struct bytes in, piece;
	size_t room, consumed;

	*v = HTTP_OK;
	room = stream_room(to);
	if (!room)
		return STEP_WAIT;
	in = bytes_upto(stream_bytes(from), room);
	if (!in.n)
		return fill(p, from, now);
	*v = http_body_next(body, in, &piece, &consumed);
	if (*v != HTTP_OK)
		return STEP_PROGRESS;
	if (s->rpc)
		seen = *watch_of(s, from);
	if (s->rpc && !look(s, from, piece, now)) {
		*body = before;
		return STEP_WAIT;
	}
	if (piece.n && !stream_write(to, piece.p, piece.n, now)) {
		*body = before;
		if (s->rpc)
			*watch_of(s, from) = seen;
		return STEP_WAIT;
	}
	*bytes += piece.n;
	stream_consume(&p->bufs, from, consumed);
	return STEP_PROGRESS;
}

static enum step relay_up(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	uint64_t moved = 0;
	enum http_verdict v;
	enum step step;

	if (s->rpc && rpc_over(s))
		return rpc_close(s, now);
	if (s->up_done || s->back.eof || s->back.cut)
		return STEP_WAIT;
	if (!s->client.in && (s->client.eof || s->client.cut)) {
		/* The client gave up inside its message. */
		p->stats.client_aborts++;
		return session_kill(s, s->client.cut, now);
	}
	step = move(s, &s->client, &s->back, &s->up, &moved, &v, now);
	s->bytes_up += moved;
	p->stats.bytes_up += moved;
	if (v != HTTP_OK) {
		p->stats.malformed++;
		p->stats.http[v]++;
		record_how(s, PROXY_END_MALFORMED);
		if (s->answering)
			return session_kill(s, true, now);
		return session_answer(s, 400, NULL, http_verdict_words(v), true,
				      now);
	}
	s->up_done = s->up.done;
	if (s->up_done && s->record)
		s->record->up_done = now;
	return step;
}

/* The back end's stream ended inside the answer's body. */
static enum step answer_ended(struct session *s, usec_t now)
{
	if (s->down.framing == HTTP_UNTIL_CLOSE && s->back.eof) {
		s->down_done = true;
		return STEP_PROGRESS;
	}
	/* A channel ends that way: RPC has its own framing. */
	if (s->rpc && !tcp_dead(s->back.tc))
		return session_linger(s, now);
	s->proxy->stats.back_aborts++;
	record_how(s, PROXY_END_SERVER);
	return session_kill(s, true, now);
}

static enum step relay_down(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	uint64_t moved = 0;
	enum http_verdict v;
	enum step step;

	if (!s->answering)
		return response_head(s, now);
	/* All is said; but while the request goes on, its reader's end must
	 * be seen. */
	if (s->down_done)
		return s->up_done || s->back.in ? STEP_WAIT
						: fill(p, &s->back, now);
	if (!s->back.in && (s->back.eof || s->back.cut))
		return answer_ended(s, now);
	step = move(s, &s->back, &s->client, &s->down, &moved, &v, now);
	s->bytes_down += moved;
	p->stats.bytes_down += moved;
	if (v != HTTP_OK) {
		p->stats.bad_responses++;
		record_how(s, PROXY_END_MALFORMED);
		return session_kill(s, true, now);
	}
	s->down_done = s->down.done;
	return step;
}

/* The answer has been passed on whole. */
static enum step finish(struct session *s, usec_t now)
{
	struct stream *back = &s->back;

	s->requests++;
	record_end(s, PROXY_END_WHOLE, now);
	if (!s->keep_alive || s->draining || !s->up_done)
		return session_linger(s, now);
	if (!s->back_keep || back->eof || back->cut || back->in)
		back_close(s, now);
	request_reset(s, now);
	session_enter(s, SESS_EXPECT_REQUEST, now);
	return STEP_PROGRESS;
}

/* What Autodiscover is asked is short: there is one time-out for all of it,
 * whatever else may come a byte at a time. */
bool relay_hurries(const struct session *s)
{
	return s->protocol == EXCHANGE_AUTODISCOVER && s->head_sent &&
	       !s->up_done;
}

enum step relay_step(struct session *s, usec_t now)
{
	const struct proxy_timeouts *t = &s->proxy->config->timeouts;
	usec_t silence = t->silence[s->protocol];
	enum step up, down;

	if (s->rpc && s->rpc->cut)
		return rpc_cut(s, now);
	if (!s->head_sent)
		return identity_ready(s, now, &up) ? request_forward(s, now)
						   : up;
	if (s->client.failed)
		return session_kill(s, true, now);
	/* Between two PDUs, or it would be read as part of one. */
	if (s->rpc && s->rpc->fault_owed &&
	    (!s->rpc->down.at || s->rpc->down.opaque))
		return rpc_tell_fault(s, now);
	up = relay_up(s, now);
	if (up == STEP_DEAD || s->state != SESS_EXCHANGE)
		return up;
	down = relay_down(s, now);
	if (down == STEP_DEAD || s->state != SESS_EXCHANGE)
		return down;
	if (s->answering && s->down_done &&
	    (s->up_done || !s->keep_alive || s->back.eof || s->back.cut ||
	     s->back.in))
		return finish(s, now);
	if (up == STEP_PROGRESS || down == STEP_PROGRESS) {
		if (!relay_hurries(s))
			session_deadline(s, now + rpc_silence(s, silence));
		return STEP_PROGRESS;
	}
	return up == STEP_STARVED || down == STEP_STARVED ? STEP_STARVED
							  : STEP_WAIT;
}
