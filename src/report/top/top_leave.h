/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_TOP_TOP_LEAVE_H
#define CONNTRACE_REPORT_TOP_TOP_LEAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

/*
 * The terminal is given back whatever ends the process that has it: by its exit
 * and by the signals that end it, in that process; by SIGKILL, in the process
 * that has forked it, see run/job_proxy.h.
 */

/** Most bytes that make a terminal plain again. */
#define TOP_LEAVE_BYTES 256

/** top_leave_share() - processes that are forked from here on know of each other whether one has the terminal */
void top_leave_share(void);

/**
 * top_leave_prepare() - the terminal is taken from here on
 * @tty: its descriptor
 * @modes: as they were before
 * @farewell: bytes that make it plain again
 * @length: how many, at most TOP_LEAVE_BYTES
 */
void top_leave_prepare(int tty, const struct termios *modes, const char *farewell, size_t length);

/** top_leave_taken() - the terminal is taken again, or has been given back */
void top_leave_taken(bool taken);

/** top_leave_end() - it has been given back for good */
void top_leave_end(void);

/** top_leave_restore() - give the terminal back, if it is taken; async-signal-safe */
void top_leave_restore(void);

/** top_leave_rescue() - give the terminal back that a process had when it was killed, unless a shell has it by now */
void top_leave_rescue(void);

#endif
