#!/usr/bin/env bash
# Starting, stopping, reloading and refusing.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
write_config "trackers_extra: 1"
trackupd() { "$bin/trackupd" "$@"; }

# What a wrong flag, a wrong key and a missing file get.
status "--version" 0 trackupd --version
has "--version" "$T/out" '^trackupd [0-9]+\.[0-9]+\.[0-9]+'
is "--version is one line" "$(head -n 1 "$T/out" | wc -l)" 1
status "--help" 0 trackupd --help
has "--help" "$T/out" '--config'
status "a wrong flag" 2 trackupd --no-such-flag
has "a wrong flag is named" "$T/err" 'no-such-flag'
status "an argument too many" 2 trackupd -c "$T/trackupd.yaml" surplus
status "no such file" 78 trackupd -c "$T/nowhere.yaml"
has "no such file is named" "$T/err" 'nowhere\.yaml'
status "-t on an unknown key" 78 trackupd -t -c "$T/trackupd.yaml"
has "file, line, column" "$T/err" 'trackupd\.yaml:[0-9]+:[0-9]+: .*trackers_extra'
status "start on an unknown key" 78 trackupd -c "$T/trackupd.yaml"
has "the same at start" "$T/err" 'trackupd\.yaml:[0-9]+:[0-9]+: '

write_config
status "-t" 0 trackupd -t -c "$T/trackupd.yaml"
status "-T" 0 trackupd -T -c "$T/trackupd.yaml"
has "-T shows defaults" "$T/out" 'identify_timeout'
ok "-T hides the password" test -z "$(grep -F gv620mg "$T/out")"
ok "-t leaves no database" test ! -e "$T/trackupd.db"
printf 'trackers: {listen: [oops}\n' >"$T/broken.yaml"
status "-t on broken YAML" 78 trackupd -t -c "$T/broken.yaml"
has "its place" "$T/err" 'broken\.yaml:[0-9]+:[0-9]+: '

# A running one.
ok "it starts" daemon_start || finish
has "it says so" "$T/daemon.log" 'trackupd'
has "and where it listens" "$T/daemon.log" \
    "listening for=trackers address=127\\.0\\.0\\.1:$tracker_port\$"
has "the file server too" "$T/daemon.log" \
    "listening for=files address=127\\.0\\.0\\.1:$files_port\$"
is "status" "$(ctl status --json | get state)" ok
is "version" "$(ctl status --json | get version)" \
    "$(trackupd --version | awk 'NR == 1 {print $2}')"
mode=$(stat -c %a "$T/ctl")
is "the socket is the owner's alone" "$mode" 600

# A second one on the same files says whose fault it is, and harms nothing.
status "a second instance" 1 trackupd -c "$T/trackupd.yaml"
has "the reason" "$T/err" 'trackupd\.db|in use|lock|already'
is "the first one still answers" "$(ctl status --json | get state)" ok

# SIGHUP: all or nothing.
cp "$T/trackupd.yaml" "$T/good.yaml"
printf 'limits: {in_flight: none}\n' >>"$T/trackupd.yaml"
kill -HUP "$daemon_pid"
refused() { grep -Eq 'trackupd\.yaml:[0-9]+:[0-9]+: .*in_flight' "$T/daemon.log"; }
ok "a broken file is refused by name" wait_for 10 refused
is "and the daemon goes on" "$(ctl status --json | get state)" ok
is "with the old limit" "$(ctl status --json | get limits.in_flight.limit)" 100
cp "$T/good.yaml" "$T/trackupd.yaml"
printf 'limits: {in_flight: 7}\n' >>"$T/trackupd.yaml"
kill -HUP "$daemon_pid"
seven() { [ "$(ctl status --json | get limits.in_flight.limit)" = 7 ]; }
ok "a good one takes effect" wait_for 10 seven
cp "$T/good.yaml" "$T/trackupd.yaml"
status "trackupctl reload" 0 ctl reload --reason "as before"
audited() { ctl audit -o csv | grep -q ",$1,$2,,\"*$3\"*"; }
ok "who and why are on record" wait_for 10 audited "uid:$(id -u)" reload \
    "as before"
ok "of a signal too" audited signal reload SIGHUP
ok "and what was refused" audited signal reload_refused SIGHUP
is "what does not change is not said again" \
    "$(grep -c 'max_connections lowered' "$T/daemon.log")" \
    "$(grep -m 1 -c 'max_connections lowered' "$T/daemon.log")"
hundred() { [ "$(ctl status --json | get limits.in_flight.limit)" = 100 ]; }
ok "and takes effect too" wait_for 10 hundred

