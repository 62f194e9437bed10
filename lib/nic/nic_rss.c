/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_rss.c - receive-side scaling that is believed only when it was checked:
 * key and table must read back as written, and the first packets must arrive
 * where the Toeplitz hash says.
 */
#include "nic/nic_priv.h"

#include <netinet/in.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_thash.h>

#define TCP_BOTH (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP)
/* The others only spread what is handed over anyway: fragments, ICMP. */
#define WANTED                                                                 \
	(TCP_BOTH | RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 |                 \
	 RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV6)

uint64_t nic_rss_functions(const struct rte_eth_dev_info *info)
{
	return info->flow_type_rss_offloads & WANTED;
}

/* Entry i goes to queue (i mod 512) mod queues: a larger table repeats. */
static bool table_write(struct opening *o, unsigned size)
{
	struct rte_eth_rss_reta_entry64 t[RTE_ETH_RSS_RETA_SIZE_512 * 8 / 64];
	struct nic_port *port = o->port;

	if (size > ARRAY_LEN(t) * 64 || size & (size - 1) || size < 2)
		return false;
	memset(t, 0, sizeof(t));
	for (unsigned i = 0; i < size; i++) {
		t[i / 64].mask |= 1ULL << (i % 64);
		t[i / 64].reta[i % 64] =
			(uint16_t)(i % NIC_RETA_PERIOD % o->queues);
	}
	if (rte_eth_dev_rss_reta_update(port->id, t, (uint16_t)size))
		return false;
	for (unsigned i = 0; i < size; i++)
		t[i / 64].reta[i % 64] = UINT16_MAX;
	if (rte_eth_dev_rss_reta_query(port->id, t, (uint16_t)size))
		return false;
	for (unsigned i = 0; i < size; i++) {
		uint16_t q = t[i / 64].reta[i % 64];

		if (q != i % NIC_RETA_PERIOD % o->queues)
			return false;
		port->reta[i % NIC_RETA_PERIOD] = q;
	}
	port->reta_size = (uint16_t)min(size, (unsigned)NIC_RETA_PERIOD);
	return true;
}

static bool key_reads_back(struct opening *o)
{
	struct rte_eth_rss_conf conf = { 0 };
	uint8_t key[52] = { 0 };

	conf.rss_key = key;
	conf.rss_key_len = o->info.hash_key_size;
	return rte_eth_dev_rss_hash_conf_get(o->port->id, &conf) == 0 &&
	       memcmp(key, o->rss_key, o->info.hash_key_size) == 0;
}

void nic_rss_setup(struct opening *o)
{
	struct nic_port *port = o->port;
	unsigned key_size = o->info.hash_key_size;

	/* 40 bytes reach an IPv6 tuple's last bit (36 + 4). */
	if (!o->profile->rss || o->queues < 2 || key_size < 40 ||
	    key_size > sizeof(port->key) || !o->info.reta_size ||
	    (nic_rss_functions(&o->info) & TCP_BOTH) != TCP_BOTH)
		return;
	if (!key_reads_back(o) || !table_write(o, o->info.reta_size))
		return;
	/* Words in the order rte_softrss() reads them. */
	memcpy(port->key, o->rss_key, sizeof(port->key));
	port->caps.rss = true;
	port->checking = true;
}

/* The tuple of an arriving TCP packet in host order words, as rte_softrss()
 * takes it; its length in words, 0 for everything else. */
static unsigned tuple_of(const struct rte_mbuf *m, uint32_t t[9])
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	unsigned len = m->data_len, words = 0, at = 0, l3 = 14;

	if (len < 14 + 40 || (p[12] == 0x81 && p[13] == 0))
		return 0;
	if (p[12] == 0x08 && p[13] == 0 && p[l3] == 0x45 &&
	    !((p[l3 + 6] & 0x3f) | p[l3 + 7]) && p[l3 + 9] == IPPROTO_TCP) {
		at = l3 + 12; /* both addresses, then the ports */
		words = 3;
	} else if (p[12] == 0x86 && p[13] == 0xdd && len >= 14 + 60 &&
		   p[l3 + 6] == IPPROTO_TCP) {
		at = l3 + 8;
		words = 9;
	}
	for (unsigned i = 0; i < words; i++) {
		uint32_t be;

		memcpy(&be, p + at + 4 * i, 4);
		t[i] = rte_be_to_cpu_32(be);
	}
	return words;
}

void nic_rss_check(struct nic_port *port, unsigned queue,
		   struct rte_mbuf *const *pkts, unsigned n)
{
	struct nic_queue *q = &port->queue[queue];

	if (q->rss_right >= NIC_RSS_CHECKS)
		return;
	for (unsigned i = 0; i < n; i++) {
		const struct rte_mbuf *m = pkts[i];
		uint32_t t[9], hash;
		unsigned words = tuple_of(m, t);
		bool right;

		if (!words)
			continue;
		hash = rte_softrss(t, words, port->key);
		/* A second packet of the same flow says nothing new. */
		if (hash == q->rss_last)
			continue;
		q->rss_last = hash;
		right = port->reta[hash & (port->reta_size - 1U)] == queue &&
			(!(m->ol_flags & RTE_MBUF_F_RX_RSS_HASH) ||
			 m->hash.rss == hash);
		if (right)
			q->rss_right++;
		else
			q->rss_wrong++;
	}
}

enum nic_rss nic_rss(const struct nic_port *port)
{
	uint32_t right = 0, wrong = 0;

	if (!port->caps.rss)
		return NIC_RSS_NONE;
	for (unsigned i = 0; i < port->caps.rx_queues; i++) {
		const struct nic_queue *q = &port->queue[i];

		right += __atomic_load_n(&q->rss_right, __ATOMIC_RELAXED);
		wrong += __atomic_load_n(&q->rss_wrong, __ATOMIC_RELAXED);
	}
	if (wrong)
		return NIC_RSS_REFUTED;
	return right >= NIC_RSS_CHECKS ? NIC_RSS_PROVED : NIC_RSS_UNTESTED;
}

unsigned nic_reta(const struct nic_port *port, uint16_t *queues, unsigned cap)
{
	if (!port->caps.rss)
		return 0;
	memcpy(queues, port->reta,
	       min(cap, (unsigned)port->reta_size) * sizeof(*queues));
	return port->reta_size;
}
