// SPDX-License-Identifier: GPL-2.0-or-later
#include "capscript.h"

#include <arpa/inet.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef DLT_LINUX_SLL2
#define DLT_LINUX_SLL2 276
#endif

#define FLOWS_MAX 64
#define FRAME_MAX 65536

struct flow_ends {
	char name[16];
	bool v6;
	uint8_t ip[2][16];
	uint16_t port[2];
};

struct script {
	capscript_function function;
	void *context;
	struct flow_ends flows[FLOWS_MAX];
	int flow_count;
	int link;
	uint16_t vlans[4];
	int vlan_count;
	int64_t time_ns;
	uint32_t snaplen;
};

static uint8_t *put16(uint8_t *to, unsigned int value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
	return to + 2;
}

static uint8_t *put32(uint8_t *to, uint32_t value)
{
	return put16(put16(to, value >> 16), value & 0xffff);
}

static uint8_t *put_link(uint8_t *to, const struct capscript_frame *frame)
{
	unsigned int type = frame->v6 ? 0x86dd : 0x0800;

	switch (frame->link) {
	case DLT_EN10MB:
		memset(to, 2, 12);
		to += 12;
		for (int i = 0; i < frame->vlan_count; i++) {
			/* The outer one of several is a service tag. */
			to = put16(to, i + 1 < frame->vlan_count ? 0x88a8 : 0x8100);
			to = put16(to, frame->vlans[i]);
		}
		return put16(to, type);
	case DLT_LINUX_SLL:
		to = put16(to, frame->outgoing ? 4 : 0);
		memset(to, 0, 12);
		return put16(to + 12, type);
	case DLT_LINUX_SLL2:
		to = put32(put16(put16(to, type), 0), frame->interface);
		to = put16(to, 1);
		*to++ = frame->outgoing ? 4 : 0;
		memset(to, 0, 9);
		return to + 9;
	case DLT_NULL: {
		uint32_t family = frame->v6 ? 30 : 2;

		memcpy(to, &family, 4);
		return to + 4;
	}
	case DLT_LOOP:
		return put32(to, frame->v6 ? 24 : 2);
	case DLT_PPP:
		return put16(put16(to, 0xff03), frame->v6 ? 0x57 : 0x21);
	default:
		return to;
	}
}

static uint8_t *put_ip(uint8_t *to, const struct capscript_frame *frame, uint32_t payload, int protocol, bool reverse)
{
	const uint8_t *source = reverse ? frame->destination : frame->source;
	const uint8_t *destination = reverse ? frame->source : frame->destination;

	if (frame->v6) {
		uint32_t length = payload + (frame->hop_by_hop ? 8 : 0);

		to = put32(to, 6u << 28);
		to = put16(to, frame->tso ? 0 : length);
		*to++ = (uint8_t)(frame->hop_by_hop ? 0 : protocol);
		*to++ = frame->ttl ? frame->ttl : 64;
		memcpy(to, source, 16);
		memcpy(to + 16, destination, 16);
		to += 32;
		if (frame->hop_by_hop) {
			static const uint8_t padding[8] = {0, 0, 1, 4};

			memcpy(to, padding, 8);
			*to = (uint8_t)protocol;
			to += 8;
		}
		return to;
	}
	to = put16(to, 0x4500);
	to = put16(to, frame->tso ? 0 : payload + 20);
	to = put16(to, frame->ip_id);
	to = put16(to, frame->fragment ? 0x2000 : 0);
	*to++ = frame->ttl ? frame->ttl : 64;
	*to++ = (uint8_t)protocol;
	to = put16(to, 0);
	memcpy(to, source, 4);
	memcpy(to + 4, destination, 4);
	return to + 8;
}

