/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim_proxy.c - the real proxy on a virtual clock: rows of "the client does
 * this, the server does that, and each of them sees ...", then many clients at
 * random through a bad network.
 *
 *   sim_proxy [--seed N] [--runs K] [--row NAME] [--random] [--trace]
 *
 * After every row all sessions are gone, every buffer, packet and connection is
 * back, and every gauge is zero. The same seed is the same run, but for what
 * the date in a certificate changes.
 */
#include <stdio.h>

#include "proxy_rows.h"

#define LIMIT SEC(300) /* of virtual time, for a script */

struct client {
	struct end e;
	const struct act *act;
	struct answer answer;
	size_t at; /* of e.rx: what was not looked at yet */
	size_t sent; /* of the act under way */
	usec_t until;
	bool done;
	char text[70000]; /* of the act, with names filled in */
	size_t text_n;
};

static const struct row *row;
static usec_t began;

/* --- texts --------------------------------------------------------------- */

/* "{EX13A}" becomes the Basic header of somebody who is served there first,
 * "{EX13A+}" of another such, "{@EX13A}" the address alone, "{#1000}" so many
 * bytes of ballast. */
static void fill_in(struct world *w, struct client *c, const char *text)
{
	char name[64], user[128];
	size_t n = 0;

	for (const char *p = text; *p; p++) {
		const char *end = *p == '{' ? strchr(p, '}') : NULL;

		if (!end) {
			c->text[n++] = *p;
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)(end - p - 1), p + 1);
		p = end;
		if (name[0] == '#') {
			size_t k = strtoul(name + 1, NULL, 10);

			memset(c->text + n, 'x', k);
			n += k;
			continue;
		}
		if (name[0] == '@') {
			n += (size_t)sprintf(c->text + n, "%s",
					     world_user(w, name + 1));
			continue;
		}
		snprintf(user, sizeof(user), "%s:secret", world_user(w, name));
		n += (size_t)sprintf(c->text + n, "Authorization: Basic ");
		n += world_base64(user, strlen(user), c->text + n);
	}
	c->text_n = n;
}

/* --- acts: each returns true when it is over --------------------------------
 */

static bool act_send(struct world *w, struct client *c)
{
	static char xs[65536];
	const struct act *a = c->act;
	size_t n;

	if (c->e.shut || tcp_dead(c->e.st.tc))
		return true;
	if (a->op == SENDN) {
		memset(xs, 'x', sizeof(xs));
		n = min(a->n - c->sent, sizeof(xs));
		c->sent += end_write(w, &c->e, xs, n);
		return c->sent == a->n;
	}
	if (!c->sent)
		fill_in(w, c, a->text);
	c->sent += end_write(w, &c->e, c->text + c->sent, c->text_n - c->sent);
	return c->sent == c->text_n;
}

static bool act_wait(struct world *w, struct client *c)
{
	size_t n = strlen(c->act->text);
	const uint8_t *found =
		c->e.rx ? memmem(c->e.rx + c->at, c->e.rx_n - c->at,
				 c->act->text, n)
			: NULL;

	if (found) {
		c->at = (size_t)(found - c->e.rx) + n;
		return true;
	}
	if (c->e.ended)
		world_fail(w, "waited for `%s', but the end was: %s",
			   c->act->text, ending_name(c->e.ended));
	return false;
}

static bool act_answer(struct world *w, struct client *c)
{
	const struct act *a = c->act;
	struct answer *got = &c->answer;
	struct bytes in = { c->e.rx + c->at, c->e.rx_n - c->at };
	enum ending clean = c->e.plain ? BY_FIN : BY_NOTIFY;

	if (!c->sent)
		*got = (struct answer){ .to_head = a->op == ANSWER_HEAD };
	c->sent = 1;
	c->at += answer_take(got, in, c->e.ended == clean);
	if (got->wrong) {
		world_fail(w, "a malformed answer, or bytes of another's");
	} else if (!got->done) {
		if (c->e.ended)
			world_fail(w, "an answer was cut after %llu bytes: %s",
				   (unsigned long long)got->n,
				   ending_name(c->e.ended));
		return false;
	} else if (got->status != a->n ||
		   (a->id != NO_ID &&
		    (got->id != (uint64_t)a->id || got->n != a->size))) {
		world_fail(w,
			   "got %u of id %lld, %llu bytes; not %llu, %lld, "
			   "%llu",
			   got->status, (long long)got->id,
			   (unsigned long long)got->n, (unsigned long long)a->n,
			   (long long)a->id, (unsigned long long)a->size);
	}
	return true;
}

