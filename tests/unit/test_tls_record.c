/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_tls_record.c - records between our two roles: whole, in pieces, forged,
 * without room, under new keys; and how a connection ends.
 */
#include "tls_ends.h"

#define NAME "mail.contoso.com"

static struct tls_tickets *tickets;
static struct tls_server *rsa, *ec; /* one certificate each */
static struct tls_target *target;

static const struct pair_cut cuts[] = {
	{ 0, 0, 0 }, /* all at once */
	{ 1, 0, 0 }, /* byte by byte */
	{ 0, 1, 0 }, /* iovecs of one byte, and one long one */
	{ 0, 0, 128 }, /* as little room as may be */
	{ 7, 5, 200 }, { 1448, 1448, 0 },
};

static const struct suite suites[] = {
	{ "TLS_AES_128_GCM_SHA256", TLS1_3_VERSION },
	{ "TLS_AES_256_GCM_SHA384", TLS1_3_VERSION },
	{ "TLS_CHACHA20_POLY1305_SHA256", TLS1_3_VERSION },
	{ "ECDHE-RSA-AES128-GCM-SHA256", TLS1_2_VERSION },
	{ "ECDHE-RSA-CHACHA20-POLY1305", TLS1_2_VERSION },
	{ "ECDHE-RSA-AES256-SHA384", TLS1_2_VERSION },
	{ "ECDHE-RSA-AES128-SHA", TLS1_2_VERSION },
	{ "AES256-SHA", TLS1_VERSION },
};

static struct tls_server *server_of(const char *file)
{
	struct tls_server *s = ends_server_with(
		file, (struct tls_server_config){ .n_tickets = 2,
						  .tickets = tickets,
						  .context = "https" });

	certs_need(s != NULL, ends_error);
	return s;
}

static struct tls_target *target_new(void)
{
	return ends_target((struct tls_target_config){
		.name = NAME, .ca_file = certs_path("ca", ".pem") });
}

static int begin(void **state)
{
	certs_begin();
	certs_make(&(struct certs_spec){ "ca", "Test CA", NULL, "ec", -1, 30,
					 .authority = 1 });
	certs_make(&(struct certs_spec){ "rsa", NAME, "DNS:" NAME, "rsa", -1,
					 30, "ca" });
	certs_make(&(struct certs_spec){ "ec", NAME, "DNS:" NAME, "ec", -1, 30,
					 "ca" });
	tickets = tls_tickets_new();
	rsa = server_of("rsa");
	ec = server_of("ec");
	target = target_new();
	return 0;
}

static int end(void **state)
{
	tls_target_free(target);
	tls_server_free(rsa);
	tls_server_free(ec);
	tls_tickets_free(tickets);
	certs_end();
	return 0;
}

static uint64_t noise = 88172645463325252u;

static uint64_t rnd(void)
{
	noise ^= noise << 13;
	noise ^= noise >> 7;
	noise ^= noise << 17;
	return noise;
}

/* --- records --- */

#define BULK (1024 * 1024)

static void carry(struct pair *p, struct pair_end *from, struct pair_end *to,
		  const uint8_t *data)
{
	uint8_t *got = malloc(BULK), want[SEAL_SHA256], have[SEAL_SHA256];
	size_t sent = 0, received = 0, n;

	while (received < BULK) {
		size_t k = min((size_t)(rnd() % 8 ? rnd() % 16384 : 16384),
			       (size_t)BULK - sent);

		if (from->out->tail < PAIR_WIRE - 2 * TLS_RECORD_MAX && k) {
			p->cut.room = 0;
			assert_int_equal(pair_seal(p, from, data + sent, k),
					 TLS_OK);
			sent += k;
		}
		p->cut = cuts[rnd() % ARRAY_LEN(cuts)];
		/* One byte at a time would take all day here. */
		if (p->cut.chunk)
			p->cut.chunk += 1448;
		if (pair_open(p, to, &n) != TLS_OK)
			continue;
		assert_true(received + n <= sent);
		memcpy(got + received, to->plain, n);
		received += n;
	}
	p->cut = whole;
	seal_sha256((struct bytes){ data, BULK }, want);
	seal_sha256((struct bytes){ got, BULK }, have);
	assert_memory_equal(want, have, SEAL_SHA256);
	free(got);
}

