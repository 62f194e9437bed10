/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * preflight.c - `casgatectl preflight`: every server is asked over the data
 * path, exchange.h judges, and this tells it. The daemon goes on meanwhile; the
 * answer comes when the last probe has ended.
 */
#include "casgate.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Active Directory and the RpcHttpConfigurator take their time. */
#define PATIENCE SEC(3600)

/* A ticket serves one request: the echo, and the two channels. */
enum { LOGON_ECHO, LOGON_OUT, LOGON_IN, LOGONS };

/* What the probes with credentials of one server borrow. */
struct deep_ask {
	char target[LOGON_TARGET];
	struct rpch_opening opening;
	/* By Kerberos: the tickets, and the values made of them. */
	struct auth_job ticket[LOGONS];
	char *value[LOGONS];
	uint8_t *bytes; /* LOGONS times AUTH_TOKEN */
};

struct part {
	struct preflight *job;
	unsigned worker, workers;
};

struct preflight {
	uint64_t token;
	atomic_uint left;
	struct part part[WORKERS_MAX];
	/* Who logs on to Outlook Anywhere, if anybody; wiped at the end. */
	struct logon logon;
	struct deep_ask *deep; /* by server's id */
	bool kerberos; /* tickets were asked for, */
	unsigned tickets; /* and so many are not answered yet */
	bool news; /* a server says another version of itself than before */
	unsigned first, n; /* asked in this round: [first..n) */
	enum { ROUND_FIRST, ROUND_TICKETS, ROUND_DEEP } round;
	struct proxy_probe probe[]; /* by server, protocol, question */
};

/* --- asking
 * ------------------------------------------------------------------- */

static void answered(struct proxy *p, struct proxy_probe *q, usec_t now)
{
	struct preflight *job = q->arg;

	atomic_fetch_sub_explicit(&job->left, 1, memory_order_release);
}

static void begin(struct proxy *p, void *arg, usec_t now)
{
	const struct part *part = arg;

	for (unsigned i = part->job->first + part->worker; i < part->job->n;
	     i += part->workers)
		proxy_probe(p, &part->job->probe[i]);
}

static void add(struct app *a, struct preflight *job,
		const struct exchange_server *s, const struct proxy_server *b)
{
	for (unsigned p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++) {
		if (!exchange_should_serve(s, p) ||
		    (exchange_is_mail(p) && !b->mail_tls[0]))
			continue;
		for (unsigned ask = exchange_ask_of(s, p);
		     ask <= EXCHANGE_ASK_VDIR; ask++)
			job->probe[job->n++] = (struct proxy_probe){
				.server = s->id,
				.protocol = p,
				.ask = ask,
				.timeout = a->conf->health.timeout,
				.done = answered,
				.arg = job,
			};
	}
}

/* --- asking as somebody -------------------------------------------------- */

/* Passwords are shown to no server that may speak TLS 1.0, and to none that
 * does not ask for them; tickets to those that take Kerberos. From 2013 on the
 * account would be taken for a mailbox user (exchange.h). */
static bool may_log_on(struct app *a, struct preflight *job,
		       const struct proxy_probe *q, char *target)
{
	const struct proxy_config *c = config_now(a);
	bool user = job->logon.value[0];
	enum exchange_scheme s = user ? EXCHANGE_BASIC : EXCHANGE_NEGOTIATE;
	int i = c->server_of_id[q->server];

	if (q->protocol != EXCHANGE_RPC || q->ask != EXCHANGE_ASK_VDIR ||
	    q->facts.status != 401 || !(q->facts.schemes >> s & 1) || i < 0)
		return false;
	return (!user || a->conf->servers[i].tls.min != 10) &&
	       logon_target(a, &job->logon, &c->topology.server[i], target);
}

static void ticket_answered(struct auth_job *j, usec_t now)
{
	struct preflight *job = j->arg;

	job->tickets--;
}

