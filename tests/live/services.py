#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Queries of a running conntrace: --control with conntrace-stat, --metrics, and groups from every source."""
import errno
import http.server
import json
import os
import re
import signal
import socket
import stat
import subprocess
import threading
import time
import urllib.parse
import urllib.request

from lib import (CONNTRACE, MKCONN, Process, Skip, TOP_BUILD, Trace, between, check, enter_namespace, equal, free_port,
                 main, need, parse_rows, read_file, require, run, scratch, test, wait_for, write_file)

STAT = os.path.join(TOP_BUILD, "conntrace-stat")
SCENARIO = ["listen=127.0.0.1:0", "threads=1", "count=3", "accept4", "recv-all", "close", "done", "done", "count=3",
         "connect=self", "send=10", "close", "done", "connect=127.0.0.1:1", "close", "connect=127.0.0.1:1", "close"]
RULES = ["--group=web:RX@127.0.0.0/8:1024-65535", "--group=bad:TX@*:1"]


def play():
    require(run([MKCONN] + SCENARIO).status == 0, "the scenario")


class Watch(Trace):
    """conntrace on lo, ready to answer."""

    def __init__(self, *options, report="groups"):
        self.socket = scratch("control")
        super().__init__(["-i", "lo", "--control=" + self.socket] + list(options), report=report)
        wait_for(lambda: os.path.exists(self.socket), "the socket")
        # Once it has heard of a connection it hears of all.
        def hears():
            with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
                pass
            return self.ask()[0]["RX"]["success"]["total"] > 0
        wait_for(hears, "the first connection")
        # Things are counted in the order they happened, so with this one all that was tried above has been.
        with socket.socket() as refused:
            refused.connect_ex(("127.0.0.1", 2))
        wait_for(lambda: self.ask()[0]["RX"]["failure"]["refused"], "a refused connection")
        self.stat("--reset", "-c", "test")

    def stat(self, *words, **keywords):
        result = run([STAT, "-U", self.socket] + list(words), **keywords)
        equal(result.status, 0, "exit status of conntrace-stat %s (%s)" % (words, result.err))
        return result.out

    def ask(self, *words):
        return json.loads(self.stat("-j", *words))


def groups_of(answer):
    return {name: (one["success"]["total"], one["failure"]["total"], one["failure"]["reject"])
            for group in answer for name, one in group.items() if name != "pcap"}


@test("conntrace-stat: what the groups report says, in every format")
def formats():
    watch = Watch(*RULES)
    play()
    wait_for(lambda: groups_of(watch.ask())["bad"] == (0, 2, 2), "two refused connections")
    answer = watch.ask()
    equal(groups_of(watch.ask("--reset", "-c", "test")),
          {"RX": (3, 2, 2), "TX": (3, 2, 2), "web": (3, 0, 0), "bad": (0, 2, 2)}, "the change")
    equal([list(group)[0] for group in answer], ["RX", "TX", "web", "bad", "pcap"], "the order")
    check(answer[-1]["pcap"]["stats"]["recv"] > 0, "packets are counted: %s" % answer[-1])
    equal(answer[-1]["pcap"]["stats"]["drop"], 0, "none is lost")
    text = watch.stat()
    found = re.findall(r"^(\w+)\n  Success +(\S+)\n(?:    .*\n)+  Failure +(\S+)\n", text, re.MULTILINE)
    equal({name: (int(good), int(bad)) for name, good, bad in found},
          {name: numbers[:2] for name, numbers in groups_of(answer).items()}, "text: " + text)
    check(text.startswith("from : 20"), "the time")
    metrics = watch.stat("--openmetrics")
    check(metrics.endswith("# EOF\n"), "OpenMetrics ends properly")
    check('conntrace_group_connections_total{group="bad",result="refused"} 2\n' in metrics, "OpenMetrics")
    rows = watch.interrupt()
    equal({row["group"]: (row["ok"], row["fail"], row["refused"]) for row in rows}, groups_of(answer), "-z groups")
    check(not os.path.exists(watch.socket), "the socket is gone")


