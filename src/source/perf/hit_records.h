/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PERF_HIT_RECORDS_H
#define CONNTRACE_SOURCE_PERF_HIT_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct perf_event_attr;

/* The records that the kernel writes of a breakpoint (perf_event_open(2)). */

/** Bytes of the stack that come with a hit: the address is often there, some frames above the library's function. */
#define HIT_STACK 512

/** enum hit_type - what a record says */
enum hit_type {
	/** nothing of interest */
	HIT_NONE,
	/** a watched thread is at a site */
	HIT_CALL,
	/** a process has called execve(2): its sites are gone; @bytes has its new name */
	HIT_EXEC,
	/** a process has mapped a file to execute it */
	HIT_MAP,
	/** a process was created; @parent */
	HIT_FORK,
	/** records were lost: @lost */
	HIT_LOST,
};

/**
 * struct hit - a record
 * @type: enum hit_type
 * @time: CLOCK_MONOTONIC in nanoseconds
 * @pid: thread group, as the opener of the event sees it
 * @tid: thread
 * @parent: of HIT_FORK
 * @lost: of HIT_LOST
 * @address: of HIT_CALL: where the thread is
 * @result: of the system call, a negative errno when it failed
 * @arguments: the first four of the system call
 * @stack: stack pointer
 * @bytes: the stack from there on
 * @length: how much of it is in @bytes
 */
struct hit {
	enum hit_type type;
	uint64_t time;
	int32_t pid;
	int32_t tid;
	int32_t parent;
	uint64_t lost;
	uint64_t address;
	int64_t result;
	uint64_t arguments[4];
	uint64_t stack;
	uint8_t bytes[HIT_STACK];
	size_t length;
};

/** hit_records_ask() - set in @attr what hit_records_read() reads; @has_stack: with the stack */
void hit_records_ask(struct perf_event_attr *attr, bool has_stack);

/** hit_records_read() - read one record, with its header; Return: false when it is damaged */
bool hit_records_read(struct span record, struct hit *hit);

/** hit_records_memory() - the @length bytes at @pointer, if they came with the hit; NULL else */
const void *hit_records_memory(const struct hit *hit, uint64_t pointer, size_t length);

#endif
