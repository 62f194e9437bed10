/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/slab.h"

void *slab_get(struct slab *s)
{
	void *object;

	/* The quarantine must not make a small slab run dry. */
	if (!s->n_free && s->rest_n) {
		s->free[s->n_free++] = s->rest[s->rest_head];
		s->rest_head = (s->rest_head + 1) % SLAB_QUARANTINE;
		s->rest_n--;
	}
	if (unlikely(!s->n_free)) {
		s->failures++;
		return NULL;
	}
	object = slab_at(s, s->free[--s->n_free]);
	if (++s->used > s->peak)
		s->peak = s->used;
	mem_unpoison(object, s->size);
	return object;
}

void slab_put(struct slab *s, void *object)
{
	uint32_t index = slab_index(s, object);

	assert(index < s->count && slab_at(s, index) == object && s->used);
	s->used--;
	mem_poison(object, s->size);
	if (!CASGATE_ASAN) {
		s->free[s->n_free++] = index;
		return;
	}
	/* The newcomer takes the place of the oldest, which becomes free. */
	if (s->rest_n == SLAB_QUARANTINE) {
		s->free[s->n_free++] = s->rest[s->rest_head];
		s->rest_head = (s->rest_head + 1) % SLAB_QUARANTINE;
		s->rest_n--;
	}
	s->rest[(s->rest_head + s->rest_n++) % SLAB_QUARANTINE] = index;
}
