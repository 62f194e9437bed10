/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reload.c - configuration and mailbox lists from disk: all of it, or nothing
 * and why.
 */
#include "casgate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX ((off_t)2 << 30)

/* --- mailboxes ---------------------------------------------------------------
 */

/* A member of the control group must not read through us what he could not
 * read himself: errors quote what they find. */
static bool may_read(const struct control_call *call, const struct stat *st)
{
	if (!call || call->uid == 0)
		return true;
	if (call->uid == st->st_uid)
		return st->st_mode & S_IRUSR;
	if (call->gid == st->st_gid)
		return st->st_mode & S_IRGRP;
	return st->st_mode & S_IROTH;
}

uint8_t *read_file(const char *path, const struct control_call *call, size_t *n,
		   char *error, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	uint8_t *text = NULL;
	size_t got = 0;
	ssize_t k = 1;

	if (fd < 0 || fstat(fd, &st)) {
		snprintf(error, cap, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode) || !may_read(call, &st)) {
		snprintf(error, cap, "%s: %s", path,
			 S_ISREG(st.st_mode) ? "you may not read it"
					     : "is not a regular file");
	} else if (st.st_size > FILE_MAX) {
		snprintf(error, cap, "%s: larger than 2 GB", path);
	} else if ((text = malloc((size_t)st.st_size + 1))) {
		while (got < (size_t)st.st_size &&
		       (k = read(fd, text + got, (size_t)st.st_size - got)) > 0)
			got += (size_t)k;
		*n = got;
	} else {
		snprintf(error, cap, "%s: no memory for it", path);
	}
	if (fd >= 0)
		close(fd);
	return text;
}

int import_mailboxes(struct app *a, const char *path,
		     const struct control_call *call, bool replace,
		     struct route_import_report *report, char *error,
		     size_t cap)
{
	uint8_t *text;
	size_t n = 0;
	int rc;

	text = read_file(path, call, &n, error, cap);
	if (!text)
		return -EIO;
	rc = route_import_csv(a->routes, (struct bytes){ text, n }, replace,
			      report);
	free(text);
	if (rc) {
		snprintf(error, cap, "%s: %s", path, report->error);
		return rc;
	}
	for (unsigned i = 0; i < report->n_problems; i++)
		log_warn("%s: %s", path, report->problem[i]);
	log_info("%s: %zu mailboxes, %zu new, %zu changed, %zu refused", path,
		 report->rows, report->added, report->replaced, report->failed);
	return 0;
}

static int64_t newest(const struct conf *conf)
{
	int64_t when = 0;
	struct stat st;

	for (unsigned i = 0; i < conf->mailboxes.n_csv; i++)
		if (!stat(conf->mailboxes.csv[i], &st))
			when = max(when,
				   (int64_t)st.st_mtim.tv_sec * 1000000000 +
					   st.st_mtim.tv_nsec);
	return when;
}

int reload_mailboxes(struct app *a, const struct conf *conf, bool force,
		     char *error, size_t cap)
{
	int64_t when = newest(conf);
	struct route_import_report report;
	int rc;

	if (!force && when == a->csv_mtime)
		return 0;
	for (unsigned i = 0; i < conf->mailboxes.n_csv; i++) {
		/* A single file is the whole truth. What was moved by hand
		 * meanwhile is in no file: a changed file is newer. */
		report = (struct route_import_report){ 0 };
		rc = import_mailboxes(a, conf->mailboxes.csv[i], NULL,
				      conf->mailboxes.n_csv == 1, &report,
				      error, cap);
		if (rc)
			return rc;
	}
	a->csv_mtime = when;
	return 0;
}

/* --- certificates
 * -------------------------------------------------------------- */

static void look_at_certificates(const struct conf *conf, struct conf_report *r)
{
	struct tls_cert_info info;
	char error[400], path[CONF_PATH];
	int64_t left;

	for (unsigned i = 0; i < conf->n_certificates; i++) {
		snprintf(path, sizeof(path), "certificates[%u].chain", i);
		if (tls_cert_info(conf->certificates[i].chain, &info, error,
				  sizeof(error)))
			continue; /* the listener that uses it will say */
		left = (info.not_after - (int64_t)time(NULL)) / 86400;
		if (left >= 30)
			continue;
		conf_report_add(r, CONF_WARNING, conf_where(conf, path), path,
				left < 0 ? "has expired: clients will refuse it"
					 : "expires in %d days",
				(int)left);
	}
}

/* --- the whole
 * --------------------------------------------------------------------- */

static void first_error(const struct conf_report *r, char *error, size_t cap)
{
	char line[1024];
	size_t at = 0;

	error[0] = '\0';
	for (unsigned i = 0; i < r->n && at + 2 < cap; i++) {
		if (r->message[i].severity != CONF_ERROR)
			continue;
		conf_message_str(r, i, line, sizeof(line));
		at += (size_t)snprintf(error + at, cap - at, "%s%s",
				       at ? "; " : "", line);
	}
	if (!at)
		snprintf(error, cap, "not enough memory");
}

static void log_warnings(const struct conf_report *r)
{
	char line[1024];

	for (unsigned i = 0; i < r->n; i++)
		if (r->message[i].severity == CONF_WARNING)
			log_warn("%s",
				 conf_message_str(r, i, line, sizeof(line)));
}

int reload(struct app *a, char *error, size_t cap)
{
	struct conf_report report = { 0 };
	struct conf *conf = NULL;
	struct proxy_config *config = NULL;
	char list[512];
	int rc = conf_load(a->opt.config, CONF_CHECK_FILES, &conf, &report);

	if (rc) {
		first_error(&report, error, cap);
		goto out;
	}
	if (conf_diff_restart(a->conf, conf, list, sizeof(list))) {
		snprintf(error, cap,
			 "nothing was changed: %s cannot be changed by a "
			 "reload; restart casgate",
			 list);
		rc = -EPERM;
		goto out;
	}
	config = build_config(a, conf, a->workers, &report);
	if (!config) {
		first_error(&report, error, cap);
		rc = -EINVAL;
		goto out;
	}
	look_at_certificates(conf, &report);
	rc = reload_mailboxes(a, conf, false, error, cap);
	if (rc)
		goto out;
	log_warnings(&report);
	build_publish(a, config);
	config = NULL;
	conf_free(a->conf);
	a->conf = conf;
	conf = NULL;
	log_set_level((enum log_level)a->conf->appliance.log_level);
	start_logging(a);
	log_info("configuration reloaded from %s", a->opt.config);
out:
	build_free(config);
	conf_free(conf);
	conf_report_fini(&report);
	return rc;
}

int check_only(struct app *a)
{
	struct conf_report report = { 0 };
	struct conf *conf = NULL;
	struct proxy_config *config;
	char sum[256];
	unsigned workers;
	int rc = conf_load(a->opt.config, CONF_CHECK_FILES, &conf, &report);

	if (!rc) {
		config = build_config(a, conf, 1, &report);
		look_at_certificates(conf, &report);
		build_free(config);
		rc = start_check(a, conf, &report);
		rc = config ? rc : -EINVAL;
	}
	conf_report_print(&report, stdout);
	if (!rc) {
		workers = start_workers(conf);
		start_packets(conf, workers, sum, sizeof(sum));
		printf("%s: good; %u workers, %s\n", a->opt.config, workers,
		       sum);
	}
	conf_free(conf);
	conf_report_fini(&report);
	return rc;
}
