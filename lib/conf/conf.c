/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conf.c - from a file to a checked configuration.
 */
#include "conf/private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *conf_vdir_word(enum conf_vdir_id id)
{
	static const char *const words[] = {
#define X(id, word) #word,
		CONF_VDIRS(X)
#undef X
	};

	assert(id < CONF_VDIR_COUNT);
	return words[id];
}

static int read_all(int fd, uint8_t **out, size_t *n)
{
	size_t cap = 65536;
	uint8_t *p = malloc(cap), *more;
	ssize_t got;

	*n = 0;
	while (p) {
		got = read(fd, p + *n, cap - *n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		*n += (size_t)got;
		/* One byte more than allowed tells that it is too long. */
		if (*n > CONF_FILE_MAX)
			break;
		if (*n < cap)
			continue;
		more = realloc(p, cap *= 2);
		if (!more)
			free(p);
		p = more;
	}
	if (!p)
		return -ENOMEM;
	*out = p;
	return got < 0 ? -errno : 0;
}

int file_read(const char *path, struct bytes *out, struct conf_report *report)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = -errno;
	uint8_t *p = NULL;
	size_t n = 0;

	snprintf(report->file, sizeof(report->file), "%s", path);
	if (fd >= 0) {
		rc = read_all(fd, &p, &n);
		close(fd);
	}
	if (rc && rc != -ENOMEM) {
		conf_report_add(report, CONF_ERROR, (struct conf_pos){ 0 }, "",
				"cannot be read: %s", strerror(-rc));
		rc = -EINVAL;
	}
	if (rc) {
		free(p);
		return rc;
	}
	*out = (struct bytes){ p, n };
	return 0;
}

void file_free(struct bytes text)
{
	free((void *)(uintptr_t)text.p);
}

/* "/etc/casgate/" of "/etc/casgate/casgate.yaml". */
static const char *dir_of(struct conf_store *s, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *dir =
		slash ? store_text(s, path, (size_t)(slash - path) + 1) : "";

	return dir ? dir : "";
}

int conf_parse(struct bytes text, const char *name, unsigned flags,
	       struct conf **out, struct conf_report *report)
{
	struct load l = { .report = report, .flags = flags };
	void *bound = NULL;
	struct conf *c;
	int rc;

	*out = NULL;
	snprintf(report->file, sizeof(report->file), "%s", name);
	l.store = store_new();
	if (!l.store)
		return -ENOMEM;
	l.dir = dir_of(l.store, name);
	rc = bind_text(&l, text, &conf_schema, &bound);
	c = bound;
	if (!rc && c) {
		c->store = l.store;
		store_sort(l.store);
		check_conf(&l, c);
		if (l.store->short_of_memory)
			rc = -ENOMEM;
	}
	report_sort(report);
	if (!rc && report->errors)
		rc = -EINVAL;
	if (rc)
		store_free(l.store);
	else
		*out = c;
	return rc;
}

int conf_load(const char *path, unsigned flags, struct conf **out,
	      struct conf_report *report)
{
	struct bytes text;
	int rc;

	*out = NULL;
	rc = file_read(path, &text, report);
	if (rc)
		return rc;
	rc = conf_parse(text, path, flags, out, report);
	file_free(text);
	return rc;
}

void conf_free(struct conf *c)
{
	/* The struct itself lies in its store. */
	if (c)
		store_free(c->store);
}

struct conf_pos conf_where(const struct conf *c, const char *path)
{
	return store_where(c->store, path);
}
