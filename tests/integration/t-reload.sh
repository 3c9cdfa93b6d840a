#!/usr/bin/env bash
# What a reload changes, what it leaves until a restart, what it refuses whole;
# and signals that come at the wrong moment.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
# shellcheck source=tests/integration/faultlib.sh
. "$top_srcdir/tests/integration/faultlib.sh"
requires curl:curl
write_config
mapfile -t ports < <("$helper" ports 2)
http=${ports[0]}
url=http://127.0.0.1:$files_port
"$helper" package 1024 >"$T/firmware/0A05.enc"
in_flight() { ctl status --json | get limits.in_flight.limit; }

# new_config [LINE...]: packages by another server, at first.
new_config()
{
	cat >"$T/trackupd.yaml" <<-END
	trackers: {listen: ["127.0.0.1:$tracker_port"]}
	store: {path: $T/trackupd.db}
	campaigns: {directory: $T/campaigns}
	control: {socket: $T/ctl}
	END
	printf '%s\n' "$@" >>"$T/trackupd.yaml"
}

# --- keys that only a restart changes -----------------------------------------

before=("files: {root: $T/firmware, public_url: \"$url\"}"
    "http: {listen: [\"127.0.0.1:$http\"]}")
new_config "${before[@]}"
cat >"$T/campaigns/one.yaml" <<-'END'
campaign: one
approval: required
targets: {devices: ["86000000000000"]}
target_version: "0A05"
packages: [{from: "0A03", to: "0A05", file: 0A05.enc}]
windows: always
END
ok "the daemon starts" daemon_start || finish
mkdir "$T/other"
new_config "files:" "  listen: [\"127.0.0.1:$files_port\"]" \
    "  root: $T/other" "  public_url: \"$url/new\"" \
    "  user: u" "  password: p" "${before[1]}"
status "a reload with a file server" 0 ctl reload
is "is said to need a restart" \
    "$(grep -c 'warning: .*: only a restart brings about: files.listen, files.root, files.user, files.password$' "$T/daemon.log")" 1
is "the campaign has its package" "$(campaign_field one state)" draft
status "start" 0 ctl campaign start one
fleet 1
sent() { ctl device timeline 860000000000009 --json | grep -q 'AT+GTUPD='; }
ok "a start is sent" wait_for 20 sent
is "to where the package is, without what nobody asks for" \
    "$(ctl device timeline 860000000000009 --json |
	grep -Eo 'AT\+GTUPD=[^"]*' | head -n 1 | cut -d, -f 6-8)" \
    ",,$url/new/0A05.enc"
ok "the fleet ends" fleet_stop
ok "the daemon ends" daemon_stop
rm "$T/campaigns/one.yaml" "$T/trackupd.db"*

# --- all or nothing -----------------------------------------------------------

token=$(printf 'secret' | sha256sum)
echo "me operate ${token%% *}" >"$T/tokens"
new_config "http: {listen: [\"0.0.0.0:$http\"], token_file: $T/tokens}"
ok "the daemon starts" daemon_start || finish
code() { curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$http$1"; }
is "nobody comes in without a token" "$(code /api/v1/status)" 401
new_config "http: {listen: [\"127.0.0.1:$http\"]}" "limits: {in_flight: 7}"
status "tokens that go before the door is closed" 6 ctl reload
has "are refused by place" "$T/daemon.log" \
    "trackupd\\.yaml:[0-9]+:[0-9]+: http\\.token_file: cannot go before .*0\\.0\\.0\\.0:$http"
is "the door stays shut" "$(code /api/v1/status)" 401
is "and all else as it was" "$(in_flight)" 100
for wrong in "http: {listen: [\"0.0.0.0:$http\"], token_file: $T/nobody}" \
    "control: {group: no-such-group}"; do
	new_config "limits: {in_flight: 7}"
	sed -i '/^control:/d' "$T/trackupd.yaml"
	printf '%s\n' "$wrong" >>"$T/trackupd.yaml"
	status "-t with $wrong" 78 "$bin/trackupd" -t -c "$T/trackupd.yaml"
	has "is told by place" "$T/err" \
	    'trackupd\.yaml:[0-9]+:[0-9]+: (http.token_file|control.group): .*no such|No such'
	status "a reload with it" 6 ctl reload
	is "changes nothing" "$(in_flight)" 100
	status "a start with it" 78 "$bin/trackupd" -c "$T/trackupd.yaml"
done
new_config "http: {listen: [\"0.0.0.0:$http\"], token_file: $T/tokens}" \
    "limits: {in_flight: 7}"
status "a good one" 0 ctl reload
is "is taken" "$(in_flight)" 7
ok "the daemon ends" daemon_stop

# --- signals ------------------------------------------------------------------

# A reload that is asked for before there is a daemon.
new_config
cp "$T/trackupd.yaml" "$T/good.yaml"
rm "$T/trackupd.yaml"
mkfifo "$T/trackupd.yaml"
"$bin/trackupd" -c "$T/trackupd.yaml" >>"$T/daemon.log" 2>&1 &
daemon_pid=$!
exec {fifo}>"$T/trackupd.yaml"
kill -HUP "$daemon_pid"
mv "$T/good.yaml" "$T/next.yaml"
cat "$T/next.yaml" >&"$fifo"
mv "$T/next.yaml" "$T/trackupd.yaml"
exec {fifo}>&-
ok "SIGHUP while it starts does not end it" wait_for 20 operator
reloaded() { tail -n 3 "$T/daemon.log" | grep -q 'reloaded result=ok'; }
ok "and is heard later" wait_for 10 reloaded
ok "the daemon ends" daemon_stop

# Something hangs, here the disk: a stop is a stop.
[ "$sanitized" = no ] || finish
ok "the daemon starts" with_shim || finish
fault "$SYNC_WAITS" 1
ctl device exclude 860000000000009 --reason hangs >"$T/hangs.log" 2>&1 &
blocked() { [ "$(fault "$INJECTED")" -ge 1 ]; }
ok "a sync hangs" wait_for 10 blocked
kill -TERM "$daemon_pid"
ok "it ends within 5 s" daemon_ends 5
is "with 0" "${daemon_rc:-}" 0

# A halt is on the disk before it is answered: then the loop itself waits.
hung() { [ "$(fault "$INJECTED")" -ge 1 ] && ! timeout 1 "$bin/trackupctl" \
    -s "$T/ctl" status >/dev/null 2>&1; }
for signals in 1 2; do
	ok "the daemon starts" with_shim || finish
	fault "$SYNC_WAITS" 1
	ctl halt --reason hangs >"$T/hangs.log" 2>&1 &
	ok "the loop hangs" wait_for 20 hung
	began=$(date +%s%N)
	kill -TERM "$daemon_pid"
	[ "$signals" -eq 1 ] || kill -INT "$daemon_pid"
	ok "$signals: it ends within 5 s" daemon_ends 5
	is "$signals: with 0" "${daemon_rc:-}" 0
	took=$((($(date +%s%N) - began) / 1000000))
done
ok "a second signal ends it at once ($took ms)" test "$took" -lt 2000
finish
