/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * redirect.c - who is sent elsewhere: browsers to a Client Access server's
 * ExternalURL, because no later version proxies OWA of 2007, or because that
 * of 2010 has an entrance of its own; devices, if the administrator wants it.
 *
 * Three rules. A URL comes from the topology, never from the request. It is
 * never a name of ours, on whatever site it is configured: that is a loop. And
 * of browsers only GET and HEAD are redirected: anything else carries a body
 * that a 302 would drop. A logon's form is sent on by the browser itself, which
 * is given a page that does so.
 */
#include "exchange/decide.h"

#include <stdio.h>

/* Characters that mean themselves in a URL's path and query and cannot end an
 * HTTP header or an HTML attribute. */
static bool is_url(struct bytes text, const char *beside)
{
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = ascii_lower(text.p[i]);

		if (!ascii_is_digit(c) && !(c >= 'a' && c <= 'z') &&
		    (!c || !strchr("-._~", c)) && (!c || !strchr(beside, c)))
			return false;
	}
	return true;
}

/* "https://host[:port][/path]" without query: the host, or empty. */
static struct bytes url_host(const char *url)
{
	static const struct bytes https = BYTES_LIT("https://");
	struct bytes rest = BYTES(url), host, port;
	uint64_t number;

	if (!bytes_istarts(rest, https))
		return BYTES_NONE;
	rest = bytes_from(rest, https.n);
	host = bytes_upto(rest, bytes_find(rest, '/'));
	if (!is_url(bytes_from(rest, host.n), "/@!$'()*+,;=:"))
		return BYTES_NONE;
	port = host;
	host = bytes_cut(&port, ':');
	if ((port.n && !bytes_u64(port, UINT16_MAX, &number)) ||
	    !is_url(host, ""))
		return BYTES_NONE;
	return host;
}

enum usable { USABLE, NO_URL, NOT_HTTPS, OWN_NAME };

static enum usable usable(const struct exchange_topology *t, const char *url)
{
	struct bytes host;

	if (!url[0])
		return NO_URL;
	host = url_host(url);
	if (!host.n)
		return NOT_HTTPS;
	return exchange_is_own_name(t, host) ? OWN_NAME : USABLE;
}

/* What a search for a URL met. */
struct target {
	const struct exchange_server *server; /* NULL: none */
	const struct exchange_server *own; /* has a name of ours for URL */
	const struct exchange_server *broken; /* has one that is no https URL */
	unsigned servers;
};

/* The healthy first, then the nearest site, then the user's own. */
static bool nearer(const struct exchange_topology *t, enum exchange_protocol p,
		   const struct exchange_place *place,
		   const struct exchange_server *a,
		   const struct exchange_server *b)
{
	unsigned far_a = site_rank(t, place->site, a->site);
	unsigned far_b = site_rank(t, place->site, b->site);
	bool a_down = exchange_is_down(a, p);
	bool b_down = exchange_is_down(b, p);

	if (a_down != b_down)
		return b_down;
	if (far_a != far_b)
		return far_a < far_b;
	if (a->site != b->site)
		return a->site < b->site;
	return rendezvous_cmp(place->affinity, a, b) > 0;
}

/* Among the servers of the mailbox's version in its site, or in all. */
static struct target find_target(const struct exchange_topology *t,
				 enum exchange_protocol p,
				 const struct exchange_place *place,
				 bool any_site)
{
	struct target found = { 0 };

	for (unsigned i = 0; i < t->n_servers; i++) {
		const struct exchange_server *s = &t->server[i];
		enum usable u;

		if (s->version != place->version || exchange_is_drained(s, p) ||
		    (!any_site && s->site != place->site) ||
		    !exchange_can_serve(s, p, NULL))
			continue;
		found.servers++;
		u = usable(t, s->vdir[p].external_url);
		if (u == OWN_NAME)
			found.own = s;
		if (u == NOT_HTTPS)
			found.broken = s;
		if (u == USABLE &&
		    (!found.server || nearer(t, p, place, s, found.server)))
			found.server = s;
	}
	return found;
}

/* Is this page one of our own logon, where the other server has its own? */
static bool is_logon(struct bytes path)
{
	static const struct bytes folder = BYTES_LIT("auth");
	static const struct bytes form = BYTES_LIT("auth.owa");
	struct bytes page = text_segment(path, 1);

	return bytes_ieq(page, folder) || bytes_ieq(page, form);
}

/* Cut the request to what is behind its directory and can stand in a URL as it
 * is: the path was decoded, and nothing is encoded again here. */
static void safe_rest(const struct exchange_request *r, struct bytes *path,
		      struct bytes *query)
{
	struct bytes vdir = BYTES(exchange_protocol_vdir(r->protocol));

