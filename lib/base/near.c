/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/near.h"

unsigned near_distance(struct bytes a, struct bytes b)
{
	/* Three rows of the table: swaps look two rows back. */
	unsigned row[3][NEAR_MAX + 1];

	if (a.n > NEAR_MAX || b.n > NEAR_MAX)
		return NEAR_MAX + 1;
	for (unsigned j = 0; j <= b.n; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned *now = row[i % 3], *up = row[(i + 2) % 3];
		const unsigned *up2 = row[(i + 1) % 3];
		uint8_t c = ascii_lower(a.p[i - 1]);

		now[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			uint8_t d = ascii_lower(b.p[j - 1]);
			unsigned best = min(now[j - 1], up[j]) + 1;

			best = min(best, up[j - 1] + (c != d));
			if (i > 1 && j > 1 && c != d &&
			    c == ascii_lower(b.p[j - 2]) &&
			    d == ascii_lower(a.p[i - 2]))
				best = min(best, up2[j - 2] + 1);
			now[j] = best;
		}
	}
	return row[a.n % 3][b.n];
}
