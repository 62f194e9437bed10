/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * slab.h - a pool of equal objects for one core, taken at start.
 *
 * An object's index is stable for life. get/put are a few instructions and
 * never fail for any reason but exhaustion. In sanitizer builds a free object
 * is poisoned and rests in a quarantine, so a use after put is caught.
 */
#pragma once

#include "base/mem.h"

#define SLAB_QUARANTINE 64 /* objects that rest after put, in sanitizer builds */

struct slab {
	uint8_t *base;
	uint32_t size;	   /* of one object, whole cache lines [bytes] */
	uint32_t count;	   /* objects in all */
	uint32_t used;	   /* objects out */
	uint32_t peak;	   /* most ever out */
	uint64_t failures; /* gets that found none */
	uint32_t *free;	   /* LIFO: the hottest object first */
	uint32_t n_free;
	uint32_t *rest; /* quarantine, a FIFO; sanitizer builds only */
	uint32_t rest_head, rest_n;
};

/* -ENOMEM; the slab is then safe to fini. */
must_check int slab_init(struct slab *s, size_t object_size, uint32_t count);
void slab_fini(struct slab *s);

/* An object with undefined content, or NULL (counted). */
must_check void *slab_get(struct slab *s);
void slab_put(struct slab *s, void *object);

static inline uint32_t slab_index(const struct slab *s, const void *object)
{
	return (uint32_t)(((const uint8_t *)object - s->base) / s->size);
}

static inline void *slab_at(const struct slab *s, uint32_t index)
{
	return s->base + (size_t)index * s->size;
}