@test("a baseline per client: -g, --reset and names do not disturb each other")
def baselines():
    watch = Watch(*RULES)
    watch.ask("--reset", "-c", "one")
    watch.ask("--reset", "-c", "two")
    watch.ask("--reset")
    play()
    wait_for(lambda: groups_of(watch.ask())["bad"] == (0, 2, 2), "two refused connections")
    equal(groups_of(watch.ask("--reset", "-c", "one"))["bad"], (0, 2, 2), "the first")
    equal(groups_of(watch.ask("--reset", "-c", "one"))["bad"], (0, 0, 0), "the first again")
    play()
    wait_for(lambda: groups_of(watch.ask())["bad"] == (0, 4, 4), "two more")
    equal(groups_of(watch.ask("--reset", "-c", "one"))["bad"], (0, 2, 2), "the first, later")
    equal(groups_of(watch.ask("--reset", "-c", "two"))["bad"], (0, 4, 4), "the second")
    equal(groups_of(watch.ask("--reset"))["bad"], (0, 4, 4), "without a name")
    equal(groups_of(watch.ask())["bad"], (0, 4, 4), "since the start")
    change = watch.ask("--reset", "-c", "new")
    equal(groups_of(change)["bad"], (0, 4, 4), "a new one begins at the start")
    check(not any("pcap" in group for group in change), "a change is of groups only")
    # More names than are remembered do no harm.
    for i in range(40):
        watch.stat("--reset", "-c", "n%d" % i)
    equal(groups_of(watch.ask("--reset", "-c", "n39"))["bad"], (0, 0, 0), "the latest is remembered")


def gmetric_double(folder):
    """A gmetric that writes down its arguments."""
    log = scratch("gmetric-log")
    os.mkdir(folder)
    write_file(os.path.join(folder, "gmetric"), "#!/bin/sh\necho \"$*\" >>%s\n" % log, 0o755)
    return log


@test("-g: gmetric once for each value, with tcpeek's names")
def gmetric():
    watch = Watch(*RULES, "--group=a;b $(x)".replace(" ", "") + ":RX@*:1")
    folder = scratch("bin")
    log = gmetric_double(folder)
    environment = dict(os.environ, PATH=folder + ":" + os.environ["PATH"])
    watch.stat("-g", env=environment)
    os.unlink(log)
    play()
    wait_for(lambda: groups_of(watch.ask())["bad"] == (0, 2, 2), "two refused connections")
    watch.stat("-g", env=environment)
    lines = read_file(log).splitlines()
    equal(len(lines), 20, "four values of five groups: %s" % lines)
    for line in ("-n tcpeek_RX_failure_timeout -v 0 -t uint32", "-n tcpeek_bad_failure_reject -v 2 -t uint32",
                 "-n tcpeek_web_success_dupsyn -v 0 -t uint32", "-n tcpeek_TX_success_dupsynack -v 0 -t uint32",
                 "-n tcpeek_a_b__x__failure_reject -v 2 -t uint32"):
        check(line in lines, "gmetric %s; it was %s" % (line, lines))
    os.unlink(log)
    watch.stat("-g", env=environment)
    check("-n tcpeek_bad_failure_reject -v 0 -t uint32" in read_file(log), "nothing new")
    write_file(os.path.join(folder, "gmetric"), "#!/bin/sh\nexit 3\n", 0o755)
    result = run([STAT, "-U", watch.socket, "-g"], env=environment)
    equal(result.status, 1, "exit status when gmetric fails")
    check("gmetric(1) failed for tcpeek_RX_failure_timeout" in result.err, result.err)
    result = run([STAT, "-U", watch.socket, "-g"], env=dict(os.environ, PATH="/nonexistent"))
    equal(result.status, 1, "exit status without gmetric")
    check("ganglia-monitor" in result.err, result.err)


