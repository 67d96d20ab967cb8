// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/command.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "run/orphans.h"
#include "system/socket.h"
#include "source/ptrace/launch.h"
#include "source/source.h"

struct command {
	struct launch launch;
	const char *name;
	uint64_t start;
	int pidfd;
	int status;
	bool runs;
	bool ended;
};

int command_open(struct command **opened, const struct tracer_config *config, struct err *err)
{
	const struct sigaction children = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
	struct command *command = xcalloc(1, sizeof(*command));
	int rc;

	launch_remember_signals();
	/* If SIGCHLD is ignored, the exit status is lost. */
	sigaction(SIGCHLD, &children, NULL);
	rc = launch_fork(&command->launch, config, NULL, err);
	if (rc != 0) {
		free(command);
		return rc;
	}
	command->name = config->command[0];
	command->pidfd = socket_process(command->launch.pid);
	command->start = orphans_start(command->launch.pid);
	*opened = command;
	return 0;
}

int command_go(struct command *command, int *exit_status, struct err *err)
{
	command->runs = true;
	launch_go(&command->launch);
	return launch_result(&command->launch, command->name, exit_status, err);
}

pid_t command_pid(const struct command *command)
{
	return command->launch.pid;
}

uint64_t command_start(const struct command *command)
{
	return command->start;
}

bool command_status(struct command *command, int *status)
{
	if (!command->ended && waitpid(command->launch.pid, &command->status, WNOHANG) == command->launch.pid)
		command->ended = true;
	if (command->ended)
		*status = command->status;
	return command->ended;
}

bool command_lives(const struct command *command)
{
	struct pollfd ended = {.fd = command->pidfd, .events = POLLIN};

	/* Without a pidfd (Linux before 5.3) a zombie counts as running. */
	return command->pidfd >= 0 ? poll(&ended, 1, 0) == 0 : kill(command->launch.pid, 0) == 0;
}

/* Readable when it has ended. */
static int fd_of(const void *source)
{
	const struct command *command = source;

	return command->ended ? -1 : command->pidfd;
}

static int read_end(void *source, struct queue *events, struct err *err)
{
	int status;

	(void)events;
	(void)err;
	return fd_of(source) >= 0 && command_status(source, &status) ? SOURCE_END : 0;
}

/* The command runs on if it has not ended. */
static void close_source(void *source)
{
	struct command *command = source;

	/* A child that was never released must not run unwatched. */
	if (!command->runs) {
		kill(command->launch.pid, SIGKILL);
		(void)waitpid(command->launch.pid, NULL, 0);
	}
	if (command->pidfd >= 0)
		close(command->pidfd);
	free(command);
}

const struct source_ops command_source = {
	.name = "command",
	.role = SOURCE_AUXILIARY,
	.fd = fd_of,
	.read = read_end,
	.close = close_source,
};
