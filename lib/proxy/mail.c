/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mail.c - a POP or IMAP session: the client's dialogue until it has said who
 * it is, the same said to a server, and from there on two streams that are one.
 *
 * What a dialogue needs is lent from a pool of its own, and given back and
 * wiped at the login: a client that never logs in takes the place of another
 * one of his kind, and of nobody else.
 */
#include <stdio.h>

#include "proxy/proxy_int.h"

#define PATIENCE SEC(1) /* a dialogue is younger: it is not evicted */

static enum mail_protocol language(const struct session *s)
{
	return s->protocol == EXCHANGE_POP ? MAIL_POP : MAIL_IMAP;
}

/* --- the place where it is remembered who logs in --------------------- */

/* The oldest that only its client keeps waiting. */
static bool evict(struct proxy *p, usec_t now)
{
	list_for_each(node, &p->dialogues)
	{
		struct dialogue *d = list_entry(node, struct dialogue, link);

		if (d->began + PATIENCE > now)
			return false;
		if (d->session->state != SESS_LOGIN &&
		    d->session->state != SESS_CLIENT_TLS)
			continue;
		p->stats.evicted++;
		session_kill(d->session, true, now);
		return true;
	}
	return false;
}

bool mail_begin(struct session *s, const struct proxy_listener *l, usec_t now)
{
	struct proxy *p = s->proxy;
	struct dialogue *d = slab_get(&p->dialogue_slab);

	if (!d && evict(p, now))
		d = slab_get(&p->dialogue_slab);
	if (!d)
		return false;
	*d = (struct dialogue){ .session = s, .began = now };
	list_init(&d->link);
	list_push(&p->dialogues, &d->link);
	s->dialogue = d;
	s->protocol = l->protocol;
	stream_secret(&s->client, true);
	mail_client_init(&d->client, language(s), l->https);
	p->stats.mail_dialogues++;
	return true;
}

void mail_forget(struct session *s)
{
	struct dialogue *d = s->dialogue;

	if (!d)
		return;
	list_remove(&d->link);
	mem_wipe(d, sizeof(*d));
	slab_put(&s->proxy->dialogue_slab, d);
	s->dialogue = NULL;
	s->proxy->stats.mail_dialogues--;
}

/* --- words of our own ------------------------------------------------- */

static struct bytes_writer writer(struct proxy *p)
{
	return (struct bytes_writer){ p->out, 0, MAIL_ANSWER, false };
}

/* Is what was written out of our hands? It is short, and room was asked for
 * before: without packet buffers nothing can be said, so the end it is. */
static bool say(struct session *s, struct stream *to, struct bytes_writer *w,
		usec_t now)
{
	bool ok;

	assert(!w->overflow);
	ok = !w->n || (stream_room(to) && stream_write(to, w->p, w->n, now));
	mem_wipe(w->p, w->n);
	if (to == &s->client)
		s->bytes_down += w->n;
	else
		s->bytes_up += w->n;
	w->n = 0;
	return ok;
}

enum step mail_bye(struct session *s, const char *why, usec_t now)
{
	struct bytes_writer w = writer(s->proxy);

	mail_client_bye(&s->dialogue->client, why, &w);
	if (!say(s, &s->client, &w, now))
		return session_kill(s, true, now);
	return session_linger(s, now);
}

enum step mail_unavailable(struct session *s, const char *why, usec_t now)
{
	struct bytes_writer w = writer(s->proxy);

	if (s->back.tc)
		back_reset(s, now);
	mail_client_unavailable(&s->dialogue->client, why, &w);
	mail_login_wipe(&s->dialogue->client.login);
	record_why(s, why);
	record_end(s, PROXY_END_WHOLE, now);
	s->proxy->stats.answered++;
	if (!say(s, &s->client, &w, now))
		return session_kill(s, true, now);
	session_enter(s, SESS_LOGIN, now);
	return STEP_PROGRESS;
}

enum step mail_unreachable(struct session *s, usec_t now)
{
	char why[512];

