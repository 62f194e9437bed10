/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handlers_route.c - what casgatectl asks about servers, mailboxes, decisions
 * and sessions.
 */
#include "casgate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- servers
 * ------------------------------------------------------------------ */

static const char *server_state(const struct exchange_server *s, char *dst,
				size_t cap)
{
	size_t at = 0;

	if (s->drained || !s->drained_for)
		return s->drained ? "drained" : "enabled";
	for (unsigned p = 0; p < EXCHANGE_PROTOCOL_COUNT && at < cap; p++)
		if (s->drained_for >> p & 1)
			at += (size_t)snprintf(dst + at, cap - at, "%s%s",
					       at ? ", " : "drained: ",
					       exchange_protocol_word(p));
	return dst;
}

static json_t *server_line(struct app *a, const struct proxy_config *c,
			   unsigned i)
{
	const struct exchange_server *s = &c->topology.server[i];
	json_int_t connections = 0, requests = 0, failures = 0;
	char health[128], state[128];

	for (unsigned w = 0; w < a->workers; w++) {
		const struct proxy_server_stats *st =
			proxy_server_stats(a->proxy[w].proxy, s->id);

		connections += (json_int_t)stat_read(&st->connections);
		requests += (json_int_t)stat_read(&st->requests);
		failures += (json_int_t)stat_read(&st->failures);
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}",
			 "server", s->name, "fqdn", s->fqdn, "version",
			 exchange_version_name(s->version), "site",
			 c->topology.site[s->site], "state",
			 server_state(s, state, sizeof(state)), "health",
			 health_in_short(a, s, health, sizeof(health)),
			 "connections", connections, "requests", requests,
			 "failures", failures);
}

json_t *handle_server_list(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	const struct proxy_config *c = config_now(a);
	json_t *list = json_array();

	for (unsigned i = 0; i < c->topology.n_servers; i++)
		json_array_append_new(list, server_line(a, c, i));
	return list;
}

int server_named(const struct proxy_config *c, struct control_call *call,
		 const char *argument)
{
	const char *name = control_arg(call, argument);
	int i = exchange_find_server(&c->topology, BYTES(name));

	if (i < 0)
		control_fail(call, CONTROL_NOT_FOUND,
			     "no server `%s'; `casgatectl server list' shows "
			     "those there are",
			     name);
	return i;
}

int which_server(const struct proxy_config *c, struct control_call *call)
{
	return server_named(c, call, "server");
}

static json_t *last_errors(struct app *a, unsigned id)
{
	json_t *list = json_array();
	char error[200];

	for (unsigned w = 0; w < a->workers; w++)
		if (!ask_last_error(a, w, id, error) && error[0])
			json_array_append_new(list, json_string(error));
	return list;
}

json_t *handle_server_show(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	const struct proxy_config *c = config_now(a);
	int i = which_server(c, call);
	const struct exchange_server *s;
	struct health health[EXCHANGE_PROTOCOL_COUNT];
	json_t *o, *addrs, *vdirs;
	char text[IPADDR_STR], build[40];
	usec_t now = worker_clock();

	if (i < 0)
		return NULL;
	s = &c->topology.server[i];
	if (ask_health(a, s->id, health))
		return control_fail(call, CONTROL_TIMEOUT,
				    "a worker does not answer");
	o = server_line(a, c, (unsigned)i);
	addrs = json_array();
	for (unsigned n = 0; n < c->server[i].n_addrs; n++)
		json_array_append_new(
			addrs,
			json_string(ipaddr_str(&c->server[i].addr[n], text)));
	vdirs = json_array();
	for (unsigned p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++) {
		const struct health *h = &health[p];
		const char *why = NULL;
		bool can = exchange_can_serve(s, p, &why);

		json_array_append_new(
			vdirs,
			json_pack("{s:s, s:b, s:s, s:s, s:I, s:s, s:s, s:s}",
				  "protocol", exchange_protocol_word(p),
				  "served", (int)can, "why_not",
				  can || !why ? "" : why, "health",
				  can ? health_state_word(h->state) : "",
				  "since_s",
				  (json_int_t)(h->since ? (now - h->since) /
								  SEC(1)
							: 0),
				  "last_failure", h->why, "internal_url",
				  s->vdir[p].internal_url, "external_url",
				  s->vdir[p].external_url));
	}
	snprintf(build, sizeof(build), "%u.%u.%u.%u", s->build.major,
		 s->build.minor, s->build.build, s->build.revision);
	json_object_set_new(o, "build", json_string(build));
	json_object_set_new(o, "addresses", addrs);
	json_object_set_new(o, "port", json_integer(c->server[i].port));
	json_object_set_new(o, "weight", json_integer(s->weight));
	json_object_set_new(o, "virtual_directories", vdirs);
	json_object_set_new(o, "last_errors", last_errors(a, s->id));
	return o;
}

