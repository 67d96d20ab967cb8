// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes savefiles.
 *
 *   mkpcap [-f pcap|pcapng] [-t us|ns] [-e little|big] [-o FILE] [SCRIPT]
 *   mkpcap --storm CONNECTIONS [--packets-per N] [--interleave M] [-o FILE]
 *
 * A script (capscript.h; standard input when none is named) becomes the frames
 * it says; in pcapng each link type becomes an interface, and what has no time is
 * written so, of the first of them. A storm is for
 * measuring: CONNECTIONS connections of N packets (from 7: handshake, data and
 * acknowledgements, close; or 1: an attempt without an answer), M of them at
 * a time.
 */
#include <getopt.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capscript.h"

#define LINKS_MAX 16

struct writer {
	FILE *file;
	bool pcapng, nano, swap, begun;
	/* The interfaces of pcapng, one for each link type. */
	int links[LINKS_MAX];
	uint32_t link_count;
};

static void put(struct writer *writer, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		putc((int)(value >> 8 * (writer->swap ? bytes - 1 - i : i)) & 0xff, writer->file);
}

/* Numbers of savefiles where they differ from DLT_* (pcap-linktype(7)). */
static uint32_t linktype(int link)
{
	return link == DLT_RAW ? 101 : (uint32_t)link;
}

static void begin(struct writer *writer, int link)
{
	writer->begun = true;
	if (!writer->pcapng) {
		put(writer, writer->nano ? 0xa1b23c4d : 0xa1b2c3d4, 4);
		put(writer, 2, 2);
		put(writer, 4, 2);
		put(writer, 0, 4);
		put(writer, 0, 4);
		put(writer, 262144, 4);
		put(writer, linktype(link), 4);
		return;
	}
	put(writer, 0x0a0d0d0a, 4); /* section header */
	put(writer, 28, 4);
	put(writer, 0x1a2b3c4d, 4);
	put(writer, 1, 2);
	put(writer, 0, 2);
	put(writer, 0xffffffff, 4);
	put(writer, 0xffffffff, 4);
	put(writer, 28, 4);
}

/* Return: the number of the interface with this link type. */
static uint32_t interface(struct writer *writer, int link)
{
	for (uint32_t i = 0; i < writer->link_count; i++)
		if (writer->links[i] == link)
			return i;
	if (writer->link_count == LINKS_MAX)
		return 0;
	put(writer, 1, 4); /* interface description */
	put(writer, 32, 4);
	put(writer, linktype(link), 2);
	put(writer, 0, 2);
	put(writer, 262144, 4);
	put(writer, 9, 2); /* if_tsresol */
	put(writer, 1, 2);
	put(writer, writer->nano ? 9 : 6, 1);
	put(writer, 0, 1);
	put(writer, 0, 2);
	put(writer, 0, 4);
	put(writer, 32, 4);
	writer->links[writer->link_count] = link;
	return writer->link_count++;
}

/* A simple packet, which has no time; it is of the first interface. */
static void write_simple(struct writer *writer, int link, const uint8_t *data, uint32_t caplen, uint32_t length)
{
	uint32_t padded = (caplen + 3) & ~3u;

	(void)interface(writer, link);
	put(writer, 3, 4);
	put(writer, 16 + padded, 4);
	put(writer, length, 4);
	fwrite(data, 1, caplen, writer->file);
	put(writer, 0, (int)(padded - caplen));
	put(writer, 16 + padded, 4);
}

static void write_frame(void *context, int link, int64_t time_ns, const uint8_t *data, uint32_t caplen, uint32_t length)
{
	struct writer *writer = context;
	uint32_t padded = (caplen + 3) & ~3u;

	if (!writer->begun)
		begin(writer, link);
	if (writer->pcapng && time_ns < 0) {
		write_simple(writer, link, data, caplen, length);
		return;
	}
	if (writer->pcapng) {
		uint64_t units = (uint64_t)(writer->nano ? time_ns : time_ns / 1000);
		uint32_t number = interface(writer, link);

		put(writer, 6, 4); /* enhanced packet */
		put(writer, 32 + padded, 4);
		put(writer, number, 4);
		put(writer, (uint32_t)(units >> 32), 4);
		put(writer, (uint32_t)units, 4);
	} else {
		put(writer, (uint32_t)(time_ns / 1000000000), 4);
		put(writer, (uint32_t)(time_ns % 1000000000 / (writer->nano ? 1 : 1000)), 4);
	}
	put(writer, caplen, 4);
	put(writer, length, 4);
	fwrite(data, 1, caplen, writer->file);
	if (writer->pcapng) {
		put(writer, 0, (int)(padded - caplen));
		put(writer, 32 + padded, 4);
	}
}