	snprintf(why, sizeof(why),
		 "None of the Exchange servers that could take this mailbox "
		 "can be reached. For the administrator: is the service "
		 "running there? %s",
		 exchange_mail_cure(s->protocol));
	return mail_unavailable(s, why, now);
}

/* --- the client says who it is ---------------------------------------- */

/* The mailbox, where it is, and who can open it. */
static enum step route(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	const struct exchange_topology *t = &p->config->topology;
	const struct exchange_decision *d = &p->decision;
	const struct mail_login *l = &s->dialogue->client.login;
	const char *name = l->acts_as[0] ? l->acts_as : l->user;
	struct exchange_request r = { .protocol = s->protocol,
				      .user = BYTES(name) };
	struct exchange_place place;

	/* Whose password it is, not whose mailbox. */
	if (!bytes_str(BYTES(l->user), s->want_user, SESS_USER))
		s->want_user[0] = '\0';
	record_login(s, now);
	if (p->level >= 2) {
		p->stats.overloaded++;
		return mail_unavailable(s, "The appliance is overloaded.", now);
	}
	if (p->config->inactive >> s->protocol & 1) {
		p->stats.inactive++;
		return mail_unavailable(s, p->config->why_inactive[s->protocol],
					now);
	}
	p->stats.requests++;
	exchange_keys(&r, &p->keys);
	proxy_locate(t, p->setup.routes, &p->keys, &place);
	record_place(s, &place, now);
	exchange_decide(t, &r, &place, &p->decision);
	if (d->action != EXCHANGE_PROXY)
		return mail_unavailable(
			s,
			s->internal ? d->reason
				    : "No Exchange server may open this "
				      "mailbox; `casgatectl route explain` "
				      "says why.",
			now);
	s->n_candidates = (uint8_t)d->n;
	for (unsigned i = 0; i < d->n; i++)
		s->candidate[i] = t->server[d->candidate[i]].id;
	p->stats.proxied++;
	p->stats.requests_of[s->protocol]++;
	mail_server_init(&s->dialogue->server, language(s));
	return back_begin(s, now);
}

/* A listener's contexts change with the configuration: the one of now. */
static struct tls_server *context_of(const struct session *s)
{
	const struct proxy *p = s->proxy;
	struct tls_server *found = NULL;
	struct tcp_info info;

	tcp_info(s->client.tc, &info);
	for (unsigned i = 0; i < p->config->n_listeners; i++) {
		const struct proxy_listener *l = &p->config->listener[i];

		if (!l->mail || l->port != info.lport ||
		    l->protocol != s->protocol)
			continue;
		if (ipaddr_eq(&l->addr, &info.local))
			return l->tls[p->setup.worker];
		if (ipaddr_is_any(&l->addr))
			found = l->tls[p->setup.worker];
	}
	return found;
}

static enum step start_tls(struct session *s, struct bytes_writer *w,
			   usec_t now)
{
	struct tls_server *context = context_of(s);

	/* What is there already was said before the answer could be known. */
	if (tcp_rx_avail(s->client.tc)) {
		s->proxy->stats.mail_injected++;
		return session_kill(s, true, now);
	}
	if (!context || s->proxy->level >= 1)
		return mail_bye(s, "TLS is not possible now.", now);
	if (!say(s, &s->client, w, now))
		return session_kill(s, true, now);
	s->client.tls = tls_accept(context);
	if (!s->client.tls)
		return session_kill(s, true, now);
	session_enter(s, SESS_CLIENT_TLS, now);
	return STEP_PROGRESS;
}

/* Half a command holds a buffer: it gives way like half a head. */
static enum step await_command(struct session *s, usec_t now)
{
	if (s->client.in && !s->request_began) {
		s->request_began = now;
		list_remove(&s->idle);
		list_push(&s->proxy->heads, &s->idle);
	}
	if (s->client.eof || s->client.cut)
		return session_linger(s, now);
	return fill(s->proxy, &s->client, now);
}

