/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tls_private.h - what the files of this library share.
 *
 * OpenSSL's types end here: nothing that includes tls.h sees them.
 */
#pragma once

#include "tls/tls.h"

#include <openssl/ssl.h>

#include <stdatomic.h>

/* --- the record layer: the seam ------------------------------------------ */

/* Who protects records once the handshake is complete. The contracts are those
 * of tls_open(), tls_seal() and tls_close(). Another record layer exports the
 * keys when tls_step() is through, puts its own row into tls->record and may
 * free tls->ssl; callers do not notice. */
struct tls_record {
	enum tls_result (*open)(struct tls *t, struct span_in *in, void *dst,
				size_t cap, size_t *n, struct span_out *out);
	enum tls_result (*seal)(struct tls *t, const void *p, size_t n,
				struct span_out *out);
	enum tls_result (*close)(struct tls *t, struct span_out *out);
};

extern const struct tls_record tls_record_openssl;

/* --- a connection --------------------------------------------------------- */

/* Records in a row that bring no application data (KeyUpdate, tickets, empty
 * records), which cost us more than the peer. A record with data gives one
 * back, so the empty record that TLS 1.0 puts before each full one is free. */
#define TLS_IDLE_CREDIT 32

/* Records under one AES-GCM key; RFC 8446 5.5 allows 2^24.5 full ones. */
#define TLS_KEY_RECORDS (UINT64_C(1) << 24)

struct tls {
	SSL *ssl;
	const struct tls_record *record; /* NULL until the handshake is done */
	/* One of the two: the role. Counted, for call-backs look into it. */
	struct tls_server *server;
	struct tls_target *target;
	/* The BIO's two ends; NULL but during a call. */
	struct span_in *in;
	struct span_out *out;
	size_t grant;		/* bytes the BIO may take from `in` */
	uint32_t handshake;	/* bytes of it that came */
	uint64_t sealed;	/* records under the current key */
	uint64_t key_records;	/* when to renew it; 0 = never */
	enum tls_result failed; /* for good; TLS_OK = not */
	uint16_t peer_version;	/* originating: the ServerHello's */
	uint8_t credit;
	bool ungated;  /* no TLS came: OpenSSL may have it and say so */
	bool shut;     /* our close_notify is out */
	char *words;   /* why it failed; NULL = no reason */
};

/* The connection an SSL belongs to. */
static inline struct tls *tls_of(const SSL *ssl)
{
	return SSL_get_app_data(ssl);
}

/* --- tls_io.c: scattered bytes as a BIO ----------------------------------- */

must_check BIO_METHOD *tls_io_method(void);
void tls_io_begin(struct tls *t, struct span_in *in, struct span_out *out);
void tls_io_end(struct tls *t);
/* Let the BIO have the next record, if all of it is there; returns its size or
 * 0. A record whose length is forbidden is let through at once. */
size_t tls_io_grant(struct tls *t);

/* --- tls_words.c: what went wrong ----------------------------------------- */

/* OpenSSL's verdict about the call that returned `ret`. Failures stick. */
enum tls_result tls_outcome(struct tls *t, int ret);
/* Fail for a reason of our own. Returns `why`. */
enum tls_result tls_fail(struct tls *t, enum tls_result why, const char *fmt,
			 ...) printf_like(3, 4);
/* Replace tls_error()'s words; the peer's bytes in them are made printable. */
void tls_say(struct tls *t, const char *fmt, ...) printf_like(2, 3);
/* For files of certificates: the newest OpenSSL error, or errno's. */
const char *tls_reason(void);
/* "TLS 1.0" */
const char *tls_version_name(unsigned version);

/* --- tls_cert.c: certificates and keys ------------------------------------ */

struct tls_cert {
	X509 *leaf;
	STACK_OF(X509) *chain; /* without the leaf */
	EVP_PKEY *key;
};

must_check int tls_cert_load(const struct tls_cert_config *config,
			     struct tls_cert *cert, char *error, size_t cap);
void tls_cert_free(struct tls_cert *cert);
/* Call fn for each DNS name, or for the common name if there is none. */
void tls_cert_names(X509 *x, void (*fn)(void *arg, struct bytes name),
		    void *arg);
/* The same as one line, as many as fit, in cap bytes. */
void tls_cert_name_list(X509 *x, char *dst, size_t cap);
/* "2026-01-31" */
#define TLS_DATE 16
void tls_cert_date(const ASN1_TIME *time, char dst[TLS_DATE]);

/* --- contexts ------------------------------------------------------------- */

/* What both roles want of an SSL_CTX. */
must_check SSL_CTX *tls_context_new(const SSL_METHOD *method, unsigned min);
/* TLS1_2_VERSION of 12; 0 of a number that is none. */
int tls_version_of(unsigned number);

/* References: the creator's and one of each connection. */
struct tls_server *tls_server_get(struct tls_server *s);
void tls_server_put(struct tls_server *s);
/* A connection's half-made SSL; NULL when memory is short. */
must_check SSL *tls_server_ssl(struct tls_server *s);
must_check BIO *tls_server_bio(struct tls_server *s);

struct tls_target *tls_target_get(struct tls_target *t);
void tls_target_put(struct tls_target *t);
must_check SSL *tls_target_ssl(struct tls_target *t);
must_check BIO *tls_target_bio(struct tls_target *t);

/* --- tls_tickets.c -------------------------------------------------------- */

/* As SSL_CTX_set_tlsext_ticket_key_evp_cb() wants it. Any thread, no locks. */
int tls_tickets_crypt(struct tls_tickets *t, unsigned char name[16],
		      unsigned char *iv, EVP_CIPHER_CTX *cipher,
		      EVP_MAC_CTX *mac, int seal);
