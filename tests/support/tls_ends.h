/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tls_ends.h - servers and targets from certificates that certs.h made.
 */
#pragma once

#include "certs.h"
#include "tls_pair.h"

#include "tls/tls_private.h"

#define ENDS_NAME "ex10.contoso.com"

/* What the last constructor had to say. */
static char ends_error[512];

/* Certificates by name, "a b c"; NULL and `ends_error` when they are refused.
 */
static inline struct tls_server *
ends_server_with(const char *files, struct tls_server_config config)
{
	struct tls_cert_config certs[8];
	char names[128], *rest = names, *one;

	strcpy(names, files);
	while ((one = strsep(&rest, " ")))
		certs[config.n_certs++] =
			(struct tls_cert_config){ certs_path(one, ".pem"),
						  certs_path(one, ".key") };
	config.certs = certs;
	if (!config.min_version)
		config.min_version = 12;
	strcpy(ends_error, "");
	return tls_server_new(&config, ends_error, sizeof(ends_error));
}

static inline struct tls_server *ends_server(const char *files)
{
	struct tls_server *s =
		ends_server_with(files, (struct tls_server_config){ 0 });

	certs_need(s != NULL, ends_error);
	return s;
}

static inline struct tls_target *ends_target(struct tls_target_config config)
{
	struct tls_target *t;

	if (!config.name)
		config.name = ENDS_NAME;
	if (!config.min_version)
		config.min_version = 12;
	strcpy(ends_error, "");
	t = tls_target_new(&config, ends_error, sizeof(ends_error));
	certs_need(t != NULL, ends_error);
	return t;
}

static inline struct tls_target *ends_pinned(const char *file, const char *name)
{
	struct tls_target_config config = { .name = name, .pinned = true };

	certs_pin(file, config.pin);
	return ends_target(config);
}

/* A whole handshake of new ends, and a ticket's way back to the client. */
static inline struct pair *ends_shake(struct tls_server *s,
				      struct tls_target *t,
				      enum tls_result *client,
				      enum tls_result *server)
{
	struct pair *p = pair_new(s, t, (struct pair_cut){ 0 });
	size_t n;

	pair_shake(p, client, server);
	if (*client == TLS_OK && *server == TLS_OK)
		assert_int_equal(pair_open(p, &p->client, &n), TLS_WANT_IN);
	return p;
}

static inline bool ends_resume(struct tls_server *s, struct tls_target *t)
{
	enum tls_result client, server;
	struct pair *p = ends_shake(s, t, &client, &server);
	struct tls_info info;

	assert_string_equal(tls_error(p->client.t), "");
	assert_int_equal(client, TLS_OK);
	assert_int_equal(server, TLS_OK);
	tls_info(p->server.t, &info);
	pair_free(p);
	return info.resumed;
}

/* --- connections --- */

static const struct pair_cut whole = { 0 };

/* A suite to force a connection into; version 0 = what both like best. */
struct suite {
	const char *name;
	int version;
	const char *list; /* below 1.3 */
};

/* Make both ends of a pair that has not begun speak this and nothing else. */
static inline void force(struct pair *p, const struct suite *s)
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

static inline struct pair *connected(struct tls_server *s, struct tls_target *t,
				     struct pair_cut cut,
				     const struct suite *suite)
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
static inline void ping(struct pair *p, struct pair_end *from,
			struct pair_end *to)
{
	size_t n;

	assert_int_equal(pair_seal(p, from, "ping", 4), TLS_OK);
	assert_int_equal(pair_open(p, to, &n), TLS_OK);
	assert_int_equal(n, 4);
	assert_memory_equal(to->plain, "ping", 4);
	assert_int_equal(pair_open(p, to, &n), TLS_WANT_IN);
	assert_int_equal(n, 0);
}