# A broken campaign file is named and keeps nobody else from being read.
printf 'campaign: one\nwindows: sometimes\n' >"$T/campaigns/one.yaml"
status "-t with a broken campaign" 78 trackupd -t -c "$T/trackupd.yaml"
has "it is named" "$T/err" 'one\.yaml:[0-9]+:[0-9]+: '
echo 'id;nonsense' >"$T/fleet.csv"
echo 'somebody' >"$T/tokens"
sed "s|^http: .*|http: {listen: [], token_file: $T/tokens}|" \
    "$T/trackupd.yaml" >"$T/all.yaml"
echo "devices: {inventory: $T/fleet.csv}" >>"$T/all.yaml"
status "-t with errors in every file" 78 trackupd -t -c "$T/all.yaml"
has "the tokens" "$T/err" 'tokens:1: '
has "the inventory" "$T/err" 'fleet\.csv:1: '
has "the campaign" "$T/err" 'one\.yaml:[0-9]+:[0-9]+: '
kill -HUP "$daemon_pid"
named() { grep -Eq 'one\.yaml:[0-9]+:[0-9]+: ' "$T/daemon.log"; }
ok "and so at a reload" wait_for 10 named

# What an operator does is logged in words, whatever he names.
status "halt" 0 ctl halt --reason "new: \"now\""
has "halt is logged" "$T/daemon.log" \
    'operator who=uid:[0-9]+ action=halt object=- status=ok reason="new: '
status "resume-all" 0 ctl resume-all

# Port 0 is any: the log says which.
sed 's|^trackers: .*|trackers: {listen: ["127.0.0.1:0"]}|' "$T/good.yaml" \
    >"$T/trackupd.yaml"
kill -HUP "$daemon_pid"
fresh_port() {
	local port
	port=$(sed -n 's/.*for=trackers address=127\.0\.0\.1://p' \
	    "$T/daemon.log" | tail -n 1)
	[ "$port" -gt 0 ] && [ "$port" -ne "$tracker_port" ]
}
ok "the port that was bound is logged" wait_for 10 fresh_port
cp "$T/good.yaml" "$T/trackupd.yaml"

# SIGTERM: within five seconds, with nothing left behind.
began=$(date +%s%N)
kill -TERM "$daemon_pid"
ok "SIGTERM ends it" daemon_ends 10
took=$((($(date +%s%N) - began) / 1000000))
ok "within five seconds ($took ms)" test "$took" -lt 5000
is "with status 0" "${daemon_rc:-}" 0
ok "the socket is gone" test ! -e "$T/ctl"
status "trackupctl without a daemon" 5 ctl status

# A broken campaign file never keeps it from starting.
ok "it starts again" daemon_start
is "all is well" "$(ctl status --json | get state)" ok
daemon_kill
ok "it starts after SIGKILL" daemon_start
ok "it stops" daemon_stop

# A log that nobody reads goes nowhere, and not to whoever has its number.
"$bin/trackupd" -c "$T/trackupd.yaml" <&- >&- 2>&- &
daemon_pid=$!
ok "it starts with closed descriptors" wait_for 20 answers
for fd in 0 1 2; do
	is "descriptor $fd" "$(readlink "/proc/$daemon_pid/fd/$fd")" /dev/null
done
ok "it stops" daemon_stop

# A database that is none of ours is left alone.
printf 'this is no database, only a text of some length\n' >"$T/foreign.db"
cp "$T/foreign.db" "$T/foreign.copy"
sed "s|trackupd.db|foreign.db|" "$T/good.yaml" >"$T/foreign.yaml"
status "a foreign database" 1 trackupd -c "$T/foreign.yaml"
ok "is untouched" cmp -s "$T/foreign.db" "$T/foreign.copy"

# What is missing or forbidden is named by its place.
sed "s|$T/ctl|$T/run/ctl|" "$T/good.yaml" >"$T/away.yaml"
status "no directory for the socket" 1 trackupd -c "$T/away.yaml"
has "it is named" "$T/err" 'control.socket: .*/run/ctl: its directory does not'
sed "s|$T/campaigns|$T/nowhere|" "$T/good.yaml" >"$T/away.yaml"
status "-t without campaigns" 0 trackupd -t -c "$T/away.yaml"
has "is a warning" "$T/err" 'warning: campaigns.directory: .*/nowhere: No such'
cat >"$T/campaigns/one.yaml" <<-'END'
	campaign: one
	targets: {devices: [867162020000006]}
	target_version: "0A05"
	packages: [{from: "0A03", to: "0A05", file: lost.enc}]
	windows: always
END
status "-t with a package that is not there" 78 trackupd -t -c "$T/good.yaml"
has "the path looked at" "$T/err" 'packages\[0\].file: .*/firmware/lost.enc: No such'

finish
