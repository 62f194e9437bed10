/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tls.h - TLS 1.2 and 1.3 in both roles, as functions of bytes.
 *
 * Sans-I/O: ciphertext comes from a span_in, leaves in a span_out; TCP and the
 * clock are unknown here. OpenSSL does the handshake and, today, protects the
 * records too; who does is hidden behind tls_open() and tls_seal().
 *
 * A handshake step is the one thing on a worker that allocates from libc and
 * takes (uncontended) locks, inside OpenSSL: the caller budgets it.
 *
 * Contexts are made by control, one set a worker, and never shared between
 * workers. RFC 8446, 5246, 5077, 6066 (SNI), 7301 (ALPN), 6125 (names).
 */
#pragma once

#include "seal/seal.h"

#define TLS_RECORD_MAX (16384 + 256 + 5) /* ciphertext of one record, 1.3 */
#define TLS_PLAIN_MAX 16384
/* Room that tls_seal() needs beside the plaintext of one record. */
#define TLS_SEAL_OVERHEAD 128

enum tls_result {
	TLS_OK,
	TLS_WANT_IN,	   /* nothing more can be done without more bytes */
	TLS_WANT_OUT,	   /* nothing more can be done without more room */
	TLS_CLOSED,	   /* peer's close_notify: a clean end of its data */
	TLS_FAIL_PROTOCOL, /* malformed or forbidden; an alert is in `out` */
	TLS_FAIL_ALERT,	   /* the peer sent a fatal alert */
	TLS_FAIL_VERIFY,   /* the back end's certificate is not acceptable */
	TLS_FAIL_INTERNAL, /* out of memory and the like */
};

/* --- tickets ------------------------------------------------------------ */

/* Session ticket keys of all workers (and all appliances of a group): the
 * current one seals, the previous one still opens. */
struct tls_tickets;

must_check struct tls_tickets *tls_tickets_new(void);
void tls_tickets_free(struct tls_tickets *t);
/* A new current key, from the system's randomness, or derived from a group
 * secret and an epoch so that all members agree. Control thread. */
void tls_tickets_rotate(struct tls_tickets *t);
void tls_tickets_derive(struct tls_tickets *t, struct bytes secret,
			uint64_t epoch);

/* --- terminating: towards clients --------------------------------------- */

struct tls_cert_config {
	const char *chain_file; /* PEM, leaf first */
	const char *key_file;	/* PEM */
};

struct tls_server_config {
	unsigned n_certs;
	const struct tls_cert_config *certs; /* the first is the default */
	unsigned min_version;	/* 12 or 13 */
	unsigned n_tickets;	/* sent per full 1.3 handshake [0..4] */
	struct tls_tickets *tickets; /* borrowed; NULL = no resumption */
	const char *context;	/* listener's name: tickets stay within it */
};

struct tls_server;

/* Control thread. NULL with a sentence for an administrator in `error`: which
 * file, what is wrong with it. */
must_check struct tls_server *
tls_server_new(const struct tls_server_config *config, char *error, size_t cap);
/* Connections that began with it live on. */
void tls_server_free(struct tls_server *s);

/* What a certificate says, for `config check` and the start-up log. */
struct tls_cert_info {
	char subject[256];
	char names[1024]; /* DNS names, separated by blanks */
	char key[32];	  /* "RSA 2048", "EC P-256" */
	int64_t not_after; /* seconds since 1970 */
};
must_check int tls_cert_info(const char *chain_file, struct tls_cert_info *info,
			     char *error, size_t cap);

/* --- originating: towards back ends ------------------------------------- */

struct tls_target_config {
	const char *name;	/* SNI and the name the certificate must carry */
	const char *ca_file;	/* PEM bundle; NULL = the system's */
	bool pinned;		/* then `pin` alone decides, not the CA */
	uint8_t pin[SEAL_SHA256]; /* SHA-256 of the leaf certificate (DER) */
	unsigned min_version;	/* 12 or 13; 10 needs a pin */
};

/* One back end as one worker sees it: context, and the last session, which is
 * offered at the next connect. Sessions carry no user. */
struct tls_target;

must_check struct tls_target *
tls_target_new(const struct tls_target_config *config, char *error, size_t cap);
void tls_target_free(struct tls_target *t);

/* --- connections --------------------------------------------------------- */

struct tls;

/* NULL when memory is short. Begin only when TCP's handshake is complete. */
must_check struct tls *tls_accept(struct tls_server *s);
must_check struct tls *tls_connect(struct tls_target *t);
/* Without close_notify; secrets are wiped. NULL is allowed. */
void tls_free(struct tls *t);

/**
 * Go on with the handshake.
 *
 * @return TLS_OK when it is complete: tls_open() and tls_seal() may be used.
 * TLS_WANT_IN or TLS_WANT_OUT otherwise, or a failure. Bytes in `out` leave in
 * every case. Needs at most TLS_RECORD_MAX of room to get on.
 */
enum tls_result tls_step(struct tls *t, struct span_in *in,
			 struct span_out *out);

/**
 * Decrypt what has arrived into dst.
 *
 * @param cap  room in dst; at least TLS_PLAIN_MAX, so that a record fits
 * @param n    out: plaintext bytes, 0 unless TLS_OK
 * @param out  for answers of TLS's own (KeyUpdate, alerts)
 *
 * TLS_OK: n bytes, ask again. TLS_WANT_IN: no whole record there. TLS_CLOSED:
 * close_notify. The end of TCP's stream without it is the caller's to judge.
 */
enum tls_result tls_open(struct tls *t, struct span_in *in, void *dst,
			 size_t cap, size_t *n, struct span_out *out);

/**
 * Encrypt all of p[0..n) as one record; n at most TLS_PLAIN_MAX.
 *
 * TLS_OK, or TLS_WANT_OUT and nothing written unless `out` has room for n +
 * TLS_SEAL_OVERHEAD.
 */
enum tls_result tls_seal(struct tls *t, const void *p, size_t n,
			 struct span_out *out);

/* Write close_notify; nothing may be sealed afterwards. */
enum tls_result tls_close(struct tls *t, struct span_out *out);

struct tls_info {
	const char *version; /* "TLSv1.3" */
	const char *suite;
	char sni[256];	     /* terminating: the name asked for, or "" */
	bool resumed;
};
void tls_info(const struct tls *t, struct tls_info *info);
/* Why the last call failed, in words; valid until the next call for t. */
const char *tls_error(const struct tls *t);
