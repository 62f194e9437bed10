/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handlers_auth.c - the appliance's account: its keys, and whether it could log
 * on to the servers, by itself or for a user.
 */
#include "casgate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- status ----------------------------------------------------------------
 */

static void put_key(void *arg, const struct auth_key *k)
{
	time_t when = (time_t)k->when;
	char text[32] = "";
	struct tm tm;

	if (gmtime_r(&when, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d", &tm);
	json_array_append_new(arg,
			      json_pack("{s:s, s:i, s:s, s:s}", "principal",
					k->principal, "kvno", (int)k->kvno,
					"type", k->type, "written", text));
}

static void put_kdcs(const struct kdcs *k, json_t *list)
{
	struct kdc_info d;

	for (unsigned i = 0; k && i < kdcs_count(k); i++) {
		kdcs_info(k, i, &d);
		json_array_append_new(
			list, json_pack("{s:s, s:b, s:f, s:I}", "kdc", d.name,
					"answers", (int)d.up, "ms",
					(double)d.latency / 1e3, "failures",
					(json_int_t)d.failures));
	}
}

static json_t *no_account(struct control_call *call)
{
	return control_fail(call, CONTROL_REFUSED,
			    "the appliance has no account: give it one with "
			    "identity.keytab and identity.account");
}

json_t *handle_auth_status(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	const struct conf_identity *c = &a->conf->identity;
	json_t *keys, *kdcs, *results;
	struct authpool_stats s;

	if (!a->auth)
		return no_account(call);
	authpool_stats(a->auth, &s);
	keys = json_array();
	authpool_keys(a->auth, put_key, keys);
	kdcs = json_array();
	put_kdcs(authpool_kdcs(a->auth), kdcs);
	results = json_object();
	for (unsigned r = 0; r < AUTH_RESULT_COUNT; r++)
		if (s.results[r])
			json_object_set_new(
				results, auth_result_word(r),
				json_integer((json_int_t)s.results[r]));
	return json_pack(
		"{s:s, s:s, s:o, s:i, s:I, s:I, s:I, s:I, s:I, s:o, s:o}",
		"account", c->account, "keytab", c->keytab, "kdcs", kdcs,
		"threads", (int)s.threads, "waiting", (json_int_t)s.waiting,
		"asked", (json_int_t)s.asked, "refused", (json_int_t)s.refused,
		"cached", (json_int_t)s.cached, "slowest_ms",
		(json_int_t)(s.slowest / 1000), "results", results, "keys",
		keys);
}

static void forget(struct proxy *p, void *arg, usec_t now)
{
	proxy_forget_logins(p);
}

json_t *handle_auth_flush(void *ctx, struct control_call *call)
{
	struct app *a = ctx;

	if (!a->auth)
		return no_account(call);
	authpool_flush(a->auth);
	for (unsigned w = 0; w < a->workers; w++)
		if (ask_worker(a, w, forget, NULL))
			return control_fail(call, CONTROL_TIMEOUT,
					    "worker %u does not answer", w);
	return json_null();
}

/* --- test ------------------------------------------------------------------
 */

struct auth_step {
	struct auth_test *test;
	const char *what;
	char server[EXCHANGE_NAME];
	struct auth_job job;
	bool asked;
};

struct auth_test {
	struct app *app;
	uint64_t token;
	unsigned left, n;
	uint8_t bytes[AUTH_TOKEN]; /* nobody looks at them */
	struct auth_step step[];
};

static json_t *step_json(const struct auth_step *s)
{
	const struct auth_job *j = &s->job;
	char why[AUTH_WHY + 200] = "";

	if (!s->asked)
		snprintf(why, sizeof(why), "too many questions wait");
	else if (j->result != AUTH_OK)
		snprintf(why, sizeof(why), "%s%s%s",
			 auth_result_words(j->result),
			 j->answer.why[0] ? ": " : "", j->answer.why);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:f, s:s}", "test", s->what,
			 "server", s->server, "spn", j->target, "result",
			 s->asked ? auth_result_word(j->result) : "busy",
			 "principal", j->answer.principal, "ms",
			 (double)(j->answered - j->asked) / 1e3, "why", why);
}

static void finish(struct auth_test *t)
{
	json_t *rows = json_array();

	for (unsigned i = 0; i < t->n; i++)
		json_array_append_new(rows, step_json(&t->step[i]));
	control_finish(t->app->control, t->token, rows);
	free(t);
}