static json_t *set_drain(struct app *a, struct control_call *call,
			 enum drain_state state)
{
	const struct proxy_config *c = config_now(a);
	struct proxy_config *next;
	int i = which_server(c, call);
	unsigned id;
	enum drain_state before;

	if (i < 0)
		return NULL;
	id = c->topology.server[i].id;
	before = a->server[id].drain;
	a->server[id].drain = state;
	next = build_again(a, c);
	if (!next) {
		a->server[id].drain = before;
		return control_fail(call, CONTROL_FAILED, "out of memory");
	}
	build_publish(a, next);
	log_info("server %s is %s", a->server[id].name,
		 state == DRAIN_YES ? "drained" : "enabled");
	return server_line(a, next, (unsigned)i);
}

json_t *handle_server_drain(void *ctx, struct control_call *call)
{
	return set_drain(ctx, call, DRAIN_YES);
}

json_t *handle_server_enable(void *ctx, struct control_call *call)
{
	return set_drain(ctx, call, DRAIN_NO);
}

/* --- mailboxes
 * ------------------------------------------------------------------ */

static json_t *no_mailbox(struct control_call *call, const char *key)
{
	return control_fail(call, CONTROL_NOT_FOUND,
			    "no mailbox is known as `%s'", key);
}

static json_t *mailbox_json(struct app *a, const struct route_info *m)
{
	const struct exchange_topology *t = &config_now(a)->topology;
	struct exchange_place place = { 0 };
	json_t *aliases = json_array();

	for (unsigned i = 0; i < m->n_aliases; i++)
		json_array_append_new(aliases, json_string(m->aliases[i]));
	exchange_place_at(t, BYTES(m->server), &place);
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}",
		"display", m->display, "smtp", m->smtp, "upn", m->upn, "sam",
		m->sam, "guid", m->guid, "archive_guid", m->archive_guid,
		"legacy_dn", m->legacy_dn, "server", m->server, "database",
		m->database, "version", exchange_version_name(place.version),
		"site",
		place.site < 0 ? "(server is not in the configuration)"
			       : t->site[place.site],
		"aliases", aliases);
}

json_t *handle_mailbox_show(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	const char *key = control_arg(call, "mailbox");
	struct route_info *m = malloc(sizeof(*m));
	json_t *reply;

	if (!m)
		return control_fail(call, CONTROL_FAILED, "out of memory");
	reply = route_show(a->routes, BYTES(key), m) ? no_mailbox(call, key)
						     : mailbox_json(a, m);
	free(m);
	return reply;
}

/* The server must be one we know, or requests would go nowhere. */
static bool known_server(struct app *a, struct control_call *call,
			 const char *server)
{
	struct exchange_place place = { 0 };

	if (exchange_place_at(&config_now(a)->topology, BYTES(server), &place))
		return true;
	control_fail(call, CONTROL_REFUSED,
		     "server `%s' is not in the configuration; add it under "
		     "`servers:' first",
		     server);
	return false;
}

