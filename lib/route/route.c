/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * route.c - the mailbox table's writer: make, change, show, count.
 */
#include "route/table.h"

#include <errno.h>
#include <stdlib.h>

#define KEYS_EXPECTED 7 /* of one mailbox, for the first size */
#define BUCKET_BYTES sizeof(struct cds_lfht_node)

bool enter(void)
{
	bool online = urcu_qsbr_read_ongoing();

	if (!online)
		snap_online();
	return online;
}

void leave(bool was_online)
{
	if (!was_online)
		snap_offline();
}

static size_t power_of_two(size_t n)
{
	return n <= 64 ? 64 : (size_t)1 << (64 - __builtin_clzll(n - 1));
}

struct route_table *route_new(const struct hash_key *secret, size_t expected)
{
	struct route_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->secret = *secret;
	t->guid_secret = (struct hash_key){ secret->k0, ~secret->k1 };
	t->buckets = power_of_two(expected * KEYS_EXPECTED);
	/* No AUTO_RESIZE: its thread would run where the first worker polls,
	 * and it leaves eight keys in a bucket. */
	t->ht = cds_lfht_new_flavor(t->buckets, 64, 0, 0, &urcu_qsbr_flavor,
				    NULL);
	if (!t->ht) {
		free(t);
		return NULL;
	}
	t->stats.bytes = sizeof(*t) + t->buckets * BUCKET_BYTES;
	return t;
}

void reserve(struct route_table *t, size_t keys)
{
	size_t want = power_of_two(keys);
	bool online;

	if (want <= t->buckets)
		return;
	online = urcu_qsbr_read_ongoing();
	if (online)
		snap_offline(); /* a resize may wait for readers */
	cds_lfht_resize(t->ht, want);
	if (online)
		snap_online();
	t->stats.bytes += (want - t->buckets) * BUCKET_BYTES;
	t->buckets = want;
}

static void free_mailbox(struct snap_head *head)
{
	free(container_of(head, struct mailbox, defer));
}

void retire(struct route_table *t, struct mailbox *m)
{
	for (unsigned i = 0; i < m->n_keys; i++)
		if (!cds_lfht_is_node_deleted(&m->key[i].node))
			(void)cds_lfht_del(t->ht, &m->key[i].node);
	t->stats.mailboxes--;
	t->stats.keys -= m->n_keys;
	t->stats.bytes -= m->size;
	place_put(t, m->place);
	snap_defer(&m->defer, free_mailbox);
}

void route_free(struct route_table *t)
{
	struct cds_lfht_node *node;
	struct cds_lfht_iter it;
	bool online;

	if (!t)
		return;
	online = enter();
	cds_lfht_for_each(t->ht, &it, node)
	{
		struct mailbox *m = mailbox_of(node);

		/* The first node leaves last, and its mailbox with it. */
		if (container_of(node, struct key_node, node)->index == 0)
			retire(t, m);
	}
	leave(online);
	assert(!t->stats.mailboxes && !t->stats.keys);
	if (cds_lfht_destroy(t->ht, NULL))
		assert(!"a key is left in the table");
	free(t);
}

/* --- one mailbox --- */

/* The field of the description that holds the key, for route_set's caller. */
static const char *field_of(const struct route_mailbox *d, const struct key *k)
{
	const char *fields[] = { d->smtp,      d->upn,	d->sam,
				 d->legacy_dn, d->guid, d->archive_guid };
	struct key f;

	for (size_t i = 0; i < ARRAY_LEN(fields) + d->n_aliases; i++) {
		const char *s = i < ARRAY_LEN(fields)
					? fields[i]
					: d->aliases[i - ARRAY_LEN(fields)];

		if (!s || !key_parse(BYTES(s), &f) || f.class != k->class)
			continue;
		if (k->class == KEY_GUID
			    ? memcmp(f.guid, k->guid, sizeof(f.guid)) == 0
			    : bytes_ieq(f.text, k->text))
			return s;
	}
	return d->smtp ? d->smtp : "";
}

struct one {
	const struct route_mailbox *description;
	const char *clash;
};

static void note_clash(struct batch *b, const struct staged *row,
		       const struct staged *other, const struct key *k)
{
	struct one *one = b->arg;

	one->clash = field_of(one->description, k);
}

/* Takes m. */
static int set_one(struct route_table *t, struct mailbox *m, struct one *one)
{
	struct staged row;
	struct batch b = {
		.t = t, .row = &row, .cap = 1, .clash = note_clash, .arg = one
	};
	bool online = enter();
	int rc = batch_add(&b, m, 0);

	if (!rc)
		rc = batch_check(&b);
	if (!rc && b.clashes)
		rc = -EEXIST;
	if (!rc)
		batch_apply(&b);
	batch_fini(&b);
	leave(online);
	return rc;
}

int route_set(struct route_table *t, const struct route_mailbox *d,
	      const char **clash)
{
	struct one one = { .description = d };
	struct mailbox *m;
	const char *why;
	int rc = mailbox_new(d, &m, &why);

	if (rc)
		return rc;
	m->place = place_get(t, d->server, d->database);
	if (!m->place) {
		free(m);
		return -ENOMEM;
	}
	rc = set_one(t, m, &one);
	if (rc == -EEXIST && clash)
		*clash = one.clash;
	return rc;
}

static bool is_name(const char *s, size_t limit)
{
	if (!s || strlen(s) > limit)
		return false;
	while (*s && (uint8_t)*s >= 0x20 && *s != 0x7f)
		s++;
	return !*s;
}

int route_move(struct route_table *t, struct bytes key, const char *server,
	       const char *database)
{
	struct place *p, *old;
	struct mailbox *m;
	struct key k;
	int rc = -ENOENT;
	bool online;

	if (!is_name(server, EXCHANGE_NAME - 1) || !server[0] ||
	    (database && !is_name(database, ROUTE_DATABASE)))
		return -EINVAL;
	online = enter();
	m = key_parse(key, &k) ? mailbox_find(t, &k) : NULL;
	if (!m)
		goto out;
	rc = -ENOMEM;
	p = place_get(t, server, database);
	if (!p)
		goto out;
	old = m->place;
	__atomic_store_n(&m->place, p, __ATOMIC_RELEASE);
	place_put(t, old);
	t->stats.moves++;
	rc = 0;
out:
	leave(online);
	return rc;
}

int route_remove(struct route_table *t, struct bytes key)
{
	bool online = enter();
	struct mailbox *m;
	struct key k;

	m = key_parse(key, &k) ? mailbox_find(t, &k) : NULL;
	if (m) {
		retire(t, m);
		t->stats.removes++;
	}
	leave(online);
	return m ? 0 : -ENOENT;
}

int route_show(struct route_table *t, struct bytes key, struct route_info *out)
{
	bool online = enter();
	struct mailbox *m;
	struct key k;

	m = key_parse(key, &k) ? mailbox_find(t, &k) : NULL;
	if (m)
		mailbox_info(m, out);
	leave(online);
	return m ? 0 : -ENOENT;
}

size_t route_count(const struct route_table *t)
{
	return t->stats.mailboxes;
}

void route_stats(const struct route_table *t, struct route_stats *out)
{
	*out = t->stats;
}
