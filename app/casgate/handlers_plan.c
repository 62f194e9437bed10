/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handlers_plan.c - `casgatectl plan`: where everybody would go, population by
 * population, before the name moves. Nothing is sent.
 */
#include "casgate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Mailboxes of one version in one site; the last row is of servers that the
 * configuration does not know. */
struct population {
	size_t mailboxes;
	char home[EXCHANGE_NAME]; /* one of their servers */
};

struct plan {
	const struct exchange_topology *t;
	struct population of[EXCHANGE_SE + 1][EXCHANGE_SITES];
};

static void count(void *arg, const char *server, size_t n)
{
	struct plan *plan = arg;
	struct exchange_place place = { 0 };
	struct population *p;

	exchange_place_at(plan->t, BYTES(server), &place);
	p = &plan->of[place.version][place.site < 0 ? 0 : place.site];
	p->mailboxes += n;
	snprintf(p->home, sizeof(p->home), "%s", server);
}

/* What a preflight has found out about those who would be asked. */
static json_t *not_ready(const struct app *a, const struct plan *plan,
			 const struct exchange_decision *d,
			 enum exchange_protocol p)
{
	json_t *list = json_array();
	char text[EXCHANGE_NAME + 64];

	for (unsigned i = 0; i < d->n; i++) {
		const struct exchange_server *s =
			&plan->t->server[d->candidate[i]];
		const char *found = a->server[s->id].found[p];

		if (!found)
			continue;
		snprintf(text, sizeof(text), "%s: %s", s->name, found);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static const char *action_of(const struct exchange_decision *d)
{
	switch (d->action) {
	case EXCHANGE_PROXY:
		return "proxy";
	case EXCHANGE_REDIRECT:
		return "redirect";
	case EXCHANGE_ANSWER:
		break;
	}
	return "none";
}

static json_t *line(const struct app *a, const struct plan *plan,
		    enum exchange_version version, unsigned site,
		    enum exchange_protocol p)
{
	const struct population *who = &plan->of[version][site];
	struct exchange_question ask =
		exchange_question(p, EXCHANGE_ASK_VDIR, false);
	struct exchange_request r = { .protocol = p };
	struct exchange_place place = { .found = true };
	struct exchange_decision d;
	json_t *to = json_array();

	if (ask.path) {
		r.method = BYTES(ask.method);
		r.path = BYTES(ask.path);
	}
	exchange_place_at(plan->t, BYTES(who->home), &place);
	exchange_decide(plan->t, &r, &place, &d);
	for (unsigned i = 0; i < d.n; i++)
		json_array_append_new(
			to, json_string(plan->t->server[d.candidate[i]].name));
	if (d.action == EXCHANGE_REDIRECT)
		json_array_append_new(to, json_string(d.url));
	return json_pack("{s:s, s:s, s:I, s:s, s:s, s:o, s:o, s:s}", "version",
			 exchange_version_name(version), "site",
			 place.site < 0 ? "" : plan->t->site[place.site],
			 "mailboxes", (json_int_t)who->mailboxes, "protocol",
			 exchange_protocol_word(p), "action", action_of(&d),
			 "to", to, "not_ready", not_ready(a, plan, &d, p),
			 "reason", d.reason);
}

/* Nobody listens for it here. */
static bool unused(const struct proxy_config *c, enum exchange_protocol p)
{
	for (unsigned i = 0; i < c->n_listeners; i++)
		if (c->listener[i].mail && c->listener[i].protocol == p)
			return false;
	return exchange_is_mail(p);
}

json_t *handle_plan(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	const struct proxy_config *c = config_now(a);
	struct plan *plan = calloc(1, sizeof(*plan));
	json_t *list;

	if (!plan)
		return control_fail(call, CONTROL_FAILED, "out of memory");
	plan->t = &c->topology;
	route_each_server(a->routes, count, plan);
	list = json_array();
	for (unsigned v = 0; v <= EXCHANGE_SE; v++)
		for (unsigned s = 0; s < EXCHANGE_SITES; s++)
			for (unsigned p = 0; plan->of[v][s].mailboxes &&
					     p < EXCHANGE_PROTOCOL_COUNT;
			     p++)
				if (!unused(c, p))
					json_array_append_new(
						list, line(a, plan, v, s, p));
	free(plan);
	return list;
}
