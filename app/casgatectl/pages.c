/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pages.c - usage and man pages, around what the tables say.
 */
#include "casgatectl.h"

#include "conf/conf.h"

static const char usage[] =
	"usage: casgatectl [--socket PATH] [--json] COMMAND [ARGUMENT...]\n"
	"       casgatectl help [COMMAND]\n"
	"       casgatectl completion bash\n"
	"\n"
	"  --socket PATH    the daemon's control socket (" CONTROL_SOCKET ")\n"
	"  --json           print replies as JSON, one line each\n"
	"  --list-commands  every command, a line each\n"
	"  --help-config    every setting of casgate.yaml\n"
	"  --version        this program's version\n"
	"\n"
	"commands:\n";

void print_usage(FILE *f)
{
	fputs(usage, f);
	control_print_help(f);
}

static const char man_head[] =
	".TH CASGATECTL 1 \"\" \"casgate " CASGATE_VERSION "\" \"casgate\"\n"
	".SH NAME\n"
	"casgatectl \\- steer a running casgate\n"
	".SH SYNOPSIS\n"
	".B casgatectl\n"
	"[\\fB\\-\\-socket\\fR \\fIPATH\\fR] [\\fB\\-\\-json\\fR]\n"
	".I COMMAND\n"
	"[\\fIARGUMENT\\fR...]\n"
	".br\n"
	".B casgatectl help\n"
	"[\\fICOMMAND\\fR]\n"
	".br\n"
	".B casgatectl completion bash\n"
	".SH DESCRIPTION\n"
	"casgatectl sends one command to the daemon over its control socket\n"
	"and prints the reply: a table for people, or JSON with\n"
	"\\fB\\-\\-json\\fR. Options may stand before or behind the command;\n"
	"behind \\fB\\-\\-\\fR everything is an argument.\n"
	".SH OPTIONS\n"
	".TP\n.BI \\-\\-socket \" PATH\"\n"
	"The daemon's control socket, \\fI" CONTROL_SOCKET "\\fR by default\n"
	"(\\fIappliance.control\\-socket\\fR in its configuration).\n"
	".TP\n.B \\-\\-json\n"
	"Print the reply as one line of JSON. A refusal is printed too, as\n"
	"{\"ok\":false,\"code\":\"...\",\"error\":\"...\"}.\n"
	".TP\n.B \\-\\-list\\-commands\n"
	"Print the name of every command.\n"
	".TP\n.B \\-\\-help\\-config\n"
	"Print every setting of casgate.yaml with type, range, default, and\n"
	"whether a reload may change it.\n"
	".TP\n.B \\-\\-version\n"
	"Print this program's version; \\fBversion\\fR asks for the daemon's.\n"
	".SH COMMANDS\n";

static const char man_tail[] =
	".SH EXIT STATUS\n"
	".TP\n.B 0\nDone.\n"
	".TP\n.B 1\nThe daemon refused, or tried and failed; the reason is on\n"
	"standard error. Of \\fBpreflight\\fR: something is not ready; of\n"
	"\\fBconfig check\\fR: the file is not usable.\n"
	".TP\n.B 2\nNot a command, or bad arguments.\n"
	".TP\n.B 3\nNo daemon could be asked.\n"
	".SH FILES\n"
	".TP\n.I " CONTROL_SOCKET
	"\nThe control socket. It belongs to root and\n"
	"to the group that \\fIappliance.control\\-group\\fR names.\n"
	".TP\n.I /etc/casgate/casgate.yaml\nThe daemon's configuration.\n"
	".SH EXAMPLES\n"
	".nf\n"
	"casgatectl mailbox move anna@contoso.com EX13\n"
	"casgatectl route explain \\-\\-user CONTOSO\\e\\eanna "
	"\\-\\-protocol owa\n"
	"casgatectl \\-\\-json stats \\-\\-filter tcp.\n"
	".fi\n"
	".SH SEE ALSO\n"
	".BR casgate.yaml (5),\n"
	".BR casgate (8)\n";

void print_man(FILE *f)
{
	fputs(man_head, f);
	control_print_man(f);
	fputs(man_tail, f);
}

static const char man_config_head[] =
	".TH CASGATE.YAML 5 \"\" \"casgate " CASGATE_VERSION "\" \"casgate\"\n"
	".SH NAME\n"
	"casgate.yaml \\- configuration of casgate\n"
	".SH DESCRIPTION\n"
	"One YAML document of plain mappings and lists: no anchors, aliases\n"
	"or tags. Sizes carry k, M, G or T (powers of 1024), times us, ms, s,\n"
	"m, h or d. Relative file names count from the directory of the file.\n"
	".PP\n"
	"Every error of a file is told at once, with line and column, by\n"
	"\\fBcasgate \\-\\-check\\fR and \\fBcasgatectl config check\\fR.\n"
	"\\fBcasgatectl config reload\\fR takes all of a file, or nothing. It\n"
	"is refused when a setting marked\n.I restart\n"
	"differs from what the daemon was started with.\n"
	".SH SETTINGS\n"
	"[] stands for each item of a list.\n";

void print_man_config(FILE *f)
{
	fputs(man_config_head, f);
	conf_print_man(f);
	fputs(".SH SEE ALSO\n.BR casgate (8),\n.BR casgatectl (1)\n", f);
}
