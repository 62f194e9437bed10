/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main.c - casgate-load: clients, casgate's proxy and an origin in one process
 * on one core, joined by wires in memory.
 *
 * What is measured is the whole path (ports, IP, TCP, TLS, HTTP, routing) and
 * nothing else: no kernel, no second process. With --direct the proxy is left
 * out, so the difference is what casgate adds.
 */
#include "load.h"

#include "../casgate/accesslog.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define HOST "mail.contoso.com"
#define PACKETS 16384
#define MTU 1500

/* A machine on the wires: its ports, its one worker, its application. */
struct host {
	struct nic_port *port[2];
	struct worker_group *group;
	struct rte_mempool *pool;
};

static struct load_options opt = {
	.connections = 1,
	.seconds = 3,
	.size = 1024,
};

static void usage(FILE *f)
{
	fprintf(f,
		"usage: casgate-load --chain PEM --key PEM --ca PEM "
		"[options]\n"
		"Clients, casgate and an Exchange stand-in on one core, over "
		"wires in memory.\n\n"
		"  --chain FILE   certificate of " HOST ", used by all\n"
		"  --key FILE     its key\n"
		"  --ca FILE      the authority that signed it\n"
		"  -c, --connections N   at a time (1)\n"
		"  -s, --seconds N       to measure (3)\n"
		"  -b, --bytes N         of an answer (1024)\n"
		"  --close        a new connection for each request\n"
		"  --direct       without casgate in between\n"
		"  --internal     answers name servers (expose: internal)\n"
		"  --access-log DIR      a line of each request there\n"
		"  --json         figures for programs\n"
		"  --version, --help\n");
}

static unsigned number(const char *text, unsigned limit)
{
	uint64_t v;

	if (bytes_u64(BYTES(text), limit, &v) && v)
		return (unsigned)v;
	fprintf(stderr, "casgate-load: `%s' is no number from 1 to %u\n", text,
		limit);
	exit(2);
}

static void parse(int argc, char **argv)
{
	enum {
		CHAIN = 256,
		KEY,
		CA,
		CLOSE,
		DIRECT,
		INTERNAL,
		LOG,
		JSON,
		VERSION
	};
	static const struct option table[] = {
		{ "chain", required_argument, NULL, CHAIN },
		{ "key", required_argument, NULL, KEY },
		{ "ca", required_argument, NULL, CA },
		{ "connections", required_argument, NULL, 'c' },
		{ "seconds", required_argument, NULL, 's' },
		{ "bytes", required_argument, NULL, 'b' },
		{ "close", no_argument, NULL, CLOSE },
		{ "direct", no_argument, NULL, DIRECT },
		{ "internal", no_argument, NULL, INTERNAL },
		{ "access-log", required_argument, NULL, LOG },
		{ "json", no_argument, NULL, JSON },
		{ "version", no_argument, NULL, VERSION },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:s:b:h", table, NULL)) >= 0) {
		switch (c) {
		case CHAIN:
			opt.chain = optarg;
			break;
		case KEY:
			opt.key = optarg;
			break;
		case CA:
			opt.ca = optarg;
			break;
		case 'c':
			opt.connections = number(optarg, 4096);
			break;
		case 's':
			opt.seconds = number(optarg, 3600);
			break;
		case 'b':
			opt.size = number(optarg, 1 << 30);
			break;
		case CLOSE:
			opt.close = true;
			break;
		case DIRECT:
			opt.direct = true;
			break;
		case INTERNAL:
			opt.internal = true;
			break;
		case LOG:
			opt.log = optarg;
			break;
		case JSON:
			opt.json = true;
			break;
		case VERSION:
			printf("casgate-load %s\n", CASGATE_VERSION);
			exit(0);
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
	if (opt.chain && opt.key && opt.ca && optind == argc)
		return;
	usage(stderr);
	exit(2);
}

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "casgate-load: %s: %s\n", what, why);
	exit(1);
}

/* --- hosts and wires
 * -------------------------------------------------------------- */

static const struct nic_profile ring = {
	.name = "ring",
	.bus = NIC_VDEV,
	.driver = "net_ring",
	.rx_desc = 1024,
	.tx_desc = 1024,
	.max_queues = 1,
	.max_mtu = 9000,
	.multi_seg = true,
	.copy_tx = true,
	.promiscuous = true,
};

