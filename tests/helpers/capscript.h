/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TESTS_HELPERS_CAPSCRIPT_H
#define CONNTRACE_TESTS_HELPERS_CAPSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Frames from a few words each. One line is one frame or one setting; '#'
 * begins a comment.
 *
 *   link ethernet|sll|sll2|null|loop|raw|ppp     what carries IP from here on
 *   vlan N [N]...  |  vlan none                  802.1Q tags, outermost first (ethernet)
 *   time SECONDS                                 of the next frame
 *   snaplen N                                    bytes kept of each frame
 *   flow NAME ADDRESS PORT ADDRESS PORT          two ends; IPv6 when they are
 *   +SECONDS NAME > FLAGS [WORD...]              the first end sends a segment so much later
 *   +SECONDS NAME < FLAGS [WORD...]              the second end does
 *   +SECONDS NAME > icmp TYPE/CODE seq N         an ICMP error comes back for a segment of the first end
 *
 * FLAGS are letters of S A F R P U E W, or "-" for none. WORDS: seq N, ack N,
 * win N, len N (payload), ipid N, mss N, wscale N, sackok, ts N N, hex BYTES
 * (raw options), ttl N (else 64), hop (IPv6 hop-by-hop header), frag (first fragment), tso
 * (total length 0), out, in (cooked packet type), if N (SLL2 interface), notime
 * (a time of -1: an unknown one), text ... (the payload, to the end of
 * the line: \r, \n and \xNN are bytes; with len before it, zeros behind it).
 */

/** typedef capscript_function - gets each frame; @link is DLT_* */
typedef void (*capscript_function)(void *context, int link, int64_t time_ns, const uint8_t *data, uint32_t caplen,
				   uint32_t length);

/** capscript_run() - Return: NULL, or the line that is wrong (static memory) */
const char *capscript_run(const char *text, capscript_function function, void *context);

/** struct capscript_frame - the parts of a frame, for callers that make many without words */
struct capscript_frame {
	int link;
	uint16_t vlans[4];
	int vlan_count;
	uint8_t source[16], destination[16];
	bool v6;
	uint16_t source_port, destination_port;
	uint32_t seq, ack, tsval, tsecr;
	uint16_t flags, window, mss, ip_id, interface;
	uint32_t payload;
	const uint8_t *text; /* begins the payload, whose rest is zeros; may be NULL */
	uint32_t text_length;
	int wscale;
	uint8_t ttl; /* 0: 64 */
	uint8_t options[40];
	int option_length;
	bool has_mss, sack_ok, has_ts, hop_by_hop, fragment, tso, outgoing, icmp, timeless;
	uint8_t icmp_type, icmp_code;
};

/** capscript_build() - the frame's bytes at @to (64 KiB). Return: how many */
uint32_t capscript_build(const struct capscript_frame *frame, uint8_t *to);

#endif