json_t *handle_mailbox_set(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	const json_t *aliases = json_object_get(call->args, "alias"), *alias;
	struct route_mailbox m = {
		.display = control_arg(call, "display"),
		.smtp = control_arg(call, "smtp"),
		.upn = control_arg(call, "upn"),
		.sam = control_arg(call, "sam"),
		.guid = control_arg(call, "guid"),
		.archive_guid = control_arg(call, "archive-guid"),
		.legacy_dn = control_arg(call, "legacy-dn"),
		.server = control_arg(call, "server"),
		.database = control_arg(call, "database"),
	};
	const char *clash = NULL;
	size_t i;

	if (!known_server(a, call, m.server))
		return NULL;
	json_array_foreach(aliases, i, alias)
	{
		if (m.n_aliases < ROUTE_ALIASES)
			m.aliases[m.n_aliases++] = json_string_value(alias);
	}
	switch (route_set(a->routes, &m, &clash)) {
	case 0:
		return json_pack("{s:s, s:s}", "smtp", m.smtp, "server",
				 m.server);
	case -EEXIST:
		return control_fail(call, CONTROL_EXISTS,
				    "`%s' belongs to another mailbox",
				    clash ? clash : m.smtp);
	case -EINVAL:
		return control_fail(call, CONTROL_USAGE,
				    "one of the mailbox's names is malformed");
	default:
		return control_fail(call, CONTROL_FAILED, "out of memory");
	}
}

json_t *handle_mailbox_move(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	const char *key = control_arg(call, "mailbox"),
		   *server = control_arg(call, "server");

	if (!known_server(a, call, server))
		return NULL;
	switch (route_move(a->routes, BYTES(key), server,
			   control_arg(call, "database"))) {
	case 0:
		return json_pack("{s:s, s:s}", "mailbox", key, "server",
				 server);
	case -ENOENT:
		return no_mailbox(call, key);
	default:
		return control_fail(call, CONTROL_FAILED, "out of memory");
	}
}

json_t *handle_mailbox_remove(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	const char *key = control_arg(call, "mailbox");

	if (route_remove(a->routes, BYTES(key)))
		return no_mailbox(call, key);
	return json_pack("{s:s}", "removed", key);
}

json_t *handle_mailbox_import(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	struct route_import_report r = { 0 };
	char error[1024];

	if (import_mailboxes(
		    a, control_arg(call, "file"), call,
		    json_is_true(json_object_get(call->args, "replace")), &r,
		    error, sizeof(error)))
		return control_fail(call, CONTROL_REFUSED, "%s", error);
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "rows",
			 (json_int_t)r.rows, "added", (json_int_t)r.added,
			 "replaced", (json_int_t)r.replaced, "unchanged",
			 (json_int_t)r.unchanged, "failed",
			 (json_int_t)r.failed);
}

json_t *handle_mailbox_count(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	struct route_stats s;

	route_stats(a->routes, &s);
	return json_pack("{s:I, s:I}", "mailboxes", (json_int_t)s.mailboxes,
			 "keys", (json_int_t)s.keys);
}

/* --- decisions
 * --------------------------------------------------------------------- */

static const char *const actions[] = {
	[EXCHANGE_PROXY] = "proxy",
	[EXCHANGE_REDIRECT] = "redirect",
	[EXCHANGE_ANSWER] = "answer",
};

static json_t *decision_json(const struct exchange_topology *t,
			     const struct exchange_place *place,
			     const struct exchange_decision *d)
{
	json_t *list = json_array();
	char key[EXCHANGE_KEY];

	exchange_printable(BYTES(place->key.text), key, sizeof(key));
	for (unsigned i = 0; i < d->n; i++)
		json_array_append_new(
			list, json_string(t->server[d->candidate[i]].name));
	return json_pack(
		"{s:s, s:i, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "action",
		actions[d->action], "status", (int)d->status, "candidates",
		list, "url", d->action == EXCHANGE_REDIRECT ? d->url : "",
		"logon", d->logon, "key", key, "hint",
		exchange_key_word(place->key.kind), "home", place->home,
		"version", exchange_version_name(place->version), "reason",
		d->reason);
}

