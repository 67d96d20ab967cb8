// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sends the frames of a savefile (Ethernet, in the byte order of this host) on
 * an interface, so many a second as long as the machine can.
 *
 *   blast INTERFACE FILE RATE [REPEAT]
 *
 * Prints how many it sent and how many a second that were.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_HEAD 24
#define FRAME_HEAD 16
#define BATCH 32

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int open_interface(const char *name)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name)};
	/* Protocol 0: what passes is not wanted, only sending. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (to.sll_ifindex == 0 || fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -1;
	return fd;
}

/* Take up to @most frames off. Return: how many. */
static unsigned int gather(const uint8_t **at, const uint8_t *end, struct iovec *frames, unsigned int most)
{
	unsigned int count = 0;

	while (count < most && (size_t)(end - *at) >= FRAME_HEAD) {
		uint32_t length;

		memcpy(&length, *at + 8, sizeof(length));
		if ((size_t)(end - *at) < FRAME_HEAD + (size_t)length)
			break;
		frames[count].iov_base = (void *)(uintptr_t)(*at + FRAME_HEAD);
		frames[count++].iov_len = length;
		*at += FRAME_HEAD + length;
	}
	return count;
}

static int send_all(int fd, struct iovec *frames, unsigned int count)
{
	struct mmsghdr messages[BATCH];
	unsigned int sent = 0;

	memset(messages, 0, sizeof(messages));
	for (unsigned int i = 0; i < count; i++) {
		messages[i].msg_hdr.msg_iov = &frames[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (sent < count) {
		int got = sendmmsg(fd, messages + sent, count - sent, 0);

		if (got < 0 && errno != ENOBUFS && errno != EINTR && errno != EAGAIN)
			return -errno;
		sent += got > 0 ? (unsigned int)got : 0;
	}
	return 0;
}

static int blast(int fd, const uint8_t *data, size_t size, double rate, long repeat)
{
	struct iovec frames[BATCH];
	double begin = now();
	uint64_t sent = 0;

	for (long i = 0; i < repeat; i++) {
		const uint8_t *at = data + FILE_HEAD;
		unsigned int count;

		while ((count = gather(&at, data + size, frames, BATCH)) > 0) {
			while ((now() - begin) * rate < (double)sent)
				;
			if (send_all(fd, frames, count) < 0) {
				perror("blast: sendmmsg");
				return 1;
			}
			sent += count;
		}
	}
	printf("%llu %.0f\n", (unsigned long long)sent, (double)sent / (now() - begin));
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 2 ? argv[2] : "";
	int fd = argc > 3 ? open_interface(argv[1]) : -1, file = open(name, O_RDONLY | O_CLOEXEC);
	struct stat status;
	void *data;

	if (argc < 4) {
		fprintf(stderr, "usage: blast INTERFACE FILE RATE [REPEAT]\n");
		return 2;
	}
	if (fd < 0 || file < 0 || fstat(file, &status) < 0 || status.st_size < FILE_HEAD) {
		fprintf(stderr, "blast: %s, %s: %s\n", argv[1], name, strerror(errno));
		return 1;
	}
	data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
	if (data == MAP_FAILED) {
		perror("blast: mmap");
		return 1;
	}
	return blast(fd, data, (size_t)status.st_size, atof(argv[3]), argc > 4 ? atol(argv[4]) : 1);
}
