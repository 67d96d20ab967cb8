#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--via=perf: every scenario of scenarios.py, where breakpoints are permitted.

With ALL=1 in the environment each is played over IPv4 and over IPv6.
"""
import sys

import lib
import matrix


if __name__ == "__main__":
    lib.need_perf()
    lib.enter_namespace()
    sys.exit(matrix.play_modes(["perf"], sys.argv[1:]))
