/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * start.c - from a configuration to running workers, and back.
 *
 * The order is a table: each step undoes itself, and stopping is the same
 * table read backwards.
 */
#include "casgate.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#ifndef CASGATE_PROFILES
#define CASGATE_PROFILES "/usr/share/casgate/drivers-config"
#endif

static unsigned cpus(unsigned *list, unsigned cap)
{
	cpu_set_t set;
	unsigned n = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 0;
	for (unsigned i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set) && n < cap)
			list[n++] = i;
	return n;
}

/* One core is left to everything else, unless there is only one. */
unsigned start_workers(const struct conf *conf)
{
	unsigned list[CPU_SETSIZE], n;

	if (conf->appliance.workers)
		return conf->appliance.workers;
	n = cpus(list, CPU_SETSIZE);
	return n > 1 ? min(n - 1, (unsigned)WORKERS_MAX) : 1;
}

static uint16_t largest_mtu(const struct conf *conf)
{
	uint32_t mtu = 1500;

	for (unsigned i = 0; i < conf->n_interfaces; i++)
		mtu = max(mtu, conf->interfaces[i].mtu);
	return (uint16_t)mtu;
}

/* What rings and caches hold apart from any connection. */
#define RING_PACKETS 4096
#define RESERVE_PACKETS (2 * 512 + 4 * 64 + 1024)

unsigned start_packets(const struct conf *conf, unsigned workers, char *sum,
		       size_t cap)
{
	unsigned fixed = conf->n_interfaces * RING_PACKETS + RESERVE_PACKETS;
	unsigned room = (unsigned)nic_packet_size(largest_mtu(conf));
	uint64_t bytes = conf->appliance.memory / 4 * 3 / workers;
	unsigned payload = conf->appliance.packets;

	if (!payload)
		payload = bytes / room > fixed
				  ? (unsigned)(bytes / room) - fixed
				  : 0;
	snprintf(sum, cap,
		 "%u packet buffers of %u bytes a worker: %u for %u "
		 "interfaces' rings, %u in reserve, %u for connections",
		 fixed + payload, room, conf->n_interfaces * RING_PACKETS,
		 conf->n_interfaces, RESERVE_PACKETS, payload);
	/* Too few to work with, or more than all of the memory. */
	if (payload < 1024 ||
	    (uint64_t)(fixed + payload) * room > bytes / 3 * 4)
		return 0;
	return fixed + payload;
}

/* --- EAL ---------------------------------------------------------------------
 */

/* Main on every CPU, workers on one each; true when some share one. */
static bool place(const struct conf *conf, unsigned workers, char *dst,
		  size_t cap)
{
	unsigned list[CPU_SETSIZE], n = cpus(list, CPU_SETSIZE), cpu;
	bool shared = workers >= n;
	size_t at;

	at = (size_t)snprintf(dst, cap, "0@(");
	for (unsigned i = 0; i < n; i++)
		at += (size_t)snprintf(dst + at, cap - at, "%s%u", i ? "," : "",
				       list[i]);
	at += (size_t)snprintf(dst + at, cap - at, ")");
	for (unsigned w = 0; w < workers; w++) {
		/* From the last core down: the first has the interrupts. */
		cpu = list[n - 1 - w % n];
		if (w < conf->appliance.n_cpus)
			cpu = conf->appliance.cpus[w];
		for (unsigned o = 0; o < w && conf->appliance.n_cpus; o++)
			shared |= conf->appliance.cpus[o] == cpu;
		at += (size_t)snprintf(dst + at, cap - at, ",%u@%u", w + 1,
				       cpu);
	}
	return shared;
}

static const char *profiles(const struct app *a, const struct conf *conf)
{
	if (a->opt.profiles)
		return a->opt.profiles;
	return conf->appliance.driver_profiles ? conf->appliance.driver_profiles
					       : CASGATE_PROFILES;
}

/* The names of those there are, for who asked for another. */
static void list_profiles(const char *dir, char *dst, size_t cap)
{
	struct dirent **all;
	int n = scandir(dir, &all, NULL, alphasort);
	size_t at = 0;

	dst[0] = '\0';
	for (int i = 0; i < n; i++) {
		const char *name = all[i]->d_name, *dot = strrchr(name, '.');

		if (dot && strcmp(dot, ".yaml") == 0 && at < cap)
			at += (size_t)snprintf(dst + at, cap - at, "%s%.*s",
					       at ? ", " : "",
					       (int)(dot - name), name);
		free(all[i]);
	}
	if (n >= 0)
		free(all);
}