static void answered(struct auth_job *j, usec_t now)
{
	struct auth_step *s = j->arg;

	if (--s->test->left == 0)
		finish(s->test);
}

static struct auth_step *add(struct auth_test *t, const char *what,
			     const char *server, enum auth_ask ask,
			     enum auth_as as)
{
	struct auth_step *s = &t->step[t->n++];

	*s = (struct auth_step){ .test = t,
				 .what = what,
				 .job = { .ask = ask,
					  .as = as,
					  .token = t->bytes,
					  .token_room = sizeof(t->bytes),
					  .done = answered,
					  .arg = s } };
	snprintf(s->server, sizeof(s->server), "%s", server);
	return s;
}

static void add_server(struct app *a, struct auth_test *t, unsigned i,
		       const char *user, const char *password)
{
	const struct exchange_server *s = &config_now(a)->topology.server[i];
	struct auth_step *step;

	step = add(t, "log on as the service", s->name, AUTH_ASK_TOKEN,
		   AUTH_AS_SERVICE);
	server_spn(a->conf, i, step->job.target);
	if (user) {
		step = add(t, "log on for the user", s->name, AUTH_ASK_TOKEN,
			   AUTH_AS_USER);
		server_spn(a->conf, i, step->job.target);
		snprintf(step->job.user, AUTH_NAME, "%s", user);
	}
	if (user && password) {
		step = add(t, "log on with the password", s->name,
			   AUTH_ASK_TOKEN, AUTH_AS_PASSWORD);
		server_spn(a->conf, i, step->job.target);
		snprintf(step->job.user, AUTH_NAME, "%s", user);
		snprintf(step->job.password, AUTH_PASSWORD, "%s", password);
	}
}

/* The user's principal: the mailbox table knows it by any of his names. */
static void principal_of(struct app *a, const char *typed, char dst[AUTH_NAME])
{
	const char *realm = identity_realm(&a->conf->identity);
	char sam[128];

	if (route_sam(a->routes, BYTES(typed), sam, sizeof(sam)))
		snprintf(dst, AUTH_NAME, "%s@%s", sam, realm);
	else if (strchr(typed, '@'))
		snprintf(dst, AUTH_NAME, "%s", typed);
	else
		snprintf(dst, AUTH_NAME, "%s@%s", typed, realm);
}

static void ask_all(struct app *a, struct auth_test *t)
{
	t->left = t->n + 1; /* one for ourselves */
	for (unsigned i = 0; i < t->n; i++) {
		struct auth_step *s = &t->step[i];

		s->asked = authpool_ask(a->auth, AUTH_CONTROL, &s->job);
		t->left -= !s->asked;
	}
	if (--t->left == 0)
		finish(t);
}

json_t *handle_auth_test(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	const struct exchange_topology *t = &config_now(a)->topology;
	const char *user = control_arg(call, "user");
	const char *password = control_arg(call, "password");
	const char *target = control_arg(call, "target");
	char principal[AUTH_NAME];
	struct auth_test *test;
	struct auth_step *s;
	int only = -1;

	if (!a->auth)
		return no_account(call);
	if (password && (!user || strlen(password) >= AUTH_PASSWORD))
		return control_fail(call, CONTROL_USAGE,
				    "--password goes with --user, and has less "
				    "than %d bytes",
				    AUTH_PASSWORD);
	if (target) {
		only = server_named(config_now(a), call, "target");
		if (only < 0)
			return NULL;
	}
	test = calloc(1, sizeof(*test) + (3 * (size_t)t->n_servers + 1) *
						 sizeof(test->step[0]));
	if (!test)
		return control_fail(call, CONTROL_FAILED, "out of memory");
	test->app = a;
	test->token = call->token;
	if (user)
		principal_of(a, user, principal);
	if (password) {
		s = add(test, "verify the password", "", AUTH_ASK_PASSWORD,
			AUTH_AS_PASSWORD);
		snprintf(s->job.user, AUTH_NAME, "%s", principal);
		snprintf(s->job.password, AUTH_PASSWORD, "%s", password);
	}
	for (unsigned i = 0; i < t->n_servers; i++)
		if (only < 0 || (unsigned)only == i)
			add_server(a, test, i, user ? principal : NULL,
				   password);
	control_later(call);
	ask_all(a, test);
	return NULL;
}
