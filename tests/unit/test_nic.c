/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_nic.c - profiles, ports that need no kernel, and what nic does for a
 * driver that cannot. Ports upon kernel interfaces: tests/system/test_nic.py.
 */
#include "unit.h"

#include <errno.h>
#include <rte_ethdev.h>

#include "nic/nic_priv.h"

static struct rte_mempool *pool[2], *small;
static uint8_t rss_key[52];
static char error[512];

static const struct nic_profile ring = {
	.name = "ring",
	.driver = "net_ring",
	.rx_desc = 64,
	.max_queues = 1,
	.max_mtu = 9000,
	.multi_seg = true,
	.copy_tx = true,
};
static const struct nic_profile memif = {
	.name = "memif",
	.driver = "net_memif",
	.max_mtu = 1500,
	.devargs = "role={role},socket={path},socket-abstract=no,id={id},bsize="
		   "2048,rsize=8",
	.multi_seg = false,
};
static const struct nic_profile null = {
	.name = "null",
	.driver = "net_null",
	.rss = true,
	.max_mtu = 1500,
};

static struct nic_port *open_port(const struct nic_profile *p, const char *name,
				  const char *device, unsigned workers)
{
	struct nic_port *port = nic_open(p, name, device, 1500, workers, pool,
					 rss_key, error, sizeof(error));

	if (!port)
		fprintf(stderr, "%s\n", error);
	return port;
}

static int start(void **state)
{
	static const struct nic_eal eal = {
		.program = "test_nic",
		.file_prefix = "test_nic",
		.lcores = "0",
		.memory_mb = 128,
		.no_huge = true,
		.no_telemetry = true,
	};
	bool huge = true;

	for (unsigned i = 0; i < sizeof(rss_key); i++)
		rss_key[i] = (uint8_t)(i * 167 + 13);
	assert_int_equal(nic_eal_init(&eal, &huge), 0);
	assert_false(huge);
	assert_int_equal(nic_eal_init(&eal, &huge), -EALREADY);
	pool[0] = nic_pool_new("p0", 4095, 1500, -1, false);
	pool[1] = nic_pool_new("p1", 4095, 1500, -1, true);
	small = rte_pktmbuf_pool_create("small", 255, 0, 0, 128 + 600, -1);
	assert_non_null(pool[0]);
	assert_non_null(pool[1]);
	assert_non_null(small);
	return 0;
}

static int stop(void **state)
{
	nic_pool_free(pool[0]);
	nic_pool_free(pool[1]);
	nic_pool_free(small);
	nic_eal_fini();
	return 0;
}

