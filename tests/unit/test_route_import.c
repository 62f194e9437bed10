/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_route_import.c - files as PowerShell 2 to 7 and Excel write them, what
 * is wrong with the usual ones, and that a refused file changes nothing.
 */
#include "unit.h"

#include "route/route.h"

#include <errno.h>
#include <time.h>

static const struct hash_key secret = { 7, 8 };

#define HEAD                                                                   \
	"DisplayName,PrimarySmtpAddress,UserPrincipalName,SamAccountName,"     \
	"ExchangeGuid,ArchiveGuid,LegacyExchangeDN,EmailAddresses,ServerName," \
	"Database\n"
#define GUID_A "0123a567-89ab-cdef-0123-456789abcdef"
#define GUID_B "bbbbbbbb-89ab-cdef-0123-456789abcdef"
#define NO_GUID "00000000-0000-0000-0000-000000000000"
#define ALICE                                                                  \
	"Alice,alice@contoso.com,alice@contoso.com,alice," GUID_A "," NO_GUID  \
	",/o=C/cn=alice,SMTP:alice@contoso.com;smtp:al@contoso.com,EX10,DB1\n"
#define BOB                                                                    \
	"Bob,bob@contoso.com,bob@contoso.com,bob," GUID_B "," NO_GUID          \
	",/o=C/cn=bob,SMTP:bob@contoso.com,EX16,DB2\n"
/* The command that works, to be found whole in every advice. */
#define COMMAND_START "Get-Mailbox -ResultSize Unlimited | Select-Object "
#define COMMAND_END                                                            \
	"@{n='EmailAddresses';e={$_.EmailAddresses -join ';'}} | Export-Csv "  \
	"mailboxes.csv -Encoding UTF8 -NoTypeInformation"

static struct route_import_report report;

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

/* The text in a buffer of its own size: nothing is read behind it. */
static int import_bytes(struct route_table *t, const void *p, size_t n,
			bool replace)
{
	uint8_t *copy = malloc(n ? n : 1);
	int rc;

	if (n)
		memcpy(copy, p, n);
	rc = route_import_csv(t, (struct bytes){ copy, n }, replace, &report);
	free(copy);
	return rc;
}

static int import(struct route_table *t, const char *text)
{
	return import_bytes(t, text, strlen(text), false);
}

static const char *where(struct route_table *t, const char *key)
{
	static struct route_found f;
	bool found;

	snap_online();
	found = route_find(t, BYTES(key), &f);
	snap_offline();
	return found ? f.server : "";
}

static void check_alice_and_bob(struct route_table *t)
{
	static const char *const alice[] = {
		"alice@contoso.com", "al@contoso.com", "alice",
		"CONTOSO\\alice",    GUID_A,	       "/o=c/cn=ALICE"
	};

	if (report.error[0] || report.added != 2)
		fail_msg("%zu added: %s", report.added, report.error);
	for (size_t i = 0; i < ARRAY_LEN(alice); i++)
		assert_string_equal(where(t, alice[i]), "EX10");
	assert_string_equal(where(t, "bob@contoso.com"), "EX16");
	assert_string_equal(where(t, NO_GUID), "");
}