@test("-g through the real gmetric")
def real_gmetric():
    real = need("gmetric")
    watch = Watch(*RULES)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(5)
        config = write_file(scratch("gmond.conf"), "cluster { name = \"test\" }\nudp_send_channel { host = 127.0.0.1 "
                            "port = %d }\n" % collector.getsockname()[1])
        folder = scratch("bin")
        os.mkdir(folder)
        write_file(os.path.join(folder, "gmetric"), "#!/bin/sh\nexec %s -c %s \"$@\"\n" % (real, config), 0o755)
        play()
        wait_for(lambda: groups_of(watch.ask())["bad"] == (0, 2, 2), "two refused connections")
        watch.stat("-g", env=dict(os.environ, PATH=folder + ":" + os.environ["PATH"]))
        # Two datagrams for each metric: what it is, and its value (XDR: type 133, host, name, spoof, format, text).
        values = {}
        try:
            while len(values) < 16:
                data = collector.recv(4096)
                name = re.search(rb"tcpeek_\w+", data).group().decode()
                if data[:4] == (128 + 5).to_bytes(4, "big"):
                    values[name] = data.rstrip(b"\0")[-1:].decode()
        except socket.timeout:
            pass
    equal(len(values), 16, "values that arrived: %s" % values)
    equal((values.get("tcpeek_bad_failure_reject"), values.get("tcpeek_bad_failure_timeout")), ("2", "0"), "values")


@test("clients that do not read, do not ask or send invalid requests do no harm")
def bad_clients():
    watch = Watch(*["--group=g%d:RX@*:%d" % (i, i + 1) for i in range(60)])
    clients = []
    for i in range(100):
        client = socket.socket(socket.AF_UNIX)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
        client.settimeout(5)
        client.connect(watch.socket)
        try:
            client.send((b"", b"GET text\n", b"GE", b"\xff\0" * 300, b"REFRESH text " + b"x" * 200 + b"\n", b"\n" * 9)[i % 6])
        except OSError:
            pass
        clients.append(client)
        if i % 10 == 0:
            begin = time.monotonic()
            equal(len(watch.ask()), 63, "the answer")
            between(time.monotonic() - begin, 0, 5, "seconds until the answer")
    play()
    wait_for(lambda: groups_of(watch.ask())["g0"][2] == 2, "the connections are counted meanwhile")
    equal(len(watch.ask()), 63, "the answer with all of them there")
    check(len(os.listdir("/proc/%d/fd" % watch.pid)) < 100, "clients are let go: %d descriptors" %
          len(os.listdir("/proc/%d/fd" % watch.pid)))
    for client in clients:
        client.close()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(watch.socket)
        client.sendall(b"HELLO\r\n")
        equal(client.recv(4096), b'{"error":"unknown request"}\n', "the answer to nonsense")
        equal(client.recv(4096), b"", "and then the end")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(watch.socket)
        client.sendall(b"GET")
        client.shutdown(socket.SHUT_WR)
        check(client.recv(4096).startswith(b'[{"RX":'), "a request may end with the connection")
    # Many at once, all answered.
    asking = [Process([STAT, "-U", watch.socket, "-j", "--reset", "-c", "p%d" % (i % 3)]) for i in range(24)]
    equal([one.wait() for one in asking], [0] * 24, "exit status of many at once")
    check(all(len(json.loads(one.out)) == 62 for one in asking), "answers of many at once")
    watch.interrupt()


def tries(*options):
    return run([CONNTRACE, "-q"] + list(options) + ["--", "true"])


@test("who sees the socket's name is heard, from the first moment")
def named_when_heard():
    folder = scratch("folder")
    os.mkdir(folder)
    for name in ["control"] * 10 + ["c" * (107 - len(folder) - 1)]:
        path = os.path.join(folder, name)
        trace = Process([CONNTRACE, "-q", "--control=" + path, "--", "sleep", "60"])
        refused, client, end = 0, None, time.monotonic() + 20
        while client is None and time.monotonic() < end:
            client = socket.socket(socket.AF_UNIX)
            try:
                client.connect(path)
            except OSError as error:
                refused += error.errno == errno.ECONNREFUSED
                client.close()
                client = None
        check(client is not None, "no listener at " + path)
        client.close()
        # A name without room for another beside it is made in place.
        check(refused == 0 or name != "control", "refused at a name that is there")
        # It is heard by its own name first, and then loses the one beside it.
        wait_for(lambda here=[name]: os.listdir(folder) == here, "only %s to be there: %s" % (name, os.listdir(folder)))
        trace.signal(signal.SIGTERM)
        trace.wait()
        equal(os.listdir(folder), [], "what is left")


