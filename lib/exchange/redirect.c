/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * redirect.c - Outlook Web App of Exchange 2007: the browser is sent to a 2007
 * Client Access server's ExternalURL, because no later version proxies it.
 *
 * Three rules. A URL comes from the topology, never from the request. It is
 * never a name of ours, on whatever site it is configured: that is a loop. And
 * only GET and HEAD are redirected: anything else
 * carries a body that a 302 would drop.
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

static enum usable usable(const struct exchange_topology *t,
			  const struct exchange_server *s)
{
	const char *url = s->vdir[EXCHANGE_OWA].external_url;
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
static bool nearer(const struct exchange_topology *t, uint64_t affinity,
		   const struct exchange_server *a,
		   const struct exchange_server *b)
{
	if (a->down != b->down)
		return b->down;
	if ((a->site == t->home_site) != (b->site == t->home_site))
		return a->site == t->home_site;
	if (a->site != b->site)
		return a->site < b->site;
	return rendezvous_cmp(affinity, a, b) > 0;
}

/* Among the 2007 servers of one site, or of all (-1). */
static struct target find_target(const struct exchange_topology *t, int site,
				 uint64_t affinity)
{
	struct target found = { 0 };

	for (unsigned i = 0; i < t->n_servers; i++) {
		const struct exchange_server *s = &t->server[i];
		enum usable u;

		if (s->version != EXCHANGE_2007 || s->drained ||
		    (site >= 0 && s->site != site) ||
		    !exchange_can_serve(s, EXCHANGE_OWA, NULL))
			continue;
		found.servers++;
		u = usable(t, s);
		if (u == OWN_NAME)
			found.own = s;
		if (u == NOT_HTTPS)
			found.broken = s;
		if (u == USABLE &&
		    (!found.server || nearer(t, affinity, s, found.server)))
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

/* Cut the request to what is behind "/owa" and can stand in a URL as it is:
 * the path was decoded, and nothing is encoded again here. */
static void safe_rest(const struct exchange_request *r, struct bytes *path,
		      struct bytes *query)
{
	struct bytes vdir = BYTES(exchange_protocol_vdir(EXCHANGE_OWA));

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

static void build_url(const struct exchange_server *s,
		      const struct exchange_request *r,
		      struct exchange_decision *out)
{
	const char *url = s->vdir[EXCHANGE_OWA].external_url;
	struct bytes base = BYTES(url), path, query;
	static const struct bytes owa = BYTES_LIT("/owa");

	safe_rest(r, &path, &query);
	while (base.p[base.n - 1] == '/')
		base.n--;
	if ((!path.n && !query.n) ||
	    base.n + path.n + query.n + 3 > sizeof(out->url) ||
	    !bytes_ieq(bytes_from(base, base.n - owa.n), owa)) {
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

static bool is_get(struct bytes method)
{
	static const struct bytes get = BYTES_LIT("GET");
	static const struct bytes head = BYTES_LIT("HEAD");

	return bytes_eq(method, get) || bytes_eq(method, head);
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
		here = find_target(t, place->site, place->affinity);
	s = here.server;
	/* A site without ExternalURL is reached through an internet-facing
	 * one, which proxies 2007 to 2007. But with a name of ours in its own
	 * site, that one would send the browser straight back. */
	if (!s && !here.own) {
		any = find_target(t, -1, place->affinity);
		s = any.server;
	}
	if (!s) {
		refuse(t, who, &here, &any, out);
		return;
	}
	if (!is_get(r->method)) {
		answer(out, 403,
		       "%s: its OWA is at %s, and a request with a body cannot "
		       "be redirected there",
		       who, s->vdir[EXCHANGE_OWA].external_url);
		return;
	}
	out->action = EXCHANGE_REDIRECT;
	out->status = 302;
	build_url(s, r, out);
	explain(out, "%s: redirected to the ExternalURL of %s (2007, site %s)",
		who, s->name, site_name(t, s->site));
}
