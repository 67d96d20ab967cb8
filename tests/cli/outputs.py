#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that are written: not touched before there is something to write, never what is read, appended to, rotated."""
import os
import resource
import signal
import subprocess
import time

import cli

PRECIOUS = b"what the run before has left\n"


def content(path):
    with open(path, "rb") as file:
        return file.read()


def wait_for(condition, seconds=cli.LIMIT):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def untouched(test):
    """Each way that a run can end before it has opened what it was to watch."""
    junk = test.path("junk", b"no capture at all, but longer than its header is")
    runs = [(["-r", "nosuch.pcap"], 1, b""), (["-r", junk], 1, b""), (["-r", "-"], 1, b""), (["-r", "-"], 1, b"junk" * 20),
            (["--replay", "nosuch.ev"], 1, b""), (["--replay", junk], 1, b""), (["--replay", "-"], 1, b"junk\n"),
            (["--strace-log", "nosuch.log"], 1, b""), (["-p", "999999999"], None, b""), (["-p", "4194303"], 1, b""),
            (["-i", "nosuch0", "-d", "1"], 1, b""), (["--", "nosuchcommand"], 127, b""), (["--", junk], 126, b""),
            (["--via=diag", "--", "nosuchcommand"], 127, b""), (["--no-such-option"], 2, b""),
            (["-r", junk, "-z", "nosuchreport"], 2, b""), (["-r", junk, "-O", "NOSUCHCOLUMN"], 2, b"")]
    for number, (words, status, stdin) in enumerate(runs):
        kept = [test.path("kept.%s" % name, PRECIOUS) for name in ("o", "record", "prom")]
        made = [test.path("made%d.%s" % (number, name)) for name in ("o", "record", "prom")]
        for paths in (kept, made) if number % 3 == 0 else (kept,):
            files = ["-o", paths[0], "--record=" + paths[1], "--metrics=" + paths[2]]
            done = test.run(*files, *words, stdin=None, input=stdin.decode())
            wrong = [] if status in (None, done.returncode) and done.returncode else ["status %d" % done.returncode]
            if paths is kept:
                wrong += ["%s has changed" % path for path in kept if content(path) != PRECIOUS]
            else:
                wrong += ["%s was made" % path for path in made if os.path.exists(path)]
            left = [name for name in os.listdir(test.folder) if ".prom." in name]
            test.say("%s %s leaves the files as they were" % (" ".join(words), "with input" if stdin else ""),
                     wrong + left + ([done.stderr] if wrong else []))


def one_file(test):
    """Input and output, and two outputs, that are one file by whatever name."""
    scenario = cli.scenario()
    good, other = test.path("good.pcap", scenario), test.path("other.pcap", scenario)
    test.run("-r", good, "--record", "good.ev", "-o", "/dev/null")
    recording = content(test.path("good.ev"))
    log = test.path("calls.log", b"1 1700000000.000000 close(3) = 0 <0.000001>\n")
    os.symlink(good, test.path("symlink"))
    os.symlink("symlink", test.path("symlink2"))
    os.link(good, test.path("hardlink"))
    inputs = [(["-r", name], good, scenario) for name in ("good.pcap", "symlink2", "hardlink", "./good.pcap")]
    inputs += [(["--replay", "good.ev"], test.path("good.ev"), recording),
               (["--strace-log", log], log, content(log)), (["--strace-log", log, "-r", other], other, scenario),
               (["-r", other, "--expect=@rules"], test.path("rules", b"no other\n"), b"no other\n"),
               (["-r", other, "-r", "symlink2"], good, scenario), (["-r", other, "-r", other, "-r", "good.pcap"], good, scenario)]
    for words, path, before in inputs:
        for option in ("-o",) if path == good and words[1] != "good.pcap" else ("-o", "--record", "--metrics"):
            done = test.run(*words, option, path)
            wrong = [] if content(path) == before else ["it was destroyed"]
            test.expect("%s %s" % (" ".join(words), option), done, 1, stderr=["conntrace: ", "the same file"], stdout="", lines=1)
            test.say("what it reads is as it was", wrong)
        if path == good and words[1] != "symlink2":
            continue
        with open(path, "r+b") as file:
            test.expect("%s > the same" % " ".join(words), test.run(*words, stdout=file), 1,
                        stderr=["standard output", "the same file"], lines=1)
            test.expect("%s --record=- > the same" % " ".join(words),
                        test.run(*words, "--record=-", "-o", "x", stdout=file), 1, stderr=["the same file"], lines=1)
            number = file.fileno()
            test.expect("%s -o /proc/self/fd" % " ".join(words),
                        test.run(*words, "-o", "/proc/self/fd/%d" % number, pass_fds=[number]), 1, stderr=["the same file"])
        test.say("what it reads is as it was", [] if content(path) == before else ["it was destroyed"])
    with open(good, "r+b") as file:
        done = test.run("-r", "-", "-o", "symlink", stdin=file)
        test.expect("-r - < the file of -o", done, 1, stderr=["standard input", "the same file"], lines=1)
    os.symlink("new", test.path("dangling"))
    for words in (["-o", "new", "--record=new"], ["-o", "new", "--metrics=./new"], ["--record=new", "--metrics=dangling"],
                  ["-o", "dangling", "--record=new"], ["-o", "new", "--control=dangling"], ["-o", good, "--record=hardlink", "--append"]):
        done = test.run("-r", other, *words)
        test.expect(" ".join(words[:2]), done, 1, stderr=["cannot both write"], stdout="", lines=1)
    test.say("none of them was made", [] if not os.path.exists(test.path("new")) else ["new exists"])
    test.expect("two outputs to /dev/null", test.run("-r", good, "-o", "/dev/null", "--record=/dev/null"), 0)


