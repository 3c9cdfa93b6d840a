#!/usr/bin/env bash
# doc/openapi.yaml against the daemon: each route of one is in the other, each
# answers, and each object has the fields that are promised, and no other.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
requires curl:curl
spec=$src/doc/openapi.yaml
port=$("$helper" ports 1)
base=http://127.0.0.1:$port
write_config "" "http: {listen: [\"127.0.0.1:$port\"]}"
first=860000000000009
n=6
"$helper" package 65536 >"$T/firmware/0A05.enc"
fleet_ids "$n" "${first%?}" >"$T/campaigns/all.txt"
bad=$(sed -n 2p "$T/campaigns/all.txt")
cat >"$T/campaigns/first.yaml" <<-END
campaign: first
targets: {file: all.txt}
target_version: "0A05"
packages: [{from: "0A03", to: "0A05", file: 0A05.enc}]
windows: [{days: [mon, tue, wed, thu, fri, sat, sun], from: "00:00", to: "23:59"}]
timezone: UTC
window_fit: false
retry: {max_attempts: 1}
stop_rules: []
waves:
  - {name: bench, count: 3, gate: {success: 30%, min_done: 1}}
  - {name: rest}
END

# Routes: METHOD path, with * for what is named in braces.
sed -n -e 's/^	GET("\([^"]*\)".*/get \1/p' \
    -e 's/^	\(OPERATE\|ABOUT\)("\([^"]*\)".*/post \2/p' \
    "$src/src/io/api_route.c" | sort >"$T/routes"
awk '/^paths:/ {on = 1} /^components:/ {on = 0}
	on && /^  \// {path = substr($1, 2); sub(/:$/, "", path)}
	on && /^    (get|post):/ {sub(/:$/, "", $1); print $1, path}' "$spec" |
	sed 's/{[A-Z]*}/*/g' | sort >"$T/paths"
ok "there are routes" test "$(wc -l <"$T/routes")" -ge 25
is "routes that the file lacks" "$(comm -23 "$T/routes" "$T/paths")" ""
is "paths that are no route" "$(comm -13 "$T/routes" "$T/paths")" ""

# required SCHEMA, refs SCHEMA: its fields; "field schema" of those that are
# objects, "field[] schema" of arrays of them, "field{} schema" of maps.
required()
{
	sed -n "/^    $1:\$/,/^    [A-Z]/s/^      required: \\[\\(.*\\)\\]/\\1/p" \
	    "$spec" | tr -d ' ' | tr ',' '\n' | sort
}
refs()
{
	sed -n "/^    $1:\$/,/^    [A-Z]/p" "$spec" | sed -n \
	    -e '/type: array/s/^        \([a-z_]*\): .*schemas\/\([A-Za-z]*\)".*/\1[] \2/p' \
	    -e '/type: object/s/^        \([a-z_]*\): .*schemas\/\([A-Za-z]*\)".*/\1{} \2/p' \
	    -e '/type: /!s/^        \([a-z_]*\): .*schemas\/\([A-Za-z]*\)".*/\1 \2/p'
}

# never_null SCHEMA: those of its fields that always have a value.
never_null()
{
	sed -n "/^    $1:\$/,/^    [A-Z]/p" "$spec" |
	    sed -n '/nullable: true/!s/^        \([a-z_0-9]*\): .*/\1/p'
}

# holds SCHEMA FILE PATH: the object there, and those in it.
holds()
{
	local field schema due got
	due=$(required "$1")
	[ -n "$due" ] || return 0 # an object that is told by words alone
	got=$(get "${3:+$3.}@" <"$2" | sort)
	is "fields of $1 ${3:-}" "$got" "$due"
	for field in $(never_null "$1"); do
		[ "$(get "${3:+$3.}$field" <"$2")" != null ] ||
		    fail "$1 ${3:-}: $field is null"
	done
	while read -r field schema; do
		case $field in
		*'[]') field=${3:+$3.}${field%'[]'}
			[ "$(get "$field.#" <"$2")" = 0 ] ||
			    holds "$schema" "$2" "$field.0" ;;
		*'{}') field=${3:+$3.}${field%'{}'}
			holds "$schema" "$2" \
			    "$field.$(get "$field.@" <"$2" | head -n 1)" ;;
		*) field=${3:+$3.}$field
			[ -z "$(get "$field.@" <"$2")" ] ||
			    holds "$schema" "$2" "$field" ;;
		esac
	done < <(refs "$1")
}

ok "the daemon starts" daemon_start --time-scale 60 || finish
fleet "$n" --first-id "$first" --firmware 0A03 --next-firmware 0A05 \
    --speed 60 --download --faults "update_fail=$bad"
status "start" 0 ctl campaign start first --reason why
status "wait" 0 timeout 120 "$bin/trackupctl" -s "$T/ctl" campaign wait first
sampled() {
	curl -s "$base/api/v1/campaigns/first/report" >"$T/a.json"
	[ "$(get 'progress.#' <"$T/a.json")" -gt 0 ]
}
ok "its progress is sampled" wait_for 20 sampled

# Each GET answers, with what it promises.
while read -r method path; do
	real=$(sed -e "s/devices\/\*/devices\/$bad/" \
	    -e 's/campaigns\/\*/campaigns\/first/' -e 's/waves\/\*/waves\/rest/' \
	    <<<"$path")
	if [ "$method" = post ]; then
		code=$(curl -s -o "$T/a.json" -w '%{http_code}' -H \
		    'Content-Type: application/json' -d '{"no_such_field":1}' \
		    "$base/api/v1/$real")
		case $code:$(get error.code <"$T/a.json") in
		400:unknown_field) pass ;;
		*) fail "POST $real: $code $(cat "$T/a.json")" ;;
		esac
		holds Error "$T/a.json" ""
		continue
	fi
	[ "$path" != events ] || continue
	curl -s "$base/api/v1/$real" >"$T/a.json"
	schema=$(path=$path awk '/^  \// {p = substr($1, 2); sub(/:$/, "", p)
		gsub(/{[A-Z]*}/, "*", p)}
		/^    (get|post):/ {m = $1}
		m == "get:" && p == ENVIRON["path"] && /schemas\// {
			sub(/.*schemas\//, ""); sub(/".*/, ""); print; exit}' \
	    "$spec")
	case $schema:$(get '@' <"$T/a.json" | tr '\n' ' ') in
	*:'items next ')
		ok "GET $real has items" test "$(get 'items.#' <"$T/a.json")" -gt 0
		holds "$schema" "$T/a.json" items.0 ;;
	*) holds "$schema" "$T/a.json" "" ;;
	esac
done <"$T/paths"

# Of a tracker that nobody has heard of hardly anything is known.
status "exclude" 0 ctl device exclude A000002B41DEE0 --reason workshop
curl -s "$base/api/v1/devices/A000002B41DEE0" >"$T/a.json"
holds Device "$T/a.json" ""

# Events: each kind is the object that it says.
timeout 3 curl -sN "$base/api/v1/events?since=2026-01-01T00:00:00Z" >"$T/events"
for pair in timeline:Event audit:Audit campaign:CampaignChange; do
	grep -A 1 "^event: ${pair%:*}\$" "$T/events" | sed -n '2s/^data: //p' \
	    >"$T/a.json"
	[ "${pair%:*}" = timeline ] || { holds "${pair#*:}" "$T/a.json" ""; continue; }
	is "a timeline row, and whose it is" "$(get '@' <"$T/a.json" | sort)" \
	    "$({ required Event; echo device; } | sort)"
done
ok "the fleet ends" fleet_stop
ok "the daemon ends" daemon_stop
finish
