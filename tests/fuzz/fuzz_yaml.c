/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_yaml.c - any bytes as casgate.yaml and as a driver profile.
 *
 * Invariants: an error if and only if it is refused; every message is at a
 * place the text has, in order, and holds no control byte; a configuration
 * that is accepted equals itself, and each of its settings has a place.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool yes)
{
	if (!yes)
		abort();
}

static bool is_ascii(struct bytes text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] >= 0x80)
			return false;
	return true;
}

/* Length of line `line` [1..] of ASCII text, or -1 when there is none. A line
 * ends with LF, CR or CRLF. */
static long line_length(struct bytes text, unsigned line)
{
	size_t i = 0, start;

	while (true) {
		start = i;
		while (i < text.n && text.p[i] != '\n' && text.p[i] != '\r')
			i++;
		if (!--line)
			return (long)(i - start);
		if (i == text.n)
			return -1;
		i += 1 + (text.p[i] == '\r' && i + 1 < text.n &&
			  text.p[i + 1] == '\n');
	}
}

static void judge_message(struct bytes text, const struct conf_message *m)
{
	require(*m->text);
	for (const char *s = m->text; *s; s++)
		require((uint8_t)*s >= 0x20 && *s != 0x7f);
	for (const char *s = m->path; *s; s++)
		require((uint8_t)*s >= 0x20 && *s != 0x7f);
	if (!m->pos.line) /* the file as a whole */
		return;
	require(m->pos.line <= text.n + 1);
	require(m->pos.column >= 1 && m->pos.column <= text.n + 1);
	if (is_ascii(text))
		require((long)m->pos.column <=
			line_length(text, m->pos.line) + 1);
}

static void judge_report(struct bytes text, int rc, struct conf_report *r)
{
	require(rc == 0 || rc == -EINVAL);
	require((rc == 0) == (r->errors == 0));
	require(r->n <= CONF_MESSAGES_MAX && r->n <= r->errors + r->warnings);
	for (unsigned i = 0; i < r->n; i++) {
		judge_message(text, &r->message[i]);
		if (i)
			require(r->message[i - 1].pos.line <=
				r->message[i].pos.line);
	}
	conf_report_fini(r);
}

static void judge_value(void *arg, const struct conf_value *v)
{
	const struct conf *c = arg;

	require(*v->path && v->text);
	require(conf_where(c, v->path).line >= 1);
}

static void unequal(void *arg, const struct conf_change *c)
{
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = { data, size };
	struct conf_profile profile;
	struct conf_report r = { 0 };
	struct conf *c;
	int rc;

	rc = conf_parse(text, "fuzz.yaml", 0, &c, &r);
	require(!rc == (c != NULL));
	judge_report(text, rc, &r);
	if (c) {
		conf_each(c, judge_value, c);
		require(conf_diff(c, c, unequal, NULL) == 0);
	}
	conf_free(c);
	rc = conf_profile_parse(text, "fuzz.yaml", &profile, &r);
	judge_report(text, rc, &r);
	return 0;
}
