/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tls_target.c - one back end as one worker sees it: whom to trust, what to
 * offer, and the sessions it gave us.
 *
 * A full handshake towards a back end costs 300 us, a resumed one 25 to 115.
 * Sessions carry no user: whoever connects next may use them.
 */
#include "tls/tls_private.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* One file, read once: the hashed directory beside it would be searched on the
 * disk in the middle of a handshake. */
#define SYSTEM_CA_FILE "/etc/ssl/certs/ca-certificates.crt"

#define SESSIONS 8

/* AEAD first; CBC because Windows up to 2012 R2 has ECDHE-RSA with CBC only. */
static const char suites[] = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:"
			     "ECDHE+AES:!aNULL:!PSK:!SRP:!AESCCM:!CAMELLIA";
/* Windows 2003 and 2008: RSA key exchange, SHA-1 signatures, 1024 bits. */
static const char legacy_suites[] =
	"ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:ECDHE+AES:DHE+AES:RSA+AESGCM:"
	"RSA+AES:!aNULL:!PSK:!SRP:!AESCCM:@SECLEVEL=0";

struct tls_target {
	atomic_uint refs;
	SSL_CTX *ctx;
	BIO_METHOD *bio;
	char *name;
	bool send_name; /* an address is never sent (RFC 6066 3) */
	uint8_t pin[SEAL_SHA256];
	/* Sessions, newest before `next`. Taken and given by exchange, so that
	 * a handshake may run on any thread. */
	atomic_uint next;
	_Atomic(SSL_SESSION *) session[SESSIONS];
};

/* --- sessions --- */

static void keep_session(struct tls_target *t, SSL_SESSION *session)
{
	unsigned i = atomic_fetch_add(&t->next, 1) % SESSIONS;

	SSL_SESSION_free(atomic_exchange(&t->session[i], session));
}

static bool has_other(const struct tls_target *t, unsigned but)
{
	for (unsigned i = 0; i < SESSIONS; i++)
		if (i != but && atomic_load(&t->session[i]))
			return true;
	return false;
}

static bool usable(const SSL_SESSION *s)
{
	return SSL_SESSION_is_resumable(s) &&
	       time(NULL) - SSL_SESSION_get_time(s) <
		       SSL_SESSION_get_timeout(s);
}

/* A duplicate goes back into its slot, unless that was filled meanwhile. */
static void leave_copy(struct tls_target *t, unsigned slot, SSL_SESSION *s)
{
	SSL_SESSION *none = NULL, *copy = SSL_SESSION_dup(s);

	if (copy &&
	    !atomic_compare_exchange_strong(&t->session[slot], &none, copy))
		SSL_SESSION_free(copy);
}

/* The newest usable one, for one connect; NULL. A ticket of 1.3 serves once,
 * so that connections cannot be told to belong together (RFC 8446 C.4) - but
 * for the last one: they all come from this appliance, and in a burst a second
 * use costs less than a full handshake. */
static SSL_SESSION *take_session(struct tls_target *t)
{
	unsigned next = atomic_load(&t->next);

	for (unsigned k = 1; k <= SESSIONS; k++) {
		unsigned i = (next - k) % SESSIONS;
		SSL_SESSION *s = atomic_exchange(&t->session[i], NULL);

		if (!s)
			continue;
		if (!usable(s)) {
			SSL_SESSION_free(s);
			continue;
		}
		if (SSL_SESSION_get_protocol_version(s) != TLS1_3_VERSION ||
		    !has_other(t, i))
			leave_copy(t, i, s);
		return s;
	}
	return NULL;
}

/* After the handshake in 1.2, with each NewSessionTicket in 1.3. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
	keep_session(tls_of(ssl)->target, session);
	return 1; /* the reference is ours now */
}

/* --- verification --- */

static void name_of(const X509_NAME *name, char *dst, size_t cap)
{
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	const ASN1_STRING *s;

	if (at < 0)
		at = X509_NAME_entry_count(name) - 1;
	s = at < 0 ? NULL
		   : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	snprintf(dst, cap, "%.*s", s ? ASN1_STRING_length(s) : 0,
		 s ? (const char *)ASN1_STRING_get0_data(s) : "");
}

static void say_mismatch(struct tls *t, X509 *leaf)
{
	char names[160];

	tls_cert_name_list(leaf, names, sizeof(names));
	tls_say(t, "certificate is for %s, not %s",
		*names ? names : "no host at all", t->target->name);
}