@test("the socket: mode, owner, directory, stale, live, not a socket")
def sockets():
    folder = scratch("folder")
    path = os.path.join(folder, "control")
    mask = os.umask(0o077)
    try:
        trace = Process([CONNTRACE, "-q", "--control=" + path, "--", "sleep", "60"])
    finally:
        os.umask(mask)
    wait_for(lambda: os.path.exists(path), "the socket")
    status = os.stat(path)
    equal(oct(stat.S_IMODE(status.st_mode)), "0o660", "mode, whatever the mask is")
    equal((status.st_uid, status.st_gid), (os.geteuid(), os.getegid()), "owner")
    check(stat.S_ISSOCK(status.st_mode), "it is a socket")
    result = tries("--control=" + path)
    equal(result.status, 125, "a live socket is an error: conntrace's own")
    check("\"%s\" is in use" % path in result.err, result.err)
    check(run([STAT, "-U", path]).status == 0, "the live one still answers")
    # Killed, it leaves its socket; the next one takes the place.
    trace.signal(signal.SIGKILL)
    trace.wait()
    check(os.path.exists(path), "a socket is left")
    result = run([STAT, "-U", path])
    equal(result.status, 1, "no answer there")
    check("Connection refused" in result.err and path in result.err, result.err)
    equal(tries("--control=" + path).status, 0, "a stale socket is replaced")
    check(not os.path.exists(path), "and removed at the end")
    made = os.path.join(folder, "made", "control")
    trace = Process([CONNTRACE, "-q", "--control=" + made, "--", "sleep", "60"])
    wait_for(lambda: os.path.exists(made), "the socket in a directory that was missing")
    equal(run([STAT, "-U", made]).status, 0, "it answers there")
    trace.signal(signal.SIGTERM)
    trace.wait()
    write_file(path, "precious")
    result = tries("--control=" + path)
    equal(result.status, 125, "a file is no socket")
    check("is not a socket" in result.err, result.err)
    equal(read_file(path), "precious", "the file is as it was")
    os.unlink(path)
    os.symlink("/nonexistent/x", path)
    equal(tries("--control=" + path).status, 125, "neither is a symbolic link")
    check(os.path.islink(path), "the link is as it was")
    for wrong, part in (("/nonexistent/a/b", "cannot make the directory"), ("x" * 200, "at most 107 bytes"),
                        ("/proc/x", "cannot make the socket")):
        result = tries("--control=" + wrong)
        equal(result.status, 125, "exit status with " + wrong)
        check(part in result.err, result.err)


def samples(text):
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            check(name not in found, "twice: " + name)
            found[name] = float(value)
    return found


