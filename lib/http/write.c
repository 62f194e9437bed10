/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * write.c - heads and small answers, written into room that somebody else
 * owns.
 */
#include "http/chars.h"

static bool value_ok(struct bytes v)
{
	size_t i = http_find_control(v, 0);

	while (i < v.n && v.p[i] == '\t')
		i = http_find_control(v, i + 1);
	return i == v.n;
}

void http_put_field(struct bytes_writer *w, struct bytes name,
		    struct bytes value)
{
	if (!all_are(name, CH_TOKEN) || !value_ok(value))
		w->overflow = true;
	bytes_put(w, name);
	bytes_puts(w, ": ");
	bytes_put(w, value);
	bytes_puts(w, "\r\n");
}

void http_put_request_line(struct bytes_writer *w, const struct http_head *h)
{
	bytes_put(w, h->method);
	bytes_puts(w, " ");
	bytes_put(w, h->path);
	if (h->has_query)
		bytes_puts(w, "?");
	bytes_put(w, h->query);
	bytes_puts(w, " HTTP/1.1\r\n");
}

void http_put_answer(struct bytes_writer *w, const struct http_answer *a)
{
	bool bodiless = a->status < 200 || a->status == 204 || a->status == 304;
	size_t start = w->n;

	assert(a->status >= 100 && a->status <= 999);
	bytes_putf(w, "HTTP/1.1 %u %s\r\n", a->status,
		   a->reason ? a->reason : http_reason(a->status));
	bytes_put(w, a->fields);
	if (!bodiless && a->type)
		http_put_field(w, BYTES("Content-Type"), BYTES(a->type));
	if (!bodiless)
		bytes_putf(w, "Content-Length: %zu\r\n", a->body.n);
	if (a->close)
		bytes_puts(w, "Connection: close\r\n");
	else if (a->to_10)
		bytes_puts(w, "Connection: keep-alive\r\n");
	bytes_puts(w, "\r\n");
	if (!bodiless && !a->to_head)
		bytes_put(w, a->body);
	if (w->overflow)
		w->n = start;
}
