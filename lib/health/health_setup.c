/* SPDX-License-Identifier: BSD-3-Clause */
/* health_setup.c - the part of health.h that allocates. */
#include "health/health.h"

struct health_board *health_board_new(unsigned workers, unsigned ids)
{
	struct health_board *b = mem_new(sizeof(*b));
	size_t cells = health_cell(ids, 0);
	bool ok;

	assert(workers && workers <= HEALTH_WORKERS);
	if (!b)
		return NULL;
	b->workers = workers;
	b->ids = ids;
	b->verdict = mem_new(cells);
	b->state = mem_new(cells);
	b->cell = mem_new(cells * sizeof(*b->cell));
	ok = b->verdict && b->state && b->cell;
	for (unsigned w = 0; ok && w < workers; w++) {
		b->tally[w] = mem_new(cells * sizeof(*b->tally[w]));
		ok = b->tally[w] != NULL;
	}
	if (ok)
		return b;
	health_board_free(b);
	return NULL;
}

void health_board_free(struct health_board *b)
{
	if (!b)
		return;
	for (unsigned w = 0; w < b->workers; w++)
		mem_free(b->tally[w]);
	mem_free(b->cell);
	mem_free(b->state);
	mem_free(b->verdict);
	mem_free(b);
}