/* One file, as the programs that admins have write it. */
static void dialects(void **state)
{
	static const char *const files[] = {
		HEAD ALICE BOB,
		/* PowerShell 2 to 5 without -NoTypeInformation; all quoted */
		"#TYPE Selected.Microsoft.Exchange.Data.Directory.Management."
		"Mailbox\r\n"
		"\"DisplayName\",\"PrimarySmtpAddress\",\"SamAccountName\","
		"\"ExchangeGuid\",\"LegacyExchangeDN\",\"ServerName\","
		"\"EmailAddresses\"\r\n"
		"\"Adams, \"\"Al\"\"\r\nice\",\"alice@contoso.com\",\"alice\","
		"\"" GUID_A "\",\"/o=C/cn=alice\",\"EX10\","
		"\"SMTP:alice@contoso.com smtp:al@contoso.com\"\r\n"
		"\"Bob\",\"bob@contoso.com\",\"bob\",\"" GUID_B
		"\",\"/o=C/cn=bob\",\"EX16\",\"SMTP:bob@contoso.com\"\r\n",
		/* PowerShell 7 with a byte order mark, -UseCulture in Europe */
		"\xef\xbb\xbf"
		"\"ServerName\";\"PrimarySmtpAddress\";\"SamAccountName\";"
		"\"ExchangeGuid\";\"LegacyExchangeDN\";\"EmailAddresses\"\n"
		"\"EX10\";\"alice@contoso.com\";\"alice\";\"" GUID_A
		"\";\"/o=C/cn=alice\";\"smtp:al@contoso.com,X400:C=US;A= ;"
		"SIP:alice@contoso.com\"\n"
		"\"EX16\";\"bob@contoso.com\";\"bob\";\"" GUID_B "\";\"\";\"\"",
		/* Excel: a separator line, tabs, other case, blanks, one
		 * column too many, blank lines at the end */
		"sep=\t\r\n"
		"servername\tprimarysmtpaddress\tSAMACCOUNTNAME\tDomain\t"
		"ExchangeGuid\tEmailAddresses\tLegacyExchangeDN\tNotes\r\n"
		"EX10 \t alice@contoso.com\talice\tCONTOSO\t{" GUID_A "}\t"
		"smtp:al@contoso.com\t/o=C/cn=alice\tx\r\n"
		"EX16\tbob@contoso.com\tbob\tCONTOSO\t\t\t\t\r\n\r\n  \r\n",
		/* -join ';' of addresses with an X500 among them; primary in
		 * EmailAddresses alone */
		"ServerName,EmailAddresses,SamAccountName,NetBIOSName,"
		"LegacyExchangeDN,ExchangeGuid\n"
		"EX10,X500:/o=Old Org/ou=Exchange Administrative Group (FY)/"
		"cn=alice@old;smtp:al@contoso.com;SMTP:alice@contoso.com,alice,"
		"CONTOSO,/o=C/cn=alice," GUID_A "\n"
		"EX16,SMTP:bob@contoso.com,bob,CONTOSO,,\n",
		/* old Macintosh line ends; quotes inside a plain field */
		"DisplayName,PrimarySmtpAddress,SamAccountName,ExchangeGuid,"
		"LegacyExchangeDN,EmailAddresses,ServerName\r"
		"Alice \"Al\" Adams,alice@contoso.com,alice," GUID_A
		",/o=C/cn=alice,al@contoso.com,EX10\r"
		",bob@contoso.com,bob," GUID_B ",,,EX16\r",
	};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct route_table *t = route_new(&secret, 1);

		if (import(t, files[i]))
			fail_msg("file %zu: %s", i, report.error);
		check_alice_and_bob(t);
		assert_int_equal(report.rows, 2);
		route_free(t);
	}
}

static size_t utf16(const char *s, bool little, bool mark, uint8_t *out)
{
	size_t n = 0;

	if (mark) {
		out[n++] = little ? 0xff : 0xfe;
		out[n++] = little ? 0xfe : 0xff;
	}
	for (; *s; s++) {
		out[n++] = little ? (uint8_t)*s : 0;
		out[n++] = little ? 0 : (uint8_t)*s;
	}
	return n;
}

/* Export-Csv -Encoding Unicode and BigEndianUnicode. */
static void utf_16(void **state)
{
	struct route_info info;
	uint8_t text[8192];

	for (int i = 0; i < 4; i++) {
		struct route_table *t = route_new(&secret, 1);
		size_t n = utf16(HEAD ALICE BOB, i & 1, i & 2, text);

		assert_int_equal(import_bytes(t, text, n, false), 0);
		check_alice_and_bob(t);
		route_free(t);
	}
	/* a-umlaut, a pair (U+1F600), half a pair; an odd byte at the end */
	{
		struct route_table *t = *state;
		size_t n = utf16("DisplayName,PrimarySmtpAddress,ServerName\n"
				 "abcd,a@b.c,EX10\n",
				 true, true, text);
		uint8_t *at = memmem(text, n, "a\0b\0c\0d\0", 8);

		memcpy(at, "\xe4\x00\x3d\xd8\x00\xde\x00\xd8", 8);
		text[n] = 'x';
		assert_int_equal(import_bytes(t, text, n + 1, false), 0);
		assert_int_equal(route_show(t, BYTES("a@b.c"), &info), 0);
		assert_string_equal(info.display,
				    "\xc3\xa4\xf0\x9f\x98\x80\xef\xbf\xbd");
	}
}

