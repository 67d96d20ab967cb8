#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A launched command keeps its streams and its exit status; what cannot be launched has the usual ones."""
import os

import cli


def main():
    test = cli.Cli()
    for filter_option in ([], ["--no-filter"]):
        how = " ".join(["launched"] + filter_option)
        test.expect("%s: true" % how, test.run(*filter_option, "true"), 0)
        test.expect("%s: false" % how, test.run(*filter_option, "false"), 1)
        test.expect("%s: exit 7" % how, test.run(*filter_option, "--", "sh", "-c", "exit 7"), 7)
        for name in ("SIGTERM", "SIGKILL", "SIGSEGV"):
            done = test.run(*filter_option, "--", "sh", "-c", "kill -%s $$" % name[3:])
            test.expect("%s: killed by %s" % (how, name), done, cli.signalled(name))
    done = test.run("-q", "-H", "sh", "-c", "echo out; echo err >&2; cat", input="from stdin\n", stdin=None)
    test.expect("the command has its streams", done, 0, stderr=["err"], stdout="out\nfrom stdin\n")
    test.expect("options behind the command are its own", test.run("-q", "-H", "echo", "-z", "--help"), 0,
                stdout="-z --help\n")
    test.expect("-d ends the command with SIGTERM", test.run("-d", "0.2", "sleep", "20"), cli.signalled("SIGTERM"),
                stderr=["conntrace: 0."])
    test.expect("--debug tells of sources and events", test.run("--debug=sources,events", "true"), 0,
                stderr=["debug: calls: command under a system-call filter", "debug: time=", " type=run "])
    test.expect("a command that is not there", test.run("./no-such-command"), 127,
                stderr=["conntrace: ", "no-such-command", "No such file"], stdout="")
    test.expect("a command that is not on the PATH", test.run("no-such-command-at-all"), 127,
                stderr=["conntrace: ", "no-such-command-at-all", "not found in PATH"], stdout="")
    test.path("plain", b"not a program\n")
    os.chmod(test.path("plain"), 0o644)
    test.expect("a command that is not executable", test.run("./plain"), 126,
                stderr=["conntrace: ", "plain", "Permission denied"], stdout="")
    test.expect("a command that is a folder", test.run(test.folder), 126, stderr=["conntrace: ", test.folder], stdout="")
    done = test.run("python3", "-c", "import socket\ns = socket.socket(type=socket.SOCK_DGRAM)\n"
                    "s.connect(('127.0.0.1', 9))\ns.send(b'x')")
    test.expect("a program that uses UDP alone has the reason why there are no rows", done, 0,
                stderr=["the command neither made nor accepted a TCP connection; UDP is not followed"])
    done = test.run("true", "-x", "-p")
    test.expect("a command's own words may look like options", done, 0)
    test.end()


main()
