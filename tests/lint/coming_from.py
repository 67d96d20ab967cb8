#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""doc/COMING_FROM.md names options and tests that exist."""
import os
import re

import lint


def main():
    tap = lint.Tap()
    text = lint.read("doc/COMING_FROM.md")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    proofs = {name for line in rows for name in re.findall(r"`((?:live|cli|replay|unit|fuzz|lint)/[\w.]*[\w/.-]*)`", line)}
    tap.say("its tests exist", ["%s does not" % name for name in sorted(proofs)
                                if not os.path.exists(os.path.join(lint.TOP, "tests", name))])
    tap.say("each row has a proof", [line for line in rows
                                     if not re.search(r"`(live|cli|replay|unit|fuzz|lint)/|`make bench`|\| proof \|", line)])
    known = set(re.findall(r'^OPTION\([^,]*, "([a-z-]+)"', lint.read("src/cli/options.def"), re.MULTILINE))
    known |= {"openmetrics", "reset"}    # of conntrace-stat
    ours = {word for line in rows for cell in line.split("|")[2:] for word in re.findall(r"`--([a-z][a-z-]+)", cell)}
    tap.say("its options exist", ["--%s does not" % word for word in sorted(ours - known)])
    tap.say("every requirement is there", ["R%d is missing" % number for number in range(1, 33)
                                           if "\n| R%d " % number not in text])
    tap.end()


main()
