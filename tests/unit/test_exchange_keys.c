/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_exchange_keys.c - which words of a request name the mailbox, and in
 * which order they are believed.
 */
#include "unit.h"

#include "exchange/exchange.h"

#define GUID "0123a567-89ab-cdef-0123-456789abcdef"
#define POX(s)                                                                 \
	"<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns="       \
	"\"http://schemas.microsoft.com/exchange/autodiscover/outlook/"        \
	"requestschema/2006\"><Request>" s                                     \
	"<AcceptableResponseSchema>x</AcceptableResponseSchema></Request>"     \
	"</Autodiscover>"

struct row {
	enum exchange_protocol protocol;
	const char *path, *query, *user, *anchor, *public_folder, *body;
	const char *keys; /* "word=text word=text" */
	const char *form, *remembered; /* a form's user */
};

static struct bytes opt(const char *s)
{
	return s ? BYTES(s) : BYTES_NONE;
}

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct row *w = &rows[i];
		struct exchange_form form = { 0 };
		const struct exchange_request r = {
			.protocol = w->protocol,
			.path = opt(w->path),
			.query = opt(w->query),
			.user = opt(w->user),
			.anchor = opt(w->anchor),
			.public_folder = opt(w->public_folder),
			.body = opt(w->body),
			.form = w->form ? &form : NULL,
			.remembered = opt(w->remembered),
		};
		struct exchange_keys k;
		char got[4096] = "";
		size_t at = 0;

		if (w->form)
			assert_true(bytes_str(BYTES(w->form), form.user,
					      sizeof(form.user)));

		exchange_keys(&r, &k);
		for (unsigned j = 0; j < k.n; j++)
			at += (size_t)snprintf(got + at, sizeof(got) - at,
					       "%s%s=%s", j ? " " : "",
					       exchange_key_word(k.key[j].kind),
					       k.key[j].text);
		if (strcmp(got, w->keys) != 0)
			fail_msg("row %zu: wanted '%s', got '%s'", i, w->keys,
				 got);
	}
}

/* The target in the query decides, not the user. */
static void outlook_anywhere(void **state)
{
	static const struct row rows[] = {
		{ EXCHANGE_RPC, .query = GUID "@contoso.com:6001",
		  .user = "CONTOSO\\alice",
		  .keys = "MailboxGuidWithDomain=" GUID
			  " BasicUserName=CONTOSO\\alice" },
		{ EXCHANGE_RPC, .query = GUID "%40contoso.com:6001",
		  .user = "alice",
		  .keys = "MailboxGuidWithDomain=" GUID
			  " BasicUserName=alice" },
		{ EXCHANGE_RPC, .query = "{" GUID "}@contoso.com:6001",
		  .keys = "MailboxGuidWithDomain=" GUID },
		{ EXCHANGE_RPC, .query = "ex10.contoso.com:6001",
		  .user = "alice",
		  .keys = "ServerInQuery=ex10.contoso.com "
			  "BasicUserName=alice" },
		{ EXCHANGE_RPC, .query = "EX07:6004", .user = "alice",
		  .keys = "ServerInQuery=EX07 BasicUserName=alice" },
		{ EXCHANGE_RPC, .query = "ex10.contoso.com", .user = "alice",
		  .keys = "ServerInQuery=ex10.contoso.com "
			  "BasicUserName=alice" },
		/* a user may be called like the server */
		{ EXCHANGE_RPC, .query = "alice:6001", .user = "alice",
		  .keys = "ServerInQuery=alice BasicUserName=alice" },
		/* loopback or empty: the caller */
		{ EXCHANGE_RPC, .query = "localhost:6001", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_RPC, .query = "LOCALHOST", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_RPC, .query = "127.0.0.1:6001", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_RPC, .query = "[::1]:6001", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_RPC, .query = "[::1]", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_RPC, .query = "", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_RPC, .query = ":6001", .user = "alice",
		  .keys = "BasicUserName=alice" },
		/* what is no name is no key */
		{ EXCHANGE_RPC, .query = "ex10:port", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_RPC, .query = "ex10:70000", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_RPC, .query = "ex10:", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_RPC, .query = "ex10/x:6001", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_RPC, .query = "ex10%00:6001", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_RPC, .query = "ex10%4:6001", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_RPC, .query = "a@b@c:6001", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_RPC, .query = "bob@contoso.com:6001",
		  .user = "alice", .keys = "BasicUserName=alice" },
	};

	check(rows, ARRAY_LEN(rows));
}

