#!/usr/bin/env bash
# A fleet in three waves: a bench that soaks over a kill and waits for approval,
# a canary whose gate fails and is forced, and the rest.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
write_config
n=10
first=860000000000009
"$helper" package 20000 >"$T/firmware/0A03_0A05.enc"
fleet_ids "$n" "${first%?}" >"$T/campaigns/all.txt"
head -n 2 "$T/campaigns/all.txt" >"$T/campaigns/bench.txt"
cat >"$T/campaigns/roll.yaml" <<-END
campaign: roll
targets: {file: all.txt}
require: {device_type: [GV620MG]}
target_version: "0A05"
packages: [{from: "0A03", to: "0A05", file: 0A03_0A05.enc}]
windows: always
approval: none
pace: {in_flight: 10, start_rate: 20/s}
timeouts: {ack: 30s, confirm: 30s, silent: 10m}
waves:
  - {name: bench, file: bench.txt, gate: {soak: 10m, then: hold}}
  - {name: canary, count: 3, spread: [version, country], gate: {success: 100%}}
  - {name: rest}
stop_rules: []
END
ok "the daemon starts" daemon_start --time-scale 60 || finish

wave() { campaign_field roll "waves.$1.$2"; }
wave_is() { [ "$(wave "$1" state)" = "$2" ]; }
# All of the canary get a wrong URL; who that is has been decided by now.
ctl campaign targets roll --wave canary --json |
	grep -Eo '"id": *"[0-9]+"' | grep -Eo '[0-9]+' >"$T/canary"
is "three canaries" "$(wc -l <"$T/canary")" 3
fleet "$n" --first-id "$first" --firmware 0A03 --next-firmware url \
    --speed 60 --download --faults "bad_url=$(paste -sd: "$T/canary")"

ok "the bench is done and soaks" wait_for 60 wave_is 0 soaking
is "two are done" "$(wave 0 done)" 2
is "the others wait for their wave" "$(campaign_field roll holds.wave)" 8
daemon_kill
ok "it starts again" daemon_start --time-scale 60 || finish
ok "the bench is held" wait_for 60 wave_is 0 held
is "nobody else began" "$(campaign_field roll attempts)" 2
status "canary is not held" 6 ctl wave approve roll canary
has "and why" "$T/err" 'the one that is held is bench'
status "the bench is approved" 0 ctl wave approve roll bench --reason good
is "by whom" "$(wave 0 approved_by)" "uid:$(id -u)"
is "and why" "$(wave 0 approved_reason)" good

paused() { campaign_is roll paused; }
ok "the gate of the canary fails" wait_for 60 paused
has "it says so" <(campaign_field roll reason) \
    '^gate: canary: success 0 % < 100 % \([1-3] done\)$'
is "wave" "$(wave 1 state)" failed
status "wait tells it" 3 ctl campaign wait roll --timeout 5s
status "resume" 0 ctl campaign resume roll
canary_done() { [ "$(wave 1 done)" = 3 ]; }
ok "the canary goes on" wait_for 60 canary_done
is "and no other" "$(campaign_field roll holds.wave)" 5
status "forced" 0 ctl wave approve roll canary --force
finished() { campaign_is roll finished; }
ok "the rest follows" wait_for 60 finished
is "seven have it" "$(campaign_field roll targets.succeeded)" 7
is "three failed" "$(campaign_field roll causes.bad_url)" 3
ok "the list shows it" [ "$(ctl wave list roll | grep -c passed)" = 3 ]
ok "the fleet ends" fleet_stop
is "seven were flashed" "$(grep -c '"flashed": *\["0A05"\]' "$T/truth")" 7
finish