static void devargs(void **state)
{
	static const struct {
		const char *format, *device, *out; /* NULL: refused */
	} rows[] = {
		{ "iface={interface},queue_count={queues}", "eth0",
		  "iface=eth0,queue_count=3" },
		{ "", "eth0", "" },
		{ "x={name}{name}", "eth0", "x=lanlan" },
		{ "role={role},socket={path},id={id}", "server:/run/x:7",
		  "role=server,socket=/run/x,id=7" },
		{ "id={id}", "client:/run/x", "id=0" },
		{ "role={role},socket={path}", "server", NULL },
		{ "iface={interfaces}", "eth0", NULL },
		{ "iface={interface", "eth0", NULL },
		{ "{}", "eth0", NULL },
		{ "0123456789012345678901234567890123456789", "x", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char out[40];
		int rc = nic_devargs(rows[i].format, "lan", rows[i].device, 3,
				     out, sizeof(out));

		assert_int_equal(rc == 0, rows[i].out != NULL);
		if (!rc)
			assert_string_equal(out, rows[i].out);
	}
}

/* What an administrator reads when something is wrong. */
static void refusals(void **state)
{
	static const struct {
		struct nic_profile p;
		const char *device;
		uint16_t mtu;
		unsigned workers;
		const char *says;
	} rows[] = {
		{ { .driver = "net_af_packet", .devargs = "iface={interface}" },
		  "nosuch0",
		  1500,
		  1,
		  "port lan: there is no interface 'nosuch0'" },
		{ { .driver = "net_null" },
		  "a,b",
		  1500,
		  1,
		  "device 'a,b' has a character" },
		{ { .driver = "net_null" }, "", 1500, 1, "no device is named" },
		{ { .driver = "net_null" }, "x", 1279, 1, "MTU of 1279" },
		{ { .driver = "net_null", .max_mtu = 1500 },
		  "x",
		  1501,
		  1,
		  "1280 to 1500" },
		{ { .driver = "net_null" },
		  "x",
		  9000,
		  1,
		  "do not hold an MTU of 9000; they need 9146" },
		{ { .driver = "net_null", .multi_seg = true },
		  "x",
		  9000,
		  1,
		  "does not scatter" },
		{ { .driver = "net_null" }, "x", 1500, 17, "1 to 16" },
		{ { .driver = "net_memif", .devargs = "role={role},id={id}" },
		  "",
		  1500,
		  1,
		  "no device is named" },
		{ { .driver = "net_memif", .devargs = "socket={path}" },
		  "/run/x",
		  1500,
		  1,
		  "write ROLE:PATH" },
		{ { .driver = "net_nosuch" },
		  "x",
		  1500,
		  1,
		  "driver net_nosuch refuses" },
		{ { .driver = "net_ring" },
		  "w:c",
		  1500,
		  1,
		  "NAME:a or NAME:b" },
		{ { .driver = "net_ixgbe", .bus = NIC_PCI },
		  "0000:01:00.0",
		  1500,
		  1,
		  "no driver takes PCI device 0000:01:00.0" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct nic_profile p = rows[i].p;

		snprintf(p.name, sizeof(p.name), "row");
		error[0] = '\0';
		assert_null(nic_open(&p, "lan", rows[i].device, rows[i].mtu,
				     rows[i].workers, pool, rss_key, error,
				     sizeof(error)));
		if (!strstr(error, rows[i].says))
			fail_msg("row %zu: '%s' does not say '%s'", i, error,
				 rows[i].says);
		assert_non_null(strstr(error, "port lan: "));
	}
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static struct rte_mbuf *packet(unsigned n, uint8_t fill)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool[0]);

	assert_non_null(m);
	memset(rte_pktmbuf_append(m, (uint16_t)n), fill, n);
	return m;
}

static struct rte_mbuf *chained(unsigned a, unsigned b)
{
	struct rte_mbuf *m = packet(a, 'a');

	assert_int_equal(rte_pktmbuf_chain(m, packet(b, 'b')), 0);
	return m;
}

/* Two ends of a wire; the sender keeps its buffer for a retransmission. */
static void wires(void **state)
{
	unsigned before = rte_mempool_avail_count(pool[0]);
	struct nic_port *a = open_port(&ring, "a", "w:a", 2), *b, *c;
	struct rte_mbuf *m[40], *kept;
	struct nic_stats stats;
	unsigned n;

	assert_non_null(a);
	assert_null(open_port(&ring, "c", "w:a", 2));
	assert_non_null(strstr(error, "in use by another port"));
	c = open_port(&ring, "c", "other:a", 1);
	b = open_port(&ring, "b", "w:b", 1);
	assert_non_null(b);
	assert_non_null(c);
	assert_int_equal(nic_caps(a)->rx_queues, 1);
	assert_true(nic_caps(a)->copy_tx);
	assert_int_equal(nic_caps(a)->mac[0] & 3, 2);
	assert_memory_not_equal(nic_caps(a)->mac, nic_caps(b)->mac, 6);
	assert_true(nic_link_up(a));

	kept = packet(100, 'x');
	rte_mbuf_refcnt_update(kept, 1);
	m[0] = kept;
	m[1] = packet(60, 'y');
	assert_int_equal(nic_tx(a, 0, m, 2), 2);
	assert_int_equal(rte_mbuf_refcnt_read(kept), 1);
	memset(rte_pktmbuf_mtod(kept, void *), 'z', 100);
	assert_int_equal(nic_rx(c, 0, m, 40), 0);
	assert_int_equal(nic_rx(a, 0, m, 40), 0);
	assert_int_equal(nic_rx(b, 0, m, 40), 2);
	assert_int_equal(rte_pktmbuf_mtod(m[0], char *)[99], 'x');
	assert_int_equal(rte_mbuf_refcnt_read(m[0]), 1);
	rte_pktmbuf_free_bulk(m, 2);
	rte_pktmbuf_free(kept);

	/* 63 places: the rest stays with the caller, its copies do not. */
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 40; i++) {
			m[i] = packet(60, (uint8_t)i);
			rte_mbuf_refcnt_update(m[i], (int16_t)(i & 1));
		}
		n = nic_tx(b, 0, m, 40);
		assert_int_equal(n, round == 0 ? 40 : round == 1 ? 23 : 0);
		for (unsigned i = 0; i < 40; i++) {
			assert_int_equal(rte_mbuf_refcnt_read(m[i]),
					 (i < n ? 0 : 1) + (int)(i & 1) +
						 (i < n && !(i & 1)));
			if (i & 1)
				rte_pktmbuf_free(m[i]);
			if (i >= n)
				rte_pktmbuf_free(m[i]);
		}
	}
	nic_stats(b, &stats);
	assert_int_equal(stats.tx_packets, 63);
	nic_close(c);
	nic_close(b);
	nic_close(a); /* with 63 packets on the wire */
	assert_int_equal(rte_mempool_avail_count(pool[0]), before);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void wire_ends_agree(void **state)
{
	struct nic_profile two = ring;
	struct nic_port *a, *b;
	struct rte_mbuf *m;

	two.max_queues = 2;
	a = open_port(&two, "a", "w:a", 2);
	assert_non_null(a);
	assert_int_equal(nic_caps(a)->tx_queues, 2);
	assert_null(open_port(&ring, "b", "w:b", 2));
	assert_non_null(strstr(error, "has 2 queues, this one 1"));
	b = open_port(&two, "b", "w:b", 2);
	assert_non_null(b);
	m = packet(60, 'q');
	assert_int_equal(nic_tx(a, 1, &m, 1), 1);
	assert_int_equal(nic_rx(b, 0, &m, 1), 0);
	assert_int_equal(nic_rx(b, 1, &m, 1), 1);
	rte_pktmbuf_free(m);
	nic_close(a);
	nic_close(b);
}

