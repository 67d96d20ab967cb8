#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What only root can try: others' processes, dropped privileges, several network namespaces."""
import os
import pwd
import shutil
import signal

import lib
from lib import (CONNTRACE, MKCONN, NOBODY, Process, Skip, Trace, check, equal, find_row, main, mkconn,
                 need, need_all, parse_rows, read_file, read_truth, run, scratch, short, skip_all, status_field, test,
                 tracer_of, wait_file, wait_for)

AS_NOBODY = ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups", "--"]
# In a network namespace of its own, root's capabilities are real, unlike in a user namespace.
OWN_NET = ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


@test("root attaches to another user's process, which is not harmed")
def other_user():
    port, truth = scratch("port"), scratch("truth")
    server = Process(AS_NOBODY + [MKCONN, "truth=" + truth, "listen=127.0.0.1:0", "port-file=" + port, "count=3",
                                  "accept4", "recv-all", "close", "done"])
    wait_file(port)
    trace = Trace(["--via=ptrace", "-p", str(server.pid)])
    wait_for(lambda: tracer_of(server.pid) and status_field(server.pid, "State")[:1] == "S", "attaching")
    client = mkconn(["count=3", "connect=127.0.0.1:@" + port, "send=10", "close", "done"])
    equal((client.wait(), server.wait()), (0, 0), "their ends")
    rows = trace.finish()
    for fact in read_truth(truth):
        row = find_row(rows, fact)
        equal((row["rx_bytes"], row["uid"]), (10, NOBODY), short(row))


def children(pid):
    return lib.children(pid)


WITH_NET_RAW = AS_NOBODY[:-1] + ["--inh-caps=+net_raw", "--ambient-caps=+net_raw", "--"]


@test("the packet process runs as the user nobody, without capabilities, groups, descriptors and dangerous system calls")
def dropped():
    fifo = scratch("savefile")
    os.mkfifo(fifo)
    live, savefile = [CONNTRACE, "-i", "lo"], [CONNTRACE, "-r", fifo]
    for words, options in (([], live), (WITH_NET_RAW, live), ([], savefile), (AS_NOBODY, savefile)):
        os.chmod(os.path.dirname(fifo), 0o755)
        os.chmod(fifo, 0o666)
        # A descriptor that was open before is closed too; the writer keeps the pipe open.
        with open("/etc/passwd", "rb") as before, open(fifo, "r+b", buffering=0):
            conntrace = Process(OWN_NET + words + options, pass_fds=[before.fileno()])
            # Before it is conntrace, it has another child.
            packet = wait_for(lambda: [pid for pid in children(conntrace.pid) if status_field(pid, "Seccomp") == "2"],
                              "the packet process behind its filter")[0]
            look_at(packet, fifo, " ".join(words + options))
            os.kill(conntrace.pid, signal.SIGINT)
            equal(conntrace.wait(), 0, "exit status")


def look_at(packet, savefile, what):
    equal(status_field(packet, "Uid").split(), [str(NOBODY)] * 4, "Uid, " + what)
    check("0" not in status_field(packet, "Gid").split(), "Gid: " + status_field(packet, "Gid"))
    equal(status_field(packet, "Groups").split(), [], "Groups, " + what)
    for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        equal(int(status_field(packet, name), 16), 0, name + ", " + what)
    equal(status_field(packet, "NoNewPrivs"), "1", "NoNewPrivs, " + what)
    opened = [os.readlink("/proc/%d/fd/%s" % (packet, fd)) for fd in os.listdir("/proc/%d/fd" % packet)]
    allowed = [name for name in opened if name in ("/dev/null", savefile) or name.startswith("pipe:")]
    equal(len(opened) - len(allowed), what.count("-i lo"), "what is open beside pipes is a socket to look at: %s" % opened)


@test("--drop-to names the user; an unknown one and root are refused")
def drop_to():
    daemon = pwd.getpwnam("daemon").pw_uid
    conntrace = Process(OWN_NET + [CONNTRACE, "-i", "lo", "--drop-to", "daemon"])
    packet = wait_for(lambda: [pid for pid in children(conntrace.pid) if status_field(pid, "Seccomp") == "2"],
                      "the packet process behind its filter")[0]
    equal(status_field(packet, "Uid").split(), [str(daemon)] * 4, "Uid of the packet process")
    os.kill(conntrace.pid, signal.SIGINT)
    equal(conntrace.wait(), 0, "exit status")
    for name in ("no-such-user", "root"):
        result = run(OWN_NET + [CONNTRACE, "-i", "lo", "-d", "1", "--drop-to", name])
        check(result.status in (1, 2), "exit status for %s: %d" % (name, result.status))
        check(name in result.err, "the word is quoted: " + result.err)


