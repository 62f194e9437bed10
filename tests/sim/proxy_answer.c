/* SPDX-License-Identifier: BSD-3-Clause */
/* proxy_answer.c - a client's view of an answer: whose it is, and is it whole.
 */
#include "proxy_world.h"

static void note(const struct http_head *h, const char *name, char *dst,
		 size_t cap)
{
	const struct http_field *f = http_find_name(h, BYTES(name));

	if (!f || !bytes_str(f->value, dst, cap))
		dst[0] = '\0';
}

static size_t take_head(struct answer *a, struct bytes in)
{
	enum http_verdict v;
	char id[24];
	uint32_t len;

	v = http_scan(&a->scan, in, &http_default_limits, &len);
	if (v == HTTP_MORE)
		return 0;
	if (v == HTTP_OK)
		v = http_parse_response(bytes_upto(in, len), a->to_head,
					&http_default_limits, &a->head);
	if (v != HTTP_OK) {
		a->wrong = true;
		return 0;
	}
	a->status = a->head.status;
	note(&a->head, "X-Id", id, sizeof(id));
	note(&a->head, "X-Server", a->server, sizeof(a->server));
	note(&a->head, "X-Connection", a->connection, sizeof(a->connection));
	note(&a->head, "X-Who", a->who, sizeof(a->who));
	a->id = id[0] ? strtoull(id, NULL, 10) : UINT64_MAX;
	http_body_init(&a->body, &a->head, false);
	a->in_body = true;
	a->done = a->body.done;
	return len;
}

static size_t take_body(struct answer *a, struct bytes in, bool over)
{
	size_t consumed = 0;
	struct bytes piece;

	if (!in.n) {
		a->done = over && a->body.framing == HTTP_UNTIL_CLOSE;
		return 0;
	}
	if (http_body_next(&a->body, in, &piece, &consumed) != HTTP_OK) {
		a->wrong = true;
		return 0;
	}
	for (size_t i = 0; i < piece.n && a->id != UINT64_MAX; i++)
		a->wrong |= piece.p[i] != pattern(a->id, a->n + i);
	a->n += piece.n;
	a->done = a->body.done;
	return consumed;
}

size_t answer_take(struct answer *a, struct bytes in, bool over)
{
	size_t used = 0, k;

	do {
		struct bytes rest = bytes_from(in, used);

		k = 0;
		if (!a->in_body)
			k = rest.n ? take_head(a, rest) : 0;
		else if (!a->done)
			k = take_body(a, rest, over);
		used += k;
	} while (k && !a->done && !a->wrong);
	return used;
}

size_t world_base64(const char *from, size_t n, char *dst)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
				  "qrstuvwxyz0123456789+/";
	size_t out = 0;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)(uint8_t)from[i] << 16;

		v |= i + 1 < n ? (uint32_t)(uint8_t)from[i + 1] << 8 : 0;
		v |= i + 2 < n ? (uint8_t)from[i + 2] : 0;
		dst[out++] = set[v >> 18];
		dst[out++] = set[v >> 12 & 63];
		dst[out++] = i + 1 < n ? set[v >> 6 & 63] : '=';
		dst[out++] = i + 2 < n ? set[v & 63] : '=';
	}
	return out;
}
