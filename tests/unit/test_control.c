/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_control.c - requests and replies, with a socket and without.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "control/control.h"

struct world {
	struct control_server *server;
	char dir[64], path[96];
	uint64_t later; /* token of a call that was put off */
	pid_t pid; /* of the last caller */
	uid_t uid;
	unsigned calls;
};

static json_t *handle_show(void *ctx, struct control_call *call)
{
	struct world *w = ctx;

	w->pid = call->pid;
	w->uid = call->uid;
	w->calls++;
	return json_pack("{s:O}", "saw",
			 json_object_get(call->args, "mailbox"));
}

static json_t *handle_remove(void *ctx, struct control_call *call)
{
	return control_fail(
		call, CONTROL_NOT_FOUND, "no mailbox '%s'",
		json_string_value(json_object_get(call->args, "mailbox")));
}

static json_t *handle_nothing(void *ctx, struct control_call *call)
{
	return NULL;
}

static json_t *handle_later(void *ctx, struct control_call *call)
{
	struct world *w = ctx;

	w->later = call->token;
	return control_later(call);
}

static json_t *handle_slowly(void *ctx, struct control_call *call)
{
	control_progress(call, "%d of 2", 1);
	control_progress(call, "%d of 2", 2);
	return json_string("imported");
}

/* 4 MB of reply, which no socket takes at once. */
static json_t *handle_much(void *ctx, struct control_call *call)
{
	json_t *list = json_array();

	for (int i = 0; i < 100000; i++)
		json_array_append_new(list,
				      json_pack("{s:i, s:s}", "n", i, "text",
						"0123456789012345678"));
	return list;
}

/* Data and a failure: the failure counts, the data must not leak. */
static json_t *handle_both(void *ctx, struct control_call *call)
{
	control_fail(call, CONTROL_BUSY, "not now \xff");
	return json_string("data");
}

