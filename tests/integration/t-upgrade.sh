#!/usr/bin/env bash
# The database of the first release, taken over in the middle of a campaign by
# this version: counts stay, updates under way are followed, nothing is paused.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
write_config
"$checker" database "$top_srcdir/tests/store/release-1.sql" "$T/trackupd.db" ||
    { fail "the fixture"; finish; }

campaign()
{
	cat >"$T/campaigns/$1.yaml" <<-END
	campaign: $1
	approval: none
	targets: {devices: [$2]}
	target_version: "0A05"
	packages: [{from: "0A03", to: "0A05", url: "http://fw.example.org/0A05.enc"}]
	windows: always
	window_fit: false
	timeouts: {ack: 30s, confirm: 30s, silent: 10m}
	END
}
campaign spring '"860000000000009", "860000000000017", "860000000000025"'
campaign summer \
    '"860000000000025", "860000000000033", "860000000000041", "860000000000058"'

ok "the daemon starts" daemon_start --time-scale 60 || finish
is "the finished one" "$(campaign_field spring state)" finished
is "with its successes" "$(campaign_field spring targets.succeeded)" 2
is "and its failure" "$(campaign_field spring causes.update_failed)" 1
is "the running one goes on" "$(campaign_field summer state)" running
is "and was not changed" "$(campaign_field summer revision)" 1
is "four are under way" "$(campaign_field summer targets.active)" 4
is "one start each" "$(campaign_field summer attempts)" 4
ctl device timeline 860000000000009 --json >"$T/timeline.json"
has "the history" "$T/timeline.json" '301'
if grep -q 'kept in' "$T/daemon.log"; then
	has "as it was, it is kept" "$T/daemon.log" \
	    "kept in $T/trackupd.db.schema1\.[0-9]+"
	ok "there" test -s "$T"/trackupd.db.schema1.*
fi

# The trackers did install it while the daemon was away.
fleet 4 --first-id 860000000000025 --firmware 0A05 --speed 60
all_done() { [ "$(campaign_field summer targets.succeeded)" -eq 4 ]; }
ok "their versions settle it" wait_for 60 all_done
is "and nothing was started again" "$(campaign_field summer attempts)" 4
ok "finished" campaign_is summer finished
ok "the fleet ends" fleet_stop
ok "the daemon ends" daemon_stop
finish
