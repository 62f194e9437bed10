/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check.h - what the semantic checks share.
 */
#pragma once

#include "conf/private.h"

/* "servers[3].site" into dst[CONF_PATH]. */
void check_path(char *dst, const char *fmt, ...) printf_like(2, 3);
/* The interface address that `a` is; NULL. */
const struct ipprefix *check_own(const struct conf *c, const struct ipaddr *a);
/* Exchange's rules: versions, roles, sites, directories. */
void check_servers(struct load *l, struct conf *c);
