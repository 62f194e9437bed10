/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp.h - one core's TCP: segments in, segments and events out.
 *
 * Sans-I/O. The caller owns the clock and gives packets; nothing here reads
 * the time, allocates from libc, blocks or logs, and nothing calls back. What
 * happened to connections waits on a ready list until it is asked for. A stack
 * belongs to one thread for life.
 *
 * RFC 9293 (arrival 3.10.7), 6298 (RTO), 5681 and 6582 (congestion), 7323
 * (window scale, timestamps), 5961 (blind attacks), 6528 (ISN), 6056 (ports).
 * Deviations are listed in lib/README.md, "TCP".
 */
#pragma once

#include "ip/ip.h"

struct tcp_conn;  /* a connection; the application's from accept or connect
		   * until tcp_close() or tcp_abort(), never freed before */
struct tcp_stack;

/* What RFCs leave open, in one struct, so that a test can pin it. */
struct tcp_personality {
	uint32_t rcvbuf;      /* receive buffer of a connection [bytes] */
	uint32_t sndbuf;      /* send buffer of a connection [bytes] */
	uint32_t tx_lowat;    /* room that makes a connection writable again */
	uint16_t mss;	      /* asked for at most [bytes]; 0 = the MTU says */
	uint8_t window_scale; /* offered shift [0..14] */
	bool timestamps;
	uint8_t initial_window; /* [segments], RFC 6928: 10 */
	usec_t rto_min, rto_max, rto_initial;
	usec_t delayed_ack;   /* 0 = acknowledge every segment */
	uint8_t quick_acks;   /* segments acknowledged at once at the start */
	usec_t time_wait, fin_wait2; /* orphans only for the second */
	usec_t keepalive_idle, keepalive_interval; /* idle 0 = never */
	uint8_t keepalive_probes;
	uint8_t syn_retries;
	uint8_t synack_retries; /* [0..7]; more than 2 amplifies more than
				 * threefold */
	usec_t user_timeout;  /* unacknowledged data that long: give up; 0 =
			       * after 15 time-outs */
};

extern const struct tcp_personality tcp_default_personality;

struct tcp_config {
	unsigned worker;
	const struct steer *steer; /* borrowed for life; NULL with one worker */
	struct rte_mempool *pool;  /* payload and header buffers */
	struct hash_key secret;	   /* same on all workers; ISNs, ports */
	uint64_t seed;		   /* this stack's own generator */
	uint32_t max_conns, max_time_wait, max_syn, max_listeners;
	struct tcp_personality personality;
};

/* What became of a segment, and its counter. */
#define TCP_VERDICTS(X)                                                        \
	X(TCP_OK, "ok", "processed")                                           \
	X(TCP_NOT_MINE, "not_mine", "no such connection here, another's flow") \
	X(TCP_DROP_HEADER, "drop_header", "malformed header or options")       \
	X(TCP_DROP_CLOSED, "drop_closed", "no connection, no listener: reset") \
	X(TCP_DROP_RST, "drop_rst", "a reset for nothing")                     \
	X(TCP_DROP_WINDOW, "drop_window", "outside the window")                \
	X(TCP_DROP_ACK, "drop_ack", "acknowledges what was never sent")        \
	X(TCP_DROP_PAWS, "drop_paws", "old by its timestamp")                  \
	X(TCP_DROP_SYN, "drop_syn", "SYN where none belongs: challenged")      \
	X(TCP_DROP_DUPLICATE, "drop_duplicate", "nothing new in it")           \
	X(TCP_DROP_BACKLOG, "drop_backlog", "listener's queue is full")        \
	X(TCP_DROP_MEMORY, "drop_memory", "no memory for it")                  \
	X(TCP_DROP_AFTER_CLOSE, "drop_after_close", "data nobody will read")

enum tcp_verdict {
#define X(id, name, help) id,
	TCP_VERDICTS(X)
#undef X
	TCP_VERDICT_COUNT
};

