/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_int.h - what the files of lib/tcp share: a connection, what stands in
 * the flow table beside it, and the stack that owns them all.
 *
 * Nothing is sent while a segment is processed. Input marks a connection
 * dirty, and tcp_output() asks each dirty one, once a turn, what it owes.
 *
 * Where later work goes: the choice of what to send next is tx_next() in
 * tcp_out.c alone; loss detection tcp_recover.c alone; the window's size
 * tcp_cc.c alone; when the SYN queue is full, tcp_syn.c decides in one place.
 */
#pragma once

#include <errno.h>

#include <rte_tcp.h>

#include "tcp/tcp.h"
#include "tcp/tcp_flow.h"

#define TCP_FIN RTE_TCP_FIN_FLAG
#define TCP_SYN RTE_TCP_SYN_FLAG
#define TCP_RST RTE_TCP_RST_FLAG
#define TCP_PSH RTE_TCP_PSH_FLAG
#define TCP_ACK RTE_TCP_ACK_FLAG

#define TCP_MSS_MIN_V4 88  /* below, a peer buys packets for nothing */
#define TCP_MSS_MIN_V6 216
#define TCP_MSS_V4 536	   /* RFC 9293 3.7.1: when the peer says nothing */
#define TCP_MSS_V6 1220
#define TCP_OOO_MAX 256	   /* out-of-order pieces a connection may hold */
#define TCP_OWED 1024	   /* replies waiting for tcp_output(), power of 2 */
#define TCP_SYN_LEVELS 8   /* times a SYN-ACK can be sent */
#define TCP_DUPACKS 3	   /* RFC 5681 3.2 */
#define TCP_WINDOW_MAX 65535u
#define TCP_SCALE_MAX 14   /* RFC 7323 2.3 */
#define TCP_RETRIES 15	   /* when there is no user time-out */
#define TCP_PROBE_MAX SEC(60) /* between zero-window probes */
#define TCP_RECORD 17408   /* a TLS record: what a window must take even
			    * when buffers are short, or nobody could go on */

/* RFC 9293 3.4: sequence numbers are compared modulo 2^32. */
static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool seq_le(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

static inline bool seq_gt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static inline bool seq_ge(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) >= 0;
}

static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
	return seq_gt(a, b) ? a : b;
}

/* RFC 9293 3.3.2. LISTEN is a listener; passive SYN-RECEIVED an entry of the
 * SYN queue; TIME-WAIT an entry of its own, and a state only for a connection
 * whose application has not let go yet. */
#define TCP_STATES(X)                                                          \
	X(CLOSED, "CLOSED")                                                    \
	X(SYN_SENT, "SYN-SENT")                                                \
	X(SYN_RCVD, "SYN-RECEIVED")                                            \
	X(ESTABLISHED, "ESTABLISHED")                                          \
	X(FIN_WAIT_1, "FIN-WAIT-1")                                            \
	X(FIN_WAIT_2, "FIN-WAIT-2")                                            \
	X(CLOSE_WAIT, "CLOSE-WAIT")                                            \
	X(CLOSING, "CLOSING")                                                  \
	X(LAST_ACK, "LAST-ACK")                                                \
	X(TIME_WAIT, "TIME-WAIT")

enum conn_state {
#define X(id, name) TCPS_##id,
	TCP_STATES(X)
#undef X
};

/* Options of a segment (tcp_opt.c). */
struct tcp_opts {
	bool has_mss, has_scale, has_ts;
	uint8_t scale;	/* [0..14] */
	uint16_t mss;
	uint32_t tsval, tsecr;
};

/* An arrived segment, header parsed. */
struct seg_in {
	struct rte_mbuf *m; /* payload; NULL once somebody else owns it */
	uint32_t seq, ack;
	uint32_t len;	    /* payload [bytes] */
	uint32_t end;	    /* seq + len, with SYN and FIN counted */
	uint16_t wnd;	    /* as it stands in the header */
	uint8_t flags;
	struct tcp_opts opts;
};

/* A piece of the send or receive queue. What an mbuf says about itself
 * belongs to the port while the port holds it too, hence off and len here. */
