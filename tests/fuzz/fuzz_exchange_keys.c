/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_exchange_keys.c - a whole request from a stranger: its keys are of the
 * shapes the table compares, its decision is a sentence, and no byte of it
 * chooses the host of a redirect.
 *
 * Input: a letter for the protocol, then lines: method, path, query, user,
 * X-AnchorMailbox, X-PublicFolderMailbox; the rest is the body.
 */
#include <stdlib.h>

#include "base/base.h"
#include "exchange/exchange.h"

#define LEGACY "https://legacy.contoso.com/owa"

#define require(x)                                                             \
	do {                                                                   \
		if (!(x))                                                      \
			abort();                                               \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct exchange_server servers[3];
static struct exchange_topology topology = {
	.n_sites = 1,
	.site = { "HQ" },
	.n_servers = 3,
	.server = servers,
	.n_own_names = 1,
	.own_name = { "mail.contoso.com" },
};

static void build(void)
{
	static const struct {
		const char *name;
		enum exchange_version version;
	} rows[] = { { "EX07", EXCHANGE_2007 },
		     { "EX10", EXCHANGE_2010 },
		     { "EX16", EXCHANGE_2016 } };

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct exchange_server *s = &servers[i];

		strcpy(s->name, rows[i].name);
		s->version = rows[i].version;
		s->weight = 100;
		for (int p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++)
			s->vdir[p].present = true;
		strcpy(s->vdir[EXCHANGE_OWA].external_url, LEGACY);
	}
}

static void check_printable(const char *text)
{
	struct bytes rest = BYTES(text);

	for (size_t n; rest.n; rest = bytes_from(rest, n)) {
		n = bytes_utf8(rest);
		require(n && rest.p[0] >= 0x20 && rest.p[0] != 0x7f);
	}
}

static bool is_address(struct bytes a)
{
	size_t at = bytes_find(a, '@');

	if (!at || at == a.n ||
	    bytes_find(bytes_from(a, at + 1), '@') < a.n - at - 1)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (a.p[i] <= ' ' || a.p[i] >= 0x7f ||
		    strchr("/\\%?#\"<>,;", a.p[i]))
			return false;
	return true;
}

static void check_key(const struct exchange_request *r,
		      const struct exchange_key *k)
{
	struct bytes text = BYTES(k->text);
	uint8_t guid[16];
	bool is_guid = exchange_guid_parse(text, guid);

	require(memchr(k->text, 0, sizeof(k->text)) && text.n);
	for (size_t i = 0; i < text.n; i++)
		require(text.p[i] >= 0x20 && text.p[i] != 0x7f);
	switch (k->kind) {
	case EXCHANGE_KEY_MAILBOX_GUID:
		require(is_guid);
		return;
	case EXCHANGE_KEY_TARGET_SERVER:
		require(r->protocol == EXCHANGE_RPC);
		require(bytes_find(text, '@') == text.n);
		return;
	case EXCHANGE_KEY_ANCHOR:
	case EXCHANGE_KEY_PUBLIC_FOLDER:
		require(r->protocol != EXCHANGE_EAS);
		require(is_guid || is_address(text));
		return;
	case EXCHANGE_KEY_EXPLICIT_LOGON:
		require(is_address(text));
		return;
	case EXCHANGE_KEY_BODY_ADDRESS:
		require(r->protocol == EXCHANGE_AUTODISCOVER);
		require(is_address(text) || text.p[0] == '/');
		return;
	case EXCHANGE_KEY_QUERY_USER:
		require(r->protocol == EXCHANGE_EAS || is_address(text));
		return;
	case EXCHANGE_KEY_USER:
		return;
	case EXCHANGE_KEY_FORM_USER: /* fuzz_exchange_form.c */
	case EXCHANGE_KEY_REMEMBERED:
	case EXCHANGE_KEY_NONE:
	case EXCHANGE_KEY_KIND_COUNT:
		break;
	}
	abort();
}

static void check_url(const char *url)
{
	size_t n = strlen(LEGACY);

	require(strncmp(url, LEGACY, n) == 0);
	require(!url[n] || url[n] == '/');
	for (; *url; url++)
		require(*url > ' ' && *url < 0x7f && !strchr("\"<>\\#", *url));
}

static void check_decision(const struct exchange_request *r,
			   const struct exchange_decision *d, int home)
{
	check_printable(d->reason);
	require(d->reason[0]);
	switch (d->action) {
	case EXCHANGE_PROXY:
		require(d->n && d->n <= EXCHANGE_CANDIDATES);
		for (unsigned i = 0; i < d->n; i++)
			require(exchange_can_serve(&servers[d->candidate[i]],
						   r->protocol, NULL));
		return;
	case EXCHANGE_REDIRECT:
		require(r->protocol == EXCHANGE_OWA && home == 0);
		require(d->status == 302 && !d->n);
		check_url(d->url);
		return;
	case EXCHANGE_ANSWER:
		require(d->status >= 400 && !d->n);
		return;
	}
	abort();
}

static void check_path(struct bytes path)
{
	enum exchange_protocol p;

	if (!exchange_classify(path, &p))
		return;
	require(!exchange_is_mail(p));
	require(bytes_istarts(path, BYTES(exchange_protocol_vdir(p))));
	for (struct bytes rest = path; rest.n;)
		require(!bytes_istarts(bytes_cut(&rest, '/'),
				       BYTES("proxylogon.")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest = { data, size };
	struct exchange_request r = { 0 };
	struct exchange_keys keys, again;
	struct exchange_decision d;

	if (!size)
		return 0;
	if (!servers[0].weight)
		build();
	r.protocol = data[0] < 0xfe ? data[0] % EXCHANGE_POP
				    : EXCHANGE_POP + (data[0] & 1);
	rest = bytes_from(rest, 1);
	r.method = bytes_cut(&rest, '\n');
	r.path = bytes_cut(&rest, '\n');
	r.query = bytes_cut(&rest, '\n');
	r.user = bytes_cut(&rest, '\n');
	r.anchor = bytes_cut(&rest, '\n');
	r.public_folder = bytes_cut(&rest, '\n');
	r.body = rest;

	check_path(r.path);
	exchange_keys(&r, &keys);
	exchange_keys(&r, &again);
	require(keys.n <= EXCHANGE_KEYS_MAX && keys.n == again.n);
	for (unsigned i = 0; i < keys.n; i++) {
		check_key(&r, &keys.key[i]);
		require(strcmp(keys.key[i].text, again.key[i].text) == 0);
	}
	for (int home = -1; home < 3; home++) {
		struct exchange_place place = { .found = home >= 0 };

		if (keys.n)
			place.key = keys.key[0];
		exchange_place_at(&topology,
				  home < 0 ? r.user : BYTES(servers[home].name),
				  &place);
		exchange_decide(&topology, &r, &place, &d);
		check_decision(&r, &d, home);
	}
	return 0;
}
