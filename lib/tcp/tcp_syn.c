/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_syn.c - listeners, and the half-open connections that strangers make us
 * remember: two cache lines each, a fixed number of them.
 *
 * To an address nobody has proved yet goes at most about three times what came
 * from it: one SYN-ACK and, by default, two repetitions. Entries wait in one
 * FIFO for each number of sends, so no timer is searched or moved.
 */
#include "tcp/tcp_int.h"

/* --- listeners ------------------------------------------------------------ */

static bool any_of(const struct ipaddr *listen, const struct ipaddr *a)
{
	return ipaddr_eq(listen, &ipaddr_any) ||
	       (ipaddr_is_any(listen) && ipaddr_is_v4(a));
}

struct tcp_listener *tcp_listener_find(const struct tcp_stack *t,
				       const struct flow_key *k)
{
	struct tcp_listener *wild = NULL;

	for (uint32_t i = 0; i < t->n_listeners; i++) {
		struct tcp_listener *l = &t->listeners[i];

		if (!l->used || l->port != k->lport)
			continue;
		if (ipaddr_eq(&l->addr, &k->local))
			return l;
		if (any_of(&l->addr, &k->local))
			wild = l;
	}
	return wild;
}

struct tcp_listener *tcp_listen(struct tcp_stack *t, const struct ipaddr *addr,
				uint16_t port, void *user)
{
	struct tcp_listener *l = NULL;

	for (uint32_t i = t->n_listeners; i-- > 0;) {
		if (!t->listeners[i].used)
			l = &t->listeners[i];
		else if (t->listeners[i].port == port &&
			 ipaddr_eq(&t->listeners[i].addr, addr))
			return NULL;
	}
	if (l)
		*l = (struct tcp_listener){ *addr, port, true, user };
	return l;
}

static void entry_free(struct tcp_stack *t, struct syn_entry *e)
{
	list_remove(&e->level);
	list_remove(&e->owed);
	slab_put(&t->syns, e);
	t->stats.syn_queue = t->syns.used;
}

static void entry_drop(struct tcp_stack *t, struct syn_entry *e)
{
	tcp_flow_remove(&t->flows, FLOW_SYN, &e->key);
	entry_free(t, e);
}

void tcp_unlisten(struct tcp_stack *t, struct tcp_listener *l)
{
	uint8_t index = (uint8_t)(l - t->listeners);

	for (unsigned i = 0; i < TCP_SYN_LEVELS; i++) {
		list_for_each_safe(it, &t->syn_level[i])
		{
			struct syn_entry *e =
				list_entry(it, struct syn_entry, level);

			if (e->listener == index)
				entry_drop(t, e);
		}
	}
	list_for_each_safe(it, &t->accept)
	{
		struct tcp_conn *c = list_entry(it, struct tcp_conn, ready);

		if (c->listener == index)
			tcp_abort(c, t->now);
	}
	l->used = false;
}

/* --- a SYN ---------------------------------------------------------------- */

/* The one decision about a full queue: who has waited longest goes. The
 * entries that were repeated most often are the oldest. */
static struct syn_entry *entry_new(struct tcp_stack *t)
{
	for (unsigned i = TCP_SYN_LEVELS; i-- > 0 && t->syns.count;) {
		if (t->syns.used < t->syns.count)
			break;
		if (list_empty(&t->syn_level[i]))
			continue;
		entry_drop(t, list_entry(t->syn_level[i].next, struct syn_entry,
					 level));
		t->stats.verdicts[TCP_DROP_BACKLOG]++;
	}
	return slab_get(&t->syns);
}

/* Into the FIFO of those sent as often; owe the SYN-ACK. */
static void entry_send(struct tcp_stack *t, struct syn_entry *e)
{
	unsigned level = e->sends++;

	assert(level < TCP_SYN_LEVELS);
	e->deadline = t->now + min(t->p.rto_initial << level, t->p.rto_max);
	list_remove(&e->level);
	list_push(&t->syn_level[level], &e->level);
	if (!list_linked(&e->owed))
		list_push(&t->syn_owed, &e->owed);
}

