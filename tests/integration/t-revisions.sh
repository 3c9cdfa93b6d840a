#!/usr/bin/env bash
# The files of a campaign that runs: what may change and what not, a package
# that is not what it was, a file that goes and comes, a finished campaign, and
# a halt that the database could not be told.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
write_config
"$helper" package 65536 >"$T/firmware/0A05.enc"
cp "$T/firmware/0A05.enc" "$T/good.enc"

# campaign NAME IDS [LINE]
campaign()
{
	cat >"$T/campaigns/$1.yaml" <<-END
	campaign: $1
	targets: {devices: [$2]}
	require: {device_type: [GV620MG]}
	target_version: "0A05"
	packages: [{from: "0A03", to: "0A05", file: 0A05.enc}]
	windows: always
	approval: none
	${3:-}
	END
}
reason_has() { campaign_field "$1" reason | grep -q -- "$2"; }
has_log() { grep -Eq -- "$1" "$T/daemon.log"; }
query() { sqlite3 "$T/trackupd.db" "$1"; }

campaign one 860000000000009
ok "the daemon starts" daemon_start || finish
ok "it runs" wait_for 10 campaign_is one running

# --- revisions ---------------------------------------------------------------

campaign one 860000000000009 "priority: 70"
status "what may change" 0 ctl --reason "more urgent" reload
is "is a revision" "$(campaign_field one revision)" 2
is "in force" "$(campaign_field one priority)" 70
campaign one 860000000000017 "priority: 70"
status "what may not is refused" 6 ctl reload
has "with its place and key" "$T/err" \
    'one\.yaml:2:1: targets: may not change while the campaign is running'
is "and all stays" "$(campaign_field one revision)" 2
status "check says so, too" 1 ctl campaign check "$T/campaigns/one.yaml"
has "with the key" "$T/err" 'targets: may not change'
campaign one 860000000000009 "priority: 70"
status "as it was" 0 ctl reload

# --- a package that changes --------------------------------------------------

status "check warns of what is missing" 0 \
    ctl campaign check "$T/campaigns/one.yaml"
has "no way back" <(cat "$T/out" "$T/err") 'none leads back from 0A05'
printf 'x' | dd of="$T/firmware/0A05.enc" bs=1 seek=100 conv=notrunc 2>/dev/null
ok "a changed package pauses" wait_for 20 reason_has one '^package_changed: 0A05.enc'
is "paused" "$(campaign_field one state)" paused
status "check says so" 1 ctl campaign check "$T/campaigns/one.yaml"
has "of which package" "$T/err" 'packages: 0A05.enc is not the file that it was'
status "it is not resumed like that" 6 ctl campaign resume one
has "and why" "$T/err" 'not what it was when the campaign began'
cp "$T/good.enc" "$T/firmware/0A05.enc"
restored() { ctl campaign resume one; }
ok "put back, it is" wait_for 20 restored
rm "$T/firmware/0A05.enc"
ok "one that is gone pauses" wait_for 20 reason_has one 'No such file'
cp "$T/good.enc" "$T/firmware/0A05.enc"
ok "put back again" wait_for 20 restored
# Touched, and the same: nothing happens, and it was read.
touch "$T/firmware/0A05.enc"
ok "stop" daemon_stop
printf 'x' | dd of="$T/firmware/0A05.enc" bs=1 seek=100 conv=notrunc 2>/dev/null
ok "start" daemon_start || finish
ok "a change while it was down" reason_has one '^package_changed'
cp "$T/good.enc" "$T/firmware/0A05.enc"
status "reload with the old one" 0 ctl reload
status "resume" 0 ctl campaign resume one

# Of a draft: nobody approved what lies there now, unless it is read again.
campaign draft 860000000000025
sed -i 's/approval: none/approval: required/' "$T/campaigns/draft.yaml"
status "a draft" 0 ctl reload
printf 'x' | dd of="$T/firmware/0A05.enc" bs=1 seek=100 conv=notrunc 2>/dev/null
ok "its package is watched" wait_for 20 has_log 'package_changed campaign=draft'
status "it is not started like that" 6 ctl campaign start draft
has "and why" "$T/err" 'not what it was when its file was read'
cp "$T/good.enc" "$T/firmware/0A05.enc"
status "read again" 0 ctl reload
status "it is" 0 ctl campaign start draft
status "and over" 0 ctl campaign abort draft
rm "$T/campaigns/draft.yaml"
restored() { ctl campaign resume one; }
ok "the other goes on" wait_for 20 restored

# --- files that go -----------------------------------------------------------

