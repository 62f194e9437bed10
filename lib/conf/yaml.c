/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * yaml.c - the first pass over a text: is it YAML, and of the plain kind?
 *
 * Works on events, before anything is built: refuses what a configuration has
 * no use for (anchors, aliases, tags, several documents), bounds the depth,
 * and says where.
 */
#include "conf/yaml.h"

#include <string.h>

struct conf_pos yaml_pos(yaml_mark_t m)
{
	return (struct conf_pos){ (uint32_t)m.line + 1,
				  (uint32_t)m.column + 1 };
}

/* Where byte `offset` is. */
static struct conf_pos pos_at(struct bytes text, size_t offset)
{
	struct conf_pos pos = { 1, 1 };

	for (size_t i = 0; i < offset && i < text.n; i++) {
		bool crlf = text.p[i] == '\r' && i + 1 < text.n &&
			    text.p[i + 1] == '\n';

		pos.column++;
		if (text.p[i] == '\n' || (text.p[i] == '\r' && !crlf))
			pos = (struct conf_pos){ pos.line + 1, 1 };
	}
	return pos;
}

static void syntax_error(struct load *l, const yaml_parser_t *p,
			 struct bytes text)
{
	size_t at = p->problem_mark.index;
	struct conf_pos pos = yaml_pos(p->problem_mark);
	struct conf_pos end = pos_at(text, text.n);
	char context[160] = "";
	const char *hint = "";

	/* libyaml counts a line behind the last one when that has no end. */
	if (pos.line > end.line)
		pos = end;
	/* A reader's error has no mark. */
	if (p->error == YAML_READER_ERROR) {
		conf_report_add(l->report, CONF_ERROR,
				pos_at(text, p->problem_offset), "",
				"not YAML: %s", p->problem);
		return;
	}
	if (at < text.n && text.p[at] == '\t')
		hint = "; this is a tab, and YAML is indented with spaces";
	if (p->context)
		snprintf(context, sizeof(context),
			 " (%s that begins in line %zu)", p->context,
			 p->context_mark.line + 1);
	conf_report_add(l->report, CONF_ERROR, pos, "", "not YAML: %s%s%s",
			p->problem ? p->problem : "out of memory", context,
			hint);
}

static void refuse(struct load *l, yaml_mark_t at, const char *what)
{
	conf_report_add(l->report, CONF_ERROR, yaml_pos(at), "",
			"%s are not supported: write the value out", what);
}

static void judge_node(struct load *l, const yaml_event_t *e)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (e->type == YAML_SCALAR_EVENT) {
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
	} else if (e->type == YAML_SEQUENCE_START_EVENT) {
		anchor = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
	} else if (e->type == YAML_MAPPING_START_EVENT) {
		anchor = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
	} else if (e->type == YAML_ALIAS_EVENT) {
		refuse(l, e->start_mark, "aliases (*name)");
	}
	if (anchor)
		refuse(l, e->start_mark, "anchors (&name)");
	if (tag)
		refuse(l, e->start_mark, "tags (!name)");
}

/* Returns false when it is no use to read on. */
static bool judge_event(struct load *l, const yaml_event_t *e, unsigned *depth,
			unsigned *documents)
{
	bool begins = e->type == YAML_SEQUENCE_START_EVENT ||
		      e->type == YAML_MAPPING_START_EVENT;
	bool ends = e->type == YAML_SEQUENCE_END_EVENT ||
		    e->type == YAML_MAPPING_END_EVENT;

	judge_node(l, e);
	*depth += begins;
	*depth -= ends;
	*documents += e->type == YAML_DOCUMENT_START_EVENT;
	if (*depth > CONF_DEPTH_MAX) {
		conf_report_add(l->report, CONF_ERROR, yaml_pos(e->start_mark),
				"", "nested more than %u deep", CONF_DEPTH_MAX);
		return false;
	}
	if (*documents > 1) {
		conf_report_add(l->report, CONF_ERROR, yaml_pos(e->start_mark),
				"",
				"a second document: everything belongs "
				"into one, without a line `---` between");
		return false;
	}
	return e->type != YAML_STREAM_END_EVENT;
}

bool yaml_judge(struct load *l, struct bytes text)
{
	unsigned depth = 0, documents = 0, before = l->report->errors;
	yaml_parser_t p;
	yaml_event_t e;
	bool more = true;

	if (!yaml_parser_initialize(&p)) {
		l->store->short_of_memory = true;
		return false;
	}
	yaml_parser_set_input_string(&p, text.p, text.n);
	while (more) {
		if (!yaml_parser_parse(&p, &e)) {
			syntax_error(l, &p, text);
			break;
		}
		more = judge_event(l, &e, &depth, &documents);
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&p);
	if (l->report->errors == before && !documents)
		conf_report_add(l->report, CONF_ERROR,
				(struct conf_pos){ 1, 1 }, "",
				"the file is empty");
	return l->report->errors == before;
}
