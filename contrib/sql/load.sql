-- SPDX-License-Identifier: GPL-2.0-or-later
-- Reads rows of conntrace -j -z conns from the file conns.json into the present database, behind those it has:
--
--     conntrace -j -z conns ... >conns.json && sqlite3 conns.db ".read load.sql"
--
-- Each key of a row is a column of the view; NULL is unknown. SQLite 3.38 or later.
CREATE TABLE IF NOT EXISTS line(json TEXT);
-- Both ends of a connection are found by it; a line that is not JSON is refused.
CREATE INDEX IF NOT EXISTS line_cid ON line(json ->> 'cid');
.mode ascii
.separator "\037" "\n"
.import conns.json line
.mode list
CREATE VIEW IF NOT EXISTS conns AS SELECT
	json ->> 'start' AS start, json ->> 'end' AS "end", json ->> 'dur_s' AS dur_s, json ->> 'dir' AS dir,
	json ->> 'laddr' AS laddr, json ->> 'lport' AS lport, json ->> 'raddr' AS raddr, json ->> 'rport' AS rport,
	json ->> 'peer' AS peer, json ->> 'port' AS port, json ->> 'server' AS server, json ->> 'client' AS client,
	json ->> 'result' AS result, json ->> 'errno' AS errno, json ->> 'hs_ms' AS hs_ms, json ->> 'queue_ms' AS queue_ms,
	json ->> 'rtt_ms' AS rtt_ms, json ->> 'rx_bytes' AS rx_bytes, json ->> 'tx_bytes' AS tx_bytes,
	json ->> 'retrans' AS retrans, json ->> 'state' AS state, json ->> 'close' AS close,
	json ->> 'pid' AS pid, json ->> 'comm' AS comm, json ->> 'unit' AS unit, json ->> 'cid' AS cid
	FROM line WHERE json ->> 'conn' IS NOT NULL;
