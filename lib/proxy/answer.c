/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * answer.c - what the proxy says by itself: errors in words for the user and
 * for the administrator, and redirects.
 */
#include "proxy/proxy_int.h"

/* For whoever sees the page. */
static const char *words_of(unsigned status)
{
	switch (status) {
	case 401:
		return "Please log on.";
	case 403:
		return "This is not allowed here.";
	case 404:
	case 421:
		return "There is nothing at this address.";
	case 408:
	case 504:
		return "It took too long. Please try again.";
	case 502:
	case 503:
		return "Your mailbox cannot be reached now. Please try again "
		       "in a few minutes.";
	default:
		return "Your program sent what cannot be understood here.";
	}
}

static void put_page(struct bytes_writer *w, const struct session *s,
		     unsigned status, const char *reason)
{
	bytes_putf(w,
		   "<!DOCTYPE html><html><head><meta charset=\"utf-8\">"
		   "<title>%u %s</title></head><body><h1>%s</h1><p>",
		   status, http_reason(status), http_reason(status));
	bytes_puts(w, words_of(status));
	bytes_puts(w, "</p><p>For the administrator: ");
	bytes_put_html(w, BYTES(reason));
	bytes_putf(w, " (request " GUID_FORMAT ")</p></body></html>\n",
		   GUID_BYTES(s->guid));
}

/* The request's own bytes, if they are all there and none has gone to a back
 * end: then the connection can serve another one. Else 0. */
static size_t whole_request(const struct session *s)
{
	size_t have = stream_bytes(&s->client).n;

	if (!s->head_len || s->head_sent)
		return 0;
	switch (s->framing) {
	case HTTP_NO_BODY:
		return s->head_len;
	case HTTP_LENGTH:
		if (have - s->head_len >= s->length)
			return s->head_len + s->length;
		break;
	case HTTP_CHUNKED:
	case HTTP_UNTIL_CLOSE:
		break;
	}
	return 0;
}

/* No room at the client. */
static enum step later(struct session *s, unsigned status, const char *header,
		       const char *reason, bool close, usec_t now)
{
	if (s->client.failed || s->client.closed)
		return session_kill(s, true, now);
	if (s->state == SESS_EXPECT_REQUEST || s->state == SESS_ANSWER)
		return STEP_WAIT;
	s->owed = status;
	s->owed_header = header;
	s->owed_reason = reason;
	s->owed_close = close;
	session_enter(s, SESS_ANSWER, now);
	return STEP_WAIT;
}

static enum step sent(struct session *s, unsigned status, size_t request,
		      bool close, usec_t now)
{
	struct proxy *p = s->proxy;

	if (status == 302 || status == 451)
		p->stats.redirected++;
	else if (status >= 400)
		p->stats.answered++;
	s->requests++;
	record_end(s, PROXY_END_WHOLE, now);
	if (close)
		return session_linger(s, now);
	stream_consume(&p->bufs, &s->client, request);
	request_reset(s, now);
	session_enter(s, SESS_EXPECT_REQUEST, now);
	return STEP_PROGRESS;
}

/* Answers are written into one half of proxy.out; what is too large for the
 * stack is made in the other. */
#define HALF (sizeof(((struct proxy *)0)->out) / 2)

static struct bytes write_answer(struct session *s, unsigned status,
				 const char *header, struct bytes body,
				 bool close)
{
	uint8_t lines[HTTP_LINE_MAX / 2 + 1024];
	struct bytes_writer fields = { lines, 0, sizeof(lines), false };
	struct bytes_writer w = { s->proxy->out, 0, HALF, false };

	bytes_puts(&fields, header ? header : "");
	put_own_fields(&fields, s);
	bytes_puts(&fields, "Cache-Control: no-store\r\n"
			    "X-Content-Type-Options: nosniff\r\n");
	http_put_answer(
		&w, &(struct http_answer){
			    .status = status,
			    .fields = { fields.p, fields.n },
			    .type = body.n ? "text/html; charset=utf-8" : NULL,
			    .body = body,
			    .close = close,
			    .to_10 = s->client_10,
			    .to_head = s->is_head,
		    });
	assert(!w.overflow && !fields.overflow);
	return (struct bytes){ w.p, w.n };
}

/* False: no room at the client, nothing was written. */
static bool say(struct session *s, unsigned status, const char *header,
		struct bytes body, bool close, usec_t now)
{
	struct bytes text = write_answer(s, status, header, body, close);

	return stream_write(&s->client, text.p, text.n, now);
}

enum step session_answer(struct session *s, unsigned status, const char *header,
			 const char *reason, bool close, usec_t now)
{
	uint8_t page[4096];
	struct bytes_writer body = { page, 0, sizeof(page), false };
	size_t request = whole_request(s);

	if (s->back.tc && s->state != SESS_EXPECT_REQUEST)
		back_reset(s, now);
	close |= s->draining || !s->keep_alive || !request;
	if (status != 302)
		put_page(&body, s, status, reason);
	assert(!body.overflow);
	if (!stream_room(&s->client) ||
	    !say(s, status, header, (struct bytes){ page, body.n }, close, now))
		return later(s, status, header, reason, close, now);
	record_own(s, status, reason, body.n);
	return sent(s, status, request, close, now);
}

