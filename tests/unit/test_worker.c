/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_worker.c - two appliances in one process, joined by a wire of rings,
 * their workers' turns taken one after the other at a time the test decides.
 */
#include "unit.h"

#include <pthread.h>

#include "nic/nic.h"
#include "snap/snap.h"
#include "worker/worker.h"

#define STEP 50 /* [us] between the turns of one worker */
#define ECHO 7
#define DISCARD 9 /* nobody listens there */

static struct rte_mempool *pools[2][4];

/* --- applications -------------------------------------------------------- */

#define SIZE 50000

struct dialogue {
	struct tcp_conn *c;
	size_t sent, got;
	bool refused, done;
};

struct actor {
	struct worker_app app;
	struct tcp_stack *tcp;
	bool server;
	struct dialogue talk[8];
	unsigned n_messages;
	uintptr_t last; /* message */
	bool in_order;
};

static uint8_t byte_at(const struct actor *a, const struct dialogue *d,
		       size_t at)
{
	return (uint8_t)(at * 31 + (size_t)(d - a->talk) * 7 + (at >> 9));
}

static void serve_echo(struct tcp_conn *c, usec_t now)
{
	uint8_t buf[512];
	struct iovec iov;

	while (tcp_rx_avail(c) && tcp_tx_space(c) >= sizeof(buf) &&
	       tcp_rx_peek(c, &iov, 1)) {
		size_t n = min(iov.iov_len, sizeof(buf));

		memcpy(buf, iov.iov_base, n);
		assert_int_equal(tcp_write(c, buf, n, now), n);
		tcp_rx_consume(c, n, now);
	}
	if (tcp_dead(c) ||
	    (tcp_status(c) == TCP_PEER_CLOSED && !tcp_rx_avail(c)))
		tcp_close(c, now);
}

static void serve_client(struct actor *a, struct dialogue *d, usec_t now)
{
	struct iovec iov;

	while (tcp_rx_avail(d->c) && tcp_rx_peek(d->c, &iov, 1)) {
		const uint8_t *p = iov.iov_base;

		for (size_t i = 0; i < iov.iov_len; i++)
			if (p[i] != byte_at(a, d, d->got + i))
				fail_msg("byte %zu differs", d->got + i);
		d->got += iov.iov_len;
		tcp_rx_consume(d->c, iov.iov_len, now);
	}
	while (d->sent < SIZE && tcp_tx_space(d->c)) {
		uint8_t b[200];
		size_t n = min(sizeof(b), SIZE - d->sent);

		for (size_t i = 0; i < n; i++)
			b[i] = byte_at(a, d, d->sent + i);
		d->sent += tcp_write(d->c, b, n, now);
		if (d->sent == SIZE)
			tcp_shutdown(d->c, now);
	}
	d->refused = tcp_status(d->c) == TCP_REFUSED;
	d->done = tcp_dead(d->c) || tcp_status(d->c) == TCP_PEER_CLOSED;
	if (d->done)
		tcp_close(d->c, now);
}

static bool serve(struct worker_app *app, usec_t now)
{
	struct actor *a = container_of(app, struct actor, app);
	struct tcp_conn *c;
	bool busy = false;
	void *user;

	while ((c = tcp_accept(a->tcp, &user))) {
		busy = true;
		serve_echo(c, now);
	}
	while ((c = tcp_ready(a->tcp))) {
		busy = true;
		if (a->server)
			serve_echo(c, now);
		else
			serve_client(a, tcp_user(c), now);
	}
	return busy;
}

static void message(struct worker_app *app, void *msg, usec_t now)
{
	struct actor *a = container_of(app, struct actor, app);

	a->in_order &= (uintptr_t)msg == a->last + 8;
	a->last = (uintptr_t)msg;
	__atomic_add_fetch(&a->n_messages, 1, __ATOMIC_RELEASE);
}

/* --- appliances ---------------------------------------------------------- */

struct appliance {
	struct nic_port *port;
	struct worker_group *group;
	struct actor actor[4];
	unsigned workers, side;
	unsigned before[4];
};

static void appliance_start(struct appliance *a, unsigned side,
			    unsigned workers, unsigned queues,
			    enum worker_idle idle, unsigned ring)
{
	const struct nic_profile profile = {
		.name = "ring",
		.driver = "net_ring",
		.rx_desc = (uint16_t)ring,
		.multi_seg = true,
		.copy_tx = true,
		.max_queues = (uint16_t)queues,
	};
	static const uint8_t key[52];
	static struct worker_group_config g;
	char error[256];

