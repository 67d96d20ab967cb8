#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--html in headless Chromium, driven by chromedriver: sections, sums, filter, zoom, keys and links work, nothing but the file is
requested, and no text of others runs. Two controls, without escapes and without the policy, show that this test can fail."""
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

import audit_records as audit
import cli
from html import Page, make, scene, shop
from recording import Recording

DRIVER = shutil.which("chromedriver")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# A sandbox of its own is not permitted in containers and to root.
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--window-size=1280,1000", "--force-color-profile=srgb")
ESCAPE = "\ue00c"


class Browser:
    """A session of WebDriver (W3C)."""

    def __init__(self, folder):
        with open(os.path.join(folder, "driver.log"), "wb") as log:
            self.driver = subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=log, cwd=folder,
                                           env=dict(os.environ, HOME=folder))
        self.base = None
        for line in self.driver.stdout:
            found = re.search(rb"on port (\d+)", line)
            if found and int(found[1]):
                self.base = "http://127.0.0.1:%d/session" % int(found[1])
                break
        if self.base is None:
            raise OSError("chromedriver ended at once")
        options = {"binary": CHROMIUM, "args": list(FLAGS) + ["--user-data-dir=" + os.path.join(folder, "profile")]}
        made = self.call("", {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options,
                                                               "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"}}}})
        self.base += "/" + made["sessionId"]

    def call(self, path, body=None, method=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        # An environment with a proxy is not asked about this host.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=cli.LIMIT) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise OSError(error.read().decode("utf-8", "replace")[:300]) from error

    def open(self, path):
        self.call("/url", {"url": "about:blank"})
        self.log("performance")
        self.log("browser")
        self.call("/url", {"url": "file://" + path})

    def run(self, script):
        return self.call("/execute/sync", {"script": script, "args": []})

    def key(self, keys):
        actions = [{"type": kind, "value": letter} for letter in keys for kind in ("keyDown", "keyUp")]
        self.call("/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def drag(self, x1, x2, y):
        self.call("/actions", {"actions": [{"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": [
            {"type": "pointerMove", "x": int(x1), "y": int(y), "duration": 0}, {"type": "pointerDown", "button": 0},
            {"type": "pointerMove", "x": int((x1 + x2) / 2), "y": int(y), "duration": 20},
            {"type": "pointerMove", "x": int(x2), "y": int(y), "duration": 20}, {"type": "pointerUp", "button": 0}]}]})

    def log(self, kind):
        return self.call("/se/log", {"type": kind})

    def requests(self):
        sent = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [entry["params"]["request"]["url"] for entry in sent if entry["method"] == "Network.requestWillBeSent"]

    def close(self):
        try:
            self.call("", method="DELETE")
        except OSError:
            pass
        self.driver.terminate()
        self.driver.wait()


SHOWN = "return Number(document.getElementById('found').textContent.split(' ')[0])"


# A server and its client in one process: three requests over one connection, and a refused attempt.
TALK = """
import http.client, http.server, socket, threading
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "5"); self.end_headers(); self.wfile.write(b"hello")
    def log_message(self, *words): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = http.client.HTTPConnection("127.0.0.1", server.server_port)
