/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * text.h - the few shapes of text that requests name mailboxes with.
 */
#pragma once

#include "exchange/exchange.h"

/* One address and nothing but an address: an ASCII local part without quotes,
 * slashes or percent signs, one '@', a domain of letters, digits, '-', '_' and
 * '.'. At most 254 bytes (RFC 5321 4.5.3.1.3). */
bool text_is_address(struct bytes a);

/* Is it a GUID, alone or as GUID@domain? *guid: the GUID's 36 characters. */
bool text_is_guid(struct bytes a, struct bytes *guid);

/* Undo percent-encoding into a C string. '+' stays: it is a character of
 * addresses. False (and an empty string) on a broken escape, a control
 * character or lack of room. */
bool text_unescape(struct bytes raw, char *dst, size_t cap);

/* The value of a parameter that stands once in the query (name's case
 * ignored, '&' and ';' separate), unescaped. False when it is absent, there
 * twice, empty or unreadable. */
bool text_query(struct bytes query, const char *name, char *dst, size_t cap);

/* Segment i of a path [0..], empty when there are not so many: of
 * "/owa/auth/x" 0 is "owa". */
struct bytes text_segment(struct bytes path, unsigned i);

/* Autodiscover: what <EMailAddress>, <Mailbox> (SOAP) and <LegacyDN> hold, each
 * the first of its kind, added as BODY_ADDRESS. A document type declaration
 * ends the reading. Looks at 32 KiB at most. */
void body_keys(struct bytes body, struct exchange_keys *out);

/* Unless it is empty, too long, there already or one too many. */
void keys_add(struct exchange_keys *k, enum exchange_key_kind kind,
	      struct bytes text);
