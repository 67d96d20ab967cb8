// SPDX-License-Identifier: GPL-2.0-or-later
// The page of --html. Text of the data becomes text nodes and attributes only.
"use strict";
(() => {
const NS = "http://www.w3.org/2000/svg";
const D = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);

// ---- building

const add = (node, kids) => {
	for (const kid of kids.flat(3))
		if (kid !== null && kid !== undefined)
			node.append(kid.nodeType ? kid : document.createTextNode(String(kid)));
	return node;
};
const set = (node, attributes) => {
	for (const [name, value] of Object.entries(attributes || {})) {
		if (typeof value === "function")
			node.addEventListener(name, value);
		else if (value !== null && value !== undefined && value !== false)
			node.setAttribute(name, value === true ? "" : value);
	}
	return node;
};
const h = (tag, attributes, ...kids) => add(set(document.createElement(tag), attributes), kids);
const s = (tag, attributes, ...kids) => add(set(document.createElementNS(NS, tag), attributes), kids);
const text = (x, y, words, cls) => s("text", {x, y, class: cls}, words);
const title = words => s("title", {}, words);
const drawing = (width, height, label, ...kids) =>
	s("svg", {viewBox: "0 0 " + width + " " + height, width, height, role: "img", "aria-label": label}, ...kids);

// ---- numbers

const known = value => value !== null && value !== undefined;
const span = us => {
	if (!known(us)) return "-";
	const a = Math.abs(us);
	return a >= 1e7 ? (us / 1e6).toFixed(1) + " s" : a >= 1e6 ? (us / 1e6).toFixed(2) + " s" : a >= 1e3 ? (us / 1e3).toFixed(1) + " ms"
		: Math.round(us) + " µs";
};
const ms = value => known(value) ? span(value * 1000) : "-";
const bytes = n => {
	if (!known(n)) return "-";
	const units = ["B", "kB", "MB", "GB", "TB"];
	let unit = 0;
	while (n >= 1000 && unit < 4) { n /= 1000; unit++; }
	return (unit && n < 10 ? n.toFixed(1) : Math.round(n)) + " " + units[unit];
};
const endpoint = (ip, port) => known(ip) || known(port) ? (known(ip) && ip.includes(":") ? "[" + ip + "]" : ip ?? "-") + ":" + (port ?? "-") : "-";
const count = (n, one, many) => n + " " + (n === 1 ? one : many || one + "s");
const cut = (words, most) => words.length > most ? words.slice(0, most - 1) + "…" : words;
// Cut to a width in a drawing, where a letter of 11 pixels is this wide at most; measuring would depend on the fonts.
const fit = (words, width, bold) => cut(words, Math.floor(width / (bold ? 7.6 : 6.9)));
const quantile = (sorted, q) => sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)];

// ---- the data

const named = (names, row) => { const made = {}; names.forEach((name, i) => { made[name] = name.endsWith("_ms") && row[i] !== null ? row[i] / 1000 : row[i]; }); return made; };
const FAILED = new Set(["refused", "reset", "timeout", "unreach", "abort", "error"]);
const conns = D.conns.map(row => {
	const c = named(D.conn_columns, row);
	const more = row.slice(D.conn_columns.length);
	c.errors = more[1];
	c.start = more[2] ?? c.began;
	c.rx_least = c.rx_bytes ?? more[3];
	c.tx_least = c.tx_bytes ?? more[4];
	c.fails = FAILED.has(c.result);
	c.from = known(c.began) ? c.began : c.start;
	c.x = (more[0] || []).filter(known).map(x => x.map(t => known(t) ? t + c.from : t));
	c.service = c.dir === "in" ? c.lport : c.rport;
	c.name = (c.comm || "unknown process") + (c.dir === "in" ? " ← :" + (c.lport ?? "-") : c.dir === "out" ? " → " : " – ") +
		(c.dir === "in" ? "" : endpoint(c.raddr, c.rport));
	c.stands = c.fails || c.queue_ms >= 50 || c.hs_ms >= 1000 || c.retrans > 0 || c.zerowin > 0 || c.errors > 0 || c.state === "reset" ||
		known(c.why);
	c.words = [c.name, c.result, c.laddr, c.raddr, c.lport, c.rport, c.host, c.dir, "#" + c.conn, (c.why || []).join(" "),
		c.pid, c.state, c.errno].join(" ").toLowerCase();
	return c;
});
const byId = new Map(conns.map(c => [c.conn, c]));
const peers = D.peers.map(row => named(D.peer_columns, row));
const totals = named(D.total_columns, D.totals);
const links = D.links.map(row => named(D.link_columns, row));
const ladders = new Map(D.ladders.map(l => [l.id, l]));
const graphs = new Map(D.graphs.map(g => [g.id, g]));
const times = conns.flatMap(c => [c.from, c.end]).filter(known);
const T0 = times.length ? times.reduce((a, b) => a < b ? a : b) : 0;
const T1 = times.length ? times.reduce((a, b) => a > b ? a : b) : 1;
conns.sort((a, b) => (a.from ?? T0) - (b.from ?? T0) || a.conn - b.conn);

const PHASES = [["hs", "handshake"], ["queue", "accept queue"], ["rq", "waits for request"], ["an", "waits for answer"],
	["tx", "transfer"], ["idle", "idle, close"], ["un", "not seen"], ["fail", "failed"]];
// What a connection did, from its begin to its end: [from, to, phase].
function phases(c) {
	const made = [], end = c.end;
	let at = c.from;
	if (!known(at) || !known(end)) return made;
	const to = (time, phase) => {
		if (known(time) && time > at) { made.push([at, Math.min(time, end), phase]); at = time; }
	};
	if (c.fails) { to(end, "fail"); return made; }
	if (known(c.hs_ms)) to(at + c.hs_ms * 1000, "hs");
	if (c.dir === "in" && known(c.queue_ms)) to(at + c.queue_ms * 1000, "queue");
	for (const [first, last, answer, done] of c.x) {
		to(first, "rq");
		to(last, "tx");
		to(answer, "an");
		to(done, "tx");
	}
	to(end, c.x.length ? "idle" : "un");
	return made.filter(part => part[1] > part[0]);
}

// ---- state

const state = {filter: "", only: false, from: T0, to: T1, chosen: null};
function wanted(c) {
	if (state.only && !c.stands) return false;
	return state.filter.toLowerCase().split(/\s+/).filter(Boolean).every(word =>
		word[0] === "!" ? word.length === 1 || !c.words.includes(word.slice(1)) : c.words.includes(word));
}
const shown = () => conns.filter(c => wanted(c) && (c.end ?? T1) >= state.from && (c.from ?? T0) <= state.to);

