/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_exchange_servers.c - which of several servers, and which URL: health,
 * affinity, weights, and Exchange 2007's OWA.
 */
#include "unit.h"

#include "contoso.h"

/* For every protocol alike. */
static const uint8_t down[EXCHANGE_PROTOCOL_COUNT] = {
	[0 ... EXCHANGE_PROTOCOL_COUNT - 1] = EXCHANGE_DOWN
};

static void health(void **state)
{
	const struct ask ews = { EXCHANGE_EWS, "EX10" };
	struct exchange_topology t = world();
	struct exchange_decision d;

	of("CAS10A")->health = down; /* excluded while another is there */
	d = decide(&t, &ews);
	assert_string_equal(targets(&d), "CAS10B");
	of("CAS10B")->drained = true; /* drained: never; down: last resort */
	d = decide(&t, &ews);
	assert_string_equal(targets(&d), "CAS10A");
	of("CAS10A")->drained = true;
	d = decide(&t, &ews);
	assert_int_equal(d.status, 503);
	assert_non_null(strstr(d.reason, "every Exchange 2010 Client Access "
					 "server of site HQ that serves ews is "
					 "drained"));
	/* A 15.x mailbox does not wait for its own site. */
	of("EX13A")->health = of("EX13B")->health = down;
	d = decide(&t, &(struct ask){ EXCHANGE_EWS, "EX13A" });
	assert_string_equal(targets(&d), "EX13P");
}

/* One directory is down, or drained: the others are not. */
static void health_of_a_protocol(void **state)
{
	const uint8_t no_ews[EXCHANGE_PROTOCOL_COUNT] = {
		[EXCHANGE_EWS] = EXCHANGE_DOWN
	};
	const struct ask ews = { EXCHANGE_EWS, "EX10" };
	const struct ask rpc = { EXCHANGE_RPC, "EX10" };
	struct exchange_topology t = world();
	struct exchange_decision d;

	of("CAS10A")->health = no_ews;
	d = decide(&t, &ews);
	assert_string_equal(targets(&d), "CAS10B");
	d = decide(&t, &rpc);
	assert_string_equal(targets(&d), "CAS10A CAS10B");
	of("CAS10B")->drained_for = 1U << EXCHANGE_RPC;
	d = decide(&t, &rpc);
	assert_string_equal(targets(&d), "CAS10A");
	d = decide(&t, &ews);
	assert_string_equal(targets(&d), "CAS10B");
}

#define FARM 12
#define USERS 6000

static struct exchange_topology farm(void)
{
	static char names[FARM][8];
	struct spec spec[FARM];

	for (unsigned i = 0; i < FARM; i++) {
		snprintf(names[i], sizeof(names[i]), "CAS%02u", i);
		spec[i] = (struct spec){ names[i], E2010, HQ, 54, NULL };
	}
	return build(spec, FARM);
}

static unsigned first(const struct exchange_topology *t, uint64_t user)
{
	const struct hash_key key = { 1, 2 };
	const struct ask ews = { EXCHANGE_EWS, "CAS00" };
	struct exchange_decision d =
		decide_for(t, &ews, siphash13(&key, &user, sizeof(user)));

	for (unsigned i = 1; i < d.n; i++)
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(d.candidate[i], d.candidate[j]);
	return d.candidate[0];
}

/* The users of a server that leaves go to all the others; nobody else moves. */
static void affinity(void **state)
{
	struct exchange_topology t = farm();
	unsigned *before = calloc(USERS, sizeof(*before)), moved = 0;
	unsigned share[FARM] = { 0 }, heirs[FARM] = { 0 };

	for (unsigned u = 0; u < USERS; u++) {
		before[u] = first(&t, u);
		share[before[u]]++;
		assert_int_equal(first(&t, u), before[u]);
	}
	for (unsigned i = 0; i < FARM; i++)
		assert_in_range(share[i], USERS / FARM * 8 / 10,
				USERS / FARM * 12 / 10);
	servers[5].drained = true;
	for (unsigned u = 0; u < USERS; u++) {
		unsigned now = first(&t, u);

		if (before[u] != 5) {
			assert_int_equal(now, before[u]);
			continue;
		}
		moved++;
		heirs[now]++;
	}
	assert_int_equal(moved, share[5]);
	for (unsigned i = 0; i < FARM; i++)
		assert_int_equal(heirs[i] > 0, i != 5);
	free(before);
}

static void weights(void **state)
{
	struct exchange_topology t = farm();
	unsigned share[FARM] = { 0 };

	servers[0].weight = 300;
	servers[1].weight = 0; /* only when there is nobody else */
	for (unsigned u = 0; u < USERS; u++)
		share[first(&t, u)]++;
	/* 300 of 300 + 10 * 100 */
	assert_in_range(share[0], USERS * 3 / 13 * 9 / 10,
			USERS * 3 / 13 * 11 / 10);
	assert_int_equal(share[1], 0);
	for (unsigned i = 0; i < FARM; i++)
		servers[i].drained = i != 1;
	assert_int_equal(first(&t, 1), 1);
}

