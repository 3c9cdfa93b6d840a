#!/bin/sh
# trackupctl against the real API over a made-up core: exit codes, what goes to
# stdout and what to stderr, tables and JSON, confirmation, wait, check.
set -u
dir=$(mktemp -d) || exit 99
ctl=${top_builddir:?}/trackupctl
fake=$top_builddir/tests/ctl/fakeapi
sock=$dir/s.sock
passed=0 failed=0 pid=
unset NO_COLOR http_proxy all_proxy
LC_ALL=C.UTF-8 TERM=xterm COLUMNS=200
export LC_ALL TERM COLUMNS

finish() {
	[ -n "$pid" ] && kill "$pid" 2>/dev/null && wait "$pid"
	rm -rf "$dir"
}
trap finish EXIT

ok() { passed=$((passed + 1)); }
bad() {
	failed=$((failed + 1))
	echo "FAILED: $what: $*"
	sed 's/^/  out: /' "$dir/out" | head -n 20
	sed 's/^/  err: /' "$dir/err" | head -n 20
}

# Waits up to 10 s for a line in a file.
await() {
	i=0
	until grep -q -- "$1" "$2" 2>/dev/null; do
		i=$((i + 1))
		[ $i -le 200 ] || return 1
		sleep 0.05
	done
}

start() { # [VIEWS | junk]
	stop
	: > "$dir/log"
	"$fake" "$sock" "$@" > "$dir/log" 2>&1 &
	pid=$!
	await ready "$dir/log" || { echo "fakeapi does not start"; exit 99; }
}

stop() {
	[ -n "$pid" ] || return 0
	kill "$pid" && wait "$pid" 2>/dev/null
	pid=
	rm -f "$sock"
}

# run RC ARG...: the exit code is due.
run() {
	want=$1
	shift
	what="trackupctl $*"
	"$ctl" -s "$sock" "$@" > "$dir/out" 2> "$dir/err" < /dev/null
	rc=$?
	if [ $rc -eq "$want" ]; then ok; else bad "exit $rc, not $want"; fi
}
out() { if grep -q -- "$1" "$dir/out"; then ok; else bad "stdout: no $1"; fi; }
err() { if grep -q -- "$1" "$dir/err"; then ok; else bad "stderr: no $1"; fi; }
no_out() { if [ -s "$dir/out" ]; then bad "stdout is not empty"; else ok; fi; }
no_err() { if [ -s "$dir/err" ]; then bad "stderr is not empty"; else ok; fi; }
is_json() { # "array 5"
	got=$("$fake" json < "$dir/out" 2>&1)
	if [ "$got" = "$1" ]; then ok; else bad "JSON: $got, not $1"; fi
}
lines() {
	n=$(wc -l < "$dir/out")
	if [ "$n" -eq "$1" ]; then ok; else bad "$n lines, not $1"; fi
}

# --- usage, without a daemon ---------------------------------------------------
run 2; err 'which command'; no_out
run 0 --help; out 'Usage: trackupctl'; out '  campaign '; no_err
run 0 campaign --help; out 'trackupctl campaign'; out '  start NAME'
run 0 campaign targets -h; out '--hold HOLD'; out 'Usage: .* NAME'
run 0 help; out 'Usage: trackupctl '; out '  campaign '; no_err
run 0 help campaign wait; out 'Usage: trackupctl campaign wait'
run 0 --version; out '^trackupctl [0-9]'
run 2 campain list; err 'did you mean campaign?'
run 2 campaign lsit; err 'did you mean list?'
run 2 dev; err 'did you mean device?'
run 2 frobnicate; err 'no such command'
run 2 campaign; err 'which command'
run 2 campaign show; err 'NAME is missing'
run 2 campaign show a b; err 'too many arguments'
run 2 status extra; err 'too many'
run 2 --jsno status; err 'did you mean --json?'
run 2 -q status; err '-q: no such option'
run 2 campaign show x --reason; err 'needs a value'
run 2 campaign show x --force; err '--force: not an option of'
run 2 -o csv status; err 'no list'
run 2 -o xml status; err 'table, json or csv'
run 2 -c "$dir/none.yaml"; err 'which command'

