#!/usr/bin/env bash
# Under a real service manager: a restart that no tracker notices, sockets that
# the manager opened, reload, watchdog, and what a broken configuration does.
# It is systemd's user manager in a mount namespace of its own, so it runs
# wherever that may be made, and nothing of the machine's manager is touched.
if [ -z "${IN_NAMESPACE:-}" ]; then
	manager=
	for m in /usr/lib/systemd/systemd /lib/systemd/systemd; do
		[ -x "$m" ] && manager=$m
	done
	if [ -z "$manager" ] || ! command -v systemctl >/dev/null ||
	    ! unshare -m true 2>/dev/null; then
		echo "no systemd, or no mount namespaces"
		exit 77
	fi
	export IN_NAMESPACE=yes manager
	exec unshare -m --propagation private "$0" "$@"
fi
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
if ! grep -q 'define HAVE_SYSTEMD 1' "$bin/config.h"; then
	echo "built without libsystemd"
	exit 77
fi
mount -t tmpfs none /run || exit 77
mkdir -p /run/systemd/system /run/user/me "$T/units"
chmod 700 /run/user/me
export XDG_RUNTIME_DIR=/run/user/me SYSTEMD_UNIT_PATH=$T/units
unset DBUS_SESSION_BUS_ADDRESS NOTIFY_SOCKET
# A manager of its own writes no journal of the machine's.
sc() { systemctl --user "$@" 2>>"$T/systemctl.log"; }

write_config
read -r other_port < <("$helper" ports 1)
cat >"$T/units/trackupd.service" <<-END
[Unit]
DefaultDependencies=no
StartLimitIntervalSec=0
[Service]
Type=notify
ExecStart=$bin/trackupd -c $T/trackupd.yaml
ExecReload=/bin/kill -HUP \$MAINPID
Restart=on-failure
RestartSec=100ms
RestartPreventExitStatus=78
FileDescriptorStoreMax=512
WatchdogSec=3
LimitNOFILE=8192
StandardOutput=append:$T/daemon.log
StandardError=append:$T/daemon.log
Environment=LANG=C
END
cat >"$T/units/trackupd.socket" <<-END
[Unit]
DefaultDependencies=no
[Socket]
ListenStream=127.0.0.1:$other_port
FileDescriptorName=tracker-listener
Service=trackupd.service
END
for t in basic shutdown sockets timers paths default; do
	printf '[Unit]\nDefaultDependencies=no\n' >"$T/units/$t.target"
done
"$manager" --user --log-target=console >"$T/manager.txt" 2>&1 &
manager_pid=$!
up() { sc is-system-running || sc list-units; }
wait_for 20 up || { echo "no user manager here"; tail -n 5 "$T/manager.txt";
	exit 77; }

prop() { sc show trackupd.service -p "$1" --value; }
main_pid() { prop MainPID; }
is_active() { [ "$(prop ActiveState)" = active ]; }
connections() { ctl status --json | get connections; }
connections_are() { [ "$(connections)" = "$1" ]; }
stored() { prop NFileDescriptorStore; }

# --- start, status line ------------------------------------------------------
status "it is started" 0 sc start trackupd.service || finish
ok "and says when it is ready" is_active
said() { prop StatusText | grep -q 'trackers'; }
ok "a status line" wait_for 10 said

# --- trackers over a restart -------------------------------------------------
frame() { printf '+ACK:GTHBD,8020040200,%s,GV620MG,20260101000000,%s$' "$1" "$2"; }
exec 8<>"/dev/tcp/127.0.0.1/$tracker_port" 9<>"/dev/tcp/127.0.0.1/$tracker_port"
frame 860000000000009 0001 >&8
read -r -t 10 -d '$' -u 8 answer
is "one is answered" "${answer%%,*}" "+SACK:GTHBD"
whole=$(frame 860000000000017 0002)
printf '%s' "${whole:0:30}" >&9
frame 860000000000025 0007 >"$T/third"
ok "both are there" wait_for 10 connections_are 2
before=$(main_pid)
status "restart" 0 sc restart trackupd.service
ok "it runs again" is_active
ok "as another process" test "$(main_pid)" != "$before"
has "what it left" "$T/daemon.log" 'connections_kept count=2 of=2'
has "what it found" "$T/daemon.log" 'connections_resumed count=2 of=2'
ok "both are there still" wait_for 10 connections_are 2
is "the first is online, unheard" \
    "$(ctl device show 860000000000009 --json | get online)" true
printf '%s' "${whole:30}" >&9
read -r -t 10 -d '$' -u 9 answer
is "half a frame is finished" "${answer##*,}" 0002
frame 860000000000009 0003 >&8
read -r -t 10 -d '$' -u 8 answer
is "the other speaks on" "${answer##*,}" 0003
released() { [ "$(stored)" = 0 ]; }
ok "the manager holds no copy" wait_for 10 released

# Many, and a connection that is closed is closed.
"$bin/tracksim" --connect "127.0.0.1:$tracker_port" --devices 700 \
    --first-id 870000000000009 >"$T/sim.log" 2>&1 8>&- 9>&- &
sim_pid=$!
ok "a fleet" wait_for 30 connections_are 702
exec 9>&-
ok "one leaves" wait_for 10 connections_are 701
status "restart with a fleet" 0 sc restart trackupd.service
has "all are kept" "$T/daemon.log" 'connections_resumed count=701 of=701'
ok "and connected" wait_for 10 connections_are 701
ok "nobody was refused" test -z "$(grep refused "$T/daemon.log")"
kill -TERM "$sim_pid"; wait "$sim_pid"; sim_pid=

