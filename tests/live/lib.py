# SPDX-License-Identifier: GPL-2.0-or-later
"""What the live tests share: TAP, processes with bounds, private namespaces, conntrace's rows and mkconn's truth.

A test file has functions marked @test("what is true"), which call check() and its relatives, and ends with main().
Every wait has a bound; nothing waits by sleeping for a guessed time.
"""
import atexit
import contextlib
import fcntl
import functools
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

TOP_BUILD = os.path.abspath(os.environ.get("top_builddir", "."))
CONNTRACE = os.environ.get("CONNTRACE") or os.path.join(TOP_BUILD, "conntrace")
MKCONN = os.path.join(TOP_BUILD, "tests/helpers/mkconn")
ALL = os.environ.get("ALL", "") not in ("", "0")     # everything in each way, and not by turns
STORM = os.path.join(TOP_BUILD, "tests/helpers/storm")
IN_NAMESPACE = "CONNTRACE_TEST_NAMESPACE"    # set in a script that has moved into one
WAIT_SEC = 60                                # bound of a wait for what should happen at once
NOBODY = 65534
SHOWN_FAILURES = 8
HERE, THERE = "198.18.0.1", "198.18.0.2"     # of other_host()
HERE6, THERE6 = "2001:db8::1", "2001:db8::2"
# STATE of a connection that both sides have closed: the kernel may still be at it when the run ends.
ENDED = ("closed", "FIN_WAIT1", "FIN_WAIT2", "CLOSING", "LAST_ACK")

_tests = []
_failures = []       # of the test that runs
_cleanups = []       # what it must undo, however it ends
_processes = []      # everything started, ended at exit


class Skip(Exception):
    """This test cannot be run here, and why."""


class Failure(Exception):
    """This test cannot go on."""


# --- TAP -------------------------------------------------------------------------------------------------------

def test(name):
    def mark(function):
        _tests.append((name, function))
        return function
    return mark


def check(truth, message):
    if not truth:
        _failures.append(message)
    return bool(truth)


def equal(got, wanted, what):
    return check(got == wanted, "%s: got %r, wanted %r" % (what, got, wanted))


def between(got, low, high, what):
    return check(got is not None and low <= got <= high, "%s: got %r, wanted %r to %r" % (what, got, low, high))


def require(truth, message):
    if not truth:
        raise Failure(message)


def skip_all(reason):
    print("1..0 # SKIP " + reason)
    sys.exit(0)


def where(error):
    """An exception and the line it comes from."""
    line = error.__traceback__
    while line.tb_next:
        line = line.tb_next
    return "%s: %s (%s:%d)" % (type(error).__name__, error, os.path.basename(line.tb_frame.f_code.co_filename),
                               line.tb_lineno)


def play(function):
    """Runs one test; its failures are in _failures. Return: why it was skipped, or None."""
    _failures.clear()
    skipped = None
    try:
        function()
    except Skip as reason:
        skipped = str(reason)
    except Failure as failure:
        _failures.append(str(failure))
    except (subprocess.TimeoutExpired, OSError, ValueError, KeyError, TypeError, IndexError) as error:
        # pty(3) says so where there is no /dev/pts, as in a chroot(2).
        if str(error) == "out of pty devices":
            skipped = "no pseudo terminal here"
        else:
            _failures.append(where(error))
    finally:
        end_processes()
        while _cleanups:
            _cleanups.pop()()
    return skipped


def chosen():
    """The file's tests, or those whose names contain a word given as argument."""
    if not os.access(CONNTRACE, os.X_OK):
        skip_all("no conntrace at %s" % CONNTRACE)
    return [t for t in _tests if len(sys.argv) < 2 or any(word in t[0] for word in sys.argv[1:])]


def main():
    """Runs the tests, one after the other; at_once.main() runs several at a time."""
    tests = chosen()
    print("1..%d" % len(tests))
    failed = 0
    for number, (name, function) in enumerate(tests, 1):
        skipped = play(function)
        if _failures:
            failed += 1
            print("not ok %d - %s" % (number, name))
            for failure in _failures[:SHOWN_FAILURES]:
                for line in failure.splitlines():
                    print("# " + line)
            if len(_failures) > SHOWN_FAILURES:
                print("# and %d more" % (len(_failures) - SHOWN_FAILURES))
        else:
            print("ok %d - %s%s" % (number, name, " # SKIP " + skipped if skipped else ""))
        sys.stdout.flush()
    sys.exit(1 if failed else 0)