/* Of answers read so far: is this origin's connection the same as before? */
static bool act_same(struct world *w, struct client *c, bool same)
{
	static char last[8];

	if (c->act->text)
		snprintf(last, sizeof(last), "%s", c->answer.connection);
	else if (same != !strcmp(last, c->answer.connection))
		world_fail(w, "answered over connection %s after %s",
			   c->answer.connection, last);
	return true;
}

static bool act_appliance(struct world *w, struct client *c)
{
	const struct act *a = c->act;

	if (a->op == HOG)
		world_hog(w, a->n);
	else if (a->op == HOG_BUFFERS)
		world_hog_buffers(w, a->n);
	else if (a->op == RELOAD)
		world_reload(w, &(struct change){ .no_listeners = a->n & 1,
						  .no_server_a = a->n & 2,
						  .no_server_b = a->n & 4,
						  .small_heads = a->n & 8 });
	else if (a->op == DRAIN)
		proxy_drain(w->proxy, w->sim.now);
	else if (a->op == HOLD)
		w->sim.host[PROXY_HOST].held = w->sim.now + MSEC(a->n);
	else if (!proxy_kill(w->proxy, PROXY_ALL, w->sim.now))
		world_fail(w, "nobody to kill");
	/* As a message would. */
	w->sim.host[PROXY_HOST].wake = w->sim.now;
	return true;
}

static void connect_client(struct world *w, struct client *c)
{
	c->e.plain = row->port == 80 || row->plain;
	end_connect(w, &c->e, row->port ? row->port : 443);
}

static bool act_end(struct world *w, struct client *c)
{
	if (c->act->op == NOTIFY)
		end_notify(w, &c->e);
	else if (c->act->op == FIN)
		end_fin(w, &c->e);
	else if (c->act->op == CLOSE)
		end_close(w, &c->e);
	else
		end_reset(w, &c->e);
	return true;
}

static bool act_sleep(struct world *w, struct client *c)
{
	if (!c->until)
		c->until = w->sim.now + MSEC(c->act->n);
	if (w->sim.now >= c->until)
		return true;
	w->sim.host[0].app_wake = min(w->sim.host[0].app_wake, c->until);
	return false;
}

static bool act_connect(struct world *w, struct client *c)
{
	if (!act_sleep(w, c))
		return false;
	connect_client(w, c);
	return true;
}

static bool perform(struct world *w, struct client *c)
{
	switch (c->act->op) {
	case OVER:
		c->done = true;
		return false;
	case CONNECT:
		return act_connect(w, c);
	case SEND:
	case SENDN:
		return act_send(w, c);
	case CUT:
		c->e.cut = c->act->n;
		return true;
	case AWAIT:
		return act_wait(w, c);
	case ANSWER:
	case ANSWER_HEAD:
		return act_answer(w, c);
	case SAME:
	case OTHER:
		return act_same(w, c, c->act->op == SAME);
	case SLEEP:
		return act_sleep(w, c);
	case PAUSE:
		c->e.paused = c->act->n;
		return true;
	case NOTIFY:
	case FIN:
	case CLOSE:
	case RST:
		return act_end(w, c);
	case SEEN:
		return w->seen.requests >= c->act->n;
	case ENDED:
		return c->e.ended != STILL_OPEN;
	case HOG:
	case HOG_BUFFERS:
	case RELOAD:
	case DRAIN:
	case HOLD:
	case KILL:
		return act_appliance(w, c);
	}
	return false;
}

