/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * authpool.h - threads that may wait for a domain controller, so that nobody
 * else has to.
 *
 * A job goes to the thread of its user, whose tickets that thread keeps. Rings
 * lead there and back; a full one refuses at once.
 */
#pragma once

#include <string.h>

#include "auth/auth.h"
#include "conf/conf.h"
#include "kdcs.h"

#define AUTH_JOBS 256 /* of one asker waiting for one thread, at most */

/* Who asks: a worker by its number, or control. */
#define AUTH_ASKERS (AUTH_CONTROL + 1)
#define AUTH_CONTROL 16

struct authpool;

/* Of the users. */
static inline const char *identity_realm(const struct conf_identity *c)
{
	return c->realm ? c->realm : strchr(c->account, '@') + 1;
}

/* NULL with one sentence in error: the keytab does not fit. */
must_check struct authpool *authpool_new(const struct conf *c, char *error,
					 size_t cap);
void authpool_free(struct authpool *p); /* NULL is allowed; waits for jobs */
/* Thread: the asker's. False: too many wait already, and the job stays yours. */
must_check bool authpool_ask(struct authpool *p, unsigned asker,
			     struct auth_job *j);
/* What was answered, one by one; NULL. Thread: the asker's. */
struct auth_job *authpool_next(struct authpool *p, unsigned asker);
/* Call `done` of all that control asked, and look after the KDCs. */
void authpool_look(struct authpool *p);
/* To every thread. */
void authpool_flush(struct authpool *p);

struct authpool_stats {
	unsigned threads;
	uint64_t waiting, asked, refused, cached;
	uint64_t results[AUTH_RESULT_COUNT];
	usec_t slowest; /* answer so far, of a domain controller */
};
void authpool_stats(const struct authpool *p, struct authpool_stats *out);
/* NULL: they are as the system has them. */
const struct kdcs *authpool_kdcs(const struct authpool *p);
unsigned authpool_keys(struct authpool *p,
		       void (*fn)(void *arg, const struct auth_key *key),
		       void *arg);
