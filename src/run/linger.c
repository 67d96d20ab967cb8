// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/linger.h"

#include "base/clock.h"

/* The other end of a connection on this host is destroyed at about the same time; its counters give the bytes sent. */
#define LINGER_KERNEL_NS (100 * CLOCK_NS_PER_MS)
#define LINGER_SAMPLES 4 /* after this many samples the other end's final counters are read, too (--via=diag) */
/* Late packets of a finished connection come within this time. */
#define LINGER_NS (2 * CLOCK_NS_PER_SEC)
/* A savefile has no delay, so this may be as long as a TIME_WAIT; with -c the reader of a pipe waits for the end. */
#define LINGER_FILE_NS (60 * CLOCK_NS_PER_SEC)
/*
 * Each of these takes memory, and time to find it: Linux limits the number of its own, too (tcp_max_tw_buckets,
 * ip-sysctl). At 10,000 ends a second this many come in six seconds; retransmissions come sooner.
 */
#define LINGER_FILE_LIMIT 65536

int64_t linger_ns(const struct options *options)
{
	int64_t linger_ns = LINGER_KERNEL_NS;

	if (options_is_file(options))
		return options->count > 0 ? LINGER_NS : LINGER_FILE_NS;
	if (options_has_packets(options))
		linger_ns = LINGER_NS;
	if (options_samples(options))
		linger_ns += LINGER_SAMPLES * options->sample_ms * CLOCK_NS_PER_MS;
	return linger_ns;
}

size_t linger_limit(const struct options *options)
{
	return options_is_file(options) ? LINGER_FILE_LIMIT : 0;
}
