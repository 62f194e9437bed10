/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proxy.c - one worker's turn of the application: new connections, ready
 * sessions, handshakes within their budget, timers, admission.
 */
#include "proxy/proxy_int.h"

#define ACCEPTS 64 /* connections a turn */
#define SESSIONS 256 /* sessions run a turn */
#define TIMERS 256 /* timers a turn */
#define HEAD_GRACE SEC(1) /* for a head, when buffers are short */

/* --- configuration -------------------------------------------------------- */

static int listener_index(const struct proxy_config *c,
			  const struct ipaddr *addr, uint16_t port)
{
	for (unsigned i = 0; i < c->n_listeners; i++)
		if (c->listener[i].port == port &&
		    ipaddr_eq(&c->listener[i].addr, addr))
			return (int)i;
	return -1;
}

/* A removed listener answers a reset to SYNs; its connections live on. */
static void sync_listeners(struct proxy *p)
{
	const struct proxy_config *c = p->config;

	for (unsigned i = 0; i < PROXY_LISTENERS; i++) {
		if (!p->listening[i].l)
			continue;
		if (!p->draining && listener_index(c, &p->listening[i].addr,
						   p->listening[i].port) >= 0)
			continue;
		tcp_unlisten(p->tcp, p->listening[i].l);
		p->listening[i].l = NULL;
	}
	if (p->draining)
		return;
	for (unsigned n = 0; n < c->n_listeners; n++) {
		const struct proxy_listener *l = &c->listener[n];
		unsigned slot = PROXY_LISTENERS;
		bool there = false;

		for (unsigned i = 0; i < PROXY_LISTENERS; i++) {
			if (!p->listening[i].l)
				slot = min(slot, i);
			else if (p->listening[i].port == l->port &&
				 ipaddr_eq(&p->listening[i].addr, &l->addr))
				there = true;
		}
		if (there || slot == PROXY_LISTENERS)
			continue;
		p->listening[slot].addr = l->addr;
		p->listening[slot].port = l->port;
		p->listening[slot].l = tcp_listen(p->tcp, &l->addr, l->port,
						  &p->listening[slot]);
	}
}

static void take_config(struct proxy *p)
{
	p->config = snap_get(p->setup.config);
	if (p->config->generation == p->generation)
		return;
	p->generation = p->config->generation;
	sync_listeners(p);
}

/* --- admission ------------------------------------------- */

static bool bufs_short(const struct proxy *p)
{
	const struct slab *small = &p->bufs.small;

	return small->used >= small->count - small->count / 16 - 1;
}

/* When the oldest of those has had its time who have sent the beginning of a
 * request, and hold a buffer until the end comes. */
static usec_t slow_head_due(const struct proxy *p)
{
	const struct session *s;

	if (list_empty(&p->heads))
		return USEC_NEVER;
	s = list_entry(p->heads.next, struct session, idle);
	return s->request_began + HEAD_GRACE;
}

static bool shed_slow_head(struct proxy *p, usec_t now)
{
	struct session *s;

	if (slow_head_due(p) > now)
		return false;
	s = list_entry(p->heads.next, struct session, idle);
	p->stats.evicted++;
	record_how(s, PROXY_END_EVICTED);
	s->deadline = now;
	session_timeout(s, now);
	return true;
}

/* The longest idle goes. Those that linger are as good as gone: with them
 * counted, one short moment would cost every idle connection. */
static void shed_idle(struct proxy *p, usec_t now)
{
	const struct slab *slab = &p->session_slab;
	struct session *s;

	if (list_empty(&p->idle) ||
	    slab->used - p->lingering < slab->count - slab->count / 16 - 1)
		return;
	s = list_entry(p->idle.next, struct session, idle);
	p->stats.evicted++;
	session_carry_on(s, session_linger(s, now));
}

/*
 * 0 everything; 1 no new handshakes: they wait in TCP's queue, which in the
 * end refuses; 2 new requests get 503 as well. Idle connections make room
 * from 1 on, the longest idle first, and at 2 those whose heads come too
 * slowly; what is in flight is never touched.
 */
