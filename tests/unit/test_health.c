/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_health.c - rows of "this was seen, and then it is ...": probes, what
 * requests meet, slow start, the last one of a site, components.
 */
#include "unit.h"

#include "contoso.h"
#include "health/health.h"

static const struct health_rules rules = { .interval = SEC(10),
					   .timeout = SEC(5),
					   .slow_start = SEC(60),
					   .window = SEC(10),
					   .rise = 2,
					   .fall = 3,
					   .errors = 5,
					   .percent = 50 };

/* --- probes --- */

/* '+' a probe that succeeds, '-' one that does not, 't' a minute passes, 'e'
 * an ejection, 'x' probes are turned off; and the state after it all. */
static const struct {
	const char *seen;
	enum health_state state;
} rows[] = {
	{ "", HEALTH_UNKNOWN },
	{ "+", HEALTH_UP }, /* the first good one is enough */
	{ "--", HEALTH_UNKNOWN },
	{ "---", HEALTH_DOWN },
	{ "--+", HEALTH_UP },
	{ "+--", HEALTH_UP },
	{ "+--+--", HEALTH_UP }, /* in a row, not in all */
	{ "+---", HEALTH_DOWN },
	{ "+---+", HEALTH_DOWN },
	{ "+---+-+", HEALTH_DOWN },
	{ "+---++", HEALTH_SLOW_START },
	{ "+---++--", HEALTH_SLOW_START },
	{ "+---++---", HEALTH_DOWN },
	{ "+---++t", HEALTH_UP },
	{ "+---++t+", HEALTH_UP },
	{ "t", HEALTH_UNKNOWN },
	{ "e", HEALTH_DOWN }, /* by its requests, before any probe */
	{ "+e", HEALTH_DOWN },
	{ "+e+", HEALTH_DOWN }, /* until probes succeed */
	{ "+e++", HEALTH_SLOW_START },
	{ "+e++e", HEALTH_DOWN },
	{ "+et", HEALTH_DOWN }, /* never by time alone */
	{ "+x", HEALTH_UNKNOWN },
	{ "---x", HEALTH_UNKNOWN },
	{ "---x+", HEALTH_UP },
	{ "x", HEALTH_UNKNOWN },
};

static bool act(struct health *h, struct rng *rng, char c, usec_t *now)
{
	switch (c) {
	case '+':
	case '-':
		return health_probed(h, &rules, rng, c == '+', "says nothing",
				     *now);
	case 'e':
		return health_eject(h, "5 in a row failed", *now);
	case 'x':
		return health_forget(h, *now);
	default:
		*now += SEC(60);
		return health_tick(h, &rules, *now);
	}
}

static void probes(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		usec_t now = SEC(1000);
		struct health h;
		struct rng rng;

		rng_init(&rng, i);
		health_init(&h, &rules, &rng, now);
		for (const char *c = rows[i].seen; *c; c++) {
			enum health_state before = h.state;
			bool changed = act(&h, &rng, *c, &now);

			/* Every change is told, and when it was. */
			assert_int_equal(changed, h.state != before);
			assert_true(!changed || h.since == now);
		}
		if (h.state != rows[i].state)
			fail_msg("after `%s': %s, not %s", rows[i].seen,
				 health_state_word(h.state),
				 health_state_word(rows[i].state));
	}
}

/* When it is asked again: about each interval, five times as often in doubt;
 * never all at once. */
