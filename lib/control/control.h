/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control.h - how casgatectl and the daemon speak: one JSON request and one
 * JSON reply a line over a Unix stream socket, and the one table of commands
 * (commands.def) that both sides read.
 *
 *   -> {"command":"mailbox move","args":{"mailbox":"anna","server":"EX13"}}
 *   <- {"progress":"..."}                     none or more
 *   <- {"ok":true,"data":...}
 *   <- {"ok":false,"code":"not-found","error":"no mailbox ..."}
 *
 * Thread: control, all of it. The server never blocks but in its own poll.
 * json_t is jansson's; it is the currency between this library and handlers.
 */
#pragma once

#include <stdio.h>
#include <sys/types.h>

#include <jansson.h>

#include "base/base.h"

#define CONTROL_REQUEST_MAX (1U << 20) /* [bytes] of a request line */
#define CONTROL_REPLY_MAX (256U << 20) /* [bytes] of a reply line */
#define CONTROL_CLIENTS 32	       /* connected at a time */
#define CONTROL_SOCKET "/run/casgate/control.sock"

/* --- commands ------------------------------------------------------------ */

enum control_command {
#define CONTROL_COMMAND(id, name, flags, help) CONTROL_##id,
#include "control/commands.def"
	CONTROL_COMMAND_COUNT
};

/* What a command may do. */
#define CONTROL_READS 0U
#define CONTROL_CHANGES 1U /* logged with who asked for it */
#define CONTROL_OFFLINE 2U /* casgatectl can do it without a daemon */

enum control_type {
	CONTROL_TEXT,	/* JSON string, not empty, no control bytes */
	CONTROL_FILE,	/* the same; made absolute by casgatectl */
	CONTROL_NUMBER, /* JSON integer >= 0 */
	CONTROL_FLAG,	/* JSON boolean; the bare --name */
	CONTROL_SECRET, /* JSON string; the bare --name, and casgatectl asks on
			 * the terminal or reads a line of standard input; it
			 * is never logged */
	CONTROL_TEXTS,	/* JSON array of strings; --name may be repeated */
};

/* How an argument stands on the command line. */
#define CONTROL_WORD 0U	    /* in its place: mailbox show WHO */
#define CONTROL_OPTION 1U   /* by name: --server EX13 */
#define CONTROL_REQUIRED 2U

struct control_arg {
	enum control_command command;
	const char *name; /* JSON key; the option without its dashes */
	enum control_type type;
	unsigned flags;
	const char *words; /* the values allowed, "a|b|c", or NULL */
	const char *help;
};

/* No value stands behind it. */
static inline bool control_is_bare(const struct control_arg *a)
{
	return a->type == CONTROL_FLAG || a->type == CONTROL_SECRET;
}

struct control_spec {
	enum control_command id;
	const char *name; /* "mailbox move": what requests carry */
	unsigned flags;
	const char *help;
	const struct control_arg *args; /* ends with one without a name */
};

const struct control_spec *control_spec(enum control_command id);
/* By name; NULL. */
const struct control_spec *control_find(const char *name);
/* The nearest command to what was typed, or NULL when none is near. */
const char *control_suggest(const char *typed);

/**
 * Do `args` fit the command? Unknown names, missing ones, wrong types.
 *
 * @return 0, or -EINVAL with one sentence in error. Both sides ask this.
 */
must_check int control_check(const struct control_spec *spec,
			     const json_t *args, char *error, size_t cap);
/**
 * Arguments from words as typed behind the command.
 *
 * @return new reference, checked; NULL with one sentence in error.
 */
must_check json_t *control_args(const struct control_spec *spec, int n,
				char *const *words, char *error, size_t cap);

/* Checked arguments as they may be logged: without secrets. To be freed. */
char *control_args_text(const struct control_spec *spec, const json_t *args);

/* "mailbox move WHO SERVER [--database NAME]". Returns dst. */
char *control_usage(const struct control_spec *spec, char *dst, size_t cap);
void control_print_help(FILE *f);	       /* every command, a line each */
void control_print_command(const struct control_spec *spec, FILE *f);
void control_print_man(FILE *f);	       /* the COMMANDS section, roff */
void control_print_completion(FILE *f, const char *program); /* for bash */

/* --- server -------------------------------------------------------------- */

