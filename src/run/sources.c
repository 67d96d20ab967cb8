// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "run/command.h"
#include "run/interrupt.h"
#include "run/launch_user.h"
#include "source/sampler/named.h"
#include "run/offline.h"
#include "run/parents.h"
#include "run/privileges.h"
#include "source/destroy/destroy.h"
#include "system/local_addresses.h"
#include "system/socket.h"
#include "source/packet/capture.h"
#include "source/packet/hidden.h"
#include "source/packet/process.h"
#include "system/procfs.h"
#include "system/procfs_netstat.h"
#include "source/source.h"
#include "source/sampler/sampler.h"
#include "cli/capture_filter.h"

/*
 * Packets come through a kernel buffer and another process: they may be later
 * than the calls they caused. Without them only the tracing thread's queue and
 * the netlink socket have to be put in order.
 */
#define HOLD_PACKETS_NS (100 * CLOCK_NS_PER_MS)
#define HOLD_NS (20 * CLOCK_NS_PER_MS)
/* The caller may sleep afterwards, so it is as much as the packet process keeps. */
#define PACKETS_AT_ONCE (1 << 17)
/* More than one reading of destroy events brings. */
#define DESTROY_AT_ONCE 65536
/* A packet process that does not come to an end in this time hangs. */
#define DRAIN_NS (10 * CLOCK_NS_PER_SEC)
/* A socket's death is told so much later at most, unless the sign of it is lost in an overrun. */
#define LAST_DEATHS_NS (2 * CLOCK_NS_PER_SEC)
#define DEATHS_POLL_MS 10

struct sources {
	const struct options *options;
	struct merge *merge;
	struct hash_key flow_key;
	uint32_t netns;
	struct tracer *tracer;
	struct queue *tracer_events;
	struct tracer_user user;
	pid_t *pids; /* those of -p */
	struct destroy *destroy;
	struct queue *destroy_events;
	struct queue *destroy_fresh; /* read, and not shown yet */
	void (*on_last_word)(void *context, struct event *event);
	void *on_last_word_context;
	struct diag *diag;
	int netstat_fd;    /* of the network namespace of the target, below 0 none */
	int64_t overflows; /* of its accept queues, before the run */
	struct sampler *sampler;
	struct command *command;
	struct packet *packet;
	struct queue *packet_events;
	void (*on_packet)(void *context, const struct event *event);
	void *on_packet_context;
	struct offline *offline;
	char **notices;
	size_t notice_count, notice_at;
	struct err failure;
	struct parents *parents;
	struct queue *lookups;
	int64_t drain_until_ns; /* monotonic, 0: the packets are not being drained */
	bool tracer_ended, packet_ended, sampler_ended, draining;
};

static void add_notice(void *context, const char *text)
{
	struct sources *sources = context;

	sources->notices = array_extend(sources->notices, sources->notice_count, sizeof(char *));
	sources->notices[sources->notice_count++] = xstrdup(text);
}

const char *sources_notice(struct sources *sources)
{
	if (sources->notice_at < sources->notice_count)
		return sources->notices[sources->notice_at++];
	return sources->sampler != NULL ? sampler_warning(sources->sampler) : NULL;
}

/* ---- opening ----------------------------------------------------------------- */

/* The kernel's last words, and questions: without them numbers are unknown, which is no failure. */
static void open_kernel(struct sources *sources)
{
	struct destroy_config config = {.netns = sources->netns, .disconnected = true};
	struct err err = {""};

	if (destroy_open(&sources->destroy, &config, &err) != 0)
		add_notice(sources, err.text);
	else
		sources->destroy_events = merge_stream(sources->merge);
	sources->destroy_fresh = queue_new(sizeof(struct event), DESTROY_AT_ONCE);
	if (diag_open(&sources->diag, sources->netns, &err) != 0)
		add_notice(sources, err.text);
}

/* The command is made, but waits until it is known to the watch. */
static int open_sampler(struct sources *sources, const struct tracer_config *target, int *exit_status, struct err *err)
{
	struct sampler_config config = {
		.pids = target->pids,
		.pid_count = target->pid_count,
		.follow = target->follow,
		.netns = sources->netns,
		.sample_ns = sources->options->sample_ms * CLOCK_NS_PER_MS,
		.diag = sources->diag,
		.destroy = &sources->destroy,
		.events = sources->destroy_events,
	};
	pid_t pid;
	int rc = 0;

	if (sources->destroy == NULL || sources->diag == NULL)
		return err_set(err, ENOTSUP, "--via=diag cannot work: %s",
			       sources->notice_count > 0 ? sources->notices[0] : "no sock_diag");
	if (target->command != NULL) {
		*exit_status = 125;
		rc = command_open(&sources->command, target, err);
		if (rc != 0)
			return rc;
		pid = command_pid(sources->command);
		config.pids = &pid;
		config.pid_count = 1;
	}
	rc = sampler_open(&sources->sampler, &config, err);
	if (rc == 0 && sources->command != NULL)
		rc = command_go(sources->command, exit_status, err);
	return rc;
}

