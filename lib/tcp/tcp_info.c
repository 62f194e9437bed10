/* SPDX-License-Identifier: BSD-3-Clause */
/* tcp_info.c - what can be seen from outside. */
#include "tcp/tcp_int.h"

static const char *const states[] = {
#define X(id, name) [TCPS_##id] = name,
	TCP_STATES(X)
#undef X
};

static const char *const verdicts[] = {
#define X(id, name, help) [id] = name,
	TCP_VERDICTS(X)
#undef X
};

void tcp_info(const struct tcp_conn *c, struct tcp_info *info)
{
	*info = (struct tcp_info){
		.local = c->key.local,
		.remote = c->key.remote,
		.lport = c->key.lport,
		.rport = c->key.rport,
		.state = states[c->state],
		.srtt = c->srtt,
		.rto = c->rto,
		.cwnd = c->cwnd,
		.ssthresh = c->ssthresh,
		.snd_wnd = c->snd_wnd,
		.rcv_wnd = c->rcv_adv - c->rcv_nxt,
		.mss = c->mss,
		.bytes_in = c->bytes_in,
		.bytes_out = c->bytes_out,
		.retransmits = c->retransmits,
	};
}

const struct tcp_stats *tcp_stats(const struct tcp_stack *t)
{
	return &t->stats;
}

const char *tcp_verdict_name(enum tcp_verdict v)
{
	return verdicts[v];
}
