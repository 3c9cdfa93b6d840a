#!/usr/bin/env bash
# A campaign over UDP, beside trackers that lose, repeat and reorder.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
udp=$("$helper" ports 1)
write_config
sed -i "s|^trackers: {|trackers: {udp_listen: [\"127.0.0.1:$udp\"], |" \
    "$T/trackupd.yaml"

first=860000000000009
n=20
"$helper" package 65536 >"$T/firmware/0A05.enc"
fleet_ids "$n" "${first%?}" >"$T/campaigns/all.txt"
cat >"$T/campaigns/air.yaml" <<-END
campaign: air
approval: none
targets: {file: all.txt}
require: {device_type: [GV620MG]}
target_version: "0A05"
packages: [{from: "0A03", to: "0A05", file: 0A05.enc}]
windows: always
window_fit: false
pace: {in_flight: 10, start_rate: 10/s}
timeouts: {ack: 30s, confirm: 30s, silent: 10m}
END
status "-t" 0 "$bin/trackupd" -t -c "$T/trackupd.yaml"
ok "the daemon starts" daemon_start --time-scale 60 || finish
has "it listens" "$T/daemon.log" "listening for=udp address=127.0.0.1:$udp"
tracker_port=$udp
fleet "$n" --first-id "$first" --firmware 0A03 --next-firmware 0A05 \
    --speed 60 --download --transport udp --faults duplicate=10%,reorder=10%
some_done() { [ "$(campaign_field air targets.succeeded)" -ge 3 ]; }
ok "some succeed" wait_for 60 some_done
id=$(head -n 1 "$T/campaigns/all.txt")
is "by UDP" "$(ctl device show "$id" --json | get transport)" udp
ok "a restart: stop" daemon_stop
ok "a restart: start" daemon_start --time-scale 60
status "wait" 0 timeout 200 "$bin/trackupctl" -s "$T/ctl" campaign wait air
ctl campaign show air --json >"$T/show.json"
is "all succeeded" "$(get targets.succeeded <"$T/show.json")" "$n"
ctl campaign targets air --json >"$T/targets.json"
ok "the fleet ends" fleet_stop
ok "the daemon ends" daemon_stop
checked truth "$T/truth" "$T/targets.json" "$T/trackupd.db" 0A05 settled
finish
