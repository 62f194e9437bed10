/* SPDX-License-Identifier: BSD-3-Clause */
/* stream_setup.c - the part of stream.h that allocates. */
#include "stream/stream.h"

#include <errno.h>

int stream_pool_init(struct stream_pool *p, uint32_t small, uint32_t large,
		     struct list *wake)
{
	*p = (struct stream_pool){ .wake = wake };
	list_init(&p->starved[0]);
	list_init(&p->starved[1]);
	p->lacking = &p->starved[0];
	if (!slab_init(&p->small, sizeof(struct stream_buf) + STREAM_BUF_SMALL,
		       small) &&
	    !slab_init(&p->large, sizeof(struct stream_buf) + STREAM_BUF_LARGE,
		       large))
		return 0;
	stream_pool_fini(p);
	return -ENOMEM;
}

void stream_pool_fini(struct stream_pool *p)
{
	slab_fini(&p->small);
	slab_fini(&p->large);
}
