/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * certs.h - certificates made when a test runs: any name, any date, RSA or
 * ECDSA, from a test authority or self-signed, as PEM files in a directory
 * that is removed again.
 */
#pragma once

#include <dirent.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "unit.h"

struct certs_spec {
	const char *file; /* FILE.pem and FILE.key */
	const char *cn;
	const char *names; /* "DNS:a,DNS:b"; NULL = none */
	const char *type; /* "ec", "rsa", "rsa1024" */
	int from, to; /* days from today */
	const char *issuer; /* file of the authority; NULL = self-signed */
	const char *usage; /* extended key usage; NULL = serverAuth */
	const char *digest; /* NULL = SHA256 */
	int authority;
};

static char certs_dir[64];

static inline void certs_need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "certs: %s failed\n", what);
	exit(1);
}

/* "/tmp/casgate-XXXXXX/FILE.SUFFIX", in one of a few buffers. */
static inline const char *certs_path(const char *file, const char *suffix)
{
	static char path[8][384];
	static unsigned turn;
	char *p = path[turn++ % 8];

	snprintf(p, sizeof(path[0]), "%s/%s%s", certs_dir, file, suffix);
	return p;
}

static inline void certs_begin(void)
{
	strcpy(certs_dir, "/tmp/casgate-XXXXXX");
	certs_need(mkdtemp(certs_dir) != NULL, "mkdtemp");
}

static inline void certs_end(void)
{
	DIR *d = opendir(certs_dir);

	for (struct dirent *e; d && (e = readdir(d));)
		unlink(certs_path(e->d_name, ""));
	if (d)
		closedir(d);
	rmdir(certs_dir);
}

static inline X509 *certs_read(const char *file)
{
	FILE *f = fopen(certs_path(file, ".pem"), "r");
	X509 *x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

	certs_need(x != NULL, file);
	fclose(f);
	return x;
}

static inline EVP_PKEY *certs_read_key(const char *file)
{
	FILE *f = fopen(certs_path(file, ".key"), "r");
	EVP_PKEY *k = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

	certs_need(k != NULL, file);
	fclose(f);
	return k;
}

static inline void certs_extend(X509 *x, X509 *issuer, int nid,
				const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	if (!value)
		return;
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	certs_need(e && X509_add_ext(x, e, -1), value);
	X509_EXTENSION_free(e);
}

static inline void certs_write(const char *file, X509 *x, EVP_PKEY *key)
{
	FILE *f = fopen(certs_path(file, ".pem"), "w");

	certs_need(f && PEM_write_X509(f, x), file);
	fclose(f);
	f = fopen(certs_path(file, ".key"), "w");
	certs_need(f && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL),
		   file);
	fclose(f);
}

static inline EVP_PKEY *certs_key(const char *type)
{
	EVP_PKEY *k = !strcmp(type, "ec")	 ? EVP_EC_gen("P-256")
		      : !strcmp(type, "rsa1024") ? EVP_RSA_gen(1024)
						 : EVP_RSA_gen(2048);

	certs_need(k != NULL, type);
	return k;
}

static inline void certs_make(const struct certs_spec *spec)
{
	static long serial = 1;
	EVP_PKEY *key = certs_key(spec->type), *signer = key;
	X509 *x = X509_new(), *issuer = x;
	X509_NAME *subject = X509_get_subject_name(x);

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	X509_gmtime_adj(X509_getm_notBefore(x), spec->from * 86400L);
	X509_gmtime_adj(X509_getm_notAfter(x), spec->to * 86400L);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
				   (const unsigned char *)spec->cn, -1, -1, 0);
	X509_set_pubkey(x, key);
	if (spec->issuer) {
		issuer = certs_read(spec->issuer);
		signer = certs_read_key(spec->issuer);
	}
	X509_set_issuer_name(x, X509_get_subject_name(issuer));
	certs_extend(x, issuer, NID_basic_constraints,
		     spec->authority ? "critical,CA:TRUE" : "CA:FALSE");
	certs_extend(x, issuer, NID_subject_alt_name, spec->names);
	if (!spec->authority)
		certs_extend(x, issuer, NID_ext_key_usage,
			     spec->usage ? spec->usage : "serverAuth");
	certs_need(X509_sign(x, signer,
			     EVP_get_digestbyname(spec->digest ? spec->digest
							       : "SHA256")),
		   "X509_sign");
	certs_write(spec->file, x, key);
	if (spec->issuer) {
		X509_free(issuer);
		EVP_PKEY_free(signer);
	}
	X509_free(x);
	EVP_PKEY_free(key);
}

/* SHA-256 of a certificate, as one pins it. */
static inline void certs_pin(const char *file, uint8_t pin[32])
{
	X509 *x = certs_read(file);

	certs_need(X509_digest(x, EVP_sha256(), pin, NULL), file);
	X509_free(x);
}
