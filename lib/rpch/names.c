/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * names.c - what the words of this library are called.
 */
#include "rpch/rpch.h"

static const char *const requests[] = {
#define X(id, name) [id] = name,
	RPCH_REQUESTS(X)
#undef X
};

static const char *const pdus[] = {
#define X(id, name, ...) [RPCH_PDU_##id] = name,
	RPCH_RPC_PDUS(X) RPCH_RTS_PDUS(X)
#undef X
		[RPCH_PDU_RTS_OTHER] = "rts_other",
};

static const char *const interfaces[] = { [RPCH_IF_OTHER] = "other",
#define X(id, name, uuid) [id] = name,
					  RPCH_INTERFACES(X)
#undef X
};

static const struct {
	const char *name, *words;
} verdicts[] = {
#define X(id, name, words) [id] = { name, words },
	RPCH_VERDICTS(X)
#undef X
};

const char *rpch_request_name(enum rpch_request r)
{
	assert(r < RPCH_REQUEST_COUNT);
	return requests[r];
}

const char *rpch_pdu_name(enum rpch_pdu k)
{
	assert(k < RPCH_PDU_COUNT);
	return pdus[k];
}

const char *rpch_interface_name(enum rpch_interface i)
{
	assert(i < RPCH_INTERFACE_COUNT);
	return interfaces[i];
}

const char *rpch_verdict_name(enum rpch_verdict v)
{
	assert(v < RPCH_VERDICT_COUNT);
	return verdicts[v].name;
}

const char *rpch_verdict_words(enum rpch_verdict v)
{
	assert(v < RPCH_VERDICT_COUNT);
	return verdicts[v].words;
}
