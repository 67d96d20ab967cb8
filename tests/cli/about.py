#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--help, --version, --list-columns and --check answer on standard output with status 0, and tell when they cannot."""
import re

import cli


def main():
    test = cli.Cli()
    for words, part in ((["--help"], "Usage: conntrace "), (["-h"], "Usage: conntrace "),
                        (["--version"], "conntrace 0."), (["-V"], "libpcap"), (["-V"], "libseccomp"), (["-V"], "libaudit"),
                        (["--list-columns"], "HS_MS"), (["--check"], "\n")):
        done = test.run(*words)
        test.expect(" ".join(words) + " answers on stdout", done, 0, stdout=part)
        test.say(" ".join(words) + " is silent on stderr", [done.stderr] if done.stderr else [])
        with open("/dev/full", "w", encoding="ascii") as full:
            done = test.run(*words, stdout=full)
        test.expect(" ".join(words) + " to a full disk", done, 1, stderr=["conntrace: ", "No space left on device"],
                    lines=1)
    lines = test.run("--check").stdout.splitlines()[1:]
    test.say("--check says yes, or no and what is needed", [line for line in lines if not re.match(
        r"yes  \S|no   [^:]+: \S", line)] + ([] if len(lines) == 13 else lines))
    works = test.run("-q", "-i", "lo", "-d", "0.05").returncode == 0
    test.say("and is right about packets", [] if ["yes  capture packets (-i)" in lines] == [works] else lines)
    done = test.run("--help")
    test.say("--help fits in 80 columns", [line for line in done.stdout.splitlines() if len(line) > 80])
    done = test.run("--help", "-p", "1")
    test.expect("--help wins over what could be done", done, 0, stdout="Usage: ")
    done = test.run("--list-columns")
    for name in ("PEER", "CONNS", "QUEUE_P95_MS", "LADDR", "RESULT", "SEEN"):
        test.say("--list-columns tells of %s" % name,
                 [] if re.search(r"^(peers|conns) +%s " % name, done.stdout, re.MULTILINE) else ["it does not"])
    test.end()


main()
