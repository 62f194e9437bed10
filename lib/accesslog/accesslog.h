/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * accesslog.h - a finished request as a line of Exchange's HttpProxy log.
 *
 * The order and the names of the columns are those of Exchange 2016, so what
 * administrators have to read such logs reads this one; what is not known here
 * stays empty. Text of strangers is on a line of its own making: whatever they
 * send, the line has as many columns as every other and no control byte.
 *
 * RFC 4180. Opens no file, knows no clock.
 */
#pragma once

#include "proxy/proxy.h"

/* The longest line, CRLF and NUL included: every byte of every text may become
 * four. */
#define ACCESSLOG_LINE 16384

/* --- one field ------------------------------------------------------------ */

struct accesslog_out {
	char *p;
	size_t n, cap; /* what does not fit is left out, whole characters */
	bool begun;    /* a field is there: the next needs a comma */
};

/**
 * Add a field.
 *
 * Control characters (C0, DEL, C1), line and paragraph separators, characters
 * that turn the direction of writing, and bytes that are not UTF-8 become
 * "\x1b", a group for each byte. Text that a spreadsheet would take for a
 * formula (= + - @) gets an apostrophe in front. Quoted when RFC 4180 2.6 wants
 * it, or when a blank is at an end.
 */
void accesslog_field(struct accesslog_out *o, struct bytes text);

/**
 * A raw query without what nobody should read later: the values of names like
 * password, token or canary, however they are spelt, become "***".
 *
 * @param dst  out: a C string; cut if it does not fit
 */
void accesslog_query(struct bytes query, char *dst, size_t cap);

/* --- lines ------------------------------------------------------------------ */

/* The directory of a protocol's files, which is also the Protocol column;
 * EXCHANGE_PROTOCOL_COUNT: of requests that reach none. */
const char *accesslog_folder(unsigned protocol);

/* Names of all columns, with commas; returns dst. */
char *accesslog_names(char *dst, size_t cap);

/**
 * The line of a request, with CRLF.
 *
 * @param server   the appliance's name
 * @param wall_ms  when it ended, since 1970 [ms]
 * @param dst      out: ACCESSLOG_LINE bytes
 * @return its length
 */
size_t accesslog_line(const struct proxy_record *r, const char *server,
		      uint64_t wall_ms, char *dst);
