/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_HIDDEN_H
#define CONNTRACE_SOURCE_PACKET_HIDDEN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "source/packet/dissect.h"
#include "source/packet/process.h"

/**
 * hidden_check() - search a frame that gave no segment for a hidden TCP segment
 * @counts: by enum packet_hidden; those of its wrappings are raised by one if there is one
 * @record: the frame
 */
void hidden_check(_Atomic uint64_t counts[PACKET_HIDDEN_NUM], const struct dissect_record *record);

/**
 * hidden_text() - no segment was seen at all: name the option that would show hidden ones
 * @text: set to a sentence, when there is such an option
 * @size: of it
 * @stats: the statistics at the end
 * @filter: the packet filter, or NULL
 *
 * Return: true when @text is set.
 */
bool hidden_text(char *text, size_t size, const struct packet_stats *stats, const char *filter);

#endif