static void put_link(struct bytes_writer *w, const char *url)
{
	bytes_puts(w, "<!DOCTYPE html><html><head><meta charset=\"utf-8\">"
		      "<title>Outlook Web App</title></head><body><p>Your "
		      "mailbox is reached at another address: <a href=\"");
	bytes_put_html(w, BYTES(url));
	bytes_puts(w, "\">");
	bytes_put_html(w, BYTES(url));
	bytes_puts(w, "</a></p></body></html>\n");
}

enum step session_redirect(struct session *s, unsigned status, const char *url,
			   usec_t now)
{
	uint8_t page[8192], line[EXCHANGE_URL + 1024];
	struct bytes_writer body = { page, 0, sizeof(page), false };
	struct bytes_writer header = { line, 0, sizeof(line), false };
	size_t request = whole_request(s);
	bool close = s->draining || !s->keep_alive || !request;

	if (status == 200)
		put_link(&body, url);
	else
		bytes_putf(&header, "%sLocation: %s\r\n",
			   status == 451 ? "X-MS-" : "", url);
	logon_put_end(&header, s);
	/* With its NUL: from here on it is a C string. */
	bytes_put(&header, (struct bytes){ (const uint8_t *)"", 1 });
	assert(!body.overflow && !header.overflow);
	if (!say(s, status, (const char *)line, (struct bytes){ page, body.n },
		 close, now))
		return later(s, status, NULL, NULL, close, now);
	record_own(s, status, "", body.n);
	s->proxy->stats.answered += status == 200;
	return sent(s, status, request, close, now);
}

enum step session_send_on(struct session *s, const struct exchange_form *f,
			  usec_t now)
{
	struct proxy *p = s->proxy;
	uint8_t line[EXCHANGE_URL + 1024];
	struct bytes_writer header = { line, 0, sizeof(line), false };
	/* Enough: a body of 16 KiB at most doubles, since what grows more was
	 * encoded before. */
	struct bytes_writer page = { p->out + HALF, 0, HALF - 4096, false };
	size_t request = whole_request(s);
	bool close = s->draining || !s->keep_alive || !request, fits, said;
	struct bytes text;

	if (!exchange_form_page(f, &p->decision, &page)) {
		mem_wipe(page.p, page.n);
		return session_redirect(s, 200, p->decision.url, now);
	}
	exchange_form_fields(&p->decision, &header);
	logon_put_end(&header, s);
	bytes_put(&header, (struct bytes){ (const uint8_t *)"", 1 });
	assert(!header.overflow);
	text = write_answer(s, 200, (const char *)line,
			    (struct bytes){ page.p, page.n }, close);
	fits = stream_fits(&s->client, text.n);
	said = fits && stream_write_all(&s->client, text.p, text.n, now);
	mem_wipe(p->out, text.n);
	mem_wipe(page.p, page.n);
	if (!fits)
		return later(s, 200, NULL, NULL, close, now);
	if (!said)
		return session_kill(s, true, now);
	record_own(s, 200, "", page.n);
	if (s->record)
		s->record->action = PROXY_REDIRECTED;
	p->stats.sent_on++;
	return sent(s, 200, request, close, now);
}

/* Would a request find a server that serves it? */
static bool served(const struct proxy *p, enum exchange_protocol of)
{
	const struct exchange_topology *t = &p->config->topology;

	if (p->draining || p->config->failing >> of & 1)
		return false;
	for (unsigned i = 0; i < t->n_servers; i++) {
		const struct exchange_server *s = &t->server[i];

		if (exchange_can_serve(s, of, NULL) &&
		    !exchange_is_drained(s, of) && !exchange_is_down(s, of))
			return true;
	}
	return false;
}

enum step session_healthcheck(struct session *s, enum exchange_protocol of,
			      usec_t now)
{
	const struct proxy_config *c = s->proxy->config;
	char page[sizeof(c->name) + 16] = "200 OK<br/>";
	size_t request = whole_request(s);
	bool close = s->draining || !s->keep_alive || !request;

	s->proxy->stats.healthchecks++;
	if (served(s->proxy, of)) {
		if (s->internal)
			strcat(page, c->name);
		if (!say(s, 200, NULL, BYTES(page), close, now))
			return later(s, 200, NULL, NULL, close, now);
		record_own(s, 200, "", strlen(page));
		return sent(s, 200, request, close, now);
	}
	/* Exchange closes the connection, and some balancers know only that. */
	if (c->healthcheck_closes)
		return session_linger(s, now);
	return session_answer(s, 503, NULL,
			      "This protocol is not served here now.", false,
			      now);
}