static int open_target(struct sources *sources, const sigset_t *mask, int *exit_status, struct err *err)
{
	const struct options *options = sources->options;
	struct tracer_config config = {
		.command = options->command,
		.mask = *mask,
		.follow = options->follow,
		.filter = !options->no_filter,
		.closes = options->watch_close,
		.no_uring = options->no_io_uring,
		.opened = privileges_drop_thread,
		.opened_context = options,
	};
	int rc;

	if (options->user != NULL) {
		rc = launch_user_find(&sources->user, options->user, err);
		if (rc != 0) {
			*exit_status = 125;
			return rc;
		}
		config.user = &sources->user;
	}
	config.pids = sources->pids = xcalloc(options->pid_count + 1, sizeof(*sources->pids));
	config.pid_count = named_processes(options->pids, options->pid_count, sources->pids, add_notice, sources);
	/* Looks find those that exist already, too. */
	if (options->via != OPTIONS_VIA_DIAG || !options->follow)
		named_children(config.pids, config.pid_count, add_notice, sources);
	if (options->via == OPTIONS_VIA_DIAG)
		return open_sampler(sources, &config, exit_status, err);
	sources->tracer_events = config.events = merge_stream(sources->merge);
	rc = tracer_open(&sources->tracer, &config, exit_status, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; tracer_warning(sources->tracer, i) != NULL; i++)
		add_notice(sources, tracer_warning(sources->tracer, i));
	if (!socket_can_take())
		add_notice(sources, "sockets are looked up by address, which is slower, because pidfd_getfd(2) is not "
				    "to be had: it needs Linux 5.6 and, in a container, --cap-add=SYS_PTRACE");
	return 0;
}

static bool counts_frames(const struct options *options)
{
	for (size_t i = 0; i < options->report_count; i++)
		if (options->reports[i].ops->counts_frames)
			return true;
	return false;
}

static int open_packets(struct sources *sources, struct err *err)
{
	const struct options *options = sources->options;
	char *tagged = capture_filter_text(&options->filter, options->decapsulate, true);
	char *untagged = capture_filter_text(&options->filter, options->decapsulate, false);
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
		.frames = options->ladder != 0 || counts_frames(options),
		.other_frames = counts_frames(options),
		.frame_filters = (const char *const *)options->io_filters.expressions,
		.frame_filter_count = options->io_filters.count,
		.packets = (uint64_t)options->packets,
		.batch = options->batch,
		.batch_seed = options->batch_seed,
		.flow_key = sources->flow_key,
		.messages = options->payload,
		.fields = &options->message_names,
		.drop_to = options->drop_to,
	};
	int rc = packet_open(&sources->packet, &config, err);

	if (rc != 0)
		return rc;
	sources->packet_events = merge_stream(sources->merge);
	merge_await(sources->merge, sources->packet_events, options->read != NULL);
	return 0;
}

int sources_open(struct sources **opened, const struct options *options, const sigset_t *mask, int *exit_status,
		 struct err *err)
{
	struct sources *sources = xcalloc(1, sizeof(*sources));
	bool has_target = options->command != NULL || options->pid_count > 0;
	int rc = 0;

	*exit_status = 1;
	sources->options = options;
	sources->merge = merge_new();
	hash_key_random(&sources->flow_key);
	sources->lookups = merge_stream(sources->merge);
	sources->netstat_fd = -1;
	if (!options_is_file(options)) {
		sources->netns = procfs_netns(getpid());
		sources->netstat_fd = procfs_netstat_open(options->pid_count > 0 ? options->pids[0] : 0);
		sources->overflows = procfs_netstat_value(sources->netstat_fd, "ListenOverflows");
		open_kernel(sources);
	}
	rc = offline_open(&sources->offline, options, sources->merge, err);
	/* It forks, so it comes before the tracing thread. */
	if (rc == 0 && sources_has_packets(sources))
		rc = open_packets(sources, err);
	if (rc == -CAPTURE_BAD_FILTER)
		*exit_status = 2;
	if (rc == 0 && has_target)
		rc = open_target(sources, mask, exit_status, err);
	if (rc != 0) {
		sources_close(sources, NULL);
		return rc;
	}
	sources->parents = parents_open(options);
	for (const char *text; (text = parents_announce(sources->parents)) != NULL;)
		add_notice(sources, text);
	*opened = sources;
	return 0;
}

