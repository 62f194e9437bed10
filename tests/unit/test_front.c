/* SPDX-License-Identifier: BSD-3-Clause */
/* test_front.c - PROXY headers and X-Forwarded-For, as a table. */
#include "unit.h"

#include "front/front.h"

#define BOTH (FRONT_V1 | FRONT_V2)
#define SIGN "\r\n\r\n\0\r\nQUIT\n"
#define FROM4 "\xc0\x00\x02\x07"
#define TO4 "\x0a\x00\x00\x01"
#define FROM6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
#define TEXT(t) t, sizeof(t) - 1

static const struct {
	const char *in;
	size_t n;
	unsigned versions;
	enum front_verdict verdict;
	size_t len;
	const char *client; /* NULL: local */
	uint16_t port;
} header_rows[] = {
	/* version 1 */
	{ TEXT("PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n"), BOTH, FRONT_OK,
	  41, "192.0.2.7", 56324 },
	{ TEXT("PROXY TCP4 192.0.2.7 10.0.0.1 1 443\r\n\x16\x03\x01"), FRONT_V1,
	  FRONT_OK, 37, "192.0.2.7", 1 },
	{ TEXT("PROXY TCP6 2001:db8::7 2001:db8::1 65535 443\r\n"), BOTH,
	  FRONT_OK, 46, "2001:db8::7", 65535 },
	{ TEXT("PROXY TCP6 ::ffff:192.0.2.7 ::1 0 0\r\n"), BOTH, FRONT_OK, 37,
	  "192.0.2.7", 0 },
	{ TEXT("PROXY UNKNOWN\r\n"), BOTH, FRONT_OK, 15, NULL, 0 },
	{ TEXT("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"),
	  BOTH, FRONT_OK, 59, NULL, 0 },
	{ TEXT("PROXY TCP4 192.0.2.7 10.0.0.1 1 443\r\n"), FRONT_V2,
	  FRONT_VERSION },
	{ TEXT("PROXY TCP4 192.0.2.7 10.0.0.1 1 443\n"), BOTH, FRONT_LINE },
	{ TEXT("PROXY TCP4 192.0.2.7 10.0.0.1 1 443\rX"), BOTH, FRONT_LINE },
	{ TEXT("PROXY TCP4\t192.0.2.7 10.0.0.1 1 443\r\n"), BOTH, FRONT_LINE },
	{ TEXT("PROXY TCP4 192.0.2.7\0 10.0.0.1 1 443\r\n"), BOTH, FRONT_LINE },
	{ TEXT("PROXY TCP5 192.0.2.7 10.0.0.1 1 443\r\n"), BOTH, FRONT_FAMILY },
	{ TEXT("PROXY tcp4 192.0.2.7 10.0.0.1 1 443\r\n"), BOTH, FRONT_FAMILY },
	{ TEXT("PROXY  TCP4 192.0.2.7 10.0.0.1 1 443\r\n"), BOTH,
	  FRONT_FAMILY },
	{ TEXT("PROXY TCP4  192.0.2.7 10.0.0.1 1 443\r\n"), BOTH,
	  FRONT_ADDRESS },
	{ TEXT("PROXY TCP4 192.0.2.7 10.0.0.1 1 443 \r\n"), BOTH,
	  FRONT_ADDRESS },
	{ TEXT("PROXY TCP4 192.0.2.7 10.0.0.1 1\r\n"), BOTH, FRONT_ADDRESS },
	{ TEXT("PROXY TCP4 192.0.2.7 10.0.0.1 01 443\r\n"), BOTH,
	  FRONT_ADDRESS },
	{ TEXT("PROXY TCP4 192.0.2.7 10.0.0.1 65536 443\r\n"), BOTH,
	  FRONT_ADDRESS },
	{ TEXT("PROXY TCP4 192.0.2.7 10.0.0.1 -1 443\r\n"), BOTH,
	  FRONT_ADDRESS },
	{ TEXT("PROXY TCP4 192.0.2 10.0.0.1 1 443\r\n"), BOTH, FRONT_ADDRESS },
	{ TEXT("PROXY TCP4 2001:db8::7 2001:db8::1 1 443\r\n"), BOTH,
	  FRONT_ADDRESS },
	{ TEXT("PROXY TCP6 192.0.2.7 10.0.0.1 1 443\r\n"), BOTH,
	  FRONT_ADDRESS },
	{ TEXT("PROXY TCP4 0.0.0.0 10.0.0.1 1 443\r\n"), BOTH, FRONT_ADDRESS },
	{ TEXT("PROXY\r\n"), BOTH, FRONT_NO_HEADER },
	{ TEXT("PROXY UNKNOWN "
	       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r"),
	  BOTH, FRONT_LONG },
	/* version 2 */
	{ TEXT(SIGN "\x21\x11\0\x0c" FROM4 TO4 "\xdc\x04\x01\xbb"), BOTH,
	  FRONT_OK, 28, "192.0.2.7", 56324 },
	{ TEXT(SIGN "\x21\x11\0\x10" FROM4 TO4 "\xdc\x04\x01\xbb\x04\0\x01x"
		    "\x16\x03"),
	  FRONT_V2, FRONT_OK, 32, "192.0.2.7", 56324 },
	{ TEXT(SIGN "\x21\x21\0\x24" FROM6 FROM6 "\xdc\x04\x01\xbb"), BOTH,
	  FRONT_OK, 52, "2001:db8::7", 56324 },
	{ TEXT(SIGN "\x20\0\0\0"), BOTH, FRONT_OK, 16, NULL, 0 },
	{ TEXT(SIGN "\x20\x11\0\x0c" FROM4 TO4 "\xdc\x04\x01\xbb"), BOTH,
	  FRONT_OK, 28, NULL, 0 },
	{ TEXT(SIGN "\x20\xff\0\x02xy"), BOTH, FRONT_OK, 18, NULL, 0 },
	{ TEXT(SIGN "\x21\0\0\x03xyz"), BOTH, FRONT_OK, 19, NULL, 0 },
	{ TEXT(SIGN "\x21\x11\0\x0c" FROM4 TO4 "\xdc\x04\x01\xbb"), FRONT_V1,
	  FRONT_VERSION },
	{ TEXT(SIGN "\x22\x11\0\x0c" FROM4 TO4 "\xdc\x04\x01\xbb"), BOTH,
	  FRONT_COMMAND },
	{ TEXT(SIGN "\x11\x11\0\x0c" FROM4 TO4 "\xdc\x04\x01\xbb"), BOTH,
	  FRONT_COMMAND },
	{ TEXT(SIGN "\x21\x12\0\x0c" FROM4 TO4 "\xdc\x04\x01\xbb"), BOTH,
	  FRONT_FAMILY },
	{ TEXT(SIGN "\x21\x31\0\xd8"), BOTH, FRONT_FAMILY },
	{ TEXT(SIGN "\x21\x11\0\x0b" FROM4 TO4 "\xdc\x04\x01\xbb"), BOTH,
	  FRONT_ADDRESS },
	{ TEXT(SIGN "\x21\x21\0\x23"), BOTH, FRONT_ADDRESS },
	{ TEXT(SIGN "\x21\x11\0\x0c\0\0\0\0" TO4 "\xdc\x04\x01\xbb"), BOTH,
	  FRONT_ADDRESS },
	{ TEXT(SIGN "\x21\x11\x02\x09"), BOTH, FRONT_LONG },
	{ TEXT(SIGN "\x20\0\xff\xff"), BOTH, FRONT_LONG },
	/* neither */
	{ TEXT("\x16\x03\x01\x02\0"), BOTH, FRONT_NO_HEADER },
	{ TEXT("GET / HTTP/1.1\r\n"), BOTH, FRONT_NO_HEADER },
	{ TEXT("POST"), BOTH, FRONT_NO_HEADER },
	{ TEXT("\r\n\r\n\0\r\nQUIX"), BOTH, FRONT_NO_HEADER },
	{ TEXT(""), BOTH, FRONT_MORE },
};

/* Of a whole header every beginning says MORE; what is refused is refused at
 * some point and from there on. */
static void headers(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(header_rows); i++) {
		struct front_header h = { .local = true };
		enum front_verdict v = FRONT_MORE;
		char text[IPADDR_STR];
		size_t len = 0;

		for (size_t n = 0; n <= header_rows[i].n; n++) {
			struct bytes in = { (const uint8_t *)header_rows[i].in,
					    n };
			enum front_verdict was = v;

			v = front_header(in, header_rows[i].versions, &h, &len);
			if (was != FRONT_MORE)
				assert_int_equal(v, was);
		}
		if (v != header_rows[i].verdict)
			fail_msg("row %zu: %s", i, front_verdict_words(v));
		if (v != FRONT_OK)
			continue;
		assert_int_equal(len, header_rows[i].len);
		assert_int_equal(h.local, !header_rows[i].client);
		if (h.local)
			continue;
		assert_string_equal(ipaddr_str(&h.client, text),
				    header_rows[i].client);
		assert_int_equal(h.port, header_rows[i].port);
	}
}

