#!/usr/bin/env bash
# Who is who, on the real programs: strangers learn nothing from the answers,
# what is forged changes nothing, an id that two connections claim is held until
# somebody releases it, and a wrong password is told from a dead link.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
write_config "devices: {inventory: $T/fleet.csv}
models:
  6E:
    name: GV57MG
    password: six57
    update_type: {mcu: 7}
    start: 'AT+GTUPD={password},0,{retry},{timeout},0,{user},{secret},{url},,{type},1,,{serial}\$'"
known=860000000000009
deaf=861000000000008
sibling=862000000000007
stranger=869000000000000
printf 'id,name\n%s,ours\n%s,deaf\n%s,\n' "$known" "$deaf" \
    "$sibling" >"$T/fleet.csv"
"$helper" package 16384 >"$T/firmware/0A05.enc"
cat >"$T/campaigns/c.yaml" <<-END
campaign: c
approval: required
targets: {devices: [$known, $deaf]}
require: {device_type: [GV620MG]}
target_version: "0A05"
packages: [{from: "0A03", to: "0A05", file: 0A05.enc}]
windows: always
window_fit: false
timeouts: {probe: 30s}
END
sed "s/^campaign: c/campaign: sibling/; s/required/none/; s/GV620MG/GV57MG/;
    s/^targets: .*/targets: {devices: [$sibling]}/" "$T/campaigns/c.yaml" \
    >"$T/campaigns/sibling.yaml"

now=20260101000000
# open NAME, talk NAME FRAME..., shut NAME: connections, by name.
declare -A line
open()
{
	local fd
	exec {fd}<>"/dev/tcp/127.0.0.1/$tracker_port"
	line[$1]=$fd
}
shut()
{
	local fd=${line[$1]}
	exec {fd}>&-
}
# talk NAME FRAME: says it; what comes back, up to a $, in $answer.
talk()
{
	answer=
	printf %s "$2" >&"${line[$1]}"
	IFS= read -r -d '$' -t 10 answer <&"${line[$1]}"
}
# hear NAME START: until something that begins so; it is in $answer.
hear()
{
	for _ in 1 2 3 4 5 6; do
		IFS= read -r -d '$' -t 10 answer <&"${line[$1]}" || return 1
		[ "${answer#"$2"}" = "$answer" ] || return 0
	done
	return 1
}
report() { talk "$1" "+RESP:GTFRI,C20100,$2,,0,0,$now,$3\$"; }
show() { ctl device show "$1" --json | get "$2"; }

ok "the daemon starts" daemon_start --time-scale 60 || finish

# --- answers are alike --------------------------------------------------------
# told ID: of one connection that says all sorts of things.
told()
{
	local head=C20100,$1,
	open any
	for frame in "+ACK:GTHBD,$head,$now,0001\$" \
	    "+RESP:GTHBD,$head,$now,0002\$" \
	    "+RESP:GTFRI,$head,0,0,$now,0003\$" \
	    "+RESP:GTFRI,$head,0,0,$now,0003\$" \
	    "+BUFF:GTFRI,$head,0,0,$now,0003\$" \
	    "+RESP:GTPNA,$head,$now,0004\$" \
	    "+RESP:GTUPD,$head,301,,$now,0005\$" \
	    "+BUFF:GTUPD,$head,301,,$now,0005\$" \
	    "+RESP:GTUPD,$head,302,,$now,0006\$" \
	    "+RESP:GTUPD,$head,999,,$now,0007\$" \
	    "+RESP:GTUPD,$head,000,,$now,0008\$" \
	    "+RESP:GTUPD,$head,202,4,$now,0009\$" \
	    "+RESP:GTVER,${head}GV620MG,0A05,0102,$now,000A\$"; do
		talk any "$frame"
		printf '%s\n' "$answer"
	done
	shut any
}
told "$known" >"$T/known"
told "$stranger" >"$T/stranger"
is "each is answered" "$(grep -c '^+SACK:' "$T/known")" 13
ok "known or not, the answers are the same" \
    cmp "$T/known" "$T/stranger"

# --- what was forged there changed nothing -----------------------------------
is "no version by it" "$(show "$known" versions.mcu)" null
is "still a draft" "$(campaign_field c state)" draft
is "no attempt" "$(campaign_field c attempts)" 0
is "nothing done" "$(campaign_field c targets.waiting)" 2
is "the stranger is observed" "$(show "$stranger" observed)" true

# --- another model: its password, its template, its number of the update ------
head=6E0202,$sibling,
open other
talk other "+RESP:GTFRI,$head,0,0,$now,0001\$"
ok "its password" hear other AT+GTRTO=six57,8,
talk other "+ACK:GTRTO,$head,VER,${answer##*,},$now,0002\$"
talk other "+RESP:GTVER,$head,GV57MG,0A03,0102,$now,0003\$"
ok "its start" hear other AT+GTUPD=six57,0,1,15,0,,,http://
is "by its template" "$(echo "$answer" | cut -d, -f 9-12)" ,7,1,
is "its model" "$(show "$sibling" model_name)" GV57MG
shut other

