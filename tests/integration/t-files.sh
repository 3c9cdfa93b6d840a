#!/usr/bin/env bash
# Campaign files that move, change their name or meet their double; and what
# people write does not write into the log.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
# shellcheck source=tests/integration/faultlib.sh
. "$top_srcdir/tests/integration/faultlib.sh"
write_config
"$helper" package 4096 >"$T/firmware/0A05.enc"

# campaign_file FILE NAME
campaign_file()
{
	cat >"$T/campaigns/$1" <<-END
	campaign: $2
	approval: none
	targets: {devices: ["86000000000000"]}
	target_version: "0A05"
	packages: [{from: "0A03", to: "0A05", file: 0A05.enc}]
	windows: always
	END
}
state() { campaign_field "$1" state; }

campaign_file m.yaml one
ok "the daemon starts" daemon_start || finish
is "it runs" "$(state one)" running

mv "$T/campaigns/m.yaml" "$T/campaigns/a.yaml"
status "reload after a renaming" 0 ctl reload
is "a file under another name is not gone" "$(state one)" running
mv "$T/campaigns/a.yaml" "$T/campaigns/z.yaml"
status "and again" 0 ctl reload
is "nor is it now" "$(state one)" running

campaign_file zz.yaml one
status "a name that is given twice" 6 ctl reload
has "both files are named" <(cat "$T/out" "$T/err") 'zz\.yaml:1:1: campaign: one.*z\.yaml'
is "the first goes on" "$(state one)" running
status "so says -t" 78 "$bin/trackupd" -t -c "$T/trackupd.yaml"
has "with both files" "$T/err" 'zz\.yaml.*one.*z\.yaml'
rm "$T/campaigns/zz.yaml"
status "reload without it" 0 ctl reload
is "its end is not that of the first" "$(state one)" running

campaign_file z.yaml two
status "another campaign in the same file" 0 ctl reload
is "the one before is gone" "$(state one)" paused
is "file_gone" "$(campaign_field one reason)" file_gone
is "the other runs" "$(state two)" running

mkfifo "$T/campaigns/pipe.yaml"
status "a pipe is no campaign file" 6 timeout 10 "$bin/trackupctl" \
    -s "$T/ctl" --yes reload
rm "$T/campaigns/pipe.yaml"
printf '# other bytes\n' >>"$T/firmware/0A05.enc"
status "a package that changed" 6 ctl reload
is "pauses" "$(campaign_field two reason)" "package_changed: 0A05.enc"

status "a name of two lines" 4 ctl campaign pause $'no\n<0>forged\e[2J'
is "nothing is forged" "$(grep -c '^<0>' "$T/daemon.log")" 0
is "and nothing cleared" "$(grep -c $'\e\\[2J' "$T/daemon.log")" 0
ok "the daemon stops" daemon_stop

# A stop is a stop, on a full disk too.
if [ "$sanitized" = no ]; then
	ok "the daemon starts" with_shim || finish
	fault "$WRITE_ERRNO" 28
	status "a halt on a full disk" 0 ctl halt
	kill -TERM "$daemon_pid"
	ok "it ends within 5 s" daemon_ends 5
fi
finish
