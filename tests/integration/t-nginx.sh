#!/usr/bin/env bash
# Packages that nginx serves: the root of ours, with files.listen empty; a url
# of another place; and nginx as a proxy before our file server.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
nginx=$(PATH=$PATH:/usr/sbin command -v nginx) ||
	{ echo "nginx is not installed"; exit 1; }
web=$("$helper" ports 1)
write_config
echo "limits: {start_rate: 50/s}" >>"$T/trackupd.yaml"
mkdir "$T/elsewhere"
"$helper" package 65536 >"$T/firmware/0A05.enc"
"$helper" package 40000 >"$T/elsewhere/gv.enc"
# Its workers may be another user's.
chmod 755 "$T" "$T/firmware" "$T/elsewhere"
cat >"$T/nginx.conf" <<-END
daemon off;
master_process off;
pid $T/nginx.pid;
error_log stderr crit;
events { worker_connections 200; }
http {
	log_format served '\$status \$body_bytes_sent \$uri';
	access_log $T/access served;
	client_body_temp_path $T/n1; proxy_temp_path $T/n2;
	fastcgi_temp_path $T/n3; uwsgi_temp_path $T/n4; scgi_temp_path $T/n5;
	server {
		listen 127.0.0.1:$web;
		location / { root $T/firmware; }
		location /elsewhere/ { root $T; }
		location /ours/ { proxy_pass http://127.0.0.1:$files_port/; }
	}
}
END
"$nginx" -e stderr -p "$T" -c "$T/nginx.conf" >"$T/nginx.log" 2>&1 &
ok "nginx answers" wait_for 10 bash -c ": </dev/tcp/127.0.0.1/$web" || finish

# campaign NAME FIRST14 PACKAGE
n=6
campaign()
{
	fleet_ids "$n" "$2" >"$T/campaigns/$1.txt"
	cat >"$T/campaigns/$1.yaml" <<-END
	campaign: $1
	approval: none
	targets: {file: $1.txt}
	target_version: "0A05"
	packages: [{from: "0A03", to: "0A05", $3}]
	windows: always
	window_fit: false
	pace: {start_rate: 50/s, jitter: 0%}
	END
}
# succeeded NAME: waits; each has flashed.
succeeded()
{
	status "$1 ends" 0 timeout 60 "$bin/trackupctl" -s "$T/ctl" \
	    campaign wait "$1"
	is "$1: all succeeded" "$(campaign_field "$1" targets.succeeded)" "$n"
}
# served STATUS-BYTES-URI: how often.
served() { grep -cE "^$1\$" "$T/access"; }

campaign root 86000000000000 "file: 0A05.enc"
campaign other 86000000000006 \
    "url: \"http://127.0.0.1:$web/elsewhere/gv.enc\", bytes: 40000"
sed -i "s|listen: \[\"127.0.0.1:$files_port\"\]|listen: []|
    s|public_url: .*|public_url: \"http://127.0.0.1:$web\"|" \
    "$T/trackupd.yaml"
status "-t" 0 "$bin/trackupd" -t -c "$T/trackupd.yaml"
ok "the daemon starts" daemon_start --time-scale 60 || finish
has "nobody listens for downloads" <(! grep 'for=files' "$T/daemon.log" &&
    echo none) none
fleet $((2 * n)) --first-id 860000000000009 --speed 60 --download
succeeded root
succeeded other
is "the root's package" "$(served '200 65536 /0A05.enc')" "$n"
is "the other's" "$(served '200 40000 /elsewhere/gv.enc')" "$n"
is "nothing else was asked for" "$(wc -l <"$T/access")" $((2 * n))
ok "the fleet ends" fleet_stop
ok "the daemon ends" daemon_stop

# Before our own: the token passes, and so does what it tells.
rm "$T"/campaigns/*
campaign proxied 86000000000020 "file: 0A05.enc"
sed -i "s|listen: \[\]|listen: [\"127.0.0.1:$files_port\"]|
    s|public_url: .*|public_url: \"http://127.0.0.1:$web/ours\"|" \
    "$T/trackupd.yaml"
sed -i 's|^http: .*|http: {listen: []}|' "$T/trackupd.yaml"
ok "the daemon starts" daemon_start --time-scale 60 || finish
first=$(head -n 1 "$T/campaigns/proxied.txt")
fleet "$n" --first-id "$first" --speed 60 --download
succeeded proxied
is "with their tokens" \
    "$(served '200 65536 /ours/_[a-z2-7]{16}/0A05.enc')" "$n"
ctl device timeline "$first" --json >"$T/timeline"
has "what our server saw" "$T/timeline" \
    'download ended: all of it was sent; 65536 of 65536 bytes'
ok "the fleet ends" fleet_stop
ok "the daemon ends" daemon_stop
finish
