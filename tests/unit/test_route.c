/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_route.c - any name of a mailbox leads to its server; moves and changes
 * are seen whole or not at all, by readers that never wait.
 */
#include "unit.h"

#include "route/route.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

static const struct hash_key secret = { 0x0123456789abcdef, 42 };

#define GUID_A "0123a567-89ab-cdef-0123-456789abcdef"
#define GUID_A2 "aaaaaaaa-89ab-cdef-0123-456789abcdef"
#define GUID_B "bbbbbbbb-89ab-cdef-0123-456789abcdef"
#define DN_A                                                                   \
	"/o=Contoso/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)"        \
	"/cn=Recipients/cn=alice"

#define DN_SHOUTED                                                             \
	"/O=CONTOSO/OU=Exchange Administrative Group (FYDIBOHF23SPDLT)"        \
	"/cn=Recipients/cn=ALICE"

static const struct route_mailbox alice = {
	.display = "Alice Adams",
	.smtp = "alice@contoso.com",
	.upn = "alice@corp.contoso.com",
	.sam = "CONTOSO\\aadams",
	.guid = GUID_A,
	.archive_guid = GUID_A2,
	.legacy_dn = DN_A,
	.server = "EX10",
	.database = "DB01",
	.n_aliases = 2,
	.aliases = { "a.adams@contoso.com", "aa@fabrikam.com" },
};

static const struct route_mailbox bob = {
	.smtp = "bob@contoso.com",
	.sam = "CONTOSO\\bob",
	.guid = GUID_B,
	.server = "EX16",
	.database = "DB16",
};

static int setup(void **state)
{
	*state = route_new(&secret, 16);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	route_free(*state);
	snap_barrier();
	return 0;
}

/* The home server of whoever has the key; "" for nobody. */
static const char *where(struct route_table *t, const char *key)
{
	static struct route_found f;
	bool found;

	snap_online();
	found = route_find(t, BYTES(key), &f);
	snap_offline();
	return found ? f.server : "";
}

static uint64_t id_of(struct route_table *t, const char *key)
{
	struct route_found f = { .id = 0 };

	snap_online();
	assert_true(route_find(t, BYTES(key), &f));
	snap_offline();
	return f.id;
}

static void set(struct route_table *t, const struct route_mailbox *m)
{
	const char *clash = NULL;

	assert_int_equal(route_set(t, m, &clash), 0);
}

static void every_name(void **state)
{
	static const char *const keys[] = {
		"alice@contoso.com",
		"ALICE@Contoso.COM",
		"SMTP:alice@contoso.com",
		"smtp:Alice@contoso.com",
		" alice@contoso.com ",
		"alice@corp.contoso.com",
		"a.adams@contoso.com",
		"aa@fabrikam.com",
		"CONTOSO\\aadams",
		"contoso\\AAdams",
		"aadams",
		GUID_A,
		"{" GUID_A "}",
		GUID_A "@contoso.com",
		"{" GUID_A "}@contoso.com",
		"0123A567-89AB-CDEF-0123-456789ABCDEF",
		GUID_A2 "@contoso.com",
		DN_A,
		"X500:" DN_A,
		DN_SHOUTED,
	};
	static const char *const strangers[] = {
		"",
		" ",
		"SMTP:",
		"alice",
		"Alice Adams",
		"alice@contoso.co",
		"FABRIKAM\\aadams", /* the domain was told, and is another */
		"\\aadams",
		"CONTOSO\\",
		"@contoso.com",
		("{" GUID_A),
		"0123a567-89ab-cdef-0123-456789abcdee",
		"/o=Contoso",
	};
	struct route_table *t = *state;
	struct route_stats stats;

	set(t, &alice);
	set(t, &bob);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (strcmp(where(t, keys[i]), "EX10") != 0)
			fail_msg("%s leads to '%s'", keys[i],
				 where(t, keys[i]));
		assert_int_equal(id_of(t, keys[i]),
				 id_of(t, "alice@contoso.com"));
	}
	for (size_t i = 0; i < ARRAY_LEN(strangers); i++)
		assert_string_equal(where(t, strangers[i]), "");
	assert_string_equal(where(t, "bob"), "EX16");
	assert_int_not_equal(id_of(t, "bob"), id_of(t, "aadams"));
	route_stats(t, &stats);
	assert_int_equal(stats.mailboxes, 2);
	/* alice: 2 GUIDs, address, UPN, DN, DOMAIN\sam, sam, 2 aliases */
	assert_int_equal(stats.keys, 9 + 4);
}

