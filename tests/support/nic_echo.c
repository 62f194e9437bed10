/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_echo.c - the smallest application of the packet path: TCP echo (RFC 862)
 * on any driver profile and any number of workers. What it needs from nic, ip,
 * tcp and worker is what casgate needs; tests/system/test_nic.py talks to it
 * through kernel sockets.
 *
 *   nic-echo PROFILE.yaml DEVICE WORKERS LCORES [OPTION...] ADDRESS/LEN...
 *
 * Prints "ready ..." when it serves, and a line of counters a worker when it
 * is told to end (SIGTERM). Options: --no-huge, --mtu N, --mb N, --spin,
 * --saving, --pci (the device is probed by EAL), --verbose.
 */
#include <getopt.h>
#include <rte_launch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/conf.h"
#include "snap/snap.h"
#include "worker/worker.h"

#define ECHO_PORT 7

struct echo {
	struct worker_app app;
	struct tcp_stack *tcp;
	uint64_t conns, bytes;
};

static struct options {
	struct nic_profile profile;
	const char *device;
	unsigned workers, mtu, mb;
	bool no_huge, pci, verbose;
	enum worker_idle idle;
	const char *lcores;
	unsigned n_addrs;
	struct ipprefix addr[IP_ADDRS];
} opt = { .mtu = 1500, .mb = 256, .idle = WORKER_BALANCED };

static volatile sig_atomic_t ended;

static void on_signal(int signal)
{
	ended = 1;
}

static bool eal_runs;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "nic-echo: %s\n", what);
	if (eal_runs)
		nic_eal_fini();
	exit(1);
}

/* As much as both directions take now. */
static void echo(struct echo *e, struct tcp_conn *c, usec_t now)
{
	struct iovec iov[8];
	size_t room;

	while ((room = tcp_tx_space(c)) && tcp_rx_avail(c)) {
		unsigned n = tcp_rx_peek(c, iov, ARRAY_LEN(iov));
		size_t moved = 0;

		for (unsigned i = 0; i < n; i++) {
			size_t want = min(iov[i].iov_len, room - moved);
			size_t took = tcp_write(c, iov[i].iov_base, want, now);

			moved += took;
			if (took < iov[i].iov_len)
				break;
		}
		if (!moved)
			break;
		tcp_rx_consume(c, moved, now);
		e->bytes += moved;
	}
	if (tcp_dead(c) ||
	    (tcp_status(c) == TCP_PEER_CLOSED && !tcp_rx_avail(c)))
		tcp_close(c, now);
}

static bool serve(struct worker_app *app, usec_t now)
{
	struct echo *e = container_of(app, struct echo, app);
	struct tcp_conn *c;
	bool busy = false;
	void *user;

	while ((c = tcp_accept(e->tcp, &user))) {
		e->conns++;
		busy = true;
		echo(e, c, now);
	}
	for (unsigned n = 0; n < 64 && (c = tcp_ready(e->tcp)); n++) {
		busy = true;
		echo(e, c, now);
	}
	return busy;
}

static void message(struct worker_app *app, void *msg, usec_t now) {}

static void load_profile(const char *path)
{
	struct conf_report report = { 0 };
	struct conf_profile p;
	int rc = conf_profile_load(path, &p, &report);

	conf_report_print(&report, stderr);
	conf_report_fini(&report);
	if (rc)
		exit(1);
	opt.profile = (struct nic_profile){
		.bus = p.bus == CONF_BUS_PCI ? NIC_PCI : NIC_VDEV,
		.rx_desc = (uint16_t)p.rx_desc,
		.tx_desc = (uint16_t)p.tx_desc,
		.max_queues = (uint16_t)p.max_queues,
		.max_mtu = (uint16_t)p.max_mtu,
		.rss = p.rss,
		.tx_csum = p.tx_csum,
		.rx_csum = p.rx_csum,
		.multi_seg = p.multi_seg,
		.copy_tx = p.copy_tx,
		.promiscuous = p.promiscuous,
	};
	memcpy(opt.profile.name, p.name, sizeof(p.name));
	memcpy(opt.profile.driver, p.driver, sizeof(p.driver));
	memcpy(opt.profile.devargs, p.devargs, sizeof(p.devargs));
}

