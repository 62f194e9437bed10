/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments, calls and time in any order: the input is a script. Two peers talk
 * to one listener and answer one active open; numbers are drawn near those
 * that matter, so that most segments reach deep states.
 *
 * Whatever happens: the stack's invariants hold after every step, what is read
 * is what was sent at that number, what leaves is what was written at that
 * number, an advertised right edge never moves left, and in the end every
 * buffer is back.
 */
#include <stdlib.h>
#include <string.h>

#include "eal.h"

#include "tcp/tcp_int.h"

#define SIDES 2
#define STEPS 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* One peer: what it knows of its connection. */
struct side {
	struct tcp_conn *c;
	uint16_t uport, tport;
	uint32_t isn, iss; /* theirs, ours */
	uint32_t read, written; /* bytes so far */
	uint32_t edge;
	bool has_edge, known; /* iss */
};

struct world {
	const uint8_t *p, *end;
	struct ip_stack *ip;
	struct tcp_stack *t;
	struct ipaddr us, them;
	struct side side[SIDES];
	usec_t now;
};

static struct rte_mempool *pool;
/* IP is not what is tried here: one stack for all inputs, and time goes on, so
 * that what it learned is forgotten. */
static struct ip_stack *ip_stack;
static usec_t began;

static void must(bool b, const char *what)
{
	if (b)
		return;
	fprintf(stderr, "violated: %s\n", what);
	abort();
}

static struct ipaddr address(uint8_t host)
{
	const uint8_t a[4] = { 192, 0, 2, host };

	return ipaddr_v4(a);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	pool = eal_pool("fuzz", 511, 2048);
	began = SEC(1);
	ip_stack = ip_new(
		&(struct ip_config){
			.n_ifaces = 1,
			.pool = pool,
			.iface[0] = { .raw = true,
				      .mtu = 1500,
				      .n_addrs = 1,
				      .addrs[0] = { address(1), 120 } } },
		began);
	must(ip_stack, "memory");
	return 0;
}

static uint8_t u8(struct world *w)
{
	return w->p < w->end ? *w->p++ : 0;
}

static uint16_t u16(struct world *w)
{
	uint8_t hi = u8(w);

	return (uint16_t)(hi << 8 | u8(w));
}

/* The byte that goes by a sequence number, in either direction. */
static uint8_t byte_at(uint32_t seq)
{
	return (uint8_t)(seq * 7 + (seq >> 8));
}

/* --- what leaves
 * --------------------------------------------------------------- */

static struct side *side_of(struct world *w, uint16_t tport)
{
	for (unsigned i = 0; i < SIDES; i++)
		if (w->side[i].tport == tport)
			return &w->side[i];
	return NULL;
}

static void check_edge(struct side *s, const struct rte_tcp_hdr *h)
{
	uint32_t edge = rte_be_to_cpu_32(h->recv_ack);

	/* What stands in for a connection has no window of its own. */
	if (!s->c || !s->c->in_table || s->c->state <= TCPS_SYN_RCVD) {
		s->has_edge = false;
		return;
	}
	if (h->tcp_flags & (TCP_SYN | TCP_RST))
		return;
	edge += (uint32_t)rte_be_to_cpu_16(h->rx_win) << s->c->rcv_scale;
	must(!s->has_edge || seq_ge(edge, s->edge), "right edge moved left");
	s->edge = edge;
	s->has_edge = true;
}

static void check_packet(struct world *w, const struct rte_mbuf *m)
{
	const uint8_t *d = rte_pktmbuf_mtod(m, const uint8_t *), *b;
	const struct rte_tcp_hdr *h = (const struct rte_tcp_hdr *)(d + 20);
	uint32_t hlen = (uint32_t)(h->data_off >> 4) * 4;
	uint32_t seq = rte_be_to_cpu_32(h->sent_seq), len;
	struct side *s = side_of(w, rte_be_to_cpu_16(h->dst_port));
	struct tcp_opts o;

	must(m->nb_segs == 1 && m->data_len >= 40 && m->data_len <= 1500,
	     "packet size");
	must(hlen >= 20 && m->data_len >= 20 + hlen, "header length");
	must(tcp_opts_parse(d + 40, hlen - 20, &o), "our own options");
	len = m->data_len - 20 - hlen;
	if (!s)
		return;
	if (h->tcp_flags & TCP_SYN) {
		s->iss = seq;
		s->known = true;
		s->uport = rte_be_to_cpu_16(h->src_port);
		s->has_edge = false;
	}
	/* An orphan of the same peer's port may still be saying good-bye. */
	if (rte_be_to_cpu_16(h->src_port) == s->uport)
		check_edge(s, h);
	b = d + 20 + hlen;
	for (uint32_t i = 0; s->c && i < len; i++)
		must(b[i] == byte_at(seq + i), "wrong byte out");
}