struct seg {
	struct list link;
	struct rte_mbuf *m; /* one buffer, never chained */
	uint32_t seq;
	uint32_t sent;	    /* when last [us, wraps]; send queue */
	uint16_t off;	    /* of the payload, from m->buf_addr */
	uint16_t len;
	uint16_t cap;	    /* most payload it may get; send queue */
	uint8_t sends;	    /* times sent, stops at 255 */
};

static inline uint8_t *seg_data(const struct seg *s)
{
	return (uint8_t *)s->m->buf_addr + s->off;
}

enum conn_timer {
	TIMER_SEND, /* SYN, retransmission or zero-window probe */
	TIMER_ACK,  /* delayed acknowledgement */
	TIMER_IDLE, /* keep-alive, or the end of an orphan in FIN-WAIT-2 */
	TIMERS
};

struct tcp_conn {
	/* First line: demultiplexing and what every arrival reads. */
	struct flow_key key;
	uint32_t rcv_nxt;
	uint32_t rcv_adv;  /* right edge of the advertised window */
	uint32_t snd_una;
	uint32_t snd_max;  /* beyond the highest ever sent */
	uint32_t ts_recent;
	uint32_t last_ack; /* rcv_nxt when we last acknowledged */

	/* Second line: sending. */
	struct tcp_stack *t;
	uint32_t snd_nxt;  /* behind snd_max after a time-out */
	uint32_t snd_end;  /* beyond the last byte the application wrote */
	uint32_t snd_wnd, max_wnd; /* scaled; the largest ever */
	uint32_t snd_wl1, snd_wl2;
	uint32_t cwnd;
	uint16_t mss;	   /* payload of a full segment, options deducted */
	uint8_t state;	   /* enum conn_state */
	uint8_t status;	   /* enum tcp_status */
	uint8_t snd_scale, rcv_scale;
	uint8_t rx_segs;   /* arrived since we last acknowledged */
	uint8_t dupacks;
	struct seg *send_head; /* first at or beyond snd_nxt; NULL: none */
	struct list dirty;

	/* Third line: rare flags, round trips, congestion. */
	bool orphan : 1;      /* the application closed it */
	bool unaccepted : 1;  /* on the accept list, not yet anybody's */
	bool passive : 1;
	bool in_table : 1;    /* else nothing of it arrives any more */
	bool ts_ok : 1;
	bool has_scale : 1;   /* the peer's SYN had the option */
	bool fin_queued : 1;  /* snd_end is the FIN's number */
	bool fin_seen : 1;    /* fin_seq is the peer's FIN */
	bool fin_rcvd : 1;    /* and everything before it came */
	bool ack_now : 1;
	bool send_syn : 1;    /* SYN or SYN-ACK owed */
	bool send_first : 1;  /* retransmit the first segment at once */
	bool send_probe : 1;  /* empty segment at snd_una - 1 */
	bool window_probe : 1; /* TIMER_SEND is for a closed window */
	bool push_small : 1; /* RFC 9293 3.8.6.2.1: override timer ran out */
	bool recovering : 1;  /* fast recovery up to `recover` */
	bool partial_seen : 1; /* RFC 6582 3.2: timer reset once a recovery */
	bool cwnd_limited : 1; /* the last output stopped at cwnd */
	bool syn_resent : 1;
	bool after_timeout : 1; /* slow start with L = 1, RFC 3465 2.3 */
	bool want_tx : 1;     /* starved: application wants to write */
	bool want_window : 1; /* starved: window was held back */
	bool tx_blocked : 1;  /* application saw less than tx_lowat */
	bool soft_error : 1;  /* an ICMP error came while opening */
	uint8_t backoff;      /* RFC 6298 5.5 */
	uint8_t probes;	      /* keep-alive probes unanswered */
	uint8_t quick;	      /* segments still to be acknowledged at once */
	uint8_t listener;     /* index, while unaccepted */
	uint8_t challenge_second, challenges; /* RFC 5961 10 */
	uint16_t peer_mss;    /* as the peer's SYN said */
	uint32_t srtt, rttvar, rto; /* [us]; srtt 0: no sample yet */
	uint32_t ssthresh, cwnd_bytes; /* acknowledged since cwnd last grew */
	uint32_t recover;     /* RFC 6582 */
	uint32_t iss, irs;
	uint32_t fin_seq;
	uint32_t ts_offset;