/* One thread, one ring: a server's three are answered in their order. */
static void ask_tickets(struct app *a, struct preflight *job, unsigned id)
{
	struct deep_ask *d = &job->deep[id];
	int i = config_now(a)->server_of_id[id];

	d->bytes = malloc((size_t)LOGONS * AUTH_TOKEN);
	for (unsigned k = 0; d->bytes && k < LOGONS; k++) {
		struct auth_job *j = &d->ticket[k];

		*j = (struct auth_job){ .ask = AUTH_ASK_TOKEN,
					.as = AUTH_AS_SERVICE,
					.result = AUTH_FAILED,
					.token = d->bytes +
						 (size_t)k * AUTH_TOKEN,
					.token_room = AUTH_TOKEN,
					.done = ticket_answered,
					.arg = job };
		server_spn(a->conf, (unsigned)i, j->target);
		job->tickets += authpool_ask(a->auth, AUTH_CONTROL, j);
	}
}

/* Between the rounds: tickets for those that take Kerberos. False: none. */
static bool want_tickets(struct app *a, struct preflight *job)
{
	char target[LOGON_TARGET];

	if (job->logon.value[0] || !a->auth)
		return false;
	job->kerberos = true;
	for (unsigned i = 0; i < job->n; i++)
		if (may_log_on(a, job, &job->probe[i], target))
			ask_tickets(a, job, job->probe[i].server);
	return job->tickets;
}

static char *negotiate(const struct auth_job *j)
{
	size_t room = 16 + (j->token_n + 2) / 3 * 4;
	struct bytes_writer w = { calloc(1, room + 1), 0, room, false };

	if (!w.p || j->result != AUTH_OK) {
		free(w.p);
		return NULL;
	}
	bytes_puts(&w, "Negotiate ");
	bytes_put64(&w, (struct bytes){ j->token, j->token_n });
	return (char *)w.p;
}

static bool set_logins(struct preflight *job, struct deep_ask *d,
		       struct proxy_probe *p)
{
	unsigned first = p->ask == EXCHANGE_ASK_ECHO ? LOGON_ECHO : LOGON_OUT;

	for (unsigned k = 0; k < 2; k++) {
		p->login[k] = job->logon.value;
		if (job->logon.value[0])
			continue;
		if (!d->value[first + k])
			d->value[first + k] = negotiate(&d->ticket[first + k]);
		p->login[k] = d->value[first + k];
	}
	return p->login[0] && p->login[1];
}

/* The second round: an echo and a virtual connection where the first one was
 * asked who it is. False: nobody was. */
static bool ask_deep(struct app *a, struct preflight *job)
{
	job->first = job->n;
	for (unsigned i = 0; i < job->first; i++) {
		const struct proxy_probe q = job->probe[i];
		struct deep_ask *d = &job->deep[q.server];

		if (!may_log_on(a, job, &q, d->target))
			continue;
		seal_random(&d->opening, sizeof(d->opening));
		for (unsigned ask = EXCHANGE_ASK_ECHO;
		     ask <= EXCHANGE_ASK_CONNECT; ask++) {
			struct proxy_probe *p = &job->probe[job->n];

			*p = q;
			p->ask = ask;
			p->target = d->target;
			p->opening = &d->opening;
			job->n += set_logins(job, d, p);
		}
	}
	return job->n > job->first;
}

static struct preflight *prepare(struct app *a, int only)
{
	const struct proxy_config *c = config_now(a);
	const struct exchange_topology *t = &c->topology;
	size_t most = (size_t)t->n_servers * (EXCHANGE_PROTOCOL_COUNT * 2 + 2);
	struct preflight *job =
		calloc(1, sizeof(*job) + most * sizeof(job->probe[0]));

	if (job)
		job->deep = calloc(SERVER_IDS, sizeof(*job->deep));
	if (!job || !job->deep) {
		free(job);
		return NULL;
	}
	for (unsigned i = 0; i < t->n_servers; i++)
		if (only < 0 || (unsigned)only == i)
			add(a, job, &t->server[i], &c->server[i]);
	return job;
}

