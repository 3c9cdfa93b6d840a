#!/usr/bin/env bash
# A campaign over 200 simulated trackers, from start to report, with an hour
# passing in a minute:  demo.sh BUILD_DIRECTORY [--keep]
#
# Eight of them fail: six are low on battery for good, one loses its 301, one
# dies while it flashes. Everything lives in a temporary folder and on ports of
# the loopback address that are free; Ctrl-C stops it all and removes it.
set -u
bin=${1:?usage: demo.sh BUILD_DIRECTORY [--keep]}
keep=no
case ${2:-} in
"") ;;
--keep) keep=yes ;;
*) echo "demo: unknown argument: $2" >&2; exit 2 ;;
esac
helper=$bin/tests/integration/helper
devices=200
scale=60
first=860000000000009
deadline=$((SECONDS + 270))

D=$(mktemp -d /tmp/trackupd-demo-XXXXXX) || exit 1
daemon=
sim=
tty=no
columns=80
if [ -t 1 ]; then
	tty=yes
	read -r _ columns < <(stty size 2>/dev/null || echo 24 80)
fi

stop_one()
{
	local p=$1 i
	[ -n "$p" ] || return 0
	kill -TERM "$p" 2>/dev/null
	for ((i = 0; i < 70; i++)); do
		kill -0 "$p" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$p" 2>/dev/null
	wait "$p" 2>/dev/null
}

stop_all()
{
	stop_one "$sim"
	stop_one "$daemon"
	sim=
	daemon=
}

leave()
{
	trap - EXIT
	trap '' INT TERM
	stop_all
	rm -rf "$D"
	exit "$1"
}

interrupted()
{
	printf '\nInterrupted: stopping the daemon and the fleet.\n'
	leave 130
}

broken()
{
	printf '\ndemo: %s\n' "$*" >&2
	for log in "$D/trackupd.log" "$D/tracksim.log"; do
		[ -s "$log" ] || continue
		printf -- '--- %s (its end)\n' "${log##*/}" >&2
		tail -n 15 "$log" >&2
	done
	leave 1
}
trap interrupted INT TERM
trap 'leave 1' EXIT

ctl() { "$bin/trackupctl" -s "$D/ctl" --no-color --yes "$@"; }

# The ids of the fleet: 14 digits count up, the 15th is the check digit.
ids()
{
	awk -v n="$devices" -v first="${first%?}" 'BEGIN {
		for (i = 0; i < n; i++) {
			id = sprintf("%.0f", first + i)
			sum = 0
			for (j = 1; j <= 14; j++) {
				d = substr(id, j, 1) + 0
				if (j % 2 == 0 && (d *= 2) > 9)
					d -= 9
				sum += d
			}
			printf "%s%d\n", id, (10 - sum % 10) % 10
		}
	}'
}

mapfile -t port < <("$helper" ports 2)
[ "${#port[@]}" -eq 2 ] || broken "no free ports"
mkdir "$D/campaigns" "$D/firmware"
ids >"$D/campaigns/fleet.txt"
mapfile -t id <"$D/campaigns/fleet.txt"
weak=${id[11]}:${id[42]}:${id[77]}:${id[105]}:${id[150]}:${id[188]}
lost=${id[30]}
dead=${id[60]}
"$helper" package 65536 >"$D/firmware/gv620mg_0A03_0A05.enc"

cat >"$D/trackupd.yaml" <<END
trackers: {listen: ["127.0.0.1:${port[0]}"]}
store: {path: $D/trackupd.db}
campaigns: {directory: $D/campaigns}
limits: {in_flight: 100, start_rate: 300/min, read_rate: 1200/min}
files:
  listen: ["127.0.0.1:${port[1]}"]
  root: $D/firmware
  public_url: "http://127.0.0.1:${port[1]}"
control: {socket: $D/ctl}
END
# Every duration is divided by $scale: half an hour is half a minute here.
cat >"$D/campaigns/demo.yaml" <<END
campaign: demo
description: 200 simulated GV620MG from 0A03 to 0A05
approval: none
targets: {file: fleet.txt}
require: {device_type: [GV620MG]}
target_version: "0A05"
packages:
  - {from: "0A03", to: "0A05", file: gv620mg_0A03_0A05.enc}
command: {max_download_retry: 1, download_timeout: 5m}
waves: [{name: all}]
windows: always
window_fit: false
pace: {in_flight: 60, start_rate: 300/min, jitter: 20%, dark_max: 20}
retry: {backoff: 5m, battery_wait: 20m, max_deferrals: 2}
timeouts: {start_download: 2m, install: 15m, verify: 1h, silent: 20m}
END

