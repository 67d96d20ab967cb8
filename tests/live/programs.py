#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Real programs do the same, watched in each way, as unwatched: servers and clients, their results and how they end."""
import getpass
import hashlib
import os
import re
import signal
import subprocess
import sys

from lib import (CONNTRACE, Process, Skip, as_nobody, check, equal, free_port, main, must, need, read_file, require, run,
                 scratch, test, wait_for, write_file)
from modes import THREADS, UNTRACED, Play, compare, modes, play, written

LIMIT = 90

# A server and its clients in one program each; they say how many answers were right and end with 42.
GO = r"""
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sum := 0
		for i := 0; i < 300000; i++ {
			sum += i % 7
		}
		fmt.Fprintf(w, "%s %d", r.URL.Path, sum)
	}))
	var right int64
	var group sync.WaitGroup
	for worker := 0; worker < 16; worker++ {
		group.Add(1)
		go func(worker int) {
			defer group.Done()
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: worker%2 == 0}}
			for i := 0; i < 20; i++ {
				path := fmt.Sprintf("/%d/%d", worker, i)
				answer, err := client.Get("http://" + listener.Addr().String() + path)
				if err != nil {
					fmt.Println(err)
					continue
				}
				body, _ := io.ReadAll(answer.Body)
				answer.Body.Close()
				if string(body) == path+" 899997" {
					atomic.AddInt64(&right, 1)
				} else {
					fmt.Println(string(body))
				}
			}
		}(worker)
	}
	group.Wait()
	_, err = net.Dial("tcp", "127.0.0.1:1")
	fmt.Println(right, err)
	os.Exit(42)
}
"""

NODE = r"""
const http = require('http');
const server = http.createServer((request, answer) => answer.end('you asked ' + request.url));
server.listen(0, '127.0.0.1', async () => {
	const port = server.address().port;
	const ask = (path, agent) => new Promise((done) => {
		http.get({ host: '127.0.0.1', port, path, agent }, (answer) => {
			let text = '';
			answer.on('data', (piece) => { text += piece; });
			answer.on('end', () => done(text === 'you asked ' + path ? 1 : 0));
		}).on('error', (error) => { console.log(error.code); done(0); });
	});
	const kept = new http.Agent({ keepAlive: true, maxSockets: 4 });
	let right = 0;
	for (let round = 0; round < 10; round++) {
		const all = [];
		for (let i = 0; i < 20; i++)
			all.push(ask('/' + round + '/' + i, i % 2 ? kept : false));
		right += (await Promise.all(all)).reduce((a, b) => a + b);
	}
	http.get({ host: '127.0.0.1', port: 1 }).on('error', (error) => {
		console.log(right, error.code);
		process.exit(42);
	});
});
"""

ASYNCIO = r"""
import asyncio, sys

async def answer(reader, writer):
    while line := await reader.readline():
        writer.write(b"you said " + line)
        await writer.drain()
    writer.close()

async def ask(port, number):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    right = 0
    for turn in range(5):
        writer.write(b"%d %d\n" % (number, turn))
        right += await reader.readline() == b"you said %d %d\n" % (number, turn)
    writer.close()
    await writer.wait_closed()
    return right

async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    right = 0
    for round in range(5):
        right += sum(await asyncio.gather(*(ask(port, number) for number in range(60))))
    child = await asyncio.create_subprocess_exec("sh", "-c", "exit 3")
    status = await child.wait()
    try:
        await asyncio.open_connection("127.0.0.1", 1)
    except OSError as error:
        print(right, status, error.errno)
    sys.exit(42)

asyncio.run(main())
"""


class Server:
    """A server that is watched, and ended by a signal of its own."""

    def __init__(self, mode, argv, ready, **keywords):
        self.play = Play(mode, argv, **keywords).begin()
        try:
            wait_for(lambda: ready() or not self.play.process.alive(), "%s, %s" % (argv[0], mode), LIMIT)
            require(self.play.process.alive(), "%s, %s: %s" % (argv[0], mode, self.play.process.err))
        except BaseException:
            self.play.process.end()
            raise

    def end(self, pid, number):
        os.kill(pid, number)
        return self.play.end(LIMIT)[0]


def served(what, serve, work):
    """serve(mode) gives a Server and how to end it, work() what its clients saw: the same in all modes."""
    wanted = None
    for mode in [UNTRACED] + modes():
        server, end = serve(mode)
        seen = (work(), end(server))
        if wanted is None:
            wanted = seen
        equal(seen, wanted, "%s, %s" % (what, mode))
    return wanted


