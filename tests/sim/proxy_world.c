/* SPDX-License-Identifier: BSD-3-Clause */
#include <openssl/rand.h>

#include "certs.h"
#include "eal.h"
#include "proxy_world.h"
#include "tcp/tcp_int.h"

#define BUSY 20000 /* turns in a row are a loop that never ends */
#define USERS 32 /* of each server */

struct world world;

static struct rte_mempool *pools[SIM_HOSTS];
static struct tls_server *origin_tls;
static struct tls_tickets *tickets;
static char recorded[RECORDED];

/* --- randomness of OpenSSL, so that a seed repeats itself -------------------
 */

static struct rng tls_rng;

static int rand_bytes(unsigned char *p, int n)
{
	for (int i = 0; i < n; i++)
		p[i] = (unsigned char)rng_u64(&tls_rng);
	return 1;
}

static int rand_status(void)
{
	return 1;
}

static void rand_ours(void)
{
	static const RAND_METHOD ours = { .bytes = rand_bytes,
					  .pseudorand = rand_bytes,
					  .status = rand_status };

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	RAND_set_rand_method(&ours);
#pragma GCC diagnostic pop
}

/* --- what is configured
 * ------------------------------------------------------- */

/* `ports`: 443 answers, 9 refuses. */
static const struct {
	const char *name, *build;
	unsigned site, port;
	uint8_t host[2];
	const char *certificate_name; /* not its own */
	const char *owa; /* its ExternalURL */
} servers[] = {
	{ "EX13A", "15.1.2507.6", 0, 443, { ORIGIN_A } },
	{ "EX13B", "15.1.2507.6", 0, 443, { ORIGIN_B } },
	{ "REFUSED", "14.3.123.4", 1, 9, { ORIGIN_A } },
	{ "HOLE", "14.3.123.4", 2, 443, { HOLE } },
	{ "SECOND", "14.3.123.4", 3, 443, { HOLE, ORIGIN_B } },
	{ "PAIR1", "14.3.123.4", 4, 9, { ORIGIN_A } },
	{ "PAIR2", "14.3.123.4", 4, 443, { ORIGIN_B } },
	{ "IMPOSTOR",
	  "14.3.123.4",
	  5,
	  443,
	  { ORIGIN_A },
	  "other.contoso.com",
	  "https://paris.contoso.com/owa" },
};

#define N_SERVERS ARRAY_LEN(servers)
_Static_assert(N_SERVERS <= ARRAY_LEN(world.user), "one row a server");

struct built {
	struct proxy_config config;
	struct tls_server *listener;
	struct tls_target *target[N_SERVERS];
};

static struct tls_server *server_of(const char *file)
{
	char chain[400], key[400], error[400];
	struct tls_cert_config cert = { chain, key };
	struct tls_server_config c = { .n_certs = 1,
				       .certs = &cert,
				       .min_version = 12,
				       .tickets = tickets,
				       .n_tickets = 2 };
	struct tls_server *s;

	snprintf(chain, sizeof(chain), "%s", certs_path(file, ".pem"));
	snprintf(key, sizeof(key), "%s", certs_path(file, ".key"));
	s = tls_server_new(&c, error, sizeof(error));
	certs_need(s != NULL, error);
	return s;
}

static struct tls_target *target_of(const char *name)
{
	char error[400];
	struct tls_target_config c = { .name = name,
				       .ca_file = certs_path("ca", ".pem"),
				       .min_version = 12 };
	struct tls_target *t = tls_target_new(&c, error, sizeof(error));

	certs_need(t != NULL, error);
	return t;
}

static void fill_server(struct built *b, unsigned i)
{
	struct exchange_topology *t = &b->config.topology;
	struct exchange_server *s = &t->server[t->n_servers];
	struct proxy_server *p = &b->config.server[t->n_servers];

	snprintf(s->name, sizeof(s->name), "%s", servers[i].name);
	snprintf(s->fqdn, sizeof(s->fqdn), "%s.contoso.com", servers[i].name);
	certs_need(!exchange_build_parse(BYTES(servers[i].build), &s->build),
		   servers[i].build);
	s->version = exchange_version_of(&s->build);
	s->site = (uint16_t)servers[i].site;
	s->id = (uint16_t)i;
	s->weight = 100;
	if (servers[i].owa)
		strcpy(s->vdir[EXCHANGE_OWA].external_url, servers[i].owa);
	for (unsigned v = 0; v < EXCHANGE_PROTOCOL_COUNT; v++)
		s->vdir[v].present = true;
	for (unsigned a = 0; a < 2 && servers[i].host[a]; a++)
		p->addr[p->n_addrs++] = sim_addr(servers[i].host[a], false);
	p->port = (uint16_t)servers[i].port;
	p->imap_port = p->port == 443 ? 993 : p->port;
	b->target[i] = target_of(servers[i].certificate_name
					 ? servers[i].certificate_name
					 : "ex.contoso.com");
	p->tls[0] = p->mail_tls[0] = b->target[i];
	p->probes = i < 2;
	b->config.server_of_id[i] = (int16_t)t->n_servers++;
}