static void a_mebibyte_each_way(void **state)
{
	uint8_t *data = malloc(BULK);

	for (size_t i = 0; i < BULK; i++)
		data[i] = (uint8_t)rnd();
	for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
		struct pair *p = connected(rsa, target, whole, &suites[i]);

		carry(p, &p->client, &p->server, data);
		carry(p, &p->server, &p->client, data);
		pair_free(p);
	}
	free(data);
}

static void one_record_a_call(void **state)
{
	struct pair *p = connected(ec, target, whole, NULL);
	size_t n;

	for (unsigned i = 1; i <= 3; i++)
		assert_int_equal(pair_seal(p, &p->server, "abc", i), TLS_OK);
	assert_int_equal(pair_seal(p, &p->server, NULL, 0), TLS_OK);
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(pair_open(p, &p->client, &n), TLS_OK);
		assert_int_equal(n, i);
	}
	assert_int_equal(pair_open(p, &p->client, &n), TLS_WANT_IN);
	pair_free(p);
}

/* What TLS_SEAL_OVERHEAD promises, for every suite and awkward lengths. */
static void sealing_needs_its_room_and_no_more(void **state)
{
	static const size_t sizes[] = {
		1, 15, 16, 17, 255, 4096, 16383, 16384
	};
	static uint8_t data[TLS_PLAIN_MAX];

	for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
		struct pair *p = connected(rsa, target, whole, &suites[i]);

		for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
			size_t before = p->down.tail, n;

			p->cut.room = sizes[k] + TLS_SEAL_OVERHEAD - 1;
			assert_int_equal(
				pair_seal(p, &p->server, data, sizes[k]),
				TLS_WANT_OUT);
			assert_int_equal(p->down.tail, before);
			p->cut.room++;
			assert_int_equal(
				pair_seal(p, &p->server, data, sizes[k]),
				TLS_OK);
			p->cut.room = 0;
			assert_int_equal(pair_open(p, &p->client, &n), TLS_OK);
			assert_int_equal(n, sizes[k]);
		}
		pair_free(p);
	}
}

static void nothing_begins_without_room_for_an_alert(void **state)
{
	struct pair *p = pair_new(ec, target, whole);
	size_t n;

	p->cut.room = TLS_SEAL_OVERHEAD - 1;
	assert_int_equal(pair_step(p, &p->client), TLS_WANT_OUT);
	assert_int_equal(p->up.tail, 0);
	pair_free(p);

	p = connected(ec, target, whole, NULL);
	assert_int_equal(pair_seal(p, &p->client, "x", 1), TLS_OK);
	p->cut.room = TLS_SEAL_OVERHEAD - 1;
	n = p->up.tail - p->up.head;
	assert_int_equal(pair_open(p, &p->server, &(size_t){ 0 }),
			 TLS_WANT_OUT);
	assert_int_equal(p->up.tail - p->up.head, n);
	assert_int_equal(pair_close(p, &p->client), TLS_WANT_OUT);
	pair_free(p);
}

/* --- ends --- */

static void close_notify(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
		struct pair *p = connected(rsa, target, whole, &suites[i]);
		struct pair_end *a = i % 2 ? &p->client : &p->server;
		struct pair_end *b = i % 2 ? &p->server : &p->client;
		size_t n;

		assert_int_equal(pair_seal(p, a, "bye", 3), TLS_OK);
		assert_int_equal(pair_close(p, a), TLS_OK);
		n = a->out->tail;
		/* Only once. */
		assert_int_equal(pair_close(p, a), TLS_OK);
		assert_int_equal(a->out->tail, n);
		assert_int_equal(pair_open(p, b, &n), TLS_OK);
		assert_int_equal(pair_open(p, b, &n), TLS_CLOSED);
		assert_int_equal(pair_open(p, b, &n), TLS_CLOSED);
		/* One direction is over; the other goes on (RFC 8446 6.1). */
		assert_int_equal(pair_seal(p, b, "late", 4), TLS_OK);
		assert_int_equal(pair_open(p, a, &n), TLS_OK);
		assert_int_equal(n, 4);
		assert_int_equal(pair_close(p, b), TLS_OK);
		assert_int_equal(pair_open(p, a, &n), TLS_CLOSED);
		pair_free(p);
	}
}