void sources_close(struct sources *sources, int *wait_status)
{
	if (sources == NULL)
		return;
	if (sources->tracer != NULL && wait_status != NULL)
		(void)tracer_status(sources->tracer, wait_status);
	if (sources->command != NULL && wait_status != NULL)
		(void)command_status(sources->command, wait_status);
	command_close(sources->command);
	parents_close(sources->parents);
	sampler_close(sources->sampler);
	tracer_close(sources->tracer);
	destroy_close(sources->destroy);
	diag_close(sources->diag);
	if (sources->netstat_fd >= 0)
		close(sources->netstat_fd);
	queue_free(sources->destroy_fresh);
	packet_close(sources->packet);
	offline_close(sources->offline);
	merge_free(sources->merge);
	for (size_t i = 0; i < sources->notice_count; i++)
		free(sources->notices[i]);
	free(sources->notices);
	free(sources->user.groups);
	free(sources->pids);
	free(sources);
}

const char *sources_warning(const struct sources *sources, size_t index)
{
	return sources->sampler != NULL  ? sampler_refused(sources->sampler, index)
	       : sources->tracer != NULL ? tracer_warning(sources->tracer, index)
					 : NULL;
}

struct parents *sources_parents(struct sources *sources)
{
	return sources->parents;
}

/* ---- reading ------------------------------------------------------------------- */

/* What was to be watched can't be any more: the run goes on with what there is, and its exit status says so. */
static void fail(struct sources *sources, const struct err *err)
{
	add_notice(sources, err->text);
	sources->failure = *err;
}

const char *sources_failed(const struct sources *sources)
{
	return sources->failure.text[0] != '\0' ? sources->failure.text : NULL;
}

static void show_last_words(struct sources *sources)
{
	struct event event;

	while (queue_pop(sources->destroy_fresh, &event)) {
		if (sources->on_last_word != NULL)
			sources->on_last_word(sources->on_last_word_context, &event);
		if (sources->sampler != NULL && sampler_final_counters(sources->sampler, &event))
			continue;
		queue_push(sources->destroy_events, &event);
	}
}

/* As packet_read(), showing each event on its way. */
static int read_shown(struct sources *sources, struct err *err)
{
	int count = 0, rc;

	while (count < PACKETS_AT_ONCE) {
		struct event *event = queue_reserve(sources->packet_events);

		rc = event != NULL ? packet_next(sources->packet, event, err) : 0;
		if (rc != 1)
			return count > 0 && (rc == 0 || rc == SOURCE_END) ? count : rc;
		sources->on_packet(sources->on_packet_context, event);
		queue_commit(sources->packet_events);
		count++;
	}
	return count;
}

/* An empty report that has a reason the user cannot see gets a sentence about it. */
static void tell_hidden(struct sources *sources)
{
	struct packet_stats stats;
	char text[512];

	packet_stats(sources->packet, &stats);
	if (hidden_text(text, sizeof(text), &stats, sources->options->packet_filter))
		add_notice(sources, text);
}

static int read_packets(struct sources *sources)
{
	struct err err = {""};
	int rc;

	if (sources->packet == NULL || sources->packet_ended)
		return 0;
	local_addresses_refresh();
	rc = sources->on_packet != NULL ? read_shown(sources, &err)
					: packet_read(sources->packet, sources->packet_events, &err);
	if (rc == SOURCE_END) {
		sources->packet_ended = true;
		tell_hidden(sources);
		merge_await(sources->merge, sources->packet_events, false);
	} else if (rc < 0) {
		fail(sources, &err);
	}
	return rc > 0 ? rc : 0;
}

static int read_offline(struct sources *sources)
{
	struct err err = {""};
	int count = offline_read(sources->offline, sources->merge, &err);

	if (err.text[0] != '\0')
		fail(sources, &err);
	if (offline_notice(sources->offline, &err))
		add_notice(sources, err.text);
	return count;
}

