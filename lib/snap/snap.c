/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * snap.c - snap.h by liburcu's QSBR flavour.
 *
 * Without _LGPL_SOURCE everything here is a call into the shared library, as
 * its licence wants of BSD code: 5 ns a turn, which nobody can measure.
 */
#include "snap/snap.h"

#undef always_inline /* liburcu's headers spell the attribute out */
#include <urcu-qsbr.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>

_Static_assert(sizeof(struct snap_head) >= sizeof(struct rcu_head),
	       "snap_head must hold liburcu's head");
_Static_assert(_Alignof(struct snap_head) >= _Alignof(struct rcu_head),
	       "snap_head must be aligned as liburcu's head");

int snap_init(void)
{
	struct call_rcu_data *data;
	sigset_t all, before;
	int rc;

	/* The thread inherits CPUs and signal mask from here: the CPUs are the
	 * control thread's, and no signal is for it. */
	sigfillset(&all);
	rc = pthread_sigmask(SIG_BLOCK, &all, &before);
	if (rc)
		return -rc;
	data = get_default_call_rcu_data();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!data)
		return -ENOMEM;
	pthread_setname_np(get_call_rcu_thread(data), "snap-free");
	return 0;
}

void snap_register(void)
{
	rcu_register_thread();
}

void snap_unregister(void)
{
	rcu_unregister_thread();
}

void snap_online(void)
{
	rcu_thread_online();
}

void snap_offline(void)
{
	rcu_thread_offline();
}

void snap_quiescent(void)
{
	rcu_quiescent_state();
}

void snap_defer(struct snap_head *head, void (*fn)(struct snap_head *head))
{
	/* The head's own type is known to both sides by its address only. */
	call_rcu((struct rcu_head *)(void *)head,
		 (void (*)(struct rcu_head *))(void (*)(void))fn);
}

void snap_barrier(void)
{
	rcu_barrier();
}