	/* Queues. */
	struct list txq, rxq, ooo;
	struct seg *reserved; /* first one tcp_tx_reserve() handed out */
	uint32_t rx_bytes, rx_true; /* readable; and the memory it holds */
	uint32_t tx_segs;
	uint32_t tx_want; /* room the application waits for; 0 = tx_lowat */
	uint32_t tx_grant; /* bytes that were promised to fit: it may write so
			    * many in spite of MEM_MORE */
	uint16_t ooo_n;

	/* Timers: one node, armed at or before the earliest deadline. */
	struct tick_node timer;
	usec_t deadline[TIMERS];
	usec_t progress;  /* the peer last acknowledged, or data first went */
	usec_t last_rx, last_tx;

	/* The application's side. */
	void *user;
	struct list ready;   /* or the accept list */
	struct list starved;
	uint64_t bytes_in, bytes_out;
	uint32_t retransmits;
};

_Static_assert(offsetof(struct tcp_conn, t) == CACHE_LINE, "first line");
_Static_assert(sizeof(struct tcp_conn) <= 8 * CACHE_LINE, "connection grew");

/* Half open, by a SYN that came to a listener. */
struct syn_entry {
	struct flow_key key;
	struct list level; /* of its number of sends; by deadline */
	struct list owed;  /* SYN-ACK to be sent */
	usec_t deadline;
	usec_t born;
	uint32_t iss, irs, ts_recent;
	uint16_t mss;
	uint8_t scale;	   /* the peer's */
	uint8_t listener;
	uint8_t sends, sends_max;
	bool has_scale : 1, ts_ok : 1, resent : 1;
};

_Static_assert(sizeof(struct syn_entry) <= 2 * CACHE_LINE, "entry grew");

/* TIME-WAIT: one line each, in the order of expiry. */
struct wait_entry {
	struct flow_key key;
	uint32_t snd_nxt, rcv_nxt, ts_recent;
	uint32_t born;	     /* [ms, wraps] */
	uint32_t next, prev; /* slab indices, WAIT_NONE at the ends */
};

#define WAIT_NONE UINT32_MAX
_Static_assert(sizeof(struct wait_entry) == CACHE_LINE, "one line");

/* What is refused as free packet buffers run short, first to last. */
enum mem_level {
	MEM_WINDOWS, /* windows grow no further */
	MEM_OOO,     /* data out of order is dropped */
	MEM_MORE,    /* who holds a record's worth gets no more: the rest is
		      * for those who hold little, or slow ones end it all */
	MEM_SYN,     /* nobody may come */
	MEM_TX,	     /* nobody may write */
	MEM_RX,	     /* all data is dropped: what is left is for ACKs, which
		      * alone can free what the send queues hold */
	MEM_LEVELS
};

struct tcp_listener {
	struct ipaddr addr;
	uint16_t port;
	bool used;
	void *user;
};

/* What a header says; opts only of a SYN but for the timestamps. */
struct seg_out {
	uint32_t seq, ack;
	uint16_t wnd;
	uint8_t flags;
	struct tcp_opts opts;
};

/* A reply for which no connection stands, until tcp_output(). */
struct owed {
	struct flow_key key;
	struct seg_out out;
};

struct tcp_stack {
	usec_t now;
	struct ip_stack *ip;
	struct rte_mempool *pool;
	const struct steer *steer;
	unsigned worker;
	uint16_t seg_max;  /* payload that fits one buffer of the pool */
	uint16_t room;	   /* packets ip still takes, during tcp_output() */
	struct tcp_personality p;
	struct flow_table flows;
	struct slab conns, segs, syns, waits;
	struct tick_wheel wheel;
	struct list ready, accept, dirty, starved;

	struct list syn_level[TCP_SYN_LEVELS], syn_owed;
	uint32_t wait_head, wait_tail;
	struct tcp_listener *listeners;
	uint32_t n_listeners;

	struct owed *owed;
	uint32_t owed_head, owed_tail;

	/* Buffers (tcp_mem.c): free ones when last counted, and how many we
	 * held then. */
	usec_t mem_checked;
	uint64_t mem_free, mem_held;
	uint32_t mem_level[MEM_LEVELS];

