/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * text.h - the few shapes of text that both sides of both protocols share.
 */
#pragma once

#include "mail/mail.h"

/* Base64 of a PLAIN message (RFC 4616 2), and the line's end. */
void put_plain(struct bytes_writer *w, const struct mail_login *l);

/* What no line of either protocol holds: NUL and other controls. */
static inline bool is_garbage(uint8_t c)
{
	return (c < 0x20 && c != '\r' && c != '\n') || c == 0x7f;
}

/* Without the CRLF, or LF, that it ends with. */
struct bytes text_line(struct bytes line);
/* UTF-8 without a control character? Then it may be a name or a password. */
bool text_is_clean(struct bytes a);
bool text_is_ascii(const char *s);
/* "{123}" or "{123+}" at the end of a line: a literal follows. At most
 * MAIL_COMMAND + 1 is told, which is too long for anything. */
bool text_literal(struct bytes line, uint32_t *n, bool *waits);
/* A PLAIN message in base64 (RFC 4616 2). */
bool text_plain(struct bytes base64, struct mail_login *l);

/* The two languages: one whole command, line ends and literals included. */
enum mail_turn pop_command(struct mail_client *c, struct bytes command,
			   struct bytes_writer *out);
enum mail_turn imap_command(struct mail_client *c, struct bytes command,
			    struct bytes_writer *out);
void imap_greet(const struct mail_client *c, struct bytes_writer *out);
/* May the literal that this part of a command ends with be sent? If not, that
 * was the answer to the command. */
bool imap_may_follow(struct mail_client *c, struct bytes command,
		     struct bytes_writer *out);
/* The reply to AUTHENTICATE PLAIN. */
enum mail_turn pop_plain(struct mail_client *c, struct bytes line,
			 struct bytes_writer *out);
enum mail_turn imap_plain(struct mail_client *c, struct bytes line,
			  struct bytes_writer *out);