@test("--metrics: valid, whole at any moment, the numbers of the report, peers limited")
def metrics():
    path = scratch("metrics.prom")
    watch = Watch(*RULES, "--group=odd\"\\name:TX@*:1", "--metrics=" + path, "--metrics-peers=2", "-I", "0.1",
                  report="peers")
    broken = []
    stop = threading.Event()

    def read_on():
        while not stop.is_set():
            text = read_file(path)
            # Empty it is for a moment at the start only, and that is over.
            if not text.startswith("# HELP") or 'figure="resent_segments"' not in text.splitlines()[-1]:
                broken.append(text[-200:])
    reader = threading.Thread(target=read_on)
    reader.start()
    try:
        for i in range(2, 6):
            require(run([MKCONN, "bind=127.0.0.%d:0" % i, "connect=127.0.0.1:1", "close"]).status == 0, "a refusal")
        play()
        wait_for(lambda: samples(read_file(path)).get(
            'conntrace_group_connections_total{group="bad",result="refused"}') == 6, "six refused ones in the file")
    finally:
        stop.set()
        reader.join()
    equal(broken[:1], [], "half a file")
    # Of each connection both ends are here: it is in RX and in TX.
    total = sum(sum(counts[:2]) for name, counts in groups_of(watch.ask()).items() if name in ("RX", "TX"))
    watch.interrupt()
    text = read_file(path)
    found = samples(text)
    peers = {name: value for name, value in found.items() if name.startswith("conntrace_peer_connections_total")}
    equal(sum(peers.values()), total, "connections of all peers: %s" % peers)
    own = {re.search('peer="([^"]*)",direction="([^"]*)",port="([^"]*)"', name).groups() for name in peers}
    equal(len([one for one in own if one[0] != "other"]), 2, "rows of their own: %s" % own)
    check(("other", "in", "other") in own and ("other", "out", "other") in own, "the rest: %s" % own)
    check('conntrace_group_connections_total{group="odd\\"\\\\name",result="refused"} 6\n' in text, "an odd name")
    equal(found['conntrace_group_connections_total{group="web",result="refused"}'] if
          'conntrace_group_connections_total{group="web",result="refused"}' in found else 0, 0, "web has no refused one")
    between(found["conntrace_start_time_seconds"], time.time() - 120, time.time(), "the start")
    equal([name for name in os.listdir(os.path.dirname(path)) if name.startswith(os.path.basename(path)) and
           name != os.path.basename(path)], [], "nothing is left beside the file")
    mask = os.umask(0)
    os.umask(mask)
    equal(stat.S_IMODE(os.stat(path).st_mode), 0o666 & ~mask, "mode")


@test("--metrics: promtool finds nothing to say")
def promtool():
    program = need("promtool")
    path = scratch("metrics.prom")
    scenario = ["--metrics=" + path, "--group=odd\"\\name:TX@*:1"]
    equal(run([CONNTRACE, "-q", "-i", "lo"] + scenario + ["--", MKCONN] + SCENARIO).status, 0, "exit status")
    result = run([program, "check", "metrics"], stdin=read_file(path))
    equal((result.status, result.out + result.err), (0, ""), "promtool check metrics")


@test("--metrics-by: buckets hold the times of the rows, and processes that have no room are other ones")
def histograms():
    path = scratch("metrics.prom")
    words = ["listen=127.0.0.1:0", "threads=1", "count=100", "accept4", "recv-all", "send=5", "close", "done", "done", "count=100",
             "connect=self", "send=10", "shutdown", "recv-all", "close", "done", "connect=127.0.0.1:1", "close"]
    result = run([CONNTRACE, "-j", "-z", "conns", "--metrics=" + path, "--metrics-by=program,unit", "--metrics-peers=1", "--",
                  MKCONN] + words)
    equal(result.status, 0, "status: " + result.err)
    rows = [json.loads(line) for line in result.out.splitlines()[:-1]]
    equal(len(rows), 201, "rows")
    found = samples(read_file(path))
    for name, column in (("handshake", "hs_ms"), ("accept_queue", "queue_ms"), ("connect", "connect_ms"), ("answer", "first_ms")):
        for group, way in (("RX", "in"), ("TX", "out")):
            times = [row[column] for row in rows if row["dir"] == way and row[column] is not None]
            family = "conntrace_group_%s_seconds" % name
            bounds = [re.search('le="([^"]*)"', key)[1] for key in found if key.startswith('%s_bucket{group="%s"' % (family, group))]
            equal(len(bounds), 15, "buckets of " + family)
            last = 0
            for bound in bounds:
                count = found['%s_bucket{group="%s",le="%s"}' % (family, group, bound)]
                # A row has three decimals, and of many values a step of 0.8 % is known.
                low, high = (sum(ms <= float(bound) * 1000 * factor for ms in times) for factor in (0.98, 1.02))
                between(count, low, high, "%s of %s up to %s" % (family, group, bound))
                check(count >= last, "%s goes down at %s" % (family, bound))
                last = count
            equal((last, found['%s_count{group="%s"}' % (family, group)]), (len(times), len(times)), "all of " + family)
    own = {name: value for name, value in found.items() if name.startswith("conntrace_process_connections_total")}
    equal(sum(own.values()), 201, "connections of processes")
    equal({re.search('program="([^"]*)"', name)[1] for name in own}, {"mkconn", "other"}, "programs")
    equal({re.search('unit="([^"]*)"', name)[1] for name in own if 'program="other"' in name}, {"other"}, "units of other ones")
    for options in (["--metrics-by=program"], ["--metrics=" + path, "--metrics-by=pid"]):
        equal(run([CONNTRACE] + options + ["--", "true"]).status, 2, "status of %s" % options)


