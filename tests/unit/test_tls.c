/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_tls.c - handshakes and records between our two roles, over a wire that
 * delivers bytes in the worst of pieces, and what a peer may do wrong.
 */
#include "tls_ends.h"

#define NAME "mail.contoso.com"

static struct tls_tickets *tickets;
static struct tls_server *rsa, *ec; /* one certificate each */
static struct tls_target *target;

static const struct pair_cut whole = { 0 };
static const struct pair_cut cuts[] = {
	{ 0, 0, 0 }, /* all at once */
	{ 1, 0, 0 }, /* byte by byte */
	{ 0, 1, 0 }, /* iovecs of one byte, and one long one */
	{ 0, 0, 128 }, /* as little room as may be */
	{ 7, 5, 200 }, { 1448, 1448, 0 },
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

/* --- helpers -----------------------------------------------------------------
 */

/* A suite to force a connection into; version 0 = what both like best. */
struct suite {
	const char *name;
	int version;
	const char *list; /* below 1.3 */
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

/* Make both ends of a pair that has not begun speak this and nothing else. */
static void force(struct pair *p, const struct suite *s)
{
	SSL *ends[] = { p->client.t->ssl, p->server.t->ssl };

	/* A session of another suite would not go with it. */
	assert_true(SSL_set_session(ends[0], NULL));
	for (unsigned i = 0; i < 2; i++) {
		SSL_set_security_level(ends[i], 0);
		assert_true(SSL_set_min_proto_version(ends[i], s->version));
		assert_true(SSL_set_max_proto_version(ends[i], s->version));
		if (s->version == TLS1_3_VERSION)
			assert_true(SSL_set_ciphersuites(ends[i], s->name));
		else
			assert_true(SSL_set_cipher_list(ends[i], s->name));
	}
}

static struct pair *connected(struct tls_server *s, struct tls_target *t,
			      struct pair_cut cut, const struct suite *suite)
{
	struct pair *p = pair_new(s, t, cut);
	enum tls_result client, server;

	if (suite)
		force(p, suite);
	pair_shake(p, &client, &server);
	assert_string_equal(tls_error(p->client.t), "");
	assert_string_equal(tls_error(p->server.t), "");
	assert_int_equal(client, TLS_OK);
	assert_int_equal(server, TLS_OK);
	p->cut = whole;
	return p;
}

/* A few bytes get through. */
static void ping(struct pair *p, struct pair_end *from, struct pair_end *to)
{
	size_t n;

	assert_int_equal(pair_seal(p, from, "ping", 4), TLS_OK);
	assert_int_equal(pair_open(p, to, &n), TLS_OK);
	assert_int_equal(n, 4);
	assert_memory_equal(to->plain, "ping", 4);
	assert_int_equal(pair_open(p, to, &n), TLS_WANT_IN);
	assert_int_equal(n, 0);
}

static uint64_t noise = 88172645463325252u;

static uint64_t rnd(void)
{
	noise ^= noise << 13;
	noise ^= noise >> 7;
	noise ^= noise << 17;
	return noise;
}

/* --- handshakes
 * ---------------------------------------------------------------- */

static void handshake_row(struct tls_server *s, int version, bool resumed,
			  struct tls_target *t, struct pair_cut cut)
{
	struct suite any = { .version = version };
	struct pair *p = pair_new(s, t, cut);
	enum tls_result client, server;
	struct tls_info c, o;

	assert_true(SSL_set_max_proto_version(p->client.t->ssl, any.version));
	pair_shake(p, &client, &server);
	assert_string_equal(tls_error(p->client.t), "");
	assert_string_equal(tls_error(p->server.t), "");
	assert_int_equal(client, TLS_OK);
	assert_int_equal(server, TLS_OK);
	tls_info(p->client.t, &c);
	tls_info(p->server.t, &o);
	assert_string_equal(c.version,
			    version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2");
	assert_string_equal(c.version, o.version);
	assert_string_equal(c.suite, o.suite);
	assert_non_null(strstr(c.suite, "AES_128_GCM")
				? strstr(c.suite, "AES_128_GCM")
				: strstr(c.suite, "AES128-GCM"));
	assert_string_equal(o.sni, NAME);
	assert_string_equal(c.sni, "");
	assert_int_equal(c.resumed, resumed);
	assert_int_equal(o.resumed, resumed);
	p->cut = whole;
	ping(p, &p->server, &p->client);
	ping(p, &p->client, &p->server);
	pair_free(p);
}

static void handshakes(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	for (size_t c = 0; c < ARRAY_LEN(cuts); c++)
		for (unsigned v = 0; v < 2; v++)
			for (unsigned k = 0; k < 2; k++) {
				struct tls_target *t = target_new();

				/* full, then by its ticket */
				handshake_row(k ? ec : rsa, versions[v], false,
					      t, cuts[c]);
				handshake_row(k ? ec : rsa, versions[v], true,
					      t, cuts[c]);
				tls_target_free(t);
			}
}

/* What TCP keeps and what TLS takes: whole records. */
static void half_records_stay_in_the_queue(void **state)
{
	struct pair *p = pair_new(ec, target, whole);
	size_t all, n;

	assert_int_equal(pair_step(p, &p->client), TLS_WANT_IN);
	all = p->up.tail;
	for (size_t seen = 16; seen < all; seen += 16) {
		p->cut.chunk = 16;
		assert_int_equal(pair_step(p, &p->server), TLS_WANT_IN);
		assert_int_equal(p->up.head, 0);
		assert_int_equal(p->down.tail, 0);
	}
	pair_free(p);

	p = connected(ec, target, whole, NULL);
	assert_int_equal(pair_seal(p, &p->client, "0123456789", 10), TLS_OK);
	all = p->up.tail - p->up.head;
	p->cut.chunk = 1;
	for (size_t seen = 1; seen < all; seen++) {
		assert_int_equal(pair_open(p, &p->server, &n), TLS_WANT_IN);
		assert_int_equal(p->up.tail - p->up.head, all);
	}
	assert_int_equal(pair_open(p, &p->server, &n), TLS_OK);
	assert_int_equal(n, 10);
	pair_free(p);
}

/* A client's first request travels with its Finished. */
static void data_behind_finished_waits(void **state)
{
	struct pair *p = pair_new(ec, target, whole);
	size_t n;

	assert_int_equal(pair_step(p, &p->client), TLS_WANT_IN);
	assert_int_equal(pair_step(p, &p->server), TLS_WANT_IN);
	assert_int_equal(pair_step(p, &p->client), TLS_OK);
	assert_int_equal(pair_seal(p, &p->client, "GET", 3), TLS_OK);
	assert_int_equal(pair_step(p, &p->server), TLS_OK);
	assert_true(p->up.tail > p->up.head);
	assert_int_equal(pair_open(p, &p->server, &n), TLS_OK);
	assert_int_equal(n, 3);
	pair_free(p);
}

static void contexts_may_go_before_connections(void **state)
{
	struct tls_server *s = server_of("ec");
	struct tls_target *t = target_new();
	struct pair *p = pair_new(s, t, whole);
	enum tls_result client, server;

	assert_int_equal(pair_step(p, &p->client), TLS_WANT_IN);
	tls_server_free(s);
	tls_target_free(t);
	pair_shake(p, &client, &server);
	assert_int_equal(client, TLS_OK);
	assert_int_equal(server, TLS_OK);
	ping(p, &p->server, &p->client);
	pair_free(p);
	tls_server_free(NULL);
	tls_target_free(NULL);
	tls_free(NULL);
}

static void alpn(void **state)
{
	static const struct {
		const char *offer; /* as it stands in the extension */
		bool ok;
	} rows[] = {
		{ "\x08http/1.1", true },	{ "\x02h2\x08http/1.1", true },
		{ "\x08http/1.1\x02h2", true }, { "\x02h2", false },
		{ "\x08http/1.0", false },	{ "\x09http/1.1a", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pair *p = pair_new(ec, target, whole);
		SSL *ssl = p->client.t->ssl;
		enum tls_result client, server;
		const unsigned char *got;
		unsigned n;

		SSL_set_alpn_protos(ssl, (const uint8_t *)rows[i].offer,
				    (unsigned)strlen(rows[i].offer));
		pair_shake(p, &client, &server);
		if (rows[i].ok) {
			assert_int_equal(client, TLS_OK);
			SSL_get0_alpn_selected(ssl, &got, &n);
			assert_int_equal(n, 8);
			assert_memory_equal(got, "http/1.1", 8);
		} else {
			assert_int_equal(server, TLS_FAIL_PROTOCOL);
			assert_string_equal(tls_error(p->server.t),
					    "offers no http/1.1 (ALPN)");
			assert_int_equal(client, TLS_FAIL_ALERT);
			assert_string_equal(
				tls_error(p->client.t),
				"sent alert 120, no application protocol");
		}
		pair_free(p);
	}
}

/* --- records
 * ------------------------------------------------------------------- */

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

/* --- ends
 * ------------------------------------------------------------------------ */

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

static void strangers(void **state)
{
	static const struct {
		const char *bytes;
		const char *words;
	} rows[] = {
		{ "GET / HTTP/1.1\r\nHost: mail\r\n\r\n",
		  "speaks plain HTTP where TLS is expected" },
		{ "POST / HTTP/1.1\r\n\r\n",
		  "speaks plain HTTP where TLS is expected" },
		{ "CONNECT mail:443 HTTP/1.1\r\n\r\n",
		  "takes us for an HTTP proxy" },
		{ "SSH-2.0-OpenSSH_9.2p1\r\n", "does not speak TLS" },
		{ "\x15\x03\x01\x01\x02\x02\x28", "" }, /* waits for 258 */
		{ "\x15\x03\x01\x77\x02\x02\x28", NULL },
		{ "\x17\x03\x01\x01\x01x", "" },
		{ "\x16\x03\x01\xff\x01\x01", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pair *p = pair_new(ec, target, whole);
		enum tls_result r;

		p->up.tail = strlen(rows[i].bytes);
		memcpy(p->up.data, rows[i].bytes, p->up.tail);
		r = pair_step(p, &p->server);
		if (rows[i].words && !*rows[i].words) {
			assert_int_equal(r, TLS_WANT_IN);
		} else {
			assert_int_equal(r, TLS_FAIL_PROTOCOL);
			assert_true(*tls_error(p->server.t));
		}
		if (rows[i].words)
			assert_string_equal(tls_error(p->server.t),
					    rows[i].words);
		pair_free(p);
	}
}

static void gone_before_it_began(void **state)
{
	struct pair *p = pair_new(ec, target, whole);

	p->up.tail = 7;
	memcpy(p->up.data, "\x15\x03\x01\x00\x02\x01\x00", 7);
	assert_int_equal(pair_step(p, &p->server), TLS_CLOSED);
	assert_string_equal(tls_error(p->server.t),
			    "gave up during the handshake");
	assert_int_equal(pair_step(p, &p->server), TLS_CLOSED);
	assert_int_equal(pair_close(p, &p->server), TLS_CLOSED);
	pair_free(p);
}

/* A handshake of a hundred thousand bytes is nobody's. */
static void a_handshake_has_an_end(void **state)
{
	struct pair *p = pair_new(ec, target, whole);
	enum tls_result r = TLS_WANT_IN;
	size_t sent = 0;

	/* A ClientHello of 128 kB, in records of 16 kB. */
	while (r == TLS_WANT_IN && sent < 130000) {
		uint8_t *at = p->up.data;

		memcpy(at, "\x16\x03\x01\x40\x00", 5);
		memset(at + 5, 0, 16384);
		if (!sent)
			memcpy(at + 5, "\x01\x01\xf4\x00\x03\x03", 6);
		p->up.head = p->up.arrived = 0;
		p->up.tail = 5 + 16384;
		sent += p->up.tail;
		r = pair_step(p, &p->server);
	}
	assert_int_equal(r, TLS_FAIL_PROTOCOL);
	assert_string_equal(tls_error(p->server.t),
			    "goes on with its handshake beyond 65536 bytes");
	assert_true(sent < 90000);
	pair_free(p);
}

/* --- after the handshake
 * ---------------------------------------------------------- */

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
		cmocka_unit_test(handshakes),
		cmocka_unit_test(half_records_stay_in_the_queue),
		cmocka_unit_test(data_behind_finished_waits),
		cmocka_unit_test(contexts_may_go_before_connections),
		cmocka_unit_test(alpn),
		cmocka_unit_test(a_mebibyte_each_way),
		cmocka_unit_test(one_record_a_call),
		cmocka_unit_test(sealing_needs_its_room_and_no_more),
		cmocka_unit_test(nothing_begins_without_room_for_an_alert),
		cmocka_unit_test(close_notify),
		cmocka_unit_test(a_cut_stream_is_no_end),
		cmocka_unit_test(a_tampered_record),
		cmocka_unit_test(a_forbidden_length),
		cmocka_unit_test(strangers),
		cmocka_unit_test(gone_before_it_began),
		cmocka_unit_test(a_handshake_has_an_end),
		cmocka_unit_test(key_updates),
		cmocka_unit_test(records_without_data_are_paid_for),
		cmocka_unit_test(no_renegotiation),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
