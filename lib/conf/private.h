/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * private.h - what the files of conf share: the shape of the table of
 * settings, the memory a configuration lives in, and the steps of a load.
 */
#pragma once

#include "conf/conf.h"

/* --- the table of settings ----------------------------------------------- */

enum kind {
	KIND_NAME,     /* letters, digits, '-', '_', '.' */
	KIND_TEXT,     /* printable */
	KIND_FILE,     /* made to count from the file's directory */
	KIND_HOST,     /* DNS name, lower case afterwards */
	KIND_URL,      /* https://host... */
	KIND_VERSION,  /* of Exchange, kept as text */
	KIND_NUMBER,
	KIND_SIZE,     /* 512M */
	KIND_DURATION, /* 30s -> usec_t */
	KIND_BOOL,
	KIND_WORD,     /* one of setting.words */
	KIND_ADDRESS,
	KIND_PREFIX,
	KIND_MAC,
	KIND_PIN,      /* SHA-256 in hexadecimal */
	KIND_VALUES,   /* list of setting.of */
	KIND_MAP,      /* setting.sub, in place */
	KIND_MAPS,     /* list of setting.sub */
};

#define REQUIRED 1U
#define RESTART 2U  /* a reload may not change it, nor anything below it */
#define PRESENCE 4U /* `count` is the offset of a bool: it was given */
#define INLINE 8U   /* a char array of `size` bytes, not a pointer */
#define ONE 16U	    /* KIND_VALUES: one value may stand without brackets */
#define NONEMPTY 32U /* lists: at least one */
#define ANY 64U	     /* KIND_ADDRESS: `any` is allowed too */
#define UNCHECKED 128U /* KIND_FILE: need not be there beforehand */

struct word {
	const char *text; /* NULL ends a table of words */
	uint32_t value;
};

struct setting {
	const char *key;
	enum kind kind, of;
	unsigned flags;
	size_t offset, size; /* of the value in its struct */
	size_t count;	     /* offset of a list's uint32_t count, or of
			      * PRESENCE's bool */
	const char *def;     /* as it would be typed; NULL = none */
	uint64_t min, max;   /* of numbers; max also of a text's bytes */
	uint32_t most;	     /* items of a list */
	const struct word *words;
	const struct schema *sub;
	const char *help;
};

struct schema {
	size_t size; /* of the struct */
	unsigned n;
	const struct setting *setting;
	const char *unique; /* key that names an item of a list; NULL = none */
};

extern const struct schema conf_schema;		/* casgate.yaml */
extern const struct schema conf_profile_schema; /* drivers-config/ */

/* --- memory, positions --------------------------------------------------- */

struct place {
	const char *path;
	struct conf_pos pos;
	uint32_t order; /* first come, first found */
};

struct chunk;

struct conf_store {
	struct chunk *chunks;
	uint32_t n_places, cap_places;
	struct place *places; /* sorted by path once loading is done */
	bool short_of_memory; /* some store_alloc() failed */
};

struct conf_store *store_new(void);
void store_free(struct conf_store *s);
/* Zeroed; NULL (and short_of_memory) when there is none. */
void *store_alloc(struct conf_store *s, size_t n);
char *store_text(struct conf_store *s, const char *text, size_t n);
void store_place(struct conf_store *s, const char *path, struct conf_pos pos);
void store_sort(struct conf_store *s);
/* "path.key" into dst[CONF_PATH]; the table's own paths always fit. */
void path_join(char *dst, const char *path, const char *key);
/* Does the file have it? */
bool store_has(const struct conf_store *s, const char *path);
struct conf_pos store_where(const struct conf_store *s, const char *path);

/* Up to CONF_FILE_MAX + 1 bytes or some more, for file_free(). A file that
 * cannot be read is in the report, and -EINVAL. */
must_check int file_read(const char *path, struct bytes *out,
			 struct conf_report *report);
void file_free(struct bytes text);

/* --- steps of a load ----------------------------------------------------- */

struct load {
	struct conf_report *report;
	struct conf_store *store;
	unsigned flags;	 /* CONF_CHECK_FILES */
	const char *dir; /* of the file, ends with '/' or is "" */
};

/* Parse, bind to `schema`, put defaults; *out is in the store. Findings go to
 * the report; -ENOMEM is the only failure. *out is NULL when the text is not
 * a YAML mapping at all. */
must_check int bind_text(struct load *l, struct bytes text,
			 const struct schema *schema, void **out);
/* What one setting alone cannot tell. */
void check_conf(struct load *l, struct conf *c);
/* The part of it about interfaces, routes and addresses. */
void check_network(struct load *l, struct conf *c);

/* Was an error reported at this path or below it? Then what builds upon it need
 * not be judged. */
bool report_has(const struct conf_report *r, const char *path);
void report_sort(struct conf_report *r);
/* A finding at the place of a path, which is given as a format. */
#define find_error(l, path, ...)                                               \
	conf_report_add((l)->report, CONF_ERROR,                               \
			store_where((l)->store, path), path, __VA_ARGS__)
#define find_warning(l, path, ...)                                             \
	conf_report_add((l)->report, CONF_WARNING,                             \
			store_where((l)->store, path), path, __VA_ARGS__)

/* --- one value ----------------------------------------------------------- */

struct unit {
	const char *text;
	uint64_t factor;
};

#define VALUE_SIZES 5
#define VALUE_DURATIONS 6
/* From the largest to the smallest. */
extern const struct unit value_sizes[VALUE_SIZES];
extern const struct unit value_durations[VALUE_DURATIONS];

/**
 * Parse `text` as `kind` into `dst`.
 *
 * @param why  out: what was expected, when false is returned
 */
must_check bool value_parse(struct load *l, const struct setting *s,
			    enum kind kind, struct bytes text, void *dst,
			    char *why, size_t cap);
/* The same as it would be typed; "" for what is not set. Returns dst. */
char *value_format(const struct setting *s, enum kind kind, const void *src,
		   char *dst, size_t cap);
/* "a number 1..16", "one of spin, balanced, saving". Returns dst. */
char *value_expected(const struct setting *s, enum kind kind, char *dst,
		     size_t cap);
/* Major and minor version of Exchange in the text of a KIND_VERSION. */
must_check bool value_version(const char *text, unsigned *major,
			      unsigned *minor);
/* Longest prefix of s[0..n) that is at most `max` bytes and cuts no UTF-8
 * sequence. */
size_t value_cut(const char *s, size_t n, size_t max);
/* Size of one item of KIND_VALUES. */
size_t value_size(enum kind kind);
