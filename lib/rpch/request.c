/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * request.c - what an RPC over HTTP request is, before a byte of its body has
 * come. MS-RPCH 2.1.2.1 and its Windows behaviour notes.
 */
#include "rpch/rpch.h"

#define ECHO_MAX 16 /* 2.1.2.1.5: an echo request's body */
#define OUT_NEW 76 /* 2.1.2.1.2: CONN/A1 */
#define OUT_RECYCLED 120 /* OUT_Rx/A3, then OUT_R1/A11 or OUT_R2/C1 */
#define IN_LEAST (128 * 1024) /* 2.1.2.1.1; Windows announces 1 GiB */

const uint8_t rpch_echo[RPCH_ECHO_SIZE] = {
	5, 0, 20, 3, 0x10, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, RPCH_ECHO, 0, 0, 0,
};

const uint8_t rpch_echo_body[RPCH_ECHO_BODY_SIZE] = { 0xf8, 0xe8, 0x18, 0x08 };

enum rpch_request rpch_classify(struct bytes method, uint64_t length)
{
	bool in = bytes_eq(method, BYTES("RPC_IN_DATA"));

	if (!in && !bytes_eq(method, BYTES("RPC_OUT_DATA")))
		return RPCH_REQ_NONE;
	if (!length)
		return RPCH_REQ_AUTH;
	if (length <= ECHO_MAX)
		return RPCH_REQ_ECHO;
	if (length == RPCH_NO_LENGTH)
		return RPCH_REQ_ODD;
	if (in)
		return length >= IN_LEAST ? RPCH_REQ_IN : RPCH_REQ_ODD;
	return length == OUT_NEW	? RPCH_REQ_OUT
	       : length == OUT_RECYCLED ? RPCH_REQ_OUT_RECYCLED
					: RPCH_REQ_ODD;
}
