/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conf_text.h - a good casgate.yaml whose line numbers tests count on, and
 * ways to change one place of it.
 */
#pragma once

#include <errno.h>

#include "conf/conf.h"
#include "unit.h"

/* Line numbers of the rows below count in this text. */
static const char conf_good[] =
	"appliance:\n" /* 1 */
	"  workers: 2\n" /* 2 */
	"  cpus: [2, 3]\n" /* 3 */
	"interfaces:\n" /* 4 */
	"  - name: lan\n" /* 5 */
	"    driver: af_xdp\n" /* 6 */
	"    device: cg0\n" /* 7 */
	"    addresses: [10.0.0.1/24, fd00::1/64]\n" /* 8 */
	"  - {name: back, driver: pci, device: 0000:01:00.0, " /* 9 */
	"mtu: 9000, vlan: 7, addresses: 10.1.0.1/16}\n"
	"routes:\n" /* 10 */
	"  - {to: 0.0.0.0/0, via: 10.0.0.254}\n" /* 11 */
	"  - {to: '::/0', via: 'fd00::fe'}\n" /* 12 */
	"namespaces: [Mail.contoso.com, auto.contoso.com]\n" /* 13 */
	"certificates:\n" /* 14 */
	"  - {name: mail, chain: mail.pem, key: /k/mail.key}\n" /* 15 */
	"listeners:\n" /* 16 */
	"  - name: https\n" /* 17 */
	"    port: 443\n" /* 18 */
	"    certificates: [mail]\n" /* 19 */
	"  - {name: http, address: 10.0.0.1, port: 80, protocol: http}\n"
	"site: HQ\n" /* 21 */
	"sites: [Branch, HQ]\n" /* 22 */
	"servers:\n" /* 23 */
	"  - name: EX13\n" /* 24 */
	"    fqdn: EX13.contoso.com\n" /* 25 */
	"    address: 10.0.0.13\n" /* 26 */
	"    version: 15.0.1497.2\n" /* 27 */
	"    roles: 16439\n" /* 28 */
	"    site: HQ\n" /* 29 */
	"    tls:\n" /* 30 */
	"      min: 1.3\n" /* 31 */
	"  - name: EX07\n" /* 32 */
	"    fqdn: ex07.contoso.com\n" /* 33 */
	"    version: 2007\n" /* 34 */
	"    site: Branch\n" /* 35 */
	"    weight: 7\n" /* 36 */
	"    virtual-directories:\n" /* 37 */
	"      owa: {external-url: 'https://legacy.contoso.com/owa'}\n"
	"      eas: {}\n" /* 39 */
	"mailboxes: {csv: boxes.csv}\n" /* 40 */
	"limits: {header-line: 16k}\n" /* 41 */
	"timeouts: {eas: 1h}\n" /* 42 */
	"tcp: {receive-buffer: 512k}\n"; /* 43 */

/* The good text with the first `find` replaced. */
static inline char *conf_changed(const char *find, const char *put)
{
	const char *at = find ? strstr(conf_good, find) : conf_good;
	char *text = malloc(sizeof(conf_good) + strlen(put));

	if (!at)
		fail_msg("'%s' is not in the good text", find);
	sprintf(text, "%.*s%s%s", (int)(at - conf_good), conf_good, put,
		at + (find ? strlen(find) : 0));
	return text;
}

static inline int conf_text(const char *text, struct conf **c,
			    struct conf_report *r)
{
	return conf_parse(BYTES(text), "dir/c.yaml", 0, c, r);
}
