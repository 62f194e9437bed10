/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_tls_interop.c - the openssl program on the other side of a socket, in
 * both roles: full handshake, data, resumption, close.
 */
#include "tls_ends.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>

static int begin(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	certs_begin();
	certs_make(&(struct certs_spec){ "ca", "Test CA", NULL, "ec", -1, 30,
					 .authority = 1 });
	certs_make(&(struct certs_spec){ "rsa", ENDS_NAME, "DNS:" ENDS_NAME,
					 "rsa", -1, 30, "ca" });
	certs_make(&(struct certs_spec){ "ec", ENDS_NAME, "DNS:" ENDS_NAME,
					 "ec", -1, 30, "ca" });
	return 0;
}

static int end(void **state)
{
	certs_end();
	return 0;
}

/* --- the program --- */

struct program {
	pid_t pid;
	int in, out; /* its standard input, and output with errors */
};

static struct program start(const char *command)
{
	struct program p;
	int in[2], out[2];

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	p.pid = fork();
	if (!p.pid) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		close(in[1]);
		close(out[0]);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	p.in = in[1];
	p.out = out[0];
	return p;
}

/* What it prints, until `word` was seen or it ends. */
static void until(const struct program *p, const char *word, char *text,
		  size_t cap)
{
	size_t n = 0;
	ssize_t got;

	text[0] = '\0';
	while (!strstr(text, word) && n < cap - 1 &&
	       (got = read(p->out, text + n, cap - 1 - n)) > 0) {
		n += (size_t)got;
		text[n] = '\0';
	}
	if (!strstr(text, word))
		fail_msg("no \"%s\" in: %s", word, text);
}

static void finish(struct program *p)
{
	close(p->in);
	close(p->out);
	kill(p->pid, SIGTERM);
	waitpid(p->pid, NULL, 0);
}

/* --- our side --- */

/* One TLS connection on a socket that blocks, but not for ever. */
struct conn {
	int fd;
	struct tls *t;
	uint8_t in[2 * TLS_RECORD_MAX];
	size_t n;
	uint8_t plain[TLS_PLAIN_MAX];
};

enum call { STEP, OPEN, SEAL, CLOSE };

static enum tls_result call(struct conn *c, enum call what, const char *data,
			    size_t *n)
{
	static uint8_t room[2 * TLS_RECORD_MAX];
	struct iovec from = { c->in, c->n }, to = { room, sizeof(room) };
	struct span_in in = span_in_of(&from, 1);
	struct span_out out = span_out_of(&to, 1);
	enum tls_result r = TLS_OK;

	switch (what) {
	case STEP:
		r = tls_step(c->t, &in, &out);
		break;
	case OPEN:
		r = tls_open(c->t, &in, c->plain, sizeof(c->plain), n, &out);
		break;
	case SEAL:
		r = tls_seal(c->t, data, strlen(data), &out);
		break;
	case CLOSE:
		r = tls_close(c->t, &out);
		break;
	}
	c->n -= in.used;
	memmove(c->in, c->in + in.used, c->n);
	if (out.used)
		assert_int_equal(send(c->fd, room, out.used, 0), out.used);
	return r;
}

static void receive(struct conn *c)
{
	ssize_t got = recv(c->fd, c->in + c->n, sizeof(c->in) - c->n, 0);

	if (got <= 0)
		fail_msg("the other side says nothing (%zd)", got);
	c->n += (size_t)got;
}

static void handshake(struct conn *c)
{
	enum tls_result r;

	while ((r = call(c, STEP, NULL, NULL)) == TLS_WANT_IN)
		receive(c);
	assert_string_equal(tls_error(c->t), "");
	assert_int_equal(r, TLS_OK);
}

/* Open until `word` has come; "" = until the end. */
static void hear(struct conn *c, const char *word, char *text, size_t cap)
{
	enum tls_result r;
	size_t all = 0, n;

	text[0] = '\0';
	while ((r = call(c, OPEN, NULL, &n)) != TLS_CLOSED) {
		if (r == TLS_WANT_IN) {
			receive(c);
			continue;
		}
		assert_int_equal(r, TLS_OK);
		assert_true(all + n < cap);
		memcpy(text + all, c->plain, n);
		all += n;
		text[all] = '\0';
		if (*word && strstr(text, word))
			return;
	}
	assert_string_equal(word, "");
}

