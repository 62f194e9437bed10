/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * decide.c - the coexistence table: a mailbox's version and site, a protocol,
 * and what becomes of the request.
 *
 * Sources: Microsoft's "Client Connectivity in an Exchange 2013 Coexistence
 * Environment" and the documentation of the virtual directories' cmdlets.
 */
#include "exchange/decide.h"

#include <stdarg.h>
#include <stdio.h>

/* Who serves the mailbox of a version that is not 15.x. */
enum rule {
	BY_SITE, /* a Client Access server of its version in its site */
	BY_15, /* any 15.x front end */
	BY_URL, /* the browser is sent there */
	BY_URL_OR_SITE, /* ... if there is an URL in another site */
	BY_MS_LOCATION, /* the device is sent there, if that is wanted */
	BY_AUTODISCOVER, /* its URL, or a server of its site */
};

/* Microsoft's coexistence table; a 15.x mailbox is always BY_15. */
static const struct {
	enum rule v2007, v2010, online;
} rules[EXCHANGE_PROTOCOL_COUNT] = {
	[EXCHANGE_OWA] = { BY_URL, BY_URL_OR_SITE, BY_URL },
	[EXCHANGE_ECP] = { BY_SITE, BY_URL_OR_SITE, BY_15 },
	[EXCHANGE_EAS] = { BY_MS_LOCATION, BY_MS_LOCATION, BY_15 },
	[EXCHANGE_RPC] = { BY_SITE, BY_SITE, BY_15 },
	[EXCHANGE_MAPI] = { BY_SITE, BY_SITE, BY_15 },
	[EXCHANGE_EWS] = { BY_AUTODISCOVER, BY_SITE, BY_15 },
	/* 2007 knows nothing of the others' URLs. */
	[EXCHANGE_AUTODISCOVER] = { BY_15, BY_SITE, BY_15 },
	[EXCHANGE_OAB] = { BY_SITE, BY_SITE, BY_15 },
	[EXCHANGE_POWERSHELL] = { BY_SITE, BY_SITE, BY_15 },
	[EXCHANGE_POP] = { BY_SITE, BY_SITE, BY_15 },
	[EXCHANGE_IMAP] = { BY_SITE, BY_SITE, BY_15 },
};

/* --- words --- */

/* Whatever of a client's is in it was made printable before. */
static void say(struct exchange_decision *out, const char *fmt, va_list ap)
{
	char line[sizeof(out->reason)];
	int n = vsnprintf(out->reason, sizeof(out->reason), fmt, ap);

	if (n < (int)sizeof(out->reason))
		return;
	/* It was cut, perhaps within a character. */
	memcpy(line, out->reason, sizeof(line));
	exchange_printable(BYTES(line), out->reason, sizeof(line) - 4);
}

void explain(struct exchange_decision *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(out, fmt, ap);
	va_end(ap);
}

void answer(struct exchange_decision *out, unsigned status, const char *fmt,
	    ...)
{
	va_list ap;

	out->action = EXCHANGE_ANSWER;
	out->status = status;
	out->n = 0;
	va_start(ap, fmt);
	say(out, fmt, ap);
	va_end(ap);
}

const char *site_name(const struct exchange_topology *t, int site)
{
	return site >= 0 && (unsigned)site < t->n_sites ? t->site[site]
							: "unknown";
}

/* What the request calls its mailbox; empty when it does not. */
static struct bytes asked_for(const struct exchange_request *r,
			      const struct exchange_place *place)
{
	if (place->key.kind != EXCHANGE_KEY_NONE && place->key.text[0])
		return BYTES(place->key.text);
	return r->user;
}

char *subject(const struct exchange_topology *t,
	      const struct exchange_request *r,
	      const struct exchange_place *place, char dst[SUBJECT])
{
	char key[100], home[EXCHANGE_NAME];
	const char *server = place->home;

	exchange_printable(asked_for(r, place), key, sizeof(key));
	if (place->server >= 0 && (unsigned)place->server < t->n_servers)
		server = t->server[place->server].name;
	exchange_printable(BYTES(server), home, sizeof(home));
	if (!home[0])
		snprintf(home, sizeof(home), "an unnamed server");
	if (place->found && place->version == EXCHANGE_ONLINE)
		snprintf(dst, SUBJECT, "mailbox %s%sis remote, in %s", key,
			 key[0] ? " " : "", home);
	else if (place->found)
		snprintf(dst, SUBJECT, "mailbox %s%sis on %s (%s, site %s)",
			 key, key[0] ? " " : "", home,
			 exchange_version_name(place->version),
			 site_name(t, place->site));
	else
		snprintf(dst, SUBJECT, "the request names %s (%s, site %s)",
			 home, exchange_version_name(place->version),
			 site_name(t, place->site));
	return dst;
}

/* --- nobody can --- */

