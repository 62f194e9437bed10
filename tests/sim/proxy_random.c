/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proxy_random.c - many clients at once, each with a mind of its own, through
 * a network that may be bad, to servers that may be worse, while the
 * administrator reloads and memory runs short: all from one seed.
 *
 * Whatever happens, a client reads its own answer, whole or visibly cut; a
 * server reads a request's own body; no server's connection ever serves two
 * users; and everybody comes to an end. In a calm run nothing may fail at all.
 */
#include <stdio.h>

#include "proxy_world.h"

#define PEOPLE 24
#define REQUESTS 5
#define PATIENCE SEC(400) /* for one answer */
#define LIMIT SEC(4000)

/* What a client does in the middle of a request. */
enum flaw { HONEST, RESETS, HANGS_UP, VANISHES, PAUSES, GIVES_UP };

struct client {
	struct end e;
	struct rng rng;
	unsigned index, left;
	char user[64];
	bool begun, asking, done;
	usec_t when; /* the next act is not before */
	usec_t asked;
	/* the request */
	char head[1024];
	size_t head_n, head_sent;
	uint64_t id, body, body_sent;
	bool chunked, told, waits; /* told: all of it; waits: for the 100 */
	uint64_t n;
	bool cut; /* the server will cut it */
	enum flaw flaw;
	size_t flaw_at; /* bytes sent and got */
	struct answer answer;
	size_t at;
};

static struct {
	struct rng rng;
	bool calm;
	uint64_t ids;
	unsigned told; /* requests that were sent whole */
	unsigned answered, cut; /* what became of them */
	unsigned owner[ORIGINS]; /* of a server's connection: client + 1 */
	char owner_user[ORIGINS][64];
	usec_t next_act;
	struct change now;
} all;

static bool one_in(struct rng *r, uint32_t n)
{
	return !rng_below(r, n);
}

/* --- a request -------------------------------------------------------------
 */

static uint64_t some_size(struct rng *r)
{
	static const uint32_t up_to[] = { 1, 20, 2000, 20000, 70000, 400000 };

	return rng_below(r, up_to[rng_below(r, ARRAY_LEN(up_to))] + 1);
}

static size_t basic(const char *user, char *dst)
{
	char plain[128];
	size_t n = (size_t)snprintf(plain, sizeof(plain), "%s:secret", user);

	return world_base64(plain, n, dst);
}

/* The last ones take their time, or cannot be reached. */
static const char *const some_server[] = { "EX13A",   "EX13A",	 "EX13B",
					   "PAIR2",   "SECOND",	 "HOLE",
					   "REFUSED", "IMPOSTOR" };

static const char *some_user(struct world *w, struct rng *r)
{
	return world_user(w,
			  some_server[rng_below(
				  r, all.calm ? 4 : ARRAY_LEN(some_server))]);
}

static void compose(struct world *w, struct client *c)
{
	static const char framing[] = "lcu", then[] = "knfr";
	struct rng *r = &c->rng;
	char auth[256], f = framing[rng_below(r, 3)];
	char end = all.calm || !one_in(r, 6) ? 'k' : then[rng_below(r, 4)];
	bool post = one_in(r, 2), early = post && one_in(r, 4);
	uint64_t shortfall = 0;

	/* One in three requests is another user's. */
	if (!c->user[0] || one_in(r, 3))
		snprintf(c->user, sizeof(c->user), "%s", some_user(w, r));
	c->id = ++all.ids;
	c->n = some_size(r);
	c->body = post ? some_size(r) : 0;
	c->chunked = post && one_in(r, 2);
	c->waits = post && c->body && one_in(r, 5);
	if (f != 'u' && end != 'k' && c->n)
		shortfall = 1 + rng_below(r, (uint32_t)c->n);
	c->cut = shortfall || (f == 'u' && (end == 'f' || end == 'r'));
	auth[basic(c->user, auth)] = '\0';
	c->head_n = (size_t)snprintf(
		c->head, sizeof(c->head),
		"%s /EWS/x?id=%llu&n=%llu&f=%c&then=%c&short=%llu&early=%d"
		"&delay=%u&late=%u&own=1&pad=%u HTTP/1.1\r\nHost: " NAME "\r\n"
		"Authorization: Basic %s\r\n",
		post ? "POST" : "GET", (unsigned long long)c->id,
		(unsigned long long)c->n, f, end, (unsigned long long)shortfall,
		early, one_in(r, 3) ? rng_below(r, 300) : 0,
		end == 'k' ? 0 : rng_below(r, 100),
		one_in(r, 5) ? rng_below(r, 60000) : 0, auth);
	if (post)
		c->head_n += (size_t)snprintf(
			c->head + c->head_n, sizeof(c->head) - c->head_n,
			c->chunked ? "Transfer-Encoding: chunked\r\n"
				   : "Content-Length: %llu\r\n",
			(unsigned long long)c->body);
	c->head_n += (size_t)snprintf(
		c->head + c->head_n, sizeof(c->head) - c->head_n, "%s\r\n",
		c->waits ? "Expect: 100-continue\r\n" : "");
	c->head_sent = c->body_sent = 0;
	c->told = false;
	c->answer = (struct answer){ 0 };
	c->flaw = all.calm || !one_in(r, 8)
			  ? HONEST
			  : (enum flaw)(1 + rng_below(r, GIVES_UP));
	c->flaw_at = c->e.got + rng_below(r, (uint32_t)(c->n + c->body) + 1);
	c->asking = true;
	c->asked = w->sim.now;
}

