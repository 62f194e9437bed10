/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * commands.c - commands.def as tables, and look-ups in them.
 */
#include "control/control.h"

#include <string.h>

#define CAT2(a, b) a##b
#define CAT(a, b) CAT2(a, b)

/* One slot a command and one an argument: a command's arguments follow its
 * slot, and the next command's slot, which has no name, ends them. */
enum {
#define CONTROL_COMMAND(id, name, flags, help) AT_##id,
#define CONTROL_ARG(id, name, type, flags, words, help) CAT(ARG_, __LINE__),
#include "control/commands.def"
	N_SLOTS
};

static const struct control_arg slots[N_SLOTS + 1] = {
#define CONTROL_COMMAND(id, name, flags, help) { CONTROL_##id },
#define CONTROL_ARG(id, name, type, flags, words, help)                        \
	{ CONTROL_##id, name, type, flags, words, help },
#include "control/commands.def"
};

static const struct control_spec specs[CONTROL_COMMAND_COUNT] = {
#define CONTROL_COMMAND(id, name, flags, help)                                 \
	{ CONTROL_##id, name, flags, help, &slots[AT_##id + 1] },
#include "control/commands.def"
};

const struct control_spec *control_spec(enum control_command id)
{
	assert(id < CONTROL_COMMAND_COUNT);
	return &specs[id];
}

const struct control_spec *control_find(const char *name)
{
	for (unsigned i = 0; i < CONTROL_COMMAND_COUNT; i++)
		if (!strcmp(specs[i].name, name))
			return &specs[i];
	return NULL;
}

const char *control_suggest(const char *typed)
{
	unsigned best = NEAR_MAX + 1;
	const char *nearest = NULL;

	for (unsigned i = 0; i < CONTROL_COMMAND_COUNT; i++) {
		unsigned d = near_distance(BYTES(typed), BYTES(specs[i].name));

		if (d >= best)
			continue;
		best = d;
		nearest = specs[i].name;
	}
	return near_enough(best, strlen(typed)) ? nearest : NULL;
}

const char *control_code_word(enum control_code code)
{
	static const char *const words[] = {
#define X(id, word) word,
		CONTROL_CODES(X)
#undef X
	};

	assert(code < CONTROL_CODE_COUNT);
	return words[code];
}
