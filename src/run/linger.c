// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/linger.h"

#include "base/clock.h"

/* The other end of a connection on this host dies about when ours does, and tells what was sent. */
#define LINGER_KERNEL_NS (100 * CLOCK_NS_PER_MS)
#define LINGER_SAMPLES 4 /* so many looks later the other end's last word has been dealt with, too (--via=diag) */
/* Late packets of a finished connection come within this time. */
#define LINGER_NS (2 * CLOCK_NS_PER_SEC)
/* A savefile delays nothing, so this may be as long as a TIME_WAIT; with -c the reader of a pipe waits for the end. */
#define LINGER_FILE_NS (60 * CLOCK_NS_PER_SEC)
/*
 * But each takes memory, and time to fetch it: Linux bounds the number of its own, too (tcp_max_tw_buckets, ip-sysctl).
 * So many end in six seconds when 10,000 end in one: what is sent again comes sooner.
 */
#define LINGER_FILE_LIMIT 65536

int64_t linger_ns(const struct options *options)
{
	int64_t linger_ns = LINGER_KERNEL_NS;

	if (options_is_file(options))
		return options->count > 0 ? LINGER_NS : LINGER_FILE_NS;
	if (options_has_packets(options))
		linger_ns = LINGER_NS;
	if (options->via == OPTIONS_VIA_DIAG)
		linger_ns += LINGER_SAMPLES * options->sample_ms * CLOCK_NS_PER_MS;
	return linger_ns;
}

size_t linger_limit(const struct options *options)
{
	return options_is_file(options) ? LINGER_FILE_LIMIT : 0;
}
