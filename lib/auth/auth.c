/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * auth.c - one thread's Kerberos: its context, the keytab, and the check of a
 * password.
 */
#include "auth/private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seal/seal.h"

#define TICKET_LIFE 300 /* [s] of the ticket that proves a password */

static gss_OID_desc spnego = { 6, (void *)"\x2b\x06\x01\x05\x05\x02" };
static gss_OID_desc kerberos = {
	9, (void *)"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"
};
static gss_OID_set_desc kerberos_set = { 1, &kerberos };
gss_OID_set auth_kerberos = &kerberos_set;

/* --- beginning and end ----------------------------------------------------- */

static int fail(char *error, size_t cap, struct auth *a, const char *what,
		krb5_error_code code)
{
	struct auth_answer out;

	auth_krb5_result(a, code, &out);
	snprintf(error, cap, "%s: %s", what, out.why);
	return -EINVAL;
}

static bool has_account(struct auth *a)
{
	krb5_principal p = NULL;
	krb5_keytab_entry e;
	bool found = false;

	if (!krb5_parse_name(a->krb5, a->account, &p) &&
	    !krb5_kt_get_entry(a->krb5, a->keytab, p, 0, 0, &e)) {
		krb5_free_keytab_entry_contents(a->krb5, &e);
		found = true;
	}
	krb5_free_principal(a->krb5, p);
	return found;
}

static int open_keytab(struct auth *a, const struct auth_config *c, char *error,
		       size_t cap)
{
	krb5_error_code code;

	if (access(c->keytab, R_OK)) {
		snprintf(error, cap, "keytab %s: %s", c->keytab,
			 strerror(errno));
		return -EINVAL;
	}
	snprintf(a->keytab_name, sizeof(a->keytab_name), "FILE:%s", c->keytab);
	code = krb5_kt_resolve(a->krb5, a->keytab_name, &a->keytab);
	if (!code)
		code = krb5_parse_name(a->krb5, c->service, &a->service);
	if (code)
		return fail(error, cap, a, c->keytab, code);
	if (has_account(a))
		return 0;
	snprintf(error, cap,
		 "keytab %s has no key of %s: ktutil or `klist -k` show what "
		 "it has",
		 c->keytab, a->account);
	return -EINVAL;
}

static int make_names(struct auth *a, char *error, size_t cap)
{
	gss_buffer_desc text = { strlen(a->account), a->account };
	gss_key_value_element_desc key = { "keytab", a->keytab_name };
	gss_key_value_set_desc store = { 1, &key };
	gss_OID_desc both[] = { spnego, kerberos };
	gss_OID_set_desc accepted = { ARRAY_LEN(both), both };
	struct auth_answer out;
	OM_uint32 major, minor;

	major = gss_import_name(&minor, &text,
				(gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME, &a->self);
	if (!major)
		major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME,
					      GSS_C_INDEFINITE, &accepted,
					      GSS_C_ACCEPT, &store,
					      &a->acceptor, NULL, NULL);
	if (!major)
		return 0;
	auth_gss_result(major, minor, &out);
	snprintf(error, cap, "%s: %s", a->account, out.why);
	return -EINVAL;
}

struct auth *auth_new(const struct auth_config *c, char *error, size_t cap)
{
	struct auth *a = calloc(1, sizeof(*a));

	snprintf(error, cap, "out of memory");
	if (!a)
		return NULL;
	a->tickets = calloc(TICKETS, sizeof(*a->tickets));
	a->verdicts = calloc(VERDICTS, sizeof(*a->verdicts));
	seal_random(&a->secret, sizeof(a->secret));
	snprintf(a->account, sizeof(a->account), "%s", c->account);
	/* MEMORY: caches are the process's by name. */
	snprintf(a->cache, sizeof(a->cache), "MEMORY:casgate-%u", c->thread);
	if (a->tickets && a->verdicts && !krb5_init_context(&a->krb5) &&
	    !open_keytab(a, c, error, cap) && !make_names(a, error, cap))
		return a;
	auth_free(a);
	return NULL;
}

void auth_free(struct auth *a)
{
	OM_uint32 minor;

	if (!a)
		return;
	if (a->tickets)
		auth_flush(a);
	gss_release_cred(&minor, &a->acceptor);
	gss_release_name(&minor, &a->self);
	if (a->krb5) {
		krb5_free_principal(a->krb5, a->service);
		if (a->keytab)
			krb5_kt_close(a->krb5, a->keytab);
		krb5_free_context(a->krb5);
	}
	free(a->verdicts);
	free(a->tickets);
	free(a);
}

/* --- the keytab ------------------------------------------------------------
 */

static void tell_key(struct auth *a, const krb5_keytab_entry *e,
		     void (*fn)(void *arg, const struct auth_key *key),
		     void *arg)
{
	struct auth_key k = { .kvno = e->vno, .when = e->timestamp };
	char *name = NULL;

	if (krb5_unparse_name(a->krb5, e->principal, &name))
		return;
	snprintf(k.principal, sizeof(k.principal), "%s", name);
	krb5_free_unparsed_name(a->krb5, name);
	if (krb5_enctype_to_name(e->key.enctype, FALSE, k.type, sizeof(k.type)))
		snprintf(k.type, sizeof(k.type), "%d", e->key.enctype);
	fn(arg, &k);
}

