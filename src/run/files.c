// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/files.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static size_t add(struct named_file *files, size_t count, const char *option, const char *path, int standard_fd)
{
	if (path == NULL)
		return count;
	files[count] = (struct named_file){.option = option, .path = path};
	identify(&files[count], standard_fd);
	return count + 1;
}

int files_check(const struct options *options, struct err *err)
{
	struct named_file outputs[6],
		*inputs = xcalloc(options->read_count + options->audit_log_count + 2, sizeof(*inputs));
	size_t input_count = 0, output_count = 0;
	const char *output = options->output != NULL ? options->output : "-";
	int rc = 0;

	for (size_t i = 0; i < options->read_count; i++)
		input_count = add(inputs, input_count, "--read", options->reads[i], STDIN_FILENO);
	input_count = add(inputs, input_count, "--replay", options->replay, STDIN_FILENO);
	input_count = add(inputs, input_count, "--strace-log", options->strace_log, STDIN_FILENO);
	for (size_t i = 0; i < options->audit_log_count; i++)
		input_count = add(inputs, input_count, "--audit-log", options->audit_logs[i], STDIN_FILENO);
	output_count = add(outputs, output_count, "--output", output, STDOUT_FILENO);
	output_count = add(outputs, output_count, "--record", options->record, STDOUT_FILENO);
	output_count = add(outputs, output_count, "--write", options->write, STDOUT_FILENO);
	output_count = add(outputs, output_count, "--metrics", options->metrics, STDOUT_FILENO);
	output_count = add(outputs, output_count, "--html", options->html, STDOUT_FILENO);
	output_count = add(outputs, output_count, "--control", options->control, -1);
	for (size_t i = 0; i < output_count && rc == 0; i++) {
		for (size_t j = 0; j < input_count && rc == 0; j++)
			if (is_same(&outputs[i], &inputs[j]))
				rc = refuse(&inputs[j], &outputs[i], err);
		for (size_t j = 0; j < i && rc == 0; j++)
			if (is_same(&outputs[i], &outputs[j]))
				rc = err_set(err, EEXIST, "%s and %s cannot both write to \"%s\"", outputs[j].option,
					     outputs[i].option, word_of(&outputs[i], "standard output"));
	}
	for (size_t i = 0; i < input_count; i++)
		free(inputs[i].name);
	free(inputs);
	for (size_t i = 0; i < output_count; i++)
		free(outputs[i].name);
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
