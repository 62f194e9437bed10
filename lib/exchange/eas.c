/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eas.c - what the query of an ActiveSync request says, in both of its forms:
 * "Cmd=Sync&User=...&DeviceId=...", or base64 of a packed structure
 * (MS-ASHTTP 2.2.1.1.1.1).
 */
#include "exchange/text.h"

#define PACKED_MAX 512 /* decoded */

#define TAG_USER 8

static const char *const commands[] = {
	[0] = "Sync",
	[1] = "SendMail",
	[2] = "SmartForward",
	[3] = "SmartReply",
	[4] = "GetAttachment",
	[9] = "FolderSync",
	[10] = "FolderCreate",
	[11] = "FolderDelete",
	[12] = "FolderUpdate",
	[13] = "MoveItems",
	[14] = "GetItemEstimate",
	[15] = "MeetingResponse",
	[16] = "Search",
	[17] = "Settings",
	[18] = "Ping",
	[19] = "ItemOperations",
	[20] = "Provision",
	[21] = "ResolveRecipients",
	[22] = "ValidateCert",
	[23] = "Find",
};

/* The first n bytes of *rest; false when there are not so many. */
static bool take(struct bytes *rest, size_t n, struct bytes *out)
{
	if (rest->n < n)
		return false;
	*out = bytes_upto(*rest, n);
	*rest = bytes_from(*rest, n);
	return true;
}

/* A length in one byte, and so many behind it. */
static bool take_text(struct bytes *rest, struct bytes *out)
{
	struct bytes length;

	return take(rest, 1, &length) && take(rest, length.p[0], out);
}

/* Whole and printable as it is. */
static bool keep(struct bytes text, char *dst, size_t cap)
{
	return bytes_eq(BYTES(exchange_printable(text, dst, cap)), text);
}

static bool read_packed(struct bytes rest, struct exchange_eas *out)
{
	struct bytes head, id, key, type, tag, value;

	if (!take(&rest, 4, &head) || !take_text(&rest, &id) ||
	    !take_text(&rest, &key) || (key.n && key.n != 4) ||
	    !take_text(&rest, &type))
		return false;
	out->version = head.p[0];
	if (head.p[1] < ARRAY_LEN(commands) && commands[head.p[1]])
		out->command = commands[head.p[1]];
	if (!id.n || !keep(id, out->device, sizeof(out->device)) ||
	    !keep(type, out->type, sizeof(out->type)))
		return false;
	while (take(&rest, 1, &tag)) {
		if (!take_text(&rest, &value))
			return false;
		if (tag.p[0] == TAG_USER &&
		    !keep(value, out->user, sizeof(out->user)))
			return false;
	}
	return true;
}

/* The name of a command as this file spells it, or "". */
static const char *known(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (commands[i] && bytes_ieq(BYTES(name), BYTES(commands[i])))
			return commands[i];
	return "";
}

bool exchange_eas_query(struct bytes query, struct exchange_eas *out)
{
	uint8_t packed[PACKED_MAX];
	char command[32];
	long n;

	*out = (struct exchange_eas){ .command = "" };
	if (text_query(query, "Cmd", command, sizeof(command))) {
		out->command = known(command);
		text_query(query, "DeviceId", out->device, sizeof(out->device));
		text_query(query, "DeviceType", out->type, sizeof(out->type));
		text_query(query, "User", out->user, sizeof(out->user));
		return true;
	}
	n = bytes_unbase64(query, packed, sizeof(packed));
	if (n > 0 && read_packed((struct bytes){ packed, (size_t)n }, out)) {
		out->base64 = true;
		return true;
	}
	*out = (struct exchange_eas){ .command = "" };
	return false;
}
