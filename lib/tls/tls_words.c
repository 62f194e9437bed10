/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tls_words.c - OpenSSL's error queue into a verdict and words that tell an
 * administrator what to do.
 *
 * The queue belongs to the thread, so it is empty again when a call is over:
 * a stale error would be taken for the next connection's.
 */
#include "tls/tls_private.h"

#include <openssl/err.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define WORDS 320

const char *tls_version_name(unsigned version)
{
	switch (version) {
	case SSL3_VERSION:
		return "SSL 3.0";
	case TLS1_VERSION:
		return "TLS 1.0";
	case TLS1_1_VERSION:
		return "TLS 1.1";
	case TLS1_2_VERSION:
		return "TLS 1.2";
	default:
		return "a version of TLS we do not know";
	}
}

const char *tls_reason(void)
{
	unsigned long e = ERR_peek_last_error();
	const char *reason = e ? ERR_reason_error_string(e) : NULL;

	if (e && ERR_SYSTEM_ERROR(e))
		return strerror(ERR_GET_REASON(e));
	return reason ? reason : errno ? strerror(errno) : "no reason given";
}

static void vsay(struct tls *t, const char *fmt, va_list ap)
{
	if (!t->words)
		t->words = malloc(WORDS);
	if (!t->words)
		return;
	vsnprintf(t->words, WORDS, fmt, ap);
	for (char *c = t->words; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
}

void tls_say(struct tls *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay(t, fmt, ap);
	va_end(ap);
}

enum tls_result tls_fail(struct tls *t, enum tls_result why, const char *fmt,
			 ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay(t, fmt, ap);
	va_end(ap);
	t->failed = why;
	return why;
}

static enum tls_result alert(struct tls *t, int number)
{
	const char *name = SSL_alert_desc_string_long(number);

	if (t->target && number == SSL_AD_PROTOCOL_VERSION)
		return tls_fail(t, TLS_FAIL_ALERT,
				"refuses our versions of TLS (alert %d, %s): "
				"set tls.min",
				number, name);
	return tls_fail(t, TLS_FAIL_ALERT, "sent alert %d, %s", number, name);
}

static enum tls_result unsupported_version(struct tls *t)
{
	if (t->target && t->peer_version)
		return tls_fail(t, TLS_FAIL_PROTOCOL,
				"speaks %s only: set tls.min",
				tls_version_name(t->peer_version));
	return tls_fail(t, TLS_FAIL_PROTOCOL,
			"offers no version of TLS that is allowed here");
}

static const struct {
	int reason;
	const char *words;
} known[] = {
	{ SSL_R_HTTP_REQUEST, "speaks plain HTTP where TLS is expected" },
	{ SSL_R_HTTPS_PROXY_REQUEST, "takes us for an HTTP proxy" },
	{ SSL_R_WRONG_VERSION_NUMBER, "does not speak TLS" },
	{ SSL_R_NO_SHARED_CIPHER, "has no cipher suite in common with us" },
	{ SSL_R_NO_APPLICATION_PROTOCOL, "speaks another protocol (ALPN)" },
	{ SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC,
	  "sent a record that was damaged or forged" },
	{ SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED,
	  "lacks secure renegotiation (RFC 5746): update it, or set "
	  "tls.min" },
	{ SSL_R_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED,
	  "signs with SHA-1 or MD5 only: set tls.min" },
	{ SSL_R_DH_KEY_TOO_SMALL, "uses a Diffie-Hellman group that is too "
				  "small: turn DHE off there" },
	{ SSL_R_EE_KEY_TOO_SMALL, "has a key that is too short: replace its "
				  "certificate" },
};

static enum tls_result ssl_error(struct tls *t)
{
	unsigned long e = ERR_peek_last_error();
	int reason = ERR_GET_REASON(e);

	if (!e)
		return tls_fail(t, TLS_FAIL_INTERNAL, "OpenSSL: no reason");
	if (reason == ERR_R_MALLOC_FAILURE || reason == ERR_R_INTERNAL_ERROR)
		return tls_fail(t, TLS_FAIL_INTERNAL, "OpenSSL: %s",
				tls_reason());
	if (ERR_GET_LIB(e) != ERR_LIB_SSL)
		return tls_fail(t, TLS_FAIL_PROTOCOL, "breaks the protocol: %s",
				tls_reason());
	if (reason >= SSL_AD_REASON_OFFSET &&
	    reason < SSL_AD_REASON_OFFSET + 256)
		return alert(t, reason - SSL_AD_REASON_OFFSET);
	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
		t->failed = TLS_FAIL_VERIFY;
		if (!t->words)
			tls_say(t, "certificate is not acceptable");
		return TLS_FAIL_VERIFY;
	}
	if (reason == SSL_R_UNSUPPORTED_PROTOCOL)
		return unsupported_version(t);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].reason == reason)
			return tls_fail(t, TLS_FAIL_PROTOCOL, "%s",
					known[i].words);
	return tls_fail(t, TLS_FAIL_PROTOCOL, "breaks the protocol: %s",
			tls_reason());
}

enum tls_result tls_outcome(struct tls *t, int ret)
{
	enum tls_result r;

	switch (SSL_get_error(t->ssl, ret)) {
	case SSL_ERROR_NONE:
		r = TLS_OK;
		break;
	case SSL_ERROR_WANT_READ:
		r = TLS_WANT_IN;
		break;
	case SSL_ERROR_WANT_WRITE:
		r = TLS_WANT_OUT;
		break;
	case SSL_ERROR_ZERO_RETURN:
		r = TLS_CLOSED;
		break;
	default:
		r = ssl_error(t);
	}
	ERR_clear_error();
	return r;
}
