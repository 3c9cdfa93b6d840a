"use strict";
/*
 * The frame of the page: asking the API, listening to events, dialogs, tables.
 * What a tracker or a file says reaches the page as text nodes only: there is
 * no innerHTML in it, and the policy that comes with it allows no other
 * script.
 */
const $ = (id) => document.getElementById(id);

function el(tag, attrs, ...children) {
	const e = document.createElement(tag);
	for (const [k, v] of Object.entries(attrs || {})) {
		if (k === "on")
			for (const [name, fn] of Object.entries(v))
				e.addEventListener(name, fn);
		else if (v !== null && v !== undefined && v !== false)
			e.setAttribute(k, v === true ? "" : v);
	}
	for (const c of children.flat())
		if (c !== null && c !== undefined)
			e.append(c);
	return e;
}

/* --- words ----------------------------------------------------------------*/
const num = (n) => n === null || n === undefined ? "–"
    : Number(n).toLocaleString("en");
const percent = (part, all) => all > 0
    ? (100 * part / all).toFixed(part === all ? 0 : 1) + "%" : "–";

function when(t) {
	if (!t)
		return "–";
	const d = new Date(t), two = (n) => String(n).padStart(2, "0");
	return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} `
	    + `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

function span(seconds) {
	const s = Math.max(0, Math.round(seconds));
	if (s < 90)
		return s + " s";
	if (s < 5400)
		return Math.round(s / 60) + " min";
	if (s < 172800)
		return Math.round(s / 3600) + " h";
	return Math.round(s / 86400) + " d";
}

const ago = (t) => t ? span((Date.now() - new Date(t)) / 1000) + " ago" : "–";
const until = (t) => t ? "in " + span((new Date(t) - Date.now()) / 1000) : "–";

const colour_of = {
	ok: "good", running: "good", finished: "good", succeeded: "good",
	online: "good", passed: "good", degraded: "warn", paused: "warn",
	draining: "warn", aborting: "warn", backoff: "warn", held: "warn",
	unverified: "warn", soaking: "warn", halted: "bad", aborted: "bad",
	failed: "bad", broken: "bad",
};
const pill = (word) => el("span", {class: "pill " + (colour_of[word] || "soft")},
    word || "–");

/* --- the API --------------------------------------------------------------*/
class ApiError extends Error {
	constructor(status, code, message) {
		super(message);
		this.status = status;
		this.code = code;
	}
}

const token = () => sessionStorage.getItem("token");

function headers(more) {
	const h = Object.assign({}, more);
	if (token())
		h.Authorization = "Bearer " + token();
	return h;
}

async function ask(path, body) {
	const r = await fetch("/api/v1/" + path, body === undefined
	    ? {headers: headers()}
	    : {method: "POST", body: JSON.stringify(body),
	       headers: headers({"Content-Type": "application/json"})});
	const j = await r.json().catch(() => null);

	if (r.ok && j !== null)
		return j;
	if (r.status === 401)
		token_dialog();
	throw new ApiError(r.status, j?.error?.code || "",
	    j?.error?.message || "HTTP " + r.status);
}

const seg = encodeURIComponent;

/* --- dialogs --------------------------------------------------------------*/
/* fields: {name: [label, type, value]}. fn gets the values; what it throws is
 * shown, and the dialog stays. */
function dialog(title, parts, fields, button, fn) {
	const d = $("dialog"), wrong = el("p", {class: "bad", role: "alert"});
	const inputs = Object.entries(fields).map(([name, [label, type, value]]) =>
	    el("label", {}, label, el("input",
		{name, type, value, maxlength: 200, autocomplete: "off"})));
	const go = el("button", {type: "submit",
	    class: button.danger ? "danger" : "main"}, button.text);
	const form = el("form", {method: "dialog"}, el("h2", {}, title), parts,
	    inputs, wrong, el("div", {class: "actions"}, go,
		el("button", {type: "button", on: {click: () => d.close()}},
		    "Cancel")));

	form.addEventListener("submit", async (e) => {
		e.preventDefault();
		go.disabled = true;
		try {
			await fn(Object.fromEntries(new FormData(form)));
			d.close();
			refresh(true);
		} catch (x) {
			wrong.textContent = x.message;
		}
		go.disabled = false;
	});
	d.replaceChildren(form);
	if (!d.open)
		d.showModal();
}

