/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proxy_int.h - a session and its two streams; private to lib/proxy.
 */
#pragma once

#include "mail/mail.h"
#include "proxy/proxy.h"

enum step {
	STEP_WAIT,     /* nothing to be done until something arrives */
	STEP_PROGRESS, /* call again */
	STEP_STARVED,  /* no buffer: wait for one to come back */
	STEP_YIELD,    /* there is more, but others first */
	STEP_DEAD,     /* the session is gone: do not touch it */
};

#include "proxy/rpc_int.h"

#define SESS_STATES(X)                                                         \
	X(SESS_PROXY_HEADER, "proxy-header")                                   \
	X(SESS_CLIENT_TLS, "client-handshake")                                 \
	X(SESS_EXPECT_REQUEST, "expect-request")                               \
	X(SESS_AUTH, "authenticate")                                           \
	X(SESS_AGREE, "agree")                                                 \
	X(SESS_CONNECT, "connect")                                             \
	X(SESS_BACK_TLS, "server-handshake")                                   \
	X(SESS_TICKET, "ticket")                                               \
	X(SESS_EXCHANGE, "exchange")                                           \
	X(SESS_LOGIN, "login")                                                 \
	X(SESS_BACK_LOGIN, "server-login")                                     \
	X(SESS_SPLICE, "splice")                                               \
	X(SESS_ANSWER, "answer")                                               \
	X(SESS_LINGER, "linger")

enum sess_state {
#define X(id, name) id,
	SESS_STATES(X)
#undef X
};

#define SESS_USER 256

/* What a mail session needs until it is logged in. */
struct dialogue {
	struct list link; /* proxy.dialogues, oldest first */
	struct session *session;
	usec_t began;
	bool greeted;
	struct mail_client client;
	struct mail_server server;
};

struct session {
	struct list link; /* proxy.sessions, oldest first */
	struct list run;  /* proxy.ready, .handshakes or bufs.starved */
	struct list idle; /* proxy.idle between requests, proxy.heads while one
			   * is being read */
	struct tick_node timer;
	usec_t deadline; /* the true one; the node may fire earlier */
	usec_t began, progress;
	usec_t request_began; /* its first byte; 0 = none has come */
	struct proxy *proxy;
	uint64_t id;
	enum sess_state state;
	uint16_t listener; /* index at accept, for names only */
	bool https;
	bool mail;		   /* POP or IMAP; its states are mail.c's */
	struct dialogue *dialogue; /* of mail, until it is logged in */
	bool logged;
	bool internal; /* its answers may name servers */
	bool balanced, trusted; /* an L7 balancer's listener; a listed source */
	bool closes_forwarded;
	unsigned proxy_header;
	struct ipaddr from; /* the client, as far as it is known */

	struct stream client, back;
	struct proxy_probe *probe; /* then there is no client */

	/* The request being served. Its head stays in client.in until it has
	 * been written to a back end, so another candidate can take it. */
	struct http_scan scan_up, scan_down;
	struct http_limits limits; /* as they were when it began */
	uint32_t head_len; /* of the request, 0 = not complete yet */
	uint32_t await;	   /* bytes of head and body to be read ahead */
	struct http_body up, down;
	enum exchange_protocol protocol;
	bool is_head;	    /* HEAD: no body in the answer */
	bool client_10;	    /* HTTP/1.0: no chunks, no 100 */
	bool keep_alive;    /* the client connection survives the answer */
	bool back_keep;	    /* the back-end connection does */
	bool head_sent;	    /* request head written to the back end */
	bool answering;	    /* response head written to the client */
	bool up_done, down_done;
	bool said_continue; /* 100 sent for this request */
	bool counted;	    /* among the requests */
	bool draining;
	bool binds;	 /* the request authenticates the connection (NTLM) */
	bool goes_on;	 /* ... with what this server's challenge asked for */
	bool in_channel; /* of a probe: the other of its two */
	bool asks;	 /* who is missing or wrong is told so by ourselves */
	bool logon, logoff; /* of a session that a form begins */
	bool remembers;	 /* there was our cookie, whatever it holds */
	bool is_get;	 /* or HEAD: a redirect would be followed */
	uint64_t asked;	 /* hash of its path and query */
	unsigned status; /* of the answer */
	enum proxy_auth auth; /* how the request authenticates */
	uint8_t guid[16];     /* of the request, as the client is told */
	char echo[64]; /* client-request-id that the client wants back */
	struct proxy_record *record; /* NULL: not logged */
	enum http_framing framing; /* of the request, */
	uint64_t length;	   /* and its Content-Length */

