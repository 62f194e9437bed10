/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tls.h - TLS 1.2 and 1.3 in both roles, as functions of bytes.
 *
 * Sans-I/O: ciphertext comes from a span_in, leaves in a span_out; TCP and the
 * clock are unknown here. OpenSSL does the handshake and, today, protects the
 * records too; who does is hidden behind tls_open() and tls_seal().
 *
 * A handshake step is the one thing on a worker that allocates from libc and
 * takes (uncontended) locks, inside OpenSSL: the caller budgets it. So do
 * tls_accept(), tls_connect() and tls_free(); and a record of up to 16 kB is
 * held in a buffer of OpenSSL's while it is being opened or sealed.
 *
 * Contexts are made by control, one set a worker, and never shared between
 * workers. One struct tls may be used on any thread, a pool's too, as long as
 * it is one at a time and the hand-over orders memory (a ring does); nothing
 * of a connection is bound to the thread it began on, and its server or target
 * may be in use on another thread meanwhile.
 *
 * TLS 1.2 and 1.3; no renegotiation, no compression, no early data; ALPN is
 * one protocol or none. A failure is for good: every later call repeats it.
 *
 * RFC 8446, 5246, 5077, 6066 (SNI), 7301 (ALPN), 6125 (names).
 */
#pragma once

#include "seal/seal.h"

/* Ciphertext of one record at most, header and the 320 bytes included that a
 * CBC suite of TLS 1.2 may add (RFC 8446 allows 256). A receive window below
 * this can dead-lock: records are opened whole. */
#define TLS_RECORD_MAX (16384 + 320 + 5)
#define TLS_PLAIN_MAX 16384
/* Room that tls_seal() needs beside the plaintext of one record. */
#define TLS_SEAL_OVERHEAD 128

enum tls_result {
	TLS_OK,
	TLS_WANT_IN,	   /* nothing more can be done without more bytes */
	TLS_WANT_OUT,	   /* nothing more can be done without more room */
	TLS_CLOSED,	   /* peer's close_notify: a clean end of its data */
	TLS_FAIL_PROTOCOL, /* malformed or forbidden; in `out` is an alert, if
			    * there is one to send */
	TLS_FAIL_ALERT,	   /* the peer sent a fatal alert */
	TLS_FAIL_VERIFY,   /* the back end's certificate is not acceptable */
	TLS_FAIL_INTERNAL, /* out of memory and the like */
};

/* --- tickets ------------------------------------------------------------ */

/* How long a ticket is good, if its key is: a key lives for two rotations, so
 * rotate no more often than each half of this. [s] */
#define TLS_TICKET_LIFETIME 7200
#define TLS_TICKETS_MAX 4

/* Session ticket keys of all workers (and all appliances of a group): the
 * current one seals; the previous one still opens, and what it opens is sealed
 * anew. Workers read while the control thread writes, without locks. */
struct tls_tickets;

must_check struct tls_tickets *tls_tickets_new(void);
/* After the last server and connection that used them. NULL is allowed. */
void tls_tickets_free(struct tls_tickets *t);
/* A new current key, from the system's randomness; or both keys, of an epoch
 * and the one before, derived from a group's secret so that all members agree
 * whenever they started. Control thread. */
void tls_tickets_rotate(struct tls_tickets *t);
void tls_tickets_derive(struct tls_tickets *t, struct bytes secret,
			uint64_t epoch);

/* --- terminating: towards clients --------------------------------------- */

struct tls_cert_config {
	const char *chain_file; /* PEM, leaf first */
	const char *key_file;	/* PEM */
};

struct tls_server_config {
	unsigned n_certs; /* [1..64] */
	/* The first is the default, for clients that ask for no name or one
	 * that no certificate has. An RSA and an ECDSA certificate with the
	 * same name are used side by side; of two of one type the first. */
	const struct tls_cert_config *certs;
	unsigned min_version; /* 12 or 13 */
	unsigned n_tickets; /* sent per full 1.3 handshake [0..4]; 0 for
			     * clients that hang on them (GnuTLS of Samba) */
	struct tls_tickets *tickets; /* borrowed; NULL = no resumption */
	const char *alpn; /* a constant; NULL = http/1.1 */
	const char *context; /* listener's name: tickets stay within it, and
			      * within the name the client asked for */
};

struct tls_server;

/* Control thread; reads the files, so that each worker has keys of its own.
 * NULL with a sentence for an administrator in `error`: which file, what is
 * wrong with it. An expired certificate is loaded: tls_cert_info() tells. */
must_check struct tls_server *
tls_server_new(const struct tls_server_config *config, char *error, size_t cap);
/* Connections that began with it live on. */
void tls_server_free(struct tls_server *s);