/* `tls`: from the first byte. */
static void fill_listener(struct built *b, uint16_t port, bool tls)
{
	struct proxy_listener *l = &b->config.listener[b->config.n_listeners++];

	snprintf(l->name, sizeof(l->name), "port-%u", port);
	l->addr = sim_addr(PROXY_HOST, false);
	l->port = port;
	l->https = tls;
	l->mail = port == 993 || port == 143;
	l->protocol = EXCHANGE_IMAP;
	l->tls[0] = tls || l->mail ? b->listener : NULL;
	l->log = true;
}

/* Behind a balancer: an L7 one with TLS, else one that sends PROXY headers. The
 * clients are it, or a stranger to it. */
static void fill_balanced(struct built *b, uint16_t port, bool https,
			  bool trusted)
{
	struct proxy_listener *l = &b->config.listener[b->config.n_listeners];

	fill_listener(b, port, https);
	l->n_trusted = 1;
	l->trusted[0] = (struct ipprefix){ sim_addr(trusted ? 0 : 250, false),
					   trusted ? 120 : 128 };
	l->balanced = https;
	l->closes_forwarded = true;
	l->internal = port == 8446;
	l->proxy_header = https ? 0 : FRONT_V1 | FRONT_V2;
}

static struct built *build(const struct world *w, const struct change *change)
{
	static uint64_t generation;
	struct built *b = calloc(1, sizeof(*b));
	struct proxy_config *c = &b->config;
	struct exchange_topology *t = &c->topology;

	c->generation = ++generation;
	c->server = calloc(N_SERVERS, sizeof(*c->server));
	c->server_of_id = calloc(N_SERVERS, sizeof(*c->server_of_id));
	c->n_ids = N_SERVERS;
	t->server = calloc(N_SERVERS, sizeof(*t->server));
	t->n_sites = 6;
	for (unsigned i = 0; i < t->n_sites; i++)
		snprintf(t->site[i], sizeof(t->site[i]), "site%u", i);
	t->n_own_names = 1;
	snprintf(t->own_name[0], sizeof(t->own_name[0]), NAME);
	b->listener = server_of("front");
	for (unsigned i = 0; i < N_SERVERS; i++) {
		c->server_of_id[i] = -1;
		if (!(i == 0 && change->no_server_a) &&
		    !(i == 1 && change->no_server_b))
			fill_server(b, i);
	}
	if (!change->no_listeners) {
		fill_listener(b, 443, true);
		fill_listener(b, 80, false);
		fill_listener(b, 993, true);
		fill_listener(b, 143, false);
		fill_balanced(b, 8080, false, true);
		fill_balanced(b, 8081, false, false);
		fill_balanced(b, 8446, true, true);
	}
	/* No probe goes on for longer than the proxy may be held up. */
	c->health = (struct health_rules){ .interval = MSEC(100),
					   .timeout = MSEC(900),
					   .rise = 1,
					   .fall = 1 };
	c->health.protocols = w->setup.probes ? 1U << EXCHANGE_EWS : 0;
	snprintf(c->name, sizeof(c->name), "gate");
	c->log = UINT32_MAX;
	c->limits = http_default_limits;
	if (change->small_heads)
		c->limits =
			(struct http_limits){ .head = 4096, .line = 1024, 64 };
	c->timeouts = (struct proxy_timeouts){ SEC(10), SEC(30), SEC(120),
					       SEC(5),	SEC(1),	 { 0 } };
	for (unsigned i = 0; i < EXCHANGE_PROTOCOL_COUNT; i++)
		c->timeouts.silence[i] = SEC(60);
	c->timeouts.login = SEC(60);
	c->max_handshakes =
		w->setup.max_handshakes ? w->setup.max_handshakes : 1000;
	return b;
}

