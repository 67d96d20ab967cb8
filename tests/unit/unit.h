/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TESTS_UNIT_UNIT_H
#define CONNTRACE_TESTS_UNIT_UNIT_H

/* cmocka 1.1 wants these four before its own header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/** UNIT_RUN() - run a table of tests, the result as TAP on stdout */
#define UNIT_RUN(tests) (cmocka_set_message_output(CM_OUTPUT_TAP), cmocka_run_group_tests(tests, NULL, NULL))

#endif
