/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * session.c - the life of a session: states, deadlines, and how it ends.
 *
 * session_run() is called whenever something may have changed, on either
 * connection or in the proxy, and does all that can be done now. It never
 * assumes why it was called, so no event can be lost.
 */
#include "proxy/proxy_int.h"

/* Steps of one session before others get their turn. */
#define BUDGET 8

/* A client that still sends after our FIN is listened to that long, or its
 * kernel would throw our answer away with the reset. */
#define LINGER_BYTES (256 * 1024)

static const char *const state_names[] = {
#define X(id, name) name,
	SESS_STATES(X)
#undef X
};

const char *session_state_name(enum sess_state st)
{
	return state_names[st];
}

void session_queue(struct session *s, struct list *queue)
{
	list_remove(&s->run);
	list_push(queue, &s->run);
}

void session_deadline(struct session *s, usec_t when)
{
	s->deadline = when;
	if (!tick_armed(&s->timer) || s->timer.when > when)
		tick_arm(&s->proxy->wheel, &s->timer, when);
}

void session_enter(struct session *s, enum sess_state state, usec_t now)
{
	struct proxy *p = s->proxy;
	const struct proxy_timeouts *t = &p->config->timeouts;
	usec_t wait = 0;

	if (s->probe) { /* has one time-out for all of it */
		s->state = state;
		session_deadline(s, s->began + s->probe->timeout);
		return;
	}
	if (s->state == SESS_CLIENT_TLS && state != SESS_CLIENT_TLS)
		p->stats.handshakes_now--;
	p->lingering += state == SESS_LINGER && s->state != SESS_LINGER;
	list_remove(&s->idle);
	back_waits(s, state == SESS_CONNECT || state == SESS_BACK_TLS);
	s->state = state;
	switch (state) {
	case SESS_PROXY_HEADER:
		wait = t->tls_handshake;
		break;
	case SESS_CLIENT_TLS:
		p->stats.handshakes_now++;
		wait = t->tls_handshake;
		break;
	case SESS_EXPECT_REQUEST:
		/* A connection's first request must come soon; later ones
		 * may take their time. */
		wait = s->requests ? t->keep_alive : t->request_head;
		list_push(&p->idle, &s->idle);
		break;
	case SESS_AUTH:
	case SESS_TICKET:
		wait = p->config->login_timeout;
		break;
	case SESS_AGREE:
	case SESS_CONNECT:
	case SESS_BACK_TLS:
		wait = t->connect;
		break;
	case SESS_EXCHANGE:
		wait = rpc_silence(s, t->silence[s->protocol]);
		break;
	case SESS_SPLICE:
		wait = t->silence[s->protocol];
		break;
	case SESS_LOGIN:
		wait = t->login;
		list_push(&p->idle, &s->idle);
		break;
	case SESS_BACK_LOGIN:
		wait = t->connect; /* for the greeting */
		break;
	case SESS_ANSWER:
		wait = t->request_head; /* as long as one may take to ask */
		break;
	case SESS_LINGER:
		wait = t->linger;
		break;
	}
	session_deadline(s, now + wait);
}

void session_accept(struct proxy *p, struct tcp_conn *tc, unsigned listener,
		    usec_t now)
{
	const struct proxy_listener *l = &p->config->listener[listener];
	struct tcp_info info;
	struct session *s;
	bool trusted;

	tcp_info(tc, &info);
	trusted = front_trusts(l->trusted, l->n_trusted, &info.remote);
	if (l->proxy_header && !trusted) {
		p->stats.strangers++;
		tcp_abort(tc, now);
		return;
	}
	s = slab_get(&p->session_slab);
	if (!s) {
		p->stats.refused++;
		tcp_abort(tc, now);
		return;
	}
	*s = (struct session){
		.proxy = p,
		.id = (uint64_t)p->setup.worker << 56 | ++p->next_id,
		.began = now,
		.progress = now,
		.listener = (uint16_t)listener,
		.https = l->https,
		.mail = l->mail,
		.logged = l->log,
		.internal = l->internal,
		.balanced = l->balanced,
		.trusted = trusted,
		.closes_forwarded = l->closes_forwarded,
		.proxy_header = l->proxy_header,
		.from = info.remote,
		.draining = p->draining,
		.client.tc = tc,
	};
	list_init(&s->run);
	list_init(&s->idle);
	list_init(&s->link);
	list_push(&p->sessions, &s->link);
	tick_node_init(&s->timer);
	tcp_set_user(tc, s);
	p->stats.accepted++;
	p->stats.sessions++;
	/* Enter knows no "before": the gauge of handshakes starts here. */
	s->state = SESS_EXPECT_REQUEST;
	if (s->mail && !mail_begin(s, l, now)) {
		p->stats.refused++;
		session_kill(s, true, now);
		return;
	}
	if (l->https) {
		s->client.tls = tls_accept(l->tls[p->setup.worker]);
		if (!s->client.tls) {
			session_kill(s, true, now);
			return;
		}
	}
	if (l->proxy_header)
		session_enter(s, SESS_PROXY_HEADER, now);
	else
		session_hear(s, now);
	session_queue(s, &p->ready);
}