static void schedule(void **state)
{
	usec_t now = SEC(1000), least = USEC_NEVER, most = 0;
	struct health h;
	struct rng rng;

	rng_init(&rng, 1);
	for (unsigned i = 0; i < 1000; i++) {
		health_init(&h, &rules, &rng, now);
		least = min(least, h.due - now);
		most = max(most, h.due - now);
	}
	assert_true(least < SEC(1) && most > SEC(9) && most <= SEC(10));
	least = USEC_NEVER;
	most = 0;
	for (unsigned i = 0; i < 1000; i++) {
		health_probed(&h, &rules, &rng, true, "", now);
		least = min(least, h.due - now);
		most = max(most, h.due - now);
	}
	assert_true(least >= SEC(9) && least < MSEC(9200));
	assert_true(most <= SEC(11) && most > MSEC(10800));
	health_probed(&h, &rules, &rng, false, "", now); /* up, but ... */
	assert_in_range(h.due - now, MSEC(1800), MSEC(2200));
	health_probed(&h, &rules, &rng, false, "", now);
	health_probed(&h, &rules, &rng, false, "", now); /* down */
	assert_in_range(h.due - now, SEC(9), SEC(11));
	health_probed(&h, &rules, &rng, true, "", now); /* down, but ... */
	assert_in_range(h.due - now, MSEC(1800), MSEC(2200));
	h.asked = true;
	assert_false(health_due(&h, now + SEC(60))); /* one at a time */
	h.asked = false;
	assert_true(health_due(&h, now + SEC(60)));
	assert_false(health_due(&h, now));
}

static void verdicts(void **state)
{
	usec_t now = SEC(1000);
	struct health h;
	struct rng rng;
	uint8_t last = 0;

	rng_init(&rng, 1);
	health_init(&h, &rules, &rng, now);
	assert_int_equal(health_verdict(&h, &rules, now), EXCHANGE_UP);
	health_eject(&h, "refused the connection", now);
	assert_string_equal(h.why, "refused the connection");
	assert_int_equal(health_verdict(&h, &rules, now), EXCHANGE_DOWN);
	health_probed(&h, &rules, &rng, true, "", now);
	health_probed(&h, &rules, &rng, true, "", now);
	assert_string_equal(h.why, "refused the connection");
	for (unsigned s = 0; s <= 60; s++) {
		uint8_t v = health_verdict(&h, &rules, now + SEC(s));

		assert_true(v > last || s == 0);
		assert_true(v != EXCHANGE_UP && v != EXCHANGE_DOWN);
		last = v;
	}
	assert_int_equal(last, EXCHANGE_DOWN - 1);
	/* A clock that stood still for long, or no slow start at all. */
	assert_int_equal(health_verdict(&h, &rules, now + SEC(9999)), last);
	h.state = HEALTH_SLOW_START;
	assert_int_equal(health_verdict(&h, &(struct health_rules){ 0 }, now),
			 EXCHANGE_UP);
}

/* --- what requests meet --- */

/* At these tenths of a second so many more were good and bad; is it an outlier
 * then? */
struct look {
	unsigned at, good, bad;
	bool out;
};

static const struct {
	const char *name;
	struct look look[8];
} traffic[] = {
	{ "nothing", { { 1, 0, 0 }, { 2, 0, 0 }, { 300, 0, 0 } } },
	{ "all good", { { 1, 100, 0 }, { 2, 100, 0 }, { 300, 1000, 0 } } },
	{ "five in a row", { { 1, 0, 5, true } } },
	{ "five in a row, one by one",
	  { { 1, 0, 1 },
	    { 20, 0, 1 },
	    { 40, 0, 1 },
	    { 60, 0, 1 },
	    { 80, 0, 1, true } } },
	{ "a good one between",
	  { { 1, 0, 4 }, { 2, 1, 0 }, { 3, 0, 4 }, { 4, 0, 1, true } } },
	{ "four are not five", { { 1, 0, 4 }, { 2, 0, 0 }, { 3, 1, 0 } } },
	{ "half of a window's", { { 1, 10, 10, true } } },
	{ "less than half", { { 1, 11, 9 }, { 2, 11, 9 } } },
	{ "half, but few", { { 1, 9, 9 }, { 2, 1, 0 } } },
	{ "half over several looks",
	  { { 1, 5, 4 }, { 2, 3, 3 }, { 3, 2, 2 }, { 4, 1, 2, true } } },
	{ "the window was over",
	  { { 1, 9, 9 }, { 150, 1, 1 }, { 151, 9, 8 }, { 300, 1, 1 } } },
	{ "told once, then from new on",
	  { { 1, 0, 7, true }, { 2, 0, 4 }, { 3, 0, 1, true } } },
};

