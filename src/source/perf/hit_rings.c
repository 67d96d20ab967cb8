// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An event is of one thread on one processor, so that it can have a ring buffer while its threads to come have the same
 * one (inherit). Many events share the buffer of their processor. That belongs to an event of its own, which counts
 * nothing, so it outlives all watched threads.
 */
#include "source/perf/hit_rings.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"

/*
 * A power of two of pages. An ordinary user has 516 kB for each processor (perf_event_mlock_kb), and what
 * RLIMIT_MEMLOCK gives. A hit has 100 bytes, with the stack 620.
 */
#define RING_LEAST (64U * 1024)
#define RING_MOST (2048U * 1024)
/* Of execve(2) and fork(2), at any length waiting. */
#define RING_URGENT (64U * 1024)
/* A record is written at most this long before it is read. */
#define READ_NS (20 * CLOCK_NS_PER_MS)
/* The longest record: its length is a 16 bit number. */
#define RECORD_MAX 65536
#define CPUS_MAX 1024

/**
 * struct hit_ring - a ring buffer
 * @fd: event that it belongs to
 * @page: its first page, with the positions
 * @data: @bytes of them
 */
struct hit_ring {
	int cpu;
	int fd;
	struct perf_event_mmap_page *page;
	const uint8_t *data;
	size_t bytes;
};

struct hit_rings {
	struct hit_ring *list; /* for each processor that of urgent records, and the other */
	size_t count;
	int epoll_fd, timer_fd;
	uint8_t record[RECORD_MAX];
};

/* As large as is allowed. */
static bool map_ring(struct hit_ring *ring, size_t most)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t bytes = most; bytes >= RING_LEAST; bytes /= 2) {
		void *map = mmap(NULL, page + bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);

		if (map == MAP_FAILED)
			continue;
		ring->page = map;
		ring->data = (const uint8_t *)map + page;
		ring->bytes = bytes;
		return true;
	}
	return false;
}

static int open_ring(struct hit_rings *rings, int cpu, bool is_urgent, struct err *err)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.watermark = 1,
		.wakeup_watermark = is_urgent ? 1 : RING_LEAST / 2,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.disabled = 1,
	};
	struct hit_ring *ring = &rings->list[rings->count];
	struct epoll_event event = {.events = EPOLLIN};

	hit_records_ask(&attr, false);
	ring->cpu = cpu;
	ring->fd = (int)syscall(SYS_perf_event_open, &attr, 0, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (ring->fd < 0)
		return err_set(err, errno, "perf_event_open(2): %s", strerror(errno));
	rings->count++;
	if (!map_ring(ring, is_urgent ? RING_URGENT : RING_MOST))
		return err_set(err, errno,
			       "no memory for the ring buffers of breakpoints: %s (ulimit -l, perf_event_mlock_kb)",
			       strerror(errno));
	return epoll_ctl(rings->epoll_fd, EPOLL_CTL_ADD, ring->fd, &event) == 0 ? 0 : -errno;
}

int hit_rings_open(struct hit_rings **opened, struct err *err)
{
	struct hit_rings *rings = xcalloc(1, sizeof(*rings));
	const struct itimerspec times = {.it_value.tv_nsec = READ_NS, .it_interval.tv_nsec = READ_NS};
	struct epoll_event event = {.events = EPOLLIN};
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	int rc = 0;

	rings->list = xcalloc(2 * CPUS_MAX, sizeof(*rings->list));
	rings->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	rings->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (rings->epoll_fd < 0 || rings->timer_fd < 0 || timerfd_settime(rings->timer_fd, 0, &times, NULL) != 0 ||
	    epoll_ctl(rings->epoll_fd, EPOLL_CTL_ADD, rings->timer_fd, &event) != 0)
		rc = err_set(err, errno, "no timer: %s", strerror(errno));
	for (int cpu = 0; cpu < cpus && cpu < CPUS_MAX && rc == 0; cpu++) {
		rc = open_ring(rings, cpu, true, err);
		if (rc == 0)
			rc = open_ring(rings, cpu, false, err);
		/* It is not there, or off line. */
		if (rc == -ENODEV || rc == -EINVAL || rc == -ENXIO)
			rc = 0;
	}
	if (rc == 0 && rings->count == 0)
		rc = err_set(err, ENODEV, "no processor has a ring buffer of perf events");
	if (rc != 0)
		hit_rings_close(rings);
	else
		*opened = rings;
	return rc;
}

void hit_rings_close(struct hit_rings *rings)
{
	if (rings == NULL)
		return;
	for (size_t i = 0; i < rings->count; i++) {
		if (rings->list[i].page != NULL)
			munmap(rings->list[i].page, (size_t)sysconf(_SC_PAGESIZE) + rings->list[i].bytes);
		close(rings->list[i].fd);
	}
	if (rings->epoll_fd >= 0)
		close(rings->epoll_fd);
	if (rings->timer_fd >= 0)
		close(rings->timer_fd);
	free(rings->list);
	free(rings);
}

size_t hit_rings_count(const struct hit_rings *rings)
{
	return rings->count / 2;
}

int hit_rings_cpu(const struct hit_rings *rings, size_t index)
{
	return rings->list[2 * index].cpu;
}

int hit_rings_add(const struct hit_rings *rings, size_t index, int fd, bool is_urgent)
{
	return ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, rings->list[2 * index + !is_urgent].fd) == 0 ? 0 : -errno;
}

int hit_rings_fd(const struct hit_rings *rings)
{
	return rings->epoll_fd;
}

static void copy_out(const struct hit_ring *ring, uint64_t at, uint8_t *to, size_t length)
{
	size_t begin = (size_t)(at % ring->bytes);
	size_t first = length < ring->bytes - begin ? length : ring->bytes - begin;

	memcpy(to, ring->data + begin, first);
	memcpy(to + first, ring->data, length - first);
}

static void read_ring(struct hit_rings *rings, struct hit_ring *ring,
		      void (*callback)(void *context, const struct hit *hit), void *context)
{
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->page->data_tail;

	while (head - tail >= sizeof(struct perf_event_header)) {
		struct perf_event_header header;
		struct hit hit;

		copy_out(ring, tail, (uint8_t *)&header, sizeof(header));
		if (header.size < sizeof(header) || header.size > head - tail)
			break;
		copy_out(ring, tail, rings->record, header.size);
		if (hit_records_read((struct span){rings->record, header.size}, &hit))
			callback(context, &hit);
		tail += header.size;
	}
	__atomic_store_n(&ring->page->data_tail, tail, __ATOMIC_RELEASE);
}

void hit_rings_read(struct hit_rings *rings, void (*callback)(void *context, const struct hit *hit), void *context)
{
	uint64_t expirations;

	if (read(rings->timer_fd, &expirations, sizeof(expirations)) < 0)
		expirations = 0;
	for (size_t i = 0; i < rings->count; i += 2)
		read_ring(rings, &rings->list[i], callback, context);
	for (size_t i = 1; i < rings->count; i += 2)
		read_ring(rings, &rings->list[i], callback, context);
}
