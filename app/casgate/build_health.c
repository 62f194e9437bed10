/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * build_health.c - the part of build.c about probes and components.
 */
#include "casgate.h"

#include <stdio.h>

void build_health(const struct conf *conf, struct proxy_config *p)
{
	const struct conf_health *h = &conf->health;

	p->health = (struct health_rules){
		.interval = h->interval,
		.timeout = h->timeout,
		.slow_start = h->slow_start,
		.window = h->window,
		.rise = (uint16_t)h->rise,
		.fall = (uint16_t)h->fall,
		.errors = (uint16_t)h->errors,
		.percent = (uint16_t)h->percent,
	};
	p->healthcheck_closes = h->healthcheck == CONF_HEALTHCHECK_CLOSE;
	for (unsigned i = 0; i < EXCHANGE_PROTOCOL_COUNT; i++)
		if (h->probes && h->protocol[i])
			p->health.protocols |= (uint16_t)(1U << i);
}

void build_components(const struct app *a, struct proxy_config *p)
{
	const struct exchange_topology *t = &p->topology;

	p->inactive = p->failing = 0;
	for (unsigned v = 0; v < EXCHANGE_PROTOCOL_COUNT; v++) {
		enum health_component c = health_component_of(v);
		enum health_requester by;
		enum health_says says =
			health_component_state(&a->components, c, &by);

		if (says != HEALTH_ACTIVE || a->stopping)
			p->failing |= (uint16_t)(1U << v);
		for (unsigned i = 0; i < t->n_servers; i++) {
			struct exchange_server *s = &t->server[i];

			s->drained_for &= (uint16_t) ~(1U << v);
			if (health_component_state(&a->server[s->id].components,
						   c, NULL) != HEALTH_ACTIVE)
				s->drained_for |= (uint16_t)(1U << v);
		}
		if (says != HEALTH_INACTIVE)
			continue;
		p->inactive |= (uint16_t)(1U << v);
		snprintf(p->why_inactive[v], sizeof(p->why_inactive[v]),
			 "%s is Inactive on %s (requester %s).",
			 health_component_name(c), p->name,
			 health_requester_word(by));
	}
}
