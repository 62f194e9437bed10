/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pdus.h - the tables of what passes on a channel: every RTS PDU of MS-RPCH
 * 2.2.4, and the RPC PDUs between them. Part of rpch.h.
 */
#pragma once

/* Between whom: client, inbound and outbound proxy, server. A bystander before
 * the proxies sees the first four, each one direction of one channel. */
enum rpch_hop {
	RPCH_C_I = 1 << 0, /* body of an IN request */
	RPCH_C_O = 1 << 1, /* body of an OUT request */
	RPCH_O_C = 1 << 2, /* body of its answer */
	RPCH_I_C = 1 << 3, /* body of an IN request's answer */
	RPCH_I_S = 1 << 4,
	RPCH_O_S = 1 << 5,
	RPCH_S_I = 1 << 6,
	RPCH_S_O = 1 << 7,
	RPCH_ANY_HOP = 0xff
};

/* MS-RPCH 2.2.3.6.1 */
enum rpch_rts_flag {
	RPCH_PING = 0x01,
	RPCH_OTHER_CMD = 0x02,
	RPCH_RECYCLE = 0x04,
	RPCH_IN_CHANNEL = 0x08,
	RPCH_OUT_CHANNEL = 0x10,
	RPCH_EOF = 0x20,
	RPCH_ECHO = 0x40
};

/*
 * MS-RPCH 2.2.4: id, counter, hops, flags, commands in order, bytes. A letter
 * a command of 2.2.3.5:
 *
 *   W ReceiveWindowSize   F FlowControlAck     T ConnectionTimeout   C Cookie
 *   L ChannelLifetime     K ClientKeepalive    V Version             E Empty
 *   P Padding (none here) n NegativeANCE       N ANCE
 *   A ClientAddress IPv4  a the same IPv6      G AssociationGroupId
 *   c i s o Destination: client, inbound proxy, server, outbound proxy
 *   d any Destination     S PingTrafficSentNotify
 *
 * What looks the same on the same hop is one row ("in_r_a5" is IN_R1/A5 and
 * IN_R2/A5). "_plain" is out_r2_a7 as FreeRDP sends it.
 */