static void forget(struct app *a, int only)
{
	const struct exchange_topology *t = &config_now(a)->topology;

	for (unsigned i = 0; i < t->n_servers; i++) {
		struct server_name *s = &a->server[t->server[i].id];

		if (only >= 0 && (unsigned)only != i)
			continue;
		s->was_ready = false;
		s->advised = 0;
	}
}

static void drop(struct preflight *job)
{
	mem_wipe(&job->logon, sizeof(job->logon));
	for (unsigned i = 0; i < SERVER_IDS; i++)
		for (unsigned k = 0; k < LOGONS; k++)
			free(job->deep[i].value[k]);
	for (unsigned i = 0; i < SERVER_IDS; i++)
		free(job->deep[i].bytes);
	free(job->deep);
	free(job);
}

static bool ask_round(struct app *a, struct preflight *job)
{
	atomic_init(&job->left, job->n - job->first);
	for (unsigned w = 0; w < a->workers; w++) {
		job->part[w] = (struct part){ job, w, a->workers };
		if (ask_worker(a, w, begin, &job->part[w]))
			return false;
	}
	return true;
}

json_t *handle_preflight(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	struct preflight *job;
	int only = -1;

	if (a->preflight)
		return control_fail(call, CONTROL_BUSY,
				    "another preflight is under way");
	if (json_object_get(call->args, "server")) {
		only = which_server(config_now(a), call);
		if (only < 0)
			return NULL;
	}
	if (json_is_true(json_object_get(call->args, "fresh")))
		forget(a, only);
	job = prepare(a, only);
	if (!job)
		return control_fail(call, CONTROL_FAILED, "out of memory");
	if (!logon_given(a, call, &job->logon)) {
		drop(job);
		return NULL;
	}
	job->token = call->token;
	/* Questions may still come back to the job: better lost than freed. */
	if (!ask_round(a, job))
		return control_fail(call, CONTROL_TIMEOUT,
				    "a worker does not answer");
	a->preflight = job;
	return control_later(call);
}

/* --- telling
 * ------------------------------------------------------------------- */

struct concern {
	const struct exchange_topology *t;
	const struct exchange_server *s;
	size_t mailboxes;
};

/* Mailboxes that this server is a front end of. */
static void count(void *arg, const char *server, size_t n)
{
	struct concern *c = arg;
	struct exchange_place place = { 0 };

	exchange_place_at(c->t, BYTES(server), &place);
	if (exchange_is_modern(c->s->version)
		    ? exchange_is_modern(place.version)
		    : place.version == c->s->version &&
			      place.site == c->s->site)
		c->mailboxes += n;
}

size_t mailboxes_behind(struct app *a, const struct exchange_server *s)
{
	struct concern of = { .t = &config_now(a)->topology, .s = s };

	route_each_server(a->routes, count, &of);
	return of.mailboxes;
}

/* The same said of several protocols is said once. */
static void tell(json_t *list, const struct exchange_finding *f,
		 const char *protocol, size_t mailboxes)
{
	json_t *o, *protocols;
	size_t i;

	json_array_foreach(list, i, o)
	{
		if (strcmp(json_string_value(json_object_get(o, "text")),
			   f->text) != 0)
			continue;
		json_array_append_new(json_object_get(o, "protocols"),
				      json_string(protocol));
		return;
	}
	protocols = json_array();
	if (protocol)
		json_array_append_new(protocols, json_string(protocol));
	json_array_append_new(
		list,
		json_pack("{s:s, s:s, s:o, s:I, s:s, s:s, s:b}", "severity",
			  exchange_severity_word(f->severity), "code", f->code,
			  "protocols", protocols, "mailboxes",
			  (json_int_t)mailboxes, "text", f->text, "cmdlet",
			  f->cmdlet, "local", (int)f->local));
}