/* What a refused file says. */
static void refusals(void **state)
{
	static const struct {
		const char *text, *error;
		bool command; /* and the command that works */
	} rows[] = {
		{ "", "no column ServerName", true },
		{ "\n\n", "no column ServerName", true },
		{ "#TYPE x", "no column ServerName", true },
		{ HEAD, "there is no mailbox in it", true },
		{ "ServerName,DisplayName\nEX10,Alice\n",
		  "no column that names a mailbox", true },
		{ "PrimarySmtpAddress\na@b.c\n", "no column ServerName", true },
		{ "ServerName,ServerName,UserPrincipalName\n",
		  "line 1 names the column ServerName twice", false },
		{ "PrimarySmtpAddress,ServerName,EmailAddresses\n"
		  "a@b.c,EX10,Microsoft.Exchange.Data.ProxyAddressCollection\n",
		  "line 2: EmailAddresses holds the name of a .NET type",
		  true },
		{ "PrimarySmtpAddress,ServerName,EmailAddresses\n"
		  "a@b.c,EX10,System.Object[]\n",
		  "name of a .NET type", true },
		{ "PrimarySmtpAddress,ServerName\n\na@b.c,EX10\n\"b@b.c,EX10\n",
		  "line 4: a quoted field is never closed", false },
		{ "PrimarySmtpAddress,ServerName\n\"a@b.c\"x,EX10\n",
		  "line 2: text stands behind a closing quote", false },
		{ "PrimarySmtpAddress,ServerName\na@b.c\n",
		  "1 of 1 rows cannot be loaded, so nothing was changed: line "
		  "2 has 1 fields, the first has 2",
		  false },
		{ "PrimarySmtpAddress,ServerName\na@b.c,EX10,x\n",
		  "line 2 has 3 fields, the first has 2", false },
		{ "PrimarySmtpAddress,ServerName\na@b.c,EX10\nb@b.c,\n,EX10\n",
		  "2 of 3 rows cannot be loaded, so nothing was changed: line "
		  "3: b@b.c has no home server, ...",
		  false },
		{ "PrimarySmtpAddress,ServerName\nalice,EX10\n",
		  "line 2: alice has a primary address that is none", false },
		{ "PrimarySmtpAddress,ExchangeGuid,ServerName\na@b.c,12,EX10\n",
		  "line 2: a@b.c has a GUID that is none", false },
		{ "PrimarySmtpAddress,ServerName\nJ\xfcrgen@b.c,EX10\n",
		  "line 2: it is neither UTF-8 nor UTF-16", true },
		{ "PrimarySmtpAddress,ServerName\n\xed\xa0\x80@b.c,EX10\n",
		  "line 2: it is neither", true },
		/* the same mailbox, or the same key, twice */
		{ HEAD ALICE BOB ALICE,
		  "line 4: GUID " GUID_A " is on line 2 too", false },
		{ "PrimarySmtpAddress,EmailAddresses,ServerName\n"
		  "a@b.c,smtp:x@b.c,EX1\nb@b.c,smtp:X@b.c,EX2\n",
		  "line 3: X@b.c is on line 2 too", false },
	};
	struct route_table *t = *state;

	assert_int_equal(import(t, HEAD BOB), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(import_bytes(t, rows[i].text,
					      strlen(rows[i].text), i & 1),
				 -EINVAL);
		if (!strstr(report.error, rows[i].error) ||
		    !strstr(report.error, COMMAND_START) != !rows[i].command ||
		    !strstr(report.error, COMMAND_END) != !rows[i].command)
			fail_msg("file %zu: %s", i, report.error);
		assert_int_equal(
			report.added + report.replaced + report.removed, 0);
		assert_int_equal(route_count(t), 1);
		assert_string_equal(where(t, "bob"), "EX16");
	}
	assert_int_equal(import_bytes(t, "a\0b", 3, false), -EINVAL);
	assert_int_equal(import_bytes(t, NULL, 0, true), -EINVAL);
	assert_int_equal(route_count(t), 1);
}

