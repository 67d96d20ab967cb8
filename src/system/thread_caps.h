/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_THREAD_CAPS_H
#define CONNTRACE_SYSTEM_THREAD_CAPS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The capabilities of the calling thread (capabilities(7)), by capset(2) and prctl(2). Sets of capabilities are bits:
 * that of CAP_KILL is UINT64_C(1) << CAP_KILL.
 */

/** thread_caps_has() - whether the capability is effective */
bool thread_caps_has(unsigned int capability);

/** thread_caps_keep() - drop all but @kept of what is effective, permitted, inheritable and ambient */
void thread_caps_keep(uint64_t kept);

/** thread_caps_keep_bounds() - drop all but @kept of the bounding set; it takes CAP_SETPCAP, without it nothing happens
 */
void thread_caps_keep_bounds(uint64_t kept);

/** thread_caps_drop() - drop all of them. Return: whether none is left */
bool thread_caps_drop(void);

#endif