# --- tokens --------------------------------------------------------------------
run 0 token new night.shift operate; out '^night.shift operate [0-9a-f]\{64\}$'
out '^tu_[0-9a-f]\{48\}$'; lines 2; err 'only now'
what='the hash of a token'
if [ "$(sed -n 2p "$dir/out" | tr -d '\n' | sha256sum)" = \
    "$(sed -n '1s/.* //p' "$dir/out")  -" ]; then ok; else bad 'differs'; fi
cp "$dir/out" "$dir/first"
run 0 token new night.shift operate
if cmp -s "$dir/out" "$dir/first"; then bad 'the same twice'; else ok; fi
run 0 --json token new a read; is_json 'object 4'
run 2 token new a write; err 'read or operate'; no_out
run 2 token new 'a b' read; err 'a name has'; no_out

# --- no daemon -----------------------------------------------------------------
run 5 status; err 'no such socket'; err 'is trackupd running'; no_out
run 5 campaign wait x; err 'no such socket'
printf 'x' > "$dir/f.yaml"
run 5 campaign check "$dir/f.yaml"; err 'trackupd -t'
run 5 events; err 'no such socket'
run 2 events --since yesterday; err 'not a duration'
start junk
run 1 events; err 'not what trackupd answers'
run 1 status; err 'not what trackupd answers'
kill -9 "$pid"
wait "$pid" 2>/dev/null
pid=
run 5 status; err 'nobody answers'
rm -f "$sock"
if [ "$(id -u)" -ne 0 ]; then
	start
	chmod 0 "$sock"
	run 5 status; err 'permission denied'; err 'control.group'
fi

# --- where the socket is -------------------------------------------------------
start
ctl_conf() { # RC, config on stdin
	cat > "$dir/t.yaml"
	what="-c with $(head -n 3 "$dir/t.yaml" | tr '\n' ' ')"
	"$ctl" -c "$dir/t.yaml" status > "$dir/out" 2> "$dir/err"
	rc=$?
	if [ $rc -eq "$1" ]; then ok; else bad "exit $rc, not $1"; fi
}
ctl_conf 0 <<YAML
control: {socket: $sock, group: ""}
YAML
ctl_conf 0 <<YAML
# control: {socket: /nowhere}
trackers:
  listen: ["0.0.0.0:9620"]
other: {socket: /nowhere}
control:
  group: ""       # socket: /nowhere
  socket: "$sock" # here
YAML
ctl_conf 0 <<YAML
control: {group: "",
  socket: '$sock'}
YAML
what='-c without the key'
"$ctl" -c "$dir/f.yaml" status > "$dir/out" 2> "$dir/err"
err '/run/trackupd/control.sock'
what='-c of no file'
"$ctl" -c "$dir/none.yaml" status > "$dir/out" 2> "$dir/err"
if [ $? -eq 2 ]; then ok; else bad 'not exit 2'; fi
err 'none.yaml: No such file'

