/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_EVENT_TEXT_H
#define CONNTRACE_MODEL_EVENT_TEXT_H

#include <stddef.h>

#include "base/err.h"
#include "model/event.h"

/*
 * Events as lines of text, written by --record and read by --replay.
 *
 * 	time=1700000000.123456789 type=call origin=s local=192.0.2.1:80 remote=198.51.100.7:40001 kind=accept pid=7
 *
 * A line consists of words key=value, separated by single blanks. time, type and origin come first and are always
 * present. Every other field is left out when it has the value of event_new(): 0, empty, proto TCP. So a line has no
 * more than its values, and reading it gives the same event bit by bit.
 *
 * Numbers are decimal, times are seconds with nine decimals ("-" is -1, the unknown one), addresses as RFC 5952 has
 * them, enumerations are words, sets of bits are words joined by "+", untrusted bytes are escaped as \xNN. An unknown
 * word is an error and is never skipped, because an event read in part would be another event.
 */

/** The first line of a file of events is this word and the number of the format. */
#define EVENT_TEXT_NAME "conntrace-events "
/** Number of the format; it changes when older versions cannot read a file. */
#define EVENT_TEXT_FORMAT "1"
/** The first line of a file that this version writes. */
#define EVENT_TEXT_HEADER EVENT_TEXT_NAME EVENT_TEXT_FORMAT

/** Room for the longest line, with its NUL. */
#define EVENT_TEXT_SIZE 2048

/**
 * event_to_text() - an event as one line
 * @event: the event
 * @text: set on success only, without a newline
 * @size: room there; EVENT_TEXT_SIZE is always enough
 *
 * Return: the length, -EINVAL when a field has a value that is invalid for its type (it could not be read back), or
 * -ENOSPC when it does not fit.
 */
int event_to_text(const struct event *event, char *text, size_t size);

/**
 * event_from_text() - read a line that event_to_text() wrote
 * @line: any bytes, NUL-terminated, without a newline
 * @event: set on success only
 *
 * Return: 0, or -EINVAL with the message in @err.
 */
int event_from_text(const char *line, struct event *event, struct err *err);

#endif
