/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * record.c - what becomes of a request is noted while it happens, for the
 * access log: copies of a few hundred bytes, no formatting, and no waiting for
 * anybody.
 */
#include "proxy/proxy_int.h"

static void note(char *dst, size_t cap, struct bytes b)
{
	b = bytes_upto(b, cap - 1);
	if (b.n)
		memcpy(dst, b.p, b.n);
	dst[b.n] = '\0';
}

#define NOTE(field, bytes) note(field, sizeof(field), bytes)

/* All of it is 0 but the link: its lines are in another core's cache, so only
 * those are touched that something stands on. */
static struct proxy_record *take(struct proxy_log *l)
{
	struct proxy_record *r;
	struct list *node;

	while ((r = spsc_get(&l->back))) {
		list_init(&r->link);
		list_push_front(&l->free, &r->link);
	}
	node = list_pop(&l->free);
	if (node)
		return list_entry(node, struct proxy_record, link);
	return l->fresh < l->count ? &l->record[l->fresh++] : NULL;
}

/* 122 bits that nobody can guess and that do not repeat (RFC 9562 5.4): the
 * secret is of this start, the number of this worker's requests. */
static void make_guid(struct session *s)
{
	struct proxy *p = s->proxy;
	uint64_t words[3] = { p->setup.worker, ++p->next_request, 0 };

	for (size_t i = 0; i < 2; i++) {
		uint64_t half;

		words[2] = i;
		half = siphash24(&p->setup.secret, words, sizeof(words));
		memcpy(s->guid + i * sizeof(half), &half, sizeof(half));
	}
	s->guid[6] = (s->guid[6] & 0x0f) | 0x40;
	s->guid[8] = (s->guid[8] & 0x3f) | 0x80;
}

void record_begin(struct session *s, usec_t now)
{
	struct proxy *p = s->proxy;
	struct proxy_log *l = p->setup.log;
	struct proxy_record *r;

	make_guid(s);
	if (!l || !p->config->log || !s->logged)
		return;
	r = take(l);
	if (!r) {
		l->dropped++;
		return;
	}
	l->out++;
	list_init(&r->link);
	r->session = s->id;
	r->protocol = EXCHANGE_PROTOCOL_COUNT;
	r->began = now;
	memcpy(r->id, s->guid, sizeof(r->id));
	if (s->listener < p->config->n_listeners)
		NOTE(r->listener, BYTES(p->config->listener[s->listener].name));
	s->record = r;
}

void record_request(struct session *s, const struct http_head *h, usec_t now)
{
	static const struct {
		const char *name;
		size_t offset, room;
	} fields[] = {
#define FIELD(name, field)                                                     \
	{ name, offsetof(struct proxy_record, field),                          \
	  sizeof(((struct proxy_record *)0)->field) }
		FIELD("client-request-id", client_id),
		FIELD("X-RequestId", mapi_id),
		FIELD("X-ClientInfo", mapi_info),
		FIELD("X-RequestType", mapi_type),
		FIELD("SOAPAction", soap),
		FIELD("User-Agent", agent),
		FIELD("X-AnchorMailbox", anchor),
#undef FIELD
	};
	struct proxy_record *r = s->record;

	if (!r)
		return;
	if (!r->read)
		r->read = now;
	r->auth = s->auth;
	NOTE(r->method, h->method);
	NOTE(r->host, h->host);
	NOTE(r->path, h->path);
	NOTE(r->query, h->query);
	NOTE(r->user, BYTES(s->want_user));
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const struct http_field *f =
			http_find_name(h, BYTES(fields[i].name));

		if (f)
			note((char *)r + fields[i].offset, fields[i].room,
			     f->value);
	}
}

void record_place(struct session *s, const struct exchange_place *place,
		  usec_t now)
{
	const struct exchange_keys *keys = &s->proxy->keys;
	const struct exchange_key *k = place->found || place->by_server
					       ? &place->key
				       : keys->n ? &keys->key[0]
						 : NULL;
	struct proxy_record *r = s->record;

	if (!r)
		return;
	r->protocol = s->protocol;
	r->decided = now;
	if (!k)
		return;
	r->hint = k->kind;
	NOTE(r->anchor, BYTES(k->text));
}

void record_form(struct session *s)
{
	if (!s->record)
		return;
	s->record->auth = PROXY_AUTH_FORM;
	NOTE(s->record->user, BYTES(s->want_user));
}

void record_sent(struct session *s, usec_t now)
{
	const struct proxy *p = s->proxy;
	int i = back_index(p, s->server_id);
	struct proxy_record *r = s->record;

	if (!r)
		return;
	r->sent = now;
	r->action = PROXY_PROXIED;
	if (i < 0)
		return;
	r->build = p->config->topology.server[i].build;
	NOTE(r->server, BYTES(p->config->topology.server[i].fqdn));
}

void record_answer(struct session *s, const struct http_head *h, usec_t now)
{
	const struct http_field *f =
		s->record ? http_find_name(h, BYTES("request-id")) : NULL;

	if (!s->record)
		return;
	s->record->answered = now;
	s->record->status = s->record->back_status = (uint16_t)h->status;
	if (f)
		NOTE(s->record->back_id, f->value);
}

void record_own(struct session *s, unsigned status, const char *reason,
		size_t n)
{
	struct proxy_record *r = s->record;

	if (!r)
		return;
	r->status = (uint16_t)status;
	r->down = n;
	if ((status > 300 && status < 400) || status == 451)
		r->action = PROXY_REDIRECTED;
	if (!r->reason[0])
		NOTE(r->reason, BYTES(reason));
}

void record_why(struct session *s, const char *reason)
{
	if (s->record)
		NOTE(s->record->reason, BYTES(reason));
}

void record_login(struct session *s, usec_t now)
{
	record_begin(s, now);
	if (!s->record)
		return;
	s->record->protocol = s->protocol;
	s->record->auth = PROXY_AUTH_BASIC; /* that is what it is to Exchange */
	s->record->read = now;
	NOTE(s->record->user, BYTES(s->want_user));
}

void record_verdict(struct session *s, bool accepted, usec_t now)
{
	if (!s->record)
		return;
	s->record->answered = now;
	s->record->accepted = accepted;
	if (!accepted)
		record_why(s, "the Exchange server denied the login");
}

void record_session(struct session *s, usec_t now)
{
	record_login(s, now);
	if (!s->record)
		return;
	record_sent(s, 0);
	s->record->accepted = s->record->session_over = true;
}

void record_end(struct session *s, enum proxy_end how, usec_t now)
{
	struct proxy *p = s->proxy;
	struct proxy_log *l = p->setup.log;
	struct proxy_record *r = s->record;
	struct tcp_info info;
	bool room = true;

	if (!r)
		return;
	s->record = NULL;
	l->out--;
	if (!(p->config->log & 1U << r->protocol)) {
		memset(r, 0, sizeof(*r));
		list_init(&r->link);
		list_push_front(&l->free, &r->link);
		return;
	}
	tcp_info(s->client.tc, &info);
	r->client = s->from;
	r->hop = info.remote;
	r->ended = now;
	/* Channels of Outlook Anywhere end when somebody goes. */
	if (!r->end)
		r->end = how == PROXY_END_CLIENT && s->rpc ? PROXY_END_WHOLE
							   : how;
	if (r->sent)
		r->up = s->up.payload;
	if (r->back_status && r->status == r->back_status)
		r->down = s->down.payload;
	if (r->session_over) {
		r->up = s->bytes_up;
		r->down = s->bytes_down;
	}
	room = spsc_put(&l->full, r);
	assert(room); /* a slot for every record there is */
}
