#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""contrib/clickhouse on two real servers: the ten questions have the answers of contrib/sql, and no row is lost on its way."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../cli"))
import questions
from lib import (CONNTRACE, Process, Skip, check, equal, free_port, main, must, need, need_all, read_file, require, run, scratch, test,
                 wait_for, write_file)

PLACE = os.path.join(questions.cli.TOP, "contrib/clickhouse")
INSERT = "INSERT INTO %s.conns_in FORMAT JSONEachRow"
NULL_ARRAYS = (('"why":null', '"why":[]'), ('"group":null', '"group":[]'))
USERS = """<yandex><profiles><default/></profiles><quotas><default/></quotas><users><default><password></password>
<networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users></yandex>"""
CONFIG = """<yandex><logger><level>warning</level><log>{0}/log</log><errorlog>{0}/errors</errorlog></logger>
<listen_host>127.0.0.1</listen_host><tcp_port>{1}</tcp_port><http_port>{2}</http_port><keep_alive_timeout>1</keep_alive_timeout>
<path>{0}/data/</path><tmp_path>{0}/tmp/</tmp_path><users_config>{0}/users.xml</users_config>
<default_profile>default</default_profile><default_database>default</default_database><mark_cache_size>100000000</mark_cache_size>
{3}</yandex>"""


class Server:
    """clickhouse-server on ports of its own, with its data in a scratch folder."""

    def __init__(self):
        self.folder, self.port, self.http = scratch("clickhouse"), free_port(), free_port()
        os.mkdir(self.folder)
        write_file(os.path.join(self.folder, "users.xml"), USERS)

    def start(self, cluster=""):
        config = os.path.join(self.folder, "config.xml")
        if not os.path.exists(config):
            write_file(config, CONFIG.format(self.folder, self.port, self.http, cluster))
        self.process = Process(["clickhouse-server", "--config-file=" + config], cwd=self.folder)
        wait_for(lambda: self.process.popen.poll() is not None or self.ask("SELECT 1").status == 0, "a server")
        require(self.process.alive(), "it runs: " + self.process.err)

    def stop(self):
        self.process.signal(signal.SIGTERM)
        self.process.wait()

    def client(self, *words):
        return ["clickhouse-client", "--host=127.0.0.1", "--port=%d" % self.port, *words]

    def ask(self, query, stdin="", database="default"):
        how = ["--query=" + query] if query else ["--multiquery"]
        return run(self.client("--database=" + database, "--distributed_product_mode=local", *how), stdin=stdin)

    def must(self, query, stdin="", database="default"):
        result = self.ask(query, stdin, database)
        require(result.status == 0, "%s: %r" % (query or stdin, result))
        return result.out.split("\n")[:-1]

    def load(self, name):
        self.must("", read_file(os.path.join(PLACE, name)))

    def number(self, query):
        return int(self.must(query)[0])


def servers():
    """Two of them, each with the schema, and both in one cluster."""
    both = [Server(), Server()]
    cluster = read_file(os.path.join(PLACE, "conntrace.xml")).split("<yandex>")[1].split("</yandex>")[0]
    for number, server in enumerate(both, 1):
        cluster = cluster.replace("<host>clickhouse%d.example.org</host><port>9000<" % number, "<host>127.0.0.1</host><port>%d<" % server.port)
    for server in both:
        server.start(cluster)
        server.load("schema.sql")
    for server in both:
        server.load("distributed.sql")
    return both


def rows():
    """Lines of JSON that --replay gives: many connections in the same minutes, of two hosts. The last is the summary."""
    made = questions.made()
    many = [conn._replace(at=conn.at + 7 * turn, hs=conn.hs + turn, up=conn.up + turn) for turn in range(20) for conn in made]
    folder = scratch("rows")
    os.mkdir(folder)
    events, rows_path = os.path.join(folder, "events"), os.path.join(folder, "conns.json")
    write_file(events, questions.events(many))
    must([CONNTRACE, "--replay", events, "--events", "-j", "-o", rows_path])
    return folder, read_file(rows_path).splitlines()


def insertable(lines):
    text = "\n".join(lines) + "\n"
    for null, array in NULL_ARRAYS:
        text = text.replace(null, array)
    return text


def as_values(number, line, seconds):
    """The values of a row: None is unknown, and a time of question 3 is in seconds."""
    values = []
    for word in line.split("\t"):
        try:
            values.append(round(float(word), 6))
        except ValueError:
            values.append(None if word in ("", "\\N") else word)
    if number == 3 and not seconds:
        values[3] = round(values[3] / 1e9, 6)
    return tuple(values)


