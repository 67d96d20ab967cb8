#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What is forbidden or missing here: worked around, or refused with the reason and the remedy; no program is harmed."""
import os
import re
import subprocess

import lib
from lib import (CONNTRACE, ENDED, MKCONN, URING, Process, Skip, Trace, as_nobody, attach, check, equal, find_row, main, mkconn, must,
                 need, read_file, read_truth, run, scratch, short, status_field, test, tracer_of, wait_file, wait_for, write_file)

DENY = os.path.join(os.path.dirname(MKCONN), "deny")
QUIET = [CONNTRACE, "-q", "-o", "/dev/null"]
SCENARIO = ["listen=127.0.0.1:0", "fork=1", "accept", "recv-all", "send=77", "close", "done", "connect=self", "send=1000",
         "shutdown", "recv=77", "close", "join", "nonblock", "connect=127.0.0.1:1", "poll", "so-error", "close",
         "udp=127.0.0.1:9", "unix=/nonexistent"]
PIDFD_GETFD = "--cap-add=SYS_PTRACE"


def denied(*calls):
    return [DENY] + list(calls) + ["--"]


def played(before, options=()):
    """The scenario, launched. Return: rows, truth, stderr."""
    truth = scratch("truth")
    trace = Trace(options, [MKCONN, "truth=" + truth] + SCENARIO, before=before)
    rows = trace.finish()
    fact = read_truth(truth)
    equal([t["result"] for t in fact], ["ok", "ok", "refused"], "the scenario as the program saw it")
    equal(len(rows), len(fact), "rows of %s" % [short(row) for row in rows])
    return rows, fact, trace.err


def owned(row, fact):
    equal((row["dir"], row["result"], row["errno"], row["pid"], row["tid"], row["fd"]),
          (fact["dir"], fact["result"], fact["errno"] or "0", fact["pid"], fact["tid"], fact["fd"]), short(row))


def exact(rows, truth):
    for fact in truth:
        row = find_row(rows, fact)
        owned(row, fact)
        # The local port of a socket that failed before a sample is unknown.
        check(row["lport"] == fact["lport"] or fact["result"] != "ok" and row["lport"] is None, short(row))
        if fact["result"] == "ok":
            equal((row["rx_bytes"], row["tx_bytes"]), (fact["rx_bytes"], fact["tx_bytes"]), short(row))
            check(row["state"] in ENDED, short(row))
            check(row["hs_ms"] is not None, "the kernel's measure of the handshake in " + short(row))


def sleeper():
    """An ordinary user's process, no longer what made it one."""
    process = Process(as_nobody() + ["sleep", "60"])
    wait_for(lambda: status_field(process.pid, "Name") == "sleep", "sleep to be there")
    return process


LAUNCHED = ([], ["--watch-close"], ["--no-filter"])


@test("no pidfd_getfd (Linux before 5.6, containers): all is known all the same, and said to be slower")
def no_getfd():
    for calls in (["pidfd_getfd=EPERM"], ["pidfd_getfd=ENOSYS"], ["pidfd_open=ENOSYS", "pidfd_getfd=ENOSYS"]):
        for options in LAUNCHED:
            rows, truth, err = played(denied(*calls), options)
            exact(rows, truth)
            check(PIDFD_GETFD in err and "slower" in err, "the notice: " + err)


@test("no process_vm_readv, no PTRACE_GET_SYSCALL_INFO (Linux before 5.3): all is known all the same")
def old_kernel():
    for calls in (["process_vm_readv=EPERM"], ["process_vm_readv=ENOSYS"], ["ptrace:0x420e=EIO"],
                  ["ptrace:0x420e=EIO", "process_vm_readv=ENOSYS", "pidfd_open=ENOSYS", "pidfd_getfd=ENOSYS"]):
        for options in LAUNCHED:
            rows, truth, _ = played(denied(*calls), options)
            exact(rows, truth)


@test("neither pidfd_getfd nor netlink: addresses, owner and result, and nothing made up")
def no_counters():
    for options in LAUNCHED:
        rows, truth, err = played(denied("pidfd_getfd=EPERM", "socket:16=EPERM"), options)
        for fact in truth:
            row = find_row(rows, fact)
            owned(row, fact)
            unknown = None if fact["result"] == "ok" else 0
            equal((row["rx_bytes"], row["tx_bytes"], row["hs_ms"]), (unknown, unknown, None), short(row))
            check(row["state"] in (None, *ENDED), "state of " + short(row))
        check("sandbox or container forbids it" in err, "the notice: " + err)


