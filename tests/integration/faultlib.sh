# faultlib.sh: for the tests that misuse the daemon; sourced after lib.sh.
# shellcheck shell=bash
peer=$bin/tests/integration/peer
shim=$bin/tests/integration/shim.so

# A sanitizer keeps its own memory books: ceilings and the shim are not for it.
sanitized=no
! grep -aEq '__(asan|tsan)_init' "$bin/trackupd" || sanitized=yes

operator() { ctl status --json >/dev/null; }
limit() { ctl status --json | get "limits.$1.$2"; }
limit_reached() { [ "$(limit "$1" hits)" -ge "$2" ]; }
connections_are() { [ "$(ctl status --json | get connections)" -eq "$1" ]; }
log_lines() { wc -l <"$T/daemon.log"; }
logged() { grep -Eq -- "$1" "$T/daemon.log"; }

# Of the daemon: ticks of 10 ms of processor time; resident memory in KiB.
cpu() { awk '{sub(/.*\) /, ""); print $12 + $13}' "/proc/$daemon_pid/stat"; }
rss() { awk '/^VmRSS/ {print $2}' "/proc/$daemon_pid/status"; }

# calm WHAT: in one second it uses less than a quarter of it.
calm()
{
	local before
	before=$(cpu)
	sleep 1
	ok "$1: it does not spin ($(($(cpu) - before)) ticks)" \
	    test $(($(cpu) - before)) -lt 25
}

# asked WHAT [ID]: an honest tracker is answered.
asked()
{
	local out
	if out=$("$peer" "$tracker_port" ask "${2:-860000000000017}" 5000); then
		pass
	else
		fail "$1: an honest tracker: $out"
	fi
}

# holder FILE ARGUMENT...: a peer that stays until drop is called; returns when
# it has said on FILE what it holds. One pipe each, in fds 10 and up.
holders=()
holder()
{
	local out=$1 fifo fd
	shift
	fifo=$T/fifo.${#holders[@]}
	mkfifo "$fifo"
	"$peer" "$tracker_port" "$@" <"$fifo" >"$out" 2>&1 &
	exec {fd}>"$fifo"
	holders+=("$fd")
	wait_for 20 test -s "$out"
}

drop_all()
{
	local fd
	for fd in "${holders[@]}"; do
		exec {fd}>&-
	done
	holders=()
	rm -f "$T"/fifo.*
}

# with_shim ARGUMENT...: daemon_start with shim.so; its switches: fault.
with_shim()
{
	"$helper" fault "$T/faults" 0 0
	FAULTS=$T/faults LD_PRELOAD=$shim daemon_start "$@"
}
fault() { "$helper" fault "$T/faults" "$@"; }
SYNC_WAITS=0 WRITE_ERRNO=1 CLOCK_SECONDS=2 MALLOC_EVERY=3 INJECTED=4 MALLOC_BYTES=5
