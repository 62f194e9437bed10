/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handlers_vc.c - virtual connections of Outlook Anywhere: the channels that
 * the workers have, put together by user and cookie.
 */
#include "casgate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANNELS 20000 /* of a worker that are shown */

struct channel_question {
	unsigned n, all;
	struct proxy_channel_info info[CHANNELS];
};

static void ask_channels(struct proxy *p, void *question, usec_t now)
{
	struct channel_question *q = question;

	q->all = proxy_channels(p, q->info, CHANNELS, now);
	q->n = min(q->all, (unsigned)CHANNELS);
}

/* Whose channels belong together stand together, the oldest first. */
static int by_vc(const void *a, const void *b)
{
	const struct proxy_channel_info *x = a, *y = b;
	int d = memcmp(x->vc, y->vc, sizeof(x->vc));

	if (!d)
		d = strcmp(x->user, y->user);
	return d ? d : (x->age_us < y->age_us) - (x->age_us > y->age_us);
}

static bool same_vc(const struct proxy_channel_info *a,
		    const struct proxy_channel_info *b)
{
	static const uint8_t unseen[16];

	return memcmp(a->vc, b->vc, sizeof(a->vc)) == 0 &&
	       strcmp(a->user, b->user) == 0 &&
	       memcmp(a->vc, unseen, sizeof(unseen)) != 0;
}

static void cookie_text(const uint8_t vc[16], char dst[33])
{
	for (unsigned i = 0; i < 16; i++)
		snprintf(dst + 2 * (size_t)i, 3, "%02x", vc[i]);
}

/* One row of the channels c[0..n). */
static json_t *row(const struct proxy_channel_info *c, size_t n)
{
	const char *server = c->server;
	uint64_t pdus = 0, up = 0, down = 0, ping = UINT64_MAX;
	unsigned in = 0, out = 0, level = 0, denials = 0;
	bool split = false;
	char vc[33];

	for (size_t i = 0; i < n; i++) {
		in += !c[i].out;
		out += c[i].out;
		pdus += c[i].pdus;
		up += c[i].bytes_up;
		down += c[i].bytes_down;
		ping = min(ping, c[i].ping_us);
		level = max(level, (unsigned)c[i].auth_level);
		denials = max(denials, c[i].denials);
		if (!server[0])
			server = c[i].server;
		split |= c[i].server[0] && strcmp(c[i].server, server) != 0;
	}
	cookie_text(c->vc, vc);
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:I, s:I, s:I, "
		"s:I, s:I, s:b}",
		"vc", vc, "user", c->user, "client", c->client, "target",
		c->target, "server", server, "in", (int)in, "out", (int)out,
		"auth_level", (int)level, "denials", (int)denials, "age_ms",
		(json_int_t)(c->age_us / 1000), "ping_ms",
		ping == UINT64_MAX ? (json_int_t)-1 : (json_int_t)(ping / 1000),
		"pdus", (json_int_t)pdus, "bytes_up", (json_int_t)up,
		"bytes_down", (json_int_t)down, "split", split);
}

static bool wanted(const struct control_call *call,
		   const struct proxy_channel_info *c)
{
	const char *user = control_arg(call, "user"),
		   *server = control_arg(call, "server");

	return (!user || bytes_ieq(BYTES(user), BYTES(c->user))) &&
	       (!server || bytes_ieq(BYTES(server), BYTES(c->server)));
}

static json_t *rows(struct control_call *call, struct proxy_channel_info *c,
		    size_t n)
{
	json_t *list = json_array();

	qsort(c, n, sizeof(*c), by_vc);
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i + 1; k < n && same_vc(&c[i], &c[k]); k++)
			;
		if (wanted(call, &c[i]))
			json_array_append_new(list, row(&c[i], k - i));
	}
	return list;
}

json_t *handle_vc_list(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	struct channel_question *q = calloc(1, sizeof(*q));
	struct proxy_channel_info *all = NULL, *more;
	json_t *list = NULL;
	size_t n = 0;

	for (unsigned w = 0; q && w < a->workers; w++) {
		if (ask_worker(a, w, ask_channels, q)) {
			/* It may still write to q: better lost than freed. */
			free(all);
			return control_fail(call, CONTROL_TIMEOUT,
					    "worker %u does not answer", w);
		}
		more = realloc(all, (n + q->n + 1) * sizeof(*all));
		if (!more)
			break;
		all = more;
		memcpy(all + n, q->info, q->n * sizeof(*all));
		n += q->n;
	}
	if (all)
		list = rows(call, all, n);
	free(all);
	free(q);
	return list ? list
		    : control_fail(call, CONTROL_FAILED, "out of memory");
}
