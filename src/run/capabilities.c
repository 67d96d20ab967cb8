// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/table.h"
#include "run/perf_choice.h"
#include "run/privileges.h"
#include "source/audit/audit_live.h"
#include "source/audit/audit_log.h"
#include "source/bpf/programs.h"
#include "source/destroy/destroy.h"
#include "system/diag.h"
#include "system/message.h"
#include "system/socket.h"
#include "system/procfs.h"
#include "system/remedy.h"
#include "source/perf/breakpoints.h"
#include "source/sampler/process_set.h"

/* Each capability is tried, except for Yama, whose rule depends on the process to attach to. */

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

/* Return: 0 or a negative errno. */
static int open_destroy(void)
{
	const struct destroy_config config = {0};
	struct destroy *destroy;
	struct err err;
	int rc = destroy_open(&destroy, &config, &err);

	if (rc == 0)
		destroy_close(destroy);
	return rc;
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
/* Size of a remedy. */
#define REMEDY 512

/* Yama's scopes (Documentation/admin-guide/LSM/Yama.rst); 0 restricts nothing. */
static const char *const yama_rules[] = {
	NULL,
	"Yama allows descendants only",
	"Yama allows CAP_SYS_PTRACE only",
	"Yama forbids all tracing until the next boot (ptrace_scope 3)",
};
TABLE_COVERS(yama_rules, YAMA_NUM);

/* The rule of Yama, and the remedy. */
static const char *explain_yama(char text[REMEDY], int scope)
{
	const char *other = diag_answers() ? "; --via=diag needs no tracing" : "";

	if (scope == YAMA_NUM - 1)
		snprintf(text, REMEDY, "%s%s", yama_rules[scope], other);
	else
		snprintf(text, REMEDY, "%s: run conntrace %s%s%s", yama_rules[scope], remedy_rights(), remedy_yama(),
			 other);
	return text;
}

static void check_trace(FILE *to)
{
	int scope = procfs_ptrace_scope();
	bool yama_allows = scope < 2 || (scope == 2 && privileges_has(CAP_SYS_PTRACE));
	char remedy[REMEDY];

	answer(to, can_trace_child(), "launch and trace a command",
	       yama_allows ? "ptrace(2) is forbidden here (container, sandbox)" : explain_yama(remedy, scope));
}

static void check_attach(FILE *to)
{
	int scope = procfs_ptrace_scope();
	bool others = privileges_has(CAP_SYS_PTRACE);
	bool works = scope == 0 || (scope < 3 && others);
	char remedy[REMEDY];

	answer(to, works, others ? "attach to every process (-p)" : "attach to processes of the same user (-p)",
	       works ? "" : explain_yama(remedy, scope));
}

static void check_breakpoints(FILE *to)
{
	struct err why = {""};
	bool works = breakpoints_check(&why) == 0;
	struct rlimit files = {0, 0}, locked = {0, 0};
	char paranoid[16] = "", ring[16] = "", limit[24], what[320];

	(void)procfs_read(0, "sys/kernel/perf_event_paranoid", paranoid, sizeof(paranoid));
	(void)procfs_read(0, "sys/kernel/perf_event_mlock_kb", ring, sizeof(ring));
	(void)getrlimit(RLIMIT_NOFILE, &files);
	(void)getrlimit(RLIMIT_MEMLOCK, &locked);
	paranoid[strcspn(paranoid, "\n")] = ring[strcspn(ring, "\n")] = '\0';
	snprintf(limit, sizeof(limit), "%llu", (unsigned long long)locked.rlim_cur / 1024);
	snprintf(what, sizeof(what),
		 "see each connect(2) of running processes without stopping them (--via=perf; perf_event_paranoid %s, "
		 "ptrace_scope %d, %d breakpoints free where it takes 3 or 4, ulimit -n %llu, "
		 "perf_event_mlock_kb %s and ulimit -l %s)",
		 paranoid, procfs_ptrace_scope(), breakpoints_free(), (unsigned long long)files.rlim_max, ring,
		 locked.rlim_cur == RLIM_INFINITY ? "unlimited" : limit);
	answer(to, works, what, why.text);
}

/* True when --via=diag can watch the given processes. It is tried; an ended process cannot be watched. */
static bool can_watch(const struct options *options)
{
	struct process_set *process_set = process_set_new(false, PROCESS_SET_MAX);
	uint32_t netns = procfs_netns(getpid());
	bool works = open_destroy() == 0 && diag_answers();
	struct err err;

	for (size_t i = 0; i < options->pid_count && works; i++) {
		int rc = process_set_add(process_set, options->pids[i], netns, &err);

		works = rc == 0 || rc == -ESRCH;
	}
	process_set_free(process_set);
	return works;
}

/* Why the whole host is not watched by BPF, and processes not by breakpoints; "" they are, or that was not asked. */
static struct err no_bpf, no_perf;

/* --via=perf was taken without being asked for. */
static bool is_chosen;

static void choose_attached(struct options *options, const struct programs_config *kept)
{
	struct err ignored;

	if (programs_check(kept, &ignored) == 0)
		options->via = OPTIONS_VIA_BPF;
	else if (can_watch(options) && perf_choice_suits(options, &no_perf))
		options->via = OPTIONS_VIA_PERF;
	is_chosen = options->via == OPTIONS_VIA_PERF;
}

void capabilities_choose(struct options *options)
{
	const struct programs_config config = {
		.follow = options->follow,
		.all = options->all,
		.measures = options->measures,
		.states = options->ladder != 0 && options->interface_count == 0,
		.choice = &options->filter.processes,
	};
	/* Not beside packets: their process is made by fork(2), and would have the programs, too. */
	const struct programs_config *kept = options->interface_count == 0 ? &config : NULL;

	if (options->via != OPTIONS_VIA_AUTO)
		return;
	/* The whole host is never watched by ptrace. */
	if (options->all)
		options->via = programs_check(kept, &no_bpf) == 0 ? OPTIONS_VIA_BPF : OPTIONS_VIA_DIAG;
	/* A command that is launched is hardly slowed down by ptrace, and needs no rights. */
	else if (options->pid_count > 0 && options->command == NULL)
		choose_attached(options, kept);
}

bool capabilities_choose_again(struct options *options, const struct err *err)
{
	static const char by_perf[] = "--via=perf ";

	if (!is_chosen || strncmp(err->text, by_perf, sizeof(by_perf) - 1) != 0)
		return false;
	options->via = OPTIONS_VIA_AUTO;
	is_chosen = false;
	(void)err_set(&no_perf, ENOTSUP, "%s", err->text + sizeof(by_perf) - 1);
	return true;
}

/* How -p would watch its processes. PTRACE_SEIZE stops none, and ends with conntrace. */
static void check_given(FILE *to, struct options *options)
{
	char what[128], why[512];

	if (options->pid_count == 0 || options->command != NULL || options->via != OPTIONS_VIA_AUTO)
		return;
	capabilities_choose(options);
	if (options->via != OPTIONS_VIA_AUTO)
		fprintf(to, "yes  watch the given processes (-p takes --via=%s)\n",
			options->via == OPTIONS_VIA_BPF ? "bpf" : "perf");
	for (size_t i = 0; i < options->pid_count && options->via == OPTIONS_VIA_AUTO; i++) {
		bool works = ptrace(PTRACE_SEIZE, options->pids[i], NULL, NULL) == 0;

		if (!works)
			procfs_why_not_traceable(options->pids[i], errno, why, sizeof(why));
		snprintf(what, sizeof(what), "watch PID %d (-p takes --via=ptrace)", (int)options->pids[i]);
		answer(to, works, what, why);
	}
	if (no_perf.text[0] != '\0')
		fprintf(to, "no   watch the given processes by --via=perf: it %s\n", no_perf.text);
}

void capabilities_check(FILE *to, struct options *options)
{
	int destroy_rc = open_destroy();
	struct err no_programs = {""}, no_audit = {""};
	char remedy[REMEDY];

	fprintf(to, "What works here, as user %d:\n", (int)geteuid());
	check_trace(to);
	answer(to, can_filter(), "launch at full speed, under a system-call filter",
	       can_trace_child() ? "no seccomp with SECCOMP_RET_TRACE; --no-filter does without it"
				 : "no seccomp with SECCOMP_RET_TRACE");
	check_attach(to);
	answer(to, programs_check(NULL, &no_programs) == 0,
	       "watch processes, or the whole host, without stopping any (--via=bpf, --all)", no_programs.text);
	check_breakpoints(to);
	answer(to, audit_live_check(&no_audit) == 0,
	       "watch processes, or the whole host, by the kernel's audit (--via=audit)", no_audit.text);
	answer(to, socket_can_take(), "read socket counters at accept and connect (handshake and queue times)",
	       "pidfd_getfd(2) is not allowed here: Linux 5.6 is needed, and in a container CAP_SYS_PTRACE");
	answer(to, destroy_rc == 0, "receive the final counters of every connection (exact bytes)",
	       message_remedy(destroy_rc));
	answer(to, diag_answers(), "query the counters of open connections", "the kernel has no sock_diag");
	answer(to, can_capture(), "capture packets (-i)", remedy_capture(remedy, sizeof(remedy)));
	answer(to, true, "read savefiles (-r)", "");
	answer(to, audit_log_is_built(), "read logs of audit (--audit-log)", AUDIT_NOT_BUILT);
	answer(to,
	       privileges_has(CAP_SYS_PTRACE) &&
		       (privileges_has(CAP_DAC_READ_SEARCH) || privileges_has(CAP_DAC_OVERRIDE)) &&
		       privileges_has(CAP_SETUID) && privileges_has(CAP_SETGID),
	       "name the processes of other users (-i without a target), run as another user (-u)",
	       "needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, for -u CAP_SETUID and CAP_SETGID; or root");
	check_given(to, options);
}

void capabilities_start(const struct options *options)
{
	const char *file = options_file(options);
	char name[4 * 256];
	const char *end = "Ctrl-C ends and prints the report";

	if (options->quiet)
		return;
	if (options->pid_count > 0 && options->via == OPTIONS_VIA_BPF)
		fputs("conntrace: attached by bpf: no process is stopped; --via=ptrace, slower, also knows the bytes "
		      "of Multipath TCP (see OVERHEAD in conntrace(1))\n",
		      stderr);
	if (is_chosen)
		fputs("conntrace: attached by perf, which stops no process: each connect(2) takes about 15 "
		      "microseconds longer; unknown are CONNECT_MS and QUEUE_MS, TID and FD of accepted connections, "
		      "RX_BYTES of those that are reset, of those that end within a moment HS_MS, RTT_MS, DUR_S and "
		      "CLOSE, of such outgoing ones LPORT and bytes, too, unless no other was there, and RESULT if "
		      "connect(2) did not wait and others to that peer failed; --via=ptrace, slower, knows them (see "
		      "OVERHEAD in conntrace(1))\n",
		      stderr);
	if (options->pid_count > 0 && options->via == OPTIONS_VIA_AUDIT)
		fputs("conntrace: attached by audit: no process is stopped; each call is slower, and recorded for the "
		      "host's log, too (see OVERHEAD in conntrace(1))\n",
		      stderr);
	if (options->pid_count > 0 && options_traces(options))
		fprintf(stderr,
			"conntrace: attached by ptrace, which knows every column: the process runs slower, at a fifth "
			"of its speed if it does nothing but connections%s%s%s (see OVERHEAD in conntrace(1))\n",
			no_perf.text[0] != '\0' ? "; --via=perf " : "", no_perf.text,
			can_watch(options) ? "; --via=diag does not stop it" : "");
	if (no_bpf.text[0] != '\0')
		fprintf(stderr,
			"conntrace: watching %s by samples: connections that are opened and closed between two of them "
			"have no known process; %s\n",
			geteuid() == 0 ? "the processes of this host" : "your processes", no_bpf.text);
	if (!isatty(STDERR_FILENO) || options->command != NULL || options->top)
		return;
	escape_message(name, sizeof(name), file == NULL ? "" : strcmp(file, "-") == 0 ? "standard input" : file);
	if (file != NULL)
		fprintf(stderr, "conntrace: reading %s; %s\n", name, end);
	else if (options->pid_count > 0)
		fprintf(stderr, "conntrace: watching the connections of the process; %s\n", end);
	else if (options->all)
		fprintf(stderr, "conntrace: watching the connections of %s; %s\n",
			process_choice_is_empty(&options->filter.processes) ? "all processes"
									    : "chosen processes, now and later",
			end);
	else
		fprintf(stderr, "conntrace: watching all connections on %s%s; %s\n", options->interfaces[0],
			options->interface_count > 1 ? " and other interfaces" : "", end);
}
