/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpch_told.h - what a watched channel told, as text that can be compared.
 */
#pragma once

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "rpch/rpch.h"

struct told {
	char text[2048];
	size_t n;
};

static inline void printf_like(2, 3) tell(struct told *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	t->n += (size_t)vsnprintf(t->text + t->n, sizeof(t->text) - t->n, fmt,
				  ap);
	va_end(ap);
	assert(t->n < sizeof(t->text));
}

static inline void tell_rts(struct told *t, const struct rpch_rts *r)
{
	if (r->cookies > 1)
		tell(t, " vc=%x", r->vc.b[15]);
	if (r->cookies > 2)
		tell(t, " pred=%x", r->pred.b[0]);
	if (r->cookies)
		tell(t, " channel=%x", r->channel.b[7]);
	if (r->group.b[0])
		tell(t, " group=%x", r->group.b[0]);
	if (r->timeout)
		tell(t, " timeout=%u", r->timeout);
	if (r->keepalive)
		tell(t, " keepalive=%u", r->keepalive);
	if (r->ack_window)
		tell(t, " got=%u of=%x to=%c", r->ack_bytes, r->channel.b[0],
		     r->to ? r->to : '-');
}

static inline void tell_bind(struct told *t, const struct rpch_bind *b)
{
	tell(t, " %u/%u", b->auth_type, b->auth_level);
	if (b->has_interface)
		tell(t, " %s %u.%u", rpch_interface_name(b->interface),
		     b->major, b->minor);
}

static inline void tell_event(struct told *t, const struct rpch_event *ev)
{
	const struct rpch_client *c = &ev->client;

	tell(t, "%s", rpch_pdu_name(ev->kind));
	if (ev->kind >= RPCH_PDU_CONN_A1)
		tell_rts(t, &ev->rts);
	else if (ev->kind == RPCH_PDU_FAULT)
		tell(t, " %x", ev->status);
	else if (ev->kind == RPCH_PDU_BIND_NAK)
		tell(t, " %u", ev->reason);
	else if (ev->kind == RPCH_PDU_REQUEST)
		tell(t, " %u.%u.%u.%u", c->major, c->minor, c->build,
		     c->revision);
	else
		tell_bind(t, &ev->bind);
	tell(t, "; ");
}
