/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * result.c - errors of Kerberos and GSSAPI as one of a dozen results, each with
 * what an administrator can do.
 */
#include "auth/private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *word, *words;
} results[] = {
#define X(id, word, words) { word, words },
	AUTH_RESULTS(X)
#undef X
};

const char *auth_result_word(enum auth_result r)
{
	assert((unsigned)r < AUTH_RESULT_COUNT);
	return results[r].word;
}

const char *auth_result_words(enum auth_result r)
{
	assert((unsigned)r < AUTH_RESULT_COUNT);
	return results[r].words;
}

/* RFC 4120 7.5.9 and libkrb5's own. */
static enum auth_result result_of(krb5_error_code code)
{
	static const struct {
		krb5_error_code code;
		enum auth_result result;
	} map[] = {
		{ 0, AUTH_OK },
		{ KRB5KDC_ERR_PREAUTH_FAILED, AUTH_DENIED },
		{ KRB5KRB_AP_ERR_BAD_INTEGRITY, AUTH_DENIED },
		{ KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, AUTH_UNKNOWN },
		{ KRB5KDC_ERR_CLIENT_REVOKED, AUTH_REVOKED },
		{ KRB5KDC_ERR_POLICY, AUTH_REVOKED },
		{ KRB5KDC_ERR_KEY_EXP, AUTH_EXPIRED },
		{ KRB5KDC_ERR_NAME_EXP, AUTH_REVOKED },
		{ KRB5KRB_AP_ERR_SKEW, AUTH_SKEW },
		{ KRB5_KDCREP_SKEW, AUTH_SKEW },
		{ KRB5_KDC_UNREACH, AUTH_NO_KDC },
		{ KRB5_REALM_CANT_RESOLVE, AUTH_NO_KDC },
		{ KRB5_REALM_UNKNOWN, AUTH_NO_KDC },
		{ KRB5_KT_NOTFOUND, AUTH_KEYTAB },
		{ KRB5_KT_KVNONOTFOUND, AUTH_KEYTAB },
		{ KRB5_KEYTAB_BADVNO, AUTH_KEYTAB },
		{ KRB5_KT_FORMAT, AUTH_KEYTAB },
		{ EACCES, AUTH_KEYTAB },
		{ ENOENT, AUTH_KEYTAB },
		{ KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN, AUTH_NO_SPN },
		{ KRB5KDC_ERR_BADOPTION, AUTH_NOT_DELEGATED },
		{ KRB5KRB_AP_ERR_MODIFIED, AUTH_TOKEN_BAD },
		{ KRB5KRB_AP_WRONG_PRINC, AUTH_TOKEN_BAD },
		{ KRB5KRB_AP_ERR_TKT_EXPIRED, AUTH_TOKEN_BAD },
		{ KRB5KRB_AP_ERR_REPEAT, AUTH_TOKEN_BAD },
	};

	for (size_t i = 0; i < ARRAY_LEN(map); i++)
		if (map[i].code == code)
			return map[i].result;
	return AUTH_FAILED;
}

static void put_why(struct auth_answer *out, const char *text, size_t n)
{
	size_t len = strlen(out->why);

	snprintf(out->why + len, sizeof(out->why) - len, "%s%.*s",
		 len ? "; " : "", (int)n, text);
	/* A KDC's words are a stranger's. */
	for (char *c = out->why; *c; c++)
		if ((uint8_t)*c < 0x20 || *c == 0x7f)
			*c = '?';
}

enum auth_result auth_krb5_result(struct auth *a, krb5_error_code code,
				  struct auth_answer *out)
{
	const char *text = code ? krb5_get_error_message(a->krb5, code) : NULL;

	out->code = code;
	out->why[0] = '\0';
	if (text) {
		put_why(out, text, strlen(text));
		krb5_free_error_message(a->krb5, text);
	}
	return result_of(code);
}

static void put_status(struct auth_answer *out, OM_uint32 code, int kind)
{
	OM_uint32 more = 0, minor;
	gss_buffer_desc text;

	do {
		if (gss_display_status(&minor, code, kind,
				       (gss_OID)gss_mech_krb5, &more, &text))
			return;
		put_why(out, text.value, text.length);
		gss_release_buffer(&minor, &text);
	} while (more);
}

enum auth_result auth_gss_result(OM_uint32 major, OM_uint32 minor,
				 struct auth_answer *out)
{
	enum auth_result r;

	out->code = (int)minor;
	out->why[0] = '\0';
	if (!GSS_ERROR(major))
		return major & GSS_S_CONTINUE_NEEDED ? AUTH_MORE : AUTH_OK;
	put_status(out, minor ? minor : major,
		   minor ? GSS_C_MECH_CODE : GSS_C_GSS_CODE);
	r = minor ? result_of((krb5_error_code)minor) : AUTH_FAILED;
	if (r == AUTH_FAILED && (GSS_ROUTINE_ERROR(major) ==
					 GSS_S_DEFECTIVE_TOKEN ||
				 GSS_ROUTINE_ERROR(major) == GSS_S_BAD_MECH ||
				 GSS_ROUTINE_ERROR(major) ==
					 GSS_S_BAD_BINDINGS))
		r = AUTH_TOKEN_BAD;
	return r;
}
