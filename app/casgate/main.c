/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main.c - the daemon: options, start, the control loop, an orderly end.
 */
#include "casgate.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

static volatile sig_atomic_t want_stop, want_reload;

static void on_signal(int number)
{
	if (number == SIGHUP)
		want_reload = 1;
	else
		want_stop = 1;
}

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void usage(FILE *f)
{
	fprintf(f, "usage: casgate [options]\n"
		   "Route Exchange clients to the server that holds their "
		   "mailbox.\n\n"
		   "  -c, --config FILE          configuration "
		   "(/etc/casgate/casgate.yaml)\n"
		   "  -d, --drivers-config DIR   driver profiles\n"
		   "      --no-huge              do without hugepages\n"
		   "      --check                look for errors and end\n"
		   "      --help-config          every setting, and end\n"
		   "      --man-config           the same as a manual page's "
		   "source\n"
		   "      --version\n"
		   "  -h, --help\n\n"
		   "SIGHUP reloads the configuration, SIGTERM drains and ends; "
		   "see casgatectl(1).\n");
}

/* 0 go on, 1 done, 2 wrong usage. */
static int parse(int argc, char **argv, struct options *o)
{
	enum { NO_HUGE = 256, CHECK, HELP_CONFIG, MAN_CONFIG, VERSION };
	static const struct option table[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "drivers-config", required_argument, NULL, 'd' },
		{ "no-huge", no_argument, NULL, NO_HUGE },
		{ "check", no_argument, NULL, CHECK },
		{ "help-config", no_argument, NULL, HELP_CONFIG },
		{ "man-config", no_argument, NULL, MAN_CONFIG },
		{ "version", no_argument, NULL, VERSION },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	o->config = "/etc/casgate/casgate.yaml";
	while ((c = getopt_long(argc, argv, "c:d:h", table, NULL)) >= 0) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'd':
			o->profiles = optarg;
			break;
		case NO_HUGE:
			o->no_huge = true;
			break;
		case CHECK:
			o->check = true;
			break;
		case HELP_CONFIG:
			conf_print_help(stdout);
			return 1;
		case MAN_CONFIG:
			conf_print_man(stdout);
			return 1;
		case VERSION:
			printf("casgate %s\n", CASGATE_VERSION);
			return 1;
		case 'h':
			usage(stdout);
			return 1;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind == argc)
		return 0;
	fprintf(stderr, "casgate: unknown argument `%s'\n", argv[optind]);
	return 2;
}

/* --- before the workers ------------------------------------------------------
 */

static int load(struct app *a)
{
	struct proxy_config *config = NULL;
	char error[1024];
	int rc = conf_load(a->opt.config, CONF_CHECK_FILES, &a->conf,
			   &a->report);

	if (!rc) {
		log_set_level((enum log_level)a->conf->appliance.log_level);
		a->routes = route_new(&a->secret, 1024);
		a->tickets = tls_tickets_new();
		a->board = health_board_new(start_workers(a->conf), SERVER_IDS);
		rc = a->routes && a->tickets && a->board ? 0 : -ENOMEM;
	}
	if (!rc)
		rc = start_check(a, a->conf, &a->report);
	if (!rc) {
		config = build_config(a, a->conf, start_workers(a->conf),
				      &a->report);
		rc = config ? 0 : -EINVAL;
	}
	conf_report_print(&a->report, stderr);
	if (rc)
		return rc;
	build_publish(a, config);
	rc = reload_mailboxes(a, a->conf, true, error, sizeof(error));
	if (rc)
		log_error("%s", error);
	return rc;
}

static int open_control(struct app *a)
{
	struct control_server_config c = {
		.path = a->conf->appliance.control_socket,
		.group = a->conf->appliance.control_group,
		.later_ms = 10 * 60 * 1000, /* a preflight of many servers */
		.ctx = a,
	};
	char error[400];

	handlers_fill(c.handler);
	a->control = control_server_new(&c, error, sizeof(error));
	if (a->control)
		return 0;
	log_error("%s", error);
	return -EADDRINUSE;
}