for _ in range(3): client.request("GET", "/"); client.getresponse().read()
client.close()
with socket.socket() as free: free.bind(("127.0.0.1", 0)); port = free.getsockname()[1]
try: socket.create_connection(("127.0.0.1", port))
except ConnectionRefusedError: pass
"""


def sections(browser, page, histograms):
    wrong = []
    found = browser.run("return [...document.querySelectorAll('section')].map(e => e.id)")
    wanted = ["run", "findings", "map", "timeline", "connection", "histograms", "peers", "after"]
    wrong += ["sections are %s" % found] if found != wanted else []
    counts = browser.run("""return {bars: document.querySelectorAll('#bars .bar').length, rows: document.querySelectorAll('#table tbody tr').length,
        boxes: document.querySelectorAll('#map g.bar').length, sequence: document.querySelectorAll('#connection .two svg').length,
        histograms: document.querySelectorAll('#histograms svg').length, hidden: ['main', 'peers', 'after']
        .some(id => /NaN|undefined/.test(document.getElementById(id).outerHTML))}""")
    wrong += ["bars: %s" % counts] if counts["bars"] != min(len(page.data["conns"]), browser.run(SHOWN)) and len(page.data["conns"]) < 200 else []
    wrong += ["rows: %s" % counts] if counts["rows"] != len(page.data["peers"]) else []
    wrong += ["no boxes, or no sequence: %s" % counts] if not counts["boxes"] or not counts["sequence"] else []
    wrong += ["histograms: %s" % counts] if counts["histograms"] != histograms else []
    wrong += ["NaN or undefined"] if counts["hidden"] else []
    totals = dict(zip(page.data["total_columns"], page.data["totals"]))
    head = browser.run("return document.querySelector('#map h3').textContent")
    wrong += ["the map says " + head] if not head.startswith("%d connections, %d failure" % (totals["conns"], totals["fail"])) else []
    owned = browser.run("""return [...document.querySelectorAll('#run dt')].find(e => e.textContent === 'not attributed')
        .nextSibling.textContent""")
    number = page.data["summary"]["unattributed"]
    wrong += ["not attributed: " + owned] if owned != "%d connection%s" % (number, "" if number == 1 else "s") else []
    cells = browser.run("return [...document.querySelectorAll('#table tbody tr')].map(r => [r.cells[4].textContent, r.cells[5].textContent])")
    wrong += ["the table has other sums"] if [sum(int(row[i]) for row in cells) for i in (0, 1)] != [totals["conns"], totals["fail"]] else []
    return wrong


def labels(browser):
    """Texts of the map that overlap."""
    return browser.run("""const boxes = [...document.querySelectorAll('#map svg text')].map(t => [t.textContent, t.getBoundingClientRect()]);
        const found = [];
        boxes.forEach(([a, x], i) => boxes.slice(i + 1).forEach(([b, y]) => { if (x.left < y.right - 1 && y.left < x.right - 1 && x.top < y.bottom - 1 &&
            y.top < x.bottom - 1) found.push(a + ' / ' + b); }));
        return found.slice(0, 5)""")


def chosen(browser, number):
    """An address that ends in #c=N shows connection N, when its event has come."""
    browser.run("location.hash = 'c=%d'" % number)
    until = time.monotonic() + cli.LIMIT
    head = ""
    while not head.startswith("Connection #%d" % number) and time.monotonic() < until:
        head = browser.run("const head = document.querySelector('#connection h2'); return head ? head.textContent : ''")
    return [] if head.startswith("Connection #%d" % number) else ["#c=%d shows %s" % (number, head)]


def controls(browser, page):
    """Filter, keys, zoom, links, sorting."""
    wrong, all_of_them = [], browser.run(SHOWN)
    failed = sum(row["result"] == "refused" for row in page.rows("conns"))
    browser.key("/")
    browser.key("refused")
    wrong += ["filter: %d of %d" % (browser.run(SHOWN), failed)] if browser.run(SHOWN) != failed else []
    browser.run("const f = document.getElementById('filter'); f.value = '!refused'; f.dispatchEvent(new Event('input'))")
    wrong += ["negation: %d" % browser.run(SHOWN)] if browser.run(SHOWN) != all_of_them - failed else []
    browser.run("const f = document.getElementById('filter'); f.value = ''; f.dispatchEvent(new Event('input'))")
    browser.key(ESCAPE)
    browser.key("f")
    only = browser.run(SHOWN)
    wrong += ["what stands out: %d of %d" % (only, all_of_them)] if not failed <= only < all_of_them else []
    browser.key("f")
    wrong += chosen(browser, page.rows("conns")[3]["conn"])
    browser.key("j")
    first = browser.run("return location.hash")
    browser.key("j")
    second = browser.run("return location.hash")
    browser.key("k")
    wrong += ["j and k: %s, %s, %s" % (first, second, browser.run("return location.hash"))] if first == second or not first.startswith(
        "#c=") or browser.run("return location.hash") != first else []
    browser.key("++")
    zoomed = browser.run(SHOWN)
    wrong += ["zoom in: %d" % zoomed] if zoomed >= all_of_them else []
    browser.key("0")
    wrong += ["whole: %d" % browser.run(SHOWN)] if browser.run(SHOWN) != all_of_them else []
    box = browser.run("document.getElementById('bars').scrollIntoView({block: 'start'}); const b = document.querySelector('#bars svg').getBoundingClientRect();"
                      "return [b.left, b.right, b.top]")
    browser.drag(box[0] + (box[1] - box[0]) * .2, box[0] + (box[1] - box[0]) * .3, box[2] + 12)
    wrong += ["dragging: %d" % browser.run(SHOWN)] if not 0 < browser.run(SHOWN) < all_of_them else []
    browser.key("0")
    one = page.data["ladders"][-1]["id"]
    wrong += chosen(browser, one)
    browser.run("location.hash = ''")
    browser.run("document.querySelector('#findings a').click()")
    wrong += ["a finding leads to %s" % browser.run("return location.hash")] if not browser.run("return location.hash").startswith("#c=") else []
    browser.run("document.querySelectorAll('#table th button')[4].click()")
    values = browser.run("return [...document.querySelectorAll('#table tbody tr')].map(r => Number(r.cells[4].textContent))")
    wrong += ["not sorted: %s" % values] if values != sorted(values, reverse=True) else []
    svg = browser.run("""let made = null; const old = URL.createObjectURL; URL.createObjectURL = blob => { made = blob; return old(blob); };
        document.querySelector('#map button').click(); URL.createObjectURL = old; return made && made.type + ' ' + made.size""")
    wrong += ["saved: %s" % svg] if not svg or not svg.startswith("image/svg+xml ") or int(svg.split()[1]) < 2000 else []
    return wrong


