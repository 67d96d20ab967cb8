// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/about.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/number.h"
#include "base/table.h"
#include "run/privileges.h"
#include "source/destroy/destroy.h"
#include "system/diag.h"
#include "system/socket.h"
#include "system/procfs.h"
#include "source/sampler/targets.h"

/* Each answer is tried out, not looked up, except for Yama, whose rule depends on who is to be attached to. */

static void answer(FILE *to, bool works, const char *what, const char *remedy)
{
	if (works)
		fprintf(to, "yes  %s\n", what);
	else
		fprintf(to, "no   %s: %s\n", what, remedy);
}

static bool can_trace_child(void)
{
	pid_t child = fork();
	bool works;

	if (child < 0)
		return false;
	if (child == 0) {
		pause();
		_exit(0);
	}
	works = ptrace(PTRACE_SEIZE, child, NULL, NULL) == 0;
	kill(child, SIGKILL);
	while (waitpid(child, NULL, __WALL) < 0 && errno == EINTR)
		;
	return works;
}

static bool can_filter(void)
{
	unsigned int action = SECCOMP_RET_TRACE;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static bool can_hear_destroy(void)
{
	const struct destroy_config config = {0};
	struct destroy *destroy;
	struct err err;
	bool works = destroy_open(&destroy, &config, &err) == 0;

	if (works)
		destroy_close(destroy);
	return works;
}

static bool can_ask_kernel(void)
{
	struct diag *diag;
	struct err err;
	bool works = diag_open(&diag, 0, &err) == 0;

	if (works)
		diag_close(diag);
	return works;
}

static bool can_capture(void)
{
	int socket_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (socket_fd >= 0)
		close(socket_fd);
	return socket_fd >= 0;
}

/* Yama's ptrace_scope: 0, also when Yama is not there, to 3. */
#define YAMA_NUM 4


static int64_t yama_scope(void)
{
	FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	char line[16] = "0";
	int64_t scope = 0;

	if (file == NULL)
		return 0;
	if (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (number_parse(line, 0, YAMA_NUM - 1, &scope) != 0)
			scope = 0;
	}
	fclose(file);
	return scope;
}

/* Yama's scopes (Documentation/admin-guide/LSM/Yama.rst) and the remedy for each; 0 restricts nothing. */
static const char *const yama_remedies[] = {
	NULL,
	"Yama allows descendants only: sysctl kernel.yama.ptrace_scope=0, or root",
	"Yama allows CAP_SYS_PTRACE only: sysctl kernel.yama.ptrace_scope=0, or root",
	"Yama forbids all tracing until the next boot (ptrace_scope 3)",
};
TABLE_COVERS(yama_remedies, YAMA_NUM);

static void check_trace(FILE *to)
{
	int64_t scope = yama_scope();
	bool yama_allows = scope < 2 || (scope == 2 && privileges_has(CAP_SYS_PTRACE));

	answer(to, can_trace_child(), "launch and trace a command",
	       yama_allows ? "ptrace(2) is forbidden here (container, sandbox)" : yama_remedies[scope]);
}

static void check_attach(FILE *to)
{
	int64_t scope = yama_scope();
	bool others = privileges_has(CAP_SYS_PTRACE);
	bool works = scope == 0 || (scope < 3 && others);

	answer(to, works, others ? "attach to every process (-p)" : "attach to processes of the same user (-p)",
	       yama_remedies[scope]);
}

void about_check(FILE *to)
{
	fprintf(to, "What works here, as user %d:\n", (int)geteuid());
	check_trace(to);
	answer(to, can_filter(), "launch at full speed, under a system-call filter",
	       "no seccomp with SECCOMP_RET_TRACE; use --no-filter");
	check_attach(to);
	answer(to, socket_can_take(), "read socket counters at accept and connect (handshake and queue times)",
	       "pidfd_getfd(2) is not allowed here: Linux 5.6 is needed, and in a container CAP_SYS_PTRACE");
	answer(to, can_hear_destroy(), "hear the final counters of every connection (exact bytes)",
	       "no socket destroy events: the kernel has no inet_diag (modprobe tcp_diag)");
	answer(to, can_ask_kernel(), "ask for the counters of open connections", "the kernel has no sock_diag");
	answer(to, can_capture(), "capture packets (-i)",
	       "needs CAP_NET_RAW: setcap cap_net_raw+ep \"$(command -v conntrace)\", or root");
	answer(to, true, "read savefiles (-r)", "");
	answer(to,
	       privileges_has(CAP_SYS_PTRACE) && privileges_has(CAP_DAC_READ_SEARCH) && privileges_has(CAP_SETUID) &&
		       privileges_has(CAP_SETGID),
	       "name the processes of other users (-i without a target), run as another user (-u)",
	       "needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, for -u CAP_SETUID and CAP_SETGID; or root");
}

/* Would --via=diag do for what is watched? It is tried; a process that is no more is watched by nothing. */
static bool can_watch(const struct options *options)
{
	struct targets *targets = targets_new(false);
	uint32_t netns = procfs_netns(getpid());
	bool works = can_hear_destroy() && can_ask_kernel();
	struct err err;

	for (size_t i = 0; i < options->pid_count && works; i++) {
		int rc = targets_add(targets, options->pids[i], netns, &err);

		works = rc == 0 || rc == -ESRCH;
	}
	targets_free(targets);
	return works;
}

void about_start(const struct options *options)
{
	const char *file = options_file(options);
	char name[4 * 256];
	const char *end = "Ctrl-C ends and prints the report";

	if (options->quiet)
		return;
	if (options->pid_count > 0 && options->via != OPTIONS_VIA_DIAG)
		fprintf(stderr,
			"conntrace: attached by ptrace: the target runs slower while it is watched%s (see OVERHEAD in "
			"conntrace(1))\n", can_watch(options) ? "; --via=diag does not stop it" : "");
	if (!isatty(STDERR_FILENO) || options->command != NULL || options->top)
		return;
	escape_message(name, sizeof(name), file == NULL ? "" : strcmp(file, "-") == 0 ? "standard input" : file);
	if (file != NULL)
		fprintf(stderr, "conntrace: reading %s; %s\n", name, end);
	else if (options->pid_count > 0)
		fprintf(stderr, "conntrace: watching the connections of the target; %s\n", end);
	else
		fprintf(stderr, "conntrace: watching all connections on %s%s; %s\n", options->interfaces[0],
			options->interface_count > 1 ? " and other interfaces" : "", end);
}
