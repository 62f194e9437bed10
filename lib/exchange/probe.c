/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe.c - what to ask of a directory, and what an answer tells.
 */
#include "exchange/text.h"

#include <stdio.h>

#define EMPTY "Content-Length: 0\r\n"
#define RPCPROXY "/rpc/rpcproxy.dll"
#define MSRPC "User-Agent: MSRPC\r\nAccept: application/rpc\r\n"
#define AGENT "User-Agent: casgate\r\nAccept: */*\r\n"

static const struct {
	const char *health;
	struct exchange_question vdir;
} questions[EXCHANGE_PROTOCOL_COUNT] = {
	[EXCHANGE_OWA] = { "/owa/healthcheck.htm", { "GET", "/owa/", AGENT } },
	[EXCHANGE_ECP] = { "/ecp/healthcheck.htm", { "GET", "/ecp/", AGENT } },
	[EXCHANGE_EAS] = { "/Microsoft-Server-ActiveSync/healthcheck.htm",
			   { "OPTIONS", "/Microsoft-Server-ActiveSync",
			     AGENT EMPTY } },
	/* As Outlook begins; rpcproxy answers nobody else. */
	[EXCHANGE_RPC] = { "/rpc/healthcheck.htm",
			   { "RPC_IN_DATA", RPCPROXY, MSRPC EMPTY } },
	[EXCHANGE_MAPI] = { "/mapi/healthcheck.htm",
			    { "POST", "/mapi/emsmdb/", AGENT EMPTY } },
	[EXCHANGE_EWS] = { "/EWS/healthcheck.htm",
			   { "GET", "/EWS/Exchange.asmx", AGENT } },
	[EXCHANGE_AUTODISCOVER] = { "/Autodiscover/healthcheck.htm",
				    { "GET", "/Autodiscover/Autodiscover.xml",
				      AGENT } },
	[EXCHANGE_OAB] = { "/OAB/healthcheck.htm", { "GET", "/OAB/", AGENT } },
	[EXCHANGE_POWERSHELL] = { "/PowerShell/healthcheck.htm",
				  { "GET", "/PowerShell/", AGENT } },
};

struct exchange_question exchange_question(enum exchange_protocol p,
					   enum exchange_ask ask, bool in)
{
	assert((unsigned)p < EXCHANGE_PROTOCOL_COUNT);
	switch (ask) {
	case EXCHANGE_ASK_HEALTH:
		return (struct exchange_question){ "GET", questions[p].health,
						   AGENT };
	case EXCHANGE_ASK_VDIR:
		return questions[p].vdir;
	case EXCHANGE_ASK_ECHO:
		return (struct exchange_question){ "RPC_IN_DATA", RPCPROXY,
						   MSRPC
						   "Content-Length: 4\r\n" };
	case EXCHANGE_ASK_CONNECT:
		break;
	}
	if (in)
		return (struct exchange_question){
			"RPC_IN_DATA", RPCPROXY,
			MSRPC "Content-Length: 1073741824\r\n"
		};
	return (struct exchange_question){ "RPC_OUT_DATA", RPCPROXY,
					   MSRPC "Content-Length: 76\r\n" };
}

bool exchange_is_healthcheck(struct bytes path)
{
	enum exchange_protocol p;

	return exchange_classify(path, &p) &&
	       bytes_ieq(path, BYTES(questions[p].health));
}

/* --- noting --- */

static const char *const schemes[] = {
#define X(id, word) word,
	EXCHANGE_SCHEMES(X)
#undef X
};

/* "Negotiate", "NTLM, Basic realm=\"a, b\"": words that begin an element and
 * are schemes we know. */
static unsigned schemes_of(struct bytes value)
{
	unsigned found = 0;

	while (value.n) {
		struct bytes element = bytes_trim(bytes_cut(&value, ','));
		struct bytes word =
			bytes_upto(element, bytes_find(element, ' '));

		for (unsigned i = 0; i < EXCHANGE_SCHEME_COUNT; i++)
			if (bytes_ieq(word, BYTES(schemes[i])))
				found |= 1U << i;
	}
	return found;
}

/* "14.3.123.4", or "14.3" alone, as ActiveSync has it. */
static void note_build(struct exchange_build *b, struct bytes value)
{
	uint64_t major, minor;
	struct bytes rest = value;

	if (!exchange_build_parse(value, b))
		return;
	if (bytes_u64(bytes_cut(&rest, '.'), 99, &major) &&
	    bytes_u64(rest, 99, &minor))
		*b = (struct exchange_build){ .major = (uint16_t)major,
					      .minor = (uint16_t)minor };
}

void exchange_note_header(struct exchange_facts *f, struct bytes name,
			  struct bytes value)
{
	static const struct bytes offer = BYTES_LIT("WWW-Authenticate");
	static const struct bytes location = BYTES_LIT("Location");
	static const struct bytes owa = BYTES_LIT("X-OWA-Version");
	static const struct bytes eas = BYTES_LIT("MS-Server-ActiveSync");

	if (bytes_ieq(name, offer))
		f->schemes |= schemes_of(value);
	else if (bytes_ieq(name, location))
		exchange_printable(value, f->location, sizeof(f->location));
	else if (bytes_ieq(name, owa))
		note_build(&f->owa, value);
	else if (bytes_ieq(name, eas))
		note_build(&f->eas, value);
}

/* IIS tells the sub-status in its page only: "HTTP Error 403.4 - Forbidden". */
void exchange_note_body(struct exchange_facts *f, struct bytes body)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u.", f->status);
	const uint8_t *found =
		body.n ? memmem(body.p, body.n, text, (size_t)n) : NULL;
	struct bytes rest;
	uint64_t sub;
	size_t digits = 0;

	if (!found)
		return;
	rest = bytes_from(body, (size_t)(found - body.p) + (size_t)n);
	while (digits < rest.n && ascii_is_digit(rest.p[digits]))
		digits++;
	if (bytes_u64(bytes_upto(rest, digits), 99, &sub))
		f->sub = (unsigned)sub;
}

void exchange_note_greeting(struct exchange_facts *f, enum exchange_protocol p,
			    struct bytes line)
{
	static const struct bytes pop = BYTES_LIT("+OK"),
				  imap = BYTES_LIT("* OK");
	bool ok = bytes_istarts(line, p == EXCHANGE_POP ? pop : imap);

	f->reach = EXCHANGE_ANSWERED;
	f->status = ok ? 200 : 503;
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	exchange_printable(line, f->reason, sizeof(f->reason));
}

/* --- judging --- */

bool exchange_alive(enum exchange_protocol p, enum exchange_ask ask,
		    const struct exchange_facts *f, char *why, size_t cap)
{
	const char *path = exchange_question(p, ask, false).path;

	if (f->reach != EXCHANGE_ANSWERED) {
		snprintf(why, cap, "%s", f->why);
		return false;
	}
	if (ask == EXCHANGE_ASK_HEALTH ? f->status == 200
				       : f->status != 404 && f->status < 500)
		return true;
	if (path)
		snprintf(why, cap, "answers %u %s to %s", f->status, f->reason,
			 path);
	else
		snprintf(why, cap, "greets with %s", f->reason);
	return false;
}

bool exchange_is_failure(enum exchange_protocol p, unsigned status,
			 struct bytes reason, bool retry_after)
{
	static const struct bytes rpc = BYTES_LIT("RPC Error");

	if (status == 502)
		return true;
	return status == 503 && !retry_after &&
	       !(p == EXCHANGE_RPC && bytes_istarts(reason, rpc));
}
