/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * request.c - a request's head: judged, routed, and written anew for the back
 * end.
 *
 * Nothing is consumed until the head has been written to a back end, so every
 * step here can be taken again, with another candidate or after a wait.
 */
#include "proxy/proxy_int.h"

/* Body bytes that are read ahead, to see whose request it is. */
#define READ_AHEAD 16384

void request_reset(struct session *s, usec_t now)
{
	rpc_end(s, now);
	identity_end(s);
	s->serves = false;
	s->peeked = false;
	s->scan_up = s->scan_down = (struct http_scan){ 0 };
	s->head_len = s->await = 0;
	s->request_began = 0;
	s->counted = false;
	s->is_head = s->client_10 = s->keep_alive = false;
	s->head_sent = s->answering = s->up_done = s->down_done = false;
	s->said_continue = false;
	s->status = 0;
	s->echo[0] = '\0';
	s->binds = s->asks = s->logon = s->logoff = s->remembers = false;
	stream_secret(&s->client, false);
	s->framing = HTTP_UNTIL_CLOSE; /* until it is known where it ends */
	mem_wipe(s->want_user, sizeof(s->want_user));
}

static enum step refuse(struct session *s, enum http_verdict v, usec_t now)
{
	struct proxy *p = s->proxy;

	if (!stream_room(&s->client))
		return STEP_WAIT;
	p->stats.malformed++;
	p->stats.http[v]++;
	s->framing = HTTP_UNTIL_CLOSE; /* nothing behind it is a request */
	return session_answer(s, http_verdict_status(v), NULL,
			      http_verdict_words(v), true, now);
}

/* The client's words end before a request does. */
static enum step client_ended(struct session *s, usec_t now)
{
	if (s->client.in)
		s->proxy->stats.client_aborts++;
	if (s->client.cut)
		return session_kill(s, s->client.in != NULL, now);
	return session_linger(s, now);
}

/* The clock for the head runs from its first byte, which may have come behind
 * the last request; and what was configured then is what it is judged by. */
static void head_begins(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;

	s->request_began = now;
	record_begin(s, now);
	s->limits = p->config->limits;
	list_remove(&s->idle);
	list_push(&p->heads, &s->idle);
	session_deadline(s, now + p->config->timeouts.request_head);
}

/* Read until a whole head is there. */
static enum step await_head(struct session *s, usec_t now)
{
	struct bytes in = stream_bytes(&s->client);

	if (in.n) {
		enum http_verdict v;

		if (!s->request_began)
			head_begins(s, now);
		v = http_scan(&s->scan_up, in, &s->limits, &s->head_len);
		if (v == HTTP_OK)
			return STEP_PROGRESS;
		if (v != HTTP_MORE)
			return refuse(s, v, now);
	}
	if (s->client.eof || s->client.cut)
		return client_ended(s, now);
	return fill(s->proxy, &s->client, now);
}

/* NTLM's message 3, or SPNEGO's NegTokenResp (MS-NLMP 2.2.1.3, RFC 4178 4.2.2):
 * an answer to the challenge of the server that sent it, and of no other. */
static bool is_later_leg(struct bytes token)
{
	static const struct bytes message_3 = BYTES_LIT("TlRMTVNTUAAD");

	return bytes_eq(bytes_upto(token, message_3.n), message_3) ||
	       (token.n && token.p[0] == 'o');
}

static enum proxy_auth auth_of(struct bytes scheme)
{
	static const char *const words[] = {
#define X(id, word) [id] = word,
		PROXY_AUTHS(X)
#undef X
	};

	for (unsigned i = PROXY_AUTH_BASIC; i < PROXY_AUTH_OTHER; i++)
		if (bytes_ieq(scheme, BYTES(words[i])))
			return i;
	return PROXY_AUTH_OTHER;
}

/* The name in a Basic header, as it came; "" without one. NTLM and Negotiate
 * authenticate the connection instead of the request. */
static void who(struct session *s, const struct http_head *h)
{
	const struct http_field *f = http_find(h, HTTP_AUTHORIZATION);
	uint8_t plain[512];
	struct hash_key more = s->proxy->setup.secret;
	struct bytes scheme, rest, name;
	long n;

	s->auth = PROXY_AUTH_NONE;
	s->binds = s->goes_on = false;
	s->identity = s->identity_more = 0;
	s->want_user[0] = '\0';
	if (!f)
		return;
	more.k1 = ~more.k1;
	s->identity =
		siphash13(&s->proxy->setup.secret, f->value.p, f->value.n);
	s->identity_more = siphash13(&more, f->value.p, f->value.n);
	rest = f->value;
	scheme = bytes_cut(&rest, ' ');
	s->auth = auth_of(scheme);
	s->binds =
		s->auth == PROXY_AUTH_NTLM || s->auth == PROXY_AUTH_NEGOTIATE;
	s->goes_on = s->binds && is_later_leg(bytes_trim(rest));
	if (s->auth != PROXY_AUTH_BASIC)
		return;
	n = bytes_unbase64(bytes_trim(rest), plain, sizeof(plain));
	if (n > 0) {
		name = (struct bytes){ plain, (size_t)n };
		name = bytes_upto(name, bytes_find(name, ':'));
		if (!bytes_str(name, s->want_user, SESS_USER))
			s->want_user[0] = '\0';
	}
	mem_wipe(plain, sizeof(plain));
}

