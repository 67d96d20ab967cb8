// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * passfilter COMMAND [ARG...] - run a command under a seccomp filter that lets everything pass
 *
 * What any system-call filter costs, whatever is in it: the floor that a
 * launched command's overhead is compared with.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	const struct sock_fprog program = {1, all};

	if (argc < 2) {
		fputs("usage: passfilter COMMAND [ARG...]\n", stderr);
		return 2;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) != 0) {
		fprintf(stderr, "passfilter: %s\n", strerror(errno));
		return 1;
	}
	execvp(argv[1], argv + 1);
	fprintf(stderr, "passfilter: %s: %s\n", argv[1], strerror(errno));
	return 127;
}
