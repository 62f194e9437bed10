/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * keys.c - what of a request names the mailbox, strongest first.
 *
 * A key chooses a server and nothing else: whoever the request was
 * authenticated as stays who it is. So a doubtful key is left out, never
 * refused.
 */
#include "exchange/text.h"

#include <stdio.h>

static const char *const words[] = {
#define X(id, word) [id] = word,
	EXCHANGE_KEYS(X)
#undef X
};

const char *exchange_key_word(enum exchange_key_kind k)
{
	assert((unsigned)k < EXCHANGE_KEY_KIND_COUNT);
	return words[k];
}

void keys_add(struct exchange_keys *k, enum exchange_key_kind kind,
	      struct bytes text)
{
	if (!text.n || k->n == EXCHANGE_KEYS_MAX)
		return;
	for (unsigned i = 0; i < k->n; i++)
		if (k->key[i].kind != EXCHANGE_KEY_TARGET_SERVER &&
		    bytes_ieq(text, BYTES(k->key[i].text)))
			return;
	if (!bytes_str(text, k->key[k->n].text, EXCHANGE_KEY))
		return;
	k->key[k->n++].kind = kind;
}

/* A GUID goes by `guid_kind`, an address by `address_kind`, others not at all.
 */
static bool add_mailbox(struct exchange_keys *k, struct bytes text,
			enum exchange_key_kind guid_kind,
			enum exchange_key_kind address_kind)
{
	struct bytes guid;

	if (text_is_guid(text, &guid))
		keys_add(k, guid_kind, guid);
	else if (text_is_address(text))
		keys_add(k, address_kind, text);
	else
		return false;
	return true;
}

/* --- Outlook Anywhere: what stands behind "rpcproxy.dll?" --- */

static bool is_loopback(struct bytes host)
{
	static const struct bytes name = BYTES_LIT("localhost");
	static const struct bytes v4 = BYTES_LIT("127.");
	static const struct bytes v6 = BYTES_LIT("[::1]");

	return bytes_ieq(host, name) || bytes_istarts(host, v4) ||
	       bytes_ieq(host, v6);
}

static bool is_host(struct bytes host)
{
	for (size_t i = 0; i < host.n; i++) {
		uint8_t c = ascii_lower(host.p[i]);

		if (!ascii_is_digit(c) && !(c >= 'a' && c <= 'z') && c != '.' &&
		    c != '-' && c != '_')
			return false;
	}
	return host.n;
}

/* MS-RPCH 2.2.2: "server:port"; Exchange 2013 made it "GUID@domain:port". */
static void add_target(struct exchange_keys *k, struct bytes query)
{
	char text[EXCHANGE_KEY];
	struct bytes host, guid;
	const uint8_t *colon;
	uint64_t port;

	if (!text_unescape(query, text, sizeof(text)) || !text[0])
		return;
	host = BYTES(text);
	colon = memrchr(host.p, ':', host.n);
	if (colon && host.p[host.n - 1] != ']') {
		size_t at = (size_t)(colon - host.p);

		if (!bytes_u64(bytes_from(host, at + 1), UINT16_MAX, &port))
			return;
		host = bytes_upto(host, at);
	}
	if (text_is_guid(host, &guid))
		keys_add(k, EXCHANGE_KEY_MAILBOX_GUID, guid);
	else if (is_host(host) && !is_loopback(host))
		keys_add(k, EXCHANGE_KEY_TARGET_SERVER, host);
}

/* --- the others --- */

static void add_query(struct exchange_keys *k, struct bytes query,
		      const char *name, enum exchange_key_kind guid_kind,
		      enum exchange_key_kind address_kind)
{
	char text[EXCHANGE_KEY];

	if (text_query(query, name, text, sizeof(text)))
		add_mailbox(k, BYTES(text), guid_kind, address_kind);
}

/* "/owa/user@domain/...", "/owa/GUID@domain/..." (client extensions),
 * "/owa/calendar/user@domain/..." (published calendars). */
static void add_explicit_logon(struct exchange_keys *k, struct bytes path)
{
	static const struct bytes calendar = BYTES_LIT("calendar");
	struct bytes who = text_segment(path, 1);

	if (bytes_ieq(who, calendar))
		who = text_segment(path, 2);
	if (bytes_find(who, '@') < who.n)
		add_mailbox(k, who, EXCHANGE_KEY_MAILBOX_GUID,
			    EXCHANGE_KEY_EXPLICIT_LOGON);
}

