/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handlers.c - what casgatectl asks of the daemon as a whole: status, workers,
 * interfaces, counters, configuration, log, stop.
 */
#include "casgate.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mempool.h>

void handlers_fill(control_handler *h)
{
	h[CONTROL_STATUS] = handle_status;
	h[CONTROL_WORKER_LIST] = handle_worker_list;
	h[CONTROL_SERVER_LIST] = handle_server_list;
	h[CONTROL_SERVER_SHOW] = handle_server_show;
	h[CONTROL_SERVER_DRAIN] = handle_server_drain;
	h[CONTROL_SERVER_ENABLE] = handle_server_enable;
	h[CONTROL_COMPONENT_LIST] = handle_component_list;
	h[CONTROL_COMPONENT_SHOW] = handle_component_show;
	h[CONTROL_COMPONENT_SET] = handle_component_set;
	h[CONTROL_OUTLOOK_SHOW] = handle_outlook_show;
	h[CONTROL_OUTLOOK_SET] = handle_outlook_set;
	h[CONTROL_OUTLOOK_ENABLE] = handle_outlook_enable;
	h[CONTROL_OUTLOOK_DISABLE] = handle_outlook_disable;
	h[CONTROL_AUTH_STATUS] = handle_auth_status;
	h[CONTROL_AUTH_TEST] = handle_auth_test;
	h[CONTROL_AUTH_FLUSH] = handle_auth_flush;
	h[CONTROL_PLAN] = handle_plan;
	h[CONTROL_PREFLIGHT] = handle_preflight;
	h[CONTROL_MAILBOX_SHOW] = handle_mailbox_show;
	h[CONTROL_MAILBOX_SET] = handle_mailbox_set;
	h[CONTROL_MAILBOX_MOVE] = handle_mailbox_move;
	h[CONTROL_MAILBOX_REMOVE] = handle_mailbox_remove;
	h[CONTROL_MAILBOX_IMPORT] = handle_mailbox_import;
	h[CONTROL_MAILBOX_COUNT] = handle_mailbox_count;
	h[CONTROL_ROUTE_EXPLAIN] = handle_route_explain;
	h[CONTROL_VC_LIST] = handle_vc_list;
	h[CONTROL_SESSION_LIST] = handle_session_list;
	h[CONTROL_SESSION_KILL] = handle_session_kill;
	h[CONTROL_NEIGHBOUR_LIST] = handle_neighbour_list;
	h[CONTROL_INTERFACE_LIST] = handle_interface_list;
	h[CONTROL_STATS] = handle_stats;
	h[CONTROL_CONFIG_CHECK] = handle_config_check;
	h[CONTROL_CONFIG_RELOAD] = handle_config_reload;
	h[CONTROL_CONFIG_SHOW] = handle_config_show;
	h[CONTROL_LOG_LEVEL] = handle_log_level;
	h[CONTROL_LOG_ROTATE] = handle_log_rotate;
	h[CONTROL_STOP] = handle_stop;
	h[CONTROL_VERSION] = handle_version;
}

json_t *handle_status(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	const struct proxy_config *c = config_now(a);
	json_int_t accepted = 0, requests = 0;

	for (unsigned i = 0; i < a->workers; i++) {
		const struct proxy_stats *s = proxy_stats(a->proxy[i].proxy);

		accepted += (json_int_t)stat_read(&s->accepted);
		requests += (json_int_t)stat_read(&s->requests);
	}
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:I, s:i, s:s, s:I, s:I, s:I, "
		"s:I, s:i, s:s, s:I}",
		"name", a->conf->appliance.name, "version", CASGATE_VERSION,
		"state", a->stopping ? "draining" : "running", "namespace",
		c->topology.own_name[0], "uptime_s",
		(json_int_t)((worker_clock() - a->began) / SEC(1)), "workers",
		(int)a->workers, "memory", a->huge ? "hugepages" : "ordinary",
		"sessions", (json_int_t)sum_sessions(a), "accepted", accepted,
		"requests", requests, "mailboxes",
		(json_int_t)route_count(a->routes), "servers",
		(int)c->topology.n_servers, "site",
		c->topology.site[c->topology.home_site], "generation",
		(json_int_t)c->generation);
}

