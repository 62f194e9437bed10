/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * import.c - mailboxes from a PowerShell export. The whole file is read and
 * checked first; one row that cannot be loaded refuses it, because a table that
 * lacks some mailboxes sends their users somewhere and says nothing.
 */
#include "route/csv.h"
#include "route/table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#define COMMAND                                                                \
	"Get-Mailbox -ResultSize Unlimited | Select-Object DisplayName,"       \
	"PrimarySmtpAddress,UserPrincipalName,SamAccountName,ExchangeGuid,"    \
	"ArchiveGuid,LegacyExchangeDN,ServerName,Database,"                    \
	"@{n='EmailAddresses';e={$_.EmailAddresses -join ';'}} | "             \
	"Export-Csv mailboxes.csv -Encoding UTF8 -NoTypeInformation"

#define DEFAULT_RESULT_SIZE 1000

#define COLUMNS(X)                                                             \
	X(DISPLAY, "DisplayName")                                              \
	X(SMTP, "PrimarySmtpAddress")                                          \
	X(UPN, "UserPrincipalName")                                            \
	X(SAM, "SamAccountName")                                               \
	X(GUID, "ExchangeGuid")                                                \
	X(ARCHIVE, "ArchiveGuid")                                              \
	X(LEGACY_DN, "LegacyExchangeDN")                                       \
	X(ADDRESSES, "EmailAddresses")                                         \
	X(SERVER, "ServerName")                                                \
	X(DATABASE, "Database")                                                \
	X(KIND, "RecipientTypeDetails")                                        \
	X(DOMAIN, "Domain")                                                    \
	X(NETBIOS, "NetBIOSName")

enum column {
#define X(id, name) id,
	COLUMNS(X)
#undef X
		N_COLUMNS
};

static const char *const names[N_COLUMNS] = {
#define X(id, name) [id] = name,
	COLUMNS(X)
#undef X
};

struct import {
	struct csv csv;
	struct batch batch;
	struct route_import_report *report;
	unsigned n_fields;
	int column[N_COLUMNS]; /* index of the field, -1: not there */
};

/* --- words --- */

/* What a file holds is quoted, and may hold anything. */
static void say(char *dst, size_t cap, const char *fmt, va_list ap)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, ap);
	exchange_printable(BYTES(line), dst, cap);
}

static int refuse(struct import *im, const char *fmt, ...) printf_like(2, 3);

