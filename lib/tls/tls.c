/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tls.c - a connection: its life, its handshake, and the doors to the record
 * layer.
 */
#include "tls/tls_private.h"

#include <openssl/err.h>

#include <stdlib.h>

/* Below this an alert might not fit. */
#define STEP_ROOM TLS_SEAL_OVERHEAD

/* What one peer may make OpenSSL buffer before it has proved anything. A
 * ClientHello has 2 kB at most with post-quantum shares, a ticket 4; a back
 * end's chain of certificates 10. */
#define MAX_HANDSHAKE (64 * 1024)

/* 128 bits first: as good for our purpose, and faster. */
static const char suites13[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
			       "TLS_CHACHA20_POLY1305_SHA256";

int tls_version_of(unsigned number)
{
	switch (number) {
	case 10:
		return TLS1_VERSION;
	case 12:
		return TLS1_2_VERSION;
	case 13:
		return TLS1_3_VERSION;
	default:
		return 0;
	}
}

SSL_CTX *tls_context_new(const SSL_METHOD *method, unsigned min)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (!ctx)
		return NULL;
	/* Set all of it: openssl.cnf has opinions, too. */
	SSL_CTX_set_security_level(ctx, 2);
	SSL_CTX_set_options(ctx,
			    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_clear_options(ctx, SSL_OP_LEGACY_SERVER_CONNECT |
					   SSL_OP_ENABLE_KTLS);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ctx, 0);
	if (SSL_CTX_set_min_proto_version(ctx, tls_version_of(min)) &&
	    SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) &&
	    SSL_CTX_set_ciphersuites(ctx, suites13) &&
	    SSL_CTX_set_max_early_data(ctx, 0))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* --- life --- */

/* Takes over what it is given; either may be NULL. */
static struct tls *tls_new(SSL *ssl, BIO *bio)
{
	struct tls *t = ssl && bio ? mem_new(sizeof(*t)) : NULL;

	ERR_clear_error();
	if (!t) {
		SSL_free(ssl);
		BIO_free(bio);
		return NULL;
	}
	t->ssl = ssl;
	t->credit = TLS_IDLE_CREDIT;
	BIO_set_data(bio, t);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_app_data(ssl, t);
	return t;
}

struct tls *tls_accept(struct tls_server *s)
{
	struct tls *t = tls_new(tls_server_ssl(s), tls_server_bio(s));

	if (t)
		t->server = tls_server_get(s);
	return t;
}

struct tls *tls_connect(struct tls_target *target)
{
	struct tls *t = tls_new(tls_target_ssl(target), tls_target_bio(target));

	if (t)
		t->target = tls_target_get(target);
	return t;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	/* Else OpenSSL holds the end of TCP against the session, which may not
	 * be resumed then. */
	if (t->record && !t->failed)
		SSL_set_shutdown(t->ssl,
				 SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(t->ssl);
	if (t->server)
		tls_server_put(t->server);
	if (t->target)
		tls_target_put(t->target);
	free(t->words);
	mem_free(t);
}

/* --- handshake --- */

static enum tls_result advance(struct tls *t)
{
	size_t before = t->in->used;
	enum tls_result r;

	if (span_out_room(t->out) < STEP_ROOM)
		return TLS_WANT_OUT;
	/* OpenSSL would only find out again that nothing has come. */
	if (!tls_io_grant(t) && SSL_want_read(t->ssl))
		return TLS_WANT_IN;
	ERR_clear_error();
	r = tls_outcome(t, SSL_do_handshake(t->ssl));
	t->handshake += (uint32_t)(t->in->used - before);
	if (r == TLS_WANT_IN && t->handshake > MAX_HANDSHAKE)
		r = tls_fail(t, TLS_FAIL_PROTOCOL,
			     "goes on with its handshake beyond %d bytes",
			     MAX_HANDSHAKE);
	return r;
}

static void complete(struct tls *t)
{
	const SSL_CIPHER *suite = SSL_get_current_cipher(t->ssl);
	int nid = SSL_CIPHER_get_cipher_nid(suite);

	t->record = &tls_record_openssl;
	if (nid == NID_aes_128_gcm || nid == NID_aes_256_gcm)
		t->key_records = TLS_KEY_RECORDS;
}

enum tls_result tls_step(struct tls *t, struct span_in *in,
			 struct span_out *out)
{
	enum tls_result r;
	size_t before;

	if (t->failed)
		return t->failed;
	if (t->record)
		return TLS_OK;
	tls_io_begin(t, in, out);
	do {
		before = in->used;
		r = advance(t);
	} while (r == TLS_WANT_IN && in->used != before);
	tls_io_end(t);
	if (r == TLS_OK)
		complete(t);
	if (r == TLS_CLOSED)
		r = tls_fail(t, TLS_CLOSED, "gave up during the handshake");
	return r;
}

/* --- records --- */

enum tls_result tls_open(struct tls *t, struct span_in *in, void *dst,
			 size_t cap, size_t *n, struct span_out *out)
{
	assert(t->record && cap >= TLS_PLAIN_MAX);
	*n = 0;
	return t->failed ? t->failed : t->record->open(t, in, dst, cap, n, out);
}

enum tls_result tls_seal(struct tls *t, const void *p, size_t n,
			 struct span_out *out)
{
	assert(t->record && !t->shut && n <= TLS_PLAIN_MAX);
	if (t->failed)
		return t->failed;
	return n ? t->record->seal(t, p, n, out) : TLS_OK;
}

enum tls_result tls_close(struct tls *t, struct span_out *out)
{
	enum tls_result r;

	if (t->failed)
		return t->failed;
	if (t->shut || !t->record)
		return TLS_OK;
	r = t->record->close(t, out);
	t->shut = r == TLS_OK;
	return r;
}

/* --- facts --- */

void tls_info(const struct tls *t, struct tls_info *info)
{
	const char *sni =
		t->server
			? SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name)
			: NULL;
	const char *suite = SSL_get_cipher_name(t->ssl);

	*info = (struct tls_info){
		.version = SSL_get_version(t->ssl),
		.suite = suite ? suite : "",
		.resumed = SSL_session_reused(t->ssl),
	};
	if (sni)
		(void)bytes_str(BYTES(sni), info->sni, sizeof(info->sni));
}

const char *tls_error(const struct tls *t)
{
	return t->words ? t->words : "";
}
