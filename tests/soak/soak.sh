#!/usr/bin/env bash
# A long run under load: a fleet that is updated slowly, some of it badly, by
# one long campaign and several short ones; a second fleet that comes all at
# once and is torn away; operators that look, reloads, backups. Every ten
# seconds a sample of what the daemon holds and how fast it is goes into a file;
# what grew over 2 % after the warm-up fails.
#
# Two things grow by design, to a limit, and are grown before: what is remembered
# of a tracker that was updated once (a campaign over everybody comes first), and
# SQLite's cache, 32 MiB of the database (it begins with a log that is larger).
#
#   make soak                        an hour, 3000 trackers
#   make soak SOAK_MINUTES=5         less (at least 2)
#   SOAK_TRACKERS=800                fewer or more (at least 400)
#   SOAK_RESULT=FILE                 where the samples go, default soak.tsv
#
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
command -v curl >/dev/null || { echo "no curl"; exit 77; }
minutes=${SOAK_MINUTES:-60}
result=${SOAK_RESULT:-soak.tsv}
n=${SOAK_TRACKERS:-3000}
short=5                 # campaigns beside the long one, of fifty trackers each
long=$((n - short * 50))
http_port=$("$helper" ports 1)
write_config "devices: {unknown: register}
limits: {start_rate: 40/s, read_rate: 100/s, in_flight: 400}" \
    "http: {listen: [\"127.0.0.1:$http_port\"]}"
mkdir "$T/backups"
sed -i "s|trackupd.db}|trackupd.db, retain: 1d,\\
  backup: {directory: $T/backups, every: 5h, keep: 3}}|
s|^trackers: {|&identify_timeout: 30m, |" "$T/trackupd.yaml"
first=860000000000009
fleet_ids "$n" "${first%?}" >"$T/ids"
cp "$T/ids" "$T/campaigns/warm.txt"
head -n "$long" "$T/ids" >"$T/campaigns/long.txt"

# campaign NAME VERSION STARTS [PRIORITY]: durations are a sixtieth of what
# stands here, the trackers' own a twentieth.
campaign()
{
	cat >"$T/campaigns/$1.yaml" <<-END
	campaign: $1
	approval: none
	targets: {file: $1.txt}
	priority: ${4:-50}
	target_version: "$2"
	packages: [{from: any, to: "$2", url: "http://127.0.0.1:9/full_$2.enc"}]
	waves: [{name: all}]
	windows: always
	window_fit: false
	pace: {in_flight: 200, start_rate: $3, dark_max: 2000}
	retry: {max_attempts: 3, backoff: 15m, battery_wait: 2h}
	timeouts: {ack: 5m, confirm: 5m, silent: 6h, start_download: 30m}
	stop_rules: []
	END
}
# The one for the first third, the other for most of all the time.
campaign warm 0A05 "$((n * 7 / 2 / minutes + 1))/min" 60
campaign long 0A07 "$((long * 10 / 9 / minutes + 1))/min"

# p99 HISTOGRAM: of what came in since the last sample, as the upper bound of
# its bucket in milliseconds.
p99()
{
	awk -v h="trackupd_$1_bucket" 'index($1, h) == 1 {
		le = $1; gsub(/.*le="|".*/, "", le)
		if (FNR == NR) { was[le] = $2; next }
		n++; bound[n] = le; now[n] = $2 - was[le]
	} END {
		for (i = 1; i <= n && now[n] > 0; i++)
			if (now[i] >= 0.99 * now[n])
				break
		print now[n] == 0 ? 0 : bound[i] == "+Inf" ? 1e6 : \
		    bound[i] * 1000
	}' "$T/metrics.was" "$T/metrics"
}

# What is sampled: resident memory without the file pages that the kernel may
# take back, descriptors without those of connections, which come and go;
# threads, the log of the database, how fast, and how much work that was.
sample()
{
	local rss fds threads json stat now
	rss=$(awk '/^RssAnon/ {print $2}' "/proc/$daemon_pid/status")
	fds=$(find "/proc/$daemon_pid/fd" -mindepth 1 | wc -l)
	threads=$(awk '/^Threads/ {print $2}' "/proc/$daemon_pid/status")
	stat=$(awk '{print $14 + $15}' "/proc/$daemon_pid/stat")
	json=$(ctl status --json)
	mv "$T/metrics" "$T/metrics.was"
	curl -s "http://127.0.0.1:$http_port/metrics" >"$T/metrics"
	now=$(get connections <<<"$json")
	printf '%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\n' "$SECONDS" \
	    "$rss" "$((fds - now))" "$threads" \
	    "$(get store.wal_bytes <<<"$json")" "$now" \
	    "$(p99 commit_seconds)" "$(p99 dispatch_seconds)" "$stat" \
	    "$(campaign_field long attempts)" "$(get state <<<"$json")"
}

# Operators: one looks often, one reloads now and then.
churn()
{
	local turn=0
	while alive "$daemon_pid"; do
		turn=$((turn + 1))
		ctl status --json
		ctl campaign show long --json
		ctl campaign targets long --json --state failed
		ctl device timeline "$first" --json
		[ $((turn % 12)) -ne 0 ] || ctl device list --json
		[ $((turn % 5)) -ne 0 ] || ctl reload
		# A few come and go.
		timeout 5 "$bin/tracksim" --connect "127.0.0.1:$tracker_port" \
		    --devices 20 --first-id 870000000000009 --speed 60
	done >/dev/null 2>&1
}

# A third as many again, all at once, and gone as if a mast had fallen.
storms()
{
	while alive "$daemon_pid"; do
		timeout -s KILL 25 "$bin/tracksim" --ramp 5000/s --speed 20 \
		    --connect "127.0.0.1:$tracker_port" \
		    --devices $((n / 3)) --first-id 880000000000009
		sleep 20
	done >/dev/null 2>&1
}

ok "the daemon starts" daemon_start --time-scale 60 || finish
ok "and ends, with a database" daemon_stop
cat >"$T/log.sql" <<-'END'
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
	    LIMIT 400000)
	INSERT INTO event (wall, device, campaign, attempt, kind, phase, code,
	    serial, text)
	SELECT unixepoch() * 1000 - 600000 + i, i % 3000 + 1, 0, 0, 'timer',
	    (SELECT min(word) FROM phase), -1, -1, 'something of long ago'
	    || ' that has some more words to it' FROM n;
