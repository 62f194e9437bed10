/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tls_server.c - one listener's certificates as one worker uses them.
 *
 * An SSL_CTX holds one certificate of each key type, so there is one for each
 * combination of certificates that some name calls for: with an RSA and an
 * ECDSA certificate for mail.contoso.com, and the RSA one alone for
 * autodiscover.contoso.com, there are two. The ClientHello picks.
 */
#include "tls/tls_private.h"

#include <openssl/err.h>

#include <stdio.h>
#include <stdlib.h>

/* A combination is a set of these. */
#define MAX_CERTS 64
#define NAME_MAX_LEN 255

/* ECDHE only; AEAD first, then CBC for Windows 7 and older phones. */
static const char suites[] =
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
	"ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:"
	"ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:"
	"ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:"
	"ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA";

struct variant {
	uint64_t certs; /* bit i: certificate i of the configuration */
	SSL_CTX *ctx;
};

struct name {
	char *text; /* lower case, maybe "*.domain" */
	unsigned cert;
	unsigned variant;
};

struct tls_server {
	atomic_uint refs;
	struct tls_tickets *tickets;
	BIO_METHOD *bio;
	uint8_t context[SEAL_SHA256]; /* of the listener's name */
	unsigned n_variants;
	struct variant *variants; /* the first is the default */
	size_t n_names, cap_names;
	struct name *names; /* sorted by text */
	bool out_of_memory; /* while names are gathered */
};

/* --- which certificate --- */

static int name_order(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->text,
		      ((const struct name *)b)->text);
}

static const struct variant *lookup(const struct tls_server *s,
				    const char *text)
{
	struct name key = { .text = (char *)(uintptr_t)text };
	const struct name *n = bsearch(&key, s->names, s->n_names,
				       sizeof(*s->names), name_order);

	return n ? &s->variants[n->variant] : NULL;
}

/* The exact name, else the wildcard in its first label's place (RFC 6125
 * 6.4.3), else the default. */
static const struct variant *choose(const struct tls_server *s, char *sni)
{
	const struct variant *v = lookup(s, sni);
	char *dot = strchr(sni, '.');

	if (!v && dot && dot != sni) {
		char keep = dot[-1];

		dot[-1] = '*';
		v = lookup(s, dot - 1);
		dot[-1] = keep;
	}
	return v ? v : s->variants;
}

/* The host name of a ClientHello, lower case and without the root's dot; "" if
 * there is none. OpenSSL judges a malformed one later. */
static void hello_name(SSL *ssl, char name[NAME_MAX_LEN + 1])
{
	const unsigned char *p;
	size_t n;
	struct bytes host;

	name[0] = '\0';
	/* RFC 6066 3: list length, type 0, name length, name. */
	if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &n) ||
	    n < 5 || p[2] != TLSEXT_NAMETYPE_host_name ||
	    (size_t)(p[3] << 8 | p[4]) != n - 5)
		return;
	host = (struct bytes){ p + 5, n - 5 };
	if (host.n && host.p[host.n - 1] == '.')
		host.n--;
	if (!bytes_str(host, name, NAME_MAX_LEN + 1))
		return;
	for (char *c = name; *c; c++)
		*c = (char)ascii_lower((uint8_t)*c);
}

/* A ticket is good for this listener and this name only (RFC 6066 3): OpenSSL
 * resumes when the session's id context is the connection's. */
static bool bind_tickets(SSL *ssl, const struct tls_server *s, const char *name)
{
	uint8_t text[SEAL_SHA256 + NAME_MAX_LEN], id[SEAL_SHA256];
	size_t n = strlen(name);

	memcpy(text, s->context, SEAL_SHA256);
	memcpy(text + SEAL_SHA256, name, n);
	seal_sha256((struct bytes){ text, SEAL_SHA256 + n }, id);
	return SSL_set_session_id_context(ssl, id, sizeof(id));
}

/* Runs before versions, tickets and extensions are looked at. */
static int on_hello(SSL *ssl, int *alert, void *arg)
{
	const struct tls_server *s = arg;
	char name[NAME_MAX_LEN + 1];

	hello_name(ssl, name);
	if (SSL_set_SSL_CTX(ssl, choose(s, name)->ctx) &&
	    bind_tickets(ssl, s, name))
		return SSL_CLIENT_HELLO_SUCCESS;
	*alert = SSL_AD_INTERNAL_ERROR;
	return SSL_CLIENT_HELLO_ERROR;
}

/* Only so that OpenSSL keeps the name and answers it. */
static int on_name(SSL *ssl, int *alert, void *arg)
{
	return SSL_TLSEXT_ERR_OK;
}