/* --- while they run
 * ------------------------------------------------------------- */

static void drain(struct proxy *p, void *arg, usec_t now)
{
	proxy_drain(p, now);
}

static void cut(struct proxy *p, void *arg, usec_t now)
{
	proxy_kill(p, PROXY_ALL, now);
}

static void drain_begin(struct app *a)
{
	a->draining = true;
	log_info("draining: no new connections, %llu sessions",
		 (unsigned long long)sum_sessions(a));
	sd_notify(0, "STOPPING=1");
	for (unsigned i = 0; i < a->workers; i++)
		if (ask_worker(a, i, drain, NULL))
			log_warn("worker %u could not be told to drain", i);
}

/* First a balancer in front is told, by healthcheck.htm alone; when it had its
 * time to turn away, nothing new is let in (dataplane 2.33). */
void stop_begin(struct app *a)
{
	usec_t now = worker_clock();
	struct proxy_config *next;

	if (a->stopping)
		return;
	a->stopping = true;
	a->drain_at = now + a->conf->appliance.drain_delay;
	a->stop_until = a->drain_at + a->conf->appliance.drain_max;
	next = build_again(a, config_now(a));
	if (next)
		build_publish(a, next);
	if (a->drain_at > now)
		log_info("stopping: healthcheck.htm fails, in %llu s no new "
			 "connections",
			 (unsigned long long)((a->drain_at - now) / SEC(1)));
	else
		drain_begin(a);
}

static void watch_links(struct app *a)
{
	static bool down[IP_IFACES], told[IP_IFACES];

	for (unsigned i = 0; i < a->n_ports; i++) {
		bool up = nic_link_up(a->port[i]);

		if (nic_rss(a->port[i]) == NIC_RSS_REFUTED && !told[i]) {
			told[i] = true;
			log_warn(
				"interface %s: the card does not spread "
				"packets as it says; workers hand most of them "
				"over. Set `rss: false' in its driver profile",
				nic_name(a->port[i]));
		}
		if (up == !down[i])
			continue;
		down[i] = !up;
		log_warn("interface %s: link is %s", nic_name(a->port[i]),
			 up ? "up" : "down");
		/* Switches may have forgotten where we are. */
		if (up)
			worker_announce(a->group, i);
	}
}

/* Admission levels are told when they change, by worker. */
static void watch_admission(struct app *a)
{
	static const char *const words[] = {
		"everything is admitted",
		"no new TLS handshakes",
		"new requests are answered 503: buffers are short",
	};
	static uint64_t level[WORKERS_MAX];

	for (unsigned i = 0; i < a->workers; i++) {
		uint64_t now =
			stat_read(&proxy_stats(a->proxy[i].proxy)->admission);

		if (now == level[i] || now >= ARRAY_LEN(words))
			continue;
		level[i] = now;
		log_warn("worker %u: %s", i, words[now]);
	}
}

static void watch_workers(struct app *a)
{
	static uint64_t turns[WORKERS_MAX];
	static usec_t since[WORKERS_MAX];
	static bool told[WORKERS_MAX];
	usec_t now = worker_clock();

	for (unsigned i = 0; i < a->workers; i++) {
		struct worker *w = worker_get(a->group, i);
		uint64_t n = stat_read(&worker_stats(w)->turns);

		if (n != turns[i] || !since[i]) {
			turns[i] = n;
			since[i] = now;
			told[i] = false;
		} else if (now - since[i] > SEC(1) && !told[i]) {
			told[i] = true;
			log_error("worker %u has been stuck in `%s' for 1 s", i,
				  worker_phase(w));
		}
	}
}

