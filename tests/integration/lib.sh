# lib.sh: for the tests that run the real programs; sourced by bash scripts.
#
# A test works in $T, a directory of its own under a short path (a unix socket
# has room for about a hundred characters), on ports that were free. It waits
# for conditions with a deadline, never for time to pass. Its last line is
# "N passed, N failed".
# shellcheck shell=bash
set -u
src=${top_srcdir:?run by make check}
bin=${top_builddir:?run by make check}
helper=$bin/tests/integration/helper
checker=$bin/tests/integration/checker
passed=0 failed=0
daemon_pid= sim_pid=

# In memory, where there is room and programs may run: nobody pulls the plug of
# this machine, so that a sync has nothing to show here, only to cost.
place()
{
	local try=/dev/shm
	if [ "$(stat -f -c '%a*%S/1048576' $try | { read -r n; echo $((n)); })" \
	    -ge 1024 ] && install -m 700 /bin/true "$try/tu-$$" &&
	    "$try/tu-$$"; then
		echo "$try"
	else
		echo /tmp
	fi 2>/dev/null
	rm -f "$try/tu-$$"
}

T=$(mktemp -d "${TMPDIR:-$(place)}/tu-XXXXXX") || exit 1
trap cleanup EXIT
trap 'exit 1' INT TERM

cleanup()
{
	local p
	for p in $(jobs -p); do
		kill -KILL "$p" 2>/dev/null
	done
	wait 2>/dev/null
	if [ "${KEEP:-}" = yes ]; then
		echo "kept: $T"
	else
		rm -rf "$T"
	fi
}

# A missing program is a failure of the build, not a reason to skip.
for p in trackupd trackupctl tracksim; do
	[ -x "$bin/$p" ] || { echo "$p was not built"; exit 1; }
done
if [ "${slow:-no}" = yes ] && [ -n "${TRACKUPD_QUICK:-}" ]; then
	echo "slow, and TRACKUPD_QUICK is set"
	exit 77
fi

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); printf 'failed: %s\n' "$*"; return 1; }

# ok WHAT COMMAND...: passes when the command does. Where nothing that follows
# makes sense without it: ok … || finish.
ok()
{
	local what=$1
	shift
	if "$@"; then pass; else fail "$what"; fi
}

# is WHAT GOT EXPECTED
is()
{
	if [ "$2" = "$3" ]; then
		pass
	else
		fail "$1: got '$2', expected '$3'"
	fi
}

# has WHAT FILE REGEX
has()
{
	if grep -Eq -- "$3" "$2"; then
		pass
	else
		fail "$1: no match for /$3/ in:"
		tail -n 15 "$2" | sed 's/^/    /'
		return 1
	fi
}

# status WHAT EXPECTED COMMAND...: its exit status; output in $T/out, $T/err.
status()
{
	local what=$1 want=$2 rc=0
	shift 2
	"$@" >"$T/out" 2>"$T/err" || rc=$?
	if [ "$rc" -eq "$want" ]; then
		pass
	else
		fail "$what: exit status $rc, expected $want"
		tail -n 5 "$T/out" "$T/err" | sed 's/^/    /'
		return 1
	fi
}

# checked ARGUMENT...: runs the checker and takes its counts over.
checked()
{
	local out last
	out=$("$checker" "$@" 2>&1)
	last=${out##*$'\n'}
	case $last in
	*' passed, '*' failed')
		passed=$((passed + ${last%% *}))
		last=${last#* passed, }
		failed=$((failed + ${last%% *}))
		printf '%s\n' "$out" | sed '$d' ;;
	*)
		printf '%s\n' "$out"
		fail "the checker ended early: $1" ;;
	esac
}

# requires CMD:PACKAGE...: without those it proves nothing, and says so.
requires()
{
	local p
	for p; do
		command -v "${p%:*}" >/dev/null ||
			fail "${p%:*} is missing (Debian package ${p#*:})"
	done
	[ "$failed" -eq 0 ] || finish
}

