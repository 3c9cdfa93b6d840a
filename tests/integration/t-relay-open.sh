#!/usr/bin/env bash
# The relay fails open: everything halted, a full disk, a database that is lost;
# a tracker and its platform go on, byte for byte.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
# shellcheck source=tests/integration/faultlib.sh
. "$top_srcdir/tests/integration/faultlib.sh"
if [ "$sanitized" = yes ]; then
	echo "the shim is not for a sanitizer"
	exit 77
fi
upstream=$("$helper" ports 1)
mkdir "$T/in"
write_config "relay: {upstream: \"127.0.0.1:$upstream\"}"
"$bin/tests/integration/platform" "$upstream" "$T/in" >"$T/platform.out" 2>&1 &
platform_pid=$!
ok "the platform starts" wait_for 10 grep -q ready "$T/platform.out"
ok "the daemon starts" with_shim --time-scale 60 || finish

# spoken FD COUNT WHEN: a report, with bytes of no sense before it; the platform
# answers.
spoken()
{
	local answer
	printf 'no$sense\r\n+RESP:GTFRI,C20100,860000000000009,,,,,,%s,%s$' \
	    20260101000000 "$2" | tee -a "$T/sent.$1" >&"$1"
	read -r -t 10 -d '$' -u "$1" answer
	is "$3" "$answer" "+SACK:$2"
}
exec 8<>"/dev/tcp/127.0.0.1/$tracker_port"
spoken 8 0001 "all is well"
status "halt" 0 ctl halt
spoken 8 0002 "everything is halted"
status "resume-all" 0 ctl resume-all
state_is() { [ "$(ctl status --json | get state)" = "$1" ]; }
fault "$WRITE_ERRNO" 28
ok "the disk is full" wait_for 20 state_is degraded
spoken 8 0003 "the disk is full"
fault "$WRITE_ERRNO" 0
ok "and no longer" wait_for 20 state_is ok
fault "$WRITE_ERRNO" 5
ok "the database is lost" wait_for 60 logged 'database lost: relaying'
spoken 8 0004 "there is no database"
has "the status says so" <(ctl status --json | get reasons) 'relay only'
# Bytes of a tracker that is new, too, and dialogue that once was ours.
exec 9<>"/dev/tcp/127.0.0.1/$tracker_port"
printf '+ACK:GTUPD,C20100,860000000000017,,0001,20260101000000,0009$' |
	tee "$T/sent.9" >&9
read -r -t 10 -d '$' -u 9 answer
is "a new tracker" "$answer" "+SACK:0009"
spoken 9 0005 "speaks on"
same()
{
	local sent f
	for sent in "$T"/sent.*; do
		for f in "$T"/in/*.in; do
			cmp -s "$sent" "$f" && continue 2
		done
		return 1
	done
}
ok "the platform got every byte, and no other" wait_for 10 same
ok "over two connections" test "$(find "$T/in" -name '*.in' | wc -l)" -eq 2
exec 8>&- 9>&-
fault "$WRITE_ERRNO" 0
kill -TERM "$daemon_pid"
ok "it ends" daemon_ends 10
kill "$platform_pid"
finish
