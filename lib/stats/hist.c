/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats/stats.h"

static unsigned index_of(uint64_t v)
{
	unsigned top, i;

	if (v < 4)
		return (unsigned)v;
	top = 63 - (unsigned)__builtin_clzll(v);
	i = (top - 1) * 4 + (unsigned)(v >> (top - 2) & 3);
	return min(i, HIST_BUCKETS - 1u);
}

/* The largest value that index_of() puts into bucket i. */
static uint64_t upper_of(unsigned i)
{
	unsigned top = i / 4 + 1;

	return i < 4 ? i : ((uint64_t)(4 + i % 4 + 1) << (top - 2)) - 1;
}

void hist_add(struct hist *h, uint64_t value)
{
	h->bucket[index_of(value)]++;
	h->count++;
	h->sum += value;
	if (value > h->max)
		h->max = value;
}

uint64_t hist_percentile(const struct hist *h, unsigned permille)
{
	uint64_t want, seen = 0;

	if (!h->count)
		return 0;
	want = (h->count * permille + 999) / 1000;
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen >= want)
			return min(upper_of(i), h->max);
	}
	return h->max;
}

void hist_merge(struct hist *into, const struct hist *from)
{
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		into->bucket[i] += from->bucket[i];
	into->count += from->count;
	into->sum += from->sum;
	into->max = max(into->max, from->max);
}
