/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_eal.c - DPDK's environment: memory, lcores, the devices it may touch.
 *
 * EAL can be started once a process and not after a failed start, so what
 * could fail is looked at before: hugepages are counted, and without enough of
 * them EAL is told to take ordinary memory. Control thread only.
 */
#include "nic/nic_priv.h"

#include <dirent.h>
#include <errno.h>
#include <mntent.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mempool.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARGS 64

/* EAL keeps pointers into its arguments, and permutes them. */
static struct {
	char text[ARGS][300];
	char *v[ARGS + 1];
	int n;
	bool too_long;
	bool started;
} args;

static void add(const char *fmt, ...) printf_like(1, 2);
static void add(const char *fmt, ...)
{
	va_list ap;
	int n;

	assert(args.n < ARGS);
	va_start(ap, fmt);
	n = vsnprintf(args.text[args.n], sizeof(args.text[0]), fmt, ap);
	va_end(ap);
	args.too_long |= n < 0 || (size_t)n >= sizeof(args.text[0]);
	args.v[args.n] = args.text[args.n];
	args.n++;
}

/* Hugepages of all sizes [MB]: "nr_hugepages" or "free_hugepages". */
static unsigned long huge_mb(const char *which)
{
	static const char *const dir = "/sys/kernel/mm/hugepages";
	unsigned long total = 0, kb, pages;
	struct dirent *e;
	char path[300];
	DIR *d = opendir(dir);
	FILE *f;

	while (d && (e = readdir(d))) {
		if (sscanf(e->d_name, "hugepages-%lukB", &kb) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", dir, e->d_name, which);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fscanf(f, "%lu", &pages) == 1)
			total += kb * pages / 1024;
		fclose(f);
	}
	if (d)
		closedir(d);
	return total;
}

/* The kernel gives back what a killed process had in use by AF_XDP a little
 * later than the process ends, which a restart must not be too early for. */
static bool huge_enough(unsigned mb)
{
	for (unsigned i = 0; i < 40; i++) {
		if (huge_mb("free_hugepages") >= mb)
			return true;
		if (huge_mb("nr_hugepages") < mb)
			return false;
		usleep(50 * 1000);
	}
	return false;
}

static bool hugetlbfs_mounted(void)
{
	FILE *f = setmntent("/proc/mounts", "re");
	struct mntent *m;
	bool found = false;

	while (f && !found && (m = getmntent(f)))
		found = strcmp(m->mnt_type, "hugetlbfs") == 0;
	if (f)
		endmntent(f);
	return found;
}

/* EAL leaves its lock and map files; the prefix is the instance's own. */
static void remove_dir(const char *dir)
{
	char path[600];
	struct dirent *e;
	DIR *d = opendir(dir);

	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_name[0] != '.')
			unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(dir);
}

/* The process of an instance's directory: PREFIX-PID, as ours; 0 = not one. */
static long pid_of(const char *name, const char *own)
{
	const char *dash = strrchr(own, '-');
	size_t stem = dash ? (size_t)(dash - own) + 1 : 0;
	char *end;
	long pid;

	if (!stem || strncmp(name, own, stem) != 0)
		return 0;
	pid = strtol(name + stem, &end, 10);
	return end == name + stem || *end ? 0 : pid;
}

/* What instances that were killed left behind. One that is just starting has
 * no lock yet, and one in another PID namespace no process: only where both
 * are missing nobody is there. */
