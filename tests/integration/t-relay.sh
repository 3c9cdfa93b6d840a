#!/usr/bin/env bash
# In front of a platform: a campaign runs, the platform gets every ordinary
# frame and nothing of our dialogue, and neither its restart nor ours hurts.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
requires curl:curl
platform=$bin/tests/integration/platform
mkdir "$T/in"
mapfile -t ports < <("$helper" ports 2)
upstream=${ports[0]} http=${ports[1]}
write_config "relay: {upstream: \"127.0.0.1:$upstream\"}" \
    "http: {listen: [\"127.0.0.1:$http\"]}"
echo "limits: {start_rate: 10/s}" >>"$T/trackupd.yaml"

platform_start()
{
	"$platform" "$upstream" "$T/in" >"$T/platform.out" 2>>"$T/platform.log" &
	platform_pid=$!
	wait_for 10 grep -q ready "$T/platform.out"
}
platform_stop() { kill "$platform_pid" && wait_for 10 gone "$platform_pid"; }
relay_field() { ctl status --json | get "relay.$1"; }

first=860000000000009
n=30
"$helper" package 65536 >"$T/firmware/0A05.enc"
fleet_ids "$n" "${first%?}" >"$T/campaigns/all.txt"
cat >"$T/campaigns/behind.yaml" <<-END
campaign: behind
approval: none
targets: {file: all.txt}
require: {device_type: [GV620MG]}
target_version: "0A05"
packages: [{from: "0A03", to: "0A05", file: 0A05.enc}]
windows: always
window_fit: false
pace: {in_flight: 6, start_rate: 10/s}
timeouts: {ack: 30s, confirm: 30s, silent: 4h}
END

status "-t" 0 "$bin/trackupd" -t -c "$T/trackupd.yaml"
ok "the platform starts" platform_start || finish
ok "the daemon starts" daemon_start --time-scale 60 || finish
fleet "$n" --first-id "$first" --firmware 0A03 --next-firmware 0A05 \
    --speed 60 --download

some_done() { [ "$(campaign_field behind targets.succeeded)" -ge "$1" ]; }
ok "some succeed behind the relay" wait_for 60 some_done 3
ok "trackers have their platform" test "$(relay_field connected)" -gt 0
is "the platform is up" "$(relay_field upstreams.0.up)" true
curl -s "http://127.0.0.1:$http/metrics" >"$T/metrics"
has "so say the metrics" "$T/metrics" \
    "^trackupd_relay_upstream_up\{upstream=\"127.0.0.1:$upstream\"\} 1$"
has "bytes that passed, too" "$T/metrics" \
    '^trackupd_relay_bytes_total\{direction="up"\} [1-9]'

# The platform goes away and comes back: trackers are held meanwhile. Nobody
# acknowledges for it, so what they report behind such a report waits, too.
ok "the platform ends" platform_stop
waits() { [ "$(relay_field waiting)" -gt 0 ]; }
ok "trackers wait for it" wait_for 30 waits
ok "the platform is back" platform_start
back() { [ "$(relay_field upstreams.0.up)" = true ]; }
ok "and gets its trackers again" wait_for 30 back

ok "our own restart: stop" daemon_stop
ok "our own restart: start" daemon_start --time-scale 60
status "wait" 0 timeout 150 "$bin/trackupctl" -s "$T/ctl" campaign wait behind
ctl campaign show behind --json >"$T/show.json"
is "all succeeded" "$(get targets.succeeded <"$T/show.json")" "$n"
ok "frames of ours were kept" test "$(relay_field hidden)" -gt 0
ctl campaign targets behind --json >"$T/targets.json"
ok "the fleet ends" fleet_stop
ok "the daemon ends" daemon_stop
ok "the platform ends" platform_stop
checked truth "$T/truth" "$T/targets.json" "$T/trackupd.db" 0A05 settled

# What the platform got: frames, whole, and none of our dialogue.
cat "$T"/in/*.in >"$T/all.in"
ok "it got something" test -s "$T/all.in"
tr '$' '\n' <"$T/all.in" >"$T/frames"
ok "nothing of ours" test -z "$(grep -aE 'GTUPD|ACK:GTRTO' "$T/frames")"
ok "nothing but frames" test -z "$(grep -av '^+' "$T/frames")"
for id in $(cat "$T/campaigns/all.txt"); do
	grep -aqF "$id" "$T/frames" || fail "nothing of $id"
done
pass

# Without hiding, it gets all of it.
sed -i 's|relay: {|relay: {hide_own: false, |' "$T/trackupd.yaml"
rm -f "$T"/in/*.in "$T"/trackupd.db*
ok "the platform starts" platform_start
ok "the daemon starts" daemon_start --time-scale 60
fleet 2 --first-id "$first" --firmware 0A03 --next-firmware 0A05 \
    --speed 60 --download
two_done() { [ "$(campaign_field behind targets.succeeded)" -ge 2 ]; }
ok "two succeed" wait_for 90 two_done
ok "the fleet ends" fleet_stop
ok "the daemon ends" daemon_stop
ok "the platform ends" platform_stop
ok "it got our dialogue, too" grep -aq 'GTUPD' "$T"/in/*.in
finish