function section(id, name, note, ...kids) {
	const made = h("section", {id}, h("h2", {}, name, note ? h("small", {}, note) : null), ...kids);
	$("main").append(made);
	return made;
}
// The styles of drawings, for saved ones: those of the light theme.
const DRAWN = (() => {
	const lines = document.querySelector("style").textContent.split("\n");
	return ":root" + lines[0].slice(5) + "\n" + lines.filter(line => line.startsWith("svg ")).join("\n");
})();
function saved(svg) {
	const copy = svg.cloneNode(true);
	copy.setAttribute("xmlns", NS);
	const css = document.createElementNS(NS, "style");
	css.textContent = DRAWN;
	copy.prepend(css, s("rect", {width: "100%", height: "100%", fill: "#fff"}));
	return new XMLSerializer().serializeToString(copy);
}
const saver = (name, find) => h("button", {type: "button", click: () => {
	const svg = find();
	if (!svg) return;
	const url = URL.createObjectURL(new Blob([saved(svg)], {type: "image/svg+xml"}));
	const link = h("a", {href: url, download: name + ".svg"});
	link.click();
	setTimeout(() => URL.revokeObjectURL(url), 1000);
}}, "SVG");
function panel(name, file, svg, ...more) {
	return h("div", {class: "panel"}, h("header", {}, h("h3", {}, name), svg ? saver(file, () => svg) : null), svg ? h("div", {class: "wide"}, svg) : null, ...more);
}
const facts = pairs => h("dl", {class: "facts"}, pairs.map(([name, value, cls]) =>
	h("div", {}, h("dt", {}, name), h("dd", {class: cls}, known(value) ? value : "-"))));

// ---- what was run

function runSection() {
	const S = D.summary || {}, lost = Object.entries(S.lost || {}).filter(([, n]) => n !== 0);
	const letters = new Set(conns.flatMap(c => [...(c.seen || "")]));
	const names = {s: "system calls", k: "kernel counters", w: "packets", a: "audit", b: "BPF", h: "breakpoints"};
	const evidence = Object.keys(names).filter(l => letters.has(l)).map(l => names[l]).join(", ");
	const when = known(D.base) ? new Date(D.base * 1000 + T0 / 1000).toISOString().replace("T", " ").slice(0, 19) + " UTC" : null;
	// A log may have connections without the process, and none of them is one whose process was looked for.
	const nameless = links.reduce((sum, l) => sum + (known(l.comm) || !known(l.peer) ? 0 : l.conns), 0);
	const limits = [];
	if (D.conns_dropped) limits.push(conns.length + " of " + (conns.length + D.conns_dropped) + " connections, the others in sums");
	if (D.ladders_dropped) limits.push(ladders.size + " of " + (ladders.size + D.ladders_dropped) + " sequences");
	if (D.graphs_dropped) limits.push(graphs.size + " of " + (graphs.size + D.graphs_dropped) + " graphs");
	if (D.groups > peers.length) limits.push(peers.length + (D.groups_more ? " of more than " : " of ") + D.groups + " peers, the others in sums");
	if (D.untracked) limits.push(count(D.untracked, "connection") + " whose exchanges were not followed");
	if (D.refused) limits.push(count(D.refused, "connection") + " in no sum");
	section("run", "What was run", null, facts([
		["command", D.command], ["first sign", when], ["seen for", conns.length ? span(T1 - T0) : null], ["evidence", evidence || null],
		["lost", lost.length ? lost.map(([name, n]) => name.replace(/_/g, " ") + ": " + (n < 0 || n === null ? "unknown number" : n)).join(", ") : "nothing",
			lost.length ? "bad" : ""],
		["not attributed", known(S.unattributed) ? count(S.unattributed, "connection") + (nameless > S.unattributed ? ", and " + (nameless - S.unattributed) + " of a process without a name" : "") : null],
		["limits", limits.length ? "here are " + limits.join("; ") : "none reached"]]));
}

// ---- findings

