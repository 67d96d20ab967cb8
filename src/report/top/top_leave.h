/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_TOP_TOP_LEAVE_H
#define CONNTRACE_REPORT_TOP_TOP_LEAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

/*
 * The terminal is restored however the process ends that uses it: at its exit
 * and by signals that end it, in that process; after SIGKILL, in the process
 * that forked it, see run/job_proxy.h.
 */

/** Limit of the bytes that restore a terminal. */
#define TOP_LEAVE_BYTES 256

/** top_leave_share() - share with later forked processes whether one uses the terminal */
void top_leave_share(void);

/**
 * top_leave_prepare() - prepare to restore the terminal
 * @tty: its descriptor
 * @modes: its original modes
 * @farewell: bytes that restore it
 * @length: their number, at most TOP_LEAVE_BYTES
 */
void top_leave_prepare(int tty, const struct termios *modes, const char *farewell, size_t length);

/** top_leave_taken() - the terminal is in use, or has been restored */
void top_leave_taken(bool taken);

/** top_leave_end() - the terminal is restored and not used again */
void top_leave_end(void);

/** top_leave_restore() - restore the terminal, if it is in use; async-signal-safe */
void top_leave_restore(void);

/** top_leave_rescue() - restore the terminal that a killed process used, unless a shell uses it by now */
void top_leave_rescue(void);

#endif