static void built_free(struct built *b)
{
	tls_server_free(b->listener);
	for (unsigned i = 0; i < N_SERVERS; i++)
		tls_target_free(b->target[i]);
	free(b->config.topology.server);
	free(b->config.server);
	free(b->config.server_of_id);
	free(b);
}

/* Called between two turns, so nobody may still look at the old one. */
void world_reload(struct world *w, const struct change *change)
{
	struct built *next = build(w, change);

	snap_publish(&w->config, &next->config);
	built_free(w->built);
	w->built = next;
}

/* --- mailboxes --------------------------------------------------------------
 */

static const char *address(unsigned server, unsigned i)
{
	static char text[4][64];
	static unsigned turn;
	char *p = text[turn++ % 4];

	snprintf(p, sizeof(text[0]), "%s-%u@contoso.com", servers[server].name,
		 i);
	return p;
}

static struct route_table *mailboxes(void)
{
	static const struct hash_key secret = { 1, 2 };
	struct route_table *t = route_new(&secret, 512);
	const char *clash;

	certs_need(t != NULL, "route_new");
	for (unsigned s = 0; s < N_SERVERS; s++) {
		for (unsigned i = 0; i < USERS; i++) {
			struct route_mailbox m = { .smtp = address(s, i),
						   .server = servers[s].name };

			certs_need(!route_set(t, &m, &clash), m.smtp);
		}
	}
	return t;
}

/* The nth one whose requests go there first, in the configuration of the first
 * time that he is asked for. */
static const char *user_of(struct world *w, unsigned server, unsigned nth)
{
	const struct exchange_topology *t = &w->built->config.topology;
	uint8_t *known = &w->user[server][nth];

	if (*known)
		return address(server, *known - 1u);
	for (unsigned i = 0; i < USERS; i++) {
		const char *user = address(server, i);
		struct exchange_request r = { .protocol = EXCHANGE_EWS,
					      .method = BYTES("POST"),
					      .path = BYTES("/EWS/x"),
					      .user = BYTES(user) };
		struct exchange_place place;
		struct exchange_decision d;
		struct exchange_keys keys;

		exchange_keys(&r, &keys);
		proxy_locate(t, w->routes, &keys, &place);
		exchange_decide(t, &r, &place, &d);
		if (!d.n || t->server[d.candidate[0]].id != server || nth--)
			continue;
		*known = (uint8_t)(i + 1);
		return user;
	}
	world_fail(w, "no user goes to %s", servers[server].name);
	return "";
}

const char *world_user(struct world *w, const char *server)
{
	size_t n = strcspn(server, "+");

	for (unsigned s = 0; s < N_SERVERS; s++)
		if (strlen(servers[s].name) == n &&
		    !strncmp(servers[s].name, server, n))
			return user_of(w, s, server[n] == '+');
	return server; /* a name nobody has */
}

/* --- scarcity
 * ------------------------------------------------------------------- */

void world_hog(struct world *w, size_t leave)
{
	struct rte_mempool *pool = pools[PROXY_HOST];

	rte_pktmbuf_free_bulk(w->hogged, w->n_hogged);
	w->n_hogged = 0;
	while (leave != SIZE_MAX && rte_mempool_avail_count(pool) > leave)
		w->hogged[w->n_hogged++] = rte_pktmbuf_alloc(pool);
}

void world_hog_buffers(struct world *w, size_t leave)
{
	struct stream_pool *pool = &w->proxy->bufs;

	while (w->n_hogged_bufs && pool->small.count - pool->small.used < leave)
		stream_buf_put(pool, w->hogged_bufs[--w->n_hogged_bufs]);
	while (leave != SIZE_MAX &&
	       pool->small.count - pool->small.used > leave)
		w->hogged_bufs[w->n_hogged_bufs++] =
			stream_buf_get(pool, false);
}

/* --- lost wake-ups -----------------------------------------------------------
 */

struct look {
	enum sess_state state;
	uint64_t requests, up, down, sessions;
	struct stream client, back;
	uint32_t in[4], head_len;
	bool flags[4];
};

static struct look look_at(const struct session *s)
{
	const struct stream_buf *c = s->client.in, *b = s->back.in;
	struct look l;

	memset(&l, 0, sizeof(l));
	l.state = s->state;
	l.requests = s->requests;
	l.up = s->bytes_up;
	l.down = s->bytes_down;
	l.sessions = s->proxy->stats.sessions;
	memcpy(&l.client, &s->client, sizeof(l.client));
	memcpy(&l.back, &s->back, sizeof(l.back));
	l.in[0] = c ? c->off : 0;
	l.in[1] = c ? c->end : 0;
	l.in[2] = b ? b->off : 0;
	l.in[3] = b ? b->end : 0;
	l.head_len = s->head_len;
	l.flags[0] = s->head_sent;
	l.flags[1] = s->answering;
	l.flags[2] = s->up_done;
	l.flags[3] = s->down_done;
	return l;
}

