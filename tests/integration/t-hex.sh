#!/usr/bin/env bash
# A fleet in HEX mode, over a line that splits, repeats and garbles: each tracker
# is updated, and what is reported is what happened.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
write_config
first=860000000000009
n=12

"$helper" package 65536 >"$T/firmware/0A05.enc"
fleet_ids "$n" "${first%?}" >"$T/campaigns/all.txt"
cat >"$T/campaigns/first.yaml" <<-END
campaign: first
approval: none
targets: {file: all.txt}
require: {device_type: [GV620MG]}
target_version: "0A05"
packages: [{from: "0A03", to: "0A05", file: 0A05.enc}]
windows: always
window_fit: false
pace: {in_flight: 6, start_rate: 10/s}
timeouts: {ack: 30s, confirm: 30s, silent: 10m}
END

status "an id that is no IMEI" 2 "$bin/tracksim" --connect "127.0.0.1:9" \
    --devices 1 --protocol hex --first-id A000002B41DEE0
ok "the daemon starts" daemon_start --time-scale 60 || finish
fleet "$n" --first-id "$first" --firmware 0A03 --next-firmware 0A05 \
    --speed 60 --download --protocol hex \
    --faults split=50%,duplicate=30%,garbage=30%,buffered=20%
status "wait" 0 timeout 120 "$bin/trackupctl" -s "$T/ctl" campaign wait first
ctl campaign show first --json >"$T/show.json"
ctl campaign targets first --json >"$T/targets.json"
is "finished" "$(get state <"$T/show.json")" finished
is "all succeeded" "$(get targets.succeeded <"$T/show.json")" "$n"

id=$(head -n 1 "$T/campaigns/all.txt")
ctl device show "$id" --json >"$T/device.json"
is "its frames" "$(get protocol <"$T/device.json")" hex1
is "its protocol version" "$(get protocol_version <"$T/device.json")" C20100
is "its model by name" "$(get device_type <"$T/device.json")" GV620MG
is "its version" "$(get versions.mcu <"$T/device.json")" 0A05
ok "the fleet ends" fleet_stop
is "and is of one mind" \
    "$(grep -c '"version":"0A05"' "$T/truth")" "$n"
ok "the daemon stops" daemon_stop
checked truth "$T/truth" "$T/targets.json" "$T/trackupd.db" 0A05 settled
finish