"$bin/trackupd" -c "$D/trackupd.yaml" --time-scale "$scale" \
    >"$D/trackupd.log" 2>&1 &
daemon=$!
until ctl status --json >/dev/null 2>&1; do
	kill -0 "$daemon" 2>/dev/null || broken "the daemon did not start"
	[ "$SECONDS" -lt "$deadline" ] || broken "the daemon does not answer"
	sleep 0.1
done
"$bin/tracksim" --connect "127.0.0.1:${port[0]}" --devices "$devices" \
    --first-id "$first" --firmware 0A03 --next-firmware 0A05 \
    --speed "$scale" --download --truth "$D/truth" \
    --faults "low_battery=$weak,lose_result=$lost,brick=$dead" \
    >"$D/tracksim.log" 2>&1 &
sim=$!

cat <<END
trackupd is running, with $devices simulated GV620MG trackers, an hour a minute.
Six have a low battery, one will lose its 301, one will die while it flashes.
The folder is $D; Ctrl-C stops everything and removes it.

END

bar()
{
	local done_count=$1 total=$2 width=20 n
	n=$((total > 0 ? done_count * width / total : 0))
	printf '[%s%s]' "$(printf '%*s' "$n" '' | tr ' ' '#')" \
	    "$(printf '%*s' $((width - n)) '' | tr ' ' '.')"
}

began=$SECONDS
state=
last=
shown=-10
while [ "$state" != finished ]; do
	kill -0 "$daemon" 2>/dev/null || broken "the daemon ended"
	kill -0 "$sim" 2>/dev/null || broken "the fleet ended"
	[ "$SECONDS" -lt "$deadline" ] || broken "the campaign takes too long"
	mapfile -t v < <(ctl campaign show demo --json 2>/dev/null |
	    "$helper" get state reason targets.total targets.succeeded \
	    targets.failed targets.active targets.backoff targets.waiting \
	    targets.skipped targets.unverified targets.cancelled \
	    holds.battery attempts 2>/dev/null)
	if [ "${#v[@]}" -lt 13 ]; then
		sleep 0.3
		continue
	fi
	state=${v[0]}
	ended=$((v[3] + v[4] + v[8] + v[9] + v[10]))
	line="$(bar "$ended" "${v[2]}") $((ended * 100 / (v[2] + !v[2])))%"
	line+="  ${v[3]} succeeded  ${v[4]} failed  ${v[5]} active"
	line+="  ${v[7]} waiting (${v[11]:-0} battery)"
	if [ "$tty" = yes ]; then
		line=$(printf '%3d s %s' $((SECONDS - began)) "$line")
		printf '\r\033[K%s' "${line:0:columns - 1}"
	elif [ "$state" = finished ] || { [ "$line" != "$last" ] &&
	    [ $((SECONDS - shown)) -ge 5 ]; }; then
		printf '%3d s %s\n' $((SECONDS - began)) "$line"
		last=$line shown=$SECONDS
	fi
	case $state in
	paused|aborted) broken "the campaign is $state: ${v[1]}" ;;
	esac
	[ "$state" = finished ] || sleep 0.5
done
[ "$tty" = no ] || printf '\n'
printf '\nFinished in %d s: %s starts for %s trackers.\n\n' \
    $((SECONDS - began)) "${v[12]}" "${v[2]}"
ctl campaign show demo || broken "trackupctl campaign show failed"
printf '\nWhat did not succeed:\n'
ctl campaign targets demo --state failed
ctl campaign targets demo --state unverified --json | "$helper" get '#' |
    grep -qx 0 || ctl campaign targets demo --state unverified
printf '\n%s lost its 301; its version was read instead:\n' "$lost"
ctl device timeline "$lost" | tail -n 8
printf '\n%s died after 300; it was not started again:\n' "$dead"
ctl device timeline "$dead" | tail -n 6

if [ "$keep" = yes ]; then
	cat <<-END

	Still running, look around from another terminal:
	  $bin/trackupctl -s $D/ctl campaign targets demo
	  $bin/trackupctl -s $D/ctl device list
	  $bin/trackupctl -s $D/ctl status
	Ctrl-C ends it.
	END
	while kill -0 "$daemon" 2>/dev/null; do
		wait "$daemon"
	done
	broken "the daemon ended"
fi

cat <<END

What to type next:
  ./quickstart demo --keep        the same, and it stays for you to look around
  ./quickstart install            install it here; then README.md, First campaign
  man ./man/trackupd-campaign.5   what a campaign file can say
END
leave 0