	/* Where it goes: ids, because indices belong to one configuration. */
	uint16_t candidate[EXCHANGE_CANDIDATES];
	uint8_t n_candidates, next_candidate, next_addr;
	uint16_t server_id;	/* of the back-end connection, */
	uint16_t first_choice;	/* and who was to be asked before it */
	bool waiting;		/* for it to be open: counted at the server */
	/* Behind a balancer that mixes them: whose it is, and who asks now, by
	 * address and by all of Authorization. */
	struct ipaddr back_from;
	uint64_t back_identity, identity, identity_more;
	bool bound;		/* NTLM or Negotiate has been spoken on it */
	char user[SESS_USER];	/* whose it is; "" = nobody named */
	char want_user[SESS_USER]; /* of the request being served */

	struct login *login; /* a password or a ticket is asked for, or here */
	bool serves; /* the request logs on as the appliance's account */
	bool knocks, knocked; /* on this back-end connection: an echo with a
			       * ticket is under way, was answered */
	struct rpc *rpc; /* the request is a channel of Outlook Anywhere */
	bool peeked;	 /* its first PDU did not come */

	/* An answer of our own that waits for room at the client: its status,
	 * and constants. */
	unsigned owed;
	const char *owed_header, *owed_reason;
	bool owed_close;

	uint64_t requests, bytes_up, bytes_down;
	uint32_t lingered; /* bytes discarded after our FIN */
	size_t unacked;	   /* bytes of ours the client had not when we looked */
};

#define LOGINS 256	    /* at a time, a worker */
#define LOGIN_TOKEN 16384   /* [bytes] of a ticket */
#define LOGIN_VERDICTS 4096

/* A job for the threads that ask domain controllers. */
struct login {
	struct auth_job job;
	struct session *session; /* NULL: it has gone meanwhile */
	bool asked;		 /* it has not come back */
	uint8_t token[LOGIN_TOKEN];
};

struct login_verdict {
	uint64_t key[2];
	usec_t until;
};

struct proxy {
	struct proxy_setup setup;
	struct tcp_stack *tcp;
	const struct proxy_config *config; /* of this turn */
	uint64_t generation;		   /* listeners are in step with it */
	struct {
		struct ipaddr addr;
		uint16_t port;
		struct tcp_listener *l;
	} listening[PROXY_LISTENERS];
	struct tick_wheel wheel;
	struct list sessions, ready, handshakes, idle;
	struct list heads; /* oldest first: they hold buffers and ask nothing */
	struct slab session_slab, dialogue_slab, rpcs;
	struct list channels; /* of rpcs */
	struct vc_table vcs;
	struct list unsent; /* notes to other workers */
	struct rpch_counts rpc_counts;
	struct list dialogues; /* oldest first: mail clients not logged in */
	struct stream_pool bufs;
	struct list questions, probes; /* waiting, under way */
	struct slab probe_slab, question_slab;
	struct slab logins; /* none without an account */
	struct login_verdict *verdicts;
	usec_t look; /* when the prober looks again */
	usec_t held; /* until when it could not, last */
	struct rng rng;
	struct proxy_stats stats;
	struct proxy_server_stats *servers; /* by id */
	struct seal_box *box; /* of our cookies */
	struct proxy_dialed *dialed;
	uint64_t next_id, next_request;
	unsigned lingering; /* sessions: slots that will soon be free */
	bool draining;
	unsigned level; /* admission */
	/* Scratch of one step, never kept. */
	struct http_head head;
	struct exchange_keys keys;
	struct exchange_decision decision;
	char path[HTTP_LINE_MAX * 4];
	uint8_t out[STREAM_BUF_LARGE + 8192];
};

/* stream_fill() as a step. */
static inline enum step fill(struct proxy *p, struct stream *st, usec_t now)
{
	switch (stream_fill(&p->bufs, st, now)) {
	case STREAM_NOTHING:
		return STEP_WAIT;
	case STREAM_MORE:
		return STEP_PROGRESS;
	case STREAM_NO_BUFFER:
		break;
	}
	return STEP_STARVED;
}

/* sessions (session.c) */
void session_accept(struct proxy *p, struct tcp_conn *tc, unsigned listener,
		    usec_t now);
void session_run(struct session *s, usec_t now);
/* The client's first byte is awaited: of TLS, or of a request. */
void session_hear(struct session *s, usec_t now);
void session_handshake(struct session *s, usec_t now);
void session_timeout(struct session *s, usec_t now);
void session_enter(struct session *s, enum sess_state state, usec_t now);
void session_deadline(struct session *s, usec_t when);
/* Both connections end (by reset, or FIN after what was written), the session
 * is freed. Returns STEP_DEAD, for the caller to return. A back end that has
 * half a message is reset in any case. */