function services() {
	const made = new Map();
	for (const p of peers) {
		const who = (p.comms || []).filter(known).join(", ") || "unknown process";
		const name = p.dir === "in" ? who + " ← :" + (p.port ?? "-") : who + " → " + endpoint(p.peer, p.port);
		const found = made.get(name) || {name, who, dir: p.dir, port: p.port, peer: p.peer, rows: [], conns: []};
		found.rows.push(p);
		made.set(name, found);
	}
	for (const c of conns)
		for (const service of made.values())
			if (service.dir === c.dir && service.port === c.service && (c.dir === "in" || service.peer === c.raddr) &&
			    (!c.comm || service.who.split(", ").includes(c.comm)))
				service.conns.push(c);
	return [...made.values()];
}
const sum = (rows, name) => rows.reduce((all, row) => all + (row[name] || 0), 0);
function findings() {
	const found = [];
	const say = (bad, weight, service, words, more, filter, c) => found.push({bad, weight, head: service.name + ": " + words, more, filter, c});
	for (const v of services()) {
		const all = sum(v.rows, "conns"), failed = sum(v.rows, "fail"), where = v.dir === "in" ? ":" + v.port : endpoint(v.peer, v.port);
		const own = (more) => (v.dir === "in" ? "← " : "→ ") + where + (more ? " " + more : "");
		// The one that shows it best, of those with a sequence if there are any.
		const best = (list, key) => { const drawn = list.filter(c => ladders.has(c.conn)); return (drawn.length ? drawn : list).reduce((a, b) => !a || b[key] > a[key] ? b : a, null); };
		const pick = test => v.conns.filter(test);
		if (failed) {
			const kinds = ["refused", "reset", "timeout", "unreach", "abort", "error"].filter(k => sum(v.rows, k)).map(k => sum(v.rows, k) + " " + k);
			const some = pick(c => c.fails), errno = [...new Set(some.map(c => c.errno).filter(e => e && e !== "0"))];
			say(true, failed / all * 1e6 + failed, v, failed + " of " + all + " failed", kinds.join(", ") + (errno.length ? " (" + errno.join(", ") + ")" : "") +
				(some.length ? "; first after " + span(some[0].from - T0) + ", last after " + span(some[some.length - 1].from - T0) : ""), own(kinds.length === 1 ? kinds[0].split(" ")[1] : ""), best(some, "connect_ms"));
		}
		const waited = pick(c => c.queue_ms >= 50);
		if (waited.length) {
			const values = pick(c => known(c.queue_ms)).map(c => c.queue_ms).sort((a, b) => a - b);
			say(false, waited.length * values[values.length - 1], v, "waited in the accept queue", waited.length + " of " + values.length + " more than 50 ms; median " +
				ms(quantile(values, .5)) + ", p95 " + ms(quantile(values, .95)) + ", longest " + ms(values[values.length - 1]), own(), best(waited, "queue_ms"));
		}
		const resent = sum(v.rows, "retrans");
		if (resent) {
			const some = pick(c => c.retrans > 0);
			say(false, resent * 10, v, count(resent, "segment") + " resent", "on " + count(some.length, "connection") + " of " + all, own(), best(some, "retrans"));
		}
		const zero = pick(c => c.zerowin > 0);
		if (zero.length)
			say(false, 500, v, "a receiver was full (window 0)", count(sum(zero, "zerowin"), "advertisement") + " on " + count(zero.length, "connection"), own(), best(zero, "zerowin"));
		const errors = pick(c => c.errors > 0);
		if (errors.length)
			say(false, 800, v, count(sum(errors, "errors"), "HTTP answer") + " of 500 and more", "first on #" + errors[0].conn, own(), best(errors, "errors"));
		const slow = pick(c => c.first_ms >= 1000);
		if (slow.length)
			say(false, 400, v, "slow answers", slow.length + " after more than 1 s; longest " + ms(Math.max(...slow.map(c => c.first_ms))), own(), best(slow, "first_ms"));
		const cutOff = pick(c => !c.fails && c.state === "reset");
		if (cutOff.length)
			say(false, 300, v, count(cutOff.length, "connection") + " reset", "after " + (cutOff.length === 1 ? "it was" : "they were") + " established", own("reset"), best(cutOff, "retrans"));
	}
	found.sort((a, b) => b.bad - a.bad || b.weight - a.weight);
	section("findings", "Findings", "failures first; each leads to its connections", found.length ? h("ul", {class: "cards"}, found.slice(0, 24).map(f =>
		h("li", {}, h("a", {href: f.c ? "#c=" + f.c.conn : "#timeline", class: f.bad ? "bad" : "", click: () => filter(f.filter)}, f.head, h("span", {}, f.more))))) : h("p", {}, "Nothing stands out."),
		found.length > 24 ? h("p", {class: "dim"}, found.length - 24 + " more findings are not shown.") : null);
}

// ---- who talks to whom

function mapSection() {
	const MOST = 12, nodes = new Map(), edges = [];
	const SUMS = ["conns", "fail", "bytes", "resent", "unknown"], none = () => Object.fromEntries(SUMS.map(k => [k, 0]));
	const add = (to, from) => { for (const k of SUMS) to[k] += from[k]; };
	// As in tables: of some connections the bytes are unknown.
	const amount = n => n.unknown ? (n.bytes ? bytes(n.bytes) + "+" : "-") : bytes(n.bytes);
	const node = (col, name, filterWords) => {
		const key = col + "|" + name;
		if (!nodes.has(key)) nodes.set(key, {key, col, name, filter: filterWords, ...none()});
		return nodes.get(key);
	};
	const listens = new Map();
	for (const l of links) if (l.dir === "in") listens.set(l.port, l.comm);
	const local = address => known(address) && (address.startsWith("127.") || address === "::1");
	for (const l of links) {
		const inner = l.dir === "out" && local(l.peer) && listens.get(l.port);
		if (l.dir === "in" && local(l.peer) && links.some(o => o.dir === "out" && local(o.peer) && o.port === l.port)) continue;
		const mine = node(1, l.comm ?? (known(l.peer) ? "unknown process" : "others"), l.comm ?? "");
		const other = l.dir === "in" ? node(0, l.peer ?? "others", l.peer ?? "") : inner ? node(2, inner, inner) :
			node(3, known(l.peer) && known(l.port) ? endpoint(l.peer, l.port) : (l.peer ?? "others") + (known(l.port) ? ":" + l.port : ""), known(l.peer) ? "→ " + endpoint(l.peer, l.port) : "");
		const edge = {a: l.dir === "in" ? other : mine, b: l.dir === "in" ? mine : other, conns: l.conns, fail: l.fail, resent: l.retrans || 0,
			bytes: (l.rx_least || 0) + (l.tx_least || 0), unknown: known(l.rx_least) && known(l.tx_least) ? 0 : 1};
		edges.push(edge);
		add(mine, edge);
		add(other, edge);
	}
	// A process that others reach is on the right of them.
	for (const n of [...nodes.values()].filter(x => x.col === 2)) {
		const twin = nodes.get("1|" + n.name);
		if (!twin || edges.some(e => e.a === twin && e.b === n)) continue;
		for (const e of edges) { if (e.a === twin) e.a = n; if (e.b === twin) e.b = n; }
		add(n, twin);
		nodes.delete(twin.key);
	}
	const cols = [0, 1, 2, 3].map(col => [...nodes.values()].filter(n => n.col === col).sort((a, b) => b.fail - a.fail || b.bytes - a.bytes || b.conns - a.conns));
	cols.forEach((list, col) => {
		if (list.length <= MOST) return;
		const rest = {key: col + "|rest", col, name: list.length - MOST + 1 + " others", filter: "", ...none()};
		for (const n of list.splice(MOST - 1)) {
			add(rest, n);
			for (const e of edges) { if (e.a === n) e.a = rest; if (e.b === n) e.b = rest; }
		}
		list.push(rest);
	});
	const used = cols.map((list, col) => list.length ? col : -1).filter(col => col >= 0);
	// A narrow window gets a drawing that is as narrow as its boxes allow.
	const W = Math.max(used.length * 232, Math.min(1200, document.documentElement.clientWidth - 64));
	const height = 34 + Math.max(1, ...cols.map(list => list.length)) * 46, boxes = [], lines = [], heads = ["came in from", "traced", "traced", "went out to"];
	const most = Math.max(1, ...edges.map(e => e.bytes));
	used.forEach((col, i) => {
		const x = used.length > 1 ? i * (W - 204) / (used.length - 1) + 2 : 2, list = cols[col];
		boxes.push(text(x, 14, heads[col], "d"));
		list.forEach((n, j) => {
			n.x = x;
			n.y = 26 + (height - 26) * (j + .5) / list.length - 18;
			boxes.push(s("g", {class: "bar", click: () => filter(n.filter)}, s("rect", {x, y: n.y, width: 200, height: 36, rx: 5, class: n.fail ? "box r" : "box"}),
				title(n.name + ": " + count(n.conns, "connection") + ", " + n.fail + " failed, " + amount(n) + ", " + n.resent + " segments resent"),
				text(x + 8, n.y + 15, fit(n.name, 184, true), "b"), text(x + 8, n.y + 29, fit(count(n.conns, "conn") + (n.fail ? ", " + n.fail + " failed" : "") + ", " + amount(n), 184), n.fail ? "r" : "d")));
		});
	});
	for (const e of edges) {
		if (!known(e.a.x) || !known(e.b.x)) continue;
		const x1 = e.a.x + 200, y1 = e.a.y + 18, x2 = e.b.x, y2 = e.b.y + 18, bend = (x1 + x2) / 2;
		lines.push(s("path", {d: "M" + x1 + " " + y1 + "C" + bend + " " + y1 + " " + bend + " " + y2 + " " + x2 + " " + y2,
			class: "link" + (e.fail === e.conns ? " r" : e.fail ? " r" : e.resent ? " w" : ""), "stroke-width": (1 + 7 * Math.sqrt(e.bytes / most)).toFixed(1)},
			title(e.a.name + " to " + e.b.name + ": " + count(e.conns, "connection") + ", " + e.fail + " failed, " + amount(e) + ", " + e.resent + " segments resent")));
	}
	const svg = drawing(W, height, "Who talks to whom", ...lines, ...boxes);
	section("map", "Who talks to whom", "width: bytes; red: failures; amber: resent segments; a box filters", links.length ? h("div", {class: "panel"}, h("header", {}, h("h3", {}, count(totals.conns, "connection") + ", " +
		count(totals.fail, "failure") + ", " + bytes(totals.rx_least) + " received, " + bytes(totals.tx_least) + " sent"), saver("map", () => svg)), h("div", {class: "wide"}, svg)) : h("p", {}, "No connection."));
}

