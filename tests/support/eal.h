/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eal.h - packet buffers for tests, without a port, hugepages or a core to
 * poll on: EAL as light as it gets.
 */
#pragma once

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#include "unit.h"

/* Start EAL once a process; ends the process with the reason if it cannot. */
static inline void eal_start(void)
{
	/* EAL reorders and keeps what it is given. */
	static char args[][24] = {
		"test", "--no-huge", "-m", "256", "--no-pci", "--no-shconf",
		"--no-telemetry", "-l", "0", "--log-level=error",
	};
	static char *argv[sizeof(args) / sizeof(*args) + 1];
	static int started;

	if (started++)
		return;
	for (size_t i = 0; i < sizeof(args) / sizeof(*args); i++)
		argv[i] = args[i];
	if (rte_eal_init((int)(sizeof(args) / sizeof(*args)), argv) < 0) {
		fprintf(stderr, "EAL: %s\n", rte_strerror(rte_errno));
		exit(1);
	}
}

/* `n` packet buffers of `room` bytes behind the headroom. */
static inline struct rte_mempool *eal_pool(const char *name, unsigned n,
					   unsigned room)
{
	struct rte_mempool *pool;

	eal_start();
	pool = rte_pktmbuf_pool_create(name, n, 0, 0,
				       (uint16_t)(room + RTE_PKTMBUF_HEADROOM),
				       SOCKET_ID_ANY);
	if (!pool) {
		fprintf(stderr, "pool %s: %s\n", name, rte_strerror(rte_errno));
		exit(1);
	}
	return pool;
}
