/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main.c - casgatectl: words to one request, one reply to the terminal.
 */
#include "casgatectl.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "conf/conf.h"

#define SILENCE_MS (10 * 60 * 1000) /* a large import is silent for long */

struct options {
	const char *socket;
	bool json;
	int n; /* words left: the command and its arguments */
	char **word;
};

static int fail(int status, const char *text)
{
	fputs("casgatectl: ", stderr);
	print_text(stderr, text);
	return status;
}

/* --- options ------------------------------------------------------------- */

static void list_commands(FILE *f)
{
	for (unsigned i = 0; i < CONTROL_COMMAND_COUNT; i++)
		fprintf(f, "%s\n", control_spec(i)->name);
}

static void print_version(FILE *f)
{
	fputs("casgatectl " CASGATE_VERSION "\n", f);
}

/* Options that print a text and are done. */
static const struct {
	const char *name;
	void (*print)(FILE *f);
} texts[] = {
	{ "--help", print_usage },
	{ "-h", print_usage },
	{ "--version", print_version },
	{ "--list-commands", list_commands },
	{ "--help-config", conf_print_help },
	{ "--man", print_man },
	{ "--man-config", print_man_config },
};

static bool print_asked(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (strcmp(word, texts[i].name))
			continue;
		texts[i].print(stdout);
		return true;
	}
	return false;
}

/* Takes the program's own options out of argv; the rest stays in order.
 * Returns -1, or the status to exit with. */
static int take_options(int argc, char **argv, struct options *o)
{
	bool ours = true;

	o->socket = CONTROL_SOCKET;
	o->word = argv + 1;
	for (int i = 1; i < argc; i++) {
		char *word = argv[i];

		if (ours && !strcmp(word, "--"))
			ours = false;
		if (ours && !strcmp(word, "--json")) {
			o->json = true;
		} else if (ours && !strncmp(word, "--socket=", 9)) {
			o->socket = word + 9;
		} else if (ours && !strcmp(word, "--socket")) {
			if (++i == argc)
				return fail(EXIT_USAGE,
					    "--socket needs a path");
			o->socket = argv[i];
		} else if (ours && print_asked(word)) {
			return EXIT_DONE;
		} else {
			o->word[o->n++] = word;
		}
	}
	return -1;
}

/* --- help ---------------------------------------------------------------- */

/* The words joined by blanks. */
static char *join(int n, char **word, char *dst, size_t cap)
{
	size_t len = 0;

	*dst = '\0';
	for (int i = 0; i < n && len < cap; i++)
		len += (size_t)snprintf(dst + len, cap - len, "%s%s",
					i ? " " : "", word[i]);
	return dst;
}

/* Commands that begin with this noun, with their help; how many. */
static int print_noun(FILE *f, const char *noun)
{
	size_t n = strlen(noun);
	int found = 0;

	for (unsigned i = 0; i < CONTROL_COMMAND_COUNT; i++) {
		const struct control_spec *s = control_spec(i);
		char usage[2048];

		if (strncmp(s->name, noun, n) || s->name[n] != ' ')
			continue;
		fprintf(f, "  %s\n      %s\n",
			control_usage(s, usage, sizeof(usage)), s->help);
		found++;
	}
	return found;
}

static int no_command(int n, char **word)
{
	char typed[128], text[512];
	const char *near;

	/* Two words are a command with a verb, or one with an argument. */
	near = control_suggest(join(min(n, 2), word, typed, sizeof(typed)));
	if (!near)
		near = control_suggest(join(1, word, text, sizeof(text)));
	if (near)
		snprintf(text, sizeof(text),
			 "there is no command '%s'; did you mean '%s'?", typed,
			 near);
	else
		snprintf(text, sizeof(text),
			 "there is no command '%s'; `casgatectl help` lists "
			 "them all",
			 typed);
	return fail(EXIT_USAGE, text);
}

