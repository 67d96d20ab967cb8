/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TESTS_UNIT_UNIT_H
#define CONNTRACE_TESTS_UNIT_UNIT_H

/* cmocka 1.1 wants these four before its own header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* cmocka 2 calls these deprecated, and some compilers then warn. */
#undef assert_in_range
#undef assert_not_in_range
#pragma GCC poison assert_in_range assert_not_in_range
/* cmocka 2 has a macro of this name: a function of a test that is called so does not compile with it. */
#ifndef stop
#define stop()
#endif

/** UNIT_RUN() - run a table of tests, the result as TAP on stdout */
#define UNIT_RUN(tests) (cmocka_set_message_output(CM_OUTPUT_TAP), cmocka_run_group_tests(tests, NULL, NULL))

#endif