/* Trusted are 10/8 and fd00::/8. */
static const struct {
	const char *value;
	unsigned n;
	const char *client; /* NULL: nobody named */
} chain_rows[] = {
	{ "", 0, NULL },
	{ " , ,", 0, NULL },
	{ "192.0.2.7", 1, "192.0.2.7" },
	{ "2001:db8::7", 1, "2001:db8::7" },
	{ "198.51.100.1, 192.0.2.7", 1, "192.0.2.7" },
	{ "10.0.0.9,192.0.2.7,10.0.0.1 , 10.0.0.2", 3, "192.0.2.7" },
	{ "192.0.2.7, fd00::1", 2, "192.0.2.7" },
	{ "10.0.0.1, 10.0.0.2", 2, "10.0.0.1" }, /* a client inside */
	{ "192.0.2.7:8080", 1, "192.0.2.7" },
	{ "[2001:db8::7]", 1, "2001:db8::7" },
	{ "[2001:db8::7]:443, 10.0.0.1", 2, "2001:db8::7" },
	{ "::ffff:10.0.0.1, ::ffff:10.0.0.2", 2, "10.0.0.1" },
	/* what is no address ends it */
	{ "unknown", 0, NULL },
	{ "192.0.2.7, unknown, 10.0.0.1", 1, "10.0.0.1" },
	{ "192.0.2.7, _hidden", 0, NULL },
	{ "192.0.2.7, 10.0.0.1:x", 0, NULL },
	{ "192.0.2.7, [10.0.0.1", 0, NULL },
	{ "192.0.2.7, [::1]x", 0, NULL },
	{ "192.0.2.7, 10.0.0.1:65536", 0, NULL },
	{ "192.0.2.7, 0.0.0.0", 0, NULL },
	{ "192.0.2.7, \"10.0.0.1\"", 0, NULL },
};