struct tcp_stats {
	uint64_t verdicts[TCP_VERDICT_COUNT];
	uint64_t segments_in, segments_out, bytes_in, bytes_out;
	uint64_t retransmits, fast_retransmits, timeouts, copies, dup_acks,
		zero_window_probes, challenge_acks, resets_out, out_of_order,
		keepalives;
	uint64_t opened_active, opened_passive, accepted, refused, timed_out,
		reset_in, no_port;
	uint64_t conns, syn_queue, time_wait, buffers; /* now */
};

/**
 * Make a stack upon an IP stack, which outlives it.
 *
 * Thread: control. NULL when memory is short.
 */
must_check struct tcp_stack *tcp_new(const struct tcp_config *config,
				     struct ip_stack *ip, usec_t now);
/* Connections still alive vanish without a packet; buffers go back. */
void tcp_free(struct tcp_stack *t);

/* --- packets ----------------------------------------------------------- */

/**
 * Take one arrived segment.
 *
 * @param s  checksum-verified; s->m is consumed, except on TCP_NOT_MINE, where
 *           *owner is the worker it must go to
 *
 * A segment that matches no connection here belongs to the worker that
 * steering names. Replies are not sent from here: they are owed and leave with
 * the next tcp_output(), so a burst costs one ACK. RFC 9293 3.10.7.
 */
enum tcp_verdict tcp_input(struct tcp_stack *t, const struct ip_seg *s,
			   usec_t now, unsigned *owner);

/* An ICMP error about a segment of ours. False when no connection here is
 * meant; then *owner is the worker to ask. RFC 5927, 1122 4.2.3.9. */
bool tcp_icmp_error(struct tcp_stack *t, const struct ip_error *e, usec_t now,
		    unsigned *owner);

/* Due timers, at most `budget` of them; true when more are due. */
bool tcp_timers(struct tcp_stack *t, usec_t now, unsigned budget);
/* Send everything owed, while ip_tx_room() lasts; true when some is left. */
bool tcp_output(struct tcp_stack *t, usec_t now);
/* When the next timer is due (a lower bound), USEC_NEVER when none is. */
usec_t tcp_next(const struct tcp_stack *t);

/* --- listeners ---------------------------------------------------------- */

struct tcp_listener;

/**
 * Accept connections to addr:port; addr may be :: for any of ours.
 *
 * @param user  given back by tcp_listener_user()
 * @return NULL when the pair is taken or max_listeners are there.
 */
must_check struct tcp_listener *tcp_listen(struct tcp_stack *t,
					   const struct ipaddr *addr,
					   uint16_t port, void *user);
/* New SYNs are refused from now on; accepted connections live on. */
void tcp_unlisten(struct tcp_stack *t, struct tcp_listener *l);

/**
 * The next established connection nobody has accepted, or NULL.
 *
 * @param user  out: the listener's
 * The connection is the caller's from here. Data may already wait in it.
 */
struct tcp_conn *tcp_accept(struct tcp_stack *t, void **user);

/* --- connections -------------------------------------------------------- */

/**
 * Open a connection. The source port is one whose answers reach this core.
 *
 * @param local  source address; :: lets the route choose
 * @return NULL with errno -ENETUNREACH, -EADDRNOTAVAIL (no port left),
 *         -ENOMEM in *error. Established or failed is told by the ready list.
 */
struct tcp_conn *tcp_connect(struct tcp_stack *t, const struct ipaddr *local,
			     const struct ipaddr *remote, uint16_t rport,
			     void *user, usec_t now, int *error);

void tcp_set_user(struct tcp_conn *c, void *user);
void *tcp_user(const struct tcp_conn *c);

/**
 * The next connection to which something happened since it was last returned
 * from here: it became established, has more to read, has room to write again
 * (tx_lowat), saw the peer's FIN, or failed. NULL when none is left.
 *
 * Once a connection, whatever happened to it; ask its state below. A caller
 * that leaves bytes unread is not told again until more arrive: whoever frees
 * room elsewhere must look itself.
 */
struct tcp_conn *tcp_ready(struct tcp_stack *t);

