#!/usr/bin/env bash
# haproxy in front of us with PROXY protocol 1 and 2, and behind our relay with
# version 2: whose address is it?
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
haproxy=$(PATH=$PATH:/usr/sbin command -v haproxy) ||
	{ echo "haproxy is not installed"; exit 1; }
mapfile -t ports < <("$helper" ports 6)
mkdir "$T/in"

start_haproxy()
{
	"$haproxy" -q -f "$T/haproxy.cfg" >"$T/haproxy.log" 2>&1 &
	haproxy_pid=$!
}
address_of() { ctl device show "$1" --json | get address; }

# --- before us -----------------------------------------------------------------
write_config
sed -i "s|^trackers: {|trackers: {proxy_listen: [\"127.0.0.1:${ports[0]}\"], \
proxy_trust: [127.0.0.0/8], |" "$T/trackupd.yaml"
cat >"$T/haproxy.cfg" <<-END
defaults
	mode tcp
	timeout connect 5s
	timeout client 60s
	timeout server 60s
listen one
	bind 127.0.0.1:${ports[1]}
	server s 127.0.0.1:${ports[0]} send-proxy
listen two
	bind 127.0.0.1:${ports[2]}
	server s 127.0.0.1:${ports[0]} send-proxy-v2 check check-send-proxy
END
ok "the daemon starts" daemon_start || finish
ok "haproxy starts" start_haproxy
first=860000000000009
for port in "${ports[1]}" "${ports[2]}"; do
	wait_for 10 bash -c ": </dev/tcp/127.0.0.1/$port"
	tracker_port=$port
	fleet 1 --first-id "$first"
	heard() { [ "$(ctl device show "$first" --json | get online)" = true ]; }
	ok "heard through $port" wait_for 20 heard
	has "its own address" <(address_of "$first") '^127\.0\.0\.1:[0-9]+$'
	local_port=$(address_of "$first"); local_port=${local_port##*:}
	ok "not haproxy's: $local_port" \
	    "$helper" port-of "$sim_pid" "$local_port"
	ok "the fleet ends" fleet_stop
	first=860000000000017
done
is "none was refused" \
    "$(ctl status --json | get limits.proxy_refused.hits)" 0
is "health checks are no bad headers" \
    "$(ctl status --json | get limits.proxy_header_ms.hits)" 0
kill "$haproxy_pid"
ok "the daemon ends" daemon_stop

# --- behind us -----------------------------------------------------------------
write_config "relay: {upstream: \"127.0.0.1:${ports[3]}\", proxy_protocol: v2}"
cat >"$T/haproxy.cfg" <<-END
defaults
	mode tcp
	timeout connect 5s
	timeout client 60s
	timeout server 60s
listen up
	bind 127.0.0.1:${ports[3]} accept-proxy
	server s 127.0.0.1:${ports[4]} send-proxy
END
"$bin/tests/integration/platform" "${ports[4]}" "$T/in" >"$T/p.out" 2>&1 &
ok "haproxy starts" start_haproxy
ok "the daemon starts" daemon_start || finish
fleet 1 --first-id "$first"
told() { grep -aqs '^PROXY TCP4 127\.0\.0\.1 ' "$T"/in/*.in; }
ok "haproxy was told, and told the platform" wait_for 20 told
line=$(head -qn 1 "$T"/in/*.in | tr -d '\r')
port=$(echo "$line" | cut -d ' ' -f 5)
ok "it is the tracker's port: $line" "$helper" port-of "$sim_pid" "$port"
ok "the fleet ends" fleet_stop
ok "the daemon ends" daemon_stop
finish
