/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handlers_outlook.c - Outlook Anywhere's settings, by the names and with the
 * traps of Exchange's own Get-, Set-, Enable- and Disable-OutlookAnywhere.
 *
 * Of a server they are what the administrator says of it; of the appliance
 * itself, what it offers on /rpc. They last until the daemon's next start.
 */
#include "casgate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IIS "IISAuthenticationMethods"
#define DEFAULT "DefaultAuthenticationMethod"

/* --- telling ------------------------------------------------------------- */

static json_t *findings_json(const struct exchange_finding *f, unsigned n)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s}", "severity",
					exchange_severity_word(f[i].severity),
					"code", f[i].code, "text", f[i].text,
					"cmdlet", f[i].cmdlet));
	return list;
}

static void put(json_t *o, unsigned i, const struct exchange_outlook *set)
{
	char text[EXCHANGE_HOST];

	exchange_outlook_text(i, set, text, sizeof(text));
	json_object_set_new(o, exchange_outlook_name(i), json_string(text));
}

static json_t *head_json(const struct exchange_topology *t,
			 const struct exchange_server *s)
{
	char text[EXCHANGE_NAME + 32];

	snprintf(text, sizeof(text), "%s\\Rpc (Default Web Site)", s->name);
	return json_pack("{s:s, s:s, s:s, s:s, s:b}", "server", s->name,
			 "identity", text, "version",
			 exchange_version_name(s->version), "site",
			 t->site[s->site], "enabled",
			 (int)exchange_can_serve(s, EXCHANGE_RPC, NULL));
}

static json_t *server_json(const struct exchange_topology *t,
			   const struct exchange_server *s)
{
	struct exchange_finding f[EXCHANGE_FINDINGS];
	json_t *o = head_json(t, s);

	for (unsigned i = 0; i < EXCHANGE_OUTLOOK_SETTINGS; i++)
		if (exchange_outlook_has(i, s->version))
			put(o, i, &s->outlook);
	json_object_set_new(o, "findings",
			    findings_json(f, exchange_judge_outlook(t, s, f)));
	return o;
}

/* What Outlook is told has one column in the list. */
static json_t *server_line(const struct exchange_topology *t,
			   const struct exchange_server *s)
{
	struct exchange_finding f[EXCHANGE_FINDINGS];
	json_t *o = head_json(t, s);
	char text[40];

	exchange_methods_text(exchange_is_modern(s->version)
				      ? s->outlook.external
				      : s->outlook.client,
			      text, sizeof(text));
	json_object_del(o, "identity");
	json_object_set_new(o, "client", json_string(text));
	exchange_methods_text(s->outlook.iis, text, sizeof(text));
	json_object_set_new(o, "iis", json_string(text));
	json_object_set_new(o, "external_hostname",
			    json_string(s->outlook.external_hostname));
	json_object_set_new(
		o, "findings",
		json_integer((json_int_t)exchange_judge_outlook(t, s, f)));
	return o;
}

static const struct conf_offer *rpc_offer(const struct app *a)
{
	return a->rpc_offer.n ? &a->rpc_offer
			      : &a->conf->authentication[CONF_VDIR_RPC];
}

static json_t *own_json(const struct app *a, const char *iis)
{
	const struct exchange_topology *t = &config_now(a)->topology;
	const struct conf_offer *offer = rpc_offer(a);
	char text[64] = "", one[16];
	size_t n = 0;

	for (unsigned i = 0; i < offer->n; i++)
		n += (size_t)snprintf(
			text + n, sizeof(text) - n, "%s%s", i ? "," : "",
			exchange_methods_text((uint8_t)offer->method[i], one,
					      sizeof(one)));
	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s, s:s}", "server",
			 a->conf->appliance.name, "version", "casgate", "site",
			 t->site[t->home_site], "enabled", 1, "client", "", iis,
			 n ? text : "(as the server)", "external_hostname",
			 t->own_name[0]);
}

/* --- who is meant -------------------------------------------------------- */

/* "EX10", its FQDN, or "EX10\Rpc (Default Web Site)". The index of a server,
 * -1 for the appliance, -2 after control_fail(). */
