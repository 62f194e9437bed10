/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server.c - the daemon's side: clients, their lines, dispatch, replies.
 *
 * Every client is in one of three conditions: its reply is being written, its
 * call was put off, or its next line is awaited; it is read from in the last
 * only, so a client cannot make the daemon remember more than one request
 * line and one reply.
 */
#include "control/private.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRESS_MAX 65536 /* bytes a client may leave unread */
/* --- clients ------------------------------------------------------------- */

static void hang_up(struct client *c)
{
	close(c->fd);
	buffer_free(&c->in);
	buffer_free(&c->out);
	*c = (struct client){ .fd = -1 };
}

static usec_t patience(const struct control_server *s)
{
	return MSEC(s->config.timeout_ms ? s->config.timeout_ms : 30000);
}

/* Write what can be written. False: the client is gone. */
static bool flush(struct control_server *s, struct client *c)
{
	ssize_t sent;

	while (c->out.n) {
		sent = send(c->fd, buffer_data(&c->out), c->out.n,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN;
		buffer_drop(&c->out, (size_t)sent);
		c->deadline = socket_clock() + patience(s);
	}
	if (c->out.cap > PROGRESS_MAX)
		buffer_free(&c->out);
	return !c->last;
}

/* Takes the reference. False: the client is gone. */
static bool send_reply(struct control_server *s, struct client *c,
		       json_t *reply)
{
	int rc = reply ? buffer_json(&c->out, reply) : -ENOMEM;

	json_decref(reply);
	if (rc) {
		reply = reply_failure(CONTROL_FAILED,
				      "the reply is too long, ask for less");
		if (!reply || buffer_json(&c->out, reply))
			c->last = true;
		json_decref(reply);
	}
	c->deadline = socket_clock() + patience(s);
	return flush(s, c);
}

void control_progress(struct control_call *call, const char *fmt, ...)
{
	struct control_server *s = call->server;
	struct client *c;
	char text[1024];
	json_t *line;
	va_list ap;

	if (!call->token)
		return;
	c = &s->client[call->token & ((1 << SLOT_BITS) - 1)];
	if (c->out.n > PROGRESS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	line = json_pack("{s:s}", "progress", text);
	/* A client that went away is noticed at its reply. */
	if (line && !buffer_json(&c->out, line) && !flush(s, c))
		c->last = true;
	json_decref(line);
}

static struct client *find_call(struct control_server *s, uint64_t token)
{
	struct client *c = &s->client[token & ((1 << SLOT_BITS) - 1)];

	return token && c->fd >= 0 && c->token == token ? c : NULL;
}

static void finish(struct control_server *s, uint64_t token, json_t *reply)
{
	struct client *c = find_call(s, token);

	if (!c) {
		json_decref(reply);
		return;
	}
	c->token = 0;
	if (!send_reply(s, c, reply))
		hang_up(c);
}

void control_finish(struct control_server *s, uint64_t token, json_t *data)
{
	finish(s, token, reply_success(data));
}

void control_finish_fail(struct control_server *s, uint64_t token,
			 enum control_code code, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	finish(s, token, reply_failure(code, text));
}

/* One request line. False: the client is gone. */
static bool answer(struct control_server *s, struct client *c,
		   struct bytes line)
{
	uint64_t token = ++s->calls << SLOT_BITS | (uint64_t)(c - s->client);
	struct control_call call = {
		.pid = c->pid, .uid = c->uid, .gid = c->gid, .token = token
	};
	json_t *reply = serve_line(s, line, &call);

	if (call.later && !call.failed) {
		unsigned ms = s->config.later_ms ? s->config.later_ms : 60000;

		c->token = token;
		c->command = call.spec->id;
		c->deadline = socket_clock() + MSEC(ms);
		return true;
	}
	return send_reply(s, c, reply);
}

/* Is there a whole line at the front of what came? Its length with the line
 * feed, 0 = no; at the end of input what is left is a line. */
static size_t whole_line(struct client *c)
{
	const char *end = NULL;

	if (c->in.n > c->looked)
		end = memchr(buffer_data(&c->in) + c->looked, '\n',
			     c->in.n - c->looked);
	c->looked = c->in.n;
	if (end)
		return (size_t)(end - buffer_data(&c->in)) + 1;
	return c->eof ? c->in.n : 0;
}

/* Answer one line if one is there and nothing else is under way. Returns 1
 * when it did, else 0. */
static int advance(struct control_server *s, struct client *c)
{
	bool there = true;
	struct bytes line;
	size_t n;

	if (c->token || c->out.n)
		return 0;
	n = whole_line(c);
	line = bytes_trim((struct bytes){ (uint8_t *)buffer_data(&c->in), n });
	while (line.n && strchr("\r\n", line.p[line.n - 1]))
		line.n--;
	if (n > CONTROL_REQUEST_MAX || (!n && c->in.n > CONTROL_REQUEST_MAX)) {
		c->last = true;
		there = send_reply(
			s, c,
			reply_failure(CONTROL_USAGE,
				      "a request of more than 1 MiB; "
				      "give large data as a file"));
	} else if (line.n) {
		there = answer(s, c, line);
	} else if (!n && c->eof) {
		there = false;
	} else if (!n) {
		return 0;
	}
	if (!there) {
		hang_up(c);
		return line.n > 0;
	}
	buffer_drop(&c->in, min(n, c->in.n));
	c->looked = 0;
	if (c->in.cap > PROGRESS_MAX && !c->in.n)
		buffer_free(&c->in);
	return line.n > 0;
}

/* --- polling ------------------------------------------------------------- */

static void receive(struct control_server *s, struct client *c)
{
	ssize_t got;

	if (c->in.n > CONTROL_REQUEST_MAX)
		return;
	if (buffer_room(&c->in, 16384)) {
		hang_up(c);
		return;
	}
	got = recv(c->fd, buffer_data(&c->in) + c->in.n, 16384, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		c->eof = true;
		return;
	}
	c->in.n += (size_t)got;
	c->deadline = socket_clock() + patience(s);
}

static void welcome(struct control_server *s)
{
	static const char busy[] = "{\"ok\":false,\"code\":\"busy\",\"error\":"
				   "\"too many clients are connected\"}\n";
	struct client *c = NULL;
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	for (unsigned i = 0; i < CONTROL_CLIENTS && !c; i++)
		if (s->client[i].fd < 0)
			c = &s->client[i];
	if (!c) {
		if (send(fd, busy, sizeof(busy) - 1,
			 MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			log_debug("control: a client too many has gone");
		close(fd);
		return;
	}
	*c = (struct client){ .fd = fd,
			      .deadline = socket_clock() + patience(s) };
	socket_peer(fd, &c->pid, &c->uid, &c->gid);
}

/* What is awaited of a client; POLLHUP and POLLERR come unasked. */
static short events_of(const struct client *c)
{
	if (c->out.n)
		return POLLOUT;
	return c->token || c->eof ? 0 : POLLIN;
}

static void step_client(struct control_server *s, struct client *c,
			short revents)
{
	if (revents & POLLIN)
		receive(s, c);
	else if (revents & POLLOUT && !flush(s, c))
		hang_up(c);
	else if (revents & (POLLHUP | POLLERR) && (c->token || c->out.n))
		hang_up(c); /* nobody reads the answer any more */
}

static void expire(struct control_server *s, struct client *c, usec_t now)
{
	if (c->fd < 0 || now < c->deadline)
		return;
	if (!c->token) {
		hang_up(c);
		return;
	}
	log_warn("control: %s was not answered in time",
		 control_spec(c->command)->name);
	control_finish_fail(s, c->token, CONTROL_TIMEOUT,
			    "%s was not answered in time",
			    control_spec(c->command)->name);
}

/* Answer what is there without waiting; a request a client, in turn. */
static int advance_all(struct control_server *s)
{
	int n = 0;

	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		if (s->client[i].fd >= 0)
			n += advance(s, &s->client[i]);
	return n;
}

static int wait_ms(const struct control_server *s, int timeout_ms)
{
	usec_t now = socket_clock(), next = USEC_NEVER;

	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		if (s->client[i].fd >= 0)
			next = min(next, s->client[i].deadline);
	if (next == USEC_NEVER)
		return timeout_ms;
	next = next > now ? (next - now) / 1000 + 1 : 0;
	return timeout_ms >= 0 && (usec_t)timeout_ms < next ? timeout_ms
							    : (int)next;
}

int control_server_poll(struct control_server *s, int timeout_ms)
{
	struct pollfd p[CONTROL_CLIENTS + 1] = { { s->fd, POLLIN, 0 } };
	int n = advance_all(s);

	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		p[i + 1] = (struct pollfd){ s->client[i].fd,
					    events_of(&s->client[i]), 0 };
	if (poll(p, ARRAY_LEN(p), n ? 0 : wait_ms(s, timeout_ms)) < 0)
		return errno == EINTR ? n : -errno;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		if (s->client[i].fd >= 0)
			step_client(s, &s->client[i], p[i + 1].revents);
	if (p[0].revents & POLLIN)
		welcome(s);
	n += advance_all(s);
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		expire(s, &s->client[i], socket_clock());
	return n;
}

/* --- life ---------------------------------------------------------------- */

struct control_server *
control_server_new(const struct control_server_config *config, char *error,
		   size_t cap)
{
	struct control_server *s = calloc(1, sizeof(*s));
	struct stat st;

	if (!s) {
		snprintf(error, cap, "out of memory");
		return NULL;
	}
	s->config = *config;
	s->config.path = s->config.group = NULL;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		s->client[i].fd = -1;
	s->fd = socket_claim(config->path, config->group, error, cap);
	if (s->fd < 0) {
		free(s);
		return NULL;
	}
	snprintf(s->path, sizeof(s->path), "%s", config->path);
	if (!stat(s->path, &st)) {
		s->dev = st.st_dev;
		s->ino = st.st_ino;
	}
	return s;
}

void control_server_free(struct control_server *s)
{
	struct stat st;

	if (!s)
		return;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		if (s->client[i].fd >= 0)
			hang_up(&s->client[i]);
	/* Another daemon may have put its own there since. */
	if (!stat(s->path, &st) && st.st_dev == s->dev && st.st_ino == s->ino)
		unlink(s->path);
	close(s->fd);
	free(s);
}