static int build_options(const struct capscript_frame *frame, uint8_t *to)
{
	uint8_t *at = to;

	memcpy(at, frame->options, (size_t)frame->option_length);
	at += frame->option_length;
	if (frame->has_mss)
		at = put16(put16(at, 0x0204), frame->mss);
	if (frame->sack_ok)
		at = put16(at, 0x0402);
	if (frame->has_ts)
		at = put32(put32(put16(at, 0x080a), frame->tsval), frame->tsecr);
	if (frame->wscale >= 0) {
		at = put16(at, 0x0303);
		*at++ = (uint8_t)frame->wscale;
	}
	while ((at - to) % 4 != 0)
		*at++ = 1;
	return (int)(at - to);
}

static uint8_t *put_tcp(uint8_t *to, const struct capscript_frame *frame)
{
	uint8_t options[64];
	int length = build_options(frame, options);

	to = put16(put16(to, frame->source_port), frame->destination_port);
	to = put32(put32(to, frame->seq), frame->ack);
	to = put16(to, (unsigned int)(5 + length / 4) << 12 | frame->flags);
	to = put16(to, frame->window);
	to = put32(to, 0);
	memcpy(to, options, (size_t)length);
	return to + length;
}

uint32_t capscript_build(const struct capscript_frame *frame, uint8_t *to)
{
	uint8_t tcp[128], *at = put_link(to, frame);
	uint32_t header = (uint32_t)(put_tcp(tcp, frame) - tcp);

	if (frame->icmp) {
		struct capscript_frame quoted = *frame;

		quoted.hop_by_hop = false;
		at = put_ip(at, &quoted, 8 + (frame->v6 ? 40 : 20) + 8, frame->v6 ? 58 : 1, true);
		*at++ = frame->icmp_type;
		*at++ = frame->icmp_code;
		at = put16(at, 0);
		at = put32(at, 0);
		at = put_ip(at, &quoted, header, 6, false);
		memcpy(at, tcp, 8);
		return (uint32_t)(at + 8 - to);
	}
	at = put_ip(at, frame, header + frame->payload, 6, false);
	memcpy(at, tcp, header);
	at += header;
	memset(at, 0, frame->payload);
	if (frame->text != NULL)
		memcpy(at, frame->text, frame->text_length);
	return (uint32_t)(at + frame->payload - to);
}

static int64_t nanoseconds(const char *text)
{
	char *end;
	int64_t value = (int64_t)strtoull(text, &end, 10) * INT64_C(1000000000), unit = 100000000;

	if (*end == '.')
		for (end++; *end >= '0' && *end <= '9'; end++, unit /= 10)
			value += (*end - '0') * unit;
	return value;
}

static bool set_link(struct script *script, const char *name)
{
	static const struct {
		const char *name;
		int link;
	} links[] = {
		{"ethernet", DLT_EN10MB}, {"sll", DLT_LINUX_SLL}, {"sll2", DLT_LINUX_SLL2}, {"null", DLT_NULL},
		{"loop", DLT_LOOP},       {"raw", DLT_RAW},       {"ppp", DLT_PPP},
	};

	for (size_t i = 0; name != NULL && i < sizeof(links) / sizeof(links[0]); i++)
		if (strcmp(links[i].name, name) == 0) {
			script->link = links[i].link;
			return true;
		}
	return false;
}

static bool add_flow(struct script *script, char **save)
{
	struct flow_ends *flow = &script->flows[script->flow_count];
	const char *name = strtok_r(NULL, " \t", save);

	if (name == NULL || script->flow_count == FLOWS_MAX)
		return false;
	snprintf(flow->name, sizeof(flow->name), "%s", name);
	for (int i = 0; i < 2; i++) {
		const char *address = strtok_r(NULL, " \t", save), *port = strtok_r(NULL, " \t", save);

		if (address == NULL || port == NULL)
			return false;
		flow->v6 = strchr(address, ':') != NULL;
		if (inet_pton(flow->v6 ? AF_INET6 : AF_INET, address, flow->ip[i]) != 1)
			return false;
		flow->port[i] = (uint16_t)atoi(port);
	}
	script->flow_count++;
	return true;
}

