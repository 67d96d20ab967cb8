-- SPDX-License-Identifier: GPL-2.0-or-later
-- The ten questions of ../sql/questions.sql: clickhouse-client -d conntrace --multiquery -f PrettyCompact <questions.sql
-- With several servers: -d fleet --distributed_product_mode=local, because both ends of a connection are on one server.
-- A percentile is the smallest value that this part of the known values does not exceed.

-- 1. Who fails to reach whom?
SELECT comm, server, port, result, errno, count() AS attempts FROM conns
	WHERE dir = 'out' AND result NOT IN ('ok', 'pending', 'unknown')
	GROUP BY comm, server, port, result, errno ORDER BY attempts DESC, comm, server, port, result;

-- 2. Between which programs does the handshake take longest? Both ends of a connection have the same community id.
SELECT comm, to_comm, port, count() AS known, arraySort(groupArray(assumeNotNull(hs_ms)))[intDiv(95 * count() + 99, 100)] AS hs_p95_ms
	FROM conns ALL INNER JOIN (SELECT cid, comm AS to_comm, start_ns AS in_ns FROM conns WHERE dir = 'in') USING cid
	WHERE dir = 'out' AND hs_ms IS NOT NULL AND abs(start_ns - in_ns) < 1000000000
	GROUP BY comm, to_comm, port ORDER BY hs_p95_ms DESC, comm, to_comm, port LIMIT 20;

-- 3. Which peers are new in the last day?
SELECT dir, peer, port, min(start_ns) AS first_ns, count() AS conns FROM conns
	GROUP BY dir, peer, port HAVING first_ns > (SELECT max(start_ns) FROM conns) - 86400000000000
	ORDER BY first_ns, dir, peer, port;

-- 4. How many clients does each service have?
SELECT server, port, comm, uniqExact(client) AS clients, count() AS conns FROM conns WHERE dir = 'in'
	GROUP BY server, port, comm ORDER BY clients DESC, conns DESC, server, port;

-- 5. Which programs and units move how much? Rows whose bytes are unknown are counted.
SELECT comm, unit, sum(rx_bytes) AS rx, sum(tx_bytes) AS tx, countIf(rx_bytes IS NULL OR tx_bytes IS NULL) AS unknown FROM conns
	GROUP BY comm, unit ORDER BY ifNull(rx, 0) + ifNull(tx, 0) DESC, comm, unit;

-- 6. Where do connections wait to be accepted?
SELECT server, port, comm, count() AS known,
	arraySort(groupArray(assumeNotNull(queue_ms)))[intDiv(95 * count() + 99, 100)] AS queue_p95_ms, max(queue_ms) AS queue_max_ms
	FROM conns WHERE dir = 'in' AND queue_ms IS NOT NULL
	GROUP BY server, port, comm ORDER BY queue_p95_ms DESC, server, port;

-- 7. To whom are segments resent?
SELECT peer, sum(retrans) AS resent, countIf(ifNull(retrans, 0) > 0) AS conns FROM conns
	GROUP BY peer HAVING resent > 0 ORDER BY resent DESC, peer;

-- 8. Which side resets?
SELECT server, port, if((close = 'lrst') = (dir = 'in'), 'server', 'client') AS side, count() AS conns
	FROM conns WHERE close IN ('lrst', 'rrst') GROUP BY server, port, side ORDER BY conns DESC, server, port, side;

-- 9. Which connections are open, the longest first?
SELECT dir, peer, port, comm, dur_s FROM conns WHERE result = 'ok' AND state = 'ESTABLISHED' ORDER BY dur_s DESC, start_ns, dir LIMIT 20;

-- 10. In which minute did each service get most connections?
SELECT port, minute, conns FROM (SELECT port, intDiv(start_ns, 60000000000) * 60 AS minute, count() AS conns
	FROM conns WHERE dir = 'in' GROUP BY port, minute ORDER BY conns DESC, minute LIMIT 1 BY port) ORDER BY conns DESC, port;
