// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/export/pcapng.h"

#include <pcap/dlt.h>
#include <string.h>

#define BLOCK_SECTION 0x0a0d0d0au
#define BLOCK_INTERFACE 1
#define BLOCK_STATISTICS 5
#define BLOCK_ENHANCED_PACKET 6
#define BYTE_ORDER_MAGIC 0x1a2b3c4du

#define OPTION_END 0
#define OPTION_COMMENT 1
#define SECTION_USER_APPLICATION 4
#define INTERFACE_NAME 2
#define INTERFACE_RESOLUTION 9
#define PACKET_FLAGS 2
#define PACKET_PROCESS_THREAD 8
#define STATISTICS_BEGIN 2
#define STATISTICS_END 3
#define STATISTICS_OS_DROPS 7

#define NANOSECONDS 9

static void put_bytes(struct text *to, const void *bytes, size_t length)
{
	static const char padding[4];

	text_add_bytes(to, bytes, length);
	text_add_bytes(to, padding, (4 - length % 4) % 4);
}

static void put16(struct text *to, uint16_t number)
{
	text_add_bytes(to, (const char *)&number, sizeof(number));
}

static void put32(struct text *to, uint32_t number)
{
	text_add_bytes(to, (const char *)&number, sizeof(number));
}

/* The two halves of a time or a count, the upper one first. */
static void put_time(struct text *to, int64_t time_ns)
{
	put32(to, (uint32_t)((uint64_t)time_ns >> 32));
	put32(to, (uint32_t)time_ns);
}

static void put_option(struct text *to, uint16_t code, const void *value, size_t length)
{
	put16(to, code);
	put16(to, (uint16_t)length);
	put_bytes(to, value, length);
}

static void put_string(struct text *to, uint16_t code, const char *value)
{
	if (value[0] != '\0')
		put_option(to, code, value, strlen(value));
}

/* Return: where the block begins, for end_block(). */
static size_t begin_block(struct text *to, uint32_t type)
{
	size_t begin = to->length;

	put32(to, type);
	put32(to, 0);
	return begin;
}

static void end_block(struct text *to, size_t begin)
{
	uint32_t length;

	put16(to, OPTION_END);
	put16(to, 0);
	length = (uint32_t)(to->length - begin + sizeof(length));
	put32(to, length);
	memcpy(to->data + begin + 4, &length, sizeof(length));
}

void pcapng_section(struct text *to, const char *program)
{
	size_t begin = begin_block(to, BLOCK_SECTION);

	put32(to, BYTE_ORDER_MAGIC);
	put16(to, 1);
	put16(to, 0);
	/* The length of the section is not known. */
	put32(to, UINT32_MAX);
	put32(to, UINT32_MAX);
	put_string(to, SECTION_USER_APPLICATION, program);
	end_block(to, begin);
}

/* Files have other numbers for a few of the types (pcap-linktype(7)). */
static uint16_t link_number(int link_type)
{
	switch (link_type) {
	case DLT_ATM_RFC1483:
		return 100;
	case DLT_RAW:
		return 101;
	case DLT_LOOP:
		return 108;
	case DLT_ENC:
		return 109;
	default:
		return (uint16_t)link_type;
	}
}

void pcapng_interface(struct text *to, int link_type, const char *name)
{
	const uint8_t resolution = NANOSECONDS;
	size_t begin = begin_block(to, BLOCK_INTERFACE);

	put16(to, link_number(link_type));
	put16(to, 0);
	/* Any number of bytes: each frame has its own. */
	put32(to, 0);
	put_string(to, INTERFACE_NAME, name);
	put_option(to, INTERFACE_RESOLUTION, &resolution, sizeof(resolution));
	end_block(to, begin);
}

void pcapng_frame(struct text *to, const struct pcapng_frame *frame)
{
	const uint32_t process[2] = {frame->pid, frame->tid};
	size_t begin = begin_block(to, BLOCK_ENHANCED_PACKET);

	put32(to, frame->interface);
	put_time(to, frame->time_ns);
	put32(to, frame->caplen);
	put32(to, frame->length);
	put_bytes(to, frame->data, frame->caplen);
	if (frame->way != 0)
		put_option(to, PACKET_FLAGS, &frame->way, sizeof(frame->way));
	if (frame->pid != 0)
		put_option(to, PACKET_PROCESS_THREAD, process, sizeof(process));
	put_string(to, OPTION_COMMENT, frame->comment);
	end_block(to, begin);
}

static void put_time_option(struct text *to, uint16_t code, int64_t time_ns)
{
	put16(to, code);
	put16(to, 8);
	put_time(to, time_ns);
}

void pcapng_statistics(struct text *to, uint32_t interface, int64_t begin_ns, int64_t end_ns, int64_t drops)
{
	size_t begin = begin_block(to, BLOCK_STATISTICS);

	put32(to, interface);
	put_time(to, end_ns);
	put_time_option(to, STATISTICS_BEGIN, begin_ns);
	put_time_option(to, STATISTICS_END, end_ns);
	if (drops >= 0)
		put_option(to, STATISTICS_OS_DROPS, &drops, sizeof(drops));
	end_block(to, begin);
}

size_t pcapng_whole(const char *blocks, size_t length, uint64_t *frames)
{
	size_t whole = 0;

	*frames = 0;
	while (length - whole >= 8) {
		uint32_t head[2];

		memcpy(head, blocks + whole, sizeof(head));
		if (head[1] > length - whole)
			break;
		*frames += head[0] == BLOCK_ENHANCED_PACKET;
		whole += head[1];
	}
	return whole;
}
