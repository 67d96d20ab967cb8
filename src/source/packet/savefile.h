/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_SAVEFILE_H
#define CONNTRACE_SOURCE_PACKET_SAVEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "source/packet/dissect.h"

/** More interfaces in one section of a pcapng file are damage. */
#define SAVEFILE_INTERFACES 1024

/** Room for the name of an interface (IFNAMSIZ of net/if.h). */
#define SAVEFILE_NAME 16

/** A longer record or block is damage (libpcap and Wireshark have the same limit). */
#define SAVEFILE_RECORD_MAX (16u << 20)

/** enum savefile_format - format of the packets */
enum savefile_format {
	SAVEFILE_UNKNOWN,
	/** pcap-savefile(5), with micro- or nanoseconds */
	SAVEFILE_PCAP,
	/** the same, and no record has been read yet */
	SAVEFILE_PCAP_BEGUN,
	/** draft-ietf-opsawg-pcapng */
	SAVEFILE_PCAPNG,
	/** RFC 1761, of Solaris */
	SAVEFILE_SNOOP,
};

/** enum savefile_step - result of savefile_next() */
enum savefile_step {
	/** a frame */
	SAVEFILE_FRAME = 1,
	/** it needs savefile.need bytes at once to continue */
	SAVEFILE_MORE,
};

/**
 * struct savefile_interface - an interface that frames of a file were captured on
 * @offset_s: seconds to be added to its time stamps
 * @snaplen: bytes kept of each frame, 0 for all
 * @link_type: DLT_*
 * @resolution: of its time stamps: 10^-n seconds, or 2^-n with the highest bit
 * @name: of the interface, cut; "" unknown
 */
struct savefile_interface {
	int64_t offset_s;
	uint32_t snaplen;
	int link_type;
	uint8_t resolution;
	char name[SAVEFILE_NAME];
};

/**
 * struct savefile - what is known of a file while it is read from its beginning
 * @need: with SAVEFILE_MORE
 * @format: enum savefile_format
 * @little: numbers are little-endian
 * @record_head: bytes before each frame, in pcap
 * @is_length_first: in pcap, a frame's length on the wire may stand before its captured length
 * @interface_count: of the current section
 * @interfaces: theirs; a pcap file has one
 */
struct savefile {
	size_t need;
	uint8_t format;
	bool little;
	uint8_t record_head;
	bool is_length_first;
	uint32_t interface_count;
	struct savefile_interface interfaces[SAVEFILE_INTERFACES];
};

/**
 * savefile_next() - the next frame
 * @savefile: all zero before the first call
 * @data: bytes read and not taken; bytes taken are removed
 * @record: on SAVEFILE_FRAME; its data is within the former @data, and interface, link_type and time_ns are
 *	    filled too
 * @err: on failure
 *
 * Pure apart from @savefile. Return: enum savefile_step, or -EINVAL: it is no savefile, or damaged.
 */
int savefile_next(struct savefile *savefile, struct span *data, struct dissect_record *record, struct err *err);

#endif
