/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * accesslog.h - the thread that takes finished requests from the workers and
 * writes them into files; private to app/casgate.
 *
 * Nobody waits for it. If it is slow, workers find no record and count; if a
 * file cannot be written, it says so once, counts what is lost, and tries
 * again.
 */
#pragma once

#include "accesslog/accesslog.h"

#define ACCESSLOG_STATS(X)                                                     \
	X(lines, "requests written")                                           \
	X(lost, "requests lost because a file could not be written")           \
	X(errors, "times that a file or directory failed")                     \
	X(files, "files begun")                                                \
	X(removed, "files removed because of their age or of keep-size")

struct accesslog_stats {
#define X(name, help) uint64_t name;
	ACCESSLOG_STATS(X)
#undef X
};

struct accesslog_settings {
	char directory[512]; /* "": there is no log */
	char server[EXCHANGE_NAME]; /* the appliance */
	uint64_t max_file_size, keep_size;
	usec_t keep;
};

/* --- files (accesslog_files.c): the writer's own ---------------------------- */

#define ACCESSLOG_FOLDERS (EXCHANGE_PROTOCOL_COUNT + 1)
#define ACCESSLOG_BUFFER (64 * 1024)

struct accesslog_file {
	int fd;		   /* -1: none */
	char path[700];
	char hour[16];	   /* YYYYMMDDHH */
	unsigned serial;   /* the N of its name */
	uint64_t size;	   /* of what is in the file whole */
	size_t n, records; /* in the buffer */
	char buffer[ACCESSLOG_BUFFER];
};

struct accesslog_files {
	struct accesslog_settings set;
	struct accesslog_stats stats;
	uint64_t failed_ms; /* the last failure */
	bool broken;	    /* and said so */
	struct accesslog_file file[ACCESSLOG_FOLDERS];
};

void accesslog_files_init(struct accesslog_files *f);
/* Add one line to the file of a folder, beginning the next file if the hour or
 * the size wants it. */
void accesslog_files_put(struct accesslog_files *f, unsigned folder,
			 const char *line, size_t n, uint64_t wall_ms);
/* Everything into the files. */
void accesslog_files_flush(struct accesslog_files *f, uint64_t wall_ms);
/* The same, and the next line begins a new file. */
void accesslog_files_close(struct accesslog_files *f, uint64_t wall_ms);
/* Remove what is too old or too much; now and then, by itself. */
void accesslog_files_purge(struct accesslog_files *f, uint64_t wall_ms);

/* --- the thread (accesslog.c) ------------------------------------------------ */

struct accesslog;

/* `records`: of each worker. NULL when memory or threads are short. */
must_check struct accesslog *accesslog_start(unsigned workers,
					     uint32_t records);
/* After the last proxy is gone: writes what there is. NULL is allowed. */
void accesslog_stop(struct accesslog *l);
/* What worker i's proxy is given. */
struct proxy_log *accesslog_of(struct accesslog *l, unsigned i);
/* What is asked for after this goes where they say, unless the disk hangs. */
void accesslog_set(struct accesslog *l, const struct accesslog_settings *set);
/* Begin new files; waits until the old ones are closed. -ETIMEDOUT. */
must_check int accesslog_rotate(struct accesslog *l);
const struct accesslog_stats *accesslog_stats(const struct accesslog *l);
uint64_t accesslog_dropped(const struct accesslog *l);
