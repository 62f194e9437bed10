/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gates.c - versions: is a build good enough beside the others, and can they
 * live in one organisation at all?
 */
#include "exchange/finding.h"

#include <stdio.h>

static bool has(const struct exchange_topology *t, unsigned versions)
{
	for (unsigned i = 0; i < t->n_servers; i++)
		if (versions & ON(t->server[i].version))
			return true;
	return false;
}

/* From which build on a version is good enough beside others (chapter 5). */
static const struct floor {
	enum exchange_version version;
	unsigned beside; /* counts when one of these is there */
	uint16_t minor, build; /* the least */
	uint16_t told; /* builds the directory tells apart from the least: one
			* in between is "cannot tell" */
	enum exchange_severity severity;
	const char *what;
} floors[] = {
	{ EXCHANGE_2007, ANY, 3, 298, 83, EXCHANGE_ERROR,
	  "Exchange 2007 needs Service Pack 3 with Update Rollup 10 "
	  "(8.3.298.3) beside 2013" },
	{ EXCHANGE_2010, ON(EXCHANGE_2016), 3, 266, 123, EXCHANGE_ERROR,
	  "Exchange 2010 needs Service Pack 3 with Update Rollup 11 "
	  "(14.3.266.2) beside 2016" },
	{ EXCHANGE_2010, ANY, 3, 123, 123, EXCHANGE_ERROR,
	  "Exchange 2010 needs Service Pack 3 (14.3.123.4) beside 2013" },
	{ EXCHANGE_2013, OLD, 0, 712, 712, EXCHANGE_ERROR,
	  "Exchange 2013 needs Cumulative Update 2 (15.0.712.24) beside 2007 "
	  "or 2010" },
	{ EXCHANGE_2013, ON(EXCHANGE_2019) | ON(EXCHANGE_SE), 0, 1395, 1395,
	  EXCHANGE_ERROR,
	  "Exchange 2013 needs Cumulative Update 21 (15.0.1395.4) beside "
	  "2019" },
	{ EXCHANGE_2013, ON(EXCHANGE_2016), 0, 1130, 1130, EXCHANGE_ERROR,
	  "Exchange 2013 needs Cumulative Update 10 (15.0.1130.7) beside "
	  "2016" },
	{ EXCHANGE_2013, ANY, 0, 847, 847, EXCHANGE_WARNING,
	  "Exchange 2013 has MAPI over HTTP from Service Pack 1 (15.0.847.32) "
	  "on" },
};

static bool below(const struct exchange_build *b, uint16_t minor,
		  uint16_t build)
{
	return b->minor < minor || (b->minor == minor && b->build < build);
}

/* The first floor that this build does not reach; NULL. */
static const struct floor *floor_of(const struct exchange_topology *t,
				    const struct exchange_server *s,
				    const struct exchange_build *b)
{
	for (size_t i = 0; i < ARRAY_LEN(floors); i++)
		if (floors[i].version == s->version &&
		    has(t, floors[i].beside) &&
		    below(b, floors[i].minor, floors[i].build))
			return &floors[i];
	return NULL;
}

/* Did it say by itself which build it is? */
static bool knows_build(const struct exchange_server *s,
			const struct exchange_build *seen)
{
	return seen->major == s->build.major && seen->build;
}

static void judge_floor(const struct words *w, const struct floor *l, bool seen,
			struct exchange_finding *out)
{
	char text[400];

	if (!seen && !below(w->build, l->minor, l->told)) {
		snprintf(text, sizeof(text),
			 "%s; {S} is {B} by its configuration, which does not "
			 "tell update rollups, and it did not say over the "
			 "network: look at the file version of Exsetup.exe",
			 l->what);
		finding(out, w, "version-unknown", EXCHANGE_WARNING, text,
			"Get-Command Exsetup.exe | ForEach-Object "
			"{$_.FileVersionInfo}");
		return;
	}
	snprintf(text, sizeof(text), "%s, and {S} is {B}", l->what);
	finding(out, w, "version", l->severity, text,
		"Get-ExchangeServer -Identity {S} | Format-List "
		"Name,AdminDisplayVersion");
}

void exchange_gate(struct exchange_topology *t)
{
	for (unsigned i = 0; i < t->n_servers; i++) {
		struct exchange_server *s = &t->server[i];
		const struct exchange_build *b =
			knows_build(s, &s->seen) ? &s->seen : &s->build;
		const struct floor *l = floor_of(t, s, b);

		s->gate = NULL;
		if (l && l->severity == EXCHANGE_ERROR &&
		    below(b, l->minor, b == &s->seen ? l->build : l->told))
			s->gate = l->what;
		s->gated = s->gate && t->policy.version_gate;
	}
}

unsigned exchange_judge_version(const struct exchange_topology *t,
				const struct exchange_server *s,
				const struct exchange_build *seen,
				struct exchange_finding out[EXCHANGE_FINDINGS])
{
	bool known = knows_build(s, seen);
	const struct words w = { .t = t,
				 .s = s,
				 .build = known ? seen : &s->build };
	const struct words network = { .t = t, .s = s, .build = seen };
	const struct floor *l;

	if (seen->major && seen->major != s->build.major) {
		finding(&out[0], &network, "other-version", EXCHANGE_ERROR,
			"{S} is {V} by the configuration, and {B} by its own "
			"words: correct `version` in casgate.yaml",
			"Get-ExchangeServer -Identity {S} | Format-List "
			"Name,AdminDisplayVersion");
		return 1;
	}
	l = floor_of(t, s, w.build);
	if (!l)
		return 0;
	judge_floor(&w, l, known, &out[0]);
	return 1;
}

/* --- the organisation
 * ----------------------------------------------------------- */

static const struct {
	enum exchange_version old;
	unsigned beside;
	const char *text;
} never[] = {
	{ EXCHANGE_2007,
	  ON(EXCHANGE_2016) | ON(EXCHANGE_2019) | ON(EXCHANGE_SE),
	  "Exchange 2007 cannot live in one organisation with 2016 or later: "
	  "setup refuses, so a version is mistyped or imported wrongly" },
	{ EXCHANGE_2010, ON(EXCHANGE_2019) | ON(EXCHANGE_SE),
	  "Exchange 2010 cannot live in one organisation with 2019 or SE: "
	  "setup refuses, so a version is mistyped or imported wrongly" },
	{ EXCHANGE_2013, ON(EXCHANGE_SE),
	  "Exchange 2013 cannot live in one organisation with SE: setup "
	  "refuses, so a version is mistyped or imported wrongly" },
};

unsigned
exchange_judge_organisation(const struct exchange_topology *t,
			    struct exchange_finding out[EXCHANGE_FINDINGS])
{
	static const char list[] = "Get-ExchangeServer | Format-Table "
				   "Name,AdminDisplayVersion,Site";
	const struct words w = { .t = t };
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_LEN(never); i++)
		if (has(t, ON(never[i].old)) && has(t, never[i].beside))
			finding(&out[n++], &w, "impossible", EXCHANGE_ERROR,
				never[i].text, list);
	if (has(t, ON(EXCHANGE_2007)) && !has(t, MODERN))
		finding(&out[n++], &w, "no-15", EXCHANGE_ERROR,
			"Autodiscover of 2007 mailboxes needs a 2013 or later "
			"server, and there is none",
			list);
	return n;
}