/* Why a command was not done. */
#define CONTROL_CODES(X)                                                       \
	X(CONTROL_USAGE, "usage")	   /* not a command, bad arguments */  \
	X(CONTROL_NOT_FOUND, "not-found")  /* what it names is not there */    \
	X(CONTROL_EXISTS, "exists")	   /* clashes with what is there */    \
	X(CONTROL_REFUSED, "refused")	   /* understood, but must not be */   \
	X(CONTROL_BUSY, "busy")		   /* try again later */               \
	X(CONTROL_TIMEOUT, "timeout")	   /* no answer in time */             \
	X(CONTROL_FAILED, "failed")	   /* tried, and it did not work */

enum control_code {
#define X(id, word) id,
	CONTROL_CODES(X)
#undef X
	CONTROL_CODE_COUNT
};

const char *control_code_word(enum control_code code);

struct control_server;

/* A request being answered. */
struct control_call {
	const struct control_spec *spec;
	const json_t *args; /* checked; borrowed while the handler runs */
	pid_t pid;	    /* of the client (SO_PEERCRED) */
	uid_t uid;
	gid_t gid;
	uint64_t token; /* names the call to control_finish() */
	struct control_server *server;
	bool failed, later;
	enum control_code code;
	char error[1024];
};

/* An argument that is text; NULL when it was not given. */
static inline const char *control_arg(const struct control_call *call,
				      const char *name)
{
	return json_string_value(json_object_get(call->args, name));
}

/**
 * Do a command.
 *
 * @return the reply's data, a new reference (json_null() or NULL for nothing);
 * or NULL after control_fail() or control_later().
 */
typedef json_t *(*control_handler)(void *ctx, struct control_call *call);

/* The command failed, and why, as one sentence. Returns NULL, so that a handler
 * can end with `return control_fail(...)`. */
json_t *control_fail(struct control_call *call, enum control_code code,
		     const char *fmt, ...) printf_like(3, 4);
/* Tell the client how far long work has come; dropped when it does not read. */
void control_progress(struct control_call *call, const char *fmt, ...)
	printf_like(2, 3);
/* The answer comes by control_finish() with the call's token, after the handler
 * has returned. Returns NULL. */
json_t *control_later(struct control_call *call);
/* Answer a call that was put off: data (reference taken), or a failure. A
 * client that is gone, or a call that timed out, is no error. */
void control_finish(struct control_server *s, uint64_t token, json_t *data);
void control_finish_fail(struct control_server *s, uint64_t token,
			 enum control_code code, const char *fmt, ...)
	printf_like(4, 5);

struct control_server_config {
	const char *path;
	const char *group;   /* may connect besides root; NULL = nobody */
	unsigned timeout_ms; /* a client that does not get on; 0 = 30 s */
	unsigned later_ms;   /* a call that was put off; 0 = 60 s */
	void *ctx;	     /* given to handlers */
	/* One a command; NULL answers "not available here". */
	control_handler handler[CONTROL_COMMAND_COUNT];
};

/**
 * Claim the socket and listen.
 *
 * A socket nobody answers on is removed first; one that a living process
 * answers on is refused, saying so. The socket is 0660 from its first moment.
 *
 * @param config  copied
 * @return NULL with one sentence in error.
 */
must_check struct control_server *
control_server_new(const struct control_server_config *config, char *error,
		   size_t cap);
/* Closes all clients and removes the socket if it is still this server's. */
void control_server_free(struct control_server *s);
/**
 * Wait up to timeout_ms [ms] (0 = only look, -1 = for ever) for clients, and
 * serve what they ask.
 *
 * @return requests answered, or -errno when polling itself fails.
 */
int control_server_poll(struct control_server *s, int timeout_ms);
/* Take one request line without a socket: parse, check, dispatch; the reply as
 * a new reference. For tests and fuzzing; progress goes nowhere, and a handler
 * that answers later gets "timeout". */
json_t *control_serve_line(struct control_server *s, struct bytes line);

/* --- client -------------------------------------------------------------- */

struct control_client;

/* -ENOENT, -ECONNREFUSED, -EACCES and the like with a sentence that says what
 * to do. */
must_check int control_connect(const char *path, struct control_client **out,
			       char *error, size_t cap);
void control_disconnect(struct control_client *c);
/**
 * Ask, and wait for the reply.
 *
 * @param args      borrowed; NULL for none
 * @param progress  called for each progress line; NULL = not wanted
 * @param reply     out: the whole reply object, new reference
 * @return 0 when a reply came (look at its "ok"); -EPIPE when the daemon hung
 * up, -ETIMEDOUT after timeout_ms [ms] of silence, -EPROTO when it spoke
 * nonsense; with a sentence in error.
 */
must_check int control_ask(struct control_client *c, const char *command,
			   const json_t *args, int timeout_ms,
			   void (*progress)(void *arg, const char *text),
			   void *arg, json_t **reply, char *error, size_t cap);