enum tcp_status {
	TCP_OPENING,	 /* active open in progress */
	TCP_OPEN,	 /* both directions possible */
	TCP_PEER_CLOSED, /* FIN received: no more will arrive beyond what is
			  * readable; writing is still possible */
	TCP_RESET,	 /* by the peer */
	TCP_REFUSED,	 /* active open answered by a reset */
	TCP_TIMED_OUT,	 /* peer vanished */
	TCP_UNREACHABLE, /* active open: ICMP says no way */
};

/* For the last four the connection is dead: tcp_close() it. */
enum tcp_status tcp_status(const struct tcp_conn *c);
static inline bool tcp_dead(const struct tcp_conn *c)
{
	return tcp_status(c) >= TCP_RESET;
}

/* Bytes that can be read now; data received before a FIN or a reset of an
 * already half-closed peer stays readable, before a plain reset does not. */
size_t tcp_rx_avail(const struct tcp_conn *c);
/* Up to n pieces of what can be read, first byte first; borrowed until the
 * next consume, close or input. Returns how many pieces. */
unsigned tcp_rx_peek(const struct tcp_conn *c, struct iovec *iov, unsigned n);
/* Drop `bytes` from the front; opens the window. */
void tcp_rx_consume(struct tcp_conn *c, size_t bytes, usec_t now);

/* Room in the send buffer [bytes]; 0 before the connection is open, after
 * shutdown, and when packet buffers are short. Less than tx_lowat is a promise
 * to name the connection in tcp_ready() when there is that much; who needs
 * more at once must have a larger tx_lowat. */
size_t tcp_tx_space(struct tcp_conn *c);
/* Is there room for n bytes, and will there be packet buffers for all of them
 * if they are written before anything else happens? If not, the connection
 * becomes ready when there is, instead of at tx_lowat; or when the send buffer
 * is empty, if it is not as large as that. */
bool tcp_tx_fits(struct tcp_conn *c, size_t n);
/* Bytes written and not yet acknowledged. */
size_t tcp_tx_pending(const struct tcp_conn *c);
/**
 * Room for up to `bytes` in packet buffers, in at most n pieces.
 *
 * @return pieces filled; their sum may be less than asked for, 0 at least.
 * Borrowed until tcp_tx_commit(), which must follow before any other call for
 * this connection.
 */
unsigned tcp_tx_reserve(struct tcp_conn *c, size_t bytes, struct iovec *iov,
			unsigned n);
/* The first `bytes` of the reservation were written: queue them. */
void tcp_tx_commit(struct tcp_conn *c, size_t bytes, usec_t now);
/* tcp_tx_reserve, copy, commit; returns bytes taken. */
size_t tcp_write(struct tcp_conn *c, const void *p, size_t n, usec_t now);

/* FIN after everything written; reading goes on. */
void tcp_shutdown(struct tcp_conn *c, usec_t now);
/* Give the connection up: FIN after everything written, then the stack alone
 * sees it out. Unread data, or data arriving later, makes it a reset (RFC 9293
 * 3.10.4, 2525 2.17). The pointer is dead afterwards. */
void tcp_close(struct tcp_conn *c, usec_t now);
/* Reset and forget. The pointer is dead afterwards. */
void tcp_abort(struct tcp_conn *c, usec_t now);

struct tcp_info {
	struct ipaddr local, remote;
	uint16_t lport, rport;
	const char *state; /* RFC 9293 name, "ESTABLISHED" */
	uint32_t srtt, rto;	   /* [us] */
	uint32_t cwnd, ssthresh;   /* [bytes] */
	uint32_t snd_wnd, rcv_wnd; /* [bytes] */
	uint16_t mss;
	uint64_t bytes_in, bytes_out; /* payload */
	uint32_t retransmits;
};

void tcp_info(const struct tcp_conn *c, struct tcp_info *info);

const struct tcp_stats *tcp_stats(const struct tcp_stack *t);
const char *tcp_verdict_name(enum tcp_verdict v);
