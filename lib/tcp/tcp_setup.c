/* SPDX-License-Identifier: BSD-3-Clause */
/* tcp_setup.c - the part of tcp.h that takes memory: stacks are made here. */
#include "tcp/tcp_int.h"

#define CONNS_MAX (1u << 28) /* an index has 30 bits */

const struct tcp_personality tcp_default_personality = {
	.rcvbuf = 256 * 1024,
	.sndbuf = 256 * 1024,
	.tx_lowat = 64 * 1024,
	.window_scale = 7,
	.timestamps = true,
	.initial_window = 10,
	.quick_acks = 8,
	.rto_min = MSEC(200),
	.rto_max = SEC(60),
	.rto_initial = SEC(1),
	.delayed_ack = MSEC(40),
	.time_wait = SEC(60),
	.fin_wait2 = SEC(60),
	.keepalive_idle = SEC(7200),
	.keepalive_interval = SEC(75),
	.keepalive_probes = 9,
	.syn_retries = 6,
	.synack_retries = 2,
	.user_timeout = SEC(120),
};

static uint32_t entries_pow2(uint32_t entries)
{
	uint32_t buckets = 1;

	while ((uint64_t)buckets * FLOW_SLOTS < 2ull * entries)
		buckets <<= 1;
	return buckets;
}

int tcp_flow_init(struct flow_table *f, uint32_t entries,
		  const struct hash_key *secret)
{
	uint32_t buckets = entries_pow2(entries);

	*f = (struct flow_table){ .mask = buckets - 1, .secret = *secret };
	f->bucket = mem_new(sizeof(*f->bucket) * buckets);
	f->spill = mem_new(buckets);
	if (!f->bucket || !f->spill) {
		tcp_flow_fini(f);
		return -ENOMEM;
	}
	return 0;
}

void tcp_flow_fini(struct flow_table *f)
{
	mem_free(f->bucket);
	mem_free(f->spill);
	*f = (struct flow_table){ 0 };
}

/* One secret, one key for each use. */
static struct hash_key key_for(const struct hash_key *secret, const char *use)
{
	char word[16] = "";
	struct hash_key k;

	strncpy(word, use, sizeof(word) - 2);
	word[15] = 1;
	k.k0 = siphash24(secret, word, sizeof(word));
	word[15] = 2;
	k.k1 = siphash24(secret, word, sizeof(word));
	return k;
}

static struct tcp_personality sane(struct tcp_personality p)
{
	p.window_scale = min(p.window_scale, (uint8_t)TCP_SCALE_MAX);
	p.rcvbuf = min(p.rcvbuf, TCP_WINDOW_MAX << p.window_scale);
	p.sndbuf = max(p.sndbuf, 1u);
	p.tx_lowat = max(min(p.tx_lowat, p.sndbuf), 1u);
	p.synack_retries = min(p.synack_retries, (uint8_t)(TCP_SYN_LEVELS - 1));
	p.initial_window = max(p.initial_window, (uint8_t)1);
	p.rto_min = max(p.rto_min, MSEC(1));
	p.rto_max = max(p.rto_max, p.rto_min);
	p.rto_initial = max(p.rto_initial, p.rto_min);
	return p;
}

static int memory(struct tcp_stack *t, const struct tcp_config *cfg)
{
	struct hash_key secret = key_for(&cfg->secret, "flow");

	secret.k0 ^= cfg->seed; /* this table is nobody else's business */
	t->live = mem_new((cfg->max_conns + 63) / 64 * sizeof(*t->live) + 1);
	t->owed = mem_new(sizeof(*t->owed) * TCP_OWED);
	t->listeners =
		mem_new(sizeof(*t->listeners) * max(cfg->max_listeners, 1u));
	if (!t->live || !t->owed || !t->listeners)
		return -ENOMEM;
	/* A descriptor holds a buffer, so there are never more of them. */
	if (slab_init(&t->conns, sizeof(struct tcp_conn), cfg->max_conns) ||
	    slab_init(&t->segs, sizeof(struct seg), cfg->pool->size) ||
	    slab_init(&t->syns, sizeof(struct syn_entry), cfg->max_syn) ||
	    slab_init(&t->waits, sizeof(struct wait_entry), cfg->max_time_wait))
		return -ENOMEM;
	return tcp_flow_init(&t->flows,
			     cfg->max_conns + cfg->max_syn + cfg->max_time_wait,
			     &secret);
}

struct tcp_stack *tcp_new(const struct tcp_config *cfg, struct ip_stack *ip,
			  usec_t now)
{
	struct tcp_stack *t = mem_new(sizeof(*t));

	assert(cfg->max_conns < CONNS_MAX && cfg->max_listeners <= 256);
	if (!t)
		return NULL;
	list_init(&t->ready);
	list_init(&t->accept);
	list_init(&t->dirty);
	list_init(&t->starved);
	list_init(&t->syn_owed);
	for (unsigned i = 0; i < TCP_SYN_LEVELS; i++)
		list_init(&t->syn_level[i]);
	if (memory(t, cfg)) {
		tcp_free(t);
		return NULL;
	}
	t->flows.slab[FLOW_CONN] = &t->conns;
	t->flows.slab[FLOW_SYN] = &t->syns;
	t->flows.slab[FLOW_WAIT] = &t->waits;
	t->now = now;
	t->ip = ip;
	t->pool = cfg->pool;
	t->steer = cfg->steer;
	t->worker = cfg->worker;
	t->seg_max = (uint16_t)(rte_pktmbuf_data_room_size(cfg->pool) -
				RTE_PKTMBUF_HEADROOM);
	tcp_mem_init(t);
	t->p = sane(cfg->personality);
	t->n_listeners = cfg->max_listeners;
	t->wait_head = t->wait_tail = WAIT_NONE;
	t->key_isn = key_for(&cfg->secret, "isn");
	t->key_ts = key_for(&cfg->secret, "timestamp");
	t->key_port = key_for(&cfg->secret, "port");
	rng_init(&t->rng, cfg->seed);
	tick_init(&t->wheel, now);
	return t;
}

void tcp_free(struct tcp_stack *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; t->live && i < t->conns.count; i++)
		if (t->live[i / 64] >> (i % 64) & 1)
			tcp_conn_free(slab_at(&t->conns, i));
	slab_fini(&t->conns);
	slab_fini(&t->segs);
	slab_fini(&t->syns);
	slab_fini(&t->waits);
	tcp_flow_fini(&t->flows);
	mem_free(t->live);
	mem_free(t->owed);
	mem_free(t->listeners);
	mem_wipe(t, sizeof(*t));
	mem_free(t);
}
