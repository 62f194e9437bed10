/* SPDX-License-Identifier: BSD-3-Clause */
/* test_steer.c - the Toeplitz tables against DPDK's and Microsoft's words. */
#include "unit.h"

#include <rte_thash.h>

#include "ip/ip.h"

static const struct hash_key secret = { 1, 2 };

/* Microsoft's key and vectors, "Verifying the RSS hash calculation". */
static const uint8_t ms_key[52] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
	0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
	0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static struct ipaddr addr(const char *s)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(s, &a), 0);
	return a;
}

static void vectors(void **state)
{
	static const struct {
		const char *src, *dst;
		uint16_t sport, dport;
		uint32_t hash;
	} rows[] = {
		{ "66.9.149.187", "161.142.100.80", 2794, 1766, 0x51ccc178 },
		{ "199.92.111.2", "65.69.140.83", 14230, 4739, 0xc626b0ea },
		{ "24.19.198.95", "12.22.207.184", 12898, 38024, 0x5c2b394a },
		{ "38.27.205.30", "209.142.163.6", 48228, 2217, 0xafc7327f },
		{ "153.39.163.191", "202.188.127.2", 44251, 1303, 0x10e828a2 },
		{ "3ffe:2501:200:1fff::7", "3ffe:2501:200:3::1", 2794, 1766,
		  0x40207d3d },
		{ "3ffe:501:8::260:97ff:fe40:efab", "ff02::1", 14230, 4739,
		  0xdde51bbf },
		{ "3ffe:1900:4545:3:200:f8ff:fe21:67cf",
		  "fe80::200:f8ff:fe21:67cf", 44251, 38024, 0x02d1feef },
	};
	static struct steer s;

	steer_init(&s, 4, ms_key, &secret);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ip_tuple t = { addr(rows[i].src), addr(rows[i].dst),
				      rows[i].sport, rows[i].dport };

		assert_int_equal(steer_hash(&s, &t), rows[i].hash);
	}
}

static struct ip_tuple some_tuple(struct rng *rng, bool v4)
{
	uint64_t a[4] = { rng_u64(rng), rng_u64(rng), rng_u64(rng),
			  rng_u64(rng) };
	struct ip_tuple t = { .src = v4 ? ipaddr_v4(&a[0]) : ipaddr_v6(&a[0]),
			      .dst = v4 ? ipaddr_v4(&a[2]) : ipaddr_v6(&a[2]),
			      .sport = (uint16_t)rng_u64(rng),
			      .dport = (uint16_t)rng_u64(rng) };

	return t;
}

static uint32_t dpdk_hash(const struct steer *s, const struct ip_tuple *t,
			  bool v4)
{
	unsigned off = v4 ? 12 : 0, n = (16 - off) / 4;
	uint32_t words[9];

	memcpy(words, t->src.b + off, 16 - off);
	memcpy(words + n, t->dst.b + off, 16 - off);
	for (unsigned i = 0; i < 2 * n; i++)
		words[i] = rte_be_to_cpu_32(words[i]);
	words[2 * n] = (uint32_t)t->sport << 16 | t->dport;
	return rte_softrss(words, 2 * n + 1, s->key);
}

static void against_dpdk(void **state)
{
	static struct steer s;
	struct rng rng;

	rng_init(&rng, 11);
	for (unsigned k = 0; k < 5; k++) {
		struct hash_key key = { rng_u64(&rng), rng_u64(&rng) };

		steer_init(&s, 4, NULL, &key);
		for (unsigned i = 0; i < 4000; i++) {
			bool v4 = i & 1;
			struct ip_tuple t = some_tuple(&rng, v4);

			assert_int_equal(steer_hash(&s, &t),
					 dpdk_hash(&s, &t, v4));
		}
	}
}

static void owners(void **state)
{
	static struct steer s, again;
	unsigned count[6] = { 0 };
	struct rng rng;

	/* The same secret gives every worker the same table. */
	steer_init(&s, 6, NULL, &secret);
	steer_init(&again, 6, NULL, &secret);
	assert_memory_equal(&s, &again, sizeof(s));
	assert_int_equal(s.reta_mask, STEER_RETA - 1);

	rng_init(&rng, 12);
	for (unsigned i = 0; i < 60000; i++) {
		struct ip_tuple t = some_tuple(&rng, i & 1);
		unsigned owner = steer_owner(&s, &t);

		assert_true(owner < 6);
		assert_int_equal(owner, (steer_hash(&s, &t) & s.reta_mask) % 6);
		count[owner]++;
	}
	for (unsigned i = 0; i < 6; i++)
		assert_in_range(count[i], 9000, 11000);

	/* One worker owns everything. */
	steer_init(&s, 1, NULL, &secret);
	for (unsigned i = 0; i < 100; i++) {
		struct ip_tuple t = some_tuple(&rng, i & 1);

		assert_int_equal(steer_owner(&s, &t), 0);
	}

	/* Another secret, another key. */
	steer_init(&again, 1, NULL, &(struct hash_key){ 3, 4 });
	assert_memory_not_equal(s.key, again.key, sizeof(s.key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(against_dpdk),
		cmocka_unit_test(owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
