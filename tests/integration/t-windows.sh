#!/usr/bin/env bash
# Real zones and a real clock: what may start now does, what may not waits and
# says until when, and a schedule begins and ends a campaign by itself.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
write_config
first=860000000000009
zone=Asia/Kathmandu # not whole hours from UTC

"$helper" package 4096 >"$T/firmware/0A05.enc"
mapfile -t id < <(fleet_ids 4 "${first%?}")

# at FORMAT OFFSET: a time, from now on; in UTC, or as the zone's clock shows it
now=$(date +%s)
utc() { date -u -d "@$((now + $2))" "+$1"; }
local_clock() { TZ=$zone date -d "@$((now + $1))" +%H:%M; }

# campaign NAME IDS LINE...
campaign()
{
	local name=$1 ids=$2
	shift 2
	{
		cat <<-END
		campaign: $name
		approval: none
		targets: {devices: [$ids]}
		require: {device_type: [GV620MG]}
		target_version: "0A05"
		packages: [{from: "0A03", to: "0A05", file: 0A05.enc}]
		pace: {start_rate: 10/s}
		END
		printf '%s\n' "$@"
	} >"$T/campaigns/$name.yaml"
}

hour=3600
campaign open "${id[0]}, ${id[1]}" "timezone: $zone" \
    "windows: [{from: '$(local_clock -600)', to: '$(local_clock $((5 * hour)))'}]"
campaign shut "${id[2]}" "timezone: $zone" \
    "windows: [{from: '$(local_clock $((5 * hour)))', to: '$(local_clock $((9 * hour)))'}]"
campaign later "${id[3]}" "windows: always" \
    "schedule: {start: '$(utc %FT%TZ 8)'}"
# Never seen, and over soon.
campaign over "A0000000000001" "windows: always" \
    "schedule: {end: '$(utc %FT%TZ 12)'}"

status "-t" 0 "$bin/trackupd" -t -c "$T/trackupd.yaml"
ok "the daemon starts" daemon_start --time-scale 60 || finish
if [ "$(date +%s)" -lt "$((now + 7))" ]; then
	is "later is scheduled" "$(campaign_field later state)" scheduled
	is "and holds" "$(campaign_field later holds.schedule)" 1
fi
fleet 4 --first-id "$first" --firmware 0A03 --next-firmware 0A05 \
    --speed 60 --download

ok "open runs to its end" wait_for 60 campaign_is open finished
is "both are updated" "$(campaign_field open targets.succeeded)" 2
ok "later began by itself" wait_for 60 campaign_is later finished
is "and updated its one" "$(campaign_field later targets.succeeded)" 1
started=$(campaign_field later started_at)
ok "not before its start ($started)" test \
    "$(date -d "$started" +%s)" -ge "$((now + 8))"
ok "over is over" wait_for 60 campaign_is over finished
is "its one is cancelled" "$(campaign_field over causes.expired)" 1

held() { [ "$(campaign_field shut holds.window)" = 1 ]; }
ok "shut holds its one" wait_for 60 held
is "it started nothing" "$(campaign_field shut attempts)" 0
is "the window begins" "$(campaign_field shut window.begin | cut -c1-16)" \
    "$(utc %FT%H:%M $((5 * hour)))"
is "the window ends" "$(campaign_field shut window.end | cut -c1-16)" \
    "$(utc %FT%H:%M $((9 * hour)))"
has "for people, too" <(ctl campaign show shut) "$zone"
is "until then" "$(ctl campaign targets shut --json | get 0.hold_until |
    cut -c1-16)" "$(utc %FT%H:%M $((5 * hour)))"

# Other hours, and it goes on without having to say anything.
sed -i "s/^windows: .*/windows: always/" "$T/campaigns/shut.yaml"
status "reload" 0 ctl reload
ok "shut runs to its end" wait_for 60 campaign_is shut finished
is "a revision" "$(campaign_field shut revision)" 2

# What cannot be: a zone with a slip, a window that is too short.
campaign slip "${id[0]}" "timezone: Asia/Katmandou" \
    "windows: [{from: '01:00', to: '02:00'}]"
is "a slip" "$("$bin/trackupd" -t -c "$T/trackupd.yaml" 2>&1 |
    grep -c "slip.yaml:8:11: timezone: .*did you mean \"Asia/Kat")" 1
campaign slip "${id[0]}" "timezone: $zone" \
    "windows: [{from: '01:00', to: '02:00'}]"
is "too short" "$("$bin/trackupd" -t -c "$T/trackupd.yaml" 2>&1 |
    grep -c 'slip.yaml:9:11: windows\[0\]: is open for 1h, .* 71m')" 1
status "long enough for a trial" 0 "$bin/trackupd" -t --time-scale 60 \
    -c "$T/trackupd.yaml"
rm "$T/campaigns/slip.yaml"

fleet_stop
ok "it ends well" daemon_stop
finish
