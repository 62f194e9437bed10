/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * casgatectl.h - what the files of casgatectl share.
 */
#pragma once

#include "control/control.h"

/* Exit status. */
enum {
	EXIT_DONE,
	EXIT_REFUSED,	  /* the daemon would not or could not */
	EXIT_USAGE,	  /* not a command, bad arguments */
	EXIT_UNREACHABLE, /* no daemon to ask */
};

/* What the daemon answered, for people: tables, aligned, without a control
 * byte in them, whatever the data hold. */
void print_data(FILE *f, const json_t *data);
/* For programs: one line of JSON, control bytes escaped. */
void print_json(FILE *f, const json_t *v);
/* Text on one line, control bytes as '?'. */
void print_text(FILE *f, const char *text);

/* What is not ready, by server; as JSON it was printed before. Writes the
 * cmdlets into `script` unless that is NULL. Returns the exit status. */
int report_preflight(const json_t *data, bool json, const char *script);

void print_usage(FILE *f);
/* casgatectl(1) and casgate.yaml(5). */
void print_man(FILE *f);
void print_man_config(FILE *f);