/* V2: "/autodiscover/autodiscover.json/v1.0/user@domain" or "?Email=". */
static void add_json(struct exchange_keys *k, const struct exchange_request *r)
{
	static const struct bytes json = BYTES_LIT("autodiscover.json");

	if (!bytes_ieq(text_segment(r->path, 1), json))
		return;
	add_mailbox(k, text_segment(r->path, 3), EXCHANGE_KEY_MAILBOX_GUID,
		    EXCHANGE_KEY_EXPLICIT_LOGON);
	add_query(k, r->query, "Email", EXCHANGE_KEY_MAILBOX_GUID,
		  EXCHANGE_KEY_QUERY_USER);
}

/* SID: and OID: name nobody the table knows. */
static void add_header(struct exchange_keys *k, struct bytes value,
		       enum exchange_key_kind kind)
{
	static const struct bytes prefixes[] = { BYTES_LIT("SMTP:"),
						 BYTES_LIT("UPN:") };

	value = bytes_trim(value);
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		if (!bytes_istarts(value, prefixes[i]))
			continue;
		value = bytes_from(value, prefixes[i].n);
		break;
	}
	add_mailbox(k, value, kind, kind);
}

/* "user@domain", "DOMAIN\user", "user"; "\user" is what some clients make of
 * an empty domain. */
static void add_user(struct exchange_keys *k, struct bytes user,
		     enum exchange_key_kind kind)
{
	user = bytes_trim(user);
	if (user.n && user.p[0] == '\\')
		user = bytes_from(user, 1);
	for (size_t i = 0; i < user.n; i++)
		if (user.p[i] < 0x20 || user.p[i] == 0x7f)
			return;
	keys_add(k, kind, user);
}

/* A mail client says in its user name which mailbox it wants to open, if not
 * the user's own: "domain/user/alias", "user@domain/alias"; "domain/user" is
 * DOMAIN\user. */
static void add_login(struct exchange_keys *k, struct bytes user)
{
	struct bytes rest = bytes_trim(user), part[3] = { 0 };
	char name[EXCHANGE_KEY];
	unsigned n = 0;

	for (bool more = true; more && n < ARRAY_LEN(part); n++) {
		size_t at = min(bytes_find(rest, '/'), bytes_find(rest, '\\'));

		part[n] = bytes_upto(rest, at);
		more = at < rest.n;
		rest = bytes_from(rest, at + 1);
	}
	if (rest.n || n == 1)
		add_user(k, user, EXCHANGE_KEY_USER);
	else if (n == 3 || bytes_find(part[0], '@') < part[0].n)
		add_user(k, part[n - 1], EXCHANGE_KEY_USER);
	else if (snprintf(name, sizeof(name), "%.*s\\%.*s", BYTES_FMT(part[0]),
			  BYTES_FMT(part[1])) < (int)sizeof(name))
		add_user(k, BYTES(name), EXCHANGE_KEY_USER);
}

static void add_eas_user(struct exchange_keys *k, struct bytes query)
{
	struct exchange_eas q;

	if (exchange_eas_query(query, &q))
		add_user(k, BYTES(q.user), EXCHANGE_KEY_QUERY_USER);
}

void exchange_keys(const struct exchange_request *r, struct exchange_keys *out)
{
	out->n = 0;
	if (exchange_is_mail(r->protocol)) {
		add_login(out, r->user);
		return;
	}
	if (r->form)
		add_user(out, BYTES(r->form->user), EXCHANGE_KEY_FORM_USER);
	if (r->protocol == EXCHANGE_RPC)
		add_target(out, r->query);
	if (r->protocol == EXCHANGE_MAPI)
		add_query(out, r->query, "MailboxId", EXCHANGE_KEY_MAILBOX_GUID,
			  EXCHANGE_KEY_QUERY_USER);
	if (r->protocol == EXCHANGE_OWA || r->protocol == EXCHANGE_ECP)
		add_explicit_logon(out, r->path);
	/* A device speaks for its own user only. */
	if (r->protocol != EXCHANGE_EAS) {
		add_header(out, r->anchor, EXCHANGE_KEY_ANCHOR);
		add_header(out, r->public_folder, EXCHANGE_KEY_PUBLIC_FOLDER);
	}
	if (r->protocol == EXCHANGE_AUTODISCOVER) {
		body_keys(r->body, out);
		add_json(out, r);
	}
	add_user(out, r->user, EXCHANGE_KEY_USER);
	if (r->protocol == EXCHANGE_EAS)
		add_eas_user(out, r->query);
	add_user(out, r->remembered, EXCHANGE_KEY_REMEMBERED);
}
