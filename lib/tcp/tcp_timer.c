/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_timer.c - deadlines. A connection has one node in the wheel, at or before
 * the earliest of its deadlines; moving a deadline later is a store.
 */
#include "tcp/tcp_int.h"

#define BACKOFF_MAX 16 /* doublings */
#define PATIENCE SEC(5) /* with who takes nothing, while buffers are short */

void tcp_timer_arm(struct tcp_conn *c, enum conn_timer which, usec_t when)
{
	c->deadline[which] = when;
	if (!tick_armed(&c->timer) || when < c->timer.when)
		tick_arm(&c->t->wheel, &c->timer, when);
}

/* `interval` doubled by the back-off, but at most `most`, and not beyond the
 * user time-out. */
static usec_t backed_off(const struct tcp_conn *c, usec_t most)
{
	const struct tcp_stack *t = c->t;
	usec_t when = (usec_t)c->rto << min(c->backoff, (uint8_t)BACKOFF_MAX);

	when = t->now + min(when, most);
	if (t->p.user_timeout && c->state > TCPS_SYN_RCVD)
		when = min(when, c->progress + t->p.user_timeout);
	return max(when, t->now + 1);
}

void tcp_timer_rto(struct tcp_conn *c)
{
	c->window_probe = false;
	tcp_timer_arm(c, TIMER_SEND, backed_off(c, c->t->p.rto_max));
}

void tcp_timer_window(struct tcp_conn *c)
{
	c->window_probe = true;
	tcp_timer_arm(c, TIMER_SEND,
		      backed_off(c, min(TCP_PROBE_MAX, c->t->p.rto_max)));
}

void tcp_timer_idle(struct tcp_conn *c)
{
	const struct tcp_stack *t = c->t;

	if (c->orphan && c->state == TCPS_FIN_WAIT_2)
		tcp_timer_arm(c, TIMER_IDLE, t->now + t->p.fin_wait2);
	else if (t->p.keepalive_idle)
		tcp_timer_arm(c, TIMER_IDLE, c->last_rx + t->p.keepalive_idle);
}

/* --- what happens when one runs out; false when c is gone or dead ------- */

static bool syn_expired(struct tcp_conn *c)
{
	const struct tcp_personality *p = &c->t->p;
	uint8_t most =
		c->state == TCPS_SYN_SENT ? p->syn_retries : p->synack_retries;

	if (c->backoff >= most) {
		tcp_conn_die(c,
			     c->soft_error ? TCP_UNREACHABLE : TCP_TIMED_OUT);
		return false;
	}
	c->backoff++;
	c->syn_resent = true;
	c->send_syn = true;
	c->t->stats.retransmits++;
	c->retransmits++;
	tcp_conn_dirty(c);
	return true;
}

static bool gave_up(const struct tcp_conn *c)
{
	usec_t limit = c->t->p.user_timeout, waited = c->t->now - c->progress;

	if (tcp_mem_short(c->t, MEM_MORE) && tcp_tx_pending(c) >= TCP_RECORD &&
	    waited >= PATIENCE)
		return true;
	return limit ? waited >= limit : c->backoff >= TCP_RETRIES;
}

static void window_expired(struct tcp_conn *c)
{
	c->backoff = (uint8_t)min(c->backoff + 1, BACKOFF_MAX);
	if (c->snd_wnd) {
		c->push_small = true; /* open, but smaller than we like */
	} else {
		c->send_probe = true;
		c->t->stats.zero_window_probes++;
	}
	tcp_timer_window(c);
	tcp_conn_dirty(c);
}

static bool send_expired(struct tcp_conn *c)
{
	if (c->state == TCPS_SYN_SENT || c->state == TCPS_SYN_RCVD)
		return syn_expired(c);
	if (gave_up(c)) {
		tcp_conn_die(c, TCP_TIMED_OUT);
		return false;
	}
	if (c->window_probe) {
		window_expired(c);
	} else if (c->snd_una != c->snd_max) {
		/* A router may have told IP since. */
		tcp_conn_mss(c);
		tcp_recover_timeout(c);
		c->backoff = (uint8_t)min(c->backoff + 1, BACKOFF_MAX);
		tcp_timer_rto(c);
		tcp_conn_dirty(c);
	}
	return true;
}

static bool idle_expired(struct tcp_conn *c)
{
	const struct tcp_personality *p = &c->t->p;
	usec_t now = c->t->now;

	if (c->orphan && c->state == TCPS_FIN_WAIT_2) {
		tcp_conn_free(c);
		return false;
	}
	if (!p->keepalive_idle || c->state < TCPS_ESTABLISHED)
		return true;
	/* While something is in flight, its own timer watches the peer. */
	if (c->snd_una != c->snd_max || c->window_probe) {
		tcp_timer_arm(c, TIMER_IDLE, now + p->keepalive_idle);
		return true;
	}
	if (!c->probes && now - c->last_rx < p->keepalive_idle) {
		tcp_timer_idle(c);
		return true;
	}
	if (c->probes >= p->keepalive_probes) {
		tcp_owe_conn(c, TCP_RST);
		tcp_conn_die(c, TCP_TIMED_OUT);
		return false;
	}
	c->probes++;
	c->send_probe = true;
	c->t->stats.keepalives++;
	tcp_timer_arm(c, TIMER_IDLE, now + p->keepalive_interval);
	tcp_conn_dirty(c);
	return true;
}

static bool due(struct tcp_conn *c, enum conn_timer which)
{
	if (c->deadline[which] > c->t->now)
		return false;
	c->deadline[which] = USEC_NEVER;
	return true;
}

static void expired(struct tcp_conn *c)
{
	usec_t next = USEC_NEVER;

	if (due(c, TIMER_SEND) && !send_expired(c))
		return;
	if (due(c, TIMER_ACK))
		tcp_ack_now(c);
	if (due(c, TIMER_IDLE) && !idle_expired(c))
		return;
	for (unsigned i = 0; i < TIMERS; i++)
		next = min(next, c->deadline[i]);
	if (next != USEC_NEVER &&
	    (!tick_armed(&c->timer) || next < c->timer.when))
		tick_arm(&c->t->wheel, &c->timer, next);
}

bool tcp_timers(struct tcp_stack *t, usec_t now, unsigned budget)
{
	unsigned spent;

	t->now = now;
	tcp_mem_check(t);
	spent = tcp_syn_timers(t, budget);
	spent += tcp_wait_timers(t, budget - spent);
	for (; spent < budget; spent++) {
		struct tick_node *n = tick_expired(&t->wheel, now);

		if (!n)
			return false;
		expired(container_of(n, struct tcp_conn, timer));
	}
	return true;
}

usec_t tcp_next(const struct tcp_stack *t)
{
	usec_t next = tick_next(&t->wheel);

	next = min(next, tcp_syn_next(t));
	next = min(next, tcp_wait_next(t));
	if (!list_empty(&t->starved))
		next = min(next, t->mem_checked + MSEC(1));
	return next;
}