def of_sqlite(folder):
    """Each question, and the rows that SQLite answers."""
    loaded = questions.load(folder)
    require(loaded.returncode == 0 and not loaded.stderr, "load.sql: " + loaded.stderr)
    found = []
    for number, question in enumerate(questions.in_file(os.path.join(questions.SQL, "questions.sql")), 1):
        asked = questions.sqlite3(folder, question)
        require(asked.returncode == 0 and asked.stdout, "sqlite3: " + asked.stderr)
        found.append((question, sorted((as_values(number, line, True) for line in asked.stdout.splitlines()), key=str)))
    return found


def compare(server, database, wanted):
    """Asks ClickHouse the same. Of rows that are equal in all that is sorted by, SQLite has the unknown ones first."""
    asked = questions.in_file(os.path.join(PLACE, "questions.sql"))
    equal(len(asked), len(wanted), "number of questions")
    for number, (question, (theirs, rows_of_theirs)) in enumerate(zip(asked, wanted), 1):
        title = question[question.index("-- %d. " % number):].split("\n")[0]
        check(title in theirs, "both have " + title)
        got = server.must("", question, database)
        equal(sorted((as_values(number, line, False) for line in got), key=str), rows_of_theirs, "%s in %s" % (title, database))


@test("one server and two have the answers of SQLite to ten questions; days are dropped")
def answers():
    need("sqlite3")
    first, second = servers()
    folder, lines = rows()
    wanted = of_sqlite(folder)
    count = len(lines) - 1
    skip = first.client("--input_format_skip_unknown_fields=1", "--query")
    must(skip + [INSERT % "conntrace"], stdin=insertable(lines))
    equal(first.number("SELECT count() FROM conntrace.conns"), count, "rows, without the summary")
    minutes = "SELECT sum(conns), sum(ok), sum(fail), sum(rx_known), sum(bytes_unknown), sum(retrans_known) FROM %s.minutes"
    plain = ("SELECT count(), countIf(result = 'ok'), countIf(result = 'refused'), sum(rx_bytes), countIf(rx_bytes IS NULL OR tx_bytes IS NULL),"
             " sum(retrans) FROM conntrace.conns")
    equal(first.must(minutes % "conntrace"), first.must(plain), "sums of the minutes")
    equal(first.must("SELECT toUnixTimestamp(minute) AS m, sum(conns) FROM conntrace.minutes WHERE dir = 'in' GROUP BY m ORDER BY m"),
          first.must("SELECT intDiv(start_ns, 60000000000) * 60 AS m, count() FROM conntrace.conns WHERE dir = 'in' GROUP BY m ORDER BY m"), "their minutes")
    check(first.number("SELECT toInt64(quantileTDigestIfMerge(0.95)(hs_p95_ms)) FROM conntrace.minutes") in range(45, 70), "their percentile")
    equal(first.must("SELECT start_ns, end_ns FROM conntrace.conns WHERE conn = 1"), ["1700000000100000000\t1700000000900000000"], "nanoseconds")
    compare(first, "conntrace", wanted)

    sums = first.must(minutes % "conntrace")
    dropped = must([os.path.join(PLACE, "drop-partitions"), "0"] + first.client()[1:]).splitlines()
    equal(dropped, ["ALTER TABLE conntrace.%s DROP PARTITION 202311%d" % (table, day) for table in ("conns", "minutes") for day in (14, 15, 16, 17)],
          "drop-partitions")
    equal([first.number("SELECT count() FROM conntrace." + table) for table in ("conns", "minutes")], [0, 0], "rows after it")

    second.stop()
    must(skip + [INSERT % "fleet"], stdin=insertable(lines))
    second.start()
    wait_for(lambda: first.number("SELECT count() FROM fleet.conns") == count, "rows on two servers, of which one was away",
             limit=150)    # a server tries another one again after 0.1 s, 0.2 s and so on, up to 30 s
    shares = [server.number("SELECT count() FROM conntrace.conns") for server in (first, second)]
    check(min(shares) > count // 4, "shares of the servers: %r" % shares)
    equal(first.must(minutes % "fleet"), sums, "the minutes of both")
    equal(second.number("SELECT uniqExact(conn) FROM fleet.conns"), count, "the second has them as well")
    for server in (first, second):
        compare(server, "fleet", wanted)


class Shipper:
    """syslog-ng with conntrace.syslog-ng.conf, for a store on this host."""

    def __init__(self, server, more=()):
        self.program = need("syslog-ng")
        self.folder, self.rows = scratch("syslog-ng"), scratch("log")
        os.mkdir(self.folder)
        os.mkdir(self.rows)
        text = read_file(os.path.join(PLACE, "conntrace.syslog-ng.conf"))
        for there, here in (("/var/log/conntrace", self.rows), ("http://127.0.0.1:8123", "http://127.0.0.1:%d" % server.http),
                            ("/var/lib/syslog-ng", self.folder), ("batch-timeout(5000)", "batch-timeout(200)"),
                            ("time-reopen(10)", "time-reopen(1)"), *more):
            require(there in text, "the configuration has " + there)
            text = text.replace(there, here)
        write_file(os.path.join(self.folder, "conf"), "@version: current\n" + text)

    def start(self):
        name = lambda what: os.path.join(self.folder, what)
        self.process = Process([self.program, "-F", "-e", "--no-caps", "-f", name("conf"), "-R", name("persist"), "-c", name("ctl"), "-p", name("pid")])
        wait_for(lambda: not self.process.alive() or self.stat("queued") is not None, "syslog-ng")
        if not self.process.alive() and "http" in self.process.err:
            raise Skip("no syslog-ng-mod-http here")
        require(self.process.alive(), "syslog-ng: " + self.process.err)

    def stat(self, name):
        """A counter of the destination, None when it does not answer."""
        asked = run([need("syslog-ng-ctl"), "stats", "-c", os.path.join(self.folder, "ctl")])
        found = [line.split(";") for line in asked.out.splitlines() if line.startswith("dst.http;") and ";%s;" % name in line]
        return int(found[0][-1]) if found else None

    def stop(self):
        self.process.signal(signal.SIGTERM)
        self.process.wait()

    def write(self, name, lines):
        with open(os.path.join(self.rows, name), "a", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))


