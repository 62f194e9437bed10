/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proxy_mail.c - an IMAP server, as far as the rows need one: it greets, and
 * what it makes of a login is said by the password. Behind the login "GET n"
 * sends n bytes, "PUT n" takes them, and BYE, FIN and RST end it in their ways.
 *
 *   wrong   NO      drop    it ends the connection      never   nothing
 */
#include <stdio.h>

#include "proxy_world.h"

const char origin_mail_port;

static void say(struct world *w, struct origin *o, const char *text)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "%s\r\n", text);

	if (end_write(w, &o->e, line, (size_t)n) != (size_t)n)
		world_fail(w, "an origin's line did not fit");
}

static void verdict(struct world *w, struct origin *o, struct bytes password)
{
	char line[64];

	if (bytes_eq(password, BYTES("\"drop\""))) {
		end_close(w, &o->e);
		return;
	}
	if (bytes_eq(password, BYTES("\"never\"")))
		return;
	o->who[0] = !bytes_eq(password, BYTES("\"wrong\""));
	say(w, o, "* CAPABILITY IDLE");
	snprintf(line, sizeof(line), "%s %s", o->tag,
		 o->who[0] ? "OK in" : "NO wrong");
	say(w, o, line);
}

static void command(struct world *w, struct origin *o, struct bytes line)
{
	struct bytes rest = line, tag = bytes_cut(&rest, ' '),
		     word = bytes_cut(&rest, ' ');
	uint64_t n = 0;

	if (!bytes_str(tag, o->tag, sizeof(o->tag)))
		world_fail(w, "an origin got a tag that is too long");
	bytes_u64(rest, UINT32_MAX, &n);
	if (bytes_eq(word, BYTES("LOGIN"))) {
		bytes_cut(&rest, ' ');
		verdict(w, o, rest);
	} else if (!o->who[0]) {
		world_fail(w, "an origin got a command before the login");
	} else if (bytes_eq(word, BYTES("GET"))) {
		o->left = n;
		o->sent = 0;
		o->in_answer = true;
	} else if (bytes_eq(word, BYTES("PUT"))) {
		o->takes = n;
		o->in_body = true;
	} else if (bytes_eq(word, BYTES("BYE"))) {
		say(w, o, "* BYE");
		end_close(w, &o->e);
	} else if (bytes_eq(word, BYTES("FIN"))) {
		say(w, o, "* BYE");
		end_fin(w, &o->e);
	} else if (bytes_eq(word, BYTES("RST"))) {
		end_reset(w, &o->e);
	}
}

static bool line(struct world *w, struct origin *o)
{
	struct bytes in = end_bytes(&o->e);
	size_t end = bytes_find(in, '\n');

	if (end == in.n)
		return false;
	if (!end || in.p[end - 1] != '\r')
		world_fail(w, "an origin got a bare line feed");
	origin_record(w, bytes_upto(in, end + 1));
	in = bytes_upto(in, end - 1);
	command(w, o, in);
	if (o->e.st.tc)
		end_consume(&o->e, end + 1);
	return true;
}

static bool take(struct world *w, struct origin *o)
{
	struct bytes in = bytes_upto(end_bytes(&o->e), o->takes);

	for (size_t i = 0; i < in.n; i++)
		if (in.p[i] != 'x')
			world_fail(w, "an origin got what was not sent");
	o->takes -= in.n;
	w->seen.bytes += in.n;
	end_consume(&o->e, in.n);
	if (o->takes)
		return false;
	o->in_body = false;
	w->seen.whole++;
	say(w, o, "* OK taken");
	return true;
}

static bool give(struct world *w, struct origin *o)
{
	uint8_t out[4096];

	while (o->left) {
		size_t n = min(o->left, (uint64_t)sizeof(out));

		for (size_t i = 0; i < n; i++)
			out[i] = pattern(7, o->sent + i);
		n = end_write(w, &o->e, out, n);
		o->left -= n;
		o->sent += n;
		if (!n)
			return false;
	}
	if (!stream_room(&o->e.st))
		return false;
	o->in_answer = false;
	say(w, o, "* OK given");
	return true;
}

void origin_mail(struct world *w, struct origin *o)
{
	bool more = true;

	if (!o->greeted)
		say(w, o, "* OK ready");
	o->greeted = true;
	while (more && o->e.st.tc && !o->e.shut && !w->wrong[0])
		more = o->in_answer ? give(w, o)
		       : o->in_body ? take(w, o)
				    : line(w, o);
}
