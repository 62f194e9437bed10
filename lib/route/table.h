/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * table.h - what the mailbox table is made of.
 *
 * A mailbox is one allocation: a header, one hash node per key, the text they
 * all point into. It never changes but for its place, which is one pointer to
 * a (server, database) pair shared by all mailboxes of a database. A changed
 * mailbox is a new one that takes over the old one's nodes key by key.
 *
 * Memory, as test_route measures it with 30,000 mailboxes of seven keys (two
 * GUIDs, address, alias, DOMAIN\sam, sam, legacyExchangeDN): 625 bytes each,
 * of which 168 are nodes, 140 buckets (16 bytes, one to two a key), 64 the header
 * and 250 text.
 */
#pragma once

#include "route/route.h"

#undef always_inline /* liburcu's headers spell the attribute out */
#include <urcu-qsbr.h>
#include <urcu/rculfhash.h>

#include <stdio.h>

#define ROUTE_DATABASE 127 /* characters of a database's name */

/* How a key is compared. */
enum key_class {
	KEY_TEXT, /* address, UPN, DOMAIN\sam, legacyExchangeDN: unique */
	KEY_BARE, /* sam alone: counts while one mailbox has it */
	KEY_GUID, /* 16 bytes: unique */
};

/* A key as the table compares it: borrowed, or `guid` of its own. */
struct key {
	enum key_class class;
	struct bytes text; /* of a GUID: the 16 bytes */
	uint8_t guid[16];
};

struct key_node {
	struct cds_lfht_node node; /* holds the whole hash: the fingerprint */
	uint16_t at, len;	   /* text, from the start of the mailbox */
	uint8_t class, index;	   /* index: of this node in its mailbox */
};

struct place {
	struct snap_head defer;
	struct place *next; /* in its bucket; control thread */
	uint64_t hash;
	size_t users, size;
	char server[EXCHANGE_NAME];
	char database[];
};

/* Offsets are from the start of the mailbox; 0: not known. */
struct mailbox {
	struct snap_head defer;
	struct place *place; /* atomic: the one thing that changes */
	uint64_t id;
	struct mailbox *next; /* among those to be retired; control thread */
	uint16_t size;
	uint16_t display, smtp, upn, sam, legacy_dn, guid, archive_guid;
	uint16_t aliases; /* the first; each ends with NUL, the next follows */
	uint8_t n_aliases, n_keys;
	bool sam_has_domain;
	bool doomed; /* leaves with the batch at hand; control thread */
	struct key_node key[];
};

#define PLACE_BUCKETS 1024

struct route_table {
	struct hash_key secret, guid_secret;
	struct cds_lfht *ht;
	size_t buckets;
	struct place *places[PLACE_BUCKETS];
	struct route_stats stats;
};

/* --- find.c: what readers do; nothing in it allocates or waits ------------- */

/* Read a key as clients write it; false when it can be none. */
bool key_parse(struct bytes text, struct key *out);
uint64_t key_hash(const struct route_table *t, const struct key *k);
struct key key_of(const struct mailbox *m, unsigned i);
int key_match(struct cds_lfht_node *node, const void *key);
struct mailbox *mailbox_of(struct cds_lfht_node *node);
/* Between two quiescent states of this thread; NULL. */
struct mailbox *mailbox_find(struct route_table *t, const struct key *k);

static inline struct place *place_of(const struct mailbox *m)
{
	return __atomic_load_n(&m->place, __ATOMIC_ACQUIRE);
}

/* --- mailbox.c --------------------------------------------------------------- */

/* Build one, without place and id. -EINVAL with a clause for a sentence in
 * *why ("has no key"), -ENOMEM. */
must_check int mailbox_new(const struct route_mailbox *m, struct mailbox **out,
			   const char **why);
/* user@domain without blanks or a prefix, short enough for a key. */
bool is_plain_address(struct bytes a);
void mailbox_info(const struct mailbox *m, struct route_info *out);
/* Told the same, but for the place? */
bool mailbox_same(const struct mailbox *a, const struct mailbox *b);

/* --- place.c ----------------------------------------------------------------- */

/* The shared pair, counted; NULL without memory. */
struct place *place_get(struct route_table *t, const char *server,
			const char *database);
/* The last put frees it once no reader can see it. */
void place_put(struct route_table *t, struct place *p);

/* --- batch.c: any number of mailboxes at once, or none ------------------------ */

struct staged {
	struct mailbox *m;
	struct mailbox *owner; /* whom it replaces; NULL: it is new */
	unsigned line;
};

struct batch {
	struct route_table *t;
	struct staged *row;
	size_t n, cap;
	bool replace;		/* who is not in it, leaves */
	struct mailbox *leave;	/* ... these */
	/* Row i cannot be loaded: its key k belongs to row `other`, or, if
	 * that is NULL, to a mailbox that stays. */
	void (*clash)(struct batch *b, const struct staged *row,
		      const struct staged *other, const struct key *k);
	void *arg;
	size_t clashes, owners;
	size_t added, replaced, unchanged, removed;
};

/* Takes m, with place, in any case. -ENOMEM. */
must_check int batch_add(struct batch *b, struct mailbox *m, unsigned line);
/* Find whom each row replaces and whether all keys are free; b->clash() hears
 * of each that is not. -ENOMEM. Online. */
must_check int batch_check(struct batch *b);
/* After a check without clashes. */
void batch_apply(struct batch *b);
/* Frees what was not applied. */
void batch_fini(struct batch *b);

/* --- route.c ------------------------------------------------------------------- */

/* Be online for an update; returns what leave() is to be told. */
bool enter(void);
void leave(bool was_online);
/* Give the table `keys` buckets or more. */
void reserve(struct route_table *t, size_t keys);
/* Take a mailbox's keys, as far as it still has them, out of the table and
 * free it and its place after a grace period. */
void retire(struct route_table *t, struct mailbox *m);
