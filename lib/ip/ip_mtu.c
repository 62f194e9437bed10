/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Path MTUs that routers told and TCP believed: a small table that forgets,
 * in sets of four chosen by a keyed hash, so that a stranger who gets in
 * pushes out three others at most.
 */
#include "ip/ip_int.h"

#define MIN_V4 552 /* below that a lie is likelier than a link */
#define MIN_V6 1280

static unsigned set_of(const struct ip_stack *ip, const struct ipaddr *dst)
{
	return siphash13(&ip->c.secret, dst->b, 16) % PMTU_SETS;
}

static const struct ip_pmtu *find(const struct ip_stack *ip,
				  const struct ipaddr *dst, usec_t now)
{
	const struct ip_pmtu *p = ip->pmtu[set_of(ip, dst)];

	for (unsigned i = 0; i < PMTU_WAYS; i++)
		if (p[i].mtu && p[i].until > now && ipaddr_eq(&p[i].dst, dst))
			return &p[i];
	return NULL;
}

uint16_t ip_mtu(const struct ip_stack *ip, const struct ipaddr *dst, usec_t now)
{
	const struct ip_fib *r = ip_route(ip, NULL, dst);
	const struct ip_pmtu *p = ip->n_pmtu ? find(ip, dst, now) : NULL;
	uint16_t mtu = ip->c.iface[r ? r->iface : 0].mtu;

	return p ? min(mtu, p->mtu) : mtu;
}

/* RFC 1191 7.1: what the next smaller kind of link takes. */
static uint16_t plateau(uint16_t mtu)
{
	static const uint16_t plateaus[] = { 8166, 4352, 2002,	1492,
					     1280, 1006, MIN_V4 };

	for (unsigned i = 0; i < ARRAY_LEN(plateaus); i++)
		if (plateaus[i] < mtu)
			return plateaus[i];
	return MIN_V4;
}

void ip_mtu_learn(struct ip_stack *ip, const struct ipaddr *dst, uint16_t mtu,
		  usec_t now)
{
	uint16_t known = ip_mtu(ip, dst, now);
	struct ip_pmtu *p = ip->pmtu[set_of(ip, dst)], *use = p;

	mtu = max(mtu ? mtu : plateau(known),
		  ipaddr_is_v4(dst) ? MIN_V4 : MIN_V6);
	if (mtu >= known)
		return;
	for (unsigned i = 0; i < PMTU_WAYS; i++) {
		if (p[i].mtu && ipaddr_eq(&p[i].dst, dst)) {
			use = &p[i];
			break;
		}
		if (p[i].until < use->until)
			use = &p[i];
	}
	ip->n_pmtu += !use->mtu;
	*use = (struct ip_pmtu){ .dst = *dst,
				 .until = now + PMTU_LIFE,
				 .mtu = mtu };
}