static int which(const struct app *a, struct control_call *call)
{
	struct bytes name = BYTES(control_arg(call, "server"));
	int i;

	name = bytes_upto(name, bytes_find(name, '\\'));
	i = exchange_find_server(&config_now(a)->topology, name);
	if (i >= 0)
		return i;
	if (bytes_ieq(name, BYTES(a->conf->appliance.name)))
		return -1;
	control_fail(call, CONTROL_NOT_FOUND,
		     "no server `%.*s'; `casgatectl outlook-anywhere show' "
		     "shows those there are",
		     BYTES_FMT(name));
	return -2;
}

json_t *handle_outlook_show(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	const struct exchange_topology *t = &config_now(a)->topology;
	json_t *list;
	int i;

	if (control_arg(call, "server")) {
		i = which(a, call);
		return i == -2	 ? NULL
		       : i == -1 ? own_json(a, IIS)
				 : server_json(t, &t->server[i]);
	}
	list = json_array();
	json_array_append_new(list, own_json(a, "iis"));
	for (unsigned s = 0; s < t->n_servers; s++)
		json_array_append_new(list, server_line(t, &t->server[s]));
	return list;
}

/* --- what is to be set --------------------------------------------------- */

/* False after control_fail(). */
static bool given(struct control_call *call, enum exchange_version v,
		  struct exchange_outlook *o)
{
	const char *one = control_arg(call, DEFAULT);
	char why[160];
	uint8_t method;

	*o = (struct exchange_outlook){ 0 };
	for (unsigned i = 0; i < EXCHANGE_OUTLOOK_SETTINGS; i++) {
		const char *text = control_arg(call, exchange_outlook_name(i));

		if (!text ||
		    exchange_outlook_parse(i, BYTES(text), o, why, sizeof(why)))
			continue;
		control_fail(call, CONTROL_USAGE, "%s", why);
		return false;
	}
	if (!one)
		return true;
	if (!exchange_methods_parse(BYTES(one), &method) ||
	    method & (method - 1)) {
		control_fail(call, CONTROL_USAGE,
			     DEFAULT " must be one of Basic, Ntlm, Negotiate");
		return false;
	}
	if (o->client || o->external || o->internal || o->iis) {
		control_fail(call, CONTROL_USAGE,
			     DEFAULT " sets what IIS and Outlook use at once: "
				     "give it without the other methods");
		return false;
	}
	exchange_outlook_default(v, method, o);
	return true;
}

static bool is_among(const struct exchange_finding *f,
		     const struct exchange_finding *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(f->code, list[i].code))
			return true;
	return false;
}

/* What the change would break, which is not broken already. */
static bool allowed(struct control_call *call,
		    const struct exchange_topology *before,
		    const struct exchange_server *is,
		    const struct exchange_topology *after,
		    const struct exchange_server *shall)
{
	struct exchange_finding old[EXCHANGE_FINDINGS], new[EXCHANGE_FINDINGS];
	bool force = json_is_true(json_object_get(call->args, "force"));
	unsigned n_old = exchange_judge_outlook(before, is, old);
	unsigned n_new = exchange_judge_outlook(after, shall, new);

	for (unsigned i = 0; i < n_new; i++) {
		bool never = new[i].severity == EXCHANGE_ERROR;

		if (is_among(&new[i], old, n_old) || (force && !never))
			continue;
		control_fail(call, CONTROL_REFUSED, "%s%s%s%s", new[i].text,
			     new[i].cmdlet[0] ? ": " : "", new[i].cmdlet,
			     never ? "" : " (--force does it all the same)");
		return false;
	}
	return true;
}

/* Set-OutlookAnywhere demands them together. */
static bool complete(struct control_call *call, const struct exchange_server *s,
		     const struct exchange_outlook *o)
{
	bool modern = exchange_is_modern(s->version);

	if (modern && o->external_hostname[0] &&
	    (!s->outlook.external || !s->outlook.external_ssl)) {
		control_fail(call, CONTROL_USAGE,
			     "ExternalHostname of Exchange 2013 and later "
			     "needs ExternalClientAuthenticationMethod and "
			     "ExternalClientsRequireSsl with it");
		return false;
	}
	if (modern && o->internal_hostname[0] && !s->outlook.internal_ssl) {
		control_fail(call, CONTROL_USAGE,
			     "InternalHostname needs InternalClientsRequireSsl "
			     "with it");
		return false;
	}
	return true;
}