static int help(int n, char **word)
{
	const struct control_spec *spec;
	char name[128];

	if (!n) {
		print_usage(stdout);
		return EXIT_DONE;
	}
	spec = control_find(join(n, word, name, sizeof(name)));
	if (spec)
		control_print_command(spec, stdout);
	else if (n > 1 || !print_noun(stdout, name))
		return no_command(n, word);
	return EXIT_DONE;
}

static int completion(int n, char **word)
{
	if (n != 1 || strcmp(word[0], "bash"))
		return fail(EXIT_USAGE, "usage: casgatectl completion bash");
	control_print_completion(stdout, "casgatectl");
	return EXIT_DONE;
}

/* --- commands ------------------------------------------------------------ */

/* The daemon has another working directory. */
static int make_absolute(const struct control_spec *spec, json_t *args,
			 char *error, size_t cap)
{
	char path[PATH_MAX], cwd[PATH_MAX];

	for (const struct control_arg *a = spec->args; a->name; a++) {
		const char *file =
			json_string_value(json_object_get(args, a->name));

		if (a->type != CONTROL_FILE || !file || *file == '/')
			continue;
		if (!getcwd(cwd, sizeof(cwd)) ||
		    snprintf(path, sizeof(path), "%s/%s", cwd, file) >=
			    (int)sizeof(path)) {
			snprintf(error, cap, "%s: the path is too long", file);
			return -ENAMETOOLONG;
		}
		json_object_set_new(args, a->name, json_string(path));
	}
	return 0;
}

/* A line of the terminal, unseen, or of standard input. */
static bool read_secret(const char *what, char *dst, size_t cap)
{
	struct termios was, quiet;
	bool seen = isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &was);
	char *got;

	if (seen) {
		quiet = was;
		quiet.c_lflag &= (tcflag_t)~ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
		fprintf(stderr, "%s: ", what);
	}
	got = fgets(dst, (int)cap, stdin);
	if (seen) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
		fputc('\n', stderr);
	}
	if (got)
		dst[strcspn(dst, "\r\n")] = '\0';
	return got && *dst;
}

static int ask_secrets(const struct control_spec *spec, json_t *args,
		       char *error, size_t cap)
{
	char secret[512];
	int rc;

	for (const struct control_arg *a = spec->args; a->name; a++) {
		if (a->type != CONTROL_SECRET ||
		    !json_object_get(args, a->name))
			continue;
		if (!read_secret(a->name, secret, sizeof(secret))) {
			snprintf(error, cap, "no %s was given", a->name);
			return -EINVAL;
		}
		rc = json_object_set_new(args, a->name, json_string(secret));
		explicit_bzero(secret, sizeof(secret));
		if (rc) {
			snprintf(error, cap, "%s is not UTF-8", a->name);
			return -EINVAL;
		}
	}
	return 0;
}

/* `config check` without a daemon: the same data as its. */
static json_t *check_config(const json_t *args)
{
	const char *file = json_string_value(json_object_get(args, "file"));
	bool syntax = json_is_true(json_object_get(args, "syntax"));
	struct conf_report report = { 0 };
	json_t *findings = json_array();
	struct conf *conf = NULL;
	char line[1024];
	int rc;

	rc = conf_load(file, syntax ? 0 : CONF_CHECK_FILES, &conf, &report);
	for (unsigned i = 0; i < report.n; i++)
		json_array_append_new(
			findings, json_string(conf_message_str(&report, i, line,
							       sizeof(line))));
	conf_free(conf);
	conf_report_fini(&report);
	return json_pack("{s:b, s:{s:b, s:s, s:o}}", "ok", 1, "data", "good",
			 !rc, "file", file, "findings", findings);
}

static int print_check(const json_t *data)
{
	bool good = json_is_true(json_object_get(data, "good"));
	const char *file = json_string_value(json_object_get(data, "file"));

	print_data(stdout, json_object_get(data, "findings"));
	fputs(file ? file : "the configuration", stdout);
	fputs(good ? ": good\n" : ": not usable\n", stdout);
	return good ? EXIT_DONE : EXIT_REFUSED;
}