static bool parse_flags(const char *text, uint16_t *flags)
{
	static const char letters[] = "FSRPAUEW";

	*flags = 0;
	for (; *text != '\0'; text++) {
		const char *at = strchr(letters, *text);

		if (*text == '-')
			continue;
		if (at == NULL)
			return false;
		*flags |= (uint16_t)(1u << (at - letters));
	}
	return true;
}

static bool parse_hex(struct capscript_frame *frame, const char *text)
{
	unsigned int byte;

	for (; text != NULL && sscanf(text, "%2x", &byte) == 1 && frame->option_length < 40; text += 2)
		frame->options[frame->option_length++] = (uint8_t)byte;
	return text != NULL;
}

/* @text becomes the bytes it says, where it stands. */
static bool parse_text(struct capscript_frame *frame, char *text)
{
	uint8_t *to = (uint8_t *)text;
	unsigned int byte;

	if (text == NULL)
		return false;
	frame->text = to;
	while (*text != '\0') {
		if (text[0] != '\\') {
			*to++ = (uint8_t)*text++;
		} else if (text[1] == 'x' && sscanf(text + 2, "%2x", &byte) == 1) {
			*to++ = (uint8_t)byte;
			text += 4;
		} else if (text[1] == 'r' || text[1] == 'n') {
			*to++ = text[1] == 'r' ? '\r' : '\n';
			text += 2;
		} else {
			return false;
		}
	}
	/* With len before it, zeros behind it. */
	frame->text_length = (uint32_t)(to - frame->text);
	if (frame->payload < frame->text_length)
		frame->payload = frame->text_length;
	return true;
}

static bool parse_word(struct capscript_frame *frame, const char *word, char **save)
{
	static const char *const numbers[] = {"seq", "ack", "win", "len", "ipid", "mss", "wscale", "ts", "if", "ttl"};
	uint32_t value = 0;
	const char *text;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(word, numbers[i]) == 0) {
			text = strtok_r(NULL, " \t", save);
			if (text == NULL)
				return false;
			value = (uint32_t)strtoul(text, NULL, 0);
		}
	if (strcmp(word, "seq") == 0)
		frame->seq = value;
	else if (strcmp(word, "ack") == 0)
		frame->ack = value;
	else if (strcmp(word, "win") == 0)
		frame->window = (uint16_t)value;
	else if (strcmp(word, "len") == 0)
		frame->payload = value;
	else if (strcmp(word, "ipid") == 0)
		frame->ip_id = (uint16_t)value;
	else if (strcmp(word, "ttl") == 0)
		frame->ttl = (uint8_t)value;
	else if (strcmp(word, "if") == 0)
		frame->interface = (uint16_t)value;
	else if (strcmp(word, "wscale") == 0)
		frame->wscale = (int)value;
	else if (strcmp(word, "mss") == 0)
		frame->has_mss = true, frame->mss = (uint16_t)value;
	else if (strcmp(word, "ts") == 0)
		frame->has_ts = true, frame->tsval = value, text = strtok_r(NULL, " \t", save),
		frame->tsecr = text ? (uint32_t)strtoul(text, NULL, 0) : 0;
	else if (strcmp(word, "sackok") == 0)
		frame->sack_ok = true;
	else if (strcmp(word, "hop") == 0)
		frame->hop_by_hop = true;
	else if (strcmp(word, "frag") == 0)
		frame->fragment = true;
	else if (strcmp(word, "tso") == 0)
		frame->tso = true;
	else if (strcmp(word, "notime") == 0)
		frame->timeless = true;
	else if (strcmp(word, "out") == 0)
		frame->outgoing = true;
	else if (strcmp(word, "text") == 0)
		return parse_text(frame, strtok_r(NULL, "", save));
	else if (strcmp(word, "hex") == 0)
		return parse_hex(frame, strtok_r(NULL, " \t", save));
	else
		return strcmp(word, "in") == 0;
	return true;
}

