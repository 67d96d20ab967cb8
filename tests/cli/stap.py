#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The scripts of contrib/stap become C for a kernel whose headers are here; nothing of them needs more than headers."""
import os
import re
import shutil
import subprocess

import cli

LIMIT = 580
SCRIPTS = ("conntrace.stp", "conntrace-tcp.stp")


def releases():
    """Kernels whose headers are installed, those of the running one first."""
    names = sorted(os.listdir("/lib/modules")) if os.path.isdir("/lib/modules") else []
    found = [name for name in names if os.path.exists("/lib/modules/%s/build/Makefile" % name)]
    return sorted(found, key=lambda name: name != os.uname().release)


def is_slow(release):
    """The first run for a kernel reads all its tracepoints: minutes. Its result is in the cache of stap."""
    cache = os.path.expanduser("~/.systemtap/cache")
    return not any("tracequery" in name for _, _, names in os.walk(cache) for name in names) and \
        not os.environ.get("CONNTRACE_SLOW") and bool(release)


def main():
    test = cli.Cli()
    stap, found = shutil.which("stap"), releases()
    folder = os.path.join(cli.TOP, "contrib/stap")
    for name in SCRIPTS:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            text = file.read()
        wrong = re.findall(r"^probe .*\b(?:kernel\.function|kprobe|module|process)\b.*", text, re.MULTILINE)
        # "global name%" drops the oldest entries of a full map without a word.
        wrong += re.findall(r"^global .*\w%.*", text, re.MULTILINE)
        test.say("%s: tracepoints only, no map that drops silently" % name, wrong)
        if stap is None or not found:
            test.skip(name + ": stap -p3", "no stap here" if stap is None else "no headers of a kernel here")
        elif is_slow(found[0]):
            test.skip(name + ": stap -p3", "the first run takes minutes; CONNTRACE_SLOW=1 does it")
        else:
            try:
                done = subprocess.run([stap, "-r", found[0], "-p3", os.path.join(folder, name)], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, timeout=LIMIT, check=False)
                test.say("%s: stap -p3 for %s" % (name, found[0]), [] if done.returncode == 0 else [done.stderr])
            except subprocess.TimeoutExpired:
                test.say("%s: stap -p3 for %s" % (name, found[0]), ["did not end within %d s" % LIMIT])
    test.end()


if __name__ == "__main__":
    main()
