/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_ERR_H
#define CONNTRACE_BASE_ERR_H

/*
 * Failures. A function that can fail returns 0 or a negative errno and, on failure only, sets the message in the
 * caller's struct err. Other folders neither print nor exit; main does both.
 */

/**
 * struct err - the message of a failure, a sentence for the user
 * @text: quotes the thing, gives the reason and the remedy; "" without a failure
 */
struct err {
	char text[512];
};

/** ERR_QUOTED - quotes a word in a message: printf(3) format of a string, which err_set() and err_wrap() escape */
#define ERR_QUOTED "\"%.100s\""

/**
 * err_set() - set the message of a failure
 * @err: the destination, or NULL
 * @error: the errno, positive or negative
 * @format: printf(3) format of the sentence
 *
 * Quoted words are escaped here (escape_message()), for all messages. A message that ends with strerror(@error) gets
 * the limit that this is about (limits_of()).
 *
 * Return: @error as a negative number, so that `return err_set(...)` works.
 */
int err_set(struct err *err, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/**
 * err_wrap() - put context before a message that is set
 * @err: holds the message
 * @format: printf(3) format of the context, without the colon
 */
void err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
