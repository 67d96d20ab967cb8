/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_SOURCES_H
#define CONNTRACE_RUN_SOURCES_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "run/command.h"
#include "source/merge.h"
#include "cli/options.h"
#include "source/destroy/destroy.h"
#include "system/diag.h"
#include "source/packet/process.h"
#include "source/ptrace/tracer.h"

/** Most descriptors sources_fds() gives. */
#define SOURCES_FDS 16

/** struct sources - all sources of a run, and the merge of their events */
struct sources;
struct log_lines;

/**
 * sources_open() - open what was asked for
 * @sources: set on success
 * @options: must outlive it
 * @mask: the signal mask a launched command starts with
 * @exit_status: set on failure: what to exit with
 * @err: the message of a failure
 *
 * What must be opened while there are privileges comes first, the command is
 * launched last, so that nothing of it is missed.
 *
 * Return: 0 or a negative errno.
 */
int sources_open(struct sources **sources, const struct options *options, const sigset_t *mask, int *exit_status,
		 struct err *err);

/** sources_close() - let targets go; NULL is fine; @wait_status as session_close()'s */
void sources_close(struct sources *sources, int *wait_status);

/**
 * sources_on_packet() - be shown each packet as soon as it is read, before the merge holds it back
 * @sources: the sources
 * @function: called with @context and an EVENT_SEGMENT or EVENT_ICMP
 * @context: passed on
 */
void sources_on_packet(struct sources *sources, void (*function)(void *context, const struct event *event),
		       void *context);

/** sources_on_final_counters() - have @function see each destroy event as soon as it is read; it may complete it */
void sources_on_final_counters(struct sources *sources, void (*function)(void *context, struct event *event),
			       void *context);

/** sources_lookups() - a stream for what is found out about single sockets */
struct queue *sources_lookups(struct sources *sources);

/** sources_flow_key() - secret of the flow_hash() in their events */
const struct hash_key *sources_flow_key(const struct sources *sources);

/** sources_merge() - where their events come out */
struct merge *sources_merge(struct sources *sources);

/** sources_sample() - with --via=diag: take a sample now */
void sources_sample(struct sources *sources);

/** sources_find_owners() - with --via=diag: take a sample if a socket that died since the last one has no owner yet */
void sources_find_owners(struct sources *sources);

/** sources_read() - move the events of all sources into the merge; Return: how many events */
int sources_read(struct sources *sources);

/** sources_fds() - what to poll(2) for; Return: how many; 0 with @ready set when events wait already */
size_t sources_fds(struct sources *sources, struct pollfd fds[SOURCES_FDS], bool *ready);

/** sources_have_ended() - nothing more will come of what was to be watched */
bool sources_have_ended(const struct sources *sources);

/** sources_packets_are_all() - have as many packets of interfaces come as there shall be? */
bool sources_packets_are_all(struct sources *sources);

/**
 * sources_drain() - the run is over: begin to deliver what has happened until now
 *
 * To be called again after each sources_read(). Return: true once all of it has been read.
 */
bool sources_drain(struct sources *sources);

/** sources_hold_ns() - how long an event waits for earlier events of slower sources */
int64_t sources_hold_ns(const struct sources *sources);

/** sources_settled_ns() - events up to this time can't be overtaken; of a file that is all: time is what they say */
int64_t sources_settled_ns(const struct sources *sources);

/** sources_failed() - the message of a source that failed in the run, after its notice has been given; NULL none */
const char *sources_failed(const struct sources *sources);

/** sources_refused() - the @index-th of the processes given that is not watched, and why; NULL behind the last */
const char *sources_refused(const struct sources *sources, size_t index);

/** sources_parents() - those who made processes given and are not watched, see parents.h; NULL none */
struct parents *sources_parents(struct sources *sources);

/** sources_tracer() - the tracer, or NULL */
struct tracer *sources_tracer(struct sources *sources);

/**
 * sources_command_signal() - send a signal to the launched command; nothing happens when it has ended
 *
 * Return: false when none was launched.
 */
bool sources_command_signal(struct sources *sources, int number);

/**
 * sources_command_pass() - pass a signal that the terminal sent to the process group of this program
 *
 * The launched command has got it, unless it has a group of its own (setpgid(2), setsid(2)). Started by the shell it
 * would have led the group in the foreground.
 *
 * Return: true when it was passed to the group of the command.
 */
bool sources_command_pass(struct sources *sources, int number);

/** sources_command_lives() - was a command launched that has not ended? @context is the sources; for any thread */
bool sources_command_lives(void *context);

/**
 * sources_others() - what runs, of the processes that are watched
 * @sources: the sources
 * @number: a signal for each of them, if they are traced; 0 none
 * @pids: the first of them
 * @room: how many fit in
 *
 * Return: how many there are.
 */
size_t sources_others(struct sources *sources, int number, pid_t *pids, size_t room);

/** sources_events_refused() - calls, samples and final counters lost because they were not processed in time */
uint64_t sources_events_refused(const struct sources *sources);

/** sources_command() - the command that was launched without tracing it, or NULL */
const struct command *sources_command(const struct sources *sources);

/** sources_diag() - for questions about single sockets, or NULL */
struct diag *sources_diag(struct sources *sources);

/** sources_destroy() - where the kernel tells of sockets that die, or NULL; it may be closed by the next reading */
struct destroy *sources_destroy(const struct sources *sources);

/** sources_has_programs() - whether the events come from BPF programs */
bool sources_has_programs(const struct sources *sources);

/** sources_overflows() - how often an accept queue of the target's network namespace was full; CONN_UNKNOWN unknown */
int64_t sources_overflows(const struct sources *sources);

/** sources_explain() - why connections of the targets may be in no row; Return: false when nothing is known of such */
bool sources_explain(const struct sources *sources, struct err *why);

/** sources_has_packets() - is there a capture or a savefile? */
bool sources_has_packets(const struct sources *sources);

/** sources_packet() - the packet process, or NULL */
struct packet *sources_packet(const struct sources *sources);

/** sources_interface_drops() - frames that the kernel had no room for, of the @number-th interface; below 0 unknown */
int64_t sources_interface_drops(const struct sources *sources, size_t number);

/** sources_packet_stats() - the statistics of the packet process; zeros without one */
void sources_packet_stats(const struct sources *sources, struct packet_stats *stats);

/** sources_offset() - how far a file has been read, -1 unknown; @size is set to its size */
int64_t sources_offset(const struct sources *sources, int64_t *size);

/** sources_netns() - inode of the network namespace we are in, 0 unknown */
uint32_t sources_netns(const struct sources *sources);

/** sources_lines() - what the sources have read of a log of calls; NULL: there is none, or unknown */
const struct log_lines *sources_lines(const struct sources *sources);

/** sources_notice() - the next line for the user about what could not be opened or failed since, or NULL */
const char *sources_notice(struct sources *sources);

#endif