/* What clients of a protocol begin with. */
static const struct {
	const char *method, *path;
} typical[EXCHANGE_PROTOCOL_COUNT] = {
	[EXCHANGE_OWA] = { "GET", "/owa/" },
	[EXCHANGE_ECP] = { "GET", "/ecp/" },
	[EXCHANGE_EAS] = { "POST", "/Microsoft-Server-ActiveSync" },
	[EXCHANGE_RPC] = { "RPC_IN_DATA", "/rpc/rpcproxy.dll" },
	[EXCHANGE_MAPI] = { "POST", "/mapi/emsmdb/" },
	[EXCHANGE_EWS] = { "POST", "/EWS/Exchange.asmx" },
	[EXCHANGE_AUTODISCOVER] = { "POST", "/Autodiscover/Autodiscover.xml" },
	[EXCHANGE_OAB] = { "GET", "/OAB/" },
	[EXCHANGE_POWERSHELL] = { "POST", "/PowerShell" },
	[EXCHANGE_POP] = { "", "" },
	[EXCHANGE_IMAP] = { "", "" },
};

/* Path and query of what may be a whole URL. */
static struct bytes local_part(const char *url)
{
	static const struct bytes https = BYTES_LIT("https://"),
				  http = BYTES_LIT("http://");
	struct bytes b = BYTES(url);
	bool secure = bytes_istarts(b, https);

	if (!secure && !bytes_istarts(b, http))
		return b;
	b = bytes_from(b, secure ? https.n : http.n);
	return bytes_from(b, bytes_find(b, '/'));
}

json_t *handle_route_explain(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	const struct exchange_topology *t = &config_now(a)->topology;
	const char *url = control_arg(call, "url"),
		   *method = control_arg(call, "method"),
		   *anchor = control_arg(call, "anchor");
	struct exchange_request r = { .user = BYTES(control_arg(call, "user")),
				      .anchor = anchor ? BYTES(anchor)
						       : BYTES_NONE };
	struct exchange_form form = { 0 };
	struct exchange_keys keys;
	struct exchange_place place;
	struct exchange_decision d;
	enum exchange_protocol of_url;
	struct bytes path;
	char decoded[4096];

	if (exchange_protocol_parse(BYTES(control_arg(call, "protocol")),
				    &r.protocol))
		return control_fail(call, CONTROL_USAGE, "no such protocol");
	r.method = BYTES(method ? method : typical[r.protocol].method);
	path = url ? local_part(url) : BYTES(typical[r.protocol].path);
	r.query = bytes_from(path, bytes_find(path, '?') + 1);
	path = bytes_upto(path, bytes_find(path, '?'));
	decoded[0] = '\0';
	if (path.n && http_path(path, decoded, sizeof(decoded)) != HTTP_OK)
		return control_fail(call, CONTROL_USAGE,
				    "such a path is refused with 400: %s",
				    http_verdict_words(HTTP_BAD_PATH));
	if (exchange_is_mail(r.protocol)
		    ? path.n
		    : !exchange_classify(BYTES(decoded), &of_url) ||
			      of_url != r.protocol)
		return control_fail(
			call, CONTROL_USAGE, "%.*s is no path of %s (%s)",
			BYTES_FMT(path), control_arg(call, "protocol"),
			exchange_protocol_vdir(r.protocol));
	r.path = BYTES(decoded);
	if (exchange_hostile_target(r.path, r.query))
		return control_fail(call, CONTROL_USAGE,
				    "such an address is refused with 400: it "
				    "names more than one, or says what only an "
				    "Exchange front end may");
	/* Who logs on is named in the form. */
	if (exchange_is_logon(&r) &&
	    bytes_str(r.user, form.user, sizeof(form.user))) {
		r.form = &form;
		r.user = BYTES_NONE;
	}
	exchange_keys(&r, &keys);
	proxy_locate(t, a->routes, &keys, &place);
	exchange_decide(t, &r, &place, &d);
	return decision_json(t, &place, &d);
}

