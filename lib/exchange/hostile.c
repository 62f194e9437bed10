/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostile.c - what an Exchange server believes because it comes from a front
 * end, and what a client must therefore never be able to say.
 *
 * ProxyLogon, ProxyShell, OWASSRF and ProxyToken each were one of these names.
 */
#include "exchange/text.h"

/* IIS gives "-" and "_" of a name the same server variable, so they are one
 * letter here, except in a name that is let through. */
static uint8_t fold(uint8_t c)
{
	return c == '_' ? '-' : ascii_lower(c);
}

static bool starts(struct bytes name, const char *with)
{
	size_t n = strlen(with);

	if (name.n < n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (fold(name.p[i]) != fold((uint8_t)with[i]))
			return false;
	return true;
}

static bool is(struct bytes name, const char *what)
{
	return name.n == strlen(what) && starts(name, what);
}

/* Words that headers and cookies share. */
static bool hostile_name(struct bytes name)
{
	static const struct bytes cookie = BYTES_LIT("X-BackEndCookie");
	static const struct bytes override =
		BYTES_LIT("X-BackEndOverrideCookie");
	static const char *const exact[] = {
		"X-CommonAccessToken", "X-RPS-CAT",
		"X-BEResource",	       "X-BEServer",
		"X-AnonResource",      "X-AnonResource-Backend",
		"X-IsFromCafe",	       "X-SourceCafeServer",
		"X-TargetServer",      "X-TargetDatabase",
		"X-FEServer",	       "X-CalculatedBETarget",
		"msExchProxyUri",      "msExchLogonAccount",
		"msExchLogonMailbox",  "msExchTargetMailbox",
	};

	if (starts(name, "X-BackEnd"))
		return !bytes_ieq(name, cookie) && !bytes_ieq(name, override);
	for (size_t i = 0; i < ARRAY_LEN(exact); i++)
		if (is(name, exact[i]))
			return true;
	return false;
}

bool exchange_hostile_header(struct bytes name, struct bytes value)
{
	static const struct bytes logon = BYTES_LIT("X-OWA-ExplicitLogonUser");

	/* OWA's own script sends it with an address; CVE-2022-41080 with a
	 * path. */
	if (is(name, (const char *)logon.p))
		return !bytes_ieq(name, logon) ||
		       !text_is_address(bytes_trim(value));
	/* What the proxy says of the client itself. */
	return starts(name, "X-Forwarded") || is(name, "Forwarded") ||
	       is(name, "Front-End-Https") || hostile_name(name);
}

bool exchange_hostile_cookie(struct bytes name)
{
	/* CVE-2021-33766: its mere presence switched authentication off. */
	return is(name, "SecurityToken") || is(name, EXCHANGE_LOGON_COOKIE) ||
	       hostile_name(name);
}