static int set_up_with(void **state, unsigned timeout_ms)
{
	struct world *w = calloc(1, sizeof(*w));
	struct control_server_config c = { .ctx = w,
					   .timeout_ms = timeout_ms,
					   .later_ms = timeout_ms };
	char error[256];

	log_set_level(LOG_LEVEL_ERROR);
	strcpy(w->dir, "/tmp/casgate-control-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(w->path, sizeof(w->path), "%s/run/s", w->dir);
	c.path = w->path;
	c.handler[CONTROL_MAILBOX_SHOW] = handle_show;
	c.handler[CONTROL_MAILBOX_REMOVE] = handle_remove;
	c.handler[CONTROL_MAILBOX_COUNT] = handle_nothing;
	c.handler[CONTROL_STOP] = handle_later;
	c.handler[CONTROL_MAILBOX_IMPORT] = handle_slowly;
	c.handler[CONTROL_STATS] = handle_much;
	c.handler[CONTROL_CONFIG_RELOAD] = handle_both;
	w->server = control_server_new(&c, error, sizeof(error));
	if (!w->server)
		fprintf(stderr, "%s\n", error);
	*state = w;
	return w->server ? 0 : -1;
}

static int set_up(void **state)
{
	return set_up_with(state, 20000);
}

/* For tests that wait until patience ends. */
static int set_up_hasty(void **state)
{
	return set_up_with(state, 100);
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char run[96];

	control_server_free(w->server);
	snprintf(run, sizeof(run), "%s/run", w->dir);
	/* Fails unless the server has removed its socket. */
	if (rmdir(run) || rmdir(w->dir))
		return -1;
	free(w);
	return 0;
}

static const struct {
	const char *line, *reply;
} lines[] = {
	{ "{\"command\":\"mailbox show\",\"args\":{\"mailbox\":\"anna\"}}",
	  "{\"ok\":true,\"data\":{\"saw\":\"anna\"}}" },
	{ "{\"command\":\"mailbox count\"}", "{\"ok\":true,\"data\":null}" },
	{ "{\"command\":\"mailbox count\",\"args\":{}}",
	  "{\"ok\":true,\"data\":null}" },
	{ "{\"command\":\"mailbox remove\",\"args\":{\"mailbox\":\"x\"}}",
	  "{\"ok\":false,\"code\":\"not-found\",\"error\":\"no mailbox "
	  "'x'\"}" },
	{ "{\"command\":\"config reload\"}",
	  "{\"ok\":false,\"code\":\"busy\",\"error\":\"(the reason is not "
	  "UTF-8)\"}" },
	{ "{\"command\":\"status\"}",
	  "{\"ok\":false,\"code\":\"refused\",\"error\":\"status is not "
	  "available in this program\"}" },
	{ "{\"command\":\"stop\"}",
	  "{\"ok\":false,\"code\":\"timeout\",\"error\":\"the answer came too "
	  "late\"}" },
	{ "{\"command\":\"mailbox shw\"}",
	  "{\"ok\":false,\"code\":\"usage\",\"error\":\"there is no command "
	  "'mailbox shw'; did you mean mailbox show\"}" },
	{ "{\"command\":\"mailbox show\"}",
	  "{\"ok\":false,\"code\":\"usage\",\"error\":\"mailbox show needs "
	  "mailbox: address, UPN, DOMAIN\\\\user, GUID or "
	  "legacyExchangeDN\"}" },
	{ "{\"command\":\"mailbox show\",\"args\":{\"mailbox\":7}}",
	  "{\"ok\":false,\"code\":\"usage\",\"error\":\"mailbox must be text "
	  "of 1 to 4096 bytes\"}" },
	{ "{\"command\":\"mailbox show\",\"args\":{\"mailbox\":\"a\","
	  "\"mailbx\":\"b\"}}",
	  "{\"ok\":false,\"code\":\"usage\",\"error\":\"mailbox show has no "
	  "argument 'mailbx'\"}" },
	{ "{\"command\":\"mailbox show\",\"args\":[]}",
	  "{\"ok\":false,\"code\":\"usage\",\"error\":\"args must be an "
	  "object\"}" },
	{ "{\"command\":7}",
	  "{\"ok\":false,\"code\":\"usage\",\"error\":\"a request is "
	  "{\\\"command\\\":\\\"noun verb\\\", \\\"args\\\":{...}}\"}" },
	{ "[]", "{\"ok\":false,\"code\":\"usage\",\"error\":\"a request is "
		"{\\\"command\\\":\\\"noun verb\\\", \\\"args\\\":{...}}\"}" },
	{ "{\"command\":\"stop\",\"command\":\"stop\"}",
	  "{\"ok\":false,\"code\":\"usage\",\"error\":\"not JSON: duplicate "
	  "object key near '\\\"command\\\"' (byte 27)\"}" },
	{ "status",
	  "{\"ok\":false,\"code\":\"usage\",\"error\":\"not JSON: '[' or '{' "
	  "expected near 'status' (byte 6)\"}" },
};

static void request_lines(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		json_t *reply =
			control_serve_line(w->server, BYTES(lines[i].line));
		char *have = json_dumps(reply, JSON_COMPACT);

		assert_string_equal(have, lines[i].reply);
		free(have);
		json_decref(reply);
	}
}

/* --- the socket ---------------------------------------------------------- */

static int dial(const struct world *w)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(sun.sun_path, w->path);
	assert_int_equal(connect(fd, (void *)&sun, sizeof(sun)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL),
			 strlen(text));
}

/* What the server says within `turns` polls; "" = nothing, "EOF" = it hung up
 * without a word. */
static const char *hear(struct world *w, int fd, unsigned turns)
{
	static char text[65536];
	size_t n = 0;
	ssize_t got = -1;

	for (unsigned i = 0; i < turns; i++) {
		assert_true(control_server_poll(w->server, 0) >= 0);
		got = recv(fd, text + n, sizeof(text) - 1 - n, 0);
		n += got > 0 ? (size_t)got : 0;
	}
	text[n] = '\0';
	return !n && !got ? "EOF" : text;
}

#define SHOW(who)                                                              \
	"{\"command\":\"mailbox show\",\"args\":{\"mailbox\":\"" who "\"}}"
#define SAW(who) "{\"ok\":true,\"data\":{\"saw\":\"" who "\"}}\n"
#define COUNT "{\"command\":\"mailbox count\"}"
#define NOTHING "{\"ok\":true,\"data\":null}\n"

