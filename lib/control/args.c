/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * args.c - do arguments fit a command, and how they are made of typed words.
 *
 * casgatectl asks before it sends, the daemon before it obeys.
 */
#include "control/control.h"

#include <errno.h>
#include <string.h>

#define TEXT_MAX 4096 /* bytes of one argument */
#define TEXTS_MAX 64 /* of a repeated one */

/* --- checking ------------------------------------------------------------ */

/* Is `text` one of the words "a|b|c"? */
static bool is_word(const char *words, const char *text)
{
	struct bytes rest = BYTES(words);

	while (rest.n)
		if (bytes_eq(bytes_cut(&rest, '|'), BYTES(text)))
			return true;
	return false;
}

static int check_text(const struct control_arg *a, const json_t *v, char *error,
		      size_t cap)
{
	const char *text = json_string_value(v);
	size_t n = text ? json_string_length(v) : 0;

	if (!n || n > TEXT_MAX) {
		snprintf(error, cap, "%s must be text of 1 to %u bytes",
			 a->name, TEXT_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)text[i];

		if (c >= 0x20 && c != 0x7f)
			continue;
		snprintf(error, cap, "%s holds a control byte", a->name);
		return -EINVAL;
	}
	if (!a->words || is_word(a->words, text))
		return 0;
	snprintf(error, cap, "%s must be one of %s", a->name, a->words);
	return -EINVAL;
}

