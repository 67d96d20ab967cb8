// SPDX-License-Identifier: GPL-2.0-or-later
/* In place of programs.c where conntrace is built without libbpf. */
#include "source/bpf/programs.h"

#include <errno.h>

#include "source/source.h"

struct programs;

bool programs_built_in(void)
{
	return false;
}

const char *programs_version(void)
{
	return "";
}

int programs_open(struct programs **programs, const struct programs_config *config, struct err *err)
{
	(void)programs;
	return programs_check(config, err);
}

int programs_check(const struct programs_config *config, struct err *err)
{
	(void)config;
	return err_set(err, ENOTSUP, "this conntrace was built without libbpf (configure --with-bpf)");
}

int programs_fd(const struct programs *programs)
{
	(void)programs;
	return -1;
}

bool programs_sleep(struct programs *programs)
{
	(void)programs;
	return true;
}

int programs_read(struct programs *programs, struct queue *events)
{
	(void)programs;
	(void)events;
	return SOURCE_END;
}

void programs_drain(struct programs *programs)
{
	(void)programs;
}

bool programs_is_drained(const struct programs *programs)
{
	(void)programs;
	return true;
}

int64_t programs_settled_ns(const struct programs *programs)
{
	(void)programs;
	return INT64_MAX;
}

const char *programs_refused(const struct programs *programs, size_t index)
{
	(void)programs;
	(void)index;
	return NULL;
}

size_t programs_others(const struct programs *programs, pid_t *pids, size_t room)
{
	(void)programs;
	(void)pids;
	(void)room;
	return 0;
}

void programs_close(struct programs *programs)
{
	(void)programs;
}