/* A bare sAMAccountName counts while one mailbox has it (two domains do). */
static void bare_names(void **state)
{
	static const struct route_mailbox twin = { .smtp = "bob@fabrikam.com",
						   .sam = "FABRIKAM\\bob",
						   .server = "EX13" };
	static const struct route_mailbox plain = { .smtp = "carol@x.com",
						    .sam = "carol",
						    .server = "EX19" };
	static const struct route_mailbox other = { .smtp = "carol@y.com",
						    .sam = "carol",
						    .server = "EX07" };
	struct route_table *t = *state;

	set(t, &bob);
	assert_string_equal(where(t, "bob"), "EX16");
	set(t, &twin);
	assert_string_equal(where(t, "bob"), "");
	assert_string_equal(where(t, "contoso\\bob"), "EX16");
	assert_string_equal(where(t, "FABRIKAM\\bob"), "EX13");
	assert_string_equal(where(t, "OTHER\\bob"), "");
	assert_int_equal(route_remove(t, BYTES("contoso\\bob")), 0);
	assert_string_equal(where(t, "bob"), "EX13");
	/* Where no domain was told, any is right: exports do not have it. */
	set(t, &plain);
	assert_string_equal(where(t, "carol"), "EX19");
	assert_string_equal(where(t, "CONTOSO\\carol"), "EX19");
	set(t, &other);
	assert_string_equal(where(t, "CONTOSO\\carol"), "");
	assert_string_equal(where(t, "carol@y.com"), "EX07");
}

static void moves(void **state)
{
	struct route_table *t = *state;
	struct route_stats stats;
	uint64_t id;

	set(t, &alice);
	id = id_of(t, "aadams");
	assert_int_equal(
		route_move(t, BYTES("a.adams@contoso.com"), "EX16", "DB16"), 0);
	assert_string_equal(where(t, GUID_A), "EX16");
	assert_string_equal(where(t, "alice@contoso.com"), "EX16");
	assert_int_equal(id_of(t, "aadams"), id);
	assert_int_equal(route_move(t, BYTES("nobody@x.com"), "EX16", "DB"),
			 -ENOENT);
	assert_int_equal(route_move(t, BYTES("aadams"), "", "DB"), -EINVAL);
	assert_int_equal(route_move(t, BYTES("aadams"), NULL, "DB"), -EINVAL);
	assert_int_equal(
		route_move(t, BYTES("aadams"),
			   "a.server.name.that.is.longer.than.sixty.three."
			   "characters.contoso.com",
			   NULL),
		-EINVAL);
	assert_string_equal(where(t, "aadams"), "EX16");
	route_stats(t, &stats);
	assert_int_equal(stats.moves, 1);
}

