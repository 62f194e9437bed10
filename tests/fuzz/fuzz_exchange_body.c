/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_exchange_body.c - what an Autodiscover body asks for stands in it, word
 * for word: nothing is expanded, nothing of a document type is believed, half a
 * body never asks for another mailbox than all of it, and nothing behind 32 KiB
 * is looked at.
 *
 * Input: a byte that says where the body is cut, the body.
 */
#include "fuzz_http.h"

#include "exchange/exchange.h"

#define LOOKED_AT 32768

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void keys_of(struct bytes body, struct exchange_keys *keys)
{
	struct exchange_request r = { .protocol = EXCHANGE_AUTODISCOVER,
				      .body = body };

	exchange_keys(&r, keys);
}

static bool has(struct bytes b, const char *text)
{
	return b.n && memmem(b.p, b.n, text, strlen(text));
}

/* No comment, no quotes and no tag to hide it in: one it is. */
static bool has_document_type(struct bytes body)
{
	bool in_tag = false;

	if (has(body, "<!--") || has(body, "'") || has(body, "\""))
		return false;
	for (size_t i = 0; i + 1 < body.n; i++) {
		if (body.p[i] == '<' && body.p[i + 1] == '!' && !in_tag)
			return true;
		in_tag = body.p[i] == '<' || (in_tag && body.p[i] != '>');
	}
	return false;
}

static void check(const struct exchange_keys *keys, struct bytes body)
{
	static const struct bytes dn = BYTES_LIT("/o=");

	MUST(keys->n <= 2);
	for (unsigned i = 0; i < keys->n; i++) {
		struct bytes text = BYTES(keys->key[i].text);
		size_t at = bytes_find(text, '@');

		MUST(keys->key[i].kind == EXCHANGE_KEY_BODY_ADDRESS);
		MUST(has(bytes_upto(body, LOOKED_AT), keys->key[i].text));
		MUST(bytes_find(text, '&') == text.n &&
		     bytes_find(text, '<') == text.n);
		MUST(bytes_istarts(text, dn) ||
		     (at && at + 1 < text.n &&
		      bytes_find(text, '/') == text.n &&
		      bytes_find(bytes_from(text, at + 1), '@') ==
			      text.n - at - 1));
	}
	if (has_document_type(bytes_upto(body, LOOKED_AT)))
		MUST(!keys->n);
}

static bool among(const struct exchange_key *k, const struct exchange_keys *all)
{
	for (unsigned i = 0; i < all->n; i++)
		if (!strcmp(k->text, all->key[i].text))
			return true;
	return false;
}

/* The same with another address behind what is looked at. */
static void beyond(struct bytes body, const struct exchange_keys *keys)
{
	static const char more[] = "<Mailbox>other@contoso.com</Mailbox>";
	static uint8_t room[LOOKED_AT + sizeof(more)];
	struct exchange_keys again;

	if (body.n > LOOKED_AT)
		return;
	memset(room, ' ', LOOKED_AT);
	memcpy(room, body.p, body.n);
	memcpy(room + LOOKED_AT, more, sizeof(more));
	keys_of((struct bytes){ room, sizeof(room) }, &again);
	MUST(again.n == keys->n);
	for (unsigned i = 0; i < keys->n; i++)
		MUST(among(&keys->key[i], &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exchange_keys keys, half;
	struct bytes body;

	if (size < 2)
		return 0;
	body = (struct bytes){ data + 1, size - 1 };
	keys_of(body, &keys);
	check(&keys, body);
	keys_of(bytes_upto(body, body.n * data[0] / 256), &half);
	for (unsigned i = 0; keys.n && i < half.n; i++)
		MUST(among(&half.key[i], &keys));
	if (data[0] == 0)
		beyond(body, &keys);
	return 0;
}
