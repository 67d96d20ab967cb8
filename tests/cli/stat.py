#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line of conntrace-stat: words, messages, exit status; its help, manual page and completions agree."""
import os
import re
import socket
import subprocess

import cli

STAT = os.path.join(cli.BUILD, "conntrace-stat")


def run(*words, **how):
    how.setdefault("stdout", subprocess.PIPE)
    return subprocess.run([STAT] + list(words), stderr=subprocess.PIPE, text=True, timeout=cli.LIMIT, check=False, **how)


def options_in(text, pattern):
    return {option for match in re.finditer(pattern, text, re.MULTILINE) for option in match.groups() if option}


def read(path):
    with open(os.path.join(cli.TOP, path), encoding="utf-8") as file:
        return file.read()


def hung_up(test, answer):
    """Queries a server that sends this answer and ends."""
    path = test.path("socket%d" % len(answer))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        asking = subprocess.Popen([STAT, "-j", "-U", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        listener.settimeout(cli.LIMIT)
        asked = listener.accept()[0]
        asked.recv(4096)
        asked.sendall(answer)
        asked.close()
    out, err = asking.communicate(timeout=cli.LIMIT)
    return subprocess.CompletedProcess(asking.args, asking.returncode, out, err)


def main():
    test = cli.Cli()
    for words, part in ((["--nonsense"], '"--nonsense"'), (["-x"], '"-x"'), (["word"], '"word" is one word too many'),
                        (["-j", "-g"], "only one of"), (["--openmetrics", "-j"], "only one of"),
                        (["--openmetrics", "--reset"], "cannot go with"), (["-c", "x"], "does nothing without"),
                        (["-g", "-c", "a b"], '"a b" is not a valid name'), (["-g", "-c", ""], '"" is not a valid name'),
                        (["-g", "-c", "a" * 33], "is not a valid name"), (["-U"], "lacks its argument"),
                        (["-U", "x" * 108], "at most 107 bytes")):
        done = run(*words)
        test.expect("usage: %s" % " ".join(words), done, 2, ["conntrace-stat: ", part, "Try 'conntrace-stat --help'."], "",
                    2)
    done = run("-U", test.path("missing"))
    test.expect("no server", done, 1, ["cannot query", "No such file", "does conntrace --control="], "", 1)
    for answer, part in ((b"", "no answer from"), (b'[{"RX":', "is incomplete")):
        test.expect("who is asked hangs up after %r" % answer, hung_up(test, answer), 1, [part], "", 1)
    done = run("--version")
    test.expect("--version", done, 0, (), "conntrace-stat 0", 0)
    done = run("--help")
    test.expect("--help", done, 0, (), "Usage: conntrace-stat", 0)
    test.say("--help fits a terminal", [line for line in done.stdout.splitlines() if len(line) > 80])
    with open("/dev/full", "w", encoding="utf-8") as full:
        test.expect("a full disk", run("--help", stdout=full), 1, ["cannot write to standard output"])
    ours = options_in(done.stdout, r"^  (-\w), (--[\w-]+)|^      (--[\w-]+)")
    theirs = {
        "the manual page": {"-" + option for line in re.findall(r"^\.It (Fl .*)$", read("man/conntrace-stat.1"), re.MULTILINE)
                            for option in re.findall(r"Fl (-?[\w-]+)", line)},
        "the bash completion": set(re.search(r"-W '(.*?)'", read("completions/conntrace-stat.bash")).group(1).split()),
        "the zsh completion": {option.rstrip("=") for line in re.findall(r"^\t'(.*)$", read("completions/_conntrace-stat"),
                                                                         re.MULTILINE)
                               for option in re.findall(r"(?<=[{,)])(-[\w-]+=?)(?=[,}\[])", line)},
    }
    for name, options in theirs.items():
        test.say(name + " has the options of --help", sorted(ours ^ options))
    test.end()


main()
