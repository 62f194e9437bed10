/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mailbox.c - one mailbox in one allocation: what a source told of it, packed,
 * and a node for each name it can be found by.
 */
#include "route/table.h"

#include <errno.h>
#include <stdlib.h>

#define GUID_BYTES 16
#define SAM_MAX 127
#define DISPLAY_MAX 127
#define KEY_MAX 255

/* Every string of a description has to fit behind 16-bit offsets. */
_Static_assert(sizeof(struct mailbox) +
			       (ROUTE_ALIASES + 8) * sizeof(struct key_node) +
			       (ROUTE_ALIASES + 4) * (KEY_MAX + 1) +
			       DISPLAY_MAX + 2 * GUID_BYTES + 2 <
		       UINT16_MAX,
	       "a mailbox outgrows its offsets");
_Static_assert(sizeof(struct key_node) == 24, "memory of every key");

static struct bytes text(const char *s)
{
	return bytes_trim(BYTES(s ? s : "")); /* never NULL: copied from */
}

static bool is_text(struct bytes a, size_t limit)
{
	for (size_t i = 0; i < a.n; i++)
		if (a.p[i] < 0x20 || a.p[i] == 0x7f)
			return false;
	return a.n <= limit;
}

bool is_plain_address(struct bytes a)
{
	size_t at = bytes_find(a, '@');

	return is_text(a, KEY_MAX) && at > 0 && at + 1 < a.n &&
	       bytes_find(a, ':') == a.n && bytes_find(a, ' ') == a.n;
}

/* "DOMAIN\name" or "name". */
static bool is_sam(struct bytes a)
{
	size_t slash = bytes_find(a, '\\');

	if (!is_text(a, SAM_MAX) || bytes_find(a, '@') < a.n ||
	    (a.n && a.p[0] == '/'))
		return false;
	return slash == a.n ||
	       (slash > 0 && slash + 1 < a.n &&
		bytes_find(bytes_from(a, slash + 1), '\\') == a.n - slash - 1);
}

/* All zeros is how Get-Mailbox writes "none": no GUID then. */
static bool is_guid(const char *s, uint8_t out[GUID_BYTES], bool *there)
{
	static const uint8_t zero[GUID_BYTES];

	*there = false;
	if (!s || !s[0])
		return true;
	if (!exchange_guid_parse(BYTES(s), out))
		return false;
	*there = memcmp(out, zero, GUID_BYTES) != 0;
	return true;
}

/* A description, checked. */
struct checked {
	struct bytes display, smtp, upn, sam, legacy_dn;
	uint8_t guid[GUID_BYTES], archive_guid[GUID_BYTES];
	bool has_guid, has_archive;
	unsigned n_aliases;
	struct bytes aliases[ROUTE_ALIASES];
};

static const char *check(const struct route_mailbox *m, struct checked *c)
{
	struct bytes server = text(m->server);

	if (!server.n || !is_text(server, EXCHANGE_NAME - 1))
		return server.n ? "has a server name that is too long"
				: "has no home server";
	if (!is_text(text(m->database), ROUTE_DATABASE))
		return "has a database name that is too long";
	c->display = text(m->display);
	c->smtp = text(m->smtp);
	c->upn = text(m->upn);
	c->sam = text(m->sam);
	c->legacy_dn = text(m->legacy_dn);
	if (c->smtp.n && !is_plain_address(c->smtp))
		return "has a primary address that is none";
	if (c->upn.n && !is_plain_address(c->upn))
		return "has a UserPrincipalName that is none";
	if (!is_sam(c->sam))
		return "has a SamAccountName that is none";
	if (c->legacy_dn.n &&
	    (c->legacy_dn.p[0] != '/' || !is_text(c->legacy_dn, KEY_MAX)))
		return "has a legacyExchangeDN that does not begin with / or "
		       "is too long";
	if (!is_guid(m->guid, c->guid, &c->has_guid) ||
	    !is_guid(m->archive_guid, c->archive_guid, &c->has_archive))
		return "has a GUID that is none";
	if (m->n_aliases > ROUTE_ALIASES)
		return "has too many addresses";
	for (unsigned i = 0; i < m->n_aliases; i++) {
		struct bytes a = text(m->aliases[i]);

		if (!is_plain_address(a))
			return "has an alias that is no address";
		c->aliases[c->n_aliases++] = a;
	}
	return NULL;
}