enum tcp_verdict tcp_listen_input(struct tcp_stack *t, struct flow_key *k,
				  const struct seg_in *in,
				  const uint32_t *iss_above)
{
	const struct tcp_opts *o = &in->opts;
	struct syn_entry *e;

	if (tcp_mem_short(t, MEM_SYN))
		return TCP_DROP_MEMORY;
	e = entry_new(t);
	if (!e)
		return TCP_DROP_BACKLOG;
	*e = (struct syn_entry){
		.key = *k,
		.born = t->now,
		.iss = tcp_isn(t, k),
		.irs = in->seq,
		.ts_recent = o->tsval,
		.mss = o->mss,
		.scale = o->scale,
		.listener = (uint8_t)(tcp_listener_find(t, k) - t->listeners),
		.has_scale = o->has_scale,
		.ts_ok = o->has_ts && t->p.timestamps,
		/* The answer to a bare SYN is larger than the SYN. */
		.sends_max = (uint8_t)(t->p.synack_retries +
				       (o->has_mss || !t->p.synack_retries)),
	};
	if (!o->has_mss)
		e->mss = ipaddr_is_v4(&k->remote) ? TCP_MSS_V4 : TCP_MSS_V6;
	if (iss_above)
		e->iss = seq_max(e->iss, *iss_above);
	list_init(&e->level);
	list_init(&e->owed);
	if (tcp_flow_insert(&t->flows, FLOW_SYN, &e->key)) {
		entry_free(t, e);
		return TCP_DROP_MEMORY;
	}
	entry_send(t, e);
	t->stats.opened_passive++;
	t->stats.syn_queue = t->syns.used;
	return TCP_OK;
}

/* --- SYN-RECEIVED (RFC 9293 3.10.7.4) ------------------------------------- */

static struct seg_out entry_out(const struct tcp_stack *t,
				const struct syn_entry *e, uint32_t seq,
				uint8_t flags)
{
	struct seg_out out = { .seq = seq,
			       .ack = e->irs + 1,
			       .wnd = tcp_syn_window(t),
			       .flags = flags };

	out.opts.has_ts = e->ts_ok;
	out.opts.tsval = tcp_ts_now(t, tcp_ts_offset(t, &e->key));
	out.opts.tsecr = e->ts_recent;
	return out;
}

static void challenge(struct tcp_stack *t, const struct syn_entry *e)
{
	struct seg_out out = entry_out(t, e, e->iss + 1, TCP_ACK);

	if (e->has_scale)
		out.wnd = (uint16_t)(out.wnd >> t->p.window_scale);
	if (tcp_challenge_allowed(t, NULL))
		tcp_owe(t, &e->key, &out);
}

/* The handshake is complete: a connection takes the entry's place. */
static struct tcp_conn *graduate(struct tcp_stack *t, struct syn_entry *e)
{
	struct tcp_conn *c = tcp_conn_new(t, &e->key);

	if (!c)
		return NULL;
	c->state = TCPS_SYN_RCVD;
	c->passive = true;
	c->listener = e->listener;
	c->iss = c->snd_una = e->iss;
	c->snd_nxt = c->snd_max = c->snd_end = e->iss + 1;
	c->irs = e->irs;
	c->rcv_nxt = c->last_ack = e->irs + 1;
	c->rcv_adv = c->rcv_nxt + tcp_syn_window(t);
	c->ts_ok = e->ts_ok;
	c->ts_recent = e->ts_recent;
	c->has_scale = e->has_scale;
	c->snd_scale = e->has_scale ? e->scale : 0;
	c->rcv_scale = e->has_scale ? t->p.window_scale : 0;
	c->peer_mss = e->mss;
	c->syn_resent = e->resent;
	c->last_tx = e->born;
	tcp_conn_mss(c);
	tcp_flow_replace(&t->flows, FLOW_SYN, &e->key, FLOW_CONN, &c->key);
	c->in_table = true;
	entry_free(t, e);
	return c;
}