def pid_of(path):
    return int(read_file(path).split()[0])


def answers(port):
    """Return: whether a socket listens there."""
    return run(["sh", "-c", "grep -q ':%04X 00000000:0000 0A' /proc/net/tcp" % port]).status == 0


SIZES = (0, 1, 5000, 3000000)


def start_nginx(mode):
    top, port = scratch("nginx"), free_port()
    os.makedirs(top + "/html")
    for size in SIZES:
        write_file("%s/html/%d" % (top, size), "x" * size)
    temporary = " ".join("%s_temp_path %s/%s;" % (name, top, name)
                         for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    write_file(top + "/conf", "daemon off; worker_processes 2; pid %s/pid; error_log %s/error.log; %s events { }\n"
               "http { log_format short '$status $body_bytes_sent'; access_log %s/log short; %s sendfile on;\n"
               "server { listen 127.0.0.1:%d; root %s/html; } }\n"
               % (top, top, "user root root;" if os.getuid() == 0 else "", top, temporary, port, top))
    server = Server(mode, [need("nginx"), "-p", top, "-c", top + "/conf"], lambda: answers(port))
    server.port, server.top = port, top
    return server


def fetch(port):
    """What curl gets of the sizes, several at a time, new connections and kept ones."""
    urls = ["http://127.0.0.1:%d/%d" % (port, size) for size in SIZES + (7,)] * 5
    words = [need("curl"), "-s", "-w", " %{http_code} %{size_download}\n"]
    result = run(words + ["-Z"] + urls, limit=LIMIT)
    kept = run(words + urls, limit=LIMIT)
    return (result.status, len(result.out), kept.status, hashlib.sha256(kept.out.encode()).hexdigest())


@test("nginx with curl: every answer, the access log, a graceful end")
def nginx():
    need("nginx", "curl")
    current = []

    def serve(mode):
        current[:] = [start_nginx(mode)]
        return current[0], end

    def end(server):
        status = server.end(pid_of(server.top + "/pid"), signal.SIGQUIT)
        return status, sorted(read_file(server.top + "/log").splitlines())

    seen = served("nginx", serve, lambda: fetch(current[0].port))
    equal((seen[0][0], seen[1][0], len(seen[1][1])), (0, 0, 2 * 5 * (len(SIZES) + 1)), "untraced")


@test("curl as the watched one: answers, refusals, time-outs, its exit status")
def curl():
    server = start_nginx(UNTRACED)
    words = [need("curl"), "-sS", "-w", " %{http_code} %{size_download} %{num_connects} %{errormsg}\n"]
    dead = free_port()
    for what, argv in (("kept", ["http://127.0.0.1:%d/%d" % (server.port, size) for size in SIZES]),
                       ("at a time", ["-Z"] + ["http://127.0.0.1:%d/5000" % server.port] * 10),
                       ("refused", ["http://127.0.0.1:%d/" % dead]),
                       ("both families", ["http://localhost:%d/1" % server.port]),
                       ("not there", ["-f", "http://127.0.0.1:%d/7" % server.port])):
        def change(seen):
            # How long it took, and how many connections ran at a time, is chance.
            out, err = (re.sub(r"after \d+ ms", "", text) for text in seen[1:3])
            return seen[0], len(out), out[:2000], err
        if what == "at a time":
            compare(words[:2] + argv, what, change=lambda seen: (seen[0], len(seen[1])))
        else:
            compare(words + argv, what, change=change)
    server.end(pid_of(server.top + "/pid"), signal.SIGQUIT)


@test("redis-server with redis-benchmark, each watched in its turn: counts of commands, values, a clean end")
def redis():
    program, benchmark, client = need("redis-server", "redis-benchmark", "redis-cli")

    def cli(port, *words):
        return must([client, "-p", str(port)] + list(words))

    def load(port):
        return [benchmark, "-p", str(port), "-q", "-n", "4000", "-c", "20", "-t", "set,get,incr,lpush,mset"]

    def counts(port):
        stats = cli(port, "info", "commandstats")
        return (sorted(re.findall(r"cmdstat_(set|get|incr|lpush|mset):calls=(\d+)", stats)),
                re.findall(r"failed_calls=([1-9]\d*)", stats), cli(port, "get", "counter:__rand_int__"),
                cli(port, "llen", "mylist"))

    def serve(mode):
        current[:] = [free_port()]
        directory = scratch("redis")
        os.mkdir(directory)
        server = Server(mode, [program, "--port", str(current[0]), "--save", "", "--dir", directory, "--daemonize", "no",
                               "--bind", "127.0.0.1", "--pidfile", directory + "/pid", "--io-threads", "2"],
                        lambda: answers(current[0]))
        return server, lambda server: server.end(int(re.search(r"process_id:(\d+)", pid_info[0]).group(1)),
                                                 signal.SIGTERM)

    current, pid_info = [], [""]

    def work():
        status = run(load(current[0]), limit=LIMIT).status
        pid_info[0] = cli(current[0], "info", "server")
        return status, counts(current[0])

    seen = served("redis-server", serve, work)
    equal((seen[0][0], seen[1]), (0, 0), "untraced")
    check(len(seen[0][1][0]) == 5, "five commands counted: %r" % (seen,))
    server, end = serve(UNTRACED)
    for mode in [UNTRACED] + modes():
        cli(current[0], "flushall")
        cli(current[0], "config", "resetstat")
        status, _, err = play(mode, load(current[0]), limit=LIMIT)
        equal((status, err, counts(current[0])), (0, "", seen[0][1]), "redis-benchmark, " + mode)
    pid_info[0] = cli(current[0], "info", "server")
    end(server)


def make_keys():
    """Keys, and the configuration of an sshd that knows them."""
    top = scratch("ssh")
    os.mkdir(top, 0o700)
    for name in ("host", "mine"):
        must([need("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", "%s/%s" % (top, name)])
    must(["cp", top + "/mine.pub", top + "/authorized"])
    port = free_port()
    write_file(top + "/sshd", "Port %d\nListenAddress 127.0.0.1\nHostKey %s/host\nPidFile %s/pid\nAuthorizedKeysFile "
               "%s/authorized\nStrictModes no\nPasswordAuthentication no\nUsePAM no\nPermitRootLogin yes\n"
               % (port, top, top, top))
    return top, port


@test("ssh to an sshd of the test's own, each watched in its turn: what goes through it, the remote exit status")
def ssh():
    sshd, client = need("sshd", "ssh")
    if os.getuid() == 0 and not os.path.isdir("/run/sshd"):
        os.mkdir("/run/sshd", 0o755)
    top, port = make_keys()
    data = write_file(scratch("data"), "some words\n" * 40000)

    def login(command):
        return [client, "-F", "/dev/null", "-i", top + "/mine", "-o", "StrictHostKeyChecking=no", "-o",
                "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-p", str(port),
                getpass.getuser() + "@127.0.0.1", command]

    def digest(seen):
        return seen[0], hashlib.sha256(seen[1].encode()).hexdigest(), seen[2]

    def work():
        seen = []
        for command in ("cat; exit 3", "kill -9 $$", "echo $(id -u) >&2; seq 20000"):
            with open(data, "rb") as stdin:
                result = subprocess.run(login(command), stdin=stdin, capture_output=True, timeout=LIMIT, check=False)
            seen.append(digest((result.returncode, result.stdout.decode(), result.stderr.decode())))
        return seen

    def serve(mode):
        try:
            os.unlink(top + "/pid")
        except FileNotFoundError:
            pass
        server = Server(mode, [sshd, "-D", "-f", top + "/sshd"], lambda: os.path.exists(top + "/pid") and answers(port))
        return server, lambda server: server.end(pid_of(top + "/pid"), signal.SIGTERM)

    untraced, end = serve(UNTRACED)
    first = run(login("true"))
    if first.status:
        untraced.end(pid_of(top + "/pid"), signal.SIGTERM)
        raise Skip("this sshd refuses the login: " + first.err.strip().replace("\n", "; "))
    for mode in modes():
        equal(digest(play(mode, login("seq 50000; exit 3"), limit=LIMIT)),
              digest(play(UNTRACED, login("seq 50000; exit 3"), limit=LIMIT)), "ssh, " + mode)
    end(untraced)
    seen = served("sshd", serve, work)
    equal([one[0] for one in seen[0]], [3, 255 if seen[0][1][0] == 255 else 137, 0], "untraced: %r" % (seen,))


@test("a Go HTTP server and its clients: every answer, through its storms of SIGURG")
def go():
    place = scratch("go")
    os.mkdir(place)
    write_file(place + "/main.go", GO)
    program = place + "/program"
    must([need("go"), "build", "-o", program, place + "/main.go"], limit=300, cwd=place,
         env=dict(os.environ, GOCACHE=place + "/cache", GOFLAGS="-mod=mod", GO111MODULE="off", HOME=place))
    for processors in ("1", "4"):
        status, out, err = compare([program], "Go, %s processors" % processors, limit=LIMIT,
                                   env=dict(os.environ, GOMAXPROCS=processors))
        equal((status, out.split()[0], err), (42, "320", ""), "untraced")


@test("node: every answer, kept and new connections")
def node():
    status, out, err = compare([need("node"), written(NODE, "server.js")], "node", limit=LIMIT)
    equal((status, out, err), (42, "200 ECONNREFUSED\n", ""), "untraced")


@test("python asyncio: every answer, and a child that it waits for")
def asyncio():
    status, out, err = compare([sys.executable, written(ASYNCIO, "server.py")], "asyncio", limit=LIMIT)
    equal((status, out, err), (42, "1500 3 111\n", ""), "untraced")


def postgres_programs():
    """initdb, postgres, pgbench, psql: Debian hides some of them."""
    places = [os.environ.get("PATH", "")]
    if os.path.isdir("/usr/lib/postgresql"):
        places += ["/usr/lib/postgresql/%s/bin" % name for name in sorted(os.listdir("/usr/lib/postgresql"), reverse=True)]
    os.environ["PATH"] = ":".join(places[1:] + places[:1])
    return need("initdb", "postgres", "pgbench", "psql")


@test("postgres with pgbench, each watched in its turn: every transaction counted, sums right, a clean end")
def postgres():
    initdb, program, pgbench, psql = postgres_programs()
    if os.getuid() == 0 and not as_nobody():
        raise Skip("postgres does not run as root")
    top, port = scratch("postgres"), free_port()
    result = run(as_nobody() + [initdb, "-D", top, "-U", "tester", "-A", "trust", "-N"], limit=LIMIT, cwd="/")
    if result.status:
        raise Skip("initdb: " + result.err.strip().replace("\n", "; "))
    argv = as_nobody() + [program, "-D", top, "-p", str(port), "-k", os.path.dirname(top), "-c",
                          "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "logging_collector=off"]
    there = ["-h", "127.0.0.1", "-p", str(port), "-U", "tester"]
    load = [pgbench] + there + ["-n", "-c", "4", "-j", "2", "-t", "40", "-C", "postgres"]

    def query(text):
        return must([psql] + there + ["-Atc", text, "postgres"]).split()

    def state():
        return query("select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history), "
                     "(select sum(bbalance) from pgbench_branches) = (select sum(delta) from pgbench_history), "
                     "(select count(*) from pgbench_history), (select count(*) from pg_stat_activity where wait_event "
                     "= 'ClientRead')")

    def fresh():
        must([pgbench] + there + ["-q", "-i", "postgres"], limit=LIMIT)

    def numbers(text):
        return re.findall(r"actually processed: (\S+)|failed transactions: (\S+)", text)

    def work():
        fresh()
        result = run(load, limit=LIMIT)
        return result.status, numbers(result.out), state()

    def serve(mode):
        server = Server(mode, argv, lambda: run([psql] + there + ["-Atc", "select 1", "postgres"]).status == 0, cwd="/")
        return server, lambda server: server.end(pid_of(top + "/postmaster.pid"), signal.SIGINT)

    seen = served("postgres", serve, work)
    equal((seen[0][0], "160/160" in str(seen[0][1]), seen[1]), (0, True, 0), "untraced: %r" % (seen,))
    server, end = serve(UNTRACED)
    for mode in modes():
        fresh()
        status, out, _ = play(mode, load, limit=LIMIT)
        equal((status, numbers(out), state()), seen[0], "pgbench, " + mode)
    end(server)


@test("a thousand threads: none is starved, launched and attached, before and in the middle")
def thousand_threads():
    program = [sys.executable, written(THREADS, "threads"), "1000"]
    wanted = (42, "1000 499500\n")
    equal(compare(program, "a thousand threads", limit=150)[:2], wanted, "untraced")
    target = Process(program)
    wait_for(lambda: len(os.listdir("/proc/%d/task" % target.pid)) > 300, "300 threads")
    trace = Process([CONNTRACE, "-q", "-o", "/dev/null", "--via=ptrace", "-p", str(target.pid)])
    equal((target.wait(150), target.out), wanted, "attached in the middle")
    equal(trace.wait(60), 0, "conntrace's status: " + trace.err)


if __name__ == "__main__":
    main()