/* The profile as conf reads it; its findings are in *report. */
static int read_profile(const struct app *a, const struct conf *conf,
			const char *name, struct conf_profile *out,
			struct conf_report *report)
{
	char path[512], have[400];

	snprintf(path, sizeof(path), "%s/%s.yaml", profiles(a, conf), name);
	if (access(path, F_OK)) {
		list_profiles(profiles(a, conf), have, sizeof(have));
		conf_report_add(report, CONF_ERROR, (struct conf_pos){ 0 }, "",
				"no driver profile '%s' in %s, which has %s",
				name, profiles(a, conf),
				have[0] ? have : "none");
		return -EINVAL;
	}
	return conf_profile_load(path, out, report);
}

static int load_profile(const struct app *a, const char *name,
			struct nic_profile *out)
{
	struct conf_report report = { 0 };
	struct conf_profile c;
	int rc = read_profile(a, a->conf, name, &c, &report);

	if (rc)
		conf_report_print(&report, stderr);
	conf_report_fini(&report);
	if (rc)
		return rc;
	*out = (struct nic_profile){
		.bus = c.bus == CONF_BUS_PCI ? NIC_PCI : NIC_VDEV,
		.rx_desc = (uint16_t)c.rx_desc,
		.tx_desc = (uint16_t)c.tx_desc,
		.max_queues = (uint16_t)c.max_queues,
		.max_mtu = (uint16_t)c.max_mtu,
		.rss = c.rss,
		.tx_csum = c.tx_csum,
		.rx_csum = c.rx_csum,
		.multi_seg = c.multi_seg,
		.copy_tx = c.copy_tx,
		.promiscuous = c.promiscuous,
	};
	snprintf(out->name, sizeof(out->name), "%s", c.name);
	snprintf(out->driver, sizeof(out->driver), "%s", c.driver);
	snprintf(out->devargs, sizeof(out->devargs), "%s", c.devargs);
	return 0;
}

int start_check(const struct app *a, const struct conf *conf,
		struct conf_report *report)
{
	char path[CONF_PATH], sum[256], line[1024];
	int rc = 0;

	for (unsigned i = 0; i < conf->n_interfaces; i++) {
		struct conf_report own = { 0 };
		struct conf_profile c;

		snprintf(path, sizeof(path), "interfaces[%u].driver", i);
		if (read_profile(a, conf, conf->interfaces[i].driver, &c,
				 &own)) {
			rc = -EINVAL;
			conf_report_add(report, CONF_ERROR,
					conf_where(conf, path), path, "%s",
					!own.n	       ? "no memory"
					: !own.file[0] ? own.message[0].text
						       : conf_message_str(
								 &own, 0, line,
								 sizeof(line)));
		}
		conf_report_fini(&own);
	}
	if (start_packets(conf, start_workers(conf), sum, sizeof(sum)))
		return rc;
	conf_report_add(report, CONF_ERROR,
			conf_where(conf, "appliance.memory"),
			"appliance.memory", "is too small for %s", sum);
	return -EINVAL;
}

