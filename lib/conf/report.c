/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * report.c - findings, kept with their positions until all are known.
 *
 * Their text may quote the file, which may hold anything: control bytes never
 * get out of here, and what gets out is UTF-8.
 */
#include "conf/private.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* C0, DEL and C1 (as UTF-8) become '?': a terminal obeys them. */
static void tame(char *s)
{
	for (; *s; s++) {
		uint8_t c = (uint8_t)*s, next = (uint8_t)s[1];

		if (c < 0x20 || c == 0x7f)
			*s = '?';
		else if (c == 0xc2 && next >= 0x80 && next < 0xa0)
			s[0] = s[1] = '?';
	}
}

static bool has_room(struct conf_report *r)
{
	unsigned cap = r->cap ? 2 * r->cap : 8;
	void *p;

	if (r->n < r->cap)
		return true;
	if (r->n >= CONF_MESSAGES_MAX)
		return false;
	p = reallocarray(r->message, cap, sizeof(*r->message));
	if (!p)
		return false;
	r->message = p;
	r->cap = min(cap, (unsigned)CONF_MESSAGES_MAX);
	return true;
}

void conf_report_add(struct conf_report *r, enum conf_severity severity,
		     struct conf_pos pos, const char *path, const char *fmt,
		     ...)
{
	struct conf_message *m;
	va_list ap;
	size_t n;
	int full;

	*(severity == CONF_ERROR ? &r->errors : &r->warnings) += 1;
	if (!has_room(r))
		return;
	m = &r->message[r->n++];
	m->severity = severity;
	m->pos = pos;
	n = value_cut(path, strlen(path), sizeof(m->path) - 1);
	memcpy(m->path, path, n);
	m->path[n] = '\0';
	tame(m->path);
	va_start(ap, fmt);
	full = vsnprintf(m->text, sizeof(m->text), fmt, ap);
	va_end(ap);
	if (full >= (int)sizeof(m->text)) {
		n = value_cut(m->text, sizeof(m->text) - 1,
			      sizeof(m->text) - 4);
		memcpy(m->text + n, "...", 4);
	}
	tame(m->text);
}

static int by_position(const void *a, const void *b)
{
	const struct conf_message *x = a, *y = b;

	if (x->pos.line != y->pos.line)
		return x->pos.line < y->pos.line ? -1 : 1;
	if (x->pos.column != y->pos.column)
		return x->pos.column < y->pos.column ? -1 : 1;
	return strcmp(x->text, y->text);
}

void report_sort(struct conf_report *r)
{
	if (r->n)
		qsort(r->message, r->n, sizeof(*r->message), by_position);
}

bool report_has(const struct conf_report *r, const char *path)
{
	size_t n = strlen(path);

	for (unsigned i = 0; i < r->n; i++) {
		const struct conf_message *m = &r->message[i];

		if (m->severity == CONF_ERROR && !strncmp(m->path, path, n) &&
		    (!m->path[n] || m->path[n] == '.' || m->path[n] == '['))
			return true;
	}
	return false;
}

char *conf_message_str(const struct conf_report *r, unsigned i, char *dst,
		       size_t cap)
{
	const struct conf_message *m = &r->message[i];
	char where[32] = "";

	if (m->pos.line)
		snprintf(where, sizeof(where), ":%u:%u", m->pos.line,
			 m->pos.column);
	snprintf(dst, cap, "%s%s: %s%s%s%s", r->file, where,
		 m->severity == CONF_WARNING ? "warning: " : "", m->path,
		 *m->path ? ": " : "", m->text);
	return dst;
}

void conf_report_print(const struct conf_report *r, FILE *f)
{
	char line[1024];

	for (unsigned i = 0; i < r->n; i++)
		fprintf(f, "%s\n", conf_message_str(r, i, line, sizeof(line)));
	if (r->errors + r->warnings > r->n)
		fprintf(f, "%s: %u more\n", r->file,
			r->errors + r->warnings - r->n);
}

void conf_report_fini(struct conf_report *r)
{
	free(r->message);
	*r = (struct conf_report){ 0 };
}
