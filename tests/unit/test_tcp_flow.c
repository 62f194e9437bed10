/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_tcp_flow.c - what TCP finds things by: sequence arithmetic, options,
 * the flow table, source ports, listeners, the SYN queue.
 */
#include "tcp_peer.h"

static void sequence_numbers(void **state)
{
	static const struct {
		uint32_t a, b;
		bool lt;
	} rows[] = {
		{ 0, 1, true },
		{ 1, 0, false },
		{ 5, 5, false },
		{ 0xffffffff, 0, true },
		{ 0, 0xffffffff, false },
		{ 0xfffffff0, 0x10, true },
		{ 0, 0x7fffffff, true },
		{ 0x7fffffff, 0, false },
		{ 0x80000001, 0, true },
		{ 0xc0000000, 0x3fffffff, true },
		{ 0x3fffffff, 0xc0000000, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t a = rows[i].a, b = rows[i].b;

		assert_int_equal(seq_lt(a, b), rows[i].lt);
		assert_int_equal(seq_gt(b, a), rows[i].lt);
		assert_int_equal(seq_le(a, b), rows[i].lt || a == b);
		assert_int_equal(seq_ge(a, b), !rows[i].lt);
		assert_int_equal(seq_max(a, b), rows[i].lt ? b : a);
	}
}

static const struct {
	const char *what;
	uint8_t bytes[40];
	uint8_t n;
	bool ok;
	struct tcp_opts opts;
} option_rows[] = {
	{ "none", { 0 }, 0, true, { 0 } },
	{ "the end at once", { 0, 2, 4 }, 3, true, { 0 } },
	{ "padding only", { 1, 1, 1, 1 }, 4, true, { 0 } },
	{ "MSS", { 2, 4, 5, 0xb4 }, 4, true, { .has_mss = true, .mss = 1460 } },
	{ "MSS 0", { 2, 4, 0, 0 }, 4, true, { .has_mss = true } },
	{ "MSS cut off", { 2, 4, 5 }, 3, false, { 0 } },
	{ "MSS too short", { 2, 3, 5, 1 }, 4, false, { 0 } },
	{ "MSS too long", { 2, 5, 5, 1, 1 }, 5, false, { 0 } },
	{ "scale", { 3, 3, 7 }, 3, true, { .has_scale = true, .scale = 7 } },
	{ "scale 15 counts as 14",
	  { 3, 3, 15 },
	  3,
	  true,
	  { .has_scale = true, .scale = 14 } },
	{ "scale 255",
	  { 3, 3, 255 },
	  3,
	  true,
	  { .has_scale = true, .scale = 14 } },
	{ "scale without a value", { 3, 2 }, 2, false, { 0 } },
	{ "timestamps",
	  { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8 },
	  12,
	  true,
	  { .has_ts = true, .tsval = 0x01020304, .tsecr = 0x05060708 } },
	{ "timestamps of 9", { 8, 9, 1, 2, 3, 4, 5, 6, 7 }, 9, false, { 0 } },
	{ "timestamps of 11",
	  { 8, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9 },
	  11,
	  false,
	  { 0 } },
	{ "all, as Linux sends them",
	  { 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7 },
	  20,
	  true,
	  { .has_mss = true,
	    .mss = 1460,
	    .has_scale = true,
	    .scale = 7,
	    .has_ts = true,
	    .tsval = 1 } },
	{ "the last one counts",
	  { 2, 4, 1, 1, 2, 4, 2, 2 },
	  8,
	  true,
	  { .has_mss = true, .mss = 0x202 } },
	{ "unknown is skipped",
	  { 254, 4, 9, 9, 3, 3, 2 },
	  7,
	  true,
	  { .has_scale = true, .scale = 2 } },
	{ "unknown of no length", { 254, 0, 2, 4, 5, 0xb4 }, 6, false, { 0 } },
	{ "length 1", { 254, 1, 1 }, 3, false, { 0 } },
	{ "a kind and nothing more", { 1, 254 }, 2, false, { 0 } },
	{ "runs over the end", { 254, 40, 1, 1 }, 4, false, { 0 } },
	{ "nothing behind the end counts", { 0, 254, 40 }, 3, true, { 0 } },
};

static void options(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(option_rows); i++) {
		struct tcp_opts o;

		print_message("# %s\n", option_rows[i].what);
		assert_int_equal(tcp_opts_parse(option_rows[i].bytes,
						option_rows[i].n, &o),
				 option_rows[i].ok);
		if (!option_rows[i].ok)
			continue;
		assert_int_equal(o.has_mss, option_rows[i].opts.has_mss);
		assert_int_equal(o.mss, option_rows[i].opts.mss);
		assert_int_equal(o.has_scale, option_rows[i].opts.has_scale);
		assert_int_equal(o.scale, option_rows[i].opts.scale);
		assert_int_equal(o.has_ts, option_rows[i].opts.has_ts);
		assert_int_equal(o.tsval, option_rows[i].opts.tsval);
		assert_int_equal(o.tsecr, option_rows[i].opts.tsecr);
	}
}

