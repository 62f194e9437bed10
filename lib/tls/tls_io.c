/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tls_io.c - two spans of scattered bytes as the BIO that OpenSSL talks to.
 *
 * It is given whole records only. Half a record stays where it came from, in
 * TCP's receive queue under TCP's bounds, and not in a buffer of OpenSSL's;
 * and a client that dribbles bytes costs a look at five of them.
 */
#include "tls/tls_private.h"

#include <openssl/bio.h>

#define HEADER 5
#define MAX_BODY_13 (TLS_PLAIN_MAX + 256) /* RFC 8446 5.2 */
#define MAX_BODY (TLS_RECORD_MAX - HEADER)

void tls_io_begin(struct tls *t, struct span_in *in, struct span_out *out)
{
	t->in = in;
	t->out = out;
	t->grant = 0;
}

void tls_io_end(struct tls *t)
{
	t->in = NULL;
	t->out = NULL;
	t->grant = 0;
}

static size_t max_body(const struct tls *t)
{
	bool tls13 = t->record && SSL_version(t->ssl) == TLS1_3_VERSION;

	return tls13 ? MAX_BODY_13 : MAX_BODY;
}

size_t tls_io_grant(struct tls *t)
{
	size_t have = span_in_left(t->in), whole;
	uint8_t h[HEADER];

	t->grant = 0;
	if (t->ungated)
		return t->grant = have;
	if (span_in_peek(t->in, h, HEADER) < HEADER)
		return 0;
	whole = HEADER + (size_t)(h[3] << 8 | h[4]);
	if (h[0] < SSL3_RT_CHANGE_CIPHER_SPEC ||
	    h[0] > SSL3_RT_APPLICATION_DATA || h[1] != SSL3_VERSION_MAJOR ||
	    whole > HEADER + max_body(t)) {
		/* No length to wait for: OpenSSL finds the words and alerts. */
		t->ungated = true;
		return t->grant = have;
	}
	if (whole <= have)
		t->grant = whole;
	return t->grant;
}

static int io_read(BIO *bio, char *p, size_t n, size_t *done)
{
	struct tls *t = BIO_get_data(bio);
	size_t k = t->in ? min(n, t->grant) : 0;

	BIO_clear_retry_flags(bio);
	*done = k ? span_in_read(t->in, p, k) : 0;
	t->grant -= *done;
	if (!*done)
		BIO_set_retry_read(bio);
	return *done > 0;
}

/* Takes what there is room for; OpenSSL comes back with the rest. */
static int io_write(BIO *bio, const char *p, size_t n, size_t *done)
{
	struct tls *t = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	*done = t->out ? span_out_write(t->out, p, n) : 0;
	if (!*done)
		BIO_set_retry_write(bio);
	return *done > 0;
}

static long io_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	return cmd == BIO_CTRL_FLUSH;
}

static int io_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

BIO_METHOD *tls_io_method(void)
{
	/* Not BIO_get_new_index(): there are 127 of those in a process. */
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "span");

	if (m && BIO_meth_set_read_ex(m, io_read) &&
	    BIO_meth_set_write_ex(m, io_write) &&
	    BIO_meth_set_ctrl(m, io_ctrl) && BIO_meth_set_create(m, io_create))
		return m;
	BIO_meth_free(m);
	return NULL;
}
