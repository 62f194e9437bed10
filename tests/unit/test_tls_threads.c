/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_tls_threads.c - what tls.h promises about threads: handshakes run
 * anywhere, one connection may move, targets and ticket keys are shared.
 */
#include "tls_ends.h"

#include <pthread.h>

#define THREADS 3
#define SHAKES 60

static struct tls_tickets *tickets;
static struct tls_target *target;
static atomic_bool stop;

static int begin(void **state)
{
	certs_begin();
	certs_make(&(struct certs_spec){ "self", ENDS_NAME, "DNS:" ENDS_NAME,
					 "ec", -1, 30 });
	tickets = tls_tickets_new();
	target = ends_pinned("self", ENDS_NAME);
	return 0;
}

static int end(void **state)
{
	tls_target_free(target);
	tls_tickets_free(tickets);
	certs_end();
	return 0;
}

static struct tls_server *worker_server(void)
{
	return ends_server_with("self",
				(struct tls_server_config){ .tickets = tickets,
							    .n_tickets = 1 });
}

static void *rotate(void *arg)
{
	unsigned n = 0;

	while (!atomic_load(&stop)) {
		tls_tickets_rotate(tickets);
		if (++n % 3 == 0)
			tls_tickets_derive(tickets, BYTES("group"), n);
	}
	return NULL;
}

struct shaker {
	pthread_t thread;
	struct tls_server *server;
	unsigned ok, resumed;
};

static void *shake_on(void *arg)
{
	struct shaker *s = arg;

	for (unsigned i = 0; i < SHAKES; i++) {
		struct pair *p =
			pair_new(s->server, target, (struct pair_cut){ 0 });
		enum tls_result client, server;
		struct tls_info info;
		size_t n;

		pair_shake(p, &client, &server);
		s->ok += client == TLS_OK && server == TLS_OK &&
			 pair_open(p, &p->client, &n) == TLS_WANT_IN;
		tls_info(p->server.t, &info);
		s->resumed += info.resumed;
		pair_free(p);
	}
	return NULL;
}

static unsigned shake_all(unsigned *resumed)
{
	struct shaker s[THREADS] = { 0 };
	unsigned ok = 0;

	*resumed = 0;
	for (unsigned i = 0; i < THREADS; i++) {
		s[i].server = worker_server();
		assert_int_equal(
			pthread_create(&s[i].thread, NULL, shake_on, &s[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(s[i].thread, NULL);
		tls_server_free(s[i].server);
		ok += s[i].ok;
		*resumed += s[i].resumed;
	}
	return ok;
}

/* Servers of their own, one target's sessions among them. */
static void a_target_is_shared(void **state)
{
	unsigned resumed;

	assert_int_equal(shake_all(&resumed), THREADS * SHAKES);
	/* All but those that found the store empty for a moment. */
	assert_true(resumed >= THREADS * SHAKES / 2);
}

/* Far more often than anybody would: some tickets are refused, and nobody
 * ever seals or opens with half a key, which would end a handshake. */
static void keys_change_under_handshakes(void **state)
{
	pthread_t rotator;
	unsigned resumed;

	atomic_store(&stop, false);
	assert_int_equal(pthread_create(&rotator, NULL, rotate, NULL), 0);
	assert_int_equal(shake_all(&resumed), THREADS * SHAKES);
	atomic_store(&stop, true);
	pthread_join(rotator, NULL);
}

static void *step_once(void *arg)
{
	struct pair *p = arg;

	/* As a pool would: one step of each, and back. */
	pair_step(p, &p->client);
	pair_step(p, &p->server);
	return NULL;
}

static void a_connection_moves(void **state)
{
	struct tls_server *s = worker_server();
	struct pair *p = pair_new(s, target, (struct pair_cut){ 0 });
	size_t n;

	for (unsigned i = 0; i < 3; i++) {
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, step_once, p),
				 0);
		pthread_join(thread, NULL);
	}
	assert_int_equal(pair_step(p, &p->client), TLS_OK);
	assert_int_equal(pair_step(p, &p->server), TLS_OK);
	assert_int_equal(pair_seal(p, &p->client, "moved", 5), TLS_OK);
	assert_int_equal(pair_open(p, &p->server, &n), TLS_OK);
	assert_int_equal(n, 5);
	pair_free(p);
	tls_server_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_target_is_shared),
		cmocka_unit_test(keys_change_under_handshakes),
		cmocka_unit_test(a_connection_moves),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