static void framing(void **state)
{
	struct world *w = *state;
	int fd = dial(w);

	/* One request, in two pieces. */
	say(fd, "{\"command\":\"mailbox ");
	assert_string_equal(hear(w, fd, 3), "");
	say(fd, "count\"}\n");
	assert_string_equal(hear(w, fd, 3), NOTHING);
	/* Two in one piece, in their order; CRLF and blank lines too. */
	say(fd, SHOW("a") "\r\n\n  \n" SHOW("b") "\n");
	assert_string_equal(hear(w, fd, 6), SAW("a") SAW("b"));
	/* Nonsense costs a reply, not the connection. */
	say(fd, "nonsense\n" COUNT "\n");
	assert_non_null(strstr(hear(w, fd, 4), "not JSON"));
	assert_string_equal(hear(w, fd, 4), "");
	/* The last line needs no line feed when the client is done. */
	say(fd, SHOW("c"));
	shutdown(fd, SHUT_WR);
	assert_string_equal(hear(w, fd, 4), SAW("c"));
	assert_string_equal(hear(w, fd, 2), "EOF");
	close(fd);
	assert_int_equal(w->pid, getpid());
	assert_int_equal(w->uid, getuid());
	assert_int_equal(w->calls, 3);
}

/* A line of more than 1 MiB: told so, hung up. A line of 1 MiB is served. */
static void long_lines(void **state)
{
	struct world *w = *state;
	char *blank = malloc(CONTROL_REQUEST_MAX + 64);
	static const size_t sizes[] = { CONTROL_REQUEST_MAX,
					CONTROL_REQUEST_MAX + 1 };

	for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
		size_t n = sizes[k], sent = 0;
		char text[512] = "";
		int fd = dial(w);
		ssize_t got;

		memset(blank, ' ', n);
		memcpy(blank, COUNT, strlen(COUNT));
		blank[n - 1] = '\n';
		while (sent < n) {
			got = send(fd, blank + sent, n - sent, MSG_NOSIGNAL);
			if (got < 0 && errno == EPIPE)
				break;
			sent += got > 0 ? (size_t)got : 0;
			assert_true(control_server_poll(w->server, 0) >= 0);
		}
		for (int i = 0; i < 100 && !*text; i++) {
			control_server_poll(w->server, 0);
			got = recv(fd, text, sizeof(text) - 1, 0);
			text[got > 0 ? got : 0] = '\0';
		}
		if (!k)
			assert_string_equal(text, NOTHING);
		else
			assert_non_null(strstr(text, "more than 1 MiB"));
		close(fd);
		control_server_poll(w->server, 0);
	}
	free(blank);
}

/* A reply of megabytes, read slowly, arrives whole. */
static void long_reply(void **state)
{
	struct world *w = *state;
	int fd = dial(w);
	size_t total = 0;
	char text[50000];
	ssize_t got;

	say(fd, "{\"command\":\"stats\"}\n" COUNT "\n");
	for (int i = 0; i < 5000; i++) {
		control_server_poll(w->server, 0);
		got = recv(fd, text, sizeof(text), 0);
		if (got <= 0)
			continue;
		total += (size_t)got;
		if (got >= (ssize_t)strlen(NOTHING) &&
		    !memcmp(text + got - strlen(NOTHING), NOTHING,
			    strlen(NOTHING)))
			break;
	}
	/* 100,000 times {"n":N,"text":"..."}, with 488,890 digits of N. */
	assert_int_equal(total,
			 strlen("{\"ok\":true,\"data\":[]}\n") +
				 100000 * strlen("{\"n\":,\"text\":"
						 "\"0123456789012345678\"}") +
				 99999 + 488890 + strlen(NOTHING));
	close(fd);
}

static void progress(void **state)
{
	struct world *w = *state;
	int fd = dial(w);

	say(fd, "{\"command\":\"mailbox import\",\"args\":"
		"{\"file\":\"/x\"}}\n");
	assert_string_equal(hear(w, fd, 4),
			    "{\"progress\":\"1 of 2\"}\n"
			    "{\"progress\":\"2 of 2\"}\n"
			    "{\"ok\":true,\"data\":\"imported\"}\n");
	close(fd);
}

#define STOP "{\"command\":\"stop\"}\n"

