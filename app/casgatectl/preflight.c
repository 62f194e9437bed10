/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * preflight.c - the readiness report on the terminal, and its cmdlets as a
 * script.
 */
#include "casgatectl.h"

#include <errno.h>
#include <string.h>

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

/* A line of several pieces, none of which a terminal may obey. */
static void line(FILE *f, const char *indent, const char *text)
{
	fputs(indent, f);
	print_text(f, text);
}

static void print_finding(FILE *f, const json_t *finding)
{
	const json_t *protocols = json_object_get(finding, "protocols"), *p;
	char text[1024], words[160] = "";
	size_t i;

	json_array_foreach(protocols, i, p)
	{
		size_t at = strlen(words);

		snprintf(words + at, sizeof(words) - at, "%s%s", at ? ", " : "",
			 json_string_value(p));
	}
	snprintf(text, sizeof(text), "%s%s%s: %s (%lld mailboxes)",
		 text_of(finding, "severity"), words[0] ? ", " : "", words,
		 text_of(finding, "text"),
		 (long long)json_integer_value(
			 json_object_get(finding, "mailboxes")));
	line(f, "  ", text);
	if (text_of(finding, "cmdlet")[0])
		line(f, "    ", text_of(finding, "cmdlet"));
}

static void print_findings(FILE *f, const json_t *findings)
{
	const json_t *finding;
	size_t i;

	json_array_foreach(findings, i, finding) print_finding(f, finding);
}

static void title_of(const json_t *server, char *dst, size_t cap)
{
	snprintf(dst, cap, "%s (%s, site %s): %s%s", text_of(server, "server"),
		 text_of(server, "version"), text_of(server, "site"),
		 text_of(server, "verdict"),
		 strcmp(text_of(server, "logon"), "ok")
			 ? ""
			 : ", logging on to Outlook Anywhere works");
}

static void print_report(FILE *f, const json_t *data)
{
	const json_t *all = json_object_get(data, "organisation"), *server;
	char title[256];
	size_t i;

	if (json_array_size(all))
		fputs("The organisation: not ready\n", f);
	print_findings(f, all);
	json_array_foreach(json_object_get(data, "servers"), i, server)
	{
		title_of(server, title, sizeof(title));
		print_text(f, title);
		print_findings(f, json_object_get(server, "findings"));
	}
}

/* --- the script
 * ---------------------------------------------------------------- */

/* What has to be run on the server itself stays a comment. */
static void script_findings(FILE *f, const json_t *findings)
{
	const json_t *finding;
	size_t i;

	json_array_foreach(findings, i, finding)
	{
		const char *cmdlet = text_of(finding, "cmdlet");
		bool local = json_is_true(json_object_get(finding, "local"));

		line(f, "# ", text_of(finding, "text"));
		if (*cmdlet)
			line(f, local ? "#   " : "", cmdlet);
	}
}

static int write_script(const char *path, const json_t *data)
{
	FILE *f = fopen(path, "w");
	const json_t *server;
	char title[256];
	size_t i;

	if (!f)
		return -errno;
	fputs("# What casgatectl preflight found, for the Exchange Management "
	      "Shell.\n# Read it before you run it.\n",
	      f);
	script_findings(f, json_object_get(data, "organisation"));
	json_array_foreach(json_object_get(data, "servers"), i, server)
	{
		fputc('\n', f);
		title_of(server, title, sizeof(title));
		line(f, "# ", title);
		script_findings(f, json_object_get(server, "findings"));
	}
	if (ferror(f) | fclose(f))
		return -EIO;
	return 0;
}

int report_preflight(const json_t *data, bool json, const char *script)
{
	int rc = script ? write_script(script, data) : 0;

	if (!json)
		print_report(stdout, data);
	if (rc) {
		fprintf(stderr, "casgatectl: %s: %s\n", script, strerror(-rc));
		return EXIT_REFUSED;
	}
	return json_is_true(json_object_get(data, "ready")) ? EXIT_DONE
							    : EXIT_REFUSED;
}
