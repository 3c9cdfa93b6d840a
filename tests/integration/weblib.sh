# weblib.sh: for the tests of the page; sourced after lib.sh.
#
# One browser without a window, told what to do by its driver: browser_start,
# then wd, js and what is built on them. It ends with the test.
# shellcheck shell=bash

# wd PATH JSON: one request to the driver, its answer on standard output.
wd()
{
	curl -s --max-time 60 -H 'Content-Type: application/json' -d "$2" "$web/$1"
}

driver_port()
{
	sed -n 's/.*successfully on port \([0-9]*\).*/\1/p' "$T/driver.out"
}
driver_answers() { [ -n "$(driver_port)" ]; }

browser_start()
{
	requires chromium:chromium chromedriver:chromium-driver curl:curl
	chromedriver --port=0 >"$T/driver.out" 2>&1 &
	driver_pid=$!
	ok "the driver starts" wait_for 30 driver_answers || return 1
	web=http://127.0.0.1:$(driver_port)
	session=$(wd session '{"capabilities": {"alwaysMatch": {
	    "goog:loggingPrefs": {"browser": "ALL"}, "goog:chromeOptions":
	    {"args": ["--headless=new", "--no-sandbox", "--disable-gpu",
	    "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
	    "--disable-background-networking", "--window-size=1280,1000"]}}}}' |
	    get value.sessionId)
	trap browser_stop EXIT
	ok "the browser starts" test -n "$session"
}

browser_stop()
{
	[ -z "$session" ] ||
		curl -s -X DELETE "$web/session/$session" >/dev/null
	kill "$driver_pid" && wait "$driver_pid"
	cleanup
}

# js EXPRESSION: its value, as text.
js()
{
	local text=${1//\\/\\\\}
	text=${text//\"/\\\"}
	text=${text//$'\n'/ }
	text=${text//$'\t'/ }
	wd "session/$session/execute/sync" \
	    "{\"script\": \"return String($text)\", \"args\": []}" | get value
}

cdp() { wd "session/$session/goog/cdp/execute" \
    "{\"cmd\": \"$1\", \"params\": $2}"; }
emulate() { cdp "Emulation.$1" "$2" >/dev/null; }

# sees WHAT EXPRESSION: it comes true, by itself.
holds() { [ "$(js "$1")" = true ]; }
sees() { ok "$1" wait_for 30 holds "$2" || js 'document.body.innerText'; }
shows() { sees "$1" "document.body.innerText.includes('$2')"; }
