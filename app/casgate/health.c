/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * health.c - what the workers found out about servers, for people: a log line
 * a change, and answers to `server list` and `server show`.
 */
#include "casgate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct health_question {
	const struct health_board *board;
	unsigned id, worker;
	struct health health[EXCHANGE_PROTOCOL_COUNT];
};

static void copy_owned(struct proxy *p, void *question, usec_t now)
{
	struct health_question *q = question;

	for (unsigned v = 0; v < EXCHANGE_PROTOCOL_COUNT; v++)
		if (health_owner(q->id, v, q->board->workers) == q->worker)
			q->health[v] = q->board->cell[health_cell(q->id, v)];
}

int ask_health(struct app *a, unsigned id,
	       struct health out[EXCHANGE_PROTOCOL_COUNT])
{
	struct health_question *q = calloc(1, sizeof(*q));
	int rc = q ? 0 : -ENOMEM;

	if (!q)
		return rc;
	q->board = a->board;
	q->id = id;
	for (q->worker = 0; !rc && q->worker < a->workers; q->worker++)
		rc = ask_worker(a, q->worker, copy_owned, q);
	if (rc == -ETIMEDOUT)
		return rc; /* the worker may still write to it */
	memcpy(out, q->health, sizeof(q->health));
	free(q);
	return rc;
}

char *health_in_short(const struct app *a, const struct exchange_server *s,
		      char *dst, size_t cap)
{
	unsigned n[HEALTH_STATE_COUNT] = { 0 };
	size_t at = 0;

	for (unsigned p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++) {
		enum health_state state = health_state_of(a->board, s->id, p);

		if (!exchange_can_serve(s, p, NULL))
			continue;
		n[state]++;
		if (state != HEALTH_DOWN || at >= cap)
			continue;
		at += (size_t)snprintf(
			dst + at, cap - at, "%s%s",
			at ? ", " : "down: ", exchange_protocol_word(p));
	}
	/* All that is looked at. */
	if (n[HEALTH_DOWN] && !n[HEALTH_UP] && !n[HEALTH_SLOW_START])
		snprintf(dst, cap, "down");
	else if (!n[HEALTH_DOWN])
		snprintf(dst, cap, "%s",
			 health_state_word(n[HEALTH_SLOW_START]
						   ? HEALTH_SLOW_START
					   : n[HEALTH_UP] ? HEALTH_UP
							  : HEALTH_UNKNOWN));
	return dst;
}

/* That all is well at the start is no news. */
static void tell(struct app *a, const struct exchange_server *s,
		 enum exchange_protocol p, enum health_state before,
		 enum health_state now)
{
	const char *word = exchange_protocol_word(p);
	struct health health[EXCHANGE_PROTOCOL_COUNT];

	switch (now) {
	case HEALTH_UNKNOWN:
		log_info("server %s: %s is not looked at any more", s->name,
			 word);
		return;
	case HEALTH_UP:
		if (before != HEALTH_UNKNOWN)
			log_info("server %s: %s is up", s->name, word);
		return;
	case HEALTH_SLOW_START:
		log_info("server %s: %s is back and gets its share step by "
			 "step",
			 s->name, word);
		return;
	case HEALTH_DOWN:
		if (!ask_health(a, s->id, health))
			log_warn("server %s: %s is down: %s", s->name, word,
				 health[p].why);
		return;
	case HEALTH_STATE_COUNT:
		return;
	}
}

void watch_health(struct app *a)
{
	static uint8_t told[SERVER_IDS][EXCHANGE_PROTOCOL_COUNT];
	const struct exchange_topology *t = &config_now(a)->topology;

	for (unsigned i = 0; i < t->n_servers; i++) {
		const struct exchange_server *s = &t->server[i];

		for (unsigned p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++) {
			enum health_state now =
				health_state_of(a->board, s->id, p);

			if (now == told[s->id][p])
				continue;
			tell(a, s, p, told[s->id][p], now);
			told[s->id][p] = (uint8_t)now;
		}
	}
}
