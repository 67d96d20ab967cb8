/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_CAPTURE_H
#define CONNTRACE_SOURCE_PACKET_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "source/packet/dissect.h"

struct bpf_program;

/** Default number of bytes captured of each frame: link layer, IPv6 with extension headers, TCP with options. */
#define CAPTURE_SNAPLEN 256

/** Default kernel buffer, KiB. */
#define CAPTURE_BUFFER_KIB 8192

/** The errno (negative as a return value) of a wrong filter expression: an error of the user, not of the system. */
#define CAPTURE_BAD_FILTER EBADRQC

/**
 * struct capture_config - how to capture on an interface
 * @interface: its name, or "any"
 * @filter: pcap-filter(7) expression, or NULL
 * @narrow: @narrow_count further expressions; the first that can be compiled for the link type must match
 *	    too
 * @narrow_count: may be 0
 * @promisc: capture frames for other hosts too
 * @udp: UDP may carry TCP
 * @names: answers of DNS are wanted, too
 * @snaplen: bytes of each frame, 0 for CAPTURE_SNAPLEN
 * @buffer_kib: kernel buffer, 0 for CAPTURE_BUFFER_KIB
 */
struct capture_config {
	const char *interface;
	const char *filter;
	const char *const *narrow;
	size_t narrow_count;
	bool promisc;
	bool udp;
	bool names;
	int snaplen;
	int buffer_kib;
};

/** struct capture - an interface that libpcap captures on */
struct capture;

/**
 * capture_open_live() - capture on an interface, without ever blocking in capture_read()
 *
 * Return: 0, or a negative errno with the message in @err (-EPERM, -ENODEV, -EINVAL for the filter, -EPROTONOSUPPORT
 * for the link type, ...).
 */
int capture_open_live(struct capture **capture, const struct capture_config *config, struct err *err);

/**
 * capture_compile() - compile a filter expression for a link type
 * @program: set on success; to be freed with pcap_freecode()
 * @is_copy: for frames of a savefile, or copied out of the kernel: filters can't read there what only the
 *	    kernel knows, and their loopback headers may be another system's
 *
 * May look up names, so not under confine().
 */
int capture_compile(struct bpf_program *program, const char *filter, int link_type, bool is_copy, struct err *err);

/** capture_link_type() - DLT_* */
int capture_link_type(const struct capture *capture);

/** capture_fd() - for poll(2) */
int capture_fd(const struct capture *capture);

/** typedef capture_function - gets a frame; its data is valid during the call only */
typedef void (*capture_function)(void *context, const struct dissect_record *record);

/**
 * capture_read() - pass frames to @function
 * @capture: the source
 * @count: their approximate maximum
 * @function: gets each
 * @context: is passed on
 * @err: on failure
 *
 * Return: number of frames, 0 when there are none now, or a negative errno.
 */
int capture_read(struct capture *capture, int count, capture_function function, void *context, struct err *err);

/** capture_stop() - make capture_read() return early; may be called by its function */
void capture_stop(struct capture *capture);

/** capture_drops() - frames the kernel had no room for since the last call; -1 unknown */
int64_t capture_drops(struct capture *capture);

#endif