static void judge_admission(struct proxy *p, usec_t now)
{
	const struct slab *sessions = &p->session_slab, *bufs = &p->bufs.small;

	while (bufs_short(p) && shed_slow_head(p, now))
		;
	p->level = 0;
	if (p->stats.handshakes_now >= p->config->max_handshakes ||
	    sessions->used >= sessions->count - sessions->count / 64 - 1)
		p->level = 1;
	if (bufs_short(p))
		p->level = 2;
	p->stats.admission = p->level;
	p->stats.buffers_used = bufs->used;
	p->stats.large_buffers_used = p->bufs.large.used;
	shed_idle(p, now);
}

/* --- the turn ---------------------------------------------------------------
 */

static bool accept_new(struct proxy *p, usec_t now)
{
	struct tcp_conn *c;
	void *user;
	int n = 0;

	while (n < ACCEPTS && p->level < 1 && (c = tcp_accept(p->tcp, &user))) {
		const size_t i = (size_t)((char *)user - (char *)p->listening) /
				 sizeof(p->listening[0]);
		int l = listener_index(p->config, &p->listening[i].addr,
				       p->listening[i].port);

		n++;
		if (l < 0)
			tcp_abort(c, now);
		else
			session_accept(p, c, (unsigned)l, now);
	}
	return n > 0;
}

static bool run_ready(struct proxy *p, usec_t now)
{
	struct tcp_conn *c;
	struct list batch, *node;
	int n = 0;

	while (n < SESSIONS && (c = tcp_ready(p->tcp))) {
		session_queue(tcp_user(c), &p->ready);
		n++;
	}
	/* Only what is queued now: a session that queues itself again waits
	 * for the next turn, so that packets get theirs in between. */
	list_init(&batch);
	for (n = 0; n < SESSIONS && (node = list_pop(&p->ready)); n++)
		list_push(&batch, node);
	while ((node = list_pop(&batch)))
		session_run(list_entry(node, struct session, run), now);
	return n > 0;
}

static usec_t run_handshakes(struct proxy *p, usec_t now)
{
	usec_t until = now + p->config->handshake_budget;
	struct list *node;

	while ((node = list_pop(&p->handshakes))) {
		session_handshake(list_entry(node, struct session, run), now);
		now = p->setup.clock();
		if (now >= until)
			break;
	}
	return now;
}

static bool run_timers(struct proxy *p, usec_t now)
{
	struct tick_node *node;
	int n = 0;

	while (n < TIMERS && (node = tick_expired(&p->wheel, now))) {
		session_timeout(list_entry(node, struct session, timer), now);
		n++;
	}
	return n > 0;
}

bool proxy_serve(struct proxy *p, usec_t now)
{
	bool busy = false;

	take_config(p);
	judge_admission(p, now);
	busy |= stream_feed(&p->bufs);
	busy |= vc_send_again(p);
	identity_look(p, now);
	busy |= accept_new(p, now);
	busy |= run_ready(p, now);
	busy |= !list_empty(&p->handshakes);
	now = run_handshakes(p, now);
	busy |= run_timers(p, now);
	prober_look(p, now);
	busy |= probes_begin(p, now);
	return busy;
}

usec_t proxy_next(const struct proxy *p)
{
	usec_t next;

	if (!list_empty(&p->ready) || !list_empty(&p->handshakes) ||
	    stream_hungry(&p->bufs) || !list_empty(&p->unsent) ||
	    probes_wait(p))
		return 0;
	next = tick_next(&p->wheel);
	if (bufs_short(p))
		next = min(next, slow_head_due(p));
	return p->setup.board ? min(next, p->look) : next;
}

/* --- what control asks
 * --------------------------------------------------------- */

void proxy_message(struct proxy *p, struct proxy_call *call, usec_t now)
{
	/* Between turns the last configuration may be gone: take a fresh one
	 * before anything that needs it. */
	take_config(p);
	call->fn(p, call->arg, now);
}

static void name_of_server(const struct proxy *p, const struct session *s,
			   char *dst, size_t cap)
{
	int i = s->back.tc ? back_index(p, s->server_id) : -1;

	bytes_str(i < 0 ? BYTES_NONE
			: BYTES(p->config->topology.server[i].name),
		  dst, cap);
}

static void describe(const struct proxy *p, const struct session *s,
		     struct proxy_session_info *out, usec_t now)
{
	const struct proxy_config *c = p->config;
	struct tls_info tls = { 0 };

