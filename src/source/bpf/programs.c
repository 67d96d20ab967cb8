// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The BPF programs as a source.
 *
 * Nothing is pinned: the kernel removes programs, maps and ring when the descriptors of this process are closed. All
 * records are in one ring, whose lock gives the order of events across processors. Records that do not fit are counted
 * in the kernel, and the number is an EVENT_LOST.
 */
#include "source/bpf/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "model/event.h"
#include "source/bpf/kernel.h"
#include "source/bpf/kernel.skel.h"
#include "source/bpf/program_events.h"
#include "source/bpf/program_load.h"
#include "source/source.h"
#include "system/procfs.h"
#include "system/tcp_info.h"

/* Other sources are read after at most this many records. */
#define RECORDS_AT_ONCE 32768
/* A record is written this soon after its time was taken. */
#define WRITE_NS CLOCK_NS_PER_MS
/* Between two checks whether the last processes are gone. */
#define END_PAUSE_NS CLOCK_NS_PER_MS
/* Between two looks at the calls that the kernel has left out. */
#define MISSED_NS (100 * CLOCK_NS_PER_MS)
/* A record has at most this many events: those of a process, and what it says; and one of losses. */
#define EVENTS_OF_RECORD (PROCFS_PROCESS_EVENTS + PROGRAM_EVENTS_MAX + 1)
/* Records read together from the list of existing sockets. */
#define LIST_AT_ONCE 256

struct programs {
	struct kernel *kernel;
	struct ring_buffer *ring;
	struct queue *events;   /* during a reading */
	struct event *existing; /* from before the run, to be read first, from @existing_next on */
	size_t existing_next, existing_count, existing_size;
	char **refused;
	size_t refused_count;
	int64_t epoch_ns; /* of the kernel's monotonic clock */
	int64_t last_ns;  /* the time of the last record */
	int64_t settled_ns;
	uint64_t lost;     /* as reported */
	uint64_t missed;   /* calls of the programs, likewise */
	int64_t missed_ns; /* monotonic: when @missed was read */
	int appended;
	int records;
	uint32_t listed_pid;                 /* of the last listed socket */
	const struct process_choice *groups; /* a choice by group, NULL none */
	bool all;
	bool is_draining;
	size_t left; /* records that may be older than the end of the run */
};

/* ---- records ------------------------------------------------------------------- */

/* Without it records wait in the ring, and those that the ring has no room for are counted. */
static bool has_room(const struct programs *programs)
{
	return queue_room(programs->events) >= EVENTS_OF_RECORD;
}

static void append(struct programs *programs, const struct event *event)
{
	queue_push(programs->events, event);
	programs->appended++;
}

/* @sink: called with each event */
typedef void event_sink(struct programs *programs, const struct event *event);

/* Where the details of a process go. */
struct details {
	struct programs *programs;
	event_sink *sink;
};

static void take_detail(void *context, const struct event *event)
{
	const struct details *details = context;

	details->sink(details->programs, event);
}

/* The process may have ended, and its PID may be another's: the details are of one with the same name. */
static void detail_process(struct programs *programs, const struct kernel_record *record, const struct event *process,
			   event_sink *sink)
{
	struct details details = {programs, sink};
	char comm[16];

	procfs_comm((pid_t)record->pid, comm);
	if (comm[0] != '\0' && strncmp(comm, record->comm, sizeof(comm)) == 0)
		procfs_detail_events(process, take_detail, &details);
}

/* The name comes with the record, because the process may have ended. */
static void name_process(struct programs *programs, const struct kernel_record *record, int64_t time_ns,
			 event_sink *sink)
{
	struct event event = event_new(EVENT_PROCESS, ORIGIN_BPF, time_ns);
	char path[PATH_MAX];
	ssize_t length = procfs_exe((pid_t)record->pid, path, sizeof(path));

	event.process.pid = (int32_t)record->pid;
	event.process.uid = record->uid;
	event.process.fact = PROCESS_COMM;
	event.process.length = (uint8_t)strnlen(record->comm, sizeof(record->comm));
	memcpy(event.process.text, record->comm, event.process.length);
	sink(programs, &event);
	event.process.fact = PROCESS_EXE;
	for (ssize_t at = 0; at < length; at += event.process.length) {
		size_t rest = (size_t)(length - at);

		event.process.length = (uint8_t)(rest < EVENT_PROCESS_TEXT ? rest : EVENT_PROCESS_TEXT);
		event.process.offset = (uint16_t)at;
		memcpy(event.process.text, path + at, event.process.length);
		sink(programs, &event);
	}
	detail_process(programs, record, &event, sink);
}