#define RPCH_RTS_PDUS(X)                                                       \
	X(CONN_A1, "conn_a1", RPCH_C_O, 0, "VCCW", 76)                         \
	X(CONN_A2, "conn_a2", RPCH_O_S, RPCH_OUT_CHANNEL, "VCCLW", 84)         \
	X(CONN_A3, "conn_a3", RPCH_O_C, 0, "T", 28)                            \
	X(CONN_B1, "conn_b1", RPCH_C_I, 0, "VCCLKG", 104)                      \
	X(CONN_B2, "conn_b2", RPCH_I_S, RPCH_IN_CHANNEL, "VCCWTGA", 128)       \
	X(CONN_B2_V6, "conn_b2_v6", RPCH_I_S, RPCH_IN_CHANNEL, "VCCWTGa", 140) \
	X(CONN_B3, "conn_b3", RPCH_S_I, 0, "WV", 36)                           \
	X(CONN_C1, "conn_c1", RPCH_S_O, 0, "VWT", 44)                          \
	X(CONN_C2, "conn_c2", RPCH_O_C, 0, "VWT", 44)                          \
	X(IN_R_A1, "in_r_a1", RPCH_C_I, RPCH_RECYCLE, "VCCC", 88)              \
	X(IN_R1_A2, "in_r1_a2", RPCH_I_S, RPCH_IN_CHANNEL | RPCH_RECYCLE,      \
	  "VCCCWT", 104)                                                       \
	X(IN_R1_A3, "in_r1_a3", RPCH_S_O, 0, "cVWT", 52)                       \
	X(IN_R1_A4, "in_r1_a4", RPCH_O_C, 0, "cVWT", 52)                       \
	X(IN_R_A5, "in_r_a5", RPCH_C_I, 0, "C", 40)                            \
	X(IN_R_A6, "in_r_a6", RPCH_I_S, 0, "C", 40) /* and IN_R2/A2 */         \
	X(IN_R1_B1, "in_r1_b1", RPCH_I_S, 0, "E", 24)                          \
	X(IN_R1_B2, "in_r1_b2", RPCH_S_I, 0, "W", 28)                          \
	X(IN_R2_A3, "in_r2_a3", RPCH_S_O, 0, "c", 28)                          \
	X(IN_R2_A4, "in_r2_a4", RPCH_O_C, 0, "c", 28)                          \
	X(OUT_R_A1, "out_r_a1", RPCH_S_O, RPCH_RECYCLE, "c", 28)               \
	X(OUT_R_A2, "out_r_a2", RPCH_O_C, RPCH_RECYCLE, "c", 28)               \
	X(OUT_R_A3, "out_r_a3", RPCH_C_O, RPCH_RECYCLE, "VCCCW", 96)           \
	X(OUT_R1_A4, "out_r1_a4", RPCH_O_S, RPCH_OUT_CHANNEL | RPCH_RECYCLE,   \
	  "VCCCLWT", 112)                                                      \
	X(OUT_R1_A5, "out_r1_a5", RPCH_S_O, RPCH_OUT_CHANNEL, "cVT", 44)       \
	X(OUT_R1_A6, "out_r1_a6", RPCH_O_C, RPCH_OUT_CHANNEL, "cVT", 44)       \
	X(OUT_R1_A7, "out_r1_a7", RPCH_C_I, RPCH_OUT_CHANNEL, "sC", 48)        \
	X(OUT_R_A8, "out_r_a8", RPCH_I_S, RPCH_OUT_CHANNEL, "sC", 48)          \
	X(OUT_R1_A9, "out_r1_a9", RPCH_S_O, 0, "N", 24) /* and OUT_R2/B1 */    \
	X(OUT_R1_A10, "out_r1_a10", RPCH_O_C, 0, "N", 24)                      \
	X(OUT_R1_A11, "out_r1_a11", RPCH_C_O, 0, "N", 24)                      \
	X(OUT_R2_A4, "out_r2_a4", RPCH_O_S, 0, "C", 40)                        \
	X(OUT_R2_A5, "out_r2_a5", RPCH_S_O, 0, "cN", 32)                       \
	X(OUT_R2_A6, "out_r2_a6", RPCH_O_C, 0, "cN", 32)                       \
	X(OUT_R2_A7, "out_r2_a7", RPCH_C_I, RPCH_OUT_CHANNEL, "sCV", 56)       \
	X(OUT_R2_A7_PLAIN, "out_r2_a7_plain", RPCH_C_I, 0, "sCV", 56)          \
	X(OUT_R2_B2, "out_r2_b2", RPCH_S_O, 0, "n", 24)                        \
	X(OUT_R2_B3, "out_r2_b3", RPCH_O_C, RPCH_EOF, "N", 24)                 \
	X(OUT_R2_C1, "out_r2_c1", RPCH_C_O, RPCH_PING, "E", 24)                \
	X(OUT_R2_C1_PADDED, "out_r2_c1_padded", RPCH_C_O, RPCH_PING, "P", 28)  \
	X(KEEP_ALIVE, "keep_alive", RPCH_C_I, RPCH_OTHER_CMD, "K", 28)         \
	X(PING_TRAFFIC, "ping_traffic", RPCH_O_S, RPCH_OTHER_CMD, "S", 28)     \
	X(ECHO, "echo", RPCH_O_C | RPCH_I_C, RPCH_ECHO, "", 20)                \
	X(PING, "ping", RPCH_C_I | RPCH_O_C, RPCH_PING, "", 20)                \
	X(FLOW_ACK, "flow_ack", RPCH_ANY_HOP, RPCH_OTHER_CMD, "F", 48)         \
	X(FLOW_ACK_TO, "flow_ack_to", RPCH_ANY_HOP, RPCH_OTHER_CMD, "dF", 56)

/* C706 12.6, MS-RPCE 2.2.2: id, counter, PTYPE, header bytes. */
#define RPCH_RPC_PDUS(X)                                                       \
	X(REQUEST, "request", 0, 24)                                           \
	X(RESPONSE, "response", 2, 24)                                         \
	X(FAULT, "fault", 3, 28)                                               \
	X(BIND, "bind", 11, 28)                                                \
	X(BIND_ACK, "bind_ack", 12, 26)                                        \
	X(BIND_NAK, "bind_nak", 13, 18)                                        \
	X(ALTER, "alter", 14, 28)                                              \
	X(ALTER_ACK, "alter_ack", 15, 26)                                      \
	X(AUTH3, "auth3", 16, 16)                                              \
	X(SHUTDOWN, "shutdown", 17, 16)                                        \
	X(CANCEL, "cancel", 18, 16)                                            \
	X(ORPHANED, "orphaned", 19, 16)
