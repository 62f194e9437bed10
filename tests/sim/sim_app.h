/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim_app.h - what runs upon the simulated hosts: flows between host 0, the
 * client, and host 1, the server, whose every byte is known beforehand.
 *
 * An end looks at its connection only when tcp_ready() names it, as the real
 * application does: an event forgotten by TCP is a flow that hangs.
 */
#pragma once

#include "sim.h"

#define APP_PORT 443
#define APP_FLOWS 256

/* What is peculiar about a run. */
enum {
	APP_V6 = 1 << 0,
	APP_HALF_CLOSE = 1 << 1,   /* the server speaks after the client's FIN */
	APP_ABORT = 1 << 2,	   /* the client resets half way */
	APP_CLOSE_UNREAD = 1 << 3, /* the server closes with data unread */
	APP_PAUSE = 1 << 4,	   /* the server stops reading for ten seconds */
	APP_SEQUENTIAL = 1 << 5,   /* one flow after the other, same port */
	APP_SERVER_FIRST = 1 << 6, /* the server closes first */
	APP_IDLE = 1 << 7,	   /* nobody ever closes */
	APP_CLOSED_PORT = 1 << 8,  /* nobody listens */
	APP_TRICKLE = 1 << 9,	   /* one write every 200 us */
};

/* How a flow's end is to fare: one of these, or an enum tcp_status of which
 * it died. */
enum {
	APP_OK = -1,  /* everything arrived, both said goodbye */
	APP_ANY = -2, /* whatever arrived was right */
};

struct app_config {
	unsigned flags, flows;
	uint64_t up, down; /* bytes from the client, from the server */
	uint32_t chunk;	   /* largest write [bytes] */
	usec_t spacing;	   /* between the flows' beginnings */
	int expect[2];
};

struct app_end {
	struct tcp_conn *c;
	uint32_t stream; /* of what it writes; the other's is stream ^ 1 */
	uint16_t port;	 /* the client's */
	bool server, shut, done, paused, was_paused, waiting;
	uint64_t tx_total, tx_done, rx_total, rx_done;
	usec_t resume; /* end of a pause, or of waiting between writes */
};

struct app {
	struct sim *sim;
	struct app_config config;
	struct app_end end[APP_FLOWS][2];
	unsigned started, finished; /* ends */
	usec_t start;
	char wrong[128]; /* "" as long as all is well */
};

/* Before the first sim_step(), with both hosts there. */
void app_init(struct app *a, struct sim *s, const struct app_config *c);
/* For sim.app. */
void app_turn(void *app, struct sim_host *h);
bool app_done(const struct app *a);