static int start_eal(struct app *a)
{
	const struct conf_appliance *c = &a->conf->appliance;
	char lcores[1024], prefix[80];
	struct nic_eal eal = {
		.program = "casgate",
		.file_prefix = prefix,
		.lcores = lcores,
		.memory_mb = (unsigned)(c->memory >> 20),
		.no_huge =
			a->opt.no_huge || c->hugepages == CONF_HUGEPAGES_NEVER,
		.no_telemetry = true,
	};
	int rc;

	snprintf(prefix, sizeof(prefix), "casgate-%d", (int)getpid());
	a->shared_cpus = place(a->conf, a->workers, lcores, sizeof(lcores));
	for (unsigned i = 0; i < a->conf->n_interfaces; i++) {
		struct nic_profile profile;

		rc = load_profile(a, a->conf->interfaces[i].driver, &profile);
		if (rc)
			return rc;
		if (profile.bus == NIC_PCI)
			eal.pci[eal.n_pci++] = a->conf->interfaces[i].device;
	}
	rc = nic_eal_init(&eal, &a->huge);
	if (rc) {
		log_error("DPDK does not start: %s", strerror(-rc));
		return rc;
	}
	if (!a->huge && c->hugepages == CONF_HUGEPAGES_REQUIRED) {
		log_error("appliance.hugepages is `required`, but %u MB of "
			  "hugepages are not free: run "
			  "drivers-config/host/hugepages.sh %u",
			  eal.memory_mb, eal.memory_mb);
		return -ENOMEM;
	}
	log_info("DPDK runs on %s memory, lcores %s%s",
		 a->huge ? "hugepage" : "ordinary", lcores,
		 a->shared_cpus ? " (workers share CPUs)" : "");
	return 0;
}

static void stop_eal(struct app *a)
{
	nic_eal_fini();
}

/* --- pools, ports, workers
 * ------------------------------------------------------ */

static int start_pools(struct app *a)
{
	char name[32], sum[256];
	unsigned n = start_packets(a->conf, a->workers, sum, sizeof(sum));

	log_info("%s", sum);
	if (!n) {
		log_error("appliance.memory is too small for these interfaces "
			  "and workers");
		return -ENOMEM;
	}
	for (unsigned w = 0; w < a->workers; w++) {
		snprintf(name, sizeof(name), "packets-%u", w);
		a->pool[w] = nic_pool_new(name, n, largest_mtu(a->conf), -1,
					  a->shared_cpus);
		if (a->pool[w])
			continue;
		log_error("no memory for %u packet buffers", n);
		return -ENOMEM;
	}
	return 0;
}

static void stop_pools(struct app *a)
{
	for (unsigned w = 0; w < a->workers; w++)
		nic_pool_free(a->pool[w]);
}

static int start_ports(struct app *a, const uint8_t *rss_key)
{
	for (unsigned i = 0; i < a->conf->n_interfaces; i++) {
		const struct conf_interface *c = &a->conf->interfaces[i];
		struct nic_profile profile;
		char error[400];
		int rc = load_profile(a, c->driver, &profile);

		if (rc)
			return rc;
		a->port[i] = nic_open(&profile, c->name, c->device,
				      (uint16_t)c->mtu, a->workers, a->pool,
				      rss_key, error, sizeof(error));
		if (!a->port[i]) {
			log_error("interface %s: %s", c->name, error);
			return -ENODEV;
		}
		a->n_ports++;
	}
	return 0;
}

static void stop_ports(struct app *a)
{
	while (a->n_ports)
		nic_close(a->port[--a->n_ports]);
}

static void fill_iface(const struct conf_interface *c,
		       struct ip_iface_config *i)
{
	snprintf(i->name, sizeof(i->name), "%s", c->name);
	i->vlan = (uint16_t)c->vlan;
	i->mtu = (uint16_t)c->mtu;
	if (c->has_mac)
		memcpy(i->mac, c->mac, sizeof(i->mac));
	for (unsigned n = 0; n < c->n_addresses && n < IP_ADDRS; n++)
		i->addrs[i->n_addrs++] = c->addresses[n];
}

static struct tcp_personality personality(const struct conf_tcp *c)
{
	struct tcp_personality p = tcp_default_personality;

	p.rcvbuf = c->receive_buffer;
	p.sndbuf = c->send_buffer;
	/* The proxy writes whole records or nothing. */
	p.tx_lowat = TLS_PLAIN_MAX + TLS_SEAL_OVERHEAD;
	p.window_scale = (uint8_t)c->window_scale;
	p.timestamps = c->timestamps;
	p.initial_window = (uint8_t)c->initial_window;
	p.rto_min = c->rto_min;
	p.rto_max = c->rto_max;
	p.delayed_ack = c->delayed_ack;
	p.time_wait = c->time_wait;
	p.fin_wait2 = c->fin_wait;
	p.keepalive_idle = c->keepalive_idle;
	p.keepalive_interval = c->keepalive_interval;
	p.keepalive_probes = (uint8_t)c->keepalive_probes;
	p.syn_retries = (uint8_t)c->syn_retries;
	p.synack_retries = (uint8_t)c->synack_retries;
	p.user_timeout = c->user_timeout;
	return p;
}