static enum tcp_verdict entry_reset(struct tcp_stack *t, struct syn_entry *e,
				    const struct seg_in *in)
{
	if (in->seq != e->irs + 1) {
		challenge(t, e);
		return TCP_DROP_RST;
	}
	entry_drop(t, e); /* back to LISTEN, and nobody is told */
	t->stats.reset_in++;
	return TCP_OK;
}

enum tcp_verdict tcp_syn_input(struct tcp_stack *t, struct syn_entry *e,
			       struct seg_in *in)
{
	uint32_t next = e->irs + 1;
	struct tcp_conn *c;

	if ((in->flags & (TCP_SYN | TCP_RST)) == TCP_SYN) {
		if (in->flags & TCP_ACK || in->seq != e->irs) {
			challenge(t, e);
			return TCP_DROP_SYN;
		}
		/* The same again: our answer was lost. */
		e->resent = true;
		if (!list_linked(&e->owed))
			list_push(&t->syn_owed, &e->owed);
		return TCP_DROP_DUPLICATE;
	}
	if (e->ts_ok && !(in->flags & TCP_RST) &&
	    (!in->opts.has_ts || tcp_paws_old(e->ts_recent, &in->opts))) {
		if (in->opts.has_ts)
			challenge(t, e);
		return TCP_DROP_PAWS;
	}
	if (tcp_seg_old(in, next) ||
	    seq_gt(in->seq, next + tcp_syn_window(t))) {
		if (in->flags & TCP_RST)
			return TCP_DROP_RST;
		challenge(t, e);
		return TCP_DROP_WINDOW;
	}
	if (in->flags & TCP_RST)
		return entry_reset(t, e, in);
	if (!(in->flags & TCP_ACK))
		return TCP_DROP_ACK;
	if (in->ack != e->iss + 1) {
		tcp_owe_reset(t, &e->key, in);
		return TCP_DROP_ACK;
	}
	c = graduate(t, e);
	/* Without memory the entry stays, and the peer will say it again. */
	return c ? tcp_conn_input(c, in) : TCP_DROP_MEMORY;
}

/* --- sending and time ------------------------------------------------------
 */

bool tcp_syn_output(struct tcp_stack *t)
{
	while (!list_empty(&t->syn_owed)) {
		struct syn_entry *e =
			list_entry(t->syn_owed.next, struct syn_entry, owed);
		struct seg_out out = entry_out(t, e, e->iss, TCP_SYN | TCP_ACK);
		struct tcp_opts offer = tcp_syn_opts(t, &e->key);

		out.opts.has_mss = true;
		out.opts.mss = offer.mss;
		out.opts.has_scale = e->has_scale;
		out.opts.scale = offer.scale;
		if (!tcp_send(t, &e->key, NULL, &out))
			return false;
		list_remove(&e->owed);
	}
	return true;
}

/* The first of a level, if its time has come. */
static struct syn_entry *due(const struct tcp_stack *t, unsigned level)
{
	const struct list *l = &t->syn_level[level];
	struct syn_entry *e;

	if (list_empty(l))
		return NULL;
	e = list_entry(l->next, struct syn_entry, level);
	return e->deadline <= t->now ? e : NULL;
}

unsigned tcp_syn_timers(struct tcp_stack *t, unsigned budget)
{
	unsigned spent = 0;

	for (unsigned i = 0; i < TCP_SYN_LEVELS; i++) {
		struct syn_entry *e;

		while (spent < budget && (e = due(t, i))) {
			spent++;
			if (e->sends >= e->sends_max) {
				t->stats.timed_out++;
				entry_drop(t, e);
				continue;
			}
			e->resent = true;
			t->stats.retransmits++;
			entry_send(t, e);
		}
	}
	return spent;
}

usec_t tcp_syn_next(const struct tcp_stack *t)
{
	usec_t next = USEC_NEVER;

	for (unsigned i = 0; i < TCP_SYN_LEVELS; i++)
		if (!list_empty(&t->syn_level[i]))
			next = min(next, list_entry(t->syn_level[i].next,
						    struct syn_entry, level)
						 ->deadline);
	return next;
}
