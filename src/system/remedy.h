/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_REMEDY_H
#define CONNTRACE_SYSTEM_REMEDY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What a message recommends. Each of these looks whether it can work for this
 * process on this system: a remedy that fails costs more than none.
 */

/** remedy_in_user_namespace() - is root here another user outside? */
bool remedy_in_user_namespace(void);

/** remedy_has_program() - is there a program of this name in PATH or in the folders of the administrator's programs? */
bool remedy_has_program(const char *name);

/**
 * remedy_rights() - how conntrace gets the right to look into any process, to be put behind "run conntrace"
 *
 * Return: "as root", or where root has not CAP_SYS_PTRACE either, as in a container, how it gets that.
 */
const char *remedy_rights(void);

/** remedy_yama() - ", or as root: sysctl ..." where root here can lift the restrictions of Yama, else "" */
const char *remedy_yama(void);

/** remedy_capture() - how conntrace gets the right to capture packets; Return: @text, "needs CAP_NET_RAW: ..." */
const char *remedy_capture(char *text, size_t size);

#endif
