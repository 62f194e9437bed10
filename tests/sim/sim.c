/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_tcp.h>

#include "tcp/tcp_int.h"

#define AGAIN 100 /* [us] until a host that could not send tries again */

struct sim_packet {
	usec_t at;
	uint64_t order;
	unsigned to;
	uint32_t len;
	uint8_t data[];
};

/* --- the heap of packets on their way ------------------------------------- */

static bool before(const struct sim_packet *a, const struct sim_packet *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void heap_push(struct sim *s, struct sim_packet *p)
{
	size_t i = s->heap_n++;

	if (s->heap_n > s->heap_cap) {
		s->heap_cap = s->heap_cap ? 2 * s->heap_cap : 256;
		s->heap = realloc(s->heap, s->heap_cap * sizeof(*s->heap));
	}
	while (i && before(p, s->heap[(i - 1) / 2])) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = p;
}

static struct sim_packet *heap_pop(struct sim *s)
{
	struct sim_packet *top = s->heap[0], *p = s->heap[--s->heap_n];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < s->heap_n) {
		if (child + 1 < s->heap_n &&
		    before(s->heap[child + 1], s->heap[child]))
			child++;
		if (!before(s->heap[child], p))
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = p;
	return top;
}

/* --- packets -----------------------------------------------------------------
 */

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static bool view(const uint8_t *p, uint32_t len, struct sim_view *v)
{
	uint32_t ip = p[0] >> 4 == 4 ? 20 : 40;
	const uint8_t *t = p + ip;

	if (len < ip + 20 || (p[0] >> 4 == 4 ? p[9] : p[6]) != 6)
		return false;
	v->seq = be32(t + 4);
	v->ack = be32(t + 8);
	v->flags = t[13];
	v->wnd = (uint16_t)(t[14] << 8 | t[15]);
	v->len = len - ip - (uint32_t)(t[12] >> 4) * 4;
	return true;
}

static void trace(const struct sim *s, const struct sim_view *v,
		  const char *what)
{
	static const char names[] = "FSRPA";
	char flags[8] = "";
	unsigned n = 0;

	if (!s->trace)
		return;
	for (unsigned i = 0; i < 5; i++)
		if (v->flags >> i & 1)
			flags[n++] = names[i];
	flags[n] = '\0';
	printf("%10.6f %u>%u %-4s seq %u len %u ack %u wnd %u %s\n",
	       (double)v->now / 1e6, v->from, v->to, flags, v->seq, v->len,
	       v->ack, v->wnd, what);
}

static void digest(struct sim *s, const void *p, size_t n)
{
	const struct hash_key k = { s->digest, s->now };

	s->digest = siphash13(&k, p, n);
}

static uint16_t sum16(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	if (n & 1)
		sum += (uint32_t)p[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void launch(struct sim *s, unsigned to, usec_t at, const uint8_t *data,
		   uint32_t len)
{
	struct sim_packet *p = malloc(sizeof(*p) + len);

	*p = (struct sim_packet){ at, s->order++, to, len };
	memcpy(p->data, data, len);
	heap_push(s, p);
}

/* What a router says of a packet larger than its next link: the quoted
 * destination is its own address, for want of another. */
static void too_big(struct sim *s, unsigned from, const uint8_t *p,
		    uint16_t mtu, usec_t at)
{
	bool v4 = p[0] >> 4 == 4;
	unsigned h = v4 ? 20 : 40, quote = v4 ? 28 : 88;
	uint8_t e[40 + 8 + 88] = { 0 };
	uint16_t sum;

	memcpy(e + h + 8, p, quote);
	if (v4) {
		e[0] = 0x45;
		e[3] = (uint8_t)(h + 8 + quote);
		e[8] = 64;
		e[9] = 1;
		memcpy(e + 12, p + 16, 4);
		memcpy(e + 16, p + 12, 4);
		sum = sum16(e, 20, 0);
		e[10] = (uint8_t)(sum >> 8);
		e[11] = (uint8_t)sum;
		e[h] = 3;
		e[h + 1] = 4;
		e[h + 6] = (uint8_t)(mtu >> 8);
		e[h + 7] = (uint8_t)mtu;
		sum = sum16(e + h, 8 + quote, 0);
	} else {
		e[0] = 0x60;
		e[5] = (uint8_t)(8 + quote);
		e[6] = 58;
		e[7] = 64;
		memcpy(e + 8, p + 24, 16);
		memcpy(e + 24, p + 8, 16);
		e[h] = 2;
		e[h + 6] = (uint8_t)(mtu >> 8);
		e[h + 7] = (uint8_t)mtu;
		sum = sum16(e + 8, 32, 58 + 8 + quote);
		sum = sum16(e + h, 8 + quote, (uint16_t)~sum);
	}
	e[h + 2] = (uint8_t)(sum >> 8);
	e[h + 3] = (uint8_t)sum;
	launch(s, from, at, e, h + 8 + quote);
}

static bool chance(struct sim *s, uint32_t per_million)
{
	return per_million && rng_below(&s->rng, 1000000) < per_million;
}

/* When the last bit of `len` bytes is through the link; false: no room. */
static bool through(struct sim *s, struct sim_link *l, uint32_t len, usec_t *at)
{
	usec_t start = max(s->now, l->busy);

	if (!l->rate) {
		*at = s->now;
		return true;
	}
	if (l->queue && (start - s->now) * l->rate / 8000000 > l->queue)
		return false;
	l->busy = start + (usec_t)len * 8000000 / l->rate + 1;
	*at = l->busy;
	return true;
}

static void carry(struct sim *s, unsigned from, uint8_t *p, uint32_t len)
{
	struct sim_view v = { .now = s->now, .from = from };
	unsigned to = (p[0] >> 4 == 4 ? p[19] : p[39]) - 1u;
	struct sim_link *l;
	usec_t at;

	digest(s, p, len);
	if (to >= s->n_hosts)
		return;
	l = &s->link[from][to];
	v.to = to;
	if (view(p, len, &v) && s->filter && s->filter(s->arg, &v)) {
		trace(s, &v, "(filtered)");
		s->dropped++;
		return;
	}
	if (l->mtu && len > l->mtu) {
		trace(s, &v, "(too big)");
		too_big(s, from, p, l->mtu, s->now + 2 * l->delay + 1);
		return;
	}
	if (l->down || chance(s, l->loss) || !through(s, l, len, &at)) {
		trace(s, &v, "(lost)");
		s->dropped++;
		return;
	}
	at += l->delay;
	if (l->jitter)
		at += rng_below(&s->rng, (uint32_t)l->jitter);
	if (chance(s, l->reorder))
		at += rng_below(&s->rng, (uint32_t)l->delay + 1000);
	else
		l->last = at = max(at, l->last);
	if (chance(s, l->dup))
		launch(s, to, at + rng_below(&s->rng, 2000), p, len);
	if (chance(s, l->corrupt))
		p[rng_below(&s->rng, len)] ^=
			(uint8_t)(1u << rng_below(&s->rng, 8));
	trace(s, &v, "");
	launch(s, to, at, p, len);
}

/* --- a host's turn
 * ------------------------------------------------------------- */

static void arrive(struct sim_host *h, const struct sim_packet *p)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(h->pool);
	struct ip_in in;
	unsigned owner;
	char *data;

	if (!m)
		return; /* as a ring without buffers would */
	data = rte_pktmbuf_append(m, (uint16_t)p->len);
	if (!data) {
		rte_pktmbuf_free(m);
		return;
	}
	memcpy(data, p->data, p->len);
	ip_input(h->ip, 0, m, h->sim->now, &in);
	if (in.verdict == IP_TCP)
		tcp_input(h->tcp, &in.seg, h->sim->now, &owner);
	else if (in.verdict == IP_ICMP_ERROR)
		tcp_icmp_error(h->tcp, &in.error, h->sim->now, &owner);
	else if (in.verdict == IP_SHARED)
		rte_pktmbuf_free(in.shared);
}

static void transmit(struct sim_host *h)
{
	struct ip_txv *v = ip_txv(h->ip, 0);
	uint8_t data[65536];

	for (unsigned i = 0; i < v->n; i++) {
		struct rte_mbuf *m = v->pkt[i];
		uint32_t n = 0;

		for (const struct rte_mbuf *x = m; x; x = x->next) {
			memcpy(data + n, rte_pktmbuf_mtod(x, void *),
			       x->data_len);
			n += x->data_len;
		}
		rte_pktmbuf_free(m);
		carry(h->sim, h->index, data, n);
	}
	v->n = 0;
}

/* All packets due for this host, then as worker_turn() does it. */
static void turn(struct sim_host *h)
{
	struct sim *s = h->sim;
	usec_t next;
	bool left;

	while (s->heap_n && s->heap[0]->at <= s->now &&
	       s->heap[0]->to == h->index) {
		struct sim_packet *p = heap_pop(s);

		s->delivered++;
		arrive(h, p);
		free(p);
	}
	left = tcp_timers(h->tcp, s->now, 256);
	h->app_wake = USEC_NEVER;
	if (s->app)
		s->app(s->arg, h);
	left |= tcp_output(h->tcp, s->now);
	next = min(ip_tick(h->ip, s->now), tcp_next(h->tcp));
	transmit(h);
	h->wake = min(next, h->app_wake);
	if (left)
		h->wake = min(h->wake, s->now + AGAIN);
	h->wake = max(h->wake, s->now + 1);
	s->wrong = tcp_stack_check(h->tcp);
	s->wrong_host = h->index;
}

bool sim_step(struct sim *s)
{
	struct sim_host *who = NULL;
	usec_t at = USEC_NEVER;

	if (s->heap_n) {
		who = &s->host[s->heap[0]->to];
		at = s->heap[0]->at;
		if (who->poll)
			at = (at + who->poll - 1) / who->poll * who->poll;
		at = max(at, who->held);
	}
	for (unsigned i = 0; i < s->n_hosts; i++) {
		usec_t wake = max(s->host[i].wake, s->host[i].held);

		if (wake < at) {
			who = &s->host[i];
			at = wake;
		}
	}
	if (!who || at == USEC_NEVER)
		return false;
	s->now = max(s->now, at);
	turn(who);
	return !s->wrong;
}

size_t sim_flying(const struct sim *s)
{
	return s->heap_n;
}

/* --- making a network
 * ---------------------------------------------------------- */

void sim_init(struct sim *s, uint64_t seed)
{
	*s = (struct sim){ .seed = seed, .now = SEC(1) };
	rng_init(&s->rng, seed);
}

struct ipaddr sim_addr(unsigned host, bool v6)
{
	const uint8_t four[4] = { 10, 9, 0, (uint8_t)(host + 1) };
	const uint8_t six[16] = { 0xfd, 0x09, [15] = (uint8_t)(host + 1) };

	return v6 ? ipaddr_v6(six) : ipaddr_v4(four);
}

struct sim_host *sim_add(struct sim *s, const struct sim_host_config *c)
{
	struct sim_host *h = &s->host[s->n_hosts];
	struct ip_config ip = {
		.n_ifaces = 1,
		.iface[0] = { .name = "sim",
			      .raw = true,
			      .mtu = c->mtu,
			      .n_addrs = 2,
			      .addrs = { { sim_addr(s->n_hosts, false), 120 },
					 { sim_addr(s->n_hosts, true), 64 } } },
		.pool = c->pool,
	};
	struct tcp_config tcp = {
		.pool = c->pool,
		.max_conns = c->max_conns,
		.max_time_wait = c->max_time_wait,
		.max_syn = c->max_syn,
		.max_listeners = 8,
		.personality = c->personality,
	};

	/* One by one: compilers differ on the order within an initializer. */
	ip.secret.k0 = rng_u64(&s->rng);
	ip.secret.k1 = rng_u64(&s->rng);
	tcp.secret.k0 = rng_u64(&s->rng);
	tcp.secret.k1 = rng_u64(&s->rng);
	tcp.seed = rng_u64(&s->rng);
	*h = (struct sim_host){ .sim = s,
				.index = s->n_hosts,
				.poll = c->poll,
				.pool = c->pool,
				.wake = s->now,
				.app_wake = USEC_NEVER };
	h->ip = ip_new(&ip, s->now);
	h->tcp = h->ip ? tcp_new(&tcp, h->ip, s->now) : NULL;
	if (!h->tcp) {
		fprintf(stderr, "sim: no memory for a host\n");
		exit(1);
	}
	s->n_hosts++;
	return h;
}

void sim_connect(struct sim *s, unsigned a, unsigned b,
		 const struct sim_link *link)
{
	s->link[a][b] = s->link[b][a] = *link;
}

void sim_fini(struct sim *s)
{
	while (s->heap_n)
		free(heap_pop(s));
	free(s->heap);
	for (unsigned i = 0; i < s->n_hosts; i++) {
		tcp_free(s->host[i].tcp);
		ip_free(s->host[i].ip);
	}
}
