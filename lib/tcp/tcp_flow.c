/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/tcp_flow.h"

#include <errno.h>

#define INDEX_BITS 30

/* Never 0, which marks a free slot. */
static inline uint32_t signature(uint32_t hash)
{
	return hash | 0x80000000u;
}

static inline uint32_t reference(const struct flow_table *f, enum flow_tag tag,
				 const struct flow_key *object)
{
	return (uint32_t)tag << INDEX_BITS | slab_index(f->slab[tag], object);
}

static inline void *object_of(const struct flow_table *f, uint32_t ref)
{
	return slab_at(f->slab[ref >> INDEX_BITS],
		       ref & ((1u << INDEX_BITS) - 1));
}

/* Slots of `b` that hold `value`, one bit each. */
static inline unsigned slots_of(const uint32_t *b, uint32_t value)
{
	unsigned hits = 0;

	for (unsigned i = 0; i < FLOW_SLOTS; i++)
		hits |= (unsigned)(b[i] == value) << i;
	return hits;
}

void *tcp_flow_find(const struct flow_table *f, const struct flow_key *k,
		    enum flow_tag *tag)
{
	uint32_t sig = signature(k->hash), home = k->hash & f->mask;

	for (unsigned i = 0; i < FLOW_PROBES; i++) {
		const struct flow_bucket *b = &f->bucket[(home + i) & f->mask];
		unsigned hits = slots_of(b->sig, sig);

		for (; hits; hits &= hits - 1) {
			uint32_t ref = b->ref[__builtin_ctz(hits)];
			void *object = object_of(f, ref);

			if (tcp_flow_same(object, k)) {
				*tag = (enum flow_tag)(ref >> INDEX_BITS);
				return object;
			}
		}
		if (!f->spill[home])
			return NULL;
	}
	return NULL;
}

int tcp_flow_insert(struct flow_table *f, enum flow_tag tag,
		    const struct flow_key *object)
{
	uint32_t home = object->hash & f->mask;

	for (unsigned i = 0; i < FLOW_PROBES; i++) {
		struct flow_bucket *b = &f->bucket[(home + i) & f->mask];
		unsigned empty = slots_of(b->sig, 0);

		if (!empty)
			continue;
		b->sig[__builtin_ctz(empty)] = signature(object->hash);
		b->ref[__builtin_ctz(empty)] = reference(f, tag, object);
		f->spill[home] = (uint8_t)(f->spill[home] + (i > 0));
		f->used++;
		return 0;
	}
	return -ENOSPC;
}

/* The slot in which an object stands. */
struct slot {
	struct flow_bucket *bucket;
	unsigned at;
	unsigned distance; /* from the home bucket */
};

static bool slot_find(struct flow_table *f, enum flow_tag tag,
		      const struct flow_key *object, struct slot *s)
{
	uint32_t ref = reference(f, tag, object);

	for (unsigned i = 0; i < FLOW_PROBES; i++) {
		struct flow_bucket *b =
			&f->bucket[(object->hash + i) & f->mask];
		unsigned hits = slots_of(b->ref, ref);

		for (; hits; hits &= hits - 1) {
			unsigned at = (unsigned)__builtin_ctz(hits);

			/* A free slot keeps its last reference. */
			if (b->sig[at] != signature(object->hash))
				continue;
			*s = (struct slot){ b, at, i };
			return true;
		}
	}
	return false;
}

void tcp_flow_remove(struct flow_table *f, enum flow_tag tag,
		     const struct flow_key *object)
{
	struct slot s = { 0 };
	bool found = slot_find(f, tag, object, &s);

	assert(found && f->used);
	(void)found;
	s.bucket->sig[s.at] = 0;
	if (s.distance)
		f->spill[object->hash & f->mask]--;
	f->used--;
}

void tcp_flow_replace(struct flow_table *f, enum flow_tag old_tag,
		      const struct flow_key *old, enum flow_tag tag,
		      const struct flow_key *object)
{
	struct slot s = { 0 };
	bool found = slot_find(f, old_tag, old, &s);

	assert(found && object->hash == old->hash);
	(void)found;
	s.bucket->ref[s.at] = reference(f, tag, object);
}