/* Unknown or ambiguous falls back to the caller. */
static void anchors(void **state)
{
	static const struct row rows[] = {
		{ EXCHANGE_EWS, .anchor = "room1@contoso.com", .user = "alice",
		  .keys = "AnchorMailboxHeader=room1@contoso.com "
			  "BasicUserName=alice" },
		{ EXCHANGE_EWS, .anchor = "SMTP:room1@contoso.com",
		  .keys = "AnchorMailboxHeader=room1@contoso.com" },
		{ EXCHANGE_EWS, .anchor = " smtp:room1@contoso.com ",
		  .keys = "AnchorMailboxHeader=room1@contoso.com" },
		{ EXCHANGE_EWS, .anchor = "UPN:alice@contoso.com",
		  .keys = "AnchorMailboxHeader=alice@contoso.com" },
		{ EXCHANGE_EWS, .anchor = GUID "@contoso.com",
		  .keys = "AnchorMailboxHeader=" GUID },
		{ EXCHANGE_EWS, .anchor = "pf@contoso.com",
		  .public_folder = GUID "@contoso.com", .user = "alice",
		  .keys = "AnchorMailboxHeader=pf@contoso.com "
			  "PublicFolderMailboxHeader=" GUID
			  " BasicUserName=alice" },
		/* the same mailbox once */
		{ EXCHANGE_EWS, .anchor = "Alice@contoso.com",
		  .user = "alice@Contoso.com",
		  .keys = "AnchorMailboxHeader=Alice@contoso.com" },
		{ EXCHANGE_EWS, .anchor = "SID:S-1-5-21-1-2-3-1104",
		  .user = "alice", .keys = "BasicUserName=alice" },
		{ EXCHANGE_EWS, .anchor = "OID:" GUID "@contoso.com",
		  .user = "alice", .keys = "BasicUserName=alice" },
		{ EXCHANGE_EWS, .anchor = "Database~" GUID, .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_EWS, .anchor = "a@contoso.com,b@contoso.com",
		  .user = "alice", .keys = "BasicUserName=alice" },
		{ EXCHANGE_EWS, .anchor = "bob", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_EWS, .anchor = "", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_RPC, .query = "ex10:6001",
		  .anchor = "bob@contoso.com", .user = "alice",
		  .keys = "ServerInQuery=ex10 "
			  "AnchorMailboxHeader=bob@contoso.com "
			  "BasicUserName=alice" },
	};

	check(rows, ARRAY_LEN(rows));
}

static void mapi(void **state)
{
	static const struct row rows[] = {
		{ EXCHANGE_MAPI, .path = "/mapi/emsmdb/",
		  .query = "MailboxId=" GUID "@contoso.com", .user = "alice",
		  .keys = "MailboxGuidWithDomain=" GUID
			  " BasicUserName=alice" },
		{ EXCHANGE_MAPI, .query = "x=1&mailboxid=" GUID,
		  .keys = "MailboxGuidWithDomain=" GUID },
		{ EXCHANGE_MAPI, .query = "useMailboxOfAuthenticatedUser=true",
		  .user = "alice", .keys = "BasicUserName=alice" },
		{ EXCHANGE_MAPI, .query = "MailboxId=alice%40contoso.com",
		  .keys = "UserInQuery=alice@contoso.com" },
		/* twice is ambiguous */
		{ EXCHANGE_MAPI,
		  .query = "MailboxId=a@contoso.com&MailboxId=b@contoso.com",
		  .user = "alice", .keys = "BasicUserName=alice" },
		{ EXCHANGE_MAPI, .query = "MailboxId=", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_MAPI, .query = "MailboxId=%0a", .user = "alice",
		  .keys = "BasicUserName=alice" },
	};

	check(rows, ARRAY_LEN(rows));
}

/* The caller, and without one what the query says. */
static void activesync(void **state)
{
	static const struct row rows[] = {
		{ EXCHANGE_EAS,
		  .query = "Cmd=Sync&User=CONTOSO%5Cbob&DeviceId=1",
		  .user = "CONTOSO\\alice",
		  .keys = "BasicUserName=CONTOSO\\alice "
			  "UserInQuery=CONTOSO\\bob" },
		{ EXCHANGE_EAS, .query = "Cmd=Sync&User=alice+x%40contoso.com",
		  .keys = "UserInQuery=alice+x@contoso.com" },
		{ EXCHANGE_EAS, .query = "Cmd=Sync&User=alice", .user = "ALICE",
		  .keys = "BasicUserName=ALICE" },
		/* base64 holds no user */
		{ EXCHANGE_EAS, .query = "jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l",
		  .user = "alice", .keys = "BasicUserName=alice" },
		{ EXCHANGE_EAS, .query = "jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l",
		  .keys = "" },
		/* a device speaks for its own user */
		{ EXCHANGE_EAS, .anchor = "bob@contoso.com", .user = "alice",
		  .keys = "BasicUserName=alice" },
	};

	check(rows, ARRAY_LEN(rows));
}