static void say_unacceptable(struct tls *t, X509 *x, int depth, int why)
{
	char subject[96], issuer[96], date[TLS_DATE];
	const char *whose = t->target->name;

	name_of(X509_get_issuer_name(x), issuer, sizeof(issuer));
	name_of(X509_get_subject_name(x), subject, sizeof(subject));
	if (depth > 0)
		whose = subject;
	switch (why) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		tls_cert_date(X509_get0_notAfter(x), date);
		tls_say(t, "certificate of %s has expired on %s", whose, date);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		tls_cert_date(X509_get0_notBefore(x), date);
		tls_say(t, "certificate of %s is not valid before %s", whose,
			date);
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		say_mismatch(t, x);
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		tls_say(t,
			"certificate of %s is self-signed: pin it, or add "
			"it to ca-file",
			whose);
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		tls_say(t,
			"certificate of %s is signed by an unknown "
			"authority (%s): add its root to ca-file",
			whose, issuer);
		break;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
		tls_say(t,
			"key of %s is too short: replace it, or pin the "
			"server's certificate",
			whose);
		break;
	case X509_V_ERR_CA_MD_TOO_WEAK:
		tls_say(t,
			"certificate of %s is signed with SHA-1 or older: "
			"replace it, or pin the server's",
			whose);
		break;
	case X509_V_ERR_INVALID_PURPOSE:
		tls_say(t, "certificate of %s is not made for a server", whose);
		break;
	default:
		tls_say(t, "certificate of %s: %s", whose,
			X509_verify_cert_error_string(why));
	}
}

static struct tls *connection_of(X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
		store, SSL_get_ex_data_X509_STORE_CTX_idx());

	return tls_of(ssl);
}

static int on_verify(int ok, X509_STORE_CTX *store)
{
	X509 *x = X509_STORE_CTX_get_current_cert(store);

	if (!ok)
		say_unacceptable(connection_of(store),
				 x ? x : X509_STORE_CTX_get0_cert(store),
				 X509_STORE_CTX_get_error_depth(store),
				 X509_STORE_CTX_get_error(store));
	return ok;
}

static void hex(const uint8_t *p, size_t n, char *dst)
{
	for (size_t i = 0; i < n; i++)
		sprintf(dst + 2 * i, "%02x", p[i]);
}

/* Instead of the whole chain: who it is was settled when it was pinned. */
static int on_pinned(X509_STORE_CTX *store, void *arg)
{
	struct tls *t = connection_of(store);
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	char text[2 * SEAL_SHA256 + 1];
	uint8_t found[SEAL_SHA256];

	if (leaf && X509_digest(leaf, EVP_sha256(), found, NULL) == 1) {
		if (seal_equal(found, t->target->pin, SEAL_SHA256))
			return 1;
		hex(found, SEAL_SHA256, text);
		tls_say(t,
			"certificate of %s is not the pinned one; its "
			"SHA-256 is %s",
			t->target->name, text);
	}
	X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
	return 0;
}

/* The ServerHello, before OpenSSL may refuse its version and forget it. */
static void on_message(int writing, int version, int type, const void *buf,
		       size_t n, SSL *ssl, void *arg)
{
	const uint8_t *p = buf;

	if (!writing && type == SSL3_RT_HANDSHAKE && n >= 6 &&
	    p[0] == SSL3_MT_SERVER_HELLO)
		tls_of(ssl)->peer_version = (uint16_t)(p[4] << 8 | p[5]);
}

/* --- building --- */

static int trust_file(SSL_CTX *ctx, const char *file, char *error, size_t cap)
{
	FILE *f = fopen(file, "r");

	if (!f) {
		snprintf(error, cap, "%s: %s", file,
			 errno == ENOENT ? "no such file" : strerror(errno));
		return -1;
	}
	fclose(f);
	if (SSL_CTX_load_verify_file(ctx, file))
		return 0;
	snprintf(error, cap, "%s: holds no certificate in PEM", file);
	return -1;
}

