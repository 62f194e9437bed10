/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * snap.h - sharing by publication: readers never wait, old versions are freed
 * when nobody can be reading them.
 *
 * liburcu's QSBR flavour. A reading thread registers once and reports a
 * quiescent state once a turn; a pointer it got is valid until then and is
 * never stored. A thread that sleeps goes offline around it.
 *
 * Writers build, publish and forget: the old version's free runs on liburcu's
 * own thread. Never publish while holding anything a reader may wait for.
 */
#pragma once

#include "base/base.h"

/**
 * Start liburcu's call_rcu thread.
 *
 * From the control thread, before any lcore starts: the new thread inherits
 * the caller's CPUs, and without this it would be made by the first
 * snap_defer() and might sit on a polling core. It takes no signals. After
 * the last fork(), which a thread does not survive. Again is harmless.
 *
 * @return 0 or negative errno; liburcu itself ends the process when the
 * system has no thread left to give.
 */
must_check int snap_init(void);

/* Reader threads, each for itself. A registered thread is online until it says
 * otherwise, and must report quiescence or go offline before every wait, else
 * nothing is freed any more. */
void snap_register(void);
void snap_unregister(void);
void snap_online(void);
void snap_offline(void);
/* No pointer from snap_get() survives this call. */
void snap_quiescent(void);

struct snap_head {
	void *opaque[2]; /* liburcu's rcu_head */
};

/* Call fn(head), on liburcu's thread, once every reader has been quiescent.
 * Any registered or unregistered thread but a polling worker: it may wake that
 * thread by a system call. fn must not call snap_barrier(). */
void snap_defer(struct snap_head *head, void (*fn)(struct snap_head *head));
/* Wait until everything deferred so far has run. Control thread only, holding
 * nothing a reader may wait for; as a registered one it is offline meanwhile,
 * so no pointer from snap_get() survives. */
void snap_barrier(void);

/* One published version of something. The object embeds a snap_head. */
struct snap {
	void *current;
};

static inline void *snap_get(const struct snap *s)
{
	return __atomic_load_n(&s->current, __ATOMIC_ACQUIRE);
}

/* Make `next` current; returns what was, which the caller snap_defer()s. */
static inline void *snap_publish(struct snap *s, void *next)
{
	return __atomic_exchange_n(&s->current, next, __ATOMIC_ACQ_REL);
}
