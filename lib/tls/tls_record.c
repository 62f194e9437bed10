/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tls_record.c - records by OpenSSL, behind the seam of tls_private.h.
 *
 * One record a call of SSL_read(): the BIO holds no more, so what one call
 * costs is bounded, and what a peer may do without sending data is counted.
 */
#include "tls/tls_private.h"

#include <openssl/err.h>

static bool peer_closed(const struct tls *t)
{
	return SSL_get_shutdown(t->ssl) & SSL_RECEIVED_SHUTDOWN;
}

static enum tls_result open_record(struct tls *t, void *dst, size_t cap,
				   size_t *n)
{
	enum tls_result r;

	if (span_out_room(t->out) < TLS_SEAL_OVERHEAD)
		return TLS_WANT_OUT;
	if (!tls_io_grant(t))
		return TLS_WANT_IN;
	ERR_clear_error();
	r = tls_outcome(t, SSL_read_ex(t->ssl, dst, cap, n));
	if (r == TLS_OK && t->credit < TLS_IDLE_CREDIT)
		t->credit++;
	return r;
}

static enum tls_result openssl_open(struct tls *t, struct span_in *in,
				    void *dst, size_t cap, size_t *n,
				    struct span_out *out)
{
	enum tls_result r;
	size_t before;

	if (peer_closed(t))
		return TLS_CLOSED;
	tls_io_begin(t, in, out);
	do {
		before = in->used;
		r = open_record(t, dst, cap, n);
		if (r != TLS_WANT_IN || in->used == before)
			break;
		/* A record came that was none of the caller's. */
		if (!t->credit--)
			r = tls_fail(t, TLS_FAIL_PROTOCOL,
				     "too many records without data");
	} while (r == TLS_WANT_IN);
	tls_io_end(t);
	return r;
}

/* RFC 8446 5.5: a key has served enough. */
static enum tls_result renew_key(struct tls *t)
{
	if (SSL_version(t->ssl) != TLS1_3_VERSION)
		return tls_fail(t, TLS_FAIL_INTERNAL,
				"the key is used up, and %s cannot renew it",
				SSL_get_version(t->ssl));
	t->sealed = 0;
	/* Leaves before the next record. */
	return tls_outcome(
		t, SSL_key_update(t->ssl, SSL_KEY_UPDATE_NOT_REQUESTED));
}

static enum tls_result openssl_seal(struct tls *t, const void *p, size_t n,
				    struct span_out *out)
{
	enum tls_result r = TLS_OK;
	size_t done;

	if (span_out_room(out) < n + TLS_SEAL_OVERHEAD)
		return TLS_WANT_OUT;
	ERR_clear_error();
	if (t->key_records && t->sealed == t->key_records)
		r = renew_key(t);
	if (r != TLS_OK)
		return r;
	tls_io_begin(t, NULL, out);
	r = tls_outcome(t, SSL_write_ex(t->ssl, p, n, &done));
	tls_io_end(t);
	/* There was room, and nothing to be read first. */
	assert(r != TLS_WANT_OUT && r != TLS_WANT_IN);
	t->sealed++;
	return r;
}

static enum tls_result openssl_close(struct tls *t, struct span_out *out)
{
	enum tls_result r;
	int ret;

	if (span_out_room(out) < TLS_SEAL_OVERHEAD)
		return TLS_WANT_OUT;
	ERR_clear_error();
	tls_io_begin(t, NULL, out);
	/* 0: ours is out, the peer's has not come, which is no failure. */
	ret = SSL_shutdown(t->ssl);
	r = ret < 0 ? tls_outcome(t, ret) : TLS_OK;
	tls_io_end(t);
	return r;
}

const struct tls_record tls_record_openssl = {
	.open = openssl_open,
	.seal = openssl_seal,
	.close = openssl_close,
};