unsigned auth_keys(struct auth *a,
		   void (*fn)(void *arg, const struct auth_key *key), void *arg)
{
	krb5_keytab_entry e;
	krb5_kt_cursor at;
	unsigned n = 0;

	if (krb5_kt_start_seq_get(a->krb5, a->keytab, &at))
		return 0;
	for (; !krb5_kt_next_entry(a->krb5, a->keytab, &e, &at); n++) {
		tell_key(a, &e, fn, arg);
		krb5_free_keytab_entry_contents(a->krb5, &e);
	}
	krb5_kt_end_seq_get(a->krb5, a->keytab, &at);
	return n;
}

/* --- a password ------------------------------------------------------------ */

/* Without a suffix, or with the realm as suffix in any case, it is a name of
 * the realm's own; another suffix is a UPN's, and only the KDC knows whose (RFC
 * 6806 5). */
static krb5_error_code parse_user(struct auth *a, const char *user,
				  krb5_principal *out)
{
	struct bytes suffix = BYTES(user), cut = bytes_cut(&suffix, '@');
	krb5_error_code code;
	char name[AUTH_NAME], *realm = NULL;

	code = krb5_get_default_realm(a->krb5, &realm);
	if (code)
		return code;
	if (suffix.n && !bytes_ieq(suffix, BYTES(realm)))
		code = krb5_parse_name_flags(a->krb5, user,
					     KRB5_PRINCIPAL_PARSE_ENTERPRISE,
					     out);
	else if (bytes_str(cut, name, sizeof(name)))
		code = krb5_build_principal(a->krb5, out,
					    (unsigned)strlen(realm), realm,
					    name, NULL);
	else
		code = KRB5_PARSE_MALFORMED;
	krb5_free_default_realm(a->krb5, realm);
	return code;
}

static krb5_error_code initial(struct auth *a, const char *user,
			       const char *password, krb5_creds *creds)
{
	krb5_get_init_creds_opt *opt = NULL;
	krb5_principal who = NULL;
	krb5_error_code code;

	memset(creds, 0, sizeof(*creds));
	code = parse_user(a, user, &who);
	if (!code)
		code = krb5_get_init_creds_opt_alloc(a->krb5, &opt);
	if (!code) {
		krb5_get_init_creds_opt_set_canonicalize(opt, 1);
		krb5_get_init_creds_opt_set_forwardable(opt, 0);
		krb5_get_init_creds_opt_set_proxiable(opt, 0);
		krb5_get_init_creds_opt_set_tkt_life(opt, TICKET_LIFE);
		/* Nobody is there to be asked for a new one. */
		krb5_get_init_creds_opt_set_change_password_prompt(opt, 0);
		code = krb5_get_init_creds_password(a->krb5, creds, who,
						    password, NULL, NULL, 0,
						    NULL, opt);
	}
	krb5_get_init_creds_opt_free(a->krb5, opt);
	krb5_free_principal(a->krb5, who);
	return code;
}

static enum auth_result verify(struct auth *a, krb5_creds *creds,
			     struct auth_answer *out)
{
	krb5_verify_init_creds_opt opt;
	krb5_error_code code;
	char *name = NULL;

	krb5_verify_init_creds_opt_init(&opt);
	krb5_verify_init_creds_opt_set_ap_req_nofail(&opt, 1);
	code = krb5_verify_init_creds(a->krb5, creds, a->service, a->keytab,
				      NULL, &opt);
	if (!code)
		code = krb5_unparse_name(a->krb5, creds->client, &name);
	if (code) {
		enum auth_result r = auth_krb5_result(a, code, out);

		/* A KDC that cannot make our ticket says nothing of the user.
		 */
		return r == AUTH_DENIED || r == AUTH_TOKEN_BAD ? AUTH_KEYTAB
							       : r;
	}
	if (!bytes_str(BYTES(name), out->principal, sizeof(out->principal)))
		code = KRB5_PARSE_MALFORMED;
	krb5_free_unparsed_name(a->krb5, name);
	return auth_krb5_result(a, code, out);
}

enum auth_result auth_password(struct auth *a, const char *user,
			       const char *password, struct auth_answer *out)
{
	enum auth_result r;
	krb5_error_code code;
	krb5_creds creds;

	*out = (struct auth_answer){ 0 };
	/* An empty one would be an anonymous bind elsewhere; here it is none. */
	if (!user[0] || !password[0])
		return AUTH_DENIED;
	code = initial(a, user, password, &creds);
	if (code)
		return auth_krb5_result(a, code, out);
	r = verify(a, &creds, out);
	krb5_free_cred_contents(a->krb5, &creds);
	return r;
}
