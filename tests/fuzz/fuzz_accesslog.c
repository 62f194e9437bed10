/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_accesslog.c - whatever a request's texts are, its line has as many
 * columns as every other, no control byte, valid UTF-8, and no password.
 */
#include "fuzz_http.h"

#include "accesslog/accesslog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next column of a line, as RFC 4180 is read. False: there was none. */
static bool column(const char **at)
{
	const char *p = *at;

	if (*p == '"') {
		for (p++; *p && (*p != '"' || p[1] == '"'); p++)
			p += *p == '"';
		MUST(*p == '"');
		p++;
		MUST(*p == ',' || *p == '\r');
	} else {
		MUST(!*p || !strchr("=+-@ ", *p));
		p += strcspn(p, ",\r\"");
		MUST(*p != '"');
	}
	*at = p + (*p == ',');
	return *p == ',';
}

static void line(const struct proxy_record *r)
{
	char text[ACCESSLOG_LINE];
	size_t n = accesslog_line(r, "gate", 0, text), columns = 1;
	struct bytes rest = { (const uint8_t *)text, n - 2 };
	const char *at = text;

	MUST(n < sizeof(text) && strlen(text) == n);
	MUST(!strcmp(text + n - 2, "\r\n"));
	while (rest.n) {
		size_t len = bytes_utf8(rest);

		MUST(len &&
		     (len > 1 || (rest.p[0] >= 0x20 && rest.p[0] < 127)));
		rest = bytes_from(rest, len);
	}
	while (column(&at))
		columns++;
	MUST(columns == 74 && *at == '\r');
}

/* A password behind any query keeps to itself. */
static void secret(struct bytes in)
{
	char query[2048], text[4096];

	in = bytes_upto(in, 1024);
	for (size_t i = 0; i < in.n; i++)
		if (!in.p[i] || in.p[i] == '!')
			return;
	snprintf(query, sizeof(query), "%.*s&Password=!geheim!", BYTES_FMT(in));
	accesslog_query(BYTES(query), text, sizeof(text));
	MUST(!strchr(text, '!') && strstr(text, "Password=***"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest = { data, size };
	struct proxy_record r = { 0 };

	if (size < 4)
		return 0;
	r.protocol = data[0] % (EXCHANGE_PROTOCOL_COUNT + 1);
	r.auth = data[1] % PROXY_AUTH_COUNT;
	r.end = data[1] % PROXY_END_COUNT;
	r.hint = data[1] % EXCHANGE_KEY_KIND_COUNT;
	r.action = data[2] % 3;
	r.status = (uint16_t)(data[2] * 4);
	r.back_status = data[3] & 1 ? r.status : 0;
	r.began = data[3] & 2;
	r.sent = r.decided = data[3] & 4;
	r.answered = data[3] & 8;
	r.ended = data[3];
	r.hop = ipaddr_v4(data);
	rest = bytes_from(rest, 4);
	/* Texts are apart by zeroes, as they are C strings. */
#define X(name, room)                                                          \
	{                                                                      \
		struct bytes t = bytes_upto(bytes_cut(&rest, 0), room - 1);    \
		if (t.n)                                                       \
			memcpy(r.name, t.p, t.n);                              \
	}
	PROXY_TEXTS(X)
#undef X
	line(&r);
	secret(bytes_from((struct bytes){ data, size }, 4));
	return 0;
}
