/* SPDX-License-Identifier: BSD-3-Clause */
/* private.h - what the files of auth share. */
#pragma once

#include "auth/auth.h"

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>

#define TICKETS 1024 /* users whose credentials a thread keeps */

/* Credentials of one user: tickets for servers live in it. */
struct ticket {
	char who[AUTH_NAME];
	uint64_t password; /* keyed hash; 0: by S4U */
	gss_cred_id_t cred;
	int64_t until; /* [s] of the system's clock */
	uint64_t used; /* the larger, the later */
};

#define VERDICTS 4096 /* of passwords, that a thread keeps: a power of two */

/* Of a user and a password, by two keyed hashes: never either of them. */
struct verdict {
	uint64_t key[2]; /* 0, 0: none */
	usec_t until;
	enum auth_result result;
	char principal[AUTH_NAME];
};

struct auth {
	krb5_context krb5;
	krb5_keytab keytab;
	krb5_principal service; /* of ours */
	char keytab_name[256], cache[64];
	char account[AUTH_NAME];
	gss_name_t self;
	gss_cred_id_t acceptor;
	struct hash_key secret;
	struct ticket *tickets; /* TICKETS of them */
	uint64_t uses;
	struct verdict *verdicts; /* VERDICTS of them */
};

/* The set of mechanisms with which we act: Kerberos alone. */
extern gss_OID_set auth_kerberos;
/* NegTokenInit around a Kerberos token; its length, 0 when it does not fit. */
size_t auth_spnego_wrap(struct bytes token, uint8_t *dst, size_t cap);

/* From an error of libkrb5, with its message. */
enum auth_result auth_krb5_result(struct auth *a, krb5_error_code code,
				  struct auth_answer *out);
/* The same from two of GSSAPI. */
enum auth_result auth_gss_result(OM_uint32 major, OM_uint32 minor,
				 struct auth_answer *out);