static struct bytes value_of(const struct http_head *h, enum http_known k)
{
	const struct http_field *f = http_find(h, k);

	return f ? f->value : BYTES_NONE;
}

/* Does anything begin with `prefix`, as a whole path segment? */
static bool below(const char *path, const char *prefix)
{
	struct bytes b = BYTES(path), pre = BYTES(prefix);

	return bytes_istarts(b, pre) && (b.n == pre.n || b.p[pre.n] == '/');
}

/* Port 80: an entrance for people and for Autodiscover's search, no more. */
static enum step plain_listener(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	const struct http_head *h = &p->head;
	struct bytes_writer w = { p->out + TLS_PLAIN_MAX, 0, 8192, false };
	bool root = strcmp(p->path, "/") == 0;

	if (!root && !below(p->path, "/owa") && !below(p->path, "/ecp") &&
	    !below(p->path, "/autodiscover"))
		return session_answer(
			s, 403, NULL,
			"This address is served over https:// only.", false,
			now);
	bytes_putf(&w, "Location: https://%.*s", BYTES_FMT(h->host));
	bytes_put(&w, root ? BYTES("/owa/") : h->path);
	if (h->has_query && !root) {
		bytes_puts(&w, "?");
		bytes_put(&w, h->query);
	}
	/* With its NUL: from here on it is a C string. */
	bytes_put(&w, (struct bytes){ (const uint8_t *)"\r\n", 3 });
	if (w.overflow)
		return session_answer(s, 414, NULL, "The address is too long.",
				      true, now);
	return session_answer(s, 302, (const char *)w.p, "", false, now);
}

/* Autodiscover and logons by form name the mailbox in the body. */
static bool body_tells(const struct session *s, const struct http_head *h)
{
	static const struct bytes form =
		BYTES_LIT("application/x-www-form-urlencoded");
	struct bytes type = value_of(h, HTTP_CONTENT_TYPE);

	type = bytes_trim(bytes_upto(type, bytes_find(type, ';')));
	return s->protocol == EXCHANGE_AUTODISCOVER ||
	       (s->logon && bytes_ieq(type, form));
}

/* Is enough of such a body there? */
static bool needs_read_ahead(struct session *s, const struct http_head *h,
			     struct bytes *body)
{
	struct bytes in = stream_bytes(&s->client);

	*body = BYTES_NONE;
	if (!body_tells(s, h) || h->framing != HTTP_LENGTH ||
	    h->length > READ_AHEAD || s->head_len > HTTP_HEAD_MAX / 2)
		return false;
	*body = bytes_upto(bytes_from(in, s->head_len), h->length);
	return body->n < h->length && !s->client.eof && !s->client.cut;
}

static enum step say_continue(struct session *s, usec_t now)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (s->said_continue || s->client_10 || !s->proxy->head.expect_continue)
		return STEP_PROGRESS;
	if (!stream_room(&s->client) ||
	    !stream_write(&s->client, text, sizeof(text) - 1, now))
		return STEP_WAIT;
	s->said_continue = true;
	return STEP_PROGRESS;
}

/* A connection that was authenticated as such goes on where it is when the
 * request names nobody, as Windows' clients do; in the middle of a handshake;
 * and with a server that finds every mailbox by itself. */
static bool stays(const struct session *s)
{
	const struct proxy *p = s->proxy;
	int i = back_index(p, s->server_id);

	return !p->keys.n || s->goes_on ||
	       (i >= 0 &&
		exchange_is_modern(p->config->topology.server[i].version));
}

/* Who is it, when the request itself does not say? Whoever a form claims to
 * be, or was when he logged on. */
static void claim(struct session *s, const struct exchange_request *r)
{
	if (s->auth != PROXY_AUTH_NONE)
		return;
	bytes_str(r->form ? BYTES(r->form->user) : r->remembered, s->want_user,
		  SESS_USER);
	if (r->form)
		record_form(s);
}