static enum step greet(struct session *s, usec_t now)
{
	struct dialogue *d = s->dialogue;
	struct bytes_writer w = writer(s->proxy);

	mail_client_greet(&d->client, &w);
	d->greeted = true;
	return say(s, &s->client, &w, now) ? STEP_PROGRESS
					   : session_kill(s, true, now);
}

void mail_secured(struct session *s)
{
	struct dialogue *d = s->dialogue;

	/* After STARTTLS nobody is greeted a second time. */
	mail_client_secured(&d->client);
}

enum step mail_login_step(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	struct dialogue *d = s->dialogue;
	struct bytes_writer w = writer(p);
	enum mail_turn turn;
	size_t used;

	if (s->client.failed)
		return session_kill(s, true, now);
	if (!stream_room(&s->client))
		return STEP_WAIT;
	if (s->draining)
		return mail_bye(s, "Try again later.", now);
	if (!d->greeted)
		return greet(s, now);
	turn = mail_client_next(&d->client, stream_bytes(&s->client), &used,
				&w);
	stream_consume(&p->bufs, &s->client, used);
	if (used && s->request_began) {
		s->request_began = 0;
		list_remove(&s->idle);
		list_push(&p->idle, &s->idle);
	}
	if (turn == MAIL_TLS)
		return start_tls(s, &w, now);
	if (turn != MAIL_INJECTED && !say(s, &s->client, &w, now))
		return session_kill(s, true, now);
	switch (turn) {
	case MAIL_MORE:
		return await_command(s, now);
	case MAIL_LOGIN:
		return route(s, now);
	case MAIL_BYE:
		return session_linger(s, now);
	case MAIL_REFUSED:
		p->stats.malformed++;
		return session_linger(s, now);
	case MAIL_INJECTED:
		p->stats.mail_injected++;
		return session_kill(s, true, now);
	case MAIL_GO_ON:
	case MAIL_TLS:
	case MAIL_ACCEPTED:
	case MAIL_DENIED:
	case MAIL_BROKEN:
		break;
	}
	return STEP_PROGRESS;
}

/* --- the server is told ----------------------------------------------- */

/* Until the password is out another server may be asked. */
static enum step back_broke(struct session *s, const char *why, usec_t now)
{
	if (!s->dialogue->server.told)
		return back_failed(s, why, now);
	back_note(s, why);
	return mail_unavailable(s,
				"The Exchange server did not answer the "
				"login.",
				now);
}

static enum step accepted(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;

	p->stats.mail_logins++;
	record_verdict(s, true, now);
	record_end(s, PROXY_END_WHOLE, now);
	record_session(s, now);
	back_result(s, true);
	p->servers[s->server_id].requests++;
	s->requests++;
	mail_forget(s);
	stream_secret(&s->client, false);
	session_enter(s, SESS_SPLICE, now);
	return STEP_PROGRESS;
}

static enum step denied(struct session *s, usec_t now)
{
	bool enough = mail_client_denied(&s->dialogue->client);

	s->proxy->stats.mail_denied++;
	record_verdict(s, false, now);
	record_end(s, PROXY_END_WHOLE, now);
	back_result(s, true); /* a no is an answer */
	s->requests++;
	mail_login_wipe(&s->dialogue->client.login);
	back_close(s, now);
	if (enough || s->draining)
		return mail_bye(s, "Too many logins in vain.", now);
	session_enter(s, SESS_LOGIN, now);
	return STEP_PROGRESS;
}

