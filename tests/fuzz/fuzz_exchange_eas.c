/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_exchange_eas.c - the query of an ActiveSync request: what is packed into
 * base64 is read out again, what is read stands in the query, and none of it
 * breaks a line.
 *
 * Input: 'P', a version, a command, then device, type, policy key, parameters,
 * a line each, to be packed; or a query as it comes.
 */
#include "fuzz_http.h"

#include "exchange/exchange.h"

#define PACKED_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_line(const char *text, size_t room)
{
	size_t n = strnlen(text, room);

	for (size_t i = 0; i < n; i++)
		if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return n < room;
}

static void check(struct bytes query, const struct exchange_eas *q, bool got)
{
	struct exchange_request r = { .protocol = EXCHANGE_EAS,
				      .query = query };
	struct exchange_keys keys;
	struct bytes user;

	MUST(is_line(q->device, sizeof(q->device)) &&
	     is_line(q->type, sizeof(q->type)) &&
	     is_line(q->user, sizeof(q->user)) && q->command &&
	     is_line(q->command, 32));
	if (!got)
		MUST(!*q->device && !*q->type && !*q->user && !*q->command &&
		     !q->base64);
	MUST(q->base64 || !q->version);
	/* Whom it names is who is looked for, and nobody else. */
	exchange_keys(&r, &keys);
	user = bytes_trim(BYTES(q->user));
	if (user.n && user.p[0] == '\\')
		user = bytes_from(user, 1);
	MUST(keys.n == (user.n != 0));
	if (keys.n)
		MUST(keys.key[0].kind == EXCHANGE_KEY_QUERY_USER &&
		     bytes_eq(BYTES(keys.key[0].text), user));
}

static void query(struct bytes in)
{
	uint8_t packed[PACKED_MAX];
	struct exchange_eas q, again;
	bool got = exchange_eas_query(in, &q);
	long n;

	check(in, &q, got);
	MUST(exchange_eas_query(in, &again) == got &&
	     !strcmp(q.device, again.device) && !strcmp(q.user, again.user));
	if (!q.base64)
		return;
	n = bytes_unbase64(in, packed, sizeof(packed));
	MUST(n > 5 && packed[0] == q.version);
	MUST(packed[4] && packed[4] == strlen(q.device) &&
	     !memcmp(packed + 5, q.device, packed[4]));
	if (*q.user)
		MUST(memmem(packed, (size_t)n, q.user, strlen(q.user)));
}

/* --- packing -------------------------------------------------------------- */

static void put(struct bytes_writer *w, struct bytes text)
{
	uint8_t n = (uint8_t)min(text.n, (size_t)255);

	bytes_put(w, (struct bytes){ &n, 1 });
	bytes_put(w, bytes_upto(text, n));
}

static size_t base64(struct bytes in, uint8_t *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm"
				     "nopqrstuvwxyz0123456789+/";
	size_t n = 0;

	for (size_t i = 0; i < in.n; i += 3) {
		uint32_t v = (uint32_t)in.p[i] << 16;

		v |= i + 1 < in.n ? (uint32_t)in.p[i + 1] << 8 : 0;
		v |= i + 2 < in.n ? in.p[i + 2] : 0;
		out[n++] = (uint8_t)digits[v >> 18];
		out[n++] = (uint8_t)digits[v >> 12 & 63];
		out[n++] = i + 1 < in.n ? (uint8_t)digits[v >> 6 & 63] : '=';
		out[n++] = i + 2 < in.n ? (uint8_t)digits[v & 63] : '=';
	}
	return n;
}

static bool fits(struct bytes text, size_t room)
{
	char shown[512];

	return text.n < room && text.n <= 255 &&
	       bytes_eq(BYTES(exchange_printable(text, shown, sizeof(shown))),
			text);
}

static void pack(struct bytes in)
{
	uint8_t packed[PACKED_MAX], text[PACKED_MAX * 2];
	struct bytes_writer w = { packed, 0, sizeof(packed), false };
	struct bytes head = bytes_upto(in, 2), rest = bytes_from(in, 2);
	struct bytes device = bytes_cut(&rest, '\n');
	struct bytes type = bytes_cut(&rest, '\n');
	struct bytes key = bytes_upto(bytes_cut(&rest, '\n'), 4);
	struct bytes out, user = BYTES_NONE;
	struct exchange_eas q;
	bool users = true, got;

	bytes_put(&w, head);
	bytes_puts(&w, "\t\x04"); /* locale */
	put(&w, device);
	put(&w, key);
	put(&w, type);
	while (rest.n) {
		struct bytes value = bytes_cut(&rest, '\n');
		struct bytes tag = bytes_upto(value, 1);

		if (!tag.n)
			continue;
		value = bytes_upto(bytes_from(value, 1), 255);
		bytes_put(&w, tag);
		put(&w, value);
		if (tag.p[0] != 8)
			continue;
		users &= fits(value, sizeof(q.user));
		user = value;
	}
	if (head.n < 2 || w.overflow)
		return;
	out = (struct bytes){ text,
			      base64((struct bytes){ packed, w.n }, text) };
	got = exchange_eas_query(out, &q);
	check(out, &q, got);
	MUST(got ==
	     (device.n && fits(device, sizeof(q.device)) &&
	      fits(type, sizeof(q.type)) && (!key.n || key.n == 4) && users));
	if (!got)
		return;
	MUST(q.base64 && q.version == head.p[0]);
	MUST(bytes_eq(BYTES(q.device), device) &&
	     bytes_eq(BYTES(q.type), type));
	MUST(bytes_eq(BYTES(q.user), user));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = { data, size };

	if (size && data[0] == 'P')
		pack(bytes_from(in, 1));
	query(in);
	return 0;
}
