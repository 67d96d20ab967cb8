/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_EXPORT_METRICS_FILE_H
#define CONNTRACE_REPORT_EXPORT_METRICS_FILE_H

#include <sys/types.h>

#include "base/err.h"
#include "base/text.h"

/** struct metrics_file - a file whose content is replaced atomically each time */
struct metrics_file;

/**
 * metrics_file_open() - check whether a file can be replaced, without changing it
 * @file: set on success only
 * @path: a file that exists or can be created; a symbolic link stands for its target
 * @what: what it holds, for messages
 * @mode: permissions of the new file; 0: as umask(2) has them
 * @err: the reason of a failure
 *
 * A symbolic link is not followed where fs.protected_symlinks (proc_sys_fs(5)) would forbid it, whatever its setting:
 * in a sticky directory that everybody may write to, when it belongs neither to us nor to the directory's owner.
 *
 * Return: 0 or a negative errno.
 */
int metrics_file_open(struct metrics_file **file, const char *path, const char *what, mode_t mode, struct err *err);

/**
 * metrics_file_save() - replace the content; a reader finds either the old or the new content, complete
 *
 * The file is written under its name with a dot and six random letters appended, and renamed. So a link or pipe that
 * another process put at its name meanwhile is replaced, not written to.
 *
 * Return: 0, or a negative errno with the reason in @err; the file is unchanged then.
 */
int metrics_file_save(const struct metrics_file *file, const struct text *text, struct err *err);

/** metrics_file_close() - NULL is allowed; the file stays */
void metrics_file_close(struct metrics_file *file);

#endif
