#!/usr/bin/env bash
# The inventory, never_file, networks and exclusions on the real programs: who
# is a target, with which password, and who is never commanded.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
write_config "devices: {inventory: $T/fleet.csv, never_file: $T/never.txt}"
n=12
first=860000000000009
fleet_ids "$n" "${first%?}" >"$T/ids"
mapfile -t id <"$T/ids"
{
	echo 'id,password,timezone,country,tags,name'
	for ((i = 0; i < n; i++)); do
		echo "${id[i]},secret1,Europe/Berlin,DE,van;n$i,\"unit, $i\""
	done
} >"$T/fleet.csv"
echo "${id[0]} # the boss's own" >"$T/never.txt"
"$helper" package 65536 >"$T/firmware/0A05.enc"
campaign()
{
	cat >"$T/campaigns/c.yaml" <<-END
	campaign: c
	approval: none
	targets: {all: true, tags: [van]$1}
	require: {device_type: [GV620MG]}
	target_version: "0A05"
	packages: [{from: "0A03", to: "0A05", file: 0A05.enc}]
	windows: always
	window_fit: false
	pace: {start_rate: 10/s}
	END
}
campaign ", exclude: [${id[1]}]"

status "-t" 0 "$bin/trackupd" -t -c "$T/trackupd.yaml"
sed 's/,secret1/,se-cret1/' "$T/fleet.csv" >"$T/bad.csv"
sed "s#fleet.csv#bad.csv#" "$T/trackupd.yaml" >"$T/bad.yaml"
status "-t of a bad inventory" 78 "$bin/trackupd" -t -c "$T/bad.yaml"
has "line and column" "$T/err" 'bad.csv:2: password: the value has a character'
ok "no password in it" test -z "$(grep se-cret1 "$T/err")"

# A broken inventory does not keep the daemon down, and it commands nobody.
mv "$T/fleet.csv" "$T/good.csv"
cp "$T/bad.csv" "$T/fleet.csv"
ok "the daemon starts" daemon_start --time-scale 60 || finish
is "degraded" "$(ctl status --json | get state)" degraded
cp "$T/good.csv" "$T/fleet.csv"
status "a reload heals it" 0 ctl reload
is "ok" "$(ctl status --json | get state)" ok
is "all are known" "$(ctl status --json | get devices.known)" "$n"
is "a list of them" "$(ctl device list --json | get '#')" "$n"
ctl device show "${id[2]}" --json >"$T/show"
is "name" "$(get name <"$T/show")" "unit, 2"
is "zone" "$(get timezone <"$T/show")" Europe/Berlin
is "tag" "$(get tags.1 <"$T/show")" n2
ok "no password is shown" test -z "$(grep secret1 "$T/show")"

# Out of the campaign by hand before anything was sent.
status "exclude" 0 ctl device exclude "${id[2]}" "${id[3]}" --reason "in repair"
status "exclude for a time" 0 ctl device exclude "${id[4]}" --for 1000d
status "a bad id" 1 ctl device exclude 12345
status "a bad time" 2 ctl device exclude "${id[4]}" --for soon
ctl device show "${id[2]}" --json >"$T/show"
is "why" "$(get excluded.reason <"$T/show")" "in repair"

fleet "$n" --first-id "$first" --firmware 0A03 --next-firmware 0A05 \
    --password secret1 --speed 60 --download
done_is() { [ "$(campaign_field c targets.succeeded)" = "$1" ]; }
ok "all that may" wait_for 60 done_is 7
is "targets" "$(campaign_field c targets.total)" 11
is "skipped" "$(campaign_field c targets.skipped)" 3
is "held" "$(campaign_field c holds.not_allowed)" 1
status "include" 0 ctl device include "${id[2]}"
ok "it is updated as well" wait_for 30 done_is 8
campaign ""
status "nobody is excluded by the file" 0 ctl reload
ctl device include "${id[3]}" >/dev/null

# Over a restart.
ok "stop" daemon_stop
ok "start" daemon_start --time-scale 60
ctl device show "${id[4]}" --json >"$T/show"
has "still excluded" "$T/show" '"until": "20'
status "include" 0 ctl device include "${id[4]}"
# A download that the restart broke, told of by late copies only, is not tried
# again before W is over: 71 minutes, at this speed seconds.
status "wait" 0 timeout 180 "$bin/trackupctl" -s "$T/ctl" campaign wait c
is "all but two" "$(campaign_field c targets.succeeded)" 10
status "export" 0 ctl campaign export c
is "rows" "$(grep -Ec '^"?[0-9A-F]+"?,"?succeeded' "$T/out")" 10
has "the header" "$T/out" '^id,state,'

# An export that broke off.
head -n 6 "$T/good.csv" >"$T/fleet.csv"
status "too few" 6 ctl reload
has "how many" "$T/err" '7 of 12 devices are gone, more than 5%'
is "the old one stays" "$(ctl status --json | get devices.known)" "$n"
status "--force" 0 ctl reload --force
ok "fleet stop" fleet_stop
ok "never commanded" test "$(grep "\"${id[0]}\"" "$T/truth" |
    get received)" = "[]" -o -n "$(grep "\"${id[0]}\".*\"received\":\[\]" \
    "$T/truth")"
ok "no password in the log" test -z "$(grep secret1 "$T/daemon.log")"
ok "the daemon stops" daemon_stop
finish