	memset(a, 0, sizeof(*a));
	memset(&g, 0, sizeof(g));
	a->workers = workers;
	a->side = side;
	for (unsigned i = 0; i < 4; i++)
		a->before[i] = rte_mempool_avail_count(pools[side][i]);
	a->port = nic_open(&profile, side ? "right" : "left",
			   side ? "w:b" : "w:a", 1500, workers, pools[side],
			   key, error, sizeof(error));
	if (!a->port)
		fail_msg("%s", error);
	g.workers = workers;
	g.n_ports = 1;
	g.port[0].port = a->port;
	memcpy(g.pools, pools[side], sizeof(pools[side]));
	g.secret = (struct hash_key){ 1, 2 };
	g.seed = 42 + side;
	g.idle = idle;
	g.max_conns = 64;
	g.personality = tcp_default_personality;
	steer_init(&g.steer, workers, NULL, &g.secret);
	g.port[0].iface.n_addrs = 2;
	assert_int_equal(ipprefix_parse(side ? "10.9.0.2/24" : "10.9.0.1/24",
					&g.port[0].iface.addrs[0]),
			 0);
	assert_int_equal(ipprefix_parse(side ? "fd09::2/64" : "fd09::1/64",
					&g.port[0].iface.addrs[1]),
			 0);
	a->group = worker_group_new(&g, SEC(1));
	assert_non_null(a->group);
	for (unsigned i = 0; i < workers; i++) {
		struct actor *x = &a->actor[i];

		x->tcp = worker_tcp(worker_get(a->group, i));
		x->app = (struct worker_app){ serve, message, NULL };
		x->server = side;
		x->in_order = true;
		worker_set_app(worker_get(a->group, i), &x->app);
		if (side)
			assert_non_null(
				tcp_listen(x->tcp, &ipaddr_any, ECHO, NULL));
	}
}

/* Nothing may have been lost on the way: every buffer is back. */
static void appliance_end(struct appliance *a)
{
	worker_group_free(a->group);
	nic_close(a->port);
}

static void all_buffers_back(const struct appliance *a)
{
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(rte_mempool_avail_count(pools[a->side][i]),
				 a->before[i]);
}

static bool turns(struct appliance *a, usec_t now)
{
	bool busy = false;

	for (unsigned i = 0; i < a->workers; i++)
		busy |= worker_turn(worker_get(a->group, i), now);
	return busy;
}

static uint64_t sum(const struct appliance *a, size_t offset)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < a->workers; i++)
		total += *(const uint64_t *)((const char *)worker_stats(
						     worker_get(a->group, i)) +
					     offset);
	return total;
}
#define SUM(a, counter) sum(a, offsetof(struct worker_stats, counter))

/* --- what they do --------------------------------------------------------- */

static void dial(struct appliance *a, const char *to, uint16_t port,
		 unsigned per_worker, usec_t now)
{
	struct ipaddr remote;
	int error;

	assert_int_equal(ipaddr_parse(to, &remote), 0);
	for (unsigned i = 0; i < a->workers; i++)
		for (unsigned k = 0; k < per_worker; k++) {
			struct dialogue *d = &a->actor[i].talk[k];

			*d = (struct dialogue){ 0 };
			d->c = tcp_connect(a->actor[i].tcp, &ipaddr_any,
					   &remote, port, d, now, &error);
			assert_non_null(d->c);
		}
}

static bool all_done(const struct appliance *a, unsigned per_worker)
{
	for (unsigned i = 0; i < a->workers; i++)
		for (unsigned k = 0; k < per_worker; k++)
			if (!a->actor[i].talk[k].done)
				return false;
	return true;
}

/* Turns until every client is done, and a few more: what is between workers
 * arrives. */
static usec_t play(struct appliance *a, struct appliance *b, unsigned per,
		   usec_t now)
{
	unsigned rest = 20;

	for (unsigned n = 0; n < 100000 && rest; n++) {
		turns(a, now);
		turns(b, now);
		now += STEP;
		rest -= all_done(a, per);
	}
	return now;
}

/* Every shape of workers and queues carries the same dialogues: both families,
 * 50 kB there and back on each connection. */