/* With the last target its last connections end, but their last words may be on the way: sources_drain() waits. */
static int read_sampler(struct sources *sources)
{
	int status, rc;

	if (sources->sampler == NULL || (sources->sampler_ended && !sources->draining))
		return 0;
	if (sources->draining)
		rc = sampler_waits(sources->sampler) ? sampler_sample(sources->sampler) : 0;
	else if (sources->command != NULL && command_fd(sources->command) >= 0 &&
		 command_status(sources->command, &status))
		rc = sampler_sample(sources->sampler);
	else
		rc = sampler_read(sources->sampler);
	sources->sampler_ended = rc == SOURCE_END;
	return rc > 0 ? rc : 0;
}

void sources_find_owners(struct sources *sources)
{
	if (sources->sampler != NULL && !sources->sampler_ended && sampler_waits(sources->sampler))
		sources->sampler_ended = sampler_sample(sources->sampler) == SOURCE_END;
}

int sources_read(struct sources *sources)
{
	struct err err = {""};
	const char *remark;
	int count = 0, rc;

	/* The tracer first: a socket's death is stamped when it is read; what the calls told of it must be there. */
	if (sources->tracer != NULL && !sources->tracer_ended) {
		rc = tracer_read(sources->tracer);
		if (rc == SOURCE_END)
			sources->tracer_ended = true;
		count += rc > 0 ? rc : 0;
		while ((remark = tracer_remark(sources->tracer)) != NULL)
			add_notice(sources, remark);
	}
	if (sources->destroy != NULL) {
		rc = destroy_read(sources->destroy, sources->destroy_fresh, &err);
		show_last_words(sources);
		if (rc < 0 && rc != SOURCE_END) {
			add_notice(sources, err.text);
			destroy_close(sources->destroy);
			sources->destroy = NULL;
		}
		count += rc > 0 ? rc : 0;
	}
	return count + read_sampler(sources) + read_packets(sources) + read_offline(sources);
}

size_t sources_fds(struct sources *sources, struct pollfd fds[SOURCES_FDS], bool *ready)
{
	size_t count = 0;

	*ready = false;
	if (sources->tracer != NULL && !sources->tracer_ended) {
		if (!tracer_sleep(sources->tracer))
			*ready = true;
		fds[count++] = (struct pollfd){.fd = tracer_fd(sources->tracer), .events = POLLIN};
	}
	if (sources->destroy != NULL)
		fds[count++] = (struct pollfd){.fd = destroy_fd(sources->destroy), .events = POLLIN};
	if (sources->sampler != NULL && !sources->sampler_ended)
		fds[count++] = (struct pollfd){.fd = sampler_fd(sources->sampler), .events = POLLIN};
	if (sources->command != NULL && command_fd(sources->command) >= 0)
		fds[count++] = (struct pollfd){.fd = command_fd(sources->command), .events = POLLIN};
	if (!offline_fds(sources->offline, fds, &count))
		*ready = true;
	if (sources->packet != NULL && !sources->packet_ended) {
		/* Held events have a time when they are looked at. */
		if (!packet_sleep(sources->packet, sources->options->read == NULL && !merge_is_empty(sources->merge)))
			*ready = true;
		fds[count++] = (struct pollfd){.fd = packet_fd(sources->packet), .events = POLLIN};
	}
	return count;
}

bool sources_have_ended(const struct sources *sources)
{
	if (sources->tracer != NULL)
		return sources->tracer_ended;
	if (sources->sampler != NULL)
		return sources->sampler_ended;
	if (offline_is_open(sources->offline) && (sources->packet == NULL || !offline_has_ended(sources->offline)))
		return offline_has_ended(sources->offline);
	return sources->packet != NULL && sources->packet_ended;
}

bool sources_packets_are_all(const struct sources *sources)
{
	/* A file ends by itself, and a log of calls beside it may go on. */
	return sources->options->packets > 0 && sources->options->read == NULL && sources->packet_ended;
}

void sources_on_packet(struct sources *sources, void (*function)(void *context, const struct event *event),
		       void *context)
{
	sources->on_packet = function;
	sources->on_packet_context = context;
}

void sources_on_last_word(struct sources *sources, void (*function)(void *context, struct event *event), void *context)
{
	sources->on_last_word = function;
	sources->on_last_word_context = context;
}

/* Until the kernel has told of all that died, of sockets too that nobody has heard of (accepted by io_uring(7)). */
static void drain_deaths(struct sources *sources)
{
	struct pollfd fd = {.fd = destroy_fd(sources->destroy), .events = POLLIN};
	int64_t until_ns = clock_monotonic() + LAST_DEATHS_NS;

	destroy_mark(sources->destroy);
	do {
		(void)poll(&fd, 1, DEATHS_POLL_MS);
		(void)sources_read(sources);
	} while (sources->destroy != NULL && !destroy_has_caught_up(sources->destroy) && clock_monotonic() < until_ns &&
		 !interrupt_hurries());
}