	*query = is_url(r->query, "/@=,+!$&;:%?*()") ? r->query : BYTES_NONE;
	*path = bytes_from(r->path, vdir.n);
	if (path->n <= 1) {
		path->n = 0;
		return;
	}
	if (path->p[0] == '/' && is_url(*path, "/@=,+!$") &&
	    !is_logon(r->path) && !memmem(path->p, path->n, "//", 2) &&
	    !memmem(path->p, path->n, "..", 2))
		return;
	/* A query belongs to the path it came with. */
	*path = *query = BYTES_NONE;
}

/* A URL without the '/' at its end; false when it does not end with the
 * directory, so that nothing can be put behind it. */
static bool url_base(const char *url, enum exchange_protocol p,
		     struct bytes *base)
{
	struct bytes vdir = BYTES(exchange_protocol_vdir(p));

	*base = BYTES(url);
	while (base->p[base->n - 1] == '/')
		base->n--;
	return base->n >= vdir.n &&
	       bytes_ieq(bytes_from(*base, base->n - vdir.n), vdir);
}

static void build_url(const char *url, const struct exchange_request *r,
		      struct exchange_decision *out)
{
	struct bytes base, path, query;

	safe_rest(r, &path, &query);
	if (!url_base(url, r->protocol, &base) || (!path.n && !query.n) ||
	    base.n + path.n + query.n + 3 > sizeof(out->url)) {
		snprintf(out->url, sizeof(out->url), "%s", url);
		return;
	}
	snprintf(out->url, sizeof(out->url), "%.*s%.*s%s%.*s", BYTES_FMT(base),
		 BYTES_FMT(path),
		 !query.n ? ""
		 : path.n ? "?"
			  : "/?",
		 BYTES_FMT(query));
}

static void redirect(struct exchange_decision *out, unsigned status)
{
	out->action = EXCHANGE_REDIRECT;
	out->status = status;
}

static bool is_get(struct bytes method)
{
	static const struct bytes get = BYTES_LIT("GET");
	static const struct bytes head = BYTES_LIT("HEAD");

	return bytes_eq(method, get) || bytes_eq(method, head);
}

/* --- logon by form --- */

/* A logon whose mailbox was found by the name in its form, so that the password
 * goes where that user has one. */
static bool is_own_logon(const struct exchange_request *r,
			 const struct exchange_place *place)
{
	return r->form && r->protocol == EXCHANGE_OWA &&
	       place->key.kind == EXCHANGE_KEY_FORM_USER;
}

/* The page it leads to, as a request; the start page, if that is none of our
 * /owa. */
static struct exchange_request page_of(const struct exchange_topology *t,
				       const struct exchange_request *r)
{
	static const struct bytes https = BYTES_LIT("https://");
	static const struct bytes owa = BYTES_LIT("/owa");
	struct exchange_request page = *r;
	struct bytes rest = BYTES(r->form->destination), path;

	page.path = page.query = BYTES_NONE;
	if (bytes_istarts(rest, https)) {
		struct bytes host = bytes_from(rest, https.n);

		rest = bytes_from(host, bytes_find(host, '/'));
		host = bytes_upto(host, host.n - rest.n);
		if (!exchange_is_own_name(t, bytes_cut(&host, ':')))
			return page;
	}
	path = bytes_cut(&rest, '?');
	if (!bytes_istarts(path, owa) ||
	    (path.n > owa.n && path.p[owa.n] != '/'))
		return page;
	page.path = path;
	page.query = rest;
	return page;
}

/* Where the server's own forms go. */
static void build_logon(const struct exchange_server *s,
			struct exchange_decision *out)
{
	struct bytes base;

	if (url_base(s->vdir[EXCHANGE_OWA].external_url, EXCHANGE_OWA, &base))
		snprintf(out->logon, sizeof(out->logon), "%.*s%s",
			 BYTES_FMT(base),
			 s->version == EXCHANGE_2007 ? "/auth/owaauth.dll"
						     : "/auth.owa");
}

/* A page: with the form, or, when it must not or cannot be sent on, a link. */
static void send_on(const struct exchange_topology *t,
		    const struct exchange_request *r, const char *who,
		    const struct exchange_server *s, bool silently,
		    struct exchange_decision *out)
{
	struct exchange_request page = page_of(t, r);

	redirect(out, 200);
	build_url(s->vdir[EXCHANGE_OWA].external_url, &page, out);
	if (silently)
		build_logon(s, out);
	explain(out, "%s: %s %s (%s, %s, site %s)", who,
		out->logon[0] ? "signs on silently at" : "shown a link to",
		out->logon[0] ? out->logon : "the ExternalURL", s->name,
		exchange_version_name(s->version), site_name(t, s->site));
}

static void refuse(const struct exchange_topology *t, const char *who,
		   const struct target *here, const struct target *any,
		   struct exchange_decision *out)
{
	const struct exchange_server *own = here->own ? here->own : any->own;
	const struct exchange_server *broken =
		here->broken ? here->broken : any->broken;

