/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_EXPORT_CONTROL_REQUEST_H
#define CONNTRACE_REPORT_EXPORT_CONTROL_REQUEST_H

#include <stdbool.h>

#include "base/span.h"

/** Longest request, with its line end. */
#define CONTROL_REQUEST_MAX 128

/** Longest name of a client. */
#define CONTROL_CLIENT_MAX 32

/** enum control_format - the form of the answer */
enum control_format {
	CONTROL_JSON,
	CONTROL_TEXT,
	CONTROL_GMETRIC,
	CONTROL_OPENMETRICS,
	CONTROL_FORMAT_NUM
};

/**
 * struct control_request - a request of a client
 * @format: of the answer
 * @refresh: count since this client's previous request instead of since the start
 * @client: the client's name, "" when it gives none; letters, digits and "_", "-", "."
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
 * control_request_end() - find the end of the first line in @bytes: LF or CR LF
 * @bytes: received so far
 * @line: set when there is a line
 *
 * Return: true when there is a whole line.
 */
bool control_request_end(struct span bytes, struct span *line);

#endif