# --- reads ---------------------------------------------------------------------
run 0 status; out '^State  *ok'; out '7 known, 5 online'; out 'were not come near'
no_err
run 0 status --all; out 'connections  *1000'
run 0 status --json; is_json 'object 11'
run 0 campaign list; out '^NAME  *STATE'; out '^fleet  *running  *0A05  *2345  *1240  *60  *10  *1000  *30'
out 'rule: bad_url 2 of 2'; lines 10; no_err
run 0 --json campaign list; is_json 'array 9'
run 0 campaign show fleet; out '^State  *running'; out 'no_ack 29, bad_url 1'
out 'window 1000, offline 240'; out '^rest  *open'; out 'first wäve'
run 0 campaign show fleet -o json; is_json 'object 22'
run 4 campaign show nobody; err 'campaign nobody: no such campaign'; no_out
run 4 campaign show flet; err 'did you mean fleet?'; no_out
run 4 campaign pause rueld; err 'did you mean ruled?'
run 4 campaign show ../status; err 'no such'
run 4 campaign show 'a b%2f?x=1'; err 'no such'
run 2 campaign show "$(printf '%0201d' 0)"; err 'too long'
run 4 campaign show "$(printf '%0200d' 0)"
run 2 campaign targets fleet --wave "$(printf '%070d' 0)"; err 'at most 64'
run 0 campaign targets fleet; lines 2346; out 'active  *downloading'
out 'failed  *no_ack'; out '2026-11-23T07:50:11Z'; no_err
run 0 campaign targets fleet --json; is_json 'array 2345'
run 0 campaign targets fleet --state failed --cause no_ack --wave rest
lines 587
run 0 campaign targets fleet --hold offline --json; is_json 'array 294'
run 0 campaign targets draft; err 'no such targets'
run 0 campaign targets draft --json; is_json 'array 0'
run 2 campaign targets fleet --state gone; err 'state: gone: no such state'
err 'there are waiting, active, '
run 2 campaign targets fleet --hold x; err 'approval, .*rate$'
run 2 campaign targets fleet --cause x; err 'there are no_ack, '
run 2 campaign targets fleet --state gone --json; no_out
run 2 campaign targets fleet --wave 'x&state=failed'; err 'has no wave'
run 0 wave list fleet; lines 3; out '^canary  *held .* met '
out '^rest  *open'; no_err
run 0 wave list fleet -o csv; lines 3; out '^canary,held,60,41,40,1,0,3,,yes,'
run 0 wave list fleet --json; is_json 'array 2'
run 4 wave list nobody; err 'no such'
run 0 wave approve fleet canary --reason 'looks good'
out 'wave canary of campaign fleet: passed'
run 6 wave approve fleet canary; err 'has passed already'
run 0 wave approve fleet canary --force --json; is_json 'object 6'
run 4 wave approve fleet gone; err 'no such wave'
run 4 wave approve fleet canari; err 'did you mean canary?'
run 0 device list; lines 231; out 'never connected'
out 'a\\xff\\x1b\[31mred'
run 0 device list --json; is_json 'array 230'
run 0 device show A000002B000000; out '^Version  *0A03, read at 2026'
out '^fleet  *waiting  *offline'; out '192.0.2.1:4711'
run 0 device show A000002B000001; out 'Diagnosis  *never connected'
run 0 device show A000002B000000 --json; is_json 'object 27'
run 4 device show A000002BFFFFFF; err 'never heard of'
run 4 device show nonsense; err 'not an id'
run 0 device timeline A000002B000000; lines 451; out 'downloading  *200  *000A'
run 0 device timeline A000002B000000 --json; is_json 'array 450'

# --- CSV -------------------------------------------------------------------------
run 0 campaign list -o csv; lines 10; no_err
out '^name,state,target_version,targets_total,targets_waiting,'
out '^fleet,running,0A05,2345,1240,60,10,1000,30,0,0,5,,55,2,2026'
out '^ruled,.*,"rule: bad_url 2 of 2",'
run 0 campaign targets fleet -o csv --state failed
out '^id,state,phase,cause,hold,wave,'; out ',failed,,no_ack,,rest,3,'
run 0 campaign targets draft -o csv; lines 1; no_err
run 0 campaign export fleet; lines 2346; out ',active,downloading,'
run 0 campaign export fleet --json; is_json 'array 2345'
run 0 device list -o csv; lines 231
out '^A000002B000000,C2,.*,"van;north","a\\xff'
run 0 device timeline A000002B000000 -o csv; lines 451
run 2 campaign show fleet -o csv; err 'no list'
run 4 campaign targets nobody -o csv; err 'no such'; no_out
run 0 firmware list -o csv; out '^file,bytes,sha256,modified_at,used_by'
out 'a.enc,4096,00ff,,fleet'

# --- what a terminal gets, and a pipe does not -----------------------------------
esc=$(printf '\033')
run 0 campaign list
if grep -q "$esc" "$dir/out"; then bad 'escapes into a pipe'; else ok; fi
if command -v script > /dev/null 2>&1; then
	what='colours on a terminal'
	tty() { script -qec "$*" /dev/null < "$dir/keys" > "$dir/out" 2>&1; }
	: > "$dir/keys"
	tty "$ctl -s $sock campaign list"; out "$esc\[.*running"
	what='80 columns are enough for the eight counts'
	tty "stty cols 80; $ctl -s $sock --no-color campaign list"
	out '^fleet  *running  *0A05  *2345  *1240  *60  *10  *1000'
	if awk '{ sub("\r", "") } length($0) > 80 { exit 1 }' "$dir/out"; then
		ok
	else
		bad 'a line of more than 80'
	fi
	what='a narrow terminal breaks at blanks'
	tty "stty cols 60; $ctl -s $sock --no-color campaign show fleet"
	if grep -qE 'unverifie.?$' "$dir/out"; then bad 'within a word'
	else ok; fi
	what='--no-color'
	tty "$ctl -s $sock --no-color campaign list"
	if grep -q "$esc\[3" "$dir/out"; then bad colours; else ok; fi
	what='NO_COLOR'
	NO_COLOR=1 tty "$ctl -s $sock campaign list"
	if grep -q "$esc\[3" "$dir/out"; then bad colours; else ok; fi
	what='halt asks on a terminal, no'
	echo n > "$dir/keys"
	tty "$ctl -s $sock halt"; out 'not confirmed'
	if grep -q '/api/v1/halt' "$dir/log"; then bad 'it went out'; else ok; fi
	what='halt asks on a terminal, yes'
	echo y > "$dir/keys"
	tty "$ctl -s $sock halt"; out '\[y/N\]'; out 'halted'
	what='halt --yes does not ask'
	: > "$dir/keys"
	tty "$ctl -s $sock --yes halt"; out '55 in flight'
	if grep -q 'y/N' "$dir/out"; then bad 'it asked'; else ok; fi
	what='wait shows its progress'
	: > "$dir/keys"
	tty "$ctl -s $sock campaign wait stopped --timeout 1s"
	out 'stopped: paused: operator'; out 'succeeded  *0 of 0'
	what='abort asks with figures'
	echo n > "$dir/keys"
	tty "$ctl -s $sock campaign abort fleet"; out '40 of them can be stopped'
	out 'not confirmed'