static int socket_new(void)
{
	struct timeval patience = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* --- we serve --- */

static bool serve(int listener, struct tls_server *s, const char *version,
		  const char *session, int round)
{
	struct conn *c = calloc(1, sizeof(*c));
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	char command[1024], text[4096];
	struct program client;
	struct tls_info info;

	getsockname(listener, (struct sockaddr *)&at, &len);
	snprintf(command, sizeof(command),
		 "exec openssl s_client -connect 127.0.0.1:%u -servername %s "
		 "-verify_return_error -verify_hostname %s -CAfile %s "
		 "-alpn h2,http/1.1 %s -sess_%s %s -ign_eof -nocommands",
		 ntohs(at.sin_port), ENDS_NAME, ENDS_NAME,
		 certs_path("ca", ".pem"), version, round ? "in" : "out",
		 certs_path(session, ".sess"));
	client = start(command);
	c->fd = accept(listener, NULL, NULL);
	c->t = tls_accept(s);
	handshake(c);
	tls_info(c->t, &info);
	assert_string_equal(info.sni, ENDS_NAME);
	assert_int_equal(write(client.in, "from the client\n", 16), 16);
	hear(c, "from the client\n", text, sizeof(text));
	assert_int_equal(call(c, SEAL, "from the server\n", NULL), TLS_OK);
	assert_int_equal(call(c, CLOSE, NULL, NULL), TLS_OK);
	shutdown(c->fd, SHUT_WR);
	until(&client, "from the server\n", text, sizeof(text));
	assert_non_null(strstr(text, "Verification: OK"));
	assert_non_null(strstr(text, "ALPN protocol: http/1.1"));
	assert_non_null(strstr(text, round ? "Reused, TLSv1" : "New, TLSv1"));
	finish(&client);
	tls_free(c->t);
	close(c->fd);
	free(c);
	return info.resumed;
}

static void openssl_as_client(void **state)
{
	static const char *const rows[][2] = {
		{ "ec", "-tls1_3" },
		{ "rsa", "-tls1_3" },
		{ "ec", "-tls1_2" },
		{ "rsa", "-tls1_2 -cipher ECDHE-RSA-AES256-SHA384" },
	};
	struct sockaddr_in any = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct tls_tickets *k = tls_tickets_new();
	int listener = socket_new();

	assert_int_equal(bind(listener, (struct sockaddr *)&any, sizeof(any)),
			 0);
	assert_int_equal(listen(listener, 4), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tls_server *s = ends_server_with(
			rows[i][0], (struct tls_server_config){
					    .tickets = k, .n_tickets = 2 });

		assert_false(serve(listener, s, rows[i][1], "a", 0));
		assert_true(serve(listener, s, rows[i][1], "a", 1));
		tls_server_free(s);
	}
	close(listener);
	tls_tickets_free(k);
}

/* --- we ask --- */

static void ask(struct tls_target *t, uint16_t port, const char *expect)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct conn *c = calloc(1, sizeof(*c));
	char text[16384];

	c->fd = socket_new();
	assert_int_equal(connect(c->fd, (struct sockaddr *)&to, sizeof(to)), 0);
	c->t = tls_connect(t);
	handshake(c);
	assert_int_equal(call(c, SEAL, "GET / HTTP/1.0\r\n\r\n", NULL), TLS_OK);
	hear(c, "", text, sizeof(text));
	if (!strstr(text, expect))
		fail_msg("no \"%s\" in: %s", expect, text);
	tls_free(c->t);
	close(c->fd);
	free(c);
}

static void openssl_as_server(void **state)
{
	static const struct {
		const char *cert, *options;
		unsigned floor;
		const char *version;
	} rows[] = {
		{ "ec", "-tls1_3", 12, "TLSv1.3" },
		{ "rsa", "-tls1_3", 13, "TLSv1.3" },
		{ "rsa", "-tls1_2", 12, "TLSv1.2" },
		{ "rsa", "-tls1_2 -cipher ECDHE-RSA-AES256-SHA384", 12,
		  "TLSv1.2" },
		{ "rsa", "-tls1_2 -no_ticket", 12, "TLSv1.2" },
		{ "rsa", "-tls1 -cipher AES128-SHA:@SECLEVEL=0", 10, "TLSv1" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tls_target_config config = {
			.ca_file = certs_path("ca", ".pem"),
			.pinned = rows[i].floor < 12,
			.min_version = rows[i].floor
		};
		char command[1024], text[4096], expect[64];
		struct program server;
		struct tls_target *t;
		unsigned port = 0;

		certs_pin(rows[i].cert, config.pin);
		t = ends_target(config);
		snprintf(command, sizeof(command),
			 "exec openssl s_server -accept 127.0.0.1:0 -www "
			 "-cert %s -key %s %s",
			 certs_path(rows[i].cert, ".pem"),
			 certs_path(rows[i].cert, ".key"), rows[i].options);
		server = start(command);
		until(&server, "ACCEPT 127.0.0.1:", text, sizeof(text));
		if (!strchr(strstr(text, "ACCEPT"), '\n'))
			until(&server, "\n", text + strlen(text), 64);
		sscanf(strstr(text, "ACCEPT"), "ACCEPT 127.0.0.1:%u", &port);
		snprintf(expect, sizeof(expect), "New, %s",
			 !strcmp(rows[i].version, "TLSv1") ? "SSLv3"
							   : rows[i].version);
		ask(t, (uint16_t)port, expect);
		snprintf(expect, sizeof(expect), "Reused, %s",
			 !strcmp(rows[i].version, "TLSv1") ? "SSLv3"
							   : rows[i].version);
		ask(t, (uint16_t)port, expect);
		tls_target_free(t);
		finish(&server);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openssl_as_client),
		cmocka_unit_test(openssl_as_server),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
