// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "system/thread_caps.h"
#include "system/remedy.h"

#define BIT(capability) (UINT64_C(1) << (capability))

int privileges_check(struct err *err)
{
	if (getuid() != geteuid() || getgid() != getegid())
		return err_set(err, EPERM,
			       "conntrace must not be set-user-ID or set-group-ID: any user could watch other "
			       "users' processes and overwrite files. Remedy: chmod ug-s; setcap cap_net_raw+ep lets "
			       "ordinary users capture packets");
	/*
	 * With file capabilities the kernel makes the process and its children undumpable for their own user, so a
	 * command could not be traced. While they have the capabilities, a process without them may not access them
	 * anyway (ptrace(2), Ptrace access mode checking).
	 */
	if (getauxval(AT_SECURE) != 0)
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	return 0;
}

bool privileges_has(unsigned int capability)
{
	return thread_caps_has(capability);
}

static uint64_t needed(const struct options *options, bool opens_files)
{
	bool has_target = options_has_target(options);
	uint64_t needed = 0;

	/*
	 * Without CAP_SYS_PTRACE the kernel lets a process access only those whose capabilities are a subset of its own
	 * (ptrace(2), Ptrace access mode checking): root in a container, whose programs have the same ones.
	 */
	if (geteuid() == 0 && !options_is_file(options) && !privileges_has(CAP_SYS_PTRACE))
		return UINT64_MAX;
	/* The descriptors of other users' processes, and their memory. Containers have the second of the two by
	 * default. */
	if (!options_is_file(options)) {
		needed |= BIT(CAP_SYS_PTRACE);
		needed |= BIT(privileges_has(CAP_DAC_READ_SEARCH) ? CAP_DAC_READ_SEARCH : CAP_DAC_OVERRIDE);
	}
	/* Sockets' details by sock_diag(7), and signals to a command that has changed its user. */
	if (has_target && !options_is_file(options))
		needed |= BIT(CAP_NET_ADMIN) | BIT(CAP_KILL);
	/* Rules are added and removed during the run. */
	if (options->via == OPTIONS_VIA_AUDIT)
		needed |= BIT(CAP_AUDIT_CONTROL);
	/* In a user namespace the kernel lets root signal the packet process by this only: see confine_leash(). */
	if (options_has_packets(options) && remedy_in_user_namespace())
		needed |= BIT(CAP_KILL);
	/* Files opened, renamed or removed later may be in directories of other users. */
	if (opens_files || options->append || options->rotate.kept > 0 || options->metrics != NULL ||
	    options->html != NULL || options->control != NULL)
		needed |= BIT(CAP_DAC_OVERRIDE);
	if (options->metrics != NULL || options->html != NULL)
		needed |= BIT(CAP_FOWNER);
	return needed;
}

void privileges_drop(const struct options *options, bool opens_files)
{
	uint64_t kept = needed(options, opens_files);

	/* A command inherits the bounding set. */
	if (options->command == NULL)
		thread_caps_keep_bounds(kept);
	thread_caps_keep(kept);
	if (options->command == NULL)
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

void privileges_drop_thread(const void *options)
{
	privileges_drop(options, false);
}

void privileges_drop_all(void)
{
	(void)thread_caps_drop();
}
