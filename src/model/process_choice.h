/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_PROCESS_CHOICE_H
#define CONNTRACE_MODEL_PROCESS_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "model/process.h"

/*
 * Chooses processes by what they are called, as pgrep(1) does: of each kind that was given, one must match. A process
 * has the name that it had when it was read; another process with its PID has names of its own.
 */

/** enum choice_kind - what is compared */
enum choice_kind {
	/** the short name, up to its 15th byte */
	CHOICE_COMM,
	/** the unit of systemd(1); ".service" may be left out */
	CHOICE_UNIT,
	/** the path of the control group, or of one above it */
	CHOICE_CGROUP,
	/** the container: a beginning of its name or identifier */
	CHOICE_CONTAINER,
	CHOICE_NUM
};

/** enum choice_result - whether a process is chosen */
enum choice_result {
	CHOICE_NO,
	CHOICE_YES,
	/** what is compared is not known of it */
	CHOICE_UNKNOWN
};

/**
 * struct process_choice - which processes are wanted; all zero wants every one
 * @words: the words of each kind; owned
 * @counts: their numbers
 */
struct process_choice {
	char **words[CHOICE_NUM];
	size_t counts[CHOICE_NUM];
};

/**
 * process_choice_add() - one more word of a kind
 * @err: quotes the word that is wrong
 *
 * Return: 0 or -EINVAL.
 */
int process_choice_add(struct process_choice *choice, enum choice_kind kind, const char *word, struct err *err);

/** process_choice_is_empty() - whether it wants every process */
bool process_choice_is_empty(const struct process_choice *choice);

/** process_choice_needs_cgroup() - whether more than the short name is compared */
bool process_choice_needs_cgroup(const struct process_choice *choice);

/** process_choice_match() - whether a process is chosen; @process: NULL unknown */
enum choice_result process_choice_match(const struct process_choice *choice, const struct process *process);

/** process_choice_free() - free the words and make it want everything */
void process_choice_free(struct process_choice *choice);

#endif
