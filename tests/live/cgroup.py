#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A BPF program at the cgroup rewrites addresses, as load balancers at the socket do: only root can install one.

    cgroup.py play THREADS        (played by the tests) asks for the service's address and is connected to the backend
"""
import os
import socket
import sys
import threading

from lib import Skip, Trace, check, equal, main, must, need, read_file, run, scratch, short, skip_all, test, wait_for

SERVICE, BACKEND, PORT = "10.96.0.1", "127.0.0.1", 22040
NAME = "conntrace-test-%d" % os.getpid()
# The second one is what makes getpeername(2) say what the program asked for.
PROGRAM = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
SEC("cgroup/connect4") int there(struct bpf_sock_addr *c)
{
	if (c->user_ip4 == bpf_htonl(0x0a600001)) {
		c->user_ip4 = bpf_htonl(0x7f000001);
		c->user_port = bpf_htons(22040);
	}
	return 1;
}
SEC("cgroup/getpeername4") int back(struct bpf_sock_addr *c)
{
	if (c->user_ip4 == bpf_htonl(0x7f000001) && c->user_port == bpf_htons(22040)) {
		c->user_ip4 = bpf_htonl(0x0a600001);
		c->user_port = bpf_htons(80);
	}
	return 1;
}
char _license[] SEC("license") = "GPL";
"""


def play(threads):
    listener = socket.create_server((BACKEND, PORT))
    done = threading.Event()
    for _ in range(threads):
        threading.Thread(target=done.wait).start()
    client = socket.socket()
    client.connect((SERVICE, 80))
    served, _ = listener.accept()
    client.sendall(bytes(500))
    served.recv(500, socket.MSG_WAITALL)
    client.close()
    served.recv(1)
    served.close()
    done.set()


class Cgroup:
    """A cgroup of our own with one of the programs, or both."""

    def __init__(self, programs):
        clang, bpftool = need("clang", "bpftool")
        root = next((p for p in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified") if os.path.exists(p + "/cgroup.procs")), None)
        if root is None or not os.path.isdir("/sys/fs/bpf"):
            raise Skip("no cgroup2 or no bpf file system here")
        source, compiled = scratch("rewrite.c"), scratch("rewrite.o")
        with open(source, "w", encoding="ascii") as file:
            file.write(PROGRAM)
        result = run([clang, "-O2", "-g", "-target", "bpf", "-I/usr/include/%s-linux-gnu" % os.uname().machine, "-c",
                      source, "-o", compiled])
        if result.status:
            raise Skip("clang cannot build it here: " + result.err.splitlines()[0])
        self.path, self.pinned, self.bpftool, self.attached = root + "/" + NAME, "/sys/fs/bpf/" + NAME, bpftool, []
        result = run([bpftool, "prog", "loadall", compiled, self.pinned])
        if result.status:
            raise Skip("bpftool cannot load it here: " + (result.err.splitlines() or ["?"])[-1])
        os.mkdir(self.path)
        for name, kind in programs:
            must([bpftool, "cgroup", "attach", self.path, kind, "pinned", self.pinned + "/" + name])
            self.attached.append((name, kind))

    def runner(self):
        return ["sh", "-c", 'echo $$ >%s/cgroup.procs && exec "$@"' % self.path, "sh"]

    def remove(self):
        for name, kind in self.attached:
            run([self.bpftool, "cgroup", "detach", self.path, kind, "pinned", self.pinned + "/" + name])
        run(["rm", "-r", self.pinned])
        wait_for(lambda: not read_file(self.path + "/cgroup.procs"), "the cgroup to be empty")
        os.rmdir(self.path)


def look_at(rows, what):
    equal(sorted(row["dir"] for row in rows), ["in", "out"], "rows, " + what)
    for row in (row for row in rows if row["dir"] == "out"):
        equal((row["result"], row["tx_bytes"], row["rx_bytes"], row["close"], row["laddr"]),
              ("ok", 500, 0, "lfin", BACKEND), what + ": " + short(row))
        check("?" not in row["seen"] and row["lport"] and row["hs_ms"] is not None, what + ": " + short(row))
        check((row["raddr"], row["rport"]) in ((BACKEND, PORT), (SERVICE, 80)), what + ": " + short(row))


@test("connect(2) that a program at the cgroup rewrites: one row, with all that its socket tells, whatever threads there are")
def rewritten():
    connect, peer = ("there", "cgroup_inet4_connect"), ("back", "cgroup_inet4_getpeername")
    for programs in ([connect], [connect, peer]):
        cgroup = Cgroup(programs)
        try:
            for options in ([], ["--no-filter"], ["-i", "lo"]):
                for threads in (0, 2):
                    trace = Trace(options, [sys.executable, os.path.abspath(__file__), "play", str(threads)],
                                  cgroup.runner())
                    rows = trace.finish(limit=40)
                    what = "%s, %d more threads, %d programs" % (options, threads, len(programs))
                    look_at(rows, what)
                    for row in rows:
                        if "-i" in options:
                            check(row["rx_pkts"] and row["tx_pkts"], "packets of %s: %s" % (what, short(row)))
        finally:
            cgroup.remove()


if sys.argv[1:2] == ["play"]:
    play(int(sys.argv[2]))
elif os.getuid() != 0:
    skip_all("only root can attach a program to a cgroup")
else:
    main()
