/* SPDX-License-Identifier: BSD-3-Clause */
/* test_rpch.c - requests, refusals and the words of RPC over HTTP.
 * MS-RPCH 2.1.2.1, C706 12.6, OXCRPC. */
#include "unit.h"

#include "rpch/rpch.h"

static void requests(void **state)
{
	static const struct {
		enum rpch_request request;
		const char *method;
		uint64_t length;
	} rows[] = {
		{ RPCH_REQ_NONE, "POST", 76 },
		{ RPCH_REQ_NONE, "rpc_out_data", 76 },
		{ RPCH_REQ_NONE, "RPC_OUT_DATA ", 76 },
		{ RPCH_REQ_NONE, "", 0 },
		{ RPCH_REQ_AUTH, "RPC_IN_DATA", 0 },
		{ RPCH_REQ_AUTH, "RPC_OUT_DATA", 0 },
		{ RPCH_REQ_ECHO, "RPC_IN_DATA", 1 },
		{ RPCH_REQ_ECHO, "RPC_IN_DATA", 4 },
		{ RPCH_REQ_ECHO, "RPC_OUT_DATA", 16 },
		{ RPCH_REQ_ODD, "RPC_IN_DATA", 17 },
		{ RPCH_REQ_ODD, "RPC_OUT_DATA", 17 },
		{ RPCH_REQ_OUT, "RPC_OUT_DATA", 76 },
		{ RPCH_REQ_OUT_RECYCLED, "RPC_OUT_DATA", 120 },
		{ RPCH_REQ_ODD, "RPC_OUT_DATA", 96 },
		{ RPCH_REQ_ODD, "RPC_OUT_DATA", 1 << 30 },
		{ RPCH_REQ_ODD, "RPC_IN_DATA", 76 },
		{ RPCH_REQ_ODD, "RPC_IN_DATA", 131071 },
		{ RPCH_REQ_IN, "RPC_IN_DATA", 131072 },
		{ RPCH_REQ_IN, "RPC_IN_DATA", 1 << 30 },
		{ RPCH_REQ_IN, "RPC_IN_DATA", 1ull << 31 },
		{ RPCH_REQ_IN, "RPC_IN_DATA", INT64_MAX },
		{ RPCH_REQ_ODD, "RPC_IN_DATA", RPCH_NO_LENGTH },
		{ RPCH_REQ_ODD, "RPC_OUT_DATA", RPCH_NO_LENGTH },
		{ RPCH_REQ_NONE, "GET", RPCH_NO_LENGTH },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum rpch_request r =
			rpch_classify(BYTES(rows[i].method), rows[i].length);

		if (r != rows[i].request)
			fail_msg("row %zu: %s", i, rpch_request_name(r));
	}
}

static void refusals(void **state)
{
	static const uint8_t fault[] = {
		5, 0, 3, 0x23, 0x10, 0, 0, 0, 32, 0, 0, 0, 4, 3, 2, 1,
		0, 0, 0, 0,    0,    0, 0, 0, 5,  0, 0, 0, 0, 0, 0, 0,
	};
	static const uint8_t nak[] = {
		5, 0, 13, 3, 0x10, 0, 0, 0, 24, 0, 0, 0,
		9, 0, 0,  0, 8,	   0, 1, 5, 0,	0, 0, 0,
	};
	static const struct {
		uint32_t error;
		const char *text;
	} reasons[] = {
		{ 5, "RPC Error: 5" },
		{ 0x6ba, "RPC Error: 6ba" },
		{ 0x57, "RPC Error: 57" },
		{ 0, "RPC Error: 0" },
		{ 0x10, "RPC Error: 10" },
		{ 0x80070005, "RPC Error: 80070005" },
	};
	uint8_t out[RPCH_FAULT_SIZE];
	char text[RPCH_REASON_SIZE];

	rpch_fault(out, 0x01020304, RPCH_STATUS_ACCESS_DENIED);
	assert_memory_equal(out, fault, sizeof(fault));
	rpch_bind_nak(out, 9, RPCH_NAK_AUTH_TYPE);
	assert_memory_equal(out, nak, sizeof(nak));
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		rpch_reason(text, reasons[i].error);
		assert_string_equal(text, reasons[i].text);
	}
}

/* OXCRPC 3.2.4.1.3 */
static void client_versions(void **state)
{
	static const struct {
		uint16_t w[3];
		struct rpch_client v;
	} versions[] = {
		{ { 0x0b00, 0x8000 | 8173, 0 }, { 11, 0, 8173, 0 } },
		{ { 0x0c00, 0x8000 | 6606, 1000 }, { 12, 0, 6606, 1000 } },
		{ { 0x0f01, 0x8000 | 4420, 1017 }, { 15, 1, 4420, 1017 } },
		{ { 0x1000, 0xffff, 0xffff }, { 16, 0, 0x7fff, 0xffff } },
		{ { 11, 5608, 0 }, { 11, 0, 5608, 0 } },
		{ { 0x0b00, 0x7fff, 3 }, { 0x0b00, 0, 0x7fff, 3 } },
		{ { 0, 0, 0 }, { 0, 0, 0, 0 } },
	};

	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		struct rpch_client v = rpch_client_version(versions[i].w);

		assert_memory_equal(&v, &versions[i].v, sizeof(v));
	}
}

static void timeouts(void **state)
{
	assert_int_equal(rpch_timeout(900000), SEC(900));
	assert_int_equal(rpch_timeout(120000), SEC(120));
	assert_int_equal(rpch_timeout(14400000), SEC(14400));
	assert_int_equal(rpch_timeout(0), SEC(120));
	assert_int_equal(rpch_timeout(UINT32_MAX), SEC(14400));
}

/* Every counter has a name, and no two the same. */
static void names(void **state)
{
	for (int i = 0; i < RPCH_PDU_COUNT; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(rpch_pdu_name(i),
						rpch_pdu_name(j));
	for (int i = 0; i < RPCH_VERDICT_COUNT; i++) {
		assert_true(strlen(rpch_verdict_words(i)) > 4);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(rpch_verdict_name(i),
						rpch_verdict_name(j));
	}
	for (int i = 0; i < RPCH_REQUEST_COUNT; i++)
		assert_true(*rpch_request_name(i));
	for (int i = 0; i < RPCH_INTERFACE_COUNT; i++)
		assert_true(*rpch_interface_name(i));
	assert_string_equal(rpch_pdu_name(RPCH_PDU_FLOW_ACK_TO), "flow_ack_to");
	assert_string_equal(rpch_pdu_name(RPCH_PDU_RTS_OTHER), "rts_other");
	assert_string_equal(rpch_interface_name(RPCH_IF_NSPI), "NSPI");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),	   cmocka_unit_test(refusals),
		cmocka_unit_test(client_versions), cmocka_unit_test(timeouts),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