static char *rows_csv(const char *preamble, unsigned n, size_t *len)
{
	size_t cap = 256 + (size_t)n * 512, at;
	char *text = malloc(cap);

	at = (size_t)snprintf(text, cap, "%s" HEAD, preamble);
	for (unsigned i = 0; i < n; i++)
		at += (size_t)snprintf(
			text + at, cap - at,
			"\"Last%u, First\",f.last%u@contoso.com,"
			"f.last%u@contoso.com,flast%u,%08x-89ab-cdef-0123-"
			"456789abcdef," NO_GUID
			",/o=Contoso/ou=Exchange Administrative Group "
			"(FYDIBOHF23SPDLT)/cn=Recipients/cn=flast%u,\"SMTP:"
			"f.last%u@contoso.com;smtp:fl%u@corp.contoso.com\","
			"EX%u,DB%u\n",
			i, i, i, i, i + 1, i, i, i, i % 16, i % 64);
	*len = at;
	return text;
}

/* Get-Mailbox stops at 1,000 and says so in yellow, which no file holds. */
static void a_thousand(void **state)
{
	static const struct {
		const char *preamble;
		unsigned rows;
		int rc;
	} rows[] = {
		{ "", 999, 0 },
		{ "", 1000, -EINVAL },
		{ "#TYPE Mailbox\n", 1000, -EINVAL },
		{ "#ResultSize Unlimited\n", 1000, 0 },
		{ "#TYPE Mailbox\r\n#resultsize unlimited\r\n", 1000, 0 },
		{ "", 1001, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct route_table *t = route_new(&secret, 1);
		size_t n;
		char *text = rows_csv(rows[i].preamble, rows[i].rows, &n);

		assert_int_equal(import_bytes(t, text, n, false), rows[i].rc);
		assert_int_equal(route_count(t), rows[i].rc ? 0 : rows[i].rows);
		if (rows[i].rc) {
			assert_non_null(strstr(report.error, COMMAND_END));
			assert_non_null(strstr(report.error,
					       "\"#ResultSize Unlimited\" at "
					       "the top)"));
		}
		free(text);
		route_free(t);
	}
}

/* An export again and again: what changed is what is reported. */
static void again(void **state)
{
	struct route_table *t = *state;
	struct route_stats s;

	assert_int_equal(import(t, HEAD ALICE BOB), 0);
	assert_int_equal(report.added, 2);
	assert_int_equal(import(t, HEAD BOB ALICE), 0);
	assert_int_equal(report.unchanged, 2);
	/* bob was moved */
	assert_int_equal(
		import(t, HEAD "Bob,bob@contoso.com,bob@contoso.com,bob," GUID_B
			       "," NO_GUID
			       ",/o=C/cn=bob,SMTP:bob@contoso.com,EX19,DB9\n"),
		0);
	assert_int_equal(report.replaced, 1);
	assert_string_equal(where(t, GUID_B), "EX19");
	assert_string_equal(where(t, "alice"), "EX10");
	route_stats(t, &s);
	assert_int_equal(s.moves, 1);
	assert_int_equal(s.sets, 2);
	/* alice has a new address; al@ went over to bob */
	assert_int_equal(
		import(t,
		       "PrimarySmtpAddress,ExchangeGuid,EmailAddresses,"
		       "ServerName\n"
		       "bob@contoso.com," GUID_B ",smtp:al@contoso.com,EX19\n"
		       "a@contoso.com," GUID_A ",,EX10\n"),
		0);
	assert_int_equal(report.replaced, 2);
	assert_string_equal(where(t, "al@contoso.com"), "EX19");
	assert_string_equal(where(t, "a@contoso.com"), "EX10");
	assert_string_equal(where(t, "alice@contoso.com"), "");
	assert_int_equal(route_count(t), 2);
	/* ... and without bob's row that would be his loss */
	assert_int_equal(
		import(t,
		       "PrimarySmtpAddress,ExchangeGuid,EmailAddresses,"
		       "ServerName\n"
		       "a@contoso.com," GUID_A ",smtp:al@contoso.com,EX10\n"),
		-EINVAL);
	assert_non_null(strstr(report.error, "line 2: al@contoso.com belongs "
					     "to another mailbox"));
	assert_int_equal(report.failed, 1);
	assert_string_equal(where(t, "al@contoso.com"), "EX19");
}

/* Little is known of them, and they are known again. */
static void by_little(void **state)
{
	static const char *const files[] = {
		"SamAccountName,Domain,ServerName\nbob,A,EX1\nbob,B,EX2\n",
		"EmailAddresses,ServerName\nx@b.c;y@b.c,EX1\nsmtp:z@b.c,EX2\n",
		"ArchiveGuid,SamAccountName,ServerName,"
		"UserPrincipalName\n" GUID_A ",alice,EX1,\n" GUID_B
		",bob,EX2,\n",
		"LegacyExchangeDN,ServerName\n/o=C/cn=x,EX1\n/o=C/cn=y,EX2\n",
	};
	static const char lost[] = "SamAccountName,UserPrincipalName,"
				   "ServerName\ncarol,,EX3\n";

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		for (int replaced = 0; replaced < 2; replaced++) {
			struct route_table *t = route_new(&secret, 1);

			if (import(t, files[i]))
				fail_msg("file %zu: %s", i, report.error);
			assert_int_equal(import_bytes(t, files[i],
						      strlen(files[i]),
						      replaced),
					 0);
			assert_int_equal(report.unchanged, 2);
			route_free(t);
		}
	assert_int_equal(import(*state, lost), -EINVAL);
	assert_non_null(strstr(report.error, "without its domain"));
}

static void replace(void **state)
{
	/* the same names, another GUID: made anew */
	static const char file[] = "PrimarySmtpAddress,SamAccountName,"
				   "ExchangeGuid,ServerName\n"
				   "bob@contoso.com,bob,"
				   "cccccccc-89ab-cdef-0123-456789abcdef,EX13\n"
				   "carol@contoso.com,carol,,EX13\n";
	struct route_table *t = *state;
	struct route_stats s;

	assert_int_equal(import(t, HEAD ALICE BOB), 0);
	assert_int_equal(import(t, file), -EINVAL); /* bob's is another GUID */
	assert_non_null(strstr(report.error, "or replace the whole table"));
	assert_int_equal(import_bytes(t, file, strlen(file), true), 0);
	assert_int_equal(report.added, 2);
	assert_int_equal(report.removed, 2);
	assert_int_equal(route_count(t), 2);
	assert_string_equal(where(t, "bob"), "EX13");
	assert_string_equal(where(t, "bob@contoso.com"), "EX13");
	assert_string_equal(where(t, "alice@contoso.com"), "");
	assert_string_equal(where(t, GUID_A), "");
	assert_string_equal(where(t, GUID_B), "");
	assert_int_equal(import_bytes(t, file, strlen(file), true), 0);
	assert_int_equal(report.unchanged, 2);
	route_stats(t, &s);
	assert_int_equal(s.keys, 3 + 2);
	assert_int_equal(s.mailboxes, 2);
}

/* Not fatal, but said: more addresses than a mailbox can have here. */
static void many_addresses(void **state)
{
	struct route_table *t = *state;
	char text[16384], key[64];
	size_t n = (size_t)snprintf(text, sizeof(text),
				    "PrimarySmtpAddress,EmailAddresses,"
				    "ServerName\na@b.c,");

	for (unsigned i = 0; i < 70; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "smtp:a%u@b.c ", i);
	snprintf(text + n, sizeof(text) - n, ",EX10\n");
	assert_int_equal(import(t, text), 0);
	assert_int_equal(report.failed, 0);
	assert_int_equal(report.n_problems, 1);
	assert_string_equal(report.problem[0],
			    "line 2: a@b.c has 6 addresses more than 64: they "
			    "are left out");
	for (unsigned i = 0; i < 70; i++) {
		snprintf(key, sizeof(key), "a%u@b.c", i);
		assert_string_equal(where(t, key), i < 64 ? "EX10" : "");
	}
}

/* Twenty in words, all in number. */
static void many_problems(void **state)
{
	struct route_table *t = *state;
	char text[4096] = "PrimarySmtpAddress,ServerName\n";

	for (unsigned i = 0; i < 50; i++)
		strcat(text, "x,EX10\n");
	assert_int_equal(import(t, text), -EINVAL);
	assert_int_equal(report.failed, 50);
	assert_int_equal(report.n_problems, 50);
	assert_string_equal(report.problem[ROUTE_PROBLEMS - 1],
			    "line 21: x has a primary address that is none");
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts); /* not the neighbours' */
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void a_large_organisation(void **state)
{
	enum { N = CASGATE_ASAN ? 20000 : 100000 };
	struct route_table *t = *state;
	size_t n;
	char *text = rows_csv("", N, &n);
	double start = now(), loaded, same;
	struct route_stats s;

	assert_int_equal(import_bytes(t, text, n, true), 0);
	loaded = now() - start;
	assert_int_equal(report.added, N);
	start = now();
	assert_int_equal(import_bytes(t, text, n, true), 0);
	same = now() - start;
	assert_int_equal(report.unchanged, N);
	route_stats(t, &s);
	printf("# %d rows, %zu keys: loaded in %.0f ms, again in %.0f ms, %zu "
	       "bytes a mailbox\n",
	       N, s.keys, loaded * 1e3, same * 1e3, s.bytes / N);
	assert_string_equal(where(t, "fl12345@corp.contoso.com"), "EX9");
	free(text);
}

static int group_setup(void **state)
{
	if (snap_init())
		return -1;
	snap_register();
	snap_offline();
	return 0;
}

/* Get-RemoteMailbox has no ServerName; both in one file have. */
static void remote(void **state)
{
	static const char alone[] =
		"PrimarySmtpAddress,RecipientTypeDetails\n"
		"cloud@contoso.com,RemoteUserMailbox\n"
		"room@contoso.com,RemoteRoomMailbox\n";
	static const char both[] =
		"PrimarySmtpAddress,RecipientTypeDetails,ServerName\n"
		"cloud@contoso.com,RemoteSharedMailbox,\n"
		"alice@contoso.com,UserMailbox,EX10\n";
	static const char nowhere[] = "PrimarySmtpAddress,RecipientTypeDetails\n"
				      "alice@contoso.com,UserMailbox\n";
	struct route_table *t = *state;

	assert_int_equal(import(t, alone), 0);
	assert_string_equal(where(t, "cloud@contoso.com"),
			    EXCHANGE_ONLINE_NAME);
	assert_string_equal(where(t, "room@contoso.com"), EXCHANGE_ONLINE_NAME);
	assert_int_equal(import(t, both), 0);
	assert_string_equal(where(t, "cloud@contoso.com"),
			    EXCHANGE_ONLINE_NAME);
	assert_string_equal(where(t, "alice@contoso.com"), "EX10");
	assert_true(import(t, nowhere) < 0);
}

int main(void)
{
#define IMPORT_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(remote, setup, teardown),
		IMPORT_TEST(dialects),	    IMPORT_TEST(utf_16),
		IMPORT_TEST(refusals),	    IMPORT_TEST(a_thousand),
		IMPORT_TEST(again),	    IMPORT_TEST(by_little),
		IMPORT_TEST(replace),	    IMPORT_TEST(many_addresses),
		IMPORT_TEST(many_problems), IMPORT_TEST(a_large_organisation),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
