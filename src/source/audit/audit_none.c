// SPDX-License-Identifier: GPL-2.0-or-later
/* In place of the other files where conntrace is built without libaudit and libauparse. */
#include <errno.h>

#include "source/audit/audit_live.h"
#include "source/audit/audit_log.h"
#include "source/source.h"

/* No source is opened. */
const struct source_ops audit_live_source;
const struct source_ops audit_log_source;

bool audit_log_is_built(void)
{
	return false;
}

int audit_log_open(struct audit_log **log, const struct audit_log_config *config, struct err *err)
{
	(void)log;
	(void)config;
	return err_set(err, ENOTSUP, "--audit-log cannot work: " AUDIT_NOT_BUILT);
}

int audit_live_check(struct err *err)
{
	return err_set(err, ENOTSUP, AUDIT_NOT_BUILT);
}

int audit_live_open(struct audit_live **live, const struct audit_live_config *config, struct err *err)
{
	(void)live;
	(void)config;
	return audit_live_check(err);
}

int audit_live_watch(struct audit_live *live, const pid_t *pids, size_t count, bool is_new, struct err *err)
{
	(void)live;
	(void)pids;
	(void)count;
	(void)is_new;
	return audit_live_check(err);
}