void session_hear(struct session *s, usec_t now)
{
	const struct proxy_timeouts *t = &s->proxy->config->timeouts;

	session_enter(s,
		      s->https	? SESS_CLIENT_TLS
		      : s->mail ? SESS_LOGIN
				: SESS_EXPECT_REQUEST,
		      now);
	/* From accept: a PROXY header has had its share of it. */
	if (s->https)
		session_deadline(s, s->began + t->tls_handshake);
}

enum step session_kill(struct session *s, bool reset, usec_t now)
{
	struct proxy *p = s->proxy;

	if (s->state == SESS_CLIENT_TLS)
		p->stats.handshakes_now--;
	p->lingering -= s->state == SESS_LINGER;
	record_end(s, PROXY_END_CLIENT, now);
	/* First, or its own buffers wake it instead of another. */
	list_remove(&s->run);
	rpc_end(s, now);
	mail_forget(s);
	if (!reset)
		back_end(s, now);
	else if (s->back.tc)
		back_reset(s, now);
	if (!reset)
		stream_close(&s->client, now);
	stream_drop(&p->bufs, &s->client, reset, now);
	tick_cancel(&p->wheel, &s->timer);
	list_remove(&s->idle);
	list_remove(&s->link);
	p->stats.sessions--;
	mem_wipe(s->user, sizeof(s->user));
	mem_wipe(s->want_user, sizeof(s->want_user));
	slab_put(&p->session_slab, s);
	return STEP_DEAD;
}

enum step session_linger(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;

	mail_forget(s);
	record_end(s, PROXY_END_CLIENT, now);
	back_end(s, now);
	rpc_end(s, now);
	stream_close(&s->client, now);
	stream_buf_put(&p->bufs, s->client.in);
	s->client.in = NULL;
	p->stats.lingers++;
	s->lingered = 0;
	s->unacked = SIZE_MAX;
	session_enter(s, SESS_LINGER, now);
	return STEP_PROGRESS;
}

/* Lingering is for clients that do not stop; one that still reads, however
 * slowly, is seen out. Then TCP alone does the rest: whatever the client says
 * there is answered by a reset. */
static enum step linger_over(struct session *s, usec_t now)
{
	const struct proxy_timeouts *t = &s->proxy->config->timeouts;
	size_t left = tcp_tx_pending(s->client.tc);

	if (!left || left >= s->unacked)
		return session_kill(s, false, now);
	s->unacked = left;
	session_deadline(s, now + max(t->linger, SEC(1)));
	return STEP_PROGRESS;
}

static enum step linger_step(struct session *s, usec_t now)
{
	size_t n = tcp_rx_avail(s->client.tc);

	if (n && s->lingered <= LINGER_BYTES) {
		tcp_rx_consume(s->client.tc, n, now);
		s->lingered += n;
		/* Who has our answer is told to stop; who has not is no longer
		 * read from until he has, or does not get on. */
		if (s->lingered > LINGER_BYTES && !tcp_tx_pending(s->client.tc))
			return session_kill(s, true, now);
		return STEP_PROGRESS;
	}
	/* The FIN waits for the last byte; so does the pointer to it. */
	if (tcp_status(s->client.tc) != TCP_OPEN)
		return session_kill(s, false, now);
	return STEP_WAIT;
}

