/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * logon.c - a user's credentials for questions to servers, and what Outlook
 * would ask each of them for.
 */
#include "casgate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool set_value(struct control_call *call, const char *user,
		      const char *password, struct logon *l)
{
	char plain[sizeof(l->value) / 2];
	struct bytes_writer w = { (uint8_t *)l->value, 0, sizeof(l->value) - 1,
				  false };
	int n = snprintf(plain, sizeof(plain), "%s:%s", user, password);

	bytes_puts(&w, "Basic ");
	if (n < (int)sizeof(plain))
		bytes_put64(&w, BYTES(plain));
	mem_wipe(plain, sizeof(plain));
	if (n < (int)sizeof(plain) && !w.overflow)
		return true;
	control_fail(call, CONTROL_USAGE,
		     "the user name and the password are too long");
	return false;
}

static void set_mailbox(struct app *a, const char *user, struct logon *l)
{
	struct route_info *m = malloc(sizeof(*m));
	const char *at;

	if (m && !route_show(a->routes, BYTES(user), m) && m->guid[0]) {
		at = strchr(m->smtp, '@');
		snprintf(l->mailbox, sizeof(l->mailbox), "%s@%.*s:6001",
			 m->guid, EXCHANGE_HOST - 48, at ? at + 1 : "");
	}
	free(m);
}

bool logon_given(struct app *a, struct control_call *call, struct logon *l)
{
	const char *user = control_arg(call, "user");
	const char *password = control_arg(call, "password");

	if (!user && !password)
		return true;
	if (!user || !password || strchr(user, ':')) {
		control_fail(call, CONTROL_USAGE,
			     "--user and --password go together, and no user "
			     "name has a colon");
		return false;
	}
	set_mailbox(a, user, l);
	return set_value(call, user, password, l);
}

struct home {
	const struct exchange_topology *t;
	const struct exchange_server *s;
	char name[EXCHANGE_NAME];
};

/* A mailbox server that this Client Access server serves. */
static void find_home(void *arg, const char *server, size_t n)
{
	struct exchange_place place = { 0 };
	struct home *h = arg;

	if (!h->name[0] && exchange_place_at(h->t, BYTES(server), &place) &&
	    place.version == h->s->version && place.site == h->s->site)
		snprintf(h->name, sizeof(h->name), "%s", server);
}

bool logon_target(struct app *a, const struct logon *l,
		  const struct exchange_server *s, char dst[LOGON_TARGET])
{
	struct home h = { .t = &config_now(a)->topology, .s = s };

	if (exchange_is_modern(s->version)) {
		memcpy(dst, l->mailbox, LOGON_TARGET);
		return dst[0];
	}
	if (s->version == EXCHANGE_2010) {
		snprintf(dst, LOGON_TARGET, "%s:6001", s->fqdn);
		return true;
	}
	route_each_server(a->routes, find_home, &h);
	snprintf(dst, LOGON_TARGET, "%s:6001", h.name);
	return h.name[0];
}
