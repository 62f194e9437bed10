/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * component.c - component states by the names and rules of Exchange's
 * Set-ServerComponentState: one word a requester, the strictest one counts.
 */
#include "health/health.h"

#include <errno.h>

static const struct {
	const char *name;
	int protocol; /* -1: none */
} components[] = {
#define X(id, name, protocol) { name, protocol },
	HEALTH_COMPONENTS(X)
#undef X
};

static const char *const says_words[] = {
#define X(id, word) word,
	HEALTH_SAYS(X)
#undef X
};

static const char *const requesters[] = {
#define X(id, word) word,
	HEALTH_REQUESTERS(X)
#undef X
};

const char *health_component_name(enum health_component c)
{
	assert((unsigned)c < HEALTH_COMPONENT_COUNT);
	return components[c].name;
}

const char *health_says_word(enum health_says s)
{
	assert((unsigned)s < HEALTH_SAYS_COUNT);
	return says_words[s];
}

const char *health_requester_word(enum health_requester r)
{
	assert((unsigned)r < HEALTH_REQUESTER_COUNT);
	return requesters[r];
}

int health_component_parse(struct bytes name, enum health_component *out)
{
	for (unsigned i = 0; i < HEALTH_COMPONENT_COUNT; i++) {
		if (!bytes_ieq(name, BYTES(components[i].name)))
			continue;
		*out = (enum health_component)i;
		return 0;
	}
	return -EINVAL;
}

int health_says_parse(struct bytes word, enum health_says *out)
{
	for (unsigned i = 0; i < HEALTH_SAYS_COUNT; i++) {
		if (!bytes_ieq(word, BYTES(says_words[i])))
			continue;
		*out = (enum health_says)i;
		return 0;
	}
	return -EINVAL;
}

int health_requester_parse(struct bytes word, enum health_requester *out)
{
	for (unsigned i = 0; i < HEALTH_REQUESTER_COUNT; i++) {
		if (!bytes_ieq(word, BYTES(requesters[i])))
			continue;
		*out = (enum health_requester)i;
		return 0;
	}
	return -EINVAL;
}

enum health_component health_component_of(enum exchange_protocol p)
{
	for (unsigned i = 0; i < HEALTH_COMPONENT_COUNT; i++)
		if (components[i].protocol == (int)p)
			return (enum health_component)i;
	assert(!"a protocol without a component");
	return HEALTH_SERVER_WIDE;
}

enum health_says health_component_state(const struct health_components *all,
					enum health_component c,
					enum health_requester *by)
{
	enum health_says worst = HEALTH_ACTIVE;

	for (unsigned r = 0; r < HEALTH_REQUESTER_COUNT; r++) {
		uint8_t own = all->says[c][r];
		uint8_t wide = all->says[HEALTH_SERVER_WIDE][r];
		enum health_says s = (enum health_says)max(own, wide);

		if (s <= worst)
			continue;
		worst = s;
		if (by)
			*by = (enum health_requester)r;
	}
	return worst;
}
