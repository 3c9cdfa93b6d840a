#!/usr/bin/env bash
# A disk that is slow, full or broken, a clock that jumps, memory that is not
# there: what is acknowledged is kept, what cannot be kept is not acknowledged,
# and it goes on by itself where it may.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
# shellcheck source=tests/integration/faultlib.sh
. "$top_srcdir/tests/integration/faultlib.sh"
known=860000000000017
write_config "devices: {unknown: register}"

store_is() { [ "$(ctl status --json | get store.state)" = "$1" ]; }
status_is() { [ "$(ctl status --json | get state)" = "$1" ]; }
registered() { ctl device show "$1" --json | get registered; }

# report ID: a report that must wait for the disk, in the background.
report()
{
	"$peer" "$tracker_port" report "$1" 20000 >"$T/report.out" 2>&1 &
	report=$!
}

# waits WHAT: it is not acknowledged, while others and the operator are.
waits()
{
	asked "$1" "$known"
	asked "$1, again" "$known"
	ok "$1: the operator" operator
	ok "$1: nothing is acknowledged" alive "$report"
}

# --- a file system that is really full ---------------------------------------

mkdir "$T/db"
mount='mount -t tmpfs -o size=2m none "$0" && exec "$@"'
if unshare -m sh -c "$mount" "$T/db" true 2>/dev/null; then
	cp "$T/trackupd.yaml" "$T/good.yaml"
	sed "s|$T/trackupd.db|$T/db/trackupd.db, min_free: 0|" "$T/good.yaml" \
	    >"$T/trackupd.yaml"
	unshare -m sh -c "$mount" "$T/db" "$bin/trackupd" \
	    -c "$T/trackupd.yaml" >>"$T/daemon.log" 2>&1 &
	daemon_pid=$!
	ok "it starts on a small file system" wait_for 20 operator
	asked "before" "$known"
	room=/proc/$daemon_pid/root$T/db
	cat /dev/zero >"$room/filler" 2>/dev/null
	ok "ids to register" "$peer" "$tracker_port" ids 3000 71000000000000
	ok "the disk is full" wait_for 10 store_is full
	is "degraded" "$(ctl status --json | get state)" degraded
	has "and why" <(ctl status --json | get reasons) 'full'
	report 860000000000033
	waits "on a full file system"
	calm "on a full file system"
	is "a halt is kept beside it" "$(ctl halt --json | get durable)" true
	rm "$room/filler"
	ok "it resumes unaided" wait_for 20 store_is ok
	status "and goes on" 0 ctl resume-all
	is "all is well" "$(ctl status --json | get state)" ok
	ok "the report is acknowledged" wait "$report"
	is "and kept" "$(registered 860000000000033)" true
	is "with all the others" "$(limit registered now)" 3002
	ok "few lines of log ($(log_lines))" test "$(log_lines)" -lt 3100
	ok "it ends" daemon_stop
	mv "$T/good.yaml" "$T/trackupd.yaml"
else
	echo "no mount namespace here: not on a real full file system"
fi

if [ "$sanitized" = yes ]; then
	echo "a sanitizer keeps the memory: nothing of shim.so"
	[ "$passed$failed" = 00 ] && exit 77
	finish
fi

# --- fsync takes its time ------------------------------------------------------

ok "it starts" with_shim
asked "to begin with" "$known"
fault "$SYNC_WAITS" 1
report 860000000000041
blocked() { [ "$(fault "$INJECTED")" -ge 1 ]; }
ok "a commit hangs" wait_for 10 blocked
waits "while fsync hangs"
calm "while fsync hangs"
fault "$SYNC_WAITS" 0
ok "then it is acknowledged" wait "$report"
is "and kept" "$(registered 860000000000041)" true

# --- ENOSPC, and it goes away ---------------------------------------------------

fault "$WRITE_ERRNO" 28
report 860000000000058
ok "the disk is full" wait_for 10 store_is full
is "degraded" "$(ctl status --json | get state)" degraded
waits "while the disk is full"
fault "$WRITE_ERRNO" 0
ok "it resumes unaided" wait_for 10 store_is ok
ok "the report is acknowledged" wait "$report"
is "all is well" "$(ctl status --json | get state)" ok

# --- the clock jumps -------------------------------------------------------------

holder "$T/hold.out" hold 20 71000000000000
fault "$CLOCK_SECONDS" 31536000
ok "a year ahead is noticed" wait_for 10 logged 'clock_jump seconds=\+3153'
fault "$CLOCK_SECONDS" -31536000
ok "two years back too" wait_for 10 logged 'clock_jump seconds=-6307'
is "clock_jump_ms counts" "$(limit clock_jump_ms hits)" 2
# Whoever reported before may still be closing.
twenty() { [ "$(ctl status --json | get connections)" = 20 ]; }
ok "nobody was closed for it" wait_for 10 twenty
asked "in another year" "$known"
report 860000000000066
ok "and it commits" wait "$report"
calm "in another year"
fault "$CLOCK_SECONDS" 0
drop_all

# --- no memory ---------------------------------------------------------------------

# Each so many-th allocation fails. It may end itself, by its own decision and
# never by a signal; what it acknowledged is there afterwards.
for every in 211 53 17 5 2; do
	[ -n "$daemon_pid" ] || ok "it starts again" with_shim
	fault "$MALLOC_EVERY" "$every"
	"$peer" "$tracker_port" storm 60 60 >"$T/storm.out" 2>&1
	"$peer" "$tracker_port" ids 300 "7${every}00000000000" \
	    >"$T/ids.out" 2>&1
	fault "$MALLOC_EVERY" 0
	if daemon_ends 1; then
		is "it ended by its own decision ($every)" "$daemon_rc" 1
	else
		asked "after memory came back ($every)" "$known"
		ok "the operator too ($every)" operator
	fi
done
ok "allocations did fail ($(fault "$INJECTED"))" \
    test "$(fault "$INJECTED")" -gt 20
[ -n "$daemon_pid" ] || ok "it starts again" with_shim

# libevent reads through NULL when the lists of a request's headers, 16 bytes
# each, are refused. It has a reserve for those.
fault "$MALLOC_BYTES" 16
fault "$MALLOC_EVERY" 1
for ((i = 0; i < 100; i++)); do
	operator
done
fault "$MALLOC_EVERY" 0
fault "$MALLOC_BYTES" 0
ok "no request ends it" operator

# At the start it says so and ends; nothing is left that a later start minds.
ok "it ends" daemon_stop
for every in 2 19 150 1100 4000; do
	fault "$MALLOC_EVERY" "$every"
	rc=0
	FAULTS=$T/faults LD_PRELOAD=$shim "$bin/trackupd" \
	    -c "$T/trackupd.yaml" >"$T/start.log" 2>&1 || rc=$?
	ok "a start without memory ($every): $rc" \
	    test "$rc" -eq 1 -o "$rc" -eq 78
	ok "it says why ($every)" test -s "$T/start.log"
done
fault "$MALLOC_EVERY" 0
ok "it starts again" with_shim

# --- an I/O error ------------------------------------------------------------------

fault "$WRITE_ERRNO" 5
report 860000000000074
ok "three failures end it" daemon_ends 20
is "with status 1" "${daemon_rc:-}" 1
ok "nothing was acknowledged" test "$(grep -c answered "$T/report.out")" -eq 0
wait "$report"
fault "$WRITE_ERRNO" 0
ok "it starts again" with_shim
for id in "$known" 860000000000041 860000000000058 860000000000066; do
	is "what it had acknowledged is there: $id" "$(registered "$id")" true
done
ok "it ends" daemon_stop
finish