fi

# --- changes -------------------------------------------------------------------
run 0 halt --reason 'smoke in the depot'; out 'halted'; out '40 can still'
if grep -q 'smoke in the depot' "$dir/log"; then ok; else bad reason; fi
run 0 status; out '^State  *halted'
run 0 resume-all; out 'go on'
run 0 halt --json; is_json 'object 5'
run 0 resume-all --json; is_json 'object 2'
run 6 drain; err 'add --yes'
run 0 --yes drain --reason upgrade; out 'draining'; out '55 in flight'
run 0 resume-all
run 6 campaign start draft --digest beef; err 'another digest'
run 0 campaign start draft; out 'campaign draft: running'
run 6 campaign start draft; err 'not a draft'
run 0 campaign pause fleet; out 'fleet: paused'
run 0 campaign resume fleet; out 'fleet: running'
run 6 campaign resume fleet; err 'not paused'
run 4 campaign pause nobody; err 'no such'
run 0 campaign abort fleet --dry-run; out 'would be aborted'; out '55 in flight'
run 0 campaign show fleet; out '^State  *running'
run 6 campaign abort fleet; err 'add --yes'; no_out
run 0 campaign show fleet; out '^State  *running'
run 0 --yes campaign abort fleet; out 'fleet: aborting'; out '40 can still'
n=$(grep -c 'fleet/abort' "$dir/log")
run 0 --yes campaign abort fleet
what='abort asks for figures only where it asks back'
if [ "$(grep -c 'fleet/abort' "$dir/log")" -eq $((n + 1)) ]; then ok
else bad 'more than one request'; fi
run 0 campaign show fleet; out '^State  *aborting'
run 4 --yes campaign abort nobody; err 'no such'
run 0 device probe A000002B000000; out 'timeline A000002B000000'
run 6 device cancel A000002B000000; err 'add --yes'
run 0 --yes device cancel A000002B000000 --json; is_json 'object 3'
run 4 --yes device cancel A000002BFFFFFF; err 'never heard'
run 0 device release A000002B000000; out 'may be commanded again'
run 0 reload; out 'reloaded'
run 6 reload --reason 'break it'; err 'trakers: unknown key'; no_out
run 0 reload --force --json; is_json 'object 2'
long=$(printf '%0201d' 0)
run 2 halt --reason "$long"; err 'at most 200'

