/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mail.h - POP3 and IMAP4 as far as the login, in both roles: the dialogue with
 * a client until it has told who it is, and the one with a server that is told
 * the same. What comes behind a login is nobody's business here.
 *
 * Bytes in, bytes out: no I/O, no clock, no allocation. A line is taken when
 * its end is there; until then the caller keeps it, up to MAIL_COMMAND bytes.
 *
 * A user name or a password never becomes a command: neither may hold a control
 * character, and towards a server they are quoted, counted or in base64.
 *
 * RFC 1939, 2449 (CAPA), 2595 (STLS), 5034 (AUTH); RFC 3501, 2971 (ID), 4959
 * (SASL-IR), 5530 (codes), 7888 (LITERAL+); RFC 4616 (PLAIN). Stricter: text is
 * UTF-8, and nothing that is secret is read before TLS. Laxer: a bare LF ends a
 * line, and an atom may hold '\', '%' and '*' (LOGIN CONTOSO\bob).
 */
#pragma once

#include "base/base.h"

#define MAIL_COMMAND 8192 /* bytes of a command, its literals included */
#define MAIL_COMMANDS 20  /* before the login */
#define MAIL_FAILURES 3	  /* logins in vain */
#define MAIL_ANSWER 1024  /* room that one turn needs towards a client, and */
#define MAIL_RELAYED (MAIL_COMMAND + 2) /* where it passes a server's words */
#define MAIL_TAG 64
#define MAIL_USER 256
#define MAIL_PASSWORD 512

enum mail_protocol { MAIL_POP, MAIL_IMAP };

/* Who logs in. The password is wiped as soon as a server has been told. */
struct mail_login {
	char tag[MAIL_TAG]; /* IMAP: the command's, and the server's as well */
	char user[MAIL_USER];
	char password[MAIL_PASSWORD];
	char acts_as[MAIL_USER]; /* PLAIN's authorization identity; "" = none */
};

enum mail_turn {
	MAIL_MORE,   /* nothing can be done without more bytes */
	MAIL_GO_ON,  /* go on with what is behind *used */
	MAIL_TLS,    /* the answer is the last word in plain text */
	MAIL_LOGIN,  /* client.login is to be tried */
	MAIL_BYE,    /* the client asked for the end */
	MAIL_REFUSED, /* the end: garbage, or too much of something */
	MAIL_INJECTED, /* the end, in silence: bytes behind STARTTLS */
	MAIL_ACCEPTED, /* servers: what is behind *used is the mailbox's */
	MAIL_DENIED, /* servers: the client has been told so in their words */
	MAIL_BROKEN, /* servers: no words for a client, server.why for us */
};

/* --- the client's side --------------------------------------------------- */

struct mail_client {
	enum mail_protocol protocol;
	bool secure;	 /* by TLS */
	bool plain;	 /* the next line answers AUTHENTICATE PLAIN */
	uint8_t commands, failures;
	uint32_t at, line; /* how far the command under way was looked at, and
			    * where the line begins that is being looked at */
	struct mail_login login;
};

/* `secure`: TLS is complete. Without, it is what is offered first. */
void mail_client_init(struct mail_client *c, enum mail_protocol protocol,
		      bool secure);
/* TLS is complete: all that was said before it is forgotten (RFC 3501 6.2.1,
 * 2595 4), but for how much it was. */
void mail_client_secured(struct mail_client *c);
void mail_client_greet(const struct mail_client *c, struct bytes_writer *out);

/**
 * Take the next command, or the next part of one.
 *
 * @param in    all bytes that were not used yet
 * @param used  out: how many of them are done with. They may hold a password:
 *              wipe them
 * @param out   room for MAIL_ANSWER bytes; leaves whatever is returned, but for
 *              MAIL_INJECTED
 */
enum mail_turn mail_client_next(struct mail_client *c, struct bytes in,
				size_t *used, struct bytes_writer *out);

/* The login led nowhere, and not by the client's fault. */
void mail_client_unavailable(const struct mail_client *c, const char *why,
			     struct bytes_writer *out);
/* The server did not want it; true when the client has tried often enough. */
must_check bool mail_client_denied(struct mail_client *c);
/* Our last words: for a client that is sent away. */
void mail_client_bye(const struct mail_client *c, const char *why,
		     struct bytes_writer *out);
void mail_login_wipe(struct mail_login *l);

/* --- the server's side --------------------------------------------------- */

enum mail_expect {
	MAIL_EXPECT_GREETING,
	MAIL_EXPECT_USER,      /* it may have the user (POP) or its literal */
	MAIL_EXPECT_PASSWORD,  /* it may have the password's literal */
	MAIL_EXPECT_CHALLENGE, /* of AUTHENTICATE PLAIN */
	MAIL_EXPECT_VERDICT,
};

struct mail_server {
	enum mail_protocol protocol;
	enum mail_expect expect;
	bool told; /* the password is out: nobody else may be asked */
	uint8_t lines;
	const char *why; /* of MAIL_BROKEN, to be put behind its name */
};

void mail_server_init(struct mail_server *m, enum mail_protocol protocol);
/**
 * Take the server's next line.
 *
 * @param back    what it is told next; room for MAIL_RELAYED bytes. May hold
 *                the password: wipe it
 * @param client  its words for the client; room for MAIL_RELAYED bytes
 */
enum mail_turn mail_server_next(struct mail_server *m,
				const struct mail_login *l, struct bytes in,
				size_t *used, struct bytes_writer *back,
				struct bytes_writer *client);
