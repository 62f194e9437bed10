/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * help.c - the table of commands for people, for man(1) and for bash.
 */
#include "control/control.h"

#include <string.h>

#define NAME_WIDTH 25

/* "WHO", "[FILE]", "--user USER", "[--alias ALIAS]...". */
static size_t put_arg(const struct control_arg *a, char *dst, size_t cap)
{
	bool need = a->flags & CONTROL_REQUIRED;
	char upper[64];
	size_t n = 0;

	for (; a->name[n] && n + 1 < sizeof(upper); n++)
		upper[n] = (char)(a->name[n] >= 'a' && a->name[n] <= 'z'
					  ? a->name[n] - 32
					  : a->name[n]);
	upper[n] = '\0';
	return (size_t)snprintf(
		dst, cap, " %s%s%s%s%s%s%s", need ? "" : "[",
		a->flags & CONTROL_OPTION ? "--" : "",
		a->flags & CONTROL_OPTION ? a->name : "",
		a->flags & CONTROL_OPTION && !control_is_bare(a) ? " " : "",
		control_is_bare(a) ? "" : upper, need ? "" : "]",
		a->type == CONTROL_TEXTS ? "..." : "");
}

char *control_usage(const struct control_spec *spec, char *dst, size_t cap)
{
	size_t n = (size_t)snprintf(dst, cap, "%s", spec->name);

	for (const struct control_arg *a = spec->args; a->name && n < cap; a++)
		n += put_arg(a, dst + n, cap - n);
	return dst;
}

void control_print_help(FILE *f)
{
	for (unsigned i = 0; i < CONTROL_COMMAND_COUNT; i++) {
		const struct control_spec *s = control_spec(i);

		fprintf(f, "  %-*s%s\n", NAME_WIDTH, s->name, s->help);
	}
}

static const char *dashes(const struct control_arg *a)
{
	return a->flags & CONTROL_OPTION ? "--" : "";
}

void control_print_command(const struct control_spec *spec, FILE *f)
{
	char usage[2048];
	size_t width = 16;

	for (const struct control_arg *a = spec->args; a->name; a++)
		width = max(width, strlen(dashes(a)) + strlen(a->name));

	fprintf(f, "%s\n\n%s\n", control_usage(spec, usage, sizeof(usage)),
		spec->help);
	if (spec->args->name)
		fputc('\n', f);
	for (const struct control_arg *a = spec->args; a->name; a++) {
		fprintf(f, "  %s%-*s%s", dashes(a),
			(int)(width + 2 - strlen(dashes(a))), a->name, a->help);
		if (a->words)
			fprintf(f, ": %s", a->words);
		fputc('\n', f);
	}
}

/* roff(7): a hyphen that is to be typed is \-. */
static void put_roff(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '-')
			fputs("\\-", f);
		else if (*s == '\\')
			fputs("\\e", f);
		else
			fputc(*s, f);
	}
}

void control_print_man(FILE *f)
{
	char usage[2048];

	for (unsigned i = 0; i < CONTROL_COMMAND_COUNT; i++) {
		const struct control_spec *s = control_spec(i);

		fputs(".TP\n.B ", f);
		put_roff(f, control_usage(s, usage, sizeof(usage)));
		fputc('\n', f);
		put_roff(f, s->help);
		fputs(".\n", f);
		for (const struct control_arg *a = s->args; a->name; a++) {
			fputs(".br\n.I ", f);
			put_roff(f, dashes(a));
			put_roff(f, a->name);
			fputc('\n', f);
			put_roff(f, a->help);
			if (a->words) {
				fputs(": ", f);
				put_roff(f, a->words);
			}
			fputc('\n', f);
		}
	}
}

/* --- bash ---------------------------------------------------------------- */

static bool has_space(const char *s)
{
	return strchr(s, ' ') != NULL;
}

