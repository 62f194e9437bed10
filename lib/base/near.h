/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * near.h - "did you mean?": the known word nearest to a mistyped one.
 *
 * Optimal string alignment distance (insert, delete, replace, swap of
 * neighbours), ASCII case ignored. For settings, commands and options.
 */
#pragma once

#include "base/bytes.h"

#define NEAR_MAX 48 /* longer words are nobody's typing mistake */

/* Steps from one to the other; NEAR_MAX + 1 when either is too long. */
unsigned near_distance(struct bytes a, struct bytes b);

/* Is `distance` near enough for a typed word of n bytes? A third of it. */
static inline bool near_enough(unsigned distance, size_t n)
{
	return distance <= (n < 3 ? 1 : n / 3);
}
