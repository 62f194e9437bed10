/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client.c - casgatectl's side: connect, ask, wait.
 */
#include "control/private.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct control_client {
	int fd;
	struct buffer in, out;
};

static int explain(int rc, const char *path, char *error, size_t cap)
{
	const char *what = strerror(-rc);

	if (rc == -ENOENT)
		what = "there is no such socket: casgate does not run, or "
		       "listens elsewhere (appliance.control-socket); start "
		       "it, or name the socket with --socket";
	else if (rc == -ECONNREFUSED)
		what = "nobody answers: casgate has ended without removing "
		       "its socket; start it again";
	else if (rc == -EACCES || rc == -EPERM)
		what = "permission denied: be root, or in the group that "
		       "appliance.control-group names";
	else if (rc == -ENAMETOOLONG)
		what = "the path of a socket has 107 bytes at most";
	snprintf(error, cap, "%s: %s", path, what);
	return rc;
}

int control_connect(const char *path, struct control_client **out, char *error,
		    size_t cap)
{
	struct sockaddr_un sun;
	struct control_client *c;
	int fd, rc = socket_address(path, &sun);

	if (rc)
		return explain(rc, path, error, cap);
	c = calloc(1, sizeof(*c));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!c || fd < 0)
		rc = c ? -errno : -ENOMEM;
	else if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
		rc = -errno;
	if (rc) {
		if (fd >= 0)
			close(fd);
		free(c);
		return explain(rc, path, error, cap);
	}
	c->fd = fd;
	*out = c;
	return 0;
}

void control_disconnect(struct control_client *c)
{
	if (!c)
		return;
	close(c->fd);
	buffer_free(&c->in);
	buffer_free(&c->out);
	free(c);
}

/* 0 when the event came; -ETIMEDOUT. */
static int await(struct control_client *c, short events, int timeout_ms)
{
	struct pollfd p = { c->fd, events, 0 };
	int n;

	do
		n = poll(&p, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n ? 0 : -ETIMEDOUT;
}

static int send_all(struct control_client *c, int timeout_ms)
{
	ssize_t sent;
	int rc;

	while (c->out.n) {
		rc = await(c, POLLOUT, timeout_ms);
		if (rc)
			return rc;
		sent = send(c->fd, buffer_data(&c->out), c->out.n,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (sent > 0)
			buffer_drop(&c->out, (size_t)sent);
	}
	return 0;
}

/* The next line, without its end, is at the front of c->in: *n bytes. */
static int read_line(struct control_client *c, int timeout_ms, size_t *n)
{
	size_t looked = 0;
	const char *end;
	ssize_t got;
	int rc;

	while (true) {
		end = c->in.n > looked ? memchr(buffer_data(&c->in) + looked,
						'\n', c->in.n - looked)
				       : NULL;
		if (end) {
			*n = (size_t)(end - buffer_data(&c->in));
			return 0;
		}
		looked = c->in.n;
		if (c->in.n > CONTROL_REPLY_MAX)
			return -EPROTO;
		rc = buffer_room(&c->in, 65536);
		if (!rc)
			rc = await(c, POLLIN, timeout_ms);
		if (rc)
			return rc;
		got = recv(c->fd, buffer_data(&c->in) + c->in.n, 65536,
			   MSG_DONTWAIT);
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (!got)
			return -EPIPE;
		if (got > 0)
			c->in.n += (size_t)got;
	}
}

static int fail_ask(int rc, char *error, size_t cap)
{
	if (rc == -EPIPE || rc == -ECONNRESET)
		snprintf(error, cap, "casgate hung up without an answer");
	else if (rc == -ETIMEDOUT)
		snprintf(error, cap, "casgate does not answer in time");
	else if (rc == -EPROTO)
		snprintf(error, cap, "casgate's answer cannot be understood");
	else
		snprintf(error, cap, "%s", strerror(-rc));
	return rc == -ECONNRESET ? -EPIPE : rc;
}

int control_ask(struct control_client *c, const char *command,
		const json_t *args, int timeout_ms,
		void (*progress)(void *arg, const char *text), void *arg,
		json_t **reply, char *error, size_t cap)
{
	json_t *request = json_pack("{s:s, s:O*}", "command", command, "args",
				    (json_t *)(uintptr_t)args);
	json_t *line = NULL;
	size_t n = 0;
	int rc;

	rc = request ? buffer_json(&c->out, request) : -EINVAL;
	json_decref(request);
	if (!rc)
		rc = send_all(c, timeout_ms);
	/* A server that has hung up may still have said why. */
	if (rc == -EPIPE || rc == -ECONNRESET)
		rc = 0;
	while (!rc) {
		rc = read_line(c, timeout_ms, &n);
		if (rc)
			break;
		line = json_loadb(buffer_data(&c->in), n,
				  JSON_REJECT_DUPLICATES, NULL);
		buffer_drop(&c->in, n + 1);
		if (json_is_boolean(json_object_get(line, "ok")))
			break;
		if (!json_is_string(json_object_get(line, "progress")))
			rc = -EPROTO;
		else if (progress)
			progress(arg, json_string_value(json_object_get(
					      line, "progress")));
		json_decref(line);
		line = NULL;
	}
	if (rc)
		return fail_ask(rc, error, cap);
	*reply = line;
	return 0;
}
