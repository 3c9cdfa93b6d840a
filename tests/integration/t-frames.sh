#!/usr/bin/env bash
# Every frame of the folder TRACKUPD_FRAMES on a real socket, in two pieces cut
# at each of its bytes, with a heartbeat behind it: what is sound is
# acknowledged once and as itself, what is not is skipped, the heartbeat is
# answered, and an update that runs meanwhile is not disturbed.
if [ -z "${TRACKUPD_FRAMES:-}" ]; then
	echo "TRACKUPD_FRAMES is not set: no frames of the field"
	exit 77
fi
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
write_config
n=5
"$helper" package 16384 >"$T/firmware/0A05.enc"
fleet_ids "$n" >"$T/campaigns/all.txt"
cat >"$T/campaigns/c.yaml" <<-END
campaign: c
approval: none
targets: {file: all.txt}
require: {device_type: [GV620MG]}
target_version: "0A05"
packages: [{from: "0A03", to: "0A05", file: 0A05.enc}]
windows: always
window_fit: false
END
ok "the daemon starts" daemon_start --time-scale 60 || finish
fleet "$n" --firmware 0A03 --next-firmware 0A05 --speed 60 --download
play() { "$bin/tests/integration/wireplay" "$tracker_port" "$@"; }
status "frames of text" 0 play "$TRACKUPD_FRAMES/frames_ascii.txt" ascii
tail -n 1 "$T/out"
is "all but two of them are sound" \
    "$(awk 'END {print $1 - $3}' "$T/out")" 2
status "binary frames" 0 play "$TRACKUPD_FRAMES/frames_hex.txt" hex
tail -n 1 "$T/out"
is "all but one of them is sound" \
    "$(awk 'END {print $1 - $3}' "$T/out")" 1
status "wait" 0 timeout 60 "$bin/trackupctl" -s "$T/ctl" campaign wait c
ctl campaign targets c --json >"$T/targets.json"
is "all are updated" "$(campaign_field c targets.succeeded)" "$n"
is "nobody was registered by it" \
    "$(ctl status --json | get devices.known)" "$n"
ok "the fleet ends" fleet_stop
ok "the daemon stops" daemon_stop
checked truth "$T/truth" "$T/targets.json" "$T/trackupd.db" 0A05 settled
finish
