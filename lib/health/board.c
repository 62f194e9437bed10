/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * board.c - verdicts and tallies: one writer each, any number of racy readers.
 */
#include "health/health.h"

unsigned health_owner(unsigned id, enum exchange_protocol p, unsigned workers)
{
	static const struct hash_key key = { 0x6865616c74686f77, 0x6e65720000 };
	uint64_t cell = health_cell(id, p);

	return (unsigned)(siphash13(&key, &cell, sizeof(cell)) % workers);
}

void health_publish(struct health_board *b, unsigned id,
		    enum exchange_protocol p, const struct health_rules *r,
		    usec_t now)
{
	size_t cell = health_cell(id, p);
	const struct health *h = &b->cell[cell];

	__atomic_store_n(&b->verdict[cell], health_verdict(h, r, now),
			 __ATOMIC_RELAXED);
	__atomic_store_n(&b->state[cell], (uint8_t)h->state, __ATOMIC_RELAXED);
}

void health_note(struct health_board *b, unsigned w, unsigned id,
		 enum exchange_protocol p, bool good)
{
	struct health_tally *t = &b->tally[w][health_cell(id, p)];

	if (good)
		__atomic_store_n(&t->good, t->good + 1, __ATOMIC_RELAXED);
	else
		__atomic_store_n(&t->bad, t->bad + 1, __ATOMIC_RELAXED);
}

struct health_tally health_sum(const struct health_board *b, unsigned id,
			       enum exchange_protocol p)
{
	size_t cell = health_cell(id, p);
	struct health_tally sum = { 0 };

	for (unsigned w = 0; w < b->workers; w++) {
		const struct health_tally *t = &b->tally[w][cell];

		sum.good += __atomic_load_n(&t->good, __ATOMIC_RELAXED);
		sum.bad += __atomic_load_n(&t->bad, __ATOMIC_RELAXED);
	}
	return sum;
}

bool health_spare(const struct exchange_topology *t, unsigned server,
		  enum exchange_protocol p)
{
	const struct exchange_server *a = &t->server[server];

	for (unsigned i = 0; i < t->n_servers; i++) {
		const struct exchange_server *b = &t->server[i];
		bool alike = exchange_is_modern(a->version)
				     ? exchange_is_modern(b->version)
				     : a->version == b->version;

		if (i != server && alike && a->site == b->site &&
		    !exchange_is_drained(b, p) && !exchange_is_down(b, p) &&
		    exchange_can_serve(b, p, NULL))
			return true;
	}
	return false;
}
