/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_SOCKET_H
#define CONNTRACE_SYSTEM_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "model/event.h"

/*
 * Reads a socket of another process through a duplicate of its descriptor. While the duplicate is open the other
 * process's close(2) does not end the connection (and a listener keeps its port), so a caller takes, reads and closes
 * it at once. No function changes the socket. SO_ERROR in particular is never read, because reading clears it.
 */

/**
 * socket_process() - a pidfd of a process, for socket_take() (pidfd_open(2), Linux 5.3)
 * @pid: thread group id; a thread that does not lead its group is -EINVAL or -ENOENT
 *
 * Return: the descriptor (close-on-exec) or a negative errno: -ESRCH no such process, -ENOSYS the kernel is too old,
 * -EPERM or -ENOSYS a container's seccomp profile.
 */
int socket_process(pid_t pid);

/**
 * socket_thread() - a pidfd of a thread, for socket_take() (PIDFD_THREAD, Linux 6.9)
 * @tid: any thread
 *
 * For a process whose first thread has ended: only the other threads still have descriptors.
 *
 * Return: as socket_process(); -EINVAL where the kernel is too old.
 */
int socket_thread(pid_t tid);

/**
 * socket_take() - duplicate a descriptor of another process (pidfd_getfd(2), Linux 5.6)
 * @pidfd: from socket_process(); the descriptor table is the thread group leader's, which is gone when the leader has
 *         ended while other threads go on
 * @fd: the number in the other process
 *
 * Needs PTRACE_MODE_ATTACH_REALCREDS, but no attachment.
 *
 * Return: a descriptor (close-on-exec) that the caller closes at once, or a negative errno: -EBADF not open there,
 * -ESRCH ended, -EPERM not permitted (also from seccomp profiles of containers), -ENOSYS kernel older than 5.6.
 */
int socket_take(int pidfd, int fd);

/** socket_can_take() - whether socket_take() works here; tried with a descriptor of this process; errno says why not */
bool socket_can_take(void);

/**
 * socket_read() - read the current state and counters of a TCP socket
 * @socket: a descriptor of this process
 * @event: set on success only, wholly: an EVENT_INFO of ORIGIN_KERNEL at clock_now() with flow.local, flow.remote,
 *         info.cookie, info.state and the counters of TCP_INFO. info.reason is INFO_SAMPLE; flow.netns is 0, info.uid
 *         and inode unknown. The remote end is unknown while the socket is in SYN_SENT, LISTEN or CLOSE. info.rqueue
 *         (without the FIN) and info.fin are set in CLOSE, info.wqueue with data under way.
 *
 * Five system calls, seven in CLOSE or with data under way, none of which blocks. An MPTCP socket (SO_PROTOCOL 262,
 * flow.proto FLOW_PROTO_MPTCP) has info.bytes_received, bytes_sent and notsent_bytes, of payload alone and from Linux
 * 6.5 on, and no other counters; a socket that has fallen back to TCP has all. Its state is that of its first subflow.
 *
 * Return: 0, -ENOTSUP when it is no TCP socket, or another negative errno.
 */
int socket_read(int socket, struct event *event);

/**
 * socket_read_accepted() - as socket_read(), for a socket that accept(2) has just given
 *
 * The remote end is set even if the connection was reset in the queue (CLOSE): the socket was not connected again, so
 * the address of SO_PEERNAME is valid.
 */
int socket_read_accepted(int socket, struct event *event);

/** socket_resets() - whether close(2) resets the connection: SO_LINGER with a time of 0 is set, or inherited */
bool socket_resets(int socket);

/** socket_delay() - whether a listener, descriptor @fd of process @pid, defers connections; Return: enum info_delay */
enum info_delay socket_delay(pid_t pid, int fd);

/**
 * socket_is_exclusive() - whether the listener with this cookie is descriptor @fd of process @pid, and no other socket
 * can listen at its address and port meanwhile (SO_REUSEPORT)
 */
bool socket_is_exclusive(pid_t pid, int fd, uint64_t cookie);

/**
 * socket_read_counters() - as socket_read(), without the ends
 * @socket: a descriptor of this process
 * @event: as in socket_read(), its flow unknown; for callers that know the socket by its cookie
 *
 * Three system calls instead of five.
 */
int socket_read_counters(int socket, struct event *event);

#endif