/* --- packing --- */

static uint16_t put(struct mailbox *m, const void *p, size_t n)
{
	uint16_t at = m->size;

	memcpy((uint8_t *)m + at, p, n);
	m->size = (uint16_t)(at + n);
	return at;
}

/* A string and its NUL; 0 for an empty one. */
static uint16_t put_text(struct mailbox *m, struct bytes a)
{
	uint16_t at;

	if (!a.n)
		return 0;
	at = put(m, a.p, a.n);
	put(m, "", 1);
	return at;
}

static void add_key(struct mailbox *m, enum key_class class, size_t at,
		    size_t len)
{
	struct bytes text = { (const uint8_t *)m + at, len };

	if (!at || !len)
		return;
	for (unsigned i = 0; i < m->n_keys; i++) {
		struct key k = key_of(m, i);

		if (k.class == class &&
		    (class == KEY_GUID ? bytes_eq(k.text, text)
				       : bytes_ieq(k.text, text)))
			return; /* UPN and address are often one */
	}
	m->key[m->n_keys] = (struct key_node){ .at = (uint16_t)at,
					       .len = (uint16_t)len,
					       .class = class,
					       .index = m->n_keys };
	m->n_keys++;
}

static void add_keys(struct mailbox *m, const struct checked *c)
{
	size_t slash = bytes_find(c->sam, '\\');
	size_t bare = slash < c->sam.n ? slash + 1 : 0;
	uint16_t at = m->aliases;

	/* The strongest first: it makes the id. */
	add_key(m, KEY_GUID, m->guid, GUID_BYTES);
	add_key(m, KEY_TEXT, m->smtp, c->smtp.n);
	add_key(m, KEY_TEXT, m->upn, c->upn.n);
	m->sam_has_domain = bare;
	if (bare)
		add_key(m, KEY_TEXT, m->sam, c->sam.n);
	add_key(m, KEY_TEXT, m->legacy_dn, c->legacy_dn.n);
	for (unsigned i = 0; i < c->n_aliases; i++) {
		add_key(m, KEY_TEXT, at, c->aliases[i].n);
		at = (uint16_t)(at + c->aliases[i].n + 1);
	}
	add_key(m, KEY_GUID, m->archive_guid, GUID_BYTES);
	if (m->sam)
		add_key(m, KEY_BARE, m->sam + bare, c->sam.n - bare);
}

/* Never half a character. */
static struct bytes cut(struct bytes a, size_t limit)
{
	size_t n = min(a.n, limit);

	while (n && n < a.n && (a.p[n] & 0xc0) == 0x80)
		n--;
	return bytes_upto(a, n);
}

static size_t size_of(const struct checked *c)
{
	size_t keys = 7 + c->n_aliases;
	size_t n = sizeof(struct mailbox) + keys * sizeof(struct key_node);

	n += c->display.n + c->smtp.n + c->upn.n + c->sam.n + c->legacy_dn.n +
	     5;
	for (unsigned i = 0; i < c->n_aliases; i++)
		n += c->aliases[i].n + 1;
	return n + 2 * GUID_BYTES;
}