static struct ipprefix trusted[2];

static void chains(void **state)
{
	char text[IPADDR_STR];

	for (size_t i = 0; i < ARRAY_LEN(chain_rows); i++) {
		struct front_chain c = { 0 };

		assert_int_equal(
			front_chain(&c, BYTES(chain_rows[i].value), trusted, 2),
			FRONT_OK);
		if (c.n != chain_rows[i].n)
			fail_msg("`%s': %u hops", chain_rows[i].value, c.n);
		if (c.n)
			assert_string_equal(ipaddr_str(&c.hop[c.n - 1], text),
					    chain_rows[i].client);
	}
}

/* Several fields are one list, and 50 trusted hops are the most. */
static void long_chains(void **state)
{
	struct front_chain c = { 0 };

	for (unsigned i = 0; i < FRONT_HOPS; i++)
		assert_int_equal(front_chain(&c, BYTES("10.1.2.3"), trusted, 2),
				 FRONT_OK);
	assert_int_equal(c.n, FRONT_HOPS);
	assert_false(c.done);
	assert_int_equal(front_chain(&c, BYTES("192.0.2.7"), trusted, 2),
			 FRONT_MANY);
	c = (struct front_chain){ 0 };
	assert_int_equal(front_chain(&c, BYTES("192.0.2.7"), trusted, 2),
			 FRONT_OK);
	assert_true(c.done);
	assert_int_equal(front_chain(&c, BYTES("198.51.100.1"), trusted, 2),
			 FRONT_OK);
	assert_int_equal(c.n, 1);
}

static int networks(void **state)
{
	return ipprefix_parse("10.0.0.0/8", &trusted[0]) ||
	       ipprefix_parse("fd00::/8", &trusted[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(chains),
		cmocka_unit_test(long_chains),
	};

	return cmocka_run_group_tests(tests, networks, NULL);
}
