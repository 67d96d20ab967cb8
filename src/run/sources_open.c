// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/sources_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/table.h"
#include "base/xalloc.h"
#include "cli/capture_filter.h"
#include "run/launch_user.h"
#include "run/namespace.h"
#include "run/parents.h"
#include "run/perf_choice.h"
#include "run/privileges.h"
#include "source/audit/audit_live.h"
#include "source/audit/audit_log.h"
#include "source/packet/capture.h"
#include "source/packet/hidden.h"
#include "source/perf/breakpoints.h"
#include "source/replay/replay.h"
#include "source/replay/strace_log.h"
#include "source/sampler/named.h"
#include "source/sampler/process_set.h"
#include "system/procfs.h"
#include "system/procfs_netstat.h"
#include "system/socket.h"

/* How each source is made of the options, and what else happens when it is read. A new source has a row here. */

/** enum source_stage - when a source is opened */
enum source_stage {
	/** reports of the kernel, which must not miss what happens next */
	SOURCE_STAGE_KERNEL,
	/** files of text */
	SOURCE_STAGE_FILES,
	/** the packet process forks, so it comes before the tracing thread */
	SOURCE_STAGE_FORK,
	/** a command is launched last, so that nothing of it is missed */
	SOURCE_STAGE_TARGET,
	SOURCE_STAGE_NUM,
};

/**
 * struct source_row - how a run uses one source
 * @ops: the source
 * @stage: enum source_stage
 * @open: set slot.source and slot.events from the options, or leave them NULL when the source is not wanted; Return: 0,
 *	  or a negative errno with the reason in @err. NULL: another row opens it
 * @after: called after each reading; NULL none
 */
struct source_row {
	const struct source_ops *ops;
	enum source_stage stage;
	int (*open)(struct sources *sources, struct source_slot *slot, const struct source_opening *opening,
		    struct err *err);
	void (*after)(struct sources *sources, struct source_slot *slot);
};

/* ---- destroy events ------------------------------------------------------------- */

/* Final counters, and queries: without them numbers are unknown, which is no failure. */
static int open_destroy(struct sources *sources, struct source_slot *slot, const struct source_opening *opening,
			struct err *err)
{
	struct destroy_config config = {.netns = sources->netns, .disconnected = true};
	struct err reason = {""};

	(void)opening;
	(void)err;
	if (options_is_file(sources->options))
		return 0;
	sources->destroy_fresh = queue_new(sizeof(struct event), DESTROY_AT_ONCE);
	if (diag_open(&sources->diag, sources->netns, &reason) != 0)
		sources_add_notice(sources, reason.text);
	/* The BPF programs report the same. */
	if (sources->options->via == OPTIONS_VIA_BPF)
		return 0;
	if (destroy_open(&sources->destroy, &config, &reason) != 0)
		sources_add_notice(sources, reason.text);
	else
		sources->destroy_events = merge_stream(sources->merge);
	slot->source = sources->destroy;
	slot->events = sources->destroy_fresh;
	return 0;
}

static void pass_final_counters(struct sources *sources, struct source_slot *slot)
{
	struct event event;

	while (queue_pop(sources->destroy_fresh, &event)) {
		if (sources->on_final_counters != NULL)
			sources->on_final_counters(sources->on_final_counters_context, &event);
		if (sources->sampler != NULL && sampler_final_counters(sources->sampler, &event))
			continue;
		queue_push(sources->destroy_events, &event);
	}
	sources->destroy = slot->source;
}

/* ---- processes -------------------------------------------------------------------- */

/* The processes that the tracer or the sampler is to watch. */
static int find_target(struct sources *sources, struct tracer_config *config, const struct source_opening *opening,
		       struct err *err)
{
	const struct options *options = sources->options;
	int rc;