static void parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "no-huge", 0, 0, 'n' }, { "mtu", 1, 0, 'm' },
		{ "mb", 1, 0, 'b' },	  { "spin", 0, 0, 's' },
		{ "saving", 0, 0, 'z' },  { "pci", 0, 0, 'p' },
		{ "verbose", 0, 0, 'v' }, { 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (c) {
		case 'n':
			opt.no_huge = true;
			break;
		case 'm':
			opt.mtu = (unsigned)atoi(optarg);
			break;
		case 'b':
			opt.mb = (unsigned)atoi(optarg);
			break;
		case 's':
			opt.idle = WORKER_SPIN;
			break;
		case 'z':
			opt.idle = WORKER_SAVING;
			break;
		case 'p':
			opt.pci = true;
			break;
		case 'v':
			opt.verbose = true;
			break;
		default:
			die("unknown option");
		}
	if (argc - optind < 5 || argc - optind > 4 + IP_ADDRS)
		die("PROFILE.yaml DEVICE WORKERS LCORES ADDRESS/LEN...");
	load_profile(argv[optind]);
	opt.device = argv[optind + 1];
	opt.workers = (unsigned)atoi(argv[optind + 2]);
	opt.lcores = argv[optind + 3];
	if (opt.workers < 1 || opt.workers > WORKERS_MAX)
		die("WORKERS is 1 to 16");
	for (int i = optind + 4; i < argc; i++)
		if (ipprefix_parse(argv[i], &opt.addr[opt.n_addrs++]))
			die("an address is not ADDRESS/LEN");
}

static void start_eal(char *program)
{
	static char prefix[32];
	struct nic_eal eal = {
		.program = program,
		.file_prefix = prefix,
		.lcores = opt.lcores,
		.memory_mb = opt.mb,
		.no_huge = opt.no_huge,
		.no_telemetry = true,
		.verbose = opt.verbose,
	};
	bool huge;

	snprintf(prefix, sizeof(prefix), "nic-echo-%d", getpid());
	if (opt.pci)
		eal.pci[eal.n_pci++] = opt.device;
	if (nic_eal_init(&eal, &huge))
		die("EAL does not start");
	eal_runs = true;
	printf("memory %s\n", huge ? "huge" : "ordinary");
}

static void print_worker(struct worker *w, const struct echo *e)
{
	const struct tcp_stats *t = tcp_stats(worker_tcp(w));
	const struct ip_stats *ip = ip_stats(worker_ip(w));

	printf("worker=%u conns=%lu bytes=%lu", worker_id(w), e->conns,
	       e->bytes);
#define X(name, help) printf(" " #name "=%lu", worker_stats(w)->name);
	WORKER_STATS(X)
#undef X
	for (unsigned v = 0; v < IP_VERDICT_COUNT; v++)
		if (ip->verdicts[v])
			printf(" ip_%s=%lu", ip_verdict_name(v),
			       ip->verdicts[v]);
	for (unsigned v = 0; v < TCP_VERDICT_COUNT; v++)
		if (t->verdicts[v])
			printf(" tcp_%s=%lu", tcp_verdict_name(v),
			       t->verdicts[v]);
	printf(" retransmits=%lu timeouts=%lu resets_out=%lu open=%lu\n",
	       t->retransmits, t->timeouts, t->resets_out, t->conns);
}

static struct worker_group_config g;
static struct echo echoes[WORKERS_MAX];
static unsigned pool_size[WORKERS_MAX]; /* packets when nobody has any */

/* Half of the memory, and what goes with a packet. */
static void make_pools(void)
{
	unsigned packets =
		opt.mb * (1U << 20) / 2 / opt.workers / (opt.mtu + 1200);

	for (unsigned i = 0; i < opt.workers; i++) {
		char name[16];

		snprintf(name, sizeof(name), "w%u", i);
		g.pools[i] = nic_pool_new(name, packets, (uint16_t)opt.mtu, -1,
					  true);
		if (!g.pools[i])
			die("no memory for packets");
		pool_size[i] = rte_mempool_avail_count(g.pools[i]);
	}
}