@test("the dashboard of contrib asks for what is there, in expressions that promtool accepts")
def dashboard():
    program = need("promtool")
    path, rules = scratch("metrics.prom"), scratch("rules.yml")
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "contrib", "prometheus")
    asked = json.loads(read_file(os.path.join(folder, "conntrace.dashboard.json")))
    texts = [target["expr"] for panel in asked["panels"] for target in panel["targets"]]
    texts = [text.replace("$__rate_interval", "1m").replace("$instance", ".*").replace("$group", ".*") for text in texts]
    with open(rules, "w", encoding="ascii") as file:
        json.dump({"groups": [{"name": "all", "rules": [{"record": "r:%d" % at, "expr": text} for at, text in enumerate(texts)]}]},
                  file)
    result = run([program, "check", "rules", rules])
    equal(result.status, 0, "promtool: %s %s" % (result.out, result.err))
    equal(run([CONNTRACE, "-q", "--metrics=" + path, "--metrics-by=program,unit", "--", MKCONN] + SCENARIO).status, 0, "the run")
    there = {name.split("{")[0] for name in samples(read_file(path))}
    wanted = {name for text in texts for name in re.findall(r"\bconntrace_\w+", text)}
    check(len(wanted) >= 10 and wanted <= there, "unknown: %s" % sorted(wanted - there))


def fetched(url):
    """What it answers, None while it does not."""
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.read().decode()
    except OSError:
        return None


class Prometheus:
    """A real one that scrapes a target five times a second."""

    def __init__(self, target, more=""):
        folder, self.address = scratch("prometheus"), "127.0.0.1:%d" % free_port()
        os.mkdir(folder)
        config = write_file(os.path.join(folder, "prometheus.yml"), """
global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}
%s
scrape_configs: [{job_name: node, static_configs: [{targets: ['%s']}]}]
""" % (more, target))
        self.server = Process([need("prometheus"), "--config.file=" + config, "--storage.tsdb.path=" + os.path.join(folder, "tsdb"),
                               "--web.listen-address=" + self.address, "--log.level=error"])

    def ask(self, path):
        require(self.server.alive(), self.server.err)
        answer = fetched("http://%s/api/v1/%s" % (self.address, path))
        return json.loads(answer)["data"] if answer else {}

    def query(self, expression):
        return self.ask("query?query=" + urllib.parse.quote(expression)).get("result", [])


@test("conntrace-stat --openmetrics: each sample arrives in a real Prometheus")
def openmetrics():
    need("prometheus")
    watch = Watch(*RULES)
    play()
    wait_for(lambda: groups_of(watch.ask())["bad"] == (0, 2, 2), "two refused connections")
    text = watch.stat("--openmetrics").encode()

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as page:
        threading.Thread(target=page.serve_forever, daemon=True).start()
        prometheus = Prometheus("127.0.0.1:%d" % page.server_port)
        wait_for(lambda: any(one["value"][1] == "1" for one in prometheus.query("up")), "a scrape that it accepts")
        theirs = {sample_key(name): float(one["value"][1]) for one in wait_for(lambda: prometheus.query('{__name__=~"conntrace_.+"}'), "samples")
                  for name in [one["metric"].pop("__name__") + "{%s}" % ",".join(
                      "%s=%s" % (label, json.dumps(value)) for label, value in one["metric"].items() if label not in ("instance", "job"))]}
        page.shutdown()
    ours = {sample_key(name): value for name, value in samples(text.decode()).items()}
    check(len(ours) > 20, "there are samples")
    equal({name: value for name, value in ours.items() if theirs.get(name) != value}, {}, "samples that differ")
    watch.interrupt()


