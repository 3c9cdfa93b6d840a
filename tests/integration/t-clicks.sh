#!/usr/bin/env bash
# The page as an operator uses it, in a real browser that is told where to
# click: each change with what it means before and after, lists as CSV, the line
# for a shell below each table, on a phone, in the dark.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
# shellcheck source=tests/integration/weblib.sh
. "$src/tests/integration/weblib.sh"
port=$("$helper" ports 1)
base=http://127.0.0.1:$port
write_config "" "http: {listen: [\"127.0.0.1:$port\"]}
devices: {inventory: $T/inventory.csv}"
"$helper" package 65536 >"$T/firmware/0A05.enc"
mapfile -t id < <(fleet_ids 12)
{
	echo id,name
	printf '%s,=1+1\n' "${id[@]}"
} >"$T/inventory.csv"
printf '%s\n' "${id[@]}" >"$T/campaigns/all.txt"
cat >"$T/campaigns/first.yaml" <<-END
campaign: first
targets: {file: all.txt}
target_version: "0A05"
packages: [{from: "0A03", to: "0A05", file: 0A05.enc}]
windows: always
END
ok "the daemon starts" daemon_start || finish
fleet 1 --first-id "${id[0]}" --firmware 0A03

browser_start || finish

visit()
{
	js "(location.hash = '$1')" >/dev/null
	sees "$1 is drawn" "document.body.dataset.drawn === '$1'"
}
# What it would meet is asked for first.
act()
{
	js "document.querySelector('[data-act=\"$1\"]').click()" >/dev/null
	sees "$1 asks" "document.getElementById('dialog').open"
}
reason() { js "document.querySelector('dialog [name=reason]').value = '$1'" \
    >/dev/null; }
confirm()
{
	js "document.querySelector('dialog [type=submit]').click()" >/dev/null
	sees "$1" "!document.getElementById('dialog').open"
}

wd "session/$session/url" "{\"url\": \"$base/#/campaign/first\"}" >/dev/null
sees "the campaign is drawn" \
    "document.body.dataset.drawn === '#/campaign/first'"
sees "it is live" "document.getElementById('live').textContent === 'live'"

# --- what one starts, one knows ------------------------------------------------
act start
shows "how many, before" 'Targets\n12'
shows "the line that does the same" 'trackupctl campaign start first --digest '
reason 'clicked: "go"'
confirm "started"
shows "it says so by itself" "Abort"
ok "it runs" wait_for 20 campaign_is first running
loading() { [ "$(campaign_field first in_flight)" = 1 ]; }
ok "one is under way" wait_for 30 loading
status "somebody else pauses it" 0 ctl campaign pause first
shows "and the page knows" "operator"
sees "and offers to go on" "!!document.querySelector('[data-act=resume]')"
act resume
reason "go on"
confirm "resumed"
ok "it runs again" wait_for 20 campaign_is first running

act pause
shows "pause says what is in flight" 'In flight\n1'
js "document.querySelector('dialog [type=button]').click()" >/dev/null
act abort
shows "what can still be stopped" 'Can still be stopped\n1'
shows "and what not" 'Past that point\n0'
js "document.querySelector('dialog [type=button]').click()" >/dev/null
ok "cancel is no yes" campaign_is first running

visit "#/device/${id[5]}"
act exclude
reason "in the workshop"
confirm "excluded"
shows "the device says why it stays out" "Excluded: in the workshop"
act include
confirm "included"
sees "it is in again" "!!document.querySelector('[data-act=exclude]')"

# --- every table: CSV, a line for a shell that works ----------------------------
mkdir -p "$T/shim"
printf '#!/bin/sh\nexec %s/trackupctl -s %s/ctl "$@"\n' "$bin" "$T" \
    >"$T/shim/trackupctl"
chmod +x "$T/shim/trackupctl"
tables=0
for page in '#/' '#/campaigns' '#/campaign/first' '#/targets/first?state=waiting' \
    '#/devices' "#/device/${id[0]}" '#/audit' '#/health'; do
	visit "$page"
	tables=$((tables + $(js 'document.querySelectorAll("table").length')))
	is "$page: each table has CSV and a line" "$(js '[...document
	    .querySelectorAll("table")].every((t) => {
		const under = t.parentNode.nextSibling;
		return under.firstChild.textContent === "CSV" &&
		    under.querySelector("code").textContent
			.startsWith("trackupctl ");
	    })' 2>&1)" true
	js '[...new Set([...document.querySelectorAll(".under code")].map((c) =>
	    c.textContent))].join("\n")' >>"$T/lines"
	echo >>"$T/lines"
done
ok "tables: $tables" test "$tables" -ge 14
sort -u "$T/lines" | sed '/^$/d' >"$T/lines.sorted"
ok "many lines" test "$(wc -l <"$T/lines.sorted")" -ge 9
while read -r line; do
	status "$line" 0 env PATH="$T/shim:$PATH" bash -c "$line" </dev/null
done <"$T/lines.sorted"

visit '#/devices'
js '(window.saved = null, window.make = URL.createObjectURL.bind(URL),
    URL.createObjectURL = (b) => {
	b.text().then((t) => { window.saved = t; });
	return window.make(b); },
    document.querySelector(".under button").click())' >/dev/null
sees "CSV" 'typeof window.saved === "string"'
is "CSV has all of them" "$(js 'window.saved.trim().split("\r\n").length')" 13
is "no cell is a formula" "$(js 'window.saved.split(",=").length')" 1

# --- search, phone, night ------------------------------------------------------
js '(document.querySelector("#search input").value = " '"${id[3]}"' ",
    document.getElementById("search").requestSubmit())' >/dev/null
sees "search finds" "location.hash === '#/device/${id[3]}'"
colour() { js 'getComputedStyle(document.body).backgroundColor'; }
day=$(colour)
emulate setEmulatedMedia \
    '{"features": [{"name": "prefers-color-scheme", "value": "dark"}]}'
ok "the night is dark" test "$(colour)" != "$day"
emulate setDeviceMetricsOverride \
    '{"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": true}'
for page in '#/' '#/campaign/first' '#/devices' "#/device/${id[0]}" '#/audit' \
    '#/health'; do
	visit "$page"
	sees "$page fits a phone" \
	    'document.documentElement.scrollWidth <= innerWidth'
done

# --- halt ----------------------------------------------------------------------
js 'document.getElementById("halt").click()' >/dev/null
shows "halt says what is in flight" 'In flight\n1'
reason "enough"
confirm "halted"
is "the daemon is halted" "$(ctl status --json | get state)" halted
sees "all is resumed with the same button" \
    'document.getElementById("halt").textContent === "Resume all"'
visit '#/campaign/first'
act abort
reason "done"
confirm "aborted"
ends() { [[ $(campaign_field first state) == abort* ]]; }
ok "it ends" wait_for 20 ends
ctl audit -o csv >"$T/audit.csv"
has "who and why is on record: start" "$T/audit.csv" \
    ',loopback,campaign_start,first,"clicked: ""go"""'
has "resume" "$T/audit.csv" ',loopback,campaign_resume,first,"?go on"?'
has "halt" "$T/audit.csv" ',loopback,halt,.*enough'
has "abort" "$T/audit.csv" ',loopback,campaign_abort,first,done'
fleet_stop
ok "the daemon ends" daemon_stop
finish
