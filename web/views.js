"use strict";
/* The pages: each asks the API and returns what is to be shown. */

const device_link = (id) => el("a", {href: "#/device/" + seg(id)}, id);
const campaign_link = (name) => el("a", {href: "#/campaign/" + seg(name)}, name);
const states = ["succeeded", "active", "backoff", "waiting", "failed",
    "unverified", "cancelled", "skipped"];

function progress_bar(t) {
	const bar = el("div", {class: "bar", role: "img", "aria-label":
	    states.map((s) => `${s} ${t[s]}`).join(", ")});
	for (const s of states) {
		const i = el("i", {title: `${s} ${t[s]}`});
		i.style.width = t.total > 0 ? 100 * t[s] / t.total + "%" : "0";
		i.style.background = palette[s];
		bar.append(i);
	}
	return bar;
}

function campaign_table(items) {
	return table("campaigns", [
		{title: "Campaign", text: (c) => c.name, node: (c) =>
		    campaign_link(c.name)},
		{title: "State", text: (c) => c.state, node: (c) => pill(c.state)},
		{title: "Reason", text: (c) => c.reason ?? "", cls: "wide"},
		{title: "Progress", text: (c) => c.targets.succeeded, node: (c) =>
		    progress_bar(c.targets)},
		{title: "Succeeded", text: (c) => c.targets.succeeded, cls: "num"},
		{title: "Failed", text: (c) => c.targets.failed, cls: "num"},
		{title: "Targets", text: (c) => c.targets.total, cls: "num"},
		{title: "In flight", text: (c) => c.in_flight, cls: "num"},
		{title: "Ends", text: (c) => c.finished_at || c.eta || "", node:
		    (c) => c.finished_at ? when(c.finished_at) : until(c.eta),
		    cls: "when"},
	], items, "trackupctl campaign list");
}

/* --- fleet ----------------------------------------------------------------*/
const ages = {hour: "last hour", day: "a day", week: "a week",
    month: "30 days", older: "longer ago", never: "never"};

const by_count = (fleet) => fleet.versions.slice().sort((a, b) =>
    b.devices - a.devices);

function versions_plot(fleet) {
	const rows = by_count(fleet).slice(0, 15);
	return plot("versions", {type: "bar", data: {
		labels: rows.map((v) => `${v.model ?? "?"} ${v.version
		    ?? "not read"}`),
		datasets: [
			{label: "online", data: rows.map((v) => v.online),
			 backgroundColor: palette.succeeded},
			{label: "offline", data: rows.map((v) => v.devices -
			    v.online), backgroundColor: palette.waiting},
		],
	}, options: {indexAxis: "y", scales: {x: {stacked: true,
	    ticks: {precision: 0}}, y: {stacked: true}}}},
	    "devices by model and version");
}

pages.fleet = async () => {
	const [fleet, list] = await Promise.all([ask("fleet"), ask("campaigns")]);
	const seen = Object.keys(ages);
	return [
		el("h1", {}, "Fleet"),
		el("div", {class: "tiles"},
		    tile("known", num(state.devices.known)),
		    tile("online", num(state.devices.online), "good"),
		    tile("observed only", num(state.devices.observed)),
		    tile("in flight", num(state.in_flight)),
		    tile("dark", num(state.dark), state.dark > 0 ? "bad" : null),
		    tile("connections", num(state.connections))),
		el("div", {class: "cards"},
		    card("Versions", versions_plot(fleet),
			table("versions", [
				{title: "Model", text: (v) => v.model ?? ""},
				{title: "Version", text: (v) => v.version
				    ?? "not read"},
				{title: "Devices", text: (v) => v.devices,
				 cls: "num"},
				{title: "Online", text: (v) => v.online,
				 cls: "num"},
			], by_count(fleet), "trackupctl device list")),
		    card("Last heard of", plot("seen", {type: "bar", data: {
			labels: seen.map((k) => ages[k]),
			datasets: [{label: "devices", backgroundColor: series[0],
			    data: seen.map((k) => fleet.last_seen[k])}],
		    }, options: {plugins: {legend: {display: false}}, scales: {
			x: {}, y: {ticks: {precision: 0}}}}},
			"devices by when they were last heard of"),
			el("p", {class: "soft"}, fleet.counting
			    ? "counting a large fleet; " : "",
			    "as of ", when(fleet.as_of)))),
		card("Campaigns", campaign_table(list.items)),
	];
};

