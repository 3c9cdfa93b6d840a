#!/usr/bin/env bash
# What campaign plan says is what the campaign then does: who is in which wave,
# who is left out and why, over which packages; and start --digest takes no
# other file than the one that was planned.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
n=20
mapfile -t id < <(fleet_ids 25)
printf 'id,tags\n' >"$T/inventory.csv"
printf '%s,eu\n' "${id[@]:0:22}" >>"$T/inventory.csv"
printf '%s,us\n' "${id[@]:22:2}" >>"$T/inventory.csv"
echo "${id[0]}" >"$T/never.txt"
write_config "devices: {inventory: $T/inventory.csv, never_file: $T/never.txt}"
"$helper" package 20000 >"$T/firmware/a.enc"
"$helper" package 30000 >"$T/firmware/b.enc"
printf '%s\n' "${id[@]:1:3}" >"$T/bench.txt"
cat >"$T/roll.yaml" <<-END
campaign: roll
targets: {all: true, tags: [eu], exclude: ["${id[1]}"]}
require: {device_type: [GV620MG]}
target_version: "0A05"
packages:
  - {from: "0A03", to: "0A04", file: a.enc}
  - {from: "0A04", to: "0A05", file: b.enc}
windows: always
pace: {in_flight: 10, start_rate: 20/s}
waves:
  - {name: bench, file: bench.txt, gate: {soak: 1h, then: hold}}
  - {name: tenth, percent: 10, gate: {success: 50%}}
  - {name: rest}
END
ok "the daemon starts" daemon_start --time-scale 60 || finish

plan() { get "$1" <"$T/out"; }
status "a plan for a fleet that never spoke" 0 \
    ctl campaign plan "$T/roll.yaml" --json
is "targets: tagged, without the excluded" "$(plan targets.total)" 21
is "left out by the file" "$(plan targets.left_out.excluded)" 1
is "left out by their tags" "$(plan targets.left_out.tags)" 2
is "never_file is skipped" "$(plan targets.skipped.excluded)" 1
is "nobody was heard" "$(plan targets.never_heard)" 20
is "bench" "$(plan targets.waves.bench)" 2
is "tenth" "$(plan targets.waves.tenth)" 3
is "rest" "$(plan targets.waves.rest)" 16
is "one way, by a version that is read first" "$(plan paths.0.count)" 20
is "which is not known" "$(plan paths.0.hops)" null
is "its bytes are not, either" "$(plan bytes_unknown)" 20
is "one wave waits for somebody" "$(plan waves_held)" 1
digest=$(plan digest)
ok "a digest" [ ${#digest} = 64 ]
is "nothing was made of it" "$(ctl campaign list --json)" "[]"
status "the lists are asked for" 0 ctl campaign plan "$T/roll.yaml"
has "for people" "$T/out" "Digest +$digest"
has "with its waves" "$T/out" '^tenth +3$'
sed 's/0A04", to/0A9/' "$T/roll.yaml" >"$T/bad.yaml"
cp "$T/bench.txt" "$T/bench2.txt"
status "a bad file" 1 ctl campaign plan "$T/bad.yaml"
has "and where it is" "$T/err" 'bad.yaml:[0-9]+:[0-9]+: '
sed '/^waves/,$d' "$T/roll.yaml" | sed 's/roll/none/' >"$T/none.yaml"
status "as few as need no waves" 0 ctl campaign plan "$T/none.yaml"

# The fleet speaks, and is probed.
fleet "$n" --firmware 0A03 --next-firmware url --speed 60 --download
online() { [ "$(ctl status --json | get devices.online)" = "$n" ]; }
ok "the fleet is there" wait_for 20 online
for i in "${id[@]:2:4}"; do ctl device probe "$i" >"$T/probe" 2>&1; done
known() {
	ctl campaign plan "$T/roll.yaml" --json >"$T/out" &&
	    [ "$(plan paths.1.count)" = 4 ] || [ "$(plan paths.0.count)" = 4 ]
}
ok "four versions are known" wait_for 20 known
is "who was never heard" "$(plan targets.never_heard)" 2
way=$([ "$(plan paths.0.count)" = 4 ] && echo 0 || echo 1)
is "they begin at" "$(plan paths.$way.from)" 0A03
is "and take two hops" "$(plan paths.$way.hops)" 2
is "of so many bytes each" "$(plan paths.$way.bytes)" 50000
is "in all" "$(plan bytes)" 200000

# The same campaign on a virtual clock: with the trackers that are known, then
# with more of them that are made up.
status "simulated" 0 ctl campaign simulate "$T/roll.yaml" --seed 7 --json
cp "$T/out" "$T/first"
is "the same targets" "$(plan targets.total)" 21
is "who was never heard is not there" "$(plan unreachable)" 2
is "the bench takes two" "$(plan waves.0.total)" 2
status "once more" 0 ctl campaign simulate "$T/roll.yaml" --seed 7 --json
ok "the same seed, the same run" cmp "$T/first" "$T/out"
status "a made-up fleet" 0 ctl campaign simulate "$T/roll.yaml" \
    --devices 1000 --json
is "of so many" "$(plan targets.total)" 1000
is "it ends" "$(plan result)" over
is "in this state" "$(plan state)" finished
ok "most of them succeed" [ "$(plan targets.succeeded)" -gt 950 ]
ok "half of them twice" [ "$(plan flashed)" -gt 1400 ]
ok "never more at once than pace says" [ "$(plan in_flight_max)" -le 10 ]
status "for people" 0 ctl campaign simulate "$T/roll.yaml" --devices 100
has "the wave that was approved" "$T/out" 'wave bench: approved'
has "and the end" "$T/out" '^Result +finished$'
status "too many" 2 ctl campaign simulate "$T/roll.yaml" --devices 100001
status "no number" 2 ctl campaign simulate "$T/roll.yaml" --seed x
status "a bad file" 1 ctl campaign simulate "$T/bad.yaml"
is "nothing was made of it" "$(ctl campaign list --json)" "[]"

# Only what was planned starts.
cp "$T/roll.yaml" "$T/bench.txt" "$T/campaigns"
status "it is read" 0 ctl reload
status "another digest starts nothing" 6 ctl campaign start roll \
    --digest "${digest%?}x"
has "and says so" "$T/err" 'digest'
sed -i 's/20\/s/19\/s/' "$T/campaigns/roll.yaml"
status "it is read again" 0 ctl reload
status "what changed since is refused" 6 ctl campaign start roll \
    --digest "$digest"
sed -i 's/19\/s/20\/s/' "$T/campaigns/roll.yaml"
status "and once more" 0 ctl reload
status "what was planned starts" 0 ctl campaign start roll --digest "$digest"
is "the same targets" "$(campaign_field roll targets.total)" 21
is "in the same waves" "$(campaign_field roll waves.0.total) \
$(campaign_field roll waves.1.total) $(campaign_field roll waves.2.total)" \
    "2 3 16"
skipped() { [ "$(campaign_field roll causes.excluded)" = 1 ]; }
ok "the same is skipped" wait_for 10 skipped
ok "the fleet ends" fleet_stop
finish