static int start_group(struct app *a, struct worker_group_config *g)
{
	const struct conf *c = a->conf;

	g->workers = a->workers;
	g->secret = a->secret;
	seal_random(&g->seed, sizeof(g->seed));
	g->idle = c->appliance.idle == CONF_IDLE_SPIN	  ? WORKER_SPIN
		  : c->appliance.idle == CONF_IDLE_SAVING ? WORKER_SAVING
							  : WORKER_BALANCED;
	g->max_conns = c->appliance.max_connections / a->workers;
	g->personality = personality(&c->tcp);
	memcpy(g->pools, a->pool, sizeof(g->pools));
	g->n_ports = a->n_ports;
	for (unsigned i = 0; i < a->n_ports; i++) {
		g->port[i].port = a->port[i];
		fill_iface(&c->interfaces[i], &g->port[i].iface);
	}
	for (unsigned i = 0; i < c->n_routes && i < IP_ROUTES; i++) {
		g->route[i].to = c->routes[i].to;
		g->route[i].gateway = c->routes[i].via;
		g->route[i].iface = c->routes[i].interface;
		g->n_routes++;
	}
	a->group = worker_group_new(g, worker_clock());
	if (a->group)
		return 0;
	log_error("no memory for %u workers of %u connections", a->workers,
		  g->max_conns);
	return -ENOMEM;
}

static bool serve(struct worker_app *w, usec_t now)
{
	return proxy_serve(container_of(w, struct worker_proxy, app)->proxy,
			   now);
}

static void message(struct worker_app *w, void *msg, usec_t now)
{
	proxy_message(container_of(w, struct worker_proxy, app)->proxy, msg,
		      now);
}

static bool send_call(void *arg, unsigned to, struct proxy_call *call)
{
	struct worker_proxy *w = arg;

	return worker_send(w->all->group, w->index, to, call);
}

static usec_t next(struct worker_app *w)
{
	return proxy_next(container_of(w, struct worker_proxy, app)->proxy);
}

static unsigned sessions_of(const struct app *a)
{
	return max(a->conf->limits.sessions / a->workers, 64u);
}

/* As many requests may wait for the writer beside one of every session; what
 * is never needed takes no memory. */
#define LOG_RECORDS 8192

static int start_log(struct app *a)
{
	a->log = accesslog_start(a->workers, sessions_of(a) + LOG_RECORDS);
	if (!a->log) {
		log_error("no memory for the access log");
		return -ENOMEM;
	}
	start_logging(a);
	return 0;
}

static void stop_log(struct app *a)
{
	accesslog_stop(a->log);
}

void start_logging(struct app *a)
{
	const struct conf_access_log *c = &a->conf->access_log;
	struct accesslog_settings set = { .max_file_size = c->max_file_size,
					  .keep_size = c->keep_size,
					  .keep = c->keep };

	snprintf(set.directory, sizeof(set.directory), "%s",
		 c->directory ? c->directory : "");
	snprintf(set.server, sizeof(set.server), "%s", a->conf->appliance.name);
	accesslog_set(a->log, &set);
}

/* The threads start behind the proxies, and end before them. */
static bool ask_identity(void *arg, unsigned worker, struct auth_job *j)
{
	struct app *a = arg;

	return a->auth && authpool_ask(a->auth, worker, j);
}

static struct auth_job *next_answer(void *arg, unsigned worker)
{
	struct app *a = arg;

	return a->auth ? authpool_next(a->auth, worker) : NULL;
}

