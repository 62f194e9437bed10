/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_tls_trust.c - which back ends we believe, which are refused, and in what
 * words.
 */
#include "tls_ends.h"

#include <errno.h>
#include <time.h>

static int begin(void **state)
{
	static const struct certs_spec specs[] = {
		{ "ca", "Contoso Root", NULL, "ec", -9, 30, .authority = 1 },
		{ "other", "Fabrikam Root", NULL, "ec", -9, 30,
		  .authority = 1 },
		{ "sub", "Contoso Issuing", NULL, "ec", -9, 30, "ca",
		  .authority = 1 },
		{ "good", ENDS_NAME, "DNS:" ENDS_NAME, "ec", -9, 30, "ca" },
		{ "below", ENDS_NAME, "DNS:" ENDS_NAME, "ec", -9, 30, "sub" },
		{ "star", "x", "DNS:*.contoso.com", "ec", -9, 30, "ca" },
		{ "common", ENDS_NAME, NULL, "ec", -9, 30, "ca" },
		{ "ip", "x", "IP:192.0.2.10", "ec", -9, 30, "ca" },
		{ "wrong", "x", "DNS:ex11.contoso.com,DNS:ex12.contoso.com",
		  "ec", -9, 30, "ca" },
		{ "expired", ENDS_NAME, "DNS:" ENDS_NAME, "ec", -9, -3, "ca" },
		{ "future", ENDS_NAME, "DNS:" ENDS_NAME, "ec", 3, 30, "ca" },
		{ "foreign", ENDS_NAME, "DNS:" ENDS_NAME, "ec", -9, 30,
		  "other" },
		{ "self", ENDS_NAME, "DNS:" ENDS_NAME, "ec", -9, 30 },
		{ "client", ENDS_NAME, "DNS:" ENDS_NAME, "ec", -9, 30, "ca",
		  "clientAuth" },
		{ "old", ENDS_NAME, "DNS:" ENDS_NAME, "rsa", -9, 30, "ca", NULL,
		  "SHA1" },
		{ "short", ENDS_NAME, "DNS:" ENDS_NAME, "rsa1024", -9, 30 },
		{ "rsa", "mail.contoso.com", "DNS:mail.contoso.com", "rsa", -9,
		  30, "ca" },
	};

	certs_begin();
	for (size_t i = 0; i < ARRAY_LEN(specs); i++)
		certs_make(&specs[i]);
	return 0;
}

static int end(void **state)
{
	certs_end();
	return 0;
}

/* --- helpers --- */

static void date_of(const char *file, bool after, char date[TLS_DATE])
{
	X509 *x = certs_read(file);

	tls_cert_date(after ? X509_get0_notAfter(x) : X509_get0_notBefore(x),
		      date);
	X509_free(x);
}

/* Let a server that has not begun show this certificate, even one that
 * tls_server_new() would not load. */
static void show(struct pair *p, const char *file)
{
	SSL *ssl = p->server.t->ssl;
	X509 *x = certs_read(file);
	EVP_PKEY *key = certs_read_key(file);

	SSL_certs_clear(ssl);
	SSL_set_security_level(ssl, 0);
	assert_int_equal(SSL_use_cert_and_key(ssl, x, key, NULL, 1), 1);
	X509_free(x);
	EVP_PKEY_free(key);
}

/* --- back ends we refuse --- */

