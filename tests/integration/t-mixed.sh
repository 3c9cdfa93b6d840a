#!/usr/bin/env bash
# One campaign over a fleet as it is: a third speaks HEX, a third UDP, a third
# text on short connections, and each third has faults of its own. Every
# tracker ends in its truth.
#
#   t-mixed.sh [DEVICES]    of each third
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
n=${1:-10}
udp=$("$helper" ports 1)
write_config "limits: {in_flight: 1000, start_rate: 100/s, read_rate: 1000/s}"
sed -i "s|^trackers: {|trackers: {udp_listen: [\"127.0.0.1:$udp\"], |" \
    "$T/trackupd.yaml"

thirds=(hex udp short)
declare -A first=([hex]=861000000000008 [udp]=862000000000007
    [short]=863000000000006)
declare -A pid

"$helper" package 32768 >"$T/firmware/0A05.enc"
for third in "${thirds[@]}"; do
	fleet_ids "$n" "${first[$third]%?}" >"$T/campaigns/$third.txt"
	cat "$T/campaigns/$third.txt"
done >"$T/campaigns/all.txt"
cat >"$T/campaigns/mixed.yaml" <<-END
campaign: mixed
approval: none
targets: {file: all.txt}
require: {device_type: [GV620MG]}
target_version: "0A05"
packages: [{from: "0A03", to: "0A05", file: 0A05.enc}]
windows: always
window_fit: false
pace: {in_flight: $((3 * n)), start_rate: 20/s, jitter: 0%}
retry: {max_attempts: 20, backoff: 15s, backoff_max: 1m, battery_wait: 1m,
  max_deferrals: 100}
timeouts: {ack: 2m, confirm: 2m, start_download: 2m, install: 5m, verify: 10m,
  probe: 1m, silent: 10m}
stop_rules: []
END

# third NAME ARGUMENT...: in the background, its truth in $T/truth.NAME.
third()
{
	local name=$1
	shift
	fleet "$n" --first-id "${first[$name]}" --firmware 0A03 \
	    --next-firmware 0A05 --speed 60 --download --heartbeat 1m \
	    --truth "$T/truth.$name" "$@"
	pid[$name]=$sim_pid
	mv "$T/sim.log" "$T/sim-$name.log"
}

ok "the daemon starts" daemon_start --time-scale 60 || finish
third hex --protocol hex \
    --faults split=50%,duplicate=30%,garbage=30%,buffered=30%
third short --mode short \
    --faults lose_report=20%,update_fail=20%,duplicate=20%
tracker_port=$udp
third udp --transport udp \
    --faults duplicate=20%,reorder=20%,low_battery=20%
status "wait" 0 timeout "${MIXED_S:-120}" "$bin/trackupctl" -s "$T/ctl" campaign wait mixed
ctl campaign show mixed --json >"$T/show.json"
is "finished" "$(get state <"$T/show.json")" finished
is "none is left out" "$(get targets.total <"$T/show.json")" $((3 * n))
ok "some of its starts failed, or came to be put off" \
    test "$(get attempts <"$T/show.json")" -gt $((3 * n))
ctl campaign targets mixed --json >"$T/targets.json"

# heard NAME FIELD VALUE: how many of a third were heard that way.
heard()
{
	local id
	while read -r id; do
		ctl device show "$id" --json | get "$2"
	done <"$T/campaigns/$1.txt" | grep -cx "$3"
}
is "a third is HEX" "$(heard hex protocol hex1)" "$n"
is "a third is UDP" "$(heard udp transport udp)" "$n"
is "a third is text" "$(heard short protocol ascii)" "$n"
ctl status --json >"$T/status.json"
is "nobody is taken for two" \
    "$(get limits.quarantined.now <"$T/status.json")" 0
for third in "${thirds[@]}"; do
	sim_pid=${pid[$third]}
	ok "the $third third ends" fleet_stop
	cat "$T/truth.$third" >>"$T/truth"
done
ok "the daemon ends" daemon_stop
is "all of the truth is there" "$(wc -l <"$T/truth")" $((3 * n))
checked truth "$T/truth" "$T/targets.json" "$T/trackupd.db" 0A05 settled
# A failed installation is tried once more, and no third time.
is "none is left between" $(($(get targets.succeeded <"$T/show.json") +
    $(get targets.failed <"$T/show.json"))) $((3 * n))
finish