static void shapes(void **state)
{
	static const struct {
		unsigned clients, servers, queues;
	} rows[] = {
		{ 1, 1, 1 }, { 1, 2, 1 }, { 1, 4, 1 }, { 2, 2, 2 },
		{ 2, 4, 2 }, { 4, 2, 2 }, { 4, 4, 1 }, { 4, 4, 4 },
	};
	static const char *const to[] = { "10.9.0.2", "fd09::2" };

	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		struct appliance a, b;
		usec_t now = SEC(1);
		unsigned per = 8 / rows[r].clients;

		appliance_start(&a, 0, rows[r].clients, rows[r].queues,
				WORKER_SPIN, 1024);
		appliance_start(&b, 1, rows[r].servers, rows[r].queues,
				WORKER_SPIN, 1024);
		for (unsigned f = 0; f < ARRAY_LEN(to); f++) {
			dial(&a, to[f], ECHO, per, now);
			now = play(&a, &b, per, now);
			for (unsigned i = 0; i < a.workers; i++)
				for (unsigned k = 0; k < per; k++)
					assert_int_equal(a.actor[i].talk[k].got,
							 SIZE);
		}
		assert_int_equal(SUM(&a, tx_drops) + SUM(&b, tx_drops), 0);
		assert_int_equal(SUM(&a, handover_drops), 0);
		assert_int_equal(SUM(&b, handover_drops), 0);
		assert_int_equal(SUM(&b, handed_over), SUM(&b, taken_over));
		/* Rings do not spread by hash: what steering wants must be
		 * handed over, whatever queue it came by. */
		if (rows[r].servers == 1)
			assert_int_equal(SUM(&b, handed_over), 0);
		else
			assert_true(SUM(&b, handed_over) > 100);
		assert_true(SUM(&a, rx_packets) <= SUM(&b, tx_packets));
		assert_true(SUM(&b, busy_us) > 0);
		appliance_end(&a);
		appliance_end(&b);
		all_buffers_back(&a);
		all_buffers_back(&b);
	}
}

/* A segment for nobody is answered once, by the owner, and never bounces. */
static void refused_once(void **state)
{
	struct appliance a, b;
	usec_t now = SEC(1);
	uint64_t resets = 0;

	appliance_start(&a, 0, 2, 1, WORKER_SPIN, 1024);
	appliance_start(&b, 1, 4, 1, WORKER_SPIN, 1024);
	dial(&a, "10.9.0.2", DISCARD, 4, now);
	play(&a, &b, 4, now);
	for (unsigned i = 0; i < 2; i++)
		for (unsigned k = 0; k < 4; k++)
			assert_true(a.actor[i].talk[k].refused);
	for (unsigned i = 0; i < 4; i++)
		resets += tcp_stats(b.actor[i].tcp)->resets_out;
	assert_int_equal(resets, 8);
	assert_int_equal(SUM(&b, handed_over), SUM(&b, taken_over));
	assert_true(SUM(&b, handed_over) <= 8 + 3 * SUM(&b, rx_packets));
	assert_int_equal(SUM(&b, handover_drops), 0);
	appliance_end(&a);
	appliance_end(&b);
	all_buffers_back(&a);
	all_buffers_back(&b);
}

/* A port that takes nothing keeps packets 10 ms, then loses them, counted. */
static void stuck_port(void **state)
{
	struct appliance a;
	struct ip_txv *v;
	usec_t now = SEC(1);

	appliance_start(&a, 0, 1, 1, WORKER_SPIN, 64); /* no other end */
	v = ip_txv(worker_ip(worker_get(a.group, 0)), 0);
	while (v->n < 200) {
		worker_announce(a.group, 0);
		turns(&a, now);
	}
	assert_int_equal(SUM(&a, tx_packets), 63);
	assert_int_equal(SUM(&a, tx_drops), 0);
	now += MSEC(9);
	assert_true(turns(&a, now)); /* unfinished work is no idleness */
	assert_true(v->n >= 200);
	now += MSEC(2);
	turns(&a, now);
	assert_int_equal(v->n, 0);
	assert_true(SUM(&a, tx_drops) >= 200);
	appliance_end(&a);
	all_buffers_back(&a);
}