/* --- sessions
 * ------------------------------------------------------------------------- */

struct session_question {
	unsigned cap, n;
	struct proxy_session_info info[];
};

static void ask_sessions(struct proxy *p, void *question, usec_t now)
{
	struct session_question *q = question;

	q->n = proxy_sessions(p, q->info, q->cap, now);
}

static bool wanted(const struct control_call *call,
		   const struct proxy_session_info *s)
{
	const char *user = control_arg(call, "user"),
		   *server = control_arg(call, "server");

	return (!user || bytes_ieq(BYTES(user), BYTES(s->user))) &&
	       (!server || bytes_ieq(BYTES(server), BYTES(s->server)));
}

static json_t *session_json(const struct proxy_session_info *s)
{
	char id[24];

	snprintf(id, sizeof(id), "%llx", (unsigned long long)s->id);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, "
			 "s:I, s:I, s:I}",
			 "session", id, "client", s->client, "listener",
			 s->listener, "state", s->state, "user", s->user,
			 "server", s->server, "protocol", s->protocol, "tls",
			 s->tls, "age_ms", (json_int_t)(s->age_us / 1000),
			 "idle_ms", (json_int_t)(s->idle_us / 1000), "requests",
			 (json_int_t)s->requests, "bytes_up",
			 (json_int_t)s->bytes_up, "bytes_down",
			 (json_int_t)s->bytes_down);
}

#define SESSION_LIST 10000

json_t *handle_session_list(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	json_int_t limit =
		json_integer_value(json_object_get(call->args, "limit"));
	json_t *list = json_array();

	if (!limit)
		limit = 1000;
	for (unsigned w = 0; w < a->workers; w++) {
		struct session_question *q = calloc(
			1, sizeof(*q) + SESSION_LIST * sizeof(q->info[0]));

		if (!q)
			break;
		q->cap = SESSION_LIST;
		if (ask_worker(a, w, ask_sessions, q)) {
			json_decref(list);
			return control_fail(call, CONTROL_TIMEOUT,
					    "worker %u does not answer", w);
		}
		for (unsigned i = 0; i < min(q->n, q->cap); i++)
			if (wanted(call, &q->info[i]) &&
			    (json_int_t)json_array_size(list) < limit)
				json_array_append_new(
					list, session_json(&q->info[i]));
		free(q);
	}
	return list;
}

struct kill_question {
	uint64_t id;
	bool found;
};

static void ask_kill(struct proxy *p, void *question, usec_t now)
{
	struct kill_question *q = question;

	q->found = proxy_kill(p, q->id, now);
}

json_t *handle_session_kill(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	const char *name = control_arg(call, "session");
	struct kill_question *q = calloc(1, sizeof(*q));
	bool found;
	char *end;

	if (!q)
		return control_fail(call, CONTROL_FAILED, "out of memory");
	q->id = strtoull(name, &end, 16);
	if (*end || q->id == PROXY_ALL || q->id >> 56 >= a->workers) {
		free(q);
		return control_fail(call, CONTROL_NOT_FOUND, "no session `%s'",
				    name);
	}
	if (ask_worker(a, (unsigned)(q->id >> 56), ask_kill, q))
		return control_fail(call, CONTROL_TIMEOUT,
				    "its worker does not answer");
	found = q->found;
	free(q);
	if (!found)
		return control_fail(call, CONTROL_NOT_FOUND,
				    "no session `%s'; it may have ended", name);
	return json_pack("{s:s}", "killed", name);
}
