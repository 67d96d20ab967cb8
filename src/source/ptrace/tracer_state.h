/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_TRACER_STATE_H
#define CONNTRACE_SOURCE_PTRACE_TRACER_STATE_H

#include <linux/filter.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/crash.h"
#include "base/notices.h"
#include "source/ptrace/attach.h"
#include "source/ptrace/endings.h"
#include "source/ptrace/placement.h"
#include "source/ptrace/reports.h"
#include "source/ptrace/standby.h"
#include "source/ptrace/stop.h"
#include "source/ptrace/tracer.h"

/* The signal that gets the thread out of wait4(2). */
#define TRACER_WAKE_SIGNAL CRASH_WAKE_SIGNAL

/* Shared by tracer.c (main thread) and tracer_thread.c (tracing thread). */
struct tracer_question {
	atomic_bool waits; /* for the thread to answer; the rest is the thread's until then, main's afterwards */
	int number;        /* signal to be sent, 0 none */
	pid_t *pids;
	size_t room, count;
};

struct tracer {
	struct tracer_config config;
	pthread_t thread;
	int wake_fd;
	size_t seen; /* main's: events pushed at its last check */
	atomic_bool sleeping;
	atomic_bool stop;
	atomic_bool done;
	_Atomic uint64_t stops;
	_Atomic int64_t settled_ns; /* before the stop that is being handled; INT64_MAX: all its events are pushed */
	_Atomic pid_t command;
	atomic_bool command_ended;
	atomic_int command_status;
	atomic_bool command_stopped;
	struct notices notices;
	struct tracer_question question;
	struct standby standby;

	/* The following belongs to the thread until `ready` is posted or the thread has ended. */
	sem_t ready;
	int open_rc;
	int exit_status;
	struct err err;
	char **warnings;
	size_t warning_count;
	struct tracee_table *table;
	struct stop gathered;
	struct placement placement;
	struct reports reports;
	struct endings endings;
	bool launching; /* until the command's own exec */
	long options;
	struct attach_sockets existing;
	struct sock_fprog program;
};

/** tracer_thread() - the tracing thread; @argument is the struct tracer */
void *tracer_thread(void *argument);

#endif