static void client_run(struct world *w, struct client *c)
{
	bool alive = c->e.st.tc && end_step(w, &c->e, false);

	if (!alive && c->e.st.tc && !c->e.ended)
		return;
	while (!c->done && !w->wrong[0] && perform(w, c)) {
		c->act++;
		c->sent = 0;
		c->until = 0;
		if (c->e.cut && c->act[-1].op == SEND)
			break;
	}
	if (c->e.cut && c->act->op == SEND)
		w->sim.host[0].app_wake =
			min(w->sim.host[0].app_wake, w->sim.now + MSEC(1));
	/* Others wait for what happens elsewhere. */
	if (c->act->op == SEEN)
		w->sim.host[0].app_wake =
			min(w->sim.host[0].app_wake, w->sim.now + MSEC(1));
	if (c->done && c->e.ended && c->e.st.tc)
		end_leave(w, &c->e);
}

static void clients_turn(struct world *w)
{
	while (tcp_ready(w->sim.host[0].tcp))
		;
	for (unsigned i = 0; i < w->n_clients; i++)
		client_run(w, w->client[i]);
}

/* --- a row -----------------------------------------------------------------
 */

static bool scripts_over(struct world *w)
{
	for (unsigned i = 0; i < w->n_clients; i++) {
		const struct client *c = w->client[i];

		if (!c->done || (row->ended[i] && !c->e.ended && c->e.st.tc))
			return false;
	}
	return true;
}

static const char *where(const struct client *c)
{
	static const char *const names[] = {
#define X(op) #op,
		OPS(X)
#undef X
	};

	return names[c->act->op];
}

static void check_client(struct world *w, unsigned i)
{
	struct client *c = w->client[i];
	size_t at = 0;

	if (row->ended[i] && c->e.ended != row->ended[i])
		world_fail(w, "client %u ended by %s, not %s", i,
			   ending_name(c->e.ended), ending_name(row->ended[i]));
	for (unsigned k = 0; k < 3 && row->has[i][k]; k++) {
		const char *text = row->has[i][k];
		const uint8_t *p =
			c->e.rx ? memmem(c->e.rx + at, c->e.rx_n - at, text,
					 strlen(text))
				: NULL;

		if (p)
			at = (size_t)(p - c->e.rx);
		else
			world_fail(w, "client %u did not get `%s'", i, text);
	}
	if (row->lacks && c->e.rx &&
	    memmem(c->e.rx, c->e.rx_n, row->lacks, strlen(row->lacks)))
		world_fail(w, "client %u got `%s'", i, row->lacks);
}

static void check_origins(struct world *w)
{
	const struct seen *s = &w->seen;

	for (unsigned k = 0; k < 4 && row->saw[k]; k++)
		if (!strstr(s->heads, row->saw[k]))
			world_fail(w, "no origin saw `%s'", row->saw[k]);
	for (unsigned k = 0; k < 4 && row->never_saw[k]; k++)
		if (strstr(s->heads, row->never_saw[k]))
			world_fail(w, "an origin saw `%s'", row->never_saw[k]);
	if (row->requests && s->requests != (row->requests & 0xff))
		world_fail(w, "origins saw %u requests", s->requests);
	if (row->connections && s->connections != (row->connections & 0xff))
		world_fail(w, "origins saw %u connections", s->connections);
	if (row->whole && s->whole != (row->whole & 0xff))
		world_fail(w, "origins saw %u whole requests", s->whole);
	if (row->origin_ended && !s->ended[row->origin_ended])
		world_fail(w, "no origin's connection ended by %s",
			   ending_name(row->origin_ended));
}

static void check_stats(struct world *w)
{
	const char *stats = (const char *)&w->proxy->stats;

	for (unsigned k = 0; k < 5 && row->stat[k].name; k++) {
		uint64_t v;

		memcpy(&v, stats + row->stat[k].offset, sizeof(v));
		if (v != row->stat[k].value)
			world_fail(w, "%s is %llu, not %llu", row->stat[k].name,
				   (unsigned long long)v,
				   (unsigned long long)row->stat[k].value);
	}
}

static void check_log(struct world *w)
{
	if (row->logged && w->logged.n != row->logged)
		world_fail(w, "%u lines were logged", w->logged.n);
	if (row->log_end && w->logged.last.end != row->log_end)
		world_fail(w, "the last line ended by %u", w->logged.last.end);
}