static void add_port(struct host *h, struct worker_group_config *g,
		     const char *name, const char *end, const char *addr)
{
	static const uint8_t key[52] = { 1 };
	struct worker_port *p = &g->port[g->n_ports];
	char error[300];

	h->port[g->n_ports] = nic_open(&ring, name, end, MTU, 1, &h->pool, key,
				       error, sizeof(error));
	if (!h->port[g->n_ports])
		fail(name, error);
	p->port = h->port[g->n_ports];
	p->iface.mtu = MTU;
	snprintf(p->iface.name, sizeof(p->iface.name), "%s", name);
	p->iface.n_addrs = 1;
	if (ipprefix_parse(addr, &p->iface.addrs[0]))
		fail(addr, "no address");
	g->n_ports++;
}

static void start_host(struct host *h, struct worker_group_config *g)
{
	g->workers = 1;
	g->pools[0] = h->pool;
	g->max_conns = 8 * opt.connections + 64;
	g->personality = tcp_default_personality;
	g->personality.tx_lowat = TLS_PLAIN_MAX + TLS_SEAL_OVERHEAD;
	/* Closed connections must not use up the source ports of a wire. */
	g->personality.time_wait = MSEC(100);
	seal_random(&g->secret, sizeof(g->secret));
	steer_init(&g->steer, 1, NULL, &g->secret);
	h->group = worker_group_new(g, worker_clock());
	if (!h->group)
		fail("worker", "no memory");
}

static void stop_host(struct host *h)
{
	worker_group_free(h->group);
	for (unsigned i = 0; i < 2; i++)
		if (h->port[i])
			nic_close(h->port[i]);
	nic_pool_free(h->pool);
}

static struct rte_mempool *pool(const char *name)
{
	struct rte_mempool *p = nic_pool_new(name, PACKETS, MTU, -1, false);

	if (!p)
		fail(name, "no memory for packets");
	return p;
}

/* --- casgate in between
 * ------------------------------------------------------------- */

static struct exchange_server server = {
	.name = "EX19",
	.fqdn = HOST,
	.build = { 15, 2, 1544, 4 },
	.version = EXCHANGE_2019,
	.weight = 100,
};
static struct proxy_server back = { .port = 443 };
static int16_t by_id[1];
static struct snap published;
static struct tls_tickets *tickets;
static struct route_table *routes;
static struct accesslog *access_log;

/* On a thread of its own, as in the daemon: started before the core is ours
 * alone. */
static void start_log(void)
{
	struct accesslog_settings set = { .server = "load",
					  .max_file_size = 10 << 20,
					  .keep_size = 1 << 30 };

	access_log = accesslog_start(1, 8192 + 4 * opt.connections);
	if (!access_log)
		fail(opt.log, "no memory for the access log");
	snprintf(set.directory, sizeof(set.directory), "%s", opt.log);
	accesslog_set(access_log, &set);
}

static struct tls_target *target(void)
{
	struct tls_target_config c = {
		.name = HOST,
		.ca_file = opt.ca,
		.min_version = 12,
	};
	char error[300];
	struct tls_target *t = tls_target_new(&c, error, sizeof(error));

	if (!t)
		fail(opt.ca, error);
	return t;
}

static struct tls_server *certificate(void)
{
	struct tls_cert_config cert = { opt.chain, opt.key };
	struct tls_server_config c = {
		.n_certs = 1,
		.certs = &cert,
		.min_version = 12,
		.n_tickets = 1,
		.tickets = tickets,
		.context = "load",
	};
	char error[300];
	struct tls_server *s = tls_server_new(&c, error, sizeof(error));

	if (!s)
		fail(opt.chain, error);
	return s;
}

