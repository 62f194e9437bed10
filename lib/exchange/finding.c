/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * finding.c - what was found out, in words an Exchange administrator knows.
 */
#include "exchange/finding.h"

#include <stdio.h>

static const char *const severities[] = {
#define X(id, word) word,
	EXCHANGE_SEVERITIES(X)
#undef X
};

const char *exchange_severity_word(enum exchange_severity s)
{
	assert((unsigned)s < EXCHANGE_SEVERITY_COUNT);
	return severities[s];
}

#define NEW(noun)                                                              \
	"New-" noun "VirtualDirectory -WebSiteName \"Default Web Site\""

static const struct {
	const char *pool, *component, *make;
} of[EXCHANGE_PROTOCOL_COUNT] = {
	[EXCHANGE_OWA] = { "MSExchangeOWAAppPool", "OwaProxy", NEW("Owa") },
	[EXCHANGE_ECP] = { "MSExchangeECPAppPool", "EcpProxy", NEW("Ecp") },
	[EXCHANGE_EAS] = { "MSExchangeSyncAppPool", "ActiveSyncProxy",
			   NEW("ActiveSync") },
	[EXCHANGE_RPC] = { "DefaultAppPool", "RpcProxy", "" },
	[EXCHANGE_MAPI] = { "MSExchangeMapiFrontEndAppPool", "MapiProxy",
			    NEW("Mapi") },
	[EXCHANGE_EWS] = { "MSExchangeServicesAppPool", "EwsProxy",
			   NEW("WebServices") },
	[EXCHANGE_AUTODISCOVER] = { "MSExchangeAutodiscoverAppPool",
				    "AutoDiscoverProxy", NEW("Autodiscover") },
	[EXCHANGE_OAB] = { "MSExchangeOABAppPool", "OabProxy", NEW("Oab") },
	[EXCHANGE_POP] = { "", "PopProxy", "MSExchangePOP3" },
	[EXCHANGE_IMAP] = { "", "ImapProxy", "MSExchangeIMAP4" },
	[EXCHANGE_POWERSHELL] = { "MSExchangePowerShellAppPool", "RpsProxy",
				  "New-PowerShellVirtualDirectory -Name "
				  "PowerShell" },
};

static void answer_words(const struct exchange_facts *f, char *dst, size_t cap)
{
	if (f->sub)
		snprintf(dst, cap, "%u.%u", f->status, f->sub);
	else
		snprintf(dst, cap, "%u %s", f->status, f->reason);
}

static const char *word_of(const struct words *w, char which, char *dst,
			   size_t cap)
{
	const struct exchange_build *b = w->build;

	switch (which) {
	case 'S':
		return w->s->name;
	case 'F':
		return w->s->fqdn;
	case 'V':
		return exchange_version_name(w->s->version);
	case 'B':
		snprintf(dst, cap, "%u.%u.%u.%u", b->major, b->minor, b->build,
			 b->revision);
		return dst;
	case 'N':
		return w->t->n_own_names ? w->t->own_name[0] : "mail";
	case 'D':
		return exchange_protocol_vdir(w->p);
	case 'W':
		return w->f->why;
	case 'A':
		answer_words(w->f, dst, cap);
		return dst;
	case 'P':
		return of[w->p].pool;
	case 'C':
		return of[w->p].component;
	case 'T':
		return of[w->p].make;
	default:
		assert(!"a word that is not in the list");
		return "";
	}
}

static void fill_in(const struct words *w, const char *from, char *dst,
		    size_t cap)
{
	char word[128];
	size_t n = 0;

	dst[0] = '\0';
	for (; *from && n + 1 < cap; from++) {
		if (from[0] == '{' && from[1] && from[2] == '}') {
			n += (size_t)snprintf(
				dst + n, cap - n, "%s",
				word_of(w, from[1], word, sizeof(word)));
			from += 2;
			continue;
		}
		dst[n++] = *from;
		dst[n] = '\0';
	}
}

void finding(struct exchange_finding *out, const struct words *w,
	     const char *code, enum exchange_severity severity,
	     const char *text, const char *cmdlet)
{
	*out = (struct exchange_finding){ .severity = severity, .code = code };
	out->local = strstr(text, "(run this on");
	fill_in(w, text, out->text, sizeof(out->text));
	fill_in(w, cmdlet, out->cmdlet, sizeof(out->cmdlet));
}
