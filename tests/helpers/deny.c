// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * deny [NAME[:ARGUMENT]=ERRNO...] -- COMMAND [ARG...] - run a command to which the kernel refuses some calls
 *
 * NAME is a system call; with ARGUMENT, a number, only calls with that first
 * argument are refused. ERRNO is a name: EPERM as containers say, ENOSYS as
 * old kernels do. The command gets the filter from its parent, as in a container.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int number_of(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {{"EPERM", EPERM},   {"ENOSYS", ENOSYS}, {"EIO", EIO},
		     {"EACCES", EACCES}, {"EMFILE", EMFILE}, {"EAFNOSUPPORT", EAFNOSUPPORT}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, name) == 0)
			return names[i].number;
	}
	fprintf(stderr, "deny: no errno \"%s\"\n", name);
	exit(2);
}

static int add(scmp_filter_ctx context, char *word)
{
	/* Written out, because SCMP_A0() leaves a field out, of which clang warns. */
	struct scmp_arg_cmp compare = {.arg = 0, .op = SCMP_CMP_EQ};
	char *error = strchr(word, '='), *argument;
	uint32_t action;
	int call;

	if (error == NULL)
		return -EINVAL;
	*error++ = '\0';
	argument = strchr(word, ':');
	if (argument != NULL)
		*argument++ = '\0';
	action = SCMP_ACT_ERRNO((unsigned int)number_of(error));
	call = seccomp_syscall_resolve_name(word);
	if (call == __NR_SCMP_ERROR)
		return -EINVAL;
	if (argument == NULL)
		return seccomp_rule_add(context, action, call, 0);
	compare.datum_a = strtoull(argument, NULL, 0);
	return seccomp_rule_add(context, action, call, 1, compare);
}

int main(int argc, char *argv[])
{
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
	int at = 1, rc = 0;

	for (; rc == 0 && at < argc && strcmp(argv[at], "--") != 0; at++)
		rc = add(context, argv[at]);
	if (rc == 0)
		rc = seccomp_load(context);
	if (rc != 0 || at + 1 >= argc) {
		fprintf(stderr, "deny: %s\n", rc != 0 ? strerror(-rc) : "no command");
		return 2;
	}
	execvp(argv[at + 1], argv + at + 1);
	fprintf(stderr, "deny: %s: %s\n", argv[at + 1], strerror(errno));
	return 127;
}