/* First words of all commands, each once. */
static void put_nouns(FILE *f)
{
	const char *last = "";

	for (unsigned i = 0; i < CONTROL_COMMAND_COUNT; i++) {
		const char *name = control_spec(i)->name;
		size_t n = strcspn(name, " ");

		/* commands.def keeps a noun's verbs together. */
		if (strcspn(last, " ") != n || strncmp(last, name, n))
			fprintf(f, "%.*s ", (int)n, name);
		last = name;
	}
}

static void put_verbs(FILE *f)
{
	for (unsigned i = 0; i < CONTROL_COMMAND_COUNT; i++) {
		const char *name = control_spec(i)->name;
		size_t n = strcspn(name, " ");
		const char *next = i + 1 < CONTROL_COMMAND_COUNT
					   ? control_spec(i + 1)->name
					   : "";
		const char *before = i ? control_spec(i - 1)->name : "";

		if (!has_space(name))
			continue;
		if (strncmp(before, name, n + 1))
			fprintf(f, "\t\"%.*s\") words=\"", (int)n, name);
		fprintf(f, "%s ", name + n + 1);
		if (strncmp(next, name, n + 1))
			fputs("\" ;;\n", f);
	}
}

/* What may follow a whole command: options, words of its first argument. */
static void put_arguments(FILE *f)
{
	for (unsigned i = 0; i < CONTROL_COMMAND_COUNT; i++) {
		const struct control_spec *s = control_spec(i);

		if (!s->args->name)
			continue;
		fprintf(f, "\t\"%s\"*) words=\"", s->name);
		for (const struct control_arg *a = s->args; a->name; a++) {
			if (a->flags & CONTROL_OPTION)
				fprintf(f, "--%s ", a->name);
			for (const char *w = a->words;
			     w && *w && !(a->flags & CONTROL_OPTION); w++)
				fputc(*w == '|' ? ' ' : *w, f);
		}
		fputs("\" ;;\n", f);
	}
}

static void put_values(FILE *f)
{
	for (unsigned i = 0; i < CONTROL_COMMAND_COUNT; i++) {
		const struct control_spec *s = control_spec(i);

		for (const struct control_arg *a = s->args; a->name; a++) {
			if (!a->words || !(a->flags & CONTROL_OPTION))
				continue;
			fprintf(f, "\t--%s) words=\"", a->name);
			for (const char *w = a->words; *w; w++)
				fputc(*w == '|' ? ' ' : *w, f);
			fputs("\" ;;\n", f);
		}
	}
}

void control_print_completion(FILE *f, const char *program)
{
	fprintf(f,
		"# bash completion of %s, made by `%s completion bash`\n"
		"_%s() {\n"
		"    local cur=${COMP_WORDS[COMP_CWORD]}\n"
		"    local prev=${COMP_WORDS[COMP_CWORD-1]}\n"
		"    local words=\"\" typed=\"\" i\n"
		"    for ((i = 1; i < COMP_CWORD; i++)); do\n"
		"        case ${COMP_WORDS[i]} in\n"
		"        --socket) ((i++)) ;;\n"
		"        -*) ;;\n"
		"        *) typed+=\"${typed:+ }${COMP_WORDS[i]}\" ;;\n"
		"        esac\n"
		"    done\n"
		"    typed=${typed#help }\n"
		"    [[ $typed == help ]] && typed=\"\"\n"
		"    case $typed in\n"
		"\t\"\") words=\"",
		program, program, program);
	put_nouns(f);
	fputs("help completion --json --socket --version\" ;;\n", f);
	put_verbs(f);
	put_arguments(f);
	fputs("    esac\n    case $prev in\n", f);
	put_values(f);
	fprintf(f,
		"    esac\n"
		"    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
		"    [[ ${#COMPREPLY[@]} -eq 0 ]] &&\n"
		"        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
		"    return 0\n"
		"}\n"
		"complete -F _%s %s\n",
		program, program);
}