/* False after control_fail(). */
static bool publish(struct app *a, struct control_call *call)
{
	struct proxy_config *next = build_again(a, config_now(a));

	if (next)
		build_publish(a, next);
	else
		control_fail(call, CONTROL_FAILED, "out of memory");
	return next;
}

/* --- of the appliance ---------------------------------------------------- */

static bool shared_listener(const struct app *a)
{
	const struct proxy_config *c = config_now(a);

	for (unsigned i = 0; i < c->n_listeners; i++)
		if (c->listener[i].balanced)
			return true;
	return false;
}

/* Would the clients of a server find nothing that they are told to use? */
static bool own_allowed(const struct app *a, struct control_call *call,
			uint8_t offers)
{
	const struct exchange_topology *t = &config_now(a)->topology;
	struct exchange_topology *after;
	bool ok = true;

	if (!(offers & CONF_BASIC) && shared_listener(a) &&
	    !json_is_true(json_object_get(call->args, "force"))) {
		control_fail(call, CONTROL_REFUSED,
			     "without Basic nobody can log on through a "
			     "listener with balancer: l7 (--force does it all "
			     "the same)");
		return false;
	}
	after = malloc(sizeof(*after));
	if (!after) {
		control_fail(call, CONTROL_FAILED, "out of memory");
		return false;
	}
	*after = *t;
	after->policy.offers[EXCHANGE_RPC] = offers;
	for (unsigned i = 0; i < t->n_servers && ok; i++)
		ok = allowed(call, t, &t->server[i], after, &t->server[i]);
	free(after);
	return ok;
}

static json_t *set_own(struct app *a, struct control_call *call)
{
	const char *methods = control_arg(call, IIS);
	uint32_t n_before, before[ARRAY_LEN(a->rpc_method)];
	struct exchange_outlook o;
	struct bytes rest;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)call->args, key, value)
	{
		if (strcmp(key, "server") && strcmp(key, "force") &&
		    strcmp(key, IIS))
			return control_fail(
				call, CONTROL_REFUSED,
				"the appliance itself has " IIS " only: "
				"Autodiscover tells Outlook what its 2013 or "
				"later server is set to");
	}
	if (!methods)
		return control_fail(call, CONTROL_USAGE,
				    "give --" IIS " Basic,Ntlm or the like");
	if (!given(call, EXCHANGE_SE, &o) || !own_allowed(a, call, o.iis))
		return NULL;
	n_before = a->rpc_offer.n;
	memcpy(before, a->rpc_method, sizeof(before));
	rest = BYTES(methods);
	a->rpc_offer = (struct conf_offer){ 0, a->rpc_method };
	while (rest.n) {
		struct bytes word = bytes_cut(&rest, ',');
		uint8_t method = 0;

		/* Twice the same is once. */
		if (exchange_methods_parse(word, &method) && o.iis & method)
			a->rpc_method[a->rpc_offer.n++] = method;
		o.iis &= (uint8_t)~method;
	}
	if (!publish(a, call)) {
		a->rpc_offer.n = n_before;
		memcpy(a->rpc_method, before, sizeof(before));
		return NULL;
	}
	log_info("Outlook Anywhere of the appliance: " IIS " %s", methods);
	return own_json(a, IIS);
}

/* --- of a server --------------------------------------------------------- */

static json_t *change(struct app *a, struct control_call *call, int i,
		      bool enable)
{
	const struct exchange_topology *t = &config_now(a)->topology;
	struct exchange_server shall = t->server[i];
	struct server_name *known = &a->server[shall.id];
	struct server_name before = *known;
	struct exchange_outlook o;
	char cmdlet[1024];
	json_t *reply;

	if (!given(call, shall.version, &o))
		return NULL;
	exchange_outlook_merge(&shall.outlook, &o);
	if (!complete(call, &shall, &o) ||
	    !allowed(call, t, &t->server[i], t, &shall))
		return NULL;
	exchange_outlook_merge(&known->settings, &o);
	if (enable)
		known->outlook = OUTLOOK_ENABLED;
	/* It takes the server an hour, at worst. */
	known->advised = known->was_ready ? known->advised : worker_clock();
	if (!publish(a, call)) {
		*known = before;
		return NULL;
	}
	exchange_outlook_cmdlet(&shall, &o, enable, cmdlet, sizeof(cmdlet));
	log_info("Outlook Anywhere of %s: %s", shall.name, cmdlet);
	t = &config_now(a)->topology;
	reply = server_json(t, &t->server[i]);
	json_object_set_new(reply, "cmdlet", json_string(cmdlet));
	return reply;
}

