-- SPDX-License-Identifier: GPL-2.0-or-later
-- After schema.sql, on ClickHouse 21.8 and later: clickhouse-client --multiquery <schema-newer.sql
-- Not tested: Debian has 18.16, which knows none of this.
USE conntrace;

-- Old rows go by themselves, so conntrace-drop-partitions.timer is not needed.
ALTER TABLE conns MODIFY TTL toDateTime(intDiv(start_ns, 1000000000)) + INTERVAL 30 DAY;
ALTER TABLE minutes MODIFY TTL minute + INTERVAL 400 DAY;

-- Times as times; they take no room.
ALTER TABLE conns ADD COLUMN IF NOT EXISTS start DateTime64(9, 'UTC') ALIAS fromUnixTimestamp64Nano(start_ns, 'UTC');
ALTER TABLE conns ADD COLUMN IF NOT EXISTS `end` Nullable(DateTime64(9, 'UTC')) ALIAS fromUnixTimestamp64Nano(end_ns, 'UTC');

-- Names that repeat take less room.
ALTER TABLE conns MODIFY COLUMN machine LowCardinality(Nullable(String)), MODIFY COLUMN comm LowCardinality(Nullable(String)),
	MODIFY COLUMN exe LowCardinality(Nullable(String)), MODIFY COLUMN unit LowCardinality(Nullable(String)),
	MODIFY COLUMN result LowCardinality(Nullable(String)), MODIFY COLUMN errno LowCardinality(Nullable(String));