/* What is remembered of Outlook Anywhere, for the next time. */
static void remember(struct server_name *s, const struct exchange_finding *f)
{
	if (!f || f->severity == EXCHANGE_WARNING) {
		s->was_ready = true;
		s->advised = 0;
	} else if (f->severity == EXCHANGE_ERROR && f->cmdlet[0]) {
		s->advised = worker_clock();
	}
}

struct verdict {
	enum exchange_severity worst;
	bool any;
	json_t *list;
};

static void take(struct verdict *v, const struct exchange_finding *f,
		 const char *protocol, size_t mailboxes)
{
	v->worst = v->any ? max(v->worst, f->severity) : f->severity;
	v->any = true;
	tell(v->list, f, protocol, mailboxes);
}

static void judge_protocol(struct app *a, struct exchange_preflight *in,
			   size_t mailboxes, struct verdict *v)
{
	struct server_name *known = &a->server[in->server->id];
	struct exchange_finding f[EXCHANGE_FINDINGS];
	unsigned n;

	in->was_ready = known->was_ready;
	in->advised =
		known->advised && worker_clock() - known->advised < PATIENCE;
	n = exchange_judge(in, f);
	for (unsigned i = 0; i < n; i++)
		take(v, &f[i], exchange_protocol_word(in->protocol), mailboxes);
	known->found[in->protocol] =
		n && f[0].severity != EXCHANGE_WARNING ? f[0].code : NULL;
	if (in->protocol == EXCHANGE_RPC && in->vdir.reach == EXCHANGE_ANSWERED)
		remember(known, n ? &f[0] : NULL);
}

/* No ticket, no Kerberos: what the domain said. */
static void judge_tickets(const struct preflight *job,
			  const struct exchange_server *s, size_t mailboxes,
			  struct verdict *v)
{
	const struct auth_job *j = &job->deep[s->id].ticket[LOGON_ECHO];
	struct exchange_finding f = { .severity = EXCHANGE_ERROR,
				      .code = "no-ticket" };

	if (!j->done || j->result == AUTH_OK)
		return;
	snprintf(f.text, sizeof(f.text), "no Kerberos ticket for %.*s: %s (%s)",
		 (int)strlen(j->target), j->target,
		 auth_result_words(j->result), j->answer.why);
	if (j->result == AUTH_NO_SPN)
		snprintf(f.cmdlet, sizeof(f.cmdlet), "setspn -Q %s", j->target);
	take(v, &f, exchange_protocol_word(EXCHANGE_RPC), mailboxes);
}

static const char *verdict_word(const struct verdict *v)
{
	if (!v->any || v->worst == EXCHANGE_WARNING)
		return "ready";
	return v->worst == EXCHANGE_PENDING ? "pending" : "not ready";
}

static void note(struct exchange_preflight *in, const struct proxy_probe *q)
{
	switch (q->ask) {
	case EXCHANGE_ASK_HEALTH:
		in->health = q->facts;
		break;
	case EXCHANGE_ASK_VDIR:
		in->vdir = q->facts;
		break;
	case EXCHANGE_ASK_ECHO:
		in->echo = q->facts;
		break;
	case EXCHANGE_ASK_CONNECT:
		in->connect = q->facts;
		break;
	}
}

/* Where the probes of the first round end, server by server. */
static unsigned first_round(const struct preflight *job)
{
	return job->round == ROUND_DEEP ? job->first : job->n;
}

/* Could the user whose name was given open a virtual connection? */
static const char *logon_word(const struct exchange_preflight *rpc)
{
	if (rpc->echo.reach == EXCHANGE_NOT_ASKED)
		return "";
	return rpc->echo.echo && rpc->connect.c2 ? "ok" : "failed";
}

