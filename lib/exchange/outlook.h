/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * outlook.h - the settings of Outlook Anywhere by the names of
 * Get-OutlookAnywhere, and what they lock out; a part of exchange.h, which
 * includes it.
 */
#pragma once

/* DefaultAuthenticationMethod sets what IIS and what Outlook uses at once. */
void exchange_outlook_default(enum exchange_version v, uint8_t method,
			      struct exchange_outlook *o);
/* What `over` tells takes the place of what `o` does. */
void exchange_outlook_merge(struct exchange_outlook *o,
			    const struct exchange_outlook *over);

/* The settings one by one, in the order of Get-OutlookAnywhere. */
#define EXCHANGE_OUTLOOK_SETTINGS 10
const char *exchange_outlook_name(unsigned i);
/* Has a server of this version got it? */
bool exchange_outlook_has(unsigned i, enum exchange_version v);
/* As it would be typed, "Basic,Ntlm" or "True"; "" when it was not told.
 * Returns dst. */
char *exchange_outlook_text(unsigned i, const struct exchange_outlook *o,
			    char *dst, size_t cap);
/* From text: "basic", "Basic, NTLM", "$true". False with what it should be. */
must_check bool exchange_outlook_parse(unsigned i, struct bytes text,
				       struct exchange_outlook *o, char *why,
				       size_t cap);

/* Methods as a list with commas: "Basic,Ntlm", in this order; false for any
 * other word or none. */
must_check bool exchange_methods_parse(struct bytes text, uint8_t *out);
char *exchange_methods_text(uint8_t methods, char *dst, size_t cap);

/**
 * What is wrong with the settings of this server, as they stand.
 *
 * EXCHANGE_ERROR: they cannot be, for a server of that version.
 * EXCHANGE_WARNING: they lock clients out, or the Kerberos of a front end.
 *
 * @return how many findings
 */
unsigned exchange_judge_outlook(const struct exchange_topology *t,
				const struct exchange_server *s,
				struct exchange_finding out[EXCHANGE_FINDINGS]);

/* The cmdlet that makes the server so: all that `o` tells. Returns dst. */
char *exchange_outlook_cmdlet(const struct exchange_server *s,
			      const struct exchange_outlook *o, bool enable,
			      char *dst, size_t cap);
