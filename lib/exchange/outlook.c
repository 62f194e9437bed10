/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * outlook.c - Get-OutlookAnywhere's settings, and the traps between them:
 * what Outlook is told, what IIS accepts, and what a front end needs.
 *
 * Sources: the documentation of Set-OutlookAnywhere and Enable-OutlookAnywhere.
 */
#include "exchange/finding.h"

#include <stddef.h>
#include <stdio.h>

#define BASIC ON(EXCHANGE_BASIC)

enum kind { METHOD, METHODS, BOOLEAN, HOST, BINDING };

static const struct {
	const char *name;
	enum kind kind;
	uint16_t at;
	unsigned versions; /* that have it */
} settings[EXCHANGE_OUTLOOK_SETTINGS] = {
#define AT(f) offsetof(struct exchange_outlook, f)
	{ "ExternalHostname", HOST, AT(external_hostname), ANY },
	{ "InternalHostname", HOST, AT(internal_hostname), MODERN },
	{ "ClientAuthenticationMethod", METHOD, AT(client), OLD },
	{ "ExternalClientAuthenticationMethod", METHOD, AT(external), MODERN },
	{ "InternalClientAuthenticationMethod", METHOD, AT(internal), MODERN },
	{ "IISAuthenticationMethods", METHODS, AT(iis), ANY },
	{ "ExternalClientsRequireSsl", BOOLEAN, AT(external_ssl), MODERN },
	{ "InternalClientsRequireSsl", BOOLEAN, AT(internal_ssl), MODERN },
	{ "SSLOffloading", BOOLEAN, AT(ssl_offloading), ANY },
	{ "ExtendedProtectionTokenChecking", BINDING, AT(binding), ANY },
#undef AT
};

static const char *const methods[] = { [EXCHANGE_BASIC] = "Basic",
				       [EXCHANGE_NTLM] = "Ntlm",
				       [EXCHANGE_NEGOTIATE] = "Negotiate" };
static const char *const booleans[] = { "", "False", "True" };
static const char *const bindings[] = { "", "None", "Allow", "Require" };

/* --- one setting --------------------------------------------------------- */

static const uint8_t *byte_at(unsigned i, const struct exchange_outlook *o)
{
	return (const uint8_t *)o + settings[i].at;
}

static uint8_t *byte_of(unsigned i, struct exchange_outlook *o)
{
	return (uint8_t *)o + settings[i].at;
}

const char *exchange_outlook_name(unsigned i)
{
	assert(i < EXCHANGE_OUTLOOK_SETTINGS);
	return settings[i].name;
}

bool exchange_outlook_has(unsigned i, enum exchange_version v)
{
	assert(i < EXCHANGE_OUTLOOK_SETTINGS);
	return settings[i].versions & ON(v);
}

char *exchange_methods_text(uint8_t set, char *dst, size_t cap)
{
	size_t n = 0;

	dst[0] = '\0';
	for (unsigned m = 0; m < ARRAY_LEN(methods) && n < cap; m++)
		if (set & ON(m))
			n += (size_t)snprintf(dst + n, cap - n, "%s%s",
					      n ? "," : "", methods[m]);
	return dst;
}

char *exchange_outlook_text(unsigned i, const struct exchange_outlook *o,
			    char *dst, size_t cap)
{
	assert(i < EXCHANGE_OUTLOOK_SETTINGS);
	switch (settings[i].kind) {
	case METHOD:
	case METHODS:
		return exchange_methods_text(*byte_at(i, o), dst, cap);
	case BOOLEAN:
		snprintf(dst, cap, "%s", booleans[*byte_at(i, o)]);
		break;
	case BINDING:
		snprintf(dst, cap, "%s", bindings[*byte_at(i, o)]);
		break;
	case HOST:
		snprintf(dst, cap, "%s", (const char *)byte_at(i, o));
		break;
	}
	return dst;
}

bool exchange_methods_parse(struct bytes text, uint8_t *out)
{
	uint8_t set = 0;

	while (text.n) {
		struct bytes word = bytes_trim(bytes_cut(&text, ','));
		unsigned m = 0;

		while (m < ARRAY_LEN(methods) &&
		       !bytes_ieq(word, BYTES(methods[m])))
			m++;
		if (m == ARRAY_LEN(methods))
			return false;
		set |= (uint8_t)ON(m);
	}
	*out = set;
	return set;
}

static bool parse_word(const char *const *words, unsigned n, struct bytes text,
		       uint8_t *out)
{
	for (unsigned i = 1; i < n; i++) {
		if (!bytes_ieq(text, BYTES(words[i])))
			continue;
		*out = (uint8_t)i;
		return true;
	}
	return false;
}

/* A host name of letters, digits and '-' (RFC 1123 2.1), with a dot. */
static bool parse_host(struct bytes text, char *dst)
{
	bool dot = false;

	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = ascii_lower(text.p[i]);

		if (!(c >= 'a' && c <= 'z') && !ascii_is_digit(c) && c != '-' &&
		    c != '.')
			return false;
		dot |= c == '.';
	}
	return dot && bytes_str(text, dst, EXCHANGE_HOST);
}