static int print_reply(const struct options *o, const struct control_spec *spec,
		       const json_t *reply)
{
	const json_t *data = json_object_get(reply, "data");
	const char *error = json_string_value(json_object_get(reply, "error"));
	const char *code = json_string_value(json_object_get(reply, "code"));
	bool ok = json_is_true(json_object_get(reply, "ok"));
	bool usage = code && !strcmp(code, control_code_word(CONTROL_USAGE));
	json_t *good = json_object_get(data, "good");

	if (o->json)
		print_json(stdout, reply);
	if (!ok && !o->json)
		fail(0, error ? error : "refused without a reason");
	if (!ok)
		return usage ? EXIT_USAGE : EXIT_REFUSED;
	if (spec->id == CONTROL_CONFIG_CHECK)
		return o->json ? json_is_true(good) ? EXIT_DONE : EXIT_REFUSED
			       : print_check(data);
	if (!o->json && json_is_array(data) && !json_array_size(data))
		fputs("none\n", stderr);
	else if (!o->json)
		print_data(stdout, data);
	return EXIT_DONE;
}

static int print_preflight(const struct options *o, const json_t *args,
			   const json_t *reply)
{
	if (o->json)
		print_json(stdout, reply);
	return report_preflight(
		json_object_get(reply, "data"), o->json,
		json_string_value(json_object_get(args, "script")));
}

static void show_progress(void *arg, const char *text)
{
	print_text(stderr, text);
}

/* The whole reply object; NULL with *status and a sentence in error. */
static json_t *ask(const struct options *o, const struct control_spec *spec,
		   const json_t *args, int *status, char *error, size_t cap)
{
	struct control_client *client = NULL;
	json_t *reply = NULL;
	bool alone =
		spec->flags & CONTROL_OFFLINE && json_object_get(args, "file");

	if (alone && json_is_true(json_object_get(args, "syntax")))
		return check_config(args);
	*status = EXIT_UNREACHABLE;
	if (control_connect(o->socket, &client, error, cap))
		return alone ? check_config(args) : NULL;
	if (control_ask(client, spec->name, args, SILENCE_MS, show_progress,
			NULL, &reply, error, cap))
		reply = NULL;
	control_disconnect(client);
	return reply;
}

static int run(const struct options *o, const struct control_spec *spec, int n,
	       char **word)
{
	int status = EXIT_USAGE;
	json_t *args, *reply;
	char error[2048];

	args = control_args(spec, n, word, error, sizeof(error));
	if (!args || make_absolute(spec, args, error, sizeof(error)) ||
	    ask_secrets(spec, args, error, sizeof(error))) {
		json_decref(args);
		fail(EXIT_USAGE, error);
		control_usage(spec, error, sizeof(error));
		fprintf(stderr, "usage: casgatectl %s\n", error);
		return EXIT_USAGE;
	}
	reply = ask(o, spec, args, &status, error, sizeof(error));
	if (reply && spec->id == CONTROL_PREFLIGHT &&
	    json_is_true(json_object_get(reply, "ok")))
		status = print_preflight(o, args, reply);
	else if (reply)
		status = print_reply(o, spec, reply);
	else
		fail(status, error);
	json_decref(reply);
	json_decref(args);
	return status;
}

static int command(const struct options *o)
{
	const struct control_spec *spec = NULL;
	char name[128];
	int used;

	if (!o->n) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(o->word[0], "help"))
		return help(o->n - 1, o->word + 1);
	if (!strcmp(o->word[0], "completion"))
		return completion(o->n - 1, o->word + 1);
	for (used = min(o->n, 2); used && !spec; used--) {
		spec = control_find(join(used, o->word, name, sizeof(name)));
		if (spec)
			return run(o, spec, o->n - used, o->word + used);
	}
	if (o->n == 1 && print_noun(stderr, o->word[0]))
		return EXIT_USAGE;
	return no_command(o->n, o->word);
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	int status = take_options(argc, argv, &o);

	if (status < 0)
		status = command(&o);
	if (fflush(stdout) || ferror(stdout))
		return fail(EXIT_REFUSED, "standard output cannot be written");
	return status;
}
