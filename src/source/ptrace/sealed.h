/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_SEALED_H
#define CONNTRACE_SOURCE_PTRACE_SEALED_H

#include <stdbool.h>
#include <stdint.h>

#include "source/ptrace/sealed_sockets.h"
#include "source/ptrace/stop.h"

/*
 * Programs that may not be inspected.
 *
 * A process that is not dumpable (prctl(2), PR_SET_DUMPABLE; a change of its user; a program that may not be read), or
 * that /proc hides, refuses its memory and its descriptors even to its tracer. Its registers are still readable: its
 * calls, their descriptors and their results. All its calls are therefore stopped for, and its TCP sockets are followed
 * by their numbers, from socket(2) on. Sockets that it had while it could be inspected keep their cookies, by which the
 * kernel's final counters find them; later ones have generated cookies and no addresses.
 */

/** sealed_stock() - a call was entered that may seal the process: note its sockets while they can be read */
void sealed_stock(struct stop *stop, struct target *target);

/** sealed_executed() - it has executed another program */
void sealed_executed(struct stop *stop, struct target *target);

/** sealed_entered() - @tracee has entered a call, which is decoded */
void sealed_entered(struct stop *stop, struct tracee *tracee);

/** sealed_returned() - it returned @value from a call that was passed to sealed_entered() */
void sealed_returned(struct stop *stop, struct tracee *tracee, int64_t value);

/**
 * sealed_ended() - its process has ended with wait status @status, and with it the connections that no other process
 * has
 */
void sealed_ended(struct stop *stop, struct tracee *tracee, int status);

#endif