	if (own)
		answer(out, 503,
		       "%s, but the owa ExternalURL of %s, %s, is a name of "
		       "this appliance and would loop: Set-OwaVirtualDirectory "
		       "\"%s\\owa (Default Web Site)\" -ExternalUrl "
		       "https://legacy.<domain>/owa",
		       who, own->name, own->vdir[EXCHANGE_OWA].external_url,
		       own->name);
	else if (broken)
		answer(out, 503,
		       "%s, but the owa ExternalURL of %s, %s, is not an "
		       "https URL",
		       who, broken->name,
		       broken->vdir[EXCHANGE_OWA].external_url);
	else
		answer(out, 503,
		       "%s, and its OWA is only reached by redirection, but no "
		       "Exchange 2007 Client Access server %s: "
		       "Set-OwaVirtualDirectory -ExternalUrl "
		       "https://legacy.<domain>/owa",
		       who,
		       any->servers ? "has an ExternalURL"
				    : "with /owa is in service");
}

void redirect_owa(const struct exchange_topology *t,
		  const struct exchange_request *r,
		  const struct exchange_place *place,
		  struct exchange_decision *out)
{
	struct target here = { 0 }, any = { 0 };
	const struct exchange_server *s;
	char who[SUBJECT];

	subject(t, r, place, who);
	if (place->site >= 0)
		here = find_target(t, EXCHANGE_OWA, place, false);
	s = here.server;
	/* A site without ExternalURL is reached through an internet-facing
	 * one, which proxies 2007 to 2007. But with a name of ours in its own
	 * site, that one would send the browser straight back. */
	if (!s && !here.own) {
		any = find_target(t, EXCHANGE_OWA, place, true);
		s = any.server;
	}
	if (!s) {
		refuse(t, who, &here, &any, out);
		return;
	}
	if (is_own_logon(r, place)) {
		send_on(t, r, who, s, true, out);
		return;
	}
	if (!is_get(r->method)) {
		answer(out, 403,
		       "%s: its OWA is at %s, and a request with a body cannot "
		       "be redirected there",
		       who, s->vdir[EXCHANGE_OWA].external_url);
		return;
	}
	redirect(out, 302);
	build_url(s->vdir[EXCHANGE_OWA].external_url, r, out);
	explain(out, "%s: redirected to the ExternalURL of %s (2007, site %s)",
		who, s->name, site_name(t, s->site));
}

bool redirect_cross_site(const struct exchange_topology *t,
			 const struct exchange_request *r,
			 const struct exchange_place *place,
			 struct exchange_decision *out)
{
	bool manual = t->policy.cross_site == EXCHANGE_CROSS_MANUAL;
	bool logon = is_own_logon(r, place);
	struct target there;
	char who[SUBJECT];

	/* An ExternalURL with a name of ours means that this is the entrance of
	 * all sites: then it is proxied, as is what cannot be redirected. */
	if (t->policy.cross_site == EXCHANGE_CROSS_PROXY || place->site < 0 ||
	    (unsigned)place->site == t->home_site ||
	    (!is_get(r->method) && !logon))
		return false;
	there = find_target(t, r->protocol, place, false);
	if (!there.server)
		return false;
	if (logon) {
		send_on(t, r, subject(t, r, place, who), there.server, !manual,
			out);
		return true;
	}
	redirect(out, manual ? 200 : 302);
	build_url(there.server->vdir[r->protocol].external_url, r, out);
	explain(out, "%s: %s the ExternalURL of %s (%s, site %s)",
		subject(t, r, place, who),
		manual ? "shown a link to" : "redirected to",
		there.server->name, exchange_version_name(place->version),
		site_name(t, place->site));
	return true;
}

bool redirect_eas(const struct exchange_topology *t,
		  const struct exchange_request *r,
		  const struct exchange_place *place,
		  struct exchange_decision *out)
{
	struct target there;
	char who[SUBJECT];

	if (!t->policy.eas_redirect || place->site < 0)
		return false;
	there = find_target(t, EXCHANGE_EAS, place, false);
	if (!there.server)
		return false;
	redirect(out, 451);
	snprintf(out->url, sizeof(out->url), "%s",
		 there.server->vdir[EXCHANGE_EAS].external_url);
	explain(out,
		"%s: the device is told the ExternalURL of %s (%s, site %s)",
		subject(t, r, place, who), there.server->name,
		exchange_version_name(place->version),
		site_name(t, place->site));
	return true;
}

bool redirect_online(const struct exchange_topology *t,
		     const struct exchange_request *r,
		     const struct exchange_place *place,
		     struct exchange_decision *out)
{
	const char *url = t->policy.target_owa_url;
	char who[SUBJECT];

	if (r->protocol != EXCHANGE_OWA || !is_get(r->method) ||
	    usable(t, url) != USABLE)
		return false;
	redirect(out, 302);
	snprintf(out->url, sizeof(out->url), "%s", url);
	explain(out, "%s: redirected to the TargetOwaURL",
		subject(t, r, place, who));
	return true;
}
