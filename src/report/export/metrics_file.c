// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/export/metrics_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"

/* As many symbolic links as the kernel follows (path_resolution(7)). */
#define LINKS_MAX 40
#define TRIES 100
#define LETTERS 6

struct metrics_file {
	char *directory; /* "" or ends in a slash */
	char *name;
	mode_t mode;
	const char *what;
};

static void set_path(struct metrics_file *file, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash != NULL ? (size_t)(slash - path) + 1 : 0;

	free(file->directory);
	free(file->name);
	file->directory = xasprintf("%.*s", (int)length, path);
	file->name = xstrdup(path + length);
}

static int open_directory(const struct metrics_file *file)
{
	return open(file->directory[0] != '\0' ? file->directory : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* may_follow_link() of the kernel's fs/namei.c. */
static bool may_follow(const struct stat *link, const struct stat *directory)
{
	const mode_t shared = S_ISVTX | S_IWOTH;

	return link->st_uid == geteuid() || (directory->st_mode & shared) != shared ||
	       directory->st_uid == link->st_uid;
}

/* Replace the name in @file by the target of the link it names. Return: 0 or an errno. */
static int follow(struct metrics_file *file, int directory, const struct stat *link)
{
	char target[PATH_MAX];
	struct stat parent;
	ssize_t length;
	char *path;

	if (fstat(directory, &parent) != 0)
		return errno;
	if (!may_follow(link, &parent))
		return EACCES;
	length = readlinkat(directory, file->name, target, sizeof(target) - 1);
	if (length < 0)
		return errno;
	target[length] = '\0';
	path = target[0] == '/' ? xstrdup(target) : xasprintf("%s%s", file->directory, target);
	set_path(file, path);
	free(path);
	return 0;
}

static void random_letters(char *to)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	unsigned char bytes[LETTERS];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		memset(bytes, 0, sizeof(bytes));
	for (size_t i = 0; i < LETTERS; i++)
		to[i] = letters[bytes[i] % (sizeof(letters) - 1)];
}

/* Create a file in the same directory; its name is put into @beside. Return: a descriptor or a negative errno. */
static int create_beside(const struct metrics_file *file, int directory, char **beside)
{
	char *name = xasprintf("%s.%0*d", file->name, LETTERS, 0);
	int fd = -1;

	for (int i = 0; i < TRIES && fd < 0 && (i == 0 || errno == EEXIST); i++) {
		random_letters(name + strlen(name) - LETTERS);
		fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	}
	*beside = name;
	return fd >= 0 ? fd : -errno;
}

/* A file system can refuse more than the permissions show. Return: 0 or an errno. */
static int check_directory(const struct metrics_file *file, int directory)
{
	char *beside;
	int fd = create_beside(file, directory, &beside);

	if (fd >= 0) {
		unlinkat(directory, beside, 0);
		close(fd);
	}
	free(beside);
	return fd >= 0 ? 0 : -fd;
}

/* Follow the links at the end of the path. Return: 0 or an errno. */
static int resolve(struct metrics_file *file)
{
	int error = 0, links = 0;
	bool is_link = true;

	while (is_link && error == 0) {
		int directory = open_directory(file);
		struct stat status;

		if (directory < 0)
			return errno;
		is_link = fstatat(directory, file->name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
		if (is_link)
			error = ++links <= LINKS_MAX ? follow(file, directory, &status) : ELOOP;
		else if (file->name[0] != '\0')
			error = check_directory(file, directory);
		close(directory);
	}
	return error;
}

static bool is_no_file(const struct metrics_file *file)
{
	char *path = xasprintf("%s%s", file->directory, file->name);
	struct stat status;
	bool is_other = file->name[0] == '\0' || (lstat(path, &status) == 0 && !S_ISREG(status.st_mode));

	free(path);
	return is_other;
}

int metrics_file_open(struct metrics_file **opened, const char *path, const char *what, mode_t mode, struct err *err)
{
	struct metrics_file *file = xcalloc(1, sizeof(*file));
	mode_t mask = umask(0);
	bool is_refused_link;
	struct stat status;
	int error, rc = 0;

	umask(mask);
	file->mode = mode != 0 ? mode : 0666 & ~mask;
	file->what = what;
	set_path(file, path);
	error = resolve(file);
	is_refused_link = error == EACCES && lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
	/* The target of a link of /proc/self/fd may have no name. */
	if (!is_refused_link && (is_no_file(file) || (stat(path, &status) == 0 && !S_ISREG(status.st_mode))))
		rc = err_set(err, EINVAL, "cannot write %s to \"%s\": it is not a regular file%s", what, path,
			     mode == 0 ? "; conntrace-stat --openmetrics queries them" : "");
	else if (is_refused_link)
		rc = err_set(
			err, error,
			"cannot write %s to \"%s\": %s; a symbolic link of another user in a directory that everybody "
			"may write to is not followed",
			what, path, strerror(error));
	else if (error != 0)
		rc = err_set(err, error, "cannot write %s to \"%s\": %s", what, path, strerror(error));
	if (rc != 0) {
		metrics_file_close(file);
		return rc;
	}
	*opened = file;
	return 0;
}

static int write_all(int fd, const struct text *text)
{
	size_t written = 0;

	while (written < text->length) {
		ssize_t some = write(fd, text->data + written, text->length - written);

		if (some < 0 && errno != EINTR)
			return errno;
		written += some > 0 ? (size_t)some : 0;
	}
	return 0;
}

static int save(const struct metrics_file *file, int directory, const struct text *text)
{
	char *beside;
	int fd = create_beside(file, directory, &beside), error = fd < 0 ? -fd : write_all(fd, text);

	/* Until here only its owner can read it. */
	if (error == 0 && fchmod(fd, file->mode) != 0)
		error = errno;
	if (fd >= 0 && close(fd) != 0 && error == 0)
		error = errno;
	if (error == 0 && renameat(directory, beside, directory, file->name) != 0)
		error = errno;
	if (error != 0 && fd >= 0)
		unlinkat(directory, beside, 0);
	free(beside);
	return error;
}

int metrics_file_save(const struct metrics_file *file, const struct text *text, struct err *err)
{
	int directory = open_directory(file), error = directory < 0 ? errno : save(file, directory, text);

	if (directory >= 0)
		close(directory);
	return error == 0 ? 0
			  : err_set(err, error, "cannot write %s to \"%s%s\": %s", file->what, file->directory,
				    file->name, strerror(error));
}

void metrics_file_close(struct metrics_file *file)
{
	if (file == NULL)
		return;
	free(file->directory);
	free(file->name);
	free(file);
}