@test("rows reach the store once, though it is away while they come and the shipper is restarted")
def shipping():
    server = Server()
    shipper = Shipper(server)
    server.start()
    server.load("schema.sql")
    _, lines = rows()
    third = (len(lines) - 1) // 3
    there = lambda: server.number("SELECT count() FROM conntrace.conns")
    shipper.start()
    shipper.write("eth0.rows.json", lines[:third])
    wait_for(lambda: there() == third, "the first rows")

    server.stop()
    shipper.write("eth0.rows.json", lines[third:2 * third])
    wait_for(lambda: shipper.stat("queued") == third, "rows in the disk buffer")
    shipper.stop()
    os.rename(os.path.join(shipper.rows, "eth0.rows.json"), os.path.join(shipper.rows, "eth0.rows.json.1"))
    shipper.start()
    # Of a second file, after a row that was cut when the host failed.
    shipper.write("eth0.rows.json", [lines[0][:100] + lines[0]] + lines[2 * third:])
    wait_for(lambda: shipper.stat("queued") == len(lines) - 1 - third, "all others in the disk buffer")
    server.start()
    wait_for(lambda: there() >= len(lines) - 1, "all rows")
    wait_for(lambda: shipper.stat("queued") == 0, "the disk buffer is empty")
    equal((there(), server.number("SELECT uniqExact(conn) FROM conntrace.conns"), server.number("SELECT uniq(machine) FROM conntrace.conns")),
          (len(lines) - 1, len(lines) - 1, 1), "rows, numbers of connections and machines")
    check(read_file(os.path.join(shipper.rows, "no-rows")).endswith(lines[0][:100] + lines[0] + "\n"), "the line that is no row is kept aside")
    shipper.stop()


@test("a full disk buffer pauses reading, over a rotation too, and drops nothing")
def full_buffer():
    server = Server()
    shipper = Shipper(server, [("disk-buf-size(2147483648) mem-buf-size(16777216)", "disk-buf-size(3145728) mem-buf-size(2097152)")])
    _, lines = rows()
    path = os.path.join(shipper.rows, "eth0.rows.json")
    shipper.start()
    shipper.write("eth0.rows.json", lines[:-1] * 3)
    wait_for(lambda: shipper.stat("queued") > 500, "rows in the disk buffer")
    os.rename(path, path + ".1")
    shipper.write("eth0.rows.json", lines[:-1])
    server.start()
    check(shipper.stat("queued") * len(lines[0]) < os.path.getsize(path + ".1") / 2, "most rows wait in their files")
    server.load("schema.sql")
    wanted = 4 * (len(lines) - 1)
    there = lambda: server.number("SELECT count() FROM conntrace.conns")
    wait_for(lambda: there() >= wanted or shipper.stat("dropped"), "all rows")
    equal((there(), shipper.stat("dropped")), (wanted, 0), "rows, and those that were dropped")
    shipper.stop()


need_all("clickhouse-server", "clickhouse-client")
if __name__ == "__main__":
    main()