static int trust(struct tls_target *t, const struct tls_target_config *config,
		 char *error, size_t cap)
{
	X509_VERIFY_PARAM *p = SSL_CTX_get0_param(t->ctx);
	int ok;

	if (config->pinned) {
		memcpy(t->pin, config->pin, SEAL_SHA256);
		SSL_CTX_set_cert_verify_callback(t->ctx, on_pinned, NULL);
		SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
		return 0;
	}
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, on_verify);
	/* Whatever stands in ca-file is trusted, an issuing CA, too. */
	X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_PARTIAL_CHAIN);
	X509_VERIFY_PARAM_set_hostflags(p,
					X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	ok = t->send_name ? X509_VERIFY_PARAM_set1_host(p, t->name, 0)
			  : X509_VERIFY_PARAM_set1_ip_asc(p, t->name);
	if (!ok) {
		snprintf(error, cap, "%s: no name to verify", t->name);
		return -1;
	}
	return trust_file(t->ctx,
			  config->ca_file ? config->ca_file : SYSTEM_CA_FILE,
			  error, cap);
}

static int build(struct tls_target *t, const struct tls_target_config *config,
		 char *error, size_t cap)
{
	struct bytes alpn = BYTES(config->alpn ? config->alpn : "http/1.1");
	unsigned char offer[1 + 32] = { (unsigned char)alpn.n };
	bool legacy = config->min_version < 12;
	struct ipaddr address;

	assert(alpn.n < sizeof(offer));
	memcpy(offer + 1, alpn.p, alpn.n);
	t->bio = tls_io_method();
	t->name = strdup(config->name);
	t->ctx = tls_context_new(TLS_client_method(), config->min_version);
	if (!t->bio || !t->name || !t->ctx ||
	    !SSL_CTX_set_cipher_list(t->ctx, legacy ? legacy_suites : suites) ||
	    (alpn.n &&
	     SSL_CTX_set_alpn_protos(t->ctx, offer, 1 + (unsigned)alpn.n))) {
		snprintf(error, cap, "TLS: %s", tls_reason());
		return -1;
	}
	t->send_name = ipaddr_parse(t->name, &address) != 0;
	if (legacy)
		SSL_CTX_set_options(t->ctx, SSL_OP_LEGACY_SERVER_CONNECT);
	SSL_CTX_set_session_cache_mode(
		t->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_set_timeout(t->ctx, TLS_TICKET_LIFETIME);
	SSL_CTX_sess_set_new_cb(t->ctx, on_session);
	SSL_CTX_set_msg_callback(t->ctx, on_message);
	return trust(t, config, error, cap);
}

static bool acceptable(const struct tls_target_config *config, char *error,
		       size_t cap)
{
	if (!config->name || !*config->name || strlen(config->name) > 255)
		snprintf(error, cap,
			 "a back end needs a name of at most 255 "
			 "characters");
	else if (!tls_version_of(config->min_version))
		snprintf(error, cap,
			 "the lowest version for back ends is TLS "
			 "1.0, 1.2 or 1.3");
	else if (config->min_version < 12 && !config->pinned)
		snprintf(error, cap,
			 "%s: TLS 1.0 is allowed only with a pinned "
			 "certificate",
			 config->name);
	else
		return true;
	return false;
}

struct tls_target *tls_target_new(const struct tls_target_config *config,
				  char *error, size_t cap)
{
	struct tls_target *t;
	int rc;

	if (!acceptable(config, error, cap))
		return NULL;
	ERR_clear_error();
	t = calloc(1, sizeof(*t));
	if (!t) {
		snprintf(error, cap, "TLS: no memory");
		return NULL;
	}
	atomic_init(&t->refs, 1);
	rc = build(t, config, error, cap);
	ERR_clear_error();
	if (!rc)
		return t;
	tls_target_put(t);
	return NULL;
}

/* --- life --- */

struct tls_target *tls_target_get(struct tls_target *t)
{
	atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	return t;
}

void tls_target_put(struct tls_target *t)
{
	if (atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (unsigned i = 0; i < SESSIONS; i++)
		SSL_SESSION_free(atomic_load(&t->session[i]));
	SSL_CTX_free(t->ctx);
	BIO_meth_free(t->bio);
	free(t->name);
	free(t);
}

void tls_target_free(struct tls_target *t)
{
	if (t)
		tls_target_put(t);
}

SSL *tls_target_ssl(struct tls_target *t)
{
	SSL *ssl = SSL_new(t->ctx);
	SSL_SESSION *session;

	if (!ssl)
		return NULL;
	if (t->send_name && !SSL_set_tlsext_host_name(ssl, t->name)) {
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_connect_state(ssl);
	session = take_session(t);
	/* Without one, or refused: a full handshake. */
	if (session)
		SSL_set_session(ssl, session);
	SSL_SESSION_free(session);
	return ssl;
}

BIO *tls_target_bio(struct tls_target *t)
{
	return BIO_new(t->bio);
}
