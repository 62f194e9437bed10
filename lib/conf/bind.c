/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bind.c - YAML to structs by the table of settings.
 *
 * libyaml's documents keep where each node begins, so every finding has its
 * line and column.
 */
#include "conf/yaml.h"

#include <errno.h>
#include <string.h>

#define SHOWN 64 /* bytes of a value that a message quotes */
#define KEYS_MAX 64 /* settings of one mapping in the table */

struct binder {
	struct load *l;
	yaml_document_t doc;
	char path[CONF_PATH];
	size_t n_path;
};

/* --- paths, messages ----------------------------------------------------- */

static size_t enter_key(struct binder *b, const char *key, size_t n)
{
	size_t was = b->n_path;
	int room = (int)value_cut(key, n, SHOWN);

	b->n_path += (size_t)snprintf(b->path + was, sizeof(b->path) - was,
				      "%s%.*s", was ? "." : "", room, key);
	b->n_path = min(b->n_path, sizeof(b->path) - 1);
	return was;
}

static size_t enter_item(struct binder *b, unsigned i)
{
	size_t was = b->n_path;

	b->n_path += (size_t)snprintf(b->path + was, sizeof(b->path) - was,
				      "[%u]", i);
	b->n_path = min(b->n_path, sizeof(b->path) - 1);
	return was;
}

static void leave(struct binder *b, size_t was)
{
	b->n_path = was;
	b->path[was] = '\0';
}

#define error_at(b, mark, ...)                                                 \
	conf_report_add((b)->l->report, CONF_ERROR, yaml_pos(mark), (b)->path, \
			__VA_ARGS__)

static struct bytes scalar(const yaml_node_t *n)
{
	return (struct bytes){ n->data.scalar.value, n->data.scalar.length };
}

