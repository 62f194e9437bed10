/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * authpool.h - threads that may wait for a domain controller, so that nobody
 * else has to.
 *
 * A job goes to the thread of its user, whose tickets that thread keeps. Rings
 * lead there and back; a full one refuses at once.
 */
#pragma once

#include "auth/auth.h"
#include "conf/conf.h"

#define AUTH_JOBS 256 /* waiting for one thread, at most */

struct authpool;

/* NULL with one sentence in error: the keytab does not fit. */
must_check struct authpool *authpool_new(const struct conf *c, char *error,
					 size_t cap);
void authpool_free(struct authpool *p); /* NULL is allowed; waits for jobs */
/* Thread: control. False: too many wait already, and the job stays yours. */
must_check bool authpool_ask(struct authpool *p, struct auth_job *j);
/* Call `done` of what was answered. Thread: control. */
void authpool_look(struct authpool *p);
/* To every thread. */
void authpool_flush(struct authpool *p);

struct authpool_stats {
	unsigned threads, waiting;
	uint64_t asked, refused;
	uint64_t results[AUTH_RESULT_COUNT];
	usec_t slowest; /* answer so far */
};
void authpool_stats(const struct authpool *p, struct authpool_stats *out);
unsigned authpool_keys(struct authpool *p,
		       void (*fn)(void *arg, const struct auth_key *key),
		       void *arg);