static int refuse(struct import *im, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(im->report->error, sizeof(im->report->error), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static void problem(struct import *im, const char *fmt, ...) printf_like(2, 3);

static void problem(struct import *im, const char *fmt, ...)
{
	struct route_import_report *r = im->report;
	va_list ap;

	if (r->n_problems < ROUTE_PROBLEMS) {
		va_start(ap, fmt);
		say(r->problem[r->n_problems], sizeof(r->problem[0]), fmt, ap);
		va_end(ap);
	}
	r->n_problems++;
}

static void say_key(const struct key *k, char *dst, size_t cap)
{
	const uint8_t *g = k->guid;

	if (k->class == KEY_GUID)
		snprintf(dst, cap,
			 "GUID %02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
			 "%02x%02x%02x%02x%02x%02x",
			 g[0], g[1], g[2], g[3], g[4], g[5], g[6], g[7], g[8],
			 g[9], g[10], g[11], g[12], g[13], g[14], g[15]);
	else
		snprintf(dst, cap, "%.*s", BYTES_FMT(bytes_upto(k->text, 100)));
}

static void clash(struct batch *b, const struct staged *row,
		  const struct staged *other, const struct key *k)
{
	struct import *im = b->arg;
	char key[128];

	im->report->failed++;
	say_key(k, key, sizeof(key));
	if (other)
		problem(im, "line %u: %s is on line %u too", row->line, key,
			other->line);
	else
		problem(im,
			"line %u: %s belongs to another mailbox of the table: "
			"remove that one first, or replace the whole table",
			row->line, key);
}

/* --- the first row --- */

static int read_columns(struct import *im)
{
	static const enum column keys[] = { SMTP, UPN,	     SAM,
					    GUID, LEGACY_DN, ADDRESSES };
	char *fields[CSV_FIELDS];
	const char *why;
	unsigned line;
	bool key = false;
	int rc = csv_row(&im->csv, fields, &im->n_fields, &line, &why);

	if (rc < 0)
		return refuse(im, "line %u: %s", im->csv.line, why);
	for (int c = 0; c < N_COLUMNS; c++) {
		im->column[c] = -1;
		for (unsigned i = 0; rc && i < im->n_fields; i++) {
			if (!bytes_ieq(BYTES(fields[i]), BYTES(names[c])))
				continue;
			if (im->column[c] >= 0)
				return refuse(im,
					      "line %u names the column %s "
					      "twice",
					      line, names[c]);
			im->column[c] = (int)i;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		key |= im->column[keys[i]] >= 0;
	/* Get-RemoteMailbox knows no server, and says what they are. */
	if (im->column[SERVER] < 0 && im->column[KIND] < 0)
		return refuse(im, "there is no column ServerName, the home "
				  "server. Export with: " COMMAND);
	if (!key)
		return refuse(
			im,
			"there is no column that names a mailbox, "
			"such as PrimarySmtpAddress. Export with: " COMMAND);
	return 0;
}

/* --- a row --- */

static char *field(const struct import *im, char **fields, enum column c)
{
	static char none[] = "";
	char *s;

	if (im->column[c] < 0)
		return none;
	s = fields[im->column[c]];
	s += strspn(s, " \t\r\n");
	for (size_t n = strlen(s); n && strchr(" \t\r\n", s[n - 1]); n--)
		s[n - 1] = '\0';
	return s;
}

/* "Microsoft.Exchange.Data.ProxyAddressCollection", "System.Object[]". */
static bool is_type_name(const char *s)
{
	static const struct bytes prefixes[] = {
		BYTES_LIT("Microsoft.Exchange."), BYTES_LIT("System."),
		BYTES_LIT("Deserialized.")
	};

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
		if (bytes_istarts(BYTES(s), prefixes[i]))
			return true;
	return false;
}

/* "SMTP:alice@contoso.com smtp:al@contoso.com;X500:/o=...": cut in place. */
static void read_addresses(struct import *im, unsigned line, char *list,
			   struct route_mailbox *m)
{
	static const struct bytes smtp = BYTES_LIT("smtp:");
	unsigned left_out = 0;
	char *save, *a;

	for (a = strtok_r(list, " ;,\t\r\n", &save); a;
	     a = strtok_r(NULL, " ;,\t\r\n", &save)) {
		bool primary = strncmp(a, "SMTP:", 5) == 0;

		if (bytes_istarts(BYTES(a), smtp))
			a += smtp.n;
		else if (strchr(a, '/') || !is_plain_address(BYTES(a)))
			continue; /* X500:, SIP:, EUM:, and pieces of them */
		if (primary && !m->smtp[0])
			m->smtp = a;
		if (bytes_ieq(BYTES(a), BYTES(m->smtp)))
			continue;
		if (m->n_aliases == ROUTE_ALIASES)
			left_out++;
		else
			m->aliases[m->n_aliases++] = a;
	}
	if (left_out)
		problem(im,
			"line %u: %s has %u addresses more than %u: they are "
			"left out",
			line, m->smtp, left_out, ROUTE_ALIASES);
}

static int stage(struct import *im, unsigned line, struct route_mailbox *d)
{
	struct mailbox *m;
	const char *why;
	int rc = mailbox_new(d, &m, &why);

	if (rc == -EINVAL) {
		im->report->failed++;
		problem(im, "line %u: %s %s", line,
			d->smtp[0]	? d->smtp
			: d->display[0] ? d->display
					: "the mailbox",
			why);
		return 0;
	}
	if (rc)
		return rc;
	m->place = place_get(im->batch.t, d->server, d->database);
	if (!m->place) {
		free(m);
		return -ENOMEM;
	}
	return batch_add(&im->batch, m, line);
}

/* "RemoteUserMailbox", "RemoteSharedMailbox", ...: moved to the cloud. */
static bool is_remote(const char *kind)
{
	static const struct bytes remote = BYTES_LIT("Remote");

	return bytes_istarts(BYTES(kind), remote);
}

static int read_row(struct import *im, char **fields, unsigned line)
{
	const char *domain = field(im, fields, DOMAIN);
	char *addresses = field(im, fields, ADDRESSES), sam[512];
	struct route_mailbox m = {
		.display = field(im, fields, DISPLAY),
		.smtp = field(im, fields, SMTP),
		.upn = field(im, fields, UPN),
		.sam = field(im, fields, SAM),
		.guid = field(im, fields, GUID),
		.archive_guid = field(im, fields, ARCHIVE),
		.legacy_dn = field(im, fields, LEGACY_DN),
		.server = field(im, fields, SERVER),
		.database = field(im, fields, DATABASE),
	};

	if (is_type_name(addresses))
		return refuse(
			im,
			"line %u: EmailAddresses holds the name of a .NET "
			"type, not addresses. Export with: " COMMAND,
			line);
	if (is_remote(field(im, fields, KIND)))
		m.server = EXCHANGE_ONLINE_NAME;
	read_addresses(im, line, addresses, &m);
	if (!domain[0])
		domain = field(im, fields, NETBIOS);
	if (domain[0] && m.sam[0] && !strchr(m.sam, '\\')) {
		snprintf(sam, sizeof(sam), "%s\\%s", domain, m.sam);
		m.sam = sam;
	}
	return stage(im, line, &m);
}

static int read_rows(struct import *im)
{
	char *fields[CSV_FIELDS];
	const char *why;
	unsigned n, line;
	int rc;

	while ((rc = csv_row(&im->csv, fields, &n, &line, &why)) > 0) {
		im->report->rows++;
		if (n == im->n_fields) {
			rc = read_row(im, fields, line);
			if (rc)
				return rc;
			continue;
		}
		im->report->failed++;
		problem(im, "line %u has %u fields, the first has %u", line, n,
			im->n_fields);
	}
	if (rc < 0)
		return refuse(im, "line %u: %s", line, why);
	if (!im->report->rows)
		return refuse(
			im, "there is no mailbox in it. Export with: " COMMAND);
	if (im->report->rows == DEFAULT_RESULT_SIZE && !im->csv.unlimited)
		return refuse(
			im,
			"it has exactly 1,000 rows, which is where "
			"Get-Mailbox stops by default. Export with: " COMMAND
			" (if there really are 1,000, put the line "
			"\"#ResultSize Unlimited\" at the top)");
	return 0;
}

static int refuse_rows(struct import *im)
{
	const struct route_import_report *r = im->report;

	return refuse(im,
		      "%zu of %zu rows cannot be loaded, so nothing was "
		      "changed: %s%s",
		      r->failed, r->rows, r->problem[0],
		      r->failed > 1 ? ", ..." : "");
}

static int run(struct import *im, struct bytes text)
{
	const char *why;
	int rc = csv_open(&im->csv, text, &why);

	if (rc == -EINVAL)
		return refuse(im, "line %u: %s. Export with: " COMMAND,
			      im->csv.line, why);
	if (!rc)
		rc = read_columns(im);
	if (!rc)
		rc = read_rows(im);
	if (!rc && im->report->failed)
		rc = refuse_rows(im);
	if (!rc)
		rc = batch_check(&im->batch);
	if (!rc && im->report->failed)
		rc = refuse_rows(im);
	if (!rc)
		batch_apply(&im->batch);
	return rc;
}

int route_import_csv(struct route_table *t, struct bytes text, bool replace,
		     struct route_import_report *report)
{
	struct import im = { .report = report };
	bool online;
	int rc;

	*report = (struct route_import_report){ 0 };
	im.batch = (struct batch){
		.t = t, .replace = replace, .clash = clash, .arg = &im
	};
	online = enter();
	rc = run(&im, text);
	if (rc == -ENOMEM)
		(void)refuse(&im, "out of memory, so nothing was changed");
	batch_fini(&im.batch);
	leave(online);
	free(im.batch.row);
	csv_close(&im.csv);
	report->added = im.batch.added;
	report->replaced = im.batch.replaced;
	report->unchanged = im.batch.unchanged;
	report->removed = im.batch.removed;
	return rc;
}
