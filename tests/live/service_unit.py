#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The systemd units of contrib: what ExecStart says works under the restrictions of its unit. Needs root."""
import json
import os
import re
import signal

from lib import (CONNTRACE, MKCONN, NOBODY, Process, Skip, check, equal, main, must, need, need_all, read_file,
                 require, run, scratch, skip_all, status_field, test, wait_file, wait_for, write_file)

UNITS = os.path.join(os.environ.get("top_srcdir", "."), "contrib/systemd")
DENY = os.path.join(os.path.dirname(MKCONN), "deny")
STAT = os.path.join(os.path.dirname(CONNTRACE), "conntrace-stat")
FAMILIES = {"AF_INET": 2, "AF_INET6": 10, "AF_BLUETOOTH": 31, "AF_VSOCK": 40}
# What a file system outside is for a unit with ProtectSystem=strict, PrivateTmp=yes and its own directories.
STRICT = """
set -e
ip link set lo up
mount --bind "$1" "$1"
mount --bind "$2" "$2"
mount -o remount,bind,ro /
shift 2
exec "$@"
"""


def directives(name):
    """The lines of a unit: name and value; a name that is repeated is not expected."""
    found = {}
    for line in read_file(os.path.join(UNITS, name)).splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            check(key not in found or key == "Documentation", "%s once" % key)
            found[key] = value
    return found


class Unit:
    """conntrace@lo, with its directories in a scratch folder."""

    def __init__(self):
        self.unit = directives("conntrace@.service")
        self.logs, self.runtime = scratch("logs"), scratch("run")
        os.chmod(os.path.dirname(self.logs), 0o755)
        for folder in (os.path.join(self.logs, "conntrace"), os.path.join(self.runtime, "conntrace/lo")):
            os.makedirs(folder)
            os.chown(folder, NOBODY, NOBODY)

    def file(self, specifier, name):
        return os.path.join(self.logs if specifier == "L" else self.runtime, "conntrace", name)

    def words(self, unit):
        line = unit["ExecStart"].replace("%i", "lo").replace("%L", self.logs).replace("%t", self.runtime)
        words = line.split()
        for path, here in (("/usr/bin/conntrace", CONNTRACE), ("/usr/bin/conntrace-stat", STAT)):
            if words[0] == path:
                words[0] = here
        return words

    def restricted(self):
        """What stands before the command."""
        def option(key, kept):
            names = self.unit[key].split()
            return "--%s=-all,%s" % (kept, ",".join("+" + name[4:].lower() for name in names))
        allowed = self.unit["RestrictAddressFamilies"].split()
        denied = ["socket:%d=EAFNOSUPPORT" % number for name, number in FAMILIES.items() if name not in allowed]
        return (["unshare", "-n", "-m", "sh", "-c", STRICT, "sh", self.logs, self.runtime,
                 "prlimit", "--nofile=" + self.unit["LimitNOFILE"], "--",
                 "setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups", "--no-new-privs",
                 option("AmbientCapabilities", "inh-caps"), option("AmbientCapabilities", "ambient-caps"),
                 option("CapabilityBoundingSet", "bounding-set"), "--"] +
                [DENY] + denied + ["--"])


def start(unit, before=()):
    service = Process(unit.restricted() + list(before) + unit.words(unit.unit))
    wait_for(lambda: os.path.exists(unit.file("t", "lo/conntrace.sock")) or not service.alive(), "its socket")
    require(service.alive(), "the service runs: " + ("" if service.alive() else service.err))
    # What is idle since before the capture is not known: it begins when a refused attempt is counted.
    def captures():
        run(["nsenter", "-t", str(service.pid), "-n", "--", MKCONN, "connect=127.0.0.1:9", "close"])
        return re.search(r'"refused":[1-9]', run([STAT, "-j", "-U", unit.file("t", "lo/conntrace.sock")]).out)
    wait_for(captures, "the capture")
    return service


class Traffic:
    """A connection between root's processes in the service's network namespace, until it may end."""

    def __init__(self, service):
        port, self.go = scratch("port"), scratch("go")
        inside = ["nsenter", "-t", str(service.pid), "-n", "--", MKCONN]
        self.server = Process(inside + ["listen=127.0.0.1:0", "port-file=" + port, "accept", "recv-all", "close"])
        wait_file(port)
        self.client = Process(inside + ["connect=127.0.0.1:@" + port, "send=100", "wait-file=" + self.go, "close"])

    def end(self):
        write_file(self.go, "")
        equal((self.client.wait(), self.server.wait()), (0, 0), "their exit status")


