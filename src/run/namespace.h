/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_NAMESPACE_H
#define CONNTRACE_RUN_NAMESPACE_H

#include <sys/types.h>

#include "cli/options.h"

/**
 * namespace_enter() - enter the network namespace of the processes to watch by --via=diag
 *
 * sock_diag(7) lists and reports the sockets of the namespace in which it was opened. The namespace of the first
 * process is entered if all of them are in other namespaces, and CAP_SYS_ADMIN allows it (setns(2)). Packets and names
 * are those of the present namespace, so nothing is entered if they are wanted. To be called before any thread is
 * started.
 *
 * Return: the process whose namespace was entered; 0 none.
 */
pid_t namespace_enter(const struct options *options);

#endif