enum step session_kill(struct session *s, bool reset, usec_t now);
void session_queue(struct session *s, struct list *queue);
/* The client's connection ends in order: FIN, then discard for a while. */
enum step session_linger(struct session *s, usec_t now);
/* What a step made possible that was not taken by session_run() is done there.
 */
void session_carry_on(struct session *s, enum step step);
const char *session_state_name(enum sess_state st);

/* requests (request.c) */
enum step request_step(struct session *s, usec_t now);
/* Write the request's head to the established back-end connection. */
enum step request_forward(struct session *s, usec_t now);
/* Forget the last request; the session waits for another. */
void request_reset(struct session *s, usec_t now);

/* Answers of our own (answer.c). In SESS_EXPECT_REQUEST nothing has changed when
 * the result is STEP_WAIT: the request will be judged again. In other states
 * the back end is given up at once, and what finds no room at the client waits
 * in SESS_ANSWER: `header` and `reason` are constants there. */
enum step session_answer(struct session *s, unsigned status, const char *header,
		 const char *reason, bool close, usec_t now);
/* In SESS_EXPECT_REQUEST. 302 by Location, 451 by X-MS-Location (MS-ASHTTP),
 * 200 by a page with a link. */
enum step session_redirect(struct session *s, unsigned status, const char *url,
		 usec_t now);
/* In SESS_EXPECT_REQUEST: a page that sends the logon's form on, as
 * proxy.decision says, or has a link there. */
enum step session_send_on(struct session *s, const struct exchange_form *f,
			  usec_t now);

/* healthcheck.htm, for the balancer in front (6.1). */
enum step session_healthcheck(struct session *s, enum exchange_protocol of,
			      usec_t now);

/* back ends (back.c) */
enum step back_begin(struct session *s, usec_t now); /* first candidate */
enum step back_connected(struct session *s, usec_t now);
enum step back_failed(struct session *s, const char *why, usec_t now);
/* Close the back-end connection, which has nothing in flight. */
void back_close(struct session *s, usec_t now);
void back_reset(struct session *s, usec_t now);
/* One of the two, by whether a message is cut; also without a connection. */
void back_end(struct session *s, usec_t now);
/* Did an idle back-end connection speak, or end? */
bool back_spoiled(struct session *s, usec_t now);
/* Does a request wait for this session's back-end connection to open? */
void back_waits(struct session *s, bool waits);
int back_index(const struct proxy *p, uint16_t id);
/* A failure of the server's, for the administrator. */
void back_note(struct session *s, const char *why);
/* Where to connect from: of the server's own list those of the family, in
 * turn, so that they share the source ports; else the route's choice. */
const struct ipaddr *back_source(const struct proxy_server *b,
				 const struct ipaddr *to, uint64_t turn);
uint16_t back_port(const struct session *s, const struct proxy_server *b);
/* Begin a connection to one of a server's addresses, and count it (dial.c);
 * NULL when there is no way, port or memory. */
struct tcp_conn *dial(struct session *s, const struct proxy_server *b,
		      const struct ipaddr *to, usec_t now);
/* What a request met at its server, for the server's health. */
void back_result(const struct session *s, bool good);

/* probes (probe.c, prober.c) */
bool probes_begin(struct proxy *p, usec_t now);
bool probes_wait(const struct proxy *p); /* ... and could begin */
void probes_drop(struct proxy *p);
enum step probe_step(struct session *s, usec_t now);
enum step probe_failed(struct session *s, const char *why, usec_t now);
enum step probe_timeout(struct session *s, usec_t now);
void prober_look(struct proxy *p, usec_t now);
/* The end of the last time that this worker was held up; 0: it never was. */
usec_t prober_held(struct proxy *p, usec_t now);

uint64_t target_hash(struct bytes path, struct bytes query);
/* Behind a balancer (front.c). The PROXY header before the first byte: */
enum step front_header_step(struct session *s, usec_t now);
/* Whose request is this, and may he ask so? False: it was answered. */
bool front_allows(struct session *s, const struct http_head *h, usec_t now,
		  enum step *step);
/* Is the open back-end connection another client's? */
bool front_changed(const struct session *s);
void front_put_forwarded(struct bytes_writer *w, const struct session *s,
			 const struct http_head *h);
/* The challenges that may be passed on, or no line at all. */
void front_put_challenges(struct bytes_writer *w, const struct session *s,
			  const struct http_field *f);

/* Outlook Anywhere by the appliance's account (identity.c). Verify whoever
 * asks, if that is due, and go on as rpc_begin(). */
enum step identity_begin(struct session *s, usec_t now);
/* May the request's head be written to the back end now? False: *step was
 * taken instead. */
