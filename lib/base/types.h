/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * types.h - units, compiler words and the few macros used everywhere.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Monotonic time [us] since an arbitrary start; never wall-clock time. */
typedef uint64_t usec_t;

#define USEC_PER_MSEC ((usec_t)1000)
#define USEC_PER_SEC ((usec_t)1000000)
#define MSEC(n) ((usec_t)(n) * USEC_PER_MSEC)
#define SEC(n) ((usec_t)(n) * USEC_PER_SEC)
#define USEC_NEVER UINT64_MAX

#define CACHE_LINE 64

#define must_check __attribute__((warn_unused_result))
#define printf_like(f, a) __attribute__((format(printf, f, a)))
#define force_inline inline __attribute__((always_inline))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#ifndef container_of /* DPDK has it too */
#define container_of(ptr, type, member)                                        \
	((type *)((char *)(ptr)-offsetof(type, member)))
#endif

#define min(a, b)                                                              \
	({                                                                     \
		__typeof__(a) min_a_ = (a);                                    \
		__typeof__(b) min_b_ = (b);                                    \
		min_a_ < min_b_ ? min_a_ : min_b_;                             \
	})
#define max(a, b)                                                              \
	({                                                                     \
		__typeof__(a) max_a_ = (a);                                    \
		__typeof__(b) max_b_ = (b);                                    \
		max_a_ > max_b_ ? max_a_ : max_b_;                             \
	})

/* AddressSanitizer is blind inside pools unless it is told (mem.h). */
#if defined(__SANITIZE_ADDRESS__)
#define CASGATE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CASGATE_ASAN 1
#endif
#endif
#ifndef CASGATE_ASAN
#define CASGATE_ASAN 0
#endif
