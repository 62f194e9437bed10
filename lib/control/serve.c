/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve.c - one request line: what it asks, whether it may, and the reply.
 */
#include "control/private.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

json_t *reply_failure(enum control_code code, const char *text)
{
	/* jansson refuses what is not UTF-8, and words may quote anything. */
	json_t *words = json_string(text);

	if (!words)
		words = json_string("(the reason is not UTF-8)");
	return json_pack("{s:b, s:s, s:o}", "ok", 0, "code",
			 control_code_word(code), "error", words);
}

/* Takes the reference to data. */
json_t *reply_success(json_t *data)
{
	return json_pack("{s:b, s:o}", "ok", 1, "data",
			 data ? data : json_null());
}

json_t *control_fail(struct control_call *call, enum control_code code,
		     const char *fmt, ...)
{
	va_list ap;

	call->failed = true;
	call->code = code;
	va_start(ap, fmt);
	vsnprintf(call->error, sizeof(call->error), fmt, ap);
	va_end(ap);
	return NULL;
}

json_t *control_later(struct control_call *call)
{
	call->later = true;
	return NULL;
}

static void log_call(const struct control_call *call)
{
	enum log_level level = call->spec->flags & CONTROL_CHANGES
				       ? LOG_LEVEL_INFO
				       : LOG_LEVEL_DEBUG;
	char *args;

	if (log_get_level() < level)
		return;
	args = control_args_text(call->spec, call->args);
	log_write(level, "control: %s %.300s by uid %d, pid %d: %s",
		  call->spec->name, args ? args : "", (int)call->uid,
		  (int)call->pid,
		  call->failed	? call->error
		  : call->later ? "begun"
				: "ok");
	free(args);
}

/* The command of a request, or NULL with a reply that refuses it. */
static const struct control_spec *judge(const json_t *request, json_t **args,
					json_t **reply)
{
	const char *name =
		json_string_value(json_object_get(request, "command"));
	const struct control_spec *spec;
	char error[512];

	*args = json_object_get(request, "args");
	if (!name) {
		*reply = reply_failure(
			CONTROL_USAGE,
			"a request is {\"command\":\"noun verb\", "
			"\"args\":{...}}");
		return NULL;
	}
	spec = control_find(name);
	if (!spec) {
		const char *near = control_suggest(name);

		snprintf(error, sizeof(error), "there is no command '%.*s'%s%s",
			 (int)strnlen(name, 64), name,
			 near ? "; did you mean " : "", near ? near : "");
		*reply = reply_failure(CONTROL_USAGE, error);
		return NULL;
	}
	if (!control_check(spec, *args, error, sizeof(error)))
		return spec;
	*reply = reply_failure(CONTROL_USAGE, error);
	return NULL;
}

static json_t *dispatch(struct control_server *s, struct control_call *call)
{
	control_handler handler = s->config.handler[call->spec->id];
	json_t *data = NULL;

	if (handler)
		data = handler(s->config.ctx, call);
	else
		control_fail(call, CONTROL_REFUSED,
			     "%s is not available in this program",
			     call->spec->name);
	/* What failed or comes later has no data, whatever was returned. */
	if (call->failed || call->later) {
		json_decref(data);
		data = NULL;
	}
	log_call(call);
	if (call->failed)
		return reply_failure(call->code, call->error);
	return call->later ? NULL : reply_success(data);
}

/* A whole line. NULL: the reply comes later, by call->token. */
json_t *serve_line(struct control_server *s, struct bytes line,
		   struct control_call *call)
{
	json_t *request, *args = NULL, *none = NULL, *reply = NULL;
	json_error_t e;
	char error[512];

	request = json_loadb((const char *)line.p, line.n,
			     JSON_REJECT_DUPLICATES, &e);
	if (!request) {
		snprintf(error, sizeof(error), "not JSON: %s (byte %d)", e.text,
			 e.position);
		return reply_failure(CONTROL_USAGE, error);
	}
	call->server = s;
	call->spec = judge(request, &args, &reply);
	if (call->spec) {
		none = args ? NULL : json_object();
		call->args = args ? args : none;
		reply = dispatch(s, call);
		call->args = NULL;
	}
	json_decref(none);
	json_decref(request);
	return reply;
}

json_t *control_serve_line(struct control_server *s, struct bytes line)
{
	struct control_call call = { .pid = getpid(),
				     .uid = getuid(),
				     .gid = getgid() };
	json_t *reply = serve_line(s, line, &call);

	return reply ? reply
		     : reply_failure(CONTROL_TIMEOUT,
				     "the answer came too late");
}