static void replaces(void **state)
{
	struct route_table *t = *state;
	struct route_mailbox m = alice;
	const char *clash = NULL;
	struct route_stats before, after;
	uint64_t id;

	set(t, &alice);
	set(t, &bob);
	id = id_of(t, "aadams");
	route_stats(t, &before);
	set(t, &alice); /* the same again is nothing */
	route_stats(t, &after);
	assert_memory_equal(&before, &after, sizeof(before));

	/* Married: another address, one alias less, the same mailbox. */
	m.smtp = "alice.baker@contoso.com";
	m.n_aliases = 1;
	set(t, &m);
	assert_int_equal(route_count(t), 2);
	assert_string_equal(where(t, "alice.baker@contoso.com"), "EX10");
	assert_string_equal(where(t, "alice@contoso.com"), "");
	assert_string_equal(where(t, "aa@fabrikam.com"), "");
	assert_int_equal(id_of(t, "aadams"), id);

	/* bob's address: refused whole, and said. */
	m.aliases[0] = "BOB@contoso.com";
	m.server = "EX99";
	assert_int_equal(route_set(t, &m, &clash), -EEXIST);
	assert_ptr_equal(clash, m.aliases[0]);
	assert_string_equal(where(t, "aadams"), "EX10");
	assert_string_equal(where(t, "bob@contoso.com"), "EX16");

	/* Another GUID is another mailbox, even under a known name. */
	m = bob;
	m.guid = "cccccccc-89ab-cdef-0123-456789abcdef";
	assert_int_equal(route_set(t, &m, &clash), -EEXIST);
	assert_ptr_equal(clash, m.smtp);
	/* Without one the name decides. */
	m.guid = NULL;
	m.server = "EX13";
	set(t, &m);
	assert_string_equal(where(t, "bob"), "EX13");
	assert_string_equal(where(t, GUID_B), "");
	assert_int_equal(route_count(t), 2);
	/* An archive is not a mailbox of its own. */
	m = (struct route_mailbox){ .guid = GUID_A2, .server = "EX13" };
	assert_int_equal(route_set(t, &m, &clash), -EEXIST);
	assert_ptr_equal(clash, m.guid);
}

static void refuses(void **state)
{
	static const char long_server[] =
		"0123456789012345678901234567890123456789012345678901234567890"
		"123";
	char long_address[300];
	struct {
		struct route_mailbox m;
		int rc;
	} rows[] = {
		{ { .server = "EX10" }, -EINVAL }, /* no key */
		{ { .server = "EX10", .display = "Alice" }, -EINVAL },
		{ { .server = "EX10", .sam = "alice" }, -EINVAL }, /* whose? */
		{ { .smtp = "a@b.c" }, -EINVAL }, /* no server */
		{ { .smtp = "a@b.c", .server = "" }, -EINVAL },
		{ { .smtp = "a@b.c", .server = long_server }, -EINVAL },
		{ { .smtp = "a@b.c", .server = long_server + 1 }, 0 },
		{ { .smtp = "alice", .server = "EX10" }, -EINVAL },
		{ { .smtp = "@b.c", .server = "EX10" }, -EINVAL },
		{ { .smtp = "SMTP:a@b.c", .server = "EX10" }, -EINVAL },
		{ { .upn = "alice", .server = "EX10" }, -EINVAL },
		{ { .sam = "A\\B\\c", .server = "EX10" }, -EINVAL },
		{ { .sam = "A\\", .server = "EX10" }, -EINVAL },
		{ { .sam = "\\a", .server = "EX10" }, -EINVAL },
		{ { .guid = "x", .server = "EX10" }, -EINVAL },
		{ { .legacy_dn = "o=x", .server = "EX10" }, -EINVAL },
		{ { .smtp = "a\n@b.c", .server = "EX10" }, -EINVAL },
		{ { .smtp = long_address, .server = "EX10" }, -EINVAL },
		{ { .smtp = long_address + 44, .server = "EX10" }, 0 },
		{ { .smtp = "b@b.c",
		    .server = "EX10",
		    .n_aliases = 1,
		    .aliases = { "" } },
		  -EINVAL },
		{ { .smtp = "b@b.c",
		    .server = "EX10",
		    .n_aliases = ROUTE_ALIASES + 1 },
		  -EINVAL },
		/* Get-Mailbox's way to say that there is none */
		{ { .guid = "00000000-0000-0000-0000-000000000000",
		    .server = "EX10" },
		  -EINVAL },
	};
	struct route_table *t = *state;

	memset(long_address, 'a', sizeof(long_address));
	memcpy(long_address + 290, "@b.c", 5);
	long_address[45] = 'b'; /* 250 characters from 44 on */
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *clash = NULL;
		int rc = route_set(t, &rows[i].m, &clash);

		if (rc != rows[i].rc)
			fail_msg("row %zu: %d", i, rc);
	}
	assert_int_equal(route_count(t), 2);
}