static void answers_later(void **state)
{
	struct world *w = *state;
	int fd = dial(w), other;
	uint64_t token;

	say(fd, STOP COUNT "\n");
	assert_string_equal(hear(w, fd, 3), "");
	/* Another client is served meanwhile. */
	other = dial(w);
	say(other, COUNT "\n");
	assert_string_equal(hear(w, other, 3), NOTHING);
	token = w->later;
	control_finish(w->server, token, json_string("stopped"));
	assert_string_equal(hear(w, fd, 3),
			    "{\"ok\":true,\"data\":\"stopped\"}\n" NOTHING);
	/* A second answer to one call goes nowhere. */
	control_finish(w->server, token, json_string("again"));
	assert_string_equal(hear(w, fd, 3), "");
	say(fd, STOP);
	assert_string_equal(hear(w, fd, 3), "");
	assert_true(w->later != token);
	control_finish_fail(w->server, w->later, CONTROL_BUSY, "no %s", "way");
	assert_string_equal(hear(w, fd, 3), "{\"ok\":false,\"code\":\"busy\","
					    "\"error\":\"no way\"}\n");
	/* The client goes, and another gets its slot, before the answer. */
	say(fd, STOP);
	assert_string_equal(hear(w, fd, 3), "");
	close(fd);
	close(other);
	control_server_poll(w->server, 0);
	fd = dial(w);
	control_server_poll(w->server, 0);
	control_finish(w->server, w->later, json_string("too late"));
	assert_string_equal(hear(w, fd, 3), "");
	close(fd);
}

/* Polls until something comes or `ms` have gone by. */
static const char *hear_until(struct world *w, int fd, int ms)
{
	const char *text = "";

	for (int i = 0; i < ms / 5 && !*text; i++) {
		control_server_poll(w->server, 5);
		text = hear(w, fd, 1);
	}
	return text;
}

static void time_outs(void **state)
{
	struct world *w = *state;
	int half = dial(w), later = dial(w);

	/* A call nobody answers is answered by the clock. */
	say(later, STOP);
	say(half, "{\"comm");
	assert_string_equal(hear_until(w, later, 2000),
			    "{\"ok\":false,\"code\":\"timeout\",\"error\":"
			    "\"stop was not answered in time\"}\n");
	/* Half a request ends a connection. */
	assert_string_equal(hear_until(w, half, 2000), "EOF");
	close(half);
	close(later);
}

/* One that never reads is cut off, and the memory of its reply is free. */
static void deaf_client(void **state)
{
	struct world *w = *state;
	int fd = dial(w);
	struct pollfd p = { fd, POLLOUT, 0 };

	say(fd, "{\"command\":\"stats\"}\n");
	for (int i = 0; i < 400 && !(p.revents & POLLHUP); i++) {
		control_server_poll(w->server, 5);
		poll(&p, 1, 0);
	}
	assert_true(p.revents & POLLHUP);
	close(fd);
}

static void too_many_clients(void **state)
{
	struct world *w = *state;
	int fd[CONTROL_CLIENTS + 1];
	unsigned i;

	for (i = 0; i < CONTROL_CLIENTS; i++) {
		fd[i] = dial(w);
		control_server_poll(w->server, 0);
	}
	fd[i] = dial(w);
	assert_string_equal(hear(w, fd[i], 2),
			    "{\"ok\":false,\"code\":\"busy\",\"error\":\"too "
			    "many clients are connected\"}\n");
	close(fd[i]);
	/* One leaves, one can come. */
	close(fd[0]);
	control_server_poll(w->server, 0);
	fd[0] = dial(w);
	control_server_poll(w->server, 0);
	say(fd[0], COUNT "\n");
	assert_string_equal(hear(w, fd[0], 3), NOTHING);
	for (i = 0; i < CONTROL_CLIENTS; i++)
		close(fd[i]);
}

/* --- claiming the name --------------------------------------------------- */

static struct control_server *claim(const char *path, const char *group,
				    char *error)
{
	struct control_server_config c = { .path = path, .group = group };

	*error = '\0';
	return control_server_new(&c, error, 256);
}

static void claims(void **state)
{
	struct world *w = *state;
	char error[256], want[256], path[200];
	struct control_server *s;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct stat st;
	int fd;

	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	/* A living one is not pushed aside. */
	assert_null(claim(w->path, NULL, error));
	snprintf(want, sizeof(want),
		 "another casgate (process %d) answers on %s", getpid(),
		 w->path);
	assert_int_equal(strncmp(error, want, strlen(want)), 0);

	/* A dead one is. */
	snprintf(path, sizeof(path), "%s/stale", w->dir);
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (void *)&sun, sizeof(sun)), 0);
	close(fd);
	s = claim(path, NULL, error);
	assert_non_null(s);
	/* What another has put in its place is not removed at the end. */
	assert_int_equal(unlink(path), 0);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	control_server_free(s);
	/* And a file that is no socket is left alone. */
	assert_null(claim(path, NULL, error));
	snprintf(want, sizeof(want), "%s is there and is no socket", path);
	assert_string_equal(error, want);
	assert_int_equal(unlink(path), 0);

	assert_null(claim(path, "no-such-group", error));
	assert_string_equal(error, "there is no group 'no-such-group'");
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_null(claim(path, NULL, error));
	assert_non_null(strstr(error, "a path of 1 to 107 bytes"));
}

