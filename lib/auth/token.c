/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * token.c - tokens for servers, and clients' tokens, by GSSAPI.
 *
 * Credentials are acquired and used with the same set of mechanisms, Kerberos
 * alone: with any other set libgssapi finds nothing in common. Each thread has
 * a credential of the account's own, because one that is shared is locked while
 * a KDC is waited for.
 */
#include "auth/private.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define MARGIN 300 /* [s] before a ticket's end that it is not used any more */
#define PASSWORD_LIFE (MARGIN + 600) /* [s] tickets by a password are kept */

static int64_t seconds(void)
{
	return (int64_t)time(NULL);
}

/* --- users' credentials ---------------------------------------------------- */

static void drop(struct ticket *t)
{
	OM_uint32 minor;

	if (t->cred)
		gss_release_cred(&minor, &t->cred);
	mem_wipe(t, sizeof(*t));
}

void auth_flush(struct auth *a)
{
	for (unsigned i = 0; i < TICKETS; i++)
		drop(&a->tickets[i]);
}

static uint64_t hash_of(const struct auth *a, const char *password)
{
	return password ? siphash13_folded(&a->secret, BYTES(password)) | 1 : 0;
}

/* The user's, or the place for it: the one that was used longest ago. */
static struct ticket *find(struct auth *a, const char *who, uint64_t password)
{
	struct ticket *oldest = &a->tickets[0];

	for (unsigned i = 0; i < TICKETS; i++) {
		struct ticket *t = &a->tickets[i];

		if (t->cred && t->password == password &&
		    !strcmp(t->who, who)) {
			if (t->until > seconds() + MARGIN)
				return t;
			oldest = t;
			break;
		}
		if (t->used < oldest->used)
			oldest = t;
	}
	drop(oldest);
	return oldest;
}

static OM_uint32 acquire_self(struct auth *a, OM_uint32 *minor,
			      gss_cred_id_t *cred)
{
	gss_key_value_element_desc e[] = { { "client_keytab", a->keytab_name },
					   { "ccache", a->cache } };
	gss_key_value_set_desc store = { ARRAY_LEN(e), e };

	return gss_acquire_cred_from(minor, a->self, GSS_C_INDEFINITE,
				     auth_kerberos, GSS_C_INITIATE, &store, cred,
				     NULL, NULL);
}