enum step mail_back_step(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	struct dialogue *d = s->dialogue;
	struct mail_login *l = &d->client.login;
	/* Both at once, and never more than a record. */
	struct bytes_writer back = { p->out, 0, MAIL_RELAYED, false };
	struct bytes_writer client = { p->out + MAIL_RELAYED, 0, MAIL_RELAYED,
				       false };
	bool told = d->server.told;
	enum mail_turn turn;
	size_t used;

	if (s->client.failed || s->back.failed)
		return s->client.failed ? session_kill(s, true, now)
					: back_broke(s, "broke TLS", now);
	if (tcp_dead(s->back.tc))
		return back_broke(s, "closed the connection during the login",
				  now);
	if (!stream_room(&s->client) || !stream_room(&s->back))
		return STEP_WAIT;
	turn = mail_server_next(&d->server, l, stream_bytes(&s->back), &used,
				&back, &client);
	stream_consume(&p->bufs, &s->back, used);
	if (!say(s, &s->back, &back, now) || !say(s, &s->client, &client, now))
		return session_kill(s, true, now);
	if (d->server.told && !told) {
		record_sent(s, now);
		mem_wipe(l->password, sizeof(l->password));
		session_deadline(s, now + p->config->timeouts.login);
	}
	if (turn == MAIL_ACCEPTED)
		return accepted(s, now);
	if (turn == MAIL_DENIED)
		return denied(s, now);
	if (turn == MAIL_BROKEN)
		return back_broke(s, d->server.why, now);
	if (turn == MAIL_GO_ON)
		return STEP_PROGRESS;
	if (s->back.eof || s->back.cut)
		return back_broke(s, "closed the connection during the login",
				  now);
	return fill(p, &s->back, now);
}

/* --- two streams that are one ----------------------------------------- */

/* Move one piece. An end is handed on as what it was: a clean one as a clean
 * one, a cut one (FIN without close_notify, as many servers do it) as a cut
 * one. */
static enum step splice(struct session *s, struct stream *from,
			struct stream *to, uint64_t *bytes, usec_t now)
{
	struct proxy *p = s->proxy;
	struct bytes in;
	size_t room;

	if (to->closed)
		return STEP_WAIT;
	if (!from->in && (from->eof || from->cut)) {
		if (from->eof)
			stream_close(to, now);
		else if (tcp_dead(from->tc))
			return STEP_WAIT; /* a reset is a reset */
		else
			stream_cut(to, now);
		return STEP_PROGRESS;
	}
	room = stream_room(to);
	if (!room)
		return STEP_WAIT;
	in = bytes_upto(stream_bytes(from), room);
	if (!in.n)
		return fill(p, from, now);
	if (!stream_write(to, in.p, in.n, now))
		return STEP_WAIT;
	*bytes += in.n;
	stream_consume(&p->bufs, from, in.n);
	return STEP_PROGRESS;
}

enum step mail_splice_step(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	uint64_t moved_up = 0, moved_down = 0;
	enum step up, down;

	up = splice(s, &s->client, &s->back, &moved_up, now);
	down = splice(s, &s->back, &s->client, &moved_down, now);
	s->bytes_up += moved_up;
	s->bytes_down += moved_down;
	p->stats.bytes_up += moved_up;
	p->stats.bytes_down += moved_down;
	if (s->client.failed) {
		p->stats.client_aborts++;
		return session_kill(s, true, now);
	}
	/* A server that has ended has nothing to hear any more. */
	if (s->client.closed) {
		record_end(s, PROXY_END_WHOLE, now);
		return session_linger(s, now);
	}
	if (s->back.failed || (tcp_dead(s->back.tc) && down != STEP_PROGRESS)) {
		p->stats.back_aborts++;
		record_how(s, PROXY_END_SERVER);
		return session_kill(s, true, now);
	}
	if (up == STEP_PROGRESS || down == STEP_PROGRESS) {
		session_deadline(
			s, now + p->config->timeouts.silence[s->protocol]);
		return STEP_PROGRESS;
	}
	return up == STEP_STARVED || down == STEP_STARVED ? STEP_STARVED
							  : STEP_WAIT;
}

enum step mail_time_out(struct session *s, usec_t now)
{
	if (s->state == SESS_LOGIN)
		return mail_bye(s, "It took too long to log in.", now);
	if (s->state == SESS_BACK_LOGIN)
		return back_broke(s, "did not answer the login in time", now);
	/* The server has let it pass as well. */
	return session_linger(s, now);
}
