/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_BYTES_H
#define CONNTRACE_TRACK_BYTES_H
#include <stdint.h>
#include "model/conn.h"
#include "model/event.h"
struct bytes { int64_t rx, tx; };
void bytes_init(struct bytes *b);
void bytes_feed(struct bytes *b, const struct event_info *i);
void bytes_shutdown(struct bytes *b, int how);
void bytes_peer_sent(struct bytes *b, int64_t sent);
void bytes_settle(const struct bytes *b, int64_t *rx, int64_t *tx);
enum conn_close bytes_close(const struct bytes *b);
enum conn_dir bytes_direction(const struct bytes *b);
#endif