static void shows(void **state)
{
	struct route_table *t = *state;
	struct route_info info;
	struct route_mailbox m = alice;

	set(t, &alice);
	assert_int_equal(route_show(t, BYTES("aadams"), &info), 0);
	assert_string_equal(info.display, "Alice Adams");
	assert_string_equal(info.smtp, "alice@contoso.com");
	assert_string_equal(info.upn, "alice@corp.contoso.com");
	assert_string_equal(info.sam, "CONTOSO\\aadams");
	assert_string_equal(info.legacy_dn, DN_A);
	assert_string_equal(info.guid, GUID_A);
	assert_string_equal(info.archive_guid, GUID_A2);
	assert_string_equal(info.server, "EX10");
	assert_string_equal(info.database, "DB01");
	assert_int_equal(info.n_aliases, 2);
	assert_string_equal(info.aliases[1], "aa@fabrikam.com");
	assert_int_equal(route_show(t, BYTES("nobody"), &info), -ENOENT);
	/* As many aliases as there may be, each as long as it may be. */
	{
		static char text[ROUTE_ALIASES][256];

		m.n_aliases = ROUTE_ALIASES;
		for (unsigned i = 0; i < ROUTE_ALIASES; i++) {
			memset(text[i], 'a' + (int)i % 26, 255);
			memcpy(text[i], "n", 1);
			text[i][1] = (char)('0' + i / 26);
			memcpy(text[i] + 251, "@x.y", 4);
			m.aliases[i] = text[i];
		}
		set(t, &m);
		assert_int_equal(route_show(t, BYTES(text[63]), &info), 0);
		assert_int_equal(info.n_aliases, ROUTE_ALIASES);
		for (unsigned i = 0; i < ROUTE_ALIASES; i++)
			assert_string_equal(info.aliases[i], text[i]);
	}
	/* A display name is cut between characters, and is one line. */
	m = bob;
	m.display = "B\nb \xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4";
	set(t, &m);
	assert_int_equal(route_show(t, BYTES("bob"), &info), 0);
	assert_memory_equal(info.display, "B b \xc3\xa4", 6);
	assert_int_equal(strlen(info.display), 126);
}

static void removes(void **state)
{
	struct route_table *t = *state;
	struct route_stats stats, empty;

	route_stats(t, &empty);
	set(t, &alice);
	set(t, &bob);
	assert_int_equal(route_remove(t, BYTES(GUID_A2 "@contoso.com")), 0);
	assert_int_equal(route_remove(t, BYTES("aadams")), -ENOENT);
	assert_string_equal(where(t, "alice@contoso.com"), "");
	assert_string_equal(where(t, GUID_A), "");
	assert_string_equal(where(t, "bob"), "EX16");
	assert_int_equal(route_remove(t, BYTES("bob")), 0);
	route_stats(t, &stats);
	assert_int_equal(stats.mailboxes, 0);
	assert_int_equal(stats.keys, 0);
	assert_int_equal(stats.bytes, empty.bytes); /* places, too */
	assert_int_equal(stats.removes, 2);
}

/* Equal on every appliance that has the secret, whatever was loaded before. */
static void hashes(void **state)
{
	struct route_table *t = *state;
	struct route_table *u = route_new(&secret, 1000);

	set(t, &bob);
	set(t, &alice);
	set(u, &alice);
	assert_int_equal(id_of(t, "aadams"), id_of(u, GUID_A2));
	assert_int_equal(route_key_hash(t, BYTES("x@y.z")),
			 route_key_hash(u, BYTES("SMTP:X@Y.z ")));
	assert_int_equal(route_key_hash(t, BYTES(GUID_A)),
			 route_key_hash(u, BYTES("{" GUID_A "}@contoso.com")));
	assert_int_not_equal(route_key_hash(t, BYTES("x@y.z")),
			     route_key_hash(t, BYTES("x@y.a")));
	assert_int_not_equal(route_key_hash(t, BYTES("")),
			     route_key_hash(t, BYTES("a")));
	route_free(u);
}

/* --- size --- */

