/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PROCFS_PROCFS_H
#define CONNTRACE_SOURCE_PROCFS_PROCFS_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "model/event.h"
uint32_t procfs_netns(pid_t pid);
pid_t procfs_thread_group(pid_t tid);
bool procfs_is_ancestor(pid_t pid);
void procfs_sockets(pid_t pid, void (*callback)(void *context, int fd, uint32_t inode), void *context);
void procfs_why_not_attachable(pid_t pid, int error, char *text, size_t size);
void procfs_process_events(pid_t pid, int64_t time_ns, void (*sink)(void *context, const struct event *event), void *context);
#endif