def sample_key(name):
    """Name and labels in order: others sort them."""
    head, _, labels = name.partition("{")
    return head, tuple(sorted(re.findall(r'\w+="(?:[^"\\]|\\.)*"', labels)))


@test("--metrics: read by a node exporter's textfile collector")
def node_exporter():
    program = need("prometheus-node-exporter")
    folder = scratch("textfile")
    os.mkdir(folder)
    path = os.path.join(folder, "conntrace.prom")
    equal(run([CONNTRACE, "-q", "-i", "lo", "--metrics=" + path] + RULES + ["--", MKCONN] + SCENARIO).status, 0,
          "exit status")
    address = "127.0.0.1:%d" % free_port()
    Process([program, "--collector.disable-defaults", "--collector.textfile",
             "--collector.textfile.directory=" + folder, "--web.listen-address=" + address])
    theirs = samples(wait_for(lambda: fetched("http://%s/metrics" % address), "the node exporter"))
    check(theirs.get("node_textfile_scrape_error") == 0, "no error: %s" % theirs.get("node_textfile_scrape_error"))
    ours = samples(read_file(path))
    check(len(ours) > 50, "there are samples")
    theirs = {sample_key(name): value for name, value in theirs.items()}
    equal({name: (value, theirs.get(sample_key(name))) for name, value in ours.items() if theirs.get(sample_key(name)) != value}, {},
          "samples that differ")


@test("--metrics: the first refusal fires an alert of contrib in a real Prometheus; the rules pass their own tests")
def first_refusal():
    promtool, _, exporter = need("promtool", "prometheus", "prometheus-node-exporter")
    rules = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "contrib", "prometheus")
    done = run([promtool, "test", "rules", "conntrace.test.yml"], cwd=rules)
    check(done.status == 0, "promtool test rules: %r" % done)
    folder = scratch("alerts")
    os.mkdir(folder)
    metrics = os.path.join(folder, "conntrace.prom")
    watch = Trace(["-i", "lo", "-I", "0.2", "--metrics=" + metrics])
    wait_for(lambda: os.path.exists(metrics), "the metrics")
    first = samples(read_file(metrics))
    for group in ("RX", "TX"):
        for result in ("ok", "refused", "reset", "timeout", "unreach", "abort", "error", "unknown"):
            equal(first.get('conntrace_group_connections_total{group="%s",result="%s"}' % (group, result)), 0,
                  "%s %s before the first connection" % (group, result))
    target = "127.0.0.1:%d" % free_port()
    Process([exporter, "--collector.disable-defaults", "--collector.textfile",
             "--collector.textfile.directory=" + folder, "--web.listen-address=" + target])
    prometheus = Prometheus(target, "rule_files: [%s/conntrace.rules.yml]" % os.path.abspath(rules))
    zeros = 'count_over_time(conntrace_group_connections_total{group="TX",result="refused"}[1m])'
    wait_for(lambda: any(int(one["value"][1]) >= 2 for one in prometheus.query(zeros)), "two samples of 0")

    def firing():
        return [alert for alert in prometheus.ask("alerts").get("alerts", []) if alert["state"] == "firing" and
                alert["labels"]["alertname"] == "ConntraceConnectionsFail" and alert["labels"]["result"] == "refused"]
    equal(firing(), [], "no alert before")
    with socket.socket() as client:
        equal(client.connect_ex(("127.0.0.1", free_port())) != 0, True, "refused")
    wait_for(firing, "the alert")
    equal(sorted({alert["labels"]["group"] for alert in firing()}), ["RX", "TX"], "both ends are on this host")
    watch.interrupt()