/* --- the table --------------------------------------------------------------
 */

#define MANY 100000

static struct flow_key key_of(const struct flow_table *f, uint32_t i)
{
	const uint8_t four[4] = { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8),
				  (uint8_t)i };
	struct flow_key k = { .local = peer_ip("192.0.2.1"),
			      .remote = ipaddr_v4(four),
			      .lport = 443,
			      .rport = (uint16_t)(i * 7 + 1) };

	tcp_flow_hash(f, &k);
	return k;
}

static void table(void **state)
{
	static struct flow_key *object[MANY];
	const struct hash_key secret = { 3, 4 };
	enum flow_tag tag;
	struct flow_table f;
	struct slab slab[FLOW_TAGS];

	assert_int_equal(tcp_flow_init(&f, MANY, &secret), 0);
	for (unsigned i = 0; i < FLOW_TAGS; i++) {
		assert_int_equal(slab_init(&slab[i], sizeof(struct flow_key),
					   MANY / FLOW_TAGS + 1),
				 0);
		f.slab[i] = &slab[i];
	}
	/* No more than a line for two entries. */
	assert_true((f.mask + 1) * sizeof(struct flow_bucket) <=
		    (size_t)MANY * 32);
	for (uint32_t i = 0; i < MANY; i++) {
		struct flow_key k = key_of(&f, i);

		assert_null(tcp_flow_find(&f, &k, &tag));
		object[i] = slab_get(&slab[i % FLOW_TAGS]);
		*object[i] = k;
		assert_int_equal(tcp_flow_insert(&f,
						 (enum flow_tag)(i % FLOW_TAGS),
						 object[i]),
				 0);
	}
	/* Every third goes; the others stay where they can be found. */
	for (uint32_t i = 0; i < MANY; i += 3)
		tcp_flow_remove(&f, (enum flow_tag)(i % FLOW_TAGS), object[i]);
	assert_int_equal(f.used, MANY - (MANY + 2) / 3);
	for (uint32_t i = 0; i < MANY; i++) {
		struct flow_key k = key_of(&f, i);
		void *found = tcp_flow_find(&f, &k, &tag);

		assert_ptr_equal(found, i % 3 ? object[i] : NULL);
		if (found)
			assert_int_equal(tag, i % FLOW_TAGS);
	}
	for (uint32_t i = 0; i < MANY; i++)
		if (i % 3)
			tcp_flow_remove(&f, (enum flow_tag)(i % FLOW_TAGS),
					object[i]);
	assert_int_equal(f.used, 0);
	for (uint32_t i = 0; i <= f.mask; i++)
		assert_int_equal(f.spill[i], 0);
	for (unsigned i = 0; i < FLOW_TAGS; i++)
		slab_fini(&slab[i]);
	tcp_flow_fini(&f);
}

/* All in one bucket, as if the attacker knew the key: the neighbours take
 * FLOW_PROBES buckets' worth, and then it is refused, not searched for. */
static void table_is_bounded(void **state)
{
	const struct hash_key secret = { 3, 4 };
	struct flow_key k = { .lport = 1, .hash = 0xfffffffe }, *o;
	unsigned most = FLOW_SLOTS * FLOW_PROBES;
	struct flow_table f;
	struct slab slab;
	enum flow_tag tag;

	assert_int_equal(tcp_flow_init(&f, 1000, &secret), 0);
	assert_int_equal(slab_init(&slab, sizeof(k), 1000), 0);
	f.slab[FLOW_CONN] = &slab;
	for (unsigned i = 0; i < most + 1; i++) {
		o = slab_get(&slab);
		*o = k;
		o->rport = (uint16_t)i;
		assert_int_equal(tcp_flow_insert(&f, FLOW_CONN, o),
				 i < most ? 0 : -ENOSPC);
	}
	for (unsigned i = 0; i < most; i++) {
		k.rport = (uint16_t)i;
		o = tcp_flow_find(&f, &k, &tag);
		assert_non_null(o);
		tcp_flow_remove(&f, FLOW_CONN, o);
		assert_null(tcp_flow_find(&f, &k, &tag));
	}
	slab_fini(&slab);
	tcp_flow_fini(&f);
}

/* --- source ports
 * ------------------------------------------------------------- */

/* Four workers of one machine: every port one of them chooses brings the
 * answer to itself, and a segment that lands elsewhere is sent there. */
