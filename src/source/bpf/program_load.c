// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/bpf/program_load.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "source/bpf/kernel.skel.h"
#include "system/thread_caps.h"

/* Linux 5.8 */
#ifndef CAP_BPF
#define CAP_PERFMON 38
#define CAP_BPF 39
#endif
/* Of the initial PID namespace (include/linux/proc_ns.h): the programs see its numbers. */
#define FIRST_PID_NAMESPACE 0xEFFFFFFCU
/* What the programs, their maps and the tests of libbpf take, with room to spare. */
#define DESCRIPTORS 128
#define MEMORY (UINT64_C(256) << 20)

bool programs_built_in(void)
{
	return true;
}

const char *programs_version(void)
{
	return libbpf_version_string();
}

static int silent(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

static bool is_limited(int resource, uint64_t enough)
{
	struct rlimit limit;

	return getrlimit(resource, &limit) == 0 && limit.rlim_cur < enough;
}

static bool is_old_kernel(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	return uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       (major < 5 || (major == 5 && minor < 12));
}

/* What BPF takes, and this process has not; "" it has all. */
static const char *missing_capabilities(void)
{
	bool has_bpf = thread_caps_has(CAP_BPF), has_perfmon = thread_caps_has(CAP_PERFMON);

	if (thread_caps_has(CAP_SYS_ADMIN) || (has_bpf && has_perfmon))
		return "";
	return has_bpf ? "CAP_PERFMON" : has_perfmon ? "CAP_BPF" : "CAP_BPF and CAP_PERFMON";
}

static int not_permitted(struct err *err)
{
	const char *missing = missing_capabilities();

	if (missing[0] == '\0')
		return err_set(err, EPERM, "BPF is not permitted: the kernel or the container forbids it (lockdown)");
	return err_set(err, EPERM, "BPF is not permitted: %s %s",
		       geteuid() == 0 ? "root has no" : "run conntrace as root, or give it", missing);
}

int program_load_why_not(int error, struct err *err)
{
	const char *remedy = "";

	if (error == EPERM || error == EACCES)
		return not_permitted(err);
	if (access("/sys/kernel/btf/vmlinux", R_OK) != 0)
		return err_set(err, ENOTSUP,
			       "BPF needs the kernel's types in /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF)");
	/* Under a limit libbpf fails in places where it gives another reason, or none. */
	if (is_limited(RLIMIT_NOFILE, DESCRIPTORS))
		remedy = "; the limit of open files is too low (ulimit -n)";
	else if (is_limited(RLIMIT_AS, MEMORY))
		remedy = "; the limit of memory is too low (ulimit -v)";
	else if (is_old_kernel())
		remedy = "; Linux 5.12 or newer is needed";
	return err_set(err, ENOTSUP, "the BPF programs cannot be loaded (%s)%s", strerror(error), remedy);
}

static bool is_first_namespace(void)
{
	struct stat stat_pid;

	return stat("/proc/self/ns/pid", &stat_pid) != 0 || stat_pid.st_ino == FIRST_PID_NAMESPACE;
}

/* The clock that is read without a call advances at each tick. */
static uint32_t tick_us(void)
{
	struct timespec resolution = {0};

	(void)clock_getres(CLOCK_MONOTONIC_COARSE, &resolution);
	return (uint32_t)(resolution.tv_sec * 1000000 + resolution.tv_nsec / 1000);
}

bool program_load_by_name(const struct programs_config *config)
{
	return config->all && config->choice != NULL && config->choice->counts[CHOICE_COMM] > 0;
}

/* Its ring, the request, and the completion or the members of that, behind one of the tracepoint's own. */
#define ARGUMENTS_WITH_CQE 4

/* Return: how many arguments the tracepoint of completions of io_uring has; 0 there is none. */
static uint32_t completion_arguments(void)
{
	struct btf *types = btf__load_vmlinux_btf();
	int32_t id = libbpf_get_error(types) == 0
			     ? btf__find_by_name_kind(types, "btf_trace_io_uring_complete", BTF_KIND_TYPEDEF)
			     : -1;
	const struct btf_type *type = id > 0 ? btf__type_by_id(types, (uint32_t)id) : NULL;
	uint32_t count = 0;

	/* a typedef of a pointer to a function */
	for (int i = 0; i < 2 && type != NULL; i++)
		type = btf__type_by_id(types, type->type);
	if (type != NULL && btf_is_func_proto(type))
		count = btf_vlen(type);
	btf__free(types);
	return count;
}

static bool by_group(const struct programs_config *config)
{
	return config->all && config->choice != NULL && process_choice_needs_cgroup(config->choice);
}

static void configure(struct kernel *kernel, const struct programs_config *config)
{
	uint32_t arguments = completion_arguments();

	kernel->rodata->all = config->all;
	kernel->rodata->follow = config->follow;
	kernel->rodata->measures = config->measures;
	kernel->rodata->states = config->states;
	kernel->rodata->has_cqe = arguments == ARGUMENTS_WITH_CQE;
	(void)bpf_program__set_autoload(kernel->progs.completed, arguments > 0);
	kernel->rodata->tick_us = tick_us();
	kernel->rodata->by_name = program_load_by_name(config);
	kernel->rodata->by_group = by_group(config);
	(void)bpf_program__set_autoload(kernel->progs.moved, by_group(config));
	kernel->bss->lists = true;
	(void)bpf_program__set_autoattach(kernel->progs.list_sockets, false);
}

/* Loaded by programs_check() for programs_open(). */
static struct kernel *kept;

/* Whether @kernel was loaded for this. */
static bool fits(const struct kernel *kernel, const struct programs_config *config)
{
	return kernel->rodata->all == config->all && kernel->rodata->follow == config->follow &&
	       kernel->rodata->measures == config->measures && kernel->rodata->states == config->states &&
	       kernel->rodata->by_name == program_load_by_name(config) && kernel->rodata->by_group == by_group(config);
}

int program_load(struct kernel **loaded, const struct programs_config *config, struct err *err)
{
	struct kernel *kernel = kept;
	int rc;

	if (!is_first_namespace())
		return err_set(
			err, ENOTSUP,
			"by BPF, process numbers are those of the host: run conntrace there, not in a container");
	kept = NULL;
	if (kernel != NULL && fits(kernel, config)) {
		*loaded = kernel;
		return 0;
	}
	kernel__destroy(kernel);
	(void)libbpf_set_print(silent);
	kernel = kernel__open();
	if (kernel == NULL)
		return program_load_why_not(errno, err);
	configure(kernel, config);
	rc = kernel__load(kernel);
	if (rc != 0) {
		kernel__destroy(kernel);
		return program_load_why_not(-rc, err);
	}
	*loaded = kernel;
	return 0;
}

int programs_check(const struct programs_config *config, struct err *err)
{
	const struct programs_config any = {.all = true};
	struct kernel *kernel = NULL;
	int rc = program_load(&kernel, config != NULL ? config : &any, err);

	if (config != NULL && rc == 0)
		kept = kernel;
	else
		kernel__destroy(kernel);
	return rc;
}
