/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void *mem_new(size_t n)
{
	size_t whole = (n + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	void *p = n <= whole ? aligned_alloc(CACHE_LINE, whole) : NULL;

	return p ? memset(p, 0, whole) : NULL;
}

void mem_free(void *p)
{
	free(p);
}
