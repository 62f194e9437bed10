/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * verdict.c - what the words of this library are called.
 */
#include "http/http.h"

const struct http_limits http_default_limits = {
	.head = HTTP_HEAD_MAX,
	.line = HTTP_LINE_MAX,
	.headers = HTTP_HEADERS_MAX,
};

static const struct {
	const char *name, *words;
	unsigned status;
} verdicts[] = {
#define X(id, name, status, words) [id] = { name, words, status },
	HTTP_VERDICTS(X)
#undef X
};

const char *http_verdict_name(enum http_verdict v)
{
	assert(v < HTTP_VERDICT_COUNT);
	return verdicts[v].name;
}

const char *http_verdict_words(enum http_verdict v)
{
	assert(v < HTTP_VERDICT_COUNT);
	return verdicts[v].words;
}

unsigned http_verdict_status(enum http_verdict v)
{
	assert(v < HTTP_VERDICT_COUNT);
	return verdicts[v].status;
}

/* RFC 9110 15 and 6585; 440, 449 and 451 as Exchange and ActiveSync use them
 * (MS-ASHTTP 2.2.3.1.2). */
const char *http_reason(unsigned status)
{
	static const struct {
		uint16_t status;
		const char *reason;
	} rows[] = {
		{ 100, "Continue" },
		{ 200, "OK" },
		{ 204, "No Content" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 411, "Length Required" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 417, "Expectation Failed" },
		{ 421, "Misdirected Request" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 440, "Login Timeout" },
		{ 449, "Retry after sending a PROVISION command" },
		{ 451, "Redirect" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
		{ 507, "Insufficient Storage" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].status == status)
			return rows[i].reason;
	return "";
}