@test("--metrics: a file it must be; what cannot be written is an error at once")
def metrics_files():
    folder = scratch("folder")
    os.mkdir(folder)
    target = write_file(os.path.join(folder, "target"), "old")
    link = os.path.join(folder, "link")
    os.symlink(target, link)
    equal(tries("--metrics=" + link).status, 0, "a link to a file")
    check(os.path.islink(link), "the link stays")
    check(read_file(target).startswith("# HELP"), "the file behind it is written")
    for wrong, part in (("/dev/null", "it is not a regular file"), (folder, "it is not a regular file"), ("/nonexistent/x", "No such file"),
                        ("/proc/x", "cannot write the metrics")):
        result = tries("--metrics=" + wrong)
        equal(result.status, 125, "exit status with " + wrong)
        check(part in result.err, result.err)
    check(stat.S_ISCHR(os.stat("/dev/null").st_mode), "the device is as it was")


@test("--metrics: when its directory goes away meanwhile, it is said once, and the run goes on")
def metrics_gone():
    folder = scratch("folder")
    os.mkdir(folder)
    path = os.path.join(folder, "m.prom")
    watch = Watch("--metrics=" + path, "-I", "0.1")
    wait_for(lambda: read_file(path), "the file")
    while os.path.exists(folder):
        try:
            os.unlink(path)
            os.rmdir(folder)
        except OSError:
            pass
    wait_for(lambda: "cannot write the metrics" in watch.err, "the complaint")
    play()
    check(watch.ask(), "it still answers")
    watch.signal(signal.SIGINT)
    equal(watch.wait(), 1, "exit status")
    equal(watch.err.count("cannot write the metrics"), 1, "it is said once")


@test("groups from calls and counters alone, and with packets, agree; only packets know the rest")
def sources():
    for options, known in ((RULES, False), (RULES + ["-i", "lo"], True)):
        rows = Trace(options, [MKCONN] + SCENARIO, report="groups").finish()
        got = {row["group"]: row for row in rows}
        equal({name: (row["conns"], row["ok"], row["fail"], row["refused"], row["pending"]) for name, row in got.items()},
              {"RX": (3, 3, 0, 0, 0), "TX": (5, 3, 2, 2, 0), "web": (3, 3, 0, 0, 0), "bad": (2, 0, 2, 2, 0)},
              "groups with %s" % options)
        # The kernel counts what its own side resent: SYN of what went out, SYN/ACK of what came in.
        equal((got["TX"]["dup_syn"], got["RX"]["dup_synack"]), (0, 0), "what the kernel counts")
        equal((got["RX"]["dup_syn"], got["TX"]["dup_synack"]), (0, 0) if known else (None, None), "what it does not")


@test("--suspicious and WHY from calls and counters alone")
def suspicious():
    rows = Trace(["--suspicious"], [MKCONN] + SCENARIO).finish()
    equal([(row["result"], row["why"]) for row in rows], [("refused", ["failed"])] * 2, "what is shown")
    equal((rows.summary["connections"], rows.summary["shown"], rows.summary["why"]["failed"]), (8, 2, 2), "the accounts")
    result = run([CONNTRACE, "--events", "-O", "RESULT,WHY", "-H", "--only=failed", "--", MKCONN] + SCENARIO)
    equal([line.split() for line in result.out.splitlines()], [["refused", "failed"]] * 2, "lines as they happen")
    check("8 connections, 2 shown (2 failed), " in result.err, result.err)
    rows = parse_rows(run([CONNTRACE, "-j", "-c", "1", "--only=failed", "-z", "conns", "--", MKCONN, "count=9",
                           "connect=127.0.0.1:1", "close", "sleep=50", "done"]).out)
    check(1 <= len(rows) < 9, "-c counts what is shown: %d" % len(rows))


if __name__ == "__main__":
    enter_namespace()
    main()
