/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_CLI_VERSION_H
#define CONNTRACE_CLI_VERSION_H

#include <stdio.h>

/** version_print() - the answer to --version: this program, the libraries it runs with, what it was built with */
void version_print(FILE *to);

#endif
