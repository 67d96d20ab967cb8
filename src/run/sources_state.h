/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_SOURCES_STATE_H
#define CONNTRACE_RUN_SOURCES_STATE_H

#include "run/sources.h"
#include "source/source.h"
#include "source/bpf/programs.h"
#include "source/sampler/sampler.h"

/* More than one reading of destroy events brings. */
#define DESTROY_AT_ONCE 65536

struct source_slot;

/**
 * struct source_slot - a source of this run
 * @ops: its functions
 * @after: called after each reading; NULL none
 * @source: NULL: not open, or not any more
 * @events: where its events go, NULL: its configuration says where
 * @awaited: of a file: the merge waits for its next event
 * @ended: it said SOURCE_END
 * @drained: all that it held back has been read
 * @drain_until_ns: monotonic, 0: it is not being drained
 */
struct source_slot {
	const struct source_ops *ops;
	void (*after)(struct sources *sources, struct source_slot *slot);
	void *source;
	struct queue *events;
	bool awaited, ended, drained;
	int64_t drain_until_ns;
};

/**
 * struct source_opening - what only opening needs
 * @mask: the signal mask a launched command starts with
 * @exit_status: to be set on failure
 */
struct source_opening {
	const sigset_t *mask;
	int *exit_status;
};

/*
 * What sources.c (the loop over them), sources_open.c and sources_files.c (how
 * each is opened) share. The pointers to single sources are those of their slots.
 */
struct sources {
	const struct options *options;
	struct merge *merge;
	struct hash_key flow_key;
	uint32_t netns;
	struct source_slot *slots; /* one for each row of sources_open.c */
	size_t slot_count;
	struct tracer *tracer;
	struct destroy *destroy;
	struct sampler *sampler;
	struct programs *programs;
	struct command *command;
	struct packet *packet;
	struct replay *replay;
	struct queue *tracer_events;
	struct tracer_user user;
	pid_t *pids; /* those of -p */
	struct queue *destroy_events;
	struct queue *destroy_fresh; /* read, and not passed on yet */
	void (*on_final_counters)(void *context, struct event *event);
	void *on_final_counters_context;
	struct diag *diag;
	int netstat_fd;    /* of the network namespace of the target, below 0 none */
	int64_t overflows; /* of its accept queues, before the run */
	char **notices;
	size_t notice_count, notice_at;
	struct err failure;
	struct parents *parents;
	struct queue *lookups;
	bool draining;
};

/** sources_add_notice() - a line for the user; @context is the sources */
void sources_add_notice(void *context, const char *text);

/** FOR_EACH_SLOT() - in the order of reading */
#define FOR_EACH_SLOT(slot, sources) \
	for (struct source_slot *slot = (sources)->slots; slot < (sources)->slots + (sources)->slot_count; slot++)

/** sources_take_notices() - keep what a source has to say for the user */
void sources_take_notices(struct sources *sources, const struct source_slot *slot);

/** sources_slot() - the slot of a source */
struct source_slot *sources_slot(struct sources *sources, const struct source_ops *ops);

/** sources_open_replay() - the recording of --replay; as source_row.open in sources_open.c, and so are the next two */
int sources_open_replay(struct sources *sources, struct source_slot *slot, const struct source_opening *opening,
			struct err *err);

/** sources_open_strace_log() - the log of --strace-log */
int sources_open_strace_log(struct sources *sources, struct source_slot *slot, const struct source_opening *opening,
			    struct err *err);

/** sources_open_audit_log() - the logs of --audit-log, which a process of their own reads, as packets are */
int sources_open_audit_log(struct sources *sources, struct source_slot *slot, const struct source_opening *opening,
			   struct err *err);

#endif