	/* Replies to strangers, by the second (RFC 5961 10). */
	usec_t second_start;
	uint8_t second;
	uint32_t challenges_left, resets_left;

	struct hash_key key_isn, key_ts, key_port;
	uint32_t port_next[256]; /* RFC 6056 3.3.4, by destination */
	struct rng rng;
	uint64_t *live;	      /* bitmap of connections, for tcp_free() */
	struct tcp_stats stats;
};

/* --- tcp_opt.c ---------------------------------------------------------- */
/* False when an option runs over the end or lies about its length. */
bool tcp_opts_parse(const uint8_t *p, size_t n, struct tcp_opts *o);
/* At most 24 bytes, a multiple of four; returns how many. */
unsigned tcp_opts_write(uint8_t *p, const struct tcp_opts *o);

/* --- tcp_id.c: numbers a stranger must not guess ------------------------ */
uint32_t tcp_isn(const struct tcp_stack *t, const struct flow_key *k);
uint32_t tcp_ts_offset(const struct tcp_stack *t, const struct flow_key *k);
static inline uint32_t tcp_ts_now(const struct tcp_stack *t, uint32_t offset)
{
	return (uint32_t)(t->now / USEC_PER_MSEC) + offset;
}
/* Fill in k->lport and the hash; *wait is the TIME_WAIT entry it displaces, or
 * NULL. -EADDRNOTAVAIL. */
must_check int tcp_port_choose(struct tcp_stack *t, struct flow_key *k,
			       struct wait_entry **wait);
/* May another challenge be sent to this connection (or to none)? */
bool tcp_challenge_allowed(struct tcp_stack *t, struct tcp_conn *c);
bool tcp_reset_allowed(struct tcp_stack *t);

/* --- tcp_in.c ----------------------------------------------------------- */
enum tcp_verdict tcp_conn_input(struct tcp_conn *c, struct seg_in *in);
/* A segment for which there is nothing: RFC 9293 3.10.7.1. */
enum tcp_verdict tcp_closed_input(struct tcp_stack *t, const struct flow_key *k,
				  const struct seg_in *in);
/* Nothing in it that has not arrived before? An ACK without data is never. */
static inline bool tcp_seg_old(const struct seg_in *in, uint32_t rcv_nxt)
{
	return seq_lt(in->end, rcv_nxt) ||
	       (in->end == rcv_nxt && in->end != in->seq);
}
/* RFC 7323 5.3: is it older than what we have seen? */
static inline bool tcp_paws_old(uint32_t recent, const struct tcp_opts *o)
{
	return seq_lt(o->tsval, recent);
}

/* --- tcp_ack.c ---------------------------------------------------------- */
enum tcp_verdict tcp_ack_input(struct tcp_conn *c, const struct seg_in *in);
void tcp_rtt_sample(struct tcp_conn *c, uint32_t rtt);
void tcp_window_update(struct tcp_conn *c, const struct seg_in *in);

/* --- tcp_recover.c: what was lost --------------------------------------- */
void tcp_recover_dupack(struct tcp_conn *c);
/* `acked` new bytes, `flight` in flight before. */
void tcp_recover_ack(struct tcp_conn *c, uint32_t acked, uint32_t flight);
void tcp_recover_timeout(struct tcp_conn *c);

/* --- tcp_cc.c: how much may be in flight -------------------------------- */
void tcp_cc_init(struct tcp_conn *c);
void tcp_cc_ack(struct tcp_conn *c, uint32_t acked, uint32_t flight);
/* RFC 5681 (4). */
uint32_t tcp_cc_half(const struct tcp_conn *c, uint32_t flight);
void tcp_cc_idle(struct tcp_conn *c);
/* What may be in flight now [bytes]. */
uint32_t tcp_cc_window(const struct tcp_conn *c);

/* --- tcp_rx.c ----------------------------------------------------------- */
/* Queue payload; takes in->m. */
enum tcp_verdict tcp_rx_data(struct tcp_conn *c, struct seg_in *in);
/* The window field of the next segment; moves rcv_adv. */
uint16_t tcp_rx_window(struct tcp_conn *c);
/* Owe an ACK if the window has opened enough for one. */
void tcp_rx_opened(struct tcp_conn *c);
void tcp_rx_drop_ooo(struct tcp_conn *c);
void tcp_rx_flush(struct tcp_conn *c);

