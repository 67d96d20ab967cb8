/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_CLI_VERSION_H
#define CONNTRACE_CLI_VERSION_H

#include <stdio.h>

/** version_print() - print the output of --version: this program, its libraries, and its build options */
void version_print(FILE *to);

#endif
