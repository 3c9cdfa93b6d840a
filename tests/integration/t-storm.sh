#!/usr/bin/env bash
# How it is shown: 300 trackers, twelve kinds of faults at 5 % each, and the
# daemon killed 40 times while it runs: at random, and between intent and
# write, write and ACK, report and commit. At the end each verdict is held
# against what really happened in the tracker.
#
#   t-storm.sh [DEVICES [KILLS]]   KILLS of each of the four kinds
#   PLAIN=yes t-storm.sh           no faults: then every verdict is settled
slow=yes
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"

n=${1:-300}
each=${2:-10}
seed=${STORM_SEED:-1}
first=861000000000008
scale=60
faults=
for kind in no_ack low_battery bad_url download_fail update_fail brick \
    lose_report duplicate buffered disconnect split garbage; do
	faults+=${faults:+,}$kind=5%
done
[ "${PLAIN:-no}" = no ] || faults=
echo "seed $seed"
RANDOM=$seed

write_config "limits: {in_flight: 1000, start_rate: 100/s, read_rate: 1000/s}"
"$helper" package 16384 >"$T/firmware/0A05.enc"
fleet_ids "$n" "${first%?}" >"$T/campaigns/all.txt"
# Divided by the scale; the worst case of an attempt is some 20 seconds.
cat >"$T/campaigns/storm.yaml" <<-END
campaign: storm
approval: none
targets: {file: all.txt}
require: {device_type: [GV620MG]}
target_version: "0A05"
packages: [{from: "0A03", to: "0A05", file: 0A05.enc}]
command: {max_download_retry: 1, download_timeout: 5m}
waves: [{name: all}]
windows: always
window_fit: false
pace: {in_flight: 1000, start_rate: 8/s, jitter: 0%}
retry: {backoff: 30s, backoff_max: 1m, battery_wait: 1m}
timeouts: {ack: 2m, confirm: 2m, start_download: 2m, install: 5m, verify: 30m,
  probe: 1m, silent: 4m}
stop_rules: []
END

fleet_args=(--first-id "$first" --firmware 0A03 --next-firmware 0A05
    --speed "$scale" --download --seed "$seed" --heartbeat 1m)
[ -z "$faults" ] || fleet_args+=(--faults "$faults")
start() { daemon_start --time-scale "$scale"; }

status "-t" 0 "$bin/trackupd" -t -c "$T/trackupd.yaml" || finish
ok "the daemon starts" start || finish
fleet "$n" "${fleet_args[@]}"

look() { ctl campaign show storm --json >>"$T/looks" 2>/dev/null; }
attempts() { campaign_field storm attempts; }
online() { [ "$(ctl status --json | get devices.online)" -ge $((n / 2)) ]; }
ok "the fleet connects" wait_for 60 online || finish

# Which builds can crash at a named point?
points=(after_intent_commit after_start_write before_report_commit)
crashable=no
if grep -aq TRACKUPD_CRASHPOINT "$bin/trackupd"; then
	crashable=yes
else
	echo "no crash points in this build: random kills only"
fi

declare -A hits=([random]=0)
for p in "${points[@]}"; do hits[$p]=0; done

# crash_at POINT COUNT: restarts the daemon so that it ends there.
crash_at()
{
	export TRACKUPD_CRASHPOINT=$1:$2
	start
	local up=$?
	unset TRACKUPD_CRASHPOINT
	[ "$up" -ne 0 ] || look
	if [ -n "$daemon_pid" ] && daemon_ends 12; then
		# Nobody killed it: it ended itself as if somebody had.
		is "it ends at $1" "$daemon_rc" 137
		hits[$1]=$((hits[$1] + 1))
	else
		daemon_kill
		hits[random]=$((hits[random] + 1))
	fi
}

# Random kills fall anywhere, the first moments of a start included.
crash_random()
{
	start && look
	sleep "0.$((RANDOM % 9))$((RANDOM % 10))"
	look
	daemon_kill
	hits[random]=$((hits[random] + 1))
}

daemon_kill
hits[random]=1
for ((round = 1; round <= each; round++)); do
	if [ "$crashable" = yes ]; then
		crash_at after_intent_commit $((1 + RANDOM % 4))
		crash_at after_start_write $((1 + RANDOM % 4))
		crash_at before_report_commit $((1 + RANDOM % 12))
	else
		crash_random
		crash_random
		crash_random
	fi
	crash_random
done
start
look
echo "kills: random ${hits[random]}$(for p in "${points[@]}"; do
	printf ', %s %s' "$p" "${hits[$p]}"; done); $(attempts) starts by then"
if [ "$crashable" = yes ]; then
	for p in "${points[@]}"; do
		ok "at least $each kills at $p (${hits[$p]})" \
		    test "${hits[$p]}" -ge "$each"
	done
fi

finished()
{
	look
	campaign_is storm finished
}
ok "it finishes" wait_for 200 finished
ctl campaign show storm --json >"$T/show.json"
echo "targets: $(get targets <"$T/show.json")"
echo "causes: $(get causes <"$T/show.json")"
is "nothing in flight" "$(get in_flight <"$T/show.json")" 0
ctl campaign targets storm --json >"$T/targets.json"
ok "the daemon ends" daemon_stop
ok "the fleet ends" fleet_stop
tail -n 12 "$T/sim.log"

if [ -z "$faults" ]; then
	checked truth "$T/truth" "$T/targets.json" "$T/trackupd.db" 0A05 settled
	is "all succeeded" "$(get targets.succeeded <"$T/show.json")" "$n"
else
	checked truth "$T/truth" "$T/targets.json" "$T/trackupd.db" 0A05
fi
checked counts "$T/looks"
finish