/* --- saying it --------------------------------------------------------------
 */

static void send_body(struct world *w, struct client *c)
{
	char piece[8192 + 32];
	size_t k, n = 0;

	while (c->body_sent < c->body && stream_room(&c->e.st)) {
		k = min((uint64_t)1 + rng_below(&c->rng, 8192),
			c->body - c->body_sent);
		n = c->chunked ? (size_t)sprintf(piece, "%zx\r\n", k) : 0;
		for (size_t i = 0; i < k; i++)
			piece[n++] = (char)pattern(c->id, c->body_sent + i);
		if (c->chunked)
			n += (size_t)sprintf(piece + n, "\r\n");
		if (end_write(w, &c->e, piece, n) != n)
			return; /* gone */
		c->body_sent += k;
	}
	if (c->body_sent < c->body)
		return;
	if (!c->chunked || end_write(w, &c->e, "0\r\n\r\n", 5) == 5) {
		c->told = true;
		all.told++;
	}
}

static void speak(struct world *w, struct client *c)
{
	if (c->told || c->e.shut || tcp_dead(c->e.st.tc))
		return;
	if (c->head_sent < c->head_n)
		c->head_sent += end_write(w, &c->e, c->head + c->head_sent,
					  c->head_n - c->head_sent);
	if (c->head_sent == c->head_n && !c->waits)
		send_body(w, c);
}

/* --- hearing it
 * --------------------------------------------------------------- */

static void interim(struct client *c)
{
	static const struct bytes go_on =
		BYTES_LIT("HTTP/1.1 100 Continue\r\n\r\n");
	struct bytes in = bytes_from(end_bytes(&c->e), c->at);

	if (!c->answer.in_body && bytes_istarts(in, go_on)) {
		c->at += go_on.n;
		c->waits = false;
	}
}

/* Whose connection to a server was it? */
static void check_owner(struct world *w, const struct client *c)
{
	unsigned i = (unsigned)strtoul(c->answer.connection, NULL, 10);

	if (!c->answer.connection[0] || i >= ORIGINS)
		return;
	if (!all.owner[i]) {
		all.owner[i] = c->index + 1;
		snprintf(all.owner_user[i], sizeof(all.owner_user[i]), "%s",
			 c->user);
	}
	if (all.owner[i] != c->index + 1 || strcmp(all.owner_user[i], c->user))
		world_fail(w,
			   "a connection of client %u, %s, served client "
			   "%u, %s",
			   all.owner[i] - 1, all.owner_user[i], c->index,
			   c->user);
}

static void answered(struct world *w, struct client *c)
{
	const struct answer *a = &c->answer;
	bool own = a->id == UINT64_MAX; /* a page of the appliance's */

	check_owner(w, c);
	if (!own && (a->id != c->id || a->n != c->n))
		world_fail(w,
			   "client %u asked for %llu and %llu bytes, and "
			   "got %llu and %llu bytes",
			   c->index, (unsigned long long)c->id,
			   (unsigned long long)c->n, (unsigned long long)a->id,
			   (unsigned long long)a->n);
	if (!own && c->cut)
		world_fail(w, "an answer that was cut looks whole");
	if (all.calm && a->status != 200)
		world_fail(w, "a calm day, and a %u", a->status);
	all.answered++;
	/* Who was refused before the end of a body need not send the rest. */
	if (a->status >= 400 && !c->told) {
		end_close(w, &c->e);
		c->left = 0;
	}
	c->left -= c->left > 0;
	c->asking = !c->told && c->left;
	c->when = w->sim.now +
		  (one_in(&c->rng, 4) ? MSEC(rng_below(&c->rng, 2000)) : 0);
}