json_t *handle_outlook_set(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	int i = which(a, call);
	size_t n = json_object_size(call->args);

	if (i == -2)
		return NULL;
	if (n < 2 || (n == 2 && json_object_get(call->args, "force")))
		return control_fail(call, CONTROL_USAGE,
				    "say what is to be set: --" IIS
				    " Basic,Ntlm or the like");
	return i == -1 ? set_own(a, call) : change(a, call, i, false);
}

static bool may_switch(struct control_call *call,
		       const struct exchange_topology *t, int i)
{
	if (i == -2)
		return false;
	if (i == -1 || exchange_is_modern(t->server[i].version)) {
		control_fail(call, CONTROL_REFUSED,
			     "Outlook Anywhere of Exchange 2013 and later, and "
			     "of the appliance, is always on: `component set "
			     "RpcProxy Inactive' keeps clients away");
		return false;
	}
	return true;
}

json_t *handle_outlook_enable(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	const struct exchange_topology *t = &config_now(a)->topology;
	int i = which(a, call);

	if (!may_switch(call, t, i))
		return NULL;
	if (!control_arg(call, "ExternalHostname") ||
	    !control_arg(call, "SSLOffloading") ||
	    (!control_arg(call, "ClientAuthenticationMethod") &&
	     !control_arg(call, DEFAULT)))
		return control_fail(
			call, CONTROL_USAGE,
			"Enable-OutlookAnywhere needs --ExternalHostname, "
			"--SSLOffloading and --ClientAuthenticationMethod: "
			"outlook-anywhere enable %s --ExternalHostname %s "
			"--SSLOffloading False --ClientAuthenticationMethod "
			"Basic%s",
			t->server[i].name, t->own_name[0],
			t->server[i].version == EXCHANGE_2010
				? " --IISAuthenticationMethods Basic,Ntlm"
				: "");
	return change(a, call, i, true);
}

/* Does another one of its version serve Outlook Anywhere in its site? */
static bool has_peer(const struct exchange_topology *t,
		     const struct exchange_server *s)
{
	for (unsigned i = 0; i < t->n_servers; i++) {
		const struct exchange_server *o = &t->server[i];

		if (o != s && o->version == s->version && o->site == s->site &&
		    exchange_can_serve(o, EXCHANGE_RPC, NULL) &&
		    !exchange_is_drained(o, EXCHANGE_RPC))
			return true;
	}
	return false;
}

json_t *handle_outlook_disable(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	const struct exchange_topology *t = &config_now(a)->topology;
	int i = which(a, call);
	const struct exchange_server *s;
	enum outlook_state before;
	char cmdlet[128];
	json_t *reply;
	size_t n;

	if (!may_switch(call, t, i))
		return NULL;
	s = &t->server[i];
	n = has_peer(t, s) ? 0 : mailboxes_behind(a, s);
	if (n && !json_is_true(json_object_get(call->args, "force")))
		return control_fail(
			call, CONTROL_REFUSED,
			"%zu mailboxes of Exchange %s in site %s would lose "
			"Outlook: %s is the last that serves Outlook Anywhere "
			"there (--force does it all the same)",
			n, exchange_version_name(s->version), t->site[s->site],
			s->name);
	before = a->server[s->id].outlook;
	a->server[s->id].outlook = OUTLOOK_DISABLED;
	if (!publish(a, call)) {
		a->server[s->id].outlook = before;
		return NULL;
	}
	t = &config_now(a)->topology;
	snprintf(cmdlet, sizeof(cmdlet),
		 "Disable-OutlookAnywhere -Server %s -Confirm:$false",
		 t->server[i].name);
	log_info("Outlook Anywhere of %s: disabled", t->server[i].name);
	reply = server_json(t, &t->server[i]);
	json_object_set_new(reply, "cmdlet", json_string(cmdlet));
	return reply;
}