	*config = (struct tracer_config){
		.command = options->command,
		.mask = *opening->mask,
		.follow = options->follow,
		.filter = !options->no_filter,
		.closes = options->watch_close,
		.no_uring = options->no_io_uring,
		.opened = privileges_drop_thread,
		.opened_context = options,
	};
	if (options->user != NULL) {
		rc = launch_user_find(&sources->user, options->user, err);
		if (rc != 0) {
			*opening->exit_status = 125;
			return rc;
		}
		config->user = &sources->user;
	}
	config->pids = sources->pids = xcalloc(options->pid_count + 1, sizeof(*sources->pids));
	config->pid_count =
		named_processes(options->pids, options->pid_count, sources->pids, sources_add_notice, sources);
	/* The sampler finds children that exist already, too. */
	if (!options_samples(options) || !options->follow)
		named_children(config->pids, config->pid_count, sources_add_notice, sources);
	return 0;
}

static int open_tracer(struct sources *sources, struct source_slot *slot, const struct source_opening *opening,
		       struct err *err)
{
	struct tracer_config config;
	struct err why;
	int rc;

	if (!options_has_target(sources->options) || !options_traces(sources->options))
		return 0;
	rc = find_target(sources, &config, opening, err);
	if (rc != 0)
		return rc;
	sources->tracer_events = config.events = merge_stream(sources->merge);
	rc = tracer_open(&sources->tracer, &config, opening->exit_status, err);
	if (rc != 0)
		return rc;
	slot->source = sources->tracer;
	slot->events = sources->tracer_events;
	for (size_t i = 0; tracer_refused(sources->tracer, i) != NULL; i++)
		sources_add_notice(sources, tracer_refused(sources->tracer, i));
	if (!socket_can_take()) {
		const char *limits = limits_of(errno);

		(void)err_set(&why, ENOTSUP, "sockets are looked up by address, which is slower, because %s",
			      limits != NULL ? limits
					     : "pidfd_getfd(2) is not available: it needs Linux 5.6 and, in a "
					       "container, --cap-add=SYS_PTRACE");
		sources_add_notice(sources, why.text);
	}
	return 0;
}

/* If there is a command it is made, but waits until its watcher knows it: command_go(). @pid: room for the target. */
static int launch_command(struct sources *sources, struct tracer_config *target, const struct source_opening *opening,
			  pid_t *pid, struct err *err)
{
	int rc;

	if (target->command == NULL)
		return 0;
	*opening->exit_status = 125;
	rc = command_open(&sources->command, target, err);
	if (rc != 0)
		return rc;
	sources_slot(sources, &command_source)->source = sources->command;
	*pid = command_pid(sources->command);
	target->pids = pid;
	target->pid_count = 1;
	return 0;
}

static int open_programs(struct sources *sources, struct source_slot *slot, const struct source_opening *opening,
			 struct err *err)
{
	struct tracer_config target;
	struct programs_config config;
	pid_t pid;
	int rc;

	if (!options_has_target(sources->options) || sources->options->via != OPTIONS_VIA_BPF)
		return 0;
	rc = find_target(sources, &target, opening, err);
	if (rc == 0)
		rc = launch_command(sources, &target, opening, &pid, err);
	if (rc != 0)
		return rc;
	config = (struct programs_config){
		.pids = target.pids,
		.pid_count = target.pid_count,
		.follow = target.follow,
		.all = sources->options->all,
		.measures = sources->options->measures,
		.states = sources->options->ladder != 0 && sources->options->interface_count == 0,
		.choice = &sources->options->filter.processes,
	};
	rc = programs_open(&sources->programs, &config, err);
	if (rc != 0)
		return rc;
	slot->source = sources->programs;
	slot->events = merge_stream(sources->merge);
	for (size_t i = 0; programs_refused(sources->programs, i) != NULL; i++)
		sources_add_notice(sources, programs_refused(sources->programs, i));
	return sources->command != NULL ? command_go(sources->command, opening->exit_status, err) : 0;
}

/* Audit is switched on before a command is made, because the kernel audits none that is older. */
static int open_audit(struct sources *sources, struct source_slot *slot, const struct source_opening *opening,
		      struct err *err)
{
	const struct audit_live_config config = {.follow = sources->options->follow, .all = sources->options->all};
	struct audit_live *live = NULL;
	struct tracer_config target;
	pid_t pid;
	int rc;