static void start_clients(struct world *w)
{
	for (unsigned i = 0; i < 3 && row->client[i][0].op; i++) {
		struct client *c = calloc(1, sizeof(*c));

		c->act = row->client[i];
		if (c->act->op != CONNECT)
			connect_client(w, c);
		w->client[w->n_clients++] = c;
	}
}

static void tell(const struct world *w)
{
	for (unsigned i = 0; i < w->n_clients; i++)
		printf("  client %u at %s %s, end: %s, got %zu bytes: %.*s\n",
		       i, where(w->client[i]),
		       w->client[i]->act->text ? w->client[i]->act->text : "",
		       ending_name(w->client[i]->e.ended), w->client[i]->e.got,
		       (int)min(w->client[i]->e.rx_n, (size_t)400),
		       (const char *)w->client[i]->e.rx);
	printf("  origins: %u connections, %u requests, %u whole\n",
	       w->seen.connections, w->seen.requests, w->seen.whole);
}

static bool run_row(const struct row *r, uint64_t seed, bool trace)
{
	struct world_setup setup = r->setup;
	struct world *w = &world;
	bool ok;

	row = r;
	setup.seed = seed;
	if (!setup.link.delay)
		setup.link.delay = MSEC(5);
	setup.raw = row_raw;
	world_init(w, &setup);
	w->sim.trace = trace;
	w->clients = clients_turn;
	began = w->sim.now;
	start_clients(w);
	if (!world_run(w, scripts_over, r->limit ? r->limit : LIMIT))
		world_fail(w, "the script did not come to its end");
	if (w->sim.now - began < r->least)
		world_fail(w, "it took %.3f s only",
			   (double)(w->sim.now - began) / 1e6);
	for (unsigned i = 0; i < w->n_clients; i++)
		check_client(w, i);
	for (unsigned i = 0; i < w->n_clients; i++)
		if (w->client[i]->e.st.tc)
			end_reset(w, &w->client[i]->e);
	check_stats(w);
	w->sim.host[0].wake = w->sim.now;
	world_settle(w);
	check_origins(w);
	check_log(w);
	ok = !w->wrong[0];
	if (!ok) {
		printf("FAIL %s: %s\n", r->name, w->wrong);
		tell(w);
	}
	for (unsigned i = 0; i < w->n_clients; i++) {
		end_free(w, &w->client[i]->e);
		free(w->client[i]);
	}
	world_fini(w);
	return ok;
}

/* --- the program
 * --------------------------------------------------------------- */

struct options {
	uint64_t seed;
	unsigned runs;
	const char *only;
	bool random, trace;
};

static struct options parse(int argc, char **argv)
{
	struct options o = { .seed = 0x5eed, .runs = 20 };

	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (!strcmp(argv[i], "--trace")) {
			o.trace = true;
		} else if (!strcmp(argv[i], "--random")) {
			o.random = true;
		} else if (!strcmp(argv[i], "--seed")) {
			o.seed = strtoull(value, NULL, 0);
			i++;
		} else if (!strcmp(argv[i], "--runs")) {
			o.runs = (unsigned)strtoul(value, NULL, 0);
			i++;
		} else if (!strcmp(argv[i], "--row")) {
			o.only = value;
			i++;
		} else {
			fprintf(stderr, "usage: sim_proxy [--seed N] [--runs K]"
					" [--row NAME] [--random] [--trace]\n");
			exit(2);
		}
	}
	return o;
}

int main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	unsigned failed = 0, rows = 0;
	uint64_t audits = 0;

	world_start();
	printf("seed %llu\n", (unsigned long long)o.seed);
	for (const struct row *r = row_tables[0]; !o.random;) {
		static unsigned table;

		if (!r->name) {
			r = row_tables[++table];
			if (!r)
				break;
			continue;
		}
		if (!o.only || !strcmp(o.only, r->name)) {
			failed += !run_row(r, o.seed, o.trace);
			audits += world.audits;
			rows++;
		}
		r++;
	}
	printf("%u rows, %u failed; %llu sessions looked at for a wake-up "
	       "that was lost\n",
	       rows, failed, (unsigned long long)audits);
	for (unsigned i = 0; i < o.runs && !o.only; i++)
		failed += !random_run(o.seed + i, o.trace);
	world_stop();
	return failed != 0;
}