static void ports_come_home(void **state)
{
	const struct hash_key secret = { 9, 9 };
	static struct steer steer;
	struct peer p[4];

	steer_init(&steer, 4, NULL, &secret);
	for (unsigned w = 0; w < 4; w++) {
		struct tcp_config c = peer_config();

		c.worker = w;
		c.steer = &steer;
		c.seed = w;
		peer_open(&p[w], &c);
	}
	for (unsigned i = 0; i < 200; i++) {
		unsigned w = i % 4, other = (w + 1) % 4;
		struct ipaddr to = peer_ip(i & 8 ? "2001:db8::9" : "192.0.2.9");
		struct tcp_conn *c;
		int error;

		c = tcp_connect(p[w].t, &ipaddr_any, &to, 443, NULL, p[w].now,
				&error);
		assert_non_null(c);
		const struct ip_tuple arriving = { c->key.remote, c->key.local,
						   c->key.rport, c->key.lport };

		assert_int_equal(steer_owner(&steer, &arriving), w);
		/* The answer lands on the wrong worker. */
		p[other].us = c->key.local;
		p[other].them = c->key.remote;
		p[other].uport = c->key.lport;
		p[other].tport = 443;
		assert_int_equal(peer_raw(&p[other], TCP_SYN | TCP_ACK, 1,
					  c->iss + 1, NULL, 0),
				 TCP_NOT_MINE);
		assert_int_equal(p[other].owner, w);
		tcp_close(c, p[w].now);
	}
	for (unsigned w = 0; w < 4; w++)
		peer_fini(&p[w]);
}

/* RFC 6056: not the same port twice, none below 1024, none somebody listens
 * on; another destination begins elsewhere. */
static void ports_differ(void **state)
{
	static uint8_t seen[65536];
	struct ipaddr to = peer_ip("192.0.2.9");
	struct tcp_config config = peer_config();
	struct tcp_conn *c[64];
	uint16_t first;
	struct peer p;
	int error;

	memset(seen, 0, sizeof(seen));
	peer_open(&p, &config);
	for (unsigned i = 0; i < 64; i++) {
		c[i] = tcp_connect(p.t, &ipaddr_any, &to, 443, NULL, p.now,
				   &error);
		assert_non_null(c[i]);
		assert_int_equal(seen[c[i]->key.lport]++, 0);
		assert_true(c[i]->key.lport >= 1024);
	}
	assert_null(
		tcp_connect(p.t, &ipaddr_any, &to, 443, NULL, p.now, &error));
	assert_int_equal(error, -ENOMEM);
	first = c[0]->key.lport;
	for (unsigned i = 0; i < 64; i++)
		tcp_close(c[i], p.now);
	c[0] = tcp_connect(p.t, &ipaddr_any, &to, 444, NULL, p.now, &error);
	assert_true(abs(c[0]->key.lport - first) > 64);
	tcp_close(c[0], p.now);

	to = peer_ip("198.51.100.1");
	assert_null(
		tcp_connect(p.t, &ipaddr_any, &to, 443, NULL, p.now, &error));
	assert_int_equal(error, -ENETUNREACH);
	peer_fini(&p);
}

/* RFC 6191: when every other port is taken, the one in TIME-WAIT for more
 * than a second gives way, and the new numbers lie beyond the old. */
static void ports_out_of_time_wait(void **state)
{
	struct tcp_config config = peer_config();
	struct tcp_conn *c;
	struct packet k;
	struct peer p;
	uint32_t old;
	int error;

	config.personality.timestamps = true;
	config.max_conns = 65536;
	peer_open(&p, &config);
	p.opts = (struct tcp_opts){ .has_ts = true, .tsval = 77 };
	c = peer_connect(&p);
	assert_int_equal(peer_send(&p, TCP_SYN | TCP_ACK, 0, 1, 0), TCP_OK);
	tcp_shutdown(c, p.now);
	peer_flush(&p);
	assert_int_equal(peer_send(&p, TCP_FIN | TCP_ACK, 1, 2, 0), TCP_OK);
	old = c->snd_max;
	tcp_close(c, p.now);
	assert_int_equal(tcp_stats(p.t)->time_wait, 1);

	for (unsigned i = 0; i < 65536 - 1024 - 1; i++) {
		c = tcp_connect(p.t, &ipaddr_any, &p.them, p.tport, NULL, p.now,
				&error);
		assert_non_null(c);
		assert_int_not_equal(c->key.lport, p.uport);
	}
	assert_null(tcp_connect(p.t, &ipaddr_any, &p.them, p.tport, NULL, p.now,
				&error));
	assert_int_equal(error, -EADDRNOTAVAIL);
	assert_int_equal(tcp_stats(p.t)->no_port, 1);
	/* The walk goes on where it stopped: bring it round. */
	memset(p.t->port_next, 0, sizeof(p.t->port_next));
	p.now += SEC(2);
	c = tcp_connect(p.t, &ipaddr_any, &p.them, p.tport, NULL, p.now,
			&error);
	assert_non_null(c);
	assert_int_equal(c->key.lport, p.uport);
	assert_true(seq_gt(c->iss, old));
	assert_int_equal(tcp_stats(p.t)->time_wait, 0);
	assert_false(peer_take(&p, &k));
	peer_fini(&p);
}

