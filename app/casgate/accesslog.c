/* SPDX-License-Identifier: BSD-3-Clause */
/* accesslog.c - the writer's thread, and how others speak to it. */
#include "accesslog.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "worker/worker.h"

#define NAP_US 20000 /* workers ring no bell */
#define BATCH 256 /* records of one worker before the next one's */
#define PATIENCE_MS 5000
#define TIDY_MS 60000

struct accesslog {
	struct proxy_log *log[WORKERS_MAX];
	unsigned workers;
	pthread_t thread;
	pthread_mutex_t lock; /* of `next` */
	struct accesslog_settings next;
	atomic_uint asked, taken; /* settings and rotations */
	atomic_bool stop;
	struct accesslog_files files; /* the writer's own */
	uint64_t tidied_ms, tidied; /* when, and after how many files */
};

static uint64_t wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void write_record(struct accesslog *l, const struct proxy_record *r)
{
	char line[ACCESSLOG_LINE];
	uint64_t now = wall_ms();
	usec_t ago = worker_clock() - r->ended;
	size_t n;

	if (!l->files.set.directory[0])
		return;
	n = accesslog_line(r, l->files.set.server, now - ago / USEC_PER_MSEC,
			   line);
	accesslog_files_put(&l->files, r->protocol, line, n, now);
}

/* True when there was any. */
static bool drain(struct accesslog *l)
{
	struct proxy_record *r;
	bool any = false;

	for (unsigned i = 0; i < l->workers; i++)
		for (int n = 0; n < BATCH && (r = proxy_log_get(l->log[i]));
		     n++) {
			write_record(l, r);
			proxy_log_put(l->log[i], r);
			any = true;
		}
	return any;
}

/* New settings begin new files, and so does a rotation. */
static void take_orders(struct accesslog *l)
{
	unsigned asked = atomic_load(&l->asked);

	if (asked == atomic_load(&l->taken))
		return;
	while (drain(l))
		;
	accesslog_files_close(&l->files, wall_ms());
	pthread_mutex_lock(&l->lock);
	l->files.set = l->next;
	pthread_mutex_unlock(&l->lock);
	l->files.broken = false;
	l->tidied_ms = 0;
	atomic_store(&l->taken, asked);
}

static void tidy(struct accesslog *l)
{
	uint64_t now = wall_ms(), files = l->files.stats.files;

	/* Whenever a file was begun, and now and then. */
	if (now - l->tidied_ms < TIDY_MS && files == l->tidied)
		return;
	l->tidied = files;
	l->tidied_ms = now;
	accesslog_files_purge(&l->files, now);
}

static void *writer(void *arg)
{
	struct accesslog *l = arg;
	bool last;

	do {
		last = atomic_load(&l->stop);
		take_orders(l);
		if (drain(l))
			continue;
		accesslog_files_flush(&l->files, wall_ms());
		tidy(l);
		if (!last)
			usleep(NAP_US);
	} while (!last);
	accesslog_files_close(&l->files, wall_ms());
	return NULL;
}

/* Signals are for the main thread. */
static int start_thread(struct accesslog *l)
{
	sigset_t all, was;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	rc = pthread_create(&l->thread, NULL, writer, l);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (!rc)
		pthread_setname_np(l->thread, "access-log");
	return rc;
}

static void free_all(struct accesslog *l)
{
	for (unsigned i = 0; i < l->workers; i++)
		proxy_log_free(l->log[i]);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

struct accesslog *accesslog_start(unsigned workers, uint32_t records)
{
	struct accesslog *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	pthread_mutex_init(&l->lock, NULL);
	accesslog_files_init(&l->files);
	for (; l->workers < workers; l->workers++) {
		l->log[l->workers] = proxy_log_new(records);
		if (!l->log[l->workers])
			break;
	}
	if (l->workers == workers && !start_thread(l))
		return l;
	free_all(l);
	return NULL;
}

void accesslog_stop(struct accesslog *l)
{
	if (!l)
		return;
	atomic_store(&l->stop, true);
	pthread_join(l->thread, NULL);
	free_all(l);
}

struct proxy_log *accesslog_of(struct accesslog *l, unsigned i)
{
	return l->log[i];
}

/* Until the thread has done all that was asked of it so far. */
static int await(struct accesslog *l)
{
	unsigned mine = atomic_fetch_add(&l->asked, 1) + 1;
	uint64_t until = wall_ms() + PATIENCE_MS;

	while ((int)(atomic_load(&l->taken) - mine) < 0) {
		if (wall_ms() > until)
			return -ETIMEDOUT;
		usleep(1000);
	}
	return 0;
}

void accesslog_set(struct accesslog *l, const struct accesslog_settings *set)
{
	pthread_mutex_lock(&l->lock);
	l->next = *set;
	pthread_mutex_unlock(&l->lock);
	/* A disk that hangs will take them when it can. */
	(void)await(l);
}

int accesslog_rotate(struct accesslog *l)
{
	return await(l);
}

const struct accesslog_stats *accesslog_stats(const struct accesslog *l)
{
	return &l->files.stats;
}

uint64_t accesslog_dropped(const struct accesslog *l)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < l->workers; i++)
		n += stat_read(&l->log[i]->dropped);
	return n;
}