static void hear(struct world *w, struct client *c)
{
	struct bytes in;

	interim(c);
	in = bytes_from(end_bytes(&c->e), c->at);
	if (c->answer.done)
		return;
	c->at += answer_take(&c->answer, in, c->e.ended == BY_NOTIFY);
	if (c->answer.wrong)
		world_fail(w,
			   "client %u got a malformed answer, or bytes of "
			   "another's",
			   c->index);
	else if (c->answer.done)
		answered(w, c);
}

/* Does the appliance know this connection? Its last word, a reset, may have
 * been lost. */
static bool alone(const struct world *w, const struct client *c)
{
	struct tcp_info own, other;

	tcp_info(c->e.st.tc, &own);
	list_for_each(it, &w->proxy->sessions)
	{
		tcp_info(list_entry(it, struct session, link)->client.tc,
			 &other);
		if (other.rport == own.lport)
			return false;
	}
	return true;
}

/* --- its life
 * ----------------------------------------------------------------- */

static void misbehave(struct world *w, struct client *c)
{
	size_t so_far = c->e.got + c->head_sent + c->body_sent;
	enum flaw flaw = c->flaw;

	if (flaw == HONEST || so_far < c->flaw_at)
		return;
	c->flaw = HONEST;
	switch (flaw) {
	case HONEST:
		break;
	case RESETS:
	case GIVES_UP:
		end_reset(w, &c->e);
		c->done = true;
		break;
	case HANGS_UP:
		end_close(w, &c->e);
		break;
	case VANISHES:
		end_fin(w, &c->e);
		break;
	case PAUSES:
		c->e.paused = true;
		c->when = w->sim.now + MSEC(rng_below(&c->rng, 5000));
		break;
	}
}

static void over(struct world *w, struct client *c)
{
	/* After an early answer the rest of the request was not wanted. */
	bool cut = c->asking && !c->answer.done;

	if (cut && all.calm)
		world_fail(w, "a calm day, and client %u was cut: %s", c->index,
			   ending_name(c->e.ended));
	all.cut += cut;
	end_leave(w, &c->e);
	c->done = true;
}

static void wake_at(struct world *w, usec_t when)
{
	w->sim.host[0].app_wake = min(w->sim.host[0].app_wake, when);
}

static void converse(struct world *w, struct client *c)
{
	if (!c->asking && !c->e.ended && w->sim.now >= c->when) {
		if (!c->left) {
			end_leave(w, &c->e);
			c->done = true;
			return;
		}
		/* What was already read is behind us. */
		end_consume(&c->e, c->at);
		c->at = 0;
		compose(w, c);
	}
	if (!c->asking)
		return;
	speak(w, c);
	hear(w, c);
	if (c->answer.done && c->told)
		c->asking = false;
	misbehave(w, c);
}

static void client_run(struct world *w, struct client *c)
{
	bool late;

	if (c->done)
		return;
	if (w->sim.now < c->when && (!c->begun || c->e.paused || !c->asking)) {
		wake_at(w, c->when);
		if (!c->begun || c->e.paused)
			return;
	}
	c->e.paused = false;
	if (!c->begun) {
		end_connect(w, &c->e, 443);
		c->begun = true;
		c->asked = w->sim.now;
	}
	if (end_step(w, &c->e, false))
		converse(w, c);
	if (c->done)
		return;
	if (c->e.ended || (c->e.st.tc && tcp_dead(c->e.st.tc))) {
		over(w, c);
		return;
	}
	late = (c->asking || !c->e.open) && w->sim.now - c->asked > PATIENCE;
	if (late && alone(w, c)) {
		end_reset(w, &c->e);
		c->done = true;
		return;
	}
	if (late)
		world_fail(w,
			   "client %u waits for ever; request %llu, sent "
			   "%zu + %llu of %zu + %llu",
			   c->index, (unsigned long long)c->id, c->head_sent,
			   (unsigned long long)c->body_sent, c->head_n,
			   (unsigned long long)c->body);
	wake_at(w, w->sim.now + (c->asking || !c->e.open ? SEC(10) : MSEC(1)));
}

/* --- the administrator, and bad luck
 * --------------------------------------------- */