def attack(browser, path, name):
    """Whether the text of others ran."""
    browser.open(path)
    return "%s: %s" % (name, browser.run("return window.hacked === 1"))


def without_escapes(text):
    """The data as they were if nothing were escaped."""
    return text.replace("\\u003c", "<").replace("\\u003e", ">").replace("\\u0026", "&")


def without_policy(text):
    return re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)


def thirty():
    """30 peers on each side of two processes."""
    recording = Recording()
    recording.process(77, "server-with-name")
    recording.process(78, "client-with-name")
    for number in range(30):
        recording.accepted(number * 10 ** 7, 77, ("192.0.2.1", 80), ("2001:db9:1234:5678:9abc:def0:1234:%x" % (0x5000 + number), 20000 + number))
        recording.refused(number * 10 ** 7, 78, ("192.0.2.1", 40000 + number), ("203.0.113.%d" % (number + 1), 44300 + number))
    return recording


def picture(browser, button):
    """Return: the file that a button saves."""
    script = """const done = arguments[arguments.length - 1], old = URL.createObjectURL;
        let made = null; URL.createObjectURL = blob => { made = blob; return old(blob); }; document.querySelector(arguments[0]).click();
        URL.createObjectURL = old; made ? made.text().then(done) : done('')"""
    made = browser.call("/execute/async", {"script": script, "args": [button]})
    return "<!-- SPDX-License-Identifier: GPL-2.0-or-later -->\n" + made + "\n"


def pictures(test, browser):
    """The drawings that README.md shows are those of a recording of the tests; --update writes them."""
    page = make(test, shop())[1]
    drawn = {ladder["id"] for ladder in page.data["ladders"]}
    slowest = max((row for row in page.rows("conns") if row["conn"] in drawn), key=lambda row: row["queue_ms"] or 0)["conn"]
    browser.call("/window/rect", {"width": 1000, "height": 900})
    browser.open(test.path("run.html") + "#c=%d" % slowest)
    for name, button in (("connections", "#timeline .tools button:last-of-type"), ("sequence", "#connection .panel button")):
        path, made = os.path.join(cli.TOP, "doc", "pictures", name + ".svg"), picture(browser, button)
        if "--update" in sys.argv:
            with open(path, "w", encoding="utf-8") as file:
                file.write(made)
        with open(path, encoding="utf-8") as file:
            test.say("doc/pictures/%s.svg is what --html draws" % name, [] if file.read() == made else ["it differs: html_browser.py --update"])


def sources(test, browser):
    """A run that watches, without packets; a log of audit; both ends of a connection on this host."""
    path = test.path("live.html")
    done = test.run("-q", "--html", path, "-z", "peers", "--", sys.executable, "-c", TALK)
    if done.returncode == 125:
        test.skip("a run that watches", done.stderr.strip().splitlines()[0])
    else:
        browser.open(path)
        test.say("a run that watches: sections and sums", sections(browser, Page(path), 2) + ([] if done.returncode == 0 else [done.stderr]))
    path = test.path("audit.html")
    done = test.run("-q", "--html", path, "-z", "peers", "--audit-log", test.path("audit.log", audit.text(audit.raw(audit.scenario()))))
    if done.returncode == 0 or "libauparse-dev" not in done.stderr:
        browser.open(path)
        texts = browser.run("return [...document.querySelectorAll('#map text, #connection small, #connection text, #findings b')].map(e => e.textContent)")
        wrong = ["%s is not there" % word for word in ("[2001:db8::1]:8080", "- → 192.0.2.1:443") if word not in texts] + [
            text for text in texts if "-:-" in text or text == ":-"]
        test.say("a log of audit: sections and sums, and addresses as they are written", sections(browser, Page(path), 0) + wrong)
        calls = [audit.Call("connect", pid=7, args=(3, 0, 16), result=-111, saddr=audit.address("192.0.%d.%d" % divmod(number, 250), 80), ms=number)
                 for number in range(300)]
        test.run("-q", "--html", path, "-z", "peers", "--audit-log", test.path("audit.log", audit.text(audit.raw(audit.numbered(calls)))))
        browser.open(path)
        texts = browser.run("return [...document.querySelectorAll('#map text, #run dd, #bars svg > text')].map(e => e.textContent)")
        wrong = ["%s is there" % text for text in texts if "unknown process" in text or "without a name" in text]
        wrong += [] if "others" in texts and "240 connections not drawn here: zoom in, or filter" in texts else texts
        wrong += [] if browser.run("return document.querySelector('#bars svg').viewBox.baseVal.height") < 2000 else ["too high"]
        test.say("300 peers: the others are no unknown process, and services that are not drawn are counted", wrong)
    both, server, client = Recording(), ("127.0.0.1", 80), ("127.0.0.1", 40001)
    both.process(77, "server")
    both.process(78, "client")
    both.opened_too(10 ** 6, 78, server, client, 4 * 10 ** 6)
    both.accepted(10 ** 6, 77, server, client)
    page = make(test, both)[1]
    browser.open(test.path("run.html"))
    wrong = chosen(browser, [row["conn"] for row in page.rows("conns") if row["dir"] == "in"][0])
    drawn = browser.run("return [...document.querySelectorAll('#connection svg text')].filter(t => t.textContent.startsWith('connect')).map("
                        "t => [t.textContent, t.getBBox().x + t.getBBox().width > 400])")
    test.say("a connect(2) of the other side is on that side", wrong + ([] if drawn == [
        ["connect(3) by 78", True], ["connect returns(3) by 78", True]] else drawn))


