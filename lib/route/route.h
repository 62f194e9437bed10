/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * route.h - the mailbox table: any of a mailbox's names to where it lives.
 *
 * One liburcu cds_lfht for all kinds of keys, read by workers under QSBR
 * without waiting, written by one control thread. A mailbox's place is one
 * pointer: a move is one store that the next request on any core sees.
 *
 * Keys: SMTP addresses (primary and aliases), UPN, DOMAIN\sam, mailbox and
 * archive GUID, legacyExchangeDN. ASCII case is ignored in all of them.
 */
#pragma once

#include "exchange/exchange.h"
#include "snap/snap.h"

struct route_table;

#define ROUTE_ALIASES 64 /* addresses of one mailbox beside the primary */

/* A mailbox as a source describes it; all borrowed, "" or NULL = not known. */
struct route_mailbox {
	const char *display, *smtp, *upn, *sam; /* sam: DOMAIN\name or name */
	const char *guid, *archive_guid;	/* 8-4-4-4-12 hexadecimal */
	const char *legacy_dn;
	const char *server;   /* home server: "EX10" or its FQDN; of a remote
			       * mailbox EXCHANGE_ONLINE_NAME */
	const char *database;
	unsigned n_aliases;
	const char *aliases[ROUTE_ALIASES]; /* plain addresses */
};

/* `expected`: mailboxes, for the first size; it grows by itself. Control. */
must_check struct route_table *route_new(const struct hash_key *secret,
					 size_t expected);
void route_free(struct route_table *t);

/* What a reader gets: copied out, nothing borrowed. */
struct route_found {
	char server[EXCHANGE_NAME]; /* home server */
	char database[EXCHANGE_NAME]; /* "" when not told, or longer */
	uint64_t id;		    /* the mailbox's, stable while it exists: a
				     * keyed hash of its first key, so it is
				     * exchange_place.affinity as it stands */
};

/**
 * Find a mailbox by any key. Any registered thread; never waits.
 *
 * `key` as clients write it: user@domain, DOMAIN\user, user (only if one
 * mailbox has that sAMAccountName), a GUID with or without @domain or braces,
 * /o=.../cn=..., "SMTP:..." and "smtp:..." prefixes are understood.
 */
bool route_find(struct route_table *t, struct bytes key,
		struct route_found *out);

/* The sAMAccountName of the mailbox that has this key, without its domain: who
 * its user is to Kerberos, whatever he typed. As route_find(); false also when
 * it is not known. */
bool route_sam(struct route_table *t, struct bytes key, char *dst, size_t cap);

/* Keyed hash of a key in the form the table compares it in. Any thread. The
 * exchange_place.affinity of a key that names no mailbox; a mailbox's is its
 * route_found.id, whatever key it was found by. Appliances that share the
 * secret agree on both. */
uint64_t route_key_hash(const struct route_table *t, struct bytes key);

/* --- control thread only -----------------------------------------------------------
 * The thread is snap_register()ed, online or offline, and holds no pointer from
 * snap_get() across a call: these go online for an update, offline for a
 * resize, and leave the thread as they found it. One thread at a time.
 */

/* Add or replace. It is the same mailbox when the GUID says so, or, where one
 * of the two has none, the primary address, the UPN, DOMAIN\sam or the
 * legacyExchangeDN, the first of them that is known. -EEXIST when a key belongs
 * to another mailbox: *clash says which key (borrowed from m); nothing is
 * changed. -EINVAL: no key (a sam without domain is none), no server, something
 * too long or not what it should be. -ENOMEM. */
must_check int route_set(struct route_table *t, const struct route_mailbox *m,
			 const char **clash);
/* -ENOENT. */
must_check int route_move(struct route_table *t, struct bytes key,
			  const char *server, const char *database);
must_check int route_remove(struct route_table *t, struct bytes key);
size_t route_count(const struct route_table *t);
/* How many mailboxes are on each home server; a server comes once for each of
 * its databases. */
void route_each_server(const struct route_table *t,
		       void (*fn)(void *arg, const char *server, size_t n),
		       void *arg);

struct route_info {
	char display[128], smtp[256], upn[256], sam[128], legacy_dn[256];
	char guid[40], archive_guid[40];
	char server[EXCHANGE_NAME], database[128];
	unsigned n_aliases;
	char aliases[ROUTE_ALIASES][256];
};
/* -ENOENT. */
must_check int route_show(struct route_table *t, struct bytes key,
			  struct route_info *out);

struct route_stats {
	size_t mailboxes, keys, bytes; /* now */
	uint64_t moves, sets, removes;
};
void route_stats(const struct route_table *t, struct route_stats *out);

/* --- import: CSV as PowerShell's Export-Csv writes it --------------------------------- */

#define ROUTE_PROBLEMS 20

struct route_import_report {
	size_t rows, added, replaced, unchanged, failed, removed;
	char error[640]; /* of a refused file: what, where, what to do */
	unsigned n_problems; /* rows that failed, or of which something was
			      * left out; the first 20 in words */
	char problem[ROUTE_PROBLEMS][256];
};

/**
 * Load mailboxes from CSV text, all of it checked before anything changes.
 *
 * BOM, UTF-8 and UTF-16, a leading #TYPE line, quoted fields with "" and line
 * breaks, comma, semicolon or tab. Columns by name in any order: DisplayName,
 * PrimarySmtpAddress, UserPrincipalName, SamAccountName, ExchangeGuid,
 * ArchiveGuid, LegacyExchangeDN, EmailAddresses (separated by blanks, ';' or
 * ','; SMTP: and smtp: prefixes, others ignored), ServerName, Database,
 * Domain or NetBIOSName for DOMAIN\sam. Without a domain the bare name is
 * found under any (CONTOSO\alice, alice), while one mailbox has it.
 *
 * Refused with the command that works: EmailAddresses holding a .NET type
 * name (a plain Get-Mailbox | Export-Csv), exactly 1,000 rows (the default
 * -ResultSize; a leading line "#ResultSize Unlimited" says that it is no
 * accident), a missing key column, no row at all, and a single row that cannot
 * be loaded. -EINVAL with report->error; nothing is changed. -ENOMEM.
 *
 * @param replace  mailboxes that the file does not name are removed
 */
must_check int route_import_csv(struct route_table *t, struct bytes text,
				bool replace,
				struct route_import_report *report);