/* What to type so that `lack->example` could. */
static void cure(const struct exchange_topology *t, const struct want *w,
		 const struct lack *lack, char *dst, size_t cap)
{
	const char *ns = t->n_own_names ? t->own_name[0] : "<namespace>";

	dst[0] = '\0';
	if (lack->example->gated)
		snprintf(dst, cap,
			 ": install that, or let it serve with version-gate: "
			 "warn");
	else if (w->protocol == EXCHANGE_RPC && !w->modern && lack->front)
		snprintf(dst, cap,
			 ": Enable-OutlookAnywhere -Server %s "
			 "-ClientAuthenticationMethod Basic -SSLOffloading "
			 "$false -ExternalHostname %s%s",
			 lack->example->name, ns,
			 w->version == EXCHANGE_2010
				 ? " -IISAuthenticationMethods NTLM,Basic"
				 : "");
	else if (w->protocol == EXCHANGE_MAPI && !w->modern)
		snprintf(dst, cap,
			 ": Outlook has to use Outlook Anywhere until the "
			 "mailbox is moved");
	else if (w->protocol == EXCHANGE_ECP ||
		 w->protocol == EXCHANGE_POWERSHELL)
		snprintf(dst, cap, ": ?ExchClientVer=15 asks for a later one");
	else if (exchange_is_mail(w->protocol))
		snprintf(dst, cap, ": %s", exchange_mail_cure(w->protocol));
}

static void nobody(const struct exchange_topology *t, const char *who,
		   const struct want *w, const struct lack *lack,
		   struct exchange_decision *out)
{
	const char *protocol = exchange_protocol_word(w->protocol);
	char where[EXCHANGE_NAME + 16] = "the topology", what[64], how[512];

	if (w->modern)
		snprintf(what, sizeof(what),
			 "Exchange 2013 or later front end");
	else
		snprintf(what, sizeof(what), "Exchange %s Client Access server",
			 exchange_version_name(w->version));
	if (w->only_site >= 0)
		snprintf(where, sizeof(where), "site %s",
			 site_name(t, w->only_site));
	if (!lack->of_version) {
		answer(out, 503, "%s, but %s has no %s", who, where, what);
		return;
	}
	if (lack->drained) {
		answer(out, 503,
		       "%s, but every %s of %s that serves %s is drained: put "
		       "one back into service",
		       who, what, where, protocol);
		return;
	}
	cure(t, w, lack, how, sizeof(how));
	answer(out, 503, "%s, but %s has no %s that serves %s (%s: %s)%s", who,
	       where, what, protocol, lack->example->name, lack->why, how);
}

/* --- the decision --- */

static bool proxy(const struct exchange_topology *t, const struct want *w,
		  const struct exchange_place *place,
		  struct exchange_decision *out, struct lack *lack)
{
	out->n = find_candidates(t, w, place->affinity, out->candidate, lack);
	out->action = EXCHANGE_PROXY;
	return out->n;
}

static bool proxy_to_newest(const struct exchange_topology *t,
			    const struct exchange_request *r,
			    const struct exchange_place *place,
			    struct exchange_decision *out)
{
	const struct want w = { .protocol = r->protocol,
				.modern = true,
				.only_site = -1,
				.near_site = place->site,
				.newest = true };
	struct lack lack;
	char path[84];

	if (!exchange_is_open(r->protocol, r->path) ||
	    !proxy(t, &w, place, out, &lack))
		return false;
	explain(out,
		"%s is for the newest version: proxied to an Exchange %s "
		"front end",
		exchange_printable(r->path, path, sizeof(path)),
		exchange_version_name(t->server[out->candidate[0]].version));
	return true;
}

/* An administrator says which version's ECP or shell is meant, whatever the
 * own mailbox: "?ExchClientVer=15", "14", "15.2.922.7". */
static bool proxy_to_asked_version(const struct exchange_topology *t,
				   const struct exchange_request *r,
				   const struct exchange_place *place,
				   struct exchange_decision *out)
{
	struct want w = { .protocol = r->protocol,
			  .version = EXCHANGE_2010,
			  .only_site = -1,
			  .near_site = place->site };
	struct lack lack;
	struct bytes major;
	char value[32];
	uint64_t n;

	if ((r->protocol != EXCHANGE_ECP &&
	     r->protocol != EXCHANGE_POWERSHELL) ||
	    !text_query(r->query, "ExchClientVer", value, sizeof(value)))
		return false;
	major = BYTES(value);
	major = bytes_upto(major, bytes_find(major, '.'));
	if (!bytes_u64(major, 15, &n) || n < 14)
		return false;
	w.modern = n == 15;
	if (!proxy(t, &w, place, out, &lack))
		return false;
	explain(out, "ExchClientVer=%u asks for %s: proxied to one",
		(unsigned)n,
		w.modern ? "an Exchange 2013 or later front end"
			 : "an Exchange 2010 Client Access server");
	return true;
}

