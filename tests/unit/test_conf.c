/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_conf.c - casgate.yaml and driver profiles: what is understood, what is
 * in effect, and how two configurations differ.
 */
#include "unit.h"

#include "conf_text.h"

static void load_good(struct conf **c)
{
	struct conf_report r = { 0 };
	char line[1024];

	if (conf_text(conf_good, c, &r))
		fail_msg("%s", conf_message_str(&r, 0, line, sizeof(line)));
	assert_int_equal(r.errors, 0);
	assert_int_equal(r.warnings, 0);
	conf_report_fini(&r);
}

static void understands(void **state)
{
	char text[IPADDR_STR];
	struct conf *c;

	load_good(&c);
	assert_int_equal(c->appliance.workers, 2);
	assert_int_equal(c->appliance.n_cpus, 2);
	assert_int_equal(c->appliance.cpus[1], 3);
	assert_int_equal(c->n_interfaces, 2);
	assert_string_equal(c->interfaces[0].driver, "af_xdp");
	assert_int_equal(c->interfaces[0].n_addresses, 2);
	assert_string_equal(ipprefix_str(&c->interfaces[0].addresses[1], text),
			    "fd00::1/64");
	assert_int_equal(c->interfaces[1].n_addresses, 1);
	assert_int_equal(c->interfaces[1].mtu, 9000);
	assert_int_equal(c->interfaces[1].vlan, 7);
	assert_string_equal(c->interfaces[1].device, "0000:01:00.0");
	assert_int_equal(c->n_routes, 2);
	assert_int_equal(c->routes[1].interface, 0);
	assert_string_equal(c->namespaces[0], "mail.contoso.com");
	assert_string_equal(c->certificates[0].chain, "dir/mail.pem");
	assert_string_equal(c->certificates[0].key, "/k/mail.key");
	assert_int_equal(c->listeners[0].certificate[0], 0);
	assert_true(ipaddr_is_any(&c->listeners[0].address));
	assert_int_equal(c->listeners[1].protocol, CONF_HTTP);
	assert_int_equal(c->site_index, 1);
	assert_string_equal(c->servers[0].fqdn, "ex13.contoso.com");
	assert_int_equal(c->servers[0].n_addresses, 1);
	assert_int_equal(c->servers[0].roles, 16439);
	assert_int_equal(c->servers[0].tls.min, 13);
	assert_int_equal(c->servers[0].site_index, 1);
	assert_false(c->servers[0].has_vdirs);
	assert_int_equal(c->servers[1].site_index, 0);
	assert_int_equal(c->servers[1].weight, 7);
	assert_true(c->servers[1].has_vdirs);
	assert_true(c->servers[1].vdir[CONF_VDIR_EAS].present);
	assert_null(c->servers[1].vdir[CONF_VDIR_EAS].external_url);
	assert_false(c->servers[1].vdir[CONF_VDIR_EWS].present);
	assert_string_equal(c->servers[1].vdir[CONF_VDIR_OWA].external_url,
			    "https://legacy.contoso.com/owa");
	assert_string_equal(c->mailboxes.csv[0], "dir/boxes.csv");
	assert_int_equal(c->timeouts.silence[CONF_VDIR_EAS], SEC(3600));
	assert_int_equal(c->tcp.receive_buffer, 512 * 1024);
	conf_free(c);
}

static void defaults(void **state)
{
	struct conf *c;

	load_good(&c);
	assert_string_equal(c->appliance.name, "casgate");
	assert_int_equal(c->appliance.memory, 512 << 20);
	assert_int_equal(c->appliance.idle, CONF_IDLE_BALANCED);
	assert_string_equal(c->appliance.control_socket,
			    "/run/casgate/control.sock");
	assert_null(c->appliance.control_group);
	assert_int_equal(c->appliance.drain_max, SEC(30));
	assert_int_equal(c->appliance.log_level, LOG_LEVEL_INFO);
	assert_int_equal(c->interfaces[0].mtu, 1500);
	assert_false(c->interfaces[0].has_mac);
	assert_int_equal(c->listeners[0].tls_min, 12);
	assert_int_equal(c->listeners[0].tickets, 2);
	assert_int_equal(c->servers[0].port, 443);
	assert_int_equal(c->servers[0].imap_port, 993);
	assert_int_equal(c->servers[0].pop_port, 995);
	assert_true(c->servers[0].imap && c->servers[0].pop);
	assert_int_equal(c->timeouts.login, SEC(60));
	assert_int_equal(c->servers[0].weight, 100);
	assert_int_equal(c->servers[1].tls.min, 12);
	assert_int_equal(c->servers[1].roles, 0);
	assert_true(c->mailboxes.watch);
	assert_int_equal(c->limits.header_size, 65536);
	assert_int_equal(c->limits.handshakes, 1000);
	assert_int_equal(c->timeouts.connect, SEC(5));
	assert_int_equal(c->timeouts.silence[CONF_VDIR_RPC], 0);
	assert_int_equal(c->tcp.delayed_ack, MSEC(40));
	conf_free(c);
}

