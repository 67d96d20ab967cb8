-- SPDX-License-Identifier: GPL-2.0-or-later
-- Tables for rows of conntrace --events -j, or -j -z conns: clickhouse-client --multiquery <schema.sql
-- For ClickHouse 18.16 and later.
CREATE DATABASE IF NOT EXISTS conntrace;
USE conntrace;

-- Rows are inserted here. Each key of a row is a column, and machine is the name of the host that sends it; nothing is
-- kept. NULL is unknown. why and group are empty where JSON has null, because an array cannot be NULL: the sender
-- replaces it. Times are decimals, because a Float64 does not hold nanoseconds since the epoch.
CREATE TABLE IF NOT EXISTS conns_in (
	machine Nullable(String), report Nullable(String), start Nullable(Decimal(38, 9)), `end` Nullable(Decimal(38, 9)),
	began Nullable(Decimal(38, 9)), dur_s Nullable(Float64), dir Nullable(String), proto Nullable(String),
	laddr Nullable(String), lport Nullable(UInt16), raddr Nullable(String), rport Nullable(UInt16),
	peer Nullable(String), port Nullable(UInt16), server Nullable(String), client Nullable(String),
	result Nullable(String), errno Nullable(String), icmp Nullable(String), connect_ms Nullable(Float64),
	hs_ms Nullable(Float64), hs_net_ms Nullable(Float64), hs_ack_ms Nullable(Float64), queue_ms Nullable(Float64),
	first_ms Nullable(Float64), xfer_ms Nullable(Float64), syn_rtx Nullable(UInt64), synack_rtx Nullable(UInt64),
	rtt_ms Nullable(Float64), minrtt_ms Nullable(Float64), rx_bytes Nullable(UInt64), tx_bytes Nullable(UInt64),
	rx_least Nullable(UInt64), tx_least Nullable(UInt64), rx_pkts Nullable(UInt64), tx_pkts Nullable(UInt64),
	copies Nullable(UInt64), rx_wire Nullable(UInt64), tx_wire Nullable(UInt64), retrans Nullable(UInt64),
	rx_retrans Nullable(UInt64), tx_retrans Nullable(UInt64), ooo Nullable(UInt64), zerowin Nullable(UInt64),
	keepalive Nullable(UInt64), rx_fin Nullable(UInt64), tx_fin Nullable(UInt64), rx_rst Nullable(UInt64),
	tx_rst Nullable(UInt64), gap_ms Nullable(Float64), mss Nullable(UInt64), cwnd Nullable(UInt64),
	rttvar_ms Nullable(Float64), rate_bps Nullable(UInt64), busy_ms Nullable(Float64), rwnd_ms Nullable(Float64),
	sndbuf_ms Nullable(Float64), notsent Nullable(UInt64), unread Nullable(UInt64), cc Nullable(String),
	state Nullable(String), close Nullable(String), why Array(String), pid Nullable(UInt64), tid Nullable(UInt64),
	comm Nullable(String), exe Nullable(String), uid Nullable(UInt64), user Nullable(String), fd Nullable(UInt64),
	last_pid Nullable(UInt64), last_comm Nullable(String), ppid Nullable(UInt64), parent Nullable(String),
	cmdline Nullable(String), cgroup Nullable(String), unit Nullable(String), container Nullable(String),
	netns Nullable(UInt64), cookie Nullable(UInt64), cid Nullable(String), host Nullable(String), name Nullable(String),
	tls_ms Nullable(Float64), tls_version Nullable(String), alpn Nullable(String), group Array(String),
	seen Nullable(String), conn Nullable(UInt64), slice Nullable(Decimal(38, 9))
) ENGINE = Null;

-- What is kept: one row per connection. Times are nanoseconds since the epoch: DateTime64 is of later versions. An
-- unknown peer is ''. A partition is a day (UTC), its name is 20261130.
CREATE TABLE IF NOT EXISTS conns ENGINE = MergeTree
PARTITION BY toYYYYMMDD(toDateTime(intDiv(start_ns, 1000000000)), 'UTC') ORDER BY (peer, start_ns) AS SELECT
	machine, toInt64(assumeNotNull(start) * 1000000000) AS start_ns, toInt64(`end` * 1000000000) AS end_ns,
	toInt64(began * 1000000000) AS began_ns, dur_s, dir, proto, laddr, lport, raddr, rport, ifNull(peer, '') AS peer,
	port, server, client, result, errno, icmp, connect_ms, hs_ms, hs_net_ms, hs_ack_ms, queue_ms, first_ms, xfer_ms,
	syn_rtx, synack_rtx, rtt_ms, minrtt_ms, rx_bytes, tx_bytes, rx_least, tx_least, rx_pkts, tx_pkts, copies, rx_wire,
	tx_wire, retrans, rx_retrans, tx_retrans, ooo, zerowin, keepalive, rx_fin, tx_fin, rx_rst, tx_rst, gap_ms, mss,
	cwnd, rttvar_ms, rate_bps, busy_ms, rwnd_ms, sndbuf_ms, notsent, unread, cc, state, close, why, pid, tid, comm, exe,
	uid, user, fd, last_pid, last_comm, ppid, parent, cmdline, cgroup, unit, container, netns, cookie, cid, host, name,
	tls_ms, tls_version, alpn, group, seen, conn, toInt64(slice * 1000000000) AS slice_ns
