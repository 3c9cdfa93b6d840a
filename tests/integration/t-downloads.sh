#!/usr/bin/env bash
# The file server and its fleet: a small rate that no tracker times out at, what
# is seen of each download, a crash in the middle that nobody is charged for,
# tokens that are over.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
write_config
n=6
"$helper" package 262144 >"$T/firmware/0A05.enc"
fleet_ids "$n" >"$T/campaigns/all.txt"
cat >"$T/campaigns/slow.yaml" <<-END
campaign: slow
approval: none
targets: {file: all.txt}
target_version: "0A05"
packages: [{from: "0A03", to: "0A05", file: 0A05.enc}]
windows: always
window_fit: false
pace: {start_rate: 10/s, jitter: 0%}
timeouts: {ack: 10m, confirm: 10m, start_download: 10m, silent: 60m}
END
# 15 minutes are 15 s here, three quarters of it are counted on: 23 kB/s each.
sed -i "s/^files:/&\n  rate: 20000/" "$T/trackupd.yaml"
status "-t" 0 "$bin/trackupd" -t -c "$T/trackupd.yaml"
"$bin/trackupd" -t --time-scale 60 -c "$T/trackupd.yaml" 2>"$T/warn" || true
has "a rate that is too small is told" "$T/warn" 'files.rate is 20000'
sed -i "s/rate: 20000/rate: 70000/" "$T/trackupd.yaml"
ok "the daemon starts" daemon_start --time-scale 60 || finish
fleet "$n" --firmware 0A03 --next-firmware 0A05 --speed 60 --download

held() { [ "$(campaign_field slow holds.file_server)" -ge 1 ]; }
ok "some wait for the file server" wait_for 20 held
now=$(ctl status --json | get limits.downloads.now)
ok "three at a time ($now)" test "$now" -le 3
is "the rate is in status" \
    "$(ctl status --json | get limits.file_rate.limit)" 70000

# A crash while bytes flow; the same tokens stand for the same attempts.
flowing() { [ "$(ctl status --json | get limits.file_connections.now)" -ge 1 ]; }
ok "bytes flow" wait_for 20 flowing
daemon_kill
ok "the daemon starts again" daemon_start --time-scale 60 || finish
status "wait" 0 timeout 150 "$bin/trackupctl" -s "$T/ctl" campaign wait slow
ctl campaign show slow --json >"$T/show.json"
is "all succeeded" "$(get targets.succeeded <"$T/show.json")" "$n"
is "nobody failed" "$(get targets.failed <"$T/show.json")" 0
: >"$T/timelines"
while read -r id; do
	ctl device timeline "$id" --json >"$T/one.json"
	cat "$T/one.json" >>"$T/timelines"
	has "$id: what was seen of its download" "$T/one.json" \
	    'download ended: all of it was sent; 262144 of 262144 bytes'
done <"$T/campaigns/all.txt"
has "a download that we cut is told" "$T/timelines" \
    'our fault: the daemon was restarted'
lacks() { ! grep -q "$1" "$2"; }
ok "no tracker took too long" lacks 'took too long' "$T/timelines"

# The token of an attempt that is over.
url=$(grep -o "http://127.0.0.1:$files_port/[^,\"]*" "$T/one.json" | tail -n 1)
path=${url#http://*/}
ok "the URL has a token" grep -Eq '^_[a-z2-7]{16}/0A05\.enc$' <<<"$path"
answer()
{
	exec 7<>"/dev/tcp/127.0.0.1/$files_port"
	printf 'GET /%s HTTP/1.0\r\n\r\n' "$1" >&7
	head -n 1 <&7 | tr -d '\r'
	exec 7>&-
}
has "it is gone" <(answer "$path") ' 410 '
has "without one it is served" <(answer 0A05.enc) ' 200 '

# What is there, and for whom.
mkdir -p "$T/firmware/old"
echo x >"$T/firmware/old/0A01.enc"
ln -s /etc/passwd "$T/firmware/link.enc"
ctl firmware list --json >"$T/firmware.json"
is "two files" "$(get '#' <"$T/firmware.json")" 2
is "the package" "$(get 0.file <"$T/firmware.json")" 0A05.enc
is "its size" "$(get 0.bytes <"$T/firmware.json")" 262144
is "its hash" "$(get 0.sha256 <"$T/firmware.json")" \
    "$(sha256sum <"$T/firmware/0A05.enc" | cut -c 1-64)"
is "its campaign" "$(get 0.used_by.0.campaign <"$T/firmware.json")" slow
is "the other" "$(get 1.file <"$T/firmware.json")" old/0A01.enc
is "is nobody's" "$(get '1.used_by.#' <"$T/firmware.json")" 0
has "as a table" <(ctl firmware list) '0A05.enc .*slow 0A03 -> 0A05'
echo y >"$T/firmware/old/0A01.enc"
is "a file that changed is read again" \
    "$(ctl firmware list --json | get 1.sha256)" \
    "$(sha256sum <"$T/firmware/old/0A01.enc" | cut -c 1-64)"
ok "the fleet ends" fleet_stop
ok "the daemon ends" daemon_stop
finish
