/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_BPF_PROGRAM_LOAD_H
#define CONNTRACE_SOURCE_BPF_PROGRAM_LOAD_H

#include "source/bpf/programs.h"

struct kernel;

/**
 * program_load() - give the BPF programs to the kernel, not attached yet
 * @kernel: set on success, for kernel__destroy()
 * @config: whom to watch
 * @err: the message of a failure
 *
 * Return: as programs_open().
 */
int program_load(struct kernel **kernel, const struct programs_config *config, struct err *err);

/** program_load_why_not() - the message of a failure; Return: -EPERM or -ENOTSUP */
int program_load_why_not(int error, struct err *err);

/** program_load_by_name() - whether the programs compare names of processes */
bool program_load_by_name(const struct programs_config *config);

#endif
