// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/savefile_set.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One savefile. @stdin_count: number of times standard input was named */
static int check_savefile(struct savefile_set *set, const char *name, int *stdin_count, struct err *err)
{
	struct stat status;

	if (strcmp(name, "-") != 0) {
		if (stat(name, &status) < 0)
			return 0; /* opening it gives the reason */
		if (S_ISDIR(status.st_mode))
			return err_set(err, EISDIR, "\"%s\" is a directory; a savefile is expected", name);
		set->deferred |= !S_ISREG(status.st_mode);
		return 0;
	}
	if (++*stdin_count > 1)
		return err_set(err, EINVAL, "\"-\": standard input can be read once only");
	if (isatty(STDIN_FILENO))
		return err_set(err, EINVAL,
			       "\"-\": standard input is a terminal; packets come from a pipe, as in "
			       "tcpdump -w - | conntrace -r -");
	set->deferred |= fstat(STDIN_FILENO, &status) < 0 || !S_ISREG(status.st_mode);
	return 0;
}

int savefile_set_check(struct savefile_set *set, const struct packet_config *config, struct err *err)
{
	int got = 0, stdin_count = 0;

	*set = (struct savefile_set){.size = 0};
	for (size_t i = 0; i < PACKET_SAVEFILES; i++)
		set->fds[i] = -1;
	if (config->savefile_count > PACKET_SAVEFILES)
		return err_set(err, E2BIG, "%zu savefiles: %d are allowed; mergecap(1) makes one of many",
			       config->savefile_count, PACKET_SAVEFILES);
	for (size_t i = 0; i < config->savefile_count && got == 0; i++)
		got = check_savefile(set, config->savefiles[i], &stdin_count, err);
	return got;
}

/* Regular files are opened here, because their offset is read in both processes. */
int savefile_set_open(struct savefile_set *set, const struct packet_config *config, struct err *err)
{
	struct stat all[PACKET_SAVEFILES];

	for (size_t i = 0; i < config->savefile_count; i++) {
		const char *name = config->savefiles[i];
		bool is_stdin = strcmp(name, "-") == 0;

		all[i].st_ino = 0;
		if ((is_stdin ? fstat(STDIN_FILENO, &all[i]) : stat(name, &all[i])) != 0 || !S_ISREG(all[i].st_mode)) {
			set->size = -1;
			continue;
		}
		for (size_t before = 0; before < i; before++)
			if (all[before].st_ino == all[i].st_ino && all[before].st_dev == all[i].st_dev)
				return err_set(err, EINVAL, "\"%s\" is the same file as \"%s\"; read it once", name,
					       config->savefiles[before]);
		set->fds[i] = is_stdin ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
		if (set->size >= 0)
			set->size += all[i].st_size;
	}
	return 0;
}

int64_t savefile_set_offset(const struct savefile_set *set, size_t count)
{
	int64_t sum = 0;

	if (count == 0 || set->size < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		int64_t offset = set->fds[i] < 0 ? -1 : (int64_t)lseek(set->fds[i], 0, SEEK_CUR);

		if (offset < 0)
			return -1;
		sum += offset;
	}
	return sum;
}

void savefile_set_close(struct savefile_set *set)
{
	for (size_t i = 0; i < PACKET_SAVEFILES; i++)
		if (set->fds[i] > STDIN_FILENO)
			close(set->fds[i]);
}