@test("attached without pidfd_getfd and on an old kernel: connections from before and new ones are exact")
def attached():
    for calls in (["pidfd_getfd=EPERM"], ["ptrace:0x420e=EIO", "pidfd_open=ENOSYS", "process_vm_readv=ENOSYS"]):
        truth, port = scratch("truth"), scratch("port")
        server = Process(as_nobody() + [MKCONN, "truth=" + truth, "listen=127.0.0.1:0", "port-file=" + port, "forever",
                                        "accept4", "recv=10", "send=20", "recv-all", "close", "done"])
        where = "connect=127.0.0.1:%d" % int(wait_file(port))
        early = mkconn([where, "send=10", "recv=20", "touch=" + (there := scratch("there")), "wait-file=" +
                        (go := scratch("go")), "close"])
        wait_file(there)
        wait_for(lambda: status_field(server.pid, "State")[:1] == "S", "the server to wait")
        trace = attach([server.pid], runner=as_nobody() + denied(*calls))
        write_file(go, "")
        equal(early.wait(), 0, "the connection from before")
        late = mkconn(["count=5", where, "send=10", "recv=20", "close", "done"])
        equal(late.wait(), 0, "those after")
        fact = wait_for(lambda: len(read_truth(truth)) == 6 and read_truth(truth), "the server to close them")
        rows = trace.interrupt()
        equal(len(rows), 6, "rows")
        for one in fact:
            row = find_row(rows, one)
            equal((row["dir"], row["rx_bytes"], row["tx_bytes"], row["state"]), ("in", 10, 20, "closed"), short(row))
        equal(sum("p" in row["seen"] for row in rows), 1, "rows of before")
        server.end()


