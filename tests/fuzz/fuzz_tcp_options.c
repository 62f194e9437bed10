/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP options from a stranger: what is understood, written again, is
 * understood the same way, and fits where it must.
 */
#include <stdlib.h>

#include "tcp/tcp_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool b)
{
	if (!b)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tcp_opts a, b;
	uint8_t out[40];
	unsigned n;

	if (size > 40 || !tcp_opts_parse(data, size, &a))
		return 0;
	must(a.scale <= TCP_SCALE_MAX);
	must(a.has_mss || !a.mss);
	must(a.has_scale || !a.scale);
	must(a.has_ts || (!a.tsval && !a.tsecr));
	n = tcp_opts_write(out, &a);
	must(n <= 20 && n % 4 == 0);
	must(tcp_opts_parse(out, n, &b));
	must(a.has_mss == b.has_mss && a.mss == b.mss);
	must(a.has_scale == b.has_scale && a.scale == b.scale);
	must(a.has_ts == b.has_ts && a.tsval == b.tsval && a.tsecr == b.tsecr);
	return 0;
}
