/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * back.c - the one back-end connection of a session: choosing a candidate,
 * connecting, moving on to the next one while no byte has been sent.
 */
#include <stdio.h>

#include "proxy/proxy_int.h"

int back_index(const struct proxy *p, uint16_t id)
{
	return id < p->config->n_ids ? p->config->server_of_id[id] : -1;
}

void back_waits(struct session *s, bool waits)
{
	struct proxy_server_stats *st = &s->proxy->servers[s->server_id];

	if (s->waiting)
		st->waiting--;
	if (waits)
		st->waiting++;
	s->waiting = waits;
}

static void forget(struct session *s, bool reset, usec_t now)
{
	struct proxy *p = s->proxy;

	back_waits(s, false);
	p->servers[s->server_id].connections--;
	stream_drop(&p->bufs, &s->back, reset, now);
	s->bound = false;
	identity_end(s);
	mem_wipe(s->user, sizeof(s->user));
}

void back_close(struct session *s, usec_t now)
{
	stream_close(&s->back, now);
	forget(s, false, now);
}

/* A cut message must not look complete to the server: never close_notify. */
void back_reset(struct session *s, usec_t now)
{
	forget(s, true, now);
}

void back_end(struct session *s, usec_t now)
{
	bool whole = s->state == SESS_EXPECT_REQUEST ||
		     s->state == SESS_SPLICE ||
		     (s->state == SESS_EXCHANGE && s->up_done && s->down_done);

	if (!s->back.tc)
		return;
	if (whole)
		back_close(s, now);
	else
		back_reset(s, now);
}

bool back_spoiled(struct session *s, usec_t now)
{
	struct stream *b = &s->back;

	/* Session tickets come now and then, and are no words. */
	while (fill(s->proxy, b, now) == STEP_PROGRESS)
		if (b->in || b->eof || b->cut)
			return true;
	return tcp_dead(b->tc);
}

/* Is the open connection's server one that this request may go to? Another
 * than the first only where the first, the same as now, was asked in vain: the
 * two channels of Outlook Anywhere must choose alike. */
static bool right_server(const struct session *s)
{
	if (s->server_id == s->candidate[0])
		return true;
	if (s->first_choice != s->candidate[0])
		return false;
	for (unsigned i = 1; i < s->n_candidates; i++)
		if (s->candidate[i] == s->server_id)
			return true;
	return false;
}

/* The connection that is open serves this request too: same server, same
 * user, and nothing says that it is about to end. */
static bool reusable(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;

	if (strcmp(s->user, s->want_user)) {
		p->stats.user_changed++;
		return false;
	}
	if (front_changed(s)) {
		p->stats.client_changed++;
		return false;
	}
	if (!right_server(s)) {
		p->stats.server_changed++;
		return false;
	}
	/* Bytes that no buffer was found for may be an answer to nothing. */
	return !back_spoiled(s, now) && !tcp_rx_avail(s->back.tc) &&
	       tcp_status(s->back.tc) == TCP_OPEN;
}

const struct ipaddr *back_source(const struct proxy_server *b,
				 const struct ipaddr *to, uint64_t turn)
{
	bool v4 = ipaddr_is_v4(to);

	for (unsigned k = 0; k < b->n_sources; k++) {
		const struct ipaddr *a = &b->source[(turn + k) % b->n_sources];

		if (ipaddr_is_v4(a) == v4)
			return a;
	}
	return &ipaddr_any;
}

/* Who waits for a server holds a buffer. A server that does not answer must
 * not hold so many that the users of others find none. */
static bool crowded(const struct proxy *p, uint16_t id)
{
	return p->servers[id].waiting >= p->bufs.small.count / 2;
}

uint16_t back_port(const struct session *s, const struct proxy_server *b)
{
	if (!s->mail)
		return b->port;
	return s->protocol == EXCHANGE_POP ? b->pop_port : b->imap_port;
}

static enum step connect_next(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	bool overloaded = false;

	while (s->next_candidate < s->n_candidates) {
		uint16_t id = s->candidate[s->next_candidate];
		int i = back_index(p, id);
		const struct proxy_server *b;

		if (i < 0 || s->next_addr >= p->config->server[i].n_addrs) {
			s->next_candidate++;
			s->next_addr = 0;
			continue;
		}
		if (crowded(p, id)) {
			overloaded = true;
			s->next_candidate++;
			s->next_addr = 0;
			continue;
		}
		b = &p->config->server[i];
		if (s->next_candidate || s->next_addr)
			p->stats.connects_retried++;
		s->back.tc = dial(s, b, &b->addr[s->next_addr++], now);
		if (!s->back.tc) {
			p->stats.connects_failed++;
			continue;
		}
		s->server_id = id;
		p->servers[id].connections++;
		p->stats.connects++;
		session_enter(s, SESS_CONNECT, now);
		return STEP_PROGRESS;
	}
	p->stats.overloaded += overloaded;
	if (s->mail)
		return overloaded ? mail_unavailable(s,
						     "Too many wait for this "
						     "Exchange server.",
						     now)
				  : mail_unreachable(s, now);
	if (overloaded) {
		return session_answer(
			s, 503, "Retry-After: 5\r\n",
			"Too many requests wait for this Exchange server to "
			"answer.",
			false, now);
	}
	return session_answer(
		s, 502, NULL,
		"None of the Exchange servers that could take this "
		"request can be reached.",
		false, now);
}

enum step back_begin(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;

	s->next_candidate = s->next_addr = 0;
	if (s->back.tc) {
		if (reusable(s, now)) {
			p->stats.back_reused++;
			session_enter(s, SESS_EXCHANGE, now);
			return STEP_PROGRESS;
		}
		back_close(s, now);
	}
	s->first_choice = s->candidate[0];
	return connect_next(s, now);
}

enum step back_connected(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	int i = back_index(p, s->server_id);
	struct tls_target *target;

	/* A reload may have taken the server away meanwhile. */
	if (i < 0)
		return back_failed(s, "was removed from the configuration",
				   now);
	target = s->mail ? p->config->server[i].mail_tls[p->setup.worker]
			 : p->config->server[i].tls[p->setup.worker];
	s->back.tls = target ? tls_connect(target) : NULL;
	if (!s->back.tls)
		return s->probe ? probe_failed(s, "memory is short", now)
				: session_kill(s, true, now);
	/* From here on the connection is this user's, and nobody else's. */
	memcpy(s->user, s->want_user, sizeof(s->user));
	s->back_from = s->from;
	s->back_identity = s->identity;
	s->knocks = s->knocked = false;
	session_enter(s, SESS_BACK_TLS, now);
	return STEP_PROGRESS;
}

void back_note(struct session *s, const char *why)
{
	struct proxy_server_stats *st = &s->proxy->servers[s->server_id];

	back_result(s, false);
	snprintf(st->last_error, sizeof(st->last_error), "%s", why);
	st->failures++;
}

enum step back_failed(struct session *s, const char *why, usec_t now)
{
	struct proxy *p = s->proxy;

	if (s->probe)
		return probe_failed(s, why, now);
	back_note(s, why);
	p->stats.connects_failed++;
	back_reset(s, now);
	return connect_next(s, now);
}