/* Back ends that fail are told by name, each at most once a minute. */
static void watch_servers(struct app *a, usec_t now)
{
	static uint64_t failures[SERVER_IDS];
	static usec_t told[SERVER_IDS];
	char error[200];

	for (unsigned id = 0; id < a->n_servers; id++) {
		uint64_t sum = 0, most = 0;
		unsigned who = 0;

		for (unsigned i = 0; i < a->workers; i++) {
			uint64_t n = stat_read(
				&proxy_server_stats(a->proxy[i].proxy, id)
					 ->failures);

			sum += n;
			who = n > most ? i : who;
			most = max(n, most);
		}
		if (sum == failures[id] ||
		    (told[id] && now - told[id] < SEC(60)) ||
		    ask_last_error(a, who, id, error))
			continue;
		log_warn("server %s: %s (%llu failures since the start)",
			 a->server[id].name, error, (unsigned long long)sum);
		failures[id] = sum;
		told[id] = now;
	}
}

#define TICKET_LIFE SEC(3600)

static void housekeeping(struct app *a)
{
	static usec_t last, tickets, csv;
	usec_t now = worker_clock();
	char error[1024];

	if (now - last < MSEC(100))
		return;
	last = now;
	watch_links(a);
	watch_admission(a);
	watch_workers(a);
	watch_servers(a, now);
	watch_health(a);
	preflight_look(a);
	if (a->auth)
		authpool_look(a->auth);
	if (now - tickets > TICKET_LIFE) {
		if (tickets)
			tls_tickets_rotate(a->tickets);
		tickets = now;
	}
	if (a->conf->mailboxes.watch && now - csv > SEC(2)) {
		csv = now;
		if (reload_mailboxes(a, a->conf, false, error, sizeof(error)))
			log_error("%s", error);
	}
}

static bool stopped(struct app *a)
{
	if (want_stop)
		stop_begin(a);
	if (!a->stopping)
		return false;
	if (!a->draining && worker_clock() >= a->drain_at)
		drain_begin(a);
	if (!a->draining)
		return false;
	if (!sum_sessions(a))
		return true;
	if (worker_clock() < a->stop_until)
		return false;
	log_warn("drain-max is over: %llu sessions are cut",
		 (unsigned long long)sum_sessions(a));
	for (unsigned i = 0; i < a->workers; i++)
		if (ask_worker(a, i, cut, NULL))
			log_warn("worker %u could not be told to cut", i);
	usleep(50000); /* the resets leave with the next turns */
	return true;
}

static void control_loop(struct app *a)
{
	char error[1024];

	while (!stopped(a)) {
		/* Short, because nothing is freed while this thread, a
		 * reader too, waits without having been quiescent. */
		snap_quiescent();
		control_server_poll(a->control, 20);
		if (want_reload) {
			want_reload = 0;
			if (reload(a, error, sizeof(error)))
				log_error("reload refused: %s", error);
		}
		housekeeping(a);
	}
}

static int run(struct app *a)
{
	int rc = load(a);

	if (!rc)
		rc = open_control(a);
	if (!rc)
		rc = start_all(a);
	if (!rc) {
		a->began = worker_clock();
		log_info("casgate %s serves %s: %u workers, %zu mailboxes, %u "
			 "servers",
			 CASGATE_VERSION, a->conf->namespaces[0], a->workers,
			 route_count(a->routes), a->conf->n_servers);
		sd_notify(0, "READY=1");
		control_loop(a);
		stop_all(a);
		log_info("casgate ended");
	}
	control_server_free(a->control);
	build_free(snap_publish(&a->config, NULL));
	snap_barrier();
	route_free(a->routes);
	health_board_free(a->board);
	free(a->preflight);
	tls_tickets_free(a->tickets);
	conf_free(a->conf);
	conf_report_fini(&a->report);
	return rc;
}

int main(int argc, char **argv)
{
	static struct app a;
	int rc = parse(argc, argv, &a.opt);

	if (rc)
		return rc == 1 ? 0 : 2;
	catch_signals();
	seal_random(&a.secret, sizeof(a.secret));
	seal_random(a.cookie_key, sizeof(a.cookie_key));
	if (snap_init()) {
		log_error("liburcu's thread does not start");
		return 1;
	}
	snap_register();
	if (a.opt.check) {
		a.tickets = tls_tickets_new();
		rc = check_only(&a);
		tls_tickets_free(a.tickets);
	} else {
		rc = run(&a);
	}
	snap_unregister();
	return rc ? 1 : 0;
}