static void transmit(struct world *w)
{
	struct ip_txv *v = ip_txv(w->ip, 0);

	tcp_output(w->t, w->now);
	for (unsigned i = 0; i < v->n; i++) {
		check_packet(w, v->pkt[i]);
		rte_pktmbuf_free(v->pkt[i]);
	}
	v->n = 0;
}

/* --- what arrives
 * ---------------------------------------------------------------- */

static void input(struct world *w, struct rte_mbuf *m)
{
	struct ip_seg s = { .m = m, .src = w->them, .dst = w->us };
	unsigned owner;

	must(tcp_input(w->t, &s, w->now, &owner) != TCP_NOT_MINE, "owner");
}

/* A number near one that matters. */
static uint32_t near(struct world *w, uint32_t exact, uint32_t edge)
{
	uint8_t how = u8(w);

	switch (how & 7) {
	case 0:
	case 1:
	case 2:
	case 3:
		return exact;
	case 4:
		return exact + (uint32_t)(int8_t)u8(w);
	case 5:
		return exact + u16(w);
	case 6:
		return edge + (uint32_t)(int8_t)u8(w);
	default:
		return exact - u16(w) * (how >> 3);
	}
}

static void segment(struct world *w, struct side *s)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	const struct tcp_conn *c = s->c;
	uint8_t flags = u8(w), n_opts = (u8(w) & 7) * 4;
	uint16_t len = flags & 0x40 ? u16(w) % 1400 : flags & 0x20 ? u8(w) : 0;
	uint32_t seq =
		near(w, c && c->in_table ? c->rcv_nxt : s->isn + s->known,
		     c ? c->rcv_adv : s->isn + 65535);
	uint32_t ack =
		near(w, c ? c->snd_max : s->iss + 1, c ? c->snd_una : s->iss);
	struct rte_tcp_hdr *h;
	uint8_t *b;

	if (!m)
		return;
	if (n_opts > 20)
		n_opts = 0;
	/* Not the scratch bits that chose the length. */
	flags &= 0x1f;
	if (!(flags & TCP_SYN))
		flags |= u8(w) & 1 ? 0 : TCP_ACK;
	h = (struct rte_tcp_hdr *)rte_pktmbuf_append(
		m, (uint16_t)(sizeof(*h) + n_opts + len));
	*h = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16(s->tport),
		.dst_port = rte_cpu_to_be_16(s->uport),
		.sent_seq = rte_cpu_to_be_32(seq),
		.recv_ack = rte_cpu_to_be_32(ack),
		.data_off = (uint8_t)((20 + n_opts) / 4 << 4),
		.tcp_flags = flags,
		.rx_win = rte_cpu_to_be_16(u16(w)),
	};
	b = (uint8_t *)(h + 1);
	for (unsigned i = 0; i < n_opts; i++)
		b[i] = u8(w);
	/* SYN comes before the data (RFC 9293 3.4). */
	for (unsigned i = 0; i < len; i++)
		b[n_opts + i] = byte_at(seq + !!(flags & TCP_SYN) + i);
	if (flags & TCP_SYN && !c)
		s->isn = seq;
	input(w, m);
}

static void garbage(struct world *w)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t n = u8(w) % 80;
	uint8_t *b;

	if (!m)
		return;
	b = (uint8_t *)rte_pktmbuf_append(m, n);
	for (unsigned i = 0; i < n; i++)
		b[i] = u8(w);
	input(w, m);
}

static void icmp(struct world *w, struct side *s)
{
	uint8_t how = u8(w);
	struct ip_error e = { .local = w->us,
			      .remote = w->them,
			      .lport = s->uport,
			      .rport = s->tport,
			      .too_big = how & 1,
			      .hard = how & 2 };
	unsigned owner;

	e.seq = near(w, s->c ? s->c->snd_una : s->iss, s->iss);
	if (how & 4)
		e.mtu = u16(w);
	tcp_icmp_error(w->t, &e, w->now, &owner);
}

/* --- what the application does
 * ------------------------------------------------------ */

static void take_in(struct world *w, struct side *s, size_t most)
{
	struct iovec iov[3];
	unsigned n = tcp_rx_peek(s->c, iov, ARRAY_LEN(iov));
	size_t got = 0;

	for (unsigned i = 0; i < n && got < most; i++) {
		const uint8_t *b = iov[i].iov_base;
		size_t part = min(iov[i].iov_len, most - got);

		for (size_t j = 0; j < part; j++)
			must(b[j] == byte_at(s->c->irs + 1 + s->read +
					     (uint32_t)(got + j)),
			     "wrong byte in");
		got += part;
	}
	s->read += (uint32_t)got;
	tcp_rx_consume(s->c, got, w->now);
}