static enum step connect_step(struct session *s, usec_t now)
{
	switch (tcp_status(s->back.tc)) {
	case TCP_OPENING:
		return STEP_WAIT;
	case TCP_OPEN:
	case TCP_PEER_CLOSED:
		return back_connected(s, now);
	case TCP_REFUSED:
		return back_failed(s, "refused the connection", now);
	case TCP_RESET:
		return back_failed(s, "reset the connection", now);
	case TCP_TIMED_OUT:
		return back_failed(s, "does not answer", now);
	case TCP_UNREACHABLE:
		return back_failed(s, "cannot be reached", now);
	}
	return STEP_WAIT;
}

/* Handshakes wait in their own queue, which has a time budget. */
static enum step queue_handshake(struct session *s, const struct stream *side,
				 usec_t now)
{
	if (tcp_dead(side->tc))
		return side == &s->client
			       ? session_kill(s, true, now)
			       : back_failed(s,
					     "closed the connection during "
					     "the TLS handshake",
					     now);
	session_queue(s, &s->proxy->handshakes);
	return STEP_WAIT;
}

static enum step step_of(struct session *s, usec_t now)
{
	/* Whoever waits for an answer and resets wants none. */
	if (s->client.tc && s->state != SESS_CLIENT_TLS &&
	    tcp_dead(s->client.tc)) {
		if (s->state == SESS_EXCHANGE || s->state == SESS_SPLICE)
			s->proxy->stats.client_aborts++;
		return session_kill(s, true, now);
	}
	switch (s->state) {
	case SESS_PROXY_HEADER:
		return front_header_step(s, now);
	case SESS_CLIENT_TLS:
		return queue_handshake(s, &s->client, now);
	case SESS_EXPECT_REQUEST:
		return request_step(s, now);
	case SESS_AUTH:
	case SESS_TICKET:
		return STEP_WAIT; /* identity_answered() goes on */
	case SESS_AGREE:
		return STEP_WAIT; /* rpc_answered() goes on */
	case SESS_CONNECT:
		return connect_step(s, now);
	case SESS_BACK_TLS:
		return queue_handshake(s, &s->back, now);
	case SESS_EXCHANGE:
		return s->probe ? probe_step(s, now) : relay_step(s, now);
	case SESS_LOGIN:
		return mail_login_step(s, now);
	case SESS_BACK_LOGIN:
		return mail_back_step(s, now);
	case SESS_SPLICE:
		return mail_splice_step(s, now);
	case SESS_ANSWER:
		return session_answer(s, s->owed, s->owed_header,
				      s->owed_reason, s->owed_close, now);
	case SESS_LINGER:
		return linger_step(s, now);
	}
	return STEP_WAIT;
}

void session_run(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;

	for (int i = 0; i < BUDGET; i++) {
		switch (step_of(s, now)) {
		case STEP_PROGRESS:
			s->progress = now;
			continue;
		case STEP_YIELD:
			session_queue(s, &p->ready);
			return;
		case STEP_STARVED:
			p->stats.starved++;
			session_queue(s, p->bufs.lacking);
			return;
		case STEP_WAIT:
		case STEP_DEAD:
			return;
		}
	}
	session_queue(s, &p->ready);
}

static enum step client_handshake(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	struct tls_info info;

	switch (stream_handshake(&s->client, now)) {
	case TLS_OK:
		tls_info(s->client.tls, &info);
		p->stats.handshakes++;
		p->stats.handshakes_resumed += info.resumed;
		if (s->mail)
			mail_secured(s);
		/* The first request may have come with the last flight. */
		session_enter(s, s->mail ? SESS_LOGIN : SESS_EXPECT_REQUEST,
			      now);
		return STEP_PROGRESS;
	case TLS_WANT_IN:
	case TLS_WANT_OUT:
		if (!s->client.cut)
			return STEP_WAIT;
		break;
	case TLS_CLOSED:
	case TLS_FAIL_PROTOCOL:
	case TLS_FAIL_ALERT:
	case TLS_FAIL_VERIFY:
	case TLS_FAIL_INTERNAL:
		break;
	}
	/* The alert is written: FIN behind it, then see the client out. */
	p->stats.handshakes_failed++;
	return tcp_dead(s->client.tc) ? session_kill(s, true, now)
				      : session_linger(s, now);
}