static int start_proxies(struct app *a)
{
	unsigned sessions = sessions_of(a);

	for (unsigned w = 0; w < a->workers; w++) {
		struct worker *worker = worker_get(a->group, w);
		struct proxy_setup setup = {
			.worker = w,
			.workers = a->workers,
			.secret = { a->secret.k1, a->secret.k0 },
			.send = send_call,
			.send_arg = &a->proxy[w],
			.tcp = worker_tcp(worker),
			.config = &a->config,
			.routes = a->routes,
			.board = a->board,
			.clock = worker_clock,
			.max_sessions = sessions,
			/* Only what is in transit holds a buffer. */
			.buffers = min(max(sessions / 4, 64u), 2048u),
			.large_buffers = 64,
			.max_server_ids = SERVER_IDS,
			.log = accesslog_of(a->log, w),
		};

		memcpy(setup.cookie_key, a->cookie_key, sizeof(a->cookie_key));
		a->proxy[w].app = (struct worker_app){ serve, message, next };
		if (a->conf->identity.keytab)
			setup.auth = (struct proxy_logons){ ask_identity,
							    next_answer, a };
		a->proxy[w].all = a;
		a->proxy[w].index = w;
		a->proxy[w].proxy = proxy_new(&setup, worker_clock());
		if (!a->proxy[w].proxy) {
			log_error("no memory for %u sessions", sessions);
			return -ENOMEM;
		}
		worker_set_app(worker, &a->proxy[w].app);
	}
	return 0;
}

static void stop_proxies(struct app *a)
{
	for (unsigned w = 0; w < a->workers; w++)
		proxy_free(a->proxy[w].proxy);
}

static int start_identity(struct app *a)
{
	char error[512];

	if (!a->conf->identity.keytab)
		return 0;
	a->auth = authpool_new(a->conf, error, sizeof(error));
	if (a->auth)
		return 0;
	log_error("identity: %s", error);
	return -EINVAL;
}

static void stop_identity(struct app *a)
{
	authpool_free(a->auth);
	a->auth = NULL;
}

static int start_lcores(struct app *a)
{
	for (unsigned w = 0; w < a->workers; w++) {
		int rc = rte_eal_remote_launch(worker_run,
					       worker_get(a->group, w), w + 1);

		if (!rc)
			continue;
		log_error("worker %u does not start: %s", w, strerror(-rc));
		return rc;
	}
	return 0;
}

static void stop_lcores(struct app *a)
{
	worker_stop(a->group);
	rte_eal_mp_wait_lcore();
}

/* --- the order
 * -------------------------------------------------------------------- */

static int start_ports_and_group(struct app *a)
{
	struct worker_group_config g = { 0 };
	uint16_t queues[STEER_RETA];
	unsigned n;
	int rc;

	steer_init(&g.steer, a->workers, NULL, &a->secret);
	rc = start_ports(a, g.steer.key);
	if (rc)
		return rc;
	/* All workers must agree with the ports on who owns a flow. A port
	 * with a table of its own size decides; the others hand over. */
	for (unsigned i = 0; i < a->n_ports && a->workers > 1; i++) {
		n = nic_reta(a->port[i], queues, STEER_RETA);
		if (!n)
			continue;
		for (unsigned q = 0; q < n; q++)
			g.steer.reta[q] = queues[q] % (uint16_t)a->workers;
		g.steer.reta_mask = (uint16_t)(n - 1);
		break;
	}
	return start_group(a, &g);
}

static void stop_ports_and_group(struct app *a)
{
	worker_group_free(a->group);
	stop_ports(a);
}

static const struct {
	const char *what;
	int (*start)(struct app *a);
	void (*stop)(struct app *a);
} order[] = {
	{ "DPDK", start_eal, stop_eal },
	{ "packet buffers", start_pools, stop_pools },
	{ "ports and workers", start_ports_and_group, stop_ports_and_group },
	{ "access log", start_log, stop_log },
	{ "proxies", start_proxies, stop_proxies },
	{ "identity", start_identity, stop_identity },
	{ "worker cores", start_lcores, stop_lcores },
};

int start_all(struct app *a)
{
	a->workers = start_workers(a->conf);
	for (unsigned i = 0; i < ARRAY_LEN(order); i++) {
		int rc = order[i].start(a);

		if (!rc)
			continue;
		log_error("start-up ends at: %s", order[i].what);
		/* What a step had begun when it failed is undone too; but
		 * EAL that did not start cannot be ended. */
		for (unsigned k = i ? i + 1 : 0; k-- > 0;)
			order[k].stop(a);
		return rc;
	}
	return 0;
}

void stop_all(struct app *a)
{
	for (unsigned k = ARRAY_LEN(order); k-- > 0;)
		order[k].stop(a);
}
