/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_LOG_LINES_H
#define CONNTRACE_MODEL_LOG_LINES_H

#include <stdint.h>

/** enum log_left - why a line of a log of calls (strace, audit) is not used */
enum log_left {
	/** a record or call that says nothing of TCP connections */
	LOG_LEFT_OTHER,
	/** no record of audit, no line of strace */
	LOG_LEFT_FOREIGN,
	/** cut, or a field that it needs is missing or cannot be read */
	LOG_LEFT_DAMAGED,
	/** without the number of its event */
	LOG_LEFT_NUMBERLESS,
	/** longer than any record */
	LOG_LEFT_LONG,
	/** of a call whose other record or line is not in the log, or says that it is another call */
	LOG_LEFT_APART,
	/** a call without the address that it was given */
	LOG_LEFT_ADDRESSLESS,
	/** a call whose socket may not be TCP */
	LOG_LEFT_KINDLESS,
	LOG_LEFT_NUM
};

/**
 * struct log_lines - what was read of logs of calls
 * @read: lines
 * @left: of these, by enum log_left, those that are not used
 */
struct log_lines {
	uint64_t read;
	uint64_t left[LOG_LEFT_NUM];
};

#endif
