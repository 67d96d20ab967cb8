/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_ERR_H
#define CONNTRACE_BASE_ERR_H

/*
 * How a failure travels. A function that can fail returns 0 or a negative
 * errno and, on failure only, leaves the story in the caller's struct err.
 * Rooms neither print nor exit; main does both.
 */

/**
 * struct err - what went wrong, in a sentence for the user
 * @text: quotes the thing, gives the reason and the remedy; "" while nothing failed
 */
struct err {
	char text[512];
};

/** ERR_QUOTED - how a message quotes a word: printf(3) format of a string, which err_set() and err_wrap() escape */
#define ERR_QUOTED "\"%.100s\""

/**
 * err_set() - tell the story of a failure
 * @err: where to write it, or NULL when nobody asks
 * @error: the errno, positive or negative
 * @format: printf(3) format of the sentence
 *
 * What it quotes is escaped here (escape_message()), for all messages alike.
 *
 * Return: @error as a negative number, so that `return err_set(...)` works.
 */
int err_set(struct err *err, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/**
 * err_wrap() - put context before a story that is already told
 * @err: holds the story
 * @format: printf(3) format of what comes before it, without the colon
 */
void err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
