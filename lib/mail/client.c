/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client.c - where a client's command ends, and what becomes of it whichever
 * language it is in.
 */
#include "mail/text.h"

void mail_login_wipe(struct mail_login *l)
{
	mem_wipe(l, sizeof(*l));
}

void mail_client_init(struct mail_client *c, enum mail_protocol protocol,
		      bool secure)
{
	*c = (struct mail_client){ .protocol = protocol, .secure = secure };
}

void mail_client_secured(struct mail_client *c)
{
	c->secure = true;
	c->plain = false;
	mail_login_wipe(&c->login);
}

void mail_client_greet(const struct mail_client *c, struct bytes_writer *out)
{
	if (c->protocol == MAIL_IMAP)
		imap_greet(c, out);
	else
		bytes_putf(out, "+OK The POP3 service is ready.\r\n");
}

bool mail_client_denied(struct mail_client *c)
{
	return ++c->failures >= MAIL_FAILURES;
}

void mail_client_unavailable(const struct mail_client *c, const char *why,
			     struct bytes_writer *out)
{
	if (c->protocol == MAIL_POP)
		bytes_putf(out, "-ERR [SYS/TEMP] %.700s\r\n", why);
	else
		bytes_putf(out, "%s NO [UNAVAILABLE] %.700s\r\n", c->login.tag,
			   why);
}

void mail_client_bye(const struct mail_client *c, const char *why,
		     struct bytes_writer *out)
{
	bytes_putf(out, "%s %.700s\r\n",
		   c->protocol == MAIL_POP ? "-ERR" : "* BYE", why);
}

static enum mail_turn refuse(const struct mail_client *c, const char *why,
			     struct bytes_writer *out)
{
	mail_client_bye(c, why, out);
	return MAIL_REFUSED;
}

/* Look on for the end of the line under way; false: it is not there yet. */
static bool find_end(struct mail_client *c, struct bytes in, bool *garbage)
{
	*garbage = false;
	for (; c->at < in.n && c->at <= MAIL_COMMAND; c->at++) {
		if (is_garbage(in.p[c->at])) {
			*garbage = true;
			return false;
		}
		if (in.p[c->at] != '\n')
			continue;
		c->at++;
		return true;
	}
	return false;
}

/* A carriage return stands before a line feed and nowhere else, and all of it
 * is text: a literal, too, can be nothing but a name or a password here. */
static bool is_text(struct bytes command)
{
	while (command.n) {
		size_t end = bytes_find(command, '\n');

		if (!text_is_clean(text_line(
			    bytes_upto(command, min(end + 1, command.n)))))
			return false;
		command = bytes_from(command, end + 1);
	}
	return true;
}

static void command_over(struct mail_client *c)
{
	c->at = c->line = 0;
}

/* The line from c->line to c->at is complete. Goes on behind a literal that it
 * announces; MAIL_LOGIN stands for "the command is whole". */
static enum mail_turn line_over(struct mail_client *c, struct bytes in,
				size_t *used, struct bytes_writer *out)
{
	struct bytes line =
		text_line(bytes_from(bytes_upto(in, c->at), c->line));
	uint32_t n;
	bool waits;

	if (c->protocol == MAIL_POP || c->plain ||
	    !text_literal(line, &n, &waits))
		return MAIL_LOGIN;
	if (c->at + n > MAIL_COMMAND)
		return refuse(c, "The command is too long.", out);
	if (!imap_may_follow(c, bytes_upto(in, c->at), out)) {
		/* What was sent without asking cannot be told from commands
		 * in the end: better none of it is. */
		*used = c->at;
		command_over(c);
		return waits && ++c->commands <= MAIL_COMMANDS ? MAIL_GO_ON
							       : MAIL_REFUSED;
	}
	if (waits)
		bytes_putf(out, "+ Ready for the rest.\r\n");
	c->at += n;
	c->line = c->at;
	return MAIL_GO_ON;
}

static enum mail_turn obey(struct mail_client *c, struct bytes command,
			   struct bytes_writer *out)
{
	bool pop = c->protocol == MAIL_POP;

	if (!is_text(command))
		return refuse(c, "That is not text.", out);
	if (c->plain) {
		c->plain = false;
		return pop ? pop_plain(c, text_line(command), out)
			   : imap_plain(c, text_line(command), out);
	}
	if (++c->commands > MAIL_COMMANDS)
		return refuse(c, "Too many commands before the login.", out);
	return pop ? pop_command(c, command, out)
		   : imap_command(c, command, out);
}

enum mail_turn mail_client_next(struct mail_client *c, struct bytes in,
				size_t *used, struct bytes_writer *out)
{
	enum mail_turn turn;
	bool garbage;

	*used = 0;
	if (!find_end(c, in, &garbage)) {
		if (garbage)
			return refuse(c, "That is not text.", out);
		if (in.n > MAIL_COMMAND)
			return refuse(c, "The command is too long.", out);
		return MAIL_MORE;
	}
	if (c->at > MAIL_COMMAND)
		return refuse(c, "The command is too long.", out);
	turn = line_over(c, in, used, out);
	if (turn != MAIL_LOGIN)
		return turn;
	*used = c->at;
	command_over(c);
	turn = obey(c, bytes_upto(in, *used), out);
	/* Nobody can know that the answer will be "go ahead": who speaks on is
	 * somebody else, who wants his words to be taken for the client's when
	 * TLS is there (CVE-2011-0411). */
	if (turn == MAIL_TLS && *used < in.n)
		return MAIL_INJECTED;
	return turn;
}
