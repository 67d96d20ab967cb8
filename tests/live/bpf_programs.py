#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Real programs, watched at the same time by ptrace and by BPF, as root: the same rows. And a proxy between namespaces."""
import os
import signal
import sys

import lib
from lib import (HERE, MKCONN, THERE, Process, by_bpf, check, equal, free_port, main, must, need, other_host, require,
                 run, scratch, short, test, wait_file, wait_for, write_file)

LIMIT = 90
# What both ways have of a connection. Of one that is reset, or closed by a process that ends, ptrace has less.
COLUMNS = ("dir", "laddr", "lport", "raddr", "rport", "result", "errno", "pid", "tid", "fd", "uid", "comm")
COUNTED = ("rx_bytes", "tx_bytes")

NODE = """
require('http').createServer((request, answer) => answer.end('you asked ' + request.url)).listen(%d, '127.0.0.1');
"""

ASYNCIO = """
import asyncio

async def answer(reader, writer):
    asked = await reader.readline()
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.0 200 OK\\r\\n\\r\\nyou asked " + asked)
    await writer.drain()
    writer.close()

async def main():
    async with await asyncio.start_server(answer, "127.0.0.1", %d) as server:
        await server.serve_forever()

asyncio.run(main())
"""

GO = r"""
package main

import (
	"fmt"
	"net/http"
)

func main() {
	http.ListenAndServe("127.0.0.1:%d", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "you asked %%s", r.URL.Path)
	}))
}
"""

JAVA = r"""
import com.sun.net.httpserver.*;
import java.net.*;

public class Server {
	public static void main(String[] words) throws Exception {
		HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", %d), 50);
		server.createContext("/", (exchange) -> {
			byte[] answer = ("you asked " + exchange.getRequestURI()).getBytes();
			exchange.sendResponseHeaders(200, answer.length);
			exchange.getResponseBody().write(answer);
			exchange.close();
		});
		server.start();
	}
}
"""


def answers(port):
    return run(["sh", "-c", "grep -q ':%04X 0*:0000 0A' /proc/net/tcp /proc/net/tcp6" % port]).status == 0


def tree(pid):
    """A process and its descendants."""
    found = [pid]
    for each in found:
        found += [int(child) for child in run(["ps", "-o", "pid=", "--ppid", str(each)]).out.split()]
    return found


def fetch(port):
    """New connections and kept ones, several at a time."""
    curl = need("curl")
    url = "http://127.0.0.1:%d/" % port
    for words in (["-Z"] + ["%s%d" % (url, number) for number in range(12)], [url + "a", url + "b"], ["-0", url]):
        must([curl, "-s", "-o", "/dev/null"] + words, limit=LIMIT)


def compare(port, server, work):
    """The rows of both ways."""
    wait_for(lambda: answers(port) or not server.alive(), "the server to listen", LIMIT)
    require(server.alive(), "the server ended: " + server.err)
    work()
    pids = tree(server.pid)
    bpf = by_bpf(pids)
    traced = lib.attach(pids, runner=[])
    work()
    # Both have what is still open, with the same counters.
    lib.sockets_settled()
    by_calls, by_programs = ([row for row in trace.interrupt() if "p" not in row["seen"]] for trace in (traced, bpf))
    names = ("dir", "lport", "rport")
    found = {tuple(row[name] for name in names): row for row in by_programs}
    equal((len(found), len(by_programs)), (len(by_calls), len(by_calls)), "rows by BPF")
    check(len(by_calls) > 0, "no rows")
    for row in by_calls:
        other = found[tuple(row[name] for name in names)]
        for name in COLUMNS:
            equal(other[name], row[name], "%s of %s" % (name, short(row)))
        for name in COUNTED:
            require(other[name] is not None and row[name] in (other[name], None), "%s: %r, by ptrace %r, of %s" % (
                name, other[name], row[name], short(other)))
    for pid in reversed(pids):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    server.wait()
    return by_programs


def serve(argv, port, work=None, **keywords):
    return compare(port, Process(argv, **keywords), work or (lambda: fetch(port)))


