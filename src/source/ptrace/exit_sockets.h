/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_EXIT_SOCKETS_H
#define CONNTRACE_SOURCE_PTRACE_EXIT_SOCKETS_H

#include <stdint.h>

#include "source/ptrace/stop.h"

/*
 * The connections that a process holds without a call that would have reported them: when it is attached to, when it is
 * launched, when it ends.
 *
 * The end of a process with open connections: its sockets can be read while it lives. Only when it is gone it shows
 * whether another process, a parent or a child that shares them, still holds them.
 */

/**
 * struct exit_socket - a connection that an ending process had open
 * @info: its last sample, with its flow
 * @fd: its descriptor
 * @is_shared: another traced process had it, too, or may have had it, before the end
 */
struct exit_socket {
	struct event info;
	int fd;
	bool is_shared;
};

/** exit_sockets_existing() - report descriptor @fd of a process that was attached to or launched */
void exit_sockets_existing(struct stop *stop, struct target *target, int fd);

/** exit_sockets_inherited() - the connections that a launched command was given, as a server of inetd is */
void exit_sockets_inherited(struct stop *stop, struct target *target);

/**
 * exit_sockets_read() - a thread is about to end; if it is the last one, read the sockets of its process, still open
 */
void exit_sockets_read(struct stop *stop, struct tracee *tracee);

/** exit_sockets_end_fd() - a descriptor that is readable when the whole process is gone; or a negative errno */
int exit_sockets_end_fd(struct target *target);

/**
 * exit_sockets_report() - that thread is gone: report the connections that ended with it
 * @stop: gathers events
 * @tracee: it, still in the table
 * @status: as wait(2) reported it
 */
void exit_sockets_report(struct stop *stop, struct tracee *tracee, int status);

#endif