static void proxy_to_15(const struct exchange_topology *t,
			const struct exchange_request *r,
			const struct exchange_place *place, const char *who,
			struct exchange_decision *out)
{
	bool via = t->policy.via_15[r->protocol];
	const struct want w = { .protocol = r->protocol,
				.modern = true,
				.only_site = -1,
				.near_site = place->site,
				.newest = via };
	struct lack lack;

	if (proxy(t, &w, place, out, &lack))
		explain(out,
			"%s: proxied to an Exchange 2013 or later front "
			"end%s, site %s first",
			who, via ? ", the newest" : "",
			site_name(t, place->site >= 0 ? place->site
						      : (int)t->home_site));
	else
		nobody(t, who, &w, &lack, out);
}

/* A 15.x front end knows the directory and does coexistence itself. */
static void decide_unknown(const struct exchange_topology *t,
			   const struct exchange_request *r,
			   const struct exchange_place *place,
			   struct exchange_decision *out)
{
	char key[100], home[EXCHANGE_NAME], who[SUBJECT];

	exchange_printable(BYTES(place->home), home, sizeof(home));
	exchange_printable(asked_for(r, place), key, sizeof(key));
	if (place->found || place->by_server)
		snprintf(who, sizeof(who),
			 "%s%s is on %s, which the topology does not know",
			 place->found ? "mailbox " : "what is asked for",
			 place->found ? key : "", home[0] ? home : "a server");
	else if (key[0])
		snprintf(who, sizeof(who), "no mailbox is known as %s", key);
	else
		snprintf(who, sizeof(who), "the request names no mailbox");
	proxy_to_15(t, r, place, who, out);
}

static void proxy_to_site(const struct exchange_topology *t,
			  const struct exchange_request *r,
			  const struct exchange_place *place, const char *who,
			  struct exchange_decision *out)
{
	const struct want w = { .protocol = r->protocol,
				.version = place->version,
				.only_site = place->site,
				.near_site = -1 };
	struct lack lack;

	if (place->site < 0)
		answer(out, 503,
		       "%s, but the site of that server is not known, and an "
		       "Exchange %s mailbox is served in its own site only",
		       who, exchange_version_name(place->version));
	else if (proxy(t, &w, place, out, &lack))
		explain(out,
			"%s: proxied to a %s Client Access server of site "
			"%s",
			who, exchange_version_name(place->version),
			site_name(t, place->site));
	else
		nobody(t, who, &w, &lack, out);
}

static enum rule rule_of(const struct exchange_topology *t,
			 const struct exchange_request *r,
			 const struct exchange_place *place)
{
	if (place->version == EXCHANGE_ONLINE)
		return rules[r->protocol].online;
	if (t->policy.via_15[r->protocol])
		return BY_15;
	if (place->version == EXCHANGE_2007)
		return rules[r->protocol].v2007;
	if (place->version == EXCHANGE_2010)
		return rules[r->protocol].v2010;
	return BY_15;
}

/* True when the rule is one that sends the client elsewhere, and it is. */
static bool redirected(const struct exchange_topology *t,
		       const struct exchange_request *r,
		       const struct exchange_place *place, enum rule rule,
		       struct exchange_decision *out)
{
	switch (rule) {
	case BY_URL:
		if (place->version == EXCHANGE_ONLINE)
			return redirect_online(t, r, place, out);
		redirect_owa(t, r, place, out);
		return true;
	case BY_URL_OR_SITE:
		return redirect_cross_site(t, r, place, out);
	case BY_MS_LOCATION:
		return redirect_eas(t, r, place, out);
	case BY_SITE:
	case BY_15:
	case BY_AUTODISCOVER:
		break;
	}
	return false;
}

void exchange_decide(const struct exchange_topology *t,
		     const struct exchange_request *r,
		     const struct exchange_place *place,
		     struct exchange_decision *out)
{
	enum rule rule;
	char who[SUBJECT];

	assert((unsigned)r->protocol < EXCHANGE_PROTOCOL_COUNT);
	out->status = out->n = 0;
	out->url[0] = out->logon[0] = out->reason[0] = '\0';
	if (proxy_to_newest(t, r, place, out) ||
	    proxy_to_asked_version(t, r, place, out))
		return;
	if ((!place->found && !place->by_server) ||
	    place->version == EXCHANGE_UNKNOWN) {
		decide_unknown(t, r, place, out);
		return;
	}
	rule = rule_of(t, r, place);
	if (redirected(t, r, place, rule, out))
		return;
	subject(t, r, place, who);
	if (rule == BY_AUTODISCOVER && t->policy.no_ews_2007)
		answer(out, 403,
		       "%s, whose EWS is not served here: the client must use "
		       "the URL that Autodiscover tells",
		       who);
	else if (rule == BY_15 || place->version == EXCHANGE_ONLINE)
		proxy_to_15(t, r, place, who, out);
	else
		proxy_to_site(t, r, place, who, out);
}
