#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A short one of bench/soak: many connections a second, many open ones at attach."""
import os
import sys

SOAK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bench/soak")

os.execv(sys.executable, [sys.executable, SOAK, "--test", "--seconds=2", "--rate=5000", "--open=500",
                          "--existing=5000"])