# --- places ----------------------------------------------------------------------------------------------------

_scratch = None
_names = 0


def scratch(name="file"):
    """A path for a new file in this run's own directory, which any user may write to."""
    global _scratch, _names
    if _scratch is None:
        _scratch = tempfile.mkdtemp(prefix="conntrace-test-")
        os.chmod(_scratch, 0o777)
        atexit.register(shutil.rmtree, _scratch, True)
    _names += 1
    return os.path.join(_scratch, "%d-%s" % (_names, name))


def write_file(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def read_file(path):
    try:
        with open(path, encoding="utf-8", errors="backslashreplace") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):    # the second: a process that has gone since its file was opened
        return ""


def enter_namespace(required=True, flags="-Urn"):
    """Moves this script into user and network namespaces of its own: root there, its own loopback, no other traffic.

    Where the system forbids it, a script that requires it is skipped; another goes on outside. flags are those of
    unshare(1), for more namespaces.
    Return: are we in one?
    """
    if os.environ.get(IN_NAMESPACE):
        return True
    if required:
        need_all("unshare", "ip")
    unshare = ["unshare"] + flags.split() + ["sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    try:
        probe = subprocess.run(unshare + ["true"], capture_output=True, timeout=WAIT_SEC, check=False)
        reason = probe.stderr.decode(errors="replace").strip() if probe.returncode else None
    except OSError as error:
        reason = str(error)
    if reason is None:
        sys.stdout.flush()
        os.execvpe(unshare[0], unshare + [sys.executable] + sys.argv, dict(os.environ, **{IN_NAMESPACE: "1"}))
    if required:
        skip_all("no user and network namespace here: " + reason.replace("\n", "; "))
    return False


def need(*programs):
    """The paths of programs a test needs, or it is skipped."""
    paths = [shutil.which(p, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") for p in programs]
    for name, path in zip(programs, paths):
        if path is None:
            raise Skip("no %s here" % name)
    return paths[0] if len(paths) == 1 else paths


@contextlib.contextmanager
def needed(argv):
    """Starts a program inside: where the system has none of this name, the test is skipped."""
    try:
        yield
    except FileNotFoundError:
        if "/" in argv[0] or shutil.which(argv[0]):
            raise
        raise Skip("no %s here" % argv[0]) from None


@functools.lru_cache(None)
def as_nobody():
    """The words that run a command as an ordinary user: none if that is what we are."""
    if os.getuid() != 0 or os.environ.get(IN_NAMESPACE):
        return []
    words = [need("setpriv"), "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups", "--"]
    if run(words + ["test", "-x", CONNTRACE]).status:
        raise Skip("user %d may not run %s" % (NOBODY, CONNTRACE))
    return words


def unshared(*words):
    """The words that run a command in namespaces of its own, as unshare(1) takes them, or the test is skipped."""
    argv = [need("unshare")] + list(words)
    result = run(argv + ["true"])
    if result.status:
        raise Skip("unshare %s: %s" % (" ".join(words), result.err.strip().replace("\n", "; ")))
    return argv


def need_all(*programs):
    """The programs a script needs for all its tests, or all are skipped."""
    try:
        need(*programs)
    except Skip as reason:
        skip_all(str(reason))


# --- processes -------------------------------------------------------------------------------------------------

class Process:
    """A program that runs beside the test; its output goes to files, so that it does not wait for a reader."""

    def __init__(self, argv, stdin=subprocess.DEVNULL, **keywords):
        self.argv = [str(word) for word in argv]
        self.out_path, self.err_path = scratch("out"), scratch("err")
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            keywords.setdefault("stdout", out)
            keywords.setdefault("stderr", err)
            with needed(self.argv):
                self.popen = subprocess.Popen(self.argv, stdin=stdin, **keywords)
        self.pid = self.popen.pid
        _processes.append(self)

    @property
    def out(self):
        return read_file(self.out_path)

    @property
    def err(self):
        return read_file(self.err_path)

    def wait(self, limit=WAIT_SEC):
        """Return: its exit status, negative for a signal."""
        try:
            return self.popen.wait(limit)
        except subprocess.TimeoutExpired:
            raise Failure("%s still runs after %g s; stderr: %s" % (" ".join(self.argv), limit, self.err)) from None

    def alive(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def line(self):
        """Releases a wait-stdin."""
        self.popen.stdin.write(b"\n")
        self.popen.stdin.flush()

    def end(self):
        if self.popen.stdin:
            try:
                self.popen.stdin.close()
            except OSError:
                pass
        if self.alive():
            self.popen.kill()
            try:
                self.popen.wait(WAIT_SEC)
            except subprocess.TimeoutExpired:
                pass


def end_processes():
    while _processes:
        _processes.pop().end()


atexit.register(end_processes)


class Result:
    """What became of a program that has ended."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __repr__(self):
        return "status %d, stdout %r, stderr %r" % (self.status, self.out[-2000:], self.err[-2000:])


def run(argv, limit=90, stdin="", **keywords):
    """Runs a program to its end. Return: a Result."""
    argv = [str(word) for word in argv]
    with needed(argv):
        process = subprocess.run(argv, input=stdin.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 timeout=limit, check=False, **keywords)
    return Result(process.returncode, *(s.decode("utf-8", "backslashreplace")
                                        for s in (process.stdout, process.stderr)))


def must(argv, **keywords):
    """Runs a program that prepares the scene, or the test fails."""
    result = run(argv, **keywords)
    require(result.status == 0, "%s: %r" % (" ".join(map(str, argv)), result))
    return result.out


def wait_for(condition, what, limit=WAIT_SEC):
    """Waits until condition() is true. Return: what it returned."""
    end, pause = time.monotonic() + limit, 0.001
    while True:
        value = condition()
        if value:
            return value
        require(time.monotonic() < end, "waited %g s in vain for %s" % (limit, what))
        time.sleep(pause)
        # What comes at once is seen at once; what takes long leaves the processor to those waited for.
        pause = min(pause * 1.3, 0.02)


def wait_file(path):
    wait_for(lambda: os.path.exists(path), path)
    return read_file(path).strip()


def touch(path):
    open(path, "w", encoding="ascii").close()


def status_field(pid, field, task=None):
    """A line of /proc/PID/status, '' when there is none."""
    path = "/proc/%d/status" % pid if task is None else "/proc/%d/task/%d/status" % (pid, task)
    try:
        for line in read_file(path).splitlines():
            if line.startswith(field + ":"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return ""


def tracer_of(pid):
    return int(status_field(pid, "TracerPid") or 0)


def tasks(pid):
    return [int(name) for name in os.listdir("/proc/%d/task" % pid)]


def children(pid):
    """The living children of a process, zombies too, in the order of their PIDs."""
    try:
        if os.path.exists("/proc/self/task/%d/children" % os.getpid()):
            return sorted(int(child) for task in tasks(pid)
                          for child in read_file("/proc/%d/task/%d/children" % (pid, task)).split())
    except OSError:
        return []
    # A kernel without CONFIG_PROC_CHILDREN.
    pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
    return [child for child in pids if status_field(child, "PPid") == str(pid)]


def switches(pid, task):
    return int(status_field(pid, "voluntary_ctxt_switches", task) or 0)


# --- conntrace's rows ------------------------------------------------------------------------------------------

class Rows(list):
    """The rows of one run as dictionaries; .summary is the accounts of the run, None if there were none."""
    summary = None


def parse_rows(text):
    rows = Rows()
    for line in text.splitlines(keepends=True):
        # It is just being written; no output ends so.
        if not line.endswith("\n"):
            break
        require(rows.summary is None, "a line behind the summary: " + line)
        row = json.loads(line)
        if list(row) == ["summary"]:
            rows.summary = row["summary"]
        else:
            rows.append(row)
    return rows


class Trace(Process):
    """conntrace beside the test, its rows as JSON in a file of their own."""

    def __init__(self, options, command=(), before=(), report="conns", **keywords):
        self.rows_path = scratch("rows")
        argv = list(before) + [CONNTRACE, "-z", report, "--format=json", "-o", self.rows_path] + list(options)
        super().__init__(argv + (["--"] + list(command) if command else []), **keywords)

    def rows(self):
        return parse_rows(read_file(self.rows_path))

    def finish(self, status=0, limit=WAIT_SEC):
        """Waits for its end. Return: the rows."""
        got = self.wait(limit)
        require(got == status, "exit status of %s: got %r, wanted %r; stderr: %s" % (
            " ".join(self.argv), got, status, self.err))
        require(read_file(self.rows_path)[-1:] in ("", "\n"), "the last line has no end: %s" % self.argv)
        return self.rows()

    def interrupt(self):
        self.signal(signal.SIGINT)
        return self.finish()


def attach(pids, options=(), words=None, runner=None, **keywords):
    """conntrace attached to processes that wait in a system call.

    Once it traces them they have been interrupted and wait again: two switches later, at least. From there on it sees
    all they do. words are the operands, if not "-p PID..."; runner is what runs
    conntrace, instead of an ordinary user.
    """
    before = {(pid, task): switches(pid, task) for pid in pids for task in tasks(pid)}
    trace = Trace(["--via=ptrace"] + list(options) + (words or ["-p"] + [str(pid) for pid in pids]),
                  before=as_nobody() if runner is None else runner, **keywords)

    def watching():
        require(trace.alive(), "conntrace ended: %s" % trace.err)
        return all(int(status_field(pid, "TracerPid", task) or 0) and status_field(pid, "State", task)[:1] == "S" and
                   switches(pid, task) >= before[pid, task] + 2 for pid, task in before)
    wait_for(watching, "conntrace to watch %s" % sorted(before))
    return trace


def requested(trace, condition, what):
    """Waits until a report requested by SIGUSR1 has rows for which the condition is true. The request queries nothing."""
    due = 0

    def is_there():
        nonlocal due
        if time.monotonic() >= due:
            trace.signal(signal.SIGUSR1)
            due = time.monotonic() + 0.1
        text = read_file(trace.rows_path)
        return condition(parse_rows(text[:text.rfind("\n") + 1])) or not trace.alive()
    wait_for(is_there, what)


def watch(pids, options=(), before=None, words=None, **keywords):
    """conntrace that watches processes by --via=diag, and has seen what they have open already."""
    trace = Trace(["--via=diag", "--debug=sources"] + list(options) + (words or ["-p"] + [str(pid) for pid in pids]),
                  before=as_nobody() if before is None else before, **keywords)
    wait_for(lambda: "debug: events" in trace.err or not trace.alive(), "conntrace to watch")
    require(trace.alive() or "debug: events" in trace.err, "conntrace ended: %s" % trace.err)
    return trace


def need_perf():
    """Skips the script where breakpoints are not permitted."""
    try:
        as_nobody()
    except Skip as reason:
        skip_all(str(reason))
    lines = [line for line in run(as_nobody() + [CONNTRACE, "--check"]).out.splitlines() if "--via=perf" in line]
    if not lines or not lines[0].startswith("yes"):
        skip_all(lines[0] if lines else "no --via=perf")


def by_perf(pids, options=(), **keywords):
    """conntrace that watches processes by --via=perf, and has set its breakpoints."""
    return watch(pids, ["--via=perf"] + list(options), **keywords)


def need_bpf():
    """Skips the script where BPF is not permitted."""
    if os.geteuid() != 0:
        skip_all("needs root")
    result = run([CONNTRACE, "--via=bpf", "-q", "--", "true"])
    if result.status != 0:
        skip_all(result.err.strip())


def by_bpf(pids, options=(), words=None, **keywords):
    """conntrace that watches processes by --via=bpf, as root."""
    return watch(pids, ["--via=bpf"] + list(options), before=(), words=words, **keywords)


def read_truth(path):
    # A line that is just being written is not there yet.
    return [json.loads(line) for line in read_file(path).splitlines(keepends=True) if line.endswith("\n")]


def facts_of(truth):
    """What of a scenario is the same each time it is played."""
    return sorted([fact[key] or "" for key in ("dir", "result", "errno", "io_errno", "first_end", "how")] +
                  [fact["rx_bytes"], fact["tx_bytes"]] for fact in truth)


def find_row(rows, truth):
    """The one row that is about mkconn's connection."""
    def same(row):
        return (row["dir"] == truth["dir"] and row["raddr"] == truth["raddr"] and row["rport"] == truth["rport"]
                and (not truth["lport"] or row["lport"] in (truth["lport"], None))
                and row["pid"] in (truth["pid"], None))
    found = [row for row in rows if same(row)]
    if len(found) != 1:
        raise Failure("%d rows instead of 1 for %s; all rows:\n%s" % (
            len(found), json.dumps(truth), "\n".join(short(row) for row in rows)))
    return found[0]


SHORT = ("dir", "laddr", "lport", "raddr", "rport", "result", "errno", "connect_ms", "syn_rtx", "rx_bytes", "tx_bytes",
         "state", "close", "pid", "comm", "seen")


def short(row):
    """A row as one readable line."""
    return "{%s}" % " ".join(str("-" if row.get(name) is None else row[name]) for name in SHORT)


def launch(words, options=(), status=0, before=(), **keywords):
    """Runs a mkconn scenario under conntrace. Return: rows, truth."""
    truth = scratch("truth")
    trace = Trace(options, [MKCONN, "truth=" + truth] + list(words), before, **keywords)
    return trace.finish(status), read_truth(truth)


def mkconn(words, **keywords):
    """A mkconn scenario that is not traced, beside the test; its truth is in .truth()."""
    path = scratch("truth")
    process = Process([MKCONN, "truth=" + path] + list(words), **keywords)
    process.truth_path = path
    process.truth = lambda: read_truth(path)
    return process


def free_port(address="127.0.0.1"):
    """A port on which nothing listens."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def fill(connection):
    """Sends until the kernel takes no more, as to a peer that reads nothing."""
    connection.setblocking(False)
    try:
        while True:
            connection.send(bytes(65536))
    except BlockingIOError:
        pass


def packet_sockets():
    """How many packet sockets of this namespace are bound and running."""
    with open("/proc/net/packet", encoding="ascii") as table:
        return [line.split()[5] for line in table].count("1")


def sockets_settled():
    """Waits until no connection of this namespace has anything to send: all that is left listens or is in TIME_WAIT."""
    def busy():
        states = set()
        for name in ("/proc/net/tcp", "/proc/net/tcp6"):
            if os.path.exists(name):
                with open(name, encoding="ascii") as table:
                    states |= {line.split()[3] for line in table} - {"st", "06", "07", "0A"}
        return states
    wait_for(lambda: not busy(), "connections to end")


def recorded(path):
    """Waits until the file that dumpcap writes has all that was sent so far: what it holds back at its end is lost."""
    mark = b"recorded until %d" % time.monotonic_ns()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(mark, ("127.0.0.1", 9))

    def is_there():
        with open(path, "rb") as file:
            return mark in file.read()
    wait_for(is_there, "dumpcap to write")


def savefile(count, peers=1):
    """A file of refused attempts, each a row, by the hosts 10.0.0.2 and so on, in turn."""
    data = [struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101)]
    for number in range(count):
        port = 1024 + number
        for away, flags in ((True, 2), (False, 0x14)):
            ends = (port, 80) if away else (80, port)
            tcp = struct.pack("!HHIIBBHHH", *ends, 1000, 0 if away else 1001, 5 << 4, flags, 1024, 0, 0)
            peer = bytes((10, 0, 0, 2 + number % peers))
            hosts = (peer, b"\x0a\0\0\1") if away else (b"\x0a\0\0\1", peer)
            packet = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + hosts[0] + hosts[1] + tcp
            data.append(struct.pack("=IIII", 1700000000, number * 10 + (not away), len(packet), len(packet)) + packet)
    path = scratch("pcap")
    with open(path, "wb") as file:
        file.write(b"".join(data))
    return path


def capturing(trace):
    """Waits until conntrace has its packet process behind its seccomp filter, which is when it has opened all it needs.

    Its socket is there sooner, but libpcap throws away what comes before the packet filter is set.
    """
    def ready():
        require(trace.alive(), "conntrace ended: %s" % trace.err)
        return any((status_field(child, "Name"), status_field(child, "Seccomp")) == ("conntrace-pkt", "2")
                   for child in children(trace.pid))
    wait_for(ready, "conntrace to capture")


# --- the namespace's firewall ----------------------------------------------------------------------------------

def firewall(*rules):
    """Rules for what comes in, in the own namespace: "tcp dport 9 counter name seen drop", see firewall_count()."""
    require(os.environ.get(IN_NAMESPACE), "a firewall belongs into a namespace of its own")
    nft = need("nft")
    run([nft, "delete", "table", "inet", "test"])
    _cleanups.append(firewall_off)
    result = run([nft, "-f", "-"], stdin="table inet test {\n counter seen { }\n chain in {\n"
                 "  type filter hook input priority 0; policy accept;\n  %s\n }\n}\n" % "\n  ".join(rules))
    if result.status:
        raise Skip("nft cannot do this here: " + result.err.strip().splitlines()[0])


def firewall_count():
    """Packets that the counter has seen."""
    words = must([need("nft"), "list", "counter", "inet", "test", "seen"]).split()
    return int(words[words.index("packets") + 1])


def firewall_off():
    run([need("nft"), "delete", "table", "inet", "test"])


def other_host():
    """A network namespace at the end of a veth pair, with the addresses THERE and THERE6, until the test's end.

    Return: how to run a command there.
    """
    run(["ip", "link", "delete", "here"])
    holder = Process(["unshare", "-n", "sh", "-c", "ip link set lo up && echo ready && exec sleep 600"])
    wait_for(lambda: "ready" in holder.out, "the other namespace")
    inside = ["nsenter", "--net=/proc/%d/ns/net" % holder.pid, "--"]
    must(["ip", "link", "add", "here", "type", "veth", "peer", "name", "there", "netns", str(holder.pid)])
    for word, address, address6, before in (("here", HERE, HERE6, []), ("there", THERE, THERE6, inside)):
        must(before + ["ip", "address", "add", address + "/24", "dev", word])
        run(before + ["ip", "address", "add", address6 + "/64", "dev", word, "nodad"])
        must(before + ["ip", "link", "set", word, "up"])
    return inside


def sysctl(name, value):
    """Sets a value of the own namespace."""
    require(os.environ.get(IN_NAMESPACE), "sysctls are set in a namespace of its own")
    try:
        with open("/proc/sys/" + name.replace(".", "/"), "w", encoding="ascii") as file:
            file.write(str(value))
    except OSError as error:
        raise Skip("%s cannot be set here: %s" % (name, error.strerror)) from None


def short_timeouts():
    """Two SYNs, three seconds."""
    sysctl("net.ipv4.tcp_syn_retries", 1)
    if os.path.exists("/proc/sys/net/ipv4/tcp_syn_linear_timeouts"):
        sysctl("net.ipv4.tcp_syn_linear_timeouts", 0)


def built(name, compiler, sources):
    """A helper program in another make, built when it is first asked for; the scenario is skipped where it can't be."""
    def program():
        here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../helpers")
        paths = [os.path.join(here, source) for source in sources]
        path = os.path.join(TOP_BUILD, "tests/helpers", name)
        tool = need(compiler[0])
        with open(path + ".lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(path) or os.path.getmtime(path) < max(map(os.path.getmtime, paths)):
                result = run([tool] + compiler[1:] + ["-o", path] + paths, limit=100,
                                 env=dict(os.environ, GOCACHE=scratch("cache"), GO111MODULE="off"))
                if result.status:
                    raise Skip("%s cannot build it here: %s" % (compiler[0], result.err.strip().split("\n")[0]))
            if "-m32" in compiler:
                try:
                    run([path])
                except OSError as error:
                    raise Skip("this kernel runs no i386 programs: %s" % error.strerror) from None
        return path
    return program


URING = built("uring", ["gcc", "-D_GNU_SOURCE"], ("uring.c", "mkconn_conn.c"))
MKCONN_SOURCES = ("mkconn.c", "mkconn_birth.c", "mkconn_conn.c", "mkconn_spawn.c")
MUSL = built("mkconn-musl", ["musl-gcc", "-static", "-D_GNU_SOURCE"], MKCONN_SOURCES)
