#!/usr/bin/env bash
# The page in a real browser, against the real daemon with a fleet in which
# some fail: what it shows is what the API says.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
# shellcheck source=tests/integration/weblib.sh
. "$src/tests/integration/weblib.sh"
port=$("$helper" ports 1)
base=http://127.0.0.1:$port
write_config "" "http: {listen: [\"127.0.0.1:$port\"]}
limits: {start_rate: 20/s}"
first=860000000000009
n=24
"$helper" package 65536 >"$T/firmware/0A05.enc"
fleet_ids "$n" "${first%?}" >"$T/campaigns/all.txt"
bad1=$(sed -n 3p "$T/campaigns/all.txt")
bad2=$(sed -n 9p "$T/campaigns/all.txt")
head -n 6 "$T/campaigns/all.txt" >"$T/campaigns/bench.txt"
cat >"$T/campaigns/first.yaml" <<-END
campaign: first
description: "<img src=x onerror=alert(1)>"
targets: {file: all.txt}
target_version: "0A05"
packages: [{from: any, to: "0A05", file: 0A05.enc}]
windows: always
window_fit: false
waves:
  - {name: bench, file: bench.txt, gate: {success: 50%, then: hold}}
  - {name: rest}
pace: {in_flight: 6, start_rate: 20/s}
retry: {max_attempts: 1}
stop_rules: []
timeouts: {ack: 10m, confirm: 10m, start_download: 15m, probe: 10m, silent: 1h}
END

# browse WIDTH PATH NAME: the page as it stands when it was drawn, in $T/dom.html
# and $T/NAME.png.
browse()
{
	emulate setDeviceMetricsOverride "{\"width\": $1, \"height\": 1400,
	    \"deviceScaleFactor\": 1, \"mobile\": false}"
	wd "session/$session/url" '{"url": "about:blank"}' >/dev/null
	wd "session/$session/url" "{\"url\": \"$base/$2\"}" >/dev/null
	sees "$3 is drawn" "document.body.dataset.drawn === '${2:-#/}'"
	js 'document.documentElement.outerHTML' >"$T/dom.html"
	cdp Page.captureScreenshot '{}' | get value.data | base64 -d \
	    >"$T/$3.png"
}

ok "the daemon starts" daemon_start --time-scale 60 || finish
browser_start || finish
fleet "$n" --first-id "$first" --firmware 0A03 --next-firmware 0A05 \
    --speed 60 --download --faults "update_fail=$bad1:$bad2"
status "start" 0 ctl campaign start first --reason "the page's test"

# What is compared below must not move meanwhile: the first wave waits for its
# approval, all of it is done, and the rest waits for the first wave.
at_rest()
{
	ctl campaign show first --json >"$T/show.json"
	[ "$(get waves.0.state <"$T/show.json")" = held ] &&
		[ "$(get targets.active <"$T/show.json")" = 0 ] &&
		[ "$(get targets.waiting <"$T/show.json")" = $((n - 6)) ] &&
		[ "$(get holds.wave <"$T/show.json")" = $((n - 6)) ]
}
ok "the first wave is held, and nothing moves" wait_for 120 at_rest

# Text as the page has it: tags and white space away.
text()
{
	sed -e 's/<[^>]*>/ /g' -e 's/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g' \
	    "$T/dom.html" | tr -s ' \n' ' '
}
says() # WHAT WORDS
{
	if text | grep -Fq -- "$2"; then pass; else
		fail "$1: '$2' is not shown: $(text | cut -c 1-1500)"
	fi
}

browse 1280 '#/campaign/first' campaign
curl -s "$base/api/v1/campaigns/first/report" >"$T/report.json"
says "its name and state" "first running"
says "succeeded, as the API says" \
    "$(get targets.succeeded <"$T/show.json") succeeded of $n"
says "failed" "$(get targets.failed <"$T/show.json") failed"
says "the held wave and what it lacks" "bench held"
says "its reason" "gate met, waits for approval"
has "with a button" "$T/dom.html" 'data-act="approve"'
says "a failure, and what to do" \
    "update_failed $(get failures.0.model <"$T/report.json") 0A03 1 pause, and compare"
says "why others wait" "wave $(get holds.wave <"$T/show.json")"
says "the funnel" "succeeded $(get funnel.6.count <"$T/report.json")"
says "who is where, and who ended there" "downloaded 6 25.0% 0 1"
says "the line that does the same" "trackupctl wave list first"
says "a hostile description is text" "<img src=x onerror=alert(1)>"
ok "and no element" test -z "$(grep -F '<img' "$T/dom.html")"
ok "the picture is there" test "$(stat -c %s "$T/campaign.png")" -gt 30000

browse 1280 '' fleet
says "known" "$(ctl status --json | get devices.known) known"
says "a version bar's row" "C2 0A05 $(get targets.succeeded <"$T/show.json")"
says "the campaign" "first running"

# It goes on to report: the page has what came before the one answer, and
# nothing that came after the other.
rows() { ctl device timeline "$bad1" --json | get '#'; }
before=$(rows)
browse 1280 "#/device/$bad1" device
after=$(rows)
says "the device" "$bad1 online"
says "its campaign and cause" "first failed update_failed"
shown=$(tr '>' '\n' <"$T/dom.html" | grep -c 'td data-title="Text"')
ok "every row of the timeline: $shown, of $before to $after" \
    test "$shown" -ge "$before" -a "$shown" -le "$after"

browse 1280 '#/targets/first?state=failed' targets
says "the filter" "state failed"
says "who failed" "$bad1 failed update_failed"
says "how to see it in a shell" "trackupctl campaign targets first --state failed"

browse 1280 '#/audit' audit
says "who, what, why" "uid:$(id -u) campaign_start first the page's test"
browse 1280 '#/health' health
says "limits" "api_connections 64"
browse 390 '#/campaign/first' phone
says "on a phone" "first running"
# A browser has six connections to a server: seven pages on, one is in use.
one_stream() { [ "$(ctl status --json | get limits.api_streams.now)" = 1 ]; }
ok "a page that was left does not listen on" wait_for 10 one_stream

# What a button does: the same request, from a page of the same origin.
curl -s -H 'Content-Type: application/json' -H "Origin: $base" \
    -d '{"reason":"seen on the page"}' \
    "$base/api/v1/campaigns/first/waves/bench/approve" >"$T/out"
is "approved" "$(get state <"$T/out")" passed
status "wait" 0 timeout 240 "$bin/trackupctl" -s "$T/ctl" campaign wait first
browse 1280 '#/campaign/first' end
says "the end" "first finished"
says "all but two" "$((n - 2)) succeeded of $n"
browse 1280 '#/audit' audit2
says "by whom" "loopback wave_approve first/bench seen on the page"
wd "session/$session/se/log" '{"type": "browser"}' >"$T/console.json"
# A browser that has no time to read loses its stream, and asks for it again.
is "no error in the browser" "$(grep -o '"message":"[^"]*"' "$T/console.json" |
    grep -v '/api/v1/events - ')" ""
[ -z "${SCREENSHOTS:-}" ] || cp "$T"/*.png "$SCREENSHOTS"
ok "the fleet ends" fleet_stop
ok "the daemon ends" daemon_stop
finish
