/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mem.h - memory taken at start, and the words that make AddressSanitizer see
 * inside it.
 */
#pragma once

#include <string.h>

#include "base/types.h"

#if CASGATE_ASAN
#include <sanitizer/asan_interface.h>
#define mem_poison(p, n) __asan_poison_memory_region(p, n)
#define mem_unpoison(p, n) __asan_unpoison_memory_region(p, n)
#else
#define mem_poison(p, n) ((void)(p), (void)(n))
#define mem_unpoison(p, n) ((void)(p), (void)(n))
#endif

/* `n` zeroed bytes on a cache line, for the life of what is being built;
 * NULL when there are none. Start-up and control threads only. */
must_check void *mem_new(size_t n);
/* NULL is allowed. */
void mem_free(void *p);

/* Zero `n` bytes in a way the compiler may not drop: for secrets. */
static inline void mem_wipe(void *p, size_t n)
{
	if (n)
		memset(p, 0, n);
	__asm__ volatile("" : : "r"(p) : "memory"); /* somebody may look */
}
