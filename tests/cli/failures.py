#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What cannot be read, attached or written ends with status 1 and one line that names it."""
import os
import resource
import subprocess
import sys

import cli

NOBODY = 65534
LONELY = 64999


def unreadable(test):
    """As an ordinary user: root can read everything."""
    os.chmod(test.path("secret", cli.scenario()), 0)
    os.chmod(test.folder, 0o755)
    is_root = os.geteuid() == 0
    try:
        done = test.run("-r", test.path("secret"), preexec_fn=lambda: is_root and os.setuid(NOBODY))
    except (OSError, subprocess.SubprocessError) as error:
        test.skip("-r of an unreadable file", "user nobody cannot run the program: %s" % error)
        return
    test.expect("-r of an unreadable file", done, 1, stderr=["conntrace: ", "secret", "Permission denied"], stdout="",
                lines=1)


def files(test):
    test.expect("-r of a file that is not there", test.run("-r", "missing.pcap"), 1,
                stderr=["conntrace: ", "missing.pcap", "No such file"], stdout="", lines=1)
    test.expect("-r of a folder", test.run("-r", test.folder), 1, stderr=["conntrace: ", test.folder], stdout="", lines=1)
    for name, content in (("empty", b""), ("garbage", b"no capture at all, but longer than its header is"),
                          ("short", cli.scenario()[:10])):
        test.path(name, content)
        test.expect("-r of %s bytes" % name, test.run("-r", name), 1, stderr=["conntrace: ", name], stdout="", lines=1)
    test.expect("-r of empty standard input", test.run("-r", "-"), 1, stderr=["conntrace: ", "standard input"])
    unreadable(test)
    test.expect("--replay of a file that is not there", test.run("--replay", "missing.ev"), 1,
                stderr=["conntrace: ", "missing.ev", "No such file"], stdout="", lines=1)
    test.expect("--replay of garbage", test.run("--replay", "garbage"), 1, stderr=["conntrace: ", "garbage"])


def savefile_cut_in_the_middle(test):
    whole = cli.scenario()
    test.path("cut", whole[:-10])
    done = test.run("-r", "cut", "-H")
    test.expect("-r of a savefile that is cut off tells what it has and says so", done, 1,
                stderr=["conntrace: ", "cut"], stdout="192.0.2.7")


def outputs(test):
    good = test.path("good.pcap", cli.scenario())
    test.expect("-o into a folder that is not there", test.run("-r", good, "-o", "no/such/file"), 1,
                stderr=["conntrace: ", "no/such/file", "No such file"], stdout="", lines=1)
    test.expect("--record into a folder that is not there", test.run("-r", good, "--record", "no/such/file"), 1,
                stderr=["conntrace: ", "no/such/file", "No such file"], stdout="", lines=1)
    for words in (["-r", good], ["-r", good, "-j"], ["-r", good, "--events"], ["-r", good, "-z", "conns"]):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = test.run(*words, stdout=full)
        test.expect("%s to a full disk" % " ".join(words[2:] or ["table"]), done, 1,
                    stderr=["conntrace: ", "No space left on device"])
    test.expect("-o on a full disk", test.run("-r", good, "-o", "/dev/full"), 1,
                stderr=["conntrace: ", "/dev/full", "No space left on device"])
    done = test.run("-r", good, preexec_fn=lambda: os.close(1), stdout=None)
    test.expect("a closed standard output", done, 1, stderr=["conntrace: ", "Bad file descriptor"])
    done = test.run("-q", "-r", good, "-o", "out", preexec_fn=lambda: os.closerange(0, 3), stdin=None, stdout=None, stderr=None)
    test.say("without any standard stream -o is written", [] if done.returncode == 0 else ["status %d" % done.returncode])
    command = "import os; found = [fd for fd in range(3) if os.path.exists('/proc/self/fd/%d' % fd)]\n" \
              "open('fds', 'w').write(str(found))"
    test.run("-q", "-o", "/dev/null", "--", sys.executable, "-c", command, preexec_fn=lambda: os.closerange(0, 2),
             stdin=None, stdout=None)
    with open(test.path("fds"), encoding="ascii") as fds:
        test.say("a command finds closed what was closed", [] if fds.read() == "[2]" else ["another one is open"])
    reader, writer = os.pipe()
    os.close(reader)
    done = test.run("-r", good, stdout=writer)
    os.close(writer)
    test.say("a pipe without a reader ends it quietly", [] if done.returncode in (0, cli.signalled("SIGPIPE")) and
             "conntrace: " not in done.stderr else ["status %s, stderr: %s" % (done.returncode, done.stderr)])
    test.expect("-o writes there and nowhere else", test.run("-r", good, "-o", "out"), 0, stdout="")
    with open(test.path("out"), encoding="ascii") as out:
        text = out.read()
    test.say("-o holds the report", [] if "192.0.2.7" in text and "PEER" in text else [text])


def processes(test):
    gone = subprocess.Popen(["true"])
    gone.wait()
    test.expect("-p of a process that is gone", test.run("-p", gone.pid), 1,
                stderr=["conntrace: ", str(gone.pid), "no such process"], stdout="")
    test.expect("-i of an interface that is not there", test.run("-i", "nosuchif0"), 1, stderr=["conntrace: ", "nosuchif0"],
                stdout="")
    is_root = os.geteuid() == 0
    try:
        done = test.run("-i", "lo", "-d", "0.1", preexec_fn=lambda: is_root and os.setuid(NOBODY))
    except (OSError, subprocess.SubprocessError) as error:
        test.skip("-i without the privilege", "user nobody cannot run the program: %s" % error)
    else:
        test.expect("-i without the privilege", done, 1, stderr=["conntrace: ", "\"lo\"", "CAP_NET_RAW"], stdout="")


def few_descriptors(test):
    """Each limit ends with success or with one line that proposes nothing that fails in the same way."""
    good = test.path("good.pcap", cli.scenario())
    wrong, refused = [], 0
    for limit in range(4, 40):
        def set_limit(number=limit):
            resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))
        for words, failure in ((["-r", good], 1), (["--", "true"], 125), (["--no-filter", "--", "true"], 125)):
            done = test.run("-q", "-o", "/dev/null", *words, preexec_fn=set_limit)
            lines = [line for line in done.stderr.splitlines() if "neither made nor accepted" not in line]
            if done.returncode == 0 and not lines:
                continue
            refused += 1
            if done.returncode != failure or "ulimit -n" not in done.stderr or "--no-filter" in done.stderr or \
               len(lines) != 1:
                wrong.append("%d descriptors, %s: status %d, %s" % (limit, words, done.returncode, done.stderr))
    test.say("too few descriptors: a message without a remedy that fails too", wrong or ([] if refused else ["none refused"]))


def few_processes(test):
    """A user without room for another process or thread: the limit is named."""
    if os.geteuid() != 0:
        test.skip("too few processes: the limits are named", "root makes a user that has no other process")
        return

    def other_user():
        # No other test has processes of this one.
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        os.setgroups([])
        os.setgid(LONELY)
        os.setuid(LONELY)
    try:
        done = test.run("-q", "-o", "/dev/null", "--", "true", preexec_fn=other_user)
    except (OSError, subprocess.SubprocessError) as error:
        test.skip("too few processes: the limits are named", "another user cannot run the program: %s" % error)
        return
    test.expect("too few processes: the limits are named", done, 125, stderr=["conntrace: ", "ulimit -u", "pids.max"], stdout="")


def main():
    test = cli.Cli()
    files(test)
    savefile_cut_in_the_middle(test)
    outputs(test)
    processes(test)
    few_descriptors(test)
    few_processes(test)
    test.end()


main()
