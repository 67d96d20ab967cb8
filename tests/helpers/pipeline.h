/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TESTS_HELPERS_PIPELINE_H
#define CONNTRACE_TESTS_HELPERS_PIPELINE_H

#include "source/packet/dissect.h"
#include "track/wire.h"

/*
 * The shortest way from a savefile to connections: read, dissect, and a plain
 * table. It shows what dissect.c and wire.c do without all that stands around
 * them in the program.
 */

/**
 * struct pipeline_conn - a connection, in the order of first segments
 * @flow: local is who sent its first segment
 * @wire: its evidence
 */
struct pipeline_conn {
	struct flow flow;
	struct wire wire;
};

/**
 * struct pipeline - what a savefile held
 * @conns: @count connections
 * @slots: hash table of their numbers plus one, newest of a tuple
 * @size: of @slots, a power of two
 * @results: frames by enum dissect_result
 * @last_ns: time of the last frame
 * @decapsulate: enum dissect_tunnel, what is looked into
 * @fragments: datagrams in pieces
 * @error: why reading ended early, or ""
 */
struct pipeline {
	struct pipeline_conn *conns;
	uint32_t count;
	uint32_t room;
	uint32_t *slots;
	uint32_t size;
	uint64_t results[DISSECT_RESULT_NUM];
	int64_t last_ns;
	uint8_t decapsulate;
	struct fragments *fragments;
	char error[512];
};

/** pipeline_run() - read all of @path; Return: false when it cannot be opened, see @error */
bool pipeline_run(struct pipeline *pipeline, const char *path, uint8_t decapsulate);

/** pipeline_free() - free what it holds */
void pipeline_free(struct pipeline *pipeline);

#endif