END
ok "which is large" "$checker" database "$T/log.sql" "$T/trackupd.db"
ok "the daemon starts with it" daemon_start --time-scale 60 || finish
fleet "$n" --first-id "$first" --firmware 0A03 --next-firmware url \
    --speed 20 --faults disconnect=0.05,no_ack=0.02,low_battery=0.02 \
    --faults download_fail=0.05,update_fail=0.02,lose_report=0.02
all_there() { [ "$(ctl status --json | get connections)" -ge "$n" ]; }
ok "the fleet comes" wait_for 60 all_there
SECONDS=0
printf 'seconds\tanon_kib\tfds\tthreads\twal_bytes\tconnections\t' >"$result"
printf 'commit_p99_ms\tdispatch_p99_ms\tcpu_ticks\tattempts\tstate\n' \
    >>"$result"
curl -s "http://127.0.0.1:$http_port/metrics" >"$T/metrics"
churn &
storms &
end=$((minutes * 60)) begun=0
while [ "$SECONDS" -lt "$end" ] && alive "$daemon_pid"; do
	if [ "$begun" -lt "$short" ] &&
	    [ "$SECONDS" -ge $((begun * end / (short + 1))) ]; then
		begun=$((begun + 1))
		tail -n "+$((long + begun * 50 - 49))" "$T/ids" | head -n 50 \
		    >"$T/campaigns/short$begun.txt"
		campaign "short$begun" 0A07 50/min 70
		ctl reload >/dev/null
	fi
	sleep 10
	sample >>"$result"
done
ok "it lived" alive "$daemon_pid"
ok "it was well" test -z "$(cut -f 11 "$result" | grep -vx 'ok\|state')"
ok "the long campaign made attempts" \
    test "$(campaign_field long attempts)" -ge $((long / 2))
settled()
{
	local c i
	for ((i = 1; i < short; i++)); do
		c=$(campaign_field "short$i" state)
		[ "$c" = finished ] || { echo "short$i is $c"; return 1; }
	done
}
# An update that fails for good takes some minutes to do so.
[ "$minutes" -lt 30 ] || ok "the short ones end" settled

# The middle fifth of the run against the last one, by their medians: what is
# before is warm-up, and a median does not mind a backup that is under way. The
# log of the database is held by its peak (the store copies it over at 64 MiB when
# it was never idle before); p99 comes in buckets, of which the
# next but one is five times as high.
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
NR > 1 { k++; for (i = 1; i <= 10; i++) row[k, i] = $i }
END {
	split("2 3 4 7 8", cols, " ")
	split("anon_kib fds threads commit_p99_ms dispatch_p99_ms", names, " ")
	split("1.02 1.02 1.02 5 5", most, " ")
	if (k < 10) { print "too few samples"; exit 1 }
	for (c = 1; c <= 5; c++) {
		a = median(int(k * 0.4), int(k * 0.6), cols[c])
		b = median(int(k * 0.8), k, cols[c])
		word = "kept"
		if (b > a * most[c] && b - a > 2)
			word = "GREW"
		printf "%s %s: %s, then %s\n", names[c], word, a, b
	}
	for (i = 1; i <= k; i++)
		if (row[i, 5] > peak)
			peak = row[i, 5]
	printf "wal_bytes %s: %d at most\n", \
	    peak <= 72 * 1024 * 1024 ? "kept" : "GREW", peak
	printf "%d attempts, %.0f %% of one processor\n", row[k, 10], \
	    (row[k, 9] - row[1, 9]) / (row[k, 1] - row[1, 1])
}' "$result")
printf '%s\n' "$verdict"
is "what grew, of six" "$(grep -c ' kept: ' <<<"$verdict")" 6
ok "the fleet ends" fleet_stop
ok "the daemon ends" daemon_stop
finish