	*out = (struct proxy_session_info){
		.id = s->id,
		.age_us = now - s->began,
		.idle_us = now - s->progress,
		.requests = s->requests,
		.bytes_up = s->bytes_up,
		.bytes_down = s->bytes_down,
	};
	ipaddr_str(&s->from, out->client);
	if (s->client.tls)
		tls_info(s->client.tls, &tls);
	if (tls.version)
		bytes_str(BYTES(tls.version), out->tls, sizeof(out->tls));
	if (s->listener < c->n_listeners)
		bytes_str(BYTES(c->listener[s->listener].name), out->listener,
			  sizeof(out->listener));
	bytes_str(BYTES(session_state_name(s->state)), out->state,
		  sizeof(out->state));
	exchange_printable(BYTES(s->user), out->user, sizeof(out->user));
	name_of_server(p, s, out->server, sizeof(out->server));
	if (s->requests || s->head_len || s->mail)
		bytes_str(BYTES(exchange_protocol_word(s->protocol)),
			  out->protocol, sizeof(out->protocol));
}

unsigned proxy_sessions(struct proxy *p, struct proxy_session_info *out,
			unsigned n, usec_t now)
{
	unsigned all = 0;

	list_for_each(node, &p->sessions)
	{
		if (all < n)
			describe(p, list_entry(node, struct session, link),
				 &out[all], now);
		all++;
	}
	return all;
}

bool proxy_kill(struct proxy *p, uint64_t id, usec_t now)
{
	bool found = false;

	list_for_each_safe(node, &p->sessions)
	{
		struct session *s = list_entry(node, struct session, link);

		if (id != PROXY_ALL && s->id != id)
			continue;
		p->stats.killed++;
		record_how(s, PROXY_END_KILLED);
		session_kill(s, true, now);
		found = true;
	}
	return found;
}

void proxy_drain(struct proxy *p, usec_t now)
{
	p->draining = true;
	sync_listeners(p);
	list_for_each_safe(node, &p->sessions)
	{
		struct session *s = list_entry(node, struct session, link);

		s->draining = true;
		if (s->state == SESS_LOGIN)
			session_carry_on(s,
					 mail_bye(s, "Try again later.", now));
		else if (s->state == SESS_EXPECT_REQUEST && s->requests &&
			 !s->request_began)
			session_carry_on(s, session_linger(s, now));
	}
}

static void describe_channel(const struct proxy *p, const struct rpc *r,
			     struct proxy_channel_info *out, usec_t now)
{
	const struct session *s = r->session;

	*out = (struct proxy_channel_info){
		.session = s->id,
		.out = r->out,
		.recycled = r->recycled,
		.opaque = r->up.opaque,
		.auth_level = r->auth_level,
		.denials = r->denials,
		.age_us = now - r->began,
		.ping_us = r->ping ? now - r->ping : UINT64_MAX,
		.timeout_us = r->timeout,
		.pdus = r->pdus,
		.bytes_up = s->bytes_up,
		.bytes_down = s->bytes_down,
	};
	memcpy(out->vc, r->vc.b, sizeof(out->vc));
	memcpy(out->target, r->target, sizeof(out->target));
	exchange_printable(BYTES(s->user), out->user, sizeof(out->user));
	name_of_server(p, s, out->server, sizeof(out->server));
	ipaddr_str(&s->from, out->client);
}

unsigned proxy_channels(struct proxy *p, struct proxy_channel_info *out,
			unsigned n, usec_t now)
{
	unsigned all = 0;

	list_for_each(node, &p->channels)
	{
		const struct rpc *r = list_entry(node, struct rpc, link);

		if (!r->session)
			continue;
		if (all < n)
			describe_channel(p, r, &out[all], now);
		all++;
	}
	return all;
}

const struct rpch_counts *proxy_rpc_counts(struct proxy *p)
{
	return &p->rpc_counts;
}

const struct proxy_stats *proxy_stats(struct proxy *p)
{
	return &p->stats;
}

const struct proxy_server_stats *proxy_server_stats(struct proxy *p,
						    unsigned id)
{
	return id < p->setup.max_server_ids ? &p->servers[id] : NULL;
}

const struct proxy_dialed *proxy_dialed(struct proxy *p)
{
	return p->dialed;
}