@test("no /dev, no /proc: -o is written, a closed stream stays closed, and what cannot be read is named")
def no_places():
    inside = lib.unshared("-m") + ["sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"']
    if run(inside + ["/dev", "true"]).status:
        raise Skip("no tmpfs may be mounted here")
    rows, file = scratch("rows"), lib.savefile(3)
    result = run(inside + ["/dev", "sh", "-c", 'exec "$@" <&- >&-', "sh"] + [CONNTRACE, "-q", "-o", rows, "-r", file])
    equal((result.status, len(read_file(rows).splitlines())), (0, 2), "rows without /dev: %r" % result)
    result = run(inside + ["/dev", "sh", "-c", 'exec "$@" >&-', "sh", CONNTRACE, "-r", file])
    equal((result.status, "cannot write to standard output" in result.err), (1, True), "a closed stdout without /dev: %r" % result)
    for words in (["--via=diag"], ["--via=ptrace"]):
        result = run(inside + ["/proc"] + QUIET + words + ["-p", os.getpid()])
        equal((result.status, "there is no /proc" in result.err), (1, True), "%s without /proc: %r" % (words, result))


@test("ptrace itself forbidden: exit status 125 or 1, the container is named, nothing was started")
def no_ptrace():
    for errno in ("EPERM", "ENOSYS"):
        trace = scratch("touched")
        result = run(denied("ptrace=" + errno) + QUIET + ["--", "touch", trace])
        equal(result.status, 125, "exit status (%s)" % result.err)
        check('"touch"' in result.err and "--cap-add=SYS_PTRACE" in result.err, result.err)
        check(not os.path.exists(trace), "the command has not run")
        target = sleeper()
        result = run(as_nobody() + denied("ptrace=" + errno) + QUIET + ["--via=ptrace", "-p", str(target.pid)])
        equal(result.status, 1, "exit status (%s)" % result.err)
        check("--cap-add=SYS_PTRACE" in result.err and str(target.pid) in result.err, result.err)
        check(target.alive(), "the target lives")


@test("no seccomp: the message names --no-filter, which works")
def no_seccomp():
    result = run(denied("seccomp=EPERM") + QUIET + ["--", "true"])
    equal(result.status, 125, "exit status (%s)" % result.err)
    check("--no-filter" in result.err, result.err)
    equal(run(denied("seccomp=EPERM") + QUIET + ["--no-filter", "--", "sh", "-c", "exit 3"]).status, 3, "exit status")


@test("a directory of PATH that may not be searched: 127 if no other has the command, 126 if one has but not executable")
def closed_path():
    closed, place = scratch("closed"), scratch("place")
    os.mkdir(closed)
    os.mkdir(place, 0o755)
    os.chmod(place, 0o755)
    write_file(place + "/plain", "no program\n")
    os.chmod(closed, 0)
    environ = dict(os.environ, PATH="%s:%s:/usr/bin:/bin" % (closed, place))
    for command, status in (("no-such-command", 127), ("plain", 126), ("true", 0)):
        result = run(as_nobody() + QUIET + ["--", command], env=environ)
        equal(result.status, status, "status of %s: %s" % (command, result.err))


@test("conntrace is traced itself: the message says by whom")
def traced_itself():
    result = run([need("strace"), "-f", "-o", "/dev/null"] + QUIET + ["--", "true"])
    equal(result.status, 125, "exit status (%s)" % result.err)
    check(re.search(r"traced by PID \d+ \(strace\)", result.err), result.err)


@test("strace and gdb inside: refused by the kernel, explained by conntrace, and the rest goes on")
def debugger_inside():
    strace, gdb = need("strace"), need("gdb")
    for options in LAUNCHED:
        for argv in ([strace, "-o", "/dev/null", "true"],
                     ["sh", "-c", 'sleep 60 & timeout 5 "$0" -o /dev/null -p $!; kill $!', strace],
                     [gdb, "-q", "-batch", "-nx", "-ex", "run", "-ex", "echo went on", "--args", "true"]):
            result = run(QUIET + options + ["--"] + argv)
            name = os.path.basename(gdb if gdb in argv else strace)
            fact = [line for line in result.err.splitlines() if line.startswith("conntrace: ")]
            equal(len(fact), 1, "lines of conntrace for %s: %s" % (argv, result.err))
            check(name + " was refused to trace" in "".join(fact), "names the debugger: %s" % fact)
            if gdb in argv:
                equal((result.status, "went on" in result.out), (0, True), "gdb's own end: %r" % result)
    # What it does not follow can be debugged.
    result = run(QUIET + ["--no-follow", "--", strace, "-o", "/dev/null", "sh", "-c", "exit 6"])
    equal((result.status, result.err), (6, ""), "strace inside with --no-follow")


@test("a set-user-ID program runs without its privilege, which is said; with root's tracer it has it")
def set_user_id():
    if os.getuid() != 0 or not as_nobody():
        raise Skip("only root can make a set-user-ID program")
    program = scratch("identity")
    must(["cp", need("id"), program])
    os.chmod(program, 0o4755)
    if run(as_nobody() + [program, "-u"]).out != "0\n":
        raise Skip("this directory is mounted nosuid")
    for options in LAUNCHED:
        result = run(as_nobody() + QUIET + options + ["--", program, "-u"])
        equal((result.status, result.out), (0, "65534\n"), "what it is: %r" % result)
        check("set-user-ID" in result.err and os.path.basename(program)[:15] in result.err, result.err)
        for words in ([], ["-u", "65534"]):
            result = run(QUIET + options + words + ["--"] + ([] if words else as_nobody()) + [program, "-u"])
            equal((result.status, result.out, result.err), (0, "0\n", ""), "with root's tracer, %s" % (options + words))
    os.chmod(program, 0o755)
    equal(run(as_nobody() + QUIET + ["--", program, "-u"]).err, "", "nothing is said of an ordinary program")


@test("io_uring: what is not seen is said, and the remedy, which works when launched")
def io_uring():
    port = scratch("port")
    server = mkconn(["listen=127.0.0.1:0", "port-file=" + port, "forever", "accept", "recv-all", "send=20", "close",
                     "done"])
    scenario = [URING(), "truth=" + scratch("truth"), "call", "127.0.0.1", port, "2", "fd"]
    probe = run(scenario)
    if probe.status == 77:
        raise Skip("this kernel has no io_uring")
    for options in LAUNCHED:
        result = run(QUIET + options + ["--"] + scenario)
        equal(result.status, 0, result.err)
        check("uring uses io_uring(7)" in result.err and "--no-io-uring" in result.err, result.err)
        equal(len(result.err.splitlines()), 1, "lines: " + result.err)
    target = Process(["sh", "-c", 'read line; exec "$@"', "sh"] + scenario, stdin=subprocess.PIPE)
    trace = attach([target.pid], runner=[])
    target.line()
    trace.finish(0)
    check("uring uses io_uring(7)" in trace.err and "not be seen" in trace.err, trace.err)
    result = run(QUIET + ["--no-io-uring", "--"] + scenario)
    equal((result.status, "uses io_uring" in result.err), (77, False), "without: " + result.err)
    server.end()


@test("not dumpable, of another user, hidden by hidepid, traced already: each has its own message")
def cannot_attach():
    nobody = as_nobody()
    if not nobody:
        raise Skip("only root can make another user's process")
    python = must(["sh", "-c", 'readlink -f "$(command -v python3)"']).strip()
    if run(nobody + [python, "-c", ""]).status:
        python = need("python3") if run(nobody + ["/usr/bin/python3", "-c", ""]).status else "/usr/bin/python3"
    hidden = Process(nobody + [python, "-c", "import ctypes, time; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); "
                               "print('ready', flush=True); time.sleep(60)"])
    wait_for(lambda: "ready" in hidden.out or not hidden.alive(), "the program to start")
    check(hidden.alive(), hidden.err)
    result = run(nobody + QUIET + ["-p", str(hidden.pid)])
    equal(result.status, 1, "exit status")
    check("not dumpable" in result.err and "as root" in result.err, result.err)
    others = Process(["sleep", "60"])
    result = run(nobody + QUIET + ["-p", str(others.pid)])
    check("belongs to user root" in result.err and "as root" in result.err, result.err)
    # Another /proc, in a mount namespace of its own.
    result = run(lib.unshared("-m") + ["sh", "-c", 'mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh"] + nobody +
                 QUIET + ["-p", str(others.pid)])
    check("hidepid" in result.err and "as root" in result.err or "mount" in result.err, result.err)
    strace = Process(nobody + [need("strace"), "-o", "/dev/null", "-p", str((mine := sleeper()).pid)])
    wait_for(lambda: tracer_of(mine.pid), "strace to attach")
    result = run(nobody + QUIET + ["--via=ptrace", "-p", str(mine.pid)])
    check("traced by PID %d (strace)" % strace.pid in result.err, result.err)


if __name__ == "__main__":
    main()