	if (!options_has_target(sources->options) || sources->options->via != OPTIONS_VIA_AUDIT)
		return 0;
	rc = audit_live_open(&live, &config, err);
	if (rc != 0)
		return rc;
	slot->source = live;
	slot->events = merge_stream(sources->merge);
	rc = find_target(sources, &target, opening, err);
	if (rc == 0)
		rc = launch_command(sources, &target, opening, &pid, err);
	if (rc == 0 && !config.all)
		rc = audit_live_watch(live, target.pids, target.pid_count, target.command != NULL, err);
	return rc == 0 && sources->command != NULL ? command_go(sources->command, opening->exit_status, err) : rc;
}

static int64_t sampled_ns(const void *context)
{
	const struct sources *sources = context;

	return sources->sampler != NULL ? sampler_sampled_ns(sources->sampler) : 0;
}

static int64_t reported_ns(const void *context, int64_t *pushed_ns)
{
	const struct sources *sources = context;

	return sources->sampler != NULL ? sampler_reported_ns(sources->sampler, pushed_ns) : 0;
}

static bool find_listener(const void *context, uint32_t inode, struct endpoint *local)
{
	const struct sources *sources = context;

	return sources->sampler != NULL && sampler_listener(sources->sampler, inode, local);
}

/* A sample follows them, so that no connection comes between. The samples before show who holds the listeners. */
static int open_breakpoints(struct sources *sources, const struct tracer_config *target, struct err *err)
{
	struct source_slot *slot = sources_slot(sources, &breakpoints_source);
	bool each = sampler_shares(sources->sampler) || perf_choice_asks_calls(sources->options);
	struct breakpoints_config config = {
		.pids = target->pids,
		.pid_count = target->pid_count,
		.follow = target->follow,
		.accepts = each || sampler_splits(sources->sampler),
		.one_accept = !each,
		.events = merge_stream(sources->merge),
		.sampled_ns = sampled_ns,
		.reported_ns = reported_ns,
		.find_listener = find_listener,
		.context = sources,
	};
	struct breakpoints *breakpoints = NULL;
	int rc = breakpoints_open(&breakpoints, &config, err);

	if (rc != 0) {
		err_wrap(err, "--via=perf cannot work");
		return rc;
	}
	slot->source = breakpoints;
	slot->events = config.events;
	(void)sampler_sample(sources->sampler);
	return 0;
}

static int open_sampler(struct sources *sources, struct source_slot *slot, const struct source_opening *opening,
			struct err *err)
{
	struct tracer_config target;
	struct sampler_config config;
	pid_t pid;
	int rc;

	if (!options_has_target(sources->options) || !options_samples(sources->options))
		return 0;
	rc = find_target(sources, &target, opening, err);
	if (rc != 0)
		return rc;
	if (sources->destroy == NULL || sources->diag == NULL)
		return err_set(err, ENOTSUP, "--via=%s cannot work: %s",
			       sources->options->via == OPTIONS_VIA_PERF ? "perf" : "diag",
			       sources->notice_count > 0 ? sources->notices[0] : "no sock_diag");
	rc = launch_command(sources, &target, opening, &pid, err);
	if (rc != 0)
		return rc;
	config = (struct sampler_config){
		.pids = target.pids,
		.pid_count = target.pid_count,
		.follow = target.follow && !sources->options->all,
		.choice = sources->options->all ? &sources->options->filter.processes : NULL,
		.netns = sources->netns,
		.sample_ns = sources->options->sample_ms * CLOCK_NS_PER_MS,
		.diag = sources->diag,
		.destroy = &sources->destroy,
		.events = sources->destroy_events,
		.marks = sources->options->via == OPTIONS_VIA_PERF,
	};
	rc = sampler_open(&sources->sampler, &config, err);
	if (rc != 0)
		return rc;
	slot->source = sources->sampler;
	if (sources->options->via == OPTIONS_VIA_PERF)
		rc = open_breakpoints(sources, &target, err);
	if (rc != 0)
		return rc;
	return sources->command != NULL ? command_go(sources->command, opening->exit_status, err) : 0;
}