/* TCP has promised to tell. */
static bool promised(const struct stream *st)
{
	return st->tc &&
	       (list_linked(&st->tc->starved) || list_linked(&st->tc->ready));
}

static bool starved(const struct world *w, const struct session *s)
{
	const struct stream_pool *pool = &w->proxy->bufs;

	for (unsigned i = 0; i < ARRAY_LEN(pool->starved); i++)
		list_for_each(it,
			      &pool->starved[i]) if (it == &s->run) return true;
	return false;
}

static void audit_starved(struct world *w)
{
	if (stream_hungry(&w->proxy->bufs))
		world_fail(w, "a session waits for a buffer though there is "
			      "one");
}

static void audit(struct world *w)
{
	struct proxy *p = w->proxy;
	struct look before, after;

	list_for_each_safe(it, &p->sessions)
	{
		struct session *s = list_entry(it, struct session, link);
		uint64_t sessions = p->stats.sessions;

		if (s->state == SESS_CLIENT_TLS || s->state == SESS_BACK_TLS ||
		    starved(w, s) || promised(&s->client) ||
		    promised(&s->back) || list_linked(&s->run))
			continue;
		before = look_at(s);
		w->audits++;
		session_run(s, w->sim.now);
		if (p->stats.sessions != sessions) {
			world_fail(w,
				   "a session in %s waited to end, and "
				   "nobody would have woken it",
				   session_state_name(before.state));
			return;
		}
		after = look_at(s);
		if (memcmp(&before, &after, sizeof(after)))
			world_fail(w,
				   "a session in %s could have gone on, "
				   "and nobody would have woken it",
				   session_state_name(before.state));
	}
}

/* --- turns
 * ---------------------------------------------------------------------- */

/* As the writer would, if it were slow. */
static void read_log(struct world *w)
{
	struct proxy_record *r;

	while ((r = proxy_log_get(w->log))) {
		if (r->began > r->ended || r->ended > w->sim.now)
			world_fail(w, "a record of another time");
		if (r->accepted && !r->session_over &&
		    r->end != PROXY_END_WHOLE)
			world_fail(w, "a good login ended by %u", r->end);
		w->logged.n++;
		w->logged.last = *r;
		proxy_log_put(w->log, r);
	}
}

static void proxy_turn(struct world *w, struct sim_host *h)
{
	usec_t next;

	snap_quiescent();
	if (proxy_serve(w->proxy, w->sim.now)) {
		if (++w->busy > BUSY)
			world_fail(w, "the proxy is busy for ever");
		h->app_wake = w->sim.now + 1;
		return;
	}
	w->busy = 0;
	read_log(w);
	next = proxy_next(w->proxy);
	if (next <= w->sim.now) {
		h->app_wake = w->sim.now + 1;
		return;
	}
	audit_starved(w);
	audit(w);
	h->app_wake = max(proxy_next(w->proxy), w->sim.now + 1);
	/* An idle worker naps for a millisecond at most. */
	if (!list_empty(&h->tcp->accept))
		h->app_wake = min(h->app_wake, w->sim.now + MSEC(1));
}

static void turn(void *arg, struct sim_host *h)
{
	struct world *w = arg;

	switch (h->index) {
	case 0:
		w->clients(w);
		break;
	case PROXY_HOST:
		proxy_turn(w, h);
		break;
	default:
		origins_turn(w, h);
	}
}

bool world_run(struct world *w, bool (*done)(struct world *w), usec_t limit)
{
	usec_t until = w->sim.now + limit;

	while (!w->wrong[0]) {
		if (done(w))
			return true;
		if (w->sim.now > until)
			return false;
		if (sim_step(&w->sim))
			continue;
		if (w->sim.wrong)
			world_fail(w, "tcp of host %u: %s", w->sim.wrong_host,
				   w->sim.wrong);
		return false;
	}
	return false;
}

void world_fail(struct world *w, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	if (w->wrong[0])
		return;
	va_start(ap, fmt);
	vsnprintf(w->wrong, sizeof(w->wrong), fmt, ap);
	va_end(ap);
	n = strlen(w->wrong);
	snprintf(w->wrong + n, sizeof(w->wrong) - n, " (at %.6f s)",
		 (double)w->sim.now / 1e6);
}