/* RFC 7301 3.2: of what the client offers the one protocol, or nothing at all.
 * So nobody is tricked into speaking another one here (ALPACA). */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
		   const unsigned char *in, unsigned int n, void *arg)
{
	struct bytes ours = BYTES((const char *)arg);

	for (unsigned i = 0; i < n; i += 1u + in[i]) {
		struct bytes offered = { in + i + 1, in[i] };

		if (in[i] >= n - i || !bytes_eq(offered, ours))
			continue;
		*out = offered.p;
		*outlen = (unsigned char)offered.n;
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
		     EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seal)
{
	return tls_tickets_crypt(tls_of(ssl)->server->tickets, name, iv, cipher,
				 mac, seal);
}

/* --- building --- */

static SSL_CTX *context_new(struct tls_server *s,
			    const struct tls_server_config *config)
{
	SSL_CTX *ctx =
		tls_context_new(TLS_server_method(), config->min_version);

	if (!ctx)
		return NULL;
	SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA |
					 /* Requests hold passwords. */
					 SSL_OP_CLEANSE_PLAINTEXT);
	/* Chains are what the files say. */
	SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(ctx, TLS_TICKET_LIFETIME);
	SSL_CTX_set_client_hello_cb(ctx, on_hello, s);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_name);
	SSL_CTX_set_alpn_select_cb(
		ctx, on_alpn,
		(void *)(uintptr_t)(config->alpn ? config->alpn : "http/1.1"));
	if (config->tickets)
		SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
	else
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	if (SSL_CTX_set_cipher_list(ctx, suites) &&
	    SSL_CTX_set_num_tickets(ctx,
				    config->tickets ? config->n_tickets : 0))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* Why OpenSSL does not take a certificate that could be read. */
static const char *refusal(void)
{
	switch (ERR_GET_REASON(ERR_peek_last_error())) {
	case SSL_R_EE_KEY_TOO_SMALL:
		return "the key is too short: RSA needs 2048 bits";
	case SSL_R_CA_KEY_TOO_SMALL:
		return "a key in the chain is too short: RSA needs 2048 bits";
	case SSL_R_CA_MD_TOO_WEAK:
		return "signed with SHA-1 or older: clients refuse that";
	default:
		return tls_reason();
	}
}

/* Index of the variant with these certificates, made if need be; -1. */
static int variant_of(struct tls_server *s,
		      const struct tls_server_config *config,
		      const struct tls_cert *certs, uint64_t set, char *error,
		      size_t cap)
{
	SSL_CTX *ctx;

	for (unsigned i = 0; i < s->n_variants; i++)
		if (s->variants[i].certs == set)
			return (int)i;
	ctx = context_new(s, config);
	if (!ctx) {
		snprintf(error, cap, "TLS: %s", tls_reason());
		return -1;
	}
	for (unsigned i = 0; i < config->n_certs; i++) {
		if (!(set >> i & 1) ||
		    SSL_CTX_use_cert_and_key(ctx, certs[i].leaf, certs[i].key,
					     certs[i].chain, 1) == 1)
			continue;
		snprintf(error, cap, "%s: %s", config->certs[i].chain_file,
			 refusal());
		SSL_CTX_free(ctx);
		return -1;
	}
	s->variants[s->n_variants] = (struct variant){ set, ctx };
	return (int)s->n_variants++;
}

struct gather {
	struct tls_server *server;
	unsigned cert;
};

static void add_name(void *arg, struct bytes name)
{
	struct gather *g = arg;
	struct tls_server *s = g->server;
	char *text = strndup((const char *)name.p, name.n);

	if (s->n_names == s->cap_names) {
		size_t cap = 2 * s->cap_names + 16;
		struct name *more = realloc(s->names, cap * sizeof(*more));

		if (more) {
			s->names = more;
			s->cap_names = cap;
		}
	}
	if (!text || s->n_names == s->cap_names) {
		s->out_of_memory = true;
		free(text);
		return;
	}
	for (char *c = text; *c; c++)
		*c = (char)ascii_lower((uint8_t)*c);
	s->names[s->n_names++] = (struct name){ text, g->cert, 0 };
}

static int gathering_order(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	return order ? order : (int)x->cert - (int)y->cert;
}

/* Of the certificates of one name, the first of each key type. */
static uint64_t one_of_each_type(const struct tls_cert *certs,
				 const struct name *names, size_t n)
{
	uint64_t set = 0;

	for (size_t i = 0; i < n; i++) {
		int type = EVP_PKEY_get_base_id(certs[names[i].cert].key);
		bool taken = false;

		for (size_t j = 0; j < i; j++)
			taken |= EVP_PKEY_get_base_id(
					 certs[names[j].cert].key) == type;
		if (!taken)
			set |= UINT64_C(1) << names[i].cert;
	}
	return set;
}

