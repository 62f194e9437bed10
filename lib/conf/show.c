/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * show.c - settings in effect, and how two configurations differ.
 */
#include "conf/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct walk {
	const struct conf_store *store;
	void (*fn)(void *arg, const struct conf_value *v);
	void *arg;
};

static void walk_map(const struct walk *w, const struct schema *schema,
		     const uint8_t *src, const char *path, bool restart);

static void emit(const struct walk *w, const char *path, const char *text,
		 bool restart)
{
	struct conf_value v = { .text = text, .restart = restart };

	snprintf(v.path, sizeof(v.path), "%s", path);
	v.given = store_has(w->store, v.path);
	w->fn(w->arg, &v);
}

/* Is a single value there? Without a default, zero means it was left out. */
static bool is_set(const struct setting *s, const uint8_t *src)
{
	static const uint8_t zero[64];
	bool there;

	if (s->flags & PRESENCE) {
		memcpy(&there, src + s->count, sizeof(there));
		return there;
	}
	if (s->def || s->flags & (REQUIRED | INLINE))
		return true;
	assert(s->size <= sizeof(zero));
	return memcmp(src + s->offset, zero, s->size) != 0;
}

/* "a, b, c". */
static void walk_values(const struct walk *w, const struct setting *s,
			const uint8_t *src, const char *path, bool restart)
{
	char text[4096], *list = NULL;
	const uint8_t *items;
	size_t len = 0;
	uint32_t n;
	FILE *f;

	memcpy(&items, src + s->offset, sizeof(items));
	memcpy(&n, src + s->count, sizeof(n));
	f = n ? open_memstream(&list, &len) : NULL;
	if (!f)
		return;
	for (uint32_t i = 0; i < n; i++)
		fprintf(f, "%s%s", i ? ", " : "",
			value_format(s, s->of, items + i * value_size(s->of),
				     text, sizeof(text)));
	if (!fclose(f))
		emit(w, path, list, restart);
	free(list);
}

static void walk_maps(const struct walk *w, const struct setting *s,
		      const uint8_t *src, const char *path, bool restart)
{
	char item[CONF_PATH];
	const uint8_t *items;
	uint32_t n;

	memcpy(&items, src + s->offset, sizeof(items));
	memcpy(&n, src + s->count, sizeof(n));
	for (uint32_t i = 0; i < n; i++) {
		snprintf(item, sizeof(item), "%s[%u]", path, i);
		walk_map(w, s->sub, items + i * s->sub->size, item, restart);
	}
}

static void walk_setting(const struct walk *w, const struct setting *s,
			 const uint8_t *src, const char *path, bool restart)
{
	char text[4096];

	if (s->kind == KIND_VALUES) {
		walk_values(w, s, src, path, restart);
	} else if (s->kind == KIND_MAPS) {
		walk_maps(w, s, src, path, restart);
	} else if (s->kind == KIND_MAP) {
		/* That an optional mapping is there says something, even if
		 * nothing is in it. */
		if (s->flags & PRESENCE && !is_set(s, src))
			return;
		if (s->flags & PRESENCE)
			emit(w, path, "{}", restart);
		walk_map(w, s->sub, src + s->offset, path, restart);
	} else if (is_set(s, src)) {
		emit(w, path,
		     value_format(s, s->kind, src + s->offset, text,
				  sizeof(text)),
		     restart);
	}
}

static void walk_map(const struct walk *w, const struct schema *schema,
		     const uint8_t *src, const char *path, bool restart)
{
	char below[CONF_PATH];

	for (unsigned i = 0; i < schema->n; i++) {
		const struct setting *s = &schema->setting[i];

		path_join(below, path, s->key);
		walk_setting(w, s, src, below, restart || s->flags & RESTART);
	}
}

void conf_each(const struct conf *c,
	       void (*fn)(void *arg, const struct conf_value *v), void *arg)
{
	struct walk w = { c->store, fn, arg };

	walk_map(&w, &conf_schema, (const uint8_t *)c, "", false);
}

/* --- differences --------------------------------------------------------- */

struct pair {
	char *path, *text;
	bool restart;
};

struct pairs {
	struct conf_store *store;
	size_t n, cap;
	struct pair *pair;
};

static void collect(void *arg, const struct conf_value *v)
{
	struct pairs *p = arg;
	struct pair *more;

	if (p->n == p->cap) {
		more = reallocarray(p->pair, p->cap + 256, sizeof(*more));
		if (!more) {
			p->store->short_of_memory = true;
			return;
		}
		p->pair = more;
		p->cap += 256;
	}
	p->pair[p->n++] =
		(struct pair){ store_text(p->store, v->path, strlen(v->path)),
			       store_text(p->store, v->text, strlen(v->text)),
			       v->restart };
}

static int by_path(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static struct pairs pairs_of(const struct conf *c, struct conf_store *store)
{
	struct pairs p = { .store = store };

	conf_each(c, collect, &p);
	if (p.n && !store->short_of_memory)
		qsort(p.pair, p.n, sizeof(*p.pair), by_path);
	return p;
}

/* Walks two sorted lists like a merge; returns how many differ. */
static int compare(const struct pairs *a, const struct pairs *b,
		   void (*fn)(void *arg, const struct conf_change *c),
		   void *arg)
{
	size_t i = 0, k = 0;
	int n = 0;

	while (i < a->n || k < b->n) {
		const struct pair *x = i < a->n ? &a->pair[i] : NULL;
		const struct pair *y = k < b->n ? &b->pair[k] : NULL;
		int order = !x ? 1 : !y ? -1 : strcmp(x->path, y->path);
		struct conf_change c = {
			.path = order <= 0 ? x->path : y->path,
			.from = order <= 0 ? x->text : NULL,
			.to = order >= 0 ? y->text : NULL,
			.restart = order <= 0 ? x->restart : y->restart,
		};

		i += order <= 0;
		k += order >= 0;
		if (!order && !strcmp(x->text, y->text))
			continue;
		fn(arg, &c);
		n++;
	}
	return n;
}

int conf_diff(const struct conf *from, const struct conf *to,
	      void (*fn)(void *arg, const struct conf_change *c), void *arg)
{
	struct conf_store *store = store_new();
	struct pairs a, b;
	int n = -ENOMEM;

	if (!store)
		return n;
	a = pairs_of(from, store);
	b = pairs_of(to, store);
	if (!store->short_of_memory)
		n = compare(&a, &b, fn, arg);
	free(a.pair);
	free(b.pair);
	store_free(store);
	return n;
}

struct names {
	char *list;
	size_t cap, len;
	int n;
};

static void name_restart(void *arg, const struct conf_change *c)
{
	struct names *t = arg;
	size_t need = strlen(c->path) + 2;

	if (!c->restart)
		return;
	t->n++;
	/* Room for "..." stays. */
	if (t->len + need + 4 < t->cap)
		t->len += (size_t)snprintf(t->list + t->len, t->cap - t->len,
					   "%s%s", t->len ? ", " : "", c->path);
	else if (t->len + 4 < t->cap && strcmp(t->list + t->len, "..."))
		snprintf(t->list + t->len, t->cap - t->len, "...");
}

int conf_diff_restart(const struct conf *from, const struct conf *to,
		      char *list, size_t cap)
{
	struct names t = { .list = list, .cap = cap };
	int n;

	if (cap)
		*list = '\0';
	n = conf_diff(from, to, name_restart, &t);
	return n < 0 ? n : t.n;
}
