/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * print.c - replies on the terminal.
 *
 * Tables come from the data alone: a list of objects is a table with their
 * keys as columns, an object is a list of its keys. What is printed may have
 * come from a stranger (a user name, a URL), so nothing that a terminal obeys
 * gets through.
 */
#include "casgatectl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 64

/* --- text ---------------------------------------------------------------- */

/* Length of a sequence at s that a terminal may obey: C0, DEL, C1, and the
 * Unicode controls that reorder text; 0 = harmless. */
static size_t hostile(const uint8_t *s)
{
	if (s[0] < 0x20 || s[0] == 0x7f)
		return 1;
	if (s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0)
		return 2;
	/* U+200E, U+200F, U+2028..U+202E */
	if (s[0] == 0xe2 && s[1] == 0x80 &&
	    (s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xa8 && s[2] <= 0xae)))
		return 3;
	/* U+2066..U+2069 */
	if (s[0] == 0xe2 && s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9)
		return 3;
	return 0;
}

/* Returns the number of characters; f may be NULL. */
static size_t put_text(FILE *f, const char *text)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t n = 0, bad;

	for (; *s; s += bad ? bad : 1) {
		bad = hostile(s);
		n += bad || (*s & 0xc0) != 0x80;
		if (f)
			fputc(bad ? '?' : *s, f);
	}
	return n;
}

void print_text(FILE *f, const char *text)
{
	put_text(f, text);
	fputc('\n', f);
}

static int put_escaped(const char *text, size_t n, void *arg)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] == 0x7f)
			fputs("\\u007f", arg);
		else
			fputc(text[i], arg);
	return 0;
}

void print_json(FILE *f, const json_t *v)
{
	/* Everything but ASCII is escaped by jansson, DEL is not. */
	json_dump_callback(v, put_escaped, f,
			   JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
	fputc('\n', f);
}

/* --- one value ----------------------------------------------------------- */

/* A value as one word or list of words; to be freed. */
static char *text_of(const json_t *v)
{
	const json_t *item;
	char *text = NULL;
	size_t n = 0, i;
	FILE *f;

	if (json_is_object(v))
		return json_dumps(v, JSON_COMPACT);
	f = open_memstream(&text, &n);
	if (!f)
		return NULL;
	if (json_is_array(v)) {
		json_array_foreach(v, i, item)
		{
			char *word = text_of(item);

			fprintf(f, "%s%s", i ? ", " : "", word ? word : "");
			free(word);
		}
	} else if (json_is_string(v)) {
		fputs(json_string_value(v), f);
	} else if (json_is_integer(v)) {
		fprintf(f, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	} else if (json_is_real(v)) {
		fprintf(f, "%.6g", json_real_value(v));
	} else if (json_is_boolean(v)) {
		fputs(json_is_true(v) ? "yes" : "no", f);
	}
	fclose(f);
	return text;
}

static bool is_table(const json_t *v)
{
	return json_is_array(v) && json_is_object(json_array_get(v, 0));
}

/* --- tables -------------------------------------------------------------- */

struct table {
	unsigned n;
	const char *key[COLUMNS];
	size_t width[COLUMNS];
	bool numbers[COLUMNS]; /* nothing else is in it: right-aligned */
};

static void add_columns(struct table *t, json_t *row)
{
	const char *key;
	json_t *v;

	json_object_foreach(row, key, v)
	{
		unsigned i = 0;

		while (i < t->n && strcmp(t->key[i], key))
			i++;
		if (i < t->n || t->n == COLUMNS)
			continue;
		t->key[t->n] = key;
		t->width[t->n] = put_text(NULL, key);
		t->numbers[t->n++] = true;
	}
}

static void measure(struct table *t, const json_t *row)
{
	for (unsigned i = 0; i < t->n; i++) {
		const json_t *v = json_object_get(row, t->key[i]);
		char *text = text_of(v);

		if (text)
			t->width[i] = max(t->width[i], put_text(NULL, text));
		if (v && !json_is_null(v))
			t->numbers[i] &= json_is_number(v);
		free(text);
	}
}

static void put_cell(FILE *f, const struct table *t, unsigned i,
		     const char *text)
{
	const char *word = text && *text ? text : "-";
	size_t pad = t->width[i] - min(t->width[i], put_text(NULL, word));

	if (t->numbers[i])
		fprintf(f, "%*s", (int)pad, "");
	put_text(f, word);
	if (i + 1 < t->n)
		fprintf(f, "%*s", (int)(t->numbers[i] ? 2 : pad + 2), "");
}

static void put_header(FILE *f, const struct table *t)
{
	char title[64];
	size_t n;

	for (unsigned i = 0; i < t->n; i++) {
		for (n = 0; t->key[i][n] && n + 1 < sizeof(title); n++) {
			char c = t->key[i][n];

			title[n] = (char)(c == '_'		 ? '-'
					  : c >= 'a' && c <= 'z' ? c - 32
								 : c);
		}
		title[n] = '\0';
		put_cell(f, t, i, title);
	}
	fputc('\n', f);
}

static void print_table(FILE *f, const json_t *rows)
{
	struct table t = { 0 };
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) add_columns(&t, row);
	json_array_foreach(rows, i, row) measure(&t, row);
	if (!t.n)
		return;
	put_header(f, &t);
	json_array_foreach(rows, i, row)
	{
		for (unsigned k = 0; k < t.n; k++) {
			char *text = text_of(json_object_get(row, t.key[k]));

			put_cell(f, &t, k, text);
			free(text);
		}
		fputc('\n', f);
	}
}

/* --- objects ------------------------------------------------------------- */

static size_t widest(json_t *object, size_t indent)
{
	const char *key;
	size_t n = 0;
	json_t *v;

	json_object_foreach(object, key, v)
	{
		if (json_is_object(v))
			n = max(n, widest(v, indent + 2));
		else if (!is_table(v))
			n = max(n, indent + put_text(NULL, key));
	}
	return n;
}

static void put_object(FILE *f, json_t *object, size_t indent, size_t width)
{
	const char *key;
	json_t *v;

	json_object_foreach(object, key, v)
	{
		char *text;
		size_t n;

		if (is_table(v))
			continue;
		fprintf(f, "%*s", (int)indent, "");
		n = indent + put_text(f, key);
		if (json_is_object(v)) {
			fputc('\n', f);
			put_object(f, v, indent + 2, width);
			continue;
		}
		text = text_of(v);
		fprintf(f, "%*s", (int)(width - min(width, n) + 2), "");
		put_text(f, text && *text ? text : "-");
		fputc('\n', f);
		free(text);
	}
}

static void print_object(FILE *f, json_t *object)
{
	const char *key;
	json_t *v;

	put_object(f, object, 0, widest(object, 0));
	json_object_foreach(object, key, v)
	{
		if (!is_table(v))
			continue;
		fputc('\n', f);
		print_text(f, key);
		print_table(f, v);
	}
}

void print_data(FILE *f, const json_t *data)
{
	json_t *v = (json_t *)(uintptr_t)data, *item;
	char *text;
	size_t i;

	if (is_table(v)) {
		print_table(f, v);
	} else if (json_is_object(v)) {
		print_object(f, v);
	} else if (json_is_array(v)) {
		json_array_foreach(v, i, item)
		{
			text = text_of(item);
			print_text(f, text ? text : "");
			free(text);
		}
	} else if (v && !json_is_null(v)) {
		text = text_of(v);
		print_text(f, text ? text : "");
		free(text);
	}
}