static void put_out(struct world *w, struct side *s, size_t bytes)
{
	struct iovec iov[4];
	unsigned n = tcp_tx_reserve(s->c, bytes, iov, ARRAY_LEN(iov));
	size_t room = 0;

	for (unsigned i = 0; i < n; i++) {
		uint8_t *b = iov[i].iov_base;

		for (size_t j = 0; j < iov[i].iov_len; j++)
			b[j] = byte_at(s->c->iss + 1 + s->written +
				       (uint32_t)(room + j));
		room += iov[i].iov_len;
	}
	must(room <= bytes, "more room than asked for");
	room -= room ? u8(w) % room : 0;
	s->written += (uint32_t)room;
	tcp_tx_commit(s->c, room, w->now);
}

static void adopt(struct side *s, struct tcp_conn *c)
{
	s->c = c;
	s->uport = c->key.lport;
	s->read = s->written = 0;
	s->has_edge = false;
	tcp_set_user(c, s);
}

static void let_go(struct world *w, struct side *s, bool abortive)
{
	if (abortive)
		tcp_abort(s->c, w->now);
	else
		tcp_close(s->c, w->now);
	s->c = NULL;
	s->has_edge = false;
}

static void open_one(struct world *w, struct side *s)
{
	struct tcp_conn *c;
	int error;

	if (s->c)
		return;
	c = tcp_connect(w->t, &ipaddr_any, &w->them, s->tport, NULL, w->now,
			&error);
	if (c)
		adopt(s, c);
}

static void events(struct world *w)
{
	struct tcp_conn *c;
	void *user;

	while ((c = tcp_accept(w->t, &user))) {
		struct side *s = side_of(w, c->key.rport);

		must(user == w, "listener's user");
		if (!s || s->c)
			tcp_abort(c, w->now);
		else
			adopt(s, c);
	}
	while ((c = tcp_ready(w->t)))
		must(((struct side *)tcp_user(c))->c == c, "event after close");
}

static void step(struct world *w)
{
	uint8_t op = u8(w);
	struct side *s = &w->side[op >> 7];

	switch (op & 15) {
	case 8:
		garbage(w);
		break;
	case 9:
		w->now += (usec_t)1 << (u8(w) & 31);
		while (tcp_timers(w->t, w->now, 64))
			;
		break;
	case 10:
		if (s->c)
			put_out(w, s, u16(w));
		break;
	case 11:
		if (s->c)
			take_in(w, s, u16(w));
		break;
	case 12:
		if (s->c)
			tcp_shutdown(s->c, w->now);
		break;
	case 13:
		if (s->c)
			let_go(w, s, u8(w) & 1);
		break;
	case 14:
		open_one(w, s);
		break;
	case 15:
		icmp(w, s);
		break;
	default:
		segment(w, s);
	}
}

static void world_init(struct world *w, const uint8_t *data, size_t size)
{
	struct tcp_config tcp = { .pool = pool,
				  .secret = { 1, 2 },
				  .max_conns = 6,
				  .max_syn = 2,
				  .max_time_wait = 2,
				  .max_listeners = 1,
				  .personality = tcp_default_personality };

	*w = (struct world){ .p = data, .end = data + size, .now = began };
	w->us = address(1);
	w->them = address(9);
	tcp.personality.rcvbuf = 20000;
	tcp.personality.sndbuf = 20000;
	tcp.personality.tx_lowat = 3000;
	tcp.personality.window_scale = u8(w) % 15;
	w->ip = ip_stack;
	w->t = tcp_new(&tcp, w->ip, w->now);
	must(w->t, "memory");
	must(tcp_listen(w->t, &ipaddr_any, 443, w), "listener");
	for (unsigned i = 0; i < SIDES; i++)
		w->side[i] = (struct side){ .uport = 443,
					    .tport = (uint16_t)(1000 + i),
					    .isn = 0xffffff00u };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w;
	const char *wrong;

	world_init(&w, data, size);
	for (unsigned i = 0; i < STEPS && w.p < w.end; i++) {
		step(&w);
		events(&w);
		if (i % 4 != 3)
			transmit(&w);
		wrong = tcp_stack_check(w.t);
		must(!wrong, wrong);
	}
	transmit(&w);
	tcp_free(w.t);
	began = w.now + SEC(3600);
	must(rte_mempool_avail_count(pool) == pool->size,
	     "buffers are missing");
	return 0;
}