static enum choice_result judge(const struct programs *programs, const struct kernel_record *record)
{
	struct process *process = process_new((pid_t)record->pid);
	enum choice_result result;
	char path[PROCFS_CGROUP];

	procfs_comm((pid_t)record->pid, process->comm);
	if (procfs_cgroup((pid_t)record->pid, path, sizeof(path)))
		process_set_cgroup(process, path);
	result = process_choice_match(programs->groups, process);
	process_unref(process);
	return result;
}

/* A process that is not wanted need not be reported. It may change its group meanwhile, and then it is judged again. */
static void exclude(struct programs *programs, const struct kernel_record *record)
{
	int map = bpf_map__fd(programs->kernel->maps.unchosen);
	const uint32_t value = 1;

	if (programs->groups == NULL || judge(programs, record) != CHOICE_NO)
		return;
	if (bpf_map_update_elem(map, &record->pid, &value, BPF_ANY) == 0 && judge(programs, record) != CHOICE_NO)
		(void)bpf_map_delete_elem(map, &record->pid);
}

static int take_record(void *context, void *data, size_t size)
{
	struct programs *programs = context;
	const struct kernel_record *record = data;
	struct event events[PROGRAM_EVENTS_MAX];
	int64_t time_ns = programs->epoch_ns + (int64_t)record->time;
	size_t count;

	if (size < sizeof(*record))
		return 0;
	/* The ring has the order; times may differ from it by what passes between the lock and the reading of the
	 * clock. */
	if (time_ns < programs->last_ns)
		time_ns = programs->last_ns;
	programs->last_ns = time_ns;
	if (record->type == KERNEL_PROCESS) {
		name_process(programs, record, time_ns, append);
		exclude(programs, record);
	}
	count = program_events_make(record, time_ns, events);
	for (size_t i = 0; i < count; i++)
		append(programs, &events[i]);
	return ++programs->records >= RECORDS_AT_ONCE || !has_room(programs) ? -EAGAIN : 0;
}

static bool is_second(const struct programs *programs, const struct bpf_program *program)
{
	return program == programs->kernel->progs.second_set_state ||
	       program == programs->kernel->progs.second_destroyed ||
	       program == programs->kernel->progs.second_retransmitted;
}

/*
 * Calls that the kernel has left out (it counts them since Linux 5.12), but those that a second program did. Each of
 * these is counted after the one left out, and read after it: the sum may be too low for a moment, but never too high.
 */
static uint64_t read_missed(const struct programs *programs)
{
	struct bpf_program *program;
	uint64_t missed = 0, second;

	bpf_object__for_each_program(program, programs->kernel->obj)
	{
		struct bpf_prog_info info = {0};
		uint32_t length = sizeof(info);
		int fd = bpf_program__fd(program);

		if (fd >= 0 && !is_second(programs, program) && bpf_obj_get_info_by_fd(fd, &info, &length) == 0)
			missed += info.recursion_misses;
	}
	second = __atomic_load_n(&programs->kernel->bss->second, __ATOMIC_ACQUIRE);
	return missed > second ? missed - second : 0;
}

static void report_losses(struct programs *programs, bool is_last)
{
	uint64_t lost = __atomic_load_n(&programs->kernel->bss->lost, __ATOMIC_RELAXED), missed = programs->missed;
	struct event event = event_new(EVENT_LOST, ORIGIN_BPF, programs->last_ns);
	int64_t now_ns = clock_monotonic();

	if (is_last || now_ns - programs->missed_ns >= MISSED_NS) {
		missed = read_missed(programs);
		programs->missed_ns = now_ns;
	}
	if (missed < programs->missed)
		missed = programs->missed;
	if (lost == programs->lost && missed == programs->missed)
		return;
	event.lost.where = LOST_RING;
	event.lost.count = (int64_t)(lost - programs->lost + missed - programs->missed);
	programs->lost = lost;
	programs->missed = missed;
	append(programs, &event);
}

/* All watched processes have begun to end; their last sockets are closed a moment later. */
static bool are_ending(const struct programs *programs)
{
	return !programs->all && __atomic_load_n(&programs->kernel->bss->live, __ATOMIC_ACQUIRE) <= 0;
}

bool programs_sleep(struct programs *programs)
{
	const struct timespec pause = {.tv_nsec = END_PAUSE_NS};

	if (programs->existing_next < programs->existing_count)
		return false;
	if (!are_ending(programs))
		return true;
	nanosleep(&pause, NULL);
	return false;
}