mv "$T/campaigns/one.yaml" "$T/one.yaml"
status "reload without the file" 0 ctl reload
ok "file_gone" reason_has one '^file_gone'
status "nothing to resume" 6 ctl campaign resume one
mv "$T/one.yaml" "$T/campaigns/one.yaml"
status "reload with it" 0 ctl reload
is "it does not go on by itself" "$(campaign_field one state)" paused
status "the operator does it" 0 ctl campaign resume one
ok "stop" daemon_stop
if command -v sqlite3 >/dev/null; then
	has "who changed it, and why" <(query \
	    "select who, reason from audit where action = 'revision'") \
	    'uid:[0-9]+\|revision 2: more urgent'
	has "who paused it" <(query \
	    "select who, reason from audit where action = 'campaign_pause'") \
	    'uid:[0-9]+\|file_gone'
	has "or what" <(query \
	    "select who, reason from audit where action = 'campaign_pause'") \
	    'daemon\|package_changed: 0A05.enc: (sha256|No such file)'
	is "the package is on record" \
	    "$(query "select distinct sha256 from package")" \
	    "$(sha256sum <"$T/good.enc" | cut -d' ' -f1)"
fi
echo "campaign: one" >"$T/campaigns/one.yaml"
ok "a broken file does not keep it from starting" daemon_start || finish
ok "file_broken, and what" reason_has one \
    '^file_broken: .*/one.yaml:1:1: [a-z]*: is missing$'
campaign one 860000000000009 "priority: 70"
status "reload" 0 ctl reload
status "resume" 0 ctl campaign resume one

# --- a finished campaign -----------------------------------------------------

fleet 1 --first-id 860000000000009 --firmware 0A05
ok "finished" wait_for 30 campaign_is one finished
fleet_stop
status "its own file: a warning" 0 ctl campaign check "$T/campaigns/one.yaml"
has "that nothing comes of it" <(cat "$T/out" "$T/err") \
    'campaign one is finished and does not run again'
campaign one "860000000000009, 860000000000017"
status "its name with another content" 1 \
    ctl campaign check "$T/campaigns/one.yaml"
has "is refused" "$T/err" 'is finished and never runs again'
status "at a reload, too" 6 ctl reload
is "and stays finished" "$(campaign_field one state)" finished
rm "$T/campaigns/one.yaml"

# --- a halt that the database could not be told ------------------------------

ok "stop" daemon_stop
: >"$T/trackupd.db.halted"
ok "start beside the file" daemon_start || finish
is "halted" "$(ctl status --json | get state)" halted
no_file() { [ ! -e "$T/trackupd.db.halted" ]; }
ok "now the database knows" wait_for 10 no_file
daemon_kill
ok "start after a crash" daemon_start || finish
is "halted still" "$(ctl status --json | get state)" halted
status "resume-all" 0 ctl resume-all
ok "stop" daemon_stop
ok "start" daemon_start || finish
is "no longer" "$(ctl status --json | get state)" ok
status "halt" 0 ctl halt --reason test
ok "it leaves no file behind" wait_for 10 no_file

mkdir "$T/db"
mount='mount -t tmpfs -o size=2m none "$0" && exec "$@"'
if ok "stop" daemon_stop && unshare -m sh -c "$mount" "$T/db" true \
    2>/dev/null; then
	sed -i "s|$T/trackupd.db|$T/db/trackupd.db, min_free: 0|" \
	    "$T/trackupd.yaml"
	unshare -m sh -c "$mount" "$T/db" bash -c '
	bin=$1 conf=$2 db=$3 log=$4
	"$bin/trackupd" -c "$conf" >>"$log" 2>&1 &
	echo $! >"$log.pid"
	while [ ! -e "$log.second" ]; do sleep 0.05; done
	kill -KILL $!; wait
	rm "$db/filler"
	"$bin/trackupd" -c "$conf" >>"$log" 2>&1 &
	echo $! >"$log.pid"
	wait' sh "$bin" "$T/trackupd.yaml" "$T/db" "$T/daemon.log" &
	both=$!
	ok "it starts on a small file system" wait_for 20 ctl status
	first=$(cat "$T/daemon.log.pid")
	room=/proc/$first/root$T/db
	cat /dev/zero >"$room/filler" 2>/dev/null
	ctl halt --reason "disk is full" >"$T/out" 2>&1
	ok "noted beside it" wait_for 10 test -e "$room/trackupd.db.halted"
	: >"$T/daemon.log.second"
	again() { [ "$(cat "$T/daemon.log.pid")" != "$first" ] && ctl status; }
	ok "killed and started anew" wait_for 20 again
	is "halted" "$(ctl status --json | get state)" halted
	kill -TERM "$(cat "$T/daemon.log.pid")"
	wait "$both" 2>/dev/null
else
	echo "no file system of its own: a full one is left out"
fi
finish
