/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_control_args.c - the command table, arguments, and the texts that come
 * of it.
 */
#include "unit.h"

#include "control/control.h"

static void table_is_sound(void **state)
{
	for (unsigned i = 0; i < CONTROL_COMMAND_COUNT; i++) {
		const struct control_spec *s = control_spec(i);
		bool optional = false;

		assert_int_equal(s->id, i);
		assert_ptr_equal(control_find(s->name), s);
		assert_true(strlen(s->help) > 10);
		for (const struct control_arg *a = s->args; a->name; a++) {
			assert_int_equal(a->command, i);
			assert_true(*a->help);
			for (const struct control_arg *b = s->args; b < a; b++)
				assert_string_not_equal(a->name, b->name);
			if (a->flags & CONTROL_OPTION)
				continue;
			/* A word that may be left out ends the words. */
			assert_false(optional);
			optional = !(a->flags & CONTROL_REQUIRED);
		}
	}
	assert_null(control_find("mailbox"));
	assert_null(control_find(""));
}

static void suggestions(void **state)
{
	static const struct {
		const char *typed, *near;
	} rows[] = {
		{ "mailbox shw", "mailbox show" },
		{ "mailbox mvoe", "mailbox move" },
		{ "sevrer list", "server list" },
		{ "statsu", "status" },
		{ "stat", "stats" },
		{ "Status", "status" },
		{ "xyzzy", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *near = control_suggest(rows[i].typed);

		if (rows[i].near)
			assert_string_equal(near ? near : "", rows[i].near);
		else
			assert_null(near);
	}
}

static void distances(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned n;
	} rows[] = {
		{ "", "", 0 },
		{ "a", "", 1 },
		{ "abc", "abc", 0 },
		{ "abc", "ABC", 0 },
		{ "abc", "acb", 1 },
		{ "abc", "axc", 1 },
		{ "abc", "abxc", 1 },
		{ "kitten", "sitting", 3 },
		{ "roles", "rolse", 1 },
		{ "0123456789012345678901234567890123456789012345678", "a",
		  NEAR_MAX + 1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bytes a = BYTES(rows[i].a), b = BYTES(rows[i].b);

		assert_int_equal(near_distance(a, b), rows[i].n);
		assert_int_equal(near_distance(b, a), rows[i].n);
	}
}

/* --- arguments ----------------------------------------------------------- */

static const struct {
	const char *command;
	const char *words[10];
	const char *args; /* JSON, or */
	const char *error;
} typed[] = {
	{ "status", { 0 }, "{}", NULL },
	{ "status", { "now" }, NULL, "status: 'now' is one word too many" },
	{ "server drain", { "EX10" }, "{\"server\":\"EX10\"}", NULL },
	{ "server drain",
	  { 0 },
	  NULL,
	  "server drain needs server: name or FQDN" },
	{ "server drain",
	  { "" },
	  NULL,
	  "server must be text of 1 to 4096 bytes" },
	{ "server drain", { "a\x1b[m" }, NULL, "server holds a control byte" },
	{ "server drain", { "\xff" }, NULL, "server is not UTF-8" },
	{ "mailbox move",
	  { "anna", "--database", "DB1", "EX13" },
	  "{\"mailbox\":\"anna\",\"database\":\"DB1\","
	  "\"server\":\"EX13\"}",
	  NULL },
	{ "mailbox move",
	  { "anna", "EX13", "--database=DB=1" },
	  "{\"mailbox\":\"anna\",\"server\":\"EX13\","
	  "\"database\":\"DB=1\"}",
	  NULL },
	{ "mailbox move",
	  { "--", "--anna", "EX13" },
	  "{\"mailbox\":\"--anna\",\"server\":\"EX13\"}",
	  NULL },
	{ "mailbox move",
	  { "anna", "EX13", "--database" },
	  NULL,
	  "--database needs a value: its new mailbox database" },
	{ "mailbox move",
	  { "a", "b", "--database=1", "--database=2" },
	  NULL,
	  "--database is given twice" },
	{ "mailbox move",
	  { "a", "b", "--databse", "x" },
	  NULL,
	  "mailbox move has no option --databse; did you mean "
	  "--database?" },
	{ "mailbox move",
	  { "a", "--server", "x" },
	  NULL,
	  "mailbox move has no option --server" },
	{ "mailbox set",
	  { "a@b", "--server=S", "--alias=x@b", "--alias", "y@b" },
	  "{\"smtp\":\"a@b\",\"server\":\"S\","
	  "\"alias\":[\"x@b\",\"y@b\"]}",
	  NULL },
	{ "mailbox import",
	  { "f.csv", "--replace" },
	  "{\"file\":\"f.csv\",\"replace\":true}",
	  NULL },
	{ "mailbox import",
	  { "f.csv", "--replace=no" },
	  NULL,
	  "--replace takes no value" },
	{ "session list", { "--limit", "20" }, "{\"limit\":20}", NULL },
	{ "session list",
	  { "--limit", "-1" },
	  NULL,
	  "limit must be a whole number" },
	{ "session list",
	  { "--limit", "9223372036854775808" },
	  NULL,
	  "limit must be a whole number" },
	{ "log level", { "debug" }, "{\"level\":\"debug\"}", NULL },
	{ "log level", { 0 }, "{}", NULL },
	{ "log rotate", { 0 }, "{}", NULL },
	{ "log level",
	  { "loud" },
	  NULL,
	  "level must be one of error|warn|info|debug" },
	{ "route explain",
	  { "--user", "a" },
	  NULL,
	  "route explain needs --protocol: virtual directory, "
	  "or mail service" },
};

static void typed_words(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
		char *words[10], error[256] = "", *have;
		json_t *args;
		int n = 0;

		for (; typed[i].words[n]; n++)
			words[n] = strdup(typed[i].words[n]);
		args = control_args(control_find(typed[i].command), n, words,
				    error, sizeof(error));
		if (typed[i].args) {
			assert_non_null(args);
			have = json_dumps(args, JSON_COMPACT);
			assert_string_equal(have, typed[i].args);
			free(have);
		} else {
			assert_null(args);
			assert_string_equal(error, typed[i].error);
		}
		json_decref(args);
		while (n--)
			free(words[n]);
	}
}

