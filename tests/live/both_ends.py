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
import http.server, os, socket, ssl, sys, threading
def serve_tls(listener):
    # Without a certificate, which openssl(1) would have to make.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("aNULL:@SECLEVEL=0")
    context.set_alpn_protocols(["http/1.1"])
    while True:
        served, _ = listener.accept()
        with context.wrap_socket(served, server_side=True) as secure:
            while secure.recv(1000) not in (b"", b"bye"):
                secure.sendall(b"y" * 3000)
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
secure = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=serve_tls, args=(secure,), daemon=True).start()
with open(sys.argv[1] + ".new", "w") as file:
    file.write("%d %d" % (server.server_port, secure.getsockname()[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
"""
CLIENT = """
import socket, ssl, sys, urllib.request
for i in 1, 2, 3:
    try:
        urllib.request.urlopen("http://127.0.0.1:%s/%d" % (sys.argv[1], i)).read()
    except urllib.error.HTTPError as error:
        error.read()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
context.maximum_version = ssl.TLSVersion.TLSv1_2
context.set_ciphers("aNULL:@SECLEVEL=0")
context.set_alpn_protocols(["h2", "http/1.1"])
for name in "one.example", "two.example", "two.example":
    connected = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    with context.wrap_socket(connected, server_hostname=name) as secure:
        for _ in range(3):
            secure.sendall(b"x" * 100)
            wanted = 3000
            while wanted:
                wanted -= len(secure.recv(wanted))
        secure.sendall(b"bye")
"""
# Of a connection: what does not depend on which process it has, or on the time.
CONNS = ("report dir proto laddr lport raddr rport result rx_bytes tx_bytes rx_least tx_least rx_pkts tx_pkts rx_wire tx_wire "
         "retrans ooo syn_rtx synack_rtx zerowin state close host tls_version alpn copies").split()
FIELDS = ",".join(["COUNT(syn)", "COUNT(synack)", "COUNT(fin)", "SUM(rx_bytes)", "SUM(tx_bytes)", "SUM(payload)",
                   "COUNT(resent)", "COUNT(rtt_ms)", "FRAMES()"])
REPORTS = ["-z", "http,tree", "-z", "tls,tree", "-z", "peers", "-z", "conns", "-z", "io,stat,0," + FIELDS, "-z", "groups", "-j"]
MESSAGES = ["--events=messages", "-j", "-O", "MESSAGE,TARGET,STATUS,LPORT"]
TIMES = re.compile("^(?!count).*(start|end|dur|rate|time|_ms|first|last)", re.I)


def view(out):
    """What the rows say, without times, accounts and process."""
    rows = []
    for line in out.splitlines():
        row = json.loads(line)
        if "summary" not in row:
            keys = CONNS if row.get("report") == "conns" else [key for key in row if not TIMES.search(key)]
            rows.append({key: row[key] for key in keys if key not in ("pids", "comms")})
    return sorted(map(json.dumps, rows))


def segments(out):
    """How many segments a ladder shows."""
    return sum(" seq " in line for line in out.splitlines())


@test("http,tree, io,stat, groups, --events=messages and --live agree, by --dir, --lport, -p and from a file")
def views():
    name, pcap = scratch("port"), scratch("pcap")
    server = Process([sys.executable, "-c", SERVER, name])
    ports = wait_file(name).split()
    recorder = Process([need("dumpcap"), "-q", "-i", "lo", "-P", "-w", pcap])
    wait_for(lambda: os.path.exists(pcap) and packet_sockets() >= 1, "dumpcap to listen")
    ways = {"-i lo --dir=in": ["-i", "lo", "--dir=in"], "-i lo --lport": ["-i", "lo", "--lport=" + ",".join(ports)],
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
    must([sys.executable, "-c", CLIENT, *ports])
    must([sys.executable, "-c", CLIENT, *ports])
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
            # Groups show each end where it is asked for none, and so do connections.
            equal([row for row in view(run.out) if "groups" not in row and '"dir": "out"' not in row],
                  [row for row in wanted if "groups" not in row], "reports by " + way)
        elif kind == "reports":
            equal(view(run.out), wanted, "reports by " + way)
        elif kind == "messages":
            equal(view(run.out), view(must([CONNTRACE, "-q", "-r", pcap] + MESSAGES)), "messages by " + way)
            equal(len(run.out.splitlines()), 18, "heads of requests and responses, and greetings of TLS, by " + way)
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
    for words, side in (["--dir=in"], "in"), (["--dir=out"], "out"), ([], "in"):
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


# The same, with TLS as well, and the messages one after the other on known ports: sums and counts are the same each time.
FIXED = """
import socket, ssl, threading
hello = ssl.MemoryBIO()
talk = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="name.example")
try:
    talk.do_handshake()
except ssl.SSLWantReadError:
    pass
def serve(listener, count, answer):
    for _ in range(count):
        server, _ = listener.accept()
        server.recv(65536)
        server.sendall(answer)
        server.close()
def client(port, what, wanted):
    connected = socket.create_connection(("127.0.0.1", port))
    connected.sendall(what)
    while wanted > 0:
        wanted -= len(connected.recv(65536)) or wanted
    connected.recv(1)
    connected.close()
listeners = [socket.create_server(("127.0.0.1", port)) for port in (8080, 8443)]
request = b"GET /%d HTTP/1.1\\r\\nHost: h.example\\r\\n\\r\\n"
answer = b"HTTP/1.1 200 OK\\r\\nContent-Length: 500\\r\\n\\r\\n" + b"x" * 500
threads = [threading.Thread(target=serve, args=words) for words in ((listeners[0], 3, answer), (listeners[1], 1, b""))]
[thread.start() for thread in threads]
for i in range(3):
    client(8080, request % i, 540)
client(8443, hello.read(), 0)
[thread.join() for thread in threads]
"""
SAME = ",".join(["COUNT(syn)", "COUNT(synack)", "COUNT(fin)", "SUM(rx_bytes)", "SUM(tx_bytes)"])


def owned_rows(words):
    """The rows of a run that could find the owners: on a busy machine samples of a short command come too late."""
    for _ in range(10):
        rows = [json.loads(line) for line in must([CONNTRACE, "-j"] + words).splitlines()]
        summary = rows.pop()["summary"]
        if summary["connections"] >= 4 or not summary["too_short"]:
            break
    return rows


def seen(command, options):
    """What each view says of the accepting ends, or of all, where it is the same each time the traffic is repeated."""
    has_packets = "-r" in options or "-i" in options
    views = ["-z", "conns", "-z", "peers", "-z", "groups", "-z", "io,stat,0," + SAME] + \
            (["-z", "http,tree", "-z", "tls,tree"] if has_packets else [])
    rows = owned_rows(views + options + command)
    found = {}
    for row in rows:
        kind = row["report"]
        if kind in ("conns", "peers") and row["dir"] == "out" or kind == "groups" and row["group"] == "TX":
            continue
        names = {"conns": ("lport", "result", "rx_bytes", "tx_bytes"), "peers": ("port", "conns", "ok", "rx_bytes", "tx_bytes"),
                 "http,tree": ("host", "path", "count", "answers"), "tls,tree": ("host", "count"),
                 "groups": ("group", "conns", "ok")}.get(kind)
        row = {key.lower(): value for key, value in row.items()}
        found.setdefault(kind, []).append(tuple(row.get(name) for name in names or SAME.lower().split(",")))
    if has_packets:
        words = ["--events=messages", "-O", "MESSAGE,TARGET,STATUS,DIR,LPORT"]
        found["messages"] = [tuple(row.values()) for row in owned_rows(words + options + command)]
    return {kind: sorted(map(str, rows)) for kind, rows in found.items()}


@test("a command with both ends inside counts for the accepting end, however it is watched, and from a file")
def however_watched():
    command = [sys.executable, "-c", FIXED]
    pcap, log = scratch("pcap"), scratch("strace")
    recorder = Process([need("dumpcap"), "-q", "-i", "lo", "-P", "-w", pcap])
    wait_for(lambda: os.path.exists(pcap) and packet_sockets() >= 1, "dumpcap to listen")
    must([need("strace"), "-f", "-ttt", "-T", "-yy", "-e", "trace=network,close,clone,clone3,fork,vfork,execve", "-o", log] + command)
    sockets_settled()
    recorded(pcap)
    recorder.signal(signal.SIGINT)
    recorder.wait()
    wanted = seen([], ["-r", pcap, "tcp"])
    require(len(wanted["messages"]) == 7 and len(wanted["conns"]) == 4, wanted)
    ways = {"-r with --strace-log": (["-r", pcap, "--strace-log", log], []), "-i lo": (["-i", "lo"], ["--"] + command),
            "--via=diag -i lo": (["--via=diag", "-i", "lo"], ["--"] + command)}
    for way, (options, words) in ways.items():
        got = seen(words, options)
        for view, rows in wanted.items():
            equal(got.get(view), rows, "%s by %s" % (view, way))
    got = seen(["--"] + command, [])
    for view in "conns", "peers", "groups":
        equal(got[view], wanted[view], view + " without packets")


# Asymmetric bytes; the first connection is accepted late, when its data are there, and the last one by nobody.
WITHOUT = """
import socket, time
listener = socket.create_server(("127.0.0.1", 0))
def talk(client):
    served = listener.accept()[0]
    served.recv(10, socket.MSG_WAITALL)
    served.sendall(b"y" * 20)
    client.recv(20, socket.MSG_WAITALL)
    client.close()
    served.recv(1)
    served.close()
early = socket.create_connection(listener.getsockname())
early.sendall(b"x" * 10)
time.sleep(0.5)
talk(early)
for i in range(3):
    client = socket.create_connection(listener.getsockname())
    client.sendall(b"x" * 10)
    talk(client)
time.sleep(0.5)
"""


@test("io,stat of a command with both ends inside: the same without packets as with them, by each choice")
def io_without_packets():
    fields = "SUM(rx_bytes),SUM(tx_bytes),SUM(payload),COUNT(opened),COUNT(ended)"
    command = ["--", sys.executable, "-c", WITHOUT]
    for way in [], ["-i", "lo"], ["--via=diag", "--look-ms=20"]:
        for choice, wanted in ([], [40, 80, 120, 8, 8]), (["--dir=in"], [40, 80, 120, 4, 4]), (["--dir=out"], [80, 40, 120, 4, 4]):
            if way[:1] == ["--via=diag"]:
                # The short ones that it opens come and go between two samples.
                wanted = wanted[:3]
                if choice == ["--dir=out"]:
                    continue
            for interval in "0", "0.2":
                words = ["-q", "-j", "-z", "io,stat,%s,%s" % (interval, fields)] + way + choice
                rows = [json.loads(line) for line in must([CONNTRACE] + words + command).splitlines()]
                cells = [[row[name] for name in fields.lower().split(",")] for row in rows]
                known = [column for column in zip(*cells)]
                # On a busy machine a sample may come so late that it is unknown which row has it.
                got = [None if None in column else sum(column) for column in known][:len(wanted)]
                if interval == "0" or None not in got:
                    equal(got, wanted, "%s of %s" % (fields, words))


if __name__ == "__main__":
    enter_namespace()
    main()