/* --- campaigns ------------------------------------------------------------*/
pages.campaigns = async () => [
	el("h1", {}, "Campaigns"),
	card("All", campaign_table((await ask("campaigns?limit=1000")).items)),
];

function progress_plot(c, report) {
	/* After a restart nothing is left of what was before. */
	const points = c.finished_at && report.progress.length > 0
	    ? report.progress : report.progress.concat([Object.assign({at:
	    c.finished_at ?? new Date().toISOString()}, c.targets)]);
	/* Within two days the hour says more than the day. */
	const cut = new Date() - new Date(points[0].at) < 172800000
	    ? [11, 16] : [5, 10];
	return plot("progress/" + c.name, {type: "line", data: {
		labels: points.map((p) => when(p.at).slice(...cut)),
		datasets: states.map((s, i) => ({label: s,
		    fill: i === 0 ? "origin" : "-1",
		    data: points.map((p) => p[s]), pointRadius: 0,
		    borderWidth: 1, borderColor: palette[s],
		    backgroundColor: palette[s] + "b0", tension: 0})),
	}, options: {interaction: {mode: "index", intersect: false},
	    scales: {x: {ticks: {autoSkipPadding: 16, maxRotation: 0}},
		y: {stacked: true, min: 0, ticks: {precision: 0}}}}},
	    "targets by state over time");
}

function funnel_plot(c, report) {
	const steps = report.funnel;
	return plot("funnel/" + c.name, {type: "bar", data: {
		labels: steps.map((s) => s.step),
		datasets: [
			{label: "came further", backgroundColor: palette.succeeded,
			 data: steps.map((s, i) => further(steps, i))},
			{label: "are there", backgroundColor: palette.waiting,
			 data: steps.map((s, i) => still(steps, i))},
			{label: "ended there", backgroundColor: palette.failed,
			 data: steps.map((s) => s.ended)},
		],
	}, options: {indexAxis: "y", scales: {x: {stacked: true,
	    ticks: {precision: 0}}, y: {stacked: true}}}},
	    "how far trackers have come");
}

/* The last step is where all want to be: nobody is on his way there. */
const further = (steps, i) => i + 1 < steps.length ? steps[i + 1].count
    : steps[i].count;
const still = (steps, i) => steps[i].count - further(steps, i) - steps[i].ended;

function gate_text(w) {
	const g = w.gate;
	if (!g)
		return "none";
	return `${g.success}% of at least ${g.min_done}`
	    + (g.unknown_max < 100 ? `, unknown at most ${g.unknown_max}%` : "")
	    + (g.soak_s ? `, soak ${span(g.soak_s)}` : "") + `, then ${g.then}`
	    + (g.deadline_at ? `, until ${when(g.deadline_at)}` : "");
}

const lacks_text = (w) => !w.gate ? "" : w.gate.met ? (w.gate.soak_until
    && w.state === "soaking" ? "soaks until " + when(w.gate.soak_until)
    : "nothing") : w.gate.lacks ?? "";

function waves_table(c) {
	return table("waves-" + c.name, [
		{title: "Wave", text: (w) => w.name, node: (w) => el("a", {href:
		    `#/targets/${seg(c.name)}?wave=${seg(w.name)}`}, w.name)},
		{title: "State", text: (w) => w.state, node: (w) => pill(w.state)},
		{title: "Total", text: (w) => w.total, cls: "num"},
		{title: "Succeeded", text: (w) => w.succeeded, cls: "num"},
		{title: "Failed", text: (w) => w.failed, cls: "num"},
		{title: "Done", text: (w) => w.done, cls: "num"},
		{title: "Gate", text: gate_text, cls: "wide"},
		{title: "Still lacks", text: lacks_text, cls: "wide"},
		{title: "Why", text: (w) => w.reason ?? "", cls: "wide", node: (w) =>
		    el("span", {}, w.reason ?? "", " ", w.state === "held" ?
			approve_button(c, w) : "")},
	], c.waves, "trackupctl wave list " + word(c.name));
}

const approve_button = (c, w) => el("button", {type: "button",
    "data-act": "approve", on: {click: () => change("Approve " + w.name,
	`campaigns/${seg(c.name)}/waves/${seg(w.name)}/approve`, {
		text: `Wave ${w.name} passes, the next one opens.`,
		more: facts([["Succeeded", num(w.succeeded)], ["Failed",
		    num(w.failed)], ["Of", num(w.total)]]),
		cmd: `trackupctl wave approve ${word(c.name)} ${word(w.name)}`,
	})}}, "Approve");