int programs_fd(const struct programs *programs)
{
	return ring_buffer__epoll_fd(programs->ring);
}

/* Return: whether all of them have been passed on. */
static bool read_existing(struct programs *programs)
{
	while (programs->existing_next < programs->existing_count && has_room(programs))
		append(programs, &programs->existing[programs->existing_next++]);
	if (programs->existing_next < programs->existing_count)
		return false;
	free(programs->existing);
	programs->existing = NULL;
	programs->existing_next = programs->existing_count = 0;
	return true;
}

int programs_read(struct programs *programs, struct queue *events)
{
	bool has_ended = are_ending(programs) && programs_others(programs, NULL, 0) == 0;
	int64_t before_ns = clock_now();
	bool is_all;

	programs->events = events;
	programs->appended = programs->records = 0;
	programs->epoch_ns = clock_monotonic_epoch();
	is_all = read_existing(programs) && has_room(programs) && ring_buffer__consume(programs->ring) != -EAGAIN;
	programs->settled_ns = is_all ? before_ns - WRITE_NS : programs->last_ns;
	programs->left -=
		is_all || programs->left < (size_t)programs->records ? programs->left : (size_t)programs->records;
	report_losses(programs, has_ended || programs->is_draining);
	return has_ended && is_all && programs->appended == 0 ? SOURCE_END : programs->appended;
}

void programs_drain(struct programs *programs)
{
	programs->is_draining = true;
	programs->left = bpf_map__max_entries(programs->kernel->maps.ring) / sizeof(struct kernel_record);
}

bool programs_is_drained(const struct programs *programs)
{
	return programs->left == 0;
}

int64_t programs_settled_ns(const struct programs *programs)
{
	return programs->settled_ns;
}

/* ---- sockets of before the run ------------------------------------------------------- */

static void keep(struct programs *programs, const struct event *event)
{
	programs->existing = array_reserve(programs->existing, programs->existing_count, &programs->existing_size,
					   sizeof(*programs->existing));
	programs->existing[programs->existing_count++] = *event;
}

static void keep_record(struct programs *programs, const struct kernel_record *record)
{
	struct event events[PROGRAM_EVENTS_MAX];
	int64_t time_ns = programs->epoch_ns + (int64_t)record->time;
	size_t count = program_events_make(record, time_ns, events);

	/* The list goes by processes. */
	if (record->pid != programs->listed_pid)
		name_process(programs, record, time_ns, keep);
	programs->listed_pid = record->pid;
	for (size_t i = 0; i < count; i++)
		keep(programs, &events[i]);
}