static void numbered(struct route_table *t, unsigned i, unsigned server)
{
	char smtp[64], alias[64], sam[64], dn[160], guid[40], archive[40];
	char home[16], db[16], display[64];
	const struct route_mailbox m = {
		.display = display,
		.smtp = smtp,
		.upn = smtp,
		.sam = sam,
		.guid = guid,
		.archive_guid = archive,
		.legacy_dn = dn,
		.server = home,
		.database = db,
		.n_aliases = 1,
		.aliases = { alias },
	};

	snprintf(display, sizeof(display), "Firstname%u Lastname%u", i, i);
	snprintf(smtp, sizeof(smtp), "first.last%u@contoso.com", i);
	snprintf(alias, sizeof(alias), "fl%u@corp.contoso.com", i);
	snprintf(sam, sizeof(sam), "CONTOSO\\flast%u", i);
	snprintf(dn, sizeof(dn),
		 "/o=Contoso/ou=Exchange Administrative Group "
		 "(FYDIBOHF23SPDLT)/cn=Recipients/cn=first.last%u",
		 i);
	snprintf(guid, sizeof(guid), "%08x-89ab-cdef-0123-456789abcdef", i + 1);
	snprintf(archive, sizeof(archive), "%08x-89ab-cdef-aaaa-456789abcdef",
		 i + 1);
	snprintf(home, sizeof(home), "EX%u", server);
	snprintf(db, sizeof(db), "DB%u", server);
	set(t, &m);
}

/* From 7 keys to some hundred thousand, each found all the way. */
static void grows(void **state)
{
	enum { MAILBOXES = 30000, SERVERS = 40 };
	struct route_table *t = route_new(&secret, 1);
	struct route_stats s;
	char key[64], home[16];

	for (unsigned i = 0; i < MAILBOXES; i++) {
		unsigned back = i / 2;

		numbered(t, i, i % SERVERS);
		snprintf(key, sizeof(key), "flast%u", back);
		snprintf(home, sizeof(home), "EX%u", back % SERVERS);
		assert_string_equal(where(t, key), home);
	}
	for (unsigned i = 0; i < MAILBOXES; i++) {
		snprintf(key, sizeof(key), "%08x-89ab-cdef-aaaa-456789abcdef",
			 i + 1);
		snprintf(home, sizeof(home), "EX%u", i % SERVERS);
		assert_string_equal(where(t, key), home);
	}
	route_stats(t, &s);
	assert_int_equal(s.mailboxes, MAILBOXES);
	assert_int_equal(s.keys, MAILBOXES * 7);
	printf("# %zu mailboxes, %zu keys: %zu bytes a mailbox\n", s.mailboxes,
	       s.keys, s.bytes / s.mailboxes);
	assert_true(s.bytes / s.mailboxes < 1000);
	route_free(t);
}

/* --- readers --- */

#define READERS 2
#define CROWD 64

struct reader {
	pthread_t thread;
	struct route_table *t;
	uint64_t looks, missed, wrong;
	uint64_t id[CROWD]; /* as first seen */
};

static atomic_bool stop;
static atomic_uint started;

/* "EX0" to "EX9", and not a byte of anything else. */
static bool is_home(const struct route_found *f)
{
	return f->server[0] == 'E' && f->server[1] == 'X' &&
	       f->server[2] >= '0' && f->server[2] <= '9' && !f->server[3];
}

/* Every key is always there, and leads to a server its mailbox can be on. An
 * alias wanders from one mailbox to another, the others stay. */
