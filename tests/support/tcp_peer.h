/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_peer.h - one stack of lib/tcp and a peer made by hand: segments go in
 * field by field, and what comes out is taken apart again.
 *
 * Numbers are relative where that reads better: `rseq` counts from the peer's
 * initial sequence number, `rack` from ours, so the first byte is 1.
 */
#pragma once

#include <rte_tcp.h>

#include "eal.h"

#include "tcp/tcp_int.h"

#define PEER_ISN 0xfffffff0u /* so that every test wraps */
#define PEER_PORT 40000
#define PEER_LISTEN 443

struct peer {
	struct rte_mempool *pool;
	struct ip_stack *ip;
	struct tcp_stack *t;
	struct tcp_listener *listener;
	struct ipaddr us, them;
	uint16_t uport, tport;
	usec_t now;
	uint32_t iss; /* ours */
	uint32_t isn; /* the peer's */
	uint16_t wnd; /* what it offers */
	struct tcp_opts opts;
	unsigned owner;
};

struct packet {
	uint8_t flags;
	uint32_t seq, ack, len;
	uint16_t wnd;
	struct tcp_opts opts;
	uint8_t data[2048];
};

static inline struct ipaddr peer_ip(const char *text)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(text, &a), 0);
	return a;
}

static inline struct rte_mempool *peer_pool(void)
{
	static struct rte_mempool *pool;

	if (!pool)
		pool = eal_pool("peer", 2047, 2048);
	return pool;
}

static inline void peer_open(struct peer *p, struct tcp_config *c)
{
	struct ip_config ip = { .n_ifaces = 1,
				.iface[0] = { .name = "raw",
					      .raw = true,
					      .mtu = 1500,
					      .n_addrs = 2 } };

	*p = (struct peer){ .pool = peer_pool(), .now = SEC(100),
			    .us = peer_ip("192.0.2.1"),
			    .them = peer_ip("192.0.2.9"),
			    .uport = PEER_LISTEN, .tport = PEER_PORT,
			    .isn = PEER_ISN, .wnd = 65535 };
	assert_int_equal(ipprefix_parse("192.0.2.1/24", &ip.iface[0].addrs[0]),
			 0);
	assert_int_equal(ipprefix_parse("2001:db8::1/64",
					&ip.iface[0].addrs[1]),
			 0);
	ip.pool = c->pool = p->pool;
	p->ip = ip_new(&ip, p->now);
	assert_non_null(p->ip);
	c->secret = (struct hash_key){ 1, 2 };
	p->t = tcp_new(c, p->ip, p->now);
	assert_non_null(p->t);
	p->listener = tcp_listen(p->t, &ipaddr_any, PEER_LISTEN, p);
	assert_non_null(p->listener);
}

/* The defaults, but deterministic about ACKs: no quick ones at the start. */
static inline struct tcp_config peer_config(void)
{
	struct tcp_config c = { .max_conns = 64, .max_time_wait = 8,
				.max_syn = 8, .max_listeners = 4, .seed = 7,
				.personality = tcp_default_personality };

	c.personality.quick_acks = 0;
	c.personality.timestamps = false;
	return c;
}

static inline void peer_init(struct peer *p)
{
	struct tcp_config c = peer_config();

	peer_open(p, &c);
}

/* Every buffer must have come back. */
static inline void peer_fini(struct peer *p)
{
	struct ip_txv *v = ip_txv(p->ip, 0);

	assert_null(tcp_stack_check(p->t));
	for (unsigned i = 0; i < v->n; i++)
		rte_pktmbuf_free(v->pkt[i]);
	v->n = 0;
	tcp_free(p->t);
	ip_free(p->ip);
	assert_int_equal(rte_mempool_avail_count(p->pool), p->pool->size);
}

/* A segment with absolute numbers. */
static inline enum tcp_verdict peer_raw(struct peer *p, uint8_t flags,
					uint32_t seq, uint32_t ack,
					const void *data, uint16_t len)
{
	struct ip_seg s = { .m = rte_pktmbuf_alloc(p->pool), .src = p->them,
			    .dst = p->us, .ttl = 64 };
	uint8_t opts[40];
	unsigned n = tcp_opts_write(opts, &p->opts);
	struct rte_tcp_hdr *h;
	enum tcp_verdict v;

	assert_non_null(s.m);
	h = (struct rte_tcp_hdr *)rte_pktmbuf_append(
		s.m, (uint16_t)(sizeof(*h) + n + len));
	*h = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16(p->tport),
		.dst_port = rte_cpu_to_be_16(p->uport),
		.sent_seq = rte_cpu_to_be_32(seq),
		.recv_ack = rte_cpu_to_be_32(ack),
		.data_off = (uint8_t)((sizeof(*h) + n) / 4 << 4),
		.tcp_flags = flags,
		.rx_win = rte_cpu_to_be_16(p->wnd),
	};
	memcpy(h + 1, opts, n);
	if (len)
		memcpy((uint8_t *)(h + 1) + n, data, len);
	v = tcp_input(p->t, &s, p->now, &p->owner);
	if (v == TCP_NOT_MINE)
		rte_pktmbuf_free(s.m);
	assert_null(tcp_stack_check(p->t));
	return v;
}