/* --- the client ---------------------------------------------------------- */

static atomic_bool over;

static void *serve(void *server)
{
	while (!over)
		control_server_poll(server, 10);
	return NULL;
}

static void count_progress(void *arg, const char *text)
{
	(*(int *)arg)++;
	assert_non_null(strstr(text, " of 2"));
}

static void client_asks(void **state)
{
	struct world *w = *state;
	struct control_client *c;
	json_t *reply, *args;
	char error[256];
	pthread_t thread;
	int n = 0;

	over = false;
	assert_int_equal(pthread_create(&thread, NULL, serve, w->server), 0);
	assert_int_equal(control_connect(w->path, &c, error, sizeof(error)), 0);
	args = json_pack("{s:s}", "file", "/x");
	assert_int_equal(control_ask(c, "mailbox import", args, 5000,
				     count_progress, &n, &reply, error,
				     sizeof(error)),
			 0);
	assert_int_equal(n, 2);
	assert_true(json_is_true(json_object_get(reply, "ok")));
	json_decref(reply);
	assert_int_equal(control_ask(c, "stats", NULL, 5000, NULL, NULL, &reply,
				     error, sizeof(error)),
			 0);
	assert_int_equal(json_array_size(json_object_get(reply, "data")),
			 100000);
	json_decref(reply);
	json_decref(args);
	control_disconnect(c);
	/* A request too long is answered, though it is not read to its end. */
	args = json_object();
	for (int i = 0; i < 20000; i++) {
		char key[128];

		snprintf(key, sizeof(key), "%0100d", i);
		json_object_set_new(args, key, json_true());
	}
	assert_int_equal(control_connect(w->path, &c, error, sizeof(error)), 0);
	assert_int_equal(control_ask(c, "stats", args, 5000, NULL, NULL, &reply,
				     error, sizeof(error)),
			 0);
	assert_non_null(strstr(
		json_string_value(json_object_get(reply, "error")), "1 MiB"));
	json_decref(reply);
	json_decref(args);
	control_disconnect(c);
	over = true;
	pthread_join(thread, NULL);
}

static void client_fails(void **state)
{
	struct world *w = *state;
	struct control_client *c;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char error[512], path[128];
	json_t *reply;
	int fd, peer;

	snprintf(path, sizeof(path), "%s/none", w->dir);
	assert_int_equal(control_connect(path, &c, error, sizeof(error)),
			 -ENOENT);
	assert_non_null(strstr(error, "casgate does not run"));
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (void *)&sun, sizeof(sun)), 0);
	assert_int_equal(control_connect(path, &c, error, sizeof(error)),
			 -ECONNREFUSED);
	assert_non_null(strstr(error, "start it again"));
	assert_int_equal(listen(fd, 3), 0);
	/* Silence; nonsense; the end. */
	for (int i = 0; i < 3; i++) {
		static const int want[] = { -ETIMEDOUT, -EPROTO, -EPIPE };

		assert_int_equal(
			control_connect(path, &c, error, sizeof(error)), 0);
		peer = accept(fd, NULL, NULL);
		if (i == 1)
			say(peer, "{\"hello\":1}\n");
		if (i == 2)
			close(peer);
		assert_int_equal(control_ask(c, "status", NULL, 20, NULL, NULL,
					     &reply, error, sizeof(error)),
				 want[i]);
		if (i < 2)
			close(peer);
		control_disconnect(c);
	}
	close(fd);
	unlink(path);
}

#define WITH_HASTE(f)                                                          \
	cmocka_unit_test_setup_teardown(f, set_up_hasty, tear_down)
#define WITH_SERVER(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(request_lines),    WITH_SERVER(framing),
		WITH_SERVER(long_lines),       WITH_SERVER(long_reply),
		WITH_SERVER(progress),	       WITH_SERVER(answers_later),
		WITH_HASTE(time_outs),	       WITH_HASTE(deaf_client),
		WITH_SERVER(too_many_clients), WITH_SERVER(claims),
		WITH_SERVER(client_asks),      WITH_SERVER(client_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
