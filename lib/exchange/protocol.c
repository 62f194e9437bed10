/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * protocol.c - the virtual directories: their words, their paths, how long
 * they may be silent. What is not listed here does not exist (default deny).
 */
#include "exchange/text.h"

#include <errno.h>

static const struct {
	const char *word, *log, *vdir;
} protocols[] = {
#define X(id, word, log, vdir) [id] = { word, log, vdir },
	EXCHANGE_PROTOCOLS(X)
#undef X
};

const char *exchange_protocol_word(enum exchange_protocol p)
{
	assert((unsigned)p < EXCHANGE_PROTOCOL_COUNT);
	return protocols[p].word;
}

const char *exchange_protocol_log(enum exchange_protocol p)
{
	assert((unsigned)p < EXCHANGE_PROTOCOL_COUNT);
	return protocols[p].log;
}

const char *exchange_protocol_vdir(enum exchange_protocol p)
{
	assert((unsigned)p < EXCHANGE_PROTOCOL_COUNT);
	return protocols[p].vdir;
}

int exchange_protocol_parse(struct bytes word, enum exchange_protocol *out)
{
	for (int p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++) {
		if (!bytes_ieq(word, BYTES(protocols[p].word)))
			continue;
		*out = (enum exchange_protocol)p;
		return 0;
	}
	return -EINVAL;
}

const char *exchange_mail_cure(enum exchange_protocol p)
{
	return p == EXCHANGE_POP
		       ? "Set-Service MSExchangePOP3 -StartupType Automatic; "
			 "Start-Service MSExchangePOP3 (and from 2013 on "
			 "MSExchangePOP3BE)"
		       : "Set-Service MSExchangeIMAP4 -StartupType Automatic; "
			 "Start-Service MSExchangeIMAP4 (and from 2013 on "
			 "MSExchangeIMAP4BE)";
}

/* --- paths --- */

/* Windows drops trailing dots and blanks of a file name, and what follows a
 * colon names a stream of it: "Proxy." and "Proxy::$DATA" are "Proxy". */
static struct bytes file_name(struct bytes segment)
{
	segment = bytes_upto(segment, bytes_find(segment, ':'));
	while (segment.n && (segment.p[segment.n - 1] == '.' ||
			     segment.p[segment.n - 1] == ' '))
		segment.n--;
	return segment;
}

/* Where a front end takes a request for a peer's. Any
 * segment counts: an explicit logon or a cookieless session moves them down. */
static bool forbidden(enum exchange_protocol p, struct bytes segment)
{
	static const struct bytes logon = BYTES_LIT("proxylogon.");
	static const struct bytes proxy = BYTES_LIT("proxy");

	return bytes_istarts(segment, logon) ||
	       (p == EXCHANGE_EAS && bytes_ieq(file_name(segment), proxy));
}

/* `first`: the segment behind the virtual directory's own name. */
static bool allowed(enum exchange_protocol p, struct bytes first,
		    struct bytes rest)
{
	static const struct bytes emsmdb = BYTES_LIT("emsmdb");
	static const struct bytes nspi = BYTES_LIT("nspi");
	static const struct bytes rpcproxy = BYTES_LIT("rpcproxy.dll");
	static const struct bytes health = BYTES_LIT("healthcheck.htm");

	if (p == EXCHANGE_MAPI)
		return bytes_ieq(first, emsmdb) || bytes_ieq(first, nspi) ||
		       (bytes_ieq(first, health) && !rest.n);
	if (p == EXCHANGE_RPC)
		return !rest.n && (!first.n || bytes_ieq(first, rpcproxy) ||
				   bytes_ieq(first, health));
	return true;
}

bool exchange_classify(struct bytes path, enum exchange_protocol *out)
{
	struct bytes rest, first, below;
	int p;

	for (p = 0; p < EXCHANGE_PROTOCOL_COUNT; p++) {
		struct bytes vdir = BYTES(protocols[p].vdir);

		if (vdir.n && bytes_istarts(path, vdir) &&
		    (path.n == vdir.n || path.p[vdir.n] == '/'))
			break;
	}
	if (p == EXCHANGE_PROTOCOL_COUNT)
		return false;
	rest = bytes_from(path, strlen(protocols[p].vdir) + 1);
	below = rest;
	first = bytes_cut(&below, '/');
	if (!allowed((enum exchange_protocol)p, first, below))
		return false;
	while (rest.n)
		if (forbidden((enum exchange_protocol)p, bytes_cut(&rest, '/')))
			return false;
	*out = (enum exchange_protocol)p;
	return true;
}

bool exchange_is_open(enum exchange_protocol p, struct bytes path)
{
	static const struct bytes autodiscover[] = {
		BYTES_LIT("autodiscover.svc"), BYTES_LIT("autodiscover.json"),
		BYTES_LIT("metadata")
	};
	static const struct bytes mrs = BYTES_LIT("mrsproxy.svc");
	static const struct bytes wss = BYTES_LIT("wssecurity");
	struct bytes page = text_segment(path, 1);

	if (p == EXCHANGE_EWS)
		return bytes_ieq(page, mrs) ||
		       bytes_ieq(text_segment(path, 2), wss);
	if (p != EXCHANGE_AUTODISCOVER)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(autodiscover); i++)
		if (bytes_ieq(page, autodiscover[i]))
			return true;
	return false;
}

/* Longer than the server's own limit, so that its answer is the one the client
 * sees: EAS holds a Ping for 3540 s at most, EWS a subscription for 60 min,
 * MAPI a NotificationWait for 5 min, a front end asks Autodiscover for 30 s.
 * IMAP's IDLE is renewed within 29 min (RFC 2177), and RFC 1939 3 leaves POP
 * 10. */
unsigned exchange_timeout(enum exchange_protocol p)
{
	switch (p) {
	case EXCHANGE_OWA:
	case EXCHANGE_ECP:
	case EXCHANGE_OAB:
		return 300;
	case EXCHANGE_EAS:
	case EXCHANGE_EWS:
		return 3660;
	case EXCHANGE_RPC:
		return 4 * 3600;
	case EXCHANGE_MAPI:
		return 360;
	case EXCHANGE_AUTODISCOVER:
		return 60;
	case EXCHANGE_POWERSHELL:
		return 900;
	case EXCHANGE_POP:
		return 600;
	case EXCHANGE_IMAP:
		return 1800;
	case EXCHANGE_PROTOCOL_COUNT:
		break;
	}
	assert(!"a protocol without a time-out");
	return 60;
}
