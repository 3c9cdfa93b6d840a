#!/usr/bin/env bash
# Whoever speaks to the tracker port: other protocols, noise, slow senders, a
# peer that never reads, one that was switched off. Each is got rid of and
# counted, and an honest tracker is answered all the while.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
# shellcheck source=tests/integration/faultlib.sh
. "$top_srcdir/tests/integration/faultlib.sh"
write_config
# A minute and more are two seconds and more.
ok "the daemon starts" daemon_start --time-scale 60
asked "to begin with"
rss_before=$(rss)

# All at once; the outcome of each in a file.
bad()
{
	local name=$1
	shift
	{
		"$peer" "$tracker_port" "$@" >"$T/$name.out" 2>&1
		echo "rc=$?" >>"$T/$name.out"
	} &
}
bad zero-window zero-window
bad drip drip
bad garbage garbage
for p in tls http ssh mqtt; do
	bad "$p" speak "$p"
done
holder "$T/half-open.out" half-open 860000000000025
has "a half-open peer" "$T/half-open.out" '^gone'
for i in 1 2 3 4 5; do
	asked "meanwhile, $i" "86000000000100$i"
done
rss_amid=$(rss)
for name in zero-window drip garbage tls http ssh mqtt; do
	wait_for 25 grep -q '^rc=' "$T/$name.out"
	has "$name is cut off" "$T/$name.out" '^cut off after '
	has "$name" "$T/$name.out" '^rc=0'
done
head -qn 1 "$T"/{zero-window,drip,garbage,tls,http,ssh,mqtt}.out
ok "the half-open one is noticed" wait_for 20 limit_reached output_ms 1
ok "nobody is left" wait_for 10 connections_are 0
drop_all

ok "output_bytes counts" test "$(limit output_bytes hits)" -ge 1
ok "frame_ms counts" test "$(limit frame_ms hits)" -ge 1
ok "bad_frames counts" test "$(limit bad_frames hits)" -ge 1
ok "identify_ms counts" test "$(limit identify_ms hits)" -ge 4
[ "$sanitized" = yes ] ||
	ok "memory is bounded: $rss_before to $rss_amid KiB" \
	    test "$rss_amid" -lt $((rss_before + 8192))
ok "few lines of log ($(log_lines))" test "$(log_lines)" -lt 30
calm "afterwards"
asked "afterwards"

# A storm: thousands in seconds, each is answered; all leave at once, and come
# back at once.
ticks=$(cpu)
ok "a storm" "$peer" "$tracker_port" storm 5000 2500
ok "all have left" wait_for 10 connections_are 0
ok "again" "$peer" "$tracker_port" storm 5000 2500
echo "processor time of both storms: $(($(cpu) - ticks))0 ms"
ok "no connection was refused" test "$(limit connections hits)" -eq 0
ok "few lines of log ($(log_lines))" test "$(log_lines)" -lt 30
asked "after the storm"
ok "it ends" daemon_stop
finish
