/* SPDX-License-Identifier: BSD-3-Clause */
/* call.c - questions that only a worker can answer. */
#include "casgate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE SEC(10)

struct question {
	struct proxy_call call;
	void (*fn)(struct proxy *p, void *arg, usec_t now);
	void *arg;
	_Atomic bool done;
};

static void answer(struct proxy *p, void *arg, usec_t now)
{
	struct question *q = arg;

	q->fn(p, q->arg, now);
	atomic_store_explicit(&q->done, true, memory_order_release);
}

int ask_worker(struct app *a, unsigned i,
	       void (*fn)(struct proxy *p, void *arg, usec_t now), void *arg)
{
	struct question *q = calloc(1, sizeof(*q));
	usec_t until = worker_clock() + PATIENCE;

	if (!q)
		return -ENOMEM;
	q->call = (struct proxy_call){ answer, q };
	q->fn = fn;
	q->arg = arg;
	if (!worker_send(a->group, WORKER_CONTROL, i, &q->call)) {
		free(q);
		return -EBUSY;
	}
	while (!atomic_load_explicit(&q->done, memory_order_acquire)) {
		/* A worker that comes back later still writes to the call:
		 * better lost than freed under it. */
		if (worker_clock() > until) {
			log_error("worker %u does not answer (it is in %s)", i,
				  worker_phase(worker_get(a->group, i)));
			return -ETIMEDOUT;
		}
		usleep(20);
	}
	free(q);
	return 0;
}

struct error_question {
	unsigned id;
	char error[200];
};

static void copy_error(struct proxy *p, void *question, usec_t now)
{
	struct error_question *q = question;

	/* A server may have put it into its certificate. */
	exchange_printable(BYTES(proxy_server_stats(p, q->id)->last_error),
			   q->error, sizeof(q->error));
}

int ask_last_error(struct app *a, unsigned i, unsigned id, char error[200])
{
	struct error_question *q = calloc(1, sizeof(*q));
	int rc;

	error[0] = '\0';
	if (!q)
		return -ENOMEM;
	q->id = id;
	rc = ask_worker(a, i, copy_error, q);
	if (rc == -ETIMEDOUT)
		return rc;
	memcpy(error, q->error, sizeof(q->error));
	free(q);
	return rc;
}

uint64_t sum_sessions(const struct app *a)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < a->workers; i++)
		n += stat_read(&proxy_stats(a->proxy[i].proxy)->sessions);
	return n;
}
