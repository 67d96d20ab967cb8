/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_FILES_H
#define CONNTRACE_RUN_FILES_H

#include "base/err.h"
#include "cli/options.h"
#include "run/output.h"
#include "source/replay/record.h"

/**
 * files_check() - refuse to write a file that is read, or to write one file twice
 *
 * Files are compared by device and inode, so links and descriptors redirected by the shell are found too. A device may
 * be named any number of times.
 *
 * Return: 0, or -EEXIST with the reason in @err.
 */
int files_check(const struct options *options, struct err *err);

/** files_are_to_come() - true when files_commit() has a file to create */
bool files_are_to_come(const struct output *output, const struct record_file *record);

/**
 * files_commit() - create or empty the files of --output and --record, before the first write
 * @output: the reports
 * @record: NULL is allowed
 * @err: the first failure
 *
 * Return: 0 or a negative errno.
 */
int files_commit(struct output *output, struct record_file *record, struct err *err);

/**
 * files_close() - write out what is buffered and close both; NULL is allowed
 *
 * Return: 0 or the first negative errno with the reason in @err. A closed reader of the reports is not an error.
 */
int files_close(struct output *output, struct record_file *record, struct err *err);

#endif
