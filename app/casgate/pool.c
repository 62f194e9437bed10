/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool.c - threads that do handshake steps too slow for a worker: an RSA-4096
 * signature takes 4 to 6 ms, a thousand packets' time.
 *
 * Each thread has a ring from every worker and one back, so nobody waits for
 * anybody; a thread with nothing to do sleeps on a semaphore, which a worker
 * posts without blocking.
 */
#include "casgate.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>

#define POOL_RING 256 /* jobs on their way, a worker and thread */

struct pool_thread {
	pthread_t id;
	sem_t work;
	atomic_bool stop;
	unsigned workers;
	struct spsc in[WORKERS_MAX], out[WORKERS_MAX];
};

/* What one worker knows of the pool. */
struct pool_worker {
	struct pool *pool;
	unsigned worker, next;
};

struct pool {
	unsigned workers, n;
	struct pool_worker worker[WORKERS_MAX];
	struct pool_thread thread[POOL_THREADS];
};

static void *pool_main(void *arg)
{
	struct pool_thread *t = arg;
	struct proxy_job *j;

	for (;;) {
		while (sem_wait(&t->work) && errno == EINTR)
			;
		if (atomic_load(&t->stop))
			return NULL;
		for (unsigned w = 0; w < t->workers; w++) {
			j = spsc_get(&t->in[w]);
			if (!j)
				continue;
			proxy_job_run(j);
			/* The ring back is as long as the ring in. */
			if (!spsc_put(&t->out[w], j))
				assert(!"a job has no way back");
		}
	}
}

static bool submit(void *ctx, struct proxy_job *j)
{
	struct pool_worker *w = ctx;
	struct pool_thread *t = &w->pool->thread[w->next++ % w->pool->n];

	if (!spsc_put(&t->in[w->worker], j))
		return false;
	sem_post(&t->work);
	return true;
}

static struct proxy_job *take(void *ctx)
{
	struct pool_worker *w = ctx;
	struct proxy_job *j;

	for (unsigned i = 0; i < w->pool->n; i++) {
		j = spsc_get(&w->pool->thread[i].out[w->worker]);
		if (j)
			return j;
	}
	return NULL;
}

struct proxy_pool pool_of(struct pool *p, unsigned worker)
{
	return (struct proxy_pool){ submit, take, &p->worker[worker] };
}

static int start_thread(struct pool_thread *t, unsigned workers)
{
	sigset_t all, before;
	int rc = 0;

	t->workers = workers;
	for (unsigned w = 0; w < workers && !rc; w++) {
		rc = spsc_init(&t->in[w], POOL_RING);
		if (!rc)
			rc = spsc_init(&t->out[w], POOL_RING);
	}
	if (rc)
		return rc;
	sem_init(&t->work, 0, 0);
	/* Signals are the control thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = -pthread_create(&t->id, NULL, pool_main, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!rc)
		pthread_setname_np(t->id, "handshakes");
	return rc;
}

static void stop_thread(struct pool_thread *t)
{
	if (t->id) {
		atomic_store(&t->stop, true);
		sem_post(&t->work);
		pthread_join(t->id, NULL);
		sem_destroy(&t->work);
	}
	for (unsigned w = 0; w < t->workers; w++) {
		spsc_fini(&t->in[w]);
		spsc_fini(&t->out[w]);
	}
}

struct pool *pool_new(unsigned workers)
{
	struct pool *p = mem_new(sizeof(*p));

	if (!p)
		return NULL;
	p->workers = workers;
	/* A thread for two workers: they share the cores with everything
	 * else, and late handshakes harm nobody but those who asked. */
	while (p->n < min(workers / 2 + 1, (unsigned)POOL_THREADS)) {
		if (start_thread(&p->thread[p->n++], workers)) {
			pool_free(p);
			return NULL;
		}
	}
	for (unsigned w = 0; w < workers; w++)
		p->worker[w] = (struct pool_worker){ p, w, w };
	return p;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->n; i++)
		stop_thread(&p->thread[i]);
	mem_free(p);
}
