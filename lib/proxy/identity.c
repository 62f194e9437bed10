/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * identity.c - requests that reach their server by Kerberos although the client
 * gave a password: Outlook Anywhere of 2007 and 2010.
 *
 * There IIS takes the HTTP user for nobody but the user of its RPC proxy; whose
 * mailbox it is, RPC itself says, inside (MS-RPCH 2.1.2.1). So the password is
 * verified here, and the server is logged on to by the appliance's account: a
 * ticket a request. A channel's body is sent on a connection only after an echo
 * was answered on it: a 401 in the middle of 1 GiB would be too late.
 *
 * Who waits for a domain controller is a thread elsewhere; a job goes there and
 * comes back, and finds its session or not.
 */
#include "proxy/proxy_int.h"

#include <stdio.h>

#define VERDICT_LIFE SEC(60) /* before the thread that keeps them is asked */

/* --- jobs ------------------------------------------------------------------
 */

static struct login *new_login(struct session *s, enum auth_ask ask)
{
	struct proxy *p = s->proxy;
	struct login *l = slab_get(&p->logins);

	if (!l)
		return NULL;
	memset(&l->job, 0, sizeof(l->job));
	l->job.ask = ask;
	l->job.token = l->token;
	l->job.token_room = sizeof(l->token);
	l->job.arg = l;
	l->session = s;
	l->asked = false;
	s->login = l;
	p->stats.logins_now++;
	return l;
}

static void free_login(struct proxy *p, struct login *l)
{
	mem_wipe(l->job.password, sizeof(l->job.password));
	mem_wipe(l->token, l->job.token_n);
	p->stats.logins_now--;
	slab_put(&p->logins, l);
}

void identity_end(struct session *s)
{
	struct login *l = s->login;

	s->login = NULL;
	if (l && l->asked)
		l->session = NULL; /* freed when it comes back */
	else if (l)
		free_login(s->proxy, l);
}

static enum step busy(struct session *s, usec_t now)
{
	identity_end(s);
	s->proxy->stats.logins_refused++;
	return session_answer(s, 503, "Retry-After: 2\r\n",
			      "Too many wait to be logged on.", false, now);
}

static bool ask(struct session *s, struct login *l, usec_t now)
{
	struct proxy *p = s->proxy;

	l->job.done = identity_answered;
	l->asked =
		p->setup.auth.ask(p->setup.auth.arg, p->setup.worker, &l->job);
	return l->asked;
}

/* --- passwords -------------------------------------------------------------
 */

static struct login_verdict *verdict(struct session *s)
{
	return &s->proxy->verdicts[s->identity % LOGIN_VERDICTS];
}

/* By two hashes of all of Authorization: no password is kept. */
static bool verified(struct session *s, usec_t now)
{
	const struct login_verdict *v = verdict(s);

	return v->until > now && v->key[0] == s->identity &&
	       v->key[1] == s->identity_more;
}

static void remember(struct session *s, usec_t now)
{
	*verdict(s) = (struct login_verdict){ { s->identity, s->identity_more },
					      now + VERDICT_LIFE };
}

/* Whom the mailbox table knows by what was typed is his sAMAccountName to
 * Kerberos. Others are as they were typed, "CONTOSO\alice" without the domain.
 */
static bool set_user(struct session *s, struct bytes user, struct login *l)
{
	size_t at = bytes_find(user, '\\');

	if (route_sam(s->proxy->setup.routes, user, l->job.user,
		      sizeof(l->job.user)))
		return true;
	if (at < user.n)
		user = bytes_from(user, at + 1);
	return bytes_str(user, l->job.user, sizeof(l->job.user));
}

static bool set_credentials(struct session *s, struct login *l)
{
	const struct http_field *f =
		http_find(&s->proxy->head, HTTP_AUTHORIZATION);
	uint8_t plain[AUTH_NAME + AUTH_PASSWORD];
	struct bytes rest, user;
	bool ok = false;
	long n = -1;

	if (f) {
		rest = f->value;
		bytes_cut(&rest, ' ');
		n = bytes_unbase64(bytes_trim(rest), plain, sizeof(plain));
	}
	if (n > 0) {
		rest = (struct bytes){ plain, (size_t)n };
		user = bytes_cut(&rest, ':');
		ok = set_user(s, user, l) &&
		     bytes_str(rest, l->job.password, sizeof(l->job.password));
	}
	mem_wipe(plain, sizeof(plain));
	return ok;
}

