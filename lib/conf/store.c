/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * store.c - the memory a configuration lives in, freed as a whole, and where
 * in the file each of its settings stands.
 */
#include "conf/private.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK 16384

struct chunk {
	struct chunk *next;
	size_t used, cap;
	_Alignas(16) uint8_t b[];
};

struct conf_store *store_new(void)
{
	return calloc(1, sizeof(struct conf_store));
}

void store_free(struct conf_store *s)
{
	if (!s)
		return;
	for (struct chunk *c = s->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(s->places);
	free(s);
}

void *store_alloc(struct conf_store *s, size_t n)
{
	struct chunk *c = s->chunks;
	void *p;

	n = (n + 15) & ~(size_t)15;
	if (!c || c->cap - c->used < n) {
		size_t cap = max(n, (size_t)CHUNK);

		c = calloc(1, sizeof(*c) + cap);
		if (!c) {
			s->short_of_memory = true;
			return NULL;
		}
		c->cap = cap;
		c->next = s->chunks;
		s->chunks = c;
	}
	p = c->b + c->used;
	c->used += n;
	return p;
}

char *store_text(struct conf_store *s, const char *text, size_t n)
{
	char *p = store_alloc(s, n + 1);

	if (p)
		memcpy(p, text, n);
	return p;
}

void store_place(struct conf_store *s, const char *path, struct conf_pos pos)
{
	if (s->n_places == s->cap_places) {
		uint32_t cap = s->cap_places ? 2 * s->cap_places : 256;
		void *p = reallocarray(s->places, cap, sizeof(*s->places));

		if (!p) {
			s->short_of_memory = true;
			return;
		}
		s->places = p;
		s->cap_places = cap;
	}
	path = store_text(s, path, strlen(path));
	if (!path)
		return;
	s->places[s->n_places] = (struct place){ path, pos, s->n_places };
	s->n_places++;
}

static int by_path(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	return order ? order : (x->order > y->order) - (x->order < y->order);
}

void store_sort(struct conf_store *s)
{
	if (s->n_places)
		qsort(s->places, s->n_places, sizeof(*s->places), by_path);
}

void path_join(char *dst, const char *path, const char *key)
{
	if (snprintf(dst, CONF_PATH, "%s%s%s", path, *path ? "." : "", key) >=
	    CONF_PATH)
		assert(!"a path of the table is too long");
}

static const struct place *find(const struct conf_store *s, const char *path)
{
	uint32_t low = 0, high = s->n_places;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (strcmp(s->places[mid].path, path) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < s->n_places && !strcmp(s->places[low].path, path))
		return &s->places[low];
	return NULL;
}

bool store_has(const struct conf_store *s, const char *path)
{
	return find(s, path) != NULL;
}

struct conf_pos store_where(const struct conf_store *s, const char *path)
{
	const struct place *p = find(s, path);
	char around[CONF_PATH];
	size_t n = strlen(path);

	if (n >= sizeof(around))
		n = sizeof(around) - 1;
	memcpy(around, path, n);
	around[n] = '\0';
	/* "a[3].b" -> "a[3]" -> "a" -> "": what is nearest around it. */
	while (!p && n) {
		while (n && around[n - 1] != '.' && around[n - 1] != '[')
			n--;
		if (n)
			n--;
		around[n] = '\0';
		p = find(s, around);
	}
	return p ? p->pos : (struct conf_pos){ 1, 1 };
}