/* What the command had open is still to be seen as it ends. */
static void sample_at_end(struct sources *sources, struct source_slot *slot)
{
	if (slot->ended && !sources->draining)
		sources_sample(sources);
}

/* ---- packets ---------------------------------------------------------------------- */

static bool counts_frames(const struct options *options)
{
	for (size_t i = 0; i < options->report_count; i++)
		if (options->reports[i].ops->counts_frames)
			return true;
	return false;
}

static int start_packets(struct sources *sources, struct err *err)
{
	const struct options *options = sources->options;
	char *tagged = capture_filter_text(&options->filter, options->decapsulate, options->names, true);
	char *untagged = capture_filter_text(&options->filter, options->decapsulate, options->names, false);
	const struct packet_config config = {
		.interfaces = options->interfaces,
		.interface_count = options->interface_count,
		.savefiles = options->reads,
		.savefile_count = options->read_count,
		.filter = options->packet_filter,
		.narrow = {tagged, untagged},
		.promisc = options->promisc,
		.snaplen = (int)options->snaplen,
		.buffer_kib = (int)options->buffer_kib,
		.decapsulate = (uint8_t)options->decapsulate,
		.frames = options->ladder != 0 || options->html != NULL || counts_frames(options),
		.other_frames = counts_frames(options),
		.frame_filters = (const char *const *)options->io_filters.expressions,
		.frame_filter_count = options->io_filters.count,
		.packets = (uint64_t)options->packets,
		.batch = options->batch,
		.batch_seed = options->batch_seed,
		.flow_key = sources->flow_key,
		.messages = options->payload,
		.names = options->names,
		.fields = &options->message_names,
		.keeps_frames = options->write != NULL,
		.drop_to = options->drop_to,
	};

	return packet_open(&sources->packet, &config, err);
}

static int open_packets(struct sources *sources, struct source_slot *slot, const struct source_opening *opening,
			struct err *err)
{
	int rc = sources_has_packets(sources) ? start_packets(sources, err) : 0;

	if (rc == -CAPTURE_BAD_FILTER)
		*opening->exit_status = 2;
	if (rc != 0 || sources->packet == NULL)
		return rc;
	slot->source = sources->packet;
	slot->events = merge_stream(sources->merge);
	slot->awaited = sources->options->read != NULL;
	return 0;
}

/* An empty report that has a reason the user cannot see gets a sentence about it. */
static void explain_hidden(struct sources *sources, struct source_slot *slot)
{
	struct packet_stats stats;
	char text[512];

	if (!slot->ended)
		return;
	packet_stats(sources->packet, &stats);
	if (hidden_text(text, sizeof(text), &stats, sources->options->packet_filter))
		sources_add_notice(sources, text);
}

/* The tracer first: a socket's death has the time of its reading, and what the calls said of it must be there. */
static const struct source_row rows[] = {
	{&tracer_source, SOURCE_STAGE_TARGET, open_tracer, NULL},
	{&destroy_source, SOURCE_STAGE_KERNEL, open_destroy, pass_final_counters},
	{&command_source, SOURCE_STAGE_TARGET, NULL, sample_at_end}, /* open_sampler() launches it */
	{&sampler_source, SOURCE_STAGE_TARGET, open_sampler, NULL},
	{&breakpoints_source, SOURCE_STAGE_TARGET, NULL, NULL}, /* open_sampler() does, behind the sampler */
	{&programs_source, SOURCE_STAGE_TARGET, open_programs, NULL},
	{&audit_live_source, SOURCE_STAGE_TARGET, open_audit, NULL},
	{&packet_source, SOURCE_STAGE_FORK, open_packets, explain_hidden},
	{&replay_source, SOURCE_STAGE_FILES, sources_open_replay, NULL},
	{&strace_log_source, SOURCE_STAGE_FILES, sources_open_strace_log, NULL},
	{&audit_log_source, SOURCE_STAGE_FORK, sources_open_audit_log, NULL},
};

