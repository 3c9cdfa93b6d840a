#!/usr/bin/env bash
# Twenty trackers, real downloads, a restart in the middle, and what is
# reported is what happened.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
write_config
first=860000000000009 # fifteen digits, as a real one
n=20

"$helper" package 65536 >"$T/firmware/0A05.enc"
fleet_ids "$n" "${first%?}" >"$T/campaigns/all.txt"
cat >"$T/campaigns/first.yaml" <<-END
campaign: first
targets: {file: all.txt}
require: {device_type: [GV620MG]}
target_version: "0A05"
packages: [{from: "0A03", to: "0A05", file: 0A05.enc}]
windows: always
window_fit: false
pace: {in_flight: 4, start_rate: 10/s}
timeouts: {ack: 30s, confirm: 30s, silent: 10m}
END

status "-t" 0 "$bin/trackupd" -t -c "$T/trackupd.yaml"
ok "the daemon starts" daemon_start --time-scale 60 || finish
fleet "$n" --first-id "$first" --firmware 0A03 --next-firmware 0A05 \
    --speed 60 --download

# Approval is the default: nothing starts before somebody says so.
is "a draft" "$(campaign_field first state)" draft
is "held" "$(campaign_field first attempts)" 0
status "start with a wrong digest" 6 ctl campaign start first --digest 1234
status "start" 0 ctl campaign start first \
    --digest "$(campaign_field first digest)" --reason test
status "no such campaign" 4 ctl campaign start nosuch
status "no such campaign to show" 4 ctl campaign show nosuch

some_done() { [ "$(campaign_field first targets.succeeded)" -ge 3 ]; }
ok "some succeed" wait_for 60 some_done
ok "in_flight holds" test "$(campaign_field first in_flight)" -le 4
ok "restart in the middle: stop" daemon_stop
ok "restart in the middle: start" daemon_start --time-scale 60
is "it was not approved twice" "$(campaign_field first state)" running
status "pause" 0 ctl campaign pause first --reason "look at it"
is "paused" "$(campaign_field first state)" paused
has "who and why" <(ctl campaign show first --json) 'operator'
status "resume" 0 ctl campaign resume first
status "wait" 0 timeout 120 "$bin/trackupctl" -s "$T/ctl" campaign wait first

ctl campaign show first --json >"$T/show.json"
is "finished" "$(get state <"$T/show.json")" finished
is "all succeeded" "$(get targets.succeeded <"$T/show.json")" "$n"
# A download that our own restart broke is no fault of the tracker's: once more.
attempts=$(get attempts <"$T/show.json")
ok "one start each, but for those ($attempts)" \
    test "$attempts" -ge "$n" -a "$attempts" -le $((n + 4))
is "nothing in flight" "$(get in_flight <"$T/show.json")" 0
is "pages of targets" "$(ctl campaign targets first --json | get '#')" "$n"
is "a filter" "$(ctl campaign targets first --state failed --json | get '#')" 0
id=$(head -n 1 "$T/campaigns/all.txt")
is "the device runs it" "$(ctl device show "$id" --json | get versions.mcu)" 0A05
ctl device timeline "$id" --json >"$T/timeline.json"
has "the timeline has the start" "$T/timeline.json" '"sent"'
has "and the report" "$T/timeline.json" '301'
ok "no password in it" test -z "$(grep -F gv620mg "$T/timeline.json")"
status "an unknown device" 4 ctl device show 999999999999999

ctl campaign targets first --json >"$T/targets.json"
ok "the fleet ends" fleet_stop
ok "the daemon ends" daemon_stop
checked truth "$T/truth" "$T/targets.json" "$T/trackupd.db" 0A05 settled

# A finished campaign never runs again, not even after a restart.
ok "it starts" daemon_start
is "still finished" "$(campaign_field first state)" finished
is "with the same counts" "$(campaign_field first targets.succeeded)" "$n"
ok "it stops" daemon_stop
finish
