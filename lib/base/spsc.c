/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/spsc.h"

#include <errno.h>

int spsc_init(struct spsc *r, uint32_t count)
{
	assert(count && !(count & (count - 1)));
	*r = (struct spsc){ .mask = count - 1 };
	r->slot = mem_new(sizeof(*r->slot) * count);
	return r->slot ? 0 : -ENOMEM;
}

void spsc_fini(struct spsc *r)
{
	mem_free(r->slot);
	r->slot = NULL;
}
