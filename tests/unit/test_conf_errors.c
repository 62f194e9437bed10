/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_conf_errors.c - what is said about a casgate.yaml that is not right.
 * Rows change one place of a good file and quote the message.
 */
#include "unit.h"

#include "conf_text.h"

struct row {
	const char *find, *put; /* NULL: the whole text is `put` */
	const char *says; /* one line of the report, without the file */
};

static const struct row values[] = {
	{ "workers: 2", "workers: 17",
	  ":2:12: appliance.workers: '17': expected a number 1..16" },
	{ "workers: 2", "workers: 0",
	  ":2:12: appliance.workers: '0': expected a number 1..16" },
	{ "workers: 2", "workers: two",
	  ":2:12: appliance.workers: 'two': expected a number 1..16" },
	{ "workers: 2", "workers: [2]",
	  ":2:12: appliance.workers: there is a list, expected a number "
	  "1..16" },
	{ "workers: 2", "workers:",
	  ":2:11: appliance.workers: there is nothing, expected a number "
	  "1..16" },
	{ "workers: 2", "idle: fast",
	  ":2:9: appliance.idle: 'fast': expected one of spin, balanced, "
	  "saving" },
	{ "workers: 2", "memory: 63M",
	  ":2:11: appliance.memory: '63M': expected a size 64M..1T, such as "
	  "64k or 512M" },
	{ "workers: 2", "memory: 512MB",
	  ":2:11: appliance.memory: '512MB': expected a size 64M..1T, such as "
	  "64k or 512M" },
	{ "workers: 2", "memory: 99999999999999999G",
	  ":2:11: appliance.memory: '99999999999999999G': expected a size "
	  "64M..1T, such as 64k or 512M" },
	{ "workers: 2", "drain-max: 30",
	  ":2:14: appliance.drain-max: '30': expected a time 0..1d with its "
	  "unit, such as 30s" },
	{ "workers: 2", "drain-max: -1s",
	  ":2:14: appliance.drain-max: '-1s': expected a time 0..1d with its "
	  "unit, such as 30s" },
	{ "workers: 2", "name: 'my box'",
	  ":2:9: appliance.name: 'my box': expected a name: letters, digits, "
	  "'-', '_', '.', 63 at most" },
	{ "mtu: 9000", "mtu: 9217",
	  ":9:58: interfaces[1].mtu: '9217': expected a number 1280..9216" },
	{ "vlan: 7", "vlan: 4095",
	  ":9:70: interfaces[1].vlan: '4095': expected a number 0..4094" },
	{ "vlan: 7", "mac: 01:00:5e:00:00:01",
	  ":9:69: interfaces[1].mac: '01:00:5e:00:00:01': expected a host's "
	  "MAC address such as 02:00:5e:00:53:01" },
	{ "10.0.0.1/24", "10.0.0.1",
	  ":8:17: interfaces[0].addresses[0]: '10.0.0.1': expected an address "
	  "with the length of its network, such as 10.0.0.1/24 or fd00::1/64" },
	{ "10.0.0.1/24", "10.0.0.1/33",
	  ":8:17: interfaces[0].addresses[0]: '10.0.0.1/33': expected an "
	  "address with the length of its network, such as 10.0.0.1/24 or "
	  "fd00::1/64" },
	{ "via: 10.0.0.254", "via: gw",
	  ":11:26: routes[0].via: 'gw': expected an address such as 10.0.0.1 "
	  "or fd00::1" },
	{ "auto.contoso.com", "auto_.contoso..com",
	  ":13:32: namespaces[1]: 'auto_.contoso..com': expected a host name "
	  "such as mail.contoso.com" },
	{ "auto.contoso.com", "10.0.0.1",
	  ":13:32: namespaces[1]: '10.0.0.1': expected a host name such as "
	  "mail.contoso.com" },
	{ "port: 443", "port: 443x",
	  ":18:11: listeners[0].port: '443x': expected a number 1..65535" },
	{ "port: 443", "port: 65536",
	  ":18:11: listeners[0].port: '65536': expected a number 1..65535" },
	{ "address: 10.0.0.1,", "address: all,",
	  ":20:27: listeners[1].address: 'all': expected an address such as "
	  "10.0.0.1 or fd00::1, or any" },
	{ "version: 15.0.1497.2", "version: 16.0.1",
	  ":27:14: servers[0].version: '16.0.1': expected a version of "
	  "Exchange: 2007, 2010, 2013, 2016, 2019, SE or a build such as "
	  "15.1.2507.6" },
	{ "min: 1.3", "min: 1.1",
	  ":31:12: servers[0].tls.min: '1.1': expected one of 1.0, 1.2, 1.3" },
	{ "min: 1.3", "pin: 6a:09",
	  ":31:12: servers[0].tls.pin: '6a:09': expected the SHA-256 "
	  "fingerprint of a certificate: 64 hexadecimal digits, colons "
	  "allowed" },
	{ "'https://legacy.contoso.com/owa'", "http://legacy.contoso.com",
	  ":38:27: servers[1].virtual-directories.owa.external-url: "
	  "'http://legacy.contoso.com': expected a URL https://host/... of at "
	  "most 255 bytes" },
	{ "'https://legacy.contoso.com/owa'", "https://user@host/",
	  ":38:27: servers[1].virtual-directories.owa.external-url: "
	  "'https://user@host/': expected a URL https://host/... of at most "
	  "255 bytes" },
	{ "receive-buffer: 512k", "timestamps: 2",
	  ":43:19: tcp.timestamps: '2': expected true or false" },
};