/* Is this one of those requests? */
static bool is_ours(const struct session *s)
{
	const struct proxy *p = s->proxy;
	int i = s->n_candidates ? back_index(p, s->candidate[0]) : -1;

	return p->setup.auth.ask && s->protocol == EXCHANGE_RPC &&
	       s->auth == PROXY_AUTH_BASIC && i >= 0 &&
	       p->config->server[i].service[0];
}

static enum step denied(struct session *s, usec_t now)
{
	const char *challenge = offer_challenge(s);

	s->proxy->stats.logins_denied++;
	return session_answer(
		s, 401, challenge[0] ? challenge : s->proxy->config->basic,
		"The user name or the password is wrong.", false, now);
}

enum step identity_begin(struct session *s, usec_t now)
{
	struct login *l;

	s->serves = is_ours(s);
	if (!s->serves || verified(s, now))
		return rpc_begin(s, now);
	l = new_login(s, AUTH_ASK_PASSWORD);
	if (!l)
		return busy(s, now);
	if (!set_credentials(s, l)) {
		identity_end(s);
		return denied(s, now);
	}
	if (!ask(s, l, now))
		return busy(s, now);
	session_enter(s, SESS_AUTH, now);
	return STEP_WAIT;
}

/* What became of the password. */
static enum step judged(struct session *s, const struct auth_job *j, usec_t now)
{
	switch (j->result) {
	case AUTH_OK:
		s->proxy->stats.logins++;
		remember(s, now);
		return rpc_begin(s, now);
	case AUTH_DENIED:
	case AUTH_UNKNOWN:
	case AUTH_REVOKED:
	case AUTH_EXPIRED:
		return denied(s, now);
	case AUTH_MORE:
	case AUTH_TOKEN_BAD:
	case AUTH_SKEW:
	case AUTH_NO_KDC:
	case AUTH_KEYTAB:
	case AUTH_NO_SPN:
	case AUTH_NOT_DELEGATED:
	case AUTH_FAILED:
	case AUTH_RESULT_COUNT:
		break;
	}
	s->proxy->stats.logins_failed++;
	return session_answer(s, 503, "Retry-After: 5\r\n",
			      auth_result_words(j->result), false, now);
}

void proxy_forget_logins(struct proxy *p)
{
	if (p->verdicts)
		mem_wipe(p->verdicts, LOGIN_VERDICTS * sizeof(*p->verdicts));
}

/* --- tickets ---------------------------------------------------------------
 */

/* A ticket for the next request on the back-end connection. */
static enum step want_ticket(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	int i = back_index(p, s->server_id);
	struct login *l;

	l = i < 0 ? NULL : new_login(s, AUTH_ASK_TOKEN);
	if (!l)
		return busy(s, now);
	l->job.as = AUTH_AS_SERVICE;
	snprintf(l->job.target, sizeof(l->job.target), "%s",
		 p->config->server[i].service);
	if (!ask(s, l, now))
		return busy(s, now);
	session_enter(s, SESS_TICKET, now);
	return STEP_WAIT;
}

static enum step ticketed(struct session *s, const struct auth_job *j,
			  usec_t now)
{
	if (j->result == AUTH_OK) {
		session_enter(s, SESS_EXCHANGE, now);
		return STEP_PROGRESS;
	}
	back_note(s, auth_result_words(j->result));
	identity_end(s);
	s->proxy->stats.logins_failed++;
	return session_answer(s, 503, "Retry-After: 5\r\n",
			      "The appliance got no Kerberos ticket for the "
			      "Exchange server.",
			      true, now);
}

enum step identity_late(struct session *s, usec_t now)
{
	identity_end(s);
	s->proxy->stats.logins_failed++;
	return session_answer(s, 503, "Retry-After: 5\r\n",
			      "No domain controller answered in time.", false,
			      now);
}

void identity_answered(struct auth_job *j, usec_t now)
{
	struct login *l = j->arg;
	struct session *s = l->session;
	bool password = j->ask == AUTH_ASK_PASSWORD;
	enum step step;

	l->asked = false;
	if (!s)
		return;
	if (password)
		s->login = NULL;
	step = password ? judged(s, j, now) : ticketed(s, j, now);
	session_carry_on(s, step);
}