static void stalls(void **state)
{
	static const struct {
		usec_t gap;
		unsigned stalls;
	} rows[] = {
		{ MSEC(99), 0 },
		{ MSEC(101), 1 },
		{ MSEC(1), 1 },
		{ SEC(100), 2 },
	};
	struct appliance a;
	usec_t now = SEC(1);

	appliance_start(&a, 0, 1, 1, WORKER_SPIN, 64);
	assert_string_equal(worker_phase(worker_get(a.group, 0)), "new");
	turns(&a, now);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		now += rows[i].gap;
		turns(&a, now);
		assert_int_equal(SUM(&a, stalls), rows[i].stalls);
	}
	assert_int_equal(SUM(&a, turns), 5);
	assert_string_equal(worker_phase(worker_get(a.group, 0)), "transmit");
	appliance_end(&a);
	all_buffers_back(&a);
}

static void messages(void **state)
{
	struct appliance a;
	uintptr_t n = 0;

	appliance_start(&a, 0, 2, 1, WORKER_SPIN, 64);
	while (worker_send(a.group, WORKER_CONTROL, 1, (void *)(n + 8)))
		n += 8;
	assert_int_equal(n / 8, 256);
	assert_true(worker_send(a.group, 0, 1, (void *)(n + 8)));
	turns(&a, SEC(1));
	assert_int_equal(a.actor[0].n_messages, 0);
	assert_int_equal(a.actor[1].n_messages, 65); /* 64 a ring and turn */
	for (unsigned i = 0; i < 3; i++)
		turns(&a, SEC(1));
	assert_int_equal(a.actor[1].n_messages, 257);
	assert_int_equal(SUM(&a, messages), 257);
	assert_true(worker_send(a.group, WORKER_CONTROL, 0, (void *)24));
	assert_true(worker_send(a.group, 1, 0, (void *)32));
	assert_null(worker_take_message(a.group, 1));
	assert_ptr_equal(worker_take_message(a.group, 0), (void *)32);
	assert_ptr_equal(worker_take_message(a.group, 0), (void *)24);
	assert_null(worker_take_message(a.group, 0));
	appliance_end(&a);
	all_buffers_back(&a);
}

static void *run(void *worker)
{
	return (void *)(intptr_t)worker_run(worker);
}

/* Real threads that fall asleep, are woken by what they are given, and end
 * when told. */
static void sleepers(void **state)
{
	enum { N = 5000 };
	struct appliance a;
	pthread_t t[2];

	appliance_start(&a, 0, 2, 1, WORKER_SAVING, 64);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, run,
						worker_get(a.group, i)),
				 0);
	for (uintptr_t i = 1; i <= N; i++)
		while (!worker_send(a.group, WORKER_CONTROL, i & 1,
				    (void *)(8 * ((i + (i & 1)) / 2))))
			sched_yield();
	for (unsigned i = 0; i < 2; i++)
		while (__atomic_load_n(&a.actor[i].n_messages,
				       __ATOMIC_ACQUIRE) < N / 2)
			sched_yield();
	/* Now asleep for a millisecond at a time. */
	usleep(50000);
	assert_true(stat_read(&worker_stats(worker_get(a.group, 1))->sleeps) >
		    10);
	worker_stop(a.group);
	for (unsigned i = 0; i < 2; i++) {
		void *rc;

		assert_int_equal(pthread_join(t[i], &rc), 0);
		assert_null(rc);
		assert_true(a.actor[i].in_order);
		assert_int_equal(a.actor[i].n_messages, N / 2);
		assert_string_equal(worker_phase(worker_get(a.group, i)),
				    "stopped");
	}
	appliance_end(&a);
	all_buffers_back(&a);
}

static int start(void **state)
{
	static const struct nic_eal eal = {
		.program = "test_worker",
		.file_prefix = "test_worker",
		.lcores = "0",
		.memory_mb = 256,
		.no_huge = true,
		.no_telemetry = true,
	};
	bool huge;

	assert_int_equal(snap_init(), 0);
	assert_int_equal(nic_eal_init(&eal, &huge), 0);
	for (unsigned i = 0; i < 8; i++) {
		char name[8];

		snprintf(name, sizeof(name), "p%u", i);
		pools[i / 4][i % 4] = nic_pool_new(name, 4095, 1500, -1, true);
		assert_non_null(pools[i / 4][i % 4]);
	}
	snap_register();
	return 0;
}

static int stop(void **state)
{
	snap_unregister();
	for (unsigned i = 0; i < 8; i++)
		nic_pool_free(pools[i / 4][i % 4]);
	nic_eal_fini();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes),     cmocka_unit_test(refused_once),
		cmocka_unit_test(stuck_port), cmocka_unit_test(stalls),
		cmocka_unit_test(messages),   cmocka_unit_test(sleepers),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