static const struct row shapes[] = {
	{ "roles: 16439", "rolse: 16439",
	  ":28:5: servers[0].rolse: unknown setting; did you mean 'roles'? "
	  "known here: name, fqdn, address, port, imap-port, pop-port, imap, "
	  "pop, version, site, roles, weight, drained, probes, spn, "
	  "rpc-log-on, source-addresses, tls, virtual-directories, "
	  "outlook-anywhere" },
	{ "roles: 16439", "colour: red",
	  ":28:5: servers[0].colour: unknown setting; known here: name, fqdn, "
	  "address, port, imap-port, pop-port, imap, pop, version, site, "
	  "roles, weight, drained, probes, spn, rpc-log-on, "
	  "source-addresses, tls, virtual-directories, outlook-anywhere" },
	{ "    roles: 16439\n", "    site: Branch\n",
	  ":29:5: servers[0].site: given twice, first in line 28" },
	{ "    fqdn: EX13.contoso.com\n", "",
	  ":24:5: servers[0]: 'fqdn' is missing: its full name: TLS and "
	  "Kerberos ask for it" },
	{ "site: HQ\nsites", "sites",
	  ":1:1: 'site' is missing: the AD site the appliance stands in" },
	{ "cpus: [2, 3]", "cpus: {a: 1}",
	  ":3:9: appliance.cpus: there is a mapping, expected a list" },
	{ "tls:\n      min: 1.3", "tls: yes",
	  ":30:10: servers[0].tls: there is a single value, expected a "
	  "mapping, `key: value` lines" },
	{ "{name: http, address: 10.0.0.1, port: 80, protocol: http}", "http",
	  ":20:5: listeners[1]: there is a single value, expected a mapping, "
	  "`key: value` lines" },
	{ "[Mail.contoso.com, auto.contoso.com]", "[]",
	  ":13:13: namespaces: the list is empty: host names clients use; "
	  "redirects go to the first" },
	{ "eas: {}", "[a]: 1",
	  ":39:7: servers[1].virtual-directories: a key must be a single "
	  "word" },
	{ "name: EX07", "name: ex13",
	  ":32:5: servers[1]: the name 'ex13' is taken by servers[0]" },
	{ "[2, 3]", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]",
	  ":3:9: appliance.cpus: 17 items, at most 16 are possible" },
};

static const struct row syntax[] = {
	{ NULL, "", ":1:1: the file is empty" },
	{ NULL, "# nothing\n", ":1:1: the file is empty" },
	{ NULL, "just words",
	  ":1:1: there is a single value, expected `setting: value` lines" },
	{ NULL, "- a\n- b\n",
	  ":1:1: there is a list, expected `setting: value` lines" },
	{ NULL, "site: HQ\nsites: [a, b\nservers: []\n",
	  ":3:8: not YAML: did not find expected ',' or ']' (while parsing a "
	  "flow sequence that begins in line 2)" },
	{ NULL, "site: [a",
	  ":1:9: not YAML: did not find expected ',' or ']' (while parsing a "
	  "flow sequence that begins in line 1)" },
	{ NULL, "tcp:\n\ttimestamps: on\n",
	  ":2:1: not YAML: found character that cannot start any token (while "
	  "scanning for the next token that begins in line 2); this is a tab, "
	  "and YAML is indented with spaces" },
	{ NULL, "site: a: b\n",
	  ":1:8: not YAML: mapping values are not allowed in this context" },
	{ NULL, "site: x\n\n  \xff\n",
	  ":3:3: not YAML: invalid leading UTF-8 octet" },
	{ NULL, "site: &x HQ\nsites: [*x]\n",
	  ":1:7: anchors (&name) are not supported: write the value out" },
	{ NULL, "site: &x HQ\nsites: [*x]\n",
	  ":2:9: aliases (*name) are not supported: write the value out" },
	{ NULL, "a: &a [*a]\n",
	  ":1:8: aliases (*name) are not supported: write the value out" },
	{ NULL, "site: !!str HQ\n",
	  ":1:7: tags (!name) are not supported: write the value out" },
	{ NULL, "site: HQ\n---\nsite: HQ\n",
	  ":2:1: a second document: everything belongs into one, without a "
	  "line `---` between" },
	{ NULL, "[[[[[[[[[[[[[[[[[[[[", ":1:17: nested more than 16 deep" },
};