static void act_of_god(struct world *w)
{
	struct rng *r = &all.rng;

	switch (rng_below(r, 6)) {
	case 0:
		world_hog(w, one_in(r, 2) ? rng_below(r, 600) : SIZE_MAX);
		break;
	case 1:
		world_hog_buffers(w, one_in(r, 2) ? rng_below(r, 6) : SIZE_MAX);
		break;
	case 2:
		all.now = (struct change){ .no_server_a = one_in(r, 3),
					   .no_server_b = one_in(r, 3),
					   .small_heads = one_in(r, 3) };
		world_reload(w, &all.now);
		break;
	case 3:
		if (one_in(r, 20))
			(void)proxy_kill(w->proxy, PROXY_ALL, w->sim.now);
		break;
	case 4:
		if (one_in(r, 30))
			proxy_drain(w->proxy, w->sim.now);
		break;
	default:
		/* Nobody suffers for ever. */
		world_hog(w, SIZE_MAX);
		world_hog_buffers(w, SIZE_MAX);
	}
	w->sim.host[PROXY_HOST].wake = w->sim.now;
}

static void clients_turn(struct world *w)
{
	while (tcp_ready(w->sim.host[0].tcp))
		;
	if (!all.calm && w->sim.now >= all.next_act) {
		act_of_god(w);
		all.next_act = w->sim.now + MSEC(rng_below(&all.rng, 3000));
	}
	for (unsigned i = 0; i < w->n_clients && !w->wrong[0]; i++)
		client_run(w, w->client[i]);
	if (!all.calm)
		wake_at(w, max(all.next_act, w->sim.now + 1));
}

static bool all_done(struct world *w)
{
	for (unsigned i = 0; i < w->n_clients; i++)
		if (!w->client[i]->done)
			return false;
	return true;
}

/* --- a run
 * ------------------------------------------------------------------------- */

static struct world_setup some_setup(struct rng *r, uint64_t seed)
{
	struct world_setup s = { .seed = seed,
				 .link = { .delay = rng_below(r, 30000) } };

	if (one_in(r, 3)) {
		s.link.rate = 2000000 + rng_below(r, 50000000);
		s.link.queue = 20000 + rng_below(r, 200000);
	}
	if (one_in(r, 3)) {
		s.link.loss = rng_below(r, 20000);
		s.link.dup = rng_below(r, 20000);
		s.link.reorder = rng_below(r, 50000);
		s.link.corrupt = rng_below(r, 10000);
		s.link.jitter = rng_below(r, 3000);
	}
	if (one_in(r, 4))
		s.client_mss = (uint16_t)(88 + rng_below(r, 1400));
	if (one_in(r, 4))
		s.client_rcvbuf = 20000 + rng_below(r, 60000);
	if (all.calm)
		return s;
	if (one_in(r, 4))
		s.sessions = 4 + rng_below(r, PEOPLE);
	if (one_in(r, 4))
		s.buffers = 4 + rng_below(r, PEOPLE);
	if (one_in(r, 4))
		s.large = 1 + rng_below(r, 3);
	if (one_in(r, 4))
		s.max_handshakes = 1 + rng_below(r, 4);
	return s;
}

static void people(struct world *w)
{
	/* While all servers are there. */
	for (unsigned i = 0; i < ARRAY_LEN(some_server); i++)
		(void)world_user(w, some_server[i]);
	for (unsigned i = 0; i < PEOPLE; i++) {
		struct client *c = calloc(1, sizeof(*c));

		c->index = i;
		c->left = REQUESTS;
		c->when = w->sim.now + MSEC(rng_below(&all.rng, 1000));
		rng_init(&c->rng, rng_u64(&all.rng));
		w->client[w->n_clients++] = c;
	}
}

bool random_run(uint64_t seed, bool trace)
{
	struct world *w = &world;
	struct world_setup setup;
	bool ok;

	memset(&all, 0, sizeof(all));
	rng_init(&all.rng, seed ^ 0x72616e646f6d);
	all.calm = one_in(&all.rng, 3);
	setup = some_setup(&all.rng, seed);
	world_init(w, &setup);
	w->sim.trace = trace;
	w->clients = clients_turn;
	people(w);
	w->sim.host[0].wake = w->sim.now;
	if (!world_run(w, all_done, LIMIT))
		world_fail(w, "not all clients came to their end");
	world_settle(w);
	if (w->seen.whole > all.told)
		world_fail(w,
			   "servers saw %u whole requests, and only %u were "
			   "sent whole",
			   w->seen.whole, all.told);
	ok = !w->wrong[0];
	if (!ok || trace)
		printf("%s random run --seed %llu --random --runs 1%s: %s\n",
		       ok ? "good" : "FAIL", (unsigned long long)seed,
		       all.calm ? ", calm" : "", w->wrong);
	for (unsigned i = 0; i < w->n_clients; i++) {
		end_free(w, &w->client[i]->e);
		free(w->client[i]);
	}
	world_fini(w);
	return ok;
}