static void outliers(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(traffic); i++) {
		uint64_t good = 1000, bad = 50; /* before we looked */
		struct health h;
		struct rng rng;

		rng_init(&rng, 1);
		health_init(&h, &rules, &rng, SEC(1000));
		health_probed(&h, &rules, &rng, true, "", SEC(1000));
		h.seen_good = good;
		h.seen_bad = bad;
		for (const struct look *l = traffic[i].look; l->at; l++) {
			good += l->good;
			bad += l->bad;
			if (health_outlier(&h, &rules, good, bad,
					   SEC(1000) + MSEC(100) * l->at) !=
			    l->out)
				fail_msg("%s: at %u", traffic[i].name, l->at);
		}
		assert_int_equal(h.state, HEALTH_UP); /* the caller ejects */
	}
}

/* Who is down already, and rules that look at nothing. */
static void outliers_not_looked_at(void **state)
{
	const struct health_rules off = { .interval = SEC(10), .fall = 1 };
	struct health h;
	struct rng rng;

	rng_init(&rng, 1);
	health_init(&h, &rules, &rng, SEC(1000));
	assert_false(health_outlier(&h, &off, 0, 1000, SEC(1000)));
	health_eject(&h, "", SEC(1000));
	assert_false(health_outlier(&h, &rules, 0, 2000, SEC(1001)));
}

/* --- the last one of a site --- */

static void spares(void **state)
{
	struct exchange_topology t = world();
	struct health_board *b = health_board_new(2, 64);
	unsigned a = 4, second = 5, branch = 7; /* CAS10A, CAS10B, CAS10BR */

	for (unsigned i = 0; i < t.n_servers; i++)
		servers[i].health = health_verdicts(b, i);
	assert_string_equal(servers[branch].name, "CAS10BR");
	assert_true(health_spare(&t, a, EXCHANGE_EWS));
	assert_false(health_spare(&t, branch, EXCHANGE_EWS));
	/* The other one is down for this protocol, and for no other. */
	health_eject(&b->cell[health_cell(second, EXCHANGE_EWS)], "", SEC(1));
	health_publish(b, second, EXCHANGE_EWS, &rules, SEC(1));
	assert_false(health_spare(&t, a, EXCHANGE_EWS));
	assert_true(health_spare(&t, a, EXCHANGE_RPC));
	servers[second].drained_for = 1U << EXCHANGE_RPC;
	assert_false(health_spare(&t, a, EXCHANGE_RPC));
	assert_true(health_spare(&t, a, EXCHANGE_OAB));
	servers[second].vdir[EXCHANGE_OAB].present = false;
	assert_false(health_spare(&t, a, EXCHANGE_OAB));
	/* Any 15.x stands in for any other, but not a Mailbox-only one. */
	assert_true(health_spare(&t, 0, EXCHANGE_OWA));
	servers[1].drained = true;
	assert_false(health_spare(&t, 0, EXCHANGE_OWA));
	health_board_free(b);
}

static void boards(void **state)
{
	struct health_board *b = health_board_new(3, 16);
	unsigned owns[3] = { 0 };
	struct health_tally sum;

	health_note(b, 0, 7, EXCHANGE_RPC, true);
	health_note(b, 2, 7, EXCHANGE_RPC, true);
	health_note(b, 2, 7, EXCHANGE_RPC, false);
	sum = health_sum(b, 7, EXCHANGE_RPC);
	assert_int_equal(sum.good, 2);
	assert_int_equal(sum.bad, 1);
	sum = health_sum(b, 7, EXCHANGE_EWS);
	assert_int_equal(sum.good + sum.bad, 0);
	for (unsigned id = 0; id < 512; id++)
		for (int p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++)
			owns[health_owner(id, (enum exchange_protocol)p, 3)]++;
	for (unsigned w = 0; w < 3; w++)
		assert_in_range(owns[w], 512 * EXCHANGE_PROTOCOL_COUNT / 4,
				512 * EXCHANGE_PROTOCOL_COUNT / 2);
	assert_int_equal(health_state_of(b, 7, EXCHANGE_RPC), HEALTH_UNKNOWN);
	health_board_free(b);
	health_board_free(NULL);
}

