/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * socket.c - the control socket: claiming its name, knowing who is there, and
 * buffers for what goes through it.
 */
#include "control/private.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int buffer_room(struct buffer *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 4096;
	char *p;

	if (b->cap - b->at - b->n >= more)
		return 0;
	if (b->at && b->n)
		memmove(b->p, b->p + b->at, b->n);
	b->at = 0;
	if (b->cap - b->n >= more)
		return 0;
	while (cap - b->n < more)
		cap *= 2;
	p = realloc(b->p, cap);
	if (!p)
		return -ENOMEM;
	b->p = p;
	b->cap = cap;
	return 0;
}

static int append(const char *text, size_t n, void *arg)
{
	struct buffer *b = arg;

	if (n > CONTROL_REPLY_MAX || b->n > CONTROL_REPLY_MAX - n ||
	    buffer_room(b, n + 1))
		return -1;
	memcpy(buffer_data(b) + b->n, text, n);
	b->n += n;
	return 0;
}

int buffer_json(struct buffer *b, const json_t *v)
{
	size_t before = b->n;

	/* Compact JSON has no line feed; jansson escapes those in strings. */
	if (!json_dump_callback(v, append, b, JSON_COMPACT | JSON_ENCODE_ANY) &&
	    !append("\n", 1, b))
		return 0;
	b->n = before;
	return -E2BIG;
}

void buffer_drop(struct buffer *b, size_t n)
{
	assert(n <= b->n);
	b->n -= n;
	b->at = b->n ? b->at + n : 0;
}

void buffer_free(struct buffer *b)
{
	free(b->p);
	*b = (struct buffer){ 0 };
}

usec_t socket_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return SEC(ts.tv_sec) + (usec_t)ts.tv_nsec / 1000;
}

int socket_address(const char *path, struct sockaddr_un *sun)
{
	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!*path || strlen(path) >= sizeof(sun->sun_path))
		return -ENAMETOOLONG;
	memcpy(sun->sun_path, path, strlen(path));
	return 0;
}

void socket_peer(int fd, pid_t *pid, uid_t *uid, gid_t *gid)
{
	struct ucred peer = { -1, (uid_t)-1, (gid_t)-1 };
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n))
		peer = (struct ucred){ -1, (uid_t)-1, (gid_t)-1 };
	*pid = peer.pid;
	*uid = peer.uid;
	*gid = peer.gid;
}

/* --- claiming a name ----------------------------------------------------- */

static int find_group(const char *name, gid_t *gid)
{
	struct group g, *found = NULL;
	char buf[65536];
	int rc = getgrnam_r(name, &g, buf, sizeof(buf), &found);

	if (rc || !found)
		return rc ? -rc : -ENOENT;
	*gid = g.gr_gid;
	return 0;
}

/* The directory the socket is in, made if need be, locked: of two daemons that
 * start at once, one looks and binds before the other looks. */
static int lock_directory(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;
	int fd;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	else
		snprintf(dir, sizeof(dir), ".");
	if (mkdir(dir, 0755) && errno != EEXIST)
		return -errno;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!flock(fd, LOCK_EX))
		return fd;
	close(fd);
	return -EIO;
}

/* Take away a socket on which nobody answers. -EADDRINUSE when somebody does,
 * or when it is no socket. */
static int remove_stale(const struct sockaddr_un *sun, char *error, size_t cap)
{
	int fd, rc, pid = -1;
	struct stat st;
	uid_t uid;
	gid_t gid;

	if (lstat(sun->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(error, cap, "%s is there and is no socket",
			 sun->sun_path);
		return -EADDRINUSE;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	rc = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) ? -errno
								     : 0;
	if (!rc || rc == -EAGAIN) {
		if (!rc)
			socket_peer(fd, &pid, &uid, &gid);
		snprintf(error, cap,
			 "another casgate (process %d) answers on %s; stop it "
			 "first, or give this one an appliance.control-socket "
			 "of its own",
			 pid, sun->sun_path);
		rc = -EADDRINUSE;
	} else if (rc == -ECONNREFUSED) {
		rc = unlink(sun->sun_path) ? -errno : 0;
	}
	close(fd);
	return rc;
}

/* Bound and listening; -errno. */
static int bind_socket(const struct sockaddr_un *sun, const gid_t *gid)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc = 0;

	if (fd < 0)
		return -errno;
	/* unix(7): the file gets the socket's own mode, less the umask; so it
	 * is never open to others, not even between bind and chmod. */
	if (fchmod(fd, 0600) ||
	    bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) ||
	    (gid && chown(sun->sun_path, (uid_t)-1, *gid)) ||
	    chmod(sun->sun_path, 0660) || listen(fd, CONTROL_CLIENTS))
		rc = -errno;
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

int socket_claim(const char *path, const char *group, char *error, size_t cap)
{
	struct sockaddr_un sun;
	int lock, rc;
	gid_t gid;

	*error = '\0';
	if (socket_address(path, &sun)) {
		snprintf(error, cap,
			 "control socket %s: a path of 1 to %zu bytes is "
			 "possible",
			 path, sizeof(sun.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	if (group && find_group(group, &gid)) {
		snprintf(error, cap, "there is no group '%s'", group);
		return -ENOENT;
	}
	lock = lock_directory(path);
	rc = lock < 0 ? lock : remove_stale(&sun, error, cap);
	if (!rc)
		rc = bind_socket(&sun, group ? &gid : NULL);
	if (lock >= 0)
		close(lock);
	if (rc < 0 && !*error)
		snprintf(error, cap, "control socket %s: %s", path,
			 strerror(-rc));
	return rc;
}