/* What the first certificate of a file says, for `config check` and the
 * start-up log. 0, or negative errno with a sentence in `error`. */
struct tls_cert_info {
	char subject[256];
	char names[1024]; /* DNS names, separated by blanks, as many as fit */
	char key[32];	  /* "RSA 2048", "EC P-256" */
	int64_t not_after; /* seconds since 1970 */
};
must_check int tls_cert_info(const char *chain_file, struct tls_cert_info *info,
			     char *error, size_t cap);

/* --- originating: towards back ends ------------------------------------- */

struct tls_target_config {
	/* SNI and the name the certificate must carry; an address is verified
	 * as one and not sent. */
	const char *name;
	/* PEM bundle; NULL = the system's, which is read for every target and
	 * takes a megabyte. An issuing CA may stand for its root. */
	const char *ca_file;
	bool pinned; /* then `pin` alone decides: no CA, no name, no dates */
	uint8_t pin[SEAL_SHA256]; /* SHA-256 of the leaf certificate (DER) */
	const char *alpn; /* NULL = http/1.1, "" = none is offered */
	/* 12 or 13; 10 needs a pin, and allows all that Exchange 2007 needs:
	 * SHA-1, RSA key exchange, 1024 bits, no RFC 5746. */
	unsigned min_version;
};

/* One back end as one worker sees it: context, and the last sessions, of which
 * the newest is offered at the next connect. Sessions carry no user. */
struct tls_target;

/* Control thread. NULL with a sentence for an administrator in `error`. */
must_check struct tls_target *
tls_target_new(const struct tls_target_config *config, char *error, size_t cap);
/* Connections that began with it live on. */
void tls_target_free(struct tls_target *t);

/* --- connections --------------------------------------------------------- */

struct tls;

/* NULL when memory is short. Begin only when TCP's handshake is complete. A
 * connect has its ClientHello after the first tls_step(), with nothing in. */
must_check struct tls *tls_accept(struct tls_server *s);
must_check struct tls *tls_connect(struct tls_target *t);
/* Without close_notify; secrets are wiped. From any state. NULL is allowed. */
void tls_free(struct tls *t);

/**
 * Go on with the handshake.
 *
 * @return TLS_OK when it is complete: tls_open() and tls_seal() may be used.
 * TLS_WANT_IN or TLS_WANT_OUT otherwise, TLS_CLOSED when the peer gave up, or
 * a failure. Bytes in `out` leave in every case.
 *
 * Whole records are consumed, half ones stay in `in`. Any room of
 * TLS_SEAL_OVERHEAD gets it on; a flight larger than the room leaves in pieces,
 * one a call. What lies behind the last record of the handshake stays, for
 * tls_open(). A peer gets 64 kB to finish.
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
 * TLS_OK: n bytes, ask again. TLS_WANT_IN: no whole record there. TLS_WANT_OUT:
 * not TLS_SEAL_OVERHEAD of room. TLS_CLOSED: close_notify; what comes behind it
 * is not consumed. The end of TCP's stream without it is the caller's to judge.
 *
 * One record with data a call, all of it; records without data before it are
 * passed over, but more than 32 of them without a data record to pay for each
 * are a failure. A forbidden length fails at once, not when it has arrived.
 */
enum tls_result tls_open(struct tls *t, struct span_in *in, void *dst,
			 size_t cap, size_t *n, struct span_out *out);

/**
 * Encrypt all of p[0..n) as one record; n at most TLS_PLAIN_MAX.
 *
 * TLS_OK, or TLS_WANT_OUT and nothing written unless `out` has room for n +
 * TLS_SEAL_OVERHEAD. Of nothing makes nothing. A key that has served 2^24
 * records is renewed in 1.3, and is the end of the connection in 1.2
 * (TLS_FAIL_INTERNAL).
 */
enum tls_result tls_seal(struct tls *t, const void *p, size_t n,
			 struct span_out *out);

/* Write close_notify, once; nothing may be sealed afterwards, while opening
 * goes on. TLS_WANT_OUT without TLS_SEAL_OVERHEAD of room. Writes nothing
 * before the handshake is complete. */
enum tls_result tls_close(struct tls *t, struct span_out *out);

struct tls_info {
	const char *version; /* "TLSv1.3" */
	const char *suite;
	char sni[256];	     /* terminating: the name asked for, or "" */
	bool resumed;
};
void tls_info(const struct tls *t, struct tls_info *info);
/* Why it failed, in words to put behind the peer's name, printable ASCII: "has
 * ...", "certificate of ...". "" = it did not. Valid until the next call for
 * t. */
const char *tls_error(const struct tls *t);
