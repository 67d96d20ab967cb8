// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/capabilities.h"
#include "base/crash.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/redact.h"
#include "run/job_proxy.h"
#include "run/job_control.h"
#include "run/top_run.h"
#include "cli/options.h"
#include "run/privileges.h"
#include "report/rows/report.h"
#include "report/top/top_screen.h"
#include "run/session.h"
#include "cli/version.h"

#define EXIT_USAGE 2

static int complain(const struct err *err, int status)
{
	fprintf(stderr, "conntrace: %s\n", err->text);
	return status;
}

/* Handle options that only print information; Return: exit status, or -1 when there is a run to make. */
static int print_about(struct options *options)
{
	int rc = 0;

	if (options->help)
		options_help(stdout);
	else if (options->version)
		version_print(stdout);
	else if (options->list_columns)
		rc = report_list_columns(stdout);
	else if (options->check)
		capabilities_check(stdout, options);
	else
		return -1;
	/* A text longer than the buffer may have failed before. */
	if (rc == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		rc = errno != 0 ? -errno : -EIO;
	if (rc == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "conntrace: cannot write to standard output: %s\n", strerror(-rc));
	return EXIT_FAILURE;
}

/* Signals are read from a descriptor; a closed pipe shows as EPIPE. The command gets the original mask. */
static void block_signals(sigset_t *before, const struct options *options)
{
	sigset_t blocked;

	job_control_signals(&blocked, options);
	sigaddset(&blocked, SIGPIPE);
	sigaddset(&blocked, SIGXFSZ);
	sigaddset(&blocked, SIGRTMAX);
	sigprocmask(SIG_BLOCK, &blocked, before);
	if (options->screen)
		top_screen_signals();
}

static int watch(struct options *options)
{
	struct session *session;
	struct err err = {""};
	int status, wait_status = -1, by_rules, rc, close_rc;
	sigset_t mask;

	crash_watch("watched processes run on");
	block_signals(&mask, options);
	rc = session_open(&session, options, &mask, &status, &err);
	if (rc != 0 && capabilities_choose_again(options, &err))
		rc = session_open(&session, options, &mask, &status, &err);
	if (rc != 0) {
		if (status == EXIT_USAGE)
			(void)options_usage(&err);
		return complain(&err, status);
	}
	session_run(session);
	rc = session_report(session, &err);
	by_rules = session_rules_status(session);
	close_rc = session_close(session, &wait_status, rc == 0 ? &err : &(struct err){""});
	if (rc == 0)
		rc = close_rc;
	if (rc != 0 && err.text[0] != '\0')
		complain(&err, EXIT_FAILURE);
	/* The command's failure is passed on; its success must not hide ours. */
	if (wait_status != -1 && ((rc == 0 && by_rules == 0) || wait_status != 0))
		return job_proxy_end_like(wait_status);
	return rc == 0 ? by_rules : EXIT_FAILURE;
}

/* A closed standard descriptor would be reused by the next file opened; this one is empty and fails. */
static void open_standard(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char *argv[])
{
	struct options options;
	struct err err = {""};
	int status, wait_status;
	sigset_t too_large, before;

	open_standard();
	limits_raise();
	if (privileges_check(&err) != 0)
		return complain(&err, EXIT_FAILURE);
	if (options_parse(&options, argc, argv, &err) != 0)
		return complain(&err, EXIT_USAGE);
	redact_begin(options.redact);
	/* A write beyond the limit of file sizes fails then, and that is reported. */
	sigemptyset(&too_large);
	sigaddset(&too_large, SIGXFSZ);
	sigprocmask(SIG_BLOCK, &too_large, &before);
	status = print_about(&options);
	if (status < 0)
		sigprocmask(SIG_SETMASK, &before, NULL);
	top_run_find_screen(&options);
	if (status < 0)
		capabilities_choose(&options);
	if (status < 0)
		status = job_proxy_fork(&options, &wait_status) ? watch(&options) : job_proxy_end_like(wait_status);
	options_free(&options);
	return status;
}
