/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_EXPORT_PCAPNG_H
#define CONNTRACE_REPORT_EXPORT_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* Blocks of a pcapng file (draft-ietf-opsawg-pcapng), in the byte order of this host. Times are in nanoseconds. */

/**
 * struct pcapng_frame - a frame of an Enhanced Packet Block
 * @time_ns: since the epoch
 * @data: @caplen bytes
 * @caplen: captured bytes
 * @length: of the frame on the wire
 * @interface: number of its interface in the section
 * @way: direction, the values of epb_flags: 0 unknown, 1 received, 2 sent
 * @pid: for epb_processid_threadid, 0 unknown
 * @tid: likewise
 * @comment: "" none
 */
struct pcapng_frame {
	int64_t time_ns;
	const uint8_t *data;
	uint32_t caplen;
	uint32_t length;
	uint32_t interface;
	uint32_t way;
	uint32_t pid;
	uint32_t tid;
	const char *comment;
};

/** pcapng_section() - append the head of a section; @program: name and version of the writer */
void pcapng_section(struct text *to, const char *program);

/** pcapng_interface() - append the description of an interface; @link_type: DLT_*; @name: "" unknown */
void pcapng_interface(struct text *to, int link_type, const char *name);

/** pcapng_frame() - append a frame */
void pcapng_frame(struct text *to, const struct pcapng_frame *frame);

/**
 * pcapng_statistics() - append the statistics of an interface
 * @to: the blocks
 * @interface: its number in the section
 * @begin_ns: of the capture, since the epoch
 * @end_ns: likewise
 * @drops: frames that the kernel had no room for, below 0 unknown
 */
void pcapng_statistics(struct text *to, uint32_t interface, int64_t begin_ns, int64_t end_ns, int64_t drops);

/**
 * pcapng_whole() - the blocks that are complete in the first bytes of some
 * @blocks: whole blocks
 * @length: bytes from their begin
 * @frames: set to the number of complete blocks that hold a frame
 *
 * Return: bytes of the complete ones.
 */
size_t pcapng_whole(const char *blocks, size_t length, uint64_t *frames);

#endif
