#!/usr/bin/env bash
# No free descriptors: trackers and operator are answered, nothing spins, and a
# reload at that moment changes nothing.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
# shellcheck source=tests/integration/faultlib.sh
. "$top_srcdir/tests/integration/faultlib.sh"
command -v prlimit >/dev/null || { echo "no prlimit here"; exit 77; }
write_config
"$helper" package 1024 >"$T/firmware/0A05.enc"
fleet_ids 3 >"$T/campaigns/all.txt"
cat >"$T/campaigns/go.yaml" <<-END
campaign: go
approval: none
targets: {file: all.txt}
target_version: "0A05"
packages: [{from: "0A03", to: "0A05", file: 0A05.enc}]
windows: always
END

# Eighty descriptors in all. Whoever floods either port gets a share, and no
# more than that.
prlimit --nofile=80:80 --pid $$
ok "the daemon starts" daemon_start
prlimit --nofile=4096:4096 --pid $$ 2>/dev/null
ok "max_connections was lowered" logged 'max_connections lowered to [0-9]+'
is "and says so in status" "$(limit descriptors limit)" 80
max=$(limit connections limit)
ok "to something of use ($max)" test "$max" -ge 8
asked "before"
ok "that one left" wait_for 10 connections_are 0
honest=$((max / 2))
holder "$T/trackers.out" hold $((max - 1)) 71000000000000
tracker_port=$files_port holder "$T/files.out" hold 40
ok "the operator is answered" operator
ok "the rest of the trackers too ($honest)" \
    "$peer" "$tracker_port" ask 860000000000017 5000
holder "$T/more.out" hold 40
ok "connections counts" wait_for 10 limit_reached connections 20
ok "the operator is answered" operator
calm "with both ports full"
ok "few lines of log ($(log_lines))" test "$(log_lines)" -lt 40
drop_all
ok "they leave" wait_for 20 connections_are 0
asked "after them"
is "the campaign runs" "$(campaign_field go state)" running

# From now on not one more: what is open stays open.
fds() { find "/proc/$daemon_pid/fd" -mindepth 1 | wc -l; }
tight() { prlimit --nofile="$1:80" --pid "$daemon_pid"; }
settled() { [ "$(fds)" -le "$quiet" ]; }
lowest()
{
	find "/proc/$daemon_pid/fd" -mindepth 1 -printf '%f\n' | sort -n |
	    awk '$1 != NR - 1 {print NR - 1; found = 1; exit}
		END {if (!found) print NR}'
}
# The connection of the last question may still be closing.
at_rest()
{
	quiet=$(fds) lowest=$(lowest)
	sleep 0.5
	[ "$quiet $lowest" = "$(fds) $(lowest)" ]
}
sed 's/^control:/limits: {in_flight: 7}\n&/' "$T/trackupd.yaml" \
    >"$T/next.yaml"
cp "$T/trackupd.yaml" "$T/good.yaml"
cp "$T/next.yaml" "$T/trackupd.yaml"
ok "nothing comes or goes" wait_for 10 at_rest
tight "$lowest"
before=$(log_lines)
kill -HUP "$daemon_pid"
reloaded() { tail -n "+$before" "$T/daemon.log" | grep -q 'reloaded result='; }
ok "a reload without a descriptor" wait_for 10 reloaded
ok "is refused" logged 'trackupd\.yaml: .*Too many open files'
# A client whom it cannot accept waits, and costs nothing.
"$peer" "$tracker_port" ask 860000000000017 20000 >"$T/waits.out" 2>&1 &
waits=$!
calm "with a client that waits"
tight 80
ok "it is answered as soon as there is room" wait "$waits"
ok "descriptors counts" wait_for 5 limit_reached descriptors 1
is "the configuration is whole" "$(limit in_flight limit)" 100
is "config counts" "$(limit config hits)" 1
is "the campaign still runs" "$(campaign_field go state)" running
is "for no reason at all" "$(campaign_field go reason)" null
ok "the same reload is taken now" ctl reload
is "with its new limit" "$(limit in_flight limit)" 7

# A descriptor short at any later step of the reload: never half of it.
for spare in 1 2; do
	wait_for 5 settled
	tight $((lowest + spare))
	before=$(log_lines)
	kill -HUP "$daemon_pid"
	ok "a reload with $spare" wait_for 10 reloaded
	tight 80
	ok "the campaign runs on with $spare" \
	    test "$(campaign_field go state)" = running
done
ok "it ends" daemon_stop
finish