static OM_uint32 impersonate(struct auth *a, OM_uint32 *minor, const char *who,
			     gss_cred_id_t *cred, OM_uint32 *life)
{
	gss_buffer_desc text = { strlen(who), (void *)(uintptr_t)who };
	gss_cred_id_t self = GSS_C_NO_CREDENTIAL;
	gss_name_t user = GSS_C_NO_NAME;
	OM_uint32 major, ignored;

	major = acquire_self(a, minor, &self);
	if (!GSS_ERROR(major))
		major = gss_import_name(minor, &text,
					(gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME,
					&user);
	if (!GSS_ERROR(major))
		major = gss_acquire_cred_impersonate_name(
			minor, self, user, GSS_C_INDEFINITE, auth_kerberos,
			GSS_C_INITIATE, cred, NULL, life);
	gss_release_name(&ignored, &user);
	gss_release_cred(&ignored, &self);
	return major;
}

static OM_uint32 by_password(OM_uint32 *minor, const char *who,
			     const char *password, gss_cred_id_t *cred)
{
	gss_buffer_desc text = { strlen(who), (void *)(uintptr_t)who };
	gss_buffer_desc secret = { strlen(password),
				   (void *)(uintptr_t)password };
	gss_name_t user = GSS_C_NO_NAME;
	OM_uint32 major, ignored;

	major = gss_import_name(minor, &text,
				(gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME, &user);
	if (!GSS_ERROR(major))
		major = gss_acquire_cred_with_password(
			minor, user, &secret, GSS_C_INDEFINITE, auth_kerberos,
			GSS_C_INITIATE, cred, NULL, NULL);
	gss_release_name(&ignored, &user);
	return major;
}

static enum auth_result user_cred(struct auth *a, const char *who,
				  const char *password, gss_cred_id_t *cred,
				  struct auth_answer *out)
{
	uint64_t hash = hash_of(a, password);
	struct ticket *t = find(a, who, hash);
	OM_uint32 major = GSS_S_COMPLETE, minor = 0, life = PASSWORD_LIFE;

	if (!t->cred) {
		major = password ? by_password(&minor, who, password, &t->cred)
				 : impersonate(a, &minor, who, &t->cred, &life);
		snprintf(t->who, sizeof(t->who), "%s", who);
		t->password = hash;
		t->until = seconds() + life;
	}
	if (GSS_ERROR(major)) {
		drop(t);
		return auth_gss_result(major, minor, out);
	}
	t->used = ++a->uses;
	*cred = t->cred;
	return AUTH_OK;
}

/* --- tokens ---------------------------------------------------------------- */

static struct gss_channel_bindings_struct bind_to(struct bytes binding)
{
	return (struct gss_channel_bindings_struct){
		.application_data = { binding.n,
				      (void *)(uintptr_t)binding.p },
	};
}

static enum auth_result too_long(size_t n, struct auth_answer *out)
{
	snprintf(out->why, sizeof(out->why),
		 "a token of %zu bytes: the user is in too many groups", n);
	return AUTH_FAILED;
}

static enum auth_result copy(const gss_buffer_desc *from, uint8_t *to,
			     size_t *n, struct auth_answer *out)
{
	if (from->length > AUTH_TOKEN)
		return too_long(from->length, out);
	if (from->length)
		memcpy(to, from->value, from->length);
	*n = from->length;
	return AUTH_OK;
}

/* "HTTP/host" as GSSAPI's "HTTP@host" (RFC 2743 4.1). Returns dst. */
static char *hostbased(const char *spn, char dst[AUTH_NAME])
{
	char *slash;

	snprintf(dst, AUTH_NAME, "%s", spn);
	slash = strchr(dst, '/');
	if (slash)
		*slash = '@';
	return dst;
}

static enum auth_result init(gss_cred_id_t cred, const char *target,
			     struct bytes binding, uint8_t *token, size_t *n,
			     struct auth_answer *out)
{
	size_t room = *n;
	struct gss_channel_bindings_struct cb = bind_to(binding);
	char host[AUTH_NAME];
	gss_buffer_desc text = { strlen(hostbased(target, host)), host };
	gss_buffer_desc made = GSS_C_EMPTY_BUFFER;
	gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
	gss_name_t to = GSS_C_NO_NAME;
	OM_uint32 major, minor, ignored;
	enum auth_result r;

	major = gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &to);
	if (!GSS_ERROR(major))
		major = gss_init_sec_context(
			&minor, cred, &ctx, to, &auth_kerberos->elements[0], 0, 0,
			binding.n ? &cb : GSS_C_NO_CHANNEL_BINDINGS,
			GSS_C_NO_BUFFER, NULL, &made, NULL, NULL);
	r = auth_gss_result(major, minor, out);
	*n = 0;
	/* One leg is all: whether the server is who it is, TLS has said. */
	if (!GSS_ERROR(major)) {
		r = AUTH_OK;
		*n = auth_spnego_wrap((struct bytes){ made.value, made.length },
				      token, room);
		if (!*n)
			r = too_long(made.length, out);
	}
	gss_release_buffer(&ignored, &made);
	gss_delete_sec_context(&ignored, &ctx, GSS_C_NO_BUFFER);
	gss_release_name(&ignored, &to);
	return r;
}

enum auth_result auth_token(struct auth *a, enum auth_as as, const char *who,
			    const char *password, const char *target,
			    struct bytes binding, uint8_t *token, size_t *n,
			    struct auth_answer *out)
{
	gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
	OM_uint32 major, minor, ignored;
	enum auth_result r;

	*out = (struct auth_answer){ 0 };
	if (as != AUTH_AS_SERVICE) {
		bool secret = as == AUTH_AS_PASSWORD;

		r = user_cred(a, who, secret ? password : NULL,
			      &cred, out);
		if (r != AUTH_OK)
			return r;
		bytes_str(BYTES(who), out->principal, sizeof(out->principal));
		return init(cred, target, binding, token, n, out);
	}
	major = acquire_self(a, &minor, &cred);
	r = auth_gss_result(major, minor, out);
	if (r == AUTH_OK) {
		bytes_str(BYTES(a->account), out->principal,
			  sizeof(out->principal));
		r = init(cred, target, binding, token, n, out);
	}
	gss_release_cred(&ignored, &cred);
	return r == AUTH_DENIED || r == AUTH_UNKNOWN ? AUTH_KEYTAB : r;
}

enum auth_result auth_accept(struct auth *a, struct bytes token,
			     struct bytes binding, uint8_t *reply, size_t *n,
			     struct auth_answer *out)
{
	struct gss_channel_bindings_struct cb = bind_to(binding);
	gss_buffer_desc in = { token.n, (void *)(uintptr_t)token.p };
	gss_buffer_desc made = GSS_C_EMPTY_BUFFER, name = GSS_C_EMPTY_BUFFER;
	gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
	gss_name_t who = GSS_C_NO_NAME;
	OM_uint32 major, minor, ignored;
	enum auth_result r;

	*out = (struct auth_answer){ 0 };
	*n = 0;
	major = gss_accept_sec_context(
		&minor, &ctx, a->acceptor, &in,
		binding.n ? &cb : GSS_C_NO_CHANNEL_BINDINGS, &who, NULL, &made,
		NULL, NULL, NULL);
	r = auth_gss_result(major, minor, out);
	if (r == AUTH_OK) {
		major = gss_display_name(&minor, who, &name, NULL);
		r = auth_gss_result(major, minor, out);
	}
	if (r == AUTH_OK &&
	    !bytes_str((struct bytes){ name.value, name.length },
		       out->principal, sizeof(out->principal)))
		r = AUTH_TOKEN_BAD;
	if (r == AUTH_OK)
		r = copy(&made, reply, n, out);
	/* Kerberos needs one leg; what asks for more is no Kerberos. */
	if (r == AUTH_MORE)
		r = AUTH_TOKEN_BAD;
	gss_release_buffer(&ignored, &name);
	gss_release_buffer(&ignored, &made);
	gss_release_name(&ignored, &who);
	gss_delete_sec_context(&ignored, &ctx, GSS_C_NO_BUFFER);
	return r;
}