/* --- tcp_tx.c ----------------------------------------------------------- */
/* Bytes up to `ack` have arrived. True when that tells a round trip: none of
 * them was sent twice (Karn), the first of them at *sent. */
bool tcp_tx_acked(struct tcp_conn *c, uint32_t ack, uint32_t *sent);
/* Cut a segment after `len` bytes; false without memory. */
must_check bool tcp_tx_split(struct tcp_conn *c, struct seg *s, uint16_t len);
void tcp_tx_flush(struct tcp_conn *c);
/* Tell the application if it waits for room and there is some. */
void tcp_tx_room(struct tcp_conn *c);
/* Send again from snd_una. */
void tcp_tx_rewind(struct tcp_conn *c);

static inline struct seg *tcp_tx_first(const struct tcp_conn *c)
{
	return list_empty(&c->txq) ? NULL :
				     list_entry(c->txq.next, struct seg, link);
}

static inline bool tcp_tx_last(const struct tcp_conn *c, const struct seg *s)
{
	return s->link.next == &c->txq;
}

static inline struct seg *tcp_tx_next(const struct tcp_conn *c,
				      const struct seg *s)
{
	return tcp_tx_last(c, s) ? NULL :
				   list_entry(s->link.next, struct seg, link);
}

/* --- tcp_mem.c ---------------------------------------------------------- */
void tcp_mem_init(struct tcp_stack *t);
void tcp_mem_check(struct tcp_stack *t);
/* Would n more buffers bring the pool below the level? */
static inline bool tcp_mem_lacks(const struct tcp_stack *t, size_t n,
				 enum mem_level level)
{
	return t->mem_free + t->mem_held <
	       t->stats.buffers + n + t->mem_level[level];
}
static inline bool tcp_mem_short(const struct tcp_stack *t, enum mem_level level)
{
	return tcp_mem_lacks(t, 0, level);
}
/* The same for who holds so many bytes in the queue that is to grow. A record
 * is all that anybody needs at a time to get on. */
static inline bool tcp_mem_refused(const struct tcp_stack *t, size_t held,
				   enum mem_level level)
{
	return tcp_mem_short(t, held >= TCP_RECORD ? MEM_MORE : level);
}
/* A descriptor with m in it; NULL when there is none (m stays). */
struct seg *tcp_seg_new(struct tcp_stack *t, struct rte_mbuf *m);
/* Gives back the buffer too. */
void tcp_seg_free(struct tcp_stack *t, struct seg *s);
/* An empty buffer with headroom for all headers, or NULL. */
struct rte_mbuf *tcp_mbuf_new(struct tcp_stack *t);
void tcp_starve(struct tcp_conn *c);

/* --- tcp_out.c ---------------------------------------------------------- */
/* Owe a reply that stands for itself; false when too many are owed. */
bool tcp_owe(struct tcp_stack *t, const struct flow_key *k,
	     const struct seg_out *out);
/* The reset of RFC 9293 3.10.7.1 in answer to `in`. */
void tcp_owe_reset(struct tcp_stack *t, const struct flow_key *k,
		   const struct seg_in *in);
/* The last word of a connection of ours: its reset, or an ACK. */
void tcp_owe_conn(struct tcp_conn *c, uint8_t flags);
/* A number a peer will find in its window. */
uint32_t tcp_acceptable_seq(const struct tcp_conn *c);
/* Write a header before m's data and send it; false without buffer or room.
 * m may be NULL. Consumes m on true only. */
must_check bool tcp_send(struct tcp_stack *t, const struct flow_key *k,
			 struct rte_mbuf *m, const struct seg_out *out);

/* --- tcp_timer.c -------------------------------------------------------- */
void tcp_timer_arm(struct tcp_conn *c, enum conn_timer which, usec_t when);
static inline void tcp_timer_cancel(struct tcp_conn *c, enum conn_timer which)
{
	/* Lazy: the node fires for nothing and looks again. */
	c->deadline[which] = USEC_NEVER;
}
/* Retransmission timer, from now. */
void tcp_timer_rto(struct tcp_conn *c);
/* Time between probes of a closed window. */
void tcp_timer_window(struct tcp_conn *c);
void tcp_timer_idle(struct tcp_conn *c);