static bool parse_one(unsigned i, struct bytes text, struct exchange_outlook *o)
{
	uint8_t *at = byte_of(i, o);

	switch (settings[i].kind) {
	case METHOD:
		return exchange_methods_parse(text, at) && !(*at & (*at - 1));
	case METHODS:
		return exchange_methods_parse(text, at);
	case BOOLEAN:
		if (text.n && text.p[0] == '$')
			text = bytes_from(text, 1);
		return parse_word(booleans, ARRAY_LEN(booleans), text, at);
	case BINDING:
		return parse_word(bindings, ARRAY_LEN(bindings), text, at);
	case HOST:
		return parse_host(text, (char *)at);
	}
	return false;
}

bool exchange_outlook_parse(unsigned i, struct bytes text,
			    struct exchange_outlook *o, char *why, size_t cap)
{
	static const char *const wanted[] = {
		[METHOD] = "one of Basic, Ntlm, Negotiate",
		[METHODS] = "a list of Basic, Ntlm, Negotiate",
		[BOOLEAN] = "True or False",
		[HOST] = "a host name, such as mail.contoso.com",
		[BINDING] = "one of None, Allow, Require",
	};
	struct exchange_outlook parsed = *o;

	assert(i < EXCHANGE_OUTLOOK_SETTINGS);
	if (!parse_one(i, bytes_trim(text), &parsed)) {
		snprintf(why, cap, "%s must be %s", settings[i].name,
			 wanted[settings[i].kind]);
		return false;
	}
	*o = parsed;
	return true;
}

void exchange_outlook_default(enum exchange_version v, uint8_t method,
			      struct exchange_outlook *o)
{
	o->iis = method;
	if (exchange_is_modern(v))
		o->external = o->internal = method;
	else
		o->client = method;
}

void exchange_outlook_merge(struct exchange_outlook *o,
			    const struct exchange_outlook *over)
{
	for (unsigned i = 0; i < EXCHANGE_OUTLOOK_SETTINGS; i++) {
		size_t n = settings[i].kind == HOST ? EXCHANGE_HOST : 1;

		if (*byte_at(i, over))
			memcpy(byte_of(i, o), byte_at(i, over), n);
	}
}

/* --- traps --------------------------------------------------------------- */

typedef bool fits(const struct exchange_topology *t,
		  const struct exchange_outlook *o);

/* What Outlook is told, from inside or outside. */
static uint8_t told(const struct exchange_outlook *o)
{
	return o->client | o->external | o->internal;
}

static bool has_old(const struct exchange_topology *t,
		    const struct exchange_outlook *o)
{
	return o->client;
}

static bool has_new(const struct exchange_topology *t,
		    const struct exchange_outlook *o)
{
	return o->external || o->internal || o->external_ssl ||
	       o->internal_ssl || o->internal_hostname[0];
}

static bool not_one(const struct exchange_topology *t,
		    const struct exchange_outlook *o)
{
	return o->iis && o->iis != o->client;
}

static bool locked_out(const struct exchange_topology *t,
		       const struct exchange_outlook *o)
{
	return o->iis && told(o) & ~o->iis;
}

static bool no_kerberos(const struct exchange_topology *t,
			const struct exchange_outlook *o)
{
	return o->iis && !(o->iis & WINDOWS);
}

static bool too_early(const struct exchange_topology *t,
		      const struct exchange_outlook *o)
{
	unsigned versions = 0;

	for (unsigned i = 0; i < t->n_servers; i++)
		versions |= ON(t->server[i].version);
	return versions & OLD && told(o) & ON(EXCHANGE_NEGOTIATE);
}

static bool offloads(const struct exchange_topology *t,
		     const struct exchange_outlook *o)
{
	return o->ssl_offloading == EXCHANGE_TRUE &&
	       o->binding >= EXCHANGE_BINDING_ALLOW;
}

static bool foreign(const struct exchange_topology *t,
		    const struct exchange_outlook *o)
{
	return o->external_hostname[0] &&
	       !exchange_is_own_name(t, BYTES(o->external_hostname));
}

static bool in_clear(const struct exchange_topology *t,
		     const struct exchange_outlook *o)
{
	return (o->external == BASIC && o->external_ssl == EXCHANGE_FALSE) ||
	       (o->internal == BASIC && o->internal_ssl == EXCHANGE_FALSE);
}

static bool not_offered(const struct exchange_topology *t,
			const struct exchange_outlook *o)
{
	uint8_t offers = t->policy.offers[EXCHANGE_RPC];

	return offers && told(o) & ~offers;
}

static bool no_common(const struct exchange_topology *t,
		      const struct exchange_outlook *o)
{
	uint8_t offers = t->policy.offers[EXCHANGE_RPC];

	return offers && o->iis && !(offers & o->iis);
}