json_t *handle_worker_list(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	json_t *list = json_array();

	for (unsigned i = 0; i < a->workers; i++) {
		struct worker *w = worker_get(a->group, i);
		const struct worker_stats *s = worker_stats(w);
		const struct proxy_stats *p = proxy_stats(a->proxy[i].proxy);
		json_t *o = json_pack(
			"{s:i, s:s, s:I, s:I, s:I, s:I}", "worker", (int)i,
			"phase", worker_phase(w), "sessions",
			(json_int_t)stat_read(&p->sessions), "requests",
			(json_int_t)stat_read(&p->requests), "admission",
			(json_int_t)stat_read(&p->admission), "free_packets",
			(json_int_t)rte_mempool_avail_count(a->pool[i]));

#define X(name, help)                                                          \
	json_object_set_new(o, #name,                                          \
			    json_integer((json_int_t)stat_read(&s->name)));
		WORKER_STATS(X)
#undef X
		json_array_append_new(list, o);
	}
	return list;
}

json_t *handle_interface_list(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	json_t *list = json_array();

	for (unsigned i = 0; i < a->n_ports; i++) {
		const struct conf_interface *c = &a->conf->interfaces[i];
		const struct nic_caps *caps = nic_caps(a->port[i]);
		json_t *addrs = json_array();
		struct nic_stats s;
		char text[IPADDR_STR], mac[18];

		nic_stats(a->port[i], &s);
		for (unsigned n = 0; n < c->n_addresses; n++)
			json_array_append_new(addrs,
					      json_string(ipprefix_str(
						      &c->addresses[n], text)));
		snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x",
			 caps->mac[0], caps->mac[1], caps->mac[2], caps->mac[3],
			 caps->mac[4], caps->mac[5]);
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:o, s:i, "
				  "s:b, s:I, s:I, s:I, s:I, s:I, s:I}",
				  "interface", c->name, "driver", caps->driver,
				  "device", c->device, "link",
				  nic_link_up(a->port[i]) ? "up" : "down",
				  "mtu", (int)caps->mtu, "mac", mac,
				  "addresses", addrs, "queues",
				  (int)caps->rx_queues, "rss", (int)caps->rss,
				  "rx_packets", (json_int_t)s.rx_packets,
				  "rx_bytes", (json_int_t)s.rx_bytes,
				  "rx_dropped",
				  (json_int_t)(s.rx_missed + s.rx_nombuf),
				  "tx_packets", (json_int_t)s.tx_packets,
				  "tx_bytes", (json_int_t)s.tx_bytes,
				  "tx_errors", (json_int_t)s.tx_errors));
	}
	return list;
}

/* --- neighbours
 * --------------------------------------------------------------- */

struct neighbours {
	struct ip_stack *ip;
	unsigned n;
	struct ip_neighbour_info info[IP_NEIGHBOURS];
};

static void ask_neighbours(struct proxy *p, void *arg, usec_t now)
{
	struct neighbours *n = arg;

	n->n = ip_neighbours(n->ip, n->info, IP_NEIGHBOURS);
}

json_t *handle_neighbour_list(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	struct neighbours *n = calloc(1, sizeof(*n));
	json_t *list;

	if (!n)
		return control_fail(call, CONTROL_FAILED, "out of memory");
	n->ip = worker_ip(worker_get(a->group, 0));
	if (ask_worker(a, 0, ask_neighbours, n))
		return control_fail(call, CONTROL_TIMEOUT,
				    "worker 0 does not answer");
	list = json_array();
	for (unsigned i = 0; i < min(n->n, (unsigned)IP_NEIGHBOURS); i++) {
		const struct ip_neighbour_info *e = &n->info[i];
		char text[IPADDR_STR], mac[18];

		snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x",
			 e->mac[0], e->mac[1], e->mac[2], e->mac[3], e->mac[4],
			 e->mac[5]);
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s}", "address",
					ipaddr_str(&e->addr, text), "mac", mac,
					"interface",
					a->conf->interfaces[e->iface].name,
					"state", e->state));
	}
	free(n);
	return list;
}

/* --- counters
 * ------------------------------------------------------------------- */

struct counters {
	json_t *list;
	const char *filter;
};