static bool parse_frame(struct script *script, const char *delay, char **save)
{
	static uint8_t bytes[FRAME_MAX + 256];
	struct capscript_frame frame = {.link = script->link, .window = 65535, .wscale = -1};
	const char *name = strtok_r(NULL, " \t", save), *direction = strtok_r(NULL, " \t", save);
	const char *flags = strtok_r(NULL, " \t", save), *word;
	const struct flow_ends *flow = NULL;
	uint32_t length;
	int from;

	for (int i = 0; name != NULL && i < script->flow_count; i++)
		if (strcmp(script->flows[i].name, name) == 0)
			flow = &script->flows[i];
	if (flow == NULL || direction == NULL || flags == NULL)
		return false;
	from = direction[0] == '<';
	frame.v6 = flow->v6;
	memcpy(frame.source, flow->ip[from], 16);
	memcpy(frame.destination, flow->ip[!from], 16);
	frame.source_port = flow->port[from];
	frame.destination_port = flow->port[!from];
	memcpy(frame.vlans, script->vlans, sizeof(frame.vlans));
	frame.vlan_count = script->vlan_count;
	if (strcmp(flags, "icmp") == 0) {
		unsigned int type, code;

		word = strtok_r(NULL, " \t", save);
		if (word == NULL || sscanf(word, "%u/%u", &type, &code) != 2)
			return false;
		frame.icmp = true;
		frame.icmp_type = (uint8_t)type;
		frame.icmp_code = (uint8_t)code;
	} else if (!parse_flags(flags, &frame.flags)) {
		return false;
	}
	while ((word = strtok_r(NULL, " \t", save)) != NULL)
		if (!parse_word(&frame, word, save))
			return false;
	if (frame.payload > FRAME_MAX - 256)
		return false;
	script->time_ns += nanoseconds(delay);
	length = capscript_build(&frame, bytes);
	script->function(script->context, script->link, frame.timeless ? -1 : script->time_ns, bytes,
			 length < script->snaplen ? length : script->snaplen, length);
	return true;
}

static bool parse_line(struct script *script, char *line)
{
	char *save = NULL;
	const char *word = strtok_r(line, " \t", &save);

	if (word == NULL)
		return true;
	if (word[0] == '+')
		return parse_frame(script, word + 1, &save);
	if (strcmp(word, "flow") == 0)
		return add_flow(script, &save);
	if (strcmp(word, "link") == 0)
		return set_link(script, strtok_r(NULL, " \t", &save));
	if (strcmp(word, "vlan") == 0) {
		script->vlan_count = 0;
		while ((word = strtok_r(NULL, " \t", &save)) != NULL && script->vlan_count < 4)
			if (strcmp(word, "none") != 0)
				script->vlans[script->vlan_count++] = (uint16_t)atoi(word);
		return true;
	}
	if (strcmp(word, "time") == 0 || strcmp(word, "snaplen") == 0) {
		const char *value = strtok_r(NULL, " \t", &save);

		if (value == NULL)
			return false;
		if (word[0] == 't')
			script->time_ns = nanoseconds(value);
		else
			script->snaplen = (uint32_t)atoi(value);
		return true;
	}
	return false;
}

const char *capscript_run(const char *text, capscript_function function, void *context)
{
	static char line[512];
	struct script script = {
		.function = function,
		.context = context,
		.link = DLT_EN10MB,
		.time_ns = INT64_C(1700000000000000000),
		.snaplen = FRAME_MAX,
	};

	while (*text != '\0') {
		size_t length = strcspn(text, "\n");
		char copy[sizeof(line)];

		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		line[strcspn(line, "#")] = '\0';
		memcpy(copy, line, sizeof(copy));
		if (!parse_line(&script, copy))
			return line;
		text += length + (text[length] == '\n');
	}
	return NULL;
}