function campaign_actions(c) {
	const path = "campaigns/" + seg(c.name) + "/", n = word(c.name);
	const button = (text, fn, danger) => el("button", {type: "button",
	    "data-act": text.toLowerCase(), class: danger ? "danger" : null,
	    on: {click: () => Promise.resolve(fn()).catch((x) =>
		banner(x.message))}}, text);
	const s = c.state, all = [];

	if (s === "draft")
		all.push(button("Start", () => change("Start " + c.name, path
		    + "start", {body: {digest: c.digest}, text: "This revision "
		    + "is approved, and no other.", button: "Start",
		    more: facts([["Targets", num(c.targets.total)], ["Digest",
			c.digest.slice(0, 16) + "…"]]),
		    cmd: `trackupctl campaign start ${n} --digest ${c.digest}`})));
	if (s === "running" || s === "scheduled")
		all.push(button("Pause", async () => {
			const r = await stoppable(c.name);
			change("Pause " + c.name, path + "pause", {text:
			    "No further starts. What is in flight goes on to its "
			    + "end; an abort stops what can still be stopped.",
			    more: r ? figures(r) : null, button: "Pause",
			    cmd: "trackupctl campaign pause " + n});
		}));
	if (s === "paused")
		all.push(button("Resume", () => change("Resume " + c.name, path
		    + "resume", {text: c.reason ? "It was paused: " + c.reason
		    : "", button: "Resume",
		    cmd: "trackupctl campaign resume " + n})));
	if (!["finished", "aborted", "aborting"].includes(s))
		all.push(button("Abort", async () => {
			const r = await stoppable(c.name);
			change("Abort " + c.name, path + "abort", {danger: true,
			    text: "It ends for good. What can be stopped is "
			    + "stopped; the rest settles by itself.",
			    more: r ? figures(r) : null, button: "Abort",
			    cmd: "trackupctl campaign abort " + n});
		}, true));
	if (c.targets.failed > 0 && s !== "aborted")
		all.push(button("Retry failed", () => change("Retry failed",
		    path + "retry-failed", {text: "Those that failed wait "
		    + "again, with fresh attempts.", more: facts([["Failed",
			num(c.targets.failed)]]),
		    cmd: "trackupctl campaign retry-failed " + n})));
	return el("div", {class: "actions"}, all);
}

function counts_table(name, title, counts, link, cmd) {
	const rows = Object.entries(counts).sort((a, b) => b[1] - a[1]);
	return table(name, [
		{title, text: (r) => r[0], node: (r) => el("a", {href:
		    link(r[0])}, r[0])},
		{title: "Targets", text: (r) => r[1], cls: "num"},
	], rows, cmd);
}

function failures_table(c, report) {
	return table("failures-" + c.name, [
		{title: "Cause", text: (f) => f.cause ?? f.state, node: (f) =>
		    el("a", {href: `#/targets/${seg(c.name)}?state=${f.state}`
			+ (f.cause ? "&cause=" + f.cause : "")},
			f.cause ?? f.state)},
		{title: "Model", text: (f) => f.model ?? ""},
		{title: "From", text: (f) => f.from ?? ""},
		{title: "Trackers", text: (f) => f.count, cls: "num"},
		{title: "What to do", text: (f) => f.action, cls: "wide"},
	], report.failures, `trackupctl campaign targets ${word(c.name)} `
	    + "--state failed");
}