/* A server that came back gets its users back as its share grows, and only its
 * own move. */
static void slow_start(void **state)
{
	static const uint8_t shares[] = { 1, 64, 128, 192, 254 };
	struct exchange_topology t = farm();
	uint8_t health[EXCHANGE_PROTOCOL_COUNT] = { 0 };
	unsigned before[USERS], all = 0, last = 0;

	for (unsigned u = 0; u < USERS; u++)
		all += (before[u] = first(&t, u)) == 3;
	servers[3].health = health;
	for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
		unsigned n = 0;

		health[EXCHANGE_EWS] = shares[i];
		for (unsigned u = 0; u < USERS; u++) {
			unsigned now = first(&t, u);

			n += now == 3;
			assert_true(before[u] == 3 || now == before[u]);
		}
		assert_true(n >= last);
		assert_in_range(n * 256, all * shares[i] / 2,
				all * (shares[i] * 3 / 2 + 8));
		last = n;
	}
	assert_true(last > all * 9 / 10);
}

/* More servers than candidates, and none at all. */
static void edges(void **state)
{
	struct exchange_topology t = farm();
	const struct ask ews = { EXCHANGE_EWS, "CAS00" };
	struct exchange_decision d = decide(&t, &ews);

	assert_int_equal(d.n, EXCHANGE_CANDIDATES);
	for (unsigned i = 0; i < FARM; i++)
		servers[i].health = i != 7 ? down : NULL;
	d = decide(&t, &ews);
	assert_string_equal(targets(&d), "CAS07");
	servers[7].health = down;
	d = decide(&t, &ews);
	assert_int_equal(d.n, EXCHANGE_CANDIDATES);
	t.n_servers = 0;
	for (int p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++) {
		d = decide(&t,
			   &(struct ask){ (enum exchange_protocol)p, NULL });
		assert_int_equal(d.status, 503);
	}
	/* A legacy mailbox whose site nobody told. */
	t = farm();
	t.n_arrays = 1;
	t.array[0] = (struct exchange_array){ "array", EXCHANGE_2010, 0 };
	{
		const struct exchange_request r = { .protocol = EXCHANGE_RPC,
						    .path = BYTES_LIT("/rpc") };
		struct exchange_place place = { .by_server = true,
						.server = -1,
						.version = EXCHANGE_2010,
						.site = -1 };

		exchange_decide(&t, &r, &place, &d);
		assert_int_equal(d.status, 503);
		assert_non_null(strstr(d.reason, "is not known"));
	}
}

/* --- OWA 2007 --- */

static void owa_urls(void **state)
{
	static const struct row rows[] = {
		{ { EXCHANGE_OWA, "EX07", .path = "/owa" }, TO, LEGACY },
		{ { EXCHANGE_OWA, "EX07", "HEAD", "/OWA/" }, TO, LEGACY },
		{ { EXCHANGE_OWA, "EX07", .path = "/owa/room1@contoso.com/" },
		  TO,
		  LEGACY "/room1@contoso.com/" },
		{ { EXCHANGE_OWA, "EX07", .query = "ae=Item&id=Rg%2f" },
		  TO,
		  LEGACY "/?ae=Item&id=Rg%2f" },
		{ { EXCHANGE_OWA, "EX07", .path = "/owa/x.aspx",
		    .query = "a=b" },
		  TO,
		  LEGACY "/x.aspx?a=b" },
		/* pages of a logon stay where they are */
		{ { EXCHANGE_OWA, "EX07", .path = "/owa/auth/logon.aspx",
		    .query = "url=https://evil.com" },
		  TO,
		  LEGACY },
		{ { EXCHANGE_OWA, "EX07", .path = "/owa/auth.owa" },
		  TO,
		  LEGACY },
		{ { EXCHANGE_OWA, "EX07", .path = "/owa/author@contoso.com" },
		  TO,
		  LEGACY "/author@contoso.com" },
		/* what would need encoding, or could mean another place */
		{ { EXCHANGE_OWA, "EX07", .path = "/owa/a b" }, TO, LEGACY },
		{ { EXCHANGE_OWA, "EX07", .path = "/owa//evil.com" },
		  TO,
		  LEGACY },
		{ { EXCHANGE_OWA, "EX07", .path = "/owa/../x" }, TO, LEGACY },
		{ { EXCHANGE_OWA, "EX07", .path = "/owa.evil.com/" },
		  TO,
		  LEGACY },
		{ { EXCHANGE_OWA, "EX07", .path = "/owa/\r\nX: y" },
		  TO,
		  LEGACY },
		{ { EXCHANGE_OWA, "EX07", .query = "a=<script>" }, TO, LEGACY },
		{ { EXCHANGE_OWA, "EX07", .path = "/owa/a?b", .query = "c" },
		  TO,
		  LEGACY },
		/* a body cannot be redirected */
		{ { EXCHANGE_OWA, "EX07", "POST", "/owa/auth.owa" },
		  EXCHANGE_ANSWER,
		  403,
		  LEGACY },
		{ { EXCHANGE_OWA, "EX07", "PUT" },
		  EXCHANGE_ANSWER,
		  403,
		  LEGACY },
	};
	struct exchange_topology t = world();
	char query[EXCHANGE_URL + 600];
	struct row lengthy = { { EXCHANGE_OWA, "EX07", .query = query },
			       TO,
			       LEGACY };

	check(&t, rows, ARRAY_LEN(rows));
	memset(query, 'q', sizeof(query));
	query[sizeof(query) - 1] = '\0';
	check(&t, &lengthy, 1);
	/* Only a URL that ends in /owa has a place for what comes behind. */
	strcpy(of("CAS07")->vdir[EXCHANGE_OWA].external_url,
	       "https://legacy.contoso.com/");
	check(&t,
	      &(struct row){ { EXCHANGE_OWA, "EX07", .path = "/owa/x" },
			     TO,
			     "https://legacy.contoso.com/" },
	      1);
	strcpy(of("CAS07")->vdir[EXCHANGE_OWA].external_url, LEGACY "/");
	check(&t,
	      &(struct row){ { EXCHANGE_OWA, "EX07", .path = "/owa/x" },
			     TO,
			     LEGACY "/x" },
	      1);
}