bool sources_drain(struct sources *sources)
{
	if (!sources->draining) {
		sources->draining = true;
		merge_await_none(sources->merge);
		if (sources->destroy != NULL)
			drain_deaths(sources);
		/* What nobody had seen. */
		if (sources->sampler != NULL)
			(void)sampler_sample(sources->sampler);
	}
	if (sources->packet == NULL)
		return true;
	if (sources->drain_until_ns == 0) {
		sources->drain_until_ns = clock_monotonic() + DRAIN_NS;
		packet_drain(sources->packet);
	}
	while (!sources->packet_ended && !interrupt_hurries()) {
		struct pollfd fd = {.fd = packet_fd(sources->packet), .events = POLLIN};

		if (clock_monotonic() >= sources->drain_until_ns)
			packet_abandon(sources->packet);
		if (queue_reserve(sources->packet_events) == NULL)
			return false;
		if (read_packets(sources) == 0 && !sources->packet_ended)
			(void)poll(&fd, 1, 100);
	}
	return true;
}

int64_t sources_hold_ns(const struct sources *sources)
{
	return sources_has_packets(sources) ? HOLD_PACKETS_NS : HOLD_NS;
}

int64_t sources_settled_ns(const struct sources *sources)
{
	int64_t settled_ns, calls_ns;

	if (options_is_file(sources->options))
		return INT64_MAX; /* the merge awaits each of them */
	settled_ns = clock_now() - sources_hold_ns(sources);
	calls_ns = sources->tracer != NULL ? tracer_settled_ns(sources->tracer) : INT64_MAX;
	return settled_ns < calls_ns ? settled_ns : calls_ns;
}

struct queue *sources_lookups(struct sources *sources)
{
	return sources->lookups;
}

const struct hash_key *sources_flow_key(const struct sources *sources)
{
	return &sources->flow_key;
}

struct merge *sources_merge(struct sources *sources)
{
	return sources->merge;
}

struct tracer *sources_tracer(struct sources *sources)
{
	return sources->tracer;
}

const struct command *sources_command(const struct sources *sources)
{
	return sources->command;
}

struct diag *sources_diag(struct sources *sources)
{
	return sources->diag;
}

int64_t sources_overflows(const struct sources *sources)
{
	int64_t now = procfs_netstat_value(sources->netstat_fd, "ListenOverflows");

	return sources->overflows >= 0 && now >= sources->overflows ? now - sources->overflows : CONN_UNKNOWN;
}

bool sources_command_signal(struct sources *sources, int number)
{
	int status;

	if (sources->options->command == NULL)
		return false;
	if (sources->tracer != NULL)
		tracer_signal(sources->tracer, number);
	else if (sources->command != NULL && !command_status(sources->command, &status))
		kill(command_pid(sources->command), number);
	return true;
}

bool sources_command_lives(void *context)
{
	const struct sources *sources = context;
	int status;

	if (sources->tracer == NULL)
		return sources->command != NULL && command_lives(sources->command);
	return sources->options->command != NULL && !tracer_status(sources->tracer, &status);
}

size_t sources_others(struct sources *sources, int number, pid_t *pids, size_t room)
{
	if (sources->tracer != NULL)
		return tracer_others(sources->tracer, number, pids, room);
	return sources->sampler != NULL ? sampler_others(sources->sampler, pids, room) : 0;
}

struct destroy *sources_destroy(const struct sources *sources)
{
	return sources->destroy;
}

bool sources_explain(const struct sources *sources, struct err *why)
{
	return sources->sampler != NULL && sampler_explain(sources->sampler, why);
}

bool sources_has_packets(const struct sources *sources)
{
	return sources->options->interface_count > 0 || sources->options->read != NULL;
}

void sources_packet_stats(const struct sources *sources, struct packet_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	if (sources->packet != NULL)
		packet_stats(sources->packet, stats);
}

int64_t sources_offset(const struct sources *sources, int64_t *size)
{
	*size = 0;
	return sources->packet != NULL ? packet_offset(sources->packet, size) : offline_offset(sources->offline, size);
}

uint32_t sources_netns(const struct sources *sources)
{
	return sources->netns;
}

uint64_t sources_calls_refused(const struct sources *sources)
{
	return sources->tracer_events != NULL ? queue_refused(sources->tracer_events) : 0;
}
