/* SPDX-License-Identifier: BSD-3-Clause */
/* proxy_log.c - the part of proxy_log.h that is not the worker's. */
#include "proxy/proxy_log.h"

#include <stdlib.h>

struct proxy_log *proxy_log_new(uint32_t records)
{
	struct proxy_log *l = mem_new(sizeof(*l));
	uint32_t ring = 1;

	if (!l)
		return NULL;
	while (ring < records)
		ring *= 2;
	list_init(&l->free);
	l->count = records;
	/* Not mem_new(): most of it is never needed, and calloc() takes only
	 * what is touched. */
	l->record = calloc(records, sizeof(*l->record));
	if (l->record && !spsc_init(&l->full, ring) &&
	    !spsc_init(&l->back, ring))
		return l;
	proxy_log_free(l);
	return NULL;
}

void proxy_log_free(struct proxy_log *l)
{
	if (!l)
		return;
	spsc_fini(&l->full);
	spsc_fini(&l->back);
	free(l->record);
	mem_free(l);
}

void proxy_log_put(struct proxy_log *l, struct proxy_record *r)
{
	bool room;

	mem_wipe(r, sizeof(*r));
	room = spsc_put(&l->back, r);
	assert(room); /* a slot for every record there is */
	(void)room;
}