/* `key:` with nothing behind it. */
static bool is_null(const yaml_node_t *n)
{
	struct bytes t;

	if (n->type != YAML_SCALAR_NODE ||
	    n->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	t = scalar(n);
	return !t.n || bytes_eq(t, BYTES("~")) || bytes_ieq(t, BYTES("null"));
}

static const char *shape(const yaml_node_t *n)
{
	if (is_null(n))
		return "there is nothing";
	if (n->type == YAML_MAPPING_NODE)
		return "there is a mapping";
	return n->type == YAML_SEQUENCE_NODE ? "there is a list"
					     : "there is a single value";
}

static void expected(struct binder *b, const yaml_node_t *n,
		     const struct setting *s, enum kind kind)
{
	char what[256];

	error_at(b, n->start_mark, "%s, expected %s", shape(n),
		 value_expected(s, kind, what, sizeof(what)));
}

/* --- values -------------------------------------------------------------- */

static void bind_map(struct binder *b, const yaml_node_t *n,
		     const struct schema *schema, void *dst);

static void put_defaults(struct load *l, const struct schema *schema, void *dst)
{
	for (unsigned i = 0; i < schema->n; i++) {
		const struct setting *s = &schema->setting[i];
		char why[64];
		void *at = (uint8_t *)dst + s->offset;

		if (s->kind == KIND_MAP)
			put_defaults(l, s->sub, at);
		else if (s->def && !value_parse(l, s, s->kind, BYTES(s->def),
						at, why, sizeof(why)))
			assert(l->store->short_of_memory);
	}
}

static void bind_scalar(struct binder *b, const yaml_node_t *n,
			const struct setting *s, enum kind kind, void *dst)
{
	char what[256], why[512];
	struct bytes t;

	if (n->type != YAML_SCALAR_NODE || is_null(n)) {
		expected(b, n, s, kind);
		return;
	}
	t = scalar(n);
	if (value_parse(b->l, s, kind, t, dst, why, sizeof(why)))
		return;
	if (*why)
		error_at(b, n->start_mark, "%s", why);
	else
		error_at(b, n->start_mark, "'%.*s'%s: expected %s",
			 (int)value_cut((const char *)t.p, t.n, SHOWN), t.p,
			 t.n > SHOWN ? "..." : "",
			 value_expected(s, kind, what, sizeof(what)));
}

/* The second of two items with one name. */
static void check_unique(struct binder *b, const struct setting *s,
			 const yaml_node_t *list, const uint8_t *items,
			 unsigned i)
{
	const struct schema *sub = s->sub;
	const struct setting *name = NULL;
	const char *mine, *other;

	for (unsigned k = 0; k < sub->n; k++)
		if (!strcmp(sub->setting[k].key, sub->unique))
			name = &sub->setting[k];
	assert(name);
	memcpy(&mine, items + i * sub->size + name->offset, sizeof(mine));
	for (unsigned k = 0; mine && k < i; k++) {
		memcpy(&other, items + k * sub->size + name->offset,
		       sizeof(other));
		if (!other || !bytes_ieq(BYTES(mine), BYTES(other)))
			continue;
		error_at(b,
			 yaml_document_get_node(
				 &b->doc, list->data.sequence.items.start[i])
				 ->start_mark,
			 "the %s '%s' is taken by %s[%u]", sub->unique, mine,
			 s->key, k);
		return;
	}
}

static void bind_item(struct binder *b, const yaml_node_t *n,
		      const struct setting *s, void *dst)
{
	store_place(b->l->store, b->path, yaml_pos(n->start_mark));
	if (s->kind == KIND_VALUES) {
		bind_scalar(b, n, s, s->of, dst);
		return;
	}
	put_defaults(b->l, s->sub, dst);
	if (n->type == YAML_MAPPING_NODE)
		bind_map(b, n, s->sub, dst);
	else
		expected(b, n, s, KIND_MAP);
}

static void bind_items(struct binder *b, const yaml_node_t *n,
		       const struct setting *s, uint8_t *dst)
{
	const yaml_node_item_t *item = n->data.sequence.items.start;
	uint32_t count = (uint32_t)(n->data.sequence.items.top - item);
	size_t size = s->kind == KIND_MAPS ? s->sub->size : value_size(s->of);
	uint8_t *items;

	if (count > s->most) {
		error_at(b, n->start_mark, "%u items, at most %u are possible",
			 count, s->most);
		return;
	}
	if (!count && s->flags & NONEMPTY)
		error_at(b, n->start_mark, "the list is empty: %s", s->help);
	items = store_alloc(b->l->store, count * size);
	if (!items)
		return;
	memcpy(dst + s->offset, &items, sizeof(items));
	memcpy(dst + s->count, &count, sizeof(count));
	for (uint32_t i = 0; i < count; i++) {
		size_t was = enter_item(b, i);

		bind_item(b, yaml_document_get_node(&b->doc, item[i]), s,
			  items + i * size);
		leave(b, was);
	}
	for (uint32_t i = 1; s->sub && s->sub->unique && i < count; i++) {
		size_t was = enter_item(b, i);

		check_unique(b, s, n, items, i);
		leave(b, was);
	}
}

static void bind_list(struct binder *b, const yaml_node_t *n,
		      const struct setting *s, uint8_t *dst)
{
	const uint32_t one = 1;
	void *item;

	if (n->type == YAML_SEQUENCE_NODE) {
		bind_items(b, n, s, dst);
	} else if (is_null(n)) {
		if (s->flags & NONEMPTY)
			expected(b, n, s, s->kind);
	} else if (s->flags & ONE && n->type == YAML_SCALAR_NODE) {
		item = store_alloc(b->l->store, value_size(s->of));
		if (!item)
			return;
		memcpy(dst + s->offset, &item, sizeof(item));
		memcpy(dst + s->count, &one, sizeof(one));
		bind_scalar(b, n, s, s->of, item);
	} else {
		expected(b, n, s, s->kind);
	}
}

static void bind_value(struct binder *b, const yaml_node_t *n,
		       const struct setting *s, uint8_t *dst)
{
	const bool given = true;

	if (s->flags & PRESENCE)
		memcpy(dst + s->count, &given, sizeof(given));
	if (s->kind == KIND_VALUES || s->kind == KIND_MAPS) {
		bind_list(b, n, s, dst);
	} else if (s->kind != KIND_MAP) {
		bind_scalar(b, n, s, s->kind, dst + s->offset);
	} else if (n->type == YAML_MAPPING_NODE || is_null(n)) {
		bind_map(b, n, s->sub, dst + s->offset);
	} else {
		expected(b, n, s, KIND_MAP);
	}
}

/* --- mappings ------------------------------------------------------------ */

static void unknown_setting(struct binder *b, const yaml_node_t *key,
			    const struct schema *schema)
{
	struct bytes t = scalar(key);
	const char *nearest = NULL;
	unsigned best = NEAR_MAX + 1;
	char known[400];
	size_t n = 0;

	for (unsigned i = 0; i < schema->n; i++) {
		const char *word = schema->setting[i].key;
		unsigned d = near_distance(t, BYTES(word));

		if (d < best) {
			best = d;
			nearest = word;
		}
		if (n < sizeof(known))
			n += (size_t)snprintf(known + n, sizeof(known) - n,
					      "%s%s", i ? ", " : "", word);
	}
	if (near_enough(best, t.n))
		error_at(b, key->start_mark,
			 "unknown setting; did you mean '%s'? known here: %s",
			 nearest, known);
	else
		error_at(b, key->start_mark, "unknown setting; known here: %s",
			 known);
}

static const struct setting *find_setting(const struct schema *schema,
					  struct bytes key)
{
	for (unsigned i = 0; i < schema->n; i++)
		if (bytes_eq(key, BYTES(schema->setting[i].key)))
			return &schema->setting[i];
	return NULL;
}

/* Where a finding about a setting points: at its value, or, when that is a
 * mapping or a list, at its key. */
static struct conf_pos place_of(const yaml_node_t *key,
				const yaml_node_t *value)
{
	return yaml_pos(value->type == YAML_SCALAR_NODE ? value->start_mark
							: key->start_mark);
}

/* `seen`: line of each setting of the schema that came before, 0 = not yet. */
static void bind_pair(struct binder *b, const yaml_node_pair_t *pair,
		      const struct schema *schema, size_t *seen, void *dst)
{
	const yaml_node_t *key = yaml_document_get_node(&b->doc, pair->key);
	const yaml_node_t *value = yaml_document_get_node(&b->doc, pair->value);
	const struct setting *s;
	size_t was;

	if (key->type != YAML_SCALAR_NODE) {
		error_at(b, key->start_mark, "a key must be a single word");
		return;
	}
	s = find_setting(schema, scalar(key));
	was = enter_key(b, (const char *)key->data.scalar.value,
			key->data.scalar.length);
	if (!s) {
		unknown_setting(b, key, schema);
	} else if (seen[s - schema->setting]) {
		error_at(b, key->start_mark, "given twice, first in line %zu",
			 seen[s - schema->setting]);
	} else {
		seen[s - schema->setting] = key->start_mark.line + 1;
		store_place(b->l->store, b->path, place_of(key, value));
		bind_value(b, value, s, dst);
	}
	leave(b, was);
}

/* `n` may be null: a mapping with nothing in it. */
static void bind_map(struct binder *b, const yaml_node_t *n,
		     const struct schema *schema, void *dst)
{
	const yaml_node_pair_t *pair = NULL, *end = NULL;
	size_t seen[KEYS_MAX] = { 0 };

	assert(schema->n <= KEYS_MAX);
	if (n->type == YAML_MAPPING_NODE) {
		pair = n->data.mapping.pairs.start;
		end = n->data.mapping.pairs.top;
	}
	if (end - pair > CONF_ITEMS_MAX) {
		error_at(b, n->start_mark, "%zd keys, at most %u are possible",
			 end - pair, CONF_ITEMS_MAX);
		return;
	}
	for (; pair < end; pair++)
		bind_pair(b, pair, schema, seen, dst);
	for (unsigned i = 0; i < schema->n; i++) {
		const struct setting *s = &schema->setting[i];

		if (s->flags & REQUIRED && !seen[i])
			error_at(b, n->start_mark, "'%s' is missing: %s",
				 s->key, s->help);
	}
}

/* --- a whole text -------------------------------------------------------- */

static int load_document(struct load *l, struct bytes text,
			 yaml_document_t *doc)
{
	yaml_parser_t p;
	int ok;

	if (!yaml_parser_initialize(&p))
		return -ENOMEM;
	yaml_parser_set_input_string(&p, text.p, text.n);
	ok = yaml_parser_load(&p, doc);
	yaml_parser_delete(&p);
	/* The first pass has read it without an error. */
	return ok ? 0 : -ENOMEM;
}

int bind_text(struct load *l, struct bytes text, const struct schema *schema,
	      void **out)
{
	struct binder b = { .l = l };
	const yaml_node_t *root;
	void *dst = NULL;
	int rc;

	*out = NULL;
	if (text.n > CONF_FILE_MAX) {
		conf_report_add(l->report, CONF_ERROR, (struct conf_pos){ 0 },
				"", "larger than %u MiB", CONF_FILE_MAX >> 20);
		return 0;
	}
	if (!yaml_judge(l, text))
		return l->store->short_of_memory ? -ENOMEM : 0;
	rc = load_document(l, text, &b.doc);
	if (rc)
		return rc;
	root = yaml_document_get_root_node(&b.doc);
	if (!root || is_null(root)) {
		conf_report_add(l->report, CONF_ERROR,
				(struct conf_pos){ 1, 1 }, "",
				"the file is empty");
	} else if (root->type != YAML_MAPPING_NODE) {
		error_at(&b, root->start_mark,
			 "%s, expected `setting: value` lines", shape(root));
	} else {
		dst = store_alloc(l->store, schema->size);
		if (dst) {
			put_defaults(l, schema, dst);
			bind_map(&b, root, schema, dst);
		}
	}
	yaml_document_delete(&b.doc);
	*out = dst;
	return l->store->short_of_memory ? -ENOMEM : 0;
}
