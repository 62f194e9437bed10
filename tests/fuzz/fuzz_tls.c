/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_tls.c - hostile bytes into both roles, before, during and after the
 * handshake.
 *
 * Input: a byte of mode, a byte of how bytes travel, then either what a
 * stranger sends, or a script of what somebody on the path does to the bytes
 * of two honest ends. Held to:
 *  - a stranger completes no handshake, and what we answer is whole records;
 *  - under an attack on the path both ends fail, or agree on everything, and
 *    on the best version both have;
 *  - what is opened is what was sealed, in order and from the start, and the
 *    end is reported only behind all of it;
 *  - a failure is for good.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "certs.h"
#include "tls_pair.h"

#include "tls/tls_private.h"

#include <openssl/rand.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NAME "mail.contoso.com"
#define RECORDS 6

enum mode { TO_SERVER, TO_CLIENT, ON_PATH, ON_RECORDS };

static struct tls_tickets *tickets;
static struct tls_server *server;
static struct tls_target *target;
static struct rng noise;

/* assert() is for release builds, too. */
static void hold(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

/* --- the same run for the same input --- */

static int fixed_bytes(unsigned char *p, int n)
{
	for (int i = 0; i < n; i++)
		p[i] = (unsigned char)rng_u64(&noise);
	return 1;
}

static int fixed_status(void)
{
	return 1;
}

static const RAND_METHOD fixed = {
	.bytes = fixed_bytes,
	.pseudorand = fixed_bytes,
	.status = fixed_status,
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct tls_target_config to = { .name = NAME,
					.pinned = true,
					.min_version = 12 };
	struct tls_cert_config cert;
	char error[256] = "";

	rng_init(&noise, 1);
	RAND_set_rand_method(&fixed);
	certs_begin();
	certs_make(&(struct certs_spec){ "ec", NAME, "DNS:" NAME, "ec", -1,
					 3650 });
	certs_pin("ec", to.pin);
	cert = (struct tls_cert_config){ certs_path("ec", ".pem"),
					 certs_path("ec", ".key") };
	tickets = tls_tickets_new();
	server = tls_server_new(&(struct tls_server_config){ .n_certs = 1,
							     .certs = &cert,
							     .min_version = 12,
							     .n_tickets = 1,
							     .tickets = tickets,
							     .context = "x" },
				error, sizeof(error));
	target = tls_target_new(&to, error, sizeof(error));
	certs_end();
	hold(server && target, error);
	return 0;
}

/* --- strangers --- */

static bool whole_records(const uint8_t *p, size_t n)
{
	while (n >= 5) {
		size_t body = (size_t)(p[3] << 8 | p[4]);

		if (p[0] < 20 || p[0] > 23 || p[1] != 3 || body + 5 > n)
			return false;
		p += 5 + body;
		n -= 5 + body;
	}
	return n == 0;
}

static void stranger(struct pair *p, struct pair_end *e, struct bytes raw)
{
	enum tls_result r;

	e->in->tail = min(raw.n, (size_t)PAIR_WIRE);
	memcpy(e->in->data, raw.p, e->in->tail);
	/* Every chunk arrives, and a call more for want of room. */
	do {
		size_t before = e->in->head + e->in->arrived + e->out->tail;

		r = pair_step(p, e);
		if (before == e->in->head + e->in->arrived + e->out->tail)
			break;
	} while (pair_waits(r));
	hold(r != TLS_OK, "a stranger completes no handshake");
	hold(r == TLS_WANT_OUT || whole_records(e->out->data, e->out->tail),
	     "answers are whole records");
	if (!pair_waits(r) && r != TLS_CLOSED) {
		hold(*tls_error(e->t), "a failure has words");
		hold(pair_step(p, e) == r, "a failure is for good");
	}
}

/* --- on the path --- */

/* One act: which direction, what, where. */
static void meddle(struct pair *p, const uint8_t act[4])
{
	struct pair_wire *w = act[0] & 1 ? &p->up : &p->down;
	size_t n = w->tail - w->head, at;
	uint8_t *b = w->data + w->head;

	if (!n)
		return;
	at = ((size_t)act[1] << 8 | act[2]) % n;
	switch (act[0] >> 1 & 3) {
	case 0: /* change a byte */
		b[at] ^= act[3];
		break;
	case 1: /* lose some */
		at = at - at % 5;
		n = min((size_t)act[3], n - at);
		memmove(b + at, b + at + n, w->tail - w->head - at - n);
		w->tail -= n;
		break;
	case 2: /* say something twice */
		n = min(n - at, (size_t)act[3] * 8);
		if (w->tail + n > PAIR_WIRE)
			break;
		memmove(b + at + n, b + at, w->tail - w->head - at);
		w->tail += n;
		break;
	case 3: /* cut it here */
		w->tail = w->head + at;
		break;
	}
	w->arrived = min(w->arrived, w->tail - w->head);
}

static struct bytes act_of(struct bytes *script)
{
	struct bytes act = bytes_upto(*script, 4);

	*script = bytes_from(*script, 4);
	return act;
}

static void agree(struct pair *p, int best)
{
	struct tls_info a, b;

	tls_info(p->client.t, &a);
	tls_info(p->server.t, &b);
	hold(!strcmp(a.version, b.version) && !strcmp(a.suite, b.suite) &&
		     a.resumed == b.resumed && !strcmp(b.sni, NAME),
	     "two that are through agree");
	hold(SSL_version(p->client.t->ssl) == best, "nobody is talked down");
}

static size_t progress(const struct pair *p)
{
	return p->up.head + p->up.tail + p->up.arrived + p->down.head +
	       p->down.tail + p->down.arrived;
}

/* Each turn both ends step, then the next act is played. Over when both are
 * through, or nothing moves any more. */
static bool shake_under(struct pair *p, struct bytes *script)
{
	enum tls_result c = TLS_WANT_IN, s = TLS_WANT_IN;

	for (unsigned still = 0; still < 3;) {
		struct bytes act = act_of(script);
		size_t before = progress(p);

		if (pair_waits(c))
			c = pair_step(p, &p->client);
		if (act.n == 4 && act.p[0] & 1)
			meddle(p, act.p);
		if (pair_waits(s))
			s = pair_step(p, &p->server);
		if (act.n == 4 && !(act.p[0] & 1))
			meddle(p, act.p);
		if (!pair_waits(c) && !pair_waits(s))
			break;
		still = progress(p) == before && !script->n ? still + 1 : 0;
	}
	return c == TLS_OK && s == TLS_OK;
}

static uint8_t expected(size_t i)
{
	return (uint8_t)(i * 7 + i / 251);
}

/* Everything the end will still open. Returns whether it was told the end. */
static bool drain(struct pair *p, struct pair_end *e, size_t sent, bool closed)
{
	size_t got = 0, n;
	enum tls_result r;

	do {
		size_t before = e->in->head + e->in->arrived;

		r = pair_open(p, e, &n);
		hold(r == TLS_OK || n == 0, "bytes only with TLS_OK");
		for (size_t i = 0; i < n; i++)
			hold(e->plain[i] == expected(got + i),
			     "what is opened was sealed, in this order");
		got += n;
		if (r == TLS_WANT_IN && before == e->in->head + e->in->arrived)
			break;
	} while (r == TLS_OK || r == TLS_WANT_IN);
	hold(got <= sent, "nothing is opened twice");
	if (r == TLS_CLOSED)
		hold(closed && got == sent, "the end is behind everything");
	else if (r != TLS_WANT_IN)
		hold(pair_open(p, e, &n) == r, "a failure is for good");
	return r == TLS_CLOSED;
}

/* Nothing happens without room for it. */
static void without_room(struct pair_end *e)
{
	struct span_out none = span_out_of(NULL, 0);
	struct span_in in = span_in_of(NULL, 0);
	size_t n = 0;

	hold(tls_seal(e->t, "x", 1, &none) == TLS_WANT_OUT &&
		     tls_close(e->t, &none) == TLS_WANT_OUT &&
		     tls_open(e->t, &in, e->plain, sizeof(e->plain), &n,
			      &none) == TLS_WANT_OUT &&
		     !none.used && !n,
	     "no room, no bytes");
}

/* Records of the script's sizes. With a key that is soon used up, TLS 1.2 must
 * stop, and 1.3 takes another. Returns the bytes in them. */
static size_t seal_some(struct pair *p, struct bytes *script, bool soon)
{
	uint8_t data[1 + 255 * 16];
	size_t sent = 0;

	if (soon)
		p->client.t->key_records = 2;
	for (unsigned i = 0; i < RECORDS; i++) {
		struct bytes act = bytes_upto(*script, 1);
		size_t n = 1 + (act.n ? act.p[0] * 16 : i);
		bool over = soon && i == 2 &&
			    SSL_version(p->client.t->ssl) == TLS1_2_VERSION;

		*script = bytes_from(*script, 1);
		for (size_t k = 0; k < n; k++)
			data[k] = expected(sent + k);
		hold(pair_seal(p, &p->client, data, n) ==
			     (over ? TLS_FAIL_INTERNAL : TLS_OK),
		     "sealing");
		if (over)
			break;
		sent += n;
	}
	return sent;
}

static void records_under(struct pair *p, struct bytes script, bool soon)
{
	struct pair_cut cut = p->cut;
	size_t sent;
	bool closed;

	without_room(&p->client);
	p->cut = (struct pair_cut){ 0 };
	sent = seal_some(p, &script, soon);
	closed = script.n % 2 && !soon;
	if (closed)
		hold(pair_close(p, &p->client) == TLS_OK, "closing");
	for (bool any = false; script.n >= 4 || !any; any = true) {
		struct bytes act = act_of(&script);

		if (act.n < 4)
			break;
		meddle(p, (uint8_t[4]){ act.p[0] | 1, act.p[1], act.p[2],
					act.p[3] });
	}
	p->cut = cut;
	p->cut.room = 0;
	drain(p, &p->server, sent, closed);
}

/* --- one input --- */

static struct pair_cut cut_of(uint8_t how)
{
	static const struct pair_cut cuts[] = {
		{ 0, 0, 0 },
		{ 1, 0, 0 },
		{ 0, 1, 0 },
		{ 13, 3, 128 },
	};

	return cuts[how & 3];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest = bytes_from((struct bytes){ data, size }, 2);
	int version = TLS1_3_VERSION;
	struct pair *p;

	if (size < 2)
		return 0;
	rng_init(&noise, 7);
	p = pair_new(server, target, cut_of(data[1]));
	hold(p->client.t && p->server.t, "two ends");
	if (data[1] & 4)
		version = TLS1_2_VERSION;
	SSL_set_max_proto_version(p->client.t->ssl, version);
	/* Sessions of the other version, or none at all. */
	SSL_set_session(p->client.t->ssl, NULL);
	switch ((enum mode)(data[0] & 3)) {
	case TO_SERVER:
		stranger(p, &p->server, rest);
		break;
	case TO_CLIENT:
		hold(pair_waits(pair_step(p, &p->client)), "a ClientHello");
		stranger(p, &p->client, rest);
		break;
	case ON_PATH:
		if (shake_under(p, &rest))
			agree(p, version);
		break;
	case ON_RECORDS:
		hold(shake_under(p, &(struct bytes){ 0 }), "an honest one");
		agree(p, version);
		records_under(p, rest, data[1] & 8);
		break;
	}
	pair_free(p);
	return 0;
}
