/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_ip.c - two workers' stacks on the same wires: the first receives what
 * the input says, the second gets copies of what is to be shared.
 *
 * The input is a sequence of steps: 4 bytes (what, how, length) and a body.
 *
 *   what & 3   0, 1, 2: a frame for that interface; 3: send a segment
 *   what & 4   make the frame's checksums right first
 *   what & 8   let time pass before: a second, with `how` & 128 a minute
 *   how & 63   bring the frame in pieces of so many bytes, 0: in one
 *   how        which destination the segment goes to
 *
 * Invariants: no packet buffer is lost; whatever comes in, no more packets go
 * out than came, and no more bytes but 48 a frame, questions to neighbours
 * aside; what goes out is well-formed; what is handed to TCP is a segment for
 * us that adds up.
 */
#include "eal.h"

#include <rte_ip.h>

#include "ip/ip.h"

#define POOL 4095
#define HELD_MAX (64 * 8 * 8 + 256) /* pieces of fragments, and who waits */

#define check(x)                                                               \
	do {                                                                   \
		if (!(x)) {                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__,     \
				#x);                                           \
			abort();                                               \
		}                                                              \
	} while (0)

struct world {
	struct ip_stack *ip[2];
	struct rte_mempool *pool;
	usec_t now;
	uint64_t in; /* IP and ARP bytes that came in or were ours to send */
	uint64_t out; /* and that went out, questions aside */
	uint64_t packets_in, packets_out; /* of the same */
};

static void check_mbuf(const struct rte_mbuf *m)
{
	const char *why = "";

	if (!rte_mbuf_check(m, 1, &why))
		return;
	fprintf(stderr, "packet: %s\n", why);
	abort();
}

static struct ipprefix prefix(const char *s)
{
	struct ipprefix p;

	check(!ipprefix_parse(s, &p));
	return p;
}

static struct ip_config configuration(struct rte_mempool *pool)
{
	struct ip_config c = {
		.n_ifaces = 3, .n_routes = 2, .secret = { 1, 2 }, .pool = pool
	};

