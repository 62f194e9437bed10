/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_tls.c - handshakes between our two roles, over a wire that delivers
 * bytes in the worst of pieces, and strangers who begin none.
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

/* --- handshakes --- */

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
					    "speaks another protocol (ALPN)");
			assert_int_equal(client, TLS_FAIL_ALERT);
			assert_string_equal(
				tls_error(p->client.t),
				"sent alert 120, no application protocol");
		}
		pair_free(p);
	}
}

/* A mail port is not lured into HTTP, nor is a mail server offered it. */
static void alpn_of_mail(void **state)
{
	struct tls_server *imap = ends_server_with(
		"ec", (struct tls_server_config){ .alpn = "imap" });
	struct tls_target *none = ends_target(
		(struct tls_target_config){ .name = NAME,
					    .ca_file = certs_path("ca", ".pem"),
					    .alpn = "" });
	enum tls_result client, server;

	for (int mail = 0; mail < 2; mail++) {
		struct pair *p = pair_new(imap, mail ? none : target, whole);

		pair_shake(p, &client, &server);
		assert_int_equal(server, mail ? TLS_OK : TLS_FAIL_PROTOCOL);
		pair_free(p);
	}
	tls_server_free(imap);
	tls_target_free(none);
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

/* close_notify instead of an answer to our ClientHello. */
static void gone_before_it_began(void **state)
{
	struct pair *p = pair_new(ec, target, whole);

	assert_int_equal(pair_step(p, &p->client), TLS_WANT_IN);
	p->down.tail = 7;
	memcpy(p->down.data, "\x15\x03\x03\x00\x02\x01\x00", 7);
	assert_int_equal(pair_step(p, &p->client), TLS_CLOSED);
	assert_string_equal(tls_error(p->client.t),
			    "gave up during the handshake");
	assert_int_equal(pair_step(p, &p->client), TLS_CLOSED);
	assert_int_equal(pair_close(p, &p->client), TLS_CLOSED);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshakes),
		cmocka_unit_test(half_records_stay_in_the_queue),
		cmocka_unit_test(data_behind_finished_waits),
		cmocka_unit_test(contexts_may_go_before_connections),
		cmocka_unit_test(alpn),
		cmocka_unit_test(alpn_of_mail),
		cmocka_unit_test(strangers),
		cmocka_unit_test(gone_before_it_began),
		cmocka_unit_test(a_handshake_has_an_end),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