@test("two namespaces joined by a cable: both ends, the packets of one")
def cable():
    # The client's end is eth0 in a namespace held by a sleeping process, the server's is eth1 in conntrace's.
    script = scratch("script")
    rows, truth, port = scratch("rows"), scratch("truth"), scratch("port")
    with open(script, "w", encoding="utf-8") as file:
        file.write("""set -e
unshare -n sleep 60 & holder=$!
until [ "$(readlink /proc/$holder/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.01; done
ip link set lo up
ip link add eth1 type veth peer name eth0 netns $holder
ip address add 192.0.2.1/24 dev eth1; ip link set eth1 up
nsenter -n -t $holder ip address add 192.0.2.2/24 dev eth0
nsenter -n -t $holder ip link set eth0 up
"$1" -z conns --format=json -o "$2" -i eth1 -- "$3" truth="$4" listen=192.0.2.1:0 port-file="$5" \\
    accept4 recv=1000 send=70000 recv-all close & conntrace=$!
nsenter -n -t $holder "$3" truth="$4.client" connect=192.0.2.1:@"$5" send=1000 recv=70000 close
wait $conntrace
kill $holder
""")
    result = run(["unshare", "-n", "sh", script, CONNTRACE, rows, MKCONN, truth, port], limit=40)
    if "veth" in result.err or "RTNETLINK" in result.err or "Unknown device type" in result.err:
        raise Skip("no veth here: " + result.err.strip().splitlines()[0])
    equal(result.status, 0, "the script (%s)" % result.err)
    got = parse_rows(read_file(rows))
    equal(len(got), 1, "rows")
    row = find_row(got, read_truth(truth)[0])
    equal((row["raddr"], row["rx_bytes"], row["tx_bytes"], row["close"]), ("192.0.2.2", 1000, 70000, "rfin"),
          short(row))
    check(set("skw") <= set(row["seen"]), "SEEN: " + row["seen"])
    check(None not in (row["hs_ms"], row["hs_net_ms"], row["hs_ack_ms"], row["queue_ms"]), "times of the handshake")


@test("set-user-ID and set-group-ID are refused, with the remedy")
def set_id():
    copy = scratch("conntrace")
    shutil.copy(CONNTRACE, copy)
    os.chmod(os.path.dirname(copy), 0o755)
    for owner, group, mode in ((0, -1, 0o4755), (4711, -1, 0o4755), (-1, 4711, 0o2755), (0, 0, 0o6755)):
        os.chown(copy, owner, group)
        os.chmod(copy, mode)
        for words in (["-V"], ["--check"], ["-i", "lo", "-d", "1"], ["--", "true"]):
            result = run(AS_NOBODY + [copy] + words)
            equal((result.status, result.out), (1, ""), "%o with %s" % (mode, words))
            check("set-user-ID" in result.err and "setcap" in result.err, result.err)
    os.chmod(copy, 0o755)
    equal(run(AS_NOBODY + [copy, "-V"]).status, 0, "without it")


@test("file capabilities: an ordinary user captures, launches and attaches; they are given up")
def file_capabilities():
    copy = scratch("conntrace")
    shutil.copy(CONNTRACE, copy)
    os.chmod(os.path.dirname(copy), 0o755)
    done = run([need("setcap"), "cap_net_raw+ep", copy])
    if done.status != 0:
        raise Skip("setcap does not work here: " + done.err.strip())
    as_user = OWN_NET + AS_NOBODY + [copy]
    check("yes  capture packets (-i)" in run(as_user + ["--check"]).out, "--check")
    check("yes  launch and trace a command" in run(as_user + ["--check"]).out, "--check")
    trace = Process(as_user + ["-i", "lo", "-z", "conns", "-j", "--", MKCONN, "listen=127.0.0.1:0", "fork=1", "accept",
                               "recv-all", "close", "done", "connect=self", "send=10", "close", "join"])
    equal(trace.wait(), 0, "exit status, launched: " + trace.err)
    equal([(set("skw") <= set(row["seen"]), row["rx_bytes"] + row["tx_bytes"]) for row in parse_rows(trace.out)],
          [(True, 10)] * 2, "rows")
    target = Process(AS_NOBODY + ["sleep", "60"])
    for options in (["-i", "lo"], ["-i", "lo", "-p", str(target.pid)]):
        trace = Process(as_user + ["-q", "-o", "/dev/null"] + options)
        wait_for(lambda run=trace: status_field(run.pid, "NoNewPrivs") == "1", "conntrace to watch")
        equal({status_field(trace.pid, name) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")}, {"0" * 16},
              "capabilities with %s" % options)
        trace.signal(signal.SIGINT)
        equal(trace.wait(), 0, "exit status: " + trace.err)


@test("the packet process is the user conntrace where there is one")
def own_user():
    etc = scratch("passwd")
    with open(etc, "w", encoding="ascii") as file:
        file.write(read_file("/etc/passwd") + "conntrace:x:4713:4713::/nonexistent:/bin/false\n")
    script = 'ip link set lo up && mount --bind "$1" /etc/passwd && shift && exec "$@"'
    trace = Process(["unshare", "-n", "-m", "sh", "-c", script, "sh", etc, CONNTRACE, "-q", "-i", "lo", "-o", "/dev/null"])
    packet = wait_for(lambda: [pid for pid in children(trace.pid) if status_field(pid, "Seccomp") == "2"] or
                      not trace.alive(), "the packet process")
    check(packet is not True, trace.err)
    equal(status_field(packet[0], "Uid").split(), ["4713"] * 4, "its user")
    trace.signal(signal.SIGINT)
    equal(trace.wait(), 0, "exit status")


@test("no user database is asked unless a user is named: a directory service may be slow")
def no_database():
    trace = scratch("trace")
    words = OWN_NET + [need("strace"), "-f", "-e", "trace=openat,connect", "-o", trace, CONNTRACE, "-q", "-i", "lo", "-d", "0.1",
                       "-o", "/dev/null"]
    for options, asks in (([], False), (["--drop-to=daemon"], True)):
        result = run(words + options)
        equal(result.status, 0, result.err)
        check("/etc/passwd" in read_file(trace), "the local file is read")
        equal("nsswitch.conf" in read_file(trace), asks, "whether a database is asked with %s" % options)


if __name__ == "__main__":
    if os.getuid() != 0:
        skip_all("root is needed")
    need_all("setpriv", "unshare", "nsenter", "ip")
    main()