static void verification(void **state)
{
	static const struct {
		const char *server, *ca, *name;
		const char *words; /* "" = accepted; what ends in "on " or
				    * "before " goes on with the day */
		bool not_after;
	} rows[] = {
		{ "good", "ca", ENDS_NAME, "" },
		{ "star", "ca", ENDS_NAME, "" },
		{ "common", "ca", ENDS_NAME, "" },
		{ "ip", "ca", "192.0.2.10", "" },
		{ "below", "sub", ENDS_NAME, "" }, /* an issuing CA will do */
		{ "self", "self", ENDS_NAME,
		  "" }, /* so will the server's own */
		{ "good", "ca", "EX10.Contoso.COM", "" },
		{ "wrong", "ca", ENDS_NAME,
		  "certificate is for ex11.contoso.com ex12.contoso.com, "
		  "not " ENDS_NAME },
		{ "star", "ca", "a.b.contoso.com",
		  "certificate is for *.contoso.com, not a.b.contoso.com" },
		{ "ip", "ca", "192.0.2.11",
		  "certificate is for x, not 192.0.2.11" },
		{ "expired", "ca", ENDS_NAME,
		  "certificate of " ENDS_NAME " has expired on ", true },
		{ "future", "ca", ENDS_NAME,
		  "certificate of " ENDS_NAME " is not valid before " },
		{ "foreign", "ca", ENDS_NAME,
		  "certificate of " ENDS_NAME
		  " is signed by an unknown authority "
		  "(Fabrikam Root): add its root to ca-file" },
		{ "below", "ca", ENDS_NAME,
		  "certificate of " ENDS_NAME
		  " is signed by an unknown authority "
		  "(Contoso Issuing): add its root to ca-file" },
		{ "self", "ca", ENDS_NAME,
		  "certificate of " ENDS_NAME
		  " is self-signed: pin it, or add it "
		  "to ca-file" },
		{ "client", "ca", ENDS_NAME,
		  "certificate of " ENDS_NAME " is not made for a server" },
		{ "old", "ca", ENDS_NAME,
		  "certificate of " ENDS_NAME " is signed with SHA-1 or older: "
		  "replace it, or pin the server's" },
		{ "short", "short", ENDS_NAME,
		  "key of " ENDS_NAME " is too short: replace it, or pin the "
		  "server's certificate" },
	};
	struct tls_server *s = ends_server("good");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tls_target *t = ends_target((struct tls_target_config){
			.name = rows[i].name,
			.ca_file = certs_path(rows[i].ca, ".pem") });
		struct pair *p = pair_new(s, t, (struct pair_cut){ 0 });
		enum tls_result client, server;
		char want[256], day[TLS_DATE] = "";
		size_t n = strlen(rows[i].words);

		if (n && rows[i].words[n - 1] == ' ')
			date_of(rows[i].server, rows[i].not_after, day);
		snprintf(want, sizeof(want), "%s%s", rows[i].words, day);
		show(p, rows[i].server);
		pair_shake(p, &client, &server);
		assert_string_equal(tls_error(p->client.t), want);
		assert_int_equal(client, *want ? TLS_FAIL_VERIFY : TLS_OK);
		/* The server hears of it. */
		assert_int_equal(server, *want ? TLS_FAIL_ALERT : TLS_OK);
		pair_free(p);
		tls_target_free(t);
	}
	tls_server_free(s);
}

static void pins(void **state)
{
	static const struct {
		const char *server, *pin;
		bool ok;
	} rows[] = {
		{ "good", "good", true },     { "good", "self", false },
		{ "self", "self", true },     { "expired", "expired", true },
		{ "foreign", "good", false }, { "wrong", "wrong", true },
		{ "short", "short", true },   { "old", "old", true },
	};
	struct tls_server *s = ends_server("good");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tls_target *t = ends_pinned(rows[i].pin, ENDS_NAME);
		struct pair *p = pair_new(s, t, (struct pair_cut){ 0 });
		enum tls_result client, server;
		char want[256], hex[65];
		uint8_t pin[32];

		certs_pin(rows[i].server, pin);
		for (unsigned k = 0; k < sizeof(pin); k++)
			sprintf(hex + 2 * k, "%02x", pin[k]);
		snprintf(want, sizeof(want),
			 "certificate of " ENDS_NAME
			 " is not the pinned one; its "
			 "SHA-256 is %s",
			 hex);
		show(p, rows[i].server);
		pair_shake(p, &client, &server);
		assert_string_equal(tls_error(p->client.t),
				    rows[i].ok ? "" : want);
		assert_int_equal(client, rows[i].ok ? TLS_OK : TLS_FAIL_VERIFY);
		pair_free(p);
		tls_target_free(t);
	}
	tls_server_free(s);
}

/* A server of old: what it speaks, what our side is set to, what comes of it.
 */
