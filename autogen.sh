#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes ./configure from configure.ac; run once after a fresh clone.
set -e
cd "$(dirname "$0")"
exec autoreconf --install --force