static void put(struct counters *c, const char *group, const char *name,
		const char *help, uint64_t value)
{
	char full[96];

	snprintf(full, sizeof(full), "%s.%s", group, name);
	if (c->filter && !strstr(full, c->filter))
		return;
	json_array_append_new(
		c->list, json_pack("{s:s, s:I, s:s}", "name", full, "value",
				   (json_int_t)value, "help", help));
}

#define SUM(each, field)                                                       \
	({                                                                     \
		uint64_t sum_ = 0;                                             \
		for (unsigned i_ = 0; i_ < a->workers; i_++)                   \
			sum_ += stat_read(&each(a, i_)->field);                \
		sum_;                                                          \
	})

static const struct worker_stats *of_worker(const struct app *a, unsigned i)
{
	return worker_stats(worker_get(a->group, i));
}

static const struct proxy_stats *of_proxy(const struct app *a, unsigned i)
{
	return proxy_stats(a->proxy[i].proxy);
}

static const struct rpch_counts *of_rpc(const struct app *a, unsigned i)
{
	return proxy_rpc_counts(a->proxy[i].proxy);
}

static const struct tcp_stats *of_tcp(const struct app *a, unsigned i)
{
	return tcp_stats(worker_tcp(worker_get(a->group, i)));
}

static const struct ip_stats *of_ip(const struct app *a, unsigned i)
{
	return ip_stats(worker_ip(worker_get(a->group, i)));
}

static void put_proxy(struct app *a, struct counters *c)
{
	struct hist first = { 0 };

#define X(name, help) put(c, "proxy", #name, help, SUM(of_proxy, name));
	PROXY_STATS(X)
#undef X
	for (unsigned p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++)
		put(c, "requests", exchange_protocol_word(p),
		    "requests of this protocol sent to a back end",
		    SUM(of_proxy, requests_of[p]));
	for (unsigned k = 0; k < RPCH_REQUEST_COUNT; k++)
		put(c, "rpc.requests", rpch_request_name(k),
		    "requests to the RPC proxy of this kind",
		    SUM(of_proxy, rpc_requests[k]));
	for (unsigned k = 0; k < RPCH_PDU_COUNT; k++)
		put(c, "rpc.pdus", rpch_pdu_name(k), "PDUs that passed",
		    SUM(of_rpc, pdus[k]));
	for (unsigned v = RPCH_NOT_RTS; v < RPCH_VERDICT_COUNT; v++)
		put(c, "rpc.unread", rpch_verdict_name(v),
		    rpch_verdict_words(v), SUM(of_rpc, verdicts[v]));
	for (unsigned v = HTTP_MORE + 1; v < HTTP_VERDICT_COUNT; v++)
		put(c, "http", http_verdict_name(v), http_verdict_words(v),
		    SUM(of_proxy, http[v]));
	for (unsigned v = FRONT_MORE + 1; v < FRONT_VERDICT_COUNT; v++)
		put(c, "front", front_verdict_name(v), front_verdict_words(v),
		    SUM(of_proxy, front[v]));
	for (unsigned i = 0; i < a->workers; i++)
		hist_merge(&first, &of_proxy(a, i)->first_byte);
	put(c, "proxy", "first_byte_p50_us", "median time to the first byte",
	    hist_percentile(&first, 500));
	put(c, "proxy", "first_byte_p99_us", "99 % are faster than this",
	    hist_percentile(&first, 990));
}

/* How many pairs of server and protocol are in each state. */
static void put_health(struct app *a, struct counters *c)
{
	static const char *const help[] = {
		"servers and protocols not looked at yet, or not at all",
		"servers and protocols that serve",
		"servers and protocols that do not: used as a last resort",
		"servers and protocols that came back a moment ago",
	};
	const struct exchange_topology *t = &config_now(a)->topology;
	uint64_t n[HEALTH_STATE_COUNT] = { 0 };

	for (unsigned i = 0; i < t->n_servers; i++)
		for (unsigned p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++)
			if (exchange_can_serve(&t->server[i], p, NULL))
				n[health_state_of(a->board, t->server[i].id,
						  p)]++;
	for (unsigned s = 0; s < HEALTH_STATE_COUNT; s++)
		put(c, "health", health_state_word(s), help[s], n[s]);
}

