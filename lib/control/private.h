/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * private.h - what server, client and socket share.
 */
#pragma once

#include <sys/un.h>

#include "control/control.h"

/* A growing run of bytes, eaten from its front. */
struct buffer {
	char *p;
	size_t at; /* where it begins in p */
	size_t n, cap;
};

static inline char *buffer_data(const struct buffer *b)
{
	return b->p + b->at;
}

/* Room for `more` bytes behind n; -ENOMEM. */
must_check int buffer_room(struct buffer *b, size_t more);
/* One JSON value as one line. -ENOMEM, or -E2BIG beyond CONTROL_REPLY_MAX. */
must_check int buffer_json(struct buffer *b, const json_t *v);
/* Forget the first n bytes. */
void buffer_drop(struct buffer *b, size_t n);
void buffer_free(struct buffer *b);

/* -ENAMETOOLONG. */
must_check int socket_address(const char *path, struct sockaddr_un *sun);
/**
 * A listening socket at `path`, 0660 and of `group`'s from its first moment.
 * -errno with a sentence in error.
 */
must_check int socket_claim(const char *path, const char *group, char *error,
			    size_t cap);
/* Who is at the other end (SO_PEERCRED); all -1 when that is unknown. */
void socket_peer(int fd, pid_t *pid, uid_t *uid, gid_t *gid);

usec_t socket_clock(void);

/* --- server -------------------------------------------------------------- */

#define SLOT_BITS 8 /* of a token; the rest counts calls */
_Static_assert(CONTROL_CLIENTS <= 1 << SLOT_BITS, "tokens name slots");

struct client {
	int fd; /* -1 = slot is free */
	struct buffer in, out;
	size_t looked; /* bytes of `in` known to hold no line feed */
	uint64_t token; /* of the call that was put off, 0 = none */
	enum control_command command; /* that call's */
	usec_t deadline;
	bool eof; /* no more will come */
	bool last; /* hang up when `out` is written */
	pid_t pid;
	uid_t uid;
	gid_t gid;
};

struct control_server {
	struct control_server_config config;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int fd;
	dev_t dev; /* of the socket's file, to know it again */
	ino_t ino;
	uint64_t calls; /* for tokens */
	struct client client[CONTROL_CLIENTS];
};

/* {"ok":false,...}; NULL when memory is short. */
json_t *reply_failure(enum control_code code, const char *text);
/* {"ok":true,...}; takes the reference to data. */
json_t *reply_success(json_t *data);
/* A whole request line. NULL: the reply comes later, by call->token. */
json_t *serve_line(struct control_server *s, struct bytes line,
		   struct control_call *call);