/* TCP ends without close_notify: nothing here pretends otherwise. */
static void a_cut_stream_is_no_end(void **state)
{
	struct pair *p = connected(ec, target, whole, NULL);
	size_t n;

	assert_int_equal(pair_seal(p, &p->server, "whole", 5), TLS_OK);
	assert_int_equal(pair_seal(p, &p->server, "half", 4), TLS_OK);
	p->down.tail -= 3;
	assert_int_equal(pair_open(p, &p->client, &n), TLS_OK);
	assert_int_equal(pair_open(p, &p->client, &n), TLS_WANT_IN);
	assert_int_equal(pair_open(p, &p->client, &n), TLS_WANT_IN);
	assert_string_equal(tls_error(p->client.t), "");
	pair_free(p);
}

static void a_tampered_record(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
		struct pair *p = connected(rsa, target, whole, &suites[i]);
		size_t n;

		assert_int_equal(pair_seal(p, &p->client, "order", 5), TLS_OK);
		p->up.data[p->up.tail - 3] ^= 1;
		assert_int_equal(pair_open(p, &p->server, &n),
				 TLS_FAIL_PROTOCOL);
		assert_int_equal(n, 0);
		assert_string_equal(tls_error(p->server.t),
				    "sent a record that was damaged or forged");
		/* For good. */
		assert_int_equal(pair_open(p, &p->server, &n),
				 TLS_FAIL_PROTOCOL);
		assert_int_equal(pair_seal(p, &p->server, "x", 1),
				 TLS_FAIL_PROTOCOL);
		assert_int_equal(pair_close(p, &p->server), TLS_FAIL_PROTOCOL);
		assert_int_equal(pair_step(p, &p->server), TLS_FAIL_PROTOCOL);
		/* The peer is told. */
		assert_int_equal(pair_open(p, &p->client, &n), TLS_FAIL_ALERT);
		assert_string_equal(tls_error(p->client.t),
				    "sent alert 20, bad record mac");
		pair_free(p);
	}
}

/* Rule: the length is judged at once, not when it has all arrived. */
static void a_forbidden_length(void **state)
{
	static const struct {
		unsigned suite, length;
		bool fails;
	} rows[] = {
		{ 0, 16640, false }, { 0, 16641, true }, { 0, 65535, true },
		{ 3, 16704, false }, { 3, 65535, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pair *p =
			connected(rsa, target, whole, &suites[rows[i].suite]);
		uint8_t header[5] = { 23, 3, 3, (uint8_t)(rows[i].length >> 8),
				      (uint8_t)rows[i].length };
		size_t n;

		memcpy(p->up.data, header, sizeof(header));
		p->up.head = 0;
		p->up.tail = sizeof(header);
		assert_int_equal(pair_open(p, &p->server, &n),
				 rows[i].fails ? TLS_FAIL_PROTOCOL
					       : TLS_WANT_IN);
		if (rows[i].fails)
			assert_int_equal(pair_open(p, &p->client, &n),
					 TLS_FAIL_ALERT);
		pair_free(p);
	}
}

/* --- after the handshake --- */

static void key_updates(void **state)
{
	struct pair *p = connected(ec, target, whole, &suites[0]);
	size_t n;

	/* The peer asks for ours: answered from within tls_open(). */
	assert_true(SSL_key_update(p->client.t->ssl, SSL_KEY_UPDATE_REQUESTED));
	ping(p, &p->client, &p->server);
	assert_true(p->down.tail > p->down.head);
	ping(p, &p->server, &p->client);

	/* Our own, when a key is used up. */
	p->server.t->key_records = p->server.t->sealed + 2;
	for (unsigned i = 0; i < 7; i++) {
		assert_int_equal(pair_seal(p, &p->server, "z", 1), TLS_OK);
		assert_int_equal(pair_open(p, &p->client, &n), TLS_OK);
	}
	assert_true(p->server.t->sealed <= 2);
	pair_free(p);

	p = connected(rsa, target, whole, &suites[3]);
	p->server.t->key_records = 2;
	ping(p, &p->server, &p->client);
	ping(p, &p->server, &p->client);
	assert_int_equal(pair_seal(p, &p->server, "z", 1), TLS_FAIL_INTERNAL);
	assert_string_equal(tls_error(p->server.t),
			    "the key is used up, and TLSv1.2 cannot renew it");
	pair_free(p);
}

static void ask_for_keys(struct pair *p, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		struct pair_io io;

		assert_true(SSL_key_update(p->client.t->ssl,
					   SSL_KEY_UPDATE_NOT_REQUESTED));
		pair_begin(p, &p->client, &io);
		tls_io_begin(p->client.t, &io.in, &io.out);
		assert_int_equal(SSL_do_handshake(p->client.t->ssl), 1);
		tls_io_end(p->client.t);
		pair_end_call(&p->client, &io);
	}
}