pages.campaign = async ([name]) => {
	const [c, report] = await Promise.all([
		ask("campaigns/" + seg(name)),
		ask(`campaigns/${seg(name)}/report`)]);
	const t = c.targets, n = word(c.name);
	const link = (key) => (v) => `#/targets/${seg(name)}?${key}=${seg(v)}`;
	const w = c.window;

	return [
		el("h1", {}, c.name, " ", pill(c.state)),
		c.reason ? el("p", {class: "warn"}, c.reason) : null,
		c.description ? el("p", {class: "soft"}, c.description) : null,
		campaign_actions(c),
		el("div", {class: "tiles"},
		    tile("succeeded of " + num(t.total), num(t.succeeded), "good"),
		    tile("failed", num(t.failed), t.failed ? "bad" : null),
		    tile("active", num(t.active)),
		    tile("waiting", num(t.waiting + t.backoff)),
		    tile("in flight", num(c.in_flight)),
		    tile("dark", num(c.dark), c.dark ? "bad" : null),
		    c.finished_at ? [] : tile("ends an hour",
			c.rate === null ? "–" : num(Math.round(c.rate))),
		    tile(c.finished_at ? "finished" : "expected end",
			c.finished_at ? when(c.finished_at) : c.eta
			? until(c.eta) : "–", "small"),
		    c.finished_at ? [] : tile(!w ? "window"
			: new Date(w.begin) <= new Date()
			? `window open (${w.timezone})`
			: `next window (${w.timezone})`, !w ? "always"
			: new Date(w.begin) <= new Date() ? "until "
			+ when(w.end) : when(w.begin), "small")),
		progress_bar(t),
		el("p", {}),
		el("div", {class: "cards"},
		    card("Progress", progress_plot(c, report),
			table("progress-" + c.name, [{title: "At", text: (p) =>
			    p.at, node: (p) => when(p.at), cls: "when"}].concat(
			    states.map((s) => ({title: s, text: (p) => p[s],
				cls: "num"}))), report.progress,
			    "trackupctl campaign show " + n, null, 3)),
		    card("How far they came", funnel_plot(c, report),
			table("funnel-" + c.name, [
				{title: "Step", text: (s) => s.step},
				{title: "Trackers", text: (s) => s.count,
				 cls: "num"},
				{title: "Of all", cls: "num", text: (s) =>
				    percent(s.count, report.funnel[0].count)},
				{title: "There", cls: "num", text: (s) =>
				    still(report.funnel,
					report.funnel.indexOf(s))},
				{title: "Ended", cls: "num", text: (s) =>
				    s.ended, node: (s) => el("span", {class:
				    s.ended ? "bad" : null}, num(s.ended))},
			], report.funnel, "trackupctl campaign show " + n))),
		card("Waves", waves_table(c)),
		card("Failures", failures_table(c, report)),
		el("div", {class: "cards"},
		    card("Why they wait", counts_table("holds-" + c.name, "Hold",
			c.holds, link("hold"), "trackupctl campaign targets "
			+ n + " --state waiting")),
		    card("Active phases", counts_table("phases-" + c.name,
			"Phase", report.phases, () => link("state")("active"),
			"trackupctl campaign targets " + n
			+ " --state active")),
		    card("Campaign", facts([
			["Target version", c.target_version],
			["Revision", num(c.revision)],
			["Digest", c.digest], ["Priority", num(c.priority)],
			["Attempts", num(c.attempts)],
			["Started", c.started_at ? when(c.started_at) : null],
			["Schedule ends", c.schedule.end
			    ? when(c.schedule.end) + ", then "
			    + c.schedule.at_end : null],
			["Trackers", el("a", {href: "#/targets/" + seg(name)},
			    "all targets")]]))),
	].filter(Boolean);
};

/* --- lists that grow ------------------------------------------------------*/
const grown = new Map(); /* path → pages that were asked for */

/* The pages so far; a button asks for one more. */
async function list(path, limit) {
	const n = grown.get(path) || 1, items = [];
	let after = "";
	for (let i = 0; i < Math.min(n, 20); i++) {
		const p = await ask(`${path}${path.includes("?") ? "&" : "?"}limit=${
		    limit || 100}` + (after ? "&after=" + seg(after) : ""));
		items.push(...p.items);
		after = p.next;
		if (!after)
			break;
	}
	return {items, more: after ? () => {
		grown.set(path, n + 1);
		refresh(true);
	} : null};
}

const detail = (t) => t.phase ?? t.hold ?? t.cause ?? "";

pages.targets = async ([name], query) => {
	const keys = ["state", "cause", "hold", "wave"].filter((k) => query[k]);
	const q = keys.map((k) => k + "=" + seg(query[k])).join("&");
	const p = await list(`campaigns/${seg(name)}/targets${q ? "?" + q : ""}`);

	return [
		el("h1", {}, "Targets of ", campaign_link(name)),
		el("p", {class: "soft"}, keys.length > 0 ? keys.map((k) =>
		    `${k} ${query[k]}`).join(", ") + " — " : "", keys.length > 0
		    ? el("a", {href: "#/targets/" + seg(name)}, "show all")
		    : "all"),
		card("Trackers", table("targets-" + name, [
			{title: "Id", text: (t) => t.id, cls: "id", node: (t) =>
			    device_link(t.id)},
			{title: "State", text: (t) => t.state, node: (t) =>
			    pill(t.state)},
			{title: "Detail", text: detail},
			{title: "Until", text: (t) => t.hold_until ?? t.retry_at
			    ?? "", node: (t) => when(t.hold_until ?? t.retry_at),
			    cls: "when"},
			{title: "Wave", text: (t) => t.wave},
			{title: "Starts", text: (t) => t.attempts, cls: "num"},
			{title: "Hops", text: (t) => t.hops, cls: "num"},
			{title: "Version", text: (t) => t.version ?? ""},
			{title: "More", text: (t) => t.blocked_by ?? t.missing
			    ?? "", cls: "wide"},
		], p.items, `trackupctl campaign targets ${word(name)}`
		    + keys.map((k) => ` --${k} ${word(query[k])}`).join(""),
		    p.more)),
	];
};

