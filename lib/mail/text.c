/* SPDX-License-Identifier: BSD-3-Clause */
/* text.c - writing, and looking at, what lines are made of. */
#include "mail/text.h"

void put_plain(struct bytes_writer *w, const struct mail_login *l)
{
	static const struct bytes nul = { (const uint8_t *)"", 1 };
	uint8_t plain[2 * MAIL_USER + MAIL_PASSWORD];
	struct bytes_writer p = { plain, 0, sizeof(plain), false };

	bytes_put(&p, BYTES(l->acts_as));
	bytes_put(&p, nul);
	bytes_put(&p, BYTES(l->user));
	bytes_put(&p, nul);
	bytes_put(&p, BYTES(l->password));
	bytes_put64(w, (struct bytes){ p.p, p.n });
	bytes_putf(w, "\r\n");
	mem_wipe(plain, sizeof(plain));
}

struct bytes text_line(struct bytes line)
{
	if (line.n && line.p[line.n - 1] == '\n')
		line.n--;
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

bool text_is_clean(struct bytes a)
{
	while (a.n) {
		size_t n = bytes_utf8(a);

		if (!n || a.p[0] < 0x20 || a.p[0] == 0x7f)
			return false;
		a = bytes_from(a, n);
	}
	return true;
}

bool text_is_ascii(const char *s)
{
	while (*s)
		if ((uint8_t)*s++ >= 0x80)
			return false;
	return true;
}

bool text_literal(struct bytes line, uint32_t *n, bool *waits)
{
	size_t from = line.n;
	uint64_t value;

	if (!line.n || line.p[line.n - 1] != '}')
		return false;
	while (from && line.p[from - 1] != '{')
		from--;
	if (!from)
		return false;
	line = bytes_from(line, from);
	line.n--;
	*waits = !line.n || line.p[line.n - 1] != '+';
	line.n -= !*waits;
	if (!bytes_u64(line, UINT64_MAX, &value))
		return false;
	*n = (uint32_t)min(value, (uint64_t)MAIL_COMMAND + 1);
	return true;
}

bool text_plain(struct bytes base64, struct mail_login *l)
{
	uint8_t plain[2 * MAIL_USER + MAIL_PASSWORD];
	long n = bytes_unbase64(base64, plain, sizeof(plain));
	struct bytes rest = { plain, n > 0 ? (size_t)n : 0 };
	struct bytes acts_as = bytes_cut(&rest, 0);
	struct bytes user = bytes_cut(&rest, 0);
	/* A NUL in the password is one too many. */
	bool ok = user.n && rest.n && text_is_clean(acts_as) &&
		  text_is_clean(user) && text_is_clean(rest) &&
		  bytes_str(acts_as, l->acts_as, sizeof(l->acts_as)) &&
		  bytes_str(user, l->user, sizeof(l->user)) &&
		  bytes_str(rest, l->password, sizeof(l->password));

	/* Who acts as himself does what everybody does. */
	if (ok && !strcmp(l->acts_as, l->user))
		l->acts_as[0] = '\0';
	mem_wipe(plain, sizeof(plain));
	return ok;
}
