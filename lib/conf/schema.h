/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * schema.h - how a row of the table of settings is written; S is the struct
 * that its values go to.
 */
#pragma once

#include "conf/private.h"

#define AT(f) .offset = offsetof(S, f), .size = sizeof(((S *)0)->f)
#define COUNT(f) .count = offsetof(S, f)

#define TEXT(k, kind_, f, flags_, def_, help_)                                 \
	{                                                                      \
		.key = k, .kind = kind_, AT(f), .flags = flags_, .def = def_,  \
		.help = help_                                                  \
	}
/* Text that has room for 64 bytes where it goes. */
#define NAMED(k, f, flags_, help_)                                             \
	{                                                                      \
		.key = k, .kind = KIND_TEXT, AT(f), .flags = flags_,           \
		.max = 63, .help = help_                                       \
	}
#define NUM(k, kind_, f, lo, hi, flags_, def_, help_)                          \
	{                                                                      \
		.key = k, .kind = kind_, AT(f), .min = lo, .max = hi,          \
		.flags = flags_, .def = def_, .help = help_                    \
	}
#define NUMBER(k, ...) NUM(k, KIND_NUMBER, __VA_ARGS__)
#define SIZE(k, ...) NUM(k, KIND_SIZE, __VA_ARGS__)
#define TIME(k, ...) NUM(k, KIND_DURATION, __VA_ARGS__)
#define WORDS(k, f, words_, flags_, def_, help_)                               \
	{                                                                      \
		.key = k, .kind = KIND_WORD, AT(f), .words = words_,           \
		.flags = flags_, .def = def_, .help = help_                    \
	}
#define BOOL(k, f, flags_, def_, help_)                                        \
	TEXT(k, KIND_BOOL, f, flags_, def_, help_)
#define VALUES(k, of_, f, n, most_, flags_, help_)                             \
	{                                                                      \
		.key = k, .kind = KIND_VALUES, .of = of_, AT(f), COUNT(n),     \
		.most = most_, .flags = flags_, .help = help_                  \
	}
#define MAP(k, f, sub_, flags_, help_)                                         \
	{                                                                      \
		.key = k, .kind = KIND_MAP, AT(f), .sub = &sub_,               \
		.flags = flags_, .help = help_                                 \
	}
#define MAPS(k, f, n, most_, sub_, flags_, help_)                              \
	{                                                                      \
		.key = k, .kind = KIND_MAPS, AT(f), COUNT(n), .most = most_,   \
		.sub = &sub_, .flags = flags_, .help = help_                   \
	}
/* One that the other file refers to. */
#define SCHEMA_OF_ALL(name, rows, unique_)                                     \
	const struct schema schema_##name = { sizeof(S), ARRAY_LEN(rows), rows,  \
					    unique_ }
#define SCHEMA(name, rows, unique_)                                            \
	static const struct schema name = { sizeof(S), ARRAY_LEN(rows), rows,  \
					    unique_ }

/* Of servers, and of what Exchange leaves open (schema_exchange.c). */
extern const struct schema schema_server, schema_link, schema_array,
	schema_database, schema_routing, schema_authentication;
