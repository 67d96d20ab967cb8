#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Both ends of a connection are on this host: each view tells of the side it was asked for, live and from a file."""
import json
import os
import re
import signal
import sys

from lib import (CONNTRACE, Process, enter_namespace, equal, main, must, need, packet_sockets, recorded, require, scratch,
                 sockets_settled, test, wait_file, wait_for)

SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"x" * 500
        self.send_response(200 if self.path != "/3" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[1] + ".new", "w") as file:
    file.write(str(server.server_port))
import os
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
"""
CLIENT = "import sys, urllib.request\nfor i in 1, 2, 3:\n  try:\n    urllib.request.urlopen('http://127.0.0.1:%s/%d' % (sys.argv[1], i)).read()\n" \
         "  except urllib.error.HTTPError as error:\n    error.read()\n"
FIELDS = ",".join(["COUNT(syn)", "COUNT(synack)", "COUNT(fin)", "SUM(rx_bytes)", "SUM(tx_bytes)", "SUM(payload)",
                   "COUNT(resent)", "FRAMES()"])
REPORTS = ["-z", "http,tree", "-z", "io,stat,0," + FIELDS, "-z", "groups", "-j"]
MESSAGES = ["--events=messages", "-j", "-O", "MESSAGE,TARGET,STATUS,LPORT"]
TIMES = re.compile("start|end|dur|rate|time|_ms|first|last")


def view(out):
    """What the rows say, without times, accounts and process."""
    rows = []
    for line in out.splitlines():
        row = json.loads(line)
        if "summary" not in row:
            rows.append({key: value for key, value in row.items() if not TIMES.search(key) and key not in ("pids", "comms")})
    return sorted(map(json.dumps, rows))


def segments(out):
    """How many segments a ladder shows."""
    return sum(" seq " in line for line in out.splitlines())


@test("http,tree, io,stat, groups, --events=messages and --live agree, by --dir, --lport, -p and from a file")
def views():
    name, pcap = scratch("port"), scratch("pcap")
    server = Process([sys.executable, "-c", SERVER, name])
    port = wait_file(name)
    recorder = Process([need("dumpcap"), "-q", "-i", "lo", "-P", "-w", pcap])
    wait_for(lambda: os.path.exists(pcap) and packet_sockets() >= 1, "dumpcap to listen")
    ways = {"-i lo --dir=in": ["-i", "lo", "--dir=in"], "-i lo --lport": ["-i", "lo", "--lport=" + port],
            # Not the datagram of recorded().
            "-i lo": ["-i", "lo", "tcp"], "-p": ["-p", server.pid, "-i", "lo"]}
    kinds = {"reports": REPORTS, "messages": MESSAGES, "live": ["--live"]}
    runs = {(way, kind): Process([CONNTRACE, "-q"] + options + words)
            for way, words in ways.items() for kind, options in kinds.items()
            # Only one can trace a process; and without a choice the ladder shows each segment as the acceptor has it.
            if kind == "reports" or way != "-p"}
    for run in runs.values():
        wait_for(lambda: packet_sockets() >= 1 + len(runs) or not run.alive(), "conntrace to capture", 60)
        require(run.alive(), "conntrace ended: " + run.err)
    must([sys.executable, "-c", CLIENT, port])
    must([sys.executable, "-c", CLIENT, port])
    # The client ends before the server has closed.
    sockets_settled()
    recorded(pcap)
    for run in runs.values():
        run.signal(signal.SIGINT)
    for run in runs.values():
        equal(run.wait(), 0, "exit status of %s; %s" % (run.argv, run.err))
    recorder.signal(signal.SIGINT)
    recorder.wait()
    server.end()
    wanted = view(must([CONNTRACE, "-q", "-r", pcap] + REPORTS + ["tcp"]))
    require(any('"sum(rx_bytes)"' in row.lower() for row in wanted), "a row of io,stat: %s" % wanted)
    for (way, kind), run in runs.items():
        if kind == "reports" and way == "-i lo":
            # Groups show each end where it is asked for none.
            equal([row for row in view(run.out) if "groups" not in row], [row for row in wanted if "groups" not in row],
                  "reports by " + way)
        elif kind == "reports":
            equal(view(run.out), wanted, "reports by " + way)
        elif kind == "messages":
            equal(view(run.out), view(must([CONNTRACE, "-q", "-r", pcap] + MESSAGES)), "messages by " + way)
            equal(len(run.out.splitlines()), 12, "heads of requests and responses by " + way)
        else:
            equal(segments(run.out), segments(must([CONNTRACE, "-q", "-r", pcap, "--live"])), "segments live by " + way)
    equal(view(must([CONNTRACE, "-q", "-r", pcap, "--dir=in"] + REPORTS)), wanted, "reports of the file by --dir=in")


# Both ends in one command: the packets of the handshake, and often the request, come before accept(2) returns.
COMMAND = """
import http.server, threading, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "500")
        self.end_headers()
        self.wfile.write(b"x" * 500)
    def log_message(self, *words):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
for i in range(3):
    urllib.request.urlopen("http://127.0.0.1:%d/%d" % (server.server_port, i)).read()
server.shutdown()
server.server_close()
"""


@test("a command with both ends inside: each view has all segments of the side that is asked for")
def inside():
    command = ["--", sys.executable, "-c", COMMAND]
    for words, side in (["--dir=in"], "in"), (["--dir=out"], "out"), ([], "out"):
        words = ["-q", "-i", "lo"] + words
        rows = [json.loads(line) for line in must([CONNTRACE] + words + REPORTS + ["-z", "conns"] + command).splitlines()]
        conns = [row for row in rows if row.get("report") == "conns" and row["dir"] == side]
        cells = next(row for row in rows if row.get("report") == "io,stat")
        cells = {key.lower(): value for key, value in cells.items()}
        equal(len(conns), 3, "connections with %s" % words)
        equal([cells[name] for name in ("count(syn)", "count(synack)", "count(fin)", "sum(rx_bytes)", "sum(tx_bytes)",
                                        "frames")],
              [3, 3, 6, sum(row["rx_bytes"] for row in conns), sum(row["tx_bytes"] for row in conns),
               sum(row["rx_pkts"] + row["tx_pkts"] for row in conns)], "io,stat with %s" % words)
        paths = [row for row in rows if row.get("report") == "http,tree" and row.get("path") not in (None, "*")]
        equal([(row["count"], row["answers"]) for row in paths], [(1, 1)] * 3, "requests and answers with %s" % words)
        fact = must([CONNTRACE] + words + ["--events=messages", "-j", "-O", "MESSAGE,DIR"] + command).splitlines()
        equal(sorted((row["message"], row["dir"]) for row in map(json.loads, fact) if "summary" not in row),
              [("answer", side)] * 3 + [("request", side)] * 3, "messages with %s" % words)


if __name__ == "__main__":
    enter_namespace()
    main()