/* A segment with relative numbers; its bytes are all `fill`. */
static inline enum tcp_verdict peer_send(struct peer *p, uint8_t flags,
					 uint32_t rseq, uint32_t rack,
					 uint16_t len)
{
	uint8_t fill[2048];

	for (unsigned i = 0; i < len; i++)
		fill[i] = (uint8_t)(rseq + i);
	return peer_raw(p, flags, p->isn + rseq,
			flags & TCP_ACK ? p->iss + rack : 0, fill, len);
}

/* What is on the wire, without asking TCP for more; false when nothing is. */
static inline bool peer_take(struct peer *p, struct packet *k)
{
	struct ip_txv *v = ip_txv(p->ip, 0);
	const uint8_t *d;
	const struct rte_tcp_hdr *h;
	struct rte_mbuf *m;
	unsigned off, hlen;

	if (!v->n)
		return false;
	m = v->pkt[0];
	memmove(v->pkt, v->pkt + 1, --v->n * sizeof(v->pkt[0]));
	d = rte_pktmbuf_mtod(m, const uint8_t *);
	off = d[0] >> 4 == 4 ? 20 : 40;
	h = (const struct rte_tcp_hdr *)(d + off);
	hlen = (unsigned)(h->data_off >> 4) * 4;
	k->flags = h->tcp_flags;
	k->seq = rte_be_to_cpu_32(h->sent_seq);
	k->ack = rte_be_to_cpu_32(h->recv_ack);
	k->wnd = rte_be_to_cpu_16(h->rx_win);
	k->len = m->data_len - off - hlen;
	assert_true(tcp_opts_parse((const uint8_t *)(h + 1),
				   hlen - sizeof(*h), &k->opts));
	memcpy(k->data, d + off + hlen, k->len);
	rte_pktmbuf_free(m);
	return true;
}

/* Ask for what is owed and take the first packet. */
static inline bool peer_recv(struct peer *p, struct packet *k)
{
	tcp_output(p->t, p->now);
	assert_null(tcp_stack_check(p->t));
	return peer_take(p, k);
}

/* Everything owed goes to nobody; returns how many packets. */
static inline unsigned peer_flush(struct peer *p)
{
	struct packet k;
	unsigned n = 0;

	tcp_output(p->t, p->now);
	while (peer_take(p, &k))
		n++;
	return n;
}

/* Time passes; timers run. */
static inline void peer_wait(struct peer *p, usec_t us)
{
	p->now += us;
	while (tcp_timers(p->t, p->now, 64))
		;
	assert_null(tcp_stack_check(p->t));
}

/* SYN, SYN-ACK, ACK: an accepted connection. */
static inline struct tcp_conn *peer_accept(struct peer *p)
{
	struct tcp_opts later = p->opts;
	struct tcp_conn *c;
	struct packet k;
	void *user;

	later.has_mss = later.has_scale = false;
	assert_int_equal(peer_send(p, TCP_SYN, 0, 0, 0), TCP_OK);
	assert_true(peer_recv(p, &k));
	assert_int_equal(k.flags, TCP_SYN | TCP_ACK);
	assert_int_equal(k.ack, p->isn + 1);
	p->iss = k.seq;
	if (k.opts.has_ts)
		later.tsecr = k.opts.tsval;
	later.has_ts = k.opts.has_ts;
	p->opts = later;
	assert_int_equal(peer_send(p, TCP_ACK, 1, 1, 0), TCP_OK);
	c = tcp_accept(p->t, &user);
	assert_non_null(c);
	assert_ptr_equal(user, p);
	return c;
}

/* Our active open, answered. */
static inline struct tcp_conn *peer_connect(struct peer *p)
{
	struct tcp_conn *c;
	struct packet k;
	int error;

	p->tport = PEER_PORT;
	c = tcp_connect(p->t, &ipaddr_any, &p->them, p->tport, NULL, p->now,
			&error);
	assert_non_null(c);
	assert_true(peer_recv(p, &k));
	assert_int_equal(k.flags, TCP_SYN);
	p->iss = k.seq;
	p->uport = c->key.lport;
	return c;
}
