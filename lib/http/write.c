/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * write.c - heads and small answers, written into room that somebody else
 * owns.
 */
#include "http/chars.h"

#include <stdarg.h>
#include <stdio.h>

void http_put(struct http_writer *w, struct bytes b)
{
	if (w->overflow || b.n > w->cap - w->n) {
		w->overflow = true;
		return;
	}
	if (b.n)
		memcpy(w->p + w->n, b.p, b.n);
	w->n += b.n;
}

void http_put_str(struct http_writer *w, const char *s)
{
	http_put(w, BYTES(s));
}

void http_putf(struct http_writer *w, const char *fmt, ...)
{
	size_t room = w->cap - w->n;
	va_list ap;
	int n;

	if (w->overflow)
		return;
	va_start(ap, fmt);
	n = vsnprintf((char *)w->p + w->n, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room)
		w->overflow = true;
	else
		w->n += (size_t)n;
}

static bool value_ok(struct bytes v)
{
	size_t i = http_find_control(v, 0);

	while (i < v.n && v.p[i] == '\t')
		i = http_find_control(v, i + 1);
	return i == v.n;
}

void http_put_field(struct http_writer *w, struct bytes name,
		    struct bytes value)
{
	if (!all_are(name, CH_TOKEN) || !value_ok(value))
		w->overflow = true;
	http_put(w, name);
	http_put_str(w, ": ");
	http_put(w, value);
	http_put_str(w, "\r\n");
}

void http_put_request_line(struct http_writer *w, const struct http_head *h)
{
	http_put(w, h->method);
	http_put_str(w, " ");
	http_put(w, h->path);
	if (h->has_query)
		http_put_str(w, "?");
	http_put(w, h->query);
	http_put_str(w, " HTTP/1.1\r\n");
}

void http_put_status_line(struct http_writer *w, const struct http_head *h)
{
	http_putf(w, "HTTP/1.1 %03u ", h->status);
	http_put(w, h->reason);
	http_put_str(w, "\r\n");
}

void http_put_answer(struct http_writer *w, const struct http_answer *a)
{
	bool bodiless = a->status < 200 || a->status == 204 || a->status == 304;
	size_t start = w->n;

	assert(a->status >= 100 && a->status <= 999);
	http_putf(w, "HTTP/1.1 %u %s\r\n", a->status,
		  a->reason ? a->reason : http_reason(a->status));
	http_put(w, a->fields);
	if (!bodiless && a->type)
		http_put_field(w, BYTES("Content-Type"), BYTES(a->type));
	if (!bodiless)
		http_putf(w, "Content-Length: %zu\r\n", a->body.n);
	if (a->close)
		http_put_str(w, "Connection: close\r\n");
	else if (a->to_10)
		http_put_str(w, "Connection: keep-alive\r\n");
	http_put_str(w, "\r\n");
	if (!bodiless && !a->to_head)
		http_put(w, a->body);
	if (w->overflow)
		w->n = start;
}