/* --- files --------------------------------------------------------------- */

static void files(void **state)
{
	char dir[] = "/tmp/casgate-conf-XXXXXX", path[64], line[1024];
	struct conf_report r = { 0 };
	struct conf *c;
	FILE *f;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/c.yaml", dir);
	assert_int_equal(conf_load(path, 0, &c, &r), -EINVAL);
	assert_string_equal(r.message[0].text,
			    "cannot be read: No such file or directory");
	assert_int_equal(r.message[0].pos.line, 0);
	conf_report_fini(&r);
	assert_int_equal(conf_load(dir, 0, &c, &r), -EINVAL);
	assert_string_equal(r.message[0].text,
			    "cannot be read: Is a directory");
	conf_report_fini(&r);

	f = fopen(path, "w");
	fputs(conf_good, f);
	fclose(f);
	assert_int_equal(conf_load(path, 0, &c, &r), 0);
	conf_free(c);
	conf_report_fini(&r);
	assert_int_equal(conf_load(path, CONF_CHECK_FILES, &c, &r), -EINVAL);
	assert_int_equal(r.errors, 3);
	snprintf(line, sizeof(line),
		 "%s/mail.pem cannot be read: No such file or directory", dir);
	assert_string_equal(r.message[0].text, line);
	assert_string_equal(r.message[0].path, "certificates[0].chain");
	conf_report_fini(&r);
	unlink(path);
	rmdir(dir);
}

/* --- settings in effect -------------------------------------------------- */

struct seen {
	const char *path;
	char text[128];
	bool restart, given;
	int n;
};

static void look_for(void *arg, const struct conf_value *v)
{
	struct seen *s = arg;

	s->n++;
	if (strcmp(v->path, s->path))
		return;
	snprintf(s->text, sizeof(s->text), "%s", v->text);
	s->restart = v->restart;
	s->given = v->given;
}

static void settings_in_effect(void **state)
{
	static const struct {
		const char *path, *text;
		bool restart, given;
	} rows[] = {
		{ "appliance.workers", "2", true, true },
		{ "appliance.cpus", "2, 3", true, true },
		{ "appliance.memory", "512M", true, false },
		{ "appliance.log-level", "info", false, false },
		{ "interfaces[1].addresses", "10.1.0.1/16", true, true },
		{ "routes[1].to", "::/0", true, true },
		{ "namespaces", "mail.contoso.com, auto.contoso.com", false,
		  true },
		{ "listeners[0].address", "any", false, false },
		{ "servers[0].tls.min", "1.3", false, true },
		{ "servers[1].virtual-directories.eas", "{}", false, true },
		{ "limits.handshake-budget", "500us", false, false },
		{ "limits.rpc-denials", "10", false, false },
		{ "timeouts.eas", "1h", false, true },
		{ "timeouts.rpc", "", false, false }, /* not set at all */
		{ "tcp.receive-buffer", "512k", true, true },
	};
	struct conf *c;

	load_good(&c);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct seen s = { .path = rows[i].path };

		conf_each(c, look_for, &s);
		assert_string_equal(s.text, rows[i].text);
		assert_int_equal(s.restart, rows[i].restart);
		assert_int_equal(s.given, rows[i].given);
		assert_true(s.n > 60);
	}
	assert_int_equal(conf_where(c, "servers[1].weight").line, 36);
	assert_int_equal(conf_where(c, "servers[1].weight").column, 13);
	assert_int_equal(conf_where(c, "servers[1].port").line, 32);
	assert_int_equal(conf_where(c, "servers").line, 23);
	assert_int_equal(conf_where(c, "").line, 1);
	conf_free(c);
}

struct changes {
	int n;
	char last[512];
};

static void note(void *arg, const struct conf_change *c)
{
	struct changes *t = arg;

	t->n++;
	snprintf(t->last, sizeof(t->last), "%s: %s -> %s", c->path,
		 c->from ? c->from : "-", c->to ? c->to : "-");
}

