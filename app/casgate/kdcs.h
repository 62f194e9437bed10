/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kdcs.h - domain controllers: who answers is asked first. libkrb5 waits ten
 * seconds for a silent one, at each question, and remembers nothing.
 *
 * Each is connected to now and then; a krb5.conf of our own names them, those
 * that answer first. Thread: control, but for kdcs_silent().
 */
#pragma once

#include "conf/conf.h"

struct kdcs;

/**
 * Find their addresses, write the file, and make it the process's (KRB5_CONFIG):
 * before any thread uses Kerberos.
 *
 * @return NULL with one sentence in error
 */
must_check struct kdcs *kdcs_new(const struct conf *c, const char *realm,
				 char *error, size_t cap);
void kdcs_free(struct kdcs *k); /* NULL is allowed */
/* Ask again whoever is due; the file is written anew when the order changes. */
void kdcs_look(struct kdcs *k, usec_t now);
/* Does none of them answer? Then nobody need wait to find out. */
bool kdcs_silent(const struct kdcs *k);

struct kdc_info {
	const char *name; /* as configured */
	bool up;
	usec_t latency; /* of the last connection */
	uint64_t failures; /* since the start */
};
unsigned kdcs_count(const struct kdcs *k);
void kdcs_info(const struct kdcs *k, unsigned i, struct kdc_info *out);
