/* SPDX-License-Identifier: BSD-3-Clause */
/* kdcs.c - which domain controllers answer, and a krb5.conf that says so. */
#include "kdcs.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVERY SEC(10) /* one that answers is asked */
#define EVERY_DOWN SEC(2) /* one that does not */
#define PATIENCE SEC(1)

struct kdc {
	char name[64]; /* a configuration may go */
	struct sockaddr_storage addr;
	socklen_t len;
	bool up;
	int fd; /* a connection under way, or -1 */
	usec_t began, due, latency;
	uint64_t failures;
};

struct kdcs {
	char realm[256], file[512];
	_Atomic bool silent;
	unsigned n;
	struct kdc kdc[16];
};

/* --- the file --------------------------------------------------------------
 */

static void put(FILE *f, const struct kdcs *k, bool up)
{
	for (unsigned i = 0; i < k->n; i++)
		if (k->kdc[i].up == up)
			fprintf(f, "  kdc = %s\n", k->kdc[i].name);
}

/* Whole or not at all: threads read it while it is replaced. */
static int write_file(const struct kdcs *k)
{
	char draft[sizeof(k->file) + 8];
	FILE *f;

	snprintf(draft, sizeof(draft), "%s.new", k->file);
	f = fopen(draft, "we");
	if (!f)
		return -errno;
	/* Over TCP only: a refusal is known at once, and tickets are long. */
	fprintf(f,
		"# casgate writes this from identity.kdcs, whoever answers "
		"first.\n"
		"[libdefaults]\n default_realm = %s\n dns_lookup_kdc = false\n"
		" dns_lookup_realm = false\n rdns = false\n"
		" dns_canonicalize_hostname = false\n"
		/* Or nobody's ticket could be passed on, MS-SFU 3.2.5.1.2. */
		" forwardable = true\n"
		" udp_preference_limit = 1\n"
		"[realms]\n %s = {\n",
		k->realm, k->realm);
	put(f, k, true);
	put(f, k, false);
	fputs(" }\n", f);
	if (ferror(f) | fclose(f) || rename(draft, k->file))
		return -EIO;
	return 0;
}

/* --- beginning and end -----------------------------------------------------
 */

/* "dc1", "dc1:88", "10.0.0.1:88", "[fd00::1]:88" */
static int resolve(struct kdc *d)
{
	struct addrinfo hint = { .ai_socktype = SOCK_STREAM }, *all = NULL;
	char host[128];
	const char *port = "88";
	char *colon;

	snprintf(host, sizeof(host), "%s",
		 d->name[0] == '[' ? d->name + 1 : d->name);
	colon = strrchr(host, ':');
	if (colon && (strchr(host, ':') == colon || colon[-1] == ']')) {
		*colon = '\0';
		port = d->name + strlen(d->name) - strlen(colon + 1);
	}
	host[strcspn(host, "]")] = '\0';
	if (getaddrinfo(host, port, &hint, &all))
		return -ENOENT;
	memcpy(&d->addr, all->ai_addr, all->ai_addrlen);
	d->len = all->ai_addrlen;
	freeaddrinfo(all);
	return 0;
}

struct kdcs *kdcs_new(const struct conf *c, const char *realm, char *error,
		      size_t cap)
{
	struct kdcs *k = calloc(1, sizeof(*k));
	int rc;

	snprintf(error, cap, "out of memory");
	if (!k)
		return NULL;
	snprintf(k->realm, sizeof(k->realm), "%s", realm);
	snprintf(k->file, sizeof(k->file), "%s.krb5.conf",
		 c->appliance.control_socket);
	for (unsigned i = 0; i < c->identity.n_kdcs && i < ARRAY_LEN(k->kdc);
	     i++) {
		struct kdc *d = &k->kdc[k->n++];

		*d = (struct kdc){ .fd = -1, .up = true };
		snprintf(d->name, sizeof(d->name), "%s", c->identity.kdcs[i]);
		if (resolve(d)) {
			snprintf(error, cap, "identity.kdcs: %s is not known",
				 d->name);
			free(k);
			return NULL;
		}
	}
	rc = write_file(k);
	if (rc) {
		snprintf(error, cap, "%s: %s", k->file, strerror(-rc));
		free(k);
		return NULL;
	}
	setenv("KRB5_CONFIG", k->file, 1);
	return k;
}

void kdcs_free(struct kdcs *k)
{
	if (!k)
		return;
	for (unsigned i = 0; i < k->n; i++)
		if (k->kdc[i].fd >= 0)
			close(k->kdc[i].fd);
	unlink(k->file);
	free(k);
}

/* --- asking ----------------------------------------------------------------
 */

static bool told(struct kdc *d, bool up, usec_t now)
{
	bool news = d->up != up;

	close(d->fd);
	d->fd = -1;
	d->failures += !up;
	d->latency = now - d->began;
	d->due = now + (up ? EVERY : EVERY_DOWN);
	d->up = up;
	if (news)
		log_write(up ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
			  "domain controller %s %s", d->name,
			  up ? "answers" : "does not answer on port 88");
	return news;
}

static bool begin(struct kdc *d, usec_t now)
{
	d->began = now;
	d->fd = socket(d->addr.ss_family,
		       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd < 0) {
		d->due = now + EVERY;
		return false;
	}
	if (!connect(d->fd, (const struct sockaddr *)&d->addr, d->len))
		return told(d, true, now);
	return errno == EINPROGRESS ? false : told(d, false, now);
}

/* Is there news of it? */
static bool look(struct kdc *d, usec_t now)
{
	struct pollfd p = { .fd = d->fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int error = 0;

	if (d->fd < 0)
		return now >= d->due && begin(d, now);
	if (poll(&p, 1, 0) > 0) {
		getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		return told(d, !error, now);
	}
	return now - d->began > PATIENCE && told(d, false, now);
}

void kdcs_look(struct kdcs *k, usec_t now)
{
	bool news = false, any = false;

	for (unsigned i = 0; i < k->n; i++) {
		news |= look(&k->kdc[i], now);
		any |= k->kdc[i].up;
	}
	atomic_store_explicit(&k->silent, k->n && !any, memory_order_relaxed);
	if (news && write_file(k))
		log_error("%s cannot be written", k->file);
}

bool kdcs_silent(const struct kdcs *k)
{
	return atomic_load_explicit(&k->silent, memory_order_relaxed);
}

unsigned kdcs_count(const struct kdcs *k)
{
	return k->n;
}

void kdcs_info(const struct kdcs *k, unsigned i, struct kdc_info *out)
{
	const struct kdc *d = &k->kdc[i];

	*out = (struct kdc_info){ d->name, d->up, d->latency, d->failures };
}
