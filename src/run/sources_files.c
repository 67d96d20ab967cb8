// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/sources_state.h"

#include "source/audit/audit_log.h"
#include "source/replay/replay.h"
#include "source/replay/strace_log.h"

/* The run ends with what is read. @source: NULL after a failure */
static void await(const struct sources *sources, struct source_slot *slot, void *source)
{
	slot->source = source;
	slot->events = merge_stream(sources->merge);
	slot->awaited = true;
}

int sources_open_replay(struct sources *sources, struct source_slot *slot, const struct source_opening *opening,
			struct err *err)
{
	const struct replay_config config = {sources->options->replay};
	int rc;

	(void)opening;
	if (config.path == NULL)
		return 0;
	rc = replay_open(&sources->replay, &config, err);
	await(sources, slot, sources->replay);
	return rc;
}

int sources_open_strace_log(struct sources *sources, struct source_slot *slot, const struct source_opening *opening,
			    struct err *err)
{
	const struct strace_log_config config = {sources->options->strace_log};
	struct strace_log *log = NULL;
	int rc;

	(void)opening;
	if (config.path == NULL)
		return 0;
	rc = strace_log_open(&log, &config, err);
	await(sources, slot, log);
	return rc;
}

int sources_open_audit_log(struct sources *sources, struct source_slot *slot, const struct source_opening *opening,
			   struct err *err)
{
	const struct audit_log_config config = {
		.paths = sources->options->audit_logs,
		.count = sources->options->audit_log_count,
		.drop_to = sources->options->drop_to,
	};
	struct audit_log *log = NULL;
	int rc;

	(void)opening;
	if (config.count == 0)
		return 0;
	rc = audit_log_open(&log, &config, err);
	await(sources, slot, log);
	return rc;
}
