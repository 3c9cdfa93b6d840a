#!/usr/bin/env bash
# Ids without end, connections without end: memory, log and database stay
# within bounds, each limit counts, and an honest tracker is answered.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
# shellcheck source=tests/integration/faultlib.sh
. "$top_srcdir/tests/integration/faultlib.sh"
write_config
ok "the daemon starts" daemon_start

# Eighty that nobody listed stay connected and quiet: the oldest of all, who
# must not keep the others from being forgotten. Then more ids than it keeps.
max=$(limit observed limit)
holder "$T/hold.out" hold 80 71000000000000
has "eighty observed" "$T/hold.out" '^80 held, 0 refused'
db_before=$(cat "$T"/trackupd.db* | wc -c)
"$peer" "$tracker_port" ids $((max + 20000)) 72000000000000 \
    >"$T/ids.out" 2>&1 &
flood=$!
for i in 1 2 3; do
	asked "during the flood, $i" "86000000000200$i"
	ok "and the operator" operator
done
ok "every id is answered" wait "$flood"
cat "$T/ids.out"
now=$(limit observed now)
ok "observed ids are bounded: $now" test "$now" -le $((max + 200))
ok "observed counts" test "$(limit observed hits)" -ge 19000
[ "$sanitized" = yes ] ||
	ok "memory is bounded: $(rss) KiB" test "$(rss)" -lt 102400
db_after=$(cat "$T"/trackupd.db* | wc -c)
ok "nothing of it is in the database: $db_before, $db_after" \
    test $((db_after - db_before)) -lt 65536
ok "few lines of log ($(log_lines))" test "$(log_lines)" -lt 30
ok "the eighty are still known" \
    test "$(ctl status --json | get devices.online)" -ge 80
drop_all
ok "they leave" wait_for 10 connections_are 0

# The limits of connections, as a reload brings them about.
cp "$T/trackupd.yaml" "$T/good.yaml"
relimit()
{
	sed "s/^trackers: {/&$1, /" "$T/good.yaml" >"$T/trackupd.yaml"
	ok "reload: $1" ctl reload
}
relimit 'max_unidentified: 20'
is "in force" "$(limit unidentified limit)" 20
holder "$T/mute.out" hold 60
ok "unidentified counts" wait_for 10 limit_reached unidentified 40
is "at most as many" "$(limit unidentified now)" 20
drop_all
ok "they leave" wait_for 10 connections_are 0
asked "after them"

relimit 'max_connections_per_address: 10'
is "in force" "$(limit connections_per_address limit)" 10
holder "$T/address.out" hold 30
ok "connections_per_address counts" \
    wait_for 10 limit_reached connections_per_address 20
ok "those within stay" connections_are 10
drop_all
ok "they leave" wait_for 10 connections_are 0
asked "after them"

relimit 'max_connections: 10'
holder "$T/all.out" hold 30
ok "connections counts" wait_for 10 limit_reached connections 20
drop_all
ok "they leave" wait_for 10 connections_are 0
relimit 'frame_max: 1024'
is "frame_bytes is in force" "$(limit frame_bytes limit)" 1024
ok "one line for many refusals ($(log_lines))" test "$(log_lines)" -lt 60

# unknown: register keeps what it hears of; the log has a line each, at most so
# many a second, and says how many it held back.
sed 's/^store:/devices: {unknown: register}\n&/' "$T/good.yaml" \
    >"$T/trackupd.yaml"
ok "reload: unknown: register" ctl reload
is "registered has a limit" "$(limit registered limit)" 200000
ok "ids to register" "$peer" "$tracker_port" ids 8000 73000000000000
is "registered now" "$(limit registered now)" 8000
ok "log lines are held back ($(limit log_lines_per_s hits))" \
    test "$(limit log_lines_per_s hits)" -ge 1000
ok "and the log is bounded ($(log_lines))" test "$(log_lines)" -lt 7500

# One of them goes on talking: each report counts, the history is bounded.
ok "reports without end" "$peer" "$tracker_port" reports 5000 730000000000010
ok "timeline_frames counts ($(limit timeline_frames hits))" \
    test "$(limit timeline_frames hits)" -ge 4000
ctl device timeline 730000000000010 --json >"$T/timeline.json"
ok "the timeline is bounded ($(get '#' <"$T/timeline.json"))" \
    test "$(get '#' <"$T/timeline.json")" -le 650

# Too much of a file.
head -c 1100000 /dev/zero | tr '\0' '#' >"$T/campaigns/huge.yaml"
truncate -s 65M "$T/campaigns/huge.txt"
cat >"$T/campaigns/list.yaml" <<-END
campaign: list
targets: {file: huge.txt}
target_version: "0A05"
packages: [{from: any, to: "0A05", url: "http://127.0.0.1/x"}]
windows: always
END
cp "$T/trackupd.yaml" "$T/good.yaml"
head -c 1100000 /dev/zero | tr '\0' '#' >>"$T/trackupd.yaml"
status "a reload of huge files" 6 ctl reload
cp "$T/good.yaml" "$T/trackupd.yaml"
rm -f "$T"/campaigns/*
is "campaign_bytes counts" "$(limit campaign_bytes hits)" 1
is "list_bytes counts" "$(limit list_bytes hits)" 1
is "config counts" "$(limit config hits)" 1

# Every limit has its place in status, whether it ever bit or not; the manual
# has each of them, and none that is not there.
ctl status --json >"$T/status.json"
get 'limits.@' <"$T/status.json" | sort >"$T/limits"
awk '/^\.It Cm limits$/ { on = 1; next } /^\.Ss/ { on = 0 }
    on && /^\.It Cm/ { for (i = 3; i <= NF; i++) if ($i != ",") print $i }' \
    "$top_srcdir/man/trackupd-api.7" | sort >"$T/manual"
is "limits and the manual agree" "$(diff "$T/limits" "$T/manual")" ""
ok "they are some" test "$(wc -l <"$T/limits")" -ge 34
while read -r name; do
	is "$name: limit, now, hits" \
	    "$(get "limits.$name.#" <"$T/status.json")" 3
	ok "$name: hits is a number" \
	    test "$(get "limits.$name.hits" <"$T/status.json")" -ge 0
done <"$T/limits"
ok "it ends" daemon_stop
finish