static enum step back_handshake(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	struct tls_info info;

	switch (stream_handshake(&s->back, now)) {
	case TLS_OK:
		tls_info(s->back.tls, &info);
		p->stats.back_handshakes += !s->probe;
		p->stats.back_resumed += info.resumed && !s->probe;
		session_enter(s,
			      s->mail && !s->probe ? SESS_BACK_LOGIN
						   : SESS_EXCHANGE,
			      now);
		return STEP_PROGRESS;
	case TLS_WANT_IN:
	case TLS_WANT_OUT:
		if (!s->back.cut)
			return STEP_WAIT;
		return back_failed(s,
				   "closed the connection during the TLS "
				   "handshake",
				   now);
	case TLS_FAIL_VERIFY:
		if (s->probe)
			s->probe->facts.reach = EXCHANGE_NO_TRUST;
		break;
	case TLS_CLOSED:
	case TLS_FAIL_PROTOCOL:
	case TLS_FAIL_ALERT:
	case TLS_FAIL_INTERNAL:
		break;
	}
	return back_failed(s, tls_error(s->back.tls), now);
}

void session_carry_on(struct session *s, enum step step)
{
	if (step == STEP_PROGRESS)
		session_queue(s, &s->proxy->ready);
}

void session_handshake(struct session *s, usec_t now)
{
	if (s->state == SESS_CLIENT_TLS)
		session_carry_on(s, client_handshake(s, now));
	else if (s->state == SESS_BACK_TLS)
		session_carry_on(s, back_handshake(s, now));
}

static enum step time_out(struct session *s, usec_t now)
{
	static const char late[] = "The request did not arrive whole in time.";

	switch (s->state) {
	case SESS_PROXY_HEADER:
	case SESS_CLIENT_TLS:
	case SESS_ANSWER:
		return session_kill(s, true, now);
	case SESS_LINGER:
		return linger_over(s, now);
	case SESS_EXPECT_REQUEST:
		if (!s->client.in)
			return session_linger(s, now);
		if (s->rpc && !s->peeked) {
			/* Then it is carried without knowing whose it is. */
			s->peeked = true;
			s->await = 0;
			return STEP_PROGRESS;
		}
		return session_answer(s, 408, NULL, late, true, now);
	case SESS_AUTH:
	case SESS_TICKET:
		return identity_late(s, now);
	case SESS_AGREE:
		return rpc_alone(s, now);
	case SESS_CONNECT:
	case SESS_BACK_TLS:
		return back_failed(s, "did not answer in time", now);
	case SESS_LOGIN:
	case SESS_BACK_LOGIN:
	case SESS_SPLICE:
		return mail_time_out(s, now);
	case SESS_EXCHANGE:
		break;
	}
	if (s->answering)
		return session_kill(s, true, now);
	if (relay_hurries(s))
		return session_answer(s, 408, NULL, late, true, now);
	if (s->head_sent && s->up_done)
		back_result(s, false);
	return session_answer(s, 504, NULL,
			      "The Exchange server did not answer in time.",
			      true, now);
}

void session_timeout(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	enum step step;

	if (now < s->deadline) {
		tick_arm(&p->wheel, &s->timer, s->deadline);
		return;
	}
	if (s->probe) {
		session_carry_on(s, probe_timeout(s, now));
		return;
	}
	if (s->state != SESS_LINGER && s->state != SESS_EXPECT_REQUEST)
		p->stats.timeouts++;
	/* Who waits for one server may yet be served by another. */
	if (s->state != SESS_CONNECT && s->state != SESS_BACK_TLS &&
	    s->state != SESS_BACK_LOGIN)
		record_how(s, PROXY_END_TIMEOUT);
	step = time_out(s, now);
	/* A 408 that found no room: nobody reads there any more. */
	if (step == STEP_WAIT && s->state != SESS_ANSWER)
		step = session_kill(s, true, now);
	session_carry_on(s, step);
}