/* --- its life
 * -------------------------------------------------------------------- */

static usec_t sim_clock(void)
{
	return world.sim.now;
}

static void add_hosts(struct world *w)
{
	struct sim_host_config c = { .mtu = 1500,
				     .personality = tcp_default_personality,
				     .max_conns = 4096,
				     .max_time_wait = 4096,
				     .max_syn = 512 };
	struct sim_link lan = { .delay = w->setup.lan_delay ? w->setup.lan_delay
							    : 50 };

	c.personality.time_wait = c.personality.fin_wait2 = SEC(5);
	c.personality.tx_lowat = TLS_PLAIN_MAX + TLS_SEAL_OVERHEAD;
	for (unsigned i = 0; i < SIM_HOSTS; i++) {
		struct sim_host_config host = c;

		host.pool = pools[i];
		if (i == 0)
			host.personality.mss = w->setup.client_mss;
		if (i == 0 && w->setup.client_rcvbuf)
			host.personality.rcvbuf = w->setup.client_rcvbuf;
		if (i == PROXY_HOST && w->setup.sndbuf)
			host.personality.sndbuf = w->setup.sndbuf;
		sim_add(&w->sim, &host);
	}
	sim_connect(&w->sim, 0, PROXY_HOST, &w->setup.link);
	sim_connect(&w->sim, PROXY_HOST, ORIGIN_A, &lan);
	sim_connect(&w->sim, PROXY_HOST, ORIGIN_B, &lan);
	for (unsigned i = ORIGIN_A; i < SIM_HOSTS; i++) {
		struct tcp_stack *tcp = w->sim.host[i].tcp;

		certs_need(
			tcp_listen(tcp, &ipaddr_any, 443, NULL) &&
				tcp_listen(
					tcp, &ipaddr_any, 993,
					(void *)(uintptr_t)&origin_mail_port),
			"listen");
	}
}

void world_init(struct world *w, const struct world_setup *setup)
{
	*w = (struct world){ .setup = *setup };
	rng_init(&tls_rng, setup->seed);
	sim_init(&w->sim, setup->seed);
	w->sim.app = turn;
	w->sim.arg = w;
	add_hosts(w);
	list_init(&w->nobody);
	certs_need(
		!stream_pool_init(&w->bufs, 2 * CLIENTS, CLIENTS, &w->nobody),
		"buffers");
	w->seen.heads = recorded;
	recorded[0] = '\0';
	w->client_tls = target_of(NAME);
	w->routes = mailboxes();
	w->built = build(w, &(struct change){ 0 });
	w->config.current = &w->built->config;
	w->log = proxy_log_new(4096);
	certs_need(w->log != NULL, "proxy_log_new");
	w->board = setup->probes ? health_board_new(1, N_SERVERS) : NULL;
	certs_need(!setup->probes || w->board, "health_board_new");
	w->proxy = proxy_new(
		&(struct proxy_setup){
			.workers = 1,
			.secret = { 3, 4 },
			.tcp = w->sim.host[PROXY_HOST].tcp,
			.config = &w->config,
			.routes = w->routes,
			.board = w->board,
			.clock = sim_clock,
			.max_sessions = setup->sessions ? setup->sessions : 512,
			.buffers = setup->buffers ? setup->buffers : 256,
			.large_buffers = setup->large ? setup->large : 16,
			.max_server_ids = N_SERVERS,
			.log = w->log,
		},
		w->sim.now);
	certs_need(w->proxy != NULL, "proxy_new");
}

struct tls_server *world_origin_tls(void)
{
	return origin_tls;
}

static bool quiet(struct world *w)
{
	for (unsigned i = 0; i < w->sim.n_hosts; i++) {
		const struct tcp_stats *t = tcp_stats(w->sim.host[i].tcp);

		if (t->conns || t->time_wait || t->syn_queue)
			return false;
	}
	return !w->proxy->stats.sessions && !sim_flying(&w->sim);
}

