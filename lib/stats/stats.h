/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stats.h - counters with one writer and any number of racy readers.
 *
 * A counter is a plain uint64_t of the worker that writes it; a reader on
 * another thread loads it whole (x86-64 and arm64 never tear it). Tables of
 * names turn a struct of counters into something that can be printed.
 */
#pragma once

#include "base/base.h"

/* A histogram of microseconds with two significant bits: each power of two is
 * cut in four, so a percentile is within 25 % of the truth. */
#define HIST_BUCKETS 128

struct hist {
	uint64_t bucket[HIST_BUCKETS];
	uint64_t count, sum, max;
};

void hist_add(struct hist *h, uint64_t value);
/* Upper bound of the value below which `permille` of 1000 lie; 0 if empty. */
uint64_t hist_percentile(const struct hist *h, unsigned permille);
void hist_merge(struct hist *into, const struct hist *from);

static inline uint64_t stat_read(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}
