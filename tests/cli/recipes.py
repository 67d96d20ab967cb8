#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every recipe for jq(1) in the manual, README.md and doc/ works on a run's JSON, also on its last line, the accounts."""
import os
import re
import shutil
import subprocess

import cli

SCENARIO = """flow a 192.0.2.7 40000 192.0.2.1 80
flow b 192.0.2.8 40001 192.0.2.1 81
+0 a > S seq 100
+0.01 a < SA seq 500 ack 101
+0.01 a > A seq 101 ack 501
+0.01 a > A seq 101 ack 501 len 10
+2 b > S seq 100
+0.01 b < RA seq 0 ack 101
"""


def recipes():
    """Words of conntrace and of jq, by where they stand."""
    pages = [os.path.join(cli.TOP, "man/conntrace.1"), os.path.join(cli.TOP, "README.md")]
    pages += [os.path.join(cli.TOP, "doc", name) for name in sorted(os.listdir(os.path.join(cli.TOP, "doc")))
              if name.endswith(".md")]
    for page in pages:
        with open(page, encoding="utf-8") as file:
            text = file.read()
        for escape, character in (("\\(dq", '"'), ("\\(aq", "'"), ("\\-", "-"), ("\\e", "\\")):
            text = text.replace(escape, character)
        for match in re.finditer(r"conntrace ([^\n|]*)\| jq ((?:-\w+ )*)'([^'\n]*)'", text):
            yield os.path.basename(page), match[1].split(), match[2].split(), match[3]


def main():
    test = cli.Cli()
    found = list(recipes())
    test.say("there are recipes", [] if len(found) >= 4 else ["%s" % found])
    capture = test.path("cap.pcap")
    subprocess.run([os.path.join(cli.BUILD, "tests/helpers/mkpcap"), "-o", capture], input=SCENARIO, text=True, check=True,
                   timeout=cli.LIMIT)
    for page, words, options, program in found:
        name = "%s: jq %s" % (page, " ".join(options + [program]))
        if shutil.which("jq") is None:
            test.skip(name, "jq is not installed")
            continue
        # Of all ways to get at connections a savefile is the one that is the same every time.
        kept = [word for i, word in enumerate(words) if word not in ("-i", "-d", "-r") and
                (i == 0 or words[i - 1] not in ("-i", "-d", "-r"))]
        rows = test.run("-r", capture, *kept)
        done = subprocess.run(["jq", "-c"] + options + [program], input=rows.stdout, capture_output=True, text=True,
                              timeout=cli.LIMIT, check=False)
        wrong = [] if rows.returncode == 0 and '{"summary": ' in rows.stdout else ["conntrace: " + rows.stderr]
        wrong += [] if done.returncode == 0 and done.stdout.strip() not in ("", "null", "[]") else [done.stdout + done.stderr]
        wrong += ["it takes the accounts for a row: " + done.stdout] * ("duration_s" in done.stdout)
        test.say(name, wrong)
    test.end()


main()
