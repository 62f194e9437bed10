/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * run.c - a job, and the verdicts on passwords that need not be asked again.
 *
 * A verdict's place is one of WAYS by its hash; the one that ends first makes
 * room. So 1,000 repetitions of a wrong password are one failure to the domain.
 */
#include "auth/private.h"

#include <string.h>

#define WAYS 4

static void key_of(const struct auth *a, const struct auth_job *j,
		   uint64_t key[2])
{
	struct hash_key one = a->secret, two = { ~one.k1, ~one.k0 };

	/* The user's hash is the key of the password's: no separator that
	 * either could hold. */
	one.k0 ^= siphash13_folded(&a->secret, BYTES(j->user));
	two.k1 ^= siphash13_folded(&two, BYTES(j->user));
	key[0] = siphash13(&one, (const uint8_t *)j->password,
			   strlen(j->password)) |
		 1;
	key[1] = siphash13(&two, (const uint8_t *)j->password,
			   strlen(j->password));
}

static struct verdict *set_of(struct auth *a, const uint64_t key[2])
{
	return &a->verdicts[key[1] % (VERDICTS / WAYS) * WAYS];
}

static struct verdict *find(struct auth *a, const uint64_t key[2], usec_t now)
{
	struct verdict *v = set_of(a, key);

	for (unsigned i = 0; i < WAYS; i++)
		if (v[i].key[0] == key[0] && v[i].key[1] == key[1] &&
		    v[i].until > now)
			return &v[i];
	return NULL;
}

static void keep(struct auth *a, const uint64_t key[2],
		 const struct auth_job *j, usec_t now)
{
	struct verdict *v = set_of(a, key), *to = v;
	usec_t life = j->result == AUTH_OK ? AUTH_KEEP : AUTH_KEEP_WRONG;

	/* What the domain did not say of the user is no verdict. */
	if (j->result != AUTH_OK && j->result != AUTH_DENIED &&
	    j->result != AUTH_UNKNOWN && j->result != AUTH_REVOKED &&
	    j->result != AUTH_EXPIRED)
		return;
	for (unsigned i = 1; i < WAYS; i++)
		if (v[i].until < to->until)
			to = &v[i];
	*to = (struct verdict){ .key = { key[0], key[1] },
				.until = now + life,
				.result = j->result };
	memcpy(to->principal, j->answer.principal, sizeof(to->principal));
}

static void password(struct auth *a, struct auth_job *j, usec_t now,
		     bool silent)
{
	const struct verdict *v;
	uint64_t key[2];

	key_of(a, j, key);
	v = find(a, key, now);
	j->cached = v;
	if (v) {
		j->result = v->result;
		j->answer = (struct auth_answer){ 0 };
		memcpy(j->answer.principal, v->principal, sizeof(v->principal));
		return;
	}
	if (silent) {
		j->result = AUTH_NO_KDC;
		return;
	}
	j->result = auth_password(a, j->user, j->password, &j->answer);
	keep(a, key, j, now);
}

void auth_run(struct auth *a, struct auth_job *j, usec_t now, bool silent)
{
	j->cached = false;
	switch (j->ask) {
	case AUTH_ASK_PASSWORD:
		password(a, j, now, silent);
		break;
	case AUTH_ASK_TOKEN:
		j->token_n = j->token_room;
		j->result = auth_token(a, j->as, j->user, j->password,
				       j->target, BYTES_NONE, j->token,
				       &j->token_n, &j->answer);
		if (j->result != AUTH_OK)
			j->token_n = 0;
		break;
	case AUTH_ASK_FLUSH:
		auth_flush(a);
		mem_wipe(a->verdicts, VERDICTS * sizeof(*a->verdicts));
		j->result = AUTH_OK;
		break;
	}
	mem_wipe(j->password, sizeof(j->password));
}
