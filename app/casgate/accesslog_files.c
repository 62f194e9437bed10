/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * accesslog_files.c - HttpProxy_YYYYMMDDHH-N.LOG, a directory a protocol:
 * begun, filled and in the end removed.
 */
#include "accesslog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RETRY_MS 1000
/* A full disk takes a short line now and then: mended is what stays so. */
#define MENDED_MS 10000

static void failed(struct accesslog_files *f, const char *path, int error,
		   uint64_t wall_ms)
{
	f->stats.errors++;
	f->failed_ms = wall_ms;
	if (f->broken)
		return;
	f->broken = true;
	log_error("access log: %s: %s; requests go unlogged until that is "
		  "mended",
		  path, strerror(error));
}

static void worked(struct accesslog_files *f, uint64_t wall_ms)
{
	if (!f->broken || wall_ms < f->failed_ms + MENDED_MS)
		return;
	f->broken = false;
	log_info("access log: requests are logged again");
}

void accesslog_files_init(struct accesslog_files *f)
{
	for (unsigned i = 0; i < ACCESSLOG_FOLDERS; i++)
		f->file[i].fd = -1;
}

/* --- writing ----------------------------------------------------------------
 */

static bool write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

/* Half a line is worse than none: what was not written whole is taken back. */
static bool flush(struct accesslog_files *f, struct accesslog_file *file,
		  uint64_t wall_ms)
{
	int error = 0;

	if (!file->n)
		return true;
	if (write_all(file->fd, file->buffer, file->n)) {
		file->size += file->n;
		f->stats.lines += file->records;
		worked(f, wall_ms);
	} else {
		error = errno;
		f->stats.lost += file->records;
		if (ftruncate(file->fd, (off_t)file->size))
			error = errno;
		lseek(file->fd, (off_t)file->size, SEEK_SET);
		failed(f, file->path, error, wall_ms);
	}
	mem_wipe(file->buffer, file->n);
	file->n = file->records = 0;
	return !error;
}

static void shut(struct accesslog_files *f, struct accesslog_file *file,
		 uint64_t wall_ms)
{
	if (file->fd < 0)
		return;
	flush(f, file, wall_ms);
	close(file->fd);
	file->fd = -1;
}

void accesslog_files_flush(struct accesslog_files *f, uint64_t wall_ms)
{
	for (unsigned i = 0; i < ACCESSLOG_FOLDERS; i++)
		flush(f, &f->file[i], wall_ms);
}

void accesslog_files_close(struct accesslog_files *f, uint64_t wall_ms)
{
	for (unsigned i = 0; i < ACCESSLOG_FOLDERS; i++)
		shut(f, &f->file[i], wall_ms);
}

/* --- beginning a file
 * ------------------------------------------------------------------ */

static void hour_of(uint64_t wall_ms, char hour[16])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(hour, 16, "%Y%m%d%H", &tm);
}

/* Also the directories above it. 0 or an errno. */
static int make_directories(char *path)
{
	for (char *p = path + 1;; p++) {
		char was = *p;

		if (was && was != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0750) && errno != EEXIST)
			return errno;
		*p = was;
		if (!was)
			return 0;
	}
}

