/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_EXPORT_CONTROL_REQUEST_H
#define CONNTRACE_REPORT_EXPORT_CONTROL_REQUEST_H

#include <stdbool.h>

#include "base/span.h"

/** Longest request, its line end included. */
#define CONTROL_REQUEST_MAX 128

/** Longest name of a client. */
#define CONTROL_CLIENT_MAX 32

/** enum control_format - in which form the answer is wanted */
enum control_format {
	CONTROL_JSON,
	CONTROL_TEXT,
	CONTROL_GMETRIC,
	CONTROL_OPENMETRICS,
	CONTROL_FORMAT_NUM
};

/**
 * struct control_request - what a client asks
 * @format: of the answer
 * @refresh: what was counted since this client's last one, instead of since the start
 * @client: as which one it is known, "" unless it says so; letters, digits and "_", "-", "."
 */
struct control_request {
	enum control_format format;
	bool refresh;
	char client[CONTROL_CLIENT_MAX + 1];
};

/**
 * control_request_parse() - a line "GET [FORMAT]" or "REFRESH [FORMAT [CLIENT]]"
 * @line: without its line end; words are separated by single blanks
 * @request: set on success only; JSON when it names no format
 *
 * Return: 0 or -EINVAL.
 */
int control_request_parse(struct span line, struct control_request *request);

/**
 * control_request_end() - where the first line in @bytes ends: the bytes before LF or CR LF
 * @bytes: what has come so far
 * @line: set when there is one
 *
 * Return: is there a whole line?
 */
bool control_request_end(struct span bytes, struct span *line);

#endif