/* The smallest configuration there is: one name, one site, one server. */
static void configure(struct proxy_config *c, struct tls_server *tls)
{
	*c = (struct proxy_config){
		.generation = 1,
		.server = &back,
		.server_of_id = by_id,
		.n_ids = 1,
		.n_listeners = 1,
		.limits = http_default_limits,
		.timeouts = { SEC(10), SEC(30), SEC(60), SEC(5), SEC(1) },
		.max_handshakes = 1000,
		.handshake_budget = 500,
		.log = opt.log ? UINT32_MAX : 0,
	};
	c->topology.n_sites = 1;
	snprintf(c->topology.site[0], EXCHANGE_NAME, "HQ");
	c->topology.n_servers = 1;
	c->topology.server = &server;
	for (unsigned i = 0; i < EXCHANGE_PROTOCOL_COUNT; i++) {
		server.vdir[i].present = true;
		c->timeouts.silence[i] = SEC(60);
	}
	c->topology.n_own_names = 1;
	snprintf(c->topology.own_name[0], EXCHANGE_HOST, "%s", HOST);
	c->listener[0].port = 443;
	c->listener[0].https = true;
	c->listener[0].log = true;
	c->listener[0].internal = opt.internal;
	c->listener[0].tls[0] = tls;
	back.n_addrs = 1;
	back.tls[0] = target();
	if (ipaddr_parse("10.9.1.1", &back.addr[0]))
		fail("address", "impossible");
	snap_publish(&published, c);
}

struct gate {
	struct worker_app app;
	struct proxy *proxy;
};

static bool gate_serve(struct worker_app *app, usec_t now)
{
	return proxy_serve(container_of(app, struct gate, app)->proxy, now);
}

static void gate_message(struct worker_app *app, void *msg, usec_t now) {}

static usec_t gate_next(struct worker_app *app)
{
	return proxy_next(container_of(app, struct gate, app)->proxy);
}

static struct gate gate = { { gate_serve, gate_message, gate_next }, NULL };

static void start_gate(struct host *h)
{
	struct route_mailbox anna = {
		.smtp = "anna@contoso.com",
		.sam = "anna",
		.server = "EX19",
	};
	struct proxy_setup setup = {
		.workers = 1,
		.tcp = worker_tcp(worker_get(h->group, 0)),
		.config = &published,
		.routes = routes,
		.clock = worker_clock,
		.max_sessions = 4 * opt.connections + 64,
		.buffers = 2 * opt.connections + 64,
		.large_buffers = 4,
		.max_server_ids = 1,
		.log = opt.log ? accesslog_of(access_log, 0) : NULL,
	};
	const char *clash;

	if (route_set(routes, &anna, &clash))
		fail("mailbox", "not taken");
	gate.proxy = proxy_new(&setup, worker_clock());
	if (!gate.proxy)
		fail("proxy", "no memory");
	worker_set_app(worker_get(h->group, 0), &gate.app);
}

/* --- the measurement
 * ---------------------------------------------------------------- */

/* Time that this thread has had the core, whatever others made of it. */
static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void report(const struct client_stats *s, double seconds, double cpu)
{
	const struct hist *l = &s->latency;
	double mean = l->count ? (double)l->sum / (double)l->count : 0;

	if (opt.json) {
		printf("{\"through\":\"%s\",\"connections\":%u,\"bytes\":%u,"
		       "\"requests\":%llu,\"requests_per_s\":%.0f,"
		       "\"requests_per_cpu_s\":%.0f,\"handshakes\":%llu,"
		       "\"failures\":%llu,"
		       "\"gbit_per_s\":%.3f,\"mean_us\":%.1f,\"p50_us\":%llu,"
		       "\"p99_us\":%llu,\"max_us\":%llu}\n",
		       opt.direct ? "nothing" : "casgate", opt.connections,
		       opt.size, (unsigned long long)s->requests,
		       (double)s->requests / seconds, (double)s->requests / cpu,
		       (unsigned long long)s->handshakes,
		       (unsigned long long)s->failures,
		       (double)s->bytes * 8 / seconds / 1e9, mean,
		       (unsigned long long)hist_percentile(l, 500),
		       (unsigned long long)hist_percentile(l, 990),
		       (unsigned long long)l->max);
		return;
	}
	printf("%s: %u connections, answers of %u bytes%s\n",
	       opt.direct ? "direct" : "through casgate", opt.connections,
	       opt.size, opt.close ? ", one request each" : "");
	printf("  requests    %10llu   %10.0f /s   %llu failed\n",
	       (unsigned long long)s->requests, (double)s->requests / seconds,
	       (unsigned long long)s->failures);
	printf("  of its core %10.1f %%   %10.0f requests /s of that\n",
	       100 * cpu / seconds, (double)s->requests / cpu);
	printf("  handshakes  %10llu   %10.0f /s\n",
	       (unsigned long long)s->handshakes,
	       (double)s->handshakes / seconds);
	printf("  content     %10.3f Gbit/s\n",
	       (double)s->bytes * 8 / seconds / 1e9);
	printf("  latency     mean %.1f us, p50 %llu, p99 %llu, max %llu\n",
	       mean, (unsigned long long)hist_percentile(l, 500),
	       (unsigned long long)hist_percentile(l, 990),
	       (unsigned long long)l->max);
	if (opt.log)
		printf("  access log  %10llu lines, %llu requests not logged\n",
		       (unsigned long long)accesslog_stats(access_log)->lines,
		       (unsigned long long)accesslog_dropped(access_log));
}

