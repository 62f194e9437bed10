/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tls_cert.c - certificates and keys from files, with errors an administrator
 * can act on: every one names the file.
 */
#include "tls/tls_private.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <stdio.h>
#include <time.h>

/* Never ask on a terminal: a daemon has none. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	*(bool *)arg = true;
	return -1;
}

static BIO *open_file(const char *path, char *error, size_t cap)
{
	BIO *bio;

	ERR_clear_error();
	errno = 0;
	bio = BIO_new_file(path, "r");
	if (bio)
		return bio;
	if (errno == ENOENT)
		snprintf(error, cap, "%s: no such file", path);
	else if (errno == EACCES)
		snprintf(error, cap, "%s: casgate may not read it", path);
	else
		snprintf(error, cap, "%s: %s", path, tls_reason());
	return NULL;
}

static bool at_end(void)
{
	unsigned long e = ERR_peek_last_error();

	return ERR_GET_LIB(e) == ERR_LIB_PEM &&
	       ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
}

static int read_chain(const char *path, struct tls_cert *cert, char *error,
		      size_t cap)
{
	BIO *bio = open_file(path, error, cap);
	bool asked = false;
	int ret = -EINVAL;
	X509 *x;

	if (!bio)
		return errno ? -errno : -EIO;
	cert->chain = sk_X509_new_null();
	cert->leaf = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, &asked);
	if (!cert->chain || !cert->leaf) {
		if (at_end())
			snprintf(error, cap, "%s: holds no certificate in PEM",
				 path);
		else
			snprintf(error, cap,
				 "%s: the first certificate cannot be read: %s",
				 path, tls_reason());
		goto out;
	}
	while ((x = PEM_read_bio_X509(bio, NULL, no_passphrase, &asked)))
		if (!sk_X509_push(cert->chain, x)) {
			X509_free(x);
			break;
		}
	if (x || !at_end()) {
		snprintf(error, cap, "%s: certificate %d cannot be read: %s",
			 path, sk_X509_num(cert->chain) + 2, tls_reason());
		goto out;
	}
	ret = 0;
out:
	ERR_clear_error();
	BIO_free(bio);
	return ret;
}

static int read_key(const char *path, struct tls_cert *cert, char *error,
		    size_t cap)
{
	BIO *bio = open_file(path, error, cap);
	bool asked = false;

	if (!bio)
		return errno ? -errno : -EIO;
	cert->key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
	if (!cert->key) {
		if (asked)
			snprintf(error, cap,
				 "%s: the key is encrypted; casgate needs it "
				 "without a passphrase",
				 path);
		else if (at_end() || ERR_GET_REASON(ERR_peek_last_error()) ==
					     ERR_R_UNSUPPORTED)
			snprintf(error, cap, "%s: holds no private key in PEM",
				 path);
		else
			snprintf(error, cap, "%s: the key cannot be read: %s",
				 path, tls_reason());
	}
	ERR_clear_error();
	BIO_free(bio);
	return cert->key ? 0 : -EINVAL;
}

static bool key_fits(X509 *x, EVP_PKEY *key)
{
	bool fits = X509_check_private_key(x, key) == 1;

	ERR_clear_error();
	return fits;
}

static int check_key(const struct tls_cert_config *config,
		     const struct tls_cert *cert, char *error, size_t cap)
{
	if (key_fits(cert->leaf, cert->key))
		return 0;
	for (int i = 0; i < sk_X509_num(cert->chain); i++) {
		if (!key_fits(sk_X509_value(cert->chain, i), cert->key))
			continue;
		snprintf(
			error, cap,
			"%s: the certificate of the key in %s must come first, "
			"it is number %d",
			config->chain_file, config->key_file, i + 2);
		return -EINVAL;
	}
	snprintf(error, cap, "%s: does not belong to the certificate in %s",
		 config->key_file, config->chain_file);
	return -EINVAL;
}

int tls_cert_load(const struct tls_cert_config *config, struct tls_cert *cert,
		  char *error, size_t cap)
{
	int rc;

	*cert = (struct tls_cert){ 0 };
	rc = read_chain(config->chain_file, cert, error, cap);
	if (!rc)
		rc = read_key(config->key_file, cert, error, cap);
	if (!rc)
		rc = check_key(config, cert, error, cap);
	if (rc)
		tls_cert_free(cert);
	return rc;
}

void tls_cert_free(struct tls_cert *cert)
{
	X509_free(cert->leaf);
	sk_X509_pop_free(cert->chain, X509_free);
	EVP_PKEY_free(cert->key);
	*cert = (struct tls_cert){ 0 };
}

/* --- what a certificate says --- */

