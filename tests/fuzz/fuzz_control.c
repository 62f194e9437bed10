/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_control.c - any bytes as request lines, and as words typed behind a
 * command.
 *
 * Invariants: every line has one reply, an object with "ok", or with a code
 * and a reason; a handler sees arguments that fit its command only; words
 * that are accepted make arguments the daemon accepts.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct control_server *server;
static char dir[] = "/tmp/casgate-fuzz-XXXXXX";

static void require(bool yes)
{
	if (!yes)
		abort();
}

static json_t *handle(void *ctx, struct control_call *call)
{
	char error[256];

	require(!control_check(call->spec, call->args, error, sizeof(error)));
	if (call->spec->id % 3 == 0)
		return control_fail(call, CONTROL_FAILED, "%s",
				    call->spec->name);
	if (call->spec->id % 3 == 1)
		return control_later(call);
	return json_incref((json_t *)(uintptr_t)call->args);
}

static void finish(void)
{
	control_server_free(server);
	rmdir(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct control_server_config c = { 0 };
	char path[64], error[256];

	require(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/s", dir);
	c.path = path;
	for (unsigned i = 0; i < CONTROL_COMMAND_COUNT; i++)
		c.handler[i] = handle;
	log_set_level(LOG_LEVEL_ERROR);
	server = control_server_new(&c, error, sizeof(error));
	require(server != NULL);
	atexit(finish);
	return 0;
}

static void judge_line(struct bytes line)
{
	json_t *reply = control_serve_line(server, line);
	const char *code = json_string_value(json_object_get(reply, "code"));
	json_t *ok = json_object_get(reply, "ok");
	char *text = json_dumps(reply, JSON_COMPACT);

	require(json_is_boolean(ok));
	if (json_is_true(ok)) {
		require(json_object_get(reply, "data") != NULL);
	} else {
		require(code && *code);
		require(json_string_length(json_object_get(reply, "error")));
	}
	require(text && !strchr(text, '\n'));
	free(text);
	json_decref(reply);
}

/* What is logged of a call holds no secret. */
static void judge_log(const struct control_spec *spec, const json_t *args)
{
	char *text = control_args_text(spec, args);
	char key[64];

	for (const struct control_arg *a = spec->args; a->name; a++) {
		snprintf(key, sizeof(key), "\"%s\":", a->name);
		require(a->type != CONTROL_SECRET || !strstr(text, key));
	}
	free(text);
}

/* A command's name, of one word or two, and words behind it. */
static void judge_words(struct bytes text)
{
	char *copy = strndup((const char *)text.p, text.n);
	char *words[32], *save = NULL, error[256], name[64];
	const struct control_spec *spec;
	json_t *args;
	int n = 0, used = 1;

	for (char *w = strtok_r(copy, " ", &save); w && n < 32;
	     w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	spec = n ? control_find(words[0]) : NULL;
	if (!spec && n > 1) {
		snprintf(name, sizeof(name), "%s %s", words[0], words[1]);
		spec = control_find(name);
		used = 2;
	}
	if (!spec) {
		free(copy);
		return;
	}
	*error = '\0';
	args = control_args(spec, n - used, words + used, error, sizeof(error));
	if (args) {
		require(!control_check(spec, args, error, sizeof(error)));
		judge_log(spec, args);
	} else {
		require(*error);
	}
	json_decref(args);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest = { data, size };

	while (rest.n)
		judge_line(bytes_cut(&rest, '\n'));
	judge_words((struct bytes){ data, size });
	return 0;
}