finish()
{
	local log
	for log in "$T"/*.log; do
		if grep -Eq '[A-Z][a-z]+Sanitizer|runtime error:|assert' \
		    "$log" 2>/dev/null; then
			fail "${log##*/}: a sanitizer or an assertion spoke"
			grep -E -A 25 'Sanitizer|runtime error:|assert' "$log" |
				head -n 60
		fi
	done
	if [ "$failed" -gt 0 ] && [ -f "$T/daemon.log" ]; then
		echo "--- the daemon's log (its end)"
		tail -n 25 "$T/daemon.log"
	fi
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
	exit
}

# wait_for SECONDS COMMAND...: until it succeeds; fails at the deadline.
wait_for()
{
	local deadline=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.05
	done
}

# get PATH: one value of the JSON on standard input; "" when it is not there.
get() { "$helper" get "$1" 2>/dev/null; }

# --- a daemon, its fleet, its operator ---------------------------------------

# write_config: $T/trackupd.yaml for free ports. $1: more lines at its end.
write_config()
{
	local ports
	mapfile -t ports < <("$helper" ports 2)
	tracker_port=${ports[0]}
	files_port=${ports[1]}
	mkdir -p "$T/campaigns" "$T/firmware"
	cat >"$T/trackupd.yaml" <<-END
	trackers: {listen: ["127.0.0.1:$tracker_port"]}
	store: {path: $T/trackupd.db}
	campaigns: {directory: $T/campaigns}
	files:
	  listen: ["127.0.0.1:$files_port"]
	  root: $T/firmware
	  public_url: "http://127.0.0.1:$files_port"
	control: {socket: $T/ctl}
	${2:-http: {listen: []\}}
	${1:-}
	END
}

ctl() { "$bin/trackupctl" -s "$T/ctl" --yes --no-color "$@"; }

alive() { kill -0 "${1:-none}" 2>/dev/null; }
gone() { ! alive "$1"; }
answers() { gone "$daemon_pid" || ctl status --json; }

# daemon_start [ARGUMENT...]: returns when it answers, 1 when it ended instead.
# TRACKUPD_UNDER is a command to run it under, with its arguments: valgrind.
daemon_start()
{
	# shellcheck disable=SC2086
	${TRACKUPD_UNDER:-} "$bin/trackupd" -c "$T/trackupd.yaml" "$@" >>"$T/daemon.log" 2>&1 &
	daemon_pid=$!
	wait_for 20 answers || return 1
	alive "$daemon_pid"
}

# daemon_ends SECONDS: waits for its end by itself; its status in $daemon_rc.
daemon_ends()
{
	wait_for "$1" gone "$daemon_pid" || return 1
	daemon_rc=0
	wait "$daemon_pid" 2>/dev/null || daemon_rc=$?
	daemon_pid=
}

daemon_stop()
{
	[ -n "$daemon_pid" ] || return 0
	kill -TERM "$daemon_pid" 2>/dev/null
	daemon_ends 10 && [ "$daemon_rc" -eq 0 ]
}

daemon_kill()
{
	kill -KILL "$daemon_pid" 2>/dev/null
	wait "$daemon_pid" 2>/dev/null
	daemon_pid=
}

# fleet DEVICES [ARGUMENT...]: tracksim in the background, truth in $T/truth.
fleet()
{
	local n=$1
	shift
	"$bin/tracksim" --connect "127.0.0.1:$tracker_port" --devices "$n" \
	    --truth "$T/truth" "$@" >"$T/sim.log" 2>&1 &
	sim_pid=$!
}

# It writes the truth when it is told to end.
fleet_stop()
{
	kill -TERM "$sim_pid" 2>/dev/null
	wait "$sim_pid"
	local rc=$?
	sim_pid=
	return "$rc"
}

# The ids of a fleet: the first 14 digits count up, the 15th is Luhn's.
fleet_ids()
{
	awk -v n="$1" -v first="${2:-86000000000000}" 'BEGIN {
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

campaign_field() { ctl campaign show "$1" --json | get "$2"; }
campaign_is() { [ "$(campaign_field "$1" state)" = "$2" ]; }
