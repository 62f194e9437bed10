/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tls_tickets.c - session ticket keys that all workers use and the control
 * thread replaces, without a lock.
 *
 * A ring of keys and the number of the current generation: a sequence lock
 * whose writer never touches the two keys a reader may use, until it has moved
 * the number on; then the oldest is wiped. A reader that was overtaken reads
 * again. RFC 5077 4 recommends the construction: AES-CBC, then HMAC.
 */
#include "tls/tls_private.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <sys/mman.h>

#define SLOTS 8
#define NAME 16

union key {
	struct {
		uint8_t name[NAME];
		uint8_t aes[32];
		uint8_t hmac[32];
	};
	uint64_t w[10];
};
_Static_assert(sizeof(union key) == 80, "a key is ten whole words");

struct tls_tickets {
	_Atomic uint32_t
		generation; /* the current key's; the one before opens */
	_Atomic uint64_t slot[SLOTS][10];
	EVP_CIPHER *cipher; /* fetched once: fetching takes locks */
};

/* They have a page of their own, which no core dump gets to see. */
#define PAGE 4096
_Static_assert(sizeof(struct tls_tickets) <= PAGE, "tickets fit in a page");

static void put(struct tls_tickets *t, uint32_t generation, const union key *k)
{
	for (unsigned i = 0; i < ARRAY_LEN(k->w); i++)
		atomic_store_explicit(&t->slot[generation % SLOTS][i], k->w[i],
				      memory_order_relaxed);
}

static void copy(const struct tls_tickets *t, uint32_t generation, union key *k)
{
	for (unsigned i = 0; i < ARRAY_LEN(k->w); i++)
		k->w[i] = atomic_load_explicit(&t->slot[generation % SLOTS][i],
					       memory_order_relaxed);
}

/* Both usable keys, as of one generation. */
static void read_keys(const struct tls_tickets *t, union key *current,
		      union key *previous)
{
	uint32_t g;

	do {
		g = atomic_load_explicit(&t->generation, memory_order_acquire);
		copy(t, g, current);
		copy(t, g - 1, previous);
		atomic_thread_fence(memory_order_acquire);
	} while (atomic_load_explicit(&t->generation, memory_order_relaxed) !=
		 g);
}

/* `n` keys become the newest, the last of them the current one. */
static void advance(struct tls_tickets *t, const union key *k, unsigned n)
{
	static const union key wiped;
	uint32_t g = atomic_load_explicit(&t->generation, memory_order_relaxed);

	for (unsigned i = 0; i < n; i++)
		put(t, g + 1 + i, &k[i]);
	atomic_store_explicit(&t->generation, g + n, memory_order_release);
	/* Who sees a wiped word sees the new generation, too. */
	atomic_thread_fence(memory_order_release);
	for (uint32_t old = g + n + 1; old != g + n + SLOTS - 1; old++)
		put(t, old, &wiped);
}

void tls_tickets_rotate(struct tls_tickets *t)
{
	union key k;

	seal_random(&k, sizeof(k));
	advance(t, &k, 1);
	mem_wipe(&k, sizeof(k));
}

static void derive(struct bytes secret, uint64_t epoch, union key *k)
{
	uint8_t salt[8];

	for (unsigned i = 0; i < sizeof(salt); i++)
		salt[i] = (uint8_t)(epoch >> (56 - 8 * i));
	seal_hkdf(secret, (struct bytes){ salt, sizeof(salt) },
		  "casgate session tickets", k, sizeof(*k));
}

void tls_tickets_derive(struct tls_tickets *t, struct bytes secret,
			uint64_t epoch)
{
	union key k[2];

	/* The previous one, too: a member that starts later has no past. */
	derive(secret, epoch - 1, &k[0]);
	derive(secret, epoch, &k[1]);
	advance(t, k, 2);
	mem_wipe(k, sizeof(k));
}

struct tls_tickets *tls_tickets_new(void)
{
	struct tls_tickets *t = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (t == MAP_FAILED)
		return NULL;
	madvise(t, PAGE, MADV_DONTDUMP);
	t->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	if (!t->cipher) {
		munmap(t, PAGE);
		return NULL;
	}
	/* Twice: the previous key must be as unknown as the current one. */
	tls_tickets_rotate(t);
	tls_tickets_rotate(t);
	return t;
}

void tls_tickets_free(struct tls_tickets *t)
{
	if (!t)
		return;
	EVP_CIPHER_free(t->cipher);
	mem_wipe(t, sizeof(*t));
	munmap(t, PAGE);
}

static bool set_mac(EVP_MAC_CTX *mac, union key *k)
{
	char sha256[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k->hmac,
						  sizeof(k->hmac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256,
						 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params);
}

/* 1: go on; 2: open it, and give a new one; 0: not ours; -1: failed. */
int tls_tickets_crypt(struct tls_tickets *t, unsigned char name[16],
		      unsigned char *iv, EVP_CIPHER_CTX *cipher,
		      EVP_MAC_CTX *mac, int seal)
{
	union key current, previous, *k = &current;
	int ret = 1;

	read_keys(t, &current, &previous);
	if (seal) {
		memcpy(name, current.name, NAME);
		seal_random(iv, 16);
	} else if (seal_equal(name, previous.name, NAME)) {
		k = &previous;
		ret = 2;
	} else if (!seal_equal(name, current.name, NAME)) {
		ret = 0;
	}
	if (ret &&
	    (!set_mac(mac, k) ||
	     !EVP_CipherInit_ex(cipher, t->cipher, NULL, k->aes, iv, seal)))
		ret = -1;
	mem_wipe(&current, sizeof(current));
	mem_wipe(&previous, sizeof(previous));
	return ret;
}