FROM conns_in;

-- The summary that ends a run is no row of a connection, nor is one of another report.
CREATE MATERIALIZED VIEW IF NOT EXISTS conns_of_in TO conns AS SELECT
	machine, toInt64(assumeNotNull(start) * 1000000000) AS start_ns, toInt64(`end` * 1000000000) AS end_ns,
	toInt64(began * 1000000000) AS began_ns, dur_s, dir, proto, laddr, lport, raddr, rport, ifNull(peer, '') AS peer,
	port, server, client, result, errno, icmp, connect_ms, hs_ms, hs_net_ms, hs_ack_ms, queue_ms, first_ms, xfer_ms,
	syn_rtx, synack_rtx, rtt_ms, minrtt_ms, rx_bytes, tx_bytes, rx_least, tx_least, rx_pkts, tx_pkts, copies, rx_wire,
	tx_wire, retrans, rx_retrans, tx_retrans, ooo, zerowin, keepalive, rx_fin, tx_fin, rx_rst, tx_rst, gap_ms, mss,
	cwnd, rttvar_ms, rate_bps, busy_ms, rwnd_ms, sndbuf_ms, notsent, unread, cc, state, close, why, pid, tid, comm, exe,
	uid, user, fd, last_pid, last_comm, ppid, parent, cmdline, cgroup, unit, container, netns, cookie, cid, host, name,
	tls_ms, tls_version, alpn, group, seen, conn, toInt64(slice * 1000000000) AS slice_ns
FROM conns_in WHERE conn IS NOT NULL AND start IS NOT NULL AND ifNull(report, 'conns') = 'conns';

-- Peers per minute in which connections began, summed up while they are inserted. Read it with sum() and GROUP BY, and the
-- percentile with quantileTDigestIfMerge(0.95)(hs_p95_ms). An unknown machine, dir, peer or comm is '', an unknown port 0;
-- sums are those of the known values, beside the number of connections whose value is unknown.
CREATE TABLE IF NOT EXISTS minutes (
	minute DateTime, machine String, dir String, peer String, port UInt16, comm String,
	conns UInt64, ok UInt64, fail UInt64, rx_known UInt64, tx_known UInt64, bytes_unknown UInt64,
	retrans_known UInt64, retrans_unknown UInt64, hs_p95_ms AggregateFunction(quantileTDigestIf(0.95), Float64, UInt8)
) ENGINE = SummingMergeTree PARTITION BY toYYYYMMDD(minute, 'UTC') ORDER BY (peer, minute, machine, dir, port, comm);

-- It reads conns_in as well: in 18.16 what a view inserts is not seen by other views.
CREATE MATERIALIZED VIEW IF NOT EXISTS minutes_of_in TO minutes AS SELECT
	toStartOfMinute(toDateTime(toInt64(assumeNotNull(start)))) AS minute, ifNull(machine, '') AS machine,
	ifNull(dir, '') AS dir, ifNull(peer, '') AS peer, ifNull(port, 0) AS port, ifNull(comm, '') AS comm,
	count() AS conns, countIf(ifNull(result, '') = 'ok') AS ok,
	countIf(ifNull(result, 'unknown') NOT IN ('ok', 'pending', 'unknown')) AS fail,
	sum(ifNull(rx_bytes, 0)) AS rx_known, sum(ifNull(tx_bytes, 0)) AS tx_known,
	countIf(rx_bytes IS NULL OR tx_bytes IS NULL) AS bytes_unknown,
	sum(ifNull(retrans, 0)) AS retrans_known, countIf(retrans IS NULL) AS retrans_unknown,
	quantileTDigestIfState(0.95)(ifNull(hs_ms, 0), hs_ms IS NOT NULL) AS hs_p95_ms
FROM conns_in WHERE conn IS NOT NULL AND start IS NOT NULL AND ifNull(report, 'conns') = 'conns'
GROUP BY minute, machine, dir, peer, port, comm;
