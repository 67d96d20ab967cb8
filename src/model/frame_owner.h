/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_FRAME_OWNER_H
#define CONNTRACE_MODEL_FRAME_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/** Room for a short name of a process (TASK_COMM_LEN of linux/sched.h). */
#define FRAME_OWNER_COMM 16

/** Room for the comment: each byte of the name may be an escape of four. */
#define FRAME_OWNER_TEXT (64 + 4 * FRAME_OWNER_COMM)

/** enum frame_way - direction of a frame, seen from the local side; the values are those of pcapng's epb_flags */
enum frame_way {
	FRAME_WAY_UNKNOWN,
	FRAME_RECEIVED,
	FRAME_SENT,
	FRAME_WAY_NUM
};

/**
 * struct frame_owner - the process of a frame's connection, as the comment of the frame in a savefile tells it
 * @pid: its process ID, 0 unknown
 * @tid: the thread that opened or accepted the connection, 0 unknown
 * @dir: enum conn_dir
 * @way: enum frame_way
 * @comm: its short name, any bytes; "" unknown
 */
struct frame_owner {
	int32_t pid;
	int32_t tid;
	uint8_t dir;
	uint8_t way;
	char comm[FRAME_OWNER_COMM];
};

/** frame_owner_text() - the comment, one line of printable ASCII; Return: its length without the NUL */
int frame_owner_text(const struct frame_owner *owner, char text[FRAME_OWNER_TEXT]);

/**
 * frame_owner_parse() - read such a comment
 * @text: any bytes
 * @owner: set on success only; what the comment lacks is unknown
 *
 * Words that are not known are passed over, so that later versions may add some.
 *
 * Return: true when the comment is one of frame_owner_text(), with sound values.
 */
bool frame_owner_parse(struct span text, struct frame_owner *owner);

#endif