void identity_look(struct proxy *p, usec_t now)
{
	struct auth_job *j;

	if (!p->setup.auth.next)
		return;
	while ((j = p->setup.auth.next(p->setup.auth.arg, p->setup.worker))) {
		struct login *l = j->arg;
		bool token = j->ask == AUTH_ASK_TOKEN && l->session;

		j->done(j, now);
		/* A ticket stays until its request is written. */
		if (!token)
			free_login(p, l);
	}
}

void identity_put(struct bytes_writer *w, const struct session *s)
{
	const struct auth_job *j = &s->login->job;

	bytes_puts(w, "Authorization: Negotiate ");
	bytes_put64(w, (struct bytes){ j->token, j->token_n });
	bytes_puts(w, "\r\n");
}

/* --- the echo before a channel ---------------------------------------------
 */

enum step identity_refuse(struct session *s, usec_t now)
{
	back_note(s, "refuses the Kerberos ticket of the appliance's account");
	s->proxy->stats.tickets_refused++;
	return session_answer(s, 502, NULL,
			      "The Exchange server refuses the appliance's "
			      "account: casgatectl preflight says why.",
			      true, now);
}

static enum step knock(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	struct bytes_writer w = { p->out, 0, sizeof(p->out), false };
	struct exchange_question q =
		exchange_question(EXCHANGE_RPC, EXCHANGE_ASK_ECHO, false);
	int i = back_index(p, s->server_id);

	if (i < 0 || tcp_status(s->back.tc) != TCP_OPEN || s->back.failed)
		return back_failed(s, "closed the connection", now);
	bytes_putf(&w, "%s %s HTTP/1.1\r\nHost: %s\r\n%s", q.method, q.path,
		   p->config->topology.server[i].fqdn, q.fields);
	identity_put(&w, s);
	bytes_puts(&w, "\r\n");
	bytes_put(&w, (struct bytes){ rpch_echo_body, RPCH_ECHO_BODY_SIZE });
	assert(!w.overflow);
	if (!stream_fits(&s->back, w.n))
		return STEP_WAIT;
	if (!stream_write_all(&s->back, w.p, w.n, now))
		return back_failed(s, "closed the connection", now);
	identity_end(s);
	s->knocks = true;
	return STEP_PROGRESS;
}

/* Its answer, head and the 20 bytes behind it. */
static enum step hear(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	struct bytes in = stream_bytes(&s->back);
	enum http_verdict v = HTTP_MORE;
	uint32_t len = 0;
	uint64_t body = 0;

	if (in.n)
		v = http_scan(&s->scan_down, in, &http_default_limits, &len);
	if (v == HTTP_OK)
		v = http_parse_response(bytes_upto(in, len), false,
					&http_default_limits, &p->head);
	if (v == HTTP_OK && p->head.framing == HTTP_LENGTH)
		body = p->head.length;
	if (v == HTTP_MORE ||
	    (v == HTTP_OK && in.n < len + body && body < EXCHANGE_BODY)) {
		if (s->back.eof || s->back.cut)
			return back_failed(s, "closed the connection", now);
		return fill(p, &s->back, now);
	}
	s->scan_down = (struct http_scan){ 0 };
	if (v == HTTP_OK && p->head.status == 401)
		return identity_refuse(s, now);
	if (v != HTTP_OK || p->head.status != 200 || body >= EXCHANGE_BODY ||
	    p->head.framing == HTTP_CHUNKED ||
	    p->head.framing == HTTP_UNTIL_CLOSE || !p->head.keep_alive)
		return back_failed(s, "does not answer an echo as an RPC proxy",
				   now);
	stream_consume(&p->bufs, &s->back, len + (size_t)body);
	s->knocks = false;
	s->knocked = true;
	return STEP_PROGRESS;
}

bool identity_ready(struct session *s, usec_t now, enum step *step)
{
	const struct proxy *p = s->proxy;
	int i = back_index(p, s->server_id);

	/* Another candidate may be one that takes the client as he is. */
	s->serves = s->serves && i >= 0 && p->config->server[i].service[0];
	if (!s->serves)
		return true;
	if (s->knocks) {
		*step = hear(s, now);
		return false;
	}
	if (!s->login) {
		*step = want_ticket(s, now);
		return false;
	}
	if (s->knocked || !s->rpc)
		return true;
	*step = knock(s, now);
	return false;
}

bool identity_refused(const struct session *s, const struct http_head *h)
{
	return s->serves && h->status == 401;
}
