/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * finding.h - a finding's words, and sets of versions; private to lib/exchange.
 */
#pragma once

#include "exchange/text.h"

#define ON(v) (1U << (v))
#define OLD (ON(EXCHANGE_2007) | ON(EXCHANGE_2010))
#define MODERN                                                                 \
	(ON(EXCHANGE_2013) | ON(EXCHANGE_2016) | ON(EXCHANGE_2019) |           \
	 ON(EXCHANGE_SE))
#define ANY (OLD | MODERN)

/* Methods with which a front end's Kerberos gets in: bits of schemes. */
#define WINDOWS (ON(EXCHANGE_NTLM) | ON(EXCHANGE_NEGOTIATE))

/* Cmdlets of findings. */
#define SET "Set-OutlookAnywhere -Identity \"{S}\\Rpc (Default Web Site)\" "
/* Windows authentication on /rpc: Outlook keeps Basic; 2007 knows one method. */
#define SET_WINDOWS_2010                                                       \
	SET "-ClientAuthenticationMethod Basic -IISAuthenticationMethods "     \
	    "Basic,NTLM"
#define SET_WINDOWS_2007 SET "-DefaultAuthenticationMethod NTLM"

struct words {
	const struct exchange_topology *t;
	const struct exchange_server *s;
	const struct exchange_facts *f; /* NULL: no answer is meant */
	enum exchange_protocol p;
	const struct exchange_build *build;
};

/* Words in braces are filled in: {S} name, {F} FQDN, {V} version, {B} build,
 * {N} namespace, {D} directory, {W} why there was no answer, {A} answer, {P}
 * application pool, {C} component, {T} cmdlet that makes the directory, or a
 * mail service's name. */
void finding(struct exchange_finding *out, const struct words *w,
	     const char *code, enum exchange_severity severity,
	     const char *text, const char *cmdlet);