static const struct row meanings[] = {
	{ "cpus: [2, 3]", "cpus: [2]",
	  ":3:3: appliance.cpus: 1 CPUs for 2 workers: name one for each" },
	{ "10.0.0.1/24", "10.0.0.0/24",
	  ":8:17: interfaces[0].addresses[0]: 10.0.0.0 is the network itself, "
	  "no host in it" },
	{ "10.0.0.1/24", "10.0.0.255/24",
	  ":8:17: interfaces[0].addresses[0]: 10.0.0.255 is the network's "
	  "broadcast address" },
	{ "10.0.0.1/24", "224.0.0.1/24",
	  ":8:17: interfaces[0].addresses[0]: 224.0.0.1 cannot be a host's "
	  "address" },
	{ "10.1.0.1/16", "10.0.0.1/16",
	  ":9:84: interfaces[1].addresses[0]: 10.0.0.1 is given to an "
	  "interface twice" },
	{ "device: 0000:01:00.0", "device: cg0",
	  ":9:26: interfaces[1].driver: interfaces[0] has the same device "
	  "with driver 'af_xdp'" },
	{ "device: 0000:01:00.0, mtu: 9000, vlan: 7", "device: cg0",
	  ":9:39: interfaces[1].device: interfaces[0] is 'cg0' with VLAN 0 "
	  "already" },
	{ "to: 0.0.0.0/0", "to: 10.9.9.9/8",
	  ":11:10: routes[0].to: has host bits; the network is 10.0.0.0/8" },
	{ "to: '::/0'", "to: 0.0.0.0/0",
	  ":12:10: routes[1].to: routes[0] is to there already" },
	{ "via: 10.0.0.254", "via: 192.168.1.1",
	  ":11:26: routes[0].via: 192.168.1.1 is on no network of an "
	  "interface, so it cannot be reached" },
	{ "via: 10.0.0.254", "via: 10.0.0.1",
	  ":11:26: routes[0].via: 10.0.0.1 is an address of the appliance "
	  "itself" },
	{ "via: 10.0.0.254", "via: fd00::9",
	  ":11:26: routes[0].via: fd00::9 is not of the address family of "
	  "`to`" },
	{ "auto.contoso.com", "MAIL.contoso.com",
	  ":13:32: namespaces[1]: 'mail.contoso.com' is namespaces[0] "
	  "already" },
	{ "certificates: [mail]", "certificates: [mial]",
	  ":19:20: listeners[0].certificates[0]: no certificate is named "
	  "'mial'; did you mean 'mail'?" },
	{ "certificates: [mail]", "certificates: mial",
	  ":19:19: listeners[0].certificates[0]: no certificate is named "
	  "'mial'; did you mean 'mail'?" },
	{ "    certificates: [mail]\n", "",
	  ":17:5: listeners[0].certificates: an https listener needs at least "
	  "one certificate" },
	{ "protocol: http}", "protocol: http, certificates: mail}",
	  ":20:77: listeners[1].certificates: an http listener only redirects "
	  "and has no use for certificates" },
	{ "port: 80, protocol: http}", "port: 143, protocol: imap}",
	  ":20:5: listeners[1].certificates: a mail listener needs at least "
	  "one certificate: clients log in after STARTTLS only" },
	{ "port: 80, protocol: http}", "port: 995, protocol: pop3s}",
	  ":20:5: listeners[1].certificates: a mail listener needs at least "
	  "one certificate: clients log in after TLS only" },
	{ "protocol: http}", "protocol: smtp}",
	  ":20:57: listeners[1].protocol: 'smtp': expected one of https, "
	  "http, imap, imaps, pop3, pop3s" },
	{ "address: 10.0.0.1,", "address: 10.0.0.9,",
	  ":20:27: listeners[1].address: 10.0.0.9 is not an address of any "
	  "interface" },
	{ "address: 10.0.0.1, port: 80,", "port: 443,",
	  ":20:24: listeners[1].port: listeners[0] is on the same address and "
	  "port 443" },
	{ "site: HQ\nsites", "site: HQ2\nsites",
	  ":21:7: site: 'HQ2' is not one of the sites; did you mean 'HQ'?" },
	{ "site: Branch", "site: Paris",
	  ":35:11: servers[1].site: 'Paris' is not one of the sites" },
	{ "sites: [Branch, HQ]", "sites: [Branch, HQ, hq]",
	  ":22:21: sites[2]: 'hq' is sites[1] already" },
	{ "fqdn: EX13.contoso.com", "fqdn: auto.contoso.com",
	  ":25:11: servers[0].fqdn: is also namespaces[1]: clients would be "
	  "carried back to the appliance; give the server's own name" },
	{ "fqdn: ex07.contoso.com", "fqdn: ex13.contoso.com",
	  ":33:11: servers[1].fqdn: servers[0] has the same FQDN" },
	{ "address: 10.0.0.13", "address: [10.0.0.13, 10.1.0.1]",
	  ":26:26: servers[0].address[1]: 10.1.0.1 is an address of the "
	  "appliance itself" },
	{ "address: 10.0.0.13", "source-addresses: 10.0.0.13",
	  ":26:23: servers[0].source-addresses[0]: 10.0.0.13 is not an "
	  "address of any interface" },
	{ "min: 1.3", "min: 1.0",
	  ":31:12: servers[0].tls.min: TLS 1.0 protects only with a pinned "
	  "certificate: set `pin` to its SHA-256 fingerprint" },
	{ "https://legacy.contoso.com/owa", "https://MAIL.contoso.com:443/owa",
	  ":38:27: servers[1].virtual-directories.owa.external-url: browsers "
	  "are redirected there, and 'mail.contoso.com' is the appliance "
	  "(namespaces[0]): give Exchange 2007 a name of its own, such as "
	  "legacy.contoso.com" },
	{ "header-line: 16k", "header-size: 8k",
	  ":41:1: limits.header-line: a line (16384) cannot be longer than "
	  "the whole head (header-size 8192)" },
	{ "header-line: 16k", "sessions: 200000",
	  ":41:20: limits.sessions: 200000 sessions do not fit into 100000 "
	  "connections (appliance.max-connections)" },
	{ "receive-buffer: 512k", "window-scale: 0",
	  ":43:1: tcp.receive-buffer: a window of 262144 bytes cannot be told "
	  "with window-scale 0, 65535 at most" },
	{ "receive-buffer: 512k", "rto-min: 3s, rto-max: 2s",
	  ":43:16: tcp.rto-min: is above rto-max" },
	{ "port: 80, protocol: http}",
	  "port: 80, protocol: http, balancer: l7}",
	  ":20:5: listeners[1].trusted: name the networks of the balancers" },
	{ "port: 80, protocol: http}",
	  "port: 80, protocol: http, balancer: l7, proxy-protocol: v2, "
	  "trusted: 10.0.0.0/8}",
	  ":20:93: listeners[1].proxy-protocol: is of a connection, but an l7 "
	  "balancer "
	  "names the client of each request" },
	{ "limits:", "access-log: {max-file-size: 1G}\nlimits:",
	  ":41:1: access-log.keep-size: is less than two files of "
	  "max-file-size "
	  "(1073741824)" },
};

