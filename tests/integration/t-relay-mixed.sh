#!/usr/bin/env bash
# One campaign over trackers of every kind (text, binary, long and short
# connections, datagrams) through the relay, while the platform and the daemon
# are restarted. A tap before us and the platform behind us write down every
# byte; the two are held against each other.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
platform=$bin/tests/integration/platform
mkdir "$T/in" "$T/tap"
mapfile -t ports < <("$helper" ports 4)
upstream=${ports[0]} udp=${ports[1]} tap=${ports[2]} tap_udp=${ports[3]}
write_config "relay: {upstream: \"127.0.0.1:$upstream\", proxy_protocol: v1}"
sed -i "s|^trackers: {|trackers: {udp_listen: [\"127.0.0.1:$udp\"], |" \
    "$T/trackupd.yaml"
echo "limits: {start_rate: 8/s, read_rate: 100/s}" >>"$T/trackupd.yaml"

now_ms() { date +%s%3N; }
platform_start()
{
	"$platform" "$upstream" "$T/in" commands >"$T/platform.out" \
	    2>>"$T/platform.log" &
	platform_pid=$!
	wait_for 10 grep -q ready "$T/platform.out"
}
platform_stop() { kill "$platform_pid" && wait_for 10 gone "$platform_pid"; }
relay_field() { ctl status --json | get "relay.$1"; }

# NAME FIRST14 DEVICES PORT [ARGUMENT...]
sims=()
kind()
{
	local name=$1 first=$2 n=$3 port=$4
	shift 4
	fleet_ids "$n" "$first" >"$T/ids.$name"
	"$bin/tracksim" --connect "127.0.0.1:$port" --devices "$n" \
	    --first-id "$(head -n 1 "$T/ids.$name")" --firmware 0A03 \
	    --next-firmware 0A05 --speed 60 --download \
	    --truth "$T/truth.$name" "$@" >"$T/sim-$name.log" 2>&1 &
	sims+=($!)
}
kinds()
{
	kind text 86000000000000 20 "$tap" --report 4m --faults garbage=20%
	kind short 86000000000100 16 "$tap" --mode short --heartbeat 2m \
	    --faults duplicate=20%
	kind hex 86000000000200 20 "$tap" --protocol hex --report 4m \
	    --faults garbage=20%
	kind hexshort 86000000000300 12 "$tap" --protocol hex --mode short \
	    --heartbeat 2m --faults buffered=20%
	kind udp 86000000000400 12 "$tap_udp" --transport udp --report 4m
}
"$helper" package 65536 >"$T/firmware/0A05.enc"
# campaign NAME FIRST:DEVICES...: text and datagrams, and binary trackers.
campaign()
{
	local name=$1 k
	shift
	for k in "$@"; do
		fleet_ids "${k#*:}" "86000000000${k%:*}"
	done >"$T/campaigns/$name.txt"
	cat >"$T/campaigns/$name.yaml" <<-END
	campaign: $name
	approval: none
	targets: {file: $name.txt}
	require: {device_type: [GV620MG]}
	target_version: "0A05"
	packages: [{from: "0A03", to: "0A05", file: 0A05.enc}]
	windows: always
	window_fit: false
	pace: {in_flight: 100, start_rate: 20/s, jitter: 0%}
	command: {max_download_retry: 0, download_timeout: 5m}
	timeouts: {ack: 30s, confirm: 30s, start_download: 1m, install: 5m, silent: 4h}
	stop_rules: []
	END
}
campaign text 000:20 100:16 400:12
campaign binary 200:20 300:12

"$bin/tests/integration/tap" "$T/tap" "$tap" "$tracker_port" "$tap_udp" "$udp" \
    >"$T/tap.out" 2>"$T/tap.log" &
tap_pid=$!
ok "the tap is there" wait_for 10 grep -q ready "$T/tap.out"
ok "the platform starts" platform_start || finish
ok "the daemon starts" daemon_start --time-scale 60 || finish
kinds

done_at_least()
{
	[ "$(($(campaign_field text targets.succeeded) + \
	    $(campaign_field binary targets.succeeded)))" -ge "$1" ]
}
ok "some succeed" wait_for 60 done_at_least 8

# The platform is away while trackers connect: they are held, and it gets all
# that they said.
from=$(now_ms)
ok "the platform ends" platform_stop
gone_at=$(now_ms)
waits() { [ "$(relay_field waiting)" -ge 5 ]; }
ok "trackers wait for it" wait_for 20 waits
ok "the platform is back" platform_start
breaks=("cut=$from:$gone_at" "away=$gone_at:$(now_ms)")
ok "more succeed" wait_for 60 done_at_least 30

from=$(now_ms)
ok "our own restart: stop" daemon_stop
ok "our own restart: start" daemon_start --time-scale 60
breaks+=("restart=$from:$(now_ms)")
for name in text binary; do
	status "wait" 0 timeout 100 "$bin/trackupctl" -s "$T/ctl" \
	    campaign wait "$name"
done
is "text: all succeeded" "$(campaign_field text targets.succeeded)" 48
is "binary: all succeeded" "$(campaign_field binary targets.succeeded)" 32
ctl campaign targets text --json >"$T/targets.json"
is "none could not be hidden" "$(relay_field not_hidden)" 0
for pid in "${sims[@]}"; do
	ok "a fleet ends" kill -TERM "$pid"
	wait "$pid"
done
all_ended()
{
	[ "$(find "$T/tap" -name '*.up' | wc -l)" -eq \
	    "$(find "$T/tap" -name '*.life' | wc -l)" ]
}
ok "their connections end" wait_for 20 all_ended
ok "the daemon ends" daemon_stop
ok "the platform ends" platform_stop
kill "$tap_pid" && wait "$tap_pid"
# The record of binary reports is as they came, which the checker cannot read.
cat "$T/truth.text" "$T/truth.short" "$T/truth.udp" >"$T/truth"
checked truth "$T/truth" "$T/targets.json" "$T/trackupd.db" 0A05 settled
is "binary ones are of one mind" \
    "$(cat "$T"/truth.hex* | grep -c '"version":"0A05"')" 32
checker=$bin/tests/integration/relaycheck
checked "$T/tap" "$T/in" "${breaks[@]}"
finish
