/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * help.c - the table of settings for people: as text, and as the man page's
 * source.
 */
#include "conf/private.h"

#include <string.h>

struct book {
	FILE *f;
	bool roff;
};

/* roff(7): a hyphen that is to be typed is \-; a line must not begin with a
 * control character. */
static void put(const struct book *b, const char *s)
{
	for (; *s; s++) {
		if (!b->roff)
			fputc(*s, b->f);
		else if (*s == '-' || *s == '\\')
			fprintf(b->f, "\\%s", *s == '-' ? "-" : "e");
		else
			fputc(*s, b->f);
	}
}

static const char *type_of(const struct setting *s, char *dst, size_t cap)
{
	char item[256];

	if (s->kind != KIND_VALUES)
		return value_expected(s, s->kind, dst, cap);
	snprintf(dst, cap, "a list of at most %u, each %s%s", s->most,
		 value_expected(s, s->of, item, sizeof(item)),
		 s->flags & ONE ? "; a single one needs no brackets" : "");
	return dst;
}

static void put_setting(const struct book *b, const struct setting *s,
			const char *path, bool restart)
{
	char type[512];

	if (b->roff)
		fprintf(b->f, ".TP\n.B ");
	put(b, path);
	fprintf(b->f, b->roff ? "\n" : "\n    ");
	put(b, s->help);
	fprintf(b->f, b->roff ? ".\n.br\n" : "\n    ");
	put(b, type_of(s, type, sizeof(type)));
	if (s->flags & REQUIRED)
		put(b, "; required");
	if (s->def) {
		put(b, "; default ");
		put(b, s->def);
	}
	put(b, restart ? "; restart" : "; reload");
	fprintf(b->f, "\n");
}

static void put_schema(const struct book *b, const struct schema *schema,
		       const char *path, bool restart)
{
	char below[CONF_PATH + 2]; /* "[]" behind it */

	for (unsigned i = 0; i < schema->n; i++) {
		const struct setting *s = &schema->setting[i];
		bool fixed = restart || s->flags & RESTART;

		path_join(below, path, s->key);
		if (s->kind == KIND_MAPS)
			strcat(below, "[]");
		if (s->kind == KIND_MAP || s->kind == KIND_MAPS)
			put_schema(b, s->sub, below, fixed);
		else
			put_setting(b, s, below, fixed);
	}
}

void conf_print_help(FILE *f)
{
	put_schema(&(struct book){ .f = f }, &conf_schema, "", false);
}

void conf_print_man(FILE *f)
{
	put_schema(&(struct book){ f, true }, &conf_schema, "", false);
}

void conf_profile_print_help(FILE *f)
{
	put_schema(&(struct book){ .f = f }, &conf_profile_schema, "", true);
}
