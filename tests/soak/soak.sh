#!/usr/bin/env bash
# A long run under steady load: trackers that report, leave and return,
# operators that look, reloads, backups. Every ten seconds a sample of what the
# daemon holds goes into a file; what grew over 2 % after the warm-up fails.
#
#   make soak                        an hour
#   make soak SOAK_MINUTES=5         less (at least 2)
#   SOAK_RESULT=FILE                 where the samples go, default soak.tsv
#
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
minutes=${SOAK_MINUTES:-60}
result=${SOAK_RESULT:-soak.tsv}
n=200
write_config "devices: {unknown: register}
limits: {start_rate: 20/s, in_flight: 100}"
mkdir "$T/backups"
sed -i "s|trackupd.db}|trackupd.db, retain: 1d,\\
  backup: {directory: $T/backups, every: 1m, keep: 3}}|" "$T/trackupd.yaml"
first=860000000000009
fleet_ids "$n" "${first%?}" >"$T/campaigns/all.txt"
cat >"$T/campaigns/first.yaml" <<-END
campaign: first
approval: none
targets: {file: all.txt}
target_version: "0A05"
packages: [{from: any, to: "0A05", url: "http://127.0.0.1:9/0A05.enc"}]
windows: always
window_fit: false
pace: {in_flight: 50, start_rate: 20/s}
timeouts: {ack: 30s, confirm: 30s, silent: 10m}
END

# What is sampled: resident memory without the file pages that the kernel may
# take back, descriptors, threads, and the log of the database.
sample()
{
	local rss fds threads json
	rss=$(awk '/^RssAnon/ {print $2}' "/proc/$daemon_pid/status")
	fds=$(find "/proc/$daemon_pid/fd" -mindepth 1 | wc -l)
	threads=$(awk '/^Threads/ {print $2}' "/proc/$daemon_pid/status")
	json=$(ctl status --json)
	printf '%d\t%d\t%d\t%d\t%d\t%d\t%s\n' "$SECONDS" "$rss" "$fds" \
	    "$threads" "$(get store.wal_bytes <<<"$json")" \
	    "$(get connections <<<"$json")" "$(get state <<<"$json")"
}

churn()
{
	local turn=0
	while alive "$daemon_pid"; do
		turn=$((turn + 1))
		ctl status --json
		ctl device list --json
		ctl campaign targets first --json
		ctl device timeline "$first" --json
		# A few come and go.
		timeout 3 "$bin/tracksim" --connect "127.0.0.1:$tracker_port" \
		    --devices 20 --first-id 870000000000009 --speed 60
		[ $((turn % 5)) -ne 0 ] || ctl reload
		sleep 1
	done >/dev/null 2>&1
}

ok "the daemon starts" daemon_start --time-scale 60 || finish
fleet "$n" --first-id "$first" --firmware 0A03 --next-firmware 0A05 \
    --speed 60 --faults disconnect=0.01
finished() { campaign_is first finished; }
ok "a campaign first" wait_for 300 finished
SECONDS=0
printf 'seconds\tanon_kib\tfds\tthreads\twal_bytes\tconnections\tstate\n' \
    >"$result"
churn &
end=$((minutes * 60))
while [ "$SECONDS" -lt "$end" ] && alive "$daemon_pid"; do
	sleep 10
	sample >>"$result"
done
ok "it lived" alive "$daemon_pid"
ok "it was well" test -z "$(cut -f 7 "$result" | grep -vx 'ok\|state')"

# The middle fifth of the run against the last one, by their medians: what is
# before is warm-up, and a median does not mind a backup that is under way.
verdict=$(awk -F '\t' '
function median(from, to, col,    v, n, i, j, t) {
	n = 0
	for (i = from; i <= to; i++)
		v[++n] = row[i, col]
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && v[j] < v[j - 1]; j--) {
			t = v[j]; v[j] = v[j - 1]; v[j - 1] = t
		}
	return v[int((n + 1) / 2)]
}
NR > 1 { k++; for (i = 1; i <= 6; i++) row[k, i] = $i }
END {
	split("2 3 4", cols, " ")
	split("anon_kib fds threads", names, " ")
	if (k < 10) { print "too few samples"; exit 1 }
	for (c = 1; c <= 3; c++) {
		a = median(int(k * 0.4), int(k * 0.6), cols[c])
		b = median(int(k * 0.8), k, cols[c])
		word = "kept"
		if (b > a * 1.02 && b - a > 2)
			word = "GREW"
		printf "%s %s: %d, then %d\n", names[c], word, a, b
	}
}' "$result")
printf '%s\n' "$verdict"
is "what grew at most 2 %, of three" "$(grep -c kept <<<"$verdict")" 3
ok "the fleet ends" fleet_stop
ok "the daemon ends" daemon_stop
finish
