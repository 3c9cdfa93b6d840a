#!/usr/bin/env bash
# A thousand trackers in one process, some of them slow, lying, amnesiac, with
# a crazy clock or short connections: what is reported is what happened.
#
#   t-personalities.sh [DEVICES]   make personalities runs it with 10000
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
n=${1:-1000} scale=240 patience=150
# A small fleet leaves time enough to live faster; what does not shrink with
# the scale, short connections, has a long wait for the answer to a read. A
# sanitizer takes that time for itself.
[ -z "${TRACKUPD_QUICK-}" ] || n=200
[ "$n" -le 1000 ] || { scale=60 patience=900; }
if [ -z "${1-}" ] && grep -aEq '__(asan|tsan)_init' "$bin/trackupd"; then
	n=200 scale=120
fi
ulimit -Sn "$(ulimit -Hn)"
room=$(ulimit -Sn)
if [ "$room" != unlimited ] && [ "$room" -lt $((n + 1000)) ]; then
	echo "only $room descriptors: fewer trackers"
	n=$((room - 1000))
fi
write_config "limits: {in_flight: 10000, start_rate: 1000/s, \
read_rate: 10000/s}"
first=860000000000009
fleet_ids "$n" "${first%?}" >"$T/campaigns/all.txt"
cat >"$T/campaigns/many.yaml" <<-END
campaign: many
approval: none
targets: {file: all.txt}
require: {device_type: [GV620MG]}
target_version: "0A05"
packages: [{from: "0A03", to: "0A05", url: "http://127.0.0.1:9/0A05.enc"}]
windows: always
waves: [{name: all}]
window_fit: false
stop_rules: []
retry: {max_attempts: 1}
pace: {in_flight: 10000, start_rate: 1000/s}
timeouts: {ack: 10m, confirm: 10m, silent: 30m, probe: 5m}
END
status "-t" 0 "$bin/trackupd" -t -c "$T/trackupd.yaml"
ok "the daemon starts" daemon_start --time-scale "$scale" || finish
is "the campaign runs" "$(campaign_field many state)" running
fleet "$n" --first-id "$first" --firmware 0A03 --next-firmware 0A05 \
    --speed "$scale" --ramp 2000/s --personality \
    slow=10%,lying=5%,amnesiac=10%,clock_crazy=10%,short=5%
all_over() { [ "$(campaign_field many state)" = finished ]; }
ok "it comes to its end" wait_for "$patience" all_over
echo "$n trackers in $SECONDS s"
ctl campaign show many --json >"$T/show.json"
ctl campaign targets many --json >"$T/targets.json"
ok "the fleet ends" fleet_stop
ok "the daemon ends" daemon_stop
checked truth "$T/truth" "$T/targets.json" "$T/trackupd.db" 0A05
for p in slow lying amnesiac clock_crazy short; do
	ok "there are some: $p" grep -q "\"personality\":\"$p\"" "$T/truth"
done
done_by=$(grep -c '"version":"0A05"' "$T/truth")
liars=$(grep -c '"personality":"lying"' "$T/truth")
is "no liar is believed: version" \
    "$(grep '"personality":"lying"' "$T/truth" | grep -c 0A05)" 0
ok "all but the liars ($done_by of $n, $liars lie)" \
    test "$done_by" -ge $((n - liars - n / 50))
finish
