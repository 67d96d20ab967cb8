// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/confine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <pwd.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/number.h"
#include "system/thread_caps.h"

/* The user nobody and the group of the same number, by kernel convention (overflowuid, proc(5)). */
#define NOBODY 65534
/* The user that a package or administrator may create for the confined processes. */
#define OWN_USER "conntrace"

static bool keeps(const int *keep, int count, int fd)
{
	for (int i = 0; i < count; i++)
		if (keep[i] == fd)
			return true;
	return false;
}

void confine_descriptors(const int *keep, int count)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;

	/* Without /dev: nothing can be read from it or written to it, either. */
	if (null < 0)
		null = open("/", O_RDONLY | O_CLOEXEC);
	/* Closed numbers would be reused by the next file opened, and output could go there. */
	for (int fd = 0; fd <= 2 && null >= 0; fd++)
		if (!keeps(keep, count, fd) && fd != null)
			dup2(null, fd);
	if (null > 2)
		close(null);
	if (directory == NULL) {
		for (int fd = 3; fd < 65536; fd++)
			if (!keeps(keep, count, fd))
				close(fd);
		return;
	}
	while ((entry = readdir(directory)) != NULL) {
		int64_t fd;

		if (number_parse(entry->d_name, 3, INT_MAX, &fd) == 0 && fd != dirfd(directory) &&
		    !keeps(keep, count, (int)fd))
			close((int)fd);
	}
	closedir(directory);
}

/*
 * The entry of conntrace's own user, which a package makes in the local file; NULL if there is none. A directory
 * service is not asked: it may take seconds to answer, and the user is not named on the command line.
 */
static const struct passwd *find_own_user(void)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *entry = NULL;

	while (file != NULL && (entry = fgetpwent(file)) != NULL && strcmp(entry->pw_name, OWN_USER) != 0)
		continue;
	if (file != NULL)
		fclose(file);
	return entry;
}

int confine_find_user(const char *name, struct confine_config *confine, struct err *err)
{
	const struct passwd *entry = NULL;
	int64_t number;

	confine->uid = confine->gid = NOBODY;
	confine->insist = name != NULL;
	/* A process that is not root keeps its user. */
	if (name != NULL)
		entry = getpwnam(name);
	else if (geteuid() == 0)
		entry = find_own_user();
	if (entry == NULL && name != NULL && number_parse(name, 0, UINT32_MAX - 1, &number) == 0) {
		entry = getpwuid((uid_t)number);
		confine->uid = (uid_t)number;
		confine->gid = (gid_t)number;
		if (entry == NULL && number != 0)
			return 0;
	}
	if (entry == NULL && name != NULL)
		return err_set(err, ENOENT, "no user \"%s\" to run the packet process as", name);
	if (entry != NULL) {
		confine->uid = entry->pw_uid;
		confine->gid = entry->pw_gid;
	}
	if (confine->uid == 0 && name != NULL)
		return err_set(err, EINVAL, "the packet process must not run as \"%s\": that is root", name);
	if (confine->uid == 0)
		confine->uid = confine->gid = NOBODY;
	return 0;
}

void confine_leash(int fd, pid_t pid)
{
	if (fcntl(fd, F_SETOWN, pid) == 0 && fcntl(fd, F_SETSIG, SIGKILL) == 0)
		fcntl(fd, F_SETFL, O_ASYNC);
}

static int drop_user(const struct confine_config *config, struct err *err)
{
	if (geteuid() != 0 && getuid() != 0)
		return 0;
	if (setgroups(0, NULL) == 0 && setresgid(config->gid, config->gid, config->gid) == 0 &&
	    setresuid(config->uid, config->uid, config->uid) == 0)
		return 0;
	/* In a user namespace no user may have the number (EINVAL), or groups may be fixed (EPERM). */
	if (!config->insist && (errno == EINVAL || errno == EPERM))
		return 0;
	return err_set(err, errno, "%s cannot become user %u: %s", config->name, (unsigned int)config->uid,
		       strerror(errno));
}

static int drop_capabilities(const struct confine_config *config, struct err *err)
{
	return thread_caps_drop() ? 0 : err_set(err, EPERM, "%s has capabilities left", config->name);
}

/* The calls that libpcap, libauparse, malloc(3) and waiting need; all of them work on descriptors that are open
 * already. */
static const int always[] = {
	SCMP_SYS(read),           SCMP_SYS(readv),         SCMP_SYS(poll),
	SCMP_SYS(ppoll),          SCMP_SYS(recvfrom),      SCMP_SYS(recvmsg),
	SCMP_SYS(futex),          SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
	SCMP_SYS(getrusage),      SCMP_SYS(brk),           SCMP_SYS(munmap),
	SCMP_SYS(mremap),         SCMP_SYS(madvise),       SCMP_SYS(close),
	SCMP_SYS(exit),           SCMP_SYS(exit_group),    SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(sched_yield),   SCMP_SYS(restart_syscall),
#ifdef __SANITIZE_ADDRESS__
	SCMP_SYS(sigaltstack), /* the sanitizer's own, before _exit(2) */
#endif
};

/* Arguments of 32 bits: the kernel ignores the upper half. */
static struct scmp_arg_cmp has(unsigned int argument, uint32_t mask, uint32_t value)
{
	struct scmp_arg_cmp compare = {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};

	return compare;
}

static struct scmp_arg_cmp is(unsigned int argument, uint32_t value)
{
	return has(argument, UINT32_MAX, value);
}

static int add_rules(scmp_filter_ctx filter, const struct confine_config *config)
{
	int got = 0;

	/* A call that this architecture does not have is no loss. */
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		if (always[i] >= 0)
			got |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, always[i], 0);
	got |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, is(0, (uint32_t)config->write_fd));
	got |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, has(2, PROT_EXEC, 0),
				has(3, MAP_ANONYMOUS, MAP_ANONYMOUS));
	got |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, has(2, PROT_EXEC, 0));
	got |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(getsockopt), 2, is(1, SOL_PACKET),
				is(2, PACKET_STATISTICS));
	got |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(getsockopt), 2, is(1, SOL_SOCKET), is(2, SO_ERROR));
	/* libpcap checks this way whether an interface that went down still exists. */
	got |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(getsockname), 0);
	got |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, is(1, SIOCGIFFLAGS));
	return got;
}

static int filter_calls(const struct confine_config *config, struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int got;

	if (filter == NULL)
		return err_set(err, ENOMEM, "%s: libseccomp cannot make a filter", config->name);
	got = add_rules(filter, config);
	if (got == 0)
		got = seccomp_load(filter);
	seccomp_release(filter);
	if (got < 0)
		return err_set(err, got, "%s cannot limit its system calls: %s (seccomp(2), Linux 4.14)", config->name,
			       strerror(-got));
	return 0;
}

int confine(const struct confine_config *config, struct err *err)
{
	static const struct rlimit none = {0, 0};
	int got;

	/* Lowering the bounding set needs CAP_SETPCAP; without it a process can't gain by the set either. */
	thread_caps_keep_bounds(0);
	got = drop_user(config, err);
	if (got == 0)
		got = drop_capabilities(config, err);
	if (got < 0)
		return got;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, errno, "%s: PR_SET_NO_NEW_PRIVS: %s", config->name, strerror(errno));
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
	/* After the change of user, which clears it (prctl(2)). */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* It may have ended before that was set. */
	if (getppid() != config->parent)
		return err_set(err, ESRCH, "%s: the main process is gone", config->name);
	return filter_calls(config, err);
}