/* --- tcp_syn.c ---------------------------------------------------------- */
struct tcp_listener *tcp_listener_find(const struct tcp_stack *t,
				       const struct flow_key *k);
/* A SYN for a listener; `iss_above` 0 or a number the ISN must exceed. */
enum tcp_verdict tcp_listen_input(struct tcp_stack *t, struct flow_key *k,
				  const struct seg_in *in,
				  const uint32_t *iss_above);
enum tcp_verdict tcp_syn_input(struct tcp_stack *t, struct syn_entry *e,
			       struct seg_in *in);
/* Send SYN-ACKs owed; false when some are left. */
bool tcp_syn_output(struct tcp_stack *t);
/* Retransmit or give up those due; fewer than asked for means no more due. */
unsigned tcp_syn_timers(struct tcp_stack *t, unsigned budget);
usec_t tcp_syn_next(const struct tcp_stack *t);

/* --- tcp_wait.c --------------------------------------------------------- */
/* The connection's place in the table goes to a TIME_WAIT entry. */
void tcp_wait_enter(struct tcp_conn *c);
enum tcp_verdict tcp_wait_input(struct tcp_stack *t, struct wait_entry *w,
				struct flow_key *k, const struct seg_in *in);
void tcp_wait_free(struct tcp_stack *t, struct wait_entry *w);
unsigned tcp_wait_timers(struct tcp_stack *t, unsigned budget);
usec_t tcp_wait_next(const struct tcp_stack *t);
/* RFC 6191: may this TIME_WAIT give way to a new connection of ours? */
bool tcp_wait_reusable(const struct tcp_stack *t, const struct wait_entry *w);

/* --- tcp_conn.c --------------------------------------------------------- */
/* In state CLOSED, not in the table; NULL when there is none left. */
struct tcp_conn *tcp_conn_new(struct tcp_stack *t, const struct flow_key *k);
void tcp_conn_free(struct tcp_conn *c);
/* The handshake is done. */
void tcp_conn_established(struct tcp_conn *c);
/* Out of the table, silent, all but readable data dropped. */
void tcp_conn_detach(struct tcp_conn *c, enum conn_state state);
/* Closed in good order, both ways. */
void tcp_conn_closed(struct tcp_conn *c);
/* Dead for `why`, which the application is told unless it let go. */
void tcp_conn_die(struct tcp_conn *c, enum tcp_status why);
/* RFC 9293 3.10.4: FIN after what is queued. */
void tcp_conn_shut(struct tcp_conn *c);
/* The segment size from the peer's MSS and the path's MTU. */
void tcp_conn_mss(struct tcp_conn *c);
/* What a SYN of ours offers, before what the peer did not offer is struck. */
struct tcp_opts tcp_syn_opts(const struct tcp_stack *t,
			     const struct flow_key *k);
/* The window a SYN offers, never scaled. */
uint16_t tcp_syn_window(const struct tcp_stack *t);

static inline unsigned tcp_header_min(const struct flow_key *k)
{
	return ipaddr_is_v4(&k->remote) ? 40 : 60;
}

/* Does it have, or has it had, the right to write? */
static inline bool tcp_conn_open(const struct tcp_conn *c)
{
	return c->state == TCPS_ESTABLISHED || c->state == TCPS_CLOSE_WAIT;
}

static inline void tcp_conn_dirty(struct tcp_conn *c)
{
	if (!list_linked(&c->dirty))
		list_push(&c->t->dirty, &c->dirty);
}

static inline void tcp_conn_ready(struct tcp_conn *c)
{
	if (!c->orphan && !list_linked(&c->ready))
		list_push(&c->t->ready, &c->ready);
}

static inline void tcp_ack_now(struct tcp_conn *c)
{
	c->ack_now = true;
	tcp_conn_dirty(c);
}

/* --- tcp_check.c: for tests --------------------------------------------- */
/* What is wrong with a connection, NULL when nothing is. */
const char *tcp_conn_check(const struct tcp_conn *c);
/* The same of everything in the stack. */
const char *tcp_stack_check(const struct tcp_stack *t);