/* --- texts --------------------------------------------------------------- */

static char *printed(void (*print)(FILE *f))
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	print(f);
	fclose(f);
	return text;
}

static void completion(FILE *f)
{
	control_print_completion(f, "casgatectl");
}

/* ".B NAME" with roff's hyphens. */
static void roff_name(const char *name, char *dst, size_t cap)
{
	size_t n = (size_t)snprintf(dst, cap, ".B ");

	for (; *name; name++)
		n += (size_t)snprintf(dst + n, cap - n,
				      *name == '-' ? "\\-" : "%c", *name);
}

static void texts_name_every_command(void **state)
{
	char *help = printed(control_print_help);
	char *man = printed(control_print_man);
	char *bash = printed(completion);

	for (unsigned i = 0; i < CONTROL_COMMAND_COUNT; i++) {
		const struct control_spec *s = control_spec(i);
		char line[128];

		snprintf(line, sizeof(line), "  %s ", s->name);
		assert_non_null(strstr(help, line));
		roff_name(s->name, line, sizeof(line));
		assert_non_null(strstr(man, line));
		snprintf(line, sizeof(line), "\"%s\"*)", s->name);
		assert_int_equal(strstr(bash, line) != NULL,
				 s->args->name != NULL);
	}
	assert_non_null(strstr(bash, "\"mailbox\") words=\"show set move "
				     "remove import count \" ;;"));
	assert_non_null(strstr(bash, "--protocol) words=\"owa ecp eas"));
	free(help);
	free(man);
	free(bash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_sound),
		cmocka_unit_test(suggestions),
		cmocka_unit_test(distances),
		cmocka_unit_test(typed_words),
		cmocka_unit_test(texts_name_every_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
