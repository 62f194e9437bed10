/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * prober.c - the servers and protocols whose health this worker looks after:
 * asks when it is time, weighs what all workers' requests met, writes verdicts.
 */
#include <stdio.h>

#include "proxy/proxy_int.h"

#define LOOK MSEC(100) /* between two looks at all of them */
#define HELD MSEC(300) /* a look that comes so late was held up */

void back_result(const struct session *s, bool good)
{
	struct proxy *p = s->proxy;

	if (p->setup.board)
		health_note(p->setup.board, p->setup.worker, s->server_id,
			    s->protocol, good);
}

static struct health *health_of(const struct proxy *p, unsigned id,
				enum exchange_protocol protocol)
{
	return &p->setup.board->cell[health_cell(id, protocol)];
}

static void answered(struct proxy *p, struct proxy_probe *q, usec_t now)
{
	const struct health_rules *r = &p->config->health;
	struct health *h = health_of(p, q->server, q->protocol);
	char why[EXCHANGE_WHY + 64] = "";
	bool good = exchange_alive(q->protocol, q->ask, &q->facts, why,
				   sizeof(why));

	/* Nobody knows whether the server was silent or nobody listened. */
	if (q->held_up && q->facts.reach != EXCHANGE_ANSWERED) {
		p->stats.probes_void++;
		h->asked = false;
		h->due = now;
		slab_put(&p->question_slab, q);
		return;
	}
	p->stats.probes_failed += !good;
	p->stats.health_changes += health_probed(h, r, &p->rng, good, why, now);
	health_publish(p->setup.board, q->server, q->protocol, r, now);
	slab_put(&p->question_slab, q);
}

static void ask(struct proxy *p, const struct exchange_server *s,
		enum exchange_protocol protocol, struct health *h)
{
	struct proxy_probe *q = slab_get(&p->question_slab);

	if (!q)
		return; /* at the next look */
	*q = (struct proxy_probe){ .server = s->id,
				   .protocol = protocol,
				   .ask = exchange_ask_of(s, protocol),
				   .timeout = p->config->health.timeout,
				   .done = answered };
	h->asked = true;
	proxy_probe(p, q);
}

static bool watched(const struct proxy *p, unsigned i,
		    enum exchange_protocol protocol)
{
	const struct proxy_server *b = &p->config->server[i];

	if (exchange_is_mail(protocol) && !b->mail_tls[p->setup.worker])
		return false; /* nobody listens for it */
	return p->config->health.protocols >> protocol & 1 && b->probes &&
	       exchange_can_serve(&p->config->topology.server[i], protocol,
				  NULL);
}

/* Requests fail: out with it, unless it is the last of its site. Then only a
 * probe may judge, and may do so now. */
static bool eject(struct proxy *p, unsigned i, enum exchange_protocol protocol,
		  struct health *h, usec_t now)
{
	if (health_spare(&p->config->topology, i, protocol)) {
		p->stats.ejected++;
		return health_eject(h, "requests failed, one after the other",
				    now);
	}
	p->stats.spared++;
	h->due = now;
	return false;
}

static void look_at(struct proxy *p, unsigned i,
		    enum exchange_protocol protocol, usec_t now)
{
	const struct exchange_server *s = &p->config->topology.server[i];
	const struct health_rules *r = &p->config->health;
	struct health_board *board = p->setup.board;
	struct health *h = health_of(p, s->id, protocol);
	struct health_tally sum = health_sum(board, s->id, protocol);
	bool changed = false;

	if (!watched(p, i, protocol)) {
		changed = health_forget(h, now);
		h->due = 0;
	} else {
		if (!h->due)
			health_init(h, r, &p->rng, now);
		/* A reload may have made the interval shorter. */
		h->due = min(h->due, now + r->interval + r->interval / 5);
		if (health_outlier(h, r, sum.good, sum.bad, now))
			changed = eject(p, i, protocol, h, now);
		changed |= health_tick(h, r, now);
		if (health_due(h, now))
			ask(p, s, protocol, h);
	}
	p->stats.health_changes += changed;
	health_publish(board, s->id, protocol, r, now);
}

usec_t prober_held(struct proxy *p, usec_t now)
{
	if (p->look && now > p->look + HELD)
		p->held = now;
	return p->held;
}

void prober_look(struct proxy *p, usec_t now)
{
	const struct exchange_topology *t = &p->config->topology;
	struct health_board *b = p->setup.board;

	if (!b || now < p->look)
		return;
	prober_held(p, now);
	p->look = now + LOOK;
	for (unsigned i = 0; i < t->n_servers; i++)
		for (int v = 0; v < EXCHANGE_PROTOCOL_COUNT; v++)
			if (health_owner(t->server[i].id,
					 (enum exchange_protocol)v,
					 b->workers) == p->setup.worker)
				look_at(p, i, (enum exchange_protocol)v, now);
}
