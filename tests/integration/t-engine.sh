#!/usr/bin/env bash
# The engine end to end: thousands of trackers in four waves, of which some fail
# in every way, with reloads and a restart on the way. What plan said is what
# happens, no wave overtakes another, the caps hold at each look, and at the end
# every verdict is held against what really happened in the tracker.
#
#   t-engine.sh [DEVICES]    make engine: five thousand
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"

n=${1:-200}
first=862000000000006
scale=${ENGINE_SCALE:-120}
cap=$((n / 5)) less=$((n / 7)) rate=$((n / 10))
write_config "limits: {in_flight: $n, start_rate: 400/s, read_rate: 2000/s}"
"$helper" package 4096 >"$T/firmware/a.enc"
fleet_ids "$n" "${first%?}" >"$T/campaigns/all.txt"
head -n 20 "$T/campaigns/all.txt" >"$T/campaigns/bench.txt"
engine() { # IN_FLIGHT
	cat <<-END
	campaign: engine
	targets: {file: all.txt}
	require: {device_type: [GV620MG]}
	target_version: "0A05"
	packages: [{from: "0A03", to: "0A05", file: a.enc}]
	command: {max_download_retry: 1, download_timeout: 5m}
	waves:
	  - {name: bench, file: bench.txt, gate: {success: 50%, soak: 1m, then: hold}}
	  - {name: canary, count: $((n / 20)), spread: [version], gate: {success: 60%, min_done: $((n / 25)), unknown_max: 50%}}
	  - {name: early, percent: 20, gate: {success: 60%, min_done: $((n / 10)), unknown_max: 50%}}
	  - {name: rest}
	windows: always
	window_fit: false
	pace: {in_flight: $1, start_rate: $rate/s, jitter: 0%, dark_max: $n}
	retry: {backoff: 30s, backoff_max: 1m, battery_wait: 1m}
	timeouts: {ack: 2m, confirm: 2m, start_download: 2m, install: 5m, verify: 30m, probe: 1m, silent: 4m}
	stop_rules: []
	END
}
engine "$cap" >"$T/engine.yaml"
cp "$T/campaigns"/*.txt "$T"
ok "the daemon starts" daemon_start --time-scale "$scale" || finish
status "the plan" 0 ctl campaign plan "$T/engine.yaml" --json || finish
cp "$T/out" "$T/plan"
plan() { get "$1" <"$T/plan"; }
is "of all" "$(plan targets.total)" "$n"

faults=
for kind in no_ack low_battery download_fail update_fail lose_report \
    duplicate buffered disconnect split; do
	faults+=${faults:+,}$kind=2%
done
fleet "$n" --first-id "$first" --firmware 0A03 --next-firmware 0A05 \
    --speed "$scale" --seed "${ENGINE_SEED:-1}" --heartbeat 5m \
    --faults "$faults"
online() { [ "$(ctl status --json | get devices.online)" -ge $((n * 9 / 10)) ]; }
ok "the fleet is there" wait_for 60 online || finish

engine "$cap" >"$T/campaigns/engine.yaml"
status "it is read" 0 ctl reload
status "what was planned starts" 0 ctl campaign start engine \
    --digest "$(plan digest)" || finish

# One look a second: kept for the checker; the caps and the order of the waves
# hold.
worst=0 order=good looked=-1
look() {
	local j in_flight
	[ "$looked" != "$SECONDS" ] || return 0
	looked=$SECONDS
	j=$(ctl campaign show engine --json 2>/dev/null) || return 0
	printf '%s\n' "$j" >>"$T/looks"
	in_flight=$(get in_flight <<<"$j")
	[ "${in_flight:-0}" -le "$cap" ] || worst=$in_flight
	local before=passed i state
	for i in 0 1 2 3; do
		state=$(get "waves.$i.state" <<<"$j")
		[ "$before" = passed ] || [ "$state" = waiting ] ||
			order="wave $i $state behind $before"
		before=$state
	done
}
wave_is() { look; [ "$(campaign_field engine "waves.$1.state")" = "$2" ]; }
ok "the bench is held" wait_for 60 wave_is 0 held || finish
is "nobody else began" "$(campaign_field engine holds.wave)" "$((n - 20))"
for i in 0 1 2 3; do
	name=$(campaign_field engine "waves.$i.name")
	is "wave $name as planned" \
	    "$(campaign_field engine "waves.$i.total")" \
	    "$(plan "targets.waves.$name")"
done
status "approved" 0 ctl wave approve engine bench --reason good
ok "the canary passes" wait_for 90 wave_is 1 passed || finish

# The pace changes while it runs; what may not change is refused.
engine "$less" >"$T/campaigns/engine.yaml"
status "a reload" 0 ctl reload
sed -i 's/0A05"/0A06"/' "$T/campaigns/engine.yaml"
status "of what is frozen" 6 ctl reload
has "and why" "$T/err" "may not change"
engine "$less" >"$T/campaigns/engine.yaml"
status "back again" 0 ctl reload
ok "early is on" wait_for 60 wave_is 2 open
ok "the daemon ends" daemon_stop
ok "and starts again" daemon_start --time-scale "$scale" || finish
status "one more reload" 0 ctl reload

done_with() { look; campaign_is engine finished; }
ok "it finishes" wait_for 150 done_with || ctl campaign show engine
settled() { [ "$(campaign_field engine in_flight)" = 0 ]; }
ok "nothing is in flight" wait_for 30 settled
is "never more in flight than its pace" "$worst" 0
is "no wave before its turn" "$order" good
ok "most succeeded" [ "$(campaign_field engine targets.succeeded)" -ge \
    $((n * 9 / 10)) ]
ctl campaign targets engine --json >"$T/targets"
ok "the fleet ends" fleet_stop
ok "the daemon ends" daemon_stop
checked counts "$T/looks"
checked truth "$T/truth" "$T/targets" "$T/trackupd.db" 0A05
finish