static int list_existing(struct programs *programs, struct err *err)
{
	struct kernel_record records[LIST_AT_ONCE];
	struct bpf_link *link = bpf_program__attach_iter(programs->kernel->progs.list_sockets, NULL);
	int fd = link != NULL ? bpf_iter_create(bpf_link__fd(link)) : -1;
	int rc = fd < 0 ? -errno : 0;
	ssize_t length = 0;
	size_t left = 0;

	while (fd >= 0 && (length = read(fd, (char *)records + left, sizeof(records) - left)) != 0) {
		size_t count;

		if (length < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (length < 0) {
			rc = -errno;
			break;
		}
		left += (size_t)length;
		count = left / sizeof(records[0]);
		for (size_t i = 0; i < count; i++)
			keep_record(programs, &records[i]);
		left -= count * sizeof(records[0]);
		memmove(records, &records[count], left);
	}
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	programs->kernel->bss->lists = false;
	return rc == 0 ? 0 : err_set(err, -rc, "open sockets cannot be listed by BPF: %s", strerror(-rc));
}

/* ---- opening --------------------------------------------------------------------------- */

static void refuse(struct programs *programs, pid_t pid)
{
	struct err why;

	if (procfs_is_ancestor(pid, getpid()))
		(void)err_set(&why, EPERM, "cannot attach to PID %d: conntrace runs inside it, and would not end", pid);
	else
		procfs_why_not_attachable(pid, ESRCH, why.text, sizeof(why.text));
	programs->refused = array_extend(programs->refused, programs->refused_count, sizeof(*programs->refused));
	programs->refused[programs->refused_count++] = xstrdup(why.text);
}

static void ignore_thread(void *context, pid_t tid)
{
	(void)context;
	(void)tid;
}

/* The first thread may be a zombie while others run, or close the descriptors. */
static bool runs(pid_t pid)
{
	struct procfs_status status;

	if (procfs_status(pid, &status) != 0 || status.state == 'X')
		return false;
	return status.state != 'Z' || procfs_threads(pid, ignore_thread, NULL) > 1;
}

static int choose_names(struct programs *programs, const struct programs_config *config)
{
	const uint32_t value = 1;
	int rc = 0;

	for (size_t i = 0; program_load_by_name(config) && i < config->choice->counts[CHOICE_COMM] && rc == 0; i++) {
		char name[KERNEL_COMM] = "";

		memcpy(name, config->choice->words[CHOICE_COMM][i], strlen(config->choice->words[CHOICE_COMM][i]));
		rc = bpf_map_update_elem(bpf_map__fd(programs->kernel->maps.names), name, &value, BPF_ANY);
	}
	return rc;
}

static int watch(struct programs *programs, const struct programs_config *config, struct err *err)
{
	int map = bpf_map__fd(programs->kernel->maps.processes);
	uint32_t unnamed = 0, pid = (uint32_t)getpid();
	uint32_t own = 1;

	if (config->all && choose_names(programs, config) != 0)
		return err_set(err, E2BIG, "too many names of processes");
	if (config->all)
		return bpf_map_update_elem(bpf_map__fd(programs->kernel->maps.excluded), &pid, &own, BPF_ANY);
	for (size_t i = 0; i < config->pid_count; i++) {
		if (!runs(config->pids[i]) || procfs_is_ancestor(config->pids[i], getpid())) {
			refuse(programs, config->pids[i]);
			continue;
		}
		pid = (uint32_t)config->pids[i];
		if (bpf_map_update_elem(map, &pid, &unnamed, BPF_NOEXIST) == 0)
			__atomic_add_fetch(&programs->kernel->bss->live, 1, __ATOMIC_RELAXED);
	}
	if (programs->kernel->bss->live == 0)
		return err_set(err, ESRCH, "%s",
			       programs->refused_count > 0 ? programs->refused[0] : "no process to watch");
	return 0;
}

/* A process that ended before the programs were attached is missed by them. */
static void forget_ended(struct programs *programs, const struct programs_config *config)
{
	int map = bpf_map__fd(programs->kernel->maps.processes);

	for (size_t i = 0; i < config->pid_count; i++) {
		uint32_t pid = (uint32_t)config->pids[i];

		if (!runs(config->pids[i]) && bpf_map_delete_elem(map, &pid) == 0)
			__atomic_add_fetch(&programs->kernel->bss->live, -1, __ATOMIC_RELAXED);
	}
}

int programs_open(struct programs **opened, const struct programs_config *config, struct err *err)
{
	struct programs *programs = xcalloc(1, sizeof(*programs));
	int rc = program_load(&programs->kernel, config, err);

	programs->all = config->all;
	programs->groups = rc == 0 && programs->kernel->rodata->by_group ? config->choice : NULL;
	programs->epoch_ns = clock_monotonic_epoch();
	if (rc == 0)
		rc = watch(programs, config, err);
	if (rc == 0) {
		rc = kernel__attach(programs->kernel);
		if (rc != 0)
			(void)program_load_why_not(-rc, err);
	}
	if (rc == 0) {
		programs->ring =
			ring_buffer__new(bpf_map__fd(programs->kernel->maps.ring), take_record, programs, NULL);
		rc = programs->ring == NULL ? program_load_why_not(errno, err) : list_existing(programs, err);
	}
	if (rc != 0) {
		programs_close(programs);
		return rc;
	}
	if (!config->all)
		forget_ended(programs, config);
	*opened = programs;
	return 0;
}

const char *programs_refused(const struct programs *programs, size_t index)
{
	return index < programs->refused_count ? programs->refused[index] : NULL;
}

size_t programs_others(const struct programs *programs, pid_t *pids, size_t room)
{
	int map = bpf_map__fd(programs->kernel->maps.processes);
	uint32_t key = 0, next;
	size_t count = 0;

	for (const uint32_t *from = NULL; !programs->all && bpf_map_get_next_key(map, from, &next) == 0; from = &key) {
		key = next;
		if (!runs((pid_t)key))
			continue;
		if (count < room)
			pids[count] = (pid_t)key;
		count++;
	}
	return count;
}

void programs_close(struct programs *programs)
{
	if (programs == NULL)
		return;
	ring_buffer__free(programs->ring);
	kernel__destroy(programs->kernel);
	for (size_t i = 0; i < programs->refused_count; i++)
		free(programs->refused[i]);
	free(programs->refused);
	free(programs->existing);
	free(programs);
}
