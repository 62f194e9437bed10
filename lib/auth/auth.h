/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * auth.h - who a client is, and how that is proved to a server: passwords by
 * AS-REQ, clients' tickets by our keytab, tickets for servers as a service, as
 * the user by S4U, or with his password.
 *
 * Everything here may wait for a KDC, allocate and lock. It runs on threads of
 * its own, one struct auth each, never on a worker; only auth_result_words() is
 * free. libkrb5 finds the KDCs by KRB5_CONFIG.
 *
 * RFC 4120, 4121, 4178 (SPNEGO), 4559 (HTTP), 5929 (channel bindings); MS-SFU.
 */
#pragma once

#include "base/base.h"

#define AUTH_NAME 256	 /* of a principal, with the NUL */
#define AUTH_TOKEN 65536 /* [bytes]: users of a thousand groups have 10,000 */
#define AUTH_WHY 400

/* id, word, what to do, in an administrator's words */
#define AUTH_RESULTS(X)                                                        \
	X(AUTH_OK, "ok", "")                                                   \
	X(AUTH_MORE, "more", "the handshake goes on")                          \
	X(AUTH_DENIED, "denied", "the password is wrong")                      \
	X(AUTH_UNKNOWN, "unknown", "the domain has no such user")              \
	X(AUTH_REVOKED, "revoked",                                             \
	  "the account is disabled, locked out or outside its logon hours")    \
	X(AUTH_EXPIRED, "expired", "the password has to be changed first")     \
	X(AUTH_TOKEN_BAD, "bad-token",                                         \
	  "the token is not for us, or damaged: is the SPN on this account, "  \
	  "and the keytab of its present password?")                           \
	X(AUTH_SKEW, "clock-skew",                                             \
	  "the clocks differ by more than 5 minutes: set this machine's by "   \
	  "the domain controllers'")                                           \
	X(AUTH_NO_KDC, "no-kdc",                                               \
	  "no domain controller answers on port 88: see identity.kdcs and "    \
	  "the firewall")                                                      \
	X(AUTH_KEYTAB, "keytab",                                               \
	  "the keytab does not fit: missing, unreadable, of an old password "  \
	  "or without this account")                                           \
	X(AUTH_NO_SPN, "no-spn",                                               \
	  "the domain knows no account with that service principal name: "     \
	  "setspn -Q")                                                         \
	X(AUTH_NOT_DELEGATED, "not-delegated",                                 \
	  "the service account may not act as that user there: its "           \
	  "msDS-AllowedToDelegateTo lacks the target, "                        \
	  "TrustedToAuthForDelegation is off, or the user is sensitive or a "  \
	  "member of Protected Users")                                         \
	X(AUTH_FAILED, "failed", "see the message of Kerberos")

enum auth_result {
#define X(id, word, words) id,
	AUTH_RESULTS(X)
#undef X
	AUTH_RESULT_COUNT
};

const char *auth_result_word(enum auth_result r);
const char *auth_result_words(enum auth_result r);

struct auth_config {
	const char *keytab;  /* file: keys of the account, then of its SPNs */
	const char *account; /* its principal, "svc-casgate@CONTOSO.LOCAL" */
	const char *service; /* ours, "HTTP/mail.contoso.com": passwords are
			      * verified with a ticket for it */
	unsigned thread;     /* number of the thread, for its own caches */
};

struct auth;

/* Reads the keytab; the KDC is not asked. NULL with one sentence in error. */
must_check struct auth *auth_new(const struct auth_config *c, char *error,
				 size_t cap);
void auth_free(struct auth *a); /* NULL is allowed */

/* What every call says beside its result. */
struct auth_answer {
	char principal[AUTH_NAME]; /* the user, as the KDC calls him; "" */
	int code;		   /* of Kerberos or GSSAPI; 0 */
	char why[AUTH_WHY];	   /* its message, printable; "" */
};

/**
 * Is that the user's password? Never believed without a ticket for our own
 * service, which only the KDC that knows our key can make.
 *
 * @param user  "alice@CONTOSO.LOCAL", a UPN, or "alice" of the default realm
 * @return AUTH_OK with the canonical principal, or why not
 */
enum auth_result auth_password(struct auth *a, const char *user,
			       const char *password, struct auth_answer *out);

/**
 * Who sent this token (Negotiate, without its base64)? SPNEGO or raw Kerberos.
 *
 * @param binding  tls-server-end-point of our certificate, or empty; checked
 * only if the client bound its token (RFC 4121 4.1.1.2)
 * @param reply    AUTH_TOKEN bytes; *n of them for the client, perhaps none
 */
enum auth_result auth_accept(struct auth *a, struct bytes token,
			     struct bytes binding, uint8_t *reply, size_t *n,
			     struct auth_answer *out);

enum auth_as {
	AUTH_AS_SERVICE,  /* our own account */
	AUTH_AS_USER,	  /* anybody, by S4U2Self and S4U2Proxy */
	AUTH_AS_PASSWORD, /* the user, with his password */
};

/**
 * A token with which a server believes us.
 *
 * @param who       the user's principal, canonical; NULL as the service
 * @param password  of AUTH_AS_PASSWORD; else NULL
 * @param target    "HTTP/cas10.contoso.local"
 * @param binding   tls-server-end-point of its certificate, or empty
 * @param n         in: room at `token`; out: its bytes
 */
enum auth_result auth_token(struct auth *a, enum auth_as as, const char *who,
			    const char *password, const char *target,
			    struct bytes binding, uint8_t *token, size_t *n,
			    struct auth_answer *out);

/* --- as a job of another thread ---------------------------------------------- */

#define AUTH_PASSWORD 256

enum auth_ask { AUTH_ASK_PASSWORD, AUTH_ASK_TOKEN, AUTH_ASK_FLUSH };

/* The caller's, untouched by him from asking to the answer. */
struct auth_job {
	enum auth_ask ask;
	enum auth_as as;	/* of a token */
	char user[AUTH_NAME];	/* or the principal; "" as the service */
	char password[AUTH_PASSWORD]; /* wiped when it was used */
	char target[AUTH_NAME]; /* "HTTP/host" */
	enum auth_result result;
	bool cached; /* no KDC was asked */
	struct auth_answer answer;
	size_t token_n, token_room;
	uint8_t *token; /* the caller's, for a token */
	usec_t asked, answered; /* by the caller's clock */
	void (*done)(struct auth_job *j, usec_t now);
	void *arg;
};

/* Do it. Of passwords the verdicts are kept: AUTH_KEEP when they were right,
 * AUTH_KEEP_WRONG when they were not, so that a wrong one that is repeated is
 * asked of the domain once. Jobs of one user must come to one struct auth. */
#define AUTH_KEEP SEC(300)
#define AUTH_KEEP_WRONG SEC(60)
/* `silent`: it is known that no KDC answers; what needs one fails at once. */
void auth_run(struct auth *a, struct auth_job *j, usec_t now, bool silent);

/* A key of the keytab. */
struct auth_key {
	char principal[AUTH_NAME], type[64]; /* "aes256-cts-hmac-sha1-96" */
	uint32_t kvno;
	int64_t when; /* it was written, [s] since 1970 */
};

/* All of them; returns how many, 0 when the file cannot be read. */
unsigned auth_keys(struct auth *a, void (*fn)(void *arg,
					      const struct auth_key *key),
		   void *arg);

/* Forget tickets and verdicts of users; the account's own tickets stay. */
void auth_flush(struct auth *a);