static bool is_name(struct bytes name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] >= 0x7f)
			return false;
	return name.n > 0 && name.n < 256;
}

static struct bytes string_of(const ASN1_STRING *s)
{
	return (struct bytes){ ASN1_STRING_get0_data(s),
			       (size_t)ASN1_STRING_length(s) };
}

static void common_name(X509 *x, void (*fn)(void *arg, struct bytes name),
			void *arg)
{
	const X509_NAME *subject = X509_get_subject_name(x);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	struct bytes name;

	if (at < 0)
		return;
	name = string_of(
		X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (is_name(name))
		fn(arg, name);
}

void tls_cert_names(X509 *x, void (*fn)(void *arg, struct bytes name),
		    void *arg)
{
	GENERAL_NAMES *names =
		X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	bool any = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);

		if (g->type != GEN_DNS || !is_name(string_of(g->d.dNSName)))
			continue;
		fn(arg, string_of(g->d.dNSName));
		any = true;
	}
	/* RFC 6125 6.4.4: the common name only if there is no other. */
	if (!any)
		common_name(x, fn, arg);
	GENERAL_NAMES_free(names);
	ERR_clear_error();
}

struct line {
	char *text;
	size_t n, cap;
};

static void append_name(void *arg, struct bytes name)
{
	struct line *l = arg;
	size_t gap = l->n > 0;

	if (l->n + gap + name.n + 1 > l->cap)
		return;
	if (gap)
		l->text[l->n++] = ' ';
	memcpy(l->text + l->n, name.p, name.n);
	l->n += name.n;
	l->text[l->n] = '\0';
}

void tls_cert_name_list(X509 *x, char *dst, size_t cap)
{
	dst[0] = '\0';
	tls_cert_names(x, append_name, &(struct line){ dst, 0, cap });
}

void tls_cert_date(const ASN1_TIME *time, char dst[TLS_DATE])
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1 ||
	    !strftime(dst, TLS_DATE, "%Y-%m-%d", &tm))
		strcpy(dst, "an unknown day");
}

static void describe_key(X509 *x, char *dst, size_t cap)
{
	const EVP_PKEY *key = X509_get0_pubkey(x);
	int type = key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
	char group[32];

	if (type == EVP_PKEY_RSA || type == EVP_PKEY_RSA_PSS)
		snprintf(dst, cap, "RSA %d", EVP_PKEY_get_bits(key));
	else if (type != EVP_PKEY_EC)
		snprintf(dst, cap, "%s", key ? OBJ_nid2sn(type) : "unknown");
	else if (EVP_PKEY_get_bits(key) == 256 &&
		 EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) &&
		 !strcmp(group, SN_X9_62_prime256v1))
		snprintf(dst, cap, "EC P-256");
	else
		snprintf(dst, cap, "EC P-%d", EVP_PKEY_get_bits(key));
}

int tls_cert_info(const char *chain_file, struct tls_cert_info *info,
		  char *error, size_t cap)
{
	struct tls_cert cert = { 0 };
	int rc = read_chain(chain_file, &cert, error, cap);
	struct tls_cert_info found = { 0 };
	struct tm tm;
	BIO *text;

	if (rc)
		goto out;
	text = BIO_new(BIO_s_mem());
	if (text && X509_NAME_print_ex(text, X509_get_subject_name(cert.leaf),
				       0, XN_FLAG_RFC2253) >= 0) {
		int n = BIO_read(text, found.subject,
				 sizeof(found.subject) - 1);

		found.subject[max(n, 0)] = '\0';
	}
	BIO_free(text);
	tls_cert_name_list(cert.leaf, found.names, sizeof(found.names));
	describe_key(cert.leaf, found.key, sizeof(found.key));
	if (ASN1_TIME_to_tm(X509_get0_notAfter(cert.leaf), &tm) == 1)
		found.not_after = timegm(&tm);
	*info = found;
out:
	tls_cert_free(&cert);
	ERR_clear_error();
	return rc;
}
