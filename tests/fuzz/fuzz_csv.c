/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_csv.c - a file of mailboxes: refused it changes nothing and says why;
 * accepted, it counts up, every mailbox can be found and shown, and the same
 * file again changes nothing.
 *
 * Input: one byte (bit 0: replace the table), then the file.
 */
#include <stdlib.h>

#include "route/route.h"

#define require(x)                                                             \
	do {                                                                   \
		if (!(x))                                                      \
			abort();                                               \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct route_mailbox resident = {
	.smtp = "resident@contoso.com",
	.sam = "CONTOSO\\resident",
	.guid = "0123a567-89ab-cdef-0123-456789abcdef",
	.server = "EX10",
	.n_aliases = 1,
	.aliases = { "r@contoso.com" },
};

static void check_text(const char *text, size_t cap)
{
	struct bytes rest = BYTES(text);

	require(rest.n < cap);
	for (size_t n; rest.n; rest = bytes_from(rest, n)) {
		n = bytes_utf8(rest);
		require(n && rest.p[0] >= 0x20 && rest.p[0] != 0x7f);
	}
}

static void check_info(struct route_table *t, const char *key)
{
	struct route_info *i = malloc(sizeof(*i));
	struct route_found f;

	require(i && route_show(t, BYTES(key), i) == 0);
	check_text(i->display, sizeof(i->display));
	check_text(i->smtp, sizeof(i->smtp));
	check_text(i->upn, sizeof(i->upn));
	check_text(i->sam, sizeof(i->sam));
	check_text(i->legacy_dn, sizeof(i->legacy_dn));
	check_text(i->server, sizeof(i->server));
	check_text(i->database, sizeof(i->database));
	require(i->server[0]);
	snap_online();
	for (unsigned a = 0; a < i->n_aliases; a++) {
		check_text(i->aliases[a], sizeof(i->aliases[a]));
		require(route_find(t, BYTES(i->aliases[a]), &f));
		require(strcmp(f.server, i->server) == 0);
	}
	snap_offline();
	free(i);
}

static void check_refused(struct route_table *t,
			  const struct route_import_report *r)
{
	struct route_stats s;

	route_stats(t, &s);
	require(r->error[0]);
	require(r->failed <= r->rows);
	require(!r->added && !r->replaced && !r->unchanged && !r->removed);
	require(s.mailboxes == 1 && s.keys == 5 && !s.moves && s.sets == 1);
	check_info(t, "resident");
}

static void check_loaded(struct route_table *t, struct bytes text, bool replace,
			 const struct route_import_report *r)
{
	struct route_import_report again;
	struct route_stats before, after;

	route_stats(t, &before);
	require(!r->error[0] && !r->failed && r->rows);
	require(r->added + r->replaced + r->unchanged == r->rows);
	require(before.mailboxes == 1 - r->removed + r->added);
	require(before.keys >= before.mailboxes);
	if (replace)
		require(before.mailboxes == r->rows);
	require(route_import_csv(t, text, replace, &again) == 0);
	require(again.unchanged == r->rows && !again.removed);
	route_stats(t, &after);
	require(before.mailboxes == after.mailboxes &&
		before.keys == after.keys && before.bytes == after.bytes);
}

/* The words of a file that are keys, tried on the table as a client would. */
static void ask(struct route_table *t, struct bytes text)
{
	struct route_found f;

	snap_online();
	for (struct bytes rest = text; rest.n;) {
		struct bytes line = bytes_cut(&rest, '\n');

		while (line.n) {
			struct bytes key = bytes_cut(&line, ',');

			(void)route_key_hash(t, key);
			if (!route_find(t, key, &f))
				continue;
			require(f.server[0] &&
				memchr(f.server, 0, sizeof(f.server)));
		}
	}
	snap_offline();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hash_key secret = { 1, 2 };
	static bool started;
	struct route_import_report report;
	struct route_table *t;
	struct bytes text;
	bool replace;

	if (!size)
		return 0;
	if (!started) {
		require(snap_init() == 0);
		snap_register();
		snap_offline();
		started = true;
	}
	replace = data[0] & 1;
	text = bytes_from((struct bytes){ data, size }, 1);
	t = route_new(&secret, 1);
	require(t && route_set(t, &resident, NULL) == 0);
	if (route_import_csv(t, text, replace, &report))
		check_refused(t, &report);
	else
		check_loaded(t, text, replace, &report);
	require(report.n_problems >= report.failed);
	for (unsigned i = 0; i < report.n_problems && i < ROUTE_PROBLEMS; i++)
		check_text(report.problem[i], sizeof(report.problem[i]));
	check_text(report.error, sizeof(report.error));
	ask(t, text);
	route_free(t);
	return 0;
}
