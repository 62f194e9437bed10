/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * offer.c - how clients are asked who they are, where the appliance decides
 * that and not the server: whatever a server offers today, clients see the
 * same, and what is not offered is not taken.
 */
#include "proxy/proxy_int.h"

_Static_assert(PROXY_AUTH_NTLM - PROXY_AUTH_BASIC == (int)EXCHANGE_NTLM &&
		       PROXY_AUTH_NEGOTIATE - PROXY_AUTH_BASIC ==
			       (int)EXCHANGE_NEGOTIATE,
	       "schemes in the same order");

static uint8_t offers(const struct session *s)
{
	return s->proxy->config->topology.policy.offers[s->protocol];
}

const char *offer_challenge(const struct session *s)
{
	const struct proxy_offer *o = &s->proxy->config->offer[s->protocol];

	return s->balanced ? o->shared : o->challenge;
}

bool offer_allows(struct session *s, usec_t now, enum step *step)
{
	struct proxy *p = s->proxy;
	bool known = s->auth != PROXY_AUTH_NONE;

	s->asks = offers(s) && !exchange_is_open(s->protocol, BYTES(p->path));
	if (!s->asks)
		return true;
	if (!known && s->back.tc && s->bound)
		return true; /* the connection is authenticated, or will be */
	if (known && s->auth <= PROXY_AUTH_NEGOTIATE &&
	    offers(s) >> (s->auth - PROXY_AUTH_BASIC) & 1)
		return true;
	p->stats.challenged++;
	*step = session_answer(
		s, 401, offer_challenge(s),
		known ? "This way of logging on is not offered here."
		      : "The request does not say who asks.",
		false, now);
	return false;
}

/* "NTLM TlRM...": the handshake goes on. */
static bool goes_on(const struct session *s, const struct http_challenge *c)
{
	return c->whole.n > c->scheme.n &&
	       ((offers(s) >> EXCHANGE_NTLM & 1 &&
		 bytes_ieq(c->scheme, BYTES("NTLM"))) ||
		(offers(s) >> EXCHANGE_NEGOTIATE & 1 &&
		 bytes_ieq(c->scheme, BYTES("Negotiate"))));
}

bool offer_replaces(const struct session *s, const struct http_head *h)
{
	/* Both: a reload may have changed what is offered. */
	return h->status == 401 && s->asks && offers(s);
}

void offer_put(struct bytes_writer *w, const struct session *s,
	       const struct http_head *h)
{
	bool going_on = false;

	for (unsigned i = 0; i < h->n; i++) {
		struct bytes rest = h->field[i].value;
		struct http_challenge c;

		if (h->field[i].known != HTTP_WWW_AUTHENTICATE)
			continue;
		while (http_challenge_next(&rest, &c)) {
			if (!goes_on(s, &c) || s->balanced)
				continue;
			http_put_field(w, h->field[i].name, c.whole);
			going_on = true;
		}
	}
	if (!going_on)
		bytes_puts(w, offer_challenge(s));
}