/* --- components --- */

/* "component requester state" said in this order, and what is then asked. */
static const struct {
	const char *said[4];
	enum health_component of;
	enum health_says says;
	const char *by;
} components[] = {
	{ { NULL }, HEALTH_OWA, HEALTH_ACTIVE, "" },
	{ { "OwaProxy Maintenance Inactive" },
	  HEALTH_OWA,
	  HEALTH_INACTIVE,
	  "Maintenance" },
	{ { "OwaProxy Maintenance Inactive" }, HEALTH_EWS, HEALTH_ACTIVE, "" },
	{ { "OwaProxy Maintenance Inactive", "OwaProxy Maintenance Active" },
	  HEALTH_OWA,
	  HEALTH_ACTIVE,
	  "" },
	/* Each requester takes back only what it said itself. */
	{ { "owaproxy maintenance inactive", "OwaProxy HealthAPI Active" },
	  HEALTH_OWA,
	  HEALTH_INACTIVE,
	  "Maintenance" },
	{ { "OwaProxy Functional Draining", "OwaProxy Sidelined Inactive" },
	  HEALTH_OWA,
	  HEALTH_INACTIVE,
	  "Sidelined" },
	{ { "OwaProxy Functional Draining" },
	  HEALTH_OWA,
	  HEALTH_DRAINING,
	  "Functional" },
	{ { "ServerWideOffline Maintenance Inactive" },
	  HEALTH_RPC,
	  HEALTH_INACTIVE,
	  "Maintenance" },
	{ { "ServerWideOffline HealthAPI Draining",
	    "RpsProxy Maintenance Active" },
	  HEALTH_RPS,
	  HEALTH_DRAINING,
	  "HealthAPI" },
	{ { "ServerWideOffline HealthAPI Inactive" },
	  HEALTH_POP,
	  HEALTH_INACTIVE,
	  "HealthAPI" },
};

static void say(struct health_components *all, const char *text)
{
	struct bytes rest = BYTES(text);
	enum health_component c;
	enum health_requester r;
	enum health_says s;

	assert_int_equal(health_component_parse(bytes_cut(&rest, ' '), &c), 0);
	assert_int_equal(health_requester_parse(bytes_cut(&rest, ' '), &r), 0);
	assert_int_equal(health_says_parse(rest, &s), 0);
	all->says[c][r] = (uint8_t)s;
}

static void component_states(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(components); i++) {
		struct health_components all = { 0 };
		enum health_requester by = HEALTH_API;
		enum health_says s;

		for (unsigned k = 0; k < 4 && components[i].said[k]; k++)
			say(&all, components[i].said[k]);
		s = health_component_state(&all, components[i].of, &by);
		assert_int_equal(s, components[i].says);
		if (components[i].by[0])
			assert_string_equal(health_requester_word(by),
					    components[i].by);
	}
}

static void component_names(void **state)
{
	enum health_component c;
	enum health_requester r;
	enum health_says s;

	for (unsigned i = 0; i < HEALTH_COMPONENT_COUNT; i++) {
		assert_int_equal(health_component_parse(
					 BYTES(health_component_name(i)), &c),
				 0);
		assert_int_equal(c, i);
	}
	for (int p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++)
		health_component_of((enum exchange_protocol)p);
	assert_int_equal(health_component_of(EXCHANGE_EAS), HEALTH_EAS);
	assert_true(health_component_parse(BYTES("OwaProx"), &c));
	assert_true(health_requester_parse(BYTES("Nobody"), &r));
	assert_true(health_says_parse(BYTES("Off"), &s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes),
		cmocka_unit_test(schedule),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(outliers),
		cmocka_unit_test(outliers_not_looked_at),
		cmocka_unit_test(spares),
		cmocka_unit_test(boards),
		cmocka_unit_test(component_states),
		cmocka_unit_test(component_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
