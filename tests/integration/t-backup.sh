#!/usr/bin/env bash
# A backup while a campaign runs, on a schedule, and back again: what was
# restored is halted and fenced, and ends well.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
requires curl:curl
mkdir "$T/backups"
write_config
sed -i "s|trackupd.db}|trackupd.db, backup: {directory: $T/backups,\
  every: 1m, keep: 2}}|" "$T/trackupd.yaml"
first=860000000000009
n=10
fleet_ids "$n" "${first%?}" >"$T/campaigns/all.txt"
cat >"$T/campaigns/first.yaml" <<-END
campaign: first
approval: none
targets: {file: all.txt}
target_version: "0A05"
packages: [{from: any, to: "0A05", url: "http://127.0.0.1:9/0A05.enc"}]
windows: always
window_fit: false
pace: {in_flight: 4, start_rate: 10/s}
timeouts: {ack: 30s, confirm: 30s, silent: 10m}
END

ok "the daemon starts" daemon_start --time-scale 60 || finish
fleet "$n" --first-id "$first" --firmware 0A03 --next-firmware 0A05 --speed 60
some_done() { [ "$(campaign_field first targets.succeeded)" -ge 2 ]; }
ok "some succeed" wait_for 60 some_done
status "backup" 0 ctl backup "$T/by-hand.db" --reason "before the change"
has "says what it made" "$T/out" "$T/by-hand.db: [0-9]+ KiB, complete"
status "the name is taken" 6 ctl backup "$T/by-hand.db"
has "and says so" "$T/err" 'exists'
status "with --force" 0 ctl backup "$T/by-hand.db" --force
status "no such directory" 1 ctl backup "$T/nowhere/x.db"
has "says why" "$T/err" 'No such file'
status "something else there" 6 ctl backup "$T/trackupd.yaml" --force
ok "and it is still that" grep -q trackers: "$T/trackupd.yaml"
status "the database itself" 6 ctl backup "$T/trackupd.db" --force
(cd "$T" && "$bin/trackupctl" -s "$T/ctl" --json backup relative.db) \
    >"$T/out" 2>&1
is "relative to the caller" "$(get file <"$T/out")" "$T/relative.db"
has "who made it" "$T/daemon.log" 'backup who=uid:[0-9]+ file=.*result=ok'
# audited WHO ACTION OBJECT REASON: patterns, of one line of the audit log.
audited()
{
	curl -s --unix-socket "$T/ctl" "http://trackupd/api/v1/audit?limit=200" |
	    tr '{' '\n' >"$T/audit"
	awk -v w="\"who\": *\"$1\"" -v a="\"action\": *\"$2\"" \
	    -v o="\"object\": *\"$3\"" -v r="\"reason\": *\"$4\"" '
	    $0 ~ w && $0 ~ a && $0 ~ o && $0 ~ r {n++} END {exit !n}' "$T/audit"
}
ok "who and why, in the audit log" wait_for 5 audited \
    'uid:[0-9]+' backup "$T/by-hand.db" 'before the change'
ok "what failed, too" wait_for 5 audited \
    'uid:[0-9]+' backup_failed "$T/nowhere/x.db" '[^"]*No such file[^"]*'

# The schedule: every second here. Two are kept.
three() { [ "$(grep -c 'backup who=schedule .* result=ok' "$T/daemon.log")" \
    -ge 3 ]; }
ok "on a schedule" wait_for 20 three
two() { [ "$(ls "$T/backups" | wc -l)" -le 2 ]; }
ok "the older ones go" wait_for 5 two
ok "each in the audit log" wait_for 5 audited \
    daemon backup "$T/backups/trackupd-[0-9TZ]*.db" 'on schedule'
is "well" "$(ctl status --json | get state)" ok
mv "$T/backups" "$T/away"
degraded() { [ "$(ctl status --json | get state)" = degraded ]; }
ok "a failing schedule is told" wait_for 20 degraded
has "with its reason" <(ctl status --json | get reasons) 'backup: '
ok "a failure of it is in the audit log" wait_for 5 audited \
    daemon backup_failed "$T/backups/trackupd-[0-9TZ]*.db" '[^"]+'
is "once" "$(grep -c 'daemon.*backup_failed' "$T/audit")" 1
mv "$T/away" "$T/backups"
well() { [ "$(ctl status --json | get state)" = ok ]; }
ok "and forgotten when it works again" wait_for 20 well

ok "the fleet ends" fleet_stop
daemon_kill

# Back to the first copy: fewer successes than there were.
rm -f "$T"/trackupd.db*
cp "$T/by-hand.db" "$T/trackupd.db"
ok "starts from the backup" daemon_start --time-scale 60 --restored
is "halted" "$(ctl status --json | get state)" halted
ok "knows its targets" test "$(campaign_field first targets.total)" -eq "$n"
ok "it stops" daemon_stop
finish