pages.devices = async () => {
	const p = await list("devices");
	return [
		el("h1", {}, "Devices"),
		card("Trackers", table("devices", [
			{title: "Id", text: (d) => d.id, cls: "id", node: (d) =>
			    device_link(d.id)},
			{title: "Link", text: (d) => d.online ? "online"
			    : "offline", node: (d) => pill(d.online ? "online"
			    : "offline")},
			{title: "Model", text: (d) => d.model ?? ""},
			{title: "Version", text: (d) => d.versions.mcu ?? ""},
			{title: "Last seen", text: (d) => d.last_seen ?? "",
			 node: (d) => ago(d.last_seen), cls: "when"},
			{title: "Name", text: (d) => d.name ?? "", cls: "wide"},
			{title: "Diagnosis", text: (d) => d.diagnosis ?? "",
			 cls: "wide"},
		], p.items, "trackupctl device list", p.more)),
	];
};

/* --- a device -------------------------------------------------------------*/
/* Only what makes sense for this one, with what it would meet. */
function device_actions(d) {
	const path = "devices/" + seg(d.id) + "/", open = d.campaigns.find((t) =>
	    t.state === "active");
	const button = (verb, text, danger) => el("button", {type: "button",
	    "data-act": verb, class: danger ? "danger" : null, on: {click: () =>
		change(verb[0].toUpperCase() + verb.slice(1) + " " + d.id,
		    path + verb, {text, danger, button: verb, more: open
			? facts([["Under way", open.campaign],
			["Phase", open.phase]]) : null,
		    cmd: `trackupctl device ${verb} ${d.id}`})}}, verb);
	return el("div", {class: "actions"},
	    button("probe", "Read its versions now."),
	    open ? button("cancel", "Stop the update that is under way. Once "
		+ "it installs, nobody can.", true) : null,
	    d.quarantined_at ? button("release", "It may be commanded again. "
		+ "First find out who else spoke in its name: the timeline "
		+ "has the addresses.", true) : null,
	    d.excluded ? button("include", "Take it back into its campaigns.")
		: button("exclude", "Take it out of all campaigns until it is "
		+ "included again. What is under way goes on.", true));
}

/* Why it would not be commanded, whatever a campaign says. */
function obstacles(d) {
	return [
		d.quarantined_at ? "In quarantine since " + when(d.quarantined_at)
		    + ": two connections spoke as it. Nothing is sent to it." : null,
		d.excluded ? "Excluded" + (d.excluded.until ? " until "
		    + when(d.excluded.until) : "") + (d.excluded.reason ? ": "
		    + d.excluded.reason : "") : null,
		d.never ? "In never_file: never commanded." : null,
		!d.allowed && !d.never ? "No command may go to it: its address is "
		    + "outside its networks, or never_file cannot be read."
		    : null,
		d.diagnosis,
	].filter(Boolean).map((text) => el("p", {class: "warn"}, text));
}

const waits = (t) => t.state === "waiting" ? `waits for ${t.hold}`
    + (t.blocked_by ? ` (${t.blocked_by})` : "") : t.state === "active"
    ? t.phase : t.cause ?? "";