def append(test):
    good = test.path("good.pcap", cli.scenario())
    for form in ("csv", "tsv", "raw", "table", "json"):
        words = ["-q", "-r", good, "-z", "conns", "--format", form, "-o", "all." + form]
        alone = test.run(*words[:-2]).stdout.splitlines()
        for _ in range(2):
            test.run(*words, "--append")
        with open(test.path("all." + form), encoding="ascii", newline="") as file:
            lines = file.read().splitlines()
        titles = 0 if form in ("json", "table") else 1
        test.say("--append --format=%s" % form, [] if lines == alone + alone[titles:] else lines)
    test.run("-q", "-r", good, "-o", "all.csv")
    with open(test.path("all.csv"), encoding="ascii") as file:
        test.say("without it the file is emptied", [] if len(file.readlines()) == 3 else ["it was not"])
    test.usage(["-r", "x", "--append"], "--append does nothing without the file to append to: -o FILE")


def rotate(test):
    """A stream whose second half comes after logrotate has renamed the file."""
    scenario = cli.scenario()
    # The refused connection is reported two seconds of the file later.
    late = cli.pcap([cli.segment((192, 0, 2, 9), (192, 0, 2, 1), 40002, 81, 1, 0, 2)], 1700000100)[24:]
    later = cli.pcap([cli.segment((192, 0, 2, 9), (192, 0, 2, 1), 40003, 81, 1, 0, 2)], 1700000400)[24:]
    out, old = test.path("log.csv"), test.path("log.csv.1")
    for appends in (True, False):
        for path in (out, old):
            if os.path.exists(path):
                os.unlink(path)
        command = [cli.CONNTRACE, "-q", "-r", "-", "--events", "--format=csv", "-o", out] + ["--append"] * appends
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=test.folder)
        child.stdin.write(scenario + late)
        child.stdin.flush()
        wrong = [] if wait_for(lambda: os.path.exists(out) and content(out).count(b"\n") >= 3) else ["no rows came"]
        os.rename(out, old)
        child.send_signal(signal.SIGHUP)
        if appends:
            wrong += [] if wait_for(lambda: os.path.exists(out)) else ["the file was not opened again"]
            child.stdin.write(later)
        else:
            wrong += [] if wait_for(lambda: child.poll() is not None) else ["SIGHUP did not end it"]
        _, errors = child.communicate()
        lines = content(out).splitlines() if os.path.exists(out) else []
        before = content(old).splitlines()
        if appends and not (len(lines) >= 2 and lines[0] == before[0] and all(b"192.0.2.9" in line for line in lines[1:])):
            wrong += ["the new file: %s" % lines]
        if not appends and lines:
            wrong += ["a new file was made"]
        wrong += [] if child.returncode == 0 else ["status %s: %s" % (child.returncode, errors)]
        test.say("SIGHUP %s" % ("with --append opens the file again" if appends else "ends the run"), wrong)


def rotate_into_nothing(test):
    """The folder is gone: a message, the run goes on, and the exit status is 1."""
    folder = test.path("logs")
    os.mkdir(folder)
    out = os.path.join(folder, "log.csv")
    command = [cli.CONNTRACE, "-q", "-r", "-", "--events", "--format=csv", "-o", out, "--append"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=test.folder)
    late = cli.pcap([cli.segment((192, 0, 2, 9), (192, 0, 2, 1), 40002, 81, 1, 0, 2)], 1700000100)[24:]
    child.stdin.write(cli.scenario() + late)
    child.stdin.flush()
    wrong = [] if wait_for(lambda: os.path.exists(out) and content(out).count(b"\n") >= 3) else ["no rows came"]
    with open(out, "rb") as file:
        os.rename(folder, folder + ".gone")
        child.send_signal(signal.SIGHUP)
        line = child.stderr.readline().decode()
        wrong += [] if "cannot open" in line and "continues in the file that is open" in line else ["message: " + line]
        before = file.read().count(b"\n")
        child.communicate()
        wrong += [] if file.read().count(b"\n") > 0 else ["no row after %d lines" % before]
    wrong += [] if child.returncode == 1 else ["status %s" % child.returncode]
    test.say("SIGHUP with --append and a folder that is gone", wrong)