static void check_all_back(struct world *w)
{
	struct proxy *p = w->proxy;

	world_check_dialed(w);
	if (p->stats.sessions || p->session_slab.used)
		world_fail(w, "%u sessions stay", p->session_slab.used);
	read_log(w);
	if (w->log->out || w->log->dropped)
		world_fail(w, "%u records are out, %llu dropped", w->log->out,
			   (unsigned long long)w->log->dropped);
	/* Those that were never whole are no requests by that count. */
	if (w->logged.n < p->stats.requests)
		world_fail(w, "%u requests were logged of %llu", w->logged.n,
			   (unsigned long long)p->stats.requests);
	if (p->lingering)
		world_fail(w, "%u sessions still linger", p->lingering);
	if (p->stats.handshakes_now)
		world_fail(w, "handshakes_now is %llu",
			   (unsigned long long)p->stats.handshakes_now);
	for (unsigned i = 0; i < N_SERVERS; i++)
		if (p->servers[i].connections || p->servers[i].waiting)
			world_fail(w,
				   "server %s still has %lld connections, "
				   "%lld waiting",
				   servers[i].name,
				   (long long)p->servers[i].connections,
				   (long long)p->servers[i].waiting);
	if (p->bufs.small.used || p->bufs.large.used)
		world_fail(w, "%u + %u buffers are missing", p->bufs.small.used,
			   p->bufs.large.used);
	if (!list_empty(&p->sessions) || !list_empty(&p->ready) ||
	    !list_empty(&p->handshakes) || !list_empty(&p->idle) ||
	    !list_empty(&p->heads) || !list_empty(&p->bufs.starved[0]) ||
	    !list_empty(&p->bufs.starved[1]) || p->wheel.armed)
		world_fail(w, "a list or the wheel is not empty");
	for (unsigned i = 0; i < w->sim.n_hosts; i++) {
		const struct tcp_stats *t = tcp_stats(w->sim.host[i].tcp);

		if (t->conns || t->buffers)
			world_fail(w,
				   "host %u has %llu connections left, %llu "
				   "buffers",
				   i, (unsigned long long)t->conns,
				   (unsigned long long)t->buffers);
		if (rte_mempool_avail_count(pools[i]) != pools[i]->size)
			world_fail(w, "host %u lacks packet buffers", i);
	}
}

static void no_clients(struct world *w) {}

void world_settle(struct world *w)
{
	const struct proxy *p = w->proxy;
	const struct session *first;

	w->clients = no_clients;
	w->built->config.health.protocols = 0;
	world_hog(w, SIZE_MAX);
	world_hog_buffers(w, SIZE_MAX);
	w->sim.host[PROXY_HOST].wake = w->sim.now;
	if (!w->wrong[0] && !world_run(w, quiet, SEC(7200))) {
		first = list_entry(p->sessions.next, struct session, link);
		world_fail(w, "no rest: %llu sessions, the first in %s",
			   (unsigned long long)p->stats.sessions,
			   list_empty(&p->sessions)
				   ? "-"
				   : session_state_name(first->state));
	}
	if (!w->wrong[0])
		check_all_back(w);
}

void world_fini(struct world *w)
{
	world_hog(w, SIZE_MAX);
	world_hog_buffers(w, SIZE_MAX);
	for (unsigned i = 0; i < w->n_origins; i++) {
		end_free(w, &w->origin[i]->e);
		free(w->origin[i]);
	}
	proxy_free(w->proxy);
	proxy_log_free(w->log);
	health_board_free(w->board);
	sim_fini(&w->sim);
	stream_pool_fini(&w->bufs);
	route_free(w->routes);
	built_free(w->built);
	tls_target_free(w->client_tls);
}

void world_start(void)
{
	static const struct certs_spec specs[] = {
		{ .file = "ca",
		  .cn = "Contoso CA",
		  .type = "rsa",
		  .from = -1,
		  .to = 100,
		  .authority = 1 },
		{ .file = "front",
		  .cn = NAME,
		  .names = "DNS:" NAME,
		  .type = "rsa",
		  .from = -1,
		  .to = 90,
		  .issuer = "ca" },
		{ .file = "back",
		  .cn = "ex.contoso.com",
		  .names = "DNS:ex.contoso.com",
		  .type = "rsa",
		  .from = -1,
		  .to = 90,
		  .issuer = "ca" },
	};

	rng_init(&tls_rng, 1);
	rand_ours();
	certs_need(!snap_init(), "snap_init");
	snap_register();
	certs_begin();
	for (unsigned i = 0; i < ARRAY_LEN(specs); i++)
		certs_make(&specs[i]);
	tickets = tls_tickets_new();
	origin_tls = server_of("back");
	for (unsigned i = 0; i < SIM_HOSTS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "host%u", i);
		pools[i] = eal_pool(name, 8191, 2048);
	}
}

void world_stop(void)
{
	tls_server_free(origin_tls);
	tls_tickets_free(tickets);
	certs_end();
	snap_unregister();
}