static enum step act(struct session *s, const struct exchange_form *form,
		     const struct logon_memory *memory, usec_t now)
{
	struct proxy *p = s->proxy;
	const struct exchange_topology *t = &p->config->topology;
	const struct exchange_decision *d = &p->decision;

	switch (d->action) {
	case EXCHANGE_PROXY:
		break;
	case EXCHANGE_REDIRECT:
		record_why(s, d->reason);
		return d->logon[0]
			       ? session_send_on(s, form, now)
			       : session_redirect(s, d->status, d->url, now);
	case EXCHANGE_ANSWER:
		record_why(s, d->reason);
		return session_answer(
			s, d->status, NULL,
			s->internal ? d->reason
				    : "No Exchange server may take this "
				      "request; the access log says why.",
			false, now);
	}
	s->n_candidates = (uint8_t)d->n;
	for (unsigned i = 0; i < d->n; i++)
		s->candidate[i] = t->server[d->candidate[i]].id;
	logon_prefer(s, memory);
	if (s->back.tc && s->bound && !s->want_user[0]) {
		memcpy(s->want_user, s->user, sizeof(s->user));
		if (stays(s)) {
			s->candidate[0] = s->server_id;
			s->n_candidates = 1;
		}
	}
	p->stats.proxied++;
	p->stats.requests_of[s->protocol]++;
	return identity_begin(s, now);
}

static enum step route(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	const struct http_head *h = &p->head;
	const struct exchange_topology *t = &p->config->topology;
	struct exchange_request r = {
		.protocol = s->protocol,
		.method = h->method,
		.path = BYTES(p->path),
		.query = h->query,
		.user = BYTES(s->want_user),
		.anchor = value_of(h, HTTP_X_ANCHOR_MAILBOX),
		.public_folder = value_of(h, HTTP_X_PUBLIC_FOLDER_MAILBOX),
	};
	struct logon_memory memory;
	struct exchange_form form;
	struct exchange_place place;

	s->logon = exchange_is_logon(&r);
	s->logoff = exchange_is_logoff(&r);
	if (s->logon)
		stream_secret(&s->client, true);
	if (s->protocol == EXCHANGE_RPC && rpc_peek(s, h, now) == STEP_WAIT) {
		if (say_continue(s, now) != STEP_PROGRESS)
			return STEP_WAIT;
		return fill(p, &s->client, now);
	}
	if (needs_read_ahead(s, h, &r.body)) {
		if (say_continue(s, now) != STEP_PROGRESS)
			return STEP_WAIT;
		s->await = s->head_len + (uint32_t)h->length;
		return fill(p, &s->client, now);
	}
	if (s->logon && r.body.n == h->length &&
	    exchange_form_read(r.body, &form))
		r.form = &form;
	logon_recall(s, h, &memory);
	r.remembered = BYTES(memory.user);
	exchange_keys(&r, &p->keys);
	rpc_asks_for(s, &p->keys);
	proxy_locate(t, p->setup.routes, &p->keys, &place);
	record_place(s, &place, now);
	exchange_decide(t, &r, &place, &p->decision);
	claim(s, &r);
	return act(s, r.form, &memory, now);
}

static enum step judge(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	struct http_head *h = &p->head;
	struct bytes in = bytes_upto(stream_bytes(&s->client), s->head_len);
	enum http_verdict v = http_parse_request(in, &s->limits, h);
	enum step step;

	if (v != HTTP_OK)
		return refuse(s, v, now);
	s->client_10 = h->minor == 0;
	s->is_head = bytes_eq(h->method, BYTES("HEAD"));
	s->keep_alive = h->keep_alive;
	s->framing = h->framing;
	s->length = h->length;
	who(s, h);
	record_request(s, h, now);
	disclose_request(s, h);
	if (!front_allows(s, h, now, &step))
		return step;
	v = http_path(h->path, p->path, sizeof(p->path));
	if (v != HTTP_OK)
		return refuse(s, v, now);
	p->stats.requests += !s->counted;
	s->counted = true;
	/* A balancer asks by address, and for each protocol by itself. */
	if (s->https && exchange_is_healthcheck(BYTES(p->path))) {
		exchange_classify(BYTES(p->path), &s->protocol);
		return session_healthcheck(s, s->protocol, now);
	}
	if (!exchange_is_own_name(&p->config->topology, h->host)) {
		p->stats.misdirected++;
		return session_answer(
			s, 421, NULL,
			"This is not one of the names this appliance "
			"serves (namespaces in casgate.yaml).",
			false, now);
	}
	if (!s->https)
		return plain_listener(s, now);
	if (strcmp(p->path, "/") == 0)
		return session_answer(s, 302, "Location: /owa/\r\n", "", false,
				      now);
	if (!exchange_classify(BYTES(p->path), &s->protocol)) {
		p->stats.unknown_vdir++;
		return session_answer(
			s, 404, NULL,
			"There is no such Exchange virtual directory "
			"here.",
			false, now);
	}
	if (exchange_hostile_target(BYTES(p->path), h->query)) {
		p->stats.hostile_targets++;
		return session_answer(
			s, 400, NULL,
			"This address names more than one, or says what only "
			"an Exchange front end may.",
			false, now);
	}
	if (p->config->inactive >> s->protocol & 1) {
		p->stats.inactive++;
		return session_answer(s, 503, NULL,
				      p->config->why_inactive[s->protocol],
				      false, now);
	}
	if (p->level >= 2) {
		p->stats.overloaded++;
		return session_answer(s, 503, "Retry-After: 5\r\n",
				      "The appliance is overloaded.", true,
				      now);
	}
	return offer_allows(s, now, &step) ? route(s, now) : step;
}

