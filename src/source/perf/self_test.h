/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PERF_SELF_TEST_H
#define CONNTRACE_SOURCE_PERF_SELF_TEST_H

#include "base/err.h"

/**
 * self_test_run() - set breakpoints in a child of this process, and compare what they report with what it does
 *
 * The child calls connect(2) without a socket, which sends nothing.
 *
 * Return: 0, or a negative errno with the reason and the remedy in @err: -EACCES without the rights, -ENODEV without
 * breakpoints in the processor, -ENOTSUP when the C library here is not understood.
 */
int self_test_run(struct err *err);

/** self_test_free() - how many breakpoints of the processor this thread can have now; debuggers take some */
int self_test_free(void);

#endif
