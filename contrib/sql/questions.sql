-- SPDX-License-Identifier: GPL-2.0-or-later
-- Ten questions to connections that load.sql has read: sqlite3 -box conns.db ".read questions.sql"
-- A percentile is the smallest value that this part of the known values does not exceed.

-- 1. Who fails to reach whom?
SELECT comm, server, port, result, errno, count(*) AS attempts FROM conns
	WHERE dir = 'out' AND result NOT IN ('ok', 'pending', 'unknown')
	GROUP BY comm, server, port, result, errno ORDER BY attempts DESC, comm, server, port, result;

-- 2. Between which programs does the handshake take longest? Both ends of a connection have the same community id.
SELECT from_comm, to_comm, port, count(*) AS known, min(hs_ms) FILTER (WHERE part >= 0.95) AS hs_p95_ms FROM (
	SELECT o.comm AS from_comm, i.comm AS to_comm, o.port AS port, o.hs_ms AS hs_ms,
		cume_dist() OVER (PARTITION BY o.comm, i.comm, o.port ORDER BY o.hs_ms) AS part
	FROM conns AS o JOIN conns AS i ON o.cid = i.cid AND abs(o.start - i.start) < 1
	WHERE o.dir = 'out' AND i.dir = 'in' AND o.hs_ms IS NOT NULL)
	GROUP BY from_comm, to_comm, port ORDER BY hs_p95_ms DESC, from_comm, to_comm, port LIMIT 20;

-- 3. Which peers are new in the last day?
SELECT dir, peer, port, min(start) AS first, count(*) AS conns FROM conns
	GROUP BY dir, peer, port HAVING first > (SELECT max(start) FROM conns) - 86400 ORDER BY first, dir, peer, port;

-- 4. How many clients does each service have?
SELECT server, port, comm, count(DISTINCT client) AS clients, count(*) AS conns FROM conns WHERE dir = 'in'
	GROUP BY server, port, comm ORDER BY clients DESC, conns DESC, server, port;

-- 5. Which programs and units move how much? Rows whose bytes are unknown are counted.
SELECT comm, unit, sum(rx_bytes) AS rx_bytes, sum(tx_bytes) AS tx_bytes,
	count(*) FILTER (WHERE rx_bytes IS NULL OR tx_bytes IS NULL) AS unknown FROM conns
	GROUP BY comm, unit ORDER BY total(rx_bytes) + total(tx_bytes) DESC, comm, unit;

-- 6. Where do connections wait to be accepted?
SELECT server, port, comm, count(*) AS known, min(queue_ms) FILTER (WHERE part >= 0.95) AS queue_p95_ms,
	max(queue_ms) AS queue_max_ms FROM (
	SELECT *, cume_dist() OVER (PARTITION BY server, port, comm ORDER BY queue_ms) AS part
	FROM conns WHERE dir = 'in' AND queue_ms IS NOT NULL)
	GROUP BY server, port, comm ORDER BY queue_p95_ms DESC, server, port;

-- 7. To whom are segments resent?
SELECT peer, sum(retrans) AS retrans, count(*) FILTER (WHERE retrans > 0) AS conns FROM conns
	GROUP BY peer HAVING sum(retrans) > 0 ORDER BY retrans DESC, peer;

-- 8. Which side resets?
SELECT server, port, CASE WHEN (close = 'lrst') = (dir = 'in') THEN 'server' ELSE 'client' END AS side, count(*) AS conns
	FROM conns WHERE close IN ('lrst', 'rrst') GROUP BY server, port, side ORDER BY conns DESC, server, port, side;

-- 9. Which connections are open, the longest first?
SELECT dir, peer, port, comm, dur_s FROM conns WHERE result = 'ok' AND state = 'ESTABLISHED' ORDER BY dur_s DESC, start, dir LIMIT 20;

-- 10. In which minute did each service get most connections?
SELECT port, minute, conns FROM (
	SELECT port, CAST(start / 60 AS INTEGER) * 60 AS minute, count(*) AS conns,
		row_number() OVER (PARTITION BY port ORDER BY count(*) DESC, CAST(start / 60 AS INTEGER)) AS place
	FROM conns WHERE dir = 'in' GROUP BY port, CAST(start / 60 AS INTEGER))
	WHERE place = 1 ORDER BY conns DESC, port;
