/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_REMEDY_H
#define CONNTRACE_SYSTEM_REMEDY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Remedies for messages. Each function checks whether its remedy can work for this process on this system: a remedy
 * that fails is worse than none.
 */

/** remedy_in_user_namespace() - whether root here is another user outside */
bool remedy_in_user_namespace(void);

/** remedy_has_program() - whether a program of this name is in PATH or in the directories for administrators */
bool remedy_has_program(const char *name);

/**
 * remedy_rights() - how conntrace gets the right to read any process, to be appended to "run conntrace"
 *
 * Return: "as root", or, where root lacks CAP_SYS_PTRACE too, as in a container, how to get it.
 */
const char *remedy_rights(void);

/** remedy_yama() - ", or as root: sysctl ..." where root can lift the restrictions of Yama, else "" */
const char *remedy_yama(void);

/** remedy_capture() - how conntrace gets the right to capture packets; Return: @text, "needs CAP_NET_RAW: ..." */
const char *remedy_capture(char *text, size_t size);

#endif