static const struct row warnings[] = {
	{ "cpus: [2, 3]", "cpus: [2, 2]",
	  ":3:13: warning: appliance.cpus[1]: workers 0 and 1 share CPU 2 and "
	  "will slow each other down" },
	{ "  - {to: 0.0.0.0/0, via: 10.0.0.254}\n", "",
	  NULL }, /* EX13 is on the LAN */
	{ "address: 10.0.0.13", "address: 2001:db8::1",
	  NULL }, /* the default route leads there */
	{ "roles: 16439", "roles: 54",
	  ":28:12: warning: servers[0].roles: 54 is a 2013 Mailbox server "
	  "without a front end (no bit of 0x4001): it will never be a "
	  "target" },
	{ "weight: 7", "roles: 2",
	  ":36:12: warning: servers[1].roles: 2 has no Client Access role "
	  "(bit 4): it will never be a target" },
	{ "eas: {}", "mapi: {}",
	  ":39:7: warning: servers[1].virtual-directories.mapi: Exchange "
	  "2007 has no MAPI over HTTP" },
	{ "version: 15.0.1497.2", "version: Version 15.1 (Build 32375.7)",
	  ":34:14: warning: servers[1].version: Exchange 2007 (servers[1]) "
	  "and 2016 (servers[0]) cannot live in one organisation" },
	{ "version: 15.0.1497.2", "version: 15.2.2562.17",
	  ":34:14: warning: servers[1].version: Exchange 2007 (servers[1]) "
	  "and SE (servers[0]) cannot live in one organisation" },
	{ "port: 80, protocol: http}",
	  "port: 993, protocol: imap, certificates: mail}",
	  ":20:58: warning: listeners[1].protocol: clients expect imaps on "
	  "port 993" },
	{ "port: 80, protocol: http}",
	  "port: 110, protocol: pop3, certificates: mail}", NULL },
	{ "port: 80, protocol: http}",
	  "port: 80, protocol: http, trusted: 10.0.0.0/8}",
	  ":20:72: warning: listeners[1].trusted: has no effect without "
	  "proxy-protocol or "
	  "balancer: l7" },
	{ "header-line: 16k", "sessions: 60000",
	  ":41:20: warning: limits.sessions: a session has two connections, "
	  "one to its client and one to a server: 60000 need "
	  "appliance.max-connections 120000" },
};

