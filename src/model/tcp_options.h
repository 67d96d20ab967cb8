/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_TCP_OPTIONS_H
#define CONNTRACE_MODEL_TCP_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/** enum tcp_option_kind - known kinds (IANA, "TCP Option Kind Numbers") */
enum tcp_option_kind {
	TCP_OPTION_END = 0,
	TCP_OPTION_NOP = 1,
	TCP_OPTION_MSS = 2,
	TCP_OPTION_WSCALE = 3,
	TCP_OPTION_SACK_OK = 4,
	TCP_OPTION_SACK = 5,
	TCP_OPTION_TIMESTAMP = 8,
	TCP_OPTION_MD5 = 19,
	TCP_OPTION_USER_TIMEOUT = 28,
	TCP_OPTION_AO = 29,
	TCP_OPTION_MPTCP = 30,
	TCP_OPTION_FAST_OPEN = 34,
	TCP_OPTION_ACC_ECN0 = 172,
	TCP_OPTION_ACC_ECN1 = 174,
	TCP_OPTION_EXPERIMENT1 = 253,
	TCP_OPTION_EXPERIMENT2 = 254,
};

/** enum tcp_options_step - what tcp_options_next() found */
enum tcp_options_step {
	TCP_OPTIONS_ONE,
	/** the list is over */
	TCP_OPTIONS_END,
	/** an invalid length; the rest is not valid */
	TCP_OPTIONS_BAD,
};

/**
 * struct tcp_option - one option
 * @value: bytes after kind and length
 * @kind: as on the wire, any number
 */
struct tcp_option {
	struct span value;
	uint8_t kind;
};

/** tcp_options_next() - split the next option off @rest; padding (NOP) is skipped; on BAD, @option has the kind */
enum tcp_options_step tcp_options_next(struct span *rest, struct tcp_option *option);

/** Room that is enough for tcp_options_text() with any list of 40 bytes. */
#define TCP_OPTIONS_TEXT 320

/**
 * tcp_options_text() - the options for display: "mss 1460,sackOK,TS 1 0,wscale 7"
 * @text: the result, truncated when it does not fit; "" when there are none
 * @size: of @text
 * @options: the bytes as on the wire; untrusted
 * @timestamps: show the timestamps too, which every segment has
 * @ack_offset: added to the numbers of selective acknowledgements, so that they count from the same origin as others
 *
 * Return: @text.
 */
const char *tcp_options_text(char *text, size_t size, struct span options, int timestamps, uint32_t ack_offset);

/** tcp_options_sack() - ranges of selective acknowledgements: "1-1461,2921-4381"; as tcp_options_text() */
const char *tcp_options_sack(char *text, size_t size, struct span options, uint32_t ack_offset);

#endif