/* Never to ourselves, not by way of others. */
static void owa_never_loops(void **state)
{
	static const char *const bad[] = {
		"https://mail.contoso.com/owa",
		"https://MAIL.contoso.com:443/owa",
		"https://autodiscover.contoso.com/owa",
		"https://mail.contoso.com./owa",
		"http://legacy.contoso.com/owa",
		"legacy.contoso.com/owa",
		"https:///owa",
		"https://legacy.contoso.com@evil.com/owa",
		"https://legacy.contoso.com/owa?x",
		"https://legacy.contoso.com/o wa",
		"https://legacy.contoso.com:99999/owa",
	};
	const struct ask owa = { EXCHANGE_OWA, "EX07" };
	struct exchange_topology t = world();
	struct exchange_decision d;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		strcpy(of("CAS07")->vdir[EXCHANGE_OWA].external_url, bad[i]);
		strcpy(of("CAS07P")->vdir[EXCHANGE_OWA].external_url, bad[i]);
		d = decide(&t, &owa);
		assert_int_equal(d.action, EXCHANGE_ANSWER);
		assert_int_equal(d.status, 503);
		assert_non_null(strstr(d.reason, i < 4 ? "would loop"
						       : "not an https URL"));
	}
	/* Its own site says "us": another site's server would send it back. */
	t = world();
	strcpy(of("CAS07")->vdir[EXCHANGE_OWA].external_url, bad[0]);
	d = decide(&t, &owa);
	assert_int_equal(d.status, 503);
	/* Nobody at all. */
	of("CAS07")->vdir[EXCHANGE_OWA].external_url[0] = '\0';
	of("CAS07P")->vdir[EXCHANGE_OWA].external_url[0] = '\0';
	d = decide(&t, &owa);
	assert_int_equal(d.status, 503);
	assert_non_null(strstr(d.reason, "has an ExternalURL"));
	of("CAS07")->drained = of("CAS07P")->drained = true;
	of("CAS07BR")->drained = true;
	d = decide(&t, &owa);
	assert_int_equal(d.status, 503);
	assert_non_null(strstr(d.reason, "in service"));
}

static void owa_health(void **state)
{
	static const struct spec spec[] = {
		{ "A", E2007, HQ, 54, "https://a.contoso.com/owa" },
		{ "B", E2007, HQ, 54, "https://b.contoso.com/owa" },
	};
	struct exchange_topology t = build(spec, 2);
	const struct ask owa = { EXCHANGE_OWA, "A" };

	for (uint64_t user = 0; user < 50; user++) {
		struct exchange_decision d = decide_for(&t, &owa, user);
		bool a = strstr(d.url, "//a.") != NULL;

		assert_int_equal(d.action, EXCHANGE_REDIRECT);
		servers[a ? 0 : 1].health = down;
		d = decide_for(&t, &owa, user);
		assert_non_null(strstr(d.url, a ? "//b." : "//a."));
		servers[0].health = servers[1].health = down; /* last resort */
		d = decide_for(&t, &owa, user);
		assert_non_null(strstr(d.url, a ? "//a." : "//b."));
		servers[0].health = servers[1].health = NULL;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(health),
		cmocka_unit_test(health_of_a_protocol),
		cmocka_unit_test(slow_start),
		cmocka_unit_test(affinity),
		cmocka_unit_test(weights),
		cmocka_unit_test(edges),
		cmocka_unit_test(owa_urls),
		cmocka_unit_test(owa_never_loops),
		cmocka_unit_test(owa_health),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