static struct host ask, mid, tell; /* client, casgate, origin */

static void join_hosts(void)
{
	static struct proxy_config config;
	struct worker_group_config ga = { 0 }, gm = { 0 }, gt = { 0 };

	ask.pool = pool("ask");
	tell.pool = pool("tell");
	add_port(&ask, &ga, "client", "near:a", "10.9.0.1/24");
	if (opt.direct) {
		add_port(&tell, &gt, "origin", "near:b", "10.9.0.2/24");
	} else {
		mid.pool = pool("mid");
		add_port(&mid, &gm, "front", "near:b", "10.9.0.2/24");
		add_port(&mid, &gm, "back", "far:a", "10.9.1.2/24");
		add_port(&tell, &gt, "origin", "far:b", "10.9.1.1/24");
		start_host(&mid, &gm);
		configure(&config, certificate());
		start_gate(&mid);
	}
	start_host(&ask, &ga);
	start_host(&tell, &gt);
}

/* All hosts take turns on this core; a second to warm up, then it counts.
 * Returns the CPU time that it took [s]. */
static double measure(struct client *client)
{
	usec_t began = worker_clock() + SEC(1);
	usec_t until = began + SEC(opt.seconds), now;
	bool warm = false;
	double cpu = 0;

	while ((now = worker_clock()) < until) {
		if (!warm && now >= began) {
			warm = true;
			cpu = cpu_seconds();
			client_reset(client);
		}
		worker_turn(worker_get(ask.group, 0), now);
		if (mid.group)
			worker_turn(worker_get(mid.group, 0), now);
		worker_turn(worker_get(tell.group, 0), now);
	}
	return cpu_seconds() - cpu;
}

static void start_eal(void)
{
	char prefix[40];
	struct nic_eal eal = {
		.program = "casgate-load",
		.file_prefix = prefix,
		.lcores = "0",
		.memory_mb = 256,
		.no_telemetry = true,
	};
	bool huge;

	snprintf(prefix, sizeof(prefix), "casgate-load-%d", (int)getpid());
	if (snap_init() || nic_eal_init(&eal, &huge))
		fail("DPDK", "does not start");
	snap_register();
}

int main(int argc, char **argv)
{
	struct client *client;
	struct origin *origin;
	uint64_t requests;
	double cpu;

	parse(argc, argv);
	if (opt.log)
		start_log();
	start_eal();
	routes = route_new(&(struct hash_key){ 1, 2 }, 16);
	tickets = tls_tickets_new();
	if (!routes || !tickets)
		fail("tables", "no memory");
	join_hosts();
	client = client_new(&(struct client_config){
		.tcp = worker_tcp(worker_get(ask.group, 0)),
		.target = ipaddr_v4("\x0a\x09\x00\x02"),
		.port = 443,
		.connections = opt.connections,
		.close = opt.close,
		.tls = target(),
		.host = HOST,
		.clock = worker_clock,
	});
	origin = origin_new(&(struct origin_config){
		.tcp = worker_tcp(worker_get(tell.group, 0)),
		.port = 443,
		.size = opt.size,
		.max_connections = 3 * opt.connections + 64,
		.tls = certificate(),
	});
	if (!client || !origin)
		fail("ends", "no memory");
	worker_set_app(worker_get(ask.group, 0), client_app(client));
	worker_set_app(worker_get(tell.group, 0), origin_app(origin));
	cpu = measure(client);
	report(client_stats(client), opt.seconds, cpu);
	requests = client_stats(client)->requests;
	client_free(client);
	proxy_free(gate.proxy);
	accesslog_stop(access_log);
	origin_free(origin);
	stop_host(&ask);
	if (mid.group)
		stop_host(&mid);
	stop_host(&tell);
	route_free(routes);
	nic_eal_fini();
	return requests ? 0 : 1;
}