/* One entry a name, pointing to the variant that serves it. */
static int assign_names(struct tls_server *s,
			const struct tls_server_config *config,
			const struct tls_cert *certs, char *error, size_t cap)
{
	size_t kept = 0, next;

	qsort(s->names, s->n_names, sizeof(*s->names), gathering_order);
	for (size_t i = 0; i < s->n_names; i = next) {
		int v;

		for (next = i + 1; next < s->n_names; next++)
			if (strcmp(s->names[i].text, s->names[next].text))
				break;
		v = variant_of(s, config, certs,
			       one_of_each_type(certs, s->names + i, next - i),
			       error, cap);
		if (v < 0)
			return -1;
		s->names[i].variant = (unsigned)v;
	}
	/* Duplicates go only now, so that every text is freed once. */
	for (size_t i = 0; i < s->n_names; i++) {
		if (kept && !strcmp(s->names[kept - 1].text, s->names[i].text))
			free(s->names[i].text);
		else
			s->names[kept++] = s->names[i];
	}
	s->n_names = kept;
	return 0;
}

/* What a client without a name we know gets: the first certificate, with those
 * of other key types that carry the first one's first name, too. */
static uint64_t default_set(const struct tls_server *s,
			    const struct tls_cert *certs)
{
	struct name same[MAX_CERTS];
	const char *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < s->n_names && !first; i++)
		if (s->names[i].cert == 0)
			first = s->names[i].text;
	if (!first)
		return 1;
	for (size_t i = 0; i < s->n_names && n < MAX_CERTS; i++)
		if (!strcmp(s->names[i].text, first))
			same[n++] = s->names[i];
	return one_of_each_type(certs, same, n);
}

static int build(struct tls_server *s, const struct tls_server_config *config,
		 struct tls_cert *certs, char *error, size_t cap)
{
	for (unsigned i = 0; i < config->n_certs; i++) {
		if (tls_cert_load(&config->certs[i], &certs[i], error, cap))
			return -1;
		tls_cert_names(certs[i].leaf, add_name,
			       &(struct gather){ s, i });
	}
	/* Every name may call for a variant of its own. */
	s->variants = calloc(s->n_names + 1, sizeof(*s->variants));
	if (!s->variants || s->out_of_memory) {
		snprintf(error, cap, "TLS: no memory");
		return -1;
	}
	if (variant_of(s, config, certs, default_set(s, certs), error, cap) < 0)
		return -1;
	return assign_names(s, config, certs, error, cap);
}

static bool acceptable(const struct tls_server_config *config, char *error,
		       size_t cap)
{
	if (config->n_certs < 1 || config->n_certs > MAX_CERTS)
		snprintf(error, cap, "a listener has 1 to %d certificates",
			 MAX_CERTS);
	else if (config->min_version != 12 && config->min_version != 13)
		snprintf(error, cap,
			 "the lowest version for clients is TLS 1.2 or 1.3");
	else if (config->n_tickets > TLS_TICKETS_MAX)
		snprintf(error, cap, "at most %d tickets a handshake",
			 TLS_TICKETS_MAX);
	else
		return true;
	return false;
}

struct tls_server *tls_server_new(const struct tls_server_config *config,
				  char *error, size_t cap)
{
	struct tls_cert certs[MAX_CERTS] = { 0 };
	struct tls_server *s;
	bool ok;

	if (!acceptable(config, error, cap))
		return NULL;
	ERR_clear_error();
	s = calloc(1, sizeof(*s));
	if (!s) {
		snprintf(error, cap, "TLS: no memory");
		return NULL;
	}
	atomic_init(&s->refs, 1);
	s->tickets = config->tickets;
	s->bio = tls_io_method();
	seal_sha256(config->context ? BYTES(config->context) : BYTES_NONE,
		    s->context);
	ok = s->bio != NULL;
	if (!ok)
		snprintf(error, cap, "TLS: no memory");
	else
		ok = !build(s, config, certs, error, cap);
	for (unsigned i = 0; i < config->n_certs; i++)
		tls_cert_free(&certs[i]);
	ERR_clear_error();
	if (ok)
		return s;
	tls_server_put(s);
	return NULL;
}

/* --- life --- */

struct tls_server *tls_server_get(struct tls_server *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void tls_server_put(struct tls_server *s)
{
	if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < s->n_names; i++)
		free(s->names[i].text);
	free(s->names);
	for (unsigned i = 0; i < s->n_variants; i++)
		SSL_CTX_free(s->variants[i].ctx);
	free(s->variants);
	BIO_meth_free(s->bio);
	free(s);
}

void tls_server_free(struct tls_server *s)
{
	if (s)
		tls_server_put(s);
}

SSL *tls_server_ssl(struct tls_server *s)
{
	SSL *ssl = SSL_new(s->variants[0].ctx);

	if (ssl)
		SSL_set_accept_state(ssl);
	return ssl;
}

BIO *tls_server_bio(struct tls_server *s)
{
	return BIO_new(s->bio);
}