static void *read_on(void *arg)
{
	static const char *const keys[] = { "first.last%u@contoso.com",
					    "flast%u", "w%u@contoso.com" };
	struct reader *r = arg;

	snap_register();
	atomic_fetch_add(&started, 1);
	while (!atomic_load(&stop)) {
		unsigned i = (unsigned)(r->looks % CROWD);
		unsigned k = (unsigned)(r->looks / CROWD % 3);
		struct route_found f = { .id = 0 };
		char key[64];

		r->looks++;
		snprintf(key, sizeof(key), keys[k], i);
		if (!route_find(r->t, BYTES(key), &f))
			r->missed++;
		else if (!is_home(&f) ||
			 (k < 2 && r->id[i] && r->id[i] != f.id))
			r->wrong++;
		else if (k < 2)
			r->id[i] = f.id;
		snap_quiescent();
	}
	snap_unregister();
	return NULL;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* A crowd as a CSV file; aliases wander from mailbox to mailbox. */
static size_t crowd_csv(char *text, size_t cap, unsigned round)
{
	size_t n = (size_t)snprintf(text, cap,
				    "PrimarySmtpAddress,SamAccountName,Domain,"
				    "ExchangeGuid,EmailAddresses,ServerName\n");

	for (unsigned i = 0; i < CROWD; i++)
		n += (size_t)snprintf(
			text + n, cap - n,
			"first.last%u@contoso.com,flast%u,CONTOSO,"
			"%08x-89ab-cdef-0123-456789abcdef,"
			"SMTP:first.last%u@contoso.com smtp:w%u@contoso.com,"
			"EX%u\n",
			i, i, i + 1, i, (i + round) % CROWD, (i + round) % 10);
	return n;
}

static void readers_see_old_or_new(void **state)
{
	struct route_table *t = *state;
	struct reader r[READERS] = { 0 };
	struct route_import_report report;
	char *text = malloc(65536);
	size_t n = crowd_csv(text, 65536, 0);
	double end;
	unsigned round = 0;

	assert_int_equal(route_import_csv(t,
					  (struct bytes){ (uint8_t *)text, n },
					  false, &report),
			 0);
	assert_int_equal(report.added, CROWD);
	atomic_store(&stop, false);
	atomic_store(&started, 0);
	for (unsigned i = 0; i < READERS; i++) {
		r[i].t = t;
		assert_int_equal(
			pthread_create(&r[i].thread, NULL, read_on, &r[i]), 0);
	}
	while (atomic_load(&started) < READERS)
		sched_yield();
	for (end = now() + 2; now() < end; round++) {
		char key[64], alias[64];

		/* Some moves, then the whole crowd anew, then new keys so
		 * that the table grows under the readers. */
		for (unsigned i = 0; i < CROWD; i++) {
			char server[8];

			snprintf(key, sizeof(key), "flast%u", i);
			snprintf(server, sizeof(server), "EX%u",
				 (i + round) % 10);
			assert_int_equal(route_move(t, BYTES(key), server, "D"),
					 0);
		}
		n = crowd_csv(text, 65536, round);
		assert_int_equal(
			route_import_csv(t,
					 (struct bytes){ (uint8_t *)text, n },
					 round % 8 == 7, &report),
			0);
		snprintf(alias, sizeof(alias), "new%u@contoso.com", round);
		set(t,
		    &(struct route_mailbox){ .smtp = alias, .server = "EX1" });
	}
	atomic_store(&stop, true);
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(r[i].thread, NULL);
		printf("# reader %u: %lu looks in %u rounds\n", i,
		       (unsigned long)r[i].looks, round);
		assert_int_equal(r[i].missed, 0);
		assert_int_equal(r[i].wrong, 0);
		assert_true(r[i].looks > 1000);
	}
	assert_true(round > 2);
	free(text);
}

/* The writer works online as well, and is left as it was. */
static void online_writer(void **state)
{
	struct route_table *t = *state;
	struct route_found f;

	snap_online();
	set(t, &alice);
	assert_true(route_find(t, BYTES("aadams"), &f));
	assert_int_equal(route_move(t, BYTES("aadams"), "EX13", NULL), 0);
	assert_true(route_find(t, BYTES("aadams"), &f));
	assert_string_equal(f.server, "EX13");
	for (unsigned i = 0; i < 100; i++)
		numbered(t, i, 1);
	assert_int_equal(route_count(t), 101);
	snap_offline();
}

static int group_setup(void **state)
{
	if (snap_init())
		return -1;
	snap_register();
	snap_offline();
	return 0;
}

int main(void)
{
#define ROUTE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		ROUTE_TEST(every_name),	   ROUTE_TEST(bare_names),
		ROUTE_TEST(moves),	   ROUTE_TEST(replaces),
		ROUTE_TEST(refuses),	   ROUTE_TEST(shows),
		ROUTE_TEST(removes),	   ROUTE_TEST(hashes),
		ROUTE_TEST(grows),	   ROUTE_TEST(readers_see_old_or_new),
		ROUTE_TEST(online_writer),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