	for (unsigned i = 0; i < 3; i++) {
		c.iface[i].mtu = 1500;
		c.iface[i].mac[0] = 2;
		c.iface[i].mac[5] = (uint8_t)(i + 1);
		c.iface[i].n_addrs = 2;
	}
	c.iface[0].addrs[0] = prefix("10.0.0.1/24");
	c.iface[0].addrs[1] = prefix("2001:db8::1/64");
	c.iface[1].raw = true;
	c.iface[1].addrs[0] = prefix("172.16.0.1/16");
	c.iface[1].addrs[1] = prefix("2001:db8:1::1/64");
	c.iface[2].vlan = 7;
	c.iface[2].addrs[0] = prefix("10.7.0.1/31");
	c.iface[2].addrs[1] = prefix("2001:db8:7::1/64");
	c.route[0].to = prefix("0.0.0.0/0");
	c.route[0].gateway = prefix("10.0.0.254").addr;
	c.route[1].to = prefix("::/0");
	c.route[1].gateway = prefix("fe80::fe").addr;
	return c;
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static unsigned sum(const uint8_t *p, size_t n, uint64_t s)
{
	for (size_t i = 0; i < n; i++)
		s += i & 1 ? p[i] : (unsigned)p[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (unsigned)s;
}

/* --- what goes out -------------------------------------------------------- */

/* An IP packet that a host may send; false when it asks for a neighbour. */
static bool check_ip(const uint8_t *p, size_t n)
{
	size_t header = p[0] >> 4 == 4 ? 20 : 40;
	uint8_t protocol = p[header == 20 ? 9 : 6];
	const uint8_t *l4 = p + header;
	uint64_t pseudo = protocol + n - header;

	check(n >= header + 8);
	if (header == 20) {
		check(p[0] == 0x45 && get16(p + 2) == n);
		check(sum(p, 20, 0) == 0xffff);
		check(get16(p + 6) == 0x4000);
		check(p[16] < 224);
		pseudo = protocol == IPPROTO_ICMP ? 0 : sum(p + 12, 8, pseudo);
	} else {
		check(p[0] >> 4 == 6 && get16(p + 4) == n - 40);
		check(p[24] != 0xff || (l4[0] == 135 || l4[0] == 136));
		pseudo = sum(p + 8, 32, pseudo);
	}
	check(protocol == IPPROTO_TCP || protocol == IPPROTO_ICMP ||
	      protocol == IPPROTO_ICMPV6);
	check(sum(l4, n - header, pseudo) == 0xffff);
	return protocol != IPPROTO_ICMPV6 || l4[0] != 135;
}

static void check_out(struct world *w, unsigned iface, struct rte_mbuf *m)
{
	static uint8_t b[70000];
	const uint8_t *p = rte_pktmbuf_read(m, 0, m->pkt_len, b);
	size_t n = m->pkt_len, l2 = iface == 1 ? 0 : iface == 2 ? 18 : 14;
	bool counts;

	check(p && n > l2 + 20 && n <= l2 + 1500);
	check_mbuf(m);
	check(!l2 || (p[6] == 2 && p[11] == iface + 1));
	check(iface != 2 || (get16(p + 12) == 0x8100 && get16(p + 14) == 7));
	if (l2 && get16(p + l2 - 2) == 0x0806) {
		check(n == l2 + 28);
		/* Questions, but not announcements: these answer. */
		counts = p[l2 + 7] == 2 || !memcmp(p + l2 + 14, p + l2 + 24, 4);
	} else {
		counts = check_ip(p + l2, n - l2);
		check(!l2 ||
		      get16(p + l2 - 2) == (p[l2] >> 4 == 4 ? 0x0800 : 0x86dd));
	}
	if (counts) {
		w->out += n - l2;
		w->packets_out++;
	}
}

static void drain(struct world *w)
{
	for (unsigned s = 0; s < 2; s++)
		for (unsigned i = 0; i < 3; i++) {
			struct ip_txv *v = ip_txv(w->ip[s], i);

			for (unsigned k = 0; k < v->n; k++) {
				check_out(w, i, v->pkt[k]);
				rte_pktmbuf_free(v->pkt[k]);
			}
			v->n = 0;
		}
	check(w->out <= w->in && w->packets_out <= w->packets_in);
	check(rte_mempool_in_use_count(w->pool) <= 2 * HELD_MAX);
}

/* --- what comes in -----------------------------------------------------------
 */

static void check_segment(struct world *w, const struct ip_seg *s)
{
	static uint8_t b[70000];
	const uint8_t *p = rte_pktmbuf_read(s->m, 0, s->m->pkt_len, b);
	bool v4 = ipaddr_is_v4(&s->src);
	size_t n = s->m->pkt_len, off = v4 ? 12 : 0;
	uint64_t total = IPPROTO_TCP + n;

	check(n >= 20 && s->m->data_len >= (n < 60 ? n : 60));
	check_mbuf(s->m);
	check(ip_is_local(w->ip[0], &s->dst));
	check(!ip_is_local(w->ip[0], &s->src) && ipaddr_is_v4(&s->dst) == v4);
	total = sum(s->src.b + off, 16 - off, total);
	total = sum(s->dst.b + off, 16 - off, total);
	check(sum(p, n, total) == 0xffff);
	rte_pktmbuf_free(s->m);
}

static struct rte_mbuf *packet(struct world *w, const uint8_t *p, size_t n,
			       size_t piece)
{
	struct rte_mbuf *head = NULL, *m;

	do {
		size_t k = piece && n > piece ? piece : n;

		m = rte_pktmbuf_alloc(w->pool);
		if (m)
			memcpy(rte_pktmbuf_append(m, (uint16_t)k), p, k);
		if (!m || (head && rte_pktmbuf_chain(head, m))) {
			rte_pktmbuf_free(m);
			rte_pktmbuf_free(head);
			return NULL;
		}
		if (!head)
			head = m;
		p += k;
		n -= k;
	} while (n);
	return head;
}

/* Where the transport begins; 0 when no IP packet is there. */
static size_t transport(const uint8_t *p, size_t n, uint8_t *protocol)
{
	size_t at = 40;

	if (n >= 20 && p[0] >> 4 == 4) {
		*protocol = p[9];
		return (p[0] & 15) * 4u;
	}
	if (n < 40 || p[0] >> 4 != 6)
		return 0;
	*protocol = p[6];
	while ((*protocol == 0 || *protocol == 43 || *protocol == 60 ||
		*protocol == 44) &&
	       at + 8 <= n) {
		size_t len = *protocol == 44 ? 8 : (p[at + 1] + 1u) * 8;

		*protocol = p[at];
		at += len;
	}
	return at;
}

/* A stranger can compute checksums; the fuzzer need not. */
static void resum(uint8_t *p, size_t n)
{
	static const uint8_t where[256] = { [IPPROTO_TCP] = 16,
					    [IPPROTO_UDP] = 6,
					    [IPPROTO_ICMP] = 2,
					    [IPPROTO_ICMPV6] = 2 };
	uint8_t protocol = 0;
	size_t at = transport(p, n, &protocol), end = n;
	uint64_t pseudo;
	unsigned s;

	if (!at || at >= n)
		return;
	if (p[0] >> 4 == 4) {
		p[10] = p[11] = 0;
		s = ~sum(p, at, 0);
		p[10] = (uint8_t)(s >> 8);
		p[11] = (uint8_t)s;
		end = get16(p + 2) < n ? get16(p + 2) : n;
	} else if (get16(p + 4) + 40 < n) {
		end = get16(p + 4) + 40;
	}
	if (!where[protocol] || at + where[protocol] + 2u > end)
		return;
	pseudo = protocol == IPPROTO_ICMP ? 0
		 : p[0] >> 4 == 4	  ? sum(p + 12, 8, protocol + end - at)
					  : sum(p + 8, 32, protocol + end - at);
	p += at;
	p[where[protocol]] = p[where[protocol] + 1] = 0;
	s = ~sum(p, end - at, pseudo);
	p[where[protocol]] = (uint8_t)(s >> 8);
	p[where[protocol] + 1] = (uint8_t)s;
}

static void receive(struct world *w, unsigned iface, struct rte_mbuf *m)
{
	size_t room = m->nb_segs == 1 ? rte_pktmbuf_tailroom(m) : 0;
	uint8_t *end = rte_pktmbuf_mtod(m, uint8_t *) + m->data_len;
	struct rte_mbuf *copy;
	struct ip_in in;

	/* Nothing may be read behind a frame's end. */
	mem_poison(end, room);
	ip_input(w->ip[0], iface, m, w->now, &in);
	mem_unpoison(end, room);
	check(in.verdict < IP_VERDICT_COUNT);
	if (in.verdict == IP_TCP)
		check_segment(w, &in.seg);
	if (in.verdict == IP_ICMP_ERROR)
		check(ip_is_local(w->ip[0], &in.error.local));
	if (in.verdict != IP_SHARED)
		return;
	copy = rte_pktmbuf_copy(in.shared, w->pool, 0, UINT32_MAX);
	rte_pktmbuf_free(in.shared);
	check(copy);
	ip_shared_input(w->ip[1], iface, copy, w->now);
}

static void frame_step(struct world *w, uint8_t what, uint8_t how,
		       const uint8_t *body, size_t n)
{
	unsigned iface = what & 3;
	size_t l2 = iface == 1 ? 0 : 14;
	struct rte_mbuf *m;
	uint8_t b[2048];

	n = n < sizeof(b) ? n : sizeof(b);
	memcpy(b, body, n);
	if (l2 && n > 18 && get16(b + 12) == 0x8100)
		l2 = 18;
	if (what & 4 && n > l2)
		resum(b + l2, n - l2);
	m = packet(w, b, n, how & 63);
	if (!m)
		return;
	w->in += (n > l2 ? n - l2 : 0) + 48;
	w->packets_in++;
	receive(w, iface, m);
}

static void send_step(struct world *w, uint8_t how, const uint8_t *body,
		      size_t n)
{
	static const char *const to[] = {
		"10.0.0.2",   "10.0.0.3",      "198.51.100.1", "10.7.0.0",
		"172.16.1.1", "2001:db8::2",   "2001:db8:9::", "fe80::2",
		"10.0.0.1",   "2001:db8:1::7", "10.0.0.254",   "2001:db8:7::2",
	};
	struct ipaddr dst = prefix(to[how % ARRAY_LEN(to)]).addr, src;
	uint8_t b[1448] = { [12] = 0x50 };
	struct rte_mbuf *m;

	n = n < sizeof(b) ? n : sizeof(b);
	memcpy(b, body, n);
	if (n < 20)
		n = 20;
	m = packet(w, b, n, how & 32 ? 37 : 0);
	check(!ip_source(w->ip[0], &dst, &src));
	if (!m)
		return;
	w->in += n + 40;
	w->packets_in++;
	(void)ip_output(w->ip[how >> 7], m, &src, &dst, how >> 6 & 1, w->now);
}

static void pass(struct world *w, usec_t span)
{
	usec_t end = w->now + span;

	while (w->now < end) {
		for (unsigned s = 0; s < 2; s++)
			while (ip_tick(w->ip[s], w->now) <= w->now)
				drain(w);
		drain(w);
		w->now += MSEC(999);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct rte_mempool *pool;
	struct world w = { .now = SEC(5) };
	struct ip_config c;

	if (!pool)
		pool = eal_pool("fuzz_ip", POOL, 2048);
	w.pool = pool;
	c = configuration(pool);
	check(!ip_config_error(&c));
	for (unsigned s = 0; s < 2; s++) {
		c.worker = s;
		w.ip[s] = ip_new(&c, w.now);
		check(w.ip[s]);
	}
	while (n >= 4) {
		uint8_t what = p[0], how = p[1];
		size_t len = get16(p + 2);

		p += 4;
		n -= 4;
		len = len < n ? len : n;
		if (what & 8)
			pass(&w, how & 128 ? SEC(60) : SEC(1));
		if ((what & 3) == 3)
			send_step(&w, how, p, len);
		else if (len)
			frame_step(&w, what, how, p, len);
		drain(&w);
		p += len;
		n -= len;
	}
	/* Left alone, a stack lets go of every packet. */
	pass(&w, SEC(40));
	check(rte_mempool_in_use_count(pool) == 0);
	for (unsigned s = 0; s < 2; s++)
		ip_free(w.ip[s]);
	return 0;
}