# --- check ---------------------------------------------------------------------
mkdir -p "$dir/c/lists"
printf 'good' > "$dir/c/a.yaml"
run 0 campaign check "$dir/c/a.yaml"; out "$dir/c/a.yaml: good"
err "^warning: $dir/c/a.yaml:1:1: require"
run 0 campaign check "$dir/c/a.yaml" --json; is_json 'object 2'
printf 'bad' > "$dir/c/b.yaml"
run 1 campaign check "$dir/c/b.yaml"; err "$dir/c/b.yaml:1:1: bad"; no_out
run 1 campaign check "$dir/c/b.yaml" --json; is_json 'object 2'
printf 'list lists/one.txt' > "$dir/c/l.yaml"
run 1 campaign check "$dir/c/l.yaml"; err 'lists/one.txt: No such file'
printf 'A000002B000000\n' > "$dir/c/lists/one.txt"
run 0 campaign check "$dir/c/l.yaml"; err 'lists/one.txt: 15 bytes'
printf '\377' > "$dir/c/lists/one.txt"
run 1 campaign check "$dir/c/l.yaml"; err 'not UTF-8'
rm "$dir/c/lists/one.txt"; mkdir "$dir/c/lists/one.txt"
run 1 campaign check "$dir/c/l.yaml"; err 'not a regular file'
run 1 campaign check "$dir/c/none.yaml"; err 'none.yaml: No such file'
run 2 campaign check fleet; err 'fleet is no file, but a campaign .* is [a-z]*; check'
run 2 campaign plan 'done'; err 'is finished; plan takes a campaign file'
run 1 campaign check no/fleet; err 'no/fleet: No such file'
what='check in the directory itself'
if (cd "$dir/c" && exec "$ctl" -s "$sock" campaign check a.yaml) \
    > "$dir/out" 2> "$dir/err"; then ok; else bad 'exit code'; fi
err '^warning: a.yaml:1:1'

# --- wait ----------------------------------------------------------------------
run 0 campaign wait 'done'; out 'done: finished; 1 of 3 succeeded, 2 failed'
run 3 campaign wait ruled; out 'paused: rule: bad_url 2 of 2'
run 3 campaign wait dead; out 'aborted'
run 4 campaign wait nobody; err 'no such'
run 1 campaign wait stopped --timeout 1s; err 'not over within 1s'
run 2 campaign wait 'done' --timeout soon; err 'not a duration'
kill -STOP "$pid"
run 5 campaign wait 'done' --timeout 1s; err 'no answer within 1 s'
kill -CONT "$pid"
run 0 campaign wait 'done' --json; is_json 'object 22'
start 2
run 0 campaign wait ends; out 'ends: finished'; no_err
start 2
run 3 campaign wait breaks; out 'paused: gate: success 40%'
start 2
run 3 campaign wait aborts; out 'aborts: aborted'
start 1000000
what='wait over a restart of the daemon'
"$ctl" -s "$sock" campaign wait ends > "$dir/out" 2> "$dir/err" &
waiter=$!
await 'campaigns/ends' "$dir/log" || bad 'it does not ask'
start 0
if wait $waiter; then ok; else bad 'exit code'; fi
out 'finished'

# --- what happens --------------------------------------------------------------
run 0 events --since 2026-11-23T07:49:11.042Z; lines 6; no_err
out '^2026-11-23T07:49:11.043Z campaign=fleet device=A000002B000001 kind=report '
out 'code=200 serial=000A  event 5.x0a.x0adata: x$'
out '^2026-11-23T07:49:11.043Z uid:0 halt : <b>1$'
run 0 events --json --since 2026-11-23T07:49:11.042Z; is_json 'array 6'
out '"event":"audit"'
run 0 events -o csv --since 2026-11-23T07:49:11.042Z; lines 7
out '^event,at,campaign,device,kind,'; out '^timeline,2026-'; out '^audit,2026-'
run 0 events --campaign fleet --since 2026-11-23T07:49:11.047Z; no_out
err 'nothing happened'
run 4 events --campaign none; err 'no such'
run 2 events surplus; err 'too many arguments'
what='events --follow'
"$ctl" -s "$sock" events --follow --json > "$dir/out" 2> "$dir/err" &
follower=$!
await '"event":"campaign","name":"fleet","state":"running"' "$dir/out" || bad late
stop
start
what='events --follow over a restart'
i=0
until [ "$(grep -c '"name":"fleet"' "$dir/out")" -ge 2 ] || [ $i -gt 200 ]; do
	i=$((i + 1))
	sleep 0.05
done
if [ $i -le 200 ]; then ok; else bad 'not taken up again'; fi
kill $follower
wait $follower 2>/dev/null

# --- a reader that leaves ------------------------------------------------------
what='a closed pipe'
"$ctl" -s "$sock" campaign targets fleet --json 2> "$dir/err" | head -n 1 \
    > "$dir/out"
lines 1
no_err
if [ -w /dev/full ]; then
	what='a full disk'
	"$ctl" -s "$sock" device list > /dev/full 2> "$dir/err"
	if [ $? -eq 1 ]; then ok; else bad 'exit code'; fi
	err 'cannot write'
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
