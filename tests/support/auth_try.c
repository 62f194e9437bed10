/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * auth_try.c - lib/auth by hand and for tests: one call a line of standard
 * input, one JSON-like line for each on standard output.
 *
 *   auth_try KEYTAB ACCOUNT SERVICE
 *     password USER PASSWORD
 *     service TARGET             token as the service account
 *     user USER TARGET           ... by S4U
 *     own USER PASSWORD TARGET   ... with the user's password
 *     accept BASE64              a client's token
 *     flush
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/auth.h"

static uint8_t token[AUTH_TOKEN];

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void say(enum auth_result r, const struct auth_answer *out, size_t n,
		double ms)
{
	static uint8_t text[AUTH_TOKEN * 2];
	struct bytes_writer w = { text, 0, sizeof(text) - 1, false };

	bytes_put64(&w, (struct bytes){ token, n });
	text[w.n] = '\0';
	printf("%s\t%s\t%s\t%d %s\t%.2f\n", auth_result_word(r), out->principal,
	       (const char *)text, out->code, out->why, ms);
	fflush(stdout);
}

static void one(struct auth *a, int n, char **w)
{
	struct auth_answer out = { 0 };
	enum auth_result r = AUTH_FAILED;
	static uint8_t in[AUTH_TOKEN];
	double began = now_ms();
	size_t made = sizeof(token);
	long len;

	if (n == 3 && !strcmp(w[0], "password")) {
		r = auth_password(a, w[1], w[2], &out);
		made = 0;
	} else if (n == 2 && !strcmp(w[0], "service"))
		r = auth_token(a, AUTH_AS_SERVICE, NULL, NULL, w[1], BYTES_NONE,
			       token, &made, &out);
	else if (n == 3 && !strcmp(w[0], "user"))
		r = auth_token(a, AUTH_AS_USER, w[1], NULL, w[2], BYTES_NONE,
			       token, &made, &out);
	else if (n == 4 && !strcmp(w[0], "own"))
		r = auth_token(a, AUTH_AS_PASSWORD, w[1], w[2], w[3],
			       BYTES_NONE, token, &made, &out);
	else if (n == 2 && !strcmp(w[0], "accept")) {
		len = bytes_unbase64(BYTES(w[1]), in, sizeof(in));
		r = auth_accept(a, (struct bytes){ in, len > 0 ? (size_t)len : 0 },
				BYTES_NONE, token, &made, &out);
	} else if (n == 1 && !strcmp(w[0], "flush")) {
		auth_flush(a);
		r = AUTH_OK;
		made = 0;
	}
	say(r, &out, r == AUTH_OK ? made : 0, now_ms() - began);
}

int main(int argc, char **argv)
{
	struct auth_config c = { 0 };
	char error[512], *line = NULL, *save, *word[8];
	struct auth *a;
	size_t cap = 0;

	if (argc != 4)
		return 2;
	c.keytab = argv[1];
	c.account = argv[2];
	c.service = argv[3];
	a = auth_new(&c, error, sizeof(error));
	if (!a) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	while (getline(&line, &cap, stdin) > 0) {
		int n = 0;

		for (char *w = strtok_r(line, "\t\n", &save); w && n < 8;
		     w = strtok_r(NULL, "\t\n", &save))
			word[n++] = w;
		one(a, n, word);
	}
	free(line);
	auth_free(a);
	return 0;
}