# --- switched off ------------------------------------------------------------
cp "$T/trackupd.yaml" "$T/good.yaml"
sed -i "s|^trackers: {|&keep_over_restart: false, |" "$T/trackupd.yaml"
status "restart, to take it over" 0 sc restart trackupd.service
status "restart without" 0 sc restart trackupd.service
is "nothing was kept" "$(grep -c 'connections_resumed' "$T/daemon.log")" 3
read -r -t 10 -u 8 answer
ok "the tracker sees the close" test $? -eq 1
exec 8>&-
cp "$T/good.yaml" "$T/trackupd.yaml"

# --- a stop lets go ----------------------------------------------------------
status "restart, to take it over" 0 sc restart trackupd.service
exec 8<>"/dev/tcp/127.0.0.1/$tracker_port"
frame 860000000000009 0004 >&8
read -r -t 10 -d '$' -u 8 answer
status "stop" 0 sc stop trackupd.service
read -r -t 10 -u 8 answer
ok "the tracker sees the close" test $? -eq 1
exec 8>&-

# --- relayed ones, with their platform ---------------------------------------
upstream=$("$helper" ports 1)
mkdir "$T/in"
"$bin/tests/integration/platform" "$upstream" "$T/in" >"$T/platform.out" 2>&1 &
platform_pid=$!
ok "a platform" wait_for 10 grep -q ready "$T/platform.out"
echo "relay: {upstream: \"127.0.0.1:$upstream\"}" >>"$T/trackupd.yaml"
status "start" 0 sc start trackupd.service
"$bin/tracksim" --connect "127.0.0.1:$tracker_port" --devices 150 --speed 60 \
    --heartbeat 2m --first-id 870000000000009 >"$T/sim.log" 2>&1 &
sim_pid=$!
relayed() { [ "$(ctl status --json | get relay.connected)" = 150 ]; }
ok "a fleet that is relayed" wait_for 30 relayed
status "restart" 0 sc restart trackupd.service
has "all are kept" "$T/daemon.log" 'connections_resumed count=150 of=150'
ok "and have their platform" relayed
heard=$(cat "$T"/in/*.in | wc -c)
# A heartbeat of each.
speaks() { [ "$(cat "$T"/in/*.in | wc -c)" -gt $((heard + 150 * 70)) ]; }
ok "which hears them" wait_for 20 speaks
files=("$T"/in/*.in)
is "and noticed nothing" "${#files[@]}" 150
kill -TERM "$sim_pid"; wait "$sim_pid"; sim_pid=
has "nor did they" "$T/sim.log" 'connects 150,'
status "stop" 0 sc stop trackupd.service
kill "$platform_pid"
cp "$T/good.yaml" "$T/trackupd.yaml"

# --- reload ------------------------------------------------------------------
status "start" 0 sc start trackupd.service
status "reload" 0 sc reload trackupd.service
reloaded() { grep -q 'reloaded result=ok' "$T/daemon.log"; }
ok "was done" wait_for 20 reloaded
ok "and it is active again" wait_for 10 is_active

# --- the watchdog ------------------------------------------------------------
before=$(main_pid)
kill -STOP "$before"
replaced() { [ "$(main_pid)" != "$before" ] && [ "$(main_pid)" != 0 ] &&
	is_active; }
ok "a stopped process is replaced" wait_for 30 replaced
is "by the watchdog" "$(prop NRestarts)" 1

# The same when only the database does not answer: the loop alone is no life.
if ! grep -aq __asan_init "$bin/trackupd"; then
	head -c 4096 /dev/zero >"$T/faults"
	mkdir "$T/units/trackupd.service.d"
	printf '[Service]\nEnvironment=LD_PRELOAD=%s FAULTS=%s\n' \
	    "$bin/tests/integration/shim.so" "$T/faults" \
	    >"$T/units/trackupd.service.d/shim.conf"
	status "new environment" 0 sc daemon-reload
	status "restart with it" 0 sc restart trackupd.service
	before=$(main_pid)
	"$helper" fault "$T/faults" 0 1
	timeout 5 "$bin/trackupctl" -s "$T/ctl" halt >/dev/null 2>&1
	dead() { [ "$(main_pid)" != "$before" ]; }
	ok "a database that hangs is noticed" wait_for 30 dead
	"$helper" fault "$T/faults" 0 0
	rm -r "$T/units/trackupd.service.d"
	status "old environment" 0 sc daemon-reload
	ok "and it is replaced" wait_for 30 replaced
fi

# --- sockets of the manager --------------------------------------------------
status "stop" 0 sc stop trackupd.service
sed "s|:$tracker_port\"|:$tracker_port\", \"127.0.0.1:$other_port\"|" \
    "$T/good.yaml" >"$T/trackupd.yaml"
status "the socket" 0 sc start trackupd.socket
exec 8<>"/dev/tcp/127.0.0.1/$other_port"
frame 860000000000009 0005 >&8
read -r -t 20 -d '$' -u 8 answer
is "a connection starts it" "${answer##*,}" 0005
exec 8>&-
ok "it listens there and on its own" grep -q \
    "for=trackers address=127.0.0.1:$other_port" "$T/daemon.log"
status "stop both" 0 sc stop trackupd.socket trackupd.service

# --- a configuration that does not parse -------------------------------------
echo 'trakers: {}' >"$T/trackupd.yaml"
sc start trackupd.service
is "it is not started again and again" "$(prop ExecMainStatus)" 78
is "for that" "$(prop NRestarts)" 0
cp "$T/good.yaml" "$T/trackupd.yaml"

sc stop trackupd.service
kill -KILL "$manager_pid"
wait "$manager_pid" 2>/dev/null
finish