static void differences(void **state)
{
	static const struct {
		const char *find, *put;
		int n; /* settings that differ */
		const char *last; /* the last of them */
		const char *restart;
	} rows[] = {
		{ "weight: 7", "weight: 7", 0, "", "" },
		{ "weight: 7", "weight: 8", 1, "servers[1].weight: 7 -> 8",
		  "" },
		{ "    weight: 7\n", "", 1, "servers[1].weight: 7 -> 100", "" },
		{ "eas: {}", "", 1,
		  "servers[1].virtual-directories.eas: {} -> -", "" },
		{ "eas: 1h", "ews: 1h", 2, "timeouts.ews: - -> 1h", "" },
		{ "site: HQ\nsites: [Branch, HQ]",
		  "sites: [Branch, HQ]\nsite: HQ", 0, "", "" },
		{ "workers: 2\n  cpus: [2, 3]", "workers: 3", 2,
		  "appliance.workers: 2 -> 3",
		  "appliance.cpus, appliance.workers" },
		{ "mtu: 9000", "mtu: 1500", 1,
		  "interfaces[1].mtu: 9000 -> 1500", "interfaces[1].mtu" },
		{ "  - {to: '::/0', via: 'fd00::fe'}\n", "", 2,
		  "routes[1].via: fd00::fe -> -",
		  "routes[1].to, routes[1].via" },
		{ "tcp: {receive-buffer: 512k}", "", 1,
		  "tcp.receive-buffer: 512k -> 256k", "tcp.receive-buffer" },
	};
	struct conf *from, *to;

	load_good(&from);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *text = conf_changed(rows[i].find, rows[i].put), list[256];
		struct conf_report r = { 0 };
		struct changes seen = { 0 };

		assert_int_equal(conf_text(text, &to, &r), 0);
		assert_int_equal(conf_diff(from, to, note, &seen), rows[i].n);
		assert_int_equal(seen.n, rows[i].n);
		assert_string_equal(seen.last, rows[i].last);
		assert_int_equal(
			conf_diff_restart(from, to, list, sizeof(list)) > 0,
			*rows[i].restart != '\0');
		assert_string_equal(list, rows[i].restart);
		conf_free(to);
		conf_report_fini(&r);
		free(text);
	}
	conf_free(from);
}

/* A list too long for its room ends in dots. */
static void restart_list_is_bounded(void **state)
{
	char *text = conf_changed("workers: 2\n  cpus: [2, 3]", "workers: 3");
	struct conf_report r = { 0 };
	struct conf *from, *to;
	char list[24];

	load_good(&from);
	assert_int_equal(conf_text(text, &to, &r), 0);
	assert_int_equal(conf_diff_restart(from, to, list, sizeof(list)), 2);
	assert_string_equal(list, "appliance.cpus...");
	conf_free(from);
	conf_free(to);
	conf_report_fini(&r);
	free(text);
}

/* --- driver profiles ----------------------------------------------------- */

static void profiles(void **state)
{
	struct conf_profile p = { .rx_desc = 77 };
	struct conf_report r = { 0 };
	char line[1024];

	assert_int_equal(conf_profile_parse(BYTES("name: af_xdp\nbus: vdev\n"
						  "driver: net_af_xdp\n"
						  "devargs: iface={interface}\n"
						  "rx-desc: 2048\nrss: on\n"),
					    "p", &p, &r),
			 0);
	assert_string_equal(p.name, "af_xdp");
	assert_int_equal(p.bus, CONF_BUS_VDEV);
	assert_string_equal(p.devargs, "iface={interface}");
	assert_int_equal(p.rx_desc, 2048);
	assert_int_equal(p.tx_desc, 1024);
	assert_int_equal(p.max_mtu, 1500);
	assert_true(p.rss);
	assert_false(p.copy_tx);
	conf_report_fini(&r);

	p.rx_desc = 77;
	assert_int_equal(conf_profile_parse(BYTES("name: x\nbus: usb\n"
						  "rx-desc: 9000\n"),
					    "p", &p, &r),
			 -EINVAL);
	assert_int_equal(p.rx_desc, 77); /* untouched */
	assert_string_equal(conf_message_str(&r, 0, line, sizeof(line)),
			    "p:1:1: 'driver' is missing: DPDK driver, such as "
			    "net_af_xdp");
	assert_string_equal(conf_message_str(&r, 1, line, sizeof(line)),
			    "p:2:6: bus: 'usb': expected one of vdev, pci");
	assert_string_equal(conf_message_str(&r, 2, line, sizeof(line)),
			    "p:3:10: rx-desc: '9000': expected a number "
			    "64..8192");
	conf_report_fini(&r);
}

/* Help and man page come from the table: a setting cannot be without. */
static void help(void **state)
{
	static const char *const paths[] = {
		"appliance.workers\n",
		"interfaces[].addresses\n",
		"servers[].virtual-directories.owa.external-url\n",
		"timeouts.powershell\n",
		"servers[].imap-port\n",
		"timeouts.pop\n",
		"tcp.user-timeout\n",
	};
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	conf_print_help(f);
	fclose(f);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		assert_non_null(strstr(text, paths[i]));
	assert_non_null(strstr(text, "a number 1..65535; default 443; reload"));
	assert_non_null(strstr(text, "a number 1..16; restart"));
	free(text);
	f = open_memstream(&text, &n);
	conf_print_man(f);
	fclose(f);
	assert_non_null(strstr(text, ".B tcp.user\\-timeout\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(understands),
		cmocka_unit_test(defaults),
		cmocka_unit_test(files),
		cmocka_unit_test(settings_in_effect),
		cmocka_unit_test(differences),
		cmocka_unit_test(restart_list_is_bounded),
		cmocka_unit_test(profiles),
		cmocka_unit_test(help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