static void records_without_data_are_paid_for(void **state)
{
	struct pair *p = connected(ec, target, whole, &suites[0]);
	size_t n;

	/* As many as there is credit for, and again after as much data. */
	ask_for_keys(p, TLS_IDLE_CREDIT);
	assert_int_equal(pair_open(p, &p->server, &n), TLS_WANT_IN);
	for (unsigned i = 0; i < TLS_IDLE_CREDIT; i++)
		ping(p, &p->client, &p->server);
	ask_for_keys(p, TLS_IDLE_CREDIT);
	assert_int_equal(pair_open(p, &p->server, &n), TLS_WANT_IN);
	ask_for_keys(p, 1);
	assert_int_equal(pair_open(p, &p->server, &n), TLS_FAIL_PROTOCOL);
	assert_string_equal(tls_error(p->server.t),
			    "too many records without data");
	pair_free(p);
}

/* Rule 21, both roles: asked for, it is declined and the connection lives. */
static void no_renegotiation(void **state)
{
	for (unsigned role = 0; role < 2; role++) {
		struct pair *p = pair_new(rsa, target, whole);
		struct pair_end *asks = role ? &p->server : &p->client;
		struct pair_end *declines = role ? &p->client : &p->server;
		enum tls_result client, server;
		struct pair_io io;
		size_t n;

		force(p, &suites[3]);
		SSL_clear_options(asks->t->ssl, SSL_OP_NO_RENEGOTIATION);
		pair_shake(p, &client, &server);
		assert_int_equal(client, TLS_OK);
		assert_int_equal(SSL_renegotiate(asks->t->ssl), 1);
		pair_begin(p, asks, &io);
		tls_io_begin(asks->t, &io.in, &io.out);
		SSL_do_handshake(asks->t->ssl);
		tls_io_end(asks->t);
		pair_end_call(asks, &io);
		n = declines->out->tail;
		assert_int_equal(pair_open(p, declines, &n), TLS_WANT_IN);
		/* The warning is all that came of it. */
		assert_int_equal(declines->out->tail - declines->out->head,
				 5 + 8 + 2 + 16);
		/* The one who asked may take it amiss; ours goes on. */
		assert_int_equal(pair_seal(p, declines, "on", 2), TLS_OK);
		assert_string_equal(tls_error(declines->t), "");
		pair_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mebibyte_each_way),
		cmocka_unit_test(one_record_a_call),
		cmocka_unit_test(sealing_needs_its_room_and_no_more),
		cmocka_unit_test(nothing_begins_without_room_for_an_alert),
		cmocka_unit_test(close_notify),
		cmocka_unit_test(a_cut_stream_is_no_end),
		cmocka_unit_test(a_tampered_record),
		cmocka_unit_test(a_forbidden_length),
		cmocka_unit_test(key_updates),
		cmocka_unit_test(records_without_data_are_paid_for),
		cmocka_unit_test(no_renegotiation),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
