/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_flow.h - from a 4-tuple to what stands for it: a connection, a half-open
 * entry or a TIME_WAIT entry.
 *
 * Buckets of one cache line hold eight (signature, index) pairs. A full bucket
 * spills into the next few, and counts in `spill` how many of its own live
 * elsewhere, so that a miss stops at once and nothing needs a tombstone. Sized
 * at start for twice what can be in it; never rehashed. The hash is keyed,
 * because strangers choose most of the tuple.
 */
#pragma once

#include "base/base.h"

#define FLOW_SLOTS 8  /* in a bucket */
#define FLOW_PROBES 8 /* buckets looked at, the home bucket among them */

struct flow_key {
	struct ipaddr local, remote;
	uint16_t lport, rport; /* host order */
	uint32_t hash;	       /* of the above, by tcp_flow_hash() */
};

#define FLOW_KEY_BYTES offsetof(struct flow_key, hash)

/* Every object in the table begins with its flow_key; the tag says which of
 * the slabs it lies in. */
enum flow_tag { FLOW_CONN, FLOW_SYN, FLOW_WAIT, FLOW_TAGS };

struct flow_bucket {
	_Alignas(CACHE_LINE) uint32_t sig[FLOW_SLOTS]; /* 0: free */
	uint32_t ref[FLOW_SLOTS]; /* tag in the top two bits, slab index */
};

_Static_assert(sizeof(struct flow_bucket) == CACHE_LINE, "one line");

struct flow_table {
	struct flow_bucket *bucket;
	uint8_t *spill; /* by home bucket: entries that live in a later one */
	uint32_t mask;
	uint32_t used;
	struct hash_key secret;
	const struct slab *slab[FLOW_TAGS];
};

/* Room for `entries` at a load of one half. -ENOMEM; then safe to fini. */
must_check int tcp_flow_init(struct flow_table *f, uint32_t entries,
			     const struct hash_key *secret);
void tcp_flow_fini(struct flow_table *f);

static inline void tcp_flow_hash(const struct flow_table *f, struct flow_key *k)
{
	k->hash = (uint32_t)siphash13(&f->secret, k, FLOW_KEY_BYTES);
}

static inline bool tcp_flow_same(const struct flow_key *a,
				 const struct flow_key *b)
{
	return memcmp(a, b, FLOW_KEY_BYTES) == 0;
}

/* The object with this (hashed) key, or NULL. */
void *tcp_flow_find(const struct flow_table *f, const struct flow_key *k,
		    enum flow_tag *tag);
/* -ENOSPC when all buckets it may live in are full. The key is not there. */
must_check int tcp_flow_insert(struct flow_table *f, enum flow_tag tag,
			       const struct flow_key *object);
/* The object is there. */
void tcp_flow_remove(struct flow_table *f, enum flow_tag tag,
		     const struct flow_key *object);
/* `object` takes the place of `old`, whose key is the same. */
void tcp_flow_replace(struct flow_table *f, enum flow_tag old_tag,
		      const struct flow_key *old, enum flow_tag tag,
		      const struct flow_key *object);
