// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/files.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/xalloc.h"

/* As many symbolic links as the kernel follows (path_resolution(7)). */
#define LINKS_MAX 40

/* struct named_file - a file of the command line: an existing one, or its future name in its directory */
struct named_file {
	const char *option;
	const char *path;
	char *name; /* NULL when it exists */
	dev_t device;
	ino_t inode; /* of the directory when it does not */
	bool is_known;
};

struct file_list {
	struct named_file *list;
	size_t count;
};

/* The target of a symbolic link, which need not exist; NULL: @path is not a link. To be freed. */
static char *link_target(const char *path)
{
	const char *slash = strrchr(path, '/');
	char target[PATH_MAX];
	ssize_t length = readlink(path, target, sizeof(target) - 1);

	if (length < 0)
		return NULL;
	target[length] = '\0';
	if (target[0] == '/' || slash == NULL)
		return xstrdup(target);
	return xasprintf("%.*s/%s", (int)(slash - path), path, target);
}

/* Set the future name of a file, and its directory. */
static void identify_new(struct named_file *file)
{
	char *path = xstrdup(file->path), *target, *slash;
	struct stat status;

	for (int links = 0; links < LINKS_MAX && (target = link_target(path)) != NULL; links++) {
		free(path);
		path = target;
	}
	slash = strrchr(path, '/');
	if (slash != NULL)
		*slash = '\0';
	file->is_known = stat(slash == NULL ? "." : path[0] != '\0' ? path : "/", &status) == 0;
	file->device = status.st_dev;
	file->inode = status.st_ino;
	file->name = xstrdup(slash != NULL ? slash + 1 : path);
	free(path);
}

static void identify(struct named_file *file, int standard_fd)
{
	bool is_standard = strcmp(file->path, "-") == 0;
	struct stat status;

	if ((is_standard ? fstat(standard_fd, &status) : stat(file->path, &status)) == 0) {
		/* A terminal may be read and written, and /dev/null any number of times. */
		file->is_known = !S_ISCHR(status.st_mode);
		file->device = status.st_dev;
		file->inode = status.st_ino;
	} else if (!is_standard && errno == ENOENT) {
		identify_new(file);
	}
}

static bool is_same(const struct named_file *a, const struct named_file *b)
{
	if (!a->is_known || !b->is_known || a->device != b->device || a->inode != b->inode ||
	    (a->name == NULL) != (b->name == NULL))
		return false;
	return a->name == NULL || strcmp(a->name, b->name) == 0;
}

static const char *word_of(const struct named_file *file, const char *standard)
{
	return strcmp(file->path, "-") == 0 ? standard : file->path;
}

static int refuse(const struct named_file *input, const struct named_file *output, struct err *err)
{
	return err_set(err, EEXIST, "%s \"%s\" would overwrite \"%s\", which %s reads: they are the same file",
		       output->option, word_of(output, "standard output"), word_of(input, "standard input"),
		       input->option);
}

static void add(struct file_list *files, const char *option, const char *path, int standard_fd)
{
	if (path == NULL)
		return;
	files->list = array_extend(files->list, files->count, sizeof(*files->list));
	files->list[files->count] = (struct named_file){.option = option, .path = path};
	identify(&files->list[files->count++], standard_fd);
}

static void free_files(struct file_list *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->list[i].name);
	free(files->list);
}

/* Return: 0, or -EEXIST: @output is one of the inputs or of the other outputs. */
static int compare(const struct named_file *output, const struct file_list *inputs, const struct named_file *others,
		   size_t other_count, struct err *err)
{
	for (size_t i = 0; i < inputs->count; i++)
		if (is_same(output, &inputs->list[i]))
			return refuse(&inputs->list[i], output, err);
	for (size_t i = 0; i < other_count; i++)
		if (is_same(output, &others[i]))
			return err_set(err, EEXIST, "%s and %s cannot both write to \"%s\"%s", others[i].option,
				       output->option, word_of(output, "standard output"),
				       strcmp(output->path, "-") == 0 && strcmp(others[i].option, "--output") == 0
					       ? ": with -o FILE the report goes there"
					       : "");
	return 0;
}

/* Files get the names of others, and what has the last name is removed. */
static int check_rotated(const struct options *options, const struct file_list *inputs, const struct file_list *outputs,
			 struct err *err)
{
	struct stat status;
	int rc = 0;

	if (options->rotate.kept > 0 && stat(options->write, &status) == 0 && !S_ISREG(status.st_mode))
		return err_set(err, EEXIST, "--rotate cannot rename \"%s\": it is not a regular file", options->write);
	for (int i = 1; i < options->rotate.kept && rc == 0; i++) {
		char *path = xasprintf("%s.%d", options->write, i);
		struct file_list file = {NULL, 0};

		add(&file, "--rotate", path, -1);
		rc = compare(file.list, inputs, outputs->list, outputs->count, err);
		free_files(&file);
		free(path);
	}
	return rc;
}

static void add_inputs(struct file_list *inputs, const struct options *options)
{
	const char *rules;

	for (size_t i = 0; i < options->read_count; i++)
		add(inputs, "--read", options->reads[i], STDIN_FILENO);
	add(inputs, "--replay", options->replay, STDIN_FILENO);
	add(inputs, "--strace-log", options->strace_log, STDIN_FILENO);
	for (size_t i = 0; i < options->audit_log_count; i++)
		add(inputs, "--audit-log", options->audit_logs[i], STDIN_FILENO);
	for (size_t i = 0; (rules = expect_rules_file(options->expect, i)) != NULL; i++)
		add(inputs, "--expect", rules, STDIN_FILENO);
}

static void add_outputs(struct file_list *outputs, const struct options *options)
{
	add(outputs, "--output", options->output != NULL ? options->output : "-", STDOUT_FILENO);
	add(outputs, "--record", options->record, STDOUT_FILENO);
	add(outputs, "--write", options->write, STDOUT_FILENO);
	add(outputs, "--metrics", options->metrics, STDOUT_FILENO);
	add(outputs, "--html", options->html, STDOUT_FILENO);
	add(outputs, "--control", options->control, -1);
}

int files_check(const struct options *options, struct err *err)
{
	struct file_list inputs = {NULL, 0}, outputs = {NULL, 0};
	int rc = 0;

	add_inputs(&inputs, options);
	add_outputs(&outputs, options);
	for (size_t i = 0; i < outputs.count && rc == 0; i++)
		rc = compare(&outputs.list[i], &inputs, outputs.list, i, err);
	if (rc == 0)
		rc = check_rotated(options, &inputs, &outputs, err);
	free_files(&inputs);
	free_files(&outputs);
	return rc;
}

bool files_are_to_come(const struct output *output, const struct record_file *record)
{
	return output_is_to_come(output) || (record != NULL && record_is_to_come(record));
}

int files_commit(struct output *output, struct record_file *record, struct err *err)
{
	int rc = output_commit(output, err);

	return rc == 0 && record != NULL ? record_commit(record, err) : rc;
}

int files_close(struct output *output, struct record_file *record, struct err *err)
{
	struct err output_err = {""};
	int rc = record_close(record, err), output_rc = output != NULL ? output_close(output, &output_err) : 0;

	if (rc != 0 || output_rc == -EPIPE)
		return rc;
	if (output_rc != 0)
		*err = output_err;
	return output_rc;
}