static void versions(void **state)
{
	static const struct {
		int lowest, highest; /* the back end's */
		unsigned floor; /* ours */
		const char *suite;
		enum tls_result result;
		const char *words; /* or the version */
	} rows[] = {
		{ TLS1_2_VERSION, TLS1_2_VERSION, 13, "AES128-SHA",
		  TLS_FAIL_ALERT,
		  "refuses our versions of TLS (alert 70, protocol version): "
		  "set tls.min" },
		{ TLS1_VERSION, TLS1_VERSION, 10, "AES128-SHA", TLS_OK,
		  "TLSv1" },
		{ TLS1_VERSION, TLS1_VERSION, 10, "ECDHE-RSA-AES256-SHA",
		  TLS_OK, "TLSv1" },
		{ TLS1_VERSION, TLS1_1_VERSION, 10, "AES128-SHA", TLS_OK,
		  "TLSv1.1" },
		{ TLS1_VERSION, TLS1_3_VERSION, 10, "AES128-SHA", TLS_OK,
		  "TLSv1.3" },
		{ TLS1_VERSION, TLS1_2_VERSION, 12, "ECDHE-RSA-AES256-SHA384",
		  TLS_OK, "TLSv1.2" },
		{ TLS1_2_VERSION, TLS1_2_VERSION, 12, "AES128-SHA",
		  TLS_FAIL_ALERT, "sent alert 40, handshake failure" },
	};
	struct tls_server *s = ends_server("rsa");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tls_target_config config = { .min_version =
							    rows[i].floor,
						    .pinned = true };
		struct tls_target *t;
		enum tls_result client, server;
		struct tls_info info;
		struct pair *p;
		SSL *ssl;

		certs_pin("rsa", config.pin);
		t = ends_target(config);
		p = pair_new(s, t, (struct pair_cut){ 0 });
		ssl = p->server.t->ssl;
		SSL_set_security_level(ssl, 0);
		SSL_set_min_proto_version(ssl, rows[i].lowest);
		SSL_set_max_proto_version(ssl, rows[i].highest);
		SSL_set_cipher_list(ssl, rows[i].suite);
		pair_shake(p, &client, &server);
		tls_info(p->client.t, &info);
		assert_string_equal(rows[i].result == TLS_OK
					    ? info.version
					    : tls_error(p->client.t),
				    rows[i].words);
		assert_int_equal(client, rows[i].result);
		pair_free(p);
		tls_target_free(t);
	}
	tls_server_free(s);
}

/* Windows with TLS 1.2 turned off has never heard of supported_versions: it
 * answers with the best it has. */
static void old_servers(void **state)
{
	static const struct {
		uint8_t minor;
		unsigned floor;
		const char *words;
	} rows[] = {
		{ 1, 12, "speaks TLS 1.0 only: set tls.min" },
		{ 2, 12, "speaks TLS 1.1 only: set tls.min" },
		{ 3, 13, "speaks TLS 1.2 only: set tls.min" },
		{ 0, 10, "speaks SSL 3.0 only: set tls.min" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tls_target_config config = { .min_version =
							    rows[i].floor,
						    .pinned = true };
		struct tls_target *t = ends_target(config);
		struct pair *p = pair_new(NULL, t, (struct pair_cut){ 0 });
		/* ServerHello: random and no session id, AES128-SHA */
		uint8_t hello[5 + 4 + 38] = {
			22, 3, rows[i].minor, 0,	  42, 2, 0, 0,
			38, 3, rows[i].minor, [45] = 0x2f
		};

		assert_int_equal(pair_step(p, &p->client), TLS_WANT_IN);
		memcpy(p->down.data, hello, sizeof(hello));
		p->down.tail = sizeof(hello);
		assert_int_equal(pair_step(p, &p->client), TLS_FAIL_PROTOCOL);
		assert_string_equal(tls_error(p->client.t), rows[i].words);
		pair_free(p);
		tls_target_free(t);
	}
}

static void target_settings(void **state)
{
	static const struct {
		const char *name, *ca;
		unsigned floor;
		bool pinned;
		const char *words; /* NULL = accepted; "@" is the directory */
	} rows[] = {
		{ ENDS_NAME, "ca.pem", 12, false, NULL },
		{ ENDS_NAME, NULL, 13, true, NULL },
		{ ENDS_NAME, "ca.pem", 10, false,
		  ENDS_NAME
		  ": TLS 1.0 is allowed only with a pinned certificate" },
		{ ENDS_NAME, "ca.pem", 11, true,
		  "the lowest version for back ends is TLS 1.0, 1.2 or 1.3" },
		{ "", "ca.pem", 12, false,
		  "a back end needs a name of at most 255 characters" },
		{ ENDS_NAME, "none.pem", 12, false,
		  "@/none.pem: no such file" },
		{ ENDS_NAME, "ca.key", 12, false,
		  "@/ca.key: holds no certificate in PEM" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tls_target_config config = {
			.name = rows[i].name,
			.ca_file =
				rows[i].ca ? certs_path(rows[i].ca, "") : NULL,
			.pinned = rows[i].pinned,
			.min_version = rows[i].floor,
		};
		struct tls_target *t;
		const char *words = rows[i].words;
		char want[256] = "";

		if (words)
			snprintf(want, sizeof(want), "%s%s",
				 *words == '@' ? certs_dir : "",
				 words + (*words == '@'));
		strcpy(ends_error, "");
		t = tls_target_new(&config, ends_error, sizeof(ends_error));
		assert_string_equal(ends_error, want);
		assert_int_equal(t != NULL, !words);
		tls_target_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verification),
		cmocka_unit_test(pins),
		cmocka_unit_test(versions),
		cmocka_unit_test(old_servers),
		cmocka_unit_test(target_settings),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