static void remove_dead(void)
{
	char all[256], path[600];
	struct dirent *e;
	char *own;
	DIR *d;

	snprintf(all, sizeof(all), "%s", rte_eal_get_runtime_dir());
	own = strrchr(all, '/');
	if (!own)
		return;
	*own++ = '\0';
	d = opendir(all);
	while (d && (e = readdir(d))) {
		long pid = pid_of(e->d_name, own);

		if (pid <= 0 || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
			continue;
		snprintf(path, sizeof(path), "%s/%s/config", all, e->d_name);
		if (rte_eal_primary_proc_alive(path))
			continue;
		*strrchr(path, '/') = '\0';
		remove_dir(path);
	}
	if (d)
		closedir(d);
}

int nic_eal_init(const struct nic_eal *eal, bool *huge)
{
	unsigned mb = eal->memory_mb ? eal->memory_mb : 256;
	bool want = !eal->no_huge && huge_enough(mb);

	if (args.started)
		return -EALREADY;
	args.started = true;
	if (eal->n_pci > ARRAY_LEN(eal->pci))
		return -E2BIG;
	add("%s", eal->program);
	add("--proc-type=primary");
	add("--file-prefix=%s", eal->file_prefix);
	add("--lcores=%s", eal->lcores);
	add("-m");
	add("%u", mb);
	if (!want)
		add("--no-huge");
	else if (hugetlbfs_mounted())
		/* A killed process must not hold its hugepages for ever. */
		add("--huge-unlink=always");
	else
		add("--in-memory");
	if (!eal->n_pci) {
		/* Without DMA nobody needs physically contiguous memory, and
		 * AF_XDP wants a pool in one piece. */
		add("--no-pci");
		add("--iova-mode=va");
	}
	for (unsigned i = 0; i < eal->n_pci; i++) {
		add("-a");
		add("%s", eal->pci[i]);
	}
	if (eal->no_telemetry)
		add("--no-telemetry");
	add("--log-level=%s", eal->verbose ? "*:info" : "*:error");
	if (args.too_long)
		return -E2BIG;
	if (rte_eal_init(args.n, args.v) < 0)
		return rte_errno ? -rte_errno : -EIO;
	remove_dead();
	*huge = want;
	return 0;
}

void nic_eal_fini(void)
{
	char dir[256];

	snprintf(dir, sizeof(dir), "%s", rte_eal_get_runtime_dir());
	rte_eal_cleanup();
	remove_dir(dir);
}

/* An Ethernet header and a VLAN tag, and XDP's own
 * headroom; at least the size all drivers know. */
static uint16_t data_room(uint16_t mtu)
{
	unsigned room = max(mtu + 18U + RTE_PKTMBUF_HEADROOM + NIC_XDP_HEADROOM,
			    (unsigned)RTE_MBUF_DEFAULT_BUF_SIZE);

	return (uint16_t)RTE_ALIGN_CEIL(room, 64);
}

/* On ordinary memory buffers may cross its small pages: nothing there is
 * addressed physically, half of it would be lost else, and AF_XDP takes the
 * pool for one run of equal buffers. */
static unsigned pool_flags(void)
{
	return rte_eal_has_hugepages() ? 0 : RTE_MEMPOOL_F_NO_IOVA_CONTIG;
}

size_t nic_packet_size(uint16_t mtu)
{
	return rte_mempool_calc_obj_size(
		(uint32_t)(sizeof(struct rte_mbuf) + data_room(mtu)),
		pool_flags(), NULL);
}

struct rte_mempool *nic_pool_new(const char *name, unsigned packets,
				 uint16_t mtu, int socket, bool shared_cpus)
{
	struct rte_pktmbuf_pool_private priv = {
		.mbuf_data_room_size = data_room(mtu),
	};
	struct rte_mempool *pool = rte_mempool_create_empty(
		name, packets,
		(unsigned)sizeof(struct rte_mbuf) + data_room(mtu), 512,
		sizeof(priv), socket, pool_flags());

	if (!pool)
		return NULL;
	/* The plain ring makes a worker wait for one that was preempted in
	 * the middle of a put. */
	if (rte_mempool_set_ops_byname(
		    pool, shared_cpus ? "ring_mt_rts" : "ring_mp_mc", NULL)) {
		rte_mempool_free(pool);
		return NULL;
	}
	rte_pktmbuf_pool_init(pool, &priv);
	if (rte_mempool_populate_default(pool) < 0) {
		rte_mempool_free(pool);
		return NULL;
	}
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return pool;
}

void nic_pool_free(struct rte_mempool *pool)
{
	rte_mempool_free(pool);
}
