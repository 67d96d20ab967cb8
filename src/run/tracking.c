// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/tracking.h"

#include <string.h>

#include "base/clock.h"
#include "run/linger.h"
#include "system/procfs.h"

struct tracker_config tracking_config(const struct options *options, const struct sources *sources)
{
	return (struct tracker_config){
		.limit = (size_t)options->max_connections,
		.by_events = options_is_file(options),
		.timeout_ns = options->timeout_ns,
		.whole = !options_has_target(options) && !options_has_log(options),
		.has_destroy = sources_destroy(sources) != NULL || sources_has_programs(sources),
		.has_all_destroy = sources_has_programs(sources),
		.closers = options->closers,
		.netns = sources_netns(sources),
		.syn_retries = options_is_file(options) ? -1 : procfs_syn_retries(),
		.suspicious = options->limits,
		.linger_ns = linger_ns(options),
		.linger_limit = linger_limit(options),
		.flow_key = *sources_flow_key(sources),
	};
}

struct event tracking_run(const struct options *options, const struct sources *sources,
			  const struct tracker_config *config, int64_t begin_ns)
{
	/* In a file the events give the time, and @begin_ns is unknown: this one must not move it to today. */
	bool is_at_begin = options_is_file(options) || options->command != NULL;
	struct event run = event_new(EVENT_RUN, ORIGIN_KERNEL, is_at_begin ? begin_ns : clock_now());

	run.run.whole = config->whole;
	run.run.has_destroy = config->has_all_destroy ? 2 : config->has_destroy;
	run.run.has_packets = tracking_captures_all(options) ? 2 : sources_has_packets(sources);
	run.run.netns = config->netns;
	run.run.syn_retries = config->syn_retries;
	return run;
}

bool tracking_captures_all(const struct options *options)
{
	bool any = false;

	for (size_t i = 0; i < options->interface_count; i++)
		any |= strcmp(options->interfaces[i], "any") == 0;
	return any && options->packet_filter == NULL;
}