function token_dialog() {
	if ($("dialog").open)
		return;
	dialog("Token", el("p", {}, "This daemon asks for a token of its "
	    + "http.token_file. It is kept until this window is closed."),
	    {token: ["Token", "password", ""]}, {text: "Go on"}, async (v) => {
		sessionStorage.setItem("token", v.token.trim());
		await ask("status");
		listen();
	});
}

/* What an abort would meet; null when it cannot be told. */
async function stoppable(name) {
	return ask(`campaigns/${seg(name)}/abort`, {dry_run: true})
	    .catch(() => null);
}

function figures(r) {
	return el("dl", {},
	    el("dt", {}, "In flight"), el("dd", {}, num(r.in_flight)),
	    el("dt", {}, "Can still be stopped"), el("dd", {}, num(r.stoppable)),
	    el("dt", {}, "Past that point"), el("dd", {}, num(r.flashing)));
}

/* One change, with what it means, a reason for the audit log, and the line
 * that does the same. */
async function change(title, path, opt) {
	const o = opt || {};
	dialog(title, [o.text ? el("p", {}, o.text) : null, o.more || null,
	    o.cmd ? el("p", {class: "soft"}, el("code", {}, o.cmd)) : null],
	    Object.assign({reason: ["Reason, for the audit log", "text", ""]},
		o.fields || {}),
	    {text: o.button || title, danger: o.danger}, async (v) => {
		const body = Object.assign({}, o.body);
		if (v.reason)
			body.reason = v.reason;
		await ask(path, body);
	});
}

