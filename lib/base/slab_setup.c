/* SPDX-License-Identifier: BSD-3-Clause */
/* slab_setup.c - the part of slab.h that allocates. */
#include "base/slab.h"

#include <errno.h>

int slab_init(struct slab *s, size_t object_size, uint32_t count)
{
	size_t size = (object_size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;

	*s = (struct slab){ .size = (uint32_t)size, .count = count };
	s->base = mem_new(size * count);
	s->free = mem_new(sizeof(*s->free) * count);
	s->rest = mem_new(sizeof(*s->rest) * SLAB_QUARANTINE);
	if (!s->base || !s->free || !s->rest) {
		slab_fini(s);
		return -ENOMEM;
	}
	while (s->n_free < count) {
		s->free[s->n_free] = count - 1 - s->n_free;
		s->n_free++;
	}
	mem_poison(s->base, size * count);
	return 0;
}

void slab_fini(struct slab *s)
{
	if (s->base)
		mem_unpoison(s->base, (size_t)s->size * s->count);
	mem_free(s->base);
	mem_free(s->free);
	mem_free(s->rest);
	*s = (struct slab){ 0 };
}