@test("nginx, with workers, and haproxy before it: the connections of both sides")
def nginx_and_haproxy():
    nginx, haproxy = need("nginx", "haproxy")
    top, port, front = scratch("nginx"), free_port(), free_port()
    os.makedirs(top)
    paths = " ".join("%s_temp_path %s/%s;" % (name, top, name) for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    write_file(top + "/conf", "daemon off; worker_processes 2; pid %s/pid; error_log %s/error.log; user root root;\n"
               "events { } http { access_log off; %s server { listen 127.0.0.1:%d; location / { return 200 hello; } } }\n" % (
                   top, top, paths, port))
    rows = serve([nginx, "-p", top, "-c", top + "/conf"], port)
    check(len({row["pid"] for row in rows}) >= 1 and all(row["comm"] == "nginx" for row in rows), "rows")
    origin = Process([nginx, "-p", top, "-c", top + "/conf"])
    wait_for(lambda: answers(port), "nginx", LIMIT)
    write_file(top + "/haproxy", "defaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n"
               "frontend all\n bind 127.0.0.1:%d\n default_backend origin\n"
               "backend origin\n server one 127.0.0.1:%d\n" % (front, port))
    rows = serve([haproxy, "-db", "-f", top + "/haproxy"], front)
    check({row["dir"] for row in rows} == {"in", "out"}, "both sides")
    origin.signal(signal.SIGTERM)
    origin.wait()


@test("redis-server with redis-benchmark")
def redis():
    program, benchmark = need("redis-server", "redis-benchmark")
    port = free_port()
    directory = scratch("redis")
    os.mkdir(directory)
    serve([program, "--port", str(port), "--save", "", "--dir", directory, "--bind", "127.0.0.1"], port,
          lambda: must([benchmark, "-p", str(port), "-q", "-n", "200", "-c", "5", "-t", "set,get"], limit=LIMIT))


@test("python's server, with threads")
def python():
    port, place = free_port(), scratch("www")
    os.mkdir(place)
    serve([sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", place, str(port)], port)


@test("python's asyncio")
def asyncio():
    port = free_port()
    serve([sys.executable, write_file(scratch("server.py"), ASYNCIO % port)], port)


@test("postgres with pgbench: a process that accepts, and one for each connection")
def postgres():
    place = "/usr/lib/postgresql"
    if os.path.isdir(place):
        os.environ["PATH"] += "".join(":%s/%s/bin" % (place, name) for name in sorted(os.listdir(place), reverse=True))
    initdb, program, pgbench = need("initdb", "postgres", "pgbench")
    top, port = scratch("postgres"), free_port()
    user = [need("setpriv"), "--reuid=%d" % lib.NOBODY, "--regid=%d" % lib.NOBODY, "--clear-groups", "--"]
    os.mkdir(top)
    os.chown(top, lib.NOBODY, lib.NOBODY)
    made = run(user + [initdb, "-D", top, "-U", "tester", "-A", "trust", "-N"], limit=LIMIT, cwd="/")
    if made.status:
        raise lib.Skip("initdb: " + made.err.strip().replace("\n", "; "))
    load = [pgbench, "-h", "127.0.0.1", "-p", str(port), "-U", "tester", "-n", "-c", "4", "-t", "5", "-C", "-f",
            write_file(scratch("sql"), "select 1;\n"), "postgres"]
    serve(user + [program, "-D", top, "-p", str(port), "-k", top, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"], port,
          lambda: wait_for(lambda: run(load, limit=LIMIT).status == 0, "pgbench", LIMIT), cwd="/")


@test("node")
def node():
    port = free_port()
    serve([need("node"), write_file(scratch("server.js"), NODE % port)], port)


@test("a static Go program")
def go():
    port, place = free_port(), scratch("go")
    os.mkdir(place)
    write_file(place + "/main.go", GO % port)
    must([need("go"), "build", "-o", place + "/program", place + "/main.go"], limit=300, cwd=place,
         env=dict(os.environ, GOCACHE=place + "/cache", GO111MODULE="off", HOME=place, CGO_ENABLED="0"))
    serve([place + "/program"], port)


@test("java")
def java():
    port, place = free_port(), scratch("java")
    os.mkdir(place)
    write_file(place + "/Server.java", JAVA % port)
    serve([need("java"), place + "/Server.java"], port)


@test("a proxy between namespaces: 500 attempts, of which every second is refused: 500 rows with PID, errno and bytes")
def proxy():
    inside = other_host()
    port_path = scratch("port")
    backend = Process(inside + [MKCONN, "listen=%s:0" % THERE, "port-file=" + port_path, "count=250", "accept", "recv=10",
                                "send=20", "close", "done"])
    port, dead = wait_file(port_path), "1"
    go = scratch("go")
    calling = Process([MKCONN, "wait-file=" + go, "count=250", "connect=%s:%s" % (THERE, port), "send=10", "recv-all", "close",
                       "nonblock", "connect=%s:%s" % (THERE, dead), "poll", "close", "block", "done"])
    trace = by_bpf([calling.pid])
    lib.touch(go)
    equal((calling.wait(LIMIT), backend.wait(LIMIT)), (0, 0), "their ends")
    rows = trace.finish()
    equal(len(rows), 500, "rows")
    for row in rows:
        wanted = ("ok", "0", 20, 10) if row["rport"] == int(port) else ("refused", "ECONNREFUSED", 0, 0)
        equal((row["result"], row["errno"], row["rx_bytes"], row["tx_bytes"]), wanted, short(row))
        equal((row["dir"], row["laddr"], row["raddr"], row["pid"], row["comm"]), ("out", HERE, THERE, calling.pid, "mkconn"),
              short(row))
    equal(sum(row["result"] == "ok" for row in rows), 250, "connections")


if __name__ == "__main__":
    lib.need_bpf()
    lib.enter_namespace(flags="-n")
    main()
