#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--via=bpf: every scenario of scenarios.py, as root, where BPF is permitted.

With ALL=1 in the environment each is played over IPv4 and over IPv6.
"""
import os
import sys

import lib
import matrix
from lib import CONNTRACE, run, skip_all


def why_not():
    """None: BPF works here."""
    if os.geteuid() != 0:
        return "needs root"
    result = run([CONNTRACE, "--via=bpf", "-q", "--", "true"])
    return None if result.status == 0 else result.err.strip()


if __name__ == "__main__":
    reason = why_not()
    if reason:
        skip_all(reason)
    lib.enter_namespace(flags="-n")
    sys.exit(matrix.play_modes(["bpf"], sys.argv[1:]))
