/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dial.c - the one place where connections to servers begin, each counted by
 * where it goes: the address itself, whatever led there.
 */
#include "proxy/proxy_int.h"

#define TRIES 64 /* slots that are looked at for one address */

static struct proxy_dialed *counter_of(struct proxy *p, const struct ipaddr *to,
				       uint16_t port)
{
	uint64_t h = siphash13(&p->setup.secret, to, sizeof(*to)) + port;

	for (unsigned i = 0; i < TRIES; i++) {
		struct proxy_dialed *d = &p->dialed[(h + i) % PROXY_DIALED];

		if (!d->count) {
			d->addr = *to;
			d->port = port;
			return d;
		}
		if (d->port == port && ipaddr_eq(&d->addr, to))
			return d;
	}
	return &p->dialed[PROXY_DIALED];
}

struct tcp_conn *dial(struct session *s, const struct proxy_server *b,
		      const struct ipaddr *to, usec_t now)
{
	struct proxy *p = s->proxy;
	uint16_t port = back_port(s, b);
	struct proxy_dialed *d;
	struct tcp_conn *c;
	int error;

	c = tcp_connect(p->tcp, back_source(b, to, s->probe ? now : s->id), to,
			port, s, now, &error);
	if (!c)
		return NULL;
	d = counter_of(p, to, port);
	/* Readers take the address for whole once it counts. */
	__atomic_store_n(&d->count, d->count + 1, __ATOMIC_RELEASE);
	return c;
}