static void explicit_logon(void **state)
{
	static const struct row rows[] = {
		{ EXCHANGE_OWA, "/owa/room1@contoso.com/", .user = "alice",
		  .keys = "ExplicitLogon-SMTP=room1@contoso.com "
			  "BasicUserName=alice" },
		{ EXCHANGE_OWA, "/owa/room1@contoso.com", .user = "alice",
		  .keys = "ExplicitLogon-SMTP=room1@contoso.com "
			  "BasicUserName=alice" },
		{ EXCHANGE_ECP, "/ecp/room1@contoso.com/x.aspx",
		  .keys = "ExplicitLogon-SMTP=room1@contoso.com" },
		{ EXCHANGE_OWA, "/owa/" GUID "@contoso.com/x",
		  .keys = "MailboxGuidWithDomain=" GUID },
		{ EXCHANGE_OWA,
		  "/owa/calendar/room1@contoso.com/Calendar/calendar.html",
		  .keys = "ExplicitLogon-SMTP=room1@contoso.com" },
		{ EXCHANGE_OWA, "/owa/", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_OWA, "/owa", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_OWA, "/owa/contoso.com/", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_OWA, "/owa/@contoso.com/", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_OWA, "/owa/a%b@contoso.com/", .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_OWA, "/owa/", .user = "\\alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_OWA, "/owa/", .user = "al\rice", .keys = "" },
		{ EXCHANGE_EWS, "/EWS/room1@contoso.com/", .user = "alice",
		  .keys = "BasicUserName=alice" },
	};

	check(rows, ARRAY_LEN(rows));
}

/* Who logs on by a form says so himself; who did is remembered, and that is
 * the weakest word of all. */
static void forms(void **state)
{
	static const struct row rows[] = {
		{ EXCHANGE_OWA, "/owa/auth.owa", .form = "CONTOSO\\alice",
		  .keys = "FormUserName=CONTOSO\\alice" },
		{ EXCHANGE_OWA, "/owa/auth.owa", .form = " \\alice ",
		  .keys = "FormUserName=alice" },
		{ EXCHANGE_OWA, "/owa/auth.owa", .form = "alice",
		  .anchor = "bob@contoso.com", .user = "carol",
		  .keys = "FormUserName=alice "
			  "AnchorMailboxHeader=bob@contoso.com "
			  "BasicUserName=carol" },
		{ EXCHANGE_ECP, "/ecp/auth.owa", .form = "alice",
		  .keys = "FormUserName=alice" },
		{ EXCHANGE_OWA, "/owa/", .remembered = "alice",
		  .keys = "LogonCookie=alice" },
		{ EXCHANGE_OWA, "/owa/room1@contoso.com/", .user = "bob",
		  .remembered = "alice",
		  .keys = "ExplicitLogon-SMTP=room1@contoso.com "
			  "BasicUserName=bob LogonCookie=alice" },
		{ EXCHANGE_ECP, "/ecp/", .user = "alice", .remembered = "Alice",
		  .keys = "BasicUserName=alice" },
	};

	check(rows, ARRAY_LEN(rows));
}

/* Whose mailbox a mail client opens stands in its user name. */
static void mail(void **state)
{
	static const struct row rows[] = {
		{ EXCHANGE_IMAP, .user = "alice@contoso.com",
		  .keys = "BasicUserName=alice@contoso.com" },
		{ EXCHANGE_IMAP, .user = "CONTOSO\\alice",
		  .keys = "BasicUserName=CONTOSO\\alice" },
		{ EXCHANGE_POP, .user = "contoso/alice",
		  .keys = "BasicUserName=contoso\\alice" },
		{ EXCHANGE_POP, .user = "contoso/alice/shared",
		  .keys = "BasicUserName=shared" },
		{ EXCHANGE_POP, .user = "contoso\\alice\\shared",
		  .keys = "BasicUserName=shared" },
		{ EXCHANGE_IMAP, .user = "alice@contoso.com/shared",
		  .keys = "BasicUserName=shared" },
		{ EXCHANGE_IMAP, .user = "a/b/c/d",
		  .keys = "BasicUserName=a/b/c/d" },
		{ EXCHANGE_IMAP, .user = "alice",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_IMAP, .user = "a/b/", .keys = "" },
		{ EXCHANGE_IMAP, .keys = "" },
		/* nothing but the user counts */
		{ EXCHANGE_IMAP, .user = "alice", .anchor = "bob@contoso.com",
		  .query = "User=bob", .keys = "BasicUserName=alice" },
	};

	check(rows, ARRAY_LEN(rows));
}

/* The address asked for is the key before the caller.
 */
static void autodiscover(void **state)
{
#define ALICE_BOB                                                              \
	"EmailAddressInRequestBody=bob@contoso.com BasicUserName=alice"
	static const struct row rows[] = {
		{ EXCHANGE_AUTODISCOVER, .user = "alice",
		  .body = POX("<EMailAddress>bob@contoso.com</EMailAddress>"),
		  .keys = ALICE_BOB },
		{ EXCHANGE_AUTODISCOVER, .user = "alice",
		  .body = POX("<r:EMailAddress\txmlns:r='x>y' >\r\n "
			      "bob@contoso.com\n</r:EMailAddress >"),
		  .keys = ALICE_BOB },
		{ EXCHANGE_AUTODISCOVER, .user = "alice",
		  .body = POX("<!-- <EMailAddress>eve@x.com</EMailAddress> -->"
			      "<EMailAddress>bob@contoso.com</EMailAddress>"
			      "<EMailAddress>eve@x.com</EMailAddress>"),
		  .keys = ALICE_BOB },
		{ EXCHANGE_AUTODISCOVER, .user = "alice",
		  .anchor = "carol@contoso.com",
		  .body = POX("<EMailAddress>bob@contoso.com</EMailAddress>"),
		  .keys = "AnchorMailboxHeader=carol@contoso.com " ALICE_BOB },
		{ EXCHANGE_AUTODISCOVER, .user = "alice",
		  .body = POX("<LegacyDN>/o=Contoso/ou=Exchange Administrative"
			      " Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=bob"
			      "</LegacyDN>"),
		  .keys = "EmailAddressInRequestBody=/o=Contoso/ou=Exchange "
			  "Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients"
			  "/cn=bob BasicUserName=alice" },
		{ EXCHANGE_AUTODISCOVER, .user = "alice",
		  .body = "<s:Envelope><a:User><a:Mailbox>bob@contoso.com"
			  "</a:Mailbox></a:User><a:User><a:Mailbox>"
			  "carol@contoso.com</a:Mailbox></a:User></s:Envelope>",
		  .keys = ALICE_BOB },
		/* V2 */
		{ EXCHANGE_AUTODISCOVER,
		  "/autodiscover/autodiscover.json/v1.0/bob@contoso.com",
		  .query = "Protocol=ActiveSync",
		  .keys = "ExplicitLogon-SMTP=bob@contoso.com" },
		{ EXCHANGE_AUTODISCOVER, "/autodiscover/autodiscover.json",
		  .query = "Email=bob%40contoso.com&Protocol=EWS",
		  .keys = "UserInQuery=bob@contoso.com" },
		/* ProxyShell's form names nobody */
		{ EXCHANGE_AUTODISCOVER, "/autodiscover/autodiscover.json",
		  .query = "@evil.com/owa/?&Email=autodiscover/"
			   "autodiscover.json%3f@evil.com",
		  .user = "alice", .keys = "BasicUserName=alice" },
		/* cut off, closing, empty, encoded, no address: nothing */
		{ EXCHANGE_AUTODISCOVER, .user = "alice",
		  .body = "<EMailAddress>bob@contoso.co",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_AUTODISCOVER, .user = "alice",
		  .body = POX("</r:EMailAddress>bob@contoso.com"
			      "<EMailAddress/>bob@contoso.com"),
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_AUTODISCOVER, .user = "alice",
		  .body = POX("<EMailAddress>bob&#64;contoso.com"
			      "</EMailAddress>"),
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_AUTODISCOVER, .user = "alice",
		  .body = POX("<EMailAddressX>bob@contoso.com"
			      "</EMailAddressX>"),
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_AUTODISCOVER, .user = "alice",
		  .body = POX("<EMailAddress>bob</EMailAddress>"),
		  .keys = "BasicUserName=alice" },
		/* no document types, no entities, no CDATA */
		{ EXCHANGE_AUTODISCOVER, .user = "alice",
		  .body = "<!DOCTYPE a [<!ENTITY b 'bob@contoso.com'>]>" POX(
			  "<EMailAddress>bob@contoso.com</EMailAddress>"),
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_AUTODISCOVER, .user = "alice",
		  .body = POX("<EMailAddress>bob@contoso.com</EMailAddress>"
			      "<a><![CDATA[x]]></a>"),
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_AUTODISCOVER, .user = "alice", .body = "<",
		  .keys = "BasicUserName=alice" },
		{ EXCHANGE_AUTODISCOVER, .user = "alice", .body = "<!--",
		  .keys = "BasicUserName=alice" },
		/* a body counts for Autodiscover alone */
		{ EXCHANGE_EWS, .user = "alice",
		  .body = POX("<EMailAddress>bob@contoso.com</EMailAddress>"),
		  .keys = "BasicUserName=alice" },
	};

	check(rows, ARRAY_LEN(rows));
}

/* 32 KiB are looked at, and not a byte more. */
static void long_body(void **state)
{
	static const char tag[] = "<EMailAddress>bob@contoso.com<";
	const size_t limit = 32768, last = limit - (sizeof(tag) - 1);
	char *body = malloc(limit + 64);
	struct exchange_request r = { .protocol = EXCHANGE_AUTODISCOVER };
	struct exchange_keys k;

	for (size_t at = last; at <= last + 1; at++) {
		memset(body, ' ', limit + 64);
		memcpy(body + at, tag, sizeof(tag) - 1);
		r.body = (struct bytes){ (uint8_t *)body, limit + 64 };
		exchange_keys(&r, &k);
		assert_int_equal(k.n, at == last);
	}
	free(body);
}

/* Too long for a key is no key; one byte less is. */
static void long_keys(void **state)
{
	char user[EXCHANGE_KEY + 2];
	struct exchange_request r = { .protocol = EXCHANGE_OWA };
	struct exchange_keys k;

	memset(user, 'u', sizeof(user));
	for (size_t n = EXCHANGE_KEY - 1; n <= EXCHANGE_KEY; n++) {
		r.user = (struct bytes){ (uint8_t *)user, n };
		exchange_keys(&r, &k);
		assert_int_equal(k.n, n == EXCHANGE_KEY - 1);
	}
	/* An address has 254 bytes at most (RFC 5321). */
	memcpy(user, "a@", 2);
	for (size_t n = 254; n <= 255; n++) {
		r = (struct exchange_request){
			.protocol = EXCHANGE_EWS,
			.anchor = { (uint8_t *)user, n },
		};
		exchange_keys(&r, &k);
		assert_int_equal(k.n, n == 254);
	}
}

static void eas_queries(void **state)
{
	static const struct {
		const char *query;
		bool ok;
		uint8_t version;
		const char *command, *device, *type, *user;
	} rows[] = {
		{ "Cmd=Ping&User=CONTOSO%5Calice&DeviceId=v140Device&"
		  "DeviceType=SmartPhone",
		  true, 0, "Ping", "v140Device", "SmartPhone",
		  "CONTOSO\\alice" },
		{ "cmd=foldersync&deviceid=1", true, 0, "FolderSync", "1", "",
		  "" },
		{ "Cmd=Unheard", true, 0, "", "", "", "" },
		/* MS-ASHTTP's own example */
		{ "jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l", true, 140, "Sync",
		  "v140Device", "SmartPhone", "" },
		/* a policy key of 4 bytes; FolderSync; parameter 8: User */
		{ "eQkJBANhYmMEAQIDBAF4CAVhbGljZQ==", true, 121, "FolderSync",
		  "abc", "x", "alice" },
		/* a policy key of 3, a device id of none, cut off, too long a
		 * length, a control character, neither form */
		{ "eQkJBANhYmMDAQIDAXg=", false },
		{ "eQkJBAAAAXg=", false },
		{ "eQkJBANh", false },
		{ "eQkJBP9hYmM=", false },
		{ "eQkJBANhCmMAAXg=", false },
		{ "User=alice", false },
		{ "not base64!", false },
		{ "", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct exchange_eas q;

		assert_int_equal(exchange_eas_query(BYTES(rows[i].query), &q),
				 rows[i].ok);
		assert_int_equal(q.version, rows[i].version);
		assert_string_equal(q.command,
				    rows[i].ok ? rows[i].command : "");
		assert_string_equal(q.device, rows[i].ok ? rows[i].device : "");
		assert_string_equal(q.type, rows[i].ok ? rows[i].type : "");
		assert_string_equal(q.user, rows[i].ok ? rows[i].user : "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eas_queries),
		cmocka_unit_test(outlook_anywhere),
		cmocka_unit_test(anchors),
		cmocka_unit_test(mapi),
		cmocka_unit_test(activesync),
		cmocka_unit_test(explicit_logon),
		cmocka_unit_test(forms),
		cmocka_unit_test(mail),
		cmocka_unit_test(autodiscover),
		cmocka_unit_test(long_body),
		cmocka_unit_test(long_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
