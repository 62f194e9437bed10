/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * batch.c - many mailboxes put into the table as one change: first everything
 * is checked and nothing changes, then everything changes and nothing fails.
 *
 * Readers go on meanwhile, so the order is: every key of every new mailbox goes
 * in, by taking over the node that has the key where there is one; only then do
 * the old ones leave. A key that stays is never missing, not even one that an
 * alias carries from one mailbox to another.
 */
#include "route/table.h"

#include <errno.h>
#include <stdlib.h>

int batch_add(struct batch *b, struct mailbox *m, unsigned line)
{
	if (b->n == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 1024;
		struct staged *row = realloc(b->row, cap * sizeof(*row));

		if (!row) {
			place_put(b->t, m->place);
			free(m);
			return -ENOMEM;
		}
		b->row = row;
		b->cap = cap;
	}
	b->row[b->n++] = (struct staged){ .m = m, .line = line };
	return 0;
}

void batch_fini(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct staged *s = &b->row[i];

		if (s->owner)
			s->owner->doomed = false;
		if (!s->m)
			continue; /* applied */
		place_put(b->t, s->m->place);
		free(s->m);
	}
	b->n = 0;
}

/* --- checks --- */

/* Keys of the batch: open addressing, at most half full. */
struct slot {
	uint64_t hash;
	uint32_t row, key; /* row + 1; 0: free */
};

static bool same_key(const struct key *a, const struct key *b)
{
	if (a->class != b->class)
		return false;
	return a->class == KEY_GUID ? memcmp(a->guid, b->guid, 16) == 0
				    : bytes_ieq(a->text, b->text);
}

/* The row that has the key already, else NULL and it is entered. */
static struct staged *claim(struct batch *b, struct slot *slots, size_t mask,
			    size_t row, unsigned i)
{
	struct key k = key_of(b->row[row].m, i);
	uint64_t h = key_hash(b->t, &k);
	size_t at = h & mask;

	for (; slots[at].row; at = (at + 1) & mask) {
		struct staged *other = &b->row[slots[at].row - 1];
		struct key o;

		if (slots[at].hash != h)
			continue;
		o = key_of(other->m, slots[at].key);
		if (same_key(&k, &o))
			return other;
	}
	slots[at] = (struct slot){ h, (uint32_t)row + 1, i };
	return NULL;
}

static void clash(struct batch *b, const struct staged *row,
		  const struct staged *other, unsigned key)
{
	struct key k = key_of(row->m, key);

	b->clashes++;
	b->clash(b, row, other, &k);
}

/* No key twice in the batch. One clash a row is told. */
static int check_batch(struct batch *b)
{
	struct slot *slots;
	size_t keys = 0, mask;

	if (b->n < 2)
		return 0;
	for (size_t i = 0; i < b->n; i++)
		keys += b->row[i].m->n_keys;
	mask = ((size_t)2 << (64 - __builtin_clzll(keys))) - 1;
	slots = calloc(mask + 1, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < b->n; i++) {
		const struct mailbox *m = b->row[i].m;

		for (unsigned k = 0; k < m->n_keys; k++) {
			struct staged *other;

			if (m->key[k].class == KEY_BARE)
				continue; /* several may have it */
			other = claim(b, slots, mask, i, k);
			if (!other)
				continue;
			clash(b, &b->row[i], other, k);
			break;
		}
	}
	free(slots);
	return 0;
}

static struct mailbox *owner_of(struct batch *b, const struct key *k)
{
	struct cds_lfht_node *node;
	struct cds_lfht_iter it;

	cds_lfht_lookup(b->t->ht, key_hash(b->t, k), key_match, k, &it);
	node = cds_lfht_iter_get_node(&it);
	return node ? mailbox_of(node) : NULL;
}

static void adopt(struct batch *b, struct staged *s, struct mailbox *owner)
{
	if (!owner || owner->doomed)
		return;
	s->owner = owner;
	owner->doomed = true;
	b->owners++;
}

static struct mailbox *owner_by_text(struct batch *b, const struct mailbox *m,
				     uint16_t at)
{
	struct key k = { .class = KEY_TEXT };

	if (!at)
		return NULL;
	k.text = BYTES((const char *)m + at);
	return owner_of(b, &k);
}

/* Aliases or an archive are all that is known of it. */
static bool is_nameless(const struct mailbox *m)
{
	return !m->guid && !m->smtp && !m->upn && !m->legacy_dn &&
	       !m->sam_has_domain;
}

/* Whom a row replaces (route.h, route_set): by GUID, and where that is not
 * known on both sides by name. GUIDs of all rows first: a name that went over
 * to another mailbox is no proof against one. */
static void find_owners(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct staged *s = &b->row[i];
		struct key k = { .class = KEY_GUID };
		struct mailbox *o;

		if (!s->m->guid)
			continue;
		k = key_of(s->m, 0);
		o = owner_of(b, &k);
		/* Somebody's archive is not that mailbox. */
		if (o && o->guid &&
		    memcmp((uint8_t *)o + o->guid, k.guid, sizeof(k.guid)) == 0)
			adopt(b, s, o);
	}
	for (size_t i = 0; i < b->n; i++) {
		struct staged *s = &b->row[i];
		const uint16_t names[] = { s->m->smtp, s->m->upn,
					   s->m->sam_has_domain ? s->m->sam : 0,
					   s->m->legacy_dn };
		struct key first = key_of(s->m, 0);
		struct mailbox *o = NULL;

		if (s->owner)
			continue;
		for (size_t n = 0; n < ARRAY_LEN(names) && !o; n++)
			o = owner_by_text(b, s->m, names[n]);
		if (!o && is_nameless(s->m))
			o = owner_of(b, &first);
		if (o && !(s->m->guid && o->guid))
			adopt(b, s, o);
	}
}