static void pack(struct mailbox *m, const struct checked *c, unsigned n_keys)
{
	*m = (struct mailbox){ 0 };
	m->size = (uint16_t)(sizeof(*m) + n_keys * sizeof(m->key[0]));
	if (c->has_guid)
		m->guid = put(m, c->guid, GUID_BYTES);
	if (c->has_archive)
		m->archive_guid = put(m, c->archive_guid, GUID_BYTES);
	m->display = put_text(m, c->display);
	for (char *d = (char *)m + m->display; m->display && *d; d++)
		if ((uint8_t)*d < 0x20 || *d == 0x7f)
			*d = ' '; /* shown to people, never compared */
	m->smtp = put_text(m, c->smtp);
	m->upn = put_text(m, c->upn);
	m->sam = put_text(m, c->sam);
	m->legacy_dn = put_text(m, c->legacy_dn);
	for (unsigned i = 0; i < c->n_aliases; i++) {
		uint16_t at = put_text(m, c->aliases[i]);

		if (!i)
			m->aliases = at;
	}
	m->n_aliases = (uint8_t)c->n_aliases;
	add_keys(m, c);
}

int mailbox_new(const struct route_mailbox *d, struct mailbox **out,
		const char **why)
{
	struct checked c = { 0 };
	struct mailbox *m, *fit;
	unsigned n_keys;

	*why = check(d, &c);
	if (*why)
		return -EINVAL;
	c.display = cut(c.display, DISPLAY_MAX);
	m = malloc(size_of(&c));
	if (!m)
		return -ENOMEM;
	/* Twice: how many keys are left when equal ones are one is known
	 * behind the first time, and a key is 24 bytes. */
	pack(m, &c, 7 + c.n_aliases);
	n_keys = m->n_keys;
	if (!n_keys || m->key[0].class == KEY_BARE) {
		*why = n_keys ? "has a SamAccountName without its domain and "
				"no other key"
			      : "has no key: no address, no user name, no GUID";
		free(m);
		return -EINVAL;
	}
	pack(m, &c, n_keys);
	fit = realloc(m, m->size);
	*out = fit ? fit : m;
	return 0;
}

/* --- reading back --- */

static void get_text(const struct mailbox *m, uint16_t at, char *dst,
		     size_t cap)
{
	snprintf(dst, cap, "%s", at ? (const char *)m + at : "");
}

static void get_guid(const struct mailbox *m, uint16_t at, char dst[40])
{
	const uint8_t *g = (const uint8_t *)m + at;
	char *to = dst;

	*to = '\0';
	for (unsigned i = 0; at && i < GUID_BYTES; i++)
		to += snprintf(to, 4, "%s%02x",
			       i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			       g[i]);
}

void mailbox_info(const struct mailbox *m, struct route_info *out)
{
	const struct place *p = place_of(m);
	const char *alias = (const char *)m + m->aliases;

	*out = (struct route_info){ .n_aliases = m->n_aliases };
	get_text(m, m->display, out->display, sizeof(out->display));
	get_text(m, m->smtp, out->smtp, sizeof(out->smtp));
	get_text(m, m->upn, out->upn, sizeof(out->upn));
	get_text(m, m->sam, out->sam, sizeof(out->sam));
	get_text(m, m->legacy_dn, out->legacy_dn, sizeof(out->legacy_dn));
	get_guid(m, m->guid, out->guid);
	get_guid(m, m->archive_guid, out->archive_guid);
	snprintf(out->server, sizeof(out->server), "%s", p->server);
	snprintf(out->database, sizeof(out->database), "%s", p->database);
	for (unsigned i = 0; i < m->n_aliases; i++) {
		snprintf(out->aliases[i], sizeof(out->aliases[i]), "%s", alias);
		alias += strlen(alias) + 1;
	}
}

bool mailbox_same(const struct mailbox *a, const struct mailbox *b)
{
	size_t text = sizeof(*a) + a->n_keys * sizeof(a->key[0]);

	/* Same keys from same texts in the same order: the texts decide. */
	return a->size == b->size && a->n_keys == b->n_keys &&
	       a->n_aliases == b->n_aliases && a->display == b->display &&
	       a->smtp == b->smtp && a->upn == b->upn && a->sam == b->sam &&
	       a->legacy_dn == b->legacy_dn && a->guid == b->guid &&
	       a->archive_guid == b->archive_guid &&
	       memcmp((const uint8_t *)a + text, (const uint8_t *)b + text,
		      a->size - text) == 0;
}
