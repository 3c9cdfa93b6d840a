#!/usr/bin/env bash
# Trackers with two versions, led to a third over the one in between, with real
# downloads and a kill in the middle: each package is flashed once, in order.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
write_config
first=860000000000009
n=6
for v in 0A01_0A03 0A03_0A05 0A02_0A05; do
	"$helper" package 20000 >"$T/firmware/$v.enc"
done
fleet_ids "$n" "${first%?}" >"$T/campaigns/all.txt"
echo A000002B41DEE0 >>"$T/campaigns/all.txt"
cat >"$T/campaigns/hops.yaml" <<-END
campaign: hops
targets: {file: all.txt}
require: {device_type: [GV620MG]}
target_version: "0A05"
packages:
  - {from: "0A03", to: "0A05", file: 0A03_0A05.enc}
  - {from: "0A01", to: "0A03", file: 0A01_0A03.enc}
windows: always
approval: none
pace: {in_flight: 3, start_rate: 20/s}
timeouts: {ack: 30s, confirm: 30s, silent: 10m}
END
ok "the daemon starts" daemon_start --time-scale 60 || finish
fleet "$n" --first-id "$first" --firmware 0A01 --next-firmware url \
    --speed 60 --download

hops_sum()
{
	ctl campaign targets hops --json | grep -Eo '"hops": *[0-9]+' |
		awk -F: '{ n += $2 } END { print n + 0 }'
}
some_hops() { [ "$(hops_sum)" -ge 3 ]; }
ok "some are half way" wait_for 60 some_hops
daemon_kill
ok "it starts again" daemon_start --time-scale 60 || finish
ok "what was proven is on record ($(hops_sum))" some_hops
all_done() { [ "$(campaign_field hops targets.succeeded)" = "$n" ]; }
ok "all arrive" wait_for 120 all_done
is "by two hops each" "$(hops_sum)" $((2 * n))
# One that nobody has heard of is the last to wait, and is told for what.
is "the last waits" "$(campaign_field hops holds.offline)" 1
status "abort" 0 ctl campaign abort hops
ok "the fleet ends" fleet_stop
is "each package once, in order" \
    "$(grep -Ec '"flashed": *\["0A03", *"0A05"\]' "$T/truth")" "$n"

# Who has a version that no package begins at is told which is missing.
fleet 1 --first-id 860000000000090 --firmware 0A02
sed -e 's/hops/other/; s/all.txt/other.txt/' "$T/campaigns/hops.yaml" \
    >"$T/campaigns/other.yaml"
echo 86000000000009 >"$T/campaigns/other.txt"
status "reload" 0 ctl reload
other_is() { [ "$(campaign_field other state)" = finished ]; }
ok "skipped" wait_for 30 other_is
has "with the edge" <(ctl campaign targets other) \
    'no_path: 0A02 -> 0A05: no package begins at 0A02'
has "in its timeline" <(ctl device timeline 86000000000009) \
    'no way: 0A02 -> 0A05'
fleet_stop
finish
