-- SPDX-License-Identifier: GPL-2.0-or-later
-- Several servers as one: clickhouse-client --multiquery <distributed.sql on each, after schema.sql. conntrace.xml names them.
-- The tables of the database fleet have the names of those in conntrace: the same questions, with -d fleet.
CREATE DATABASE IF NOT EXISTS fleet;
CREATE TABLE IF NOT EXISTS fleet.conns AS conntrace.conns ENGINE = Distributed(conntrace, conntrace, conns);
CREATE TABLE IF NOT EXISTS fleet.minutes AS conntrace.minutes ENGINE = Distributed(conntrace, conntrace, minutes);

-- A row may be inserted at any server. Both ends of a connection have the same community id, and so the same server: what
-- joins them needs no rows of another. A row without one is placed by its time.
CREATE TABLE IF NOT EXISTS fleet.conns_in AS conntrace.conns_in
	ENGINE = Distributed(conntrace, conntrace, conns_in, cityHash64(assumeNotNull(ifNull(cid, toString(start)))));
