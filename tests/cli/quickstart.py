#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""quickstart installs by each distribution's package manager what is missing, says so first, and nothing twice.

The managers are scripts that write down how they were called; the one that installs fails, so that nothing is built.
"""
import os
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.abspath(os.environ.get("top_srcdir", "."))
TOOLS = ("sh", "dirname", "sed", "grep", "env", "cat", "ls")
STOPPED = 42

# manager, how it installs, what is asked for one package, a package, what comes before installing; the tests need more
# than a build: what is called for a minimal system's ps(1)
MANAGERS = (
    ("apt-get", "apt-get install -y --no-install-recommends", "dpkg-query", "libaudit-dev", ["apt-get update"], "procps"),
    ("dnf", "dnf install -y", "rpm", "audit-libs-devel", [], "procps-ng"),
    ("pacman", "pacman -S --needed --noconfirm", "pacman", "audit", ["pacman -Sy"], "procps-ng"),
    ("zypper", "zypper --non-interactive install", "rpm", "audit-devel", [], "procps"),
    ("apk", "apk add", "apk", "audit-dev", ["apk update"], "procps"),
)

# A manager that is queried for libpcap's package answers that it is installed, and no other one.
FAKE = """#!/bin/sh
case "$*" in
*-W*|*whatprovides*|-T*|"info -e"*)
	case "$*" in *libpcap*) echo installed; exit 0 ;; esac
	exit 1 ;;
esac
echo "$(basename "$0") $*" >>"$CALLS"
case "$*" in update|-Sy) exit 0 ;; esac
exit %d
""" % STOPPED


def script(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o755)


def play(manager, query, user, task="check"):
    """Return: exit status, standard output, what was called."""
    with tempfile.TemporaryDirectory() as folder:
        for tool in TOOLS + ("basename",):
            os.symlink(shutil.which(tool), os.path.join(folder, tool))
        for name in {manager, query}:
            script(folder, name, FAKE)
        script(folder, "id", "#!/bin/sh\necho %d\n" % user)
        script(folder, "sudo", '#!/bin/sh\necho sudo >>"$CALLS"\nexec "$@"\n')
        calls = os.path.join(folder, "calls")
        done = subprocess.run([shutil.which("sh"), os.path.join(TOP, "quickstart"), task], check=False, timeout=60,
                              env={"PATH": folder, "CALLS": calls}, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with open(calls, encoding="utf-8") as file:
            return done.returncode, done.stdout + done.stderr, file.read().splitlines()


def problems(manager, install, query, package, refresh, for_tests):
    found = []
    for user in (0, 1000):
        status, said, calls = play(manager, query, user)
        installing = [line for line in calls if line.startswith(install + " ")]
        words = installing[0].split() if len(installing) == 1 else []
        if status != STOPPED:
            found.append("exit status %d: %s" % (status, said))
        if package not in words or [word for word in words if "libpcap" in word]:
            found.append("as user %d it called %r" % (user, calls))
        if "== installing: " not in said or not set(words[len(install.split()):]) <= set(said.split()):
            found.append("it does not say beforehand what it installs: " + said)
        if [line for line in calls if line != "sudo"][:-1] != refresh:
            found.append("before installing it wanted %r, called %r" % (refresh, calls))
        if ("sudo" in calls) != (user != 0):
            found.append("as user %d: sudo in %r" % (user, calls))
        if for_tests not in words:
            found.append("it does not install what the tests need: %r" % calls)
    words = play(manager, query, 0, "demo")[2][-1].split()
    if for_tests in words or package not in words:
        found.append("for the demo it called %r" % words)
    return found


def main():
    print("1..%d" % len(MANAGERS))
    failed = False
    for number, words in enumerate(MANAGERS, 1):
        found = problems(*words)
        failed = failed or bool(found)
        print("%sok %d - %s" % ("not " if found else "", number, words[0]))
        for line in found:
            print("# " + line.replace("\n", "\n# "))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