static const struct {
	const char *code;
	enum exchange_severity severity;
	unsigned versions;
	fits *fits;
	const char *text, *cmdlet;
} traps[] = {
	{ "wrong-version", EXCHANGE_ERROR, MODERN, has_old,
	  "ClientAuthenticationMethod exists on Exchange 2007 and 2010 only; "
	  "{S} ({V}) has ExternalClientAuthenticationMethod and "
	  "InternalClientAuthenticationMethod",
	  "" },
	{ "wrong-version", EXCHANGE_ERROR, OLD, has_new,
	  "settings of external and internal clients begin with Exchange 2013; "
	  "{S} ({V}) has ClientAuthenticationMethod and ExternalHostname",
	  "" },
	{ "one-method", EXCHANGE_ERROR, ON(EXCHANGE_2007), not_one,
	  "Exchange 2007 knows one method for IIS and Outlook together: "
	  "{S} takes DefaultAuthenticationMethod only",
	  "" },
	{ "client-locked-out", EXCHANGE_WARNING, ANY, locked_out,
	  "Autodiscover tells Outlook a method that IIS of {S} does not take: "
	  "Outlook would ask for the password for ever",
	  "" },
	{ "kerberos-locked-out", EXCHANGE_WARNING, ON(EXCHANGE_2010),
	  no_kerberos,
	  "IIS of {S} takes Basic only, so a front end's Kerberos is refused; "
	  "Outlook keeps Basic when IIS takes Windows authentication too",
	  SET_WINDOWS_2010 },
	{ "kerberos-locked-out", EXCHANGE_WARNING, ON(EXCHANGE_2007),
	  no_kerberos,
	  "IIS of {S} takes Basic only, so a front end's Kerberos is refused; "
	  "2007 knows one method for IIS and Outlook together",
	  SET_WINDOWS_2007 },
	{ "negotiate-too-early", EXCHANGE_WARNING, MODERN, too_early,
	  "Outlook is told Negotiate by {S}, which is for organisations whose "
	  "servers are all Exchange 2013 or later",
	  "" },
	{ "offloaded-binding", EXCHANGE_WARNING, ANY, offloads,
	  "SSLOffloading and ExtendedProtectionTokenChecking exclude each "
	  "other: the channel that {S} would bind to ends elsewhere",
	  "" },
	{ "foreign-host", EXCHANGE_WARNING, ANY, foreign,
	  "the ExternalHostname of {S} is no name of this appliance: Outlook "
	  "would go past it",
	  "" },
	{ "basic-in-clear", EXCHANGE_WARNING, MODERN, in_clear,
	  "Outlook may send passwords to {S} without TLS: Basic needs "
	  "ExternalClientsRequireSsl and InternalClientsRequireSsl",
	  "" },
	{ "not-offered", EXCHANGE_WARNING, ANY, not_offered,
	  "Autodiscover of {S} tells Outlook a method that this appliance does "
	  "not offer on /rpc",
	  "" },
	{ "nothing-in-common", EXCHANGE_WARNING, ANY, no_common,
	  "IIS of {S} takes none of the methods that this appliance offers on "
	  "/rpc",
	  "" },
};

unsigned exchange_judge_outlook(const struct exchange_topology *t,
				const struct exchange_server *s,
				struct exchange_finding out[EXCHANGE_FINDINGS])
{
	const struct words w = { .t = t, .s = s, .build = &s->build };
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_LEN(traps); i++)
		if (traps[i].versions & ON(s->version) &&
		    traps[i].fits(t, &s->outlook) && n < EXCHANGE_FINDINGS)
			finding(&out[n++], &w, traps[i].code, traps[i].severity,
				traps[i].text, traps[i].cmdlet);
	return n;
}

/* --- the cmdlet ---------------------------------------------------------- */

char *exchange_outlook_cmdlet(const struct exchange_server *s,
			      const struct exchange_outlook *o, bool enable,
			      char *dst, size_t cap)
{
	char text[EXCHANGE_HOST];
	int n;

	/* 2007 takes the two as one. */
	bool one = s->version == EXCHANGE_2007 && o->iis && o->iis == o->client;

	n = snprintf(dst, cap,
		     enable ? "Enable-OutlookAnywhere -Server %s"
			    : "Set-OutlookAnywhere -Identity \"%s\\Rpc "
			      "(Default Web Site)\"",
		     s->name);
	for (unsigned i = 0; i < EXCHANGE_OUTLOOK_SETTINGS; i++) {
		bool method = byte_at(i, o) == &o->client;
		const char *name = settings[i].name;

		exchange_outlook_text(i, o, text, sizeof(text));
		if (!text[0] || (size_t)n >= cap ||
		    (one && byte_at(i, o) == &o->iis))
			continue;
		if (one && method)
			name = "DefaultAuthenticationMethod";
		n += snprintf(dst + n, cap - (size_t)n, " -%s %s%s", name,
			      settings[i].kind == BOOLEAN ? "$" : "", text);
	}
	return dst;
}