static int check_texts(const struct control_arg *a, const json_t *v,
		       char *error, size_t cap)
{
	size_t n = json_array_size(v);

	if (!json_is_array(v) || n > TEXTS_MAX) {
		snprintf(error, cap, "%s must be a list of at most %u texts",
			 a->name, TEXTS_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < n; i++)
		if (check_text(a, json_array_get(v, i), error, cap))
			return -EINVAL;
	return 0;
}

static int check_value(const struct control_arg *a, const json_t *v,
		       char *error, size_t cap)
{
	switch (a->type) {
	case CONTROL_TEXT:
	case CONTROL_FILE:
	case CONTROL_SECRET:
		return check_text(a, v, error, cap);
	case CONTROL_TEXTS:
		return check_texts(a, v, error, cap);
	case CONTROL_NUMBER:
		if (json_is_integer(v) && json_integer_value(v) >= 0)
			return 0;
		snprintf(error, cap, "%s must be a whole number", a->name);
		return -EINVAL;
	case CONTROL_FLAG:
		if (json_is_boolean(v))
			return 0;
		snprintf(error, cap, "%s must be true or false", a->name);
		return -EINVAL;
	}
	return -EINVAL;
}

static const struct control_arg *find_arg(const struct control_spec *spec,
					  const char *name)
{
	for (const struct control_arg *a = spec->args; a->name; a++)
		if (!strcmp(a->name, name))
			return a;
	return NULL;
}

/* As it is typed: Exchange's cmdlets do not mind case either. */
static const struct control_arg *find_option(const struct control_spec *spec,
					     struct bytes name)
{
	for (const struct control_arg *a = spec->args; a->name; a++)
		if (a->flags & CONTROL_OPTION &&
		    bytes_ieq(name, BYTES(a->name)))
			return a;
	return NULL;
}

int control_check(const struct control_spec *spec, const json_t *args,
		  char *error, size_t cap)
{
	json_t *object = (json_t *)(uintptr_t)args, *value;
	const char *key;

	if (args && !json_is_object(args)) {
		snprintf(error, cap, "args must be an object");
		return -EINVAL;
	}
	for (const struct control_arg *a = spec->args; a->name; a++) {
		if (!(a->flags & CONTROL_REQUIRED) ||
		    json_object_get(args, a->name))
			continue;
		snprintf(error, cap, "%s needs %s%s: %s", spec->name,
			 a->flags & CONTROL_OPTION ? "--" : "", a->name,
			 a->help);
		return -EINVAL;
	}
	json_object_foreach(object, key, value)
	{
		const struct control_arg *a = find_arg(spec, key);

		if (!a) {
			snprintf(error, cap, "%s has no argument '%.*s'",
				 spec->name, (int)strnlen(key, 64), key);
			return -EINVAL;
		}
		if (check_value(a, value, error, cap))
			return -EINVAL;
	}
	return 0;
}

char *control_args_text(const struct control_spec *spec, const json_t *args)
{
	json_t *shown = json_copy((json_t *)(uintptr_t)args);
	char *text;

	for (const struct control_arg *a = spec->args; a->name; a++)
		if (a->type == CONTROL_SECRET)
			json_object_del(shown, a->name);
	text = json_dumps(shown, JSON_COMPACT);
	json_decref(shown);
	return text;
}

/* --- typed words --------------------------------------------------------- */

struct typed {
	const struct control_spec *spec;
	int n, i; /* words, and the one being looked at */
	char *const *words;
	json_t *args;
	char *error;
	size_t cap;
};

static int unknown_option(struct typed *t, struct bytes name)
{
	unsigned best = NEAR_MAX + 1;
	const char *nearest = NULL;

	for (const struct control_arg *a = t->spec->args; a->name; a++) {
		unsigned d = near_distance(name, BYTES(a->name));

		if (!(a->flags & CONTROL_OPTION) || d >= best)
			continue;
		best = d;
		nearest = a->name;
	}
	if (nearest && near_enough(best, name.n))
		snprintf(t->error, t->cap,
			 "%s has no option --%.*s; did you mean --%s?",
			 t->spec->name, BYTES_FMT(name), nearest);
	else
		snprintf(t->error, t->cap, "%s has no option --%.*s",
			 t->spec->name, BYTES_FMT(name));
	return -EINVAL;
}

static json_t *value_of(const struct control_arg *a, const char *text)
{
	uint64_t v;

	if (a->type != CONTROL_NUMBER)
		return json_string(text);
	return bytes_u64(BYTES(text), INT64_MAX, &v)
		       ? json_integer((json_int_t)v)
		       : json_string(text); /* control_check() says why not */
}

static int put(struct typed *t, const struct control_arg *a, const char *text)
{
	json_t *v = a->type == CONTROL_FLAG ? json_true() : value_of(a, text);
	json_t *list = json_object_get(t->args, a->name);

	if (!v) {
		snprintf(t->error, t->cap, "%s is not UTF-8", a->name);
		return -EINVAL;
	}
	if (a->type == CONTROL_TEXTS) {
		if (!list) {
			list = json_array();
			json_object_set_new(t->args, a->name, list);
		}
		return json_array_append_new(list, v) ? -ENOMEM : 0;
	}
	if (list) {
		json_decref(v);
		snprintf(t->error, t->cap, "--%s is given twice", a->name);
		return -EINVAL;
	}
	return json_object_set_new(t->args, a->name, v) ? -ENOMEM : 0;
}

/* --name, --name VALUE or --name=VALUE. */
static int take_option(struct typed *t)
{
	struct bytes rest = BYTES(t->words[t->i] + 2), name;
	const struct control_arg *a;
	bool joined;

	joined = bytes_find(rest, '=') < rest.n;
	name = bytes_cut(&rest, '=');
	a = find_option(t->spec, name);
	if (!a)
		return unknown_option(t, name);
	/* What is typed there would be seen by everybody on the machine. */
	if (control_is_bare(a) && joined) {
		snprintf(t->error, t->cap, "--%s takes no value", a->name);
		return -EINVAL;
	}
	if (a->type == CONTROL_SECRET)
		return put(t, a, "?");
	if (a->type == CONTROL_FLAG || joined)
		return put(t, a, (const char *)rest.p);
	if (++t->i >= t->n) {
		snprintf(t->error, t->cap, "--%s needs a value: %s", a->name,
			 a->help);
		return -EINVAL;
	}
	return put(t, a, t->words[t->i]);
}

/* The next argument that stands in its place. */
static int take_word(struct typed *t)
{
	for (const struct control_arg *a = t->spec->args; a->name; a++)
		if (!(a->flags & CONTROL_OPTION) &&
		    !json_object_get(t->args, a->name))
			return put(t, a, t->words[t->i]);
	snprintf(t->error, t->cap, "%s: '%s' is one word too many",
		 t->spec->name, t->words[t->i]);
	return -EINVAL;
}

json_t *control_args(const struct control_spec *spec, int n, char *const *words,
		     char *error, size_t cap)
{
	struct typed t = { .spec = spec,
			   .n = n,
			   .words = words,
			   .args = json_object(),
			   .error = error,
			   .cap = cap };
	bool options = true;
	int rc = 0;

	snprintf(error, cap, "out of memory");
	for (t.i = 0; !rc && t.args && t.i < n; t.i++) {
		const char *word = words[t.i];

		if (options && !strcmp(word, "--"))
			options = false;
		else if (options && !strncmp(word, "--", 2))
			rc = take_option(&t);
		else
			rc = take_word(&t);
	}
	if (!rc && t.args)
		rc = control_check(spec, t.args, error, cap);
	if (!rc)
		return t.args;
	json_decref(t.args);
	return NULL;
}