/* --- tables ---------------------------------------------------------------*/
/* A cell that begins like a formula would be one to a spreadsheet. */
function csv_cell(v) {
	let s = v === null || v === undefined ? "" : String(v);
	if (/^[=+\-@\t\r]/.test(s))
		s = "'" + s;
	return /[",\n\r]/.test(s) ? '"' + s.replaceAll('"', '""') + '"' : s;
}

function csv_save(name, columns, rows) {
	const lines = [columns.map((c) => csv_cell(c.title))].concat(
	    rows.map((r) => columns.map((c) => csv_cell(c.text(r)))));
	const url = URL.createObjectURL(new Blob(
	    [lines.map((l) => l.join(",")).join("\r\n") + "\r\n"],
	    {type: "text/csv"}));
	el("a", {href: url, download: name + ".csv"}).click();
	setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/* columns: {title, text(row), node(row) or none, cls}. more: a function for
 * the next page, or null. last: how many of the rows are shown, from the end;
 * newest: the other way round. CSV has all, as they came. On a phone the rows of
 * what is wide are blocks, without what is empty. */
function table(name, columns, rows, cmd, more, last, newest) {
	const shown = rows.slice(-(last || rows.length));
	if (newest)
		shown.reverse();
	const wide = columns.some((c) => c.cls === "wide");
	const cell = (c, r) => el("td", {"data-title": c.title, class:
	    (c.cls || "") + ((c.text(r) ?? "") === "" ? " none" : "")},
	    c.node ? c.node(r) : String(c.text(r) ?? "–"));
	const cells = (r) => columns.map((c) => cell(c, r));
	return el("div", {},
	    el("div", {class: "scroll"}, el("table", {"data-name": name,
		class: wide ? "stack" : null},
		el("thead", {}, el("tr", {}, columns.map((c) =>
		    el("th", {class: c.cls || null, scope: "col"}, c.title)))),
		el("tbody", {}, rows.length > 0
		    ? shown.map((r) => el("tr", {}, cells(r)))
		    : el("tr", {}, el("td", {class: "soft",
			colspan: columns.length}, "none"))))),
	    el("div", {class: "under"},
		el("button", {type: "button", on: {click: () =>
		    csv_save(name, columns, rows)}}, "CSV"),
		shown.length < rows.length ? el("span", {}, `the last ${
		    num(shown.length)} of ${num(rows.length)}`) : null,
		more ? el("button", {type: "button", on: {click: more}},
		    "More") : null,
		cmd ? el("code", {}, cmd) : null));
}

const card = (title, ...inside) => el("section", {class: "card"},
    el("h2", {}, title), inside);
const tile = (what, value, cls) => el("div", {class: "tile"},
    el("b", {class: cls || null}, value), el("span", {}, what));
const facts = (rows) => el("dl", {}, rows.filter((r) => r[1] !== null &&
    r[1] !== undefined && r[1] !== "").flatMap(([k, v]) =>
	[el("dt", {}, k), el("dd", {}, v)]));

/* For a shell: what needs no quotes stays as it is. */
const word = (s) => /^[A-Za-z0-9_.\/:-]+$/.test(s) ? s
    : "'" + s.replaceAll("'", "'\\''") + "'";

/* --- plots ----------------------------------------------------------------*/
const palette = {
	succeeded: "#2da44e", active: "#1f8fe0", backoff: "#bf8700",
	waiting: "#8c959f", failed: "#d1242f", unverified: "#e16f24",
	cancelled: "#8250df", skipped: "#57606a",
};
const series = ["#1f8fe0", "#2da44e", "#e16f24", "#8250df", "#bf8700",
    "#d1242f", "#57606a", "#0aa2c0"];
const plots = new Map();

/* A canvas that outlives the redrawing of its page: only its data change. */
function plot(key, config, label) {
	const css = getComputedStyle(document.documentElement);
	const text = css.getPropertyValue("--soft").trim();
	const line = css.getPropertyValue("--line").trim();

	config.options = Object.assign({animation: false, responsive: true,
	    maintainAspectRatio: false}, config.options);
	for (const s of Object.values(config.options.scales || {})) {
		s.ticks = Object.assign({color: text}, s.ticks);
		s.grid = Object.assign({color: line}, s.grid);
	}
	config.options.plugins = Object.assign({legend: {labels: {color: text,
	    boxWidth: 12}}}, config.options.plugins);
	const have = plots.get(key);
	if (have) {
		have.chart.data = config.data;
		have.chart.options = config.options;
		/* It is drawn when it is in the page again. */
		setTimeout(() => have.chart.update("none"));
		return have.box;
	}
	const canvas = el("canvas", {role: "img", "aria-label": label});
	const box = el("div", {class: "plot"}, canvas);
	plots.set(key, {box, chart: null});
	setTimeout(() => {
		if (box.isConnected)
			plots.get(key).chart = new Chart(canvas, config);
		else
			plots.delete(key);
	});
	return box;
}

function plots_forget() {
	for (const p of plots.values())
		p.chart?.destroy();
	plots.clear();
}

/* --- pages ----------------------------------------------------------------*/
const pages = {};         /* filled by views.js: name → async (args) => nodes */
let shown = "", drawing = false, again = false;

function route() {
	const [path, query] = location.hash.slice(1).split("?");
	const parts = path.split("/").filter(Boolean).map(decodeURIComponent);
	return {name: parts[0] || "fleet", args: parts.slice(1),
	    query: Object.fromEntries(new URLSearchParams(query || ""))};
}

/* Somebody is about to choose something: what he looks at stays. */
const busy = () => ["INPUT", "SELECT"].includes(document.activeElement?.tagName)
    && $("main").contains(document.activeElement);

async function refresh(force) {
	if (drawing) {
		again = true;
		return;
	}
	if (document.hidden && !force || busy() && !force)
		return;
	drawing = true;
	const r = route(), here = location.hash;
	try {
		await draw_state();
		const nodes = await (pages[r.name] || pages.none)(r.args, r.query);
		if (here === location.hash) {
			if (shown !== here)
				plots_forget_but(nodes);
			shown = here;
			$("main").replaceChildren(...nodes.flat());
		}
	} catch (x) {
		if (shown !== here)
			$("main").replaceChildren(el("h1", {}, x.status === 404
			    ? "Not found" : "Cannot be shown"),
			    el("p", {}, x.message));
		banner(x.status ? "" : "The daemon does not answer: " + x.message);
	}
	document.body.dataset.drawn = here || "#/";
	drawing = false;
	if (again || here !== location.hash) {
		again = false;
		refresh(true);
	}
}

/* Of another page: their canvases are not part of what is drawn now. */
function plots_forget_but(nodes) {
	for (const [key, p] of plots)
		if (!nodes.flat().some((n) => n.contains?.(p.box))) {
			p.chart?.destroy();
			plots.delete(key);
		}
}

function banner(text) {
	$("banner").hidden = text === "";
	$("banner").textContent = text;
}

let state = null;

async function draw_state() {
	state = await ask("status");
	const p = $("state");
	p.textContent = state.state;
	p.className = "pill " + (colour_of[state.state] || "soft");
	p.title = state.reasons.join("\n");
	$("version").textContent = "trackupd " + state.version;
	$("halt").textContent = state.state === "halted" ? "Resume all" : "Halt";
	banner(state.state === "degraded" ? state.reasons.join("; ") : "");
	const name = route().name;
	const top = {campaign: "campaigns", targets: "campaigns",
	    device: "devices"}[name] || name;
	for (const a of document.querySelectorAll("nav a"))
		if (a.getAttribute("href") === "#/" + (top === "fleet" ? "" : top))
			a.setAttribute("aria-current", "page");
		else
			a.removeAttribute("aria-current");
}

/* --- events ---------------------------------------------------------------*/
let last_id = "", listening = 0, dirty = 0;

/* Many events make one redrawing. */
function changed() {
	if (dirty)
		return;
	dirty = setTimeout(() => {
		dirty = 0;
		refresh(false);
	}, 1000);
}

function on_block(block) {
	let event = "";
	for (const line of block.split("\n")) {
		if (line.startsWith("id: "))
			last_id = line.slice(4);
		if (line.startsWith("event: "))
			event = line.slice(7);
	}
	if (event === "live")
		$("live").textContent = "live";
	else if (event !== "")
		changed();
}

/* A browser has six connections to one server, for all its windows: a page
 * that nobody looks at must not keep one. */
let stream = null;
function deaf() {
	listening++;
	stream?.abort();
	stream = null;
	$("live").textContent = "not live while it is hidden";
}

/* fetch() and not EventSource: that one cannot show a token. */
async function listen() {
	const mine = ++listening;
	stream?.abort();
	while (mine === listening) {
		stream = new AbortController();
		try {
			const r = await fetch("/api/v1/events", {signal:
			    stream.signal, headers: headers(
			    last_id ? {"Last-Event-ID": last_id} : {})});
			if (r.status === 401)
				return;
			if (!r.ok)
				throw new Error("HTTP " + r.status);
			const reader = r.body.pipeThrough(new TextDecoderStream())
			    .getReader();
			for (let rest = "";;) {
				const {done, value} = await reader.read();
				if (done || mine !== listening)
					break;
				const blocks = (rest + value).split("\n\n");
				rest = blocks.pop();
				blocks.forEach(on_block);
			}
		} catch (x) {
			/* The daemon restarts, or the network is away. */
		}
		if (mine !== listening)
			return;
		$("live").textContent = "reconnecting";
		await new Promise((ok) => setTimeout(ok, 3000));
	}
}

/* --- halt, search, begin --------------------------------------------------*/
async function halt() {
	if (state?.state === "halted") {
		change("Resume all", "resume-all", {text: "Campaigns start trackers "
		    + "again, each within its windows and its pace.",
		    cmd: "trackupctl resume-all"});
		return;
	}
	const list = (await ask("campaigns")).items.filter((c) =>
	    ["running", "paused", "aborting"].includes(c.state));
	const sum = {in_flight: 0, stoppable: 0, flashing: 0};
	for (const c of list) {
		const r = await stoppable(c.name);
		for (const k of Object.keys(sum))
			sum[k] += r ? r[k] : 0;
	}
	change("Halt", "halt", {danger: true, more: figures(sum), text:
	    "No tracker is started any more, in any campaign, until all is "
	    + "resumed; also over a restart. What is in flight goes on: to stop "
	    + "what can still be stopped, abort the campaign.",
	    cmd: "trackupctl halt"});
}

addEventListener("DOMContentLoaded", () => {
	$("halt").addEventListener("click", () => halt().catch((x) =>
	    banner(x.message)));
	$("search").addEventListener("submit", (e) => {
		e.preventDefault();
		const id = new FormData(e.target).get("id").trim().toUpperCase();
		if (id)
			location.hash = "#/device/" + seg(id);
	});
	addEventListener("hashchange", () => {
		refresh(true);
		$("main").focus({preventScroll: true});
		scrollTo(0, 0);
	});
	document.addEventListener("visibilitychange", () => {
		if (document.hidden) {
			deaf();
		} else {
			listen();
			refresh(false);
		}
	});
	addEventListener("pagehide", deaf);
	addEventListener("pageshow", (e) => e.persisted && listen());
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change",
	    () => {
		plots_forget();
		refresh(true);
	});
	refresh(true);
	listen();
	setInterval(() => refresh(false), 10000);
});