/* The probes of one server, from *at on; NULL when it is gone meanwhile. */
static json_t *judge_server(struct app *a, struct preflight *job, unsigned *at,
			    bool *ready)
{
	const struct proxy_config *c = config_now(a);
	uint16_t id = job->probe[*at].server;
	int i = c->server_of_id[id];
	struct exchange_preflight in[EXCHANGE_PROTOCOL_COUNT] = { 0 };
	struct exchange_finding f[EXCHANGE_FINDINGS];
	struct exchange_build seen = { 0 };
	struct verdict v = { .list = json_array() };
	const struct exchange_topology *t = &c->topology;
	const struct exchange_server *s;
	size_t mailboxes;
	unsigned n;

	for (unsigned k = job->first; job->round == ROUND_DEEP && k < job->n;
	     k++)
		if (job->probe[k].server == id)
			note(&in[job->probe[k].protocol], &job->probe[k]);
	for (; *at < first_round(job) && job->probe[*at].server == id; ++*at) {
		const struct proxy_probe *q = &job->probe[*at];

		note(&in[q->protocol], q);
		if (q->facts.owa.major)
			seen = q->facts.owa;
		else if (q->facts.eas.major && !seen.major)
			seen = q->facts.eas;
	}
	if (i < 0) {
		json_decref(v.list);
		return NULL;
	}
	s = &t->server[i];
	mailboxes = mailboxes_behind(a, s);
	if (seen.major) {
		job->news |=
			memcmp(&a->server[id].seen, &seen, sizeof(seen)) != 0;
		a->server[id].seen = seen;
	}
	n = exchange_judge_version(t, s, &seen, f);
	for (unsigned k = 0; k < n; k++)
		take(&v, &f[k], NULL, mailboxes);
	for (unsigned p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++) {
		in[p].topology = t;
		in[p].server = s;
		in[p].protocol = p;
		in[p].kerberos = job->kerberos;
		judge_protocol(a, &in[p], mailboxes, &v);
	}
	judge_tickets(job, s, mailboxes, &v);
	*ready &= !v.any || v.worst == EXCHANGE_WARNING;
	return json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:o}", "server",
			 s->name, "version", exchange_version_name(s->version),
			 "site", t->site[s->site], "mailboxes",
			 (json_int_t)mailboxes, "logon",
			 logon_word(&in[EXCHANGE_RPC]), "verdict",
			 verdict_word(&v), "findings", v.list);
}

static json_t *report(struct app *a, struct preflight *job)
{
	struct exchange_finding f[EXCHANGE_FINDINGS];
	json_t *servers = json_array(), *all = json_array();
	unsigned n = exchange_judge_organisation(&config_now(a)->topology, f);
	bool ready = true;

	for (unsigned i = 0; i < n; i++) {
		tell(all, &f[i], NULL, route_count(a->routes));
		ready &= f[i].severity == EXCHANGE_WARNING;
	}
	for (unsigned at = 0; at < first_round(job);) {
		json_t *o = judge_server(a, job, &at, &ready);

		if (o)
			json_array_append_new(servers, o);
	}
	return json_pack("{s:b, s:o, s:o}", "ready", (int)ready, "organisation",
			 all, "servers", servers);
}

void preflight_look(struct app *a)
{
	struct preflight *job = a->preflight;
	struct proxy_config *next;

	if (!job || atomic_load_explicit(&job->left, memory_order_acquire))
		return;
	if (job->round == ROUND_FIRST && want_tickets(a, job)) {
		job->round = ROUND_TICKETS;
		return;
	}
	if (job->round == ROUND_TICKETS && job->tickets)
		return;
	if (job->round < ROUND_DEEP && (job->logon.value[0] || job->kerberos) &&
	    ask_deep(a, job) && ask_round(a, job)) {
		job->round = ROUND_DEEP;
		return;
	}
	a->preflight = NULL;
	control_finish(a->control, job->token, report(a, job));
	/* Its version gate may open or close. */
	next = job->news ? build_again(a, config_now(a)) : NULL;
	if (next)
		build_publish(a, next);
	drop(job);
}
