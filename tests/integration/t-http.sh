#!/usr/bin/env bash
# The API over TCP as an operator sets it up: tokens made, given, taken away;
# who may do what, and who it was.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
requires curl:curl
port=$("$helper" ports 1)
base=http://127.0.0.1:$port
write_config "" "http: {listen: [\"127.0.0.1:$port\"], token_file: $T/tokens}"

# token NAME ROLE: its line into the file, itself in $token.
token()
{
	"$bin/trackupctl" token new "$1" "$2" >"$T/out" 2>/dev/null
	sed -n 1p "$T/out" >>"$T/tokens"
	token=$(sed -n 2p "$T/out")
}
# http CODE PATH [ARGUMENT...]: what it answers with; the body in $T/body.
http()
{
	local want=$1 path=$2
	shift 2
	is "$path $*" "$(curl -s -o "$T/body" -w '%{http_code}' "$@" \
	    "$base$path" | cut -c 1-3)" "$want"
}
as() { printf 'Authorization: Bearer %s' "$1"; }
json='Content-Type: application/json'

echo "# tokens" >"$T/tokens"
token screen read
screen=$token
token night.shift operate
night=$token
ok "the file holds no token" test -z "$(grep -F -e "$screen" -e "$night" "$T/tokens")"
ok "the daemon starts" daemon_start || finish

http 200 /livez
http 200 /readyz
http 401 /api/v1/status
http 401 /metrics
http 401 /api/v1/events
http 401 /api/v1/status -H "$(as "${screen%?}")"
http 200 / -H 'Accept: text/html'
has "the page" "$T/body" '<script src="/app.js" defer></script>'
http 200 /api/v1/status -H "$(as "$screen")"
http 200 /metrics -H "$(as "$screen")"
http 403 /api/v1/halt -H "$(as "$screen")" -H "$json" -d '{}'
is "why" "$(get error.code <"$T/body")" role
http 415 /api/v1/halt -H "$(as "$night")" -d '{}'
http 403 /api/v1/halt -H "$(as "$night")" -H "$json" -d '{}' \
    -H 'Origin: http://elsewhere.example'
is "nothing was halted" "$(ctl status --json | get state)" ok
http 200 /api/v1/halt -H "$(as "$night")" -H "$json" -d '{"reason":"by token"}'
is "halted" "$(ctl status --json | get state)" halted
http 200 /api/v1/audit -H "$(as "$screen")"
is "who" "$(get items.0.who <"$T/body")" night.shift
is "what" "$(get items.0.action <"$T/body")" halt
is "why" "$(get items.0.reason <"$T/body")" "by token"
has "and in the log" "$T/daemon.log" 'who=night\.shift action=halt'
ok "no token in the log" test -z "$(grep -F -e "$night" -e "$screen" "$T/daemon.log")"

# An event reaches who listens with a token.
curl -sN -H "$(as "$screen")" "$base/api/v1/events" >"$T/events" 2>/dev/null &
listener=$!
heard() { grep -q "$1" "$T/events"; }
ok "live" wait_for 10 heard '^event: live$'
status "resume-all" 0 ctl resume-all --reason "heard?"
ok "told" wait_for 10 heard '"action":"resume_all".*"reason":"heard?"\|"reason":"heard?"'
kill "$listener" 2>/dev/null

# A reload takes tokens over, or leaves all as it was.
sed -i '/^night/d' "$T/tokens"
token day.shift operate
status "reload" 0 ctl reload
http 401 /api/v1/status -H "$(as "$night")"
http 200 /api/v1/status -H "$(as "$token")"
echo "broken" >>"$T/tokens"
status "a broken file" 6 ctl reload
has "is told with its line" "$T/err" 'tokens:4: '
http 200 /api/v1/status -H "$(as "$token")"
status "-t says it too" 78 "$bin/trackupd" -t -c "$T/trackupd.yaml"

# Other machines are not let in without tokens.
sed "s|, token_file: $T/tokens||; s|http: {listen: \\[\"127.0.0.1|http: {listen: [\"0.0.0.0|" \
    "$T/trackupd.yaml" >"$T/open.yaml"
status "an open door" 78 "$bin/trackupd" -t -c "$T/open.yaml"
has "is refused by name" "$T/err" 'http\.listen.*token_file'
ok "the daemon ends" daemon_stop
finish