static struct nic_port *open_port(void)
{
	char error[512];
	struct nic_port *port = nic_open(
		&opt.profile, "lan", opt.device, (uint16_t)opt.mtu, opt.workers,
		g.pools, g.steer.key, error, sizeof(error));
	const struct nic_caps *c;

	if (!port)
		die(error);
	c = nic_caps(port);
	if (c->rss)
		g.steer.reta_mask =
			(uint16_t)(nic_reta(port, g.steer.reta, STEER_RETA) -
				   1);
	printf("driver=%s queues=%u rss=%d mtu=%u tx_csum=%d rx_csum=%d "
	       "multi_seg=%d mac=%02x:%02x:%02x:%02x:%02x:%02x\n",
	       c->driver, c->rx_queues, c->rss, c->mtu, c->tx_csum, c->rx_csum,
	       c->multi_seg, c->mac[0], c->mac[1], c->mac[2], c->mac[3],
	       c->mac[4], c->mac[5]);
	return port;
}

static struct worker_group *start_workers(struct nic_port *port)
{
	struct ip_iface_config *iface = &g.port[0].iface;
	struct worker_group *group;

	g.workers = opt.workers;
	g.n_ports = 1;
	g.port[0].port = port;
	snprintf(iface->name, sizeof(iface->name), "lan");
	iface->n_addrs = opt.n_addrs;
	memcpy(iface->addrs, opt.addr, sizeof(opt.addr));
	g.seed = (uint64_t)getpid();
	g.idle = opt.idle;
	g.max_conns = 4096;
	g.personality = tcp_default_personality;
	group = worker_group_new(&g, worker_clock());
	if (!group)
		die("no memory for workers");
	for (unsigned i = 0; i < opt.workers; i++) {
		struct worker *w = worker_get(group, i);
		struct echo *e = &echoes[i];

		e->tcp = worker_tcp(w);
		e->app = (struct worker_app){ .serve = serve,
					      .message = message };
		worker_set_app(w, &e->app);
		if (!tcp_listen(e->tcp, &ipaddr_any, ECHO_PORT, NULL))
			die("cannot listen");
		if (rte_eal_remote_launch(worker_run, w, i + 1))
			die("LCORES are numbered 0 (control), 1, 2...");
	}
	return group;
}

static void print_port(const struct nic_port *port)
{
	struct nic_stats s;

	nic_stats(port, &s);
	printf("port rx=%lu rx_bytes=%lu missed=%lu errors=%lu nombuf=%lu "
	       "tx=%lu tx_bytes=%lu tx_errors=%lu rss=%d link_changes=%u\n",
	       s.rx_packets, s.rx_bytes, s.rx_missed, s.rx_errors, s.rx_nombuf,
	       s.tx_packets, s.tx_bytes, s.tx_errors, (int)nic_rss(port),
	       nic_link_changes(port));
}

int main(int argc, char **argv)
{
	struct worker_group *group;
	struct nic_port *port;
	unsigned leaked = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	parse(argc, argv);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	if (snap_init())
		die("RCU does not start");
	start_eal(argv[0]);
	make_pools();
	g.secret = (struct hash_key){ 0x1234567890abcdef, (uint64_t)getpid() };
	steer_init(&g.steer, opt.workers, NULL, &g.secret);
	port = open_port();
	group = start_workers(port);
	printf("ready\n");
	while (!ended) {
		usleep(20000);
		nic_link_up(port);
	}
	worker_stop(group);
	rte_eal_mp_wait_lcore();
	for (unsigned i = 0; i < opt.workers; i++)
		print_worker(worker_get(group, i), &echoes[i]);
	print_port(port);
	worker_group_free(group);
	nic_close(port);
	for (unsigned i = 0; i < opt.workers; i++) {
		leaked += pool_size[i] - rte_mempool_avail_count(g.pools[i]);
		nic_pool_free(g.pools[i]);
	}
	printf("end leaked=%u\n", leaked);
	nic_eal_fini();
	return 0;
}