static bool says(const struct conf_report *r, const char *line)
{
	char have[1024], want[1024];

	snprintf(want, sizeof(want), "dir/c.yaml%s", line);
	for (unsigned i = 0; i < r->n; i++)
		if (!strcmp(conf_message_str(r, i, have, sizeof(have)), want))
			return true;
	return false;
}

static void check_rows(const struct row *rows, size_t n, int want)
{
	for (size_t i = 0; i < n; i++) {
		char *text = conf_changed(rows[i].find, rows[i].put);
		struct conf_report r = { 0 };
		struct conf *c;
		int rc;

		if (!rows[i].find)
			strcpy(text, rows[i].put);
		rc = conf_text(text, &c, &r);
		if (rc != want ||
		    (rows[i].says ? !says(&r, rows[i].says) : r.n)) {
			printf("# row %zu: %d, wanted %d and\n# dir/c.yaml%s\n"
			       "# but there is\n",
			       i, rc, want, rows[i].says ? rows[i].says : "");
			conf_report_print(&r, stdout);
			fail();
		}
		assert_int_equal(!rc, c != NULL);
		assert_int_equal(rc == 0, r.errors == 0);
		conf_free(c);
		conf_report_fini(&r);
		free(text);
	}
}

static void refuses_values(void **state)
{
	check_rows(values, ARRAY_LEN(values), -EINVAL);
}

static void refuses_shapes(void **state)
{
	check_rows(shapes, ARRAY_LEN(shapes), -EINVAL);
}

static void refuses_what_is_not_yaml(void **state)
{
	check_rows(syntax, ARRAY_LEN(syntax), -EINVAL);
}

static void refuses_contradictions(void **state)
{
	check_rows(meanings, ARRAY_LEN(meanings), -EINVAL);
}

static void warns(void **state)
{
	check_rows(warnings, ARRAY_LEN(warnings), 0);
}

/* A way around TLS 1.0 that is allowed. */
static void tls_floor_with_pin(void **state)
{
	char *text = conf_changed(
		"min: 1.3",
		"min: 1.0\n      pin: 00112233445566778899aabbccddeeff"
		"00112233445566778899AABBCCDDEEFF");
	struct conf_report r = { 0 };
	struct conf *c;

	assert_int_equal(conf_text(text, &c, &r), 0);
	assert_int_equal(c->servers[0].tls.min, 10);
	assert_true(c->servers[0].tls.pinned);
	assert_int_equal(c->servers[0].tls.pin[31], 0xff);
	conf_free(c);
	conf_report_fini(&r);
	free(text);
}