static void put_head(struct accesslog_file *file, uint64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char names[4096], date[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	file->n = (size_t)snprintf(
		file->buffer, sizeof(file->buffer),
		"#Software: casgate\r\n#Version: " CASGATE_VERSION "\r\n"
		"#Log-type: HttpProxy Logs\r\n#Date: %s.%03uZ\r\n"
		"#Fields: %s\r\n",
		date, (unsigned)(wall_ms % 1000),
		accesslog_names(names, sizeof(names)));
}

/* The first number of this hour that nobody has used. */
static bool begin(struct accesslog_files *f, unsigned folder, uint64_t wall_ms)
{
	struct accesslog_file *file = &f->file[folder];
	char hour[16], path[600];
	int error;

	hour_of(wall_ms, hour);
	if (strcmp(hour, file->hour))
		file->serial = 0;
	memcpy(file->hour, hour, sizeof(hour));
	snprintf(path, sizeof(path), "%s/%s", f->set.directory,
		 accesslog_folder(folder));
	error = make_directories(path);
	while (!error && file->fd < 0) {
		snprintf(file->path, sizeof(file->path),
			 "%s/HttpProxy_%s-%u.LOG", path, hour, ++file->serial);
		file->fd = open(file->path,
				O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC |
					O_NOFOLLOW,
				0640);
		if (file->fd < 0 && errno != EEXIST)
			error = errno;
	}
	if (error) {
		file->serial -= file->serial != 0;
		failed(f, path, error, wall_ms);
		return false;
	}
	file->size = 0;
	f->stats.files++;
	put_head(file, wall_ms);
	return true;
}

void accesslog_files_put(struct accesslog_files *f, unsigned folder,
			 const char *line, size_t n, uint64_t wall_ms)
{
	struct accesslog_file *file = &f->file[folder];
	char hour[16];

	hour_of(wall_ms, hour);
	if (file->fd >= 0 && (strcmp(hour, file->hour) ||
			      file->size + file->n + n > f->set.max_file_size))
		shut(f, file, wall_ms);
	if (f->broken && wall_ms < f->failed_ms + RETRY_MS) {
		f->stats.lost++;
		return;
	}
	if (file->fd < 0 && !begin(f, folder, wall_ms)) {
		f->stats.lost++;
		return;
	}
	if (file->n + n > sizeof(file->buffer) && !flush(f, file, wall_ms)) {
		f->stats.lost++;
		return;
	}
	memcpy(file->buffer + file->n, line, n);
	file->n += n;
	file->records++;
}

/* --- removing files
 * --------------------------------------------------------------------- */

struct old {
	char path[700];
	int64_t mtime;
	uint64_t size;
};

struct olds {
	struct old *old;
	size_t n, cap;
	uint64_t size; /* of all */
};

static bool ours(const char *name)
{
	size_t n = strlen(name);

	return !strncmp(name, "HttpProxy_", 10) && n > 14 &&
	       !strcmp(name + n - 4, ".LOG");
}

static void find(struct accesslog_files *f, unsigned folder, struct olds *all)
{
	char path[600];
	struct dirent *e;
	struct stat st;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%s", f->set.directory,
		 accesslog_folder(folder));
	d = opendir(path);
	while (d && (e = readdir(d))) {
		struct old *o;

		if (!ours(e->d_name) || fstatat(dirfd(d), e->d_name, &st, 0) ||
		    !S_ISREG(st.st_mode))
			continue;
		if (all->n == all->cap) {
			size_t cap = all->cap ? 2 * all->cap : 64;

			o = realloc(all->old, cap * sizeof(*o));
			if (!o)
				break;
			all->old = o;
			all->cap = cap;
		}
		all->size += (uint64_t)st.st_size;
		o = &all->old[all->n++];
		snprintf(o->path, sizeof(o->path), "%s/%.80s", path, e->d_name);
		o->mtime =
			st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
		o->size = (uint64_t)st.st_size;
	}
	if (d)
		closedir(d);
}

static int by_age(const void *a, const void *b)
{
	const struct old *x = a, *y = b;

	return x->mtime != y->mtime
		       ? (x->mtime > y->mtime) - (x->mtime < y->mtime)
		       : strcmp(x->path, y->path);
}

static bool being_written(const struct accesslog_files *f, const char *path)
{
	for (unsigned i = 0; i < ACCESSLOG_FOLDERS; i++)
		if (f->file[i].fd >= 0 && !strcmp(f->file[i].path, path))
			return true;
	return false;
}

void accesslog_files_purge(struct accesslog_files *f, uint64_t wall_ms)
{
	struct olds all = { 0 };

	if (!f->set.directory[0])
		return;
	for (unsigned i = 0; i < ACCESSLOG_FOLDERS; i++)
		find(f, i, &all);
	if (all.n)
		qsort(all.old, all.n, sizeof(*all.old), by_age);
	for (size_t i = 0; i < all.n; i++) {
		const struct old *o = &all.old[i];
		bool aged = f->set.keep &&
			    o->mtime + (int64_t)(f->set.keep / USEC_PER_MSEC) <
				    (int64_t)wall_ms;

		if ((!aged && all.size <= f->set.keep_size) ||
		    being_written(f, o->path))
			continue;
		if (unlink(o->path)) {
			failed(f, o->path, errno, wall_ms);
			continue;
		}
		all.size -= o->size;
		f->stats.removed++;
	}
	free(all.old);
}
