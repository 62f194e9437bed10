/* SPDX-License-Identifier: BSD-3-Clause */
/* authpool.c - the threads that ask domain controllers. */
#include "authpool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "stats/stats.h"
#include "worker/worker.h"

#define THREADS 64

struct auth_thread {
	struct authpool *pool;
	pthread_t thread;
	bool running;
	int wake; /* eventfd */
	_Atomic bool stop;
	struct spsc in[AUTH_ASKERS], out[AUTH_ASKERS];
	struct auth *auth;
	uint64_t results[AUTH_RESULT_COUNT], cached; /* its own to write */
	usec_t slowest;
	bool flushing;
	struct auth_job flush;
};

struct authpool {
	unsigned n;
	struct kdcs *kdcs; /* NULL: as the system has them */
	struct auth *control; /* for what only reads the keytab */
	/* Written by the asker, answered jobs that wait for him by anybody. */
	struct {
		uint64_t asked, refused, taken;
		_Atomic uint32_t back;
	} asker[AUTH_ASKERS];
	struct auth_thread thread[THREADS];
};

/* Of one writer, read by others. */
static void bump(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* --- the threads -----------------------------------------------------------
 */

static void count(struct auth_thread *t, const struct auth_job *j)
{
	bump(&t->results[j->result], 1);
	bump(&t->cached, j->cached);
	if (j->answered - j->asked > t->slowest)
		t->slowest = j->answered - j->asked;
}

/* Everybody's turn: who asks much does not keep others waiting. */
static bool serve_round(struct auth_thread *t)
{
	bool any = false;

	for (unsigned i = 0; i < AUTH_ASKERS; i++) {
		struct auth_job *j = spsc_get(&t->in[i]);

		if (!j)
			continue;
		auth_run(t->auth, j, worker_clock(),
			 t->pool->kdcs && kdcs_silent(t->pool->kdcs));
		j->answered = worker_clock();
		count(t, j);
		/* It holds what may be under way, so there is room. */
		if (!spsc_put(&t->out[i], j))
			abort();
		atomic_fetch_add_explicit(&t->pool->asker[i].back, 1,
					  memory_order_release);
		any = true;
	}
	return any;
}

static void *serve(void *arg)
{
	struct auth_thread *t = arg;
	uint64_t n;

	while (!atomic_load_explicit(&t->stop, memory_order_acquire)) {
		if (read(t->wake, &n, sizeof(n)) < 0 && errno != EINTR)
			break;
		while (serve_round(t) &&
		       !atomic_load_explicit(&t->stop, memory_order_acquire))
			;
	}
	return NULL;
}

static void wake(struct auth_thread *t)
{
	const uint64_t one = 1;

	if (write(t->wake, &one, sizeof(one)) < 0)
		return; /* it is awake: the counter is full */
}

static int start(struct auth_thread *t, const struct auth_config *c,
		 char *error, size_t cap)
{
	sigset_t all, was;

	/* The writer never blocks; the reader is meant to. */
	t->wake = eventfd(0, EFD_CLOEXEC);
	t->auth = auth_new(c, error, cap);
	if (!t->auth)
		return -EINVAL;
	snprintf(error, cap, "out of memory");
	for (unsigned i = 0; i < AUTH_ASKERS; i++)
		if (spsc_init(&t->in[i], AUTH_JOBS) ||
		    spsc_init(&t->out[i], 4 * AUTH_JOBS))
			return -ENOMEM;
	if (t->wake < 0)
		return -ENOMEM;
	/* Signals are the control thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &was);
	t->running = !pthread_create(&t->thread, NULL, serve, t);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return t->running ? 0 : -EAGAIN;
}

/* --- beginning and end -----------------------------------------------------
 */

struct authpool *authpool_new(const struct conf *conf, char *error, size_t cap)
{
	const struct conf_identity *i = &conf->identity;
	struct authpool *p = calloc(1, sizeof(*p));
	struct auth_config c = { .keytab = i->keytab, .account = i->account };
	char service[AUTH_NAME];
	int rc = 0;

	snprintf(error, cap, "out of memory");
	if (!p)
		return NULL;
	snprintf(service, sizeof(service), "HTTP/%s", conf->namespaces[0]);
	c.service = i->service ? i->service : service;
	if (i->n_kdcs) {
		p->kdcs = kdcs_new(conf, identity_realm(i), error, cap);
		rc = p->kdcs ? 0 : -EINVAL;
	}
	if (!rc)
		p->control = auth_new(&c, error, cap);
	for (; !rc && p->control && p->n < i->threads; p->n++) {
		p->thread[p->n].pool = p;
		c.thread = p->n + 1;
		rc = start(&p->thread[p->n], &c, error, cap);
	}
	if (!rc && p->control)
		return p;
	authpool_free(p);
	return NULL;
}

void authpool_free(struct authpool *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < THREADS; i++) {
		struct auth_thread *t = &p->thread[i];

		if (!t->running)
			continue;
		atomic_store_explicit(&t->stop, true, memory_order_release);
		wake(t);
		pthread_join(t->thread, NULL);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		struct auth_thread *t = &p->thread[i];

		for (unsigned k = 0; k < AUTH_ASKERS; k++) {
			spsc_fini(&t->in[k]);
			spsc_fini(&t->out[k]);
		}
		auth_free(t->auth);
		if (t->wake > 0)
			close(t->wake);
	}
	auth_free(p->control);
	kdcs_free(p->kdcs);
	free(p);
}

/* --- asking ----------------------------------------------------------------
 */

bool authpool_ask(struct authpool *p, unsigned asker, struct auth_job *j)
{
	static const struct hash_key key = { 0x6175746874687264, 1 };
	struct auth_thread *t =
		&p->thread[siphash13_folded(&key, BYTES(j->user)) % p->n];

	j->asked = worker_clock();
	/* What comes back has to find room, too. */
	if (p->asker[asker].asked - p->asker[asker].taken >= 2 * AUTH_JOBS ||
	    !spsc_put(&t->in[asker], j)) {
		bump(&p->asker[asker].refused, 1);
		return false;
	}
	bump(&p->asker[asker].asked, 1);
	wake(t);
	return true;
}

struct auth_job *authpool_next(struct authpool *p, unsigned asker)
{
	struct auth_job *j = NULL;

	/* One look when there is nothing. */
	if (!atomic_load_explicit(&p->asker[asker].back, memory_order_acquire))
		return NULL;
	for (unsigned i = 0; i < p->n && !j; i++)
		j = spsc_get(&p->thread[i].out[asker]);
	if (!j)
		return NULL;
	atomic_fetch_sub_explicit(&p->asker[asker].back, 1,
				  memory_order_relaxed);
	bump(&p->asker[asker].taken, 1);
	return j;
}

void authpool_look(struct authpool *p)
{
	struct auth_job *j;

	if (p->kdcs)
		kdcs_look(p->kdcs, worker_clock());
	while ((j = authpool_next(p, AUTH_CONTROL)))
		j->done(j, worker_clock());
}

static void flushed(struct auth_job *j, usec_t now)
{
	struct auth_thread *t = j->arg;

	t->flushing = false;
}

void authpool_flush(struct authpool *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		struct auth_thread *t = &p->thread[i];

		if (t->flushing)
			continue;
		t->flush = (struct auth_job){ .ask = AUTH_ASK_FLUSH,
					      .done = flushed,
					      .arg = t };
		t->flushing = spsc_put(&t->in[AUTH_CONTROL], &t->flush);
		p->asker[AUTH_CONTROL].asked += t->flushing;
		wake(t);
	}
}

void authpool_stats(const struct authpool *p, struct authpool_stats *out)
{
	*out = (struct authpool_stats){ .threads = p->n };
	for (unsigned i = 0; i < AUTH_ASKERS; i++) {
		out->asked += stat_read(&p->asker[i].asked);
		out->refused += stat_read(&p->asker[i].refused);
		out->waiting += stat_read(&p->asker[i].asked) -
				stat_read(&p->asker[i].taken);
	}
	for (unsigned i = 0; i < p->n; i++) {
		const struct auth_thread *t = &p->thread[i];

		for (unsigned r = 0; r < AUTH_RESULT_COUNT; r++)
			out->results[r] += stat_read(&t->results[r]);
		out->cached += stat_read(&t->cached);
		out->slowest = max(out->slowest, t->slowest);
	}
}

const struct kdcs *authpool_kdcs(const struct authpool *p)
{
	return p->kdcs;
}

unsigned authpool_keys(struct authpool *p,
		       void (*fn)(void *arg, const struct auth_key *key),
		       void *arg)
{
	return auth_keys(p->control, fn, arg);
}