def look(test, browser):
    for name, recording, packets in (("packets", scene(), True), ("no packets", scene(packets=False), False), ("1,000 connections", scene(909), True),
                                     ("hostile names", scene(hostile=True), True)):
        page = make(test, recording)[1]
        path = test.path("run.html")
        browser.open(path)
        test.say(name + ": sections and sums", sections(browser, page, 3 if packets else 2))
        test.say(name + ": filter, keys, zoom, links and sorting", controls(browser, page))
        urls = [url for url in browser.requests() if not url.startswith(("blob:", "about:"))]
        test.say(name + ": nothing but the file is requested", [] if urls and set(url.split("#")[0] for url in urls) == {"file://" + path} else urls)
        errors = [entry["message"] for entry in browser.log("browser")]
        test.say(name + ": no error of the script, and no breach of the policy", errors[:5])
    text = page.text
    ran = [attack(browser, path, "as it is"), attack(browser, test.path("a.html", without_policy(text).encode()), "no policy"),
           attack(browser, test.path("b.html", without_escapes(text).encode()), "no escapes"),
           attack(browser, test.path("c.html", without_policy(without_escapes(text)).encode()), "neither")]
    test.say("text of others runs with neither escapes nor policy only", [] if ran == [
        "as it is: False", "no policy: False", "no escapes: False", "neither: True"] else ran)
    # Of one connection the bytes are unknown: that is no 0, and the label of a long name stays in its drawing.
    recording = Recording(packets=False)
    recording.process(77, "a-long-name-77")
    recording.refused(10 ** 7, 77, ("192.0.2.1", 40000), ("203.0.113.250", 65000))
    recording.add(2 * 10 ** 7, "type=call origin=s local=192.0.2.1:40001 remote=203.0.113.251:65001 netns=4026531833 kind=connect-end pid=77 tid=77 fd=5 error=115 uid=0")
    make(test, recording)
    browser.open(path)
    shown = browser.run("return [...document.querySelectorAll('#map svg g text')].map(t => t.textContent)")
    test.say("unknown bytes are no 0", [] if any(t.endswith(", -") for t in shown) and not any(t.startswith("2 conns") and t.endswith("0 B") for t in shown) else shown)
    test.say("labels are in their drawings", browser.run("""return [...document.querySelectorAll("#timeline #bars svg, #histograms svg")].flatMap(svg => [...svg.querySelectorAll("text")]
        .filter(t => t.getBBox().x < 0 || t.getBBox().x + t.getBBox().width > svg.viewBox.baseVal.width).map(t => t.textContent))"""))
    make(test, thirty())
    browser.open(path)
    test.say("labels of a map of 30 peers do not overlap", labels(browser))
    for width in (1280, 420):
        browser.call("/window/rect", {"width": width, "height": 900})
        browser.open(path)
        wide = browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        test.say("nothing is wider than a window of %d" % width, ["%d pixels" % wide] if wide > 0 else [])
    sources(test, browser)
    pictures(test, browser)


def main():
    test = cli.Cli()
    if not DRIVER or not CHROMIUM:
        print("1..0 # SKIP no chromium and chromedriver")
        return 0
    browser = Browser(test.folder)
    try:
        look(test, browser)
    finally:
        browser.close()
    return test.end()


if __name__ == "__main__":
    sys.exit(main())
