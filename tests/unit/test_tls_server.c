/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_tls_server.c - which certificate a client is shown, what is wrong with
 * the files, and whose ticket opens what.
 */
#include "tls_ends.h"

#include <errno.h>
#include <time.h>

static int begin(void **state)
{
	static const struct certs_spec specs[] = {
		{ "ca", "Contoso Root", NULL, "ec", -9, 30, .authority = 1 },
		{ "sub", "Contoso Issuing", NULL, "ec", -9, 30, "ca",
		  .authority = 1 },
		{ "good", ENDS_NAME, "DNS:" ENDS_NAME, "ec", -9, 30, "ca" },
		{ "below", ENDS_NAME, "DNS:" ENDS_NAME, "ec", -9, 30, "sub" },
		{ "star", "x", "DNS:*.contoso.com", "ec", -9, 30, "ca" },
		{ "common", ENDS_NAME, NULL, "ec", -9, 30, "ca" },
		{ "expired", ENDS_NAME, "DNS:" ENDS_NAME, "ec", -9, -3, "ca" },
		{ "self", ENDS_NAME, "DNS:" ENDS_NAME, "ec", -9, 30 },
		{ "old", ENDS_NAME, "DNS:" ENDS_NAME, "rsa", -9, 30, "ca", NULL,
		  "SHA1" },
		{ "short", ENDS_NAME, "DNS:" ENDS_NAME, "rsa1024", -9, 30 },
		{ "mail-rsa", "mail.contoso.com",
		  "DNS:mail.contoso.com,DNS:autodiscover.contoso.com", "rsa",
		  -9, 30, "ca" },
		{ "mail-ec", "mail.contoso.com", "DNS:Mail.Contoso.com", "ec",
		  -9, 30, "ca" },
		{ "legacy", "legacy.contoso.com", "DNS:legacy.contoso.com",
		  "rsa", -9, 30, "ca" },
		{ "any", "*.fabrikam.com", "DNS:*.fabrikam.com", "ec", -9, 30,
		  "ca" },
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

/* --- what clients are shown --- */

static void names(void **state)
{
	static const struct {
		const char *certs, *name;
		bool only_rsa; /* all the client can verify */
		const char *shown;
	} rows[] = {
		{ "mail-rsa", "mail.contoso.com", false, "mail-rsa" },
		{ "mail-rsa", "nobody.example", false, "mail-rsa" },
		{ "mail-rsa", "192.0.2.1", false, "mail-rsa" }, /* no name */
		/* one of each type under one name */
		{ "mail-rsa mail-ec", "mail.contoso.com", false, "mail-ec" },
		{ "mail-rsa mail-ec", "mail.contoso.com", true, "mail-rsa" },
		{ "mail-ec mail-rsa", "mail.contoso.com", true, "mail-rsa" },
		{ "mail-rsa mail-ec", "MAIL.contoso.COM", false, "mail-ec" },
		{ "mail-rsa mail-ec", "mail.contoso.com.", false, "mail-ec" },
		/* the ECDSA certificate does not have this name */
		{ "mail-rsa mail-ec", "autodiscover.contoso.com", false,
		  "mail-rsa" },
		/* unknown: the first, and its twin */
		{ "mail-rsa mail-ec", "nobody.example", false, "mail-ec" },
		{ "legacy mail-rsa mail-ec", "nobody.example", false,
		  "legacy" },
		{ "legacy mail-rsa mail-ec", "mail.contoso.com", false,
		  "mail-ec" },
		{ "mail-rsa legacy any", "legacy.contoso.com", false,
		  "legacy" },
		/* wildcards: one label, and after the exact name */
		{ "mail-rsa any", "a.fabrikam.com", false, "any" },
		{ "mail-rsa any", "A.Fabrikam.com", false, "any" },
		{ "mail-rsa any", "a.b.fabrikam.com", false, "mail-rsa" },
		{ "mail-rsa any", "fabrikam.com", false, "mail-rsa" },
		{ "any star mail-rsa", "mail.contoso.com", false, "mail-rsa" },
		{ "any star mail-rsa", "ews.contoso.com", false, "star" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tls_server *s = ends_server(rows[i].certs);
		struct tls_target *t = ends_pinned(rows[i].shown, rows[i].name);
		struct pair *p = pair_new(s, t, (struct pair_cut){ 0 });
		enum tls_result client, server;
		struct tls_info info;

		if (rows[i].only_rsa)
			SSL_set1_sigalgs_list(p->client.t->ssl,
					      "RSA-PSS+SHA256:RSA+SHA256");
		pair_shake(p, &client, &server);
		assert_string_equal(tls_error(p->client.t), "");
		assert_int_equal(client, TLS_OK);
		tls_info(p->server.t, &info);
		assert_string_equal(info.sni,
				    *rows[i].name == '1' ? "" : rows[i].name);
		pair_free(p);
		tls_target_free(t);
		tls_server_free(s);
	}
}

static void put_file(const char *file, const char *a, const char *b)
{
	const char *parts[] = { a, b };
	FILE *to = fopen(certs_path(file, ""), "w");

	for (unsigned i = 0; i < 2 && parts[i]; i++) {
		FILE *from = fopen(certs_path(parts[i], ""), "r");
		int c;

		while ((c = getc(from)) != EOF)
			putc(c, to);
		fclose(from);
	}
	fclose(to);
}

static void server_settings(void **state)
{
	static const struct {
		const char *chain, *key;
		const char *words; /* "@" is the directory; "" = accepted */
	} rows[] = {
		{ "good.pem", "good.key", "" },
		{ "expired.pem", "expired.key", "" },
		{ "chain.pem", "below.key", "" },
		{ "none.pem", "good.key", "@/none.pem: no such file" },
		{ "good.pem", "none.key", "@/none.key: no such file" },
		{ "good.key", "good.key",
		  "@/good.key: holds no certificate in PEM" },
		{ "empty", "good.key", "@/empty: holds no certificate in PEM" },
		{ "good.pem", "good.pem",
		  "@/good.pem: holds no private key in PEM" },
		{ "good.pem", "self.key",
		  "@/self.key: does not belong to the certificate in "
		  "@/good.pem" },
		{ "backwards.pem", "below.key",
		  "@/backwards.pem: the certificate of the key in @/below.key "
		  "must come first, it is number 2" },
		{ "good.pem", "locked.key",
		  "@/locked.key: the key is encrypted; casgate needs it "
		  "without a passphrase" },
		{ "short.pem", "short.key",
		  "@/short.pem: the key is too short: RSA needs 2048 bits" },
		{ "old.pem", "old.key",
		  "@/old.pem: signed with SHA-1 or older: clients refuse "
		  "that" },
	};
	FILE *f = fopen(certs_path("locked", ".key"), "w");
	EVP_PKEY *key = certs_read_key("good");

	PEM_write_PrivateKey(f, key, EVP_aes_128_cbc(), NULL, 0, NULL, "word");
	fclose(f);
	EVP_PKEY_free(key);
	put_file("empty", NULL, NULL);
	put_file("chain.pem", "below.pem", "sub.pem");
	put_file("backwards.pem", "sub.pem", "below.pem");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tls_cert_config cert = { certs_path(rows[i].chain, ""),
						certs_path(rows[i].key, "") };
		struct tls_server_config config = { .n_certs = 1,
						    .certs = &cert,
						    .min_version = 12 };
		struct tls_server *s;
		char want[512] = "";

		for (const char *c = rows[i].words; *c; c++)
			sprintf(want + strlen(want), "%.*s", *c == '@' ? 64 : 1,
				*c == '@' ? certs_dir : c);
		strcpy(ends_error, "");
		s = tls_server_new(&config, ends_error, sizeof(ends_error));
		assert_string_equal(ends_error, want);
		assert_int_equal(s != NULL, !*want);
		tls_server_free(s);
	}
	/* A chain is sent whole: a client that has the root alone is content.
	 */
	struct tls_cert_config cert = { certs_path("chain", ".pem"),
					certs_path("below", ".key") };
	struct tls_server_config config = { 1, &cert, 12 };
	struct tls_server *s =
		tls_server_new(&config, ends_error, sizeof(ends_error));
	struct tls_target *t = ends_target((struct tls_target_config){
		.ca_file = certs_path("ca", ".pem") });

	assert_false(ends_resume(s, t));
	tls_server_free(s);
	tls_target_free(t);
	assert_null(ends_server_with(
		"good", (struct tls_server_config){ .min_version = 10 }));
	assert_null(ends_server_with(
		"good", (struct tls_server_config){ .n_tickets = 5 }));
}

static void certificate_facts(void **state)
{
	static const struct {
		const char *file, *subject, *names, *key;
		int days;
	} rows[] = {
		{ "mail-rsa", "CN=mail.contoso.com",
		  "mail.contoso.com autodiscover.contoso.com", "RSA 2048", 30 },
		{ "any", "CN=*.fabrikam.com", "*.fabrikam.com", "EC P-256",
		  30 },
		{ "common", "CN=" ENDS_NAME, ENDS_NAME, "EC P-256", 30 },
		{ "expired", "CN=" ENDS_NAME, ENDS_NAME, "EC P-256", -3 },
	};
	struct tls_cert_info info;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t at = time(NULL) + rows[i].days * 86400;

		assert_int_equal(tls_cert_info(certs_path(rows[i].file, ".pem"),
					       &info, ends_error,
					       sizeof(ends_error)),
				 0);
		assert_string_equal(info.subject, rows[i].subject);
		assert_string_equal(info.names, rows[i].names);
		assert_string_equal(info.key, rows[i].key);
		assert_in_range(info.not_after, at - 120, at + 120);
	}
	assert_int_equal(tls_cert_info("/nowhere/x.pem", &info, ends_error,
				       sizeof(ends_error)),
			 -ENOENT);
	assert_string_equal(ends_error, "/nowhere/x.pem: no such file");
}

/* --- tickets --- */

static struct tls_server *ticketing(struct tls_tickets *k, const char *context,
				    unsigned n)
{
	struct tls_server *s = ends_server_with(
		"mail-rsa", (struct tls_server_config){ .tickets = k,
							.context = context,
							.n_tickets = n });

	certs_need(s != NULL, ends_error);
	return s;
}

static void limit_to(struct tls_target *t, int version)
{
	SSL *ssl = tls_target_ssl(t);

	SSL_CTX_set_max_proto_version(SSL_get_SSL_CTX(ssl), version);
	SSL_free(ssl);
}

static void rotation(void **state)
{
	static const int limits[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	for (unsigned v = 0; v < 2; v++) {
		struct tls_tickets *k = tls_tickets_new();
		struct tls_server *a = ticketing(k, "https", 1);
		struct tls_server *b = ticketing(k, "https", 1);
		struct tls_target *t = ends_pinned("mail-rsa", ENDS_NAME);

		limit_to(t, limits[v]);
		assert_false(ends_resume(a, t));
		assert_true(ends_resume(a, t));
		assert_true(ends_resume(b, t)); /* another worker */
		tls_tickets_rotate(k);
		assert_true(ends_resume(a, t)); /* by the previous key */
		if (limits[v] == TLS1_3_VERSION) {
			/* that gave a ticket under the new one */
			tls_tickets_rotate(k);
			assert_true(ends_resume(b, t));
		}
		tls_tickets_rotate(k);
		tls_tickets_rotate(k);
		assert_false(ends_resume(a, t)); /* two keys ago: gone */
		assert_true(ends_resume(a, t));
		tls_target_free(t);
		tls_server_free(a);
		tls_server_free(b);
		tls_tickets_free(k);
	}
}

/* Members of a group agree by secret and epoch, whenever they started. */
static void derived_keys(void **state)
{
	static const struct {
		const char *secret;
		uint64_t epoch; /* of the second appliance */
		bool resumed;
	} rows[] = {
		{ "group", 7, true },  { "group", 8, true },
		{ "group", 9, false }, { "group", 6, false },
		{ "other", 7, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tls_tickets *ka = tls_tickets_new();
		struct tls_tickets *kb = tls_tickets_new();
		struct tls_server *a = ticketing(ka, "https", 1);
		struct tls_server *b = ticketing(kb, "https", 1);
		struct tls_target *t = ends_pinned("mail-rsa", ENDS_NAME);

		tls_tickets_derive(ka, BYTES("group"), 7);
		tls_tickets_derive(kb, BYTES(rows[i].secret), rows[i].epoch);
		assert_false(ends_resume(a, t));
		assert_int_equal(ends_resume(b, t), rows[i].resumed);
		tls_target_free(t);
		tls_server_free(a);
		tls_server_free(b);
		tls_tickets_free(ka);
		tls_tickets_free(kb);
	}
}

/* A session moved from one target to another, as an attacker might. */
static bool resumes_as(struct tls_server *first, struct tls_server *second,
		       const char *name, const char *other, int version)
{
	struct tls_target *from = ends_pinned("mail-rsa", name);
	struct tls_target *to = ends_pinned("mail-rsa", other);
	enum tls_result client, server;
	struct tls_info info;
	struct pair *p;
	SSL *donor;

	limit_to(from, version);
	limit_to(to, version);
	assert_false(ends_resume(first, from));
	donor = tls_target_ssl(from);
	p = pair_new(second, to, (struct pair_cut){ 0 });
	assert_non_null(SSL_get0_session(donor));
	assert_true(SSL_set_session(p->client.t->ssl, SSL_get0_session(donor)));
	pair_shake(p, &client, &server);
	assert_int_equal(client, TLS_OK);
	assert_int_equal(server, TLS_OK);
	tls_info(p->server.t, &info);
	assert_true(bytes_ieq(BYTES(info.sni), BYTES(other)));
	pair_free(p);
	SSL_free(donor);
	tls_target_free(from);
	tls_target_free(to);
	return info.resumed;
}

static void tickets_are_bound(void **state)
{
	struct tls_tickets *k = tls_tickets_new();
	struct tls_server *https = ticketing(k, "https", 1);
	struct tls_server *other = ticketing(k, "other", 1);
	struct tls_server *none = ticketing(NULL, "https", 2);
	static const int limits[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	for (unsigned v = 0; v < 2; v++) {
		assert_true(resumes_as(https, https, "mail.contoso.com",
				       "mail.contoso.com", limits[v]));
		assert_true(resumes_as(https, https, "mail.contoso.com",
				       "MAIL.contoso.com", limits[v]));
		assert_false(resumes_as(https, https, "mail.contoso.com",
					"autodiscover.contoso.com", limits[v]));
		assert_false(resumes_as(https, other, "mail.contoso.com",
					"mail.contoso.com", limits[v]));
		assert_false(resumes_as(https, none, "mail.contoso.com",
					"mail.contoso.com", limits[v]));
	}
	tls_server_free(https);
	tls_server_free(other);
	tls_server_free(none);
	tls_tickets_free(k);
}

static unsigned new_tickets;

static void count_tickets(int writing, int version, int type, const void *buf,
			  size_t n, SSL *ssl, void *arg)
{
	new_tickets += !writing && type == SSL3_RT_HANDSHAKE &&
		       *(const uint8_t *)buf == SSL3_MT_NEWSESSION_TICKET;
}

static void number_of_tickets(void **state)
{
	struct tls_tickets *k = tls_tickets_new();

	for (unsigned n = 0; n <= TLS_TICKETS_MAX; n++) {
		struct tls_server *s = ticketing(k, "https", n);
		struct tls_target *t = ends_pinned("mail-rsa", ENDS_NAME);
		struct pair *p = pair_new(s, t, (struct pair_cut){ 0 });
		enum tls_result client, server;
		size_t none;

		SSL_set_msg_callback(p->client.t->ssl, count_tickets);
		new_tickets = 0;
		pair_shake(p, &client, &server);
		assert_int_equal(server, TLS_OK);
		assert_int_equal(pair_open(p, &p->client, &none), TLS_WANT_IN);
		assert_int_equal(new_tickets, n);
		pair_free(p);
		tls_target_free(t);
		tls_server_free(s);
	}
	tls_tickets_free(k);
}

/* A burst of connects takes the tickets one by one, newest first, shares the
 * last one, and a connection that died of a forged record loses nothing but
 * its own. */
static void sessions_of_a_target(void **state)
{
	struct tls_tickets *k = tls_tickets_new();
	struct tls_server *s = ticketing(k, "https", 4);
	struct tls_target *t = ends_pinned("mail-rsa", ENDS_NAME);
	SSL *burst[6];

	assert_false(ends_resume(s, t));
	for (unsigned i = 0; i < ARRAY_LEN(burst); i++) {
		burst[i] = tls_target_ssl(t);
		assert_non_null(SSL_get0_session(burst[i]));
		for (unsigned j = 0; j < i && i < 4; j++)
			assert_ptr_not_equal(SSL_get0_session(burst[i]),
					     SSL_get0_session(burst[j]));
	}
	for (unsigned i = 0; i < ARRAY_LEN(burst); i++)
		SSL_free(burst[i]);
	assert_true(ends_resume(s, t));
	for (unsigned i = 0; i < 40; i++)
		assert_true(ends_resume(s, t));
	tls_target_free(t);
	tls_server_free(s);
	tls_tickets_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(server_settings),
		cmocka_unit_test(certificate_facts),
		cmocka_unit_test(rotation),
		cmocka_unit_test(derived_keys),
		cmocka_unit_test(tickets_are_bound),
		cmocka_unit_test(number_of_tickets),
		cmocka_unit_test(sessions_of_a_target),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