bool identity_ready(struct session *s, usec_t now, enum step *step);
void identity_put(struct bytes_writer *w, const struct session *s);
/* Is this answer meant for the appliance's account, not for the client? */
bool identity_refused(const struct session *s, const struct http_head *h);
enum step identity_refuse(struct session *s, usec_t now);
/* Whatever is asked for is not wanted any more. */
void identity_end(struct session *s);
enum step identity_late(struct session *s, usec_t now);
void identity_answered(struct auth_job *j, usec_t now);
void identity_look(struct proxy *p, usec_t now);

/* What we offer by ourselves (offer.c). May this request go on, as far as that
 * is concerned? False: it was answered. */
bool offer_allows(struct session *s, usec_t now, enum step *step);
/* Header lines; "": the server asks. */
const char *offer_challenge(const struct session *s);
/* Are the challenges of this answer ours to give, and not the server's? */
bool offer_replaces(const struct session *s, const struct http_head *h);
void offer_put(struct bytes_writer *w, const struct session *s,
	       const struct http_head *h);

/* Browsers that logged on by a form (logon.c): what they remember for us. */
struct logon_memory {
	char user[SESS_USER]; /* "": nothing */
	char server[EXCHANGE_NAME];
};
void logon_recall(struct session *s, const struct http_head *h,
		  struct logon_memory *out);
/* Of an answer: what is to be remembered from now on. */
void logon_put(struct bytes_writer *w, const struct session *s,
	       const struct http_head *h);
/* Nothing, if the request is a logon or a logoff. */
void logon_put_end(struct bytes_writer *w, const struct session *s);
/* The server where he logged on is the first candidate, if it is one. */
void logon_prefer(struct session *s, const struct logon_memory *m);

#define GUID_FORMAT                                                            \
	"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x"
#define GUID_BYTES(g)                                                          \
	(g)[0], (g)[1], (g)[2], (g)[3], (g)[4], (g)[5], (g)[6], (g)[7],        \
		(g)[8], (g)[9], (g)[10], (g)[11], (g)[12], (g)[13], (g)[14],   \
		(g)[15]

/* What every answer says of us (disclose.c), and a server's word for it. */
void put_own_fields(struct bytes_writer *w, const struct session *s);
/* Of a request: what the client wants to hear again. */
void disclose_request(struct session *s, const struct http_head *h);
/* May a server's field be passed on? */
bool disclose_allows(const struct session *s, const struct http_field *f);
/* A value; towards the outside with the namespace for names of servers. */
void put_disclosed(struct bytes_writer *w, const struct session *s,
		   struct bytes value);
void put_disclosed_field(struct bytes_writer *w, const struct session *s,
			 const struct http_field *f);

/* What the access log will say (record.c): each of them does nothing for a
 * request that is not logged. */
void record_begin(struct session *s, usec_t now);
void record_request(struct session *s, const struct http_head *h, usec_t now);
void record_place(struct session *s, const struct exchange_place *place,
		  usec_t now);
/* A form claims to be want_user. */
void record_form(struct session *s);
void record_sent(struct session *s, usec_t now);
void record_answer(struct session *s, const struct http_head *h, usec_t now);
/* An answer of our own, `n` bytes of a page. */
void record_own(struct session *s, unsigned status, const char *reason,
		size_t n);
/* Why, if the client is not to know. */
void record_why(struct session *s, const char *reason);
/* Mail: somebody wants to log in; what the server said; what follows. */
void record_login(struct session *s, usec_t now);
void record_verdict(struct session *s, bool accepted, usec_t now);
void record_session(struct session *s, usec_t now);
/* The request is over: `how`, unless record_how() has said. */
void record_end(struct session *s, enum proxy_end how, usec_t now);
static inline void record_how(struct session *s, enum proxy_end how)
{
	if (s->record)
		s->record->end = how;
}

/* exchanges (relay.c, response.c) */
enum step relay_step(struct session *s, usec_t now);
/* Must its body be there in time as a whole? */
bool relay_hurries(const struct session *s);
enum step response_head(struct session *s, usec_t now);

/* mail sessions (mail.c) */
/* False: there is no room for another one that is not logged in. */
must_check bool mail_begin(struct session *s, const struct proxy_listener *l,
			   usec_t now);
/* The password and all of the dialogue; harmless without one. */
void mail_forget(struct session *s);
void mail_secured(struct session *s); /* the client's TLS is complete */
enum step mail_login_step(struct session *s, usec_t now);
enum step mail_back_step(struct session *s, usec_t now);
enum step mail_splice_step(struct session *s, usec_t now);
enum step mail_time_out(struct session *s, usec_t now);
/* The login cannot be tried, or led nowhere: the client may try again. */
enum step mail_unavailable(struct session *s, const char *why, usec_t now);
enum step mail_unreachable(struct session *s, usec_t now);
/* Last words to one who is not logged in. */
enum step mail_bye(struct session *s, const char *why, usec_t now);