def too_large(test):
    """A size limit is an error of writing, and not the end by SIGXFSZ."""
    good = test.path("good.pcap", cli.scenario())

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))

    for words in (["-o", "limited"], ["-o", "limited", "-j"], ["--record=limited"], ["--metrics=limited"], ["-o", "limited", "--events"]):
        done = test.run("-r", good, "-z", "conns", *words, preexec_fn=limit)
        test.expect("%s beyond ulimit -f" % words[0], done, 1, stderr=["limited", "File too large", "ulimit -f"])
    for words in ([], ["-j"], ["--events"]):
        test.expect("-o to a full disk %s" % " ".join(words), test.run("-r", good, "-o", "/dev/full", *words), 1,
                    stderr=['cannot write to "/dev/full": '])
    # With standard error closed no accounts are wanted; where they cannot be written, the run has failed.
    done = test.run("-r", good, stderr=None, preexec_fn=lambda: os.close(2))
    with open("/dev/full", "wb") as full:
        lost = test.run("-r", good, stderr=full)
    test.equal("standard error is closed, is full", (done.returncode, lost.returncode, done.stdout), (0, 1, lost.stdout))
    # What is written beside the reports takes none of them away.
    for words in (["--record=/dev/full"], ["--metrics=limited"], ["--html=limited.html"], ["-w", "/dev/full"]):
        done = test.run("-r", good, "-z", "conns", *words, preexec_fn=limit)
        rows = test.run("-r", good, "-z", "conns").stdout
        named = words[-1].split("=")[-1]
        wrong = [] if (done.returncode, done.stdout) == (1, rows) else ["status %d, %s" % (done.returncode, done.stdout)]
        wrong += [] if named in done.stderr and "2 connections" in done.stderr else [done.stderr]
        test.say("%s that cannot be written: the reports are, and the reason" % words[0], wrong)
    with open(test.path("limited"), "wb") as file:
        test.expect("standard output beyond ulimit -f", test.run("-r", good, "-j", stdout=file, preexec_fn=limit), 1,
                    stderr=["File too large"])
        test.expect("--help beyond ulimit -f", test.run("--help", stdout=file, preexec_fn=limit), 1,
                    stderr=["File too large"])
        done = subprocess.run([os.path.join(cli.BUILD, "conntrace-stat"), "--help"], stdout=file, stderr=subprocess.PIPE,
                              preexec_fn=limit, timeout=cli.LIMIT, check=False)
        wrong = [] if done.returncode == 1 and b"File too large" in done.stderr else ["%d: %s" % (done.returncode, done.stderr)]
        test.say("conntrace-stat beyond ulimit -f", wrong)
    done = test.run("-q", "-o", "/dev/null", "--", "sh", "-c", "exec head -c 1000 /dev/zero > limited", preexec_fn=limit)
    test.expect("COMMAND dies of SIGXFSZ as without us", done, -signal.SIGXFSZ)


def planted(test):
    """--metrics in a directory like /tmp, where others may have put something."""
    shared = test.path("shared")
    os.mkdir(shared)
    os.chmod(shared, 0o1777)
    target = test.path("target", PRECIOUS)
    link = os.path.join(shared, "m.prom")
    good = test.path("good.pcap", cli.scenario())
    os.symlink(target, link)
    test.expect("a symbolic link of our own is followed", test.run("-q", "-r", good, "--metrics=" + link, "-o", "/dev/null"), 0)
    test.say("into what it leads to", [] if content(target).startswith(b"# HELP") and os.path.islink(link) else ["it is not"])
    os.unlink(link)
    victim = test.path("victim", PRECIOUS)
    os.link(victim, link)
    test.run("-q", "-r", good, "--metrics=" + link, "-o", "/dev/null")
    test.say("a hard link is replaced, and its file is as it was",
             [] if content(victim) == PRECIOUS and content(link).startswith(b"# HELP") else ["it was written to"])
    os.unlink(link)
    os.mkfifo(link)
    test.expect("a pipe is refused", test.run("-r", good, "--metrics=" + link), 1, stderr=["it is not a regular file"], lines=1)
    os.unlink(link)
    try:
        os.symlink(target, link)
        os.lchown(link, 4711, 4711)
    except OSError as error:
        test.skip("a symbolic link of another user", "it cannot be made: %s" % error.strerror)
        return
    with open(target, "wb") as file:
        file.write(PRECIOUS)
    os.chown(shared, 4712, 4712)
    for words in (["--metrics=" + link], ["--metrics=" + test.path("own")]):
        if words[0].endswith("own"):
            os.symlink(link, test.path("own"))
        test.expect("a symbolic link of another user", test.run("-r", good, *words), 1,
                    stderr=["symbolic link of another user"], stdout="", lines=1)
    test.say("is not followed", [] if content(target) == PRECIOUS else ["it was"])


def main():
    test = cli.Cli()
    untouched(test)
    one_file(test)
    append(test)
    rotate(test)
    rotate_into_nothing(test)
    too_large(test)
    planted(test)
    test.end()


main()
