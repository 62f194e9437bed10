/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * csv.h - comma-separated text as PowerShell and Excel write it (RFC 4180 and
 * what became of it): rows of C strings, cut in place.
 */
#pragma once

#include "base/base.h"

#define CSV_FIELDS 512 /* of one row; a plain Get-Mailbox has some 250 */

struct csv {
	char *text, *end; /* UTF-8, owned; NUL at end */
	char *at;
	unsigned line; /* of `at` [1..] */
	char delimiter;
	bool unlimited; /* a "#ResultSize Unlimited" stood at the top */
};

/* Copy and make UTF-8 of what may be UTF-16; skip byte order mark, "#" lines
 * and "sep="; find the delimiter. -EINVAL: *why is a sentence, csv->line its
 * line. -ENOMEM. */
must_check int csv_open(struct csv *c, struct bytes text, const char **why);
void csv_close(struct csv *c);

/* The next row that is not empty, blanks around unquoted fields gone; *line is
 * where it begins. 1, or 0 at the end, or -EINVAL with a sentence in *why. */
must_check int csv_row(struct csv *c, char *fields[CSV_FIELDS], unsigned *n,
		       unsigned *line, const char **why);