/* ---- all of them ------------------------------------------------------------------- */

#define ROWS_NUM (sizeof(rows) / sizeof(rows[0]))

_Static_assert(ROWS_NUM <= SOURCES_FDS, "each source may have a descriptor to poll(2) for");

static int open_slots(struct sources *sources, const struct source_opening *opening, struct err *err)
{
	int rc = 0;

	sources->slot_count = ROWS_NUM;
	sources->slots = xcalloc(sources->slot_count, sizeof(*sources->slots));
	for (size_t i = 0; i < ROWS_NUM; i++)
		sources->slots[i] = (struct source_slot){.ops = rows[i].ops, .after = rows[i].after};
	for (int stage = 0; stage < SOURCE_STAGE_NUM && rc == 0; stage++)
		for (size_t i = 0; i < ROWS_NUM && rc == 0; i++)
			if ((int)rows[i].stage == stage && rows[i].open != NULL)
				rc = rows[i].open(sources, &sources->slots[i], opening, err);
	FOR_EACH_SLOT (slot, sources)
		if (slot->awaited)
			merge_await(sources->merge, slot->events, true);
	return rc;
}

static void enter_namespace(struct sources *sources)
{
	pid_t pid = namespace_enter(sources->options);
	char text[128];

	if (pid == 0)
		return;
	snprintf(text, sizeof(text), "PID %d is in another network namespace: sockets of that namespace are watched",
		 (int)pid);
	sources_add_notice(sources, text);
}

/* A wrong name is the most common reason of an empty table. */
static void announce_choice(struct sources *sources)
{
	static const char *const names[] = {[CHOICE_COMM] = "comm",
					    [CHOICE_UNIT] = "unit",
					    [CHOICE_CGROUP] = "cgroup",
					    [CHOICE_CONTAINER] = "container"};
	const struct process_choice *choice = &sources->options->filter.processes;
	size_t words = 0, kind = 0;
	struct err text;

	TABLE_COVERS(names, CHOICE_NUM);
	if (options_is_file(sources->options) || process_choice_is_empty(choice) || process_set_finds(choice))
		return;
	for (size_t i = 0; i < CHOICE_NUM; i++)
		words += choice->counts[i];
	while (choice->counts[kind] == 0)
		kind++;
	(void)err_set(&text, ESRCH,
		      "no process that runs%s is chosen by --%s=" ERR_QUOTED "%s; those that start later are watched",
		      geteuid() == 0 ? "" : " as this user", names[kind], choice->words[kind][0],
		      words == 1 ? "" : " and the other options");
	sources_add_notice(sources, text.text);
}

int sources_open(struct sources **opened, const struct options *options, const sigset_t *mask, int *exit_status,
		 struct err *err)
{
	const struct source_opening opening = {mask, exit_status};
	struct sources *sources = xcalloc(1, sizeof(*sources));
	int rc;

	*exit_status = 1;
	sources->options = options;
	sources->merge = merge_new();
	hash_key_random(&sources->flow_key);
	sources->lookups = merge_stream(sources->merge);
	sources->netstat_fd = -1;
	if (!options_is_file(options)) {
		enter_namespace(sources);
		sources->netns = procfs_netns(getpid());
		sources->netstat_fd = procfs_netstat_open(options->pid_count > 0 ? options->pids[0] : 0);
		sources->overflows = procfs_netstat_value(sources->netstat_fd, "ListenOverflows");
	}
	rc = open_slots(sources, &opening, err);
	if (rc != 0) {
		sources_close(sources, NULL);
		return rc;
	}
	FOR_EACH_SLOT (slot, sources)
		sources_take_notices(sources, slot);
	announce_choice(sources);
	sources->parents = parents_open(options);
	for (const char *text; (text = parents_announce(sources->parents)) != NULL;)
		sources_add_notice(sources, text);
	*opened = sources;
	return 0;
}