#define TCP_COUNTERS(X)                                                        \
	X(segments_in, "segments received")                                    \
	X(segments_out, "segments sent")                                       \
	X(bytes_in, "payload bytes received")                                  \
	X(bytes_out, "payload bytes sent, once each")                          \
	X(retransmits, "segments sent again")                                  \
	X(fast_retransmits, "fast recoveries")                                 \
	X(timeouts, "retransmission time-outs")                                \
	X(copies, "segments copied to be sent again")                          \
	X(dup_acks, "duplicate acknowledgements")                              \
	X(zero_window_probes, "zero-window probes")                            \
	X(challenge_acks, "challenge acknowledgements")                        \
	X(resets_out, "resets sent")                                           \
	X(out_of_order, "segments that came out of order")                     \
	X(keepalives, "keep-alive probes")                                     \
	X(opened_active, "connections opened to back ends")                    \
	X(opened_passive, "connections opened by clients")                     \
	X(refused, "our connects that were refused")                           \
	X(timed_out, "connections that timed out")                             \
	X(reset_in, "connections reset by the peer")                           \
	X(no_port, "connects without a free source port")                      \
	X(conns, "connections now")                                            \
	X(syn_queue, "half-open connections now")                              \
	X(time_wait, "connections in TIME-WAIT now")                           \
	X(buffers, "packet buffers in queues now")

static void put_stack(struct app *a, struct counters *c)
{
	uint64_t in_use = 0;

#define X(name, help) put(c, "worker", #name, help, SUM(of_worker, name));
	WORKER_STATS(X)
#undef X
#define X(name, help) put(c, "tcp", #name, help, SUM(of_tcp, name));
	TCP_COUNTERS(X)
#undef X
	for (unsigned v = 0; v < TCP_VERDICT_COUNT; v++)
		put(c, "tcp.verdict", tcp_verdict_name(v),
		    "segments with this verdict", SUM(of_tcp, verdicts[v]));
	for (unsigned v = 0; v < IP_VERDICT_COUNT; v++)
		put(c, "ip.verdict", ip_verdict_name(v),
		    "packets with this verdict", SUM(of_ip, verdicts[v]));
	put(c, "ip", "tx_no_neighbour", "packets dropped: nobody answers ARP",
	    SUM(of_ip, tx_no_neighbour));
	put(c, "ip", "tx_no_route", "packets dropped: no route",
	    SUM(of_ip, tx_no_route));
	for (unsigned i = 0; i < a->workers; i++)
		in_use += rte_mempool_in_use_count(a->pool[i]);
	put(c, "memory", "packets_in_use",
	    "packet buffers out of their pools now", in_use);
}

static void add_dialed(json_t *sums, const struct proxy_dialed *d)
{
	uint64_t n = proxy_dialed_count(d);
	char text[IPADDR_STR], name[IPADDR_STR + 8];

	if (!n)
		return;
	ipaddr_str(&d->addr, text);
	snprintf(name, sizeof(name), strchr(text, ':') ? "[%s]:%u" : "%s:%u",
		 text, d->port);
	n += (uint64_t)json_integer_value(json_object_get(sums, name));
	json_object_set_new(sums, name, json_integer((json_int_t)n));
}

/* Wherever this appliance has ever connected to. */
static void put_dialed(struct app *a, struct counters *c)
{
	json_t *sums = json_object(), *n;
	const char *name;

	for (unsigned w = 0; w < a->workers; w++)
		for (unsigned i = 0; i <= PROXY_DIALED; i++)
			add_dialed(sums, &proxy_dialed(a->proxy[w].proxy)[i]);
	json_object_foreach(sums, name, n)
		put(c, "dialed", name, "connections begun to this address",
		    (uint64_t)json_integer_value(n));
	json_decref(sums);
}

static void put_log(struct app *a, struct counters *c)
{
	const struct accesslog_stats *s = accesslog_stats(a->log);

#define X(name, help) put(c, "accesslog", #name, help, stat_read(&s->name));
	ACCESSLOG_STATS(X)
#undef X
	put(c, "accesslog", "dropped",
	    "requests lost because the writer is slow",
	    accesslog_dropped(a->log));
}

