/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_BPF_PROGRAM_EVENTS_H
#define CONNTRACE_SOURCE_BPF_PROGRAM_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "model/event.h"

struct kernel_record;

/** Most events that one record makes. */
#define PROGRAM_EVENTS_MAX 3

/**
 * program_events_make() - the events of a record of the BPF programs
 * @record: the record; KERNEL_PROCESS and KERNEL_EXIT have none
 * @time_ns: its time, since the epoch
 * @events: set
 *
 * Return: how many.
 */
size_t program_events_make(const struct kernel_record *record, int64_t time_ns,
			   struct event events[PROGRAM_EVENTS_MAX]);

#endif