/* No key that belongs to a mailbox which stays as it is. */
static void check_table(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct staged *s = &b->row[i];

		for (unsigned k = 0; k < s->m->n_keys; k++) {
			struct key key = key_of(s->m, k);
			struct mailbox *o;

			if (key.class == KEY_BARE)
				continue;
			o = owner_of(b, &key);
			if (!o || o->doomed)
				continue;
			clash(b, s, NULL, k);
			break;
		}
	}
}

int batch_check(struct batch *b)
{
	int rc = check_batch(b);

	if (rc || b->clashes || !b->t->stats.mailboxes)
		return rc;
	find_owners(b);
	if (!b->replace) /* then everybody else leaves */
		check_table(b);
	return 0;
}

/* --- the change --- */

/* Those that no row names, collected before anything changes: then every
 * mailbox has its first node. */
static void find_leavers(struct batch *b)
{
	struct cds_lfht_node *node;
	struct cds_lfht_iter it;

	cds_lfht_for_each(b->t->ht, &it, node)
	{
		struct mailbox *m = mailbox_of(node);

		if (container_of(node, struct key_node, node)->index ||
		    m->doomed)
			continue;
		m->doomed = true;
		m->next = b->leave;
		b->leave = m;
	}
}

/* A bare name is no unique key. Take over a node that is about to leave, its
 * own mailbox's if there is one, so that nobody sees two for a moment. */
static void add_bare(struct batch *b, const struct staged *s,
		     const struct key *k, uint64_t hash,
		     struct cds_lfht_node *node)
{
	struct cds_lfht_iter it, best = { 0 };
	struct cds_lfht_node *n;

	cds_lfht_for_each_duplicate(b->t->ht, hash, key_match, k, &it, n)
	{
		struct mailbox *m = mailbox_of(n);

		if (m == s->owner || (m->doomed && !best.node))
			best = it;
		if (m == s->owner)
			break;
	}
	if (!best.node ||
	    cds_lfht_replace(b->t->ht, &best, hash, key_match, k, node))
		cds_lfht_add(b->t->ht, hash, node);
}

static void insert(struct batch *b, struct staged *s)
{
	struct mailbox *m = s->m;

	for (unsigned i = 0; i < m->n_keys; i++) {
		struct cds_lfht_node *node = &m->key[i].node;
		struct key k = key_of(m, i);
		uint64_t h = key_hash(b->t, &k);

		cds_lfht_node_init(node);
		if (k.class == KEY_BARE)
			add_bare(b, s, &k, h, node);
		else
			(void)cds_lfht_add_replace(b->t->ht, h, key_match, &k,
						   node);
	}
	b->t->stats.mailboxes++;
	b->t->stats.keys += m->n_keys;
	b->t->stats.bytes += m->size;
}

static uint64_t new_id(const struct route_table *t, const struct mailbox *m)
{
	struct key k = key_of(m, 0);

	return key_hash(t, &k);
}

/* Nothing but the place is new, if that: one store, and the old one stays. */
static bool move_only(struct batch *b, struct staged *s)
{
	struct mailbox *o = s->owner;
	struct place *old;

	if (!o || !mailbox_same(o, s->m))
		return false;
	old = o->place;
	if (old == s->m->place) {
		b->unchanged++;
		place_put(b->t, s->m->place);
	} else {
		__atomic_store_n(&o->place, s->m->place, __ATOMIC_RELEASE);
		place_put(b->t, old);
		b->t->stats.moves++;
		b->replaced++;
	}
	free(s->m);
	s->m = NULL;
	o->doomed = false;
	s->owner = NULL;
	return true;
}

void batch_apply(struct batch *b)
{
	struct route_table *t = b->t;
	size_t keys = t->stats.keys;

	assert(!b->clashes);
	if (b->replace && b->owners < t->stats.mailboxes)
		find_leavers(b);
	for (size_t i = 0; i < b->n; i++) {
		struct staged *s = &b->row[i];

		if (move_only(b, s))
			continue;
		keys += s->m->n_keys;
		keys -= s->owner ? s->owner->n_keys : 0;
	}
	reserve(t, keys);
	for (size_t i = 0; i < b->n; i++) {
		struct staged *s = &b->row[i];

		if (!s->m)
			continue;
		s->m->id = s->owner ? s->owner->id : new_id(t, s->m);
		insert(b, s);
		t->stats.sets++;
		b->added += !s->owner;
		b->replaced += s->owner != NULL;
		s->m = NULL;
	}
	for (size_t i = 0; i < b->n; i++)
		if (b->row[i].owner)
			retire(t, b->row[i].owner);
	b->n = 0;
	while (b->leave) {
		struct mailbox *m = b->leave;

		b->leave = m->next;
		retire(t, m);
		t->stats.removes++;
		b->removed++;
	}
}
