/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vc.c - which virtual connections there are and at which servers: one table a
 * worker, each the owner of its share of the keys, and the questions between
 * them.
 */
#include "proxy/proxy_int.h"

static struct vc *find(const struct vc_table *t, uint64_t key)
{
	list_for_each(it, &t->bucket[key & t->mask])
	{
		struct vc *v = list_entry(it, struct vc, link);

		if (v->key == key)
			return v;
	}
	return NULL;
}

static void forget(struct vc_table *t, struct vc *v)
{
	list_remove(&v->link);
	slab_put(&t->slab, v);
}

/* --- what the owner answers --------------------------------------------------
 */

static void join(struct vc_table *t, struct vc_note *n)
{
	struct vc *v = find(t, n->key);

	n->known = v != NULL;
	n->full = false;
	if (!v) {
		v = slab_get(&t->slab);
		n->full = v == NULL;
		if (!v)
			return;
		*v = (struct vc){ .key = n->key, .server = n->server };
		list_init(&v->link);
		list_push(&t->bucket[n->key & t->mask], &v->link);
	}
	v->channels++;
	*(n->out ? &v->out : &v->in) = n->from;
	n->denials = v->denials;
	if (!n->fixed)
		n->server = v->server;
}

/* Of one OUT channel and the one that replaced it. */
static void deny(struct vc_table *t, struct vc_note *n)
{
	struct vc *v = find(t, n->key);

	n->to = (struct vc_end){ 0 };
	if (!v)
		return;
	v->denials += n->denials;
	n->denials = v->denials;
	n->to = v->in;
}

static void leave(struct vc_table *t, const struct vc_note *n)
{
	struct vc *v = find(t, n->key);

	if (!v)
		return;
	if (v->out.session == n->from.session)
		v->out = (struct vc_end){ 0 };
	if (v->in.session == n->from.session)
		v->in = (struct vc_end){ 0 };
	if (--v->channels == 0)
		forget(t, v);
}

/* The owner, or for a fault whose session it is. */
static void answer(struct proxy *p, struct vc_note *n, usec_t now)
{
	struct vc *v;

	switch (n->verb) {
	case VC_JOIN:
		join(&p->vcs, n);
		break;
	case VC_MOVE:
		/* With other channels elsewhere it is lost anyway. */
		v = find(&p->vcs, n->key);
		if (v && v->channels == 1)
			v->server = n->server;
		break;
	case VC_LEAVE:
		leave(&p->vcs, n);
		break;
	case VC_REFUSE:
		v = find(&p->vcs, n->key);
		n->to = v ? v->out : (struct vc_end){ 0 };
		break;
	case VC_DENY:
		deny(&p->vcs, n);
		break;
	case VC_FAULT:
		if (!rpc_fault(p, n, now))
			n->to = (struct vc_end){ 0 };
		break;
	}
	n->answered = true;
}

/* --- the way there and back
 * ---------------------------------------------------- */

static void arrived(struct proxy *p, void *arg, usec_t now);

static void send(struct proxy *p, struct vc_note *n, unsigned to)
{
	n->call = (struct proxy_call){ arrived, n };
	if (!p->setup.send || !p->setup.send(p->setup.send_arg, to, &n->call)) {
		p->stats.vc_delayed++;
		list_push(&p->unsent, &n->link);
	}
}

static unsigned goes_to(const struct vc_note *n, unsigned workers)
{
	if (n->answered)
		return n->from.worker;
	return n->verb == VC_FAULT ? n->to.worker
				   : (unsigned)(n->key >> 32) % workers;
}

static void arrived(struct proxy *p, void *arg, usec_t now)
{
	struct vc_note *n = arg;

	if (n->answered) {
		rpc_answered(p, n, now);
		return;
	}
	answer(p, n, now);
	send(p, n, n->from.worker);
}

bool vc_ask(struct proxy *p, struct vc_note *n, usec_t now)
{
	unsigned to;

	n->answered = false;
	to = goes_to(n, p->setup.workers);
	if (to == p->setup.worker)
		answer(p, n, now);
	else
		send(p, n, to);
	return n->answered && to == p->setup.worker;
}

bool vc_send_again(struct proxy *p)
{
	struct list *link;

	while ((link = list_pop(&p->unsent))) {
		struct vc_note *n = list_entry(link, struct vc_note, link);
		unsigned to = goes_to(n, p->setup.workers);

		if (p->setup.send(p->setup.send_arg, to, &n->call))
			continue;
		list_push_front(&p->unsent, link);
		return true;
	}
	return false;
}