// ---- connections over time

function ticks(from, to, most) {
	const raw = (to - from) / most, power = Math.pow(10, Math.floor(Math.log10(raw || 1)));
	const step = [1, 2, 5, 10].map(n => n * power).find(n => n >= raw) || power * 10, made = [];
	for (let at = Math.ceil(from / step) * step; at <= to; at += step) made.push(at);
	return made;
}
let timeline = null;
function timelineSection() {
	const input = h("input", {id: "filter", type: "search", placeholder: "filter: nginx 29100 !ok  ( / )", "aria-label": "filter connections", input: () => { state.filter = input.value; draw(); }});
	const only = h("button", {id: "only", type: "button", "aria-pressed": "false", click: () => { state.only = !state.only; draw(); }}, "only what stands out (f)");
	const legend = PHASES.map(([cls, name]) => h("span", {class: "key"}, s("svg", {viewBox: "0 0 10 10"}, s("rect", {width: 10, height: 10, class: cls})), name));
	const list = h("select", {id: "list", "aria-label": "connection", change: () => choose(Number(list.value))});
	const found = h("span", {id: "found", role: "status"}), place = h("div", {id: "bars"});
	timeline = {input, only, list, found, place, svg: null};
	section("timeline", "Connections over time", "drag to zoom; a bar shows its connection", h("div", {class: "tools"}, input, only,
		h("button", {type: "button", click: () => zoom(.5), "aria-label": "zoom in"}, "+"), h("button", {type: "button", click: () => zoom(2), "aria-label": "zoom out"}, "−"),
		h("button", {id: "whole", type: "button", click: whole}, "whole time (0)"), list, saver("connections", () => timeline.svg), found), h("p", {}, legend), place);
	draw();
}
function filter(words) { state.filter = words; timeline.input.value = words; draw(); }
function whole() { state.from = T0; state.to = T1; draw(); }
function zoom(factor) {
	const middle = (state.from + state.to) / 2, half = (state.to - state.from) / 2 * factor;
	state.from = Math.max(T0, middle - half);
	state.to = Math.min(T1, middle + half);
	draw();
}
function draw() {
	const some = shown(), width = Math.max(340, Math.min(1200, timeline.place.clientWidth || 1200)), narrow = width < 700, left = narrow ? 4 : 270;
	const range = Math.max(1, state.to - state.from), X = t => left + (t - state.from) / range * (width - left - 8);
	const groups = new Map(), kids = [], LANES = 40, SERVICES = 60;
	for (const c of some) { if (!groups.has(c.name)) groups.set(c.name, []); groups.get(c.name).push(c); }
	let y = 34, more = 0;
	// Those with failures first, then the largest.
	const weight = list => list.filter(c => c.fails).length * conns.length + list.length;
	const drawn = new Set([...groups.values()].sort((a, b) => weight(b) - weight(a)).slice(0, SERVICES));
	for (const [name, list] of groups) {
		if (!drawn.has(list)) { more += list.length; continue; }
		const lanes = [], failed = list.filter(c => c.fails).length, label = fit(name, narrow ? width - 50 : left - 12, true);
		if (narrow) { kids.push(text(4, y + 10, label + " · " + list.length, failed ? "b r" : "b")); y += 14; }
		const top = y;
		let deep = 0;
		for (const c of list) {
			const x1 = X(Math.max(c.from ?? T0, state.from)), x2 = Math.max(x1 + 2, X(Math.min(c.end ?? T1, state.to)));
			let lane = lanes.findIndex(end => end <= x1);
			if (lane < 0) lane = lanes.length;
			if (lane >= LANES) { more++; continue; }
			lanes[lane] = x2 + 1;
			deep = Math.max(deep, lane + 1);
			const ly = top + lane * 9, bar = s("g", {class: "bar", "data-conn": c.conn, click: () => choose(c.conn)}, title("#" + c.conn + " " + c.name + ", " + c.result + ", " + span((c.end ?? T1) - (c.from ?? T0))));
			const parts = phases(c);
			if (!parts.length) parts.push([c.from ?? T0, c.end ?? T1, c.fails ? "fail" : "un"]);
			for (const [from, to, phase] of parts) {
				if (to < state.from || from > state.to) continue;
				const p1 = X(Math.max(from, state.from)), p2 = X(Math.min(to, state.to));
				bar.append(s("rect", {x: p1.toFixed(1), y: ly, width: Math.max(parts.length === 1 ? 2 : .5, p2 - p1).toFixed(1), height: 7, class: phase}));
			}
			if (state.chosen === c.conn) bar.append(s("rect", {x: (x1 - 1).toFixed(1), y: ly - 1, width: (x2 - x1 + 2).toFixed(1), height: 9, class: "sel"}));
			kids.push(bar);
		}
		if (!narrow) {
			kids.push(text(left - 8, top + 8, label, failed ? "b r e" : "b e"));
			if (deep > 2 && list.length > 1) kids.push(text(left - 8, top + 20, count(list.length, "connection") + (failed ? ", " + failed + " failed" : ""), "d e"));
		}
		y = top + Math.max(deep, narrow ? 1 : 2) * 9 + 5;
		kids.push(s("path", {d: "M0 " + (y - 3) + "H" + width, class: "line"}));
	}
	const axis = ticks(state.from - T0, state.to - T0, narrow ? 4 : 10).flatMap(t => [s("path", {d: "M" + X(t + T0).toFixed(1) + " 28V" + y, class: "line"}), text(Math.max(2, X(t + T0)), 25, span(t), X(t + T0) < 16 ? "d" : X(t + T0) > width - 16 ? "d e" : "d m")]);
	if (!narrow) axis.push(text(left - 8, 10, "failures", "d e"));
	for (const c of some) if (c.fails && known(c.from)) axis.push(s("circle", {cx: X(c.from).toFixed(1), cy: 7, r: 2, class: "fail"}));
	if (more) kids.push(text(4, y + 10, count(more, "connection") + " not drawn here: zoom in, or filter", "w"));
	const svg = drawing(width, y + (more ? 16 : 2), "Connections over time", ...axis, ...kids);
	dragging(svg, (a, b) => { const inverse = x => state.from + (x - left) / (width - left - 8) * range; state.from = Math.max(T0, inverse(a)); state.to = Math.min(T1, inverse(b)); draw(); }, y);
	timeline.place.replaceChildren(svg);
	timeline.svg = svg;
	timeline.only.setAttribute("aria-pressed", String(state.only));
	timeline.found.textContent = some.length + " of " + conns.length + " shown";
	timeline.list.replaceChildren(h("option", {value: ""}, "connection…"), ...some.slice(0, 500).map(c => h("option", {value: c.conn, selected: c.conn === state.chosen}, "#" + c.conn + " " + cut(c.name, 40) + " " + c.result)));
}
// Calls back with the range of x that is dragged over.
function dragging(svg, done, height) {
	let start = null, mark = null;
	const place = event => { const box = svg.getBoundingClientRect(); return (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width; };
	svg.addEventListener("pointerdown", event => { start = place(event); });
	svg.addEventListener("pointermove", event => {
		if (start === null || Math.abs(place(event) - start) < 6) return;
		if (!mark) { mark = s("rect", {y: 0, height, class: "zoom"}); svg.append(mark); svg.setPointerCapture(event.pointerId); }
		set(mark, {x: Math.min(start, place(event)), width: Math.abs(place(event) - start)});
	});
	svg.addEventListener("pointerup", event => {
		const from = start, moved = mark !== null;
		start = null;
		if (mark) mark.remove();
		mark = null;
		if (moved) done(Math.min(from, place(event)), Math.max(from, place(event)));
	});
}

// ---- one connection

function choose(id) {
	show(id);
	if (byId.has(id) && location.hash !== "#c=" + id) location.hash = "c=" + id;
}
function show(id) {
	const c = byId.get(id);
	if (!c) return;
	state.chosen = id;
	draw();
	const place = $("connection"), parts = phases(c), whole = Math.max(1, (c.end ?? T1) - (c.from ?? T0));
	const bar = drawing(1000, 14, "phases", ...parts.map(([from, to, cls]) => s("rect", {x: ((from - c.from) / whole * 1000).toFixed(1), y: 0, width: Math.max(1, (to - from) / whole * 1000).toFixed(1), height: 14, class: cls}, title(PHASES.find(p => p[0] === cls)[1] + " " + span(to - from)))));
	bar.setAttribute("preserveAspectRatio", "none");
	set(bar, {width: "100%", height: 14});
	const sums = PHASES.map(([cls, name]) => [name, parts.filter(p => p[2] === cls).reduce((all, p) => all + p[1] - p[0], 0), cls]).filter(p => p[1] > 0);
	const most = value => known(value) ? bytes(value) : null;
	const kids = [h("h2", {}, "Connection #" + c.conn, h("small", {}, endpoint(c.laddr, c.lport) + (c.dir === "in" ? " ← " : c.dir === "out" ? " → " : " – ") + endpoint(c.raddr, c.rport))), facts([
		["result", c.result + (c.errno && c.errno !== "0" ? " (" + c.errno + ")" : ""), c.fails ? "bad" : ""], ["process", (c.comm ?? "unknown") + (known(c.pid) ? " [" + c.pid + "]" : "")], ["lasted", known(c.from) && known(c.end) ? span(c.end - c.from) : null],
		["handshake", known(c.hs_ms) ? ms(c.hs_ms) : null], ["accept queue", known(c.queue_ms) ? ms(c.queue_ms) : null, c.queue_ms >= 50 ? "bad" : ""], ["first answer", known(c.first_ms) ? ms(c.first_ms) : null],
		["received", known(c.rx_bytes) ? bytes(c.rx_bytes) : known(c.rx_least) ? "at least " + most(c.rx_least) : null], ["sent", known(c.tx_bytes) ? bytes(c.tx_bytes) : known(c.tx_least) ? "at least " + most(c.tx_least) : null],
		["round trip", known(c.rtt_ms) ? ms(c.rtt_ms) : null], ["resent", c.retrans, c.retrans > 0 ? "bad" : ""], ["window 0", c.zerowin, c.zerowin > 0 ? "bad" : ""], ["ended by", c.close], ["asked for", c.host], ["why", c.why ? c.why.join(", ") : null], ["evidence", c.seen]]),
		h("p", {}, bar), h("p", {}, sums.map(([name, us, cls]) => h("span", {class: "key"}, s("svg", {viewBox: "0 0 10 10"}, s("rect", {width: 10, height: 10, class: cls})), name + " " + span(us))))];
	if (c.x.length > 1)
		kids.push(h("details", {}, h("summary", {}, count(c.x.length, "exchange")), h("div", {class: "wide"}, h("table", {}, h("thead", {}, h("tr", {}, ["Request after", "Took", "Waits for answer", "Transfer"].map(n => h("th", {}, n)))), h("tbody", {}, c.x.map(([a, b, d, e]) => h("tr", {}, [span(a - c.from), span(b - a), known(d) ? span(d - b) : "-", known(d) ? span(e - d) : "-"].map(v => h("td", {}, v)))))))));
	const two = h("div", {class: "two"});
	if (ladders.has(id)) two.append(panel("What happened, call by call and segment by segment", "connection-" + id, sequence(c, ladders.get(id))));
	else two.append(h("div", {class: "panel"}, h("p", {class: "dim"}, D.ladders_dropped ? "No sequence: the page has those of " + ladders.size + " connections that stand out most." : "None of its calls or segments was seen.")));
	if (graphs.has(id)) two.append(graphPanel(c, graphs.get(id)));
	kids.push(two);
	place.replaceChildren(...kids);
}
const WORDS = [[2, "resent"], [4, "partly resent"], [8, "out of order"], [16, "keep-alive"], [32, "window 0"], [64, "outside the window"], [128, "fragment"], [512, "sent again"], [0x2000, "for nothing"], [0x8000, "window probe"]];
const judged = bits => WORDS.filter(([bit]) => bits & bit).map(([, word]) => word);
const FLAGS = [[2, "SYN"], [1, "FIN"], [4, "RST"], [16, "ACK"]];
// Several plain or repeated segments in a row are one line.
function episodes(entries) {
	const made = [];
	for (let i = 0; i < entries.length;) {
		let j = i;
		while (j < entries.length && entries[j][1] === "s" && !(entries[j][3] & 7)) j++;
		if (j - i > 14) {
			const run = entries.slice(i + 6, j - 3), resent = run.filter(e => e[8] & 6).length;
			made.push(...entries.slice(i, i + 6), [run[0][0], "x", run.length, resent, run.reduce((all, e) => all + (e[6] || 0), 0), run[run.length - 1][0]], ...entries.slice(j - 3, j));
		} else {
			made.push(...entries.slice(i, Math.max(j, i + 1)));
		}
		i = Math.max(j, i + 1);
	}
	return made;
}
function sequence(c, ladder) {
	const W = 640, P = 110, L = 230, R = 520, kids = [], entries = episodes(ladder.e), total = Math.max(1, (c.end ?? T1) - (c.from ?? T0)), left = ladder.e.slice(0, ladder.at).length;
	let y = 40, before = null;
	const arrow = (from, to, cls, yy) => { const d = to > from ? -5 : 5; return s("path", {d: "M" + from + " " + yy + "H" + to + "m" + d + " -4L" + to + " " + yy + "l" + d + " 4", class: cls}); };
	entries.forEach((e, i) => {
		const [t, kind] = e, gap = before !== null && known(t) ? t - before : 0;
		if (gap > 20000 && gap > total / 20 || gap > 200000) { kids.push(s("rect", {x: 6, y: y - 9, width: W - 12, height: 16, class: "band"}), text(W / 2, y + 3, span(gap) + " later", gap > 200000 ? "w b m" : "d m")); y += 22; }
		if (ladder.cut && i === left) { kids.push(text(W / 2, y + 3, ladder.cut + " entries are not in this page", "w m")); y += 20; }
		if (known(t)) { kids.push(text(P - 28, y + 4, "+" + span(t - (c.from ?? T0)), "d e")); before = kind === "f" ? e[6] ?? t : kind === "x" ? e[5] : t; }
		if (kind === "s") {
			const [, , side, flags, seq, , len, win, bits, mine, theirs] = e, words = judged(bits), out = side === 0;
			const name = FLAGS.filter(([bit]) => flags & bit && !(bit === 16 && len && !(flags & 7))).map(([, n]) => n).join(" ");
			const cls = flags & 4 || bits & 6 ? "red" : bits & (8 | 32 | 512 | 0x8000) ? "amber" : out ? "out" : "in";
			kids.push(arrow(out ? L : R, out ? R : L, cls, y + 4), text((L + R) / 2, y, cut([name, len ? len + " B" + (known(seq) ? " @" + seq : "") : "", words.join(", ")].filter(Boolean).join("  "), 46), (bits & 6 || flags & 4 ? "r " : "") + "m"));
			if (mine) kids.push(text(L - 6, y + 16, mine, "d e"));
			if (theirs) kids.push(text(R + 6, y + 8, theirs, "d"));
			y += mine ? 28 : 22;
		} else if (kind === "c") {
			// A connect of an accepted connection is the other side's, which is a process of this host.
			const back = /returns|accept|finishes/.test(e[2]), other = c.dir === "in" && e[2].startsWith("connect"), from = other ? W - 40 : P, to = other ? R : L;
			kids.push(arrow(back ? to : from, back ? from : to, "call", y + 4), text(other ? R - 6 : P + 6, y, cut(e[2] + (known(e[3]) ? "(" + e[3] + ")" : "") + (e[4] ? " " + e[4] : "") + (known(e[5]) && e[5] !== c.pid ? " by " + e[5] : ""), 40), (e[4] ? "r b" : "b") + (other ? " e" : "")));
			y += 24;
		} else if (kind === "m") {
			const out = e[2] === 0;
			kids.push(s("rect", {x: L + 2, y: y - 10, width: R - L - 4, height: 18, rx: 8, class: "box" + (e[4] >= 500 ? " r" : "")}), text((L + R) / 2, y + 3, cut((out ? "" : "◀ ") + e[3] + (known(e[4]) ? " " + e[4] : "") + (out ? " ▶" : ""), 42), "b m"));
			y += 24;
		} else if (kind === "i") {
			kids.push(arrow(R, L, "red", y + 4), text((L + R) / 2, y, "ICMP " + e[3], "r m"));
			y += 22;
		} else {
			const n = kind === "x" ? e[2] : e[2] + e[3], size = kind === "x" ? e[4] : e[4] + e[5], last = kind === "x" ? e[5] : e[6];
			kids.push(s("rect", {x: L + 4, y: y - 10, width: R - L - 8, height: 18, class: "band"}), text((L + R) / 2, y + 3, count(n, "segment") + ", " + bytes(size) + (kind === "x" && e[3] ? ", " + e[3] + " resent" : "") + (known(last) && last > t ? " in " + span(last - t) : ""), kind === "x" && e[3] ? "r m" : "m"));
			y += 24;
		}
	});
	const heads = [[P, cut((c.comm ?? "process") + (known(c.pid) ? " [" + c.pid + "]" : ""), 20), "m b"], [L, known(c.lport) ? ":" + c.lport : "-", "m b"], [R, cut(endpoint(c.raddr, c.rport), 30), "m b"]];
	return drawing(W, y + 6, "Sequence of connection " + c.conn, ...heads.map(([x, , ]) => s("path", {d: "M" + x + " 22V" + y, class: "axis"})), ...heads.map(([x, words, cls]) => text(x, 14, words, cls)), ...kids);
}

// ---- time and sequence

function graphPanel(c, g) {
	const points = [];
	for (let i = 0; i + 7 < g.p.length; i += 8) points.push({t: g.p[i], side: g.p[i + 1], flags: g.p[i + 2], seq: g.p[i + 3], len: g.p[i + 4], ack: g.p[i + 5], win: g.p[i + 6], bits: g.p[i + 7]});
	for (let i = 0; i + 2 < g.sack.length; i += 3) points[g.sack[i]].sack = [g.sack[i + 1], g.sack[i + 2]];
	const sent = [0, 1].map(side => points.filter(p => p.side === side).reduce((all, p) => all + p.len, 0)), side = sent[1] > sent[0] ? 1 : 0;
	const end = Math.max(1, ...points.map(p => p.t)), place = h("div", {class: "wide"});
	let view = [0, end], svg = null;
	const paint = () => {
		svg = graph(points, side, view, (a, b) => { view = [a, b]; paint(); });
		place.replaceChildren(svg);
	};
	paint();
	return h("div", {class: "panel"}, h("header", {}, h("h3", {}, "Bytes " + (side ? "received" : "sent") + " over time" + (g.cut ? ", its first " + points.length + " segments" : "")), h("span", {}, h("button", {type: "button", click: () => { view = [0, end]; paint(); }}, "all"), " ", saver("graph-" + c.conn, () => svg))), place,
		h("p", {class: "dim"}, "blue: sent; red: resent; green: acknowledged; magenta: acknowledged selectively; amber: the receiver's window. Drag to zoom."));
}
function graph(points, side, [from, to], zoomed) {
	const W = 640, H = 300, left = 58, right = W - 10, X = t => left + (t - from) / Math.max(1, to - from) * (right - left);
	const inside = points.filter(p => p.t >= from && p.t <= to), mine = inside.filter(p => p.side === side && p.len), acks = inside.filter(p => p.side !== side && known(p.ack) && p.flags & 16);
	const lows = mine.map(p => p.seq).concat(acks.map(p => p.ack)), low = lows.length ? Math.min(...lows) : 0;
	const windows = acks.filter(p => !(p.flags & 2) && !(p.bits & 0x1000)), high = Math.max(low + 1, ...mine.map(p => p.seq + p.len)), top = high + (high - low) * .05;
	const Y = seq => H - 20 - (Math.min(seq, top) - low) / (top - low) * (H - 30), kids = [];
	for (const t of ticks(from, to, 6)) kids.push(s("path", {d: "M" + X(t).toFixed(1) + " 4V" + (H + 146), class: "line"}), text(X(t), H + 160, span(t), "d m"));
	for (const v of ticks(low, high, 5)) kids.push(text(left - 4, Y(v) + 4, bytes(v), "d e"), s("path", {d: "M" + left + " " + Y(v).toFixed(1) + "H" + right, class: "line"}));
	const step = (list, value) => list.map((p, i) => (i ? "H" + X(p.t).toFixed(1) + "V" : "M" + X(p.t).toFixed(1) + " ") + Y(value(p)).toFixed(1)).join("");
	const bars = list => list.map(p => "M" + X(p.t).toFixed(1) + " " + (Y(p.seq) + .5).toFixed(1) + "V" + (Y(p.seq + p.len) - .5).toFixed(1)).join("");
	kids.push(s("path", {d: step(windows, p => p.ack + p.win), class: "wnd"}), s("path", {d: step(acks, p => p.ack), class: "in"}),
		s("path", {d: bars(mine.filter(p => !(p.bits & 6))), class: "out", "stroke-width": 2}), s("path", {d: bars(mine.filter(p => p.bits & 6)), class: "red", "stroke-width": 2}));
	kids.push(s("path", {d: acks.filter(p => p.sack).map(p => "M" + X(p.t).toFixed(1) + " " + Y(p.sack[0]).toFixed(1) + "V" + Y(p.sack[1]).toFixed(1)).join(""), class: "call sack"}));
	for (const p of acks.filter(p => p.bits & 32)) kids.push(s("circle", {cx: X(p.t).toFixed(1), cy: Y(p.ack).toFixed(1), r: 3, class: "fail"}, title("window 0")));
	// Round trips: of what was sent once; in flight: sent and not acknowledged.
	const open = [], trips = [], flight = [];
	let highest = low, acked = low;
	for (const p of points) {
		if (p.side === side && p.len) {
			if (p.bits & 6) { for (const o of open) if (p.seq < o.end && p.seq + p.len > o.seq) o.again = true; } else open.push({seq: p.seq, end: p.seq + p.len, t: p.t});
			highest = Math.max(highest, p.seq + p.len);
		} else if (p.side !== side && known(p.ack) && p.flags & 16) {
			while (open.length && open[0].end <= p.ack) { const o = open.shift(); if (!o.again && (!open.length || open[0].end > p.ack)) trips.push([p.t, p.t - o.t]); }
			acked = Math.max(acked, p.ack);
		}
		flight.push([p.t, Math.max(0, highest - acked)]);
	}
	const small = (list, top0, name, unit, path) => {
		const some = list.filter(([t]) => t >= from && t <= to), most = Math.max(1, ...some.map(([, v]) => v)), y = v => top0 + 50 - v / most * 46;
		kids.push(text(left, top0 - 2, name + (some.length ? ", up to " + unit(most) : ": none seen"), "b"), s("path", {d: "M" + left + " " + (top0 + 50) + "H" + right, class: "axis"}), s("path", {d: path(some, y), class: name[0] === "R" ? "dot" : "out"}));
	};
	small(trips, H + 14, "Round trip of what was sent once", span, (list, y) => list.map(([t, v]) => "M" + X(t).toFixed(1) + " " + y(v).toFixed(1) + "h.1").join(""));
	small(flight, H + 90, "In flight, not yet acknowledged", bytes, (list, y) => list.map(([t, v], i) => (i ? "H" + X(t).toFixed(1) + "V" : "M" + X(t).toFixed(1) + " ") + y(v).toFixed(1)).join(""));
	const svg = drawing(W, H + 166, "Bytes over time", ...kids);
	dragging(svg, (a, b) => zoomed(Math.max(0, from + (a - left) / (right - left) * (to - from)), from + (b - left) / (right - left) * (to - from)), H + 146);
	return svg;
}

// ---- histograms

function histograms() {
	const made = [["Handshake", "hs_ms", "hs"], ["Wait in the accept queue", "queue_ms", "queue"], ["Request to first byte of answer", "first_ms", "an"]].map(([name, key, cls]) => {
		const values = conns.map(c => c[key]).filter(known).sort((a, b) => a - b), W = 380, H = 170, kids = [];
		if (!values.length) return panel(name, key, null, h("p", {class: "dim"}, "not seen in this run"));
		const bin = v => Math.max(0, Math.ceil(Math.log2(Math.max(v, .001) * 1000))), low = bin(values[0]), high = bin(values[values.length - 1]);
		const bins = Array(high - low + 1).fill(0);
		for (const v of values) bins[bin(v) - low]++;
		const most = Math.max(...bins), w = Math.min(60, (W - 50) / bins.length);
		bins.forEach((n, i) => {
			const height = n / most * (H - 40);
			kids.push(s("rect", {x: 40 + i * w, y: H - 20 - height, width: Math.max(1, w - 2), height, class: cls}, title(count(n, "connection") + " up to " + span(2 ** (low + i)))));
			if (i % Math.ceil(bins.length / 6) === 0) kids.push(text(Math.min(40 + i * w + w / 2, W - 26), H - 6, span(2 ** (low + i)), "d m"));
		});
		kids.push(text(36, 26, most, "d e"), s("path", {d: "M40 " + (H - 20) + "H" + (W - 8), class: "axis"}));
		return panel(name, key, drawing(W, H, name, ...kids), h("p", {class: "dim"}, count(values.length, "connection") + ", median " + ms(quantile(values, .5)) + ", p95 " + ms(quantile(values, .95)) + ", longest " + ms(values[values.length - 1])));
	});
	section("histograms", "How long things took", "each bar is twice as long a time as the one to its left", h("div", {class: "three"}, made));
}

// ---- peers

function peersTable() {
	const columns = [["Peer", "peer"], ["Dir", "dir"], ["Port", "port"], ["Processes", "comms"], ["Conns", "conns"], ["Failed", "fail"], ["HS ms", "hs_ms"], ["HS max", "hs_max_ms"], ["Queue ms", "queue_ms"], ["Queue p95", "queue_p95_ms"], ["Queue max", "queue_max_ms"], ["First ms", "first_ms"], ["RTT ms", "rtt_ms"], ["Resent", "retrans"], ["RX bytes", "rx_bytes"], ["TX bytes", "tx_bytes"]];
	const table = $("table"), body = table.tBodies[0];
	let order = null, down = true;
	const value = (row, key) => key === "comms" ? (row.comms || []).filter(known).join(", ") : row[key];
	const fill = () => {
		const rows = peers.slice();
		if (order) rows.sort((a, b) => {
			const x = value(a, order), y = value(b, order), way = down ? -1 : 1;
			return !known(x) ? !known(y) ? 0 : 1 : !known(y) ? -1 : (x < y ? -1 : x > y ? 1 : 0) * way;
		});
		body.replaceChildren(...rows.map(row => h("tr", {"data-key": "", tabindex: 0, click: () => jump(row), keydown: event => { if (event.key === "Enter") jump(row); }}, columns.map(([, key]) => {
			const v = value(row, key);
			return h("td", {class: key === "fail" && v > 0 ? "bad" : ""}, !known(v) || v === "" ? "-" : key.endsWith("_ms") ? v.toFixed(3) : v);
		}))));
		[...table.tHead.rows[0].cells].forEach((cell, i) => cell.setAttribute("aria-sort", columns[i][1] === order ? down ? "descending" : "ascending" : "none"));
	};
	const jump = row => { filter(row.dir === "in" ? "← :" + row.port + " " + (row.peer ?? "") : "→ " + endpoint(row.peer, row.port)); $("timeline").scrollIntoView(); };
	table.tHead.rows[0].replaceChildren(...columns.map(([name, key]) => h("th", {scope: "col"}, h("button", {type: "button", click: () => { down = order === key ? !down : true; order = key; fill(); }}, name))));
	fill();
}

// ---- all

function route() {
	const match = /^#c=(\d+)$/.exec(location.hash);
	if (match && state.chosen !== Number(match[1])) show(Number(match[1]));
}
runSection();
findings();
mapSection();
timelineSection();
$("main").append(h("section", {id: "connection"}));
histograms();
peersTable();
$("after").append(h("footer", {}, "Made by conntrace " + D.version + ". Keys: ", ["/", " filter, ", "f", " only what stands out, ", "j", " ", "k", " next, previous, ", "+", " ", "−", " ", "0", " zoom. "].map((w, i) => i % 2 ? w : h("kbd", {}, w)), "This file asks the network for nothing."));
document.addEventListener("keydown", event => {
	if (event.ctrlKey || event.altKey || event.metaKey) return;
	if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) { if (event.key === "Escape") event.target.blur(); return; }
	const some = shown(), at = some.findIndex(c => c.conn === state.chosen);
	const act = {"/": () => timeline.input.focus(), f: () => timeline.only.click(), "+": () => zoom(.5), "=": () => zoom(.5), "-": () => zoom(2), "0": whole,
		j: () => some.length && choose(some[Math.min(some.length - 1, at + 1)].conn), k: () => some.length && choose(some[Math.max(0, at - 1)].conn)};
	if (Object.hasOwn(act, event.key)) { event.preventDefault(); act[event.key](); }
});
window.addEventListener("hashchange", route);
let width = 0;
new ResizeObserver(() => { const now = timeline.place.clientWidth; if (now && Math.abs(now - width) > 8) { width = now; draw(); } }).observe(timeline.place);
if (/^#c=/.test(location.hash)) route();
else if (ladders.size) { const first = conns.filter(c => ladders.has(c.conn)).sort((a, b) => (b.queue_ms || 0) + (b.retrans || 0) * 100 - (a.queue_ms || 0) - (a.retrans || 0) * 100)[0]; if (first) show(first.conn); }
})();