@test("conntrace@: rows with processes of other users, metrics, the socket, reload and stop")
def service_works():
    unit = Unit()
    service = start(unit)
    traffic = Traffic(service)
    daily = []

    def counted():
        """Each answer has what came since the one before."""
        result = run(unit.words(directives("conntrace-daily@.service")))
        equal((result.status, result.out[-1:]), (0, "\n"), "the timer's unit: " + result.err)
        daily.append(sum(way.get("RX", way.get("TX"))["success"]["total"] for way in json.loads(result.out)))
        return sum(daily) >= 1
    wait_for(counted, "the connections in the answers to the timer's unit: %s" % daily)
    log = unit.file("L", "lo.csv")
    def reported():
        os.kill(service.pid, signal.SIGUSR1)
        return os.path.exists(log) and read_file(log).count("mkconn") >= 2
    wait_for(reported, "rows with the name of root's processes")
    traffic.end()
    os.rename(log, log + ".1")
    os.kill(service.pid, signal.SIGHUP)
    wait_for(lambda: os.path.exists(log), "the file after a reload")
    os.kill(service.pid, getattr(signal, unit.unit["KillSignal"]))
    equal(service.wait(), 0, "exit status: " + service.err)
    rows = read_file(log) + read_file(log + ".1")
    check(re.search(r"^127\.0\.0\.1,in,\d+,1,0,.*mkconn$", rows, re.M), "the row of the server: " + rows)
    metrics = read_file(unit.file("t", "lo/conntrace.prom"))
    check(re.search(r"^conntrace_\w+{.*peer=\"127\.0\.0\.1\".*} 1$", metrics, re.M), "metrics: " + metrics)


@test("conntrace@ with conntrace-rows.conf: a row of JSON for each connection that has finished")
def rows_work():
    unit = Unit()
    # The empty ExecStart is what takes that of the unit back.
    empty, unit.unit["ExecStart"] = re.findall(r"^ExecStart=(.*)$", read_file(os.path.join(UNITS, "../clickhouse/conntrace-rows.conf")), re.M)
    equal(empty, "", "the first line")
    service = start(unit)
    traffic = Traffic(service)
    traffic.end()
    path = unit.file("L", "lo.rows.json")
    def results():
        return {json.loads(line)["result"] for line in read_file(path).split("\n")[:-1]}
    wait_for(lambda: os.path.exists(path) and results() >= {"refused", "ok"}, "the rows")
    os.kill(service.pid, getattr(signal, unit.unit["KillSignal"]))
    equal(service.wait(), 0, "exit status: " + service.err)


@test("conntrace@: it makes no system call that its filter refuses")
def filter_allows_all():
    listed = run([need("systemd-analyze"), "syscall-filter", "@system-service"])
    if listed.status != 0:
        raise Skip("systemd-analyze does not list system calls here")
    groups = directives("conntrace@.service")["SystemCallFilter"].split()
    allowed = {name for name in groups if not name.startswith("@")}
    groups = [name for name in groups if name.startswith("@")]
    while groups:
        text = must(["systemd-analyze", "syscall-filter", groups.pop()])
        names = [line.strip() for line in text.splitlines() if line.startswith("    ")]
        groups += [name for name in names if name.startswith("@")]
        allowed |= {name for name in names if re.fullmatch(r"[a-z_0-9]+", name)}
    check(len(allowed) > 100, "calls of the group: %d" % len(allowed))
    unit, trace = Unit(), scratch("strace")
    os.mkdir(trace)
    os.chown(trace, NOBODY, NOBODY)
    folder = unit.file("t", "lo")
    service = start(unit, [need("strace"), "-f", "-q", "-o", os.path.join(folder, "calls")])
    traffic = Traffic(service)
    traffic.end()
    traced = wait_for(lambda: [int(pid) for pid in re.findall(r"^(\d+) ", read_file(os.path.join(folder, "calls")), re.M)],
                      "a trace")[0]
    os.kill(traced, signal.SIGINT)
    equal(service.wait(), 0, "exit status: " + service.err)
    made = set(re.findall(r"^\d+ +([a-z_0-9]+)\(", read_file(os.path.join(folder, "calls")), re.M))
    check("bind" in made and "recvmsg" in made, "calls: %s" % sorted(made))
    equal(sorted(made - allowed), [], "calls that are not in the group")


@test("systemd accepts the units")
def units_are_valid():
    analyze = need("systemd-analyze")
    result = run([analyze, "security", "--offline=yes", "--no-pager", os.path.join(UNITS, "conntrace@.service")],
                 env=dict(os.environ, LC_ALL="C"))
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", result.out)
    if level is None:
        raise Skip("systemd-analyze cannot read a unit here: " + result.err.strip())
    check(float(level[1]) < 3, "exposure " + level[0])
    check("Unknown" not in result.err, "messages: " + result.err)
    equal(set(directives("conntrace-daily@.timer")) >= {"OnCalendar"}, True, "the timer")
    checked = [os.path.join(UNITS, "../clickhouse/conntrace-drop-partitions." + kind) for kind in ("service", "timer")]
    messages = run([analyze, "verify", "--man=no"] + checked).err.splitlines()
    # The script is not where an installation has it.
    equal([line for line in messages if "conntrace" in line and "is not executable" not in line], [], "what systemd says")


if __name__ == "__main__":
    if os.getuid() != 0:
        skip_all("root is needed")
    need_all("setpriv", "unshare", "nsenter", "ip", "prlimit")
    main()
