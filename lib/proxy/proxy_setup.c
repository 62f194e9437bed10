/* SPDX-License-Identifier: BSD-3-Clause */
/* proxy_setup.c - the part of proxy.h that allocates. */
#include "proxy/proxy_int.h"

#include <errno.h>

#define DIALOGUES 4096U /* mail clients not logged in, at most */

static int vc_table_init(struct vc_table *t, uint32_t most)
{
	uint32_t buckets = 16;

	while (buckets < most)
		buckets <<= 1;
	t->mask = buckets - 1;
	t->bucket = mem_new(buckets * sizeof(*t->bucket));
	if (!t->bucket || slab_init(&t->slab, sizeof(struct vc), most))
		return -ENOMEM;
	for (uint32_t i = 0; i < buckets; i++)
		list_init(&t->bucket[i]);
	return 0;
}

static void vc_table_fini(struct vc_table *t)
{
	slab_fini(&t->slab);
	mem_free(t->bucket);
}

/* Most appliances without an account need no room for them. */
static int logins_init(struct proxy *p)
{
	if (!p->setup.auth.ask)
		return 0;
	p->verdicts = mem_new(LOGIN_VERDICTS * sizeof(*p->verdicts));
	if (!p->verdicts)
		return -ENOMEM;
	return slab_init(&p->logins, sizeof(struct login), LOGINS);
}

struct proxy *proxy_new(const struct proxy_setup *setup, usec_t now)
{
	struct proxy *p = mem_new(sizeof(*p));

	if (!p)
		return NULL;
	p->setup = *setup;
	p->tcp = setup->tcp;
	p->generation = UINT64_MAX;
	tick_init(&p->wheel, now);
	list_init(&p->sessions);
	list_init(&p->ready);
	list_init(&p->handshakes);
	list_init(&p->idle);
	list_init(&p->heads);
	list_init(&p->channels);
	list_init(&p->unsent);
	list_init(&p->dialogues);
	list_init(&p->questions);
	list_init(&p->probes);
	rng_init(&p->rng, now + setup->worker);
	p->servers = mem_new(sizeof(*p->servers) * setup->max_server_ids);
	p->box = seal_box_new(setup->cookie_key);
	p->dialed = mem_new(sizeof(*p->dialed) * (PROXY_DIALED + 1));
	if (!p->servers || !p->box || !p->dialed ||
	    slab_init(&p->session_slab, sizeof(struct session),
		      setup->max_sessions) ||
	    slab_init(&p->rpcs, sizeof(struct rpc), setup->max_sessions) ||
	    vc_table_init(&p->vcs, setup->max_sessions) ||
	    slab_init(&p->dialogue_slab, sizeof(struct dialogue),
		      min(setup->max_sessions / 4 + 1, DIALOGUES)) ||
	    slab_init(&p->probe_slab, sizeof(struct session), PROXY_PROBES) ||
	    slab_init(&p->question_slab, sizeof(struct proxy_probe),
		      PROXY_PROBES / 2) ||
	    logins_init(p) ||
	    stream_pool_init(&p->bufs, setup->buffers, setup->large_buffers,
			     &p->ready)) {
		proxy_free(p);
		return NULL;
	}
	return p;
}

void proxy_free(struct proxy *p)
{
	if (!p)
		return;
	list_for_each_safe(node, &p->sessions)
	{
		struct session *s = list_entry(node, struct session, link);

		session_kill(s, true, s->progress);
	}
	vc_table_fini(&p->vcs);
	slab_fini(&p->rpcs);
	probes_drop(p);
	slab_fini(&p->session_slab);
	slab_fini(&p->dialogue_slab);
	slab_fini(&p->probe_slab);
	slab_fini(&p->question_slab);
	slab_fini(&p->logins);
	mem_free(p->verdicts);
	stream_pool_fini(&p->bufs);
	seal_box_free(p->box);
	mem_free(p->dialed);
	mem_free(p->servers);
	mem_free(p);
}