/* Both ends in one process; the server's end counts what it received. */
static void shared_memory(void **state)
{
	struct nic_port *server, *client;
	struct rte_mbuf *m[4];
	char path[64], device[96];
	unsigned n = 0, before = rte_mempool_avail_count(pool[0]);

	snprintf(path, sizeof(path), "/tmp/test_nic.%d.sock", getpid());
	snprintf(device, sizeof(device), "server:%s", path);
	server = open_port(&memif, "s", device, 1);
	assert_non_null(server);
	snprintf(device, sizeof(device), "client:%s", path);
	client = open_port(&memif, "c", device, 1);
	assert_non_null(client);
	for (unsigned i = 0;
	     i < 2000 && !(nic_link_up(server) && nic_link_up(client)); i++)
		usleep(1000);
	assert_true(nic_link_up(server));
	assert_true(nic_link_changes(server) == 1);

	m[0] = packet(60, 'x');
	m[1] = chained(100, 200); /* linearised */
	m[2] = chained(1500, 1500); /* fits nothing: dropped */
	m[3] = packet(70, 'y');
	assert_int_equal(nic_tx(client, 0, m, 4), 4);
	for (unsigned i = 0; i < 2000 && n < 3; i++) {
		n += nic_rx(server, 0, m + n, 4 - n);
		usleep(100);
	}
	assert_int_equal(n, 3);
	assert_int_equal(m[1]->pkt_len, 300);
	assert_int_equal(m[1]->nb_segs, 1);
	assert_int_equal(rte_pktmbuf_mtod(m[1], char *)[99], 'a');
	assert_int_equal(rte_pktmbuf_mtod(m[1], char *)[100], 'b');
	assert_int_equal(m[2]->pkt_len, 70);
	rte_pktmbuf_free_bulk(m, n);
	struct nic_stats stats;
	nic_stats(client, &stats);
	assert_int_equal(stats.tx_errors, 1);
	nic_close(client);
	nic_close(server);
	unlink(path);
	assert_int_equal(rte_mempool_avail_count(pool[0]), before);
}

/* net_null has a key and a table, and hashes nothing: the pretence is found
 * out by the packets. Its packets are not TCP, so arrivals are made here. */
static void rss_is_not_believed(void **state)
{
	struct nic_port *port = open_port(&null, "n", "x", 2);
	uint8_t frame[54] = { [12] = 8, [14] = 0x45, [23] = 6, [26] = 10 };
	uint16_t reta[512];
	struct rte_mbuf *m;

	assert_non_null(port);
	if (!nic_caps(port)->rss) {
		assert_int_equal(nic_rss(port), NIC_RSS_NONE);
		assert_int_equal(nic_reta(port, reta, 512), 0);
		port->caps.rss = true; /* as a driver that reads back would */
		memcpy(port->key, rss_key, sizeof(rss_key));
		port->reta_size = 128;
		for (unsigned i = 0; i < 128; i++)
			port->reta[i] = i & 1;
	}
	assert_int_equal(nic_rss(port), NIC_RSS_UNTESTED);
	assert_int_equal(nic_reta(port, reta, 512), 128);
	assert_int_equal(reta[0], 0);
	assert_int_equal(reta[1], 1);

	m = packet(sizeof(frame), 0);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 1; i < 200; i++) {
			uint8_t key[52];
			uint32_t hash = 0;

			memcpy(key, rss_key, sizeof(key));
			frame[29] = (uint8_t)i;
			memcpy(rte_pktmbuf_mtod(m, void *), frame,
			       sizeof(frame));
			/* Toeplitz bit by bit, as Microsoft writes it. */
			for (unsigned bit = 0; bit < 96; bit++)
				if (frame[26 + bit / 8] >> (7 - bit % 8) & 1)
					for (unsigned k = 0; k < 32; k++) {
						unsigned at = bit + k;

						hash ^= (uint32_t)(key[at /
								       8] >>
									   (7 -
									    at % 8) &
								   1)
							<< (31 - k);
					}
			nic_rss_check(port, round ? !(hash & 1) : hash & 1, &m,
				      1);
		}
		assert_int_equal(nic_rss(port),
				 round ? NIC_RSS_REFUTED : NIC_RSS_PROVED);
		/* Queues that proved themselves are not looked at again. */
		port->queue[0].rss_right = port->queue[1].rss_right = 0;
	}
	rte_pktmbuf_free(m);
	nic_close(port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devargs),
		cmocka_unit_test(refusals),
		cmocka_unit_test(wires),
		cmocka_unit_test(wire_ends_agree),
		cmocka_unit_test(shared_memory),
		cmocka_unit_test(rss_is_not_believed),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