pages.device = async ([id]) => {
	const d = await ask("devices/" + seg(id));
	const p = await list(`devices/${seg(id)}/timeline`, 1000);
	return [
		el("h1", {}, d.id, " ", pill(d.online ? "online" : "offline")),
		...obstacles(d),
		device_actions(d),
		el("div", {class: "cards"},
		    card("Device", facts([["Name", d.name], ["Model", d.model],
			["Device type", d.device_type],
			["Hardware", d.hardware], ["Version", d.versions.mcu],
			["Read", d.version_at ? when(d.version_at) : null],
			["Last seen", d.last_seen ? `${when(d.last_seen)} (${
			    ago(d.last_seen)})` : "never"],
			["Next expected", d.next_contact
			    ? when(d.next_contact) : null],
			["Address", d.address], ["Transport", d.transport],
			["Country", d.country], ["Time zone", d.timezone],
			["Tags", d.tags.join(", ")],
			["Protocol", d.protocol],
			["Note", d.observed ? "only observed: in no list, so "
			    + "never commanded" : null]]),
			el("div", {class: "under"}, el("code", {},
			    "trackupctl device show " + d.id))),
		    card("Campaigns", table("campaigns-" + d.id, [
			{title: "Campaign", text: (t) => t.campaign, node: (t) =>
			    campaign_link(t.campaign)},
			{title: "State", text: (t) => t.state, node: (t) =>
			    pill(t.state)},
			{title: "Why", text: waits, cls: "wide"},
			{title: "Starts", text: (t) => t.attempts, cls: "num"},
			{title: "Again at", text: (t) => t.retry_at ?? "",
			 node: (t) => when(t.retry_at), cls: "when"},
		    ], d.campaigns, "trackupctl device show " + d.id))),
		card("Timeline, newest first", table("timeline-" + d.id, [
			{title: "At", text: (e) => e.at, cls: "when", node: (e) =>
			    el("span", {title: e.at}, when(e.at)
				+ e.at.slice(19, 23))},
			{title: "Kind", text: (e) => e.kind},
			{title: "Campaign", text: (e) => e.campaign ?? ""},
			{title: "Attempt", text: (e) => e.attempt ?? "",
			 cls: "num"},
			{title: "Phase", text: (e) => e.phase ?? ""},
			{title: "Code", text: (e) => e.code ?? "", cls: "num"},
			{title: "Serial", text: (e) => e.serial ?? ""},
			{title: "Text", text: (e) => e.text, cls: "wide",
			 node: (e) => el("code", {}, e.text)},
		], p.items, "trackupctl device timeline " + d.id, p.more, 300,
		    true)),
	].filter(Boolean);
};

/* --- audit and health -----------------------------------------------------*/
pages.audit = async () => {
	const p = await list("audit");
	return [
		el("h1", {}, "Audit log"),
		card("Newest first", table("audit", [
			{title: "At", text: (a) => a.at, cls: "when", node: (a) =>
			    when(a.at)},
			{title: "Who", text: (a) => a.who},
			{title: "Action", text: (a) => a.action},
			{title: "Object", text: (a) => a.object, cls: "wide"},
			{title: "Reason", text: (a) => a.reason ?? "",
			 cls: "wide"},
		], p.items, "trackupctl audit", p.more)),
	];
};

pages.health = async () => {
	const limits = Object.entries(state.limits).map(([name, l]) =>
	    Object.assign({name}, l)).sort((a, b) => (b.hits || 0) -
		(a.hits || 0));
	return [
		el("h1", {}, "Health ", pill(state.state)),
		el("div", {class: "tiles"},
		    tile("up", span(state.uptime_s)),
		    tile("database", state.store.state, state.store.state
			=== "ok" ? "good" : "bad"),
		    tile("its log, bytes", num(state.store.wal_bytes)),
		    tile("connections", num(state.connections)),
		    tile("version", state.version, "small")),
		state.reasons.length > 0 ? card("Why it is degraded",
		    el("ul", {}, state.reasons.map((r) => el("li", {}, r))))
		    : null,
		state.relay ? card("Relay", table("relay", [
			{title: "Platform", text: (u) => u.upstream},
			{title: "Up", text: (u) => u.up ? "yes" : "no"},
			{title: "Connected", text: (u) => u.connected,
			 cls: "num"},
			{title: "Error", text: (u) => u.error ?? "",
			 cls: "wide"},
		], state.relay.upstreams, "trackupctl status")) : null,
		card("Limits", table("limits", [
			{title: "Limit", text: (l) => l.name},
			{title: "At most", text: (l) => l.limit ?? "",
			 cls: "num"},
			{title: "Now", text: (l) => l.now ?? "", cls: "num"},
			{title: "Held off", text: (l) => l.hits ?? "",
			 cls: "num", node: (l) => el("span", {class: l.hits > 0
			    ? "warn" : null}, num(l.hits))},
		], limits, "trackupctl status --all")),
	].filter(Boolean);
};

pages.none = async () => [el("h1", {}, "No such page"),
    el("p", {}, el("a", {href: "#/"}, "To the fleet"))];