json_t *handle_stats(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	struct mallinfo2 heap = mallinfo2();
	struct route_stats routes;
	struct counters c = {
		json_array(),
		control_arg(call, "filter"),
	};

	put_proxy(a, &c);
	put_health(a, &c);
	put_dialed(a, &c);
	put_stack(a, &c);
	put_log(a, &c);
	route_stats(a->routes, &routes);
	put(&c, "route", "mailboxes", "mailboxes known", routes.mailboxes);
	put(&c, "route", "keys", "names they are found by", routes.keys);
	put(&c, "route", "bytes", "memory of the table", routes.bytes);
	put(&c, "route", "moves", "moves since the start", routes.moves);
	put(&c, "memory", "heap_in_use", "bytes allocated from libc",
	    heap.uordblks + heap.hblkhd);
	put(&c, "memory", "heap_arena", "bytes libc holds", heap.arena);
	return c.list;
}

/* --- configuration, log, end
 * ------------------------------------------------------- */

json_t *handle_config_check(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	const char *file = control_arg(call, "file");
	struct conf_report report = { 0 };
	struct conf *conf = NULL;
	json_t *list = json_array();
	char line[1024];
	uint8_t *text;
	size_t n = 0;
	bool good;

	if (!file)
		file = a->opt.config;
	text = read_file(file, call, &n, line, sizeof(line));
	if (!text) {
		json_decref(list);
		return control_fail(call, CONTROL_REFUSED, "%s", line);
	}
	good = !conf_parse((struct bytes){ text, n }, file, CONF_CHECK_FILES,
			   &conf, &report);
	free(text);
	if (good) {
		struct proxy_config *config = build_config(a, conf, 1, &report);

		good = config != NULL;
		build_free(config);
	}
	for (unsigned i = 0; i < report.n; i++)
		json_array_append_new(
			list, json_string(conf_message_str(&report, i, line,
							   sizeof(line))));
	conf_free(conf);
	conf_report_fini(&report);
	return json_pack("{s:b, s:s, s:o}", "good", (int)good, "file", file,
			 "findings", list);
}

json_t *handle_config_reload(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	char error[1024];

	if (a->stopping)
		return control_fail(call, CONTROL_REFUSED,
				    "the appliance is being stopped");
	if (reload(a, error, sizeof(error)))
		return control_fail(call, CONTROL_REFUSED, "%s", error);
	return json_pack("{s:I, s:s}", "generation",
			 (json_int_t)config_now(a)->generation, "file",
			 a->opt.config);
}

static void put_setting(void *arg, const struct conf_value *v)
{
	struct counters *c = arg;

	if (c->filter && !strstr(v->path, c->filter))
		return;
	json_array_append_new(c->list,
			      json_pack("{s:s, s:s, s:s, s:s}", "setting",
					v->path, "value", v->text, "from",
					v->given ? "file" : "default", "change",
					v->restart ? "restart" : "reload"));
}

json_t *handle_config_show(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	struct counters c = {
		json_array(),
		control_arg(call, "filter"),
	};

	conf_each(a->conf, put_setting, &c);
	return c.list;
}

json_t *handle_log_level(void *ctx, struct control_call *call)
{
	const char *word = control_arg(call, "level");
	enum log_level level;

	if (word && !log_level_parse(word, &level))
		log_set_level(level);
	return json_pack("{s:s}", "level", log_level_name(log_get_level()));
}

json_t *handle_log_rotate(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	const char *directory = a->conf->access_log.directory;

	if (!directory)
		return control_fail(call, CONTROL_REFUSED,
				    "there is no access log: "
				    "access-log.directory names none");
	if (accesslog_rotate(a->log))
		return control_fail(call, CONTROL_TIMEOUT,
				    "the log writer does not answer: is the "
				    "disk stuck?");
	return json_pack("{s:s}", "directory", directory);
}

json_t *handle_stop(void *ctx, struct control_call *call)
{
	struct app *a = ctx;

	stop_begin(a);
	if (json_is_true(json_object_get(call->args, "now")))
		a->drain_at = a->stop_until = worker_clock();
	return json_pack("{s:s, s:I}", "state", "draining", "sessions",
			 (json_int_t)sum_sessions(a));
}

json_t *handle_version(void *ctx, struct control_call *call)
{
	return json_pack("{s:s}", "version", CASGATE_VERSION);
}