/* The step-th packet of a connection of @steps, which began with the given sequence numbers. */
static void storm_packet(struct capscript_frame *frame, uint32_t number, uint32_t step, uint32_t steps)
{
	uint32_t isn = number * 2654435761u, other = isn ^ 0x5bd1e995;
	uint32_t data = steps - 7, half = data / 2, sent, got;
	bool reply;

	*frame = (struct capscript_frame){.link = DLT_EN10MB, .window = 502, .wscale = -1, .has_ts = true};
	frame->tsval = number * 7 + step;
	frame->ip_id = (uint16_t)(step * 3 + number);
	frame->flags = 0x10;
	/* Data and acknowledgement take turns between handshake (3) and close (4). */
	sent = step < 3 ? 0 : (step - 3 < data ? step - 3 + 1 : data) / 2 * 100;
	got = 1;
	reply = step == 1 || step == steps - 3 || step == steps - 2 || (step >= 3 && step < 3 + data && (step - 3) % 2);
	if (step < 2) {
		frame->flags = step == 0 ? 0x02 : 0x12;
		frame->has_mss = frame->sack_ok = true;
		frame->mss = 1460;
		frame->wscale = 7;
		frame->window = 64240;
	}
	if (step >= 3 && step < 3 + data && !reply && (step - 3) / 2 < half) {
		frame->payload = 100;
		frame->flags |= 0x08;
		sent = (step - 3) / 2 * 100;
	}
	if (step >= 3 + data)
		sent = half * 100;
	if (step == steps - 4 || step == steps - 2)
		frame->flags |= 0x01;
	got += step > steps - 2;
	frame->seq = reply ? other + (step > 1) : isn + (step > 0 ? 1 + sent + (step > steps - 4) : 0);
	frame->ack = step == 0 ? 0 : reply ? isn + 1 + (step > 1 ? sent : 0) + (step > steps - 4) : other + got;
	frame->source[0] = frame->destination[0] = 10;
	memcpy(frame->source + 1, reply ? "\0\0\1" : "\1\0\0", 3);
	memcpy(frame->destination + 1, reply ? "\1\0\0" : "\0\0\1", 3);
	(reply ? frame->destination : frame->source)[2] = (uint8_t)(number / 50000 >> 8);
	(reply ? frame->destination : frame->source)[3] = (uint8_t)(number / 50000 + 1);
	frame->source_port = (uint16_t)(reply ? 80 : 10000 + number % 50000);
	frame->destination_port = (uint16_t)(reply ? 10000 + number % 50000 : 80);
}

static void storm(struct writer *writer, uint32_t connections, uint32_t steps, uint32_t interleave)
{
	static uint8_t bytes[65536 + 256];
	int64_t time_ns = INT64_C(1700000000000000000);
	struct capscript_frame frame;

	for (uint32_t first = 0; first < connections; first += interleave)
		for (uint32_t step = 0; step < steps; step++)
			for (uint32_t i = first; i < first + interleave && i < connections; i++) {
				uint32_t length;

				storm_packet(&frame, i, step, steps);
				length = capscript_build(&frame, bytes);
				time_ns += 10000;
				write_frame(writer, DLT_EN10MB, time_ns, bytes, length, length);
			}
}

static char *read_all(FILE *file)
{
	size_t used = 0, room = 1 << 16;
	char *text = malloc(room);

	while (text != NULL) {
		size_t got = fread(text + used, 1, room - used - 1, file);

		used += got;
		text[used] = '\0';
		if (got == 0)
			return text;
		if (used + 1 == room)
			text = realloc(text, room *= 2);
	}
	return NULL;
}

static int usage(void)
{
	fprintf(stderr, "usage: mkpcap [-f pcap|pcapng] [-t us|ns] [-e little|big] [-o FILE] [SCRIPT]\n"
			"       mkpcap --storm CONNECTIONS [--packets-per N] [--interleave M] [-o FILE]\n");
	return 2;
}

/* Return: the exit status. */
static int run_script(struct writer *writer, const char *name)
{
	FILE *script = name ? fopen(name, "re") : stdin;
	const char *wrong;
	char *text;

	if (script == NULL) {
		perror(name);
		return 1;
	}
	text = read_all(script);
	wrong = text ? capscript_run(text, write_frame, writer) : "out of memory";
	if (wrong != NULL)
		fprintf(stderr, "mkpcap: not understood: %s\n", wrong);
	else if (!writer->begun)
		begin(writer, DLT_EN10MB);
	free(text);
	return wrong != NULL;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"storm", required_argument, NULL, 's'},
		{"packets-per", required_argument, NULL, 'n'},
		{"interleave", required_argument, NULL, 'm'},
		{NULL, 0, NULL, 0},
	};
	struct writer writer = {.file = stdout};
	uint32_t connections = 0, steps = 12, interleave = 5000;
	int option, status = 0;

	while ((option = getopt_long(argc, argv, "f:t:e:o:", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			writer.pcapng = strcmp(optarg, "pcapng") == 0;
			break;
		case 't':
			writer.nano = strcmp(optarg, "ns") == 0;
			break;
		case 'e':
			writer.swap = strcmp(optarg, "big") == 0;
			break;
		case 'o':
			writer.file = fopen(optarg, "wbe");
			if (writer.file == NULL) {
				perror(optarg);
				return 1;
			}
			break;
		case 's':
			connections = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'n':
			steps = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'm':
			interleave = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		default:
			return usage();
		}
	}
	if (connections > 0) {
		if ((steps < 7 && steps != 1) || interleave == 0)
			return usage();
		storm(&writer, connections, steps, interleave);
	} else {
		status = run_script(&writer, optind < argc ? argv[optind] : NULL);
	}
	if (fclose(writer.file) != 0) {
		perror("mkpcap");
		return 1;
	}
	return status;
}
