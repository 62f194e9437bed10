/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handlers_health.c - components, by the names and words of Exchange's own
 * Get- and Set-ServerComponentState.
 */
#include "casgate.h"

#include <stdio.h>
#include <string.h>

/* Whose components are meant: the appliance's, or --server's; NULL after
 * control_fail(). */
static struct health_components *whose(struct app *a, struct control_call *call)
{
	const struct proxy_config *c = config_now(a);
	int i;

	if (!control_arg(call, "server"))
		return &a->components;
	i = which_server(c, call);
	if (i < 0)
		return NULL;
	return &a->server[c->topology.server[i].id].components;
}

static json_t *component_json(const struct health_components *all,
			      enum health_component c)
{
	enum health_requester by = HEALTH_MAINTENANCE;
	enum health_says says = health_component_state(all, c, &by);

	return json_pack(
		"{s:s, s:s, s:s}", "component", health_component_name(c),
		"state", health_says_word(says), "requester",
		says == HEALTH_ACTIVE ? "" : health_requester_word(by));
}

/* Checked against the table's words before it came here. */
static enum health_component which_component(const struct control_call *call)
{
	enum health_component c = HEALTH_SERVER_WIDE;

	if (health_component_parse(BYTES(control_arg(call, "component")), &c))
		assert(!"commands.def and health.h disagree");
	return c;
}

json_t *handle_component_list(void *ctx, struct control_call *call)
{
	const struct health_components *all = whose(ctx, call);
	json_t *list;

	if (!all)
		return NULL;
	list = json_array();
	for (unsigned c = 0; c < HEALTH_COMPONENT_COUNT; c++)
		json_array_append_new(list, component_json(all, c));
	return list;
}

json_t *handle_component_show(void *ctx, struct control_call *call)
{
	const struct health_components *all = whose(ctx, call);
	enum health_component c = which_component(call);
	json_t *o, *rows;

	if (!all)
		return NULL;
	rows = json_array();
	for (unsigned r = 0; r < HEALTH_REQUESTER_COUNT; r++)
		json_array_append_new(
			rows, json_pack("{s:s, s:s}", "requester",
					health_requester_word(r), "state",
					health_says_word(all->says[c][r])));
	o = component_json(all, c);
	json_object_set_new(o, "requesters", rows);
	return o;
}

json_t *handle_component_set(void *ctx, struct control_call *call)
{
	struct app *a = ctx;
	struct health_components *all = whose(a, call), before;
	enum health_component c = which_component(call);
	enum health_requester r = HEALTH_MAINTENANCE;
	const char *requester = control_arg(call, "requester");
	struct proxy_config *next;
	enum health_says says;

	if (!all)
		return NULL;
	if (health_says_parse(BYTES(control_arg(call, "state")), &says) ||
	    (requester && health_requester_parse(BYTES(requester), &r)))
		return control_fail(call, CONTROL_USAGE, "no such state");
	before = *all;
	all->says[c][r] = (uint8_t)says;
	next = build_again(a, config_now(a));
	if (!next) {
		*all = before;
		return control_fail(call, CONTROL_FAILED, "out of memory");
	}
	build_publish(a, next);
	log_info("component %s of %s: %s says %s", health_component_name(c),
		 control_arg(call, "server") ? control_arg(call, "server")
					     : "the appliance",
		 health_requester_word(r), health_says_word(says));
	return component_json(all, c);
}