# --- two connections, one id -------------------------------------------------
open old
report old "$known" 0010
open new
report new "$known" 0011
for i in 1 2 3; do
	report old "$known" "002$i"
	is "the older one is answered" "$answer" "+SACK:002$i"
	[ "$i" = 3 ] || report new "$known" "003$i"
done
ok "quarantined" test "$(show "$known" quarantined_at)" != null
ctl device show "$known" >"$T/out"
has "and it says why" "$T/out" 'two connections speak in its name'
ctl status --json >"$T/status"
is "an alarm" "$(get state <"$T/status")" degraded
is "of one" "$(get limits.quarantined.now <"$T/status")" 1
has "in words" "$T/status" 'quarantined: 1 device'
has "in the log" "$T/daemon.log" "^<3>.*device_quarantined device=$known"
status "no reads" 6 ctl device probe "$known"
has "because" "$T/err" 'in quarantine'
status "the campaign starts" 0 ctl campaign start c
held() { [ "$(campaign_field c holds.quarantined)" = 1 ]; }
ok "and holds it" wait_for 10 held
report new "$known" 0040
is "its reports are answered" "$answer" "+SACK:0040"

ok "stop" daemon_stop
ok "start" daemon_start --time-scale 60
open newest
report newest "$known" 0050
ok "over a restart" held
ok "not released by itself" test "$(show "$known" quarantined_at)" != null
status "release" 0 ctl device release "$known"
ok "it may be commanded again" hear newest AT+GTRTO=gv620mg,8,
read_serial=${answer##*,}
talk newest "+ACK:GTRTO,C20100,$known,,VER,$read_serial,$now,0060\$"
talk newest "+RESP:GTVER,C20100,$known,,GV620MG,0A03,0102,$now,0061\$"
ok "its update begins" hear newest AT+GTUPD=gv620mg,0,
start_serial=${answer##*,}
is "no alarm" "$(ctl status --json | get limits.quarantined.now)" 0
status "a second time" 6 ctl device release "$known"
has "there is none" "$T/err" 'not in quarantine'
is "by whom" "$(ctl device timeline "$known" --json |
    grep -c '"released from quarantine"')" 1

# --- one connection, two ids, in the middle of an update ---------------------
talk newest "+ACK:GTUPD,C20100,$known,,$start_serial,$now,0062\$"
acked() { ctl campaign targets c --json | grep -q '"phase": *"acked"'; }
ok "it is acknowledged" wait_for 10 acked
report newest "$deaf" 0063
is "both are held" \
    "$(ctl status --json | get limits.quarantined.now)" 2
ctl device show "$known" >"$T/out"
has "and it says why" "$T/out" 'spoke as this and as another device'
ok "what runs is not given up" \
    test "$(campaign_field c targets.active)" -ge 1
status "release" 0 ctl device release "$known"
status "release of the other" 0 ctl device release "$deaf"
shut newest

# --- a tracker that hears nothing of us --------------------------------------
"$bin/tracksim" --connect "127.0.0.1:$tracker_port" --devices 1 \
    --first-id "$deaf" --firmware 0A03 --password other --speed 60 \
    --heartbeat 90s --truth "$T/truth" >"$T/sim.log" 2>&1 &
sim_pid=$!
wrong() { ctl device show "$deaf" --json | grep -q 'AT password seems wrong'; }
ok "its password seems wrong" wait_for 30 wrong
ctl campaign targets c --json >"$T/targets"
has "in the campaign as well" "$T/targets" 'AT password seems wrong'
due() { show "$deaf" next_contact | grep -q '^20'; }
ok "when it is expected" wait_for 20 due
ok "the fleet ends" fleet_stop
offline() { [ "$(campaign_field c holds.offline)" -ge 1 ]; }
ok "it is away" wait_for 20 offline
is "and waits, no failure" "$(campaign_field c targets.failed)" 0
has "the truth: it obeyed nothing" "$T/truth" '"wrong_password":[1-9]'

# --- who is answered what, by the configuration -------------------------------
sed -i 's/^trackers: {/&sack: heartbeat, /; s/^devices: {/&unknown: refuse, /' \
    "$T/trackupd.yaml"
status "reload" 0 ctl reload
open quiet
printf %s "+RESP:GTFRI,C20100,$known,,0,0,$now,0070\$" >&"${line[quiet]}"
printf %s "+ACK:GTHBD,C20100,$known,,$now,0071\$" >&"${line[quiet]}"
ok "answered" hear quiet +SACK:
is "a heartbeat is answered, a report is not" "$answer" \
    "+SACK:GTHBD,C20100,0071"
open refused
report refused 869000000000018 0072
is "no word to a stranger" "$answer" ""
unknown() { ctl device show 869000000000018; }
status "who is not kept" 4 unknown
sed -i 's/sack: heartbeat, //; s/unknown: refuse/unknown: register/' \
    "$T/trackupd.yaml"
status "reload" 0 ctl reload
open new
report new 869000000000018 0073
is "answered" "$answer" "+SACK:0073"
is "and registered" "$(show 869000000000018 registered)" true
ok "the daemon stops" daemon_stop
finish
