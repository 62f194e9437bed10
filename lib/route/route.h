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
	const char *server;   /* home server: "EX10" or its FQDN */
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
	uint64_t id;		    /* the mailbox's, stable while it exists */
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

/* --- control thread only ----------------------------------------------------------- */

/* Add or replace. -EEXIST when a key belongs to another mailbox: *clash says
 * which key (borrowed from m); nothing is changed. -EINVAL: no key at all or no
 * server. -ENOMEM. */
must_check int route_set(struct route_table *t, const struct route_mailbox *m,
			 const char **clash);
/* -ENOENT. */
must_check int route_move(struct route_table *t, struct bytes key,
			  const char *server, const char *database);
must_check int route_remove(struct route_table *t, struct bytes key);
size_t route_count(const struct route_table *t);

struct route_info {
	char display[128], smtp[256], upn[256], sam[128], legacy_dn[256];
	char guid[40], archive_guid[40];
	char server[EXCHANGE_NAME], database[128];
	unsigned n_aliases;
	char aliases[ROUTE_ALIASES][128];
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

struct route_import_report {
	size_t rows, added, replaced, unchanged, failed;
	char error[512]; /* of a refused file: what, where, what to do */
	unsigned n_problems; /* rows that failed, the first 20 in words */
	char problem[20][256];
};

/**
 * Load mailboxes from CSV text, all of it checked before anything changes.
 *
 * BOM, UTF-8 and UTF-16, a leading #TYPE line, quoted fields with "" and line
 * breaks, comma, semicolon or tab. Columns by name in any order: DisplayName,
 * PrimarySmtpAddress, UserPrincipalName, SamAccountName, ExchangeGuid,
 * ArchiveGuid, LegacyExchangeDN, EmailAddresses (separated by blanks, ';' or
 * ','; SMTP: and smtp: prefixes, others ignored), ServerName, Database,
 * Domain or NetBIOSName for DOMAIN\sam.
 *
 * Refused with the command that works: EmailAddresses holding a .NET type
 * name (a plain Get-Mailbox | Export-Csv), exactly 1,000 rows (the default
 * -ResultSize), a missing key column. -EINVAL with report->error.
 *
 * @param replace  mailboxes that the file does not name are removed
 */
must_check int route_import_csv(struct route_table *t, struct bytes text,
				bool replace,
				struct route_import_report *report);
