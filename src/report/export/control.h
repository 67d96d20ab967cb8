/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_EXPORT_CONTROL_H
#define CONNTRACE_REPORT_EXPORT_CONTROL_H

#include <stdint.h>

#include "base/err.h"
#include "report/export/control_request.h"
#include "report/export/status.h"

/** struct control - the socket that conntrace-stat(1) queries (option --control) */
struct control;

/** Clients served at once; one more closes the oldest. */
#define CONTROL_CLIENTS_MAX 32

/** Clients whose last REFRESH is remembered, in all and of one user; the one that asked longest ago is forgotten. */
#define CONTROL_BASELINES_MAX 64
#define CONTROL_BASELINES_OF_USER 16

/**
 * The first line of an answer to REFRESH gmetric when the client may have been forgotten: its figures are counted from
 * the start
 */
#define CONTROL_FORGOTTEN "# since the start: this client has no baseline, and some were dropped\n"

/**
 * struct control_source - functions that give the answers
 * @context: passed on
 * @status: the current figures of the groups; called at most once in a control_serve()
 * @openmetrics: the answer in that format
 */
struct control_source {
	void *context;
	void (*status)(void *context, struct status *status);
	void (*openmetrics)(void *context, struct text *text);
};

/**
 * control_open() - listen on a Unix socket
 * @control: set on success only
 * @path: its name; its directory is created if missing, a socket that no process listens on is replaced
 * @source: copied
 * @err: the message of a failure
 *
 * The socket has mode 0660. Call it while there is one thread only: it changes the file mode mask temporarily.
 *
 * Return: 0; -EADDRINUSE when a process listens there; -EEXIST when it is another kind of file; another negative errno.
 */
int control_open(struct control **control, const char *path, const struct control_source *source, struct err *err);

/** control_fd() - readable when control_serve() has something to do */
int control_fd(const struct control *control);

/** control_serve() - read requests and send answers as far as possible without blocking; to be called regularly */
void control_serve(struct control *control);

/** control_close() - remove the socket and close the clients; NULL is allowed */
void control_close(struct control *control);

#endif