/* --- listeners and the SYN queue
 * ------------------------------------------------ */

static void listeners(void **state)
{
	struct ipaddr one = peer_ip("192.0.2.1"), other = peer_ip("192.0.2.7");
	struct tcp_listener *exact;
	struct peer p;
	void *user;

	peer_init(&p);
	assert_null(tcp_listen(p.t, &ipaddr_any, PEER_LISTEN, NULL));
	assert_non_null(tcp_listen(p.t, &other, PEER_LISTEN, &other));
	exact = tcp_listen(p.t, &one, PEER_LISTEN, &one);
	assert_non_null(exact);
	assert_non_null(tcp_listen(p.t, &one, 25, NULL));
	assert_null(tcp_listen(p.t, &one, 26, NULL)); /* max_listeners */

	/* The exact address before any address. */
	peer_send(&p, TCP_SYN, 0, 0, 0);
	struct packet k;

	assert_true(peer_recv(&p, &k));
	p.iss = k.seq;
	peer_send(&p, TCP_ACK, 1, 1, 0);
	/* Not yet accepted when its listener goes: reset. */
	tcp_unlisten(p.t, exact);
	assert_null(tcp_accept(p.t, &user));
	assert_true(peer_recv(&p, &k));
	assert_int_equal(k.flags, TCP_RST | TCP_ACK);
	p.tport++;
	tcp_abort(peer_accept(&p), p.now); /* the wildcard's now */
	peer_fini(&p);
}

/* Of a flood the oldest goes; who answers gets in. */
static void syn_flood(void **state)
{
	struct tcp_config config = peer_config();
	struct packet k;
	struct peer p;

	config.max_syn = 4;
	peer_open(&p, &config);
	for (unsigned i = 0; i < 100; i++) {
		p.tport = (uint16_t)(1000 + i);
		assert_int_equal(peer_send(&p, TCP_SYN, 0, 0, 0), TCP_OK);
		assert_true(peer_recv(&p, &k));
		assert_int_equal(k.len, 0);
		assert_int_equal(tcp_stats(p.t)->syn_queue, min(i + 1, 4u));
	}
	assert_int_equal(tcp_stats(p.t)->verdicts[TCP_DROP_BACKLOG], 96);
	p.iss = k.seq;
	assert_int_equal(peer_send(&p, TCP_ACK, 1, 1, 0), TCP_OK);
	assert_int_equal(tcp_stats(p.t)->conns, 1);
	peer_fini(&p);
}

/* To a stranger at most three times what came from it. */
static void amplification(void **state)
{
	static const struct {
		struct tcp_opts opts;
		unsigned answers;
	} rows[] = {
		{ { .has_mss = true, .mss = 1460 }, 3 },
		{ { .has_mss = true,
		    .has_ts = true,
		    .tsval = 1,
		    .has_scale = true },
		  3 },
		{ { 0 }, 2 }, /* the answer is longer than the question */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tcp_config config = peer_config();
		uint8_t buf[40];
		unsigned in = 40 + tcp_opts_write(buf, &rows[i].opts), out = 0;
		unsigned n = 0;
		struct packet k;
		struct peer p;

		config.personality.timestamps = true;
		peer_open(&p, &config);
		p.opts = rows[i].opts;
		peer_send(&p, TCP_SYN, 0, 0, 0);
		for (unsigned t = 0; t < 60; t++) {
			while (peer_recv(&p, &k)) {
				out += 40 + tcp_opts_write(buf, &k.opts);
				n++;
			}
			peer_wait(&p, SEC(1));
		}
		assert_int_equal(n, rows[i].answers);
		assert_true(out <= 3 * in);
		assert_int_equal(tcp_stats(p.t)->syn_queue, 0);
		peer_fini(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequence_numbers),
		cmocka_unit_test(options),
		cmocka_unit_test(table),
		cmocka_unit_test(table_is_bounded),
		cmocka_unit_test(ports_come_home),
		cmocka_unit_test(ports_differ),
		cmocka_unit_test(ports_out_of_time_wait),
		cmocka_unit_test(listeners),
		cmocka_unit_test(syn_flood),
		cmocka_unit_test(amplification),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
