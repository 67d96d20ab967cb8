// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/placement.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* This number of stops in a row makes a thread the only one that stops. */
#define PATIENCE_MIN 32
/* A query costs as much as a stop: while the thread stays on its processor, queries are halved each time. */
#define PATIENCE_MAX 512
/* Field 39 of /proc/PID/stat (proc_pid_stat(5)), counted from the state, which is field 3. */
#define CPU_FIELD (39 - 3)

void placement_init(struct placement *placement)
{
	memset(placement, 0, sizeof(*placement));
	if (sched_getaffinity(0, sizeof(placement->free), &placement->free) != 0)
		CPU_ZERO(&placement->free);
	placement->patience = PATIENCE_MIN;
	placement->bound = -1;
}

/* The processor the thread ran on last, -1 unknown. */
static int last_cpu(pid_t tid)
{
	char path[64], text[1024];
	const char *field;
	ssize_t length;
	int file;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return -1;
	length = read(file, text, sizeof(text) - 1);
	close(file);
	if (length <= 0)
		return -1;
	text[length] = '\0';
	/* The name, field 2, may contain any byte; what follows its last parenthesis does not. */
	field = strrchr(text, ')');
	if (field == NULL)
		return -1;
	field += 2;
	for (int i = 0; i < CPU_FIELD && field != NULL; i++) {
		field = strchr(field, ' ');
		if (field != NULL)
			field++;
	}
	return field != NULL ? (int)strtol(field, NULL, 10) : -1;
}

static void set_free(struct placement *placement)
{
	if (placement->bound >= 0)
		(void)sched_setaffinity(0, sizeof(placement->free), &placement->free);
	placement->bound = -1;
	placement->patience = PATIENCE_MIN;
}

void placement_stop(struct placement *placement, pid_t tid)
{
	cpu_set_t one;
	int cpu;

	if (tid != placement->tid) {
		placement->tid = tid;
		placement->streak = 0;
		set_free(placement);
		return;
	}
	if (++placement->streak < placement->patience)
		return;
	placement->streak = 0;
	cpu = last_cpu(tid);
	if (cpu < 0 || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &placement->free))
		return;
	if (cpu == placement->bound) {
		if (placement->patience < PATIENCE_MAX)
			placement->patience *= 2;
		return;
	}
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	placement->bound = sched_setaffinity(0, sizeof(one), &one) == 0 ? cpu : -1;
	placement->patience = PATIENCE_MIN;
}
