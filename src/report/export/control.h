/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_EXPORT_CONTROL_H
#define CONNTRACE_REPORT_EXPORT_CONTROL_H

#include <stdint.h>

#include "base/err.h"
#include "report/export/control_request.h"
#include "report/export/status.h"

/** struct control - the socket on which conntrace-stat(1) asks (option --control) */
struct control;

/** Clients served at once; when another comes, the oldest has to go. */
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
 * struct control_source - where the answers come from
 * @context: passed on
 * @status: how the groups stand now; asked at most once in a control_serve()
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
 * @path: where; its directory is made if it is missing, a socket nobody listens on is replaced
 * @source: copied
 * @err: the story of a failure
 *
 * The socket has mode 0660. To be called while there is one thread only: the file mode mask is changed meanwhile.
 *
 * Return: 0; -EADDRINUSE when somebody listens there; -EEXIST when something else is there; another negative errno.
 */
int control_open(struct control **control, const char *path, const struct control_source *source, struct err *err);

/** control_fd() - readable when control_serve() has something to do */
int control_fd(const struct control *control);

/** control_serve() - take requests and send answers as far as that is possible at once; to be called now and then */
void control_serve(struct control *control);

/** control_close() - remove the socket, let the clients go; NULL is fine */
void control_close(struct control *control);

#endif
