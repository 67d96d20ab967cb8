/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_SESSION_STATE_H
#define CONNTRACE_RUN_SESSION_STATE_H

#include "source/owner_lookup/owner_lookup.h"
#include "run/backlog.h"
#include "base/clock.h"
#include "run/ending.h"
#include "run/job_control.h"
#include "run/top_run.h"
#include "run/load.h"
#include "run/refresh.h"
#include "run/output.h"
#include "run/packet_save.h"
#include "run/playback.h"
#include "run/progress.h"
#include "run/page.h"
#include "run/services.h"
#include "run/session.h"
#include "run/interval.h"
#include "source/replay/record.h"
#include "run/sources.h"
#include "track/tracker.h"

/* The kernel tells of a socket's death from a work queue, a little after the fact, and later on a busy machine. */
#define FINAL_COUNTERS_NS (200 * CLOCK_NS_PER_MS)

/* How often it is checked whether they have come. */
#define FINAL_COUNTERS_POLL_MS 5

/** enum session_phase - see the table in session.c */
enum session_phase {
	SESSION_OPENING,
	SESSION_RUNNING,
	SESSION_DRAINING,
	SESSION_STOPPING,
	SESSION_REPORTED,
	SESSION_PHASE_NUM,
};

/* State of a run, from top to bottom: session.c (opening, phases), session_end.c (the end), session_feed.c (steps). */
struct session {
	const struct options *options;
	struct sources *sources;
	struct tracker *tracker;
	struct refresh refresh;
	struct output *output;
	struct top_run *top_run;
	struct playback playback;
	struct progress progress;
	struct services *services;
	struct page *page;
	struct owner_lookup *owner_lookup;
	struct backlog backlog;
	struct record_file *record;
	struct packet_save *packet_save;
	struct job_control job_control;
	struct ending ending; /* of a launched command */
	int64_t start_ns;     /* monotonic */
	struct interval interval;
	int64_t refresh_ns; /* since the epoch: when the counters are to be looked at */
	int64_t end_ns;     /* monotonic: the limit of -d, 0 none, or it is over */
	int64_t overrun_ns; /* monotonic, 0 none: when final counters were lost */
	struct load load;
	uint64_t finished;
	int64_t count_ns; /* monotonic: when those that have ended are counted next (-c) */
	bool is_file;
	enum session_phase phase;
	bool stopping;     /* a limit, a signal or a failure ends the run */
	bool asks_command; /* the launched command runs on and is asked to end */
	bool at_once;
	bool print_now;
	bool was_busy;      /* the last reading brought much */
	bool awaits;        /* DRAINING: there was something to wait for */
	int64_t final_ns;   /* DRAINING, monotonic: longest time for them */
	int64_t late_ns;    /* the same while a destroy event is known to be missing */
	int64_t sampled_ns; /* DRAINING, monotonic: when the open connections were sampled, 0 not yet */
	size_t gone;        /* how many of them were not found */
	bool writes;        /* the files are created or emptied */
	int rules_status;   /* the exit status of --expect */
	bool save_failed;   /* packets or events could not be written */
	bool reopen_failed; /* SIGHUP: output went on into a file that may have been removed */
	int write_error;
	struct err write_err;
};

/** session_feed() - feed the tracker with what happened up to @until_ns */
void session_feed(struct session *session, int64_t until_ns);

/** session_feed_one() - feed the tracker with one event, outside the order of time; @session: struct session */
void session_feed_one(void *session, struct event *event);

/** session_ask_timewait() - complete the final counters in @event by a query; @session: struct session */
void session_ask_timewait(void *session, struct event *event);

/** session_take_destroyed() - a destroy event has been read: complete it, and search the owner; @session likewise */
void session_take_destroyed(void *session, struct event *event);

/** session_next_open() - an output_walk over the open connections of @tracker */
const struct conn *session_next_open(void *tracker, const struct conn *previous);

/** session_refresh() - look at the counters of all open connections; Return: how many are gone, see refresh_all() */
size_t session_refresh(struct session *session, bool tell_gone);

/** session_serve() - answer who asks and write what is due, with @final for the last time; a failure ends no run */
void session_serve(struct session *session, bool final);

/** session_say() - a line for the user, wherever it does not spoil what is on the terminal */
void session_say(void *session, const char *text);

/** session_save_packets() - write the packets that are decided; events up to @fed_ns have been fed, of a file all */
void session_save_packets(struct session *session, int64_t fed_ns);

/** session_save_page() - write the page of --html with the data of the last session_print(); @summary: NULL for that so
 * far */
void session_save_page(struct session *session, const struct summary *summary);

/** session_print() - print the reports */
void session_print(struct session *session, enum output_when when);

/** session_say_failure() - session_say() what @err tells if @rc is not 0 */
void session_say_failure(struct session *session, int rc, const struct err *err);

/** session_print_notices() - say what the sources have to say */
void session_print_notices(struct session *session);

/** session_begin_writing() - there is something to write; until then the files are what the run before has left */
void session_begin_writing(struct session *session);

/** session_check_output() - a reader that went away ends the run quietly; any other failure is reported at the end */
void session_check_output(struct session *session, int rc, const struct err *err);

/** session_begin_draining() - leave the screen, and set how long final counters are awaited */
void session_begin_draining(struct session *session);

/** session_has_drained() - feed what was read; Return: true once nothing more is awaited */
bool session_has_drained(struct session *session);

/** session_print_final() - print the final reports and the summary */
void session_print_final(struct session *session);

/** session_resolves() - are names of hosts wanted (-N)? */
bool session_resolves(const struct session *session);

/** session_has_all() - have as many connections ended as there shall be (-c)? */
bool session_has_all(const struct session *session);

/** session_count() - of a run that is not of a file: end it as soon as they have ended, not when that is reported */
void session_count(struct session *session);

/**
 * session_reader() - where the reports go, to be asked whether there is a reader; -1 when that is no matter
 *
 * It is none for a command, nor for those who get something else of the run than its reports.
 */
int session_reader(const struct session *session);

/** session_signals() - take the signals that have come */
void session_signals(struct session *session);

/** session_is_over() - whether a limit, a signal or the end of what is watched ends the phase */
bool session_is_over(struct session *session, int64_t now_ns);

#endif