static void unreachable_server(void **state)
{
	char *text = conf_changed("  - {to: 0.0.0.0/0, via: 10.0.0.254}\n", "");
	struct conf_report r = { 0 };
	struct conf *c;

	memcpy(strstr(text, "10.0.0.13"), "10.9.0.13", 9);
	assert_int_equal(conf_text(text, &c, &r), 0);
	assert_int_equal(r.n, 1);
	assert_true(says(&r, ":25:14: warning: servers[0].address[0]: "
			     "10.9.0.13 is on no network of an interface and "
			     "no route leads there"));
	conf_free(c);
	conf_report_fini(&r);
	free(text);
}

/* Every error of a file at once, by position. */
static void all_at_once(void **state)
{
	static const char text[] = "tcp: {timestamps: maybe}\n"
				   "sites: [A]\n"
				   "site: B\n"
				   "appliance: {idle: fast, workers: 99}\n"
				   "stie: C\n";
	static const unsigned lines[] = { 1, 1, 1, 1, 1, 3, 4, 4, 5 };
	struct conf_report r = { 0 };
	struct conf *c;

	assert_int_equal(conf_text(text, &c, &r), -EINVAL);
	assert_null(c);
	/* Four settings of the whole file are missing, at 1:1. */
	assert_int_equal(r.n, ARRAY_LEN(lines));
	for (unsigned i = 0; i < r.n; i++)
		assert_int_equal(r.message[i].pos.line, lines[i]);
	assert_true(says(&r, ":4:19: appliance.idle: 'fast': expected one of "
			     "spin, balanced, saving"));
	conf_report_fini(&r);
}

/* What a message quotes can hold anything but never reaches a terminal. */
static void messages_are_tame(void **state)
{
	struct conf_report r = { 0 };
	struct conf *c;
	char *line = NULL;
	size_t n = 0;
	FILE *f;

	assert_int_equal(conf_text("\"\\e[31m\\u009b\\x7f\\0\": 1\n"
				   "site: \"a\\nb\\e\"\n",
				   &c, &r),
			 -EINVAL);
	f = open_memstream(&line, &n);
	conf_report_print(&r, f);
	fclose(f);
	for (size_t i = 0; i < n; i++)
		assert_true(line[i] == '\n' ||
			    ((uint8_t)line[i] >= 0x20 && line[i] != 0x7f));
	assert_null(strstr(line, "\xc2\x9b"));
	free(line);
	conf_report_fini(&r);
}

/* --- bounds -------------------------------------------------------------- */

static void too_large(void **state)
{
	size_t n = CONF_FILE_MAX + 1;
	char *text = malloc(n);
	struct conf_report r = { 0 };
	struct conf *c;

	memset(text, '#', n);
	assert_int_equal(conf_parse((struct bytes){ (uint8_t *)text, n }, "x",
				    0, &c, &r),
			 -EINVAL);
	assert_string_equal(r.message[0].text, "larger than 4 MiB");
	conf_report_fini(&r);
	/* As large as may be is read: it is all comment. */
	assert_int_equal(conf_parse((struct bytes){ (uint8_t *)text, n - 1 },
				    "x", 0, &c, &r),
			 -EINVAL);
	assert_string_equal(r.message[0].text, "the file is empty");
	conf_report_fini(&r);
	free(text);
}

static void too_many(void **state)
{
	struct conf_report r = { 0 };
	struct conf *c;
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	for (unsigned i = 0; i <= CONF_ITEMS_MAX; i++)
		fprintf(f, "k%u: 1\n", i);
	fclose(f);
	assert_int_equal(conf_text(text, &c, &r), -EINVAL);
	assert_string_equal(r.message[0].text,
			    "4097 keys, at most 4096 are possible");
	conf_report_fini(&r);
	free(text);

	/* More findings than are kept are counted all the same. */
	f = open_memstream(&text, &n);
	for (unsigned i = 0; i < 300; i++)
		fprintf(f, "k%u: 1\n", i);
	fclose(f);
	assert_int_equal(conf_text(text, &c, &r), -EINVAL);
	assert_int_equal(r.n, CONF_MESSAGES_MAX);
	assert_int_equal(r.errors, 300 + 5);
	conf_report_fini(&r);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_values),
		cmocka_unit_test(refuses_shapes),
		cmocka_unit_test(refuses_what_is_not_yaml),
		cmocka_unit_test(refuses_contradictions),
		cmocka_unit_test(warns),
		cmocka_unit_test(tls_floor_with_pin),
		cmocka_unit_test(unreachable_server),
		cmocka_unit_test(all_at_once),
		cmocka_unit_test(messages_are_tame),
		cmocka_unit_test(too_large),
		cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
