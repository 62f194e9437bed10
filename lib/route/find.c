/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * find.c - the reader's side of the mailbox table: no lock, no wait, no
 * allocation. What it returns was copied before the next quiescent state.
 */
#include "route/table.h"

#define KEY_MAX 255

bool key_parse(struct bytes text, struct key *out)
{
	static const struct bytes prefixes[] = { BYTES_LIT("SMTP:"),
						 BYTES_LIT("X500:") };
	size_t at;

	text = bytes_trim(text);
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		if (!bytes_istarts(text, prefixes[i]))
			continue;
		text = bytes_trim(bytes_from(text, prefixes[i].n));
		break;
	}
	if (!text.n || text.n > KEY_MAX)
		return false;
	at = bytes_find(text, '@');
	if (exchange_guid_parse(bytes_upto(text, at), out->guid)) {
		out->class = KEY_GUID;
		out->text = text;
		return true;
	}
	out->class = at < text.n || text.p[0] == '/' ||
				     bytes_find(text, '\\') < text.n
			     ? KEY_TEXT
			     : KEY_BARE;
	out->text = text;
	return true;
}

uint64_t key_hash(const struct route_table *t, const struct key *k)
{
	if (k->class == KEY_GUID)
		return siphash13(&t->guid_secret, k->guid, sizeof(k->guid));
	return siphash13_folded(&t->secret, k->text);
}

struct mailbox *mailbox_of(struct cds_lfht_node *node)
{
	struct key_node *k = container_of(node, struct key_node, node);

	return container_of(k - k->index, struct mailbox, key);
}

struct key key_of(const struct mailbox *m, unsigned i)
{
	const struct key_node *n = &m->key[i];
	struct key k = { .class = n->class,
			 .text = { (const uint8_t *)m + n->at, n->len } };

	if (k.class == KEY_GUID)
		memcpy(k.guid, k.text.p, sizeof(k.guid));
	return k;
}

/* cds_lfht compared 64 bits of keyed hash before it asks. */
int key_match(struct cds_lfht_node *node, const void *key)
{
	const struct key_node *n = container_of(node, struct key_node, node);
	const uint8_t *text = (const uint8_t *)mailbox_of(node) + n->at;
	const struct key *k = key;

	if (n->class != k->class)
		return 0;
	if (k->class == KEY_GUID)
		return memcmp(text, k->guid, sizeof(k->guid)) == 0;
	return bytes_ieq(k->text, (struct bytes){ text, n->len });
}

/* The mailbox that has the key alone. */
static struct mailbox *find_only(struct route_table *t, const struct key *k)
{
	struct cds_lfht_node *node;
	struct cds_lfht_iter it;

	cds_lfht_lookup(t->ht, key_hash(t, k), key_match, k, &it);
	node = cds_lfht_iter_get_node(&it);
	if (!node || k->class != KEY_BARE)
		return node ? mailbox_of(node) : NULL;
	cds_lfht_next_duplicate(t->ht, key_match, k, &it);
	return cds_lfht_iter_get_node(&it) ? NULL : mailbox_of(node);
}

struct mailbox *mailbox_find(struct route_table *t, const struct key *k)
{
	struct mailbox *m = find_only(t, k);
	struct key other = *k;
	size_t at;

	if (m || k->class == KEY_BARE)
		return m;
	other.class = KEY_TEXT;
	if (k->class == KEY_GUID) /* an alias may look like GUID@domain */
		return find_only(t, &other);
	/* Exports do not know the NetBIOS domain: where a mailbox's was not
	 * told, any is right. */
	at = bytes_find(k->text, '\\');
	if (at == k->text.n)
		return NULL;
	other.class = KEY_BARE;
	other.text = bytes_from(k->text, at + 1);
	m = other.text.n ? find_only(t, &other) : NULL;
	return m && !m->sam_has_domain ? m : NULL;
}

bool route_sam(struct route_table *t, struct bytes key, char *dst, size_t cap)
{
	const struct mailbox *m;
	struct bytes sam;
	struct key k;
	size_t at;

	m = key_parse(key, &k) ? mailbox_find(t, &k) : NULL;
	if (!m || !m->sam)
		return false;
	sam = BYTES((const char *)m + m->sam);
	at = bytes_find(sam, '\\');
	sam = at < sam.n ? bytes_from(sam, at + 1) : sam;
	return sam.n && bytes_str(sam, dst, cap);
}

bool route_find(struct route_table *t, struct bytes key,
		struct route_found *out)
{
	const struct mailbox *m;
	const struct place *p;
	struct key k;

	if (!key_parse(key, &k))
		return false;
	m = mailbox_find(t, &k);
	if (!m)
		return false;
	p = place_of(m);
	memcpy(out->server, p->server, sizeof(out->server));
	if (!bytes_str(BYTES(p->database), out->database,
		       sizeof(out->database)))
		out->database[0] = '\0';
	out->id = m->id;
	return true;
}

uint64_t route_key_hash(const struct route_table *t, struct bytes key)
{
	struct key k = { .class = KEY_TEXT, .text = key };

	if (!key_parse(key, &k))
		k = (struct key){ .class = KEY_TEXT, .text = key };
	return key_hash(t, &k);
}