enum step request_step(struct session *s, usec_t now)
{
	/* An idle back-end connection that speaks or ends is of no more use. */
	if (s->back.tc && back_spoiled(s, now))
		back_close(s, now);
	if (!s->head_len)
		return await_head(s, now);
	if (stream_bytes(&s->client).n < s->await && !s->client.eof &&
	    !s->client.cut)
		return fill(s->proxy, &s->client, now);
	/* Every judgement may have to be told: wait until that is possible. */
	if (!stream_room(&s->client))
		return STEP_WAIT;
	return judge(s, now);
}

/* --- the head as the back end gets it ------------------------------------ */

static bool dropped(const struct http_field *f)
{
	/* Expect is answered here, X-Forwarded-* are made anew. */
	return f->known == HTTP_EXPECT || f->known == HTTP_X_FORWARDED_FOR ||
	       f->known == HTTP_X_FORWARDED_PROTO ||
	       f->known == HTTP_X_FORWARDED_HOST || http_hop_by_hop(f) ||
	       exchange_hostile_header(f->name, f->value);
}

static void put_forwarded(struct bytes_writer *w, const struct session *s,
			  const struct http_head *h)
{
	front_put_forwarded(w, s, h);
	bytes_putf(w,
		   "X-Forwarded-Proto: https\r\nX-Forwarded-Host: %.*s\r\n"
		   "Front-End-Https: On\r\n",
		   BYTES_FMT(h->host));
}

static void put_request(struct bytes_writer *w, const struct session *s,
			const struct http_head *h)
{
	http_put_request_line(w, h);
	for (unsigned i = 0; i < h->n; i++) {
		const struct http_field *f = &h->field[i];

		if (f->known == HTTP_COOKIE)
			http_put_cookies(w, f, exchange_hostile_cookie);
		else if (f->known == HTTP_AUTHORIZATION && s->serves)
			identity_put(w, s);
		else if (!dropped(f))
			http_put_field(w, f->name, f->value);
	}
	/* HTTP/1.0 with an absolute target needs none; 1.1 does. */
	if (!http_find(h, HTTP_HOST))
		bytes_putf(w, "Host: %.*s\r\n", BYTES_FMT(h->host));
	if (h->framing == HTTP_CHUNKED)
		bytes_puts(w, "Transfer-Encoding: chunked\r\n");
	put_forwarded(w, s, h);
	bytes_puts(w, "\r\n");
}

/* Not a secret: who finds two addresses that are alike fools only himself. */
uint64_t target_hash(struct bytes path, struct bytes query)
{
	static const struct hash_key key = { 0x6361736761746530, 1 };

	return siphash13(&key, path.p, path.n) * 3 +
	       siphash13(&key, query.p, query.n);
}

enum step request_forward(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	struct http_head *h = &p->head;
	struct bytes_writer w = { p->out, 0, sizeof(p->out), false };
	struct bytes in = bytes_upto(stream_bytes(&s->client), s->head_len);

	/* Nothing has been sent: the next one may have it. */
	if (tcp_status(s->back.tc) != TCP_OPEN || s->back.failed)
		return back_failed(s, "closed the connection", now);
	if (http_parse_request(in, &s->limits, h) != HTTP_OK)
		return session_kill(s, true, now);
	put_request(&w, s, h);
	if (w.overflow)
		return session_answer(s, 400, NULL,
				      "The header block is too large.", true,
				      now);
	if (!stream_fits(&s->back, w.n) ||
	    say_continue(s, now) != STEP_PROGRESS)
		return STEP_WAIT;
	if (!stream_write_all(&s->back, w.p, w.n, now))
		return session_kill(s, true, now);
	s->bound |= s->binds;
	s->is_get = s->is_head || bytes_eq(h->method, BYTES("GET"));
	s->asked = target_hash(h->path, h->query);
	if (s->rpc)
		rpc_connected(s, now);
	record_sent(s, now);
	http_body_init(&s->up, h, true);
	s->up_done = h->framing == HTTP_NO_BODY || s->up.done;
	stream_consume(&p->bufs, &s->client, s->head_len);
	s->head_sent = true;
	identity_end(s);
	s->bytes_up += w.n;
	p->stats.bytes_up += w.n;
	p->servers[s->server_id].requests++;
	return STEP_PROGRESS;
}
